"""The clock of in-place writes: which graphs notice a write, and which must not."""

from __future__ import annotations

import gc
import pickle
from typing import Any

import numpy as np
import pytest

import tinygrad_reg as tg
from tinygrad_reg.engine.mutation import owner, writes
from tinygrad_reg.errors import InplaceError


def leaf() -> Any:
    return tg.tensor([1.0, 2.0, 3.0], requires_grad=True)


def test_owner_is_the_array_behind_all_views() -> None:
    a = np.zeros((3, 4))
    assert owner(a) is a
    assert owner(a[1:].T[0]) is a
    assert owner(np.broadcast_to(a, (2, 3, 4))) is a


def test_a_write_before_the_graph_does_not_count() -> None:
    x, y = leaf(), tg.ones(3)
    y.mul_(2.0)
    (x * y).sum().backward()
    assert x.grad.tolist() == [2.0, 2.0, 2.0]


def test_a_write_to_other_memory_does_not_count() -> None:
    x, y, other = leaf(), tg.ones(3), tg.ones(3)
    z = (x * y).sum()
    other.mul_(2.0)
    z.backward()


@pytest.mark.parametrize(
    "write", ["itself", "view", "detached", "data", "base", "reshaped", "setitem", "index_put", "copy_", "zero_", "uniform_"]
)
def test_a_write_to_saved_memory_is_found_whoever_makes_it(write: str) -> None:
    x, base = leaf(), tg.ones(2, 3)
    y = base[0]
    z = (x * y).sum()
    {
        "itself": lambda: y.mul_(2.0),
        "view": lambda: y[1:].add_(1.0),
        "detached": lambda: y.detach().neg_(),
        "data": lambda: y.data.neg_(),
        "base": lambda: base.add_(1.0),
        "reshaped": lambda: base.view(-1).exp_(),
        "setitem": lambda: base.__setitem__((0, 0), 5.0),
        "index_put": lambda: base.__setitem__(tg.tensor([0, 1]), 5.0),
        "copy_": lambda: y.copy_(tg.zeros(3)),
        "zero_": lambda: base.zero_(),
        "uniform_": lambda: y.uniform_(),
    }[write]()
    with pytest.raises(InplaceError, match="MulBackward0 saved an array"):
        z.backward()


def test_a_write_to_a_saved_result() -> None:
    x = leaf()
    y = tg.exp(x)
    y.add_(1.0)
    with pytest.raises(InplaceError, match="ExpBackward0"):
        y.sum().backward()


def test_a_write_to_one_of_several_saved_results() -> None:
    x = leaf()
    y = tg.nn.functional.layer_norm(x, (3,))
    z = y * 2.0
    y.detach().mul_(2.0)  # an alias outside of the graph: y's own writes copy what is saved
    with pytest.raises(InplaceError, match="StandardizeBackward0"):
        z.sum().backward()


def test_a_result_that_may_change_is_copied_when_it_does() -> None:
    x = tg.tensor([[1.0, 4.0, 2.0]], requires_grad=True)
    y = tg.nn.functional.max_pool1d(x, 2, 1)
    z = y * 1.0
    y.relu_().mul_(0.0)
    z.sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [[0.0, 2.0, 0.0]]
    y.add_(1.0)  # after the walk, when nothing is saved any more


def test_a_write_to_what_nobody_saved_is_fine() -> None:
    x = leaf()
    y = x + 1.0
    y.mul_(3.0)
    y.sum().backward()
    assert x.grad.tolist() == [3.0, 3.0, 3.0]


def test_the_error_is_found_with_create_graph_too() -> None:
    x = leaf()
    h = x * 1.0
    y = tg.sin(h)
    h.add_(1.0)
    with pytest.raises(InplaceError):
        tg.autograd.grad(y.sum(), x, create_graph=True)


def test_a_failed_walk_can_be_repeated_on_another_branch() -> None:
    x = leaf()
    h = x * 1.0
    bad, good = tg.sin(h).sum(), (x * 2.0).sum()
    h.add_(1.0)
    with pytest.raises(InplaceError):
        bad.backward()
    good.backward()
    assert x.grad.tolist() == [2.0, 2.0, 2.0]


def test_stamps_of_dead_buffers_are_forgotten() -> None:
    gc.collect()
    before = len(writes._stamps)
    for _ in range(100):
        tg.ones(3).add_(1.0)
    assert len(writes._stamps) <= before + 1


def test_a_new_array_at_the_address_of_a_dead_one_is_not_mistaken_for_it() -> None:
    for _ in range(50):
        x = leaf()
        z = (x * tg.ones(3)).sum()
        t = tg.ones(3)
        t.add_(1.0)
        del t
        u = tg.ones(3)  # likely where t was
        v = (x * u).sum()
        z.backward()
        v.backward()


def test_optimizer_steps_between_forward_and_backward_are_noticed() -> None:
    w, x = leaf(), leaf()
    y = (w * x).sum()
    with tg.no_grad():
        w -= 0.1
    with pytest.raises(InplaceError):
        y.backward()


def test_unpickled_tensors_own_their_memory() -> None:
    """Arrays over foreign memory share one stamp, so a write to one model would break the graph of another."""
    a, b = (pickle.loads(pickle.dumps(leaf(), protocol=5)) for _ in range(2))
    y = (a * leaf()).sum()
    with tg.no_grad():
        b.add_(1.0)
    y.backward()


def test_memory_that_numpy_does_not_own_is_watched_as_a_whole() -> None:
    a = tg.from_numpy(np.frombuffer(bytearray(24), np.float64))
    b = tg.from_numpy(np.frombuffer(bytearray(24), np.float64))
    x = tg.ones(3, dtype=tg.float64, requires_grad=True)
    y = (x * a).sum()
    b.add_(1.0)
    with pytest.raises(InplaceError):
        y.backward()
