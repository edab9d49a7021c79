"""Schedules that follow a wave: half a cosine, cosines with restarts, triangles, and one cycle for a whole training."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal

from ...engine.refusal import typed_errors
from ...errors import ArgumentError
from ..optimizer import Optimizer
from .base import LRScheduler, check_above_zero, check_at_least_one, check_optimizer, per_group, saved_function


class CosineAnnealingLR(LRScheduler):
    """eta_min + (lr - eta_min) · (1 + cos(π t / T_max)) / 2, as a recursion in t. Loshchilov & Hutter 2017, without restarts.

    >>> optimizer = tg.optim.SGD([tg.nn.Parameter(tg.zeros(1))], lr=4.0)
    >>> schedule = tg.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=4)
    >>> [(round(schedule.get_last_lr()[0], 4), optimizer.step(), schedule.step())[0] for _ in range(4)]
    [4.0, 3.4142, 2.0, 0.5858]
    """

    @typed_errors
    def __init__(self, optimizer: Optimizer, T_max: float, eta_min: float = 0.0, last_epoch: int = -1) -> None:
        check_above_zero("CosineAnnealingLR", "T_max", T_max)
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


class CosineAnnealingWarmRestarts(LRScheduler):
    """eta_min + (lr - eta_min) · (1 + cos(π T_cur / T_i)) / 2, where T_cur begins anew after T_0, then T_0 T_mult, ... epochs.

    `step(epoch)` takes fractions of an epoch. Loshchilov & Hutter 2017, equation 5.

    >>> optimizer = tg.optim.SGD([tg.nn.Parameter(tg.zeros(1))], lr=4.0)
    >>> schedule = tg.optim.lr_scheduler.CosineAnnealingWarmRestarts(optimizer, T_0=2, T_mult=2)
    >>> [(round(schedule.get_last_lr()[0], 4), optimizer.step(), schedule.step())[0] for _ in range(7)]
    [4.0, 2.0, 4.0, 3.4142, 2.0, 0.5858, 4.0]
    """

    @typed_errors
    def __init__(self, optimizer: Optimizer, T_0: int, T_mult: int = 1, eta_min: float = 0.0, last_epoch: int = -1) -> None:
        what = type(self).__name__
        check_at_least_one(what, "T_0", T_0)
        check_at_least_one(what, "T_mult", T_mult)
        if not isinstance(eta_min, (int, float)):
            raise ArgumentError(f"{what}: eta_min must be a number, got {eta_min!r}")
        self.T_0 = T_0
        self.T_i = T_0
        self.T_mult = T_mult
        self.eta_min = eta_min
        self.T_cur: float = last_epoch
        super().__init__(optimizer, last_epoch)

    def rate(self, lr: float, base_lr: float) -> float:
        return self.eta_min + (base_lr - self.eta_min) * (1 + math.cos(math.pi * self.T_cur / self.T_i)) / 2

    def step(self, epoch: float | None = None) -> None:
        """Go to the next epoch, or to the one given, which may be a fraction, and set the rates."""
        if epoch is not None and epoch < 0:
            raise ArgumentError(f"{type(self).__name__}: epoch must be at least 0, got {epoch}")
        super().step(epoch)

    def _advance(self, epoch: float | None) -> dict[str, float]:
        self._take_up_groups()
        if epoch is None and self.last_epoch >= 0:
            epoch, self.T_cur = self.last_epoch + 1, self.T_cur + 1
            if self.T_cur >= self.T_i:
                self.T_cur %= self.T_i
                self.T_i *= self.T_mult
        else:
            epoch = 0 if epoch is None else epoch
            self.T_cur, self.T_i = self._period(epoch)
        self.last_epoch = math.floor(epoch)
        self._set(self.get_lr())
        return {}

    def _period(self, epoch: float) -> tuple[float, int]:
        """T_cur and T_i at an epoch."""
        if epoch < self.T_0:
            return epoch, self.T_0
        if self.T_mult == 1:
            return epoch % self.T_0, self.T_i
        restarts = int(math.log(epoch / self.T_0 * (self.T_mult - 1) + 1, self.T_mult))
        return epoch - self.T_0 * (self.T_mult**restarts - 1) / (self.T_mult - 1), self.T_0 * self.T_mult**restarts


class MomentumCycle(LRScheduler):
    """A schedule that moves the momentum (or β₁) against the rate."""

    settings_of_groups = True
    cycle_momentum: bool
    use_beta1: bool

    def _begin_momentum(self, optimizer: Optimizer, base: Any, largest: Any, last_epoch: int) -> tuple[list[float], list[float]]:
        """The base and largest momentum of each group; a new schedule notes them in the groups."""
        what = type(self).__name__
        if "momentum" not in optimizer.defaults and "betas" not in optimizer.defaults:
            raise ArgumentError(f"{what}: {type(optimizer).__name__} has neither momentum nor betas; give cycle_momentum=False")
        self.use_beta1 = "betas" in optimizer.defaults
        bases, tops = per_group(what, optimizer, "base_momentum", base), per_group(what, optimizer, "max_momentum", largest)
        if last_epoch == -1:
            for group, low, high in zip(optimizer.param_groups, bases, tops, strict=True):
                self._set_momentum(group, high)
                group.update(max_momentum=high, base_momentum=low)
        return bases, tops

    def _set_momentum(self, group: dict[str, Any], value: float) -> None:
        if self.use_beta1:
            group["betas"] = (value, *group["betas"][1:])
        else:
            group["momentum"] = value


class CyclicLR(MomentumCycle):
    """Triangles between `base_lr` and `max_lr`, up in `step_size_up` steps and down in `step_size_down`; momentum goes the other way.

    The height of a triangle is scaled: by 1 (`triangular`), halved at each cycle (`triangular2`), by gamma^step (`exp_range`), or by
    scale_fn of the cycle or step (`scale_mode="cycle"` or `"iterations"`). Smith 2017.

    >>> optimizer = tg.optim.SGD([tg.nn.Parameter(tg.zeros(1))], lr=1.0)
    >>> schedule = tg.optim.lr_scheduler.CyclicLR(optimizer, base_lr=1.0, max_lr=5.0, step_size_up=2, cycle_momentum=False)
    >>> [(schedule.get_last_lr()[0], optimizer.step(), schedule.step())[0] for _ in range(6)]
    [1.0, 3.0, 5.0, 3.0, 1.0, 3.0]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        base_lr: float | list[float],
        max_lr: float | list[float],
        step_size_up: int = 2000,
        step_size_down: int | None = None,
        mode: Literal["triangular", "triangular2", "exp_range"] = "triangular",
        gamma: float = 1.0,
        scale_fn: Callable[[float], float] | None = None,
        scale_mode: Literal["cycle", "iterations"] = "cycle",
        cycle_momentum: bool = True,
        base_momentum: float = 0.8,
        max_momentum: float = 0.9,
        last_epoch: int = -1,
    ) -> None:
        check_optimizer("CyclicLR", optimizer)
        if mode not in ("triangular", "triangular2", "exp_range") and scale_fn is None:
            raise ArgumentError(f"CyclicLR: mode must be 'triangular', 'triangular2' or 'exp_range', or give scale_fn; got {mode!r}")
        base_lrs = per_group("CyclicLR", optimizer, "base_lr", base_lr)
        self.max_lrs = per_group("CyclicLR", optimizer, "max_lr", max_lr)
        if last_epoch == -1:
            for group, lr in zip(optimizer.param_groups, base_lrs, strict=True):
                group["lr"] = lr
        up = float(step_size_up)
        self.total_size = up + (up if step_size_down is None else float(step_size_down))
        self.step_ratio = up / self.total_size
        self.mode = mode
        self.gamma = gamma
        self._scale_fn_custom = scale_fn
        own = "iterations" if mode == "exp_range" else "cycle"
        self.scale_mode = own if scale_fn is None else scale_mode
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            self.base_momentums, self.max_momentums = self._begin_momentum(optimizer, base_momentum, max_momentum, last_epoch)
        super().__init__(optimizer, last_epoch)
        self.base_lrs = base_lrs

    def scale_fn(self, x: float) -> float:
        """The height of a triangle, for the number of the cycle or of the step."""
        if self._scale_fn_custom is not None:
            return self._scale_fn_custom(x)
        if self.mode == "triangular":
            return 1.0
        scale: float = 0.5 ** (x - 1) if self.mode == "triangular2" else self.gamma**x
        return scale

    def get_lr(self) -> list[float]:
        cycle = math.floor(1 + self.last_epoch / self.total_size)
        x = 1.0 + self.last_epoch / self.total_size - cycle
        share = x / self.step_ratio if x <= self.step_ratio else (x - 1) / (self.step_ratio - 1)
        scale = self.scale_fn(cycle if self.scale_mode == "cycle" else self.last_epoch)
        if self.cycle_momentum:
            for group, low, high in zip(self.optimizer.param_groups, self.base_momentums, self.max_momentums, strict=True):
                self._set_momentum(group, high - (high - low) * share * scale)
        return [low + (high - low) * share * scale for low, high in zip(self.base_lrs, self.max_lrs, strict=True)]

    def state_dict(self) -> dict[str, Any]:
        """Of scale_fn, only the attributes of a callable object are kept: plain functions cannot be saved."""
        return {**super().state_dict(), "_scale_fn_custom": saved_function(self._scale_fn_custom)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        super().load_state_dict({**state_dict, "_scale_fn_custom": self._scale_fn_custom})
        if self._scale_fn_custom is not None and state_dict.get("_scale_fn_custom") is not None:
            self._scale_fn_custom.__dict__.update(state_dict["_scale_fn_custom"])


class OneCycleLR(MomentumCycle):
    """One cycle in `total_steps` (or epochs · steps_per_epoch) steps: from max_lr / div_factor up to max_lr, then far down.

    The way up takes the share `pct_start`; the end is 1 / final_div_factor of the beginning. With `three_phase` the way down is first
    as long as the way up and ends where that began. The momentum goes the other way. Smith & Topin 2018.

    >>> optimizer = tg.optim.SGD([tg.nn.Parameter(tg.zeros(1))], lr=1.0)
    >>> schedule = tg.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=25.0, total_steps=6, pct_start=0.5, cycle_momentum=False)
    >>> [(round(schedule.get_last_lr()[0], 4), optimizer.step(), schedule.step())[0] for _ in range(5)]
    [1.0, 13.0, 25.0, 18.75, 6.2501]
    """

    @typed_errors
    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | list[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: Literal["cos", "linear"] = "cos",
        cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.85,
        max_momentum: float | list[float] = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ) -> None:
        check_optimizer("OneCycleLR", optimizer)
        self.total_steps = _total(total_steps, epochs, steps_per_epoch)
        if not isinstance(pct_start, float) or not 0.0 <= pct_start <= 1.0:
            raise ArgumentError(f"OneCycleLR: pct_start must be a float between 0 and 1, got {pct_start!r}")
        if anneal_strategy not in ("cos", "linear"):
            raise ArgumentError(f"OneCycleLR: anneal_strategy must be 'cos' or 'linear', got {anneal_strategy!r}")
        self._schedule_phases = _phases(self.total_steps, pct_start, three_phase)
        self._anneal_func_type = anneal_strategy
        tops = per_group("OneCycleLR", optimizer, "max_lr", max_lr)
        if last_epoch == -1:
            for group, top in zip(optimizer.param_groups, tops, strict=True):
                group.update(initial_lr=top / div_factor, max_lr=top, min_lr=top / div_factor / final_div_factor)
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            self._begin_momentum(optimizer, base_momentum, max_momentum, last_epoch)
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        if self.last_epoch > self.total_steps:
            raise ArgumentError(f"OneCycleLR: this is step {self.last_epoch}, the schedule was made for {self.total_steps}")
        start, phase = self._present_phase()
        share = (self.last_epoch - start) / (phase["end_step"] - start)
        rates = []
        for group in self.optimizer.param_groups:
            rates.append(self._between(group[phase["start_lr"]], group[phase["end_lr"]], share))
            if self.cycle_momentum:
                self._set_momentum(group, self._between(group[phase["start_momentum"]], group[phase["end_momentum"]], share))
        return rates

    def _present_phase(self) -> tuple[float, dict[str, Any]]:
        """The phase of the present step, and the step at which it has begun."""
        start = 0.0
        for phase in self._schedule_phases[:-1]:
            if self.last_epoch <= phase["end_step"]:
                return start, phase
            start = phase["end_step"]
        return start, self._schedule_phases[-1]

    def _between(self, start: float, end: float, share: float) -> float:
        if self._anneal_func_type == "linear":
            return (end - start) * share + start
        return end + (start - end) / 2.0 * (math.cos(math.pi * share) + 1)


def _total(total_steps: int | None, epochs: int | None, steps_per_epoch: int | None) -> int:
    if total_steps is not None:
        check_at_least_one("OneCycleLR", "total_steps", total_steps)
        return total_steps
    if epochs is None or steps_per_epoch is None:
        raise ArgumentError("OneCycleLR: give either total_steps or both epochs and steps_per_epoch")
    check_at_least_one("OneCycleLR", "epochs", epochs)
    check_at_least_one("OneCycleLR", "steps_per_epoch", steps_per_epoch)
    return epochs * steps_per_epoch


def _phases(total: int, up: float, three: bool) -> list[dict[str, Any]]:
    """Between which of a group's values each phase goes, and at which step it ends; PyTorch's form, for state dicts."""

    def phase(end: float, start_lr: str, end_lr: str, start_momentum: str, end_momentum: str) -> dict[str, Any]:
        return {
            "end_step": end, "start_lr": start_lr, "end_lr": end_lr, "start_momentum": start_momentum, "end_momentum": end_momentum,
        }  # fmt: skip

    rise = phase(float(up * total) - 1, "initial_lr", "max_lr", "max_momentum", "base_momentum")
    if not three:
        return [rise, phase(total - 1, "max_lr", "min_lr", "base_momentum", "max_momentum")]
    fall = phase(float(2 * up * total) - 2, "max_lr", "initial_lr", "base_momentum", "max_momentum")
    return [rise, fall, phase(total - 1, "initial_lr", "min_lr", "max_momentum", "max_momentum")]
