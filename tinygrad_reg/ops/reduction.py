"""Reductions: sums, means, all and any, variances, logsumexp; and what other reductions share with them.

Shapes: `(..., n, ...) -> (..., ...)` over the dims named, or `(..., 1, ...)` with `keepdim`.
Inside of this module `dim` has been read already: None for all dims, else a sorted tuple of some of them.
"""

from __future__ import annotations

import functools
import math
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from ..dtypes import as_dtype
from ..engine.broadcasting import column_sums
from ..engine.mutation import Array
from ..engine.node import Value
from ..engine.plain import is_plain, is_stand_in, room
from ..engine.primitive import primitive
from ..engine.promotion import float_type
from ..engine.refusal import no_tensor
from ..engine.selection import choose, zero_of
from ..engine.strong_zero import masked
from ..errors import ArgumentTypeError, DtypeError
from .arguments import names_none, normalize_dim, normalize_dims, number, numpy_names, shape_of
from .elementwise import eq, exp, isnan, logical_not, ne
from .pointwise import as_array, convert

if TYPE_CHECKING:
    from ..tensor import Tensor

Dims = tuple[int, ...] | None
_INT64, _FLOAT32 = np.dtype(np.int64), np.dtype(np.float32)
_ndarray = np.ndarray
_add_up: Any = np.add.reduce
_largest: Any = np.maximum.reduce
_SEVERAL = 256  # elements that are not worth the look at how to add them up
_CHUNK = 1024  # terms that BLAS adds up one after the other; beyond, float32 would lose digits


# ---- reading arguments ---------------------------------------------------------------------------------------------


def _ndim(input: Any, what: str) -> int:
    try:
        ndim: int = input.ndim
    except AttributeError:
        raise no_tensor(f"{what}: expected a tensor", input) from None
    return ndim


def read_dims(input: Any, dim: Any, what: str) -> Dims:
    """`dim` as a sorted tuple of numbers from 0 on; None stands for all dims, however they were given."""
    ndim = input.array.ndim if isinstance(input, Value) else _ndim(input, what)
    if dim is None:
        return None
    if type(dim) is int and -ndim <= dim < ndim:
        return (dim % ndim,) if ndim > 1 else None
    dims = tuple(sorted(normalize_dims(dim, ndim, what)))
    return dims if 0 < len(dims) < ndim else None


def read_dim(input: Any, dim: Any, what: str) -> int | None:
    """One dim as a number from 0 on; None for a tensor that has only one line of elements, or if None was given."""
    ndim = _ndim(input, what)
    if dim is None:
        return None
    chosen = normalize_dim(dim, ndim, what)
    return chosen if ndim > 1 else None


def _check_float(dtype: Any, what: str) -> None:
    if dtype.kind != "f":
        raise DtypeError(f"{what}: needs a floating point tensor, got {dtype}; convert it first, for example with .float()")


def as_asked(input: Any, dtype: Any) -> Tensor:
    """The input in the dtype asked for, if one was. Before and after a sum, because small integers add up to int64."""
    converted: Tensor = input if dtype is None else convert(input, as_dtype(dtype))
    return converted


# ---- sums and means ------------------------------------------------------------------------------------------------


@functools.lru_cache(maxsize=256)
def _count(shape: tuple[int, ...], dim: Dims) -> int:
    """How many elements go into one result."""
    return math.prod(shape) if dim is None else math.prod([shape[d] for d in dim])


def widened(x: Array) -> Array:
    """x, as float32 if it is float16: half precision is for storage, not for adding up."""
    return x.astype(_FLOAT32) if x.dtype.char == "e" else x


def narrowed(x: Array, dtype: np.dtype[Any]) -> Array:
    """x in the dtype that it had before `widened`; most often it has it, and NumPy takes longer to see that than to add."""
    return x if x.dtype is dtype else x.astype(dtype)


