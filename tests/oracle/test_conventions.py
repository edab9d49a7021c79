"""The rows of tests/conventions.py are what PyTorch does, and those with a star are not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.conventions import ROWS, Row, derivatives

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore:.*degrees of freedom")


def agrees(got: Any, wanted: Any) -> bool:
    return np.shape(got) == np.shape(wanted) and np.allclose(got, np.asarray(wanted, float), rtol=1e-8, atol=1e-12, equal_nan=True)


def difference(row: Row) -> str:
    """What torch does otherwise; nothing if it does the same, or has nan for a second derivative that we know."""
    try:
        value, first, second = derivatives(torch, row, create_graph=row.second is not None)
    except (RuntimeError, NotImplementedError) as error:
        return "" if row.value == "refused" else f"{type(error).__name__}: {error}"
    if not agrees(value, row.value):
        return f"value {value}, expected {row.value}"
    for got, wanted in zip(first, row.first, strict=True):
        if not agrees(got, wanted):
            return f"first derivative {got}, expected {wanted}"
    for got, wanted in zip(second, row.second or second, strict=True):
        if not agrees(np.where(np.isnan(got), np.nan if row.star else wanted, got), wanted):
            return f"second derivative {got}, expected {wanted}"
    return ""


@pytest.mark.parametrize("row", [row for row in ROWS if not row.star], ids=lambda row: row.what)
def test_torch_does_it(row: Row) -> None:
    assert not difference(row)


@pytest.mark.parametrize("row", [row for row in ROWS if row.star], ids=lambda row: row.what)
def test_a_star_is_a_difference(row: Row) -> None:
    """If PyTorch comes to agree, the star must go."""
    assert difference(row)
