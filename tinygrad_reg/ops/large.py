"""Forwards that take another way for large float32 arrays, where NumPy calls the C library or branches for each element."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..engine.mutation import Array
from ..engine.plain import is_plain
from ..errors import ArgumentError

UNBOUNDED = -math.inf
_MANY = 1024  # elements from which on several passes beat one call of the C library for each
_SEVERAL = 400  # the same, where these calls are slower, or the passes fewer
_BLOCK = 32768  # elements: what many passes work on should stay in the processor's cache
_INT = np.dtype(np.int64)
_SIGN = np.int32(-(2**31))  # the bit of it
_EXACT = 2.0**22  # quotients up to there come out the same as by NumPy, which beyond rounds some to the neighbour


def in_blocks(function: Callable[..., Array]) -> Callable[..., Array]:
    """Run an elementwise function of many passes on one block of large arrays of one shape after the other; float16 by way of float32.

    Others than the first argument may be Python floats, which are handed on as they are.
    """

    @functools.wraps(function)
    def forward(*arrays: Any) -> Array:
        x = arrays[0]
        if x.dtype.char not in "fd":
            half = x.dtype.char == "e"
            wide = [y if type(y) is float else y.astype(np.float32 if half else np.float64) for y in arrays]
            return forward(*wide).astype(x.dtype if half else np.float64, copy=False)
        if x.size <= _BLOCK or is_plain(x):
            return function(*arrays)
        out = np.empty(x.shape, x.dtype)
        sources: list[Any] = [y if type(y) is float else y.reshape(-1) for y in arrays]
        target = out.reshape(-1)
        for start in range(0, x.size, _BLOCK):
            end = start + _BLOCK
            target[start:end] = function(*[y if type(y) is float else y[start:end] for y in sources])
        return out

    return forward


def integer_safe(ufunc: np.ufunc) -> Callable[[Any, Any], Any]:
    """The ufunc, except that an integer division by zero raises: integers have no nan or inf to show."""

    def forward(x: Any, y: Any) -> Any:
        floats = getattr(x, "dtype", _INT).kind == "f" or getattr(y, "dtype", _INT).kind == "f"
        if not floats and np.result_type(x, y).kind != "f" and not np.all(y) and np.size(x):
            raise ArgumentError(f"{ufunc.__name__}: an integer division by zero; convert to a float dtype to get nan or inf")
        return ufunc(x, y)

    return forward


_remainder, _floor_divide = integer_safe(np.remainder), integer_safe(np.floor_divide)


def _are_many(x: Any, y: Any, least: int) -> bool:
    """Whether these are float32 arrays of one shape, and of so many elements."""
    return getattr(x, "size", 0) >= least and x.shape == getattr(y, "shape", None) and x.dtype == y.dtype == np.float32 and not is_plain(x)


def remainder(x: Any, y: Any) -> Any:
    """x - y · floor(x / y). Of float32 in float64, where that is exact: 10 times faster than C's fmod."""
    return _many_remainders(x, y) if _are_many(x, y, _MANY) else _remainder(x, y)


def floor_divide(x: Any, y: Any) -> Any:
    """floor(x / y), in the same way."""
    return _many_quotients(x, y) if _are_many(x, y, _SEVERAL) else _floor_divide(x, y)


@in_blocks
def _many_remainders(x: Array, y: Array) -> Array:
    wide, divisor = x.astype(np.float64), y.astype(np.float64)
    whole = np.floor(wide / divisor)
    far = _are_far(whole.astype(x.dtype), y)
    whole *= divisor
    wide -= whole
    out = wide.astype(x.dtype)
    bits = out.view(np.int32)
    bits |= y.view(np.int32) & _SIGN  # of 0: other results have it already
    return np.remainder(x, y, out=out, where=far)


@in_blocks
def _many_quotients(x: Array, y: Array) -> Array:
    whole = x.astype(np.float64)
    whole /= y.astype(np.float64)
    out = np.floor(whole, out=whole).astype(x.dtype)
    return np.floor_divide(x, y, out=out, where=_are_far(out, y))


def _are_far(whole: Array, y: Array) -> Array:
    """Where floor(x / y) was not found exactly."""
    return ~(np.abs(whole) < _EXACT) | np.isinf(y)


def logaddexp(x: Any, y: Any) -> Any:
    """log(eˣ + eʸ) by way of float64: float32 is right also where the two terms almost cancel."""
    if _are_many(x, y, _SEVERAL):
        return _many_logaddexp(x, y)
    return np.logaddexp(x, y, dtype=np.float64).astype(np.result_type(x, y), copy=False)


@in_blocks
def _many_logaddexp(x: Array, y: Array) -> Array:
    """The larger one and log(1 + e⁻ᵈ) for the distance d."""
    larger = np.maximum(x, y).astype(np.float64)
    out = np.minimum(x, y).astype(np.float64)
    out -= larger
    np.copyto(out, 0.0, where=x == y)  # inf is at distance 0 from itself
    np.log1p(np.exp(out, out=out), out=out)
    out += larger
    return out.astype(x.dtype)


def bounded(x: Array, low: Any, high: Any) -> Array:
    """min(max(x, low), high); -inf and inf stand for no bound. The loop of `clip` over a number is 4 times as fast as maximum's."""
    least = _MANY if low is UNBOUNDED or high is math.inf else _SEVERAL
    if getattr(x, "size", 0) >= least and x.dtype.kind == "f" and not is_plain(x):
        return x.clip(low, high)
    if high is math.inf:
        return np.maximum(x, low)
    return np.minimum(x if low is UNBOUNDED else np.maximum(x, low), high)
