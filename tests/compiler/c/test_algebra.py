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


@pytest.mark.parametrize("dtype", [tg.float16, tg.float32, tg.float64, tg.int64, tg.uint8], ids=str)
@pytest.mark.parametrize("inner", [1, 4, 30])
def test_products_of_every_dtype_are_eagers(dtype: tg.dtype, inner: int) -> None:
    def step(x: tg.Tensor, y: tg.Tensor) -> tuple[tg.Tensor, ...]:
        return x @ y.T, x.mv(y[0]), x[0].dot(y[0]), tg.ones(3, dtype=dtype) @ x, x @ tg.ones(inner, dtype=dtype), tg.bmm(x[None], y.T[None])

    draw = np.random.default_rng(0).integers
    x, y = (tg.tensor(draw(0, 5, (3, inner))).to(dtype) for _ in range(2))
    compiled = tg.compile(step, backend="c")
    for _ in range(3):
        for found, expected in zip(compiled(x, y), step(x, y), strict=True):
            assert found.dtype == expected.dtype
            np.testing.assert_array_equal(found.numpy(), expected.numpy())  # small whole numbers: exact in every order of summing
