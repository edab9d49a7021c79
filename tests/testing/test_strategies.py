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
from tinygrad_reg.testing import broadcastable, indices, shapes, tensors


@given(shapes(1, 2, 0, 5))
def test_shapes_stay_in_their_bounds(shape: tuple[int, ...]) -> None:
    assert 1 <= len(shape) <= 2
    assert all(0 <= n <= 5 for n in shape)


@given(broadcastable(3))
def test_broadcastable_shapes_broadcast_to_the_result(drawn: Any) -> None:
    three, result = drawn
    assert len(three) == 3
    assert np.broadcast_shapes(*three) == result


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
