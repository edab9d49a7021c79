"""Fit y = sin(x² + 1) + noise with a 1-50-5-1 sigmoid network, after proving its gradient against one derived by hand.

    python examples/sin_regression.py                      the whole job; draws sin_regression.png
    python examples/sin_regression.py --epochs 2000 --optimizer sgd --no-plot --json metrics.json

The script checks the gradient, trains, reports and draws, in this order; `main` at the bottom reads like that list.
Exit codes: 0 all well, 1 the gradients disagree, training diverged or a result could not be written, 2 a flag has a bad value.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

import tinygrad_reg as tg

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = np.ndarray[Any, np.dtype[np.float64]]

PARAMETERS = ("w1", "b1", "w2", "b2", "w3", "b3")
LARGEST_RELATIVE_DIFFERENCE = 1e-10  # between the two gradients, in float64; rounding alone stays below 1e-13
PARAMETER_DIRECTIONS = 100  # more than the data of this curve determine; with fewer samples there may be no band
DTYPES = {"float32": tg.float32, "float64": tg.float64}


# ---------------------------------------------------------------------------------------------------------- settings


@dataclass(frozen=True)
class Settings:
    """What the flags say. The defaults are the regression of the README."""

    n: int = 300
    low: float = 0.0
    high: float = 3.0
    noise: float = 0.1
    epochs: int | None = None  # None: the optimizer's own, see OPTIMIZERS
    lr: float | None = None  # None: the optimizer's own, see OPTIMIZERS
    optimizer: str = "adam"
    # float32 is the library's default and the faster one. It resolves a squared error of 0.01 to nine digits; the noise hides all but two.
    dtype: str = "float32"
    seed: int = 0
    compile: bool | None = None  # None: if there is a C compiler
    plot: Path | None = Path("sin_regression.png")
    json: Path | None = None

    @property
    def learning_rate(self) -> float:
        return OPTIMIZERS[self.optimizer].lr if self.lr is None else self.lr

    @property
    def steps(self) -> int:
        return OPTIMIZERS[self.optimizer].epochs if self.epochs is None else self.epochs

    @property
    def compiled(self) -> bool:
        """Whether a training step is one C function; Levenberg-Marquardt decides by values, which a compiled step cannot."""
        wanted = "c" in tg.compiler.backends() if self.compile is None else self.compile
        return wanted and self.optimizer != "lm"


@dataclass(frozen=True)
class Recipe:
    """How to make an optimizer, and the learning rate and number of steps that suit it on this problem."""

    make: Callable[..., tg.optim.Optimizer]
    lr: float
    options: dict[str, Any]
    epochs: int = 20_000


OPTIMIZERS = {
    "sgd": Recipe(tg.optim.SGD, 0.1, {"momentum": 0.9, "nesterov": True}),
    "adam": Recipe(tg.optim.Adam, 0.01, {}),
    "adamw": Recipe(tg.optim.AdamW, 0.01, {"weight_decay": 1e-3}),
    "lm": Recipe(lambda parameters, lr: tg.optim.LevenbergMarquardt(parameters, damping=lr), 1e-3, {}, epochs=30),  # lr is the damping
}


# -------------------------------------------------------------------------------------------------- data and network


@dataclass(frozen=True)
class Data:
    """n noisy samples of the curve; all arrays are (n,) in float64."""

    x: Array
    true: Array
    y: Array

    @property
    def noise_mean_square(self) -> float:
        """The noise floor: the training error of the true curve itself."""
        return mean_square(self.y - self.true)


def make_data(settings: Settings) -> Data:
    """x_i = low + i (high - low) / n and y_i = sin(x_i² + 1) + N(0, noise²)."""
    x = settings.low + np.arange(settings.n) * (settings.high - settings.low) / settings.n
    true = np.sin(x**2 + 1)
    noise = np.random.default_rng(settings.seed).normal(0.0, settings.noise, settings.n)
    return Data(x, true, true + noise)


def make_model(settings: Settings) -> tg.nn.Sequential:
    """The network 1-50-5-1 in float64, its first layer spread over the interval of the data."""
    tg.manual_seed(settings.seed)
    first = tg.nn.Linear(1, 50)
    model = tg.nn.Sequential(first, tg.nn.Sigmoid(), tg.nn.Linear(50, 5), tg.nn.Sigmoid(), tg.nn.Linear(5, 1))
    spread(first, settings.low, settings.high)
    return model.to(tg.float64)


def spread(layer: tg.nn.Linear, low: float, high: float) -> None:
    """Make every unit a step somewhere on the interval: sigmoid(w (x - c)), c ~ U(low, high), w ~ N(0, (15 / (high - low))²).

    The default w, b ~ U(-1, 1) gives 50 nearly straight lines on [0, 3], and one start in two ends in a local minimum.
    With 15 a step is about a tenth of the interval wide, narrow enough for the fastest swing of the curve.
    """
    weight, bias = layer.parameters()
    tg.nn.init.normal_(weight, std=15 / (high - low))
    tg.nn.init.uniform_(bias, low, high)
    with tg.no_grad():
        bias.mul_(-weight[:, 0])


def mean_square(difference: Array) -> float:
    return float(np.mean(difference**2))


# ------------------------------------------------------------------------------------- the gradient, derived by hand


def sigmoid(z: Array) -> Array:
    """1 / (1 + e⁻ᶻ), written so that no z overflows."""
    return 0.5 + 0.5 * np.tanh(0.5 * z)


def sample_gradient(parameters: list[Array], x: float, y: float) -> tuple[Array, ...]:
    """The gradient of one squared error E = (z3 - y)² in w1 b1 w2 b2 w3 b3, by the chain rule; a vector is a column.

    Write δk = ∂E/∂zk. Layer k computes zk = wk h(k-1) + bk from the layer below, so ∂E/∂wk = δk h(k-1)ᵀ and ∂E/∂bk = δk,
    and hands wkᵀ δk down to h(k-1). A sigmoid h = σ(z) multiplies that by σ'(z) = h (1 - h).
    """
    w1, b1, w2, b2, w3, b3 = parameters

    # forward
    h1 = sigmoid(w1 * x + b1)  # (50, 1) = σ((50, 1) · x + (50, 1))
    h2 = sigmoid(w2 @ h1 + b2)  # (5, 1)  = σ((5, 50) (50, 1) + (5, 1))
    z3 = w3 @ h2 + b3  # (1, 1)  = (1, 5) (5, 1) + (1, 1)

    # backward
    d3 = 2 * (z3 - y)  # (1, 1)   δ3 = ∂E/∂z3
    d2 = w3.T @ d3 * h2 * (1 - h2)  # (5, 1)   δ2 = (w3ᵀ δ3) ⊙ σ'(z2)
    d1 = w2.T @ d2 * h1 * (1 - h1)  # (50, 1)  δ1 = (w2ᵀ δ2) ⊙ σ'(z1)
    return d1 * x, d1, d2 @ h1.T, d2, d3 @ h2.T, d3


def hand_derived_gradient(parameters: list[Array], x: Array, y: Array) -> list[Array]:
    """The gradient of the summed squared error Σᵢ (z3(xᵢ) - yᵢ)², in plain NumPy: one sample after the other, added up."""
    total = [np.zeros_like(parameter) for parameter in parameters]
    for sample_x, sample_y in zip(x, y, strict=True):
        for sum_, gradient in zip(total, sample_gradient(parameters, sample_x, sample_y), strict=True):
            sum_ += gradient
    return total


# ------------------------------------------------------------------------------------------- against the one recorded


@dataclass(frozen=True)
class Comparison:
    """How far autograd's gradient of one parameter is from the one derived by hand."""

    name: str
    shape: tuple[int, ...]
    absolute: float  # the largest |autograd - by hand|
    relative: float  # the same, divided by the largest |by hand|


