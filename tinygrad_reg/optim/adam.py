"""Adam and its variant with decoupled weight decay."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from ..engine.refusal import typed_errors
from ..ops.axpby import axpby, descent
from ..ops.elementwise import maximum, sqrt
from .optimizer import Group, Optimizer, at_least_zero, decay_of, decayed, fractions


def moments(g: Any, m: Any, v: Any, new1: float, beta2: float, new2: float) -> tuple[Any, Any]:
    """The running means of the gradient and of its square."""
    return axpby(new1, g - m, 1.0, m), axpby(new2, g * g, beta2, v)


class Adam(Optimizer):
    """p ← p - lr · m̂ / (√v̂ + eps), with running means m of g and v of g², corrected for having started at zero.

    m ← β₁ m + (1 - β₁) g, v ← β₂ v + (1 - β₂) g², m̂ = m / (1 - β₁ᵗ), v̂ = v / (1 - β₂ᵗ). `amsgrad` puts the largest v
    so far in the place of v. `weight_decay` adds weight_decay · p to the gradient or, decoupled, shrinks p by
    1 - lr · weight_decay. Kingma & Ba 2015 (in the order of computation given at the end of its section 2, where the
    corrections are in lr and eps); Reddi et al. 2018 for amsgrad; Loshchilov & Hutter 2019 for decoupled decay.

    >>> w = tg.nn.Parameter(tg.tensor([1.0, 5.0]))
    >>> w.square().sum().backward()
    >>> tg.optim.Adam([w], lr=0.1).step()
    >>> w.data
    tensor([0.9000, 4.9000])
    """

    @typed_errors
    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ) -> None:
        options = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "amsgrad": amsgrad, "maximize": maximize}
        hints = {"foreach": foreach, "capturable": capturable, "differentiable": differentiable, "fused": fused}
        super().__init__(params, {**options, **hints, "decoupled_weight_decay": decoupled_weight_decay})

    def check(self, group: Group) -> None:
        at_least_zero(type(self).__name__, group, "lr", "eps", "weight_decay")
        fractions(type(self).__name__, group, "betas", 2)

    def states(self, group: Group) -> tuple[str, ...]:
        return ("exp_avg", "exp_avg_sq", "max_exp_avg_sq") if group["amsgrad"] else ("exp_avg", "exp_avg_sq")

    def coefficients(self, group: Group, step: int) -> dict[str, Any]:
        lr, (beta1, beta2) = group["lr"], group["betas"]
        correction = math.sqrt(1 - beta2**step)
        return {
            "rate": lr * correction / (1 - beta1**step),
            "eps": group["eps"] * correction,
            "new1": 1 - beta1,
            "beta2": beta2,
            "new2": 1 - beta2,
            **decay_of(group),
        }

    def update(
        self,
        p: Any,
        g: Any,
        m: Any,
        v: Any,
        largest: Any = None,
        *,
        rate: float,
        eps: float,
        new1: float,
        beta2: float,
        new2: float,
        decay: float | None = None,
        shrink: float = 1.0,
    ) -> tuple[Any, ...]:
        g = decayed(p, g, decay)
        m, v = moments(g, m, v, new1, beta2, new2)
        if largest is None:
            return descent(rate, m / (sqrt(v) + eps), shrink, p), m, v
        largest = maximum(largest, v)
        return descent(rate, m / (sqrt(largest) + eps), shrink, p), m, v, largest


class AdamW(Adam):
    """Adam with decoupled weight decay: p shrinks by 1 - lr · weight_decay before the step, and g is left alone.

    >>> w = tg.nn.Parameter(tg.tensor([1.0, 5.0]))
    >>> w.square().sum().backward()
    >>> tg.optim.AdamW([w], lr=0.1, weight_decay=0.5).step()
    >>> w.data
    tensor([0.8500, 4.6500])
    """

    @typed_errors
    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        super().__init__(
            params,
            lr,
            betas,
            eps,
            weight_decay,
            amsgrad,
            foreach=foreach,
            maximize=maximize,
            capturable=capturable,
            differentiable=differentiable,
            fused=fused,
            decoupled_weight_decay=True,
        )

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        super().load_state_dict(state_dict)
        for group in self.param_groups:
            group["decoupled_weight_decay"] = True
