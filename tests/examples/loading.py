"""The scripts of examples/ as modules, with this library or with torch in its place."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType

SCRIPTS = Path(__file__).parents[2] / "examples"


def load(name: str, library: str = "tinygrad_reg") -> ModuleType:
    """The script as a module, its `main` not run. Nothing but the name of the library in its import lines is replaced."""
    path = SCRIPTS / f"{name}.py"
    source, replaced = re.subn(r"^(import|from) tinygrad_reg\b", rf"\1 {library}", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert replaced > 0
    module = ModuleType(f"{name}_with_{library}")
    sys.modules[module.__name__] = module  # dataclasses look their module up
    exec(compile(source, str(path), "exec"), module.__dict__)
    return module
