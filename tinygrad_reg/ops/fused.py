"""Primitives that could be composed of others, fused by hand for speed and accuracy: linear, sigmoid and its kin, softmax.

`tests/ops/test_fused.py` states each as a composite. Where the way back has a formula of its own (`sigmoid_grad`,
`softmax_grad`), that is a primitive too, so that it is one call in backward and can itself be differentiated.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ..dtypes import as_dtype
from ..engine.broadcasting import few_ones
from ..engine.mutation import Array
from ..engine.node import Value, array_of, new
from ..engine.plain import is_finite, is_plain, room
from ..engine.primitive import Primitive, make_node, primitive, silent_copy
from ..engine.refusal import no_tensor, typed_errors
from ..engine.selection import choose
from ..engine.state import state
from ..engine.strong_zero import masked, strong_zero
from ..errors import ArgumentError, DtypeError, ShapeError
from .arguments import coefficient, normalize_dim, numpy_names, rank
from .elementwise import binary, exp, gt, tanh, unary, where_p, zero
from .large import UNBOUNDED, bounded, in_blocks
from .linalg import check_dtypes, expands, linear_unbiased, matmul, mm_p, row_outers_p, rows
from .pointwise import Binary, Parametric, Unary, as_array, convert, numbers, wide
from .reduction import narrowed, sum_p, widened
from .special import SQRT_2_PI, normal_cdf, normal_density

if TYPE_CHECKING:
    from ..tensor import Tensor

_ndarray = np.ndarray
_FEW, _SHORT = 8192, 1024  # elements, and elements of one line, which BLAS adds up one after the other
_VERY_SHORT = 16
_maximum: Any = np.maximum.reduce

# ---- linear --------------------------------------------------------------------------------------------------------


class Linear(Primitive):
    """`linear` with bias, the most frequent layer: a call as short as Python allows."""

    def bind(self, input: Any, weight: Any, bias: Any) -> Tensor:
        """Record if all are tensors; else as every primitive."""
        recording = state.recording
        if recording is None or not (isinstance(input, Value) and isinstance(weight, Value) and isinstance(bias, Value)):
            return super().bind(input, weight, bias)
        x, w, b = input.array, weight.array, bias.array
        parents = (input.node, weight.node, bias.node)
        result = new(input.result_class)
        result.array = out = silent_copy().run(self.forward, x, w, b)
        if recording:
            plan = self.plan((parents[0] is not None, parents[1] is not None, parents[2] is not None))
            if plan is not None:
                result.node = make_node(self, plan, (x, w, b, out), {}, out.shape, *parents)
        return result


def _linear(input: Array, weight: Array, bias: Array) -> Array:
    """input @ weight.mT + bias; (..., k), (m, k), bias that expands -> (..., m)."""
    if weight.shape[1] == 1 and bias.shape == weight.shape[:1] and bias.dtype.char in "fd" and not is_plain(input):
        return _outer_plus(input, weight, bias)
    out = linear_unbiased.forward(input, weight)
    out += bias
    return out


def _outer_plus(input: Array, weight: Array, bias: Array) -> Array:
    """The same for one input feature, as one product: (x 1) @ (w; b) is up to twice as fast as adding the bias afterwards."""
    left = room(input, (input.size, 2))
    left[:, 0] = input.reshape(-1)
    left[:, 1] = 1.0
    right = room(weight, (2, len(weight)))
    right[0] = weight[:, 0]
    right[1] = bias
    out = left.dot(right)
    return out if input.ndim == 2 else out.reshape((*input.shape[:-1], len(weight)))


linear_p = Linear(_linear, name="linear")
linear_p.vjp(input=lambda g, weight: mm_p(g, weight), weight=lambda g, input: row_outers_p(g, input), bias=lambda g: g)


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """input @ weight.mT + bias; (..., k), (m, k), (m,) -> (..., m).

    A weight of shape (k,) gives (...). Raises ShapeError if the sizes do not fit, DtypeError if the dtypes differ.

    >>> tg.nn.functional.linear(tg.tensor([1.0, 2.0]), tg.tensor([[3.0, 4.0]]), tg.tensor([10.0]))
    tensor([21.])
    """
    x = input.array if isinstance(input, Value) else input
    w = weight.array if isinstance(weight, Value) else weight
    try:
        fits = w.ndim == 2 and x.shape[-1] == w.shape[1] and x.dtype is w.dtype and x.dtype.char != "?"
        if bias is None and fits:
            return linear_unbiased(input, weight)
        b: Any = bias.array if isinstance(bias, Value) else bias
        if fits and b.shape == w.shape[:1] and b.dtype is w.dtype:
            return linear_p(input, weight, bias)
    except (AttributeError, IndexError):
        pass  # no tensors, or of no dims: the check says so
    _check_linear(x, w, bias)
    if w.ndim == 1:
        return matmul(input, weight) if bias is None else matmul(input, weight) + bias
    return linear_unbiased(input, weight) if bias is None else linear_p(input, weight, bias)


def _check_linear(x: Any, w: Any, bias: Any) -> None:
    """Raise unless `linear` is defined for these."""
    for name, array in (("input", x), ("weight", w), ("bias", bias)):
        if not isinstance(array, (_ndarray, Value)) and not (array is None and name == "bias"):
            raise no_tensor(f"linear: {name} must be a tensor", array)
    shapes = f"\n  input {x.shape} · weight {w.shape}"
    if not x.ndim or w.ndim not in (1, 2):
        raise ShapeError(f"linear: input needs at least 1 dim and weight 2, (out_features, in_features){shapes}")
    if x.shape[-1] != w.shape[-1]:
        raise ShapeError(f"linear: input has {x.shape[-1]} features in its last dimension, weight expects {w.shape[-1]}{shapes}")
    check_dtypes("linear", input=x, weight=w, bias=bias)
    if bias is not None and not expands(bias.shape, (*x.shape[:-1], *w.shape[:-1])):
        raise ShapeError(f"linear: bias must have shape ({w.shape[0]},), one for each output feature, got {bias.shape}{shapes}")


# ---- sigmoid and its kin -------------------------------------------------------------------------------------------


def _halves_in_float32(function: Callable[[Array], Array]) -> Callable[[Array], Array]:
    """The function, of float16 by way of float32: there e⁻ˣ is inf from -11 on, where what is made of it is still far from 0."""

    def forward(x: Array) -> Array:
        return function(x) if x.dtype.char != "e" else function(widened(x)).astype(x.dtype)

    return forward


@_halves_in_float32
def _sigmoid(x: Array) -> Array:
    out = as_array(np.negative(x))
    (one,) = numbers(out.dtype, 1.0)
    np.exp(out, out)  # inf for x below -88 (float32), which gives the 0 that it should
    out += one
    return np.divide(one, out, out)


@_halves_in_float32
def _silu(x: Array) -> Array:
    return times_into(x, _sigmoid(x))


def _sigmoid_grad(x: Array, y: Array) -> Array:
    (one,) = numbers(y.dtype, 1.0)
    out = as_array(one - y)
    out *= y
    return out * x


sigmoid: Unary = unary(
    "sigmoid", _sigmoid, lambda g, out: sigmoid_grad(g, out), "1 / (1 + e⁻ˣ)", analytic=True
)  # fmt: skip
sigmoid_grad: Binary = binary(
    "sigmoid_grad", _sigmoid_grad, lambda g, y: sigmoid_grad(g, y), lambda g, x, y: g * (x * (1.0 - 2.0 * y)),
    "x · y · (1 - y): the way back of y = sigmoid", kind="float", analytic=True,
)  # fmt: skip
silu = unary(
    "silu", _silu, lambda g, x: _silu_rule(g, x, sigmoid(x)), "x · sigmoid(x)",
    analytic=True,
)  # fmt: skip
log_sigmoid: Unary = unary(
    "log_sigmoid", lambda x: bounded(x, UNBOUNDED, 0) - np.log1p(np.exp(-np.abs(x))), lambda g, x: g * sigmoid(-x),
    "log(1 / (1 + e⁻ˣ)), without overflow",
)  # fmt: skip
logsigmoid = log_sigmoid


def _silu_rule(g: Any, x: Any, s: Any) -> Any:
    return g * (s * (1.0 + x * (1.0 - s)))


def _softplus(x: Array, *, beta: float, threshold: float) -> Array:
    """log(1 + exp(beta · x)) / beta, and x itself where beta · x exceeds the threshold."""
    scaled = times(x, beta)
    smooth = _smooth_relu(scaled)
    if beta == 1.0 and threshold >= _SAME.get(x.dtype.char, math.inf):
        return smooth
    return choose(scaled > threshold, x, smooth if beta == 1.0 else smooth / beta)


_SAME = {"e": 17.0, "f": 17.0, "d": 37.0}  # from there on log(1 + exp(x)) is rounded to x


def _softplus_rule(g: Any, x: Any, beta: float, threshold: float) -> Any:
    scaled = times(x, beta)
    return where_p(gt(scaled, threshold), g, g * sigmoid(scaled))


def times_into(x: Array, y: Array) -> Array:
    """x · y, in the memory of y."""
    y *= x
    return y


def _smooth_relu(x: Array) -> Array:
    """log(1 + exp(x)), without overflow."""
    (zero,) = numbers(x.dtype, 0.0)
    out = as_array(np.absolute(x))
    np.negative(out, out)
    np.exp(out, out)
    np.log1p(out, out)
    out += bounded(x, zero, math.inf)
    return out


def times(x: Any, factor: float) -> Any:
    """x · factor, without a pass over memory for the factor 1."""
    return x if factor == 1.0 else x * factor


softplus_p = Parametric(_softplus, name="softplus", kind="float")
softplus_p.vjp(x=_softplus_rule)


@typed_errors
def softplus(input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """log(1 + exp(beta · x)) / beta, a smooth relu; x itself where beta · x exceeds the threshold.

    >>> tg.nn.functional.softplus(tg.tensor([-1.0, 0.0, 100.0]))
    tensor([  0.3133,   0.6931, 100.0000])
    """
    return softplus_p.bind(input, beta=coefficient(beta, "softplus", "beta"), threshold=coefficient(threshold, "softplus", "threshold"))


@_halves_in_float32
def _mish(x: Array) -> Array:
    return times_into(x, as_array(np.tanh(_smooth_relu(x))))


def _mish_rule(g: Any, x: Any) -> Any:
    t = tanh(softplus_p.bind(x, beta=1.0, threshold=math.inf))
    return g * (t + x * (1.0 - t * t) * sigmoid(x))


mish = unary("mish", _mish, _mish_rule, "x · tanh(log(1 + eˣ))")


_SCALE, _CUBIC = math.sqrt(8.0 / math.pi), 0.044715


gelu_tanh = unary(
    "gelu_tanh", lambda x: x * _sigmoid(_gelu_logit(x)), lambda g, x: _gelu_tanh_rule(g, x, sigmoid(_gelu_logit(x))),
    "x · sigmoid(√(8/π) · (x + 0.044715 x³)), which is x/2 · (1 + tanh) of half of that, and near gelu",
    analytic=True,
)  # fmt: skip


def _gelu_logit(x: Any) -> Any:
    return (x + x * x * x * _CUBIC) * _SCALE


def _gelu_tanh_rule(g: Any, x: Any, s: Any) -> Any:
    slope = (1.0 + x * x * (3.0 * _CUBIC)) * _SCALE
    return g * (s + x * s * (1.0 - s) * slope)


@primitive(name="gelu", outputs=("product", "cdf"), elementwise=True)
def gelu_p(x: Array) -> tuple[Array, Array]:
    """x · Φ(x), and Φ(x): the costly part, which the way back needs again."""
    cdf = normal_cdf.forward(x)
    return x * cdf, cdf


@primitive(elementwise=True)
@in_blocks
def gelu_grad(a: Array, b: Array, x: Array, cdf: Array) -> Array:
    """a · Φ + (a · x + b) · φ(x), with Φ given: the way back of x · Φ(x), where a arrives, and Φ(x), where b does."""
    out = as_array(a * x)
    out += b
    out *= np.exp(x * x * -0.5)
    out *= 1.0 / SQRT_2_PI
    out += a * cdf
    return out


gelu_grad.vjp(
    a=lambda g, x, cdf: gelu_grad(g, zero(g), x, cdf),
    b=lambda g, x: g * normal_density(x),
    x=lambda g, a, b, x: g * ((a - (a * x + b) * x) * normal_density(x)),
    cdf=lambda g, a: g * a,
)
gelu_p.vjp(x=lambda g, x, cdf: gelu_grad(*g, x, cdf))


def gelu(input: Tensor, approximate: str = "none") -> Tensor:
    """x · Φ(x) with the normal distribution function Φ; `approximate="tanh"` uses a formula with tanh instead of Φ.

    Hendrycks and Gimpel, Gaussian error linear units, 2016.
    """
    if approximate not in ("none", "tanh"):
        raise ArgumentError(f'gelu: approximate must be "none" or "tanh", got {approximate!r}')
    if approximate == "tanh":
        return gelu_tanh(input) if array_of(input).dtype.char != "e" else convert(gelu_tanh(wide(input)), np.float16)
    check_float("gelu", input)
    out: Tensor = gelu_p.first(input)[0]
    return out


# ---- softmax -------------------------------------------------------------------------------------------------------


def shifted(x: Array, dim: int | None) -> Array:
    """A new array of x minus its maximum along dim, at least in float32."""
    x = widened(x)
    if not x.flags.c_contiguous:
        x = x.copy()  # PyTorch gives what it normalized in row-major order, so that it can be viewed
    if not x.size:
        return x.copy()
    return as_array(x - largest(x, dim))


def largest(x: Array, dim: int | None) -> Array:
    """The maximum along dim, which stays with size 1; -inf if there are no elements."""
    if dim is not None and dim == x.ndim - 1 and x.size >= 256 and x.shape[dim] <= 64 and not is_plain(x):
        lines = rows(x)
        if len(lines) > x.shape[dim]:  # 8 times faster for 10 columns
            return np.maximum.reduce(lines.T.copy(), axis=0).reshape((*x.shape[:-1], 1))
    return _maximum(x, dim, None, None, True, -math.inf)


def _total(x: Any, dim: int | None) -> Any:
    """Sums along dim, which stays with size 1."""
    return sum_p.bind(x, dim=None if dim is None else (dim,), keepdim=True)


def line_sums(x: Array, dim: int | None, keepdim: bool = True) -> Array:
    """The same of an array. Few elements are added by BLAS, as a product with ones, in a third of the time that NumPy needs."""
    if x.size < _FEW and dim == x.ndim - 1 and x.shape[dim] <= _SHORT and x.dtype.char in "fd" and (type(x) is _ndarray or not is_plain(x)):
        return x.dot(few_ones((x.shape[dim], 1) if keepdim else x.shape[dim], x.dtype))
    return sum_p.forward(x, dim=None if dim is None else (dim,), keepdim=keepdim)


def spread_sums(x: Array, dim: int | None) -> Array:
    """The same, to be combined with x: of few elements in short lines one for each element, since NumPy is slow to broadcast."""
    if (
        x.size < _FEW
        and dim == x.ndim - 1
        and x.shape[dim] <= _VERY_SHORT
        and x.dtype.char in "fd"
        and (type(x) is _ndarray or not is_plain(x))
    ):
        ones = few_ones((x.shape[dim], x.shape[dim]), x.dtype)
        if x.ndim <= 2 or x.size <= _VERY_SHORT:
            return x.dot(ones)
        return rows(x).dot(ones).reshape(x.shape)  # beyond two dims `dot` is no call of BLAS: 8 times as long for 512 elements
    return line_sums(x, dim)


def exponentials(x: Array, dim: int | None) -> Array:
    """A new array of exp(x minus its maximum along dim), at least in float32."""
    out = shifted(x, dim)
    np.exp(out, out)
    return out


def living(y: Any, cotangent: Any, dim: int | None) -> Any:
    """y, with 0 for nan on those lines along dim whose cotangent is all 0: the strong zero of a function of whole lines.

    So a row of -inf alone, replaced after its softmax by `where`, has gradient 0.
    """
    array = array_of(y)
    if is_finite(array):
        return y
    given = array_of(cotangent)
    dead = np.isnan(array) & ~np.any(given, axis=dim, keepdims=True)
    if not dead.any():
        return y
    if state.tracer is not None:
        state.tracer.unrepeatable("a gradient of 0 meets nan in softmax, which the eager step resolves by looking at the values")
    return masked(y, dead)


def guarded(part: Any, cotangent: Any) -> Any:
    """A strong zero for what an elementwise rule gives as one part of several: the engine sees to it for the whole."""
    array = array_of(part)
    return part if is_finite(array) else strong_zero(part, cotangent)


@primitive(name="softmax")
def softmax_p(x: Array, *, dim: int | None) -> Array:
    """exp(x) / Σ exp(x) along dim."""
    out = exponentials(x, dim)
    out /= spread_sums(out, dim)
    return narrowed(out, x.dtype)


@primitive
def softmax_grad(x: Array, y: Array, *, dim: int | None) -> Array:
    """y · (x - Σ x·y): the way back of y = softmax."""
    out = as_array(x * y)
    out -= y * spread_sums(out, dim)
    return out


softmax_p.vjp(x=lambda g, out, dim: softmax_grad.bind(g, living(out, g, dim), dim=dim))
softmax_grad.vjp(
    x=lambda g, y, dim: softmax_grad.bind(g, y, dim=dim),
    y=lambda g, x, y, dim: g * (x - _total(x * y, dim)) - x * _total(g * y, dim),
)


@primitive(name="log_softmax")
def log_softmax_p(x: Array, *, dim: int | None) -> Array:
    """x - log Σ exp(x) along dim."""
    out = shifted(x, dim)
    out -= np.log(spread_sums(as_array(np.exp(out)), dim))
    return narrowed(out, x.dtype)


@primitive
def log_softmax_grad(x: Array, y: Array, *, dim: int | None) -> Array:
    """x - exp(y) · Σ x: the way back of y = log_softmax."""
    out = as_array(np.exp(y))
    out *= spread_sums(x, dim)
    return np.subtract(x, out, out)


log_softmax_p.vjp(x=lambda g, out, dim: log_softmax_grad.bind(g, living(out, g, dim), dim=dim))
log_softmax_grad.vjp(
    x=lambda g, y, dim: g - _total(g * exp(y), dim),
    y=lambda g, x, y, dim: -g * (exp(y) * _total(x, dim)),
)


@numpy_names
def softmax(input: Tensor, dim: int, dtype: Any = None) -> Tensor:
    """exp(x) / Σ exp(x) along dim, without overflow; `dtype` converts the input first. A row of -inf alone gives nan.

    >>> tg.softmax(tg.tensor([0.0, 0.0, 1000.0]), dim=0)
    tensor([0., 0., 1.])
    >>> tg.softmax(tg.zeros(4), dim=0)
    tensor([0.2500, 0.2500, 0.2500, 0.2500])
    """
    input, along = _softmax_arguments("softmax", input, dim, dtype)
    return softmax_p.bind(input, dim=along)


@numpy_names
def log_softmax(input: Tensor, dim: int, dtype: Any = None) -> Tensor:
    """x - log Σ exp(x) along dim, the logarithm of softmax; `dtype` converts the input first.

    >>> tg.log_softmax(tg.tensor([0.0, 1000.0]), dim=0)
    tensor([-1000.,     0.])
    """
    input, along = _softmax_arguments("log_softmax", input, dim, dtype)
    return log_softmax_p.bind(input, dim=along)


def _softmax_arguments(what: str, input: Any, dim: Any, dtype: Any) -> tuple[Any, int | None]:
    """The input in the dtype asked for, and dim counted from the front; None for a 0-d tensor."""
    ndim = rank(input, what)
    along = normalize_dim(dim, ndim, what)
    if dtype is not None:
        input = convert(input, as_dtype(dtype))
    check_float(what, input)
    return input, along if ndim else None


def check_float(what: str, x: Any) -> None:
    """Raise DtypeError unless x is of a float dtype."""
    if x.dtype.kind != "f":
        raise DtypeError(f"{what}: needs a floating point tensor, got {x.dtype}; convert it first, for example with .float()")
