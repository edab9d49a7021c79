"""Joining tensors and taking them apart: cat, stack, split, chunk, unbind, and grids of broadcast tensors."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from functools import lru_cache, reduce
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from ..engine.broadcasting import broadcast_to as broadcast_p
from ..engine.mutation import Array
from ..engine.node import Value
from ..engine.primitive import primitive
from ..engine.promotion import promote_types
from ..engine.refusal import typed_errors
from ..errors import ArgumentError, ArgumentTypeError, DimensionError, DtypeError, ShapeError
from .arguments import SEVERAL, integer, normalize_dim, numpy_names, rank, read_shape, shape_of, sizes
from .pointwise import convert
from .shape import atleast_1d, atleast_2d, expand, reshape_p
from .slices import FULL, select_view

if TYPE_CHECKING:
    from ..tensor import Tensor

# ---- joining -------------------------------------------------------------------------------------------------------------


@primitive(name="cat")
def cat_p(*tensors: Array, dim: int, bounds: tuple[int, ...]) -> Array:
    """The tensors in a row along `dim`, where tensor i lies between bounds[i] and bounds[i + 1]."""
    return np.concatenate(tensors, dim)


cat_p.vjp(tensors=lambda g, position, dim, bounds: _part(g, dim, bounds[position], bounds[position + 1]))


def _part(x: Any, dim: int, start: int, stop: int) -> Any:
    """A view of the slices from start to stop along `dim`."""
    return select_view.bind(x, index=(*(FULL,) * dim, (start, stop, 1)))


def _bounds(lengths: Sequence[int]) -> tuple[int, ...]:
    """Where parts of these lengths begin and end: (2, 3) -> (0, 2, 5)."""
    return tuple(accumulate(lengths, initial=0))


@primitive(name="stack")
def stack_p(*tensors: Array, dim: int) -> Array:
    """The tensors, all of one shape, in a row along a new dimension."""
    at = _index(dim, None)
    return np.concatenate([x[at] for x in tensors], dim)


stack_p.vjp(tensors=lambda g, position, dim: select_view.bind(g, index=(*(FULL,) * dim, position)))

Shapes = tuple[tuple[int, ...], ...]


def _listed(tensors: Any, what: str) -> tuple[Sequence[Any], Shapes]:
    """The tensors as a sequence of tensors of one dtype, and their shapes."""
    if not isinstance(tensors, SEVERAL):
        raise ArgumentTypeError(f"{what}: expected a list or tuple of tensors, got {type(tensors).__name__}; write {what}([a, b])")
    if not tensors:
        raise ArgumentError(f"{what}: expected at least one tensor, got an empty {type(tensors).__name__}")
    shapes, dtypes = [], set()
    try:
        for x in tensors:
            array: Any = x.array if isinstance(x, Value) else x
            shapes.append(array.shape)
            dtypes.add(array.dtype)
    except AttributeError:
        for x in tensors:
            rank(x, what)
        raise
    if len(dtypes) > 1:
        dtype = reduce(promote_types, dtypes)
        tensors = [convert(x, dtype) for x in tensors]
    return tensors, tuple(shapes)


@numpy_names
def cat(tensors: Any, dim: int = 0) -> Tensor:
    """Tensors in a row along `dim`, in their common dtype; all other sizes must agree. A 1-d tensor of size 0 is skipped.

    Raises ShapeError if the shapes do not fit, ArgumentError for no tensors.

    >>> tg.cat([tg.tensor([1, 2]), tg.tensor([0.5])])
    tensor([1.0000, 2.0000, 0.5000])
    """
    return _joined(*_listed(tensors, "cat"), integer(dim, "cat", "dim"))


def _joined(tensors: Sequence[Any], shapes: Shapes, dim: int) -> Tensor:
    """`cat` of tensors of one dtype."""
    if _VOID in shapes:
        tensors, shapes = _without_void(tensors, shapes, dim)
    dim, bounds = _in_a_row(shapes, dim)
    return cat_p.bind(*tensors, dim=dim, bounds=bounds)


concat = concatenate = cat

_VOID = (0,)  # the shape that fits to anything in PyTorch


def _without_void(tensors: Sequence[Any], shapes: Shapes, dim: int) -> tuple[Sequence[Any], Shapes]:
    """The tensors and their shapes, void ones given the shape that fits to the first other one."""
    like = next((shape for shape in shapes if shape != _VOID), ())
    if len(like) < 2:
        return tensors, shapes
    dim = normalize_dim(dim, len(like), "cat")
    empty = (*like[:dim], 0, *like[dim + 1 :])
    filled = [reshape_p.bind(x, shape=empty) if shape == _VOID else x for x, shape in zip(tensors, shapes, strict=True)]
    return filled, tuple([empty if shape == _VOID else shape for shape in shapes])


@lru_cache(maxsize=256)
def _in_a_row(shapes: Shapes, dim: int) -> tuple[int, tuple[int, ...]]:
    """The dim, counted from 0, and the bounds along it of joined tensors of these shapes. Raises ShapeError if they do not fit."""
    dim = normalize_dim(dim, len(shapes[0]), "cat")
    others = {(*shape[:dim], None, *shape[dim + 1 :]) for shape in shapes}
    if len({len(shape) for shape in shapes}) > 1 or len(others) > 1 or () in shapes:
        hint = "the sizes must agree except in that dimension; a 0-d tensor needs unsqueeze(0), or use stack"
        raise ShapeError(f"cat: shapes cannot be joined along dim {dim}\n  {' · '.join(map(str, shapes))}\n  {hint}")
    return dim, _bounds([shape[dim] for shape in shapes])


@numpy_names
def stack(tensors: Any, dim: int = 0) -> Tensor:
    """Tensors of one shape in a row along a new dimension, in their common dtype; k of (n, m) -> (k, n, m) for dim 0.

    >>> tg.stack([tg.tensor([1, 2]), tg.tensor([3, 4])], dim=1)
    tensor([[1, 3],
            [2, 4]])
    """
    tensors, shapes = _listed(tensors, "stack")
    dim = normalize_dim(dim, len(shapes[0]) + 1, "stack")
    if shapes.count(shapes[0]) != len(shapes):
        listed = " · ".join(map(str, shapes))
        raise ShapeError(f"stack: all tensors must have the same shape\n  {listed}\n  use cat to join along an existing dimension")
    return stack_p.bind(*tensors, dim=dim)


@typed_errors
def hstack(tensors: Any) -> Tensor:
    """`cat` along dimension 1, along 0 for 1-d tensors; 0-d tensors count as 1-d.

    >>> tg.hstack([tg.tensor([[1], [2]]), tg.tensor([[3], [4]])])
    tensor([[1, 3],
            [2, 4]])
    """
    tensors, shapes = _listed(tensors, "hstack")
    if () in shapes:
        tensors, shapes = _listed(atleast_1d(tensors), "hstack")
    return _joined(tensors, shapes, 0 if len(shapes[0]) == 1 else 1)


@typed_errors
def vstack(tensors: Any) -> Tensor:
    """`cat` along dimension 0; tensors with fewer than two dimensions count as rows.

    >>> tg.vstack([tg.tensor([1, 2]), tg.tensor([3, 4])])
    tensor([[1, 2],
            [3, 4]])
    """
    tensors, shapes = _listed(tensors, "vstack")
    if min(map(len, shapes)) < 2:
        tensors, shapes = _listed(atleast_2d(tensors), "vstack")
    return _joined(tensors, shapes, 0)


# ---- taking apart --------------------------------------------------------------------------------------------------------


@primitive(name="split", view=True, outputs=True)
def split_p(x: Array, *, bounds: tuple[int, ...], dim: int) -> tuple[Array, ...]:
    """The parts between consecutive bounds along `dim`, as views."""
    return tuple([x[part] for part in _slices(bounds, dim)])


@lru_cache(maxsize=64)
def _slices(bounds: tuple[int, ...], dim: int) -> tuple[Any, ...]:
    return tuple([_index(dim, slice(start, stop)) for start, stop in pairwise(bounds)])


def _index(dim: int, item: Any) -> tuple[Any, ...]:
    """Index along one dimension."""
    return (*(slice(None),) * dim, item)


split_p.vjp(x=lambda g, dim, bounds: cat_p.bind(*g, dim=dim, bounds=bounds))


@primitive(name="unbind", view=True, outputs=True)
def unbind_p(x: Array, *, dim: int) -> tuple[Array, ...]:
    """The slices along `dim`, as views without that dimension."""
    at = (slice(None),) * dim
    return tuple([x[(*at, i, ...)] for i in range(x.shape[dim])])


unbind_p.vjp(x=lambda g, dim: stack_p.bind(*g, dim=dim))


def _length(shape: tuple[int, ...], dim: Any, what: str) -> tuple[int, int]:
    """The normalized dim and the size along it; DimensionError for a 0-d tensor."""
    if not shape:
        raise DimensionError(f"{what}: a 0-d tensor has no dimension to take apart; use unsqueeze(0) first")
    dim = normalize_dim(dim, len(shape), what)
    return dim, shape[dim]


@numpy_names
def split(tensor: Tensor, split_size_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Views of consecutive parts along `dim`: of one size (the last may be smaller), or of the sizes in a list.

    >>> tg.split(tg.arange(5), [1, 4])
    (tensor([0]), tensor([1, 2, 3, 4]))
    """
    if isinstance(split_size_or_sections, SEVERAL):
        return split_with_sizes(tensor, split_size_or_sections, dim)
    (size,) = read_shape((split_size_or_sections,), None, "split")
    dim, bounds = _of_one_size(shape_of(tensor, "split"), size, integer(dim, "split", "dim"))
    return tuple(split_p.bind(tensor, bounds=bounds, dim=dim))


