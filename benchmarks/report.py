"""Figures as tables."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import statistics
from typing import Any

from . import bars, calls, op_cases
from .tables import Figures, get, micro, ratio, table

PACKAGES = ("numpy", "tinygrad-reg", "torch", "jax", "autograd", "mygrad", "tinygrad", "ziglang")

INTRODUCTION = (
    "Written by `python -m benchmarks`. Medians of one run, every peer in a process of its own, "
    "2 threads for all. Ratios count, not absolute times."
)
OVERHEAD = (
    "`record`: one multiplication, recorded. `chain`: forward and backward per operation of a chain of 20,000 "
    "(mul, sin, add, tanh in turn); for NumPy the forward alone."
)

OPERATIONS = (
    "Each operation of the scope alone, on about so many float32 elements, with the same call in both libraries: forward on inputs that "
    "need no gradient, and forward with backward, sent the gradient of a sum. Not measured, since they take no tensor or give none: "
    + ", ".join(f"`{name}`" for name in op_cases.LEFT_OUT)
    + "."
)
CALLS = (
    "What surrounds the operations: lines as users write them, on 8 elements, the same text in both libraries, forward alone but for the "
    "last kind. Geometric means of ours / PyTorch's."
)
SLOW = 4.0  # times PyTorch's: what is slower is listed


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
    }


def _processor() -> str:
    try:
        with open("/proc/cpuinfo") as file:
            return next(line.split(":", 1)[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()


def versions() -> dict[str, str]:
    """Versions of the installed peers."""
    found = {}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def markdown(result: dict[str, Any]) -> str:
    """The whole page."""
    figures: Figures = result["seconds"]
    measured = bars.Measured(figures, result["reasons"])
    here, found = result["machine"], result["versions"]
    parts = [
        "# Benchmarks",
        INTRODUCTION,
        f"Machine: {here['processor']}, {here['cores']} cores, {here['system']}, Python {here['python']}; "
        + ", ".join(f"{name} {version}" for name, version in found.items())
        + ".",
        "## Bars",
        _bars(figures),
        "## Overhead of one operation on 8 doubles",
        OVERHEAD,
        _overhead(figures),
        "## Training step of the 1-50-5-1 network",
        "Full batch, mean squared error, Adam. " + bars.EXPLANATION,
        bars.steps(measured, bars.REGRESSIONS),
        "## Training steps of small models",
        "As above; four batches in turn.",
        bars.steps(measured, bars.MODELS),
        "Eager steps against PyTorch eager:",
        bars.eager(measured),
        bars.eager_costs(measured),
        "## Memory that NumPy code holds, too",
        bars.LENDING,
        bars.lending(measured),
        "## Compiled steps",
        bars.COMPILED_BARS,
        bars.compiled(measured),
        bars.compiled_costs(measured),
        "## Time to compile",
        bars.COMPILING,
        bars.compiling(measured),
        "## Memory of compiled steps",
        bars.FOOTPRINT,
        bars.footprint(measured),
        bars.FOOTPRINT_COSTS,
        "## What the machine can do",
        bars.LIMITS,
        bars.limits(measured),
        bars.WORK,
        bars.works(measured),
        "## Peak memory of a step",
        "Forward and backward, MiB above the level before; the bar is 1.1 times PyTorch's.",
        _memory(figures),
        "## Import",
        "A fresh process with files cached.",
        _imports(figures),
        "## Single operations against PyTorch",
        OPERATIONS,
        _operations(figures),
        f"Slower than {SLOW:.0f} times, in multiples of PyTorch's time:",
        _slow_operations(figures),
        "## Lines as users write them",
        CALLS,
        _calls(figures),
        f"Slower than {SLOW:.0f} times, in multiples of PyTorch's time:",
        _slow_calls(figures),
    ]
    if measured.reasons:
        parts += ["## Not available here", bars.not_available(measured)]
    return "\n\n".join(filter(None, parts)) + "\n"


def _bars(figures: Figures) -> str:
    def step(peer: str, n: int, dtype: str = "float32") -> float | None:
        return get(figures, f"step | {peer} | {n} | {dtype}", "step")

    ours, source = "tinygrad_reg", "tinygrad_reg, NumPy source"
    record, floor = get(figures, "overhead | tinygrad_reg", "record"), get(figures, "overhead | NumPy", "record")
    chain, theirs = get(figures, "overhead | tinygrad_reg", "chain"), get(figures, "overhead | torch", "chain")
    more = get(figures, "import | tinygrad_reg", "beyond")
    beyond = "–" if more is None else f"{more * 1e3:.1f} ms"
    rows = [
        ["recording one op on 8 doubles", "<= 2.5 µs", "1.5 µs", f"{micro(record)} µs"],
        ["the same, in NumPy operations", "<= 5.5", "", ratio(record, floor)],
        ["forward + backward per op on the chain, against torch", "<= 0.6", "0.4", ratio(chain, theirs)],
        ["eager step, n=100 float32, against torch eager", "<= 0.40", "0.30", ratio(step(ours, 100), step("torch", 100))],
        ["eager step, n=1000 float32, against torch eager", "<= 1.0", "0.6", ratio(step(ours, 1000), step("torch", 1000))],
        ["eager step, n=1000 float32, against NumPy by hand", "<= 1.1", "0.8", ratio(step(ours, 1000), step("NumPy by hand", 1000))],
        [
            "eager step, n=1000 float64, against NumPy by hand",
            "<= 1.1",
            "0.8",
            ratio(step(ours, 1000, "float64"), step("NumPy by hand", 1000, "float64")),
        ],
        ["generated NumPy source, n=100 float32, against eager", "<= 0.75", "0.6", ratio(step(source, 100), step(ours, 100))],
        ["import beyond NumPy", "<= 20 ms", "10 ms", beyond],
    ]
    return table(["measure", "bar", "stretch", "measured"], rows)


def _overhead(figures: Figures) -> str:
    peers = [job.split(" | ")[1] for job in figures if job.startswith("overhead | ")]
    rows = []
    for peer in peers:
        record, chain = (get(figures, f"overhead | {peer}", name) for name in ("record", "chain"))
        against = (get(figures, "overhead | torch", name) for name in ("record", "chain"))
        ratios = [ratio(mine, theirs) for mine, theirs in zip((record, chain), against, strict=True)]
        rows.append([peer, micro(record), ratios[0], micro(chain), ratios[1] if peer != "NumPy" else "–"])
    return table(["", "record µs", "/ torch", "chain µs per op", "/ torch"], rows)


def _memory(figures: Figures) -> str:
    models = list(dict.fromkeys(job.split(" | ")[2] for job in figures if job.startswith("memory | ")))
    rows = []
    for model in models:
        mine, theirs = (get(figures, f"memory | {peer} | {model}", "peak") for peer in ("tinygrad_reg", "torch"))
        rows.append([model, *("–" if x is None else f"{x:.0f}" for x in (mine, theirs)), ratio(mine, theirs)])
    return table(["step", "tinygrad_reg", "torch", "ratio"], rows)


def _imports(figures: Figures) -> str:
    found = {job.split(" | ")[1]: times for job, times in figures.items() if job.startswith("import | ")}
    rows = [[name, *(f"{times[part] * 1e3:.0f}" for part in ("import", "beyond"))] for name, times in found.items()]
    return table(["package", "ms, NumPy first", "beyond NumPy"], rows)


def _call_ratios(figures: Figures) -> dict[str, float]:
    """Ours / PyTorch's by line."""
    mine, theirs = (figures.get(f"calls | {peer}", {}) for peer in calls.PEERS)
    return {line: mine[line] / theirs[line] for line in mine if line in theirs}


