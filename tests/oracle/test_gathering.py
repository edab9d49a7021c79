"""Positions along one dimension against torch: every function, in-place forms, gradients of both orders, errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_reg as tg

from .compare import compare
from .test_indexing import Function, agree, ints, sample

torch = pytest.importorskip("torch")

ONE: dict[str, Function] = {
    "gather": lambda m, x: m.gather(x, 1, ints(m, [0, 2, 0], [1, 1, 1])),
    "gather narrow": lambda m, x: x.gather(1, ints(m, [2], [0])),
    "gather fewer rows": lambda m, x: m.gather(x, 1, ints(m, [2, 2])),
    "gather more along": lambda m, x: m.gather(x, 0, ints(m, [0, 1], [1, 1], [0, 0], [1, 0])),
    "gather too many rows": lambda m, x: m.gather(x, 1, ints(m, [0], [0], [0])),
    "gather out of range": lambda m, x: m.gather(x, 1, ints(m, [3])),
    "gather negative": lambda m, x: m.gather(x, 1, ints(m, [-1])),
    "gather vector": lambda m, x: m.gather(x, 0, ints(m, 0, 0)),
    "gather nothing": lambda m, x: m.gather(x, 0, m.zeros((0,), dtype=m.int64)),
    "gather nothing of many rows": lambda m, x: m.gather(x, -1, m.zeros((5, 0), dtype=m.int64)),
    "gather int32": lambda m, x: m.gather(x, 1, ints(m, [1], [0]).to(m.int32)),
    "gather by floats": lambda m, x: m.gather(x, 1, m.zeros((1, 1))),
    "take_along_dim": lambda m, x: m.take_along_dim(x, ints(m, [0, 0], [-1, 1]), 1),
    "take_along_dim broadcast": lambda m, x: x.take_along_dim(ints(m, [1]), dim=-1),
    "take_along_dim flat": lambda m, x: m.take_along_dim(x, ints(m, [2, 0], [0, 1])),
    "take_along_dim misfit": lambda m, x: m.take_along_dim(x, ints(m, [0], [0], [0]), 1),
    "take_along_dim vector": lambda m, x: m.take_along_dim(x, ints(m, 0), 0),
    "index_select": lambda m, x: m.index_select(x, 0, ints(m, 1, 0, 1)),
    "index_select last": lambda m, x: x.index_select(-1, ints(m, 1)),
    "index_select scalar": lambda m, x: m.index_select(x, 0, m.tensor(0)),
    "index_select none": lambda m, x: m.index_select(x, 0, m.zeros((0,), dtype=m.int64)),
    "index_select matrix": lambda m, x: m.index_select(x, 0, ints(m, [0])),
    "index_select out of range": lambda m, x: m.index_select(x, 0, ints(m, 2)),
    "index_select negative": lambda m, x: m.index_select(x, 0, ints(m, -1)),
    "index_fill": lambda m, x: m.index_fill(x, 0, ints(m, 1, -1), 5),
    "index_fill tensor": lambda m, x: x.index_fill(-1, ints(m, 0), m.tensor(2.5)),
    "index_fill matrix": lambda m, x: m.index_fill(x, 0, ints(m, [0]), 5),
    "index_fill by a vector": lambda m, x: m.index_fill(x, 0, ints(m, 0), m.ones(1)),
    "narrow": lambda m, x: m.narrow(x, 0, 1, 1),
    "narrow from the end": lambda m, x: x.narrow(-1, -2, 2),
    "narrow none": lambda m, x: m.narrow(x, 0, 2, 0),
    "narrow start outside": lambda m, x: m.narrow(x, 0, 9, 0),
    "narrow too long": lambda m, x: m.narrow(x, 0, 1, 9),
    "narrow negative": lambda m, x: m.narrow(x, 0, 0, -1),
    "select": lambda m, x: m.select(x, 0, 1),
    "select last": lambda m, x: x.select(-1, -1),
    "select outside": lambda m, x: m.select(x, 0, 9),
    "take": lambda m, x: m.take(x, ints(m, [0, 0], [-1, 1])),
    "take outside": lambda m, x: m.take(x, ints(m, 99)),
    "take by floats": lambda m, x: m.take(x, m.zeros(1)),
    "scatter number": lambda m, x: m.scatter(x, 0, ints(m, [0, 0, 0]), 5.0),
    "scatter value": lambda m, x: m.scatter(x, 1, ints(m, [2], [0]), value=-1),
    "scatter a number adding": lambda m, x: m.scatter(x.detach(), 0, ints(m, [0, 0, 0], [1, 0, 0]), 5, reduce="add"),
    "scatter a number multiplying": lambda m, x: x.detach().scatter(0, ints(m, [0, 0, 0], [1, 0, 0]), 5, reduce="multiply"),
    "scatter a value multiplying": lambda m, x: m.scatter(x.detach(), -1, ints(m, [2, 2], [0, 1]), value=-3, reduce="multiply"),
    "scatter in place multiplying": lambda m, x: (x.detach() * 1).scatter_(0, ints(m, [0, 0, 0]), 2, reduce="multiply"),
    "scatter reducing wrongly": lambda m, x: m.scatter(x.detach(), 0, ints(m, [0, 0, 0]), 5, reduce="mean"),
    "scatter nothing multiplying": lambda m, x: m.scatter(x.detach(), 0, m.zeros((0,), dtype=m.int64), 5, reduce="multiply"),
    "scatter outside": lambda m, x: m.scatter(x, 0, ints(m, [9, 0, 0]), 5.0),
    "scatter negative": lambda m, x: m.scatter(x, 0, ints(m, [-1, 0, 0]), 5.0),
}


@pytest.mark.parametrize("name", ONE)
def test_function_of_one_tensor(name: str) -> None:
    for shape in [(2, 3), (1, 3), (3,), ()]:
        array = sample(shape)
        agree(ONE[name], array)
        agree(ONE[name], array.astype(np.float32))
        agree(ONE[name], np.round(array * 3).astype(np.int64))


def reduced(x: Any, dim: int, index: Any, src: Any, reduce: str) -> Any:
    """Without gradients, which torch has not."""
    return x.detach().scatter(dim, index, src.detach(), reduce=reduce)


TWO: dict[str, tuple[Function, tuple[int, ...], tuple[int, ...]]] = {
    "scatter": (lambda m, x, v: m.scatter(x, 1, ints(m, [0, 2], [1, 0]), v), (2, 3), (2, 2)),
    "scatter larger src": (lambda m, x, v: x.scatter(0, ints(m, [1, 0]), v), (2, 3), (3, 4)),
    "scatter smaller src": (lambda m, x, v: m.scatter(x, 1, ints(m, [0, 2], [1, 0]), v), (2, 3), (2, 1)),
    "scatter 0-d": (lambda m, x, v: m.scatter(x, 0, ints(m, 0), v), (), (1,)),
    "scatter all 0-d": (lambda m, x, v: m.scatter(x, 0, m.tensor(0), v), (), ()),
    "scatter 0-d src": (lambda m, x, v: m.scatter(x, 0, ints(m, [0]), v), (2, 3), ()),
    "scatter nothing": (lambda m, x, v: m.scatter(x, 0, m.zeros((0,), dtype=m.int64), v), (2, 3), (2, 3)),
    "scatter adding": (lambda m, x, v: reduced(x, 1, ints(m, [0, 0], [1, 0]), v, "add"), (2, 3), (2, 2)),
    "scatter multiplying": (lambda m, x, v: reduced(x, 1, ints(m, [0, 0], [1, 0]), v, "multiply"), (2, 3), (2, 2)),
    "scatter multiplying larger src": (lambda m, x, v: reduced(x, 0, ints(m, [1, 0]), v, "multiply"), (2, 3), (3, 4)),
    "scatter multiplying 0-d": (lambda m, x, v: reduced(x, 0, ints(m, 0, 0), v, "multiply"), (), (2,)),
    "scatter in place": (lambda m, x, v: (x * 1.0).scatter_(1, ints(m, [0, 2], [1, 0]), v), (2, 3), (2, 2)),
    "scatter_add": (lambda m, x, v: m.scatter_add(x, 1, ints(m, [0, 0], [1, 0]), v), (2, 3), (2, 2)),
    "scatter_add larger src": (lambda m, x, v: x.scatter_add(-1, ints(m, [0, 0, 0, 1]), v), (2, 3), (2, 5)),
    "scatter_add 0-d": (lambda m, x, v: m.scatter_add(x, 0, ints(m, 0, 0), v), (), (2,)),
    "scatter_add in place": (lambda m, x, v: (x * 1.0).scatter_add_(0, ints(m, [0, 1, 1]), v), (2, 3), (1, 3)),
    "scatter_add nothing": (lambda m, x, v: m.scatter_add(x, 0, m.zeros((0,), dtype=m.int64), v), (2, 3), (2, 3)),
    "index_add": (lambda m, x, v: m.index_add(x, 0, ints(m, 1, 1, 0), v), (2, 3), (3, 3)),
    "index_add alpha": (lambda m, x, v: x.index_add(1, ints(m, 2, 0), v, alpha=-0.5), (2, 3), (2, 2)),
    "index_add scalar": (lambda m, x, v: m.index_add(x, 1, m.tensor(0), v), (2, 3), (2, 1)),
    "index_add 0-d": (lambda m, x, v: m.index_add(x, 0, ints(m, 0), v), (), ()),
    "index_add misfit": (lambda m, x, v: m.index_add(x, 0, ints(m, 1), v), (2, 3), (2, 3)),
    "index_add outside": (lambda m, x, v: m.index_add(x, 0, ints(m, 5), v), (2, 3), (1, 3)),
    "index_add in place": (lambda m, x, v: (x * 1.0).index_add_(0, ints(m, 1, 1, 0), v), (2, 3), (3, 3)),
    "index_copy": (lambda m, x, v: m.index_copy(x, 0, ints(m, 1, 0), v), (3, 3), (2, 3)),
    "index_copy last": (lambda m, x, v: x.index_copy(-1, ints(m, 2), v), (2, 3), (2, 1)),
    "index_copy scalar": (lambda m, x, v: m.index_copy(x, 0, ints(m, 1), v), (3,), ()),
    "index_copy scalars": (lambda m, x, v: m.index_copy(x, 0, m.tensor(1), v), (3,), ()),
    "index_copy 0-d": (lambda m, x, v: m.index_copy(x, 0, ints(m, 0), v), (), ()),
    "index_copy in place": (lambda m, x, v: (x * 1.0).index_copy_(0, ints(m, 1, 0), v), (3, 3), (2, 3)),
    "index_fill": (lambda m, x, v: m.index_fill(x, 0, ints(m, 1), v), (2, 3), ()),
}


@pytest.mark.parametrize("name", TWO)
@pytest.mark.filterwarnings("ignore:The reduce argument of torch.scatter")  # deprecated there
def test_function_of_two_tensors(name: str) -> None:
    function, first, second = TWO[name]
    wrt = [0] if "larger src" in name or "nothing" in name else None  # torch cannot differentiate a src larger than the index
    agree(function, sample(first), sample(second) + 2.0, wrt=wrt)
    agree(function, sample(first).astype(np.float32), sample(second).astype(np.float32), wrt=wrt)


def test_reducing_scatters_have_the_gradients_torch_lacks() -> None:
    """Adding is what scatter_add does; multiplying by constants is one product with all the factors of a place."""
    index, x, v = np.array([0, 0, 2]), sample((3,)), sample((3,)) + 2.0
    compare(
        lambda x, v: tg.scatter(x, 0, tg.tensor(index), v, reduce="add"), lambda x, v: torch.scatter_add(x, 0, torch.tensor(index), v), x, v
    )
    factors = np.array([v[0] * v[1], 1.0, v[2]])
    compare(lambda x: tg.scatter(x, 0, tg.tensor(index), tg.tensor(v), reduce="multiply"), lambda x: x * torch.tensor(factors), x)


def test_a_source_of_which_nothing_is_taken_stays_in_the_graph() -> None:
    for m in (tg, torch):
        x, source, nowhere = m.ones(3), m.ones(3, requires_grad=True), m.zeros(0, dtype=m.int64)
        for made in (m.scatter(x, 0, nowhere, source), m.scatter_add(x, 0, nowhere, source)):
            assert made.requires_grad
            if m is tg:  # in torch, backward raises then
                assert tg.autograd.grad(made.sum(), source)[0].tolist() == [0.0, 0.0, 0.0]


BY_DTYPE: dict[str, Any] = {
    "gather": lambda m, x, i: m.gather(x, 0, i),
    "scatter": lambda m, x, i: x.scatter(0, i, x[:2]),
    "scatter a number": lambda m, x, i: x.scatter(0, i, 1.0),
    "scatter_add": lambda m, x, i: x.scatter_add(0, i, x[:2]),
    "take": lambda m, x, i: m.take(x, i),
    "take_along_dim": lambda m, x, i: m.take_along_dim(x, i, 0),
    "index_select": lambda m, x, i: m.index_select(x, 0, i),
    "index_add": lambda m, x, i: m.index_add(x, 0, i, x[:2]),
    "index_copy": lambda m, x, i: m.index_copy(x, 0, i, x[:2]),
    "index_fill": lambda m, x, i: m.index_fill(x, 0, i, 7.0),
    "embedding": lambda m, x, i: m.nn.functional.embedding(i, x.reshape(4, 1)),
    "embedding_bag": lambda m, x, i: m.nn.functional.embedding_bag(i[None], x.reshape(4, 1)),
}


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int8", "int16", "int32", "int64", "float32"])
@pytest.mark.parametrize("name", BY_DTYPE)
def test_positions_are_taken_of_the_same_dtypes(name: str, dtype: str) -> None:
    agree(lambda m, x: BY_DTYPE[name](m, x, m.tensor([0, 1], dtype=getattr(m, dtype))), np.arange(4.0))
