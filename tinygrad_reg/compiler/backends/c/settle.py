"""The last pass before kernels: every result is memory of its own, and no write waits for what another write destroys."""

from __future__ import annotations

from ...numpy_ops import AS_ARRAY, COPY, NumpyOp
from ...program import Equation, Program, Var


def settle(program: Program) -> Program:
    """The program with copies of results that would be views, sources or one array twice, and of sources that are written elsewhere."""
    behind = roots(program)
    made = {v for e in program.equations if isinstance(e.primitive, NumpyOp) and not e.primitive.view for v in e.outputs}
    numbers = {v for e in program.equations if e.primitive is AS_ARRAY for v in e.outputs}  # are in no memory
    fresh = made - numbers
    equations = list(program.equations)
    sources = set(program.sources())
    taken: set[Var] = set()

    def own(var: Var) -> Var:
        if var in fresh and var not in taken:
            taken.add(var)
            return var
        return copy(var)

    def copy(var: Var) -> Var:
        made = Var(var.shape, var.dtype, var.strides)
        equations.append(Equation(COPY, (var,), {}, (made,), ""))
        taken.add(made)
        return made

    results = tuple(map(own, program.results))
    gradients = tuple(map(own, program.gradients))
    writes = tuple([(target, copy(value) if behind.get(value, value) in sources | numbers else value) for target, value in program.writes])
    return program._replace(equations=tuple(equations), results=results, gradients=gradients, writes=writes)


def roots(program: Program) -> dict[Var, Var]:
    """For every view the variable whose memory it looks at."""
    found: dict[Var, Var] = {}
    for equation in program.equations:
        if equation.primitive.view:
            source = equation.inputs[0]
            found.update((var, found.get(source, source)) for var in equation.outputs)
    return found
