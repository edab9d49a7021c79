"""Choosing by a condition against torch: every function, in-place forms, gradients of both orders, errors."""

from __future__ import annotations

import numpy as np
import pytest

from .test_indexing import Function, agree, sample

torch = pytest.importorskip("torch")

ONE: dict[str, Function] = {
    "masked_fill": lambda m, x: m.masked_fill(x, x > 0, 1.5),
    "masked_fill row": lambda m, x: x.masked_fill(m.tensor([True, False, True]), 2),
    "masked_fill larger": lambda m, x: m.masked_fill(x, m.ones(2, 2, 3) > 0, m.tensor(-1.0)),
    "masked_fill by ints": lambda m, x: m.masked_fill(x, m.ones(3, dtype=m.int64), 1),
    "masked_fill by a vector": lambda m, x: m.masked_fill(x, x > 0, m.ones(1)),
    "masked_select": lambda m, x: m.masked_select(x, x > 0),
    "masked_select row": lambda m, x: x.masked_select(m.tensor([True, False, True])),
    "masked_select larger": lambda m, x: m.masked_select(x, m.ones(2, 2, 3) > 0),
    "masked_select by ints": lambda m, x: m.masked_select(x, m.ones(3, dtype=m.int64)),
    "masked_select misfit": lambda m, x: m.masked_select(x, m.tensor([True, False])),
    "where": lambda m, x: m.where(x > 0, x, -x),
    "where a number": lambda m, x: m.where(x > 0, x, 2),
    "where larger": lambda m, x: x.where(m.ones(2, 2, 3) > 0, m.tensor(1.5)),
    "where misfit": lambda m, x: m.where(m.tensor([True, False]), x, x),
    "where by floats": lambda m, x: m.where(x, x, x),
    "where of the condition alone": lambda m, x: m.where(x > 0),
    "where of numbers alone": lambda m, x: m.where(m.round(x)),
    "where of one branch": lambda m, x: m.where(x > 0, x),
    "nonzero": lambda m, x: m.nonzero(x > 0),
    "nonzero tuple": lambda m, x: m.nonzero(x, as_tuple=True),
    "argwhere": lambda m, x: m.argwhere(x > 0),
}


@pytest.mark.parametrize("name", ONE)
def test_function_of_one_tensor(name: str) -> None:
    for shape in [(2, 3), (1, 3), (3,), ()]:
        array = sample(shape)
        agree(ONE[name], array)
        agree(ONE[name], array.astype(np.float32))
        agree(ONE[name], np.round(array * 3).astype(np.int64))


TWO: dict[str, tuple[Function, tuple[int, ...], tuple[int, ...]]] = {
    "masked_fill": (lambda m, x, v: m.masked_fill(x, m.tensor([True, False, True]), v), (2, 3), ()),
    "where": (lambda m, x, v: m.where(m.tensor([True, False, True]), x, v), (2, 3), (2, 1)),
    "masked_fill in place": (lambda m, x, v: (x * 1.0).masked_fill_(m.tensor([True, False, True]), v), (2, 3), ()),
}


@pytest.mark.parametrize("name", TWO)
def test_function_of_two_tensors(name: str) -> None:
    function, first, second = TWO[name]
    agree(function, sample(first), sample(second) + 2.0)
    agree(function, sample(first).astype(np.float32), sample(second).astype(np.float32))
