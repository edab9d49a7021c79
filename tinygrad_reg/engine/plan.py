"""Plans: what a recorded call saves and whom it sends gradients to, resolved once per combination of arguments that need them.

Here the names that rules ask for become places: an index into (*args, out, *results), "shape" or "dtype" of an argument, a keyword.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from .primitive import Primitive

Rule = Callable[..., Any]

UNPLANNED: Any = object()  # in place of a plan that short paths keep at hand, until the first call: at import they would take a tenth

#: The way back from a node to one argument:
#:   its position,
#:   its rule,
#:   a function that picks the rule's values out of `saved` (None: as `sources` say),
#:   where they come from,
#:   guarded: elementwise and naming an array, so that 0 · inf can occur, see graph.strong_zero.
Edge: TypeAlias = "tuple[int, Rule, Callable[[Any], tuple[Any, ...]] | None, tuple[Source, ...], bool]"


class Constant(int):
    """A number that a rule asked for by name and that is known when the call is recorded."""


class Shared(NamedTuple):
    """A value that several rules ask for: computed once, as `function(g, ...)`, when the first of them does."""

    name: str
    function: Rule
    sources: tuple[Source, ...]


#: An index into `saved`, the indices of a tuple, the name of a keyword, a number, or how to compute it.
Source: TypeAlias = int | tuple[int, ...] | str | Constant | Shared


class Plan:
    """What to save and whom to send gradients to, for one combination of arguments that need them."""

    __slots__ = ("arguments", "arrays", "edges", "save", "saves_arguments", "slots")

    def __init__(
        self, arguments: int, arrays: tuple[int, ...], metas: tuple[tuple[int, str], ...], edges: tuple[Edge, ...], view: bool
    ) -> None:
        self.arguments = arguments  # how many there are
        self.arrays = arrays  # positions in (*args, out, *results)
        self.slots = len(arrays) + len(metas)  # how many values are saved; one is saved as it is, several as a tuple
        self.save = saver(arrays, metas)
        self.saves_arguments = any(view or position < arguments for position in arrays)  # memory that others can hold, too
        self.edges = edges


def saver(arrays: tuple[int, ...], metas: tuple[tuple[int, str], ...]) -> Callable[[tuple[Any, ...]], Any]:
    """A function that takes what a plan saves out of (*args, out, *results); metas are (position, "shape" or "dtype")."""
    if not metas:
        return itemgetter(*arrays) if arrays else _nothing

    def save(values: tuple[Any, ...]) -> Any:
        saved = (*[values[i] for i in arrays], *[getattr(values[i], meta, ()) for i, meta in metas])  # a number has no shape
        return saved if len(saved) > 1 else saved[0]

    return save


def _nothing(_: Any) -> tuple[Any, ...]:
    return ()


def picker(indices: Sequence[int], slots: int) -> Callable[[Any], tuple[Any, ...]]:
    """A function that takes a rule's values, as a tuple, out of what was saved in so many slots."""
    if not indices:
        return _nothing
    if slots == 1:
        return ALONE
    if list(indices) == list(range(slots)):
        return ALL
    return itemgetter(*indices) if len(indices) > 1 else itemgetter(slice(indices[0], indices[0] + 1))


def ALONE(saved: Any) -> tuple[Any, ...]:
    """The one value that was saved: the most frequent case, which the walk looks for."""
    return (saved,)


def ALL(saved: tuple[Any, ...]) -> tuple[Any, ...]:
    """Everything that was saved, in its order: the next most frequent."""
    return saved


def collect(sources: tuple[Source, ...], saved: Sequence[Any], params: dict[str, Any], g: Any, shared: dict[str, Any]) -> list[Any]:
    """The values a rule asked for, when some are not simply saved; what several rules share is kept in `shared`."""
    values: list[Any] = []
    for source in sources:
        if type(source) is int:
            values.append(saved[source])
        elif isinstance(source, str):
            values.append(params[source])
        elif isinstance(source, Shared):
            if source.name not in shared:
                shared[source.name] = source.function(g, *collect(source.sources, saved, params, g, shared))
            values.append(borrowed(shared[source.name]))
        elif isinstance(source, tuple):
            values.append(tuple([saved[i] for i in source]))
        else:
            values.append(int(source))
    return values


