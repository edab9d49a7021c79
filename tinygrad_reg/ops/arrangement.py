"""The same elements, copied to other places: repeated (repeat, tile, repeat_interleave) or in another order (flip, roll, rot90)."""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..engine.broadcasting import sum_to
from ..engine.mutation import Array
from ..engine.node import Value, array_of
from ..engine.primitive import primitive
from ..engine.refusal import typed_errors
from ..errors import ArgumentError, DimensionError, DtypeError, ShapeError
from .arguments import SEVERAL, known_dims, normalize_dim, normalize_dims, numpy_names, rank, read_shape
from .pointwise import convert
from .shape import clone, expand, ravel, reshape, reshape_p, transpose_p

if TYPE_CHECKING:
    from ..tensor import Tensor

# ---- repeated ----------------------------------------------------------------------------------------------------------


@primitive(name="repeat")
def repeat_p(x: Array, *, repeats: tuple[int, ...]) -> Array:
    """x laid side by side, repeats[i] times along dimension i; leading dimensions may be new."""
    steps, shape = _steps(x.shape, repeats)
    for size, times in steps:
        x = x.reshape(-1, size).repeat(times, 0)
    return x.reshape(shape)


@functools.lru_cache(maxsize=256)
def _steps(shape: tuple[int, ...], repeats: tuple[int, ...]) -> tuple[tuple[tuple[int, int], ...], tuple[int, ...]]:
    """How many elements stand together and how often they are repeated, from the first dim on, and the shape of the result.

    At least one step, since the result is a copy; without elements their number does not matter.
    """
    full = (1,) * (len(repeats) - len(shape)) + shape
    steps = [(max(math.prod(full[dim:]), 1), times) for dim, times in enumerate(repeats) if times != 1]
    return tuple(steps or [(1, 1)]), tuple([times * n for times, n in zip(repeats, full, strict=True)])


