"""NumPy's own BLAS: the addresses of its matrix products, for the C function to call."""

from __future__ import annotations

import ctypes
import functools
from typing import Any

import numpy as np

# NumPy's wheels give the functions of their OpenBLAS a prefix, and an ending where its integers have 64 bits
_NAMES = ("scipy_cblas_{}gemm64_", "cblas_{}gemm64_", "scipy_cblas_{}gemm", "cblas_{}gemm")


@functools.cache
def _found() -> tuple[str, int, int] | None:
    """The name, and the addresses for float32 and float64; None if NumPy has no such BLAS."""
    try:
        library = ctypes.CDLL(np.linalg._umath_linalg.__file__)  # its dependencies are searched too
    except (AttributeError, OSError):
        return None
    for name in _NAMES:
        try:
            functions = [library[name.format(letter)] for letter in "sd"]
        except AttributeError:
            continue
        single, double = [ctypes.cast(function, ctypes.c_void_p).value or 0 for function in functions]
        return name, single, double
    return None


def integer() -> str:
    """The C type of its sizes."""
    found = _found()
    return "long" if found is not None and found[0].endswith("64_") else "int"


def bind(library: Any) -> None:
    """Tell a compiled step where the products are; without BLAS it uses its own."""
    found = _found()
    for suffix, address in zip(("f32", "f64"), found[1:] if found else (), strict=False):
        setter = getattr(library, f"use_blas_{suffix}", None)
        if setter is not None:
            setter(ctypes.c_void_p(address))
