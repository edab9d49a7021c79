"""Positions along one dimension: one for each element (gather, scatter) or for each slice (index_select, index_add, narrow).

Each function is an index into one dimension, with the primitives of `indexing`. "Repeated" means positions that are
named more than once. A 0-d tensor counts as one of size 1.
"""

from __future__ import annotations

import functools
import math
import operator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..engine.mutation import Array
from ..engine.node import Value
from ..engine.primitive import primitive
from ..engine.promotion import result_type
from ..engine.refusal import is_number, shown, typed_errors
from ..engine.state import state
from ..errors import ArgumentError, ArgumentTypeError, DimensionError, DtypeError, GradientError, ShapeError
from .arguments import integer, normalize_dim, numpy_names, rank, shape_of
from .indexing import fill_value, out_of_range, put, read, values_for
from .pointwise import convert
from .positions import all_below, check_range, gather_p, in_range, index_p, index_put_p, numbers_along, scatter_p, unheard
from .shape import clone, expand, reshape_p
from .slices import FULL, select_view

if TYPE_CHECKING:
    from ..tensor import Tensor

# ---- one position for each element -------------------------------------------------------------------------------------


_LONG = (np.dtype(np.int64),)
LONG_OR_INT = (*_LONG, np.dtype(np.int32))
_ONLY_LONG = {"take", "take_along_dim", "index_copy", "index_fill"}
_ANY_IF_EMPTY = {"gather", "scatter", "scatter_add"}

Shape = tuple[int, ...]


def _integers(index: Any, what: str) -> Any:
    """The index, if it is a tensor or an array of one of the dtypes that PyTorch takes for this function.

    One that names nothing, as `tensor([])`, may be of any dtype where positions are one for each element.
    """
    if isinstance(index, Value) and index.array.dtype is _LONG[0]:
        return index
    rank(index, what)
    if what in _ANY_IF_EMPTY and 0 in shape_of(index):
        return convert(index, _LONG[0])
    dtypes = _LONG if what in _ONLY_LONG else LONG_OR_INT
    if index.dtype not in dtypes:
        wanted = " or ".join(map(str, dtypes))
        error = DimensionError if what == "index_fill" else DtypeError  # PyTorch's is an IndexError there
        raise error(f"{what}: the index must be a tensor of integers, {wanted}, got {index.dtype}; convert it with .long()")
    return index


def _raised(x: Any) -> Any:
    """A 0-d tensor as a 1-d one of size 1, any other as it is."""
    return x if shape_of(x) else reshape_p.bind(x, shape=(1,))


@primitive(fails=True)
def places(index: Array, *, shape: tuple[int, ...], dim: int, signed: bool, what: str) -> Array:
    """The number of the element that each position along `dim` means, in row-major order of `shape`; the index keeps its own.

    So that one array of positions in one dimension does for all. Raises DimensionError for positions out of range; negative ones
    are, unless `signed`.
    """
    size = shape[dim]
    if not all_below(index, size):
        if signed and -size <= index.item(index.argmin()) < 0:
            index = index + size * (index < 0)
        check_range(index, size, what)
    return numbers_along(index, shape, dim)


def _plain_places(index: Array, *, shape: tuple[int, ...], dim: int, signed: bool, what: str) -> Array:
    size = shape[dim]
    return numbers_along((np.where(index < 0, index + size, index) if signed else index).within(0, size), shape, dim)


places.plain = _plain_places
places.vjp(index=None)


def _numbered(input: Any, dim: int, index: Any, what: str) -> tuple[Any, bool]:
    """The `places` of an index with as many dimensions as the input, and whether it can name no element twice."""
    params, once = _along(shape_of(input), dim, shape_of(index), what)
    return unheard(places, index, input, params), once


@functools.lru_cache(maxsize=256)
def _along(input: Shape, dim: int, index: Shape, what: str) -> tuple[dict[str, Any], bool]:
    """The keywords of `places` for an index that is no larger than the input except along dim, and whether it has one position there.

    An index that names nothing may have any shape.
    """
    given, allowed = index or (1,), input or (1,)
    if given != allowed and 0 not in given and (len(given) != len(allowed) or _exceeds(given, allowed, dim)):
        raise ShapeError(
            f"{what}: the index must have as many dimensions as the input, and be no larger except along dim {dim}\n"
            f"  index {given} · input {allowed}"
        )
    return {"shape": allowed, "dim": dim, "signed": what == "take_along_dim", "what": what}, 0 in given or given[dim] == 1


def _exceeds(given: Shape, allowed: Shape, dim: int) -> bool:
    return any(n > m for i, (n, m) in enumerate(zip(given, allowed, strict=True)) if i != dim)


