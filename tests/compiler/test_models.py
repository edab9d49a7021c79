"""Whole training steps: compiled they are eager, to the bit; in plain form no call of Python is left, and rounding is all that differs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_reg as tg
from tinygrad_reg.compiler.backends import BACKENDS, numpy_source
from tinygrad_reg.compiler.numpy_ops import NumpyOp
from tinygrad_reg.compiler.passes import TO_LOOPS, optimize
from tinygrad_reg.compiler.program import Program
from tinygrad_reg.compiler.scalars import Scalar
from tinygrad_reg.ops import axpby
from tinygrad_reg.ops.random import draw_p

from .models import MODELS, Model, batches_of
from .regression import FORMS, OPTIMIZERS, same, task

STEPS = 100


def run(made: Model, step: Any, count: int) -> list[Any]:
    """What every step returned, and the state at the end."""
    tg.manual_seed(1)
    return [[step(*batch) for batch in batches_of(made, count)], made.held()]


def calls_of_python(program: Program) -> list[str]:
    """Equations that are nothing that a backend knows, random draws apart."""
    plain = optimize(program, TO_LOOPS)
    return [
        f"{e.primitive.name} at {e.line}"
        for e in plain.equations
        if not isinstance(e.primitive, NumpyOp | Scalar) and e.primitive is not draw_p
    ]


def flat(x: Any) -> list[np.ndarray[Any, Any]]:
    if isinstance(x, dict):
        x = list(x.values())
    if isinstance(x, list | tuple):
        return [array for part in x for array in flat(part)]
    return [] if x is None else [x.detach().numpy()]


@pytest.mark.parametrize("dtype", [tg.float32, tg.float64], ids=str)
@pytest.mark.parametrize("name", MODELS)
def test_a_compiled_model_is_bit_equal_to_eager_and_leaves_no_call_of_python(
    name: str, dtype: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(axpby, "sums_of", lambda kind: None)  # of large arrays BLAS rounds a · x + b · y once, NumPy three times
    eager, compiled = MODELS[name](dtype), MODELS[name](dtype)
    step = tg.compile(compiled.step, backend="numpy_source")
    assert same(run(eager, eager.step, 6), run(compiled, step, 6))
    assert step.traces == 1
    assert "replayed 4 times" in step.explain()
    assert step.program is not None
    assert calls_of_python(step.program) == []
    assert "tinygrad_reg." not in str(step.source)
    exec(str(step.source), {})  # it defines all it needs


@pytest.mark.parametrize("dtype", [tg.float32, tg.float64], ids=str)
def test_the_interpreter_also_updates_large_parameters_as_eager_does(dtype: Any) -> None:
    eager, compiled = MODELS["mlp"](dtype), MODELS["mlp"](dtype)
    step = tg.compile(compiled.step, backend="interpreter")
    assert same(run(eager, eager.step, 6), run(compiled, step, 6))


@pytest.mark.parametrize("name", MODELS)
def test_a_model_in_plain_form_differs_by_rounding(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(BACKENDS, "plain", lambda program, others: numpy_source.build(program, others, TO_LOOPS))
    eager, plain = MODELS[name](tg.float64), MODELS[name](tg.float64)
    step = tg.compile(plain.step, backend="plain")
    pairs = list(zip(flat(run(eager, eager.step, STEPS)), flat(run(plain, step, STEPS)), strict=True))
    assert f"replayed {STEPS - 2} times" in step.explain()
    for expected, found in pairs:
        assert np.abs(found - expected).max() <= 1e-9 * max(np.abs(expected).max(), 1e-3)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_no_optimizer_leaves_a_call_of_python(optimizer: str) -> None:
    made = task(optimizer)
    step = tg.compile(made.step, backend="numpy_source")
    for _ in range(4 * FORMS.get(optimizer, 1)):
        step(made.x, made.y)
    assert step.program is not None
    assert calls_of_python(step.program) == []
