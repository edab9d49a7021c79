"""`python -m benchmarks`: ratio tables against whichever peers are installed, medians of one run, 2 threads for all."""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from . import memory, op_cases, ops, overhead, regression, report

MODULES = {"tinygrad, jit": "tinygrad", "jax.jit": "jax", "torch": "torch", "autograd": "autograd", "mygrad": "mygrad"}
IMPORTS = ["numpy", "tinygrad_reg", "autograd", "mygrad", "tinygrad", "jax", "torch"]
BENCHMARKS = ("overhead", "step", "memory", "import", "ops")
PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"
IMPORT = """import json, sys, time
start = time.perf_counter()
import numpy
beyond = time.perf_counter()
__import__(sys.argv[1])
end = time.perf_counter()
print(json.dumps({"import": end - start, "beyond": end - beyond}))
"""
SETTINGS = {
    **{f"{library}_NUM_THREADS": "2" for library in ("OMP", "OPENBLAS", "MKL")},
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=true intra_op_parallelism_threads=2",
    "CPU": "1",  # tinygrad's device
    "PYTHONDONTWRITEBYTECODE": "",  # imports are timed with cached bytecode, as installed packages have it
}


def jobs() -> Iterator[tuple[str, ...]]:
    """All measurements whose peer is installed: (benchmark, peer, further arguments)."""
    for peer in overhead.PEERS:
        if _installed(peer):
            yield "overhead", peer
    for n in ("100", "1000"):
        for dtype in ("float32", "float64"):
            for peer in regression.PEERS:
                if _installed(peer):
                    yield "step", peer, n, dtype
    if Path("/proc/self/clear_refs").exists():
        for model in memory.MODELS:
            for peer in memory.PEERS:
                if _installed(peer):
                    yield "memory", peer, model
    for module in IMPORTS:
        if importlib.util.find_spec(module):
            yield "import", module
    for size in op_cases.SIZES:
        for peer in ops.PEERS:
            if _installed(peer):
                yield "ops", peer, str(size)


def _installed(peer: str) -> bool:
    module = MODULES.get(peer)
    return module is None or importlib.util.find_spec(module) is not None


def run(job: tuple[str, ...]) -> dict[str, float]:
    """Measure in a fresh process; empty if the peer fails, with its message on stderr."""
    environment = {**os.environ, **SETTINGS}
    command = ["-c", IMPORT, job[1]] if job[0] == "import" else ["-m", "benchmarks.worker", *job]
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        print(f"  {' '.join(job)}: failed\n{done.stderr[-500:]}", file=sys.stderr)
        return {}
    return json.loads(done.stdout.splitlines()[-1])  # type: ignore[no-any-return]


def collect(rounds: int, only: str | None = None) -> dict[str, dict[str, float]]:
    """Medians over rounds; a round measures every job once, so that slow and fast moments of the machine meet all peers.

    `only` names one benchmark.
    """
    chosen = [job for job in jobs() if only in (None, job[0])]
    samples: dict[str, dict[str, list[float]]] = {}
    for number in range(rounds):
        for job in chosen:
            print(f"round {number + 1}/{rounds}: {' '.join(job)}", file=sys.stderr)
            for figure, seconds in run(job).items():
                samples.setdefault(" | ".join(job), {}).setdefault(figure, []).append(seconds)
    return {job: {figure: statistics.median(values) for figure, values in found.items()} for job, found in samples.items()}


def main(argv: list[str] | None = None) -> int:
    """Measure, print the tables and write them."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="measurements of each figure, of which the median counts")
    parser.add_argument("--json", type=Path, help="write all figures with versions and machine to this file")
    parser.add_argument("--only", choices=BENCHMARKS, help="measure this part alone, and write no page unless --markdown names one")
    parser.add_argument("--markdown", type=Path, help="write the tables to this file (default: docs/benchmarks.md)")
    options = parser.parse_args(argv)
    result: dict[str, Any] = {"machine": report.machine(), "versions": report.versions(), "seconds": collect(options.rounds, options.only)}
    text = report.markdown(result)
    print(text)
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n")
    page = options.markdown or (None if options.only else PAGE)
    if page:
        page.write_text(text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
