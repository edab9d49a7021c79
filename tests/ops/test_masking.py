"""By a condition: the derivative of every function, positions, strong zero, errors."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_reg as tg
from tinygrad_reg.errors import ArgumentTypeError, DtypeError, RangeError, ShapeError

from .linear import check_linear
from .test_indexing import SHAPES

Function = Callable[..., Any]

FUNCTIONS: list[tuple[Function, tuple[tuple[int, ...], ...]]] = [
    (lambda x, y: tg.where(tg.tensor([True, False, True]), x, y), ((2, 3), (1,))),
    (lambda x: tg.where(tg.tensor([[True], [False]]), 1.0, x), ((3,),)),
    (lambda x: x.where(tg.tensor([True, False, True]), 2.0), ((2, 3),)),
    (lambda x, v: tg.masked_fill(x, tg.tensor([True, False, True]), v), ((2, 3), ())),
    (lambda x: tg.masked_fill(x, tg.tensor([[True], [False]]), 2.0), ((3,),)),
    (lambda x: tg.masked_select(x, tg.tensor([True, False, True])), ((2, 3),)),
    (lambda x: tg.masked_select(x, tg.tensor([[True], [False]])), ((3,),)),
]


@pytest.mark.parametrize(("function", "shapes"), FUNCTIONS)
def test_the_rule_is_the_transposed_to_second_order(function: Function, shapes: tuple[tuple[int, ...], ...]) -> None:
    check_linear(function, *shapes)


@given(SHAPES, st.data())
def test_nonzero_agrees_with_numpy(shape: tuple[int, ...], data: st.DataObject) -> None:
    count = int(np.prod(shape))
    array = np.array(data.draw(st.lists(st.integers(0, 1), min_size=count, max_size=count)), np.int64).reshape(shape)
    x = tg.tensor(array)
    np.testing.assert_array_equal(tg.nonzero(x).numpy(), np.argwhere(array))
    np.testing.assert_array_equal(tg.argwhere(x).numpy(), np.argwhere(array))
    if shape:
        np.testing.assert_array_equal(x[tg.nonzero(x, as_tuple=True)].numpy(), array[np.nonzero(array)])
    found = tg.nonzero(x, as_tuple=True)
    assert len(found) == max(len(shape), 1)
    for ours, same in zip(tg.where(x), found, strict=True):
        np.testing.assert_array_equal(ours.numpy(), same.numpy())


def test_arrays_give_arrays() -> None:
    x = np.ones((2, 3), np.float32)
    for made in (
        tg.where(x > 0, x, 2.0),
        tg.masked_fill(x, x > 0, 1.0),
        tg.masked_select(x, x > 0),
    ):
        assert isinstance(made, np.ndarray)
        assert made.dtype == np.float32
    assert isinstance(tg.nonzero(x), np.ndarray)


# ---- strong zero -----------------------------------------------------------------------------------------------------------

SELECTIONS: list[Function] = [
    lambda y: tg.where(y > -1.0, y, 5.0),
    lambda y: tg.where(y <= -1.0, 5.0, y),
    lambda y: tg.masked_select(y, y > -1.0),
    lambda y: tg.masked_fill(y, y <= -1.0, 5.0),
]


@pytest.mark.parametrize("function", SELECTIONS)
def test_what_is_not_selected_contributes_exactly_zero_to_second_order(function: Function) -> None:
    x = tg.tensor([2.0, 0.0], dtype=tg.float64, requires_grad=True)
    out = function(tg.log(x))
    (first,) = tg.autograd.grad(out.sum(), x, create_graph=True)
    (second,) = tg.autograd.grad(first.sum(), x)
    assert first[1].item() == 0.0
    assert second[1].item() == 0.0
    assert first[0].item() in (0.5, 1.0)


# ---- errors ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "error", "text"),
    [
        (lambda x: tg.masked_fill(x, x, 1.0), DtypeError, "bool"),
        (lambda x: tg.masked_fill(x, x > 0, tg.zeros(3)), ShapeError, "0-d tensor"),
        (lambda x: tg.masked_fill(x, x > 0, "a"), ArgumentTypeError, "a number or a tensor"),
        (lambda x: tg.masked_fill(x, tg.tensor([True, False]), 1.0), ShapeError, "broadcast"),
        (lambda x: tg.masked_select(x, x), DtypeError, "bool"),
        (lambda x: tg.masked_select(x, tg.tensor([True, False])), ShapeError, "broadcast"),
        (lambda x: tg.where(x, x, x), DtypeError, "bool tensor, got float32"),
        (lambda x: tg.where(True, x, x), ArgumentTypeError, "got bool True"),
        (lambda x: tg.where(x > 0, x), ArgumentTypeError, "both input and other"),
        (lambda x: tg.where(x > 0, other=x), ArgumentTypeError, "both input and other"),
        (lambda x: tg.where(x > 0, x, tg.zeros(2)), ShapeError, "broadcast"),
        (lambda x: tg.where([1]), ArgumentTypeError, "expected a tensor"),
        (lambda x: tg.nonzero([1]), ArgumentTypeError, "expected a tensor"),
    ],
)
def test_errors_say_what_to_do(function: Function, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        function(tg.zeros(2, 3))


def test_the_sign_of_zero_and_the_type_of_a_number_are_kept() -> None:
    mask = tg.tensor([True])
    filled = [tg.masked_fill(tg.ones(1), mask, value) for value in (0.0, -0.0, 1, True, 0.0)]
    assert [math.copysign(1.0, x.item()) for x in filled] == [1.0, -1.0, 1.0, 1.0, 1.0]
    whole = tg.zeros(1, dtype=tg.int8)
    for _ in range(2):
        assert tg.masked_fill(whole, mask, 100).item() == 100
        with pytest.raises(RangeError):
            tg.masked_fill(whole, mask, 1000)
