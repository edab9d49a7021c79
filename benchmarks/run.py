"""Runs the measurements: every peer in a process of its own, peers in turn in each round."""

from __future__ import annotations

import importlib.util
import itertools
import json
import statistics
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any, NamedTuple

from . import calls, compiling, lending, machine, memory, models, op_cases, ops, overhead, regression
from .peers import environment, missing

Job = tuple[str, ...]  # (benchmark, peer, further arguments)
Figures = dict[str, dict[str, float]]
IMPORTS = ("numpy", "tinygrad_reg", "autograd", "mygrad", "tinygrad", "jax", "torch")
BENCHMARKS = ("machine", "overhead", "step", "model", "lending", "compiling", "memory", "footprint", "import", "ops", "calls")
STAYING = ("step", "model")  # take long to build: their processes wait for the next round
ONCE = ("machine", "footprint", "compiling", "lending")  # do not vary, are limits, take long, or repeat themselves: one round
LIMIT = 240.0  # seconds for an answer
IMPORT = """import json, sys, time
start = time.perf_counter()
import numpy
beyond = time.perf_counter()
__import__(sys.argv[1])
end = time.perf_counter()
print(json.dumps({"import": end - start, "beyond": end - beyond}))
"""


class Results(NamedTuple):
    """Medians by job and figure, and why a job has none."""

    seconds: Figures
    reasons: dict[str, str]


class Failed(Exception):
    """A peer cannot do it; the message says why."""


class Worker:
    """A process that measures one job at each call."""

    def __init__(self, job: Job) -> None:
        command = ["-c", IMPORT, job[1]] if job[0] == "import" else ["-m", "benchmarks.worker", *job]
        settings = environment(job[1])
        if job[0] == "machine":
            settings.update({f"{library}_NUM_THREADS": job[2] for library in ("OMP", "OPENBLAS")})
        self.process = subprocess.Popen(
            [sys.executable, *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=settings
        )
        # What the process has to say meanwhile must not fill the pipe.
        self.messages: list[str] = []
        self.reader = threading.Thread(target=self._read, args=(self.process.stderr,), daemon=True)
        self.reader.start()

    def _read(self, stream: IO[str]) -> None:
        self.messages.extend(stream)

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        assert self.process.stdin is not None
        with suppress(BrokenPipeError), self.process:
            with suppress(BrokenPipeError, subprocess.TimeoutExpired):
                self.process.stdin.close()  # it ends by itself, and ends what it has started
                self.process.wait(10)
            self.process.kill()
            self.reader.join(1)

    def measure(self) -> dict[str, float]:
        """The figures."""
        stdin, stdout = self.process.stdin, self.process.stdout
        assert stdin is not None
        assert stdout is not None
        timer = threading.Timer(LIMIT, self.process.kill)
        timer.start()
        with suppress(BrokenPipeError):  # a process that failed has said why
            stdin.write("\n")
            stdin.flush()
        line = next((line for line in stdout if line.startswith("{")), None)
        late = not timer.is_alive()
        timer.cancel()
        found: dict[str, Any] = {"failed": self._end(late)} if line is None else json.loads(line)
        if "failed" in found:
            raise Failed(found["failed"])
        return found

    def _end(self, late: bool) -> str:
        if late:
            return f"gave no answer within {LIMIT:.0f} s"
        code = self.process.wait()
        self.reader.join(1)
        return f"ended with code {code}: {''.join(self.messages[-1:]).strip()}"


def jobs(only: str | None = None) -> Iterator[list[Job]]:
    """Groups of measurements that are made in turn; `only` names one benchmark."""
    found: dict[str, list[list[Job]]] = {
        "machine": [[("machine", "NumPy", threads) for threads in machine.THREADS]],
        "overhead": [[("overhead", peer) for peer in overhead.PEERS]],
        "step": [
            [("step", peer, n, dtype) for peer in regression.PEERS] for n in ("100", "1000") for dtype in ("float32", "float64")
        ],
        "model": [[("model", peer, name) for peer in models.peers(problem)] for name, problem in models.PROBLEMS.items()],
        "lending": [[("lending", "tinygrad_reg", title)] for title in lending.STEPS],
        "compiling": [[("compiling", peer, dtype) for peer in compiling.PEERS] for dtype in compiling.DTYPES],
        "memory": [[("memory", peer, model) for peer in memory.PEERS] for model in memory.MODELS],
        "footprint": [[("footprint", peer, name) for peer in memory.COMPILERS] for name in memory.COMPILED_STEPS],
        "import": [[("import", module) for module in IMPORTS if importlib.util.find_spec(module)]],
        "ops": [[("ops", peer, str(size)) for peer in ops.PEERS] for size in op_cases.SIZES],
        "calls": [[("calls", peer) for peer in calls.PEERS]],
    }  # fmt: skip
    for name in BENCHMARKS:
        if only in (None, name) and (name not in ("memory", "footprint") or Path("/proc/self/clear_refs").exists()):
            yield from found[name]


def collect(rounds: int, only: str | None = None) -> Results:
    """Medians over rounds; a round measures every job of a group once, so that slow and fast moments of the machine meet all its peers."""
    samples: dict[str, dict[str, list[float]]] = {}
    reasons: dict[str, str] = {}
    for group in jobs(only):
        reasons.update({_key(job): why for job in group if (why := missing(job[1]))})
        count = 1 if group[0][0] in ONCE else rounds
        with ExitStack() as stack:
            staying: dict[Job, Worker] = {}
            for number, job in itertools.product(range(count), group):
                if _key(job) in reasons:
                    continue
                print(f"round {number + 1}/{count}: {' '.join(job)}", file=sys.stderr, flush=True)
                try:
                    found = _measure(job, staying, stack)
                except Failed as failure:
                    reasons[_key(job)] = str(failure)
                    print(f"  failed: {failure}", file=sys.stderr, flush=True)
                    continue
                for figure, value in found.items():
                    samples.setdefault(_key(job), {}).setdefault(figure, []).append(value)
    medians = {job: {figure: statistics.median(values) for figure, values in found.items()} for job, found in samples.items()}
    return Results({job: figures for job, figures in medians.items() if job not in reasons}, reasons)


def _measure(job: Job, staying: dict[Job, Worker], stack: ExitStack) -> dict[str, float]:
    if job[0] not in STAYING:
        with Worker(job) as worker:
            return worker.measure()
    if job not in staying:
        staying[job] = stack.enter_context(Worker(job))
    return staying[job].measure()


def _key(job: Job) -> str:
    return " | ".join(job)
