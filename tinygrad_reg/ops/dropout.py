"""The random part of dropout: which elements stay, and what makes up for the others."""

from __future__ import annotations

from typing import Any

from ..engine.mutation import Array
from ..engine.primitive import primitive
from ..engine.promotion import float_type
from ..engine.refusal import is_number
from ..errors import ArgumentError, ArgumentTypeError
from .arguments import check_constant, shape_of
from .pointwise import convert, numbers
from .random import draw


def check_probability(what: str, p: float) -> None:
    """Raise ArgumentError unless p is a probability, ArgumentTypeError unless it is a number."""
    if type(p) is not float and not is_number(p):
        raise ArgumentTypeError(f"{what}: the probability p must be a number, got {type(p).__name__}: {p!r}")
    check_constant(p, what, "the probability p")
    if not 0.0 <= p <= 1.0:
        raise ArgumentError(f"{what}: the probability p must be between 0 and 1, got {p}")


@primitive(name="survivors")
def survivors_p(drawn: Array, *, p: float, weight: float) -> Array:
    """The weight where what was drawn is at least p, 0 elsewhere."""
    threshold, factor = numbers(drawn.dtype, p, weight)
    return (drawn >= threshold).astype(drawn.dtype) * factor


survivors_p.vjp(drawn=None)


def survivors(shape: tuple[int, ...], p: float, dtype: Any, weight: float = 1.0) -> Any:
    """A tensor of this shape: the weight for each element that stays, 0 with probability p."""
    drawn = draw("uniform", shape)
    if drawn.array.dtype == dtype and dtype.char != "e":  # float16, which may not hold the weight, and 0 · inf is nan
        return survivors_p.bind(drawn, p=float(p), weight=weight)
    return convert(survivors_p.bind(drawn, p=float(p), weight=1.0), float_type(dtype)) * weight


def thinned(input: Any, p: float, shape: tuple[int, ...] | None = None) -> Any:
    """Parts of input become 0 with probability p, the rest is divided by 1 - p; `shape`, which broadcasts, has one place per part."""
    weight = 1.0 / (1.0 - float(p)) if p < 1.0 else 0.0
    return input * survivors(shape_of(input) if shape is None else shape, p, input.dtype, weight)
