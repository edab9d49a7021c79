"""Slices, the most frequent view: read, and their transposes, which copy. Strides are never negative: flip copies."""

from __future__ import annotations

import functools
from typing import Any

from ..engine.mutation import Array
from ..engine.plain import copy_of, filled
from ..engine.primitive import primitive
from ..engine.view import viewing

FULL = (None, None, None)  # a whole dimension in the index of `select_view`


@viewing("slice")
def select_view(x: Array, *, index: tuple[Any, ...]) -> Array:
    """x[index] for a basic index: per dimension an int, a (start, stop, step) with step > 0, or None for a new dimension."""
    if len(index) == 1:
        item = index[0]
        return x[item, ...] if type(item) is int else x[None] if item is None else x[slice(*item)]
    return x[_as_numpy(index)]


@functools.lru_cache(maxsize=1024)
def _as_numpy(index: tuple[Any, ...]) -> tuple[Any, ...]:
    """The index as NumPy takes it; with ... it gives a view also where a single element is left."""
    return (*[slice(*item) if type(item) is tuple else item for item in index], ...)


@primitive(name="slice_embed")
def embed_view(x: Array, *, index: tuple[Any, ...], shape: tuple[int, ...]) -> Array:
    """Zeros of `shape`, with x where `select_view` reads."""
    out = filled(x, shape)
    select_view.forward(out, index=index)[...] = x
    return out


select_view.vjp(x=lambda g, index, x_shape: embed_view.bind(g, index=index, shape=x_shape))
embed_view.vjp(x=lambda g, index: select_view.bind(g, index=index))


@primitive(name="slice_put")
def put_view(x: Array, values: Array, *, index: tuple[Any, ...]) -> Array:
    """A copy of x with the values, which broadcast, where `select_view` reads."""
    out = copy_of(x)
    select_view.forward(out, index=index)[...] = values
    return out


put_view.vjp(x=lambda g, index: put_view.bind(g, 0, index=index), values=lambda g, index: select_view.bind(g, index=index))
