"""docs/gradients.md, from the table that the tests read: `python -m tests.conventions` writes it.

A row is a function, a point, and what it gives there: the value, the gradient of the sum of the result, and the gradient of the sum of
that gradient. The function is given the package it should use, so that the same row is also asked of PyTorch.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import tinygrad_reg as tg
import tinygrad_reg.nn.functional
import tinygrad_reg.optim

PAGE = Path(__file__).parent.parent / "docs" / "gradients.md"

inf, nan = np.inf, np.nan


@dataclass(frozen=True)
class Row:
    """`function(m, *at)` gives `value`; `first` and `second` are the derivatives, one for each argument of `at`; None: not asked.

    The value "refused" stands for an error. `star` says why this is not what PyTorch does. `needs` names a function that may not exist
    yet: the row holds as soon as it does.
    """

    what: str
    function: Callable[..., Any]
    at: tuple[Any, ...]
    value: Any
    first: tuple[Any, ...] = ()
    second: tuple[Any, ...] | None = None
    star: str = ""
    needs: str = ""

    @property
    def waits(self) -> bool:
        return not has(tg, self.needs)


def has(package: Any, name: str) -> bool:
    """Whether the package has a function of this dotted name; every package has that without a name."""
    try:
        functools.reduce(getattr, name.split(".") if name else [], package)
    except AttributeError:
        return False
    return True


def derivatives(m: Any, row: Row, create_graph: bool = True) -> tuple[Any, list[Any], list[Any]]:
    """Value, first and second derivatives as arrays; zeros where there is no graph, no second ones without `create_graph`."""
    x = [m.tensor(a, dtype=m.float64, requires_grad=True) for a in row.at]
    y = row.function(m, *x)
    first = _gradients(m, y, x, create_graph)
    second = _gradients(m, sum(g.sum() for g in first), x, False) if create_graph else []
    return y.numpy(force=True), [g.numpy(force=True) for g in first], [g.numpy(force=True) for g in second]


def _gradients(m: Any, y: Any, x: list[Any], create_graph: bool) -> list[Any]:
    if not y.requires_grad:
        return [m.zeros_like(a) for a in x]
    found = m.autograd.grad(y.sum(), x, create_graph=create_graph, allow_unused=True)
    return [m.zeros_like(a) if g is None else g for a, g in zip(x, found, strict=True)]


def text() -> str:
    """The page."""
    parts = [INTRODUCTION]
    for title, note, rows in SECTIONS:
        head = f"## {title}\n\n{note.strip()}\n\n" if note else f"## {title}\n\n"
        parts.append(head + HEAD + "\n".join(_line(row) for row in rows) + "\n" + _reasons(rows))
    return "\n".join(parts)


HEAD = "| what | at | value | first derivative | second |\n|---|---|---|---|---|\n"


def _line(row: Row) -> str:
    star = "★ " if row.star else ""
    late = " (not yet here)" if row.waits else ""
    what = row.what.replace("|", "\\|")
    return f"| {star}{what}{late} | {_all(row.at)} | {_shown(row.value)} | {_all(row.first)} | {_all(row.second)} |"


def _all(derivatives: tuple[Any, ...] | None) -> str:
    return "" if derivatives is None else "; ".join(_shown(d) for d in derivatives)


def _shown(x: Any) -> str:
    """0.333333, [1, 2]"""
    if isinstance(x, str):
        return x
    if isinstance(x, list):
        return "[" + ", ".join(map(_shown, x)) + "]"
    return f"{x + 0.0:.6g}"


def _reasons(rows: list[Row]) -> str:
    """Every reason once, with all rows that share it."""
    reasons: dict[str, list[str]] = {}
    for row in rows:
        if row.star:
            reasons.setdefault(row.star, []).append(row.what)
    lines = [f"- ★ {'; '.join(names)}: {reason}.".replace("|", "\\|") for reason, names in reasons.items()]
    return "\n" + "\n".join(lines) + "\n" if lines else ""


INTRODUCTION = """# Gradients at the points where there is a choice

Written by `python -m tests.conventions` from the table that the tests read; `tests/oracle` asks PyTorch 2.13 the same questions.

We do what PyTorch does, so that a model that was trained there goes on here. Where its answer is nan, or wrong, and the true value or a
harmless one is known, we give that: those rows have a ★, with the reason below their table. All numbers are float64. The
first derivative is the gradient of the sum of the result, the second that of the sum of all first ones; several arguments are separated by
a semicolon, and where nothing stands the second derivative is not promised.

A cotangent that is exactly 0 contributes exactly 0, whatever it meets: see "Strong zero" in [design.md](design.md). A nan that comes
from a cotangent other than 0 is never hidden.
"""


def F(m: Any) -> Any:
    return m.nn.functional


#: Sections of the page: title, what is decided, rows. Composite functions are written out as they stand in `what`.
SECTIONS: list[tuple[str, str, list[Row]]] = []


def section(title: str, note: str, *rows: Row) -> None:
    SECTIONS.append((title, note, list(rows)))


section(
    "Largest, smallest, and what is picked",
    """
