"""Ways to run a program. Each is one module whose `build` is a `Backend`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ..program import Program
from .c import build as write_c
from .executable import Executable
from .interpreter import build as interpret
from .numpy_source import build as write_numpy


class Backend(Protocol):
    """Makes a program executable. `others` are sources it made of the same step at other sizes, which may save it work."""

    def __call__(self, program: Program, others: Sequence[str] = ()) -> Executable: ...


BACKENDS: dict[str, Backend] = {"interpreter": interpret, "numpy_source": write_numpy, "c": write_c}
