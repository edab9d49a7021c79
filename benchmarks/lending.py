"""What it costs to see that NumPy code changes memory which a graph has saved.

The same eager training step on batches of its own (`tg.tensor`), and on batches whose arrays the caller holds, too (`tg.from_numpy`).
"""

from __future__ import annotations

import gc
import statistics
from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any

from . import models, regression, timing
from .models import torch_style

Step = Callable[[], Any]
ToTensor = Callable[[Any], Any]
PAIRS = 15
#: title -> the step, of what makes tensors of arrays
STEPS: dict[str, Callable[[ToTensor | None], Step]] = {
    **{f"1-50-5-1, n={n}, float32": partial(regression.ours_eager, n, "float32") for n in (100, 1000)},
    **{problem.title: partial(torch_style.ours, problem, None) for problem in models.PROBLEMS.values() if problem.model != "adam"},
}


class Lender:
    """Makes tensors of arrays that it holds."""

    def __init__(self) -> None:
        self.arrays: list[Any] = []
        self.from_numpy: ToTensor = import_module("tinygrad_reg").from_numpy

    def __call__(self, array: Any) -> Any:
        self.arrays.append(array)
        return self.from_numpy(array)


def measure(title: str, pairs: int = PAIRS) -> dict[str, float]:
    """Seconds of a step on its `own` memory and on `lent` memory, and `share`, what watching adds: the medians over pairs.

    Each is the least of some batches, in turn. A step is made anew each time, since one on lent memory slows all that exist beside it.
    """
    found: list[tuple[float, float]] = []
    for _ in range(pairs):
        own = _least(STEPS[title](None))
        lender = Lender()
        found.append((own, _least(STEPS[title](lender))))
        del lender
    own, lent = (statistics.median(times) for times in zip(*found, strict=True))
    return {"own": own, "lent": lent, "share": statistics.median(lent / own - 1 for own, lent in found)}


def _least(step: Step) -> float:
    models.losses(step)
    gc.collect()
    return min(timing.by_batch(step, seconds=0.15, batches=10))
