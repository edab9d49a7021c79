"""Without the package tensorboard there is an error that says what to do; tests/oracle has the files."""

from __future__ import annotations

import sys

import pytest

from tinygrad_reg.utils.tensorboard import SummaryWriter


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorboard.compat.proto", None)
    with pytest.raises(ImportError, match=r"pip install tensorboard.*JsonLinesWriter"):
        SummaryWriter()
