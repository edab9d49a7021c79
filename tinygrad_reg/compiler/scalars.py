"""Numbers that Python computes anew at every replay: hyper-parameters such as a learning rate, and arithmetic with them."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import TraceError
from .program import Var


class Scalar:
    """An operation on Python floats."""

    view = outputs = fails = False

    def __init__(self, symbol: str, forward: Callable[..., float]) -> None:
        self.name = symbol
        self.forward = forward


_ADD, _SUB, _MUL = Scalar("+", operator.add), Scalar("-", operator.sub), Scalar("*", operator.mul)
_DIV, _POW, _NEG = Scalar("/", operator.truediv), Scalar("**", operator.pow), Scalar("neg", operator.neg)


class Number(float):
    """A float that is an input of the traced step. Arithmetic on it is recorded; what would freeze its value is refused."""

    recorder: Any  # has `scalar(operation, *operands) -> Number`
    var: Var

    def plain(self) -> float:
        """Its value at this call, as a float."""
        return float.__pos__(self)

    def _with(self, operation: Scalar, *operands: Any) -> Any:
        if all(isinstance(x, (int, float)) for x in operands):
            return self.recorder.scalar(operation, *operands)
        return NotImplemented  # a tensor or an array: its own operator records

    def __add__(self, other: Any) -> Any:
        return self._with(_ADD, self, other)

    def __radd__(self, other: Any) -> Any:
        return self._with(_ADD, other, self)

    def __sub__(self, other: Any) -> Any:
        return self._with(_SUB, self, other)

    def __rsub__(self, other: Any) -> Any:
        return self._with(_SUB, other, self)

    def __mul__(self, other: Any) -> Any:
        return self._with(_MUL, self, other)

    def __rmul__(self, other: Any) -> Any:
        return self._with(_MUL, other, self)

    def __truediv__(self, other: Any) -> Any:
        return self._with(_DIV, self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return self._with(_DIV, other, self)

    def __pow__(self, other: Any, modulo: None = None) -> Any:
        return self._with(_POW, self, other)

    def __rpow__(self, other: Any, modulo: None = None) -> Any:
        return self._with(_POW, other, self)

    def __neg__(self) -> Any:
        return self._with(_NEG, self)

    def _refuse(self, *_: Any) -> Any:
        raise TraceError(
            "a hyper-parameter is an input of the compiled step, so its value cannot be looked at while the step is traced; "
            "compute it in the optimizer's coefficients()"
        )

    __bool__ = __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __float__ = __int__ = _refuse
    __hash__ = object.__hash__

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        """NumPy treats floats as weakly typed, but not their subclasses."""
        theirs = np.ndarray.__array_ufunc__, Number.__array_ufunc__
        if any(getattr(type(x), "__array_ufunc__", theirs[0]) not in theirs for x in inputs):
            return NotImplemented  # the other one records
        return getattr(ufunc, method)(*[x.plain() if isinstance(x, Number) else x for x in inputs], **kwargs)


def tracked(value: float, recorder: Any, var: Var) -> Number:
    """A number that stands for `var`."""
    made = Number(value)
    made.recorder, made.var = recorder, var
    return made


def apply(recorder: Any, operation: Scalar, operands: tuple[Any, ...], var: Var) -> Number:
    """The result of an operation on numbers, tracked as `var`."""
    return tracked(operation.forward(*[x.plain() if isinstance(x, Number) else x for x in operands]), recorder, var)
