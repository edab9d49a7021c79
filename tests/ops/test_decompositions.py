"""The singular value decomposition: what it is, and derivatives where singular values are equal or 0."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_reg as tg
from tinygrad_reg.ops.decompositions import svd_p


@pytest.mark.parametrize("shape", [(3, 2), (2, 3), (4, 2, 2)])
def test_the_factors_give_the_matrix_back(shape: tuple[int, ...]) -> None:
    x = np.random.default_rng(0).standard_normal(shape)
    u, s, v = (np.asarray(part) for part in svd_p(x))
    np.testing.assert_allclose(u * s[..., None, :] @ v.swapaxes(-2, -1), x)
    np.testing.assert_allclose(tg.linalg.svdvals(tg.tensor(x)).numpy(), s)
    assert (np.diff(s) <= 0).all()


@pytest.mark.parametrize("order", ["nuc", 2, -2])
def test_the_gradient_is_finite_where_singular_values_are_equal_or_0(order: object) -> None:
    for array in (np.eye(3), np.zeros((2, 3)), np.ones((3, 3)), np.diag([2.0, 1.0, 0.0])):
        x = tg.tensor(array, requires_grad=True)
        (slope,) = tg.autograd.grad(tg.linalg.matrix_norm(x, order), x)
        assert np.isfinite(slope.numpy()).all()


def test_the_spectral_norm_of_a_product_of_vectors() -> None:
    """|u vᵀ| = |u| |v|: of a matrix of rank 1 the gradient of the largest singular value is u vᵀ / (|u| |v|)."""
    u, v = np.array([3.0, 4.0]), np.array([1.0, 2.0, 2.0])
    x = tg.tensor(np.outer(u, v), requires_grad=True)
    size = tg.linalg.norm(x, 2)
    (slope,) = tg.autograd.grad(size, x)
    assert size.item() == pytest.approx(15.0)
    np.testing.assert_allclose(slope.numpy(), np.outer(u, v) / 15.0)
