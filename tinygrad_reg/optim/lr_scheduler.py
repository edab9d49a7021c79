"""Learning rate schedules, PyTorch's chainable ones: each changes the rate that it finds, so several can act together."""

from __future__ import annotations

import math
import warnings
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from types import FunctionType
from typing import Any

from ..engine.state import state
from ..errors import ArgumentError, ArgumentTypeError
from .optimizer import Optimizer


class LRScheduler:
    """Sets `lr` of every group of an optimizer, once when made and then at every `step()`, which follows `optimizer.step()`.

    A subclass gives `rate(lr, base_lr)`: the rate of a group for the epoch `self.last_epoch`, from its present one and its
    first one; or overrides `get_lr()`, which gives those of all groups. `closed_form` is used by `step(epoch)`.
    """

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        if not isinstance(optimizer, Optimizer):
            raise ArgumentTypeError(f"{type(self).__name__}: the first argument must be an optimizer, got {type(optimizer).__name__}")
        for i, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", group["lr"])
            elif "initial_lr" not in group:
                raise ArgumentError(
                    f"{type(self).__name__}: last_epoch={last_epoch} resumes a schedule, but param_groups[{i}] has no 'initial_lr'; "
                    "load the optimizer's state dict first, or leave last_epoch at -1 and load the scheduler's"
                )
        self.optimizer = optimizer
        self.base_lrs: list[float] = [group["initial_lr"] for group in optimizer.param_groups]
        self.last_epoch = last_epoch
        self._step_count = 0
        self._is_initial = True
        self.step()
        self._is_initial = False

    def rate(self, lr: float, base_lr: float) -> float:
        """The rate of one group at `self.last_epoch`."""
        raise NotImplementedError(f"{type(self).__name__}: define rate(lr, base_lr), or override get_lr()")

    def closed_form(self, base_lr: float) -> float | None:
        """The rate of one group at `self.last_epoch` from its first one alone; None if there is no such formula."""
        return None

    def get_lr(self) -> list[float]:
        """The rates of all groups at `self.last_epoch`; to read the present ones use `get_last_lr`."""
        return [self.rate(group["lr"], base) for group, base in zip(self.optimizer.param_groups, self.base_lrs, strict=True)]

    def get_last_lr(self) -> list[float]:
        """The rates that the last step has set."""
        return self._last_lr

    def step(self, epoch: int | None = None) -> None:
        """Go to the next epoch, or to the one given, and set the rates."""
        self._warn_of_order()
        if state.tracer is None:
            self._advance(epoch)
        else:
            state.tracer.host(self._advance, epoch)  # plain Python that a compiled step has to repeat

    def _advance(self, epoch: int | None) -> dict[str, float]:
        count = len(self.optimizer.param_groups)
        if count != len(self.base_lrs):
            raise ArgumentError(
                f"{type(self).__name__}: the optimizer has {count} groups, it had {len(self.base_lrs)} when the schedule was made; make "
                "the schedule after the last add_param_group"
            )
        self._step_count += 1
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        closed = [] if epoch is None else [self.closed_form(base) for base in self.base_lrs]
        rates = [rate for rate in closed if rate is not None] or self.get_lr()
        for group, rate in zip(self.optimizer.param_groups, rates, strict=True):
            group["lr"] = rate
        self._last_lr = [group["lr"] for group in self.optimizer.param_groups]
        return {}

    def _warn_of_order(self) -> None:
        counts = type(self.optimizer).step is Optimizer.step
        if self._step_count == 1 and counts and not self.optimizer._opt_called:
            warnings.warn(
                "lr_scheduler.step() was called before optimizer.step(), so the first value of the schedule is skipped; "
                "call optimizer.step() first",
                UserWarning,
                stacklevel=3,
            )

    def state_dict(self) -> dict[str, Any]:
        """Everything but the optimizer, in PyTorch's layout."""
        return {name: value for name, value in self.__dict__.items() if name != "optimizer"}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what `state_dict` gave. The rates themselves are in the optimizer's state dict."""
        missing = [name for name in self.state_dict() if name not in state_dict and not name.startswith("_")]
        if missing:
            raise ArgumentError(
                f"{type(self).__name__}.load_state_dict: the state dict lacks {', '.join(missing)}; is it of another schedule?"
            )
        self.__dict__.update({name: value for name, value in state_dict.items() if name in self.__dict__ and name != "optimizer"})


