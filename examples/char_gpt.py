"""Teach a small GPT to write like Lewis Carroll, one character after the other.

    python examples/char_gpt.py                           trains for about half a minute; draws char_gpt.png
    python examples/char_gpt.py --text my.txt --steps 5000 --no-plot

The model reads 32 characters and says for each of them how likely every character is to come next. What it learns from is one book; the
last tenth is kept away from the training, and the loss there tells what it has learned of the language rather than by heart. Replace
`tinygrad_reg` by `torch` in the imports, and the script trains there.
"""

from __future__ import annotations

import argparse
import math
import textwrap
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import tinygrad_reg as tg
from tinygrad_reg import nn, optim
from tinygrad_reg.nn import functional as F

CONTEXT, WIDTH, HEADS, LAYERS = 32, 64, 4, 2
BOOK = Path(__file__).parent / "data" / "alice.txt"


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="A character-level GPT.", formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--text", type=Path, default=BOOK, help="what to learn from, in UTF-8")
    parser.add_argument("--steps", type=int, default=3000, help="of the optimizer")
    parser.add_argument("--batch-size", type=int, default=8, help="pieces of text per step")
    parser.add_argument("--lr", type=float, default=6e-3, help="highest learning rate")
    parser.add_argument("--length", type=int, default=600, help="characters to write in the end")
    parser.add_argument("--seed", type=int, default=0, help="of the first weights, the pieces and what is written")
    parser.add_argument("--dtype", choices=["float32", "float64"], default="float32", help="of all computation")
    parser.add_argument("--out", type=Path, default=Path("char_gpt.png"), help="picture to draw")
    parser.add_argument("--no-plot", action="store_true", help="draw nothing")
    return parser.parse_args(argv)


# -------------------------------------------------------------------------------------------------------------- data


@dataclass(frozen=True)
class Data:
    """A text as numbers: positions in `alphabet`, (n,) in int64."""

    alphabet: list[str]
    train: tg.Tensor
    validation: tg.Tensor


def make_data(flags: argparse.Namespace) -> Data:
    text = flags.text.read_text(encoding="utf-8")
    alphabet = sorted(set(text))
    numbers = tg.tensor([alphabet.index(character) for character in text], dtype=tg.int64)
    kept = len(text) // 10
    return Data(alphabet, numbers[:-kept], numbers[-kept:])


def pieces(text: tg.Tensor, starts: NDArray[np.int64]) -> tuple[tg.Tensor, tg.Tensor]:
    """The pieces of the text that begin at `starts` (n,), and what follows each of their characters; both (n, CONTEXT)."""
    places = tg.tensor(starts[:, None] + np.arange(CONTEXT))
    return text[places], text[places + 1]


# ------------------------------------------------------------------------------------------------------------- model


class Attention(nn.Module):
    """Every position collects from itself and the positions before it; (n, length, WIDTH) -> the same.

    A position asks (query), offers (key) and hands over (value). How well a key fits the query is the weight of the value. Several heads do
    this side by side, each on a share of the features, so that a position can look for several things at once.
    """

    def __init__(self) -> None:
        super().__init__()
        self.project = nn.Linear(WIDTH, 3 * WIDTH)
        self.merge = nn.Linear(WIDTH, WIDTH)

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        n, length, _ = x.shape
        heads = self.project(x).view(n, length, 3 * HEADS, WIDTH // HEADS).transpose(1, 2)  # (n, 3 · HEADS, length, share)
        query, key, value = heads.chunk(3, dim=1)
        collected = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        merged: tg.Tensor = self.merge(collected.transpose(1, 2).reshape(n, length, WIDTH))
        return merged


class Block(nn.Module):
    """Positions exchange what they know, then each thinks for itself. Both only add to x: gradients reach the lowest layer unhindered."""

    def __init__(self) -> None:
        super().__init__()
        self.norm1, self.attention = nn.LayerNorm(WIDTH), Attention()
        self.norm2, self.think = nn.LayerNorm(WIDTH), nn.Sequential(nn.Linear(WIDTH, 4 * WIDTH), nn.GELU(), nn.Linear(4 * WIDTH, WIDTH))

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        x = x + self.attention(self.norm1(x))
        thought: tg.Tensor = self.think(self.norm2(x))
        return x + thought


class Model(nn.Module):
    """Numbers of characters (n, length) -> a score for every character to come next, (n, length, characters)."""

    def __init__(self, characters: int) -> None:
        super().__init__()
        self.character = nn.Embedding(characters, WIDTH)
        self.position = nn.Embedding(CONTEXT, WIDTH)
        self.blocks = nn.Sequential(*[Block() for _ in range(LAYERS)])
        self.norm = nn.LayerNorm(WIDTH)
        self.score = nn.Linear(WIDTH, characters)

    def forward(self, numbers: tg.Tensor) -> tg.Tensor:
        x = self.character(numbers) + self.position(tg.arange(numbers.shape[1]))
        scores: tg.Tensor = self.score(self.norm(self.blocks(x)))
        return scores


def make_model(data: Data, flags: argparse.Namespace) -> Model:
    tg.manual_seed(flags.seed)
    return Model(len(data.alphabet)).to(getattr(tg, flags.dtype))


# ---------------------------------------------------------------------------------------------------------- training


def loss_of(model: Model, text: tg.Tensor, starts: NDArray[np.int64]) -> tg.Tensor:
    """The cross entropy of the next character, in nats: 0 for a prophet, log(71) = 4.3 for who knows nothing of 71 characters."""
    given, following = pieces(text, starts)
    return F.cross_entropy(model(given).flatten(0, 1), following.flatten())


def train(model: Model, data: Data, flags: argparse.Namespace, on_step: Callable[[int, float], None] | None = None) -> list[float]:
    """AdamW, with a learning rate that falls to 0 along half a cosine; returns the loss of every step."""
    rng = np.random.default_rng(flags.seed)
    optimizer = optim.AdamW(model.parameters(), lr=flags.lr)
    schedule = optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=max(flags.steps, 1))
    losses: list[float] = []
    for _ in range(flags.steps):
        loss = loss_of(model, data.train, rng.integers(len(data.train) - CONTEXT, size=flags.batch_size))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
        if on_step is not None:
            on_step(len(losses), losses[-1])
    return losses