Where the result is a number alone, all elements that reach it share the gradient equally. Where an index is returned too, the gradient
goes to the element it names, so that value, index and gradient tell one story. `fmax` and `fmin` give a tie to the first argument.
""",
    Row("max(x)", lambda m, x: m.max(x), ([1, 3, 3, 2],), 3, ([0, 0.5, 0.5, 0],), ([0] * 4,)),
    Row("min(x)", lambda m, x: m.min(x), ([1, 1, 3, 1],), 1, ([1 / 3, 1 / 3, 0, 1 / 3],), ([0] * 4,)),
    Row("max(x) of equal elements", lambda m, x: m.max(x), ([1, 1],), 1, ([0.5, 0.5],), ([0, 0],)),
    Row("max(x, 0).values", lambda m, x: m.max(x, 0).values, ([3, 1, 3],), 3, ([1, 0, 0],), ([0] * 3,)),
    Row("min(x, 0).values", lambda m, x: m.min(x, 0).values, ([1, 3, 1],), 1, ([1, 0, 0],), ([0] * 3,)),
    Row("amax(x, 0)", lambda m, x: m.amax(x, 0), ([3, 1, 3],), 3, ([0.5, 0, 0.5],), ([0] * 3,)),
    Row("amin(x, 0)", lambda m, x: m.amin(x, 0), ([1, 1, 3],), 1, ([0.5, 0.5, 0],), ([0] * 3,)),
    Row("max(x) with nan", lambda m, x: m.max(x), ([1, nan, 3],), nan, ([0, 1, 0],), ([0] * 3,)),
    Row("amax(x, 0) with nan", lambda m, x: m.amax(x, 0), ([1, nan, 3],), nan, ([nan] * 3,), ([0] * 3,)),
    Row("max(x) of -inf", lambda m, x: m.max(x), ([-inf, -inf],), -inf, ([0.5, 0.5],), ([0, 0],)),
    Row("max(x) - min(x) of equal elements", lambda m, x: m.max(x) - m.min(x), ([2, 2, 2],), 0, ([0] * 3,), ([0] * 3,)),
    Row("maximum(a, b)", lambda m, a, b: m.maximum(a, b), (2, 2), 2, (0.5, 0.5), (0, 0)),
    Row("minimum(a, b)", lambda m, a, b: m.minimum(a, b), (2, 2), 2, (0.5, 0.5), (0, 0)),
    Row("maximum(0, -0)", lambda m, a, b: m.maximum(a, b), (0.0, -0.0), 0, (0.5, 0.5), (0, 0)),
    Row("maximum(nan, 1)", lambda m, a, b: m.maximum(a, b), (nan, 1), nan, (1, 1), (0, 0)),
    Row("maximum(x, 0)", lambda m, x: m.maximum(x, m.zeros_like(x)), (0,), 0, (0.5,), (0,)),
    Row("fmax(a, b)", lambda m, a, b: m.fmax(a, b), (2, 2), 2, (1, 0), (0, 0)),
    Row("fmin(a, b)", lambda m, a, b: m.fmin(a, b), (2, 2), 2, (1, 0), (0, 0)),
    Row("fmax(nan, 1)", lambda m, a, b: m.fmax(a, b), (nan, 1), 1, (0, 1), (0, 0)),
    Row("median(x), even", lambda m, x: m.median(x), ([1, 2, 3, 4],), 2, ([0, 1, 0, 0],), ([0] * 4,)),
    Row("median(x), odd, ties", lambda m, x: m.median(x), ([2, 2, 1],), 2, ([0.5, 0.5, 0],), ([0] * 3,)),
    Row("median(x, 0).values", lambda m, x: m.median(x, 0).values, ([3, 1, 2],), 2, ([0, 0, 1],), ([0] * 3,)),
    Row("kthvalue(x, 2).values", lambda m, x: m.kthvalue(x, 2).values, ([3, 1, 2],), 2, ([0, 0, 1],), ([0] * 3,)),
    Row("nanmedian(x)", lambda m, x: m.nanmedian(x), ([nan, 1, 2, 3],), 2, ([0, 0, 1, 0],), ([0] * 4,), needs="nanmedian"),
    Row("quantile(x, 0.5)", lambda m, x: m.quantile(x, 0.5), ([1, 2, 3, 4],), 2.5, ([0, 0.5, 0.5, 0],), ([0] * 4,), needs="quantile"),
    Row("max_pool1d(x, 2)", lambda m, x: F(m).max_pool1d(x, 2), ([[1, 1, 0, 0]],), [[1, 0]], ([[1, 0, 1, 0]],), ([[0] * 4],)),
    Row(
        "scatter_reduce(amax), ties",
        lambda m, v: m.zeros(2, dtype=m.float64).scatter_reduce(0, m.tensor([0, 0]), v, "amax", include_self=False),
        ([1, 1],),
        [1, 0],
        ([0.5, 0.5],),
        ([0, 0],),
        needs="scatter_reduce",
    ),
)


def _weighted(m: Any, y: Any) -> Any:
    return (y * m.arange(1, len(y) + 1, dtype=m.float64)).sum()


section(
    "Order",
    """
The gradient follows the permutation. `sort` is stable also where it need not be, so equal elements keep their order, and so do their
gradients; `cummax` and `cummin` give a tie to the latest.
""",
    Row("sort(x).values · [1, 2, 3, 4]", lambda m, x: _weighted(m, m.sort(x).values), ([2, 1, 2, 1],), 17, ([3, 1, 4, 2],), ([0] * 4,)),
    Row("the same, stable", lambda m, x: _weighted(m, m.sort(x, stable=True).values), ([2, 1, 2, 1],), 17, ([3, 1, 4, 2],), ([0] * 4,)),
    Row(
        "the same, descending",
        lambda m, x: _weighted(m, m.sort(x, stable=True, descending=True).values),
        ([2, 1, 2, 1],),
        13,
        ([1, 3, 2, 4],),
        ([0] * 4,),
    ),
    Row(
        "x[argsort(x)] · [1, 2, 3, 4]",
        lambda m, x: _weighted(m, x[m.argsort(x, stable=True)]),
        ([2, 1, 2, 1],),
        17,
        ([3, 1, 4, 2],),
        ([0] * 4,),
    ),
    Row("topk(x, 2).values", lambda m, x: m.topk(x, 2).values, ([3, 3, 3],), [3, 3], ([1, 1, 0],), ([0] * 3,)),
    Row(
        "cummax(x, 0).values",
        lambda m, x: m.cummax(x, 0).values,
        ([1, 1, 0, 2],),
        [1, 1, 1, 2],
        ([1, 2, 0, 1],),
        ([0] * 4,),
        needs="cummax",
    ),
    Row(
        "cummin(x, 0).values",
        lambda m, x: m.cummin(x, 0).values,
        ([1, 1, 2, 0],),
        [1, 1, 1, 0],
        ([1, 2, 0, 1],),
        ([0] * 4,),
        needs="cummin",
    ),
)

NO_SECOND = "a line has second derivative 0; PyTorch has none"
NO_SLOPE = "a step has slope 0; PyTorch has no derivative"

section(
    "Kinks and steps",
    """