@lru_cache(maxsize=256)
def _of_one_size(shape: tuple[int, ...], size: int, dim: int) -> tuple[int, tuple[int, ...]]:
    """The dim, counted from 0, and the bounds of parts of this size along it."""
    dim, length = _length(shape, dim, "split")
    if size < 0 or (size == 0 and length):
        raise ArgumentError(f"split: the size of the parts must be positive, got {size} for a dimension of size {length}")
    return dim, _bounds(_pieces(length, size))


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
    lengths = read_shape((tuple(split_sizes),), None, "split")
    dim, bounds = _of_sizes(shape_of(input, "split"), lengths, integer(dim, "split", "dim"))
    return tuple(split_p.bind(input, bounds=bounds, dim=dim)) if lengths else ()


@lru_cache(maxsize=256)
def _of_sizes(shape: tuple[int, ...], lengths: tuple[int, ...], dim: int) -> tuple[int, tuple[int, ...]]:
    """The dim, counted from 0, and the bounds of parts of these lengths along it."""
    dim, length = _length(shape, dim, "split")
    if min(lengths, default=0) < 0 or sum(lengths) != length:
        raise ShapeError(f"split: the sizes {lengths} must be 0 or more and sum to {length}, the size of dimension {dim}")
    return dim, _bounds(lengths)


