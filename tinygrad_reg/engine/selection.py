"""Choosing between two arrays element by element, without a branch for each element."""

from __future__ import annotations

import functools
import inspect
from typing import Any

import numpy as np

from .mutation import Array
from .plain import is_plain

_LARGE = 4096  # elements from which on the work on bits pays
_WORDS = {size: np.dtype(f"i{size}") for size in (1, 2, 4, 8)}
_ONE = np.int8(1)
_ndarray = np.ndarray
_where: Any = inspect.unwrap(np.where)  # without the look for __array_function__, a third of its time on few elements


@functools.cache
def zero_of(dtype: np.dtype[Any]) -> Array:
    """0 as a 0-d array, which is only read: NumPy takes longer to convert a number than to work on a few elements."""
    return np.zeros((), dtype)


def choose(mask: Any, x: Any, y: Any) -> Array:
    """np.where(mask, x, y), to the bit.

    NumPy branches at each element, and a processor that cannot foresee the mask takes ten times as long for that as for the
    arithmetic. So for large arrays the bits are mixed: y ^ ((x ^ y) & m), where m is all ones where the mask is true.
    """
    if type(mask) is type(x) is type(y) is _ndarray and mask.size < _LARGE:
        return _where(mask, x, y)
    if getattr(mask, "size", 0) < _LARGE or mask.dtype.char != "?" or is_plain(mask):
        return np.where(mask, x, y)
    dtype = x.dtype if getattr(x, "dtype", None) is getattr(y, "dtype", 0) else np.result_type(x, y)
    if dtype.kind not in "fiu":
        return np.where(mask, x, y)
    word = _WORDS[dtype.itemsize]
    x, y = _bits(x, dtype, word), _bits(y, dtype, word)
    if x is None and y is None:
        return np.zeros(mask.shape, dtype)
    ones = mask.view(np.int8)  # to be made all ones where x is taken, or, if that is 0, where y is; bytes are widened last
    if x is None:
        bits = (ones - _ONE).astype(word)
        return np.bitwise_and(bits, y, out=_room(bits, y)).view(dtype)
    bits = (-ones).astype(word)
    if y is None:
        return np.bitwise_and(bits, x, out=_room(bits, x)).view(dtype)
    bits = np.bitwise_and(bits, x ^ y, out=_room(bits, x, y))
    return np.bitwise_xor(bits, y, out=_room(bits, y)).view(dtype)


def _bits(x: Any, dtype: np.dtype[Any], word: np.dtype[Any]) -> Any:
    """The bits of x in this dtype, as integers; None for a single zero."""
    bits = (x if getattr(x, "dtype", None) is dtype else np.asarray(x, dtype)).view(word)
    return None if not bits.ndim and not bits else bits


def _room(bits: Array, *others: Array) -> Array | None:
    """`bits`, to be overwritten with what it is combined with, unless that has another shape."""
    return bits if all(x.shape == bits.shape or not x.ndim for x in others) else None
