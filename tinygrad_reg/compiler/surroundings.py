"""The Python variables that a step reads beside its arguments: of its closure, its module, and the object it is a method of.

They are compared before every replay, so that a variable given another value leads to a new trace; and before and after a
trace, since a step that changes them itself does something that a replay would not do. What functions called by the step
read in turn is not seen; if it changes from call to call, the comparison of two traces finds it.
"""

from __future__ import annotations

import dis
import sys
import types
from collections.abc import Iterator
from typing import Any, NamedTuple

Fact = tuple[Any, str, Any]  # (holder, attribute, value)

_CODE = (types.FunctionType, types.BuiltinFunctionType, types.MethodType, types.ModuleType, type)
_CONTAINERS = (list, dict, set)


def same(x: Any, y: Any) -> bool:
    """Whether both are one object, or equal plain values."""
    return x is y or (type(x) is type(y) and isinstance(x, int | float | str | bytes) and (x == y or x != x != y != y))


class Look(NamedTuple):
    """The variables with their values at one time, their names, and the sizes of those that are containers."""

    facts: tuple[Fact, ...]
    names: tuple[str, ...]
    sizes: tuple[int | None, ...]


class Surroundings:
    """Where the variables of a function are."""

    def __init__(self, function: Any) -> None:
        self._places = list(_places(function))

    def look(self) -> Look:
        """The present values."""
        facts, names = [], []
        for holder, attribute, name in self._places:
            try:
                value = getattr(holder, attribute)
            except (AttributeError, ValueError):  # not assigned yet
                continue
            if not isinstance(value, _CODE):
                facts.append((holder, attribute, value))
                names.append(name)
        return Look(tuple(facts), tuple(names), tuple([_size(value) for _, _, value in facts]))


def compare(before: Look) -> tuple[list[Fact], str | None]:
    """The variables that are as before the step, and what it has changed itself, as a reason not to replay it."""
    steady, why = [], None
    for fact, name, size in zip(*before, strict=True):
        now = getattr(fact[0], fact[1])
        if not same(now, fact[2]):
            why = f"the step changes the Python variable {name!r}, which a replay would not; do it outside of the step, or use a tensor"
        else:
            steady.append(fact)
        if _size(now) != size:
            why = f"the step changes the length of {name!r}, which a replay would not; return what is to be kept"
    return steady, why


def _size(value: Any) -> int | None:
    return len(value) if type(value) in _CONTAINERS else None


def _places(function: Any) -> Iterator[tuple[Any, str, str]]:
    """(holder, attribute, name) of every variable."""
    holder = getattr(function, "__self__", None)
    function = getattr(function, "__func__", function)
    code = getattr(function, "__code__", None)
    if code is None:
        return
    for cell, name in zip(function.__closure__ or (), code.co_freevars, strict=True):
        yield cell, "cell_contents", name
    instructions = list(dis.get_instructions(code))
    module = sys.modules.get(function.__module__)
    if module is not None and vars(module) is function.__globals__:
        for name in sorted({i.argval for i in instructions if i.opname == "LOAD_GLOBAL"}):
            yield module, name, name
    own = getattr(holder, "__dict__", {})
    for name in sorted({i.argval for i in instructions if i.opname == "LOAD_ATTR" and i.argval in own}):
        yield holder, name, f"self.{name}"
