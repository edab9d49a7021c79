"""Tensors of modules that are computed from others."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import tinygrad_reg as tg
from tinygrad_reg import nn
from tinygrad_reg.engine.state import state
from tinygrad_reg.errors import ArgumentError, DimensionError
from tinygrad_reg.nn.utils import parametrize
from tinygrad_reg.nn.utils.parametrizations import spectral_norm, weight_norm
from tinygrad_reg.nn.utils.parametrize import is_parametrized, register_parametrization, remove_parametrizations
from tinygrad_reg.testing import gradcheck


class Symmetric(nn.Module):
    def forward(self, x: tg.Tensor) -> tg.Tensor:
        return x.triu() + x.triu(1).mT


class Exp(nn.Module):
    def forward(self, x: tg.Tensor) -> tg.Tensor:
        return x.exp()

    def right_inverse(self, x: tg.Tensor) -> tg.Tensor:
        return x.log()


class Twice(nn.Module):
    def forward(self, x: tg.Tensor) -> tg.Tensor:
        return 2 * x


class First(nn.Module):
    def forward(self, x: tg.Tensor) -> tg.Tensor:
        return x[0]


class Whole(nn.Module):
    def forward(self, x: tg.Tensor) -> tg.Tensor:
        return x.long()


def positive() -> nn.Module:
    layer = nn.Linear(2, 2)
    layer.weight = nn.Parameter(tg.tensor([[1.0, 2.0], [3.0, 4.0]]))
    return layer


def test_without_an_inverse_the_tensor_cannot_be_assigned_to() -> None:
    layer = register_parametrization(positive(), "weight", Exp())
    layer.weight = tg.ones(2, 2)
    assert layer.weight.tolist() == [[1.0, 1.0], [1.0, 1.0]]
    register_parametrization(layer, "weight", Twice())
    before = layer.weight.tolist()
    with pytest.raises(ArgumentError, match="Twice does not implement right_inverse"):
        layer.weight = tg.ones(2, 2)
    assert layer.weight.tolist() == before


def test_a_parametrized_tensor_is_computed_and_its_original_trained() -> None:
    layer = register_parametrization(nn.Linear(2, 2), "weight", Symmetric())
    assert isinstance(layer, nn.Linear)
    assert layer.weight[0, 1].item() == layer.weight[1, 0].item()
    assert [name for name, _ in layer.named_parameters()] == ["bias", "parametrizations.weight.original"]
    layer(tg.ones(3, 2)).sum().backward()
    assert layer.parametrizations.weight.original.grad.tolist() == [[3.0, 6.0], [0.0, 3.0]]
    assert is_parametrized(layer)
    assert is_parametrized(layer, "weight")
    assert not is_parametrized(layer, "bias")


def test_the_value_stays_and_can_be_assigned() -> None:
    layer: Any = register_parametrization(positive(), "weight", Exp())
    np.testing.assert_allclose(layer.weight.detach().numpy(), [[1.0, 2.0], [3.0, 4.0]], rtol=1e-6)
    layer.weight = tg.full((2, 2), 2.0)
    np.testing.assert_allclose(layer.parametrizations.weight.original.detach().numpy(), np.log(2.0), rtol=1e-6)


def test_one_after_the_other() -> None:
    layer: Any = register_parametrization(positive(), "weight", Symmetric())
    register_parametrization(layer, "weight", Exp())
    np.testing.assert_allclose(layer.weight.detach().numpy(), [[1.0, 2.0], [2.0, 4.0]], rtol=1e-6)
    assert len(layer.parametrizations.weight) == 2


def test_the_optimizer_keeps_its_parameter() -> None:
    layer: Any = positive()
    weight = layer.weight
    register_parametrization(layer, "weight", Exp())
    assert layer.parametrizations.weight.original is weight
    remove_parametrizations(layer, "weight")
    assert layer.weight is weight
    np.testing.assert_allclose(weight.detach().numpy(), [[1.0, 2.0], [3.0, 4.0]], rtol=1e-6)


@pytest.mark.parametrize("leave", [True, False])
def test_removing(leave: bool) -> None:
    layer: Any = register_parametrization(positive(), "weight", Symmetric())
    register_parametrization(layer, "bias", Exp(), unsafe=True)
    remove_parametrizations(layer, "weight", leave)
    assert layer.weight.tolist() == [[1.0, 2.0], [2.0 if leave else 3.0, 4.0]]
    assert layer.weight.requires_grad
    assert not is_parametrized(layer, "weight")
    remove_parametrizations(layer, "bias")
    assert type(layer) is nn.Linear
    assert list(layer.state_dict()) == ["weight", "bias"]
    assert not hasattr(layer, "parametrizations")


def test_a_buffer() -> None:
    layer: Any = nn.BatchNorm1d(2)
    register_parametrization(layer, "running_mean", Twice())
    assert "parametrizations.running_mean.original" in layer.state_dict()
    assert not any("running_mean" in name for name, _ in layer.named_parameters())
    assert layer.running_mean.tolist() == [0.0, 0.0]
    remove_parametrizations(layer, "running_mean")
    assert "running_mean" in dict(layer.named_buffers())


@pytest.mark.parametrize("again", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))], ids=["deepcopy", "pickle"])
def test_copies_are_apart(again: Any) -> None:
    layer = weight_norm(nn.Linear(3, 2))
    other = again(layer)
    remove_parametrizations(layer, "weight")
    assert is_parametrized(other, "weight")
    np.testing.assert_allclose(other.weight.detach().numpy(), layer.weight.detach().numpy(), rtol=1e-6)


def test_lengths_of_a_normalized_weight() -> None:
    layer: Any = weight_norm(nn.Linear(3, 2))
    with tg.no_grad():
        layer.parametrizations.weight.original0.fill_(5.0)
    np.testing.assert_allclose(layer.weight.norm(dim=1).detach().numpy(), [5.0, 5.0], rtol=1e-6)
    with pytest.raises(ArgumentError, match="in terms of several"):
        remove_parametrizations(layer, "weight", leave_parametrized=False)


def test_the_largest_singular_value_is_one() -> None:
    tg.manual_seed(0)
    layer: Any = spectral_norm(nn.Linear(4, 3).double(), n_power_iterations=50)
    assert np.linalg.svd(layer.weight.detach().numpy())[1][0] == pytest.approx(1.0, rel=1e-9)
    first, second = layer(tg.ones(4, dtype=tg.float64)), layer(tg.ones(4, dtype=tg.float64))
    (first.sum() - 2 * second.sum()).backward()  # two calls before one backward
    layer.eval()
    norm = layer.parametrizations.weight[0]
    assert gradcheck(norm, [tg.randn(3, 4, dtype=tg.float64, requires_grad=True)])


def test_mistakes() -> None:
    layer = nn.Linear(2, 3)
    with pytest.raises(ArgumentError, match="'other'"):
        register_parametrization(layer, "other", Exp())
    for wrong in (First(), Whole()):
        with pytest.raises(ArgumentError, match="dtype and shape"):
            register_parametrization(layer, "weight", wrong)
        with pytest.raises(ArgumentError, match="same dtype and shape"):
            register_parametrization(register_parametrization(nn.Linear(2, 2), "weight", Symmetric()), "weight", wrong)
    assert list(layer.state_dict()) == ["weight", "bias"]
    with pytest.raises(ArgumentError, match="does not have a parametrization on bias"):
        remove_parametrizations(layer, "bias")
    with pytest.raises(DimensionError, match=r"\[-2, 1\] but got 2"):
        spectral_norm(layer, dim=2)
    with pytest.raises(ArgumentError, match="n_power_iterations=0"):
        spectral_norm(layer, n_power_iterations=0)
    with pytest.raises(ArgumentError, match="'other'"):
        spectral_norm(layer, "other")


class Counted(nn.Module):
    """Counts how often it is computed."""

    calls = 0

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        self.calls += 1
        return x * 2

    def right_inverse(self, x: tg.Tensor) -> tg.Tensor:
        return x / 2


def test_inside_of_cached_a_tensor_is_computed_once() -> None:
    layer = nn.Linear(1, 1)
    register_parametrization(layer, "weight", Counted())
    counted = layer.parametrizations.weight[0]
    before = counted.calls
    with parametrize.cached():
        with parametrize.cached():
            assert layer.weight is layer.weight
        layer(tg.ones(1, 1)).sum().backward()
        assert counted.calls == before + 1
        with tg.no_grad():
            assert not layer.weight.requires_grad
        assert layer.weight.requires_grad
        layer.weight = tg.full((1, 1), 3.0)
        assert layer.weight.item() == 3.0
    assert layer.weight is not layer.weight
    assert layer.parametrizations.weight.original.grad.item() == 2.0
    assert state.computed is None  # nothing is kept beyond it


def test_cached_is_over_after_an_error() -> None:
    layer = nn.Linear(1, 1)
    register_parametrization(layer, "weight", Counted())
    with pytest.raises(ZeroDivisionError), parametrize.cached():
        1 / (layer.weight * 0).item()
    assert layer.weight is not layer.weight
