"""Norms: the conventions at 0 and at ties, the exact Hessian of a squared norm, the ways to call, the errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_reg as tg
from tinygrad_reg.errors import ArgumentError, ArgumentTypeError, DimensionError, DtypeError, ShapeError

inf = float("inf")
Function = Callable[[Any], Any]


def gradient(function: Function, values: Any) -> Any:
    x = tg.tensor(np.array(values, dtype=np.float64), requires_grad=True)
    return tg.autograd.grad(function(x).sum(), x)[0].numpy()


def hessian(function: Function, values: Any) -> Any:
    """Rows of second derivatives of the sum of a function's results, over the flattened input."""
    x = tg.tensor(np.array(values, dtype=np.float64), requires_grad=True)
    (first,) = tg.autograd.grad(function(x).sum(), x, create_graph=True)
    units = np.eye(x.numel()).reshape(-1, *x.shape)
    return np.array([tg.autograd.grad(first, x, tg.tensor(u), retain_graph=True)[0].numpy().ravel() for u in units])


@pytest.mark.parametrize("p", [1.5, 3])
def test_beside_an_infinite_element_the_others_have_the_gradient_0(p: float) -> None:
    x = tg.tensor([[1.0, inf, -2.0], [3.0, 0.0, 4.0]], requires_grad=True)
    (slope,) = tg.autograd.grad(tg.linalg.vector_norm(x, p, dim=1).sum(), x)
    np.testing.assert_array_equal(slope[0].numpy(), [0.0, np.nan, 0.0])
    (alone,) = tg.autograd.grad(tg.linalg.vector_norm(x[1], p), x)
    np.testing.assert_array_equal(slope[1].numpy(), alone[1].numpy())


@pytest.mark.parametrize("p", [1, 1.5, 2, 3, inf, "fro", 0.5, -1, -inf])
def test_the_gradient_at_zero_is_zero(p: Any) -> None:
    np.testing.assert_array_equal(gradient(lambda x: tg.norm(x, p), [0.0, 0.0]), [0.0, 0.0])
    np.testing.assert_array_equal(
        gradient(lambda x: tg.linalg.vector_norm(x, p, 1) if p != "fro" else x.norm(dim=1), np.zeros((2, 3))), 0.0
    )


@pytest.mark.parametrize(("p", "x", "expected"), [
    (inf, [2.0, -2.0, 1.0], [0.5, -0.5, 0]), (-inf, [1.0, -1.0, 2.0], [0.5, -0.5, 0]), (1, [0.0, -2.0], [0, -1]),
    (3, [0.0, 2.0], [0, 1]), (0.5, [0.0, 1.0], [0, 1]), (2, [3.0, 4.0], [0.6, 0.8]),
])  # fmt: skip
def test_gradients_at_kinks(p: float, x: list[float], expected: list[float]) -> None:
    np.testing.assert_allclose(gradient(lambda x: tg.norm(x, p), x), expected)


def test_counting_stays_in_the_graph_with_gradient_zero() -> None:
    x = tg.tensor([0.0, 2.0, -1.0, float("nan")], requires_grad=True)
    counted = tg.norm(x, 0)
    counted.backward()
    assert counted.item() == 3.0
    assert x.grad is not None
    assert x.grad.tolist() == [0.0] * 4


@pytest.mark.parametrize("p", [1.5, 3, 4.5])
def test_a_norm_whose_powers_overflow_has_no_gradient_that_looks_right(p: float) -> None:
    x = tg.tensor([1e300, 2.0], dtype=tg.float64, requires_grad=True)
    norm = tg.norm(x, p)
    norm.backward()
    assert norm.item() == float("inf")
    assert x.grad is not None
    assert x.grad.isnan().all()


def test_the_squared_norm_at_zero_has_its_exact_hessian() -> None:
    for square in (lambda n: n**2, lambda n: n * n, lambda n: n.square(), lambda n: (n**2).mean(), lambda n: n**2 + n**4):
        np.testing.assert_array_equal(hessian(lambda x, f=square: f(tg.norm(x)), [0.0, 0.0, 0.0]), 2 * np.eye(3))
    np.testing.assert_array_equal(hessian(lambda x: tg.cos(x.norm()), [0.0, 0.0]), -np.eye(2))


def test_the_hessian_of_a_squared_norm_row_by_row() -> None:
    rows = [[0.0, 0.0], [3.0, 4.0], [0.0, 0.0]]
    np.testing.assert_allclose(hessian(lambda x: tg.norm(x, dim=1) ** 2, rows), 2 * np.eye(6), atol=1e-15)
    scaled = np.diag([2.0, 2.0, 4.0, 4.0, 6.0, 6.0])
    np.testing.assert_allclose(hessian(lambda x: tg.norm(x, dim=1) ** 2 * tg.tensor([1.0, 2.0, 3.0]), rows), scaled, atol=1e-15)


