"""Limited-memory BFGS, and the search along a line that it uses."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np

from ..engine.mutation import NDArray, writes
from ..engine.node import Value, wrap
from ..engine.refusal import typed_errors
from ..engine.state import enable_grad
from ..errors import ArgumentError, ArgumentTypeError
from ..tensor import Tensor
from .bundle import checked
from .optimizer import Group, Optimizer, at_least_zero, refuse_tracing

SUFFICIENT, CURVATURE = 1e-4, 0.9  # the constants c₁ and c₂ of the strong Wolfe conditions


class Point(NamedTuple):
    """A point on the line x + t d: the loss there, its gradient, and its slope along d."""

    t: float
    loss: float
    gradient: NDArray
    slope: float


class LBFGS(Optimizer):
    """p ← p - t H g, where H approximates the inverse of the Hessian from the last `history_size` changes of p and g.

    `step(closure)` makes up to `max_iter` iterations and `max_eval` evaluations of the closure, which computes the loss and its gradient.
    t is lr, or found by a search with the strong Wolfe conditions (`line_search_fn="strong_wolfe"`). It ends early when the largest element
    of g is at most `tolerance_grad`, or the step or the change of the loss is below `tolerance_change`. One group only. Nocedal & Wright
    2006, algorithms 7.4 and 3.5.

    >>> w = tg.nn.Parameter(tg.tensor([1.0, 5.0]))
    >>> optimizer = tg.optim.LBFGS([w], line_search_fn="strong_wolfe")
    >>> def closure():
    ...     optimizer.zero_grad()
    ...     (loss := (w - tg.tensor([2.0, 3.0])).square().sum()).backward()
    ...     return loss
    >>> optimizer.step(closure).item(), round(closure().item(), 6)
    (5.0, 0.0)
    """

    @typed_errors
    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:
        most = max_iter * 5 // 4 if max_eval is None else max_eval
        options = {"lr": lr, "max_iter": max_iter, "max_eval": most, "tolerance_grad": tolerance_grad}
        memory = {"tolerance_change": tolerance_change, "history_size": history_size, "line_search_fn": line_search_fn}
        super().__init__(params, {**options, **memory})
        if len(self.param_groups) != 1:
            raise ArgumentError(f"LBFGS: all parameters share one approximation, so give one group, got {len(self.param_groups)}")

    def check(self, group: Group) -> None:
        at_least_zero("LBFGS", group, "lr")
        if group["line_search_fn"] not in (None, "strong_wolfe"):
            raise ArgumentError(f"LBFGS: line_search_fn must be None or 'strong_wolfe', got {group['line_search_fn']!r}")

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Minimise for some iterations; returns the loss before them."""
        refuse_tracing("LBFGS")
        if closure is None:
            raise ArgumentTypeError(
                "LBFGS.step: give the closure that clears the gradients, computes the loss, calls backward and returns it"
            )
        return self._minimize(enable_grad()(closure))

    def _minimize(self, closure: Callable[[], Any]) -> Any:
        group = self.param_groups[0]
        kept = self.state[group["params"][0]]
        kept.setdefault("func_evals", 0)
        kept.setdefault("n_iter", 0)
        first = closure()
        loss, g = float(first), self._gradient()
        evaluations = 1
        kept["func_evals"] += 1
        if _largest(g) <= group["tolerance_grad"]:
            return first
        memory = Memory(kept)
        for iteration in range(1, group["max_iter"] + 1):
            kept["n_iter"] += 1
            memory.follow(g, group["history_size"], kept["n_iter"] == 1)
            before = memory.loss = loss
            t = group["lr"] * (min(1.0, 1.0 / float(np.abs(g).sum())) if kept["n_iter"] == 1 else 1.0)
            memory.t, slope = float(t), float(g @ memory.d)
            if slope > -group["tolerance_change"]:
                break
            count = 0
            if group["line_search_fn"] is not None:
                search = Search(self, closure, Point(0.0, loss, g, slope), memory.d, group["max_eval"] - evaluations)
                found = search.run(memory.t, group["tolerance_change"])
                memory.t, loss, g, count = found.t, found.loss, found.gradient, search.evaluations
                self._move(memory.t, memory.d)
            else:
                self._move(memory.t, memory.d)
                if iteration != group["max_iter"]:
                    loss, g, count = float(closure()), self._gradient(), 1
            evaluations += count
            kept["func_evals"] += count
            small = _largest(memory.d * memory.t), abs(loss - before)
            if evaluations >= group["max_eval"] or _largest(g) <= group["tolerance_grad"]:
                break
            if small[0] <= group["tolerance_change"] or small[1] < group["tolerance_change"]:
                break
        kept.update(memory.saved())
        return first

    # ---- all parameters as one vector ----------------------------------------------------------------------------------

    def _gradient(self) -> NDArray:
        params = self.param_groups[0]["params"]
        return np.concatenate([np.zeros(p.array.size, p.array.dtype) if p.grad is None else p.grad.array.reshape(-1) for p in params])

    def _move(self, t: float, direction: NDArray) -> None:
        end = 0
        for p in self.param_groups[0]["params"]:
            array = checked(p)
            start, end = end, end + array.size
            array += t * direction[start:end].reshape(array.shape)
            writes.note(array)

    def evaluated(self, closure: Callable[[], Any], t: float, direction: NDArray) -> tuple[float, NDArray]:
        """Loss and gradient at x + t d; the parameters are put back exactly."""
        held = [p.array.copy() for p in self.param_groups[0]["params"]]
        self._move(t, direction)
        loss, gradient = float(closure()), self._gradient()
        for p, array in zip(self.param_groups[0]["params"], held, strict=True):
            p.array[...] = array
            writes.note(p.array)
        return loss, gradient


