"""Initial values, written into existing tensors outside of the graph. Each function returns the tensor it has changed."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..engine.mutation import Array
from ..engine.node import wrap
from ..engine.primitive import silent_copy
from ..engine.refusal import typed_errors
from ..engine.state import no_grad
from ..errors import ArgumentError, ArgumentTypeError, ShapeError
from ..ops.random import Generator, default_generator
from ..tensor import Tensor

_LINEAR = ("linear", "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "sigmoid")
_GAINS = {**dict.fromkeys(_LINEAR, 1.0), "tanh": 5.0 / 3.0, "relu": math.sqrt(2.0), "selu": 0.75}


@typed_errors
def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """The factor on the standard deviation that makes up for a nonlinearity; `param` is the slope of "leaky_relu" (0.01)."""
    if nonlinearity in _GAINS:
        return _GAINS[nonlinearity]
    if nonlinearity != "leaky_relu":
        raise ArgumentError(f"Unsupported nonlinearity {nonlinearity}; known are {', '.join(_GAINS)}, leaky_relu")
    if param is not None and (isinstance(param, bool) or not isinstance(param, int | float)):
        raise ArgumentError(f"negative_slope {param} not a valid number")
    return math.sqrt(2.0 / (1 + (0.01 if param is None else param) ** 2))


# ---- plain ---------------------------------------------------------------------------------------------------------


@typed_errors
def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Uniform on [a, b)."""
    with no_grad():
        return _checked("uniform_", tensor).uniform_(a, b, generator=generator)


@typed_errors
def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Normal with this mean and standard deviation."""
    with no_grad():
        return _checked("normal_", tensor).normal_(mean, std, generator=generator)


@typed_errors
def constant_(tensor: Tensor, val: float) -> Tensor:
    """One value everywhere."""
    with no_grad():
        return _checked("constant_", tensor).fill_(val)


@typed_errors
def ones_(tensor: Tensor) -> Tensor:
    """One everywhere."""
    return constant_(tensor, 1.0)


@typed_errors
def zeros_(tensor: Tensor) -> Tensor:
    """Zero everywhere."""
    return constant_(tensor, 0.0)


@typed_errors
def eye_(tensor: Tensor) -> Tensor:
    """The identity matrix, cut or filled up with zeros."""
    if _checked("eye_", tensor).ndim != 2:
        raise ShapeError(f"Only tensors with 2 dimensions are supported, got shape {tensor.shape}")
    rows, columns = tensor.shape
    return _write(tensor, np.eye(rows, columns))


@typed_errors
def dirac_(tensor: Tensor, groups: int = 1) -> Tensor:
    """The weight of a convolution (out, in, size, ...) that gives its input back, in each of the groups of output channels."""
    if _checked("dirac_", tensor).ndim not in (3, 4, 5):
        raise ShapeError(f"Only tensors with 3, 4, or 5 dimensions are supported, got shape {tensor.shape}")
    channels, inputs, *sizes = tensor.shape
    if channels % groups:
        raise ArgumentError(f"dim 0 must be divisible by groups, got {channels} and {groups}")
    values = np.zeros(tensor.shape)
    each = channels // groups
    centre = tuple([size // 2 for size in sizes])
    for group in range(groups):
        for i in range(min(each, inputs)):
            values[(group * each + i, i, *centre)] = 1.0
    return _write(tensor, values)


# ---- by fan --------------------------------------------------------------------------------------------------------


@typed_errors
def fans(tensor: Tensor) -> tuple[int, int]:
    """(fan_in, fan_out): the products of dim 1, and of dim 0, with the sizes of a kernel; (out, in, size, ...)."""
    if tensor.ndim < 2:
        raise ShapeError(f"Fan in and fan out can not be computed for tensor with fewer than 2 dimensions, got shape {tensor.shape}")
    kernel = math.prod(tensor.shape[2:])
    return tensor.shape[1] * kernel, tensor.shape[0] * kernel


_calculate_fan_in_and_fan_out = fans  # PyTorch's name, which many layers outside of it use


@typed_errors
def xavier_uniform_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Uniform on ±gain · √(6 / (fan_in + fan_out)). Glorot and Bengio, 2010."""
    bound = gain * math.sqrt(6.0 / max(sum(fans(_checked("xavier_uniform_", tensor))), 1))
    return uniform_(tensor, -bound, bound, generator)


