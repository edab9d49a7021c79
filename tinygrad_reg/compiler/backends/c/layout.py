"""Memory for what the kernels store: results and state in their own arrays, all else in one workspace, each place used again.

Values of the workspace have no layout until the loop that makes them is known: the loop stores them in its own order.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any, NamedTuple

from ...numpy_ops import COPY, NumpyOp, is_reduction
from ...program import Equation, Var, names_of, row_major
from .kernels import Call, Check, Gather, Join, Kernels, Loop, Product, Update, Within, canonical
from .memory import SHORT_ROW, Ref, Storage, elements, extent, joined, reshaped, view

ALIGNMENT = 64  # bytes: a cache line, and the widest vector


class Layout:
    """Where every value is. `arrays` are the arguments of the C function in their order."""

    def __init__(self, kernels: Kernels) -> None:
        self.kernels = kernels
        program = kernels.program
        self.names = names_of(program)
        self.names.update({var: f"in_{program.names[var]}" for var in (*program.inputs, *program.numbers)})  # no words of C
        made = [var for kernel in kernels.list for e in kernel.equations for var in e.outputs if var not in self.names]
        self.names.update((var, f"copy{i}") for i, var in enumerate(made))
        self.arrays: list[Storage] = []
        self.workspace: list[Storage] = []
        self.copies: list[Loop] = []  # asked for by a kernel that is being laid out
        program = kernels.program
        self.uniform = {var: array.reshape(-1)[0] for var, array in program.constants.items() if _is_uniform(array)}
        self.bound: list[Var] = []  # constants that are in arrays
        self.fresh = [*program.results, *program.gradients]
        self._refs = {var: self._argument(var, elements(var)) for var in (*program.inputs, *program.captured)}
        self._homes = {var: self._argument(var, elements(var)) for var in self.fresh}
        self.copied = list(self._not_in_place())
        self._settle_joins()

    def _argument(self, var: Var, strides: tuple[int, ...]) -> Ref:
        """An array that the caller gives."""
        assert var.dtype is not None
        storage = Storage(var.dtype, extent(var.shape, strides), self.names[var])
        self.arrays.append(storage)
        return Ref(storage, 0, var.shape, strides)

    # ---- where it is -----------------------------------------------------------------------------------------------------

    def ref(self, var: Var) -> Ref:
        """Where a stored value or a constant is; a view that would be a copy is copied now."""
        if var not in self._refs:
            self._refs[var] = self._constant(var) if var in self.kernels.program.constants else self._view(self.kernels.views.made_by[var])
        return self._refs[var]

    def _constant(self, var: Var) -> Ref:
        """One more array: a constant that is not written out as a number. A view that was computed beforehand has no gaps any more."""
        self.bound.append(var)
        array = self.kernels.program.constants[var]
        return self._argument(var, tuple([s // array.itemsize for s in array.strides]))

    def _view(self, equation: Equation) -> Ref:
        return view(self.ref(equation.inputs[0]), equation) or self._copied(equation)

    def _copied(self, equation: Equation) -> Ref:
        """The view of a copy of its source in row-major order."""
        source = equation.inputs[0]
        copy = Var(source.shape, source.dtype, source.strides)
        self.names[copy] = f"{self.names[source]}_copy{len(self.workspace)}"  # several views may each need a copy of it
        place = self.place(copy, row_major(source.shape, 1))
        self.copies.append(self.copy(source, place, equation.line))
        found = view(place, equation)
        assert found is not None
        return found

    def copy(self, value: Var, to: Ref, line: str) -> Loop:
        """A loop that copies a value to a place."""
        return self.into(COPY, (value,), to, line)

    def change(self, op: NumpyOp, place: Ref, value: Any, line: str) -> Loop:
        """A loop that changes a place: op(what it holds, value)."""
        held = Var(place.shape, place.storage.dtype, place.strides)
        self.names[held] = place.storage.name
        self._refs[held] = place
        return self.into(op, (held, value), place, line)

    def into(self, op: NumpyOp, inputs: tuple[Any, ...], to: Ref, line: str) -> Loop:
        """A loop that stores the result of an elementwise operation at a place."""
        made = Var(to.shape, to.storage.dtype, to.strides)
        self.names[made] = f"{to.storage.name}_new"
        self._homes[made] = to
        self.kernels.stored.add(made)
        return Loop(canonical(to.shape), Equation(op, inputs, {}, (made,), line))

    def place(self, var: Var, strides: tuple[int, ...]) -> Ref:
        """Memory for a value that is stored now: its home, or a piece of the workspace with these strides in elements."""
        found = self._homes.get(var)
        if found is None:
            assert var.dtype is not None
            found = Ref(self.scratch(var.dtype, extent(var.shape, strides), self.names[var]), 0, var.shape, strides)
        self._refs[var] = found
        return found

    def place_of_base(self, kernel: Update) -> Ref | None:
        """Memory for the result of an update where what it changes is: if that is in the workspace, and nobody else needs it then."""
        [equation] = kernel.equations
        [out], [base, *others] = equation.outputs, equation.inputs
        kernels = self.kernels
        later = kernels.list[kernels.list.index(kernel) + 1 :]
        if base not in kernels.made_by or {base, out} & (kernels.ends | self._homes.keys()):
            return None
        if any(isinstance(x, Var) and kernels.views.base(x) is base for x in others):
            return None
        if any(need.base is base for other in later for need in kernels.readings(other)) or not self.ref(base).is_contiguous():
            return None
        self._refs[out] = self.ref(base)._replace(shape=out.shape)
        return self._refs[out]

    def home(self, var: Var) -> Ref | None:
        """Where a value has to be stored, if that is settled."""
        return self._homes.get(var)

    def lenders(self) -> list[Storage]:
        """Arrays for the caller, whose memory can hold something else before they are made."""
        return [self._homes[var].storage for var in self.fresh]

    def is_at(self, x: Var, place: Ref) -> bool:
        """Whether a value was made in a place that was settled for it, and that is this one."""
        return self.kernels.views.base(x) in self._homes and self.ref(x).same_place(place)

    def scratch(self, dtype: Any, size: int, name: str) -> Storage:
        """A new piece of the workspace."""
        storage = Storage(dtype, size, name)
        self.workspace.append(storage)
        return storage

    # ---- writes ----------------------------------------------------------------------------------------------------------

    def _not_in_place(self) -> Iterator[tuple[Var, Var]]:
        """The writes that must be copies at the end; the others are done by the loops that make the values."""
        for target, value in self.kernels.program.writes:
            if self._can_be_in_place(target, value):
                self._homes[value] = self._refs[target]
            else:
                yield target, value

    def _can_be_in_place(self, target: Var, value: Var) -> bool:
        """Whether a loop after the check makes the value, and nobody needs the old one by then."""
        kernels = self.kernels
        loop = kernels.made_by.get(value)
        if not isinstance(loop, Loop) or value in self._homes or (value.shape, value.dtype) != (target.shape, target.dtype):
            return False
        at = kernels.list.index(loop)
        if any(isinstance(kernel, Check) for kernel in kernels.list[at:]) or any(
            value in e.outputs and is_reduction(e.primitive) for e in loop.equations
        ):
            return False
        if any(need.base is target and not need.aligned for need in kernels.readings(loop)):
            return False
        if any(isinstance(kernel, (Gather, Update, Within, Call)) for kernel in kernels.list[at:]):
            return False  # they may end the step
        later = [need.base for kernel in kernels.list[at + 1 :] for need in kernels.readings(kernel)]
        return target not in later and target not in kernels.ends

    # ---- joins -----------------------------------------------------------------------------------------------------------

    def _settle_joins(self) -> None:
        """What becomes a part of a join is made there, so that nothing needs to be copied; a join may itself be a part of a later one."""
        for kernel in reversed(self.kernels.list):
            if isinstance(kernel, Join):
                [equation] = kernel.equations
                [out] = equation.outputs
                whole = self._homes[out] = self.place(out, elements(out))
                for x, part in joined(equation, whole):
                    base = self.kernels.views.base(x)
                    strides = reshaped(part.shape, part.strides, base.shape) if self.kernels.views.is_whole(x) else None
                    if strides is not None and self._can_be_made(base, place := Ref(whole.storage, part.offset, base.shape, strides)):
                        self._homes[base] = place

    def _can_be_made(self, value: Var, place: Ref) -> bool:
        """Whether one kernel makes a value that is settled nowhere else, and can make it there."""
        kernel = self.kernels.made_by.get(value)
        if value in self._homes or not isinstance(kernel, (Loop, Product, Join)) or not _has_rows(place):
            return False
        flat = isinstance(kernel, Join) and "axis" not in kernel.equations[0].params
        return place.is_contiguous() or not flat


def _has_rows(place: Ref) -> bool:
    """Whether elements of the last dimension stand one after the other, enough of them for a vector; or whether there are few at all."""
    *_, (n, step) = [(1, 1), *((n, s) for n, s in zip(place.shape, place.strides, strict=True) if n != 1)]
    return step == 1 and n >= min(SHORT_ROW, prod(place.shape))


def _is_uniform(array: Any) -> bool:
    return bool(array.size) and array.tobytes() == array.reshape(-1)[:1].tobytes() * array.size


class Place(NamedTuple):
    """Where a storage of the workspace is: so many bytes after its beginning, or after that of an array that is written only later."""

    lender: Storage | None
    offset: int


class Uses(NamedTuple):
    """What a kernel does with memory."""

    touched: list[Storage]
    takeovers: list[tuple[Storage, Storage]]  # (new, old): the new may be where the old is, if nobody needs that afterwards


def assign_places(kernels: list[Uses], workspace: list[Storage], lenders: list[Storage]) -> tuple[dict[Storage, Place], int]:
    """A place for each storage of the workspace, so that those in use at the same time do not overlap; and the size of the workspace.

    `kernels` are in their order. Large storages choose their place first: if they can, in the memory of one of the `lenders`, arrays
    that hold nothing before the first kernel that touches them.
    """
    first: dict[Storage, int] = {}
    last: dict[Storage, int] = {}
    for i, uses in enumerate(kernels):
        for storage in uses.touched:
            first.setdefault(storage, i)
            last[storage] = i
    over = _taken_over(kernels, set(workspace), first, last)
    areas: list[Storage | None] = [*sorted((s for s in lenders if s in first), key=first.__getitem__), None]
    taken: dict[Storage | None, list[tuple[int, Storage]]] = {area: [] for area in areas}
    places: dict[Storage, Place] = {}
    for storage in sorted((s for s in workspace if s in first and s not in over), key=lambda s: -s.nbytes):
        for area in areas:
            busy = [(a, a + s.nbytes) for a, s in taken[area] if first[s] <= last[storage] and first[storage] <= last[s]]
            start = _gap(storage.nbytes, sorted(busy))
            if area is None or (last[storage] < first[area] and _has_room(area, storage, start)):
                taken[area].append((start, storage))
                places[storage] = Place(area, start)
                break
    for new, old in over.items():
        places[new] = places[old]
    return places, max((start + storage.nbytes for start, storage in taken[None]), default=0)


def _taken_over(
    kernels: list[Uses], workspace: set[Storage], first: dict[Storage, int], last: dict[Storage, int]
) -> dict[Storage, Storage]:
    """Storages in the place of one that ends where they begin, which is in use for longer then."""
    over: dict[Storage, Storage] = {}
    for i, uses in enumerate(kernels):
        for new, old in uses.takeovers:
            root = over.get(old, old)
            ends = first[new] == i == last[root] < last[new]
            if ends and {new, old} <= workspace and new not in over and new.size <= root.size:
                over[new] = root
                last[root] = last[new]
    return over


def _gap(size: int, busy: list[tuple[int, int]]) -> int:
    """The first place for so many bytes between areas that are busy."""
    start = 0
    for a, b in busy:
        if start + size <= a:
            break
        start = max(start, -(-b // ALIGNMENT) * ALIGNMENT)
    return start


def _has_room(lender: Storage, storage: Storage, start: int) -> bool:
    """Whether an array is large enough, and aligned as another dtype needs it."""
    return start + storage.nbytes <= lender.nbytes and storage.dtype.itemsize <= lender.dtype.itemsize
