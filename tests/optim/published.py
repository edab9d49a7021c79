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


def adamax(
    p: Any, g: Any, state: Settings, t: int, *, lr: float, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
    weight_decay: float = 0, maximize: bool = False,
) -> Any:  # fmt: skip
    """Kingma & Ba 2015, algorithm 2, with eps as PyTorch adds it."""
    g = (-1 if maximize else 1) * g + weight_decay * p
    b1, b2 = betas
    m = state["m"] = b1 * state.get("m", 0.0) + (1 - b1) * g
    u = state["u"] = np.maximum(b2 * state.get("u", 0.0), np.abs(g) + eps)
    return p - lr / (1 - b1**t) * m / u


def nadam(
    p: Any, g: Any, state: Settings, t: int, *, lr: float, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
    weight_decay: float = 0, momentum_decay: float = 4e-3, decoupled_weight_decay: bool = False, maximize: bool = False,
) -> Any:  # fmt: skip
    """Dozat 2016, algorithm 2 with the warming momentum of its section 3. The product is kept in single precision, as PyTorch does."""
    g = -g if maximize else g
    if decoupled_weight_decay:
        p = p - lr * weight_decay * p
    else:
        g = g + weight_decay * p
    b1, b2 = betas
    mu, ahead = (b1 * (1 - 0.96 ** (s * momentum_decay) / 2) for s in (t, t + 1))
    product = state["product"] = float(np.float32(state.get("product", 1.0)) * np.float32(mu))
    m = state["m"] = b1 * state.get("m", 0.0) + (1 - b1) * g
    v = state["v"] = b2 * state.get("v", 0.0) + (1 - b2) * g**2
    m_hat = ahead * m / (1 - product * ahead) + (1 - mu) * g / (1 - product)
    return p - lr * m_hat / (np.sqrt(v / (1 - b2**t)) + eps)


def radam(
    p: Any, g: Any, state: Settings, t: int, *, lr: float, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
    weight_decay: float = 0, decoupled_weight_decay: bool = False, maximize: bool = False,
) -> Any:  # fmt: skip
    """Liu et al. 2020, algorithm 2, with the bound 5 in the place of 4, as its authors' code and PyTorch have it."""
    g = -g if maximize else g
    if decoupled_weight_decay:
        p = p - lr * weight_decay * p
    else:
        g = g + weight_decay * p
    b1, b2 = betas
    m = state["m"] = b1 * state.get("m", 0.0) + (1 - b1) * g
    v = state["v"] = b2 * state.get("v", 0.0) + (1 - b2) * g**2
    m_hat = m / (1 - b1**t)
    top = 2 / (1 - b2) - 1
    rho = top - 2 * t * b2**t / (1 - b2**t)
    if rho <= 5:
        return p - lr * m_hat
    r = np.sqrt((rho - 4) * (rho - 2) * top / ((top - 4) * (top - 2) * rho))
    return p - lr * r * m_hat * np.sqrt(1 - b2**t) / (np.sqrt(v) + eps)


def rmsprop(
    p: Any, g: Any, state: Settings, t: int, *, lr: float, alpha: float = 0.99, eps: float = 1e-8, weight_decay: float = 0,
    momentum: float = 0, centered: bool = False, maximize: bool = False,
) -> Any:  # fmt: skip
    """Hinton 2012, lecture 6e; Graves 2013, equations 38 to 40, for the centred variant."""
    g = (-1 if maximize else 1) * g + weight_decay * p
    v = state["v"] = alpha * state.get("v", 0.0) + (1 - alpha) * g**2
    if centered:
        mean = state["mean"] = alpha * state.get("mean", 0.0) + (1 - alpha) * g
        v = v - mean**2
    state["b"] = momentum * state.get("b", 0.0) + g / (np.sqrt(v) + eps)
    return p - lr * state["b"]


def adagrad(
    p: Any, g: Any, state: Settings, t: int, *, lr: float, lr_decay: float = 0, weight_decay: float = 0,
    initial_accumulator_value: float = 0, eps: float = 1e-10, maximize: bool = False,
) -> Any:  # fmt: skip
    """Duchi, Hazan & Singer 2011, figure 1, diagonal."""
    g = (-1 if maximize else 1) * g + weight_decay * p
    state["s"] = state.get("s", initial_accumulator_value) + g**2
    return p - lr / (1 + (t - 1) * lr_decay) * g / (np.sqrt(state["s"]) + eps)


