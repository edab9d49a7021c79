"""Products against torch: every rank, batches that broadcast, empty sizes, dtypes, einsum's syntax, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_reg as tg

from .compare import compare, same_error

torch = pytest.importorskip("torch")

Shape = tuple[int, ...]
INTEGERS = ["int64", "int32", "int16", "int8", "uint8"]


def sample(*shapes: Shape, dtype: str = "float64") -> list[Any]:
    """Arrays of numbers of both signs; small integers if dtype is none of floats."""
    rng = np.random.default_rng(len(shapes))
    if dtype.startswith("float"):
        return [np.asarray(rng.standard_normal(shape)).astype(dtype) for shape in shapes]
    return [rng.integers(0, 5, shape).astype(dtype) for shape in shapes]


def agree(name: str, *arrays: Any, **keywords: Any) -> None:
    """The function and its gradients are torch's."""
    compare(lambda *x: getattr(tg, name)(*x, **keywords), lambda *x: getattr(torch, name)(*x, **keywords), *arrays)


def refused(name: str, *arrays: Any, **keywords: Any) -> Exception:
    return same_error(lambda *x: getattr(tg, name)(*x, **keywords), lambda *x: getattr(torch, name)(*x, **keywords), *arrays)


FITTING: list[tuple[Shape, Shape]] = [
    ((3,), (3,)), ((0,), (0,)), ((1,), (1,)),
    ((2, 3), (3,)), ((1, 3), (3,)), ((2, 1), (1,)), ((0, 3), (3,)), ((2, 0), (0,)), ((4, 2, 3), (3,)), ((5, 4, 2, 3), (3,)),
    ((3,), (3, 2)), ((1,), (1, 2)), ((3,), (3, 0)), ((0,), (0, 2)), ((3,), (4, 3, 2)), ((3,), (5, 4, 3, 2)),
    ((2, 3), (3, 4)), ((2, 1), (1, 4)), ((1, 3), (3, 1)), ((2, 3), (3, 1)), ((0, 3), (3, 4)), ((2, 0), (0, 4)), ((2, 3), (3, 0)),
    ((5, 2, 3), (3, 4)), ((6, 5, 2, 3), (3, 4)), ((5, 2, 1), (1, 4)), ((0, 2, 3), (3, 4)), ((5, 0, 3), (3, 4)), ((5, 2, 0), (0, 4)),
    ((2, 3), (5, 3, 4)), ((2, 1), (5, 1, 4)), ((2, 3), (6, 5, 3, 4)),
    ((5, 2, 3), (5, 3, 4)), ((1, 2, 3), (5, 3, 4)), ((5, 2, 3), (1, 3, 4)), ((5, 2, 1), (5, 1, 4)), ((0, 2, 3), (0, 3, 4)),
    ((0, 2, 3), (1, 3, 4)), ((6, 1, 2, 3), (5, 3, 4)), ((6, 1, 2, 3), (1, 5, 3, 4)), ((5, 2, 3), (6, 1, 3, 4)),
]  # fmt: skip


@pytest.mark.parametrize(("x", "y"), FITTING)
def test_matmul_is_torchs_in_all_ranks(x: Shape, y: Shape) -> None:
    agree("matmul", *sample(x, y))


@pytest.mark.parametrize("dtype", ["float32", "float16", *INTEGERS])
@pytest.mark.parametrize(
    ("x", "y"), [((3,), (3,)), ((2, 3), (3,)), ((2, 3), (3, 4)), ((2, 1), (1, 4)), ((5, 2, 3), (3, 4)), ((5, 2, 3), (5, 3, 4))]
)
def test_matmul_keeps_the_dtype(dtype: str, x: Shape, y: Shape) -> None:
    arrays = sample(x, y, dtype=dtype)
    compare(tg.matmul, torch.matmul, *arrays, second=dtype != "float16")


def test_matmul_of_transposed_and_expanded_operands() -> None:
    x, y = sample((4, 3), (5, 4))
    compare(lambda x, y: x.mT @ y.mT, lambda x, y: x.mT @ y.mT, x, y)
    compare(lambda x, y: x[:, ::2].mT @ y.mT, lambda x, y: x[:, ::2].mT @ y.mT, x, y)
    compare(lambda x, y: x.expand(6, 4, 3).mT @ y.mT, lambda x, y: x.expand(6, 4, 3).mT @ y.mT, x, y)
    compare(lambda x, y: x.permute(1, 0) @ y[None].mT, lambda x, y: x.permute(1, 0) @ y[None].mT, x, y)


