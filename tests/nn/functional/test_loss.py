"""Losses: reductions, the trap of broadcasting, derivatives where there is a choice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_reg as tg
from tinygrad_reg.errors import ArgumentError, ArgumentTypeError, ShapeError
from tinygrad_reg.nn import functional as F

ELEMENTWISE: dict[str, Callable[..., Any]] = {
    "mse_loss": F.mse_loss,
    "l1_loss": F.l1_loss,
    "smooth_l1_loss": F.smooth_l1_loss,
    "huber_loss": F.huber_loss,
    "kl_div": F.kl_div,
}


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_reductions(name: str) -> None:
    x, y = tg.rand(3, 4, dtype=tg.float64), tg.rand(3, 4, dtype=tg.float64)
    each = ELEMENTWISE[name](x, y, reduction="none")
    assert each.shape == (3, 4)
    assert ELEMENTWISE[name](x, y).item() == pytest.approx(each.mean().item())
    assert ELEMENTWISE[name](x, y, reduction="sum").item() == pytest.approx(each.sum().item())
    with pytest.raises(ArgumentError, match="reduction must be"):
        ELEMENTWISE[name](x, y, reduction="average")


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_everything_against_everything_is_refused(name: str) -> None:
    column, row = tg.ones(5, 1), tg.ones(5)
    with pytest.raises(ShapeError, match=r"write target.unsqueeze\(1\)"):
        ELEMENTWISE[name](column, row)
    with pytest.raises(ShapeError, match=r"write input.unsqueeze\(1\)"):
        ELEMENTWISE[name](row, column)
    with pytest.raises(ShapeError, match="same shape"):
        ELEMENTWISE[name](tg.ones(5), tg.ones(4))
    assert ELEMENTWISE[name](tg.ones(5, 3), tg.ones(3), reduction="none").shape == (5, 3)
    assert ELEMENTWISE[name](tg.ones(5), tg.tensor(1.0), reduction="none").shape == (5,)


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_targets_are_tensors(name: str) -> None:
    with pytest.raises(ArgumentTypeError, match="target must be a tensor, got float"):
        ELEMENTWISE[name](tg.ones(3), 1.0)


@pytest.mark.parametrize(
    ("function", "at", "value", "first", "second"),
    [
        (lambda x, y: F.l1_loss(x, y), 0.0, 0.0, 0.0, 0.0),
        (lambda x, y: F.huber_loss(x, y, delta=2.0), 2.0, 2.0, 2.0, 0.0),
        (lambda x, y: F.huber_loss(x, y, delta=2.0), 1.0, 0.5, 1.0, 1.0),
        (lambda x, y: F.huber_loss(x, y, delta=2.0), -3.0, 4.0, -2.0, 0.0),
        (lambda x, y: F.smooth_l1_loss(x, y, beta=0.5), 0.25, 0.0625, 0.5, 2.0),
        (lambda x, y: F.smooth_l1_loss(x, y, beta=0.5), 1.0, 0.75, 1.0, 0.0),
        (lambda x, y: F.smooth_l1_loss(x, y, beta=0.0), -3.0, 3.0, -1.0, 0.0),
    ],
)
def test_derivatives_at(function: Callable[..., Any], at: float, value: float, first: float, second: float) -> None:
    x = tg.tensor(at, dtype=tg.float64, requires_grad=True)
    y = function(x, tg.zeros((), dtype=tg.float64))
    (d1,) = tg.autograd.grad(y, x, create_graph=True)
    (d2,) = tg.autograd.grad(d1, x)
    assert (y.item(), d1.item(), d2.item()) == (value, first, second)


def test_kl_div_is_the_divergence() -> None:
    p = tg.tensor([[0.5, 0.5, 0.0], [0.1, 0.2, 0.7]], dtype=tg.float64)
    q = tg.tensor([[0.2, 0.3, 0.5], [0.3, 0.3, 0.4]], dtype=tg.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        want = np.nansum(p.numpy() * np.log(p.numpy() / q.numpy())) / 2
    assert F.kl_div(q.log(), p, reduction="batchmean").item() == pytest.approx(want)
    positive = p[1:]
    assert F.kl_div(q[1:].log(), positive.log(), reduction="sum", log_target=True).item() == pytest.approx(
        F.kl_div(q[1:].log(), positive, reduction="sum").item()
    )


def test_weights() -> None:
    x, y, w = tg.tensor([1.0, 3.0]), tg.zeros(2), tg.tensor([1.0, 3.0])
    assert F.l1_loss(x, y, weight=w).item() == 10.0 / 4.0
    assert F.mse_loss(x, y, weight=w).item() == 28.0 / 4.0
    assert F.huber_loss(x, y, weight=w).item() == (0.5 + 7.5) / 2.0
    with pytest.raises(ShapeError, match="weight must have the input's shape"):
        F.l1_loss(x, y, weight=tg.ones(3))


def test_settings_that_make_no_sense() -> None:
    x = tg.ones(2)
    with pytest.raises(ArgumentError, match="delta must be positive"):
        F.huber_loss(x, x, delta=0.0)
    with pytest.raises(ArgumentError, match="beta must not be negative"):
        F.smooth_l1_loss(x, x, beta=-1.0)


@pytest.mark.parametrize("reduction", ["none", "sum", "mean"])
def test_the_huber_loss_of_minus_zero_is_zero(reduction: str) -> None:
    assert not np.signbit(F.huber_loss(tg.tensor([-0.0]), tg.tensor([0.0]), reduction=reduction).numpy()).any()
