"""a·x + b·y, what the rules of optimizers are made of: of large arrays by BLAS, in one pass over memory where NumPy makes four."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from ..blas import sums
from ..engine.mutation import Array
from ..engine.node import Value
from ..engine.primitive import primitive

_LARGE = 1 << 16  # bytes: up to here, in the cache, NumPy's passes cost no more than the way to BLAS


@primitive(name="axpby", elementwise=True)
def axpby_p(a: Any, x: Array, b: Any, y: Array, *, minus: bool) -> Array:
    """a · x + b · y, or b · y - a · x."""
    blas = _for(a, x, b, y)
    if blas is not None:
        return blas(a, x, b, y.copy(), minus)
    kept, term = _times(b, y), _times(a, x)
    return kept - term if minus else kept + term


def _times(number: Any, x: Any) -> Any:
    return x if type(number) is float and number == 1.0 else number * x


def _signed(g: Any, minus: bool) -> Any:
    return -g if minus else g


axpby_p.vjp(
    a=lambda g, x, minus: _signed(g * x, minus), x=lambda g, a, minus: _signed(g * a, minus), b=lambda g, y: g * y, y=lambda g, b: g * b
)


def axpby(a: float, x: Any, b: float, y: Any, minus: bool = False) -> Any:
    """a · x + b · y: of arrays in the memory of y, of tensors a new one. The name is that of BLAS."""
    if isinstance(y, Value):
        return axpby_p.bind(a, x, b, y, minus=minus)
    blas = _for(a, x, b, y)
    if blas is not None:
        return blas(a, x, b, y, minus)
    if b != 1.0:
        y *= b
    if minus:
        y -= _times(a, x)
    else:
        y += _times(a, x)
    return y


def descent(rate: float, direction: Any, kept: float, p: Any) -> Any:
    """kept · p - rate · direction, in the same way: a step against the direction."""
    return axpby(rate, direction, kept, p, minus=True)


def _for(a: Any, x: Any, b: Any, y: Any) -> Callable[[float, Array, float, Array, bool], Array] | None:
    """What does it by BLAS for two numbers and two large arrays of one form."""
    if type(y) is not np.ndarray or y.nbytes < _LARGE or type(x) is not np.ndarray or not (isinstance(a, float) and isinstance(b, float)):
        return None
    if x.shape != y.shape or x.dtype is not y.dtype or not (_lies_plainly(x) and _lies_plainly(y)):
        return None
    return sums_of(y.dtype.char)


def _lies_plainly(x: Array) -> bool:
    return bool(x.flags.c_contiguous and x.flags.aligned)


@functools.cache
def sums_of(kind: str) -> Callable[[float, Array, float, Array, bool], Array] | None:
    """y ← ±a · x + b · y in arrays of this dtype; None if there is no BLAS for it."""
    functions = sums(kind)
    if functions is None:
        return None
    plus, both = functions

    def run(a: float, x: Array, b: float, y: Array, minus: bool) -> Array:
        a, b = float.__neg__(a) if minus else float.__pos__(a), float.__pos__(b)  # of numbers that a tracer follows their value now
        if not (a and b):  # BLAS would not see 0 · inf
            y *= b
            y += a * x
            return y
        source, target = x.__array_interface__["data"][0], y.__array_interface__["data"][0]
        if b == 1.0:
            plus(y.size, a, source, 1, target, 1)
        else:
            both(y.size, a, source, 1, b, target, 1)
        return y

    return run
