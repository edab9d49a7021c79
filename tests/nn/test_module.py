"""Module: registration, names, state, hooks, conversion, copies, text."""

from __future__ import annotations

import copy
import gc
import pickle
import weakref
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

import tinygrad_reg as tg
from tinygrad_reg import nn
from tinygrad_reg.errors import (
    ArgumentError,
    ArgumentTypeError,
    GradientError,
    MemberError,
    MissingForwardError,
    RegistrationError,
    ShapeError,
    StateDictError,
)


class Net(nn.Module):
    """Two layers, a shared one, a buffer that is saved and one that is not."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(3, 4)
        self.act = nn.Tanh()
        self.last = nn.Linear(4, 2)
        self.alias = self.last
        self.register_buffer("seen", tg.zeros(1, dtype=tg.int64))
        self.register_buffer("scratch", tg.zeros(2), persistent=False)

    def forward(self, x: tg.Tensor, scale: float = 1.0) -> tg.Tensor:
        return self.last(self.act(self.first(x))) * scale


def names(module: nn.Module) -> list[str]:
    return [name for name, _ in module.named_parameters()]


# ---- attributes ------------------------------------------------------------------------------------------------------


def test_assigning_registers() -> None:
    net = Net()
    assert names(net) == ["first.weight", "first.bias", "last.weight", "last.bias"]
    assert [name for name, _ in net.named_buffers()] == ["seen", "scratch"]
    assert [name for name, _ in net.named_modules()] == ["", "first", "act", "last"]
    assert net.alias is net.last
    assert net.first.weight is net.get_parameter("first.weight")
    assert net.seen is net.get_buffer("seen")


def test_a_name_changes_its_kind_with_what_is_assigned() -> None:
    m = nn.Module()
    m.x = 3
    m.x = nn.Parameter(tg.ones(2))
    assert names(m) == ["x"]
    with pytest.raises(ArgumentTypeError, match="cannot assign 'Identity' as parameter 'x'"):
        m.x = nn.Identity()
    del m.x
    m.x = nn.Identity()
    assert names(m) == []
    assert list(m.named_children()) == [("x", m.x)]
    m.x = nn.Parameter(tg.ones(2))
    assert names(m) == ["x"]
    assert not list(m.children())
    m.register_buffer("b", tg.ones(1))
    m.b = nn.Parameter(tg.ones(1))
    assert names(m) == ["x", "b"]
    assert not list(m.buffers())


def test_none_keeps_the_kind() -> None:
    m = nn.Linear(2, 3)
    m.bias = None
    assert m.bias is None
    assert names(m) == ["weight"]
    assert list(m.state_dict()) == ["weight"]
    with pytest.raises(ArgumentTypeError, match="cannot assign 'Tensor' as parameter 'bias'"):
        m.bias = tg.zeros(3)
    m.bias = nn.Parameter(tg.zeros(3))
    assert names(m) == ["weight", "bias"]
    assert m(tg.ones(2)).shape == (3,)


def test_a_buffer_takes_tensors_and_none() -> None:
    net = Net()
    net.seen = net.seen + 1
    assert net.state_dict()["seen"].item() == 1
    net.seen = None
    assert "seen" not in net.state_dict()
    with pytest.raises(ArgumentTypeError, match="as buffer 'seen'"):
        net.seen = 3


def test_deleting_unregisters() -> None:
    net = Net()
    del net.first, net.last.bias, net.seen
    assert names(net) == ["last.weight"]
    assert list(net.state_dict()) == ["last.weight", "alias.weight"]
    assert not hasattr(net, "first")
    with pytest.raises(AttributeError):
        del net.first


@pytest.mark.parametrize("value", [lambda: nn.Parameter(tg.ones(1)), lambda: nn.Identity()])
def test_assigning_before_init_says_so(value: Callable[[], Any]) -> None:
    class Early(nn.Module):
        def __init__(self) -> None:
            self.x = value()

    with pytest.raises(MemberError, match=r"before Module.__init__\(\) call; write super"):
        Early()


def test_plain_attributes_may_come_before_init() -> None:
    class Early(nn.Module):
        def __init__(self) -> None:
            self.size = self.scratch = 3
            del self.scratch
            super().__init__()

    assert Early().size == 3


def test_a_name_of_the_interface_is_refused() -> None:
    m = nn.Module()
    for value in (nn.Parameter(tg.ones(1)), nn.Identity()):
        with pytest.raises(RegistrationError, match="'forward' already exists"):
            m.forward = value
        with pytest.raises(RegistrationError, match="attribute 'training' already exists"):
            m.register_parameter("training", nn.Parameter(tg.ones(1)))


@pytest.mark.parametrize("name", ["_hooks", "_table", "_keep", "_get", "_named", "_check_kind", "_check_name", "_upgrade", "_members"])
def test_a_subclass_may_use_any_private_name_that_torchs_module_leaves_free(name: str) -> None:
    net = Net()
    setattr(net, name, [1])
    setattr(net.first, name, nn.Identity())
    net.register_forward_hook(lambda module, args, output: output * 0)
    assert net(tg.ones(1, 3)).tolist() == [[0.0, 0.0]]
    net.load_state_dict(net.double().state_dict())
    assert net.get_parameter("first.weight").dtype == tg.float64
    assert getattr(copy.deepcopy(net), name) == [1]
    assert f"first.{name}" in dict(net.named_modules())


def test_class_defaults_and_properties_decide_themselves() -> None:
    class Late(nn.Module):
        bias: nn.Parameter | None = None

        @property
        def weight(self) -> Any:
            return self._held

        @weight.setter
        def weight(self, value: Any) -> None:
            self._held = value

    m = Late()
    assert m.bias is None
    m.bias = nn.Parameter(tg.ones(1))
    m.weight = nn.Parameter(tg.ones(2))
    assert names(m) == ["bias", "_held"]


def test_the_mappings_are_live() -> None:
    net = Net()
    assert list(net._modules) == ["first", "act", "last", "alias"]
    assert "weight" in net.first._parameters
    assert repr(nn.ReLU()._parameters) == "{}"
    net._modules["act"] = nn.ReLU()
    assert isinstance(net.act, nn.ReLU)
    net.first._parameters["weight"] = None
    assert names(net.first) == ["bias"]
    assert net._buffers.pop("seen").shape == (1,)
    assert "seen" not in net.state_dict()
    with pytest.raises(KeyError):
        net._buffers["first"]


def test_dir_lists_what_is_there() -> None:
    listed = dir(nn.Sequential(nn.Linear(1, 1)))
    assert "forward" in listed
    assert "0" not in listed
    assert {"weight", "bias"} <= set(dir(nn.Linear(1, 1)))


def test_a_shared_parameter_is_one() -> None:
    m = nn.Sequential(nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False))
    m[1].weight = m[0].weight
    assert names(m) == ["0.weight"]
    assert [k for k, _ in m.named_parameters(remove_duplicate=False)] == ["0.weight", "1.weight"]
    assert list(m.state_dict()) == ["0.weight", "1.weight"]
    copied = pickle.loads(pickle.dumps(m))
    assert copied[0].weight is copied[1].weight
    m.double()
    assert m[0].weight is m[1].weight
    m(tg.ones(2, dtype=tg.float64)).sum().backward()
    assert m[0].weight.grad is not None


def test_set_submodule() -> None:
    m = nn.Sequential(nn.Sequential(nn.ReLU()))
    m.set_submodule("0.0", nn.Tanh())
    assert isinstance(m[0][0], nn.Tanh)
    with pytest.raises(MemberError, match="has no attribute `5`"):
        m.set_submodule("5.0", nn.Tanh())
    with pytest.raises(ArgumentError, match="must not be empty"):
        m.set_submodule("", nn.Tanh())
    assert m.get_submodule("") is m


# ---- calling and hooks -----------------------------------------------------------------------------------------------


def test_a_module_without_forward_says_so() -> None:
    with pytest.raises(MissingForwardError, match=r'Module \[Module\] is missing the required "forward" function'):
        nn.Module()(1)


def test_hooks_run_in_order_and_may_replace() -> None:
    m, log = nn.Identity(), []

    def before(module: nn.Module, args: tuple[Any, ...]) -> Any:
        log.append(("before", args))
        return args[0] + 1

    def after(module: nn.Module, args: tuple[Any, ...], out: Any) -> Any:
        log.append(("after", args, out))
        return out * 10

    handles = [m.register_forward_pre_hook(before), m.register_forward_hook(after)]
    m.register_forward_hook(lambda module, args, out: log.append(("last", out)))
    m.register_forward_pre_hook(lambda module, args: log.append(("first", args)), prepend=True)
    assert m(1) == 20
    assert log == [("first", (1,)), ("before", (1,)), ("after", (2,), 2), ("last", 20)]
    for handle in handles:
        handle.remove()
    assert m(1) == 1


def test_hooks_with_keywords() -> None:
    net = Net().double()
    x = tg.ones(1, 3, dtype=tg.float64)
    plain = net(x)
    net.register_forward_pre_hook(lambda m, args, kwargs: (args, {"scale": kwargs["scale"] * 2}), with_kwargs=True)
    seen = []
    net.register_forward_hook(lambda m, args, kwargs, out: seen.append(kwargs), with_kwargs=True)
    np.testing.assert_allclose(net(x, scale=2.0).detach().numpy(), 4 * plain.detach().numpy())
    assert seen == [{"scale": 4.0}]
    net.register_forward_pre_hook(lambda m, args, kwargs: 3, with_kwargs=True)
    with pytest.raises(ArgumentError, match="must return None or"):
        net(x, scale=1.0)


class Scaled(nn.Module):
    def forward(self, a: Any, b: Any = None, n: int = 2) -> Any:
        return a * n if b is None else (a * n + b, b * 3)


def listed(gradients: Any) -> Any:
    return [g if g is None else g.tolist() for g in gradients]


def test_backward_hooks_see_the_gradients() -> None:
    m, log = Scaled(), []
    m.register_full_backward_hook(
        lambda module, grad_input, grad_output: log.append((module is m, listed(grad_input), listed(grad_output)))
    )
    handle = m.register_full_backward_pre_hook(lambda module, grad_output: log.append(listed(grad_output)))
    x = tg.ones(2, requires_grad=True)
    m(x).sum().backward()
    assert log == [[[1.0, 1.0]], (True, [[2.0, 2.0]], [[1.0, 1.0]])]
    handle.remove()
    log.clear()
    m(tg.ones(2), tg.ones(2, requires_grad=True), 5)[0].sum().backward()
    assert log == [(True, [None, [1.0, 1.0], None], [[1.0, 1.0], [0.0, 0.0]])]
    log.clear()
    assert listed(tg.autograd.grad(m(x, None, n=3).sum(), x)) == [[3.0, 3.0]]
    assert log == [(True, [[3.0, 3.0], None], [[1.0, 1.0]])]
    with tg.no_grad():
        assert not m(x).requires_grad


def test_a_backward_hook_of_a_module_whose_input_needs_no_gradient() -> None:
    m, log = nn.Linear(2, 1), []
    m.register_full_backward_hook(lambda module, grad_input, grad_output: log.append((grad_input, listed(grad_output))))
    m(tg.ones(1, 2)).sum().backward()
    assert log == [((None,), [[[1.0]]])]
    m.register_full_backward_hook(lambda module, grad_input, grad_output: (tg.ones(1, 2),))
    with pytest.raises(GradientError, match="no input of the module needs a gradient"):
        m(tg.ones(1, 2)).sum().backward()


def test_backward_hooks_may_replace() -> None:
    m, x = Scaled(), tg.ones(2, requires_grad=True)
    m.register_full_backward_pre_hook(lambda module, grad_output: (grad_output[0] * 10,))
    m.register_full_backward_hook(lambda module, grad_input, grad_output: (grad_input[0] + grad_output[0],))
    m.register_full_backward_hook(lambda module, grad_input, grad_output: grad_input[0] * 2, prepend=True)
    m(x).sum().backward()
    assert x.grad.tolist() == [50.0, 50.0]
    m.register_full_backward_hook(lambda module, grad_input, grad_output: (grad_input[0], None))
    with pytest.raises(GradientError, match="returned 2 gradients, but there are 1"):
        m(x).sum().backward()


class Parts(NamedTuple):
    double: tg.Tensor
    name: str


class Named(nn.Module):
    def forward(self, x: tg.Tensor) -> Parts:
        return Parts(x * 2, "twice")


def test_a_named_tuple_stays_one_behind_backward_hooks() -> None:
    m, x, log = Named(), tg.ones(2, requires_grad=True), []
    m.register_full_backward_hook(lambda module, grad_input, grad_output: log.append((listed(grad_input), listed(grad_output))))
    out = m(x)
    assert type(out) is Parts
    assert out.name == "twice"
    out.double.sum().backward()
    assert log == [([[2.0, 2.0]], [[1.0, 1.0], None])]


def test_backward_calls_the_hooks_that_the_module_had_when_it_was_called() -> None:
    m, x, log = Scaled(), tg.ones(2, requires_grad=True), []
    first = m.register_full_backward_hook(lambda module, grad_input, grad_output: log.append("first"))
    y = m(x).sum()
    first.remove()
    m.register_full_backward_hook(lambda module, grad_input, grad_output: log.append("second"))
    y.backward()
    m(x).sum().backward()
    assert log == ["first", "second"]


def test_what_a_backward_hook_returns_can_be_differentiated() -> None:
    m = nn.Tanh()
    m.register_full_backward_hook(lambda module, grad_input, grad_output: (grad_input[0] * grad_input[0],))
    x = tg.tensor(0.5, dtype=tg.float64, requires_grad=True)
    (g,) = tg.autograd.grad(m(x), x, create_graph=True)
    t = np.tanh(0.5)
    assert g.item() == pytest.approx((1 - t * t) ** 2)
    assert tg.autograd.grad(g, x)[0].item() == pytest.approx(-4 * t * (1 - t * t) ** 2)


def test_a_hook_that_removes_itself() -> None:
    m, calls = nn.Identity(), []

    def once(*_: Any) -> None:
        calls.append(1)
        handle.remove()

    handle = m.register_forward_hook(once)
    m(1)
    m(1)
    assert calls == [1]


# ---- modes, conversion, gradients --------------------------------------------------------------------------------------


def test_train_and_eval_reach_all_parts_through_their_own_methods() -> None:
    class Frozen(nn.Module):
        def train(self, mode: bool = True) -> Any:
            return super().train(False)

    m = nn.Sequential(nn.Dropout(), nn.Sequential(Frozen(), nn.ReLU()))
    assert m.eval() is m
    assert not any(part.training for part in m.modules())
    m.train()
    assert [part.training for part in m.modules()] == [True, True, True, False, True]
    with pytest.raises(ArgumentError, match="boolean"):
        m.train(1)  # type: ignore[arg-type]


def test_apply_visits_children_first() -> None:
    visited: list[str] = []
    assert isinstance(Net().apply(lambda m: visited.append(type(m).__name__)), Net)
    assert visited == ["Linear", "Tanh", "Linear", "Net"]


def test_to_converts_in_place_and_leaves_integers() -> None:
    net = Net()
    net(tg.ones(3)).sum().backward()
    weight, grad = net.first.weight, net.first.weight.grad
    assert grad is not None
    assert net.double() is net
    assert net.first.weight is weight
    assert (weight.dtype, weight.grad.dtype, weight.requires_grad) == (tg.float64, tg.float64, True)
    np.testing.assert_array_equal(weight.grad.numpy(), grad.numpy())
    assert (net.seen.dtype, net.scratch.dtype) == (tg.int64, tg.float64)
    out = net(tg.ones(3, dtype=tg.float64))
    assert out.dtype == tg.float64
    out.sum().backward()
    assert net.half().scratch.dtype == tg.float16
    assert net.to(tg.ones(1, dtype=tg.float64)).scratch.dtype == tg.float64
    assert net.to("cpu", tg.float32).scratch.dtype == tg.float32
    assert net.cpu().float().to("cpu").scratch.dtype == tg.float32
    assert net.type(tg.float64).seen.dtype == tg.float64


@pytest.mark.parametrize("make", [Net, nn.ReLU])
def test_to_refuses_other_places_and_integers(make: Callable[[], nn.Module]) -> None:
    module = make()
    with pytest.raises(ArgumentTypeError, match="only accepts floating point dtypes"):
        module.to(tg.int64)
    with pytest.raises(ArgumentError, match="cpu"):
        module.to("cuda")
    assert all(p.dtype == tg.float32 for p in module.parameters())


def test_requires_grad_and_zero_grad() -> None:
    net = Net()
    net(tg.ones(3)).sum().backward()
    net.zero_grad(set_to_none=False)
    assert all((p.grad == 0).all() for p in net.parameters())  # type: ignore[union-attr]
    net.zero_grad()
    assert all(p.grad is None for p in net.parameters())
    net.requires_grad_(False)
    assert not net(tg.ones(3)).requires_grad
    assert net.requires_grad_()(tg.ones(3)).requires_grad


# ---- state -------------------------------------------------------------------------------------------------------------


def test_state_shares_memory_and_is_outside_of_the_graph() -> None:
    net = Net()
    state = net.state_dict(prefix="net.")
    keys = ["seen", "first.weight", "first.bias", "last.weight", "last.bias", "alias.weight", "alias.bias"]
    assert list(state) == ["net." + key for key in keys]
    value = state["net.first.weight"]
    assert not value.requires_grad
    value[0, 0] = 7.0
    assert net.first.weight[0, 0].item() == 7.0
    held: dict[str, Any] = {"old": 1}
    assert net.state_dict(destination=held) is held
    assert net.state_dict(keep_vars=True)["first.weight"] is net.first.weight


def test_loading_copies() -> None:
    a, b = Net(), Net()
    found = a.load_state_dict(b.state_dict())
    assert str(found) == "<All keys matched successfully>"
    assert found.missing_keys == found.unexpected_keys == []
    x = tg.ones(3)
    np.testing.assert_array_equal(a(x).detach().numpy(), b(x).detach().numpy())
    assert a.first.weight.data_ptr() != b.first.weight.data_ptr()


def test_loading_takes_arrays() -> None:
    a = nn.Linear(2, 1)
    a.load_state_dict({"weight": np.array([[1.0, 2.0]]), "bias": np.array([3.0])})
    assert (a.weight.tolist(), a.weight.dtype, a(tg.ones(2)).item()) == ([[1.0, 2.0]], tg.float32, 6.0)


def test_loading_lists_everything_wrong_and_changes_nothing() -> None:
    net = Net()
    before = {k: v.numpy().copy() for k, v in net.state_dict().items()}
    state: dict[str, Any] = dict(Net().state_dict())
    state["first.weight"] = tg.ones(4, 4)
    state["last.bias"] = [1, 2]
    state["new"] = state["newer"] = tg.ones(1)
    del state["first.bias"], state["seen"]
    with pytest.raises(StateDictError) as error:
        net.load_state_dict(state)
    lines = str(error.value).split("\n\t")
    assert lines[0] == "Error(s) in loading state_dict for Net:"
    assert lines[1] == 'Missing key(s) in state_dict: "seen", "first.bias". '
    assert lines[2] == 'Unexpected key(s) in state_dict: "new", "newer". '
    assert lines[3].startswith("size mismatch for first.weight: copying a param with shape (4, 4) from checkpoint")
    assert lines[4].startswith('While copying the parameter named "last.bias", expected a tensor')
    assert len(lines) == 5
    for key, value in net.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), before[key])
    with pytest.raises(StateDictError, match="size mismatch") as error:
        net.load_state_dict(state, strict=False)
    assert "Missing" not in str(error.value)


def test_loading_leniently_says_what_it_left_out() -> None:
    net = Net()
    found = net.load_state_dict({"first.bias": tg.ones(4), "more": tg.ones(1)}, strict=False)
    assert found.unexpected_keys == ["more"]
    assert "first.weight" in found.missing_keys
    assert "first.bias" not in found.missing_keys
    assert repr(found).startswith("_IncompatibleKeys(missing_keys=[")
    assert "unexpected_keys=['more']" in repr(found)
    assert net.first.bias.tolist() == [1.0] * 4


# ---- copies, text, memory ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("again", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_are_whole_and_separate(again: Callable[[Any], Any]) -> None:
    net = Net().eval()
    net.first.bias.requires_grad_(False)
    other = again(net)
    assert other.alias is other.last
    assert not other.training
    assert [(k, p.requires_grad) for k, p in other.named_parameters()] == [(k, p.requires_grad) for k, p in net.named_parameters()]
    assert all(isinstance(p, nn.Parameter) for p in other.parameters())
    x = tg.ones(3)
    np.testing.assert_array_equal(net(x).detach().numpy(), other(x).detach().numpy())
    with tg.no_grad():
        other.first.weight.zero_()
    assert net.first.weight.abs().sum().item() > 0
    other.more = nn.Identity()
    assert not hasattr(net, "more")
    assert "scratch" not in other.state_dict()


def test_a_shallow_copy_shares_the_parts_but_not_the_tables() -> None:
    net = Net()
    other = copy.copy(net)
    assert other.first is net.first
    other.more = nn.Identity()
    del other.act
    assert [name for name, _ in net.named_modules()] == ["", "first", "act", "last"]


def test_text() -> None:
    class Outer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = nn.Sequential(nn.Linear(1, 2))
            self.none = None
            self.add_module("gone", None)

        def extra_repr(self) -> str:
            return "a=1\nb=2"

    assert repr(Outer()) == (
        "Outer(\n  a=1\n  b=2\n  (net): Sequential(\n    (0): Linear(in_features=1, out_features=2, bias=True)\n  )\n  (gone): None\n)"
    )
    assert repr(nn.Module()) == "Module()"


def test_a_dropped_module_is_freed_at_once() -> None:
    gc.collect()
    gc.disable()
    try:
        net = Net()
        net(tg.ones(3)).sum().backward()
        ref = weakref.ref(net.first.weight)
        del net
        assert ref() is None
    finally:
        gc.enable()


def test_the_shape_error_of_a_layer_is_clear() -> None:
    with pytest.raises(ShapeError, match="input has 4 features in its last dimension, weight expects 3"):
        Net()(tg.ones(2, 4))


# ---- hooks of the state, extra state, buffers ------------------------------------------------------------------------


class Counting(nn.Module):
    """A module with something in its state that is no tensor."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0
        self.inner = nn.Linear(1, 1, bias=False)

    def get_extra_state(self) -> Any:
        return {"count": self.count}

    def set_extra_state(self, state: Any) -> None:
        self.count = state["count"]


