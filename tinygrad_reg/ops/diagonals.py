"""Diagonals and triangles of matrices: the last two dimensions, or the two that are named."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np

from ..engine.broadcasting import broadcast_to
from ..engine.mutation import Array
from ..engine.plain import filled
from ..engine.primitive import primitive
from ..engine.refusal import typed_errors
from ..engine.selection import choose, zero_of
from ..engine.view import viewing
from ..errors import ArgumentError, DimensionError, DtypeError, ShapeError
from .arguments import integer, normalize_dim, rank, shape_of
from .shape import clone

if TYPE_CHECKING:
    from ..tensor import Tensor

# ---- diagonals ---------------------------------------------------------------------------------------------------------


@viewing("diagonal")
def diagonal_p(x: Array, *, offset: int, dim1: int, dim2: int) -> Array:
    """The diagonals over two dimensions, as the last dimension of the result."""
    out = x.diagonal(offset, dim1, dim2)
    out.flags.writeable = x.flags.writeable
    return out


@primitive(name="diag_embed")
def diag_embed_p(x: Array, *, shape: tuple[int, ...], offset: int, dim1: int, dim2: int) -> Array:
    """Zeros of `shape`, with x where `diagonal_p` reads."""
    out = filled(x, shape)
    diagonal_p.forward(out, offset=offset, dim1=dim1, dim2=dim2)[...] = x
    return out


diagonal_p.vjp(x=lambda g, x_shape, offset, dim1, dim2: diag_embed_p.bind(g, shape=x_shape, offset=offset, dim1=dim1, dim2=dim2))
diag_embed_p.vjp(x=lambda g, offset, dim1, dim2: diagonal_p.bind(g, offset=offset, dim1=dim1, dim2=dim2))


@primitive(name="trace")
def trace_p(x: Array) -> Array:
    """The sum of the diagonal of a matrix; integers add up to int64."""
    return np.add.reduce(x.diagonal(), 0, np.int64 if x.dtype.kind in "iu" else None)


trace_p.vjp(x=lambda g, x_shape: diag_embed_p.bind(broadcast_to.bind(g, shape=(min(x_shape),)), shape=x_shape, offset=0, dim1=0, dim2=1))


@typed_errors
def diagonal(input: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """A view of the diagonals over two dimensions, which becomes the last dimension; (n, m) -> (min(n, m),) for offset 0.

    >>> tg.diagonal(tg.tensor([[1, 2], [3, 4]]))
    tensor([1, 4])
    """
    ndim = rank(input, "diagonal")
    first, second = normalize_dim(dim1, ndim, "diagonal"), normalize_dim(dim2, ndim, "diagonal")
    if first == second:
        raise ArgumentError(f"diagonal: dim1 {dim1} and dim2 {dim2} are the same dimension; name two")
    return diagonal_p.bind(input, offset=integer(offset, "diagonal", "offset"), dim1=first, dim2=second)


@typed_errors
def diag_embed(input: Tensor, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """Matrices with the last dimension of the input on a diagonal, zeros elsewhere; (..., n) -> (..., n + |offset|, n + |offset|).

    >>> tg.diag_embed(tg.tensor([1, 2]), offset=1)
    tensor([[0, 1, 0],
            [0, 0, 2],
            [0, 0, 0]])
    """
    ndim = rank(input, "diag_embed")
    if not ndim:
        raise DimensionError("diag_embed: needs at least 1 dimension, got a 0-d tensor; use reshape(1) first")
    first, second = normalize_dim(dim1, ndim + 1, "diag_embed"), normalize_dim(dim2, ndim + 1, "diag_embed")
    if first == second:
        raise ArgumentError(f"diag_embed: dim1 {dim1} and dim2 {dim2} are the same dimension; name two")
    offset = integer(offset, "diag_embed", "offset")
    shape = _with_diagonal(shape_of(input), offset, first, second)
    return diag_embed_p.bind(input, shape=shape, offset=offset, dim1=first, dim2=second)


@functools.lru_cache(maxsize=256)
def _with_diagonal(shape: tuple[int, ...], offset: int, dim1: int, dim2: int) -> tuple[int, ...]:
    """The shape of the matrices on whose diagonals the last dimension of this shape stands."""
    *made, size = shape
    for dim in sorted((dim1, dim2)):
        made.insert(dim, size + abs(offset))
    return tuple(made)


@typed_errors
def diag(input: Tensor, diagonal: int = 0) -> Tensor:
    """(n,) -> a matrix with that diagonal; (n, m) -> a copy of its diagonal.

    >>> tg.diag(tg.tensor([1, 2]))
    tensor([[1, 0],
            [0, 2]])
    >>> tg.diag(tg.tensor([[1, 2], [3, 4]]))
    tensor([1, 4])
    """
    ndim = rank(input, "diag")
    if ndim == 1:
        return diag_embed(input, integer(diagonal, "diag", "diagonal"))
    if ndim == 2:
        return clone(diagonal_p.bind(input, offset=integer(diagonal, "diag", "diagonal"), dim1=0, dim2=1))
    raise ShapeError(f"diag: expects 1 or 2 dimensions, got shape {tuple(input.shape)}; use diagonal or diag_embed for batches")


@typed_errors
def trace(input: Tensor) -> Tensor:
    """The sum of the diagonal of a matrix; integers give int64.

    >>> tg.trace(tg.tensor([[1, 2], [3, 4]]))
    tensor(5)
    """
    if rank(input, "trace") != 2:
        raise ShapeError(f"trace: expects a matrix, got shape {tuple(input.shape)}; for a batch use diagonal(0, -2, -1).sum(-1)")
    if input.dtype.kind == "b":
        raise DtypeError("trace: not defined for bool tensors; convert with .long() first")
    return trace_p(input)


# ---- triangles ---------------------------------------------------------------------------------------------------------


_FEW = 1024  # elements up to which most of the time would be spent on the mask


@functools.lru_cache(maxsize=64)
def _triangle(shape: tuple[int, ...], diagonal: int) -> Array:
    """Where the lower triangles of matrices are, up to and with `diagonal`."""
    *_, rows, columns = shape
    return np.tri(rows, columns, diagonal, np.bool_)


@primitive(name="tril")
def tril_p(x: Array, *, diagonal: int) -> Array:
    """Zero above the given diagonal of the last two dimensions."""
    return np.tril(x, diagonal) if x.size > _FEW else choose(_triangle(x.shape, diagonal), x, zero_of(x.dtype))


tril_p.plain = lambda x, *, diagonal: np.tril(x, diagonal)
tril_p.vjp(x=lambda g, diagonal: tril_p.bind(g, diagonal=diagonal))


@primitive(name="triu")
def triu_p(x: Array, *, diagonal: int) -> Array:
    """Zero below the given diagonal of the last two dimensions."""
    return np.triu(x, diagonal) if x.size > _FEW else choose(_triangle(x.shape, diagonal - 1), zero_of(x.dtype), x)


triu_p.plain = lambda x, *, diagonal: np.triu(x, diagonal)
triu_p.vjp(x=lambda g, diagonal: triu_p.bind(g, diagonal=diagonal))


@typed_errors
def tril(input: Tensor, diagonal: int = 0) -> Tensor:
    """The lower triangles of the last two dimensions, up to and with `diagonal`; zeros above, also in the gradient.

    >>> tg.tril(tg.ones(2, 3))
    tensor([[1., 0., 0.],
            [1., 1., 0.]])
    """
    _matrices(input, "tril")
    return tril_p.bind(input, diagonal=integer(diagonal, "tril", "diagonal"))


@typed_errors
def triu(input: Tensor, diagonal: int = 0) -> Tensor:
    """The upper triangles of the last two dimensions, from `diagonal` on; zeros below, also in the gradient.

    >>> tg.triu(tg.ones(2, 3))
    tensor([[1., 1., 1.],
            [0., 1., 1.]])
    """
    _matrices(input, "triu")
    return triu_p.bind(input, diagonal=integer(diagonal, "triu", "diagonal"))


def _matrices(input: Tensor, what: str) -> None:
    if rank(input, what) < 2:
        raise ShapeError(f"{what}: needs at least 2 dimensions, got shape {tuple(input.shape)}; use unsqueeze first")
