"""A type for each dtype, and Variable, as scripts of PyTorch's first years use them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_reg as tg
from tinygrad_reg.errors import ArgumentTypeError

Variable: Any = tg.autograd.Variable
KINDS: dict[Any, Any] = {
    tg.FloatTensor: tg.float32,
    tg.DoubleTensor: tg.float64,
    tg.HalfTensor: tg.float16,
    tg.LongTensor: tg.int64,
    tg.IntTensor: tg.int32,
    tg.ShortTensor: tg.int16,
    tg.CharTensor: tg.int8,
    tg.ByteTensor: tg.uint8,
    tg.BoolTensor: tg.bool,
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_type_makes_and_knows_tensors_of_its_dtype(kind: Any) -> None:
    dtype = KINDS[kind]
    for made, shape in ((kind([1, 0]), (2,)), (kind(2, 3), (2, 3)), (kind(tg.zeros(3, 1).shape), (3, 1)), (kind(), (0,))):
        assert isinstance(made, tg.Tensor)
        assert made.dtype == dtype
        assert made.shape == shape
        assert [isinstance(made, other) for other in KINDS] == [other is kind for other in KINDS]
    assert kind(np.array([1, 0])).tolist() == [1, 0]
    assert tg.ones(2).type(kind).dtype == dtype
    assert not isinstance(np.ones(2, dtype), kind)


def test_tensors_of_another_dtype_are_refused() -> None:
    kind: Any = tg.LongTensor
    assert kind(tg.tensor([1])).tolist() == [1]
    with pytest.raises(ArgumentTypeError, match="LongTensor: expected numbers or a tensor of int64, got float32"):
        kind(tg.ones(2))


def test_a_variable_is_a_tensor_in_the_same_memory_without_its_graph() -> None:
    x = tg.ones(2)
    y = Variable(x, requires_grad=True)
    (y * 3).sum().backward()
    assert y.grad is not None
    assert y.grad.tolist() == [3.0, 3.0]
    assert not x.requires_grad
    assert y.data_ptr() == x.data_ptr()
    assert not Variable(y * 2).requires_grad
    assert isinstance(x, Variable)
    with pytest.raises(ArgumentTypeError, match="data"):
        Variable([1.0])