def column(tensor: tg.Tensor) -> Array:
    """A weight as it is, a bias (k,) as a column (k, 1); a copy."""
    return np.array(tensor.detach().numpy()).reshape(len(tensor), -1)


def autograd_gradient(model: tg.nn.Sequential, x: Array, y: Array) -> list[Array]:
    """The same gradient from the library: the loss is recorded forward, then walked back."""
    loss = tg.nn.MSELoss(reduction="sum")(model(tg.tensor(x).unsqueeze(1)), tg.tensor(y).unsqueeze(1))
    return [column(gradient) for gradient in tg.autograd.grad(loss, list(model.parameters()))]


def compare(name: str, recorded: Array, by_hand: Array) -> Comparison:
    absolute, size = float(np.abs(recorded - by_hand).max()), float(np.abs(by_hand).max())
    return Comparison(name, by_hand.shape, absolute, absolute if absolute == 0 else absolute / size if size else math.inf)


def compare_gradients(model: tg.nn.Sequential, data: Data) -> list[Comparison]:
    """Both gradients of the summed squared error at the model's present parameters, side by side."""
    recorded = autograd_gradient(model, data.x, data.y)
    by_hand = hand_derived_gradient([column(parameter) for parameter in model.parameters()], data.x, data.y)
    return [compare(*row) for row in zip(PARAMETERS, recorded, by_hand, strict=True)]


