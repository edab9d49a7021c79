"""Threads, and NumPy's own BLAS: where its functions are, for what NumPy itself does not call."""

from __future__ import annotations

import ctypes
import functools
import os
from typing import Any

import numpy as np

from .engine.refusal import typed_errors
from .engine.state import state
from .errors import ArgumentTypeError, RangeError

_threads = ctypes.c_int(0)  # not known yet
# NumPy's wheels give the functions of their OpenBLAS a prefix, and an ending where its integers have 64 bits
_FORMS = (("scipy_", "64_"), ("", "64_"), ("scipy_", ""), ("", ""))


@typed_errors
def set_num_threads(int: int) -> None:  # noqa: A002  # PyTorch's name
    """Let products of matrices, and long loops of steps compiled to C, use so many threads in this process.

    The products of NumPy follow where its BLAS is OpenBLAS. Raises ArgumentTypeError or RangeError for what is no positive integer.

    >>> before = tg.get_num_threads()
    >>> tg.set_num_threads(1)
    >>> tg.get_num_threads()
    1
    >>> tg.set_num_threads(before)
    """
    if isinstance(int, bool) or not hasattr(type(int), "__index__"):
        raise ArgumentTypeError(f"set_num_threads: expected an integer, got {type(int).__name__}")
    count = int.__index__()
    if not 1 <= count < 2**31:
        raise RangeError(f"set_num_threads: expected a positive number of threads, got {count}")
    _threads.value = count
    function = _function("openblas_set_num_threads")
    if function is not None:
        function(ctypes.c_int(count))


def get_num_threads() -> int:
    """How many threads products of matrices and compiled steps use; at first as many as OpenBLAS does, or as there are cores.

    >>> tg.get_num_threads() >= 1
    True
    """
    if state.tracer is not None:
        state.tracer.unrepeatable("get_num_threads gives a Python number, which a replay would not renew; call it outside of the step")
    return thread_count().value


def thread_count() -> ctypes.c_int:
    """Where the number stands, for C to read."""
    if not _threads.value:
        function = _function("openblas_get_num_threads")
        _threads.value = (os.cpu_count() or 1) if function is None else int(function())
    return _threads


def integer() -> str:
    """The C type of its sizes."""
    return "long" if _ending() == "64_" else "int"


def products() -> tuple[int, int] | None:
    """The addresses of the matrix product for float32 and float64 (cblas_sgemm, cblas_dgemm); None if they are not found."""
    single, double = _function("cblas_sgemm"), _function("cblas_dgemm")
    if single is None or double is None:
        return None
    return ctypes.cast(single, ctypes.c_void_p).value or 0, ctypes.cast(double, ctypes.c_void_p).value or 0


def sums(kind: str) -> tuple[Any, Any] | None:
    """cblas_?axpy(n, a, x, 1, y, 1) and cblas_?axpby(n, a, x, 1, b, y, 1) for dtype "f" or "d"; None if they are not found."""
    number: Any = {"f": ctypes.c_float, "d": ctypes.c_double}.get(kind)
    found = [_function(f"cblas_{'s' if kind == 'f' else 'd'}{name}") for name in ("axpy", "axpby")]
    if number is None or None in found:
        return None
    size: Any = ctypes.c_int64 if _ending() == "64_" else ctypes.c_int
    x, y = [ctypes.c_void_p, size], [ctypes.c_void_p, size]
    for function, arguments in zip(found, ([size, number, *x, *y], [size, number, *x, number, *y]), strict=True):
        function.argtypes, function.restype = arguments, None
    return found[0], found[1]


@functools.cache
def _library() -> ctypes.CDLL | None:
    """What NumPy's linear algebra is linked with: the system searches its dependencies too."""
    try:
        return ctypes.CDLL(os.fspath(np.linalg._umath_linalg.__file__))
    except (AttributeError, OSError):
        return None


@functools.cache
def _ending() -> str | None:
    """How the names of its functions end; None if there are none."""
    library = _library()
    return next((ending for prefix, ending in _FORMS if hasattr(library, f"{prefix}cblas_sgemm{ending}")), None)


def _function(name: str) -> Any:
    """A function of BLAS under whatever name it has there; None if it has none."""
    library = _library()
    forms = [f"{prefix}{name}{ending}" for prefix, ending in _FORMS if ending == _ending()]
    return next((getattr(library, form) for form in forms if hasattr(library, form)), None)