def test_extra_state_goes_through_a_checkpoint(tmp_path: Any) -> None:
    net, other = nn.Sequential(Counting()), nn.Sequential(Counting())
    net[0].count = 7
    tg.save(net.state_dict(), tmp_path / "net.npz")
    other.load_state_dict(tg.load(tmp_path / "net.npz"))
    assert other[0].count == 7
    state = net.state_dict()
    del state["0._extra_state"]
    with pytest.raises(StateDictError, match='Missing key\\(s\\) in state_dict: "0._extra_state"'):
        other.load_state_dict(state)
    with pytest.raises(StateDictError, match='Unexpected key\\(s\\) in state_dict: "_extra_state"'):
        nn.Linear(1, 1, bias=False).load_state_dict({"weight": tg.ones(1, 1), "_extra_state": 1})
    with pytest.raises(tg.errors.MissingStateError, match="override it together with set_extra_state"):
        nn.ReLU().get_extra_state()


def test_an_extra_state_is_not_taken_over_if_a_tensor_does_not_fit() -> None:
    net, other = Counting(), Counting()
    net.count = 7
    with pytest.raises(StateDictError, match="size mismatch"):
        other.load_state_dict({**net.state_dict(), "inner.weight": tg.ones(2, 1)})
    assert other.count == 0


