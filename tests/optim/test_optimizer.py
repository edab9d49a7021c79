"""Groups, state, saving, refusals, and the unusual things people do between two steps."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

import tinygrad_reg as tg
from tinygrad_reg.engine.state import switched
from tinygrad_reg.errors import ArgumentError, ArgumentTypeError, DtypeError, InplaceError, ShapeError, TraceError
from tinygrad_reg.optim import SGD, Adam, AdamW, Optimizer

from .tracing import Tracer


def parameter(*values: float, dtype: Any = tg.float64) -> Any:
    return tg.tensor(list(values), dtype=dtype, requires_grad=True)


def three() -> list[Any]:
    return [parameter(1.0, 2.0), parameter(3.0), parameter(4.0, 5.0, 6.0)]


def give(params: list[Any], value: float = 1.0) -> None:
    for p in params:
        p.grad = tg.full_like(p, value)


def lists(params: list[Any]) -> list[Any]:
    return [p.tolist() for p in params]


# ---- groups ----------------------------------------------------------------------------------------------------------


def test_groups_override_defaults() -> None:
    a, b, c = three()
    optimizer = SGD([{"params": [a], "lr": 1.0}, {"params": b}], lr=0.5)
    optimizer.add_param_group({"params": (p for p in [c]), "weight_decay": 1.0})
    give([a, b, c])
    optimizer.step()
    assert lists([a, b, c]) == [[0.0, 1.0], [2.5], [4 - 0.5 * 5, 5 - 0.5 * 6, 6 - 0.5 * 7]]
    assert [g["lr"] for g in optimizer.param_groups] == [1.0, 0.5, 0.5]


def test_a_group_given_stays_as_it_is() -> None:
    group = {"params": three()}
    SGD([group], lr=0.5)
    assert list(group) == ["params"]


def test_parameters_with_names() -> None:
    layer = tg.nn.Linear(2, 3)
    optimizer = Adam(layer.named_parameters())
    assert optimizer.param_groups[0]["param_names"] == ["weight", "bias"]
    assert optimizer.param_groups[0]["params"][0] is layer.weight
    assert optimizer.state_dict()["param_groups"][0]["param_names"] == ["weight", "bias"]
    with pytest.raises(ArgumentError, match="either all groups have parameter names or none"):
        optimizer.add_param_group({"params": three()})
    with pytest.raises(ArgumentError, match="given as \\(name, parameter\\) or none"):
        Adam([("a", parameter(1.0)), parameter(2.0)])


def test_bad_parameters_are_refused() -> None:
    a, b, _ = three()
    with pytest.raises(ArgumentTypeError, match="got one tensor; write \\[tensor\\]"):
        SGD(a)
    with pytest.raises(ArgumentError, match="empty parameter list"):
        SGD([])
    with pytest.raises(ArgumentTypeError, match="number 1 is int"):
        SGD([a, 3])
    with pytest.raises(ArgumentError, match="parameter 0 is the result of an operation"):
        SGD([a * 2])
    with pytest.raises(ArgumentError, match="appears more than once"):
        SGD([a, b, a])
    with pytest.raises(ArgumentError, match="appears more than once"):
        SGD([{"params": [a]}, {"params": [b, a]}])
    with pytest.raises(KeyError, match="needs the key 'params', got \\['lr'\\]"):
        SGD([{"lr": 1.0}])
    with pytest.raises(ArgumentTypeError, match="a set has another order in every run"):
        SGD([{"params": {a, b}}])
    optimizer = SGD([a])
    with pytest.raises(ArgumentTypeError, match="a parameter group must be a dict, got list"):
        optimizer.add_param_group([b])  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="lr must be at least 0, got -1"):
        optimizer.add_param_group({"params": [b], "lr": -1})
    assert len(optimizer.param_groups) == 1


@pytest.mark.parametrize("kind", [SGD, Adam, AdamW])
def test_hints_of_torch_are_accepted_and_checked(kind: Any) -> None:
    p = parameter(1.0)
    assert kind([p], foreach=True).param_groups[0]["foreach"] is True
    assert kind([p], fused=True, maximize=True).param_groups[0]["fused"] is True
    with pytest.raises(RuntimeError, match="foreach and fused cannot both be True"):
        kind([p], foreach=True, fused=True)
    with pytest.raises(ArgumentError, match="differentiable=True is not supported"):
        kind([p], differentiable=True)


# ---- gradients that are there or not ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [SGD, Adam])
def test_without_a_gradient_nothing_happens(kind: Any) -> None:
    params = three()
    optimizer = kind(params, lr=0.1)
    assert optimizer.step() is None
    give(params[:1])
    optimizer.step()
    assert lists(params[1:]) == [[3.0], [4.0, 5.0, 6.0]]
    assert all(p not in optimizer.state for p in params[1:])


def test_each_parameter_counts_its_own_steps() -> None:
    """Alternating sets of gradients give what separate optimizers give."""
    together, apart = three(), three()
    optimizer = Adam(together, lr=0.1, weight_decay=0.1)
    single = [Adam([p], lr=0.1, weight_decay=0.1) for p in apart]
    for step in range(12):
        for i, (p, q) in enumerate(zip(together, apart, strict=True)):
            present = (step // (i + 1)) % 2 == 0
            p.grad = tg.full_like(p, 1.0 + step) if present else None
            q.grad = tg.full_like(q, 1.0 + step) if present else None
        optimizer.step()
        for s in single:
            s.step()
    assert lists(together) == lists(apart)
    assert [optimizer.state[p]["step"].item() for p in together] == [single[i].state[q]["step"].item() for i, q in enumerate(apart)]


def test_frozen_parameters_stay() -> None:
    """Frozen with a gradient still there, the step is made, as in PyTorch; zero_grad ends that."""
    a, b, _ = three()
    optimizer = Adam([a, b], lr=0.1)
    give([a, b])
    optimizer.step()
    b.requires_grad_(False)
    optimizer.zero_grad()
    assert b.grad is None
    before = b.tolist()
    give([a])
    optimizer.step()
    assert b.tolist() == before
    b.requires_grad_(True)
    give([a, b])
    optimizer.step()
    assert optimizer.state[a]["step"].item() == 3
    assert optimizer.state[b]["step"].item() == 2


def test_zero_grad() -> None:
    a, b, c = three()
    optimizer = SGD([a, b, c])
    give([a, b])
    held = a.grad
    b.grad = (b * b).detach().requires_grad_() * 2
    optimizer.zero_grad(set_to_none=False)
    assert a.grad is held
    assert lists([a.grad, b.grad]) == [[0.0, 0.0], [0.0]]
    assert not b.grad.requires_grad
    assert c.grad is None
    optimizer.zero_grad()
    assert a.grad is None
    assert b.grad is None


def test_a_gradient_of_another_shape_is_refused() -> None:
    a, b, _ = three()
    optimizer = Adam([a, b])
    give([a, b])
    a.data = tg.zeros(3, dtype=tg.float64)
    with pytest.raises(ShapeError, match="step: the gradients have shapes"):
        optimizer.step()


def test_gradients_of_any_memory_layout() -> None:
    p, q = (tg.zeros(3, 2, dtype=tg.float64, requires_grad=True) for _ in range(2))
    g = tg.arange(6.0, dtype=tg.float64).reshape(2, 3)
    p.grad, q.grad = g.T, g.T.contiguous()
    SGD([p], lr=1.0).step()
    SGD([q, parameter(1.0)], lr=1.0).step()
    assert p.tolist() == q.tolist() == (-g.T).tolist()


def test_a_recorded_gradient() -> None:
    p = parameter(2.0)
    (p**3).sum().backward(create_graph=True)
    SGD([p], lr=0.5).step()
    assert p.tolist() == [2.0 - 0.5 * 12.0]
    assert p.is_leaf


# ---- memory ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [SGD, Adam])
def test_a_step_writes_into_the_parameters_own_memory(kind: Any) -> None:
    """Arrays, views and detached tensors that the user holds see it."""
    array = np.array([[1.0, 2.0], [3.0, 4.0]])
    p, q = tg.from_numpy(array).requires_grad_(), parameter(1.0)
    row, other = p.detach()[0], q.detach()
    optimizer = kind([p, q], lr=0.5)
    give([p, q])
    optimizer.step()
    np.testing.assert_allclose(array, [[0.5, 1.5], [2.5, 3.5]], rtol=1e-7)
    assert row.tolist() == array[0].tolist()
    assert other.tolist() == pytest.approx([0.5])


def test_a_graph_that_saved_a_parameter_notices_the_step() -> None:
    p, q = parameter(1.0, 2.0), parameter(3.0)
    loss = (p * p).sum() * q
    give([p, q])
    Adam([p, q]).step()
    with pytest.raises(InplaceError, match="modified by an in-place operation"):
        loss.backward()


@pytest.mark.parametrize("kind", [SGD, Adam])
def test_what_the_user_changes_between_steps_counts(kind: Any) -> None:
    """In-place changes, replaced data and hyper-parameters, against an optimizer that is made anew from its state each time."""
    params, others = three(), three()
    options = {"lr": 0.1, **({"momentum": 0.9} if kind is SGD else {})}
    optimizer = kind(params, **options)
    state: Any = None
    for step in range(6):
        for chosen in (params, others):
            if step == 2:
                with tg.no_grad():
                    chosen[0].mul_(0.5)
            if step == 3:
                chosen[1].data = tg.tensor([30.0], dtype=tg.float64)
            give(chosen, 1.0 + step)
        fresh = kind(others, **options)
        if state is not None:
            fresh.load_state_dict(state)
        if step >= 4:
            optimizer.param_groups[0]["lr"] = 0.01
            fresh.param_groups[0]["lr"] = 0.01
        optimizer.step()
        fresh.step()
        state = copy.deepcopy(fresh.state_dict())
        assert lists(params) == lists(others)


def test_a_parameter_in_a_new_dtype() -> None:
    a, b, _ = three()
    optimizer = Adam([a, b], lr=0.1)
    give([a, b])
    optimizer.step()
    a.data = a.detach().float()
    a.grad = None
    give([a, b])
    optimizer.step()
    assert a.dtype == optimizer.state[a]["exp_avg"].dtype == tg.float32
    assert optimizer.state[a]["step"].item() == 2
    np.testing.assert_allclose(a.detach().numpy(), [0.8, 1.8], rtol=1e-6)


def test_parameters_that_share_memory_are_updated_one_after_the_other() -> None:
    base = tg.zeros(4, dtype=tg.float64)
    p, q = base[:3].detach().requires_grad_(), base[1:].detach().requires_grad_()
    give([p, q])
    SGD([p, q], lr=1.0).step()
    assert base.tolist() == [-1.0, -2.0, -2.0, -1.0]


def test_read_only_memory_and_integers_are_refused() -> None:
    array = np.zeros(2)
    array.flags.writeable = False
    p = tg.zeros(2, dtype=tg.float64, requires_grad=True)
    p.array = array
    p.grad = tg.ones(2, dtype=tg.float64)
    with pytest.raises(InplaceError, match="read-only memory"):
        SGD([p]).step()
    n = tg.zeros(2, dtype=tg.int64)
    n.grad = tg.ones(2, dtype=tg.int64)
    with pytest.raises(DtypeError, match="has dtype int64"):
        SGD([n]).step()


# ---- state -----------------------------------------------------------------------------------------------------------


def test_states_of_joined_parameters_are_tensors_of_their_own() -> None:
    a, b, c = three()
    optimizer = Adam([a, b, c])
    give([a, b, c], 2.0)
    optimizer.step()
    mean = optimizer.state[a]["exp_avg"]
    assert list(optimizer.state[a]) == ["step", "exp_avg", "exp_avg_sq"]
    assert isinstance(mean, tg.Tensor)
    assert mean.tolist() == pytest.approx([0.2, 0.2])
    optimizer.step()
    assert optimizer.state[a]["exp_avg"] is mean
    assert optimizer.state[a]["step"].item() == 2.0
    assert optimizer.state[a]["step"].dtype == tg.float32


def test_state_can_be_changed_replaced_and_removed() -> None:
    def fresh() -> tuple[Any, Any]:
        params = three()
        optimizer = Adam(params, lr=0.1)
        give(params, 2.0)
        optimizer.step()
        return optimizer, params

    optimizer, (a, b, c) = fresh()
    optimizer.state[a]["exp_avg"].zero_()
    optimizer.state[b]["exp_avg"] = tg.zeros(1, dtype=tg.float64)
    give([a, b, c], 0.0)
    before = lists([a, b])
    optimizer.step()
    assert lists([a, b]) == before
    assert c.tolist() != [3.9, 4.9, 5.9]

    optimizer, (a, b, c) = fresh()
    del optimizer.state[a]
    optimizer.state[b]["step"] = 9  # as a number, and another than the neighbour's
    optimizer.state[c]["exp_avg_sq"] = np.ones(3)
    give([a, b, c])
    optimizer.step()
    assert [optimizer.state[p]["step"].item() for p in (a, b, c)] == [1, 10, 2]
    assert optimizer.state[c]["exp_avg_sq"].tolist() == pytest.approx([0.999 + 0.001] * 3)
    optimizer.state.clear()
    optimizer.step()
    assert [optimizer.state[p]["step"].item() for p in (a, b, c)] == [1, 1, 1]


def test_a_state_that_does_not_fit_its_parameter() -> None:
    a, b, _ = three()
    optimizer = Adam([a, b])
    give([a, b])
    optimizer.step()
    a.data = tg.zeros(5, dtype=tg.float64)
    a.grad = None
    give([a])
    with pytest.raises(ShapeError, match="the state 'exp_avg' has shape \\(2,\\), its parameter needs \\(5,\\)"):
        optimizer.step()
    del optimizer.state[a]
    optimizer.step()
    assert optimizer.state[a]["exp_avg"].shape == (5,)


def test_options_can_be_switched_on_the_way() -> None:
    p, q = parameter(1.0), parameter(2.0)
    optimizer = Adam([p], lr=0.1)
    for _ in range(2):
        give([p])
        optimizer.step()
    optimizer.param_groups[0]["amsgrad"] = True
    optimizer.step()
    assert "max_exp_avg_sq" in optimizer.state[p]
    plain = SGD([q], lr=0.1)
    give([q])
    plain.step()
    plain.param_groups[0].update(momentum=0.9, dampening=0.5)
    plain.step()
    assert optimizer.state[p]["step"].item() == 3
    assert plain.state[q]["momentum_buffer"].tolist() == [1.0]  # its first: no dampening
    plain.step()
    assert plain.state[q]["momentum_buffer"].tolist() == [0.9 + 0.5]


# ---- saving ----------------------------------------------------------------------------------------------------------


def test_state_dict_names_parameters_by_position() -> None:
    a, b, c = three()
    optimizer = SGD([{"params": [a, b]}, {"params": [c], "lr": 0.5}], lr=0.1, momentum=0.9)
    give([b, c])
    optimizer.step()
    saved = optimizer.state_dict()
    assert [g["params"] for g in saved["param_groups"]] == [[0, 1], [2]]
    assert set(saved["state"]) == {1, 2}
    assert saved["state"][1]["momentum_buffer"] is optimizer.state[b]["momentum_buffer"]


def test_loading_copies() -> None:
    params, others = three(), three()
    first, second = Adam(params, lr=0.1), Adam(others, lr=0.2)
    give(params)
    first.step()
    second.load_state_dict(first.state_dict())
    give(params, 5.0)
    first.step()
    assert second.param_groups[0]["lr"] == 0.1
    assert second.state[others[0]]["step"].item() == 1
    assert second.state[others[0]]["exp_avg"].tolist() == pytest.approx([0.1, 0.1])


def test_loading_converts_to_the_parameters_dtype_and_takes_arrays() -> None:
    params = three()
    optimizer = Adam(params)
    give(params)
    optimizer.step()
    saved = optimizer.state_dict()
    saved["state"] = {i: {k: v.numpy() for k, v in entry.items()} for i, entry in saved["state"].items()}
    singles = [parameter(*p.tolist(), dtype=tg.float32) for p in params]
    other = Adam(singles)
    other.load_state_dict(saved)
    assert other.state[singles[0]]["exp_avg"].dtype == tg.float32
    give(singles)
    other.step()
    assert other.state[singles[0]]["step"].item() == 2


def test_loading_what_does_not_fit_changes_nothing() -> None:
    params = three()
    optimizer = Adam(params, lr=0.1)
    give(params)
    optimizer.step()
    before = copy.deepcopy(optimizer.state_dict())

    def refused(saved: dict[str, Any], error: type[Exception], match: str) -> None:
        with pytest.raises(error, match=match):
            optimizer.load_state_dict(saved)
        assert repr(optimizer.state_dict()) == repr(before)

    refused(Adam(params[:2]).state_dict(), ArgumentError, "groups of \\[3\\] parameters, the state dict has \\[2\\]")
    refused(Adam([{"params": p} for p in params]).state_dict(), ArgumentError, "the state dict has \\[1, 1, 1\\]")
    refused(SGD(params).state_dict(), ArgumentError, "a saved group lacks betas, eps; was it saved by another kind")
    wrong = Adam(reversed_params := params[::-1])
    give(reversed_params)
    wrong.step()
    refused(wrong.state_dict(), ShapeError, "the state 'exp_avg' has shape")
    bad = copy.deepcopy(before)
    bad["param_groups"][0]["lr"] = -1.0
    refused(bad, ArgumentError, "lr must be at least 0")


def test_loading_from_an_older_version_and_a_schedule() -> None:
    p = parameter(1.0)
    optimizer = Adam([p])
    saved = optimizer.state_dict()
    for name in ("maximize", "foreach", "capturable", "differentiable", "fused", "decoupled_weight_decay"):
        del saved["param_groups"][0][name]
    saved["param_groups"][0]["initial_lr"] = 0.5
    optimizer.load_state_dict(saved)
    assert optimizer.param_groups[0]["maximize"] is False
    assert optimizer.param_groups[0]["initial_lr"] == 0.5
    decoupled = AdamW([p])
    decoupled.load_state_dict(Adam([p], weight_decay=0.1).state_dict())
    assert decoupled.param_groups[0]["decoupled_weight_decay"] is True


# ---- stepping --------------------------------------------------------------------------------------------------------


def test_a_closure_computes_the_loss_with_gradients() -> None:
    p = parameter(3.0)
    optimizer = SGD([p], lr=0.1)

    def closure() -> Any:
        optimizer.zero_grad()
        loss = (p**2).sum()
        loss.backward()
        return loss

    with tg.no_grad():
        assert optimizer.step(closure).item() == 9.0
    assert p.tolist() == pytest.approx([3.0 - 0.6])


def test_hooks_run_around_a_step_until_removed() -> None:
    p = parameter(1.0)
    optimizer = SGD([p], lr=1.0)
    give([p])
    seen: list[Any] = []
    before = optimizer.register_step_pre_hook(lambda o, args, kwargs: seen.append(("before", o is optimizer, p.item())))
    after = optimizer.register_step_post_hook(lambda o, args, kwargs: seen.append(("after", o is optimizer, p.item())))
    optimizer.step()
    before.remove()
    after.remove()
    optimizer.step()
    assert seen == [("before", True, 1.0), ("after", True, 0.0)]


def test_a_hook_may_put_another_closure_in_its_place() -> None:
    p = parameter(1.0)
    optimizer = SGD([p], lr=1.0)
    give([p])
    optimizer.register_step_pre_hook(lambda o, args, kwargs: ((o, lambda: 7), {}))
    assert optimizer.step() == 7
    optimizer.register_step_pre_hook(lambda o, args, kwargs: 3)
    with pytest.raises(ArgumentError, match="it must return None or \\(args, kwargs\\), got 3"):
        optimizer.step()


def test_hooks_run_once_around_a_step_that_calls_that_of_its_base() -> None:
    class Counting(SGD):
        def step(self, closure: Any = None) -> Any:
            return super().step(closure)

    p = parameter(1.0)
    optimizer = Counting([p], lr=1.0)
    give([p])
    seen: list[Any] = []
    optimizer.register_step_post_hook(lambda o, args, kwargs: seen.append(p.item()))
    optimizer.step()
    assert seen == [0.0]


def test_hooks_are_not_left_out_of_a_compiled_step() -> None:
    p = parameter(1.0)
    optimizer = SGD([p], lr=1.0)
    optimizer.register_step_post_hook(lambda o, args, kwargs: None)
    give([p])
    with switched(tracer=Tracer()), pytest.raises(AssertionError, match="the optimizer has step hooks"):
        optimizer.step()


def test_a_rate_that_is_a_tensor_is_refused_in_a_compiled_step() -> None:
    p = parameter(1.0)
    optimizer = SGD([p], lr=tg.tensor(0.5))  # type: ignore[arg-type]
    give([p])
    with switched(tracer=Tracer()), pytest.raises(TraceError, match="lr is a tensor, which a replay would not read anew"):
        optimizer.step()
    optimizer.step()
    assert p.tolist() == [0.5]


def test_an_optimizer_of_the_users_own() -> None:
    """In PyTorch's manner, with a `step` of its own."""

    class SignDescent(Optimizer):
        def __init__(self, params: Any, lr: float) -> None:
            super().__init__(params, {"lr": lr})

        @tg.no_grad()
        def step(self, closure: Any = None) -> None:
            for group in self.param_groups:
                for p in group["params"]:
                    self.state[p]["calls"] = self.state[p].get("calls", 0) + 1
                    p.add_(p.grad.sign(), alpha=-group["lr"])

    p = parameter(1.0, -2.0)
    optimizer = SignDescent([p], lr=0.5)
    schedule = tg.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
    (p**2).sum().backward()
    optimizer.step()
    schedule.step()
    assert p.tolist() == [0.5, -1.5]
    other = SignDescent([p], lr=0.1)
    other.load_state_dict(optimizer.state_dict())
    assert other.state[p] == {"calls": 1}
    assert other.param_groups[0]["lr"] == 0.25


