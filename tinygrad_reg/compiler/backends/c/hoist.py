"""A pass: views of elementwise results become elementwise results of views, where nobody wants the whole in its own order.

(x + y)[2:5] is x[2:5] + y[2:5], and a transposed sum the sum of what is transposed. So what a step takes apart is computed in the loops
that need the parts, and what is cheap is made in the order in which it is read; the whole is never in memory. No element is computed
twice, and no value that a loop has at hand is stored for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate, pairwise
from math import prod
from typing import Any

from ...numpy_ops import BROADCAST, CONCATENATE, GETITEM, JOIN, RESHAPE, STRIDED, WITHIN, NumpyOp, is_reduction
from ...passes import SIMPLIFY, optimize, prune
from ...program import Equation, Program, Var, row_major
from . import expressions
from .kernels import Views
from .loops import VECTOR
from .memory import SHORT_ROW, view

LONG = 1024  # elements: in longer rows those that fill no vector do not matter
PARTS = 8  # of one value: more are not worth a loop each


def views_first(program: Program) -> Program:
    """The program with views moved towards its inputs, as far as it pays."""
    program = prune(_straightened(program))
    while (hoist := _Hoist(program)).found:
        program = program._replace(equations=tuple(hoist.equations()))
    return optimize(program, SIMPLIFY)


def _straightened(program: Program) -> Program:
    """What is taken out of a join as it was put in is that part, and needs no join; of two new shapes in a row the second is enough."""
    views = Views()
    made: dict[Var, Equation] = {}
    for equation in program.equations:
        equation = _of_the_part(equation, made, views)
        before = made.get(equation.inputs[0]) if equation.primitive is RESHAPE else None
        if before is not None and before.primitive is RESHAPE:
            equation = equation._replace(inputs=before.inputs)
        if equation.primitive.view:
            views.add(equation)
        made[equation.outputs[0]] = equation
    return program._replace(equations=tuple(made.values()))


def _of_the_part(equation: Equation, made: dict[Var, Equation], views: Views) -> Equation:
    """A part of a flat join as a view of what was put in there; if it is no such thing, the equation as it is."""
    index = equation.params.get("index")
    if equation.primitive is GETITEM and isinstance(index, slice) and index.step in (None, 1):
        join = made.get(equation.inputs[0])
        part = _bounds(join).get((index.start or 0, index.stop)) if join is not None and join.primitive is JOIN else None
        if part is not None:
            flat = equation._replace(primitive=RESHAPE, inputs=(part,), params={"shape": (prod(part.shape),)})
            return equation if view(views.ref(part), flat) is None else flat
    return equation


def _bounds(join: Equation) -> dict[tuple[int, int], Var]:
    """Each part by its beginning and its end."""
    ends = list(accumulate([prod(x.shape) for x in join.inputs], initial=0))
    return {place: x for place, x in zip(pairwise(ends), join.inputs, strict=True) if x.dtype == join.outputs[0].dtype}


class _Hoist:
    """One step: views change places with the elementwise equations before them."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.kept = set(program.sinks())
        self.readers: dict[Var, list[Equation]] = {}
        self.made: dict[Var, Equation] = {}
        self.views = Views()
        for equation in program.equations:
            for x in dict.fromkeys(equation.reads()):
                self.readers.setdefault(x, []).append(equation)
            self.made.update((var, equation) for var in equation.outputs)
            if equation.primitive.view:
                self.views.add(equation)
        apart = {e.outputs[0]: e for e in program.equations if self._is_taken_apart(e)}
        self.found = {x: e for x, e in apart.items() if not self._has_at_hand(e, apart)}

    def equations(self) -> Iterator[Equation]:
        """The equations afterwards."""
        for equation in self.program.equations:
            source = self.found.get(equation.inputs[0]) if _is_taken(equation) else None
            if source is not None:
                yield from _exchanged(equation, source)
            elif equation.outputs[0] not in self.found:
                yield equation

    def _is_taken_apart(self, equation: Equation) -> bool:
        """Whether all that is read of an elementwise result are views of which it pays to take them earlier."""
        [x, *_] = equation.outputs
        readers = self.readers.get(x, [])
        if not x.shape or x in self.kept or not readers or not all(map(_is_taken, readers)):
            return False
        if not expressions.known(equation) or not all(self._allows(equation, taken) for taken in readers):
            return False
        ends = [end for taken in readers for end in self._ends(taken.outputs[0])]
        few = len(ends) <= PARTS and sum(prod(end.shape) for end in ends) <= prod(x.shape)
        return few and all(self._pays(equation, end) for end in ends)

    def _allows(self, equation: Equation, taken: Equation) -> bool:
        """Whether the view can be taken of every argument without a copy, and of no constant that would be stored repeated."""
        shape = equation.outputs[0].shape
        arrays = [x for x in equation.reads() if x.shape]
        if any(x in self.program.constants and x.shape != shape for x in arrays):
            return False
        return all(view(self.views.ref(x).broadcast(shape), taken) is not None for x in arrays)

    def _ends(self, x: Var) -> Iterator[Var]:
        """The views that something other than a view reads, of a view and those of it."""
        further = [e for e in self.readers.get(x, []) if _is_taken(e) and e.outputs[0] in self.views.made_by]
        if x in self.kept or len(further) < len(self.readers.get(x, [])):
            yield x
        else:
            for equation in further:
                yield from self._ends(equation.outputs[0])

    def _pays(self, equation: Equation, end: Var) -> bool:
        """Whether a view of a result is better computed for itself.

        A part is, in rows that fill vectors, to the last element if elements are expensive. The whole in another order is, if it is cheap
        and read from one array. Products read it where it is, and what the step is run for is copied there from the whole.
        """
        [x] = equation.outputs
        readers = self.readers.get(end, [])
        if end in self.kept or not all(_computes(e) or _is_taken(e) or e.primitive in (JOIN, CONCATENATE) for e in readers):
            return False
        quick, row = expressions.is_quick(equation), self._row(end)
        if prod(end.shape) < prod(x.shape):
            return row >= (SHORT_ROW if quick else LONG) or (row >= VECTOR and row % VECTOR == 0)
        arrays = [a for a in equation.reads() if prod(self.views.base(a).shape) >= prod(x.shape)]
        return quick and len(arrays) <= 1 and not self.views.is_whole(end)

    def _row(self, x: Var) -> int:
        """How many elements stand one after the other."""
        row = 1
        for n, step in zip(*map(reversed, self.views.ref(x).plain()), strict=True):
            if step != row:
                break
            row *= n
        return row

    def _has_at_hand(self, equation: Equation, apart: dict[Var, Equation]) -> bool:
        """Whether it reads what loops alone read, and what is not taken apart as well: that would have to be stored only for it."""
        [out] = equation.outputs
        ends = [end for taken in self.readers[out] for end in self._ends(taken.outputs[0])]
        for x in equation.reads():
            source = self.made.get(x)
            if source is not None and x.shape == out.shape and x not in self.kept and expressions.known(source):
                readers = self.readers[x]
                stays = any(e.outputs[0] not in apart for e in readers) or not all(self._pays(source, end) for end in ends)
                if stays and all(map(_computes, readers)):
                    return True
        return False


def _exchanged(taken: Equation, source: Equation) -> Iterator[Equation]:
    """The view of an elementwise result as the result of views."""
    shape = source.outputs[0].shape
    inputs: list[Any] = []
    for x in source.inputs:
        if isinstance(x, Var) and x.shape:
            if x.shape != shape:
                whole = _like(x, shape)
                yield Equation(BROADCAST, (x,), {"shape": shape}, (whole,), source.line)
                x = whole
            part = _like(x, taken.outputs[0].shape)
            yield taken._replace(inputs=(x,), outputs=(part,))
            x = part
        inputs.append(x)
    yield source._replace(inputs=tuple(inputs), outputs=taken.outputs)


def _computes(equation: Equation) -> bool:
    """Whether a loop takes it up, element by element."""
    return expressions.known(equation) or is_reduction(equation.primitive)


def _is_taken(equation: Equation) -> bool:
    """Whether each element of the result is one of the input's, and no other is the same."""
    op = equation.primitive
    return isinstance(op, NumpyOp) and op.view and op not in (BROADCAST, STRIDED, WITHIN)


def _like(x: Var, shape: tuple[int, ...]) -> Var:
    assert x.dtype is not None
    return Var(shape, x.dtype, row_major(shape, x.dtype.itemsize))