One of the slopes on the two sides, or 0 where both ends of a flat piece meet; the slope of a step is 0 everywhere. `elu`, `selu` and `celu`
belong to their left branch at 0, where their second derivative is 0; next to a kink, every derivative is that of the branch.
""",
    Row("abs(0)", lambda m, x: m.abs(x), (0,), 0, (0,), (0,)),
    Row("abs(-0)", lambda m, x: m.abs(x), (-0.0,), 0, (0,), (0,)),
    Row("sign(0)", lambda m, x: m.sign(x), (0,), 0, (0,), (0,)),
    Row("sign(2)", lambda m, x: m.sign(x), (2,), 1, (0,), (0,)),
    Row("floor(x)", lambda m, x: m.floor(x), ([1.5, 2],), [1, 2], ([0, 0],), ([0, 0],)),
    Row("ceil(2)", lambda m, x: m.ceil(x), (2,), 2, (0,), (0,)),
    Row("round(x)", lambda m, x: m.round(x), ([0.5, 1.2],), [0, 1], ([0, 0],), ([0, 0],)),
    Row("trunc(2)", lambda m, x: m.trunc(x), (2,), 2, (0,), (0,)),
    Row("x - trunc(x)", lambda m, x: x - m.trunc(x), (2,), 0, (1,), (0,)),
    Row("frac(2)", lambda m, x: m.frac(x), (2,), 0, (1,), (0,), needs="frac"),
    Row("relu(x)", lambda m, x: m.relu(x), ([0.0, -0.0],), [0, 0], ([0, 0],), ([0, 0],)),
    Row("relu(nan)", lambda m, x: m.relu(x), (nan,), nan, (1,), (0,)),
    Row("relu6(x)", lambda m, x: F(m).relu6(x), ([0, 6],), [0, 6], ([0, 0],), ([0, 0],)),
    Row("leaky_relu(0, 0.1)", lambda m, x: F(m).leaky_relu(x, 0.1), (0,), 0, (0.1,), (0,)),
    Row("elu(0, alpha=2)", lambda m, x: F(m).elu(x, 2.0), (0,), 0, (2,), (0,)),
    Row("elu(0)", lambda m, x: F(m).elu(x), (0,), 0, (1,), (0,)),
    Row(
        "elu(±1e-9, alpha=2)",
        lambda m, x: F(m).elu(x, 2.0),
        ([-1e-9, 1e-9],),
        [2 * np.expm1(-1e-9), 1e-9],
        ([2 * np.exp(-1e-9), 1],),
        ([2 * np.exp(-1e-9), 0],),
    ),
    Row("selu(0)", lambda m, x: F(m).selu(x), (0,), 0, (1.7580993408473766,), (0,)),
    Row("celu(0, alpha=2)", lambda m, x: F(m).celu(x, 2.0), (0,), 0, (1,), (0,)),
    Row("hardtanh(x)", lambda m, x: F(m).hardtanh(x), ([-1, 1],), [-1, 1], ([0, 0],), ([0, 0],)),
    Row("hardsigmoid(x)", lambda m, x: F(m).hardsigmoid(x), ([-3, 3],), [0, 1], ([0, 0],), ([0, 0],), star=NO_SECOND),
    Row("hardswish(x)", lambda m, x: F(m).hardswish(x), ([-3, 3],), [0, 3], ([0, 1],), ([0, 0],)),
    Row("softshrink(x, 0.5)", lambda m, x: F(m).softshrink(x, 0.5), ([-0.5, 0.5],), [0, 0], ([0, 0],), ([0, 0],)),
    Row("hardshrink(x, 0.5)", lambda m, x: F(m).hardshrink(x, 0.5), ([-0.5, 0.5],), [0, 0], ([0, 0],), ([0, 0],)),
    Row("relu(1 - x), as in a hinge", lambda m, x: m.relu(1 - x), (1,), 0, (0,), (0,)),
    Row("l1_loss(a, b)", lambda m, a, b: F(m).l1_loss(a, b), ([1], [1]), 0, ([0], [0]), ([0], [0])),
    Row("smooth_l1_loss(x, 0), |x| = beta", lambda m, x: F(m).smooth_l1_loss(x, m.zeros_like(x)), ([1],), 0.5, ([1],), ([0],)),
    Row("huber_loss(x, 0), |x| = delta", lambda m, x: F(m).huber_loss(x, m.zeros_like(x)), ([1],), 0.5, ([1],), ([0],)),
    Row("copysign(0, -1)", lambda m, a, b: m.copysign(a, b), (0, -1), 0, (0, 0), (0, 0), needs="copysign"),
    Row("copysign(2, -1)", lambda m, a, b: m.copysign(a, b), (2, -1), -2, (-1, 0), (0, 0), needs="copysign"),
    Row("heaviside(0, 0.5)", lambda m, a, b: m.heaviside(a, b), (0, 0.5), 0.5, (0, 0), (0, 0), star=NO_SLOPE, needs="heaviside"),
    Row("floor_divide(5, 3)", lambda m, a, b: m.floor_divide(a, b), (5, 3), 1, (0, 0), (0, 0), star=NO_SLOPE),
    Row("div(5, 3, rounding_mode='floor')", lambda m, a, b: m.div(a, b, rounding_mode="floor"), (5, 3), 1, (0, 0), (0, 0)),
    Row("lerp(0, 1, 0.5)", lambda m, a, b: m.lerp(a, b, 0.5), (0, 1), 0.5, (0.5, 0.5), (0, 0)),
)

section(
    "Clamping",
    "The gradient is 1 on the closed interval, and the bound gets none there. With min > max the result is max, and the gradient is its.",
    Row("clamp(x, -1, 1)", lambda m, x: m.clamp(x, -1, 1), ([-1, 1],), [-1, 1], ([1, 1],), ([0, 0],)),
    Row("clamp(1, 1, 1)", lambda m, x: m.clamp(x, 1, 1), (1,), 1, (1,), (0,)),
    Row("clamp(0, min=0)", lambda m, x: m.clamp(x, min=0), (0,), 0, (1,), (0,)),
    Row("clamp(nan, -1, 1)", lambda m, x: m.clamp(x, -1, 1), (nan,), nan, (0,), (0,)),
    Row("clamp(x, low, high), x = low", lambda m, x, a, b: m.clamp(x, a, b), (0, 0, 1), 0, (1, 0, 0), (0, 0, 0)),
    Row("clamp(x, low, high), x < low", lambda m, x, a, b: m.clamp(x, a, b), (-1, 0, 1), 0, (0, 1, 0), (0, 0, 0)),
    Row("clamp(x, low, high), low > high", lambda m, x, a, b: m.clamp(x, a, b), (0.5, 1, 0), 0, (0, 0, 1), (0, 0, 0)),
    Row("nan_to_num(x)", lambda m, x: m.nan_to_num(x, 0.0, 9.0, -9.0), ([nan, inf, -inf, 1],), [0, 9, -9, 1], ([0, 0, 0, 1],), ([0] * 4,)),
)

section(
    "Poles and the ends of domains",
    "An infinite derivative is shown, not hidden, and without a warning from NumPy.",
    Row("sqrt(0)", lambda m, x: m.sqrt(x), (0,), 0, (inf,), (-inf,)),
    Row("sqrt(-1)", lambda m, x: m.sqrt(x), (-1,), nan, (nan,), (nan,)),
    Row("rsqrt(0)", lambda m, x: m.rsqrt(x), (0,), inf, (-inf,), (inf,)),
    Row("reciprocal(0)", lambda m, x: m.reciprocal(x), (0,), inf, (-inf,), (inf,)),
    Row("0 / 0", lambda m, a, b: a / b, (0, 0), nan, (inf, nan), (-inf, nan)),
    Row("1 / 0", lambda m, a, b: a / b, (1, 0), inf, (inf, -inf), (-inf, nan)),
    Row("x / x at 0", lambda m, x: x / x, (0,), nan, (nan,), (nan,)),
    Row("log(x)", lambda m, x: m.log(x), ([0, -1],), [-inf, nan], ([inf, -1],), ([-inf, -1],)),
    Row("log1p(-1)", lambda m, x: m.log1p(x), (-1,), -inf, (inf,), (-inf,)),
    Row(
        "x · log(x) at 0", lambda m, x: x * m.log(x), (0,), nan, (-inf,), (inf,), star="the derivative is log(x) + 1; PyTorch adds 0 · inf"
    ),
    Row("xlogy(0, 0)", lambda m, a, b: m.xlogy(a, b), (0, 0), 0, (0, nan), needs="xlogy"),
    Row("entr(0)", lambda m, x: m.special.entr(x), (0,), 0, (inf,), needs="special.entr"),
    Row("asin(x)", lambda m, x: m.asin(x), ([1, -1],), [np.pi / 2, -np.pi / 2], ([inf, inf],), ([inf, -inf],)),
    Row("acos(1)", lambda m, x: m.acos(x), (1,), 0, (-inf,), (-inf,)),
    Row("acosh(1)", lambda m, x: m.acosh(x), (1,), 0, (inf,), (-inf,)),
    Row("atanh(1)", lambda m, x: m.atanh(x), (1,), inf, (inf,), (inf,)),
    Row("tan(π/2)", lambda m, x: m.tan(x), (np.pi / 2,), 1.633123935319537e16, (2.667093788113571e32,), (8.711389406220654e48,)),
    Row("exp(1000)", lambda m, x: m.exp(x), (1000,), inf, (inf,), (inf,)),
    Row("exp(-inf)", lambda m, x: m.exp(x), (-inf,), 0, (0,), (0,)),
    Row("erfinv(1)", lambda m, x: m.erfinv(x), (1,), inf, (inf,), (inf,)),
    Row("logit(0)", lambda m, x: m.logit(x), (0,), -inf, (inf,), (-inf,)),
    Row("logit(x, 0.1)", lambda m, x: m.logit(x, 0.1), ([nan, 0.05],), [nan, -np.log(9)], ([0, 0],), ([0, 0],)),
    Row("lgamma(0)", lambda m, x: m.lgamma(x), (0,), inf, (-inf,), needs="lgamma"),
    Row("digamma(0)", lambda m, x: m.digamma(x), (0,), -inf, (inf,), needs="digamma"),
)

section(
    "Norms and spreads",
    """
