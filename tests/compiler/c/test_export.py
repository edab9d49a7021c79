"""Exported steps, built into a small program without Python."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_reg as tg
from tinygrad_reg import nn
from tinygrad_reg.compiler.backends.c import toolchain
from tinygrad_reg.errors import ArgumentError

from ..regression import task
from .conftest import needs_compiler

pytestmark = needs_compiler

MAIN = r"""
#include "step.h"
#include <stdio.h>
#include <stdlib.h>

int main(void) {
    struct step_arrays arrays = {0};
    step_start(&arrays);
    @DECLARED@
    void *workspace = aligned_alloc(64, STEP_WORKSPACE);
    for (int i = 0; i < @STEPS@; ++i) {
        if (step(&arrays, @NUMBERS@, workspace)) return 1;
        printf("%.17g\n", (double)arrays.result_0[@LAST@]);
    }
    return 0;
}
"""


def built_and_run(folder: Path, declared: str, numbers: str, steps: int, last: int) -> list[float]:
    text = MAIN.replace("@DECLARED@", declared).replace("@NUMBERS@", numbers).replace("@STEPS@", str(steps)).replace("@LAST@", str(last))
    (folder / "main.c").write_text(text)
    compiler = toolchain.compiler()
    assert compiler is not None
    flags = [flag for flag in compiler.flags if flag not in ("-shared", "-lm")]
    files = [str(folder / name) for name in ("main.c", "step.c", "step_data.c")]
    subprocess.run([*compiler.command, *flags, "-o", str(folder / "program"), *files, "-lm"], check=True)
    done = subprocess.run([str(folder / "program")], check=True, capture_output=True, text=True)
    return [float(line) for line in done.stdout.split()]


def numbers_of(array: Any) -> str:
    return ", ".join(repr(float(x)) for x in array.reshape(-1))


def test_an_inference_step(tmp_path: Path) -> None:
    tg.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 2)).eval()
    x = tg.randn(4, 3)
    with tg.no_grad():
        step = tg.compile(net, backend="c")
        expected = step(x)
    step.export(str(tmp_path / "out"))
    declared = f"static float x[] = {{{numbers_of(x.numpy())}}}; static float y[8]; arrays.input = x; arrays.result_0 = y;"
    [found] = built_and_run(tmp_path / "out", declared, "0", 1, 7)
    assert found == pytest.approx(float(expected[3, 1]), rel=1e-6)


def test_a_training_step_carries_its_state_on(tmp_path: Path) -> None:
    t = task("sgd", tg.float64)
    step = tg.compile(t.step, backend="c")
    step(t.x, t.y)
    step(t.x, t.y)
    step.export(str(tmp_path))
    expected = [step(t.x, t.y).item() for _ in range(3)]
    names = [
        line.split()[-1].rstrip(";")
        for line in (tmp_path / "step.h").read_text().splitlines()
        if line.startswith("    double ") and "*" not in line
    ]
    values = {"lr": 0.1, "rate": 0.1, "momentum": 0.9, "keep": 0.9, "new": 1.0}
    declared = f"static double x[] = {{{numbers_of(t.x.numpy())}}}; static double y[] = {{{numbers_of(t.y.numpy())}}};"
    declared += " static double loss[1]; arrays.x = x; arrays.y = y; arrays.result_0 = loss;"
    sizes = {i: p.numel() for i, p in enumerate(t.net.parameters())}
    declared += "".join(f" static double g{i}[{n}]; arrays.gradient_{i} = g{i};" for i, n in sizes.items())
    declared += f" struct step_numbers numbers = {{{', '.join(repr(values[name]) for name in names)}}};"
    found = built_and_run(tmp_path, declared, "&numbers", 3, 0)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_what_cannot_be_exported_says_why(tmp_path: Path) -> None:
    step = tg.compile(lambda x: x + tg.rand(3), backend="c")
    with pytest.raises(ArgumentError, match="nothing was traced yet"):
        step.export(str(tmp_path))
    step(tg.ones(3))
    with pytest.raises(ArgumentError, match="pass its result as an argument"):
        step.export(str(tmp_path))


def test_an_argument_called_like_a_word_of_c(tmp_path: Path) -> None:
    step = tg.compile(lambda double: double.sin().sum(), backend="c")
    x = tg.tensor([1.0, 2.0], dtype=tg.float64)
    expected = [step(x), step(x)][1].item()
    step.export(str(tmp_path))
    declared = "static double x[] = {1.0, 2.0}; static double y[1]; arrays.double_ = x; arrays.result_0 = y;"
    assert built_and_run(tmp_path, declared, "0", 1, 0) == [pytest.approx(expected, rel=1e-14)]
