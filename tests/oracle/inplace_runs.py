"""Running a random program: in a library with memory, and once more without, as the definition of what is right.

The pure run has no memory that anything shares. A tensor in it is a list of places in a root; writing replaces the root by one that
differs there, and a view is the same call on the places. So each tensor's value and gradient is what the definition of views says.
"""

from __future__ import annotations

import contextlib
from random import Random
from typing import Any

import numpy as np
import pytest

import tinygrad_reg as tg

from .inplace_actions import BECOMES, COPIES, VIEWS, WRITES

torch = pytest.importorskip("torch")

Array = np.ndarray[Any, Any]
Step = tuple[str, int, int, int]  # action, which tensor, which other one, seed of the choices

DETACH = "detach"
NAMES = [*VIEWS, *VIEWS, *COPIES, *WRITES, *WRITES, *BECOMES, DETACH]
LEAVES: list[Array] = [np.random.default_rng(i).uniform(-1, 1, shape) for i, shape in enumerate([(3, 4), (4,), (2, 3, 2)])]


def mode_of(step: Step) -> str:
    """How a write is made: as it is, inside no_grad, or through `.detach()`."""
    return Random(step[3] + 1).choice(["plain"] * 8 + ["no_grad", "detached"]) if step[0] in WRITES else "plain"


def told(steps: list[Step]) -> str:
    """The program, one line a step."""
    return "\n" + "\n".join(f"  {name}(#{i}, #{j}, {k}) {mode_of((name, i, j, k))}" for name, i, j, k in steps)


def start(m: Any) -> tuple[list[Any], list[Any]]:
    """The leaves, and the tensors a program starts with: five, of which two need no gradient."""
    leaves = [m.tensor(a, requires_grad=True) for a in LEAVES]
    return leaves, [leaves[0] * 1.0, leaves[1] + 0.0, leaves[2].clone(), m.ones(3, 4, dtype=m.float64), m.zeros(4, dtype=m.float64)]


class Outcome:
    """What a run gave: the value of every tensor, the gradients of a random output in both orders; or where it was refused."""

    def __init__(self) -> None:
        self.refused: str | None = None
        self.error: Exception | None = None
        self.shared: list[list[str]] = []  # per step that is a view: of each result whether it is the "same" tensor, a "view", a "copy"
        self.flags: list[Any] = []
        self.values: list[Array] = []
        self.gradients: list[Array] = []

    def differentiate(self, m: Any, leaves: list[Any], tensors: list[Any], seed: int) -> None:
        rng = np.random.default_rng(seed)
        chosen = tensors if seed % 3 == 0 else [tensors[i] for i in rng.integers(0, len(tensors), 2)] if seed % 3 == 1 else [tensors[-1]]
        total = sum((weighted(m, rng, x) for x in chosen), leaves[0].sum() * 0.0)
        twice = seed % 2 == 0
        grads = m.autograd.grad(total, leaves, allow_unused=True, create_graph=twice)
        self.gradients = [np.zeros(a.shape) if g is None else g.detach().numpy().copy() for g, a in zip(grads, LEAVES, strict=True)]
        if twice:
            first = sum((weighted(m, rng, g) for g in grads if g is not None), leaves[0].sum() * 0.0)
            again = m.autograd.grad(first, leaves, allow_unused=True)
            self.gradients += [np.zeros(a.shape) if g is None else g.detach().numpy() for g, a in zip(again, LEAVES, strict=True)]


def weighted(m: Any, rng: np.random.Generator, x: Any) -> Any:
    return (m.tensor(rng.uniform(0.5, 1.5, tuple(x.shape)), dtype=m.float64) * x).sum()


def results(made: Any) -> list[Any]:
    return list(made) if isinstance(made, tuple | list) else [made]


