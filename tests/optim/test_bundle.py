"""How parameters are divided into bundles, and that the division never shows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_reg as tg
from tinygrad_reg.optim import SGD, Adam
from tinygrad_reg.optim.bundle import BLOCK, SMALL


def stepped(params: list[Any], **options: Any) -> Any:
    optimizer = Adam(params, **options)
    for p in params:
        p.grad = tg.ones_like(p)
    optimizer.step()
    return optimizer


def positions(optimizer: Any) -> list[list[int]]:
    return [bundle.positions for bundle in optimizer._layouts[0].bundles]


def zeros(*shapes: int, dtype: Any = tg.float32) -> list[Any]:
    return [tg.zeros(n, dtype=dtype, requires_grad=True) for n in shapes]


def test_small_parameters_are_joined_and_large_ones_are_not() -> None:
    assert positions(stepped(zeros(3, SMALL + 1, 4, SMALL))) == [[0, 2, 3], [1]]


def test_dtypes_and_counts_stay_apart() -> None:
    params = zeros(3, 2) + zeros(2, 1, dtype=tg.float64)
    optimizer = stepped(params)
    assert positions(optimizer) == [[0, 1], [2, 3]]
    params[0].grad = None
    optimizer.step()
    params[0].grad = tg.ones(3)
    optimizer.step()
    assert positions(optimizer) == [[0], [1], [2, 3]]


def test_the_division_is_kept_while_nothing_changes() -> None:
    params = zeros(3, 2)
    optimizer = stepped(params)
    layout = optimizer._layouts[0]
    for _ in range(3):
        optimizer.zero_grad()
        for p in params:
            p.grad = tg.ones_like(p)
        optimizer.param_groups[0]["lr"] *= 0.5
        optimizer.step()
        assert optimizer._layouts[0] is layout


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("sizes", [(3, 1), (BLOCK // 8, 7), (BLOCK // 8, 2), (SMALL + 1, 3)])
def test_large_parameters_in_pieces_and_in_any_layout(order: Any, sizes: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    start, g = rng.standard_normal((2, *sizes))
    p = tg.from_numpy(np.array(start, order=order)).requires_grad_()
    p.grad = tg.tensor(g)
    optimizer = SGD([p], lr=0.5, momentum=0.9)
    optimizer.step()
    optimizer.step()
    buffer = 0.9 * g + g
    np.testing.assert_array_equal(p.detach().numpy(), (start - 0.5 * g) - 0.5 * buffer)
    np.testing.assert_array_equal(optimizer.state[p]["momentum_buffer"].numpy(), buffer)


def test_only_empty_parameters() -> None:
    optimizer = stepped(zeros(0, 0))
    assert [optimizer.state[p]["step"].item() for p in optimizer.param_groups[0]["params"]] == [1, 1]
