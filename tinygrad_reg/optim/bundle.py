"""Bundles: parameters that one run of the update rule changes together, as one flat vector.

NumPy's cost for a small array is per call, not per element, and Adam's rule is a dozen calls: six small parameters
updated one by one cost six dozen. An elementwise rule gives the same bits on the joined vector, so small parameters are
joined: gradients and parameters are gathered for each step, the states live joined for good, and the tensors in
`optimizer.state` are views of them. A large parameter is a bundle of its own and is updated in place.

Everything here is derived from the optimizer's groups and state, and built anew as soon as these hold other arrays than
before. Parameters keep their own memory, which the user may have shared with other tensors.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import is_
from typing import Any, NamedTuple

import numpy as np

from ..engine.mutation import NDArray, owner, writes
from ..engine.node import Value, wrap
from ..engine.state import get_default_dtype
from ..errors import DtypeError, InplaceError, ShapeError
from ..tensor import Tensor

SMALL = 8192  # elements: up to here gathering and scattering costs less than one more run of the rule
BLOCK = 1 << 20  # bytes: the rule runs over pieces of this size, so that its intermediate results stay in the cache
_ONE = np.ones((), get_default_dtype())  # NumPy adds it in a third of the time that a Python number takes

Rule = Callable[..., tuple[Any, ...]]
State = Mapping[Tensor, dict[str, Any]]
Shape = tuple[int, ...]


class Kept(NamedTuple):
    """What an algorithm keeps for each parameter of a group."""

    step: bool  # its step count
    numbers: dict[str, float]  # 0-d tensors, with what they hold before the first step
    states: dict[str, float]  # tensors, with what fills them before the first step
    shape_of: Callable[[str, Shape], Shape | None] | None  # shapes of the states; None: those of the parameter, and the rule is elementwise

    def names(self, shape: Shape) -> list[str]:
        """The states of a parameter of this shape."""
        return [name for name in self.states if self.shape_of is None or self.shape_of(name, shape) is not None]

    def all_names(self, shape: Shape) -> list[str]:
        """Everything that is kept of a parameter of this shape."""
        return [*(["step"] if self.step else []), *self.numbers, *self.names(shape)]


class Bundle:
    """Parameters of one dtype, one step count and equal numbers, with their states.

    `steps` counts for each of them. It is the memory of the state tensors `step` where the algorithm keeps them; elsewhere
    it starts at 1 if there were states already, which is enough to tell a first step from a later one.
    """

    def __init__(self, positions: list[int], params: list[Tensor], state: State, kept: Kept, count: int) -> None:
        self.positions = positions  # among the parameters of the layout
        self.params = params
        self.arrays = [p.array for p in params]
        self.steps = np.full(len(params), count, get_default_dtype())
        self.numbers = {name: np.full(len(params), value, get_default_dtype()) for name, value in kept.numbers.items()}
        self.scalars = [self.steps, *self.numbers.values()]
        for name, vector in {**({"step": self.steps} if kept.step else {}), **self.numbers}.items():
            for i, p in enumerate(params):
                settle(state[p], name, vector[i : i + 1].reshape(()))
        self.flat: NDArray
        self._slots: list[tuple[Any, Shape]]
        first = self.arrays[0]
        self.names = kept.names(first.shape)
        if kept.shape_of is None:
            self._join(first)
            self.states = [np.full(self.flat.shape, kept.states[name], first.dtype) for name in self.names]
            length = BLOCK // first.itemsize
            pieces: list[Any] = [slice(start, start + length) for start in range(0, len(self.flat), length)]
        else:
            self.joined, self.flat, self._slots = False, first, [(..., first.shape)]
            shapes = [kept.shape_of(name, first.shape) for name in self.names]
            self.states = [np.full(shape or (), kept.states[name], first.dtype) for name, shape in zip(self.names, shapes, strict=True)]
            pieces = [...]
        for name, vector in zip(self.names, self.states, strict=True):
            for p, place in zip(params, self.parts_of(vector) if kept.shape_of is None else [vector], strict=True):
                settle(state[p], name, place)
        self.blocks = [(piece, [vector[piece] for vector in (self.flat, *self.states)]) for piece in pieces]
        self._written = writes.keys(*self.arrays, *self.states)

    def _join(self, first: NDArray) -> None:
        """One flat vector for all parameters, or a flat view of the only one."""
        ends = np.cumsum([array.size for array in self.arrays]).tolist()
        self._slots = [(slice(end - array.size, end), array.shape) for end, array in zip(ends, self.arrays, strict=True)]
        self.joined = len(self.arrays) > 1 or not first.flags.c_contiguous
        self.flat = np.empty(ends[-1], first.dtype) if self.joined else first.reshape(-1)
        if self.joined:
            self.gradient = np.empty_like(self.flat)
            self.into_gradient = self.parts_of(self.gradient)
            self.pairs = list(zip(self.parts_of(self.flat), self.arrays, strict=True))

    def parts_of(self, vector: Any) -> list[Any]:
        """The parts of a joint vector (an array or a tensor) in the shapes of the parameters."""
        return [vector[part].reshape(shape) for part, shape in self._slots]

    def update(self, rule: Rule, gradients: list[NDArray], maximize: bool, coefficients: dict[str, float]) -> None:
        """Run the rule on arrays, and write parameters, states, numbers and step counts in place."""
        for name, vector in self.numbers.items():
            vector[...] = coefficients.pop(name)
        g = self._gather(gradients) if self.joined else gradients[0].reshape(self.flat.shape)
        for block, held in self.blocks:
            p, *states = held
            for target, value in zip(held, rule(p, -g[block] if maximize else g[block], *states, **coefficients), strict=True):
                if value is not target:
                    target[...] = value
        if self.joined:
            for part, array in self.pairs:
                array[...] = part
        self.steps += _ONE
        writes.note_keys(self._written)

    def in_step(self) -> bool:
        """Whether step counts and numbers are still the same for all parameters."""
        for vector in self.scalars:
            held = vector.tolist()
            if held.count(held[0]) != len(held):
                return False
        return True

    def _gather(self, gradients: list[NDArray]) -> NDArray:
        for part, array in self.pairs:
            part[...] = array
        for part, array in zip(self.into_gradient, gradients, strict=True):
            part[...] = array
        return self.gradient


def settle(entry: dict[str, Any], name: str, place: NDArray) -> None:
    """Move a state of one parameter to its place in a joint vector; where there is none yet, begin it there."""
    held = entry.get(name)
    if held is None:
        entry[name] = wrap(Tensor, place)
        return
    value = held.array if isinstance(held, Value) else np.asarray(held)
    if value.shape != place.shape:
        raise ShapeError(
            f"step: the state {name!r} has shape {value.shape}, its parameter needs {place.shape}; after changing the shape of "
            "a parameter, remove its entry from optimizer.state"
        )
    place[...] = value
    if isinstance(held, Value):
        held.array = place
    else:
        entry[name] = wrap(Tensor, place)


class Layout:
    """How those parameters of a group that have a gradient are divided into bundles."""

    def __init__(self, params: list[Tensor], state: State, names: tuple[str, ...], kept: Kept) -> None:
        self.params = params
        self.names = names
        self.shapes = [p.array.shape for p in params]
        self.bundles = [
            Bundle(positions, [params[i] for i in positions], state, kept, count) for count, positions in self._divide(state, kept)
        ]
        self._arrays = [p.array for p in params]
        named = [(p, kept.all_names(p.array.shape)) for p in params]
        self._states = [(p, [(name, state[p][name].array) for name in names]) for p, names in named if names]

    def _divide(self, state: State, kept: Kept) -> list[tuple[int, list[int]]]:
        """(step count, positions) of each bundle: small parameters of one dtype, one count and equal numbers go together.

        Parameters that overlap in memory do not: the second one's step must find the first one's done.
        """
        joint: dict[Any, list[int]] = {}
        neighbours: dict[int, list[NDArray]] = {}
        divided = []
        for i, p in enumerate(self.params):
            array = checked(p)
            entry = state.get(p, {})
            count = _count(entry, kept)
            numbers = tuple([_number(entry.get(name, value)) for name, value in kept.numbers.items()])
            near = neighbours.setdefault(id(owner(array)), [])
            alone = kept.shape_of is not None or array.size > SMALL or any(np.may_share_memory(array, other) for other in near)
            near.append(array)
            positions = [] if alone else joint.setdefault((array.dtype, count, numbers), [])
            if not positions:
                divided.append((count, positions))
            positions.append(i)
        return divided

    def holds(self, params: list[Tensor], state: State, names: tuple[str, ...]) -> bool:
        """Whether these are still the parameters, memory, states, and common counts and numbers that the bundles were built for."""
        arrays = [p.array for p in params]
        if names != self.names or len(arrays) != len(self._arrays) or not all(map(is_, arrays, self._arrays)):
            return False
        try:
            for p, places in self._states:
                entry = state[p]
                for name, array in places:
                    if entry[name].array is not array:
                        return False
        except (KeyError, AttributeError):  # a state was removed, or replaced by what is no tensor
            return False
        return all(bundle.in_step() for bundle in self.bundles)


def checked(p: Tensor) -> NDArray:
    """The array of a parameter that can be updated."""
    array = p.array
    if array.dtype.kind != "f":
        raise DtypeError(f"step: only floating point parameters can be optimized, one with a gradient has dtype {array.dtype}")
    if not array.flags.writeable:
        raise InplaceError(f"step: a parameter of shape {array.shape} is in read-only memory; make it from a copy of that array")
    return array


def _count(entry: dict[str, Any], kept: Kept) -> int:
    """The steps made for one parameter; for algorithms that keep no count, 1 if any was made."""
    if not kept.step:
        return int(any(entry.get(name) is not None for name in kept.states))
    return int(_number(entry.get("step", 0)))


def _number(held: Any) -> float:
    return held.array.item() if isinstance(held, Value) else float(held)
