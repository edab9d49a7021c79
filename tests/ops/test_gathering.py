"""Positions along one dimension: the derivative of every function, repeated positions, strong zero, errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_reg as tg
from tinygrad_reg.errors import ArgumentError, ArgumentTypeError, DimensionError, DtypeError, GradientError, ShapeError

from .linear import check_linear
from .test_indexing import example

Function = Callable[..., Any]


def positions(*rows: Any) -> Any:
    return tg.tensor(np.array(rows, np.int64))


FUNCTIONS: list[tuple[Function, tuple[tuple[int, ...], ...]]] = [
    (lambda x: tg.gather(x, 1, positions([0, 0, 2], [1, 1, 1])), ((2, 3),)),
    (lambda x: tg.gather(x, 1, positions([0], [2])), ((2, 3),)),
    (lambda x: tg.gather(x, 0, positions([0, 1], [1, 1], [0, 0])), ((2, 3),)),
    (lambda x: tg.gather(x, -1, tg.zeros(2, 0, dtype=tg.int64)), ((2, 3),)),
    (lambda x: tg.gather(x, 0, tg.tensor([0, 0])), ((),)),
    (lambda x: tg.gather(x, 0, tg.tensor(2)), ((3,),)),
    (lambda x: tg.take_along_dim(x, positions([0], [-1]), 1), ((2, 3),)),
    (lambda x: tg.take_along_dim(x, positions([0, -1, 0]), 1), ((2, 3),)),
    (lambda x: tg.take_along_dim(x, positions([0], [1]), 1), ((1, 3),)),
    (lambda x: tg.take_along_dim(x, positions([5, 0], [0, 0])), ((2, 3),)),
    (lambda x, v: tg.scatter(x, 1, positions([0, 0], [2, 1]), v), ((2, 3), (2, 2))),
    (lambda x, v: tg.scatter(x, 1, positions([0], [2]), v), ((2, 3), (3, 4))),
    (lambda x, v: tg.scatter(x, 0, positions([1, 1]), v), ((2, 3), (1, 2))),
    (lambda x: tg.scatter(x, 0, positions([1, 1]), 3.0), ((2, 3),)),
    (lambda x, v: tg.scatter(x, 0, tg.tensor([0]), v), ((), (1,))),
    (lambda x, v: tg.scatter(x, 0, tg.tensor(0), v), ((3,), ())),
    (lambda x, v: tg.scatter(x, 0, tg.zeros(0, 3, dtype=tg.int64), v), ((2, 3), (2, 3))),
    (lambda x, v: tg.scatter(x, 1, positions([0, 0], [2, 1]), v, reduce="add"), ((2, 3), (2, 4))),
    (lambda x: tg.scatter(x, 1, positions([0, 0], [2, 1]), 3.0, reduce="multiply"), ((2, 3),)),
    (lambda x: tg.scatter(x, 0, tg.tensor([0, 0]), tg.tensor([2.0, 3.0], dtype=x.dtype), reduce="multiply"), ((),)),
    (lambda x, v: tg.scatter_add(x, 1, positions([0, 0], [2, 1]), v), ((2, 3), (2, 4))),
    (lambda x, v: tg.scatter_add(x, 0, tg.tensor([0, 0]), v), ((), (2,))),
    (lambda x: tg.index_select(x, 1, tg.tensor([2, 0, 2])), ((2, 3),)),
    (lambda x: tg.index_select(x, 0, tg.tensor(1)), ((2, 3),)),
    (lambda x: tg.index_select(x, 0, tg.tensor([0])), ((),)),
    (lambda x, v: tg.index_add(x, 1, tg.tensor([2, 0, 2]), v, alpha=-2.0), ((2, 3), (2, 3))),
    (lambda x, v: tg.index_add(x, 0, tg.tensor(0), v), ((), ())),
    (lambda x, v: tg.index_copy(x, 0, tg.tensor([1, 0, 1]), v), ((2, 3), (3, 3))),
    (lambda x, v: tg.index_fill(x, 1, tg.tensor([0, 0, -1]), v), ((2, 3), ())),
    (lambda x: tg.take(x, positions([0, -1], [3, 0])), ((2, 3),)),
    (lambda x: tg.select(x, -1, -2), ((2, 3),)),
    (lambda x: tg.narrow(x, 1, -2, 2), ((2, 3),)),
]


@pytest.mark.parametrize(("function", "shapes"), FUNCTIONS)
def test_the_rule_is_the_transposed_to_second_order(function: Function, shapes: tuple[tuple[int, ...], ...]) -> None:
    check_linear(function, *shapes)


@given(st.integers(1, 4), st.integers(0, 3), st.integers(0, 5), st.data())
def test_gather_and_scatter_add_agree_with_their_definition(n: int, m: int, k: int, data: st.DataObject) -> None:
    index = np.array(data.draw(st.lists(st.integers(0, n - 1), min_size=k * m, max_size=k * m)), np.int64).reshape(k, m)
    x, src = example((n, m)), -example((k, m))
    gathered, added = np.zeros((k, m)), x.copy()
    for i, j in np.ndindex(k, m):
        gathered[i, j] = x[index[i, j], j]
        added[index[i, j], j] += src[i, j]
    np.testing.assert_array_equal(tg.gather(tg.tensor(x), 0, tg.tensor(index)).numpy(), gathered)
    np.testing.assert_array_equal(tg.scatter_add(tg.tensor(x), 0, tg.tensor(index), tg.tensor(src)).numpy(), added)


def test_an_index_that_names_nothing_may_be_of_any_dtype() -> None:
    x, none = tg.ones(3), tg.tensor([])
    assert tg.gather(x, 0, none).shape == (0,)
    assert tg.scatter(x, 0, none, none).tolist() == tg.scatter_add(x, 0, none, none).tolist() == [1.0, 1.0, 1.0]


def test_arrays_give_arrays() -> None:
    x = np.ones((2, 3), np.float32)
    index = np.array([[0], [1]])
    for made in (
        tg.gather(x, 1, index),
        tg.scatter(x, 1, index, 2.0),
        tg.scatter_add(x, 1, index, x),
        tg.index_select(x, 0, index[:, 0]),
        tg.take(x, index),
    ):
        assert isinstance(made, np.ndarray)
        assert made.dtype == np.float32


def test_scatter_reduces_into_what_stands_there() -> None:
    x, index, values = tg.tensor([2.0, 3.0, 4.0]), tg.tensor([0, 0, 2]), tg.tensor([5.0, 6.0, 7.0])
    assert tg.scatter(x, 0, index, values, reduce="add").tolist() == [13.0, 3.0, 11.0]
    assert tg.scatter(x, 0, index, values, reduce="multiply").tolist() == [60.0, 3.0, 28.0]
    assert x.clone().scatter_(0, index, 5.0, reduce="multiply").tolist() == [50.0, 3.0, 20.0]
    assert tg.scatter(tg.arange(3), 0, index, 2.5, reduce="multiply").tolist() == [0, 1, 4]
    assert tg.scatter(x > 2.5, 0, index, values > 5.5, reduce="multiply").tolist() == [False, True, True]
    with tg.no_grad():
        assert tg.scatter(x, 0, index, values.requires_grad_(), reduce="multiply").tolist() == [60.0, 3.0, 28.0]


def test_integer_tensors_truncate_numbers_written_into_them() -> None:
    x = tg.arange(3)
    assert tg.masked_fill(x, x > 1, 1.7).tolist() == [0, 1, 1]
    assert tg.index_fill(x, 0, tg.tensor([0]), 2.5).tolist() == [2, 1, 2]
    assert tg.scatter(x, 0, tg.tensor([0]), 2.5).dtype == tg.int64
    assert tg.index_add(x, 0, tg.tensor([0, 0]), tg.tensor([2, 3])).tolist() == [5, 1, 2]


# ---- strong zero -----------------------------------------------------------------------------------------------------------

SELECTIONS: list[Function] = [
    lambda y: tg.index_fill(y, 0, tg.tensor([1]), 5.0),
    lambda y: tg.index_copy(y, 0, tg.tensor([1]), tg.zeros(1, dtype=tg.float64)),
    lambda y: tg.scatter(y, 0, tg.tensor([1]), 5.0),
    lambda y: tg.gather(y, 0, tg.tensor([0])),
    lambda y: tg.index_select(y, 0, tg.tensor([0])),
    lambda y: tg.take(y, tg.tensor([0])),
    lambda y: tg.narrow(y, 0, 0, 1),
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
        (lambda x: tg.gather(x, 1, positions([3])), DimensionError, "use 0 to 2"),
        (lambda x: tg.gather(x, 1, positions([-1])), DimensionError, "gather: index -1"),
        (lambda x: tg.gather(x, 1, positions([0], [0], [0])), ShapeError, r"index \(3, 1\) · input \(2, 3\)"),
        (lambda x: tg.gather(x, 1, tg.tensor([0])), ShapeError, "as many dimensions"),
        (lambda x: tg.gather(x, 1, x), DtypeError, "integers"),
        (lambda x: tg.gather(x, 2, positions([0])), DimensionError, "dim 2"),
        (lambda x: tg.take_along_dim(x, tg.tensor([0]), 1), ShapeError, "equally many"),
        (lambda x: tg.take_along_dim(x, positions([0], [0], [0]), 1), ShapeError, "apart from dim 1"),
        (lambda x: tg.take_along_dim(x, positions([3]), 1), DimensionError, "out of range"),
        (lambda x: tg.scatter(x, 1, positions([0, 0]), x[:, :1]), ShapeError, "at least as large"),
        (lambda x: tg.scatter(x, 1, positions([3]), x), DimensionError, "scatter: index 3"),
        (lambda x: tg.scatter(x, 1, positions([0]), tg.ones(1, 1, dtype=tg.float64)), DtypeError, "float64"),
        (lambda x: tg.scatter(x, 1, positions([0])), ArgumentTypeError, "a number or a tensor"),
        (lambda x: tg.scatter(x, 1, positions([0]), 1.0, reduce="mean"), ArgumentError, "reduce must be"),
        (lambda x: tg.scatter(x, 1, positions([0]), x.requires_grad_(), reduce="multiply"), GradientError, r"no derivative.*src.*detach"),
        (lambda x: tg.scatter_add(x, 1, positions([0]), 1.0), ArgumentTypeError, "expected a tensor"),
        (lambda x: tg.index_select(x, 0, positions([0])), DimensionError, "vector"),
        (lambda x: tg.index_select(x, 0, tg.tensor([2])), DimensionError, "use 0 to 1"),
        (lambda x: tg.index_select(x[0, 0], 0, tg.tensor([0, 0])), DimensionError, "1 element"),
        (lambda x: tg.index_add(x, 0, tg.tensor([0]), x), ShapeError, r"must have shape \(1, 3\)"),
        (lambda x: tg.index_copy(x, 0, tg.tensor([0, -1]), x), DimensionError, "index -1"),
        (lambda x: tg.index_add(x.long(), 0, tg.tensor([0, 1]), x.long(), alpha=2.5), ArgumentError, "alpha must be an integer"),
        (lambda x: tg.index_fill(x, 0, tg.tensor([0]), x), ShapeError, "0-d tensor"),
        (lambda x: tg.index_fill(x, 0, tg.tensor([5]), 1.0), DimensionError, "5 is out of range"),
        (lambda x: tg.take(x, tg.tensor([6])), DimensionError, "6 is out of range"),
        (lambda x: tg.take(x, x), DtypeError, "integers"),
        (lambda x: tg.select(x, 0, 2), DimensionError, "use -2 to 1"),
        (lambda x: tg.select(x[0, 0], 0, 0), DimensionError, "0-d"),
        (lambda x: tg.narrow(x, 0, 3, 0), DimensionError, "start 3"),
        (lambda x: tg.narrow(x, 0, 1, 2), ArgumentError, "2 slices from 1"),
        (lambda x: tg.narrow(x[0, 0], 0, 0, 1), ShapeError, "0-d"),
    ],
)
def test_errors_say_what_to_do(function: Function, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        function(tg.zeros(2, 3))


def test_of_repeated_places_the_last_in_row_major_order_stays_also_by_a_transposed_index() -> None:
    index = tg.tensor([[0, 1], [0, 0]]).T  # laid out by columns: [[0, 0], [1, 0]]
    source = tg.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    made = tg.scatter(tg.zeros(2, 2), 1, index, source)
    np.testing.assert_array_equal(made.detach().numpy(), [[2.0, 0.0], [4.0, 3.0]])
    made.sum().backward()
    assert source.grad is not None
    np.testing.assert_array_equal(source.grad.numpy(), [[0.0, 1.0], [1.0, 1.0]])


@pytest.mark.parametrize("shape", [(), (1,)])
def test_a_0d_tensor_counts_as_one_of_size_1(shape: tuple[int, ...]) -> None:
    x, index = tg.tensor(5.0, requires_grad=True), tg.zeros(shape, dtype=tg.int64)
    assert tuple(tg.gather(x, 0, index).shape) == shape
    made = tg.scatter(x, 0, index, tg.full((3,), 7.0))
    assert tuple(made.shape) == ()
    assert made.item() == 7.0
    tg.scatter_add(x, 0, index, tg.full((3,), 7.0)).backward()
    assert x.grad is not None
    assert x.grad.item() == 1.0


@pytest.mark.parametrize("dtype", [tg.int8, tg.int16, tg.int32, tg.int64], ids=str)
def test_a_negative_position_of_any_dtype_is_out_of_range(dtype: tg.dtype) -> None:
    x, index = tg.zeros(1 << 17), tg.tensor([5, -1], dtype=dtype)
    if dtype in (tg.int32, tg.int64):
        for call in (tg.gather, tg.index_select):
            with pytest.raises(DimensionError, match="index -1 is out of range"):
                call(x, 0, index)
    with pytest.raises(DimensionError, match="target -1 is out of bounds"):
        tg.nn.functional.cross_entropy(x.expand(2, -1), index)


def test_numpy_functions_take_positions_of_any_dtype() -> None:
    x = tg.arange(300)
    for dtype in (np.uint8, np.int16, np.int32, np.uint64):
        assert np.take_along_axis(x, np.array([200], dtype), 0).tolist() == [200]
    with pytest.raises(DtypeError, match="integers"):
        np.take_along_axis(x, np.array([1.0]), 0)


def test_without_elements_there_are_no_numbers_to_find() -> None:
    x, index = tg.zeros(2, 0), tg.zeros(2, 0, dtype=tg.int64)
    assert tg.gather(x, 1, index).shape == tg.take_along_dim(x, index, 1).shape == (2, 0)


@pytest.mark.parametrize("alpha", [0.5, np.float32(0.5), tg.tensor(0.5)])
def test_integers_take_no_fraction_as_alpha(alpha: Any) -> None:
    x = tg.tensor([1, 2])
    with pytest.raises(ArgumentError, match="alpha must be an integer"):
        tg.index_add(x, 0, tg.tensor([0]), tg.tensor([3]), alpha=alpha)
    assert tg.index_add(x, 0, tg.tensor([0]), tg.tensor([3]), alpha=np.int64(2)).tolist() == [7, 2]
