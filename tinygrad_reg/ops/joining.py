"""Joining tensors and taking them apart: cat, stack, split, chunk, unbind, and grids of broadcast tensors."""

from __future__ import annotations

import inspect
import operator
from collections.abc import Sequence
from functools import reduce
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from ..engine.broadcasting import broadcast_to as broadcast_p
from ..engine.mutation import Array
from ..engine.primitive import primitive
from ..engine.promotion import promote_types
from ..engine.refusal import typed_errors
from ..errors import ArgumentError, ArgumentTypeError, DimensionError, DtypeError, ShapeError
from .arguments import normalize_dim, numpy_names, rank, read_shape, shape_of, sizes
from .pointwise import convert
from .shape import atleast_1d, atleast_2d, expand, reshape_p
from .slices import FULL, select_view

if TYPE_CHECKING:
    from ..tensor import Tensor

_concatenate: Any = inspect.unwrap(np.concatenate)

# ---- joining -------------------------------------------------------------------------------------------------------------


@primitive(name="cat")
def cat_p(*tensors: Array, dim: int, bounds: tuple[int, ...]) -> Array:
    """The tensors in a row along `dim`, where tensor i lies between bounds[i] and bounds[i + 1]."""
    return _concatenated(tensors, dim)


def _concatenated(arrays: Sequence[Array], dim: int) -> Array:
    """np.concatenate, of arrays without the look for __array_function__, a third of its time on few elements."""
    for x in arrays:
        if type(x) is not np.ndarray:
            return np.concatenate(arrays, dim)
    return _concatenate(arrays, dim)


cat_p.vjp(tensors=lambda g, position, dim, bounds: _part(g, dim, bounds[position], bounds[position + 1]))


def _part(x: Any, dim: int, start: int, stop: int) -> Any:
    """A view of the slices from start to stop along `dim`."""
    return select_view(x, index=(*(FULL,) * dim, (start, stop, 1)))


def _bounds(lengths: Any) -> tuple[int, ...]:
    """Where parts of these lengths begin and end: (2, 3) -> (0, 2, 5)."""
    return tuple(accumulate(lengths, initial=0))


@primitive(name="stack")
def stack_p(*tensors: Array, dim: int) -> Array:
    """The tensors, all of one shape, in a row along a new dimension."""
    at = (slice(None),) * dim + (None,)
    return _concatenated([x[at] for x in tensors], dim)


stack_p.vjp(tensors=lambda g, position, dim: select_view(g, index=(*(FULL,) * dim, position)))


def _listed(tensors: Any, what: str) -> Sequence[Any]:
    """The tensors as a sequence of tensors of one dtype."""
    if not isinstance(tensors, list | tuple):
        raise ArgumentTypeError(f"{what}: expected a list or tuple of tensors, got {type(tensors).__name__}; write {what}([a, b])")
    if not tensors:
        raise ArgumentError(f"{what}: expected at least one tensor, got an empty {type(tensors).__name__}")
    try:
        dtype = tensors[0].dtype
        for x in tensors:
            if x.dtype is not dtype:
                return _promoted(tensors)
    except AttributeError:
        for x in tensors:
            rank(x, what)
        raise
    return tensors


def _promoted(tensors: Sequence[Any]) -> Sequence[Any]:
    dtype = reduce(promote_types, [x.dtype for x in tensors])
    return [convert(x, dtype) for x in tensors]


@numpy_names
def cat(tensors: Any, dim: int = 0) -> Tensor:
    """Tensors in a row along `dim`, in their common dtype; all other sizes must agree. A 1-d tensor of size 0 is skipped.

    Raises ShapeError if the shapes do not fit, ArgumentError for no tensors.

    >>> tg.cat([tg.tensor([1, 2]), tg.tensor([0.5])])
    tensor([1.0000, 2.0000, 0.5000])
    """
    return _joined(_listed(tensors, "cat"), dim)


