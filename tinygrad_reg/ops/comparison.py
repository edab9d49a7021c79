"""Do two tensors agree: exactly, or up to rounding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..engine.mutation import Array
from ..engine.node import Value, array_of
from ..engine.refusal import typed_errors
from ..engine.state import State, state
from ..errors import ArgumentError, ShapeError
from .arguments import shape_of
from .elementwise import eq
from .pointwise import Elementwise, check_broadcast, numbers

if TYPE_CHECKING:
    from ..tensor import Tensor

_FLOAT32 = np.dtype(np.float32)


@typed_errors
def isclose(input: Tensor, other: Tensor, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> Tensor:
    """|input - other| <= atol + rtol · |other|, elementwise; inf is close to inf, nan to nothing unless `equal_nan`.

    >>> tg.isclose(tg.tensor([1.0, tg.nan]), tg.tensor([1.0 + 1e-6, tg.nan]))
    tensor([ True, False])
    """
    return _close("isclose", input, other, rtol, atol, equal_nan)


def _close(what: str, input: Any, other: Any, rtol: float, atol: float, equal_nan: bool) -> Tensor:
    if not (rtol >= 0 and atol >= 0):
        raise ArgumentError(f"{what}: rtol and atol must not be negative, got {rtol} and {atol}")
    try:
        return isclose_p.bind(input, other, rtol=float(rtol), atol=float(atol), equal_nan=bool(equal_nan), wide=State.default_dtype)
    except ShapeError:
        check_broadcast(what, (input, other))  # says it under the name that was called
        raise


def _isclose(
    x: Array, y: Array, *, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False, wide: np.dtype[Any] = _FLOAT32
) -> Array:
    """|x - y| <= atol + rtol · |y|, the right side in the dtype `wide` for integers and halves."""
    size = np.absolute(y)
    if y.dtype.char not in "fd":
        size = size.astype(wide)
    relative, absolute = numbers(size.dtype, rtol, atol)
    near = (np.absolute(x - y) <= size * relative + absolute) & np.isfinite(y) | (x == y)
    return near | (np.isnan(x) & np.isnan(y)) if equal_nan else near


isclose_p = Elementwise(_isclose, name="isclose", kind="power")
isclose_p.vjp(x=None, y=None)


@typed_errors
def allclose(input: Tensor, other: Tensor, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> bool:
    """Whether `isclose` holds for all elements.

    >>> tg.allclose(tg.tensor([1.0, 2.0]), tg.tensor([1.0, 2.0 + 1e-6]))
    True
    """
    return all_true(_close("allclose", input, other, rtol, atol, equal_nan))


@typed_errors
def equal(input: Tensor, other: Tensor) -> bool:
    """Whether both have the same shape and the same elements.

    >>> tg.equal(tg.tensor([1, 2]), tg.tensor([1, 2]))
    True
    """
    if shape_of(input, "equal") != shape_of(other, "equal"):
        return False
    x, y = array_of(input), array_of(other)
    return all_true(x == y if x.dtype is y.dtype and state.tracer is None else eq(input, other))


def all_true(x: Any) -> bool:
    """Whether every element is true, as a Python bool."""
    if isinstance(x, Value):
        if state.tracer is not None:
            state.tracer.concretize("a comparison of tensors as a Python bool")
        x = x.array
    return not x.size or bool(x.item(x.argmin()))
