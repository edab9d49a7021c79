"""Elementwise functions against torch: values, first and second derivatives, at ordinary and at extreme points."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_reg as tg
from tinygrad_reg.engine.primitive import PRIMITIVES
from tinygrad_reg.errors import DtypeError
from tinygrad_reg.testing import arrays_for

from .compare import compare, same_error

torch = pytest.importorskip("torch")

nan, inf = np.nan, np.inf
Function = Callable[..., Any]
FLOATS = ["float64", "float32", "float16"]

UNARY = [
    "neg",
    "abs",
    "sign",
    "floor",
    "ceil",
    "trunc",
    "round",
    "square",
    "sqrt",
    "rsqrt",
    "reciprocal",
    "exp",
    "exp2",
    "expm1",
    "log",
    "log2",
    "log10",
    "log1p",
    "logit",
    "sin",
    "cos",
    "tan",
    "asin",
    "acos",
    "atan",
    "sinh",
    "cosh",
    "tanh",
    "asinh",
    "acosh",
    "atanh",
    "sigmoid",
    "relu",
    "nan_to_num",
]
BINARY = [
    "add",
    "sub",
    "mul",
    "div",
    "pow",
    "atan2",
    "hypot",
    "logaddexp",
    "maximum",
    "minimum",
    "fmax",
    "fmin",
    "remainder",
    "fmod",
    "clamp_min",
    "clamp_max",
]
COMPARISONS = ["eq", "ne", "lt", "le", "gt", "ge", "logical_and", "logical_or", "logical_xor"]
NO_GRADIENT = ["isnan", "isinf", "isfinite", "logical_not"]

OTHERS: dict[str, tuple[int, Function, Function]] = {
    "x ** 3": (1, lambda x: x**3, lambda x: x**3),
    "x ** 2": (1, lambda x: x**2, lambda x: x**2),
    "x ** 1": (1, lambda x: x**1, lambda x: x**1),
    "x ** 0": (1, lambda x: x**0, lambda x: x**0),
    "x ** 0.0": (1, lambda x: x**0.0, lambda x: x**0.0),
    "x ** 2.0": (1, lambda x: x**2.0, lambda x: x**2.0),
    "x ** -1": (1, lambda x: x**-1, lambda x: x**-1),
    "x ** -2.0": (1, lambda x: x**-2.0, lambda x: x**-2.0),
    "x ** 0.5": (1, lambda x: x**0.5, lambda x: x**0.5),
    "x ** 1.5": (1, lambda x: x**1.5, lambda x: x**1.5),
    "x ** 2.5": (1, lambda x: x**2.5, lambda x: x**2.5),
    "2 ** x": (1, lambda x: 2**x, lambda x: 2**x),
    "0.5 ** x": (1, lambda x: 0.5**x, lambda x: 0.5**x),
    "0 ** x": (1, lambda x: 0**x, lambda x: 0**x),
    "1 / x": (1, lambda x: 1 / x, lambda x: 1 / x),
    "3 - x": (1, lambda x: 3 - x, lambda x: 3 - x),
    "x - 3": (1, lambda x: x - 3, lambda x: x - 3),
    "x // 2": (1, lambda x: x // 2, lambda x: torch.div(x, 2, rounding_mode="floor")),
    "x % 2": (1, lambda x: x % 2, lambda x: x % 2),
    "add alpha": (2, lambda x, y: tg.add(x, y, alpha=2.5), lambda x, y: torch.add(x, y, alpha=2.5)),
    "sub alpha": (2, lambda x, y: tg.sub(x, y, alpha=2), lambda x, y: torch.sub(x, y, alpha=2)),
    "div trunc": (2, lambda x, y: tg.div(x, y, rounding_mode="trunc"), lambda x, y: torch.div(x, y, rounding_mode="trunc")),
    "div floor": (2, lambda x, y: tg.div(x, y, rounding_mode="floor"), lambda x, y: torch.div(x, y, rounding_mode="floor")),
    "clamp": (1, lambda x: tg.clamp(x, -1, 1), lambda x: torch.clamp(x, -1, 1)),
    "clamp min": (1, lambda x: tg.clamp(x, min=0.5), lambda x: torch.clamp(x, min=0.5)),
    "clamp max": (1, lambda x: tg.clamp(x, max=0), lambda x: torch.clamp(x, max=0)),
    "clamp tensors": (3, tg.clamp, torch.clamp),
    "lerp": (3, tg.lerp, torch.lerp),
    "lerp number": (2, lambda x, y: tg.lerp(x, y, 0.3), lambda x, y: torch.lerp(x, y, 0.3)),
    "addcmul": (3, lambda x, y, z: tg.addcmul(x, y, z, value=0.5), lambda x, y, z: torch.addcmul(x, y, z, value=0.5)),
    "addcdiv": (3, lambda x, y, z: tg.addcdiv(x, y, z, value=0.5), lambda x, y, z: torch.addcdiv(x, y, z, value=0.5)),
    "round decimals": (1, lambda x: tg.round(x, decimals=2), lambda x: torch.round(x, decimals=2)),
    "logit eps": (1, lambda x: tg.logit(x, 0.1), lambda x: torch.logit(x, 0.1)),
    "where": (2, lambda x, y: tg.where(x > y, x * 2, y), lambda x, y: torch.where(x > y, x * 2, y)),
    "where number": (1, lambda x: tg.where(x > 0, x, 0.5), lambda x: torch.where(x > 0, x, 0.5)),
    "nan_to_num": (1, lambda x: tg.nan_to_num(x, 1.0, 2.0, 3.0), lambda x: torch.nan_to_num(x, 1.0, 2.0, 3.0)),
    "isclose": (2, tg.isclose, torch.isclose),
    "allclose": (2, tg.allclose, torch.allclose),
    "equal": (2, tg.equal, torch.equal),
}


def both(name: str) -> tuple[int, Function, Function]:
    """Number of arguments, our function, torch's function."""
    if name in OTHERS:
        return OTHERS[name]
    return (1 if name in UNARY or name in NO_GRADIENT else 2), getattr(tg, name), getattr(torch, name)


