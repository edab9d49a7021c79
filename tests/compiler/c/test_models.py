"""Whole training steps as one C function: within rounding of eager after many steps, and nothing left to Python but random draws."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_reg as tg

from ..models import MODELS
from ..regression import OPTIMIZERS, task
from ..test_models import flat, run
from .conftest import needs_compiler

pytestmark = needs_compiler
USUAL = ("mlp", "cnn", "gpt", "lstm")
DRAWING = {"cnn", "gpt", "gpt_written_out", "lstm", "vae"}  # dropout, and the noise of a VAE


def largest_difference(eager: Any, compiled: Any, least: float = 1e-3) -> float:
    """Relative to the largest element of each array, or to `least` where all are smaller: a gradient may be 0 but for rounding."""
    pairs = zip(flat(eager), flat(compiled), strict=True)
    return max(float(np.abs(b - a).max() / max(np.abs(a).max(), least)) for a, b in pairs if a.size)


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_a_hundred_steps_of_a_model_differ_by_rounding(name: str) -> None:
    eager, compiled = MODELS[name](tg.float64), MODELS[name](tg.float64)
    step = tg.compile(compiled.step, backend="c")
    assert largest_difference(run(eager, eager.step, 100), run(compiled, step, 100)) <= 1e-9
    assert "replayed 98 times" in step.explain()
    assert ("calls of Python" in step.explain()) == (name in DRAWING)


@pytest.mark.parametrize("name", [name if name in USUAL else pytest.param(name, marks=pytest.mark.slow) for name in MODELS])
def test_float32_is_as_exact_as_eager(name: str) -> None:
    exact, eager, compiled = MODELS[name](tg.float64), MODELS[name](tg.float32), MODELS[name](tg.float32)
    step = tg.compile(compiled.step, backend="c")
    truth = run(exact, exact.step, 6)
    rounding = largest_difference(truth, run(eager, eager.step, 6), least=0.1)
    assert largest_difference(truth, run(compiled, step, 6), least=0.1) <= 2 * rounding + 1e-6


@pytest.mark.parametrize("dtype", [pytest.param(tg.float32, marks=pytest.mark.slow), tg.float64], ids=str)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer(optimizer: str, dtype: Any) -> None:
    eager, compiled = task(optimizer, dtype), task(optimizer, dtype)
    step = tg.compile(compiled.step, backend="c")
    for _ in range(20):
        eager.step(eager.x, eager.y), step(compiled.x, compiled.y)
    assert largest_difference([list(eager.net.parameters())], [list(compiled.net.parameters())]) <= (1e-3 if dtype is tg.float32 else 1e-11)
    assert "calls of Python" not in step.explain()