def test_nan_and_inf_meet_zero() -> None:
    for k in (1, 3):
        zeros, values = np.zeros((2, k)), np.full((k, 4), np.nan)
        compare(tg.matmul, torch.matmul, zeros, values, grad=False)
        compare(tg.matmul, torch.matmul, values.T, zeros.T, grad=False)
        compare(tg.matmul, torch.matmul, zeros, np.full((k, 4), np.inf), grad=False)
        compare(tg.matmul, torch.matmul, zeros[0], np.full(k, np.inf), grad=False)
        compare(tg.matmul, torch.matmul, zeros[None], np.full((5, k, 4), np.nan), grad=False)


UNFITTING: list[tuple[Shape, Shape]] = [
    ((), ()), ((), (3,)), ((3,), ()), ((3,), (4,)), ((1,), (3,)), ((2, 3), (4, 5)), ((2, 3), (2,)), ((3,), (2, 4)), ((2, 1), (3, 4)),
    ((2, 3), (1, 4)), ((5, 2, 3), (4, 3, 2)), ((5, 2, 3), (5, 2, 3)), ((3, 2, 3), (4, 2, 3, 5)),
]  # fmt: skip


@pytest.mark.parametrize(("x", "y"), UNFITTING)
def test_matmul_refuses_what_torch_refuses(x: Shape, y: Shape) -> None:
    refused("matmul", *sample(x, y))


@pytest.mark.parametrize(("x", "y"), [((3,), (3,)), ((2, 3), (3,)), ((2, 3), (3, 4)), ((5, 2, 3), (5, 3, 4))])
def test_matmul_refuses_two_dtypes_and_bool(x: Shape, y: Shape) -> None:
    a, b = sample(x, y)
    for other in ("float32", "int64"):
        refused("matmul", a, b.astype(other))
        refused("matmul", a.astype(other), b)
    refused("matmul", a.astype("int32"), b.astype("int64"))
    refused("matmul", a > 0, b > 0)


def test_matmul_names_the_transposition_that_would_fit() -> None:
    assert "x @ y.mT would fit" in str(refused("matmul", *sample((2, 3), (4, 3))))
    assert "x.mT @ y would fit" in str(refused("matmul", *sample((3, 2), (3, 4))))


STRICT: list[tuple[str, Shape, Shape]] = [
    ("mm", (2, 3), (3, 4)), ("mm", (2, 0), (0, 4)), ("mm", (2, 1), (1, 4)), ("bmm", (5, 2, 3), (5, 3, 4)), ("bmm", (0, 2, 3), (0, 3, 4)),
    ("mv", (2, 3), (3,)), ("mv", (0, 3), (3,)), ("dot", (3,), (3,)), ("vdot", (3,), (3,)), ("outer", (2,), (3,)), ("outer", (0,), (3,)),
    ("ger", (2,), (3,)), ("inner", (3,), (3,)), ("inner", (), (2, 3)), ("inner", (2, 3), ()), ("inner", (), ()), ("inner", (2, 3), (3,)),
    ("inner", (3,), (2, 3)), ("inner", (2, 3), (4, 3)), ("inner", (2, 3), (4, 5, 3)), ("inner", (5, 2, 3), (4, 3)),
    ("inner", (2, 0), (4, 0)),
    ("kron", (2,), (3,)), ("kron", (), (2, 3)), ("kron", (2, 3), (4,)), ("kron", (2, 3), (4, 5)), ("kron", (3,), (2, 4, 5)),
    ("kron", (), ()),
    ("kron", (0,), (3,)), ("tensordot", (2, 3, 4), (3, 4, 5)), ("tensordot", (3, 4), (3, 4)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "x", "y"), STRICT)
def test_products_with_names_of_their_own(name: str, x: Shape, y: Shape) -> None:
    agree(name, *sample(x, y))
    agree(name, *sample(x, y, dtype="float32"))
    agree(name, *sample(x, y, dtype="int64"))


@pytest.mark.parametrize(("name", "x", "y"), [
    ("mm", (2, 3), (3,)), ("mm", (3,), (3, 4)), ("mm", (2, 2, 3), (3, 4)), ("mm", (2, 3), (4, 5)), ("bmm", (5, 2, 3), (1, 3, 4)),
    ("bmm", (2, 3), (3, 4)), ("bmm", (5, 2, 3), (5, 4, 3)), ("mv", (2, 3), (2,)), ("mv", (2, 3), (3, 1)), ("mv", (3,), (3,)),
    ("dot", (3,), (2,)),
    ("dot", (2, 3), (3,)), ("dot", (1,), (3,)), ("vdot", (2, 3), (3,)), ("outer", (2, 3), (3,)), ("outer", (), (3,)),
    ("inner", (2, 3), (4, 5)),
])  # fmt: skip
def test_products_refuse_what_torch_refuses(name: str, x: Shape, y: Shape) -> None:
    refused(name, *sample(x, y))


