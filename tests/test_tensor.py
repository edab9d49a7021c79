"""class Tensor: text, conversions, numbers, copies, gradient attributes, and what is refused."""

from __future__ import annotations

import copy
import gc
import operator
import pickle
import weakref
from typing import Any

import numpy as np
import pytest

import tinygrad_reg as tg
from tinygrad_reg.errors import ArgumentError, ArgumentTypeError, DimensionError, DtypeError, GradientError, ShapeError

inf, nan = np.inf, np.nan


# ---- text ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("x", "text"),
    [
        (tg.tensor(1.0), "tensor(1.)"),
        (tg.tensor(2.5), "tensor(2.5000)"),
        (tg.tensor([1.0, 2.0]), "tensor([1., 2.])"),
        (tg.tensor([1.5, -2.25]), "tensor([ 1.5000, -2.2500])"),
        (tg.tensor([1, 20]), "tensor([ 1, 20])"),
        (tg.tensor([True, False]), "tensor([ True, False])"),
        (tg.tensor([1.0, nan, -inf]), "tensor([1., nan, -inf])"),
        (tg.tensor([1e-5, 1.0]), "tensor([1.0000e-05, 1.0000e+00])"),
        (tg.tensor([1e9]), "tensor([1.0000e+09])"),
        (tg.tensor([]), "tensor([])"),
        (tg.zeros(2, 0), "tensor([], size=(2, 0))"),
        (tg.zeros(0, dtype=tg.int64), "tensor([], dtype=int64)"),
        (tg.tensor([1.0], dtype=tg.float64), "tensor([1.], dtype=float64)"),
        (tg.tensor([1], dtype=tg.int32), "tensor([1], dtype=int32)"),
        (tg.ones(2, requires_grad=True), "tensor([1., 1.], requires_grad=True)"),
        (tg.ones(2, requires_grad=True) * 2, "tensor([2., 2.], grad_fn=<MulBackward0>)"),
        (tg.arange(6).reshape(2, 3), "tensor([[0, 1, 2],\n        [3, 4, 5]])"),
        (tg.zeros(2, 1, 2), "tensor([[[0., 0.]],\n\n        [[0., 0.]]])"),
        (tg.arange(1001), "tensor([   0,    1,    2,  ...,  998,  999, 1000])"),
    ],
)
def test_repr(x: Any, text: str) -> None:
    assert repr(x) == str(x) == text


def test_long_lines_are_broken() -> None:
    lines = repr(tg.arange(100.0) + 0.5).split("\n")
    assert max(map(len, lines)) <= 80
    assert all(line.startswith(" " * 8) for line in lines[1:])


def test_format() -> None:
    assert f"{tg.tensor(2.5):.2f}" == "2.50"
    assert f"{tg.tensor(2.5)}" == "2.5"
    assert f"{tg.tensor([2.5])}" == "tensor([2.5000])"
    with pytest.raises(TypeError):
        f"{tg.ones(2):.2f}"


# ---- numbers and containers ----------------------------------------------------------------------------------------------


