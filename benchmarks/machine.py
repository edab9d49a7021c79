"""What the machine can do at most: bandwidth and products of matrices, with as many threads as the environment gives BLAS."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

THREADS = ("1", "2")
MEMORY, CACHE = 1 << 25, 1 << 15  # doubles in each of three arrays: 256 MiB each, beyond all caches, and 256 KiB each, within the second
SIDE = 1024  # of the matrices


def measure() -> dict[str, float]:
    """Bytes per second of a = b + c in memory and in the cache, floating point operations per second of products."""
    threads = int(os.environ["OPENBLAS_NUM_THREADS"])
    found = {"memory": _added(MEMORY, threads), "cache": _added(CACHE, threads)}
    for dtype in (np.float32, np.float64):
        a = np.ones((SIDE, SIDE), dtype)
        out = np.empty_like(a)
        found[np.dtype(dtype).name] = 2 * SIDE**3 / _fastest(lambda a=a, out=out: np.matmul(a, a, out=out))  # type: ignore[misc]
    return found


def _added(count: int, threads: int) -> float:
    """Each thread on arrays of its own; together they have `count` numbers if those lie in memory."""
    share = count // threads if count == MEMORY else count
    repeats = 1 if count == MEMORY else 2000
    arrays = [[np.ones(share) for _ in range(3)] for _ in range(threads)]

    def add(a: np.ndarray, b: np.ndarray, out: np.ndarray) -> None:
        for _ in range(repeats):
            np.add(a, b, out=out)

    with ThreadPoolExecutor(threads) as pool:
        return 24 * share * threads * repeats / _fastest(lambda: list(pool.map(lambda three: add(*three), arrays)))


def _fastest(function: Callable[[], object], repeats: int = 8) -> float:
    """Seconds; the shortest, since a limit is wanted."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times)
