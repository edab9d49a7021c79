"""Tensors and the rest of the Python world: lists and arrays, NumPy's functions, DLPack, einops."""

from importlib import import_module
from typing import TYPE_CHECKING

from .arrays import as_gradient as as_gradient
from .arrays import from_constructor as from_constructor
from .arrays import from_numpy as from_numpy
from .arrays import to_array as to_array
from .dlpack import CPU as CPU
from .dlpack import export as export
from .dlpack import from_dlpack as from_dlpack
from .dlpack import to_dlpack as to_dlpack
from .einops_backend import register_when_imported

if TYPE_CHECKING:
    from .dispatch import apply_function as apply_function
    from .dispatch import apply_ufunc as apply_ufunc


def __getattr__(name: str) -> object:
    if name not in ("apply_function", "apply_ufunc"):  # with the table of NumPy's functions, loaded when first asked for
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(".dispatch", __name__), name)


register_when_imported()
