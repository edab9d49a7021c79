"""Loops divided among threads: the same bits whatever their number, from several threads of Python and in a forked process."""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, reject, settings

import tinygrad_reg as tg
from tinygrad_reg import blas, nn
from tinygrad_reg.compiler.backends.c import threads

from ..programs import Script, programs
from ..regression import same
from ..test_laws import runs
from .conftest import needs_compiler
from .test_programs import EXAMPLES

pytestmark = needs_compiler


@pytest.fixture(autouse=True)
def products_in_one_thread() -> Iterator[None]:
    """Their number changes bits in BLAS, so it is that of loops alone that tests change."""
    before = tg.get_num_threads()
    tg.set_num_threads(1)
    yield
    tg.set_num_threads(before)


def network(**options: Any) -> tuple[Any, nn.Module]:
    """A step over loops of more than enough elements, and its model."""
    tg.manual_seed(0)
    net = nn.Sequential(nn.Linear(10, 300), nn.Tanh(), nn.LayerNorm(300), nn.Linear(300, 2))
    optimizer = tg.optim.Adam(net.parameters())
    x, y = tg.randn(500, 10), tg.randn(500, 2)

    def step() -> tg.Tensor:
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(net(x), y)
        loss.backward()
        optimizer.step()
        return loss.detach()

    return tg.compile(step, **options), net


def trained(count: int, steps: int = 14) -> list[Any]:
    blas.thread_count().value = count
    step, net = network(backend="c")
    losses = [step() for _ in range(steps)]
    assert "divided(&part_0_trial" in step.source
    return [*losses, *net.state_dict().values()]


def test_the_number_of_threads_changes_no_bit() -> None:
    alone = trained(1)
    for count in (2, 3, 7, 100, 1):
        assert same(trained(count), alone)


@given(programs())
@settings(max_examples=EXAMPLES)
def test_every_loop_of_drawn_programs(script: Script) -> None:
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a gradient may happen to meet 0 · inf
        patch.setattr(threads, "WORTH", 0)
        made = []
        for count in (1, 3):
            blas.thread_count().value = count
            try:
                made.append(runs(script, tg.float64, lambda f: tg.compile(f, backend="c")))
            except tg.errors.InplaceError:  # the script overwrites what it needs later
                reject()
    assert same(*made)


def test_steps_of_several_threads_of_python_run_at_the_same_time() -> None:
    alone = trained(1, 40)
    blas.thread_count().value = 3
    made: list[Any] = [(*network(backend="c"), []) for _ in range(4)]

    def train(step: Any, losses: list[Any]) -> None:
        for _ in range(40):
            losses.append(step())

    workers = [threading.Thread(target=train, args=(step, losses)) for step, _, losses in made]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    for _, net, losses in made:
        assert same([*losses, *net.state_dict().values()], alone)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*fork")
def test_a_forked_process_has_threads_of_its_own() -> None:
    alone = trained(1)
    trained(3)  # now there are threads, which a fork leaves behind
    child = os.fork()
    if not child:
        os._exit(0 if same(trained(3), alone) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert same(trained(3), alone)


def test_without_posix_threads_a_step_runs_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    alone = trained(1)
    monkeypatch.setattr(threads, "_POOL", "#error no threads here\n")
    threads._pool.cache_clear()
    try:
        assert same(trained(3), alone)
    finally:
        monkeypatch.undo()
        threads._pool.cache_clear()


def test_where_a_product_goes_to_blas_the_cores_are_left_to_it() -> None:
    def step(x: tg.Tensor, w: tg.Tensor) -> tg.Tensor:
        return (x @ w).tanh()

    x, w = (tg.tensor(np.random.default_rng(i).standard_normal(shape)) for i, shape in enumerate([(64, 1024), (1024, 256)]))
    compiled = tg.compile(step, backend="c")
    for _ in range(3):
        np.testing.assert_allclose(compiled(x, w).numpy(), step(x, w).numpy(), rtol=1e-10, atol=1e-10)
    assert "if (blas_f64) blas_f64(" in compiled.source
    assert "divided" not in compiled.source
