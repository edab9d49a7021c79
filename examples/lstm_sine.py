"""Teach an LSTM to continue sine waves of any period and height that it has heard fifty numbers of.

    python examples/lstm_sine.py                          trains for about half a minute; draws lstm_sine.png
    python examples/lstm_sine.py --steps 500 --lr 0.01 --no-plot

The network hears one number after the other and guesses the next. Afterwards it is asked to go on alone: what it guesses is what it hears
next, far beyond the length it was trained on. To do so it must find out period, height and phase, and keep them in the 64 numbers of its
state. Replace `tinygrad_reg` by `torch` in the imports, and the script trains there.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import tinygrad_reg as tg
from tinygrad_reg import nn, optim
from tinygrad_reg.nn import functional as F

HEARD, ALONE = 50, 100  # numbers
State = tuple[tg.Tensor, tg.Tensor]


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Continue sine waves.", formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--steps", type=int, default=2000, help="of the optimizer")
    parser.add_argument("--batch-size", type=int, default=32, help="waves per step")
    parser.add_argument("--lr", type=float, default=0.02, help="highest learning rate")
    parser.add_argument("--seed", type=int, default=0, help="of the first weights and of the waves")
    parser.add_argument("--dtype", choices=["float32", "float64"], default="float32", help="of all computation")
    parser.add_argument("--out", type=Path, default=Path("lstm_sine.png"), help="picture to draw")
    parser.add_argument("--no-plot", action="store_true", help="draw nothing")
    return parser.parse_args(argv)


# -------------------------------------------------------------------------------------------------------------- data


def waves(count: int, length: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """height · sin(2π t / period + phase) for t = 0, 1, ...; periods of 10 to 40, heights of 0.5 to 1; (count, length)."""
    period, height, phase = rng.uniform(10, 40, (count, 1)), rng.uniform(0.5, 1, (count, 1)), rng.uniform(0, 2 * np.pi, (count, 1))
    return np.asarray(height * np.sin(2 * np.pi * np.arange(length) / period + phase))


@dataclass(frozen=True)
class Data:
    """Waves to be continued (n, HEARD, 1), and how they go on (n, ALONE, 1). Those to learn from are drawn anew for every step."""

    heard: tg.Tensor
    following: tg.Tensor


def make_data(flags: argparse.Namespace) -> Data:
    whole = waves(200, HEARD + ALONE, np.random.default_rng([flags.seed, 1]))  # a stream of its own: never the waves of the training
    heard, following = tg.tensor(whole, dtype=getattr(tg, flags.dtype)).unsqueeze(-1).split([HEARD, ALONE], dim=1)
    return Data(heard, following)


# ------------------------------------------------------------------------------------------------------------- model


class Model(nn.Module):
    """Numbers (n, length, 1) -> after each of them a guess of the next, of the same shape; and the state at the end."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(1, 32, batch_first=True)
        self.head = nn.Linear(32, 1)

    def forward(
        self, numbers: tg.Tensor, state: tuple[tg.Tensor, tg.Tensor] | None = None
    ) -> tuple[tg.Tensor, tuple[tg.Tensor, tg.Tensor]]:
        hidden, state = self.lstm(numbers, state)
        return self.head(hidden), state


def make_model(data: Data, flags: argparse.Namespace) -> Model:
    tg.manual_seed(flags.seed)
    return Model().to(getattr(tg, flags.dtype))


# ---------------------------------------------------------------------------------------------------------- training


def train(model: Model, data: Data, flags: argparse.Namespace, on_step: Callable[[int, float], None] | None = None) -> list[float]:
    """Adam on the mean squared error of the guesses, the learning rate falling to 0 along half a cosine; the loss of every step.

    Alone, the network hears its own guesses, which are never quite right. So that it learns to live with that, what it hears here is a bit
    wrong too; what it is to guess is not.
    """
    rng = np.random.default_rng(flags.seed)
    optimizer = optim.Adam(model.parameters(), lr=flags.lr)
    schedule = optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=max(flags.steps, 1))
    losses: list[float] = []
    for _ in range(flags.steps):
        drawn = waves(flags.batch_size, HEARD + 1, rng)
        noise = rng.normal(0, 0.05, (flags.batch_size, HEARD))
        numbers = tg.tensor(drawn[:, :-1] + noise, dtype=getattr(tg, flags.dtype)).unsqueeze(-1)
        following = tg.tensor(drawn[:, 1:], dtype=getattr(tg, flags.dtype)).unsqueeze(-1)
        loss = F.mse_loss(model(numbers)[0], following)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
        if on_step is not None:
            on_step(len(losses), losses[-1])
    return losses


