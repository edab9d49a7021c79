"""Images of another size: interpolation, and pixels moved between channels and space."""

from __future__ import annotations

from typing import Any

from ..engine.refusal import typed_errors
from ..tensor import Tensor
from . import functional as F
from .module import Module


class Upsample(Module):
    """The input at another size, or at its size times `scale_factor`; (n, c, *size) -> (n, c, *out). See `nn.functional.interpolate`.

    >>> tg.nn.Upsample(scale_factor=2, mode="linear")(tg.tensor([[[0.0, 4.0]]]))
    tensor([[[0., 1., 3., 4.]]])
    """

    @typed_errors
    def __init__(
        self,
        size: Any = None,
        scale_factor: Any = None,
        mode: str = "nearest",
        align_corners: bool | None = None,
        recompute_scale_factor: bool | None = None,
    ) -> None:
        super().__init__()
        self.size = size
        several = isinstance(scale_factor, (tuple, list))
        self.scale_factor = tuple(map(float, scale_factor)) if several else None if scale_factor is None else float(scale_factor)
        self.mode = mode
        self.align_corners = align_corners
        self.recompute_scale_factor = recompute_scale_factor

    def forward(self, input: Tensor) -> Tensor:
        return F.interpolate(input, self.size, self.scale_factor, self.mode, self.align_corners, self.recompute_scale_factor)

    def extra_repr(self) -> str:
        target = f"size={self.size}" if self.scale_factor is None else f"scale_factor={self.scale_factor}"
        return f"{target}, mode={self.mode!r}"


class UpsamplingNearest2d(Upsample):
    """`Upsample` in mode "nearest".

    >>> tg.nn.UpsamplingNearest2d(size=(1, 4))(tg.tensor([[[[0.0, 3.0]]]]))
    tensor([[[[0., 0., 3., 3.]]]])
    """

    @typed_errors
    def __init__(self, size: Any = None, scale_factor: Any = None) -> None:
        super().__init__(size, scale_factor, mode="nearest")


class UpsamplingBilinear2d(Upsample):
    """`Upsample` in mode "bilinear" with aligned corners.

    >>> tg.nn.UpsamplingBilinear2d(size=(1, 5))(tg.tensor([[[[0.0, 4.0]]]]))
    tensor([[[[0., 1., 2., 3., 4.]]]])
    """

    @typed_errors
    def __init__(self, size: Any = None, scale_factor: Any = None) -> None:
        super().__init__(size, scale_factor, mode="bilinear", align_corners=True)


class PixelShuffle(Module):
    """Channels become pixels; (..., c · r², h, w) -> (..., c, h · r, w · r). Shi et al., 2016.

    >>> tg.nn.PixelShuffle(2)(tg.arange(4.0).reshape(1, 4, 1, 1))
    tensor([[[[0., 1.],
              [2., 3.]]]])
    """

    @typed_errors
    def __init__(self, upscale_factor: int) -> None:
        super().__init__()
        self.upscale_factor = upscale_factor

    def forward(self, input: Tensor) -> Tensor:
        return F.pixel_shuffle(input, self.upscale_factor)

    def extra_repr(self) -> str:
        return f"upscale_factor={self.upscale_factor}"


class PixelUnshuffle(Module):
    """Pixels become channels; (..., c, h · r, w · r) -> (..., c · r², h, w).

    >>> tg.nn.PixelUnshuffle(2)(tg.ones(1, 3, 4, 6)).shape
    (1, 12, 2, 3)
    """

    @typed_errors
    def __init__(self, downscale_factor: int) -> None:
        super().__init__()
        self.downscale_factor = downscale_factor

    def forward(self, input: Tensor) -> Tensor:
        return F.pixel_unshuffle(input, self.downscale_factor)

    def extra_repr(self) -> str:
        return f"downscale_factor={self.downscale_factor}"


class ChannelShuffle(Module):
    """Channels dealt out anew: channel j of group i becomes channel i of group j; (n, c, ...). Zhang et al., ShuffleNet, 2018.

    >>> tg.nn.ChannelShuffle(2)(tg.arange(6.0).reshape(1, 6, 1)).flatten()
    tensor([0., 3., 1., 4., 2., 5.])
    """

    @typed_errors
    def __init__(self, groups: int) -> None:
        super().__init__()
        self.groups = groups

    def forward(self, input: Tensor) -> Tensor:
        return F.channel_shuffle(input, self.groups)

    def extra_repr(self) -> str:
        return f"groups={self.groups}"
