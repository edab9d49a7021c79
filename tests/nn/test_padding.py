"""Padding as layers."""

from __future__ import annotations

import pytest

import tinygrad_reg as tg
from tinygrad_reg import nn
from tinygrad_reg.errors import ArgumentError

X = tg.tensor([[1.0, 2.0, 3.0]])


def test_what_comes_around() -> None:
    assert nn.ConstantPad1d((1, 0), 7.0)(X).tolist() == [[7.0, 1.0, 2.0, 3.0]]
    assert nn.ZeroPad1d(1)(X).tolist() == [[0.0, 1.0, 2.0, 3.0, 0.0]]
    assert nn.ReflectionPad1d(1)(X).tolist() == [[2.0, 1.0, 2.0, 3.0, 2.0]]
    assert nn.ReplicationPad1d(1)(X).tolist() == [[1.0, 1.0, 2.0, 3.0, 3.0]]
    assert nn.CircularPad1d(1)(X).tolist() == [[3.0, 1.0, 2.0, 3.0, 1.0]]
    assert nn.ConstantPad1d(-1, 0.0)(X).tolist() == [[2.0]]


def test_sides_of_the_last_dim_come_first() -> None:
    assert nn.ZeroPad2d((1, 2, 3, 4))(tg.zeros(1, 5, 5)).shape == (1, 12, 8)
    assert nn.ZeroPad2d(1).padding == (1, 1, 1, 1)
    assert isinstance(nn.ZeroPad2d(1), nn.ConstantPad2d)
    with pytest.raises(ArgumentError, match="ZeroPad2d: padding needs one integer, or 4"):
        nn.ZeroPad2d((1, 2, 3))
