"""Adam with Nesterov momentum."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from ..engine.refusal import typed_errors
from ..engine.state import get_default_dtype
from ..ops.axpby import descent
from ..ops.elementwise import sqrt
from .adam import moments
from .optimizer import Group, Optimizer, at_least_zero, decay_of, decayed, fractions


class NAdam(Optimizer):
    """p ← p - lr · ((1 - μₜ) / (1 - Πμ) · g + μₜ₊₁ / (1 - μₜ₊₁ Πμ) · m) / (√v̂ + eps), where Πμ = μ₁ μ₂ ... μₜ.

    m, v and v̂ are those of Adam, and the momentum warms up: μₜ = β₁ (1 - 0.96^(t · momentum_decay) / 2). `weight_decay` adds
    weight_decay · p to the gradient or, decoupled, shrinks p by 1 - lr · weight_decay. Dozat 2016, algorithm 2.

    >>> w = tg.nn.Parameter(tg.tensor([1.0, 5.0]))
    >>> w.square().sum().backward()
    >>> tg.optim.NAdam([w], lr=0.1).step()
    >>> w.data
    tensor([0.8944, 4.8944])
    """

    numbers = ("mu_product",)

    @typed_errors
    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        options = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "momentum_decay": momentum_decay}
        hints = {"foreach": foreach, "capturable": capturable, "differentiable": differentiable}
        super().__init__(params, {**options, **hints, "maximize": maximize, "decoupled_weight_decay": decoupled_weight_decay})

    def check(self, group: Group) -> None:
        at_least_zero("NAdam", group, "lr", "eps", "weight_decay", "momentum_decay")
        fractions("NAdam", group, "betas", 2)

    def states(self, group: Group) -> tuple[str, ...]:
        return "exp_avg", "exp_avg_sq"

    def start(self, group: Group) -> dict[str, float]:
        return {"mu_product": 1.0}

    def coefficients(self, group: Group, step: int, *, mu_product: float) -> dict[str, Any]:
        lr, (beta1, beta2) = group["lr"], group["betas"]
        mu, following = (beta1 * (1.0 - 0.5 * 0.96 ** (t * group["momentum_decay"])) for t in (step, step + 1))
        kept = get_default_dtype().type  # as PyTorch, round the product as its tensor will
        product = float(kept(mu_product) * kept(mu))
        numbers = {
            "mu_product": product,
            "rate": lr * (1.0 - mu) / (1.0 - product),
            "rate_ahead": lr * following / (1.0 - product * following),
            "correction": math.sqrt(1 - beta2**step),
            "eps": group["eps"],
            "new1": 1 - beta1,
            "beta2": beta2,
            "new2": 1 - beta2,
        }
        return numbers | decay_of(group)

    def update(
        self,
        p: Any,
        g: Any,
        m: Any,
        v: Any,
        *,
        rate: float,
        rate_ahead: float,
        correction: float,
        eps: float,
        new1: float,
        beta2: float,
        new2: float,
        decay: float | None = None,
        shrink: float = 1.0,
    ) -> tuple[Any, ...]:
        g = decayed(p, g, decay)
        m, v = moments(g, m, v, new1, beta2, new2)
        return descent(1.0, (rate * g + rate_ahead * m) / (sqrt(v) / correction + eps), shrink, p), m, v
