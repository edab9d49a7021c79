"""Reductions and extremes against torch: every function, shape, dim, keepdim and dtype."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import tinygrad_reg as tg

from .along import DTYPES, ONE_DIM, SPECIAL, agree, inf, nan, sample
from .compare import compare, same_error

torch = pytest.importorskip("torch")

OVER_DIMS = ["sum", "mean", "nansum", "nanmean", "amax", "amin", "logsumexp", "var", "std", "var_mean", "std_mean", "all", "any"]
OVER_ONE = ["max", "min", "argmax", "argmin"]
DIMS: list[tuple[tuple[int, ...], Any]] = [
    *ONE_DIM, ((), None), ((5,), None), ((0,), None), ((2, 3, 4), None), ((2, 3, 4), (0, 2)), ((2, 3, 4), (-1, 1)),
    ((2, 3, 4), (0, 1, 2)), ((2, 3, 4), (1,)), ((0, 3), (0, 1)), ((2, 0, 3), (0, 2)), ((64, 9), 0), ((9, 64), (1,)),
    ((40, 2, 9), (0, 1)), ((600, 3), 1),
]  # fmt: skip


def calls(name: str) -> Iterator[tuple[tuple[int, ...], dict[str, Any]]]:
    """Shapes and keywords to try."""
    for (shape, dim), keepdim in itertools.product(DIMS if name in OVER_DIMS else ONE_DIM, (False, True)):
        yield shape, {"dim": dim, **({"keepdim": True} if keepdim else {})}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", [*OVER_DIMS, *OVER_ONE])
def test_along_dims(name: str, dtype: str) -> None:
    if name in ("argmax", "argmin") and dtype == "bool":
        pytest.skip("we take bool there, torch does not")
    for shape, kwargs in calls(name):
        if name == "logsumexp" and kwargs["dim"] is None:
            continue  # torch wants the dims written out
        agree(name, sample(shape, dtype), **kwargs)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", [n for n in OVER_DIMS + OVER_ONE if n != "logsumexp"])
def test_over_all(name: str, dtype: str) -> None:
    if name in ("argmax", "argmin") and dtype == "bool":
        pytest.skip("we take bool there, torch does not")
    for shape in [(), (1,), (5,), (2, 3, 4), (0,), (0, 3), (3, 500)]:
        agree(name, sample(shape, dtype))


@pytest.mark.parametrize("name", ["sum", "mean", "nansum", "nanmean", "amax", "amin", "all", "any", "count_nonzero"])
def test_empty_dims_mean_all_except_for_all_and_any(name: str) -> None:
    agree(name, sample((2, 3), "float64"), ())
    agree(name, sample((2, 3), "float64"), dim=[])


@pytest.mark.filterwarnings("ignore:.*degrees of freedom")
@pytest.mark.parametrize("name", ["var", "std", "var_mean", "std_mean"])
def test_more_correction_than_elements(name: str) -> None:
    """torch's gradient depends on whether the dims are written out; ours is that of the division by 0 in both cases."""
    for args in [(), (0,), ((0, 1),)]:
        compare(lambda x, a=args: getattr(tg, name)(x, *a, correction=7), lambda x, a=args: getattr(torch, name)(x, *a, correction=7),
                sample((2, 3), "float64"), grad=False)  # fmt: skip


@pytest.mark.parametrize("name", ["var", "std"])
def test_empty_dims_of_var(name: str) -> None:
    """torch's value is that over all dims, but its gradient is infinite."""
    compare(lambda x: getattr(tg, name)(x, ()), lambda x: getattr(torch, name)(x, ()), sample((2, 3), "float64"), grad=False)
    compare(lambda x: getattr(tg, name)(x, ()), lambda x: getattr(torch, name)(x), sample((2, 3), "float64"))


@pytest.mark.parametrize("dtype", DTYPES)
def test_count_nonzero(dtype: str) -> None:
    for shape, dim in DIMS:
        agree("count_nonzero", sample(shape, dtype), dim)