@numpy_names
def gather(input: Tensor, dim: int, index: Tensor, *, sparse_grad: bool = False) -> Tensor:
    """out[i, j] = input[index[i, j], j] for dim 0, input[i, index[i, j]] for dim 1, and so on; the shape is that of the index.

    Raises DimensionError for positions out of range; negative ones are. `sparse_grad` is accepted and changes nothing.

    >>> tg.gather(tg.tensor([[1, 2], [3, 4]]), 1, tg.tensor([[1], [0]]))
    tensor([[2],
            [3]])
    """
    dim = normalize_dim(dim, rank(input, "gather"), "gather")
    numbers, once = _numbered(input, dim, _integers(index, "gather"), "gather")
    return gather_p.bind(input, numbers, repeated="never" if once else "add")


@numpy_names
def take_along_dim(input: Tensor, indices: Tensor, dim: int | None = None) -> Tensor:
    """As `gather`, but the other dimensions broadcast and negative positions count from the end; dim None flattens both.

    >>> x = tg.tensor([[3, 1, 2]])
    >>> tg.take_along_dim(x, tg.argsort(x, dim=1), dim=1)
    tensor([[1, 2, 3]])
    """
    ours = shape_of(input, "take_along_dim")
    theirs = shape_of(_integers(indices, "take_along_dim"))
    if dim is None:
        return take(input, reshape_p.bind(indices, shape=(-1,)))
    dim = normalize_dim(dim, len(ours), "take_along_dim")
    if ours != theirs or not ours:
        ours, theirs = _common_but(dim, ours, theirs)
        input, indices = _stretched(input, ours), _stretched(indices, theirs)
    numbers, once = _numbered(input, dim, indices, "take_along_dim")
    return gather_p.bind(input, numbers, repeated="never" if once else "add")


@functools.lru_cache(maxsize=256)
def _common_but(dim: int, input: Shape, indices: Shape) -> tuple[Shape, Shape]:
    """Both shapes, broadcast against each other except along dim."""
    if len(indices) != len(input) or not input:
        raise ShapeError(f"take_along_dim: input {input} and indices {indices} must have equally many dimensions")
    try:
        common = np.broadcast_shapes((*input[:dim], 1, *input[dim + 1 :]), (*indices[:dim], 1, *indices[dim + 1 :]))
    except ValueError:
        raise ShapeError(f"take_along_dim: shapes do not broadcast apart from dim {dim}\n  input {input} · indices {indices}") from None
    return (*common[:dim], input[dim], *common[dim + 1 :]), (*common[:dim], indices[dim], *common[dim + 1 :])


def _stretched(x: Any, shape: Shape) -> Any:
    return x if shape_of(x) == shape else expand(x, shape)


@typed_errors
def take(input: Tensor, index: Tensor) -> Tensor:
    """The elements at these positions of the flattened input, in the shape of the index; negative ones count from the end.

    >>> tg.take(tg.tensor([[1, 2], [3, 4]]), tg.tensor([0, -1]))
    tensor([1, 4])
    """
    rank(input, "take")
    return read(reshape_p.bind(input, shape=(-1,)), [_integers(index, "take")], (0,), "add")


@primitive(fails=True)
def index_multiply(x: Array, values: Array, *indices: Array) -> Array:
    """A copy of x in which the elements at these positions, one array for each dimension, are multiplied by all their values."""
    out = np.array(x, order="C")
    np.multiply.at(out, indices, values)
    return out


index_multiply.vjp(x=lambda g, values, indices: index_multiply(g, values, *indices), values=None, indices=None)


@numpy_names
def scatter(input: Tensor, dim: int, index: Tensor, src: Any = None, *, value: Any = None, reduce: str | None = None) -> Tensor:
    """A copy with out[index[i, j], j] = src[i, j] for dim 0, and so on; `src` is a tensor at least as large as the index, or a number.

    Where a place is named several times the last value stays, and alone gets the gradient. With `reduce` "add" or "multiply"
    all values are added to what stands there, or multiplied with it; a factor has no derivative.

    >>> tg.scatter(tg.zeros(4), 0, tg.tensor([3, 1]), tg.tensor([5.0, 6.0]))
    tensor([0., 6., 0., 5.])
    """
    written = value if src is None else src
    if reduce not in (None, "add", "multiply"):
        raise ArgumentError(f'scatter: reduce must be "add" or "multiply", got {reduce!r}')
    if reduce == "multiply" and isinstance(written, Value) and written.node is not None and state.grad_enabled:
        raise GradientError('scatter: reduce="multiply" has no derivative with respect to src; .detach() it, or gather and multiply')
    return _scattered(input, dim, index, written, reduce, "scatter")