def test_a_norm_that_is_not_squared_has_hessian_zero_at_zero() -> None:
    np.testing.assert_array_equal(hessian(tg.norm, [0.0, 0.0]), np.zeros((2, 2)))
    np.testing.assert_array_equal(hessian(lambda x: tg.norm(x) + tg.norm(x), [0.0, 0.0]), np.zeros((2, 2)))


def test_long_vectors_are_added_up_accurately() -> None:
    x = np.random.default_rng(0).random(3_000_001).astype(np.float32)
    exact = np.sqrt(np.sum(x.astype(np.float64) ** 2))
    for made in (tg.norm(tg.tensor(x)), tg.norm(tg.tensor(x[None]), dim=1)[0], tg.norm(tg.tensor(x[:, None]), dim=0)[0]):
        assert abs(made.item() - exact) < 2e-6 * exact
    assert tg.norm(tg.full((3000,), 30.0, dtype=tg.float16)).item() == pytest.approx(30 * 3000**0.5, rel=1e-3)


def test_names_of_numpy_and_the_method() -> None:
    x = tg.tensor([[3.0, 4.0], [6.0, 8.0]])
    assert x.norm(axis=1, keepdims=True).tolist() == [[5.0], [10.0]]
    assert tg.linalg.norm(x, axis=0, ord=1).tolist() == [9.0, 12.0]
    assert tg.linalg.matrix_norm(x, inf, keepdims=True).tolist() == [[14.0]]


def test_multi_dot_takes_the_cheaper_way() -> None:
    rng = np.random.default_rng(0)
    x, y, z, w = (tg.tensor(rng.standard_normal(s)) for s in ((2, 30), (30, 4), (4, 50), (50, 3)))
    np.testing.assert_allclose(tg.linalg.multi_dot([x, y, z, w]).numpy(), (x @ y @ z @ w).numpy())
    assert tg.linalg.multi_dot((x[0], y, z[:, 0])).shape == ()
    assert tg.linalg.multi_dot((x[0], y)).shape == (4,)


@pytest.mark.parametrize(("call", "error", "says"), [
    (lambda: tg.norm(tg.arange(3)), DtypeError, "convert"),
    (lambda: tg.norm(tg.ones(3), "euclid"), ArgumentError, "must be a number"),
    (lambda: tg.linalg.svdvals(tg.ones(3)), ShapeError, "needs matrices"),
    (lambda: tg.linalg.svdvals(tg.arange(4).reshape(2, 2)), DtypeError, "convert it first"),
    (lambda: tg.linalg.svdvals(tg.ones(2, 2) * inf), ArgumentError, "nan or inf"),
    (lambda: tg.linalg.svdvals(tg.ones(2, 2), driver="gesvd"), ArgumentError, "for GPUs"),
    (lambda: tg.norm(tg.ones(3), p=[1]), ArgumentTypeError, "must be a number"),
    (lambda: tg.norm([1.0]), ArgumentTypeError, "wrap it"),
    (lambda: tg.norm(tg.ones(3), dim=1), DimensionError, "out of range"),
    (lambda: tg.norm(tg.ones(0), inf), ShapeError, "no elements"),
    (lambda: tg.linalg.vector_norm(tg.ones(3, dtype=tg.float64), dtype=tg.float32), DtypeError, "narrow"),
    (lambda: tg.linalg.vector_norm(tg.ones(3), dtype=tg.int64), DtypeError, "floating point"),
    (lambda: tg.linalg.norm(tg.ones(2, 2, 2), 2), ShapeError, "say dim"),
    (lambda: tg.linalg.norm(tg.ones(2, 2, 2), 1, (0, 1, 2)), ArgumentError, "one dim for vectors"),
    (lambda: tg.linalg.matrix_norm(tg.ones(3)), ShapeError, "at least 2 dims"),
    (lambda: tg.linalg.matrix_norm(tg.ones(3, 3), 3), ArgumentError, "ord must be"),
    (lambda: tg.linalg.matrix_norm(tg.ones(3, 0), -2), DimensionError, "no rows"),
    (lambda: tg.linalg.matrix_norm(tg.ones(3, 3), dim=0), ArgumentError, "two dims"),
    (lambda: tg.linalg.matrix_norm(tg.ones(3, 0), -inf, dim=(1, 0)), DimensionError, "no rows"),
    (lambda: tg.linalg.multi_dot([tg.ones(3)]), ArgumentError, "at least 2"),
    (lambda: tg.linalg.multi_dot([tg.ones(2, 3), tg.ones(3), tg.ones(3, 3)]), ShapeError, "tensor 1"),
    (lambda: tg.linalg.multi_dot([tg.ones(2, 3), tg.ones(2, 3)]), ShapeError, "inner sizes"),
])  # fmt: skip
def test_errors(call: Callable[[], Any], error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        call()
