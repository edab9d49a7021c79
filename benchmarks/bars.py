"""The training steps: tables against the peers, the bars they should keep, and what the machine allows."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

from . import memory, models
from .models import work
from .peers import COMPILED, OURS
from .tables import Figures, get, micro, ratio, table

RIVALS = ("torch", "torch.compile", "jax.jit", "tinygrad, jit", "NumPy by hand")
TOLERANCE = {"float32": 1e-3, "float64": 1e-6}  # between the peers' first losses, relative

EXPLANATION = (
    "Microseconds, and the ratio to PyTorch. All start from the same weights on the same batches, and the losses of the first "
    f"{models.CHECKED} steps agree within {TOLERANCE['float32']:g} (float64: {TOLERANCE['float64']:g}); a peer whose do not is void. "
    "A time marked ~ is no measurement: its median is more than 1.5 times its least, so something else was running."
)
LENDING = (
    "What an eager step takes more if its batches lie in arrays that the caller holds, too (`from_numpy`), so that a write through NumPy "
    "between forward and backward is seen: every node looks whether it saves such memory, and what it saves is compared before and after."
)
LENDING_BAR = 0.03
LENDING_COSTS = (
    "The look and the comparison take 13,000 of 956,000 instructions of the smallest step, 1.3 %, but code that is run so seldom waits for "
    "the processor's caches. Tried: one function for all nodes, one written out for each plan, and looks at arrays with a base alone."
)
COMPILED_BARS = (
    "The fastest of this library's compiled steps against the fastest of PyTorch, torch.compile, jax.jit, tinygrad's jit and NumPy by hand."
)
FOOTPRINT = (
    "MiB. `accounted` counts arrays: parameters, the optimizer's state, one batch, and what the step needs beside them. Of jax.jit it is "
    "XLA's own sum (arguments, results, temporary memory; what is donated counts once), of this library the planned buffers and what "
    "NumPy is seen to allocate during a step. The bar is about it. `resident` is what the process grew by between the same step on "
    "a batch of one and on the full one: with four batches, and with what the compilers keep for themselves, which of XLA is most."
)
COMPILING = (
    "The step at n=100: its first two calls in a fresh process, with an empty cache, and in another process with the cache that this has "
    "left. Both calls of this library's step run it for real under a trace; it is compiled at the end of the second. Bars in brackets."
)
COMPILING_BARS = (1000, 50)  # milliseconds
LIMITS = (
    "Bandwidth of a = b + c, three arrays of 256 MiB in all threads together, and of 256 KiB for each; products of two matrices of "
    "1024 × 1024 by NumPy's BLAS. The best of eight."
)
WORK = (
    "The least work of a step, and how long it takes at these limits: the products' operations at the speed of BLAS, and the bytes of "
    "parameters, state, gradients, results of products and their gradients, written once and read once, from the cache. "
    "`of limit` is the larger of the two against the time measured."
)


UNSTEADY = 1.5  # a median that exceeds the least time by this factor was disturbed by something else on the machine


class Row(NamedTuple):
    """A training step of the tables."""

    title: str
    benchmark: str
    arguments: str  # of the job, behind the peer
    dtype: str
    work: work.Work

    def job(self, peer: str) -> str:
        """Its key among the figures."""
        return f"{self.benchmark} | {peer} | {self.arguments}"


def _regression(n: int, dtype: str) -> Row:
    return Row(f"1-50-5-1, n={n}, {dtype}", "step", f"{n} | {dtype}", dtype, work.of_regression(n, dtype))


def _model(name: str) -> Row:
    problem = models.PROBLEMS[name]
    return Row(problem.title, "model", name, "float32", work.work(problem))


REGRESSIONS = [_regression(n, dtype) for n in (100, 1000) for dtype in ("float32", "float64")]
MODELS = [_model(name) for name in models.PROBLEMS]
#: for eager steps: the step, the bar for the ratio to PyTorch eager
EAGER = {"mlp32": 0.80, "mlp512": 1.0, "cnn": 2.0, "gpt": 1.3, "adam": 0.5}
#: for compiled steps: the step, bar and stretch for the ratio to the best peer
AGAINST_BEST = [
    *((row, 0.33, 0.20) for row in REGRESSIONS[:2]),
    *((row, 0.40, 0.25) for row in REGRESSIONS[2:]),
    *((_model(name), bar, stretch) for name, bar, stretch in (
        ("mlp32", 0.85, 0.7), ("mlp512", 1.0, 0.9), ("gpt", 0.9, 0.6), ("cnn", 1.5, 0.9), ("lstm", 0.5, 0.3),
    )),
]  # fmt: skip
BY_HAND = (1.5, 1.1)  # against C by hand
#: where the time of an eager step goes, said where its bar is missed
EAGER_COSTS = {
    "mlp32": "BLAS's products take half of the step, and a fifth is the update of 235,000 parameters: two sums of BLAS, bound by memory. "
    "The rest is the bias, relu and cross entropy in one thread and some 40 calls. NumPy by hand, with nothing to record, is the floor for "
    "this: see its row. Tried: the update in two threads of Python, which wait for each other (twice as slow), and blocks of other sizes.",
    "mlp512": "Four fifths are BLAS's products, a twentieth is the update, the rest passes over the hidden values in one thread.",
    "cnn": "A quarter is BLAS, a quarter copies windows to columns for it and back, where PyTorch's library convolves directly; "
    "an eighth is pooling.",
    "gpt": "A quarter is BLAS. An eighth is gelu, whose error function takes some forty passes over blocks in the cache, once a step; "
    "a tenth AdamW; the rest is some 300 calls on small arrays in one thread. Tried: other expansions of the error function, with a "
    "quarter fewer passes, which are not right to 4 units in the last place.",
}
#: where the time of a compiled step goes, said where its bar is missed
COMPILED_COSTS = {
    "regression": "1-50-5-1: C takes a third of the step at n=100 and two thirds at n=1000. The rest is Python, 15 to 20 µs a call "
    "whatever the size: it makes sure that nothing has changed since the trace, computes the optimizer's numbers, and "
    "makes tensors of gradients and results. Tried: one tuple of arrays handed to C, one question for each parameter "
    "group, the facts as one generated expression, gradients in the memory of the last ones.",
    "mlp32": "MLP, batch 32: three products with 32 columns are most of it; the update of 235,000 parameters is bound by memory.",
    "mlp512": "MLP, batch 512: products are nearly all of it, at four fifths of the speed of large square ones; so it is with the peers.",
    "lstm": "LSTM: the products' operations would take a fifth of the time at the speed of large ones; they are 128 × 32 by 32 × 32, a "
    "hundred one after the other. As much goes to `exp` and `tanh` of the gates, the rest to sums over all steps for the gradients "
    "of weights and biases. Tried: gates made where they are joined, repeated steps written once, tiles that hold all left-over "
    "rows.",
    "by hand": "Against C by hand, in one thread: that is called with pointers prepared once, and nothing is looked at. At n=100 C alone "
    "takes 1.2 to 1.6 times as long, and 15 µs of Python come on top; by hand a block of samples stays in registers through all "
    "layers, a compiled step stores the hidden layers and reads them again. Tried: the whole call of this step written out as one "
    "function, 20 µs instead of 25.",
}
#: the same of memory
FOOTPRINT_COSTS = (
    "What the MLP with batch 32 needs above 1.0 are some kilobytes: the gradient of the first layer's outputs is held as a whole beside "
    "the parameters' gradients, which a step leaves for the caller to see. NumPy source has a buffer for every call of NumPy, since "
    "NumPy does not merge them."
)


class Measured:
    """Times of steps, without the void ones."""

    def __init__(self, figures: Figures, reasons: dict[str, str]) -> None:
        self.figures, self.reasons = figures, {**reasons, **dict(_void(figures))}

    def unsteady(self, row: Row, peer: str) -> bool:
        """Whether something else was running during the measurement."""
        found = self.figures.get(row.job(peer), {})
        return bool(found) and found["step"] > UNSTEADY * found["least"]

    def seconds(self, row: Row, peer: str) -> float | None:
        """None if it is void or missing."""
        job = row.job(peer)
        return None if job in self.reasons else get(self.figures, job, "step")

    def fastest(self, row: Row, peers: tuple[str, ...]) -> tuple[str, float] | None:
        """Who, and how long."""
        times = {peer: found for peer in peers if (found := self.seconds(row, peer)) is not None}
        return min(times.items(), key=lambda item: item[1]) if times else None

    def disturbed(self, row: Row, peers: tuple[str, ...], fastest: float) -> bool:
        """Whether one of them might be faster than the fastest of them, had nothing else been running."""
        measured = [peer for peer in peers if self.seconds(row, peer) is not None]
        return any(self.unsteady(row, peer) and self.figures[row.job(peer)]["least"] < fastest for peer in measured)

    def cell(self, row: Row, peer: str) -> str:
        """µs and the ratio to PyTorch, or why not."""
        mine = self.seconds(row, peer)
        if mine is None:
            return "void" if self.reasons.get(row.job(peer), "").startswith("void") else "–"
        mark = "~" if self.unsteady(row, peer) else ""
        return f"{mark}{micro(mine)} ({ratio(mine, self.seconds(row, 'torch'))})"


def _void(figures: Figures) -> Iterator[tuple[str, str]]:
    """Jobs whose first losses differ from PyTorch's; without PyTorch, from those of the first peer."""
    for row in (*REGRESSIONS, *MODELS):
        jobs = [job for job in figures if job.startswith(f"{row.benchmark} | ") and job.endswith(f" | {row.arguments}")]
        reference = _losses(figures, next((job for job in jobs if job == row.job("torch")), jobs[0])) if jobs else []
        for job in jobs:
            for mine, right in zip(_losses(figures, job), reference, strict=True):
                if not math.isclose(mine, right, rel_tol=TOLERANCE[row.dtype]):
                    yield job, f"void: a loss of {mine:.7g} instead of {right:.7g}"
                    break