def borrowed(part: Any) -> Any:
    """An array as a view of itself: by its `base` the walk knows that a rule handed it on and does not own it."""
    return part.view() if isinstance(part, np.ndarray) else part


# ---- making them -----------------------------------------------------------------------------------------------------


def asked_by(rule: Rule) -> list[str] | None:
    """The names a rule asks for, after the cotangent; None if that is not its first argument."""
    names = list(rule.__code__.co_varnames[: rule.__code__.co_argcount])
    return names[1:] if names[:1] == ["g"] else None


def make_plan(p: Primitive, needed: tuple[bool | None, ...]) -> Plan | None:
    """The plan for a call whose arguments need gradients as told (None: a finite number); None if no rule would be used."""
    rules = [(i, p.rule_of(i)) for i, need in enumerate(needed) if need]
    asked = [(i, rule, _places(p, rule, i, len(needed))) for i, rule in rules if rule is not None]
    if not asked:
        return None
    saved = [place for _, _, places in asked for place in _saved(places)]
    arrays = tuple(sorted({place for place in saved if isinstance(place, int)}))
    metas = tuple(dict.fromkeys(place for place in saved if isinstance(place, tuple)))
    slots: dict[Any, int] = {place: slot for slot, place in enumerate((*arrays, *metas))}
    edges = tuple(_edge(p, i, rule, places, slots, needed) for i, rule, places in asked)
    return Plan(len(needed), arrays, metas, edges, p.view)


#: Where a value is to be found in a call: a position in (*args, out, *results), positions of a tuple, (position, "shape" or "dtype"),
#: the name of a keyword, a number, or where the values are that it is computed of.
Place: TypeAlias = "int | list[int] | tuple[int, str] | str | Constant | _Computed"


class _Computed:
    def __init__(self, name: str, function: Rule, places: list[Place]) -> None:
        self.name, self.function, self.places = name, function, places


def _places(p: Primitive, rule: Rule, position: int, count: int) -> list[Place]:
    return [_locate(p, name, position, count) for name in asked_by(rule) or ()]


def _locate(p: Primitive, name: str, position: int, count: int) -> Place:
    """Where the rule for the argument at `position`, of `count`, finds what it asks for by this name."""
    fixed = len(p.arguments)
    if name == "out":
        return count
    if name in p.results:
        return count + 1 + p.results.index(name)
    if name in p.shared:
        return _Computed(name, p.shared[name], _places(p, p.shared[name], position, count))
    if name == "position" and name not in p.keywords:
        return Constant(position - fixed)
    if name == p.tail:
        return list(range(fixed, count))
    if name in p.arguments:
        return p.arguments.index(name)
    base, _, meta = name.rpartition("_")
    if meta in ("shape", "dtype") and base in p.arguments:
        return (p.arguments.index(base), meta)
    if meta in ("shape", "dtype") and base == p.tail:
        return (position, meta)
    return name


def _saved(places: list[Place]) -> list[int | tuple[int, str]]:
    """What of the call these places are in."""
    found: list[int | tuple[int, str]] = []
    for place in places:
        if isinstance(place, _Computed):
            found += _saved(place.places)
        elif isinstance(place, list):
            found += place
        elif isinstance(place, tuple) or type(place) is int:
            found.append(place)
    return found


def _edge(p: Primitive, position: int, rule: Rule, places: list[Place], slots: dict[Any, int], needed: tuple[bool | None, ...]) -> Edge:
    sources = tuple([_source(place, slots) for place in places])
    plain = [source for source in sources if type(source) is int]
    pick = picker(plain, len(slots)) if len(plain) == len(sources) else None
    names_array = any(type(place) is int and (place >= len(needed) or needed[place] is not None) for place in places)
    return position, rule, pick, sources, p.elementwise and names_array


def _source(place: Place, slots: dict[Any, int]) -> Source:
    """Where a value is to be found on the way back."""
    if isinstance(place, _Computed):
        return Shared(place.name, place.function, tuple([_source(inner, slots) for inner in place.places]))
    if isinstance(place, list):
        return tuple([slots[i] for i in place])
    if isinstance(place, str | Constant):
        return place
    return slots[place]
