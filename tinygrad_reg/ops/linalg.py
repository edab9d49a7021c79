"""Products of vectors, matrices and tensors.

Five primitives carry all of them: `mm_p` for anything times one matrix, whose leading dims are folded into rows so that it
is a single BLAS call, and `linear_unbiased` for a transposed one; `mv_p` for anything times a vector; `dot_p`; and `matmul_p` for
batches on both sides. NumPy's `dot` is preferred to `@`: it costs 0.4 µs less, and 8 times less in all when the inner size is 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ..engine.mutation import Array
from ..engine.node import Value
from ..engine.plain import is_plain
from ..engine.primitive import Primitive, silent_copy
from ..engine.promotion import result_type
from ..engine.refusal import no_tensor, typed_errors
from ..engine.state import state
from ..engine.strong_zero import masked
from ..errors import ArgumentError, DtypeError, ShapeError
from .arguments import rank, shape_of
from .elementwise import add_p, mul
from .pointwise import convert, wide
from .shape import permute, reshape, unsqueeze_p

if TYPE_CHECKING:
    from ..tensor import Tensor

_ndarray = np.ndarray
_FEW_ROWS, _LARGE_PRODUCT = 64, 400_000  # the latter in multiplications


class Product(Primitive):
    """A primitive of two arrays whose rules are products again: a call as short as Python allows, above all on arrays, as in backward."""

    analytic = True

    def bind(self, x: Any, y: Any) -> Tensor:
        """Run on arrays; record if both are tensors."""
        if type(x) is _ndarray and type(y) is _ndarray:
            return self.forward(x, y)  # type: ignore[no-any-return]
        if isinstance(x, Value) and isinstance(y, Value) and state.recording is not None:
            return self.applied_to_two(x, y, silent_copy().run(self.forward, x.array, y.array), {})
        return super().bind(x, y)


def product(forward: Callable[..., Any]) -> Product:
    """Make a Product, named after its function without the `_p`."""
    return Product(forward, name=forward.__name__.removesuffix("_p"))


def rows(x: Any) -> Any:
    """x as a matrix of its rows: (..., k) -> (n, k)."""
    if x.ndim == 2:
        return x
    shape = x.shape
    return x.reshape((math.prod(shape[:-1]), shape[-1]))


@product
def mm_p(x: Array, y: Array) -> Array:
    """The rows of x times one matrix; (..., k) @ (k, m) -> (..., m)."""
    if x.ndim <= 2:
        return x.dot(y)
    return rows(x).dot(y).reshape((*x.shape[:-1], y.shape[1]))


@product
def row_outers_p(x: Array, y: Array) -> Array:
    """The sum over all rows of their outer products; (..., k), (..., m) -> (k, m)."""
    if x.ndim == 2:
        return x.T.dot(y)
    return rows(x).T.dot(rows(y))


mm_p.vjp(x=lambda g, y: mm_p(g, y.mT), y=lambda g, x: row_outers_p(x, g))
row_outers_p.vjp(x=lambda g, y: mm_p(y, g.mT), y=lambda g, x: mm_p(x, g))


@product
def linear_unbiased(input: Array, weight: Array) -> Array:
    """input @ weight.mT; (..., k), (m, k) -> (..., m)."""
    if input.ndim == 2:
        return _times_turned(input, weight)
    return _times_turned(rows(input), weight).reshape((*input.shape[:-1], len(weight)))


def _times_turned(x: Array, weight: Array) -> Array:
    """x @ weight.T; (n, k), (m, k) -> (n, m). Of few rows weight @ x.T takes BLAS half the time, where the product is large."""
    n = x.shape[0]
    if 1 < n <= _FEW_ROWS and n * weight.size >= _LARGE_PRODUCT and x.dtype.char == "f" and not is_plain(x):
        return weight.dot(x.T).T.copy()
    return x.dot(weight.T)


linear_unbiased.vjp(input=lambda g, weight: mm_p(g, weight), weight=lambda g, input: row_outers_p(g, input))


@product
def mv_p(x: Array, y: Array) -> Array:
    """Matrices times one vector; (..., n, k) @ (k,) -> (..., n)."""
    if x.ndim <= 2:
        return x.dot(y)
    return rows(x).dot(y).reshape(x.shape[:-1])


mv_p.vjp(x=lambda g, y: g[..., None] * y, y=lambda g, x: mv_p(rows(x).mT, g.reshape((-1,))))


@product
def dot_p(x: Array, y: Array) -> Array:
    """The sum of the products of two vectors; (k,) · (k,) -> ()."""
    return x.dot(y)


dot_p.vjp(x=lambda g, y: g * y, y=lambda g, x: g * x)


@product
def matmul_p(x: Array, y: Array) -> Array:
    """Matrix products over batches that broadcast; (..., n, k) @ (..., k, m) -> (..., n, m)."""
    return x * y if x.shape[-1] == 1 == y.shape[-2] else np.matmul(x, y)


matmul_p.vjp(x=lambda g, y: matmul_p(g, y.mT), y=lambda g, x: matmul_p(x.mT, g))


# ---- products by rank ----------------------------------------------------------------------------------------------


def matmul(input: Tensor, other: Tensor) -> Tensor:
    """The matrix product; (..., n, k) @ (..., k, m) -> (..., n, m), batch dims broadcast.

    A vector on the left is a row, on the right a column, and loses that dim in the result.
    Raises ShapeError if inner sizes or batches do not fit, DtypeError if the dtypes differ.

    >>> tg.matmul(tg.ones(5, 1, 2, 3), tg.ones(4, 3, 2)).shape
    (5, 4, 2, 2)
    """
    return _product("matmul", input, other)


def _product(what: str, input: Any, other: Any) -> Tensor:
    """The product for a function of this name, by the ranks of the tensors."""
    x, y = _operands(what, input, other)
    if x.shape[-1] != (y.shape[-2] if y.ndim > 1 else y.shape[0]):
        inner = f"{x.shape[-1]} and {y.shape[-min(y.ndim, 2)]}"
        raise ShapeError(f"{what}: the inner sizes differ: {inner}\n  {x.shape} @ {y.shape}{_hint(x, y)}")
    if y.ndim == 2:
        return mm_p(input, other)
    if y.ndim == 1:
        return dot_p(input, other) if x.ndim == 1 else mv_p(input, other)
    if x.ndim == 1:
        return mv_p(other.mT, input)
    if x.shape[:-2] != y.shape[:-2]:
        _check_batches(x.shape, y.shape)
    return matmul_p(input, other)


def _operands(what: str, input: Any, other: Any) -> tuple[Array, Array]:
    """The arrays of two tensors of at least one dim and one dtype."""
    x = input.array if isinstance(input, Value) else input
    y = other.array if isinstance(other, Value) else other
    if not (isinstance(x, _ndarray) and isinstance(y, _ndarray)):
        wrong = next(v for v in (x, y) if not isinstance(v, _ndarray))
        raise no_tensor(f"{what}: expected tensors", wrong)
    if not (x.ndim and y.ndim):
        raise ShapeError(f"{what}: both arguments need at least one dim, got {x.ndim} and {y.ndim} dims; use * to multiply by a number")
    if x.dtype is not y.dtype or x.dtype.char == "?":
        check_dtypes(what, input=x, other=y)
    return x, y


def check_dtypes(what: str, **arrays: Any) -> None:
    """Raise DtypeError unless all have one dtype, and not bool; None is passed over."""
    dtypes = {name: array.dtype for name, array in arrays.items() if array is not None}
    first = next(iter(dtypes.values()))
    if any(dtype != first for dtype in dtypes.values()):
        given = " · ".join(f"{name} {dtype}" for name, dtype in dtypes.items())
        raise DtypeError(f"{what}: the dtypes differ: {given}; convert with .to(dtype)")
    if first.kind == "b":
        raise DtypeError(f"{what}: not defined for bool tensors; convert with .float() or .long() first")


def _hint(x: Array, y: Array) -> str:
    """What to write instead, where a transposition would make the shapes fit."""
    if x.ndim > 1 and y.ndim > 1 and x.shape[-1] == y.shape[-1]:
        return "\n  x @ y.mT would fit"
    if x.ndim > 1 and y.ndim > 1 and x.shape[-2] == y.shape[-2]:
        return "\n  x.mT @ y would fit"
    return ""


def _check_batches(x: tuple[int, ...], y: tuple[int, ...]) -> None:
    try:
        np.broadcast_shapes(x[:-2], y[:-2])
    except ValueError:
        raise ShapeError(f"matmul: the batch dims {x[:-2]} and {y[:-2]} do not broadcast\n  {x} @ {y}") from None


def _check_dims(what: str, name: str, x: Any, ndim: int) -> None:
    """Raise ShapeError unless this is a tensor with that number of dims."""
    if isinstance(x, Value) and x.array.ndim == ndim:
        return
    if not hasattr(x, "ndim"):
        raise no_tensor(f"{what}: {name} must be a tensor", x)
    if x.ndim != ndim:
        raise ShapeError(f"{what}: {name} must have {ndim} dims, got shape {x.shape}; matmul takes all ranks")


@typed_errors
def mm(input: Tensor, mat2: Tensor) -> Tensor:
    """The product of two matrices; (n, k) @ (k, m) -> (n, m).

    >>> tg.mm(tg.tensor([[1, 2]]), tg.tensor([[3], [4]]))
    tensor([[11]])
    """
    _check_dims("mm", "input", input, 2)
    _check_dims("mm", "mat2", mat2, 2)
    return _product("mm", input, mat2)


@typed_errors
def bmm(input: Tensor, mat2: Tensor) -> Tensor:
    """The products of the matrices of two batches; (b, n, k) @ (b, k, m) -> (b, n, m), without broadcasting.

    >>> tg.bmm(tg.ones(10, 2, 3), tg.ones(10, 3, 4)).shape
    (10, 2, 4)
    """
    _check_dims("bmm", "input", input, 3)
    _check_dims("bmm", "mat2", mat2, 3)
    _check_batch("bmm", shape_of(input), shape_of(mat2))
    return _product("bmm", input, mat2)


def _check_batch(what: str, x: tuple[int, ...], y: tuple[int, ...]) -> None:
    if x[0] != y[0]:
        raise ShapeError(f"{what}: the batches have {x[0]} and {y[0]} matrices\n  {x} @ {y}")


@typed_errors
def mv(input: Tensor, vec: Tensor) -> Tensor:
    """A matrix times a vector; (n, k) @ (k,) -> (n,).

    >>> tg.mv(tg.tensor([[1, 2], [3, 4]]), tg.tensor([1, 10]))
    tensor([21, 43])
    """
    _check_dims("mv", "input", input, 2)
    _check_dims("mv", "vec", vec, 1)
    return _product("mv", input, vec)


@typed_errors
def dot(input: Tensor, tensor: Tensor) -> Tensor:
    """The sum of the products of two vectors; (k,) · (k,) -> ().

    >>> tg.dot(tg.tensor([1, 2]), tg.tensor([3, 4]))
    tensor(11)
    """
    _check_dims("dot", "input", input, 1)
    _check_dims("dot", "tensor", tensor, 1)
    return _product("dot", input, tensor)


@typed_errors
def vdot(input: Tensor, other: Tensor) -> Tensor:
    """`dot`, which for real vectors it is.

    >>> tg.vdot(tg.tensor([1, 2]), tg.tensor([3, 4]))
    tensor(11)
    """
    _check_dims("vdot", "input", input, 1)
    _check_dims("vdot", "other", other, 1)
    return dot(input, other)


@typed_errors
def outer(input: Tensor, vec2: Tensor) -> Tensor:
    """All products of the elements of two vectors; (n,), (m,) -> (n, m).

    >>> tg.outer(tg.tensor([1, 2]), tg.tensor([3, 4, 5]))
    tensor([[ 3,  4,  5],
            [ 6,  8, 10]])
    """
    _check_dims("outer", "input", input, 1)
    _check_dims("outer", "vec2", vec2, 1)
    return mul(unsqueeze_p.bind(input, dim=1), vec2)


ger = outer


@typed_errors
def inner(input: Tensor, other: Tensor) -> Tensor:
    """Sums of products over the last dims; (..., k), (*, k) -> (..., *). With a 0-d argument, the product.

    >>> tg.inner(tg.tensor([[1, 2], [3, 4]]), tg.tensor([1, 10]))
    tensor([21, 43])
    """
    if not (rank(input, "inner") and rank(other, "inner")):
        return mul(input, other)
    x, y = _operands("inner", input, other)
    if x.shape[-1] != y.shape[-1]:
        raise ShapeError(f"inner: the last dims must agree, got {x.shape[-1]} and {y.shape[-1]}\n  {x.shape} · {y.shape}")
    if y.ndim == 1:
        return matmul(input, other)
    products = linear_unbiased(input, rows(other))
    return products if y.ndim == 2 else reshape(products, (*x.shape[:-1], *y.shape[:-1]))


@typed_errors
def kron(input: Tensor, other: Tensor) -> Tensor:
    """The Kronecker product: every element of `input` times the whole of `other`; the sizes multiply.

    >>> tg.kron(tg.tensor([1, 10]), tg.tensor([1, 2]))
    tensor([ 1,  2, 10, 20])
    """
    ndim = max(rank(input, "kron"), rank(other, "kron"))
    x, y = (1,) * (ndim - input.ndim) + input.shape, (1,) * (ndim - other.ndim) + other.shape
    spread = tuple([size for pair in zip(x, (1,) * ndim, strict=True) for size in pair])
    repeated = tuple([size for pair in zip((1,) * ndim, y, strict=True) for size in pair])
    products = mul(reshape(input, spread), reshape(other, repeated))
    return reshape(products, tuple([n * m for n, m in zip(x, y, strict=True)]))


# ---- a product added to a tensor -----------------------------------------------------------------------------------


@typed_errors
def addmm(input: Tensor, mat1: Tensor, mat2: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """beta · input + alpha · mat1 @ mat2; input broadcasts to (n, m). With beta 0, nan and inf of input do not count.

    >>> tg.addmm(tg.tensor([100.0, 200.0]), tg.tensor([[1.0, 2.0]]), tg.eye(2), beta=0.5)
    tensor([[ 51., 102.]])
    """
    return _add_product("addmm", mm, input, mat1, mat2, beta, alpha)


@typed_errors
def addmv(input: Tensor, mat: Tensor, vec: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """beta · input + alpha · mat @ vec; input broadcasts to (n,).

    >>> tg.addmv(tg.tensor([10.0]), tg.tensor([[1.0, 2.0]]), tg.tensor([3.0, 4.0]))
    tensor([21.])
    """
    return _add_product("addmv", mv, input, mat, vec, beta, alpha)


@typed_errors
def baddbmm(input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """beta · input + alpha · batch1 @ batch2; input broadcasts to (b, n, m).

    >>> tg.baddbmm(tg.zeros(10, 2, 4), tg.ones(10, 2, 3), tg.ones(10, 3, 4)).shape
    (10, 2, 4)
    """
    return _add_product("baddbmm", bmm, input, batch1, batch2, beta, alpha)


@typed_errors
def addbmm(input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """beta · input + alpha · the sum over the batch of batch1 @ batch2; input broadcasts to (n, m).

    >>> tg.addbmm(tg.zeros(2, 4), tg.ones(10, 2, 3), tg.ones(10, 3, 4)).shape
    (2, 4)
    """
    return _add_product("addbmm", _sum_of_products, input, batch1, batch2, beta, alpha)


def _sum_of_products(batch1: Tensor, batch2: Tensor) -> Tensor:
    """The sum over the batch of batch1 @ batch2, as one product of the matrices side by side."""
    _check_dims("addbmm", "batch1", batch1, 3)
    _check_dims("addbmm", "batch2", batch2, 3)
    _check_batch("addbmm", shape_of(batch1), shape_of(batch2))
    if batch1.shape[2] != batch2.shape[1]:
        raise ShapeError(f"addbmm: the inner sizes differ: {batch1.shape[2]} and {batch2.shape[1]}\n  {batch1.shape} @ {batch2.shape}")
    b, n, k = batch1.shape
    side_by_side = reshape(permute(batch1, (1, 0, 2)), (n, b * k))
    return matmul(side_by_side, rows(batch2))


def _add_product(what: str, multiply: Callable[..., Any], input: Tensor, x: Tensor, y: Tensor, beta: float, alpha: float) -> Tensor:
    """beta · input + alpha · the product of x and y. That of float16 is held in float32, as alpha may make it small again."""
    if isinstance(x, Value) and x.array.dtype.char == "e" and input.dtype == x.dtype == y.dtype:
        return convert(_add_product(what, multiply, wide(input), wide(x), wide(y), beta, alpha), input.dtype)
    product = multiply(x, y)
    dtype, given, target = product.dtype, shape_of(input), shape_of(product)
    if input.dtype is not dtype:
        check_dtypes(what, input=input, product=product)
    if given != target and not expands(given, target):
        raise ShapeError(f"{what}: input of shape {given} does not expand to the product's shape {target}")
    if dtype.kind != "f":
        _check_integers(what, beta=beta, alpha=alpha)
    return add_p(_times(input, beta), _times(product, alpha))


def _check_integers(what: str, **factors: float) -> None:
    for name, factor in factors.items():
        if result_type(factor).kind == "f":
            raise ArgumentError(f"{what}: {name} must be an integer for integer tensors, got {factor}")


def expands(shape: tuple[int, ...], target: tuple[int, ...]) -> bool:
    """Whether a tensor of `shape` broadcasts to `target`."""
    if shape == target:
        return True
    return len(shape) <= len(target) and all(n in (1, m) for n, m in zip(reversed(shape), reversed(target), strict=False))


def _times(x: Tensor, factor: float) -> Tensor:
    """factor · x, where 0 · nan is 0."""
    if factor == 1:
        return x
    return masked(x, True) if factor == 0 else x * factor
