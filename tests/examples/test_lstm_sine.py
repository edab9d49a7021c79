"""What the LSTM learns from and how it goes on alone."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest

import tinygrad_reg as tg
from tests.examples.loading import load


@pytest.fixture(scope="module")
def script() -> ModuleType:
    return load("lstm_sine")


def test_waves_are_waves(script: ModuleType) -> None:
    """sin(a + d) + sin(a - d) = 2 cos(d) sin(a), with one d for the whole of a wave."""
    waves = script.waves(20, 150, np.random.default_rng(0))
    middle, around = waves[:, 1:-1], waves[:, 2:] + waves[:, :-2]
    factor = (middle * around).sum(axis=1) / (middle * middle).sum(axis=1)
    np.testing.assert_allclose(around, factor[:, None] * middle, atol=1e-12)
    periods = 2 * np.pi / np.arccos(factor / 2)
    assert 10 < periods.min() < 20 < 30 < periods.max() < 40
    assert np.abs(waves).max(axis=1).min() > 0.5
    assert np.abs(waves).max() < 1


def test_what_is_asked_continues_what_is_heard(script: ModuleType) -> None:
    data = script.make_data(script.parse(["--dtype", "float64"]))
    whole = tg.cat([data.heard, data.following], dim=1)[..., 0]
    middle, around = whole[:, 1:-1], whole[:, 2:] + whole[:, :-2]
    factor = (middle * around).sum(1, keepdim=True) / (middle * middle).sum(1, keepdim=True)
    assert tg.allclose(around, factor * middle, atol=1e-12)


def test_alone_it_hears_its_own_guesses(script: ModuleType) -> None:
    """The same guesses come of hearing all of it at once, from the beginning."""
    flags = script.parse(["--dtype", "float64"])
    data = script.make_data(flags)
    model = script.make_model(data, flags)
    added = script.go_on(model, data.heard, 7)
    assert added.shape == (200, 7, 1)
    guesses, _ = model(tg.cat([data.heard, added[:, :-1]], dim=1))
    assert tg.allclose(guesses[:, -7:], added, atol=1e-12)


def test_guessing_nothing_has_the_error_that_is_told(script: ModuleType) -> None:
    following = script.make_data(script.parse([])).following
    assert script.error(tg.zeros_like(following), following) == pytest.approx(0.54, abs=0.005)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_default_run_continues_the_waves(script: ModuleType) -> None:
    flags = script.parse([])
    data = script.make_data(flags)
    model = script.make_model(data, flags)
    script.train(model, data, flags)
    assert script.error(script.go_on(model, data.heard, 50), data.following[:, :50]) < 0.15
