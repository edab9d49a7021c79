"""Recording one run of a step: what is installed as `state.tracer` while the step runs for real.

A value is known by the array object that holds it. Memory that is written in place holds a new value from then on, and so
do all views of it: each view remembers how it was taken, and is taken again from the new value when it is next read. So
the program that results has no in-place operations; what outlives the run is written back at its end.
"""

from __future__ import annotations

import linecache
import os
import sys
import weakref
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..engine.mutation import NDArray, owner, tick
from ..engine.node import Leaf, Value, wrap
from ..engine.primitive import OUTPUT, Primitive
from ..errors import TraceError
from ..ops.assign import copied, overwritten
from .names import is_users
from .program import Equation, HostCall, Operation, Var, number, var_for
from .scalars import Number, Scalar, apply, tracked


def user_line() -> str:
    """The innermost line outside of this package, NumPy and the standard library, as `file.py:12: text`."""
    frame = sys._getframe(1)
    while frame.f_back is not None and not is_users(frame.f_code.co_filename):
        frame = frame.f_back
    path = frame.f_code.co_filename
    return f"{os.path.basename(path)}:{frame.f_lineno}: {linecache.getline(path, frame.f_lineno).strip()}"


class Capture:
    """An array that the step used and that none of its operations made."""

    def __init__(self, array: NDArray, var: Var) -> None:
        self.array = array
        self.var = var
        self.before = array  # what it held at the start; a copy, once it is written
        self.tensors: list[tuple[weakref.ref[Value], Any]] = []  # those through which it was seen, with their nodes
        self.gradient_of: Leaf | None = None
        self.has_tensor = True  # possibly; it may be given other memory

    def tensor(self) -> Value | None:
        """A tensor that still has this array."""
        alive = [tensor for ref, _ in self.tensors if (tensor := ref()) is not None]
        for tensor in alive:
            if tensor.node is not None:
                return tensor
        return alive[0] if alive else None


class Link:
    """How a view was taken: `views = primitive(base, *others, **params)`, and from which value of the base."""

    def __init__(self, base: NDArray, seen: Var, equation: Equation, position: int) -> None:
        self.base, self.seen, self.equation, self.position = base, seen, equation, position


Memo = Sequence[tuple[HostCall, dict[str, float]]]


