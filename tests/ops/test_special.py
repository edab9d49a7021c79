"""The error function and its kin: accurate to the last digits everywhere, and right at the ends."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import tinygrad_reg as tg
from tinygrad_reg.errors import ArgumentTypeError
from tinygrad_reg.ops import special

from .derivatives import Function, gradient, hessian, inf, nan

EPS = 2.0**-52


def points(dtype: str) -> Any:
    """Numbers of all magnitudes and both signs, close together where the formulas change."""
    rng = np.random.default_rng(0)
    smallest = -300 if dtype == "float64" else -37
    parts = [rng.uniform(-6, 6, 2000), rng.uniform(-26, 26, 500), 10.0 ** rng.uniform(smallest, 0, 500), np.linspace(0.45, 0.55, 200)]
    return np.concatenate(parts).astype(dtype)


def error(found: Any, want: list[float]) -> Any:
    """The largest relative error where the result is a normal number."""
    exact = np.array(want)
    normal = np.abs(exact) >= np.finfo(found.dtype).tiny
    return (np.abs(found.astype(np.float64) - exact)[normal] / np.abs(exact[normal])).max()


@pytest.mark.parametrize("name", ["erf", "erfc"])
def test_error_functions_are_accurate(name: str) -> None:
    """The C library's are within 1 ulp; tests/oracle compares with 50 digits."""
    function, reference = getattr(tg, name), getattr(math, name)
    for dtype, allowed in (("float64", 1e-15 + EPS), ("float32", 2.4e-7), ("float16", 5e-4)):
        x = points(dtype)
        assert error(function(tg.tensor(x)).numpy(), [reference(float(v)) for v in x]) < allowed


def test_erfinv_is_the_inverse() -> None:
    for x in (np.linspace(-5.8, 5.8, 3001), 10.0 ** np.linspace(-300, 0, 301)):
        y = np.array([math.erf(v) for v in x])
        back = np.array([math.erf(v) for v in special.erfinv(y)])
        ulps = np.abs(back - y) / np.spacing(np.abs(y))
        assert np.nanmax(np.where(np.abs(y) < 1, ulps, 0)) <= 2


def test_erfinv_beside_one() -> None:
    """There 1 - y is exact, and erfc tells apart what erf rounds away."""
    rest = np.array([2.0**-k for k in range(2, 54)])
    x = special.erfinv(1.0 - rest)
    np.testing.assert_allclose([math.erfc(v) for v in x], rest, rtol=2e-14)  # 2x² times the error of x


@pytest.mark.parametrize(
    ("function", "values", "expected"),
    [
        (tg.erf, [inf, -inf, 0.0, -0.0, 5e-324, nan], [1, -1, 0.0, -0.0, 5e-324, nan]),
        (tg.erfc, [inf, -inf, 0.0, -0.0, 28.0, -28.0, nan], [0, 2, 1, 1, 0, 2, nan]),
        (tg.erfinv, [1.0, -1.0, 0.0, -0.0, 1.5, -inf, nan], [inf, -inf, 0.0, -0.0, nan, nan, nan]),
        (tg.special.ndtr, [inf, -inf, 0.0, nan], [1, 0, 0.5, nan]),
    ],
)
def test_the_ends(function: Function, values: list[float], expected: list[float]) -> None:
    for dtype in ("float32", "float64"):
        x, want = np.array(values, dtype), np.array(expected, dtype)
        if dtype == "float64" or 5e-324 not in values:
            found = function(tg.tensor(x)).numpy()
            np.testing.assert_array_equal(found, want)
            np.testing.assert_array_equal(np.signbit(found)[want == 0], np.signbit(want)[want == 0])


def test_small_tails_are_not_lost() -> None:
    assert tg.erfc(tg.tensor(np.array(26.0))).item() == pytest.approx(5.663192408856143e-296, rel=1e-15)
    assert tg.erfc(tg.tensor(np.array(9.0, np.float32))).item() == pytest.approx(4.13703174513810238e-37, rel=1e-6)


@pytest.mark.parametrize("function", [tg.erf, tg.erfc, tg.erfinv, special.normal_cdf])
def test_large_arrays_are_the_same_block_by_block(function: Any) -> None:
    x = np.random.default_rng(0).uniform(-0.99, 0.99, (70, 500))
    whole = function(x)
    assert whole.shape == x.shape
    np.testing.assert_array_equal(whole, np.stack([function(row) for row in x]))
    np.testing.assert_array_equal(function(x.T), whole.T)
    np.testing.assert_array_equal(function(x.astype(np.float16)), np.stack([function(row) for row in x.astype(np.float16)]))


@pytest.mark.parametrize(
    ("function", "first", "second"),
    [
        (tg.erf, lambda x: 2 / math.sqrt(math.pi) * math.exp(-x * x), lambda x: -2 * x),
        (tg.erfc, lambda x: -2 / math.sqrt(math.pi) * math.exp(-x * x), lambda x: -2 * x),
        (tg.special.ndtr, lambda x: math.exp(-x * x / 2) / math.sqrt(2 * math.pi), lambda x: -x),
    ],
)
def test_derivatives(function: Function, first: Any, second: Any) -> None:
    """`second` is the logarithmic derivative of the first."""
    for x in (-1.5, 0.0, 0.4, 3.0):
        np.testing.assert_allclose(gradient(function, [x]), first(x), rtol=1e-14)
        np.testing.assert_allclose(hessian(function, [x]), [[first(x) * second(x)]], rtol=1e-13)


def test_derivatives_of_erfinv() -> None:
    """x = erfinv(y): x' = √π/2 · exp(x²), x'' = 2x · x'²."""
    for y in (-0.9, 0.0, 0.3, 0.9999):
        x = special.erfinv(np.array(y)).item()
        slope = math.sqrt(math.pi) / 2 * math.exp(x * x)
        np.testing.assert_allclose(gradient(tg.erfinv, [y]), slope, rtol=1e-13)
        np.testing.assert_allclose(hessian(tg.erfinv, [y]), [[2 * x * slope**2]], rtol=1e-12, atol=1e-15)
    np.testing.assert_array_equal(gradient(tg.erfinv, [1.0, -1.0]), [inf, inf])


def test_integers_become_the_default_dtype() -> None:
    for function in (tg.erf, tg.erfc, tg.erfinv):
        assert function(tg.tensor([0, 1])).dtype == np.float32
        assert function(tg.tensor([True])).dtype == np.float32


def test_methods() -> None:
    x = tg.tensor([0.25, -0.5])
    assert x.erf().tolist() == tg.erf(x).tolist()
    assert x.erfc().tolist() == tg.erfc(x).tolist()
    assert x.erfinv().tolist() == tg.erfinv(x).tolist()
    for name in ("erf", "erfc", "erfinv"):
        y = x.clone()
        assert getattr(y, f"{name}_")() is y
        assert y.tolist() == getattr(tg, name)(x).tolist()


def test_namespace() -> None:
    assert tg.special.erf is tg.erf
    assert tg.special.expit is tg.sigmoid
    assert tg.special.ndtr(tg.tensor(0.0)).item() == 0.5
    assert all(callable(getattr(tg.special, name)) for name in tg.special.__all__)


@pytest.mark.parametrize("function", [tg.erf, tg.erfc, tg.erfinv])
def test_not_a_tensor(function: Any) -> None:
    with pytest.raises(ArgumentTypeError, match="expected a tensor, got float"):
        function(2.0)