def _calls(figures: Figures) -> str:
    ratios, rows = _call_ratios(figures), []
    for kind in calls.LINES:
        found = [ratios[line] for line in calls.lines(kind) if line in ratios]
        rows.append([kind, f"{statistics.geometric_mean(found):.2f}" if found else "–", str(len(found))])
    if ratios:
        rows.append(["all", f"{statistics.geometric_mean(ratios.values()):.2f}", str(len(ratios))])
    return table(["", "ratio", "lines"], rows)


def _slow_calls(figures: Figures) -> str:
    slow = sorted(((times, line) for line, times in _call_ratios(figures).items() if times > SLOW), reverse=True)
    return ", ".join(f"`{line}` {times:.1f}" for times, line in slow) or "None."


def _operation_ratios(figures: Figures, size: int, way: str = "") -> dict[str, float]:
    """Ours / PyTorch's by `NAME, WAY` at one size."""
    mine, theirs = (figures.get(f"ops | {peer} | {size}", {}) for peer in ("tinygrad_reg", "torch"))
    return {key: mine[key] / theirs[key] for key in mine if key in theirs and key.endswith(way)}


def _operations(figures: Figures) -> str:
    rows = []
    for size, bar in zip(op_cases.SIZES, ("<= 0.7", "<= 0.7", "<= 2.0"), strict=True):
        ratios = [_operation_ratios(figures, size, way) for way in ("forward", "with backward", "")]
        means = [f"{statistics.geometric_mean(found.values()):.2f}" if found else "–" for found in ratios]
        rows.append([f"{size:,}", bar, *means, str(len(ratios[-1]))])
    return table(["elements", "bar", "forward", "forward and backward", "both", "figures"], rows)


def _slow_operations(figures: Figures) -> str:
    found: dict[str, list[str]] = {}
    for size in op_cases.SIZES:
        for key, times in _operation_ratios(figures, size).items():
            if times > SLOW:
                name, way = key.split(", ")
                found.setdefault(name, []).append(f"{times:.1f} ({size:,}, {way})")
    rows = [[f"`{name}`", "; ".join(cells), op_cases.reason(name)] for name, cells in sorted(found.items())]
    return table(["operation", "times", "because"], rows)
