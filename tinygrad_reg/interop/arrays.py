"""From Python and NumPy to arrays."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from ..dtypes import SUPPORTED, Dtype, as_dtype
from ..engine.lending import borrow
from ..engine.mutation import Array
from ..engine.node import Value, wrap
from ..engine.primitive import silent_copy
from ..engine.promotion import promote_types, scalar_dtype
from ..engine.state import get_default_dtype, state
from ..errors import ArgumentError, ArgumentTypeError, DtypeError, RangeError, ShapeError
from ..ops.pointwise import cast, check_fits


def to_array(data: Any, dtype: Any = None, copy: bool = True) -> Array:
    """The array for Python data by PyTorch's rules: floats become the default dtype, arrays keep theirs.

    What does not fit into a float dtype becomes inf, without NumPy's warning. Raises ShapeError for ragged lists, RangeError for what
    does not fit into an integer dtype, ArgumentTypeError or DtypeError for what is no number.
    """
    if type(data) is float:  # the most frequent number, which needs no look at what it is
        wanted = get_default_dtype() if dtype is None else as_dtype(dtype)
        if wanted.kind == "f":
            return silent_copy().run(np.array, data, wanted)
    made: Array = silent_copy().run(_to_array, data, dtype, copy)
    return made


def _to_array(data: Any, dtype: Any, copy: bool) -> Array:
    if isinstance(data, Value):
        array = data.array
    elif isinstance(data, (np.ndarray, np.generic)):
        array = np.asarray(data)
    else:
        array = _from_python(data, get_default_dtype() if dtype is None else None, dtype is not None and as_dtype(dtype).kind == "f")
        if dtype is not None and array.size and as_dtype(dtype).kind in "iu":
            for extreme in (array.min(), array.max()):
                check_fits(extreme.item(), as_dtype(dtype), "tensor")
    wanted = array.dtype if dtype is None else as_dtype(dtype)
    if array.dtype.kind not in "biuf" or wanted not in SUPPORTED:
        raise DtypeError(f"tensor: dtype {array.dtype} is not supported; convert the array first, for example with .astype(np.float64)")
    wanted = wanted.newbyteorder("=") if not wanted.isnative else wanted
    made = np.array(array, dtype=wanted, copy=True, order="K", subok=False) if copy else np.asarray(array, dtype=wanted)
    if state.tracer is not None and made is not array and isinstance(data, (Value, np.ndarray)):
        state.tracer.record(cast, (data,), {"dtype": wanted}, made)
    if state.tracer is not None and isinstance(data, (list, tuple, range)):
        state.tracer.know(made)
    return borrow(made) if not copy and _is_foreign(data) and np.may_share_memory(made, array) else made


def _is_foreign(data: Any) -> bool:
    """Whether this is an array of NumPy's, or of another library that gives out its memory as one."""
    return hasattr(data, "__array__") or hasattr(data, "__array_interface__")


_NUMBERS = frozenset((bool, int, float))


def _from_python(data: Any, float_dtype: Any, become_floats: bool) -> Array:
    """Numbers and nested lists; Python's floats in the dtype given, or as the doubles they are; integers of any size if those will be."""
    dtypes: list[Dtype] = []
    kinds: set[type] = set()
    if type(data) in _NUMBERS:
        pass
    elif isinstance(data, (list, tuple, range)):
        data = _plain(data, dtypes, kinds)
    elif _is_foreign(data):
        return np.asarray(data)
    elif not isinstance(data, (bool, int, float)):
        raise ArgumentTypeError(f"tensor: expected numbers, nested lists of numbers or an array, got {type(data).__name__}: {data!r}")
    try:
        array = np.array(data)
        if become_floats and array.dtype.kind in "Ou":
            array = array.astype(np.float64)  # integers that int64 does not hold
    except (ValueError, TypeError, OverflowError) as error:
        raise ShapeError(f"tensor: the nested lists do not form a regular array of numbers; {error}") from None
    foreign = kinds - _NUMBERS
    if array.dtype.kind not in "biuf" and foreign:
        named = ", ".join(sorted(kind.__name__ for kind in foreign))
        raise ArgumentError(f"tensor: expected numbers, nested lists of numbers or an array, got {named} in the list")
    if dtypes:
        return array.astype(functools.reduce(promote_types, [*dtypes, *[scalar_dtype(kind()) for kind in kinds]]))
    if array.dtype.kind in "Ou" and not _holds_numpy(data):
        raise RangeError("tensor: an integer does not fit into int64; use a float")
    if float_dtype is not None and (array.size == 0 or (array.dtype.kind == "f" and not _holds_numpy(data))):
        return array.astype(float_dtype)
    if array.dtype.kind not in "biuf":
        raise ArgumentTypeError(f"tensor: expected numbers, got elements of kind {array.dtype}")
    return array


