"""Order against torch: values, indices where they are unique, gradients, and what is refused."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import tinygrad_reg as tg

from .along import DTYPES, ONE_DIM, agree, inf, nan, sample
from .compare import compare, same_error

torch = pytest.importorskip("torch")

NUMBERS = [dtype for dtype in DTYPES if dtype != "bool"]  # torch chooses no k-th of bools, we do
FLOATS = ["float64", "float32", "float16"]


@pytest.mark.parametrize("dtype", FLOATS)
def test_sort(dtype: str) -> None:
    for (shape, dim), descending in itertools.product(ONE_DIM, [False, True]):
        agree("sort", sample(shape, dtype), dim=dim, descending=descending)
        agree("argsort", sample(shape, dtype), dim=dim, descending=descending)


@pytest.mark.parametrize("dtype", [*DTYPES, "int8", "int16"])
@pytest.mark.parametrize("descending", [False, True])
def test_stable_sort_with_ties(dtype: str, descending: bool) -> None:
    array = np.random.default_rng(0).integers(0, 5, (30, 40)).astype(dtype)
    for dim in (0, 1):
        agree("sort", array, dim=dim, descending=descending, stable=True)
        agree("argsort", array, dim=dim, descending=descending, stable=True)


def test_sort_with_nan_and_inf() -> None:
    array = np.array([[1.0, nan, -inf, 3.0, nan, inf], [-0.0, 0.0, nan, -1.0, 0.0, -0.0]])
    for dim, descending in itertools.product((0, 1), (False, True)):
        agree("sort", array, dim=dim, descending=descending, stable=True)


def test_defaults_and_layouts() -> None:
    array = sample((6, 5), "float64")
    for name in ("sort", "argsort", "msort"):
        agree(name, array)
        agree(name, sample((), "float64"))
        compare(lambda x, n=name: getattr(tg, n)(x.T[::2]), lambda x, n=name: getattr(torch, n)(x.T[::2]), array)


@pytest.mark.parametrize("dtype", NUMBERS)
def test_topk(dtype: str) -> None:
    for (shape, dim), largest, k in itertools.product([*ONE_DIM, ((3, 60), 1), ((60, 3), 0)], [True, False], [1, 2, 3]):
        count = int(np.prod(shape))
        array = np.random.default_rng(count).permutation(count).reshape(shape).astype(dtype)  # distinct, so that indices are unique
        agree("topk", array, k, dim=dim, largest=largest)


def test_topk_with_nan() -> None:
    array = np.array([1.0, nan, 3.0, -2.0, inf])
    for k, largest in itertools.product(range(6), [True, False]):
        agree("topk", array, k, largest=largest)


@pytest.mark.parametrize("dtype", NUMBERS)
def test_kthvalue_and_median(dtype: str) -> None:
    for (shape, dim), keepdim in itertools.product(ONE_DIM, [False, True]):
        count = int(np.prod(shape))
        array = np.random.default_rng(count).permutation(count).reshape(shape).astype(dtype)
        agree("median", array, dim=dim, keepdim=keepdim)
        for k in (1, 2, 3):
            agree("kthvalue", array, k, dim=dim, keepdim=keepdim)


@pytest.mark.parametrize("dtype", NUMBERS)
def test_median_of_all(dtype: str) -> None:
    for shape in [(), (1,), (5,), (4,), (2, 3, 4)]:
        agree("median", sample(shape, dtype))
        agree("median", np.zeros(shape, dtype))
    if dtype.startswith("float"):
        agree("median", np.zeros(0, dtype))


@pytest.mark.parametrize("values", [[nan, 1.0, 2.0], [2.0, nan, nan], [inf, -inf, 1.0], [2.0, 2.0, 1.0], [nan]], ids=str)
def test_median_of_special_values(values: list[float]) -> None:
    agree("median", np.array(values))
    if values != [2.0, 2.0, 1.0]:  # torch's index of a tie is arbitrary
        agree("median", np.array(values), 0)


@pytest.mark.parametrize("dtype", DTYPES)
def test_mode(dtype: str) -> None:
    for shape, dim in ONE_DIM:
        agree("mode", (np.random.default_rng(0).integers(0, 3, shape)).astype(dtype), dim=dim)
    many = np.random.default_rng(1).integers(0, 4, (20, 30)).astype(dtype)  # for these, torch's indices are arbitrary
    compare(lambda x: tg.mode(x, 1, True).values, lambda x: torch.mode(x, 1, True).values, many, grad=False)


UNIQUE = [{}, {"return_inverse": True}, {"return_counts": True}, {"return_inverse": True, "return_counts": True}]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["unique", "unique_consecutive"])
def test_unique(name: str, dtype: str) -> None:
    for shape, kwargs in itertools.product([(), (1,), (0,), (0, 3), (12,), (3, 4)], UNIQUE):
        agree(name, np.random.default_rng(0).integers(0, 4, shape).astype(dtype), grad=False, **kwargs)


@pytest.mark.parametrize("dtype", [d for d in DTYPES if d != "float16"])
@pytest.mark.parametrize("name", ["unique", "unique_consecutive"])
def test_unique_slices(name: str, dtype: str) -> None:
    for (shape, dim), kwargs in itertools.product(
        [((8, 2), 0), ((2, 8), 1), ((3, 2, 2), -1), ((0, 3), 0), ((0, 3), 1), ((3, 0), 0), ((5,), 0)], UNIQUE
    ):
        agree(name, np.random.default_rng(0).integers(0, 2, shape).astype(dtype), grad=False, dim=dim, **kwargs)


def test_unique_of_special_values() -> None:
    for values, kwargs in itertools.product([[nan, 1.0, nan], [inf, -inf, inf], [0.0, -0.0, 1.0]], UNIQUE):
        agree("unique", np.array(values), grad=False, **kwargs)
        agree("unique_consecutive", np.array(values), grad=False, **kwargs)


SEARCHES: list[dict[str, Any]] = [{}, {"right": True}, {"side": "right"}, {"side": "left"}, {"out_int32": True}]


@pytest.mark.parametrize("kwargs", SEARCHES, ids=str)
@pytest.mark.parametrize("dtype", ["float64", "float32", "int64", "int32", "uint8"])
def test_searches(dtype: str, kwargs: dict[str, Any]) -> None:
    rng = np.random.default_rng(0)
    lines, values = np.sort(rng.integers(0, 9, (2, 3, 7)), -1).astype(dtype), rng.integers(0, 9, (2, 3, 4)).astype(dtype)

    def both(*arrays: Any, **more: Any) -> None:
        compare(lambda *x: tg.searchsorted(*x, **more), lambda *x: torch.searchsorted(*x, **more), *arrays, grad=False)

    both(lines, values, **kwargs)
    both(lines[0, 0], values, **kwargs)
    both(lines[0, 0], values[0, 0, 0], **kwargs)
    both(lines[0, 0], values[:0], **kwargs)
    both(lines[0, 0, :0], values, **kwargs)
    compare(lambda x: tg.searchsorted(x, 3, **kwargs), lambda x: torch.searchsorted(x, 3, **kwargs), lines[0, 0], grad=False)
    if "side" not in kwargs:
        compare(lambda x, y: tg.bucketize(y, x, **kwargs), lambda x, y: torch.bucketize(y, x, **kwargs), lines[0, 0], values, grad=False)
        compare(lambda x: tg.bucketize(3, x, **kwargs), lambda x: torch.bucketize(3, x, **kwargs), lines[0, 0], grad=False)


def test_searching_for_nan_and_inf() -> None:
    for right in (False, True):
        compare(lambda x, y, r=right: tg.searchsorted(x, y, right=r), lambda x, y, r=right: torch.searchsorted(x, y, right=r),
                np.array([-1.0, 0.0, inf]), np.array([nan, inf, -inf, 0.0]), grad=False)  # fmt: skip


def test_searching_through_a_sorter() -> None:
    array, values = np.random.default_rng(0).standard_normal((2, 3, 5)), np.random.default_rng(1).standard_normal((2, 3, 4))
    compare(
        lambda x, y: tg.searchsorted(x, y, sorter=x.argsort()), lambda x, y: torch.searchsorted(x, y, sorter=x.argsort()), array, values
    )


@pytest.mark.parametrize("dim", [2, -3, (0, 1), 1.5, "a", None])
@pytest.mark.parametrize("name", ["sort", "argsort", "mode"])
def test_wrong_dim(name: str, dim: Any) -> None:
    same_error(lambda x: getattr(tg, name)(x, dim), lambda x: getattr(torch, name)(x, dim), sample((2, 3), "float64"))


WRONG: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
    ("topk", (4,), {}), ("topk", (-1,), {}), ("topk", (1.5,), {}), ("topk", (1, 2), {}), ("topk", (1, None), {}), ("kthvalue", (0,), {}),
    ("kthvalue", (4,), {}), ("kthvalue", (1.5,), {}), ("kthvalue", (1, 5), {}), ("median", (3,), {}), ("median", ("a",), {}),
    ("median", ((0,),), {}), ("median", (), {"keepdim": True}), ("unique", (), {"dim": 2}),
    ("unique_consecutive", (), {"dim": -3}), ("sort", (0, False, True), {}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "args", "kwargs"), WRONG, ids=str)
def test_wrong_arguments(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    if name == "sort":  # a TypeError of Python itself
        with pytest.raises(TypeError):
            tg.sort(tg.zeros(3), *args)
        return
    same_error(
        lambda x: getattr(tg, name)(x, *args, **kwargs), lambda x: getattr(torch, name)(x, *args, **kwargs), sample((2, 3), "float64")
    )


def test_wrong_searches() -> None:
    line, lines = np.array([1.0, 3.0, 5.0]), np.zeros((2, 3))
    same_error(tg.searchsorted, torch.searchsorted, np.array(1.0), line)
    same_error(tg.searchsorted, torch.searchsorted, lines, line)
    same_error(lambda x: tg.searchsorted(x, 3.0), lambda x: torch.searchsorted(x, 3.0), lines)
    same_error(lambda x, y: tg.bucketize(y, x), lambda x, y: torch.bucketize(y, x), lines, line)
    for kwargs in ({"side": "left", "right": True}, {"side": "mid"}):
        same_error(lambda x, k=kwargs: tg.searchsorted(x, x, **k), lambda x, k=kwargs: torch.searchsorted(x, x, **k), line)
    for sorter in (np.array([1, 2]), np.array([1, 2, 7]), np.array([1, 2, -1]), np.array([1.0, 2.0, 0.0])):
        same_error(lambda x, s: tg.searchsorted(x, x, sorter=s), lambda x, s: torch.searchsorted(x, x, sorter=s), line, sorter)


@pytest.mark.parametrize("name", ["sort", "argsort", "msort", "median", "mode", "unique", "unique_consecutive"])
def test_not_a_tensor(name: str) -> None:
    same_error(lambda: getattr(tg, name)([1.0, 2.0]), lambda: getattr(torch, name)([1.0, 2.0]), family=TypeError)