class Memory:
    """The last changes of the parameters and gradients, and the direction that follows from them; PyTorch's names in the state."""

    def __init__(self, kept: dict[str, Any]) -> None:
        self.d: NDArray = _array(kept.get("d"))
        self.t: float = float(kept.get("t", 0.0))
        self.changes: list[NDArray] = [_array(y) for y in kept.get("old_dirs", ())]  # of g
        self.steps: list[NDArray] = [_array(s) for s in kept.get("old_stps", ())]  # of p
        self.inverses: list[float] = [float(x) for x in kept.get("ro", ())]  # 1 / (y · s)
        self.scale: float = float(kept.get("H_diag", 1.0))
        self.gradient: NDArray = _array(kept.get("prev_flat_grad"))
        self.loss: float = kept.get("prev_loss", 0.0)

    def follow(self, g: NDArray, size: int, first: bool) -> None:
        """Take up the last step, and set the direction -H g: Nocedal & Wright 2006, algorithm 7.4."""
        if first:
            self.d, self.gradient = -g, g
            return
        y, s = g - self.gradient, self.d * self.t
        curvature = float(y @ s)
        if curvature > 1e-10:
            for held in (self.changes, self.steps, self.inverses):
                del held[: max(len(held) + 1 - size, 0)]
            self.changes.append(y)
            self.steps.append(s)
            self.inverses.append(1.0 / curvature)
            self.scale = curvature / float(y @ y)
        q, shares = -g, []
        for y, s, inverse in zip(self.changes[::-1], self.steps[::-1], self.inverses[::-1], strict=True):
            shares.append(float(s @ q) * inverse)
            q = q - shares[-1] * y
        q = q * self.scale
        for y, s, inverse, share in zip(self.changes, self.steps, self.inverses, shares[::-1], strict=True):
            q = q + (share - float(y @ q) * inverse) * s
        self.d, self.gradient = q, g

    def saved(self) -> dict[str, Any]:
        """As the state of the first parameter."""
        vectors = {"d": self.d, "prev_flat_grad": self.gradient}
        lists = {"old_dirs": [wrap(Tensor, y) for y in self.changes], "old_stps": [wrap(Tensor, s) for s in self.steps]}
        numbers = {"t": self.t, "ro": [wrap(Tensor, np.asarray(x, self.d.dtype)) for x in self.inverses], "H_diag": self.scale}
        return {**{name: wrap(Tensor, v) for name, v in vectors.items()}, **lists, **numbers, "prev_loss": self.loss}


