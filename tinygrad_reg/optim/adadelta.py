"""Adadelta."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..engine.refusal import typed_errors
from ..errors import ArgumentError
from ..ops.axpby import axpby, descent
from ..ops.elementwise import sqrt
from .optimizer import Group, Optimizer, at_least_zero, decay_of, decayed


class Adadelta(Optimizer):
    """p ← p - lr · d, where d = √(a + eps) / √(v + eps) · g, with running means v of g² and a of d².

    v ← rho · v + (1 - rho) g² comes before d, a ← rho · a + (1 - rho) d² after it. `weight_decay` adds weight_decay · p to the
    gradient. Zeiler 2012, algorithm 1, with a learning rate.

    >>> w = tg.nn.Parameter(tg.tensor([1.0, 5.0]))
    >>> w.square().sum().backward()
    >>> tg.optim.Adadelta([w]).step()
    >>> w.data
    tensor([0.9968, 4.9968])
    """

    @typed_errors
    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        capturable: bool = False,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        options = {"lr": lr, "rho": rho, "eps": eps, "weight_decay": weight_decay, "maximize": maximize}
        super().__init__(params, {**options, "foreach": foreach, "capturable": capturable, "differentiable": differentiable})

    def check(self, group: Group) -> None:
        at_least_zero("Adadelta", group, "lr", "rho", "eps", "weight_decay")
        if group["rho"] > 1.0:
            raise ArgumentError(f"Adadelta: rho must be at most 1, got {group['rho']}")

    def states(self, group: Group) -> tuple[str, ...]:
        return "square_avg", "acc_delta"

    def coefficients(self, group: Group, step: int) -> dict[str, Any]:
        numbers = {"lr": group["lr"], "rho": group["rho"], "new": 1 - group["rho"], "eps": group["eps"]}
        return numbers | decay_of(group)

    def update(
        self, p: Any, g: Any, v: Any, a: Any, *, lr: float, rho: float, new: float, eps: float, decay: float | None = None
    ) -> tuple[Any, ...]:
        g = decayed(p, g, decay)
        v = axpby(new, g * g, rho, v)
        d = sqrt(a + eps) / sqrt(v + eps) * g
        return descent(lr, d, 1.0, p), v, axpby(new, d * d, rho, a)
