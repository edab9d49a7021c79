"""Order: stability and nan, where gradients go, what is returned, the errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_reg as tg
from tinygrad_reg.errors import ArgumentError, ArgumentTypeError, DimensionError, DtypeError, ShapeError

from .derivatives import Function, gradient, hessian, inf, nan

WEIGHTS = [1.0, 2.0, 3.0, 4.0]
few_values = st.lists(st.sampled_from([-1.0, -0.0, 0.0, 2.0, inf, -inf, nan]), min_size=1, max_size=40)


# ---- conventions ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda x: tg.sort(x).values, [3, 1, 4, 2]),
        (lambda x: tg.sort(x, stable=True).values, [3, 1, 4, 2]),
        (lambda x: tg.sort(x, descending=True).values, [1, 3, 2, 4]),
        (lambda x: tg.topk(x, 4).values, [1, 3, 2, 4]),
        (lambda x: tg.topk(x, 4, largest=False).values, [3, 1, 4, 2]),
        (tg.msort, [3, 1, 4, 2]),
    ],
)
def test_gradient_follows_the_stable_order(function: Function, expected: list[float]) -> None:
    np.testing.assert_array_equal(gradient(function, [2.0, 1.0, 2.0, 1.0], WEIGHTS), expected)


@pytest.mark.parametrize(
    ("function", "values", "expected"),
    [
        (lambda x: tg.topk(x, 2).values, [3.0, 3.0, 3.0], [1, 1, 0]),
        (tg.median, [1.0, 2.0, 3.0, 4.0], [0, 1, 0, 0]),
        (tg.median, [2.0, 2.0, 1.0], [0.5, 0.5, 0]),
        (tg.median, [1.0, nan, nan], [0, 0.5, 0.5]),
        (lambda x: tg.median(x, 0).values, [2.0, 2.0, 1.0], [1, 0, 0]),
        (lambda x: tg.median(x, 0).values, [1.0, nan, nan], [0, 1, 0]),
        (lambda x: tg.kthvalue(x, 2).values, [2.0, 1.0, 2.0, 2.0], [1, 0, 0, 0]),
        (lambda x: tg.kthvalue(x, 3).values, [nan, 1.0, 0.0], [1, 0, 0]),
        (lambda x: tg.mode(x).values, [2.0, 1.0, 2.0, 1.0], [0, 0, 0, 1]),
        (tg.unique, [2.0, 1.0, 2.0, 1.0], [1, 1, 0, 0]),
        (tg.unique_consecutive, [2.0, 2.0, 1.0, 2.0], [1, 0, 1, 1]),
    ],
)
def test_gradient_goes_to_what_was_chosen(function: Function, values: list[float], expected: list[float]) -> None:
    np.testing.assert_array_equal(gradient(function, values), expected)


CHOICES: dict[str, Function] = {
    "sort": lambda x: tg.sort(x, descending=True).values, "topk": lambda x: tg.topk(x, 2).values,
    "kthvalue": lambda x: tg.kthvalue(x, 3).values, "median": lambda x: tg.median(x, 0).values,
    "median of all": tg.median, "mode": lambda x: tg.mode(x).values, "unique": tg.unique,
}  # fmt: skip


@pytest.mark.parametrize("name", CHOICES)
def test_second_derivatives(name: str) -> None:
    def cubed(x: Any) -> Any:
        return (CHOICES[name](x) ** 3).sum()

    values = np.array([0.3, -1.2, 2.0, 0.7, -0.4])
    chosen = gradient(CHOICES[name], values)  # ones and zeros
    np.testing.assert_allclose(hessian(cubed, values), np.diag(6 * values * chosen), atol=1e-12)


@pytest.mark.parametrize("descending", [False, True])
@given(values=few_values)
def test_sort_is_python_s_sort(descending: bool, values: list[float]) -> None:
    """Python's sorted is stable too, also in reverse; nan is made larger than inf."""
    want = sorted(
        range(len(values)), key=lambda i: (values[i] != values[i], 0.0 if values[i] != values[i] else values[i]), reverse=descending
    )
    found, index = tg.sort(np.array(values), descending=descending)
    assert index.tolist() == want
    np.testing.assert_array_equal(found, np.array(values)[want])


