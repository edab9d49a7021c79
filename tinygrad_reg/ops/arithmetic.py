"""Arithmetic beyond the table: with a factor (alpha, value, weight), or a way to round the quotient."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..engine.mutation import Array
from ..engine.node import Value
from ..engine.promotion import result_type
from ..engine.refusal import is_number, no_tensor, shown, typed_errors
from ..engine.selection import choose
from ..errors import ArgumentError, ArgumentTypeError, DtypeError
from .arguments import rank
from .elementwise import REAL, add_p, div_p, floor_divide_p, fmod, mul, sub_p, trunc
from .pointwise import Elementwise, check_fits, convert

if TYPE_CHECKING:
    from ..tensor import Tensor


@typed_errors
def add(input: Tensor, other: Any, *, alpha: float = 1) -> Tensor:
    """input + alpha · other.

    >>> tg.add(tg.tensor([1, 2]), 10, alpha=2)
    tensor([21, 22])
    """
    return add_p(input, _times(alpha, input, other, "add"))


@typed_errors
def sub(input: Tensor, other: Any, *, alpha: float = 1) -> Tensor:
    """input - alpha · other.

    >>> tg.sub(tg.tensor([1, 2]), 10, alpha=2)
    tensor([-19, -18])
    """
    return sub_p(input, _times(alpha, input, other, "sub"))


def _times(alpha: float, input: Any, other: Any, what: str, name: str = "alpha") -> Any:
    """alpha · other in the dtype of the result. Raises DtypeError for an alpha that it cannot hold."""
    if type(alpha) is int and alpha == 1:
        return other
    if not is_number(alpha):
        raise ArgumentTypeError(f"{what}: {name} must be a number, got {shown(alpha)}")
    dtype = result_type(input, other)
    kind: str = dtype.kind
    if (isinstance(alpha, bool) and kind != "b") or (isinstance(alpha, float) and kind != "f"):
        needed = "a bool" if kind == "b" else "an integer" if kind in "iu" else "a number"
        raise DtypeError(f"{what}: {name} is {alpha!r}, but the tensors are {dtype}, which needs {needed}; convert one with .to(dtype)")
    check_fits(alpha, dtype, f"{what}: {name}")
    factor = bool(alpha) if kind == "b" else alpha
    if isinstance(other, (Value, np.ndarray)):
        return mul(convert(other, dtype) if isinstance(other, Value) else other, factor)
    return other and factor if kind == "b" else other * factor


@typed_errors
def rsub(input: Tensor, other: Any, *, alpha: float = 1) -> Tensor:
    """other - alpha · input.

    >>> tg.rsub(tg.tensor([1.0, 2.0]), 10, alpha=3)
    tensor([7., 4.])
    """
    return sub_p(other, _times(alpha, other, input, "rsub"))


@typed_errors
def addcmul(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: float = 1) -> Tensor:
    """input + value · tensor1 · tensor2. Raises DtypeError for a fraction as the value of integers.

    >>> tg.addcmul(tg.zeros(2), tg.tensor([1.0, 3.0]), tg.tensor([2.0, 4.0]), value=10)
    tensor([ 20., 120.])
    """
    x, y, dtype = _in_common_dtype("addcmul", input, tensor1, tensor2)
    if dtype.char == "e":
        return _by_float32(addcmul, input, tensor1, tensor2, value)
    return _plus(input, x * y, value) if dtype.kind == "f" else add_p(input, _times(value, input, x * y, "addcmul", "value"))


@typed_errors
def addcdiv(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: float = 1) -> Tensor:
    """input + value · tensor1 / tensor2. Raises DtypeError for integers over integers, as PyTorch does.

    >>> tg.addcdiv(tg.zeros(2), tg.tensor([1.0, 3.0]), tg.tensor([2.0, 4.0]), value=10)
    tensor([5.0000, 7.5000])
    """
    x, y, dtype = _in_common_dtype("addcdiv", input, tensor1, tensor2)
    if tensor1.dtype.kind != "f" and tensor2.dtype.kind != "f":
        raise DtypeError(f"addcdiv: divides floating point tensors, got {tensor1.dtype} and {tensor2.dtype}; convert one with .float()")
    if dtype.char == "e":
        return _by_float32(addcdiv, input, tensor1, tensor2, value)
    return _plus(input, x / y, value)


def _plus(input: Tensor, what: Tensor, value: float) -> Tensor:
    return input + (what if value == 1 else what * value)


def _in_common_dtype(what: str, input: Any, x: Any, y: Any) -> tuple[Any, Any, np.dtype[Any]]:
    """x and y in the dtype of the result, and that dtype. Raises ArgumentTypeError for what is no tensor."""
    if isinstance(input, Value) and isinstance(x, Value) and isinstance(y, Value):
        dtype = input.array.dtype
        if x.array.dtype is dtype and y.array.dtype is dtype:
            return x, y, dtype
    for tensor in (input, x, y):
        rank(tensor, what)
    dtype = result_type(input, x, y)
    return convert(x, dtype), convert(y, dtype), dtype


def _by_float32(function: Any, input: Tensor, tensor1: Tensor, tensor2: Tensor, value: float) -> Tensor:
    """The same of float16, which does not hold every product that the value makes small again."""
    wide_ones = [convert(x, np.float32) for x in (input, tensor1, tensor2)]
    return convert(function(*wide_ones, value=value), np.float16)


def _lerp(input: Array, end: Array, weight: Any) -> Array:
    """input + weight · (end - input), from the nearer end."""
    number = float(weight) if type(weight) is np.ndarray and not weight.ndim else weight
    if type(number) is float:
        return input + (end - input) * weight if -0.5 < number < 0.5 else end + (input - end) * (1.0 - number)
    return choose(np.abs(weight) < 0.5, input + (end - input) * weight, end + (input - end) * (1.0 - weight))


lerp_p = Elementwise(_lerp, name="lerp", kind="difference", domain=(REAL, REAL, (0.0, 1.0)), analytic=True, widens=True)
lerp_p.vjp(
    input=lambda g, weight: g * (1.0 - weight),
    end=lambda g, weight: g * weight,
    weight=lambda g, input, end: g * (end - input),
)


@typed_errors
def lerp(input: Tensor, end: Tensor, weight: Any) -> Tensor:
    """input + weight · (end - input), computed from the nearer end, so that weight 1 gives exactly `end`.

    >>> tg.lerp(tg.tensor([0.0, 10.0]), tg.tensor([1.0, 20.0]), 0.25)
    tensor([ 0.2500, 12.5000])
    """
    for x in (input, end):
        rank(x, "lerp")
    return lerp_p(input, end, weight if isinstance(weight, (Value, np.ndarray)) else float(weight))


@typed_errors
def div(input: Tensor, other: Any, *, rounding_mode: str | None = None) -> Tensor:
    """input / other; `rounding_mode` "trunc" or "floor" rounds the quotient, and keeps integers integers.

    >>> tg.div(tg.tensor([-7, 7]), 2)
    tensor([-3.5000,  3.5000])
    >>> tg.div(tg.tensor([-7, 7]), 2, rounding_mode="floor")
    tensor([-4,  3])
    """
    if rounding_mode is None:
        return div_p(input, other)
    if rounding_mode == "floor":
        return floor_divide(input, other)
    if rounding_mode == "trunc":
        dtype = result_type(input, other)
        if dtype.kind == "f":
            return convert(trunc(div_p(input, other)), dtype)
        return _trunc_divide(*[convert(x, dtype) if isinstance(x, Value) else x for x in (input, other)])
    raise ArgumentError(f'div: rounding_mode must be None, "trunc" or "floor", got {rounding_mode!r}')


def _trunc_divide(input: Tensor, other: Any) -> Tensor:
    """The integer quotient rounded towards zero, exact for all integers."""
    rest = fmod(input, other)
    return floor_divide_p(sub_p(input, rest), other)


@typed_errors
def floor_divide(input: Tensor, other: Any) -> Tensor:
    """floor(input / other); integers stay integers. Raises ArgumentError on an integer division by zero.

    >>> tg.floor_divide(tg.tensor([-7, 7]), 2)
    tensor([-4,  3])
    """
    for x in (input, other):
        if not isinstance(x, (Value, np.ndarray, np.generic, int, float)):
            raise no_tensor("floor_divide: expected tensors or numbers", x)
    return floor_divide_p(input, other)


# ---- second names that PyTorch keeps -----------------------------------------------------------------------------------

divide = div
subtract = sub
true_divide = div
