"""The example scripts with torch in place of this library: a training is the same there, step by step."""

from __future__ import annotations

import re
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from tests.examples.loading import SMALL, load

torch = pytest.importorskip("torch")

RELATIVE = 1e-11  # of a loss; rounding grows from step to step and is below 1e-13 at the last one compared here


def prepared(script: ModuleType, flags: list[str]) -> tuple[Any, Any, Any]:
    """Model, data and flags: the arguments of `train`."""
    settings = script.parse([*flags, "--dtype", "float64", "--no-plot"])
    data = script.make_data(settings)
    return script.make_model(data, settings), data, settings


@pytest.mark.parametrize("name", SMALL)
def test_every_loss_is_that_of_torch(name: str) -> None:
    """From equal weights. Batches, noise and masks are drawn by NumPy inside of `train`, so they are equal by themselves."""
    ours, theirs = load(name), load(name, "torch")
    model, *rest = prepared(ours, SMALL[name])
    torch_model, *torch_rest = prepared(theirs, SMALL[name])
    weights = {key: torch.tensor(value.numpy()) for key, value in model.state_dict().items()}
    assert {value.dtype for value in weights.values()} <= {torch.float64, torch.int64}
    torch_model.load_state_dict(weights)

    seen: list[tuple[int, float]] = []
    losses = ours.train(model, *rest, on_step=lambda step, loss: seen.append((step, loss)))
    assert seen == list(enumerate(losses, 1))
    assert len(losses) >= 20
    np.testing.assert_allclose(losses, theirs.train(torch_model, *torch_rest), rtol=RELATIVE)
    assert np.mean(losses[-5:]) < 0.9 * losses[0]  # something is learned

    for key, value in torch_model.state_dict().items():
        np.testing.assert_allclose(model.state_dict()[key].numpy(), value.numpy(), rtol=1e-6, atol=1e-9, err_msg=key)


@pytest.mark.parametrize("name", SMALL)
def test_runs_with_torch_unchanged(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """All of it, in float32, with the evaluation; the result is said in the same words, and its numbers depend on the starting weights."""
    results = []
    for script in (load(name), load(name, "torch")):
        script.main([*SMALL[name], "--no-plot"])
        results.append(re.sub(r"[\d.]+", "#", capsys.readouterr().out.splitlines()[-1]))
    assert results[0] == results[1]
    assert "#" in results[0]
