"""Sizes that may change without a retrace: the program for a size between others is derived from the programs traced for these.

Programs of one step at several sizes are laid side by side. Where they hold different numbers (a dimension, a stride, a count
to divide by), the number is a formula in the sizes: a whole number, plus a whole multiple of a size or of a product of up to
three. A program for other sizes is made only from at least `ENOUGH` others, for sizes between the smallest and the largest of
these, and if all formulas that fit agree. Between is what makes it safe: whatever switches at some size (`min(n, 100)`, another
way of summing from a certain length on) would have to switch there and back. Code of the user's that looks at sizes can do
anything with them, for example tell even from odd: such a step is traced at every size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations_with_replacement
from math import prod
from typing import Any, NamedTuple

import numpy as np

from ..engine.mutation import NDArray
from ..errors import ArgumentError, ArgumentTypeError
from .compare import difference, same_bits, same_results
from .program import Equation, Program, Var
from .recording import Recording
from .signature import general, leaf_names

ENOUGH = 3  # sizes from which another is derived
KEPT = 16  # of these; the oldest is forgotten
Sizes = tuple[int, ...]  # one for every name


class Underivable(Exception):
    """Why no program can be made for some sizes without a trace."""


class Names:
    """Which dimensions of which arguments have a name: `("batch",)`, the first of every argument, or `{"x": ("batch", None)}`."""

    def __init__(self, given: Any) -> None:
        self._by_argument = dict(given) if isinstance(given, Mapping) else None
        rows = [given] if self._by_argument is None else list(self._by_argument.values())
        if any(isinstance(row, str) or not isinstance(row, Sequence) for row in rows):
            raise ArgumentTypeError(f"compile: dynamic takes a tuple of names, or a dict of such tuples by argument, got {given!r}")
        allowed = str if self._by_argument is None else str | None
        if not all(isinstance(name, allowed) for row in rows for name in row):
            raise ArgumentTypeError(f"compile: the names of dynamic sizes must be strings, got {given!r}")
        self._row = tuple(given) if self._by_argument is None else ()
        self.all = tuple(dict.fromkeys(name for row in rows for name in row if name is not None))

    def form(self, parameters: list[str], args: tuple[Any, ...], kwargs: dict[str, Any], tensors: list[Any]) -> tuple[Any, Sizes]:
        """The signature of a call, whatever the sizes that have a name, and these sizes; 2 for a name that no argument has."""
        arguments = [] if self._by_argument is None else leaf_names(parameters, args, kwargs)
        missing = set(self._by_argument or ()).difference(arguments, parameters)
        if missing:
            raise ArgumentError(f"compile: dynamic names argument {missing.pop()}, but the arguments with sizes are {', '.join(arguments)}")
        found: dict[str, tuple[int, int]] = {}  # the size, and the position of the argument

        def shape(array: NDArray, position: int) -> tuple[Any, ...]:
            form: list[int | str] = list(array.shape)
            row = self._row[: array.ndim] if self._by_argument is None else self._of(arguments[position], array.ndim)
            for i, name in enumerate(row):
                if name is not None:
                    size, where = found.setdefault(name, (array.shape[i], position))
                    if size != array.shape[i]:
                        one, other = [leaf_names(parameters, args, kwargs)[k] for k in (where, position)]
                        raise ArgumentError(
                            f"compile: the size {name} is {size} in argument {one}, but {array.shape[i]} in {other}; "
                            f"say which arguments have it: dynamic={{{one!r}: ({name!r},)}}"
                        )
                    form[i] = name
            return tuple(form), None if array.flags.c_contiguous else array.strides

        key = general(args, kwargs, tensors, shape)
        return key, tuple([found.get(name, (2, 0))[0] for name in self.all])

    def _of(self, argument: str, ndim: int) -> tuple[str | None, ...]:
        """The names of the dimensions of one of the arguments."""
        row = tuple((self._by_argument or {}).get(argument, ()))
        if len(row) > ndim:
            raise ArgumentError(f"compile: dynamic names {len(row)} dimensions of argument {argument}, which has {ndim}")
        return row


class Run(NamedTuple):
    """What a run of a step did and how it gives its results back, at some sizes."""

    sizes: Sizes
    recording: Recording
    returned: Any


class Family:
    """Runs of one step at several sizes, and the sources that were made of them."""

    def __init__(self) -> None:
        self._runs: list[Run] = []
        self.sources: list[str] = []

    def add(self, run: Run, source: str) -> None:
        """One more. Sizes 0 and 1 tell nothing of others: what has them is broadcast or empty."""
        if min(run.sizes, default=0) >= 2:
            self._runs.append(run)
            self.sources.append(source)
            del self._runs[:-KEPT], self.sources[:-KEPT]

    def expects(self, run: Run) -> bool:
        """Whether a run is what the others would lead one to expect at its sizes."""
        if not self._runs or not same_results(self._runs[0].returned, run.returned):
            return False
        try:
            return difference(_at([*self._runs, run], run.sizes).recording, run.recording) is None
        except Underivable:
            return False

    def derive(self, sizes: Sizes) -> Run:
        """What a run at these sizes would do. Raises Underivable."""
        looks = next((run.recording.looks_at_sizes for run in self._runs if run.recording.looks_at_sizes), None)
        if looks is not None:
            raise Underivable(f"{looks} may look at sizes")
        traced = sorted({run.sizes for run in self._runs})
        if len(traced) < ENOUGH:
            raise Underivable(f"{len(traced)} other sizes were traced, and {ENOUGH} are needed")
        for size, of_name in zip(sizes, zip(*traced, strict=True), strict=True):
            if not min(of_name) <= size <= max(of_name):
                raise Underivable(f"{size} is not between those traced, {min(of_name)} and {max(of_name)}")
        return _at(self._runs, sizes)


def _at(runs: Sequence[Run], sizes: Sizes) -> Run:
    first = runs[0].recording
    return Run(sizes, first._replace(program=_Derivation(runs, sizes).program()), runs[0].returned)


class _Derivation:
    """A program for other sizes, made by laying the programs of runs side by side."""

    def __init__(self, runs: Sequence[Run], sizes: Sizes) -> None:
        self._programs = [run.recording.program for run in runs]
        self._formulas = _Formulas([run.sizes for run in runs], sizes)
        self._vars: dict[Var, Var] = {}  # of all programs, to that of the new one

    def program(self) -> Program:
        """The program."""
        first = self._programs[0]
        sources = [self._defined(row) for row in _rows([p.sources() for p in self._programs])]
        constants = {self._vars[row[0]]: self._constant(row) for row in _rows([tuple(p.constants) for p in self._programs])}
        equations = [self._equation(row) for row in _rows([p.equations for p in self._programs])]
        parts = ("inputs", "numbers", "captured", "checked", "writes", "results", "gradients")
        made = {part: self._value([getattr(p, part) for p in self._programs]) for part in parts}
        names = {var: first.names[old] for old, var in zip(first.sources(), sources, strict=True) if old in first.names}
        return Program(constants=constants, equations=tuple(equations), names=names, **made)

    def _defined(self, row: Sequence[Var]) -> Var:
        shape, dtype, strides = [self._value([getattr(var, part) for var in row]) for part in ("shape", "dtype", "strides")]
        made = Var(shape, dtype, strides)
        self._vars.update(dict.fromkeys(row, made))
        return made

    def _equation(self, row: Sequence[Equation]) -> Equation:
        first = row[0]
        if any(e.primitive is not first.primitive for e in row):
            raise Underivable(f"the step does different things at different sizes\n  at {first.line}")
        try:
            inputs, params = self._value([e.inputs for e in row]), self._value([e.params for e in row])
            outputs = tuple([self._defined(vars_) for vars_ in _rows([e.outputs for e in row])])
        except Underivable as error:
            raise Underivable(f"{error}\n  at {first.line}") from None
        return Equation(first.primitive, inputs, params, outputs, first.line)

    def _constant(self, row: Sequence[Var]) -> NDArray:
        """Of a constant whose size changes, the beginning of the largest: filled with one number, counted up, a triangle of ones."""
        arrays = [p.constants[var] for p, var in zip(self._programs, row, strict=True)]
        largest = max(arrays, key=np.size)
        made = _beginning(largest, self._vars[row[0]].shape)
        if made.shape != self._vars[row[0]].shape or not all(same_bits(_beginning(largest, x.shape), x) for x in arrays):
            raise Underivable("data that is made without this library changes with the size")
        return made

    def _value(self, row: Sequence[Any]) -> Any:
        """What stands where the programs have these: variables, numbers, containers of them, or the same in all."""
        x = row[0]
        if isinstance(x, Var):
            made = self._vars.get(x)
            if any(self._vars.get(other) is not made for other in row):
                raise Underivable("the step does different things at different sizes")
            return made
        if any(type(other) is not type(x) for other in row):
            raise Underivable("the step does different things at different sizes")
        if type(x) is int:
            return self._formulas.at(row)
        if isinstance(x, (tuple, list)):
            parts = [self._value(part) for part in _rows(row)]
            return type(x)(*parts) if hasattr(x, "_fields") else type(x)(parts)
        if isinstance(x, slice):
            return slice(*self._value([(s.start, s.stop, s.step) for s in row]))
        if isinstance(x, dict):
            return dict(zip(self._value([tuple(d) for d in row]), self._value([tuple(d.values()) for d in row]), strict=True))
        if isinstance(x, (float, np.generic)):
            return self._real(row)
        if any(other is not x and not _equal(other, x) for other in row):
            raise Underivable(f"{x!r} changes with the size, by no formula that is known")
        return x

    def _real(self, row: Sequence[Any]) -> Any:
        """The same float in all, or one that follows from a whole number."""
        kind, bits = type(row[0]), [np.asarray(x).tobytes() for x in row]
        if all(other == bits[0] for other in bits):
            return row[0]
        found: dict[bytes, Any] = {}
        for way in _WAYS:
            try:
                wholes = [round(way(float(x))) for x in row]
                made = [kind(way(n)) for n in wholes]
            except (ArithmeticError, ValueError):  # of 0, 1, inf or nan
                continue
            if [np.asarray(x).tobytes() for x in made] == bits:  # 2/n of even n is 1/(n/2), too, which no formula gives
                found |= {np.asarray(x).tobytes(): x for x in (kind(way(n)) for n in self._formulas.fitting(wholes))}
        if len(found) != 1:
            raise Underivable(f"{row[0]!r} changes with the size, by no formula that is known")
        return found.popitem()[1]


#: Floats that follow from a whole number: itself, 1/n and 2/n of means, n/(n-1) of variances. Each gives the number back from the float.
_WAYS: tuple[Callable[[float], float], ...] = (float, lambda n: 1.0 / n, lambda n: 2.0 / n, lambda n: n / (n - 1.0))


class _Formulas:
    """Numbers at sizes, found from the numbers at other sizes."""

    def __init__(self, known: Sequence[Sizes], wanted: Sizes) -> None:
        terms = [c for degree in (1, 2, 3) for c in combinations_with_replacement(range(len(wanted)), degree)]
        values = [([prod(sizes[i] for i in term) for sizes in known], prod(wanted[i] for i in term)) for term in terms]
        self._terms = [(here, there) for here, there in values if len(set(here)) > 1]

    def at(self, numbers: Sequence[int]) -> int:
        """The number at the wanted sizes. Raises Underivable if no formula fits, or if several do that disagree."""
        if len(set(numbers)) == 1:
            return numbers[0]
        found = set(self.fitting(numbers))
        if len(found) != 1:
            raise Underivable(f"a number that is {', '.join(map(str, numbers))} at the sizes traced is known by {len(found)} formulas")
        return found.pop()

    def fitting(self, numbers: Sequence[int]) -> Iterator[int]:
        """What each formula that fits these numbers, of which two differ, gives at the wanted sizes."""
        for here, there in self._terms:
            other = next(i for i, x in enumerate(here) if x != here[0])
            factor, rest = divmod(numbers[other] - numbers[0], here[other] - here[0])
            start = numbers[0] - factor * here[0]
            if not rest and all(start + factor * x == number for x, number in zip(here, numbers, strict=True)):
                yield start + factor * there


def _rows(columns: Sequence[Sequence[Any]]) -> Iterator[tuple[Any, ...]]:
    """What stands side by side."""
    if len({len(column) for column in columns}) != 1:
        raise Underivable("the step does different things at different sizes")
    return zip(*columns, strict=True)


def _beginning(array: NDArray, shape: tuple[int, ...]) -> NDArray:
    return array[tuple([slice(n) for n in shape])].copy(order="K")


def _equal(x: Any, y: Any) -> bool:
    if isinstance(x, np.ndarray):
        return same_bits(x, y)
    return bool(x == y)
