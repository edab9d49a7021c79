"""Type promotion, as laws; the whole table against torch is in tests/oracle/test_promotion.py."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import tinygrad_reg as tg
from tinygrad_reg.dtypes import SUPPORTED
from tinygrad_reg.engine.promotion import category, float_type, promote_types, result_type, scalar_dtype

PAIRS = list(itertools.product(SUPPORTED, repeat=2))


@pytest.mark.parametrize(("a", "b"), PAIRS)
def test_promotion_is_symmetric_idempotent_and_keeps_the_higher_category(a: Any, b: Any) -> None:
    c = promote_types(a, b)
    assert c == promote_types(b, a)
    assert promote_types(c, a) == c
    assert category(c) == max(category(a), category(b))
    assert promote_types(a, a) == a


def test_an_integer_beside_a_float_gives_that_float() -> None:
    assert promote_types(tg.int64, tg.float16) == tg.float16
    assert promote_types(tg.uint8, tg.int8) == tg.int16


def test_numbers_and_0d_tensors_are_weak() -> None:
    whole, zero_d = tg.ones(2, dtype=tg.float16), tg.tensor(1.0, dtype=tg.float64)
    assert result_type(whole, 1.5) == tg.float16
    assert result_type(whole, zero_d) == tg.float16
    assert result_type(zero_d, 1.5) == tg.float64
    assert result_type(tg.ones(2, dtype=tg.int8), 1.5) == tg.float32
    assert result_type(tg.ones(2, dtype=tg.int8), zero_d) == tg.float64
    assert result_type(tg.ones(2, dtype=tg.bool), 1) == tg.int64
    assert result_type(1, 2.0) == tg.float32
    assert result_type(whole, np.float64(2.0)) == tg.float16


def test_the_default_dtype_is_what_floats_become() -> None:
    tg.set_default_dtype(tg.float64)
    try:
        assert scalar_dtype(1.0) == tg.float64
        assert float_type(tg.int32) == tg.float64
        assert (tg.ones(2, dtype=tg.int64) / 2).dtype == tg.float64
        assert tg.tensor(1.0).dtype == tg.float64
    finally:
        tg.set_default_dtype(tg.float32)


def test_what_is_refused() -> None:
    with pytest.raises(TypeError, match="complex"):
        category(np.dtype(complex))
    with pytest.raises(TypeError, match="str"):
        scalar_dtype("1")
    with pytest.raises(TypeError, match="floating point"):
        tg.set_default_dtype(tg.int64)


@pytest.mark.parametrize("number", [2, 2.0, np.float64(2.0), np.float32(2.0), np.int64(2)])
@pytest.mark.parametrize("dtype", [tg.float16, tg.float32])
def test_numbers_never_widen_a_tensor_nor_its_gradient(number: Any, dtype: Any) -> None:
    for f in (
        lambda x: x + number,
        lambda x: number * x,
        lambda x: x / number,
        lambda x: x - number,
        lambda x: x**number,
        lambda x: tg.maximum(x, number),
    ):
        x = tg.tensor([3.0, 4.0], dtype=dtype, requires_grad=True)
        y = f(x)
        assert y.dtype == dtype
        (g,) = tg.autograd.grad(y.sum(), x)
        assert g.dtype == dtype


def test_gradients_through_a_promotion_come_back_in_the_arguments_dtype() -> None:
    x = tg.ones(2, dtype=tg.float32, requires_grad=True)
    y = tg.ones(2, dtype=tg.float64, requires_grad=True)
    z = x * y
    assert z.dtype == tg.float64
    z.sum().backward()
    assert x.grad is not None
    assert y.grad is not None
    assert (x.grad.dtype, y.grad.dtype) == (tg.float32, tg.float64)
