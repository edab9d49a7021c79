"""What is trained: parameters by PyTorch's names, batches, and the optimizer's settings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Arrays = dict[str, Any]
BATCHES = 4  # different ones, taken in turn
SIDE, CLASSES = 28, 10  # pixels, digits
WIDTH, HEADS, LAYERS, CONTEXT, VOCABULARY = 64, 4, 2, 32, 65
HIDDEN, SEQUENCE = 32, 50


@dataclass(frozen=True)
class Problem:
    """One row of the tables."""

    title: str
    model: str  # mlp, cnn, gpt, lstm or adam
    batch: int
    optimizer: str
    options: dict[str, float]
    shapes: dict[str, tuple[int, ...]]
    make_batch: Callable[[int, Any], tuple[Any, ...]] = field(repr=False)

    def parameters(self) -> Arrays:
        """float32, uniform in ±1/√fan_in; the scales of a norm are 1."""
        rng = np.random.default_rng(1)
        return {name: _initial(name, shape, rng) for name, shape in self.shapes.items()}

    def batches(self, count: int = BATCHES) -> list[tuple[Any, ...]]:
        """Inputs and targets; none for a bare update, whose gradients `gradients` gives."""
        rng = np.random.default_rng(2)
        return [self.make_batch(self.batch, rng) for _ in range(count)]

    def gradients(self) -> Arrays:
        """Fixed gradients, for the update alone."""
        rng = np.random.default_rng(3)
        return {name: rng.normal(0, 0.1, shape).astype(np.float32) for name, shape in self.shapes.items()}


def _initial(name: str, shape: tuple[int, ...], rng: Any) -> Any:
    if "norm" in name:
        return np.full(shape, float(name.endswith("weight")), np.float32)
    fan_in = int(np.prod(shape[1:])) if len(shape) > 1 else 64
    return (rng.uniform(-1, 1, shape) / fan_in**0.5).astype(np.float32)


def _layers(*sizes: tuple[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    """Weight and bias of each layer, whose bias has the length of the weight's first dimension."""
    return {f"{name}.{part}": shape for name, weight in sizes for part, shape in (("weight", weight), ("bias", weight[:1]))}


def _images(n: int, rng: Any) -> tuple[Any, ...]:
    """Mostly dark, as written digits are."""
    x = np.maximum(rng.normal(-0.5, 1, (n, SIDE * SIDE)), 0) / 2
    return x.astype(np.float32), rng.integers(0, CLASSES, n)


def _square_images(n: int, rng: Any) -> tuple[Any, ...]:
    x, y = _images(n, rng)
    return x.reshape(n, 1, SIDE, SIDE), y


def _text(n: int, rng: Any) -> tuple[Any, ...]:
    tokens = rng.integers(0, VOCABULARY, (n, CONTEXT + 1))
    return np.ascontiguousarray(tokens[:, :-1]), np.ascontiguousarray(tokens[:, 1:])


def _waves(n: int, rng: Any) -> tuple[Any, ...]:
    """Sine waves of random frequency and phase; the target is the next value."""
    t = rng.uniform(0.1, 0.5, (n, 1)) * np.arange(SEQUENCE + 1) + rng.uniform(0, 6.28, (n, 1))
    waves = np.sin(t)[:, :, None].astype(np.float32)
    return np.ascontiguousarray(waves[:, :-1]), np.ascontiguousarray(waves[:, 1:])


def _nothing(n: int, rng: Any) -> tuple[Any, ...]:
    return ()


def _block(i: int) -> dict[str, tuple[int, ...]]:
    name = f"blocks.{i}"
    return {
        f"{name}.norm1.weight": (WIDTH,), f"{name}.norm1.bias": (WIDTH,),
        **_layers((f"{name}.qkv", (3 * WIDTH, WIDTH)), (f"{name}.out", (WIDTH, WIDTH))),
        f"{name}.norm2.weight": (WIDTH,), f"{name}.norm2.bias": (WIDTH,),
        **_layers((f"{name}.up", (4 * WIDTH, WIDTH)), (f"{name}.down", (WIDTH, 4 * WIDTH))),
    }  # fmt: skip


_MLP = _layers(("0", (256, SIDE * SIDE)), ("2", (128, 256)), ("4", (CLASSES, 128)))
_CNN = _layers(("0", (6, 1, 5, 5)), ("3", (16, 6, 5, 5)), ("7", (120, 256)), ("9", (84, 120)), ("11", (CLASSES, 84)))
_GPT = {
    "token.weight": (VOCABULARY, WIDTH), "position.weight": (CONTEXT, WIDTH),
    **{name: shape for i in range(LAYERS) for name, shape in _block(i).items()},
    "norm.weight": (WIDTH,), "norm.bias": (WIDTH,),
    **_layers(("head", (VOCABULARY, WIDTH))),
}  # fmt: skip
_LSTM = {
    "lstm.weight_ih_l0": (4 * HIDDEN, 1), "lstm.weight_hh_l0": (4 * HIDDEN, HIDDEN),
    "lstm.bias_ih_l0": (4 * HIDDEN,), "lstm.bias_hh_l0": (4 * HIDDEN,),
    **_layers(("head", (1, HIDDEN))),
}  # fmt: skip
_REGRESSION = _layers(("0", (50, 1)), ("2", (5, 50)), ("4", (1, 5)))
_MOMENTUM = {"lr": 0.1, "momentum": 0.9}

PROBLEMS = {
    "mlp32": Problem("MLP 784-256-128-10, batch 32", "mlp", 32, "SGD", _MOMENTUM, _MLP, _images),
    "mlp512": Problem("MLP 784-256-128-10, batch 512", "mlp", 512, "SGD", _MOMENTUM, _MLP, _images),
    "cnn": Problem("LeNet-like CNN, batch 64", "cnn", 64, "SGD", {"lr": 0.01, "momentum": 0.9}, _CNN, _square_images),
    "gpt": Problem("character GPT, 2 layers, 64 wide, context 32, batch 8", "gpt", 8, "AdamW", {"lr": 1e-3}, _GPT, _text),
    "lstm": Problem("LSTM on sine waves, 32 wide, 50 steps, batch 32", "lstm", 32, "Adam", {"lr": 0.01}, _LSTM, _waves),
    "adam": Problem("Adam on 361 parameters, the update alone", "adam", 0, "Adam", {"lr": 0.01}, _REGRESSION, _nothing),
}
