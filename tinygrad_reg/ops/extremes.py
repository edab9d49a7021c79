"""Extremes: the largest and the smallest elements, and where they stand.

Over several dims, or over all, ties share the gradient equally; where an index is returned, the element there gets it all.
Shapes: `(..., n, ...) -> (..., ...)` over the dims named, or `(..., 1, ...)` with `keepdim`. Inside of this module `dim` has been
read already: None for all dims, else a sorted tuple of some of them, or the one along which an element is chosen.
"""

from __future__ import annotations

import functools
import math
from collections import namedtuple
from typing import TYPE_CHECKING, Any

import numpy as np

from ..engine.mutation import Array
from ..engine.node import Value
from ..engine.plain import filled
from ..engine.primitive import Primitive, primitive
from ..errors import DimensionError, DtypeError, ShapeError
from .arguments import integer, names_none, normalize_dim, numpy_names, shape_of
from .elementwise import eq, isnan, maximum, minimum
from .pointwise import as_array, convert
from .positions import numbers_along
from .reduction import Dims, in_rows, read_dims, spread, sum_p

if TYPE_CHECKING:
    from ..tensor import Tensor

_largest: Any = np.maximum.reduce
_smallest: Any = np.minimum.reduce
_ARRAYS = (Value, np.ndarray)
_KEPT = 4096  # lines whose places are worth remembering


def _refuse_empty(shape: tuple[int, ...], dims: Dims, what: str, error: type[Exception]) -> None:
    """No elements have no largest one."""
    if 0 in shape and (dims is None or 0 in [shape[d] for d in dims]):
        over = "all dims" if dims is None else f"dims {dims}"
        raise error(f"{what}: over {over} a tensor of shape {shape} has no elements to choose from; check .numel() first")


def _shared(g: Any, chosen: Any, shape: tuple[int, ...], dim: Dims, keepdim: bool) -> Any:
    """The cotangent in equal shares for the chosen elements; nan for all if none is chosen, which only nan brings about."""
    chosen = convert(chosen, g.dtype)
    share = g / sum_p.bind(chosen, dim=dim, keepdim=keepdim)
    return (share if dim is None or keepdim else spread.bind(share, shape=shape, dim=dim, keepdim=keepdim)) * chosen


def _amax_rule(g: Any, x: Any, out: Any, x_shape: Any, dim: Dims, keepdim: bool) -> Any:
    return _shared(g, eq(x, spread.bind(out, shape=x_shape, dim=dim, keepdim=keepdim)), x_shape, dim, keepdim)


def whole_rule(g: Any, x: Any, out: Any, x_shape: Any) -> Any:
    return _shared(g, eq(x, out) | isnan(x), x_shape, None, False)


@primitive(name="amax")
def amax_p(x: Array, *, dim: Dims, keepdim: bool) -> Array:
    """Largest element over `dim`; ties share the gradient."""
    return in_rows(_largest(x, dim, None, None, keepdim))


amax_p.vjp(x=_amax_rule)


@primitive(name="amin")
def amin_p(x: Array, *, dim: Dims, keepdim: bool) -> Array:
    """Smallest element over `dim`; ties share the gradient."""
    return in_rows(_smallest(x, dim, None, None, keepdim))


amin_p.vjp(x=_amax_rule)


@primitive(name="max")
def max_p(x: Array) -> Array:
    """Largest of all elements; ties share the gradient, and nans do."""
    return _largest(x, None)


max_p.vjp(x=whole_rule)


@primitive(name="min")
def min_p(x: Array) -> Array:
    """Smallest of all elements; ties share the gradient, and nans do."""
    return _smallest(x, None)


min_p.vjp(x=whole_rule)


@primitive(name="argmax")
def argmax_p(x: Array, *, dim: int | None, keepdim: bool) -> Array:
    """Index of the first largest element, or of the first nan, along `dim`, or in row-major order."""
    return x.argmax(axis=dim, keepdims=keepdim)


argmax_p.vjp(x=None)


@primitive(name="argmin")
def argmin_p(x: Array, *, dim: int | None, keepdim: bool) -> Array:
    """Index of the first smallest element, or of the first nan, along `dim`, or in row-major order."""
    return x.argmin(axis=dim, keepdims=keepdim)


