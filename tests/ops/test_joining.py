"""Joining and taking apart: the derivative of every function, dtypes, what shares memory, the errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_reg as tg
from tinygrad_reg.errors import ArgumentError, ArgumentTypeError, DimensionError, DtypeError, InplaceError, ShapeError

from .linear import check_linear

Function = Callable[..., Any]

FUNCTIONS: list[tuple[Function, tuple[tuple[int, ...], ...]]] = [
    (lambda a, b: tg.cat([a, b]), ((2, 3), (4, 3))),
    (lambda a, b, c: tg.cat((a, b, c), -1), ((2, 3), (2, 0), (2, 1))),
    (lambda a, b: tg.cat([a, b, a]), ((2,), (3,))),
    (lambda a, b: tg.cat([a, b], 1), ((0,), (2, 3))),
    (lambda a: tg.cat([a]), ((2, 3),)),
    (lambda a, b: tg.stack([a, b]), ((2, 3), (2, 3))),
    (lambda a, b: tg.stack([a, b, a], -1), ((2, 3), (2, 3))),
    (lambda a, b: tg.stack([a, b], 1), ((2, 3), (2, 3))),
    (lambda a, b: tg.stack([a, b]), ((), ())),
    (lambda a, b: tg.hstack([a, b]), ((2, 3), (2, 1))),
    (lambda a, b: tg.hstack([a, b]), ((), (3,))),
    (lambda a, b: tg.vstack([a, b]), ((3,), (2, 3))),
    (lambda x: tg.split(x, 2), ((5, 2),)),
    (lambda x: tg.split(x, [1, 0, 3], 1), ((2, 4),)),
    (lambda x: tg.split(x, 2, 1)[1], ((2, 5),)),
    (lambda x: tg.chunk(x, 3, -1), ((2, 7),)),
    (lambda x: tg.chunk(x, 3), ((0, 2),)),
    (lambda x: tg.unbind(x), ((3, 2),)),
    (lambda x: tg.unbind(x, 1)[2], ((3, 4),)),
    (lambda x: tg.tensor_split(x, 3), ((7,),)),
    (lambda x: tg.tensor_split(x, (3, 1, 9)), ((5, 2),)),
    (lambda a, b: tg.meshgrid(a, b, indexing="xy"), ((2,), (3,))),
    (lambda a, b, c: tg.meshgrid([a, b, c]), ((2,), (), (4,))),
    (lambda a, b: tg.broadcast_tensors(a, b), ((2, 1), (3,))),
]


@pytest.mark.parametrize(("function", "shapes"), FUNCTIONS)
def test_the_rule_is_the_transposed_to_second_order(function: Function, shapes: tuple[tuple[int, ...], ...]) -> None:
    check_linear(function, *shapes)


@given(st.lists(st.integers(0, 3), min_size=1, max_size=4), st.integers(1, 3), st.data())
def test_split_takes_apart_what_cat_joined(lengths: list[int], ndim: int, data: st.DataObject) -> None:
    dim = data.draw(st.integers(0, ndim - 1))
    shapes = [tuple([n if i == dim else 2 for i in range(ndim)]) for n in lengths]
    arrays = [np.random.default_rng(i).standard_normal(shape) for i, shape in enumerate(shapes)]
    joined = tg.cat([tg.tensor(a) for a in arrays], dim)
    np.testing.assert_array_equal(joined.numpy(), np.concatenate(arrays, dim))
    for part, array in zip(joined.split(lengths, dim), arrays, strict=True):
        np.testing.assert_array_equal(part.numpy(), array)


@given(st.integers(0, 9), st.integers(1, 12))
def test_tensor_split_agrees_with_numpy(length: int, count: int) -> None:
    array = np.arange(length)
    parts = tg.tensor_split(tg.from_numpy(array), count)
    expected = np.array_split(array, count)
    assert [part.tolist() for part in parts] == [part.tolist() for part in expected]


@pytest.mark.parametrize("name", ["cat", "stack"])
def test_dtypes_are_promoted_and_gradients_come_back_in_their_own(name: str) -> None:
    join = getattr(tg, name)
    for dtypes, expected in [
        ((tg.float32, tg.float64), tg.float64),
        ((tg.float16, tg.int64), tg.float16),
        ((tg.bool, tg.int32), tg.int32),
        ((tg.uint8, tg.int8), tg.int16),
    ]:
        assert join([tg.ones(2, dtype=dtype) for dtype in dtypes]).dtype == expected
    a, b = tg.ones(2, requires_grad=True), tg.ones(2, dtype=tg.float64, requires_grad=True)
    join([a, b]).sum().backward()
    assert (a.grad.dtype, b.grad.dtype) == (np.float32, np.float64)


def test_parts_are_views() -> None:
    x = tg.zeros(4, 3)
    for parts in (x.split(2), x.chunk(2, 1), x.unbind(0), x.tensor_split(3), x.tensor_split((1, 3))):
        assert isinstance(parts, tuple)
        for part in parts:
            part.add_(1.0)
        assert float(x.min()) == float(x.max()) == 1.0
        x.zero_()
    assert not np.shares_memory(tg.cat([x]).numpy(), x.numpy())


def test_a_write_to_one_of_several_views_never_gives_a_wrong_gradient() -> None:
    x = tg.ones(4, requires_grad=True)
    first, _ = (x * 2.0).split(2)
    with pytest.raises(InplaceError, match="clone"):
        first.mul_(3.0)


def test_a_part_that_is_not_used_gets_zeros() -> None:
    x = tg.ones(5, requires_grad=True)
    a, b, _ = x.split(2)
    (a.sum() + (b * b).sum() * 3.0).backward()
    np.testing.assert_array_equal(x.grad.numpy(), [1.0, 1.0, 6.0, 6.0, 0.0])


def test_many_tensors_join_and_part() -> None:
    leaves = [tg.ones(2, requires_grad=True) for _ in range(300)]
    parts = tg.cat(leaves).split(3)
    sum([p.sum() * float(i) for i, p in enumerate(parts)], tg.zeros(())).backward()
    np.testing.assert_array_equal(np.concatenate([x.grad.numpy() for x in leaves]), np.arange(600) // 3)


def test_arrays_give_arrays() -> None:
    a = np.ones((2, 3), np.float32)
    for made in (tg.cat([a, a]), tg.stack([a, a]), tg.hstack([a, a]), *tg.split(a, 1), *tg.unbind(a), *tg.tensor_split(a, (1,))):
        assert isinstance(made, np.ndarray)
        assert made.dtype == np.float32
    assert all(isinstance(x, np.ndarray) for x in tg.broadcast_tensors(a, a[0]))


def test_ways_to_call() -> None:
    x = tg.zeros(4, 2)
    assert tg.concat([x, x], axis=1).shape == tg.concatenate((x, x), dim=1).shape == (4, 4)
    assert [p.shape for p in x.split(split_size=3)] == [(3, 2), (1, 2)]
    assert [p.shape for p in x.split_with_sizes(split_sizes=[3, 1])] == [(3, 2), (1, 2)]
    assert [p.shape for p in tg.split(x, split_size_or_sections=1, axis=1)] == [(4, 1), (4, 1)]
    assert [p.shape for p in tg.tensor_split(x, tg.tensor([1, -1]))] == [(1, 2), (2, 2), (1, 2)]
    assert len(tg.tensor_split(x, tg.tensor(3))) == 3
    assert [g.shape for g in tg.meshgrid(x[:, 0], x[0])] == [(4, 2), (4, 2)]
    assert tg.broadcast_tensors() == ()
    assert tg.zeros(0).split([]) == ()


@pytest.mark.parametrize(
    ("function", "error", "text"),
    [
        (lambda x: tg.cat([]), ArgumentError, "at least one tensor"),
        (lambda x: tg.cat(x), ArgumentTypeError, "list or tuple of tensors"),
        (lambda x: tg.cat([x, 1]), ArgumentTypeError, "expected a tensor, got int"),
        (lambda x: tg.cat([x, x[0]]), ShapeError, "\\(4, 3\\) · \\(3,\\)"),
        (lambda x: tg.cat([x, x.T]), ShapeError, "agree except in that dimension"),
        (lambda x: tg.cat([x[0, 0], x[0, 0]]), ShapeError, "use stack"),
        (lambda x: tg.cat([x, x], 2), DimensionError, "dim 2"),
        (lambda x: tg.stack([x, x[0]]), ShapeError, "same shape"),
        (lambda x: tg.stack([x, x], 3), DimensionError, "use -3 to 2"),
        (lambda x: tg.stack([]), ArgumentError, "at least one"),
        (lambda x: tg.hstack(x), ArgumentTypeError, "list or tuple"),
        (lambda x: tg.vstack([x, tg.zeros(2)]), ShapeError, "agree"),
        (lambda x: tg.split(x, 0), ArgumentError, "must be positive"),
        (lambda x: tg.split(x, -1), ArgumentError, "must be positive"),
        (lambda x: tg.split(x, 2.0), ArgumentTypeError, "integers"),
        (lambda x: tg.split(x, [1, 2]), ShapeError, "sum to 4"),
        (lambda x: tg.split(x, [5, -1]), ShapeError, "0 or more"),
        (lambda x: tg.split(x[0, 0], 1), DimensionError, "0-d"),
        (lambda x: tg.chunk(x, 0), ArgumentError, "positive"),
        (lambda x: tg.unbind(x[0, 0]), DimensionError, "0-d"),
        (lambda x: tg.tensor_split(x, 0), ArgumentError, "positive"),
        (lambda x: tg.meshgrid(x), ShapeError, "0-d or 1-d"),
        (lambda x: tg.meshgrid(x[0], x[0] > 0), DtypeError, "same dtype"),
        (lambda x: tg.meshgrid(x[0], indexing="no"), ArgumentError, '"ij" or "xy"'),
        (lambda x: tg.broadcast_tensors(x, tg.zeros(2)), ShapeError, "do not broadcast"),
    ],
)
def test_errors_say_what_to_do(function: Function, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        function(tg.zeros(4, 3))
