"""Do two tensors agree: exactly, or up to rounding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..engine.node import Value
from ..engine.refusal import typed_errors
from ..engine.state import state
from ..errors import ArgumentError
from .arguments import rank, shape_of
from .elementwise import abs, eq, isfinite, isnan, le
from .pointwise import check_broadcast

if TYPE_CHECKING:
    from ..tensor import Tensor


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
    check_broadcast(what, (input, other))
    input, other = (x * 1 if getattr(x, "dtype", None) == np.bool_ else x for x in (input, other))  # bools have no difference
    near = le(abs(input - other), abs(other) * rtol + atol) & isfinite(other)
    close = eq(input, other) | near
    return close | (isnan(input) & isnan(other)) if equal_nan else close


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
    return rank(input, "equal") == rank(other, "equal") and shape_of(input) == shape_of(other) and all_true(eq(input, other))


def all_true(x: Any) -> bool:
    """Whether every element is true, as a Python bool."""
    if isinstance(x, Value):
        if state.tracer is not None:
            state.tracer.concretize("a comparison of tensors as a Python bool")
        x = x.array
    return not x.size or bool(x.item(x.argmin()))
