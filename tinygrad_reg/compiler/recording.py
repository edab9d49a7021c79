"""What a trace comes to: a program, where to find what it uses, and what has to be so for it to be right again."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..engine.mutation import NDArray, owner
from ..engine.node import Leaf, Value
from ..optim.lr_scheduler.base import LRScheduler
from .facts import Fact, hooks_of
from .marks import Marks
from .passes import tidy
from .program import HostCall, Program, Var, unique
from .surroundings import referrers
from .trace import Capture, Trace

_REPLACED = "the step replaced the memory of a tensor (.data = ...); write into it with copy_"


class GradientOf(NamedTuple):
    """The place of an array: the gradient of a leaf, or of the argument at this position."""

    holder: Leaf | int


class Recording(NamedTuple):
    """What one run did, and what has to be looked at before it may be replayed."""

    program: Program
    hosts: tuple[HostCall, ...]
    places: tuple[Any, ...]  # where each captured array is found: a tensor, an array, or GradientOf
    nodes: tuple[tuple[Value, Any], ...]  # captured tensors with their nodes: what requires grad
    absent: tuple[tuple[Leaf | int, bool], ...]  # leaves whose gradient was read, and whether it was None
    gradients: tuple[tuple[Leaf | int, int | None], ...]  # leaves whose gradient is set, to which of the program's gradients
    facts: tuple[Fact, ...]  # what the Python variables that the step depends on held
    refused: str | None  # why it must not be replayed
    marks: Marks | None = None  # what tells one argument from another for this step
    looks_at_sizes: str | None = None  # the user's function that may look at the size of a tensor
    started: tuple[int, ...] = ()  # the positions of arguments that require grad since the step has asked for it


def finish(trace: Trace, results: list[NDArray], facts: Callable[[Iterable[NDArray]], tuple[Fact, ...]] = lambda captured: ()) -> Recording:
    """The recording of the run that returned these arrays. Nothing else of the run may be alive but what outlives it.

    Results in memory that the step did not make are replaced by copies, as a replay gives them. `facts` tells on what Python
    variables the run depended, when nothing of it is alive any more.
    """
    outs = tuple([trace.read(array) for array in results])
    outside = {id(owner(array)) for array in _outside(trace)}
    results[:] = [array.copy(order="K") if id(owner(array)) in outside else array for array in results]
    started = _started(trace)
    asked = _asked(trace)
    _refuse_changes(trace)
    set_gradients = [(weakref.ref(leaf), _holder(trace, leaf), _final_gradient(trace, leaf)) for leaf in trace.replaced]
    absent = [(weakref.ref(leaf), _holder(trace, leaf), was) for leaf, was in trace.absent.items() if leaf.index < trace.began]
    finals = {var: now for var, array in _written(trace) if (now := trace.current(array)) is not var}
    places, constants = _settle(trace)  # from here on, what only the trace knew is gone
    gradients = [(leaf, value) for ref, holder, value in set_gradients if (leaf := _there(ref, holder)) is not None]
    values = tuple([value for _, value in gradients if value is not None])
    kept = {*places, *trace.inputs.values()}
    writes = tuple([(target, value) for target, value in finals.items() if target in kept])
    program = Program(
        inputs=tuple(trace.inputs.values()),
        numbers=tuple(trace.numbers),
        captured=tuple(places),
        constants=constants,
        equations=tuple(trace.equations),
        checked=_to_check(trace, [*values, *[value for _, value in writes], *outs]),
        writes=writes,
        results=outs,
        gradients=values,
        names=_named(trace, places),
    )
    program = tidy(program)
    _refuse_unknown_shapes(trace, program)
    positions = iter(range(len(values)))
    tensors = [place for place in places.values() if isinstance(place, Value)]
    memory = [place for place in places.values() if isinstance(place, np.ndarray)]
    found = (*facts(memory), *hooks_of(tensors))
    _refuse_own_rates(trace, found)
    return Recording(
        program,
        tuple(trace.hosts),
        tuple(places.values()),
        tuple([(tensor, tensor.node) for tensor in [*tensors, *asked]]),
        tuple([(leaf, was) for ref, holder, was in absent if (leaf := _there(ref, holder)) is not None]),
        tuple([(leaf, None if value is None else next(positions)) for leaf, value in gradients]),
        found,
        trace.refused,
        started=started,
    )


# ---- leaves and their gradients ------------------------------------------------------------------------------------


def _holder(trace: Trace, leaf: Leaf) -> int | None:
    """The position of the argument that a leaf belongs to: the next call brings another."""
    return next((i for i, node in enumerate(trace.nodes) if node is leaf), None)


def _started(trace: Trace) -> tuple[int, ...]:
    """The positions of arguments that the step made leaves, without a gradient from before: now these are the arguments' leaves."""
    found = []
    for i, (x, before) in enumerate(zip(trace.given, trace.nodes, strict=True)):
        if isinstance(x, Value) and before is None and isinstance(x.node, Leaf) and trace.absent.get(x.node, True):
            trace.nodes[i] = x.node
            found.append(i)
    return tuple(found)


