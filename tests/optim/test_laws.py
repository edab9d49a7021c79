"""Laws for every optimizer that `tg.optim` exports, under all combinations of its options."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import tinygrad_reg as tg
from tinygrad_reg.engine.state import switched

from .published import CASES, IDS, PUBLISHED, SHAPES
from .tracing import Tracer

EXPORTED = {
    name
    for name, value in vars(tg.optim).items()
    if isinstance(value, type) and issubclass(value, tg.optim.Optimizer) and value is not tg.optim.Optimizer
}
GENTLE: dict[str, dict[str, Any]] = {  # settings under which all converge on one quadratic
    "Adagrad": {"lr": 1.0},
    "Adadelta": {"lr": 1.0, "eps": 1e-2},
    "Rprop": {"step_sizes": (1e-9, 1.0)},
    "Adafactor": {"lr": 1.0, "eps": (None, 1.0)},
}
OTHER: dict[str, dict[str, Any]] = {"Rprop": {"etas": (0.4, 1.5)}}  # options that change the coefficients, where lr does not
every_case = pytest.mark.parametrize(("name", "settings"), CASES, ids=IDS)
every_optimizer = pytest.mark.parametrize("name", sorted(PUBLISHED))


def make(name: str, settings: dict[str, Any], dtype: str = "float64", seed: int = 0) -> tuple[Any, list[Any]]:
    """An optimizer and its parameters, of every rank and one of them empty."""
    rng = np.random.default_rng(seed)
    params = [
        tg.tensor(np.asarray(rng.standard_normal(shape)).astype(dtype), requires_grad=True)
        for shape in SHAPES.get(name, [(5, 3), (), (4,), (0, 2), (1, 1)])
    ]
    return getattr(tg.optim, name)(params, **settings), params


def gradients(step: int, params: list[Any]) -> list[Any]:
    rng = np.random.default_rng(1000 + step)
    return [np.asarray(rng.standard_normal(p.shape)).astype(p.dtype) for p in params]


def give(params: list[Any], step: int) -> None:
    for p, g in zip(params, gradients(step, params), strict=True):
        p.grad = tg.tensor(g)


def run(optimizer: Any, params: list[Any], steps: range) -> None:
    for step in steps:
        give(params, step)
        optimizer.step()


def values(params: list[Any]) -> list[Any]:
    return [p.detach().numpy().copy() for p in params]


def same_bits(ours: list[Any], others: list[Any]) -> None:
    for a, b in zip(ours, others, strict=True):
        assert a.dtype == b.dtype
        assert a.shape == b.shape
        assert a.tobytes() == b.tobytes()


def test_every_optimizer_is_under_these_laws() -> None:
    alone = {"LBFGS", "LevenbergMarquardt"}  # minimise by closures, and have tests of their own
    assert set(PUBLISHED) == EXPORTED - alone, "write the published update of a new optimizer in published.py"


@every_case
def test_matches_the_published_update(name: str, settings: dict[str, Any]) -> None:
    optimizer, params = make(name, settings)
    expected = values(params)
    memory: list[dict[str, Any]] = [{} for _ in params]
    for step in range(1, 26):
        give(params, step)
        optimizer.step()
        for i, g in enumerate(gradients(step, params)):
            expected[i] = PUBLISHED[name][0](expected[i], g, memory[i], step, **settings)
    for got, want in zip(values(params), expected, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-11, atol=1e-12)


@every_case
def test_a_resumed_run_has_the_same_bits(name: str, settings: dict[str, Any]) -> None:
    optimizer, params = make(name, settings, "float32")
    run(optimizer, params, range(7))
    other, copies = make(name, {**settings, "lr": 7.0}, "float32", seed=1)
    for p, held in zip(copies, params, strict=True):
        p.data = held.detach().clone()
    other.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    run(optimizer, params, range(7, 15))
    run(other, copies, range(7, 15))
    same_bits(values(params), values(copies))


@every_case
def test_joining_parameters_changes_no_bit(name: str, settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    optimizer, params = make(name, settings, "float32")
    run(optimizer, params, range(5))
    monkeypatch.setattr("tinygrad_reg.optim.bundle.SMALL", 0)
    monkeypatch.setattr("tinygrad_reg.optim.bundle.BLOCK", 16)
    one_by_one, others = make(name, settings, "float32")
    run(one_by_one, others, range(5))
    same_bits(values(params), values(others))


@every_case
def test_a_traced_step_has_the_same_bits(name: str, settings: dict[str, Any]) -> None:
    optimizer, params = make(name, settings, "float32")
    traced, others = make(name, settings, "float32")
    run(optimizer, params, range(4))
    for step in range(4):
        give(others, step)
        with switched(tracer=Tracer()):
            traced.step()
    same_bits(values(params), values(others))
    for p, other in zip(params, others, strict=True):
        ours, theirs = optimizer.state[p], traced.state[other]
        assert list(ours) == list(theirs)
        same_bits(values(list(ours.values())), values(list(theirs.values())))


@every_optimizer
def test_a_tracer_sees_all_writes_and_asks_for_numbers_anew(name: str) -> None:
    optimizer, params = make(name, {"lr": 0.5})
    give(params, 0)
    tracer = Tracer()
    with switched(tracer=tracer):
        optimizer.step()
    for p in params:
        assert any(p is target for target in tracer.written)
        for state_name, tensor in optimizer.state[p].items():
            assert any(np.shares_memory(tensor.array, t.array) or not t.array.size for t in tracer.written), state_name
    first = [host() for host in tracer.hosts]
    assert first == [host() for host in tracer.hosts], "asking for the numbers changes nothing"
    optimizer.param_groups[0].update(OTHER.get(name, {"lr": 0.25}))
    assert first != [host() for host in tracer.hosts]
    optimizer.param_groups[0]["maximize"] = True
    assert [host() for host in tracer.hosts] == [{} for _ in first], "another structure needs another trace"


@every_optimizer
@pytest.mark.parametrize("change", ["option", "state", "loaded", "data", "eager"])
def test_numbers_for_a_replay_are_refused_after_a_change_of_structure(name: str, change: str) -> None:
    optimizer, params = make(name, {"lr": 0.5})
    give(params, 0)
    tracer = Tracer()
    with switched(tracer=tracer):
        optimizer.step()
    before = [set(host()) for host in tracer.hosts]
    if change == "option":
        group = optimizer.param_groups[0]
        group.update(
            {"nesterov": False}
            if name == "Muon"
            else {"weight_decay": 0 if group["weight_decay"] else 0.1}
            if "weight_decay" in group
            else {"maximize": True}
        )
    elif change == "state":
        optimizer.state.clear()
    elif change == "loaded":
        optimizer.load_state_dict(optimizer.state_dict())
    elif change == "data":
        params[0].data = params[0].detach().clone()
    else:
        params[0].grad = None
        optimizer.step()
    stateless = change in ("state", "loaded") and not optimizer.states(optimizer.param_groups[0])
    assert stateless or before != [set(host()) for host in tracer.hosts]


@every_optimizer
def test_converges_on_a_quadratic(name: str) -> None:
    scales = tg.tensor([1.0, 4.0, 9.0], dtype=tg.float64)
    target = tg.tensor([[1.0, -2.0, 0.5]], dtype=tg.float64)
    x = tg.zeros(1, 3, dtype=tg.float64, requires_grad=True)
    kind = getattr(tg.optim, name)
    optimizer = kind([x], **{"lr": 0.05, **GENTLE.get(name, {})})
    if "weight_decay" in optimizer.defaults:
        optimizer.param_groups[0]["weight_decay"] = 0
    schedule = tg.optim.lr_scheduler.CosineAnnealingLR(optimizer, 500)
    for _ in range(500):
        optimizer.zero_grad()
        (scales * (x - target) ** 2).sum().backward()
        optimizer.step()
        schedule.step()
    np.testing.assert_allclose(x.detach().numpy(), target.numpy(), atol=1e-3)


@every_optimizer
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_keeps_dtypes_and_memory(name: str, dtype: str) -> None:
    optimizer, params = make(name, {"lr": np.float64(0.1)}, dtype)
    for group in optimizer.param_groups:
        group.update({option: np.float64(value) for option, value in group.items() if isinstance(value, float)})
        group.update({"weight_decay": np.float64(0.1)} if "weight_decay" in group else {})
    memory = [p.array for p in params]
    run(optimizer, params, range(3))
    for p, array in zip(params, memory, strict=True):
        assert p.array is array
        assert dtype == "float16" or np.isfinite(array).all()
        for state_name, tensor in optimizer.state[p].items():
            fits = (tensor.dtype, tensor.shape) == (dtype, optimizer.shape_of(state_name, p.shape))
            assert fits or state_name in ("step", *optimizer.numbers)


@every_optimizer
@pytest.mark.parametrize("copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_copies_with_its_parameters(name: str, copied: Any) -> None:
    optimizer, params = make(name, {"lr": 0.1})
    run(optimizer, params, range(3))
    other = copied(optimizer)
    others = other.param_groups[0]["params"]
    run(optimizer, params, range(3, 6))
    run(other, others, range(3, 6))
    same_bits(values(params), values(others))
    assert repr(other) == repr(optimizer)


@every_optimizer
def test_lr_must_be_a_number_of_at_least_zero(name: str) -> None:
    p = tg.zeros(2, requires_grad=True)
    kind = getattr(tg.optim, name)
    for lr in (-0.1, float("nan")):
        with pytest.raises(ValueError, match=f"{name}: lr must be at least 0"):
            kind([p], lr=lr)
        with pytest.raises(ValueError, match=f"{name}: lr must be at least 0"):
            kind([{"params": [p], "lr": lr}])
    with pytest.raises(TypeError, match=f"{name}: lr must be a number"):
        kind([p], lr="fast")
