"""Clipping gradients, and parameters as one vector."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_reg as tg
from tinygrad_reg import nn
from tinygrad_reg.errors import ArgumentError, ArgumentTypeError, GradientError, ShapeError
from tinygrad_reg.nn import utils


def two() -> list[tg.Tensor]:
    made = [tg.zeros(2, requires_grad=True), tg.zeros((), requires_grad=True), tg.zeros(5, requires_grad=True)]
    made[0].grad = tg.tensor([3.0, 0.0])
    made[1].grad = tg.tensor(-4.0)
    return made


@pytest.mark.parametrize(("p", "norm"), [(2.0, 5.0), (1, 7.0), (float("inf"), 4.0), (3, 91 ** (1 / 3))])
def test_clip_grad_norm(p: float, norm: float) -> None:
    parameters = two()
    assert utils.clip_grad_norm_(iter(parameters), 1.0, p).item() == pytest.approx(norm)
    assert parameters[0].grad.tolist() == pytest.approx([3.0 / norm, 0.0], rel=1e-5)  # type: ignore[union-attr]
    assert parameters[1].grad.item() == pytest.approx(-4.0 / norm, rel=1e-5)  # type: ignore[union-attr]
    assert parameters[2].grad is None


def test_a_small_norm_is_left_alone() -> None:
    parameters = two()
    utils.clip_grad_norm_(parameters, 5.1)
    assert parameters[0].grad.tolist() == [3.0, 0.0]  # type: ignore[union-attr]
    assert utils.clip_grad_norm_(parameters[2], 1.0).item() == 0.0


def test_clip_grad_value() -> None:
    parameters = two()
    utils.clip_grad_value_(parameters, 3.5)
    assert parameters[0].grad.tolist() == [3.0, 0.0]  # type: ignore[union-attr]
    assert parameters[1].grad.item() == -3.5  # type: ignore[union-attr]


def test_what_cannot_be_clipped() -> None:
    parameters = two()
    parameters[0].grad = tg.tensor([np.inf, 1.0])
    with pytest.raises(GradientError, match="non-finite"):
        utils.clip_grad_norm_(parameters, 1.0, error_if_nonfinite=True)
    assert parameters[1].grad.item() == -4.0  # type: ignore[union-attr]
    with pytest.raises(ArgumentError, match="norm_type must be positive"):
        utils.get_total_norm(parameters, 0)


def test_vectors_round_trip() -> None:
    m = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
    v = utils.parameters_to_vector(m.parameters())
    assert v.shape == (13,)
    assert v.requires_grad
    other = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
    utils.vector_to_parameters(v, other.parameters())
    x = tg.rand(4, 2)
    assert other(x).tolist() == m(x).tolist()
    assert all(isinstance(p, nn.Parameter) and p.requires_grad for p in other.parameters())
    with pytest.raises(ShapeError, match=r"13 elements, the vector has shape \(12,\)"):
        utils.vector_to_parameters(v[1:], other.parameters())
    with pytest.raises(ArgumentTypeError, match="expected a tensor"):
        utils.vector_to_parameters([1.0], other.parameters())  # type: ignore[arg-type]
