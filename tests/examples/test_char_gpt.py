"""What the character GPT is made of: pieces of a text, attention to the past alone, and what is written."""

from __future__ import annotations

import math
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import tinygrad_reg as tg
from tests.examples.loading import load


@pytest.fixture(scope="module")
def script() -> ModuleType:
    return load("char_gpt")


@pytest.fixture(scope="module")
def parts(script: ModuleType) -> tuple[Any, Any, Any]:
    flags = script.parse(["--length", "50"])
    data = script.make_data(flags)
    return script.make_model(data, flags), data, flags


def test_the_text_comes_back_from_its_numbers(script: ModuleType, parts: tuple[Any, Any, Any]) -> None:
    _, data, flags = parts
    numbers = [*data.train.tolist(), *data.validation.tolist()]
    assert "".join(data.alphabet[number] for number in numbers) == flags.text.read_text(encoding="utf-8")
    assert len(data.validation) == len(numbers) // 10


def test_every_character_has_its_follower(script: ModuleType) -> None:
    given, following = script.pieces(tg.arange(100), np.array([0, 67]))
    assert given[1].tolist() == list(range(67, 99))
    assert following.tolist() == (given + 1).tolist()


def test_a_position_sees_nothing_of_what_follows(script: ModuleType, parts: tuple[Any, Any, Any]) -> None:
    model, data, _ = parts
    given, _ = script.pieces(data.train, np.array([5, 1000]))
    changed = given.clone()
    changed[:, 20:] = (changed[:, 20:] + 1) % len(data.alphabet)
    before, after = model(given), model(changed)
    assert tg.allclose(before[:, :20], after[:, :20], atol=1e-6)
    assert not tg.allclose(before[:, 20], after[:, 20], atol=1e-2)


def test_an_untrained_model_knows_nothing(script: ModuleType, parts: tuple[Any, Any, Any]) -> None:
    model, data, _ = parts
    assert script.evaluate(model, data) == pytest.approx(math.log(len(data.alphabet)), abs=0.3)
    assert 2.5 < script.letter_entropy(data) < math.log(len(data.alphabet))


def test_writes_what_the_scores_say(script: ModuleType, parts: tuple[Any, Any, Any]) -> None:
    """A model that is sure of a cycle through the alphabet writes the cycle, beyond the length of what it can read."""
    _, data, flags = parts
    count = len(data.alphabet)
    written = script.write(lambda numbers: 1e3 * tg.eye(count)[(numbers + 1) % count], data, flags)
    start = data.alphabet.index("\n") + 1
    assert written == "".join(data.alphabet[(start + i) % count] for i in range(50)).strip()


def test_reads_another_text(script: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("abc " * 100, encoding="utf-8")
    flags = script.parse(["--text", str(tmp_path / "text"), "--steps", "40"])
    data = script.make_data(flags)
    assert data.alphabet == [" ", "a", "b", "c"]
    model = script.make_model(data, flags)
    script.train(model, data, flags)
    assert script.evaluate(model, data) < 0.3
