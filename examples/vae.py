"""Invent handwritten digits: a variational autoencoder that learns a map of them, without being told which digit is which.

    python examples/vae.py                               trains for some ten seconds; draws vae.png
    python examples/vae.py --epochs 20 --no-plot

An encoder turns an image of 8 × 8 pixels into a place on a plane, a decoder turns places into images. The encoder answers with a region,
not with a point: a normal distribution, from which the place is drawn by lot. Neighbouring places must therefore mean similar images, and
the plane becomes a map. Wherever one points on it, the decoder draws something that looks like a digit.

The data are the 1,797 images that come with scikit-learn. Replace `tinygrad_reg` by `torch` in the imports, and the script trains there.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_digits  # type: ignore[import-untyped]

import tinygrad_reg as tg
from tinygrad_reg import nn, optim
from tinygrad_reg.nn import functional as F


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Learn a map of 8x8 digits.", formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--epochs", type=int, default=150, help="how often every training image is seen")
    parser.add_argument("--batch-size", type=int, default=64, help="images per step")
    parser.add_argument("--lr", type=float, default=0.003, help="learning rate at the start; it falls to 0")
    parser.add_argument("--width", type=int, default=256, help="units of the hidden layers")
    parser.add_argument("--seed", type=int, default=0, help="of the split, the first weights, the order of the images and the noise")
    parser.add_argument("--dtype", choices=["float32", "float64"], default="float32", help="of all computation")
    parser.add_argument("--out", type=Path, default=Path("vae.png"), help="picture to draw")
    parser.add_argument("--no-plot", action="store_true", help="draw nothing")
    return parser.parse_args(argv)


# -------------------------------------------------------------------------------------------------------------- data


@dataclass(frozen=True)
class Data:
    """Images (n, 64) with brightness from 0 to 1. The digits (n,) only give the points of the picture their colours."""

    images: tg.Tensor
    test_images: tg.Tensor
    test_digits: tg.Tensor


def make_data(flags: argparse.Namespace) -> Data:
    images, digits = load_digits(return_X_y=True)
    order = np.random.default_rng(flags.seed).permutation(len(images))  # the same quarter is held back as in digits.py
    train, test = order[len(order) // 4 :], order[: len(order) // 4]
    x = tg.tensor(images / 16, dtype=getattr(tg, flags.dtype))
    return Data(x[train], x[test], tg.tensor(digits[test]))


# ------------------------------------------------------------------------------------------------------------- model


class Model(nn.Module):
    """64 pixels -> a normal distribution on the plane -> 64 logits of pixels."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(64, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 4))
        self.decoder = nn.Sequential(nn.Linear(2, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 64))

    def encode(self, images: tg.Tensor) -> tuple[tg.Tensor, tg.Tensor]:
        """Mean and logarithm of the variance, both (n, 2). The logarithm may be any number, so the network need not take care."""
        mean, log_variance = self.encoder(images).chunk(2, dim=1)
        return mean, log_variance

    def decode(self, places: tg.Tensor) -> tg.Tensor:
        """The images (n, 64) at these places (n, 2)."""
        logits: tg.Tensor = self.decoder(places)
        return logits.sigmoid()

    def forward(self, images: tg.Tensor, noise: tg.Tensor) -> tg.Tensor:
        """The loss: how many nats it takes to send an image, on average, when the receiver has the decoder.

        What is sent is a place, drawn from the encoder's distribution, and then the difference between the image and what the decoder
        makes of the place. The first part costs the divergence of that distribution from the standard normal one, which the receiver
        expects: ½ Σ (mean² + variance - 1 - log variance). The second costs the cross entropy of the pixels.

        The place is mean + deviation · noise. So written, a lot has been drawn and the gradient still reaches mean and deviation.
        """
        mean, log_variance = self.encode(images)
        place = mean + (0.5 * log_variance).exp() * noise
        pixels = F.binary_cross_entropy_with_logits(self.decoder(place), images, reduction="sum")
        divergence = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum()
        return (pixels + divergence) / len(images)


def make_model(data: Data, flags: argparse.Namespace) -> Model:
    tg.manual_seed(flags.seed)
    return Model(flags.width).to(getattr(tg, flags.dtype))


# ---------------------------------------------------------------------------------------------------------- training


