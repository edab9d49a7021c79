"""Where a value of the program is: a piece of storage, an offset and strides, all in elements."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from ....engine.mutation import NDArray
from ...numpy_ops import RAVEL, RESHAPE, STRIDED, WITHIN, NumpyOp
from ...program import Equation, Var, row_major

SHORT_ROW = 8  # elements: shorter ones are not worth a vector, nor memory of their own


class Storage:
    """Memory of so many elements, under the name of a pointer in the text."""

    def __init__(self, dtype: np.dtype[Any], size: int, name: str) -> None:
        self.dtype = dtype
        self.size = size
        self.name = name

    @property
    def nbytes(self) -> int:
        """How much memory it is."""
        return self.size * self.dtype.itemsize


class Ref(NamedTuple):
    """An array in storage: element (i, j, ...) is at offset + i * strides[0] + j * strides[1] + ..."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def broadcast(self, shape: tuple[int, ...]) -> Ref:
        """The same elements repeated along new dimensions and along those of size 1."""
        missing = len(shape) - len(self.shape)
        steps = [0 if n == 1 else s for n, s in zip(self.shape, self.strides, strict=True)]
        return self._replace(shape=shape, strides=(0,) * missing + tuple(steps))

    def same_place(self, other: Ref) -> bool:
        """Whether each element is where that of the other is."""
        return self.storage is other.storage and self.offset == other.offset and self.plain() == other.plain()

    def plain(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Shape and strides without the dimensions of size 1."""
        kept = [d for d, n in enumerate(self.shape) if n != 1]
        return tuple([self.shape[d] for d in kept]), tuple([self.strides[d] for d in kept])

    def is_contiguous(self) -> bool:
        """Whether the elements stand in row-major order without gaps."""
        return all(n == 1 or s == t for n, s, t in zip(self.shape, self.strides, row_major(self.shape, 1), strict=True))


def elements(var: Var) -> tuple[int, ...]:
    """A variable's strides in elements."""
    assert var.dtype is not None
    return tuple([s // var.dtype.itemsize for s in var.strides])


def extent(shape: Sequence[int], strides: Sequence[int]) -> int:
    """How many elements lie between the first and the last, both included."""
    return 0 if 0 in shape else 1 + sum((n - 1) * s for n, s in zip(shape, strides, strict=True))


def view(ref: Ref, equation: Equation) -> Ref | None:
    """What a view of an array in memory comes to; None where NumPy would copy."""
    op, [var] = equation.primitive, equation.outputs
    if op in (RESHAPE, RAVEL):
        strides = reshaped(ref.shape, ref.strides, var.shape)
        return None if strides is None else Ref(ref.storage, ref.offset, var.shape, strides)
    if op is WITHIN:
        return ref
    if op is STRIDED:
        offset, strides = equation.params["offset"], equation.params["strides"]
        return Ref(ref.storage, ref.offset + offset, var.shape, tuple(strides)) if ref.is_contiguous() else None
    assert isinstance(op, NumpyOp)
    return _looking(ref, lambda x: op.forward(x, **equation.params))


def item(ref: Ref, index: Any) -> Ref:
    """x[index] of an array in memory."""
    items = index if isinstance(index, tuple) else (index,)
    whole = items if any(x is Ellipsis for x in items) else (*items, ...)  # a view even if there is an integer for every dimension
    return _looking(ref, lambda x: x[whole])


def joined(equation: Equation, whole: Ref) -> Iterator[tuple[Var, Ref]]:
    """What a join puts one after the other, and where; without an axis, flattened."""
    axis, start = equation.params.get("axis"), 0
    for x in equation.inputs:
        if axis is None:
            yield x, Ref(whole.storage, whole.offset + start, x.shape, row_major(x.shape, 1))
            start += math.prod(x.shape)
        else:
            yield x, Ref(whole.storage, whole.offset + start * whole.strides[axis], x.shape, whole.strides)
            start += x.shape[axis]


def _looking(ref: Ref, look: Callable[[NDArray], NDArray]) -> Ref:
    """What a function that gives a view does to an array in memory."""
    byte = np.zeros(1, np.int8)  # addresses stand for elements; nothing is read
    seen = look(np.lib.stride_tricks.as_strided(byte, ref.shape, ref.strides))
    moved = seen.__array_interface__["data"][0] - byte.__array_interface__["data"][0] if seen.size else 0
    return Ref(ref.storage, ref.offset + moved, seen.shape, seen.strides)


def reshaped(shape: Sequence[int], strides: Sequence[int], new: Sequence[int]) -> tuple[int, ...] | None:
    """The strides of the same elements in another shape, in row-major order; None if no strides do it.

    Both shapes are cut into the shortest runs of dimensions with equal products; within a run the old strides must be contiguous.
    """
    if 0 in new or 0 in shape:
        return row_major(tuple(new), 1)
    old = [(n, s) for n, s in zip(shape, strides, strict=True) if n != 1]
    made: list[int] = []
    i, j = 0, 0
    while j < len(new):
        if new[j] == 1:
            made.append(0)
            j += 1
            continue
        taken, wanted, start_i, start_j = old[i][0], new[j], i, j
        i, j = i + 1, j + 1
        while taken != wanted:
            if taken < wanted:
                taken, i = taken * old[i][0], i + 1
            else:
                wanted, j = wanted * new[j], j + 1
        run = old[start_i:i]
        if any(a[1] != b[0] * b[1] for a, b in zip(run, run[1:], strict=False)):
            return None
        made += [run[-1][1] * math.prod(new[d + 1 : j]) for d in range(start_j, j)]
    return tuple(made)
