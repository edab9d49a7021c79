"""Norms of vectors and matrices. Their gradient is 0 where the norm is 0, for every order p; ties of inf norms share it.

Shapes: `(..., n, ...) -> (..., ...)` over the dims named, or `(..., 1, ...)` with `keepdim`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..dtypes import as_dtype
from ..engine.graph import grad
from ..engine.mutation import Array
from ..engine.node import Value, array_of, wrap
from ..engine.primitive import primitive
from ..engine.refusal import typed_errors
from ..engine.state import state
from ..engine.strong_zero import masked
from ..errors import ArgumentError, ArgumentTypeError, DimensionError, DtypeError, ShapeError
from .arguments import normalize_dims, numpy_names, rank
from .decompositions import singular_values
from .elementwise import abs, clamp_min_p, eq, isinf, lt, power, sign, square, unary, where_p, zero
from .extremes import amax_p, amin_p
from .linalg import matmul
from .pointwise import as_array, convert, numbers
from .reduction import Dims, in_rows, narrowed, product_sum, read_dims, reduced_shape, spread, sum_p, widened
from .shape import permute_p, reshape, reshape_p

if TYPE_CHECKING:
    from ..tensor import Tensor

# ---- the primitives ------------------------------------------------------------------------------------------------------


@primitive(name="norm_2")
def norm_2(x: Array, *, dim: Dims, keepdim: bool) -> Array:
    """√Σ x² over `dim`."""
    wide = widened(x)
    out = narrowed(np.sqrt(product_sum(wide, wide, dim, keepdim)), x.dtype)
    return out if dim is None else in_rows(out)


def _norm_2_rule(g: Any, x: Any, out: Any, x_shape: Any, dim: Dims, keepdim: bool) -> Any:
    zero, limit = eq(out, 0.0), limit_of_ratio(g, out)
    ratio = masked(g / out, zero) if limit is None else where_p(zero, limit, g / out)
    return (ratio if dim is None or keepdim else reshape_p.bind(ratio, shape=reduced_shape(x_shape, dim, True))) * x


def limit_of_ratio(g: Any, out: Any) -> Any:
    """The limit of g / out where both become 0, if g is a recorded function of the norm `out`: its derivative. Else None.

    A smooth function of a norm at 0 is even in it, so its gradient is (g / out) · x with a finite ratio. This gives
    `norm(x) ** 2` its Hessian 2 · identity at x = 0, where the rules alone would meet 0 / 0.
    """
    if not (isinstance(g, Value) and isinstance(out, Value)) or g.node is None or out.node is None:
        return None
    if np.all(out.array) and state.tracer is None:  # a replay may meet a norm of 0 that the traced run did not
        return None
    (slope,) = grad([g], [out], [Value.result_class(np.ones_like(g.array))], retain_graph=True, allow_unused=True)
    if slope is None:
        return None
    return slope * eq(wrap(Value.result_class, g.array), 0.0)


@primitive(name="norm_p")
def norm_p(x: Array, *, p: float, dim: Dims, keepdim: bool) -> Array:
    """(Σ |x|ᵖ)^(1/p) over `dim`."""
    total = sum_p.forward(as_array(np.absolute(widened(x)) ** p), dim=dim, keepdim=keepdim)
    return as_array(total ** (1.0 / p)).astype(x.dtype, copy=False)


def _norm_p_rule(g: Any, x: Any, out: Any, x_shape: Any, p: float, dim: Dims, keepdim: bool) -> Any:
    """g · sign(x) · (|x| / out)ᵖ⁻¹, and 0 where that has no finite limit; nan where the powers overflowed and the ratio is lost."""
    infinite = sum_p.bind(isinf(x), dim=dim, keepdim=keepdim)
    size, infinite = [spread.bind(y, shape=x_shape, dim=dim, keepdim=keepdim) for y in (out, infinite)]
    slope = power.bind(abs(x) / size, exponent=p - 1.0) * sign(x)
    flat = eq(x, 0.0) if p < 2 else eq(size, 0.0)
    return where_p(isinf(size) & eq(infinite, 0), math.nan, masked(spread.bind(g, shape=x_shape, dim=dim, keepdim=keepdim) * slope, flat))


not_zero = unary("not_zero", lambda x: (x != 0).astype(x.dtype), zero, "1 where x is not 0, else 0", kinks=(0.0,))

norm_2.vjp(x=_norm_2_rule)
norm_p.vjp(x=_norm_p_rule)


@primitive
def cosine(x: Array, y: Array, *, eps: float, dim: Dims) -> Array:
    """Σ x·y / (max(‖x‖₂, eps) · max(‖y‖₂, eps)) over `dim`, in which both have one size."""
    (least,) = numbers(x.dtype, eps)
    lengths = [np.maximum(norm_2.forward(z, dim=dim, keepdim=False), least) for z in (x, y)]
    products = narrowed(product_sum(widened(x), widened(y), dim, False), x.dtype)
    return products / (lengths[0] * lengths[1])


def _cosine_shares(g: Any, x: Any, y: Any, out: Any, eps: float, dim: Dims) -> Any:
    """g / (‖x‖ ‖y‖), with the lengths bounded; g · cos; and both lengths."""
    lengths = norm_2.bind(x, dim=dim, keepdim=True), norm_2.bind(y, dim=dim, keepdim=True)
    both = clamp_min_p(lengths[0], eps) * clamp_min_p(lengths[1], eps)
    g, out = reshape_p.bind(g, shape=tuple(both.shape)), reshape_p.bind(out, shape=tuple(both.shape))
    return g / both, g * out, *lengths


def _cosine_rule(x: Any, y: Any, across: Any, along: Any, length: Any, eps: float) -> Any:
    """g · y / (‖x‖ ‖y‖) - g · cos · x / ‖x‖²; the second part is that of ‖x‖, which does not count where it is less than eps."""
    return y * across - x * masked(along / square(length), lt(length, eps))


cosine.shares(parts=_cosine_shares)
cosine.vjp(
    x=lambda g, x, y, parts, eps: _cosine_rule(x, y, parts[0], parts[1], parts[2], eps),
    y=lambda g, x, y, parts, eps: _cosine_rule(y, x, parts[0], parts[1], parts[3], eps),
)


@primitive(name="unit")
def unit_p(x: Array, *, eps: float, dim: Dims) -> Array:
    """x / max(‖x‖₂, eps) over `dim`: vectors of length 1 in x's directions."""
    (least,) = numbers(x.dtype, eps)
    return as_array(x / np.maximum(norm_2.forward(x, dim=dim, keepdim=True), least))