class Trace:
    """Records a run. `inputs` are the tensors and arrays of its arguments, whose leaves are known by their position.

    `memo` has the host calls that were already made for this call of the step: their numbers are used, not computed twice.
    """

    def __init__(self, inputs: Sequence[Value | NDArray], names: Sequence[str], memo: Memo = ()) -> None:
        self.refused: str | None = None
        self.began = tick()
        self.given = inputs
        self.nodes = [x.node if isinstance(x, Value) else None for x in inputs]
        self.names = names
        self.inputs: dict[int, Var] = {}  # by id of an array, as all that follows
        self.captures: dict[int, Capture] = {}
        self.equations: list[Equation] = []
        self.shaped_by_values: list[Equation] = []
        self.hosts: list[HostCall] = []
        self.numbers: dict[Var, str] = {}
        self.seeds: list[Var] = []  # where walks back through the graph start
        self.leaf_gradients: list[Var] = []  # all that was ever set as a gradient
        self.absent: dict[Leaf, bool] = {}  # whether the gradient was None when it was first read
        self.replaced: dict[Leaf, None] = {}  # leaves whose gradient was set
        self.outsiders: dict[int, tuple[weakref.ref[Value], NDArray, Any]] = {}  # by id, what was changed, as it was at first
        self.written: dict[int, NDArray] = {}
        self._now: dict[int, Var] = {}  # the value that an array holds at this time
        self._known: dict[int, NDArray] = {}  # what was made of Python numbers
        self._links: dict[int, Link] = {}  # of views
        self._held: list[NDArray] = []  # keeps all arrays alive: ids are not used again
        self._memo = list(memo)
        for x, name in zip(inputs, names, strict=True):
            if isinstance(x, Value) and x.node is not None and not isinstance(x.node, Leaf):
                raise TraceError(
                    f"compile: argument {name} is the result of operations recorded outside of the step, through which no gradient "
                    "could flow back; compute it inside of the step, or pass its .detach()"
                )
            array = x.array if isinstance(x, Value) else x
            self.inputs[id(array)] = self._define(array)

    # ---- what the engine calls -----------------------------------------------------------------------------------------

    def record(self, primitive: Primitive, args: tuple[Any, ...], params: dict[str, Any], out: Any) -> None:
        """Note that `primitive(*args, **params)` gave the array (or tuple of arrays) `out`."""
        inputs = tuple([self.read(x) for x in args])
        if any(isinstance(value, Number) for value in params.values()):
            self.unrepeatable(f"a number that changes from step to step is a keyword of {primitive.name}")
        arrays = out if isinstance(out, tuple) else (out,)
        outputs = tuple([self._define(array) for array in arrays])
        equation = Equation(primitive, inputs, params, outputs, user_line())
        self.equations.append(equation)
        if primitive.shaped_by_values is not None and primitive.shaped_by_values(*args):
            self.shaped_by_values.append(equation)
        if args and isinstance(args[0], (Value, np.ndarray)):
            base = args[0].array if isinstance(args[0], Value) else args[0]
            for position, array in enumerate(arrays):
                if owner(array) is owner(base) and array is not base:
                    self._links[id(array)] = Link(base, inputs[0], equation, position)

    def write(self, target: Value, value: Value) -> None:
        """Note that the tensor `target` is about to hold `value`, of the same shape and dtype."""
        old, new = self.read(target), self.read(value)
        self._store(target.array, self._laid_out(target.array, old, new))

    def _laid_out(self, array: NDArray, old: Var, new: Var) -> Var:
        """The value, in the layout that a copy of the array has."""
        return new if new.like(old) else self._emit(copied, (old, new), {}, (np.empty_like(array),))[0]

    def host(self, function: Callable[..., dict[str, float]], *args: Any) -> dict[str, Any]:
        """Call `function(*args)` now and at every replay; its numbers are inputs of the step."""
        found = self._remembered(function, args)
        if found is None:
            found = function(*args)
        if found and any(call.function == function and same_objects(call.args, args) for call in self.hosts):
            self.unrepeatable("an optimizer makes two steps in one call; compile a step that makes one")
        self.hosts.append(HostCall(function, args, tuple(found)))
        numbers = {name: tracked(value, self, number()) for name, value in found.items()}
        self.numbers.update({x.var: name for name, x in numbers.items()})
        return numbers

    def _remembered(self, function: Callable[..., dict[str, float]], args: tuple[Any, ...]) -> dict[str, float] | None:
        if self._memo:
            call, found = self._memo[0]
            if call.function == function and same_objects(call.args, args) and tuple(found) == call.names:
                del self._memo[0]
                return found
        return None

    def unrepeatable(self, why: str) -> None:
        """Note that what follows depends on values seen now: this run is right, but must not be replayed."""
        self.refuse(f"{why}\n  at {user_line()}")

    def refuse(self, why: str) -> None:
        """Note a reason not to replay the run; the first one stays."""
        self.refused = self.refused or why

    def forbid(self, why: str) -> None:
        """Refuse what a replay can neither do nor leave out."""
        raise TraceError(why)

    def concretize(self, what: str) -> None:
        """Refuse to turn a traced tensor into a Python value."""
        raise TraceError(
            f"{what} inside of a compiled step: the value is not known when the step is replayed\n  at {user_line()}\n"
            "  return the tensor from the step and convert it there; to choose by value, use tg.where"
        )

    def memory(self, array: NDArray) -> Value:
        """A tensor of an array that no tensor has."""
        self.read(array)
        if id(array) in self.captures:
            self.captures[id(array)].has_tensor = False
        return wrap(Value.result_class, array)

    def know(self, array: NDArray) -> None:
        """Note that an array was made of Python numbers, which a replay has again."""
        self._known[id(array)] = array

    def knows(self, x: Value) -> bool:
        """Whether the values of a tensor are such numbers."""
        return id(x.array) in self._known and id(x.array) not in self.written

    def read_grad(self, leaf: Leaf) -> None:
        """Note that `.grad` of a leaf is looked at."""
        if leaf in self.replaced or leaf in self.absent:
            return
        self.absent[leaf] = leaf.grad is None
        if leaf.grad is not None:
            self.read(leaf.grad)
            capture = self.captures.get(id(leaf.grad.array))
            if capture is not None:
                capture.gradient_of = leaf

    def set_grad(self, leaf: Leaf) -> None:
        """Note that `.grad` of a leaf was replaced."""
        self.replaced[leaf] = None
        if leaf.grad is not None:
            self.leaf_gradients.append(self.read(leaf.grad))

    def replaces(self, x: Value) -> None:
        """Note that a tensor is about to be given other memory or another node, unless an operation of the step has made it."""
        key = id(x.array)
        if key in self._now and key not in self.captures and key not in self.inputs:
            return
        if id(x) not in self.outsiders or self.outsiders[id(x)][0]() is not x:
            self.outsiders[id(x)] = (weakref.ref(x), x.array, x.node)

    def seed(self, cotangent: Value) -> None:
        """Note that a walk back through the graph starts from this tensor."""
        self.seeds.append(self.read(cotangent))

    def gave(self, x: Value) -> bool:
        """Whether a tensor is one of the step's arguments."""
        return any(x is given for given in self.given)

    # ---- values ----------------------------------------------------------------------------------------------------------

    def read(self, x: Any) -> Any:
        """The variable for what a tensor, array or traced number holds now; anything else is a number itself."""
        if isinstance(x, Number):
            return x.var
        array = x.array if isinstance(x, Value) else x
        if not isinstance(array, np.ndarray):
            return x
        var = self._value(array)
        if var is None:
            var = self._capture(array, x)
        elif isinstance(x, Value) and (capture := self.captures.get(id(array))) is not None:
            capture.tensors.append((weakref.ref(x), x.node))
        return var

    def current(self, array: NDArray) -> Var:
        """The value that an array of the trace holds now."""
        return self._now[id(array)]

    def forget(self) -> None:
        """Let go of all arrays and leaves."""
        for store in (self.captures, self.written, self.absent, self.replaced, self._now, self._links, self._known, self._held):
            store.clear()

    def _value(self, array: NDArray) -> Var | None:
        link = self._links.get(id(array))
        if link is not None:
            seen = self._value(link.base)
            if seen is not None and seen is not link.seen:  # the memory was written since: look again
                primitive, inputs, params = link.equation.primitive, link.equation.inputs, link.equation.params
                made = self._emit(primitive, (seen, *inputs[1:]), params, link.equation.outputs)
                link.seen = seen
                self._now[id(array)] = made[link.position]
        return self._now.get(id(array))

    def _define(self, array: NDArray) -> Var:
        self._held.append(array)
        self._now[id(array)] = var = var_for(array)
        self._links.pop(id(array), None)
        return var

    def _emit(self, primitive: Operation, inputs: Any, params: dict[str, Any], like: Sequence[Any]) -> tuple[Var, ...]:
        """An equation of our own making, whose results look like these arrays or variables."""
        made = tuple([Var(x.shape, x.dtype, x.strides) if isinstance(x, Var) else var_for(x) for x in like])
        self.equations.append(Equation(primitive, inputs, params, made, user_line()))
        return made

    def _capture(self, array: NDArray, source: Value | NDArray) -> Var:
        node = source.node if isinstance(source, Value) else None
        if node is not None and not isinstance(node, Leaf):
            raise TraceError(
                "compile: the step uses the result of operations that were recorded outside of it, through which no gradient could "
                f"flow back\n  at {user_line()}\n  compute it inside of the step, or use its .detach()"
            )
        capture = self.captures[id(array)] = Capture(array, self._define(array))
        if isinstance(source, Value):
            capture.tensors.append((weakref.ref(source), node))
        return capture.var

    def _store(self, array: NDArray, new: Any) -> None:
        """The memory of an array now holds `new`: compose it into what the array is a view of."""
        self._value(array)
        self._now[id(array)] = new
        link = self._links.get(id(array))
        if link is None:
            capture = self.captures.get(id(array))
            if capture is not None and capture.before is array:
                capture.before = array.copy()
            self.written[id(array)] = array
            return
        base: Any = self._value(link.base)
        params = dict(link.equation.params)
        if link.equation.primitive.outputs:
            params[OUTPUT] = link.position
        row_major_like = np.empty(link.base.shape, link.base.dtype)
        made = self._emit(overwritten, (base, new), {"view": link.equation.primitive, "params": params}, (row_major_like,))[0]
        made = self._laid_out(link.base, base, made)
        if new.like(var_for(array)):
            link.seen = made  # else the view is taken anew when it is read
        self._store(link.base, made)

    def scalar(self, operation: Scalar, *operands: Any) -> Number:
        """Arithmetic on numbers."""
        made = apply(self, operation, operands, number())
        self.equations.append(Equation(operation, tuple([self.read(x) for x in operands]), {}, (made.var,), user_line()))
        return made


def same_objects(a: Sequence[Any], b: Sequence[Any]) -> bool:
    """Whether both sequences consist of the same objects, or of equal plain values."""
    return len(a) == len(b) and all(
        x is y or (type(x) is type(y) and isinstance(x, (int, float, str, tuple, bool)) and x == y) for x, y in zip(a, b, strict=True)
    )
