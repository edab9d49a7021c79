"""What every backend makes of a program."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from ...engine.mutation import NDArray


class Executable(NamedTuple):
    """`run(inputs, numbers, captured) -> (results, gradients)`, which also writes; the text it was made of, and a few words.

    Results and gradients are memory of their own, which no later call touches. Raises NotFinite before anything is written. What NumPy
    would warn of it keeps to itself, as eager does.
    If it `recycles`, a fourth argument gives memory for gradients, by their position, in which what is returned may be.
    """

    run: Callable[..., tuple[Sequence[Any], Sequence[Any]]]
    source: str
    summary: str
    recycles: bool = False
    export: Callable[[str, Sequence[NDArray]], None] | None = None  # to a folder, with what captured arrays hold