class LambdaLR(LRScheduler):
    """The first rate times f(epoch); one function for all groups, or a list with one for each."""

    def __init__(
        self, optimizer: Optimizer, lr_lambda: Callable[[int], float] | Sequence[Callable[[int], float]], last_epoch: int = -1
    ) -> None:
        count = len(optimizer.param_groups)
        self.lr_lambdas = list(lr_lambda) if isinstance(lr_lambda, Sequence) else [lr_lambda] * count
        if len(self.lr_lambdas) != count:
            raise ArgumentError(f"LambdaLR: the optimizer has {count} groups, got {len(self.lr_lambdas)} functions")
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        return [base * function(self.last_epoch) for function, base in zip(self.lr_lambdas, self.base_lrs, strict=True)]

    def state_dict(self) -> dict[str, Any]:
        """Of the functions, only the attributes of callable objects are kept: plain functions cannot be saved."""
        functions = [None if isinstance(f, FunctionType) else dict(f.__dict__) for f in self.lr_lambdas]
        return {**super().state_dict(), "lr_lambdas": functions}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        super().load_state_dict({**state_dict, "lr_lambdas": self.lr_lambdas})
        for function, saved in zip(self.lr_lambdas, state_dict["lr_lambdas"], strict=True):
            if saved is not None:
                function.__dict__.update(saved)


class StepLR(LRScheduler):
    """lr · gamma every `step_size` epochs."""

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1) -> None:
        _at_least_one("StepLR", "step_size", step_size)
        self.step_size = step_size
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def rate(self, lr: float, base_lr: float) -> float:
        return lr if self.last_epoch == 0 or self.last_epoch % self.step_size else lr * self.gamma

    def closed_form(self, base_lr: float) -> float:
        return base_lr * self.gamma ** (self.last_epoch // self.step_size)


class MultiStepLR(LRScheduler):
    """lr · gamma at each epoch of `milestones`; one that is listed k times counts k times."""

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
    """lr · factor until epoch `total_iters`, then lr."""

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
    """lr times a factor that goes from `start_factor` to `end_factor` in `total_iters` equal steps."""

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
    """lr · gamma at every epoch."""

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def rate(self, lr: float, base_lr: float) -> float:
        return lr if self._is_initial else lr * self.gamma

    def closed_form(self, base_lr: float) -> float:
        return base_lr * self.gamma**self.last_epoch


class CosineAnnealingLR(LRScheduler):
    """eta_min + (lr - eta_min) · (1 + cos(π t / T_max)) / 2, as a recursion in t. Loshchilov & Hutter 2017, without restarts."""

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1) -> None:
        _at_least_one("CosineAnnealingLR", "T_max", T_max)
        self.T_max = T_max
        self.eta_min = eta_min
        super().__init__(optimizer, last_epoch)

    def rate(self, lr: float, base_lr: float) -> float:
        if self._is_initial:
            return lr
        if (self.last_epoch - 1 - self.T_max) % (2 * self.T_max) == 0:  # at the bottom there is no ratio to go by
            return lr + (base_lr - self.eta_min) * (1 - math.cos(math.pi / self.T_max)) / 2
        ratio = (1 + math.cos(math.pi * self.last_epoch / self.T_max)) / (1 + math.cos(math.pi * (self.last_epoch - 1) / self.T_max))
        return ratio * (lr - self.eta_min) + self.eta_min

    def closed_form(self, base_lr: float) -> float:
        return self.eta_min + (base_lr - self.eta_min) * (1 + math.cos(math.pi * self.last_epoch / self.T_max)) / 2


def _at_least_one(what: str, name: str, value: int) -> None:
    if not isinstance(value, int) or value < 1:
        raise ArgumentError(f"{what}: {name} must be an integer of at least 1, got {value!r}")
