"""Initial values, written into existing tensors outside of the graph. Each function returns the tensor it has changed."""

from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Callable
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
    """The factor on the standard deviation that makes up for a nonlinearity; `param` is the slope of "leaky_relu" (0.01).

    >>> tg.nn.init.calculate_gain("leaky_relu", 1.0)
    1.0
    """
    if nonlinearity in _GAINS:
        return _GAINS[nonlinearity]
    if nonlinearity != "leaky_relu":
        raise ArgumentError(f"Unsupported nonlinearity {nonlinearity}; known are {', '.join(_GAINS)}, leaky_relu")
    if param is not None and (isinstance(param, bool) or not isinstance(param, (int, float))):
        raise ArgumentError(f"negative_slope {param} not a valid number")
    return math.sqrt(2.0 / (1 + (0.01 if param is None else param) ** 2))


# ---- plain ---------------------------------------------------------------------------------------------------------


@typed_errors
def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Uniform on [a, b).

    >>> w = tg.nn.init.uniform_(tg.empty(1000), -2.0, 3.0)
    >>> bool((w >= -2).all() & (w < 3).all())
    True
    """
    with no_grad():
        return _checked("uniform_", tensor).uniform_(a, b, generator=generator)


@typed_errors
def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Normal with this mean and standard deviation.

    >>> w = tg.nn.init.normal_(tg.empty(1000), mean=5.0, std=0.1)
    >>> bool(abs(w.mean() - 5) < 0.05)
    True
    """
    with no_grad():
        return _checked("normal_", tensor).normal_(mean, std, generator=generator)


@typed_errors
def constant_(tensor: Tensor, val: float) -> Tensor:
    """One value everywhere.

    >>> tg.nn.init.constant_(tg.empty(2), 7.0)
    tensor([7., 7.])
    """
    with no_grad():
        return _checked("constant_", tensor).fill_(val)


@typed_errors
def ones_(tensor: Tensor) -> Tensor:
    """One everywhere.

    >>> tg.nn.init.ones_(tg.empty(2))
    tensor([1., 1.])
    """
    return constant_(tensor, 1.0)


@typed_errors
def zeros_(tensor: Tensor) -> Tensor:
    """Zero everywhere.

    >>> tg.nn.init.zeros_(tg.empty(2))
    tensor([0., 0.])
    """
    return constant_(tensor, 0.0)


@typed_errors
def eye_(tensor: Tensor) -> Tensor:
    """The identity matrix, cut or filled up with zeros.

    >>> tg.nn.init.eye_(tg.empty(2, 3))
    tensor([[1., 0., 0.],
            [0., 1., 0.]])
    """
    if _checked("eye_", tensor).ndim != 2:
        raise ShapeError(f"Only tensors with 2 dimensions are supported, got shape {tensor.shape}")
    rows, columns = tensor.shape
    return _write(tensor, np.eye(rows, columns))


@typed_errors
def dirac_(tensor: Tensor, groups: int = 1) -> Tensor:
    """The weight of a convolution (out, in, size, ...) that gives its input back, in each of the groups of output channels.

    >>> tg.nn.init.dirac_(tg.empty(1, 1, 3))
    tensor([[[0., 1., 0.]]])
    """
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
    """(fan_in, fan_out): the products of dim 1, and of dim 0, with the sizes of a kernel; (out, in, size, ...).

    >>> tg.nn.init.fans(tg.empty(8, 3, 5, 5))
    (75, 200)
    """
    if tensor.ndim < 2:
        raise ShapeError(f"Fan in and fan out can not be computed for tensor with fewer than 2 dimensions, got shape {tensor.shape}")
    kernel = math.prod(tensor.shape[2:])
    return tensor.shape[1] * kernel, tensor.shape[0] * kernel


_calculate_fan_in_and_fan_out = fans  # PyTorch's name, which many layers outside of it use


