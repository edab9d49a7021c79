"""Equations gathered into kernels: loops over one shape, products, and calls back to Python.

First every equation is a kernel of its own, then loops over the same shape are merged where nothing that lies between them
forbids it and they share something. What only one loop reads never reaches memory. Dimensions of size 1 do not count:
(100, 1) is the same loop as (100,).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from ...numpy_ops import (
    ADD_AT,
    ARGMAX,
    ARGMIN,
    AS_ARRAY,
    CONCATENATE,
    COPY,
    JOIN,
    PUT_ALONG,
    STRIDED,
    TAKE,
    TAKE_ALONG,
    WITHIN,
    NumpyOp,
    is_reduction,
    reduce_op,
    ufunc_op,
)
from ...passes import is_pure, late
from ...program import Equation, Program, Var, row_major
from ...scalars import Scalar
from . import expressions
from .algebra import SHORT_PRODUCT
from .memory import Ref, Storage, view

MATMUL = ufunc_op(np.matmul)
_CHECK = NumpyOp("check", lambda *bools: None)  # what a step does with bools that must be true
_QUICK = 4  # equations are sooner computed again than stored and read


def canonical(shape: Iterable[int]) -> tuple[int, ...]:
    """A shape without the dimensions of size 1."""
    return tuple([n for n in shape if n != 1])


class Kernel:
    """A piece of the C function."""

    def __init__(self, *equations: Equation) -> None:
        self.equations = list(equations)

    def lines(self) -> Iterator[str]:
        """The user's lines that it comes from."""
        yield from dict.fromkeys(e.line for e in self.equations if e.line)


class Loop(Kernel):
    """Elementwise equations and reductions over one shape."""

    def __init__(self, shape: tuple[int, ...], *equations: Equation) -> None:
        super().__init__(*equations)
        self.shape = shape


class Product(Kernel):
    """A matrix product, or many: (..., m, k) @ (..., k, n)."""


class Join(Kernel):
    """Arrays one after the other in new memory; one alone is a copy in row-major order."""


class Update(Kernel):
    """An array with a part replaced, or with values added at positions that an array names."""


class Gather(Kernel):
    """Elements at positions that an array names."""


class Best(Kernel):
    """The position of the largest or the smallest."""


class Running(Kernel):
    """Running sums and products."""


class Within(Kernel):
    """Ends the step if numbers are out of bounds; makes nothing."""


class Call(Kernel):
    """A function of Python's."""


class Check(Kernel):
    """Ends the step unless all of some bools are true; what comes later may write."""


class Reading(NamedTuple):
    """What a kernel needs: a value, and whether it is met element by element in the loop's own order."""

    base: Var
    aligned: bool


class Views:
    """What views look at: every one is a part of a base, or the whole base under another shape."""

    def __init__(self) -> None:
        self.made_by: dict[Var, Equation] = {}
        self._seen: dict[Var, tuple[Var, Ref]] = {}

    def add(self, equation: Equation) -> bool:
        """Take up a view; False if it is none, but a copy."""
        [var] = equation.outputs
        base, ref = self._looked_at(equation.inputs[0])
        found = view(ref, equation)
        if found is not None:
            self.made_by[var] = equation
            self._seen[var] = base, found
        return found is not None

    def base(self, var: Var) -> Var:
        """The value whose memory this is."""
        return self._looked_at(var)[0]

    def ref(self, var: Var) -> Ref:
        """The elements of its base that it has, as if the base stood in row-major order."""
        return self._looked_at(var)[1]

    def is_whole(self, var: Var) -> bool:
        """Whether it has all elements of its base in the same order."""
        base, ref = self._looked_at(var)
        shape = canonical(base.shape)
        return ref.offset == 0 and ref.plain() == (shape, row_major(shape, 1))

    def _looked_at(self, var: Var) -> tuple[Var, Ref]:
        if var not in self._seen:
            storage = Storage(np.dtype(np.uint8), 0, "")
            self._seen[var] = var, Ref(storage, 0, var.shape, row_major(var.shape, 1))
        return self._seen[var]


