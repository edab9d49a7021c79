"""Scans and products: exact at zeros, what nan and inf do, precision, the errors."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import tinygrad_reg as tg
from tinygrad_reg.errors import ArgumentTypeError, DimensionError

from .derivatives import gradient, hessian, inf, nan


@pytest.mark.parametrize("values", [[2.0, 0.0, 3.0], [2.0, 0.0, 0.0], [0.0, 0.0, 0.0], [1.5, -2.0, 3.0], [2.0, 0.0, 0.0, 5.0]], ids=str)
def test_products_are_exact_at_zeros(values: list[float]) -> None:
    n = len(values)
    others = [np.prod(np.delete(values, i)) for i in range(n)]
    np.testing.assert_allclose(gradient(tg.prod, values), others)
    pairs = [[0.0 if i == j else np.prod(np.delete(values, [i, j])) for j in range(n)] for i in range(n)]
    np.testing.assert_allclose(hessian(tg.prod, values), pairs)
    np.testing.assert_allclose(hessian(lambda x: tg.cumprod(x, 0)[-1], values), pairs)


def test_third_derivative_of_a_product() -> None:
    x = tg.tensor(np.array([2.0, 0.0, 0.0, 5.0]), requires_grad=True)
    y = tg.prod(x)
    for position in (0, 1, 2):
        (g,) = tg.autograd.grad(y, x, create_graph=True)
        y = g[position]
    assert y.item() == 5.0


def test_cumprod_gradient_with_zeros() -> None:
    np.testing.assert_array_equal(gradient(lambda x: tg.cumprod(x, 0), [2.0, 0.0, 3.0]), [1, 8, 0])
    np.testing.assert_array_equal(gradient(lambda x: tg.cumprod(x, 0), [2.0, 0.0, 0.0, 3.0]), [1, 2, 0, 0])


def test_products_of_finite_elements_do_not_meet_an_overflow_they_are_not_part_of() -> None:
    """torch divides by the elements and gives inf and nan here."""
    big = [1.0, 1e200, 1e100, 1e200]  # the last product is inf
    np.testing.assert_array_equal(gradient(lambda x: tg.cumprod(x, 0)[1], big), [1e200, 1, 0, 0])
    np.testing.assert_array_equal(gradient(tg.prod, [1e200, 1e200, 2.0]), [2e200, 2e200, inf])


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([2.0, nan, 3.0], [nan, nan, nan]),
        ([inf, 2.0, 3.0], [nan, inf, inf]),
        ([0.0, inf, 2.0], [inf, 0, nan]),
        ([0.0, nan], [nan, 0]),
        ([nan], [nan]),
    ],
    ids=str,
)
def test_gradient_of_a_product_with_nan_or_inf_is_that_of_torch(values: list[float], expected: list[float]) -> None:
    np.testing.assert_array_equal(gradient(tg.prod, values), expected)


@pytest.mark.parametrize("zeros", [0, 1, 2])
def test_gradient_of_a_long_product(zeros: int) -> None:
    x = np.random.default_rng(0).uniform(0.99, 1.01, 300_001)
    x[[5, 123_456][:zeros]] = 0.0
    before, after = np.cumprod(x[:-1]), np.cumprod(x[:0:-1])[::-1]
    np.testing.assert_allclose(gradient(tg.prod, x), np.append(1.0, before) * np.append(after, 1.0), rtol=1e-9)


@pytest.mark.parametrize("shape", [(200, 7), (3, 200), (2, 5, 130), (4, 3)])
@pytest.mark.parametrize("name", ["cumsum", "cumprod"])
def test_both_ways_to_scan_give_the_same(name: str, shape: tuple[int, ...]) -> None:
    array = np.random.default_rng(0).uniform(0.5, 1.5, shape)
    for dim in range(len(shape)):
        np.testing.assert_array_equal(getattr(tg, name)(array, dim), getattr(np, name)(array, dim))
        np.testing.assert_array_equal(getattr(tg, name)(array.swapaxes(0, -1), dim), getattr(np, name)(array.swapaxes(0, -1), dim))


@pytest.mark.parametrize("shape", [(100_000,), (10_000, 200)])
def test_float32_scans_are_exact_sums_rounded_once(shape: tuple[int, ...]) -> None:
    array = np.random.default_rng(0).random(shape, np.float32)
    np.testing.assert_array_equal(tg.cumsum(array, 0), np.cumsum(array.astype(np.float64), 0).astype(np.float32))


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int8", "int16", "int32", "int64"])
def test_integers_add_and_multiply_to_int64(dtype: str) -> None:
    x = tg.tensor(np.ones((2, 300), dtype))
    for made in (tg.prod(x), tg.cumsum(x, 1), tg.cumsum(x, 0), tg.cumprod(x, 0)):
        assert made.dtype == np.int64
    assert tg.cumsum(x, 1)[0, -1].item() == 300


def test_empty_tensors() -> None:
    x = tg.zeros(0, 3)
    assert tg.prod(x, 0).tolist() == [1, 1, 1]
    assert tg.cumsum(x, 0).shape == tg.cumprod(x, 1).shape == (0, 3)
    assert gradient(lambda x: tg.cumprod(x, 0), np.zeros((0, 3))).shape == (0, 3)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize(("name", "dim"), [("cumsum", 0), ("cumprod", 1), ("prod", 1)])
def test_dtypes_stay_and_arrays_give_arrays(name: str, dim: int, dtype: str) -> None:
    function, array = getattr(tg, name), np.random.default_rng(0).uniform(0.5, 1.5, (40, 9)).astype(dtype)
    x = tg.tensor(array, requires_grad=True)
    out, raw = function(x, dim), function(array, dim)
    assert out.dtype == raw.dtype == dtype
    assert not isinstance(raw, tg.Tensor)
    np.testing.assert_array_equal(out.detach().numpy(), raw)
    (g,) = tg.autograd.grad(function(x * x, dim), x, tg.ones_like(out), create_graph=True)
    (second,) = tg.autograd.grad((g * g).sum(), x)
    assert g.dtype == second.dtype == dtype
    assert g.shape == second.shape == x.shape


def test_results_do_not_share_memory() -> None:
    for name, x in itertools.product(["cumsum", "cumprod", "prod"], [tg.tensor(3.0), tg.tensor([3.0]), tg.tensor(np.array([3.0]))]):
        assert not np.shares_memory(getattr(tg, name)(x, 0).numpy(), x.numpy())


def test_numpys_names() -> None:
    x = tg.tensor(np.linspace(-1.0, 2.0, 12).reshape(3, 4))
    np.testing.assert_array_equal(tg.prod(x, axis=1, keepdims=True).numpy(), tg.prod(x, dim=1, keepdim=True).numpy())
    np.testing.assert_array_equal(tg.cumsum(x, axis=0).numpy(), tg.cumsum(x, dim=0).numpy())


@pytest.mark.parametrize("name", ["prod", "cumsum", "cumprod"])
def test_wrong_arguments(name: str) -> None:
    function, x = getattr(tg, name), tg.zeros(2, 3)
    with pytest.raises(DimensionError, match=rf"{name}: dim 2 is out of range for a tensor with 2 dimensions; use -2 to 1"):
        function(x, 2)
    for dim, kind in [(1.5, "float"), ((0, 1), "tuple")]:
        wrong: Any = dim
        with pytest.raises(ArgumentTypeError, match=f"{name}: dim must be an integer, got {kind}"):
            function(x, wrong)
    with pytest.raises(ArgumentTypeError, match=f"{name}: expected a tensor, got list"):
        function([1.0], 0)


@pytest.mark.parametrize("name", ["cumsum", "cumprod"])
def test_scans_need_a_dim(name: str) -> None:
    with pytest.raises(TypeError):
        getattr(tg, name)(tg.zeros(3))
    with pytest.raises(ArgumentTypeError, match="flatten"):
        getattr(tg, name)(tg.zeros(3), None)


def test_product_of_many_elements() -> None:
    """Also the rest that fills no row of 1,024."""
    x = np.exp(np.random.default_rng(0).normal(0, 0.01, 300_001))
    exact = np.exp(np.log(x).sum())
    for dtype, allowed in (("float64", 1e-11), ("float32", 1e-3)):
        np.testing.assert_allclose(tg.prod(tg.tensor(x.astype(dtype))).item(), exact, rtol=allowed)
    x[300_000] = 0.0
    assert tg.prod(tg.tensor(x)).item() == 0.0
