"""Padding: more elements around the last dimensions, all equal or taken from the input; negative padding crops.

`pads` has a pair (before, after) for each of the last dimensions, in their order.
"""

from __future__ import annotations

import functools
import math
import operator
from typing import TYPE_CHECKING, Any

import numpy as np

from ..engine.mutation import Array
from ..engine.plain import filled, is_plain
from ..engine.primitive import primitive
from ..engine.refusal import typed_errors
from ..errors import ArgumentError, ArgumentTypeError, MissingModeError, MissingRankError, ShapeError
from .arguments import number, shape_of
from .tables import FEW, Table, adding, numbered, reading

if TYPE_CHECKING:
    from ..tensor import Tensor

Pads = tuple[tuple[int, int], ...]

# ---- the primitives ------------------------------------------------------------------------------------------------------


@functools.lru_cache(maxsize=256)
def _padded_shape(shape: tuple[int, ...], pads: Pads) -> tuple[int, ...]:
    kept = len(shape) - len(pads)
    return (*shape[:kept], *[n + low + high for n, (low, high) in zip(shape[kept:], pads, strict=True)])


@functools.lru_cache(maxsize=256)
def _inside(shape: tuple[int, ...], pads: Pads) -> tuple[tuple[int, ...], tuple[Any, ...], tuple[Any, ...] | None]:
    """The shape of the padded array, where in it the elements that remain stand, and where in the one of this shape; None: all remain."""
    sizes = shape[len(shape) - len(pads) :]
    padded = tuple([slice(max(low, 0), max(low, 0) + n + min(low, 0) + min(high, 0)) for n, (low, high) in zip(sizes, pads, strict=True)])
    given = tuple([slice(max(-low, 0), n + min(high, 0)) for n, (low, high) in zip(sizes, pads, strict=True)])
    whole = all(low >= 0 and high >= 0 for low, high in pads)
    return _padded_shape(shape, pads), (..., *padded), None if whole else (..., *given)


@primitive
def pad_constant(x: Array, *, pads: Pads, value: Any) -> Array:
    """x with `value` around it; where a number of `pads` is negative, without so many elements."""
    shape, padded, given = _inside(x.shape, pads)
    out = filled(x, shape, np.asarray(value).astype(x.dtype)[()] if value else 0)
    out[padded] = x if given is None else x[given]
    return out


@functools.lru_cache(maxsize=256)
def _undoing(pads: Pads) -> Pads:
    return tuple([(-low, -high) for low, high in pads])


pad_constant.vjp(x=lambda g, pads: pad_constant.bind(g, pads=_undoing(pads), value=0))


def _sources(size: int, low: int, high: int, mode: str) -> list[tuple[slice, slice]]:
    """The border before and the border after `size` elements, each with the elements of the padded array that it repeats."""
    end = low + size
    if mode == "replicate":
        before, after = slice(low, low + 1), slice(end - 1, end)
    elif mode == "circular":
        before, after = slice(end - low, end), slice(low, low + high)
    else:
        stop = end - 2 - high
        before, after = slice(2 * low, low, -1), slice(end - 2, stop if stop >= 0 else None, -1)
    borders = [(slice(0, low), before), (slice(end, end + high), after)]
    return [(target, source) for target, source in borders if target.stop > target.start]


def _at(item: slice, dim: int, count: int) -> tuple[Any, ...]:
    """An index that selects along dimension `dim` of the last `count` ones."""
    return (..., item, *[slice(None)] * (count - 1 - dim))


@primitive
def pad_edges(x: Array, *, pads: Pads, mode: str) -> Array:
    """x with borders taken from it: mirrored at its ends ("reflect"), the last element ("replicate"), or the other end ("circular")."""
    tables = None if is_plain(x) else _edges(x.shape, pads, mode)
    return _with_edges(x, pads, mode) if tables is None else tables[0].of(x)


def _with_edges(x: Array, pads: Pads, mode: str) -> Array:
    shape, inside, _ = _inside(x.shape, pads)
    out = filled(x, shape)
    out[inside] = x
    for border, source in _borders(x.shape[x.ndim - len(pads) :], pads, mode):
        out[border] = out[source]
    return out


@functools.lru_cache(maxsize=64)
def _edges(shape: tuple[int, ...], pads: Pads, mode: str) -> tuple[Table, Table] | None:
    """Of few elements: what `pad_edges` reads, and its transpose; None of many, or if one is read so often that the transpose is large."""
    size = math.prod(shape)
    if not 0 < size <= math.prod(_padded_shape(shape, pads)) <= FEW:
        return None
    places = _with_edges(numbered(shape), pads, mode)
    if size * np.bincount(places.ravel()).max() > 4 * FEW:
        return None
    return reading(places), adding(places, shape)


@functools.lru_cache(maxsize=256)
def _borders(sizes: tuple[int, ...], pads: Pads, mode: str) -> tuple[tuple[Any, Any], ...]:
    """Where the borders of a padded array lie and what each repeats, one dimension after the other."""
    inner = [slice(low, low + n) for n, (low, _) in zip(sizes, pads, strict=True)]
    pairs: list[tuple[Any, Any]] = []
    for dim, (n, (low, high)) in enumerate(zip(sizes, pads, strict=True)):
        before, after = [slice(None)] * dim, inner[dim + 1 :]  # later dimensions are still without borders
        pairs += [((..., *before, target, *after), (..., *before, source, *after)) for target, source in _sources(n, low, high, mode)]
    return tuple(pairs)


