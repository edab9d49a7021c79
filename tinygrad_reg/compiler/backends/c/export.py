"""A step as C files that need no Python: the functions, a header, the values it starts from, and how to use them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ....engine.mutation import NDArray
from ....errors import ArgumentError
from ...program import Var
from .expressions import c_type, literal
from .memory import extent
from .writer import Written

_PER_LINE = 8

#: Words of C that are names in Python.
# fmt: off
_KEYWORDS = frozenset([
    "auto", "case", "char", "const", "default", "do", "double", "enum", "extern", "float", "goto", "inline", "int", "long", "register",
    "restrict", "short", "signed", "sizeof", "static", "struct", "switch", "typedef", "typeof", "union", "unsigned", "void", "volatile",
    "asm",
])
# fmt: on
_README = """# A compiled step

`step.c` has the function, `step.h` declares it, `step_data.c` holds the arrays it starts from. Build them into a program with

    cc -O3 -march=native -std=gnu11 -ffp-contract=off -fno-math-errno -fno-trapping-math -fopenmp-simd -fwrapv -c step.c step_data.c

and link with `-lm`. A minimal program:

```c
#include "step.h"
#include <stdlib.h>

int main(void) {{
    struct step_arrays arrays = {{0}};
    step_start(&arrays);                 /* what is kept from call to call, and constants */
{example}
    void *workspace = aligned_alloc(64, STEP_WORKSPACE);
    return step(&arrays, {numbers}, workspace);
}}
```

`step` gives 0; 1 if a gradient is not finite, and 2 if a position is outside of its array: then nothing that is kept was changed.
Arrays are dense, in the layout that `step.h` names.{about_numbers}
"""


def export(folder: str, written: Written, captured: Sequence[NDArray], constants: Sequence[NDArray]) -> None:
    """Write the files. ArgumentError if the step calls Python in between."""
    if written.calls:
        names = ", ".join(dict.fromkeys(call.equation.primitive.name for call in written.calls))
        raise ArgumentError(
            f"export: the step uses {names}, which only Python can run; leave it out of the step, or pass its result as an argument"
        )
    os.makedirs(folder, exist_ok=True)
    members = list(_members(written))
    given = written.layout.kernels.program.names
    numbers = [_member(given[var]) for var in written.numbers]
    files = {
        "step.h": "\n".join(_header(members, numbers, written.workspace)),
        "step.c": "\n".join([written.source, '#include "step.h"', "", *_wrapper(members, bool(numbers))]),
        "step_data.c": "\n".join(_data(members, captured, constants)),
        "README.md": _readme(members, numbers),
    }
    for name, text in files.items():
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.write(text)


def _members(written: Written) -> Iterator[tuple[str, str, Var]]:
    """(name, role, variable) for every array of the C function, in its order."""
    layout, program = written.layout, written.layout.kernels.program
    yield from ((_member(program.names[var]), "argument", var) for var in program.inputs)
    yield from ((_member(program.names[var]), "kept", var) for var in program.captured)
    yield from ((f"result_{i}", "result", var) for i, var in enumerate(program.results))
    yield from ((f"gradient_{i}", "result", var) for i, var in enumerate(program.gradients))
    yield from ((layout.names[var], "constant", var) for var in layout.bound)


def _member(name: str) -> str:
    """The name of an argument as that of a member of a struct."""
    return f"{name}_" if name in _KEYWORDS else name


def _header(members: Sequence[tuple[str, str, Var]], numbers: Sequence[str], workspace: int) -> Iterator[str]:
    yield from [
        "#ifndef STEP_H",
        "#define STEP_H",
        "",
        "#include <stdint.h>",
        "",
        f"enum {{ STEP_WORKSPACE = {-(-workspace // 64) * 64} }};",
    ]
    yield from ["", "/* Pointers to memory of the caller's. */", "struct step_arrays {"]
    for name, role, var in members:
        assert var.dtype is not None
        steps = [s // var.dtype.itemsize for s in var.strides]
        yield f"    {c_type(var.dtype)} *{name}; /* {role}: {var.dtype}{list(var.shape)}, strides {steps} */"
    yield from ["};", ""]
    if numbers:
        yield from ["/* Hyper-parameters of this call. */", "struct step_numbers {", *(f"    double {name};" for name in numbers), "};", ""]
    yield "/* Let the kept arrays and constants point to their values at the time of the export. */"
    yield from ["void step_start(struct step_arrays *arrays);", ""]
    yield "/* One step: 0, or 1 if a gradient is not finite, or 2 if a position is outside of its array. */"
    yield f"int step(struct step_arrays *arrays, {_numbers_argument(numbers)}, void *workspace);"
    yield from ["", "#endif", ""]


def _numbers_argument(numbers: Sequence[str] | bool) -> str:
    return "const struct step_numbers *numbers" if numbers else "const void *numbers"


def _wrapper(members: Sequence[tuple[str, str, Var]], has_numbers: bool) -> Iterator[str]:
    yield f"int step(struct step_arrays *arrays, {_numbers_argument(has_numbers)}, void *workspace) {{"
    yield f"    void *const pointers[] = {{{', '.join(f'arrays->{name}' for name, _, _ in members) or '0'}}};"
    yield from ["    return step_0(pointers, (const double *)numbers, workspace);", "}", ""]


def _data(members: Sequence[tuple[str, str, Var]], captured: Sequence[NDArray], constants: Sequence[NDArray]) -> Iterator[str]:
    yield from ['#include "step.h"', "#include <math.h>", ""]
    held = [(name, var) for name, role, var in members if role in ("kept", "constant")]
    for (name, var), array in zip(held, [*captured, *constants], strict=True):
        assert var.dtype is not None
        flat = _in_memory_order(array)
        values = [literal(x, var.dtype) for x in flat] or ["0"]
        yield f"static {c_type(var.dtype)} start_{name}[] = {{"
        yield from (f"    {', '.join(values[i : i + _PER_LINE])}," for i in range(0, len(values), _PER_LINE))
        yield from ["};", ""]
    yield from ["void step_start(struct step_arrays *arrays) {", *(f"    arrays->{name} = start_{name};" for name, _ in held), "}", ""]


def _in_memory_order(array: NDArray) -> Any:
    """The elements from the first to the last address."""
    size = extent(array.shape, [s // array.itemsize for s in array.strides])
    return np.lib.stride_tricks.as_strided(array, (size,), (array.itemsize,))


def _readme(members: Sequence[tuple[str, str, Var]], numbers: Sequence[str]) -> str:
    mine = [(name, var) for name, role, var in members if role in ("argument", "result")]
    example = "\n".join(
        f"    static {c_type(var.dtype)} {name}[{max(1, int(np.prod(var.shape)))}];\n    arrays.{name} = {name};" for name, var in mine
    )
    about = ""
    if numbers:
        about = (
            f"\n\n`numbers` are what the optimizer computes for every call from its settings and its count of steps: {', '.join(numbers)}."
        )
    return _README.format(example=example, numbers="&numbers" if numbers else "0", about_numbers=about)