def _unit_rule(g: Any, x: Any, out: Any, eps: float, dim: Dims) -> Any:
    """(g - out · Σ g·out) / ‖x‖; the length does not change where it is less than eps."""
    along = sum_p.bind(g * out, dim=dim, keepdim=True)
    length = norm_2.bind(x, dim=dim, keepdim=True)
    return (g - out * masked(along, lt(length, eps))) / clamp_min_p(length, eps)


unit_p.vjp(x=_unit_rule)

# ---- vectors -------------------------------------------------------------------------------------------------------------


def _vector_norm(x: Any, p: float, dim: Dims, keepdim: bool) -> Any:
    """The norm of order p over dims that have been read."""
    if p == 2:
        return norm_2.bind(x, dim=dim, keepdim=keepdim)
    if p == math.inf:
        return amax_p.bind(abs(x), dim=dim, keepdim=keepdim)
    if p == -math.inf:
        return amin_p.bind(abs(x), dim=dim, keepdim=keepdim)
    if p == 1:
        return sum_p.bind(abs(x), dim=dim, keepdim=keepdim)
    if p == 0:
        return sum_p.bind(not_zero(x), dim=dim, keepdim=keepdim)
    return norm_p.bind(x, p=float(p), dim=dim, keepdim=keepdim)


def _order(p: Any, what: str) -> float:
    if type(p) is float:
        return p
    if isinstance(p, Value) and p.node is None and not p.array.ndim:
        p = p.item()  # type: ignore[attr-defined]
    if isinstance(p, bool) or not isinstance(p, (int, float, np.number)):
        raise ArgumentTypeError(f"{what}: the order must be a number, got {type(p).__name__}: {p!r}")
    return float(p)


def float_input(x: Any, what: str) -> Any:
    """The input itself. Raises unless it is a float tensor."""
    rank(x, what)
    if array_of(x).dtype.kind != "f":
        raise DtypeError(f"{what}: needs a floating point tensor, got {x.dtype}; convert it first, for example with .float()")
    return x


def _input(x: Any, dtype: Any, what: str) -> Any:
    """The input as a float tensor, in the dtype asked for."""
    float_input(x, what)
    if dtype is None:
        return x
    wanted = as_dtype(dtype)
    if wanted.kind != "f":
        raise DtypeError(f"{what}: dtype must be a floating point dtype, got {wanted}")
    if wanted.itemsize < x.dtype.itemsize:
        raise DtypeError(f"{what}: dtype {wanted} would narrow the input, which is {x.dtype}; convert the result instead")
    return convert(x, wanted)


def _refuse_empty(x: Any, p: float, dim: Dims, what: str) -> None:
    """Orders below 0 and inf have no value for no elements."""
    if (p < 0 or p == math.inf) and 0 in x.shape and (dim is None or 0 in [x.shape[d] for d in dim]):
        raise ShapeError(f"{what}: the norm of order {p} of no elements is not defined\n  {tuple(x.shape)}, dims {dim}")


