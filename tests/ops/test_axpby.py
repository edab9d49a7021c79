"""a·x + b·y by BLAS and by NumPy."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_reg as tg
from tinygrad_reg import blas
from tinygrad_reg.ops.axpby import axpby, axpby_p, descent, sums_of

FACTORS = [(0.1, 0.9), (-0.5, 1.0), (1.0, 0.5), (1.0, 1.0), (0.0, 0.9), (0.1, 0.0)]


def pair(n: int, dtype: str) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(n)
    return generator.normal(size=n).astype(dtype), generator.normal(size=n).astype(dtype)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("n", [3, 40_001])
@pytest.mark.parametrize(("a", "b"), FACTORS)
def test_arrays_are_changed_in_place_and_tensors_are_not(a: float, b: float, n: int, dtype: str) -> None:
    x, y = pair(n, dtype)
    expected = a * x.astype("f8") + b * y.astype("f8")
    tensor = axpby(a, tg.from_numpy(x), b, tg.from_numpy(y.copy()))
    less = descent(a, tg.from_numpy(x), b, tg.from_numpy(y.copy()))
    np.testing.assert_array_equal(less.numpy(), descent(a, x, b, y.copy()))
    np.testing.assert_allclose(less.numpy(), b * y.astype("f8") - a * x.astype("f8"), rtol=0, atol=4 * np.finfo(dtype).eps)
    out = axpby(a, x, b, y)
    assert out is y
    assert tensor.dtype == out.dtype == np.dtype(dtype)
    np.testing.assert_array_equal(tensor.numpy(), out)
    np.testing.assert_allclose(out, expected, rtol=0, atol=4 * np.finfo(dtype).eps)


@pytest.mark.parametrize(("a", "b"), FACTORS)
def test_what_is_not_finite_comes_out_as_by_numpy(a: float, b: float) -> None:
    x, y = pair(40_000, "float32")
    x[:3], y[2:5] = (np.inf, -np.inf, np.nan), (np.nan, np.inf, -np.inf)
    with np.errstate(invalid="ignore"):
        expected = a * x + b * y
        np.testing.assert_allclose(axpby(a, x, b, y), expected, rtol=1e-6, atol=1e-6)


def test_parts_of_arrays_are_left_to_numpy() -> None:
    x, y = (part[::2] for part in pair(80_000, "float64"))
    expected = 0.5 * x + 0.25 * y
    np.testing.assert_array_equal(axpby(0.5, x, 0.25, y), expected)


def test_without_blas_the_result_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = pair(40_000, "float64")
    by_blas = axpby_p.forward(0.1, x, 0.9, y, minus=False)
    monkeypatch.setattr(blas, "_function", lambda name: None)
    sums_of.cache_clear()
    try:
        np.testing.assert_allclose(axpby_p.forward(0.1, x, 0.9, y, minus=False), by_blas, rtol=1e-13)
        assert sums_of("d") is None
    finally:
        sums_of.cache_clear()
