"""Lowering: a primitive's forward function runs once on arrays that write down what NumPy is asked to do with them.

So a primitive needs no second definition for the compiler. A forward that looks at values, or uses what is not known here, stays
a call of that function. Where a forward has tricks for NumPy's sake, it says in `Primitive.plain`, or at `engine.plain.is_plain`, what
it comes to without them, within rounding: that is what a backend wants which makes loops of its own, and what NumPy source falls
back on, so that it needs no function of this package.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..engine.mutation import NDArray, owner
from ..engine.primitive import silent_copy
from ..ops.random import draw_p
from . import numpy_ops as ops
from .numpy_ops import NumpyOp
from .program import Equation, Operation, Program, Var, number, substitute, var_for
from .recorded import Opaque, Recorded
from .scalars import Number, Scalar, apply, tracked

EXACT, PLAIN = False, True  # the forms of a forward: to the bit as it is, or the plainest that does the same


def lower(program: Program, forms: Sequence[bool] = (EXACT,)) -> Program:
    """The program with primitives replaced by the NumPy calls that they make, in the first of these forms that can be written down."""
    constants = dict(program.constants)
    replacement: dict[Var, Var] = {}
    equations: list[Equation] = []
    for equation in program.equations:
        inputs = tuple([replacement.get(x, x) if isinstance(x, Var) else x for x in equation.inputs])
        equation = equation._replace(inputs=inputs)
        for plain in forms:
            recorder = Recorder(equation.line, plain)
            try:
                results = recorder.run(equation)
            except Exception:  # whatever went wrong on the recording arrays: the function itself is still right
                continue
            equations += recorder.equations
            constants.update(recorder.constants)
            replacement.update(zip(equation.outputs, results, strict=True))
            break
        else:
            equations.append(equation)
    return substitute(program._replace(constants=constants), replacement, equations)


class Recorder:
    """Writes down the calls of one forward function."""

    def __init__(self, line: str, plain: bool = EXACT) -> None:
        self.plain = plain
        self.equations: list[Equation] = []
        self.constants: dict[Var, NDArray] = {}
        self._line = line
        self._arrays: list[Recorded] = []

    def run(self, equation: Equation) -> tuple[Var, ...]:
        """The variables that hold the results. Raises anything if it cannot be done."""
        primitive = equation.primitive
        if primitive is draw_p or isinstance(primitive, (Scalar, NumpyOp)):
            raise Opaque
        given = [self._stand_in(x) for x in equation.inputs]
        forward = (self.plain and getattr(primitive, "plain", None)) or primitive.forward
        out = silent_copy().run(forward, *given, **equation.params)
        results = tuple(out) if primitive.outputs else (out,)
        return tuple([self._result(x, var) for x, var in zip(results, equation.outputs, strict=True)])

    def _stand_in(self, x: Any) -> Any:
        """What a forward is given in place of a variable."""
        if not isinstance(x, Var):
            return x
        if x.dtype is None:
            return tracked(math.nan, self, x)  # if it got lost, nothing would seem right
        return self.recorded(sample(x), x)

    def _result(self, x: Any, expected: Var) -> Var:
        var = self.operand(x)
        if not isinstance(var, Var) or (var.shape, var.dtype) != (expected.shape, expected.dtype):
            raise Opaque
        if not self.plain and var.strides != expected.strides:
            raise Opaque
        return var

    def recorded(self, array: NDArray, var: Var, origin: Any = None) -> Recorded:
        """A recording array, with the call that made it a view of another."""
        made = Recorded(array, self, var, origin)
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
            held = x.copy(order="K")
            var = var_for(held)  # a copy has no gaps
            self.constants[var] = held
            return var
        if not isinstance(x, (bool, int, float, np.generic)):
            raise Opaque
        return x

    def emit(self, op: Operation, operands: Sequence[Any], result: Any, **params: Any) -> Recorded:
        """Write a call down; its result as a recording array."""
        array = np.asarray(result)
        return self.recorded(array, self._call(op, operands, params, array))

    def _call(self, op: Operation, operands: Sequence[Any], params: dict[str, Any], array: NDArray) -> Var:
        var = var_for(array)
        self.equations.append(Equation(op, tuple([self.operand(x) for x in operands]), params, (var,), self._line))
        return var

    def view(self, x: Recorded, op: NumpyOp, **params: Any) -> Recorded:
        """Write down the taking of a view, which may come out as a copy."""
        array = op.forward(x.array, **params)
        shared = owner(array) is owner(x.array)
        return self.recorded(array, self._call(op, (x,), params, array), (x, op, params) if shared else None)

    def store(self, target: Recorded, value: Recorded) -> None:
        """The memory of `target` holds this value from now on; other views of the memory are unknown then, unless they lead to it."""
        if target.origin is None:
            if target.array.base is not None or value.var is None or not value.var.like(var_for(target.array)):
                raise Opaque
            for other in self._arrays:
                if other is not target and owner(other.array) is target.array:
                    other.var = None
            target.var = value.var
            return
        parent, op, params = target.origin
        self.store(parent, value if op is None else _put_back(parent, op, params, value))
        target.var = self._call(op, (parent,), params, target.array)

    def scalar(self, operation: Scalar, *operands: Any) -> Number:
        """Arithmetic on numbers."""
        made = apply(self, operation, operands, number())
        self.equations.append(Equation(operation, tuple([self.operand(x) for x in operands]), {}, (made.var,), self._line))
        return made


def _put_back(parent: Recorded, op: NumpyOp, params: dict[str, Any], value: Recorded) -> Recorded:
    """What an array holds of which a view, taken so, holds this value."""
    if op is ops.GETITEM:
        return parent.with_part(params["index"], value)
    if op in (ops.RESHAPE, ops.RAVEL, ops.SQUEEZE):
        return value.reshape(parent.shape)
    if op in (ops.TRANSPOSED, ops.MATRIX_TRANSPOSED, ops.SWAPAXES):
        return value.recorder.view(value, op, **params)
    if op is ops.TRANSPOSE:
        axes = params["axes"]
        return value.transpose(None if axes is None else tuple(np.argsort(axes).tolist()))
    if op is ops.STRIDED:
        numbers = op.forward(np.arange(parent.size), **params).reshape(-1)
        flat = parent.recorder.emit(ops.RESHAPE, (parent,), parent.array.reshape(-1), shape=(-1,))
        put = flat.recorder.emit(ops.PUT_ALONG, (flat, numbers, value.reshape(-1)), flat.array.copy(), axis=0)
        return put.reshape(parent.shape)
    raise Opaque


def sample(var: Var) -> NDArray:
    """An array of ones that looks like the variable's values."""
    assert var.dtype is not None
    span = sum((n - 1) * s for n, s in zip(var.shape, var.strides, strict=True)) + var.dtype.itemsize if 0 not in var.shape else 0
    if any(s < 0 for s in var.strides):
        raise Opaque
    return np.ndarray(var.shape, var.dtype, np.ones(-(-span // var.dtype.itemsize), var.dtype).data, 0, var.strides)
