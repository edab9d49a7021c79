"""What holds for every layer that `nn` exports. A new one needs a line in CASES; the first test says so."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pytest

import tinygrad_reg as tg
from tinygrad_reg import nn

Shape = tuple[int, ...]


class Case(NamedTuple):
    """How to make a layer, and the shapes of its inputs; `target` makes the last input, where it is no random float."""

    make: Callable[[], nn.Module]
    inputs: list[Shape]
    target: Callable[[], tg.Tensor] | None = None


def classes() -> tg.Tensor:
    return tg.tensor([0, 2, 1])


def probabilities() -> tg.Tensor:
    return tg.tensor([[0.1, 0.9], [0.5, 0.5], [0.8, 0.2]], dtype=tg.float64)


class Sum(nn.Module):
    """Adds up the parameters of a container that computes nothing itself."""

    def __init__(self, held: nn.Module) -> None:
        super().__init__()
        self.held = held

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        for p in self.held.parameters():
            x = x + p.sum() * p.sum()
        return x


class Against(nn.Module):
    """A loss against a fixed target."""

    def __init__(self, loss: nn.Module, target: tg.Tensor) -> None:
        super().__init__()
        self.loss = loss
        self.register_buffer("target", target)

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        return self.loss(x, self.target)


CASES: dict[str, Case] = {
    "Linear": Case(lambda: nn.Linear(3, 2), [(4, 3)]),
    "Bilinear": Case(lambda: nn.Bilinear(3, 2, 2), [(4, 3), (4, 2)]),
    "Identity": Case(nn.Identity, [(4, 3)]),
    "Flatten": Case(nn.Flatten, [(2, 3, 2)]),
    "Unflatten": Case(lambda: nn.Unflatten(1, (2, 2)), [(3, 4)]),
    "Dropout": Case(nn.Dropout, [(4, 3)]),
    "Sequential": Case(lambda: nn.Sequential(nn.Linear(3, 4), nn.Sigmoid(), nn.Linear(4, 2)), [(5, 3)]),
    "ModuleList": Case(lambda: Sum(nn.ModuleList([nn.Linear(1, 2), nn.ReLU()])), [(2,)]),
    "ModuleDict": Case(lambda: Sum(nn.ModuleDict({"a": nn.Linear(1, 2)})), [(2,)]),
    "ParameterList": Case(lambda: Sum(nn.ParameterList([tg.rand(2), tg.rand(3)])), [(2,)]),
    "ParameterDict": Case(lambda: Sum(nn.ParameterDict({"a": tg.rand(2)})), [(2,)]),
    "PReLU": Case(lambda: nn.PReLU(3), [(4, 3)]),
    "Threshold": Case(lambda: nn.Threshold(0.1, 2.0), [(4, 3)]),
    "GLU": Case(nn.GLU, [(4, 6)]),
    "Softmax": Case(lambda: nn.Softmax(-1), [(4, 3)]),
    "Softmin": Case(lambda: nn.Softmin(-1), [(4, 3)]),
    "LogSoftmax": Case(lambda: nn.LogSoftmax(-1), [(4, 3)]),
    **{
        name: Case(getattr(nn, name), [(4, 3)])
        for name in (
            *("Sigmoid", "Tanh", "ReLU", "ReLU6", "LeakyReLU", "ELU", "SELU", "CELU", "GELU", "SiLU", "Mish", "Softplus", "Softsign"),
            *("Softshrink", "Hardshrink", "Tanhshrink", "LogSigmoid", "Hardtanh", "Hardsigmoid", "Hardswish"),
        )
    },
    **{name: Case(getattr(nn, name), [(3, 2), (3, 2)]) for name in ("MSELoss", "L1Loss", "SmoothL1Loss", "HuberLoss")},
    "KLDivLoss": Case(lambda: nn.KLDivLoss(reduction="batchmean"), [(3, 2)], probabilities),
    "BCELoss": Case(lambda: nn.Sequential(nn.Sigmoid(), Against(nn.BCELoss(), probabilities())), [(3, 2)]),
    "BCEWithLogitsLoss": Case(lambda: nn.BCEWithLogitsLoss(pos_weight=tg.tensor([1.0, 2.0])), [(3, 2)], probabilities),
    "CrossEntropyLoss": Case(lambda: nn.CrossEntropyLoss(tg.tensor([1.0, 2.0, 0.5]), label_smoothing=0.1), [(3, 3)], classes),
    "NLLLoss": Case(lambda: nn.NLLLoss(tg.tensor([1.0, 2.0, 0.5])), [(3, 3)], classes),
}


def exported() -> Iterator[str]:
    for name, value in vars(nn).items():
        if isinstance(value, type) and issubclass(value, nn.Module) and value is not nn.Module:
            yield name


def prepared(name: str) -> tuple[nn.Module, list[tg.Tensor]]:
    """The layer in float64, with random parameters, and its inputs."""
    tg.manual_seed(0)
    module = CASES[name].make().double()
    inputs = [tg.randn(shape, dtype=tg.float64, requires_grad=True) for shape in CASES[name].inputs]
    target = CASES[name].target
    return module, inputs if target is None else [*inputs, target()]


def same(a: tg.Tensor, b: tg.Tensor) -> bool:
    return bool(np.array_equal(a.detach().numpy(), b.detach().numpy()))


def test_every_layer_has_a_case() -> None:
    missing = set(exported()) - set(CASES)
    assert not missing, f"add a line to CASES for {', '.join(sorted(missing))}"


@pytest.mark.parametrize("name", CASES)
def test_gradients_are_those_of_finite_differences(name: str) -> None:
    """Along random directions, for parameters and inputs, in the first and the second derivative."""
    module, inputs = prepared(name)
    module.eval()
    wrt = [x for x in (*inputs, *module.parameters()) if x.requires_grad]
    weight = tg.randn(module(*inputs).shape, dtype=tg.float64)
    directions = [tg.randn(x.shape, dtype=tg.float64) for x in wrt]

    def value() -> tg.Tensor:
        return (module(*inputs) * weight).sum()

    def slope(create_graph: bool) -> tg.Tensor:
        """The derivative of the value along the directions."""
        grads = tg.autograd.grad(value(), wrt, create_graph=create_graph, allow_unused=True)
        return sum(((g * v).sum() for g, v in zip(grads, directions, strict=True) if g is not None), tg.zeros((), dtype=tg.float64))

    assert slope(False).item() == pytest.approx(difference(value, wrt, directions), rel=1e-6, abs=1e-8)
    first = slope(True)
    second = tg.autograd.grad(first, wrt, allow_unused=True) if first.requires_grad else []
    along = sum((g * v).sum().item() for g, v in zip(second, directions, strict=False) if g is not None)
    assert along == pytest.approx(difference(lambda: slope(False), wrt, directions), rel=1e-5, abs=1e-7)


def difference(function: Callable[[], tg.Tensor], at: list[tg.Tensor], directions: list[tg.Tensor], step: float = 1e-6) -> float:
    """The central difference of a function of tensors along directions."""

    def moved(by: float) -> float:
        with tg.no_grad():
            for x, v in zip(at, directions, strict=True):
                x += v * by
        return function().item()

    ahead, behind = moved(step), moved(-2 * step)
    moved(step)
    return (ahead - behind) / (2 * step)


@pytest.mark.parametrize("name", CASES)
def test_the_state_says_everything(name: str) -> None:
    module, inputs = prepared(name)
    tg.manual_seed(1)
    other = CASES[name].make().double()
    assert str(other.load_state_dict(module.state_dict())) == "<All keys matched successfully>"
    assert same(other.eval()(*inputs), module.eval()(*inputs))
    assert repr(other) == repr(module)


@pytest.mark.parametrize("again", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))], ids=["deepcopy", "pickle"])
@pytest.mark.parametrize("name", CASES)
def test_copies_compute_the_same(name: str, again: Callable[[Any], Any]) -> None:
    module, inputs = prepared(name)
    module.eval()
    other = again(module)
    assert same(other(*inputs), module(*inputs))
    assert repr(other) == repr(module)
    assert not {id(p) for p in other.parameters()} & {id(p) for p in module.parameters()}


@pytest.mark.parametrize("name", CASES)
def test_evaluation_is_deterministic_and_modes_reach_all_parts(name: str) -> None:
    module, inputs = prepared(name)
    assert all(part.training for part in module.modules())
    module.eval()
    assert not any(part.training for part in module.modules())
    assert same(module(*inputs), module(*inputs))


@pytest.mark.parametrize("dtype", [tg.float32, tg.float64])
@pytest.mark.parametrize("name", CASES)
def test_the_dtype_stays(name: str, dtype: Any) -> None:
    module, inputs = prepared(name)
    module.to(dtype)
    given = [x.detach().to(dtype) if x.is_floating_point() else x for x in inputs]
    given[0].requires_grad_()
    out = module(*given)
    assert out.dtype == dtype
    out.sum().backward()
    for x in (given[0], *module.parameters()):
        assert x.grad is not None
        assert (x.grad.dtype, x.grad.shape) == (dtype, x.shape)


@pytest.mark.parametrize("name", CASES)
def test_text_is_on_lines_of_its_class(name: str) -> None:
    module, _ = prepared(name)
    assert repr(module).startswith(f"{type(module).__name__}(")
    assert repr(module).endswith(")")
