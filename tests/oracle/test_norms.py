"""Norms and chains of products against torch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_reg as tg

from .compare import compare, same_error

torch = pytest.importorskip("torch")

inf, nan = float("inf"), float("nan")
Shape = tuple[int, ...]
ORDERS = [0, 0.5, 1, 1.5, 2, 2.5, 3, 4, inf, -inf, -1, -2.5]


def sample(*shapes: Shape, dtype: str = "float64") -> list[Any]:
    rng = np.random.default_rng(len(shapes))
    return [np.asarray(rng.standard_normal(shape)).astype(dtype) for shape in shapes]


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
@pytest.mark.parametrize("p", ORDERS)
@pytest.mark.parametrize(("shape", "dim"), [
    ((), None), ((5,), None), ((5,), 0), ((3, 4), None), ((3, 4), 1), ((3, 4), (0, 1)), ((2, 3, 4), (0, 2)), ((2, 3, 4), -1), ((2, 3), ()),
    ((2000,), None), ((3, 2000), 1),
])  # fmt: skip
def test_vector_norm(shape: Shape, dim: Any, p: float, dtype: str) -> None:
    if dtype != "float64" and p not in (1, 2, inf, 3):
        return
    (x,) = sample(shape, dtype=dtype)
    for keepdim in (False, True):
        for ours, theirs in ((tg.linalg.vector_norm, torch.linalg.vector_norm), (tg.norm, torch.norm)):
            compare(
                lambda x, f=ours, k=keepdim: f(x, p, dim, k),
                lambda x, f=theirs, k=keepdim: f(x, p, dim, k),
                x,
                second=dtype == "float64",
                rtol=1e-3 if dtype == "float16" else None,
            )


@pytest.mark.parametrize("p", [0, 1, 2, 3, 0.5])
def test_of_no_elements(p: float) -> None:
    for shape, dim in (((0,), None), ((2, 0), 1), ((2, 0), 0), ((0, 3), 0)):
        compare(lambda x, d=dim: tg.linalg.vector_norm(x, p, d), lambda x, d=dim: torch.linalg.vector_norm(x, p, d), np.ones(shape))
        same_error(lambda x: tg.linalg.vector_norm(x, inf), lambda x: torch.linalg.vector_norm(x, inf), np.ones(shape))
    compare(lambda x: tg.linalg.vector_norm(x, inf, 1), lambda x: torch.linalg.vector_norm(x, inf, 1), np.ones((0, 3)))


@pytest.mark.parametrize("p", ORDERS)
def test_special_values(p: float) -> None:
    for row in ([inf, 1.0], [nan, 1.0], [0.0, 2.0], [0.0, 0.0], [2.0, -2.0]):
        first_order = 0.0 not in row or p != -2.5
        compare(
            lambda x: tg.norm(x, p), lambda x: torch.norm(x, p), np.array(row), second=False, grad=first_order and np.isfinite(row).all()
        )


def test_norm_without_an_order_and_as_a_method() -> None:
    (x,) = sample((2, 3))
    compare(tg.norm, torch.norm, x)
    compare(lambda x: tg.norm(x, None), lambda x: torch.norm(x, None), x)
    compare(lambda x: x.norm(dim=1), lambda x: x.norm(dim=1), x)
    compare(lambda x: x.norm("fro", (0, 1)), lambda x: x.norm("fro", (0, 1)), x)
    compare(lambda x: x.norm(3, dtype=tg.float64), lambda x: x.norm(3, dtype=torch.float64), x.astype("float32"), second=False)
    compare(
        lambda x: tg.linalg.vector_norm(x, dtype=tg.float64),
        lambda x: torch.linalg.vector_norm(x, dtype=torch.float64),
        x.astype("float32"),
        second=False,
    )


@pytest.mark.parametrize("keepdim", [False, True])
@pytest.mark.parametrize("order", ["fro", "nuc", 1, -1, 2, -2, inf, -inf])
@pytest.mark.parametrize(
    ("shape", "dim"), [((3, 4), (-2, -1)), ((3, 4), (1, 0)), ((2, 3, 4), (-2, -1)), ((2, 3, 4), (2, 0)), ((1, 1), (0, 1))]
)
def test_matrix_norm(shape: Shape, dim: tuple[int, int], order: Any, keepdim: bool) -> None:
    (x,) = sample(shape)
    for name in ("matrix_norm", "norm"):
        compare(
            lambda x, n=name: getattr(tg.linalg, n)(x, order, dim, keepdim),
            lambda x, n=name: getattr(torch.linalg, n)(x, order, dim, keepdim),
            x,
        )


def test_linalg_norm() -> None:
    (x,) = sample((3, 4))
    for order, dim in (
        (None, None),
        (None, 0),
        (None, (0, 1)),
        (1, None),
        (inf, None),
        ("fro", None),
        (3, 1),
        (2, (0,)),
        (0, -1),
        (2, None),
        ("nuc", None),
    ):
        compare(lambda x, o=order, d=dim: tg.linalg.norm(x, o, d), lambda x, o=order, d=dim: torch.linalg.norm(x, o, d), x)
    compare(lambda x: tg.linalg.norm(x[0], 1), lambda x: torch.linalg.norm(x[0], 1), x)
    compare(lambda x: tg.linalg.norm(x[None]), lambda x: torch.linalg.norm(x[None]), x)


@pytest.mark.parametrize("order", ["fro", "nuc", 1, -1, 2, -2, inf, -inf])
@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0, 0), (2, 0, 3)])
def test_matrix_norm_of_no_elements(shape: Shape, order: Any) -> None:
    x = np.ones(shape)
    try:
        torch.linalg.matrix_norm(torch.tensor(x), order)
    except IndexError:
        same_error(lambda x: tg.linalg.matrix_norm(x, order), lambda x: torch.linalg.matrix_norm(x, order), x)
    else:
        compare(lambda x: tg.linalg.matrix_norm(x, order), lambda x: torch.linalg.matrix_norm(x, order), x)


@pytest.mark.parametrize("shape", [(3, 4), (4, 3), (2, 3, 3), (1, 3), (0, 3), (2, 0, 3), (0, 2, 2)])
def test_singular_values(shape: Shape) -> None:
    (x,) = sample(shape)
    compare(tg.linalg.svdvals, torch.linalg.svdvals, x)
    compare(lambda x: tg.linalg.norm(x, "nuc", (-2, -1)), lambda x: torch.linalg.norm(x, "nuc", (-2, -1)), x)
    compare(lambda x: tg.norm(x, "nuc", (-2, -1), True), lambda x: torch.norm(x, "nuc", (-2, -1), True), x)
    compare(lambda x: tg.linalg.norm(x, 2, (-2, -1)), lambda x: torch.linalg.norm(x, 2, (-2, -1)), x)
    compare(tg.linalg.svdvals, torch.linalg.svdvals, x.astype(np.float32), second=False)


@pytest.mark.parametrize(
    "shapes",
    [
        [(2, 3), (3, 4)],
        [(3,), (3, 4)],
        [(2, 3), (3,)],
        [(3,), (3,)],
        [(2, 3), (3, 5), (5, 1), (1, 4)],
        [(3,), (3, 2), (2,)],
        [(2, 0), (0, 3)],
    ],
)
def test_multi_dot(shapes: list[Shape]) -> None:
    compare(lambda *x: tg.linalg.multi_dot(x), lambda *x: torch.linalg.multi_dot(x), *sample(*shapes))


def test_vecdot() -> None:
    x, y = sample((2, 3), (3,))
    compare(tg.linalg.vecdot, torch.linalg.vecdot, x, y)
    compare(lambda x: tg.linalg.vecdot(x, x, dim=0), lambda x: torch.linalg.vecdot(x, x, dim=0), x)


def test_refuses_what_torch_refuses() -> None:
    x = np.ones((2, 3))
    for call in (
        lambda m, x: m.norm(x, dim=2),
        lambda m, x: m.linalg.norm(x, 3),
        lambda m, x: m.linalg.matrix_norm(x, 3),
        lambda m, x: m.linalg.matrix_norm(x[0]),
        lambda m, x: m.linalg.norm(x[None], 2),
        lambda m, x: m.linalg.vector_norm(x, dtype=m.float32),
        lambda m, x: m.linalg.norm(x, "euclid"),
        lambda m, x: m.linalg.matrix_norm(x[:0], -2),
        lambda m, x: m.linalg.matrix_norm(x.long(), 2),
        lambda m, x: m.linalg.svdvals(x[0]),
        lambda m, x: m.linalg.svdvals(x.long()),
        lambda m, x: m.linalg.svdvals(x * nan),
        lambda m, x: m.linalg.svdvals(x, driver="gesvd"),
        lambda m, x: m.linalg.matrix_norm(x, 1, (0, 0)),
        lambda m, x: m.linalg.multi_dot([x]),
        lambda m, x: m.linalg.multi_dot([x, x]),
        lambda m, x: m.linalg.vector_norm(x.long()),
        lambda m, x: m.norm(x.long()),
        lambda m, x: m.linalg.vector_norm(x, "fro"),
    ):
        same_error(lambda x, f=call: f(tg, x), lambda x, f=call: f(torch, x), x)