@functools.lru_cache(maxsize=256)
def _side_by_side(shape: tuple[int, ...], repeats: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The result's shape seen as (r, n, ...), where a dim is repeated, and the (1, n, ...) that a sum over the repetitions has."""
    full = (1,) * (len(repeats) - len(shape)) + shape
    pairs = list(zip(repeats, full, strict=True))
    apart = [size for times, n in pairs for size in ((n,) if times == 1 else (times, n))]
    once = [size for times, n in pairs for size in ((n,) if times == 1 else (1, n))]
    return tuple(apart), tuple(once)


def _unrepeat(g: Any, x_shape: tuple[int, ...], repeats: tuple[int, ...]) -> Any:
    """Sum over the repetitions."""
    apart, once = _side_by_side(x_shape, repeats)
    return reshape_p.bind(sum_to.bind(reshape_p.bind(g, shape=apart), shape=once), shape=x_shape)


repeat_p.plain = lambda x, *, repeats: np.tile(x, repeats)
repeat_p.vjp(x=_unrepeat)


@primitive(name="repeat_interleave", fails=True)
def repeat_interleave_p(x: Array, repeats: Array, *, dim: int) -> Array:
    """Slice i along `dim` stands repeats[i] times in a row."""
    return np.repeat(x, repeats, axis=dim)


@primitive
def repeat_each(x: Array, *, times: int, dim: int) -> Array:
    """Every slice along `dim` stands so many times in a row."""
    return x.repeat(times, dim)


def _apart(shape: tuple[int, ...], times: int, dim: int) -> tuple[int, ...]:
    """(..., n, ...) -> (..., n, times, ...)."""
    return (*shape[: dim + 1], times, *shape[dim + 1 :])


def _plain_each(x: Array, *, times: int, dim: int) -> Array:
    shape = x.shape
    wide = np.broadcast_to(x.reshape(_apart(shape, 1, dim)), _apart(shape, times, dim))
    return wide.reshape((*shape[:dim], shape[dim] * times, *shape[dim + 1 :]))


def _sum_each(g: Any, x_shape: tuple[int, ...], times: int, dim: int) -> Any:
    """Sum over the repetitions."""
    apart = reshape_p.bind(g, shape=_apart(x_shape, times, dim))
    return reshape_p.bind(sum_to.bind(apart, shape=_apart(x_shape, 1, dim)), shape=x_shape)


repeat_each.plain = _plain_each
repeat_each.vjp(x=_sum_each)


@primitive
def sum_segments(x: Array, lengths: Array, *, dim: int) -> Array:
    """Sums over consecutive segments of these lengths along `dim`; an empty segment gives 0."""
    out = np.zeros((*x.shape[:dim], len(lengths), *x.shape[dim + 1 :]), x.dtype)
    filled = np.flatnonzero(lengths)
    if filled.size:
        starts = (np.cumsum(lengths) - lengths)[filled]
        out[(slice(None),) * dim + (filled,)] = np.add.reduceat(x, starts, axis=dim)
    return out


repeat_interleave_p.vjp(x=lambda g, repeats, dim: sum_segments.bind(g, repeats, dim=dim), repeats=None)
repeat_interleave_p.shaped_by_values = lambda x, repeats: isinstance(repeats, Value)
sum_segments.vjp(x=lambda g, lengths, dim: repeat_interleave_p.bind(g, lengths, dim=dim), lengths=None)


@typed_errors
def repeat(input: Tensor, *args: Any, repeats: Any = None) -> Tensor:
    """A copy laid side by side, repeats[i] times along dimension i; (n, m) repeated (2, 1, 3) is (2, n, 3·m)."""
    times = read_shape(args, repeats, "repeat")
    ndim = rank(input, "repeat")
    if len(times) < ndim:
        raise ShapeError(f"repeat: {len(times)} repeats {times} for a tensor with {ndim} dimensions; give one for each, new ones first")
    return _repeat(input, times, "repeat")


def _repeat(input: Any, times: tuple[int, ...], what: str) -> Tensor:
    if times and min(times) < 0:
        raise ArgumentError(f"{what}: repeats must be 0 or more, got {times}")
    return repeat_p.bind(input, repeats=times)


@typed_errors
def tile(input: Tensor, *args: Any, dims: Any = None) -> Tensor:
    """As `repeat`, but missing leading numbers count as 1.

    >>> tg.tile(tg.tensor([1, 2]), (2, 2))
    tensor([[1, 2, 1, 2],
            [1, 2, 1, 2]])
    """
    times = read_shape(args, dims, "tile")
    return _repeat(input, (1,) * (rank(input, "tile") - len(times)) + times, "tile")


@numpy_names
def repeat_interleave(input: Tensor, repeats: Any = None, dim: int | None = None, *, output_size: int | None = None) -> Tensor:
    """Each slice along `dim` repeated in place: an int for all, or a tensor with one number for each; dim None flattens first.

    `repeat_interleave(repeats)` alone gives each index i of the tensor repeats[i] times.

    >>> tg.repeat_interleave(tg.tensor([7, 8, 9]), tg.tensor([1, 0, 2]))
    tensor([7, 9, 9])
    """
    ndim = rank(input, "repeat_interleave")
    if repeats is None:
        return repeat_interleave_p.bind(np.arange(math.prod(input.shape)), _repeats(input, math.prod(input.shape)), dim=0)
    if dim is None:
        input, dim, ndim = ravel(input), 0, 1
    dim = normalize_dim(dim, ndim, "repeat_interleave")
    if not ndim:
        raise DimensionError("repeat_interleave: a 0-d tensor has no dim to repeat along; leave dim out to get a 1-d tensor")
    if type(repeats) is int and repeats >= 0:
        result = repeat_each.bind(input, times=repeats, dim=dim)
    else:
        result = repeat_interleave_p.bind(input, _repeats(repeats, input.shape[dim]), dim=dim)
    if output_size is not None and result.shape[dim] != output_size:
        raise ArgumentError(f"repeat_interleave: output_size is {output_size}, but the repeats sum to {result.shape[dim]}")
    return result


def _repeats(repeats: Any, size: int) -> Any:
    """The repeats as an array or tensor of `size` integers."""
    if not isinstance(repeats, (Value, np.ndarray)):
        repeats = np.asarray(operator.index(repeats) if not isinstance(repeats, Sequence) else repeats)
    array = array_of(repeats)
    if array.dtype.kind not in "iu":
        raise DtypeError(f"repeat_interleave: repeats must be integers, got {array.dtype}")
    if array.ndim > 1 or array.size not in (1, size):
        raise ShapeError(f"repeat_interleave: repeats of shape {array.shape} for a dimension of size {size}; give one, or one for each")
    if array.size and array.min() < 0:
        raise ArgumentError(f"repeat_interleave: repeats must be 0 or more, got {array.min()}")
    repeats = convert(repeats, np.int64) if isinstance(repeats, Value) else repeats.astype(np.int64)
    return repeats if array.shape == (size,) else expand(reshape(repeats, (1,)), (size,))


# ---- in another order --------------------------------------------------------------------------------------------------


@primitive(name="flip")
def flip_p(x: Array, *, dims: tuple[int, ...]) -> Array:
    """The order reversed along these dimensions."""
    return x[_reversing(x.ndim, dims)].copy()


@functools.lru_cache(maxsize=256)
def _reversing(ndim: int, dims: tuple[int, ...]) -> tuple[slice, ...]:
    return tuple([slice(None, None, -1 if dim in dims else None) for dim in range(ndim)])


flip_p.vjp(x=lambda g, dims: flip_p.bind(g, dims=dims))


@primitive(name="roll")
def roll_p(x: Array, *, shifts: tuple[int, ...], dims: tuple[int, ...]) -> Array:
    """Moved by shifts[i] places along dims[i]; what leaves at the end comes in at the start."""
    for shift, dim in zip(shifts, dims, strict=True):
        first, last = _halves(x.shape[dim], shift, dim)
        x = np.concatenate((x[first], x[last]), dim)
    return x


@functools.lru_cache(maxsize=256)
def _halves(size: int, shift: int, dim: int) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Indices of what comes first and last along a dim of this size when it is moved."""
    lead, cut = (slice(None),) * dim, -shift % max(size, 1)
    return (*lead, slice(cut, None)), (*lead, slice(cut))


roll_p.vjp(x=lambda g, shifts, dims: roll_p.bind(g, shifts=tuple([-s for s in shifts]), dims=dims))


@typed_errors
def flip(input: Tensor, *args: Any, dims: Any = None) -> Tensor:
    """A copy with the order reversed along these dimensions.

    >>> tg.flip(tg.tensor([[1, 2], [3, 4]]), (0, 1))
    tensor([[4, 3],
            [2, 1]])
    """
    return flip_p.bind(input, dims=known_dims(read_shape(args, dims, "flip"), rank(input, "flip"), "flip"))


@typed_errors
def fliplr(input: Tensor) -> Tensor:
    """A copy with the order reversed along dimension 1.

    >>> tg.fliplr(tg.tensor([[1, 2], [3, 4]]))
    tensor([[2, 1],
            [4, 3]])
    """
    if rank(input, "fliplr") < 2:
        raise ShapeError(f"fliplr: needs at least 2 dimensions, got shape {tuple(input.shape)}")
    return flip_p.bind(input, dims=(1,))


@typed_errors
def flipud(input: Tensor) -> Tensor:
    """A copy with the order reversed along dimension 0.

    >>> tg.flipud(tg.tensor([[1, 2], [3, 4]]))
    tensor([[3, 4],
            [1, 2]])
    """
    if rank(input, "flipud") < 1:
        raise ShapeError("flipud: needs at least 1 dimension, got a 0-d tensor")
    return flip_p.bind(input, dims=(0,))


@typed_errors
def roll(input: Tensor, shifts: Any, dims: Any = None) -> Tensor:
    """A copy moved by `shifts` along `dims`, around the end; without dims the elements move as if in one dimension.

    >>> tg.roll(tg.tensor([1, 2, 3, 4]), 1)
    tensor([4, 1, 2, 3])
    """
    ndim = rank(input, "roll")
    steps = read_shape((shifts,), None, "roll") if isinstance(shifts, SEVERAL) else (operator.index(shifts),)
    if dims is None or dims == ():
        if len(steps) != 1:
            raise ArgumentError(f"roll: {len(steps)} shifts need as many dims; without dims give one shift")
        return reshape_p.bind(roll_p.bind(ravel(input), shifts=steps, dims=(0,)), shape=tuple(input.shape))
    along = tuple(dims) if isinstance(dims, SEVERAL) else (dims,)
    if len(along) != len(steps):
        raise ArgumentError(f"roll: {len(steps)} shifts {steps} and {len(along)} dims {along} must be equally many")
    if not ndim:
        raise DimensionError("roll: a 0-d tensor has no dimension to roll along; leave dims out")
    return roll_p.bind(input, shifts=steps, dims=tuple([normalize_dim(d, ndim, "roll") for d in along]))


@typed_errors
def rot90(input: Tensor, k: int = 1, dims: Any = (0, 1)) -> Tensor:
    """A copy turned k times by 90 degrees, from the first of two dims towards the second.

    >>> tg.rot90(tg.tensor([[1, 2], [3, 4]]))
    tensor([[2, 4],
            [1, 3]])
    """
    ndim = rank(input, "rot90")
    if ndim < 2 or len(dims) != 2:
        raise ShapeError(f"rot90: needs 2 dims and a tensor with at least 2, got dims {tuple(dims)} and shape {tuple(input.shape)}")
    first, second = normalize_dims(dims, ndim, "rot90")
    if k % 4 == 0:
        return clone(input)
    if k % 4 == 2:
        return flip_p.bind(input, dims=(first, second))
    return transpose_p.bind(flip_p.bind(input, dims=(second if k % 4 == 1 else first,)), dim0=first, dim1=second)