def go_on(model: Model, heard: tg.Tensor, length: int) -> tg.Tensor:
    """What the network adds to waves (n, ·, 1) when it hears its own guesses: (n, length, 1)."""
    with tg.no_grad():
        guesses, state = model(heard)
        added = [guesses[:, -1:]]
        for _ in range(length - 1):
            guess, state = model(added[-1], state)
            added.append(guess)
        return tg.cat(added, dim=1)


def error(guessed: tg.Tensor, true: tg.Tensor) -> float:
    """The root of the mean squared error. The waves themselves have 0.54, which is what guessing 0 would give."""
    return float(F.mse_loss(guessed, true) ** 0.5)


# -------------------------------------------------------------------------------------------------------------- plot


def plot(model: Model, data: Data, losses: list[float], path: Path) -> None:
    """Left four waves and how the network continues them; right the loss, and how the error grows with time alone."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 5), layout="constrained")
    grid = figure.add_gridspec(1, 2, width_ratios=[3, 2])
    left, right = figure.add_subfigure(grid[0]), figure.add_subfigure(grid[1])
    guessed = go_on(model, data.heard, ALONE).numpy()
    heard, following = data.heard.numpy(), data.following.numpy()
    left.suptitle("50 numbers heard, 100 guessed alone")
    for number, axis in enumerate(left.subplots(4, 1, sharex=True, sharey=True)):
        axis.plot(np.arange(HEARD), heard[number, :, 0], color="C0", label="heard")
        axis.plot(HEARD + np.arange(ALONE), following[number, :, 0], color="0.7", linewidth=3, label="true")
        axis.plot(HEARD + np.arange(ALONE), guessed[number, :, 0], "--", color="C3", label="guessed")
    axis.set_xlabel("time")
    left.legend(*axis.get_legend_handles_labels(), loc="outside lower center", ncols=3)

    above, below = right.subplots(2, 1)
    above.plot(losses, color="C0", linewidth=0.6)
    above.set(xlabel="step", yscale="log", title="mean squared error of the next number")
    below.plot(np.sqrt(np.mean((guessed - following) ** 2, axis=(0, 2))), color="C3", label="alone")
    below.axhline(float(np.sqrt(np.mean(following**2))), color="0.5", linestyle=":", label="guessing 0")
    below.set(xlabel="numbers guessed alone", ylim=(0, None), title="error over 200 waves")
    below.legend()
    figure.savefig(path, dpi=100)


# -------------------------------------------------------------------------------------------------------------- main


def main(argv: list[str] | None = None) -> None:
    flags = parse(argv)
    data = make_data(flags)
    model = make_model(data, flags)

    def report(step: int, loss: float) -> None:
        if step % max(flags.steps // 10, 1) == 0:
            alone = error(go_on(model, data.heard, ALONE), data.following)
            print(f"step {step:5}: mean squared error {loss:.5f}, error alone {alone:.3f}")

    start = time.perf_counter()
    losses = train(model, data, flags, report)
    seconds = time.perf_counter() - start
    if not flags.no_plot:
        plot(model, data, losses, flags.out)
    guessed = go_on(model, data.heard, ALONE)
    near, far = (error(guessed[:, part], data.following[:, part]) for part in (slice(HEARD), slice(HEARD, None)))
    print(f"error over 50 numbers alone {near:.3f}, over the next 50 {far:.3f}, after {len(losses)} steps in {seconds:.1f} s")


if __name__ == "__main__":
    main()