The gradient of every norm with p >= 1 at the origin is 0, the subgradient of least length; so is that of a standard deviation of equal
numbers. Where the largest absolute value decides, ties share. One number has no spread with correction 1: nan.
""",
    Row("norm(0, 0)", lambda m, x: m.linalg.norm(x), ([0, 0],), 0, ([0, 0],), ([0, 0],)),
    Row("norm(3, 4)", lambda m, x: m.linalg.norm(x), ([3, 4],), 5, ([0.6, 0.8],), ([0.032, -0.024],)),
    Row(
        "norm(0, 0)²",
        lambda m, x: m.linalg.norm(x) ** 2,
        ([0, 0],),
        0,
        ([0, 0],),
        ([2, 2],),
        star="the Hessian of Σx² is 2I everywhere; PyTorch's is nan at the origin",
    ),
    Row("1-norm", lambda m, x: m.linalg.norm(x, 1), ([0, -2],), 2, ([0, -1],), ([0, 0],)),
    Row("3-norm at the origin", lambda m, x: m.linalg.norm(x, 3), ([0, 0],), 0, ([0, 0],), ([0, 0],)),
    Row("3-norm", lambda m, x: m.linalg.norm(x, 3), ([0, 2],), 2, ([0, 1],), ([0, 0],)),
    Row("½-norm", lambda m, x: m.linalg.norm(x, 0.5), ([0, 1],), 1, ([0, 1],), ([0, 0],)),
    Row("0-norm", lambda m, x: m.linalg.norm(x, 0), ([0, 2],), 1, ([0, 0],), ([0, 0],)),
    Row("inf-norm", lambda m, x: m.linalg.norm(x, inf), ([2, -2, 1],), 2, ([0.5, -0.5, 0],), ([0] * 3,)),
    Row("inf-norm at the origin", lambda m, x: m.linalg.norm(x, inf), ([0, 0],), 0, ([0, 0],), ([0, 0],)),
    Row("-inf-norm", lambda m, x: m.linalg.norm(x, -inf), ([1, -1, 2],), 1, ([0.5, -0.5, 0],), ([0] * 3,)),
    Row("Frobenius norm of zeros", lambda m, x: m.linalg.norm(x), ([[0, 0], [0, 0]],), 0, ([[0, 0], [0, 0]],), ([[0, 0], [0, 0]],)),
    Row("normalize(0, 0)[0]", lambda m, x: F(m).normalize(x, dim=0)[0], ([0, 0],), 0, ([1e12, 0],), ([0, 0],)),
    Row(
        "cosine_similarity(0, b)",
        lambda m, a, b: F(m).cosine_similarity(a, b, dim=0),
        ([0, 0], [1, 0]),
        0,
        ([1e8, 0], [0, 0]),
        ([0, 1e8], [0, 1e8]),
    ),
    Row(
        "pairwise_distance(a, a)",
        lambda m, a, b: F(m).pairwise_distance(a, b, eps=0.0),
        ([[1, 2]], [[1, 2]]),
        [0],
        ([[0, 0]], [[0, 0]]),
        ([[0, 0]], [[0, 0]]),
    ),
    Row("cdist(a, a)", lambda m, a, b: m.cdist(a, b), ([[1, 2]], [[1, 2]]), [[0]], ([[0, 0]], [[0, 0]]), None, needs="cdist"),
    Row("std of one number, correction 1", lambda m, x: m.std(x), ([3],), nan, ([nan],), ([nan],)),
    Row("std of one number, correction 0", lambda m, x: m.std(x, correction=0), ([3],), 0, ([0],), ([0],)),
    Row("std of equal numbers", lambda m, x: m.std(x), ([2, 2, 2],), 0, ([0] * 3,), ([0] * 3,)),
    Row("the same, correction 0", lambda m, x: m.std(x, correction=0), ([2, 2, 2],), 0, ([0] * 3,), ([0] * 3,)),
    Row("var of one number, correction 1", lambda m, x: m.var(x), ([3],), nan, ([nan],)),
    Row("var of one number, correction 0", lambda m, x: m.var(x, correction=0), ([3],), 0, ([0],), ([0],)),
    Row("var of equal numbers", lambda m, x: m.var(x), ([2, 2, 2],), 0, ([0] * 3,), ([0] * 3,)),
)


def _to(exponent: float) -> Callable[..., Any]:
    return lambda m, x: m.pow(x, exponent)


def _pow(m: Any, a: Any, b: Any) -> Any:
    return m.pow(a, b)


section(
    "Powers",
    """