def largest_relative(comparisons: list[Comparison]) -> float:
    """np.max and not max(): a NaN must not hide behind a number."""
    return float(np.max([comparison.relative for comparison in comparisons]))


def print_comparison(comparisons: list[Comparison]) -> None:
    print("gradient of the summed squared error, autograd against derived by hand (float64)")
    print("  parameter  shape    largest difference  relative to the gradient")
    for row in comparisons:
        print(f"  {row.name:<9}  {row.shape!s:<7}  {row.absolute:18.2e}  {row.relative:24.2e}")


# ---------------------------------------------------------------------------------------------------------- training


@dataclass(frozen=True)
class Training:
    losses: list[float]  # the mean squared error before each step
    seconds: float
    optimizer: tg.optim.Optimizer | None = None

    @property
    def steps_per_second(self) -> float:
        return len(self.losses) / self.seconds if self.losses else 0.0

    @property
    def diverged(self) -> bool:
        return bool(self.losses) and not math.isfinite(self.losses[-1])


def progress(epochs: int) -> Iterable[int]:
    """The epochs to run, behind a bar if somebody is watching and tqdm is installed."""
    if not sys.stderr.isatty():
        return range(epochs)
    try:
        from tqdm import tqdm
    except ImportError:
        return range(epochs)
    return tqdm(range(epochs), desc="training", unit=" steps", leave=False)


def train(model: tg.nn.Sequential, data: Data, settings: Settings) -> Training:
    """Full-batch steps on the mean squared error, the learning rate falling to 0 along half a cosine."""
    dtype = DTYPES[settings.dtype]
    x, y = tg.tensor(data.x, dtype=dtype).unsqueeze(1), tg.tensor(data.y, dtype=dtype).unsqueeze(1)
    recipe = OPTIMIZERS[settings.optimizer]
    optimizer = recipe.make(model.to(dtype).parameters(), lr=settings.learning_rate, **recipe.options)
    schedule = None
    if settings.optimizer != "lm":
        schedule = tg.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=max(settings.steps, 1))
    criterion = tg.nn.MSELoss()

    def step() -> tg.Tensor:
        if isinstance(optimizer, tg.optim.LevenbergMarquardt):
            return optimizer.step(lambda: model(x) - y)
        optimizer.zero_grad()
        loss: tg.Tensor = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    losses = []
    run = tg.compile(step) if settings.compiled else step
    start = time.perf_counter()
    for _ in progress(settings.steps):
        losses.append(run().item())
        if schedule is not None:
            schedule.step()
        if not math.isfinite(losses[-1]):
            break
    return Training(losses, time.perf_counter() - start, optimizer)


def predict(model: tg.nn.Sequential, x: Array, settings: Settings) -> Array:
    """The fitted curve at x, (n,) -> (n,) in float64."""
    with tg.no_grad():
        fit: tg.Tensor = model(tg.tensor(x, dtype=DTYPES[settings.dtype]).unsqueeze(1))
    return np.asarray(fit.squeeze(1).numpy(), dtype=np.float64)


def band(model: tg.nn.Sequential, x: Array, settings: Settings, training: Training) -> tuple[Array, Array] | None:
    """Between which values the fitted curve lies with 95 % probability; Levenberg-Marquardt knows, once it has made a step."""
    if not (isinstance(training.optimizer, tg.optim.LevenbergMarquardt) and training.losses and settings.n > PARAMETER_DIRECTIONS):
        return None
    fit = model(tg.tensor(x, dtype=DTYPES[settings.dtype]).unsqueeze(1)).squeeze(1)
    lower, upper = training.optimizer.confidence_band(fit)
    return lower.numpy(), upper.numpy()


# ----------------------------------------------------------------------------------------------------------- results