def _losses(figures: Figures, job: str) -> list[float]:
    return [figures[job][f"loss {i}"] for i in range(models.CHECKED)]


def steps(measured: Measured, rows: list[Row]) -> str:
    """All peers' times."""
    jobs = [*measured.figures, *measured.reasons]
    peers = dict.fromkeys(job.split(" | ")[1] for row in rows for job in jobs if job.startswith(f"{row.benchmark} | "))
    order = [*(peer for peer in OURS if peer in peers), *(peer for peer in peers if peer not in OURS)]
    cells = [[peer, *(measured.cell(row, peer) for row in rows)] for peer in order]
    return table(["", *(row.title for row in rows)], [row for row in cells if set(row[1:]) != {"–"}])


def not_available(measured: Measured) -> str:
    """Why rows are missing, the same reason said once."""
    found: dict[tuple[str, str], list[str]] = {}
    titles = {(row.benchmark, row.arguments): row.title for row in (*REGRESSIONS, *MODELS)}
    for job, reason in measured.reasons.items():
        benchmark, peer, *arguments = job.split(" | ")
        found.setdefault((peer, reason), []).append(titles.get((benchmark, " | ".join(arguments)), f"{benchmark} {' '.join(arguments)}"))
    return "\n".join(f"- {peer}: {reason} ({_listed(where)})" for (peer, reason), where in found.items())


