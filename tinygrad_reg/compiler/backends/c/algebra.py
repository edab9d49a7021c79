"""Products that are sums or multiplications in disguise, rewritten so that loops can take them up."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...numpy_ops import DOT, RESHAPE, TRANSPOSED, VDOT, NumpyOp, reduce_op, ufunc_op
from ...program import Equation, Operation, Program, Var, row_major
from .expressions import typed

SHORT = 8  # inner sizes up to this are written out term by term

_MATMUL = ufunc_op(np.matmul)
_MULTIPLY = ufunc_op(np.multiply)
_SUM = reduce_op(np.add)


#: The matrix product with an inner size so small that each element is a sum written out.
SHORT_PRODUCT = NumpyOp("short_product", np.matmul)


def thin_products(program: Program) -> Program:
    """Products of vectors, with ones, and with short inner sizes as multiplications and sums; all others as matmul of matrices."""
    ones = {var for var, array in program.constants.items() if array.size and (array == 1).all()}
    turned = {equation.outputs[0] for equation in program.equations if equation.primitive is TRANSPOSED}
    equations = [made for equation in program.equations for made in _rewritten(equation, ones, turned)]
    return program._replace(equations=tuple(equations))


def _rewritten(equation: Equation, ones: set[Var], turned: set[Var]) -> list[Equation]:
    """The equations that give the same result; what is no product, or not of one dtype that C computes with, stays as it is."""
    [out, *_] = equation.outputs
    is_product = equation.primitive in (DOT, VDOT, _MATMUL) and typed(equation.outputs)
    if not is_product or not all(isinstance(x, Var) and x.dtype == out.dtype for x in equation.inputs):
        return [equation]
    build = _Builder(equation, turned)
    x, y = equation.inputs
    if not _build(build, equation.primitive, x, y, out, ones):
        return [equation]
    *first, last = build.equations
    return [*first, last._replace(outputs=(out,))]


def _build(build: _Builder, op: Operation, x: Var, y: Var, out: Var, ones: set[Var]) -> bool:
    """Make the equations of a product; False if there are none."""
    if op is VDOT or (len(x.shape) == 1 and len(y.shape) == 1):
        if x.shape != y.shape:
            return False
        build.sum(build.times(x, y), tuple(range(len(x.shape))))
        return True
    if op is DOT and max(len(x.shape), len(y.shape)) > 2:
        return False
    if x in ones and len(x.shape) == 1 and len(y.shape) == 2:
        build.sum(y, (0,))
        return True
    if y in ones and len(y.shape) == 1 and len(x.shape) >= 2:
        build.sum(x, (len(x.shape) - 1,))
        return True
    left = x if len(x.shape) > 1 else build.reshape(x, (1, *x.shape))
    right = y if len(y.shape) > 1 else build.reshape(y, (*y.shape, 1))
    product = build.product(left, right)
    if product.shape != out.shape:
        build.reshape(product, out.shape)
    return True


class _Builder:
    """Collects the equations that take the place of one. `turned` are transposed matrices."""

    def __init__(self, equation: Equation, turned: set[Var]) -> None:
        self.line = equation.line
        self.turned = turned
        self.equations: list[Equation] = []

    def emit(self, op: NumpyOp, inputs: tuple[Any, ...], form: tuple[int, ...], **params: Any) -> Var:
        dtype = inputs[0].dtype
        var = Var(form, dtype, row_major(form, dtype.itemsize))
        self.equations.append(Equation(op, inputs, params, (var,), self.line))
        return var

    def times(self, x: Var, y: Var) -> Var:
        return self.emit(_MULTIPLY, (x, y), np.broadcast_shapes(x.shape, y.shape))

    def reshape(self, x: Var, shape: tuple[int, ...]) -> Var:
        return self.emit(RESHAPE, (x,), shape, shape=shape)

    def transpose(self, x: Var) -> Var:
        return self.emit(TRANSPOSED, (x,), x.shape[::-1])

    def sum(self, x: Var, axes: tuple[int, ...], keepdims: bool = False) -> Var:
        shape = [1 if d in axes else n for d, n in enumerate(x.shape) if keepdims or d not in axes]
        return self.emit(_SUM, (x,), tuple(shape), axis=axes, keepdims=keepdims)

    def product(self, x: Var, y: Var) -> Var:
        """(..., m, k) @ (..., k, n) in the form that suits its sizes."""
        m, k, n = x.shape[-2], x.shape[-1], y.shape[-1]
        matrices = len(x.shape) == len(y.shape) == 2
        form = (*np.broadcast_shapes(x.shape[:-2], y.shape[:-2]), m, n)
        if k == 1 and matrices:
            return self.times(x, y)
        if k <= SHORT:
            return self.emit(SHORT_PRODUCT, (x, y), form)
        if n == 1 and x in self.turned and matrices:  # in the order of the matrix itself, as the loop that makes it
            return self.reshape(self.sum(self.times(self.transpose(x), y), (0,)), form)
        if n == 1 and len(y.shape) == 2:
            return self.sum(self.times(x, self.transpose(y)), (len(x.shape) - 1,), keepdims=True)
        if m == 1 and y in self.turned and matrices:
            return self.reshape(self.sum(self.times(self.transpose(y), x), (1,)), form)
        if m == 1 and matrices:
            return self.sum(self.times(self.transpose(x), y), (0,), keepdims=True)
        return self.emit(_MATMUL, (x, y), form)
