"""Averages of a model's weights along its training: stochastic weight averaging and exponential moving averages."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable
from itertools import chain
from typing import Any, Literal

from ..creation import tensor
from ..dtypes import int64
from ..engine.state import no_grad, state
from ..errors import ArgumentError
from ..nn.batchnorm import _BatchNorm
from ..nn.module import Module
from ..ops.masking import where
from ..tensor import Tensor
from .lr_scheduler.base import LRScheduler, per_group
from .optimizer import Optimizer


class AveragedModel(Module):
    """A copy of a model whose parameters are averages: `update_parameters(model)` takes the present ones in; called, it computes with them.

    The average is the arithmetic mean (Izmailov et al. 2018), or what `avg_fn(averaged, present, count)` gives for one tensor, or what
    `multi_avg_fn(averaged, present, count)` does to lists of them in place. With `use_buffers` buffers are averaged too, else copied.

    >>> model = tg.nn.Linear(1, 1)
    >>> average = tg.optim.swa_utils.AveragedModel(model)
    >>> for weight in (1.0, 2.0, 6.0):
    ...     _ = model.weight.data.fill_(weight)
    ...     average.update_parameters(model)
    >>> average.module.weight.data
    tensor([[3.]])
    """

    n_averaged: Tensor

    def __init__(
        self,
        model: Module,
        device: Any = None,
        avg_fn: Callable[[Tensor, Tensor, Tensor], Tensor] | None = None,
        multi_avg_fn: Callable[[list[Tensor], list[Tensor], Tensor], Any] | None = None,
        use_buffers: bool = False,
    ) -> None:
        super().__init__()
        if avg_fn is not None and multi_avg_fn is not None:
            raise ArgumentError("AveragedModel: give either avg_fn or multi_avg_fn, not both")
        self.module = copy.deepcopy(model)
        if device is not None:
            self.module = self.module.to(device)
        self.register_buffer("n_averaged", tensor(0, dtype=int64))
        self.avg_fn = avg_fn
        self.multi_avg_fn = multi_avg_fn
        self.use_buffers = use_buffers

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.module(*args, **kwargs)

    @no_grad()
    def update_parameters(self, model: Module) -> None:
        """Take the model's present parameters into the average; the first time, they are the average."""
        ours, theirs = ([x.detach() for x in self._averaged(module)] for module in (self.module, model))
        first = self.n_averaged == 0
        if state.tracer is None and first.item():
            for held, present in zip(ours, theirs, strict=True):
                held.copy_(present)
        elif self.multi_avg_fn is not None or self.avg_fn is None:
            (self.multi_avg_fn or get_swa_multi_avg_fn())(ours, theirs, self.n_averaged)
        else:
            for held, present in zip(ours, theirs, strict=True):
                held.copy_(self.avg_fn(held, present, self.n_averaged))
        if state.tracer is not None:  # a compiled step chooses by value at every call
            for held, present in zip(ours, theirs, strict=True):
                held.copy_(where(first, present, held))
        if not self.use_buffers:
            for held, present in zip(self.module.buffers(), model.buffers(), strict=True):
                held.detach().copy_(present.detach())
        self.n_averaged += 1

    def _averaged(self, module: Module) -> Iterable[Tensor]:
        return chain(module.parameters(), module.buffers()) if self.use_buffers else module.parameters()


def get_ema_avg_fn(decay: float = 0.999) -> Callable[[Tensor, Tensor, Any], Tensor]:
    """The exponential moving average decay · averaged + (1 - decay) · present, for `avg_fn`.

    >>> tg.optim.swa_utils.get_ema_avg_fn(decay=0.75)(tg.tensor(4.0), tg.tensor(8.0), 1)
    tensor(5.)
    """
    _check_decay(decay)
    return no_grad()(lambda averaged, present, count: decay * averaged + (1 - decay) * present)


def get_swa_avg_fn() -> Callable[[Tensor, Tensor, Any], Tensor]:
    """The arithmetic mean averaged + (present - averaged) / (count + 1), for `avg_fn`.

    >>> tg.optim.swa_utils.get_swa_avg_fn()(tg.tensor(4.0), tg.tensor(8.0), 3)
    tensor(5.)
    """
    return no_grad()(lambda averaged, present, count: averaged + (present - averaged) / (count + 1))


def get_ema_multi_avg_fn(decay: float = 0.999) -> Callable[[list[Tensor], list[Tensor], Any], None]:
    """The exponential moving average, for `multi_avg_fn`.

    >>> averaged = [tg.tensor(4.0)]
    >>> tg.optim.swa_utils.get_ema_multi_avg_fn(decay=0.75)(averaged, [tg.tensor(8.0)], 1)
    >>> averaged
    [tensor(5.)]
    """
    return _of_each(get_ema_avg_fn(decay))


