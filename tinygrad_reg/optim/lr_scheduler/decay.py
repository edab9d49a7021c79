"""Schedules that change the rate by a factor: at every epoch, at some, or over the first ones."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ...engine.refusal import typed_errors
from ...errors import ArgumentError, ArgumentTypeError
from ..optimizer import Optimizer
from .base import LRScheduler, check_above_zero, saved_function


class ByFunctions(LRScheduler):
    """The rate is changed by `lr_lambda(epoch)`; one function for all groups, or a list with one for each."""

    settings_of_groups = True

    def __init__(
        self, optimizer: Optimizer, lr_lambda: Callable[[int], float] | Sequence[Callable[[int], float]], last_epoch: int = -1
    ) -> None:
        count = len(optimizer.param_groups)
        self.lr_lambdas = list(lr_lambda) if isinstance(lr_lambda, Sequence) else [lr_lambda] * count
        if len(self.lr_lambdas) != count:
            raise ArgumentError(f"{type(self).__name__}: the optimizer has {count} groups, got {len(self.lr_lambdas)} functions")
        for function in self.lr_lambdas:
            if not callable(function):
                raise ArgumentTypeError(f"{type(self).__name__}: lr_lambda must be a function, got {type(function).__name__}")
        super().__init__(optimizer, last_epoch)

    def state_dict(self) -> dict[str, Any]:
        """Of the functions, only the attributes of callable objects are kept: plain functions cannot be saved."""
        return {**super().state_dict(), "lr_lambdas": [saved_function(f) for f in self.lr_lambdas]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        super().load_state_dict({**state_dict, "lr_lambdas": self.lr_lambdas})
        for function, saved in zip(self.lr_lambdas, state_dict["lr_lambdas"], strict=True):
            if saved is not None:
                function.__dict__.update(saved)


class LambdaLR(ByFunctions):
    """The first rate times f(epoch); one function for all groups, or a list with one for each.

    >>> optimizer = tg.optim.SGD([tg.nn.Parameter(tg.zeros(1))], lr=6.0)
    >>> schedule = tg.optim.lr_scheduler.LambdaLR(optimizer, lambda epoch: 1 / (1 + epoch))
    >>> [(schedule.get_last_lr()[0], optimizer.step(), schedule.step())[0] for _ in range(4)]
    [6.0, 3.0, 2.0, 1.5]
    """

    def get_lr(self) -> list[float]:
        return [base * function(self.last_epoch) for function, base in zip(self.lr_lambdas, self.base_lrs, strict=True)]


class MultiplicativeLR(ByFunctions):
    """lr · f(epoch) at every epoch; one function for all groups, or a list with one for each.

    >>> optimizer = tg.optim.SGD([tg.nn.Parameter(tg.zeros(1))], lr=8.0)
    >>> schedule = tg.optim.lr_scheduler.MultiplicativeLR(optimizer, lambda epoch: 0.5)
    >>> [(schedule.get_last_lr()[0], optimizer.step(), schedule.step())[0] for _ in range(4)]
    [8.0, 4.0, 2.0, 1.0]
    """

    def get_lr(self) -> list[float]:
        rates = [group["lr"] for group in self.optimizer.param_groups]
        if self._is_initial:
            return rates
        return [lr * function(self.last_epoch) for function, lr in zip(self.lr_lambdas, rates, strict=True)]


class StepLR(LRScheduler):
    """lr · gamma every `step_size` epochs.

    >>> optimizer = tg.optim.SGD([tg.nn.Parameter(tg.zeros(1))], lr=8.0)
    >>> schedule = tg.optim.lr_scheduler.StepLR(optimizer, step_size=2, gamma=0.5)
    >>> [(schedule.get_last_lr()[0], optimizer.step(), schedule.step())[0] for _ in range(5)]
    [8.0, 8.0, 4.0, 4.0, 2.0]
    """

    @typed_errors
    def __init__(self, optimizer: Optimizer, step_size: float, gamma: float = 0.1, last_epoch: int = -1) -> None:
        check_above_zero("StepLR", "step_size", step_size)
        self.step_size = step_size
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def rate(self, lr: float, base_lr: float) -> float:
        return lr if self.last_epoch == 0 or self.last_epoch % self.step_size else lr * self.gamma

    def closed_form(self, base_lr: float) -> float:
        result: float = base_lr * self.gamma ** (self.last_epoch // self.step_size)
        return result


class MultiStepLR(LRScheduler):
    """lr · gamma at each epoch of `milestones`; one that is listed k times counts k times.

    >>> optimizer = tg.optim.SGD([tg.nn.Parameter(tg.zeros(1))], lr=8.0)
    >>> schedule = tg.optim.lr_scheduler.MultiStepLR(optimizer, milestones=[1, 3], gamma=0.5)
    >>> [(schedule.get_last_lr()[0], optimizer.step(), schedule.step())[0] for _ in range(5)]
    [8.0, 4.0, 4.0, 2.0, 2.0]
    """

    @typed_errors
    def __init__(self, optimizer: Optimizer, milestones: Iterable[int], gamma: float = 0.1, last_epoch: int = -1) -> None:
        self.milestones = Counter(milestones)
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def rate(self, lr: float, base_lr: float) -> float:
        times = self.milestones[self.last_epoch]
        return lr * self.gamma**times if times else lr

    def closed_form(self, base_lr: float) -> float:
        return base_lr * self.gamma ** bisect_right(sorted(self.milestones.elements()), self.last_epoch)


class ConstantLR(LRScheduler):
    """lr · factor until epoch `total_iters`, then lr.

    >>> optimizer = tg.optim.SGD([tg.nn.Parameter(tg.zeros(1))], lr=8.0)
    >>> schedule = tg.optim.lr_scheduler.ConstantLR(optimizer, factor=0.5, total_iters=2)
    >>> [(schedule.get_last_lr()[0], optimizer.step(), schedule.step())[0] for _ in range(4)]
    [4.0, 4.0, 8.0, 8.0]
    """

    @typed_errors
    def __init__(self, optimizer: Optimizer, factor: float = 1.0 / 3, total_iters: int = 5, last_epoch: int = -1) -> None:
        if not 0.0 <= factor <= 1.0:
            raise ArgumentError(f"ConstantLR: factor must be between 0 and 1, got {factor}")
        self.factor = factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def rate(self, lr: float, base_lr: float) -> float:
        if self.last_epoch == 0:
            return lr * self.factor
        if self.last_epoch != self.total_iters:
            return lr
        return lr * (1.0 / self.factor) if self.factor else base_lr

    def closed_form(self, base_lr: float) -> float:
        return base_lr if self.last_epoch >= self.total_iters else base_lr * self.factor


class LinearLR(LRScheduler):
    """lr times a factor that goes from `start_factor` to `end_factor` in `total_iters` equal steps.

    >>> optimizer = tg.optim.SGD([tg.nn.Parameter(tg.zeros(1))], lr=8.0)
    >>> schedule = tg.optim.lr_scheduler.LinearLR(optimizer, start_factor=0.25, total_iters=3)
    >>> [(schedule.get_last_lr()[0], optimizer.step(), schedule.step())[0] for _ in range(5)]
    [2.0, 4.0, 6.0, 8.0, 8.0]
    """

    @typed_errors
    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1.0 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        if not 0.0 < start_factor <= 1.0:
            raise ArgumentError(f"LinearLR: start_factor must be above 0 and at most 1, got {start_factor}")
        if not 0.0 <= end_factor <= 1.0:
            raise ArgumentError(f"LinearLR: end_factor must be between 0 and 1, got {end_factor}")
        self.start_factor = start_factor
        self.end_factor = end_factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def rate(self, lr: float, base_lr: float) -> float:
        if self.last_epoch == 0:
            return lr * self.start_factor
        if self._is_initial or self.last_epoch > self.total_iters:
            return lr
        rise = self.end_factor - self.start_factor
        return lr * (1.0 + rise / (self.total_iters * self.start_factor + (self.last_epoch - 1) * rise))

    def closed_form(self, base_lr: float) -> float:
        done = min(self.total_iters, self.last_epoch) / self.total_iters if self.total_iters else 1.0
        return base_lr * (self.start_factor + (self.end_factor - self.start_factor) * done)


class ExponentialLR(LRScheduler):
    """lr · gamma at every epoch.

    >>> optimizer = tg.optim.SGD([tg.nn.Parameter(tg.zeros(1))], lr=8.0)
    >>> schedule = tg.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.5)
    >>> [(schedule.get_last_lr()[0], optimizer.step(), schedule.step())[0] for _ in range(4)]
    [8.0, 4.0, 2.0, 1.0]
    """

    @typed_errors
    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def rate(self, lr: float, base_lr: float) -> float:
        return lr if self._is_initial else lr * self.gamma

    def closed_form(self, base_lr: float) -> float:
        return base_lr * self.gamma**self.last_epoch


class PolynomialLR(LRScheduler):
    """The first rate times (1 - t / total_iters)^power, and 0 from epoch `total_iters` on.

    >>> optimizer = tg.optim.SGD([tg.nn.Parameter(tg.zeros(1))], lr=16.0)
    >>> schedule = tg.optim.lr_scheduler.PolynomialLR(optimizer, total_iters=4, power=2.0)
    >>> [(round(schedule.get_last_lr()[0], 4), optimizer.step(), schedule.step())[0] for _ in range(5)]
    [16.0, 9.0, 4.0, 1.0, 0.0]
    """

    @typed_errors
    def __init__(self, optimizer: Optimizer, total_iters: int = 5, power: float = 1.0, last_epoch: int = -1) -> None:
        self.total_iters = total_iters
        self.power = power
        super().__init__(optimizer, last_epoch)

    def rate(self, lr: float, base_lr: float) -> float:
        if self._is_initial or self.last_epoch > self.total_iters:
            return lr
        before, now = (1.0 - epoch / self.total_iters for epoch in (self.last_epoch - 1, self.last_epoch))
        result: float = lr * (now / before) ** self.power
        return result

    def closed_form(self, base_lr: float) -> float:
        done = min(self.total_iters, self.last_epoch) / self.total_iters
        result: float = base_lr * (1.0 - done) ** self.power
        return result
