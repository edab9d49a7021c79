"""DLPack: memory shared with other libraries, without a copy.

NumPy speaks the protocol (https://dmlc.github.io/dlpack/latest/python_spec.html); this adds what a tensor knows beyond its array.
A write by the other library is seen here, and noticed before `backward` as one by NumPy code is.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..device import as_device
from ..dtypes import SUPPORTED
from ..engine.lending import borrow, lend
from ..engine.node import Value, wrap
from ..engine.refusal import typed_errors
from ..engine.state import state
from ..errors import ArgumentError, ArgumentTypeError, DtypeError, ExportError

CPU = (1, 0)  # kDLCPU, the first one


def export(tensor: Value, stream: Any = None, max_version: Any = None, dl_device: Any = None, copy: bool | None = None) -> Any:
    """A DLPack capsule of a tensor's memory. Raises ExportError if it requires grad or steps backwards, ArgumentError beyond the CPU."""
    if state.tracer is not None:
        state.tracer.concretize("DLPack")
    if tensor.node is not None:
        raise ExportError("__dlpack__: this tensor requires grad, and the other library would lose its graph; use .detach()")
    if stream is not None:
        raise ArgumentError(f"__dlpack__: stream must be None on the CPU, got {stream}")
    if dl_device is not None and tuple(dl_device) != CPU:
        raise ArgumentError(f"__dlpack__: tensors are on the CPU, device {CPU}; got dl_device={tuple(dl_device)}")
    array = tensor.array.copy() if copy else lend(tensor.array)
    if any(step < 0 for step in array.strides):
        raise ExportError(f"__dlpack__: this tensor steps backwards through memory (strides {array.strides}); use .clone()")
    return array.__dlpack__() if max_version is None else array.__dlpack__(max_version=max_version)


def to_dlpack(tensor: Value) -> Any:
    """A DLPack capsule, which can be consumed once. Raises ExportError for a tensor that requires grad."""
    if not isinstance(tensor, Value):
        raise ArgumentTypeError(f"to_dlpack: expected a tensor, got {type(tensor).__name__}")
    return export(tensor)


class _Capsule:
    """An object with the protocol's methods around a bare capsule."""

    def __init__(self, capsule: Any) -> None:
        self.capsule = capsule

    def __dlpack__(self, **_: Any) -> Any:
        return self.capsule

    def __dlpack_device__(self) -> tuple[int, int]:
        return CPU


@typed_errors
def from_dlpack(ext_tensor: Any, *, device: Any = None, copy: bool | None = None) -> Any:
    """A tensor that shares the memory of another library's array, or of a capsule; a copy of it if asked for.

    Read-only memory, and that of a bare unversioned capsule, which does not say whether it may be written, cannot be changed in
    place. Raises ArgumentTypeError for what does not speak DLPack, DtypeError for dtypes that are not supported.

    >>> tg.from_dlpack(np.array([1.0, 2.0]))
    tensor([1., 2.], dtype=float64)
    """
    if device is not None:
        as_device(device)
    if type(ext_tensor).__name__ == "PyCapsule":
        ext_tensor = _Capsule(ext_tensor)
    if not hasattr(ext_tensor, "__dlpack__"):
        raise ArgumentTypeError(f"from_dlpack: {type(ext_tensor).__name__} has no __dlpack__; tg.tensor(...) takes other data")
    try:
        array = np.from_dlpack(ext_tensor)
    except RuntimeError as error:  # NumPy's, for what it has no dtype for
        raise DtypeError(f"from_dlpack: {error} Convert it first, for example to float32") from error
    if array.dtype not in SUPPORTED:
        raise DtypeError(f"from_dlpack: dtype {array.dtype} is not supported; convert it first")
    return wrap(Value.result_class, array.copy() if copy else borrow(array))
