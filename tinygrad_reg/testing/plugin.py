"""The pytest plugin: a `gradcheck` fixture whose random directions depend on the test's name alone, and --gradcheck-seed."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

import pytest

from ..autograd.checks import gradcheck


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --gradcheck-seed."""
    parser.addoption("--gradcheck-seed", type=int, default=None, help="seed of the gradcheck fixture (default: from each test's name)")


@pytest.fixture(name="gradcheck")
def gradcheck_fixture(request: pytest.FixtureRequest) -> Callable[..., bool]:
    """`tinygrad_reg.testing.gradcheck` with a seed of this test's own: the same on every run and machine."""
    chosen = request.config.getoption("--gradcheck-seed")
    seed = zlib.crc32(request.node.nodeid.encode()) if chosen is None else chosen

    def check(f: Callable[..., Any], inputs: Any, **options: Any) -> bool:
        return gradcheck(f, inputs, **{"seed": seed, **options})

    return check