def draw_noise(rng: np.random.Generator, images: tg.Tensor) -> tg.Tensor:
    return tg.tensor(rng.standard_normal((len(images), 2)), dtype=images.dtype)


def train(model: Model, data: Data, flags: argparse.Namespace, on_step: Callable[[int, float], None] | None = None) -> list[float]:
    """Minimise the cost of sending an image, one small batch after the other; returns the loss of every step."""
    rng = np.random.default_rng(flags.seed)
    optimizer = optim.Adam(model.parameters(), lr=flags.lr)
    schedule = optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=max(flags.epochs, 1))
    losses: list[float] = []
    for _ in range(flags.epochs):
        order = tg.tensor(rng.permutation(len(data.images)))
        for rows in order.split(flags.batch_size):
            images = data.images[rows]
            loss = model(images, draw_noise(rng, images))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
            if on_step is not None:
                on_step(len(losses), losses[-1])
        schedule.step()
    return losses


def test_loss(model: Model, data: Data, seed: int) -> float:
    with tg.no_grad():
        return float(model(data.test_images, draw_noise(np.random.default_rng(seed), data.test_images)))


# -------------------------------------------------------------------------------------------------------------- plot


def plot(model: Model, data: Data, path: Path) -> None:
    """Left the place of every test image; in the middle what the decoder draws all over the map; right images and their copies."""
    from matplotlib.figure import Figure

    with tg.no_grad():
        mean, _ = model.encode(data.test_images)
        copies = model.decode(mean)
        # Lines that cut the normal distribution into strips of equal weight: √2 erfinv(2p - 1) is its quantile function.
        ticks = 2**0.5 * tg.erfinv(2 * tg.linspace(0.02, 0.98, 12, dtype=mean.dtype) - 1)
        down, right = tg.meshgrid(ticks.flip(0), ticks, indexing="ij")
        drawn = model.decode(tg.stack([right.flatten(), down.flatten()], dim=1))

    figure = Figure(figsize=(12, 4.2), layout="constrained")
    left, middle, last = figure.subplots(1, 3)
    left.set_title("where the test images lie")
    for digit in range(10):
        x, y = mean[data.test_digits == digit].T.numpy()
        left.scatter(x, y, s=9, color=f"C{digit}", label=str(digit))
    left.legend(fontsize="small", markerscale=2, handletextpad=0, loc="center left", bbox_to_anchor=(1, 0.5))
    left.set_aspect("equal", "datalim")
    middle.set_title("what the decoder draws all over the map")
    middle.imshow(sheet(drawn.unflatten(1, (8, 8)), len(ticks)), cmap="gray_r", interpolation="nearest")
    last.set_title("test images, and right of each its copy")
    pairs = tg.stack([data.test_images, copies], dim=1).reshape(-1, 2, 8, 8).transpose(1, 2).flatten(2)
    last.imshow(sheet(pairs[:84], 7), cmap="gray_r", interpolation="nearest")
    for axis in (middle, last):
        axis.axis("off")
    figure.savefig(path, dpi=100)


def sheet(images: tg.Tensor, columns: int) -> Any:
    """Images (n, height, width) side by side in rows of `columns`, a light pixel around each: one array of two dimensions."""
    framed = F.pad(images, (1, 1, 1, 1)).unflatten(0, (-1, columns))
    return framed.transpose(1, 2).flatten(2).flatten(0, 1).numpy()


# -------------------------------------------------------------------------------------------------------------- main


def main(argv: list[str] | None = None) -> None:
    flags = parse(argv)
    data = make_data(flags)
    model = make_model(data, flags)
    steps_per_epoch = -(-len(data.images) // flags.batch_size)

    def report(step: int, loss: float) -> None:
        epoch, rest = divmod(step, steps_per_epoch)
        if rest == 0 and epoch % max(flags.epochs // 10, 1) == 0:
            print(f"epoch {epoch:3}: loss of the batch {loss:.2f}, of the test images {test_loss(model, data, flags.seed):.2f}", flush=True)

    start = time.perf_counter()
    steps = len(train(model, data, flags, report))
    seconds = time.perf_counter() - start
    if not flags.no_plot:
        plot(model, data, flags.out)
    print(f"{test_loss(model, data, flags.seed):.2f} nats for a test image, after {steps} steps in {seconds:.1f} s")


if __name__ == "__main__":
    main()
