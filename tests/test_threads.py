"""Threads that train independently get exactly what they would get one after the other."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import tinygrad_reg as tg


def train(seed: int) -> list[Any]:
    """50 steps of a small network with generators and memory of its own; its parameters, as arrays."""
    generator = tg.Generator().manual_seed(seed)
    x, y = tg.randn(20, 3, generator=generator), tg.randn(20, 1, generator=generator)
    parameters = [tg.randn(*s, generator=generator, requires_grad=True) for s in ((5, 3), (5,), (1, 5), (1,))]
    optimizer = tg.optim.Adam(parameters, lr=0.01)
    for step in range(50):
        optimizer.zero_grad()
        h = tg.tanh(tg.nn.functional.linear(x, parameters[0], parameters[1]))
        h[0].detach().view(-1)
        loss = ((tg.nn.functional.linear(h, parameters[2], parameters[3]) - y) ** 2).mean()
        loss.backward()
        optimizer.step()
        if step % 10 == 0:
            with tg.no_grad():
                assert not tg.is_grad_enabled()
                parameters[1].mul_(0.99)
    return [p.detach().numpy() for p in parameters]


def at_once(call: Callable[[int], Any], count: int = 6) -> list[Any]:
    """All calls in threads of their own, started together."""
    barrier = threading.Barrier(count)

    def run(seed: int) -> Any:
        barrier.wait(30)
        return call(seed)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


def test_independent_training_gives_the_sequential_result() -> None:
    expected = [train(seed) for seed in range(6)]
    for _ in range(2):
        for found, wanted in zip(at_once(train), expected, strict=True):
            for a, b in zip(found, wanted, strict=True):
                assert a.tobytes() == b.tobytes()


def test_threads_may_read_the_same_parameters() -> None:
    w = tg.tensor(np.arange(12.0).reshape(3, 4), requires_grad=True)

    def gradient(seed: int) -> Any:
        x = tg.tensor(np.random.default_rng(seed).standard_normal((4, 2)))
        return [tg.autograd.grad(tg.sin(w @ x).sum(), w)[0].numpy() for _ in range(30)][-1]

    expected = [gradient(seed) for seed in range(6)]
    for a, b in zip(at_once(gradient), expected, strict=True):
        np.testing.assert_array_equal(a, b)
    assert w.grad is None


def test_in_place_checks_are_not_confused_by_other_threads() -> None:
    def work(seed: int) -> int:
        for _ in range(200):
            x = tg.ones(3, requires_grad=True)
            h = x * 1.0
            h.add_(1.0)
            y = tg.sin(h).sum()
            tg.ones(3).mul_(2.0)
            y.backward()
            z = tg.sin(h2 := x * 1.0).sum()
            h2.add_(1.0)
            with pytest.raises(tg.errors.InplaceError):
                z.backward()
        return seed

    assert at_once(work) == list(range(6))


def test_modes_do_not_leak_between_threads() -> None:
    def work(seed: int) -> bool:
        for _ in range(200):
            if seed % 2:
                with tg.no_grad():
                    assert not (tg.ones(1, requires_grad=True) * 2).requires_grad
            else:
                assert (tg.ones(1, requires_grad=True) * 2).requires_grad
        return tg.is_grad_enabled()

    assert at_once(work) == [True] * 6


def test_a_graph_made_in_one_thread_can_be_walked_in_another() -> None:
    x = tg.ones(3, requires_grad=True)
    y = (x * 3.0).sum()
    thread = threading.Thread(target=y.backward)
    thread.start()
    thread.join()
    assert x.grad is not None
    assert x.grad.tolist() == [3.0, 3.0, 3.0]
