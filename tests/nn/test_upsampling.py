"""Images of another size, as layers."""

from __future__ import annotations

import tinygrad_reg as tg
from tinygrad_reg import nn

X = tg.arange(4.0).reshape(1, 1, 2, 2)


def test_sizes() -> None:
    assert nn.Upsample(scale_factor=2)(X)[0, 0, 0].tolist() == [0.0, 0.0, 1.0, 1.0]
    assert nn.UpsamplingNearest2d(size=(1, 2))(X).tolist() == [[[[0.0, 1.0]]]]
    assert nn.UpsamplingBilinear2d(size=3)(X)[0, 0, 1].tolist() == [1.0, 1.5, 2.0]
    assert nn.Upsample(scale_factor=(2, 3)).scale_factor == (2.0, 3.0)


def test_shuffles_undo_each_other() -> None:
    x = tg.arange(16.0).reshape(1, 4, 2, 2)
    assert nn.PixelUnshuffle(2)(nn.PixelShuffle(2)(x)).tolist() == x.tolist()
    assert nn.ChannelShuffle(2)(x)[0, :, 0, 0].tolist() == [0.0, 8.0, 4.0, 12.0]