def test_a_hook_renames_old_keys() -> None:
    net = nn.Sequential(nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False))

    def rename(module: Any, state: Any, prefix: str, *rest: Any) -> None:
        state[prefix + "weight"] = state.pop(prefix + "w")

    handle = net[1].register_load_state_dict_pre_hook(rename)
    given = {"0.weight": tg.ones(1, 1), "1.w": tg.full((1, 1), 5.0)}
    net.load_state_dict(given)
    assert net[1].weight.item() == 5.0
    assert list(given) == ["0.weight", "1.w"]
    handle.remove()
    with pytest.raises(StateDictError, match='"1.w"'):
        net.load_state_dict(given)


def test_a_hook_after_loading_forgives_keys_and_other_keys_are_still_reported() -> None:
    net = nn.Linear(1, 2)
    net.register_load_state_dict_post_hook(lambda module, keys: keys.missing_keys.remove("bias") if "bias" in keys.missing_keys else None)
    assert net.load_state_dict({"weight": tg.ones(2, 1)}) == ([], [])
    with pytest.raises(StateDictError, match='Unexpected key\\(s\\) in state_dict: "more"'):
        net.load_state_dict({"weight": tg.ones(2, 1), "more": tg.ones(1)})


@pytest.mark.parametrize("which", ["state_dict_post", "load_state_dict_post"])
def test_a_state_hook_that_returns_something_is_refused(which: str) -> None:
    net = nn.Linear(1, 1)
    getattr(net, f"register_{which}_hook")(lambda *args: {})
    with pytest.raises(StateDictError, match="must return None"):
        net.load_state_dict(net.state_dict())


