"""Programs of NumPy's calls put together by hand, run by NumPy and by C."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_reg.compiler.backends.c import build
from tinygrad_reg.compiler.backends.interpreter import build as interpret
from tinygrad_reg.compiler.program import Equation, Program, Var, var_for


class Built:
    """Collects equations on example arrays; every result is one of the program."""

    def __init__(self) -> None:
        self.inputs: dict[Var, np.ndarray[Any, Any]] = {}
        self.constants: dict[Var, np.ndarray[Any, Any]] = {}
        self.equations: list[Equation] = []
        self._seen: dict[Var, np.ndarray[Any, Any]] = {}

    def array(self, array: Any) -> Var:
        """An input."""
        made = np.asarray(array)
        var = var_for(made)
        self.inputs[var] = self._seen[var] = made
        return var

    def constant(self, array: Any) -> Var:
        """A constant."""
        made = np.asarray(array)
        var = var_for(made)
        self.constants[var] = self._seen[var] = made
        return var

    def call(self, op: Any, *inputs: Any, **params: Any) -> Var:
        """The result of a call."""
        with np.errstate(all="ignore"):
            made = np.asarray(op.forward(*[self._seen[x] if isinstance(x, Var) else x for x in inputs], **params))
        var = var_for(made)
        self._seen[var] = made
        self.equations.append(Equation(op, inputs, params, (var,), ""))
        return var

    def program(self, *results: Var) -> Program:
        """What gives these results, or all."""
        inputs = tuple(self.inputs)
        wanted = results or tuple(var for e in self.equations for var in e.outputs)
        names = {var: f"x{i}" for i, var in enumerate(inputs)}
        return Program(inputs, (), (), self.constants, tuple(self.equations), (), (), wanted, (), names)

    def both(self, *results: Var) -> list[tuple[Any, Any]]:
        """Each result as NumPy gives it and as C does."""
        program = self.program(*results)
        arrays = list(self.inputs.values())
        with np.errstate(all="ignore"):
            expected, _ = interpret(program).run(arrays, [], [])
            found, _ = build(program).run(arrays, [], [])
        return list(zip(expected, found, strict=True))


def same(a: Any, b: Any) -> bool:
    """Equal in dtype, shape and every bit; nan is nan."""
    return a.dtype == b.dtype and a.shape == b.shape and bool(np.array_equal(a, b, equal_nan=a.dtype.kind == "f")) and _signs(a, b)


def _signs(a: Any, b: Any) -> bool:
    return a.dtype.kind != "f" or bool(np.array_equal(np.signbit(a[~np.isnan(a)]), np.signbit(b[~np.isnan(b)])))
