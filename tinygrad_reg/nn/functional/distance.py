"""How far apart vectors are, and how alike their directions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...engine.promotion import float_type, result_type
from ...engine.refusal import typed_errors
from ...errors import ArgumentError, ShapeError
from ...ops.arguments import coefficient, normalize_dim, numpy_names, shape_of
from ...ops.losses import check_tensors, is_usual
from ...ops.norms import cosine, norm, norm_2
from ...ops.pointwise import check_broadcast, convert, wide
from ...ops.reduction import read_dims
from ...ops.shape import expand

if TYPE_CHECKING:
    from ...tensor import Tensor


def _alike(what: str, x1: Tensor, x2: Tensor) -> tuple[Tensor, Tensor]:
    """Both tensors in one float dtype. Raises ShapeError unless they broadcast."""
    if is_usual(x1, x2):
        return x1, x2
    check_tensors(what, x1=x1, x2=x2)
    check_broadcast(what, (x1, x2))
    dtype = float_type(result_type(x1, x2))
    return convert(x1, dtype), convert(x2, dtype)


@numpy_names
def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-08) -> Tensor:
    """Σ x1·x2 / (max(‖x1‖, eps) · max(‖x2‖, eps)) along dim, the cosine of the angle between vectors that broadcast.

    >>> tg.nn.functional.cosine_similarity(tg.tensor([[1.0, 0.0], [1.0, 1.0]]), tg.tensor([[2.0, 0.0]]))
    tensor([1.0000, 0.7071])
    """
    what = "cosine_similarity"
    x1, x2 = _alike(what, x1, x2)
    shape, other = shape_of(x1), shape_of(x2)
    if shape != other:
        shape = np.broadcast_shapes(shape, other)
        along = normalize_dim(dim, len(shape), what)
        x1, x2 = _stretched(x1, shape, along), _stretched(x2, shape, along)
    dims = read_dims(x1, dim, what)
    least = coefficient(eps, what, "eps")
    if x1.dtype.char == "e":
        return convert(cosine.bind(wide(x1), wide(x2), eps=least, dim=dims), x1.dtype)
    return cosine.bind(x1, x2, eps=least, dim=dims)


def _stretched(x: Tensor, shape: tuple[int, ...], dim: int) -> Tensor:
    """x, repeated to a shape that it broadcasts to, if it has not all of that shape's elements along dim, of which its length is made."""
    given = shape_of(x)
    return x if len(given) == len(shape) and given[dim] == shape[dim] else expand(x, shape)


@numpy_names
def pairwise_distance(x1: Tensor, x2: Tensor, p: float = 2.0, eps: float = 1e-06, keepdim: bool = False) -> Tensor:
    """‖x1 - x2 + eps‖ₚ over the last dim of tensors that broadcast; (..., k), (..., k) -> (...).

    >>> tg.nn.functional.pairwise_distance(tg.tensor([[0.0, 0.0]]), tg.tensor([[3.0, 4.0]]))
    tensor([5.0000])
    """
    x1, x2 = _alike("pairwise_distance", x1, x2)
    shifted = x1 - x2 + coefficient(eps, "pairwise_distance", "eps")
    if type(p) in (int, float) and p == 2:
        return norm_2.bind(shifted, dim=read_dims(shifted, -1, "pairwise_distance"), keepdim=keepdim)
    return norm(shifted, p, -1, keepdim)


@typed_errors
def pdist(input: Tensor, p: float = 2.0) -> Tensor:
    """‖xᵢ - xⱼ‖ₚ of all pairs of rows, i < j, in the order (0, 1), (0, 2), ...; (n, k) -> (n (n - 1) / 2,). Equal rows have gradient 0.

    >>> tg.nn.functional.pdist(tg.tensor([[0.0, 0.0], [3.0, 4.0], [0.0, 1.0]]))
    tensor([5.0000, 1.0000, 4.2426])
    """
    check_tensors("pdist", input=input)
    if input.ndim != 2 or not input.is_floating_point():
        raise ShapeError(f"pdist: input must be floats (n, k), got {input.dtype} {tuple(input.shape)}")
    if p < 0:
        raise ArgumentError(f"pdist: p must be at least 0, got {p}")
    first, second = np.triu_indices(len(input), 1)
    return norm(input[first] - input[second], p, -1)
