"""Activation functions by PyTorch's names. Elementwise unless they take a `dim`."""

from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ...engine.mutation import Array
from ...engine.plain import is_stand_in
from ...engine.primitive import primitive
from ...engine.refusal import typed_errors
from ...engine.selection import choose, zero_of
from ...engine.strong_zero import linked, masked
from ...errors import ArgumentError, ShapeError
from ...ops import fused
from ...ops.arguments import coefficient, normalize_dim, numpy_names, rank, shape_of
from ...ops.assign import assign
from ...ops.elementwise import abs, binary, exp, ge, gt, le, lt, square, tanh, unary, where_p, zero
from ...ops.elementwise import relu as relu_p
from ...ops.fused import check_float, guarded, sigmoid, sigmoid_grad, times, times_into
from ...ops.fused import mish as mish_p
from ...ops.fused import silu as silu_p
from ...ops.joining import cat_p, split_p
from ...ops.large import UNBOUNDED, bounded
from ...ops.pointwise import Parametric, as_array, numbers
from ...ops.random import draw
from ...ops.shape import clone, reshape_p

if TYPE_CHECKING:
    from ...tensor import Tensor


def in_place(function: Callable[[Tensor], Tensor], input: Tensor, what: str) -> Tensor:
    """Overwrite the input with `function` of it, which sees a copy, so that it may save what it was given."""
    made: Tensor = assign(input, function(clone(input)), what)
    return made


# ---- piecewise linear ----------------------------------------------------------------------------------------------


@typed_errors
def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """max(x, 0); derivative 0 at 0.

    >>> x = tg.tensor([-1.0, 0.0, 2.0], requires_grad=True)
    >>> tg.autograd.grad(tg.nn.functional.relu(x).sum(), x)
    (tensor([0., 0., 1.]),)
    """
    return in_place(relu_p, input, "relu_") if inplace else relu_p(input)


def _leaky_relu(x: Array, *, negative_slope: float) -> Array:
    """x where positive, negative_slope · x elsewhere; at 0 the slope is the derivative."""
    return _bent(x, x * negative_slope, negative_slope)


def _bent(x: Array, y: Array, slope: float) -> Array:
    """x where positive, y = slope · x elsewhere: the larger or the smaller one of them, as the slope tells.

    A choice for each element takes five times as long; for slopes of 0 (0 · inf) and nan it must be made.
    """
    if slope and slope <= 1.0:
        return np.maximum(x, y)
    return np.minimum(x, y) if slope > 1.0 else choose(x > 0, x, y)


def _leaky_relu_slope(x: Array, *, negative_slope: float) -> Array:
    """1 where x is positive, the slope elsewhere: the derivative of `leaky_relu`."""
    return choose(x > zero_of(x.dtype), *numbers(x.dtype, 1.0, negative_slope))


leaky_relu_slope = Parametric(_leaky_relu_slope, name="leaky_relu_slope", kind="float", kinks=(0.0,))
leaky_relu_slope.vjp(x=zero)

leaky_relu_p = Parametric(_leaky_relu, name="leaky_relu", kind="float", kinks=(0.0,))
leaky_relu_p.vjp(x=lambda g, x, negative_slope: g * leaky_relu_slope.bind(x, negative_slope=negative_slope))


@typed_errors
def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """x where positive, negative_slope · x elsewhere; its derivative at 0 is the slope.

    >>> x = tg.tensor([-2.0, 0.0, 3.0], requires_grad=True)
    >>> tg.autograd.grad(tg.nn.functional.leaky_relu(x, 0.1).sum(), x)
    (tensor([0.1000, 0.1000, 1.0000]),)
    """
    slope = coefficient(negative_slope, "leaky_relu", "negative_slope")
    if inplace:
        return in_place(lambda x: leaky_relu_p.bind(x, negative_slope=slope), input, "leaky_relu_")
    return leaky_relu_p.bind(input, negative_slope=slope)


def _prelu(x: Array, y: Array) -> Array:
    """x where positive, y · x elsewhere."""
    slope = y.item() if getattr(y, "size", 0) == 1 and not is_stand_in(y) else math.nan
    return _bent(x, x * y, slope)