def test_one_element_is_a_number() -> None:
    assert tg.tensor([[2.5]]).item() == 2.5
    assert float(tg.tensor(2)) == 2.0
    assert int(tg.tensor([2.9])) == 2
    assert bool(tg.tensor([0.0])) is False
    assert operator.index(tg.tensor([3])) == 3
    assert [10, 20][tg.tensor(1)] == 20
    assert type(tg.tensor(2.5, dtype=tg.float16).item()) is float


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: tg.ones(2).item(), ShapeError, "item.*reduce or index"),
        (lambda: float(tg.ones(0)), ShapeError, r"\(0,\)"),
        (lambda: bool(tg.ones(2)), ShapeError, r"\.any\(\)"),
        (lambda: bool(tg.ones(0)), ShapeError, "neither"),
        (lambda: operator.index(tg.tensor(1.0)), DtypeError, "float32"),
        (lambda: operator.index(tg.tensor([1, 2])), DtypeError, r"\(2,\)"),
        (lambda: len(tg.tensor(1)), TypeError, "0-d"),
        (lambda: iter(tg.tensor(1)), TypeError, "0-d"),
        (lambda: tg.ones(2).size(5), DimensionError, "dim 5"),
        (lambda: tg.ones(2, requires_grad=True).numpy(), GradientError, "detach"),
        (lambda: np.asarray(tg.ones(2, requires_grad=True)), GradientError, "detach"),
        (lambda: tg.ones(2, dtype=tg.int64).requires_grad_(), GradientError, "floating point"),
        (lambda: tg.ones(2)[0].detach_(), GradientError, "view"),
        (lambda: (tg.ones(2, requires_grad=True) * 2).requires_grad_(False), GradientError, "detach"),
        (lambda: copy.deepcopy(tg.ones(2, requires_grad=True) * 2), GradientError, "detach"),
        (lambda: pickle.dumps(tg.ones(2, requires_grad=True) * 2), GradientError, "detach"),
        (lambda: setattr(tg.ones(2), "grad", tg.ones(3)), ShapeError, r"\(2,\).*\(3,\)"),
        (lambda: setattr(tg.ones(2), "grad", 1.0), ArgumentTypeError, "float"),
        (lambda: setattr(tg.ones(2), "data", np.ones(2)), ArgumentTypeError, "array float64"),
        (lambda: setattr(tg.ones(2, requires_grad=True), "data", tg.ones(2, dtype=tg.int64)), DtypeError, "int64"),
        (lambda: setattr(tg.ones(2, requires_grad=True) * 1, "data", tg.ones(3)), ShapeError, "graph"),
        (lambda: tg.ones(2).to("cuda"), ArgumentError, "cuda"),
        (lambda: tg.ones(2).to("no such thing"), ArgumentError, "does not exist here"),
        (lambda: tg.Tensor("abc"), ArgumentTypeError, "str"),
        (lambda: tg.Tensor([1], [2]), ArgumentTypeError, "one sequence"),
    ],
)
def test_what_is_refused(call: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=f"(?s){words}"):
        call()


def test_a_tensor_is_a_sequence_of_its_rows() -> None:
    x = tg.arange(6).reshape(2, 3)
    assert len(x) == 2
    assert [row.tolist() for row in x] == [[0, 1, 2], [3, 4, 5]]
    assert [row.tolist() for row in reversed(x)] == [[3, 4, 5], [0, 1, 2]]
    assert 4 in x
    assert 9 not in x
    assert None not in [tg.ones(2), tg.ones(3)]
    a, b = x
    assert a.tolist() == [0, 1, 2]
    (y,) = tg.autograd.grad(sum(tg.ones(3, requires_grad=True)), [tg.ones(1, requires_grad=True)], allow_unused=True)
    assert y is None


def test_iteration_is_differentiable() -> None:
    x = tg.tensor([1.0, 2.0, 3.0], requires_grad=True)
    total = sum((i + 1) * item for i, item in enumerate(x))
    total.backward()
    assert x.grad is not None
    assert x.grad.tolist() == [1.0, 2.0, 3.0]


def test_tensors_are_hashed_by_identity() -> None:
    x, y = tg.ones(2), tg.ones(2)
    assert {x: 1, y: 2}[x] == 1
    assert len({x, y, x}) == 2


# ---- what it is ----------------------------------------------------------------------------------------------------------


