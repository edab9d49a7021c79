"""The primitive calls of one run: to evaluate them again on complex numbers, and to find the one whose rule is wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ...engine.mutation import Array
from ...engine.node import Value, user_line
from ...engine.primitive import Primitive
from ...engine.state import switched
from ...ops.pointwise import cast
from .numeric import Estimate

_STEP = 1e-30  # of the complex step: its square is nothing


class Call(NamedTuple):
    """One call of a primitive, with the line of the user's that made it."""

    primitive: Primitive
    args: tuple[Any, ...]
    params: dict[str, Any]
    out: Any
    line: str | None
    function: Any = None  # the autograd.Function whose call this is


class Recorder:
    """A tracer that only writes down the calls."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.wrote = False  # in place: the calls alone do not tell what an array held

    def record(self, primitive: Primitive, args: tuple[Any, ...], params: dict[str, Any], out: Any) -> None:
        """Write down a call; that of an autograd.Function with the arguments of its apply."""
        function = getattr(args[0], "_function", None) if args else None
        given = args if function is None else tuple(args[0]._args)
        self.calls.append(Call(primitive, given, params, out, user_line(), function))

    def write(self, target: Any, value: Any) -> None:
        """Something was written in place."""
        self.wrote = True

    def host(self, function: Callable[..., dict[str, float]], *args: Any) -> dict[str, Any]:
        """Numbers computed outside of the graph."""
        return dict(function(*args))

    def read_grad(self, leaf: Any) -> None:
        """Of no interest here, like all below."""

    def set_grad(self, leaf: Any) -> None:
        """See above."""

    def seed(self, cotangent: Any) -> None:
        """See above."""

    def watch(self, holder: Any, attribute: str) -> None:
        """See above."""

    def unrepeatable(self, why: str) -> None:
        """See above."""

    def concretize(self, what: str) -> None:
        """See above."""


def recorded(run: Callable[[], Any]) -> tuple[Recorder, Any]:
    """The calls of a run, and its result."""
    recorder = Recorder()
    with switched(tracer=recorder):
        result = run()
    return recorder, result


class ComplexStep:
    """Directional derivatives of an analytic function to the last digits: Im f(x + i·h·u) / h, where no difference is taken.

    Squire and Trapp, Using complex variables to estimate derivatives of real functions, SIAM Review 40, 1998.
    """

    def __init__(self, recorder: Recorder, inputs: Sequence[Array], outputs: Sequence[Array]) -> None:
        self.calls, self.inputs, self.outputs = recorder.calls, inputs, outputs
        self.applies = not recorder.wrote and all(_analytic(call.primitive) for call in recorder.calls)

    def slope(self, position: int, u: Array, v: Sequence[Array]) -> Estimate | None:
        """The derivative of <v, f> along u in one input; None where a forward does not take complex numbers as it takes real ones."""
        known: dict[int, Any] = {id(x): x for x in self.inputs}
        known[id(self.inputs[position])] = self.inputs[position] + 1j * _STEP * u
        try:
            with np.errstate(all="ignore"):
                for call in self.calls:
                    args = [known.get(id(a), a) for a in (x.array if isinstance(x, Value) else x for x in call.args)]
                    self._keep(known, call.out, call.primitive.forward(*args, **call.params))
        except (TypeError, ValueError):
            return None
        total, size = 0.0, 0.0
        for y, weight in zip(self.outputs, v, strict=True):
            found = np.asarray(known.get(id(y), y))
            if not np.allclose(found.real, y, rtol=1e-9, atol=0.0, equal_nan=True):
                return None
            terms = found.imag / _STEP * weight
            total, size = total + float(terms.sum()), size + float(np.abs(terms).sum())
        return Estimate(total, 1e-13 * size)

    @staticmethod
    def _keep(known: dict[int, Any], out: Any, made: Any) -> None:
        for array, value in zip(out, made, strict=True) if isinstance(out, tuple) else [(out, made)]:
            known[id(array)] = value


def _analytic(primitive: Primitive) -> bool:
    return primitive.analytic and primitive is not cast
