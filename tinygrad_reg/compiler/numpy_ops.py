"""NumPy's own functions as operations of a program: what primitives are lowered to, and how each is written as source."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..engine.plain import is_finite, strided
from .program import NotFinite, OutOfRange


class NumpyOp:
    """A NumPy call. `template` has {0}, {1} ... for arguments, {all} for all of them, and {name} for keywords.

    Of an `update` the result is the first argument, changed by a statement: its template has {out} for what is to be changed.
    `ufunc` and `method` say of which ufunc it is the "__call__", "reduce" or "accumulate", or the "set", which updates a part.
    What `raises` gives x itself, or that error where the template, a condition, is true.
    """

    outputs = False

    def __init__(
        self,
        name: str,
        forward: Callable[..., Any],
        template: str = "",
        *,
        out: bool = False,
        elementwise: bool = False,
        view: bool = False,
        update: bool = False,
        fails: bool = False,
        raises: type[Exception] | None = None,
        ufunc: np.ufunc | None = None,
        method: str = "",
    ) -> None:
        self.name = name
        self.forward = forward
        self.template = template
        self.out = out  # can write its result into an array that is given
        self.elementwise = elementwise  # ... which may be one of its arguments
        self.view = view
        self.update = update
        self.fails = fails or raises is not None  # for some values
        self.raises = raises
        self.ufunc: Any = ufunc
        self.method = method

    def __repr__(self) -> str:
        return f"<{self.name}>"

    def text(self, args: Sequence[str], params: dict[str, str], out: str | None) -> str:
        """The call, or the statement of an update, as source."""
        if self.update:
            return self.template.format(*args, out=out, **params)
        if self.template:
            call = self.template.format(*args, all=", ".join(args), **params)
        else:
            call = f"{self.name}({', '.join((*args, *(f'{name}={value}' for name, value in params.items())))})"
        return call if out is None else f"{call[:-1]}, out={out})"


@functools.cache
def ufunc_op(ufunc: np.ufunc) -> NumpyOp:
    """A ufunc; a generalized one, such as matmul, does not work element by element."""
    return NumpyOp(f"np.{ufunc.__name__}", ufunc, out=True, elementwise=ufunc.signature is None, ufunc=ufunc, method="__call__")


@functools.cache
def reduce_op(ufunc: np.ufunc) -> NumpyOp:
    """A ufunc's reduction over axes."""
    return NumpyOp(f"np.{ufunc.__name__}.reduce", ufunc.reduce, out=True, ufunc=ufunc, method="reduce")


def is_reduction(op: Any) -> bool:
    """Whether this is a ufunc's reduction."""
    return isinstance(op, NumpyOp) and op.method == "reduce"


@functools.cache
def accumulate_op(ufunc: np.ufunc) -> NumpyOp:
    """A ufunc's running results along an axis."""
    return NumpyOp(f"np.{ufunc.__name__}.accumulate", ufunc.accumulate, out=True, ufunc=ufunc, method="accumulate")


@functools.cache
def set_op(ufunc: np.ufunc) -> NumpyOp:
    """x with the part x[index] replaced by ufunc(x[index], value)."""

    def forward(x: Any, value: Any, *, index: Any) -> Any:
        out = np.array(x)
        out[index] = ufunc(out[index], value)
        return out

    name = ufunc.__name__
    text = f"np.{name}({{out}}[{{index}}], {{1}}, out={{out}}[{{index}}])"
    return NumpyOp(f"{name}_set", forward, text, out=True, update=True, ufunc=ufunc, method="set")


def is_named(ufunc: np.ufunc) -> bool:
    """Whether NumPy has this ufunc under its name."""
    return getattr(np, ufunc.__name__, None) is ufunc and ufunc.nout == 1


DOT = NumpyOp("dot", lambda x, y: x.dot(y), "{0}.dot({1})", out=True)
VDOT = NumpyOp("vdot", np.vdot, "np.vdot({0}, {1})")
WHERE = NumpyOp("where", np.where, "np.where({all})")
CONCATENATE = NumpyOp("concatenate", lambda *xs, axis: np.concatenate(xs, axis=axis), "np.concatenate(({all},), axis={axis})", out=True)
JOIN = NumpyOp("join", lambda *xs: np.concatenate(xs, axis=None), "np.concatenate(({all},), axis=None)", out=True)
#: Memory to be written; it holds anything.
ROOM = NumpyOp("room", np.empty, "np.empty({shape}, {dtype})", out=True)
CLIP = NumpyOp("clip", lambda x, *, low, high: x.clip(low, high), "{0}.clip({low}, {high})", out=True, elementwise=True)
CAST = NumpyOp("astype", lambda x, *, dtype: x.astype(dtype), "{0}.astype({dtype})")
COPY = NumpyOp("copy", lambda x: x.copy(), "{0}.copy()")
AS_ARRAY = NumpyOp("array", lambda x, *, dtype: np.array(x, dtype), "np.array({0}, {dtype})")  # of a Python float

