"""The arrays that forward functions run on while they are lowered: they write down what is done with them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from ..engine.mutation import NDArray
from ..engine.primitive import silent_copy
from . import numpy_ops as ops
from .numpy_ops import NumpyOp
from .program import var_for
from .scalars import Number

if TYPE_CHECKING:
    from .lowering import Recorder


class Opaque(Exception):
    """This cannot be written down."""


def raw(x: Any) -> Any:
    """What shows the shape and dtype of an operand."""
    return x.plain() if isinstance(x, Number) else x.array if type(x) is Recorded else x


class Recorded(NDArrayOperatorsMixin):
    """Looks like an array, writes down what is done with it, and refuses to show its elements.

    `var` is None once the memory has been written through another view; `origin` is the array that this is a view of, and how.
    """

    __slots__ = ("array", "origin", "recorder", "var")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, array: NDArray, recorder: Recorder, var: Any, origin: Any = None) -> None:
        self.array, self.recorder, self.var, self.origin = array, recorder, var, origin

    if not TYPE_CHECKING:  # the checker holds on to what `object` declares

        @property
        def __class__(self) -> type:
            """isinstance() takes it for an array."""
            return np.ndarray

    shape = property(lambda self: self.array.shape)
    ndim = property(lambda self: self.array.ndim)
    dtype = property(lambda self: self.array.dtype)
    size = property(lambda self: self.array.size)
    itemsize = property(lambda self: self.array.itemsize)
    nbytes = property(lambda self: self.array.nbytes)
    strides = property(lambda self: self.array.strides)
    flags = property(lambda self: self.array.flags)
    plain = property(lambda self: self.recorder.plain)

    def __len__(self) -> int:
        return len(self.array)

    def _refuse(self, *_: Any, **__: Any) -> Any:
        raise Opaque

    __bool__ = __float__ = __int__ = __index__ = __iter__ = __contains__ = __array__ = __rpow__ = __ipow__ = _refuse

    def __pow__(self, exponent: Any) -> Recorded:
        """NumPy's operator has short ways for some numbers."""
        if isinstance(exponent, Number) or self.array.dtype.kind != "f" or not isinstance(exponent, (int, float)):
            raise Opaque
        if not self.array.ndim and not self.plain:
            raise Opaque  # NumPy's scalars have a power of their own, which rounds otherwise
        short = {2: np.square, 1: np.positive, 0.5: np.sqrt, -1: np.reciprocal}
        made: Any = short[exponent](self) if exponent in short else np.power(self, exponent)
        return made  # type: ignore[no-any-return]

    # ---- views and copies ------------------------------------------------------------------------------------------------

    def _view(self, op: NumpyOp, **params: Any) -> Recorded:
        return self.recorder.view(self, op, **params)

    @property
    def T(self) -> Recorded:
        return self._view(ops.TRANSPOSED)

    @property
    def mT(self) -> Recorded:
        return self._view(ops.MATRIX_TRANSPOSED)

    def view(self, dtype: Any = None) -> Recorded:
        return self if dtype is None else self._view(ops.BITS, dtype=np.dtype(dtype))

    def reshape(self, *shape: Any) -> Recorded:
        return self._view(ops.RESHAPE, shape=tuple(shape[0]) if len(shape) == 1 and isinstance(shape[0], (tuple, list)) else shape)

    def transpose(self, *axes: Any) -> Recorded:
        return self._view(ops.TRANSPOSE, axes=axes[0] if len(axes) == 1 else axes or None)

    def swapaxes(self, a: int, b: int) -> Recorded:
        return self._view(ops.SWAPAXES, a=a, b=b)

    def squeeze(self, axes: Any = None) -> Recorded:
        return self._view(ops.SQUEEZE, axes=axes)

    def ravel(self) -> Recorded:
        return self._view(ops.RAVEL)

    def strided(self, shape: tuple[int, ...], strides: tuple[int, ...], offset: int) -> Recorded:
        """A view of a contiguous array; strides and offset count elements."""
        return self._view(ops.STRIDED, shape=shape, strides=strides, offset=offset)

    def seen(self, view: Callable[[NDArray], NDArray]) -> Recorded:
        """Any view of an array, made contiguous first, by its strides and where it begins."""
        if not self.array.flags.c_contiguous:
            return self.copy().seen(view)
        array = view(self.array)
        size = array.itemsize
        offset = (array.ctypes.data - self.array.ctypes.data) // size
        return self.strided(array.shape, tuple([s // size for s in array.strides]), offset)

    def diagonal(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Recorded:
        return self.seen(lambda array: array.diagonal(offset, axis1, axis2))

    def __getitem__(self, index: Any) -> Recorded:
        if isinstance(index, np.ndarray) and index.dtype.kind in "iu":
            return self.take(index, 0)
        if not _is_basic(index) or not isinstance(self.array[index], np.ndarray):
            raise Opaque
        return self._view(ops.GETITEM, index=index)

    def astype(self, dtype: Any, order: str = "K", copy: bool = True) -> Recorded:
        if not copy and self.array.dtype == dtype:
            return self
        cast = self._view(ops.CAST, dtype=np.dtype(dtype))
        return cast if order == "K" else cast.copy()

    def copy(self, order: str = "C") -> Recorded:
        array = self.array
        if order == "C" or array.flags.c_contiguous:
            return self.recorder.emit(ops.COPY, (self,), array.copy())
        axes = sorted(range(array.ndim), key=lambda axis: -array.strides[axis])  # as they follow each other in memory
        return self.transpose(tuple(axes)).copy().transpose(tuple(np.argsort(axes).tolist()))

    # ---- writing ---------------------------------------------------------------------------------------------------------

    def __setitem__(self, index: Any, value: Any) -> None:
        if isinstance(index, np.ndarray):
            self._put(index, value)
            return
        if not _is_basic(index):
            raise Opaque
        origin = value.origin if type(value) is Recorded else None
        if origin is not None and origin[0] is self and origin[1] is ops.GETITEM and origin[2]["index"] == index and value.var is not None:
            return  # what `x[index] += y` ends with
        if self._is_all(index) and type(value) is Recorded and value.var is not None and value.var.like(var_for(self.array)):
            self.recorder.store(self, value)
        elif self._is_all(index) and self.origin is not None and self.origin[1] is ops.GETITEM:
            parent, _, params = self.origin
            parent[params["index"]] = value
            self.var = parent[params["index"]].var
        else:
            self.recorder.store(self, self.with_part(index, value))

    def _is_all(self, index: Any) -> bool:
        part = self.array[index]
        return isinstance(part, np.ndarray) and (part.ctypes.data, part.shape) == (self.array.ctypes.data, self.array.shape)

    def with_part(self, index: Any, value: Any) -> Recorded:
        """This with the part [index] replaced."""
        if type(value) is Recorded and value.dtype != self.dtype:
            value = value.astype(self.dtype)
        return self.recorder.emit(ops.SET, (self, value), np.array(self.array), index=index)

    def _put(self, index: NDArray, value: Any) -> None:
        """x[index] = value for integers, where the last of equal ones wins."""
        if self.ndim != 1 or index.dtype.kind not in "iu":
            raise Opaque
        values: Any = np.broadcast_to(value if type(value) is Recorded else np.asarray(value, self.dtype), index.shape)
        _put_along(self, index.reshape(-1), values.reshape(-1), 0)

    def within(self, low: int, high: int) -> Recorded:
        """This, if low <= x < high for all elements."""
        return self._view(ops.WITHIN, low=low, high=high)

    def is_finite(self) -> bool:
        """True from now on, or the step is given up; False where that is not known. Squares of float16 overflow too soon."""
        if self.plain or self.dtype == np.float16:
            return False
        self.var = self._view(ops.FINITE).var
        return True

    def room(self, shape: tuple[int, ...], dtype: Any) -> Recorded:
        """A new array to be written."""
        if self.plain:
            return _like(self, np.zeros(shape, dtype))
        return self.recorder.emit(ops.ROOM, (), np.zeros(shape, dtype), shape=shape, dtype=np.dtype(dtype))

    # ---- functions -------------------------------------------------------------------------------------------------------

    def dot(self, other: Any) -> Recorded:
        return self.recorder.emit(ops.DOT, (self, other), self.array.dot(raw(other)))

    def clip(self, low: Any, high: Any) -> Recorded:
        low, high = [x.item() if type(x) is np.ndarray else x for x in (low, high)]
        return self.recorder.emit(ops.CLIP, (self,), self.array.clip(low, high), low=low, high=high)

    def take(self, indices: Any, axis: int | None = None) -> Recorded:
        if axis is None:
            return self.reshape(-1).take(indices, 0)
        return self.recorder.emit(ops.TAKE, (self, indices), self.array.take(np.zeros_like(raw(indices)), axis), axis=axis)

    def argsort(self, axis: int = -1, kind: str | None = None) -> Recorded:
        if kind != "stable":
            raise Opaque
        return self.recorder.emit(ops.ARGSORT, (self,), self.array.argsort(axis, kind="stable"), axis=axis)

    def argmax(self, axis: Any = None, keepdims: bool = False) -> Recorded:
        return self.recorder.emit(ops.ARGMAX, (self,), self.array.argmax(axis, keepdims=keepdims), axis=axis, keepdims=keepdims)

    def argmin(self, axis: Any = None, keepdims: bool = False) -> Recorded:
        return self.recorder.emit(ops.ARGMIN, (self,), self.array.argmin(axis, keepdims=keepdims), axis=axis, keepdims=keepdims)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, out: Any = None, **params: Any) -> Any:
        if not ops.is_named(ufunc):
            raise Opaque
        target = None if out is None else out[0]
        if method == "__call__":
            return self._ufunc(ufunc, inputs, target, **params)
        if method == "at" and ufunc is np.add and not params:
            return _add_at(*inputs)
        if method == "reduce":
            return _into(target, _reduce(ufunc, *inputs, **params))
        if method == "accumulate" and params.keys() <= {"axis", "dtype"} and params.get("dtype") is None:
            x, axis = inputs[0], params.get("axis", 0)
            made = x.recorder.emit(ops.accumulate_op(ufunc), (x,), ufunc.accumulate(x.array, axis), axis=axis)
            return _into(target, made)
        raise Opaque

    def _ufunc(self, ufunc: np.ufunc, inputs: Any, target: Any, dtype: Any = None, where: Any = True, casting: str = "same_kind") -> Any:
        if dtype is not None:
            inputs = [x.astype(dtype, copy=False) if isinstance(x, (np.ndarray, np.generic)) else x for x in inputs]
        if self.plain and ufunc is np.vecdot:
            return _into(target, _reduce(np.add, np.multiply(*inputs), axis=-1))
        array = silent_copy().run(ufunc, *map(raw, inputs))
        if where is not True:
            return _into(target, _where(where, self.recorder.emit(ops.ufunc_op(ufunc), inputs, array), target))
        if type(target) is Recorded and target is inputs[0] and target.origin is not None and target.origin[1] is ops.GETITEM:
            return self._update(ufunc, target, inputs[1], array)
        return _into(target, self.recorder.emit(ops.ufunc_op(ufunc), inputs, array))

    def _update(self, ufunc: np.ufunc, part: Recorded, value: Any, array: NDArray) -> Recorded:
        """ufunc(x[index], value, out=x[index]), for this part of x."""
        parent, _, params = part.origin
        if array.shape != part.shape or array.dtype != part.dtype or parent.var is None:
            raise Opaque
        recorder = self.recorder
        recorder.store(parent, recorder.emit(ops.set_op(ufunc), (parent, value), np.array(parent.array), **params))
        part.var = parent[params["index"]].var
        return part

    def __array_function__(self, function: Any, types: Any, args: Any, params: Any) -> Any:
        return FUNCTIONS[function](*args, **params)


def _is_basic(index: Any) -> bool:
    items = index if isinstance(index, tuple) else (index,)
    return all(item is None or item is Ellipsis or type(item) is int or isinstance(item, slice) for item in items)


def _into(target: Any, made: Recorded) -> Recorded:
    """The result of a call, stored in the array that was given as `out`, if one was."""
    if target is None:
        return made
    if type(target) is not Recorded or target.shape != made.shape or target.dtype != made.dtype:
        raise Opaque
    made.recorder.store(target, made)
    return target


def _reduce(ufunc: np.ufunc, x: Recorded, axis: Any = 0, dtype: Any = None, keepdims: bool = False, initial: Any = None) -> Recorded:
    if initial is not None and not (ufunc is np.maximum and initial == -np.inf and x.array.size):
        raise Opaque
    if dtype is not None and dtype != x.dtype:
        if not x.plain and np.dtype(dtype).kind == "f":
            raise Opaque  # NumPy adds up in blocks then
        x = x.astype(dtype)
    array = silent_copy().run(ufunc.reduce, x.array, axis=axis, keepdims=keepdims)
    return x.recorder.emit(ops.reduce_op(ufunc), (x,), array, axis=axis, keepdims=keepdims)


def _add_at(x: Recorded, indices: Any, values: Any) -> None:
    axis = len(indices) - 1 if isinstance(indices, tuple) else 0
    places = indices[-1] if isinstance(indices, tuple) else indices
    if isinstance(indices, tuple) and any(item != slice(None) for item in indices[:-1]):
        raise Opaque
    x.recorder.store(x, x.recorder.emit(ops.ADD_AT, (x, places, values), np.array(x.array), axis=axis))


# ---- NumPy's functions -------------------------------------------------------------------------------------------------

FUNCTIONS: dict[Any, Callable[..., Any]] = {}


def _stands_for(*functions: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def register(stand_in: Callable[..., Any]) -> Callable[..., Any]:
        FUNCTIONS.update(dict.fromkeys(functions, stand_in))
        return stand_in

    return register


def _recorder(*args: Any) -> Recorder:
    return next(x.recorder for x in args if type(x) is Recorded)


@_stands_for(np.where)
def _where(*args: Any) -> Recorded:
    return _recorder(*args).emit(ops.WHERE, args, np.where(*map(raw, args)))


FUNCTIONS[np.vdot] = lambda *args: _recorder(*args).emit(ops.VDOT, args, np.vdot(*map(raw, args)))
FUNCTIONS[np.dot] = lambda *args: _recorder(*args).emit(ops.DOT, args, np.dot(*map(raw, args)))
FUNCTIONS[np.result_type] = lambda *args: np.result_type(*map(raw, args))
FUNCTIONS[np.size] = lambda x: x.size
FUNCTIONS[np.ndim] = lambda x: x.ndim
FUNCTIONS[np.shape] = lambda x: x.shape
FUNCTIONS[np.copy] = lambda x, order="K": x.copy(order)
FUNCTIONS[np.expand_dims] = lambda x, axis: x.reshape(np.expand_dims(x.array, axis).shape)


@_stands_for(np.broadcast_to)
def _broadcast(x: Recorded, shape: Any) -> Recorded:
    return x.recorder.view(x, ops.BROADCAST, shape=tuple(shape) if isinstance(shape, (tuple, list)) else (shape,))


@_stands_for(np.concatenate)
def _concatenate(arrays: Any, axis: int = 0) -> Recorded:
    return _recorder(*arrays).emit(ops.CONCATENATE, arrays, np.concatenate([raw(x) for x in arrays], axis), axis=axis)


@_stands_for(np.partition)
def _partition(x: Recorded, kth: int, axis: int = -1) -> Recorded:
    return x.recorder.emit(ops.PARTITION, (x,), np.partition(x.array, kth, axis), kth=kth, axis=axis)


@_stands_for(np.searchsorted)
def _searchsorted(x: Any, values: Any, side: Any = "left") -> Recorded:
    return _recorder(x, values).emit(ops.SEARCHSORTED, (x, values), np.searchsorted(raw(x), raw(values), side), side=side)


@_stands_for(np.take_along_axis)
def _take_along(x: Any, indices: Any, axis: int) -> Recorded:
    array = np.take_along_axis(raw(x), np.zeros_like(raw(indices)), axis)
    return _recorder(x, indices).emit(ops.TAKE_ALONG, (x, indices), array, axis=axis)


@_stands_for(np.put_along_axis)
def _put_along(x: Any, indices: Any, values: Any, axis: int) -> None:
    if type(x) is not Recorded:
        raise Opaque
    x.recorder.store(x, x.recorder.emit(ops.PUT_ALONG, (x, indices, values), np.array(x.array), axis=axis))


@_stands_for(np.copyto)
def _copyto(x: Any, value: Any, casting: str = "same_kind", where: Any = True) -> None:
    if type(x) is not Recorded:
        raise Opaque
    x[...] = value if where is True else np.where(where, value, x)


@_stands_for(np.lib.stride_tricks.sliding_window_view)
def _windows(x: Recorded, shape: Any, axis: Any = None) -> Recorded:
    return x.seen(lambda array: np.lib.stride_tricks.sliding_window_view(array, shape, axis))


@_stands_for(np.moveaxis)
def _moveaxis(x: Recorded, source: int, destination: int) -> Recorded:
    axes = [axis for axis in range(x.ndim) if axis != source % x.ndim]
    axes.insert(destination % x.ndim, source % x.ndim)
    return x.transpose(tuple(axes))


@_stands_for(np.tile)
def _tile(x: Recorded, repeats: tuple[int, ...]) -> Recorded:
    lead = (1,) * max(x.ndim - len(repeats), 0)
    times, sizes = (*lead, *repeats), (*(1,) * (len(repeats) - x.ndim), *x.shape)
    once = x.reshape(tuple([size for n in sizes for size in (1, n)]))
    wide: Any = _broadcast(once, tuple([size for r, n in zip(times, sizes, strict=True) for size in (r, n)]))
    made: Recorded = wide.reshape(tuple([r * n for r, n in zip(times, sizes, strict=True)]))
    return made


FUNCTIONS[np.tril] = lambda x, k=0: _where(_triangle(x, k), x, x.dtype.type(0))
FUNCTIONS[np.triu] = lambda x, k=0: _where(_triangle(x, k - 1), x.dtype.type(0), x)


def _triangle(x: Recorded, k: int) -> NDArray:
    rows, columns = x.shape[-2:]
    return np.tri(rows, columns, k, np.bool_)


def _made_like(function: Any) -> Callable[..., Recorded]:
    """Arrays that are made without a look at values are constants, until they are written."""

    def stand_in(x: Recorded, *values: Any, **params: Any) -> Recorded:
        if not all(isinstance(value, (int, float, np.generic)) for value in values) or any(isinstance(value, Number) for value in values):
            raise Opaque
        return _like(x, function(x.array, *values, **params))

    return stand_in


def _like(x: Recorded, array: NDArray) -> Recorded:
    """An array of which the values are known, until it is written, beside x."""
    return x.recorder.recorded(array, x.recorder.operand(array))


FUNCTIONS.update({function: _made_like(function) for function in (np.full_like, np.zeros_like, np.ones_like)})
FUNCTIONS[np.empty_like] = _made_like(np.zeros_like)