def adadelta(
    p: Any, g: Any, state: Settings, t: int, *, lr: float, rho: float = 0.9, eps: float = 1e-6, weight_decay: float = 0,
    maximize: bool = False,
) -> Any:  # fmt: skip
    """Zeiler 2012, algorithm 1."""
    g = (-1 if maximize else 1) * g + weight_decay * p
    v = state["v"] = rho * state.get("v", 0.0) + (1 - rho) * g**2
    d = np.sqrt(state.get("d", 0.0) + eps) / np.sqrt(v + eps) * g
    state["d"] = rho * state.get("d", 0.0) + (1 - rho) * d**2
    return p - lr * d


def rprop(
    p: Any, g: Any, state: Settings, t: int, *, lr: float, etas: tuple[float, float] = (0.5, 1.2),
    step_sizes: tuple[float, float] = (1e-6, 50), maximize: bool = False,
) -> Any:  # fmt: skip
    """Igel & Huesken 2000, the algorithm iRprop-, element by element."""
    g, out = np.array(-g if maximize else g), np.array(p)
    before = state.setdefault("g", np.zeros_like(g))
    size = state.setdefault("size", np.full_like(g, lr))
    for i in np.ndindex(g.shape):
        if g[i] * before[i] > 0:
            size[i] = min(size[i] * etas[1], step_sizes[1])
        elif g[i] * before[i] < 0:
            size[i] = max(size[i] * etas[0], step_sizes[0])
            g[i] = 0.0
        out[i] -= np.sign(g[i]) * size[i]
        before[i] = g[i]
    return out


def asgd(
    p: Any, g: Any, state: Settings, t: int, *, lr: float, lambd: float = 1e-4, alpha: float = 0.75, t0: float = 1e6,
    weight_decay: float = 0, maximize: bool = False,
) -> Any:  # fmt: skip
    """Bottou 2010, section 5. The rate is kept in single precision, as PyTorch does."""
    g = (-1 if maximize else 1) * g + weight_decay * p
    eta = float(np.float32(lr / (1 + lambd * lr * (t - 1)) ** alpha))
    p = (1 - lambd * eta) * p - eta * g
    state["mean"] = p if t - 1 - t0 <= 1 else state["mean"] + (p - state["mean"]) / (t - 1 - t0)
    return p


def adafactor(
    p: Any, g: Any, state: Settings, t: int, *, lr: float, beta2_decay: float = -0.8, eps: tuple[Any, float] = (None, 1e-3), d: float = 1.0,
    weight_decay: float = 0, maximize: bool = False,
) -> Any:  # fmt: skip
    """Shazeer & Stern 2018, algorithms 4 (matrices) and 5 (vectors), with PyTorch's use of lr and of the first eps."""
    g = -g if maximize else g
    least = np.finfo(np.float64).eps if eps[0] is None else eps[0]
    alpha = max(eps[1], np.sqrt(np.mean(p**2))) * min(lr, 1 / np.sqrt(t))
    p = p - lr * weight_decay * p
    share = t**beta2_decay
    if g.ndim < 2:
        v = state["v"] = (1 - share) * state.get("v", 0.0) + share * g**2
    else:
        rows = state["rows"] = (1 - share) * state.get("rows", 0.0) + share * np.mean(g**2, axis=-1)
        columns = state["columns"] = (1 - share) * state.get("columns", 0.0) + share * np.mean(g**2, axis=-2)
        v = rows[..., :, None] * columns[..., None, :] / np.maximum(np.mean(rows, axis=-1), least)[..., None, None]
    u = g / np.maximum(np.sqrt(v), least)
    return p - alpha * u / max(1.0, np.sqrt(np.mean(u**2)) / d)


def muon(
    p: Any, g: Any, state: Settings, t: int, *, lr: float, weight_decay: float = 0.1, momentum: float = 0.95, nesterov: bool = True,
    ns_steps: int = 5, adjust_lr_fn: str | None = None,
) -> Any:  # fmt: skip
    """Jordan et al. 2024, in terms of singular values: each step of Newton and Schulz maps them by a s + b s³ + c s⁵."""
    m = state["m"] = momentum * state.get("m", 0.0) + (1 - momentum) * g
    left, values, right = np.linalg.svd((1 - momentum) * g + momentum * m if nesterov else m, full_matrices=False)
    values = values / max(np.sqrt(np.sum(values**2)), 1e-7)
    for _ in range(ns_steps):
        values = 3.4445 * values - 4.7750 * values**3 + 2.0315 * values**5
    factor = 0.2 * np.sqrt(max(p.shape)) if adjust_lr_fn == "match_rms_adamw" else np.sqrt(max(1, p.shape[0] / p.shape[1]))
    return p - lr * weight_decay * p - lr * factor * (left * values) @ right


