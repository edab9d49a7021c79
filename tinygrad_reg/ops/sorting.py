"""Order: sort, topk, kthvalue, median and mode, unique values, and search in sorted sequences.

Primitives find positions, which have no derivative; the values are then read there by `pick`, so that the gradient goes to where a
value stood. The order is stable: equal elements keep theirs, also when it descends. nan is larger than all numbers.
Inside of this module `dim` has been read already: counted from the front, or None for a tensor that has only one line of elements.
"""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ..engine.mutation import Array
from ..engine.node import Value
from ..engine.plain import filled, is_stand_in, room
from ..engine.primitive import Primitive, primitive
from ..engine.refusal import typed_errors
from ..engine.selection import choose
from ..errors import ArgumentError, ArgumentTypeError, DimensionError, DtypeError, ShapeError
from .arguments import integer, normalize_dim, numpy_names, rank, shape_of
from .extremes import Chosen, pick, read_choice, whole_rule
from .positions import in_range, index_p, numbers_along
from .reduction import in_rows
from .shape import reshape_p

if TYPE_CHECKING:
    from ..tensor import Tensor


_MANY, _SEVERAL = 4096, 1024  # elements
_FEW = 16  # elements of a line


def _lines(x: Array, dim: int | None) -> tuple[Array, int]:
    """An array with at least one dim, and the one along which its lines run."""
    return (x.reshape(-1), 0) if dim is None else (x, dim)


def _order(x: Array, axis: int, descending: bool, count: int | None = None) -> Array:
    """The positions of each line's elements in stable order, or of so many first ones."""
    if not descending:
        order = _upwards(x, axis)
        return order if count is None else order[(*(slice(None),) * axis, slice(count))].copy()
    back, first, last = _backwards(axis, x.shape[axis], count)
    return last - _upwards(x[back], axis)[first]


@functools.lru_cache(maxsize=256)
def _backwards(axis: int, size: int, count: int | None) -> tuple[Any, Any, Array]:
    """The index that turns lines round, that of so many last elements, the last one first, and the last position."""
    lead, stop = (slice(None),) * axis, -1 - (size if count is None else count)
    return (*lead, slice(None, None, -1)), (*lead, slice(None, stop, -1)), np.array(size - 1)


def _upwards(x: Array, axis: int) -> Array:
    """The positions of each line's elements in stable order, the smallest first.

    Many float32 are sorted as integers, of which the upper half orders as the number does and the lower half is its position: all
    differ, so that NumPy's fastest sort is stable.
    """
    if x.size < _MANY or x.dtype != np.float32 or is_stand_in(x):
        return x.argsort(axis=axis, kind="stable")
    bits = (x + np.float32(0.0)).view(np.int32)  # without -0.0
    bits ^= (bits >> 31) & 0x7FFFFFFF  # more negative numbers have larger bits
    keys = choose(x != x, np.int32(0x7FFFFFFF), bits).astype(np.int64) << 32
    keys |= np.arange(x.shape[axis]).reshape(-1, *(1,) * (x.ndim - 1 - axis))
    keys.sort(axis)
    keys &= 0xFFFFFFFF
    return keys


# ---- sort ----------------------------------------------------------------------------------------------------------------


@primitive(name="argsort")
def argsort_p(x: Array, *, dim: int | None, descending: bool) -> Array:
    """The positions of the elements along `dim` in stable order."""
    lines, axis = _lines(x, dim)
    order = _order(lines, axis, descending)
    return order if x.ndim else order.reshape(())


argsort_p.vjp(x=None)


def _read_line(input: Any, dim: Any, what: str) -> int | None:
    """The dim to sort along; None for a tensor that has only one line."""
    ndim = rank(input, what)
    chosen = normalize_dim(dim, ndim, what)
    return chosen if ndim > 1 else None


@numpy_names
def sort(input: Tensor, dim: int = -1, descending: bool = False, *, stable: bool = False) -> Chosen:
    """(values, indices) of the elements in order along dim; nan comes last, or first if descending. Always stable.

    >>> values, indices = tg.sort(tg.tensor([3, 1, 2]))
    >>> values, indices
    (tensor([1, 2, 3]), tensor([1, 2, 0]))
    """
    along = _read_line(input, dim, "sort")
    index = argsort_p.bind(input, dim=along, descending=bool(descending))
    return Chosen(pick.bind(input, index, dim=along, keepdim=True), index)


