"""A log of training that any program can read: one JSON object a line, written through SummaryWriter's methods."""

from __future__ import annotations

import json
import os
import time
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..creation import as_tensor
from ..engine.refusal import typed_errors
from ..errors import ArgumentError
from .images import pixels, png, precision_recall
from .writer import Writer


class JsonLinesWriter(Writer):
    """Appends numbers to `log_dir/events.jsonl`; each line has tag, value, step and wall time, and is on its way to the disk at once.

    >>> import tempfile
    >>> with tg.utils.JsonLinesWriter(tempfile.mkdtemp()) as writer:
    ...     writer.add_scalar("loss", 0.5, global_step=1)
    >>> [(line["tag"], line["value"], line["step"]) for line in tg.utils.read_json_lines(writer.path)]
    [('loss', 0.5, 1)]
    """

    def __init__(self, log_dir: str | os.PathLike[str] | None = None, comment: str = "") -> None:
        self.log_dir = os.fspath(log_dir) if log_dir is not None else os.path.join("runs", time.strftime("%Y-%m-%d_%H-%M-%S") + comment)
        self.path = Path(self.log_dir, "events.jsonl")
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._file = open(self.path, "a", buffering=1, encoding="utf-8")  # noqa: SIM115  (closed by close)

    @typed_errors
    def add_scalar(self, tag: str, scalar_value: Any, global_step: int | None = None, walltime: float | None = None) -> None:
        """One number."""
        self._write(tag, float(scalar_value), global_step, walltime)

    @typed_errors
    def add_scalars(
        self, main_tag: str, tag_scalar_dict: Mapping[str, Any], global_step: int | None = None, walltime: float | None = None
    ) -> None:
        """Several numbers that belong together."""
        self._write(main_tag, {name: float(value) for name, value in tag_scalar_dict.items()}, global_step, walltime)

    def add_histogram(self, tag: str, values: Any, global_step: int | None = None, bins: int = 30, walltime: float | None = None) -> None:
        """How values are distributed: number, least, greatest, mean and standard deviation, and how many lie between which edges."""
        x = as_tensor(values).detach().array.reshape(-1).astype(np.float64)
        finite = x[np.isfinite(x)]
        if not finite.size:
            raise ArgumentError(f"add_histogram: {tag!r} has no finite values, of {x.size}")
        counts, edges = np.histogram(finite, bins)
        summary = {"count": x.size, "nonfinite": x.size - finite.size, "min": finite.min(), "max": finite.max()}
        summary |= {"mean": finite.mean(), "std": finite.std(), "counts": counts.tolist(), "edges": edges.tolist()}
        self._write(tag, summary, global_step, walltime)

    def add_image(
        self, tag: str, img_tensor: Any, global_step: int | None = None, walltime: float | None = None, dataformats: str = "CHW"
    ) -> None:
        """A picture: floats from 0 to 1 or bytes, with 1, 3 or 4 channels. It is a PNG file beside the log; the line has its name."""
        image = png(pixels(img_tensor, dataformats))
        safe = "".join(c if c.isalnum() or c in "-_" else "_" for c in tag)
        name = f"{safe}-{'none' if global_step is None else global_step}-{zlib.crc32(image):08x}.png"
        Path(self.log_dir, name).write_bytes(image)
        self._write(tag, {"image": name}, global_step, walltime)

    def add_pr_curve(
        self,
        tag: str,
        labels: Any,
        predictions: Any,
        global_step: int | None = None,
        num_thresholds: int = 127,
        weights: Any = None,
        walltime: float | None = None,
    ) -> None:
        """Precision and recall of predictions from 0 to 1 for labels of 0 and 1, at so many thresholds."""
        *_, precision, recall = precision_recall(labels, predictions, num_thresholds, weights).tolist()
        self._write(tag, {"precision": precision, "recall": recall}, global_step, walltime)

    def add_text(self, tag: str, text_string: str, global_step: int | None = None, walltime: float | None = None) -> None:
        """A text."""
        self._write(tag, str(text_string), global_step, walltime)

    def add_hparams(self, hparam_dict: Mapping[str, Any], metric_dict: Mapping[str, Any]) -> None:
        """The settings of a run, and what came of it."""
        value = {"hparams": dict(hparam_dict), "metrics": {name: float(x) for name, x in metric_dict.items()}}
        self._write("hparams", value, None, None)

    def _write(self, tag: str, value: Any, step: int | None, walltime: float | None) -> None:
        if self._file.closed:
            raise ArgumentError(f"add: the log {self.path} is closed; make another JsonLinesWriter, which continues it")
        line = {"tag": tag, "value": value, "step": step, "time": time.time() if walltime is None else walltime}
        self._file.write(json.dumps(line, default=float) + "\n")

    def flush(self) -> None:
        """Hand everything to the system."""
        if not self._file.closed:
            self._file.flush()

    def close(self) -> None:
        """Write no more."""
        self._file.close()


def read_json_lines(path: str | os.PathLike[str]) -> list[dict[str, Any]]:
    """The entries of a log; without its last line if that was cut off when the program died.

    >>> import tempfile
    >>> with tg.utils.JsonLinesWriter(tempfile.mkdtemp()) as writer:
    ...     writer.add_text("note", "hello")
    >>> tg.utils.read_json_lines(writer.path)[0]["value"]
    'hello'
    """
    *whole, _ = Path(path).read_text(encoding="utf-8").split("\n")
    return [json.loads(line) for line in whole]