@numpy_names
def vector_norm(x: Tensor, ord: float = 2, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """(Σ |x|ᵖ)^(1/p) with p = ord, of all elements or over the dims; inf: the largest |x|, -inf: the smallest, 0: how many are not 0.

    >>> tg.linalg.vector_norm(tg.tensor([3.0, -4.0]))
    tensor(5.)
    >>> tg.linalg.vector_norm(tg.tensor([3.0, -4.0]), ord=tg.inf)
    tensor(4.)
    """
    return _vector_norm_of(x, ord, dim, keepdim, dtype)


def _vector_norm_of(x: Any, ord: Any, dim: Any, keepdim: bool, dtype: Any) -> Tensor:
    what = "linalg.vector_norm"
    x, p, dims = _input(x, dtype, what), _order(ord, what), read_dims(x, dim, what)
    _refuse_empty(x, p, dims, what)
    return _vector_norm(x, p, dims, keepdim)  # type: ignore[no-any-return]


# ---- matrices ------------------------------------------------------------------------------------------------------------


@numpy_names
def matrix_norm(A: Tensor, ord: Any = "fro", dim: Any = (-2, -1), keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """A norm of matrices over two dims: "fro" √Σ a², 1 and inf the largest sum of |a| of a column and of a row; -1, -inf the smallest;
    2 and -2 the largest and the smallest singular value, "nuc" the sum of all.

    >>> tg.linalg.matrix_norm(tg.tensor([[1.0, -2.0], [3.0, 4.0]]), ord=1)
    tensor(6.)
    """
    what = "linalg.matrix_norm"
    A = _input(A, dtype, what)
    if A.ndim < 2:
        raise ShapeError(f"{what}: needs at least 2 dims, got shape {tuple(A.shape)}; vector_norm takes fewer")
    if not isinstance(dim, Sequence) or len(dim) != 2:
        raise ArgumentError(f"{what}: dim must name two dims, got {dim!r}")
    row, column = normalize_dims(dim, A.ndim, what)
    if ord == "fro":
        return norm_2.bind(A, dim=read_dims(A, dim, what), keepdim=keepdim)
    if ord == "nuc" or (not isinstance(ord, str) and math.fabs(_order(ord, what)) == 2):
        return _spectral_norm(A, ord, row, column, keepdim, what)  # type: ignore[no-any-return]
    if isinstance(ord, str) or math.fabs(_order(ord, what)) not in (1, math.inf):
        raise ArgumentError(f'{what}: ord must be "fro", "nuc", 1, -1, 2, -2, inf or -inf, got {ord!r}')
    p = float(ord)
    added, chosen = (row, column) if math.fabs(p) == 1 else (column, row)
    sums = sum_p.bind(abs(A), dim=(added,), keepdim=True)
    return _extreme(ord, A.shape[chosen], what)(sums, dim=read_dims(A, (row, column), what), keepdim=keepdim)  # type: ignore[no-any-return]


def _extreme(ord: float, count: int, what: str) -> Any:
    """The reduction to the largest of so many sums or singular values if ord > 0, else to the smallest. Of none the largest is 0."""
    if not count and ord < 0:
        raise DimensionError(f"{what}: the norm of order {ord} of no rows or columns is not defined")
    return (amax_p if count else sum_p) if ord > 0 else amin_p


def _spectral_norm(A: Any, ord: Any, row: int, column: int, keepdim: bool, what: str) -> Any:  # noqa: N803
    """The sum ("nuc"), the largest (2) or the smallest (-2) of the singular values."""
    others = [d for d in range(A.ndim) if d not in (row, column)]
    values = singular_values(permute_p.bind(A, dims=(*others, row, column)), what)
    reduce = sum_p if ord == "nuc" else _extreme(ord, values.shape[-1], what)
    made = reduce(values, dim=read_dims(values, -1, what), keepdim=False)
    return reshape(made, [1 if d in (row, column) else size for d, size in enumerate(A.shape)]) if keepdim else made


def _dims_of(dim: Any, what: str) -> tuple[int, ...] | None:
    if dim is None or isinstance(dim, int):
        return None if dim is None else (dim,)
    dims = tuple(dim)
    if len(dims) not in (1, 2):
        raise ArgumentError(f"{what}: dim must name one dim for vectors or two for matrices, got {dim!r}")
    return dims


@numpy_names
def linalg_norm(input: Tensor, ord: Any = None, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """A norm of vectors if dim names one dim, of matrices if it names two; without `ord` the 2-norm of all elements named.

    >>> tg.linalg.norm(tg.tensor([[3.0, 4.0], [0.0, 5.0]]), dim=1)
    tensor([5., 5.])
    """
    what = "linalg.norm"
    if ord is None:
        return _vector_norm_of(input, 2, dim, keepdim, dtype)
    dims = _dims_of(dim, what)
    if dims is None:
        if rank(input, what) not in (1, 2):
            given = tuple(input.shape)
            raise ShapeError(f"{what}: with an order but no dim the input must have 1 or 2 dims, got shape {given}; say dim=...")
        dims = (0,) if input.ndim == 1 else (0, 1)
    if len(dims) == 2:
        return matrix_norm(input, ord, dims, keepdim, dtype=dtype)
    return _vector_norm_of(input, ord, dims, keepdim, dtype)


@numpy_names
def norm(input: Tensor, p: Any = "fro", dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """(Σ |x|ᵖ)^(1/p) of all elements or over the dims; "fro" and None mean 2. The gradient is 0 where the norm is 0.

    >>> x = tg.zeros(2, requires_grad=True)
    >>> tg.autograd.grad(tg.norm(x), x)
    (tensor([0., 0.]),)
    """
    if isinstance(p, str) and p == "nuc":
        return matrix_norm(input, "nuc", (-2, -1) if dim is None else dim, keepdim, dtype=dtype)
    if isinstance(p, str) and p != "fro":
        raise ArgumentError(f'norm: p must be a number or "fro", got {p!r}')
    x, order, dims = _input(input, None, "norm"), 2.0 if p in (None, "fro") else _order(p, "norm"), read_dims(input, dim, "norm")
    if dtype is not None:
        x = _input(convert(x, as_dtype(dtype)), None, "norm")
    _refuse_empty(x, order, dims, "norm")
    return _vector_norm(x, order, dims, keepdim)  # type: ignore[no-any-return]


# ---- a chain of products -------------------------------------------------------------------------------------------------


@typed_errors
def multi_dot(tensors: Sequence[Tensor]) -> Tensor:
    """The product of two or more matrices, in the order that needs the fewest multiplications; the first and last may be vectors.

    >>> tg.linalg.multi_dot([tg.ones(10, 100), tg.ones(100, 5), tg.ones(5)]).shape
    (10,)
    """
    what = "linalg.multi_dot"
    if len(tensors) < 2:
        raise ArgumentError(f"{what}: needs at least 2 tensors, got {len(tensors)}")
    for i, x in enumerate(tensors):
        if rank(x, what) != 2 and not (x.ndim == 1 and i in (0, len(tensors) - 1)):
            raise ShapeError(f"{what}: tensor {i} must have 2 dims (the first and last 1 or 2), got shape {tuple(x.shape)}")
    first, last = tensors[0], tensors[-1]
    chain = [reshape(first, (1, -1)) if first.ndim == 1 else first, *tensors[1:-1], reshape(last, (-1, 1)) if last.ndim == 1 else last]
    for x, y in zip(chain, chain[1:], strict=False):
        if x.shape[1] != y.shape[0]:
            raise ShapeError(
                f"{what}: the inner sizes differ: {x.shape[1]} and {y.shape[0]}\n  " + " @ ".join(str(z.shape) for z in tensors)
            )
    product = _chained(chain, _best_cuts([x.shape[0] for x in chain] + [chain[-1].shape[1]]), 0, len(chain) - 1)
    return reshape(product, first.shape[: first.ndim - 1] + last.shape[1:])


def _best_cuts(sizes: Sequence[int]) -> dict[tuple[int, int], int]:
    """For every part of a chain of matrices (sizes[i], sizes[i + 1]) the place of its last product. Godbole, 1973."""
    count = len(sizes) - 1
    cost: dict[tuple[int, int], int] = {(i, i): 0 for i in range(count)}
    cuts: dict[tuple[int, int], int] = {}
    for length in range(1, count):
        for i in range(count - length):
            j = i + length
            cost[i, j], cuts[i, j] = min((cost[i, k] + cost[k + 1, j] + sizes[i] * sizes[k + 1] * sizes[j + 1], k) for k in range(i, j))
    return cuts


def _chained(chain: Sequence[Any], cuts: dict[tuple[int, int], int], i: int, j: int) -> Any:
    if i == j:
        return chain[i]
    cut = cuts[i, j]
    return matmul(_chained(chain, cuts, i, cut), _chained(chain, cuts, cut + 1, j))


@numpy_names
def vecdot(x: Tensor, y: Tensor, *, dim: int = -1) -> Tensor:
    """Σ x · y over one dim of tensors that broadcast.

    >>> tg.linalg.vecdot(tg.tensor([[1, 2], [3, 4]]), tg.tensor([1, 10]))
    tensor([21, 43])
    """
    products = x * y
    return sum_p.bind(products, dim=read_dims(products, dim, "linalg.vecdot"), keepdim=False)
