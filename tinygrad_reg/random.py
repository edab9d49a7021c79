"""Making tensors of random numbers."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from .creation import as_tensor, float_or
from .dtypes import as_dtype, int64
from .engine.node import wrap
from .engine.refusal import typed_errors
from .engine.state import state
from .errors import ArgumentError, ArgumentTypeError
from .ops.arguments import checked_shape, rank
from .ops.random import Generator, draw
from .tensor import Tensor


@typed_errors
def rand(*size: Any, generator: Generator | None = None, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Uniform on [0, 1)."""
    made: Tensor = draw("uniform", checked_shape(size, "rand"), float_or(dtype), generator)
    return made.requires_grad_() if requires_grad else made


@typed_errors
def randn(*size: Any, generator: Generator | None = None, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Normal with mean 0 and standard deviation 1."""
    made: Tensor = draw("normal", checked_shape(size, "randn"), float_or(dtype), generator)
    return made.requires_grad_() if requires_grad else made


@typed_errors
def randint(
    low: Any = 0, high: Any = None, size: Any = None, *, generator: Generator | None = None, dtype: Any = None, device: Any = None
) -> Tensor:
    """Integers from low (included; default 0) to high (excluded): `randint(high, size)` or `randint(low, high, size)`."""
    if size is None:
        low, high, size = 0, low, high
    if size is None or high is None:
        raise ArgumentError("randint: give randint(high, size) or randint(low, high, size)")
    try:
        low, high = operator.index(low), operator.index(high)
    except TypeError:
        raise ArgumentTypeError(f"randint: low and high must be integers, got {low!r} and {high!r}") from None
    if low >= high:
        raise ArgumentError(f"randint: needs low < high, got {low} and {high}")
    wanted = int64 if dtype is None else as_dtype(dtype)
    made: Tensor = draw("integers", checked_shape((size,), "randint"), wanted, generator, (low, high))
    return made


@typed_errors
def randperm(n: int, *, generator: Generator | None = None, dtype: Any = None, device: Any = None) -> Tensor:
    """The integers 0 to n - 1 in random order."""
    if not isinstance(n, int):
        raise ArgumentTypeError(f"randperm: n must be an integer, got {type(n).__name__}")
    if n < 0:
        raise ArgumentError(f"randperm: n must not be negative, got {n}")
    made: Tensor = draw("permutation", (n,), int64 if dtype is None else as_dtype(dtype), generator, (n,))
    return made


@typed_errors
def rand_like(input: Tensor, *, generator: Generator | None = None, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Uniform on [0, 1), in the input's shape and dtype."""
    rank(input, "rand_like")
    return rand(input.shape, generator=generator, dtype=dtype or input.dtype, requires_grad=requires_grad)


@typed_errors
def randn_like(input: Tensor, *, generator: Generator | None = None, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Standard normal, in the input's shape and dtype."""
    rank(input, "randn_like")
    return randn(input.shape, generator=generator, dtype=dtype or input.dtype, requires_grad=requires_grad)


@typed_errors
def randint_like(input: Tensor, low: int, high: int | None = None, *, generator: Generator | None = None, dtype: Any = None) -> Tensor:
    """Random integers in the input's shape and dtype."""
    rank(input, "randint_like")
    low, high = (0, low) if high is None else (low, high)
    return randint(low, high, input.shape, generator=generator, dtype=dtype or input.dtype)


@typed_errors
def normal(mean: Any = 0.0, std: Any = 1.0, size: Any = None, *, generator: Generator | None = None, dtype: Any = None) -> Tensor:
    """Normal numbers of the given mean and standard deviation, which may be tensors that broadcast."""
    if size is None:
        shapes = [x.shape for x in (mean, std) if isinstance(x, Tensor)]
        if not shapes:
            raise ArgumentError("normal: give size when mean and std are numbers")
        size = np.broadcast_shapes(*shapes)
    if (std < 0).any() if isinstance(std, Tensor) else std < 0:
        raise ArgumentError(f"normal: std must not be negative, got {std}")
    drawn: Tensor = randn(size, generator=generator, dtype=dtype) * std + mean
    return drawn


@typed_errors
def bernoulli(input: Tensor, *, generator: Generator | None = None) -> Tensor:
    """1 with the probability given by each element, else 0; in the input's dtype."""
    rank(input, "bernoulli")
    p = as_tensor(input).detach()
    if not bool(((p.array >= 0) & (p.array <= 1)).all()):
        raise ArgumentError("bernoulli: probabilities must lie in [0, 1]")
    drawn: Tensor = draw("uniform", p.shape, p.dtype, generator)
    return (drawn < p).to(p.dtype)


@typed_errors
def multinomial(input: Tensor, num_samples: int, replacement: bool = False, *, generator: Generator | None = None) -> Tensor:
    """Indices drawn with probability proportional to the weights; (n,) -> (num_samples,) or (m, n) -> (m, num_samples), int64."""
    rank(input, "multinomial")
    if state.tracer is not None:
        state.tracer.unrepeatable("multinomial looks at the values of its weights")
    weights = np.atleast_2d(as_tensor(input).array).astype(np.float64)
    if input.ndim not in (1, 2) or (weights < 0).any() or not np.isfinite(weights).all() or (weights.sum(1) <= 0).any():
        raise ArgumentError("multinomial: needs one or several rows of finite weights that are not negative and not all zero")
    if not replacement and ((weights > 0).sum(1) < num_samples).any():
        raise ArgumentError(f"multinomial: cannot draw {num_samples} samples without replacement from so few nonzero weights")
    uniform = draw("uniform", (len(weights), num_samples if replacement else weights.shape[1]), np.float64, generator).array
    if replacement:
        cumulative = weights.cumsum(1) / weights.sum(1, keepdims=True)
        picks = np.stack([np.searchsorted(row, u, side="right") for row, u in zip(cumulative, uniform, strict=True)])
    else:  # exponential clocks: the smallest -log(u) / w come first
        with np.errstate(divide="ignore"):
            picks = np.argsort(-np.log1p(-uniform) / weights, axis=1, kind="stable")[:, :num_samples]
    result = wrap(Tensor, np.minimum(picks, weights.shape[1] - 1).astype(np.int64))
    chosen: Tensor = result if input.ndim == 2 else result[0]
    return chosen
