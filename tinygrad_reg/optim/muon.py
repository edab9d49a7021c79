"""Muon: momentum, orthogonalised."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from ..engine.refusal import typed_errors
from ..errors import ArgumentError, ShapeError
from ..ops.axpby import axpby, descent
from ..ops.elementwise import maximum, sqrt
from ..ops.linalg import mm_p
from ..ops.reduction import sum
from .optimizer import Group, Optimizer, at_least_zero

ADJUSTMENTS = (None, "original", "match_rms_adamw")


class Muon(Optimizer):
    """p ← (1 - lr · weight_decay) p - lr · s · O, where O is nearly the orthogonal matrix nearest to the momentum; for matrices only.

    The momentum is m ← momentum · m + (1 - momentum) g, with `nesterov` the same mean of g and m once more. O comes from `ns_steps` steps
    X ← a X + (b X Xᵀ + c (X Xᵀ)²) X from the momentum divided by its norm, with `ns_coefficients` (a, b, c). For shape (n, k), s is
    √max(1, n / k) ("original", None) or 0.2 √max(n, k) ("match_rms_adamw"). Jordan et al. 2024; Liu et al. 2025.

    The steps are computed in the parameter's dtype, where PyTorch rounds them to bfloat16: an update differs by about 1 %.

    >>> w = tg.nn.Parameter(tg.zeros(2, 2))
    >>> (w * tg.tensor([[100.0, 0.0], [0.0, 50.0]])).sum().backward()
    >>> tg.optim.Muon([w], lr=1.0).step()
    >>> w.data.diagonal().round()
    tensor([-1., -1.])
    """

    keeps_step = False
    elementwise = False

    @typed_errors
    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_coefficients: tuple[float, float, float] = (3.4445, -4.7750, 2.0315),
        eps: float = 1e-7,
        ns_steps: int = 5,
        adjust_lr_fn: str | None = None,
    ) -> None:
        options = {"lr": lr, "weight_decay": weight_decay, "momentum": momentum, "nesterov": nesterov, "eps": eps}
        super().__init__(params, {**options, "ns_coefficients": ns_coefficients, "ns_steps": ns_steps, "adjust_lr_fn": adjust_lr_fn})

    def check(self, group: Group) -> None:
        at_least_zero("Muon", group, "lr", "weight_decay", "momentum")
        if group["adjust_lr_fn"] not in ADJUSTMENTS:
            raise ArgumentError(f"Muon: adjust_lr_fn must be None, 'original' or 'match_rms_adamw', got {group['adjust_lr_fn']!r}")
        if len(group["ns_coefficients"]) != 3:
            raise ArgumentError(f"Muon: ns_coefficients must be 3 numbers, got {group['ns_coefficients']}")
        if group["ns_steps"] >= 100:
            raise ArgumentError(f"Muon: ns_steps must be below 100, got {group['ns_steps']}")
        for p in group.get("params", ()):
            if p.array.ndim != 2:
                raise ShapeError(f"Muon: only matrices can be optimized, got a parameter of shape {p.array.shape}; use AdamW for it")

    def states(self, group: Group) -> tuple[str, ...]:
        return ("momentum_buffer",)

    def coefficients(self, group: Group, step: int) -> dict[str, Any]:
        numbers = {
            "shrink": 1 - group["lr"] * group["weight_decay"],
            "rate": group["lr"],
            "new": 1 - group["momentum"],
            "eps": group["eps"],
        }
        numbers |= {f"x{i}_{name}": c for i in range(group["ns_steps"]) for name, c in zip("abc", group["ns_coefficients"], strict=True)}
        if group["nesterov"]:
            numbers["ahead"] = group["momentum"]
        if group["adjust_lr_fn"] == "match_rms_adamw":
            numbers["rate_by_size"] = 0.2 * group["lr"]
        return numbers

    def update(
        self,
        p: Any,
        g: Any,
        m: Any,
        *,
        shrink: float,
        rate: float,
        new: float,
        eps: float,
        ahead: float | None = None,
        rate_by_size: float | None = None,
        **steps: float,
    ) -> tuple[Any, ...]:
        m = axpby(new, g - m, 1.0, m)
        x = m if ahead is None else g + ahead * (m - g)
        n, k = p.shape
        if n > k:
            x = x.T
        x = x / maximum(sqrt(sum(x * x)), eps)
        for i in range(len(steps) // 3):
            square = mm_p(x, x.T)
            x = steps[f"x{i}_a"] * x + mm_p(steps[f"x{i}_b"] * square + steps[f"x{i}_c"] * mm_p(square, square), x)
        if n > k:
            x = x.T
        if rate_by_size is not None:
            return descent(rate_by_size, math.sqrt(max(n, k)) * x, shrink, p), m
        return descent(rate, math.sqrt(max(1, n / k if k else 1)) * x, shrink, p), m