@numpy_names
def argsort(input: Tensor, dim: int = -1, descending: bool = False, *, stable: bool = False) -> Tensor:
    """The positions (int64) of the elements in order along dim. Always stable.

    >>> tg.argsort(tg.tensor([3, 1, 2]), descending=True)
    tensor([0, 2, 1])
    """
    return argsort_p.bind(input, dim=_read_line(input, dim, "argsort"), descending=bool(descending))


@typed_errors
def msort(input: Tensor) -> Tensor:
    """The elements in order along the first dim.

    >>> tg.msort(tg.tensor([[3, 1], [2, 4]]))
    tensor([[2, 1],
            [3, 4]])
    """
    return sort(input, 0).values


# ---- the first ones ------------------------------------------------------------------------------------------------------


@primitive(name="topk")
def topk_p(x: Array, *, k: int, dim: int | None, largest: bool) -> Array:
    """The positions of the k largest or smallest elements along `dim`, in order."""
    lines, axis = _lines(x, dim)
    found = None
    if 0 < 8 * k < lines.shape[axis] and x.size > _SEVERAL and not is_stand_in(x):
        found = _one_by_one(lines, k, axis, largest) if k <= _FEW and x.dtype.kind in "fiu" else _split_off(lines, k, axis, largest)
    if found is None:
        found = _order(lines, axis, largest, k)
    return found if x.ndim else found.reshape(())


def _one_by_one(x: Array, k: int, axis: int, largest: bool) -> Array | None:
    """The first k positions in order: k times the first extreme element of those left, which NumPy finds far sooner than a partition.

    None if an element cannot be told from those taken, which become the last ones in order, or if nan is among those found.
    """
    last = (math.inf, -math.inf) if x.dtype.kind == "f" else (np.iinfo(x.dtype).max, np.iinfo(x.dtype).min)
    taken = last[largest]
    left = x.swapaxes(axis, -1).copy()
    lines, elements = left.reshape(-1, x.shape[axis]), left.reshape(-1)
    begins = np.arange(0, x.size, x.shape[axis])
    found, values = np.empty((k, len(lines)), np.intp), []
    for positions in found:
        (lines.argmax if largest else lines.argmin)(1, positions)
        places = begins + positions
        values.append(elements[places])
        elements[places] = taken
    if np.count_nonzero((values[0] != values[0]) | (values[-1] == taken)):
        return None
    return in_rows(found.T.reshape(*left.shape[:-1], k).swapaxes(axis, -1).astype(np.int64, copy=False))


def _split_off(x: Array, k: int, axis: int, largest: bool) -> Array | None:
    """The first k positions in order, without sorting the others; None if equal elements compete for the last place."""
    n = x.shape[axis]
    split = x.argpartition(n - k if largest else k - 1, axis)
    found = split[(*(slice(None),) * axis, slice(n - k, n) if largest else slice(k))].copy()
    found.sort(axis)
    values = _along(x, found, axis)
    enough = x >= values.min(axis, keepdims=True) if largest else x <= values.max(axis, keepdims=True)
    if np.count_nonzero(enough) != found.size:
        return None
    return _along(found, _order(values, axis, largest), axis)


def _along(x: Array, index: Array, axis: int) -> Array:
    """np.take_along_axis, which is written in Python, in a fifth of its time for a few elements."""
    return x.take(numbers_along(index, x.shape, axis))


topk_p.vjp(x=None)


