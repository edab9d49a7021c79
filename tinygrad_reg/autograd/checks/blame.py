"""Which operation of the graph has the wrong rule, and the text that tells."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...creation import tensor
from ...engine.mutation import Array
from ...engine.node import Value
from ...errors import TinygradRegError
from ...tensor import Tensor
from .calls import Call, recorded
from .check import Problem, find_problem, prepared

_SHOWN = 64  # elements of an input that a reproducer writes as numbers


def blamed(f: Any, args: Sequence[Any], kwargs: dict[str, Any], order: int, seed: int) -> Call | None:
    """The first call whose own derivative is wrong, when it is checked alone; None if each is right."""
    with prepared(f, args, kwargs) as (run, _, arrays, _):
        recorder, _ = recorded(lambda: run(arrays))
    for call in recorder.calls:
        inputs = tuple([_tensor(x) for x in call.args if _is_float(x)])
        try:
            if inputs and find_problem(_alone(call), inputs, {}, range(1, order + 1), None, 0.0, seed) is not None:
                return call
        except TinygradRegError:
            continue  # it cannot be called alone
    return None


def _is_float(x: Any) -> bool:
    array = x.array if isinstance(x, Value) else x
    return isinstance(array, np.ndarray) and array.dtype.kind == "f"


def _tensor(x: Any) -> Tensor:
    return x.detach() if isinstance(x, Tensor) else tensor(x)


def _alone(call: Call) -> Callable[..., Any]:
    """The call as a function of its float arguments; that of an autograd.Function goes through its apply."""
    target: Callable[..., Any] = call.primitive if call.function is None else call.function.apply

    def again(*floats: Any) -> Any:
        given = iter(floats)
        return target(*[next(given) if _is_float(x) else x for x in call.args], **call.params)

    return again


def report(f: Any, args: Sequence[Any], kwargs: dict[str, Any], problem: Problem, call: Call | None, seed: int) -> str:
    """What is wrong, where, whose fault it is, and the lines that show it again."""
    numeric = f"{problem.numeric.value:.12g} ± {problem.numeric.error:.1g}"
    if math.isnan(problem.numeric.value):
        numeric = "unknown: f is not finite, or not smooth, around the inputs"
    place = "along a random direction" if problem.element is None else f"element {problem.element}"
    lines = [
        f"gradcheck: the derivative of order {problem.order} with respect to {problem.input} is wrong",
        f"  {place}: analytic {problem.analytic:.12g} · numeric {numeric}",
    ]
    if call is None:
        lines.append("  each operation's own derivative is right: look for a detach(), a value read as a number, or a branch")
    else:
        lines.append(f"  wrong by itself: {call.primitive.name}" + (f", called at {call.line}" if call.line else ""))
    return "\n".join([*lines, "  to see it again:", *("    " + line for line in reproducer(f, args, kwargs, problem.order, seed))])


def reproducer(f: Any, args: Sequence[Any], kwargs: dict[str, Any], order: int, seed: int) -> list[str]:
    """Lines of Python that run the failing check again; f itself must be imported."""
    owner = getattr(f, "__self__", None)
    name = f"{owner.__name__}.{f.__name__}" if isinstance(owner, type) else getattr(f, "__name__", type(f).__name__)
    try:
        where = f"  # {inspect.getsourcefile(f)}:{inspect.getsourcelines(f)[1]}"
    except (TypeError, OSError):
        where = ""
    given = [_source(x) for x in args]
    inputs = f"({', '.join(given)}{',' if len(given) == 1 else ''})"
    named = f", kwargs={{{', '.join(f'{k!r}: {_source(x)}' for k, x in kwargs.items())}}}" if kwargs else ""
    return [
        "import numpy as np, tinygrad_reg as tg",
        "from tinygrad_reg.testing import gradcheck",
        f"f = {name if name.replace('.', '').isidentifier() else '...'}{where}",
        f"gradcheck(f, {inputs}{named}, order={order}, seed={seed})",
    ]


def _source(x: Any) -> str:
    """An expression that gives the value again."""
    if isinstance(x, Tensor):
        return f"tg.tensor({_array_source(x.detach().numpy())}{', requires_grad=True' if x.requires_grad else ''})"
    if isinstance(x, dict):
        return "{" + ", ".join(f"{key!r}: {_source(item)}" for key, item in x.items()) + "}"
    if isinstance(x, tuple | list):
        inside = ", ".join(map(_source, x))
        return f"[{inside}]" if isinstance(x, list) else f"({inside}{',' if len(x) == 1 else ''})"
    return repr(x)


def _array_source(array: Array) -> str:
    if array.size <= _SHOWN:
        with_special = str(array.tolist()).replace("nan", "np.nan").replace("inf", "np.inf")
        return f"np.array({with_special}, np.{array.dtype})" if array.size else f"np.zeros({array.shape}, np.{array.dtype})"
    return f"np.frombuffer(bytes.fromhex({array.tobytes().hex()!r}), np.{array.dtype}).reshape({array.shape})"
