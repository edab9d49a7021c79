"""Normalizations: batch_norm, instance_norm, group_norm, layer_norm, rms_norm, normalize.

Statistics are those of channels. What is a channel is said by the shape in which a tensor is seen, `(c, elements)` or, where each of
n samples has a part of it, `(n, c, elements)`: a group of a sample in group_norm, a line in layer_norm. A few primitives carry the
statistics and are each other's derivatives, so that a backward pass is a few passes over memory and can be differentiated again.
"""

from __future__ import annotations

import functools
import math
import operator
from typing import TYPE_CHECKING, Any

import numpy as np

from ..engine.broadcasting import column_sums, few_ones
from ..engine.mutation import Array
from ..engine.node import Value, array_of, wrap
from ..engine.plain import is_plain, room
from ..engine.plan import NOTHING
from ..engine.primitive import primitive
from ..engine.refusal import typed_errors
from ..engine.state import no_grad
from ..errors import ArgumentError, ArgumentTypeError, DtypeError, ShapeError
from .arguments import coefficient, numpy_names, rank, shape_of
from .assign import assign
from .elementwise import clamp_min_p, rsqrt
from .fused import check_float, line_sums
from .losses import check_tensors
from .norms import float_input, norm, unit_p
from .pointwise import as_array, convert, numbers, wide
from .reduction import mean_p, read_dims, sum_p, widened
from .shape import reshape, reshape_p

if TYPE_CHECKING:
    from ..tensor import Tensor

Shape = tuple[int, ...]
_FLOAT16, _FLOAT32 = np.dtype(np.float16), np.dtype(np.float32)
_VERY_FEW, _FEW, _SHORT = 256, 8192, 1024  # elements, elements, and elements of one line, which BLAS adds up one after the other
_BLAS = 4096  # products that BLAS may add up in one go; beyond, float32 would lose digits

# ---- the primitives ------------------------------------------------------------------------------------------------------


def _column(x: Array, shape: Shape) -> Array:
    """One number per channel, so that it broadcasts against a tensor of this shape."""
    return x[_AS_COLUMN[len(shape) - 2]]


_AS_COLUMN = [(slice(None), *[None] * n) for n in range(63)]


def _lines(x: Array) -> Array:
    """(n, c, ...) -> (n, c, elements), or of one sample (c, elements)."""
    return x.reshape(_in_lines(x.shape))


@functools.lru_cache(maxsize=256)
def _in_lines(shape: Shape) -> Shape:
    elements = math.prod(shape[2:])
    return (shape[1], elements) if shape[0] == 1 else (*shape[:2], elements)


@primitive
def channel_sum(x: Array) -> Array:
    """The sum of each channel; (n, c, ...) -> (c,)."""
    return _sums(_lines(x))


@primitive
def channel_dot(x: Array, y: Array) -> Array:
    """The sum of the products of each channel; (n, c, ...), (n, c, ...) -> (c,)."""
    return _dots(_lines(x), _lines(y))


def _sums(x: Array) -> Array:
    """(c, elements) or (n, c, elements) -> (c,)."""
    if x.ndim == 2:
        return line_sums(x, 1, False)
    each = x[:, :, 0] if x.shape[2] == 1 else line_sums(x, 2, False)
    return column_sums(each) if each.flags.c_contiguous and each.dtype.char in "fd" else np.add.reduce(each, axis=0)


