"""Marks: the attributes that somebody has hung on the tensors and arrays that a step is given."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from ..tensor import OWN
from .facts import same


class Marks(NamedTuple):
    """What the arguments of a call have by the names that a step may look for; None stands for all names."""

    names: frozenset[str] | None
    held: tuple[dict[str, Any], ...]  # by the position of an argument

    def hold(self, tensors: Sequence[Any]) -> bool:
        """Whether these have the same."""
        return all(map(_same, self.held, [hung_on(x, self.names) for x in tensors]))


def hung_on(x: Any, names: Iterable[str] | None) -> dict[str, Any]:
    """The attributes of a tensor or array by these names, without those that every tensor has."""
    own = getattr(x, "__dict__", {})
    return {name: own[name] for name in (own if names is None else own.keys() & names) if name not in OWN}


def marks_of(tensors: Sequence[Any], named: frozenset[str] | None, sought: frozenset[str]) -> Marks | None:
    """The marks among the attributes that code names; None if there are none, and if code does not ask for any that may be missing."""
    held = tuple([hung_on(x, named) for x in tensors])
    names = None if named is None else sought.union(*held)
    return Marks(names, held) if tensors and (names is None or names) else None


def _same(x: dict[str, Any], y: dict[str, Any]) -> bool:
    return x.keys() == y.keys() and all(same(value, y[name]) for name, value in x.items())
