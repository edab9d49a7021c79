"""Arithmetic beyond the table: with a factor (alpha, value, weight), or a way to round the quotient."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..engine.node import Value
from ..engine.promotion import result_type
from ..engine.refusal import is_number, shown, typed_errors
from ..errors import ArgumentError, ArgumentTypeError, DtypeError
from .arguments import rank
from .elementwise import abs, add_p, div_p, floor_divide_p, fmod, lt, mul, sub_p, trunc, where_p
from .pointwise import convert

if TYPE_CHECKING:
    from ..tensor import Tensor


@typed_errors
def add(input: Tensor, other: Any, *, alpha: float = 1) -> Tensor:
    """input + alpha · other."""
    return add_p(input, _times(alpha, input, other, "add"))


@typed_errors
def sub(input: Tensor, other: Any, *, alpha: float = 1) -> Tensor:
    """input - alpha · other."""
    return sub_p(input, _times(alpha, input, other, "sub"))


def _times(alpha: float, input: Any, other: Any, what: str) -> Any:
    """alpha · other. Raises DtypeError for an alpha that the dtype of the result cannot hold."""
    if alpha == 1 and not isinstance(alpha, bool):
        return other
    if not is_number(alpha):
        raise ArgumentTypeError(f"{what}: alpha must be a number, got {shown(alpha)}")
    kind = result_type(input, other).kind
    if (isinstance(alpha, bool) and kind != "b") or (isinstance(alpha, float) and kind != "f"):
        given, needed = result_type(input, other), "a bool" if kind == "b" else "an integer" if kind in "iu" else "a number"
        raise DtypeError(f"{what}: alpha is {alpha!r}, but the tensors are {given}, which needs {needed}; convert one with .to(dtype)")
    return other * alpha if isinstance(other, int | float) else mul(other, alpha)


@typed_errors
def addcmul(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: float = 1) -> Tensor:
    """input + value · tensor1 · tensor2."""
    product = tensor1 * tensor2
    return input + (product if value == 1 else product * value)


@typed_errors
def addcdiv(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: float = 1) -> Tensor:
    """input + value · tensor1 / tensor2."""
    quotient = tensor1 / tensor2
    return input + (quotient if value == 1 else quotient * value)


@typed_errors
def lerp(input: Tensor, end: Tensor, weight: Any) -> Tensor:
    """input + weight · (end - input), computed from the nearer end, so that weight 1 gives exactly `end`."""
    for x in (input, end):
        rank(x, "lerp")
    each = isinstance(weight, Value | np.ndarray)
    if each:
        return where_p(lt(abs(weight), 0.5), _from(input, end, weight), _from(end, input, 1.0 - weight))
    return _from(input, end, weight) if -0.5 < weight < 0.5 else _from(end, input, 1.0 - weight)


def _from(start: Any, end: Any, weight: Any) -> Tensor:
    return add_p(start, mul(sub_p(end, start), weight))


@typed_errors
def div(input: Tensor, other: Any, *, rounding_mode: str | None = None) -> Tensor:
    """input / other; `rounding_mode` "trunc" or "floor" rounds the quotient, and keeps integers integers."""
    if rounding_mode is None:
        return div_p(input, other)
    if rounding_mode == "floor":
        return floor_divide(input, other)
    if rounding_mode == "trunc":
        dtype = result_type(input, other)
        return convert(trunc(div_p(input, other)), dtype) if dtype.kind == "f" else _trunc_divide(input, other)
    raise ArgumentError(f'div: rounding_mode must be None, "trunc" or "floor", got {rounding_mode!r}')


def _trunc_divide(input: Tensor, other: Any) -> Tensor:
    """The integer quotient rounded towards zero, exact for all integers."""
    _refuse_zero_divisor("div", input, other)
    rest = fmod(input, other)
    return floor_divide_p(sub_p(input, rest), other)


@typed_errors
def floor_divide(input: Tensor, other: Any) -> Tensor:
    """floor(input / other); integers stay integers. Raises ArgumentError on an integer division by zero."""
    for x in (input, other):
        if not isinstance(x, Value | np.ndarray | np.generic | int | float):
            raise ArgumentTypeError(f"floor_divide: expected tensors or numbers, got {shown(x)}; wrap it in tg.tensor(...)")
    _refuse_zero_divisor("floor_divide", input, other)
    return floor_divide_p(input, other)


def _refuse_zero_divisor(what: str, input: Any, other: Any) -> None:
    """Integers have no inf to show."""
    divisor = other.array if isinstance(other, Value) else np.asarray(other)
    if result_type(input, other).kind != "f" and not divisor.all():
        raise ArgumentError(f"{what}: an integer division by zero; convert to a float dtype to get inf")


# ---- second names that PyTorch keeps -----------------------------------------------------------------------------------

divide = div
subtract = sub
true_divide = div
