"""Diagonals and triangles: the derivative of every function, arrays, strong zero, errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_reg as tg
from tinygrad_reg.errors import ArgumentError, DimensionError, DtypeError, ShapeError

from .linear import check_linear

Function = Callable[..., Any]

FUNCTIONS: list[tuple[Function, tuple[int, ...]]] = [
    (tg.diag, (3,)),
    (lambda x: tg.diag(x, -1), (2, 3)),
    (lambda x: tg.diagonal(x, 1, -1, 0), (2, 3, 4)),
    (lambda x: tg.diagonal(x, 9), (2, 3)),
    (lambda x: tg.diag_embed(x, 1, 0, -1), (2, 3)),
    (lambda x: tg.diag_embed(x, -2), (2,)),
    (lambda x: tg.tril(x, -1), (2, 3, 3)),
    (lambda x: tg.triu(x, 1), (3, 4)),
    (tg.trace, (3, 4)),
    (tg.trace, (0, 3)),
]


@pytest.mark.parametrize(("function", "given_shape"), FUNCTIONS)
def test_the_rule_is_the_transposed_to_second_order(function: Function, given_shape: tuple[int, ...]) -> None:
    check_linear(function, given_shape)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: tg.diagonal(x),
        lambda x: tg.diag_embed(x),
        lambda x: tg.tril(x),
        tg.trace,
    ],
)
def test_arrays_give_arrays_and_the_same_values(function: Function) -> None:
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    result = function(array)
    assert isinstance(result, np.ndarray | np.generic)
    assert result.dtype == np.float32
    np.testing.assert_array_equal(result, function(tg.from_numpy(array)).numpy())


# ---- strong zero -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("function", [lambda x: tg.tril(x), lambda x: tg.triu(x.T).T])
def test_what_a_triangle_drops_contributes_exactly_zero(function: Function) -> None:
    x = tg.tensor([[1.0, -1.0], [1.0, 1.0]], dtype=tg.float64, requires_grad=True)
    out = function(tg.log(x))
    assert not np.isnan(out.detach().numpy()).any()
    (first,) = tg.autograd.grad(out.sum(), x, create_graph=True)
    np.testing.assert_array_equal(first.detach().numpy(), [[1.0, 0.0], [1.0, 1.0]])
    (second,) = tg.autograd.grad(first.sum(), x)
    np.testing.assert_array_equal(second.numpy(), [[-1.0, 0.0], [-1.0, -1.0]])


# ---- errors ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "error", "text"),
    [
        (lambda x: tg.diagonal(x, 0, 1, -1), ArgumentError, "same dimension"),
        (lambda x: tg.diagonal(x[0]), DimensionError, "dim 1"),
        (lambda x: tg.diag_embed(x, 0, 0, 0), ArgumentError, "same dimension"),
        (lambda x: tg.diag_embed(x[0, 0]), DimensionError, "0-d"),
        (lambda x: tg.diag(x[None]), ShapeError, "1 or 2 dimensions"),
        (lambda x: tg.trace(x[0]), ShapeError, "expects a matrix"),
        (lambda x: tg.trace(x > 0), DtypeError, "bool"),
        (lambda x: tg.tril(x[0]), ShapeError, "at least 2"),
    ],
)
def test_errors_say_what_to_do(function: Function, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        function(tg.zeros(2, 3))
