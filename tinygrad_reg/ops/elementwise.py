"""Elementwise functions, as a table: NumPy function, derivative rule, domain.

A row reads `name = unary(name, forward, rule, ...)`. Shapes: any, the same for the result; two arguments broadcast.
Domains are open intervals one per argument, from which the laws draw; kinks are points without a derivative.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ..engine.mutation import Array
from ..engine.node import Value
from ..engine.plain import is_plain, is_stand_in
from ..engine.plan import Rule
from ..engine.primitive import primitive
from ..engine.promotion import result_type
from ..engine.refusal import typed_errors
from ..engine.selection import choose, zero_of
from ..engine.strong_zero import masked
from ..errors import ArgumentError, ArgumentTypeError, DtypeError
from . import large
from .arguments import coefficient, integer, rank
from .examples import documented
from .large import UNBOUNDED, bounded
from .pointwise import Binary, Elementwise, Parametric, Unary, as_array, check_fits, convert, in_dtype, numbers

if TYPE_CHECKING:
    from ..tensor import Tensor

REAL = (-math.inf, math.inf)
POSITIVE = (0.0, math.inf)
_LN2, _LN10 = math.log(2.0), math.log(10.0)
_FLOAT = np.dtype(np.float64)
_MANY = 4096  # elements


def unary(name: str, forward: Callable[[Any], Any], rule: Rule | None, doc: str, **facts: Any) -> Unary:
    """A row of the table for one argument. `facts`: kind, domain, kinks, analytic."""
    p = Unary(forward, name=name, **{"kind": "float", "domain": (REAL,), **facts})
    p.vjp(x=rule)
    p.__doc__ = documented(name, doc)
    return p


def binary(name: str, forward: Callable[[Any, Any], Any], x: Rule | None, y: Rule | None, doc: str, **facts: Any) -> Binary:
    """A row of the table for two arguments that broadcast."""
    p = Binary(forward, name=name, **{"domain": (REAL, REAL), **facts})
    p.vjp(x=x, y=y)
    p.__doc__ = documented(name, doc)
    return p


def bitwise(name: str, forward: np.ufunc, doc: str, kind: str = "integer") -> Elementwise:
    """A row of the table for integers and bools, which have no derivative."""
    p = (Unary if forward.nin == 1 else Binary)(forward, name=name, kind=kind, domain=(REAL,) * forward.nin)
    p.vjp(**dict.fromkeys(p.arguments))
    p.__doc__ = documented(name, doc)
    return p


def _pow(x: Any, y: Any) -> Any:
    """xʸ; of integers to a negative power, what an integer can hold of it."""
    if getattr(y, "dtype", _FLOAT).kind not in "iu" or getattr(x, "dtype", _FLOAT).kind not in "iu":
        # at 1/2 NumPy takes √x, which is -0 at -0, where the power is 0, and nan at -inf, where it is inf
        root = np.size(y) == 1 and not is_plain(y) and bool(y == 0.5)
        return np.power(np.where((x == 0) | np.isinf(x), np.abs(x), x).astype(np.result_type(x, y), copy=False) if root else x, y)
    negative = np.less(y, 0)
    return np.where(negative, np.where(np.abs(x) == 1, x ** (y & 1), 0), np.power(x, np.where(negative, 0, y)))


def _logit(x: Array) -> Array:
    """log(x / (1 - x)) by way of float64: float32 is right also near 1/2, where it is 0."""
    wide = x.astype(np.float64, copy=False)
    out = as_array(numbers(wide.dtype, 1.0)[0] - wide)
    np.divide(wide, out, out)
    return np.log(out, out).astype(np.result_type(x, np.float16), copy=False)


def zero(g: Any) -> Any:
    """The rule of a function that is constant almost everywhere."""
    return masked(g, True)


@primitive
def where_p(condition: Array, x: Array, y: Array) -> Array:
    """x where the condition is true, y elsewhere."""
    return choose(condition, x, y)


where_p.vjp(condition=None, x=lambda g, condition: where_p(condition, g, 0.0), y=lambda g, condition: masked(g, condition))

# ---- arithmetic ----------------------------------------------------------------------------------------------------

add_p: Binary = binary("add", np.add, lambda g: g, lambda g: g, "x + y", analytic=True, widens=True)
sub_p: Binary = binary("sub", np.subtract, lambda g: g, lambda g: -g, "x - y", kind="difference", analytic=True, widens=True)
mul: Binary = binary("mul", np.multiply, lambda g, y: g * y, lambda g, x: g * x, "x · y", analytic=True, widens=True)
div_p: Binary = binary(
    "div", np.true_divide, lambda g, y: g / y, lambda g, x, y: -g * (x / y / y), "x / y; integers give the default float dtype",
    kind="float", domain=(REAL, POSITIVE), analytic=True, widens=True,
)  # fmt: skip
neg: Unary = unary("neg", np.negative, lambda g: -g, "-x", kind="number", analytic=True)
positive_p: Unary = unary("positive", np.positive, lambda g: g, "x itself, as a new tensor", kind="number")
square: Unary = unary("square", np.square, lambda g, x: g * (2.0 * x), "x²", kind="power", analytic=True)
reciprocal: Unary = unary("reciprocal", np.reciprocal, lambda g, out: -g * (out * out), "1 / x", domain=(POSITIVE,), analytic=True)
remainder: Binary = binary(
    "remainder", large.remainder, lambda g: g, lambda g, x, y: -g * floor_divide_p(x, y),
    "x - y · floor(x / y): the sign is that of y",
    kind="number", domain=(REAL, POSITIVE), kinks="jumps",
)  # fmt: skip
fmod: Binary = binary(
    "fmod", large.integer_safe(np.fmod), lambda g: g, lambda g, x, y: -g * trunc(x / y), "x - y · trunc(x / y): the sign is that of x",
    kind="number", domain=(REAL, POSITIVE), kinks="jumps",
)  # fmt: skip
floor_divide_p: Binary = binary(
    "floor_divide", large.floor_divide, zero, zero, "floor(x / y)", kind="number", domain=(REAL, POSITIVE), kinks="jumps"
)
remainder.fails = fmod.fails = floor_divide_p.fails = True  # of integers by 0

# ---- powers, exponentials, logarithms ------------------------------------------------------------------------------

sqrt: Unary = unary("sqrt", np.sqrt, lambda g, out: g / (2.0 * out), "√x", domain=(POSITIVE,), analytic=True)
rsqrt: Unary = unary(
    "rsqrt", lambda x: 1.0 / np.sqrt(x), lambda g, out: g * (-0.5 * out * out * out), "1 / √x",
    domain=(POSITIVE,), analytic=True,
)  # fmt: skip
exp: Unary = unary("exp", np.exp, lambda g, out: g * out, "eˣ", analytic=True)
exp2: Unary = unary("exp2", np.exp2, lambda g, out: g * (out * _LN2), "2ˣ", analytic=True)
expm1: Unary = unary("expm1", np.expm1, lambda g, out: g * (out + 1.0), "eˣ - 1, exact near 0", analytic=True)
log: Unary = unary("log", np.log, lambda g, x: g / x, "natural logarithm", domain=(POSITIVE,), analytic=True)
log2: Unary = unary("log2", np.log2, lambda g, x: g / (x * _LN2), "logarithm to base 2", domain=(POSITIVE,), analytic=True)
log10: Unary = unary("log10", np.log10, lambda g, x: g / (x * _LN10), "logarithm to base 10", domain=(POSITIVE,), analytic=True)
log1p: Unary = unary("log1p", np.log1p, lambda g, x: g / (x + 1.0), "log(1 + x), exact near 0", domain=((-1.0, math.inf),), analytic=True)
logit_p: Unary = unary(
    "logit",
    _logit,
    lambda g, x, out: where_p(isnan(out), out, g / x + g / (1.0 - x)),
    "log(x / (1 - x))",
    domain=((0.0, 1.0),),
    analytic=True,
)
logit_p.result_may_change = True
pow_p: Binary = binary(
    "pow",
    _pow,
    lambda g, x, y: masked(
        g * (y * pow_p(x, y - 1.0)), eq(y, 0.0) & ~gt(x, 0.0)
    ),  # for x > 0, the derivative of this slope by y is 1 / x there
    lambda g, x, y, out: masked(g * (out * log(x)), eq(x, 0.0) & ge(y, 0.0)),
    "xʸ",
    kind="number",
    domain=(POSITIVE, REAL),
    analytic=True,
)
logaddexp: Binary = binary(
    "logaddexp",
    large.logaddexp,
    lambda g, x, y: g * where_p(eq(x, y) & isinf(x), 0.5, reciprocal(exp(y - x) + 1.0)),
    lambda g, x, y: g * where_p(eq(x, y) & isinf(y), 0.5, reciprocal(exp(x - y) + 1.0)),
    "log(eˣ + eʸ), without overflow",
    kind="float",
)

# ---- trigonometric and hyperbolic ----------------------------------------------------------------------------------

sin: Unary = unary("sin", np.sin, lambda g, x: g * cos(x), "sine of radians", analytic=True)
cos: Unary = unary("cos", np.cos, lambda g, x: -g * sin(x), "cosine of radians", analytic=True)
tan: Unary = unary("tan", np.tan, lambda g, out: g * (out * out + 1.0), "tangent of radians", domain=((-1.5, 1.5),), analytic=True)
asin: Unary = unary("asin", np.arcsin, lambda g, x: g * rsqrt(1.0 - x * x), "arc sine in radians", domain=((-1.0, 1.0),), analytic=True)
acos: Unary = unary("acos", np.arccos, lambda g, x: -g * rsqrt(1.0 - x * x), "arc cosine in radians", domain=((-1.0, 1.0),), analytic=True)
atan: Unary = unary("atan", np.arctan, lambda g, x: g / (x * x + 1.0), "arc tangent in radians", analytic=True)
sinh: Unary = unary("sinh", np.sinh, lambda g, x: g * cosh(x), "hyperbolic sine", analytic=True)
cosh: Unary = unary("cosh", np.cosh, lambda g, x: g * sinh(x), "hyperbolic cosine", analytic=True)
tanh: Unary = unary("tanh", np.tanh, lambda g, out: g * (1.0 - out * out), "hyperbolic tangent", analytic=True)
asinh: Unary = unary("asinh", np.arcsinh, lambda g, x: g * rsqrt(x * x + 1.0), "inverse hyperbolic sine", analytic=True)
acosh: Unary = unary(
    "acosh",
    np.arccosh,
    lambda g, x: g * rsqrt(x * x - 1.0),
    "inverse hyperbolic cosine",
    domain=((1.0, math.inf),),
    analytic=True,
)
atanh: Unary = unary(
    "atanh", np.arctanh, lambda g, x: g / (1.0 - x * x), "inverse hyperbolic tangent", domain=((-1.0, 1.0),), analytic=True
)
atan2: Binary = binary(
    "atan2",
    np.arctan2,
    lambda g, x, y: g * _over_square_norm(y, x, y),
    lambda g, x, y: -g * _over_square_norm(x, x, y),
    "angle in radians of the point (y, x) in the plane, in (-π, π]",
    kind="float",
    domain=(POSITIVE, POSITIVE),
)
hypot: Binary = binary(
    "hypot",
    np.hypot,
    lambda g, x, out: g * masked(x / out, eq(out, 0.0)),
    lambda g, y, out: g * masked(y / out, eq(out, 0.0)),
    "√(x² + y²), without overflow; its gradient at the origin is 0",
    kind="float",
    domain=(POSITIVE, POSITIVE),
)


def _over_square_norm(numerator: Any, x: Any, y: Any) -> Any:
    """numerator / (x² + y²), and 0 at the origin."""
    squared = x * x + y * y
    return masked(numerator / squared, eq(squared, 0.0))


def _sign(x: Array) -> Array:
    """NumPy's sign of nan is nan; PyTorch's is 0, which is also the derivative of |x| there. Many are bytes until the end."""
    if x.dtype.kind != "f":
        return np.array(x) if x.dtype.kind == "b" else np.sign(x)
    zero = zero_of(x.dtype)
    if x.size < _MANY:
        return np.subtract(x > zero, x < zero, dtype=x.dtype)
    return np.subtract(x > zero, x < zero, dtype=np.int8).astype(x.dtype)


# ---- kinks, steps, choices -----------------------------------------------------------------------------------------

abs: Unary = unary("abs", np.absolute, lambda g, x: g * sign(x), "|x|; derivative 0 at 0", kind="number", kinks=(0.0,))
sign: Unary = unary("sign", _sign, zero, "-1, 0 or 1; 0 for nan", kind="any", kinks=(0.0,))
floor: Unary = unary("floor", np.floor, zero, "the largest integer not above x", kind="number", kinks="integers")
ceil: Unary = unary("ceil", np.ceil, zero, "the smallest integer not below x", kind="number", kinks="integers")
trunc: Unary = unary("trunc", np.trunc, zero, "x without its fraction", kind="number", kinks="integers")
round_p: Unary = unary("round", np.rint, zero, "the nearest integer, halves to even", kind="number", kinks="halves")


@primitive(elementwise=True)
def relu_grad(x: Array, y: Array) -> Array:
    """x where y > 0, 0 elsewhere: the way back of y = relu."""
    return choose(y <= zero_of(y.dtype), zero_of(x.dtype), x)


relu_grad.vjp(x=lambda g, y: relu_grad(g, y), y=zero)


relu: Unary = unary(
    "relu",
    lambda x: bounded(x, zero_of(x.dtype), math.inf),
    lambda g, out: relu_grad(g, out),
    "max(x, 0); derivative 0 at 0",
    kind="number",
    kinks=(0.0,),
)


def _share(g: Any, tie: Any, lost: Any) -> Any:
    """What one of two competitors gets of g: half at a tie, nothing where it lost, all elsewhere (also beside nan)."""
    return where_p(tie, g * 0.5, masked(g, lost))


maximum: Binary = binary(
    "maximum",
    np.maximum,
    lambda g, x, y: _share(g, eq(x, y), lt(x, y)),
    lambda g, x, y: _share(g, eq(x, y), lt(y, x)),
    "the larger of x and y; at a tie both get half the gradient; nan wins",
    kinks="ties",
)
minimum: Binary = binary(
    "minimum",
    np.minimum,
    lambda g, x, y: _share(g, eq(x, y), gt(x, y)),
    lambda g, x, y: _share(g, eq(x, y), gt(y, x)),
    "the smaller of x and y; at a tie both get half the gradient; nan wins",
    kinks="ties",
)
fmax: Binary = binary(
    "fmax", np.fmax, lambda g, x, y: masked(g, ~(ge(x, y) | ne(y, y))), lambda g, x, y: masked(g, ge(x, y) | ne(y, y)),
    "the larger of x and y, ignoring nan; at a tie the gradient goes to x", kinks="ties",
)  # fmt: skip
fmin: Binary = binary(
    "fmin", np.fmin, lambda g, x, y: masked(g, ~(le(x, y) | ne(y, y))), lambda g, x, y: masked(g, le(x, y) | ne(y, y)),
    "the smaller of x and y, ignoring nan; at a tie the gradient goes to x", kinks="ties",
)  # fmt: skip
clamp_min_p: Binary = binary(
    "clamp_min", lambda x, y: bounded(x, y, math.inf), lambda g, x, y: masked(g, ~ge(x, y)), lambda g, x, y: masked(g, ~lt(x, y)),
    "max(x, low); the gradient at the bound goes to x", kinks="ties",
)  # fmt: skip
clamp_max_p: Binary = binary(
    "clamp_max", lambda x, y: bounded(x, UNBOUNDED, y), lambda g, x, y: masked(g, ~le(x, y)), lambda g, x, y: masked(g, ~gt(x, y)),
    "min(x, high); the gradient at the bound goes to x", kinks="ties",
)  # fmt: skip


clamp_p: Elementwise = Elementwise(bounded, name="clamp", domain=(REAL, (-2.0, -1.0), (1.0, 2.0)), kinks="ties")
clamp_p.vjp(
    x=lambda g, x, low, high: masked(g, ~(ge(x, low) & le(x, high))),
    low=lambda g, x, low, high: masked(g, ~(lt(x, low) & lt(low, high))),
    high=lambda g, x, low, high: masked(g, ~(gt(x, high) | lt(high, low))),
)


# ---- comparison and logic: no derivative ---------------------------------------------------------------------------

eq: Binary = binary("eq", np.equal, None, None, "x == y")
ne: Binary = binary("ne", np.not_equal, None, None, "x != y")
lt: Binary = binary("lt", np.less, None, None, "x < y")
le: Binary = binary("le", np.less_equal, None, None, "x <= y")
gt: Binary = binary("gt", np.greater, None, None, "x > y")
ge: Binary = binary("ge", np.greater_equal, None, None, "x >= y")
logical_and: Binary = binary("logical_and", np.logical_and, None, None, "x and y, as bool")
logical_or: Binary = binary("logical_or", np.logical_or, None, None, "x or y, as bool")
logical_xor: Binary = binary("logical_xor", np.logical_xor, None, None, "either x or y, as bool")
logical_not: Unary = unary("logical_not", np.logical_not, None, "not x, as bool", kind="any")
bitwise_and: Elementwise = bitwise("bitwise_and", np.bitwise_and, "x & y")
bitwise_or: Elementwise = bitwise("bitwise_or", np.bitwise_or, "x | y")
bitwise_xor: Elementwise = bitwise("bitwise_xor", np.bitwise_xor, "x ^ y")
bitwise_left_shift: Elementwise = bitwise("bitwise_left_shift", np.left_shift, "x · 2ʸ, without the bits that are shifted out", "whole")
bitwise_right_shift: Elementwise = bitwise("bitwise_right_shift", np.right_shift, "floor(x / 2ʸ)", "whole")
bitwise_not: Elementwise = bitwise("bitwise_not", np.bitwise_not, "~x")
isnan: Unary = unary("isnan", np.isnan, None, "whether x is nan", kind="any")
isinf: Unary = unary("isinf", np.isinf, None, "whether x is inf or -inf", kind="any")
isfinite: Unary = unary("isfinite", np.isfinite, None, "whether x is neither inf nor nan", kind="any")


# ---- functions with arguments of their own -------------------------------------------------------------------------


@typed_errors
def pow(input: Any, exponent: Any) -> Tensor:
    """input ** exponent, for tensors and numbers; integer exponents are exact to every order.

    >>> x = tg.tensor(0.0, requires_grad=True)
    >>> tg.autograd.grad(tg.pow(x, 2), x)
    (tensor(0.),)
    """
    if isinstance(exponent, (int, float)) and not isinstance(exponent, bool):
        if exponent == 2 and (isinstance(exponent, int) or getattr(input, "dtype", _FLOAT).kind == "f"):
            return square(input)
        return _power_number(input, exponent)
    if isinstance(exponent, bool) and getattr(input, "dtype", _FLOAT).kind == "b":
        return bitwise_or(input, not exponent)  # the one power of bools that PyTorch has: x¹ = x, x⁰ = true
    if isinstance(input, (int, float)):
        if isinstance(exponent, Value) and exponent.array.dtype.kind == "f":
            return number_power.bind(exponent, base=float(input))
        return pow_p(in_dtype(input, result_type(input, exponent), "pow"), exponent)
    return pow_p(input, exponent)


def _power_number(input: Any, exponent: float) -> Tensor:
    """input to the power of a number."""
    dtype = getattr(input, "dtype", None)
    if dtype is None:
        raise ArgumentTypeError(f"pow: expected a tensor, got {type(input).__name__}")
    if exponent < 0 and isinstance(exponent, int) and dtype.kind != "f":
        raise ArgumentError(f"pow: an integer tensor to the negative integer power {exponent}; convert to a float dtype first")
    if isinstance(exponent, float):
        exponent = float(exponent)  # NumPy's own float64 would decide the dtype
        if dtype.kind != "f" and isinstance(input, Value):
            input = convert(input, result_type(input, exponent))
    elif dtype.kind in "iu":
        check_fits(exponent, dtype, "pow: the exponent")
    return power.bind(input, exponent=exponent)


def _power(x: Array, *, exponent: float) -> Array:
    """x to the power of a number, by NumPy's operator, which knows short ways for 0.5, 1, 2 and -1; 1/√x for -0.5, as in PyTorch."""
    return 1.0 / np.sqrt(x) if exponent == -0.5 else x**exponent


