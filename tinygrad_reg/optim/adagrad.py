"""Adagrad."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ..engine.node import wrap
from ..engine.refusal import typed_errors
from ..engine.state import get_default_dtype
from ..ops.axpby import axpby, descent
from ..ops.elementwise import sqrt
from ..tensor import Tensor
from .optimizer import Group, Optimizer, at_least_zero, decay_of, decayed


class Adagrad(Optimizer):
    """p ← p - lr / (1 + (t - 1) lr_decay) · g / (√s + eps), with the sum s of all g², which begins at `initial_accumulator_value`.

    `weight_decay` adds weight_decay · p to the gradient. Duchi, Hazan & Singer 2011, figure 1 with a diagonal matrix. As in PyTorch, the
    parameters given to the constructor have their states from the start.

    >>> w = tg.nn.Parameter(tg.tensor([1.0, 5.0]))
    >>> w.square().sum().backward()
    >>> tg.optim.Adagrad([w], lr=0.25).step()
    >>> w.data
    tensor([0.7500, 4.7500])
    """

    @typed_errors
    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        options = {"lr": lr, "lr_decay": lr_decay, "weight_decay": weight_decay, "eps": eps, "maximize": maximize}
        hints = {"foreach": foreach, "differentiable": differentiable, "fused": fused}
        super().__init__(params, {**options, **hints, "initial_accumulator_value": initial_accumulator_value})
        for p in [p for group in self.param_groups for p in group["params"]]:
            total = np.full_like(p.array, initial_accumulator_value, subok=False)
            self.state[p] = {"step": wrap(Tensor, np.zeros((), get_default_dtype())), "sum": wrap(Tensor, total)}

    def check(self, group: Group) -> None:
        at_least_zero("Adagrad", group, "lr", "lr_decay", "weight_decay", "initial_accumulator_value", "eps")

    def states(self, group: Group) -> tuple[str, ...]:
        return ("sum",)

    def start(self, group: Group) -> dict[str, float]:
        return {"sum": self.defaults["initial_accumulator_value"]}  # PyTorch does not ask the group

    def coefficients(self, group: Group, step: int) -> dict[str, Any]:
        numbers = {"rate": group["lr"] / (1 + (step - 1) * group["lr_decay"]), "eps": group["eps"]}
        return numbers | decay_of(group)

    def update(self, p: Any, g: Any, total: Any, *, rate: float, eps: float, decay: float | None = None) -> tuple[Any, ...]:
        g = decayed(p, g, decay)
        total = axpby(1.0, g * g, 1.0, total)
        return descent(rate, g / (sqrt(total) + eps), 1.0, p), total
