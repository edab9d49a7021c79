"""The example scripts with torch in place of this library: a training is the same there, step by step."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest

from tests.examples.loading import load

torch = pytest.importorskip("torch")

#: What makes each script short enough; at least two epochs, so that the order of the data is drawn anew. It runs in float64.
SCRIPTS = {
    "digits": ["--epochs", "2", "--batch-size", "64"],
    "digits_cnn": ["--epochs", "2", "--batch-size", "128"],
    "vae": ["--epochs", "2", "--batch-size", "128", "--width", "32"],
}
#: The packages that a script needs beside its library.
NEEDS = {"digits": ["sklearn"], "digits_cnn": ["sklearn"], "vae": ["sklearn"]}
RELATIVE = 1e-9  # of a loss: rounding grows with the steps, by a factor of some thousand until the last one compared here


def both(name: str) -> tuple[ModuleType, ModuleType]:
    for package in NEEDS.get(name, []):
        pytest.importorskip(package)
    return load(name), load(name, "torch")


def prepared(script: ModuleType, flags: list[str]) -> tuple[Any, Any, Any]:
    """Model, data and flags: the arguments of `train`."""
    settings = script.parse([*flags, "--dtype", "float64", "--no-plot"])
    data = script.make_data(settings)
    return script.make_model(data, settings), data, settings


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_loss_is_that_of_torch(name: str) -> None:
    """From equal weights. Batches, noise and masks are drawn by NumPy inside of `train`, so they are equal by themselves."""
    ours, theirs = both(name)
    model, *rest = prepared(ours, SCRIPTS[name])
    torch_model, *torch_rest = prepared(theirs, SCRIPTS[name])
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


@pytest.mark.parametrize("name", SCRIPTS)
def test_runs_with_torch_unchanged(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """All of it, with the evaluation and what is printed at the end."""
    for script in both(name):
        script.main([*SCRIPTS[name], "--no-plot"])
    output = capsys.readouterr().out.splitlines()
    assert len(output) % 2 == 0
    assert len(output) >= 2
