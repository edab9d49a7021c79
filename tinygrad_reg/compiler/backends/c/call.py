"""Running the C function from Python: pointers to arrays, fresh arrays for what the caller keeps."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ....engine.mutation import NDArray
from ...program import GivenUp, NotFinite, OutOfRange, Var
from .gathers import OUT_OF_RANGE
from .layout import ALIGNMENT
from .memory import Ref
from .writer import CallPiece, Written

_HEAD = object.__basicsize__  # the pointer to an array's elements is the first thing in an array after what every object has


def _address_in_object(array: NDArray) -> int:
    return ctypes.c_void_p.from_address(id(array) + _HEAD).value or 0


def _address_by_interface(array: NDArray) -> int:
    address: int = array.__array_interface__["data"][0]
    return address


def _quickest() -> Callable[[NDArray], int]:
    """How to find the address of an array's elements; the quick way if it is right here."""
    arrays = [np.ones(3), np.ones((4, 4))[1:, 2:]]
    quick = all(_address_in_object(a) == _address_by_interface(a) for a in arrays)
    return _address_in_object if quick else _address_by_interface


def runner(written: Written, library: ctypes.CDLL, constants: Sequence[NDArray]) -> Callable[..., Any]:
    """The function `run` of an executable."""
    address = _quickest()
    layout, program = written.layout, written.layout.kernels.program
    n_inputs, n_captured = len(program.inputs), len(program.captured)
    first_fresh = n_inputs + n_captured + len(constants)
    table = (ctypes.c_void_p * max(len(layout.arrays), 1))()
    numbers_table = (ctypes.c_double * max(len(written.numbers), 1))()
    memory = np.zeros(written.workspace, np.uint8)
    start = -address(memory) % ALIGNMENT
    workspace = ctypes.c_void_p(address(memory) + start)
    functions = [getattr(library, f"step_{i}") for i in range(len(written.calls) + 1)]
    for function in functions:
        function.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p]
        function.restype = ctypes.c_int
    pointers = ctypes.cast(table, ctypes.c_void_p), ctypes.cast(numbers_table, ctypes.c_void_p), workspace
    for i, array in enumerate(constants, n_inputs + n_captured):
        table[i] = address(array)
    makers = [_maker(var) for var in layout.fresh]
    held: list[Any] = [None] * n_captured
    odd = [storage.dtype.itemsize - 1 for storage in layout.arrays]  # bits of an address that are 0 if it is aligned
    n_results = len(program.results)
    calls = [_call(piece, layout.arrays, address(memory) + start, address, written) for piece in written.calls]

    def run(inputs: Sequence[NDArray], numbers: Sequence[float], captured: Sequence[NDArray]) -> tuple[list[Any], list[Any]]:
        for i, array in enumerate(inputs):
            table[i] = place = address(array)
            if place & odd[i]:
                raise GivenUp  # elements at addresses that vectors cannot read
        for i, array in enumerate(captured):
            if array is not held[i]:
                held[i] = array
                table[n_inputs + i] = address(array)
                if address(array) & odd[n_inputs + i]:
                    held[i] = None
                    raise GivenUp
        numbers_table[: len(numbers)] = list(numbers)
        fresh = [make() for make in makers]
        for i, array in enumerate(fresh, first_fresh):
            table[i] = address(array)
        ended = functions[0](*pointers)
        if calls and not ended:
            arrays = [*inputs, *captured, *constants, *fresh]
            for call, function in zip(calls, functions[1:], strict=True):
                call(arrays, numbers)
                ended = ended or function(*pointers)
        if ended:
            raise OutOfRange if ended == OUT_OF_RANGE else NotFinite
        return fresh[:n_results], fresh[n_results:]

    run.alive = memory, constants  # type: ignore[attr-defined]  # what the pointers lead to
    return run


def _maker(var: Var) -> Callable[[], NDArray]:
    """A function that makes an empty array of a variable's form."""
    shape, dtype = var.shape, var.dtype
    assert dtype is not None
    if var.strides == np.empty(shape, dtype).strides or 0 in shape:
        empty = np.empty
        return lambda: empty(shape, dtype)
    strides = var.strides
    size = sum((n - 1) * s for n, s in zip(shape, strides, strict=True)) // dtype.itemsize + 1
    return lambda: np.ndarray(shape, dtype, np.empty(size, dtype), 0, strides)


class _Memory:
    """Memory at an address, as NumPy takes it."""

    def __init__(self, about: dict[str, Any]) -> None:
        self.__array_interface__ = about


def _seen(address: int, ref: Ref, strides: tuple[int, ...]) -> NDArray:
    """An array at an address, which whoever asks for it keeps alive."""
    kind = ref.storage.dtype.str
    return np.asarray(_Memory({"version": 3, "typestr": kind, "data": (address, False), "shape": ref.shape, "strides": strides}))


def _call(
    piece: CallPiece, storages: Sequence[Any], start: int, address: Callable[[NDArray], int], written: Written
) -> Callable[..., None]:
    """A call of a function of Python's between two parts of the step."""
    equation = piece.equation
    numbers = {var: i for i, var in enumerate(written.numbers)}

    def array_of(ref: Ref) -> Callable[[Sequence[NDArray]], NDArray]:
        size = ref.storage.dtype.itemsize
        strides = tuple([s * size for s in ref.strides])
        if ref.storage in storages:
            position = storages.index(ref.storage)
            return lambda arrays: _seen(address(arrays[position]) + ref.offset * size, ref, strides)
        fixed = _seen(start + written.offsets[ref.storage] + ref.offset * size, ref, strides)
        return lambda arrays: fixed

    given = [array_of(x) if isinstance(x, Ref) else x for x in piece.inputs]
    targets = [array_of(ref) for ref in piece.outputs]

    def call(arrays: Sequence[NDArray], values: Sequence[float]) -> None:
        args = [x(arrays) if callable(x) else values[numbers[x]] if isinstance(x, Var) else x for x in given]
        for target, made in zip(targets, equation.run(args), strict=True):
            target(arrays)[...] = made

    return call
