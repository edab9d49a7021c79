"""Primitives: functions on arrays with one derivative rule per argument, and `bind`, which records their calls.

Arrays are positional, static metadata is keyword-only. A rule is a function `rule(g, ...)` of the cotangent `g` that asks
by name for what else it needs:

    x               an array argument              x_shape, x_dtype   of an array argument
    out             the result                     dim, keepdim, ...  a keyword of the call
    tensors         the tuple of a `*tensors`      position           which of `*tensors` is meant

Only what some rule names is saved. Rules use operators and primitives, never NumPy: on arrays they run as NumPy, on
recording tensors they are recorded themselves, which gives derivatives of any order from the same rule.
"""

from __future__ import annotations

import contextvars
import inspect
from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, Any, TypeAlias, overload

import numpy as np

from ..errors import ArgumentTypeError, RuleError
from .lending import LOANS, fingerprints
from .lines import user_line
from .mutation import Array, tick
from .node import Node, Value, new, wrap
from .state import state
from .watch import watch

if TYPE_CHECKING:
    from ..tensor import Tensor

Rule = Callable[..., Any]

PRIMITIVES: dict[str, Primitive] = {}
_NEEDED = (True,)
UNPLANNED: Any = object()  # in place of a plan that short paths keep at hand, until the first call: at import they would take a tenth

# NumPy warns about 1/0 and overflow; a tensor library shows inf and nan instead. Running in a copy of a silenced context
# costs 50 ns where `np.errstate` costs 850, and leaves the caller's own settings alone. `SETTINGS.set(SILENCE)` is what errstate
# comes to: for code of the user's, which is to see his own context variables.
_silent = contextvars.copy_context()
_silent.run(np.seterr, all="ignore")
silent_copy = _silent.copy
SETTINGS, SILENCE = next((var, value) for var, value in _silent.items() if contextvars.copy_context().get(var) is not value)


#: The way back from a node to one argument:
#:   its position,
#:   its rule,
#:   a function that picks the rule's values out of `saved` (None: as `sources` say),
#:   where they come from: an index into `saved`, the name of a keyword, or the indices of a tuple,
#:   guarded: elementwise and naming an array, so that 0 · inf can occur, see graph.strong_zero.
Edge: TypeAlias = tuple[int, Rule, Callable[[Any], tuple[Any, ...]] | None, tuple[int | str | tuple[int, ...], ...], bool]


class Plan:
    """What to save and whom to send gradients to, for one combination of arguments that need them."""

    __slots__ = ("arguments", "arrays", "edges", "save", "saves_arguments", "slots")

    def __init__(
        self, arguments: int, arrays: tuple[int, ...], metas: tuple[tuple[int, str], ...], edges: tuple[Edge, ...], view: bool
    ) -> None:
        self.arguments = arguments  # how many there are
        self.arrays = arrays  # positions in (*args, out)
        self.slots = len(arrays) + len(metas)  # how many values are saved; one is saved as it is, several as a tuple
        self.save = saver(arrays, metas)
        self.saves_arguments = any(view or position < arguments for position in arrays)  # memory that others can hold, too
        self.edges = edges


def saver(arrays: tuple[int, ...], metas: tuple[tuple[int, str], ...]) -> Callable[[tuple[Any, ...]], Any]:
    """A function that takes what a plan saves out of (*args, out); metas are (position, "shape" or "dtype")."""
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


