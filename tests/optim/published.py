"""The published updates, written out in NumPy for one array, and the settings under which each optimizer is tested.

`update(p, g, state, t, **settings)` returns the new p at step t = 1, 2, ... and keeps what it needs in the dict `state`.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np

Settings = dict[str, Any]
Update = Callable[..., Any]


def sgd(
    p: Any, g: Any, state: Settings, t: int, *, lr: float, momentum: float = 0, dampening: float = 0,
    weight_decay: float = 0, nesterov: bool = False, maximize: bool = False,
) -> Any:  # fmt: skip
    """Sutskever et al. 2013, as PyTorch scales it."""
    g = (-1 if maximize else 1) * g + weight_decay * p
    if momentum == 0:
        return p - lr * g
    state["b"] = g if t == 1 else momentum * state["b"] + (1 - dampening) * g
    return p - lr * (g + momentum * state["b"] if nesterov else state["b"])


def adam(
    p: Any, g: Any, state: Settings, t: int, *, lr: float, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
    weight_decay: float = 0, amsgrad: bool = False, maximize: bool = False, decoupled_weight_decay: bool = False,
) -> Any:  # fmt: skip
    """Kingma & Ba 2015, algorithm 1; Reddi et al. 2018 for amsgrad."""
    g = -g if maximize else g
    if decoupled_weight_decay:
        p = p - lr * weight_decay * p
    else:
        g = g + weight_decay * p
    b1, b2 = betas
    m = state["m"] = b1 * state.get("m", 0.0) + (1 - b1) * g
    v = state["v"] = b2 * state.get("v", 0.0) + (1 - b2) * g**2
    if amsgrad:
        v = state["top"] = np.maximum(state.get("top", 0.0), v)
    return p - lr * (m / (1 - b1**t)) / (np.sqrt(v / (1 - b2**t)) + eps)


def adamw(p: Any, g: Any, state: Settings, t: int, *, weight_decay: float = 1e-2, **settings: Any) -> Any:
    """Loshchilov & Hutter 2019, algorithm 2 without a schedule of its own."""
    return adam(p, g, state, t, weight_decay=weight_decay, decoupled_weight_decay=True, **settings)


def every(**choices: list[Any]) -> list[Settings]:
    """All combinations."""
    return [dict(zip(choices, values, strict=True)) for values in product(*choices.values())]


ADAM = every(
    lr=[0.03], betas=[(0.9, 0.999), (0.0, 0.5)], eps=[1e-8, 1e-2], weight_decay=[0, 0.1], amsgrad=[False, True], maximize=[False, True]
)
PUBLISHED: dict[str, tuple[Update, list[Settings]]] = {  # every optimizer that tg.optim exports
    "SGD": (
        sgd,
        every(lr=[0.05], momentum=[0, 0.9], dampening=[0, 0.3], weight_decay=[0, 0.1], nesterov=[False], maximize=[False, True])
        + every(lr=[0.05], momentum=[0.9], weight_decay=[0, 0.1], nesterov=[True], maximize=[False, True]),
    ),
    "Adam": (adam, [*ADAM, {"lr": 0.03, "weight_decay": 0.1, "decoupled_weight_decay": True}]),
    "AdamW": (adamw, [*ADAM, {"lr": 0.03}]),
}
CASES = [(name, settings) for name, (_, many) in PUBLISHED.items() for settings in many]
IDS = [f"{name}-{'-'.join(f'{k}={v}' for k, v in settings.items())}" for name, settings in CASES]
