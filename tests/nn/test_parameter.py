"""Parameter: a tensor by itself, a plain tensor after any operation."""

from __future__ import annotations

import copy
import pickle

import pytest

import tinygrad_reg as tg
from tinygrad_reg import nn
from tinygrad_reg.errors import ArgumentTypeError, GradientError


def test_it_shares_memory_and_needs_gradients() -> None:
    data = tg.tensor([1.0, 2.0])
    p = nn.Parameter(data)
    assert p.requires_grad
    assert p.is_leaf
    assert not data.requires_grad
    data[0] = 5.0
    assert p.tolist() == [5.0, 2.0]
    assert not nn.Parameter(data, requires_grad=False).requires_grad
    assert nn.Parameter().shape == (0,)


def test_results_are_plain_tensors() -> None:
    p = nn.Parameter(tg.tensor([[1.0, 2.0]]))
    for result in (p + 1, p.exp(), p @ p.T, p[0], p.T, p.detach(), p.data, p.clone(), p.sum(), p.double(), tg.cat([p, p])):
        assert type(result) is tg.Tensor
    with tg.no_grad():
        assert type(p * 2) is tg.Tensor
    p.sum().backward()
    assert type(p.grad) is tg.Tensor


def test_in_place_changes_keep_the_object() -> None:
    p = q = nn.Parameter(tg.ones(2))
    with tg.no_grad():
        p -= 0.5
        p.mul_(2)
    assert p is q
    assert p.tolist() == [1.0, 1.0]
    p.data = tg.zeros(3)
    assert isinstance(p, nn.Parameter)
    assert p.shape == (3,)


def test_text() -> None:
    assert repr(nn.Parameter(tg.ones(2))) == "Parameter containing:\ntensor([1., 1.], requires_grad=True)"


@pytest.mark.parametrize("needs", [True, False])
def test_copies_keep_the_class_and_the_flag_but_not_the_gradient(needs: bool) -> None:
    p = nn.Parameter(tg.ones(2), requires_grad=needs)
    p.grad = tg.ones(2)
    pair = copy.deepcopy([p, p])
    assert pair[0] is pair[1]
    for other in (pair[0], pickle.loads(pickle.dumps(p))):
        assert type(other) is nn.Parameter
        assert other.requires_grad is needs
        assert other.grad is None
        assert other.data_ptr() != p.data_ptr()
        assert other.tolist() == [1.0, 1.0]


def test_what_it_refuses() -> None:
    with pytest.raises(ArgumentTypeError, match=r"expected a tensor, got list \[1.0\]; wrap it in tg.tensor"):
        nn.Parameter([1.0])  # type: ignore[arg-type]
    with pytest.raises(GradientError, match="floating point"):
        nn.Parameter(tg.ones(2, dtype=tg.int64))
    assert nn.Parameter(tg.ones(2, dtype=tg.int64), requires_grad=False).dtype == tg.int64