def inputs(name: str, shapes: Any, seed: int, dtype: str) -> list[Any]:
    """From the declared domain, away from kinks; for composite functions from (0.1, 2.9)."""
    rng = np.random.default_rng(seed)
    if name in PRIMITIVES and name not in OTHERS:
        return arrays_for(PRIMITIVES[name], rng, shapes, dtype=dtype)
    return [np.asarray(rng.uniform(0.1, 2.9, shape)).astype(dtype) for shape in shapes]


SHAPES: dict[int, list[Any]] = {
    1: [((2, 3),), ((),), ((0, 2),), ((1,),)],
    2: [((2, 3), (2, 3)), ((2, 1), (3,)), ((), (2,)), ((2,), ()), ((), ()), ((0, 2), (2,))],
    3: [((2, 3), (2, 3), (2, 3)), ((3,), (2, 1), ()), ((), (2,), (1,))],
}


@pytest.mark.parametrize("name", [*UNARY, *BINARY, *COMPARISONS, *NO_GRADIENT, *OTHERS])
def test_ordinary_points(name: str) -> None:
    count, ours, theirs = both(name)
    for dtype, shapes in itertools.product(FLOATS, SHAPES[count]):
        if name in ("lerp", "clamp tensors") and len({len(s) for s in shapes}) > 1:
            continue  # torch does not broadcast there, or fails in its backward
        loose = dtype == "float16"
        second = not loose and name != "0 ** x"  # torch's is nan there
        compare(ours, theirs, *inputs(name, shapes, 0, dtype), second=second, rtol=2e-2 if loose else None)


@pytest.mark.parametrize("name", [*UNARY, *BINARY])
@given(seed=st.integers(0, 2**31))
def test_random_points(name: str, seed: int) -> None:
    count, ours, theirs = both(name)
    compare(ours, theirs, *inputs(name, SHAPES[count][1], seed, "float64"), rtol=1e-7)


POINTS = [0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.0, -2.0, 3.0, inf, -inf, nan, 1e-8, -1e-8, 40.0, -40.0, 800.0, -800.0]

