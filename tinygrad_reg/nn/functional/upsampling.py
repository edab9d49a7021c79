"""The old names of `interpolate`."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from ...ops.resize import interpolate

if TYPE_CHECKING:
    from ...tensor import Tensor


def _warn(what: str) -> None:
    warnings.warn(f"`nn.functional.{what}` is deprecated. Use `nn.functional.interpolate` instead.", stacklevel=3)


def upsample(input: Tensor, size: Any = None, scale_factor: Any = None, mode: str = "nearest", align_corners: bool | None = None) -> Tensor:
    """`interpolate`.

    >>> tg.nn.functional.upsample(tg.tensor([[[1.0, 2.0]]]), scale_factor=2)
    tensor([[[1., 1., 2., 2.]]])
    """
    _warn("upsample")
    return interpolate(input, size, scale_factor, mode, align_corners)


def upsample_nearest(input: Tensor, size: Any = None, scale_factor: Any = None) -> Tensor:
    """`interpolate` in mode "nearest".

    >>> tg.nn.functional.upsample_nearest(tg.tensor([[[[0.0, 3.0]]]]), size=(1, 4))
    tensor([[[[0., 0., 3., 3.]]]])
    """
    _warn("upsample_nearest")
    return interpolate(input, size, scale_factor, mode="nearest")


def upsample_bilinear(input: Tensor, size: Any = None, scale_factor: Any = None) -> Tensor:
    """`interpolate` in mode "bilinear" with aligned corners.

    >>> tg.nn.functional.upsample_bilinear(tg.tensor([[[[0.0, 4.0]]]]), size=(1, 5))
    tensor([[[[0., 1., 2., 3., 4.]]]])
    """
    _warn("upsample_bilinear")
    return interpolate(input, size, scale_factor, mode="bilinear", align_corners=True)
