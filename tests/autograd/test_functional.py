"""autograd.functional against derivatives by hand. tests/oracle/test_functional.py compares every form with PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_reg as tg
from tinygrad_reg.autograd.functional import hessian, hvp, jacobian, jvp, vhp, vjp
from tinygrad_reg.errors import ArgumentError, ArgumentTypeError, GradientError, ShapeError

X = tg.tensor([0.5, 1.0, 2.0], dtype=tg.float64)
A = tg.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], dtype=tg.float64)
V, U = tg.tensor([1.0, -1.0, 0.5], dtype=tg.float64), tg.tensor([2.0, 3.0], dtype=tg.float64)


def curve(x: tg.Tensor) -> tg.Tensor:
    return A @ x**3


def quartic(x: tg.Tensor) -> tg.Tensor:
    return (A @ x**2).square().sum()


def test_products_are_those_with_the_jacobian() -> None:
    j = A.numpy() * (3 * X.numpy() ** 2)
    np.testing.assert_allclose(jacobian(curve, X).numpy(), j)
    np.testing.assert_allclose(vjp(curve, X, U)[1].numpy(), U.numpy() @ j)
    np.testing.assert_allclose(jvp(curve, X, V)[1].numpy(), j @ V.numpy())


def test_products_are_those_with_the_hessian() -> None:
    """The Hessian of |A x²|² is 8 xᵢ xⱼ (AᵀA)ᵢⱼ + 4 δᵢⱼ (AᵀA x²)ᵢ."""
    x, square = X.numpy(), A.numpy().T @ A.numpy()
    h = 8 * np.outer(x, x) * square + 4 * np.diag(square @ x**2)
    np.testing.assert_allclose(hessian(quartic, X).numpy(), h)
    np.testing.assert_allclose(hvp(quartic, X, V)[1].numpy(), h @ V.numpy())
    np.testing.assert_allclose(vhp(quartic, X, V)[1].numpy(), h @ V.numpy())


def test_several_inputs_give_a_tuple_of_tuples() -> None:
    blocks: Any = hessian(lambda x, y: (x * y).sum(), (X, X))
    for i, row in enumerate(blocks):
        for j, block in enumerate(row):
            np.testing.assert_array_equal(block.numpy(), np.eye(3) * (i != j))


def test_a_jacobian_of_no_elements() -> None:
    assert jacobian(lambda x: x[:0], X).shape == (0, 3)


def test_what_was_recorded_elsewhere_is_something_else() -> None:
    """The function knows the same tensor by another name, through which nothing is differentiated."""
    x = tg.tensor([2.0], requires_grad=True)
    assert jacobian(lambda y: x * y, x).tolist() == [[2.0]]
    assert x.grad is None


def test_it_works_where_nothing_is_recorded() -> None:
    with tg.no_grad():
        assert jacobian(lambda x: x * x, tg.ones(1)).tolist() == [[2.0]]


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: vjp(curve, X), GradientError, "v can be left out"),
        (lambda: vjp(curve, X, V), ShapeError, r"v must have the shapes \(2,\)"),
        (lambda: jvp(curve, [X], V), ArgumentTypeError, "inputs must be a tensor or a tuple"),
        (lambda: jacobian(lambda x: 3, X), ArgumentTypeError, "what the function gives"),
        (lambda: hessian(curve, X), ShapeError, "one element"),
        (lambda: hessian(lambda x: (x, x), X), ArgumentTypeError, "one tensor"),
        (lambda: jacobian(lambda x: A, X, strict=True), GradientError, "does not depend on the inputs"),
        (lambda: jacobian(lambda x, y: x, (X, X), strict=True), GradientError, "does not depend on input 1"),
        (lambda: hessian(lambda x: x.sum(), X, strict=True), GradientError, "derivative towards input 0"),
        (lambda: jacobian(curve, X, strategy="sideways"), ArgumentError, "strategy"),
        (lambda: hessian(quartic, X, outer_jacobian_strategy="sideways"), ArgumentError, "strategy"),
    ],
)
def test_refusals(call: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        call()


def test_batched_gradients_are_those_of_the_rows() -> None:
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    (rows,) = tg.autograd.grad(x**2, x, tg.eye(2), is_grads_batched=True)
    assert rows.tolist() == [[2.0, 0.0], [0.0, 4.0]]
    for wrong in (None, tg.tensor(1.0), tg.ones(0, 2)):
        with pytest.raises(ArgumentError, match="is_grads_batched"):
            tg.autograd.grad(x**2, x, wrong, is_grads_batched=True)
