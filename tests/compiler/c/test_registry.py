"""Every primitive that has a plain form, as C: all its examples in one function, within rounding of the forward."""

from __future__ import annotations

import numpy as np
import pytest

from tinygrad_reg.compiler.backends import BACKENDS
from tinygrad_reg.compiler.program import Program

from ...test_registry import CALLED
from ..test_plain import calls, is_opaque, outcome
from .conftest import needs_compiler

pytestmark = [needs_compiler, pytest.mark.slow]  # two hundred libraries are compiled


def joined(programs: list[Program]) -> Program:
    """One program that does what all these do."""
    inputs = tuple([var for program in programs for var in program.inputs])
    constants = {var: array for program in programs for var, array in program.constants.items()}
    equations = tuple([e for program in programs for e in program.equations])
    results = tuple([var for program in programs for var in program.results])
    return Program(inputs, (), (), constants, equations, (), (), results, (), {var: f"x{i}" for i, var in enumerate(inputs)})


@pytest.mark.parametrize("name", CALLED)
def test_c_gives_what_the_forward_gives(name: str) -> None:
    both = (call for dtype in ("float64", "float16") for call in calls(name, dtype))  # C computes with the one, and leaves the other alone
    done = [outcome(name, args, params, plain=True) for args, params in both]
    done = [(program, given, expected) for program, given, expected in done if not is_opaque(program)]
    program = joined([program for program, _, _ in done])
    given = [x.copy(order="K") for _, arrays, _ in done for x in arrays]
    found, _ = BACKENDS["c"](program).run(given, [], [])
    for x, y in zip(found, (y for _, _, expected in done for y in expected), strict=True):
        assert (x.shape, x.dtype) == (y.shape, y.dtype)
        eps = 64 * float(np.finfo(x.dtype).eps) if x.dtype.kind == "f" else 0.0
        np.testing.assert_allclose(x, y, rtol=eps, atol=eps * np.abs(y[np.isfinite(y)]).max(initial=1.0))
