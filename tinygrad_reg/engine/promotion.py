"""PyTorch's type promotion: of tensors, 0-d tensors and Python numbers, the first kind present decides within a category.

Categories are bool < integer < float. A 0-d tensor only counts if its category is higher than that of all tensors with
dimensions, and a Python number only if its category is higher than that of all tensors.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Any

import numpy as np

from ..errors import ArgumentTypeError, DtypeError
from .node import Value
from .state import State

Dtype = np.dtype[Any]

_CATEGORY = {"b": 0, "i": 1, "u": 1, "f": 2}
WEAK: dict[str, tuple[type, ...]] = {"i": (int,), "u": (int,), "f": (int, float)}  # Python's numbers that leave such tensors their dtype
_BOOL, _INT64 = np.dtype(np.bool_), np.dtype(np.int64)


def category(dtype: Dtype) -> int:
    """0 for bool, 1 for integers, 2 for floats; DtypeError for anything else."""
    try:
        return _CATEGORY[dtype.kind]
    except KeyError:
        raise DtypeError(f"dtype {dtype} is not supported; use a float, an integer or bool") from None


def scalar_dtype(value: Any) -> Dtype:
    """The dtype a Python or NumPy number has when it stands alone."""
    if isinstance(value, (bool, np.bool_)):
        return _BOOL
    if isinstance(value, (int, np.integer)):
        return _INT64
    if isinstance(value, (float, np.floating)):
        return State.default_dtype
    raise ArgumentTypeError(f"expected a tensor or a number, got {type(value).__name__}: {value!r}")


def promote_types(a: Dtype, b: Dtype) -> Dtype:
    """The smallest dtype that both convert to, by PyTorch's table: an integer with a float gives that float."""
    if a == b:
        return a
    if category(a) != category(b):
        return a if category(a) > category(b) else b
    return np.promote_types(a, b)


def standing(x: Any) -> tuple[int, Dtype]:
    """What counts of an operand: 0 for a number, 1 for a 0-d tensor or array, 2 for one with dimensions; and its dtype."""
    array = x.array if isinstance(x, Value) else x
    if isinstance(array, np.ndarray):
        return (2 if array.ndim else 1), array.dtype
    return 0, scalar_dtype(x)


def result_type(*operands: Any) -> Dtype:
    """The dtype of an operation on tensors, arrays and numbers."""
    first = operands[0]
    if isinstance(first, Value):
        dtype: Dtype = first.array.dtype
        weak = WEAK.get(dtype.kind, ())
        for x in operands[1:]:
            if type(x) not in weak and not (isinstance(x, Value) and x.array.dtype is dtype):
                break
        else:  # the usual case
            return dtype
    return common_type(*map(standing, operands))


@functools.lru_cache(maxsize=4096)
def common_type(*standings: tuple[int, Dtype]) -> Dtype:
    """The same, of operands of which this counts."""
    ranked: list[Dtype | None] = [None, None, None]  # of numbers, of 0-d tensors, of tensors with dimensions
    for rank, dtype in standings:
        held = ranked[rank]
        ranked[rank] = dtype if held is None else promote_types(held, dtype)
    return _strongest(ranked)


def _strongest(ranked: Iterable[Dtype | None]) -> Dtype:
    """The last dtype, unless an earlier one is of a higher category."""
    chosen: Dtype | None = None
    for dtype in ranked:
        if dtype is not None and (chosen is None or category(dtype) >= category(chosen)):
            chosen = dtype
    assert chosen is not None
    return chosen


def float_type(dtype: Dtype) -> Dtype:
    """The dtype itself if it is a float, else the default dtype."""
    return dtype if category(dtype) == 2 else State.default_dtype
