"""The text of a loop: its dimensions in the order of the memory it touches, one statement for each equation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np

from ...numpy_ops import CAST, COPY, NumpyOp, is_reduction
from ...program import Equation, Var
from . import expressions, threads
from .algebra import SHORT_PRODUCT
from .expressions import c_type, convert, literal
from .kernels import Loop
from .layout import Layout
from .memory import SHORT_ROW, Ref, Storage
from .text import loops, place

LONG = 1024  # sums of so many elements of float32, in sixteen lanes, are as good as NumPy's
VECTOR = 16  # elements of float32 in the widest
_COSTLY = 10  # additions that a division or a function takes


class Access(NamedTuple):
    """Elements in memory as a loop meets them: a storage, an offset and a stride for each of the loop's dimensions."""

    storage: Storage
    offset: int
    strides: tuple[int, ...]


class Terms(NamedTuple):
    """The terms of a short product: where the first of each factor is, how far the next, and how many."""

    left: Access
    left_step: int
    right: Access
    right_step: int
    size: int


class Total(NamedTuple):
    """A reduction that a loop does on the way."""

    name: str  # of the ufunc
    value: Var
    out: Var
    dims: frozenset[int]  # the loop's dimensions that it is over
    length: int  # how many elements one total has

    @property
    def dtype(self) -> np.dtype[Any]:
        """That of the result."""
        assert self.out.dtype is not None
        return self.out.dtype

    @property
    def wide(self) -> np.dtype[Any]:
        """That of a running total: long sums of float32 are kept in float64."""
        long = self.length > LONG and self.name in ("add", "multiply")
        return np.dtype(np.float64) if self.dtype == np.float32 and long else self.dtype

    @property
    def looks_for_nan(self) -> bool:
        """Compilers know how to find the largest number with vectors, but not one that nan wins over."""
        return self.name in ("maximum", "minimum") and self.dtype.kind == "f"