power: Elementwise = Elementwise(_power, name="power", kind="power", domain=(POSITIVE,), analytic=True)
power.vjp(x=lambda g, x, exponent: zero(g) if exponent == 0 else g * (power.bind(x, exponent=exponent - 1) * exponent))


def _number_power(x: Array, *, base: float) -> Array:
    """A number to the power of x."""
    return _pow(base, x)


def _number_power_rule(g: Any, x: Any, out: Any, base: float) -> Any:
    logarithm = math.log(base) if base > 0.0 else -math.inf if base == 0.0 else math.nan
    part = g * (out * logarithm)
    return masked(part, ge(x, 0.0)) if base == 0.0 else part


number_power: Elementwise = Parametric(_number_power, name="number_power", kind="float", analytic=True)
number_power.vjp(x=_number_power_rule)


@typed_errors
def clamp(input: Tensor, min: Any = None, max: Any = None) -> Tensor:
    """min(max(input, min), max); a bound may be a number, a tensor or None. The gradient is 1 on the closed interval.

    >>> x = tg.tensor([-2.0, 1.0, 3.0], requires_grad=True)
    >>> tg.autograd.grad(tg.clamp(x, -1, 1).sum(), x)
    (tensor([0., 1., 0.]),)
    """
    if min is None and max is None:
        raise ArgumentError("clamp: give min, max or both")
    if max is None:
        return clamp_min(input, min)
    if min is None:
        return clamp_max(input, max)
    return clamp_p(input, _bound(min, input), _bound(max, input))