@pytest.mark.parametrize("name", ["outer", "kron"])
@pytest.mark.parametrize(
    ("a", "b"), [("float32", "int64"), ("int32", "float64"), ("float32", "float64"), ("bool", "bool"), ("int8", "int32")]
)
def test_products_that_promote(name: str, a: str, b: str) -> None:
    x, y = sample((2,), (3,))
    agree(name, x.astype(a), y.astype(b))


ADDED: list[tuple[str, Shape, Shape, Shape]] = [
    ("addmm", (2, 4), (2, 3), (3, 4)), ("addmm", (4,), (2, 3), (3, 4)), ("addmm", (2, 1), (2, 3), (3, 4)), ("addmm", (), (2, 3), (3, 4)),
    ("addmm", (1, 1), (2, 0), (0, 4)), ("addmv", (2,), (2, 3), (3,)), ("addmv", (1,), (2, 3), (3,)), ("addmv", (), (2, 3), (3,)),
    ("addbmm", (2, 4), (5, 2, 3), (5, 3, 4)), ("addbmm", (4,), (5, 2, 3), (5, 3, 4)), ("addbmm", (4,), (0, 2, 3), (0, 3, 4)),
    ("baddbmm", (5, 2, 4), (5, 2, 3), (5, 3, 4)), ("baddbmm", (4,), (5, 2, 3), (5, 3, 4)), ("baddbmm", (5, 1, 4), (5, 2, 3), (5, 3, 4)),
]  # fmt: skip


@pytest.mark.parametrize("factors", [{}, {"beta": 0.5, "alpha": -2.0}, {"beta": 0}, {"alpha": 0}, {"beta": 2}])
@pytest.mark.parametrize(("name", "x", "y", "z"), ADDED)
def test_products_added_to_a_tensor(name: str, x: Shape, y: Shape, z: Shape, factors: dict[str, Any]) -> None:
    agree(name, *sample(x, y, z), **factors)
    if not any(isinstance(f, float) for f in factors.values()):
        agree(name, *sample(x, y, z, dtype="int64"), **factors)


def test_a_factor_of_zero_hides_nan() -> None:
    x, y, z = sample((2, 4), (2, 3), (3, 4))
    agree("addmm", x * np.nan, y, z, beta=0)
    compare(lambda *a: tg.addmm(*a, alpha=0), lambda *a: torch.addmm(*a, alpha=0), x, y * np.nan, z, grad=False)


@pytest.mark.parametrize(("name", "x", "y", "z"), [
    ("addmm", (3, 2, 4), (2, 3), (3, 4)), ("addmm", (3,), (2, 3), (3, 4)), ("addmm", (2, 4), (2, 3), (4, 3)),
    ("addmm", (2, 4), (3,), (3, 4)),
    ("addmv", (2, 1), (2, 3), (3,)), ("addmv", (3,), (2, 3), (3,)), ("addbmm", (4,), (1, 2, 3), (5, 3, 4)),
    ("addbmm", (4,), (5, 2, 3), (5, 4, 3)),
    ("addbmm", (5, 2, 4), (5, 2, 3), (5, 3, 4)), ("baddbmm", (6, 5, 2, 4), (5, 2, 3), (5, 3, 4)), ("baddbmm", (5,), (5, 2, 3), (5, 3, 4)),
])  # fmt: skip
def test_added_products_refuse_what_torch_refuses(name: str, x: Shape, y: Shape, z: Shape) -> None:
    refused(name, *sample(x, y, z))


def test_added_products_refuse_two_dtypes() -> None:
    x, y, z = sample((4,), (2, 3), (3, 4))
    refused("addmm", x.astype("float32"), y, z)
    refused("addmm", x.astype("int64"), y, z)


