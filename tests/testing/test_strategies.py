"""The strategies draw what they promise."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, assume, find, given, settings
from hypothesis import strategies as st

import tinygrad_reg as tg
from tinygrad_reg.errors import ArgumentError
from tinygrad_reg.testing import broadcastable, indices, programs, shapes, tensors


@given(shapes(1, 2, 0, 5))
def test_shapes_stay_in_their_bounds(shape: tuple[int, ...]) -> None:
    assert 1 <= len(shape) <= 2
    assert all(0 <= n <= 5 for n in shape)


@given(broadcastable(3))
def test_broadcastable_shapes_broadcast_to_the_result(drawn: Any) -> None:
    three, result = drawn
    assert len(three) == 3
    assert np.broadcast_shapes(*three) == result


@given(broadcastable(2, min_dims=2, max_dims=3, min_side=2, max_side=3))
def test_bounds_of_broadcastable_are_those_of_the_result(drawn: Any) -> None:
    result = drawn[1]
    assert 2 <= len(result) <= 3
    assert set(result) <= {2, 3}


def test_both_shapes_may_have_to_be_expanded() -> None:
    find(broadcastable(2), lambda drawn: drawn[1] not in drawn[0])


@given(tensors(dtype="float32", low=-1.0, high=2.0, requires_grad=True, layouts=("contiguous", "transposed", "strided", "expanded")))
def test_tensors_lie_in_the_interval_and_are_leaves(x: tg.Tensor) -> None:
    assert x.dtype == tg.float32
    assert x.requires_grad
    assert x.is_leaf
    assert bool(((x >= -1.0) & (x <= 2.0)).all())


@given(tensors((4,), dtype="int64", low=-2, high=2))
def test_integers_are_whole(x: tg.Tensor) -> None:
    assert x.dtype == tg.int64
    assert set(x.tolist()) <= {-2, -1, 0, 1, 2}


@given(tensors((20,), dtype="float16", low=0.1, high=0.3), tensors((20,), dtype="float16", low=-1e5, high=1e5))
def test_rounding_does_not_lead_out_of_the_interval(x: tg.Tensor, y: tg.Tensor) -> None:
    assert bool(((x.double() >= 0.1) & (x.double() <= 0.3)).all())
    assert bool(y.isfinite().all())


@given(tensors((20,), dtype="uint8", low=5, high=9), tensors((20,), dtype="int8", low=-1000, high=1000), tensors(low=-1e308, high=1e308))
def test_intervals_are_cut_to_the_dtype(x: tg.Tensor, y: tg.Tensor, z: tg.Tensor) -> None:
    assert set(x.tolist()) <= {5, 6, 7, 8, 9}
    assert len(set(y.tolist())) > 1
    assert bool(z.isfinite().all())


@given(tensors([2, 3]), tensors(3), tensors(shapes(2, 2)), tensors((4, 2), layouts="transposed"))
def test_shapes_are_given_in_several_ways(x: tg.Tensor, y: tg.Tensor, z: tg.Tensor, t: tg.Tensor) -> None:
    assert (x.shape, y.shape, z.ndim) == ((2, 3), (3,), 2)
    assert not t.is_contiguous()


@pytest.mark.parametrize(
    ("strategy", "words"),
    [
        (tensors(low=2.0, high=1.0), "low not above high"),
        (tensors(high=float("inf")), "finite"),
        (tensors(dtype="int64", low=0.2, high=0.8), "no int64 between"),
        (tensors(dtype="int64", requires_grad=True), "needs a float dtype"),
        (programs(inputs=0), "one input or more"),
        (programs(dtype="int64"), "float dtype"),
    ],
)
def test_what_cannot_be_drawn(strategy: Any, words: str) -> None:
    with pytest.raises(ArgumentError, match=words):
        find(strategy, lambda x: True)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_subnormal_and_huge_numbers_of_each_dtype_occur(dtype: str) -> None:
    info: Any = np.finfo(dtype)
    find(tensors((30,), dtype=dtype, special=True), lambda x: bool(((x.abs() > 0) & (x.abs() < float(info.smallest_normal))).any()))
    find(tensors((30,), dtype=dtype, special=True), lambda x: bool((x.isfinite() & (x.abs() > float(info.max) / 8.0)).any()))


def test_special_values_ties_and_layouts_occur() -> None:
    find(tensors((8,), special=True), lambda x: bool(x.isnan().any()))
    find(tensors((8,), special=True), lambda x: bool(x.isinf().any()))
    find(tensors((8,), ties=True), lambda x: len(x.unique()) < 8)
    find(tensors((2, 3), layouts=("transposed", "contiguous")), lambda x: not x.is_contiguous())
    find(tensors((2, 3), layouts=("expanded",)), lambda x: 0 in x.stride())
    with pytest.raises(ArgumentError, match="layout must be one of"):
        find(tensors((2,), layouts=("diagonal",)), lambda x: True)


@given(st.data(), shapes(0, 3, 0, 4))
def test_indices_are_valid_and_mean_the_same_to_numpy(data: Any, shape: tuple[int, ...]) -> None:
    index = data.draw(indices(shape))
    items = index if isinstance(index, tuple) else (index,)
    # NumPy takes an int beside an array for an array, and may move its dimension to the front; PyTorch and we do not
    assume(not (any(type(i) is int for i in items) and any(isinstance(i, ARRAYS) for i in items)))
    x = tg.arange(int(np.prod(shape, dtype=int))).reshape(shape)
    plain = tuple([i.numpy() if isinstance(i, tg.Tensor) else i for i in items])
    np.testing.assert_array_equal(x[index].numpy(), x.numpy()[plain])


ARRAYS = (tg.Tensor, np.ndarray, list, range, bool)


@given(st.data(), shapes(0, 3, 0, 4))
def test_indices_without_arrays_give_views(data: Any, shape: tuple[int, ...]) -> None:
    x = tg.zeros(shape)
    part = x[data.draw(indices(shape, arrays=False))]
    assert not part.numel() or np.shares_memory(part.numpy(), x.numpy())


def drawn(strategy: Any, wanted: Any) -> Any:
    """One example that is wanted; how small it can be made does not matter."""
    return find(strategy, wanted, settings=settings(max_examples=5000, phases=[Phase.generate]))


@pytest.mark.parametrize("form", [int, slice, type(None), type(...), *ARRAYS[:4]])
def test_every_form_of_index_occurs(form: type) -> None:
    drawn(indices((2, 3)), lambda index: isinstance(index, tuple) and any(isinstance(item, form) for item in index))


def test_masks_of_several_dims_occur() -> None:
    drawn(indices((2, 3)), lambda index: isinstance(index, tg.Tensor) and index.dtype == tg.bool and index.ndim == 2)


def test_without_hypothesis_gradcheck_works_and_strategies_say_what_to_install() -> None:
    code = """
import sys
sys.modules["hypothesis"] = None
import tinygrad_reg as tg
from tinygrad_reg import testing
assert testing.gradcheck(tg.sin, tg.ones(2, dtype=tg.float64))
try:
    testing.tensors
except ImportError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == 'tinygrad_reg.testing.tensors needs hypothesis: pip install "tinygrad-reg[test]"'
