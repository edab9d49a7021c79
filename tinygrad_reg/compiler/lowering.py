"""Lowering: a primitive's forward function runs once on arrays that write down what NumPy is asked to do with them.

So a primitive needs no second definition for the compiler. The recording arrays show their shape, dtype and layout, but
give away no element: a forward that looks at values, or uses what is not known here, stays a call of that function.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from ..engine.mutation import NDArray, owner
from ..engine.primitive import silent_copy
from ..ops.random import draw_p
from . import numpy_ops as ops
from .numpy_ops import NumpyOp
from .program import Equation, Operation, Program, Var, number, substitute, var_for
from .scalars import Number, Scalar, apply, tracked


class Opaque(Exception):
    """This cannot be written down."""


def lower(program: Program) -> Program:
    """The program with primitives replaced by the NumPy calls that they make."""
    constants = dict(program.constants)
    replacement: dict[Var, Var] = {}
    equations: list[Equation] = []
    for equation in program.equations:
        inputs = tuple([replacement.get(x, x) if isinstance(x, Var) else x for x in equation.inputs])
        equation = equation._replace(inputs=inputs)
        recorder = Recorder(equation.line)
        try:
            results = recorder.run(equation)
        except Exception:  # whatever went wrong on the recording arrays: the function itself is still right
            equations.append(equation)
            continue
        equations += recorder.equations
        constants.update(recorder.constants)
        replacement.update(zip(equation.outputs, results, strict=True))
    return substitute(program._replace(constants=constants), replacement, equations)


class Recorder:
    """Writes down the calls of one forward function."""

    def __init__(self, line: str) -> None:
        self.equations: list[Equation] = []
        self.constants: dict[Var, NDArray] = {}
        self._line = line
        self._arrays: list[Recorded] = []

    def run(self, equation: Equation) -> tuple[Var, ...]:
        """The variables that hold the results. Raises anything if it cannot be done."""
        primitive = equation.primitive
        if primitive is draw_p or isinstance(primitive, Scalar | NumpyOp):
            raise Opaque
        given = [self._stand_in(x) for x in equation.inputs]
        if isinstance(primitive.forward, np.ufunc):
            out = primitive.forward(*given)
        else:
            out = silent_copy().run(primitive.forward, *given, **equation.params)
        results = tuple(out) if primitive.outputs else (out,)
        return tuple([self._result(x, var) for x, var in zip(results, equation.outputs, strict=True)])

    def _stand_in(self, x: Any) -> Any:
        """What a forward is given in place of a variable."""
        if not isinstance(x, Var):
            return x
        if x.dtype is None:
            return tracked(math.nan, self, x)  # if it got lost, nothing would seem right
        return self._recorded(sample(x), x)

    def _result(self, x: Any, expected: Var) -> Var:
        var = self.operand(x)
        if not isinstance(var, Var) or not var.like(expected):
            raise Opaque
        return var

    def _recorded(self, array: NDArray, var: Var) -> Recorded:
        made = Recorded(array, self, var)
        self._arrays.append(made)
        return made

    def operand(self, x: Any) -> Any:
        """The variable of a recording array or number; a raw array, which cannot depend on values, is a constant."""
        if isinstance(x, Number):
            return x.var
        if type(x) is Recorded:
            if x.recorder is not self or x.var is None:
                raise Opaque
            return x.var
        if isinstance(x, np.ndarray):
            var = var_for(x)
            self.constants[var] = x.copy(order="K")
            return var
        if not isinstance(x, bool | int | float | np.generic):
            raise Opaque
        return x

    def emit(self, op: Operation, operands: Sequence[Any], result: Any, **params: Any) -> Recorded:
        """Write a call down; its result as a recording array."""
        array = np.asarray(result)
        var = var_for(array)
        self.equations.append(Equation(op, tuple([self.operand(x) for x in operands]), params, (var,), self._line))
        return self._recorded(array, var)

    def overwrite(self, target: Any, made: Recorded) -> Recorded:
        """`target` holds the result of a call from now on; views of it taken before are unknown then."""
        if type(target) is not Recorded or not made.var.like(var_for(target.array)) or target.array.base is not None:
            raise Opaque
        for other in self._arrays:
            if owner(other.array) is target.array and other is not target:
                other.var = None
        target.var = made.var
        return target

    def scalar(self, operation: Scalar, *operands: Any) -> Number:
        """Arithmetic on numbers."""
        made = apply(self, operation, operands, number())
        self.equations.append(Equation(operation, tuple([self.operand(x) for x in operands]), {}, (made.var,), self._line))
        return made


def sample(var: Var) -> NDArray:
    """An array of ones that looks like the variable's values."""
    assert var.dtype is not None
    span = sum((n - 1) * s for n, s in zip(var.shape, var.strides, strict=True)) + var.dtype.itemsize if 0 not in var.shape else 0
    if any(s < 0 for s in var.strides):
        raise Opaque
    return np.ndarray(var.shape, var.dtype, np.ones(-(-span // var.dtype.itemsize), var.dtype).data, 0, var.strides)


def _raw(x: Any) -> Any:
    return x.array if type(x) is Recorded else x


class Recorded(NDArrayOperatorsMixin):
    """Looks like an array, writes down what is done with it, and refuses to show its elements."""

    __slots__ = ("array", "recorder", "var")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, array: NDArray, recorder: Recorder, var: Any) -> None:
        self.array, self.recorder, self.var = array, recorder, var

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

    def __len__(self) -> int:
        return len(self.array)

    def _refuse(self, *_: Any, **__: Any) -> Any:
        raise Opaque

    # `x ** 2` of an array is not always np.power(x, 2)
    __bool__ = __float__ = __int__ = __index__ = __iter__ = __contains__ = __array__ = __setitem__ = _refuse
    __pow__ = __rpow__ = __ipow__ = _refuse

    # ---- views and copies ------------------------------------------------------------------------------------------------

    def _view(self, op: NumpyOp, **params: Any) -> Recorded:
        return self.recorder.emit(op, (self,), op.forward(self.array, **params), **params)

    @property
    def T(self) -> Recorded:
        return self._view(ops.TRANSPOSED)

    @property
    def mT(self) -> Recorded:
        return self._view(ops.MATRIX_TRANSPOSED)

    def reshape(self, *shape: Any) -> Recorded:
        return self._view(ops.RESHAPE, shape=tuple(shape[0]) if len(shape) == 1 and isinstance(shape[0], tuple | list) else shape)

    def transpose(self, *axes: Any) -> Recorded:
        return self._view(ops.TRANSPOSE, axes=axes[0] if len(axes) == 1 else axes or None)

    def swapaxes(self, a: int, b: int) -> Recorded:
        return self._view(ops.SWAPAXES, a=a, b=b)

    def squeeze(self, axes: Any = None) -> Recorded:
        return self._view(ops.SQUEEZE, axes=axes)

    def ravel(self) -> Recorded:
        return self._view(ops.RAVEL)

    def __getitem__(self, index: Any) -> Recorded:
        items = index if isinstance(index, tuple) else (index,)
        if not all(item is None or item is Ellipsis or isinstance(item, int | slice) for item in items):
            raise Opaque
        if not isinstance(self.array[index], np.ndarray):
            raise Opaque
        return self._view(ops.GETITEM, index=index)

    def astype(self, dtype: Any, copy: bool = True) -> Recorded:
        if not copy and self.array.dtype == dtype:
            return self
        return self._view(ops.CAST, dtype=np.dtype(dtype))

    def copy(self, order: str = "C") -> Recorded:
        return self.recorder.emit(ops.COPY, (self,), self.array.copy()) if order == "C" else self._refuse()

    def dot(self, other: Any) -> Recorded:
        return self.recorder.emit(ops.DOT, (self, other), self.array.dot(_raw(other)))

    # ---- functions -------------------------------------------------------------------------------------------------------

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, out: Any = None, **params: Any) -> Any:
        raws: list[Any] = [x.plain() if isinstance(x, Number) else _raw(x) for x in inputs]
        if not ops.is_named(ufunc):
            raise Opaque
        if method == "__call__" and not params:
            made = self.recorder.emit(ops.ufunc_op(ufunc), inputs, silent_copy().run(ufunc, *raws))
            return made if out is None else self.recorder.overwrite(out[0], made)
        if method == "reduce" and params.keys() <= {"axis", "keepdims", "dtype"} and params.get("dtype") is None and out is None:
            params = {name: value for name, value in params.items() if name != "dtype"}
            return self.recorder.emit(ops.reduce_op(ufunc), inputs, silent_copy().run(ufunc.reduce, *raws, **params), **params)
        raise Opaque

    def __array_function__(self, function: Any, types: Any, args: Any, params: Any) -> Any:
        if function in (np.where, np.vdot) and not params:
            op = ops.WHERE if function is np.where else ops.VDOT
            return self.recorder.emit(op, args, function(*map(_raw, args)))
        if function is np.concatenate and len(args) + len(params) <= 2 and params.keys() <= {"axis"}:
            axis = args[1] if len(args) == 2 else params.get("axis", 0)
            return self.recorder.emit(ops.CONCATENATE, args[0], np.concatenate([_raw(x) for x in args[0]], axis), axis=axis)
        if function is np.broadcast_to and not params and type(args[0]) is Recorded:
            return args[0]._view(ops.BROADCAST, shape=tuple(args[1]))
        if function is np.dot and not params:
            return self.recorder.emit(ops.DOT, args, np.dot(*map(_raw, args)))
        if function in (np.full_like, np.zeros_like, np.ones_like) and len(args) == (2 if function is np.full_like else 1) and not params:
            if not all(isinstance(x, int | float | np.generic) for x in args[1:]) or any(isinstance(x, Number) for x in args[1:]):
                raise Opaque
            array = function(_raw(args[0]), *args[1:])
            return self.recorder._recorded(array, self.recorder.operand(array))
        raise Opaque
