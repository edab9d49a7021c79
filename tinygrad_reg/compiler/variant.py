"""One recording of a step: whether it fits the present state of the world, and running it."""

from __future__ import annotations

import itertools
import math
import sys
import weakref
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..engine.mutation import NDArray, owner, writes
from ..engine.node import Leaf, Value, new, wrap
from ..ops.random import draw_p
from .backends.executable import Executable
from .dynamic import Family, Run
from .facts import Fact, check_of
from .program import HostCall, layout
from .recording import GradientOf
from .trees import unflatten

_LARGE = 1024  # elements of a gradient from which on it pays to use its memory again


class Stale(Exception):
    """The hyper-parameters have other names than when the step was traced."""


class Returned(NamedTuple):
    """Where a result comes from: "made" by the program or "argument" (at this position), or a "value" that is always the same."""

    kind: str
    what: Any


class Variant:
    """One recording of a step, what it needs to be replayed, and how it is run."""

    def __init__(self, run: Run, tensors: Sequence[Any], reason: str = "") -> None:
        self.sizes = run.sizes
        self.reason = reason  # why none of those before it would do
        self.family = Family()  # runs of the same step at several sizes, once it is replayed
        self.overlapping = overlapping(tensors)
        self.attempts = 0
        self.replays = 0
        self.eager_runs = 0
        self.refused: str | None = None
        self.executable: Executable | None = None
        self.take(run)

    def take(self, run: Run) -> None:
        """Go by this run from now on."""
        self.recording = run.recording
        self.returned = run.returned
        self.attempts += 1
        self._bind()

    def also(self, facts: Iterable[Fact]) -> None:
        """Go by these facts of an earlier run, too: what that looked up may be kept somewhere since."""
        found = {fact.place(): fact for fact in (*facts, *self.recording.facts)}
        self.recording = self.recording._replace(facts=tuple(found.values()))
        self._bind()

    def refuse(self, why: str, steady: set[Any]) -> None:
        """Run eagerly for good, for this reason; of the Python variables, only those in steady places can make it another variant."""
        self.refused = why
        self.recording = self.recording._replace(facts=tuple([x for x in self.recording.facts if x.place() in steady]))
        self._bind()

    # ---- does it fit? ----------------------------------------------------------------------------------------------------

    def _bind(self) -> None:
        """Note the arrays that are captured now, and prepare the quick question whether they are still the same."""
        recording = self.recording
        self.arrays = [_array_at(place, ()) for place in recording.places]
        self._moving = [i for i, place in enumerate(recording.places) if isinstance(place, GradientOf)]
        targets = {target for target, _ in recording.program.writes}
        changed = [i for i, var in enumerate(recording.program.captured) if var in targets]
        self._moving_changed = [i for i in changed if i in self._moving]
        written = [self.arrays[i] for i in changed if i not in self._moving]
        self._writes_arguments = not targets.isdisjoint(recording.program.inputs)
        self._owners = {id(owner(array)) for array in written}
        self._stamps = writes.keys(*written)
        self._leaves = [holder for holder, index in recording.gradients if index is not None]
        self._cleared = [holder for holder, index in recording.gradients if index is None]
        sizes = [math.prod(var.shape) for var in recording.program.gradients]
        self._large = [
            (i, leaf)
            for i, (leaf, size) in enumerate(zip(self._leaves, sizes, strict=True))
            if size >= _LARGE and leaf not in recording.started
        ]
        self._made: dict[int, weakref.ref[NDArray]] = {}  # the memory of large gradients that the last replay has set
        memory = zip(recording.places, self.arrays, strict=True)
        self.unchanged = check_of(
            [
                *[Fact("attribute", place, "array", array, "") for place, array in memory if isinstance(place, Value)],
                *[Fact("attribute", tensor, "node", node, "") for tensor, node in recording.nodes],
                *[fact.now() for fact in recording.facts],
            ]
        )
        self.generators = self._generators()

    def misfit(self, tensors: Sequence[Any]) -> str | None:
        """What is not as it was at the trace; None if nothing is. Captured memory may be other memory of the same form."""
        for holder, absent in self.recording.absent:
            leaf = _leaf(holder, tensors)
            if (leaf.grad is None) is not absent:
                return f"a gradient {'has been' if absent else 'is not'} set"
            if leaf.extras is not None and type(holder) is int:
                return "an argument has hooks"  # the next one may have others
        for i in self.recording.started:
            if tensors[i]._grad is not None:
                return "a gradient has been set"
        for x in tensors if self._owners else ():
            array = x.array if isinstance(x, Value) else x
            if id(array if array.base is None else owner(array)) in self._owners:
                return "an argument shares memory with what the step writes"
        if self.recording.marks is not None and (why := self.recording.marks.broken(tensors)) is not None:
            return why
        if self._writes_arguments and overlapping(tensors) is not self.overlapping:
            return "arguments share memory, or do so no more"
        return None if self.unchanged() else self._rebind()

    def _rebind(self) -> str | None:
        """Take captured memory as it is now; the reason if that cannot be."""
        recording = self.recording
        if any(tensor.node is not node for tensor, node in recording.nodes):
            return "requires_grad of a tensor has changed"
        for fact in recording.facts:
            if not fact.holds():
                return f"{fact.name!r} has changed"
        for var, place, held in zip(recording.program.captured, recording.places, self.arrays, strict=True):
            if isinstance(place, Value) and place.array is not held:
                array = place.array
                if (array.shape, array.dtype, layout(array)) != (var.shape, var.dtype, var.strides) or array.base is not None:
                    return f"the tensor {recording.program.names[var]} of the program has memory of another form"
        arrays = [place.array for place in recording.places if isinstance(place, Value)]
        if len({id(array) for array in arrays}) != len(arrays):
            return "two tensors from outside have become one"
        self._bind()
        return None

    # ---- running ---------------------------------------------------------------------------------------------------------

    def replay(self, tensors: Sequence[Any], memo: list[tuple[HostCall, dict[str, float]]]) -> Any:
        """Run the program on these arguments. Raises Stale or GivenUp, with nothing changed but what `memo` tells, and gradients None."""
        recording, arrays = self.recording, self.arrays
        numbers: list[float] = []
        for call in recording.hosts:
            found = call.function(*call.args)
            memo.append((call, found))
            if tuple(found) != call.names:
                raise Stale
            numbers.extend(found.values())
        for i in self._moving:
            arrays[i] = _array_at(recording.places[i], tensors)
        inputs = [x.array if isinstance(x, Value) else x for x in tensors]
        assert self.executable is not None
        spare = self._spare(tensors) if self._large and self.executable.recycles else None
        given = (inputs, numbers, arrays) if spare is None else (inputs, numbers, arrays, spare)
        results, gradients = self.executable.run(*given)
        writes.stamp(self._stamps)
        for i in self._moving_changed:
            writes.note(arrays[i])
        for i in recording.started:
            tensors[i].requires_grad_()
        result_class = Value.result_class
        for leaf, array in zip(self._leaves, gradients, strict=True):
            gradient = new(result_class)
            gradient.array = array
            (tensors[leaf].node if isinstance(leaf, int) else leaf).grad = gradient
        if spare is not None:
            self._made = {i: weakref.ref(gradients[i]) for i, _ in self._large if gradients[i].base is None}
        for leaf in self._cleared:
            _leaf(leaf, tensors).grad = None
        self.replays += 1
        return given_back(self.returned, results, tensors)

    def _spare(self, tensors: Sequence[Any]) -> dict[int, NDArray]:
        """Memory of large gradients that the last replay has set and that nobody else knows; their leaves have no gradient from now on.

        A gradient that the step looks at before it sets another is among `arrays`, so it is known.
        """
        spare = {}
        for i, holder in self._large:
            leaf, made = _leaf(holder, tensors), self._made.get(i)
            if made is not None and leaf.grad is not None and made() is leaf.grad.array and _references(leaf) == _ALONE:
                spare[i] = leaf.grad.array
                leaf.grad = None
        return spare

    def describe(self) -> list[str]:
        """What it is and how it went, in a few lines."""
        program = self.recording.program
        inputs = ", ".join(f"{program.names[var]} {var}" for var in program.inputs)
        lines = [f"({inputs}): {len(program.equations)} equations traced{self.reason and f', since {self.reason}'}"]
        if self.executable is not None:
            lines.append(f"  {self.executable.summary}; replayed {self.replays} times")
        elif self.refused is not None:
            lines.append(f"  runs eagerly, since {self.refused}")
        else:
            lines.append("  the next call traces it again, to confirm that both do the same")
        if self.eager_runs:
            lines.append(f"  {self.eager_runs} calls ran eagerly")
        return lines

    def _generators(self) -> list[Any]:
        """The random generators that a run advances and that a run given up must put back."""
        program = self.recording.program
        found = {id(e.params["generator"]): e.params["generator"] for e in program.equations if e.primitive is draw_p}
        return list(found.values())