def every(**choices: list[Any]) -> list[Settings]:
    """All combinations."""
    return [dict(zip(choices, values, strict=True)) for values in product(*choices.values())]


ADAM = every(
    lr=[0.03], betas=[(0.9, 0.999), (0.0, 0.5)], eps=[1e-8, 1e-2], weight_decay=[0, 0.1], amsgrad=[False, True], maximize=[False, True]
)
TWO_DECAYS = every(
    lr=[0.03], betas=[(0.9, 0.999), (0.5, 0.8)], eps=[1e-8, 1e-2], weight_decay=[0, 0.1], decoupled_weight_decay=[False, True],
    maximize=[False, True],
)  # fmt: skip
PUBLISHED: dict[str, tuple[Update, list[Settings]]] = {  # every optimizer that tg.optim exports
    "SGD": (
        sgd,
        every(lr=[0.05], momentum=[0, 0.9], dampening=[0, 0.3], weight_decay=[0, 0.1], nesterov=[False], maximize=[False, True])
        + every(lr=[0.05], momentum=[0.9], weight_decay=[0, 0.1], nesterov=[True], maximize=[False, True]),
    ),
    "Adam": (adam, [*ADAM, {"lr": 0.03, "weight_decay": 0.1, "decoupled_weight_decay": True}]),
    "AdamW": (adamw, [*ADAM, {"lr": 0.03}]),
    "Adamax": (
        adamax,
        every(lr=[0.03], betas=[(0.9, 0.999), (0.0, 0.5)], eps=[1e-8, 1e-2], weight_decay=[0, 0.1], maximize=[False, True]),
    ),
    "NAdam": (nadam, [{**settings, "momentum_decay": decay} for settings in TWO_DECAYS for decay in (4e-3, 0.5)]),
    "RAdam": (radam, TWO_DECAYS),
    "RMSprop": (
        rmsprop,
        every(
            lr=[0.01],
            alpha=[0.99, 0.5],
            eps=[1e-8, 1e-2],
            weight_decay=[0, 0.1],
            momentum=[0, 0.9],
            centered=[False, True],
            maximize=[False, True],
        ),  # fmt: skip
    ),
    "Adagrad": (
        adagrad,
        every(
            lr=[0.1],
            lr_decay=[0, 0.1],
            weight_decay=[0, 0.1],
            initial_accumulator_value=[0, 0.5],
            eps=[1e-10, 1e-2],
            maximize=[False, True],
        ),  # fmt: skip
    ),
    "Adadelta": (
        adadelta,
        every(lr=[0.1], rho=[0.9, 0.0], eps=[1e-6, 1e-2], weight_decay=[0, 0.1], maximize=[False, True])
        + every(lr=[1.0], rho=[0.9, 0.0], eps=[1e-6], weight_decay=[0, 0.1], maximize=[False, True]),
    ),
    "Rprop": (rprop, every(lr=[0.01], etas=[(0.5, 1.2), (0.3, 3.0)], step_sizes=[(1e-6, 50), (8e-3, 0.02)], maximize=[False, True])),
    "ASGD": (
        asgd,
        every(lr=[0.05], lambd=[1e-4, 0.1], alpha=[0.75, 0.5], t0=[1e6, 0, 5], weight_decay=[0, 0.1], maximize=[False, True]),
    ),
    "Adafactor": (
        adafactor,
        every(
            lr=[0.1],
            beta2_decay=[-0.8, -0.3],
            eps=[(None, 1e-3), (1e-2, 0.5)],
            d=[1.0, 1.5],
            weight_decay=[0, 0.1],
            maximize=[False, True],
        ),  # fmt: skip
    ),
    "Muon": (
        muon,
        every(
            lr=[0.05],
            weight_decay=[0, 0.1],
            momentum=[0.95, 0.5],
            nesterov=[False, True],
            ns_steps=[5, 2],
            adjust_lr_fn=[None, "original", "match_rms_adamw"],
        ),  # fmt: skip
    ),
}
SHAPES: dict[str, list[tuple[int, ...]]] = {  # of the parameters; where it is not these of every rank and one of them empty
    "Adafactor": [(5, 3), (), (4,), (2, 3, 2), (1, 1)],
    "Muon": [(5, 3), (1, 4), (4, 1), (3, 5), (1, 1)],
}
CASES = [(name, settings) for name, (_, many) in PUBLISHED.items() for settings in many]
IDS = [f"{name}-{'-'.join(f'{k}={v}' for k, v in settings.items())}" for name, settings in CASES]
