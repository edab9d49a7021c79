"""Training steps of small real models, each in every framework from equal weights.

A step takes no arguments, trains on the next of the problem's batches and returns the loss. Weights and batches are NumPy's and the
same for all, so the losses must agree; `losses` runs a few steps for that check.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from ..peers import COMPILED
from .problems import PROBLEMS as PROBLEMS
from .problems import Problem as Problem

Step = Callable[[], Any]
CHECKED = 5  # steps whose losses must agree

#: peer -> (module of this package, function in it, further arguments)
PEERS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "tinygrad_reg": ("torch_style", "ours", ()),
    **{label: ("torch_style", "ours", (backend,)) for label, backend in COMPILED.items()},
    "torch": ("torch_style", "torch", ()),
    "torch, fused optimizer": ("torch_style", "torch_fused", ()),
    "torch.compile": ("torch_style", "torch_compile", ()),
    "jax.jit": ("jax_steps", "build", ()),
    "tinygrad, jit": ("tinygrad_steps", "build", ()),
    "NumPy by hand": ("numpy_steps", "build", ()),
}


def peers(problem: Problem) -> list[str]:
    """Who can run it: NumPy by hand is written only for the perceptron and for Adam, the fused optimizer is of interest alone."""
    left_out = {"NumPy by hand"} if problem.model not in ("mlp", "adam") else set()
    left_out |= {"torch, fused optimizer"} if problem.model != "adam" else set()
    return [peer for peer in PEERS if peer not in left_out]


def build(peer: str, problem: Problem) -> Step:
    """The training step."""
    module, function, further = PEERS[peer]
    made: Step = getattr(import_module(f".{module}", __name__), function)(problem, *further)
    return made


def losses(step: Step, count: int = CHECKED) -> list[float]:
    """The losses of the first steps."""
    return [float(step()) for _ in range(count)]
