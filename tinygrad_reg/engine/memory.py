"""Keeps freed memory for the next step instead of returning it to the system.

glibc serves large arrays by fresh pages, and returns them at every free, until a program has once freed a larger block: then its
thresholds rise to that size. A training step allocates the same arrays again and again, and the page faults would cost more than the
arithmetic (at 1,000 samples of the 1-50-5-1 network, two thirds of the step). So one block, never touched, is freed at the start;
the heap then keeps up to twice its size. Elsewhere than on glibc this does nothing.
"""

import numpy as np

_LARGEST = 31 << 20  # bytes; glibc ignores blocks of more than 32 MiB


def keep_freed_memory() -> None:
    """Let the allocator reuse blocks of up to 31 MiB."""
    np.empty(_LARGEST, np.uint8)
