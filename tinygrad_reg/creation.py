"""Making tensors: from data, filled, and in sequences. Random ones are in `random`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from . import interop
from .dtypes import Dtype, as_dtype
from .engine.mutation import Array
from .engine.node import wrap
from .engine.plain import unset
from .engine.primitive import silent_copy
from .engine.refusal import typed_errors
from .engine.state import get_default_dtype, state
from .errors import ArgumentError, ArgumentTypeError, ShapeError
from .ops.arguments import check_constant, checked_shape, integer, shape_of
from .tensor import Tensor, finished

_INT64 = np.dtype(np.int64)


def finish(array: Array, requires_grad: bool, device: Any) -> Tensor:
    """The array as a new tensor, a leaf if it requires grad."""
    return finished(wrap(Tensor, array), requires_grad, device)


@typed_errors
def tensor(data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A new tensor with a copy of the data: numbers, nested lists, arrays (which keep their dtype) or tensors.

    Python floats become the default dtype, integers int64. Raises ShapeError for ragged lists, ArgumentTypeError for
    what is no number.

    >>> tg.tensor([[1, 2], [3, 4]])
    tensor([[1, 2],
            [3, 4]])
    >>> tg.tensor([1.0, 2.0], requires_grad=True)
    tensor([1., 2.], requires_grad=True)
    """
    return finish(interop.to_array(data, dtype), requires_grad, device)


@typed_errors
def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """The data as a tensor, sharing memory with an array (and being the tensor itself) where no conversion is needed.

    >>> array = np.zeros(2)
    >>> x = tg.as_tensor(array)
    >>> array[0] = 7
    >>> x
    tensor([7., 0.], dtype=float64)
    """
    if isinstance(data, Tensor):
        return data.to(dtype=dtype, device=device)
    return finish(interop.to_array(data, dtype, copy=False), False, device)


@typed_errors
def asarray(obj: Any, *, dtype: Any = None, device: Any = None, copy: bool | None = None, requires_grad: bool | None = None) -> Tensor:
    """The data as a tensor: always a copy if `copy`, never one if it is False, only where needed if it is None.

    With `requires_grad` None it stays in the graph of a tensor given, with False it leaves it. Raises ArgumentError if `copy` is False
    and one is needed.

    >>> array = np.zeros(2)
    >>> tg.asarray(array).data_ptr() == array.ctypes.data, tg.asarray(array, copy=True).data_ptr() == array.ctypes.data
    (True, False)
    """
    made = as_tensor(obj, dtype, device)
    source = obj.array if isinstance(obj, Tensor) else np.asarray(obj) if hasattr(obj, "__array__") else None
    shares = source is not None and made.dtype == source.dtype and (np.may_share_memory(made.array, source) or not source.size)
    if copy is False and not shares:
        raise ArgumentError(f"asarray: {type(obj).__name__} cannot be had without a copy in dtype {made.dtype}; leave out copy=False")
    if copy and shares:
        made = made.clone()
    if requires_grad is False:
        return made.detach()
    return made.requires_grad_() if requires_grad else made


@typed_errors
def from_numpy(ndarray: Array) -> Tensor:
    """A tensor that shares the memory of a NumPy array.

    >>> array = np.zeros(2)
    >>> x = tg.from_numpy(array)
    >>> array[0] = 7
    >>> x
    tensor([7., 0.], dtype=float64)
    """
    made: Tensor = interop.from_numpy(ndarray)
    return made


def is_tensor(obj: Any) -> bool:
    """Whether obj is a tensor.

    >>> tg.is_tensor(tg.zeros(2)), tg.is_tensor(np.zeros(2))
    (True, False)
    """
    return isinstance(obj, Tensor)


def float_or(dtype: Any) -> Dtype:
    """The dtype asked for, or the default dtype."""
    return get_default_dtype() if dtype is None else as_dtype(dtype)