BITS = NumpyOp("view", lambda x, *, dtype: x.view(dtype), "{0}.view({dtype})", view=True)  # read as another dtype
TRANSPOSED = NumpyOp("T", lambda x: x.T, "{0}.T", view=True)
MATRIX_TRANSPOSED = NumpyOp("mT", lambda x: x.mT, "{0}.mT", view=True)
RESHAPE = NumpyOp("reshape", lambda x, *, shape: x.reshape(shape), "{0}.reshape({shape})", view=True)
RAVEL = NumpyOp("ravel", lambda x: x.ravel(), "{0}.ravel()", view=True)
TRANSPOSE = NumpyOp("transpose", lambda x, *, axes: x.transpose(axes), "{0}.transpose({axes})", view=True)
SWAPAXES = NumpyOp("swapaxes", lambda x, *, a, b: x.swapaxes(a, b), "{0}.swapaxes({a}, {b})", view=True)
SQUEEZE = NumpyOp("squeeze", lambda x, *, axes: x.squeeze(axes), "{0}.squeeze({axes})", view=True)
GETITEM = NumpyOp("getitem", lambda x, *, index: x[index], "{0}[{index}]", view=True)
BROADCAST = NumpyOp("broadcast_to", lambda x, *, shape: np.broadcast_to(x, shape), "np.broadcast_to({0}, {shape})", view=True)


def _set(x: Any, value: Any, *, index: Any) -> Any:
    out = np.array(x)
    out[index] = value
    return out


def _add_at(x: Any, indices: Any, values: Any, *, axis: int) -> Any:
    out = np.array(x)
    np.add.at(out, (slice(None),) * axis + (indices,), values)
    return out


def _put_along(x: Any, indices: Any, values: Any, *, axis: int) -> Any:
    out = np.array(x)
    np.put_along_axis(out, indices, values, axis)
    return out


def _within(x: Any, *, low: int, high: int) -> Any:
    if x.size and not (low <= x.min() and x.max() < high):
        raise OutOfRange
    return x


def _finite(x: Any) -> Any:
    if not is_finite(x):
        raise NotFinite
    return x


#: A view of a contiguous array; strides and offset count elements.
STRIDED = NumpyOp(
    "strided",
    strided,
    "np.ndarray({shape}, {0}.dtype, {0}, {offset} * {0}.itemsize, tuple([s * {0}.itemsize for s in {strides}]))",
    view=True,
)
#: x with x[index] replaced by a value that broadcasts; the index has ints and slices.
SET = NumpyOp("set", _set, "{out}[{index}] = {1}", out=True, update=True)
ADD_SET = set_op(np.add)
#: x with the values added at positions along an axis, as often as they are named.
ADD_AT = NumpyOp("add_at", _add_at, "np.add.at({out}, (slice(None),) * {axis} + ({1},), {2})", out=True, update=True, fails=True)
#: x with one value written for each position along an axis; of repeated positions the last stays.
PUT_ALONG = NumpyOp("put_along_axis", _put_along, "np.put_along_axis({out}, {1}, {2}, {axis})", out=True, update=True, fails=True)
TAKE = NumpyOp("take", lambda x, indices, *, axis: x.take(indices, axis), "{0}.take({1}, {axis})", fails=True)
TAKE_ALONG = NumpyOp(
    "take_along_axis",
    lambda x, indices, *, axis: np.take_along_axis(x, indices, axis),
    "np.take_along_axis({0}, {1}, {axis})",
    fails=True,
)
ARGMAX = NumpyOp("argmax", lambda x, *, axis, keepdims: x.argmax(axis, keepdims=keepdims), "{0}.argmax({axis}, keepdims={keepdims})")
ARGSORT = NumpyOp("argsort", lambda x, *, axis: x.argsort(axis, kind="stable"), '{0}.argsort({axis}, kind="stable")')
PARTITION = NumpyOp("partition", lambda x, *, kth, axis: np.partition(x, kth, axis), "np.partition({0}, {kth}, {axis})")
SEARCHSORTED = NumpyOp("searchsorted", lambda x, values, *, side: np.searchsorted(x, values, side), "np.searchsorted({0}, {1}, {side})")
ARGMIN = NumpyOp("argmin", lambda x, *, axis, keepdims: x.argmin(axis, keepdims=keepdims), "{0}.argmin({axis}, keepdims={keepdims})")
#: x itself, if all its elements are low <= x < high; else the step is given up, and eager says what is wrong.
WITHIN = NumpyOp("within", _within, "{0}.size and not ({low} <= {0}.min() and {0}.max() < {high})", view=True, raises=OutOfRange)
#: x itself, if it has no inf and no nan; else the step is given up, and eager goes on as such values need it.
FINITE = NumpyOp("finite", _finite, "not isfinite(np.vdot({0}, {0}))", view=True, raises=NotFinite)
