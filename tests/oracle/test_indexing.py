"""Indexing against torch: drawn indices, index_put and its in-place form, gradients of both orders, errors."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_reg as tg
from tinygrad_reg.errors import TinygradRegError
from tinygrad_reg.testing import indices, shapes

from .compare import compare, same_error

torch = pytest.importorskip("torch")

CASES = shapes(0, 4, 0, 4).flatmap(lambda shape: st.tuples(st.just(shape), indices(shape)))

NONSENSE: list[Any] = [
    5, -6, 1.0, "a", slice(None, None, -1), slice(0.5), [7], [0, 9], [[0, 1, 2, 3, 4], [0, 0, 0, 0, 0]], [True] * 7, np.ones((1, 9), bool),
    np.array([0.5]), np.array(1.5), range(9), {}, 1j, [None], [[]], slice(None), None, True, False, 0,
]  # fmt: skip


@st.composite
def wrong(draw: st.DrawFn) -> tuple[tuple[int, ...], Any]:
    """A shape, not of an empty tensor, and an index into which something was put that may not fit."""
    shape = draw(shapes(1, 4, 1, 4))
    index = draw(indices(shape))
    items = list(index) if isinstance(index, tuple) else [index]
    items.insert(draw(st.integers(0, len(items))), draw(st.sampled_from(NONSENSE)))
    return shape, tuple(items) if len(items) > 1 or draw(st.booleans()) else items[0]


def sample(shape: tuple[int, ...]) -> Any:
    return np.asarray(np.random.default_rng(1).standard_normal(shape))


def convert(module: Any, index: Any) -> Any:
    """The index with its arrays as tensors of the module, also inside a tuple."""
    if isinstance(index, tuple):
        return tuple([convert(module, item) for item in index])
    if isinstance(index, tg.Tensor):
        index = index.numpy()
    if isinstance(index, list) and index and isinstance(index[0], list) and np.asarray(index).dtype == bool:
        index = np.asarray(index)  # which torch would count as one dimension beside an Ellipsis
    if isinstance(index, np.ndarray):
        return module.tensor(index.astype(np.int64) if module is torch and index.dtype in (np.int8, np.int16) else index)  # refused there
    return index


@given(CASES)
def test_drawn_indices_read_the_same(case: tuple[tuple[int, ...], Any]) -> None:
    shape, index = case
    compare(lambda x: x[convert(tg, index)], lambda x: x[convert(torch, index)], sample(shape))


@given(CASES)
def test_drawn_indices_give_a_view_where_torch_does(case: tuple[tuple[int, ...], Any]) -> None:
    shape, index = case
    ours, theirs = tg.tensor(sample(shape)), torch.tensor(sample(shape))
    a, b = ours[convert(tg, index)], theirs[convert(torch, index)]
    if b.numel():
        assert np.shares_memory(a.array, ours.array) == (b.untyped_storage().data_ptr() == theirs.untyped_storage().data_ptr())
        assert a.is_contiguous() == b.is_contiguous()


@given(wrong())
def test_drawn_indices_that_may_be_wrong_are_refused_as_torch_does(case: tuple[tuple[int, ...], Any]) -> None:
    shape, index = case
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # both warn of lists of lists
        if _selects_nothing(shape, index):
            return  # torch does not look at the positions then
        for function in (lambda m, x: x[convert(m, index)], lambda m, x: written(m, x, index, 5.0)):
            try:
                function(torch, torch.tensor(sample(shape)))
            except Exception:
                with pytest.raises(TinygradRegError):  # of a class of its own choice, where there is more than one thing wrong
                    function(tg, tg.tensor(sample(shape)))
                continue
            compare(functools.partial(function, tg), functools.partial(function, torch), sample(shape))


def _selects_nothing(shape: tuple[int, ...], index: Any) -> bool:
    try:
        return not torch.zeros(shape)[convert(torch, index)].numel()
    except Exception:
        return False


def written(module: Any, x: Any, index: Any, values: Any) -> Any:
    y = x * 2.0
    y[convert(module, index)] = values
    return y


@given(CASES, st.data())
def test_drawn_indices_write_the_same(case: tuple[tuple[int, ...], Any], data: Any) -> None:
    """The gradient of the values is compared where no place is named twice: there, torch's is that of all writers."""
    shape, index = case
    places = torch.arange(int(np.prod(shape, dtype=int))).reshape(shape)[convert(torch, index)].numpy()
    kept = places.shape[data.draw(st.integers(0, places.ndim)) :]
    wide = tuple([1 if data.draw(st.booleans()) else n for n in kept])
    for values in (wide, (1, *places.shape), *([(*places.shape, 2)] if places.size else [])):  # torch looks at no values for no places
        wrt = [0, 1] if len(np.unique(places)) == places.size else [0]
        agree(lambda m, x, v: written(m, x, index, v), sample(shape), sample(values), wrt=wrt)


