"""Run every example as a reader would, and write docs/gallery.md from what it prints and draws.

    python -m examples.gallery                           takes some minutes; from the root of the repository

What an example is: one file that can be copied alone and read in one sitting. It has `parse` (the flags), `make_data`, `Model`,
`make_model`, `train` (one loss per step; it calls `on_step(step, loss)` after each), `plot` and `main`. The library is named in lines that
start with `import` or `from` and nowhere else, and only what PyTorch has too is used, so that the script trains there when these lines are
changed: the oracle tests do so and compare every loss. All that is random in `train` is drawn by NumPy and handed over. The last line
printed is the result; the picture is NAME.png in the working directory. In its default setting an example takes less than a minute.
"""

from __future__ import annotations

import argparse
import ast
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.report import machine

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "gallery.md"
PICTURES = ROOT / "docs" / "gallery"

INTRODUCTION = (
    "Written by `python -m examples.gallery`, which runs every script in `examples/` in its default setting. Each is one file that can be "
    "read in one sitting, and trains with PyTorch, too, after `tinygrad_reg` is replaced by `torch` in its imports (all but the first, "
    "which uses more than both have); the tests do so and compare every loss. What they need comes with "
    '`pip install ".[examples]"`, and `--help` lists what can be changed. Where others compute on the machine, set `OMP_NUM_THREADS=1`: '
    "NumPy's threads wait for each other otherwise."
)

#: What each example shows and what to look at in its picture.
EXAMPLES = {
    "sin_regression": "The fitted curve is nearer to the true one than most of the data are, and the loss ends where the noise begins.",
    "digits": "Batches, a loss, an optimizer, no more. Soon the network names every image right that it trains on; what counts are those "
    "it never saw. The mistakes left over are hard for people, too.",
    "digits_cnn": "Convolution, pooling, batch normalization, a `DataLoader` and a schedule of the learning rate: far fewer mistakes than "
    "the one before. Each of the first detectors answers to something else, such as an edge, a stroke or the light around it.",
    "vae": "Equal digits lie together although nobody told it which are equal, and the decoder passes smoothly from one to the next. "
    "Its copies are smoother than the images: two numbers are all that it knows of each.",
    "char_gpt": "Embedding, attention with a mask, layer normalization. It starts from nothing but characters, and ends with lines, "
    "quotes, names and mostly English words. On the part of the book kept away it is a little worse than on the rest.",
    "lstm_sine": "A recurrent layer, first over whole waves and then number by number with the state carried along. Small errors of the "
    "period add up: alone, the network is good for a wave or two, and loses the phase later.",
}


@dataclass(frozen=True)
class Run:
    """What came of one example: everything it printed, and how long it took altogether."""

    name: str
    output: str
    seconds: float

    @property
    def result(self) -> str:
        """The last line that says more than where the picture is."""
        return [line.strip() for line in self.output.splitlines() if not line.startswith("drawn:")][-1]


def run(name: str, where: Path) -> Run:
    """Run the example in its default setting, as a process of its own; it draws NAME.png into the directory `where`."""
    start = time.perf_counter()
    # One thread: matrices as small as these gain nothing from a second one, and figures should not depend on what else the machine does.
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(ROOT / "examples" / f"{name}.py")]
    done = subprocess.run(command, cwd=where, env=environment, stdout=subprocess.PIPE, encoding="utf-8", check=True)
    return Run(name, done.stdout, time.perf_counter() - start)


def title(name: str) -> str:
    """The first line of the script's docstring."""
    tree = ast.parse((ROOT / "examples" / f"{name}.py").read_text(encoding="utf-8"))
    return (ast.get_docstring(tree) or name).splitlines()[0]


def page(runs: list[Run]) -> str:
    """The whole page: a table of the results, then each example with its picture."""
    here = machine()
    measured_on = f"Machine: {here['processor']}, {here['system']}, Python {here['python']}; one thread."
    rows = [f"| [{run.name}](#{run.name}) | {run.result} | {run.seconds:.0f} s |" for run in runs]
    table = "\n".join(["| example | result | whole run |", "|---|---|---|", *rows])
    return "\n\n".join(["# Gallery", INTRODUCTION, measured_on, table, *map(section, runs)]) + "\n"


def section(run: Run) -> str:
    picture = f"![{title(run.name)}](gallery/{run.name}.png)"
    printed = f"```text\n$ python examples/{run.name}.py\n{run.output.rstrip()}\n```"
    return "\n\n".join([f"## {run.name}", f"{title(run.name)} {EXAMPLES[run.name]}", picture, printed])


def main() -> None:
    argparse.ArgumentParser(description=str(__doc__).splitlines()[0]).parse_args()  # --help must not start it
    PICTURES.mkdir(exist_ok=True)
    runs = []
    for name in EXAMPLES:
        runs.append(run(name, PICTURES))
        print(f"{name}: {runs[-1].result} ({runs[-1].seconds:.0f} s)", flush=True)
    PAGE.write_text(page(runs), encoding="utf-8")


if __name__ == "__main__":
    main()
