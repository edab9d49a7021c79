"""The same elements in another shape or order of dimensions: reshape, squeeze, transpose, permute, expand; all views.

Where no strides can express a shape, reshape copies. `clone` and `contiguous` copy what is seen through such views.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..dtypes import Dtype, as_dtype
from ..engine.broadcasting import broadcast_to as broadcast_p
from ..engine.mutation import Array, owner
from ..engine.node import Value, wrap
from ..engine.primitive import primitive
from ..engine.refusal import no_tensor, typed_errors
from ..engine.state import state
from ..engine.view import viewing
from ..errors import ArgumentError, ArgumentTypeError, DtypeError, ShapeError
from .arguments import Dims, integer, known_dims, normalize_dim, normalize_dims, numpy_names, rank, read_shape, shape_of, static_dims
from .slices import select_view

if TYPE_CHECKING:
    from ..tensor import Tensor

# ---- the primitives ----------------------------------------------------------------------------------------------------


@viewing("reshape")
def reshape_p(x: Array, *, shape: tuple[int, ...]) -> Array:
    """The elements in row-major order, arranged to `shape`; a copy only where no strides can express it."""
    return x.reshape(shape)


reshape_p.vjp(x=lambda g, x_shape: reshape_p.bind(g, shape=x_shape))


@viewing("transpose")
def transpose_p(x: Array, *, dim0: int, dim1: int) -> Array:
    """Two dimensions swapped."""
    return x.swapaxes(dim0, dim1)


transpose_p.vjp(x=lambda g, dim0, dim1: transpose_p.bind(g, dim0=dim0, dim1=dim1))


@viewing("t")
def t_p(x: Array) -> Array:
    """(n, m) -> (m, n)."""
    return x.T


t_p.vjp(x=lambda g: t_p(g))


@viewing("permute")
def permute_p(x: Array, *, dims: tuple[int, ...]) -> Array:
    """Dimension i of the result is dimension dims[i] of x."""
    return x.transpose(dims)


@functools.lru_cache(maxsize=256)
def inverse(dims: tuple[int, ...]) -> tuple[int, ...]:
    """The permutation that undoes this one."""
    return tuple(sorted(range(len(dims)), key=dims.__getitem__))


permute_p.vjp(x=lambda g, dims: permute_p.bind(g, dims=inverse(dims)))


@viewing("squeeze")
def squeeze_p(x: Array, *, dims: tuple[int, ...]) -> Array:
    """Without the dimensions `dims`, which have size 1."""
    return x.squeeze(dims)


squeeze_p.vjp(x=lambda g, x_shape: reshape_p.bind(g, shape=x_shape))


@viewing("unsqueeze")
def unsqueeze_p(x: Array, *, dim: int) -> Array:
    """With a new dimension of size 1 that becomes dimension `dim`."""
    return x.reshape(_with_one(x.shape, dim))


@functools.lru_cache(maxsize=256)
def _with_one(shape: tuple[int, ...], dim: int) -> tuple[int, ...]:
    return (*shape[:dim], 1, *shape[dim:])


unsqueeze_p.vjp(x=lambda g, dim: squeeze_p.bind(g, dims=(dim,)))


@primitive(name="clone")
def clone_p(x: Array) -> Array:
    """A copy in new memory."""
    return x.copy("C" if 0 in x.strides else "K")  # K would order the dims of an expanded array at random


clone_p.vjp(x=lambda g: g)


@primitive(name="contiguous")
def contiguous_p(x: Array) -> Array:
    """A copy in row-major order."""
    return x.copy(order="C")


contiguous_p.vjp(x=lambda g: g)

# ---- another shape -----------------------------------------------------------------------------------------------------


def reshape(input: Tensor, *args: Any, shape: Any = None) -> Tensor:
    """The same elements in another shape, in row-major order; one size may be -1 and is then inferred. A view where possible.

    Raises ShapeError if the number of elements differs.

    >>> tg.reshape(tg.arange(6), (2, -1))
    tensor([[0, 1, 2],
            [3, 4, 5]])
    """
    wanted = read_shape(args, shape, "reshape")
    if wanted and min(wanted) < -1:
        raise _reshape_error(input, wanted, "reshape")
    try:
        return reshape_p.bind(input, shape=wanted)
    except ValueError:
        raise _reshape_error(input, wanted, "reshape") from None
    except AttributeError:
        raise no_tensor("reshape: expected a tensor", input) from None


def _reshape_error(input: Any, wanted: tuple[int, ...], what: str) -> ShapeError:
    rank(input, what)
    given = input.shape
    hint = "the numbers of elements must be the same; one size may be -1"
    if min(wanted, default=0) < -1:
        hint = "a size is 0 or more, or -1 (once) to infer it"
    elif wanted.count(-1) > 1:
        hint = "only one size can be -1"
    elif -1 in wanted and 0 in wanted:
        hint = "with a size of 0, a size of -1 could be anything; write the number"
    return ShapeError(f"{what}: {math.prod(given)} elements of shape {tuple(given)} cannot take the shape {wanted}\n  {hint}")


def _array_of(input: Any, what: str) -> Array:
    """The array of a tensor, or an array itself. Raises ArgumentTypeError for anything else."""
    if isinstance(input, Value):
        return input.array
    rank(input, what)
    return np.asarray(input)


_DTYPES = (np.dtype, type)


def view(input: Tensor, *args: Any, size: Any = None, dtype: Any = None) -> Tensor:
    """As `reshape`, but always a view. Raises ShapeError where only a copy could have that shape.

    `view(dtype)` sees the same bytes as numbers of another dtype, without history: (..., n) -> (..., n * old size // new size).

    >>> tg.ones(2).view(tg.int32)
    tensor([1065353216, 1065353216], dtype=int32)
    """
    if len(args) == 1 and isinstance(args[0], _DTYPES):
        dtype, args = args[0], ()
    if dtype is not None:
        if args or size is not None:
            raise ArgumentTypeError("view: give sizes or a dtype, not both; write .view(dtype).view(sizes)")
        return _view_as_dtype(input, as_dtype(dtype))
    wanted = read_shape(args, size, "view")
    array = _array_of(input, "view")
    if wanted and min(wanted) < -1:
        raise _reshape_error(input, wanted, "view")
    try:
        shares = array.flags.c_contiguous or owner(array.reshape(wanted)) is owner(array)
        result = reshape_p.bind(input, shape=wanted) if shares else None
    except ValueError:
        raise _reshape_error(input, wanted, "view") from None
    if result is None:
        raise ShapeError(
            f"view: a tensor of shape {array.shape} with these strides (it was transposed or sliced) cannot be seen as {wanted} "
            "without a copy; use reshape, or .contiguous().view(...)"
        )
    return result


def _view_as_dtype(input: Tensor, dtype: Dtype) -> Tensor:
    """The bytes of a tensor as numbers of another dtype. Raises ShapeError or DtypeError where they are not whole numbers of it."""
    array = _array_of(input, "view")
    if state.tracer is not None:
        state.tracer.unrepeatable("view(dtype) shares bytes between dtypes")
    told = f"view: {array.dtype} {array.shape} cannot be seen as {dtype}"
    try:
        seen = array.view(dtype)
    except ValueError as error:
        remedy = "the last dimension must be contiguous and hold whole numbers of the new dtype; .contiguous() helps with the first"
        raise ShapeError(f"{told}: {error}\n  {remedy}") from None
    if not seen.flags.aligned:
        raise ShapeError(f"{told}: its numbers would begin between those of the new dtype; use .clone() first")
    if dtype.kind == "b" and array.view(np.uint8).max(initial=0) > 1:
        raise DtypeError(f"{told}: some bytes are neither 0 nor 1; write x != 0")
    return wrap(Value.result_class, seen)


@typed_errors
def view_as(input: Tensor, other: Tensor) -> Tensor:
    """`view` to the shape of another tensor."""
    return view(input, tuple(other.shape))


@typed_errors
def reshape_as(input: Tensor, other: Tensor) -> Tensor:
    """`reshape` to the shape of another tensor."""
    return reshape(input, tuple(other.shape))


@typed_errors
def ravel(input: Tensor) -> Tensor:
    """All elements in one dimension, in row-major memory: a view of a contiguous tensor, else a copy.

    >>> tg.ravel(tg.tensor([[1, 2], [3, 4]]))
    tensor([1, 2, 3, 4])
    """
    return reshape_p.bind(contiguous(input), shape=(-1,))


@typed_errors
def flatten(input: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """The dimensions from start_dim to end_dim made into one; a 0-d tensor becomes 1-d. One dimension alone: the tensor itself.

    >>> tg.flatten(tg.ones(2, 3, 4), 1).shape
    (2, 12)
    """
    shape = shape_of(input, "flatten")
    flat = _flattened(shape, integer(start_dim, "flatten", "start_dim"), integer(end_dim, "flatten", "end_dim"))
    return input if flat == shape else reshape_p.bind(input, shape=flat)


@functools.lru_cache(maxsize=256)
def _flattened(shape: tuple[int, ...], start_dim: int, end_dim: int) -> tuple[int, ...]:
    ndim = len(shape)
    start, end = normalize_dim(start_dim, ndim, "flatten"), normalize_dim(end_dim, ndim, "flatten")
    if start > end:
        raise ArgumentError(f"flatten: start_dim {start_dim} comes after end_dim {end_dim} in a tensor with {ndim} dimensions; swap them")
    return (*shape[:start], math.prod(shape[start : end + 1]), *shape[end + 1 :])


@numpy_names
def unflatten(input: Tensor, dim: int, sizes: Any) -> Tensor:
    """One dimension split into several of these sizes, of which one may be -1.

    >>> tg.unflatten(tg.ones(2, 12), 1, (3, -1)).shape
    (2, 3, 4)
    """
    shape = shape_of(input, "unflatten")
    return reshape_p.bind(input, shape=_unflattened(shape, integer(dim, "unflatten", "dim"), read_shape((sizes,), None, "unflatten")))


@functools.lru_cache(maxsize=256)
def _unflattened(shape: tuple[int, ...], dim: int, sizes: tuple[int, ...]) -> tuple[int, ...]:
    if not shape:
        raise ShapeError("unflatten: a 0-d tensor has no dimension to split; use reshape")
    dim = normalize_dim(dim, len(shape), "unflatten")
    if not sizes:
        raise ArgumentError("unflatten: sizes must not be empty; give one size for each new dimension")
    known = math.prod([size for size in sizes if size != -1])
    inferred = shape[dim] // known if known and sizes.count(-1) == 1 else -1
    parts = [inferred if size == -1 else size for size in sizes]
    if min(parts) < 0 or math.prod(parts) != shape[dim]:
        raise ShapeError(f"unflatten: the sizes {sizes} do not multiply to {shape[dim]}, the size of dimension {dim} of {shape}")
    return (*shape[:dim], *parts, *shape[dim + 1 :])


@numpy_names
def squeeze(input: Tensor, *args: Any, dim: Any = None) -> Tensor:
    """Without dimensions of size 1: all of them, or those of `dim` (an int, a tuple, or several ints) that have size 1.

    >>> tg.squeeze(tg.ones(1, 3, 1)).shape, tg.squeeze(tg.ones(1, 3, 1), 0).shape
    ((3,), (3, 1))
    """
    if args:
        if dim is not None:
            raise ArgumentTypeError(f"squeeze: dim is given twice, as {args[0]} and as {dim}")
        dim = args if len(args) > 1 else args[0]
    shape = shape_of(input, "squeeze")
    return squeeze_p.bind(input, dims=_of_size_one(shape, static_dims(dim, len(shape), "squeeze")))


@functools.lru_cache(maxsize=256)
def _of_size_one(shape: tuple[int, ...], dim: Dims) -> tuple[int, ...]:
    return tuple([i for i in normalize_dims(dim, len(shape), "squeeze") if shape[i] == 1])


@numpy_names
def unsqueeze(input: Tensor, dim: int) -> Tensor:
    """With a new dimension of size 1 at `dim`.

    >>> tg.unsqueeze(tg.tensor([1, 2]), 1)
    tensor([[1],
            [2]])
    """
    ndim = rank(input, "unsqueeze")
    if type(dim) is not int or not 0 <= dim <= ndim:
        dim = normalize_dim(dim, ndim + 1, "unsqueeze")
    return unsqueeze_p.bind(input, dim=dim)


def _atleast(tensors: tuple[Any, ...], what: str, raise_one: Any) -> Any:
    if len(tensors) == 1 and not isinstance(tensors[0], Sequence):
        return raise_one(tensors[0], rank(tensors[0], what))
    several = tensors[0] if len(tensors) == 1 else tensors
    return tuple([raise_one(x, rank(x, what)) for x in several])


@typed_errors
def atleast_1d(*tensors: Any) -> Any:
    """With at least one dimension: () -> (1,). Several tensors, or a sequence of them, give a tuple.

    >>> tg.atleast_1d(tg.tensor(5))
    tensor([5])
    """
    return _atleast(tensors, "atleast_1d", lambda x, ndim: x if ndim else reshape_p.bind(x, shape=(1,)))


@typed_errors
def atleast_2d(*tensors: Any) -> Any:
    """With at least two dimensions: () -> (1, 1), (n,) -> (1, n).

    >>> tg.atleast_2d(tg.tensor([1, 2]))
    tensor([[1, 2]])
    """
    return _atleast(tensors, "atleast_2d", lambda x, ndim: x if ndim >= 2 else reshape_p.bind(x, shape=(1, *(x.shape or (1,)))))


@typed_errors
def atleast_3d(*tensors: Any) -> Any:
    """With at least three dimensions: () -> (1, 1, 1), (n,) -> (1, n, 1), (n, m) -> (n, m, 1).

    >>> tg.atleast_3d(tg.ones(2, 4)).shape
    (2, 4, 1)
    """

    def raise_one(x: Any, ndim: int) -> Any:
        shape = ((1, 1, 1), (1, *x.shape, 1), (*x.shape, 1))
        return x if ndim >= 3 else reshape_p.bind(x, shape=shape[ndim])

    return _atleast(tensors, "atleast_3d", raise_one)


# ---- another order of dimensions ---------------------------------------------------------------------------------------


@typed_errors
def transpose(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """Two dimensions swapped.

    >>> tg.transpose(tg.tensor([[1, 2], [3, 4]]), 0, 1)
    tensor([[1, 3],
            [2, 4]])
    """
    ndim = rank(input, "transpose")
    first, second = normalize_dim(dim0, ndim, "transpose"), normalize_dim(dim1, ndim, "transpose")
    return transpose_p.bind(input, dim0=first, dim1=second) if ndim else select_view.bind(input, index=())


@typed_errors
def swapaxes(input: Tensor, axis0: int, axis1: int) -> Tensor:
    """`transpose` under NumPy's name.

    >>> tg.swapaxes(tg.ones(2, 3, 4), 0, 2).shape
    (4, 3, 2)
    """
    return transpose(input, axis0, axis1)


swapdims = transpose


@numpy_names
def permute(input: Tensor, *args: Any, dims: Any = None) -> Tensor:
    """The dimensions in another order: dimension i of the result is dimension dims[i] of the input.

    >>> tg.permute(tg.ones(2, 3, 4), (2, 0, 1)).shape
    (4, 2, 3)
    """
    ndim = rank(input, "permute")
    given = read_shape(args, dims, "permute")
    order = known_dims(given, ndim, "permute")
    if len(given) != ndim:
        raise ShapeError(f"permute: {len(given)} dims {given} given for a tensor with {ndim} dimensions; name each once")
    return permute_p.bind(input, dims=order)


@typed_errors
def movedim(input: Tensor, source: Any, destination: Any) -> Tensor:
    """The dimensions `source` moved to the positions `destination`; the others keep their order.

    >>> tg.movedim(tg.ones(2, 3, 4), 0, -1).shape
    (3, 4, 2)
    """
    ndim = rank(input, "movedim")
    if source is None or destination is None:
        raise ArgumentTypeError(f"movedim: source and destination must be dims, got {source} and {destination}")
    froms, tos = static_dims(source, ndim, "movedim"), static_dims(destination, ndim, "movedim")
    return permute_p.bind(input, dims=_moved(ndim, froms, tos))


@functools.lru_cache(maxsize=256)
def _moved(ndim: int, source: Dims, destination: Dims) -> tuple[int, ...]:
    froms, tos = normalize_dims(source, ndim, "movedim"), normalize_dims(destination, ndim, "movedim")
    if len(froms) != len(tos):
        raise ArgumentError(f"movedim: source {source} and destination {destination} must name equally many dimensions")
    order = [i for i in range(ndim) if i not in froms]
    for place, dim in sorted(zip(tos, froms, strict=True)):
        order.insert(place, dim)
    return tuple(order)


moveaxis = movedim


@typed_errors
def t(input: Tensor) -> Tensor:
    """The transposed of a matrix; a tensor with fewer dimensions is returned as it is.

    >>> tg.t(tg.tensor([[1, 2], [3, 4]]))
    tensor([[1, 3],
            [2, 4]])
    """
    ndim = rank(input, "t")
    if ndim == 2:
        return t_p(input)
    if ndim > 2:
        raise ShapeError(f"t: expects at most 2 dimensions, got shape {tuple(input.shape)}; use .mT, or transpose(dim0, dim1)")
    return select_view.bind(input, index=())


def matrix_transpose(input: Tensor) -> Tensor:
    """The last two dimensions swapped; (..., n, m) -> (..., m, n)."""
    ndim = rank(input, "mT")
    if ndim == 2:
        return t_p(input)
    if ndim == 1:
        raise ShapeError(f"mT: expects a matrix or a batch of matrices, got shape {tuple(input.shape)}; use unsqueeze first")
    return transpose_p.bind(input, dim0=ndim - 2, dim1=ndim - 1) if ndim else select_view.bind(input, index=())


def adjoint_of_matrix(input: Tensor) -> Tensor:
    """The conjugate transposed of a matrix, of real numbers its transposed; (n, m) -> (m, n)."""
    ndim = rank(input, "H")
    if ndim not in (0, 2):
        raise ShapeError(f"H: expects a matrix, got shape {tuple(input.shape)}; use .mH for a batch of matrices")
    return matrix_transpose(input)


def transpose_all(input: Tensor) -> Tensor:
    """All dimensions in reverse order; of a matrix its transposed."""
    ndim = rank(input, "T")
    return t_p(input) if ndim == 2 else permute_p.bind(input, dims=tuple(range(ndim - 1, -1, -1)))


# ---- the same elements several times, without memory -------------------------------------------------------------------


def expand(input: Tensor, *args: Any, size: Any = None) -> Tensor:
    """A view in which dimensions of size 1 are repeated to `size`, with new dimensions in front; -1 keeps a size.

    Raises ShapeError if a dimension of another size would have to change.
    """
    return _expanded(input, read_shape(args, size, "expand"), "expand")


def _expanded(input: Any, wanted: tuple[int, ...], what: str) -> Tensor:
    given = shape_of(input, what)
    try:
        return broadcast_p.bind(input, shape=_keeping(given, wanted) if -1 in wanted else wanted)
    except ValueError:
        raise ShapeError(
            f"{what}: a tensor of shape {given} cannot be expanded to {wanted}\n  sizes are compared from the last dimension on; "
            "only a size of 1 can grow, -1 keeps a size, new dimensions come first and need a number"
        ) from None


@functools.lru_cache(maxsize=256)
def _keeping(given: tuple[int, ...], wanted: tuple[int, ...]) -> tuple[int, ...]:
    """The sizes wanted, with those given in place of -1."""
    kept = (-1,) * (len(wanted) - len(given)) + given
    return tuple([n if size == -1 else size for n, size in zip(kept, wanted, strict=False)])


@typed_errors
def broadcast_to(input: Tensor, *args: Any, size: Any = None) -> Tensor:
    """`expand` under NumPy's name.

    >>> tg.broadcast_to(tg.tensor([1, 2]), (2, 2))
    tensor([[1, 2],
            [1, 2]])
    """
    return _expanded(input, read_shape(args, size, "broadcast_to"), "broadcast_to")


@typed_errors
def expand_as(input: Tensor, other: Tensor) -> Tensor:
    """`expand` to the shape of another tensor."""
    return expand(input, tuple(other.shape))


# ---- memory ------------------------------------------------------------------------------------------------------------


@typed_errors
def clone(input: Tensor) -> Tensor:
    """A copy in new memory; the gradient passes through.

    >>> x = tg.tensor([1, 2])
    >>> tg.equal(tg.clone(x), x), tg.clone(x) is x
    (True, False)
    """
    rank(input, "clone")
    return clone_p(input)


def contiguous(input: Tensor) -> Tensor:
    """The tensor itself if its elements lie in memory in row-major order, else a copy in that order."""
    return input if _array_of(input, "contiguous").flags.c_contiguous else contiguous_p(input)
