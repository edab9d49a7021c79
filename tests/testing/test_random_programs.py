"""Laws over random programs of the registry's operations."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from hypothesis import find, given

import tinygrad_reg as tg
from tinygrad_reg.testing import Program, gradcheck, programs


def gradients(program: Program, create_graph: bool = False) -> Any:
    leaves = [x.detach().clone().requires_grad_() for x in program.inputs]
    return tg.autograd.grad(program(*leaves), leaves, create_graph=create_graph)


@given(programs())
def test_gradients_of_both_orders_are_right(program: Program) -> None:
    assert gradcheck(program, tuple(program.inputs), order=2)


@given(programs())
def test_both_modes_of_backward_and_every_run_agree(program: Program) -> None:
    first = gradients(program)
    for again in (gradients(program), gradients(program, create_graph=True)):
        for a, b in zip(first, again, strict=True):
            np.testing.assert_allclose(a.numpy(), b.detach().numpy(), rtol=1e-12, atol=1e-14)
    for a, b in zip(first, gradients(program), strict=True):
        assert a.numpy().tobytes() == b.numpy().tobytes()


@given(programs(dtype=tg.float32))
def test_float32_stays_float32(program: Program) -> None:
    assert program(*program.inputs).dtype == tg.float32
    assert all(g.dtype == tg.float32 for g in gradients(program))


#: Of few elements eager asks C's library for these, or Python's power for a number; as NumPy calls they differ in the last places.
ROUNDED = ("erf", "gelu", "norm", "pow", "**")


@given(programs(max_steps=5))
def test_compiled_programs_equal_eager_bit_for_bit(program: Program) -> None:
    def step(*inputs: Any) -> Any:
        leaves = [x.detach().requires_grad_() for x in inputs]
        y = program(*leaves)
        return [y.detach(), *tg.autograd.grad(y, leaves)]

    expected = step(*program.inputs)
    for backend in ("interpreter", "numpy_source"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a gradient may happen to meet 0 · inf
            compiled = tg.compile(step, backend=backend)
            for _ in range(4):
                found = compiled(*program.inputs)
        exactly = backend == "interpreter" or not any(name in repr(program) for name in ROUNDED)
        for a, b in zip(found, expected, strict=True):
            assert a.numpy().tobytes() == b.numpy().tobytes() if exactly else np.allclose(a, b, 1e-9, 1e-9, equal_nan=True)


@given(programs())
def test_the_text_of_a_program_runs_it_again(program: Program) -> None:
    source, call = repr(program).rsplit("\n", 1)
    scope: dict[str, Any] = {"tg": tg, "np": np}
    exec(source, scope)
    assert eval(call, scope).item() == program(*program.inputs).item()


def test_all_rows_of_the_table_take_part_and_programs_shrink() -> None:
    for name in ("tanh", "atan2"):
        small = find(programs(), lambda program, name=name: f"tg.{name}(" in program.source)
        assert len(small.source.splitlines()) <= 4
