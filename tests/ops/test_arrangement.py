"""Repeated and reordered elements: the derivative of every function, arrays, errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_reg as tg
from tinygrad_reg.errors import ArgumentError, DimensionError, DtypeError, ShapeError
from tinygrad_reg.ops import arrangement

from .linear import check_linear

Function = Callable[..., Any]

FUNCTIONS: list[tuple[Function, tuple[int, ...]]] = [
    (lambda x: x.repeat(2, 1, 3), (2, 3)),
    (lambda x: x.repeat(0, 2), (2, 3)),
    (lambda x: x.repeat(()), ()),
    (lambda x: tg.tile(x, (2,)), (2, 3)),
    (lambda x: tg.repeat_interleave(x, 2), (2, 3)),
    (lambda x: tg.repeat_interleave(x, 3, dim=1), (2, 3)),
    (lambda x: tg.repeat_interleave(x, tg.tensor([2, 0, 3]), dim=-1), (2, 3)),
    (lambda x: tg.repeat_interleave(x, tg.tensor([0, 0]), dim=0), (2, 3)),
    (lambda x: tg.flip(x, (0, -1)), (2, 3, 4)),
    (tg.fliplr, (2, 3)),
    (tg.flipud, (3,)),
    (lambda x: tg.roll(x, 2), (2, 3)),
    (lambda x: tg.roll(x, (1, -2), (0, 1)), (2, 3)),
    (lambda x: tg.roll(x, (1, 1), (0, 0)), (3, 2)),
    (lambda x: tg.rot90(x, 1), (2, 3)),
    (lambda x: tg.rot90(x, -2, (1, 0)), (2, 3)),
    (lambda x: tg.rot90(x, 3, (0, 2)), (2, 3, 4)),
    (lambda x: tg.rot90(x, 4), (2, 3)),
]


@pytest.mark.parametrize(("function", "given_shape"), FUNCTIONS)
def test_the_rule_is_the_transposed_to_second_order(function: Function, given_shape: tuple[int, ...]) -> None:
    check_linear(function, given_shape)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: arrangement.repeat(x, (2, 3)),
        lambda x: tg.repeat_interleave(x, 2, 0),
        lambda x: tg.flip(x, (0,)),
        lambda x: tg.roll(x, 1),
        lambda x: tg.rot90(x),
    ],
)
def test_arrays_give_arrays_and_the_same_values(function: Function) -> None:
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    result = function(array)
    assert isinstance(result, np.ndarray | np.generic)
    assert result.dtype == np.float32
    np.testing.assert_array_equal(result, function(tg.from_numpy(array)).numpy())


def test_repeat_interleave_of_counts_alone_repeats_positions() -> None:
    np.testing.assert_array_equal(tg.repeat_interleave(tg.tensor([2, 0, 3])).numpy(), [0, 0, 2, 2, 2])


# ---- errors ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "error", "text"),
    [
        (lambda x: x.repeat(2), ShapeError, "give one for each"),
        (lambda x: x.repeat(2, -1), ArgumentError, "0 or more"),
        (lambda x: tg.repeat_interleave(x, -1), ArgumentError, "0 or more"),
        (lambda x: tg.repeat_interleave(x, tg.tensor([1, 2]), dim=1), ShapeError, "dimension of size 3"),
        (lambda x: tg.repeat_interleave(x, tg.tensor([1.0]), dim=1), DtypeError, "integers"),
        (lambda x: tg.repeat_interleave(x, 2, dim=0, output_size=3), ArgumentError, "output_size"),
        (lambda x: tg.repeat_interleave(x[0, 0], 2, dim=0), DimensionError, "0-d"),
        (lambda x: tg.flip(x, (0, 0)), ArgumentError, "twice"),
        (lambda x: tg.fliplr(x[0]), ShapeError, "at least 2"),
        (lambda x: tg.flipud(x[0, 0]), ShapeError, "at least 1"),
        (lambda x: tg.roll(x, (1, 2)), ArgumentError, "as many dims"),
        (lambda x: tg.roll(x, (1, 2), (0,)), ArgumentError, "equally many"),
        (lambda x: tg.roll(x[0, 0], 1, 0), DimensionError, "0-d"),
        (lambda x: tg.rot90(x[0]), ShapeError, "at least 2"),
        (lambda x: tg.rot90(x, 1, (0,)), ShapeError, "needs 2 dims"),
    ],
)
def test_errors_say_what_to_do(function: Function, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        function(tg.zeros(2, 3))


def test_repeats_of_any_integer_dtype_have_a_gradient() -> None:
    x = tg.ones(2, 2, requires_grad=True)
    tg.repeat_interleave(x, tg.tensor([1, 3], dtype=tg.uint8), 0).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [[1.0, 1.0], [3.0, 3.0]]


def test_nothing_repeated_more_often_than_memory_allows_has_a_gradient() -> None:
    x = tg.ones(0, 1, requires_grad=True)
    x.repeat(10**15, 1).sum().backward()
    assert x.grad is not None
    assert x.grad.shape == (0, 1)


@pytest.mark.parametrize("dim", [0, 1])
@pytest.mark.parametrize("times", [0, 1, 3])
def test_one_number_repeats_as_equal_numbers_do(times: int, dim: int) -> None:
    x = tg.arange(6).reshape(2, 3)
    each = tg.repeat_interleave(x, tg.full((x.shape[dim],), times), dim)
    np.testing.assert_array_equal(tg.repeat_interleave(x, times, dim).numpy(), each.numpy())


@pytest.mark.parametrize("shape", [(), (1,), (4,), (0,), (2, 3), (2, 0), (3, 1, 2)])
@pytest.mark.parametrize("repeats", [(), (1,), (3,), (0,), (2, 1), (1, 2), (2, 0, 1), (1, 1, 1), (2, 3, 2)])
def test_repetitions_are_those_of_numpy_in_new_memory(shape: tuple[int, ...], repeats: tuple[int, ...]) -> None:
    if len(repeats) < len(shape):
        return
    x = np.arange(np.prod(shape, dtype=int)).reshape(shape)
    result = arrangement.repeat_p(x, repeats=repeats)
    assert not np.shares_memory(result, x)
    np.testing.assert_array_equal(result, np.tile(x, repeats), strict=True)