@primitive
def pad_edges_back(x: Array, *, pads: Pads, mode: str) -> Array:
    """The transpose of `pad_edges`: without the borders, which are added to the elements that they repeat."""
    shape = _padded_shape(x.shape, _undoing(pads))
    tables = None if is_plain(x) else _edges(shape, pads, mode)
    if tables is not None:
        return tables[1].of(x)
    x = x.copy()
    for dim in reversed(range(len(pads))):
        low, high = pads[dim]
        size = x.shape[x.ndim - len(pads) + dim] - low - high
        for target, source in _sources(size, low, high, mode):
            border = x[_at(target, dim, len(pads))]
            if mode == "replicate":
                border = np.add.reduce(border, axis=x.ndim - len(pads) + dim, keepdims=True)
            x[_at(source, dim, len(pads))] += border
        x = x[_at(slice(low, low + size), dim, len(pads))]
    return x if x.flags.c_contiguous else x.copy()


pad_edges.vjp(x=lambda g, pads, mode: pad_edges_back.bind(g, pads=pads, mode=mode))
pad_edges_back.vjp(x=lambda g, pads, mode: pad_edges.bind(g, pads=pads, mode=mode))

# ---- the function --------------------------------------------------------------------------------------------------------


def _integers(pad: Any) -> tuple[int, ...]:
    try:
        return tuple(map(operator.index, pad))
    except TypeError:
        raise ArgumentTypeError(f"pad: pad must be a sequence of integers, got {pad!r}") from None


@functools.lru_cache(maxsize=256)
def _pairs(shape: tuple[int, ...], numbers: tuple[int, ...]) -> Pads:
    """The numbers as PyTorch takes them, the last dimension's pair first, as pairs in the order of the dimensions."""
    if len(numbers) % 2:
        raise ArgumentError(f"pad: pad needs two numbers for each dimension, before and after, got {len(numbers)}: {numbers}")
    if len(numbers) > 2 * len(shape):
        raise ShapeError(f"pad: {len(numbers)} numbers for a tensor with {len(shape)} dims; give at most two for each")
    pads = tuple([(numbers[i], numbers[i + 1]) for i in range(len(numbers) - 2, -1, -2)])
    if min(_padded_shape(shape, pads), default=0) < 0:
        raise _crops_too_much(shape, pads)
    return pads


def _crops_too_much(shape: tuple[int, ...], pads: Pads) -> ShapeError:
    return ShapeError(f"pad: {pads} crops more than there is\n  input {shape}; these are the pairs of its last dimensions")


@typed_errors
def pad(input: Tensor, pad: Any, mode: str = "constant", value: float | None = None) -> Tensor:
    """More elements around the last dims; pad = (before, after) of the last dim, then of the one before it, and so on.

    mode "constant" fills with `value` (None: 0). "reflect" mirrors the input without repeating its end, "replicate" repeats the
    end, "circular" goes on at the other end; these take 1 to 3 dims of (n, c, ...) or (c, ...). Negative numbers crop.

    >>> tg.nn.functional.pad(tg.tensor([1, 2, 3]), (1, 2))
    tensor([0, 1, 2, 3, 0, 0])
    >>> tg.nn.functional.pad(tg.tensor([[1.0, 2.0, 3.0]]), (2, 0), mode="reflect")
    tensor([[3., 2., 1., 2., 3.]])
    """
    shape = shape_of(input, "pad")
    pads = _pairs(shape, _integers(pad))
    if mode not in ("constant", "reflect", "replicate", "circular"):
        raise MissingModeError(f'pad: mode must be "constant", "reflect", "replicate" or "circular", got {mode!r}')
    fill = 0 if value is None else number(value, "pad", "value")
    if mode == "constant":
        return pad_constant.bind(input, pads=pads, value=fill)
    if value is not None:
        raise ArgumentError(f'pad: mode "{mode}" takes no value, got {value!r}; only "constant" does')
    grown, cropped = _apart(shape, pads, mode)
    if not cropped:
        return pad_edges.bind(input, pads=grown, mode=mode)
    if mode == "circular":  # crops first, because what goes around is what was left
        return pad_edges.bind(pad_constant.bind(input, pads=cropped, value=0), pads=grown, mode=mode)
    return pad_constant.bind(pad_edges.bind(input, pads=grown, mode=mode), pads=cropped, value=0)


@functools.lru_cache(maxsize=256)
def _apart(shape: tuple[int, ...], pads: Pads, mode: str) -> tuple[Pads, Pads]:
    """What is added with elements of the input, and what is taken away, () if nothing is. Raises ShapeError for what cannot be."""
    n = len(pads)
    if len(shape) not in (n + 1, n + 2) or not 1 <= n <= 3:
        needed = f"for {2 * n} numbers an input of {n + 1} or {n + 2} dims" if 1 <= n <= 3 else "2, 4 or 6 numbers"
        given = tuple([number for pair in reversed(pads) for number in pair])
        raise MissingRankError(
            f'pad: mode "{mode}" pads the last dims of (c, ...) or (n, c, ...), so it needs {needed}, got {given}\n  input {shape}'
        )
    grown = tuple([(max(low, 0), max(high, 0)) for low, high in pads])
    cropped = tuple([(min(low, 0), min(high, 0)) for low, high in pads])
    crops = cropped != ((0, 0),) * n
    around = _padded_shape(shape, cropped) if mode == "circular" else shape
    if min(around) < 0:
        raise _crops_too_much(shape, cropped)
    for size, pair in zip(around[-n:], grown, strict=True):
        most = size - 1 if mode == "reflect" else size if mode == "circular" else max(pair) if size else 0
        if max(pair) > most or (size == 0 and not crops):
            raise ShapeError(
                f'pad: mode "{mode}" can add at most {most} elements to a dimension of size {size}, asked for {pair}\n  input {around}'
            )
    return grown, cropped if crops else ()
