"""The dtypes, by PyTorch's names: NumPy's own dtype objects, so that every NumPy function takes them."""

from __future__ import annotations

import builtins
import contextlib
from typing import Any

import numpy as np

from .engine.promotion import promote_types as _promote_types
from .engine.promotion import result_type as _result_type
from .engine.refusal import typed_errors
from .engine.state import get_default_dtype
from .errors import ArgumentError, ArgumentTypeError, DtypeError

Dtype = np.dtype[Any]
dtype = np.dtype

float16 = half = np.dtype(np.float16)
float32 = float = np.dtype(np.float32)
float64 = double = np.dtype(np.float64)
int8 = np.dtype(np.int8)
int16 = short = np.dtype(np.int16)
int32 = int = np.dtype(np.int32)
int64 = long = np.dtype(np.int64)
uint8 = np.dtype(np.uint8)
bool = np.dtype(np.bool_)

SUPPORTED = (float16, float32, float64, int8, int16, int32, int64, uint8, bool)
_THEMSELVES = {dtype: dtype for dtype in SUPPORTED}
_BY_NAME = {str(dtype): dtype for dtype in SUPPORTED}  # not "float" and "int": for NumPy they have 64 bits, here 32


def is_dtype_name(name: str) -> bool:  # type: ignore[valid-type]
    """Whether this is the name of a dtype, which `as_dtype` takes."""
    return name in _BY_NAME


#: What PyTorch calls the tensors of each dtype.
_TENSORS: dict[str, Dtype] = {
    "torch.HalfTensor": float16, "torch.FloatTensor": float32, "torch.DoubleTensor": float64, "torch.CharTensor": int8,
    "torch.ShortTensor": int16, "torch.IntTensor": int32, "torch.LongTensor": int64, "torch.ByteTensor": uint8, "torch.BoolTensor": bool,
}  # fmt: skip


def of_type(name: str) -> Dtype:
    """The dtype of a name as `x.type()` gives it, here ("float32") or in PyTorch. Raises ArgumentError for another name."""
    found = _BY_NAME.get(name) or _TENSORS.get(name)
    if found is None:
        raise ArgumentError(f"type: {name!r} is not the name of a type; use one of {', '.join((*_BY_NAME, *_TENSORS))}")
    return found


def as_dtype(dtype: Any) -> Dtype:
    """The NumPy dtype meant by a dtype, a NumPy scalar type, a Python type or a name. Raises ArgumentTypeError for others."""
    if isinstance(dtype, np.dtype) and (found := _THEMSELVES.get(dtype)) is not None:
        return found
    made: Dtype | None = None
    with contextlib.suppress(TypeError, ValueError):
        made = _BY_NAME.get(dtype) if isinstance(dtype, str) else np.dtype(dtype) if isinstance(dtype, (type, np.dtype)) else None
    if made is None or made not in SUPPORTED or dtype is None:
        raise ArgumentTypeError(f"dtype: {dtype!r} is not supported; use one of {', '.join(str(d) for d in SUPPORTED)}")
    return made


@typed_errors
def promote_types(type1: Any, type2: Any) -> Dtype:
    """The smallest dtype to which both can be converted, by PyTorch's table.

    >>> tg.promote_types(tg.int64, tg.float16)
    dtype('float16')
    """
    return _promote_types(as_dtype(type1), as_dtype(type2))


@typed_errors
def result_type(tensor1: Any, tensor2: Any) -> Dtype:
    """The dtype an operation on these tensors or numbers computes in.

    >>> tg.result_type(tg.tensor([1, 2]), 1.0)
    dtype('float32')
    """
    return _result_type(tensor1, tensor2)


@typed_errors
def can_cast(from_: Any, to: Any) -> builtins.bool:
    """Whether a result of one dtype may be written into a tensor of the other: not float to integer, nor number to bool.

    >>> tg.can_cast(tg.int64, tg.float16), tg.can_cast(tg.float32, tg.int64)
    (True, False)
    """
    ranks = {"b": 0, "u": 1, "i": 1, "f": 2}
    return builtins.bool(ranks[as_dtype(from_).kind] <= ranks[as_dtype(to).kind])


class finfo:  # noqa: N801
    """Limits of a float dtype (default: the default dtype), as Python numbers. Raises DtypeError for other dtypes.

    >>> tg.finfo(tg.float16).max, tg.finfo(tg.float16).bits
    (65504.0, 16)
    """

    def __init__(self, type: Any = None) -> None:
        of = get_default_dtype() if type is None else as_dtype(type)
        if of.kind != "f":
            raise DtypeError(f"finfo: needs a float dtype, got {of}; iinfo tells the limits of integers")
        limits = np.finfo(of)
        self.dtype, self.bits = str(of), limits.bits
        self.eps, self.max, self.min = (builtins.float(x) for x in (limits.eps, limits.max, limits.min))
        self.tiny = self.smallest_normal = builtins.float(limits.tiny)
        self.resolution = builtins.float(str(limits.resolution))  # 1e-06, not its neighbour in the dtype

    def __repr__(self) -> str:
        names = ("resolution", "min", "max", "eps", "smallest_normal", "tiny")
        return f"finfo({', '.join(f'{name}={getattr(self, name):g}' for name in names)}, dtype={self.dtype})"


class iinfo:  # noqa: N801
    """Limits of an integer dtype, as Python numbers. Raises DtypeError for other dtypes.

    >>> tg.iinfo(tg.int8).max
    127
    """

    def __init__(self, type: Any) -> None:
        of = as_dtype(type)
        if of.kind not in "iu":
            raise DtypeError(f"iinfo: needs an integer dtype, got {of}; finfo tells the limits of floats")
        limits = np.iinfo(of)
        self.dtype, self.bits, self.max, self.min = str(of), limits.bits, builtins.int(limits.max), builtins.int(limits.min)

    def __repr__(self) -> str:
        return f"iinfo(min={self.min}, max={self.max}, dtype={self.dtype})"