def _sum(x: Array, dim: Dims, keepdim: bool) -> Array:
    """The sum, by the fastest of NumPy's and BLAS's ways that is also accurate."""
    char = x.dtype.char
    if char == "d" or char == "f" or char == "D":  # D: the complex step that gradients are checked with
        if dim is not None and x.size >= _SEVERAL and x.flags.c_contiguous and not is_plain(x):
            product = _with_ones(x.shape, dim, keepdim, char)
            if product is not None:
                matrix, left, right, shape = product
                lines = x if matrix == x.shape else x.reshape(matrix)
                total = lines.dot(right) if right is not None else np.dot(left, lines) if left is not None else column_sums(lines)
                return total if total.shape == shape else total.reshape(shape)
        out = _add_up(x, dim, None, None, keepdim)
    elif char == "e":
        out = _add_up(x, dim, _FLOAT32, None, keepdim).astype(x.dtype)
    else:
        out = _add_up(x, dim, _INT64, None, keepdim)
    return out if dim is None else in_rows(out)


def product_sum(x: Array, y: Array, dim: Dims, keepdim: bool) -> Array:
    """Σ x·y over the dims, in which both have one size, without an array of products where these are all dims or the last one."""
    if is_plain(x):
        return _sum(x * y, dim, keepdim)
    if dim is None and not keepdim and x.flags.c_contiguous and (x is y or y.flags.c_contiguous):
        left = x.reshape(-1)
        right = left if x is y else y.reshape(-1)
        if x.size <= _CHUNK:
            return left.dot(right)
        whole = x.size - x.size % _CHUNK
        parts = np.vecdot(left[:whole].reshape(-1, _CHUNK), right[:whole].reshape(-1, _CHUNK))
        return _add_up(parts) + left[whole:].dot(right[whole:])
    if dim == (x.ndim - 1,) and x.shape[-1] <= _CHUNK:
        total = np.vecdot(x, y)
        return total[..., None] if keepdim else total
    return _sum(x * y, dim, keepdim)


def in_rows(x: Array) -> Array:
    """x in row-major order, as PyTorch gives what it reduced, so that it can be viewed: NumPy keeps the order of the argument's dims."""
    return x if x.flags.c_contiguous else x.copy()


@functools.lru_cache(maxsize=128)
def _with_ones(
    shape: tuple[int, ...], dim: tuple[int, ...], keepdim: bool, char: str
) -> tuple[tuple[int, ...], Any, Any, tuple[int, ...]] | None:
    """How to sum over the first or the last dims as a product with ones, 2 to 20 times faster than np.add.reduce.

    The shape of the matrix, the ones on its left, those on its right (neither: it is one for `column_sums`), and the result's shape.
    None where NumPy must add.
    """
    size, result = _count(shape, dim), reduced_shape(shape, dim, keepdim)
    lines, few = math.prod(result), size <= _CHUNK
    if size > 1 and few and dim[0] == len(shape) - len(dim):
        return (lines, size), None, np.ones((size, 1) if keepdim else size, char), result
    if size > 1 and dim[-1] == len(dim) - 1:
        return (size, lines), np.ones((1, size) if keepdim else size, char) if few else None, None, result
    return None


@functools.lru_cache(maxsize=256)
def reduced_shape(shape: tuple[int, ...], dim: Dims, keepdim: bool) -> tuple[int, ...]:
    gone = range(len(shape)) if dim is None else dim
    return tuple([1 if i in gone else n for i, n in enumerate(shape) if keepdim or i not in gone])


@primitive(view=True)
def spread(x: Array, *, shape: tuple[int, ...], dim: Dims, keepdim: bool) -> Array:
    """What a sum over `dim` of a tensor of this shape gave, repeated for all its elements: the transpose of `sum`."""
    if dim is not None and not keepdim:
        x = x.reshape(reduced_shape(shape, dim, True))
    if math.prod(shape) > _CHUNK:
        return np.broadcast_to(x, shape)
    out = room(x, shape)  # of few elements a copy is made faster than a view
    out[...] = x
    return out


@primitive(name="sum")
def sum_p(x: Array, *, dim: Dims, keepdim: bool) -> Array:
    """Sum of the elements over `dim`; integers and bools add up to int64."""
    return _sum(x, dim, keepdim)


spread.plain = lambda x, *, shape, dim, keepdim: np.broadcast_to(
    x if dim is None or keepdim else x.reshape(reduced_shape(shape, dim, True)), shape
)
spread.vjp(x=lambda g, dim, keepdim: sum_p.bind(g, dim=dim, keepdim=keepdim))
sum_p.vjp(x=lambda g, x_shape, dim, keepdim: spread.bind(g, shape=x_shape, dim=dim, keepdim=keepdim))