class Primitive:
    """A function on arrays that the engine can record, differentiate and trace. See the module's text for the conventions."""

    elementwise = False
    analytic = False  # the forward is a complex-differentiable function of its float arguments, and runs on complex arrays

    def __init__(
        self, forward: Callable[..., Any], *, name: str | None = None, view: bool = False, outputs: bool = False, register: bool = True
    ) -> None:
        self.forward = forward
        self.name = name or forward.__name__
        self.__name__ = self.name
        self.__doc__ = forward.__doc__
        self.view = view  # the result may share memory with the first argument
        self.outputs = outputs  # the result is a tuple of arrays
        self.plain: Callable[..., Any] | None = None  # what the forward comes to without tricks, see plain.py
        self.arguments, self.tail, self.keywords = _signature(forward)
        self.rules: dict[str, Rule | None] = {}
        self.shaped_by_values: Callable[..., bool] | None = None  # of the arguments: whether their values decide the result's shape
        self._plans: dict[tuple[bool | None, ...], Plan | None] = {}
        if register:
            if self.name in PRIMITIVES:
                raise RuleError(f"primitive: the name {self.name!r} is taken; choose another")
            PRIMITIVES[self.name] = self

    def __repr__(self) -> str:
        return f"<primitive {self.name}>"

    def __reduce__(self) -> Any:
        """Pickled by name and never copied: a layer may hold one as its activation."""
        return (named, (self.name,)) if PRIMITIVES.get(self.name) is self else super().__reduce__()

    # ---- declaring -------------------------------------------------------------------------------------------------

    def vjp(self, **rules: Rule | None) -> None:
        """Declare the rule of each array argument; None says that it has no derivative."""
        names = (*self.arguments, *((self.tail,) if self.tail else ()))
        for name, rule in rules.items():
            if name not in names:
                raise RuleError(f"{self.name}.vjp: no array argument {name!r}; the arguments are {', '.join(names)}")
            if rule is not None:
                for asked in _asked(rule):
                    self._check_source(asked)
        self.rules.update(rules)
        self._plans.clear()

    def _check_source(self, asked: str) -> None:
        base = asked.removesuffix("_shape").removesuffix("_dtype")
        arrays = (*self.arguments, self.tail)
        if asked not in ("out", "position", *self.keywords) and base not in arrays:
            raise RuleError(f"{self.name}.vjp: a rule asks for {asked!r}, which is no argument, keyword, 'out' or 'position'")

    def missing_rules(self) -> list[str]:
        """Array arguments that have neither a rule nor an explicit None."""
        return [name for name in (*self.arguments, *((self.tail,) if self.tail else ())) if name not in self.rules]

    def rule_of(self, position: int) -> Rule | None:
        """The rule for the argument at this position."""
        name = self.arguments[position] if position < len(self.arguments) else self.tail
        return self.rules.get(name) if name else None

    # ---- planning: which values to save, resolved once per combination of needed arguments --------------------------

    def plan(self, needed: tuple[bool | None, ...]) -> Plan | None:
        """The plan for a call whose arguments need gradients as told (None: a finite number); None if no rule would be used."""
        try:
            return self._plans[needed]
        except KeyError:
            self._plans[needed] = made = self._make_plan(needed)
            return made

    def _make_plan(self, needed: tuple[bool | None, ...]) -> Plan | None:
        rules = [(i, self.rule_of(i)) for i, need in enumerate(needed) if need]
        asked = [(i, rule, [self._locate(name, i, len(needed)) for name in _asked(rule)]) for i, rule in rules if rule is not None]
        if not asked:
            return None
        arrays: dict[int, None] = {}
        metas: dict[tuple[int, str], None] = {}
        for _, _, places in asked:
            for place in places:
                if isinstance(place, int):
                    arrays[place] = None
                elif isinstance(place, list):
                    arrays.update(dict.fromkeys(place))
                elif isinstance(place, tuple):
                    metas[place] = None
        slots = {place: slot for slot, place in enumerate((*sorted(arrays), *metas))}
        edges = tuple(self._edge(i, rule, places, slots, needed) for i, rule, places in asked)
        ordered = tuple(sorted(arrays))
        return Plan(len(needed), ordered, tuple(metas), edges, self.view)

    def _locate(self, name: str, position: int, count: int) -> int | str | tuple[int, str] | list[int] | dict[str, int]:
        fixed = len(self.arguments)
        if name == "out":
            return count
        if name == "position" and name not in self.keywords:
            return {"position": position - fixed}
        if name == self.tail:
            return list(range(fixed, count))
        if name in self.arguments:
            return self.arguments.index(name)
        base, _, meta = name.rpartition("_")
        if meta in ("shape", "dtype") and base in self.arguments:
            return (self.arguments.index(base), meta)
        if meta in ("shape", "dtype") and base == self.tail:
            return (position, meta)
        return name

    def _edge(self, position: int, rule: Rule, places: list[Any], slots: dict[Any, int], needed: tuple[bool | None, ...]) -> Edge:
        sources: list[Any] = []
        for place in places:
            if isinstance(place, list):
                sources.append(tuple(slots[i] for i in place))
            elif isinstance(place, dict):
                sources.append(Constant(place["position"]))
            else:
                sources.append(slots.get(place, place))
        plain = all(type(source) is int for source in sources)
        names_array = any(isinstance(place, int) and (*needed, True)[place] is not None for place in places)
        pick = picker(sources, len(slots)) if plain else None
        return position, rule, pick, tuple(sources), self.elementwise and names_array

    # ---- calling ---------------------------------------------------------------------------------------------------

    def __call__(self, *args: Any, **params: Any) -> Tensor:
        """Run on arrays as plain NumPy; with a tensor among the arguments, give a tensor and record the call."""
        if len(args) != 1 or self.outputs or not isinstance(args[0], Value) or (recording := state.recording) is None:
            return self._on_any(args, params)
        x = args[0]  # one tensor is the most frequent call: as short as Python allows
        array = x.array
        out = silent_copy().run(self.forward, array, **params)
        if type(out) is not np.ndarray:
            out = np.asarray(out)
        result = new(x.result_class)
        result.array = out
        parent = x.node
        if recording and parent is not None:
            plan = self.plan(_NEEDED)
            if plan is not None:
                result.node = make_node(self, plan, (array, out), params, out.shape, parent)
        if self.view:
            result.link_view(x, self, params)
        return result

    def _on_any(self, args: tuple[Any, ...], params: dict[str, Any]) -> Tensor:
        """The same for any arguments."""
        for arg in args:
            if isinstance(arg, Value):
                result_class = arg.result_class
                break
        else:  # as in backward
            try:
                return self.forward(*args, **params)  # type: ignore[no-any-return]
            except AttributeError as error:
                raise self._explained(error, args) from None
        recording = state.recording
        raw: list[Any] = []
        parents: list[Node | None] = []
        for arg in args:
            if isinstance(arg, Value):
                raw.append(arg.array)
                parents.append(arg.node)
            else:
                raw.append(arg)
                parents.append(None)
        out = silent_copy().run(self.forward, *raw, **params)
        if self.outputs:
            return self._finish_tuple(result_class, args, raw, parents, params, out)  # type: ignore[no-any-return]
        if type(out) is not np.ndarray:
            out = np.asarray(out)
        result = new(result_class)
        result.array = out
        if recording is not False and any(parents) and state.grad_enabled:
            self.record(result, raw, parents, params)
        if self.view and isinstance(args[0], Value):
            result.link_view(args[0], self, params)
        if recording is None and state.tracer is not None:
            state.tracer.record(self, args, params, out)
        return result

    def _explained(self, error: AttributeError, args: tuple[Any, ...]) -> Exception:
        """What to raise for an error of the forward on arrays: that there are none, if so."""
        if any(isinstance(x, np.ndarray | np.generic) for x in args):
            return error
        given = " and ".join(type(x).__name__ for x in args)
        return ArgumentTypeError(f"{self.name}: expected tensors, got {given}; wrap them in tg.tensor(...)")

    def record(self, result: Value, raw: Sequence[Any], parents: Sequence[Node | None], params: dict[str, Any]) -> None:
        """Give `result` the node of this call, if any of its arguments has a rule."""
        plan = self.plan(tuple(map(bool, parents)))
        if plan is None:
            return
        result.node = make_node(self, plan, (*raw, result.array), params, result.array.shape, *parents)
        if state.anomaly:
            remember_origin(result.node)

    def _finish_tuple(
        self,
        result_class: type[Tensor],
        args: tuple[Any, ...],
        raw: list[Any],
        parents: list[Node | None],
        params: dict[str, Any],
        out: tuple[Array, ...],
    ) -> Any:
        """Wrap a tuple of results; each hangs on the common node by a node of its own that says which one it is."""
        plan = None
        if any(parents) and state.grad_enabled:
            plan = self.plan(tuple(map(bool, parents)))
        out = tuple([array if type(array) is np.ndarray else np.asarray(array) for array in out])
        if plan is None:
            results = tuple([wrap(result_class, array) for array in out])
        else:
            node = make_node(self, plan, (*raw, out), params, None, *parents)
            if state.anomaly:
                remember_origin(node)
            results = outputs_of(node, out, result_class)
        if self.view and isinstance(args[0], Value):
            for i, result in enumerate(results):
                result.link_view(args[0], self, {**params, OUTPUT: i})
        if state.tracer is not None:
            state.tracer.record(self, args, params, out)
        return results


