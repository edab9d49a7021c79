"""Timing: medians of repeated batches."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable


def per_call(function: Callable[[], object], seconds: float = 0.3, batches: int = 15) -> float:
    """Seconds per call: the median over batches that together take about `seconds`, after a warm-up."""
    return statistics.median(by_batch(function, seconds, batches))


def by_batch(function: Callable[[], object], seconds: float = 0.3, batches: int = 15) -> list[float]:
    """Seconds per call in each batch."""
    function()
    function()
    start = time.perf_counter()
    function()
    once = max(time.perf_counter() - start, 1e-7)
    size = max(1, int(seconds / batches / once))
    results = []
    for _ in range(batches):
        start = time.perf_counter()
        for _ in range(size):
            function()
        results.append((time.perf_counter() - start) / size)
    return results


def once(function: Callable[[], object], repeats: int = 5) -> float:
    """Seconds of one call: the median over repeats, each after a garbage collection."""
    function()
    results = []
    for _ in range(repeats):
        gc.collect()
        start = time.perf_counter()
        function()
        results.append(time.perf_counter() - start)
    return statistics.median(results)
