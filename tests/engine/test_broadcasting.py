"""Un-broadcasting: cotangents come back in the shape of their argument, exactly summed, in one place for all rules."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import mutually_broadcastable_shapes

import tinygrad_reg as tg
from tinygrad_reg.engine.broadcasting import broadcast_to, column_sums, sum_to
from tinygrad_reg.errors import ShapeError


@given(
    mutually_broadcastable_shapes(num_shapes=2, max_dims=4, max_side=3, min_side=0),
    st.sampled_from(["float64", "float32", "float16", "int64"]),
)
def test_sum_to_is_the_sum_over_the_stretched_dims(shapes: Any, dtype: str) -> None:
    shape, whole = shapes.input_shapes[0], shapes.result_shape
    x = np.random.default_rng(0).integers(-4, 5, whole).astype(dtype)
    out = np.asarray(sum_to(x, shape=shape)) if x.shape != shape else x
    expected = x.sum(tuple(range(len(whole) - len(shape)))) if len(whole) > len(shape) else x
    expected = expected.sum(tuple([i for i, n in enumerate(shape) if n == 1 != expected.shape[i]]), keepdims=True, dtype=dtype)
    assert out.dtype == dtype
    assert out.shape == shape
    np.testing.assert_array_equal(out, np.asarray(expected, dtype).reshape(shape))


@given(mutually_broadcastable_shapes(num_shapes=2, max_dims=3, max_side=3, min_side=0))
def test_sum_to_and_broadcast_to_are_transposed(shapes: Any) -> None:
    shape, whole = shapes.input_shapes[0], shapes.result_shape
    rng = np.random.default_rng(1)
    x, g = rng.standard_normal(shape), rng.standard_normal(whole)
    back = sum_to(g, shape=shape) if g.shape != shape else g
    np.testing.assert_allclose((broadcast_to(x, shape=whole) * g).sum(), (x * back).sum(), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("n", [0, 1, 5, 1024, 1025, 5000])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_column_sums(n: int, dtype: str) -> None:
    x = np.random.default_rng(2).standard_normal((n, 3)).astype(dtype)
    np.testing.assert_allclose(column_sums(x), x.astype("float64").sum(0), rtol=1e-4 if dtype == "float32" else 1e-10, atol=1e-4)
    assert column_sums(x).dtype == dtype


def test_column_sums_do_not_lose_digits_of_float32() -> None:
    x = np.full((1_000_000, 2), 0.1, np.float32)
    np.testing.assert_allclose(column_sums(x), 100_000.0, rtol=1e-5)  # NumPy's own x.sum(0) is off by 1e-3


@given(mutually_broadcastable_shapes(num_shapes=3, max_dims=3, max_side=3, min_side=0))
def test_gradients_have_the_shape_of_their_argument(shapes: Any) -> None:
    rng = np.random.default_rng(3)
    x, y, z = (tg.tensor(np.asarray(rng.uniform(1, 2, s)), requires_grad=True) for s in shapes.input_shapes)
    out = x * y + z / x - tg.maximum(y, z)
    assert out.shape == shapes.result_shape
    for a, g in zip((x, y, z), tg.autograd.grad(out.sum(), [x, y, z], create_graph=True), strict=True):
        assert g.shape == a.shape
        (again,) = tg.autograd.grad(g.sum(), x, retain_graph=True, materialize_grads=True)
        assert again.shape == x.shape


def test_shapes_that_do_not_broadcast() -> None:
    for call in (
        lambda: tg.ones(2) + tg.ones(3),
        lambda: tg.clamp(tg.ones(2), tg.ones(3), tg.ones(3)),
        lambda: tg.where(tg.ones(2) > 0, tg.ones(3), 1.0),
    ):
        with pytest.raises(ShapeError, match=r"(?s)\(2,\).*\(3,\).*unsqueeze"):
            call()