@numpy_names
def chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """At most `chunks` views of parts of one size along `dim`; the last may be smaller. See tensor_split for exactly that many.

    >>> tg.chunk(tg.arange(5), 3)
    (tensor([0, 1]), tensor([2, 3]), tensor([4]))
    """
    (count,) = read_shape((chunks,), None, "chunk")
    dim, bounds = _at_most(shape_of(input, "chunk"), count, integer(dim, "chunk", "dim"))
    return tuple(split_p.bind(input, bounds=bounds, dim=dim))


@lru_cache(maxsize=256)
def _at_most(shape: tuple[int, ...], count: int, dim: int) -> tuple[int, tuple[int, ...]]:
    """The dim, counted from 0, and the bounds of at most `count` parts along it."""
    dim, length = _length(shape, dim, "chunk")
    _check_parts(count if not length else min(count, length), "chunk")
    return dim, _bounds(_pieces(length, -(-length // count)) if length else (0,) * count)


@numpy_names
def unbind(input: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """Views of all slices along `dim`, without that dimension.

    >>> tg.unbind(tg.tensor([[1, 2], [3, 4]]))
    (tensor([1, 2]), tensor([3, 4]))
    """
    dim, _ = _length(shape_of(input, "unbind"), dim, "unbind")
    return tuple(unbind_p.bind(input, dim=dim))


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
    shape = shape_of(input, "tensor_split")
    given = chosen[0].tolist() if hasattr(chosen[0], "tolist") else chosen[0]
    if isinstance(given, SEVERAL):
        dim, length = _length(shape, dim, "tensor_split")
        cuts = [slice(at).indices(length)[1] for at in sizes(tuple(given), "tensor_split")] if given else []
        return tuple([_part(input, dim, start, max(start, stop)) for start, stop in pairwise([0, *cuts, length])])
    dim, bounds = _nearly_equal(shape, operator.index(given), integer(dim, "tensor_split", "dim"))
    return tuple(split_p.bind(input, bounds=bounds, dim=dim))


@lru_cache(maxsize=256)
def _nearly_equal(shape: tuple[int, ...], count: int, dim: int) -> tuple[int, tuple[int, ...]]:
    """The dim, counted from 0, and the bounds of `count` parts along it, of which the first may be larger by one."""
    dim, length = _length(shape, dim, "tensor_split")
    _check_parts(count, "tensor_split")
    return dim, _bounds([length // count + (i < length % count) for i in range(count)])


# ---- grids ---------------------------------------------------------------------------------------------------------------


def _unpacked(tensors: tuple[Any, ...]) -> Sequence[Any]:
    """Tensors given one by one or in one sequence."""
    return tensors[0] if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)) else tensors


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
    shapes = tuple([shape_of(x, "meshgrid") for x in listed])
    shape, apart = _grid(shapes, indexing)
    if len({x.dtype for x in listed}) > 1:
        raise DtypeError(f"meshgrid: all tensors must have the same dtype, got {[str(x.dtype) for x in listed]}")
    placed = [x if own == given else reshape_p.bind(x, shape=own) for x, given, own in zip(listed, shapes, apart, strict=True)]
    return tuple([broadcast_p.bind(x, shape=shape) for x in placed])


@lru_cache(maxsize=256)
def _grid(shapes: Shapes, indexing: str) -> tuple[tuple[int, ...], Shapes]:
    """The shape of the grid of tensors of these shapes, and the shape in which each of them broadcasts to it."""
    if not shapes or max(map(len, shapes)) > 1:
        raise ShapeError(f"meshgrid: expected 0-d or 1-d tensors, got shapes {list(shapes)}")
    place = list(range(len(shapes)))
    if indexing == "xy" and len(shapes) > 1:
        place[:2] = 1, 0
    lengths = [math.prod(shape) for shape in shapes]
    return tuple([lengths[i] for i in place]), tuple([(n, *(1,) * (len(place) - 1 - p)) for n, p in zip(lengths, place, strict=True)])


@typed_errors
def broadcast_tensors(*tensors: Any) -> tuple[Tensor, ...]:
    """Views of all tensors in their common broadcast shape.

    >>> x, y = tg.broadcast_tensors(tg.ones(3, 1), tg.ones(2))
    >>> x.shape, y.shape
    ((3, 2), (3, 2))
    """
    shapes = [shape_of(x) for x in tensors if rank(x, "broadcast_tensors") >= 0]
    if shapes and shapes.count(shapes[0]) == len(shapes):
        return tuple([broadcast_p.bind(x, shape=shapes[0]) for x in tensors])
    try:
        shape = np.broadcast_shapes(*shapes)
    except ValueError:
        raise ShapeError(f"broadcast_tensors: shapes do not broadcast\n  {' · '.join(map(str, shapes))}") from None
    return tuple([expand(x, shape) for x in tensors])
