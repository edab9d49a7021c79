"""Plain forms: what a forward comes to without the tricks that make it fast, or exact, in NumPy's calls.

The compiler's backends that make loops of their own want products and sums, not the calls of BLAS that replace them. A primitive
says so in `Primitive.plain`; a helper of many forwards asks `is_plain` where it is about to use a trick.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .mutation import Array


def filled(x: Array, shape: tuple[int, ...], value: Any = 0, dtype: Any = None) -> Array:
    """A new array of x's dtype, or another. Made by `np.full` alone, it would hide from the compiler what is written into it."""
    if is_stand_in(x):
        return np.full_like(x, value, dtype=dtype, order="C", shape=shape)
    dtype = x.dtype if dtype is None else dtype
    return np.full(shape, value, dtype) if value else np.zeros(shape, dtype)


def copy_of(x: Array, order: Any = "K") -> Array:
    """A new array with the elements of x, also of a NumPy scalar."""
    return x.copy(order) if is_stand_in(x) else np.array(x, order=order)


def is_stand_in(x: Any) -> bool:
    """Whether x stands for an array in the compiler."""
    return hasattr(x, "plain")


def is_plain(x: Any) -> bool:
    """Whether x stands for an array in the compiler and wants to see the plain form."""
    return getattr(x, "plain", False) is True
