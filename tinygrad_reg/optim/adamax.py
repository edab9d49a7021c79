"""Adam with the infinity norm."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..engine.refusal import typed_errors
from ..ops.axpby import axpby, descent
from ..ops.elementwise import maximum
from .optimizer import Group, Optimizer, at_least_zero, decay_of, decayed, fractions


class Adamax(Optimizer):
    """p ← p - lr / (1 - β₁ᵗ) · m / u, with a running mean m of g and a decaying maximum u of |g|.

    m ← β₁ m + (1 - β₁) g, u ← max(β₂ u, |g| + eps). `weight_decay` adds weight_decay · p to the gradient. Kingma & Ba 2015,
    algorithm 2, to which eps is added so that u is never 0.

    >>> w = tg.nn.Parameter(tg.tensor([1.0, 5.0]))
    >>> w.square().sum().backward()
    >>> tg.optim.Adamax([w], lr=0.1).step()
    >>> w.data
    tensor([0.9000, 4.9000])
    """

    @typed_errors
    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        options = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "maximize": maximize}
        super().__init__(params, {**options, "foreach": foreach, "differentiable": differentiable, "capturable": capturable})

    def check(self, group: Group) -> None:
        at_least_zero("Adamax", group, "lr", "eps", "weight_decay")
        fractions("Adamax", group, "betas", 2)

    def states(self, group: Group) -> tuple[str, ...]:
        return "exp_avg", "exp_inf"

    def coefficients(self, group: Group, step: int) -> dict[str, Any]:
        beta1, beta2 = group["betas"]
        numbers = {"rate": group["lr"] / (1 - beta1**step), "eps": group["eps"], "new1": 1 - beta1, "beta2": beta2}
        return numbers | decay_of(group)

    def update(
        self, p: Any, g: Any, m: Any, u: Any, *, rate: float, eps: float, new1: float, beta2: float, decay: float | None = None
    ) -> tuple[Any, ...]:
        g = decayed(p, g, decay)
        m = axpby(new1, g - m, 1.0, m)
        u = maximum(beta2 * u, abs(g) + eps)
        return descent(rate, m / u, 1.0, p), m, u
