"""Plain forms: what a forward comes to without the tricks that make it fast, or exact, in NumPy's calls.

The compiler's backends that make loops of their own want products and sums, not the calls of BLAS that replace them. A primitive
says so in `Primitive.plain`; a helper of many forwards asks `is_plain` where it is about to use a trick.
"""

from __future__ import annotations

import inspect
import math
from typing import Any

import numpy as np

from .mutation import Array
from .state import state

SMALL = 8192  # elements whose dot product BLAS computes in one thread: waking a second one can cost more than the whole step
_ndarray = np.ndarray
vdot: Any = inspect.unwrap(np.vdot)  # without the look for __array_function__, which would double its time on few elements


def room(x: Array, shape: tuple[int, ...], dtype: Any = None) -> Array:
    """A new array of x's dtype, or another, to be written. Made by `np.empty` alone, it would hide that from the compiler."""
    dtype = x.dtype if dtype is None else dtype
    return x.room(shape, dtype) if is_stand_in(x) else np.empty(shape, dtype)


def filled(x: Array, shape: tuple[int, ...], value: Any = 0, dtype: Any = None) -> Array:
    """The same, with a value in all elements."""
    if is_stand_in(x):
        return np.full_like(x, value, dtype=dtype, order="C", shape=shape)
    dtype = x.dtype if dtype is None else dtype
    return np.full(shape, value, dtype) if value else np.zeros(shape, dtype)


def unset(shape: tuple[int, ...], dtype: Any) -> Array:
    """Memory that holds anything, for the user to write; in a traced step zeros, so that two runs are seen to do the same."""
    return np.empty(shape, dtype) if state.tracer is None else np.zeros(shape, dtype)


def is_finite(x: Array) -> bool:
    """Whether no element is inf or nan. By the sum of squares, or of elements: if that overflows, the answer is no.

    Many squares are added up in rows, which takes a third of the time of a sum, and wakes no second thread.
    A stand-in is taken to be; where it turns out not to be, the compiled step is given up. In plain form nothing is known.
    """
    if x.dtype.kind != "f":
        return True
    if is_stand_in(x):
        return bool(x.is_finite())
    if x.size <= SMALL:
        return math.isfinite(vdot(x, x))
    if x.dtype.char == "e" or not x.flags.c_contiguous:
        return math.isfinite(np.add.reduce(x, None))
    flat, whole = x.reshape(-1), x.size - x.size % SMALL
    rows, rest = flat[:whole].reshape(-1, SMALL), flat[whole:]
    return math.isfinite(np.add.reduce(np.vecdot(rows, rows)) + rest.dot(rest))


def strided(x: Array, shape: tuple[int, ...], strides: tuple[int, ...], offset: int) -> Array:
    """The view of a contiguous array that begins at an element of it and has these strides, in elements."""
    if is_stand_in(x):
        return x.strided(shape, strides, offset)
    size = x.itemsize
    return np.ndarray(shape, x.dtype, x, offset * size, tuple([s * size for s in strides]))


def copy_of(x: Array, order: Any = "K") -> Array:
    """A new array with the elements of x, also of a NumPy scalar."""
    return x.copy(order) if type(x) is _ndarray or is_stand_in(x) else np.array(x, order=order)


def is_stand_in(x: Any) -> bool:
    """Whether x stands for an array in the compiler."""
    return hasattr(x, "plain")


def is_plain(x: Any) -> bool:
    """Whether x stands for an array in the compiler and wants to see the plain form."""
    return getattr(x, "plain", False) is True