class Kernels:
    """The kernels of a program in their order, and what has to be in memory for them."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.views = Views()
        self._needs: dict[Kernel, frozenset[Reading]] = {}
        self._reads: dict[Kernel, frozenset[Ref]] = {}
        self.scalars: list[Equation] = []  # arithmetic with numbers, done first
        self.numbers: dict[Var, tuple[Any, np.dtype[Any]]] = {}  # numbers as arrays: written where they are read
        early, after = late(program)
        first = [e for e in early if not is_pure(e)]  # draws depend on nothing
        finite = [_all_finite(var) for var in program.checked]
        check = Check(Equation(_CHECK, tuple([test.outputs[0] for _, test in finite]), {}, (), ""))
        before = [*first, *(e for e in early if is_pure(e)), *(e for tests in finite for e in tests)]
        self.list = [*self._merged(before), check, *self._merged(after)]
        ends = (*program.results, *program.gradients, *(value for _, value in program.writes))
        self.ends = {self.views.base(var) for var in ends}  # what the step is run for
        self._recompute()
        self.made_by = {var: kernel for kernel in self.list for e in kernel.equations for var in e.outputs}
        self.stored = set(self._stored())

    def readings(self, kernel: Kernel) -> frozenset[Reading]:
        """What a kernel needs, its own values included."""
        if kernel not in self._needs:
            self._needs[kernel] = frozenset(self._readings(kernel))
        return self._needs[kernel]

    def _readings(self, kernel: Kernel) -> Iterator[Reading]:
        shape = kernel.shape if isinstance(kernel, Loop) else None
        for equation in kernel.equations:
            in_order = shape is not None and equation.primitive is not SHORT_PRODUCT
            for x in equation.reads():
                if x.dtype is not None and x not in self.numbers:
                    aligned = in_order and canonical(x.shape) == shape and self.views.is_whole(x)
                    yield Reading(self.views.base(x), aligned)

    # ---- one kernel for each equation -------------------------------------------------------------------------------------

    def _kernels(self, equation: Equation) -> Iterator[Kernel]:
        op = equation.primitive
        if isinstance(op, Scalar):
            self.scalars.append(equation)
        elif op is AS_ARRAY:
            self.numbers[equation.outputs[0]] = (equation.inputs[0], equation.params["dtype"])
        elif isinstance(op, NumpyOp) and op.view:
            yield from self._view(equation)
        elif expressions.known(equation) or op is SHORT_PRODUCT:
            yield Loop(canonical(equation.outputs[0].shape), equation)
        elif expressions.known_reduction(equation):
            yield Loop(canonical(equation.inputs[0].shape), equation)
        else:
            for x in equation.reads():
                if x in self.numbers:  # it has to be in memory here
                    copy = Var((), x.dtype, ())
                    yield Loop((), Equation(COPY, (x,), {}, (copy,), equation.line))
                    equation = equation._replace(inputs=tuple([copy if y is x else y for y in equation.inputs]))
            yield self._alone(equation)

    def _view(self, equation: Equation) -> Iterator[Kernel]:
        """Nothing, if it is one; what NumPy would copy is copied."""
        if equation.primitive is WITHIN:
            yield Within(equation._replace(outputs=()))
        if self.views.add(equation):
            return
        if not equation.inputs[0].dtype.isnative:
            yield Call(equation)
        elif equation.primitive is STRIDED:
            copy = equation.inputs[0].copied()
            yield Join(equation._replace(primitive=JOIN, params={}, outputs=(copy,)))
            self.views.add(equation._replace(inputs=(copy,)))
        else:
            yield Join(equation)

    def _alone(self, equation: Equation) -> Kernel:
        """A kernel that is no loop over elementwise equations."""
        op, [out, *_] = equation.primitive, equation.outputs
        arrays = [x for x in (*equation.reads(), *equation.outputs) if x.dtype is not None]
        same = all(x.dtype == out.dtype for x in arrays)
        if not expressions.typed(arrays):
            return Call(equation)
        if op is MATMUL and out.dtype in (np.float32, np.float64) and same:
            return Product(equation)
        if op in (JOIN, CONCATENATE) and same:
            return Join(equation)
        if op in (TAKE, TAKE_ALONG) and _ranks_agree(equation):
            return Gather(equation)
        if isinstance(op, NumpyOp) and op.update and _ranks_agree(equation) and _can_update(equation):
            return Update(equation)
        if op in (ARGMAX, ARGMIN) and arrays[0].shape and 0 not in arrays[0].shape:
            return Best(equation)
        if isinstance(op, NumpyOp) and op.method == "accumulate" and op.ufunc in (np.add, np.multiply) and out.shape and out.dtype != bool:
            return Running(equation)
        return Call(equation)

    # ---- merging ---------------------------------------------------------------------------------------------------------

    def _merged(self, equations: Iterable[Equation]) -> list[Kernel]:
        """Kernels; each loop goes together with the nearest earlier one that it can join, and that as well, as long as there is one."""
        done: list[Kernel] = []
        for kernel in (kernel for equation in equations for kernel in self._kernels(equation)):
            done.append(kernel)
            at: int | None = len(done) - 1
            while at is not None:
                at = self._merge(done, at)
        return done

    def _merge(self, kernels: list[Kernel], at: int) -> int | None:
        """Merge the loop at this place with an earlier one, at the place of either; the place, or None if there is nothing to merge."""
        later = kernels[at]
        if not isinstance(later, Loop):
            return None
        needs = self.readings(later)
        made: set[Var] = set()  # between the two
        read: set[Var] = set()
        for i in reversed(range(at)):
            earlier = kernels[i]
            makes = _outputs(earlier)
            if isinstance(earlier, Loop) and earlier.shape == later.shape and self._go_together(earlier, later):
                up, down = made.isdisjoint(need.base for need in needs), read.isdisjoint(makes)
                if up or down:
                    place, gone = (i, at) if up else (at, i)
                    kernels[place] = Loop(later.shape, *earlier.equations, *later.equations)
                    del kernels[gone]
                    return place - (gone < place)
            made |= makes
            read.update(need.base for need in self.readings(earlier))
        return None

    def _go_together(self, earlier: Loop, later: Loop) -> bool:
        """Whether the later loop takes what the earlier makes element by element, and whether it reads or takes anything of it at all."""
        needs, makes = self.readings(later), _outputs(earlier)
        summed = {e.outputs[0] for e in earlier.equations if is_reduction(e.primitive)}
        taken = [need for need in needs if need.base in makes]
        if any(not need.aligned or need.base in summed for need in taken):
            return False
        return bool(taken) or not self._read(later).isdisjoint(self._read(earlier))

    def _read(self, kernel: Kernel) -> frozenset[Ref]:
        """What it reads of arrays of more than one element; other parts of the same memory are nothing that two loops share."""
        if kernel not in self._reads:
            refs = [self.views.ref(x) for equation in kernel.equations for x in equation.reads() if canonical(x.shape)]
            self._reads[kernel] = frozenset([Ref(ref.storage, ref.offset, *ref.plain()) for ref in refs])
        return self._reads[kernel]

    # ---- computing again instead of storing ------------------------------------------------------------------------------

    def _recompute(self) -> None:
        """A loop that reads what is quickly computed from one other array in memory reads that array, and computes it again."""
        stored = set(self._stored())
        order = {var: i for i, e in enumerate(e for kernel in self.list for e in kernel.equations) for var in e.outputs}
        for at, loop in enumerate(self.list):
            if isinstance(loop, Loop):
                for equation in loop.equations:
                    if equation.outputs[0] not in stored or equation.outputs[0] in self.ends:
                        continue
                    chain = self._quick(loop, equation, stored)
                    readers = self._readers(equation.outputs[0], at) if chain else []
                    if readers:
                        stored.discard(equation.outputs[0])
                        for reader in readers:
                            known = _outputs(reader)
                            reader.equations += [e for e in chain if e.outputs[0] not in known]
                            del self._needs[reader]
                            reader.equations.sort(key=lambda e: order[e.outputs[0]])

    def _quick(self, loop: Loop, equation: Equation, stored: set[Var]) -> list[Equation]:
        """The equations that give its result again from one array of the loop's shape that is in memory; none if that is not quick."""
        made = {e.outputs[0]: e for e in loop.equations}
        chain: set[Var] = set()
        found: set[Var] = set()
        waiting = [equation.outputs[0]]
        while waiting:
            var = waiting.pop()
            if not expressions.is_quick(made[var]) or len(chain) == _QUICK:
                return []
            chain.add(var)
            for x in made[var].reads():
                base = self.views.base(x)
                if x in self.numbers or x.dtype is None or (base not in made and not canonical(x.shape)):
                    continue
                if base in stored or base not in made:
                    found.add(base)
                elif base not in chain:
                    waiting.append(base)
        return [e for e in loop.equations if e.outputs[0] in chain] if len(found) == 1 else []

    def _readers(self, var: Var, at: int) -> list[Loop]:
        """The later loops that read a value element by element; none if anything else reads it."""
        readers: list[Loop] = []
        for kernel in self.list[at + 1 :]:
            needs = self.readings(kernel)
            if Reading(var, False) in needs:
                return []
            if Reading(var, True) in needs:
                readers.append(kernel)  # type: ignore[arg-type]  # only loops read so
        return readers

    def _stored(self) -> Iterator[Var]:
        """What one kernel makes and another reads, and what the step is run for."""
        for kernel in self.list:
            makes = _outputs(kernel)
            yield from (need.base for need in self.readings(kernel) if need.base not in makes or not isinstance(kernel, Loop))
            if not isinstance(kernel, Loop):
                yield from makes
            yield from (e.outputs[0] for e in kernel.equations if is_reduction(e.primitive))
        yield from self.ends


