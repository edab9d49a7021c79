"""What one recorded operation on 8 doubles costs, and one operation of a long chain, forward and backward."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

CHAIN = 20_000
X = np.linspace(0.1, 0.8, 8)
FACTOR, SHIFT = np.full(8, 0.9), np.full(8, 0.05)


def numpy_record() -> Callable[[], Any]:
    """NumPy's own multiplication: the floor."""
    return lambda: X * FACTOR


def numpy_chain() -> Callable[[], Any]:
    """The forward alone; there is no backward to compare."""

    def run() -> Any:
        x = X
        for _ in range(CHAIN // 4):
            x = np.tanh(np.sin(x * FACTOR) + SHIFT)
        return x

    return run


def _torch_style(module: Any, tensor: Callable[..., Any]) -> tuple[Callable[[], Any], Callable[[], Any]]:
    x, factor, shift = tensor(X), tensor(FACTOR), tensor(SHIFT)
    x.requires_grad_()

    def chain() -> Any:
        y = x
        for _ in range(CHAIN // 4):
            y = module.tanh(module.sin(y * factor) + shift)
        y.sum().backward()
        x.grad = None

    return (lambda: x * factor), chain


def tinygrad_reg_both() -> tuple[Callable[[], Any], Callable[[], Any]]:
    """This library."""
    tg = import_module("tinygrad_reg")
    return _torch_style(tg, tg.tensor)


def torch_both() -> tuple[Callable[[], Any], Callable[[], Any]]:
    """PyTorch, 2 threads."""
    torch = import_module("torch")
    torch.set_num_threads(2)
    return _torch_style(torch, torch.tensor)


def autograd_both() -> tuple[Callable[[], Any], Callable[[], Any]]:
    """HIPS autograd; recording is timed inside of a trace."""
    anp, tracer = import_module("autograd.numpy"), import_module("autograd.tracer")

    def loss(x: Any) -> Any:
        for _ in range(CHAIN // 4):
            x = anp.tanh(anp.sin(x * FACTOR) + SHIFT)
        return anp.sum(x)

    gradient = import_module("autograd").grad(loss)
    box = tracer.new_box(X, tracer.trace_stack.top + 1, import_module("autograd.core").VJPNode.new_root())
    return (lambda: box * FACTOR), (lambda: gradient(X))


def mygrad_both() -> tuple[Callable[[], Any], Callable[[], Any]]:
    """MyGrad with its memory guard, as installed."""
    mg = import_module("mygrad")
    x = mg.tensor(X)

    def chain() -> Any:
        y = x
        for _ in range(CHAIN // 4):
            y = mg.tanh(mg.sin(y * FACTOR) + SHIFT)
        y.sum().backward()

    return (lambda: x * FACTOR), chain


PEERS: dict[str, Callable[[], tuple[Callable[[], Any], Callable[[], Any]]]] = {
    "NumPy": lambda: (numpy_record(), numpy_chain()),
    "tinygrad_reg": tinygrad_reg_both,
    "torch": torch_both,
    "autograd": autograd_both,
    "mygrad": mygrad_both,
}
