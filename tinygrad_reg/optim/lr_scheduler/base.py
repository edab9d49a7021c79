"""What all learning rate schedules share."""

from __future__ import annotations

import warnings
from numbers import Real
from types import FunctionType
from typing import Any, ClassVar

from ...engine.state import state
from ...errors import ArgumentError, ArgumentTypeError, MissingOptionError
from ..optimizer import Optimizer


class LRScheduler:
    """Sets `lr` of every group of an optimizer, once when made and then at every `step()`, which follows `optimizer.step()`.

    A subclass gives `rate(lr, base_lr)`: the rate of a group for the epoch `self.last_epoch`, from its present one and its
    first one; or overrides `get_lr()`, which gives those of all groups. `closed_form` is used by `step(epoch)`.

    >>> class Harmonic(tg.optim.lr_scheduler.LRScheduler):
    ...     def rate(self, lr, base_lr):
    ...         return base_lr / (1 + self.last_epoch)
    >>> optimizer = tg.optim.SGD([tg.nn.Parameter(tg.zeros(1))], lr=6.0)
    >>> schedule = Harmonic(optimizer)
    >>> [(schedule.get_last_lr()[0], optimizer.step(), schedule.step())[0] for _ in range(4)]
    [6.0, 3.0, 2.0, 1.5]
    """

    settings_of_groups: ClassVar[bool] = False  # whether it holds settings for each group, so that none can be added
    _get_lr_called_within_step: ClassVar[bool] = True  # older subclasses warn where PyTorch has it False: in get_lr outside of a step
    _step_count = 0

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        check_optimizer(type(self).__name__, optimizer)
        for i, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", group["lr"])
            elif "initial_lr" not in group:
                raise MissingOptionError(
                    f"{type(self).__name__}: last_epoch={last_epoch} resumes a schedule, but param_groups[{i}] has no 'initial_lr'; "
                    "load the optimizer's state dict first, or leave last_epoch at -1 and load the scheduler's"
                )
        self.optimizer = optimizer
        self.base_lrs: list[float] = [group["initial_lr"] for group in optimizer.param_groups]
        self.last_epoch = last_epoch
        self._begin()

    def _begin(self) -> None:
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
        if state.tracer is not None:
            state.tracer.unrepeatable("get_last_lr gives Python numbers, which a replay would not renew; call it outside of the step")
        return self._last_lr

    def step(self, epoch: Any = None) -> None:
        """Go to the next epoch, or to the one given, and set the rates."""
        self._warn_of_order()
        if state.tracer is None:
            self._advance(epoch)
        else:
            state.tracer.host(self._advance, epoch)  # plain Python that a compiled step has to repeat

    def _advance(self, epoch: Any) -> dict[str, float]:
        """What `step` does; no numbers for a traced step."""
        self._take_up_groups()
        self._step_count += 1
        self._go_to(epoch)
        return {}

    def _take_up_groups(self) -> None:
        """Let groups added since take part, from the rates they have. Raises ArgumentError if they cannot, or if some are gone."""
        groups, known = self.optimizer.param_groups, len(self.base_lrs)
        if len(groups) < known or (len(groups) > known and self.settings_of_groups):
            raise ArgumentError(
                f"{type(self).__name__}: the optimizer has {len(groups)} groups, it had {known} when the schedule was made; make "
                "the schedule after the last add_param_group"
            )
        for group in groups[known:]:
            group.setdefault("initial_lr", group["lr"])
            self.base_lrs.append(group["initial_lr"])

    def _go_to(self, epoch: int | None) -> None:
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        closed = [] if epoch is None else [self.closed_form(base) for base in self.base_lrs]
        self._set([rate for rate in closed if rate is not None] or self.get_lr())

    def _set(self, rates: list[float]) -> None:
        for group, rate in zip(self.optimizer.param_groups, rates, strict=True):
            group["lr"] = rate
        self._last_lr = rates_of(self.optimizer)

    def _warn_of_order(self) -> None:
        if self._step_count == 1 and not self.optimizer._opt_called:
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


def rates_of(optimizer: Optimizer) -> list[float]:
    """The present rates of all groups."""
    return [group["lr"] for group in optimizer.param_groups]


def per_group(what: str, optimizer: Optimizer, name: str, value: Any) -> list[Any]:
    """An argument that is given once for all groups, or as a list with one for each."""
    count = len(optimizer.param_groups)
    values = list(value) if isinstance(value, (list, tuple)) else [value] * count
    if len(values) != count:
        raise ArgumentError(f"{what}: the optimizer has {count} groups, got {len(values)} values of {name}")
    return values


def check_optimizer(what: str, optimizer: Any) -> None:
    """Raise unless this is an optimizer."""
    if not isinstance(optimizer, Optimizer):
        raise ArgumentTypeError(f"{what}: the first argument must be an optimizer, got {type(optimizer).__name__}")


def check_at_least_one(what: str, name: str, value: Any) -> None:
    """Raise unless this is an integer of at least 1."""
    if not isinstance(value, int) or value < 1:
        raise ArgumentError(f"{what}: {name} must be an integer of at least 1, got {value!r}")


def check_above_zero(what: str, name: str, value: Any) -> None:
    """Raise unless this is a number above 0."""
    if not isinstance(value, Real) or not float(value) > 0:
        raise ArgumentError(f"{what}: {name} must be a number above 0, got {value!r}")


def saved_function(function: Any) -> dict[str, Any] | None:
    """What a state dict keeps of a function: the attributes of a callable object; plain functions cannot be saved."""
    return None if function is None or isinstance(function, FunctionType) else dict(function.__dict__)
