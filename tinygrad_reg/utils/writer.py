"""What the writers of logs share."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

from ..absent import Absent
from .images import drawn


class Writer:
    """A log in a folder, open inside of `with`. A subclass gives the methods that write one thing."""

    log_dir: str

    def get_logdir(self) -> str:
        """The folder of the log."""
        return self.log_dir

    def add_image(
        self, tag: str, img_tensor: Any, global_step: int | None = None, walltime: float | None = None, dataformats: str = "CHW"
    ) -> None:
        """A picture: floats from 0 to 1 or bytes, with 1, 3 or 4 channels."""
        raise NotImplementedError

    def add_images(
        self, tag: str, img_tensor: Any, global_step: int | None = None, walltime: float | None = None, dataformats: str = "NCHW"
    ) -> None:
        """Several pictures of one size, on one sheet."""
        self.add_image(tag, img_tensor, global_step, walltime, dataformats)

    def add_figure(self, tag: str, figure: Any, global_step: int | None = None, close: bool = True, walltime: float | None = None) -> None:
        """One figure of matplotlib, or a list of them on one sheet."""
        self.add_image(tag, drawn(figure, close), global_step, walltime, "NHWC")

    add_graph, add_onnx_graph = (Absent("step.explain() and step.source of tg.compile show what a step computes") for _ in range(2))
    add_embedding = Absent("save the vectors with tg.save, and project them in a notebook")
    add_audio, add_video, add_mesh, add_image_with_boxes = (Absent("use add_image or add_figure") for _ in range(4))
    add_tensor = Absent("use tg.save for tensors, add_histogram for their values")
    add_pr_curve_raw = Absent("use add_pr_curve with the predictions")
    add_custom_scalars, add_custom_scalars_multilinechart, add_custom_scalars_marginchart = (Absent("use add_scalars") for _ in range(3))

    def close(self) -> None:
        """Write no more."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
