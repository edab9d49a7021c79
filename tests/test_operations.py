"""The page of operations is the one that the registry gives, and says something of each."""

from __future__ import annotations

import pytest

import tinygrad_reg as tg
from tinygrad_reg.engine.primitive import PRIMITIVES

from . import operations
from .test_registry import CALLED


def test_the_page_is_what_the_registry_gives() -> None:
    assert operations.PAGE.read_text(encoding="utf-8") == operations.text(), "run python -m tests.operations"


@pytest.mark.parametrize("name", CALLED)
def test_every_primitive_has_a_formula(name: str) -> None:
    assert operations.first_line(PRIMITIVES[name]), f"{name} needs a docstring: a formula or a sentence"


def test_a_derivative_is_quoted_from_its_line() -> None:
    assert operations.derivative(PRIMITIVES["sqrt"]) == "`g / (2.0 * out)`"
    assert operations.derivative(PRIMITIVES["div"]) == "x: `g / y`<br>y: `-g * (x / y / y)`"
    assert operations.derivative(PRIMITIVES["isnan"]) == "none"
    assert operations.derivative(PRIMITIVES["elu"]) == "`_elu_rule(...)`"


def test_a_function_is_found_behind_private_ones_and_modules() -> None:
    functions = dict(operations.public())
    known = {id(f): name for name, f in functions.items()}
    assert operations.calls(tg.round, known) == ["positive", "round"]
    assert "power" in operations.calls(tg.pow, known)
    assert "mse_loss" in operations.calls(tg.nn.functional.mse_loss, known)