x⁰ is 1 with derivative 0, at 0 as well. Integer exponents are exact to every order, also for a negative base. With respect to the exponent,
0ᵇ has derivative 0 for b >= 0, and a negative base none: nan.
""",
    Row("x²", _to(2), ([0, -2],), [0, 4], ([0, -4],), ([2, 2],)),
    Row("x² with 2.0", _to(2.0), ([0, -2],), [0, 4], ([0, -4],), ([2, 2],)),
    Row("x¹", _to(1), (0,), 0, (1,), (0,)),
    Row("x³", _to(3), (0,), 0, (0,), (0,)),
    Row("x⁰", _to(0), (0,), 1, (0,), (0,)),
    Row("x⁰ with 0.0", _to(0.0), (0,), 1, (0,), (0,)),
    Row("x^0.5", _to(0.5), (0,), 0, (inf,), (-inf,)),
    Row("x^1.5", _to(1.5), (0,), 0, (0,), (inf,)),
    Row("x^2.5", _to(2.5), (0,), 0, (0,), (0,)),
    Row("x⁻¹", _to(-1), (0,), inf, (-inf,), (inf,)),
    Row("pow(0, 0)", _pow, (0, 0), 1, (0, 0)),
    Row("pow(0, 1)", _pow, (0, 1), 0, (1, 0)),
    Row("pow(0, 2)", _pow, (0, 2), 0, (0, 0), (2, 0)),
    Row("pow(0, 0.5)", _pow, (0, 0.5), 0, (inf, 0)),
    Row("pow(0, -1)", _pow, (0, -1), inf, (-inf, -inf), (inf, inf)),
    Row("pow(-2, 2)", _pow, (-2, 2), 4, (-4, nan), (nan, nan)),
    Row("pow(-2, 3)", _pow, (-2, 3), -8, (12, nan), (nan, nan)),
    Row(
        "pow(1, 0)",
        _pow,
        (1, 0),
        1,
        (0, 0),
        (1, 1),
        star="∂²/∂a∂b at b = 0 is 1 / a from both sides; PyTorch takes b · aᵇ⁻¹ for the constant 0 there",
    ),
    Row("2ˣ at 0", lambda m, x: 2.0**x, (0,), 1, (np.log(2),), (np.log(2) ** 2,)),
    Row("0ˣ", lambda m, x: 0.0**x, ([0, 2],), [1, 0], ([0, 0],), ([0, 0],)),
    Row("float_power(0, 0)", lambda m, a, b: m.float_power(a, b), (0, 0), 1, (0, 0), needs="float_power"),
)

section(
    "Products with zeros",
    "Exact to second order, whatever the number of zeros; nothing is divided by an element.",
    Row("prod(x), one zero", lambda m, x: m.prod(x), ([2, 0, 3],), 0, ([0, 6, 0],), ([3, 5, 2],)),
    Row("prod(x), two zeros", lambda m, x: m.prod(x), ([2, 0, 0],), 0, ([0, 0, 0],), ([0, 2, 2],)),
    Row("cumprod(x), one zero", lambda m, x: m.cumprod(x, 0), ([2, 0, 3],), [2, 0, 0], ([1, 8, 0],), ([4, 6, 2],)),
    Row("cumprod(x), two zeros", lambda m, x: m.cumprod(x, 0), ([2, 0, 0, 3],), [2, 0, 0, 0], ([1, 2, 0, 0],), ([1, 9, 8, 0],)),
    Row("prod of nothing", lambda m, x: m.prod(x), ([],), 1, ([],), ([],)),
)

EMPTY_SUM = "the sum is 0 and stays 0 for every finite change; PyTorch has nan, which one masked row spreads over all weights"
EQUAL = "equal arguments share equally, as at every other point; PyTorch has nan"

section(
    "Sums of exponentials",
    "",
    Row("logsumexp(-inf, -inf)", lambda m, x: m.logsumexp(x, 0), ([-inf, -inf],), -inf, ([0, 0],), ([0, 0],), star=EMPTY_SUM),
    Row("logsumexp(-inf, 0)", lambda m, x: m.logsumexp(x, 0), ([-inf, 0],), 0, ([0, 1],), ([0, 0],)),
    Row("logsumexp(inf, 0)", lambda m, x: m.logsumexp(x, 0), ([inf, 0],), inf, ([nan, 0],), ([nan, nan],)),
    Row("logsumexp(1000, 1000)", lambda m, x: m.logsumexp(x, 0), ([1000, 1000],), 1000 + np.log(2), ([0.5, 0.5],), ([0, 0],)),
    Row("logaddexp(-inf, -inf)", lambda m, a, b: m.logaddexp(a, b), (-inf, -inf), -inf, (0.5, 0.5), (0, 0), star=EQUAL),
    Row("logaddexp(inf, inf)", lambda m, a, b: m.logaddexp(a, b), (inf, inf), inf, (0.5, 0.5), (0, 0), star=EQUAL),
    Row("logaddexp(-inf, 0)", lambda m, a, b: m.logaddexp(a, b), (-inf, 0), 0, (0, 1), (0, 0)),
    Row(
        "logcumsumexp(-inf, 0)",
        lambda m, x: m.logcumsumexp(x, 0),
        ([-inf, 0],),
        [-inf, 0],
        ([0, 1],),
        ([0, 0],),
        star=EMPTY_SUM,
        needs="logcumsumexp",
    ),
    Row("softmax(-inf, 0)[0]", lambda m, x: m.softmax(x, 0)[0], ([-inf, 0],), 0, ([0, 0],), ([0, 0],)),
    Row("softmax(-inf, -inf)", lambda m, x: m.softmax(x, 0), ([-inf, -inf],), [nan, nan], ([nan, nan],), ([nan, nan],)),
    Row(
        "softmax(masked_fill(x, mask, -inf))[0]",
        lambda m, x: m.softmax(x.masked_fill(m.tensor([False, True]), -inf), 0)[0],
        ([1, 2],),
        1,
        ([0, 0],),
        ([0, 0],),
    ),
    Row("log_softmax(-inf, 0)[1]", lambda m, x: m.log_softmax(x, 0)[1], ([-inf, 0],), 0, ([0, 0],), ([0, 0],)),
    Row(
        "softplus(x)",
        lambda m, x: F(m).softplus(x),
        ([0, 50, 1000, -1000],),
        [np.log(2), 50, 1000, 0],
        ([0.5, 1, 1, 0],),
        ([0.25, 0, 0, 0],),
    ),
    Row("logsigmoid(x)", lambda m, x: F(m).logsigmoid(x), ([0, 1000, -1000],), [-np.log(2), 0, -1000], ([0.5, 0, 1],), ([-0.25, 0, 0],)),
    Row("sigmoid(x)", lambda m, x: m.sigmoid(x), ([1000, -1000],), [1, 0], ([0, 0],), ([0, 0],)),
    Row("gelu(0)", lambda m, x: F(m).gelu(x), (0,), 0, (0.5,), (np.sqrt(2 / np.pi),)),
    Row("silu(0)", lambda m, x: F(m).silu(x), (0,), 0, (0.5,), (0.5,)),
)

DEAD = "the branch not taken contributes exactly 0; PyTorch multiplies its infinite or undefined slope by 0 and has nan"
MASK = [False, True]

section(
    "Branches not taken",
    """
