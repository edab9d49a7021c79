"""Objects that are written in C: what they lead to, the names they hold, or why a step that reaches one is not replayed."""

from __future__ import annotations

import _random
import ctypes
import functools
import io
import operator
import sys
import types
from collections.abc import ItemsView, Iterator, KeysView, ValuesView
from typing import Any

_GETTERS = (operator.attrgetter, operator.methodcaller)


def is_iterator(x: Any) -> bool:
    """Whether this is an iterator whose state nobody can look at: one of C, a generator, or a file that is only read."""
    kind = type(x)
    if issubclass(kind, io.IOBase):
        return not x.closed and x.readable() and not x.writable()
    return issubclass(kind, Iterator) and isinstance(kind.__next__, types.WrapperDescriptorType)


def is_cache(x: Any) -> bool:
    """Whether this is what `functools.lru_cache` makes of a function."""
    return isinstance(x, functools._lru_cache_wrapper)


def unseen(x: Any) -> str | None:
    """Why a step that reaches this object must not be replayed; None if it may."""
    if is_iterator(x):
        return "is an iterator, which a replay would not advance; pass what it gives as an argument"
    if _is_random(x):
        return (
            "is a random generator, from which a replay would not draw anew; pass its numbers as an argument, or draw them with this "
            "library's random functions"
        )
    if isinstance(x, ctypes._Pointer) or type(x).__module__ == "mmap":
        return "points to memory that cannot be compared; pass what is in it as an argument"
    return None


def parts_of(x: Any) -> tuple[Any, ...]:
    """The objects that this one keeps, where no attribute's name leads to them."""
    if issubclass(type(x), KeysView | ValuesView | ItemsView) and hasattr(x, "mapping"):
        return (x.mapping,)
    return (x.__wrapped__,) if is_cache(x) else ()


def names_in(x: Any) -> frozenset[str]:
    """The names of attributes that this object looks for when it is called."""
    if not isinstance(x, _GETTERS):
        return frozenset()
    texts = [text for text in x.__reduce__()[1] if isinstance(text, str)]
    return frozenset(name for text in texts for name in text.split("."))


def _is_random(x: Any) -> bool:
    numpys = sys.modules.get("numpy.random")  # loaded on first use
    kinds = () if numpys is None else (numpys.Generator, numpys.RandomState, numpys.BitGenerator)
    return isinstance(x, (_random.Random, *kinds))
