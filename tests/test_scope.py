"""Every name of the scope exists."""

from __future__ import annotations

from . import scope


def test_nothing_is_missing() -> None:
    assert scope.missing() == []


def test_the_search_itself() -> None:
    assert scope.exists("div.floor_rounding")
    assert scope.exists("nn.functional.pad.reflect")
    assert not scope.exists("nn.functional.no_such_function")
    assert not scope.exists("no_such_function")
    assert scope.exists("nn.Conv2d")
    assert not scope.exists("nn.NoSuchLayer")
