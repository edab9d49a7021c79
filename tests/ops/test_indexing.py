"""Indexing: getitem and index_put against NumPy on drawn indices, their derivatives, repeated positions, strong zero, errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_reg as tg
from tinygrad_reg.errors import ArgumentError, ArgumentTypeError, DimensionError, DtypeError, ShapeError
from tinygrad_reg.ops import indexing, positions

from .linear import check_linear

Function = Callable[..., Any]

# ---- drawn indices ---------------------------------------------------------------------------------------------------------

SHAPES = st.lists(st.integers(0, 4), max_size=4).map(tuple)


@st.composite
def slices(draw: Any, size: int) -> slice:
    bound = st.none() | st.integers(-size - 2, size + 2)
    return slice(draw(bound), draw(bound), draw(st.none() | st.integers(1, 3)))


@st.composite
def basic_indices(draw: Any, shape: tuple[int, ...]) -> tuple[Any, ...]:
    """Ints, slices, None and at most one Ellipsis."""
    count = draw(st.integers(0, len(shape)))
    skip = draw(st.booleans())
    dims = list(range(len(shape)))[len(shape) - count :] if skip else list(range(count))
    items = [draw(st.integers(-shape[d], shape[d] - 1) | slices(shape[d]) if shape[d] else slices(0)) for d in dims]
    if skip:
        items.insert(0, ...)
    for _ in range(draw(st.integers(0, 2))):
        items.insert(draw(st.integers(0, len(items))), None)
    return tuple(items)


@st.composite
def advanced_indices(draw: Any, shape: tuple[int, ...], ints: bool = False) -> tuple[Any, ...]:
    """Integer arrays that broadcast, or one mask, among slices, None and perhaps an Ellipsis; with `ints` also among ints."""
    items: list[Any] = list(draw(basic_indices(shape)))
    at = 0
    masked = draw(st.booleans())
    common = draw(st.sampled_from([(3,), (2, 2), (1,), (0,), (4, 1)]))
    for i, item in enumerate(items):
        if item is None:
            continue
        if item is Ellipsis:
            at = len(shape) - sum(x is not None and x is not Ellipsis for x in items)
            continue
        size = shape[at]
        kind = draw(st.sampled_from(["array", "keep", "keep"]))
        if kind == "array" and masked:
            items[i] = draw(st.lists(st.booleans(), min_size=size, max_size=size).map(lambda m: np.array(m, bool)))
            masked, common = False, (1,)
        elif kind == "array" and size:
            wanted = draw(st.sampled_from([common, common[-1:], (1,)]))
            flat = draw(st.lists(st.integers(-size, size - 1), min_size=int(np.prod(wanted)), max_size=int(np.prod(wanted))))
            items[i] = np.array(flat, np.int64).reshape(wanted)
        elif isinstance(item, int) and not ints:
            items[i] = slice(item, item + 1 or None)
        at += 1
    return tuple(items)


def as_tensors(index: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple([tg.tensor(item) if isinstance(item, np.ndarray) else item for item in index])


def as_lists(index: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple([item.tolist() if isinstance(item, np.ndarray) and item.size else item for item in index])


def example(shape: tuple[int, ...]) -> Any:
    return np.arange(1.0, np.prod(shape) + 1.0).reshape(shape)


@given(SHAPES.flatmap(lambda shape: st.tuples(st.just(shape), basic_indices(shape))))
def test_basic_indices_read_what_numpy_reads_as_views(case: tuple[tuple[int, ...], tuple[Any, ...]]) -> None:
    shape, index = case
    array = example(shape)
    expected = np.asarray(array[index])
    result = tg.from_numpy(array)[index]
    assert result.shape == expected.shape
    np.testing.assert_array_equal(result.numpy(), expected)
    assert not expected.size or np.shares_memory(result.numpy(), array)
    only = index[0] if len(index) == 1 else index
    np.testing.assert_array_equal(indexing.getitem(array, only), expected)


@given(SHAPES.flatmap(lambda shape: st.tuples(st.just(shape), advanced_indices(shape))))
def test_advanced_indices_read_what_numpy_reads(case: tuple[tuple[int, ...], tuple[Any, ...]]) -> None:
    shape, index = case
    array = example(shape)
    expected = np.asarray(array[index])
    for given_index in (index, as_tensors(index), as_lists(index)):
        result = tg.from_numpy(array)[given_index]
        assert result.shape == expected.shape
        np.testing.assert_array_equal(result.numpy(), expected)


@given(SHAPES.flatmap(lambda shape: st.tuples(st.just(shape), basic_indices(shape) | advanced_indices(shape, ints=True))))
def test_the_rule_of_getitem_is_the_transposed_to_second_order(case: tuple[tuple[int, ...], tuple[Any, ...]]) -> None:
    shape, index = case
    check_linear(lambda x: x[as_tensors(index)], shape)


@given(SHAPES.flatmap(lambda shape: st.tuples(st.just(shape), basic_indices(shape) | advanced_indices(shape, ints=True))), st.booleans())
def test_the_rules_of_index_put_are_the_transposed_to_second_order(case: tuple[Any, Any], accumulate: bool) -> None:
    shape, index = case
    selected = tg.zeros(shape)[index].shape
    check_linear(lambda x, v: tg.index_put(x, index, v, accumulate), shape, selected)
    check_linear(lambda x, v: tg.index_put(x, index, v, accumulate), shape, ())


@given(SHAPES.flatmap(lambda shape: st.tuples(st.just(shape), basic_indices(shape) | advanced_indices(shape))))
def test_index_put_writes_what_numpy_writes(case: tuple[Any, Any]) -> None:
    shape, index = case
    array = example(shape)
    values = -example(array[index].shape)
    expected, added = array.copy(), array.copy()
    expected[index] = values
    np.add.at(added, index, values)
    x = tg.tensor(array)
    selected = {tuple(p) for p in np.argwhere(expected < 0)}
    result = tg.index_put(x, index, tg.tensor(values)).numpy()
    assert {tuple(p) for p in np.argwhere(result < 0)} == selected
    np.testing.assert_array_equal(x.numpy(), array)
    np.testing.assert_allclose(tg.index_put(x, index, tg.tensor(values), accumulate=True).numpy(), added)


# ---- meanings --------------------------------------------------------------------------------------------------------------


def test_an_int_takes_its_dimension_away_before_arrays_apply() -> None:
    x = tg.from_numpy(example((2, 3, 4)))
    np.testing.assert_array_equal(x[0, :, [1, 2]].numpy(), x[0].numpy()[:, [1, 2]])
    np.testing.assert_array_equal(x[[0, 1], :, 1].numpy(), x.numpy()[[0, 1]][:, :, 1])


def test_bools_numbers_and_ranges() -> None:
    x = tg.from_numpy(example((2, 3)))
    assert x[True].shape == (1, 2, 3)
    assert x[False].shape == (0, 2, 3)
    assert x[:, True].shape == (2, 1, 3)
    assert x[tg.tensor(True), 0].shape == (1, 3)
    assert x[np.int32(1), np.array(2)].item() == x[1, 2].item() == x[tg.tensor(1), tg.tensor(2)].item() == 6.0
    assert x[[True, False]].tolist() == [[1.0, 2.0, 3.0]]
    assert x[range(1, 2)].shape == (1, 3)
    assert x[[]].shape == (0, 3)
    assert x[tg.tensor(0) : tg.tensor(1)].shape == (1, 3)
    assert x[..., ...].shape == (2, 3)
    assert x[x > 4.0].tolist() == [5.0, 6.0]


def test_a_list_of_sequences_is_read_as_a_tuple_with_a_warning() -> None:
    x = tg.from_numpy(example((2, 3)))
    with pytest.warns(UserWarning, match="read as a tuple"):
        assert x[[[0, 1], [1, 2]]].tolist() == [1.0 + 1, 6.0]
    assert x[[[0, 1], [1, 0]],].shape == (2, 2, 3)
    assert x[tg.tensor([[0, 1], [1, 0]])].shape == (2, 2, 3)


def test_uint8_is_a_mask_with_a_warning() -> None:
    with pytest.warns(UserWarning, match=r"use \.bool\(\)"):
        assert tg.zeros(3, 2)[tg.tensor([1, 0, 1], dtype=tg.uint8)].shape == (2, 2)


def test_a_later_change_of_the_index_does_not_reach_the_gradient() -> None:
    x = tg.tensor([1.0, 2.0, 3.0], requires_grad=True)
    positions = np.array([0, 0])
    y = x[positions]
    positions[:] = 2
    y.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), [2.0, 0.0, 0.0])


def test_split_index_describes_both_steps() -> None:
    mask = np.ones((2, 3), bool)
    (view, dims), arrays, basic = indexing.split_index((0, None, ..., [1, 2]), (4, 5, 6))
    assert (view, dims, basic) == ((0, None), (2,), False)
    np.testing.assert_array_equal(arrays[0], [1, 2])
    assert indexing.split_index((slice(1, None), 2), (4, 5)) == ((((1, 4, 1), 2), ()), [], True)
    (view, dims), arrays, _ = indexing.split_index((slice(None), mask, [0]), (4, 2, 3, 6))
    assert (view, dims, len(arrays)) == ((), (1, 3), 2)
    assert indexing.split_index(..., (4, 5)) == (((), ()), [], True)
    hash(indexing.split_index((slice(1, None), None, 2), (4, 5))[0])


# ---- repeated positions ----------------------------------------------------------------------------------------------------


def test_reading_a_place_twice_adds_its_gradients() -> None:
    x = tg.tensor([5.0, 7.0], requires_grad=True)
    x[[0, 0, -2]].sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), [3.0, 0.0])


@pytest.mark.parametrize("rows", [9, 900])
@pytest.mark.parametrize("dim", [0, 1, 2])
@pytest.mark.parametrize("kind", ["int64", "int32"])
def test_values_add_up_at_many_positions_along_any_dim(rows: int, dim: int, kind: str) -> None:
    rng = np.random.default_rng(0)
    x, index = rng.standard_normal((5, rows, 3)), rng.integers(-3, 3, (4, 50)).astype(kind)
    at = (*(slice(None),) * dim, index)
    for values in (rng.standard_normal(x[at].shape), rng.standard_normal((50, *(1,) * (2 - dim))), np.array(2.0)):
        want = x.copy()
        np.add.at(want, at, values)
        got = tg.index_put(tg.tensor(x), (*(slice(None),) * dim, tg.tensor(index)), tg.tensor(values), accumulate=True)
        np.testing.assert_allclose(got.numpy(), want, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("width", [1, 2, 8])
@pytest.mark.parametrize("repeats", [True, False])
@pytest.mark.parametrize("dtype", [tg.float32, tg.float64])
def test_gradients_add_up_over_many_positions(width: int, repeats: bool, dtype: Any) -> None:
    rng = np.random.default_rng(width)
    rows = rng.integers(-50, 50, 3000) if repeats else rng.permutation(50)[:30]
    g = rng.integers(-4, 5, (len(rows), width)).astype(dtype)
    x = tg.zeros(50, width, dtype=dtype, requires_grad=True)
    x[tg.tensor(rows)].backward(tg.tensor(g))
    expected = np.zeros((50, width), dtype)
    np.add.at(expected, rows, g)
    np.testing.assert_array_equal(x.grad.numpy(), expected)


def test_the_writer_that_won_gets_the_gradient() -> None:
    x, v = tg.zeros(3, requires_grad=True), tg.tensor([1.0, 2.0, 3.0, 4.0], requires_grad=True)
    weights = tg.tensor([10.0, 20.0, 30.0])
    index = tg.tensor([0, 2, 0, -1])
    for function in (
        lambda: tg.index_put(x, (index,), v),
        lambda: tg.scatter(x, 0, index % 3, v),
        lambda: tg.index_copy(x, 0, index % 3, v),
    ):
        out = function()
        assert out.tolist() == [3.0, 0.0, 4.0]
        for_x, for_v = tg.autograd.grad(out, (x, v), weights)
        assert for_x.tolist() == [0.0, 20.0, 0.0]
        assert for_v.tolist() == [0.0, 0.0, 10.0, 30.0]


@pytest.mark.parametrize("order", ["C", "F", "reversed", "strided"])
def test_the_last_one_wins_for_every_memory_layout(order: str) -> None:
    index = np.random.default_rng(3).integers(0, 5, (6, 7))
    if order == "F":
        index = np.asfortranarray(index)
    elif order == "reversed":
        index = index[::-1, ::-1]
    elif order == "strided":
        index = np.repeat(index, 2, 1)[:, ::2]
    values = np.arange(42.0).reshape(6, 7)
    expected = np.zeros(5)
    for position, value in zip(index.ravel(), values.ravel(), strict=True):
        expected[position] = value
    v = tg.tensor(values, requires_grad=True)
    out = tg.index_put(tg.zeros(5, dtype=tg.float64), (index,), v)
    np.testing.assert_array_equal(out.detach().numpy(), expected)
    out.sum().backward()
    np.testing.assert_array_equal(v.grad.numpy(), np.isin(values, expected[np.isin(np.arange(5), index)]))


# ---- strong zero -----------------------------------------------------------------------------------------------------------

SELECTIONS: list[Function] = [
    lambda y: y[y > -1.0],
    lambda y: y[0],
    lambda y: y[:1],
    lambda y: y[[0, 0]],
    lambda y: tg.index_put(y, (tg.tensor([1]),), tg.tensor(5.0, dtype=tg.float64)),
]


@pytest.mark.parametrize("function", SELECTIONS)
def test_what_is_not_selected_contributes_exactly_zero_to_second_order(function: Function) -> None:
    x = tg.tensor([2.0, 0.0], dtype=tg.float64, requires_grad=True)
    out = function(tg.log(x))
    (first,) = tg.autograd.grad(out.sum(), x, create_graph=True)
    (second,) = tg.autograd.grad(first.sum(), x)
    assert first[1].item() == 0.0
    assert second[1].item() == 0.0
    assert first[0].item() in (0.5, 1.0)


def test_the_rule_of_reading_where_the_last_wins_is_the_transposed_to_second_order() -> None:
    check_linear(lambda x: positions.index_p(x, np.array([0, 2, 0]), dims=(1,), repeated="last"), (2, 3))


def test_arrays_give_arrays() -> None:
    x = np.ones((2, 3), np.float32)
    index = np.array([[0], [1]])
    for made in (
        indexing.getitem(x, 0),
        indexing.getitem(x, (slice(None), [0, 1])),
        tg.index_put(x, (index,), 2.0),
    ):
        assert isinstance(made, np.ndarray)
        assert made.dtype == np.float32


def test_a_write_through_an_index_reaches_the_gradient() -> None:
    x, v = tg.ones(3, requires_grad=True), tg.tensor([4.0, 5.0], requires_grad=True)
    y = x * 2.0
    y[[0, 0]] = v
    y[1:] *= 3.0
    y[y > 5.5] = 0.0
    y.sum().backward()
    np.testing.assert_array_equal(y.detach().numpy(), [5.0, 0.0, 0.0])
    np.testing.assert_array_equal(x.grad.numpy(), [0.0, 0.0, 0.0])
    np.testing.assert_array_equal(v.grad.numpy(), [0.0, 1.0])


# ---- errors ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "error", "text"),
    [
        (lambda x: x[2], DimensionError, "2 is out of range for dimension 0 with size 2; use -2 to 1"),
        (lambda x: x[0, -4], DimensionError, "-4 is out of range for dimension 1 with size 3"),
        (lambda x: x[:, 3], DimensionError, "dimension 1"),
        (lambda x: x[0, 0, 0], DimensionError, "too many indices, 3 for a tensor with only 2"),
        (lambda x: x[0, 0][0], DimensionError, r"use \.item\(\)"),
        (lambda x: x[0, 0][:], DimensionError, r"\[None\]"),
        (lambda x: x[[0, 2]], DimensionError, "2 is out of range for dimension 0"),
        (lambda x: x[:, tg.tensor([0, -4])], DimensionError, "-4 is out of range for dimension 1"),
        (lambda x: x[:0][0], DimensionError, "it is empty"),
        (lambda x: x[[0, 1], [0, 1, 2]], DimensionError, r"must broadcast.*\n.*\(2,\) · \(3,\)"),
        (lambda x: x[tg.tensor([True, False, True])], DimensionError, r"a mask of shape \(3,\) at dimension 0"),
        (lambda x: x[:, x > 0], DimensionError, "too many indices"),
        (lambda x: x[1.0], DimensionError, "type float cannot index"),
        (lambda x: x["a"], ArgumentTypeError, "type str cannot index"),
        (lambda x: x[tg.tensor([1.0])], DimensionError, r"got float32; convert with \.long\(\)"),
        (lambda x: x[[1.5]], DimensionError, "got float64"),
        (lambda x: x[[0, [1, 2]],], DimensionError, "cannot index"),
        (lambda x: x[::-1], ArgumentError, "use flip"),
        (lambda x: x[:, ::-1], ArgumentError, "use flip"),
        (lambda x: x[::0], ArgumentError, "greater than zero"),
        (lambda x: x[:1.5], ArgumentTypeError, "bounds of a slice"),
        (lambda x: tg.index_put(x, (tg.tensor([0]),), tg.zeros(2)), ShapeError, r"\(2,\) do not broadcast to \(1, 3\)"),
        (lambda x: tg.index_put(x, (tg.tensor([7]),), tg.zeros(3)), DimensionError, "7 is out of range"),
        (lambda x: tg.index_put(x, (tg.tensor([0]),), tg.tensor(1)), DtypeError, "the input is float32, the values are int64"),
    ],
)
def test_errors_say_what_to_do(function: Function, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        function(tg.zeros(2, 3))
