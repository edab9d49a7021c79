"""Strong zero: a cotangent that is exactly 0 contributes exactly 0, even where the local derivative is inf or nan.

This is what makes `where(x > 0, log(x), 0)` differentiable at x <= 0: the branch not taken receives 0, and 0 · inf must
not turn it into nan. It is applied by the engine, behind every elementwise rule that multiplies by a saved value, so no
rule can forget it. A nan that comes from a nonzero cotangent still surfaces.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .mutation import Array
from .node import Value, array_of
from .plain import filled
from .primitive import primitive
from .selection import choose, zero_of
from .state import state


@primitive
def masked(x: Array, mask: Array) -> Array:
    """x, with exact 0 where the mask is true, which may be True for all elements."""
    if mask is True:
        return filled(x, x.shape)
    return choose(mask, zero_of(x.dtype), x)


masked.vjp(x=lambda g, mask: masked(g, mask), mask=None)


def linked(part: Any, x: Any) -> Any:
    """`part` of a gradient, which x decides only by the piece it is in, in a graph that leads to x: there the derivative is 0, not absent.

    So a gradient of relu can be differentiated again, as PyTorch's can.
    """
    return part + masked(x, True) if state.grad_enabled and isinstance(part, Value) and isinstance(x, Value) else part


def strong_zero(part: Any, cotangent: Any) -> Any:
    """`part`, what an elementwise rule made of `cotangent`, with 0 where the cotangent is 0 and the part is not finite.

    The walk calls it when the part's dot product with itself is not finite: one pass at the speed of BLAS.
    """
    array = array_of(part)
    dead = ~np.isfinite(array)
    for g in cotangent if isinstance(cotangent, tuple) else (cotangent,):  # a tuple: of several results
        dead &= array_of(g) == 0
    if not dead.any():
        return part
    if state.tracer is not None:
        state.tracer.unrepeatable("a gradient meets 0 · inf, which the eager step resolves by looking at the values")
    return masked(part, dead)
