"""Views: results that share memory with their argument, as in PyTorch; and the most frequent one, the slice.

A view is declared so (`viewing`), which lets in-place changes follow it. Strides are never negative: flip copies.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ..engine.broadcasting import broadcast_to, sum_to
from ..engine.mutation import Array
from ..engine.node import Value
from ..engine.plain import copy_of, filled
from ..engine.primitive import Primitive, primitive
from ..engine.state import state

if TYPE_CHECKING:
    from ..tensor import Tensor


class View(Primitive):
    """A primitive of one array whose result usually shares its memory: a call as short as Python allows."""

    analytic = True

    def __init__(self, forward: Any, *, name: str | None = None) -> None:
        super().__init__(forward, name=name, view=True)

    def __call__(self, x: Any, **params: Any) -> Tensor:
        """Take the view of a tensor, or of an array."""
        if not isinstance(x, Value):
            return self.forward(x, **params)  # type: ignore[no-any-return]
        if state.recording is None:
            return super().__call__(x, **params)
        return self.applied(x, self.forward(x.array, **params), params)


def viewing(name: str) -> Callable[[Callable[..., Array]], View]:
    """Make a `View` of this name of a function on one array."""
    return lambda forward: View(forward, name=name)


# ---- the same elements several times -----------------------------------------------------------------------------------


@viewing("expand")
def expand_view(x: Array, *, shape: tuple[int, ...]) -> Array:
    """A view of x repeated to `shape` by NumPy's broadcasting rules; writable if nothing is repeated.

    Of contiguous memory it is made directly, in a third of the time: np.broadcast_to is written in Python.
    """
    if type(x) is not np.ndarray or not x.flags.c_contiguous or 0 in shape or len(shape) < x.ndim:
        return broadcast_to.forward(x, shape=shape)
    strides = _repeating(x.shape, x.strides, shape)
    if strides is None:
        return x.reshape(shape)
    out: Array = np.ndarray(shape, x.dtype, x, 0, strides)
    out.setflags(write=False)
    return out


@functools.lru_cache(maxsize=256)
def _repeating(given: tuple[int, ...], strides: tuple[int, ...], shape: tuple[int, ...]) -> tuple[int, ...] | None:
    """The strides that repeat an array to `shape`: 0 where it does; None if nothing is repeated. Raises ValueError if it does not fit."""
    lead = len(shape) - len(given)
    found = [0] * lead
    for size, wanted, stride in zip(given, shape[lead:], strides, strict=True):
        if size not in (1, wanted):
            raise ValueError(f"{given} does not broadcast to {shape}")
        found.append(stride if size == wanted else 0)
    return tuple(found) if math.prod(shape) != math.prod(given) else None


expand_view.vjp(x=lambda g, x_shape: sum_to(g, shape=x_shape))

# ---- slices ------------------------------------------------------------------------------------------------------------

FULL = (None, None, None)  # a whole dimension in the index of `select_view`


@viewing("slice")
def select_view(x: Array, *, index: tuple[Any, ...]) -> Array:
    """x[index] for a basic index: per dimension an int, a (start, stop, step) with step > 0, or None for a new dimension."""
    if len(index) == 1:
        item = index[0]
        return x[item, ...] if type(item) is int else x[None] if item is None else x[slice(*item)]
    return x[(*[slice(*item) if type(item) is tuple else item for item in index], ...)]


@primitive(name="slice_embed")
def embed_view(x: Array, *, index: tuple[Any, ...], shape: tuple[int, ...]) -> Array:
    """Zeros of `shape`, with x where `select_view` reads."""
    out = filled(x, shape)
    select_view.forward(out, index=index)[...] = x
    return out


select_view.vjp(x=lambda g, index, x_shape: embed_view(g, index=index, shape=x_shape))
embed_view.vjp(x=lambda g, index: select_view(g, index=index))


@primitive(name="slice_put")
def put_view(x: Array, values: Array, *, index: tuple[Any, ...]) -> Array:
    """A copy of x with the values, which broadcast, where `select_view` reads."""
    out = copy_of(x)
    select_view.forward(out, index=index)[...] = values
    return out


put_view.vjp(x=lambda g, index: put_view(g, 0, index=index), values=lambda g, index: select_view(g, index=index))
