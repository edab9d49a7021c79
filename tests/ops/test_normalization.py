"""Normalizations: what the fused primitives compose to, running statistics, float16, the errors."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_reg as tg
from tinygrad_reg.errors import ArgumentError, ArgumentTypeError, DtypeError, ShapeError
from tinygrad_reg.nn import functional as F
from tinygrad_reg.testing import gradcheck

CHANNELS = [(4, 3), (2, 3, 4), (2, 3, 2, 2)]


def normal(*shape: int, dtype: Any = tg.float64) -> Any:
    return tg.tensor(np.random.default_rng(len(shape)).standard_normal(shape) + 0.5, dtype=dtype)


def composite(x: Any, dims: tuple[int, ...], eps: float = 1e-5) -> Any:
    return (x - x.mean(dims, keepdim=True)) * (x.var(dims, keepdim=True, correction=0) + eps).rsqrt()


def column(w: Any, ndim: int) -> Any:
    return w.reshape(-1, *(1,) * (ndim - 2))


@pytest.mark.parametrize("shape", CHANNELS)
def test_batch_norm_is_its_composite(shape: tuple[int, ...]) -> None:
    x, w, b = normal(*shape), normal(3), normal(3) * 2
    made = composite(x, (0, *range(2, len(shape)))) * column(w, len(shape)) + column(b, len(shape))
    np.testing.assert_allclose(F.batch_norm(x, None, None, w, b, training=True).numpy(), made.numpy(), rtol=1e-12)
    gradcheck(lambda x, w, b: F.batch_norm(x, None, None, w, b, training=True), (x, w, b))


@pytest.mark.parametrize("shape", CHANNELS)
def test_group_norm_is_its_composite(shape: tuple[int, ...]) -> None:
    x = normal(shape[0], 6, *shape[2:])
    grouped = composite(x.reshape(shape[0], 2, -1), (2,)).reshape(*x.shape)
    np.testing.assert_allclose(F.group_norm(x, 2).numpy(), grouped.numpy(), rtol=1e-12)
    gradcheck(lambda x, w, b: F.group_norm(x, 2, w, b), (x, normal(6), normal(6)))


def test_rms_norm_is_its_composite() -> None:
    x, w = normal(2, 3, 4), normal(3, 4)
    made = x * (x.square().mean((1, 2), keepdim=True) + 0.1).rsqrt() * w
    np.testing.assert_allclose(F.rms_norm(x, (3, 4), w, 0.1).numpy(), made.numpy(), rtol=1e-12)


def test_running_statistics_move_in_place() -> None:
    mean, var, x = tg.zeros(3), tg.ones(3), normal(4, 3, 2, dtype=tg.float32)
    memory = mean.array
    for _ in range(2):
        F.batch_norm(x, mean, var, training=True, momentum=0.5)
    assert mean.array is memory
    np.testing.assert_allclose(mean.numpy(), 0.75 * x.mean((0, 2)).numpy(), rtol=1e-6)
    np.testing.assert_allclose(var.numpy(), 0.25 + 0.75 * x.var((0, 2)).numpy(), rtol=1e-6)
    before = mean.tolist()
    F.batch_norm(x, mean, var)
    assert mean.tolist() == before


def test_running_statistics_are_constants_of_the_graph() -> None:
    mean, var = tg.zeros(3), tg.ones(3)
    x = normal(4, 3, dtype=tg.float32).requires_grad_()
    out = F.batch_norm(x, mean, var, training=True)
    assert not mean.requires_grad
    out.square().sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), 0, atol=1e-3)  # the sum of squares of what is standardized is constant


def test_a_channel_far_from_zero_keeps_its_digits() -> None:
    x = np.random.default_rng(0).standard_normal((64, 2, 50)).astype(np.float32)
    far = F.batch_norm(tg.tensor(x + np.float32(1000)), None, None, training=True).numpy()
    exact = composite(tg.tensor((x + np.float32(1000)).astype(np.float64)), (0, 2)).numpy()
    np.testing.assert_allclose(far, exact, atol=2e-4)


def test_float16_is_computed_in_float32() -> None:
    x = (normal(64, 3, 40) * 100).half().requires_grad_()
    running = tg.zeros(3), tg.ones(3)
    out = F.batch_norm(x, *running, tg.ones(3, dtype=tg.float16), tg.zeros(3, dtype=tg.float16), training=True)
    assert (out.dtype, running[0].dtype) == (tg.float16, tg.float32)
    np.testing.assert_allclose(out.detach().numpy(), composite(x.detach().double(), (0, 2)).numpy(), atol=3e-3)
    out.sum().backward()
    assert x.grad.dtype == tg.float16
    assert F.rms_norm(x.detach(), 40).isfinite().all()


@pytest.mark.parametrize("norm", [
    lambda x: F.layer_norm(x, (64,), tg.ones(64), tg.zeros(64)), lambda x: F.rms_norm(x, (64,)), lambda x: F.group_norm(x, 4),
    lambda x: F.instance_norm(x.reshape(1, 4, 64)), lambda x: F.batch_norm(x, None, None, training=True),
])  # fmt: skip
def test_float16_that_came_through_a_pickle_is_known(norm: Any) -> None:
    """NumPy gives such an array a dtype object of its own."""
    array = (np.random.default_rng(0).standard_normal((4, 64)) + 30.0).astype(np.float16)
    other = pickle.loads(pickle.dumps(array))
    assert other.dtype is not array.dtype
    assert norm(tg.tensor(other)).tolist() == norm(tg.tensor(array)).tolist()


def test_normalize() -> None:
    assert F.normalize(tg.tensor([[3.0, 4.0], [0.0, 0.0]])).tolist() == [[pytest.approx(0.6), pytest.approx(0.8)], [0.0, 0.0]]
    assert F.normalize(tg.tensor([3.0, 1.0]), p=1, axis=0).tolist() == [0.75, 0.25]


x = tg.ones(2, 3)


@pytest.mark.parametrize(("call", "error", "says"), [
    (lambda: F.batch_norm(tg.ones(3), None, None, training=True), ShapeError, "at least 2 dims"),
    (lambda: F.batch_norm([[1.0]], None, None), ArgumentTypeError, "wrap it"),
    (lambda: F.batch_norm(tg.ones(2, 3).long(), None, None), DtypeError, "floating point"),
    (lambda: F.batch_norm(x, None, None), ArgumentError, "running_mean"),
    (lambda: F.batch_norm(tg.ones(1, 3), None, None, training=True), ShapeError, "one value per channel"),
    (lambda: F.batch_norm(x, tg.ones(2), tg.ones(3)), ShapeError, "running_mean must have shape"),
    (lambda: F.batch_norm(x, tg.ones(3), tg.ones(3), tg.ones(3).double()), DtypeError, "weight is float64"),
    (lambda: F.batch_norm(x, tg.ones(3), tg.ones(3), 1.0), ArgumentTypeError, "weight must be a tensor"),
    (lambda: F.instance_norm(tg.ones(2, 3, 1)), ShapeError, "one value per channel"),
    (lambda: F.instance_norm(tg.ones(2, 3, 2), use_input_stats=False), ArgumentError, "running_mean"),
    (lambda: F.group_norm(tg.ones(2, 4), 3), ShapeError, "cannot be divided"),
    (lambda: F.group_norm(tg.ones(2, 4), 0), ShapeError, "cannot be divided"),
    (lambda: F.group_norm(tg.ones(2, 4), 2.0), ArgumentTypeError, "must be an integer"),
    (lambda: F.group_norm(tg.ones(2, 4), 2, tg.ones(2)), ShapeError, "weight must have shape"),
    (lambda: F.group_norm(tg.ones(1, 4), 4), ShapeError, "one value"),
    (lambda: F.rms_norm(x, 4), ShapeError, "must end in"),
    (lambda: F.rms_norm(x, 3, tg.ones(2)), ShapeError, "weight must have"),
    (lambda: F.layer_norm(x, 3, tg.ones(3).double()), DtypeError, "convert"),
])  # fmt: skip
def test_errors(call: Callable[[], Any], error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        call()


def test_statistics_and_weights_in_memory_that_numpy_does_not_own() -> None:
    """Of such memory it is not known what is apart: running statistics are written before the weight is saved."""
    parts = [tg.from_numpy(np.frombuffer(bytearray(np.ones(2, np.float32).tobytes()), np.float32)) for _ in range(4)]
    mean, variance, weight, bias = parts
    weight.requires_grad_()
    for function in (tg.nn.functional.batch_norm, tg.nn.functional.instance_norm):
        function(tg.randn(3, 2, 4), mean, variance, weight, bias, True).square().sum().backward()
    assert weight.grad is not None
