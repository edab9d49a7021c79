"""Averaged stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..engine.refusal import typed_errors
from ..ops.axpby import axpby, descent
from .optimizer import Group, Optimizer, at_least_zero, decay_of, decayed


class ASGD(Optimizer):
    """p ← (1 - lambd · η) p - η g, with a rate that falls as η = lr / (1 + lambd · lr · t)^alpha, and the mean of p in `state[p]["ax"]`.

    The mean begins at step t0: ax ← ax + μ (p - ax) with μ = 1 / max(1, t - t0). `weight_decay` adds weight_decay · p to the gradient.
    Polyak & Juditsky 1992; the schedule is that of Bottou 2010 and Xu 2011.

    >>> w = tg.nn.Parameter(tg.tensor([1.0]))
    >>> optimizer = tg.optim.ASGD([w], lr=0.25, lambd=0.0, t0=0.0)
    >>> for _ in range(3):
    ...     optimizer.zero_grad()
    ...     w.square().sum().backward()
    ...     optimizer.step()
    >>> w.tolist(), optimizer.state[w]["ax"].tolist()
    ([0.125], [0.1875])
    """

    numbers = ("eta", "mu")  # for the next step, as PyTorch keeps them

    @typed_errors
    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        lambd: float = 1e-4,
        alpha: float = 0.75,
        t0: float = 1e6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        options = {"lr": lr, "lambd": lambd, "alpha": alpha, "t0": t0, "weight_decay": weight_decay, "maximize": maximize}
        super().__init__(params, {**options, "foreach": foreach, "differentiable": differentiable, "capturable": capturable})

    def check(self, group: Group) -> None:
        at_least_zero("ASGD", group, "lr", "weight_decay")

    def states(self, group: Group) -> tuple[str, ...]:
        return ("ax",)

    def start(self, group: Group) -> dict[str, float]:
        return {"eta": float(group["lr"]), "mu": 1.0}

    def coefficients(self, group: Group, step: int, *, eta: float, mu: float) -> dict[str, Any]:
        lr, lambd = group["lr"], group["lambd"]
        following = {"eta": lr / (1 + lambd * lr * step) ** group["alpha"], "mu": 1 / max(1, step - group["t0"])}
        numbers = {"rate": eta, "shrink": 1 - lambd * eta}
        numbers |= decay_of(group)
        if mu != 1:
            numbers["share"] = mu
        return following | numbers

    def update(
        self, p: Any, g: Any, mean: Any, *, rate: float, shrink: float, decay: float | None = None, share: float | None = None
    ) -> tuple[Any, ...]:
        g = decayed(p, g, decay)
        p = descent(rate, g, shrink, p)
        return p, p if share is None else axpby(share, p - mean, 1.0, mean)