`where`, `masked_fill` and indexing hand the elements that were not chosen a cotangent of exactly 0. It stays 0 on the way back
through everything that made them, in every order, in a plain backward and in one that records: no `where` inside of a `where` is needed.
""",
    Row("where(x > 0, √x, 0)", lambda m, x: m.where(x > 0, m.sqrt(x), 0.0), ([0, 4],), [0, 2], ([0, 0.25],), ([0, -1 / 32],), star=DEAD),
    Row("where(x > 0, log(x), 0)", lambda m, x: m.where(x > 0, m.log(x), 0.0), ([-1, 0],), [0, 0], ([0, 0],), ([0, 0],), star=DEAD),
    Row("where(x > 0, 0, 1 / x)", lambda m, x: m.where(x > 0, 1 / x, 0.0), ([0, 2],), [0, 0.5], ([0, -0.25],), ([0, 0.25],), star=DEAD),
    Row("where(x != 0, sin(x) / x, 1)", lambda m, x: m.where(x != 0, m.sin(x) / x, 1.0), (0,), 1, (0,), (0,), star=DEAD),
    Row("where(x < 1, exp(x), 0)", lambda m, x: m.where(x < 1, m.exp(x), 0.0), ([1000, 0],), [0, 1], ([0, 1],), ([0, 1],), star=DEAD),
    Row(
        "where(mask, x, √x · 0)",
        lambda m, x: m.where(m.tensor([True, False]), x, m.sqrt(x) * 0.0),
        ([0, 4],),
        [0, 0],
        ([1, 0],),
        ([0, 0],),
        star=DEAD,
    ),
    Row(
        "masked_fill(√x, mask, 1)",
        lambda m, x: m.sqrt(x).masked_fill(m.tensor([True, False]), 1.0),
        ([0, 4],),
        [1, 2],
        ([0, 0.25],),
        ([0, -1 / 32],),
        star=DEAD,
    ),
    Row(
        "masked_select(log(x), mask)",
        lambda m, x: m.masked_select(m.log(x), m.tensor(MASK)),
        ([0, 2],),
        [np.log(2)],
        ([0, 0.5],),
        ([0, -0.25],),
        star=DEAD,
    ),
    Row("√x[1]", lambda m, x: m.sqrt(x)[1], ([0, 4],), 2, ([0, 0.25],), ([0, -1 / 32],), star=DEAD),
    Row("√x[1:]", lambda m, x: m.sqrt(x)[1:], ([0, 4],), [2], ([0, 0.25],), ([0, -1 / 32],), star=DEAD),
    Row("√x[mask]", lambda m, x: m.sqrt(x)[m.tensor(MASK)], ([0, 4],), [2], ([0, 0.25],), ([0, -1 / 32],), star=DEAD),
    Row("√x[[1, 1]]", lambda m, x: m.sqrt(x)[m.tensor([1, 1])], ([0, 4],), [2, 2], ([0, 0.5],), ([0, -1 / 16],), star=DEAD),
    Row(
        "index_select(√x, 0, [1])",
        lambda m, x: m.index_select(m.sqrt(x), 0, m.tensor([1])),
        ([0, 4],),
        [2],
        ([0, 0.25],),
        ([0, -1 / 32],),
        star=DEAD,
    ),
    Row("gather(√x, 0, [1])", lambda m, x: m.gather(m.sqrt(x), 0, m.tensor([1])), ([0, 4],), [2], ([0, 0.25],), ([0, -1 / 32],), star=DEAD),
    Row("max(√x)", lambda m, x: m.max(m.sqrt(x)), ([0, 4],), 2, ([0, 0.25],), ([0, -1 / 32],), star=DEAD),
    Row("√x after √x[0] = 1", lambda m, x: _overwritten(m.sqrt(x)), ([0, 4],), [1, 2], ([0, 0.25],), ([0, -1 / 32],), star=DEAD),
    Row("clamp(log(x), min=-1)", lambda m, x: m.clamp(m.log(x), min=-1), ([0, 2],), [-1, np.log(2)], ([0, 0.5],), ([0, -0.25],), star=DEAD),
    Row("relu(log(x))", lambda m, x: m.relu(m.log(x)), ([0, 2],), [0, np.log(2)], ([0, 0.5],), ([0, -0.25],), star=DEAD),
    Row("where inside of where", lambda m, x: m.where(x > 0, m.sqrt(m.where(x > 0, x, 1.0)), 0.0), (0,), 0, (0,), (0,)),
)


def _overwritten(y: Any) -> Any:
    y = y.clone()
    y[0] = 1.0
    return y


section(
    "Remainders",
    "d/da is 1; d/db is -trunc(a / b) for `fmod`, -floor(a / b) for `remainder`, at their jumps too.",
    Row("fmod(5, 3)", lambda m, a, b: m.fmod(a, b), (5, 3), 2, (1, -1), (0, 0)),
    Row("fmod(-5, 3)", lambda m, a, b: m.fmod(a, b), (-5, 3), -2, (1, 1), (0, 0)),
    Row("fmod(6, 3)", lambda m, a, b: m.fmod(a, b), (6, 3), 0, (1, -2), (0, 0)),
    Row("fmod(5, 0)", lambda m, a, b: m.fmod(a, b), (5, 0), nan, (1, -inf), (0, 0)),
    Row("remainder(-5, 3)", lambda m, a, b: m.remainder(a, b), (-5, 3), 1, (1, 2), (0, 0)),
    Row("remainder(6, 3)", lambda m, a, b: m.remainder(a, b), (6, 3), 0, (1, -2), (0, 0)),
)

section(
    "The origin of the plane, and of sinc",
    "",
    Row(
        "hypot(0, 0)",
        lambda m, a, b: m.hypot(a, b),
        (0, 0),
        0,
        (0, 0),
        (0, 0),
        star="the subgradient of least length, as for norms; PyTorch has nan",
    ),
    Row("atan2(0, 0)", lambda m, a, b: m.atan2(a, b), (0, 0), 0, (0, 0), (0, 0)),
    Row(
        "sinc(0)",
        lambda m, x: m.sinc(x),
        (0,),
        1,
        (0,),
        (-(np.pi**2) / 3,),
        star="sinc is smooth at 0; PyTorch's second derivative is nan",
        needs="sinc",
    ),
)

WINNER = "only the write that is left got there; PyTorch gives the overwritten ones a gradient too"

section(
    "Reading and writing one place twice",
    "Reading twice adds both gradients. Of several writes to one place the last is left, and only it gets the gradient.",
    Row("x[[0, 0]]", lambda m, x: x[m.tensor([0, 0])], ([5, 7],), [5, 5], ([2, 0],), ([0, 0],)),
    Row("gather(x, 0, [0, 0])", lambda m, x: m.gather(x, 0, m.tensor([0, 0])), ([5, 7],), [5, 5], ([2, 0],), ([0, 0],)),
    Row("index_add at [0, 0]", lambda m, v: _zeros(m).index_add(0, m.tensor([0, 0]), v), ([1, 2],), [3, 0], ([1, 1],), ([0, 0],)),
    Row("scatter_add at [0, 0]", lambda m, v: _zeros(m).scatter_add(0, m.tensor([0, 0]), v), ([1, 2],), [3, 0], ([1, 1],), ([0, 0],)),
    Row(
        "index_put at [0, 0], accumulated",
        lambda m, v: _zeros(m).index_put((m.tensor([0, 0]),), v, True),
        ([1, 2],),
        [3, 0],
        ([1, 1],),
        ([0, 0],),
    ),
    Row(
        "index_put at [0, 0]",
        lambda m, v: _zeros(m).index_put((m.tensor([0, 0]),), v),
        ([1, 2],),
        [2, 0],
        ([0, 1],),
        ([0, 0],),
        star=WINNER,
    ),
    Row("scatter at [0, 0]", lambda m, v: _zeros(m).scatter(0, m.tensor([0, 0]), v), ([1, 2],), [2, 0], ([0, 1],), ([0, 0],), star=WINNER),
    Row(
        "index_copy at [0, 0]",
        lambda m, v: _zeros(m).index_copy(0, m.tensor([0, 0]), v),
        ([1, 2],),
        [2, 0],
        ([0, 1],),
        ([0, 0],),
        star=WINNER,
    ),
)


def _zeros(m: Any) -> Any:
    return m.zeros(2, dtype=m.float64)


SINGULAR = [[1, 2], [2, 4]]

section(
    "Matrices",
    "",
    Row("trace", lambda m, x: m.trace(x), ([[1, 2], [3, 4]],), 5, ([[1, 0], [0, 1]],), ([[0, 0], [0, 0]],)),
    Row(
        "det of a singular matrix",
        lambda m, x: m.linalg.det(x),
        (SINGULAR,),
        0,
        ([[4, -2], [-2, 1]],),
        star="the derivative of a determinant is the adjugate, which needs no inverse; PyTorch has 0",
        needs="linalg.det",
    ),
    Row("det of zeros, 2 × 2", lambda m, x: m.linalg.det(x), ([[0, 0], [0, 0]],), 0, ([[0, 0], [0, 0]],), needs="linalg.det"),
    Row("det of zeros, 3 × 3", lambda m, x: m.linalg.det(x), ([[0] * 3] * 3,), 0, ([[0] * 3] * 3,), needs="linalg.det"),
    Row(
        "slogdet(x)[1] of a singular matrix",
        lambda m, x: m.linalg.slogdet(x)[1],
        (SINGULAR,),
        -inf,
        ([[-inf, inf], [inf, -inf]],),
        needs="linalg.slogdet",
    ),
    Row("inv of a singular matrix", lambda m, x: m.linalg.inv(x), ([[1, 1], [1, 1]],), "refused", needs="linalg.inv"),
    Row(
        "cholesky of what is not positive definite",
        lambda m, x: m.linalg.cholesky(x),
        ([[1, 2], [2, 1]],),
        "refused",
        needs="linalg.cholesky",
    ),
    Row("eigvalsh(I)[0]", lambda m, x: m.linalg.eigvalsh(x)[0], ([[1, 0], [0, 1]],), 1, ([[1, 0], [0, 0]],), needs="linalg.eigvalsh"),
    Row("svdvals(I)", lambda m, x: m.linalg.svdvals(x), ([[1, 0], [0, 1]],), [1, 1], ([[1, 0], [0, 1]],), needs="linalg.svdvals"),
    Row(
        "nuclear norm of zeros, Σ svdvals",
        lambda m, x: m.linalg.svdvals(x).sum(),
        ([[0, 0], [0, 0]],),
        0,
        ([[1, 0], [0, 1]],),
        needs="linalg.svdvals",
    ),
    Row(
        "cholesky",
        lambda m, x: m.linalg.cholesky(x),
        ([[2, 1], [1, 2]],),
        [[2**0.5, 0], [0.5**0.5, 1.5**0.5]],
        ([[0.278838767912603, 0.149429245361342], [0.149429245361342, 0.408248290463863]],),
        needs="linalg.cholesky",
    ),
)


def _bce(m: Any, p: Any, target: Any) -> Any:
    return F(m).binary_cross_entropy(p, target)


section(
    "Losses",
    """
