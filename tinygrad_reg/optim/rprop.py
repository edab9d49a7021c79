"""Resilient backpropagation."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..engine.refusal import typed_errors
from ..errors import ArgumentError
from ..ops.elementwise import maximum, minimum, sign
from ..ops.masking import where
from .optimizer import Group, Optimizer, at_least_zero


class Rprop(Optimizer):
    """p ← p - sign(g) · s: each element has a step s of its own, at first lr, which its gradient's sign alone changes.

    s is multiplied by η₊ if g has kept its sign and by η₋ if it has changed, and clamped to `step_sizes`; after a change g counts as
    0, so that p stays where it is and s is not changed at the next step. Riedmiller & Braun 1993, in the variant iRprop⁻ of
    Igel & Hüsken 2000. For gradients of the whole data set.

    >>> w = tg.nn.Parameter(tg.tensor([1.0, 5.0]))
    >>> w.square().sum().backward()
    >>> tg.optim.Rprop([w], lr=0.25).step()
    >>> w.data
    tensor([0.7500, 4.7500])
    """

    @typed_errors
    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50),
        *,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        options = {"lr": lr, "etas": etas, "step_sizes": step_sizes, "maximize": maximize}
        super().__init__(params, {**options, "capturable": capturable, "foreach": foreach, "differentiable": differentiable})

    def check(self, group: Group) -> None:
        at_least_zero("Rprop", group, "lr")
        minus, plus = group["etas"]
        if not 0.0 < minus < 1.0 < plus:
            raise ArgumentError(f"Rprop: etas must be one number between 0 and 1 and one above 1, got {group['etas']}")

    def states(self, group: Group) -> tuple[str, ...]:
        return "prev", "step_size"

    def start(self, group: Group) -> dict[str, float]:
        return {"step_size": float(group["lr"])}

    def coefficients(self, group: Group, step: int) -> dict[str, Any]:
        return dict(zip(("minus", "plus", "least", "most"), (*group["etas"], *group["step_sizes"]), strict=True))

    def update(self, p: Any, g: Any, before: Any, size: Any, *, minus: float, plus: float, least: float, most: float) -> tuple[Any, ...]:
        kept = g * before
        size = where(kept > 0, plus * size, where(kept < 0, minus * size, size))
        size = minimum(maximum(size, least), most)
        g = where(kept < 0, 0.0, g)
        return p - sign(g) * size, g, size
