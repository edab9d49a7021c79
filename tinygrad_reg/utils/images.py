"""Pictures for a log: tensors and figures as pixels, pixels as PNG files."""

from __future__ import annotations

import struct
import zlib
from importlib import import_module
from typing import Any

import numpy as np

from ..creation import as_tensor
from ..engine.mutation import Array
from ..errors import ArgumentError, ShapeError

ROW = 8  # pictures beside each other in a sheet of several


def pixels(image: Any, dataformats: str) -> Array:
    """An image as bytes (h, w, 3 or 4): floats from 0 to 1, integers from 0 to 255.

    `dataformats` names its dimensions, as "CHW" or "HW"; with an "N" there are several, put into one sheet. Raises ShapeError for others.
    """
    array, order = as_tensor(image).detach().array, dataformats.upper()
    if set(order) not in ({*"HW"}, {*"CHW"}, {*"NHW"}, {*"NCHW"}) or len(order) != len(set(order)):
        raise ArgumentError(f'dataformats: name each of the dimensions H and W, and C and N, once, as in "CHW", got {dataformats!r}')
    if array.ndim != len(order):
        raise ShapeError(f"image: dataformats {dataformats!r} names {len(order)} dimensions, the image has the shape {array.shape}")
    for name in "CN":
        if name not in order:
            array, order = array[None], name + order
    array = array.transpose([order.index(name) for name in "NHWC"])
    if array.shape[3] == 1:
        array = array.repeat(3, 3)
    if array.shape[3] not in (3, 4):
        raise ShapeError(f"image: it needs 1, 3 or 4 channels, got {array.shape[3]} of dataformats {dataformats!r}")
    scaled = array if array.dtype == np.uint8 else array.astype(np.float32) * 255
    return _sheet(np.clip(scaled, 0, 255).astype(np.uint8))


def _sheet(images: Array) -> Array:
    """(n, h, w, c) -> one picture with up to eight beside each other."""
    n, h, w, c = images.shape
    across = max(min(n, ROW), 1)
    down = -(-n // across)
    padded = np.zeros((down * across, h, w, c), np.uint8)
    padded[:n] = images
    return padded.reshape(down, across, h, w, c).swapaxes(1, 2).reshape(down * h, across * w, c)


def png(image: Array) -> bytes:
    """Bytes (h, w, 3 or 4) as a file: ISO/IEC 15948, with the filter 0 on each row."""
    h, w, channels = image.shape
    rows = np.zeros((h, 1 + w * channels), np.uint8)
    rows[:, 1:] = image.reshape(h, -1)
    header = struct.pack(">IIBBBBB", w, h, 8, {3: 2, 4: 6}[channels], 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(rows.tobytes())), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d)) for n, d in parts)


def drawn(figure: Any, close: bool) -> Array:
    """The pixels (n, h, w, 3) of one or several figures of matplotlib, which are then closed if asked."""
    canvas = import_module("matplotlib.backends.backend_agg").FigureCanvasAgg
    made = []
    for one in figure if isinstance(figure, list) else [figure]:
        sheet = canvas(one)
        sheet.draw()
        made.append(np.asarray(sheet.buffer_rgba())[..., :3].copy())
        if close:
            import_module("matplotlib.pyplot").close(one)
    return np.stack(made)


def precision_recall(labels: Any, predictions: Any, count: int, weights: Any) -> Array:
    """(6, count): true and false positives, true and false negatives, precision and recall, at `count` thresholds from 0 to 1."""
    truth = as_tensor(labels).detach().array.reshape(-1).astype(bool)
    score = as_tensor(predictions).detach().array.reshape(-1).astype(np.float64)
    if len(truth) != len(score):
        raise ShapeError(f"add_pr_curve: {len(truth)} labels for {len(score)} predictions")
    if score.size and not (score.min() >= 0 and score.max() <= 1):
        raise ArgumentError(f"add_pr_curve: predictions must be from 0 to 1, got values from {score.min()} to {score.max()}")
    each = np.broadcast_to(1.0 if weights is None else as_tensor(weights).detach().array.reshape(-1), score.shape)
    bucket = np.floor(score * (count - 1)).astype(np.int64)
    tp, fp = (np.bincount(bucket, each * which, count)[::-1].cumsum()[::-1] for which in (truth, ~truth))
    tn, fn = fp[0] - fp, tp[0] - tp
    return np.stack([tp, fp, tn, fn, tp / np.maximum(tp + fp, 1e-7), tp / np.maximum(tp + fn, 1e-7)])