def metrics(settings: Settings, data: Data, comparisons: list[Comparison], training: Training, fit: Array) -> dict[str, Any]:
    """Every figure of the run under the name that --json gives it."""
    return {
        "gradient_max_relative_difference": largest_relative(comparisons),
        "final_mse": mean_square(fit - data.y),
        "noise_mean_square": data.noise_mean_square,
        "mse_to_true_curve": mean_square(fit - data.true),
        "seconds": training.seconds,
        "steps_per_second": training.steps_per_second,
        "parameters": {row.name: {"shape": row.shape, "absolute": row.absolute, "relative": row.relative} for row in comparisons},
        "settings": asdict(settings) | {"lr": settings.learning_rate, "epochs": settings.steps},
    }


def print_results(settings: Settings, training: Training, results: dict[str, Any]) -> None:
    seconds, speed = results["seconds"], results["steps_per_second"]
    print(f"{settings.optimizer} on {settings.n} samples in {settings.dtype}, seed {settings.seed}: ", end="")
    print(f"{len(training.losses)} {'compiled ' if settings.compiled else ''}steps in {seconds:.2f} s ({speed:.0f} per second)")
    print(f"  final mean squared error     {results['final_mse']:.6f}")
    print(f"  noise floor                  {results['noise_mean_square']:.6f}  (mean square of the noise drawn)")
    print(f"  error to the noiseless curve {results['mse_to_true_curve']:.6f}")


def write_json(path: Path, results: dict[str, Any]) -> None:
    """JSON has no NaN and no infinity: they become null."""

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: plain(item) for key, item in value.items()}
        if isinstance(value, float):
            return value if math.isfinite(value) else None
        return str(value) if isinstance(value, Path) else value

    path.write_text(json.dumps(plain(results), indent=2, allow_nan=False) + "\n", encoding="utf-8")


def new_figure() -> Figure:
    """An empty figure that needs no display: without pyplot, matplotlib draws with Agg."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        reason = 'drawing needs matplotlib: pip install "tinygrad-reg[examples]", or leave the picture out with --no-plot'
        raise ImportError(reason) from None
    return Figure(figsize=(9, 3.6), layout="constrained")


def draw(figure: Figure, data: Data, curve: tuple[Array, Array], training: Training, band: tuple[Array, Array] | None = None) -> None:
    """Left the data, the true and the fitted curve; right the loss on a logarithmic axis."""
    left, right = figure.subplots(1, 2)
    x, fit = curve
    left.plot(data.x, data.y, ".", color="0.7", markersize=4, label="data")
    left.plot(x, np.sin(x**2 + 1), color="C0", label="sin(x² + 1)")
    left.plot(x, fit, "--", color="C3", label="fitted 1-50-5-1")
    if band is not None:
        left.fill_between(x, *band, color="C3", alpha=0.25, label="95 % confidence band")
    left.set(xlabel="x", ylabel="y", title="the curve")
    left.legend(loc="lower left", fontsize="small")
    right.plot(training.losses, color="C3", linewidth=1, label="training loss")
    if data.noise_mean_square > 0:
        right.axhline(data.noise_mean_square, color="0.5", linestyle=":", label="noise floor")
    right.set(xlabel="step", ylabel="mean squared error", yscale="log", title="the way there")
    right.locator_params(axis="x", nbins=5)  # numbers of five digits need the room
    right.legend(fontsize="small")


# ------------------------------------------------------------------------------------------------------------- flags


class Parser(argparse.ArgumentParser):
    """Reports a bad flag in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}\n")


def whole_number(least: int, most: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"needs a whole number from {least} to {most}, got {text!r}")
        return value

    return parse


def number(least: float, most: float, *, exclusive: bool = False) -> Callable[[str], float]:
    """A finite number in [least, most], or in (least, most]. A NaN fails every comparison."""
    allowed = f"a number {'above' if exclusive else 'from'} {least:g} {'and at most' if exclusive else 'to'} {most:g}"

    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not least <= value <= most or (exclusive and value == least):
            raise argparse.ArgumentTypeError(f"needs {allowed}, got {text!r}")
        return value

    return parse


def writable_file(text: str) -> Path:
    """A path that can be written, found out before minutes of training and not after."""
    path = Path(text)
    if not text or path.is_dir():
        raise argparse.ArgumentTypeError(f"needs the name of a file, got {text!r}")
    if not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f"cannot write {text!r}: there is no directory {str(path.parent)!r}")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise argparse.ArgumentTypeError(f"cannot write {text!r}: permission denied")
    return path