@typed_errors
def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Normal with standard deviation gain · √(2 / (fan_in + fan_out)). Glorot and Bengio, 2010."""
    std = gain * math.sqrt(2.0 / max(sum(fans(_checked("xavier_normal_", tensor))), 1))
    return normal_(tensor, 0.0, std, generator)


def _kaiming_std(what: str, tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float:
    """gain / √fan: keeps the variance of activations (fan_in) or of gradients (fan_out)."""
    if mode not in ("fan_in", "fan_out"):
        raise ArgumentError(f"Mode {mode} not supported, please use one of fan_in, fan_out")
    fan = fans(_checked(what, tensor))[mode == "fan_out"]
    return calculate_gain(nonlinearity, a) / math.sqrt(max(fan, 1))


@typed_errors
def kaiming_uniform_(
    tensor: Tensor, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu", generator: Generator | None = None
) -> Tensor:
    """Uniform on ±gain · √(3 / fan); `a` is the slope of leaky_relu. He et al., Delving deep into rectifiers, 2015."""
    bound = math.sqrt(3.0) * _kaiming_std("kaiming_uniform_", tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound, generator)


@typed_errors
def kaiming_normal_(
    tensor: Tensor, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu", generator: Generator | None = None
) -> Tensor:
    """Normal with standard deviation gain / √fan; `a` is the slope of leaky_relu. He et al., 2015."""
    return normal_(tensor, 0.0, _kaiming_std("kaiming_normal_", tensor, a, mode, nonlinearity), generator)


# ---- others --------------------------------------------------------------------------------------------------------


@typed_errors
def orthogonal_(tensor: Tensor, gain: float = 1, generator: Generator | None = None) -> Tensor:
    """gain times a random matrix with orthonormal rows or columns, whichever are fewer; dims after the first count as one.

    Saxe et al., Exact solutions to the nonlinear dynamics of learning in deep linear neural networks, 2013.
    """
    if _checked("orthogonal_", tensor).ndim < 2:
        raise ShapeError(f"Only tensors with 2 or more dimensions are supported, got shape {tensor.shape}")
    if not tensor.numel():
        return tensor
    rows = tensor.shape[0]
    flat = _normal((rows, tensor.numel() // rows), generator)
    q, r = np.linalg.qr(flat.T if rows < flat.shape[1] else flat)
    q = q * np.where(np.diagonal(r) < 0, -1.0, 1.0)  # makes the distribution uniform
    return _write(tensor, silent_copy().run(np.multiply, gain, (q.T if rows < flat.shape[1] else q).reshape(tensor.shape)))


@typed_errors
def trunc_normal_(
    tensor: Tensor, mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0, generator: Generator | None = None
) -> Tensor:
    """Normal numbers restricted to [a, b]."""
    _checked("trunc_normal_", tensor)
    mean, std, a, b = float(mean), float(std), float(a), float(b)
    if not a <= b or a == math.inf or b == -math.inf or not 0 <= std < math.inf or not math.isfinite(mean):
        raise ArgumentError(f"trunc_normal_: needs a <= b, finite mean and std >= 0, got {a=}, {b=}, {mean=}, {std=}")
    if std == 0:
        return constant_(tensor, min(max(mean, a), b))
    values = _between((a - mean) / std, (b - mean) / std, tensor.numel(), generator) * std + mean
    return _write(tensor, np.clip(values, a, b).reshape(tensor.shape))


def _between(low: float, high: float, count: int, generator: Generator | None) -> Array:
    """Standard normal numbers within [low, high], by rejection from a normal or, if that would reject most, a uniform distribution."""
    mass = 0.5 * (math.erf(high / math.sqrt(2.0)) - math.erf(low / math.sqrt(2.0)))
    nearest = min(max(0.0, low), high)
    low, high = max(low, nearest - 12.0), min(high, nearest + 12.0)
    parts: list[Array] = [np.empty(0)]
    missing = count
    while missing:
        if mass > 0.25:
            tried = _normal((2 * missing,), generator)
            fits = (tried >= low) & (tried <= high)
        else:
            tried = _uniform((2 * missing,), generator) * (high - low) + low
            fits = _uniform((2 * missing,), generator) < np.exp(
                (nearest - tried) * (nearest / 2.0 + tried / 2.0)
            )  # without squares, which overflow
        parts.append(tried[fits][:missing])
        missing -= len(parts[-1])
    return np.concatenate(parts)


@typed_errors
def sparse_(tensor: Tensor, sparsity: float, std: float = 0.01, generator: Generator | None = None) -> Tensor:
    """Normal numbers, of which in every column the fraction `sparsity`, rounded up, is zero. Martens, 2010."""
    if _checked("sparse_", tensor).ndim != 2:
        raise ShapeError(f"Only tensors with 2 dimensions are supported, got shape {tensor.shape}")
    rows, columns = tensor.shape
    values = silent_copy().run(np.multiply, _normal((rows, columns), generator), std)
    order = np.argsort(_uniform((rows, columns), generator), axis=0)
    np.put_along_axis(values, order[: math.ceil(sparsity * rows)], 0.0, axis=0)
    return _write(tensor, values)


# ---- shared --------------------------------------------------------------------------------------------------------


def _checked(what: str, tensor: Any) -> Tensor:
    if not isinstance(tensor, Tensor):
        raise ArgumentTypeError(f"{what}: expected a tensor to fill, got {type(tensor).__name__}")
    return tensor


def _write(tensor: Tensor, values: Array) -> Tensor:
    with no_grad():
        return tensor.copy_(wrap(Tensor, values))


def _normal(shape: tuple[int, ...], generator: Generator | None) -> Array:
    return (generator or default_generator).numpy.standard_normal(shape)


def _uniform(shape: tuple[int, ...], generator: Generator | None) -> Array:
    return (generator or default_generator).numpy.random(shape)