prelu_p = binary(
    "prelu",
    _prelu,
    lambda g, x, y: linked(where_p(gt(x, 0.0), g, g * y), x),
    lambda g, x: masked(g * x, gt(x, 0.0)),
    "x where positive, y · x elsewhere",
    kinks="zero",
)


@typed_errors
def prelu(input: Tensor, weight: Tensor) -> Tensor:
    """x where positive, weight · x elsewhere; one weight for all, or one per channel: (n, c, ...), (c,) -> (n, c, ...).

    >>> tg.nn.functional.prelu(tg.tensor([-2.0, 3.0]), tg.tensor(0.5))
    tensor([-1.,  3.])
    """
    given, slopes = shape_of(input), shape_of(weight)
    if len(slopes) > 1:
        raise ShapeError(f"prelu: weight must have 0 or 1 dims, got {slopes}")
    count = slopes[0] if slopes else 1
    channels = given[1] if len(given) > 1 else 1
    if count not in (1, channels):
        raise ShapeError(
            f"prelu: weight must have 1 element or {channels}, one for each channel (dim 1 of the input), got {count}\n  {given} · {slopes}"
        )
    shape = (1, count, *(1,) * (len(given) - 2)) if len(given) > 1 else (1,) * len(given)
    return prelu_p(input, weight if slopes == shape else reshape_p.bind(weight, shape=shape))


def _hardtanh(x: Array, *, min_val: float, max_val: float) -> Array:
    """x limited to [min_val, max_val]."""
    return bounded(x, *numbers(x.dtype, min_val, max_val))


hardtanh_p = Parametric(_hardtanh, name="hardtanh", kind="number", kinks=("min_val", "max_val"))
hardtanh_p.vjp(x=lambda g, x, min_val, max_val: linked(masked(g, le(x, min_val) | ge(x, max_val)), x))