def _joined(listed: Sequence[Any], dim: int) -> Tensor:
    """`cat` of tensors of one dtype."""
    first = shape_of(listed[0])
    if not first or first == (0,):
        listed = _without_void(listed, dim)
        first = shape_of(listed[0])
    dim = normalize_dim(dim, len(first), "cat")
    try:
        return cat_p(*listed, dim=dim, bounds=_bounds([shape_of(x)[dim] for x in listed]))
    except (ValueError, IndexError):
        filled = _without_void(listed, dim)
        _check_fit(filled, dim)
        return cat_p(*filled, dim=dim, bounds=_bounds([x.shape[dim] for x in filled]))


concat = concatenate = cat


def _without_void(tensors: Sequence[Any], dim: int) -> Sequence[Any]:
    """The 1-d tensors of size 0, which fit to anything in PyTorch, given the shape that fits to the first other one."""
    like = next((x for x in tensors if tuple(x.shape) != (0,)), None)
    if like is None or not like.ndim:
        return tensors
    dim = normalize_dim(dim, like.ndim, "cat")
    shape = (*like.shape[:dim], 0, *like.shape[dim + 1 :])
    return [reshape_p(x, shape=shape) if tuple(x.shape) == (0,) else x for x in tensors]


def _check_fit(tensors: Sequence[Any], dim: int) -> None:
    """Raise ShapeError if the tensors cannot be joined along `dim`."""
    shapes = [tuple(x.shape) for x in tensors]
    others = {(*shape[:dim], None, *shape[dim + 1 :]) for shape in shapes}
    if len({len(shape) for shape in shapes}) > 1 or len(others) > 1 or () in shapes:
        hint = "the sizes must agree except in that dimension; a 0-d tensor needs unsqueeze(0), or use stack"
        raise ShapeError(f"cat: shapes cannot be joined along dim {dim}\n  {' · '.join(map(str, shapes))}\n  {hint}")


@numpy_names
def stack(tensors: Any, dim: int = 0) -> Tensor:
    """Tensors of one shape in a row along a new dimension, in their common dtype; k of (n, m) -> (k, n, m) for dim 0.

    >>> tg.stack([tg.tensor([1, 2]), tg.tensor([3, 4])], dim=1)
    tensor([[1, 3],
            [2, 4]])
    """
    listed = _listed(tensors, "stack")
    shape = shape_of(listed[0])
    dim = normalize_dim(dim, len(shape) + 1, "stack")
    for x in listed:
        if shape_of(x) != shape:
            shapes = " · ".join(str(tuple(x.shape)) for x in listed)
            raise ShapeError(f"stack: all tensors must have the same shape\n  {shapes}\n  use cat to join along an existing dimension")
    return stack_p(*listed, dim=dim)


@typed_errors
def hstack(tensors: Any) -> Tensor:
    """`cat` along dimension 1, along 0 for 1-d tensors; 0-d tensors count as 1-d.

    >>> tg.hstack([tg.tensor([[1], [2]]), tg.tensor([[3], [4]])])
    tensor([[1, 3],
            [2, 4]])
    """
    raised = [x if x.ndim else atleast_1d(x) for x in _listed(tensors, "hstack")]
    return _joined(raised, 0 if raised[0].ndim == 1 else 1)


@typed_errors
def vstack(tensors: Any) -> Tensor:
    """`cat` along dimension 0; tensors with fewer than two dimensions count as rows.

    >>> tg.vstack([tg.tensor([1, 2]), tg.tensor([3, 4])])
    tensor([[1, 2],
            [3, 4]])
    """
    return _joined([x if x.ndim > 1 else atleast_2d(x) for x in _listed(tensors, "vstack")], 0)


# ---- taking apart --------------------------------------------------------------------------------------------------------


@primitive(name="split", view=True, outputs=True)
def split_p(x: Array, *, bounds: tuple[int, ...], dim: int) -> tuple[Array, ...]:
    """The parts between consecutive bounds along `dim`, as views."""
    at = (slice(None),) * dim
    return tuple([x[(*at, slice(start, stop))] for start, stop in pairwise(bounds)])