def parse_flags(argv: list[str] | None) -> Settings:
    default = Settings()
    parser = Parser(prog="sin_regression.py", description="Fit y = sin(x^2 + 1) + noise with a 1-50-5-1 network.", allow_abbrev=False)
    add = parser.add_argument
    add("--n", type=whole_number(1, 1_000_000), default=default.n, help="samples (%(default)s)")
    add("--low", type=number(-1e6, 1e6), default=default.low, help="left end of the interval (%(default)s)")
    add("--high", type=number(-1e6, 1e6), default=default.high, help="right end of the interval (%(default)s)")
    add("--noise", type=number(0, 1e6), default=default.noise, help="standard deviation of the noise (%(default)s)")
    add("--epochs", type=whole_number(0, 10**9), default=default.epochs, help="full-batch steps (30 for lm, 20000 for the others)")
    rates = ", ".join(f"{name} {recipe.lr}" for name, recipe in OPTIMIZERS.items())
    add("--lr", type=number(0, 1e6, exclusive=True), help=f"learning rate at the start ({rates})")
    add("--optimizer", choices=OPTIMIZERS, default=default.optimizer, help="(%(default)s)")
    add("--dtype", choices=DTYPES, default=default.dtype, help="of the training; gradients are compared in float64 (%(default)s)")
    compiled = "make a training step one C function; the default where there is a C compiler, and never with lm"
    add("--compile", action=argparse.BooleanOptionalAction, default=default.compile, help=compiled)
    add("--seed", type=whole_number(0, 2**63 - 1), default=default.seed, help="of the noise and the first parameters (%(default)s)")
    picture = parser.add_mutually_exclusive_group()
    picture.add_argument("--plot", type=writable_file, default=default.plot, metavar="PATH", help="PNG to draw (%(default)s)")
    picture.add_argument("--no-plot", action="store_const", const=None, dest="plot", help="draw nothing")
    add("--json", type=writable_file, metavar="PATH", help="file for the metrics")
    flags = parser.parse_args(argv)
    if flags.high - flags.low < 1e-6:
        parser.error(f"argument --high: must exceed --low by at least 1e-06, got --low {flags.low:g} --high {flags.high:g}")
    if flags.json is not None and flags.plot is not None and flags.json.resolve() == flags.plot.resolve():
        parser.error(f"argument --json: {str(flags.json)!r} is also the file of --plot")
    return Settings(**vars(flags))


# -------------------------------------------------------------------------------------------------------------- main


def run(settings: Settings) -> list[str]:
    """Check, train, report, draw; returns what went wrong, in words."""
    figure = new_figure() if settings.plot is not None else None  # first of all: an absent matplotlib must not cost a training
    data, model = make_data(settings), make_model(settings)
    comparisons = compare_gradients(model, data)
    print_comparison(comparisons)

    training = train(model, data, settings)
    results = metrics(settings, data, comparisons, training, predict(model, data.x, settings))
    print_results(settings, training, results)

    if settings.json is not None:
        write_json(settings.json, results)
    if figure is not None and settings.plot is not None:
        fine = np.linspace(settings.low, settings.high, 1000)
        draw(figure, data, (fine, predict(model, fine, settings)), training, band(model, fine, settings, training))
        figure.savefig(settings.plot, format="png", dpi=120)
        print(f"drawn: {settings.plot}")
    return failures(comparisons, training)


def failures(comparisons: list[Comparison], training: Training) -> list[str]:
    found = []
    if not largest_relative(comparisons) <= LARGEST_RELATIVE_DIFFERENCE:
        found.append(f"the gradients disagree: relative difference {largest_relative(comparisons):.2e}, at most 1e-10 is rounding")
    if training.diverged:
        found.append(f"training diverged: the loss is {training.losses[-1]} at step {len(training.losses)}; give a smaller --lr")
    return found


def main(argv: list[str] | None = None) -> int:
    settings = parse_flags(argv)
    try:
        found = run(settings)
    except ImportError as error:
        found = [str(error)]
    except OSError as error:
        found = [f"cannot write the results: {error}"]
    for failure in found:
        print(f"sin_regression.py: {failure}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
