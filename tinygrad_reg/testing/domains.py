"""Inputs for a primitive, drawn from the domain that is declared beside it, and away from its kinks."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..engine.primitive import Primitive
from ..errors import ArgumentError

Array = np.ndarray[Any, Any]
Interval = tuple[float, float]

_MARGIN = 0.02  # to kinks and to the ends of a domain: differences with steps of 0.001 stay on one side
_SPAN = 3.0  # how far into an infinite interval
_TRIES = 1000


def arrays_for(
    primitive: Primitive,
    rng: np.random.Generator,
    shapes: Sequence[tuple[int, ...]],
    params: dict[str, Any] | None = None,
    dtype: Any = np.float64,
) -> list[Array]:
    """One array for each argument, of these shapes, inside the primitive's domain and where it has a derivative.

    Domain and kinks are those the primitive declares; it may leave both out. `params` are the keywords of the call. Raises
    ArgumentError if no such inputs are found.

    >>> from tinygrad_reg.engine.primitive import PRIMITIVES
    >>> (x,) = tg.testing.arrays_for(PRIMITIVES["log"], np.random.default_rng(0), [(2, 3)])
    >>> x.shape, bool((x > 0).all())
    ((2, 3), True)
    """
    domain = getattr(primitive, "domain", None) or ((-math.inf, math.inf),) * len(shapes)
    kinks = getattr(primitive, "kinks", ())
    for _ in range(_TRIES):
        arrays = [_inside(interval, shape, rng) for interval, shape in zip(domain, shapes, strict=True)]
        if _smooth(kinks, arrays, params or {}):
            return [array.astype(dtype) for array in arrays]
    raise ArgumentError(
        f"arrays_for: found no inputs of shapes {list(shapes)} for {primitive.name} away from its kinks; use smaller shapes"
    )


def _inside(interval: Interval, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Uniform numbers in an open interval, of which infinite ends are cut off."""
    low, high = interval
    if math.isinf(low) and math.isinf(high):
        low, high = -_SPAN, _SPAN
    elif math.isinf(high):
        high = low + _SPAN
    elif math.isinf(low):
        low = high - _SPAN
    margin = 0.05 * (high - low)
    return np.asarray(rng.uniform(low + margin, high - margin, shape))


def _smooth(kinks: Any, arrays: Sequence[Array], params: dict[str, Any]) -> bool:
    """Whether there is a derivative around all these points. `kinks` is the name of a pattern, or the places of one argument."""
    if isinstance(kinks, str):
        return bool(_PATTERNS[kinks](*arrays))
    places = [_place(kink, params) for kink in kinks]
    return all(bool((np.abs(arrays[0] - place) > _MARGIN).all()) for place in places)


def _place(kink: Any, params: dict[str, Any]) -> float:
    """A number, or the name of a keyword, or its negative: "-lambd"."""
    if not isinstance(kink, str):
        return float(kink)
    return -float(params[kink[1:]]) if kink.startswith("-") else float(params[kink])


def _whole(x: Array) -> Any:
    return (np.abs(x - np.rint(x)) > _MARGIN).all()


def _apart(*arrays: Array) -> Any:
    return all((np.abs(a - b) > _MARGIN).all() for i, a in enumerate(arrays) for b in arrays[:i])


_PATTERNS: dict[str, Callable[..., Any]] = {
    "integers": _whole,
    "halves": lambda x: _whole(x - 0.5),
    "ties": _apart,
    "jumps": lambda x, y: _whole(x / y),
    "zero": lambda x, *_: (np.abs(x) > _MARGIN).all(),
}
