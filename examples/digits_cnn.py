"""Tell handwritten digits apart with a convolutional network, which sees that neighbouring pixels belong together.

    python examples/digits_cnn.py                        trains for some ten seconds; draws digits_cnn.png
    python examples/digits_cnn.py --epochs 3 --no-plot

The data are those of digits.py: 1,797 grey images of 8 × 8 pixels that come with scikit-learn, a quarter of them kept for the test. What
is new: convolution, pooling and batch normalization; a DataLoader whose data set shifts every image at random; a learning rate that
rises and falls. Replace `tinygrad_reg` by `torch` in the imports, and the script trains there.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits  # type: ignore[import-untyped]

import tinygrad_reg as tg
from tinygrad_reg import nn, optim
from tinygrad_reg.nn import functional as F
from tinygrad_reg.utils.data import DataLoader, Dataset, Sampler


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Classify 8x8 digits with convolutions.", formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--epochs", type=int, default=15, help="how often every training image is seen")
    parser.add_argument("--batch-size", type=int, default=32, help="images per step")
    parser.add_argument("--lr", type=float, default=0.01, help="the highest learning rate")
    parser.add_argument("--seed", type=int, default=0, help="of the split, the first weights, the order and the shifts of the images")
    parser.add_argument("--dtype", choices=["float32", "float64"], default="float32", help="of all computation")
    parser.add_argument("--out", type=Path, default=Path("digits_cnn.png"), help="picture to draw")
    parser.add_argument("--no-plot", action="store_true", help="draw nothing")
    return parser.parse_args(argv)


# -------------------------------------------------------------------------------------------------------------- data


@dataclass(frozen=True)
class Data:
    """Images (n, 1, 8, 8) with brightness from 0 to 1, and the digits they show, (n,) in int64."""

    images: tg.Tensor
    digits: tg.Tensor
    test_images: tg.Tensor
    test_digits: tg.Tensor


def make_data(flags: argparse.Namespace) -> Data:
    images, digits = load_digits(return_X_y=True)
    order = np.random.default_rng(flags.seed).permutation(len(images))  # the same quarter is held back as in digits.py
    train, test = order[len(order) // 4 :], order[: len(order) // 4]
    x = tg.tensor(images / 16, dtype=getattr(tg, flags.dtype)).reshape(-1, 1, 8, 8)  # a grey image is one channel
    y = tg.tensor(digits, dtype=tg.int64)
    return Data(x[train], y[train], x[test], y[test])


class Shifted(Dataset[tuple[tg.Tensor, tg.Tensor]]):
    """The training images, each moved by up to one pixel in each direction whenever it is asked for.

    A digit is the same digit one pixel further right. Nobody told the network so; the moved images do, and are as good as more data.
    """

    def __init__(self, data: Data, rng: np.random.Generator) -> None:
        self.framed = F.pad(data.images, (1, 1, 1, 1))  # a dark pixel all around; 8 × 8 windows fit into it at nine places
        self.digits = data.digits
        self.rng = rng

    def __len__(self) -> int:
        return len(self.digits)

    def __getitem__(self, index: int) -> tuple[tg.Tensor, tg.Tensor]:
        down, right = self.rng.integers(0, 3, size=2).tolist()
        return self.framed[index, :, down : down + 8, right : right + 8], self.digits[index]


class Shuffled(Sampler[int]):
    """All numbers below `count`, in an order drawn anew for every epoch; `DataLoader(shuffle=True)` would draw it from the library."""

    def __init__(self, count: int, rng: np.random.Generator) -> None:
        self.count = count
        self.rng = rng

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[int]:
        return iter(self.rng.permutation(self.count).tolist())


# ------------------------------------------------------------------------------------------------------------- model


def block(channels: int, more: int) -> nn.Sequential:
    """3 × 3 windows, looked at by `more` detectors, whose answers are normalized over the batch and cut off below 0.

    The normalization has a shift of its own, so the convolution needs no bias.
    """
    return nn.Sequential(nn.Conv2d(channels, more, 3, padding=1, bias=False), nn.BatchNorm2d(more), nn.ReLU())


class Model(nn.Module):
    """(n, 1, 8, 8) -> 16 and 32 maps of 8 × 8 -> 32 of 4 × 4 -> 64 of 4 × 4 -> 64 of 2 × 2 -> 10 scores, one for each digit.

    Pooling keeps the strongest answer of each 2 × 2 field: what was seen matters more than where exactly.
    """

    def __init__(self) -> None:
        super().__init__()
        self.first = block(1, 16)
        self.rest = nn.Sequential(block(16, 32), nn.MaxPool2d(2), block(32, 64), nn.MaxPool2d(2))
        self.scores = nn.Linear(64 * 2 * 2, 10)

    def forward(self, images: tg.Tensor) -> tg.Tensor:
        scores: tg.Tensor = self.scores(self.rest(self.first(images)).flatten(start_dim=1))
        return scores


def make_model(data: Data, flags: argparse.Namespace) -> Model:
    tg.manual_seed(flags.seed)
    return Model().to(getattr(tg, flags.dtype))


# ---------------------------------------------------------------------------------------------------------- training


def train(model: Model, data: Data, flags: argparse.Namespace, on_step: Callable[[int, float], None] | None = None) -> list[float]:
    """Minimise the cross entropy, one small batch after the other; returns the loss of every step."""
    rng = np.random.default_rng(flags.seed)
    loader = DataLoader(Shifted(data, rng), batch_size=flags.batch_size, sampler=Shuffled(len(data.images), rng))
    optimizer = optim.AdamW(model.parameters(), lr=flags.lr, weight_decay=0.01)
    # Small steps while the weights are still random, then large ones to get far, then small ones again to settle down.
    schedule = optim.lr_scheduler.OneCycleLR(optimizer, max_lr=flags.lr, total_steps=max(flags.epochs * len(loader), 1))
    losses: list[float] = []
    for _ in range(flags.epochs):
        for images, digits in loader:
            model.train()  # normalize by the batch; whoever looked at the model in between may have left it in eval mode
            loss = F.cross_entropy(model(images), digits)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
            if on_step is not None:
                on_step(len(losses), losses[-1])
    return losses


def guess(model: Model, images: tg.Tensor) -> tg.Tensor:
    """The digit with the highest score, one image not depending on the others: eval mode normalizes by the averages seen in training."""
    model.eval()
    with tg.no_grad():
        scores: tg.Tensor = model(images)
    return scores.argmax(dim=1)


def share_wrong(model: Model, images: tg.Tensor, digits: tg.Tensor) -> float:
    """How many of the images the network names wrong, from 0 to 1."""
    return float((guess(model, images) != digits).double().mean())


# -------------------------------------------------------------------------------------------------------------- plot


def plot(model: Model, data: Data, errors: list[tuple[float, float]], path: Path) -> None:
    """Left the errors per epoch; right four test images, and in which of their places the first detectors find what they look for."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4), layout="constrained")
    grid = figure.add_gridspec(1, 2, width_ratios=[2, 3])
    left, right = figure.add_subfigure(grid[0]), figure.add_subfigure(grid[1])
    axis = left.subplots()
    epochs = range(1, len(errors) + 1)
    axis.plot(epochs, [100 * train for train, _ in errors], ".-", label="images trained on")
    axis.plot(epochs, [100 * test for _, test in errors], ".-", color="C3", label="test images")
    axis.set(xlabel="epoch", ylabel="named wrong, %", ylim=(0, 15), title="mistakes after each epoch")
    axis.grid(alpha=0.3)
    axis.legend()

    shown, detectors = (0, 2, 4, 7), 8
    images = data.test_images[[data.test_digits.tolist().index(digit) for digit in shown]]
    model.eval()
    with tg.no_grad():
        maps = model.first(images)
    right.suptitle(f"test images, and what {detectors} of the first detectors see in them")
    for row, column in np.ndindex(len(images), 1 + detectors):
        panel = right.add_subplot(len(images), 1 + detectors, row * (1 + detectors) + column + 1, xticks=[], yticks=[])
        if column == 0:
            panel.imshow(images[row, 0].numpy(), cmap="gray_r")
        else:
            panel.imshow(maps[row, column - 1].numpy(), cmap="magma", vmin=0, vmax=float(maps.max()) / 2)
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
                print(f"epoch {len(errors):3}: mean loss {sum(losses) / len(losses):.4f}, {shares}", flush=True)
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