def test_a_rule_of_the_users_own() -> None:
    class Plain(Optimizer):
        keeps_step = False

        def __init__(self, params: Any, lr: float) -> None:
            super().__init__(params, {"lr": lr, "maximize": False})

        def coefficients(self, group: Any, step: int) -> dict[str, Any]:
            return {"lr": group["lr"] / step}

        def update(self, p: Any, g: Any, *, lr: float) -> tuple[Any, ...]:
            return (p - lr * g,)

    p = parameter(1.0)
    give([p])
    Plain([p], 0.5).step()
    assert p.tolist() == [0.5]
    with pytest.raises(NotImplementedError, match="define coefficients\\(\\) and update\\(\\), or override step"):
        Optimizer([p], {"maximize": False}).step()


def test_text_is_as_in_torch() -> None:
    optimizer = SGD([{"params": [parameter(1.0)]}, {"params": [parameter(2.0)], "lr": 0.5}], lr=0.1)
    first = "    dampening: 0\n    differentiable: False\n    foreach: None\n    fused: None\n    lr: 0.1\n    maximize: False\n"
    rest = "    momentum: 0\n    nesterov: False\n    weight_decay: 0\n"
    second = first.replace("0.1", "0.5")
    assert repr(optimizer) == f"SGD (\nParameter Group 0\n{first}{rest}\nParameter Group 1\n{second}{rest})"