@numpy_names
def sum(input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """Σ x over the dims; integers and bools add up to int64. `dtype` converts first. The sum of no elements is 0.

    >>> tg.sum(tg.tensor([[1, 2], [3, 4]]), dim=0)
    tensor([4, 6])
    >>> tg.sum(tg.tensor([True, True]))
    tensor(2)
    """
    if dtype is None:
        return sum_p.bind(input, dim=read_dims(input, dim, "sum"), keepdim=keepdim)
    return as_asked(sum_p.bind(as_asked(input, dtype), dim=read_dims(input, dim, "sum"), keepdim=keepdim), dtype)


def _mean(x: Array, dim: Dims, keepdim: bool) -> Array:
    count = x.size if dim is None else _count(x.shape, dim)
    if x.dtype.char == "e":
        return (_sum(widened(x), dim, keepdim) / count).astype(x.dtype)
    return _sum(x, dim, keepdim) / count


@primitive(name="mean")
def mean_p(x: Array, *, dim: Dims, keepdim: bool) -> Array:
    """Arithmetic mean of the elements over `dim`."""
    return _mean(x, dim, keepdim)


mean_p.vjp(x=lambda g, x_shape, dim, keepdim: spread.bind(g / _count(x_shape, dim), shape=x_shape, dim=dim, keepdim=keepdim))


@numpy_names
def mean(input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """Σ x / n over the dims; nan for no elements. Raises DtypeError unless input or `dtype` is a float dtype.

    >>> tg.mean(tg.tensor([[1.0, 2.0], [3.0, 6.0]]), dim=0)
    tensor([2., 4.])
    """
    dims = read_dims(input, dim, "mean")
    input = as_asked(input, dtype)
    _check_float(input.dtype, "mean")
    return mean_p.bind(input, dim=dims, keepdim=keepdim)


@numpy_names
def nansum(input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """The sum of the elements that are not nan; the others get gradient 0.

    >>> tg.nansum(tg.tensor([1.0, tg.nan, 3.0]))
    tensor(4.)
    """
    dims = read_dims(input, dim, "nansum")
    return as_asked(sum_p.bind(as_asked(_without_nan(input), dtype), dim=dims, keepdim=keepdim), dtype)


@numpy_names
def nanmean(input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """The mean of the elements that are not nan; nan where there are none.

    >>> tg.nanmean(tg.tensor([1.0, tg.nan, 3.0]))
    tensor(2.)
    """
    dims = read_dims(input, dim, "nanmean")
    _check_float(input.dtype, "nanmean")
    input = as_asked(input, dtype)
    _check_float(input.dtype, "nanmean")
    count = sum_p.bind(logical_not(isnan(input)), dim=dims, keepdim=keepdim)
    return sum_p.bind(_without_nan(input), dim=dims, keepdim=keepdim) / convert(count, input.dtype)


def _without_nan(input: Any) -> Any:
    return masked(input, isnan(input)) if input.dtype.kind == "f" else input


@numpy_names
def count_nonzero(input: Tensor, dim: Any = None) -> Tensor:
    """How many elements are not 0 over the dims, as int64.

    >>> tg.count_nonzero(tg.tensor([0, 5, 7]))
    tensor(2)
    """
    return sum_p.bind(ne(input, 0), dim=read_dims(input, dim, "count_nonzero"), keepdim=False)


# ---- logic ---------------------------------------------------------------------------------------------------------


def _logical(ufunc: np.ufunc, x: Array, dim: Dims, keepdim: bool) -> Array:
    """`ufunc` over the dims as bool; as uint8 if x is uint8, by PyTorch's tradition.

    Of all elements in a row NumPy finds the place of the largest or smallest in a quarter of the time.
    """
    if dim is None and not keepdim and x.dtype.char == "?" and x.size and x.flags.c_contiguous and not is_stand_in(x):
        flat = x.reshape(-1)
        return flat[flat.argmin() if ufunc is np.logical_and else flat.argmax()]
    found = in_rows(ufunc.reduce(x, axis=dim, keepdims=keepdim))
    return found.astype(x.dtype) if x.dtype.char == "B" else found


@primitive(name="all")
def all_p(x: Array, *, dim: Dims, keepdim: bool) -> Array:
    """Whether all elements over `dim` are nonzero."""
    return _logical(np.logical_and, x, dim, keepdim)


all_p.vjp(x=None)


@primitive(name="any")
def any_p(x: Array, *, dim: Dims, keepdim: bool) -> Array:
    """Whether any element over `dim` is nonzero."""
    return _logical(np.logical_or, x, dim, keepdim)


any_p.vjp(x=None)


@numpy_names
def all(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """Whether all elements over the dims are nonzero, as bool (uint8 of uint8); true for no elements; dim=() tests each alone.

    >>> tg.all(tg.tensor([[1, 0], [2, 3]]), dim=1)
    tensor([False,  True])
    """
    dims = read_dims(input, dim, "all")
    return ne(input, 0) if dim is not None and names_none(dim) else all_p.bind(input, dim=dims, keepdim=keepdim)


@numpy_names
def any(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """Whether any element over the dims is nonzero, as bool (uint8 of uint8); false for no elements; dim=() tests each alone.

    >>> tg.any(tg.tensor([[1, 0], [0, 0]]), dim=1)
    tensor([ True, False])
    """
    dims = read_dims(input, dim, "any")
    return ne(input, 0) if dim is not None and names_none(dim) else any_p.bind(input, dim=dims, keepdim=keepdim)


# ---- variance ------------------------------------------------------------------------------------------------------


@functools.lru_cache(maxsize=256)
def _freedom(shape: tuple[int, ...], dim: Dims, correction: float) -> float:
    """What the sum of squares is divided by; 0, which gives inf or nan, when more is taken off than there is."""
    return max(_count(shape, dim) - correction, 0)


def _var(x: Array, dim: Dims, keepdim: bool, correction: float) -> Array:
    """Σ (x - mean)² / (n - correction), widened, in two passes, which is exact where Σ x² - n · mean² cancels."""
    wide = widened(x)
    deviation = as_array(wide - _mean(wide, dim, dim is not None))
    return product_sum(deviation, deviation, dim, keepdim) / _freedom(x.shape, dim, correction)


def _rows_of(out: Array, x: Array, dim: Dims) -> Array:
    """A result over `dim` in the dtype of x, and in rows."""
    out = narrowed(out, x.dtype)
    return out if dim is None else in_rows(out)


def _var_rule(g: Any, x: Any, x_shape: Any, dim: Dims, keepdim: bool, correction: float) -> Any:
    slope = g * 2.0 / _freedom(x_shape, dim, correction)
    return spread.bind(slope, shape=x_shape, dim=dim, keepdim=keepdim) * (x - mean_p.bind(x, dim=dim, keepdim=True))


def _std_rule(g: Any, x: Any, out: Any, x_shape: Any, dim: Dims, keepdim: bool, correction: float) -> Any:
    of_var = masked(g / (out * 2.0), eq(out, 0.0))  # the subgradient 0 for equal elements
    return _var_rule(of_var, x, x_shape, dim, keepdim, correction)


@primitive(name="var")
def var_p(x: Array, *, dim: Dims, keepdim: bool, correction: float) -> Array:
    """Variance over `dim`."""
    return _rows_of(_var(x, dim, keepdim, correction), x, dim)


var_p.vjp(x=_var_rule)


@primitive(name="std")
def std_p(x: Array, *, dim: Dims, keepdim: bool, correction: float) -> Array:
    """Standard deviation over `dim`."""
    return _rows_of(np.sqrt(_var(x, dim, keepdim, correction)), x, dim)


std_p.vjp(x=_std_rule)


def _read_moments(input: Any, dim: Any, unbiased: Any, correction: Any, what: str) -> tuple[Dims, float]:
    """dims and correction from PyTorch's two ways to call: `var(x, dim, correction=1)` and `var(x[, dim], unbiased)`."""
    if isinstance(dim, bool) and unbiased is None:
        dim, unbiased = None, dim
    if unbiased is not None and (correction is not None or not isinstance(unbiased, bool)):
        raise ArgumentTypeError(
            f"{what}: got unbiased={unbiased!r} and correction={correction!r}; say correction=1 (which divides by n - 1) or "
            "correction=0, or unbiased=True or False, not both"
        )
    chosen = number(correction, what, "correction") if correction is not None else 1 if unbiased is None else int(unbiased)
    dims = read_dims(input, dim, what)
    _check_float(input.dtype, what)
    shape = shape_of(input)
    if 0 in shape or _count(shape, dims) <= chosen:
        warnings.warn(f"{what}: degrees of freedom is <= 0; correction should be less than the number of elements reduced", stacklevel=4)
    return dims, chosen


@numpy_names
def var(input: Tensor, dim: Any = None, unbiased: Any = None, keepdim: bool = False, *, correction: float | None = None) -> Tensor:
    """Σ (x - mean)² / (n - correction) over the dims; correction is 1 unless given, `unbiased=False` means 0.

    >>> tg.var(tg.tensor([1.0, 3.0]))
    tensor(2.)
    >>> tg.var(tg.tensor([1.0, 3.0]), correction=0)
    tensor(1.)
    """
    dims, chosen = _read_moments(input, dim, unbiased, correction, "var")
    return var_p.bind(input, dim=dims, keepdim=keepdim, correction=chosen)


@numpy_names
def std(input: Tensor, dim: Any = None, unbiased: Any = None, keepdim: bool = False, *, correction: float | None = None) -> Tensor:
    """√var over the dims; the gradient is 0 where all elements are equal.

    >>> tg.std(tg.tensor([1.0, 3.0]), correction=0)
    tensor(1.)
    """
    dims, chosen = _read_moments(input, dim, unbiased, correction, "std")
    return std_p.bind(input, dim=dims, keepdim=keepdim, correction=chosen)


@numpy_names
def var_mean(
    input: Tensor, dim: Any = None, unbiased: Any = None, keepdim: bool = False, *, correction: float | None = None
) -> tuple[Tensor, Tensor]:
    """Both `var` and `mean`.

    >>> tg.var_mean(tg.tensor([1.0, 3.0]))
    (tensor(2.), tensor(2.))
    """
    dims, chosen = _read_moments(input, dim, unbiased, correction, "var_mean")
    return var_p.bind(input, dim=dims, keepdim=keepdim, correction=chosen), mean_p.bind(input, dim=dims, keepdim=keepdim)


@numpy_names
def std_mean(
    input: Tensor, dim: Any = None, unbiased: Any = None, keepdim: bool = False, *, correction: float | None = None
) -> tuple[Tensor, Tensor]:
    """Both `std` and `mean`.

    >>> tg.std_mean(tg.tensor([1.0, 3.0]), correction=0)
    (tensor(1.), tensor(2.))
    """
    dims, chosen = _read_moments(input, dim, unbiased, correction, "std_mean")
    return std_p.bind(input, dim=dims, keepdim=keepdim, correction=chosen), mean_p.bind(input, dim=dims, keepdim=keepdim)


# ---- logsumexp -----------------------------------------------------------------------------------------------------


def _logsumexp_rule(g: Any, x: Any, out: Any, x_shape: Any, dim: Dims, keepdim: bool) -> Any:
    finite = masked(out, eq(out, -math.inf))  # else all -inf would give exp(-inf + inf) = nan, and not 0
    weights = exp(x - spread.bind(finite, shape=x_shape, dim=dim, keepdim=keepdim))
    return spread.bind(g, shape=x_shape, dim=dim, keepdim=keepdim) * weights


@primitive(name="logsumexp")
def logsumexp_p(x: Array, *, dim: Dims, keepdim: bool) -> Array:
    """log Σ eˣ over `dim`, the largest element taken out of the exponent."""
    wide = widened(x)
    top = _largest(wide, dim, None, None, True, -math.inf)
    top = choose(np.isfinite(top), top, zero_of(wide.dtype))
    weights = as_array(wide - top)
    np.exp(weights, weights)
    total = np.log(_sum(weights, dim, True)) + top
    return in_rows(narrowed(total.reshape(reduced_shape(x.shape, dim, keepdim)), x.dtype))


logsumexp_p.vjp(x=_logsumexp_rule)


@numpy_names
def logsumexp(input: Tensor, dim: Any, keepdim: bool = False) -> Tensor:
    """log Σ eˣ over the dims without overflow; -inf for no elements. Elements that are all -inf get gradient 0.

    >>> tg.logsumexp(tg.tensor([100.0, 100.0]), dim=0)
    tensor(100.6931)
    """
    dims = read_dims(input, dim, "logsumexp")
    return logsumexp_p.bind(convert(input, float_type(input.dtype)), dim=dims, keepdim=keepdim)