class LoopText:
    """One loop, laid out: `touched` is the memory it uses, `text()` its lines."""

    def __init__(self, loop: Loop, layout: Layout) -> None:
        self.shape = loop.shape
        self.layout = layout
        self._totals = [_total(e) for e in loop.equations if is_reduction(e.primitive)]
        self._equations = [e for e in loop.equations if not is_reduction(e.primitive)]
        self._made = {var for e in self._equations for var in e.outputs}
        self._terms = {e.outputs[0]: self._factors(e) for e in self._equations if e.primitive is SHORT_PRODUCT}
        self._loads: dict[tuple[Var, tuple[int, ...]], Access] = {}
        for x, shape in self._read(loop.equations):
            self._loads[x, shape] = _access(layout.ref(x).broadcast(shape))
        self._order = self._best_order()
        self._stores = [(var, self._store(var)) for var in self._made_in_order() if var in layout.kernels.stored]
        self._places = [self._place(total) for total in self._totals]
        self.touched = [access.storage for access in self._accesses()]

    def _accesses(self) -> Iterator[Access]:
        """All memory that the loop touches."""
        yield from self._loads.values()
        yield from (factor for terms in self._terms.values() for factor in (terms.left, terms.right))
        yield from (access for _, access in self._stores)
        yield from self._places

    def takeovers(self) -> Iterator[tuple[Storage, Storage]]:
        """Memory that is stored to and memory that is read, where every element is read only in the turn that stores it at its place."""
        reading = [
            *self._loads.values(),
            *(factor for terms in self._terms.values() for factor in (terms.left, terms.right)),
            *self._places,
        ]
        for _, store in self._stores:
            for storage in dict.fromkeys(access.storage for access in self._loads.values()):
                met = {access[1:] for access in reading if access.storage is storage}
                if met == {store[1:]} and storage.dtype == store.storage.dtype:
                    yield store.storage, storage

    # ---- memory ----------------------------------------------------------------------------------------------------------

    def _made_in_order(self) -> Iterator[Var]:
        return (var for e in self._equations for var in e.outputs)

    def _read(self, equations: Sequence[Equation]) -> Iterator[tuple[Var, tuple[int, ...]]]:
        """What comes from memory, and the shape of the equation that reads it."""
        for equation in equations:
            shape = equation.inputs[0].shape if is_reduction(equation.primitive) else equation.outputs[0].shape
            for x in equation.reads() if equation.primitive is not SHORT_PRODUCT else ():
                if not self._is_local(x) and not self._is_number(x) and not self._is_written_out(x):
                    yield x, shape

    def _factors(self, equation: Equation) -> Terms:
        shape = equation.outputs[0].shape
        x, y = [self.layout.ref(factor) for factor in equation.inputs]
        left = x._replace(shape=(*x.shape[:-1], 1)).broadcast(shape)
        right = y._replace(shape=(*y.shape[:-2], 1, y.shape[-1])).broadcast(shape)
        return Terms(_access(left), x.strides[-1], _access(right), y.strides[-2], x.shape[-1])

    def _best_order(self) -> list[int]:
        """The dimensions from the outermost to the innermost: last comes a long one that most of the memory has contiguous."""
        dims = list(range(len(self.shape)))
        settled = [_access(home) for var in self._made_in_order() if (home := self.layout.home(var)) is not None]
        accesses = [*self._loads.values(), *(f for t in self._terms.values() for f in (t.left, t.right)), *settled]

        def cost(d: int) -> tuple[bool, int, bool, int]:
            strided = sum(a.strides[d] not in (0, 1) for a in accesses)
            return self.shape[d] < SHORT_ROW, strided, _leaves_much(self.shape[d]), -d

        inner = min(dims, key=cost, default=None)
        return [d for d in dims if d != inner] + ([] if inner is None else [inner])

    def _strides(self, dims: Sequence[int]) -> dict[int, int]:
        """Dense strides over some of the dimensions, in the order of the loop."""
        steps, step = {}, 1
        for d in reversed([d for d in self._order if d in dims]):
            steps[d] = step
            step *= self.shape[d]
        return steps

    def _store(self, var: Var) -> Access:
        """Memory for a value."""
        steps = iter(sorted(self._strides(range(len(self.shape))).items()))
        return _access(self.layout.place(var, tuple([0 if n == 1 else next(steps)[1] for n in var.shape])))

    def _place(self, total: Total) -> Access:
        """Memory for the result of a reduction, with stride 0 along what it is over."""
        kept = [d for d in range(len(self.shape)) if d not in total.dims]
        steps = iter(sorted(self._strides(kept).items()))
        access = _access(self.layout.place(total.out, tuple([0 if n == 1 else next(steps)[1] for n in total.out.shape])))
        found = iter(access.strides)
        return access._replace(strides=tuple([0 if d in total.dims else next(found) for d in range(len(self.shape))]))

    # ---- text ------------------------------------------------------------------------------------------------------------

    def text(self) -> Iterator[str]:
        """The loop's lines."""
        yield from self._start()
        yield from self._turns()

    def division(self) -> threads.Division | None:
        """The turns of the outermost loop for threads to share; None if that does not pay, or if they meet in a total."""
        runs = self._runs()
        size = prod(self.shape[d] for d in runs[0]) if runs else 0
        costs = [1 if expressions.is_quick(e) else _COSTLY for e in self._equations if e.primitive is not SHORT_PRODUCT]
        costs += [2 * terms.size for terms in self._terms.values()]
        work = prod(self.shape) * (sum(costs) + len(self.touched)) * max((s.dtype.itemsize for s in self.touched), default=0) / 8
        if size < 2 or work < threads.WORTH or any(runs[0][0] in total.dims for total in self._totals):
            return None
        return threads.Division(size, VECTOR if len(runs) == 1 else 1, list(self._start()), list(self._turns("begin", "end")))

    def _start(self) -> Iterator[str]:
        """The lines before the loop."""
        for total, access in zip(self._totals, self._places, strict=True):
            yield from self._clear(total, access)

    def _turns(self, begin: str = "0", end: str = "") -> Iterator[str]:
        """The lines of the loop; given an end, of some turns of the outermost."""
        runs = self._runs()
        at = _Places(runs)
        inner = runs[-1] if runs else []
        running = [bool(inner) and inner[-1] in total.dims for total in self._totals]
        depth = ""
        for i, run in enumerate(runs):
            if run is inner:
                yield from (depth + line for line in self._start_running(running))
            first, last = (begin, end) if i == 0 and end else ("0", prod(self.shape[d] for d in run))
            yield f"{depth}for (long i{i} = {first}; i{i} < {last}; ++i{i}) {{"
            depth += "    "
        yield from (depth + line for line in self._body(at, running))
        for run in reversed(runs):
            depth = depth[4:]
            yield depth + "}"
            if run is inner:
                yield from (depth + line for line in self._end_running(at, running))

    def _runs(self) -> list[list[int]]:
        """The dimensions from outside to inside; those that all memory runs through as if they were one are together."""
        accesses = list(self._accesses())
        runs: list[list[int]] = []
        for d in self._order:
            before = runs[-1][-1] if runs else None
            together = before is not None and all(a.strides[before] == a.strides[d] * self.shape[d] for a in accesses)
            if together and all((before in total.dims) == (d in total.dims) for total in self._totals):
                runs[-1].append(d)
            else:
                runs.append([d])
        return runs

    def _clear(self, total: Total, access: Access) -> Iterator[str]:
        """The start of a total in memory."""
        kept = [d for d in self._order if d not in total.dims]
        where = place(access.offset, [(access.strides[d], f"i{d}") for d in kept])
        start = f"{access.storage.name}[{where}] = {expressions.start(total.name, total.dtype)};"
        yield from loops([(f"i{d}", self.shape[d]) for d in kept], [start])

    def _start_running(self, running: Sequence[bool]) -> Iterator[str]:
        """Totals over the innermost dimension are kept in variables while it runs."""
        clauses = ""
        for total in (t for t, here in zip(self._totals, running, strict=True) if here):
            name = self._name(total.out)
            yield f"{_held(total.wide)} sum_{name} = {expressions.start(total.name, total.wide)};"
            clauses += f" reduction({expressions.clause(total.name, total.dtype)}:sum_{name})"
            if total.looks_for_nan:
                yield f"int nan_{name} = 0;"
                clauses += f" reduction(|:nan_{name})"
        yield f'_Pragma("omp simd{clauses}")'

    def _end_running(self, at: _Places, running: Sequence[bool]) -> Iterator[str]:
        for total, access, here in zip(self._totals, self._places, running, strict=True):
            name = self._name(total.out)
            if here and total.looks_for_nan:
                yield f"if (nan_{name}) sum_{name} = NAN;"
            if here:
                yield f"{at(access)} = {expressions.accumulate(total.name, at(access), f'sum_{name}', total.dtype)};"

    def _body(self, at: _Places, running: Sequence[bool]) -> Iterator[str]:
        loads = {self._loaded(x, shape): (x, access) for (x, shape), access in self._loads.items()}
        for name, (x, access) in loads.items():
            yield f"const {_held(x.dtype)} {name} = {at(access)};"
        for equation in self._equations:
            [var] = equation.outputs
            if not self._is_copy(equation):
                yield f"const {_held(var.dtype)} {self._name(var)}_i = {_narrowed(var.dtype, self._element(equation, at))};"
        for var, access in self._stores:
            yield f"{at(access)} = {self._local(var)};"
        for total, access, here in zip(self._totals, self._places, running, strict=True):
            value = self._operand(total.value, total.value.shape, total.dtype)
            so_far = f"sum_{self._name(total.out)}" if here else at(access)
            if here and total.looks_for_nan:
                yield f"{so_far} = {value} {'>' if total.name == 'maximum' else '<'} {so_far} ? {value} : {so_far};"
                yield f"nan_{self._name(total.out)} |= {value} != {value};"
            else:
                yield f"{so_far} = {expressions.accumulate(total.name, so_far, value, total.dtype)};"

    # ---- elements --------------------------------------------------------------------------------------------------------

    def _element(self, equation: Equation, at: _Places) -> str:
        [var] = equation.outputs
        if var in self._terms:
            terms = self._terms[var]
            steps = range(terms.size)
            return " + ".join([f"{at(terms.left, k * terms.left_step)} * {at(terms.right, k * terms.right_step)}" for k in steps]) or "0"
        return expressions.element(equation, lambda x, dtype: self._operand(x, var.shape, dtype))

    def _operand(self, x: Any, shape: tuple[int, ...], dtype: Any) -> str:
        """An element of an input, converted to a dtype."""
        if not isinstance(x, Var):
            return literal(x, dtype)
        if self._is_number(x):
            return self._number(x, dtype)
        if self._is_written_out(x):
            return literal(np.asarray(self.layout.uniform[x]).astype(dtype), dtype)
        return convert(self._local(x) if self._is_local(x) else self._loaded(x, shape), x.dtype, dtype)

    def _number(self, x: Var, dtype: Any) -> str:
        """A number of Python's, which a double holds."""
        given, kind = self.layout.kernels.numbers.get(x, (x, np.dtype(np.float64)))
        text = self.layout.names[given] if isinstance(given, Var) else literal(given, np.dtype(np.float64))
        return convert(convert(text, np.dtype(np.float64), kind), kind, dtype)

    def _local(self, x: Var) -> str:
        """The name of an element that the loop makes."""
        base = self.layout.kernels.views.base(x)
        equation = next(e for e in self._equations if base in e.outputs)
        if self._is_copy(equation):
            return self._operand(equation.inputs[0], base.shape, base.dtype)
        return f"{self._name(base)}_i"

    def _loaded(self, x: Var, shape: tuple[int, ...]) -> str:
        """The name of an element from memory; a variable that is read in several ways has several."""
        ways = list(dict.fromkeys(access for (y, _), access in self._loads.items() if y is x))
        number = ways.index(self._loads[x, shape])
        return f"{self._name(x)}_i" + ("" if number == 0 else f"_{number}")

    def _is_copy(self, equation: Equation) -> bool:
        return equation.primitive is COPY or (equation.primitive is CAST and equation.inputs[0].dtype == equation.outputs[0].dtype)

    def _is_local(self, x: Var) -> bool:
        return self.layout.kernels.views.base(x) in self._made

    def _is_number(self, x: Var) -> bool:
        return x.dtype is None or x in self.layout.kernels.numbers

    def _is_written_out(self, x: Var) -> bool:
        """Whether it is a constant whose elements are all the same."""
        return x in self.layout.uniform

    def _name(self, var: Var) -> str:
        return self.layout.names[var]


