"""The derivative of a function along a line, from its values, with an error that is estimated and not guessed.

Slopes with steps h, h/2, h/4 ... are extrapolated to h = 0. Every extrapolated value differs from the two it was made of, and the
larger difference is its estimated error (Ridders, Adv. Eng. Software 4, 1982); what rounding adds to it is known from the size
of the values. All outputs of the function are treated at once, each by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, Any]

FIRST_STEP = 2.0**-5  # in units of the direction
COLUMNS = 5  # more extrapolation than that only magnifies rounding
_COARSE = 8  # rows, in which rounding can be seen as it is
_OWN_ROUNDINGS = 64.0  # units in the last place of the values, above which they have lost digits before
ROUNDINGS = 4.0  # how many units in the last place a value may be wrong


class Estimate(NamedTuple):
    """A slope for each output, and how far it can be from the derivative."""

    slope: Array
    error: Array


class Tableau:
    """Slopes with halved steps, extrapolated. Their error has the powers h, h², h³ ... of the step, or every `stride`-th of them."""

    def __init__(self, stride: int) -> None:
        self._factor = 2.0**stride
        self._last: list[Array] = []
        self.slopes: list[Array] = []
        self.rows: list[list[Estimate]] = []  # extrapolated ones, those of large steps first

    def add(self, slope: Array, noise: Array) -> None:
        """One more row: the slope with the next step, and what rounding has done to it."""
        self.slopes.append(slope)
        row, power, entries = [slope], 1.0, []
        for before in self._last[: COLUMNS - 1]:
            power *= self._factor
            made = row[-1] + (row[-1] - before) / (power - 1.0)
            error = np.maximum(np.abs(made - row[-1]), np.abs(made - before))
            row.append(made)
            entries.append(Estimate(made, 2.0 * error + noise))
        self._last = row
        self.rows.append(entries)

    def best(self) -> Estimate:
        """For each output the entry with the smallest error; infinite where there is none."""
        slopes = np.array([entry.slope for row in self.rows for entry in row])
        errors = np.array([entry.error for row in self.rows for entry in row])
        errors[~(errors < np.inf)] = np.inf  # nan too
        rows = errors.argmin(0)[None]
        chosen, error = np.take_along_axis(slopes, rows, 0)[0], np.take_along_axis(errors, rows, 0)[0]
        return Estimate(np.where(error < np.inf, chosen, 0.0), error)


class Ladder:
    """The values of a function at x ± h·u for h = 1/32, 1/64, ... and the derivatives along u that follow from them.

    `at(h)` gives the values at x + h·u in one row, nan where there are none. `epsilon` is their precision. Values that never move
    count as constant and so without noise, unless they are `doubted`: then they may only move less than rounding lets them.
    """

    def __init__(self, at: Callable[[float], Array], centre: Array, epsilon: float, doubted: bool = False) -> None:
        self._at, self._centre, self._epsilon, self._doubted = at, centre, epsilon, doubted
        self._step = FIRST_STEP
        self._ups: list[Array] = []
        self._downs: list[Array] = []
        self.central = Tableau(2)

    def climb(self, levels: int) -> None:
        """Halve the step so many times."""
        for _ in range(levels):
            h = self._step
            up, down = self._at(h), self._at(-h)
            self._ups.append(up)
            self._downs.append(down)
            with np.errstate(all="ignore"):
                self.central.add(_difference(up, down) / (2.0 * h), self._noise(up, down, h))
            self._step = h / 2.0

    @property
    def levels(self) -> int:
        """How many steps were made."""
        return len(self._ups)

    def _noise(self, a: Array, b: Array, step: float) -> Array:
        """What rounding can add to a slope."""
        noise = ROUNDINGS * self._epsilon * np.maximum(np.abs(a), np.abs(b)) / step
        return noise if self._doubted else np.where((a != self._centre) | (b != self._centre), noise, 0.0)

    def side(self, output: int, sign: int) -> Tableau:
        """The derivative of one output when coming from one side: between points of this side only, x itself left out.

        So it exists at a jump as well, where the value at x belongs to neither branch.
        """
        values = [row[output : output + 1] for row in (self._ups if sign > 0 else self._downs)]
        tableau, step = Tableau(1), FIRST_STEP / 2.0
        for outer, inner in zip(values, values[1:], strict=False):
            with np.errstate(all="ignore"):
                tableau.add(sign * _difference(outer, inner) / step, ROUNDINGS * self._epsilon * np.maximum(abs(outer), abs(inner)) / step)
            step /= 2.0
        return tableau

    def unmoved(self) -> Array:
        """For each output, whether it has the same value everywhere on the line."""
        return np.asarray(np.all([row == self._centre for row in (*self._ups, *self._downs)], axis=0))

    def is_unknown(self, output: int) -> bool:
        """Whether one output is nan on the whole line."""
        return all(np.isnan(row[output]) for row in (self._centre, *self._ups, *self._downs))

    def reach(self, output: int) -> float:
        """The size of one output over the whole line."""
        values = np.array([row[output] for row in (self._centre, *self._ups, *self._downs)])
        finite = np.abs(values[np.isfinite(values)])
        return float(finite.max()) if finite.size else 0.0

    def grain(self, output: int, largest: float) -> float:
        """How coarsely the values of one output are rounded, if that is worse than their own precision but not above `largest`.

        It shows in large steps, as errors that extrapolation cannot remove, and in small ones that do not move the value at all:
        in 1 - s with s close to 1, for one. Between its jumps such a function is smooth and has the wrong slope.
        """
        moves = [abs(float(a[output] - b[output])) for a, b in zip(self._ups, self._downs, strict=True)]
        least = min([move for move in moves if move > 0.0], default=0.0) if 0.0 in moves else 0.0
        coarse = [error * 2.0**-k for k, row in enumerate(_sobered(self.central, output, 0.0)[:_COARSE]) for _, error in row]
        scatter = FIRST_STEP / 4.0 * min(coarse, default=0.0)
        found = [least, scatter if scatter > _OWN_ROUNDINGS * self._epsilon * self.reach(output) else 0.0]
        return max([grain for grain in found if grain <= largest], default=0.0)


def levels_for(epsilon: float) -> int:
    """How often the step can be halved before it is lost in the rounding of x."""
    return max(int(-np.log2(epsilon)) - 14, 4)


def _difference(a: Array, b: Array) -> Array:
    """a - b, and 0 between equal infinities: what stays infinite does not move."""
    return np.where(a == b, 0.0, a - b)


def good_ones(tableau: Tableau, output: int, precise: float, negligible: float, grain: float) -> list[tuple[float, float]]:
    """The (slope, error) of all precise entries, those of large steps first.

    An error is small enough if it is negligible, or `precise` times the slope. `grain` is how coarsely the values are rounded, if that
    is known to be worse than their own precision.
    """
    found = [entry for row in _sobered(tableau, output, grain) for entry in row if entry[1] < np.inf]
    least = min([error for _, error in found], default=0.0)
    return [(slope, error) for slope, error in found if error <= max(precise * abs(slope), negligible, 3.0 * least)]


def settled(good: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Those that agree with the one of the smallest step, the best first: larger steps may have reached over a kink nearby."""
    return sorted([(slope, error) for slope, error in good if abs(slope - good[-1][0]) <= error + good[-1][1]], key=lambda entry: entry[1])


