"""What Adam and AdamW refuse, and in what they differ."""

from __future__ import annotations

from typing import Any

import pytest

import tinygrad_reg as tg
from tinygrad_reg.optim import Adam, AdamW


@pytest.mark.parametrize("kind", [Adam, AdamW])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"eps": -1e-8}, "eps must be at least 0, got -1e-08"),
        ({"weight_decay": -1}, "weight_decay must be at least 0, got -1"),
        ({"betas": (1.0, 0.9)}, r"betas\[0\] must be at least 0 and below 1, got 1.0"),
        ({"betas": (0.9, -0.1)}, r"betas\[1\] must be at least 0 and below 1, got -0.1"),
        ({"betas": 0.9}, "betas must be 2 numbers, got 0.9"),
        ({"betas": (0.9,)}, r"betas must be 2 numbers, got \(0.9,\)"),
    ],
)
def test_bad_values_are_refused(kind: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"{kind.__name__}: {message}"):
        kind([tg.zeros(1, requires_grad=True)], **options)


def test_coupled_decay_is_normalised_away_and_decoupled_decay_is_not() -> None:
    """At the first step Adam moves by lr whatever the gradient; only decoupled decay adds to that."""
    p, q = (tg.full((1,), 2.0, dtype=tg.float64, requires_grad=True) for _ in range(2))
    p.grad, q.grad = tg.ones(1, dtype=tg.float64), tg.ones(1, dtype=tg.float64)
    Adam([p], lr=0.1, weight_decay=0.5).step()
    AdamW([q], lr=0.1, weight_decay=0.5).step()
    assert p.item() == pytest.approx(2.0 - 0.1)
    assert q.item() == pytest.approx(2.0 * (1 - 0.05) - 0.1)


def test_adamw_is_adam_with_decoupled_decay() -> None:
    assert AdamW([tg.zeros(1, requires_grad=True)]).param_groups[0]["decoupled_weight_decay"] is True
    assert isinstance(AdamW([tg.zeros(1, requires_grad=True)]), Adam)