@typed_errors
def clamp_min(input: Tensor, min: Any) -> Tensor:
    """max(input, min).

    >>> tg.clamp_min(tg.tensor([-2.0, 3.0]), -1)
    tensor([-1.,  3.])
    """
    return clamp_min_p(input, _bound(min, input))


@typed_errors
def clamp_max(input: Tensor, max: Any) -> Tensor:
    """min(input, max).

    >>> tg.clamp_max(tg.tensor([-2.0, 3.0]), 1)
    tensor([-2.,  1.])
    """
    return clamp_max_p(input, _bound(max, input))


_HARMLESS = 65504.0  # floats up to there fit into every float dtype, and what they are compared with becomes one


def _bound(bound: Any, input: Any) -> Any:
    """A bound of clamp. Raises RangeError for a number that wraps around in the dtype of the result, where it would bound nothing."""
    floats = type(bound) is float or (type(bound) is int and isinstance(input, Value) and input.array.dtype.kind == "f")
    if floats and -_HARMLESS <= bound <= _HARMLESS:
        return float(bound)
    if isinstance(bound, (int, float)):
        check_fits(bound, result_type(input, bound), "clamp: a bound", wraps=False)
    return bound


@typed_errors
def positive(input: Tensor) -> Tensor:
    """x itself, the same tensor. Raises DtypeError for bool.

    >>> x = tg.tensor([1.0, -2.0])
    >>> +x is x
    True
    """
    if rank(input, "positive") >= 0 and input.dtype.kind == "b":
        raise DtypeError("positive: not defined for bool tensors; convert with .to(tg.int64) or .float() first")
    return input


