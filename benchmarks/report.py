"""Figures as tables."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import statistics
from typing import Any

from . import op_cases

PACKAGES = ("numpy", "tinygrad-reg", "torch", "jax", "autograd", "mygrad", "tinygrad")

Figures = dict[str, dict[str, float]]

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
        "Full batch, mean squared error, Adam; microseconds, and the ratio to PyTorch.",
        _steps(figures),
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
    ]
    return "\n\n".join(parts) + "\n"


def _table(header: list[str], rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def _get(figures: Figures, job: str, figure: str) -> float | None:
    return figures.get(job, {}).get(figure)


def _ratio(value: float | None, base: float | None) -> str:
    return f"{value / base:.2f}" if value and base else "–"


def _micro(value: float | None) -> str:
    return "–" if value is None else f"{value * 1e6:.2f}" if value < 1e-5 else f"{value * 1e6:.0f}"


def _bars(figures: Figures) -> str:
    def step(peer: str, n: int, dtype: str = "float32") -> float | None:
        return _get(figures, f"step | {peer} | {n} | {dtype}", "step")

    ours, source = "tinygrad_reg", "tinygrad_reg, NumPy source"
    record, floor = _get(figures, "overhead | tinygrad_reg", "record"), _get(figures, "overhead | NumPy", "record")
    chain, theirs = _get(figures, "overhead | tinygrad_reg", "chain"), _get(figures, "overhead | torch", "chain")
    more = _get(figures, "import | tinygrad_reg", "beyond")
    beyond = "–" if more is None else f"{more * 1e3:.1f} ms"
    rows = [
        ["recording one op on 8 doubles", "<= 2.5 µs", "1.5 µs", f"{_micro(record)} µs"],
        ["the same, in NumPy operations", "<= 5.5", "", _ratio(record, floor)],
        ["forward + backward per op on the chain, against torch", "<= 0.6", "0.4", _ratio(chain, theirs)],
        ["eager step, n=100 float32, against torch eager", "<= 0.40", "0.30", _ratio(step(ours, 100), step("torch", 100))],
        ["eager step, n=1000 float32, against torch eager", "<= 1.0", "0.6", _ratio(step(ours, 1000), step("torch", 1000))],
        ["eager step, n=1000 float32, against NumPy by hand", "<= 1.1", "0.8", _ratio(step(ours, 1000), step("NumPy by hand", 1000))],
        [
            "eager step, n=1000 float64, against NumPy by hand",
            "<= 1.1",
            "0.8",
            _ratio(step(ours, 1000, "float64"), step("NumPy by hand", 1000, "float64")),
        ],
        ["generated NumPy source, n=100 float32, against eager", "<= 0.75", "0.6", _ratio(step(source, 100), step(ours, 100))],
        ["import beyond NumPy", "<= 20 ms", "10 ms", beyond],
    ]
    return _table(["measure", "bar", "stretch", "measured"], rows)


def _overhead(figures: Figures) -> str:
    peers = [job.split(" | ")[1] for job in figures if job.startswith("overhead | ")]
    rows = []
    for peer in peers:
        record, chain = (_get(figures, f"overhead | {peer}", name) for name in ("record", "chain"))
        against = (_get(figures, "overhead | torch", name) for name in ("record", "chain"))
        ratios = [_ratio(mine, theirs) for mine, theirs in zip((record, chain), against, strict=True)]
        rows.append([peer, _micro(record), ratios[0], _micro(chain), ratios[1] if peer != "NumPy" else "–"])
    return _table(["", "record µs", "/ torch", "chain µs per op", "/ torch"], rows)


def _steps(figures: Figures) -> str:
    cases = [(n, dtype) for n in (100, 1000) for dtype in ("float32", "float64")]
    peers = list(dict.fromkeys(job.split(" | ")[1] for job in figures if job.startswith("step | ")))
    rows = []
    for peer in peers:
        cells = []
        for n, dtype in cases:
            mine, theirs = (_get(figures, f"step | {p} | {n} | {dtype}", "step") for p in (peer, "torch"))
            cells.append(f"{_micro(mine)} ({_ratio(mine, theirs)})")
        rows.append([peer, *cells])
    return _table(["", *(f"n={n} {dtype}" for n, dtype in cases)], rows)


def _memory(figures: Figures) -> str:
    models = list(dict.fromkeys(job.split(" | ")[2] for job in figures if job.startswith("memory | ")))
    rows = []
    for model in models:
        mine, theirs = (_get(figures, f"memory | {peer} | {model}", "peak") for peer in ("tinygrad_reg", "torch"))
        rows.append([model, *("–" if x is None else f"{x:.0f}" for x in (mine, theirs)), _ratio(mine, theirs)])
    return _table(["step", "tinygrad_reg", "torch", "ratio"], rows)


def _imports(figures: Figures) -> str:
    found = {job.split(" | ")[1]: times for job, times in figures.items() if job.startswith("import | ")}
    rows = [[name, *(f"{times[part] * 1e3:.0f}" for part in ("import", "beyond"))] for name, times in found.items()]
    return _table(["package", "ms, NumPy first", "beyond NumPy"], rows)


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
    return _table(["elements", "bar", "forward", "forward and backward", "both", "figures"], rows)


def _slow_operations(figures: Figures) -> str:
    found: dict[str, list[str]] = {}
    for size in op_cases.SIZES:
        for key, ratio in _operation_ratios(figures, size).items():
            if ratio > SLOW:
                name, way = key.split(", ")
                found.setdefault(name, []).append(f"{ratio:.1f} ({size:,}, {way})")
    rows = [[f"`{name}`", "; ".join(cells), op_cases.reason(name)] for name, cells in sorted(found.items())]
    return _table(["operation", "times", "because"], rows)
