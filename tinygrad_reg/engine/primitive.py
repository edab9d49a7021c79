"""Primitives: functions on arrays with one derivative rule per argument, and `bind`, which records their calls.

Arrays are positional, static metadata is keyword-only. A rule is a function `rule(g, ...)` of the cotangent `g` that asks
by name for what else it needs:

    x               an array argument              x_shape, x_dtype   of an array argument
    out             the result, or all of them     dim, keepdim, ...  a keyword of the call
    cdf, ...        one of several results that have names, or what several rules share
    tensors         the tuple of a `*tensors`      position           which of `*tensors` is meant

Only what some rule names is saved. Rules use operators and primitives, never NumPy: on arrays they run as NumPy, on
recording tensors they are recorded themselves, which gives derivatives of any order from the same rule.
"""

from __future__ import annotations

import contextvars
import inspect
from collections.abc import Callable, Sequence
from copy import copy
from typing import TYPE_CHECKING, Any, TypeAlias, overload

import numpy as np

from ..errors import ArgumentTypeError, RuleError
from .lending import LOANS
from .lines import user_line
from .mutation import Array, tick
from .node import Node, Value, new, wrap
from .plan import NOTHING, Plan, Rule, asked_by, borrowed, make_plan
from .state import state
from .watch import watch
from .written import written

if TYPE_CHECKING:
    from ..tensor import Tensor

PRIMITIVES: dict[str, Primitive] = {}
NEEDED = (True,)
_MANY = 16  # arguments: so many are not written out
_ndarray = np.ndarray

# NumPy warns about 1/0 and overflow; a tensor library shows inf and nan instead. Running in a copy of a silenced context
# costs 50 ns where `np.errstate` costs 850, and leaves the caller's own settings alone. `SETTINGS.set(SILENCE)` is what errstate
# comes to: for code of the user's, which is to see his own context variables.
_silent = contextvars.copy_context()
_silent.run(np.seterr, all="ignore")
silent_copy = _silent.copy
SETTINGS, SILENCE = next((var, value) for var, value in _silent.items() if contextvars.copy_context().get(var) is not value)


