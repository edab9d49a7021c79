"""Whether two recordings of a step are the same program: what differs between two runs would be frozen by a replay."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..engine.mutation import NDArray
from .facts import same
from .program import Equation, Program, Var
from .recording import Recording
from .trace import same_objects


def difference(a: Recording, b: Recording) -> str | None:
    """What distinguishes two runs of a step, with the line where it is seen; None if nothing does."""
    p, q = a.program, b.program
    same: dict[Any, Any] = dict(zip(p.sources(), q.sources(), strict=False))
    for x, y in zip(p.equations, q.equations, strict=False):
        if not _same_equation(x, y, same):
            return f"two calls did different things\n  {_text(x)}\n  {_text(y)}"
        same.update(zip(x.outputs, y.outputs, strict=True))
    if len(p.equations) != len(q.equations):
        extra = (p.equations if len(p.equations) > len(q.equations) else q.equations)[min(len(p.equations), len(q.equations))]
        return f"two calls did different things: only one of them did\n  {_text(extra)}"
    return _other_places(a, b) or _other_constants(p, q) or _other_effects(a, b, same)


def _same_equation(x: Equation, y: Equation, same: dict[Any, Any]) -> bool:
    return (
        x.primitive is y.primitive
        and len(x.outputs) == len(y.outputs)
        and len(x.inputs) == len(y.inputs)
        and all(_same_input(u, v, same) for u, v in zip(x.inputs, y.inputs, strict=True))
        and (x.params is y.params or x.params == y.params)
        and all(u.like(v) for u, v in zip(x.outputs, y.outputs, strict=True))
    )


def _same_input(u: Any, v: Any, same: dict[Any, Any]) -> bool:
    if isinstance(u, Var):
        return same.get(u) is v
    if type(u) is not type(v):
        return False
    if isinstance(u, np.generic):
        return bool(u.tobytes() == v.tobytes())
    if isinstance(u, float):
        return repr(u) == repr(v)
    return u is v or bool(u == v)


def _text(equation: Equation) -> str:
    numbers = [repr(x) for x in equation.inputs if not isinstance(x, Var)]
    return f"{equation.primitive.name}{'(..., ' + ', '.join(numbers) + ')' if numbers else ''} at {equation.line}"


def _other_places(a: Recording, b: Recording) -> str | None:
    if len(a.places) != len(b.places):
        return f"one call used {len(a.places)} tensors from outside, another {len(b.places)}"
    written = {target for target, _ in a.program.writes}
    for var, x, y in zip(a.program.captured, a.places, b.places, strict=True):
        settled = isinstance(x, np.ndarray) and isinstance(y, np.ndarray) and var not in written and same_bits(x, y)
        if x is not y and x != y if isinstance(x, tuple) else x is not y and not settled:
            return f"every call uses another tensor of shape {var.shape} from outside; pass it as an argument"
    return None


def _other_constants(p: Program, q: Program) -> str | None:
    for (var, x), (_, y) in zip(p.constants.items(), q.constants.items(), strict=False):
        if not same_bits(x, y):
            lines = [e.line for e in p.equations if var in e.inputs]
            return (
                f"data that is made without this library changes from call to call{f', used at {lines[0]}' if lines else ''}; "
                "pass it as an argument, or draw it with this library's random functions"
            )
    return None if len(p.constants) == len(q.constants) else "the two calls used different data"


def same_bits(x: NDArray, y: NDArray) -> bool:
    """Whether two arrays have one shape, one dtype and the same bits."""
    return x.shape == y.shape and x.dtype == y.dtype and x.tobytes() == y.tobytes()


def _other_effects(a: Recording, b: Recording, same: dict[Any, Any]) -> str | None:
    p, q = a.program, b.program
    pairs = zip((p.results, p.gradients, *p.writes), (q.results, q.gradients, *q.writes), strict=False)
    if len(p.writes) != len(q.writes) or any([same.get(x) for x in xs] != list(ys) for xs, ys in pairs):
        return "two calls wrote or returned different things"
    if len(a.hosts) != len(b.hosts) or not all(
        x.function == y.function and same_objects(x.args, y.args) and x.names == y.names for x, y in zip(a.hosts, b.hosts, strict=True)
    ):
        return "two calls used different hyper-parameters"
    if a.gradients != b.gradients or a.started != b.started:
        return "two calls set different gradients"
    return None


def same_results(x: Any, y: Any) -> bool:
    """Whether two steps return the same, by the specifications of what they return."""
    if type(x) is not tuple or type(y) is not tuple:
        return type(x) is type(y) and x.kind == y.kind and same(x.what, y.what)
    return x[:2] == y[:2] and len(x[2]) == len(y[2]) and all(map(same_results, x[2], y[2]))
