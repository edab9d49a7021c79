"""The training step that several tests compile: a small network fitted to a sine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import tinygrad_reg as tg
from tinygrad_reg import nn, optim

OPTIMIZERS: dict[str, Callable[[Any], optim.Optimizer]] = {
    "sgd": lambda parameters: optim.SGD(parameters, lr=0.1, momentum=0.9),
    "adam": lambda parameters: optim.Adam(parameters, lr=0.01),
    "adamw": lambda parameters: optim.AdamW(parameters, lr=0.01, amsgrad=True),
    "adamax": lambda parameters: optim.Adamax(parameters, weight_decay=0.01),
    "nadam": lambda parameters: optim.NAdam(parameters, weight_decay=0.01, decoupled_weight_decay=True),
    "radam": lambda parameters: optim.RAdam(parameters, lr=0.01),
    "rmsprop": lambda parameters: optim.RMSprop(parameters, lr=0.001, momentum=0.9, centered=True),
    "adagrad": lambda parameters: optim.Adagrad(parameters, lr=0.05, lr_decay=0.01),
    "adadelta": lambda parameters: optim.Adadelta(parameters, weight_decay=0.01),
    "rprop": lambda parameters: optim.Rprop(parameters, lr=0.001),
    "adafactor": lambda parameters: optim.Adafactor(parameters, weight_decay=0.01),
    "muon": lambda parameters: optim.Muon([p for p in parameters if p.ndim == 2], lr=0.01),
    "asgd": lambda parameters: optim.ASGD(parameters, lr=0.05, t0=20),
}
FORMS = {"radam": 2, "asgd": 2, "muon": 2}  # traces where it is not one: a form that changes; gradients (of biases) that are None at first


class Task(NamedTuple):
    """A network, its optimizer, the data, and the step."""

    net: nn.Module
    optimizer: optim.Optimizer
    x: tg.Tensor
    y: tg.Tensor
    step: Callable[..., Any]

    def held(self) -> list[Any]:
        """Copies of all parameters and gradients."""
        return [a.detach().numpy().copy() for p in self.net.parameters() for a in (p, p.grad) if a is not None]


def task(optimizer: str = "adam", dtype: Any = tg.float32, seed: int = 0) -> Task:
    """The same task every time it is asked for with the same seed."""
    tg.manual_seed(seed)
    net = nn.Sequential(nn.Linear(1, 50), nn.Sigmoid(), nn.Linear(50, 5), nn.Sigmoid(), nn.Linear(5, 1)).to(dtype)
    chosen = OPTIMIZERS[optimizer](net.parameters())
    x = tg.linspace(0, 3, 100, dtype=dtype).reshape(100, 1)
    y = tg.sin(x * x + 1)
    loss_of = nn.MSELoss()

    def step(x: tg.Tensor, y: tg.Tensor) -> tg.Tensor:
        chosen.zero_grad()
        loss = loss_of(net(x), y)
        loss.backward()
        chosen.step()
        return loss

    return Task(net, chosen, x, y, step)


#: Backends that keep every bit: one always, the other wherever eager makes NumPy calls that can be written down.
EXACT = ("interpreter", "numpy_source")


def close(a: Any, b: Any, rounding: float) -> bool:
    """Whether nested results differ by rounding alone, with equal dtypes and shapes."""
    if isinstance(a, list | tuple):
        return type(a) is type(b) and len(a) == len(b) and all(close(x, y, rounding) for x, y in zip(a, b, strict=True))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(close(a[key], b[key], rounding) for key in a)
    if isinstance(a, tg.Tensor):
        return isinstance(b, tg.Tensor) and close(a.detach().numpy(), b.detach().numpy(), rounding)
    if isinstance(a, np.ndarray):
        alike = isinstance(b, np.ndarray) and a.shape == b.shape and a.dtype == b.dtype
        return alike and bool(np.allclose(a, b, rtol=rounding, atol=rounding, equal_nan=a.dtype.kind == "f"))
    return bool(a is b or a == b)


def same(a: Any, b: Any) -> bool:
    """Whether nested results are equal to the last bit, with equal dtypes and shapes."""
    if isinstance(a, list | tuple):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, tg.Tensor):
        return isinstance(b, tg.Tensor) and same(a.detach().numpy(), b.detach().numpy())
    if isinstance(a, np.ndarray):
        return a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes()
    return bool(a is b or a == b)
