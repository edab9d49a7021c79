"""Another shape, another order of dimensions: the derivative of every function, the ways to call, the errors."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_reg as tg
from tinygrad_reg.errors import ArgumentError, ArgumentTypeError, DimensionError, DtypeError, InplaceError, ShapeError
from tinygrad_reg.ops import shape

from .linear import check_linear

Function = Callable[..., Any]

FUNCTIONS: list[tuple[Function, tuple[int, ...]]] = [
    (lambda x: tg.reshape(x, (3, -1)), (2, 3, 4)),
    (lambda x: tg.reshape(x, ()), (1, 1)),
    (lambda x: tg.reshape(x.T, (-1,)), (3, 4)),
    (lambda x: x.view(4, 3), (2, 6)),
    (tg.flatten, (2, 3, 4)),
    (tg.flatten, ()),
    (lambda x: tg.flatten(x, 1, -1), (2, 3, 4)),
    (tg.ravel, (2, 0)),
    (lambda x: tg.unflatten(x, -1, (2, -1)), (3, 4)),
    (tg.squeeze, (1, 3, 1)),
    (lambda x: tg.squeeze(x, (0, 1)), (1, 3, 1)),
    (lambda x: tg.squeeze(x, 1), (1, 3, 1)),
    (lambda x: tg.unsqueeze(x, -1), (2, 3)),
    (lambda x: tg.unsqueeze(x, 0), ()),
    (lambda x: tg.transpose(x, 0, -1), (2, 3, 4)),
    (lambda x: tg.permute(x, (2, 0, 1)), (2, 3, 4)),
    (lambda x: tg.permute(x, ()), ()),
    (lambda x: tg.movedim(x, (0, 1), (-1, 0)), (2, 3, 4)),
    (tg.t, (2, 3)),
    (tg.t, (3,)),
    (lambda x: x.mT, (2, 3, 4)),
    (lambda x: x.mH, (2, 3, 4)),
    (lambda x: x.H, (2, 3)),
    (lambda x: x.T, (2, 3)),
    (shape.transpose_all, (2, 3, 4)),
    (lambda x: x.expand(2, -1, 4), (3, 1)),
    (lambda x: x.expand(3), ()),
    (lambda x: x.expand(0, 3), (1, 3)),
    (lambda x: tg.broadcast_to(x, (2, 3)), (3,)),
    (tg.clone, (2, 3)),
    (lambda x: x.T.contiguous(), (2, 3)),
    (tg.atleast_1d, ()),
    (tg.atleast_2d, (3,)),
    (tg.atleast_3d, (3,)),
    (tg.atleast_3d, (3, 2)),
]


@pytest.mark.parametrize(("function", "given_shape"), FUNCTIONS)
def test_the_rule_is_the_transposed_to_second_order(function: Function, given_shape: tuple[int, ...]) -> None:
    check_linear(function, given_shape)


# ---- memory ----------------------------------------------------------------------------------------------------------------


def test_expand_repeats_without_memory() -> None:
    x = tg.ones(3, 1)
    wide = x.expand(2, 3, 4)
    assert np.shares_memory(wide.numpy(), x.numpy())
    assert wide.stride() == (0, 1, 0)


def test_view_as_another_dtype_shares_the_bytes() -> None:
    x = tg.tensor([[1.0, 2.0]], requires_grad=True)
    bits = x.view(tg.int32)
    assert bits.tolist() == [[0x3F800000, 0x40000000]]
    assert x.view(tg.uint8).shape == (1, 8)
    assert not bits.requires_grad
    saved = x.exp()
    bits[0, 0] = 0
    assert x.tolist() == [[0.0, 2.0]]
    saved.view(tg.int32).zero_()
    with pytest.raises(InplaceError):
        saved.sum().backward()


def test_bytes_that_are_no_bools_are_not_seen_as_bools() -> None:
    with pytest.raises(DtypeError, match="neither 0 nor 1"):
        tg.ones(2).view(tg.bool)


def test_a_step_that_views_bytes_runs_eagerly() -> None:
    step = tg.compile(lambda x: (x * 2).view(tg.int32) + 1)
    with pytest.warns(UserWarning, match="runs eagerly, since view"):
        results = [step(tg.tensor([value])).tolist() for value in (1.0, 2.0, 3.0, 4.0)]
    assert results == [[0x40000001], [0x40800001], [0x40C00001], [0x41000001]]


def test_view_refuses_what_needs_a_copy() -> None:
    x = tg.zeros(2, 3)
    assert x.view(3, 2).shape == (3, 2)
    with pytest.raises(ShapeError, match="use reshape"):
        x.T.view(6)
    assert x.T.view(3, 2, 1).shape == (3, 2, 1)
    assert x.T.contiguous().view(6).shape == (6,)


def test_contiguous_returns_the_tensor_itself_when_it_is() -> None:
    x = tg.zeros(2, 3)
    assert x.contiguous() is x
    assert x.T.contiguous().is_contiguous()
    assert not x.T.is_contiguous()
    scalar = tg.zeros(3, 3).diagonal()[1]
    assert scalar.contiguous().shape == ()


# ---- arrays in, arrays out -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "function",
    [
        lambda x: tg.reshape(x, (3, 2)),
        lambda x: shape.view(x, (3, 2)),
        lambda x: tg.flatten(x),
        lambda x: tg.squeeze(x),
        lambda x: tg.unsqueeze(x, 0),
        lambda x: tg.transpose(x, 0, 1),
        lambda x: tg.permute(x, (1, 0)),
        lambda x: shape.expand(x, (2, 2, 3)),
        tg.clone,
        shape.contiguous,
    ],
)
def test_arrays_give_arrays_and_the_same_values(function: Function) -> None:
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    result = function(array)
    assert isinstance(result, np.ndarray | np.generic)
    assert result.dtype == np.float32
    np.testing.assert_array_equal(result, function(tg.from_numpy(array)).numpy())


# ---- ways to call ----------------------------------------------------------------------------------------------------------


def test_shapes_can_be_given_in_every_way() -> None:
    x = tg.zeros(2, 3)
    size = np.int64(3)
    for made in (x.reshape(3, 2), x.reshape((3, 2)), x.reshape([3, 2]), x.reshape(shape=(3, 2)), tg.reshape(x, (3, 2))):
        assert made.shape == (3, 2)
    for made in (x.reshape(size, 2), x.reshape(tg.tensor(3), 2), x.view(size=(3, 2))):
        assert made.shape == (3, 2)
    for made in (x.permute(1, 0), x.permute((1, 0)), x.permute(dims=[1, 0]), tg.permute(x, axes=(1, 0)), tg.permute(x, (-1, 0))):
        assert made.shape == (3, 2)
    for made in (x.expand(4, 2, 3), x.expand((4, -1, -1)), x.expand(size=[4, 2, 3])):
        assert made.shape == (4, 2, 3)
    assert x.repeat(repeats=(2, 2)).shape == x.tile(2, 2).shape == x.tile(dims=(2, 2)).shape == (4, 6)
    assert x.flip(0, 1).shape == x.flip((0, 1)).shape == x.flip(dims=[0]).shape == (2, 3)
    assert tg.squeeze(x[None], axis=0).shape == tg.unsqueeze(x, axis=0)[0].shape == (2, 3)
    assert x.swapaxes(axis0=0, axis1=1).shape == x.swapdims(dim0=0, dim1=1).shape == tg.moveaxis(x, source=0, destination=1).shape == (3, 2)
    assert x.view_as(tg.zeros(6)).shape == x.reshape_as(tg.zeros(6)).shape == (6,)
    assert tg.zeros(3).expand_as(x).shape == (2, 3)


def test_atleast_takes_several() -> None:
    a, b = tg.atleast_2d(tg.zeros(()), tg.zeros(3))
    assert (a.shape, b.shape) == ((1, 1), (1, 3))
    assert [x.shape for x in tg.atleast_1d([tg.zeros(()), tg.zeros(2)])] == [(1,), (2,)]
    x = tg.zeros(2, 2, 2)
    assert tg.atleast_3d(x) is x


@given(st.lists(st.integers(0, 3), max_size=3).map(tuple), st.data())
def test_reshape_agrees_with_numpy(given_shape: tuple[int, ...], data: st.DataObject) -> None:
    count = math.prod(given_shape)
    array = np.arange(count).reshape(given_shape)
    parts = [d for d in range(1, count + 1) if count % d == 0] or [0, 2]
    first = data.draw(st.sampled_from(parts))
    wanted = data.draw(st.sampled_from([(first, -1), (count,), (1, count), (count, 1, 1)])) if count else (0, first)
    np.testing.assert_array_equal(tg.from_numpy(array).reshape(wanted).numpy(), array.reshape(wanted))


# ---- errors ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "error", "text"),
    [
        (lambda x: x.reshape(4, 2), ShapeError, "6 elements of shape \\(2, 3\\) cannot take the shape \\(4, 2\\)"),
        (lambda x: x.reshape(-1, -1), ShapeError, "only one size can be -1"),
        (lambda x: x.reshape(-2, 3), ShapeError, "0 or more, or -1"),
        (lambda x: x[:0].reshape(0, -1), ShapeError, "write the number"),
        (lambda x: x.reshape(1.5, 4), ArgumentTypeError, "integers"),
        (lambda x: x.reshape(), ArgumentTypeError, "give the sizes"),
        (lambda x: x.view(4, 2), ShapeError, "view: 6 elements"),
        (lambda x: x.view(-2, 3), ShapeError, "0 or more"),
        (lambda x: tg.reshape([1, 2], (2,)), ArgumentTypeError, "expected a tensor, got list"),
        (lambda x: tg.unsqueeze(3.0, 0), ArgumentTypeError, "expected a tensor, got float"),
        (lambda x: tg.flatten(x, 1, 0), ArgumentError, "comes after"),
        (lambda x: tg.unflatten(x, 1, (2, 2)), ShapeError, "do not multiply to 3"),
        (lambda x: tg.unflatten(x, 1, (2, -1)), ShapeError, "do not multiply to 3"),
        (lambda x: tg.unflatten(x, 1, ()), ArgumentError, "not be empty"),
        (lambda x: tg.squeeze(x, 2), DimensionError, "use -2 to 1"),
        (lambda x: tg.squeeze(x, (0, 0)), ArgumentError, "twice"),
        (lambda x: tg.unsqueeze(x, 3), DimensionError, "use -3 to 2"),
        (lambda x: tg.unsqueeze(x, 0.5), ArgumentTypeError, "integer"),
        (lambda x: tg.transpose(x, 0, 2), DimensionError, "dim 2 is out of range"),
        (lambda x: tg.permute(x, (0,)), ShapeError, "name each once"),
        (lambda x: tg.permute(x, (0, 0)), ArgumentError, "twice"),
        (lambda x: tg.movedim(x, (0, 1), (0,)), ArgumentError, "equally many"),
        (lambda x: tg.t(x[None]), ShapeError, "at most 2"),
        (lambda x: x[0].mT, ShapeError, "expects a matrix"),
        (lambda x: x[None].H, ShapeError, "use .mH"),
        (lambda x: x.expand(3), ShapeError, "cannot be expanded to \\(3,\\)"),
        (lambda x: x.sum().expand(-1), ShapeError, "cannot be expanded to \\(-1,\\)"),
        (lambda x: x.expand(4, 3), ShapeError, "only a size of 1 can grow"),
        (lambda x: x.expand(-1, 2, 3), ShapeError, "new dimensions come first"),
        (lambda x: x.expand(2, -3), ShapeError, "cannot be expanded"),
    ],
)
def test_errors_say_what_to_do(function: Function, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        function(tg.zeros(2, 3))


@pytest.mark.parametrize("x", [tg.ones(1, 3), tg.ones(3, 1).T, tg.ones(4, 1, 3)[1]])
def test_an_expanded_view_shares_memory_and_is_read_only(x: tg.Tensor) -> None:
    view = x.expand(2, -1, -1).array
    assert np.shares_memory(view, x.array)
    assert not view.flags.writeable
    assert view.shape == (2, 1, 3)
    assert view.strides[0] == 0
    assert x.expand(1, 1, 3).array.flags.writeable


def test_what_was_read_of_static_arguments_is_remembered_as_integers_alone() -> None:
    x, dim = tg.zeros(2, 3, 4), tg.tensor(0)
    assert x.flatten(dim).shape == (24,)
    assert x.movedim(dim, -1).shape == (3, 4, 2)
    assert x.squeeze((0, 1)).shape == (2, 3, 4)
    dim.fill_(1)
    assert x.flatten(dim).shape == (2, 12)
    assert x.movedim(dim, -1).shape == (2, 4, 3)
    for _ in range(2):
        with pytest.raises(ArgumentTypeError, match="got bool"):
            x.squeeze((False, True))
        with pytest.raises(ShapeError, match="do not multiply"):
            x.unflatten(1, (2, 2))
