"""Normalizations: batch_norm, instance_norm, group_norm, rms_norm, normalize. (layer_norm stands in `fused.py`.)

The statistics of batch, instance and group norm are those of channels: everything that one index of dim 1 selects. Seven
primitives on `(n, c, ...)` and `(c,)` carry them and are each other's derivatives, so that a backward pass is a few passes
over memory and can be differentiated again.
"""

from __future__ import annotations

import functools
import math
import operator
from typing import TYPE_CHECKING, Any

import numpy as np

from ..engine.broadcasting import column_sums
from ..engine.mutation import Array
from ..engine.node import Value
from ..engine.primitive import primitive
from ..engine.refusal import typed_errors
from ..engine.state import no_grad
from ..errors import ArgumentError, ArgumentTypeError, DtypeError, ShapeError
from .arguments import numpy_names, rank, shape_of
from .assign import assign
from .elementwise import clamp_min_p, rsqrt, sqrt
from .fused import check_float, row_dot
from .losses import check_tensors
from .norms import norm
from .pointwise import convert
from .reduction import mean_p, sum_p
from .shape import reshape, reshape_p

if TYPE_CHECKING:
    from ..tensor import Tensor

Shape = tuple[int, ...]
_FLOAT16, _FLOAT32 = np.dtype(np.float16), np.dtype(np.float32)
_BLAS = 4096  # products that BLAS may add up in one go; beyond, float32 would lose digits

# ---- the primitives ------------------------------------------------------------------------------------------------------


def _column(x: Array, shape: Shape) -> Array:
    """One number per channel, so that it broadcasts against a tensor of this shape."""
    return x if len(shape) == 2 else x.reshape((shape[1],) + (1,) * (len(shape) - 2))


def _lines(x: Array) -> Array:
    """(n, c, ...) -> (n, c, elements); (n, c) stays as it is."""
    return x if x.ndim <= 3 else x.reshape((*x.shape[:2], math.prod(x.shape[2:])))


@primitive
def channel_sum(x: Array) -> Array:
    """The sum of each channel; (n, c, ...) -> (c,)."""
    flat = _lines(x)
    if flat.ndim == 3:
        flat = sum_p.forward(flat, dim=(2,), keepdim=False)
    if len(flat) == 1:
        return flat[0]
    return column_sums(flat) if flat.flags.c_contiguous and flat.dtype.char in "fd" else np.add.reduce(flat, axis=0)


