"""Is one derivative right? What numeric derivatives can say of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ...errors import ArgumentError
from .differences import FIRST_STEP, ROUNDINGS

ANALYTIC_ROUNDINGS = 64.0  # in units in the last place of the sizes of a gradient's terms
_SIDED = 8.0  # times the error of a derivative from one side: at an edge it may come slowly, as √h
_SEEN = 10  # extrapolated slopes that are not 0 by chance


class Entry(NamedTuple):
    """An entry of the Jacobian that differs: the analytic derivative, and the numeric one with its error.

    `sides` are the derivatives from left and right if they differ. `why` is said if there is no numeric derivative.
    """

    input: int
    element: int
    output: int
    analytic: float
    numeric: float
    error: float
    sides: tuple[float, float] | None = None
    why: str = ""

    def badness(self) -> tuple[float, float]:
        """What makes one entry worse than another: the relative difference, then the absolute one."""
        gap = abs(self.analytic - self.numeric)
        size = abs(self.analytic) + abs(self.numeric)
        return (gap / size, gap) if gap < np.inf and size else (2.0, 0.0)


class Tolerance(NamedTuple):
    """What is allowed beyond the error of the numeric derivative."""

    rtol: float = 0.0
    atol: float = 0.0

    @classmethod
    def of(cls, rtol: float | None, atol: float | None) -> Tolerance:
        """As the user has given it. Raises ArgumentError for what is no number of 0 or more."""
        given = {"rtol": 0.0 if rtol is None else rtol, "atol": 0.0 if atol is None else atol}
        for name, value in given.items():
            if not isinstance(value, (int, float)) or not value >= 0.0:
                raise ArgumentError(f"gradcheck: {name} must be a number of 0 or more, got {value!r}")
        return cls(**given)


End = tuple[float, float]  # a derivative and its error


class Known:
    """What numeric derivatives of one output can say of an analytic one."""

    def __init__(self, analytic: float, epsilon: float, reach: float, natural: float, summed: bool = False) -> None:
        self._analytic, self._precise = analytic, precise_for(epsilon)
        self._natural = max(natural, reach)
        self._zero = 2.0 * ROUNDINGS * epsilon * self._natural / FIRST_STEP  # what rounding makes of 0 with the largest step
        self._grain = epsilon * self._natural if summed else 0.0
        self.negligible = self._precise * reach
        self.own = ANALYTIC_ROUNDINGS * epsilon * abs(analytic) if abs(analytic) < np.inf else 0.0  # the error of the analytic one

    def is_good(self, slope: float, error: float) -> bool:
        """Whether a derivative is known well enough to say something: relatively, or compared with its natural size."""
        return error <= max(math.sqrt(self._precise) * max(abs(slope), abs(self._analytic)), self._precise * self._natural)

    def is_among(self, good: Sequence[End]) -> bool:
        """Whether the analytic derivative is one of these, which must be among the best that are known."""
        least = min([error for _, error in good], default=0.0)
        return any(
            abs(self._analytic - slope) <= error + self.own
            and error <= max(self._precise * max(abs(slope), abs(self._analytic)), 3.0 * least)
            and self.is_good(slope, error)
            for slope, error in good
        )

    def is_nothing(self, central: Sequence[End], slopes: Sequence[float]) -> bool:
        """Whether both derivatives are what rounding makes of 0. Several precise steps that show a slope prove the contrary.

        In a gradient, a sum over all ways back (`summed`), a rounded term that stays the same all along a line, times something smooth,
        shows a slope too: one below the rounding of the terms.
        """
        seen = sum(abs(slope) > max(3.0 * error, self._grain) for slope, error in central)
        return abs(self._analytic) <= self._zero and seen < _SEEN and any(abs(slope) <= self._zero for slope in slopes)

    def between(self, ends: Sequence[End]) -> bool:
        """Whether the analytic derivative lies between those of the two sides, or is the one of the only side."""
        useful = math.sqrt(self._precise) * max(self._natural, abs(self._analytic), *[abs(slope) for slope, _ in ends])
        low = min(slope - _SIDED * error for slope, error in ends)
        high = max(slope + _SIDED * error for slope, error in ends)
        return all(error <= useful for _, error in ends) and bool(low - self.own <= self._analytic <= high + self.own)


def precise_for(epsilon: float) -> float:
    """The relative error that is wanted of a numeric derivative; differences that serve well have far less."""
    return 10.0 * math.sqrt(epsilon)
