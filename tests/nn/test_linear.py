"""Linear and the layers that only change the shape."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_reg as tg
from tinygrad_reg import nn
from tinygrad_reg.errors import ArgumentTypeError, ShapeError


def test_linear_is_its_formula() -> None:
    m = nn.Linear(3, 2, dtype=tg.float64)
    x = tg.rand(5, 4, 3, dtype=tg.float64)
    want = x.numpy() @ m.weight.detach().numpy().T + m.bias.detach().numpy()
    np.testing.assert_allclose(m(x).detach().numpy(), want, rtol=1e-12)
    assert m.weight.dtype == tg.float64


def test_linear_without_bias_has_none() -> None:
    m = nn.Linear(3, 2, bias=False)
    assert m.bias is None
    assert list(m.state_dict()) == ["weight"]
    assert repr(m) == "Linear(in_features=3, out_features=2, bias=False)"


def test_the_seed_decides_the_weights() -> None:
    tg.manual_seed(3)
    first = nn.Linear(4, 5)
    tg.manual_seed(3)
    second = nn.Linear(4, 5)
    assert first.weight.tolist() == second.weight.tolist()
    assert first.bias.tolist() == second.bias.tolist()
    first.reset_parameters()
    assert first.weight.tolist() != second.weight.tolist()


def test_initial_bounds() -> None:
    tg.manual_seed(0)
    m = nn.Linear(16, 4000)
    for p in m.parameters():
        assert np.abs(p.detach().numpy()).max() <= 0.25
        np.testing.assert_allclose(p.detach().numpy().std(), 0.5 / np.sqrt(12), rtol=0.05)


def test_sizes_that_make_no_sense() -> None:
    with pytest.raises(ShapeError, match="negative"):
        nn.Linear(-1, 2)
    with pytest.raises(ArgumentTypeError, match="integers"):
        nn.Linear(2.5, 2)  # type: ignore[arg-type]
    assert nn.Linear(0, 2)(tg.ones(3, 0)).tolist() == [[0.0, 0.0]] * 3


def test_flatten_and_back() -> None:
    x = tg.rand(2, 3, 4)
    flat = nn.Flatten()(x)
    assert flat.shape == (2, 12)
    assert nn.Unflatten(1, (3, 4))(flat).tolist() == x.tolist()
    assert nn.Flatten(0, -1)(x).shape == (24,)
    with pytest.raises(ArgumentTypeError, match="tuple of ints"):
        nn.Unflatten(1, 3)  # type: ignore[arg-type]


def test_identity_ignores_its_arguments() -> None:
    x = tg.rand(2)
    assert nn.Identity(54, unused=True)(x) is x


def test_bilinear_is_its_formula() -> None:
    m = nn.Bilinear(3, 4, 2, dtype=tg.float64)
    x, y = tg.rand(5, 3, dtype=tg.float64), tg.rand(5, 4, dtype=tg.float64)
    want = np.einsum("nj,mjk,nk->nm", x.numpy(), m.weight.detach().numpy(), y.numpy()) + m.bias.detach().numpy()
    np.testing.assert_allclose(m(x, y).detach().numpy(), want, rtol=1e-12)
