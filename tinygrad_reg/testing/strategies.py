"""Hypothesis strategies for what functions of tensors take: shapes, shapes that broadcast, tensors, indices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st

from ..creation import tensor
from ..dtypes import as_dtype
from ..errors import ArgumentError
from ..ops.arguments import read_shape
from ..tensor import Tensor

Shape = tuple[int, ...]

LAYOUTS = ("contiguous", "transposed", "strided", "expanded")
SPECIAL = (0.0, -0.0, 1.0, -1.0, float("inf"), float("-inf"), float("nan"))  # and, by dtype, a subnormal and a huge number


def shapes(min_dims: int = 0, max_dims: int = 3, min_side: int = 1, max_side: int = 4) -> st.SearchStrategy[Shape]:
    """Shapes; `min_side=0` allows empty dimensions.

    >>> from hypothesis import find
    >>> find(tg.testing.shapes(), lambda shape: len(shape) == 2)
    (1, 1)
    """
    return st.lists(st.integers(min_side, max_side), min_size=min_dims, max_size=max_dims).map(tuple)


@st.composite
def broadcastable(
    draw: st.DrawFn, n: int = 2, *, min_dims: int = 0, max_dims: int = 3, min_side: int = 1, max_side: int = 4
) -> tuple[list[Shape], Shape]:
    """n shapes that broadcast together, and the shape of the result: leading dimensions are left away, sizes become 1.

    The bounds are those of the result.

    >>> from hypothesis import find
    >>> find(tg.testing.broadcastable(2), lambda drawn: len(drawn[1]) == 1)
    ([(1,), (1,)], (1,))
    """
    result = draw(shapes(min_dims, max_dims, min_side, max_side))
    holders = [draw(st.integers(0, n - 1)) for _ in result] if n else []  # of each dimension, who has it in full
    drawn: list[Shape] = []
    for i in range(n):
        held = [d for d, holder in enumerate(holders) if holder == i]
        first = draw(st.integers(0, min(held, default=len(result))))
        drawn.append(tuple([size if d in held or not draw(st.booleans()) else 1 for d, size in enumerate(result)][first:]))
    return drawn, np.broadcast_shapes(*drawn)


@st.composite
def tensors(
    draw: st.DrawFn,
    shape: Sequence[int] | int | st.SearchStrategy[Shape] | None = None,
    *,
    dtype: Any = "float64",
    low: float = -3.0,
    high: float = 3.0,
    special: bool = False,
    ties: bool = False,
    requires_grad: bool = False,
    layouts: str | Sequence[str] = ("contiguous",),
) -> Tensor:
    """Tensors of numbers in [low, high], for integers whole ones; of the part of it that the dtype has.

    `special` puts in 0, -0, inf, nan, a subnormal and a huge number of the dtype; `ties` rounds to halves, so that elements repeat.
    `layouts` are the ways to lie in memory to choose from: "contiguous", "transposed", "strided", "expanded". Shrinks towards small
    shapes; the numbers come from one drawn seed.

    >>> from hypothesis import find
    >>> find(tg.testing.tensors((2,)), lambda x: True).shape
    (2,)
    """
    layouts = (layouts,) if isinstance(layouts, str) else layouts
    for layout in layouts:
        if layout not in LAYOUTS:
            raise ArgumentError(f"tensors: layout must be one of {', '.join(LAYOUTS)}, got {layout!r}")
    if not -np.inf < low <= high < np.inf:
        raise ArgumentError(f"tensors: low and high must be finite numbers, low not above high; got low={low!r} and high={high!r}")
    kind = as_dtype(dtype)
    if requires_grad and kind.kind != "f":
        raise ArgumentError(f"tensors: requires_grad=True needs a float dtype, got {kind}")
    strategy = shapes() if shape is None else shape
    size = draw(strategy) if isinstance(strategy, st.SearchStrategy) else read_shape((strategy,), None, "tensors")
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    array = _numbers(rng, size, kind, low, high, special, ties)
    made: Tensor = _laid_out(tensor(array), draw(st.sampled_from(list(layouts))))
    return made.requires_grad_() if requires_grad else made


def _numbers(rng: np.random.Generator, shape: Shape, dtype: Any, low: float, high: float, special: bool, ties: bool) -> Any:
    if dtype.kind == "b":
        return rng.random(shape) < 0.5
    info: Any = np.iinfo(dtype) if dtype.kind in "iu" else np.finfo(dtype)
    low, high = max(low, float(info.min)), min(high, float(info.max))
    if dtype.kind in "iu":
        first, last = int(np.ceil(low)), int(np.floor(high))
        if first > last:
            raise ArgumentError(f"tensors: there is no {dtype} between low={low!r} and high={high!r}")
        return rng.integers(first, min(last, int(info.max)), shape, dtype, endpoint=True)
    array = np.asarray(2.0 * rng.uniform(low / 2.0, high / 2.0, shape))
    if ties:
        array = np.clip(np.round(array * 2.0) / 2.0, low, high)
    array = array.astype(dtype)
    array = np.where(array.astype(np.float64) > high, np.nextafter(array, dtype.type(-np.inf)), array)  # rounding has led out
    array = np.where(array.astype(np.float64) < low, np.nextafter(array, dtype.type(np.inf)), array)
    if special:
        chosen = np.array([*SPECIAL, float(info.smallest_normal) / 4.0, float(info.max) / 4.0], dtype)
        array = np.where(rng.random(shape) < 0.3, rng.choice(chosen, shape), array)
    return array


def _laid_out(x: Tensor, layout: str) -> Tensor:
    """The same values, lying in memory in another way."""
    if layout == "transposed" and x.ndim >= 2:
        return x.mT.contiguous().mT
    if layout == "strided" and x.ndim:
        twice = tensor(np.repeat(x.array, 2, axis=-1))
        return twice[..., ::2]
    if layout == "expanded" and x.ndim and x.shape[0] > 1:
        return x[:1].expand(x.shape)
    return x


@st.composite
def indices(draw: st.DrawFn, shape: Shape, *, arrays: bool = True) -> Any:
    """Indices that are valid for the shape, alone or in a tuple: ints, slices with steps, None, `...`; and with `arrays` bools, masks
    of one or more dimensions, and positions as tensors of every signed integer dtype, NumPy arrays, lists and ranges, which broadcast.

    >>> from hypothesis import find
    >>> find(tg.testing.indices((3,)), lambda index: True)
    ()
    """
    items: list[Any] = []
    left = list(shape)
    more: st.SearchStrategy[Any] = st.integers(0, 3)
    together: Shape | None = None  # the shape to which the arrays of this index broadcast
    while draw(more):
        forms = ["slice", "int", "array", "mask"] if left else []
        form = draw(st.sampled_from([*forms, "none", "dots", "bool"]))
        if form == "none" or (form in ("array", "mask", "bool") and not arrays):
            items.append(None)
        elif form == "dots":
            if not any(item is ... for item in items):
                items.append(...)
                left = left[draw(st.integers(0, len(left))) :]
        elif form in ("mask", "bool"):
            taken = draw(st.integers(1, len(left))) if form == "mask" else 0
            mask = _mask(draw, tuple(left[:taken]), together)
            if mask is not None:
                together = together if together is not None and mask.sum() == 1 else (int(mask.sum()),)
                items.append(_as_some_index(draw, mask))
                left = left[taken:]
        else:
            size = left.pop(0)
            if form == "array" and together is None:
                together = draw(shapes(0, 2, 0, 3))
            if form == "array" and together is not None and (size or 0 in together):
                items.append(_as_some_index(draw, _positions(draw, size, together)))
            elif form == "int" and size:
                items.append(draw(st.integers(-size, size - 1)))
            else:
                items.append(draw(_slices(size)))
    if any(item is ... for item in items):
        items += [slice(None)] * len(left)  # what follows an Ellipsis stands at the last dimensions
    alone = len(items) == 1 and not (isinstance(items[0], list) and np.ndim(items[0]) > 1)  # which would be read as a tuple
    return items[0] if alone and draw(st.booleans()) else tuple(items)


def _slices(size: int) -> st.SearchStrategy[slice]:
    bound = st.none() | st.integers(-size - 1, size + 1)
    return st.builds(slice, bound, bound, st.none() | st.integers(1, 3))


def _mask(draw: st.DrawFn, shape: Shape, together: Shape | None) -> Any:
    """Bools of this shape of which as many are True as broadcast with the other arrays; None if that cannot be."""
    size = int(np.prod(shape, dtype=int))
    counts = [n for n in range(size + 1) if together is None or n == 1 or (together and n == together[-1])]
    if not counts:
        return None
    chosen = np.arange(size) < draw(st.sampled_from(counts))
    return np.random.default_rng(draw(st.integers(0, 2**16))).permutation(chosen).reshape(shape)


def _positions(draw: st.DrawFn, size: int, together: Shape) -> Any:
    if not size:
        return np.zeros(together, np.int64)  # without elements
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    return rng.integers(-size, size, together[draw(st.integers(0, len(together))) :])


def _as_some_index(draw: st.DrawFn, array: Any) -> Any:
    """Positions or bools in one of the types that can index."""
    kind = draw(st.sampled_from(["tensor", "array", "list", "range"]))
    if array.dtype.kind != "b":
        array = array.astype(draw(st.sampled_from(["int64", "int32", "int16", "int8"])))
    if kind == "range" and array.dtype.kind == "i" and array.ndim == 1 and array.size:
        first, away = int(array[0]), 1 if array[0] < 0 else -1
        return range(first, first + away * array.size, away) if abs(first) >= array.size else range(first, first + 1)
    if kind == "list" and array.size:
        return array.tolist()
    return array if kind == "array" else tensor(array)
