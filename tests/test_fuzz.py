"""Every public function with arguments that nobody should give: a result or a documented error, at once, and nothing else.

`python -m tests.fuzzing 600` calls for ten minutes; see there for what is drawn and what counts as an offence.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_reg as tg
from tinygrad_reg.errors import ArgumentError, TinygradRegError

from . import fuzzing
from .fuzzing import FAMILIES, as_text, constructors, draw_call, draw_construction, offence

ROOM = 2**31  # bytes that a wrong size may take before the system refuses


@pytest.fixture(autouse=True, scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A text is a file name for some functions: what they write goes to a directory of its own."""
    before = os.getcwd()
    os.chdir(tmp_path_factory.mktemp("fuzz"))
    yield
    os.chdir(before)


@pytest.fixture(autouse=True, scope="module")
def _little_memory() -> Iterator[None]:
    """Let the system refuse what a wrong size asks for, instead of giving it."""
    if sys.platform != "linux":  # pragma: no cover
        yield
        return
    import resource

    with open("/proc/self/statm") as statm:
        used = int(statm.read().split()[0]) * resource.getpagesize()
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + ROOM, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


def _example(data: st.DataObject, names: list[tuple[str, Any]]) -> None:
    name, function = data.draw(st.sampled_from(names), label="function")
    args, kwargs = draw_call(name, function, lambda options: data.draw(st.sampled_from(options)))
    text = as_text(name, args, kwargs)
    wrong = offence(name, function, args, kwargs)
    assert wrong is None, f"{text} {wrong}"


@pytest.mark.parametrize("space", ["nn.", "optim.", "lr_scheduler.", "data."])
@given(data=st.data())
def test_constructors_give_an_object_or_a_documented_error(space: str, data: st.DataObject) -> None:
    classes = [(name, made) for name, made in constructors() if name.startswith(space)]
    name, constructor = data.draw(st.sampled_from(classes), label="class")
    args, kwargs = draw_construction(name, constructor, lambda options: data.draw(st.sampled_from(options)))
    text = as_text(name, args, kwargs)
    wrong = offence(name, constructor, args, kwargs)
    assert wrong is None, f"{text} {wrong}"


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_nothing_but_a_result_or_a_documented_error(family: str) -> None:
    names = FAMILIES[family]
    examples = min(settings().max_examples * len(names) // 4, 1500)  # beyond that hypothesis itself takes most of the time
    settings(max_examples=examples)(given(st.data(), st.just(names))(_example))()


# ---- the judge itself ------------------------------------------------------------------------------------------------------


def _sleeps() -> None:
    while True:
        pass


def _warns(x: Any) -> None:
    import warnings

    warnings.warn("overflow", RuntimeWarning, stacklevel=1)


def _changes(x: Any) -> None:
    x.array[...] = 7.0


def _raises(x: Any) -> None:
    raise AttributeError("shape")


def _backward_raises(x: Any) -> tg.Tensor:
    y = x * 2.0
    y.register_hook(lambda g: g[0, 0, 0])
    return y


def _refuses(x: Any) -> None:
    raise ArgumentError("refuses: x must be something else, got this")


def _mumbles(x: Any) -> None:
    raise ArgumentError("no")


@pytest.mark.parametrize(
    ("function", "arguments", "wanted"),
    [
        (_sleeps, [], "too long"),
        (_warns, [1], "RuntimeWarning"),
        (_changes, [1], "changes"),
        (_raises, [1], "AttributeError"),
        (_mumbles, [1], "says only"),
        (_refuses, [1], None),
        (_refuses, [], None),  # the signature's own TypeError
        (_backward_raises, [1], None),  # an error of ours
    ],
)
def test_the_judge(function: Any, arguments: list[int], wanted: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fuzzing, "SECONDS", 0.05)
    args = [tg.ones(2, 2, requires_grad=True) for _ in arguments]
    found = offence("function", function, args, {})
    assert found is None if wanted is None else wanted in str(found)


@pytest.mark.parametrize("array", [np.array([1, 1]), np.array([(1.0,)], dtype=[("x", np.float32)])], ids=["integers", "records"])
@pytest.mark.parametrize("call", [tg.set_float32_matmul_precision, lambda word: tg.ones(2).div_(2.0, rounding_mode=word)])
def test_arrays_are_no_words(call: Any, array: Any) -> None:
    with pytest.raises(TinygradRegError, match='rounding_mode must be|must be "highest"'):
        call(array)
