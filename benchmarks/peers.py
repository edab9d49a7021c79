"""Who is measured: what each peer needs, and what its process is told."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
import tempfile
from pathlib import Path

from tinygrad_reg.compiler.backends import BACKENDS

from . import by_hand

#: label of a step that this library compiled -> the backend that did
COMPILED = {"tinygrad_reg, NumPy source": "numpy_source", "tinygrad_reg, C": "c"}
OURS = ("tinygrad_reg", *COMPILED)

_MODULES = {
    **{peer: peer for peer in ("torch", "autograd", "mygrad")},
    "torch, fused optimizer": "torch",
    "torch.compile": "torch",
    "jax.jit": "jax",
    "tinygrad, jit": "tinygrad",
}
_SETTINGS = {
    **{f"{library}_NUM_THREADS": "2" for library in ("OMP", "OPENBLAS", "MKL")},
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=true intra_op_parallelism_threads=2",
    "DEV": "CPU",  # tinygrad's device
    "PYTHONDONTWRITEBYTECODE": "",  # imports are timed with cached bytecode, as installed packages have it
}


def missing(peer: str) -> str | None:
    """Why it cannot run here, or None."""
    module = _MODULES.get(peer)
    if module and not importlib.util.find_spec(module):
        return f"{module} is not installed"
    if peer in COMPILED and COMPILED[peer] not in BACKENDS:
        return f"there is no backend {COMPILED[peer]!r}"
    if peer in ("tinygrad_reg, C", "C by hand") and by_hand.compiler() is None:
        return "no C compiler"
    if peer == "torch.compile" and not any(map(shutil.which, (os.environ.get("CXX", "g++"), "clang++"))):
        return "needs a C++ compiler (g++)"
    if peer == "tinygrad, jit" and not _clang():
        return "needs clang"
    return None


def environment(peer: str) -> dict[str, str]:
    """The environment of its process: 2 threads for all."""
    clang = {"CC": _clang()} if peer == "tinygrad, jit" else {}
    return {**os.environ, **_SETTINGS, **clang}


def _clang() -> str:
    """A clang for tinygrad, which takes no other compiler and no arguments: the system's, or a script that calls the ziglang wheel's."""
    found = shutil.which("clang")
    if found or not importlib.util.find_spec("ziglang"):
        return found or ""
    script = Path(tempfile.gettempdir(), f"clang-of-ziglang-{os.getuid()}")
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m ziglang clang "$@"\n')
    script.chmod(0o700)
    return str(script)
