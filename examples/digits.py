"""Tell handwritten digits apart with a multilayer perceptron: the shortest whole training script there is.

    python examples/digits.py                            trains in a second or two; draws digits.png
    python examples/digits.py --epochs 5 --lr 0.1 --no-plot

The data are the 1,797 grey images of 8 × 8 pixels that come with scikit-learn. A quarter of them is kept away from the training; how many
of those the network names right is what counts. Replace `tinygrad_reg` by `torch` in the imports, and the script trains there.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits  # type: ignore[import-untyped]

import tinygrad_reg as tg
from tinygrad_reg import nn, optim
from tinygrad_reg.nn import functional as F


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Classify 8x8 digits.", formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--epochs", type=int, default=30, help="how often every training image is seen")
    parser.add_argument("--batch-size", type=int, default=32, help="images per step")
    parser.add_argument("--lr", type=float, default=0.05, help="learning rate")
    parser.add_argument("--seed", type=int, default=0, help="of the split, the first weights and the order of the images")
    parser.add_argument("--dtype", choices=["float32", "float64"], default="float32", help="of all computation")
    parser.add_argument("--out", type=Path, default=Path("digits.png"), help="picture to draw")
    parser.add_argument("--no-plot", action="store_true", help="draw nothing")
    return parser.parse_args(argv)


# -------------------------------------------------------------------------------------------------------------- data


@dataclass(frozen=True)
class Data:
    """Images (n, 64) with brightness from 0 to 1, and the digits they show, (n,) in int64."""

    images: tg.Tensor
    digits: tg.Tensor
    test_images: tg.Tensor
    test_digits: tg.Tensor


def make_data(flags: argparse.Namespace) -> Data:
    images, digits = load_digits(return_X_y=True)
    # The file is sorted by writer. Drawing lots puts every hand into both parts, so that the test asks for new images, not for new writers.
    order = np.random.default_rng(flags.seed).permutation(len(images))
    train, test = order[len(order) // 4 :], order[: len(order) // 4]
    x = tg.tensor(images / 16, dtype=getattr(tg, flags.dtype))  # pixels are whole numbers from 0 to 16
    y = tg.tensor(digits, dtype=tg.int64)
    return Data(x[train], y[train], x[test], y[test])


# ------------------------------------------------------------------------------------------------------------- model


class Model(nn.Module):
    """64 pixels -> 128 -> 64 -> 10 scores, one for each digit. They are no probabilities yet: the loss takes care of that."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10))

    def forward(self, images: tg.Tensor) -> tg.Tensor:
        scores: tg.Tensor = self.layers(images)
        return scores


def make_model(data: Data, flags: argparse.Namespace) -> Model:
    tg.manual_seed(flags.seed)
    return Model().to(getattr(tg, flags.dtype))


# ---------------------------------------------------------------------------------------------------------- training


def train(model: Model, data: Data, flags: argparse.Namespace, on_step: Callable[[int, float], None] | None = None) -> list[float]:
    """Minimise the cross entropy, one small batch after the other; returns the loss of every step."""
    rng = np.random.default_rng(flags.seed)
    # A step uses few images, so its gradient is a noisy one. Momentum averages it over about ten steps. Weight decay keeps weights small
    # that the images do not ask for, which helps on images never seen.
    optimizer = optim.SGD(model.parameters(), lr=flags.lr, momentum=0.9, weight_decay=1e-4)
    losses: list[float] = []
    for _ in range(flags.epochs):
        order = tg.tensor(rng.permutation(len(data.images)))  # a new order each time, or the network learns it along
        for rows in order.split(flags.batch_size):
            loss = F.cross_entropy(model(data.images[rows]), data.digits[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
            if on_step is not None:
                on_step(len(losses), losses[-1])
    return losses


def guess(model: Model, images: tg.Tensor) -> tg.Tensor:
    """The digit with the highest score. Nothing is to be differentiated here, so nothing is recorded."""
    with tg.no_grad():
        scores: tg.Tensor = model(images)
    return scores.argmax(dim=1)


def share_wrong(model: Model, images: tg.Tensor, digits: tg.Tensor) -> float:
    """How many of the images the network names wrong, from 0 to 1."""
    return float((guess(model, images) != digits).double().mean())


# -------------------------------------------------------------------------------------------------------------- plot


def plot(model: Model, data: Data, errors: list[tuple[float, float]], path: Path) -> None:
    """Left the errors per epoch; right test images that the network gets wrong, the place to look for what to improve."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4), layout="constrained")
    grid = figure.add_gridspec(1, 2)
    left, right = figure.add_subfigure(grid[0]), figure.add_subfigure(grid[1])
    axis = left.subplots()
    epochs = range(1, len(errors) + 1)
    axis.plot(epochs, [100 * train for train, _ in errors], ".-", label="images trained on")
    axis.plot(epochs, [100 * test for _, test in errors], ".-", color="C3", label="test images")
    axis.set(xlabel="epoch", ylabel="named wrong, %", ylim=(0, 15), title="mistakes after each epoch")
    axis.grid(alpha=0.3)
    axis.legend()

    guesses = guess(model, data.test_images).numpy()
    wrong = np.flatnonzero(guesses != data.test_digits.numpy())
    right.suptitle(f"of {len(guesses)} test images, {len(wrong)} are named wrong")
    for place, index in enumerate(wrong[:10], 1):
        axis = right.add_subplot(2, 5, place)
        axis.axis("off")
        axis.imshow(data.test_images[int(index)].reshape(8, 8).numpy(), cmap="gray_r")
        axis.set_title(f"{data.test_digits[int(index)].item()}, not {guesses[index]}")
    figure.savefig(path, dpi=100)


# -------------------------------------------------------------------------------------------------------------- main


def main(argv: list[str] | None = None) -> None:
    flags = parse(argv)
    data = make_data(flags)
    model = make_model(data, flags)
    losses: list[float] = []
    errors: list[tuple[float, float]] = []  # on the images trained on, and on the others, after each epoch

    def report(step: int, loss: float) -> None:
        losses.append(loss)
        if step % -(-len(data.images) // flags.batch_size) == 0:
            errors.append((share_wrong(model, data.images, data.digits), share_wrong(model, data.test_images, data.test_digits)))
            if len(errors) % 3 == 0:
                shares = "named wrong {:.1%} in training, {:.1%} in the test".format(*errors[-1])
                print(f"epoch {len(errors):3}: mean loss {sum(losses) / len(losses):.4f}, {shares}")
            losses.clear()

    start = time.perf_counter()
    steps = len(train(model, data, flags, report))
    seconds = time.perf_counter() - start
    if not flags.no_plot:
        plot(model, data, errors, flags.out)
    right = 1 - share_wrong(model, data.test_images, data.test_digits)
    print(f"test accuracy {right:.1%} on {len(data.test_images)} images, after {steps} steps in {seconds:.1f} s")


if __name__ == "__main__":
    main()
