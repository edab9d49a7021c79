"""Products: arrays in and arrays out, no large intermediate, error texts, einsum's rule on itself."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest

import tinygrad_reg as tg
from tinygrad_reg.errors import ArgumentError, ArgumentTypeError, DtypeError, ShapeError
from tinygrad_reg.ops import einsum, linalg

Shape = tuple[int, ...]


def sample(*shapes: Shape, dtype: str = "float64") -> list[Any]:
    rng = np.random.default_rng(5)
    return [np.asarray(rng.standard_normal(shape)).astype(dtype) for shape in shapes]


def gradients(function: Any, *arrays: Any) -> list[Any]:
    x = [tg.tensor(a, requires_grad=True) for a in arrays]
    return [g.numpy() for g in tg.autograd.grad(function(*x).sum(), x)]


# ---- matmul --------------------------------------------------------------------------------------------------------

RANKS: list[tuple[Shape, Shape]] = [
    ((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 4)), ((2, 3), (3, 4)), ((2, 1), (1, 4)), ((5, 2, 3), (3, 4)), ((5, 2, 3), (3,)),
    ((3,), (5, 3, 4)),
    ((2, 3), (5, 3, 4)), ((5, 2, 3), (5, 3, 4)), ((1, 2, 3), (5, 3, 4)), ((5, 2, 1), (5, 1, 4)), ((0, 3), (3, 4)), ((2, 0), (0, 4)),
    ((0, 2, 3), (3, 4)),
]  # fmt: skip


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "int64"])
@pytest.mark.parametrize(("x", "y"), RANKS)
def test_matmul_is_numpys_on_arrays_and_on_tensors(x: Shape, y: Shape, dtype: str) -> None:
    a, b = (np.round(v * 3).astype(dtype) for v in sample(x, y))
    want = a @ b
    for got in (
        linalg.matmul(a, b),
        linalg.matmul(tg.tensor(a), tg.tensor(b)).numpy(),
        (tg.tensor(a) @ b).numpy(),
        (a @ tg.tensor(b)).numpy(),
    ):
        assert got.dtype == want.dtype
        assert got.shape == want.shape
        np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
@pytest.mark.parametrize(("x", "y"), RANKS)
def test_gradients_have_shape_and_dtype_of_their_argument(x: Shape, y: Shape, dtype: str) -> None:
    a, b = sample(x, y, dtype=dtype)
    for g, argument in zip(gradients(linalg.matmul, a, b), (a, b), strict=True):
        assert g.shape == argument.shape
        assert g.dtype == argument.dtype


def test_the_common_batched_product_builds_no_product_for_every_batch() -> None:
    x, w = tg.ones(400, 2, 60), tg.ones(60, 50, requires_grad=True)
    out = x @ w
    seed = tg.ones_like(out)
    tracemalloc.start()
    out.backward(seed)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 400 * 60 * 50  # a gradient for every batch would be 4.8 MB; this is the 12 kB of one, and what is small


def test_matmul_second_derivatives_mix() -> None:
    a, b = sample((2, 3), (3, 4))
    x, y = tg.tensor(a, requires_grad=True), tg.tensor(b, requires_grad=True)
    gx, gy = tg.autograd.grad((x @ y).sum(), [x, y], create_graph=True)
    (mixed,) = tg.autograd.grad((gx * gx).sum(), y)
    np.testing.assert_allclose(mixed.numpy(), np.broadcast_to((2 * 2 * b.sum(1))[:, None], b.shape))
    assert gy.requires_grad


def test_matmul_says_what_does_not_fit() -> None:
    with pytest.raises(ShapeError) as error:
        tg.ones(2, 3) @ tg.ones(4, 3)
    assert str(error.value) == "matmul: the inner sizes differ: 3 and 3\n  (2, 3) @ (4, 3)\n  x @ y.mT would fit".replace(
        "3 and 3", "3 and 4"
    )
    with pytest.raises(ShapeError, match="use \\* to multiply by a number"):
        tg.tensor(2.0) @ tg.ones(3)
    with pytest.raises(ShapeError, match="batch dims \\(2,\\) and \\(3,\\) do not broadcast"):
        tg.ones(2, 2, 3) @ tg.ones(3, 3, 4)
    with pytest.raises(DtypeError, match="input float32 · other float64; convert with .to\\(dtype\\)"):
        tg.ones(2, 3) @ tg.ones(3, 4, dtype=tg.float64)
    with pytest.raises(DtypeError, match="not defined for bool"):
        tg.ones(2, 3, dtype=tg.bool) @ tg.ones(3, 4, dtype=tg.bool)
    with pytest.raises(ArgumentTypeError, match="expected tensors, got list"):
        tg.matmul(tg.ones(2, 3), [1.0, 2.0, 3.0])
    with pytest.raises(ShapeError, match="mm: mat2 must have 2 dims, got shape \\(3,\\)"):
        tg.mm(tg.ones(2, 3), tg.ones(3))
    with pytest.raises(ShapeError, match="the batches have 5 and 4 matrices"):
        tg.bmm(tg.ones(5, 2, 3), tg.ones(4, 3, 2))
    with pytest.raises(ShapeError, match="input of shape \\(3,\\) does not expand to the product's shape \\(2, 4\\)"):
        tg.addmm(tg.ones(3), tg.ones(2, 3), tg.ones(3, 4))
    with pytest.raises(ArgumentError, match="beta must be an integer for integer tensors, got 0.5"):
        tg.addmm(tg.ones(4, dtype=tg.int64), tg.ones(2, 3, dtype=tg.int64), tg.ones(3, 4, dtype=tg.int64), beta=0.5)


def test_all_functions_take_arrays_and_give_arrays() -> None:
    x, y, v, b = sample((2, 3), (3, 4), (3,), (5, 2, 3))
    results = [
        linalg.mm(x, y), linalg.mv(x, v), linalg.outer(v, v), linalg.inner(x, x), linalg.kron(x, v), linalg.bmm(b, b.mT),
        linalg.matmul(v, b.mT),
        linalg.addmm(y[:1], x, y, beta=2), linalg.addmv(v[:2], x, v, alpha=0.5), linalg.addbmm(x[:, :2], b, b.mT),
        linalg.baddbmm(x[:, :2], b, b.mT, beta=0),
        einsum.einsum("ij,jk->ki", x, y), einsum.einsum("ij->j", x), einsum.einsum("...i,i", b, v), einsum.tensordot(b, y, 1),
    ]  # fmt: skip
    assert all(type(r) is np.ndarray and r.dtype == np.float64 for r in results)
    assert linalg.dot(v, v) == linalg.vdot(v, v) == v @ v


# ---- einsum --------------------------------------------------------------------------------------------------------

EQUATIONS: list[tuple[str, list[Shape]]] = [
    ("ij,jk->ik", [(2, 3), (3, 4)]), ("bij,bjk->bik", [(5, 2, 3), (5, 3, 4)]), ("bij,bjk->ki", [(5, 2, 3), (5, 3, 4)]),
    ("i,j->ji", [(2,), (3,)]),
    ("ij,ij->ij", [(2, 3), (2, 3)]), ("i,i->", [(3,), (3,)]), ("ij,jk,kl->il", [(2, 3), (3, 4), (4, 2)]), ("ii->i", [(3, 3)]),
    ("ii->", [(3, 3)]),
    ("iij,j->i", [(3, 3, 2), (2,)]), ("ijk->kij", [(2, 3, 4)]), ("ijk->j", [(2, 3, 4)]), ("ij,k->i", [(2, 3), (4,)]),
    ("i,ij,j->", [(2,), (2, 3), (3,)]),
    ("abc,bd,ce->ade", [(2, 3, 4), (3, 5), (4, 2)]),
]  # fmt: skip


@pytest.mark.parametrize(("equation", "shapes"), EQUATIONS)
def test_einsum_is_numpys(equation: str, shapes: list[Shape]) -> None:
    arrays = sample(*shapes)
    want = np.einsum(equation, *arrays)
    np.testing.assert_allclose(einsum.einsum(equation, *arrays), want, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(tg.einsum(equation, *[tg.tensor(a) for a in arrays]).numpy(), want, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(("equation", "shapes"), EQUATIONS)
def test_einsum_is_linear_in_each_operand(equation: str, shapes: list[Shape]) -> None:
    """Then its gradient, dotted with the operand itself, gives the value: Euler's identity of degree 1."""
    x = [tg.tensor(a, requires_grad=True) for a in sample(*shapes)]
    total = tg.einsum(equation, *x).sum()
    for value, g in zip(x, tg.autograd.grad(total, x), strict=True):
        np.testing.assert_allclose((value * g).sum().item(), total.item(), rtol=1e-11, atol=1e-12)


