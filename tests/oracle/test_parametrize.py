"""Parametrized weights against torch's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_reg as tg
from tinygrad_reg import nn

from .compare import compare
from .layers import Form, form

torch = pytest.importorskip("torch")
tnn: Any = torch.nn

LAYERS = [form("Linear", (5, 4), 4, 3), form("Conv1d", (2, 4, 5), 4, 6, 3, groups=2), form("ConvTranspose1d", (2, 4, 5), 4, 2, 3)]


def pair(made: Form, which: str, /, **settings: Any) -> tuple[Any, Any]:
    torch.manual_seed(0)
    ours = getattr(nn.utils.parametrizations, which)(made.make(nn, tg).double(), **settings)
    theirs = getattr(tnn.utils.parametrizations, which)(made.make(tnn, torch).double(), **settings)
    assert repr(ours) == repr(theirs)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    ours.load_state_dict({key: value.numpy() for key, value in theirs.state_dict().items()})
    return ours, theirs


def check(ours: Any, theirs: Any, made: Form) -> None:
    compare(ours, theirs, *made.arrays("float64"))
    for library_layer in (ours, theirs):
        library_layer.zero_grad()
    ours(tg.tensor(made.arrays("float64")[0])).square().sum().backward()
    theirs(torch.tensor(made.arrays("float64")[0])).square().sum().backward()
    for (name, p), (other, q) in zip(ours.named_parameters(), theirs.named_parameters(), strict=True):
        assert name == other
        np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), rtol=1e-9, atol=1e-9, err_msg=name)


@pytest.mark.parametrize("dim", [0, 1, -1, None])
@pytest.mark.parametrize("made", LAYERS, ids=str)
def test_weight_norm(made: Form, dim: int | None) -> None:
    ours, theirs = pair(made, "weight_norm", dim=dim)
    check(ours, theirs, made)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("settings", [{}, {"n_power_iterations": 3, "dim": 1}, {"name": "bias", "dim": 0}], ids=str)
@pytest.mark.parametrize("made", LAYERS, ids=str)
def test_spectral_norm(made: Form, settings: dict[str, Any], training: bool) -> None:
    ours, theirs = pair(made, "spectral_norm", **settings)
    ours.train(training)
    theirs.train(training)
    check(ours, theirs, made)
    for key, value in ours.state_dict().items():
        np.testing.assert_allclose(value.numpy(), theirs.state_dict()[key].numpy(), rtol=1e-9, err_msg=key)
    nn.utils.parametrize.remove_parametrizations(ours, settings.get("name", "weight"))
    tnn.utils.parametrize.remove_parametrizations(theirs, settings.get("name", "weight"))
    assert repr(ours) == repr(theirs)
    check(ours, theirs, made)
