"""Event files: TensorBoard reads from ours what it reads from torch's."""

from __future__ import annotations

import inspect
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_reg as tg
from tests.absences import absent_methods
from tinygrad_reg.utils.tensorboard import SummaryWriter

torch = pytest.importorskip("torch")
pytest.importorskip("tensorboard")
reader = pytest.importorskip("PIL.Image")
figure = pytest.importorskip("matplotlib.figure")
run_notes = pytest.importorskip("tensorboard.plugins.hparams.plugin_data_pb2")
json_format = pytest.importorskip("google.protobuf.json_format")
tensor_util = pytest.importorskip("tensorboard.util.tensor_util")
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
        rng = np.random.default_rng(0)
        for order, shape in (
            ("CHW", (3, 4, 5)),
            ("HWC", (4, 5, 4)),
            ("HW", (4, 5)),
            ("CHW", (1, 4, 5)),
            ("NCHW", (10, 3, 2, 3)),
            ("NHWC", (2, 2, 3, 1)),
        ):
            for kind in ("float", "bytes"):
                drawn = rng.uniform(-0.1, 1.1, shape) if kind == "float" else rng.integers(0, 256, shape).astype(np.uint8)
                add = writer.add_images if "N" in order else writer.add_image
                add(f"image {order} {shape} {kind}", module.tensor(drawn), 3, dataformats=order)
        figures = [figure.Figure((2, 1)) for _ in range(2)]
        figures[0].gca().plot([1, 3, 2])
        writer.add_figure("figure", figures[0], close=False)
        writer.add_figure("figures", figures, 5)
        scores = rng.random(50)
        for count, weights in ((127, None), (11, rng.random(50))):
            labels = module.tensor((rng.random(50) < scores).astype(int))
            writer.add_pr_curve(f"curve {count}", labels, module.tensor(scores), 1, count, weights)
        writer.add_histogram_raw("raw", 0.0, 2.0, 3, 3.5, 5.25, [1.0, 2.0], [2, 1], 4)
        settings = {"lr": 0.1, "depth": 3, "name": "net"}  # torch makes a number of a bool
        writer.add_hparams(settings, {"accuracy": 0.5}, {"lr": [0.1, 0.2], "name": ["net", "other"]}, "run", 7)
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
        for tag in events.Tags()["images"]:
            found[f"{name}/{tag}"] = [(e.step, e.width, e.height, shown(e.encoded_image_string)) for e in events.Images(tag)]
        for tag in events.summary_metadata:
            about = events.SummaryMetadata(tag).plugin_data
            if about.plugin_name != "text":  # the others have the same names here and there
                found[f"{name}/{tag}/about"] = (about.plugin_name, content(about))
            if tag.startswith("curve"):
                found[f"{name}/{tag}"] = [tensor_util.make_ndarray(e.tensor_proto).tolist() for e in events.Tensors(tag)]
        found[f"{name}/texts"] = sum("note" in tag for tag in events.Tags()["tensors"])
    return found


def shown(image: bytes) -> Any:
    """The pixels of a PNG file, by another reader."""
    return np.asarray(reader.open(io.BytesIO(image))).tolist()


def content(about: Any) -> Any:
    """What a plugin notes."""
    if about.plugin_name != "hparams":
        return about.content
    data = run_notes.HParamsPluginData.FromString(about.content)
    return json_format.MessageToDict(data)


def test_what_is_read(tmp_path: Path) -> None:
    ours = written(tg, SummaryWriter, tmp_path / "ours")
    assert ours == written(torch, pytest.importorskip("torch.utils.tensorboard").SummaryWriter, tmp_path / "theirs")
    assert ours["/loss"] == [(0, 0.0), (1, 0.5), (2, 1.0)]
    assert np.isclose(ours["/weights"][3], 2.5)


METHODS = ["__init__", "add_scalar", "add_scalars", "add_text", "add_image", "add_images", "add_figure", "add_pr_curve", "add_hparams"]
METHODS += ["add_histogram_raw", "flush", "close", "get_logdir"]


def test_every_method_is_decided() -> None:
    theirs = pytest.importorskip("torch.utils.tensorboard").SummaryWriter
    absent = {name for name, _ in absent_methods(SummaryWriter)}
    assert {name for name in dir(theirs) if not name.startswith("_") and not hasattr(SummaryWriter, name)} == absent


def test_the_same_arguments() -> None:
    theirs = pytest.importorskip("torch.utils.tensorboard").SummaryWriter
    for name in METHODS:
        ours, others = [inspect.signature(getattr(c, name)).parameters.values() for c in (SummaryWriter, theirs)]
        assert [(p.name, p.default) for p in ours] == [(p.name, p.default) for p in others]