def test_properties() -> None:
    x = tg.zeros(2, 3, dtype=tg.float64)
    assert (x.shape, x.size(), x.size(-1), x.ndim, x.dim(), x.numel(), x.nelement()) == ((2, 3), (2, 3), 3, 2, 2, 6, 6)
    assert (x.dtype, x.itemsize, x.nbytes, x.element_size()) == (tg.float64, 8, 48, 8)
    assert (x.stride(), x.stride(1), x.T.stride(), tg.zeros(0, 2).stride()) == ((3, 1), 1, (1, 3), (2, 1))
    assert x.is_contiguous()
    assert not x.T.is_contiguous()
    assert x.is_floating_point()
    assert x.device == tg.device("cpu")
    assert str(x.device) == "cpu"
    assert x.data_ptr() == x.view(-1).data_ptr()
    assert not tg.cuda.is_available()


def test_conversions() -> None:
    x = tg.tensor([0.0, 1.5, -2.7])
    assert x.to(tg.float32) is x
    assert x.to(tg.float32, copy=True) is not x
    assert x.to("cpu") is x
    assert x.double().dtype == x.to(tg.float64).dtype == x.type_as(tg.ones(1, dtype=tg.float64)).dtype == tg.float64
    assert x.to(tg.ones(1, dtype=tg.int8)).dtype == tg.int8
    assert x.to("cpu", tg.int32).dtype == tg.int32
    assert x.to(dtype=float).dtype == tg.float64
    assert x.long().tolist() == [0, 1, -2]
    assert x.bool().tolist() == [False, True, True]
    assert [x.half().dtype, x.int().dtype, x.short().dtype, x.float().dtype] == [tg.float16, tg.int32, tg.int16, tg.float32]
    assert x.type() == "float32"
    assert x.type(tg.int64).dtype == tg.int64


def test_conversion_is_differentiable_to_floats_and_ends_the_graph_at_integers() -> None:
    x = tg.ones(2, requires_grad=True)
    y = x.double() * 3.0
    y.sum().backward()
    assert x.grad is not None
    assert x.grad.dtype == tg.float32
    assert not x.long().requires_grad
    assert not x.bool().requires_grad
    assert not (x > 0).requires_grad


def test_numpy_and_tolist() -> None:
    x = tg.tensor([[1.0, 2.0]])
    assert np.shares_memory(x.numpy(), x.array)
    assert np.asarray(x).dtype == np.float32
    assert np.array(x, dtype=np.float64).dtype == np.float64
    assert not np.shares_memory(np.array(x), x.array)
    assert tg.ones(2, requires_grad=True).numpy(force=True).tolist() == [1.0, 1.0]
    assert x.tolist() == [[1.0, 2.0]]
    assert tg.tensor(3).tolist() == 3


def test_the_constructor() -> None:
    assert tg.Tensor([1, 2]).dtype == tg.float32
    assert tg.Tensor(2, 3).shape == (2, 3)
    assert tg.Tensor().shape == (0,)


# ---- copies --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "how", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x)), lambda x: pickle.loads(pickle.dumps(x, protocol=5))]
)
def test_copies_of_leaves(how: Any) -> None:
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    x.name = "weights"
    y = how(x)
    assert y is not x
    assert type(y) is tg.Tensor
    assert y.tolist() == [1.0, 2.0]
    assert y.requires_grad
    assert y.is_leaf
    assert y.name == "weights"
    assert not np.shares_memory(y.array, x.array)
    with tg.no_grad():
        y.add_(1.0)
    (y * 2.0).sum().backward()
    assert x.grad is None
    z = how(tg.ones(2, dtype=tg.int64))
    assert not z.requires_grad


def test_deepcopy_copies_the_gradient_and_keeps_shared_tensors_shared() -> None:
    x = tg.ones(2, requires_grad=True)
    x.sum().backward()
    a, b = copy.deepcopy([x, x])
    assert a is b
    assert a.grad is not None
    assert x.grad is not None
    assert a.grad.tolist() == [1.0, 1.0]
    assert not np.shares_memory(a.grad.array, x.grad.array)