@given(values=few_values, data=st.data())
def test_topk_and_kthvalue_are_parts_of_sort(values: list[float], data: st.DataObject) -> None:
    array = np.tile(np.array(values), data.draw(st.sampled_from([1, 9])))
    k = data.draw(st.integers(1, len(values)))
    for largest in (True, False):
        everything, some = tg.sort(array, descending=largest), tg.topk(array, k, largest=largest)
        np.testing.assert_array_equal(some.indices, everything.indices[:k])
        np.testing.assert_array_equal(some.values, everything.values[:k])
    one = tg.kthvalue(array, k)
    np.testing.assert_array_equal(one.values, everything.values[k - 1])
    same = (array == one.values) | (np.isnan(array) & np.isnan(one.values))
    assert one.indices == np.flatnonzero(same)[0]


@pytest.mark.parametrize("largest", [True, False])
@pytest.mark.parametrize("k", [1, 2, 20])
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "int64", "int8", "uint8"])
@pytest.mark.parametrize("special", [0.0, 0.5, 0.99])
def test_topk_of_many_lines(largest: bool, k: int, dtype: str, special: float) -> None:
    rng = np.random.default_rng(0)
    array = rng.integers(0, 127, (7, 200, 3)).astype(dtype)
    last = [np.nan, np.inf, -np.inf, 0.0, -0.0] if array.dtype.kind == "f" else [np.iinfo(dtype).min, np.iinfo(dtype).max]
    array = np.where(rng.random(array.shape) < special, rng.choice(np.array(last, dtype), array.shape), array)
    for dim in (0, 1, 2):
        count = min(k, array.shape[dim])
        everything, some = tg.sort(array, dim, largest), tg.topk(array, count, dim, largest)
        np.testing.assert_array_equal(some.indices, everything.indices.take(range(count), dim))
        np.testing.assert_array_equal(some.values, everything.values.take(range(count), dim))


@given(values=st.lists(st.integers(0, 3), min_size=1, max_size=12))
def test_mode_is_the_smallest_of_the_most_frequent(values: list[int]) -> None:
    found = tg.mode(tg.tensor(values))
    assert found.values.item() == min(set(values), key=lambda v: (-values.count(v), v))
    assert found.indices.item() == max(i for i, v in enumerate(values) if v == found.values.item())


# ---- unique --------------------------------------------------------------------------------------------------------


@given(values=few_values)
def test_unique_is_numpys(values: list[float]) -> None:
    found, inverse, counts = tg.unique(np.array(values), return_inverse=True, return_counts=True)
    want = np.unique(np.array(values), return_counts=True, equal_nan=False)
    np.testing.assert_array_equal(found, want[0])
    np.testing.assert_array_equal(counts, want[1])
    np.testing.assert_array_equal(found[inverse], values)


def test_unique_slices() -> None:
    x = tg.tensor([[1, 2], [0, 1], [1, 2]])
    found, inverse, counts = tg.unique(x, return_inverse=True, return_counts=True, dim=0)
    assert (found.tolist(), inverse.tolist(), counts.tolist()) == ([[0, 1], [1, 2]], [1, 0, 1], [1, 2])
    assert tg.unique(x.t(), dim=1).tolist() == [[0, 1], [1, 2]]
    assert tg.unique_consecutive(tg.tensor([[1, 1], [1, 1], [2, 1]]), dim=0).tolist() == [[1, 1], [2, 1]]


def test_unique_returns_what_was_asked_for() -> None:
    x = tg.tensor([[3, 1], [3, 2]])
    assert tg.unique(x).tolist() == [1, 2, 3]
    assert [y.tolist() for y in tg.unique(x, return_counts=True)] == [[1, 2, 3], [1, 1, 2]]
    assert [y.tolist() for y in x.unique(return_inverse=True)] == [[1, 2, 3], [[2, 0], [2, 1]]]
    assert [y.tolist() for y in tg.unique_consecutive(x, return_inverse=True)] == [[3, 1, 3, 2], [[0, 1], [2, 3]]]


@pytest.mark.filterwarnings("ignore:compile")
def test_a_compiled_step_sees_how_many_there_are() -> None:
    step = tg.compile(lambda x: (tg.unique(x) ** 2).sum(), backend="numpy_source")
    for values, total in [([1.0, 1.0, 2.0], 5), ([1.0, 2.0, 3.0], 14), ([2.0, 2.0, 2.0], 4)]:
        assert step(tg.tensor(values)).item() == total


# ---- search --------------------------------------------------------------------------------------------------------