@numpy_names
def scatter_add(input: Tensor, dim: int, index: Tensor, src: Tensor) -> Tensor:
    """A copy with src[i, j] added to out[index[i, j], j] for dim 0, and so on; repeated places add up.

    >>> tg.scatter_add(tg.zeros(4), 0, tg.tensor([1, 1]), tg.tensor([5.0, 6.0]))
    tensor([ 0., 11.,  0.,  0.])
    """
    rank(src, "scatter_add")
    return _scattered(input, dim, index, src, "add", "scatter_add")


_NOWHERE = np.zeros(0, np.int64)


def _scattered(input: Any, dim: int, index: Any, src: Any, reduce: str | None, what: str) -> Tensor:
    shape = shape_of(input, what)
    dim = normalize_dim(dim, len(shape), what)
    src = values_for(src, input, what)
    index = _integers(index, what)
    if 0 in shape_of(index):
        if not isinstance(src, Value):
            return clone(input)
        none = select_view.bind(reshape_p.bind(src, shape=(-1,)), index=((0, 0, 1),))  # of the source, which stays in the graph
        return scatter_p.bind(input, none, _NOWHERE, repeated="never")
    if isinstance(src, Value) or src.ndim or not shape:
        src = _cropped(src, shape_of(index), what)
    numbers, once = _numbered(input, dim, index, what)
    if reduce == "multiply":
        return reshape_p.bind(index_multiply(reshape_p.bind(input, shape=(-1,)), src, numbers), shape=shape)
    return scatter_p.bind(input, src, numbers, repeated="add" if reduce else "never" if once else "last")


def _cropped(src: Any, shape: Shape, what: str) -> Any:
    """The first part of `src` that has the shape of the index."""
    given = shape_of(src)
    if given == shape:
        return src
    if not shape:
        return reshape_p.bind(_cropped(_raised(src), (1,), what), shape=())
    if not given:
        return _cropped(_raised(src), shape, what)
    if len(given) != len(shape) or any(n < m for n, m in zip(given, shape, strict=True)):
        raise ShapeError(f"{what}: src must be at least as large as the index in every dimension\n  src {given} · index {shape}")
    return select_view.bind(src, index=tuple([(0, n, 1) for n in shape]))


# ---- one position for each slice ---------------------------------------------------------------------------------------


class _Slices(NamedTuple):
    """What a vector of positions chooses."""

    dim: int
    check: dict[str, Any]  # the keywords of `in_range`
    shape: Shape  # of all slices chosen


def _vector(input: Any, dim: Any, index: Any, what: str) -> tuple[Any, Any, _Slices]:
    """Input and index with at least one dimension, and what they choose; the index must be a vector or 0-d."""
    shape = shape_of(input, what)
    dim = normalize_dim(dim, len(shape), what)
    index = _integers(index, what)
    places = shape_of(index)
    slices = _slices(shape, dim, places, what)
    return (input, index, slices) if shape and places else (_raised(input), _raised(index), slices)


@functools.lru_cache(maxsize=256)
def _slices(input: Shape, dim: int, index: Shape, what: str) -> _Slices:
    if len(index) > 1:
        raise DimensionError(f"{what}: the index must be a vector, got shape {index}; use gather or input[...] for others")
    if not input and index not in ((), (1,)):
        raise DimensionError(f"{what}: the index into a 0-d tensor must have 1 element, got {math.prod(index)}")
    shape = input or (1,)
    return _Slices(dim, {"size": shape[dim], "what": what}, (*shape[:dim], *(index or (1,)), *shape[dim + 1 :]))


@numpy_names
def index_select(input: Tensor, dim: int, index: Tensor) -> Tensor:
    """The slices along `dim` at the positions of a vector, as a copy.

    >>> tg.index_select(tg.tensor([[1, 2], [3, 4]]), 1, tg.tensor([1, 1]))
    tensor([[2, 2],
            [4, 4]])
    """
    x, index, slices = _vector(input, dim, index, "index_select")
    result = index_p.bind(x, unheard(in_range, index, x, slices.check), dims=(slices.dim,), repeated="add")
    return result if shape_of(input) else reshape_p.bind(result, shape=())


@numpy_names
def index_add(input: Tensor, dim: int, index: Tensor, source: Tensor, *, alpha: float = 1) -> Tensor:
    """A copy with alpha times slice i of the source added to slice index[i] along `dim`; repeated positions add up.

    >>> tg.index_add(tg.zeros(3), 0, tg.tensor([0, 2, 0]), tg.tensor([1.0, 2.0, 3.0]))
    tensor([4., 0., 2.])
    """
    rank(source, "index_add")
    source = values_for(source, input, "index_add")
    if type(alpha) is not int and not is_number(alpha):
        raise ArgumentTypeError(f"index_add: alpha must be a number, got {shown(alpha)}")
    if input.dtype.kind != "f" and result_type(alpha).kind == "f":
        raise ArgumentError(f"index_add: alpha must be an integer for integer tensors, got {alpha}")
    if alpha != 1:
        source = convert(source * alpha, input.dtype)
    return _slices_put(input, dim, index, source, "add", "index_add")


