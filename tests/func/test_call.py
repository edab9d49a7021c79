"""functional_call: the module computes with given tensors, and is as before afterwards."""

from __future__ import annotations

from typing import Any

import pytest

import tinygrad_reg as tg
from tinygrad_reg import nn
from tinygrad_reg.errors import ArgumentError, ArgumentTypeError, StateDictError
from tinygrad_reg.func import functional_call


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Linear(2, 2, bias=False)
        self.b = nn.Linear(2, 2, bias=False)
        self.b.weight = self.a.weight

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        return self.b(self.a(x))


def test_gradients_go_to_the_given_tensors() -> None:
    tg.manual_seed(0)
    module = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)).double()
    x = tg.randn(5, 3, dtype=tg.float64)
    own = {name: p.detach().clone().requires_grad_() for name, p in module.named_parameters()}
    got, want = functional_call(module, own, x), module(x)
    assert got.tolist() == want.tolist()
    got.sum().backward()
    want.sum().backward()
    for name, p in module.named_parameters():
        assert own[name].grad.tolist() == p.grad.tolist()


def test_second_derivatives_through_a_step() -> None:
    """The derivative of the loss after a step of gradient descent by the rate: of w²x² it is -(2wx²)² (1 - 2rx²) by hand."""
    module, x, rate = nn.Linear(1, 1, bias=False).double(), tg.tensor([3.0], dtype=tg.float64), tg.tensor(0.1, dtype=tg.float64)
    rate.requires_grad_()
    (slope,) = tg.autograd.grad((module(x) ** 2).sum(), [module.weight], create_graph=True)
    (functional_call(module, {"weight": module.weight - rate * slope}, x) ** 2).sum().backward()
    w, r = module.weight.item(), 0.1
    assert rate.grad.item() == pytest.approx(2 * w * (1 - 18 * r) * 9 * -18 * w, rel=1e-12)


def test_the_module_is_as_before() -> None:
    module = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    before = dict(module.named_parameters()) | dict(module.named_buffers())
    given = {"0.weight": tg.zeros(2, 3), "0.bias": tg.zeros(2), "1.running_mean": tg.ones(2), "elsewhere": tg.ones(1)}
    functional_call(module, given, tg.ones(4, 3))
    with pytest.raises(ValueError, match="shape|features|size"):
        functional_call(module, given, (tg.ones(4, 5),))
    after = dict(module.named_parameters()) | dict(module.named_buffers())
    assert list(after) == list(before)
    assert all(after[name] is value for name, value in before.items())
    assert given["1.running_mean"].tolist() == [pytest.approx(0.9)] * 2


def test_arguments_by_position_and_name() -> None:
    module = nn.Bilinear(2, 2, 1)
    x, y = tg.ones(1, 2), tg.ones(1, 2)
    two = [{"weight": tg.ones(1, 2, 2)}, {"bias": tg.ones(1)}]
    assert functional_call(module, two, (x, y)).item() == functional_call(module, two, x, {"input2": y}).item() == 5.0
    assert functional_call(module, two, kwargs={"input1": x, "input2": y}).item() == 5.0


def test_tied_tensors() -> None:
    module, x = Tied(), tg.ones(2)
    assert functional_call(module, {"a.weight": tg.eye(2)}, x).tolist() == [1.0, 1.0]
    apart = functional_call(module, {"a.weight": tg.eye(2)}, x, tie_weights=False)
    assert apart.tolist() == module.b(x).tolist()
    both: Any = {"a.weight": tg.eye(2), "b.weight": 2 * tg.eye(2)}
    with pytest.raises(ArgumentError, match="tied"):
        functional_call(module, both, x)
    assert functional_call(module, both, x, tie_weights=False).tolist() == [2.0, 2.0]


def test_mistakes() -> None:
    module: Any = nn.Linear(3, 2)
    weight = {"weight": tg.ones(2, 3)}
    with pytest.raises(StateDictError, match=r"Missing key\(s\): 'bias'"):
        functional_call(module, weight, tg.ones(3), strict=True)
    with pytest.raises(StateDictError, match=r"Unexpected key\(s\): 'other'"):
        functional_call(module, weight | {"bias": tg.ones(2), "other": tg.ones(2)}, tg.ones(3), strict=True)
    with pytest.raises(ArgumentError, match="multiple dictionaries"):
        functional_call(module, (weight, weight), tg.ones(3))
    wrong: Any
    for wrong in (3, [3]):
        with pytest.raises(ArgumentError, match="to be a dict"):
            functional_call(module, wrong, tg.ones(3))
    wrong = {"weight": 3}
    with pytest.raises(ArgumentTypeError, match="'weight', is not an instance"):
        functional_call(module, wrong, tg.ones(3))


def test_a_compiled_call_reads_what_it_is_given() -> None:
    module = nn.Linear(3, 2)
    call = tg.compile(lambda weight, x: functional_call(module, {"weight": weight}, x).detach(), backend="numpy_source")
    for i in range(5):
        weight, x = tg.full((2, 3), float(i)), tg.ones(4, 3)
        assert call(weight, x).tolist() == functional_call(module, {"weight": weight}, x).tolist()


def test_the_older_name_takes_the_same() -> None:
    module, x = Tied(), tg.ones(1, 2)
    given = {"a.weight": tg.eye(2) * 2.0}
    old = nn.utils.stateless.functional_call
    assert old(module, given, (x,)).tolist() == functional_call(module, given, (x,)).tolist() == [[4.0, 4.0]]
    assert old(module, given, x, tie_weights=False).tolist() != [[4.0, 4.0]]
    with pytest.raises(StateDictError, match="Unexpected key"):
        old(module, {**given, "c": x}, x, strict=True)
