"""Facts: what the places hold that a recording depends on, and the question whether they still do."""

from __future__ import annotations

import array
import contextvars
import ctypes
import operator
import types
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from ..engine.node import Leaf, Value

MISSING: Any = object()
BYTES = (np.ndarray, array.array, bytearray, memoryview, ctypes.c_int.__mro__[1], ctypes.Array, ctypes.Structure, ctypes.Union)
TABLES = (dict, types.MappingProxyType, contextvars.Context)


def same(x: Any, y: Any) -> bool:
    """Whether both are one object, or equal plain values."""
    return x is y or (type(x) is type(y) and is_plain(x) and (x == y or x != x != y != y))


def is_plain(x: Any) -> bool:
    """Whether this is a number or a text, and not of a class of somebody's that may hold more."""
    return isinstance(x, (int, float, str, bytes)) and type(x).__module__ in ("builtins", "numpy")


def contents(container: Any) -> tuple[Any, ...]:
    """What is in a container: its elements, or its keys and values; of an array, its bytes."""
    if isinstance(container, BYTES):
        return (_bytes(container),)
    return (*container, *container.values()) if isinstance(container, TABLES) else tuple(container)


def _bytes(x: Any) -> bytes:
    return x.tobytes() if isinstance(x, np.ndarray) else bytes(x)


class Fact(NamedTuple):
    """What a place holds: an "attribute" or "entry" of the holder by this key, its "contents", or its value in this "context".

    A "class" is the holder's; a "member" what a class itself has by this name, without binding it; of a "cache" of function calls it
    is counted how often it was asked.
    The value may be MISSING: code may ask whether there is one.
    """

    kind: str
    holder: Any
    key: Any
    value: Any
    name: str

    def place(self) -> tuple[str, int, Any]:
        """What tells places apart."""
        return self.kind, id(self.holder), self.key

    def now(self) -> Fact:
        """The fact as it is at present."""
        if self.kind == "attribute":
            return self._replace(value=getattr(self.holder, self.key, MISSING))
        if self.kind == "class":
            return self._replace(value=type(self.holder))
        if self.kind == "member":
            return self._replace(value=vars(self.holder).get(self.key, MISSING))
        if self.kind == "cache":
            return self._replace(value=self.holder.cache_info()[:2])
        return self._replace(value=contents(self.holder) if self.kind == "contents" else self.holder.get(*self._asked()))

    def _asked(self) -> tuple[Any, ...]:
        return (self.key, MISSING) if self.kind == "entry" else (MISSING,)

    def holds(self) -> bool:
        """Whether the place holds the same object, or an equal plain value."""
        now = self.now().value
        if self.kind == "cache":
            return bool(now[0] >= self.value[0] and now[1] == self.value[1])  # after `cache_clear` both begin at 0
        if self.kind != "contents":
            return same(now, self.value)
        return len(now) == len(self.value) and all(map(same, now, self.value))

    def changed(self) -> str:
        """The reason not to replay a step that changes this."""
        if self.kind == "contents":
            return f"the step changes what is in {self.name!r}, which a replay would not; return what is to be kept, or use a tensor"
        tensor = isinstance(self.now().value, Value)
        remedy = "write into the tensor that is there, with copy_" if tensor else "do it outside of the step, or use a tensor"
        return f"the step changes the Python variable {self.name!r}, which a replay would not; {remedy}"


def hooks_of(tensors: Iterable[Value]) -> Iterator[Fact]:
    """The facts about which hooks the tensors have, that a step takes from outside."""
    name = "the hooks of a tensor"
    for x in tensors:
        if isinstance(x.node, Leaf):
            yield Fact("attribute", x.node, "extras", x.node.extras, name)  # made with the first hook of either kind
            if x.node.extras is not None:
                yield Fact("attribute", x.node, "after_hooks", x.node.after_hooks, name)
                for hooks in (x.node.extras.hooks, x.node.after_hooks):
                    if hooks is not None:
                        yield Fact("contents", hooks, None, contents(hooks), name)


def broken(facts: Iterable[Fact]) -> str | None:
    """Why a run that has changed one of these facts must not be replayed; None if it has not."""
    return next((fact.changed() for fact in facts if not fact.holds()), None)


def check_of(facts: Iterable[Fact]) -> Callable[[], bool]:
    """A function that tells whether the facts hold with the very same objects, written out, since it is called at every step."""
    names: dict[str, Any] = {"all": all, "map": map, "len": len, "type": type, "same": operator.is_, "bytes_of": _bytes}
    terms = []
    for i, fact in enumerate(facts):
        names[f"h{i}"], names[f"k{i}"], names[f"v{i}"] = fact.holder, fact.key, fact.value
        if fact.value is MISSING and fact.kind == "entry":
            terms.append(f"k{i} not in h{i}")
        elif fact.kind == "context" or fact.value is MISSING:
            names[f"k{i}"] = MISSING
            terms.append(f"h{i}.get(k{i}) is v{i}" if fact.kind == "context" else f"not hasattr(h{i}, {fact.key!r})")
        elif fact.kind == "class":
            terms.append(f"type(h{i}) is v{i}")
        elif fact.kind == "member":
            terms.append(f"h{i}.__dict__[k{i}] is v{i}")
        elif fact.kind == "cache":
            names[f"h{i}"] = fact.holds
            terms.append(f"h{i}()")
        elif fact.kind == "attribute":
            read = f"h{i}.{fact.key}" if fact.key.isidentifier() else f"getattr(h{i}, k{i})"
            terms.append(f"{read} is v{i}")
        elif fact.kind == "entry":
            terms.append(f"h{i}[k{i}] is v{i}")
        elif isinstance(fact.holder, BYTES):
            terms.append(f"bytes_of(h{i}) == v{i}[0]")
        elif not fact.value:
            terms.append(f"not h{i}")
        elif isinstance(fact.holder, TABLES):
            half = len(fact.value) // 2
            names[f"v{i}"], names[f"w{i}"] = fact.value[:half], fact.value[half:]
            terms.append(f"len(h{i}) == {half} and all(map(same, h{i}, v{i})) and all(map(same, h{i}.values(), w{i}))")
        else:
            terms.append(f"len(h{i}) == {len(fact.value)} and all(map(same, h{i}, v{i}))")
    condition = " and ".join(terms) or "True"
    lines = ("def check():", "  try:", f"    return {condition}", "  except (AttributeError, KeyError):", "    return False")
    exec("\n".join(lines), names)
    check: Callable[[], bool] = names["check"]
    return check
