"""Pooling: values by hand, ties, nan, indices, the laws of linear maps, and what the errors say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_reg as tg
from tinygrad_reg.errors import ArgumentError, DtypeError, ShapeError
from tinygrad_reg.nn import functional as F

from .derivatives import gradient, hessian
from .linear import check_linear

nan = float("nan")


def row(*values: float) -> Any:
    return tg.tensor([[list(values)]])


def test_max_and_mean_by_hand() -> None:
    x = row(1.0, 3.0, 2.0, -1.0, 0.0)
    assert F.max_pool1d(x, 2).tolist() == [[[3.0, 2.0]]]
    assert F.max_pool1d(x, 2, ceil_mode=True).tolist() == [[[3.0, 2.0, 0.0]]]
    assert F.max_pool1d(x, 2, 1, dilation=2).tolist() == [[[2.0, 3.0, 2.0]]]
    assert F.max_pool1d(-x - 10.0, 3, padding=1).tolist() == [[[-11.0, -9.0]]]
    assert F.avg_pool1d(x, 2).tolist() == [[[2.0, 0.5]]]
    assert F.avg_pool1d(x, 2, padding=1).tolist() == [[[0.5, 2.5, -0.5]]]
    assert F.avg_pool1d(x, 2, padding=1, count_include_pad=False).tolist() == [[[1.0, 2.5, -0.5]]]
    assert F.avg_pool2d(tg.ones(1, 1, 2, 2), 2, divisor_override=8).tolist() == [[[[0.5]]]]
    assert F.adaptive_avg_pool1d(row(1.0, 3.0, 2.0, 1.0, 0.0), 3).tolist() == [[[2.0, 2.0, 0.5]]]
    assert F.adaptive_max_pool1d(x, 3).tolist() == [[[3.0, 3.0, 0.0]]]


def test_padded_windows_are_not_taken_for_tiles() -> None:
    x = row(1.0, 2.0, 3.0, 4.0, 5.0, 6.0)
    assert F.avg_pool1d(x, 3).tolist() == [[[2.0, 5.0]]]
    assert F.avg_pool1d(x, 3, padding=1).tolist() == [[[1.0, 4.0]]]
    assert F.max_pool1d(x, 3, padding=1).tolist() == [[[2.0, 5.0]]]


@pytest.mark.parametrize("windows", [3, 1000])
def test_few_windows_and_many_give_the_same(windows: int) -> None:
    x = tg.arange(4.0 * windows).reshape(1, 1, -1)
    assert F.avg_pool1d(x, 4).flatten().tolist() == [4.0 * i + 1.5 for i in range(windows)]
    assert F.max_pool1d(x, 4).flatten().tolist() == [4.0 * i + 3.0 for i in range(windows)]


def test_indices_count_through_the_flattened_input() -> None:
    x = tg.arange(12.0).reshape(1, 1, 3, 4)
    values, indices = F.max_pool2d(x, 2, 1, return_indices=True)
    assert indices.dtype == tg.int64
    assert indices.tolist() == [[[[5, 6, 7], [9, 10, 11]]]]
    np.testing.assert_array_equal(x.flatten()[indices.flatten()].numpy(), values.flatten().numpy())
    assert F.adaptive_max_pool2d(x, (2, 3), return_indices=True)[1].tolist() == [[[[5, 6, 7], [9, 10, 11]]]]


def test_the_first_of_equal_elements_gets_the_gradient() -> None:
    assert gradient(lambda x: F.max_pool1d(x[None, None], 2)[0, 0], [1.0, 1.0, 0.0, 0.0]).tolist() == [1.0, 0.0, 1.0, 0.0]
    x = tg.zeros(1, 1, 2, 2, requires_grad=True)
    F.max_pool2d(x, 2).sum().backward()
    assert x.grad.tolist() == [[[[1.0, 0.0], [0.0, 0.0]]]]
    assert F.max_pool1d(row(0.0, 0.0), 3, 1, 1, return_indices=True)[1].tolist() == [[[0, 0]]]


def test_nan_wins_and_the_last_one_is_named() -> None:
    values, indices = F.max_pool1d(row(nan, 1.0, nan, 0.0, 5.0, 6.0), 3, return_indices=True)
    assert np.isnan(values.numpy()).tolist() == [[[True, False]]]
    assert indices.tolist() == [[[2, 5]]]


def test_an_infinite_cotangent_stays_where_it_belongs() -> None:
    weights = [[[float("inf"), 1.0]]]
    x = tg.tensor([[[1.0, 2.0, 4.0, 3.0]]], requires_grad=True)
    F.max_pool1d(x, 2).backward(tg.tensor(weights))
    assert x.grad.tolist() == [[[0.0, float("inf"), 1.0, 0.0]]]


def test_second_derivative() -> None:
    second = hessian(lambda x: (F.max_pool1d(x[None, None], 2, 1) ** 2).sum(), [1.0, 3.0, 2.0, 0.0])
    np.testing.assert_array_equal(second, np.diag([0.0, 4.0, 2.0, 0.0]))


@pytest.mark.parametrize(
    "keywords", [{"kernel_size": 2}, {"kernel_size": 3, "stride": 2, "padding": 1}, {"kernel_size": 3, "stride": 1, "ceil_mode": True}]
)
def test_means_are_linear(keywords: dict[str, Any]) -> None:
    check_linear(lambda x: F.avg_pool2d(x, **keywords), (2, 3, 5, 6))
    check_linear(lambda x: F.avg_pool1d(x, **keywords, count_include_pad=False), (2, 3, 7))


@pytest.mark.parametrize("size", [1, 2, 4, (3, 5), (None, 7)])
def test_adaptive_means_are_linear(size: Any) -> None:
    check_linear(lambda x: F.adaptive_avg_pool2d(x, size), (2, 3, 4, 6))


def test_inputs_without_a_batch_and_of_integers() -> None:
    x = tg.arange(24).reshape(2, 3, 4)
    assert F.max_pool2d(x, 2).tolist() == [[[5, 7]], [[17, 19]]]
    assert F.max_pool1d(x[0], 2).tolist() == [[1, 3], [5, 7], [9, 11]]
    assert F.avg_pool1d(x[0] - 6, 2).tolist() == [[-5, -3], [-1, 0], [2, 4]]


@pytest.mark.parametrize(("call", "error", "said"), [
    (lambda x: F.max_pool2d(x, 5), ShapeError, r"window \(5, 5\) .* larger than the input.*\n  input \(1, 2, 4, 4\)"),
    (lambda x: F.max_pool2d(x, 2, padding=2), ArgumentError, "more than half of the window"),
    (lambda x: F.max_pool2d(x, 0), ArgumentError, "kernel_size must be 1 or more"),
    (lambda x: F.avg_pool2d(x, (2, 2, 2)), ArgumentError, "kernel_size needs one integer, or 2"),
    (lambda x: F.avg_pool2d(x, 2, divisor_override=0), ArgumentError, "other than 0"),
    (lambda x: F.avg_pool1d(x, 2), ShapeError, r"got shape \(1, 2, 4, 4\)"),
    (lambda x: F.max_pool2d(x[:, :0], 2), ShapeError, "only the batch may be empty"),
    (lambda x: F.max_pool2d(x > 0, 2), DtypeError, "bool"),
    (lambda x: F.adaptive_avg_pool2d(x.long(), 2), DtypeError, "floating point"),
    (lambda x: F.adaptive_max_pool2d(x, -1), ArgumentError, "output_size must be 0 or more"),
])  # fmt: skip
def test_errors_say_what_is_wrong(call: Any, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        call(tg.ones(1, 2, 4, 4))


def test_a_window_far_larger_than_the_input_takes_no_longer() -> None:
    x = tg.tensor([[[1.0, 2.0, 6.0]]], requires_grad=True)
    mean = F.avg_pool1d(x, 10**15, ceil_mode=True)
    assert mean.tolist() == [[[3.0]]]
    mean.sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [[[pytest.approx(1 / 3)] * 3]]
