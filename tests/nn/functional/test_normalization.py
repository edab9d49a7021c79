"""Normalization by neighbouring channels, by hand."""

from __future__ import annotations

import pytest

import tinygrad_reg as tg
from tinygrad_reg.errors import ArgumentError, ShapeError
from tinygrad_reg.nn import functional as F


def test_local_response_norm() -> None:
    """Of an even number of neighbours, the one more is before."""
    x = tg.tensor([[[1.0], [2.0], [4.0]]])
    got = F.local_response_norm(x, 2, alpha=2.0, beta=1.0, k=1.0)
    assert got.flatten().tolist() == pytest.approx([1 / 2, 2 / (1 + 1 + 4), 4 / (1 + 4 + 16)])
    assert F.local_response_norm(tg.zeros(0, 3, 2), 2).shape == (0, 3, 2)


def test_refusals() -> None:
    with pytest.raises(ShapeError, match="at least 3 dims"):
        F.local_response_norm(tg.zeros(2, 3), 2)
    with pytest.raises(ArgumentError, match="at least 1"):
        F.local_response_norm(tg.zeros(2, 3, 1), 0)
