"""Other shapes and orders of dimensions against torch: values, dtypes, gradients of both orders, views, errors."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_reg as tg

from .compare import compare, same_error

torch = pytest.importorskip("torch")

Function = Callable[[Any, Any], Any]  # of the module, ours or torch, and a tensor

SHAPES: list[tuple[int, ...]] = [(), (1,), (3,), (0,), (1, 1), (2, 3), (3, 3), (0, 3), (2, 0), (1, 3, 1), (2, 3, 4), (2, 1, 3, 2)]

FUNCTIONS: dict[str, Function] = {
    "reshape to one": lambda m, x: m.reshape(x, (-1,)),
    "reshape with -1": lambda m, x: m.reshape(x, (3, -1)),
    "reshape with 0": lambda m, x: m.reshape(x, (0, -1)),
    "reshape to 0-d": lambda m, x: x.reshape(()),
    "reshape a transposed": lambda m, x: x.transpose(0, -1).reshape(-1),
    "reshape by numbers": lambda m, x: x.reshape(1, -1, 1),
    "view": lambda m, x: x.view(-1),
    "view to the same": lambda m, x: x.view(x.shape),
    "view a transposed": lambda m, x: x.transpose(0, -1).view(-1),
    "view splitting a transposed": lambda m, x: x.transpose(0, -1).view(*x.transpose(0, -1).shape, 1),
    "flatten": lambda m, x: m.flatten(x),
    "flatten some": lambda m, x: m.flatten(x, 1, -1),
    "flatten backwards": lambda m, x: m.flatten(x, -1, 0),
    "unflatten": lambda m, x: m.unflatten(x, 0, (-1, 1)),
    "unflatten last": lambda m, x: x.unflatten(-1, (3, 1)),
    "squeeze": lambda m, x: m.squeeze(x),
    "squeeze one": lambda m, x: m.squeeze(x, -1),
    "squeeze some": lambda m, x: m.squeeze(x, (0, -1)),
    "squeeze several": lambda m, x: x.squeeze(0, -1),
    "squeeze several in place": lambda m, x: (x * 1).squeeze_(0, -1),
    "squeeze none": lambda m, x: m.squeeze(x, ()),
    "unsqueeze first": lambda m, x: m.unsqueeze(x, 0),
    "unsqueeze last": lambda m, x: x.unsqueeze(-1),
    "unsqueeze 2": lambda m, x: x.unsqueeze(2),
    "transpose": lambda m, x: m.transpose(x, 0, 1),
    "transpose ends": lambda m, x: m.transpose(x, 0, -1),
    "swapaxes": lambda m, x: m.swapaxes(x, -1, 0),
    "swapdims": lambda m, x: x.swapdims(0, 1),
    "permute": lambda m, x: m.permute(x, (2, 0, 1)),
    "permute by numbers": lambda m, x: x.permute(-1, 0),
    "permute none": lambda m, x: x.permute(()),
    "movedim": lambda m, x: m.movedim(x, 0, -1),
    "movedim some": lambda m, x: m.movedim(x, (0, 2), (1, 0)),
    "moveaxis": lambda m, x: m.moveaxis(x, -1, 0),
    "t": lambda m, x: m.t(x),
    "T": lambda m, x: x.T,
    "mT": lambda m, x: x.mT,
    "mH": lambda m, x: x.mH,
    "H": lambda m, x: x.H,
    "expand": lambda m, x: x.expand(3, 3),
    "expand keeping": lambda m, x: x.expand(2, -1, 3),
    "expand leading": lambda m, x: x.expand(-1, 2, 3, 4),
    "expand to nothing": lambda m, x: x.expand(0, *x.shape),
    "broadcast_to": lambda m, x: m.broadcast_to(x, (4, 2, 3)),
    "broadcast_to by sizes": lambda m, x: x.broadcast_to(4, 2, 3),
    "expand_as": lambda m, x: x.expand_as(m.zeros(2, 1, 3)),
    "view_as": lambda m, x: x.view_as(m.zeros(3, 2)),
    "reshape_as": lambda m, x: x.reshape_as(m.zeros(6)),
    "clone": lambda m, x: m.clone(x),
    "contiguous": lambda m, x: x.transpose(0, -1).contiguous(),
    "ravel": lambda m, x: m.ravel(x),
    "atleast_1d": lambda m, x: m.atleast_1d(x),
    "atleast_2d": lambda m, x: m.atleast_2d(x),
    "atleast_3d": lambda m, x: m.atleast_3d(x),
    "atleast_1d of two": lambda m, x: m.atleast_1d(x, x),
}


def agree(function: Function, array: Any) -> None:
    """Both give the same, with first and second gradients, or both refuse."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch warns of T on other than matrices
        try:
            function(torch, torch.tensor(array))
        except Exception:
            same_error(lambda x: function(tg, x), lambda x: function(torch, x), array)
            return
        compare(lambda x: function(tg, x), lambda x: function(torch, x), array)


def agree_on_all_shapes(function: Function) -> None:
    """On shapes of 0 to 4 dimensions, of float64, float32 and int32."""
    for shape in SHAPES:
        array = np.asarray(np.random.default_rng(1).standard_normal(shape))
        agree(function, array)
        agree(function, array.astype(np.float32))
        agree(function, np.round(array * 5).astype(np.int32))


def agree_on_what_is_a_view(function: Function) -> None:
    """The result shares memory with the argument where torch's does."""
    for shape in SHAPES:
        array = np.asarray(np.random.default_rng(1).standard_normal(shape))
        x, y = tg.tensor(array), torch.tensor(array)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                theirs = function(torch, y)
            except Exception:
                continue
        ours = function(tg, x)
        if not isinstance(theirs, torch.Tensor) or not theirs.numel():
            continue
        shared = theirs.untyped_storage().data_ptr() == y.untyped_storage().data_ptr()
        assert np.shares_memory(ours.numpy(), x.numpy()) == shared, shape


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function(name: str) -> None:
    agree_on_all_shapes(FUNCTIONS[name])


@pytest.mark.parametrize("name", FUNCTIONS)
def test_what_is_a_view(name: str) -> None:
    agree_on_what_is_a_view(FUNCTIONS[name])
