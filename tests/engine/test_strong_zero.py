"""A cotangent that is exactly 0 gives exactly 0: branches not taken never poison a gradient. The law for all is in test_registry."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_reg as tg
from tinygrad_reg.engine.strong_zero import masked, strong_zero

inf, nan = np.inf, np.nan


def derivatives(f: Callable[[Any], Any], *values: float) -> tuple[list[float], list[float]]:
    """First and second derivatives of the elementwise function f."""
    x = tg.tensor(list(values), dtype=tg.float64, requires_grad=True)
    (g,) = tg.autograd.grad(f(x).sum(), x, create_graph=True)
    second = tg.autograd.grad(g.sum(), x, materialize_grads=True)[0] if g.requires_grad else tg.zeros_like(x)
    return g.tolist(), second.tolist()


@pytest.mark.parametrize(
    ("f", "at", "first", "second"),
    [
        (lambda x: tg.where(x > 0, tg.log(x), 0.0), [-1.0, 0.0, 2.0], [0.0, 0.0, 0.5], [0.0, 0.0, -0.25]),
        (lambda x: tg.where(x > 0, tg.sqrt(x), 0.0), [-1.0, 0.0, 4.0], [0.0, 0.0, 0.25], [0.0, 0.0, -1.0 / 32.0]),
        (lambda x: tg.where(x != 0, tg.sin(x) / x, 1.0), [0.0], [0.0], [0.0]),
        (lambda x: tg.where(x < 1, tg.exp(x), 0.0), [1000.0, 0.0], [0.0, 1.0], [0.0, 1.0]),
        (lambda x: tg.where(x > 0, x**-1.5, x), [0.0, 1.0], [1.0, -1.5], [0.0, 3.75]),
        (lambda x: tg.where(x > 0, 1.0 / x, x), [0.0, 1.0], [1.0, -1.0], [0.0, 2.0]),
        (lambda x: tg.where(x > 9, x / 0.0, x), [1.0, 2.0], [1.0, 1.0], [0.0, 0.0]),
        (lambda x: tg.where(x > 9, x * inf, x), [1.0, 2.0], [1.0, 1.0], [0.0, 0.0]),
        (lambda x: tg.log(x).masked_fill(x <= 0, 0.0), [0.0, 2.0], [0.0, 0.5], [0.0, -0.25]),
        (lambda x: tg.log(x)[1:], [0.0, 2.0], [0.0, 0.5], [0.0, -0.25]),
    ],
)
def test_the_branch_not_taken_contributes_exactly_zero(f: Any, at: list[float], first: list[float], second: list[float]) -> None:
    got = derivatives(f, *at)
    np.testing.assert_allclose(got[0], first, rtol=1e-12)
    np.testing.assert_allclose(got[1], second, rtol=1e-12)


@pytest.mark.parametrize(
    ("f", "at", "slope"),
    [(tg.sqrt, 0.0, inf), (tg.log, 0.0, inf), (tg.reciprocal, 0.0, -inf), (tg.asin, 1.0, inf), (tg.acos, 1.0, -inf), (tg.atanh, 1.0, inf)],
)
def test_infinite_derivatives_are_shown(f: Any, at: float, slope: float) -> None:
    assert derivatives(f, at)[0] == [slope]


def test_genuine_nan_surfaces() -> None:
    assert np.isnan(derivatives(tg.sqrt, -1.0)[0]).all()
    assert np.isnan(derivatives(lambda x: x * x, nan)[0]).all()
    assert np.isnan(derivatives(lambda x: x / x, 0.0)[0]).all()


def test_masked_and_strong_zero() -> None:
    x = np.array([inf, nan, 1.0])
    assert masked(x, np.array([True, True, False])).tolist() == [0.0, 0.0, 1.0]
    assert strong_zero(x, np.array([0.0, 0.0, 0.0])).tolist() == [0.0, 0.0, 1.0]
    kept = strong_zero(x, np.ones(3))
    assert kept is x
    assert strong_zero(np.float32(nan), np.float32(0.0)) == 0.0
    assert strong_zero(np.float32(nan), np.float32(0.0)).dtype == np.float32


def test_no_numpy_warning_escapes() -> None:
    with np.errstate(all="raise"):  # not even where a caller has asked for errors
        for f in (tg.log, tg.sqrt, tg.reciprocal, tg.exp, lambda x: x / 0.0, lambda x: x**-1.0, lambda x: tg.where(x > 0, tg.log(x), 0.0)):
            derivatives(f, 0.0, -1.0, 1e300, inf, nan)
