"""torch.utils.tensorboard's SummaryWriter, for TensorBoard's event files; the package tensorboard must be installed.

Without it, `utils.JsonLinesWriter` has the same methods.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping
from importlib import import_module
from types import TracebackType
from typing import Any

import numpy as np

from ..creation import as_tensor
from ..errors import MissingExtraError


class SummaryWriter:
    """Writes numbers, distributions and texts to an event file in `log_dir`, by default a new folder in `runs`.

    Raises ImportError if the package tensorboard is not installed.

    >>> with tg.utils.tensorboard.SummaryWriter("runs/first") as writer:  # doctest: +SKIP
    ...     writer.add_scalar("loss", 0.5, global_step=1)
    """

    def __init__(
        self,
        log_dir: str | os.PathLike[str] | None = None,
        comment: str = "",
        purge_step: int | None = None,
        max_queue: int = 10,
        flush_secs: int = 120,
        filename_suffix: str = "",
    ) -> None:
        self._board = _tensorboard()
        default = os.path.join("runs", f"{time.strftime('%b%d_%H-%M-%S')}_{socket.gethostname()}{comment}")
        self.log_dir = default if log_dir is None else os.fspath(log_dir)
        self._options = (max_queue, flush_secs, filename_suffix)
        self._files: dict[str, Any] = {}  # by folder: the curves of add_scalars have one each
        if purge_step is not None:
            self._file(self.log_dir).add_event(self._board.Event(step=purge_step, file_version="brain.Event:2", wall_time=time.time()))

    def add_scalar(
        self,
        tag: str,
        scalar_value: Any,
        global_step: int | None = None,
        walltime: float | None = None,
        new_style: bool = False,
        double_precision: bool = False,
    ) -> None:
        """One number."""
        self._add(self.log_dir, {"tag": tag, "simple_value": float(scalar_value)}, global_step, walltime)

    def add_scalars(
        self, main_tag: str, tag_scalar_dict: Mapping[str, Any], global_step: int | None = None, walltime: float | None = None
    ) -> None:
        """Several numbers that belong into one picture; as in PyTorch, each curve is in a folder of its own."""
        for name, value in tag_scalar_dict.items():
            folder = os.path.join(self.log_dir, f"{main_tag}_{name}".replace("/", "_"))
            self._add(folder, {"tag": main_tag, "simple_value": float(value)}, global_step, walltime)

    def add_histogram(
        self,
        tag: str,
        values: Any,
        global_step: int | None = None,
        bins: Any = 30,
        walltime: float | None = None,
        max_bins: int | None = None,
    ) -> None:
        """How values are distributed; `bins` as in np.histogram, or "tensorflow" for 30."""
        x = as_tensor(values).detach().array.reshape(-1).astype(np.float64)
        counts, edges = np.histogram(x, 30 if bins == "tensorflow" else bins)
        numbers = {"min": x.min(), "max": x.max(), "num": x.size, "sum": x.sum(), "sum_squares": x @ x}
        histogram = self._board.HistogramProto(**numbers, bucket_limit=edges[1:].tolist(), bucket=counts.tolist())
        self._add(self.log_dir, {"tag": tag, "histo": histogram}, global_step, walltime)

    def add_text(self, tag: str, text_string: str, global_step: int | None = None, walltime: float | None = None) -> None:
        """A text, in Markdown."""
        value = self._board.text(tag, text_string)
        self._write(self.log_dir, value, global_step, walltime)

    def _add(self, folder: str, value: dict[str, Any], step: int | None, walltime: float | None) -> None:
        self._write(folder, self._board.Summary(value=[self._board.Summary.Value(**value)]), step, walltime)

    def _write(self, folder: str, summary: Any, step: int | None, walltime: float | None) -> None:
        now = time.time() if walltime is None else walltime
        self._file(folder).add_event(self._board.Event(summary=summary, wall_time=now, step=0 if step is None else int(step)))

    def _file(self, folder: str) -> Any:
        if folder not in self._files:
            self._files[folder] = self._board.EventFileWriter(folder, *self._options)
        return self._files[folder]

    def get_logdir(self) -> str:
        """The folder of the event files."""
        return self.log_dir

    def flush(self) -> None:
        """Write what waits to the disk."""
        for file in self._files.values():
            file.flush()

    def close(self) -> None:
        """Write what waits, and close the files; a later call opens new ones."""
        for file in self._files.values():
            file.close()
        self._files.clear()

    def __enter__(self) -> SummaryWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


class _Board:
    """What is used of the package."""

    def __init__(self, event: Any, summary: Any, writer: Any, text: Any) -> None:
        self.Event, self.Summary, self.HistogramProto = event.Event, summary.Summary, summary.HistogramProto
        self.EventFileWriter, self.text = writer.EventFileWriter, text.text_pb


def _tensorboard() -> _Board:
    try:
        event = import_module("tensorboard.compat.proto.event_pb2")
        summary = import_module("tensorboard.compat.proto.summary_pb2")
        writer = import_module("tensorboard.summary.writer.event_file_writer")
        text = import_module("tensorboard.plugins.text.summary_v2")
    except ImportError:
        raise MissingExtraError(
            "SummaryWriter needs the package tensorboard: pip install tensorboard; or use utils.JsonLinesWriter, which needs nothing"
        ) from None
    return _Board(event, summary, writer, text)