#: Where we do not follow torch on purpose (gradient_conventions.md, stars) or at a point without meaning: (function, order, condition).
ON_PURPOSE: dict[str, Callable[..., Any]] = {
    "sign": lambda x: np.isnan(x),  # torch says 0; nan must surface
    "abs": lambda x: np.isnan(x),
    "hypot": lambda x, y: (x == 0) & (y == 0) | np.isinf(x) | np.isinf(y),  # torch: nan at the origin
    "logaddexp": lambda x, y: np.isinf(x) & (x == y),  # torch: nan
    "atan2": lambda x, y: np.isinf(x) | np.isinf(y),
    "logit": lambda x: (x < 0) | (x > 1),
    "pow": lambda x, y: (y == 0) & (x > 0),  # torch's second derivative by both is 0 there
    "x ** 0.5": lambda x: x == 0,  # (-0)^-0.5 is inf by the C standard, torch says -inf
    "x ** 1.5": lambda x: x == 0,
}


def array_of(x: Any) -> Any:
    return x.detach().numpy(force=True)


def derivatives(f: Function, arrays: list[Any], m: Any) -> list[Any]:
    """Value, first and second derivatives of the sum, as arrays; zeros where torch has none."""
    x = [m.tensor(a, requires_grad=True) for a in arrays]
    y = f(*x)
    found = [y.detach().numpy()]
    if not y.requires_grad:
        return found + [np.zeros_like(a) for a in arrays] * 2
    first = m.autograd.grad(y.sum(), x, create_graph=True, allow_unused=True)
    found += [np.zeros_like(a) if g is None else array_of(g) for g, a in zip(first, arrays, strict=True)]
    total = sum(g.sum() for g in first if g is not None)
    rough = isinstance(total, int) or not total.requires_grad
    second = [None] * len(x) if rough else m.autograd.grad(total, x, allow_unused=True)
    return found + [np.zeros_like(a) if g is None else array_of(g) for g, a in zip(second, arrays, strict=True)]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", [n for n in [*UNARY, *BINARY, *OTHERS] if n not in ("allclose", "equal")])
def test_extreme_points(name: str, dtype: str) -> None:
    """The same as torch, or finite or infinite where torch only has nan; never nan or another number where torch has one."""
    count, ours, theirs = both(name)
    points = POINTS if count < 3 else POINTS[::2]
    arrays = [np.asarray(a.ravel(), dtype) for a in np.meshgrid(*[points] * count)]
    excused = ON_PURPOSE[name](*arrays) if name in ON_PURPOSE else np.zeros(arrays[0].shape, bool)
    wrong = []
    labels = ["value"] + [f"{order} derivative by argument {i}" for order in ("first", "second") for i in range(count)]
    for label, got, want in zip(labels, derivatives(ours, arrays, tg), derivatives(theirs, arrays, torch), strict=True):
        better = np.isnan(want) if label != "value" and want.dtype.kind == "f" else np.zeros(want.shape, bool)
        close = np.isclose(got, want, rtol=1e-9 if dtype == "float64" else 1e-4, atol=1e-12 if dtype == "float64" else 1e-6, equal_nan=True)
        for i in np.flatnonzero(~(close | better | excused)):
            wrong.append(f"{label} at {[float(a[i]) for a in arrays]}: torch {want[i]}, ours {got[i]}")
    assert not wrong, f"{name}: {len(wrong)} points differ\n" + "\n".join(wrong[:30])


@pytest.mark.parametrize(
    "call",
    [
        lambda m, x: x + m.ones(5),
        lambda m, x: m.sin("1"),
        lambda m, x: m.add(x, "1"),
        lambda m, x: x & x,
        lambda m, x: ~x,
        lambda m, x: m.clamp(x),
        lambda m, x: m.div(x, x, rounding_mode="up"),
        lambda m, x: m.tensor([True]) - m.tensor([True]),
        lambda m, x: -m.tensor([True]),
        lambda m, x: m.tensor([1]) // 0,
        lambda m, x: m.tensor([1, 2]) ** -1,
        lambda m, x: m.where(x, x, x),
        lambda m, x: m.maximum(x, m.ones(2)),
        lambda m, x: x.add_(m.ones(2, 3)),
        lambda m, x: m.tensor([1]).div_(2),
        lambda m, x: m.tensor([1]).add_(0.5),
    ],
)
def test_what_is_refused(call: Any) -> None:
    same_error(lambda x: call(tg, x), lambda x: call(torch, x), np.ones(3))


def test_plus_x_is_x_itself() -> None:
    for m in (tg, torch):
        x = m.ones(2, requires_grad=True)
        assert +x is x
        assert m.positive(x) is x
        with pytest.raises(RuntimeError if m is torch else DtypeError):
            +m.ones(2, dtype=m.bool)
