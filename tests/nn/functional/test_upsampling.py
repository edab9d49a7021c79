"""The old names of `interpolate` warn at the caller's line."""

from __future__ import annotations

import pytest

import tinygrad_reg as tg
from tinygrad_reg.nn import functional as F


def test_old_names() -> None:
    x = tg.tensor([[[[0.0, 2.0]]]])
    for call, want in (
        (lambda: F.upsample(x, (1, 4)), [0.0, 0.0, 2.0, 2.0]),
        (lambda: F.upsample_nearest(x, scale_factor=(1, 2)), [0.0, 0.0, 2.0, 2.0]),
        (lambda: F.upsample_bilinear(x, (1, 3)), [0.0, 1.0, 2.0]),
    ):
        with pytest.warns(UserWarning, match="is deprecated") as caught:
            assert call().flatten().tolist() == want
        assert caught[0].filename == __file__