argmin_p.vjp(x=None)


@numpy_names
def amax(input: Tensor, dim: Any = (), keepdim: bool = False) -> Tensor:
    """The largest element over the dims; ties share the gradient equally; nan wins. Raises for no elements.

    >>> x = tg.tensor([1.0, 3.0, 3.0], requires_grad=True)
    >>> tg.autograd.grad(tg.amax(x), x)
    (tensor([0.0000, 0.5000, 0.5000]),)
    """
    dims = read_dims(input, dim, "amax")
    shape = shape_of(input)
    if 0 in shape:
        _refuse_empty(shape, dims, "amax", ShapeError if dim is None or names_none(dim) else DimensionError)
    return amax_p.bind(input, dim=dims, keepdim=keepdim)


@numpy_names
def amin(input: Tensor, dim: Any = (), keepdim: bool = False) -> Tensor:
    """The smallest element over the dims; ties share the gradient equally; nan wins. Raises for no elements.

    >>> x = tg.tensor([1.0, 1.0, 3.0], requires_grad=True)
    >>> tg.autograd.grad(tg.amin(x), x)
    (tensor([0.5000, 0.5000, 0.0000]),)
    """
    dims = read_dims(input, dim, "amin")
    shape = shape_of(input)
    if 0 in shape:
        _refuse_empty(shape, dims, "amin", ShapeError if dim is None or names_none(dim) else DimensionError)
    return amin_p.bind(input, dim=dims, keepdim=keepdim)


