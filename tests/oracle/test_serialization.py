"""Checkpoints against torch: .safetensors files go both ways."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_reg as tg

torch = pytest.importorskip("torch")
safetensors = pytest.importorskip("safetensors.torch")


def layers(package: Any) -> Any:
    return package.nn.Sequential(package.nn.Linear(3, 4), package.nn.BatchNorm1d(4), package.nn.Linear(4, 2))


def test_torch_loads_the_state_we_save(tmp_path: Path) -> None:
    ours, theirs = layers(tg), layers(torch)
    tg.save(ours.state_dict(), tmp_path / "a.safetensors")
    theirs.load_state_dict(safetensors.load_file(tmp_path / "a.safetensors"))
    for name, value in theirs.state_dict().items():
        np.testing.assert_array_equal(ours.state_dict()[name].numpy(), value.numpy())


def test_we_load_the_state_torch_saves(tmp_path: Path) -> None:
    ours, theirs = layers(tg), layers(torch)
    safetensors.save_file(theirs.state_dict(), tmp_path / "a.safetensors")
    ours.load_state_dict(tg.load(tmp_path / "a.safetensors"))
    x = np.random.default_rng(1).standard_normal((5, 3)).astype(np.float32)
    np.testing.assert_allclose(ours.eval()(tg.tensor(x)).detach().numpy(), theirs.eval()(torch.tensor(x)).detach().numpy(), rtol=1e-5)


def test_the_files_that_torch_pickles_are_refused(tmp_path: Path) -> None:
    for new in (True, False):
        torch.save({"x": torch.ones(2)}, tmp_path / "a.pt", _use_new_zipfile_serialization=new)
        with pytest.raises(tg.errors.CheckpointError, match="pickle"):
            tg.load(tmp_path / "a.pt")


def test_a_number_that_does_not_exist_here_is_named(tmp_path: Path) -> None:
    safetensors.save_file({"x": torch.ones(2, dtype=torch.bfloat16)}, tmp_path / "a.safetensors")
    with pytest.raises(tg.errors.CheckpointError, match="holds tensors of BF16"):
        tg.load(tmp_path / "a.safetensors")