def test_deepcopy_keeps_shared_memory_shared() -> None:
    x = tg.arange(6.0)
    views = [x[:3], x, x[2:], x.view(3, 2).T, x.split(3)[1], x.detach(), x.expand(2, 6)]
    copies = copy.deepcopy(views)
    assert [y.tolist() for y in copies] == [y.tolist() for y in views]
    assert [y.stride() for y in copies] == [y.stride() for y in views]
    copies[1].mul_(10.0)
    assert [y.tolist() for y in copies] == [(y * 10).tolist() for y in views]
    assert not np.shares_memory(copies[0].array, x.array)


def test_the_version_counts_what_is_written_to_the_memory() -> None:
    x = tg.zeros(3)
    assert x._version == 0
    x.add_(1.0)
    part, same = x[:1], x.detach()
    part.mul_(2.0)
    assert (x._version, part._version, same._version) == (2, 2, 2)
    assert (x * 2)._version == x.clone()._version == 0
    w = tg.ones(2, requires_grad=True)
    w.sum().backward()
    optimizer = tg.optim.SGD([w], lr=0.1)
    for _ in range(3):
        optimizer.step()
    assert w._version == 3


def test_shallow_copy_shares_memory() -> None:
    x = tg.ones(2)
    y = copy.copy(x)
    x.add_(1.0)
    assert y.tolist() == [2.0, 2.0]


# ---- gradient attributes -------------------------------------------------------------------------------------------------


def test_leaves_results_and_detached() -> None:
    x = tg.ones(2, requires_grad=True)
    y = x * 2.0
    assert (x.is_leaf, y.is_leaf, y.detach().is_leaf) == (True, False, True)
    assert (x.requires_grad, y.requires_grad, y.detach().requires_grad) == (True, True, False)
    assert x.grad_fn is None
    assert y.grad_fn is not None
    assert y.grad_fn.name() == "MulBackward0"
    assert repr(y.grad_fn) == "<MulBackward0>"
    assert y.grad_fn.next_functions[0][0].name() == "AccumulateGrad"
    assert np.shares_memory(y.detach().numpy(), y.array)
    y.detach_()
    assert y.is_leaf
    assert not y.requires_grad


def test_requires_grad_can_be_switched_and_keeps_the_gradient() -> None:
    x = tg.ones(2)
    assert x.requires_grad_() is x
    x.sum().backward()
    x.requires_grad = False
    assert x.grad is not None
    assert not (x * 2).requires_grad
    x.requires_grad = True
    assert x.grad.tolist() == [1.0, 1.0]
    x.requires_grad_()
    (x * 2.0).sum().backward()
    assert x.grad.tolist() == [3.0, 3.0]


def test_grad_can_be_set_and_deleted() -> None:
    x = tg.ones(2, requires_grad=True)
    x.grad = tg.ones(2)
    x.sum().backward()
    assert x.grad.tolist() == [2.0, 2.0]
    del x.grad
    assert x.grad is None
    y = tg.ones(2)
    y.grad = tg.zeros(2)
    assert y.grad.tolist() == [0.0, 0.0]


def test_data_shares_memory_and_can_be_replaced() -> None:
    x = tg.ones(2, requires_grad=True)
    x.data.mul_(3.0)
    assert x.tolist() == [3.0, 3.0]
    assert not x.data.requires_grad
    x.data = tg.zeros(3)
    assert x.shape == (3,)
    x.sum().backward()
    assert x.grad is not None
    assert x.grad.shape == (3,)


def test_a_tensor_is_freed_at_once() -> None:
    gc.disable()
    try:
        x = tg.ones(2, requires_grad=True)
        y = (x * 2.0)[0]
        seen = [weakref.ref(x), weakref.ref(y)]
        del x, y
        assert [ref() for ref in seen] == [None, None]
    finally:
        gc.enable()


def test_storage_offset_counts_elements() -> None:
    x = tg.arange(6).reshape(2, 3)
    assert x.storage_offset() == 0
    assert x[1].storage_offset() == 3
    assert x[1:, 1:].storage_offset() == 4
    assert x.T[2].storage_offset() == 2
