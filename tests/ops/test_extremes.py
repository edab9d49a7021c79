"""Extremes: what happens at ties and nan, the forms of the results, the errors."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import tinygrad_reg as tg
from tinygrad_reg.errors import ArgumentTypeError, DimensionError, ShapeError

from .derivatives import Function, gradient, hessian, inf, nan


@pytest.mark.parametrize(
    ("function", "values", "expected"),
    [
        (tg.max, [1.0, 3.0, 3.0, 2.0], [0, 0.5, 0.5, 0]),
        (tg.min, [1.0, 1.0, 3.0, 1.0], [1 / 3, 1 / 3, 0, 1 / 3]),
        (lambda x: tg.amax(x, 0), [3.0, 1.0, 3.0], [0.5, 0, 0.5]),
        (lambda x: tg.amin(x, 0), [1.0, 1.0, 3.0], [0.5, 0.5, 0]),
        (lambda x: tg.max(x, 0).values, [3.0, 1.0, 3.0], [1, 0, 0]),
        (lambda x: tg.min(x, 0).values, [3.0, 1.0, 1.0], [0, 1, 0]),
        (tg.max, [-inf, -inf], [0.5, 0.5]),
        (tg.max, [1.0, nan, 3.0], [0, 1, 0]),
        (lambda x: tg.amax(x, 0), [1.0, nan, 3.0], [nan, nan, nan]),
        (lambda x: tg.max(x, 0).values, [1.0, nan, nan], [0, 1, 0]),
    ],
)
def test_ties_and_nan_among_extremes(function: Function, values: list[float], expected: list[float]) -> None:
    np.testing.assert_allclose(gradient(function, values), expected)


@pytest.mark.parametrize("function", [tg.max, tg.amax, lambda x: tg.max(x, 0).values])
def test_second_derivative_at_ties_is_zero(function: Function) -> None:
    def twice(x: Any) -> Any:
        return function(x * x)

    np.testing.assert_array_equal(np.diag(hessian(twice, [1.0, 0.5])), [2.0, 0.0])


@pytest.mark.parametrize("name", ["amax", "amin", "argmax", "argmin"])
def test_numpys_names(name: str) -> None:
    function, x = getattr(tg, name), tg.tensor(np.linspace(-1.0, 2.0, 12).reshape(3, 4))
    for axis, keep in itertools.product([0, 1, -1], [False, True]):
        np.testing.assert_array_equal(function(x, axis=axis, keepdims=keep).numpy(), function(x, dim=axis, keepdim=keep).numpy())
    with pytest.raises(ArgumentTypeError, match="axis= and dim="):
        function(x, dim=0, axis=0)


@pytest.mark.parametrize("keepdim", [False, True])
def test_extremes_give_named_results(keepdim: bool) -> None:
    x = tg.tensor([[1.0, 5.0, 2.0], [7.0, 0.0, 7.0]])
    values, indices = found = tg.max(x, 1, keepdim)
    assert values is found.values
    assert indices is found.indices
    assert (values.flatten().tolist(), indices.flatten().tolist()) == ([5.0, 7.0], [1, 0])
    assert values.shape == ((2, 1) if keepdim else (2,))
    assert tg.min(x, dim=0).indices.tolist() == [0, 1, 0]
    assert tg.max(x, tg.tensor([6.0, 6.0, 6.0])).tolist() == [[6.0, 6.0, 6.0], [7.0, 6.0, 7.0]]


def test_argmax_counts_in_row_major_order() -> None:
    x = tg.tensor([[1.0, 5.0], [5.0, 0.0]])
    assert (tg.argmax(x).item(), tg.argmin(x).item()) == (1, 3)
    assert tg.argmax(x, keepdim=True).shape == (1, 1)


def test_empty_tensors() -> None:
    x = tg.zeros(0, 3)
    assert tg.amax(x, 1).shape == tg.argmax(x, 1).shape == tg.max(x, 1).values.shape == (0,)


def test_results_do_not_share_memory() -> None:
    for x in (tg.tensor(3.0), tg.tensor([3.0])):
        assert not np.shares_memory(tg.amax(x, 0).numpy(), x.numpy())
        assert not np.shares_memory(tg.max(x, 0).values.numpy(), x.numpy())


@pytest.mark.parametrize("name", ["amax", "amin", "argmax", "argmin", "max", "min"])
def test_wrong_arguments(name: str) -> None:
    function, x = getattr(tg, name), tg.zeros(2, 3)
    with pytest.raises(DimensionError, match=rf"{name}: dim 2 is out of range for a tensor with 2 dimensions; use -2 to 1"):
        function(x, 2)
    with pytest.raises(ArgumentTypeError, match=f"{name}: dim must be an integer, got float"):
        function(x, 1.5)
    with pytest.raises(ArgumentTypeError, match=f"{name}: expected a tensor, got list"):
        function([1.0], 0)


@pytest.mark.parametrize("name", ["max", "argmin"])
def test_several_dims_where_one_is_meant(name: str) -> None:
    with pytest.raises(ArgumentTypeError, match="dim must be an integer, got tuple"):
        getattr(tg, name)(tg.zeros(2, 3), (0, 1))


@pytest.mark.parametrize("name", ["max", "min", "amax", "amin"])
def test_no_element_is_the_largest_of_none(name: str) -> None:
    with pytest.raises(ShapeError, match=rf"{name}: over all dims a tensor of shape \(0, 3\)"):
        getattr(tg, name)(tg.zeros(0, 3))
    with pytest.raises(DimensionError, match=r"\(0, 3\)"):
        getattr(tg, name)(tg.zeros(0, 3), 0)


@pytest.mark.parametrize("name", ["argmax", "argmin"])
def test_no_index_of_the_largest_of_none(name: str) -> None:
    for dim in (None, 0):
        with pytest.raises(DimensionError, match="no elements to choose from"):
            getattr(tg, name)(tg.zeros(0, 3), dim)