class Search:
    """The search for a t with f(t) <= f(0) + c₁ t f'(0) and |f'(t)| <= c₂ |f'(0)|: Nocedal & Wright 2006, algorithms 3.5 and 3.6."""

    def __init__(self, optimizer: LBFGS, closure: Callable[[], Any], start: Point, direction: NDArray, most: int) -> None:
        self.optimizer, self.closure, self.start, self.direction, self.most = optimizer, closure, start, direction, most
        self.evaluations = 0

    def run(self, t: float, tolerance: float) -> Point:
        """The best point found."""
        bracket, done = self._bracket(t)
        return bracket[0] if done else self._zoom(bracket, tolerance)

    def _at(self, t: float) -> Point:
        loss, gradient = self.optimizer.evaluated(self.closure, t, self.direction)
        self.evaluations += 1
        return Point(t, loss, gradient, float(gradient @ self.direction))

    def _too_high(self, point: Point) -> bool:
        return point.loss > self.start.loss + SUFFICIENT * point.t * self.start.slope

    def _flat(self, point: Point) -> bool:
        return abs(point.slope) <= -CURVATURE * self.start.slope

    def _bracket(self, t: float) -> tuple[list[Point], bool]:
        """Two points with a good one between them, or one that is good."""
        before, new = self.start, self._at(t)
        for i in range(self.most):
            if self._too_high(new) or (i > 1 and new.loss >= before.loss):
                return [before, new], False
            if self._flat(new):
                return [new], True
            if new.slope >= 0:
                return [before, new], False
            t = interpolated(before, new, (new.t + 0.01 * (new.t - before.t), new.t * 10))
            before, new = new, self._at(t)
        return [self.start, new], False

    def _zoom(self, bracket: list[Point], tolerance: float) -> Point:
        """Make the bracket smaller around a good point; bracket[low] is the better end."""
        width = _largest(self.direction)
        low = 0 if bracket[0].loss <= bracket[1].loss else 1
        stuck = False
        while self.evaluations <= self.most and abs(bracket[1].t - bracket[0].t) * width >= tolerance:
            least, most = sorted((bracket[0].t, bracket[1].t))
            t = interpolated(bracket[0], bracket[1], (least, most))
            margin = 0.1 * (most - least)
            near = min(most - t, t - least) < margin
            if near and (stuck or t >= most or t <= least):
                t, near = (most - margin if abs(t - most) < abs(t - least) else least + margin), False
            stuck = near
            new = self._at(t)
            if self._too_high(new) or new.loss >= bracket[low].loss:
                bracket[1 - low] = new
                low = 0 if bracket[0].loss <= bracket[1].loss else 1
                continue
            done = self._flat(new)
            if not done and new.slope * (bracket[1 - low].t - bracket[low].t) >= 0:
                bracket[1 - low] = bracket[low]
            bracket[low] = new
            if done:
                break
        return bracket[low]


def interpolated(a: Point, b: Point, bounds: tuple[float, float]) -> float:
    """Where the cubic through both losses and slopes has its minimum, within bounds: Nocedal & Wright 2006, equation 3.59."""
    if a.t > b.t:
        a, b = b, a
    least, most = bounds
    d1 = a.slope + b.slope - 3 * (a.loss - b.loss) / (a.t - b.t) if a.t != b.t else math.nan
    square = d1 * d1 - a.slope * b.slope
    if not square >= 0:
        return (least + most) / 2
    d2 = math.sqrt(square)
    divisor = b.slope - a.slope + 2 * d2
    if divisor == 0:
        return (least + most) / 2
    return min(max(b.t - (b.t - a.t) * ((b.slope + d2 - d1) / divisor), least), most)


def _largest(vector: NDArray) -> float:
    return float(np.abs(vector).max(initial=0.0))


def _array(held: Any) -> NDArray:
    if held is None:
        return np.zeros(0)
    return held.array.copy() if isinstance(held, Value) else np.asarray(held).copy()
