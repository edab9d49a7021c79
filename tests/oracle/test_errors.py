"""The table of wrong calls against torch: what a PyTorch user would catch also catches ours."""

from __future__ import annotations

from typing import Any

import pytest

import tinygrad_reg as tg

from ..wrong_calls import ROWS, Row, refusal

torch: Any = pytest.importorskip("torch")
pytestmark = pytest.mark.oracle


@pytest.mark.parametrize("row", ROWS, ids=[row.call for row in ROWS])
@pytest.mark.filterwarnings("ignore")
def test_torch_refuses_it_too_and_its_class_catches_ours(row: Row) -> None:
    theirs = refusal(torch, row.call)
    assert theirs is not None, f"torch accepts {row.call}"
    if isinstance(theirs, AttributeError):
        return  # an accident of torch's Python code: nobody catches that
    assert isinstance(refusal(tg, row.call), type(theirs)), f"torch raises {theirs!r}"