@typed_errors
def round(input: Tensor, *, decimals: int = 0) -> Tensor:
    """Round to this many decimals, halves to even; gradient 0.

    >>> tg.round(tg.tensor([0.5, 1.5, 2.25]), decimals=1)
    tensor([0.5000, 1.5000, 2.2000])
    >>> tg.round(tg.tensor([0.5, 1.5, 2.5]))
    tensor([0., 2., 2.])
    """
    decimals = integer(decimals, "round", "decimals")
    if rank(input, "round") >= 0 and input.dtype.kind in "iu" and decimals >= 0:
        return positive_p(input)
    if decimals == 0:
        return round_p(input)
    scale = 10.0 ** max(decimals, -decimals)
    return round_p(input * scale) / scale if decimals > 0 else round_p(input / scale) * scale


@typed_errors
def logit(input: Tensor, eps: float | None = None) -> Tensor:
    """log(x / (1 - x)), of x clamped to [eps, 1 - eps] if eps is given.

    >>> tg.logit(tg.tensor([0.5, 1.0]))
    tensor([0., inf])
    >>> tg.logit(tg.tensor([0.5, 1.0]), eps=0.1)
    tensor([0.0000, 2.1972])
    """
    return logit_p(input if eps is None else clamp(input, eps, 1.0 - eps))


