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
from tinygrad_reg.optim import SGD, Adagrad, Adam, lr_scheduler
from tinygrad_reg.optim.lr_scheduler import (
    ChainedScheduler,
    ConstantLR,
    CosineAnnealingLR,
    CosineAnnealingWarmRestarts,
    CyclicLR,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    LRScheduler,
    MultiplicativeLR,
    MultiStepLR,
    OneCycleLR,
    PolynomialLR,
    ReduceLROnPlateau,
    SequentialLR,
    StepLR,
)

from .tracing import Tracer

BASE = (0.8, 0.05)  # the rates of two groups


def cosine(t: int) -> float:
    return (1 + math.cos(math.pi * t / 20)) / 2


def triangle(t: int) -> float:
    """Up from 0 to 1 in 4 steps, down in 12."""
    t %= 16
    return t / 4 if t <= 4 else (16 - t) / 12


def restarted(lr: float, t: int) -> float:
    """Half cosines of 5, 10, 20, ... epochs."""
    length = 5
    while t >= length:
        t, length = t - length, length * 2
    return 0.01 + (lr - 0.01) * (1 + math.cos(math.pi * t / length)) / 2


def one_cycle(lr: float, t: int) -> float:
    """From 0.02 to 0.5 in the first 17 of 60 steps, to 0.002 at the last one, along half cosines."""
    low, high, share = (0.02, 0.5, t / 17) if t <= 17 else (0.002, 0.5, (59 - t) / 42)
    return high + (low - high) * (1 + math.cos(math.pi * share)) / 2


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
    (PolynomialLR, {"total_iters": 50, "power": 2.0}, lambda lr, t: lr * (1 - min(t, 50) / 50) ** 2),
    (CosineAnnealingWarmRestarts, {"T_0": 5, "T_mult": 2, "eta_min": 0.01}, restarted),
    (CyclicLR, {"base_lr": 0.1, "max_lr": 0.5, "step_size_up": 4, "step_size_down": 12}, lambda lr, t: 0.1 + 0.4 * triangle(t)),
    (OneCycleLR, {"max_lr": 0.5, "total_steps": 60, "final_div_factor": 10.0}, one_cycle),
    (MultiplicativeLR, {"lr_lambda": lambda t: 0.95}, lambda lr, t: lr * 0.95**t),
]
ABSOLUTE = {CyclicLR, OneCycleLR}  # do not begin with the rate that they find
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
    assert {kind for kind, _, _ in CASES} | {ReduceLROnPlateau, SequentialLR, ChainedScheduler} == exported


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
    assert kind in ABSOLUTE or [group["initial_lr"] for group in made.param_groups] == list(BASE)


