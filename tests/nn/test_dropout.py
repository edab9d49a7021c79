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


def test_channels_go_as_a_whole() -> None:
    tg.manual_seed(0)
    for layer, shape in ((nn.Dropout1d(), (50, 4, 3)), (nn.Dropout2d(), (50, 4, 3, 2)), (nn.Dropout3d(), (50, 4, 3, 2, 1))):
        lines = layer(tg.ones(*shape)).reshape(200, -1)
        assert {tuple(line) for line in lines.tolist()} == {(0.0,) * lines.shape[1], (2.0,) * lines.shape[1]}


def test_alpha_dropout_keeps_mean_and_variance() -> None:
    tg.manual_seed(0)
    x = tg.randn(100_000)
    for layer in (nn.AlphaDropout(0.3), nn.FeatureAlphaDropout(0.3)):
        out = layer(x.reshape(-1, 1, 1) if isinstance(layer, nn.FeatureAlphaDropout) else x)
        assert out.mean().item() == pytest.approx(0.0, abs=0.02)
        assert out.var().item() == pytest.approx(1.0, abs=0.02)
    assert nn.AlphaDropout(0.3).eval()(x) is x
