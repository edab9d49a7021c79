"""Scans and products against torch: every shape, dim and dtype, zeros, nan and inf."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_reg as tg

from .along import DTYPES, ONE_DIM, SPECIAL, agree, inf, nan, sample
from .compare import compare, same_error

torch = pytest.importorskip("torch")

NAMES = ["cumsum", "cumprod", "prod"]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", NAMES)
def test_along_a_dim(name: str, dtype: str) -> None:
    for shape, dim in ONE_DIM:
        agree(name, sample(shape, dtype), dim=dim)
        if name == "prod":
            agree(name, sample(shape, dtype), dim=dim, keepdim=True)


@pytest.mark.parametrize("dtype", DTYPES)
def test_products_of_all(dtype: str) -> None:
    for shape in [(), (1,), (5,), (2, 3, 4), (0,), (0, 3), (3, 500)]:
        agree("prod", sample(shape, dtype))


@pytest.mark.parametrize("to", ["float64", "float32", "int32", "int64", "bool"])
@pytest.mark.parametrize("name", NAMES)
def test_dtype_converts_first(name: str, to: str) -> None:
    if to == "bool" and name != "prod":
        pytest.skip("torch has no running sums of bools as bool")

    def ours(x: Any) -> Any:
        return getattr(tg, name)(x, 1, dtype=getattr(tg, to))

    def theirs(x: Any) -> Any:
        return getattr(torch, name)(x, 1, dtype=getattr(torch, to))

    for dtype in ("float64", "int64", "bool"):
        compare(ours, theirs, sample((2, 3), dtype), grad=to.startswith("float"), rtol=1e-6)


PRODUCTS = [[2.0, 0.0, 3.0], [2.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0], [2.0, 0.0, 0.0, 3.0], [-1.5, 2.0, 0.5]]


@pytest.mark.parametrize("values", PRODUCTS, ids=str)
@pytest.mark.parametrize("name", ["prod", "cumprod"])
def test_products_with_zeros(name: str, values: list[float]) -> None:
    agree(name, np.array(values), 0)
    agree(name, np.array([values, values]), 1)
    agree(name, np.array([values, values, values[::-1]]), 0)
    if name == "prod":
        agree(name, np.array([values, values]))


NONFINITE = [
    [2.0, nan, 3.0], [nan], [inf], [inf, 2.0, 3.0], [inf, 0.0, 2.0], [0.0, nan, 2.0], [0.0, 0.0, nan], [-inf, inf, 2.0],
    [0.0, nan, 0.0, 2.0], [2.0, inf, 0.0, 3.0],
]  # fmt: skip


@pytest.mark.parametrize("values", NONFINITE, ids=str)
def test_products_with_nan_and_inf(values: list[float]) -> None:
    """Left out is what depends in torch on whether a graph is made of the gradient: several zeros, or one in a running product."""
    if values.count(0.0) < 2:
        compare(tg.prod, torch.prod, np.array(values), second=False)
    if 0.0 not in values:
        compare(lambda x: tg.cumprod(x, 0), lambda x: torch.cumprod(x, 0), np.array(values), second=False)


@pytest.mark.parametrize("values", SPECIAL, ids=str)
def test_running_sums_of_nan_and_inf(values: list[float]) -> None:
    agree("cumsum", np.array(values), -1)
    agree("cumsum", np.array([values, values[::-1]]), -1)


@pytest.mark.parametrize("shape", [(300_000,), (30_000, 3), (1000, 200)])
@pytest.mark.parametrize("name", ["cumsum", "cumprod"])
def test_float32_results_are_torchs_to_the_bit(name: str, shape: tuple[int, ...]) -> None:
    array = np.random.default_rng(0).uniform(0.99, 1.01, shape).astype(np.float32)
    for dim in range(len(shape)):
        np.testing.assert_array_equal(getattr(tg, name)(array, dim), getattr(torch, name)(torch.tensor(array), dim).numpy())


@pytest.mark.parametrize("name", NAMES)
def test_layouts(name: str) -> None:
    array, ours, theirs = sample((40, 30), "float64"), getattr(tg, name), getattr(torch, name)
    for dim in (0, 1):
        compare(lambda x, d=dim: ours(x.T, d), lambda x, d=dim: theirs(x.T, d), array)
        compare(lambda x, d=dim: ours(x[::3, 1::2], d), lambda x, d=dim: theirs(x[::3, 1::2], d), array)


@pytest.mark.parametrize("dim", [2, -3, (0, 1), 1.5, "a", True])
@pytest.mark.parametrize("name", NAMES)
def test_wrong_dim(name: str, dim: Any) -> None:
    same_error(lambda x: getattr(tg, name)(x, dim), lambda x: getattr(torch, name)(x, dim), sample((2, 3), "float64"))


@pytest.mark.parametrize("name", NAMES)
def test_not_a_tensor(name: str) -> None:
    same_error(lambda: getattr(tg, name)([1.0, 2.0], 0), lambda: getattr(torch, name)([1.0, 2.0], 0))


def test_second_order_of_a_product_over_all_when_the_first_dim_is_1() -> None:
    """The rule of the running product took the first size for the number of elements."""
    for shape in [(1, 3), (1, 2, 3), (3, 1), (1, 1), (1,)]:
        compare(lambda x: x.prod(), lambda x: x.prod(), np.random.default_rng(0).uniform(0.5, 1.5, shape))