def evaluate(model: Model, data: Data) -> float:
    """The loss on pieces of the text that was kept away, which lie end to end."""
    with tg.no_grad():
        return float(loss_of(model, data.validation, np.arange(0, len(data.validation) - CONTEXT, CONTEXT)))


def write(model: Model, data: Data, flags: argparse.Namespace) -> str:
    """A text of the model's own: each character is drawn with the probability that it gives, and is read with the next."""
    rng = np.random.default_rng(flags.seed)
    written = [data.alphabet.index("\n")]
    with tg.no_grad():
        for _ in range(flags.length):
            scores = model(tg.tensor([written[-CONTEXT:]]))[0, -1]
            likely = scores.double().softmax(dim=0).numpy()
            written.append(int(rng.choice(len(likely), p=likely)))
    return "".join(data.alphabet[number] for number in written).strip()


# -------------------------------------------------------------------------------------------------------------- plot


def letter_entropy(data: Data) -> float:
    """The loss of somebody who knows nothing but how frequent every character is."""
    share = np.bincount(data.train.numpy()) / len(data.train)
    return float(-(share[share > 0] * np.log(share[share > 0])).sum())


def plot(data: Data, losses: list[float], validation: dict[int, float], text: str, path: Path) -> None:
    """Left the losses of training and validation, right what the model has written."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.plot(losses, color="C0", linewidth=0.3, alpha=0.5, label="training, every step")
    length = max(len(losses) // 50, 1)
    left.plot(np.arange(len(losses) - length + 1) + length / 2, np.convolve(losses, np.full(length, 1 / length), "valid"), label="its mean")
    left.plot(*zip(*validation.items(), strict=True), "o-", color="C3", markersize=4, label="validation")
    left.axhline(letter_entropy(data), color="0.5", linestyle=":", label="by frequency alone")
    left.set(xlabel="step", ylabel="nats per character", title="how surprising the next character is")
    left.legend()
    right.axis("off")
    right.set_title("what the model writes")
    lines = [part for line in text.splitlines() for part in textwrap.wrap(line, 60) or [""]]
    right.text(0, 1, "\n".join(lines), family="monospace", size=8, verticalalignment="top", transform=right.transAxes, parse_math=False)
    figure.savefig(path, dpi=100)


# -------------------------------------------------------------------------------------------------------------- main


def main(argv: list[str] | None = None) -> None:
    flags = parse(argv)
    data = make_data(flags)
    model = make_model(data, flags)
    print(f"{sum(p.numel() for p in model.parameters()):,} parameters, {len(data.train):,} characters to learn from")
    validation = {0: evaluate(model, data)}

    def report(step: int, loss: float) -> None:
        if step % max(flags.steps // 10, 1) == 0:
            validation[step] = evaluate(model, data)
            print(f"step {step:5}: training loss {loss:.3f}, validation loss {validation[step]:.3f}")

    start = time.perf_counter()
    losses = train(model, data, flags, report)
    seconds = time.perf_counter() - start
    text = write(model, data, flags)
    print(f"\n{text}\n")
    if not flags.no_plot:
        plot(data, losses, validation, text, flags.out)
    reached = evaluate(model, data)
    result = f"validation loss {reached:.3f} nats, as if choosing from {math.exp(reached):.1f} characters"
    print(f"{result}, after {len(losses)} steps in {seconds:.1f} s")


if __name__ == "__main__":
    main()
