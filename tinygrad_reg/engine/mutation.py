"""Detects that memory a graph has saved was written afterwards.

One clock serves the whole process: it numbers the nodes of all graphs in the order of their creation and stamps every
in-place write. A node whose number is above the latest stamp cannot have been touched, so in ordinary training the check
costs one comparison a node; otherwise the stamps of the buffers that the node has saved decide.
"""

from __future__ import annotations

import functools
import itertools
import weakref
from _thread import allocate_lock
from typing import Any, TypeAlias

import numpy as np

from .lines import user_line
from .state import state

NDArray = np.ndarray[tuple[int, ...], np.dtype[Any]]
Array: TypeAlias = Any  # what forwards take and give: an ndarray, or in 0-d results the NumPy scalar that NumPy makes of it

tick = itertools.count(1).__next__

_FOREIGN = 0  # one common key for memory that NumPy does not own: mmap, bytes, other libraries


class Writes:
    """The stamps of all in-place writes to buffers that are still alive."""

    def __init__(self) -> None:
        self.latest = 0
        self._stamps: dict[int, int] = {}
        self._counts: dict[int, int] = {}
        self._owners: dict[int, weakref.ref[NDArray]] = {}
        self._lines: dict[int, str | None] = {}  # of the user's program that wrote last; only what anomaly mode has seen
        self._lock = allocate_lock()

    def note(self, array: NDArray) -> None:
        """Stamp the buffer behind an array as written now, and count it."""
        key = self._known(array)
        with self._lock:
            self.latest = self._stamps[key] = tick()
        self._counts[key] = self._counts.get(key, 0) + 1
        if state.anomaly or self._lines:
            self._lines[key] = user_line() if state.anomaly else None

    def note_keys(self, keys: list[int]) -> None:
        """The same for buffers that are written again and again."""
        self.stamp(keys)
        for key in keys:
            self._counts[key] = self._counts.get(key, 0) + 1

    def keys(self, *arrays: NDArray) -> list[int]:
        """What `stamp` and `note_keys` need to know of the buffers behind these arrays, for as long as they live."""
        return [self._known(array) for array in arrays]

    def _known(self, array: NDArray) -> int:
        """The key of a buffer, which is forgotten with it."""
        root = array if array.base is None else owner(array)
        if root.base is not None:
            return _FOREIGN
        key = id(root)
        if key not in self._owners:
            self._owners[key] = weakref.ref(root, functools.partial(self._forget, key))
        return key

    def stamp(self, keys: list[int]) -> None:
        """Stamp buffers as written now."""
        with self._lock:
            self.latest = now = tick()
            for key in keys:
                self._stamps[key] = now
        if state.anomaly or self._lines:
            self._lines.update(dict.fromkeys(keys, user_line() if state.anomaly else None))

    def stamp_since(self, array: NDArray, time: int, line: str | None) -> None:
        """Stamp a buffer as written at a time that has passed, by a line: nodes recorded later have seen what it holds."""
        (key,) = self.keys(array)
        if time > self._stamps.get(key, 0):
            self._stamps[key] = time
            self._lines[key] = line

    def after(self, array: NDArray, time: int) -> bool:
        """Whether the buffer behind `array` was written after `time`."""
        return self._stamps.get(_key(array), 0) > time

    def count(self, array: NDArray) -> int:
        """How many writes `note` has counted for the buffer behind `array`."""
        return self._counts.get(_key(array), 0)

    def line(self, array: NDArray) -> str | None:
        """The user's line that wrote last to the buffer behind `array`, if that was in anomaly mode."""
        return self._lines.get(_key(array))

    def _forget(self, key: int, _: object) -> None:
        self._owners.pop(key, None)
        self._stamps.pop(key, None)
        self._counts.pop(key, None)
        self._lines.pop(key, None)


def _key(array: NDArray) -> int:
    root = owner(array)
    return id(root) if root.base is None else _FOREIGN


def owner(array: NDArray) -> NDArray:
    """The last array in the chain of `.base`: all views of one buffer have the same."""
    base = array.base
    while isinstance(base, (np.ndarray, memoryview)):
        if isinstance(base, np.ndarray):
            array, base = base, base.base
        else:
            base = base.obj  # between what tensors hold and what NumPy code holds, see lending.py
    return array


writes = Writes()