OUTPUT = "_output"  # in the parameters of a view: which one of a tuple of results


def make_node(
    primitive: Primitive,
    plan: Plan,
    values: tuple[Any, ...],
    params: dict[str, Any],
    shape: tuple[int, ...] | None,
    first: Node | None,
    second: Node | None = None,
    *others: Node | None,
) -> Node:
    """A node with what the plan wants saved out of `values`, which are the arguments and the result; last come the parents."""
    node = new(Node)
    node.primitive = primitive
    node.plan = plan
    node.first = first
    node.second = second
    node.others = others
    node.saved = plan.save(values)
    node.prints = None
    node.params = params
    node.index = tick()
    node.shape = shape
    node.extras = None
    if LOANS and plan.saves_arguments:
        node.prints = fingerprints(node.saved, plan.slots)
    return node


def remember_origin(node: Node) -> None:
    """Note the user's line that made the node, and look out for the one that changes what it has saved: anomaly mode."""
    node.with_extras().origin = user_line()
    watch.look()
    if node.prints is not None:
        watch.follow(node)


class Constant(int):
    """A number that a rule asked for by name and that is known when the call is recorded."""


class Parts:
    """The cotangent of a tuple of results: one entry each, None where nothing has arrived."""

    shape = None
    base = None

    def __init__(self, parts: dict[int, Any], shapes: tuple[tuple[int, ...], ...], dtypes: tuple[np.dtype[Any], ...]) -> None:
        self.parts, self.shapes, self.dtypes = parts, shapes, dtypes

    def __add__(self, other: Parts) -> Parts:
        merged = dict(self.parts)
        for i, part in other.parts.items():
            merged[i] = merged[i] + part if i in merged else part
        return Parts(merged, self.shapes, self.dtypes)

    def whole(self) -> tuple[Any, ...]:
        """All entries, zeros where nothing arrived."""
        return tuple(
            self._borrowed(i) if i in self.parts else np.zeros(shape, dtype)
            for i, (shape, dtype) in enumerate(zip(self.shapes, self.dtypes, strict=True))
        )

    def _borrowed(self, i: int) -> Any:
        """Entry i, an array as a view of itself: by its `base` the walk knows that a rule handed it on and does not own it."""
        part = self.parts[i]
        return part if isinstance(part, Value) else part.view()


