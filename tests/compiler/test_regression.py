"""The regression's training step: compiled, it is eager to the last bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_reg as tg

from .regression import EXACT, FORMS, OPTIMIZERS, same, task


@pytest.mark.parametrize("backend", EXACT)
@pytest.mark.parametrize("dtype", [tg.float32, tg.float64], ids=str)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_hundred_compiled_steps_are_bit_equal_to_eager(optimizer: str, dtype: Any, backend: str) -> None:
    eager, compiled = task(optimizer, dtype), task(optimizer, dtype)
    step = tg.compile(compiled.step, backend=backend)
    for _ in range(100):
        assert same(eager.step(eager.x, eager.y), step(compiled.x, compiled.y))
        assert same(eager.held(), compiled.held())
    assert step.traces == FORMS.get(optimizer, 1)
    assert optimizer in FORMS or "replayed 98 times" in step.explain()
    assert same(eager.optimizer.state_dict()["state"], compiled.optimizer.state_dict()["state"])


@pytest.mark.parametrize("stop", [0, 1, 2, 7])
def test_after_any_compiled_step_eager_carries_on_with_the_same_tensors(stop: int) -> None:
    eager, compiled = task(), task()
    step = tg.compile(compiled.step, backend="numpy_source")
    for i in range(12):
        run = step if i < stop or i > 9 else compiled.step
        assert same(eager.step(eager.x, eager.y), run(compiled.x, compiled.y))
    assert same(eager.held(), compiled.held())


def test_a_replay_gives_new_tensors_and_leaves_those_kept_from_earlier_calls_alone() -> None:
    compiled = task()
    step = tg.compile(compiled.step, backend="numpy_source")
    for _ in range(3):
        step(compiled.x, compiled.y)
    weight = next(compiled.net.parameters())
    loss, gradient, memory = step(compiled.x, compiled.y), weight.grad, weight.detach().numpy()
    kept = [loss.numpy().copy(), gradient.numpy().copy()]
    later = step(compiled.x, compiled.y)
    assert later is not loss
    assert not loss.requires_grad
    assert loss.is_leaf
    assert weight.grad is not gradient
    assert same(kept, [loss.numpy(), gradient.numpy()])
    assert np.shares_memory(memory, weight.detach().numpy())


def test_a_compiled_step_is_noticed_by_a_graph_that_has_saved_what_it_overwrites() -> None:
    compiled = task()
    step = tg.compile(compiled.step, backend="numpy_source")
    for _ in range(3):
        step(compiled.x, compiled.y)
    loss = compiled.net(compiled.x).sum()
    step(compiled.x, compiled.y)
    with pytest.raises(tg.errors.InplaceError, match="modified by an in-place operation"):
        loss.backward()


def test_the_learning_rate_may_change_between_and_inside_of_compiled_steps() -> None:
    def losses(compile_it: bool, inside: bool) -> list[float]:
        made = task("sgd")
        schedule = tg.optim.lr_scheduler.StepLR(made.optimizer, 2, 0.5)

        def step(x: Any, y: Any) -> Any:
            loss = made.step(x, y)
            if inside:
                schedule.step()
            return loss

        run = tg.compile(step, backend="numpy_source") if compile_it else step
        found = []
        for i in range(9):
            found.append(run(made.x, made.y).item())
            if not inside:
                schedule.step()
            if i == 5:
                made.optimizer.param_groups[0]["momentum"] = 0.5
        assert made.optimizer.param_groups[0]["lr"] == 0.1 * 0.5**4
        return found

    for inside in (False, True):
        assert losses(True, inside) == losses(False, inside)


def test_an_optimizer_that_takes_another_form_is_traced_anew() -> None:
    eager, compiled = task("sgd"), task("sgd")
    step = tg.compile(compiled.step, backend="numpy_source")
    for i in range(12):
        if i == 4:
            for made in (eager, compiled):
                made.optimizer.param_groups[0].update(nesterov=True, weight_decay=0.1)
        if i == 8:
            for made in (eager, compiled):
                made.optimizer.load_state_dict(made.optimizer.state_dict())
        assert same(eager.step(eager.x, eager.y), step(compiled.x, compiled.y))
    assert same(eager.held(), compiled.held())
    assert step.traces == 3
