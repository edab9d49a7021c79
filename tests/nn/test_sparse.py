"""Tables of vectors."""

from __future__ import annotations

import pytest

import tinygrad_reg as tg
from tinygrad_reg import nn
from tinygrad_reg.errors import ArgumentError, DimensionError, ShapeError

TABLE = tg.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])


def test_rows_and_their_gradients() -> None:
    layer = nn.Embedding(3, 2, padding_idx=-1)
    assert layer.padding_idx == 2
    assert layer.weight[2].tolist() == [0.0, 0.0]
    layer(tg.tensor([0, 0, 2])).sum().backward()
    assert layer.weight.grad.tolist() == [[2.0, 2.0], [0.0, 0.0], [0.0, 0.0]]


def test_frequent_rows_may_learn_slower() -> None:
    layer = nn.Embedding(3, 2, scale_grad_by_freq=True)
    layer(tg.tensor([0, 0, 1])).sum().backward()
    assert layer.weight.grad.tolist() == [[1.0, 1.0], [1.0, 1.0], [0.0, 0.0]]


def test_a_table_of_ones_own() -> None:
    layer = nn.Embedding.from_pretrained(TABLE)
    assert not layer.weight.requires_grad
    assert layer(tg.tensor([[2], [0]])).tolist() == [[[5.0, 6.0]], [[1.0, 2.0]]]
    bags = nn.EmbeddingBag.from_pretrained(TABLE, freeze=False, mode="sum")
    assert bags.weight.requires_grad
    assert bags(tg.tensor([0, 1, 2]), tg.tensor([0, 2])).tolist() == [[4.0, 6.0], [5.0, 6.0]]
    assert bags(tg.tensor([[0, 2]]), per_sample_weights=tg.tensor([[1.0, 10.0]])).tolist() == [[51.0, 62.0]]


def test_long_rows_are_shortened_where_they_are() -> None:
    layer = nn.Embedding.from_pretrained(TABLE.clone(), max_norm=1.0)
    layer(tg.tensor([1]))
    assert layer.weight[1].tolist() == pytest.approx([0.6, 0.8], rel=1e-5)
    assert layer.weight[0].tolist() == [1.0, 2.0]


def test_refusals() -> None:
    with pytest.raises(ArgumentError, match="gradients are dense here"):
        nn.Embedding(3, 2, sparse=True)
    with pytest.raises(ArgumentError, match="one of the 3 rows, got 3"):
        nn.EmbeddingBag(3, 2, padding_idx=3)
    with pytest.raises(ShapeError, match=r"must have shape \(4, 2\), got \(3, 2\)"):
        nn.Embedding(4, 2, _weight=TABLE)
    with pytest.raises(ShapeError, match="rows, features"):
        nn.Embedding.from_pretrained(TABLE[0])
    with pytest.raises(DimensionError, match="index 3 is out of range"):
        nn.Embedding(3, 2)(tg.tensor([3]))