def run(m: Any, steps: list[Step], seed: int) -> Outcome:
    """The program in a library as users write it."""
    outcome = Outcome()
    leaves, tensors = start(m)
    now = "start"
    try:
        for step in steps:
            now, i, j, k = step
            x, y = tensors[i % len(tensors)], tensors[j % len(tensors)]
            if now == DETACH:
                tensors.append(x.detach())
            elif now in WRITES:
                with m.no_grad() if mode_of(step) == "no_grad" else contextlib.nullcontext():
                    WRITES[now](m, x.detach() if mode_of(step) == "detached" else x, y, Random(k))
            elif now in BECOMES:
                BECOMES[now](m, x, y, Random(k))
            else:
                made = results((VIEWS.get(now) or COPIES[now])(m, x, y, Random(k)))[:3]
                if now in VIEWS:
                    outcome.shared.append([share(z, x) for z in made])
                tensors += made
            outcome.flags.append([(t.requires_grad, t.is_leaf) for t in tensors])
        outcome.values = [x.detach().numpy().copy() for x in tensors]
        now = "backward"
        outcome.differentiate(m, leaves, tensors, seed)
    except Exception as error:
        outcome.refused, outcome.error = now, error
    return outcome


def share(x: Any, y: Any) -> str:
    """What x has in common with y. Without elements there is no memory, and it makes no difference."""
    if x is y or not x.numel():
        return "same" if x is y else "view"
    a, b = (z.array if isinstance(z, tg.Tensor) else z.detach().numpy() for z in (x, y))
    return "view" if np.may_share_memory(a, b) else "copy"


# ---- without memory ------------------------------------------------------------------------------------------------------------------


class Undefined(Exception):
    """A write to elements that are one place."""


class Holding(torch.autograd.Function):
    """The history of one tensor with the values of another: what a write that is not recorded leaves."""

    @staticmethod
    def forward(ctx: Any, history: Any, values: Any) -> Any:
        return values.clone()

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        return g, None


class Root:
    """Values, flat, with their history; those that share memory have equal values and histories of their own."""

    def __init__(self, flat: Any, sharing: list[Root]) -> None:
        self.flat = flat
        self.sharing = sharing
        sharing.append(self)

    def replace(self, places: Any, values: Any, recorded: bool) -> None:
        before = self.flat.detach()
        if len(places.unique()) < places.numel():
            if not torch.equal(before[places], values):
                raise Undefined
            return  # `x[i] += 0` of an expanded x writes nothing
        written = self.flat.index_put((places,), values)
        for other in self.sharing:
            other.flat = Holding.apply(other.flat, written.detach())
        if recorded:
            self.flat = written


class Pure:
    """A tensor of the pure run."""

    def __init__(self, root: Root, places: Any) -> None:
        self.root = root
        self.places = places

    @classmethod
    def holding(cls, values: Any) -> Pure:
        return cls(Root(values.flatten(), []), torch.arange(values.numel()).view(values.shape))

    def value(self) -> Any:
        return self.root.flat[self.places]

    def detached(self) -> Pure:
        return Pure(Root(self.root.flat.detach(), self.root.sharing), self.places)


def run_pure(steps: list[Step], seed: int, shared: list[list[str]]) -> Outcome:
    """The program without memory; `shared` says which results of views share memory. Raises Undefined."""
    outcome = Outcome()
    decisions = iter(shared)
    leaves, first = start(torch)
    tensors = [Pure.holding(x) for x in first]
    for step in steps:
        now, i, j, k = step
        x, y = tensors[i % len(tensors)], tensors[j % len(tensors)]
        if now == DETACH:
            tensors.append(x.detached())
        elif now in WRITES:
            target = x.detached() if mode_of(step) == "detached" else x
            after = target.value().clone()
            WRITES[now](torch, after, y.value(), Random(k))
            if after._version:  # else the action found nothing to do
                target.root.replace(target.places, after, mode_of(step) != "no_grad")
        elif now in BECOMES:
            x.places = BECOMES[now](torch, x.places.clone(), None, Random(k))
        elif now in COPIES:
            tensors += [Pure.holding(z) for z in results(COPIES[now](torch, x.value(), y.value(), Random(k)))]
        else:
            made = results(VIEWS[now](Counting(x.places), x.places, None, Random(k)))[:3]
            for places, common in zip(made, next(decisions), strict=True):
                part = Pure(x.root, places.contiguous())
                tensors.append(x if common == "same" else part if common == "view" else Pure.holding(part.value()))
    values = [x.value() for x in tensors]
    outcome.values = [x.detach().numpy().copy() for x in values]
    outcome.differentiate(torch, leaves, values, seed)
    return outcome


class Counting:
    """torch for views of places, which are integers."""

    def __init__(self, _: Any) -> None:
        self.float64 = torch.int64

    def __getattr__(self, name: str) -> Any:
        return getattr(torch, name)
