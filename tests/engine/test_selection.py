"""`choose` is np.where to the bit, whatever the sizes, dtypes, shapes and layouts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tinygrad_reg.engine.selection import choose

SPECIAL = [0.0, -0.0, np.inf, -np.inf, np.nan, 1e-40, 1.5]
SHAPE = (50, 200)
rng = np.random.default_rng(0)


def _numbers(dtype: str, shape: tuple[int, ...] = SHAPE) -> Any:
    return rng.choice(np.array(SPECIAL), shape).astype(dtype) if dtype in "efd" else rng.integers(0, 100, shape).astype(dtype)


def _same(mask: Any, x: Any, y: Any) -> None:
    found, wanted = choose(mask, x, y), np.where(mask, x, y)
    assert (found.dtype, found.shape, found.tobytes()) == (wanted.dtype, wanted.shape, wanted.tobytes())


@pytest.mark.parametrize("dtype", [*"efdbBhil?", "F"])
def test_arrays_and_numbers_of_every_dtype(dtype: str) -> None:
    mask = rng.random(SHAPE) < 0.5
    x, y = (_numbers(dtype) if dtype != "F" else rng.normal(size=SHAPE).astype("F") for _ in range(2))
    for pair in ((x, y), (x, x.dtype.type(0)), (x.dtype.type(0), y), (x, x.dtype.type(1)), (np.zeros((), dtype), y)):
        _same(mask, *pair)


@pytest.mark.parametrize("number", [0.0, -0.0, np.inf, np.nan, 2.5])
def test_python_numbers_take_the_dtype_of_the_array(number: float) -> None:
    mask, x = rng.random(SHAPE) < 0.5, _numbers("f")
    _same(mask, number, x)
    _same(mask, x, number)
    _same(mask, number, number)


def test_shapes_broadcast_and_layouts_do_not_matter() -> None:
    mask = rng.random(SHAPE) < 0.5
    x, row, column, cube = (_numbers("f", shape) for shape in (SHAPE, SHAPE[1:], (SHAPE[0], 1), (3, *SHAPE)))
    for pair in ((x, row), (column, x), (row, column), (cube, x), (row, 0.0), (0.0, cube), (np.broadcast_to(column, SHAPE), x)):
        _same(mask, *pair)
    _same(mask.T, x.T, 0.0)
    _same(mask[:, ::2], x[:, ::2], x[:, 1::2])


def test_different_dtypes_promote() -> None:
    _same(rng.random(SHAPE) < 0.5, _numbers("f"), _numbers("d"))
    _same(_numbers("i"), _numbers("f"), _numbers("f"))  # a condition of numbers


def test_the_operands_stay_as_they_are() -> None:
    mask, x, y = rng.random(SHAPE) < 0.5, _numbers("f"), _numbers("f")
    before = mask.tobytes(), x.tobytes(), y.tobytes()
    choose(mask, x, y)
    choose(mask, x, 0.0)
    assert before == (mask.tobytes(), x.tobytes(), y.tobytes())
