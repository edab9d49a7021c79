"""Laws over drawn programs: eager, interpreter and generated source agree to the last bit, before and after every pass."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, reject
from hypothesis import strategies as st

import tinygrad_reg as tg
from tinygrad_reg.compiler import passes
from tinygrad_reg.compiler.backends import BACKENDS
from tinygrad_reg.compiler.program import NotFinite
from tinygrad_reg.engine.state import no_grad

from .programs import SHAPE, Script, play, programs, record, state
from .regression import EXACT, same


def runs(script: Script, dtype: Any, run: Any) -> list[Any]:
    tensors, seen = state(dtype), []
    function = run(lambda x: play(script, tensors, x))
    tg.manual_seed(1)
    for i in range(5):
        x = tg.tensor(np.random.default_rng(i).standard_normal(SHAPE)).to(dtype)
        loss, others = function(x)
        seen.append(
            [
                loss,
                [t.clone() for t in others],
                [t.detach().clone() for t in tensors],
                [None if t.grad is None else t.grad.clone() for t in tensors],
            ]
        )
    return seen


@given(programs(), st.sampled_from([tg.float32, tg.float64]))
def test_compiled_steps_equal_eager(script: Script, dtype: Any) -> None:
    try:
        eager = runs(script, dtype, lambda f: f)
    except tg.errors.InplaceError:  # the script overwrites what it needs later
        reject()
    for backend in EXACT:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a gradient may happen to meet 0 · inf
            assert same(runs(script, dtype, lambda f, b=backend: tg.compile(f, backend=b)), eager)


@pytest.mark.parametrize(
    "name", ["prune", "forward_copies", "share", "fold", "lower", "type_numbers", "join_flat", "check_joined", "optimize"]
)
@given(programs())
def test_every_pass_keeps_every_bit(name: str, script: Script) -> None:
    assume(all(operation != "noise" for _, operation, _, _ in script))
    tensors = state(tg.float32)
    x = tg.tensor(np.random.default_rng(0).standard_normal(SHAPE).astype(np.float32))

    def forward(x: Any) -> list[Any]:
        loss, others = play(script, tensors, x)
        return [loss.detach(), *others]

    try:
        program, places = record(forward, x)
    except tg.errors.InplaceError:
        reject()
    if name in ("type_numbers", "join_flat", "check_joined"):
        program = passes.lower(program)
    rewritten = getattr(passes, name)(program)
    arrays = [place.array if isinstance(place, tg.Tensor) else place for place in places]

    def outcome(program: Any, backend: str) -> list[Any]:
        memory = [array.copy(order="K") for array in arrays]
        try:
            return [*BACKENDS[backend](program).run([x.numpy()], [], memory), memory]
        except NotFinite:  # a number was too large for float16: the step is run eagerly then
            return [NotFinite, memory]

    assert len(rewritten.equations) <= len(program.equations) or name in ("lower", "optimize", "type_numbers")
    expected = outcome(program, "interpreter")
    for backend in EXACT:
        assert same(expected, outcome(rewritten, backend))


@given(programs())
def test_without_gradients_too(script: Script) -> None:
    """Inference: the chain alone."""
    script = [s for s in script if s[0] != "in_place" and s[1] != "noise"]

    def forward(x: Any) -> Any:
        with no_grad():
            pool = [x, x * 0.5]
            from .programs import BINARY, UNARY

            for kind, name, i, j in script:
                a, b = pool[-1 - i % len(pool)], pool[-1 - j % len(pool)]
                pool.append(UNARY[name](a) if kind == "unary" else BINARY[name](a, b))
        return pool

    step = tg.compile(forward, backend="numpy_source")
    for i in range(4):
        x = tg.tensor(np.random.default_rng(i).standard_normal(SHAPE).astype(np.float32))
        assert same(forward(x), step(x))
