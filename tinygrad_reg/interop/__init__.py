"""Tensors and the rest of the Python world: lists and arrays, NumPy's functions, DLPack, einops."""

from .arrays import as_gradient as as_gradient
from .arrays import from_constructor as from_constructor
from .arrays import from_numpy as from_numpy
from .arrays import to_array as to_array
from .dispatch import apply_function as apply_function
from .dispatch import apply_ufunc as apply_ufunc
from .dlpack import CPU as CPU
from .dlpack import export as export
from .dlpack import from_dlpack as from_dlpack
from .dlpack import to_dlpack as to_dlpack
from .einops_backend import register_when_imported

register_when_imported()