def _listed(where: list[str]) -> str:
    return "; ".join(dict.fromkeys(where)) if len(where) < 5 else f"{len(where)} measurements"


def _verdict(value: float, bar: float, stretch: float | None = None, unsteady: bool = False) -> str:
    if unsteady:
        return "~ measure again"
    if value > bar:
        return f"**missed**, {value / bar:.2f} times the bar"
    return "met, and the stretch" if stretch is not None and value <= stretch else "met"


def eager(measured: Measured) -> str:
    """Eager steps against PyTorch eager, and for comparison our fastest compiled one."""
    rows = []
    for name, bar in EAGER.items():
        row = _model(name)
        mine, theirs, compiled = measured.seconds(row, OURS[0]), measured.seconds(row, "torch"), measured.fastest(row, tuple(COMPILED))
        verdict = _verdict(mine / theirs, bar) if mine and theirs else "not measured"
        rows.append(
            [row.title, micro(mine), micro(theirs), ratio(mine, theirs), f"<= {bar:.2f}", verdict, ratio(compiled and compiled[1], theirs)]
        )
    return table(["training step", "eager µs", "torch µs", "ratio", "bar", "", "compiled / torch"], rows)


def eager_costs(measured: Measured) -> str:
    """Of the steps that miss their bar, where the time goes."""
    lines = []
    for name, bar in EAGER.items():
        mine, theirs = measured.seconds(_model(name), OURS[0]), measured.seconds(_model(name), "torch")
        if mine and theirs and mine / theirs > bar and name in EAGER_COSTS:
            lines.append(f"- {_model(name).title}: {EAGER_COSTS[name]}")
    return "\n".join(lines)


def lending(measured: Measured) -> str:
    """What watching lent memory adds to eager steps, and, where that is too much, what it is."""
    rows = []
    for job, found in measured.figures.items():
        if job.startswith("lending | "):
            times = [micro(found[figure]) for figure in ("own", "lent")]
            rows.append([job.split(" | ")[2], *times, f"{found['share']:.1%}", _verdict(found["share"], LENDING_BAR)])
    costs = "\n\n" + LENDING_COSTS if any("missed" in row[-1] for row in rows) else ""
    return table(["training step", "own memory, µs", "lent, µs", "more", f"bar {LENDING_BAR:.0%}"], rows) + costs


def _compiled(measured: Measured) -> list[tuple[str, list[str]]]:
    """Compiled steps against the best peer, and against C by hand: the kind of step, and the cells."""
    kinds = {row: row.arguments if row.benchmark == "model" else "regression" for row, _, _ in AGAINST_BEST}
    found = [(kinds[row], _against(measured, row, RIVALS, bar, stretch)) for row, bar, stretch in AGAINST_BEST]
    return found + [("by hand", _against(measured, row, ("C by hand",), *BY_HAND)) for row in REGRESSIONS]


