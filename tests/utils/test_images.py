"""Pictures for logs: pixels, sheets, PNG files, and curves of precision."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_reg as tg
from tinygrad_reg.errors import ArgumentError, NotProvidedError, ShapeError
from tinygrad_reg.utils.images import pixels, png, precision_recall


def decoded(data: bytes) -> np.ndarray:
    """The pixels of a PNG file whose rows have the filter 0; checks its sums."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    chunks, at = {}, 8
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        name, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        assert struct.unpack(">I", data[at + 8 + length : at + 12 + length]) == (zlib.crc32(name + body),)
        chunks[name] = body
        at += 12 + length
    w, h, depth, colour = struct.unpack(">IIBB", chunks[b"IHDR"][:10])
    rows = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(h, -1)
    assert depth == 8
    assert (rows[:, 0] == 0).all()
    return rows[:, 1:].reshape(h, w, {2: 3, 6: 4}[colour])


@pytest.mark.parametrize("channels", [3, 4])
def test_a_file_holds_the_pixels(channels: int) -> None:
    image = np.random.default_rng(0).integers(0, 256, (5, 7, channels)).astype(np.uint8)
    assert (decoded(png(image)) == image).all()


def test_floats_are_shares_of_255_and_one_channel_is_grey() -> None:
    assert pixels(tg.tensor([[0.0, 0.5, 2.0]]), "HW").tolist() == [[[0] * 3, [127] * 3, [255] * 3]]
    assert pixels(tg.tensor([[[7]]], dtype=tg.uint8), "CHW").tolist() == [[[7, 7, 7]]]


def test_several_are_put_on_a_sheet() -> None:
    images = tg.arange(9, dtype=tg.uint8).reshape(9, 1, 1, 1).expand(9, 3, 2, 1)
    sheet = pixels(images, "NCHW")
    assert sheet.shape == (4, 8, 3)
    assert sheet[::2, :, 0].tolist() == [list(range(8)), [8, *[0] * 7]]


@pytest.mark.parametrize(
    ("shape", "dataformats", "error", "message"),
    [
        ((2, 2), "CHW", ShapeError, "names 3 dimensions"),
        ((2, 2), "HQ", ArgumentError, "name each of the dimensions H and W"),
        ((2, 2, 2), "HWH", ArgumentError, "name each of the dimensions"),
        ((2, 2, 2), "CHW", ShapeError, "needs 1, 3 or 4 channels, got 2"),
    ],
)
def test_refuses_what_is_no_picture(shape: Any, dataformats: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        pixels(tg.ones(*shape), dataformats)


def test_precision_and_recall() -> None:
    tp, fp, tn, fn, precision, recall = precision_recall([1, 0, 1, 0], [0.9, 0.6, 0.4, 0.1], 3, None).tolist()
    assert (tp, fp, tn, fn) == ([2, 1, 0], [2, 1, 0], [0, 1, 2], [0, 1, 2])
    assert (precision, recall) == ([0.5, 0.5, 0], [1, 0.5, 0])
    with pytest.raises(ShapeError, match="2 labels for 3 predictions"):
        precision_recall([1, 0], [0.1, 0.2, 0.3], 3, None)
    with pytest.raises(ArgumentError, match="predictions must be from 0 to 1"):
        precision_recall([1, 0], [0.1, 2.0], 3, None)


def test_a_log_of_lines_has_pictures_beside_it(tmp_path: Path) -> None:
    pyplot = pytest.importorskip("matplotlib.figure")
    figure = pyplot.Figure((1, 1))
    with tg.utils.JsonLinesWriter(tmp_path) as writer:
        writer.add_image("a/b", tg.ones(3, 2, 2), 4)
        writer.add_images("many", tg.ones(2, 1, 2, 2))
        writer.add_figure("figure", figure, close=False)
        writer.add_pr_curve("curve", [1, 0], [0.9, 0.1], 5, 3)
    lines = tg.utils.read_json_lines(writer.path)
    assert [(line["tag"], line["step"]) for line in lines] == [("a/b", 4), ("many", None), ("figure", None), ("curve", 5)]
    names = [line["value"]["image"] for line in lines[:3]]
    assert names[0].startswith("a_b-4-")
    assert (decoded((tmp_path / names[0]).read_bytes()) == 255).all()
    assert decoded((tmp_path / names[1]).read_bytes()).shape == (2, 4, 3)
    assert lines[3]["value"] == {"precision": [0.5, 1, 0], "recall": [1, 1, 0]}


@pytest.mark.parametrize("name", ["add_graph", "add_embedding", "add_audio", "add_custom_scalars"])
def test_what_a_log_cannot_hold(name: str, tmp_path: Path) -> None:
    with tg.utils.JsonLinesWriter(tmp_path) as writer, pytest.raises(NotProvidedError, match=f"{name} is not provided"):
        getattr(writer, name)
