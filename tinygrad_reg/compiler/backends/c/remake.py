"""A pass: copies that only rearrange a smaller array, as the windows of a convolution, are made again instead of being kept.

Kept from forward to backward they would be most of a step's memory. By then they have left the cache, so that reading them
costs what making them again from the smaller array does.
"""

from __future__ import annotations

from math import prod

from ...passes import prune
from ...program import Equation, Program, Var
from .kernels import Views


def remake(program: Program) -> Program:
    """The program with another such copy before a reader, if more than its own size was made since it was last used."""
    return prune(program._replace(equations=tuple(_Remaking(program).equations)))


class _Remaking:
    def __init__(self, program: Program) -> None:
        self.equations: list[Equation] = []
        self._views = Views()
        self._copies: dict[Var, Equation] = {}
        self._used: dict[Var, int] = {}  # how much was made before a copy was used last
        self._now: dict[Var, Var] = {}  # the latest making of a copy
        made = 0
        for equation in program.equations:
            if equation.primitive.view:
                self._look(equation, made)
                self.equations.append(equation)
            else:
                inputs = tuple([self._read(x, made) if isinstance(x, Var) and x.dtype is not None else x for x in equation.inputs])
                self.equations.append(equation._replace(inputs=inputs))
                made += sum(map(_size, equation.outputs))

    def _look(self, equation: Equation, made: int) -> None:
        """Note a view, or a copy in disguise that is larger than what it rearranges."""
        if not self._views.add(equation) and _size(equation.outputs[0]) > _size(self._views.base(equation.inputs[0])):
            self._copies[equation.outputs[0]] = equation
            self._used[equation.outputs[0]] = made

    def _read(self, x: Var, made: int) -> Var:
        """What to read for x now."""
        base = self._views.base(x)
        if base not in self._copies:
            return x
        if made - self._used[base] > _size(base):
            self._now[base] = self._again(self._copies[base], self._copies[base].inputs[0])
        self._used[base] = made
        return self._through(x) if base in self._now else x

    def _through(self, x: Var) -> Var:
        """The same view of the latest copy."""
        if x in self._now:
            return self._now[x]
        equation = self._views.made_by[x]
        return self._again(equation, self._through(equation.inputs[0]))

    def _again(self, equation: Equation, source: Var) -> Var:
        [out] = equation.outputs
        again = Var(out.shape, out.dtype, out.strides)
        self.equations.append(equation._replace(inputs=(source, *equation.inputs[1:]), outputs=(again,)))
        return again


def _size(var: Var) -> int:
    return prod(var.shape) * (var.dtype.itemsize if var.dtype is not None else 0)
