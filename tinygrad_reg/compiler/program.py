"""The intermediate representation: a step as a straight list of equations on arrays, each variable defined once.

inputs                arrays of the call's arguments
numbers               hyper-parameters, computed by Python at every call (`HostCall`)
captured              arrays that outlive the call: parameters, optimizer state, data
constants             arrays that never change
equations             outputs = primitive(*inputs, **params), in an order that can be run
checked               gradients that must be finite, or the run is given up before anything is written
writes                what inputs and captured arrays hold afterwards; done last
results, gradients    fresh arrays for the caller
"""

from __future__ import annotations

import keyword
from collections.abc import Callable, Iterable, Iterator
from itertools import accumulate
from typing import Any, NamedTuple, Protocol

import numpy as np

from ..engine.mutation import NDArray


class Operation(Protocol):
    """What the compiler needs to know of a primitive."""

    name: str
    forward: Callable[..., Any]
    view: bool  # the result may share memory with the first argument
    outputs: bool  # the result is a tuple of arrays

    @property
    def fails(self) -> bool | Callable[..., bool]:
        """Whether it raises for some values of its arguments; or a function of such arguments that tells."""


class Var:
    """A value of known shape, dtype and memory layout; one of dtype None is a Python float."""

    __slots__ = ("dtype", "shape", "strides")

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype[Any] | None, strides: tuple[int, ...]) -> None:
        self.shape = shape
        self.dtype = dtype
        self.strides = strides

    def __repr__(self) -> str:
        return f"{'number' if self.dtype is None else self.dtype}{list(self.shape) or ''}"

    def copied(self) -> Var:
        """A variable for a copy in row-major order."""
        assert self.dtype is not None
        return Var(self.shape, self.dtype, row_major(self.shape, self.dtype.itemsize))

    def like(self, other: Var) -> bool:
        """Whether both have the same shape, dtype and layout."""
        return self.shape == other.shape and self.dtype == other.dtype and self.strides == other.strides


def var_for(array: NDArray) -> Var:
    """A variable for values that look like this array."""
    return Var(array.shape, array.dtype, layout(array))


def layout(array: NDArray) -> tuple[int, ...]:
    """The strides of an array; row-major ones as they usually are, although dimensions of size 1 may have any."""
    return row_major(array.shape, array.itemsize) if array.flags.c_contiguous else array.strides


def row_major(shape: tuple[int, ...], itemsize: int) -> tuple[int, ...]:
    """The strides of a contiguous array: each the product of the sizes that follow, in bytes."""
    steps = accumulate(reversed(shape[1:]), lambda step, n: step * max(n, 1), initial=itemsize)
    return tuple(reversed(list(steps))) if shape else ()


def number() -> Var:
    """A variable for a Python float."""
    return Var((), None, ())


class Equation(NamedTuple):
    """`outputs = primitive(*inputs, **params)`; an input that is no Var is a Python or NumPy number."""

    primitive: Operation
    inputs: tuple[Any, ...]
    params: dict[str, Any]
    outputs: tuple[Var, ...]
    line: str  # the user's line that caused it

    def reads(self) -> Iterator[Var]:
        """The variables among the inputs."""
        return (x for x in self.inputs if isinstance(x, Var))

    def run(self, values: Iterable[Any]) -> tuple[Any, ...]:
        """The results for these input values, as a tuple."""
        out = self.primitive.forward(*values, **self.params)
        made = out if self.primitive.outputs else (out,)
        return tuple([x if var.dtype is None else np.asarray(x) for x, var in zip(made, self.outputs, strict=True)])


class HostCall(NamedTuple):
    """A Python function that gives the numbers of a step by name, and changes nothing."""

    function: Callable[..., dict[str, float]]
    args: tuple[Any, ...]
    names: tuple[str, ...]


class Program(NamedTuple):
    """A step; see the module's text."""

    inputs: tuple[Var, ...]
    numbers: tuple[Var, ...]
    captured: tuple[Var, ...]
    constants: dict[Var, NDArray]
    equations: tuple[Equation, ...]
    checked: tuple[Var, ...]
    writes: tuple[tuple[Var, Var], ...]  # (one of inputs and captured, its new value)
    results: tuple[Var, ...]
    gradients: tuple[Var, ...]
    names: dict[Var, str]  # of inputs, numbers and captured

    def sinks(self) -> tuple[Var, ...]:
        """What the equations are run for."""
        return (*self.checked, *(value for _, value in self.writes), *self.results, *self.gradients)

    def sources(self) -> tuple[Var, ...]:
        """What is there before the first equation."""
        return (*self.inputs, *self.numbers, *self.captured, *self.constants)

    def __str__(self) -> str:
        return "\n".join(_lines(self))


def unique(name: str, taken: set[str]) -> str:
    """The name, or name_2, name_3 ... if somebody has it; it is taken from then on."""
    chosen, count = name, 1
    while chosen in taken or keyword.iskeyword(chosen):
        count += 1
        chosen = f"{name}_{count}"
    taken.add(chosen)
    return chosen


def substitute(program: Program, replacement: dict[Var, Var], equations: Iterable[Equation]) -> Program:
    """The program with other equations, and with variables that these no longer define replaced by others."""

    def now(x: Any) -> Any:
        while x in replacement:
            x = replacement[x]
        return x

    return program._replace(
        equations=tuple(equations),
        checked=tuple(map(now, program.checked)),
        writes=tuple((target, now(value)) for target, value in program.writes),
        results=tuple(map(now, program.results)),
        gradients=tuple(map(now, program.gradients)),
    )


class GivenUp(Exception):
    """A replay met values with which only eager can go on; nothing has been written, and the step is run eagerly."""


class NotFinite(GivenUp):
    """A checked gradient is not finite: eager would look at the values."""


class OutOfRange(GivenUp):
    """An integer is outside of the range that it must be in: eager raises the error that says so."""


# ---- printing ------------------------------------------------------------------------------------------------------


def names_of(program: Program) -> dict[Var, str]:
    """A short name for every variable."""
    names = dict(program.names)
    taken = set(names.values())
    made = [var for equation in program.equations for var in equation.outputs]
    for letter, group in (("c", program.constants), ("t", made)):
        for i, var in enumerate(group):
            names[var] = unique(f"{letter}{i + 1}", taken)
    return names


def _lines(program: Program) -> Iterator[str]:
    names = names_of(program)
    for title, group in (("inputs", program.inputs), ("numbers", program.numbers), ("captured", program.captured)):
        yield f"{title}: " + ", ".join(f"{names[var]} {var}" for var in group)
    for var, array in program.constants.items():
        yield f"{names[var]} = {array.tolist() if array.size < 4 else '...'}  # {var}"
    line = ""
    for equation in program.equations:
        if equation.line != line:
            line = equation.line
            yield f"# {line}"
        yield _equation_line(equation, names)
    if program.checked:
        yield f"check finite: {', '.join(names[var] for var in program.checked)}"
    for target, value in program.writes:
        yield f"write {names[target]} = {names[value]}"
    yield f"return {', '.join(names[var] for var in program.results)}"
    yield f"gradients {', '.join(names[var] for var in program.gradients)}"


def _equation_line(equation: Equation, names: dict[Var, str]) -> str:
    given = [names[x] if isinstance(x, Var) else repr(x) for x in equation.inputs]
    given += [f"{name}={value!r}" for name, value in equation.params.items()]
    made = ", ".join(names[var] for var in equation.outputs)
    return f"{made} = {equation.primitive.name}({', '.join(given)})  # {', '.join(map(repr, equation.outputs))}"
