"""Scans: running sums and products along a dim, and `prod`, whose derivative is made of them.

Shapes: `(..., n, ...) -> (..., n, ...)`. Inside of this module `dim` has been read already: counted from the front, or None
for a tensor that has only one line of elements. Nothing is ever divided, so derivatives are exact also where elements are 0, to every
order.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from ..engine.mutation import Array
from ..engine.plain import filled
from ..engine.primitive import primitive
from ..engine.strong_zero import masked
from ..errors import ArgumentTypeError
from .arguments import numpy_names
from .elementwise import isfinite, ne
from .reduction import all_p, as_asked, in_rows, narrowed, read_dim, spread, widened

if TYPE_CHECKING:
    from ..tensor import Tensor

_INT64, _FLOAT64 = np.dtype(np.int64), np.dtype(np.float64)
_multiply: Any = np.multiply.reduce
_ROWS, _WIDTH = 32, 2048
_MANY = 128  # lines from which on one addition for all of them beats NumPy's accumulate, which takes them one by one


def _lines(x: Array, dim: int | None) -> Array:
    """A view of a contiguous x with the scanned dim first; None: all elements in one row."""
    return x.reshape(-1) if dim is None else x.swapaxes(0, dim)


def _towards(x: Array, dim: int | None, reverse: bool) -> Array:
    """A view of x with the scanned dim first, from the end if `reverse`."""
    lines = _lines(x, dim)
    return lines[::-1] if reverse else lines


def _accumulate(ufunc: np.ufunc, x: Array, dim: int | None, reverse: bool) -> Array:
    """Running results of a ufunc along dim; floats are carried in double precision, as rounding piles up along the way."""
    exact = x.dtype.kind == "f"
    out = x.astype(_FLOAT64 if exact else _INT64, "C")
    _run(ufunc, _towards(out, dim, reverse))
    return narrowed(out, x.dtype) if exact else out


def _run(ufunc: np.ufunc, steps: Array) -> None:
    """Running results of a ufunc along the first dim, in place."""
    if steps.size >= _MANY * len(steps):
        for before, step in pairwise(steps):
            ufunc(before, step, out=step)
    else:
        ufunc.accumulate(steps, 0, None, steps)


@primitive(name="cumsum")
def cumsum_p(x: Array, *, dim: int | None, reverse: bool) -> Array:
    """Running sum along `dim` (None: in row-major order), from the end if `reverse`."""
    return _accumulate(np.add, x, dim, reverse)


cumsum_p.vjp(x=lambda g, dim, reverse: cumsum_p.bind(g, dim=dim, reverse=not reverse))


def _cumprod_rule(g: Any, x: Any, out: Any, x_shape: Any, dim: int | None, reverse: bool) -> Any:
    """d/dxⱼ = Π(i<j) xᵢ · rⱼ, where rⱼ = gⱼ + xⱼ₊₁ · rⱼ₊₁ collects what comes after."""
    if (x_shape[dim] if dim is not None and x_shape else math.prod(x_shape)) == 1:
        return g
    step = -1 if reverse else 1
    before = shifted.bind(out, by=step, dim=dim, fill=1.0)
    after = recurrence.bind(shifted.bind(x, by=-step, dim=dim, fill=0.0), g, dim=dim, reverse=not reverse)
    return nan_where_divided.bind(before * after, x, dim=dim)


@primitive(name="cumprod")
def cumprod_p(x: Array, *, dim: int | None, reverse: bool) -> Array:
    """Running product along `dim` (None: in row-major order), from the end if `reverse`."""
    return _accumulate(np.multiply, x, dim, reverse)


cumprod_p.vjp(x=_cumprod_rule)


def _divided(x: Any, dim: int | None) -> Any:
    """Where x is inf or nan, on a line without 0."""
    return all_p.bind(ne(x, 0.0), dim=None if dim is None else (dim,), keepdim=True) & ~isfinite(x)


@primitive
def nan_where_divided(part: Array, x: Array, *, dim: int | None) -> Array:
    """The part, with nan where x is inf or nan on a line without 0. There PyTorch divides the product by x."""
    finite = np.isfinite(x)
    if not finite.size or finite.item(finite.argmin()):
        return part.copy()
    return _plain_nan_where_divided(part, x, dim=dim)


def _plain_nan_where_divided(part: Array, x: Array, *, dim: int | None) -> Array:
    return np.where(_divided(x, dim), x.dtype.type(math.nan), part)


nan_where_divided.plain = _plain_nan_where_divided
nan_where_divided.vjp(part=lambda g, x, dim: masked(g, _divided(x, dim)), x=None)


@primitive(name="shifted")
def shifted(x: Array, *, by: int, dim: int | None, fill: float) -> Array:
    """x moved by 1 or -1 places along `dim`, with `fill` where nothing came."""
    out = filled(x, x.shape, fill)
    source, target = _lines(x, dim), _lines(out, dim)
    if by > 0:
        target[by:] = source[:-by]
    else:
        target[:by] = source[-by:]
    return out


shifted.vjp(x=lambda g, by, dim: shifted.bind(g, by=-by, dim=dim, fill=0.0))


@primitive
def recurrence(x: Array, y: Array, *, dim: int | None, reverse: bool) -> Array:
    """The solution r of rⱼ = xⱼ · rⱼ₋₁ + yⱼ along `dim`, from the end if `reverse`; the first x plays no part."""
    out = filled(y, y.shape)
    r, x, y = (_towards(a, dim, reverse) for a in (out, x, y))
    if r.ndim == 1:
        r, x, y = r[:, None], x[:, None], y[:, None]  # so that also the elements of one row are arrays
    r[:1] = y[:1]
    for before, solved, factor, term in zip(r, r[1:], x[1:], y[1:], strict=False):
        np.multiply(factor, before, solved)
        np.add(solved, term, solved)
    return out


def _plain_recurrence(x: Array, y: Array, *, dim: int | None, reverse: bool) -> Array:
    out = filled(y, y.shape)
    r, x, y = _towards(out, dim, reverse), _towards(x, dim, reverse), _towards(y, dim, reverse)
    r[:1] = y[:1]
    for j in range(1, len(r)):
        r[j] = x[j] * r[j - 1] + y[j]
    return out


recurrence.plain = _plain_recurrence


def _recurrence_adjoint(g: Any, x: Any, dim: int | None, reverse: bool) -> Any:
    return recurrence.bind(shifted.bind(x, by=1 if reverse else -1, dim=dim, fill=0.0), g, dim=dim, reverse=not reverse)


recurrence.vjp(
    x=lambda g, x, out, dim, reverse: (
        _recurrence_adjoint(g, x, dim, reverse) * shifted.bind(out, by=-1 if reverse else 1, dim=dim, fill=0.0)
    ),
    y=_recurrence_adjoint,
)


def _prod_rule(g: Any, x: Any, x_shape: Any, dim: int | None, keepdim: bool) -> Any:
    return spread.bind(g, shape=x_shape, dim=None if dim is None else (dim,), keepdim=keepdim) * product_of_others.bind(x, dim=dim)


def _product_before(x: Array, dim: int | None, reverse: bool) -> Array:
    """The product of all elements that come before each on its line, or after it if `reverse`."""
    out = filled(x, x.shape, 1.0, np.float64)
    factors, steps = _towards(x, dim, reverse), _towards(out, dim, reverse)
    if len(steps) > 1:
        steps[1:] = factors[:-1]
        _run(np.multiply, steps[1:])
    return narrowed(out, x.dtype)


@primitive
def product_of_others(x: Array, *, dim: int | None) -> Array:
    """For each element the product of all others on its line: of those before it times those after it; see `nan_where_divided`."""
    others = _others_of_many(x) if dim is None and _are_many(x) else _others(x, dim)
    return nan_where_divided.forward(others, x, dim=dim)


def _others(x: Array, dim: int | None) -> Array:
    return _product_before(x, dim, False) * _product_before(x, dim, True)


def _others_of_many(x: Array) -> Array:
    """The same for one long line, laid in rows: those in the same column, times the product of the other columns; see `in_blocks`."""
    rows = filled(x, (_ROWS, -(-x.size // _ROWS)), 1.0)
    rows.reshape(-1)[: x.size] = x.reshape(-1)
    blocks = [slice(start, start + _WIDTH) for start in range(0, rows.shape[1], _WIDTH)]
    columns = np.concatenate([_multiply(rows[:, block].astype(_FLOAT64), axis=0) for block in blocks])
    factors = _others(columns, None)
    for block in blocks:
        rows[:, block] = _others(rows[:, block].astype(_FLOAT64), 0) * factors[block]
    return rows.reshape(-1)[: x.size].reshape(x.shape)


def _are_many(x: Array) -> bool:
    """Whether these are so many floats that NumPy multiplies them faster as rows by rows, 8 times for `prod`."""
    return x.size >= _WIDTH * _MANY and x.dtype.char in "fd" and x.flags.c_contiguous


def _plain_others(x: Array, *, dim: int | None) -> Array:
    before = shifted.forward(cumprod_p.forward(x, dim=dim, reverse=False), by=1, dim=dim, fill=1.0)
    after = shifted.forward(cumprod_p.forward(x, dim=dim, reverse=True), by=-1, dim=dim, fill=1.0)
    return _plain_nan_where_divided(before * after, x, dim=dim)


product_of_others.plain = _plain_others


def _others_rule(g: Any, x: Any, x_shape: Any, dim: int | None) -> Any:
    """By the rule of a product, from the products before and after, which are what `cumprod` gives, moved by one place."""
    g = masked(g, _divided(x, dim))
    before, after = cumprod_p.bind(x, dim=dim, reverse=False), cumprod_p.bind(x, dim=dim, reverse=True)
    of_before = shifted.bind(g * shifted.bind(after, by=-1, dim=dim, fill=1.0), by=-1, dim=dim, fill=0.0)
    of_after = shifted.bind(g * shifted.bind(before, by=1, dim=dim, fill=1.0), by=1, dim=dim, fill=0.0)
    return _cumprod_rule(of_before, x, before, x_shape, dim, False) + _cumprod_rule(of_after, x, after, x_shape, dim, True)


product_of_others.vjp(x=_others_rule)


@primitive(name="prod")
def prod_p(x: Array, *, dim: int | None, keepdim: bool) -> Array:
    """Product of the elements over `dim`; integers and bools multiply to int64."""
    if dim is None and not keepdim and _are_many(x):
        rows = x.reshape(-1)[: x.size - x.size % _WIDTH].reshape(-1, _WIDTH)
        return np.asarray(_multiply(_multiply(rows, axis=0)) * _multiply(x.reshape(-1)[rows.size :]))
    made = in_rows(_multiply(widened(x), dim, None if x.dtype.kind == "f" else _INT64, None, keepdim))
    return narrowed(made, x.dtype) if x.dtype.kind == "f" else made


prod_p.vjp(x=_prod_rule)


@numpy_names
def prod(input: Tensor, dim: int | None = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """Π x of all elements or along one dim; integers and bools give int64. Derivatives of any order are exact at 0.

    >>> x = tg.tensor([2.0, 0.0, 3.0], requires_grad=True)
    >>> tg.autograd.grad(tg.prod(x), x)
    (tensor([0., 6., 0.]),)
    """
    chosen = read_dim(input, dim, "prod")
    return as_asked(prod_p.bind(as_asked(input, dtype), dim=chosen, keepdim=keepdim), dtype)


@numpy_names
def cumsum(input: Tensor, dim: int, *, dtype: Any = None) -> Tensor:
    """yⱼ = Σ(i<=j) xᵢ along dim; integers and bools give int64.

    >>> tg.cumsum(tg.tensor([[1, 2], [3, 4]]), dim=0)
    tensor([[1, 2],
            [4, 6]])
    """
    chosen = _read_scan(input, dim, "cumsum")
    return as_asked(cumsum_p.bind(as_asked(input, dtype), dim=chosen, reverse=False), dtype)


@numpy_names
def cumprod(input: Tensor, dim: int, *, dtype: Any = None) -> Tensor:
    """yⱼ = Π(i<=j) xᵢ along dim; integers and bools give int64. Derivatives of any order are exact at 0.

    >>> x = tg.tensor([2.0, 0.0, 3.0], requires_grad=True)
    >>> tg.autograd.grad(tg.cumprod(x, 0)[2], x)
    (tensor([0., 6., 0.]),)
    """
    chosen = _read_scan(input, dim, "cumprod")
    return as_asked(cumprod_p.bind(as_asked(input, dtype), dim=chosen, reverse=False), dtype)


def _read_scan(input: Any, dim: Any, what: str) -> int | None:
    """The dim of a scan, which must be given."""
    if dim is None:
        raise ArgumentTypeError(f"{what}: needs a dim to run along; for all elements in order use .flatten() first")
    return read_dim(input, dim, what)
