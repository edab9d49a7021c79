"""Memory over long training: nothing grows, nothing needs the garbage collector, and only what a rule names is kept."""

from __future__ import annotations

import gc
import sys
import tracemalloc
import weakref
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import tinygrad_reg as tg
from tinygrad_reg.engine.mutation import writes


@pytest.fixture
def _no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def training(optimizer: str) -> Any:
    """A step of the network 1-8-1 on 16 samples."""
    tg.manual_seed(0)
    x, y = tg.randn(16, 1), tg.randn(16, 1)
    model = tg.nn.Sequential(tg.nn.Linear(1, 8), tg.nn.Sigmoid(), tg.nn.Linear(8, 1))
    update = getattr(tg.optim, optimizer)(model.parameters(), lr=1e-3)
    loss_of = tg.nn.MSELoss()

    def step() -> float:
        update.zero_grad()
        loss = loss_of(model(x), y)
        loss.backward()
        update.step()
        return float(loss)

    return step


@pytest.mark.usefixtures("_no_collector")
def test_memory_does_not_grow_over_10_000_steps() -> None:
    step = training("Adam")
    for _ in range(500):
        step()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for _ in range(9_500):
            step()
        after, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 200_000  # CPython's free lists fill up once; a leak of 100 bytes a step would be a million
    assert peak - before < 400_000


@pytest.mark.usefixtures("_no_collector")
@pytest.mark.parametrize("optimizer", ["SGD", "Adam", "AdamW"])
def test_a_step_leaves_no_garbage(optimizer: str) -> None:
    step = training(optimizer)
    for _ in range(3):
        step()
    gc.collect()
    for _ in range(10):
        step()
    assert gc.collect() == 0


@pytest.mark.usefixtures("_no_collector")
@pytest.mark.parametrize(
    "action",
    [
        lambda x: (x * x).sum().backward(),
        lambda x: tg.autograd.grad((x**3).sum(), x, create_graph=True)[0].sum().backward(),
        lambda x: [v.sum().backward() for v in (x * 1.0).unbind(0)[:1]],
        lambda x: (x * 1.0)[0].mul_(2.0).sum().backward(),
        lambda x: tg.cat([x, x]).max(0).values.sum().backward(),
        lambda x: x.register_hook(lambda g: g * 2.0).remove(),
        lambda x: x.T.reshape(-1).view(2, -1).expand(3, 2, 2).sum().backward(),
        lambda x: repr(x * 2),
        lambda x: tg.nn.functional.layer_norm(x, (2,)).sum().backward(),
    ],
)
def test_no_operation_makes_a_reference_cycle(action: Any) -> None:
    x = tg.ones(2, 2, requires_grad=True)
    action(x)
    x.grad = None
    gc.collect()
    before = sys.getrefcount(x)
    action(x)
    x.grad = None
    assert gc.collect() == 0
    assert sys.getrefcount(x) == before


@pytest.mark.usefixtures("_no_collector")
def test_errors_do_not_keep_graphs_alive() -> None:
    x = tg.ones(3, requires_grad=True)
    y = x * 2.0
    node = weakref.ref(y.grad_fn)
    with pytest.raises(RuntimeError):
        y.backward()
    del y
    assert node() is None


def test_peak_memory_of_a_chain_is_that_of_its_results() -> None:
    """`add` saves nothing, `tanh` its result, `mul` by a number only the number."""
    n = 250_000
    x = tg.ones(n, requires_grad=True)
    tracemalloc.start()
    try:
        y: Any = x
        for _ in range(10):
            y = y + 1.0
            y = y * 2.0
        held, _ = tracemalloc.get_traced_memory()
        assert held < 1.5 * 4 * n  # one array
        for _ in range(4):
            y = tg.tanh(y)
        held, _ = tracemalloc.get_traced_memory()
        assert held < 5.5 * 4 * n
        y.sum().backward()
        tracemalloc.reset_peak()
        del y
        held, _ = tracemalloc.get_traced_memory()
        assert held < 1.5 * 4 * n  # the gradient
    finally:
        tracemalloc.stop()


def test_backward_frees_what_it_has_used_on_the_way() -> None:
    n, depth = 250_000, 10
    x = tg.ones(n, requires_grad=True)
    y: Any = x
    for _ in range(depth):
        y = tg.tanh(y)
    loss = y.sum()
    del y
    tracemalloc.start()
    try:
        loss.backward()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 5 * 4 * n  # cotangents and what a rule needs in between, not one for each of the ten steps


def test_views_of_a_long_lived_tensor_are_forgotten() -> None:
    w = tg.ones(3, 3, requires_grad=True)
    for _ in range(1000):
        w.T.sum().backward()
        w.detach()[0].view(-1)
        w[0]
    assert len(w.views or ()) < 20


def test_write_stamps_are_forgotten_with_their_memory() -> None:
    for _ in range(100):
        tg.ones(3).add_(1.0)
    gc.collect()
    alive = len(writes._stamps)
    for _ in range(1000):
        tg.ones(3).add_(1.0)
    assert len(writes._stamps) <= alive + 1


def test_arrays_are_shared_and_not_copied_without_need() -> None:
    a = np.ones(5, np.float32)
    t = tg.from_numpy(a)
    for x in (t.detach(), t.view(5, 1), t[1:], t.to(tg.float32), t.contiguous(), tg.as_tensor(a), t.float(), t.cpu()):
        assert np.shares_memory(x.numpy(), a)
    for x in (tg.tensor(a), t.clone(), t + 0, t.double(), t[[0, 1]], t.to(tg.float32, copy=True)):
        assert not np.shares_memory(x.numpy(), a)
