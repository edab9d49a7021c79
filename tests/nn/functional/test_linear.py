"""Products with weights."""

from __future__ import annotations

import pytest

import tinygrad_reg as tg
from tinygrad_reg.errors import ShapeError
from tinygrad_reg.nn import functional as F


def test_bilinear() -> None:
    x, y, weight = tg.tensor([[1.0, 2.0]]), tg.tensor([[3.0]]), tg.ones(4, 2, 1)
    assert F.bilinear(x, y, weight).tolist() == [[9.0] * 4]
    assert F.bilinear(x, y, weight, tg.ones(4)).tolist() == [[10.0] * 4]


@pytest.mark.parametrize("shapes", [((2, 3), (2, 4), (5, 4, 3)), ((2, 3), (3, 4), (5, 3, 4)), ((2, 3), (2, 4), (3, 4))])
def test_bilinear_says_what_does_not_fit(shapes: tuple[tuple[int, ...], ...]) -> None:
    with pytest.raises(ShapeError, match=r"input1 \(2, 3\)"):
        F.bilinear(*[tg.ones(shape) for shape in shapes])
