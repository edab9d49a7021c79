"""Programs print readably, and the small tools around them."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_reg as tg
from tinygrad_reg.compiler.program import row_major, unique, var_for
from tinygrad_reg.compiler.scalars import tracked
from tinygrad_reg.compiler.trees import flatten, unflatten
from tinygrad_reg.errors import TraceError

from .programs import record


def test_a_program_prints_with_names_forms_and_the_users_lines() -> None:
    w = tg.full((3,), 2.0)

    def function(x: tg.Tensor) -> list[tg.Tensor]:
        y = x * w + 1
        w.add_(y.sum())
        return [y]

    program, places = record(function, tg.ones(2, 3))
    assert places == [w] or places[0] is w
    text = str(program)
    assert "inputs: x0 float32[2, 3]\n" in text
    assert "captured: s1 float32[3]\n" in text
    assert "y = x * w + 1\nt1 = mul(x0, s1)  # float32[2, 3]\nt2 = add(t1, " in text
    assert "write s1 = t4\n" in text
    assert "return t2" in text


@pytest.mark.parametrize("shape", [(), (1,), (3,), (2, 3), (4, 1, 5)])
def test_row_major_strides_are_numpys(shape: tuple[int, ...]) -> None:
    assert row_major(shape, 4) == np.empty(shape, np.float32).strides


def test_layout_ignores_what_means_nothing() -> None:
    column = np.ones((5, 3))[:, 1:2]
    assert var_for(np.ascontiguousarray(column)).like(var_for(np.ones((1, 5)).T))
    assert not var_for(column).like(var_for(np.ones((5, 1))))


def test_unique_names() -> None:
    taken = {"x"}
    assert [unique(name, taken) for name in ("x", "y", "x", "lambda")] == ["x_2", "y", "x_3", "lambda_2"]


def test_trees_come_back_as_they_were() -> None:
    from typing import NamedTuple

    class Pair(NamedTuple):
        a: int
        b: int

    tree = {"a": [1, (2, 3)], "b": Pair(4, 5), "c": (), "d": {}}
    spec = flatten(tree, str)
    hash(spec)
    assert unflatten(spec, int) == tree
    assert type(unflatten(spec, int)["b"]) is Pair
    assert flatten([1], str) != flatten((1,), str)


class Notes:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def scalar(self, operation: object, *operands: object) -> float:
        self.lines.append(operation.name)  # type: ignore[attr-defined]
        return 0.0


def test_traced_numbers_record_arithmetic_and_refuse_to_be_looked_at() -> None:
    notes = Notes()
    x = tracked(2.0, notes, None)  # type: ignore[arg-type]
    for _ in (x + 1, 1 + x, x - 1, 1 - x, x * 2, 2 * x, x / 2, 2 / x, x**2, 2**x, -x, x * x):
        pass
    assert notes.lines == ["+", "+", "-", "-", "*", "*", "/", "/", "**", "**", "neg", "*"]
    for look in (bool, float, int, lambda x: x == 2, lambda x: x < 3):
        with pytest.raises(TraceError, match="compute it in the optimizer's coefficients"):
            look(x)
    assert np.multiply(np.ones(2, np.float32), x).dtype == np.float32
    assert x.plain() == 2.0
