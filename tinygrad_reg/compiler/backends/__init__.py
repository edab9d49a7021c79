"""Ways to run a program. Each is one module with `build(program) -> Executable`."""

from __future__ import annotations

from collections.abc import Callable

from ..program import Program
from .c import build as write_c
from .executable import Executable
from .interpreter import build as interpret
from .numpy_source import build as write_numpy

BACKENDS: dict[str, Callable[[Program], Executable]] = {"interpreter": interpret, "numpy_source": write_numpy, "c": write_c}