def _even_parts(size: int) -> int:
    """Into how many equal parts to divide a line so that BLAS may add up the products of each; 0 if there is no good number."""
    least = -(-size // _BLAS)
    return next((n for n in range(least, 4 * least) if size % n == 0), 0)


@primitive
def channel_dot(x: Array, y: Array) -> Array:
    """The sum of the products of each channel; (n, c, ...), (n, c, ...) -> (c,)."""
    x, y = _lines(x), _lines(y)
    if x.ndim == 3 and x.shape[2] > 1 and (parts := _even_parts(x.shape[2])):
        apart = (*x.shape[:2], parts, x.shape[2] // parts)
        return np.add.reduce(np.vecdot(x.reshape(apart), y.reshape(apart)), axis=(0, 2))
    return channel_sum.forward(x * y)


@primitive
def channel_spread(x: Array, *, shape: Shape) -> Array:
    """A number for each channel, repeated for all its elements; (c,) -> (n, c, ...)."""
    return np.broadcast_to(_column(x, shape), shape).copy()


@primitive
def channel_scale(x: Array, weight: Array) -> Array:
    """Each channel times its weight; (n, c, ...), (c,) -> (n, c, ...)."""
    return x * _column(weight, x.shape)


@primitive
def channel_affine(x: Array, weight: Array, bias: Array) -> Array:
    """Each channel times its weight, plus its bias; (n, c, ...), (c,), (c,) -> (n, c, ...)."""
    out = x * _column(weight, x.shape)
    out += _column(bias, x.shape)
    return out


@primitive
def channel_combination(x: Array, y: Array, scale: Array, shift: Array, slope: Array) -> Array:
    """scale · (x - shift - slope · y), with numbers for each channel; (n, c, ...) twice, (c,) thrice -> (n, c, ...)."""
    out = y * _column(slope, x.shape)
    np.subtract(x, out, out=out)
    out -= _column(shift, x.shape)
    out *= _column(scale, x.shape)
    return out


@primitive(outputs=True)
def standardize_channels(x: Array, *, eps: float) -> tuple[Array, Array, Array]:
    """Each channel minus its mean, over √(variance + eps); and the means and the variances; (n, c, ...) -> the same, (c,), (c,)."""
    shape = x.shape
    count = x.size // max(shape[1], 1)
    mean = channel_sum.forward(x) / count
    out = x - _column(mean, shape)
    variance = channel_dot.forward(out, out) / count
    out *= _column(1.0 / np.sqrt(variance + eps), shape)
    return out, mean, variance


def _standardize_rule(g: Any, out: Any, x_shape: Shape, eps: float) -> Any:
    """With h = x̂ and the reciprocal deviation r:  r · (g - mean(g) - h · mean(g·h)) + gₘ/n + 2·gᵥ·h/(r·n)."""
    (gh, gm, gv), (h, _, variance) = g, out
    n = max(math.prod(x_shape) // max(x_shape[1], 1), 1)
    deviation = sqrt(variance + eps)
    shift = (channel_sum(gh) - gm * deviation) / n
    slope = (channel_dot(gh, h) - gv * (2.0 * deviation * deviation)) / n
    return channel_combination(gh, h, 1.0 / deviation, shift, slope)


channel_sum.vjp(x=lambda g, x_shape: channel_spread(g, shape=x_shape))
channel_spread.vjp(x=lambda g: channel_sum(g))
channel_dot.vjp(x=lambda g, y: channel_scale(y, g), y=lambda g, x: channel_scale(x, g))
channel_scale.vjp(x=lambda g, weight: channel_scale(g, weight), weight=lambda g, x: channel_dot(g, x))
channel_affine.vjp(x=lambda g, weight: channel_scale(g, weight), weight=lambda g, x: channel_dot(g, x), bias=lambda g: channel_sum(g))
channel_combination.vjp(
    x=lambda g, scale: channel_scale(g, scale),
    y=lambda g, scale, slope: channel_scale(g, -scale * slope),
    scale=lambda g, x, y, shift, slope: channel_dot(g, x) - shift * channel_sum(g) - slope * channel_dot(g, y),
    shift=lambda g, scale: -scale * channel_sum(g),
    slope=lambda g, y, scale: -scale * channel_dot(g, y),
)
standardize_channels.vjp(x=_standardize_rule)


@primitive(outputs=True)
def rms_standardize(x: Array, *, dims: int, eps: float) -> tuple[Array, Array]:
    """x times the reciprocal r of √(mean of x² + eps) over the last `dims` dims; and r, of size 1 in these dims."""
    kept = x.shape[: x.ndim - dims]
    count = math.prod(x.shape[x.ndim - dims :])
    flat = x.reshape(math.prod(kept), count)
    total = np.vecdot(flat, flat) if count <= _BLAS else sum_p.forward(flat * flat, dim=(1,), keepdim=False)
    scale = (1.0 / np.sqrt(total / count + eps)).reshape(kept + (1,) * dims)
    return x * scale, scale


def _rms_rule(g: Any, out: Any, x_shape: Shape, dims: int) -> Any:
    """With h = x·r:  r · (g - h · (Σ g·h + r·gᵣ)/n)."""
    (gh, gr), (h, r) = g, out
    n = max(math.prod(x_shape[len(x_shape) - dims :]), 1)
    slope = (row_dot(gh, h, dims=dims) + gr * r) / n
    return r * (gh - h * slope)


rms_standardize.vjp(x=_rms_rule)

# ---- arguments -----------------------------------------------------------------------------------------------------------


def _check_channels(what: str, input: Any, channels: int, **vectors: Any) -> None:
    """Raise unless all vectors that are given have one element per channel, and weights the input's dtype."""
    wanted, dtype = (channels,), input.dtype
    for name, x in vectors.items():
        if x is None:
            continue
        if not isinstance(x, Value):
            check_tensors(what, **{name: x})
        if shape_of(x) != wanted:
            raise ShapeError(f"{what}: {name} must have shape ({channels},) for {channels} channels, got {tuple(x.shape)}")
        if x.dtype is not dtype and x.dtype != dtype and (x.dtype.kind != "f" or dtype != _FLOAT16):
            raise DtypeError(f"{what}: {name} is {x.dtype}, input {dtype}; convert one with .to(dtype)")


def _check_input(what: str, input: Any) -> tuple[int, ...]:
    """The shape of an input of at least two dims."""
    check_tensors(what, input=input)
    shape = shape_of(input)
    if len(shape) < 2:
        raise ShapeError(f"{what}: input needs at least 2 dims, (n, channels, ...), got shape {shape}")
    check_float(what, input)
    return shape


def _wide(input: Any) -> Any:
    """float16 as float32: half precision is for storage, not for adding up."""
    return convert(input, _FLOAT32) if input is not None and input.dtype is _FLOAT16 else input


def _times_plus(x: Any, weight: Any, bias: Any) -> Any:
    """Each channel times its weight plus its bias, where these are given."""
    if weight is None:
        return x if bias is None else x + channel_spread(bias, shape=x.shape)
    return channel_scale(x, weight) if bias is None else channel_affine(x, weight, bias)


def _move(running: Any, seen: Any, momentum: float) -> None:
    """running += momentum · (seen - running), in place."""
    if running is not None:
        assign(running, running * (1.0 - momentum) + seen * momentum, "running statistics")


# ---- batch_norm, instance_norm, group_norm -------------------------------------------------------------------------------


@typed_errors
def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-05,
) -> Tensor:
    """(x - mean) / √(variance + eps) of each channel, times weight, plus bias; (n, c, ...), (c,) for all others.

    In training mean and variance are those of the batch, and the running ones move towards them by `momentum`, in place (the
    variance with n - 1); otherwise the running ones are used. Ioffe and Szegedy, Batch normalization, 2015.

    >>> x = tg.tensor([[1.0, 10.0], [3.0, 30.0]])
    >>> tg.nn.functional.batch_norm(x, None, None, training=True)
    tensor([[-1.0000, -1.0000],
            [ 1.0000,  1.0000]])
    """
    what = "batch_norm"
    shape = _check_input(what, input)
    channels = shape[1]
    _check_channels(what, input, channels, running_mean=running_mean, running_var=running_var, weight=weight, bias=bias)
    x, w, b = _wide(input), _wide(weight), _wide(bias)
    if not training:
        return convert(_with_running(what, x, running_mean, running_var, w, b, eps), input.dtype)
    count = math.prod(shape) // max(channels, 1)
    if count == 1:
        raise ShapeError(f"{what}: one value per channel has no variance to train with; use more, or eval()\n  input {shape}")
    out, mean, variance = standardize_channels(x, eps=float(eps))
    if running_mean is not None or running_var is not None:
        with no_grad():
            _move(running_mean, mean, momentum)
            _move(running_var, variance * (count / max(count - 1, 1)), momentum)
    return convert(_times_plus(out, w, b), input.dtype)


def _with_running(what: str, x: Any, mean: Any, variance: Any, weight: Any, bias: Any, eps: float) -> Any:
    """Normalized with the running statistics: one number to multiply with and one to add for each channel."""
    if mean is None or variance is None:
        raise ArgumentError(f"{what}: without statistics of the input, running_mean and running_var must be given")
    scale = rsqrt(convert(variance, x.dtype) + eps)
    if weight is not None:
        scale = scale * weight
    shift = -convert(mean, x.dtype) * scale
    return channel_affine(x, scale, shift if bias is None else shift + bias)


@typed_errors
def instance_norm(
    input: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-05,
) -> Tensor:
    """(x - mean) / √(variance + eps) of each channel of each sample, times weight, plus bias; (n, c, ...), (c,) for all others.

    The running statistics move towards the batch's average. Without `use_input_stats` they are what is used.

    >>> tg.nn.functional.instance_norm(tg.tensor([[[1.0, 3.0], [10.0, 30.0]]]))
    tensor([[[-1.0000,  1.0000],
             [-1.0000,  1.0000]]])
    """
    what = "instance_norm"
    shape = _check_input(what, input)
    n, channels = shape[:2]
    _check_channels(what, input, channels, running_mean=running_mean, running_var=running_var, weight=weight, bias=bias)
    x, w, b = _wide(input), _wide(weight), _wide(bias)
    if not use_input_stats:
        return convert(_with_running(what, x, running_mean, running_var, w, b, eps), input.dtype)
    count = math.prod(shape[2:])
    if count == 1:
        raise ShapeError(f"{what}: one value per channel and sample has no variance to train with; use more, or eval()\n  input {shape}")
    out, mean, variance = standardize_channels(reshape_p(x, shape=(1, n * channels, count)), eps=float(eps))
    if running_mean is not None or running_var is not None:
        with no_grad():
            _move(running_mean, mean_p(reshape(mean, (n, channels)), dim=(0,), keepdim=False), momentum)
            unbiased = reshape(variance, (n, channels)) * (count / max(count - 1, 1))
            _move(running_var, mean_p(unbiased, dim=(0,), keepdim=False), momentum)
    return convert(_times_plus(reshape_p(out, shape=shape), w, b), input.dtype)


@typed_errors
def group_norm(input: Tensor, num_groups: int, weight: Tensor | None = None, bias: Tensor | None = None, eps: float = 1e-05) -> Tensor:
    """(x - mean) / √(variance + eps) of each group of channels of each sample, times weight, plus bias; (n, c, ...), (c,), (c,).

    Wu and He, Group normalization, 2018. Raises ShapeError unless the channels can be divided into so many groups.

    >>> tg.nn.functional.group_norm(tg.tensor([[1.0, 3.0, 10.0, 30.0]]), 2)
    tensor([[-1.0000,  1.0000, -1.0000,  1.0000]])
    """
    what = "group_norm"
    shape = _check_input(what, input)
    if isinstance(num_groups, bool) or not hasattr(num_groups, "__index__"):
        raise ArgumentTypeError(f"{what}: num_groups must be an integer, got {type(num_groups).__name__}: {num_groups!r}")
    n, channels = shape[:2]
    if num_groups < 1 or channels % num_groups:
        raise ShapeError(f"{what}: {channels} channels cannot be divided into {num_groups} groups\n  input {shape}")
    _check_channels(what, input, channels, weight=weight, bias=bias)
    count = channels // num_groups * math.prod(shape[2:])
    if n * count == 1:
        raise ShapeError(f"{what}: one value per group has no variance\n  input {shape}, {num_groups} groups")
    out = standardize_channels(reshape_p(_wide(input), shape=(1, n * num_groups, count)), eps=float(eps))[0]
    return convert(_times_plus(reshape_p(out, shape=shape), _wide(weight), _wide(bias)), input.dtype)


# ---- over the last dims, and along one -----------------------------------------------------------------------------------


@typed_errors
def rms_norm(input: Tensor, normalized_shape: Any, weight: Tensor | None = None, eps: float | None = None) -> Tensor:
    """x / √(mean of x² + eps) over the last dims, which must have `normalized_shape`; times weight of that shape.

    eps is the dtype's smallest step at 1 unless given. Zhang and Sennrich, Root mean square layer normalization, 2019.

    >>> tg.nn.functional.rms_norm(tg.tensor([1.0, 7.0]), (2,))
    tensor([0.2000, 1.4000])
    """
    shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(map(operator.index, normalized_shape))
    check_float("rms_norm", input)
    if not shape or shape_of(input)[-len(shape) :] != shape:
        raise ShapeError(f"rms_norm: input must end in the dims of normalized_shape, at least one\n  {tuple(input.shape)} · {shape}")
    if weight is not None and shape_of(weight) != shape:
        raise ShapeError(f"rms_norm: weight must have the shape of normalized_shape, {shape}, got {tuple(weight.shape)}")
    if weight is not None and weight.dtype != input.dtype:
        raise DtypeError(f"rms_norm: weight is {weight.dtype}, input {input.dtype}; convert one with .to(dtype)")
    chosen = _smallest_step(_FLOAT32 if input.dtype == _FLOAT16 else input.dtype) if eps is None else float(eps)
    out = rms_standardize(_wide(input), dims=len(shape), eps=chosen)[0]
    return convert(out if weight is None else out * _wide(weight), input.dtype)


@functools.cache
def _smallest_step(dtype: np.dtype[Any]) -> float:
    return float(np.finfo(dtype).eps)


@numpy_names
def normalize(input: Tensor, p: float = 2.0, dim: Any = 1, eps: float = 1e-12) -> Tensor:
    """x / max(‖x‖ₚ, eps) along dim, or over several dims.

    >>> tg.nn.functional.normalize(tg.tensor([[3.0, 4.0], [0.0, 0.0]]))
    tensor([[0.6000, 0.8000],
            [0.0000, 0.0000]])
    """
    rank(input, "normalize")
    return input / clamp_min_p(norm(input, p, dim, True), float(eps))
