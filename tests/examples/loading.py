"""The scripts of examples/ as modules, with this library or with torch in its place."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

DIRECTORY = Path(__file__).parents[2] / "examples"

#: The flags that make a script a test: 20 steps at least, and two epochs, so that the order of the data is drawn anew.
SMALL = {
    "digits": ["--epochs", "2", "--batch-size", "64"],
    "digits_cnn": ["--epochs", "2", "--batch-size", "128"],
    "vae": ["--epochs", "2", "--batch-size", "128", "--width", "32"],
    "char_gpt": ["--steps", "24", "--batch-size", "4", "--length", "40"],
    "lstm_sine": ["--steps", "24", "--batch-size", "4"],
}
NEEDS_SCIKIT_LEARN = {"digits", "digits_cnn", "vae"}


def load(name: str, library: str = "tinygrad_reg") -> ModuleType:
    """The script as a module, its `main` not run. Nothing but the name of the library in its import lines is replaced.

    Skips the test where scikit-learn is needed and absent.
    """
    if name in NEEDS_SCIKIT_LEARN:
        pytest.importorskip("sklearn")
    path = DIRECTORY / f"{name}.py"
    source, replaced = re.subn(r"^(import|from) tinygrad_reg\b", rf"\1 {library}", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert replaced > 0
    module = ModuleType(name)
    module.__file__ = str(path)
    sys.modules[module.__name__] = module  # dataclasses look their module up
    exec(compile(source, str(path), "exec"), module.__dict__)
    return module
