"""The whole text: the functions it needs, then one C function for each run of kernels between calls of Python."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, Protocol

from ...numpy_ops import ADD_AT, COPY, PUT_ALONG, SET, NumpyOp, ufunc_op
from ...program import Equation, Program, Var, row_major
from ...scalars import Scalar
from . import mathematics, products
from .expressions import c_type
from .gathers import BestText, GatherText, RunningText, ScatterText, WithinText
from .itemwise import Itemwise, ItemwiseText, itemwise
from .kernels import Best, Call, Check, Gather, Join, Kernel, Kernels, Loop, Product, Running, Update, Within
from .layout import ALIGNMENT, Layout, Place, Uses, assign_places
from .loops import LoopText
from .memory import Ref, Storage, elements, item, joined
from .products import ProductText
from .repeats import as_functions
from .text import at
from .threads import DIVIDED, STACK, Division

_GIVEN = "void *const *arrays, const double *numbers, char *workspace"
_OF_OBJECTS = r"""
struct frame {
    long items, elements, count;
    const unsigned char *low_bits;
    const double *numbers;
    char *workspace;
};

/* A part of the step for a tuple of Python's arrays: where its items are, and in these the pointers to elements; 3 if elements are not
   aligned. */
int step_of_objects(int (*part)(void *const *, const double *, char *), const char *tuple, const struct frame *frame) {
    void *arrays[frame->count + 1];
    for (long i = 0; i < frame->count; ++i) {
        const char *object;
        memcpy(&object, tuple + frame->items + i * sizeof(void *), sizeof(void *));
        memcpy(&arrays[i], object + frame->elements, sizeof(void *));
        if ((uintptr_t)arrays[i] & frame->low_bits[i]) return 3;
    }
    return part(arrays, frame->numbers, frame->workspace);
}
"""


class Piece(Protocol):
    """A kernel, laid out."""

    touched: list[Storage]

    def text(self) -> Iterator[str]: ...


class Written(NamedTuple):
    """A program as C, and what Python has to know to run it."""

    source: str
    places: dict[Storage, Place]  # of what is in the workspace
    workspace: int  # bytes
    layout: Layout
    numbers: tuple[Var, ...]
    calls: tuple[CallPiece, ...]  # between the functions step_0, step_1 ...


class CheckText:
    """Ends the step with 1 unless all of some bools are true."""

    def __init__(self, equation: Equation, layout: Layout) -> None:
        self.refs = [layout.ref(x) for x in equation.inputs]
        self.touched = [ref.storage for ref in self.refs]

    def text(self) -> Iterator[str]:
        """One line, if there is anything to check."""
        if self.refs:
            yield f"if (!({' && '.join(at(ref, ()) for ref in self.refs)})) return 1;"


class CallPiece:
    """A function of Python's on arrays in memory; what it gives is copied to its place."""

    def __init__(self, equation: Equation, layout: Layout) -> None:
        self.equation = equation
        self.inputs = [layout.ref(x) if isinstance(x, Var) and x.dtype is not None else x for x in equation.inputs]
        self.outputs = [layout.place(var, elements(var)) for var in equation.outputs]
        self.touched = [x.storage for x in (*self.inputs, *self.outputs) if isinstance(x, Ref)]

    def text(self) -> Iterator[str]:
        """Nothing in C."""
        return iter(())


_PIECES: dict[type[Kernel], Callable[[Equation, Layout], Piece]] = {
    Product: ProductText,
    Gather: GatherText,
    Best: BestText,
    Running: RunningText,
    Within: WithinText,
    Check: CheckText,
    Call: CallPiece,
}


