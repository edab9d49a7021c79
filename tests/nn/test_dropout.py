"""Dropout as a layer: by mode, by seed."""

from __future__ import annotations

import pytest

import tinygrad_reg as tg
from tinygrad_reg import nn
from tinygrad_reg.errors import ArgumentError


def test_it_works_in_training_only() -> None:
    m, x = nn.Dropout(0.5), tg.ones(1000)
    assert m.eval()(x) is x
    tg.manual_seed(0)
    first = m.train()(x)
    assert set(first.tolist()) == {0.0, 2.0}
    assert 400 < (first == 0).sum().item() < 600
    assert m(x).tolist() != first.tolist()
    tg.manual_seed(0)
    assert m(x).tolist() == first.tolist()


def test_probabilities_only() -> None:
    for p in (-0.1, 1.1, float("nan")):
        with pytest.raises(ArgumentError, match="between 0 and 1"):
            nn.Dropout(p)