def test_buckets() -> None:
    boundaries = tg.tensor([1.0, 3.0, 5.0])
    x = tg.tensor([[0.0, 1.0, 4.0], [5.0, 6.0, nan]])
    assert tg.bucketize(x, boundaries).tolist() == [[0, 0, 2], [2, 3, 3]]
    assert tg.bucketize(x, boundaries, right=True).tolist() == [[0, 1, 2], [3, 3, 3]]
    assert tg.bucketize(3.0, boundaries).item() == 1
    assert tg.bucketize(x, boundaries, out_int32=True).dtype == np.int32
    assert tg.searchsorted(boundaries, x, side="right").tolist() == [[0, 1, 2], [3, 3, 3]]


def test_searching_each_line_in_its_own_sequence() -> None:
    sequence = tg.tensor([[1.0, 3.0, 5.0], [2.0, 4.0, 6.0]])
    assert tg.searchsorted(sequence, tg.tensor([[3.0, 9.0], [4.5, 0.0]])).tolist() == [[1, 3], [2, 0]]
    shuffled = sequence.flip(1)
    assert tg.searchsorted(shuffled, tg.tensor([[3.0], [4.5]]), sorter=tg.argsort(shuffled)).tolist() == [[1], [2]]


# ---- results -------------------------------------------------------------------------------------------------------


def test_methods_and_named_results() -> None:
    x = tg.tensor([[3.0, 1.0, 2.0], [0.0, 5.0, 4.0]])
    assert x.sort(descending=True).values.tolist() == [[3, 2, 1], [5, 4, 0]]
    assert x.argsort(axis=0).tolist() == [[1, 0, 0], [0, 1, 1]]
    assert x.topk(1).indices.tolist() == [[0], [1]]
    assert x.msort().tolist() == [[0, 1, 2], [3, 5, 4]]
    assert x.kthvalue(2, dim=1, keepdim=True).values.tolist() == [[2], [4]]
    assert x.median().item() == 2.0
    assert x.median(1).values.tolist() == [2, 4]
    assert x.mode().values.tolist() == [1, 0]
    assert x.unique_consecutive().tolist() == [3, 1, 2, 0, 5, 4]
    values, indices = found = x.sort()
    assert values is found.values
    assert indices is found.indices
    assert indices.dtype == np.int64
    assert not indices.requires_grad


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("name", CHOICES)
def test_dtypes_stay_and_arrays_give_arrays(name: str, dtype: str) -> None:
    array = np.random.default_rng(0).permutation(12).astype(dtype)
    x = tg.tensor(array, requires_grad=True)
    out, raw = CHOICES[name](x), CHOICES[name](array)
    assert out.dtype == raw.dtype == dtype
    assert not isinstance(raw, tg.Tensor)
    np.testing.assert_array_equal(out.detach().numpy(), raw)
    (g,) = tg.autograd.grad(out, x, tg.ones_like(out))
    assert (g.dtype, g.shape) == (x.dtype, x.shape)


def test_empty_tensors() -> None:
    x = tg.zeros(0, 3)
    assert tg.sort(x, 0).values.shape == tg.argsort(x).shape == tg.topk(x, 0, 0).values.shape == (0, 3)
    assert tg.topk(x, 2).values.shape == (0, 2)
    assert tg.median(x, 1).values.shape == tg.kthvalue(x, 2).values.shape == tg.mode(x).values.shape == (0,)
    assert np.isnan(tg.median(x).item())
    assert tg.unique(x).shape == tg.unique_consecutive(x).shape == (0,)
    assert tg.unique(x, dim=0).shape == (0, 3)
    assert tg.searchsorted(tg.zeros(0), tg.ones(2)).tolist() == [0, 0]


# ---- errors --------------------------------------------------------------------------------------------------------

ALONG: dict[str, Any] = {
    "sort": tg.sort, "argsort": tg.argsort, "median": tg.median, "mode": tg.mode, "topk": lambda x, dim: tg.topk(x, 1, dim),
    "kthvalue": lambda x, dim: tg.kthvalue(x, 1, dim), "unique": lambda x, dim: tg.unique(x, dim=dim),
}  # fmt: skip


