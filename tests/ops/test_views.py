"""Views and slices: what shares memory and what does not, writing through it, and the derivative of the slices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_reg as tg
from tinygrad_reg.ops import arrangement, joining, positions, shape, slices

from .linear import check_linear

Function = Callable[..., Any]

FUNCTIONS: list[tuple[Function, tuple[int, ...]]] = [
    (lambda x: slices.put_view(x, x[1:] * 2.0, index=((0, 2, 1),)), (3, 2)),
]


@pytest.mark.parametrize(("function", "given_shape"), FUNCTIONS)
def test_the_rule_is_the_transposed_to_second_order(function: Function, given_shape: tuple[int, ...]) -> None:
    check_linear(function, given_shape)


# ---- memory ----------------------------------------------------------------------------------------------------------------

VIEWS: list[Function] = [
    lambda x: tg.reshape(x, (4, 3)),
    lambda x: x.view(2, 6),
    lambda x: tg.flatten(x),
    lambda x: tg.ravel(x),
    lambda x: tg.unflatten(x, 1, (2, 2)),
    lambda x: tg.squeeze(x),
    lambda x: tg.unsqueeze(x, 1),
    lambda x: tg.transpose(x, 0, 1),
    lambda x: tg.permute(x, (1, 0)),
    lambda x: tg.movedim(x, 0, 1),
    lambda x: tg.t(x),
    lambda x: tg.diagonal(x),
    lambda x: x.T,
    lambda x: x.mT,
    lambda x: x[1],
    lambda x: x[:, 1:3],
    lambda x: x[1, 2],
    lambda x: x[None, ..., 0],
    lambda x: x[...],
    lambda x: x[()],
]


@pytest.mark.parametrize("function", VIEWS)
def test_writing_to_a_view_writes_to_the_tensor(function: Function) -> None:
    x = tg.zeros(3, 4)
    view = function(x)
    assert np.shares_memory(view.numpy(), x.numpy())
    view.fill_(1.0)
    assert float(x.sum()) == view.numel()


@pytest.mark.parametrize(
    "function",
    [tg.clone, lambda x: tg.flip(x, (0,)), lambda x: x.repeat(1, 1), lambda x: tg.roll(x, 0), lambda x: tg.tril(x), tg.rot90, tg.diag],
)
def test_these_copy_and_have_no_negative_strides(function: Function) -> None:
    x = tg.ones(3, 3)
    result = function(x)
    assert not np.shares_memory(result.numpy(), x.numpy())
    assert min(result.stride()) > 0
    result.fill_(7.0)
    assert float(x.sum()) == 9.0


def test_a_write_through_a_view_reaches_the_gradient() -> None:
    x = tg.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    y = x * 1.0
    y.diagonal().mul_(10.0)
    y.T[0].add_(1.0)
    y.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), [[10.0, 1.0], [1.0, 10.0]])
    np.testing.assert_array_equal(y.detach().numpy(), [[11.0, 2.0], [4.0, 40.0]])


# ---- arrays in, arrays out -------------------------------------------------------------------------------------------------


def test_numpy_scalars_stand_for_0d_arrays() -> None:
    x, mask = np.float32(3.0), np.array(True)
    made = [
        shape.reshape_p(x, shape=(1, 1)),
        shape.permute_p(x, dims=()),
        shape.unsqueeze_p(x, dim=0),
        shape.squeeze_p(x, dims=()),
        slices.select_view(x, index=(None,)),
        slices.embed_view(x, index=(1,), shape=(2,)),
        slices.put_view(x, np.float32(1.0), index=()),
        arrangement.flip_p(x, dims=()),
        arrangement.repeat_p(x, repeats=(2, 1)),
        shape.clone(x),
        positions.index_p(x, mask, dims=(0,), repeated="never"),
        positions.index_put_p(x, x, mask, dims=(0,), repeated="never"),
        positions.index_embed(x, np.array(1), dims=(0,), shape=(2,), repeated="add"),
        joining.stack_p(np.asarray(x), np.asarray(x), dim=0),
    ]
    assert [np.asarray(m).dtype for m in made] == [np.float32] * len(made)
