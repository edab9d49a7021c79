"""Products in disguise: they are sums in the order of the matrix that a loop makes, which so never reaches memory."""

from __future__ import annotations

import re

import numpy as np
import pytest

import tinygrad_reg as tg

from .conftest import needs_compiler

pytestmark = needs_compiler


@pytest.mark.parametrize("order", ["turned @ column", "row @ turned"])
def test_a_turned_matrix_times_a_vector_is_summed_where_the_matrix_is_made(order: str) -> None:
    def step(a: tg.Tensor, b: tg.Tensor, v: tg.Tensor) -> tg.Tensor:
        made = a * b
        return made.T @ v if order == "turned @ column" else v.T @ made.T

    draw = np.random.default_rng(0).standard_normal
    a, b = (tg.tensor(draw((30, 20))) for _ in range(2))
    v = tg.tensor(draw((30, 1) if order == "turned @ column" else (20, 1)))
    compiled = tg.compile(step, backend="c")
    for _ in range(3):
        np.testing.assert_allclose(compiled(a, b, v).numpy(), step(a, b, v).numpy(), rtol=1e-13, atol=1e-13)
    [workspace] = re.findall(r"([\d,]+) bytes of workspace", compiled.explain())
    assert int(workspace.replace(",", "")) < a.nbytes
