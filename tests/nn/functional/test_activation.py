"""Activation functions at the points where there is a choice, and their second derivatives beside them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_reg as tg
from tinygrad_reg.errors import ArgumentError, ArgumentTypeError, ShapeError
from tinygrad_reg.nn import functional as F

Function = Callable[[Any], Any]

# function, point, value, first and second derivative there
POINTS: list[tuple[str, Function, float, float, float, float]] = [
    ("relu", F.relu, 0.0, 0.0, 0.0, 0.0),
    ("leaky_relu", lambda x: F.leaky_relu(x, 0.1), 0.0, 0.0, 0.1, 0.0),
    ("relu6 low", F.relu6, 0.0, 0.0, 0.0, 0.0),
    ("relu6 high", F.relu6, 6.0, 6.0, 0.0, 0.0),
    ("hardtanh low", F.hardtanh, -1.0, -1.0, 0.0, 0.0),
    ("hardtanh high", F.hardtanh, 1.0, 1.0, 0.0, 0.0),
    ("hardtanh inside", F.hardtanh, 0.5, 0.5, 1.0, 0.0),
    ("elu", lambda x: F.elu(x, 2.0), 0.0, 0.0, 2.0, 0.0),
    ("elu left", F.elu, -1.0, np.expm1(-1.0), np.exp(-1.0), np.exp(-1.0)),
    ("elu right", F.elu, 1e-9, 1e-9, 1.0, 0.0),
    ("selu", F.selu, 0.0, 0.0, 1.7580993408473766, 0.0),
    ("celu", lambda x: F.celu(x, 2.0), 0.0, 0.0, 1.0, 0.0),
    ("hardsigmoid low", F.hardsigmoid, -3.0, 0.0, 0.0, 0.0),
    ("hardsigmoid high", F.hardsigmoid, 3.0, 1.0, 0.0, 0.0),
    ("hardswish low", F.hardswish, -3.0, 0.0, 0.0, 0.0),
    ("hardswish high", F.hardswish, 3.0, 3.0, 1.0, 0.0),
    ("hardswish inside", F.hardswish, 1.0, 4 / 6, 5 / 6, 1 / 3),
    ("softshrink", F.softshrink, 0.5, 0.0, 0.0, 0.0),
    ("hardshrink", F.hardshrink, -0.5, 0.0, 0.0, 0.0),
    ("threshold", lambda x: F.threshold(x, 1.0, 20.0), 1.0, 20.0, 0.0, 0.0),
    ("softsign", F.softsign, 0.0, 0.0, 1.0, 0.0),
    ("tanhshrink", F.tanhshrink, 0.0, 0.0, 0.0, 0.0),
    ("mish", F.mish, 0.0, 0.0, 0.6, 0.64),
    ("silu", F.silu, 0.0, 0.0, 0.5, 0.5),
    ("elu far right", F.elu, 1e4, 1e4, 1.0, 0.0),
    ("elu far left", F.elu, -1e4, -1.0, 0.0, 0.0),
    ("mish far left", F.mish, -1e4, 0.0, 0.0, 0.0),
]


@pytest.mark.parametrize("case", POINTS, ids=[p[0] for p in POINTS])
def test_derivatives_at(case: tuple[str, Function, float, float, float, float]) -> None:
    _, function, at, value, first, second = case
    x = tg.tensor(at, dtype=tg.float64, requires_grad=True)
    y = function(x)
    assert y.item() == pytest.approx(value, abs=1e-15)
    (d1,) = tg.autograd.grad(y, x, create_graph=True)
    assert d1.item() == pytest.approx(first, abs=1e-12)
    d2 = tg.autograd.grad(d1, x, allow_unused=True)[0] if d1.requires_grad else None
    assert (0.0 if d2 is None else d2.item()) == pytest.approx(second, abs=1e-12)


@pytest.mark.parametrize("dtype", [tg.float16, tg.float32, tg.float64])
@pytest.mark.parametrize("shape", [(), (0, 2), (3,)])
def test_dtypes_and_shapes_stay(shape: tuple[int, ...], dtype: Any) -> None:
    x = tg.ones(shape, dtype=dtype, requires_grad=True)
    for function in {p[1] for p in POINTS}:
        y = function(x)
        assert (y.dtype, y.shape) == (dtype, shape)
        (g,) = tg.autograd.grad(y, x, tg.ones(shape, dtype=dtype))
        assert (g.dtype, g.shape) == (dtype, shape)
        array = np.ones(shape, dtype)
        raw = function(array)
        assert not isinstance(raw, tg.Tensor)
        assert (raw.dtype, raw.shape) == (dtype, shape)


def test_integers() -> None:
    x = tg.tensor([-2, 0, 8])
    assert F.hardtanh(x).tolist() == [-1, 0, 1]
    assert F.relu6(x).dtype == tg.int64
    assert F.threshold(x, 1, 5).tolist() == [5, 5, 8]
    assert F.leaky_relu(x, 0.5).tolist() == [-1.0, 0.0, 8.0]


@pytest.mark.parametrize("function", [F.relu, F.silu, F.elu, F.hardswish, F.relu6, F.leaky_relu, F.mish, F.hardsigmoid, F.celu, F.selu])
def test_in_place_changes_the_input_and_the_gradient_follows(function: Callable[..., Any]) -> None:
    start = tg.tensor([-2.0, -0.5, 0.5, 7.0], dtype=tg.float64, requires_grad=True)
    want = function(start * 1.5)
    (expected,) = tg.autograd.grad(want.sum(), start)
    x = start * 1.5
    assert function(x, inplace=True) is x
    assert x.tolist() == want.tolist()
    (got,) = tg.autograd.grad(x.sum(), start)
    assert got.tolist() == expected.tolist()


def test_prelu_needs_fitting_weights() -> None:
    with pytest.raises(ShapeError, match=r"must have 1 element or 4, .* got 3"):
        F.prelu(tg.ones(2, 4), tg.ones(3))
    with pytest.raises(ShapeError, match="0 or 1 dims"):
        F.prelu(tg.ones(2, 4), tg.ones(1, 4))


def test_what_is_refused() -> None:
    with pytest.raises(ArgumentError, match="min_val cannot be greater"):
        F.hardtanh(tg.ones(2), 1.0, -1.0)
    with pytest.raises(ArgumentTypeError, match="elu: expected a tensor, got list"):
        F.elu([1.0])  # type: ignore[arg-type]
    with pytest.raises(ShapeError, match="must be even, got 3"):
        F.glu(tg.ones(2, 3))


def test_names_that_end_in_an_underscore_overwrite() -> None:
    for name in ("relu", "leaky_relu", "rrelu", "hardtanh", "elu", "selu", "celu"):
        x = tg.tensor([-2.0, 0.5, 3.0])
        want = getattr(F, name)(x).tolist()
        assert getattr(F, f"{name}_")(x) is x
        assert x.tolist() == want
    x = tg.tensor([-2.0, 0.5, 3.0])
    assert F.threshold_(x, 1.0, -7.0) is x
    assert x.tolist() == [-7.0, -7.0, 3.0]


def test_an_infinite_gradient_that_reaches_the_flat_part_of_hardswish_is_dropped() -> None:
    x = tg.tensor([-4.0, 1.0], requires_grad=True)
    (g,) = tg.autograd.grad(tg.sqrt(F.hardswish(x)).sum(), x)
    assert g[0] == 0.0
    assert g.isfinite().all()
