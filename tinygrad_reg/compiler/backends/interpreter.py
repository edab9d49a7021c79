"""Runs a program equation by equation as eager would: the oracle of all other backends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...engine.mutation import NDArray
from ...engine.primitive import silenced
from ..program import NotFinite, Program, Var
from .executable import Executable


def build(program: Program, others: Sequence[str] = ()) -> Executable:
    """A function that interprets the program as it is; texts for other sizes are of no use."""
    sources = (*program.inputs, *program.numbers, *program.captured)

    def run(inputs: Sequence[NDArray], numbers: Sequence[float], captured: Sequence[NDArray]) -> tuple[list[Any], list[Any]]:
        values: dict[Var, Any] = {**program.constants, **dict(zip(sources, (*inputs, *numbers, *captured), strict=True))}
        for equation in program.equations:
            given = [values[x] if isinstance(x, Var) else x for x in equation.inputs]
            values.update(zip(equation.outputs, equation.run(given), strict=True))
        if not all(np.isfinite(values[var]).all() for var in program.checked):
            raise NotFinite
        made = [[np.array(values[var]) for var in group] for group in (program.results, program.gradients)]
        for target, value in [(values[target], np.array(values[value])) for target, value in program.writes]:
            target[...] = value
        return made[0], made[1]

    return Executable(silenced(run), str(program), f"{len(program.equations)} equations, interpreted")
