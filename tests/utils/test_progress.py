"""Progress bars, with and without tqdm."""

from __future__ import annotations

import sys

import pytest

from tinygrad_reg.utils import progress


def test_without_tqdm_the_items_are_what_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tqdm", None)
    items = [1, 2]
    assert progress(items) is items


def test_with_tqdm_there_is_a_bar(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("tqdm", reason="the extra [examples] is not installed")
    assert list(progress(range(3), "train", disable=False)) == [0, 1, 2]
    assert "train: 100%" in capsys.readouterr().err
    assert list(progress(range(3))) == [0, 1, 2]
    assert capsys.readouterr().err == "", "no bar where stderr is no terminal"