@pytest.mark.parametrize("to", ["float64", "float32", "int32", "int64", "bool"])
@pytest.mark.parametrize("name", ["sum", "mean", "nansum", "nanmean"])
def test_dtype_converts_first(name: str, to: str) -> None:
    for dtype in ("float64", "int64", "bool"):
        array = sample((2, 3), dtype)
        chosen = {"dtype": to}

        def ours(x: Any, chosen: dict[str, str] = chosen) -> Any:
            return getattr(tg, name)(x, 1, dtype=getattr(tg, chosen["dtype"]))

        def theirs(x: Any, chosen: dict[str, str] = chosen) -> Any:
            return getattr(torch, name)(x, 1, dtype=getattr(torch, chosen["dtype"]))

        try:
            theirs(torch.tensor(array))
        except Exception:
            same_error(ours, theirs, array)
        else:
            compare(ours, theirs, array, grad=to.startswith("float"), rtol=1e-6)


SPREADS: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
    ((), {"correction": 0}), ((), {"correction": 2}), ((), {"correction": 0.5}), ((), {"unbiased": False}), ((False,), {}),
    ((True,), {}), ((0, False), {}), ((0, False, True), {}), ((1, True, True), {}), ((1,), {"correction": 0, "keepdim": True}),
    ((None,), {"correction": None}), (((0, 1),), {"correction": 5}), (((0, 1),), {"correction": 6}),
    ((0,), {"unbiased": True, "correction": 1}), ((0, 1), {}),
]  # fmt: skip