def _signature(forward: Callable[..., Any]) -> tuple[tuple[str, ...], str | None, tuple[str, ...]]:
    """Names of the positional arguments, of the `*tail` if any, and of the keywords."""
    if isinstance(forward, np.ufunc):
        return ("x", "y")[: forward.nin], None, ()
    code = forward.__code__  # `inspect.signature` would be a quarter of the package's import time
    names, fixed, keywords = code.co_varnames, code.co_argcount, code.co_kwonlyargcount
    tail = names[fixed + keywords] if code.co_flags & inspect.CO_VARARGS else None
    return names[:fixed], tail, names[fixed : fixed + keywords]


def _asked(rule: Rule) -> list[str]:
    """The names a rule asks for, after the cotangent."""
    names = list(rule.__code__.co_varnames[: rule.__code__.co_argcount])
    if not names or names[0] != "g":
        raise RuleError(f"vjp: the first argument of a rule is the cotangent g, got {names}")
    return names[1:]


@overload
def primitive(forward: Callable[..., Any]) -> Primitive: ...
@overload
def primitive(*, name: str | None = None, view: bool = False, outputs: bool = False) -> Callable[[Callable[..., Any]], Primitive]: ...
def primitive(forward: Callable[..., Any] | None = None, **options: Any) -> Any:
    """Make a primitive of a function on arrays: `@primitive` or `@primitive(view=True)`."""
    if forward is None:
        return lambda function: Primitive(function, **options)
    return Primitive(forward, **options)


def named(name: str) -> Primitive:
    """The registered primitive of this name."""
    return PRIMITIVES[name]


def check_registry() -> None:
    """Raise RuleError if any primitive lacks a rule for an argument; called once, when the package is imported."""
    for p in PRIMITIVES.values():
        missing = p.missing_rules()
        if missing:
            raise RuleError(f"{p.name}: no rule for {', '.join(missing)}; declare one, or None if it has no derivative")


@primitive
def output(results: tuple[Array, ...], *, position: int, shapes: Any, dtypes: Any) -> Array:
    """One of a tuple of results."""
    return results[position]


output.vjp(results=lambda g, position, shapes, dtypes: Parts({position: g}, shapes, dtypes))


def outputs_of(common: Node, arrays: tuple[Array, ...], result_class: type[Tensor]) -> tuple[Tensor, ...]:
    """The results of a call that gave several; each hangs on the common node by a node that says which one it is."""
    shapes, dtypes = tuple([a.shape for a in arrays]), tuple([a.dtype for a in arrays])
    plan = output.plan((True,))
    assert plan is not None
    results = []
    for position, array in enumerate(arrays):
        params = {"position": position, "shapes": shapes, "dtypes": dtypes}
        node = make_node(output, plan, (), params, array.shape, common) if array.dtype.kind == "f" else None
        results.append(wrap(result_class, array, node))
    return tuple(results)
