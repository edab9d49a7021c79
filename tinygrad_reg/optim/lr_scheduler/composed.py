"""Schedules made of schedules."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

from ...engine.refusal import typed_errors
from ...errors import ArgumentError, ArgumentTypeError
from ..optimizer import Optimizer
from .base import LRScheduler, rates_of
from .plateau import ReduceLROnPlateau


class Composed(LRScheduler):
    """Holds other schedules of one optimizer."""

    _schedulers: Sequence[LRScheduler]

    def state_dict(self) -> dict[str, Any]:
        """Everything but the optimizer, with the state dicts of the schedules."""
        return {**super().state_dict(), "_schedulers": [schedule.state_dict() for schedule in self._schedulers]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        super().load_state_dict({**state_dict, "_schedulers": self._schedulers})
        for schedule, saved in zip(self._schedulers, state_dict["_schedulers"], strict=True):
            schedule.load_state_dict(saved)


class SequentialLR(Composed):
    """One schedule after the other: the next one begins, at its epoch 0, at each epoch of `milestones`.

    >>> optimizer = tg.optim.SGD([tg.nn.Parameter(tg.zeros(1))], lr=8.0)
    >>> parts = [tg.optim.lr_scheduler.ConstantLR(optimizer, 0.5, 2), tg.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)]
    >>> schedule = tg.optim.lr_scheduler.SequentialLR(optimizer, parts, milestones=[2])
    >>> [(schedule.get_last_lr()[0], optimizer.step(), schedule.step())[0] for _ in range(5)]
    [4.0, 4.0, 8.0, 4.0, 2.0]
    """

    @typed_errors
    def __init__(self, optimizer: Optimizer, schedulers: list[LRScheduler], milestones: list[int], last_epoch: int = -1) -> None:
        _check("SequentialLR", schedulers, optimizer)
        if len(milestones) != len(schedulers) - 1:
            raise ArgumentError(
                f"SequentialLR: {len(schedulers)} schedules need {len(schedulers) - 1} milestones, got {len(milestones)}: {milestones}"
            )
        self.optimizer = optimizer
        self._schedulers = schedulers
        self._milestones = milestones
        self.last_epoch = last_epoch + 1
        for group in optimizer.param_groups:
            group["lr"] = group["initial_lr"]
        for schedule in schedulers:
            _undo(schedule)
        first = schedulers[bisect_right(milestones, 0)]
        first._begin()
        self._last_lr = first._last_lr

    def step(self) -> None:  # type: ignore[override]
        """Go to the next epoch, of the schedule whose turn it is."""
        super().step()

    def _advance(self, epoch: None) -> dict[str, float]:
        self.last_epoch += 1
        turn = bisect_right(self._milestones, self.last_epoch)
        schedule = self._schedulers[turn]
        if turn > 0 and self._milestones[turn - 1] == self.last_epoch:
            schedule._go_to(0)
        else:
            schedule._warn_of_order()
            schedule._advance(None)
        self._last_lr = schedule._last_lr
        return {}


class ChainedScheduler(Composed):
    """Several schedules that act together: `step()` is the step of each, in this order.

    >>> optimizer = tg.optim.SGD([tg.nn.Parameter(tg.zeros(1))], lr=8.0)
    >>> parts = [tg.optim.lr_scheduler.ConstantLR(optimizer, 0.5, 2), tg.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)]
    >>> schedule = tg.optim.lr_scheduler.ChainedScheduler(parts)
    >>> [(schedule.get_last_lr()[0], optimizer.step(), schedule.step())[0] for _ in range(4)]
    [4.0, 2.0, 2.0, 1.0]
    """

    @typed_errors
    def __init__(self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None = None) -> None:
        optimizer = optimizer or (schedulers[0].optimizer if schedulers and hasattr(schedulers[0], "optimizer") else None)
        _check("ChainedScheduler", schedulers, optimizer)
        self._schedulers = schedulers
        self.optimizer = schedulers[-1].optimizer
        self._last_lr = rates_of(self.optimizer)

    def step(self) -> None:  # type: ignore[override]
        """The step of every schedule."""
        super().step()

    def _advance(self, epoch: None) -> dict[str, float]:
        for schedule in self._schedulers:
            schedule._warn_of_order()
            schedule._advance(None)
        self._last_lr = rates_of(self.optimizer)
        return {}


def _check(what: str, schedules: Sequence[LRScheduler], optimizer: Any) -> None:
    """Raise unless these are schedules of that optimizer which step without an argument."""
    if len(schedules) < 1:
        raise ArgumentError(f"{what}: needs at least one schedule, got none")
    for i, schedule in enumerate(schedules):
        if not isinstance(schedule, LRScheduler):
            raise ArgumentTypeError(f"{what}: number {i} must be a schedule, got {type(schedule).__name__}")
        if isinstance(schedule, ReduceLROnPlateau):
            raise ArgumentError(f"{what}: number {i} is a ReduceLROnPlateau, whose step() needs metrics; step it by itself")
        if schedule.optimizer is not optimizer:
            raise ArgumentError(f"{what}: number {i}, a {type(schedule).__name__}, belongs to another optimizer than the others")


def _undo(schedule: LRScheduler) -> None:
    """Take back the step that a schedule made when it was made."""
    if isinstance(schedule, Composed):
        for inner in schedule._schedulers:
            _undo(inner)
    else:
        schedule.last_epoch -= 1
