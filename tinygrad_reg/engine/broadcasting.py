"""Broadcasting and its transpose: the one place where a cotangent comes back to its argument's shape."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from .mutation import Array
from .plain import is_plain
from .primitive import primitive
from .view import viewing

_PART = 1024  # terms that BLAS adds up one after the other; beyond, float32 would lose digits


def column_sums(x: Array) -> Array:
    """Sums of the columns of a C-contiguous float matrix (n, k) -> (k,), as a product with ones: 4 to 20 times faster than x.sum(0)."""
    n = len(x)
    if is_plain(x):
        return np.add.reduce(x, axis=0)
    if n <= _PART:
        return np.dot(few_ones(n, x.dtype), x)
    whole = n - n % _PART
    parts = few_ones(_PART, x.dtype) @ x[:whole].reshape(whole // _PART, _PART, x.shape[1])
    return column_sums(parts) + column_sums(x[whole:])


@functools.lru_cache(maxsize=256)
def few_ones(shape: int | tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """A few ones, which are only read: a product with them adds up few elements faster than NumPy's sum does."""
    return np.ones(shape, dtype)


@primitive
def sum_to(x: Array, *, shape: tuple[int, ...]) -> Array:
    """Sum over the axes along which `shape` was broadcast to x's shape; (..., n, k) -> shape."""
    lead = x.ndim - len(shape)
    if lead == 1 and x.ndim == 2 and shape[0] == x.shape[1] and x.dtype.char in "fd" and x.flags.c_contiguous:
        return column_sums(x)  # the gradient of a bias
    axes = _added_up(x.shape, shape)
    if not lead:
        return np.add.reduce(x, axis=axes, keepdims=True)
    if len(axes) > lead:
        return np.add.reduce(x, axis=axes).reshape(shape)
    if shape and x.size and x.dtype.char in "fd" and x.flags.c_contiguous:
        return column_sums(x.reshape(math.prod(x.shape[:lead]), -1)).reshape(shape)
    return np.add.reduce(x, axis=axes)


@functools.lru_cache(maxsize=256)
def _added_up(given: tuple[int, ...], shape: tuple[int, ...]) -> tuple[int, ...]:
    """The axes that are new in `given`, and those along which a size of 1 was stretched to it."""
    lead = len(given) - len(shape)
    return (*range(lead), *[i for i in range(lead, len(given)) if shape[i - lead] == 1 != given[i]])


@viewing("expand")
def broadcast_to(x: Array, *, shape: tuple[int, ...]) -> Array:
    """A view of x repeated to `shape` by NumPy's broadcasting rules; writable if nothing is repeated.

    Of contiguous memory it is made directly, in a third of the time: np.broadcast_to is written in Python.
    """
    if type(x) is not np.ndarray or not x.flags.c_contiguous:
        repeated = np.broadcast_to(x, shape)
        return repeated if repeated.size != x.size else x.reshape(shape)
    strides = _repeating(x.shape, x.strides, shape)
    if strides is None:
        return x.reshape(shape)
    out: Array = np.ndarray(shape, x.dtype, x, 0, strides)
    out.setflags(write=False)
    return out


@functools.lru_cache(maxsize=256)
def _repeating(given: tuple[int, ...], strides: tuple[int, ...], shape: tuple[int, ...]) -> tuple[int, ...] | None:
    """The strides that repeat an array to `shape`: 0 where it does; None if nothing is repeated. Raises ValueError if it does not fit."""
    lead = len(shape) - len(given)
    kept = shape[max(lead, 0) :]
    if lead < 0 or min(shape, default=0) < 0 or any(size not in (1, wanted) for size, wanted in zip(given, kept, strict=True)):
        raise ValueError(f"{given} does not broadcast to {shape}")
    found = [0] * lead + [stride if size == wanted else 0 for size, wanted, stride in zip(given, kept, strides, strict=True)]
    return tuple(found) if math.prod(shape) != math.prod(given) else None


sum_to.vjp(x=lambda g, x_shape: broadcast_to.bind(g, shape=x_shape))
broadcast_to.vjp(x=lambda g, x_shape: sum_to.bind(g, shape=x_shape))
