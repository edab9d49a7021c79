"""Adafactor."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ..engine.refusal import typed_errors
from ..errors import ArgumentError
from ..ops.elementwise import maximum, sqrt
from ..ops.linalg import matmul
from ..ops.reduction import mean_p
from .bundle import Shape
from .optimizer import Group, Optimizer, at_least_zero


class Adafactor(Optimizer):
    """p ← p - α · u / max(1, rms(u) / d), where u = g / max(√v, ε₁) and v is a running mean of g², of matrices only by rows and columns.

    For matrices v = R C / mean(R), with running means R of the rows' and C of the columns' mean squares; their weight on what is new is
    t^beta2_decay. α = max(ε₂, rms(p)) · min(lr, 1 / √t), and p first shrinks by 1 - lr · weight_decay. `eps` is (ε₁, ε₂); ε₁ = None is
    the resolution of p's dtype. Shazeer & Stern 2018, algorithm 4, with PyTorch's use of lr and ε₁.

    >>> optimizer = tg.optim.Adafactor([w := tg.nn.Parameter(tg.ones(3, 4))])
    >>> w.sum().backward()
    >>> optimizer.step()
    >>> optimizer.state[w]["row_var"].shape, optimizer.state[w]["col_var"].shape
    ((3, 1), (1, 4))
    """

    elementwise = False

    @typed_errors
    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        beta2_decay: float = -0.8,
        eps: tuple[float | None, float] = (None, 1e-3),
        d: float = 1.0,
        weight_decay: float = 0.0,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
    ) -> None:
        options = {"lr": lr, "beta2_decay": beta2_decay, "eps": eps, "d": d, "weight_decay": weight_decay}
        super().__init__(params, {**options, "foreach": foreach, "maximize": maximize})

    def check(self, group: Group) -> None:
        at_least_zero("Adafactor", group, "lr", "weight_decay")
        if not group["beta2_decay"] <= 0.0:
            raise ArgumentError(f"Adafactor: beta2_decay must be at most 0, got {group['beta2_decay']}")
        for i, eps in enumerate(group["eps"]):
            if eps is not None and not eps >= 0.0:
                raise ArgumentError(f"Adafactor: eps[{i}] must be at least 0, got {eps}")
        if not group["d"] >= 1.0:
            raise ArgumentError(f"Adafactor: d must be at least 1, got {group['d']}")

    def states(self, group: Group) -> tuple[str, ...]:
        return "row_var", "col_var", "variance"

    def shape_of(self, name: str, shape: Shape) -> Shape | None:
        if len(shape) < 2:
            return shape if name == "variance" else None
        return {"row_var": (*shape[:-1], 1), "col_var": (*shape[:-2], 1, shape[-1])}.get(name)

    def coefficients(self, group: Group, step: int) -> dict[str, Any]:
        least, scale = group["eps"]
        numbers = {"new": step ** group["beta2_decay"], "rate": min(group["lr"], step**-0.5), "scale": scale, "clip": 1 / group["d"]}
        if least is not None:
            numbers |= {"least": least, "least_square": least * least}
        if group["weight_decay"]:
            numbers["shrink"] = 1 - group["lr"] * group["weight_decay"]
        return numbers

    def update(
        self,
        p: Any,
        g: Any,
        *means: Any,
        new: float,
        rate: float,
        scale: float,
        clip: float,
        least: Any = None,
        least_square: Any = None,
        shrink: float | None = None,
    ) -> tuple[Any, ...]:
        if least is None:
            least = float(np.finfo(p.dtype).eps)
            least_square = least * least
        alpha = rate * maximum(_rms(p), scale)
        if shrink is not None:
            p = shrink * p
        square = g * g
        news = [_along(square, 1), _along(square, 2)] if len(means) == 2 else [square]
        means = tuple([old + new * (fresh - old) for old, fresh in zip(means, news, strict=True)])
        v = means[0]
        if len(means) == 2:
            v = matmul(*means) / maximum(_along(means[0], 2), least)
        u = g / sqrt(maximum(v, least_square))
        return p - alpha / maximum(clip * _rms(u), 1.0) * u, *means


def _rms(x: Any) -> Any:
    return sqrt(mean_p.bind(x * x, dim=None, keepdim=False))


def _along(x: Any, last: int) -> Any:
    """The mean along a dim counted from the last."""
    return mean_p.bind(x, dim=(x.ndim - last,), keepdim=True)
