"""Products of the input with weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...engine.refusal import typed_errors
from ...errors import ShapeError
from ...ops.einsum import einsum
from ...ops.fused import linear as linear

if TYPE_CHECKING:
    from ...tensor import Tensor


@typed_errors
def bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x1ᵀ · weight[m] · x2 + bias[m]; (..., j), (..., k), (m, j, k), (m,) -> (..., m).

    >>> tg.nn.functional.bilinear(tg.tensor([1.0, 2.0]), tg.tensor([3.0, 4.0]), tg.eye(2)[None])
    tensor([11.])
    """
    wanted = (weight.shape[0], *input1.shape[-1:], *input2.shape[-1:]) if weight.ndim == 3 else None
    if weight.shape != wanted or input1.shape[:-1] != input2.shape[:-1]:
        raise ShapeError(
            "bilinear: needs inputs (..., j) and (..., k) and a weight (m, j, k)\n"
            f"  input1 {input1.shape} · input2 {input2.shape} · weight {weight.shape}"
        )
    out = einsum("...j,mjk,...k->...m", input1, weight, input2)
    return out if bias is None else out + bias
