"""Checking gradients: `gradcheck`, which `tinygrad_reg.testing` and `autograd` offer."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from typing import Any

from ...errors import ArgumentError, ArgumentTypeError, TinygradRegError
from .blame import blamed, report
from .calls import Call
from .check import Problem, find_problem


class GradcheckError(TinygradRegError, AssertionError, RuntimeError):
    """An analytic gradient differs from the numeric one.

    `order` and `input` say which derivative; `index` the element with the largest difference (None: only seen along a direction);
    `analytic` and `numeric` its values, `error` that of the numeric one; `op` and `line` the operation whose own rule is wrong and the
    line that called it (None: no single one is).
    """

    order = 1
    input: str | None = None
    index: tuple[int, ...] | None = None
    analytic = numeric = error = math.nan
    op: str | None = None
    line: str | None = None


def _error(text: str, problem: Problem, call: Call | None) -> GradcheckError:
    made = GradcheckError(text)
    made.order, made.input, made.index = problem.order, problem.input, problem.element
    made.analytic, (made.numeric, made.error) = problem.analytic, problem.numeric
    if call is not None:
        made.op, made.line = call.primitive.name, call.line
    return made


def gradcheck(
    f: Callable[..., Any],
    inputs: Any,
    *,
    order: int = 2,
    kwargs: dict[str, Any] | None = None,
    rtol: float | None = None,
    atol: float = 0.0,
    seed: int = 0,
    raise_exception: bool = True,
) -> bool:
    """Check the derivatives of f at `inputs`, up to `order`; True, or GradcheckError, which says where they are wrong and why.

    `inputs` is one tensor, or a tuple of tensors, of tuples, lists and dicts of them, and of anything else. Checked are the float
    tensors that require grad, or if none does, all of them; and if f is a module, its parameters, where they stand. f may return
    tensors nested likewise, and may draw random numbers: it sees the same ones each time.

    The numeric derivative comes with an estimate of its own error, so there is no tolerance to choose; `rtol` (of the sum of the sizes of
    all terms; by default what rounding in the rules may cost: 1e-7 in float64) and `atol` add to it. float32 and float16 inputs are checked
    against the numeric derivative of f in float64. At a kink, a gradient between the derivatives from the left and from the right is
    right. The same seed gives the same check. With `raise_exception=False` a wrong gradient gives False. Raises ArgumentError
    if there is nothing to check.
    """
    if order < 1:
        raise ArgumentError(f"gradcheck: order must be 1 or more, got {order}")
    if not callable(f):
        raise ArgumentTypeError(f"gradcheck: f must be a function or a module, got {type(f).__name__}")
    args = tuple(inputs) if isinstance(inputs, tuple | list) else (inputs,)
    return run_check(f, args, kwargs or {}, range(1, order + 1), rtol, atol, seed, raise_exception)


def run_check(
    f: Any, args: tuple[Any, ...], kwargs: dict[str, Any], orders: Collection[int], rtol: Any, atol: float, seed: int, raise_exception: bool
) -> bool:
    """Check the derivatives of these orders."""
    problem = find_problem(f, args, kwargs, orders, rtol, atol, seed)
    if problem is None:
        return True
    if not raise_exception:
        return False
    call = blamed(f, args, kwargs, problem.order, seed)
    raise _error(report(f, args, kwargs, problem, call, seed), problem, call)
