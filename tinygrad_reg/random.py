"""Making tensors of random numbers."""

from __future__ import annotations

import functools
import operator
from typing import Any

import numpy as np

from .creation import float_or
from .dtypes import Dtype, as_dtype, int64
from .engine.refusal import typed_errors
from .engine.strong_zero import linked
from .errors import ArgumentError, ArgumentTypeError, DtypeError
from .ops.arguments import checked_shape, integer, rank
from .ops.pointwise import check_fits, convert, cut
from .ops.random import Generator, check_span, draw
from .ops.random import fork_rng as fork_rng
from .ops.random import get_rng_state as get_rng_state
from .ops.random import initial_seed as initial_seed
from .ops.random import manual_seed as manual_seed
from .ops.random import seed as seed
from .ops.random import set_rng_state as set_rng_state
from .tensor import Tensor, finished


def _float_or(dtype: Any, what: str) -> Dtype:
    """The float dtype asked for, or the default dtype."""
    wanted = float_or(dtype)
    if wanted.kind != "f":
        raise DtypeError(f"{what}: draws floating point numbers, which {wanted} does not hold; use randint for integers")
    return wanted


@typed_errors
def rand(
    *args: Any,
    size: Any = None,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Uniform on [0, 1).

    >>> x = tg.rand(100)
    >>> bool((x >= 0).all() & (x < 1).all())
    True
    """
    return finished(draw("uniform", checked_shape(args, "rand", size), _float_or(dtype, "rand"), generator), requires_grad, device)


@typed_errors
def randn(
    *args: Any,
    size: Any = None,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Normal with mean 0 and standard deviation 1.

    >>> tg.randn(2, 3).shape
    (2, 3)
    """
    return finished(draw("normal", checked_shape(args, "randn", size), _float_or(dtype, "randn"), generator), requires_grad, device)


@typed_errors
def randint(
    low: Any = 0,
    high: Any = None,
    size: Any = None,
    *,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Integers from low (included; default 0) to high (excluded): `randint(high, size)` or `randint(low, high, size)`.

    >>> x = tg.randint(3, 5, (100,))
    >>> x.min(), x.max()
    (tensor(3), tensor(4))
    """
    if size is None:
        low, high, size = 0, low, high
    elif high is None:
        low, high = 0, low
    if size is None:
        raise ArgumentError("randint: give randint(high, size) or randint(low, high, size)")
    try:
        low, high = operator.index(low), operator.index(high)
    except TypeError:
        raise ArgumentTypeError(f"randint: low and high must be integers, got {low!r} and {high!r}") from None
    wanted = int64 if dtype is None else as_dtype(dtype)
    check_span(low, high, wanted, "randint")
    return finished(draw("integers", checked_shape((size,), "randint"), wanted, generator, (low, high)), requires_grad, device)


@typed_errors
def randperm(n: int, *, generator: Generator | None = None, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """The integers 0 to n - 1 in random order.

    >>> tg.randperm(4).sort().values
    tensor([0, 1, 2, 3])
    """
    n = integer(n, "randperm", "n")
    if n < 0:
        raise ArgumentError(f"randperm: n must not be negative, got {n}")
    wanted = int64 if dtype is None else as_dtype(dtype)
    check_fits(n - 1, wanted, "randperm")
    return finished(draw("permutation", (n,), wanted, generator, (n,)), requires_grad, device)


@typed_errors
def rand_like(
    input: Tensor, *, generator: Generator | None = None, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Uniform on [0, 1), in the input's shape and dtype.

    >>> tg.rand_like(tg.zeros(2, 3)).shape
    (2, 3)
    """
    rank(input, "rand_like")
    return rand(input.shape, generator=generator, dtype=dtype or input.dtype, device=device, requires_grad=requires_grad)


@typed_errors
def randn_like(
    input: Tensor, *, generator: Generator | None = None, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Standard normal, in the input's shape and dtype.

    >>> tg.randn_like(tg.zeros(2, 3)).shape
    (2, 3)
    """
    rank(input, "randn_like")
    return randn(input.shape, generator=generator, dtype=dtype or input.dtype, device=device, requires_grad=requires_grad)


@typed_errors
def randint_like(
    input: Tensor,
    low: int = 0,
    high: int | None = None,
    *,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Random integers in the input's shape and dtype.

    >>> tg.randint_like(tg.zeros(2), 1)
    tensor([0., 0.])
    """
    rank(input, "randint_like")
    low, high = (0, low) if high is None else (low, high)
    wanted = dtype or input.dtype
    return randint(low, high, input.shape, generator=generator, dtype=wanted, device=device, requires_grad=requires_grad)


@typed_errors
def normal(
    mean: Any = 0.0,
    std: Any = 1.0,
    size: Any = None,
    *,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Normal numbers of the given mean and standard deviation, which may be tensors that broadcast; towards these the gradient is 0.

    (For the gradient of a sample write `mean + std * tg.randn_like(std)`.)

    >>> tg.normal(tg.tensor([0.0, 100.0]), 0.0)
    tensor([  0., 100.])
    """
    if size is None:
        shapes = [x.shape for x in (mean, std) if isinstance(x, Tensor)]
        if not shapes:
            raise ArgumentError("normal: give size when mean and std are numbers")
        size = np.broadcast_shapes(*shapes)
    if (std < 0).any() if isinstance(std, Tensor) else std < 0:
        raise ArgumentError(f"normal: std must not be negative, got {std}")
    given = [x for x in (mean, std) if isinstance(x, Tensor)]
    noise = randn(size, generator=generator, dtype=given[0].dtype if given and dtype is None else dtype)
    mean, std = [cut(x) if isinstance(x, Tensor) else x for x in (mean, std)]
    drawn = functools.reduce(linked, given, noise * std + mean)
    return finished(convert(drawn, noise.dtype), requires_grad, device)
