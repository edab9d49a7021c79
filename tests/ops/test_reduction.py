"""Reductions: the conventions where there is a choice, the ways to call, the errors."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import tinygrad_reg as tg
from tinygrad_reg.errors import ArgumentError, ArgumentTypeError, DimensionError, DtypeError

from .derivatives import Function, gradient, hessian, inf, nan

# ---- conventions ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("correction", [0, 1])
def test_std_of_equal_values_has_gradient_zero_to_second_order(correction: int) -> None:
    def std(x: Any) -> Any:
        return tg.std(x, correction=correction)

    np.testing.assert_array_equal(gradient(std, [2.0, 2.0, 2.0]), np.zeros(3))
    np.testing.assert_array_equal(hessian(std, [2.0, 2.0, 2.0]), np.zeros((3, 3)))


@pytest.mark.filterwarnings("ignore:.*degrees of freedom")
def test_spread_of_one_value() -> None:
    assert np.isnan(gradient(tg.var, [4.0])).all()
    assert np.isnan(gradient(tg.std, [4.0])).all()
    assert gradient(lambda x: tg.var(x, correction=0), [4.0]) == 0
    assert gradient(lambda x: tg.std(x, correction=0), [4.0]) == 0


def test_var_of_large_values_does_not_cancel() -> None:
    assert tg.var(tg.tensor(np.array([1e8, 1e8 + 1, 1e8 + 2]))).item() == 1.0


@pytest.mark.parametrize(
    ("values", "value", "expected"),
    [
        ([-inf, -inf], -inf, [0, 0]),
        ([-inf, 0.0], 0.0, [0, 1]),
        ([inf, 0.0], inf, [nan, 0]),
        ([1000.0, 1000.0], 1000 + np.log(2), [0.5, 0.5]),
        ([], -inf, []),
    ],
)
def test_logsumexp_at_the_ends(values: list[float], value: float, expected: list[float]) -> None:
    np.testing.assert_allclose(tg.logsumexp(tg.tensor(np.array(values)), 0).item(), value)
    np.testing.assert_allclose(gradient(lambda x: tg.logsumexp(x, 0), values), expected)


def test_logsumexp_of_all_minus_infinity_has_hessian_zero() -> None:
    np.testing.assert_array_equal(hessian(lambda x: tg.logsumexp(x, 0), [-inf, -inf]), np.zeros((2, 2)))


def test_nan_ignoring_sums() -> None:
    np.testing.assert_array_equal(gradient(tg.nansum, [nan, 1.0]), [0, 1])
    np.testing.assert_array_equal(gradient(tg.nanmean, [nan, 1.0, 2.0]), [0, 0.5, 0.5])
    assert np.isnan(tg.nanmean(tg.tensor([nan, nan])).item())


# ---- results -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int8", "int16", "int32", "int64"])
def test_integers_add_up_to_int64(dtype: str) -> None:
    x = tg.tensor(np.ones((2, 300), dtype))
    for made in (tg.sum(x), tg.sum(x, 1), tg.nansum(x)):
        assert made.dtype == np.int64
    assert tg.sum(x, 1).tolist() == [300, 300]


def test_all_and_any_are_bool_but_of_uint8() -> None:
    for values in ([0.0, 2.0], [0, 2], [False, True]):
        assert tg.all(tg.tensor(values)).dtype == tg.any(tg.tensor(values)).dtype == np.bool_
        assert (tg.all(tg.tensor(values)).item(), tg.any(tg.tensor(values)).item()) == (False, True)
    assert tg.any(tg.tensor(np.array([0, 2], np.uint8))).dtype == np.uint8
    assert tg.any(tg.tensor(nan)).item() is True


def test_empty_tensors() -> None:
    x = tg.zeros(0, 3)
    assert tg.sum(x).item() == 0
    assert np.isnan(tg.mean(x).item())
    assert tg.logsumexp(x, 0).tolist() == [-inf] * 3
    assert (tg.all(x).item(), tg.any(x).item()) == (True, False)


@pytest.mark.parametrize("name", ["var", "std", "var_mean", "std_mean"])
def test_a_variance_without_degrees_of_freedom_is_nan_and_warns(name: str) -> None:
    for shape, dim, correction in [((1,), None, 1), ((0, 3), 0, 0), ((4, 2), 1, 2), ((2, 4), 1, 5)]:
        with pytest.warns(UserWarning, match=rf"{name}: degrees of freedom is <= 0"):
            found = getattr(tg, name)(tg.zeros(shape), dim, correction=correction)
        assert np.isnan((found[0] if "mean" in name else found).numpy()).all()
    getattr(tg, name)(tg.zeros(2, 4), 0, correction=1.5)


FUNCTIONS = ["sum", "mean", "nansum", "nanmean", "logsumexp", "var", "std", "all", "any"]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_numpys_names(name: str) -> None:
    function, array = getattr(tg, name), np.linspace(-1.0, 2.0, 12).reshape(3, 4)
    x = tg.tensor(array)
    for axis, keep in itertools.product([0, 1, -1], [False, True]):
        np.testing.assert_array_equal(function(x, axis=axis, keepdims=keep).numpy(), function(x, dim=axis, keepdim=keep).numpy())
    with pytest.raises(ArgumentTypeError, match="axis= and dim="):
        function(x, dim=0, axis=0)


def test_ways_to_ask_for_a_correction() -> None:
    x = tg.tensor([1.0, 2.0, 6.0])
    assert tg.var(x).item() == tg.var(x, True).item() == tg.var(x, 0, True).item() == tg.var(x, correction=1).item() == 7.0
    assert tg.var(x, False).item() == tg.var(x, unbiased=False).item() == tg.var(x, correction=0).item()
    assert tg.var(x, 0, True, True).shape == (1,)
    spread, center = tg.var_mean(x)
    assert (spread.item(), center.item()) == (7.0, 3.0)
    assert tg.std_mean(x, 0)[0].item() == pytest.approx(7.0**0.5)


CALLS: dict[str, Function] = {
    "sum": tg.sum, "sum of columns": lambda x: tg.sum(x, 0), "mean": lambda x: tg.mean(x, 1), "var": lambda x: tg.var(x, 0), "std": tg.std,
    "logsumexp": lambda x: tg.logsumexp(x, 0), "nanmean": lambda x: tg.nanmean(x, 0),
}  # fmt: skip


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("name", CALLS)
def test_dtypes_stay_and_arrays_give_arrays(name: str, dtype: str) -> None:
    array = np.random.default_rng(0).uniform(0.5, 1.5, (40, 9)).astype(dtype)
    x = tg.tensor(array, requires_grad=True)
    out, raw = CALLS[name](x), CALLS[name](array)
    assert out.dtype == raw.dtype == dtype
    assert not isinstance(raw, tg.Tensor)
    np.testing.assert_array_equal(out.detach().numpy(), raw)
    (g,) = tg.autograd.grad(CALLS[name](x * x), x, tg.ones_like(out), create_graph=True)
    (second,) = tg.autograd.grad((g * g).sum(), x)
    assert g.dtype == second.dtype == dtype
    assert g.shape == second.shape == x.shape


@pytest.mark.parametrize("shape", [(3000, 4), (5000, 3), (2, 3000, 4), (64, 8), (8, 64), (5, 70, 2), (1025, 1)])
def test_fast_sums_equal_plain_sums(shape: tuple[int, ...]) -> None:
    array = np.random.default_rng(0).standard_normal(shape)
    for count in range(1, len(shape)):
        for dim, keepdim in itertools.product(itertools.combinations(range(len(shape)), count), (False, True)):
            np.testing.assert_allclose(tg.sum(array, dim, keepdim), np.sum(array, dim, keepdims=keepdim), rtol=1e-12, atol=1e-12)


def test_long_sums_of_no_columns() -> None:
    bias = tg.zeros(0, requires_grad=True)
    (tg.zeros(3000, 0) + bias).sum().backward()
    assert bias.grad is not None
    assert tg.sum(tg.zeros(3000, 0), 0).shape == bias.grad.shape == (0,)


def test_half_precision_sums_do_not_overflow_inside() -> None:
    x = tg.tensor(np.full((70_000,), 3.0, np.float16))
    assert tg.mean(x).item() == 3.0
    assert tg.var(x).item() == 0.0
    assert tg.sum(x).item() == inf


def test_results_do_not_share_memory() -> None:
    for x in (tg.tensor(3.0), tg.tensor([3.0])):
        assert not np.shares_memory(tg.sum(x, 0).numpy(), x.numpy())


# ---- errors --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*FUNCTIONS, "count_nonzero"])
def test_wrong_arguments(name: str) -> None:
    function, x = getattr(tg, name), tg.zeros(2, 3)
    with pytest.raises(DimensionError, match=rf"{name}: dim 2 is out of range for a tensor with 2 dimensions; use -2 to 1"):
        function(x, 2)
    with pytest.raises(ArgumentTypeError, match=f"{name}: dim must be an integer, got float"):
        function(x, 1.5)
    with pytest.raises(ArgumentTypeError, match=f"{name}: expected a tensor, got list"):
        function([1.0], 0)


@pytest.mark.parametrize("name", ["sum", "var", "logsumexp", "any"])
def test_a_dim_named_twice(name: str) -> None:
    with pytest.raises(ArgumentError, match="twice"):
        getattr(tg, name)(tg.zeros(2, 3), (0, -2))


@pytest.mark.parametrize("name", ["mean", "var", "std", "nanmean", "var_mean", "std_mean"])
def test_means_need_floats(name: str) -> None:
    with pytest.raises(DtypeError, match=rf"{name}: needs a floating point tensor, got int64.*\.float\(\)"):
        getattr(tg, name)(tg.tensor([1, 2]))


def test_mean_of_integers_with_a_dtype() -> None:
    assert tg.mean(tg.tensor([1, 2]), dtype=tg.float64).item() == 1.5
    with pytest.raises(DtypeError, match="int32"):
        tg.mean(tg.tensor([1.0, 2.0]), dtype=tg.int32)


@pytest.mark.parametrize("name", ["var", "std", "var_mean", "std_mean"])
def test_contradicting_corrections(name: str) -> None:
    function, x = getattr(tg, name), tg.tensor([1.0, 2.0])
    with pytest.raises(ArgumentTypeError, match="not both"):
        function(x, unbiased=True, correction=1)
    with pytest.raises(ArgumentTypeError, match="correction must be a number"):
        function(x, correction="1")
    with pytest.raises(ArgumentTypeError, match="correction=1"):
        function(x, 0, 1)


@pytest.mark.parametrize("number", [np.float64, np.float32, np.int64])
@pytest.mark.parametrize("function", [tg.std, tg.var])
def test_a_correction_may_be_a_number_of_numpy(function: Any, number: Any) -> None:
    x = tg.tensor([1.0, 2.0, 4.0], requires_grad=True)
    spread = function(x, correction=number(1))
    (slope,) = tg.autograd.grad(spread, x)
    assert (spread.dtype, slope.dtype) == (tg.float32, tg.float32)
    assert tg.equal(spread, function(x))


@pytest.mark.parametrize("name", ["all", "any", "amax", "amin", "sum", "mean"])
def test_a_dim_may_be_a_number_of_numpy(name: str) -> None:
    x = tg.tensor([[1.0, 0.0], [2.0, 0.0]])
    assert tg.equal(getattr(tg, name)(x, np.int64(1)), getattr(tg, name)(x, 1))


@pytest.mark.parametrize("scale", [1e-4, 500.0])
def test_std_of_half_precision_neither_vanishes_nor_overflows_with_its_square(scale: float) -> None:
    x = tg.tensor([scale, -scale], dtype=tg.float16, requires_grad=True)
    spread = tg.std(x, correction=0)
    (slope,) = tg.autograd.grad(spread, x)
    np.testing.assert_allclose(spread.item() / scale, 1.0, rtol=2e-3)
    np.testing.assert_allclose(slope.numpy(), [0.5, -0.5], rtol=2e-3)