def compiled(measured: Measured) -> str:
    """Compiled steps against the best peer, and against C by hand."""
    header = ["training step", "compiled, µs", "best peer, µs", "ratio", "bar", "stretch", ""]
    return table(header, [cells for _, cells in _compiled(measured)])


def compiled_costs(measured: Measured) -> str:
    """Of the kinds of steps that miss their bar, where the time goes."""
    missed = dict.fromkeys(kind for kind, cells in _compiled(measured) if "missed" in cells[-1])
    return "\n".join(f"- {COMPILED_COSTS[kind]}" for kind in missed if kind in COMPILED_COSTS)


def _against(measured: Measured, row: Row, rivals: tuple[str, ...], bar: float, stretch: float) -> list[str]:
    mine, best = measured.fastest(row, tuple(COMPILED)), measured.fastest(row, rivals)
    verdict = "not measured"
    if mine and best:
        unsteady = measured.disturbed(row, tuple(COMPILED), mine[1]) or measured.disturbed(row, rivals, best[1])
        verdict = _verdict(mine[1] / best[1], bar, stretch, unsteady)
    named = [_named(found[0], micro(found[1])) if found else "–" for found in (mine, best)]
    return [row.title, *named, ratio(mine and mine[1], best and best[1]), f"<= {bar:.2f}", f"{stretch:.2f}", verdict]


def _named(peer: str, figure: str) -> str:
    return f"{peer.removeprefix('tinygrad_reg, ')}: {figure}"


def compiling(measured: Measured) -> str:
    """The time until a compiled step runs."""
    rows = []
    for job, found in measured.figures.items():
        if job.startswith("compiling | "):
            _, peer, dtype = job.split(" | ")
            bars = COMPILING_BARS if peer == "tinygrad_reg, C" else (None, None)
            cells = [(f"{found[figure] * 1e3:,.0f}", bar) for figure, bar in zip(("cold", "cached"), bars, strict=True)]
            rows.append([peer, dtype, *[time if bar is None else f"{time} (<= {bar:,})" for time, bar in cells]])
    return table(["", "dtype", "ms, nothing kept", "ms, with what was kept"], rows)


def footprint(measured: Measured) -> str:
    """Memory of compiled steps against jax.jit's."""
    rows = []
    for name in memory.COMPILED_STEPS:
        theirs = {figure: get(measured.figures, f"footprint | jax.jit | {name}", figure) for figure in ("accounted", "resident")}
        for peer in COMPILED:
            mine = {figure: get(measured.figures, f"footprint | {peer} | {name}", figure) for figure in ("accounted", "resident")}
            if mine["accounted"] is None:
                continue
            cells = [cell for figure in mine for cell in (_mebi(mine[figure]), _mebi(theirs[figure]), ratio(mine[figure], theirs[figure]))]
            verdict = _verdict(mine["accounted"] / theirs["accounted"], 1.0) if theirs["accounted"] else "not measured"
            rows.append([models.PROBLEMS[name].title, peer.removeprefix("tinygrad_reg, "), *cells, verdict])
    return table(["training step", "compiled to", "accounted", "jax.jit", "ratio", "resident", "jax.jit", "ratio", "bar 1.0"], rows)


def _mebi(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"


def limits(measured: Measured) -> str:
    """Bandwidth and products, for each number of threads."""
    rows = []
    for job, found in measured.figures.items():
        if job.startswith("machine | "):
            rows.append([job.split(" | ")[2], *(f"{found[figure] / 1e9:.0f}" for figure in ("memory", "cache", "float32", "float64"))])
    return table(["threads", "memory GB/s", "cache GB/s", "float32 GFLOP/s", "float64 GFLOP/s"], rows)


def works(measured: Measured) -> str:
    """What each step has to do, against the limits with two threads."""
    most = measured.figures.get("machine | NumPy | 2")
    if most is None:
        return "Not measured."
    rows = []
    for row in (*REGRESSIONS, *MODELS):
        products, moved = row.work.operations / most[row.dtype], row.work.bytes / most["cache"]
        fastest = measured.fastest(row, tuple(COMPILED)), measured.fastest(row, RIVALS)
        shares = [_named(found[0], f"{max(products, moved) / found[1]:.0%}") if found else "–" for found in fastest]
        figures = [f"{row.work.operations / 1e6:.2f}", f"{row.work.bytes / 1e6:.2f}", micro(products), micro(moved)]
        rows.append([row.title, *figures, *shares])
    return table(["training step", "MFLOP", "MB", "products µs", "moving µs", "ours, of limit", "best peer, of limit"], rows)