EINSUM: list[tuple[str, list[Shape]]] = [
    ("ij,jk->ik", [(2, 3), (3, 4)]), ("ij,jk", [(2, 3), (3, 4)]), ("ij,jk->ki", [(2, 3), (3, 4)]), ("ij,jk->", [(2, 3), (3, 4)]),
    ("ij,kj->ik", [(2, 3), (4, 3)]), ("bA,ab", [(2, 3), (3, 2)]), (" i j , j k -> i k ", [(2, 3), (3, 4)]),
    ("ij,jk->jik", [(2, 3), (3, 4)]),
    ("i,i", [(3,), (3,)]), ("i,i->i", [(3,), (3,)]), ("i,j", [(2,), (3,)]), ("i,j->ji", [(2,), (3,)]), ("i,j->", [(2,), (3,)]),
    ("i,j->j", [(2,), (3,)]), ("ij,ij->ij", [(2, 3), (2, 3)]), ("ij,ij", [(2, 3), (2, 3)]), ("ij,i->ij", [(2, 3), (2,)]),
    ("bij,bjk->bik", [(5, 2, 3), (5, 3, 4)]), ("bij,bjk->ik", [(5, 2, 3), (5, 3, 4)]), ("bij,bjk->kbi", [(5, 2, 3), (5, 3, 4)]),
    ("bhid,bhjd->bhij", [(2, 3, 4, 5), (2, 3, 6, 5)]), ("bi,bi->b", [(4, 3), (4, 3)]), ("abc,cd,def->abef", [(2, 3, 4), (4, 5), (5, 6, 2)]),
    ("i,ij,j", [(2,), (2, 3), (3,)]), ("ij,jk,kl,lm->im", [(2, 3), (3, 4), (4, 2), (2, 3)]), ("i,i,i", [(3,), (3,), (3,)]),
    ("i,j,k->kij", [(2,), (3,), (4,)]),
    ("ii", [(3, 3)]), ("ii->i", [(3, 3)]), ("iij->ji", [(3, 3, 2)]), ("iii->i", [(3, 3, 3)]), ("iji", [(3, 2, 3)]),
    ("iijj->ij", [(2, 2, 3, 3)]),
    ("ij->ji", [(2, 3)]), ("ij->", [(2, 3)]), ("ij->j", [(2, 3)]), ("ji", [(2, 3)]), ("->", [()]), ("", [()]), (",i", [(), (3,)]),
    (",->", [(), ()]),
    ("ii,ij->ij", [(3, 3), (3, 2)]), ("ii,jj", [(3, 3), (2, 2)]), ("iij,jk->ik", [(3, 3, 2), (2, 4)]),
    ("...ij,...jk->...ik", [(5, 2, 3), (5, 3, 4)]), ("...ij,...jk->...ik", [(6, 5, 2, 3), (5, 3, 4)]),
    ("...ij,...jk->...ik", [(6, 1, 2, 3), (5, 3, 4)]),
    ("...ij,jk->...ik", [(6, 5, 2, 3), (3, 4)]), ("...ij,jk", [(5, 2, 3), (3, 4)]), ("i...,i...", [(2, 3, 5), (2, 5)]),
    ("...i,...i->", [(2, 3, 5), (5,)]), ("...i,...i->i", [(2, 3, 5), (5,)]), ("...i,...i->...", [(2, 3, 5), (5,)]),
    ("ij...,jk...->ik...", [(2, 3, 5), (3, 4, 1)]), ("...ii->...", [(2, 3, 3)]), ("...ii->...i", [(2, 3, 3)]), ("i...->...", [(2, 3, 4)]),
    ("...", [(2, 3)]), ("...,...", [(2, 3), (3,)]), ("...,...->...", [(2, 1), (3,)]), ("...ij->...ji", [(2, 3)]),
    ("ij,j->i", [(2, 3), (1,)]), ("ij,j->i", [(2, 1), (3,)]), ("ij,ij->ij", [(2, 1), (1, 3)]), ("bij,bjk->bik", [(1, 2, 3), (5, 3, 4)]),
    ("bij,bjk->bik", [(5, 2, 3), (1, 3, 4)]), ("i,i", [(1,), (3,)]), ("i,i->i", [(1,), (1,)]),
    ("ij,jk->ik", [(0, 3), (3, 4)]), ("ij,jk->ik", [(2, 0), (0, 4)]), ("i,i", [(0,), (0,)]), ("ij->i", [(2, 0)]), ("ii->i", [(0, 0)]),
    ("bij,bjk->bik", [(0, 2, 3), (0, 3, 4)]),
    ("ij,k->i", [(2, 3), (4,)]), ("ijk,k->i", [(2, 3, 4), (4,)]), ("ijk,jk,ik->ij", [(2, 3, 4), (3, 4), (2, 4)]),
]  # fmt: skip


@pytest.mark.parametrize(("equation", "shapes"), EINSUM)
def test_einsum(equation: str, shapes: list[Shape]) -> None:
    agree_einsum(equation, sample(*shapes))
    agree_einsum(equation, sample(*shapes, dtype="int64"))


