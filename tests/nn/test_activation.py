"""Activation functions as modules: their settings."""

from __future__ import annotations

import pytest

import tinygrad_reg as tg
from tinygrad_reg import nn
from tinygrad_reg.errors import ArgumentError, ShapeError


def test_settings_reach_the_function() -> None:
    x = tg.tensor([-4.0, -1.0, 0.25, 8.0])
    assert nn.LeakyReLU(0.5)(x).tolist() == [-2.0, -0.5, 0.25, 8.0]
    assert nn.Hardtanh(-2, 3)(x).tolist() == [-2.0, -1.0, 0.25, 3.0]
    assert nn.ReLU6()(x).tolist() == [0.0, 0.0, 0.25, 6.0]
    assert nn.Threshold(0.5, -1.0)(x).tolist() == [-1.0, -1.0, -1.0, 8.0]
    assert nn.Softshrink(1.0)(x).tolist() == [-3.0, 0.0, 0.0, 7.0]
    assert nn.Hardshrink(1.0)(x).tolist() == [-4.0, 0.0, 0.0, 8.0]
    assert nn.PReLU(init=0.5)(x).tolist() == [-2.0, -0.5, 0.25, 8.0]
    assert nn.Softplus(1.0, 0.0)(x)[3].item() == 8.0
    assert nn.GLU(0)(tg.tensor([2.0, 0.0])).tolist() == [1.0]


def test_in_place() -> None:
    for make in (nn.ReLU, nn.ELU, nn.SiLU, nn.Hardswish):
        x = tg.tensor([-1.0, 2.0])
        layer = make(inplace=True)
        assert layer(x) is x
        assert x.tolist() == make()(tg.tensor([-1.0, 2.0])).tolist()


def test_softmax_without_a_dim_warns_at_the_callers_line() -> None:
    with pytest.warns(UserWarning, match="say dim=") as caught:
        nn.Softmax()(tg.ones(2, 2))
    assert caught[0].filename == __file__


def test_bounds_in_the_wrong_order() -> None:
    with pytest.raises(ArgumentError, match="must be greater than"):
        nn.Hardtanh(1.0, 1.0)


def test_prelu_learns_its_slope() -> None:
    layer = nn.PReLU(2, dtype=tg.float64)
    layer(tg.tensor([[-3.0, 5.0]], dtype=tg.float64)).sum().backward()
    assert layer.weight.grad.tolist() == [-3.0, 0.0]


def test_rrelu_draws_slopes_in_training_and_takes_their_mean_afterwards() -> None:
    layer, x = nn.RReLU(0.2, 0.4), tg.tensor([-1.0, 2.0]).repeat(50)
    tg.manual_seed(0)
    out = layer(x)
    assert (out[1::2] == 2.0).all()
    assert len(set(out[::2].tolist())) > 40
    assert ((out[::2] > -0.4) & (out[::2] <= -0.2)).all()
    assert layer.eval()(x)[0].item() == pytest.approx(-0.3)
    with pytest.raises(ArgumentError, match="lower must not exceed upper"):
        nn.RReLU(0.4, 0.2)(x)


def test_softmax2d_is_over_channels() -> None:
    assert nn.Softmax2d()(tg.zeros(2, 4, 3, 3))[1, :, 2, 2].tolist() == [0.25] * 4
    with pytest.raises(ShapeError, match="Softmax2d"):
        nn.Softmax2d()(tg.zeros(2, 4))


def test_old_names_of_bounds() -> None:
    with pytest.warns(FutureWarning, match="say min_val and max_val"):
        assert nn.Hardtanh(min_value=-3.0, max_value=2.0).min_val == -3.0
