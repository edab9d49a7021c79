"""Few elements, read by a table of their places: one or two calls of NumPy, where slices need one for each part.

A table is found by calling what it replaces once on the numbers of the elements. So it knows nothing of windows or borders,
and cannot say anything else than what it replaces.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from ..engine.mutation import Array
from ..engine.plain import filled

FEW = 16384  # elements up to which a table is worth its memory


class Table(NamedTuple):
    """Which element each place of a result reads, counted from 1; 0 reads a zero."""

    places: Array
    padded: bool  # whether there are zeros; if not, elements are counted from 0
    adds: bool  # whether what is read is added up over the first dim

    def of(self, x: Array) -> Array:
        """What is read of x."""
        found = self.read(x, 0)
        return combined(np.add, found) if self.adds else found

    def read(self, x: Array, padding: float) -> Array:
        """What is read of x, one after the other, `padding` in place of zeros."""
        if self.padded:
            padded = filled(x, (x.size + 1,), padding)
            padded[1:] = x.reshape(-1)
            x = padded
        return x.take(self.places)


def combined(ufunc: Any, terms: Array) -> Array:
    """The ufunc over the first dim; NumPy takes twice as long to reduce two terms as to apply it to them."""
    return ufunc(terms[0], terms[1]) if len(terms) == 2 else ufunc.reduce(terms, 0)


def numbered(shape: tuple[int, ...]) -> Array:
    """The numbers of the elements of an array of this shape, counted from 1."""
    return np.arange(1, math.prod(shape) + 1).reshape(shape)


def reading(numbers: Array, adds: bool = False) -> Table:
    """The table of a function that gives these numbers when it is called on `numbered`."""
    padded = not numbers.all()
    return Table(numbers if padded else numbers - 1, padded, adds)


def adding(numbers: Array, shape: tuple[int, ...], repeated: bool = False) -> Table:
    """The transpose of `reading`: for each element of an array of this shape the sum over the places that read it.

    `repeated`: what stands at these places is the same all along the first dim, and given once.
    """
    flat, size = numbers.reshape(-1), math.prod(shape)
    period = max(flat.size // len(numbers), 1) if repeated else max(flat.size, 1)
    counts = np.bincount(flat, minlength=size + 1)
    order = np.argsort(flat, kind="stable")[counts[0] :]
    rounds = np.arange(len(order)) - np.repeat(np.cumsum(counts[1:]) - counts[1:], counts[1:])
    places = np.zeros((counts[1:].max(initial=1), size), np.int64)
    places[rounds, flat[order] - 1] = order % period + 1
    return reading(places[0].reshape(shape)) if len(places) == 1 else reading(places.reshape(-1, *shape), adds=True)