@numpy_names
def argmax(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """Index (int64) of the largest element along dim, the first of ties; without dim, in the flattened tensor.

    >>> tg.argmax(tg.tensor([[1, 5], [7, 7]]), dim=1)
    tensor([1, 0])
    """
    return argmax_p.bind(input, dim=_read_number(input, dim, "argmax"), keepdim=keepdim)


@numpy_names
def argmin(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """Index (int64) of the smallest element along dim, the first of ties; without dim, in the flattened tensor.

    >>> tg.argmin(tg.tensor([[1, 5], [7, 7]]), dim=1)
    tensor([0, 0])
    """
    return argmin_p.bind(input, dim=_read_number(input, dim, "argmin"), keepdim=keepdim)


def _read_number(input: Any, dim: Any, what: str) -> int | None:
    """`read_choice`, of a tensor of numbers: as in PyTorch, which of two truths is the larger has no place."""
    choice = read_choice(input, dim, what)
    if input.dtype.kind == "b":
        raise DtypeError(f"{what}: not defined for bool tensors; convert with .int() first")
    return choice


def read_choice(input: Any, dim: Any, what: str) -> int | None:
    """The dim along which one element is to be chosen; None for a tensor that has only one line, or if None was given.

    Raises DimensionError if there is none to choose.
    """
    return _choice(shape_of(input, what), dim if dim is None or type(dim) is int else integer(dim, what, "dim"), what)


@functools.lru_cache(maxsize=256)
def _choice(shape: tuple[int, ...], dim: int | None, what: str) -> int | None:
    chosen = None if dim is None else normalize_dim(dim, len(shape), what)
    if len(shape) < 2:
        chosen = None
    _refuse_empty(shape, None if chosen is None else (chosen,), what, DimensionError)
    return chosen


class Chosen(namedtuple("Chosen", ("values", "indices"))):  # of `collections`: one of `typing` would compile its annotations
    """Values that were chosen along a dim, and where they were found."""

    __slots__ = ()
    values: Tensor
    indices: Tensor


@primitive
def pick(x: Array, index: Array, *, dim: int | None, keepdim: bool) -> Array:
    """The element that `index` names on each line along `dim`; None: x has one line."""
    if dim is None:
        return x.take(index)
    return x.take(numbered(index, x.shape, dim, keepdim))


def numbered(index: Array, shape: tuple[int, ...], dim: int, keepdim: bool) -> Array:
    """The numbers, in row-major order of `shape`, of the elements that `index` names on each line."""
    if keepdim:
        return numbers_along(index, shape, dim)
    step, firsts = _firsts(shape, dim) if index.size <= _KEPT else _firsts.__wrapped__(shape, dim)
    return as_array((index if step is None else index * step) + firsts)


@functools.lru_cache(maxsize=64)
def _firsts(shape: tuple[int, ...], dim: int) -> tuple[Array | None, Array]:
    """How far the elements of a line along dim are apart (None: 1), and the number of the first one of each line."""
    step, size = math.prod(shape[dim + 1 :]), shape[dim]
    lines = np.arange(math.prod(shape[:dim]) * step).reshape(shape[:dim] + shape[dim + 1 :])
    return None if step == 1 else np.array(step), as_array(lines + lines // (step or 1) * (step * (size - 1)))


@primitive
def place(x: Array, index: Array, *, shape: tuple[int, ...], dim: int | None, keepdim: bool) -> Array:
    """Zeros of this shape with x's elements where `index` names them: the transpose of `pick`."""
    out = np.zeros(shape, x.dtype)
    if dim is None:
        out.reshape(-1)[index] = x
    else:
        out.reshape(-1)[numbered(index, shape, dim, keepdim)] = x
    return out


def _plain_pick(x: Array, index: Array, *, dim: int | None, keepdim: bool) -> Array:
    if dim is None:
        return x.reshape(-1).take(index)
    found = np.take_along_axis(x, index if keepdim else np.expand_dims(index, dim), dim)
    return found if keepdim else found.squeeze(dim)


def _plain_place(x: Array, index: Array, *, shape: tuple[int, ...], dim: int | None, keepdim: bool) -> Array:
    out = filled(x, shape)
    if dim is None:
        out.reshape(-1)[index] = x
    elif keepdim:
        np.put_along_axis(out, index, x, dim)
    else:
        np.put_along_axis(out, np.expand_dims(index, dim), np.expand_dims(x, dim), dim)
    return out


pick.plain, place.plain = _plain_pick, _plain_place
pick.vjp(x=lambda g, index, x_shape, dim, keepdim: place.bind(g, index, shape=x_shape, dim=dim, keepdim=keepdim), index=None)
place.vjp(x=lambda g, index, dim, keepdim: pick.bind(g, index, dim=dim, keepdim=keepdim), index=None)


def _extreme(arg: Primitive, input: Any, dim: Any, keepdim: bool, what: str) -> Chosen:
    """The values that `arg` chooses along dim, and their indices; the gradient goes to the element chosen."""
    dims = read_choice(input, dim, what)
    index = arg(input, dim=dims, keepdim=keepdim)
    return Chosen(pick.bind(input, index, dim=dims, keepdim=keepdim), index)


@numpy_names
def max(input: Tensor, dim: Any = None, keepdim: bool = False, *, other: Any = None) -> Any:
    """The largest of all elements; `max(x, dim)` gives (values, indices) along dim; `max(x, other)` is elementwise.

    Ties share the gradient equally, but along a dim it goes to the index returned, the first. nan wins. Raises for no elements.

    >>> values, indices = tg.max(tg.tensor([[1, 5], [7, 6]]), dim=1)
    >>> values, indices
    (tensor([5, 7]), tensor([1, 0]))
    """
    if other is not None or isinstance(dim, _ARRAYS):
        return maximum(input, dim if other is None else other)
    if dim is not None:
        return _extreme(argmax_p, input, dim, keepdim, "max")
    _refuse_empty(shape_of(input, "max"), None, "max", ShapeError)
    return amax(input, (), True) if keepdim else max_p(input)


@numpy_names
def min(input: Tensor, dim: Any = None, keepdim: bool = False, *, other: Any = None) -> Any:
    """The smallest of all elements; `min(x, dim)` gives (values, indices) along dim; `min(x, other)` is elementwise.

    Ties share the gradient equally, but along a dim it goes to the index returned, the first. nan wins. Raises for no elements.

    >>> values, indices = tg.min(tg.tensor([[1, 5], [7, 6]]), dim=1)
    >>> values, indices
    (tensor([1, 6]), tensor([0, 1]))
    """
    if other is not None or isinstance(dim, _ARRAYS):
        return minimum(input, dim if other is None else other)
    if dim is not None:
        return _extreme(argmin_p, input, dim, keepdim, "min")
    _refuse_empty(shape_of(input, "min"), None, "min", ShapeError)
    return amin(input, (), True) if keepdim else min_p(input)
