"""Event files: TensorBoard reads from ours what it reads from torch's."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_reg as tg
from tinygrad_reg.utils.tensorboard import SummaryWriter

torch = pytest.importorskip("torch")
pytest.importorskip("tensorboard")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def written(module: Any, writer_class: Any, folder: Path) -> dict[str, Any]:
    """What TensorBoard finds in a folder and those inside of it."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    with writer_class(folder) as writer:
        for step in range(3):
            writer.add_scalar("loss", module.tensor(0.5 * step), step, walltime=5.0)
            writer.add_scalars("both", {"a": step, "b": 2 * step}, step)
        writer.add_histogram("weights", module.tensor([0.0, 1.0, 1.5]), 2, bins=[0.0, 1.0, 2.0])
        writer.add_text("note", "hello", 1)
        assert Path(writer.get_logdir()) == folder
    found: dict[str, Any] = {}
    for path in sorted(p for p in (folder, *folder.iterdir()) if p.is_dir()):
        events = EventAccumulator(str(path)).Reload()
        name = path.relative_to(folder).name
        for tag in events.Tags()["scalars"]:
            found[f"{name}/{tag}"] = [(e.step, e.value) for e in events.Scalars(tag)]
        for tag in events.Tags()["histograms"]:
            h = events.Histograms(tag)[0].histogram_value
            found[f"{name}/{tag}"] = (h.min, h.max, h.num, h.sum, h.sum_squares)
        found[f"{name}/texts"] = sum("note" in tag for tag in events.Tags()["tensors"])
    return found


def test_what_is_read(tmp_path: Path) -> None:
    ours = written(tg, SummaryWriter, tmp_path / "ours")
    assert ours == written(torch, pytest.importorskip("torch.utils.tensorboard").SummaryWriter, tmp_path / "theirs")
    assert ours["/loss"] == [(0, 0.0), (1, 0.5), (2, 1.0)]
    assert np.isclose(ours["/weights"][3], 2.5)


def test_the_same_arguments() -> None:
    theirs = pytest.importorskip("torch.utils.tensorboard").SummaryWriter
    for name in ("__init__", "add_scalar", "add_scalars", "add_text", "flush", "close", "get_logdir"):
        ours, others = [inspect.signature(getattr(c, name)).parameters.values() for c in (SummaryWriter, theirs)]
        assert [(p.name, p.default) for p in ours] == [(p.name, p.default) for p in others]
