"""A progress bar, where tqdm is installed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

T = TypeVar("T")


def progress(
    iterable: Iterable[T], desc: str | None = None, total: int | None = None, disable: bool | None = None, **options: Any
) -> Iterable[T]:
    """The same items, with a progress bar on stderr if the package tqdm is installed and stderr is a terminal.

    `disable` True or False decides instead of the terminal; other options are tqdm's.

    >>> [n * n for n in tg.utils.progress(range(3), disable=True)]
    [0, 1, 4]
    """
    try:
        import tqdm
    except ImportError:
        return iterable
    bar: Iterable[T] = tqdm.tqdm(iterable, desc=desc, total=total, disable=disable, **options)
    return bar