def test_division_by_zero_is_silent() -> None:
    p = parameter(1.0)
    give([p], 0.0)
    Adam([p], lr=0.1, eps=0).step()
    assert np.isnan(p.item())


def test_hooks_around_saving_and_loading() -> None:
    optimizer = SGD([tg.zeros(1, requires_grad=True)], lr=1.0)
    seen: list[str] = []
    handles = [
        optimizer.register_state_dict_pre_hook(lambda o: seen.append("saving")),
        optimizer.register_state_dict_post_hook(lambda o, saved: {**saved, "note": 1}),
        optimizer.register_load_state_dict_pre_hook(lambda o, saved: seen.append(f"loading {saved['note']}")),
        optimizer.register_load_state_dict_post_hook(lambda o: seen.append("loaded")),
        optimizer.register_load_state_dict_pre_hook(lambda o, saved: {**saved, "note": 2}, prepend=True),
    ]
    saved = optimizer.state_dict()
    assert saved["note"] == 1
    optimizer.load_state_dict(saved)
    assert seen == ["saving", "loading 2", "loaded"]
    for handle in handles:
        handle.remove()
    assert "note" not in optimizer.state_dict()
    assert len(seen) == 3


def test_a_wrapper_that_leaves_out_the_constructor() -> None:
    class Counting(tg.optim.Optimizer):
        def __init__(self, inner: tg.optim.Optimizer) -> None:
            self.inner, self.param_groups, self.steps = inner, inner.param_groups, 0

        def step(self, closure: Any = None) -> Any:
            self.steps += 1
            return self.inner.step(closure)

    w = tg.nn.Parameter(tg.ones(1))
    outer = Counting(tg.optim.SGD([w], lr=0.5))
    for _ in range(2):
        outer.zero_grad()
        w.sum().backward()
        assert outer.step(lambda: 3) == 3
    assert (outer.steps, w.tolist()) == (2, [0.0])


def test_a_subclass_fills_in_what_older_states_lack() -> None:
    class Grown(tg.optim.SGD):
        def __setstate__(self, state: Any) -> None:
            super().__setstate__(state)
            for group in self.param_groups:
                group.setdefault("added", 7)

    made = Grown([tg.nn.Parameter(tg.ones(1))], lr=0.5)
    called = []
    made.register_step_post_hook(lambda *_: called.append(1))
    made.load_state_dict(tg.optim.SGD([tg.nn.Parameter(tg.ones(1))], lr=0.25).state_dict())
    made.step()
    assert (made.param_groups[0]["added"], made.param_groups[0]["lr"], called) == (7, 0.25, [1])


def test_a_group_begins_with_what_it_was_given() -> None:
    optimizer = SGD([{"params": [tg.ones(1, requires_grad=True)], "momentum": 0.5}], lr=0.1)
    assert list(optimizer.param_groups[0])[:4] == ["params", "momentum", "lr", "dampening"]
