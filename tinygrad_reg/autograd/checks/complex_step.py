"""The derivative of an analytic function without subtraction: f'(x)·u = Im f(x + i·h·u) / h, exact to rounding for h = 1e-100.

(Squire and Trapp, SIAM Review 40, 1998.) f itself never sees a complex number: the forwards of the calls that it made are repeated
on complex arrays, if all of them are analytic.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Sequence
from functools import cache

import numpy as np

from ...engine.primitive import PRIMITIVES, Primitive
from .subject import Array, Differentiable, flat
from .tape import Tape, taped

_STEP = 1e-100
_SHIFT = 2.0**-9  # to another point, where the calls repeated must give what f gives
_EXACT = 1e-12
_REAL = 2.0**-20  # a real step, with which the derivative must be roughly the same: conj and abs know more than the real line
_ROUGH = 1e-6


def is_analytic(primitive: Primitive) -> bool:
    """Whether a forward may be run on complex numbers.

    It is declared for functions of the table; what has rules that name neither their own argument nor a result, nor what is computed
    of these, is linear in each argument.
    """
    return bool(getattr(primitive, "analytic", False)) or (PRIMITIVES.get(primitive.name) is primitive and _is_multilinear(primitive))


@cache
def _is_multilinear(primitive: Primitive) -> bool:
    made = {"out", *primitive.results, *primitive.shared}
    return not any({name, *made} & set(inspect.signature(rule).parameters) for name, rule in primitive.rules.items() if rule is not None)


def complex_step(problem: Differentiable, values: Array, direction: Sequence[Array]) -> Callable[[Sequence[Array]], Array] | None:
    """A function from a direction in the arguments to the derivative of all outputs along it; None if f is not known to be analytic.

    `values` are those of f. The calls repeated at a point in the direction given must have the values f has there: then
    nothing has passed them by, such as a number taken out of a tensor and put into another. And a real step must give roughly the same
    derivative: a forward may do with complex numbers something else than what it does with real ones.
    """
    tape = Tape()
    run = taped(lambda: problem.run(problem.arrays), tape)
    if not tape.faithful or not all(is_analytic(call.primitive) for call in tape.calls):
        return None
    starts, ends = [x.array for x in run.leaves], [y.array for y in run.outputs]

    def replayed(moved: Sequence[Array]) -> Array:
        made = tape.replay({id(x): y for x, y in zip(starts, moved, strict=True)})
        return np.concatenate([made.get(id(y), y).ravel() for y in ends])

    def slope(u: Sequence[Array]) -> Array:
        imaginary = _strictly(tape, replayed, [x + 1j * (_STEP * v) for x, v in zip(starts, u, strict=True)])
        return np.asarray(imaginary.imag / _STEP, np.float64)

    def moved(h: float) -> list[Array]:
        return [x + h * u for x, u in zip(starts, direction, strict=True)]

    try:
        with np.errstate(all="ignore"):
            there, again = problem.run(moved(_SHIFT), record=False).values(), flat([replayed(moved(_SHIFT))])
            real = (flat([replayed(moved(_REAL))]) - flat([replayed(moved(-_REAL))])) / (2.0 * _REAL)
            exact = slope(direction)
    except Exception:  # whatever a forward makes of complex numbers, or f of the other point: there is another way
        return None
    size = float(np.abs(values[np.isfinite(values)]).max(initial=0.0))
    same = np.isclose(there, again, rtol=_EXACT, atol=_EXACT * size, equal_nan=True)
    alike = np.isclose(exact, real, rtol=_ROUGH, atol=_ROUGH * size, equal_nan=True)
    return slope if same.all() and alike.all() else None


def _strictly(tape: Tape, replayed: Callable[[Sequence[Array]], Array], moved: Sequence[Array]) -> Array:
    """Replay, refusing a forward that drops the imaginary part."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("error")
        return replayed(moved)
