"""What is checked, as a function of arrays: f with the tensors that it takes, and then its gradient with the cotangents."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, Protocol

import numpy as np

from ...engine import graph
from ...engine.node import Leaf, Value, wrap
from ...engine.state import enable_grad, switched
from ...errors import ArgumentError
from ...ops.random import get_rng_state, set_rng_state
from ...tensor import Tensor

Array = np.ndarray[Any, Any]


class Point(NamedTuple):
    """A recorded run: the leaves that hold the arrays it ran on, and the tensors it gave."""

    leaves: list[Tensor]
    outputs: list[Tensor]

    def values(self) -> Array:
        """All elements of the outputs in one row."""
        return flat([y.array for y in self.outputs])

    def pull_back(self, weights: Array) -> list[Array]:
        """The gradient of the weighted sum of all elements of the outputs, for each leaf."""
        return [g.array for g in pull_back(self.outputs, self.leaves, [tensor_of(w) for w in split(weights, self.outputs)])]


class Differentiable(Protocol):
    """A function of arrays that can be recorded."""

    arrays: list[Array]  # where it is checked
    names: list[str]  # what the user calls them
    is_gradient: bool  # whether it is the gradient of another one

    def run(self, values: Sequence[Array], record: bool = True) -> Point:
        """Run on other arrays in their place; unless `record`, only the values of the outputs are needed."""

    def output_name(self, position: int) -> str:
        """What the user calls an output."""


def flat(arrays: Sequence[Array]) -> Array:
    """All elements in one row of float64."""
    return np.concatenate([np.asarray(a, np.float64).ravel() for a in arrays]) if arrays else np.zeros(0)


def split(row: Array, like: Sequence[Tensor]) -> list[Array]:
    """A row as arrays of the shapes and dtypes of these tensors."""
    ends = np.cumsum([y.array.size for y in like])[:-1]
    return [part.reshape(y.array.shape).astype(y.array.dtype) for part, y in zip(np.split(row, ends), like, strict=True)]


def tensor_of(array: Array, requires_grad: bool = False) -> Tensor:
    """A tensor around this array."""
    return wrap(Value.result_class, array, Leaf(array) if requires_grad else None)


def pull_back(outputs: Sequence[Tensor], leaves: Sequence[Tensor], weights: Sequence[Tensor], create_graph: bool = False) -> list[Tensor]:
    """The gradient of Σ weights · outputs for each leaf, zeros where there is none."""
    roots = [(y, w) for y, w in zip(outputs, weights, strict=True) if y.node is not None]
    found: list[Tensor | None] = [None] * len(leaves)
    if roots:
        ys, ws = zip(*roots, strict=True)
        found = graph.grad(ys, leaves, ws, create_graph=create_graph, retain_graph=True, allow_unused=True)
    return [tensor_of(np.zeros_like(x.array)) if g is None else g for g, x in zip(found, leaves, strict=True)]


# ---- f -----------------------------------------------------------------------------------------------------------------------


class Subject:
    """f(*args, **kwargs) as a function of the arrays of some of its tensors, which stay the user's objects.

    They are given other arrays for each run, so that f sees them however it comes by them: as arguments, inside of any nesting,
    or by a closure. What is `fixed` (buffers, inputs that need no gradient, modules that f has by a closure) gets fresh copies, and modules
    the attributes they had.
    """

    is_gradient = False

    def __init__(self, f: Any, args: Sequence[Any], kwargs: dict[str, Any], dtype: Any, only_required: bool) -> None:
        self.f, self.args, self.kwargs, self._only_required = f, args, kwargs, only_required
        modules = [(place, m) for place, m in _found((f, args, kwargs), is_module)]
        captured = [m for m in _captured(f) if is_module(m)]
        self.modules = {id(part): part for module in [*[m for _, m in modules], *captured] for part in module.modules()}
        parameters = [(f"{_of(place)}parameter {n}", p) for place, m in modules for n, p in m.named_parameters()]
        buffers = [(n, b) for _, m in modules for n, b in m.named_buffers()]
        others = [(n, x) for m in captured for n, x in [*m.named_parameters(), *m.named_buffers()]]
        inputs = list(_found((None, args, kwargs), _is_tensor))
        floats = [(name, x) for name, x in inputs if x.is_floating_point()]
        required = [(name, x) for name, x in floats if x.requires_grad]
        chosen = _unique([*(required or ([] if only_required else floats)), *[(n, p) for n, p in parameters if p.requires_grad]])
        varied = {id(x) for _, x in chosen}
        self.varied = [x for _, x in chosen]
        self.names = [name for name, _ in chosen]
        self.fixed = [x for _, x in _unique([*inputs, *parameters, *buffers, *others]) if id(x) not in varied]
        self.arrays = [_as(dtype, x.array) for x in self.varied]
        self._constants = [_as(dtype, x.array) for x in self.fixed]
        self._outputs: list[str] = []
        self._before = [(x, dict(vars(x))) for x in [*self.varied, *self.fixed, *self.modules.values()]]
        self._random = get_rng_state()

    def run(self, values: Sequence[Array], record: bool = True) -> Point:
        """f at these values."""
        self.restore()
        leaves = [tensor_of(value.copy(), True) for value in values]
        for x, leaf in zip(self.varied, leaves, strict=True):
            vars(x).update(array=leaf.array, node=leaf.node, view_of=None, views=None)
        for x, value in zip(self.fixed, self._constants, strict=True):
            copy = tensor_of(value.copy(), x.requires_grad)
            vars(x).update(array=copy.array, node=copy.node, view_of=None, views=None)
        with enable_grad(), np.errstate(all="ignore"):
            results = self.f(*self.args, **self.kwargs)
        found = [(name, y) for name, y in _found((None, results, {}), _is_tensor, "output") if y.is_floating_point()]
        if self._only_required and any(y.requires_grad for _, y in found):
            found = [(name, y) for name, y in found if y.requires_grad]
        self._outputs = [name for name, _ in found]
        return Point(leaves, [wrap(Value.result_class, y.array, y.node) for _, y in found])

    def restore(self) -> None:
        """Make everything what it was: tensors, modules, random numbers."""
        with switched(tracer=None):  # what is put back is not part of the run
            set_rng_state(self._random)
        for x, before in self._before:
            vars(x).clear()
            vars(x).update(before)

    def output_name(self, position: int) -> str:
        """`output`, or `output[1]["loss"]`."""
        return self._outputs[position]


@contextmanager
def prepared(f: Any, args: Sequence[Any], kwargs: dict[str, Any], dtype: Any = None, only_required: bool = False) -> Iterator[Subject]:
    """The subject, for the time of a `with` block; `dtype` is another one to run in. Raises ArgumentError if nothing can be varied."""
    subject = Subject(f, args, kwargs, dtype, only_required)
    if not subject.varied:
        if only_required:
            raise ArgumentError("gradcheck: at least one input must require grad; make it with requires_grad=True")
        raise ArgumentError("gradcheck: there is no float tensor among the inputs; pass one, or a module with parameters")
    try:
        yield subject
    finally:
        subject.restore()


def _as(dtype: Any, array: Array) -> Array:
    return array.astype(dtype if dtype is not None and array.dtype.kind == "f" else array.dtype)


def _is_tensor(x: Any) -> bool:
    return isinstance(x, Tensor)


def is_module(x: Any) -> bool:
    """Whether it is a layer, told by what it can do: this package is below `nn`."""
    return callable(getattr(type(x), "named_parameters", None)) and callable(getattr(type(x), "named_buffers", None))


def _of(place: str) -> str:
    return f"{place} " if place else ""


def _unique(named: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """Each object once, under its first name."""
    kept: dict[int, tuple[str, Any]] = {}
    for name, x in named:
        kept.setdefault(id(x), (name, x))
    return list(kept.values())


def _found(where: tuple[Any, Any, dict[str, Any]], wanted: Callable[[Any], bool], name: str = "inputs") -> Iterator[tuple[str, Any]]:
    """What is wanted of (function, arguments, keywords), in nested tuples, lists and dicts, with the expression that finds it."""
    function, args, kwargs = where
    owner = function if wanted(function) else getattr(function, "__self__", None)  # a module, or a bound method of one
    if wanted(owner):
        yield "", owner
    yield from _nested(args, wanted, name)
    for key, item in kwargs.items():
        yield from _nested(item, wanted, key)


def _captured(f: Any) -> list[Any]:
    """What a function has besides its arguments: values of its closure, globals that it names, what a partial has filled in."""
    if isinstance(f, functools.partial):
        return [*_captured(f.func), f.func, *f.args, *f.keywords.values()]
    function = inspect.unwrap(getattr(f, "__func__", f))
    if not inspect.isfunction(function):
        return []
    try:
        names = inspect.getclosurevars(function)
    except ValueError:  # a variable that has no value yet
        return []
    return [*names.nonlocals.values(), *names.globals.values()]


def _nested(x: Any, wanted: Callable[[Any], bool], name: str) -> Iterator[tuple[str, Any]]:
    if wanted(x):
        yield name, x
    elif isinstance(x, Mapping):
        for key, item in x.items():
            yield from _nested(item, wanted, f"{name}[{key!r}]")
    elif dataclasses.is_dataclass(x) and not isinstance(x, type):
        for part in dataclasses.fields(x):
            yield from _nested(getattr(x, part.name, None), wanted, f"{name}.{part.name}")
    elif isinstance(x, tuple) and hasattr(x, "_fields"):
        for field, item in zip(x._fields, x, strict=True):
            yield from _nested(item, wanted, f"{name}.{field}")
    elif isinstance(x, (tuple, list)):
        for i, item in enumerate(x):
            yield from _nested(item, wanted, f"{name}[{i}]")


# ---- and its gradient --------------------------------------------------------------------------------------------------------


class GradientOf:
    """The function (x, v) -> vJ of another function's x, and of the cotangents v of its outputs."""

    is_gradient = True

    def __init__(self, inner: Differentiable, cotangents: Sequence[Array]) -> None:
        self._inner, self._count = inner, len(inner.arrays)
        self.arrays = [*inner.arrays, *cotangents]
        self.names = [*inner.names, *[f"the cotangent of {inner.output_name(i)}" for i in range(len(cotangents))]]

    def run(self, values: Sequence[Array], record: bool = True) -> Point:
        """The gradient at these values."""
        inner = self._inner.run(values[: self._count])
        v = [tensor_of(value.copy(), record) for value in values[self._count :]]
        return Point(inner.leaves + v, pull_back(inner.outputs, inner.leaves, v, create_graph=record))

    def output_name(self, position: int) -> str:
        """Of what it is the gradient."""
        return f"the gradient for {self._inner.names[position]}"
