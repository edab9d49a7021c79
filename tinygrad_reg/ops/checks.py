"""Checks of values that raise an error. A compiled step repeats them: one that fails gives the step up, and eager raises."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..engine.mutation import Array
from ..engine.node import array_of
from ..engine.primitive import primitive
from ..engine.state import state
from ..errors import ArgumentError

_BITS_OF_ONE = {"e": (np.uint16, 0x3C00), "f": (np.uint32, 0x3F800000), "d": (np.uint64, 0x3FF0000000000000)}


def _are_probabilities(x: Array) -> bool:
    """Whether all elements are between 0 and 1. Then their bits, read as an integer, are at most those of 1, but for -0."""
    if not x.size:
        return True
    word, one = _BITS_OF_ONE[x.dtype.char]
    bits = x.view(word).reshape(-1)
    return bool(bits[bits.argmax()] <= one) or bool(((x >= 0) & (x <= 1)).all())


@primitive(fails=True)
def all_probabilities(x: Array, *, message: str) -> Any:
    """True. Raises ArgumentError with this message unless all elements are between 0 and 1."""
    if not _are_probabilities(x):
        raise ArgumentError(message)
    return np.True_


all_probabilities.plain = lambda x, *, message: np.logical_and.reduce((x >= 0) & (x <= 1), axis=None).within(1, 2)
all_probabilities.vjp(x=None)


def check_probabilities(x: Any, message: str) -> None:
    """Raise ArgumentError with this message unless all elements of a tensor or array of floats are between 0 and 1."""
    if state.tracer is not None:
        all_probabilities.bind(x, message=message)
    else:
        all_probabilities.forward(array_of(x), message=message)
