"""SGD's own refusals, and its first step."""

from __future__ import annotations

from typing import Any

import pytest

import tinygrad_reg as tg
from tinygrad_reg.errors import ArgumentError
from tinygrad_reg.optim import SGD


@pytest.mark.parametrize("options", [{"momentum": -1}, {"weight_decay": -0.1}, {"lr": -1e-3}])
def test_values_below_zero_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ArgumentError, match=f"SGD: {next(iter(options))} must be at least 0, got -"):
        SGD([tg.zeros(1, requires_grad=True)], **options)


@pytest.mark.parametrize("options", [{}, {"momentum": 0.9, "dampening": 0.1}])
def test_nesterov_needs_momentum_and_no_dampening(options: dict[str, Any]) -> None:
    with pytest.raises(ArgumentError, match="SGD: nesterov needs a momentum above 0 and a dampening of 0"):
        SGD([tg.zeros(1, requires_grad=True)], nesterov=True, **options)


def test_without_momentum_there_is_no_state() -> None:
    p = tg.zeros(2, requires_grad=True)
    optimizer = SGD([p], lr=1.0)
    p.grad = tg.ones(2)
    optimizer.step()
    assert optimizer.state_dict()["state"] == {}


def test_the_first_step_is_not_dampened_also_after_loading() -> None:
    p = tg.zeros(1, requires_grad=True)
    optimizer = SGD([p], lr=1.0, momentum=0.5, dampening=0.75)
    p.grad = tg.ones(1)
    optimizer.step()
    assert p.item() == -1.0
    saved = optimizer.state_dict()
    other = SGD([p], lr=1.0, momentum=0.5, dampening=0.75)
    other.load_state_dict(saved)
    other.step()
    assert p.item() == -1.0 - (0.5 + 0.25)