def _plain(data: Any, dtypes: list[Dtype], kinds: set[type]) -> Any:
    """Nested sequences with the tensors in them, which must have one element, replaced by numbers.

    Their dtypes and those of NumPy's numbers are put into `dtypes`, the types of the other numbers into `kinds`.
    """
    if isinstance(data, (list, tuple, range)):
        found = set(map(type, data))
        if found <= _NUMBERS:
            kinds |= found
            return data
        return [_plain(item, dtypes, kinds) for item in data]
    if isinstance(data, (np.ndarray, np.generic)) and data.dtype in SUPPORTED:
        dtypes.append(data.dtype)
        return data
    if not isinstance(data, Value):
        kinds.add(type(data))
        return data
    if state.tracer is not None:
        state.tracer.concretize("a list of tensors as data (tg.stack joins them)")
    if data.array.size != 1:
        raise ShapeError(f"tensor: a tensor in a list must have one element, got shape {data.array.shape}; tg.stack(list) joins tensors")
    dtypes.append(data.array.dtype)
    return data.array.item()


def _holds_numpy(data: Any) -> bool:
    """Whether the first number in nested sequences is NumPy's, which then decides the dtype."""
    while isinstance(data, (list, tuple, range)):
        data = data[0]
    return isinstance(data, (np.ndarray, np.generic))


def from_constructor(data: tuple[Any, ...], dtype: Dtype | None = None) -> Array:
    """What `Tensor(...)` holds: nothing, the elements of one sequence, or uninitialised memory of the given sizes."""
    dtype = dtype or get_default_dtype()
    if not data:
        return np.empty(0, dtype)
    if all(isinstance(size, int) and not isinstance(size, bool) for size in data):
        return np.zeros(data, dtype)
    if len(data) > 1:
        raise ArgumentTypeError("Tensor: expected one sequence of numbers, or sizes as integers")
    return to_array(data[0], dtype)


def as_gradient(gradient: Any, like: Value) -> Any:
    """The gradient a user passed, as a tensor of the result's dtype."""
    if isinstance(gradient, Value):
        return gradient
    if isinstance(gradient, (np.ndarray, np.generic, int, float)):
        return wrap(Value.result_class, to_array(gradient, like.array.dtype))
    raise ArgumentTypeError(f"backward: gradient must be a tensor or None, got {type(gradient).__name__}")


def from_numpy(ndarray: Array) -> Any:
    """A tensor that shares the memory of an array. Raises ArgumentTypeError for anything else, DtypeError for other dtypes."""
    if not isinstance(ndarray, np.ndarray):
        raise ArgumentTypeError(f"from_numpy: expected a NumPy array, got {type(ndarray).__name__}; tg.tensor(...) takes other data")
    if ndarray.dtype not in SUPPORTED:
        raise DtypeError(f"from_numpy: dtype {ndarray.dtype} is not supported; convert it with .astype(...)")
    return wrap(Value.result_class, borrow(np.asarray(ndarray)))
