"""Elements found by number, and updates of parts: NumPy's results, and a way out where a number is outside."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tinygrad_reg.compiler.backends.c import build
from tinygrad_reg.compiler.numpy_ops import (
    ADD_AT,
    ADD_SET,
    ARGMAX,
    ARGMIN,
    GETITEM,
    PUT_ALONG,
    RESHAPE,
    SET,
    STRIDED,
    TAKE,
    TAKE_ALONG,
    TRANSPOSED,
    WITHIN,
    accumulate_op,
    ufunc_op,
)
from tinygrad_reg.compiler.program import OutOfRange

from .building import Built, same

X = np.random.default_rng(0).standard_normal((4, 5, 6))


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
def test_taking_and_adding_along_an_axis(axis: int) -> None:
    built = Built()
    x = built.array(X)
    for indices in ([0, 3, -1, 3], [[1, 2], [0, -2]], 2, np.zeros((0,), np.int64)):
        i = built.array(np.asarray(indices, np.int64))
        taken = built.call(TAKE, x, i, axis=axis % 3)
        doubled = built.call(ufunc_op(np.add), taken, taken)
        built.call(ADD_AT, x, i, doubled, axis=axis % 3)
        built.call(ADD_AT, x, i, 1.0, axis=axis % 3)
    shape = list(X.shape)
    shape[axis] = 3
    j = built.array(np.random.default_rng(1).integers(-4, 4, shape))
    along = built.call(TAKE_ALONG, x, j, axis=axis)
    built.call(PUT_ALONG, x, j, built.call(ufunc_op(np.negative), along), axis=axis)
    built.call(PUT_ALONG, x, j, 0.5, axis=axis)
    assert all(same(a, b) for a, b in built.both())


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64, np.float32])
def test_what_is_added_twice_is_a_sum_of_its_dtype(dtype: type) -> None:
    built = Built()
    x, i = built.array(np.array([1, 0, 1], dtype)), built.array(np.array([0, 0, 1, 2, 2]))
    added = built.call(ADD_AT, x, i, built.array(np.array([1, 200, 1, 0, 0]).astype(dtype)), axis=0)
    built.call(ADD_AT, x, i, True, axis=0)
    built.call(ufunc_op(np.add), added, np.float32(0.5))  # which shows the byte of a bool
    assert all(same(a, b) for a, b in built.both())


@pytest.mark.parametrize(
    "index", [(slice(1, 3),), (2,), (Ellipsis, slice(None, None, 2)), (slice(None), 3, 1), (0, 0, 0), (slice(2, 2),), 1]
)
def test_updates_of_a_part(index: Any) -> None:
    built = Built()
    x = built.array(X)
    zeros = built.constant(np.zeros_like(X))
    part = built.array(np.random.default_rng(2).standard_normal(X[index].shape))
    for base in (x, zeros):
        for value in (part, 2.5):
            built.call(SET, base, value, index=index)
            built.call(ADD_SET, base, value, index=index)
    assert all(same(a, b) for a, b in built.both())


@pytest.mark.parametrize("dtype", ["float64", "float32", "int64"])
def test_the_place_of_the_largest_and_running_results(dtype: str) -> None:
    built = Built()
    data = (X * 3).astype(dtype)
    if dtype != "int64":
        data[1, 2, 3] = data[1, 2, 5] = data[3, 0, 0] = np.nan
    x = built.array(data)
    for axis in (0, 1, 2, -1):
        for op in (ARGMAX, ARGMIN):
            built.call(op, x, axis=axis, keepdims=False)
            built.call(op, x, axis=axis, keepdims=True)
        for ufunc in (np.add, np.multiply):
            built.call(accumulate_op(ufunc), x, axis=axis)
    built.call(ARGMAX, x, axis=None, keepdims=False)
    assert all(same(a, b) for a, b in built.both())


def test_windows_of_what_a_loop_made_in_another_order() -> None:
    built = Built()
    made = built.call(ufunc_op(np.add), built.array(np.arange(40.0).reshape(10, 4)), 1.0)  # short rows: the columns are contiguous
    windows = built.call(STRIDED, made, shape=(8, 2, 3, 2), strides=(4, 1, 4, 1), offset=1)
    last = built.call(ufunc_op(np.multiply), windows, 2.0)
    [(expected, found)] = built.both(last)
    assert same(expected, found)
    assert all(same(a, b) for a, b in built.both())


@pytest.mark.parametrize("wrong", [5, -6, 2**40])
def test_a_number_outside_ends_the_step(wrong: int) -> None:
    built = Built()
    x, i = built.array(X), built.array(np.array([0, 1]))
    built.call(TAKE, x, i, axis=1)
    run = build(built.program()).run
    run([X, np.array([4, -5])], [], [])
    with pytest.raises(OutOfRange):
        run([X, np.array([0, wrong])], [], [])
    built = Built()
    i = built.array(np.array([0, 1]))
    built.call(ufunc_op(np.add), built.call(WITHIN, i, low=-5, high=5), 1)
    run = build(built.program()).run
    run([np.array([4, -5])], [], [])
    with pytest.raises(OutOfRange):
        run([np.array([0, wrong])], [], [])


def test_windows_of_a_part() -> None:
    built = Built()
    part = built.call(GETITEM, built.array(np.arange(24.0).reshape(4, 6)), index=(slice(1, 3),))
    windows = built.call(STRIDED, part, shape=(3, 2), strides=(4, 1), offset=2)
    built.call(ufunc_op(np.multiply), windows, 2.0)
    turned = built.call(RESHAPE, built.call(TRANSPOSED, part), shape=(12,))
    last = built.call(ufunc_op(np.add), built.call(STRIDED, turned, shape=(2, 5), strides=(5, 1), offset=1), 1.0)
    columns = built.call(ufunc_op(np.add), built.array(np.asfortranarray(np.arange(12.0).reshape(3, 4))), 1.0)
    of_columns = built.call(STRIDED, built.call(TRANSPOSED, columns), shape=(2, 3), strides=(3, 1), offset=4)
    built.call(ufunc_op(np.negative), of_columns)
    assert all(same(a, b) for a, b in (*built.both(), *built.both(last)))
