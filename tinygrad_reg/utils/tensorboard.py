"""torch.utils.tensorboard's SummaryWriter, for TensorBoard's event files; the package tensorboard must be installed.

Without it, `utils.JsonLinesWriter` has the same methods.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import numpy as np

from ..creation import as_tensor
from ..engine.refusal import typed_errors
from ..errors import ArgumentError, ArgumentTypeError, MissingExtraError
from .images import pixels, png, precision_recall
from .writer import Writer


class SummaryWriter(Writer):
    """Writes numbers, distributions, pictures and texts to an event file in `log_dir`, by default a new folder in `runs`.

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

    @typed_errors
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

    @typed_errors
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

    def add_histogram_raw(
        self,
        tag: str,
        min: float,
        max: float,
        num: float,
        sum: float,
        sum_squares: float,
        bucket_limits: Any,
        bucket_counts: Any,
        global_step: int | None = None,
        walltime: float | None = None,
    ) -> None:
        """A histogram that is already counted: `bucket_counts` values up to each of `bucket_limits`."""
        limits, counts = list(map(float, bucket_limits)), list(map(float, bucket_counts))
        if len(limits) != len(counts):
            raise ArgumentError(f"add_histogram_raw: {len(limits)} bucket_limits for {len(counts)} bucket_counts")
        numbers = {"min": min, "max": max, "num": num, "sum": sum, "sum_squares": sum_squares}
        histogram = self._board.HistogramProto(**numbers, bucket_limit=limits, bucket=counts)
        self._add(self.log_dir, {"tag": tag, "histo": histogram}, global_step, walltime)

    def add_image(
        self, tag: str, img_tensor: Any, global_step: int | None = None, walltime: float | None = None, dataformats: str = "CHW"
    ) -> None:
        """A picture: floats from 0 to 1 or bytes, with 1, 3 or 4 channels."""
        image = pixels(img_tensor, dataformats)
        picture = self._board.Summary.Image(
            height=image.shape[0], width=image.shape[1], colorspace=image.shape[2], encoded_image_string=png(image)
        )
        self._add(self.log_dir, {"tag": tag, "image": picture}, global_step, walltime)

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
        """Precision and recall of predictions from 0 to 1 for labels of 0 and 1, at so many thresholds, at most 127."""
        count = min(num_thresholds, 127)  # more cannot be shown
        curve = precision_recall(labels, predictions, count, weights).astype(np.float32)
        metadata = self._board.curve_metadata(display_name=tag, description="", num_thresholds=count)
        self._add(self.log_dir, {"tag": tag, "metadata": metadata, "tensor": self._board.tensor(curve)}, global_step, walltime)

    def add_hparams(
        self,
        hparam_dict: Mapping[str, Any],
        metric_dict: Mapping[str, Any],
        hparam_domain_discrete: Mapping[str, list[Any]] | None = None,
        run_name: str | None = None,
        global_step: int | None = None,
    ) -> None:
        """The settings of a run (numbers, texts, bools) and what came of it, in a folder of its own.

        Raises ArgumentTypeError for settings of other kinds.
        """
        folder = os.path.join(self.log_dir, run_name or str(time.time()))
        for summary in self._board.hparams(hparam_dict, metric_dict, hparam_domain_discrete or {}):
            self._write(folder, summary, global_step, None)
        for name, value in metric_dict.items():
            self._add(folder, {"tag": name, "simple_value": float(value)}, global_step, None)

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

    def flush(self) -> None:
        """Write what waits to the disk."""
        for file in self._files.values():
            file.flush()

    def close(self) -> None:
        """Write what waits, and close the files; a later call opens new ones."""
        for file in self._files.values():
            file.close()
        self._files.clear()


class _Board:
    """What is used of the package."""

    def __init__(self) -> None:
        event, summary = import_module("tensorboard.compat.proto.event_pb2"), import_module("tensorboard.compat.proto.summary_pb2")
        self.Event, self.Summary, self.HistogramProto = event.Event, summary.Summary, summary.HistogramProto
        self.EventFileWriter = import_module("tensorboard.summary.writer.event_file_writer").EventFileWriter
        self.text = import_module("tensorboard.plugins.text.summary_v2").text_pb
        self.tensor = import_module("tensorboard.util.tensor_util").make_tensor_proto
        self.curve_metadata = import_module("tensorboard.plugins.pr_curve.metadata").create_summary_metadata

    def hparams(self, settings: Mapping[str, Any], metrics: Mapping[str, Any], domains: Mapping[str, list[Any]]) -> list[Any]:
        """The summaries of a run: what there is to set and to measure, how it was set, and that it is over."""
        api, data, metadata = [import_module(f"tensorboard.plugins.hparams.{name}") for name in ("api_pb2", "plugin_data_pb2", "metadata")]
        start = data.SessionStartInfo()
        for name, value in settings.items():
            _set(start.hparams[name], name, value)
        infos = [_described(api, name, value, domains.get(name)) for name, value in settings.items()]
        measured = [api.MetricInfo(name=api.MetricName(tag=name)) for name in metrics]
        contents = (
            (metadata.EXPERIMENT_TAG, {"experiment": api.Experiment(hparam_infos=infos, metric_infos=measured)}),
            (metadata.SESSION_START_INFO_TAG, {"session_start_info": start}),
            (metadata.SESSION_END_INFO_TAG, {"session_end_info": data.SessionEndInfo(status=api.STATUS_SUCCESS)}),
        )
        made = []
        for tag, content in contents:
            about = metadata.create_summary_metadata(data.HParamsPluginData(version=metadata.PLUGIN_DATA_VERSION, **content))
            made.append(self.Summary(value=[self.Summary.Value(tag=tag, metadata=about)]))
        return made


def _set(place: Any, name: str, value: Any) -> None:
    """A setting as one of the kinds that TensorBoard knows."""
    if isinstance(value, bool):
        place.bool_value = value
    elif isinstance(value, str):
        place.string_value = value
    elif isinstance(value, (int, float, np.number)):
        place.number_value = float(value)
    else:
        raise ArgumentTypeError(f"add_hparams: {name} must be a number, a text or a bool, got {type(value).__name__}")


def _described(api: Any, name: str, value: Any, domain: list[Any] | None) -> Any:
    """What a setting may be."""
    kind = "BOOL" if isinstance(value, bool) else "STRING" if isinstance(value, str) else "FLOAT64"
    info = api.HParamInfo(name=name, type=api.DataType.Value(f"DATA_TYPE_{kind}"))
    for possible in domain or ():
        _set(info.domain_discrete.values.add(), name, possible)
    return info


def _tensorboard() -> _Board:
    try:
        return _Board()
    except ImportError:
        raise MissingExtraError(
            "SummaryWriter needs the package tensorboard: pip install tensorboard; or use utils.JsonLinesWriter, which needs nothing"
        ) from None
