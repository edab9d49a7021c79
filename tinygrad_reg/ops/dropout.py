"""The random part of dropout: which elements stay, and what makes up for the others."""

from __future__ import annotations

from typing import Any

from ..engine.refusal import is_number
from ..errors import ArgumentError, ArgumentTypeError
from .elementwise import ge
from .pointwise import convert
from .random import draw


def check_probability(what: str, p: float) -> None:
    """Raise ArgumentError unless p is a probability, ArgumentTypeError unless it is a number."""
    if not is_number(p):
        raise ArgumentTypeError(f"{what}: the probability p must be a number, got {type(p).__name__}: {p!r}")
    if not 0.0 <= p <= 1.0:
        raise ArgumentError(f"{what}: the probability p must be between 0 and 1, got {p}")


def survivors(shape: tuple[int, ...], p: float, dtype: Any) -> Any:
    """A tensor of this shape: 1 for each element that stays, 0 with probability p."""
    return convert(ge(draw("uniform", shape), p), dtype)


def thinned(input: Any, p: float, shape: tuple[int, ...] | None = None) -> Any:
    """Parts of input become 0 with probability p, the rest is divided by 1 - p; `shape`, which broadcasts, has one place per part."""
    kept = survivors(tuple(input.shape) if shape is None else shape, p, input.dtype)
    return input * (kept * (1.0 / (1.0 - p) if p < 1.0 else 0.0))
