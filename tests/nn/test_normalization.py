"""Normalization of each sample, as layers."""

from __future__ import annotations

import pytest

import tinygrad_reg as tg
from tinygrad_reg import nn
from tinygrad_reg.errors import ArgumentError, ShapeError

X = tg.tensor([[1.0, 3.0, 5.0, 7.0]])


def test_by_hand() -> None:
    assert nn.LayerNorm(2, eps=0.0)(X.reshape(2, 2)).tolist() == [[-1.0, 1.0], [-1.0, 1.0]]
    assert nn.GroupNorm(2, 4, eps=0.0)(X).tolist() == [[-1.0, 1.0, -1.0, 1.0]]
    assert nn.RMSNorm(1, eps=0.0)(-X.reshape(4, 1)).tolist() == [[-1.0]] * 4
    assert nn.LocalResponseNorm(1, alpha=1.0, beta=1.0, k=0.0)(X.reshape(1, 4, 1)).flatten().tolist() == pytest.approx(
        [1, 1 / 3, 0.2, 1 / 7]
    )


def test_parameters() -> None:
    assert [name for name, _ in nn.LayerNorm((2, 3)).named_parameters()] == ["weight", "bias"]
    assert nn.LayerNorm((2, 3)).weight.shape == (2, 3)
    assert nn.LayerNorm(3, bias=False).bias is None
    assert [name for name, _ in nn.GroupNorm(2, 4, affine=False).named_parameters()] == []
    assert repr(nn.RMSNorm(3)) == "RMSNorm((3,), eps=None, elementwise_affine=True)"


def test_refusals() -> None:
    with pytest.raises(ArgumentError, match="divisible by num_groups, got 4 and 3"):
        nn.GroupNorm(3, 4)
    with pytest.raises(ShapeError, match="layer_norm"):
        nn.LayerNorm(3)(X)