@pytest.mark.parametrize(("args", "kwargs"), SPREADS, ids=str)
@pytest.mark.parametrize("name", ["var", "std", "var_mean", "std_mean"])
def test_ways_to_call_var(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    agree(name, sample((2, 3), "float64"), *args, **kwargs)


@pytest.mark.parametrize("values", SPECIAL, ids=str)
@pytest.mark.parametrize("name", ["max", "min", "amax", "amin", "sum", "mean", "argmax", "argmin", "all", "any", "nansum"])
def test_ties_nan_and_inf(name: str, values: list[float]) -> None:
    for array in (np.array(values), np.array([values, values[::-1]])):
        agree(name, array, -1)
        agree(name, array)


@pytest.mark.parametrize("values", [v for v in SPECIAL if v != [-inf, -inf]], ids=str)
def test_logsumexp_of_special_values(values: list[float]) -> None:
    compare(lambda x: tg.logsumexp(x, 0), lambda x: torch.logsumexp(x, 0), np.array(values), second=inf not in values)


def test_logsumexp_of_large_values() -> None:
    compare(lambda x: tg.logsumexp(x, 1), lambda x: torch.logsumexp(x, 1), np.array([[1000.0, 1000.0], [-1000.0, -999.0], [-inf, 0.0]]))


@pytest.mark.parametrize("values", [[2.0, 2.0, 2.0], [4.0], [1.0, 1.0 + 1e-9]], ids=str)
@pytest.mark.parametrize("name", ["var", "std", "var_mean", "std_mean"])
@pytest.mark.parametrize("correction", [0, 1])
def test_spread_of_equal_values(name: str, values: list[float], correction: int) -> None:
    agree(name, np.array(values), 0, correction=correction)


def test_nan_ignoring() -> None:
    array = np.array([[nan, 1.0, 2.0], [3.0, nan, nan]])
    for name, dim in itertools.product(["nansum", "nanmean"], [None, 0, 1, (0, 1)]):
        agree(name, array, dim)


@pytest.mark.parametrize("name", ["max", "min"])
def test_elementwise_forms(name: str) -> None:
    a, b = np.array([[1.0, 5.0, 2.0], [3.0, nan, 0.0]]), np.array([2.0, 5.0, 2.0])
    compare(lambda x, y: getattr(tg, name)(x, y), lambda x, y: getattr(torch, name)(x, y), a, b)
    compare(lambda x, y: getattr(tg, name)(x, other=y), lambda x, y: getattr(torch, name)(x, other=y), a, b)


@pytest.mark.parametrize("name", ["max", "min"])
def test_fields_of_the_results(name: str) -> None:
    compare(lambda x: (getattr(tg, name)(x, 1).indices, getattr(tg, name)(x, 1).values),
            lambda x: (getattr(torch, name)(x, 1).indices, getattr(torch, name)(x, 1).values), sample((3, 4), "float64"))  # fmt: skip


@pytest.mark.parametrize("dim", [2, -3, (0, 0), (0, -2), 1.5, "a", True])
@pytest.mark.parametrize("name", [n for n in OVER_DIMS if n[:3] not in ("var", "std")])
def test_wrong_dims(name: str, dim: Any) -> None:
    same_error(lambda x: getattr(tg, name)(x, dim), lambda x: getattr(torch, name)(x, dim), sample((2, 3), "float64"))


@pytest.mark.parametrize("dim", [2, -3, (0, 1), 1.5, "a", True])
@pytest.mark.parametrize("name", OVER_ONE)
def test_wrong_dim(name: str, dim: Any) -> None:
    same_error(lambda x: getattr(tg, name)(x, dim), lambda x: getattr(torch, name)(x, dim), sample((2, 3), "float64"))


@pytest.mark.parametrize("name", [*OVER_DIMS, *OVER_ONE])
def test_not_a_tensor(name: str) -> None:
    same_error(lambda: getattr(tg, name)([1.0, 2.0], 0), lambda: getattr(torch, name)([1.0, 2.0], 0))


@pytest.mark.parametrize("name", ["sum", "mean", "var", "amax"])
def test_sums_of_large_float32_tensors_keep_their_digits(name: str) -> None:
    array = np.full((300_000, 3), 0.1, np.float32)
    compare(lambda x: getattr(tg, name)(x, 0), lambda x: getattr(torch, name)(x, 0), array, grad=False, rtol=1e-4)


@pytest.mark.parametrize("name", ["sum", "mean", "var", "max", "logsumexp"])
def test_layouts(name: str) -> None:
    array, ours, theirs = sample((40, 30), "float64"), getattr(tg, name), getattr(torch, name)
    for dim in (0, 1):
        compare(lambda x, d=dim: ours(x.T, d), lambda x, d=dim: theirs(x.T, d), array)
        compare(lambda x, d=dim: ours(x[::3, 1::2], d), lambda x, d=dim: theirs(x[::3, 1::2], d), array)


LAID_OUT = [
    lambda x: x.transpose(0, 2),
    lambda x: x.permute(1, 2, 0),
    lambda x: x[:, ::2],
    lambda x: x.mT,
    lambda x: x[:, :1].expand(4, 3, 5),
]
VIEWED = ["sum", "mean", "amax", "amin", "prod", "var", "std", "logsumexp", "all", "any", "nansum", "norm", "softmax", "log_softmax"]


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("name", VIEWED)
def test_what_is_reduced_can_be_viewed_where_torchs_can(name: str, keep: bool) -> None:
    for lay in LAID_OUT:
        for dim in (0, 1, 2):
            made = []
            for m in (tg, torch):
                x = lay(m.arange(60.0).reshape(4, 3, 5))
                arguments = (x, dim) if "softmax" in name else (x, 2, dim, keep) if name == "norm" else (x, dim, keep)
                keywords = {"keepdim": keep} if name in ("var", "std") else {}
                made.append(getattr(m, name)(*(arguments[:2] if keywords else arguments), **keywords))
            assert made[0].is_contiguous() == made[1].is_contiguous()
            assert made[0].view(-1).tolist() == pytest.approx(made[1].reshape(-1).tolist(), nan_ok=True)
