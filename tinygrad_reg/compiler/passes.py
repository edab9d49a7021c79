"""Passes: functions Program -> Program that keep every bit of the results; `lower_freely` and `lower_plainly` keep them within rounding."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..engine.primitive import PRIMITIVES, silent_copy
from ..ops.assign import copied
from ..ops.random import draw_p
from .lowering import EXACT, PLAIN, lower
from .numpy_ops import AS_ARRAY, CONCATENATE, COPY, JOIN, RAVEL, RESHAPE, ROOM, NumpyOp
from .program import Equation, Program, Var, substitute, var_for

Pass = Callable[[Program], Program]


def is_pure(equation: Equation) -> bool:
    """Whether the results depend on the inputs alone; random draws advance their generator."""
    return equation.primitive is not draw_p


def is_missed(equation: Equation) -> bool:
    """Whether leaving the equation out would be noticed though nobody needs its results: it draws numbers, or may raise an error."""
    fails = equation.primitive.fails
    return not is_pure(equation) or (fails(*equation.inputs) if callable(fails) else fails)


def prune(program: Program) -> Program:
    """Without equations that nobody needs or misses, and without their constants."""
    needed = set(program.sinks())
    kept = []
    for equation in reversed(program.equations):
        if is_missed(equation) or any(var in needed for var in equation.outputs):
            needed.update(equation.reads())
            kept.append(equation)
    constants = {var: array for var, array in program.constants.items() if var in needed}
    return program._replace(equations=tuple(reversed(kept)), constants=constants)


def forward_copies(program: Program) -> Program:
    """Without copies: a variable never changes, so a copy with the same layout is the original."""
    clone = PRIMITIVES["clone"]
    replacement: dict[Var, Var] = {}
    kept = []
    for equation in program.equations:
        source = equation.inputs[1] if equation.primitive is copied else equation.inputs[0] if equation.inputs else None
        source = replacement.get(source, source) if isinstance(source, Var) else source
        is_copy = equation.primitive in (clone, copied, COPY)
        if is_copy and isinstance(source, Var) and source.like(equation.outputs[0]):
            replacement[equation.outputs[0]] = source
        else:
            kept.append(_renamed(equation, replacement))
    return substitute(program, replacement, kept)


def tidy(program: Program) -> Program:
    """What a trace leaves behind, taken away: copies, and what nobody needs."""
    return prune(forward_copies(program))


def share(program: Program) -> Program:
    """The same call on the same inputs is made once; equal constants are one."""
    replacement: dict[Var, Var] = {}
    seen: dict[Any, tuple[Var, ...]] = {}
    constants: dict[Var, Any] = {}
    key: Any
    for var, array in program.constants.items():
        key = (array.shape, array.dtype, array.strides, array.tobytes())
        first = seen.setdefault(key, (var,))[0]
        if first is var:
            constants[var] = array
        else:
            replacement[var] = first
    kept = []
    for equation in program.equations:
        equation = _renamed(equation, replacement)
        if is_pure(equation) and equation.primitive is not ROOM:  # each is written
            try:
                key = (id(equation.primitive), tuple(map(_frozen, equation.inputs)), _frozen(equation.params))
                first_outputs = seen.setdefault(key, equation.outputs)
            except TypeError:  # a keyword that cannot be hashed
                first_outputs = equation.outputs
            if first_outputs is not equation.outputs:
                replacement.update(zip(equation.outputs, first_outputs, strict=True))
                continue
        kept.append(equation)
    return substitute(program._replace(constants=constants), replacement, kept)


def fold(program: Program) -> Program:
    """Equations on constants alone are computed now."""
    constants = dict(program.constants)
    kept = []
    for equation in program.equations:
        known = [constants[x] if isinstance(x, Var) and x in constants else x for x in equation.inputs]
        if not known or any(isinstance(x, Var) for x in known) or not is_pure(equation) or equation.outputs[0].dtype is None:
            kept.append(equation)
            continue
        for var, array in zip(equation.outputs, silent_copy().run(equation.run, known), strict=True):
            constants[var] = array.copy(order="K")
    return program._replace(equations=tuple(kept), constants=constants)


def join_flat(program: Program) -> Program:
    """The concatenation of flattened arrays takes them as they are: it reads them in the same order."""
    flattened = {e.outputs[0]: e.inputs[0] for e in program.equations if e.primitive in (RESHAPE, RAVEL) and len(e.outputs[0].shape) == 1}
    kept = []
    for equation in program.equations:
        if equation.primitive is CONCATENATE and all(isinstance(x, Var) and len(x.shape) == 1 for x in equation.inputs):
            inputs = tuple([flattened.get(x, x) for x in equation.inputs])
            equation = equation._replace(primitive=JOIN, inputs=inputs, params={})
        kept.append(equation)
    return program._replace(equations=tuple(kept))


def check_joined(program: Program) -> Program:
    """Gradients that are joined into one vector are checked there, at once."""
    joined = {x: e.outputs[0] for e in program.equations if e.primitive is JOIN for x in e.reads()}
    checked = dict.fromkeys(joined.get(var, var) for var in program.checked)
    return program._replace(checked=tuple(checked))


def type_numbers(program: Program) -> Program:
    """Python numbers beside arrays as 0-d arrays of their dtype: NumPy converts to the same value, but anew at every call."""
    constants = dict(program.constants)
    kept: list[Equation] = []
    for equation in program.equations:
        op = equation.primitive
        dtypes = {x.dtype for x in equation.reads() if x.dtype is not None}
        if isinstance(op, NumpyOp) and op.elementwise and len(dtypes) == 1 and (dtype := dtypes.pop()).kind == "f":
            inputs = []
            for x in equation.inputs:
                if type(x) is float or type(x) is int or (isinstance(x, np.generic) and x.dtype == dtype):
                    array = silent_copy().run(np.asarray, x, dtype)
                    x = var_for(array)
                    constants[x] = array
                elif isinstance(x, Var) and x.dtype is None:
                    converted = Var((), dtype, ())
                    kept.append(Equation(AS_ARRAY, (x,), {"dtype": dtype}, (converted,), equation.line))
                    x = converted
                inputs.append(x)
            equation = equation._replace(inputs=tuple(inputs))
        kept.append(equation)
    return program._replace(equations=tuple(kept), constants=constants)


def late(program: Program) -> tuple[tuple[Equation, ...], tuple[Equation, ...]]:
    """The equations before and after the gradients are checked: after it comes what only the writes need and nothing can stop."""
    needed = {*program.checked, *program.results, *program.gradients}
    early = set()
    for i, equation in reversed(list(enumerate(program.equations))):
        if is_missed(equation) or any(var in needed for var in equation.outputs):
            needed.update(equation.reads())
            early.add(i)
    before = tuple([e for i, e in enumerate(program.equations) if i in early])
    return before, tuple([e for i, e in enumerate(program.equations) if i not in early])


def _renamed(equation: Equation, replacement: dict[Var, Var]) -> Equation:
    return equation._replace(inputs=tuple([replacement.get(x, x) if isinstance(x, Var) else x for x in equation.inputs]))


def _frozen(x: Any) -> Any:
    """A hashable key that tells 1, 1.0, True and -0.0 apart."""
    if isinstance(x, dict):
        return tuple([(name, _frozen(value)) for name, value in x.items()])
    if isinstance(x, (tuple, list)):
        return type(x), tuple(map(_frozen, x))
    if isinstance(x, float):
        return type(x), x.hex()
    if isinstance(x, slice):
        return slice, x.start, x.stop, x.step
    hash(x)
    return type(x), x


def lower_freely(program: Program) -> Program:
    """Lowered to the calls that eager makes, or where that cannot be written down, to others that do the same."""
    return lower(program, (EXACT, PLAIN))


def lower_plainly(program: Program) -> Program:
    """Lowered as a backend wants it that makes its own loops."""
    return lower(program, (PLAIN,))


SIMPLIFY: tuple[Pass, ...] = (forward_copies, share, fold, prune)
TO_NUMPY: tuple[Pass, ...] = (*SIMPLIFY, lower_freely, type_numbers, join_flat, *SIMPLIFY, check_joined)
TO_LOOPS: tuple[Pass, ...] = (*SIMPLIFY, lower_plainly, type_numbers, join_flat, *SIMPLIFY, check_joined)


def optimize(program: Program, passes: tuple[Pass, ...] = TO_NUMPY) -> Program:
    """The program after all these passes."""
    for rewrite in passes:
        program = rewrite(program)
    return program
