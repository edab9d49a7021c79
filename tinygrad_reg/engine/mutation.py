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

NDArray = np.ndarray[tuple[int, ...], np.dtype[Any]]
Array: TypeAlias = Any  # what forwards take and give: an ndarray, or in 0-d results the NumPy scalar that NumPy makes of it
Print: TypeAlias = int | bytes  # see `fingerprint`

tick = itertools.count(1).__next__

_FOREIGN = 0  # one common key for memory that NumPy does not own: mmap, bytes, other libraries


class Writes:
    """The stamps of all in-place writes to buffers that are still alive."""

    def __init__(self) -> None:
        self.latest = 0
        self._stamps: dict[int, int] = {}
        self._owners: dict[int, weakref.ref[NDArray]] = {}
        self._lock = allocate_lock()

    def note(self, *arrays: NDArray) -> None:
        """Stamp the buffers behind these arrays as written now."""
        self.stamp(self.keys(*arrays))

    def keys(self, *arrays: NDArray) -> list[int]:
        """What `stamp` needs to know of the buffers behind these arrays, for as long as they live."""
        roots = [owner(array) for array in arrays]
        keys = [id(root) if root.base is None else _FOREIGN for root in roots]
        with self._lock:
            for key, root in zip(keys, roots, strict=True):
                if key and key not in self._owners:
                    self._owners[key] = weakref.ref(root, functools.partial(self._forget, key))
        return keys

    def stamp(self, keys: list[int]) -> None:
        """Stamp buffers as written now."""
        with self._lock:
            self.latest = now = tick()
            for key in keys:
                self._stamps[key] = now

    def stamp_since(self, array: NDArray, time: int) -> None:
        """Stamp a buffer as written at a time that has passed: nodes recorded later have seen what it holds."""
        (key,) = self.keys(array)
        self._stamps[key] = max(self._stamps.get(key, 0), time)

    def after(self, array: NDArray, time: int) -> bool:
        """Whether the buffer behind `array` was written after `time`."""
        root = owner(array)
        return self._stamps.get(id(root) if root.base is None else _FOREIGN, 0) > time

    def _forget(self, key: int, _: object) -> None:
        self._owners.pop(key, None)
        self._stamps.pop(key, None)


def owner(array: NDArray) -> NDArray:
    """The last array in the chain of `.base`: all views of one buffer have the same."""
    base = array.base
    while isinstance(base, np.ndarray | memoryview):
        if isinstance(base, np.ndarray):
            array, base = base, base.base
        else:
            base = base.obj  # what `lend` gave out
    return array


# ---- memory that NumPy code can write to, of which the clock hears nothing -----------------------------------------------


class Loan:
    """Memory that NumPy code holds as well: from when on, and what it held then if a graph may have saved it before."""

    __slots__ = ("array", "ids", "print", "time")

    def __init__(self, array: NDArray, known: bool) -> None:
        self.array = array if known else None  # a borrowed array must not be kept alive by this
        self.print = fingerprint(array) if known else None
        self.time = tick()
        self.ids = [id(array)]  # of all arrays that can be the base of another view of the memory
        while isinstance(array.base, np.ndarray):
            array = array.base
            self.ids.append(id(array))

    def was_used(self) -> bool:
        """Whether the memory has changed since it was lent."""
        return self.array is not None and fingerprint(self.array) != self.print

    def end(self, _: object) -> None:
        """The last array of the borrower is gone: what it changed, it did after the time of the loan."""
        for key in self.ids:
            LOANS[key].remove(self)
            if not LOANS[key]:
                del LOANS[key]
        if self.array is not None and self.was_used():
            writes.stamp_since(self.array, self.time)


LOANS: dict[int, list[Loan]] = {}  # by the ids of the arrays that share the memory
_SMALL = 8192  # bytes
_ndarray = np.ndarray


def lend(array: NDArray) -> NDArray:
    """The same memory as an array for NumPy code. While that array or a view of it lives, graphs watch what they save of the memory.

    It stands on a memoryview, where NumPy's chain of bases ends: so a view of it keeps it, and not only the memory, alive.
    """
    given = np.asarray(memoryview(array))  # type: ignore[arg-type]
    _register(Loan(array, known=True), given)
    writes.latest = tick()  # nodes that exist already look at their saved values
    return given


def borrow(array: NDArray) -> NDArray:
    """An array of NumPy code's as memory for a tensor, watched in the same way, as long as its owner lives."""
    _register(Loan(array, known=False), owner(array))
    return array


def _register(loan: Loan, holder: NDArray) -> None:
    for key in loan.ids:
        LOANS.setdefault(key, []).append(loan)
    weakref.finalize(holder, loan.end, None).atexit = False


def changed_by_borrower(array: NDArray, time: int) -> bool:
    """Whether memory behind `array` was lent after `time` and has changed since then."""
    loans = LOANS.get(id(array if array.base is None else array.base), ())
    return any(loan.time > time and loan.was_used() and np.may_share_memory(loan.array, array) for loan in loans)


def fingerprints(saved: Any, count: int) -> tuple[Print | None, ...] | None:
    """A fingerprint of each saved value (of one as it is, of several as a tuple) that NumPy code can write to; None if there is none."""
    for x in (saved,) if count == 1 else saved:  # no call in this loop: it runs for every node while anything is lent
        if type(x) is _ndarray:
            base = x.base
            if id(x if base is None else base) in LOANS:
                return tuple([fingerprint(x) if _is_lent(x) else None for x in ((saved,) if count == 1 else saved)])
    return None


def _is_lent(x: Any) -> bool:
    return type(x) is _ndarray and id(x if x.base is None else x.base) in LOANS


def fingerprint(array: NDArray) -> Print:
    """What changes with the array's bytes: the bytes themselves, or of many the sum of all words and a hash of some."""
    if array.nbytes <= _SMALL:
        return array.tobytes()
    flat = array if array.flags.c_contiguous else array.T if array.flags.f_contiguous else np.ascontiguousarray(array)
    data = flat.reshape(-1).view(np.uint8)
    words = data[: data.size & ~7].view(np.uint64)
    some = words[:: words.size // 256]  # sees a permutation, which the sum does not
    return hash((int(np.add.reduce(words)), some.tobytes(), data[data.size & ~7 :].tobytes()))


writes = Writes()