def test_a_part_that_writes_its_own_state_dict_is_asked() -> None:
    class Short(nn.Linear):
        def state_dict(self, **options: Any) -> Any:
            state = super().state_dict(**options)
            state.pop(options.get("prefix", "") + "bias")
            return state

    assert list(nn.Sequential(Short(1, 1)).state_dict()) == ["0.weight"]


def test_buffers_by_assignment() -> None:
    net = nn.Linear(1, 1)
    net.mean = nn.Buffer(tg.zeros(2))
    net.scratch = nn.Buffer(tg.ones(1), persistent=False)
    assert [name for name, _ in net.named_buffers()] == ["mean", "scratch"]
    assert list(net.state_dict()) == ["weight", "bias", "mean"]
    net.mean = tg.ones(2)  # stays a buffer
    assert list(copy.deepcopy(net).state_dict()) == ["weight", "bias", "mean"]
    assert type(net.scratch + 1) is tg.Tensor
    with pytest.raises(ArgumentTypeError, match="cannot assign 'Buffer' as parameter 'weight'"):
        net.weight = nn.Buffer(tg.ones(1))
    with pytest.raises(ArgumentTypeError, match="wrap it in tg.tensor"):
        nn.Buffer(3)  # type: ignore[arg-type]


def test_to_empty_gives_new_memory_of_the_same_form() -> None:
    net = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    before = net.state_dict()  # keeps the old memory alive, so that none of it is given again
    assert net.to_empty(device="cpu") is net
    for key, new in net.state_dict().items():
        assert (new.shape, new.dtype) == (before[key].shape, before[key].dtype)
        assert not np.shares_memory(new.numpy(), before[key].numpy())
    kept = net[0].weight.data_ptr()
    net.to_empty(device="cpu", recurse=False)
    assert net[0].weight.data_ptr() == kept
    with pytest.raises(ArgumentError, match="everything runs on 'cpu'"):
        net.to_empty(device="cuda")