class _Places:
    """Elements in memory as text, for dimensions that were joined into runs."""

    def __init__(self, runs: Sequence[Sequence[int]]) -> None:
        self._steps: Callable[[Access], list[int]] = lambda access: [access.strides[run[-1]] for run in runs]

    def __call__(self, access: Access, beyond: int = 0) -> str:
        where = place(access.offset + beyond, [(s, f"i{i}") for i, s in enumerate(self._steps(access))])
        return f"{access.storage.name}[{where}]"


def _leaves_much(n: int) -> bool:
    """Whether what fills no vector, and is done one by one, takes a good part of the time."""
    return n < 4 * VECTOR and n % VECTOR != 0


def _access(ref: Ref) -> Access:
    return Access(ref.storage, ref.offset, tuple([s for n, s in zip(ref.shape, ref.strides, strict=True) if n != 1]))


def _total(equation: Equation) -> Total:
    [x], [out] = equation.inputs, equation.outputs
    assert isinstance(equation.primitive, NumpyOp)
    axis = equation.params.get("axis", 0)
    axes = range(len(x.shape)) if axis is None else (axis,) if isinstance(axis, int) else axis
    over = {a % len(x.shape) for a in axes}
    position = [d for d, n in enumerate(x.shape) if n != 1]
    dims = frozenset([i for i, d in enumerate(position) if d in over])
    return Total(equation.primitive.ufunc.__name__, x, out, dims, prod(x.shape[d] for d in over))


def _held(dtype: Any) -> str:
    """The type of a variable: small integers in 32 bits, as wide as the floats beside them in a vector."""
    return "int32_t" if dtype.itemsize < 4 and dtype.kind in "biu" else c_type(dtype)


def _narrowed(dtype: Any, text: str) -> str:
    """A result that may have left the range of its dtype, brought back."""
    return f"({c_type(dtype)})({text})" if dtype.itemsize < 4 and dtype.kind in "iu" else text
