"""embedding and embedding_bag: gradients of repeated rows, padding, frequencies, norms in place, empty bags, errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_reg as tg
from tinygrad_reg.errors import ArgumentError, ArgumentTypeError, DimensionError, DtypeError, ShapeError
from tinygrad_reg.nn import functional as F


def table() -> Any:
    return tg.tensor(np.arange(12.0).reshape(4, 3), requires_grad=True)


def counts(out: Any, weight: Any) -> Any:
    """The gradient of the sum of the first feature."""
    return tg.autograd.grad(out[..., 0].sum(), weight)[0][:, 0].tolist()


def test_repeated_rows_add_up() -> None:
    w = table()
    out = F.embedding(tg.tensor([[3, 0], [3, 3]]), w)
    assert out.shape == (2, 2, 3)
    assert out[0, 0].tolist() == [9.0, 10.0, 11.0]
    assert counts(out, w) == [1.0, 0.0, 0.0, 3.0]


def test_the_padding_gets_no_gradient_not_even_nan() -> None:
    w = table()
    for padding in (3, -1):
        out = F.embedding(tg.tensor([3, 0]), w, padding_idx=padding)
        assert out[0].tolist() == [9.0, 10.0, 11.0]
        assert counts(out, w) == [1.0, 0.0, 0.0, 0.0]
    (g,) = tg.autograd.grad(F.embedding(tg.tensor([3, 0]), w, 3), w, tg.full((2, 3), float("nan"), dtype=tg.float64))
    assert g[3].tolist() == [0.0, 0.0, 0.0]


def test_gradients_by_frequency() -> None:
    w = table()
    assert counts(F.embedding(tg.tensor([3, 0, 3, 3, 3]), w, scale_grad_by_freq=True), w) == [1.0, 0.0, 0.0, 1.0]


def test_max_norm_shortens_the_rows_it_reads_in_place() -> None:
    w = tg.tensor([[3.0, 4.0], [30.0, 40.0], [30.0, 40.0]], requires_grad=True)
    memory = w.array
    out = F.embedding(tg.tensor([1, 0, 1]), w, max_norm=10.0)
    assert w.array is memory
    np.testing.assert_allclose(w.detach().numpy(), [[3, 4], [6, 8], [30, 40]], rtol=1e-6)
    np.testing.assert_allclose(out.detach().numpy(), [[6, 8], [3, 4], [6, 8]], rtol=1e-6)
    assert counts(out, w) == [1.0, 2.0, 0.0]


@pytest.mark.parametrize(("mode", "expected"), [("sum", [9.0, 0.0, 15.0]), ("mean", [4.5, 0.0, 5.0]), ("max", [9.0, 0.0, 9.0])])
def test_bags_of_any_size(mode: str, expected: list[float]) -> None:
    out = F.embedding_bag(tg.tensor([0, 3, 1, 1, 3]), table(), tg.tensor([0, 2, 2]), mode=mode)
    assert out[:, 0].tolist() == expected
    again = F.embedding_bag(tg.tensor([0, 3, 1, 1, 3]), table(), tg.tensor([0, 2, 2, 5]), mode=mode, include_last_offset=True)
    assert again.tolist() == out.tolist()


@pytest.mark.parametrize(("mode", "expected"), [("sum", [9.0, 0.0]), ("mean", [9.0, 0.0]), ("max", [9.0, 0.0])])
def test_padding_in_bags_does_not_count(mode: str, expected: list[float]) -> None:
    w, numbers = table(), tg.tensor([[2, 3], [2, 2]])
    out = F.embedding_bag(numbers, w, mode=mode, padding_idx=2)
    assert out[:, 0].tolist() == expected
    assert counts(out, w) == [0.0, 0.0, 0.0, 1.0]
    flat = F.embedding_bag(numbers.flatten(), w, tg.tensor([0, 2]), mode=mode, padding_idx=2)
    assert flat.tolist() == out.tolist()
    assert counts(flat, w) == [0.0, 0.0, 0.0, 1.0]


w, i = tg.ones(4, 3), tg.tensor([0, 1])


@pytest.mark.parametrize(("call", "error", "says"), [
    (lambda: F.embedding(tg.tensor([4]), w), DimensionError, "out of range"),
    (lambda: F.embedding(tg.tensor([-1]), w), DimensionError, "out of range"),
    (lambda: F.embedding(tg.tensor([0.0]), w), DtypeError, "long"),
    (lambda: F.embedding(tg.tensor([True]), w), DtypeError, "long"),
    (lambda: F.embedding(i, tg.ones(3)), ShapeError, "table"),
    (lambda: F.embedding([0], w), ArgumentTypeError, "input must be a tensor"),
    (lambda: F.embedding(i, w, padding_idx=4), ArgumentError, "padding_idx"),
    (lambda: F.embedding_bag(i, w), ArgumentError, "needs offsets"),
    (lambda: F.embedding_bag(i[None], w, i), ArgumentError, "no offsets"),
    (lambda: F.embedding_bag(i[None, None], w), ShapeError, "entries"),
    (lambda: F.embedding_bag(i, w, tg.tensor([1])), ArgumentError, "start with 0"),
    (lambda: F.embedding_bag(i, w, tg.tensor([0, 3])), ArgumentError, "not exceed"),
    (lambda: F.embedding_bag(i, w, tg.tensor([0.0])), ArgumentError, "integers"),
    (lambda: F.embedding_bag(i[None], w, mode="min"), ArgumentError, "mode must be"),
    (lambda: F.embedding_bag(i[None], w, per_sample_weights=tg.ones(1, 2)), ArgumentError, "mode"),
    (lambda: F.embedding_bag(i[None], w, mode="sum", per_sample_weights=tg.ones(2)), ShapeError, "same shape"),
    (lambda: F.embedding_bag(i[None], w, mode="sum", per_sample_weights=tg.ones(1, 2).double()), DtypeError, "convert"),
])  # fmt: skip
def test_errors(call: Callable[[], Any], error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        call()
