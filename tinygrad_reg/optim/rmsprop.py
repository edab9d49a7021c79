"""RMSprop."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..engine.refusal import typed_errors
from ..ops.axpby import axpby, descent
from ..ops.elementwise import sqrt
from .optimizer import Group, Optimizer, at_least_zero, decay_of, decayed


class RMSprop(Optimizer):
    """p ← p - lr · g / (√v + eps), with a running mean v of g²: v ← alpha · v + (1 - alpha) g².

    `centered` takes the variance v - a² in the place of v, with a running mean a of g (Graves 2013, eq. 40). With `momentum`,
    p ← p - lr · b where b ← momentum · b + g / (√v + eps). `weight_decay` adds weight_decay · p to the gradient. Hinton 2012,
    lecture 6e; eps stands outside of the root.

    >>> w = tg.nn.Parameter(tg.tensor([1.0, 5.0]))
    >>> w.square().sum().backward()
    >>> tg.optim.RMSprop([w], lr=0.1, alpha=0.75).step()
    >>> w.data
    tensor([0.8000, 4.8000])
    """

    @typed_errors
    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        options = {"lr": lr, "alpha": alpha, "eps": eps, "weight_decay": weight_decay, "momentum": momentum, "centered": centered}
        hints = {"capturable": capturable, "foreach": foreach, "differentiable": differentiable}
        super().__init__(params, {**options, **hints, "maximize": maximize})

    def check(self, group: Group) -> None:
        at_least_zero("RMSprop", group, "lr", "eps", "momentum", "weight_decay", "alpha")

    def states(self, group: Group) -> tuple[str, ...]:
        buffer = ("momentum_buffer",) if group["momentum"] else ()
        return ("square_avg", *buffer, "grad_avg") if group["centered"] else ("square_avg", *buffer)

    def coefficients(self, group: Group, step: int) -> dict[str, Any]:
        numbers = {"lr": group["lr"], "alpha": group["alpha"], "new": 1 - group["alpha"], "eps": group["eps"]}
        numbers |= decay_of(group)
        if group["momentum"]:
            numbers["momentum"] = group["momentum"]
        return numbers

    def update(
        self,
        p: Any,
        g: Any,
        v: Any,
        *others: Any,
        lr: float,
        alpha: float,
        new: float,
        eps: float,
        decay: float | None = None,
        momentum: float | None = None,
    ) -> tuple[Any, ...]:
        g = decayed(p, g, decay)
        v = axpby(new, g * g, alpha, v)
        mean = tuple([axpby(new, g - a, 1.0, a) for a in (others if momentum is None else others[1:])])
        step = g / (sqrt(v - mean[0] * mean[0] if mean else v) + eps)
        velocity = () if momentum is None else (axpby(1.0, step, momentum, others[0]),)
        return descent(lr, velocity[0] if velocity else step, 1.0, p), v, *velocity, *mean
