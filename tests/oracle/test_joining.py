"""Joining and taking apart against torch: values, dtypes, gradients of both orders, errors."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_reg as tg

from .compare import compare, same_error

torch = pytest.importorskip("torch")

DTYPES = ["bool", "uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64"]
GROUPS: list[list[tuple[int, ...]]] = [
    [(2, 3), (2, 3)],
    [(2, 3), (4, 3), (0, 3)],
    [(2, 3), (2, 1)],
    [(3,), (2,)],
    [(0,), (2, 3)],
    [(2, 3), (0,), (1, 3)],
    [(), ()],
    [(), (2,)],
    [(3,), (2, 3)],
    [(2, 3, 4), (2, 3, 4), (2, 3, 4)],
    [(0, 3), (0, 3)],
    [(1,)],
]


def agree(function: Callable[..., Any], *arrays: Any) -> None:
    """Both give the same, with first and second gradients, or both refuse."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch warns of meshgrid without indexing
        try:
            function(torch, *map(torch.tensor, arrays))
        except Exception:
            same_error(lambda *x: function(tg, *x), lambda *x: function(torch, *x), *arrays)
            return
        compare(lambda *x: function(tg, *x), lambda *x: function(torch, *x), *arrays)


def sample(*shapes: tuple[int, ...]) -> list[Any]:
    rng = np.random.default_rng(1)
    return [np.asarray(rng.standard_normal(shape)) for shape in shapes]


@pytest.mark.parametrize("shapes", GROUPS)
@pytest.mark.parametrize("name", ["cat", "concat", "stack", "hstack", "vstack", "meshgrid", "broadcast_tensors"])
def test_joining(name: str, shapes: list[tuple[int, ...]]) -> None:
    arrays = sample(*shapes)
    if name in ("meshgrid", "broadcast_tensors"):
        agree(lambda m, *x: getattr(m, name)(*x), *arrays)
    else:
        agree(lambda m, *x: getattr(m, name)(x), *arrays)
    if name == "meshgrid":
        agree(lambda m, *x: m.meshgrid(*x, indexing="xy"), *arrays)
        agree(lambda m, *x: m.meshgrid(list(x), indexing="ij"), *arrays)
    if name in ("cat", "stack"):
        for dim in (-3, -1, 1, 2):
            if name == "cat" and all(shape == (0,) for shape in shapes):
                continue
            agree(lambda m, *x, dim=dim: getattr(m, name)(list(x), dim), *arrays)


@pytest.mark.parametrize("name", ["cat", "stack"])
def test_dtypes(name: str) -> None:
    for a, b in itertools.product(DTYPES, DTYPES):
        agree(lambda m, *x: getattr(m, name)(x), np.ones(2, a), np.ones(2, b))
    agree(lambda m, *x: getattr(m, name)(x), np.ones(2, "int8"), np.ones(2, "float16"), np.ones(2, "int64"))


SPLITS: dict[str, Callable[..., Any]] = {
    "split": lambda m, x: m.split(x, 2),
    "split last": lambda m, x: m.split(x, 2, -1),
    "split large": lambda m, x: x.split(9, dim=0),
    "split 0": lambda m, x: m.split(x, 0),
    "split -1": lambda m, x: m.split(x, -1),
    "split list": lambda m, x: m.split(x, [1, 0, 4]),
    "split wrong list": lambda m, x: m.split(x, [1, 1]),
    "split_with_sizes": lambda m, x: x.split_with_sizes([2, 3]),
    "chunk": lambda m, x: m.chunk(x, 2),
    "chunk last": lambda m, x: x.chunk(4, -1),
    "chunk many": lambda m, x: m.chunk(x, 7),
    "chunk 0": lambda m, x: m.chunk(x, 0),
    "unbind": lambda m, x: m.unbind(x),
    "unbind last": lambda m, x: x.unbind(-1),
    "tensor_split": lambda m, x: m.tensor_split(x, 2),
    "tensor_split many": lambda m, x: m.tensor_split(x, 7),
    "tensor_split 0": lambda m, x: m.tensor_split(x, 0),
    "tensor_split at": lambda m, x: x.tensor_split((1, 3)),
    "tensor_split sections": lambda m, x: m.tensor_split(x, sections=2),
    "tensor_split indices": lambda m, x: x.tensor_split(indices=(1, 3)),
    "tensor_split backwards": lambda m, x: x.tensor_split((3, 1, -1, 9, -9)),
    "tensor_split at tensor": lambda m, x: m.tensor_split(x, m.tensor([1, 2]), dim=-1),
    "tensor_split by tensor": lambda m, x: m.tensor_split(x, m.tensor(3)),
    "one of them": lambda m, x: m.split(x, 2)[0] * 2,
    "some of them": lambda m, x: (*m.unbind(x)[:1], m.chunk(x, 2)[-1]),
}


@pytest.mark.parametrize("shape", [(5,), (0,), (), (5, 2), (2, 5), (0, 3), (5, 0), (2, 3, 4)])
@pytest.mark.parametrize("name", SPLITS)
def test_taking_apart(name: str, shape: tuple[int, ...]) -> None:
    (array,) = sample(shape)
    agree(SPLITS[name], array)
    agree(SPLITS[name], np.round(array * 5).astype(np.int32))
