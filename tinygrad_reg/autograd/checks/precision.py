"""Gradients in float32 and float16: they have to be those of float64, but for rounding."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .subject import Array, Differentiable
from .verdict import Entry

_ROUNDINGS = 64.0  # in units in the last place of the largest element, times the condition of the function
_DRAWS = 4  # inputs that differ by a rounding, to see what that does to the gradient


class Rounded(NamedTuple):
    """A run in low precision: where, with which weights of the outputs, and the values and gradients it gave."""

    arrays: list[Array]
    weights: Array
    values: Array
    gradients: list[Array]

    @classmethod
    def of(cls, problem: Differentiable, rng: np.random.Generator) -> Rounded:
        """The run of this problem."""
        point = problem.run(problem.arrays)
        weights = np.concatenate([rng.standard_normal(y.array.size).astype(y.array.dtype).astype(np.float64) for y in point.outputs])
        return cls(problem.arrays, weights, point.values(), point.pull_back(weights))

    def mistake(self, high: Differentiable, rng: np.random.Generator) -> Entry | None:
        """The element that differs most from the gradient in float64, beyond what rounding can do; None if there is none.

        Rounding does to a gradient what the values show that it does to them, and what a rounding of the inputs does to it.
        """
        arrays = [a.astype(np.float64) for a in self.arrays]
        point = high.run(arrays)
        values, exact = point.values(), point.pull_back(self.weights)
        if not np.isfinite(self.values).all():  # too large for the dtype; nothing to compare
            return None
        epsilon = max(float(np.finfo(a.dtype).eps) for a in self.arrays)
        condition = 1.0 + _largest(self.values - values) / (epsilon * _largest(values) or 1.0)
        shifts = [self._shift(high, arrays, exact, epsilon, rng) for _ in range(_DRAWS)]
        for i, (g, wanted) in enumerate(zip(self.gradients, exact, strict=True)):
            kind = self.arrays[i].dtype
            if g.dtype != kind:
                return Entry(i, 0, 0, np.nan, np.nan, np.nan, why=f"the gradient of a {kind} input is {g.dtype}")
            info = np.finfo(kind)
            shift = np.max([s[i] for s in shifts], axis=0)
            allowed = _ROUNDINGS * (condition * epsilon * _largest(wanted) + shift + float(info.smallest_normal))
            gap = np.where(np.abs(wanted) < float(info.max) / 4.0, np.abs(g.astype(np.float64) - wanted), 0.0)
            if not (gap <= allowed).all():
                k = int(np.nan_to_num(gap - allowed, nan=np.inf).argmax())
                numbers = float(g.ravel()[k]), float(wanted.ravel()[k]), float(allowed.ravel()[k])
                return Entry(i, k, 0, *numbers, why=f"the gradient in {kind} is not the rounded one of float64")
        return None

    def _shift(
        self, high: Differentiable, arrays: list[Array], exact: list[Array], epsilon: float, rng: np.random.Generator
    ) -> list[Array]:
        """How much the gradient changes if the inputs change by a rounding."""
        moved = [a * (1.0 + epsilon * rng.uniform(-1.0, 1.0, a.shape)) for a in arrays]
        return [np.abs(g - wanted) for g, wanted in zip(high.run(moved).pull_back(self.weights), exact, strict=True)]


def _largest(x: Array) -> float:
    finite = np.abs(x[np.isfinite(x)])
    return float(finite.max(initial=0.0))