@numpy_names
def index_copy(input: Tensor, dim: int, index: Tensor, source: Tensor) -> Tensor:
    """A copy with slice index[i] along `dim` replaced by slice i of the source; of repeated positions the last stays.

    >>> tg.index_copy(tg.zeros(3), 0, tg.tensor([2, 0]), tg.tensor([1.0, 2.0]))
    tensor([2., 0., 1.])
    """
    return _slices_put(input, dim, index, values_for(source, input, "index_copy"), "last", "index_copy")


def _slices_put(input: Any, dim: int, index: Any, source: Any, repeated: str, what: str) -> Tensor:
    x, index, slices = _vector(input, dim, index, what)
    source = _raised(source)
    if shape_of(source) != slices.shape:
        raise ShapeError(f"{what}: the source must have shape {slices.shape}, one slice for each position, got {tuple(source.shape)}")
    result = index_put_p.bind(x, source, unheard(in_range, index, x, slices.check), dims=(slices.dim,), repeated=repeated)
    return result if shape_of(input) else reshape_p.bind(result, shape=())


@numpy_names
def index_fill(input: Tensor, dim: int, index: Tensor, value: Any) -> Tensor:
    """A copy with `value`, a number or a 0-d tensor, in the slices along `dim` at the positions of a vector.

    >>> tg.index_fill(tg.zeros(3), 0, tg.tensor([2, 0]), 7.0)
    tensor([7., 0., 7.])
    """
    x, index, slices = _vector(input, dim, index, "index_fill")
    filling = fill_value(value, input, "index_fill")
    repeated = "last" if isinstance(filling, Value) else "never"  # a number asks for no gradient, which only one place were to get
    result = put(x, filling, [index], (slices.dim,), repeated, "index_fill")
    return result if shape_of(input) else reshape_p.bind(result, shape=())


# ---- parts -------------------------------------------------------------------------------------------------------------


@numpy_names
def select(input: Tensor, dim: int, index: int) -> Tensor:
    """A view of one slice along `dim`, without that dimension.

    >>> tg.select(tg.tensor([[1, 2], [3, 4]]), 0, 1)
    tensor([3, 4])
    """
    shape = shape_of(input, "select")
    return select_view.bind(input, index=_selected(shape, integer(dim, "select", "dim"), operator.index(index)))


@functools.lru_cache(maxsize=1024)
def _selected(shape: tuple[int, ...], dim: int, index: int) -> tuple[Any, ...]:
    """The index of `select_view` for one slice."""
    dim = normalize_dim(dim, len(shape), "select")
    if not shape or not -shape[dim] <= index < shape[dim]:
        raise out_of_range(index, dim, shape)
    return (*(FULL,) * dim, index)


@numpy_names
def narrow(input: Tensor, dim: int, start: Any, length: int) -> Tensor:
    """A view of `length` slices along `dim` from `start` on, which may count from the end.

    >>> tg.narrow(tg.arange(6), 0, 2, 3)
    tensor([2, 3, 4])
    """
    shape = shape_of(input, "narrow")
    if isinstance(start, bool) or isinstance(start, Value) and start.array.dtype == np.bool_:
        raise ArgumentTypeError(f"narrow: start must be an integer, got {shown(start)}")
    return select_view.bind(input, index=_narrowed(shape, integer(dim, "narrow", "dim"), operator.index(start), operator.index(length)))


@functools.lru_cache(maxsize=1024)
def _narrowed(shape: tuple[int, ...], dim: int, start: int, length: int) -> tuple[Any, ...]:
    """The index of `select_view` for so many slices from `start` on."""
    if not shape:
        raise ShapeError("narrow: a 0-d tensor has no dimension to narrow; use unsqueeze(0) first")
    dim = normalize_dim(dim, len(shape), "narrow")
    size = shape[dim]
    if not -size <= start <= size:
        raise DimensionError(f"narrow: start {start} is out of range for dimension {dim} with size {size}; use {-size} to {size}")
    start += size if start < 0 else 0
    if not 0 <= length <= size - start:
        raise ArgumentError(f"narrow: {length} slices from {start} on do not exist in dimension {dim}, which has only {size}")
    return (*(FULL,) * dim, (start, start + length, 1))
