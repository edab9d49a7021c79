"""A cache of the test's own, and a process that remembers nothing of compilers it saw before."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tinygrad_reg.compiler.backends.c import toolchain

needs_compiler = pytest.mark.skipif(toolchain.compiler() is None, reason=toolchain.missing())


def forget() -> None:
    for remembered in (toolchain._search, toolchain._load, toolchain._warn_once):
        remembered.cache_clear()


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder in which entries appear; it does not exist yet."""
    monkeypatch.setenv("TINYGRAD_REG_CACHE", str(tmp_path))
    forget()
    yield tmp_path / "tinygrad_reg"
    forget()