def get_swa_multi_avg_fn() -> Callable[[list[Tensor], list[Tensor], Any], None]:
    """The arithmetic mean, for `multi_avg_fn`.

    >>> averaged = [tg.tensor(4.0)]
    >>> tg.optim.swa_utils.get_swa_multi_avg_fn()(averaged, [tg.tensor(8.0)], 3)
    >>> averaged
    [tensor(5.)]
    """
    return _of_each(get_swa_avg_fn())


def _of_each(average: Callable[[Tensor, Tensor, Any], Tensor]) -> Callable[[list[Tensor], list[Tensor], Any], None]:
    """An average of two tensors, made in place for lists of them; that of integers (counts among the buffers) is cut off."""

    @no_grad()
    def averaged(ours: Iterable[Tensor], theirs: Iterable[Tensor], count: Any) -> None:
        for held, present in zip(ours, theirs, strict=True):
            held.copy_(average(held, present, count))

    return averaged


def _check_decay(decay: float) -> None:
    if not 0.0 <= decay <= 1.0:
        raise ArgumentError(f"get_ema_avg_fn: decay must be between 0 and 1, got {decay}")


@no_grad()
def update_bn(loader: Iterable[Any], model: Module, device: Any = None) -> None:
    """Compute the running statistics of all batch normalisation layers anew, over the inputs of `loader` (the first of each batch).

    >>> model = tg.nn.BatchNorm1d(1)
    >>> tg.optim.swa_utils.update_bn([tg.tensor([[0.0], [2.0]]), tg.tensor([[4.0], [6.0]])], model)
    >>> model.running_mean
    tensor([3.])
    """
    layers = [m for m in model.modules() if isinstance(m, _BatchNorm)]
    if not layers:
        return
    was_training, momenta = model.training, [layer.momentum for layer in layers]
    model.train()
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None  # the mean over all batches
    for batch in loader:
        inputs = batch[0] if isinstance(batch, (list, tuple)) else batch
        model(inputs if device is None else inputs.to(device))
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.momentum = momentum
    model.train(was_training)


class SWALR(LRScheduler):
    """From the present rate to `swa_lr` in `anneal_epochs` epochs, along half a cosine ("cos") or a line ("linear"), then constant.

    >>> optimizer = tg.optim.SGD([tg.nn.Parameter(tg.zeros(1))], lr=8.0)
    >>> schedule = tg.optim.swa_utils.SWALR(optimizer, swa_lr=2.0, anneal_epochs=3, anneal_strategy="linear")
    >>> [(round(schedule.get_last_lr()[0], 4), optimizer.step(), schedule.step())[0] for _ in range(5)]
    [8.0, 6.0, 4.0, 2.0, 2.0]
    """

    settings_of_groups = True

    def __init__(
        self,
        optimizer: Optimizer,
        swa_lr: float,
        anneal_epochs: int = 10,
        anneal_strategy: Literal["cos", "linear"] = "cos",
        last_epoch: int = -1,
    ) -> None:
        if anneal_strategy not in ("cos", "linear"):
            raise ArgumentError(f"SWALR: anneal_strategy must be 'cos' or 'linear', got {anneal_strategy!r}")
        if not isinstance(anneal_epochs, int) or anneal_epochs < 0:
            raise ArgumentError(f"SWALR: anneal_epochs must be an integer of at least 0, got {anneal_epochs!r}")
        for group, rate in zip(optimizer.param_groups, per_group("SWALR", optimizer, "swa_lr", swa_lr), strict=True):
            group["swa_lr"] = rate
        self._anneal_strategy = anneal_strategy
        self.anneal_epochs = anneal_epochs
        super().__init__(optimizer, last_epoch)

    def _share(self, step: int) -> float:
        t = max(0.0, min(1.0, step / max(1, self.anneal_epochs)))
        return t if self._anneal_strategy == "linear" else (1 - math.cos(math.pi * t)) / 2

    def get_lr(self) -> list[float]:
        step = max(1, self._step_count - 1) if self.anneal_epochs == 0 else self._step_count - 1
        before, now = self._share(step - 1), self._share(step)
        rates = []
        for group in self.optimizer.param_groups:
            swa_lr = group["swa_lr"]
            first = swa_lr if before == 1 else (group["lr"] - before * swa_lr) / (1 - before)
            rates.append(swa_lr * now + first * (1 - now))
        return rates