def given_back(returned: Any, arrays: Sequence[Any], tensors: Sequence[Any]) -> Any:
    """What a step returns, around these arrays."""
    made = [wrap(Value.result_class, array) for array in arrays]
    if isinstance(returned, Returned):
        return _result(returned, made, tensors)
    return unflatten(returned, lambda part: _result(part, made, tensors))


def overlapping(tensors: Sequence[Any]) -> bool:
    """Whether two of these tensors and arrays share memory."""
    arrays = [x.array if isinstance(x, Value) else x for x in tensors]
    return any(np.may_share_memory(x, y) for x, y in itertools.combinations(arrays, 2))


def _result(returned: Returned, made: Sequence[Any], tensors: Sequence[Any]) -> Any:
    kind, what = returned
    if kind == "made":
        return made[what]
    return tensors[what] if kind == "argument" else what


def _references(leaf: Leaf) -> tuple[int, int]:
    """How many references there are to a leaf's gradient, and to its memory."""
    gradient: Any = leaf.grad
    array = gradient.array
    return sys.getrefcount(gradient), sys.getrefcount(array)


def _alone() -> tuple[int, int]:
    """What `_references` gives where there is only the leaf: how it counts its own differs between versions of Python."""
    leaf = Leaf(np.empty(()))
    leaf.grad = wrap(Value.result_class, np.empty(()))
    return _references(leaf)


_ALONE = _alone()


def _leaf(holder: Leaf | int, tensors: Sequence[Any]) -> Leaf:
    """A leaf, or that of the argument at this position."""
    return tensors[holder].node if isinstance(holder, int) else holder


def _array_at(place: Any, tensors: Sequence[Any]) -> Any:
    """The array that is at a place now; None for the gradient of an argument, before there are arguments."""
    if isinstance(place, Value):
        return place.array
    if not isinstance(place, GradientOf):
        return place
    if isinstance(place.holder, int) and not tensors:
        return None
    gradient = _leaf(place.holder, tensors).grad
    return None if gradient is None else gradient.array
