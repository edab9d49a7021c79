"""one_hot."""

from __future__ import annotations

import pytest

import tinygrad_reg as tg
from tinygrad_reg.errors import ArgumentError, ArgumentTypeError, DtypeError
from tinygrad_reg.nn import functional as F


def test_one_hot() -> None:
    assert F.one_hot(tg.tensor([1, 0])).tolist() == [[0, 1], [1, 0]]
    assert F.one_hot(tg.tensor(2), 4).tolist() == [0, 0, 1, 0]
    assert F.one_hot(tg.zeros(2, 0, dtype=tg.int64), 3).shape == (2, 0, 3)
    assert F.one_hot(tg.tensor([1, 0])).dtype == tg.int64


def test_what_are_no_classes() -> None:
    with pytest.raises(ArgumentError, match="0 to 1 for 2 classes, got 2"):
        F.one_hot(tg.tensor([0, 2]), 2)
    with pytest.raises(ArgumentError, match="got -1"):
        F.one_hot(tg.tensor([0, -1]))
    with pytest.raises(DtypeError, match="integers"):
        F.one_hot(tg.tensor([0.0]))
    with pytest.raises(ArgumentError, match="empty"):
        F.one_hot(tg.zeros(0, dtype=tg.int64))
    with pytest.raises(ArgumentError, match="positive"):
        F.one_hot(tg.tensor([0]), 0)
    with pytest.raises(ArgumentTypeError, match="expected a tensor"):
        F.one_hot([1])  # type: ignore[arg-type]