@typed_errors
def hardtanh(input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Tensor:
    """x limited to [min_val, max_val]; derivative 0 at both ends.

    >>> tg.nn.functional.hardtanh(tg.tensor([-2.0, 0.5, 2.0]))
    tensor([-1.0000,  0.5000,  1.0000])
    """
    low, high = coefficient(min_val, "hardtanh", "min_val"), coefficient(max_val, "hardtanh", "max_val")
    if low > high:
        raise ArgumentError(f"hardtanh: min_val cannot be greater than max_val, got {min_val} and {max_val}")
    if inplace:
        return in_place(lambda x: hardtanh(x, low, high), input, "hardtanh_")
    return hardtanh_p.bind(input, min_val=low, max_val=high)


@typed_errors
def relu6(input: Tensor, inplace: bool = False) -> Tensor:
    """x limited to [0, 6]; derivative 0 at both ends.

    >>> tg.nn.functional.relu6(tg.tensor([-1.0, 4.0, 9.0]))
    tensor([0., 4., 6.])
    """
    return hardtanh(input, 0.0, 6.0, inplace)


def _threshold(x: Array, *, threshold: float, value: float) -> Array:
    """x where it exceeds the threshold, `value` elsewhere."""
    return choose(x <= threshold, x.dtype.type(value), x)


threshold_p = Parametric(_threshold, name="threshold", kind="number", kinks=("threshold",))
threshold_p.vjp(x=lambda g, x, threshold: linked(masked(g, le(x, threshold)), x))


def _thresholded(x: Any, threshold: float, value: float) -> Tensor:
    limit, low = coefficient(threshold, "threshold", "threshold"), coefficient(value, "threshold", "value")
    return threshold_p.bind(x, threshold=limit, value=low)


@typed_errors
def threshold(input: Tensor, threshold: float, value: float, inplace: bool = False) -> Tensor:
    """x where it exceeds the threshold, `value` elsewhere.

    >>> tg.nn.functional.threshold(tg.tensor([-1.0, 0.5, 2.0]), 0.5, 7.0)
    tensor([7., 7., 2.])
    """
    if inplace:
        return threshold_(input, threshold, value)
    return _thresholded(input, threshold, value)


def _hardsigmoid(x: Array) -> Array:
    three, zero, six = numbers(x.dtype, 3.0, 0.0, 6.0)
    out = as_array(bounded(x + three, zero, six))
    return np.divide(out, six, out)


hardsigmoid_p = unary(
    "hardsigmoid", _hardsigmoid, lambda g, x: linked(masked(g, ~(gt(x, -3.0) & lt(x, 3.0))) / 6.0, x), "min(max(x + 3, 0), 6) / 6",
    kinks=(-3.0, 3.0),
)  # fmt: skip


@typed_errors
def hardsigmoid(input: Tensor, inplace: bool = False) -> Tensor:
    """relu6(x + 3) / 6: a sigmoid of three straight lines.

    >>> tg.nn.functional.hardsigmoid(tg.tensor([-4.0, 0.0, 4.0]))
    tensor([0.0000, 0.5000, 1.0000])
    """
    return in_place(hardsigmoid_p, input, "hardsigmoid_") if inplace else hardsigmoid_p(input)


def _hardswish_slope(x: Array) -> Array:
    low, zero, middle, high = numbers(x.dtype, -3.0, 0.0, 1.5, 3.0)
    line = as_array(x + middle)  # exact where the sum is near 0
    line /= high
    above = as_array(~(x < high))
    return choose((x <= low) | above, zero, line) + above.astype(x.dtype)


hardswish_slope = unary(
    "hardswish_slope", _hardswish_slope, lambda g, x: linked(masked(g, ~(gt(x, -3.0) & lt(x, 3.0))) / 3.0, x),
    "x / 3 + 1/2 between -3 and 3, 0 up to -3, 1 from 3 on: the derivative of `hardswish`", kinks=(-3.0, 3.0),
)  # fmt: skip
hardswish_p = unary(
    "hardswish", lambda x: times_into(x, _hardsigmoid(x)), lambda g, x: masked(g * hardswish_slope(x), le(x, -3.0)),
    "x · hardsigmoid(x)", kinks=(-3.0, 3.0),
)  # fmt: skip


@typed_errors
def hardswish(input: Tensor, inplace: bool = False) -> Tensor:
    """x · hardsigmoid(x). Howard et al., Searching for MobileNetV3, 2019.

    >>> tg.nn.functional.hardswish(tg.tensor([-4.0, 1.0, 4.0]))
    tensor([-0.0000, 0.6667, 4.0000])
    """
    return in_place(hardswish_p, input, "hardswish_") if inplace else hardswish_p(input)


def _softshrink(x: Array, *, lambd: float) -> Array:
    """x moved towards 0 by lambd, and 0 within lambd of it."""
    return choose(x > lambd, x - lambd, choose(x < -lambd, x + lambd, x * 0.0))


softshrink_p = Parametric(_softshrink, name="softshrink", kind="float", kinks=("lambd", "-lambd"))
softshrink_p.vjp(x=lambda g, x, lambd: linked(masked(g, le(abs(x), lambd)), x))


@typed_errors
def softshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """x moved towards 0 by lambd, and 0 within lambd of it.

    >>> tg.nn.functional.softshrink(tg.tensor([-0.5, 0.2, 2.0]))
    tensor([-0.0000, 0.0000, 1.5000])
    """
    limit = coefficient(lambd, "softshrink", "lambd")
    if not 0 <= limit < math.inf:
        raise ArgumentError(f"softshrink: lambd must be finite and not negative, got {lambd}")
    return softshrink_p.bind(input, lambd=limit)


def _hardshrink(x: Array, *, lambd: float) -> Array:
    """x, and 0 within lambd of 0."""
    return choose(np.absolute(x) <= lambd, x.dtype.type(0), x)


hardshrink_p = Parametric(_hardshrink, name="hardshrink", kind="float", kinks=("lambd", "-lambd"))
hardshrink_p.vjp(x=lambda g, x, lambd: linked(masked(g, le(abs(x), lambd)), x))


@typed_errors
def hardshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """x, and 0 within lambd of 0.

    >>> tg.nn.functional.hardshrink(tg.tensor([-0.5, 0.2, 2.0]))
    tensor([0., 0., 2.])
    """
    return hardshrink_p.bind(input, lambd=coefficient(lambd, "hardshrink", "lambd"))


# ---- smooth --------------------------------------------------------------------------------------------------------


def _elu(x: Array, *, alpha: float, scale: float, input_scale: float) -> Array:
    """scale · x where positive, scale · alpha · (exp(input_scale · x) - 1) elsewhere; as a sum, one part of which is 0."""
    zero, negative_zero = _zeros(x.dtype)
    left = _scale(as_array(bounded(x, UNBOUNDED, zero)), input_scale)
    np.expm1(left, left)
    right = _scale(as_array(bounded(x, negative_zero, math.inf)), scale)  # to which -0.0 adds nothing, not even a sign
    right += _scale(left, alpha * scale)
    return right


def _scale(x: Array, factor: float) -> Array:
    """x · factor, in x's own memory; without a pass over it for the factor 1."""
    if factor != 1.0:
        x *= numbers(x.dtype, factor)[0]
    return x


@functools.cache
def _zeros(dtype: np.dtype[Any]) -> tuple[Array, Array]:
    """0 and -0 of a dtype, which are only read."""
    return np.array(0.0, dtype), np.array(-0.0, dtype)


def _elu_rule(g: Any, x: Any, alpha: float, scale: float, input_scale: float) -> Any:
    """At 0 the left branch decides; the second derivative there is 0, as PyTorch has it."""
    left = times(exp(times(-relu_p(-x), input_scale)), alpha * scale * input_scale)
    return where_p(le(x, 0.0), g * left, times(g, scale))


elu_p = Parametric(_elu, name="elu", kind="float", kinks=(0.0,))
elu_p.vjp(x=_elu_rule)

_SELU_ALPHA, _SELU_SCALE = 1.6732632423543772, 1.0507009873554805


@typed_errors
def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """x where positive, alpha · (eˣ - 1) elsewhere. Clevert et al., Exponential linear units, 2015.

    >>> tg.nn.functional.elu(tg.tensor([-1.0, 0.0, 2.0]))
    tensor([-0.6321,  0.0000,  2.0000])
    """
    if inplace:
        return in_place(lambda x: elu(x, alpha), input, "elu_")
    return elu_p.bind(input, alpha=coefficient(alpha, "elu", "alpha"), scale=1.0, input_scale=1.0)


@typed_errors
def selu(input: Tensor, inplace: bool = False) -> Tensor:
    """1.0507 · elu(x, 1.6733). Klambauer et al., Self-normalizing neural networks, 2017.

    >>> tg.nn.functional.selu(tg.tensor([-1.0, 0.0, 2.0]))
    tensor([-1.1113,  0.0000,  2.1014])
    """
    if inplace:
        return in_place(selu, input, "selu_")
    return elu_p.bind(input, alpha=_SELU_ALPHA, scale=_SELU_SCALE, input_scale=1.0)


@typed_errors
def celu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """max(x, 0) + min(0, alpha · (exp(x / alpha) - 1)). Barron, Continuously differentiable exponential linear units, 2017.

    >>> tg.nn.functional.celu(tg.tensor([-1.0, 0.0, 2.0]), alpha=2.0)
    tensor([-0.7869,  0.0000,  2.0000])
    """
    size = coefficient(alpha, "celu", "alpha")
    if size == 0.0:
        raise ArgumentError("celu: alpha cannot be 0")
    if inplace:
        return in_place(lambda x: celu(x, size), input, "celu_")
    return elu_p.bind(input, alpha=size, scale=1.0, input_scale=1.0 / size)


@typed_errors
def gelu(input: Tensor, approximate: str = "none") -> Tensor:
    """x · Φ(x) with the normal distribution function Φ; `approximate="tanh"` uses tanh in its place.

    >>> tg.nn.functional.gelu(tg.tensor([-1.0, 0.0, 2.0]))
    tensor([-0.1587,  0.0000,  1.9545])
    """
    return fused.gelu(input, approximate=approximate)


@typed_errors
def silu(input: Tensor, inplace: bool = False) -> Tensor:
    """x · sigmoid(x).

    >>> tg.nn.functional.silu(tg.tensor([-1.0, 0.0, 2.0]))
    tensor([-0.2689,  0.0000,  1.7616])
    """
    return in_place(silu_p, input, "silu_") if inplace else silu_p(input)


@typed_errors
def mish(input: Tensor, inplace: bool = False) -> Tensor:
    """x · tanh(softplus(x)). Misra, Mish, 2019.

    >>> tg.nn.functional.mish(tg.tensor([-1.0, 0.0, 2.0]))
    tensor([-0.3034,  0.0000,  1.9440])
    """
    return in_place(mish_p, input, "mish_") if inplace else mish_p(input)


def _softsign(x: Array) -> Array:
    (one,) = numbers(x.dtype, 1.0)
    return x / (np.absolute(x) + one)


softsign_p = unary("softsign", _softsign, lambda g, x: g / square(abs(x) + 1.0), "x / (1 + |x|)", kinks=(0.0,))


@typed_errors
def softsign(input: Tensor) -> Tensor:
    """x / (1 + |x|).

    >>> tg.nn.functional.softsign(tg.tensor([-1.0, 0.0, 3.0]))
    tensor([-0.5000,  0.0000,  0.7500])
    """
    rank(input, "softsign")
    return softsign_p(input) if input.dtype.kind == "f" else input / (abs(input) + 1.0)


@typed_errors
def tanhshrink(input: Tensor) -> Tensor:
    """x - tanh(x).

    >>> tg.nn.functional.tanhshrink(tg.tensor([0.0, 1.0]))
    tensor([0.0000, 0.2384])
    """
    return input - tanh(input)


@typed_errors
def rrelu(input: Tensor, lower: float = 0.125, upper: float = 1.0 / 3.0, training: bool = False, inplace: bool = False) -> Tensor:
    """x where positive, slope · x elsewhere; in training slopes are uniform on [lower, upper), each its own, else their mean.

    Xu et al., Empirical evaluation of rectified activations in convolutional network, 2015.

    >>> tg.nn.functional.rrelu(tg.tensor([-2.0, 3.0]), lower=0.25, upper=0.75)
    tensor([-1.,  3.])
    """
    if not lower <= upper:
        raise ArgumentError(f"rrelu: lower must not exceed upper, got {lower} and {upper}")
    if not training:
        return leaky_relu(input, (lower + upper) / 2, inplace)
    if inplace:
        return in_place(lambda x: rrelu(x, lower, upper, True), input, "rrelu_")
    slopes = draw("uniform", tuple(input.shape), input.dtype) * (upper - lower) + lower
    return where_p(gt(input, 0.0), input, input * slopes)


# ---- along a dim ---------------------------------------------------------------------------------------------------


@primitive(name="glu")
def glu_p(x: Array, *, dim: int) -> Array:
    """The first half along dim times the sigmoid of the second half."""
    first, second = _halves(x.shape, dim)
    out = as_array(sigmoid.forward(x[second]))
    out *= x[first]
    return out


@functools.lru_cache(maxsize=256)
def _halves(shape: tuple[int, ...], dim: int) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """The indices of both halves along dim."""
    start, middle, end = _bounds(shape, dim)
    before = (slice(None),) * dim
    return (*before, slice(start, middle)), (*before, slice(middle, end))


def _bounds(shape: tuple[int, ...], dim: int) -> tuple[int, int, int]:
    return (0, shape[dim] // 2, shape[dim])


def _glu_rule(g: Any, x: Any, dim: int) -> Any:
    bounds = _bounds(x.shape, dim)
    first, second = split_p.bind(x, bounds=bounds, dim=dim)
    gate = sigmoid(second)
    return cat_p.bind(guarded(g * gate, g), guarded(sigmoid_grad(g * first, gate), g), dim=dim, bounds=bounds)


glu_p.vjp(x=_glu_rule)


@numpy_names
def glu(input: Tensor, dim: int = -1) -> Tensor:
    """The first half along dim times the sigmoid of the second half; (..., 2n, ...) -> (..., n, ...).

    >>> tg.nn.functional.glu(tg.tensor([3.0, 4.0, 0.0, 100.0]))
    tensor([1.5000, 4.0000])
    """
    shape = shape_of(input)
    if not shape:
        raise ShapeError("glu: a 0-d tensor cannot be halved")
    at = normalize_dim(dim, len(shape), "glu")
    if shape[at] % 2:
        raise ShapeError(f"glu: the size of dim {at} must be even, got {input.shape[at]} of shape {input.shape}")
    check_float("glu", input)
    return glu_p.bind(input, dim=at)


def _implied(what: str, input: Tensor, dim: int | None, stacklevel: int) -> int:
    """The dim to normalise along; the old rule, with PyTorch's warning, if none is given."""
    if dim is not None:
        return dim
    warnings.warn(f"{what}: the implicit choice of a dimension is deprecated; say dim=...", stacklevel=stacklevel + 1)  # `typed_errors`
    return 0 if input.ndim in (0, 1, 3) else 1


@numpy_names
def softmax(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Tensor:
    """exp(x) / Σ exp(x) along dim.

    >>> tg.nn.functional.softmax(tg.zeros(4), dim=0)
    tensor([0.2500, 0.2500, 0.2500, 0.2500])
    """
    return fused.softmax(input, _implied("softmax", input, dim, _stacklevel), dtype)


@numpy_names
def softmin(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Tensor:
    """softmax(-x) along dim.

    >>> tg.nn.functional.softmin(tg.tensor([0.0, 1000.0]), dim=0)
    tensor([1., 0.])
    """
    return fused.softmax(-input, _implied("softmin", input, dim, _stacklevel), dtype)


@numpy_names
def log_softmax(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Tensor:
    """log(softmax(x)) along dim, exact for large inputs.

    >>> tg.nn.functional.log_softmax(tg.tensor([0.0, 1000.0]), dim=0)
    tensor([-1000.,     0.])
    """
    return fused.log_softmax(input, _implied("log_softmax", input, dim, _stacklevel), dtype)


# ---- in place ------------------------------------------------------------------------------------------------------


@typed_errors
def relu_(input: Tensor) -> Tensor:
    """`relu`, overwriting the input.

    >>> x = tg.tensor([-1.0, 2.0])
    >>> tg.nn.functional.relu_(x) is x, x
    (True, tensor([0., 2.]))
    """
    return relu(input, True)


@typed_errors
def leaky_relu_(input: Tensor, negative_slope: float = 0.01) -> Tensor:
    """`leaky_relu`, overwriting the input.

    >>> x = tg.tensor([-1.0, 2.0])
    >>> tg.nn.functional.leaky_relu_(x, 0.5) is x, x
    (True, tensor([-0.5000,  2.0000]))
    """
    return leaky_relu(input, negative_slope, True)


@typed_errors
def rrelu_(input: Tensor, lower: float = 0.125, upper: float = 1.0 / 3.0, training: bool = False) -> Tensor:
    """`rrelu`, overwriting the input.

    >>> x = tg.tensor([-1.0, 2.0])
    >>> tg.nn.functional.rrelu_(x, lower=0.25, upper=0.75) is x, x
    (True, tensor([-0.5000,  2.0000]))
    """
    return rrelu(input, lower, upper, training, True)


@typed_errors
def hardtanh_(input: Tensor, min_val: float = -1.0, max_val: float = 1.0) -> Tensor:
    """`hardtanh`, overwriting the input.

    >>> x = tg.tensor([-2.0, 0.5, 2.0])
    >>> tg.nn.functional.hardtanh_(x) is x, x
    (True, tensor([-1.0000,  0.5000,  1.0000]))
    """
    return hardtanh(input, min_val, max_val, True)


@typed_errors
def threshold_(input: Tensor, threshold: float, value: float) -> Tensor:
    """`threshold`, overwriting the input.

    >>> x = tg.tensor([0.5, 2.0])
    >>> tg.nn.functional.threshold_(x, 0.5, 7.0) is x, x
    (True, tensor([7., 2.]))
    """
    return in_place(lambda x: _thresholded(x, threshold, value), input, "threshold_")


@typed_errors
def elu_(input: Tensor, alpha: float = 1.0) -> Tensor:
    """`elu`, overwriting the input.

    >>> x = tg.tensor([-100.0, 2.0])
    >>> tg.nn.functional.elu_(x) is x, x
    (True, tensor([-1.,  2.]))
    """
    return elu(input, alpha, True)


@typed_errors
def selu_(input: Tensor) -> Tensor:
    """`selu`, overwriting the input.

    >>> x = tg.tensor([-100.0, 1.0])
    >>> tg.nn.functional.selu_(x) is x, x
    (True, tensor([-1.7581,  1.0507]))
    """
    return selu(input, True)


@typed_errors
def celu_(input: Tensor, alpha: float = 1.0) -> Tensor:
    """`celu`, overwriting the input.

    >>> x = tg.tensor([-100.0, 1.0])
    >>> tg.nn.functional.celu_(x, alpha=2.0) is x, x
    (True, tensor([-2.,  1.]))
    """
    return celu(input, alpha, True)
