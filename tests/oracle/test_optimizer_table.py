"""Every optimizer with the arguments that PyTorch tests its own with: its table `optim_db`; schedules and refusals, too."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import tinygrad_reg as tg
from tinygrad_reg.errors import TinygradRegError

from .differences import TAKEN_BY_OPTIMIZERS
from .test_optim import SHAPES, agree, loss, unrounded
from .translation import NotHere, rebound, same_draws, translated

torch = pytest.importorskip("torch")
pytest.importorskip("expecttest")
optim_db = pytest.importorskip("torch.testing._internal.common_optimizers").optim_db

OPTIMIZERS = [info for info in optim_db if hasattr(tg.optim, info.optim_cls.__name__)]
every_optimizer = pytest.mark.parametrize("info", OPTIMIZERS, ids=lambda info: info.optim_cls.__name__)
pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.usefixtures(unrounded.__name__)]

STEPS = 25
ITERATIONS = 8  # of LBFGS in all: rounding grows along its path, between two runs of PyTorch from starts 1e-15 apart as well
SCHEDULES = {name: getattr(tg.optim.lr_scheduler, name) for name in dir(tg.optim.lr_scheduler) if name in dir(torch.optim.lr_scheduler)}


def parameters(info: Any) -> tuple[list[Any], list[Any]]:
    """The same starts for both packages."""
    rng = np.random.default_rng(0)
    starts = [np.asarray(rng.standard_normal(shape)) for shape in SHAPES.get(info.optim_cls.__name__, SHAPES[""])]
    return [tg.tensor(a, requires_grad=True) for a in starts], [torch.tensor(a, requires_grad=True) for a in starts]


def step(optimizer: Any, params: list[Any], number: int) -> Any:
    def closure() -> Any:
        optimizer.zero_grad()
        value = loss(params, number)
        value.backward()
        return value

    return optimizer.step(closure)


def run(info: Any, kwargs: dict[str, Any], schedules: Any = ()) -> None:
    """Both take the same steps to the same parameters, with the same learning rates on the way."""
    mine, other = parameters(info)
    if info.step_requires_closure:
        kwargs = {**kwargs, "max_iter": 2}
    ours = getattr(tg.optim, info.optim_cls.__name__)(mine, **translated(kwargs))
    theirs = info.optim_cls(other, **kwargs)
    pairs = [(rebound(make, **SCHEDULES)(ours), make(theirs)) for make in schedules]
    for number in range(ITERATIONS // 2 if info.step_requires_closure else STEPS):
        for optimizer, params, side in ((ours, mine, 0), (theirs, other, 1)):
            value = step(optimizer, params, number)
            for schedule in pairs:
                plateau = type(schedule[side]).__name__ == "ReduceLROnPlateau"
                schedule[side].step(value.detach()) if plateau else schedule[side].step()
        for group, wanted in zip(ours.param_groups, theirs.param_groups, strict=True):
            assert float(group["lr"]) == pytest.approx(float(wanted["lr"]), rel=1e-12)
        for p, q in zip(mine, other, strict=True):
            agree(p, q, 1e-9)


@every_optimizer
def test_arguments(info: Any) -> None:
    for given in info.optim_inputs_func("cpu"):
        run(info, given.kwargs)


@every_optimizer
def test_schedules(info: Any) -> None:
    for schedules in info.scheduler_inputs:
        run(info, {"lr": 0.01}, schedules)


@every_optimizer
def test_refusals(info: Any) -> None:
    same_draws()
    for error in info.optim_error_inputs_func("cpu", torch.float64):
        given = error.optimizer_error_input
        params = [torch.zeros(1, 1, requires_grad=True)] if given.params is None else given.params
        try:
            mine, kwargs = shared(params, {}), translated(given.kwargs)
        except NotHere:
            continue
        with pytest.raises(error.error_type):  # changes the groups it is given, so ours are made before
            use(info.optim_cls, params, given.kwargs)
        if given.desc in TAKEN_BY_OPTIMIZERS:
            use(getattr(tg.optim, info.optim_cls.__name__), mine, kwargs)
            continue
        with pytest.raises(TinygradRegError):  # also where PyTorch warns that it will be an error: one parameter twice in a group
            use(getattr(tg.optim, info.optim_cls.__name__), mine, kwargs)


def use(optimizer: Any, params: Any, kwargs: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        optimizer(params, **kwargs).step()


def shared(x: Any, made: dict[int, Any]) -> Any:
    """The parameters as ours; one that is named twice stays one."""
    if isinstance(x, torch.Tensor):
        return made.setdefault(id(x), translated(x))
    if isinstance(x, list | tuple):
        return type(x)(shared(part, made) for part in x)
    return {k: shared(v, made) for k, v in x.items()} if isinstance(x, dict) else x