split_p.vjp(x=lambda g, dim, bounds: cat_p(*g, dim=dim, bounds=bounds))


@primitive(name="unbind", view=True, outputs=True)
def unbind_p(x: Array, *, dim: int) -> tuple[Array, ...]:
    """The slices along `dim`, as views without that dimension."""
    at = (slice(None),) * dim
    return tuple([x[(*at, i, ...)] for i in range(x.shape[dim])])


unbind_p.vjp(x=lambda g, dim: stack_p(*g, dim=dim))


def _length(input: Any, dim: Any, what: str) -> tuple[int, int]:
    """The normalized dim and the size along it; ShapeError for a 0-d tensor."""
    ndim = rank(input, what)
    if not ndim:
        raise DimensionError(f"{what}: a 0-d tensor has no dimension to take apart; use unsqueeze(0) first")
    dim = normalize_dim(dim, ndim, what)
    return dim, shape_of(input)[dim]


@numpy_names
def split(tensor: Tensor, split_size_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Views of consecutive parts along `dim`: of one size (the last may be smaller), or of the sizes in a list.

    >>> tg.split(tg.arange(5), [1, 4])
    (tensor([0]), tensor([1, 2, 3, 4]))
    """
    if isinstance(split_size_or_sections, Sequence):
        return split_with_sizes(tensor, split_size_or_sections, dim)
    dim, length = _length(tensor, dim, "split")
    (size,) = read_shape((split_size_or_sections,), None, "split")
    if size < 0 or (size == 0 and length):
        raise ArgumentError(f"split: the size of the parts must be positive, got {size} for a dimension of size {length}")
    return tuple(split_p(tensor, bounds=_bounds(_pieces(length, size)), dim=dim))


def _pieces(length: int, size: int) -> tuple[int, ...]:
    """Lengths of parts of one size that make up `length`; at least one part, the last may be smaller."""
    if not length:
        return (0,)
    rest = length % size
    return (size,) * (length // size) + ((rest,) if rest else ())


def _check_parts(count: int, what: str) -> None:
    """Raise ArgumentError unless this is a number of parts that can be made: each is a tensor, however empty."""
    if not 0 < count < 2**31:
        raise ArgumentError(f"{what}: the number of parts must be positive and below 2**31, got {count}")


@numpy_names
def split_with_sizes(input: Tensor, split_sizes: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Views of consecutive parts of these sizes along `dim`; they must sum to the size of the dimension.

    >>> tg.split_with_sizes(tg.arange(5), [1, 4])
    (tensor([0]), tensor([1, 2, 3, 4]))
    """
    dim, length = _length(input, dim, "split")
    lengths = read_shape((tuple(split_sizes),), None, "split")
    if min(lengths, default=0) < 0 or sum(lengths) != length:
        raise ShapeError(f"split: the sizes {lengths} must be 0 or more and sum to {length}, the size of dimension {dim}")
    return tuple(split_p(input, bounds=_bounds(lengths), dim=dim)) if lengths else ()


@numpy_names
def chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """At most `chunks` views of parts of one size along `dim`; the last may be smaller. See tensor_split for exactly that many.

    >>> tg.chunk(tg.arange(5), 3)
    (tensor([0, 1]), tensor([2, 3]), tensor([4]))
    """
    dim, length = _length(input, dim, "chunk")
    (count,) = read_shape((chunks,), None, "chunk")
    _check_parts(count if not length else min(count, length), "chunk")
    lengths = _pieces(length, -(-length // count)) if length else (0,) * count
    return tuple(split_p(input, bounds=_bounds(lengths), dim=dim))


@numpy_names
def unbind(input: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """Views of all slices along `dim`, without that dimension.

    >>> tg.unbind(tg.tensor([[1, 2], [3, 4]]))
    (tensor([1, 2]), tensor([3, 4]))
    """
    dim, _ = _length(input, dim, "unbind")
    return tuple(unbind_p(input, dim=dim))


@numpy_names
def tensor_split(
    input: Tensor, indices_or_sections: Any = None, dim: int = 0, *, sections: Any = None, indices: Any = None
) -> tuple[Tensor, ...]:
    """Views of parts along `dim`: a number of nearly equal ones, or those between the positions in a list.

    By name PyTorch takes the number as `sections` and the list as `indices`.

    >>> tg.tensor_split(tg.arange(5), 3)
    (tensor([0, 1]), tensor([2, 3]), tensor([4]))
    """
    chosen = [x for x in (indices_or_sections, sections, indices) if x is not None]
    if len(chosen) != 1:
        raise ArgumentTypeError("tensor_split: give either indices_or_sections, sections or indices")
    dim, length = _length(input, dim, "tensor_split")
    given = chosen[0].tolist() if hasattr(chosen[0], "tolist") else chosen[0]
    if isinstance(given, Sequence):
        cuts = [slice(at).indices(length)[1] for at in sizes(tuple(given), "tensor_split")] if given else []
        parts = [_part(input, dim, start, max(start, stop)) for start, stop in pairwise([0, *cuts, length])]
        return tuple(parts)
    count = operator.index(given)
    _check_parts(count, "tensor_split")
    lengths = tuple([length // count + (i < length % count) for i in range(count)])
    return tuple(split_p(input, bounds=_bounds(lengths), dim=dim))


# ---- grids ---------------------------------------------------------------------------------------------------------------


def _unpacked(tensors: tuple[Any, ...]) -> Sequence[Any]:
    """Tensors given one by one or in one sequence."""
    return tensors[0] if len(tensors) == 1 and isinstance(tensors[0], list | tuple) else tensors


@typed_errors
def meshgrid(*tensors: Any, indexing: str = "ij") -> tuple[Tensor, ...]:
    """Coordinates of a grid: of vectors of n and m values, two (n, m) views; "xy" swaps the first two dimensions.

    >>> rows, columns = tg.meshgrid(tg.arange(2), tg.arange(3), indexing="ij")
    >>> rows
    tensor([[0, 0, 0],
            [1, 1, 1]])
    """
    listed = _unpacked(tensors)
    if indexing not in ("ij", "xy"):
        raise ArgumentError(f'meshgrid: indexing must be "ij" or "xy", got {indexing!r}')
    if not listed or max([rank(x, "meshgrid") for x in listed]) > 1:
        raise ShapeError(f"meshgrid: expected 0-d or 1-d tensors, got shapes {[tuple(x.shape) for x in listed]}")
    dtype = listed[0].dtype
    if any(x.dtype != dtype for x in listed):
        raise DtypeError(f"meshgrid: all tensors must have the same dtype, got {[str(x.dtype) for x in listed]}")
    place = list(range(len(listed)))
    if indexing == "xy" and len(listed) > 1:
        place[:2] = 1, 0
    lengths = [(shape_of(x) or (1,))[0] for x in listed]
    shape = tuple([lengths[i] for i in place])
    apart = [reshape_p(x, shape=(-1, *(1,) * (len(place) - 1 - p))) for x, p in zip(listed, place, strict=True)]
    return tuple([broadcast_p(x, shape=shape) for x in apart])


@typed_errors
def broadcast_tensors(*tensors: Any) -> tuple[Tensor, ...]:
    """Views of all tensors in their common broadcast shape.

    >>> x, y = tg.broadcast_tensors(tg.ones(3, 1), tg.ones(2))
    >>> x.shape, y.shape
    ((3, 2), (3, 2))
    """
    shapes = [shape_of(x) for x in tensors if rank(x, "broadcast_tensors") >= 0]
    if shapes and shapes.count(shapes[0]) == len(shapes):
        return tuple([broadcast_p(x, shape=shapes[0]) for x in tensors])
    try:
        shape = np.broadcast_shapes(*shapes)
    except ValueError:
        raise ShapeError(f"broadcast_tensors: shapes do not broadcast\n  {' · '.join(map(str, shapes))}") from None
    return tuple([expand(x, shape) for x in tensors])
