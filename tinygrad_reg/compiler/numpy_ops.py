"""NumPy's own functions as operations of a program: what primitives are lowered to, and how each is written as source."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np


class NumpyOp:
    """A NumPy call. `template` has {0}, {1} ... for arguments, {all} for all of them, and {name} for keywords."""

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
    ) -> None:
        self.name = name
        self.forward = forward
        self.template = template
        self.out = out  # can write its result into an array that is given
        self.elementwise = elementwise  # ... which may be one of its arguments
        self.view = view

    def __repr__(self) -> str:
        return f"<{self.name}>"

    def text(self, args: Sequence[str], params: dict[str, str], out: str | None) -> str:
        """The call as source."""
        if self.template:
            call = self.template.format(*args, all=", ".join(args), **params)
        else:
            call = f"{self.name}({', '.join((*args, *(f'{name}={value}' for name, value in params.items())))})"
        return call if out is None else f"{call[:-1]}, out={out})"


@functools.cache
def ufunc_op(ufunc: np.ufunc) -> NumpyOp:
    """A ufunc; a generalized one, such as matmul, does not work element by element."""
    return NumpyOp(f"np.{ufunc.__name__}", ufunc, out=True, elementwise=ufunc.signature is None)


@functools.cache
def reduce_op(ufunc: np.ufunc) -> NumpyOp:
    """A ufunc's reduction over axes."""
    return NumpyOp(f"np.{ufunc.__name__}.reduce", ufunc.reduce, out=True)


def is_named(ufunc: np.ufunc) -> bool:
    """Whether NumPy has this ufunc under its name."""
    return getattr(np, ufunc.__name__, None) is ufunc and ufunc.nout == 1


DOT = NumpyOp("dot", lambda x, y: x.dot(y), "{0}.dot({1})", out=True)
VDOT = NumpyOp("vdot", np.vdot, "np.vdot({0}, {1})")
WHERE = NumpyOp("where", np.where, "np.where({all})")
CONCATENATE = NumpyOp("concatenate", lambda *xs, axis: np.concatenate(xs, axis=axis), "np.concatenate(({all},), axis={axis})", out=True)
JOIN = NumpyOp("join", lambda *xs: np.concatenate(xs, axis=None), "np.concatenate(({all},), axis=None)", out=True)
CAST = NumpyOp("astype", lambda x, *, dtype: x.astype(dtype), "{0}.astype({dtype})")
COPY = NumpyOp("copy", lambda x: x.copy(), "{0}.copy()")
AS_ARRAY = NumpyOp("array", lambda x, *, dtype: np.array(x, dtype), "np.array({0}, {dtype})")  # of a Python float

TRANSPOSED = NumpyOp("T", lambda x: x.T, "{0}.T", view=True)
MATRIX_TRANSPOSED = NumpyOp("mT", lambda x: x.mT, "{0}.mT", view=True)
RESHAPE = NumpyOp("reshape", lambda x, *, shape: x.reshape(shape), "{0}.reshape({shape})", view=True)
RAVEL = NumpyOp("ravel", lambda x: x.ravel(), "{0}.ravel()", view=True)
TRANSPOSE = NumpyOp("transpose", lambda x, *, axes: x.transpose(axes), "{0}.transpose({axes})", view=True)
SWAPAXES = NumpyOp("swapaxes", lambda x, *, a, b: x.swapaxes(a, b), "{0}.swapaxes({a}, {b})", view=True)
SQUEEZE = NumpyOp("squeeze", lambda x, *, axes: x.squeeze(axes), "{0}.squeeze({axes})", view=True)
GETITEM = NumpyOp("getitem", lambda x, *, index: x[index], "{0}[{index}]", view=True)
BROADCAST = NumpyOp("broadcast_to", lambda x, *, shape: np.broadcast_to(x, shape), "np.broadcast_to({0}, {shape})", view=True)
