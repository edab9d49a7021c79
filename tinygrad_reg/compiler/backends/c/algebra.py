"""Products that are sums or multiplications in disguise, rewritten so that loops can take them up."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from ...numpy_ops import DOT, RESHAPE, TRANSPOSED, VDOT, NumpyOp, reduce_op, ufunc_op
from ...program import Equation, Program, Var, row_major, substitute

SHORT = 8  # inner sizes up to this are written out term by term

_MATMUL = ufunc_op(np.matmul)
_MULTIPLY = ufunc_op(np.multiply)
_SUM = reduce_op(np.add)


def _inner(x: Any, y: Any, size: int) -> Any:
    """The matrix product by its definition."""
    return np.matmul(x, y)


@functools.cache
def short_product(size: int) -> NumpyOp:
    """The matrix product with an inner size so small that each element is a sum written out."""
    return NumpyOp(f"short_product_{size}", functools.partial(_inner, size=size))


def is_short(op: Any) -> bool:
    """Whether this is a product of `short_product`."""
    return isinstance(op, NumpyOp) and op.name.startswith("short_product_")


def thin_products(program: Program) -> Program:
    """Products of vectors, with ones, and with short inner sizes as multiplications and sums; all others as matmul of matrices."""
    ones = {var for var, array in program.constants.items() if array.size and (array == 1).all()}
    equations: list[Equation] = []
    replacement: dict[Var, Var] = {}
    for equation in program.equations:
        inputs = tuple([replacement.get(x, x) if isinstance(x, Var) else x for x in equation.inputs])
        equation = equation._replace(inputs=inputs)
        if equation.primitive in (DOT, VDOT, _MATMUL) and all(isinstance(x, Var) and x.dtype == equation.outputs[0].dtype for x in inputs):
            build = _Builder(equation)
            [out] = equation.outputs
            if _rewrite(build, equation, ones):
                last = build.equations[-1]
                build.equations[-1] = last._replace(outputs=(out,))
                equations += build.equations
                continue
        equations.append(equation)
    return substitute(program, replacement, equations)


def _rewrite(build: _Builder, equation: Equation, ones: set[Var]) -> bool:
    """Make the equations that give the same product; False if it stays as it is."""
    x, y = equation.inputs
    out = equation.outputs[0]
    if equation.primitive is VDOT or (len(x.shape) == 1 and len(y.shape) == 1):
        if x.shape != y.shape:
            return False
        build.sum(build.times(x, y), tuple(range(len(x.shape))))
        return True
    if equation.primitive is DOT and max(len(x.shape), len(y.shape)) > 2:
        return False
    if x in ones and len(x.shape) == 1 and len(y.shape) == 2:
        build.sum(y, (0,))
        return True
    if y in ones and len(y.shape) == 1 and len(x.shape) >= 2:
        build.sum(x, (len(x.shape) - 1,))
        return True
    left = x if len(x.shape) > 1 else build.reshape(x, (1, *x.shape))
    right = y if len(y.shape) > 1 else build.reshape(y, (*y.shape, 1))
    m, k, n = left.shape[-2], left.shape[-1], right.shape[-1]
    if k == 1 and len(left.shape) == len(right.shape) == 2:
        product = build.times(left, right)
    elif k <= SHORT:
        product = build.emit(short_product(k), (left, right), (*_batch(left, right), m, n))
    elif n == 1 and len(right.shape) == 2:
        product = build.sum(build.times(left, build.transpose(right)), (len(left.shape) - 1,), keepdims=True)
    elif m == 1 and len(left.shape) == len(right.shape) == 2:
        product = build.sum(build.times(build.transpose(left), right), (0,), keepdims=True)
    else:
        product = build.emit(_MATMUL, (left, right), (*_batch(left, right), m, n))
    if product.shape != out.shape:
        build.reshape(product, out.shape)
    return True


def _batch(x: Var, y: Var) -> tuple[int, ...]:
    return np.broadcast_shapes(x.shape[:-2], y.shape[:-2])


class _Builder:
    """Collects the equations that take the place of one."""

    def __init__(self, equation: Equation) -> None:
        self.line = equation.line
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
