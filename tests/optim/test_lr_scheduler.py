"""Schedules against their closed formulas, together, saved, resumed, misused, and under a tracer."""

from __future__ import annotations

import copy
import math
import pickle
import warnings
from typing import Any

import pytest

import tinygrad_reg as tg
from tinygrad_reg.engine.state import switched
from tinygrad_reg.errors import ArgumentError, ArgumentTypeError
from tinygrad_reg.optim import SGD, lr_scheduler
from tinygrad_reg.optim.lr_scheduler import (
    ConstantLR,
    CosineAnnealingLR,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    LRScheduler,
    MultiStepLR,
    StepLR,
)

from .tracing import Tracer

BASE = (0.8, 0.05)  # the rates of two groups


def cosine(t: int) -> float:
    return (1 + math.cos(math.pi * t / 20)) / 2


CASES: list[tuple[Any, dict[str, Any], Any]] = [  # schedule, settings, the rate at epoch t of a group that began with `lr`
    (StepLR, {"step_size": 7}, lambda lr, t: lr * 0.1 ** (t // 7)),
    (StepLR, {"step_size": 1, "gamma": 0.9}, lambda lr, t: lr * 0.9**t),
    (MultiStepLR, {"milestones": [30, 5, 5], "gamma": 0.5}, lambda lr, t: lr * 0.5 ** ((t >= 5) * 2 + (t >= 30))),
    (ExponentialLR, {"gamma": 0.95}, lambda lr, t: lr * 0.95**t),
    (LambdaLR, {"lr_lambda": lambda t: 1 / (1 + t)}, lambda lr, t: lr / (1 + t)),
    (CosineAnnealingLR, {"T_max": 20}, lambda lr, t: lr * cosine(t)),
    (CosineAnnealingLR, {"T_max": 20, "eta_min": 0.01}, lambda lr, t: 0.01 + (lr - 0.01) * cosine(t)),
    (LinearLR, {}, lambda lr, t: lr * (1 / 3 + min(t, 5) / 5 * 2 / 3)),
    (LinearLR, {"start_factor": 1.0, "end_factor": 0.0, "total_iters": 50}, lambda lr, t: lr * (1 - min(t, 50) / 50)),
    (ConstantLR, {}, lambda lr, t: lr / 3 if t < 5 else lr),
    (ConstantLR, {"factor": 0.0, "total_iters": 3}, lambda lr, t: 0.0 if t < 3 else lr),
]
every_schedule = pytest.mark.parametrize(
    ("kind", "settings", "formula"), CASES, ids=[f"{k.__name__}-{i}" for i, (k, _, _) in enumerate(CASES)]
)


def optimizer(*rates: float) -> Any:
    groups = [{"params": [tg.zeros(1, requires_grad=True)], "lr": lr} for lr in rates or BASE]
    made = SGD(groups, lr=1.0)
    made.step()
    return made


def rates(made: Any) -> list[float]:
    return [group["lr"] for group in made.param_groups]


def test_every_schedule_is_under_these_tests() -> None:
    exported = {v for v in vars(lr_scheduler).values() if isinstance(v, type) and issubclass(v, LRScheduler)} - {LRScheduler}
    assert {kind for kind, _, _ in CASES} == exported


@every_schedule
def test_follows_its_formula(kind: Any, settings: dict[str, Any], formula: Any) -> None:
    made = optimizer()
    schedule = kind(made, **settings)
    for epoch in range(60):
        assert schedule.last_epoch == epoch
        assert rates(made) == pytest.approx([formula(lr, epoch) for lr in BASE], rel=1e-9, abs=1e-12)
        assert schedule.get_last_lr() == rates(made)
        made.step()
        schedule.step()
    assert [group["initial_lr"] for group in made.param_groups] == list(BASE)


@every_schedule
@pytest.mark.parametrize("epoch", [0, 1, 5, 20, 31])
def test_goes_to_any_epoch(kind: Any, settings: dict[str, Any], formula: Any, epoch: int) -> None:
    made = optimizer()
    schedule = kind(made, **settings)
    schedule.step(epoch)
    assert schedule.last_epoch == epoch
    assert rates(made) == pytest.approx([formula(lr, epoch) for lr in BASE], abs=1e-15)


@every_schedule
@pytest.mark.parametrize("epoch", [1, 5, 7, 21])
def test_resumes_from_a_state_dict(kind: Any, settings: dict[str, Any], formula: Any, epoch: int) -> None:
    made, other = optimizer(), optimizer(9.0, 9.0)
    schedule = kind(made, **settings)
    for _ in range(epoch):
        schedule.step()
    again = kind(other, **settings)
    other.load_state_dict(copy.deepcopy(made.state_dict()))
    again.load_state_dict(copy.deepcopy(schedule.state_dict()))
    for _ in range(30):
        schedule.step()
        again.step()
        assert rates(other) == rates(made)
    assert again.state_dict().keys() == schedule.state_dict().keys()


def test_resumes_by_last_epoch() -> None:
    made = optimizer(0.5)
    schedule = ExponentialLR(made, 0.5)
    for _ in range(3):
        schedule.step()
    again = ExponentialLR(made, 0.5, last_epoch=2)
    assert (again.last_epoch, again.base_lrs, rates(made)) == (3, [0.5], [0.0625])
    with pytest.raises(ArgumentError, match=r"param_groups\[0\] has no 'initial_lr'"):
        StepLR(optimizer(), 3, last_epoch=2)


def test_schedules_act_together() -> None:
    made = optimizer(1.0)
    schedules = [ConstantLR(made, 0.1, 2), ExponentialLR(made, 0.9), MultiStepLR(made, [3])]
    seen = []
    for _ in range(5):
        seen += rates(made)
        for schedule in schedules:
            schedule.step()
    assert seen == pytest.approx([0.1, 0.09, 0.81, 0.0729, 0.06561])


def test_a_schedule_of_the_users_own() -> None:
    class InPyTorchsManner(LRScheduler):
        def get_lr(self) -> list[float]:
            return [base / (self.last_epoch + 1) for base in self.base_lrs]

    class Short(LRScheduler):
        def rate(self, lr: float, base_lr: float) -> float:
            return base_lr / (self.last_epoch + 1)

    for kind in (InPyTorchsManner, Short):
        made = optimizer()
        schedule = kind(made)
        schedule.step()
        assert rates(made) == [lr / 2 for lr in BASE]
        schedule.step(3)
        assert rates(made) == [lr / 4 for lr in BASE]
    with pytest.raises(NotImplementedError, match="define rate\\(lr, base_lr\\), or override get_lr"):
        LRScheduler(optimizer())


def test_one_function_for_each_group() -> None:
    made = optimizer()
    schedule = LambdaLR(made, [lambda t: t + 1.0, lambda t: 0.5**t])
    schedule.step()
    assert rates(made) == [BASE[0] * 2, BASE[1] / 2]
    with pytest.raises(ArgumentError, match="the optimizer has 2 groups, got 1 functions"):
        LambdaLR(made, [lambda t: 1.0])


class Decay:
    """A callable whose attributes can be saved."""

    def __init__(self, base: float) -> None:
        self.base = base

    def __call__(self, t: int) -> float:
        return float(self.base**t)


def test_callable_objects_are_saved_and_functions_are_not() -> None:
    made = optimizer()
    schedule = LambdaLR(made, [Decay(0.5), lambda t: 1.0])
    assert schedule.state_dict()["lr_lambdas"] == [{"base": 0.5}, None]
    again = LambdaLR(made, [Decay(0.9), lambda t: 1.0])
    again.load_state_dict(schedule.state_dict())
    assert again.lr_lambdas[0].base == 0.5


def test_copies_and_pickles_with_its_optimizer() -> None:
    schedule = CosineAnnealingLR(optimizer(), 10)
    for twin in (copy.deepcopy(schedule), pickle.loads(pickle.dumps(schedule))):
        assert twin.optimizer is not schedule.optimizer
        twin.step()
        assert rates(twin.optimizer) != rates(schedule.optimizer)


def test_warns_when_called_before_the_optimizer() -> None:
    made = SGD([tg.zeros(1, requires_grad=True)], lr=1.0)
    schedule = StepLR(made, 2)
    with pytest.warns(UserWarning, match="called before optimizer.step\\(\\), so the first value of the schedule is skipped"):
        schedule.step()
    made.step()
    again = StepLR(made, 2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        schedule.step()
        again.step()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda o: StepLR(o, 0), "StepLR: step_size must be an integer of at least 1, got 0"),
        (lambda o: StepLR(o, "3"), "StepLR: step_size must be an integer of at least 1, got '3'"),
        (lambda o: CosineAnnealingLR(o, 0), "CosineAnnealingLR: T_max must be an integer of at least 1, got 0"),
        (lambda o: LinearLR(o, start_factor=0.0), "LinearLR: start_factor must be above 0 and at most 1, got 0.0"),
        (lambda o: LinearLR(o, end_factor=1.5), "LinearLR: end_factor must be between 0 and 1, got 1.5"),
        (lambda o: ConstantLR(o, factor=-0.5), "ConstantLR: factor must be between 0 and 1, got -0.5"),
    ],
)
def test_bad_values_are_refused(make: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        make(optimizer())


def test_other_misuse() -> None:
    with pytest.raises(ArgumentTypeError, match="StepLR: the first argument must be an optimizer, got int"):
        StepLR(3, 3)  # type: ignore[arg-type]
    made = optimizer()
    schedule = StepLR(made, 3)
    with pytest.raises(ArgumentError, match="the state dict lacks step_size; is it of another schedule?"):
        schedule.load_state_dict(ExponentialLR(made, 0.5).state_dict())
    made.add_param_group({"params": [tg.zeros(1, requires_grad=True)]})
    with pytest.raises(ArgumentError, match="the optimizer has 3 groups, it had 2 when the schedule was made"):
        schedule.step()
    assert schedule.last_epoch == 0


def test_a_compiled_step_repeats_it() -> None:
    made = optimizer(1.0)
    schedule = ExponentialLR(made, 0.5)
    tracer = Tracer()
    with switched(tracer=tracer):
        schedule.step()
    assert rates(made) == [0.5]
    assert [host() for host in tracer.hosts] == [{}]
    assert rates(made) == [0.25]
    assert schedule.last_epoch == 2
