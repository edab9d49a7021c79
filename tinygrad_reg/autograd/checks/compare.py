"""Gradients against numeric derivatives: the entries of the Jacobian that differ, found by halving.

With random u and v, the slope of Σ v·f along u must be what the graph gives, Σ (vJ)·u. One such comparison sees an error in any
entry. Only where it fails, or cannot be precise enough, the elements of u are halved, down to one, and then those of v.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np

from ...errors import ArgumentError
from .complex_step import complex_step
from .differences import ROUNDINGS, Estimate, Ladder, Tableau, diverges, good_ones, levels_for, settled
from .subject import Array, Differentiable
from .tape import Tape, taped
from .verdict import ANALYTIC_ROUNDINGS, End, Entry, Known, Tolerance, precise_for

_LEVELS = 12  # halvings of the step for many elements at once; for a single one, as many as x has bits for
_EARLY = 1 / 16  # of the error that is wanted in the end, ends the halving early
_AT_ONCE = 3  # before the first look at the result
_COMPLEX = 2.0**20  # a complex step agrees if only so many roundings separate the two; else differences are asked
_REPEATED = 2.0**10  # roundings by which two runs may differ, as sums of threads do
_ALIKE = 1e-3  # slopes on both sides of such a point, if it is none with a kink itself
_NEIGHBOURS = 64  # points next to the input, where ties are broken in one order or another
_LOOKED_AT = 128  # outputs, for which one element of an input is looked at alone


class Comparison:
    """The gradients of one function at one point."""

    def __init__(self, problem: Differentiable, rng: np.random.Generator, tolerance: Tolerance) -> None:
        self._problem, self._rng, self._tolerance = problem, rng, tolerance
        self._point = problem.run(problem.arrays)
        self._values = self._point.values()
        kinds = [a.dtype for a in problem.arrays] + [y.array.dtype for y in self._point.outputs]
        self._epsilon = max(float(np.finfo(kind).eps) for kind in kinds)
        self._precise = precise_for(self._epsilon)
        self._refusal = ""  # what f raises next to the input
        self._require_repeatable()
        self._usual = self._point.pull_back(rng.uniform(0.5, 1.0, self._values.size))
        whole = [_direction(x, np.arange(x.size), rng, g) for x, g in zip(problem.arrays, self._usual, strict=True)]
        self._exact = complex_step(problem, self._values, whole) if self._epsilon < 1e-15 else None

    def _require_repeatable(self) -> None:
        """Two runs at one point must give the same, but for rounding; else no difference of values says anything."""
        again = self._problem.run(self._problem.arrays, record=False).values()
        noise = _REPEATED * self._epsilon * _largest(self._values)
        if again.size != self._values.size or not np.isclose(self._values, again, rtol=0.0, atol=noise, equal_nan=True).all():
            raise ArgumentError(
                f"gradcheck: two runs at the same inputs give different {'gradients' if self._problem.is_gradient else 'values'}, so "
                "there is no derivative to compare with; let the function depend on its inputs alone: draw random numbers from "
                "tinygrad_reg's own generator, which is set back before each run, or seed another one inside of the function"
            )

    def wrong_entries(self, enough: int) -> list[Entry]:
        """Those of all inputs; no more are looked for if there are `enough`."""
        with np.errstate(all="ignore"):
            return self._wrong_entries(enough)

    def _wrong_entries(self, enough: int) -> list[Entry]:
        found: list[Entry] = []
        for i, x in enumerate(self._problem.arrays):
            pending = [np.flatnonzero(np.isfinite(x))]
            while pending and len(found) < enough:
                part = pending.pop()
                if part.size == 0 or self._agree(i, part):
                    continue
                if part.size == 1:
                    found += self._wrong_in_column(i, int(part[0]))
                else:
                    pending += [part[part.size // 2 :], part[: part.size // 2]]
        return found

    # ---- many at once ------------------------------------------------------------------------------------------------

    def _agree(self, i: int, part: Array) -> bool:
        """Whether the derivatives for some elements of one input are right, as far as one look at all of them can tell."""
        if self._exact is not None and self._agree_exactly(self._exact, i, part):
            return True
        return any(self._agree_by_differences(i, u) for u in self._directions(i, part))

    def _agree_exactly(self, exact: Callable[[Sequence[Array]], Array], i: int, part: Array) -> bool:
        u = _direction(self._problem.arrays[i], part, self._rng, self._usual[i])
        slope = exact([u if k == i else np.zeros_like(x) for k, x in enumerate(self._problem.arrays)])
        known = np.isfinite(slope) & np.isfinite(self._values)
        error = 16.0 * self._epsilon * np.maximum(np.abs(slope), np.abs(self._values))
        look = self._look(i, u, Estimate(slope, error), np.arange(slope.size))
        allowed = _COMPLEX * self._epsilon * look.size
        return bool(known.all()) and abs(look.analytic - look.numeric) <= allowed < np.inf

    def _agree_by_differences(self, i: int, u: Array) -> bool:
        ladder = Ladder(self._line(i, u), self._values, self._epsilon)
        everything = np.arange(self._values.size)
        top = min(_LEVELS, levels_for(self._epsilon))
        while ladder.levels < top:
            ladder.climb(min(_AT_ONCE if not ladder.levels else 1, top))
            look = self._look(i, u, ladder.central.best(), everything)
            if look.allowed <= _EARLY * self._precise * look.size:
                if look.agrees():
                    return True
                if ladder.levels > _AT_ONCE + 1:
                    return False
        return look.allowed <= self._precise * max(look.size, look.natural) and look.agrees()

    def _look(self, i: int, u: Array, estimate: Estimate, outputs: Array) -> Look:
        """Both sides of the comparison along u, for some of the outputs."""
        weights = np.zeros(self._values.size)
        weights[outputs] = self._weights(estimate)[outputs]
        g = self._point.pull_back(weights)[i]
        used = u != 0
        terms = np.asarray(g[used], np.float64) * np.asarray(u[used], np.float64)
        parts = (weights * estimate.slope)[outputs]
        size = float(np.abs(terms).sum() + np.abs(parts).sum())
        error = float((np.abs(weights) * estimate.error)[outputs].sum()) if weights[outputs].all() else np.inf
        natural = size + float(np.nan_to_num(np.abs(weights * self._values)[outputs], posinf=0.0).sum())
        return Look(float(terms.sum()), float(parts.sum()), error + ANALYTIC_ROUNDINGS * self._epsilon * size, size, natural)

    def _weights(self, estimate: Estimate) -> Array:
        """Cotangents that give all outputs the same say, and those the less that are less well known; 0 for unknown ones.

        They have the sign of the slope, so that the terms add up and a common factor shows.
        """
        size = np.maximum(np.abs(estimate.slope), estimate.error / self._precise)
        typical = float(size[np.isfinite(size)].max(initial=0.0)) or 1.0
        size = np.maximum(np.where(size > 0.0, size, typical), 1e-100)
        return np.where(estimate.slope < 0.0, -1.0, 1.0) * self._rng.uniform(0.5, 1.0, size.shape) / size

    def _directions(self, i: int, part: Array) -> Iterator[Array]:
        """A direction in the scale of the elements or of 1, whichever is larger; and one in that of small elements, if any.

        Along the (analytic) gradient of some weighted sum, so that its terms add up too.
        """
        x, g = self._problem.arrays[i], self._usual[i]
        yield _direction(x, part, self._rng, g)
        sizes = np.abs(x.ravel()[part])
        if ((sizes > 0) & (sizes < 0.03)).any():
            yield _direction(x, part, self._rng, g, least=0.0)

    def _line(self, i: int, u: Array, start: Sequence[Array] | None = None) -> Callable[[float], Array]:
        """The values at x + h·u; `start` is another point than the input."""
        arrays = start or self._problem.arrays
        return lambda h: self._at([x + x.dtype.type(h) * u if k == i else x for k, x in enumerate(arrays)])

    def _at(self, arrays: Sequence[Array]) -> Array:
        """The values at another point; nan where f refuses, or gives something of another shape."""
        try:
            values = self._problem.run(arrays, record=False).values()
        except Exception as error:  # whatever f raises outside of its domain
            self._refusal = f", it raises {type(error).__name__}: {error}"
            return np.full(self._values.size, np.nan)
        return values if values.size == self._values.size else np.full(self._values.size, np.nan)

    @cached_property
    def _natural(self) -> float:
        """The size of the numbers that f computes with: what has cancelled to almost nothing, was of this size.

        Numbers far beyond those that go in and come out are taken for masks, not for terms.
        """
        tape = Tape()
        taped(lambda: self._problem.run(self._problem.arrays), tape)
        met = max([0.0, *[_largest(y) for call in tape.calls for y in call.outs if y.dtype.kind == "f"]])
        return min(met, 1e6 * max(1.0, _largest(self._values), *map(_largest, self._problem.arrays)))

    # ---- one element of an input -------------------------------------------------------------------------------------

    def _wrong_in_column(self, i: int, element: int) -> list[Entry]:
        """The wrong entries among the derivatives of all outputs for one element."""
        wrong: dict[int, Entry] = {}
        suspects = np.arange(self._values.size)
        for u in self._directions(i, np.array([element])):
            ladder = Ladder(self._line(i, u), self._values, self._epsilon, doubted=True)
            ladder.climb(levels_for(self._epsilon))
            found = [self._judged(ladder, i, u, element, int(k)) for k in self._narrowed(ladder, i, u, suspects)]
            wrong = {entry.output: entry for entry in found if entry is not None}
            suspects = np.array(list(wrong), int)
            if wrong and self._has_kink:
                least, most, noise = self._slopes_nearby(i, u)
                scale = float(u.ravel()[element])
                wrong = {k: entry for k, entry in wrong.items() if not _within(entry.analytic * scale, least[k], most[k], noise)}
        return list(wrong.values())

    @cached_property
    def _has_kink(self) -> bool:
        """Whether the input lies at one: the slopes along three random directions, of which one is the sum of the others, do not add up."""
        arrays, step, rng = self._problem.arrays, self._epsilon ** (2 / 3), self._rng.spawn(1)[0]
        u, v = ([rng.uniform(-1.0, 1.0, x.shape) * np.where(x, np.abs(x), 1.0) for x in arrays] for _ in "uv")

        def slope(direction: list[Array], h: float) -> Array:
            return (self._at([(x + h * w).astype(x.dtype) for x, w in zip(arrays, direction, strict=True)]) - self._values) / h

        both = [a + b for a, b in zip(u, v, strict=True)]
        parts, right, left = slope(u, step) + slope(v, step), slope(both, step), slope(both, -step)
        return not (self._alike(parts, right, step) & self._alike(left, right, step)).all()

    def _alike(self, left: Array, right: Array, step: float) -> Array:
        """Whether these slopes, made with such a step, are the same, so that there is a derivative."""
        return np.isclose(left, right, rtol=_ALIKE, atol=2.0 * self._slope_noise(step))

    def _slope_noise(self, step: float) -> float:
        return ROUNDINGS * self._epsilon * max(self._natural, _largest(self._values)) / step

    def _slopes_nearby(self, i: int, u: Array) -> tuple[Array, Array, float]:
        """The least and the largest slope of each output along u at points next to the input at which it has a derivative, and their noise.

        Of more than two elements that are equal, none alone moves the second largest, although any of them may be it: there the
        derivatives from both sides are not all that a gradient can be. (Clarke's interval is made of the limits of derivatives nearby.)
        """
        arrays, step = self._problem.arrays, self._epsilon ** (2 / 3)
        slopes = np.full((_NEIGHBOURS, self._values.size), np.nan)
        rng = self._rng.spawn(1)[0]  # other draws stay what they are
        for row in slopes:
            moved = [x + 16.0 * step * rng.uniform(-1.0, 1.0, x.shape) * np.where(x, np.abs(x), 1.0) for x in arrays]
            line = self._line(i, u, [y.astype(x.dtype) for x, y in zip(arrays, moved, strict=True)])
            down, here, up = line(-step), line(0.0), line(step)
            left, right = (here - down) / step, (up - here) / step
            row[:] = np.where(self._alike(left, right, step), (left + right) / 2.0, np.nan)
        return np.fmin.reduce(slopes), np.fmax.reduce(slopes), self._slope_noise(step)

    def _narrowed(self, ladder: Ladder, i: int, u: Array, outputs: Array) -> Iterator[int]:
        """The outputs whose derivative must be looked at by itself."""
        still = ladder.unmoved()[outputs]
        weights = np.zeros(self._values.size)
        weights[outputs[still]] = self._rng.uniform(0.5, 1.0, still.sum())
        if not self._point.pull_back(weights)[i][u != 0].any():  # exactly 0 on both sides
            outputs = outputs[~still]
        best, pending, given = ladder.central.best(), [outputs], 0
        while pending and given < _LOOKED_AT:
            part = pending.pop()
            look = self._look(i, u, best, part) if part.size else None
            if look is None or (look.allowed <= self._precise * look.size and look.agrees()):
                continue
            if part.size == 1:
                given += 1
                yield int(part[0])
            else:
                pending += [part[part.size // 2 :], part[: part.size // 2]]

    def _judged(self, ladder: Ladder, i: int, u: Array, element: int, output: int) -> Entry | None:
        """None if one entry is right: as the derivative, as one of those between left and right, or as an infinite one."""
        if np.isinf(self._values[output]) and not ladder.reach(output):
            return None  # infinite all along, it has no derivative
        unit = np.zeros(self._values.size)
        unit[output] = 1.0
        scale = float(u.ravel()[element])
        analytic = float(self._point.pull_back(unit)[i].ravel()[element]) * scale
        if ladder.is_unknown(output) and (not analytic or np.isnan(analytic)):
            return None  # nan all along, and nothing is said of its derivative
        known = Known(analytic, self._epsilon, ladder.reach(output), self._natural, self._problem.is_gradient)
        grain = ladder.grain(output, ANALYTIC_ROUNDINGS * self._epsilon * self._natural)
        good = good_ones(ladder.central, output, self._precise, known.negligible, grain)
        if known.is_among(good) or any(self._tolerated(analytic, slope, scale) for slope, _ in good):
            return None
        central = settled(good)
        if known.is_nothing(central, [float(slope[output]) for slope in ladder.central.slopes]):
            return None
        ends = [end for sign in (-1, 1) if (end := self._end(ladder.side(output, sign), known.negligible, grain)) is not None]
        kink = self._is_kink(ends) or not central or not known.is_good(*central[0])
        if ends and kink and known.between(ends):
            return None
        return self._wrong(Entry(i, element, output, analytic, np.nan, np.nan), central, ends if kink else [], scale, known.own)

    def _tolerated(self, analytic: float, slope: float, scale: float) -> bool:
        rtol, atol = self._tolerance
        return abs(analytic - slope) <= atol * abs(scale) + rtol * abs(slope)

    def _end(self, tableau: Tableau, negligible: float, grain: float) -> End | None:
        """The derivative from one side."""
        infinite = diverges(tableau, 0)
        found = [(infinite, 0.0)] if infinite else settled(good_ones(tableau, 0, self._precise, negligible, grain))
        return found[0] if found else None

    def _is_kink(self, ends: Sequence[End]) -> bool:
        """Whether the sides certainly differ, or there is only one."""
        if len(ends) < 2 or np.isinf([slope for slope, _ in ends]).any():
            return bool(ends)
        (left, left_error), (right, right_error) = ends
        return abs(left - right) > 4.0 * (left_error + right_error)

    def _wrong(self, entry: Entry, central: Sequence[End], kink: Sequence[End], scale: float, own: float) -> Entry:
        """The entry with what is known of the numeric derivative, from derivatives along the direction to those along the axis."""
        known = list(central or kink)
        if not known:
            return entry._replace(analytic=entry.analytic / scale, why=f"the function has no finite values around the input{self._refusal}")
        numeric, error = known[0]
        sides = sorted(slope / scale for slope, _ in kink)
        unclear = not kink and abs(entry.analytic - numeric) <= error + own
        return entry._replace(
            analytic=entry.analytic / scale,
            numeric=numeric / scale,
            error=error / abs(scale),
            sides=(sides[0], sides[-1]) if sides else None,
            why="differences are too inexact here to tell whether it is right" if unclear else "",
        )


class Look(NamedTuple):
    """One comparison: how far the two may be apart, and how large their terms are; `natural` counts the values themselves too.

    A derivative along u, which has the size of x, is by nature of the size of the values. If it is far smaller, differences may
    only be able to show that it is small.
    """

    analytic: float
    numeric: float
    allowed: float
    size: float
    natural: float

    def agrees(self) -> bool:
        """Whether they are the same, as far as can be told."""
        return abs(self.analytic - self.numeric) <= self.allowed < np.inf


def _direction(x: Array, part: Array, rng: np.random.Generator, along: Array, least: float = 1.0) -> Array:
    """Random numbers of the size of x's elements in some places, 0 in the others; elements smaller than `least` count as that.

    Their signs are those of `along`, and they are short binary fractions of the next power of two, so that x + h·u is exact.
    """
    u = np.zeros(x.size, x.dtype)
    sizes = np.abs(x.ravel()[part])
    powers = np.ldexp(1.0, np.frexp(np.where(sizes > least, sizes, least or 1.0))[1] - 1)
    u[part] = rng.integers(33, 64, part.size) / 32.0 * np.where(along.ravel()[part] < 0.0, -1.0, 1.0) * powers
    return np.asarray(u.reshape(x.shape))


def _within(slope: float, least: float, most: float, noise: float) -> bool:
    """Whether a slope lies between two that certainly differ."""
    differ = most - least > 4.0 * (_ALIKE * max(abs(least), abs(most)) + noise)
    return differ and least - noise <= slope <= most + noise


def _largest(x: Array) -> float:
    return float(np.max(np.abs(x[np.isfinite(x)]), initial=0.0))
