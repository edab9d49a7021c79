"""Memory that NumPy code holds as well as tensors do: what it writes there, the clock of in-place writes does not hear.

Between the two stands a memoryview, where NumPy's chain of bases ends. So arrays of one side keep the other's alive by one reference
alone: `lend` sees by it how long NumPy code holds a tensor's memory, and `borrow` whether it still holds what it gave.
"""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable, Iterable
from sys import getrefcount
from typing import Any, TypeAlias

import numpy as np

from .mutation import NDArray, owner, tick, writes
from .state import state
from .watch import watch
from .written import written

Prints: TypeAlias = tuple[tuple[int, bytes], ...]  # fingerprints of saved values, by their slots


class Loan:
    """Memory that both sides hold: from when on, and what it held then if a graph may have saved it before."""

    __slots__ = ("__weakref__", "array", "between", "held", "ids", "print", "time", "writer")

    def __init__(self, array: NDArray, known: bool) -> None:
        self.array = array if known else None  # a borrowed array must not be kept alive by this
        self.between = array.base
        self.print = fingerprint(array) if known else None
        self.time = tick()
        self.held: weakref.ref[NDArray] | None = None  # the last array of the other side
        self.writer: str | None = None  # the user's line that changed it, if anomaly mode saw that
        self.ids = [id(array)]  # of all that can be the base of another view of the memory
        while isinstance(array, np.ndarray) and array.base is not None:
            array = array.base
            self.ids.append(id(array))
        if isinstance(array, np.ndarray):
            _OWNED.add(self)
        for key in self.ids:
            LOANS.setdefault(key, []).append(self)

    def until(self, last: NDArray) -> None:
        """End the loan when this array is gone."""
        self.held = weakref.ref(last, self.end)

    def changed(self) -> bool:
        """Whether the memory has changed since it was lent."""
        return self.array is not None and fingerprint(self.array) != self.print

    def end(self, _: object = None) -> None:
        """The last array of one side is gone: what was changed of the memory, was changed after the time of the loan."""
        self.held = None
        _NEW.discard(self)
        _OWNED.discard(self)
        for key in self.ids:
            if self in LOANS.get(key, ()):
                LOANS[key].remove(self)
                if not LOANS[key]:
                    del LOANS[key]
        if self.array is not None and self.changed():
            if state.anomaly:
                watch.look()
            writes.stamp_since(self.array, self.time, self.writer)


LOANS: dict[int, list[Loan]] = {}  # by the ids of the arrays that share the memory
_BORROWED: dict[int, weakref.ref[NDArray]] = {}  # what `borrow` made, by the id of the array that it keeps alive: one for each
_NEW: set[Loan] = set()  # the borrowed arrays of which it has not been seen whether anybody else holds them
_OWNED: set[Loan] = set()  # of memory that belongs to an array: that array itself may be saved, all others are known by their bases
_SMALL = 1 << 17  # bytes: a copy of so many, and the comparison with it, take less time than sums of columns
_COLUMNS = 1021  # a prime, so that what is moved by rows of another length comes to other columns
_ndarray = np.ndarray


def lend(array: NDArray) -> NDArray:
    """A tensor's memory as an array for NumPy code. While that array or a view of it lives, graphs watch what they save of the memory."""
    given = np.asarray(memoryview(array))  # type: ignore[arg-type]
    loan = Loan(array, known=True)
    loan.until(given)
    writes.latest = tick()  # nodes that exist already look at their saved values
    if state.anomaly:
        watch.follow(loan)
    return given


def borrow(array: NDArray) -> NDArray:
    """Memory of NumPy code's as an array for a tensor, watched in the same way, as long as anybody else holds it."""
    if state.tracer is not None:  # which knows arrays by identity
        Loan(array, known=False).until(owner(array))
        return array
    known = _BORROWED.get(id(array))
    made = known() if known is not None else None
    if made is None or _form(made) != _form(array):
        made = np.asarray(memoryview(array))  # type: ignore[arg-type]
        loan = Loan(made, known=False)
        loan.until(made)
        _NEW.add(loan)
        _BORROWED[id(array)] = weakref.ref(made, functools.partial(_give_back, id(array)))
    return made


def _form(array: NDArray) -> tuple[Any, ...]:
    return array.shape, array.strides, array.dtype, array.flags.writeable


def _give_back(key: int, made: object) -> None:
    if _BORROWED.get(key) is made:
        del _BORROWED[key]


def lent_out(array: NDArray, time: int) -> Loan | None:
    """The loan by which memory behind `array` was lent after `time` and has changed since then."""
    for loan in LOANS.get(id(array if array.base is None else array.base), ()):
        if loan.time > time and loan.changed() and np.may_share_memory(loan.array, array):
            return loan
    return None


def fingerprints_of(slots: Iterable[tuple[int, bool]], alone: bool = False) -> Callable[[Any], Prints | None]:
    """A function that takes fingerprints of those of a tuple of saved values that NumPy code can write to; None if there are none.

    `slots` says which to look at, and whether each is an array for certain; a value that is saved `alone` is in no tuple. The function is
    written out, since it is called for most nodes while anything is lent.
    """
    terms = []
    for slot, certain in slots:
        x = "s" if alone else f"s[{slot}]"
        lent = f"(owned and id({x}) in LOANS if (base := {x}.base) is None else id(base) in LOANS)"
        terms.append(f"((({slot}, fingerprint({x})),) if {lent if certain else f'type({x}) is ndarray and {lent}'} else ())")
    names: dict[str, Any] = {"LOANS": LOANS, "owned": _OWNED, "new": _NEW, "forget": _forget_what_nobody_holds}
    names.update(fingerprint=fingerprint, ndarray=_ndarray)
    text = f"lambda {', '.join(names)}: lambda s: new and forget() or {' + '.join(terms)} or None"
    made: Callable[[Any], Prints | None] = written(text)(*names.values())
    return made


def _forget_what_nobody_holds() -> None:
    """End the loans of arrays that were dropped once they had become tensors: `from_numpy(np.load(file))`.

    This is looked at once, when a graph first saves something after the loan; it takes as long as a fingerprint.
    """
    while _NEW:
        loan = _NEW.pop()
        if not _is_held(loan.between):
            loan.end()


def _is_held(between: Any) -> bool:
    """Whether anybody but the memoryview refers to the array it stands on."""
    if getrefcount(between.obj) > _ALONE:
        return True
    array = between.obj
    while type(array) is _ndarray and not weakref.getweakrefcount(array):
        if array.flags.owndata:
            return False
        if getrefcount(array.base) > _ALONE:
            return True
        array = array.base
    return True


_example: Any = memoryview(bytearray())
_ALONE = getrefcount(_example.obj)  # the memoryview's reference, and those that looking makes


def fingerprint(array: NDArray) -> bytes:
    """What changes with the array's bytes: the bytes themselves, or of many the sums of the columns of a table of 64-bit words.

    The table has 1021 columns, so a change that lies within 8 kB is seen for certain. A larger one is missed only if it leaves all 1021
    sums the same, which takes a permutation of each column, or chance: 1 in 2⁶⁴ for each column it touches.
    """
    if array.nbytes <= _SMALL:
        return array.tobytes()
    flat = array if array.flags.c_contiguous else array.T if array.flags.f_contiguous else np.ascontiguousarray(array)
    data = flat.reshape(-1).view(np.uint8)
    end = data.size - data.size % (8 * _COLUMNS)
    sums = np.add.reduce(data[:end].view(np.uint64).reshape(-1, _COLUMNS), axis=0)
    made: bytes = sums.tobytes() + data[end:].tobytes()
    return made