def _asked(trace: Trace) -> list[Value]:
    """Tensors from outside, arguments aside, that the step has asked to have this memory and node, whether or not they had them."""
    alive = [x for ref, _, _ in trace.outsiders.values() if (x := ref()) is not None]
    return [x for x in alive if not trace.gave(x)]


def _there(ref: weakref.ref[Leaf], holder: int | None) -> Leaf | int | None:
    """An argument's position, or a leaf, if it has outlived the run."""
    return holder if holder is not None else ref()


def _final_gradient(trace: Trace, leaf: Leaf) -> Var | None:
    if leaf.grad is None:
        return None
    value: Var = trace.read(leaf.grad)
    if id(leaf.grad.array) in trace.captures:
        trace.refuse("the step sets .grad to a tensor that was made outside of it")
    return value


def _to_check(trace: Trace, finals: Sequence[Var]) -> tuple[Var, ...]:
    """What must be finite: gradients of leaves, and all results of a walk back that reach the outside past these.

    Where eager meets 0 · inf on the way back it looks at the values; a replay gives nan there, and is given up.
    """
    checked = dict.fromkeys(trace.leaf_gradients)
    tainted = set(trace.seeds)
    for equation in trace.equations:
        if any(x in tainted for x in equation.reads()):
            tainted.update(var for var in equation.outputs if var not in checked)
    checked.update(dict.fromkeys(var for var in finals if var in tainted))
    return tuple([var for var in checked if var.dtype is not None and var.dtype.kind == "f"])


# ---- memory from outside -------------------------------------------------------------------------------------------


def _outside(trace: Trace) -> list[NDArray]:
    """All arrays that the step did not make: captured ones and arguments."""
    return [*[capture.array for capture in trace.captures.values()], *[x.array if isinstance(x, Value) else x for x in trace.given]]


def _written(trace: Trace) -> list[tuple[Var, NDArray]]:
    """The memory from outside that was written: its variable at the start, and its array."""
    found = []
    for key, array in trace.written.items():
        capture = trace.captures.get(key)
        var = capture.var if capture is not None else trace.inputs.get(key)
        if var is not None:
            found.append((var, array))
    _refuse_overlap(trace, {id(array) for _, array in found})
    return found


def _refuse_overlap(trace: Trace, written: set[int]) -> None:
    """A write would also change other arrays of the step that share the memory: that is left to eager."""
    arrays = {id(array): array for array in _outside(trace) if array.size}
    spans = sorted((*np.lib.array_utils.byte_bounds(array), key) for key, array in arrays.items())
    end, last = 0, 0
    for low, high, key in spans:
        if low < end and (key in written or last in written) and np.may_share_memory(arrays[key], arrays[last]):
            trace.refuse("the step writes to memory that is shared by several of its tensors")
        if high > end:
            end, last = high, key


