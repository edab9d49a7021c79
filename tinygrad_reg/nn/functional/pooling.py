"""Pooling beyond images: over three dimensions, by other norms than the largest element, and the way back of maxima."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from ...creation import zeros
from ...engine.refusal import typed_errors
from ...engine.strong_zero import masked
from ...errors import ArgumentError, DtypeError, ShapeError
from ...ops.arguments import coefficient
from ...ops.elementwise import abs, eq
from ...ops.gathering import scatter
from ...ops.pooling import adaptive_max, adaptive_mean, sliding_max, sliding_mean
from ...ops.positions import in_range
from ...ops.shape import reshape
from ...ops.windows import Sizes, batched, per_dim, unbatched

if TYPE_CHECKING:
    from ...tensor import Tensor

# ---- three dimensions ----------------------------------------------------------------------------------------------


@typed_errors
def max_pool3d(
    input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
    ceil_mode: bool = False, return_indices: bool = False,
) -> Any:  # fmt: skip
    """`max_pool1d` over three dimensions; (n, c, d, h, w) -> (n, c, out_d, out_h, out_w).

    >>> tg.nn.functional.max_pool3d(tg.arange(8.0).reshape(1, 1, 2, 2, 2), 2)
    tensor([[[[[7.]]]]])
    """
    return sliding_max("max_pool3d", 3, input, (kernel_size, stride, padding, dilation, ceil_mode), return_indices)


@typed_errors
def avg_pool3d(
    input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
    count_include_pad: bool = True, divisor_override: int | None = None,
) -> Tensor:  # fmt: skip
    """`avg_pool2d` over three dimensions; (n, c, d, h, w) -> (n, c, out_d, out_h, out_w).

    >>> tg.nn.functional.avg_pool3d(tg.arange(8.0).reshape(1, 1, 2, 2, 2), 2)
    tensor([[[[[3.5000]]]]])
    """
    return sliding_mean("avg_pool3d", 3, input, (kernel_size, stride, padding, 1, ceil_mode), count_include_pad, divisor_override)


@typed_errors
def adaptive_avg_pool3d(input: Tensor, output_size: Any) -> Tensor:
    """`adaptive_avg_pool1d` over three dimensions; (n, c, d, h, w) -> (n, c, out_d, out_h, out_w). None keeps a size.

    >>> tg.nn.functional.adaptive_avg_pool3d(tg.ones(1, 2, 6, 7, 8), (3, None, 1)).shape
    (1, 2, 3, 7, 1)
    """
    return adaptive_mean("adaptive_avg_pool3d", 3, input, output_size)


@typed_errors
def adaptive_max_pool3d(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
    """`adaptive_max_pool1d` over three dimensions; (n, c, d, h, w) -> (n, c, out_d, out_h, out_w). None keeps a size.

    >>> tg.nn.functional.adaptive_max_pool3d(tg.ones(1, 2, 6, 7, 8), (3, None, 1)).shape
    (1, 2, 3, 7, 1)
    """
    return adaptive_max("adaptive_max_pool3d", 3, input, output_size, return_indices)


# ---- norms ---------------------------------------------------------------------------------------------------------


@typed_errors
def lp_pool1d(input: Tensor, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> Tensor:
    """(Σ xᵖ)^(1/p) of each window, with p = norm_type; inf is the largest absolute value; (n, c, l) -> (n, c, out).

    A window that `ceil_mode` cuts counts as if it were filled with its mean. The gradient is 0 where the sum is.

    >>> tg.nn.functional.lp_pool1d(tg.tensor([[3.0, 4.0, 6.0, 8.0]]), 2, 2)
    tensor([[ 5., 10.]])
    """
    return _lp_pool("lp_pool1d", 1, input, norm_type, kernel_size, stride, ceil_mode)


@typed_errors
def lp_pool2d(input: Tensor, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> Tensor:
    """`lp_pool1d` over two dimensions; (n, c, h, w) -> (n, c, out_h, out_w).

    >>> tg.nn.functional.lp_pool2d(tg.ones(1, 1, 4, 4), 2, 2)
    tensor([[[[2., 2.],
              [2., 2.]]]])
    """
    return _lp_pool("lp_pool2d", 2, input, norm_type, kernel_size, stride, ceil_mode)


@typed_errors
def lp_pool3d(input: Tensor, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> Tensor:
    """`lp_pool1d` over three dimensions; (n, c, d, h, w) -> (n, c, out_d, out_h, out_w).

    >>> tg.nn.functional.lp_pool3d(tg.ones(1, 1, 1, 2, 2), 2, (1, 2, 2))
    tensor([[[[[2.]]]]])
    """
    return _lp_pool("lp_pool3d", 3, input, norm_type, kernel_size, stride, ceil_mode)


def _lp_pool(what: str, count: int, input: Any, norm_type: float, kernel_size: Any, stride: Any, ceil_mode: bool) -> Tensor:
    p = coefficient(norm_type, what, "norm_type")
    if p == 0.0 or math.isnan(p):
        raise ArgumentError(f"{what}: norm_type must be a number other than 0, got {norm_type}")
    options = (kernel_size, stride, 0, 1, ceil_mode)
    if math.isinf(p):
        sign = math.copysign(1.0, p)
        largest: Tensor = sliding_max(what, count, sign * abs(input), options, False) * sign
        return largest
    elements = math.prod(per_dim(kernel_size, count, what, "kernel_size", 1))
    total = sliding_mean(what, count, input**p, options, True) * float(elements)
    return masked(total, eq(total, 0.0)) ** (1.0 / p)


# ---- the way back of maxima ----------------------------------------------------------------------------------------


@typed_errors
def max_unpool1d(
    input: Tensor, indices: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, output_size: Any = None
) -> Tensor:  # fmt: skip
    """Each element at the place in the output that `indices` names, zeros elsewhere; (n, c, l) twice -> (n, c, out).

    Undoes `max_pool1d` with these settings and `return_indices`. out = (l - 1) · stride + kernel_size - 2 · padding, or
    `output_size` where the pooling could have come from several sizes.

    >>> largest, indices = tg.nn.functional.max_pool1d(tg.tensor([[1.0, 5.0, 7.0, 2.0]]), 2, return_indices=True)
    >>> tg.nn.functional.max_unpool1d(largest, indices, 2)
    tensor([[0., 5., 7., 0.]])
    """
    return _max_unpool("max_unpool1d", 1, input, indices, (kernel_size, stride, padding), output_size)


@typed_errors
def max_unpool2d(
    input: Tensor, indices: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, output_size: Any = None
) -> Tensor:  # fmt: skip
    """`max_unpool1d` over two dimensions; (n, c, h, w) twice -> (n, c, out_h, out_w).

    >>> tg.nn.functional.max_unpool2d(tg.tensor([[[9.0]]]), tg.tensor([[[1]]]), 2)
    tensor([[[0., 9.],
             [0., 0.]]])
    """
    return _max_unpool("max_unpool2d", 2, input, indices, (kernel_size, stride, padding), output_size)


@typed_errors
def max_unpool3d(
    input: Tensor, indices: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, output_size: Any = None
) -> Tensor:  # fmt: skip
    """`max_unpool1d` over three dimensions; (n, c, d, h, w) twice -> (n, c, out_d, out_h, out_w).

    >>> x, indices = tg.nn.functional.max_pool3d(tg.rand(1, 2, 4, 4, 4), 2, return_indices=True)
    >>> tg.nn.functional.max_unpool3d(x, indices, 2).shape
    (1, 2, 4, 4, 4)
    """
    return _max_unpool("max_unpool3d", 3, input, indices, (kernel_size, stride, padding), output_size)


def _max_unpool(what: str, count: int, input: Any, indices: Any, options: tuple[Any, Any, Any], output_size: Any) -> Tensor:
    if tuple(indices.shape) != tuple(input.shape):
        raise ShapeError(f"{what}: input and indices must have the same shape\n  {tuple(input.shape)} · {tuple(indices.shape)}")
    if indices.dtype.kind != "i":
        raise DtypeError(f"{what}: indices must be integers, as max_pool gives them, got {indices.dtype}")
    (input, added), (indices, _) = batched(input, count, what), batched(indices, count, what)
    size = _unpooled(what, input.shape[2:], options, output_size)
    lead, places = tuple(input.shape[:2]), math.prod(size)
    lines = (*lead, math.prod(input.shape[2:]))
    numbers = in_range.bind(reshape(indices, lines), size=places, what=what)
    flat = scatter(zeros((*lead, places), dtype=input.dtype), -1, numbers, reshape(input, lines))
    return unbatched(reshape(flat, (*lead, *size)), added)


def _unpooled(what: str, given: Sizes, options: tuple[Any, Any, Any], output_size: Any) -> Sizes:
    """The size that was pooled to `given`; `output_size`, perhaps with batch and channels before it, if that is possible."""
    count = len(given)
    kernel = per_dim(options[0], count, what, "kernel_size", 1)
    stride = kernel if options[1] is None else per_dim(options[1], count, what, "stride", 1)
    padding = per_dim(options[2], count, what, "padding", 0)
    usual = tuple([(n - 1) * s + k - 2 * p for n, k, s, p in zip(given, kernel, stride, padding, strict=True)])
    if output_size is None:
        return usual
    wanted = tuple(output_size)[2 if len(output_size) == count + 2 else 0 :]
    if len(wanted) != count:
        raise ArgumentError(f"{what}: output_size needs {count} or {count + 2} numbers, got {tuple(output_size)}")
    for dim, (n, m, s) in enumerate(zip(wanted, usual, stride, strict=True)):
        if not m - s < n < m + s:
            raise ArgumentError(f"{what}: size {n} of output_size {wanted} must lie between {m - s} and {m + s}, exclusive, in dim {dim}")
    return tuple([int(n) for n in wanted])
