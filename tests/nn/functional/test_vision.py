"""Reading images at any positions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_reg as tg
from tinygrad_reg.errors import ArgumentError, ShapeError
from tinygrad_reg.nn.functional import affine_grid, grid_sample
from tinygrad_reg.testing import gradcheck


@pytest.mark.parametrize("align_corners", [False, True])
@pytest.mark.parametrize("mode", ["bilinear", "nearest", "bicubic"])
@pytest.mark.parametrize("padding_mode", ["zeros", "border", "reflection"])
def test_the_map_that_moves_nothing(mode: str, padding_mode: str, align_corners: bool) -> None:
    image = tg.rand(2, 3, 4, 5, dtype=tg.float64)
    grid = affine_grid(tg.eye(2, 3, dtype=tg.float64).expand(2, 2, 3), image.shape, align_corners)
    np.testing.assert_allclose(grid_sample(image, grid, mode, padding_mode, align_corners).numpy(), image.numpy(), atol=1e-12)


def test_a_turn_of_the_image_is_a_turn_of_the_array() -> None:
    image = tg.rand(1, 2, 4, 4, dtype=tg.float64)
    quarter = tg.tensor([[[0.0, -1.0, 0.0], [1.0, 0.0, 0.0]]], dtype=tg.float64)
    turned = grid_sample(image, affine_grid(quarter, image.shape, False), align_corners=False)
    np.testing.assert_allclose(turned.numpy(), np.rot90(image.numpy(), 1, (2, 3)), atol=1e-12)


@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
@pytest.mark.parametrize("padding_mode", ["zeros", "border", "reflection"])
def test_derivatives(mode: str, padding_mode: str) -> None:
    rng = np.random.default_rng(0)
    image, grid = tg.tensor(rng.standard_normal((1, 2, 3, 4))), tg.tensor(rng.uniform(-1.6, 1.6, (1, 3, 3, 2)))
    gradcheck(lambda x, at: grid_sample(x, at, mode, padding_mode, False), (image, grid))


def test_positions_that_are_no_numbers_give_zero_or_nan_and_read_nothing_else() -> None:
    out = grid_sample(tg.ones(1, 1, 2, 2), tg.full((1, 1, 1, 2), float("nan")), "nearest")
    assert out.item() == 0


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((tg.ones(1, 2, 3), tg.ones(1, 2, 2)), ShapeError, r"needs an input \(n, c, h, w\)"),
        ((tg.ones(1, 2, 3, 3), tg.ones(1, 2, 2, 3)), ShapeError, "grid_sample: needs an input"),
        ((tg.ones(2, 2, 3, 3), tg.ones(1, 2, 2, 2)), ShapeError, "grid_sample: needs an input"),
        ((tg.ones(1, 2, 3, 3), tg.ones(1, 2, 2, 2), "linear"), ArgumentError, "mode must be"),
        ((tg.ones(1, 2, 3, 3, 3), tg.ones(1, 2, 2, 2, 3), "bicubic"), ArgumentError, "mode must be"),
        ((tg.ones(1, 2, 3, 3), tg.ones(1, 2, 2, 2), "nearest", "wrap"), ArgumentError, "padding_mode must be"),
    ],
)
def test_refuses(arguments: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        grid_sample(*arguments)


def test_affine_grid_refuses() -> None:
    with pytest.raises(ShapeError, match=r"needs theta \(n, 2, 3\) with a size"):
        affine_grid(tg.ones(2, 2, 3), (1, 1, 4, 4))


def test_the_gradient_towards_the_grid_of_nearest_pixels_is_zero() -> None:
    grid = tg.full((1, 3, 2, 2), 0.3, requires_grad=True)
    grid_sample(tg.ones(1, 4, 2, 2), grid, "nearest").sum().backward()
    assert grid.grad is not None
    assert tg.equal(grid.grad, tg.zeros(1, 3, 2, 2))