class Writer:
    """Lays a program out and writes it down."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.kernels = Kernels(program)
        self.kernels.list[:] = itemwise(self.kernels)
        self.layout = Layout(self.kernels)
        self.pieces: list[tuple[Kernel, Piece]] = []
        for kernel in self.kernels.list:
            self._add(kernel)
        for target, value in self.layout.copied:
            self._add(self.layout.copy(value, self.layout.ref(target), ""))

    def _add(self, kernel: Kernel) -> None:
        """Lay a kernel out, after the copies that it asks for."""
        for part in self._parts(kernel):
            piece = LoopText(part, self.layout) if isinstance(part, Loop) else part
            self.pieces += [(kernel, LoopText(loop, self.layout)) for loop in self.layout.copies]
            self.layout.copies.clear()
            self.pieces.append((kernel, piece))

    def _parts(self, kernel: Kernel) -> Iterator[Loop | Piece]:
        """Loops and pieces that a kernel comes to."""
        if isinstance(kernel, Loop):
            yield kernel
        elif isinstance(kernel, Join):
            yield from self._join(kernel)
        elif isinstance(kernel, Itemwise):
            yield ItemwiseText(kernel, self.layout)
        elif isinstance(kernel, Update):
            yield from self._update(kernel)
        else:
            yield _PIECES[type(kernel)](kernel.equations[0], self.layout)

    def _update(self, kernel: Update) -> Iterator[Loop | Piece]:
        """A copy of the base, unless that is not needed any more, and then what changes it."""
        [equation] = kernel.equations
        op, [out], [base, value, *_] = equation.primitive, equation.outputs, equation.inputs
        assert isinstance(op, NumpyOp)
        whole = self.layout.place_of_base(kernel)
        if whole is None:
            whole = self.layout.place(out, row_major(out.shape, 1))
            yield self.layout.copy(base, whole, equation.line)
        if op in (ADD_AT, PUT_ALONG):
            yield ScatterText(equation, whole, self.layout)
            return
        part = item(whole, equation.params["index"])
        if op is SET:
            yield self.layout.into(COPY, (value,), part, equation.line)
        else:
            yield self.layout.change(ufunc_op(op.ufunc), part, value, equation.line)

    def _join(self, kernel: Join) -> Iterator[Loop]:
        """Copies of those parts that were not made in their places."""
        [equation] = kernel.equations
        [out] = equation.outputs
        for x, part in joined(equation, self.layout.place(out, elements(out))):
            if not self.layout.is_at(x, part):
                yield self.layout.copy(x, part, equation.line)

    def write(self) -> Written:
        """The source."""
        layout = self.layout
        called = any(isinstance(piece, CallPiece) for _, piece in self.pieces)  # Python finds what it works on in the workspace
        divisions = self._divisions()
        uses = [_uses(piece, division) for (_, piece), division in zip(self.pieces, divisions, strict=True)]
        places, size = assign_places(uses, layout.workspace, [] if called else layout.lenders())
        names = layout.names
        numbers = [f"const double {names[var]} = numbers[{i}];" for i, var in enumerate(self.program.numbers)]
        numbers += [self._scalar(e) for e in self.kernels.scalars]
        fixed = {names[var] for var in (*self.program.numbers, *[var for e in self.kernels.scalars for var in e.outputs])}
        types = {storage.name: c_type(storage.dtype) for storage in (*layout.arrays, *places)}
        pointers = [
            *(f"{types[s.name]} *const {s.name} = arrays[{i}];" for i, s in enumerate(layout.arrays)),
            *(f"{types[s.name]} *const {s.name} = (void *)({_area(place)} + {place.offset});" for s, place in places.items()),
        ]
        declarations = [*pointers, *numbers]
        kernels, body = self._divided(divisions, declarations)
        functions, texts = as_functions(kernels, types, {*names.values()} - fixed, lambda text: _used(numbers, [text]))
        body += functions
        parts, calls = self._parts_of_step(texts)
        for i, text in enumerate(parts):
            body += _function(f"int step_{i}({_GIVEN})", declarations, text, ["return 0;"])
        source = "\n".join(["#include <stdint.h>", "#include <string.h>", "#include <math.h>", self._functions(body), *body, _OF_OBJECTS])
        return Written(source, places, size + ALIGNMENT, layout, self.program.numbers, tuple(calls))

    def _divisions(self) -> list[Division | None]:
        """How threads divide each piece; not at all if there are products for BLAS, whose threads the cores are left to."""
        if any(product.is_large for product in self._products()):
            return [None] * len(self.pieces)
        found = [piece.division() if isinstance(piece, (LoopText, ProductText, ItemwiseText)) else None for _, piece in self.pieces]
        return [x if x is not None and sum(storage.nbytes for storage in x.own) <= STACK else None for x in found]

    def _divided(self, divisions: Sequence[Division | None], declarations: list[str]) -> tuple[list[list[str]], list[str]]:
        """The lines of each piece, and functions for shares of those that are divided."""
        kernels: list[list[str]] = []
        functions: list[str] = []
        for (_, piece), division in zip(self.pieces, divisions, strict=True):
            if division is None:
                kernels.append(list(piece.text()))
                continue
            name = f"part_{len(functions)}"
            head = f"static __attribute__((noinline)) void {name}({_GIVEN}, long begin, long end)"
            own = [f"{c_type(s.dtype)} {s.name}[{s.size}] __attribute__((aligned({ALIGNMENT})));" for s in division.own]
            functions.append("\n".join(_function(head, declarations, [*own, *division.turns])))
            call = f"divided(&{name}_trial, {name}, arrays, numbers, workspace, {division.size}, {division.unit});"
            kernels.append([*division.before, f"static struct trial {name}_trial;", call])
        return kernels, [DIVIDED, *functions] if functions else []

    def _parts_of_step(self, texts: Sequence[Sequence[str]]) -> tuple[list[list[str]], list[CallPiece]]:
        """The lines of the functions between calls of Python, under the user's lines; and these calls."""
        functions: list[list[str]] = [[]]
        calls: list[CallPiece] = []
        line = ""
        for (kernel, piece), lines in zip(self.pieces, texts, strict=True):
            if isinstance(piece, CallPiece):
                calls.append(piece)
                functions.append([])
                line = ""
                continue
            about = [x for x in kernel.lines() if x != line]
            line = about[-1] if about else line
            functions[-1] += [f"/* {x.replace('*/', '* /')} */" for x in about]
            functions[-1] += ["{", *("    " + x for x in lines), "}"]
        return functions, calls

    def _products(self) -> list[ProductText]:
        found = [piece.product if isinstance(piece, ItemwiseText) else piece for _, piece in self.pieces]
        return [piece for piece in found if isinstance(piece, ProductText)]

    def _functions(self, body: list[str]) -> str:
        dtypes = {product.dtype for product in self._products()}
        return mathematics.text(set(re.findall(r"\btg_\w+", "\n".join(body)))) + "\n" + products.text(dtypes)

    def _scalar(self, equation: Equation) -> str:
        op, [out] = equation.primitive, equation.outputs
        assert isinstance(op, Scalar)
        texts = [self.layout.names[x] if isinstance(x, Var) else repr(float(x)) for x in equation.inputs]
        value = f"-{texts[0]}" if len(texts) == 1 else f" {op.name} ".join(texts)
        if op.name == "**":
            value = f"pow({', '.join(texts)})"
        return f"const double {self.layout.names[out]} = {value};"


def _function(head: str, declarations: list[str], text: list[str], end: Sequence[str] = ()) -> list[str]:
    """A function, with what it needs of the declarations."""
    return [head + " {", *("    " + line for line in (*_used(declarations, text), *text, *end)), "}", ""]


def _uses(piece: Piece, division: Division | None) -> Uses:
    """What a piece does with memory that it shares with others."""
    own = () if division is None else division.own
    touched = [storage for storage in piece.touched if storage not in own]
    return Uses(touched, list(piece.takeovers()) if isinstance(piece, LoopText) else [])


def _area(place: Place) -> str:
    return "workspace" if place.lender is None else f"(char *){place.lender.name}"


def _used(declarations: list[str], text: list[str]) -> list[str]:
    """Of the declarations those that the text needs."""
    words = set(re.findall(r"\w+", "\n".join(text)))
    kept: list[str] = []
    for declaration in reversed(declarations):
        before, after = declaration.split(" = ", 1)
        if before.split()[-1].lstrip("*").removeprefix("const") in words or before.split()[-1] in words:
            kept.append(declaration)
            words.update(re.findall(r"\w+", after))
    return kept[::-1]