def _all_finite(var: Var) -> tuple[Equation, Equation]:
    """What tells whether all elements are finite."""
    each, every = Var(var.shape, np.dtype(bool), row_major(var.shape, 1)), Var((), np.dtype(bool), ())
    test = Equation(ufunc_op(np.isfinite), (var,), {}, (each,), "")
    return test, Equation(reduce_op(np.logical_and), (each,), {"axis": None, "keepdims": False}, (every,), "")


def _outputs(kernel: Kernel) -> set[Var]:
    return {var for equation in kernel.equations for var in equation.outputs}


def _ranks_agree(equation: Equation) -> bool:
    """Whether arrays of positions along an axis have the shape of what they stand for."""
    op = equation.primitive
    if op not in (TAKE_ALONG, PUT_ALONG):
        return True
    x, indices, axis = equation.inputs[0], equation.inputs[1], equation.params["axis"]
    return axis is not None and [n for d, n in enumerate(x.shape) if d != axis % len(x.shape)] == [
        n for d, n in enumerate(indices.shape) if d != axis % len(x.shape)
    ]


def _can_update(equation: Equation) -> bool:
    """Whether the values have the dtype of the array, or are numbers."""
    base, value = equation.inputs[0], equation.inputs[-1]
    numbers = not isinstance(value, Var) or value.dtype == equation.outputs[0].dtype
    return (
        numbers
        and base.dtype == equation.outputs[0].dtype
        and (equation.primitive in (ADD_AT, PUT_ALONG) or expressions.known_update(equation))
    )