@functools.cache
def _limits(dtype: np.dtype[Any]) -> tuple[Any, Any]:
    """The smallest and the largest finite number of a float dtype, which are only read."""
    return np.array(np.finfo(dtype).min), np.array(np.finfo(dtype).max)


def _nan_to_num(x: Array, *, nan: float, posinf: float | None, neginf: float | None) -> Array:
    """x with nan, inf and -inf replaced by numbers, the infinite ones by the largest and the smallest finite if by None."""
    if x.dtype.kind != "f":
        return np.array(x)
    number, limits = x.dtype.type, _limits(x.dtype)
    out = bounded(x, *limits)
    if neginf is not None:
        out = choose(x == -math.inf, number(neginf), out)
    if posinf is not None:
        out = choose(x == math.inf, number(posinf), out)
    wrong = x != x
    if not is_stand_in(x) and wrong.size and not wrong.item(wrong.argmax()):
        return out
    return choose(wrong, number(nan), out)


nan_to_num_p: Elementwise = Parametric(_nan_to_num, name="nan_to_num")
nan_to_num_p.vjp(x=lambda g, x: masked(g, ~isfinite(x)))


@typed_errors
def nan_to_num(input: Tensor, nan: float | None = None, posinf: float | None = None, neginf: float | None = None) -> Tensor:
    """Replace nan (by 0), inf and -inf (by the largest and the smallest finite number) or by the given numbers; they get gradient 0.

    >>> tg.nan_to_num(tg.tensor([1.0, tg.nan, tg.inf]), nan=-1.0, posinf=9.0)
    tensor([ 1., -1.,  9.])
    """
    rank(input, "nan_to_num")
    given = {"nan": 0.0 if nan is None else nan, "posinf": posinf, "neginf": neginf}
    return nan_to_num_p.bind(input, **{name: x if x is None else coefficient(x, "nan_to_num", name) for name, x in given.items()})


# ---- second names that PyTorch keeps -------------------------------------------------------------------------------

absolute = abs
arccos = acos
arccosh = acosh
arcsin = asin
arcsinh = asinh
arctan = atan
arctan2 = atan2
arctanh = atanh
clip = clamp
fix = trunc
greater = gt
greater_equal = ge
less = lt
less_equal = le
multiply = mul
negative = neg
not_equal = ne
