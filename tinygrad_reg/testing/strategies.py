"""Hypothesis strategies for what functions of tensors take: shapes, shapes that broadcast, tensors, indices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st

from ..creation import tensor
from ..dtypes import as_dtype
from ..errors import ArgumentError
from ..tensor import Tensor

Shape = tuple[int, ...]

LAYOUTS = ("contiguous", "transposed", "strided", "expanded")
SPECIAL = (0.0, -0.0, 1.0, -1.0, float("inf"), float("-inf"), float("nan"), 1e-310, 1e300)


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

    >>> from hypothesis import find
    >>> find(tg.testing.broadcastable(2), lambda drawn: len(drawn[1]) == 1)
    ([(1,), (1,)], (1,))
    """
    result = draw(shapes(min_dims, max_dims, min_side, max_side))
    drawn: list[Shape] = []
    for _ in range(n):
        kept = result[draw(st.integers(0, len(result))) :]
        drawn.append(tuple([1 if draw(st.booleans()) else size for size in kept]))
    return drawn, np.broadcast_shapes(*drawn)


@st.composite
def tensors(
    draw: st.DrawFn,
    shape: Shape | st.SearchStrategy[Shape] | None = None,
    *,
    dtype: Any = "float64",
    low: float = -3.0,
    high: float = 3.0,
    special: bool = False,
    ties: bool = False,
    requires_grad: bool = False,
    layouts: Sequence[str] = ("contiguous",),
) -> Tensor:
    """Tensors of numbers in [low, high], for integers whole ones.

    `special` puts in 0, -0, inf, nan, a subnormal and a huge number; `ties` rounds to halves, so that elements repeat. `layouts` are the
    ways to lie in memory to choose from: "contiguous", "transposed", "strided", "expanded". Shrinks towards small shapes; the numbers
    come from one drawn seed.

    >>> from hypothesis import find
    >>> find(tg.testing.tensors((2,)), lambda x: True).shape
    (2,)
    """
    for layout in layouts:
        if layout not in LAYOUTS:
            raise ArgumentError(f"tensors: layout must be one of {', '.join(LAYOUTS)}, got {layout!r}")
    size = shape if isinstance(shape, tuple) else draw(shapes() if shape is None else shape)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    array = _numbers(rng, size, as_dtype(dtype), low, high, special, ties)
    made: Tensor = _laid_out(tensor(array), draw(st.sampled_from(list(layouts))))
    return made.requires_grad_() if requires_grad else made


def _numbers(rng: np.random.Generator, shape: Shape, dtype: Any, low: float, high: float, special: bool, ties: bool) -> Any:
    if dtype.kind == "b":
        return rng.random(shape) < 0.5
    if dtype.kind in "iu":
        return rng.integers(int(np.ceil(low)) if dtype.kind == "i" else 0, int(np.floor(high)), shape, endpoint=True).astype(dtype)
    array = np.asarray(rng.uniform(low, high, shape))
    if ties:
        array = np.clip(np.round(array * 2.0) / 2.0, low, high)
    if special:
        array = np.where(rng.random(shape) < 0.3, rng.choice(SPECIAL, shape), array)
    with np.errstate(all="ignore"):
        return array.astype(dtype)


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
    """Indices that are valid for the shape: ints, slices, None, ..., masks and integer arrays (with `arrays`), and tuples of these.

    >>> from hypothesis import find
    >>> find(tg.testing.indices((3,)), lambda index: True)
    ()
    """
    items: list[Any] = []
    left = list(shape)
    count: st.SearchStrategy[Any] = st.integers(0, 3)
    yes: st.SearchStrategy[Any] = st.booleans()
    together = draw(shapes(0, 2, 1, 3))  # the shape to which the integer arrays of one index broadcast
    while left and draw(count):
        kind = draw(st.sampled_from(["slice", "int", "none"] + (["array", "mask"] if arrays else [])))
        if kind == "none":
            items.append(None)
            continue
        size = left.pop(0)
        if kind == "slice" or (size == 0 and kind != "mask"):
            items.append(draw(st.slices(size).filter(lambda s: s.step is None or s.step > 0)))
        elif kind == "int":
            items.append(draw(st.integers(-size, size - 1)))
        elif kind == "array":
            rng = np.random.default_rng(draw(st.integers(0, 2**16)))
            items.append(tensor(rng.integers(-size, size, together)))
        elif not any(isinstance(item, Tensor) for item in items):  # a mask's count would have to fit the other arrays
            chosen = np.random.default_rng(draw(st.integers(0, 2**16))).random(size) < 0.5
            items.append(tensor(chosen))
            arrays, together = False, (int(chosen.sum()),)
        else:
            items.append(slice(None))
    if draw(yes):
        items.append(...)
    return items[0] if len(items) == 1 and draw(yes) else tuple(items)
