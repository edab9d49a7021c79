"""Averaged models, and the schedule that goes with them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_reg as tg
from tinygrad_reg.errors import ArgumentError
from tinygrad_reg.optim import SGD
from tinygrad_reg.optim.swa_utils import (
    SWALR,
    AveragedModel,
    get_ema_avg_fn,
    get_ema_multi_avg_fn,
    get_swa_avg_fn,
    get_swa_multi_avg_fn,
    update_bn,
)


def constant(value: float) -> Any:
    model = tg.nn.Linear(2, 1)
    model.register_buffer("seen", tg.tensor([value]))
    with tg.no_grad():
        for p in model.parameters():
            p.fill_(value)
    return model


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, 3.0),
        ({"avg_fn": get_swa_avg_fn()}, 3.0),
        ({"multi_avg_fn": get_swa_multi_avg_fn()}, 3.0),
        ({"avg_fn": get_ema_avg_fn(0.5)}, 3.75),
        ({"multi_avg_fn": get_ema_multi_avg_fn(0.5)}, 3.75),
    ],
)
@pytest.mark.parametrize("use_buffers", [False, True])
def test_averages(options: dict[str, Any], expected: float, use_buffers: bool) -> None:
    averaged = AveragedModel(constant(0.0), use_buffers=use_buffers, **options)
    for value in (1.0, 2.0, 6.0):
        averaged.update_parameters(constant(value))
    for p in averaged.parameters():
        np.testing.assert_allclose(p.detach().numpy(), expected)
    assert averaged.n_averaged.item() == 3
    assert averaged.module.seen.item() == (expected if use_buffers else 6.0)
    assert averaged(tg.ones(1, 2)).item() == 3 * expected
    assert list(averaged.state_dict()) == ["n_averaged", "module.weight", "module.bias", "module.seen"]


@pytest.mark.parametrize("strategy", ["cos", "linear"])
@pytest.mark.parametrize("epochs", [0, 1, 5])
def test_the_rate_goes_to_the_averaging_rate(strategy: Any, epochs: int) -> None:
    optimizer = SGD([tg.ones(1, requires_grad=True)], lr=1.0)
    schedule = SWALR(optimizer, 0.1, epochs, strategy)
    seen = []
    for _ in range(8):
        optimizer.step()
        seen.append(optimizer.param_groups[0]["lr"])
        schedule.step()
    assert seen == sorted(seen, reverse=True)
    np.testing.assert_allclose(seen[max(epochs, 1) :], 0.1)


def test_refusals_and_models_without_batch_normalisation() -> None:
    with pytest.raises(ArgumentError, match="either avg_fn or multi_avg_fn"):
        AveragedModel(constant(0.0), avg_fn=get_swa_avg_fn(), multi_avg_fn=get_swa_multi_avg_fn())
    with pytest.raises(ArgumentError, match="decay must be between 0 and 1, got 2"):
        get_ema_avg_fn(2)
    optimizer = SGD([tg.ones(1)], lr=1.0)
    with pytest.raises(ArgumentError, match="anneal_strategy must be 'cos' or 'linear', got 'up'"):
        SWALR(optimizer, 0.1, anneal_strategy="up")  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="anneal_epochs must be an integer of at least 0, got -1"):
        SWALR(optimizer, 0.1, -1)
    update_bn([], constant(0.0))
