"""Rows of a table by number: embedding, and embedding_bag, which adds them up, averages them or takes the largest.

Numbers that occur several times add up in the gradient of the table.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ..engine.mutation import Array
from ..engine.node import Value
from ..engine.primitive import primitive
from ..engine.refusal import typed_errors
from ..engine.state import no_grad
from ..engine.strong_zero import masked
from ..errors import ArgumentError, AssertedArgumentError, DtypeError, MissingModeError, ShapeError
from .arguments import shape_of
from .assign import assign
from .elementwise import clamp_min_p, eq, gt, ne, where_p
from .extremes import argmax_p, pick
from .gathering import LONG_OR_INT, gather
from .losses import check_tensors
from .norms import norm
from .pointwise import convert, cut
from .positions import in_range, index_embed, index_p, index_put_p, unheard
from .reduction import sum_p
from .shape import reshape

if TYPE_CHECKING:
    from ..tensor import Tensor

_MODES = ("sum", "mean", "max")


@primitive
def occurrences(x: Array) -> Array:
    """How often each number of x occurs in it; the same shape."""
    _, inverse, counts = np.unique(x, return_inverse=True, return_counts=True)
    return counts[inverse].reshape(x.shape)


@primitive
def with_scaled_gradient(x: Array, factor: Array) -> Array:
    """x itself, whose gradient is multiplied by the factor; (...), what broadcasts to (...)."""
    return x.copy()


occurrences.vjp(x=None)
with_scaled_gradient.vjp(x=lambda g, factor: g * convert(factor, g.dtype), factor=None)


def _check(what: str, input: Any, weight: Any) -> None:
    if not (isinstance(input, Value) and isinstance(weight, Value)):
        check_tensors(what, input=input, weight=weight)
    if len(shape_of(weight)) != 2:
        raise ShapeError(f"{what}: weight must be a table (rows, features), got shape {tuple(weight.shape)}")
    if input.dtype not in LONG_OR_INT:
        raise DtypeError(f"{what}: input must hold numbers of rows, int64 or int32, got {input.dtype}; convert it with .long()")


def _padding(what: str, padding_idx: int | None, rows: int) -> int | None:
    """The number of the padding row, counted from the front."""
    if padding_idx is None:
        return None
    if not -rows <= padding_idx < rows:
        raise AssertedArgumentError(f"{what}: padding_idx {padding_idx} is out of range for a table of {rows} rows")
    return padding_idx % rows


def _limit_norms(weight: Any, numbers: Any, max_norm: float, norm_type: float) -> None:
    """Shorten the rows with these numbers, in place, to the greatest norm allowed."""
    with no_grad():
        chosen = index_p.bind(weight, numbers, dims=(0,), repeated="add")
        length = norm(chosen, norm_type, -1, True)
        shorter = where_p(gt(length, max_norm), chosen * (max_norm / (length + 1e-7)), chosen)
        assign(weight, index_put_p.bind(weight, shorter, numbers, dims=(0,), repeated="last"), "embedding with max_norm")


def _rows(weight: Any, numbers: Any, padding: int | None, by_frequency: bool) -> Any:
    """The rows with these numbers; (r, k), (...) -> (..., k). That of the padding gets no gradient."""
    rows = index_p.bind(weight, numbers, dims=(0,), repeated="add")
    if by_frequency:
        rows = with_scaled_gradient(rows, 1.0 / convert(reshape(occurrences(numbers), (*numbers.shape, 1)), rows.dtype))
    if padding is not None:
        rows = where_p(reshape(eq(numbers, padding), (*numbers.shape, 1)), cut(rows), rows)
    return rows


@typed_errors
def embedding(
    input: Tensor,
    weight: Tensor,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    """The rows of the table that input numbers; integers (...), (rows, features) -> (..., features).

    The row `padding_idx` gets no gradient. `max_norm` first shortens longer rows, in place. `scale_grad_by_freq` divides each
    row's gradient by how often it occurs in input. `sparse` changes nothing here. Raises DimensionError for a number without row.

    >>> table = tg.tensor([[0.0, 0.0], [1.0, 10.0], [2.0, 20.0]])
    >>> tg.nn.functional.embedding(tg.tensor([2, 1]), table)
    tensor([[ 2., 20.],
            [ 1., 10.]])
    """
    _check("embedding", input, weight)
    size = shape_of(weight)[0]
    padding = _padding("embedding", padding_idx, size)
    numbers = unheard(in_range, input, weight, {"size": size, "what": "embedding"})
    if max_norm is not None:
        _limit_norms(weight, numbers, float(max_norm), norm_type)
    return _rows(weight, numbers, padding, scale_grad_by_freq)  # type: ignore[no-any-return]


# ---- embedding_bag -------------------------------------------------------------------------------------------------------


@primitive(fails=True)
def bag_numbers(offsets: Array, *, length: int) -> Array:
    """To which bag each of `length` entries belongs, where bag i starts at offsets[i]."""
    if len(offsets) and (offsets[0] != 0 or offsets[-1] > length or (np.diff(offsets) < 0).any()):
        raise ArgumentError(f"embedding_bag: offsets must start with 0, never fall, and not exceed the {length} entries, got {offsets}")
    return np.searchsorted(offsets, np.arange(length), side="right") - 1


@primitive
def bag_argmax(x: Array, bags: Array, *, count: int) -> Array:
    """For each bag and feature the row with the largest entry, the first of ties, -1 of an empty bag; (n, k), (n,) -> (count, k)."""
    out = np.full((count, x.shape[1]), -1)
    if not x.size:
        return out
    starts = np.flatnonzero(np.diff(bags, prepend=-1))
    best = np.repeat(np.maximum.reduceat(x, starts), np.diff(starts, append=len(bags)), axis=0)
    rows = np.where((x == best) | (x != x), np.arange(len(bags))[:, None], len(bags))
    out[bags[starts]] = np.minimum.reduceat(rows, starts)
    return out


bag_numbers.vjp(offsets=None)
bag_argmax.vjp(x=None, bags=None)


@typed_errors
def embedding_bag(
    input: Tensor,
    weight: Tensor,
    offsets: Tensor | None = None,
    max_norm: float | None = None,
    norm_type: float = 2,
    scale_grad_by_freq: bool = False,
    mode: str = "mean",
    sparse: bool = False,
    per_sample_weights: Tensor | None = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Tensor:
    """The sum, mean or maximum of the rows of each bag; integers (bags, entries), (rows, features) -> (bags, features).

    With `offsets`, input is (entries,) and bag i starts at offsets[i]. Entries equal to `padding_idx` do not count; an empty bag
    gives 0. `per_sample_weights` of input's shape multiply the rows of a sum.

    >>> table = tg.tensor([[0.0, 0.0], [1.0, 10.0], [2.0, 20.0]])
    >>> tg.nn.functional.embedding_bag(tg.tensor([[2, 1]]), table, mode="sum")
    tensor([[ 3., 30.]])
    """
    what = "embedding_bag"
    _check(what, input, weight)
    _check_bags(input, weight, offsets, mode, per_sample_weights, include_last_offset, scale_grad_by_freq)
    padding = _padding(what, padding_idx, weight.shape[0])
    numbers = in_range.bind(input, size=weight.shape[0], what=what)
    if max_norm is not None:
        _limit_norms(weight, numbers, float(max_norm), norm_type)
    rows = _rows(weight, numbers, None, scale_grad_by_freq)
    if per_sample_weights is not None:
        rows = rows * reshape(per_sample_weights, (*input.shape, 1))
    counted = None if padding is None else ne(numbers, padding)
    if offsets is None:
        return _of_rectangle(rows, counted, mode)  # type: ignore[no-any-return]
    count = offsets.shape[0] - bool(include_last_offset)
    bags = bag_numbers.bind(offsets[:count], length=input.shape[0])
    if mode == "max" and rows.shape[0]:
        return _largest_of_segments(rows, counted, bags, count)  # type: ignore[no-any-return]
    return _of_segments(rows, counted, bags, count, "sum" if mode == "max" else mode)  # type: ignore[no-any-return]


def _of_rectangle(rows: Any, counted: Any, mode: str) -> Any:
    """Bags of equal size, of which only some entries may count; (b, n, k), (b, n) -> (b, k)."""
    kept = None if counted is None else reshape(counted, (*counted.shape, 1))
    if mode == "max":
        return _largest(rows, kept)
    total = sum_p.bind(rows if kept is None else masked(rows, ~kept), dim=(1,), keepdim=False)
    if mode == "sum":
        return total
    if kept is None:
        return total / max(rows.shape[1], 1)
    return total / clamp_min_p(convert(sum_p.bind(kept, dim=(1,), keepdim=False), rows.dtype), 1.0)


def _largest(rows: Any, kept: Any) -> Any:
    """The largest entry of each bag and feature, the first of ties; 0 where there is none."""
    if rows.shape[1] == 0:
        return sum_p.bind(rows, dim=(1,), keepdim=False)
    shown = rows if kept is None else where_p(kept, rows, -math.inf)
    best = pick.bind(shown, argmax_p.bind(shown, dim=1, keepdim=False), dim=1, keepdim=False)
    return best if kept is None else masked(best, eq(sum_p.bind(kept, dim=(1,), keepdim=False), 0))


def _of_segments(rows: Any, counted: Any, bags: Any, count: int, mode: str) -> Any:
    """Sums or means of bags of any size; (n, k), (n,) -> (count, k)."""
    if counted is not None:
        rows = masked(rows, reshape(~counted, (-1, 1)))
    total = index_embed.bind(rows, bags, dims=(0,), shape=(count, rows.shape[1]), repeated="add")
    if mode == "sum":
        return total
    one_each = convert(bags >= 0 if counted is None else counted, rows.dtype)
    sizes = index_embed.bind(reshape(one_each, (-1, 1)), bags, dims=(0,), shape=(count, 1), repeated="add")
    return total / clamp_min_p(sizes, 1.0)


def _largest_of_segments(rows: Any, counted: Any, bags: Any, count: int) -> Any:
    """The largest entries of bags of any size, 0 of those without; (n, k), (n,) -> (count, k)."""
    shown = rows if counted is None else where_p(reshape(counted, (-1, 1)), rows, -math.inf)
    at = bag_argmax.bind(shown, bags, count=count)
    empty = at < 0
    best = gather(shown, 0, masked(at, empty))
    if counted is not None:
        empty = eq(index_embed.bind(reshape(convert(counted, np.int64), (-1, 1)), bags, dims=(0,), shape=(count, 1), repeated="add"), 0)
    return masked(best, empty)


def _check_bags(
    input: Any, weight: Any, offsets: Any, mode: str, per_sample_weights: Any, include_last_offset: bool, scale_grad_by_freq: bool
) -> None:
    what = "embedding_bag"
    if mode not in _MODES:
        raise ArgumentError(f'{what}: mode must be "sum", "mean" or "max", got {mode!r}')
    if input.ndim not in (1, 2):
        raise ShapeError(f"{what}: input must be (bags, entries), or (entries,) with offsets, got shape {tuple(input.shape)}")
    if input.ndim == 2 and offsets is not None:
        raise ArgumentError(f"{what}: an input of 2 dims is one bag per row and takes no offsets; flatten it to use them")
    if input.ndim == 1:
        if offsets is None:
            raise ArgumentError(f"{what}: an input of 1 dim needs offsets, the tensor of places where bags begin")
        check_tensors(what, offsets=offsets)
        if offsets.ndim != 1 or offsets.dtype.kind not in "iu" or (include_last_offset and not offsets.shape[0]):
            raise ArgumentError(f"{what}: offsets must be integers in 1 dim, got {offsets.dtype} {tuple(offsets.shape)}")
    if mode == "max" and scale_grad_by_freq:
        raise ArgumentError(f'{what}: mode "max" does not scale gradients by frequency; give scale_grad_by_freq=False')
    if per_sample_weights is not None:
        if mode != "sum":
            raise MissingModeError(f'{what}: per_sample_weights need mode "sum", got {mode!r}')
        if tuple(per_sample_weights.shape) != tuple(input.shape):
            shapes = f"{tuple(per_sample_weights.shape)} and {tuple(input.shape)}"
            raise ShapeError(f"{what}: per_sample_weights and input must have the same shape, got {shapes}")
        if per_sample_weights.dtype != weight.dtype:
            raise DtypeError(f"{what}: per_sample_weights are {per_sample_weights.dtype}, weight {weight.dtype}; convert with .to(dtype)")
