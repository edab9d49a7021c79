"""Activation functions by PyTorch's names. Elementwise unless they take a `dim`."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ...engine.mutation import Array
from ...engine.node import Value
from ...engine.primitive import Primitive
from ...engine.selection import choose
from ...engine.strong_zero import masked
from ...errors import ArgumentError, ArgumentTypeError, ShapeError
from ...ops import fused
from ...ops.arguments import normalize_dim
from ...ops.assign import assign
from ...ops.elementwise import abs, binary, exp, ge, gt, le, lt, tanh, where_p
from ...ops.elementwise import relu as relu_p
from ...ops.fused import sigmoid, softplus
from ...ops.fused import silu as silu_p
from ...ops.joining import chunk
from ...ops.large import bounded
from ...ops.pointwise import Elementwise
from ...ops.shape import clone, reshape

if TYPE_CHECKING:
    from ...tensor import Tensor


class Parametric(Elementwise):
    """An elementwise primitive of one tensor and some numbers, given by keyword."""

    def __call__(self, input: Any, **params: Any) -> Tensor:
        """Apply to a tensor of any shape; the result has the same shape."""
        if isinstance(input, Value):
            if input.array.dtype.kind == "f":
                return Primitive.__call__(self, input, **params)
        elif not isinstance(input, np.ndarray | np.generic):
            raise ArgumentTypeError(f"{self.name}: expected a tensor, got {type(input).__name__}; wrap it in tg.tensor(...)")
        return super().__call__(input, **params)


def in_place(function: Callable[[Tensor], Tensor], input: Tensor, what: str) -> Tensor:
    """Overwrite the input with `function` of it, which sees a copy, so that it may save what it was given."""
    made: Tensor = assign(input, function(clone(input)), what)
    return made


# ---- piecewise linear ----------------------------------------------------------------------------------------------


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """max(x, 0); derivative 0 at 0."""
    return in_place(relu_p, input, "relu_") if inplace else relu_p(input)


def _leaky_relu(x: Array, *, negative_slope: float) -> Array:
    return choose(x > 0, x, x * negative_slope)


leaky_relu_p = Parametric(_leaky_relu, name="leaky_relu", kind="float", kinks=(0.0,), c="{x} > 0 ? {x} : {x} * {negative_slope}")
leaky_relu_p.vjp(x=lambda g, x, negative_slope: where_p(gt(x, 0.0), g, g * negative_slope))


def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """x where positive, negative_slope · x elsewhere; its derivative at 0 is the slope."""
    if inplace:
        return in_place(lambda x: leaky_relu_p(x, negative_slope=float(negative_slope)), input, "leaky_relu_")
    return leaky_relu_p(input, negative_slope=float(negative_slope))


prelu_p = binary(
    "prelu",
    lambda x, y: choose(x > 0, x, x * y),
    lambda g, x, y: where_p(gt(x, 0.0), g, g * y),
    lambda g, x: masked(g * x, gt(x, 0.0)),
    "x where positive, y · x elsewhere",
    c="{x} > 0 ? {x} : {x} * {y}",
    kinks="zero",
)


def prelu(input: Tensor, weight: Tensor) -> Tensor:
    """x where positive, weight · x elsewhere; one weight for all, or one per channel: (n, c, ...), (c,) -> (n, c, ...)."""
    if weight.ndim > 1:
        raise ShapeError(f"prelu: weight must have 0 or 1 dims, got {weight.shape}")
    count = weight.shape[0] if weight.ndim else 1
    channels = input.shape[1] if input.ndim > 1 else 1
    if count not in (1, channels):
        raise ShapeError(f"prelu: {count} weights for {channels} channels (dim 1 of the input)\n  {input.shape} · {weight.shape}")
    shape = tuple([count if dim == 1 else 1 for dim in range(input.ndim)])
    return prelu_p(input, reshape(weight, shape))


def _hardtanh(x: Array, *, min_val: float, max_val: float) -> Array:
    kind = x.dtype.type
    return bounded(x, kind(min_val), kind(max_val))


hardtanh_p = Parametric(_hardtanh, name="hardtanh", kind="number", kinks=("min_val", "max_val"), c="fmin(fmax({x}, {min_val}), {max_val})")
hardtanh_p.vjp(x=lambda g, out, min_val, max_val: masked(g, le(out, min_val) | ge(out, max_val)))


def hardtanh(input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Tensor:
    """x limited to [min_val, max_val]; derivative 0 at both ends."""
    if min_val > max_val:
        raise ArgumentError(f"hardtanh: min_val cannot be greater than max_val, got {min_val} and {max_val}")
    if inplace:
        return in_place(lambda x: hardtanh(x, min_val, max_val), input, "hardtanh_")
    return hardtanh_p(input, min_val=float(min_val), max_val=float(max_val))


def relu6(input: Tensor, inplace: bool = False) -> Tensor:
    """x limited to [0, 6]; derivative 0 at both ends."""
    return hardtanh(input, 0.0, 6.0, inplace)


def _threshold(x: Array, *, threshold: float, value: float) -> Array:
    return choose(x <= threshold, x.dtype.type(value), x)


threshold_p = Parametric(_threshold, name="threshold", kind="number", kinks=("threshold",), c="{x} <= {threshold} ? {value} : {x}")
threshold_p.vjp(x=lambda g, x, threshold: masked(g, le(x, threshold)))


def threshold(input: Tensor, threshold: float, value: float, inplace: bool = False) -> Tensor:
    """x where it exceeds the threshold, `value` elsewhere."""
    if inplace:
        return in_place(lambda x: threshold_p(x, threshold=float(threshold), value=float(value)), input, "threshold_")
    return threshold_p(input, threshold=float(threshold), value=float(value))


def _hardsigmoid(x: Array) -> Array:
    return bounded(x + 3.0, 0.0, 6.0) / 6.0


hardsigmoid_p = Parametric(_hardsigmoid, name="hardsigmoid", kind="float", kinks=(-3.0, 3.0), c="fmin(fmax({x} + 3, 0), 6) / 6")
hardsigmoid_p.vjp(x=lambda g, x: masked(g / 6.0, ~(gt(x, -3.0) & lt(x, 3.0))))


def hardsigmoid(input: Tensor, inplace: bool = False) -> Tensor:
    """relu6(x + 3) / 6: a sigmoid of three straight lines."""
    return in_place(hardsigmoid_p, input, "hardsigmoid_") if inplace else hardsigmoid_p(input)


def _hardswish(x: Array) -> Array:
    return x * _hardsigmoid(x)


hardswish_p = Parametric(_hardswish, name="hardswish", kind="float", kinks=(-3.0, 3.0), c="{x} * fmin(fmax({x} + 3, 0), 6) / 6")
hardswish_p.vjp(x=lambda g, x: where_p(lt(x, 3.0), masked(g * (x / 3.0 + 0.5), le(x, -3.0)), g))


def hardswish(input: Tensor, inplace: bool = False) -> Tensor:
    """x · hardsigmoid(x). Howard et al., Searching for MobileNetV3, 2019."""
    return in_place(hardswish_p, input, "hardswish_") if inplace else hardswish_p(input)


def _softshrink(x: Array, *, lambd: float) -> Array:
    return choose(x > lambd, x - lambd, choose(x < -lambd, x + lambd, x * 0.0))


softshrink_p = Parametric(_softshrink, name="softshrink", kind="float", kinks=("lambd", "-lambd"))
softshrink_p.vjp(x=lambda g, x, lambd: masked(g, le(abs(x), lambd)))


def softshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """x moved towards 0 by lambd, and 0 within lambd of it."""
    if not lambd >= 0:
        raise ArgumentError(f"softshrink: lambd must not be negative, got {lambd}")
    return softshrink_p(input, lambd=float(lambd))


def _hardshrink(x: Array, *, lambd: float) -> Array:
    return choose(np.absolute(x) <= lambd, x.dtype.type(0), x)


hardshrink_p = Parametric(_hardshrink, name="hardshrink", kind="float", kinks=("lambd", "-lambd"))
hardshrink_p.vjp(x=lambda g, x, lambd: masked(g, le(abs(x), lambd)))


def hardshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """x, and 0 within lambd of 0."""
    return hardshrink_p(input, lambd=float(lambd))


# ---- smooth --------------------------------------------------------------------------------------------------------


def _elu(x: Array, *, alpha: float, scale: float, input_scale: float) -> Array:
    """scale · x where positive, scale · alpha · (exp(input_scale · x) - 1) elsewhere."""
    left = np.expm1(np.minimum(x, 0.0) * input_scale) * (alpha * scale)
    return choose(x > 0, x * scale, left)


def _elu_rule(g: Any, x: Any, alpha: float, scale: float, input_scale: float) -> Any:
    """At 0 the left branch decides; the second derivative there is 0, as PyTorch has it."""
    left = exp(where_p(lt(x, 0.0), x, 0.0) * input_scale) * (alpha * scale * input_scale)
    return where_p(le(x, 0.0), g * left, g * scale)


elu_p = Parametric(_elu, name="elu", kind="float", kinks=(0.0,))
elu_p.vjp(x=_elu_rule)

_SELU_ALPHA, _SELU_SCALE = 1.6732632423543772, 1.0507009873554805


def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """x where positive, alpha · (eˣ - 1) elsewhere. Clevert et al., Exponential linear units, 2015."""
    if inplace:
        return in_place(lambda x: elu(x, alpha), input, "elu_")
    return elu_p(input, alpha=float(alpha), scale=1.0, input_scale=1.0)


def selu(input: Tensor, inplace: bool = False) -> Tensor:
    """1.0507 · elu(x, 1.6733). Klambauer et al., Self-normalizing neural networks, 2017."""
    if inplace:
        return in_place(selu, input, "selu_")
    return elu_p(input, alpha=_SELU_ALPHA, scale=_SELU_SCALE, input_scale=1.0)


def celu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """max(x, 0) + min(0, alpha · (exp(x / alpha) - 1)). Barron, Continuously differentiable exponential linear units, 2017."""
    if alpha == 0:
        raise ArgumentError("celu: alpha cannot be 0")
    if inplace:
        return in_place(lambda x: celu(x, alpha), input, "celu_")
    return elu_p(input, alpha=float(alpha), scale=1.0, input_scale=1.0 / alpha)


def gelu(input: Tensor, approximate: str = "none") -> Tensor:
    """x · Φ(x) with the normal distribution function Φ; `approximate="tanh"` uses tanh in its place."""
    return fused.gelu(input, approximate=approximate)


def silu(input: Tensor, inplace: bool = False) -> Tensor:
    """x · sigmoid(x)."""
    return in_place(silu_p, input, "silu_") if inplace else silu_p(input)


def mish(input: Tensor, inplace: bool = False) -> Tensor:
    """x · tanh(softplus(x)). Misra, Mish, 2019."""
    return in_place(mish, input, "mish_") if inplace else input * tanh(softplus(input))


def softsign(input: Tensor) -> Tensor:
    """x / (1 + |x|)."""
    return input / (abs(input) + 1.0)


def tanhshrink(input: Tensor) -> Tensor:
    """x - tanh(x)."""
    return input - tanh(input)


# ---- along a dim ---------------------------------------------------------------------------------------------------


def glu(input: Tensor, dim: int = -1) -> Tensor:
    """The first half along dim times the sigmoid of the second half; (..., 2n, ...) -> (..., n, ...)."""
    if not input.ndim:
        raise ShapeError("glu: a 0-d tensor cannot be halved")
    at = normalize_dim(dim, input.ndim, "glu")
    if input.shape[at] % 2:
        raise ShapeError(f"glu: the size of dim {at} must be even, got {input.shape[at]} of shape {input.shape}")
    first, second = chunk(input, 2, at)
    return first * sigmoid(second)


def _implied(what: str, input: Tensor, dim: int | None, stacklevel: int) -> int:
    """The dim to normalise along; the old rule, with PyTorch's warning, if none is given."""
    if dim is not None:
        return dim
    warnings.warn(f"{what}: the implicit choice of a dimension is deprecated; say dim=...", stacklevel=stacklevel)
    return 0 if input.ndim in (0, 1, 3) else 1


def softmax(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Tensor:
    """exp(x) / Σ exp(x) along dim."""
    return fused.softmax(input, _implied("softmax", input, dim, _stacklevel), dtype=dtype)


def softmin(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Tensor:
    """softmax(-x) along dim."""
    return fused.softmax(-input, _implied("softmin", input, dim, _stacklevel), dtype=dtype)


def log_softmax(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Tensor:
    """log(softmax(x)) along dim, exact for large inputs."""
    return fused.log_softmax(input, _implied("log_softmax", input, dim, _stacklevel), dtype=dtype)
