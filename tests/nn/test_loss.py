"""Losses as modules: their settings and weights."""

from __future__ import annotations

import pytest

import tinygrad_reg as tg
from tinygrad_reg import nn
from tinygrad_reg.errors import ArgumentError, ShapeError


def test_mse_loss() -> None:
    x, y = tg.tensor([1.0, 2.0], requires_grad=True), tg.tensor([0.0, 4.0])
    loss = nn.MSELoss()(x, y)
    assert loss.item() == 2.5
    loss.backward()
    assert x.grad.tolist() == [1.0, -2.0]
    assert nn.MSELoss(reduction="sum")(x, y).item() == 5.0
    assert nn.MSELoss(reduction="none")(x, y).tolist() == [1.0, 4.0]
    with pytest.raises(ArgumentError, match="reduction must be"):
        nn.MSELoss(reduction="most")(x, y)


@pytest.mark.parametrize("make", [nn.MSELoss, nn.L1Loss, nn.SmoothL1Loss, nn.HuberLoss, nn.BCEWithLogitsLoss, nn.KLDivLoss])
def test_a_column_against_a_row_is_refused(make: type[nn.Module]) -> None:
    with pytest.raises(ShapeError, match="same shape|unsqueeze"):
        make()(tg.zeros(4, 1), tg.zeros(4))


def test_weights_are_buffers() -> None:
    loss = nn.BCEWithLogitsLoss(tg.ones(2), pos_weight=tg.ones(2))
    assert list(loss.state_dict()) == ["weight", "pos_weight"]
    assert not list(loss.parameters())
    assert loss.double().pos_weight.dtype == tg.float64
    assert list(nn.CrossEntropyLoss().state_dict()) == []


def test_the_old_flags() -> None:
    assert nn.MSELoss(size_average=False).reduction == "sum"
    assert nn.MSELoss(reduce=False).reduction == "none"
    assert nn.MSELoss(size_average=True, reduction="sum").reduction == "mean"