def _refuse_changes(trace: Trace) -> None:
    """What requires grad, and which memory a tensor has, are matters of Python: a replay would not change them."""
    seen = [(x, node) for x, node in zip(trace.given, trace.nodes, strict=True) if isinstance(x, Value)]
    for capture in trace.captures.values():
        seen += [(x, node) for ref, node in capture.tensors if (x := ref()) is not None]
        tensor = capture.tensor()
        if tensor is not None and tensor.array is not capture.array:
            trace.refuse(_REPLACED)
    for ref, array, node in trace.outsiders.values():
        if (x := ref()) is not None:
            seen += [] if trace.gave(x) else [(x, node)]
            if x.array is not array:
                trace.refuse(_REPLACED)
    if any(x.node is not node for x, node in seen):
        trace.refuse("the step changes requires_grad of a tensor from outside; do that before it, or on a .detach() of the tensor")


def _refuse_own_rates(trace: Trace, facts: Iterable[Fact]) -> None:
    """A schedule that the step advances changes hyper-parameters: what the step has read of them is another number at the next call."""
    owners = [getattr(call.function, "__self__", None) for call in trace.hosts]
    groups = {id(group) for owner in owners if isinstance(owner, LRScheduler) for group in owner.optimizer.param_groups}
    if (fact := next((fact for fact in facts if id(fact.holder) in groups), None)) is not None:
        trace.refuse(f"the step looks at {fact.name} and has a schedule change it; advance the schedule outside of the step, or look there")


def _refuse_unknown_shapes(trace: Trace, program: Program) -> None:
    """Memory is planned for known shapes."""
    needed = {var for equation in program.equations for var in equation.outputs}
    for equation in trace.shaped_by_values:
        if equation.outputs[0] in needed:
            name, line = equation.primitive.name, equation.line
            trace.refuse(f"the shape of what {name} gives depends on the values it is given\n  at {line}")


def _settle(trace: Trace) -> tuple[dict[Var, Any], dict[Var, NDArray]]:
    """Where each captured array is found at the next call; those that only this run knew are constants."""
    found = [_place_of(trace, capture) for capture in trace.captures.values()]
    trace.forget()
    alive = {var: array for var, place, _ in found if isinstance(place, weakref.ref) and (array := place()) is not None}
    tensors = _tensors_of(list(alive.values()))
    places: dict[Var, Any] = {}
    constants: dict[Var, NDArray] = {}
    for var, place, before in found:
        if not isinstance(place, weakref.ref):
            places[var] = place
        elif var in alive:
            places[var] = tensors.get(id(alive[var]), alive[var])
        else:
            constants[var] = before
    return places, constants


def _place_of(trace: Trace, capture: Capture) -> tuple[Var, Any, Any]:
    """The variable and place of a captured array; if it is unknown, a weak reference and what the array held at first."""
    if capture.gradient_of is not None:
        holder = _holder(trace, capture.gradient_of)
        return capture.var, GradientOf(capture.gradient_of if holder is None else holder), None
    tensor = capture.tensor()
    if tensor is not None:
        return capture.var, tensor, None
    if not capture.has_tensor:
        return capture.var, capture.array, None
    before = capture.array.copy(order="K") if capture.before is capture.array else capture.before
    return capture.var, weakref.ref(capture.array), before


def _tensors_of(arrays: list[NDArray]) -> dict[int, Value]:
    """Tensors that have these very arrays, wherever they are, by the ids of the arrays: so replaced memory is noticed."""
    wanted = {id(array) for array in arrays}
    holders = referrers(*arrays)
    holders += referrers(*[x for x in holders if isinstance(x, dict) and id(x.get("array")) in wanted])
    return {id(x.array): x for x in holders if isinstance(x, Value) and id(x.array) in wanted}


def _named(trace: Trace, places: dict[Var, Any]) -> dict[Var, str]:
    """Names for inputs, numbers and captured: p1, p2 ... what requires grad, s1, s2 ... other state."""
    wanted = [*zip(trace.inputs.values(), trace.names, strict=True), *trace.numbers.items()]
    leaves = {var for var, place in places.items() if isinstance(place, Value) and place.node is not None}
    wanted += [(var, f"p{i + 1}") for i, var in enumerate(var for var in places if var in leaves)]
    wanted += [(var, f"s{i + 1}") for i, var in enumerate(var for var in places if var not in leaves)]
    taken: set[str] = set()
    return {var: unique(name, taken) for var, name in wanted}
