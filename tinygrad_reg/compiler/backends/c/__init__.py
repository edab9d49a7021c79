"""Writes a program as one C function, in the order of the data's way: algebra, memory, kernels, then their text, then the call.

algebra, hoist            Program -> Program: products that are sums in disguise; views of what is computed before it is
remake, settle            Program -> Program: windows made twice; results in memory of their own
memory            where a value is: storage, offset, strides
kernels           equations gathered into loops, products and the rest
expressions       an element of a function as C; mathematics: exp, sin, power ... for vectors
layout            memory for every value
loops, products, gathers    the text of a kernel, from pieces of text
writer            the whole text; repeats: one function for equal kernels; sizes: one text for many sizes
toolchain, cache  from the text to a library; threads: for long loops
call              running it from Python; export: without Python
"""

from __future__ import annotations

import ctypes
import functools
import warnings
from collections.abc import Sequence

from ....blas import products as products_of_blas
from ...passes import SIMPLIFY, TO_LOOPS, optimize
from ...program import Program
from .. import numpy_source
from ..executable import Executable
from . import threads, toolchain
from .algebra import thin_products
from .call import finds_elements, runner
from .export import export
from .hoist import views_first
from .remake import remake
from .settle import settle
from .sizes import for_many_sizes
from .writer import Writer


def build(program: Program, others: Sequence[str] = ()) -> Executable:
    """The program as a C function, compiled and loaded; as NumPy source, with one warning, if there is no compiler.

    `others` are sources of the same step at other sizes: where only numbers differ, one library does for all.
    """
    if toolchain.compiler() is None or not finds_elements():
        _warn_once("arrays are not built as they are in CPython" if toolchain.compiler() else toolchain.missing())
        return numpy_source.build(program)
    lowered = settle(remake(views_first(optimize(thin_products(optimize(program, TO_LOOPS)), SIMPLIFY))))
    written = Writer(lowered).write()
    text, sizes = for_many_sizes(written.source, others, len(written.numbers))
    library = toolchain.load(text)
    _bind_products(library)
    threads.lend(library)
    constants = [lowered.constants[var] for var in written.layout.bound]
    between = f", {len(written.calls)} calls of Python between its parts" if written.calls else ""
    return Executable(
        runner(written, library, constants, sizes),
        written.source,
        f"one C function{between}{' for several sizes' if sizes else ''}, {written.workspace:,} bytes of workspace",
        recycles=True,
        export=lambda folder, captured: export(folder, written, captured, constants),
    )


def _bind_products(library: ctypes.CDLL) -> None:
    """Tell a compiled step where BLAS is; without one it uses products of its own."""
    for suffix, address in zip(("f32", "f64"), products_of_blas() or (), strict=False):
        setter = getattr(library, f"use_blas_{suffix}", None)
        if setter is not None:
            setter(ctypes.c_void_p(address))


@functools.cache
def _warn_once(reason: str) -> None:
    warnings.warn(f"compile: steps run as NumPy source: {reason}", RuntimeWarning, stacklevel=2)