def _sobered(tableau: Tableau, output: int, grain: float) -> list[list[tuple[float, float]]]:
    """The (slope, error) of all entries of one output, without luck: rounding may make two slopes the same by chance, but not four.

    Where rounding rules, the error doubles with each row; so what three rows further down is not 16 times as inexact, is no better.
    """
    rows = [
        [(float(entry.slope[output]), float(entry.error[output]) + 4.0 * grain / FIRST_STEP * 2.0**k) for entry in row]
        for k, row in enumerate(tableau.rows)
    ]
    return [
        [(slope, max(error, *[_error_at(rows, k + j, m) / 2.0 ** (j + 1) for j in (1, 2, 3)])) for m, (slope, error) in enumerate(row)]
        for k, row in enumerate(rows)
    ]


def _error_at(rows: list[list[tuple[float, float]]], k: int, m: int) -> float:
    error = rows[k][m][1] if k < len(rows) else 0.0
    return error if error < np.inf else 0.0


def diverges(tableau: Tableau, output: int) -> float:
    """±inf if the slopes grow without end as the step shrinks, else 0."""
    slopes = [float(slope[output]) for slope in tableau.slopes]
    steps = [s for s in slopes if np.isfinite(s)][8:-6]  # of middle size: large steps see other things, small ones rounding
    growing = all(abs(b) > 1.02 * abs(a) and a * b > 0 for a, b in zip(steps, steps[1:], strict=False))
    return float(np.copysign(np.inf, steps[-1])) if growing and len(steps) > 15 else 0.0
