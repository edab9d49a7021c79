"""Bundles: parameters that one run of the update rule changes together, as one flat vector.

NumPy's cost for a small array is per call, not per element, and Adam's rule is a dozen calls: six small parameters
updated one by one cost six dozen. An elementwise rule gives the same bits on the joined vector, so small parameters are
joined: gradients and parameters are gathered for each step, the states live joined for good, and the tensors in
`optimizer.state` are views of them. A large parameter is a bundle of its own and is updated in place.

Everything here is derived from the optimizer's groups and state, and built anew as soon as these hold other arrays than
before. Parameters keep their own memory, which the user may have shared with other tensors.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import is_
from typing import Any

import numpy as np

from ..engine.mutation import NDArray, owner, writes
from ..engine.node import Value, wrap
from ..engine.state import get_default_dtype
from ..errors import DtypeError, InplaceError, ShapeError
from ..tensor import Tensor

SMALL = 8192  # elements: up to here gathering and scattering costs less than one more run of the rule
BLOCK = 65536  # bytes: the rule runs over pieces of this size, so that its intermediate results stay in the cache

Rule = Callable[..., tuple[Any, ...]]
State = Mapping[Tensor, dict[str, Any]]


class Bundle:
    """Parameters of one dtype and one step count, with their states.

    `steps` counts for each of them. It is the memory of the state tensors `step` where the algorithm keeps them; elsewhere
    it starts at 1 if there were states already, which is enough to tell a first step from a later one.
    """

    def __init__(
        self, positions: list[int], params: list[Tensor], state: State, names: Sequence[str], count: int, keeps_step: bool
    ) -> None:
        self.positions = positions  # among the parameters of the layout
        self.params = params
        self.arrays = [p.array for p in params]
        self.steps = np.full(len(params), count, get_default_dtype())
        if keeps_step:
            for i, p in enumerate(params):
                settle(state[p], "step", self.steps[i : i + 1].reshape(()))
        first, ends = self.arrays[0], np.cumsum([array.size for array in self.arrays]).tolist()
        self._slots = [(slice(end - array.size, end), array.shape) for end, array in zip(ends, self.arrays, strict=True)]
        self.joined = len(params) > 1 or not first.flags.c_contiguous
        self.flat = np.empty(ends[-1], first.dtype) if self.joined else first.reshape(-1)
        self.states = [np.zeros(ends[-1], first.dtype) for _ in names]
        for name, vector in zip(names, self.states, strict=True):
            for p, place in zip(params, self.parts_of(vector), strict=True):
                settle(state[p], name, place)
        if self.joined:
            self.gradient = np.empty_like(self.flat)
            self.into_gradient = self.parts_of(self.gradient)
            self.pairs = list(zip(self.parts_of(self.flat), self.arrays, strict=True))
        length = BLOCK // first.itemsize
        blocks = [slice(start, start + length) for start in range(0, ends[-1], length)]
        self.blocks = [(block, [vector[block] for vector in (self.flat, *self.states)]) for block in blocks]

    def parts_of(self, vector: Any) -> list[Any]:
        """The parts of a joint vector (an array or a tensor) in the shapes of the parameters."""
        return [vector[part].reshape(shape) for part, shape in self._slots]

    def update(self, rule: Rule, gradients: list[NDArray], maximize: bool, coefficients: dict[str, float]) -> None:
        """Run the rule on arrays, and write parameters, states and step counts in place."""
        g = self._gather(gradients) if self.joined else gradients[0].reshape(-1)
        for block, held in self.blocks:
            p, *states = held
            for target, value in zip(held, rule(p, -g[block] if maximize else g[block], *states, **coefficients), strict=True):
                target[...] = value
        if self.joined:
            for part, array in self.pairs:
                array[...] = part
        self.steps += 1
        writes.note(*self.arrays, *self.states)

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

    def __init__(self, params: list[Tensor], state: State, names: tuple[str, ...], keeps_step: bool) -> None:
        self.params = params
        self.names = names
        self.shapes = [p.array.shape for p in params]
        self._kept = ("step", *names) if keeps_step else names
        self.bundles = [
            Bundle(positions, [params[i] for i in positions], state, names, count, keeps_step)
            for count, positions in self._divide(state, keeps_step)
        ]
        self._arrays = self._present(params, state)

    def _divide(self, state: State, keeps_step: bool) -> list[tuple[int, list[int]]]:
        """(step count, positions) of each bundle: small parameters of one dtype and one count go together.

        Parameters that overlap in memory do not: the second one's step must find the first one's done.
        """
        joint: dict[Any, list[int]] = {}
        neighbours: dict[int, list[NDArray]] = {}
        divided = []
        for i, p in enumerate(self.params):
            array = checked(p)
            count = _count(state.get(p, {}), self.names, keeps_step)
            near = neighbours.setdefault(id(owner(array)), [])
            alone = array.size > SMALL or any(np.may_share_memory(array, other) for other in near)
            near.append(array)
            positions = [] if alone else joint.setdefault((array.dtype, count), [])
            if not positions:
                divided.append((count, positions))
            positions.append(i)
        return divided

    def _present(self, params: list[Tensor], state: State) -> list[NDArray]:
        return [p.array for p in params] + [state[p][name].array for p in params for name in self._kept]

    def holds(self, params: list[Tensor], state: State, names: tuple[str, ...]) -> bool:
        """Whether these are still the parameters, memory, states and common step counts that the bundles were built for."""
        try:
            present = self._present(params, state)
        except (KeyError, AttributeError):  # a state was removed, or replaced by what is no tensor
            return False
        if names != self.names or len(present) != len(self._arrays) or not all(map(is_, present, self._arrays)):
            return False
        for bundle in self.bundles:
            counts = bundle.steps.tolist()
            if counts.count(counts[0]) != len(counts):
                return False
        return True


def checked(p: Tensor) -> NDArray:
    """The array of a parameter that can be updated."""
    array = p.array
    if array.dtype.kind != "f":
        raise DtypeError(f"step: only floating point parameters can be optimized, one with a gradient has dtype {array.dtype}")
    if not array.flags.writeable:
        raise InplaceError(f"step: a parameter of shape {array.shape} is in read-only memory; make it from a copy of that array")
    return array


def _count(entry: dict[str, Any], names: Sequence[str], keeps_step: bool) -> int:
    """The steps made for one parameter; for algorithms that keep no count, 1 if any was made."""
    if not keeps_step:
        return int(any(entry.get(name) is not None for name in names))
    step = entry.get("step", 0)
    return int(step.array.item() if isinstance(step, Value) else step)