@typed_errors
def xavier_uniform_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Uniform on ±gain · √(6 / (fan_in + fan_out)). Glorot and Bengio, 2010.

    >>> w = tg.nn.init.xavier_uniform_(tg.empty(100, 300))
    >>> bool(w.abs().max() <= (6 / 400) ** 0.5)
    True
    """
    bound = gain * math.sqrt(6.0 / max(sum(fans(_checked("xavier_uniform_", tensor))), 1))
    return uniform_(tensor, -bound, bound, generator)


@typed_errors
def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Normal with standard deviation gain · √(2 / (fan_in + fan_out)). Glorot and Bengio, 2010.

    >>> w = tg.nn.init.xavier_normal_(tg.empty(100, 300))
    >>> bool(abs(w.std() - (2 / 400) ** 0.5) < 0.01)
    True
    """
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
    """Uniform on ±gain · √(3 / fan); `a` is the slope of leaky_relu. He et al., Delving deep into rectifiers, 2015.

    >>> w = tg.nn.init.kaiming_uniform_(tg.empty(100, 200))
    >>> bool(w.abs().max() <= (6 / 200) ** 0.5)
    True
    """
    bound = math.sqrt(3.0) * _kaiming_std("kaiming_uniform_", tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound, generator)


@typed_errors
def kaiming_normal_(
    tensor: Tensor, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu", generator: Generator | None = None
) -> Tensor:
    """Normal with standard deviation gain / √fan; `a` is the slope of leaky_relu. He et al., 2015.

    >>> w = tg.nn.init.kaiming_normal_(tg.empty(100, 200))
    >>> bool(abs(w.std() - (2 / 200) ** 0.5) < 0.01)
    True
    """
    return normal_(tensor, 0.0, _kaiming_std("kaiming_normal_", tensor, a, mode, nonlinearity), generator)


# ---- others --------------------------------------------------------------------------------------------------------


@typed_errors
def orthogonal_(tensor: Tensor, gain: float = 1, generator: Generator | None = None) -> Tensor:
    """gain times a random matrix with orthonormal rows or columns, whichever are fewer; dims after the first count as one.

    Saxe et al., Exact solutions to the nonlinear dynamics of learning in deep linear neural networks, 2013.

    >>> w = tg.nn.init.orthogonal_(tg.empty(2, 3))
    >>> tg.allclose(w @ w.mT, tg.eye(2), atol=1e-6)
    True
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
    """Normal numbers restricted to [a, b].

    >>> w = tg.nn.init.trunc_normal_(tg.empty(1000), a=-1.0, b=1.0)
    >>> bool(w.abs().max() <= 1)
    True
    """
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
    """Normal numbers, of which in every column the fraction `sparsity`, rounded up, is zero. Martens, 2010.

    >>> w = tg.nn.init.sparse_(tg.empty(10, 3), sparsity=0.7)
    >>> (w == 0).sum(dim=0)
    tensor([7, 7, 7])
    """
    if _checked("sparse_", tensor).ndim != 2:
        raise ShapeError(f"Only tensors with 2 dimensions are supported, got shape {tensor.shape}")
    rows, columns = tensor.shape
    values = silent_copy().run(np.multiply, _normal((rows, columns), generator), std)
    order = np.argsort(_uniform((rows, columns), generator), axis=0)
    np.put_along_axis(values, order[: math.ceil(sparsity * rows)], 0.0, axis=0)
    return _write(tensor, values)


# ---- old names -----------------------------------------------------------------------------------------------------


def _renamed(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The function under its name without the underscore, with PyTorch's warning."""
    new = function.__name__

    @functools.wraps(function)
    def old(*args: Any, **kwargs: Any) -> Tensor:
        warnings.warn(f"`nn.init.{new[:-1]}` is now deprecated in favor of `nn.init.{new}`", FutureWarning, stacklevel=2)
        return function(*args, **kwargs)

    return old


uniform = _renamed(uniform_)
normal = _renamed(normal_)
constant = _renamed(constant_)
eye = _renamed(eye_)
dirac = _renamed(dirac_)
xavier_uniform = _renamed(xavier_uniform_)
xavier_normal = _renamed(xavier_normal_)
kaiming_uniform = _renamed(kaiming_uniform_)
kaiming_normal = _renamed(kaiming_normal_)
orthogonal = _renamed(orthogonal_)
sparse = _renamed(sparse_)

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
