"""Comparisons with torch: all of them marked `oracle`, on one thread."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

torch: Any
try:
    import torch
except ImportError:
    torch = None

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of this folder; the hook sees those of all folders."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker("oracle")


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    """Let torch leave the other cores to others."""
    if torch is not None:
        torch.set_num_threads(1)
