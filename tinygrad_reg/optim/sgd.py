"""Stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..engine.refusal import typed_errors
from ..errors import ArgumentError
from ..ops.axpby import axpby, descent
from .optimizer import Group, Optimizer, at_least_zero, decay_of, decayed


class SGD(Optimizer):
    """p ← p - lr · v, where v is the gradient, or with momentum v ← momentum · v + (1 - dampening) · g.

    At the first step v = g. With `nesterov` the step is g + momentum · v. `weight_decay` adds weight_decay · p to the
    gradient; `maximize` turns its sign. Sutskever et al. 2013, in the form in which v is not scaled by lr.

    >>> w = tg.nn.Parameter(tg.tensor([1.0, 5.0]))
    >>> w.square().sum().backward()
    >>> tg.optim.SGD([w], lr=0.25).step()
    >>> w.data
    tensor([0.5000, 2.5000])
    """

    keeps_step = False

    @typed_errors
    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        options = {"lr": lr, "momentum": momentum, "dampening": dampening, "weight_decay": weight_decay, "nesterov": nesterov}
        super().__init__(params, {**options, "maximize": maximize, "foreach": foreach, "differentiable": differentiable, "fused": fused})

    def check(self, group: Group) -> None:
        at_least_zero("SGD", group, "lr", "momentum", "weight_decay")
        if group["nesterov"] and (group["momentum"] == 0 or group["dampening"] != 0):
            raise ArgumentError(
                "SGD: nesterov needs a momentum above 0 and a dampening of 0, "
                f"got momentum={group['momentum']}, dampening={group['dampening']}"
            )

    def states(self, group: Group) -> tuple[str, ...]:
        return ("momentum_buffer",) if group["momentum"] else ()

    def coefficients(self, group: Group, step: int) -> dict[str, Any]:
        numbers = {"lr": group["lr"]}
        numbers |= decay_of(group)
        if group["momentum"]:
            numbers["momentum"] = group["momentum"]
        if group["momentum"] and group["dampening"]:
            numbers["share"] = 1 if step == 1 else 1 - group["dampening"]
        if group["nesterov"]:
            numbers["ahead"] = group["momentum"]
        return numbers

    def update(
        self,
        p: Any,
        g: Any,
        velocity: Any = None,
        *,
        lr: float,
        decay: float | None = None,
        momentum: float = 0.0,
        share: float | None = None,
        ahead: float | None = None,
    ) -> tuple[Any, ...]:
        g = decayed(p, g, decay)
        if velocity is None:
            return (descent(lr, g, 1.0, p),)
        velocity = axpby(1.0 if share is None else share, g, momentum, velocity)
        return descent(lr, velocity if ahead is None else g + ahead * velocity, 1.0, p), velocity
