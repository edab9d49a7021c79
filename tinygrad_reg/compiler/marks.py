"""What tells one argument from another beside its form: attributes that somebody has hung on it, and which tensor it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from ..tensor import OWN
from .facts import same


class Marks(NamedTuple):
    """The attributes of a call's arguments by the names that a step may look for (None: by all), and which of the tensors they are
    that the step reaches and may compare them with."""

    names: frozenset[str] | None
    held: tuple[dict[str, Any], ...]  # by the position of an argument
    reached: Mapping[int, Any]  # by their ids
    known: tuple[Any, ...]  # by the position of an argument, None for one that is not reached

    def broken(self, tensors: Sequence[Any]) -> str | None:
        """Why these arguments will not do; None if they have the same marks."""
        if any(self.reached.get(id(x)) is not known for x, known in zip(tensors, self.known, strict=True)):
            return "an argument is another of the tensors that the step compares it with"
        if self.names != frozenset() and not all(map(_same, self.held, [hung_on(x, self.names) for x in tensors])):
            return "an attribute that is hung on an argument has changed"
        return None


def hung_on(x: Any, names: Iterable[str] | None) -> dict[str, Any]:
    """The attributes of a tensor or array by these names, without those that every tensor has."""
    own = getattr(x, "__dict__", {})
    return {name: own[name] for name in (own if names is None else own.keys() & names) if name not in OWN}


def marks_of(tensors: Sequence[Any], named: frozenset[str] | None, sought: frozenset[str], reached: Mapping[int, Any]) -> Marks | None:
    """The marks among the attributes that code names; None if there are none, and if code does not ask for any that may be missing."""
    held = tuple([hung_on(x, named) for x in tensors])
    names = None if named is None else sought.union(*held)
    needed = tensors and (names != frozenset() or reached)
    return Marks(names, held, reached, tuple([reached.get(id(x)) for x in tensors])) if needed else None


def _same(x: dict[str, Any], y: dict[str, Any]) -> bool:
    return x.keys() == y.keys() and all(same(value, y[name]) for name, value in x.items())