@pytest.mark.parametrize(("shape", "index"), [((1, 0), np.array([2**40])), ((2,), [1.5]), ((2, 0), [0.5, 1.5])])
def test_what_torch_reads_without_a_sense_is_refused(shape: tuple[int, ...], index: Any) -> None:
    """It cuts fractions off, and does not look at positions where there is nothing to read."""
    torch.zeros(shape)[convert(torch, index)]
    with pytest.raises(IndexError):
        tg.zeros(shape)[convert(tg, index)]


@given(CASES, st.integers(0, 2))
def test_uint8_tensors_are_masks_as_in_torch(case: tuple[tuple[int, ...], Any], dims: int) -> None:
    shape, _ = case
    mask = np.random.default_rng(0).integers(0, 2, shape[:dims], dtype=np.uint8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        agree(lambda m, x: x[m.tensor(mask)], sample(shape))


INDICES: list[Any] = [
    0, -1, slice(None), slice(1, None), slice(None, None, 2), slice(5, 1), None, ..., (), True, False,
    (0, 1), (..., 0), (0, ..., 0), (slice(None), 1), (None, slice(None), None), (..., ...), (0, ..., 0, ...),
    [0, 1], [1, 1, 0], [True, False], [], (slice(None), [2, 0]), ([0, 1], [1, 2]), ([0, 1], slice(None), [1, 2]),
    (0, slice(None), [1, 2]), ([0, 1], slice(None), 1), (0, [1, 2], [0, 0]), ([0, 1], None, [1, 2]), (None, [0, 1]),
    (True, [0, 1]), ([0, 1], True), (True, slice(None), [0, 1]), (0, True, [1, 2]), (slice(None), True), (True, 0), ([0], False),
    np.array(1), np.array(True), np.array([[0, 1], [1, 0]]), (np.array(0), slice(None), np.array([1, 2])), np.array([0, -1], np.int32),
    np.array([[True, False, True], [False, True, True]]), (np.array([[True, False, True], [False, True, True]]), [0]),
    (np.array([[True, False, True], [False, True, True]]), slice(1, 3)), (slice(None), np.array([True, False, True]), 0),
    (slice(None), np.ones((3, 4), bool)), np.ones((2, 3, 4), bool), (None, np.ones((2, 3), bool), None), (1, np.ones((3, 4), bool)),
    np.zeros((2, 3), bool),
    (np.array([True, True]), slice(None), np.array([True, False, True, False])), ([0, 1], np.array([True, False, True])),
    ([[0], [1]], [[0, 1, 2]]), ([[0, 1], [1, 0]],), np.array([], np.int64), (slice(None), np.array([], np.int64)), (range(2), 0),
]  # fmt: skip

WRONG: list[Any] = [
    2, -3, (0, 3), (slice(None), 3), (0, 0, 0, 0), [0, 2], [-3], (slice(None), [0, 3]), ([0, 1], [0, 1, 2]), 1.0,
    np.array([1.0]), np.array(1.0),
    np.array([True, False, True]), (slice(None), np.ones((2, 3), bool)), np.ones((2, 3, 4, 1), bool), slice(None, None, -1),
    slice(None, None, 0), slice(1.5), {0}, (slice(None), slice(None), slice(None), slice(None)), ([0, 1], [0, 1], [0, 1], [0, 1]),
]  # fmt: skip


@pytest.mark.parametrize("index", INDICES, ids=repr)
def test_index(index: Any) -> None:
    compare(lambda x: x[convert(tg, index)], lambda x: x[convert(torch, index)], sample((2, 3, 4)))
    compare(lambda x: x[convert(tg, index)], lambda x: x[convert(torch, index)], np.arange(24, dtype=np.int32).reshape(2, 3, 4))


@pytest.mark.parametrize("index", WRONG, ids=repr)
def test_wrong_index(index: Any) -> None:
    same_error(lambda x: x[convert(tg, index)], lambda x: x[convert(torch, index)], sample((2, 3, 4)))


@pytest.mark.parametrize("index", [..., (), None, True, np.array(True), np.array(False), (None, ..., None)], ids=repr)
def test_index_of_0d(index: Any) -> None:
    compare(lambda x: x[convert(tg, index)], lambda x: x[convert(torch, index)], sample(()))


@pytest.mark.parametrize("index", [0, slice(None), [0], (0, None)], ids=repr)
def test_wrong_index_of_0d(index: Any) -> None:
    same_error(lambda x: x[convert(tg, index)], lambda x: x[convert(torch, index)], sample(()))


def test_nested_lists_are_tuples_as_in_torch() -> None:
    for index in ([[0, 1], [1, 2]], [slice(0, 1), 1], [None], [[]], [0, [1, 2]]):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compare(lambda x, index=index: x[index], lambda x, index=index: x[index], sample((2, 3, 4)))


# ---- functions -------------------------------------------------------------------------------------------------------------

Function = Callable[..., Any]


def ints(m: Any, *values: Any) -> Any:
    return m.tensor(np.array(values, np.int64))


ONE: dict[str, Function] = {
    "index_put a number": lambda m, x: m.index_put(x, (ints(m, 0, 0),), m.tensor(5).to(x.dtype)),
    "index_put mask": lambda m, x: m.index_put(x, (x > 0,), m.tensor(5).to(x.dtype)),
    "index_put adding": lambda m, x: m.index_put(x, (ints(m, 0, 0),), m.tensor(5).to(x.dtype), accumulate=True),
    "index_put other dtype": lambda m, x: m.index_put(x, (ints(m, 0),), m.tensor(5, dtype=m.int16)),
    "index_put outside": lambda m, x: m.index_put(x, (ints(m, 9),), m.tensor(5).to(x.dtype)),
    "index_put misfit": lambda m, x: m.index_put(x, (ints(m, 0),), m.ones(7).to(x.dtype)),
}


def agree(function: Function, *arrays: Any, wrt: Any = None) -> None:
    """Both give the same, with first and second gradients, or both refuse."""
    try:
        function(torch, *map(torch.tensor, arrays))
    except Exception:
        same_error(lambda *x: function(tg, *x), lambda *x: function(torch, *x), *arrays)
        return
    compare(lambda *x: function(tg, *x), lambda *x: function(torch, *x), *arrays, wrt=wrt)


@pytest.mark.parametrize("name", ONE)
def test_function_of_one_tensor(name: str) -> None:
    for shape in [(2, 3), (1, 3), (3,), ()]:
        if shape == () and name == "index_put mask":
            continue  # torch refuses what x[mask] = v allows
        array = sample(shape)
        agree(ONE[name], array)
        agree(ONE[name], array.astype(np.float32))
        agree(ONE[name], np.round(array * 3).astype(np.int64))


TWO: dict[str, tuple[Function, tuple[int, ...], tuple[int, ...]]] = {
    "index_put": (lambda m, x, v: m.index_put(x, (ints(m, 1, 0),), v), (2, 3), (3,)),
    "index_put pairs": (lambda m, x, v: m.index_put(x, (ints(m, 1, 0), ints(m, 2, 2)), v), (2, 3), (2,)),
    "index_put mask": (lambda m, x, v: m.index_put(x, (m.ones(2, 3) > 0,), v), (2, 3), (6,)),
    "index_put adding": (lambda m, x, v: m.index_put(x, (ints(m, 1, 1, 0), ints(m, 2, 2, 0)), v, True), (2, 3), (3,)),
    "index_put adding rows": (lambda m, x, v: x.index_put((ints(m, 1, 1, 0),), v, accumulate=True), (2, 3), (3, 3)),
    "index_put in place": (lambda m, x, v: (x * 1.0).index_put_((ints(m, 1, 0),), v), (2, 3), (2, 3)),
}


@pytest.mark.parametrize("name", TWO)
def test_function_of_two_tensors(name: str) -> None:
    function, first, second = TWO[name]
    agree(function, sample(first), sample(second) + 2.0)
    agree(function, sample(first).astype(np.float32), sample(second).astype(np.float32))


def test_repeated_writers_share_no_gradient_although_torch_gives_it_to_all() -> None:
    """The marked convention: only the writer that won gets the gradient. The values are torch's."""
    index, values = np.array([0, 0, 2]), np.array([1.0, 2.0, 3.0])
    for write in (
        lambda m, x, v: m.index_put(x, (m.tensor(index),), v),
        lambda m, x, v: m.scatter(x, 0, m.tensor(index), v),
        lambda m, x, v: m.index_copy(x, 0, m.tensor(index), v),
    ):
        compare(lambda x, v, write=write: write(tg, x, v), lambda x, v, write=write: write(torch, x, v), np.zeros(3), values, wrt=[0])
        v = tg.tensor(values, requires_grad=True)
        write(tg, tg.zeros(3, dtype=tg.float64), v).sum().backward()
        np.testing.assert_array_equal(v.grad.numpy(), [0.0, 1.0, 1.0])