def silenced(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, run without NumPy's warnings."""
    return lambda *args: silent_copy().run(function, *args)


Layout: TypeAlias = tuple[tuple[tuple[int, ...], np.dtype[Any]] | None, ...]  # shape and dtype of each of several results, if known


class Primitive:
    """A function on arrays that the engine can record, differentiate and trace. See the module's text for the conventions."""

    elementwise = False
    analytic = False  # the forward is a complex-differentiable function of its float arguments, and runs on complex arrays

    def __init__(
        self,
        forward: Callable[..., Any],
        *,
        name: str | None = None,
        view: bool = False,
        outputs: bool | tuple[str, ...] = False,
        elementwise: bool = False,
        fails: bool | Callable[..., bool] = False,
        register: bool = True,
    ) -> None:
        self.forward = forward
        self.call: Callable[..., Any] | None = None  # see `caller`; None before the first call, and where the number of arguments differs
        self._callers: dict[int, Callable[..., Any]] = {}
        self.name = name or forward.__name__
        self.__name__ = self.name
        self.__doc__ = forward.__doc__
        self.view = view  # the result may share memory with the first argument
        self.outputs = bool(outputs)  # the result is a tuple of arrays
        self.results = outputs if isinstance(outputs, tuple) else ()  # their names, by which rules may ask for them
        self.fails = fails  # for some values of its arguments, or of such ones: a program keeps the call, even if nobody needs the result
        self.plain: Callable[..., Any] | None = None  # what the forward comes to without tricks, see plain.py
        self.arguments, self.tail, self.keywords = _signature(forward)
        self.rules: dict[str, Rule | None] = {}
        self.shared: dict[str, Rule] = {}  # what several rules ask for, see `shares`
        self.result_may_change = False  # before the walk back, since PyTorch's call saves none of it: what is saved here is copied then
        self.shaped_by_values: Callable[..., bool] | None = None  # of the arguments: whether their values decide the result's shape
        self._plans: dict[tuple[Any, ...], Plan | None] = {}
        if elementwise:
            self.elementwise = True
        if register:
            if self.name in PRIMITIVES:
                raise RuleError(f"primitive: the name {self.name!r} is taken; choose another")
            PRIMITIVES[self.name] = self

    def __repr__(self) -> str:
        return f"<primitive {self.name}>"

    def node_name(self) -> str:
        """What the nodes of its calls are called, in PyTorch's way: `AddBackward0`."""
        return "".join(part.capitalize() for part in self.name.split("_")) + "Backward0"

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
                self._check_sources(rule)
        self.rules.update(rules)
        self._plans.clear()

    def shares(self, **functions: Rule) -> None:
        """Declare what several rules ask for by name: `function(g, ...)`, which asks as rules do, is called at most once in a walk."""
        for name, function in functions.items():
            self._check_sources(function)
            self.shared[name] = function
        self._plans.clear()

    def _check_sources(self, rule: Rule) -> None:
        asked = asked_by(rule)
        if asked is None:
            raise RuleError(f"{self.name}.vjp: the first argument of a rule is the cotangent g")
        for name in asked:
            base = name.removesuffix("_shape").removesuffix("_dtype")
            known = ("out", "position", *self.results, *self.shared, *self.keywords)
            if name not in known and base not in (*self.arguments, self.tail):
                raise RuleError(f"{self.name}.vjp: a rule asks for {name!r}, which is no argument, result, keyword, 'out' or 'position'")

    def missing_rules(self) -> list[str]:
        """Array arguments that have neither a rule nor an explicit None."""
        return [name for name in (*self.arguments, *((self.tail,) if self.tail else ())) if name not in self.rules]

    def rule_of(self, position: int) -> Rule | None:
        """The rule for the argument at this position."""
        name = self.arguments[position] if position < len(self.arguments) else self.tail
        return self.rules.get(name) if name else None

    # ---- planning: which values to save, resolved once per combination of needed arguments --------------------------

    def plan(self, needed: tuple[bool | None, ...], first: bool = False) -> Plan | None:
        """The plan for a call whose arguments need gradients as told (None: a finite number); None if no rule would be used.

        With `first`, for a call by that method.
        """
        key = (needed, first) if first else needed
        try:
            return self._plans[key]
        except KeyError:
            self._plans[key] = made = make_plan(self, needed, first)
            return made

    def plan_for(self, parents: Sequence[Node | None]) -> Plan | None:
        """The plan for a call whose arguments were made by these nodes."""
        return self.plan(tuple([parent is not None for parent in parents]))

    # ---- calling ---------------------------------------------------------------------------------------------------

    def caller(self, count: int) -> Callable[..., Any]:
        """`call(*args, params)`, which is `forward(*args, **params)` of `count` arguments with the keywords written out.

        Python's own way from a dict to keywords takes 0.1 µs more. Where one is missing or not known, the forward's own error says so.
        """
        call = self._callers.get(min(count, _MANY))
        if call is None:
            args = "".join([f"x{i}, " for i in range(count)])
            keywords = ", ".join([f"{name}=p[{name!r}]" for name in self.keywords])
            text = f"lambda {args}p: f({args}{keywords}) if len(p) == {len(self.keywords)} else f({args}**p)"
            call = written(f"lambda f: {text if count < _MANY else 'lambda *a: f(*a[:-1], **a[-1])'}")(self.forward)
            self._callers[min(count, _MANY)] = call
            if count == len(self.arguments) and not self.tail:
                self.call = call
        return call

    def bind(self, *args: Any, **params: Any) -> Tensor:
        """Run on arrays as plain NumPy; with a tensor among the arguments, give a tensor and record the call.

        Calling the primitive does the same. By this name Python hands keywords on in half the time.
        """
        call = self.call or self.caller(len(args))
        if len(args) == 1:  # the most frequent call: as short as Python allows
            x = args[0]
            if type(x) is _ndarray:
                return call(x, params)  # type: ignore[no-any-return]
            if isinstance(x, Value) and (recording := state.recording) is not None:
                out = silent_copy().run(call, x.array, params)
                if self.outputs:
                    made_by = (x.node,) if recording and x.node is not None else ()
                    return self._finish_tuple(args, (x.array,), made_by, params, out)  # type: ignore[no-any-return]
                return self.applied(x, out, params)
        elif len(args) == 2 and not (self.outputs or self.view):
            x, y = args
            if isinstance(x, Value) and isinstance(y, Value) and state.recording is not None:
                return self.applied_to_two(x, y, silent_copy().run(call, x.array, y.array, params), params)
        for arg in args:
            if isinstance(arg, Value):
                break
        else:  # arrays, as in backward
            try:
                return call(*args, params)  # type: ignore[no-any-return]
            except AttributeError as error:
                raise self._explained(error, args) from None
        raw, parents = _arrays_and_nodes(args)
        out = silent_copy().run(call, *raw, params)
        recording = state.recording
        needed = any(parents) and (recording or (recording is None and state.grad_enabled))
        if self.outputs:
            return self._finish_tuple(args, raw, parents if needed else (), params, out)  # type: ignore[no-any-return]
        if type(out) is not _ndarray:
            out = np.asarray(out)
        result = new(Value.result_class)
        result.array = out
        if needed:
            self.record(result, raw, parents, params, args)
        if self.view and isinstance(args[0], Value):
            result.link_view(args[0], self, params)
        if recording is None and state.tracer is not None:
            state.tracer.record(self, args, params, out)
        return result

    __call__ = bind

    def first(self, *args: Any, **params: Any) -> tuple[Any, ...]:
        """As `bind` of results that have names, where the first alone is differentiated: the others are constants, and need no nodes.

        The first hangs on the node of the call itself. The rules get its cotangent, and `NOTHING` in place of those of the others.
        These come as arrays; as tensors where it does what `bind` does: where calls are traced, or the first argument is an array.
        """
        recording = state.recording
        if recording is None or not isinstance(args[0], Value):
            return self.bind(*args, **params)  # type: ignore[return-value]
        raw, parents = _arrays_and_nodes(args)
        out = silent_copy().run(self.call or self.caller(len(args)), *raw, params)
        result = new(Value.result_class)
        result.array = array = out[0]
        if recording and any(parents):
            plan = self.plan(tuple([parent is not None for parent in parents]), first=True)
            if plan is not None:
                _copy_unwatched(plan, args, raw)
                result.node = make_node(self, plan, (*raw, out, *out), params, array.shape, *parents)
        return result, *out[1:]

    def __init_subclass__(cls) -> None:
        cls.__call__ = cls.bind  # type: ignore[method-assign]

    def applied(self, x: Value, out: Any, params: dict[str, Any]) -> Tensor:
        """The result `out` of a call with the tensor x alone, outside of traces, as a tensor; the call is recorded."""
        if type(out) is not _ndarray:
            out = np.asarray(out)
        result = new(x.result_class)
        result.array = out
        parent = x.node
        if parent is not None and state.recording:
            plan = self.plan(NEEDED)
            if plan is not None:
                result.node = make_node(self, plan, (x.array, out), params, out.shape, parent)
        if self.view:
            result.link_view(x, self, params)
        return result

    def applied_to_two(self, x: Value, y: Value, out: Any, params: dict[str, Any]) -> Tensor:
        """The same for a call with two tensors that gives no view."""
        if type(out) is not _ndarray:
            out = np.asarray(out)
        result = new(x.result_class)
        result.array = out
        first, second = x.node, y.node
        if (first is not None or second is not None) and state.recording:
            plan = self.plan((first is not None, second is not None))
            if plan is not None:
                result.node = make_node(self, plan, (x.array, y.array, out), params, out.shape, first, second)
        return result

    def applied_to_all(self, raw: Sequence[Any], parents: Sequence[Node | None], params: dict[str, Any]) -> Tensor:
        """A call outside of traces that gives no view, of the arrays of its arguments and the nodes that made them; it is recorded."""
        out = silent_copy().run(self.call or self.caller(len(raw)), *raw, params)
        if type(out) is not _ndarray:
            out = np.asarray(out)
        result = new(Value.result_class)
        result.array = out
        if state.recording and any(parents):
            plan = self.plan_for(parents)
            if plan is not None:
                result.node = make_node(self, plan, (*raw, out), params, out.shape, *parents)
        return result

    def _explained(self, error: AttributeError, args: tuple[Any, ...]) -> Exception:
        """What to raise for an error of the forward on arrays: that there are none, if so."""
        if any(isinstance(x, (np.ndarray, np.generic)) for x in args):
            return error
        given = " and ".join(type(x).__name__ for x in args)
        return ArgumentTypeError(f"{self.name}: expected tensors, got {given}; wrap them in tg.tensor(...)")

    def record(
        self, result: Value, raw: Sequence[Any], parents: Sequence[Node | None], params: dict[str, Any], args: tuple[Any, ...] = ()
    ) -> None:
        """Give `result` the node of this call, if any of its arguments has a rule."""
        plan = self.plan_for(parents)
        if plan is None:
            return
        _copy_unwatched(plan, args, raw)
        result.node = make_node(self, plan, (*raw, result.array), params, result.array.shape, *parents)
        if state.anomaly:
            remember_origin(result.node)

    def _finish_tuple(
        self,
        args: tuple[Any, ...],
        raw: Sequence[Any],
        parents: Sequence[Node | None],
        params: dict[str, Any],
        out: tuple[Array, ...],
    ) -> Any:
        """Wrap a tuple of results; each hangs on the common node, if there are parents, by a node of its own that says which one it is."""
        for array in out:
            if type(array) is not _ndarray:
                out = tuple([np.asarray(array) for array in out])
                break
        plan = self.plan_for(parents) if parents else None
        if plan is None:
            results = tuple([wrap(Value.result_class, array) for array in out])
        else:
            _copy_unwatched(plan, args, raw)
            node = make_node(self, plan, (*raw, out, *out), params, layout_of(out), *parents)
            results = outputs_of(node, out)
            if state.anomaly:
                remember_origin(node)
        if self.view and isinstance(source := args[0], Value):
            for i, result in enumerate(results):
                result.link_view(source, self, {**params, OUTPUT: i})
        if state.tracer is not None:
            state.tracer.record(self, args, params, out)
        return results


def _arrays_and_nodes(args: tuple[Any, ...]) -> tuple[list[Any], list[Node | None]]:
    """What a forward is given, and the nodes that made it; None of what is no tensor."""
    raw: list[Any] = []
    nodes: list[Node | None] = []
    for arg in args:
        if isinstance(arg, Value):
            raw.append(arg.array)
            nodes.append(arg.node)
        else:
            raw.append(arg)
            nodes.append(None)
    return raw, nodes


def _copy_unwatched(plan: Plan, args: tuple[Any, ...], raw: Any) -> None:
    """Put copies into `raw` for the arrays among `args` that the plan saves: a later change of what is no tensor could not be noticed.

    A tracer knows arrays by identity, and keeps its own.
    """
    if state.tracer is None:
        for i in plan.arrays:
            if i < len(args) and isinstance(args[i], _ndarray):  # also one of a subclass, such as a memory map
                raw[i] = np.array(args[i])


_ZERO: Any = bytes(8)  # the one element of all zeros
OUTPUT = "_output"  # in the parameters of a view: which one of a tuple of results


def make_node(
    primitive: Primitive,
    plan: Plan,
    values: tuple[Any, ...],
    params: dict[str, Any],
    shape: tuple[int, ...] | Layout,
    first: Node | None,
    second: Node | None = None,
    *others: Node | None,
) -> Node:
    """A node with what the plan wants saved out of `values`, which are the arguments and the result; last come the parents."""
    node = Node()
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
    if LOANS and plan.prints is not None:
        node.prints = plan.prints(node.saved)
    return node


def remember_origin(node: Node) -> None:
    """Note the user's line that made the node, and look out for the one that changes what it has saved: anomaly mode."""
    node.with_extras().origin = user_line()
    watch.look()
    if node.prints is not None:
        watch.follow(node)


class Parts:
    """The cotangent of a tuple of results: what has arrived, by position; its shape is the layout of them all."""

    base = None

    def __init__(self, parts: dict[int, Any], layout: Layout) -> None:
        self.parts, self.shape = parts, layout

    def __add__(self, other: Parts) -> Parts:
        """Take in what has arrived by another result's node; the walk alone holds a cotangent of this kind."""
        parts = self.parts
        for i, part in other.parts.items():
            parts[i] = parts[i] + part if i in parts else part
        return self

    def whole(self) -> tuple[Any, ...]:
        """All entries; where nothing arrived, zeros that take no memory, or `NOTHING` in place of a result whose shape is not known."""
        return tuple([borrowed(self.parts[i]) if i in self.parts else _zeros(entry) for i, entry in enumerate(self.shape)])


def is_missing(x: Any) -> bool:
    """Whether this is what `Parts.whole` gives in place of a cotangent of which nothing has arrived."""
    return x is NOTHING or (isinstance(x, _ndarray) and x.base is _ZERO)


def _zeros(entry: tuple[tuple[int, ...], np.dtype[Any]] | None) -> Any:
    return NOTHING if entry is None else np.ndarray(entry[0], entry[1], _ZERO, strides=(0,) * len(entry[0]))


def _signature(forward: Callable[..., Any]) -> tuple[tuple[str, ...], str | None, tuple[str, ...]]:
    """Names of the positional arguments, of the `*tail` if any, and of the keywords."""
    if isinstance(forward, np.ufunc):
        return ("x", "y")[: forward.nin], None, ()
    code = inspect.unwrap(forward).__code__  # `inspect.signature` would be a quarter of the package's import time
    names, fixed, keywords = code.co_varnames, code.co_argcount, code.co_kwonlyargcount
    tail = names[fixed + keywords] if code.co_flags & inspect.CO_VARARGS else None
    return names[:fixed], tail, names[fixed : fixed + keywords]


@overload
def primitive(forward: Callable[..., Any]) -> Primitive: ...
@overload
def primitive(
    *,
    name: str | None = None,
    view: bool = False,
    outputs: bool | tuple[str, ...] = False,
    elementwise: bool = False,
    fails: bool | Callable[..., bool] = False,
) -> Callable[[Callable[..., Any]], Primitive]: ...
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
def output(results: tuple[Array, ...], *, position: int, layout: Layout) -> Array:
    """One of a tuple of results."""
    return results[position]


output.vjp(results=lambda g, position, layout: Parts({position: g}, layout))
_ONE: Any = output.plan(NEEDED)


def layout_of(arrays: tuple[Array, ...]) -> Layout:
    """The shape and dtype of each array."""
    return tuple([(array.shape, array.dtype) for array in arrays])


def outputs_of(common: Node, arrays: tuple[Array, ...]) -> tuple[Tensor, ...]:
    """The results of a call that gave several, see `output_of`."""
    return tuple([output_of(common, position, array) for position, array in enumerate(arrays)])


def apart(node: Node, dtype: np.dtype[Any]) -> Node:
    """Another node for a call by `Primitive.first`, on which its other results hang, where the walk back is itself recorded."""
    made = copy(node)
    made.plan = node.primitive.plan_for(node.parents)
    made.index = tick()
    made.shape = ((node.shape, dtype), *[None] * (len(node.primitive.results) - 1))
    made.extras = None
    return made


def output_of(common: Node, position: int, array: Array) -> Tensor:
    """One of several results of a call: it hangs on their common node by a node of its own that says which one it is."""
    result = new(Value.result_class)
    result.array = array
    if array.dtype.kind == "f":
        result.node = make_node(output, _ONE, (), {"position": position, "layout": common.shape}, array.shape, common)
    return result
