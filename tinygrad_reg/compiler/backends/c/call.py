"""Running the C function from Python: pointers to arrays, fresh arrays for what the caller keeps."""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from ....engine.mutation import NDArray
from ....engine.primitive import silenced
from ...program import GivenUp, NotFinite, OutOfRange, Var, row_major
from .gathers import OUT_OF_RANGE
from .layout import ALIGNMENT
from .memory import Ref, elements, extent
from .writer import CallPiece, Written

#: Where a tuple keeps the pointers to its items, and an array the one to its elements: after what every object of CPython begins with.
_ITEMS, _ELEMENTS = tuple.__basicsize__, object.__basicsize__
_NOTHING: Mapping[int, NDArray] = MappingProxyType({})
_UNALIGNED = 3  # what the C function returns


class _Frame(ctypes.Structure):
    """The C file's struct frame: what is the same at every call."""

    _fields_ = (
        *((name, ctypes.c_long) for name in ("items", "elements", "count")),
        ("low_bits", ctypes.c_char_p),
        *((name, ctypes.c_void_p) for name in ("numbers", "workspace")),
    )


def finds_elements() -> bool:
    """Whether tuples and arrays are built as they are in CPython; the C function is then given a tuple, and looks into it itself."""
    arrays = (np.ones(3), np.ones((4, 4))[1:, 2:])
    items = (ctypes.c_void_p * len(arrays)).from_address(id(arrays) + _ITEMS)
    return list(items) == [id(a) for a in arrays] and all(
        ctypes.c_void_p.from_address(id(a) + _ELEMENTS).value == _address(a) for a in arrays
    )


def _address(array: NDArray) -> int:
    address: int = array.__array_interface__["data"][0]
    return address


def runner(written: Written, library: ctypes.CDLL, constants: Sequence[NDArray], sizes: Sequence[float] = ()) -> Callable[..., Any]:
    """The function `run` of an executable. `sizes` are what the library needs to know of a program's sizes, after the numbers."""
    layout, program = written.layout, written.layout.kernels.program
    low_bits = bytes([storage.dtype.itemsize - 1 for storage in layout.arrays])  # those of an address that are 0 if it is aligned
    table = (ctypes.c_double * max(len(written.numbers) + len(sizes), 1))()
    table[len(written.numbers) : len(written.numbers) + len(sizes)] = list(sizes)
    pack = struct.Struct(f"{len(written.numbers)}d").pack_into
    memory = np.zeros(written.workspace, np.uint8)
    start = _address(memory) + -_address(memory) % ALIGNMENT
    frame = _Frame(_ITEMS, _ELEMENTS, len(layout.arrays), low_bits, ctypes.addressof(table), start)
    step: Any = library.step_of_objects
    step.argtypes = [ctypes.c_void_p, ctypes.py_object, ctypes.c_void_p]
    given = ctypes.c_void_p(ctypes.addressof(frame))
    parts = [ctypes.cast(getattr(library, f"step_{i}"), ctypes.c_void_p) for i in range(len(written.calls) + 1)]
    first = parts[0]
    n_results = len(program.results)
    forms = [(i, *_form(var)) for i, var in enumerate(layout.fresh, -n_results)]  # gradients are numbered from 0
    calls = [silenced(_call(piece, layout.arrays, start, written)) for piece in written.calls]

    def run(
        inputs: Sequence[NDArray], numbers: Sequence[float], captured: Sequence[NDArray], spare: Mapping[int, NDArray] = _NOTHING
    ) -> tuple[list[Any], list[Any]]:
        pack(table, 0, *numbers)
        fresh = [spare[i] if i in spare else make(*form) for i, make, form in forms]
        arrays = (*inputs, *captured, *fresh, *constants)
        ended = step(first, arrays, given)
        if calls and not ended:
            for call, part in zip(calls, parts[1:], strict=True):
                call(arrays, numbers)
                ended = ended or step(part, arrays, given)
        if ended:
            raise {OUT_OF_RANGE: OutOfRange, _UNALIGNED: GivenUp}.get(ended, NotFinite)
        return fresh[:n_results], fresh[n_results:]

    run.alive = memory, frame, table  # type: ignore[attr-defined]  # what the pointers lead to
    return run


def _form(var: Var) -> tuple[Callable[..., NDArray], tuple[Any, ...]]:
    """A function that makes an empty array of a variable's form, and its arguments."""
    shape, dtype, strides = var.shape, var.dtype, var.strides
    assert dtype is not None
    if strides == row_major(shape, dtype.itemsize) or 0 in shape:
        return np.empty, (shape, dtype)
    return _empty, (shape, dtype, strides, extent(shape, elements(var)))


def _empty(shape: Any, dtype: Any, strides: Any, size: int) -> NDArray:
    return np.ndarray(shape, dtype, np.empty(size, dtype), 0, strides)


class _Memory:
    """Memory at an address, as NumPy takes it."""

    def __init__(self, about: dict[str, Any]) -> None:
        self.__array_interface__ = about


def _seen(address: int, ref: Ref, strides: tuple[int, ...]) -> NDArray:
    """An array at an address, which whoever asks for it keeps alive."""
    kind = ref.storage.dtype.str
    return np.asarray(_Memory({"version": 3, "typestr": kind, "data": (address, False), "shape": ref.shape, "strides": strides}))


def _call(piece: CallPiece, storages: Sequence[Any], start: int, written: Written) -> Callable[..., None]:
    """A call of a function of Python's between two parts of the step."""
    equation = piece.equation
    numbers = {var: i for i, var in enumerate(written.numbers)}

    def array_of(ref: Ref) -> Callable[[Sequence[NDArray]], NDArray]:
        size = ref.storage.dtype.itemsize
        strides = tuple([s * size for s in ref.strides])
        if ref.storage in storages:
            position = storages.index(ref.storage)
            return lambda arrays: _seen(_address(arrays[position]) + ref.offset * size, ref, strides)
        fixed = _seen(start + written.places[ref.storage].offset + ref.offset * size, ref, strides)
        return lambda arrays: fixed

    given = [array_of(x) if isinstance(x, Ref) else x for x in piece.inputs]
    targets = [array_of(ref) for ref in piece.outputs]

    def call(arrays: Sequence[NDArray], values: Sequence[float]) -> None:
        args = [x(arrays) if callable(x) else values[numbers[x]] if isinstance(x, Var) else x for x in given]
        for target, made in zip(targets, equation.run(args), strict=True):
            target(arrays)[...] = made

    return call