@typed_errors
def zeros(*args: Any, size: Any = None, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor of zeros.

    >>> tg.zeros(2, dtype=tg.int64)
    tensor([0, 0])
    """
    return finish(np.zeros(checked_shape(args, "zeros", size), float_or(dtype)), requires_grad, device)


@typed_errors
def ones(*args: Any, size: Any = None, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor of ones.

    >>> tg.ones(2, 3)
    tensor([[1., 1., 1.],
            [1., 1., 1.]])
    """
    return finish(_filled(checked_shape(args, "ones", size), 1, float_or(dtype)), requires_grad, device)


@typed_errors
def empty(*args: Any, size: Any = None, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor whose elements are whatever the memory held.

    >>> tg.empty(2, 3).shape
    (2, 3)
    """
    return finish(unset(checked_shape(args, "empty", size), float_or(dtype)), requires_grad, device)


@typed_errors
def full(size: Any, fill_value: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor of one value: of bools, of int64 or of the default dtype, as the value is, unless `dtype` says otherwise.

    >>> tg.full((2,), 7)
    tensor([7, 7])
    """
    value = _filling(fill_value, dtype)
    shape = checked_shape((size,) if not isinstance(size, int) else ((size,),), "full")
    return finish(_filled(shape, value.item(), value.dtype), requires_grad, device)


def _filling(fill_value: Any, dtype: Any) -> Array:
    """The one number to fill with, in its dtype or the one asked for."""
    check_constant(fill_value, "full", "fill_value")
    if isinstance(fill_value, Tensor) and state.tracer is not None:
        state.tracer.concretize("full() of the value of a tensor (.expand(size) repeats it)")
    value = interop.to_array(fill_value, dtype)
    if value.size != 1:
        raise ShapeError(f"full: fill_value must be one number, got shape {value.shape}")
    if dtype is None and isinstance(fill_value, (Tensor, np.ndarray, np.generic)):
        return interop.to_array(value.item(), None)  # a number fills, whatever array it comes from: as in PyTorch
    return value


def _filled(shape: tuple[int, ...], value: float, dtype: Dtype) -> Array:
    array = np.empty(shape, dtype)
    array.fill(value)  # np.full takes three times as long for a few elements
    return array


def _like(input: Any, dtype: Any, what: str) -> tuple[tuple[int, ...], Dtype]:
    """The shape of the input, and its dtype or the one asked for."""
    return shape_of(input, what), input.dtype if dtype is None else as_dtype(dtype)


@typed_errors
def zeros_like(input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Zeros of the input's shape and dtype.

    >>> tg.zeros_like(tg.tensor([5, 6]))
    tensor([0, 0])
    """
    return finish(np.zeros(*_like(input, dtype, "zeros_like")), requires_grad, device)


@typed_errors
def ones_like(input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Ones of the input's shape and dtype.

    >>> tg.ones_like(tg.tensor([5, 6]))
    tensor([1, 1])
    """
    shape, dtype = _like(input, dtype, "ones_like")
    return finish(_filled(shape, 1, dtype), requires_grad, device)


@typed_errors
def empty_like(input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Uninitialised memory of the input's shape and dtype.

    >>> tg.empty_like(tg.zeros(2, 3)).shape
    (2, 3)
    """
    return finish(unset(*_like(input, dtype, "empty_like")), requires_grad, device)


@typed_errors
def full_like(input: Tensor, fill_value: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """One value in the input's shape and dtype.

    >>> tg.full_like(tg.zeros(2), 7)
    tensor([7., 7.])
    """
    shape, dtype = _like(input, dtype, "full_like")
    return finish(_filled(shape, _filling(fill_value, dtype).item(), dtype), requires_grad, device)


@typed_errors
def arange(
    start: Any = None, end: Any = None, step: Any = 1, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """start, start + step, ... below end; `arange(end)` starts at 0. Integers give int64, floats the default dtype.

    With an integer dtype the start and the step are rounded towards zero.

    >>> tg.arange(1, 2, 0.25)
    tensor([1.0000, 1.2500, 1.5000, 1.7500])
    """
    if end is None:
        start, end = 0, start
    elif start is None:
        start = 0
    start, end, step = (_bound(x, "arange") if isinstance(x, Tensor) else x for x in (start, end, step))
    for value in (start, end, step):
        if not isinstance(value, (int, float, np.number)):
            raise ArgumentTypeError(f"arange: start, end and step must be numbers, got {value!r}")
        if not math.isfinite(value):
            raise ArgumentError(f"arange: start, end and step must be finite, got {value!r}")
    if type(start) is type(end) is type(step) is int:
        wanted = _INT64 if dtype is None else as_dtype(dtype)
    else:
        wanted = as_dtype(dtype) if dtype is not None else np.result_type(*(type(v) for v in (start, end, step)))
    if wanted == _INT64:
        start, end, step = int(start), int(end), int(step)
    if step == 0 or (end - start) * step < 0:
        raise ArgumentError(f"arange: step {step} does not lead from {start} to {end}")
    count = math.ceil((end - start) / step)
    if wanted.kind in "iu":
        start, step = int(start), int(step)
    values = np.arange(count) if step == 1 and type(start) is int and not start else start + np.arange(count) * step
    floats = dtype is None and wanted.kind == "f"
    return finish(values.astype(get_default_dtype() if floats else wanted, copy=False), requires_grad, device)


def _bound(x: Tensor, what: str) -> Any:
    """A bound or a step, given as a tensor, as a number."""
    check_constant(x, what, "a bound")
    return x.item()


@typed_errors
def linspace(start: Any, end: Any, steps: int, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """`steps` equally spaced values from start to end, both included. With an integer dtype all are rounded towards zero.

    >>> tg.linspace(0, 1, 5)
    tensor([0.0000, 0.2500, 0.5000, 0.7500, 1.0000])
    """
    start, end = (_bound(x, "linspace") if isinstance(x, Tensor) else x for x in (start, end))
    if integer(steps, "linspace", "steps") < 0:
        raise ArgumentError(f"linspace: steps must be an integer of at least 0, got {steps!r}")
    wanted = float_or(dtype)
    if wanted.kind in "iu":
        start, end = int(start), int(end)
    values = silent_copy().run(lambda: np.linspace(start, end, integer(steps, "linspace", "steps")).astype(wanted))
    return finish(values, requires_grad, device)


@typed_errors
def eye(n: int, m: int | None = None, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Ones on the diagonal of an (n, m) matrix, zeros elsewhere.

    >>> tg.eye(2, 3)
    tensor([[1., 0., 0.],
            [0., 1., 0.]])
    """
    rows, columns = checked_shape((n, n if m is None else m), "eye")
    return finish(np.eye(rows, columns, dtype=float_or(dtype)), requires_grad, device)


@typed_errors
def scalar_tensor(s: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A 0-d tensor.

    >>> tg.scalar_tensor(2)
    tensor(2.)
    """
    return full((), s, dtype=float_or(dtype), device=device, requires_grad=requires_grad)