@pytest.mark.parametrize("name", ALONG)
def test_wrong_dims(name: str) -> None:
    with pytest.raises(DimensionError, match=f"{name}: dim 2 is out of range for a tensor with 2 dimensions"):
        ALONG[name](tg.zeros(2, 3), 2)
    with pytest.raises(ArgumentTypeError, match=f"{name}: dim must be an integer, got float"):
        ALONG[name](tg.zeros(2, 3), 1.5)
    with pytest.raises(ArgumentTypeError, match=f"{name}: expected a tensor, got list"):
        ALONG[name]([1.0], 0)
    if name not in ("median", "unique"):
        with pytest.raises(ArgumentTypeError, match=f"{name}: dim must be an integer, got NoneType"):
            ALONG[name](tg.zeros(2, 3), None)


@pytest.mark.parametrize("k", [-1, 4])
def test_more_than_there_are(k: int) -> None:
    with pytest.raises(ArgumentError, match=f"topk: k must be 0 to 3, the number of elements along dim 0, got {k}"):
        tg.topk(tg.zeros(3), k)
    with pytest.raises(ArgumentError, match=f"kthvalue: k must be 1 to 3, the number of elements along dim 1, got {k}"):
        tg.kthvalue(tg.zeros(2, 3), k)


@pytest.mark.parametrize("function", [tg.topk, tg.kthvalue])
def test_k_must_be_an_integer(function: Any) -> None:
    with pytest.raises(ArgumentTypeError, match=r"k must be an integer, got float: 1.5"):
        function(tg.zeros(3), 1.5)


@pytest.mark.parametrize("name", ["median", "kthvalue", "mode"])
def test_none_of_no_elements(name: str) -> None:
    with pytest.raises(DimensionError, match="no elements to choose from"):
        ALONG[name](tg.zeros(0, 3), 0)


def test_median_of_no_integers() -> None:
    with pytest.raises(ShapeError, match="of no integers there is none"):
        tg.median(tg.zeros(0, dtype=tg.int64))
    with pytest.raises(ArgumentTypeError, match="keepdim needs a dim"):
        tg.median(tg.zeros(3), keepdim=True)


def test_wrong_unique_dims() -> None:
    with pytest.raises(ShapeError, match="no elements to compare"):
        tg.unique(tg.zeros(3, 0), dim=0)
    with pytest.raises(DimensionError, match="a 0-d tensor has no dim 0"):
        tg.unique(tg.tensor(1.0), dim=0)


def test_wrong_searches() -> None:
    line, lines = tg.tensor([1.0, 3.0, 5.0]), tg.zeros(2, 3)
    cases: list[tuple[Any, type[Exception], str]] = [
        (lambda: tg.searchsorted(tg.tensor(1.0), line), ShapeError, "at least one dim"),
        (lambda: tg.searchsorted(lines, line), ShapeError, r"sequence \(2, 3\) · values \(3,\)"),
        (lambda: tg.searchsorted(line, line, side="middle"), ArgumentError, "side must be"),
        (lambda: tg.searchsorted(line, line, side="left", right=True), ArgumentError, "contradict"),
        (lambda: tg.searchsorted(line, "x"), ArgumentTypeError, "got str"),
        (lambda: tg.searchsorted([1.0], line), ArgumentTypeError, "got list"),
        (lambda: tg.searchsorted(line, line, sorter=tg.tensor([1, 2])), ShapeError, "shape of the sequence"),
        (lambda: tg.searchsorted(line, line, sorter=line), DtypeError, "integers"),
        (lambda: tg.searchsorted(line, line, sorter=tg.tensor([0, 1, 7])), DimensionError, "sorter: index 7 is out of range"),
        (lambda: tg.bucketize(line, lines), ShapeError, "boundaries must have 1 dim"),
    ]
    for call, error, told in cases:
        with pytest.raises(error, match=told):
            call()


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("dim", [0, 1])
def test_many_numbers_are_in_stable_order_too(dim: int, descending: bool) -> None:
    """Zeros of both signs are equal, and so are nans of all kinds, which are larger than inf."""
    rng = np.random.default_rng(0)
    nans = np.array([0x7FC00000, 0xFFC00000, 0x7FC00001], np.uint32).view(np.float32)
    x = rng.choice(np.concatenate([nans, np.array([0.0, -0.0, np.inf, -np.inf, 1e-45, -1e-45, 1.0, -1.0, 2.5], np.float32)]), (100, 90))
    found = tg.argsort(tg.tensor(x), dim, descending=descending).numpy()
    rank = np.where(np.isnan(x), 10.0, np.clip(x.astype(np.float64), -9.0, 9.0))
    np.testing.assert_array_equal(found, (-rank if descending else rank).argsort(dim, kind="stable"))
