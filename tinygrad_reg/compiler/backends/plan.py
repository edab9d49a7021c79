"""Planning: in which order a program's calls are made, and in whose memory each result goes.

A block of memory is used again as soon as nothing reads it any more; an elementwise call takes over an argument's block at
once, an update that of what it changes. What the caller keeps is fresh memory. What a step writes is changed only after
everything that can fail, and there, where nothing reads the old value any more, by the very call that computes the new one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ..numpy_ops import NumpyOp
from ..passes import late
from ..program import Equation, Program, Var
from ..scalars import Scalar


class Block:
    """Memory that several results use one after the other."""

    def __init__(self, size: int) -> None:
        self.size = size


class Plan(NamedTuple):
    """Calls in order; after `boundary` of them the gradients are checked, and only then something is written."""

    equations: tuple[Equation, ...]
    boundary: int
    blocks: dict[Var, Block]  # results that go into planned memory
    in_place: dict[Var, Var]  # results that go directly into what the step writes
    kept: frozenset[Var]  # results that the caller gets as they are; it gets copies of the others
    first_copied: frozenset[Var]  # targets of writes whose values have to be copied before any write
    size: int  # bytes of all blocks


def cannot_fail(equation: Equation) -> bool:
    """Whether a call on arrays of the planned form always succeeds."""
    op = equation.primitive
    return isinstance(op, Scalar) or (isinstance(op, NumpyOp) and not op.fails)


def may_alias(equation: Equation) -> bool:
    """Whether the results might share memory with the arguments: views do, and functions of which nothing is known."""
    return equation.primitive.view or not isinstance(equation.primitive, (NumpyOp, Scalar))


def plan(program: Program) -> Plan:
    """The plan for a program."""
    early, after = late(program)
    equations = (*early, *after)
    boundary = len(early)
    last = _last_readers(program, equations, boundary)
    kept = frozenset(_kept(program, equations))
    in_place = dict(_written_in_place(program, equations, boundary, last))
    blocks = _allocate(equations, last, {*kept, *in_place})
    size = sum({id(block): block.size for block in blocks.values()}.values())
    return Plan(equations, boundary, blocks, in_place, kept, frozenset(_clashing(program, equations, in_place)), size)


def _last_readers(program: Program, equations: tuple[Equation, ...], boundary: int) -> dict[Var, int]:
    """For every variable the last equation that reads its memory, directly or through a view."""
    last = dict.fromkeys((*program.checked, *program.results, *program.gradients), boundary - 1)
    last.update((value, len(equations)) for _, value in program.writes)
    for i, equation in reversed(list(enumerate(equations))):
        until = max([last.get(var, i) for var in equation.outputs]) if may_alias(equation) else i
        for var in equation.reads():
            last[var] = max(last.get(var, i), until)
    return last


def _kept(program: Program, equations: tuple[Equation, ...]) -> Iterator[Var]:
    fresh = {e.outputs[0] for e in equations if isinstance(e.primitive, NumpyOp) and not e.primitive.view}
    yield from {*program.results, *program.gradients} & fresh


def _written_in_place(program: Program, equations: tuple[Equation, ...], boundary: int, last: dict[Var, int]) -> Iterator[tuple[Var, Var]]:
    made_at = {var: i for i, equation in enumerate(equations) for var in equation.outputs}
    safe_from = max([i + 1 for i, equation in enumerate(equations) if not cannot_fail(equation)], default=0)
    taken: set[Var] = set()
    for target, value in program.writes:
        i = made_at.get(value, -1)
        if i < max(boundary, safe_from) or value in taken or not value.like(target) or last.get(target, -1) > i:
            continue
        op = equations[i].primitive
        if isinstance(op, NumpyOp) and op.elementwise:
            taken.add(value)
            yield value, target


def _allocate(equations: tuple[Equation, ...], last: dict[Var, int], elsewhere: set[Var]) -> dict[Var, Block]:
    blocks: dict[Var, Block] = {}
    free: list[Block] = []
    ends: dict[int, dict[Var, None]] = {}  # after which equation nothing reads a variable any more, directly or through a view
    for var, i in last.items():
        ends.setdefault(i, {})[var] = None
    for i, equation in enumerate(equations):
        op = equation.primitive
        ending = {var: None for var in ends.get(i, ()) if var in blocks}
        if isinstance(op, NumpyOp) and op.out and equation.outputs[0] not in elsewhere:
            out = equation.outputs[0]
            usable = equation.reads() if op.elementwise else equation.inputs[:1] if op.update else ()
            taken_over = next((x for x in usable if x in ending and x.like(out)), None)
            if taken_over is not None:
                blocks[out] = blocks[taken_over]
                del ending[taken_over]
            else:
                blocks[out] = _best(free, out)
        free += [blocks[var] for var in ending]
    return blocks


def _best(free: list[Block], var: Var) -> Block:
    """The smallest free block that is large enough, or a new one; a block ten times too large is left for larger results."""
    assert var.dtype is not None
    size = var.dtype.itemsize
    for n in var.shape:
        size *= n
    fitting = [block for block in free if size <= block.size <= max(10 * size, 64)]
    if not fitting:
        return Block(size)
    block = min(fitting, key=lambda b: b.size)
    free.remove(block)
    return block


def _clashing(program: Program, equations: tuple[Equation, ...], in_place: dict[Var, Var]) -> Iterator[Var]:
    """Targets whose new value is in memory that another write changes."""
    behind: dict[Var, set[Var]] = {}
    for equation in equations:
        if may_alias(equation):
            found = {x for var in equation.reads() for x in (var, *behind.get(var, ()))}
            behind.update((var, found) for var in equation.outputs)
    targets = {target for target, _ in program.writes}
    for target, value in program.writes:
        if value not in in_place and ({value, *behind.get(value, ())} & targets) - {target}:
            yield target
