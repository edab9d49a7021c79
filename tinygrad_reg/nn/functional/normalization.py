"""Normalization by neighbouring channels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...engine.refusal import typed_errors
from ...errors import ArgumentError, ShapeError
from ...ops.elementwise import square
from ...ops.losses import check_tensors
from ...ops.padding import pad
from ...ops.pooling import avg_pool2d
from ...ops.shape import flatten, reshape

if TYPE_CHECKING:
    from ...tensor import Tensor


@typed_errors
def local_response_norm(input: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Tensor:
    """x / (k + alpha · mean)^beta with the mean of x² over `size` channels around, zeros beyond the ends; (n, c, ...).

    Krizhevsky et al., ImageNet classification with deep convolutional neural networks, 2012.

    >>> tg.nn.functional.local_response_norm(tg.ones(1, 3, 1), 3, alpha=3.0, beta=1.0).flatten()
    tensor([0.3333, 0.2500, 0.3333])
    """
    check_tensors("local_response_norm", input=input)
    if input.ndim < 3:
        raise ShapeError(f"local_response_norm: input needs at least 3 dims, (n, c, ...), got shape {tuple(input.shape)}")
    if size < 1:
        raise ArgumentError(f"local_response_norm: size must be at least 1, got {size}")
    if not input.numel():
        return input
    squares = pad(flatten(square(input), 2), (0, 0, size // 2, (size - 1) // 2))
    means = reshape(avg_pool2d(squares, (size, 1), 1), input.shape)
    return input / (means * alpha + k) ** beta
