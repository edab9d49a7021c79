"""Losses with margins, likelihoods and distances as modules: their settings reach the functions."""

from __future__ import annotations

import math

import pytest

import tinygrad_reg as tg
from tinygrad_reg import nn
from tinygrad_reg.errors import ArgumentError

A, B = tg.tensor([[0.0, 3.0]]), tg.tensor([[4.0, 0.0]])


def test_by_hand() -> None:
    assert nn.HingeEmbeddingLoss(margin=5.0)(tg.tensor([2.0, 3.0]), tg.tensor([1, -1])).item() == 2.0
    assert nn.MarginRankingLoss(0.5)(tg.tensor([1.0]), tg.tensor([2.0]), tg.tensor([1.0])).item() == 1.5
    assert nn.CosineEmbeddingLoss()(A, B, tg.tensor([1.0])).item() == pytest.approx(1.0)
    assert nn.TripletMarginLoss(margin=2.0, eps=0.0)(A, A, B).item() == 0.0
    assert nn.TripletMarginWithDistanceLoss(margin=1.0)(A, B, A).item() == pytest.approx(6.0, rel=1e-5)
    assert nn.MultiMarginLoss(margin=2.0)(A, tg.tensor([0])).item() == 2.5
    assert nn.SoftMarginLoss()(tg.zeros(2), tg.ones(2)).item() == pytest.approx(math.log(2))
    assert nn.PoissonNLLLoss(log_input=False, eps=0.0)(tg.ones(2), tg.ones(2)).item() == 1.0
    assert nn.GaussianNLLLoss(full=True)(A, A, tg.ones(1, 2)).item() == pytest.approx(0.5 * math.log(2 * math.pi))
    assert nn.PairwiseDistance(eps=0.0)(A, B).tolist() == [5.0]
    assert nn.CosineSimilarity()(A, A).tolist() == [1.0]


def test_a_distance_may_be_a_module_that_learns() -> None:
    loss = nn.TripletMarginWithDistanceLoss(distance_function=nn.Bilinear(2, 2, 1))
    assert [name for name, _ in loss.named_parameters()] == ["distance_function.weight", "distance_function.bias"]


def test_weights_are_buffers() -> None:
    assert list(nn.MultiMarginLoss(weight=tg.ones(3)).state_dict()) == ["weight"]
    assert list(nn.MultiLabelSoftMarginLoss(tg.ones(3)).state_dict()) == ["weight"]


def test_refusals() -> None:
    for make in (lambda: nn.TripletMarginLoss(0.0), lambda: nn.TripletMarginWithDistanceLoss(margin=-1.0)):
        with pytest.raises(ArgumentError, match="margin must be positive"):
            make()
    with pytest.raises(ArgumentError, match="p must be 1 or 2"):
        nn.MultiMarginLoss(3)
