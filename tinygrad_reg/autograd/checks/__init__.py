"""Checking gradients: `gradcheck`, which `tinygrad_reg.testing` and `autograd` offer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...errors import ArgumentError, ArgumentTypeError
from .check import Request
from .report import GradcheckError as GradcheckError
from .report import check
from .verdict import Tolerance


def gradcheck(
    f: Callable[..., Any],
    inputs: Any,
    *,
    kwargs: dict[str, Any] | None = None,
    order: int = 2,
    rtol: float | None = None,
    atol: float = 0.0,
    seed: int = 0,
    raise_exception: bool = True,
) -> bool:
    """Check the derivatives of f at `inputs` up to an order; True, or GradcheckError, which says where they are wrong and why.

    `inputs` is one tensor, or a tuple of the arguments of f: tensors, tuples, lists, dicts and dataclasses of them, anything else;
    `kwargs` are its keywords. Checked are the float tensors that require grad, or if none does, all of them; and the parameters of
    modules: f, or any among the arguments. f may return tensors nested likewise, and may draw random numbers: it sees the same ones
    each time. Tensors, modules and the random state are left as they were.

    A derivative is right if it agrees with the numeric one within the error estimated for that, or, at a kink, lies between the
    derivatives from both sides. `rtol` and `atol` allow for more: |analytic - numeric| <= atol + rtol · |numeric|. Inputs of
    float32 and float16 are checked in float64 first, then their gradients must be the rounded ones.

    With `raise_exception=False` a wrong gradient gives False. Raises ArgumentError if there is nothing to check, or if f gives something
    else when it is called again.

    >>> tg.testing.gradcheck(tg.sin, tg.tensor([0.5, 2.0], dtype=tg.float64))
    True
    """
    if not isinstance(order, int) or isinstance(order, bool) or order < 1:
        raise ArgumentError(f"gradcheck: order must be an integer of 1 or more, got {order!r}")
    if not isinstance(seed, int) or seed < 0:
        raise ArgumentError(f"gradcheck: seed must be an integer of 0 or more, got {seed!r}")
    if not callable(f):
        raise ArgumentTypeError(f"gradcheck: f must be a function or a module, got {type(f).__name__}")
    if kwargs is not None and not isinstance(kwargs, dict):
        raise ArgumentTypeError(f"gradcheck: kwargs must be a dict of keywords, got {type(kwargs).__name__}")
    args = inputs if isinstance(inputs, (tuple, list)) and not hasattr(inputs, "_fields") else (inputs,)
    request = Request(f, args, kwargs or {}, tuple(range(1, order + 1)), seed, Tolerance.of(rtol, atol))
    return check(request, raise_exception)