def agree_einsum(equation: str, arrays: list[Any]) -> None:
    compare(lambda *x: tg.einsum(equation, *x), lambda *x: torch.einsum(equation, *x), *arrays)
    compare(lambda *x: tg.einsum(equation, list(x)), lambda *x: torch.einsum(equation, list(x)), *arrays, second=False)


def test_einsum_keeps_the_dtype() -> None:
    for dtype in ("float32", "int32", "uint8"):
        compare(
            lambda x, y: tg.einsum("ij,jk->ik", x, y), lambda x, y: torch.einsum("ij,jk->ik", x, y), *sample((2, 3), (3, 4), dtype=dtype)
        )
        compare(lambda x: tg.einsum("ij->i", x), lambda x: torch.einsum("ij->i", x), *sample((2, 3), dtype=dtype))


def test_einsum_with_lists_of_numbers() -> None:
    x, y = sample((2, 3), (3, 4))
    compare(lambda x, y: tg.einsum(x, [0, 1], y, [1, 2], [0, 2]), lambda x, y: torch.einsum(x, [0, 1], y, [1, 2], [0, 2]), x, y)
    compare(lambda x, y: tg.einsum(x, [30, 1], y, [1, 2]), lambda x, y: torch.einsum(x, [30, 1], y, [1, 2]), x, y)
    compare(lambda x, y: tg.einsum(x, [..., 1], y, [1, 2], [..., 2]), lambda x, y: torch.einsum(x, [..., 1], y, [1, 2], [..., 2]), x, y)
    compare(lambda x, y: tg.einsum(x, [0, 1]), lambda x, y: torch.einsum(x, [0, 1]), x, y)


@pytest.mark.parametrize(("equation", "shapes"), [
    ("ij,jk->ikz", [(2, 3), (3, 4)]), ("ij,jk->iik", [(2, 3), (3, 4)]), ("ijk,jk", [(2, 3), (3, 4)]), ("i,jk", [(2, 3), (3, 4)]),
    ("ij,kj", [(2, 3), (3, 4)]), ("ij,jk", [(2, 3)]), ("ij", [(2, 3), (3, 4)]), ("i1", [(2, 3)]), ("i..j", [(2, 3)]),
    ("ij->j->i", [(2, 3)]),
    ("ii->i", [(3, 1)]), ("ii->i", [(3, 2)]), ("i...j...", [(2, 3)]), ("...ijk", [(2, 3)]), ("...i,...i", [(2, 3), (4, 3)]),
    ("ij->i.", [(2, 3)]),
])  # fmt: skip
def test_einsum_refuses_what_torch_refuses(equation: str, shapes: list[Shape]) -> None:
    same_error(lambda *x: tg.einsum(equation, *x), lambda *x: torch.einsum(equation, *x), *sample(*shapes))


def test_einsum_refuses_two_dtypes_and_wrong_lists() -> None:
    x, y = sample((2, 3), (3, 4))
    same_error(lambda x, y: tg.einsum("ij,jk", x, y), lambda x, y: torch.einsum("ij,jk", x, y), x, y.astype("float32"))
    same_error(lambda x, y: tg.einsum(x, [0, 52], y, [1, 2]), lambda x, y: torch.einsum(x, [0, 52], y, [1, 2]), x, y)
    same_error(lambda: tg.einsum("ij"), lambda: torch.einsum("ij"))


TENSORDOT: list[tuple[Shape, Shape, Any]] = [
    ((2, 3, 4), (3, 4, 5), 2), ((2, 3, 4), (4, 5), 1), ((2, 3), (4, 5), 0), ((2, 3), (3, 2), ([0, 1], [1, 0])),
    ((2, 3), (3, 2), ([-1], [0])),
    ((2, 3, 4), (4, 3, 2), ([0, 2], [2, 0])), ((2, 1), (3, 2), ([1], [0])), ((2, 3), (2, 3), ([], [])), ((0, 3), (3, 4), 1),
    ((2, 0), (0, 4), 1),
]  # fmt: skip


@pytest.mark.parametrize(("x", "y", "dims"), TENSORDOT)
def test_tensordot(x: Shape, y: Shape, dims: Any) -> None:
    agree("tensordot", *sample(x, y), dims=dims)
    agree("tensordot", *sample(x, y, dtype="int64"), dims=dims)


@pytest.mark.parametrize(
    ("x", "y", "dims"), [((2, 3), (3, 2), ([0], [0])), ((2, 3), (3, 2), 3), ((2, 3), (3, 2), -1), ((2, 3), (3, 2), ([0, 1], [0]))]
)
def test_tensordot_refuses_what_torch_refuses(x: Shape, y: Shape, dims: Any) -> None:
    refused("tensordot", *sample(x, y), dims=dims)