def test_einsum_says_what_is_wrong() -> None:
    x, y = tg.ones(2, 3), tg.ones(3, 4)
    for equation, expected in (
        ("ij,jk->iz", "'z' of the output"), ("ij,jk->iik", "'i' of the output"), ("ij,jk,kl", "needs 3 operands, got 2"),
        ("ijk,jk", "'ijk' of 'ijk,jk' is for another number of dims than 2"), ("i1,jk", "'1' in 'i1'"),
    ):  # fmt: skip
        with pytest.raises(ArgumentError) as error:
            tg.einsum(equation, x, y)
        assert expected in str(error.value)
    with pytest.raises(ShapeError, match="'j' has sizes 3 and 4 in 'ij,kj', which must agree\n  \\(2, 3\\) · \\(3, 4\\)"):
        tg.einsum("ij,kj", x, y)
    with pytest.raises(ShapeError, match="'i' is repeated in an operand"):
        tg.einsum("ii", x)
    with pytest.raises(DtypeError, match="operand 0 float32 · operand 1 float64"):
        tg.einsum("ij,jk", x, y.double())
    with pytest.raises(ArgumentTypeError, match="operands must be tensors, got float"):
        tg.einsum("ij,", x, 2.0)
    with pytest.raises(ArgumentError, match="needs an equation and at least one tensor"):
        tg.einsum("ij")