@pytest.mark.parametrize("name", ["cuda", "xpu", "bfloat16", "compile", "share_memory", "register_backward_hook"])
def test_what_a_module_cannot_do_says_so(name: str) -> None:
    assert not hasattr(nn.ReLU(), name)
    with pytest.raises(tg.errors.NotProvidedError, match=f"Module.{name} is not provided: "):
        getattr(nn.ReLU(), name)


# ---- hooks that are always called ------------------------------------------------------------------------------------


class Failing(nn.Module):
    def forward(self, x: Any) -> Any:
        raise ZeroDivisionError


def test_a_hook_that_is_always_called_sees_failures_once() -> None:
    log: list[Any] = []
    net = Failing()
    net.register_forward_hook(lambda module, args, out: log.append("usual"))
    net.register_forward_hook(lambda module, args, kwargs, out: log.append((args, kwargs, out)), always_call=True, with_kwargs=True)
    with pytest.raises(ZeroDivisionError):
        net(1)
    assert log == [((1,), {}, None)]
    net.forward = lambda x: x + 1  # type: ignore[method-assign]
    assert net(1) == 2
    assert log[1:] == ["usual", ((1,), {}, 2)]


def test_an_always_called_hook_that_fails_too_does_not_hide_the_first_error() -> None:
    net = Failing()

    def fail(*args: Any) -> None:
        raise KeyError("second")

    net.register_forward_hook(fail, always_call=True)
    with pytest.raises(ZeroDivisionError), pytest.warns(UserWarning, match="always_call=True raised after another error: KeyError"):
        net(1)


def test_backward_hooks_that_cannot_be_called_warn() -> None:
    class Pairs(nn.Module):
        def forward(self, x: Any) -> Any:
            return {"x": x}

    net = Pairs()
    net.register_full_backward_hook(lambda *args: None)
    with pytest.warns(UserWarning, match="a tensor or a tuple, Pairs returned dict"):
        net(tg.ones(1, requires_grad=True))
