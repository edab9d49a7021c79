"""Loads by_hand.c: the regression's step in C, one call through ctypes on memory that was laid out beforehand."""

from __future__ import annotations

import ctypes
import functools
import importlib.util
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

SOURCE = Path(__file__).with_name("by_hand.c")
FLAGS = ("-O3", "-march=native", "-fno-math-errno", "-fno-trapping-math", "-std=gnu11", "-shared", "-fPIC", "-Wno-psabi")
ALIGNMENT = 64  # bytes of a vector


class State(ctypes.Structure):
    """The C file's State."""

    _fields_ = (
        [(name, ctypes.c_int64) for name in ("n", "vectors")]
        + [(name, ctypes.c_void_p) for name in ("x", "y", "parameters", "m", "v")]
        + [(name, ctypes.c_double) for name in ("lr", "beta1", "beta2", "eps", "power1", "power2")]
    )


def compiler() -> list[str] | None:
    """The command: $CC, or cc, gcc, clang, or the compiler of the ziglang wheel; None if there is none."""
    if os.environ.get("CC"):
        return shlex.split(os.environ["CC"])
    found = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
    if found:
        return [found]
    return [sys.executable, "-m", "ziglang", "cc"] if importlib.util.find_spec("ziglang") else None


@functools.cache
def library(dtype: str) -> Any:
    """The compiled file."""
    command = compiler()
    if command is None:
        raise OSError("no C compiler: install gcc or clang, or `pip install ziglang`")
    with tempfile.TemporaryDirectory() as directory:
        made = Path(directory, "by_hand.so")
        kind = ["-DDOUBLE"] if dtype == "float64" else []
        subprocess.run([*command, *FLAGS, *kind, str(SOURCE), "-o", str(made), "-lm"], check=True)
        return ctypes.CDLL(str(made))


def prepare(x: Any, y: Any, parameters: list[Any], lr: float, beta1: float, beta2: float, eps: float) -> Callable[[], float]:
    """The step. `parameters` become views of the memory it changes."""
    dtype = x.dtype
    x, y, flat = (_aligned(a) for a in (x.ravel(), y.ravel(), np.concatenate([p.ravel() for p in parameters])))
    m, v = _aligned(np.zeros(len(flat), dtype)), _aligned(np.zeros(len(flat), dtype))
    offset = 0
    for i, p in enumerate(parameters):
        parameters[i] = flat[offset : offset + p.size].reshape(p.shape)
        offset += p.size
    lanes = ALIGNMENT // dtype.itemsize
    addresses = [a.ctypes.data for a in (x, y, flat, m, v)]
    state = State(len(x), -(-len(x) // lanes), *addresses, lr, beta1, beta2, eps, 1.0, 1.0)
    call = library(dtype.name).step
    call.restype, call.argtypes = ctypes.c_double, None
    pointer = ctypes.byref(state)
    kept = (state, x, y, flat, m, v)  # the structure holds only their addresses

    def step(kept: Any = kept) -> float:
        loss: float = call(pointer)
        return loss

    return step


def _aligned(a: Any) -> Any:
    """A copy that starts at a multiple of a vector and is followed by zeros up to a whole one."""
    memory = np.zeros(a.nbytes + 2 * ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % ALIGNMENT
    copy = memory[start : start + a.nbytes].view(a.dtype)
    copy[:] = a
    return copy