def _dots(x: Array, y: Array) -> Array:
    """(c, elements) or (n, c, elements) twice -> (c,)."""
    *lead, elements = x.shape
    if elements == 1 or x.dtype.char not in "fd":
        return _sums(x * y)
    if elements > _BLAS:
        parts = _even_parts(elements)
        if not parts:
            return _sums(x * y)
        apart = (*lead, parts, elements // parts)
        return np.add.reduce(np.vecdot(x.reshape(apart), y.reshape(apart)), axis=1 if x.ndim == 2 else (0, 2))
    each = np.vecdot(x, y)
    return each if x.ndim == 2 else np.add.reduce(each, axis=0)


def _even_parts(size: int) -> int:
    """Into how many equal parts to divide a line so that BLAS may add up the products of each; 0 if there is no good number."""
    least = -(-size // _BLAS)
    return next((n for n in range(least, 4 * least) if size % n == 0), 0)


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


@primitive(outputs=("standardized", "scale", "mean", "variance"))
def standardize(x: Array, *, shape: Shape, eps: float) -> tuple[Array, ...]:
    """Each channel of x, seen in the shape given, minus its mean, over r = √(variance + eps); 1 / r, the means and the variances, (c,)."""
    lines = widened(x).reshape(shape)
    count, least, ones = _constants(shape, lines.dtype, eps, is_plain(lines))
    mean = _totals(lines, ones) / count
    out = lines - mean
    variance = _total_products(out, out, ones) / count
    scale = variance + least
    np.sqrt(scale, scale)
    np.reciprocal(scale, scale)
    out *= scale
    found = out.reshape(x.shape), scale[:, 0], mean[:, 0], variance[:, 0]
    return found if x.dtype is lines.dtype else tuple([each.astype(x.dtype) for each in found])


@primitive(outputs=("product", "standardized", "scale", "mean", "variance"))
def standardize_affine(x: Array, weight: Array, bias: Array, *, shape: Shape, channels: bool, eps: float) -> tuple[Array, ...]:
    """What `standardize` gives times weight plus bias, one number for each channel or of the shape of the last dims; and what it gives."""
    found = standardize.forward(x, shape=shape, eps=eps)
    if channels:
        return channel_affine.forward(found[0], weight, bias), *found
    out = as_array(found[0] * weight)
    out += bias
    return out, *found


@functools.lru_cache(maxsize=256)
def _constants(shape: Shape, dtype: np.dtype[Any], eps: float, plain: bool) -> tuple[Array, Array, Array | None]:
    """How many elements a channel has; eps; and the ones by which `_totals` adds up lines of few elements."""
    size, elements = math.prod(shape), shape[-1]
    ones = None
    if len(shape) == 2 and 0 < size <= _FEW and elements <= _SHORT and dtype.char in "fd" and not plain:
        ones = few_ones((elements, elements if size <= _VERY_FEW and elements <= 32 else 1), dtype)
    return *numbers(dtype, float(_count(shape)), eps), ones


def _totals(x: Array, ones: Array | None) -> Array:
    """The sum of each channel of (c, elements) or (n, c, elements), which broadcasts against it: (c, 1).

    Few elements are added up as a product with ones; of very few the sums come as (c, elements), since NumPy takes three times as
    long where it must broadcast.
    """
    if ones is not None:
        return x.dot(ones)
    return _sums(x)[:, None]


def _total_products(x: Array, y: Array, ones: Array | None) -> Array:
    """The sum of the products of each channel, in the same shapes."""
    if ones is not None:
        return (x * y).dot(ones)
    return _dots(x, y)[:, None]


@primitive
def standardize_back(x: Array, y: Array, scale: Array, shift: Array, slope: Array, *, shape: Shape) -> Array:
    """scale · (x - (Σ x - shift) / n - y · (Σ x·y - slope) / n) for each channel of n elements: the way back of y = standardize."""
    lines, seen = x.reshape(shape), y.reshape(shape)
    count, _, ones = _constants(shape, x.dtype, 0.0, is_plain(x))
    total, dot, factor = _totals(lines, ones), _total_products(lines, seen, ones), scale[:, None]
    if shift is not NOTHING:
        total = total - shift[:, None]
    if slope is not NOTHING:
        dot = dot - slope[:, None]
    if ones is not None:
        factor = factor.dot(few_ones((1, shape[1]), x.dtype))
    made = room(x, x.shape)  # no view: the walk adds to memory of its own in place, and gives it to leaves as it is
    out = made.reshape(shape)
    np.subtract(lines, total / count, out)
    out -= seen * (dot / count)
    out *= factor
    return made


def _standardize_rule(g: Any, standardized: Any, scale: Any, shape: Shape) -> Any:
    """Of x the mean changes by 1 / n, the variance by 2 · y / (n · r), where r is the reciprocal deviation, and that by -r² · y / n."""
    gy, gr, gm, gv = g
    slope = NOTHING
    if gr is not NOTHING:
        slope = -gr * scale
    if gv is not NOTHING:
        slope = slope + 2.0 * gv / (scale * scale)
    return standardize_back.bind(gy, standardized, scale, gm if gm is NOTHING else gm / scale, slope, shape=shape)


def _affine_rule(g: Any, weight: Any, standardized: Any, scale: Any, shape: Shape, channels: bool) -> Any:
    product, gy, *others = g
    part = channel_scale(product, weight) if channels else product * weight
    return _standardize_rule((part if gy is NOTHING else part + gy, *others), standardized, scale, shape)


def _count(shape: Shape) -> int:
    """How many elements a channel has, of (c, elements) or (n, c, elements)."""
    return shape[-1] if len(shape) == 2 else shape[0] * shape[2]


def _seen(shape: Shape, *tensors: Any) -> list[Any]:
    return [reshape_p.bind(x, shape=(1, *shape)[-3:]) for x in tensors]


def _back_to_y(g: Any, x: Any, y: Any, scale: Any, slope: Any, x_shape: Shape, shape: Shape) -> Any:
    """-scale · (g · (Σ x·y - slope) + x · Σ g·y) / n."""
    g, x, y = _seen(shape, g, x, y)
    each = scale / -max(_count(shape), 1)
    return reshape_p.bind(channel_scale(g, (channel_dot(x, y) - slope) * each) + channel_scale(x, channel_dot(g, y) * each), shape=x_shape)


def _back_to_scale(g: Any, x: Any, y: Any, shift: Any, slope: Any, shape: Shape) -> Any:
    """Σ g·x - Σ g · (Σ x - shift) / n - Σ g·y · (Σ x·y - slope) / n."""
    g, x, y = _seen(shape, g, x, y)
    n = max(_count(shape), 1)
    return channel_dot(g, x) - channel_sum(g) * (channel_sum(x) - shift) / n - channel_dot(g, y) * (channel_dot(x, y) - slope) / n


channel_sum.vjp(x=lambda g, x_shape: channel_spread.bind(g, shape=x_shape))
channel_spread.vjp(x=lambda g: channel_sum(g))
channel_dot.vjp(x=lambda g, y: channel_scale(y, g), y=lambda g, x: channel_scale(x, g))
channel_scale.vjp(x=lambda g, weight: channel_scale(g, weight), weight=lambda g, x: channel_dot(g, x))
channel_affine.vjp(x=lambda g, weight: channel_scale(g, weight), weight=lambda g, x: channel_dot(g, x), bias=lambda g: channel_sum(g))
standardize.result_may_change = True
standardize.vjp(x=_standardize_rule)
standardize_affine.vjp(
    x=_affine_rule,
    weight=lambda g, standardized, channels: channel_dot(g[0], standardized) if channels else g[0] * standardized,
    bias=lambda g, channels: channel_sum(g[0]) if channels else g[0],
)
standardize_back.vjp(
    x=lambda g, y, scale, shape: standardize_back.bind(g, y, scale, NOTHING, NOTHING, shape=shape),
    y=_back_to_y,
    scale=_back_to_scale,
    shift=lambda g, scale, shape: scale * channel_sum(*_seen(shape, g)) / max(_count(shape), 1),
    slope=lambda g, y, scale, shape: scale * channel_dot(*_seen(shape, g, y)) / max(_count(shape), 1),
)


@primitive
def row_dot(x: Array, y: Array, *, dims: int) -> Array:
    """The sum of the products over the last `dims` dims, which stay with size 1."""
    flat, count, kept = _rows(x.shape, dims)
    if count > _BLAS or x.dtype.char not in "fd":
        return sum_p.forward(x * y, dim=tuple(range(x.ndim - dims, x.ndim)), keepdim=True)
    return np.vecdot(x.reshape(flat), y.reshape(flat)).reshape(kept)


@functools.lru_cache(maxsize=256)
def _rows(shape: Shape, dims: int) -> tuple[Shape, int, Shape]:
    """The shape in which the last `dims` dims are one, its size, and the shape in which each of them has size 1."""
    kept, count = shape[: len(shape) - dims], math.prod(shape[len(shape) - dims :])
    return (math.prod(kept), count), count, kept + (1,) * dims


row_dot.vjp(x=lambda g, y: g * y, y=lambda g, x: g * x)


@primitive(outputs=("standardized", "scale"))
def rms_standardize(x: Array, *, dims: int, eps: float) -> tuple[Array, Array]:
    """x times the reciprocal r of √(mean of x² + eps) over the last `dims` dims; and r, of size 1 in these dims."""
    flat, count, kept = _rows(x.shape, dims)
    lines = x.reshape(flat)
    size, least, ones = _constants(flat, x.dtype, eps, is_plain(x))
    if ones is not None:
        total = (lines * lines).dot(ones)
    else:
        total = (np.vecdot(lines, lines) if count <= _BLAS else sum_p.forward(lines * lines, dim=(1,), keepdim=False))[:, None]
    scale = total / size
    scale += least
    np.sqrt(scale, scale)
    np.reciprocal(scale, scale)
    return (lines * scale).reshape(x.shape), scale[:, :1].reshape(kept)


@primitive(outputs=("product", "standardized", "scale"))
def rms_affine(x: Array, weight: Array, *, dims: int, eps: float) -> tuple[Array, Array, Array]:
    """What `rms_standardize` gives times weight, of the shape of the last dims; and what it gives."""
    standardized, scale = rms_standardize.forward(x, dims=dims, eps=eps)
    return standardized * weight, standardized, scale


def _rms_rule(g: Any, standardized: Any, scale: Any, x_shape: Shape, dims: int) -> Any:
    """With h = x·r:  r · (g - h · (Σ g·h + r·gᵣ)/n)."""
    gh, gr = g
    slope = row_dot.bind(gh, standardized, dims=dims)
    if gr is not NOTHING:
        slope = slope + gr * scale
    return scale * (gh - standardized * (slope / max(_rows(tuple(x_shape), dims)[1], 1)))


def _rms_affine_rule(g: Any, weight: Any, standardized: Any, scale: Any, x_shape: Shape, dims: int) -> Any:
    product, gh, gr = g
    part = product * weight
    return _rms_rule((part if gh is NOTHING else part + gh, gr), standardized, scale, x_shape, dims)


rms_standardize.result_may_change = True
rms_standardize.vjp(x=_rms_rule)
rms_affine.vjp(x=_rms_affine_rule, weight=lambda g, standardized: g[0] * standardized)

# ---- arguments -----------------------------------------------------------------------------------------------------------


def _check_channels(what: str, dtype: np.dtype[Any], channels: int, **vectors: Any) -> None:
    """Raise unless all vectors that are given have one element per channel, and weights the input's dtype."""
    wanted = (channels,)
    for name, x in vectors.items():
        if x is None or (isinstance(x, Value) and x.array.shape == wanted and x.array.dtype is dtype):
            continue
        if not isinstance(x, Value):
            check_tensors(what, **{name: x})
        if shape_of(x) != wanted:
            raise ShapeError(f"{what}: {name} must have shape ({channels},) for {channels} channels, got {tuple(x.shape)}")
        if x.dtype is not dtype and x.dtype != dtype and (x.dtype.kind != "f" or dtype != _FLOAT16):
            raise DtypeError(f"{what}: {name} is {x.dtype}, input {dtype}; convert one with .to(dtype)")


def _check_input(what: str, input: Any) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """The shape and the dtype of an input of at least two dims."""
    if not isinstance(input, Value):
        check_tensors(what, input=input)
    array = array_of(input)
    shape, dtype = array.shape, array.dtype
    if len(shape) < 2:
        raise ShapeError(f"{what}: input needs at least 2 dims, (n, channels, ...), got shape {shape}")
    if dtype.kind != "f":
        check_float(what, input)
    return shape, dtype


def _standardized(x: Any, weight: Any, bias: Any, shape: Shape, eps: float) -> Tensor:
    """x standardized, seen in this shape; each channel times its weight plus its bias, where these are given."""
    if weight is not None and bias is not None:
        made: Tensor = standardize_affine.first(x, weight, bias, shape=shape, channels=True, eps=eps)[0]
        return made
    return _times_plus(standardize.first(x, shape=shape, eps=eps)[0], weight, bias)


def _constant(x: Any) -> Any:
    """As a tensor, which statistics are in traces only."""
    return x if isinstance(x, Value) else wrap(Value.result_class, x)


def _times_plus(x: Any, weight: Any, bias: Any) -> Tensor:
    """Each channel times its weight plus its bias, where these are given."""
    if weight is None:
        made: Tensor = x if bias is None else x + channel_spread.bind(bias, shape=x.shape)
        return made
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
    eps = coefficient(eps, what, "eps")
    shape, dtype = _check_input(what, input)
    channels = shape[1]
    _check_channels(what, dtype, channels, running_mean=running_mean, running_var=running_var, weight=weight, bias=bias)
    if eps < 0.0 or training and eps == 0.0:
        raise ArgumentError(f"{what}: eps must be positive in training, and not negative in evaluation, got {eps}")
    if dtype.char == "e":
        input, weight, bias = wide(input), wide(weight), wide(bias)
    if not training:
        return convert(_with_running(what, input, running_mean, running_var, weight, bias, eps), dtype)
    count = math.prod(shape) // max(channels, 1)
    if count == 1:
        raise ShapeError(f"{what}: one value per channel has no variance to train with; use more, or eval()\n  input {shape}")
    seen = _in_lines(shape)
    if not count or (running_mean is None and running_var is None):  # an empty batch has no statistics to move towards
        return convert(_standardized(input, weight, bias, seen, eps), dtype)
    out, _, mean, variance = standardize.first(input, shape=seen, eps=eps)
    with no_grad():  # before anything is saved of the weight: of memory that is not NumPy's, it is not known which parts are apart
        _move(running_mean, _constant(mean), momentum)
        _move(running_var, _constant(variance) * (count / max(count - 1, 1)), momentum)
    return convert(_times_plus(out, weight, bias), dtype)


def _with_running(what: str, x: Any, mean: Any, variance: Any, weight: Any, bias: Any, eps: float) -> Tensor:
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
    eps = coefficient(eps, what, "eps")
    shape, dtype = _check_input(what, input)
    n, channels = shape[:2]
    _check_channels(what, dtype, channels, running_mean=running_mean, running_var=running_var, weight=weight, bias=bias)
    if dtype.char == "e":
        input, weight, bias = wide(input), wide(weight), wide(bias)
    if not use_input_stats:
        return convert(_with_running(what, input, running_mean, running_var, weight, bias, eps), dtype)
    count = math.prod(shape[2:])
    if count == 1:
        raise ShapeError(f"{what}: one value per channel and sample has no variance to train with; use more, or eval()\n  input {shape}")
    seen = (n * channels, count)
    if running_mean is None and running_var is None:
        return convert(_standardized(input, weight, bias, seen, eps), dtype)
    out, _, mean, variance = standardize.first(input, shape=seen, eps=eps)
    with no_grad():
        _move(running_mean, mean_p.bind(reshape(_constant(mean), (n, channels)), dim=(0,), keepdim=False), momentum)
        unbiased = reshape(_constant(variance), (n, channels)) * (count / max(count - 1, 1))
        _move(running_var, mean_p.bind(unbiased, dim=(0,), keepdim=False), momentum)
    return convert(_times_plus(out, weight, bias), dtype)


@typed_errors
def group_norm(input: Tensor, num_groups: int, weight: Tensor | None = None, bias: Tensor | None = None, eps: float = 1e-05) -> Tensor:
    """(x - mean) / √(variance + eps) of each group of channels of each sample, times weight, plus bias; (n, c, ...), (c,), (c,).

    Wu and He, Group normalization, 2018. Raises ShapeError unless the channels can be divided into so many groups.

    >>> tg.nn.functional.group_norm(tg.tensor([[1.0, 3.0, 10.0, 30.0]]), 2)
    tensor([[-1.0000,  1.0000, -1.0000,  1.0000]])
    """
    what = "group_norm"
    eps = coefficient(eps, what, "eps")
    shape, dtype = _check_input(what, input)
    if isinstance(num_groups, bool) or not hasattr(num_groups, "__index__"):
        raise ArgumentTypeError(f"{what}: num_groups must be an integer, got {type(num_groups).__name__}: {num_groups!r}")
    n, channels = shape[:2]
    if num_groups < 1 or channels % num_groups:
        raise ShapeError(f"{what}: {channels} channels cannot be divided into {num_groups} groups\n  input {shape}")
    _check_channels(what, dtype, channels, weight=weight, bias=bias)
    count = channels // num_groups * math.prod(shape[2:])
    if n * count == 1:
        raise ShapeError(f"{what}: one value per group has no variance\n  input {shape}, {num_groups} groups")
    if dtype.char == "e":
        return convert(group_norm(wide(input), num_groups, wide(weight), wide(bias), eps), dtype)
    return _standardized(input, weight, bias, (n * num_groups, count), eps)


# ---- over the last dims, and along one -----------------------------------------------------------------------------------


@functools.lru_cache(maxsize=256)
def _last_dims(what: str, given: Shape, shape: Shape) -> tuple[int, int]:
    """How many lines an input has whose last dims are a line, and the elements of one. Raises ShapeError if it ends in other dims."""
    if not shape or given[-len(shape) :] != shape:
        raise ShapeError(f"{what}: input must end in the dims of normalized_shape, at least one\n  {given} · {shape}")
    return math.prod(given[: len(given) - len(shape)]), math.prod(shape)


@typed_errors
def layer_norm(
    input: Tensor, normalized_shape: Any, weight: Tensor | None = None, bias: Tensor | None = None, eps: float = 1e-05
) -> Tensor:
    """(x - mean) / √(variance + eps) over the last dims, which must have `normalized_shape`; times weight, plus bias, of that shape.

    A float16 input may have parameters of float32. Raises ShapeError if the shapes do not fit.
    Ba, Kiros and Hinton, Layer normalization, 2016.

    >>> tg.nn.functional.layer_norm(tg.tensor([[1.0, 3.0], [10.0, 30.0]]), (2,))
    tensor([[-1.0000,  1.0000],
            [-1.0000,  1.0000]])
    """
    shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(map(operator.index, normalized_shape))
    array = array_of(input)
    dtype = array.dtype
    if dtype.kind != "f":
        check_float("layer_norm", array)
    eps = coefficient(eps, "layer_norm", "eps")
    lines, count = _last_dims("layer_norm", array.shape, shape)
    if dtype.char == "e" and {factor.dtype for factor in (weight, bias) if factor is not None} == {_FLOAT32}:
        return convert(layer_norm(wide(input), shape, weight, bias, eps), dtype)
    for name, factor in (("weight", weight), ("bias", bias)):
        if factor is None:
            continue
        values = array_of(factor)
        if values.shape != shape:
            raise ShapeError(f"layer_norm: {name} must have the shape of normalized_shape, {shape}, got {factor.shape}")
        if values.dtype is not dtype and values.dtype != dtype:
            raise DtypeError(f"layer_norm: {name} is {factor.dtype}, input {dtype}; convert one with .to(dtype)")
    if weight is not None and bias is not None:
        return standardize_affine.first(input, weight, bias, shape=(lines, count), channels=False, eps=eps)[0]  # type: ignore[no-any-return]
    out: Tensor = standardize.first(input, shape=(lines, count), eps=eps)[0]
    return out if weight is None and bias is None else out + bias if weight is None else out * weight


@typed_errors
def rms_norm(input: Tensor, normalized_shape: Any, weight: Tensor | None = None, eps: float | None = None) -> Tensor:
    """x / √(mean of x² + eps) over the last dims, which must have `normalized_shape`; times weight of that shape, of any float dtype.

    eps is the dtype's smallest step at 1 unless given. Zhang and Sennrich, Root mean square layer normalization, 2019.

    >>> tg.nn.functional.rms_norm(tg.tensor([1.0, 7.0]), (2,))
    tensor([0.2000, 1.4000])
    """
    shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(map(operator.index, normalized_shape))
    array = array_of(input)
    dtype = array.dtype
    check_float("rms_norm", array)
    _last_dims("rms_norm", array.shape, shape)
    if weight is not None:
        factor = array_of(weight)
        if factor.shape != shape:
            raise ShapeError(f"rms_norm: weight must have the shape of normalized_shape, {shape}, got {tuple(factor.shape)}")
        check_float("rms_norm", factor)
    chosen = _smallest_step(_FLOAT32 if dtype == _FLOAT16 else dtype) if eps is None else coefficient(eps, "rms_norm", "eps")
    if weight is not None and factor.dtype is dtype and dtype.char != "e":
        return rms_affine.first(input, weight, dims=len(shape), eps=chosen)[0]  # type: ignore[no-any-return]
    out = rms_standardize.first(wide(input), dims=len(shape), eps=chosen)[0]
    return convert(out if weight is None else out * wide(weight), dtype)


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
    eps = coefficient(eps, "normalize", "eps")
    if type(p) in (int, float) and p == 2:
        return unit_p.bind(float_input(input, "normalize"), eps=eps, dim=read_dims(input, dim, "normalize"))
    rank(input, "normalize")
    return input / clamp_min_p(norm(input, p, dim, True), eps)