@numpy_names
def topk(input: Tensor, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> Chosen:
    """(values, indices) of the k largest or smallest elements along dim, in order; of equal ones the first are taken.

    >>> values, indices = tg.topk(tg.tensor([3, 1, 2]), 2)
    >>> values, indices
    (tensor([3, 2]), tensor([0, 2]))
    """
    along = _read_line(input, dim, "topk")
    count = _read_k(k, input, along, 0, "topk")
    index = topk_p.bind(input, k=count if shape_of(input) else 1, dim=along, largest=bool(largest))
    return Chosen(pick.bind(input, index, dim=along, keepdim=True), index)


def _read_k(k: Any, input: Any, dim: int | None, least: int, what: str) -> int:
    """A number of elements along dim. Raises ArgumentError if there are not so many."""
    count = integer(k, what, "k")
    shape = shape_of(input)
    size = shape[dim or 0] if shape else 1
    if not least <= count <= size:
        raise ArgumentError(f"{what}: k must be {least} to {size}, the number of elements along dim {dim or 0}, got {count}")
    return count


# ---- one of them ---------------------------------------------------------------------------------------------------------


def _ranked(lines: Array, k: int, axis: int) -> Array:
    """Of each line the element that k others precede in order."""
    return np.partition(lines, k, axis)[(*(slice(None),) * axis, slice(k, k + 1))]


@primitive(name="kthvalue")
def kthvalue_p(x: Array, *, k: int, dim: int | None, keepdim: bool) -> Array:
    """The position of the first element along `dim` that is as large as the k-th smallest."""
    lines, axis = _lines(x, dim)
    value = _ranked(lines, k - 1, axis)
    found = (lines == value) | ((value != value) & (lines != lines))
    return _first(found, x, dim, keepdim)


kthvalue_p.vjp(x=None)


@primitive(name="median_position")
def median_position(x: Array, *, dim: int | None, keepdim: bool) -> Array:
    """The position of the first element along `dim` that is as large as the median, or of the first nan."""
    lines, axis = _lines(x, dim)
    middle = (lines.shape[axis] - 1) // 2
    found, nan = lines == _ranked(lines, middle, axis), lines != lines
    return _first(np.where(np.logical_or.reduce(nan, axis=axis, keepdims=True), nan, found), x, dim, keepdim)


median_position.vjp(x=None)


def _first(found: Array, x: Array, dim: int | None, keepdim: bool) -> Array:
    """The first position along `dim` where `found`, which has x's elements, is true."""
    return found.reshape(x.shape).argmax(axis=dim, keepdims=keepdim)


@primitive(name="median")
def median_p(x: Array) -> Array:
    """The lower median of all elements, nan if one is nan or there are none; equal elements share the gradient."""
    if not x.size:
        return np.full((), np.nan, x.dtype)
    top = np.maximum.reduce(x, axis=None)
    return np.where(top == top, _ranked(x.reshape(-1), (x.size - 1) // 2, 0).reshape(()), top)


median_p.vjp(x=whole_rule)


@primitive(name="mode")
def mode_p(x: Array, *, dim: int | None, keepdim: bool) -> Array:
    """The last position along `dim` of the element that occurs most often, of the smallest of such."""
    lines = np.moveaxis(x if x.ndim else x.reshape(1), dim or 0, -1)
    order = lines.argsort(axis=-1, kind="stable")
    values = _along(lines, order, lines.ndim - 1)
    place = np.arange(values.shape[-1])
    begins = filled(values, values.shape, True, np.bool_)
    begins[..., 1:] = values[..., 1:] != values[..., :-1]
    before = place - np.maximum.accumulate(np.where(begins, place, 0), axis=-1)  # how many equal ones
    index = _along(order, before.argmax(-1, keepdims=True), order.ndim - 1)
    return np.moveaxis(index, -1, dim or 0) if keepdim and x.ndim else index[..., 0]


mode_p.vjp(x=None)


@numpy_names
def kthvalue(input: Tensor, k: int, dim: int = -1, keepdim: bool = False) -> Chosen:
    """(values, indices) of the k-th smallest element along dim, k counted from 1; of equal ones the index is that of the first.

    >>> values, indices = tg.kthvalue(tg.tensor([30, 10, 20]), 2)
    >>> values, indices
    (tensor(20), tensor(2))
    """
    along = _read_one(input, dim, "kthvalue")
    return _chosen(kthvalue_p, input, along, keepdim, k=_read_k(k, input, along, 1, "kthvalue"))


@numpy_names
def median(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    """The median of all elements, or (values, indices) along dim: the lower one of two in the middle, and nan if there is a nan.

    Over all, equal elements share the gradient; along a dim it goes to the index returned, the first of them.

    >>> tg.median(tg.tensor([4.0, 1.0, 3.0, 2.0]))
    tensor(2.)
    """
    if dim is not None:
        return _chosen(median_position, input, _read_one(input, dim, "median"), keepdim)
    if keepdim:
        raise ArgumentTypeError("median: keepdim needs a dim; over all elements the result has no dims")
    if not rank(input, "median") or input.dtype.kind == "f" or 0 not in input.shape:
        return median_p(input)
    raise ShapeError(f"median: of no integers there is none, the shape is {tuple(input.shape)}; check .numel() first")


@numpy_names
def mode(input: Tensor, dim: int = -1, keepdim: bool = False) -> Chosen:
    """(values, indices) of the element that occurs most often along dim, of several the smallest; the index is that of the last one.

    >>> values, indices = tg.mode(tg.tensor([1, 2, 2, 1, 3]))
    >>> values, indices
    (tensor(1), tensor(3))
    """
    return _chosen(mode_p, input, _read_one(input, dim, "mode"), keepdim)


def _read_one(input: Any, dim: Any, what: str) -> int | None:
    """The dim along which one element is to be chosen, which must be given and not be empty."""
    return read_choice(input, dim if type(dim) is int else integer(dim, what, "dim"), what)


def _chosen(position: Primitive, input: Any, dim: int | None, keepdim: bool, **params: Any) -> Chosen:
    """The values that `position` chooses along dim, and their indices."""
    index = position(input, dim=dim, keepdim=keepdim, **params)
    return Chosen(pick.bind(input, index, dim=dim, keepdim=keepdim), index)


# ---- unique --------------------------------------------------------------------------------------------------------------


@primitive(name="unique", outputs=True)
def unique_p(x: Array, *, dim: int | None, consecutive: bool) -> tuple[Array, Array, Array]:
    """Where the different slices along `dim` (None: elements) first occur, in order; which of these each slice is; their counts."""
    slices = x.reshape(-1) if dim is None else np.moveaxis(x, dim, 0)
    count = len(slices)
    rows = slices.reshape(count, math.prod(slices.shape[1:]))
    order = np.arange(count) if consecutive else np.lexsort(rows.T[::-1])
    rows = rows[order]
    begins = np.ones(count, np.bool_)
    begins[1:] = (rows[1:] != rows[:-1]).any(1)
    starts = np.flatnonzero(begins)
    inverse = np.empty(count, np.int64)
    inverse[order] = np.cumsum(begins) - 1
    return order[starts], inverse.reshape(x.shape if dim is None else count), np.diff(starts, append=count)


unique_p.vjp(x=None)
unique_p.shaped_by_values = lambda x: True


def _unique(input: Any, consecutive: bool, inverse: bool, counts: bool, dim: Any, what: str) -> Any:
    """The values, and what else was asked for, as a tuple if anything was."""
    along = _read_unique_dim(input, dim, what)
    first, which, number = unique_p.bind(input, dim=along, consecutive=consecutive)
    flat = reshape_p.bind(input, shape=(-1,)) if along is None else input
    values = index_p.bind(flat, first, dims=(along or 0,), repeated="never")
    more = [x for x, asked in ((which, inverse), (number, counts)) if asked]
    return (values, *more) if more else values


def _read_unique_dim(input: Any, dim: Any, what: str) -> int | None:
    """The dim whose slices are compared; None for the elements. Raises ShapeError if slices are empty."""
    ndim = rank(input, what)
    if dim is None:
        return None
    if not ndim:
        raise DimensionError(f"{what}: a 0-d tensor has no dim {dim!r}; leave dim away to compare elements")
    along = normalize_dim(dim, ndim, what)
    if 0 in (*input.shape[:along], *input.shape[along + 1 :]):
        raise ShapeError(f"{what}: slices along dim {along} of a tensor of shape {tuple(input.shape)} have no elements to compare")
    return along


@numpy_names
def unique(input: Tensor, sorted: bool = True, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None) -> Any:
    """The different elements, or slices along dim, always in order; if asked for, also which of them each one is, and their counts.

    The gradient goes to where each first occurs. nan differs from nan.

    >>> tg.unique(tg.tensor([3, 1, 3]), return_counts=True)
    (tensor([1, 3]), tensor([1, 2]))
    """
    return _unique(input, False, return_inverse, return_counts, dim, "unique")


@numpy_names
def unique_consecutive(input: Tensor, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None) -> Any:
    """The elements, or slices along dim, that differ from the one before them; if asked for, also what `unique` gives.

    >>> tg.unique_consecutive(tg.tensor([1, 1, 2, 1]))
    tensor([1, 2, 1])
    """
    return _unique(input, True, return_inverse, return_counts, dim, "unique_consecutive")


# ---- search --------------------------------------------------------------------------------------------------------------


@primitive(name="searchsorted")
def searchsorted_p(sequence: Array, values: Array, *, side: str, dtype: Any) -> Array:
    """Where values belong in a sorted sequence (n,), or each line of them in its line of sequences (..., n), (..., m) -> (..., m)."""
    if sequence.ndim == 1:
        return np.searchsorted(sequence, values, side).astype(dtype, copy=False)  # type: ignore[call-overload]
    out = room(values, values.shape, dtype)
    for line in np.ndindex(sequence.shape[:-1]):
        out[line] = np.searchsorted(sequence[line], values[line], side)  # type: ignore[call-overload]
    return out


searchsorted_p.vjp(sequence=None, values=None)


@typed_errors
def searchsorted(
    sorted_sequence: Tensor, input: Any, *, out_int32: bool = False, right: bool = False, side: str | None = None, sorter: Any = None
) -> Tensor:
    """The positions at which values could be inserted so that the last dim stays sorted: before equal elements, or with `right` behind.

    The sequence is (n,) and the values of any shape, or both have the same shape but for the last dim. `sorter` holds the positions
    that sort an unsorted sequence.

    >>> tg.searchsorted(tg.tensor([1, 3, 5]), tg.tensor([3, 6]))
    tensor([1, 3])
    """
    if not rank(sorted_sequence, "searchsorted"):
        raise ShapeError("searchsorted: the sorted sequence needs at least one dim, got a 0-d tensor")
    if side not in (None, "left", "right") or (side == "left" and right):
        raise ArgumentError(
            f'searchsorted: side must be "left" or "right", and not contradict right, got side={side!r} and right={right!r}'
        )
    values = _read_values(input, sorted_sequence, "searchsorted")
    if sorter is not None:
        sorted_sequence = _sorted_by(sorted_sequence, sorter)
    chosen = "right" if right or side == "right" else "left"
    return searchsorted_p.bind(sorted_sequence, values, side=chosen, dtype=np.dtype(np.int32 if out_int32 else np.int64))


@typed_errors
def bucketize(input: Any, boundaries: Tensor, *, out_int32: bool = False, right: bool = False) -> Tensor:
    """The number of the bucket each value falls into: i with boundaries[i-1] < x <= boundaries[i], or with `right` <= x <.

    >>> tg.bucketize(tg.tensor([1, 3, 6]), tg.tensor([1, 3, 5]))
    tensor([0, 1, 3])
    >>> tg.bucketize(tg.tensor([1, 3, 6]), tg.tensor([1, 3, 5]), right=True)
    tensor([1, 2, 3])
    """
    if rank(boundaries, "bucketize") != 1:
        raise ShapeError(f"bucketize: boundaries must have 1 dim, got shape {tuple(boundaries.shape)}; see searchsorted for more")
    return searchsorted(boundaries, input, out_int32=out_int32, right=right)


def _read_values(input: Any, sequence: Any, what: str) -> Any:
    """What is searched for, as a tensor or an array whose shape fits the sequence."""
    values: Any = input if isinstance(input, (Value, np.ndarray)) else np.asarray(input)
    if values.dtype.kind not in "fiub":
        raise ArgumentTypeError(f"{what}: expected a tensor or a number to search for, got {type(input).__name__}")
    if len(sequence.shape) > 1 and tuple(values.shape[:-1]) != tuple(sequence.shape[:-1]):
        raise ShapeError(
            f"{what}: the sequence must have 1 dim, or the shape of the values but for the last dim\n"
            f"  sequence {tuple(sequence.shape)} · values {tuple(values.shape)}"
        )
    return values


def _sorted_by(sequence: Any, sorter: Any) -> Any:
    """The sequence read at the positions `sorter`, along the last dim."""
    if rank(sorter, "searchsorted") != sequence.ndim or tuple(sorter.shape) != tuple(sequence.shape):
        raise ShapeError(f"searchsorted: sorter must have the shape of the sequence\n  {tuple(sequence.shape)} · {tuple(sorter.shape)}")
    if sorter.dtype.kind != "i":
        raise DtypeError(f"searchsorted: sorter must hold integers, as argsort gives them, got {sorter.dtype}")
    places = in_range.bind(sorter, size=sequence.shape[-1], what="searchsorted: sorter")
    return pick.bind(sequence, places, dim=sequence.ndim - 1, keepdim=True)
