"""Pooling beyond images, by hand."""

from __future__ import annotations

import pytest

import tinygrad_reg as tg
from tinygrad_reg.errors import ArgumentError, DimensionError, DtypeError, ShapeError
from tinygrad_reg.nn import functional as F


def test_three_dimensions() -> None:
    x = tg.arange(8.0).reshape(1, 1, 2, 2, 2)
    assert F.max_pool3d(x, 2).tolist() == [[[[[7.0]]]]]
    assert F.avg_pool3d(x, 2).tolist() == [[[[[3.5]]]]]
    assert F.adaptive_avg_pool3d(x, (1, None, 1)).tolist() == [[[[[2.5], [4.5]]]]]
    assert F.adaptive_max_pool3d(x, 1, return_indices=True)[1].tolist() == [[[[[7]]]]]
    with pytest.raises(ShapeError, match="max_pool3d: input must have 5 dims"):
        F.max_pool3d(tg.zeros(2, 2), 2)


def test_norms() -> None:
    x = tg.tensor([[[3.0, 4.0, -5.0, 12.0]]])
    assert F.lp_pool1d(x, 2, 2).tolist() == [[[5.0, 13.0]]]
    assert F.lp_pool1d(x, float("inf"), 2).tolist() == [[[4.0, 12.0]]]
    assert F.lp_pool1d(x, float("-inf"), 2).tolist() == [[[3.0, 5.0]]]
    with pytest.raises(ArgumentError, match="other than 0"):
        F.lp_pool1d(x, 0, 2)


def test_unpooling() -> None:
    x = tg.tensor([[[1.0, 5.0, 2.0, 0.0, 7.0]]], requires_grad=True)
    out, places = F.max_pool1d(x, 2, return_indices=True)
    assert F.max_unpool1d(out, places, 2).tolist() == [[[0.0, 5.0, 2.0, 0.0]]]
    back = F.max_unpool1d(out, places, 2, output_size=(1, 1, 5))
    assert back.tolist() == [[[0.0, 5.0, 2.0, 0.0, 0.0]]]
    (back * back).sum().backward()
    assert x.grad.tolist() == [[[0.0, 10.0, 4.0, 0.0, 0.0]]]


def test_unpooling_nothing() -> None:
    assert F.max_unpool2d(tg.zeros(0, 2, 3, 3), tg.zeros(0, 2, 3, 3).long(), 2).shape == (0, 2, 6, 6)


def test_unpooling_refuses_places_that_do_not_exist() -> None:
    x, places = tg.ones(1, 2), tg.tensor([[0, 3]])
    with pytest.raises(DimensionError, match="max_unpool1d"):
        F.max_unpool1d(x, places + 1, 2)
    with pytest.raises(DtypeError, match="must be integers"):
        F.max_unpool1d(x, places.double(), 2)
    with pytest.raises(ShapeError, match="same shape"):
        F.max_unpool1d(x, places[:, :1], 2)
    with pytest.raises(ArgumentError, match="between 2 and 6"):
        F.max_unpool1d(x, places, 2, output_size=(6,))
    with pytest.raises(ArgumentError, match="1 or 3 numbers"):
        F.max_unpool1d(x, places, 2, output_size=(2, 2))
