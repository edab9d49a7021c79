"""Derivatives of a function of one number, each with an estimate of its own error."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

_START = 2.0**-3
_ROWS = 36
_EPSILON = 2.0**-52
VAGUE = 1e-3  # an estimate with a larger relative error says nothing


class Estimate(NamedTuple):
    """A number and how far it may be from the truth."""

    value: float
    error: float


UNKNOWN = Estimate(math.nan, math.inf)


def central(phi: Callable[[float], float], noise: float, enough: float) -> Estimate:
    """phi'(0) from (phi(h) - phi(-h)) / 2h, whose error is a series in h²; `noise` is the rounding error of phi."""
    return _extrapolated(lambda h: (phi(h) - phi(-h)) / (2.0 * h), 2, noise, enough)


def one_sided(phi: Callable[[float], float], side: float, noise: float, enough: float) -> Estimate:
    """The limit of phi' at 0 from the right (side 1) or from the left (side -1), whose error is a series in h.

    phi(0) is not asked for: so it is the slope beside a jump, too, as that of relu's derivative at 0.
    """
    return _extrapolated(lambda h: (phi(side * 2.0 * h) - phi(side * h)) / (side * h), 1, 2.0 * noise, enough)


def _extrapolated(difference: Callable[[float], float], power: int, noise: float, enough: float) -> Estimate:
    """Richardson's extrapolation to h = 0 over halved steps, with Ridders' choice of the entry that differs least from its neighbours.

    The error is that difference plus what rounding adds. It stops at an error of `enough`, or when rounding hides the rest. An entry of
    smaller steps that is sure of itself and contradicts the best so far replaces it: large steps may have crossed a pole or a kink.
    Ridders, Accurate computation of F'(x) and F'(x)F''(x), Advances in Engineering Software 4, 1982.
    """
    best, h = UNKNOWN, _START
    above: list[float] = []
    for _ in range(_ROWS):
        row = [difference(h)]
        rounding = (noise + _EPSILON * abs(row[0])) / h  # of phi, and of the points it is taken at, which are about 1 or smaller
        for j, old in enumerate(above):
            better = row[j] + (row[j] - old) / (2.0 ** (power * (j + 1)) - 1.0)
            error = max(abs(better - row[j]), abs(better - old)) + rounding
            contradicts = error < VAGUE * abs(better) and abs(better - best.value) > 8.0 * (error + best.error)
            if error < best.error or contradicts:
                best = Estimate(better, error)
            row.append(better)
        if best.error <= enough or rounding > VAGUE * max(abs(row[-1]), best.error):
            break
        above = row if math.isfinite(row[0]) else []
        h /= 2.0
    return best