@every_schedule
@pytest.mark.parametrize("epoch", [0, 1, 5, 20, 31])
def test_goes_to_any_epoch(kind: Any, settings: dict[str, Any], formula: Any, epoch: int) -> None:
    if kind is MultiplicativeLR:
        return  # has no formula of the epoch: its step(epoch) is one more factor
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
        (lambda o: StepLR(o, 0), "StepLR: step_size must be a number above 0, got 0"),
        (lambda o: StepLR(o, "3"), "StepLR: step_size must be a number above 0, got '3'"),
        (lambda o: CosineAnnealingLR(o, 0), "CosineAnnealingLR: T_max must be a number above 0, got 0"),
        (lambda o: LinearLR(o, start_factor=0.0), "LinearLR: start_factor must be above 0 and at most 1, got 0.0"),
        (lambda o: LinearLR(o, end_factor=1.5), "LinearLR: end_factor must be between 0 and 1, got 1.5"),
        (lambda o: ConstantLR(o, factor=-0.5), "ConstantLR: factor must be between 0 and 1, got -0.5"),
        (lambda o: CosineAnnealingWarmRestarts(o, 0), "T_0 must be an integer of at least 1, got 0"),
        (lambda o: CosineAnnealingWarmRestarts(o, 3, 0), "T_mult must be an integer of at least 1, got 0"),
        (lambda o: CosineAnnealingWarmRestarts(o, 3, 1, "a"), "eta_min must be a number, got 'a'"),
        (lambda o: CosineAnnealingWarmRestarts(o, 3).step(-1), "epoch must be at least 0, got -1"),
        (lambda o: CyclicLR(o, 0.1, 0.2, mode="square"), "mode must be 'triangular', 'triangular2' or 'exp_range', or give scale_fn"),
        (lambda o: CyclicLR(o, [0.1], 0.2), "CyclicLR: the optimizer has 2 groups, got 1 values of base_lr"),
        (lambda o: CyclicLR(Adagrad([tg.zeros(1)]), 0.1, 0.2), "CyclicLR: Adagrad has neither momentum nor betas"),
        (lambda o: OneCycleLR(o, 0.1), "give either total_steps or both epochs and steps_per_epoch"),
        (lambda o: OneCycleLR(o, 0.1, 5, pct_start=2.0), "pct_start must be a float between 0 and 1, got 2.0"),
        (lambda o: OneCycleLR(o, 0.1, 5, anneal_strategy="up"), "anneal_strategy must be 'cos' or 'linear', got 'up'"),
        (lambda o: OneCycleLR(o, 0.1, 5).step(6), "this is step 6, the schedule was made for 5"),
        (lambda o: ReduceLROnPlateau(o, factor=1.0), "factor must be below 1, got 1.0"),
        (lambda o: ReduceLROnPlateau(o, mode="best"), "mode must be 'min' or 'max', got 'best'"),
        (lambda o: ReduceLROnPlateau(o, threshold_mode="any"), "threshold_mode must be 'rel' or 'abs', got 'any'"),
        (lambda o: SequentialLR(o, [], []), "SequentialLR: needs at least one schedule, got none"),
        (lambda o: SequentialLR(o, [StepLR(o, 1)], [3]), r"1 schedules need 0 milestones, got 1: \[3\]"),
        (lambda o: ChainedScheduler([ReduceLROnPlateau(o)]), "number 0 is a ReduceLROnPlateau, whose step\\(\\) needs metrics"),
        (lambda o: ChainedScheduler([StepLR(o, 1), StepLR(optimizer(), 1)]), "number 1, a StepLR, belongs to another optimizer"),
    ],
)
def test_bad_values_are_refused(make: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        make(optimizer())


def test_other_misuse() -> None:
    with pytest.raises(ArgumentTypeError, match="StepLR: the first argument must be an optimizer, got int"):
        StepLR(3, 3)  # type: ignore[arg-type]
    with pytest.raises(ArgumentTypeError, match="LambdaLR: lr_lambda must be a function, got float"):
        LambdaLR(optimizer(), 0.5)  # type: ignore[arg-type]
    with pytest.raises(ArgumentTypeError, match="ChainedScheduler: number 1 must be a schedule, got int"):
        ChainedScheduler([StepLR(optimizer(), 3), 3])  # type: ignore[list-item]
    made = optimizer()
    schedule = StepLR(made, 3)
    with pytest.raises(ArgumentError, match="the state dict lacks step_size; is it of another schedule?"):
        schedule.load_state_dict(ExponentialLR(made, 0.5).state_dict())
    own = LambdaLR(made, lambda epoch: 0.5)
    made.add_param_group({"params": [tg.zeros(1, requires_grad=True)]})
    with pytest.raises(ArgumentError, match="the optimizer has 3 groups, it had 2 when the schedule was made"):
        own.step()
    assert own.last_epoch == 0
    schedule.step()
    del made.param_groups[0]
    with pytest.raises(ArgumentError, match="the optimizer has 2 groups, it had 3 when the schedule was made"):
        schedule.step()


def test_a_group_that_is_added_takes_part_from_its_rate_on() -> None:
    made = optimizer(8.0)
    halving, restarting = ExponentialLR(made, 0.5), CosineAnnealingWarmRestarts(optimizer(8.0), 2)
    made.step()
    halving.step()
    for schedule in (halving, restarting):
        schedule.optimizer.add_param_group({"params": [tg.zeros(1, requires_grad=True)], "lr": 6.0})
        schedule.optimizer.step()
        schedule.step()
    assert rates(made)[-1] == 3.0
    assert rates(restarting.optimizer)[-1] == pytest.approx(3.0)
    assert halving.base_lrs[-1] == made.param_groups[-1]["initial_lr"] == 6.0
    again = ExponentialLR(made, 0.1)
    again.load_state_dict(halving.state_dict())
    again.step()
    assert rates(made)[-1] == 1.5


def test_a_subclass_of_the_former_name() -> None:
    class Half(tg.optim.lr_scheduler._LRScheduler):
        def get_lr(self) -> list[float]:
            assert self._get_lr_called_within_step
            return [base * 0.5 for base in self.base_lrs]

    assert Half(optimizer(8.0)).get_last_lr()[0] == 4.0


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


@pytest.mark.parametrize("kind", [CyclicLR, OneCycleLR])
def test_momentum_goes_against_the_rate(kind: Any) -> None:
    settings = {"base_lr": 0.1, "max_lr": 0.5, "step_size_up": 5} if kind is CyclicLR else {"max_lr": 0.5, "total_steps": 11}
    for made, read in (
        (SGD([tg.zeros(1, requires_grad=True)], lr=1.0, momentum=0.5), lambda group: group["momentum"]),
        (Adam([tg.zeros(1, requires_grad=True)]), lambda group: group["betas"][0]),
    ):
        schedule = kind(made, base_momentum=0.8, max_momentum=0.9, **settings)
        seen = []
        for _ in range(10):
            group = made.param_groups[0]
            seen.append((group["lr"], read(group)))
            made.step()
            schedule.step()
        assert seen[0][1] == pytest.approx(max(momentum for _, momentum in seen)) == pytest.approx(0.9)
        assert max(seen)[1] == pytest.approx(min(momentum for _, momentum in seen))


def test_a_cycle_scaled_by_a_function() -> None:
    made = optimizer()
    schedule = CyclicLR(made, 0.0, 1.0, 1, scale_fn=Decay(0.5), cycle_momentum=False)
    seen = []
    for _ in range(4):
        schedule.step()
        seen += rates(made)[:1]
    assert seen == [0.5, 0.0, 0.25, 0.0]
    assert schedule.state_dict()["_scale_fn_custom"] == {"base": 0.5}
    again = CyclicLR(optimizer(), 0.0, 1.0, 1, scale_fn=Decay(0.1), cycle_momentum=False)
    again.load_state_dict(schedule.state_dict())
    assert again.scale_fn(1) == 0.5


def test_waits_on_a_plateau_and_reduces() -> None:
    made = optimizer(1.0)
    schedule = ReduceLROnPlateau(made, factor=0.5, patience=1, cooldown=1, min_lr=0.2)
    seen = []
    for loss in (1.0, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5):
        schedule.step(tg.tensor(loss))
        seen += rates(made)
    assert seen == [1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.2, 0.2, 0.2, 0.2]
    assert schedule.get_last_lr() == [0.2]
    made.add_param_group({"params": [tg.zeros(1)], "lr": 1.0})
    for _ in range(3):
        schedule.step(0.5)
    assert rates(made) == [0.2, 0.5]
    own = ReduceLROnPlateau(made, patience=0, min_lr=[0.1, 0.1])
    made.add_param_group({"params": [tg.zeros(1)], "lr": 1.0})
    own.step(1.0)
    with pytest.raises(ArgumentError, match="the optimizer has 3 groups, min_lrs has 2 values"):
        own.step(1.0)


def test_a_plateau_makes_a_compiled_step_run_eagerly() -> None:
    made = optimizer(1.0)
    schedule = ReduceLROnPlateau(made, patience=0)

    def step() -> tg.Tensor:
        schedule.step(1.0)
        return tg.ones(1) * 2

    compiled = tg.compile(step, backend="numpy_source")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # once, it says that it runs eagerly
        for _ in range(4):
            compiled()
    assert schedule.last_epoch == 4
    assert "call its step() outside of the compiled step" in compiled.explain()


def test_one_after_the_other() -> None:
    made = optimizer(1.0)
    schedule = SequentialLR(made, [ConstantLR(made, 0.1, 10), ExponentialLR(made, 0.5)], [3])
    seen = []
    for _ in range(6):
        seen += rates(made)
        assert schedule.get_last_lr() == rates(made)
        made.step()
        schedule.step()
    assert seen == pytest.approx([0.1, 0.1, 0.1, 1.0, 0.5, 0.25])


@pytest.mark.parametrize("nested", [False, True])
def test_composed_schedules_resume_from_a_state_dict(nested: bool) -> None:
    def composed(made: Any) -> Any:
        chain = ChainedScheduler([LinearLR(made, total_iters=4), StepLR(made, 3)])
        return SequentialLR(made, [chain, ExponentialLR(made, 0.9)], [6]) if nested else chain

    made, other = optimizer(), optimizer(9.0, 9.0)
    schedule, again = composed(made), composed(other)
    for _ in range(4):
        made.step()
        schedule.step()
    other.load_state_dict(copy.deepcopy(made.state_dict()))
    again.load_state_dict(copy.deepcopy(schedule.state_dict()))
    for _ in range(10):
        schedule.step()
        again.step()
        assert rates(other) == rates(made) == schedule.get_last_lr() == again.get_last_lr()


@pytest.mark.parametrize("kind", ["warm", "one cycle", "sequential", "chained"])
def test_a_compiled_step_moves_every_schedule_and_the_momentum(kind: str) -> None:
    def make() -> Any:
        p = tg.tensor([1.0, 2.0], requires_grad=True)
        made = SGD([p], lr=0.1, momentum=0.9)
        schedule: Any = {
            "warm": lambda: CosineAnnealingWarmRestarts(made, 3),
            "one cycle": lambda: OneCycleLR(made, 0.2, 20),
            "sequential": lambda: SequentialLR(made, [ConstantLR(made), StepLR(made, 2)], [4]),
            "chained": lambda: ChainedScheduler([ConstantLR(made), StepLR(made, 2)]),
        }[kind]()

        def step() -> tg.Tensor:
            made.zero_grad()
            loss = (p * p).sum()
            loss.backward()
            made.step()
            schedule.step()
            return loss

        return step, made

    (eager, one), (step, other) = make(), make()
    compiled = tg.compile(step, backend="numpy_source")
    for _ in range(12):
        assert eager().item() == compiled().item()
        assert rates(one) == rates(other)
        assert one.param_groups[0]["momentum"] == other.param_groups[0]["momentum"]
    assert "replayed" in compiled.explain()