From logits, the binary cross entropy is exact. Of probabilities, the logarithms are at least -100 and the denominator of the slope at least
1e-12, as in PyTorch.
""",
    Row("binary_cross_entropy(p, t), p = 0, t = 0", _bce, ([0], [0]), 0, ([0], [inf]), ([-inf], [-1e12])),
    Row("the same, p = 0, t = 1", _bce, ([0], [1]), 100, ([-1e12], [inf]), ([-inf], [-1e12])),
    Row("the same, p = 1, t = 1", _bce, ([1], [1]), 0, ([0], [-inf]), ([-inf], [-1e12])),
    Row("the same, p = 1, t = 0", _bce, ([1], [0]), 100, ([1e12], [-inf]), ([-inf], [-1e12])),
    Row("the same, p = 0, of the constant 0", lambda m, p: _bce(m, p, m.zeros_like(p)), ([0],), 0, ([0],), ([0],)),
    Row("the same, p = 0, of the constant 1", lambda m, p: _bce(m, p, m.ones_like(p)), ([0],), 100, ([-1e12],), ([1e24],)),
    Row("the same, p = 1, of the constant 0", lambda m, p: _bce(m, p, m.zeros_like(p)), ([1],), 100, ([1e12],), ([1e24],)),
    Row("the same, p = 1, of the constant 1", lambda m, p: _bce(m, p, m.ones_like(p)), ([1],), 0, ([0],), ([0],)),
    Row(
        "binary_cross_entropy_with_logits(x, t)",
        lambda m, x, t: F(m).binary_cross_entropy_with_logits(x, t, reduction="none"),
        ([1000, -1000, 0], [0, 1, 1]),
        [1000, 1000, np.log(2)],
        ([1, -1, -0.5], [-1000, 1000, 0]),
        ([-1, -1, -0.75], [-1, -1, -1]),
    ),
    Row("kl_div(x, 0)", lambda m, x: F(m).kl_div(x, m.zeros_like(x), reduction="sum"), ([-1],), 0, ([0],), ([0],)),
)

section(
    "nan and nothing",
    "A nan in a reduction shows in its value; what ignores nan gives it no gradient.",
    Row("nansum(x)", lambda m, x: m.nansum(x), ([nan, 1],), 1, ([0, 1],), ([0, 0],)),
    Row("nanmean(x)", lambda m, x: m.nanmean(x), ([nan, 1, 2],), 1.5, ([0, 0.5, 0.5],), ([0] * 3,)),
    Row("sum(x)", lambda m, x: m.sum(x), ([nan, 1],), nan, ([1, 1],), ([0, 0],)),
    Row("mean(x)", lambda m, x: m.mean(x), ([nan, 1],), nan, ([0.5, 0.5],), ([0, 0],)),
    Row("prod(x)", lambda m, x: m.prod(x), ([nan, 2],), nan, ([nan, nan],), ([nan, nan],)),
    Row("sum of nothing", lambda m, x: m.sum(x), ([],), 0, ([],), ([],)),
    Row("max of nothing", lambda m, x: m.max(x), ([],), "refused"),
    Row("mean of nothing", lambda m, x: m.mean(x), ([],), nan, ([],), ([],)),
)

ROWS = [row for _, _, rows in SECTIONS for row in rows]

if __name__ == "__main__":
    PAGE.write_text(text())
