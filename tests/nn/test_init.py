"""Initial values: what is written, with which generator, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_reg as tg
from tinygrad_reg import nn
from tinygrad_reg.errors import ArgumentError, ArgumentTypeError, ShapeError

DRAW: dict[str, Callable[..., Any]] = {
    "uniform_": nn.init.uniform_,
    "normal_": nn.init.normal_,
    "xavier_uniform_": nn.init.xavier_uniform_,
    "xavier_normal_": nn.init.xavier_normal_,
    "kaiming_uniform_": nn.init.kaiming_uniform_,
    "kaiming_normal_": nn.init.kaiming_normal_,
    "orthogonal_": nn.init.orthogonal_,
    "trunc_normal_": nn.init.trunc_normal_,
    "sparse_": lambda x, **k: nn.init.sparse_(x, 0.5, **k),
}


@pytest.mark.parametrize("name", DRAW)
def test_a_parameter_is_written_in_place_and_stays_a_leaf(name: str) -> None:
    p = nn.Parameter(tg.full((4, 6), np.nan, dtype=tg.float32))
    address = p.data_ptr()
    assert DRAW[name](p) is p
    assert p.data_ptr() == address
    assert p.is_leaf
    assert p.requires_grad
    assert bool(tg.isfinite(p).all())


@pytest.mark.parametrize("name", DRAW)
def test_the_generator_decides(name: str) -> None:
    def drawn(seed: int) -> Any:
        return DRAW[name](tg.empty(4, 6), generator=tg.Generator().manual_seed(seed)).tolist()

    state = tg.get_rng_state()
    assert drawn(1) == drawn(1) != drawn(2)
    assert tg.get_rng_state() == state


@pytest.mark.parametrize("name", DRAW)
def test_empty_and_wrong(name: str) -> None:
    assert DRAW[name](tg.empty(0, 3)).shape == (0, 3)
    with pytest.raises(ArgumentTypeError, match="expected a tensor to fill, got list"):
        DRAW[name]([1.0])


def test_fans() -> None:
    assert nn.init.fans(tg.empty(5, 3)) == (3, 5)
    assert nn.init.fans(tg.empty(5, 3, 2, 4)) == (24, 40)
    with pytest.raises(ShapeError, match="fewer than 2"):
        nn.init.fans(tg.empty(5))


def test_bounds_and_deviations() -> None:
    tg.manual_seed(0)
    x = tg.empty(300, 200)
    assert np.abs(nn.init.xavier_uniform_(x, gain=2.0).numpy()).max() == pytest.approx(2 * np.sqrt(6 / 500), rel=1e-3)
    assert nn.init.xavier_normal_(x).numpy().std() == pytest.approx(np.sqrt(2 / 500), rel=0.02)
    assert np.abs(nn.init.kaiming_uniform_(x, nonlinearity="relu").numpy()).max() == pytest.approx(np.sqrt(6 / 200), rel=1e-3)
    assert nn.init.kaiming_normal_(x, mode="fan_out").numpy().std() == pytest.approx(np.sqrt(2 / 300 / 1.0001), rel=0.02)


@pytest.mark.parametrize(
    ("mean", "std", "a", "b"), [(0, 1, -2, 2), (0, 1, 3, 100), (0, 0.02, -2, 2), (5, 1, -1, 1), (0, 1, 0.5, 0.6), (1, 0, -2, 0.5)]
)
def test_trunc_normal_stays_inside(mean: float, std: float, a: float, b: float) -> None:
    x = nn.init.trunc_normal_(tg.empty(1000, dtype=tg.float64), mean, std, a, b).numpy()
    assert x.min() >= a
    assert x.max() <= b
    if std:
        z = np.linspace(max(a, mean - 12 * std), min(b, mean + 12 * std), 20001)
        density = np.exp(-((z - mean) ** 2 - ((np.clip(mean, a, b) - mean) ** 2)) / (2 * std**2))
        expected = (z * density).sum() / density.sum()
        assert x.mean() == pytest.approx(expected, abs=6 * x.std() / np.sqrt(1000))


def test_sparse_has_this_many_zeros_in_every_column() -> None:
    x = nn.init.sparse_(tg.empty(10, 7), sparsity=0.25).numpy()
    assert ((x == 0).sum(0) == 3).all()


def test_what_is_refused() -> None:
    with pytest.raises(ArgumentError, match="needs a <= b"):
        nn.init.trunc_normal_(tg.empty(3), a=2.0, b=1.0)
    with pytest.raises(ArgumentError, match="Unsupported nonlinearity sine"):
        nn.init.calculate_gain("sine")
    with pytest.raises(ArgumentError, match="negative_slope"):
        nn.init.calculate_gain("leaky_relu", True)
    with pytest.raises(ArgumentError, match="fan_in, fan_out"):
        nn.init.kaiming_normal_(tg.empty(3, 3), mode="fan")
