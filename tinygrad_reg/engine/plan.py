"""Plans: what a recorded call saves and whom it sends gradients to, resolved once per combination of arguments that need them.

Here the names that rules ask for become places: an index into (*args, out, *results), "shape" or "dtype" of an argument, a keyword.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from .lending import Prints, fingerprints_of
from .written import written

if TYPE_CHECKING:
    from .primitive import Primitive

Rule = Callable[..., Any]

NOTHING = 0.0  # in place of the cotangent of a result to which nothing has come back
UNPLANNED: Any = object()  # in place of a plan that short paths keep at hand, until the first call: at import they would take a tenth

#: The way back from a node to one argument:
#:   its position,
#:   a function that hands its rule the cotangent, what it asks for of `saved` and of the keywords, and what several rules share,
#:   guarded: elementwise and naming an array, so that 0 · inf can occur, see graph.strong_zero.
Edge: TypeAlias = "tuple[int, Send, bool]"
Send: TypeAlias = Callable[[Any, Any, dict[str, Any], dict[str, Any] | None], Any]


class Constant(int):
    """A number that a rule asked for by name and that is known when the call is recorded."""


class Plan:
    """What to save and whom to send gradients to, for one combination of arguments that need them."""

    __slots__ = ("arguments", "arrays", "edges", "first", "prints", "save", "shares", "slots")

    def __init__(
        self,
        needed: tuple[bool | None, ...],
        arrays: tuple[int, ...],
        metas: tuple[tuple[int, str], ...],
        edges: tuple[Edge, ...],
        view: bool,
        shares: bool,
        first: bool = False,
    ) -> None:
        arguments = self.arguments = len(needed)
        self.arrays = arrays  # positions in (*args, out, *results)
        self.slots = len(arrays) + len(metas)  # how many values are saved; one is saved as it is, several as a tuple
        self.save = saver(arrays, metas, needed)
        # Of what it saves in memory that others can hold, too: arguments, and a view of them. Those that need a gradient are arrays.
        held = [(slot, i < arguments and bool(needed[i])) for slot, i in enumerate(arrays) if view or i < arguments]
        self.prints: Callable[[Any], Prints | None] | None = fingerprints_of(held, alone=self.slots == 1) if held else None
        self.edges = edges
        self.shares = shares  # whether there is what several rules ask for and is computed once
        self.first = first  # whether the node stands for the first of several results, see `Primitive.first`


def saver(arrays: tuple[int, ...], metas: tuple[tuple[int, str], ...], needed: Sequence[bool | None]) -> Callable[[tuple[Any, ...]], Any]:
    """A function that takes what a plan saves out of (*args, out, *results); metas are (position, "shape" or "dtype")."""
    if not metas:
        return itemgetter(*arrays) if arrays else _nothing
    # an argument that needs a gradient is an array; another one can be a number, which has no shape
    terms = [f"v[{i}].{meta}" if needed[i] else f"getattr(v[{i}], {meta!r}, ())" for i, meta in metas]
    taken = ", ".join([*[f"v[{i}]" for i in arrays], *terms])
    return written(f"lambda v: ({taken})")


def _nothing(_: Any) -> tuple[Any, ...]:
    return ()


def borrowed(part: Any) -> Any:
    """An array as a view of itself: by its `base` the walk knows that a rule handed it on and does not own it."""
    return part.view() if isinstance(part, np.ndarray) else part


# ---- making them -----------------------------------------------------------------------------------------------------


def asked_by(rule: Rule) -> list[str] | None:
    """The names a rule asks for, after the cotangent; None if that is not its first argument."""
    names = list(rule.__code__.co_varnames[: rule.__code__.co_argcount])
    return names[1:] if names[:1] == ["g"] else None


def make_plan(p: Primitive, needed: tuple[bool | None, ...], first: bool = False) -> Plan | None:
    """The plan for a call whose arguments need gradients as told (None: a finite number); None if no rule would be used.

    With `first`, for a node that stands for the first of several results, see `Primitive.first`.
    """
    rules = [(i, p.rule_of(i)) for i, need in enumerate(needed) if need]
    asked = [(i, rule, _places(p, rule, i, len(needed))) for i, rule in rules if rule is not None]
    if not asked:
        return None
    saved = [place for _, _, places in asked for place in _saved(places)]
    arrays = tuple(sorted({place for place in saved if isinstance(place, int)}))
    metas = tuple(dict.fromkeys(place for place in saved if isinstance(place, tuple)))
    slots: dict[Any, int] = {place: slot for slot, place in enumerate((*arrays, *metas))}
    g = f"(g{', NOTHING' * (len(p.results) - 1)})" if first else "g"
    edges = tuple([(i, _sender(rule, places, slots, g), p.elementwise and _names_array(places, needed)) for i, rule, places in asked])
    shares = any(isinstance(place, _Computed) for _, _, places in asked for place in places)
    return Plan(needed, arrays, metas, edges, p.view, shares, first)


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


def _names_array(places: list[Place], needed: tuple[bool | None, ...]) -> bool:
    """Whether a rule asks for an array of the call, or for what is computed of one: an argument that is no finite number, or a result."""
    for place in places:
        if isinstance(place, _Computed) and _names_array(place.places, needed):
            return True
        if type(place) is int and (place >= len(needed) or needed[place] is not None):
            return True
    return False


def _sender(rule: Rule, places: list[Place], slots: dict[Any, int], g: str) -> Send:
    """The function of an edge, written out, since it is called at every walk; `g` is the expression for the rule's cotangent."""
    functions: dict[str, Any] = {"rule": rule, "NOTHING": NOTHING}
    given = ", ".join([g, *[_term(place, slots, functions, g) for place in places]])
    made: Send = written(f"lambda {', '.join(functions)}: lambda g, s, p, c: rule({given})")(*functions.values())
    return made


def _term(place: Place, slots: dict[Any, int], functions: dict[str, Any], g: str) -> str:
    """The expression for a value: s is what was saved, p the keywords, c holds what has been computed for several rules."""
    if isinstance(place, _Computed):
        functions["borrowed"], functions[f"get_{place.name}"] = borrowed, place.function
        given = ", ".join([g, *[_term(inner, slots, functions, g) for inner in place.places]])
        return f"borrowed(c[{place.name!r}] if {place.name!r} in c else c.setdefault({place.name!r}, get_{place.name}({given})))"
    if isinstance(place, list):
        return f"({''.join([f'{_term(inner, slots, functions, g)}, ' for inner in place])})"
    if isinstance(place, str):
        return f"p[{place!r}]"
    if isinstance(place, Constant):
        return str(int(place))
    return f"s[{slots[place]}]" if len(slots) > 1 else "s"
