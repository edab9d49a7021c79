"""The calls of one run, in their order: to repeat them on other arrays, and to look at each of them by itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ...engine.lines import user_line
from ...engine.node import Value, wrap
from ...engine.primitive import Primitive
from ...engine.state import Tracer, state, switched
from ...errors import DtypeError
from ..function import Context

Array = np.ndarray[Any, Any]


class Call(NamedTuple):
    """`function(*args, **params)` gave `outs`: a primitive, or a Function of the user's. Tensors are noted by their arrays."""

    primitive: Primitive
    function: Callable[..., Any]
    args: tuple[Any, ...]
    params: dict[str, Any]
    outs: tuple[Array, ...]
    line: str | None  # the user's
    loose: tuple[bool, ...]  # whether no gradient flows to the argument


class Tape:
    """A tracer that notes the calls. `faithful` tells whether they are all that happened between arguments and results."""

    def __init__(self, lines: bool = False) -> None:
        self.calls: list[Call] = []
        self.faithful = True
        self.taken: list[str] = []  # where values were taken out of tensors
        self._lines = lines

    def record(self, primitive: Primitive, args: tuple[Any, ...], params: dict[str, Any], out: Any) -> None:
        """One more call."""
        function: Callable[..., Any] = primitive
        if args and isinstance(args[0], Context):
            function, args = args[0]._function.apply, args[0]._args
        raw = tuple([x.array if isinstance(x, Value) else x for x in args])
        loose = tuple([isinstance(x, Value) and (x.node is None or not state.grad_enabled) for x in args])
        outs = out if isinstance(out, tuple) else (out,)
        self.calls.append(Call(primitive, function, raw, params, outs, user_line() if self._lines else None, loose))

    def write(self, target: Any, value: Any) -> None:
        """An array did not keep its value."""
        self.faithful = False

    def host(self, function: Callable[..., dict[str, float]], *args: Any) -> dict[str, Any]:
        """Plain Python that somebody wants repeated."""
        self.faithful = False
        return function(*args)

    def unrepeatable(self, why: str) -> None:
        """What follows depends on values."""
        self.faithful = False

    def forbid(self, why: str) -> None:
        """What follows depends on values."""
        self.faithful = False

    def concretize(self, what: str) -> None:
        """A value left for Python, and may have come back as a number."""
        self.faithful = False
        if self._lines:
            self.taken.append(f"{what} at {user_line()}")

    def memory(self, array: Any) -> Any:
        """An optimizer's own memory, which the function changes."""
        self.faithful = False
        return wrap(Value.result_class, array)

    def replaces(self, x: Any) -> None:
        """What the calls were noted with is about to be something else."""
        self.faithful = False

    def know(self, array: Any) -> None:
        """Nothing to note."""

    def knows(self, x: Any) -> bool:
        """Lengths may come from values."""
        return False

    def read_grad(self, leaf: Any) -> None:
        """Nothing to note."""

    def set_grad(self, leaf: Any) -> None:
        """Nothing to note."""

    def seed(self, cotangent: Any) -> None:
        """Nothing to note."""

    def replay(self, values: dict[int, Array]) -> dict[int, Array]:
        """All arrays again, by the identity of those of the run, if some (given likewise) had been others.

        Raises DtypeError if a forward makes real numbers of complex ones.
        """
        values = dict(values)
        for call in self.calls:
            if any(id(x) in values for x in call.args):
                args = [values.get(id(x), x) for x in call.args]
                made = call.primitive.forward(*args, **call.params)
                outs = [np.asarray(y) for y in (made if call.primitive.outputs else (made,))]
                if any(np.iscomplexobj(x) for x in args) and any(y.dtype.kind == "f" for y in outs):
                    raise DtypeError(f"{call.primitive.name}: drops the imaginary part; it is no analytic function")
                values.update((id(old), new) for old, new in zip(call.outs, outs, strict=True))
        return values


def taped(function: Callable[[], Any], tape: Tape) -> Any:
    """The result of a function whose calls are noted on the tape."""
    tracer: Tracer = tape
    with switched(tracer=tracer):
        return function()
