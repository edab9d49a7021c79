"""Adam with a rectified learning rate."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from ..engine.refusal import typed_errors
from ..ops.axpby import descent
from ..ops.elementwise import sqrt
from .adam import moments
from .optimizer import Group, Optimizer, at_least_zero, decay_of, decayed, fractions


class RAdam(Optimizer):
    """p ← p - lr · r · m̂ / (√v + eps) · √(1 - β₂ᵗ), but p ← p - lr · m̂ while the variance of v cannot be estimated.

    m, v and m̂ are those of Adam. With ρ∞ = 2 / (1 - β₂) - 1 and ρ = ρ∞ - 2 t β₂ᵗ / (1 - β₂ᵗ), the variance is tractable where
    ρ > 5, and r = √((ρ - 4) (ρ - 2) ρ∞ / ((ρ∞ - 4) (ρ∞ - 2) ρ)). `weight_decay` adds weight_decay · p to the gradient or,
    decoupled, shrinks p by 1 - lr · weight_decay. Liu et al. 2020, algorithm 2.

    >>> w = tg.nn.Parameter(tg.tensor([1.0, 5.0]))
    >>> w.square().sum().backward()
    >>> tg.optim.RAdam([w], lr=0.1).step()
    >>> w.data
    tensor([0.8000, 4.0000])
    """

    @typed_errors
    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        options = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "maximize": maximize}
        hints = {"foreach": foreach, "capturable": capturable, "differentiable": differentiable}
        super().__init__(params, {**options, **hints, "decoupled_weight_decay": decoupled_weight_decay})

    def check(self, group: Group) -> None:
        at_least_zero("RAdam", group, "lr", "eps", "weight_decay")
        fractions("RAdam", group, "betas", 2)

    def states(self, group: Group) -> tuple[str, ...]:
        return "exp_avg", "exp_avg_sq"

    def coefficients(self, group: Group, step: int) -> dict[str, Any]:
        lr, (beta1, beta2) = group["lr"], group["betas"]
        numbers = {"rate": lr / (1 - beta1**step), "new1": 1 - beta1, "beta2": beta2, "new2": 1 - beta2}
        longest, correction = 2 / (1 - beta2) - 1, 1 - beta2**step
        length = longest - 2 * step * beta2**step / correction
        if length > 5.0:
            rectified = (length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length)
            numbers |= {"rate": numbers["rate"] * math.sqrt(correction * rectified), "eps": group["eps"]}
        return numbers | decay_of(group)

    def update(
        self,
        p: Any,
        g: Any,
        m: Any,
        v: Any,
        *,
        rate: float,
        new1: float,
        beta2: float,
        new2: float,
        eps: float | None = None,
        decay: float | None = None,
        shrink: float = 1.0,
    ) -> tuple[Any, ...]:
        g = decayed(p, g, decay)
        m, v = moments(g, m, v, new1, beta2, new2)
        return descent(rate, m if eps is None else m / (sqrt(v) + eps), shrink, p), m, v
