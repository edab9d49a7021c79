"""By a condition: choose between two tensors (where), replace or select where a mask is true, find what is not 0."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

import numpy as np

from ..engine.mutation import Array
from ..engine.node import Value
from ..engine.primitive import primitive
from ..engine.promotion import result_type
from ..engine.refusal import no_tensor, typed_errors
from ..errors import ArgumentTypeError, DtypeError, ShapeError
from .arguments import rank, shape_of
from .elementwise import where_p
from .indexing import fill_value
from .joining import broadcast_tensors, unbind
from .pointwise import check_broadcast, check_fits, convert, in_dtype, number_in
from .positions import index_p
from .shape import atleast_1d

if TYPE_CHECKING:
    from ..tensor import Tensor


_OPERANDS = (Value, np.ndarray, np.generic, bool, int, float)  # what `isinstance` takes, for a union would be made at each call


@primitive(name="nonzero")
def nonzero_p(x: Array) -> Array:
    """The positions of all elements that are not 0; (n, x.ndim)."""
    return x.nonzero()[0][:, None] if x.ndim == 1 else np.argwhere(x)


nonzero_p.vjp(x=None)
nonzero_p.shaped_by_values = lambda x: True

# ---- choosing ----------------------------------------------------------------------------------------------------------


@overload
def where(condition: Any) -> tuple[Tensor, ...]: ...
@overload
def where(condition: Any, input: Any, other: Any) -> Tensor: ...


def where(condition: Any, input: Any = None, other: Any = None) -> Any:
    """input where the condition is true, other elsewhere; all three broadcast. The branch not taken gets gradient exactly 0.

    `where(condition)` alone gives the positions where it is not 0, as `nonzero(condition, as_tuple=True)`.

    >>> x = tg.tensor([0.0, 4.0], requires_grad=True)
    >>> tg.autograd.grad(tg.where(x > 0, tg.sqrt(x), 0.0).sum(), x)
    (tensor([0.0000, 0.2500]),)
    """
    if input is None or other is None:
        if input is other:
            return nonzero(condition, as_tuple=True)
        raise ArgumentTypeError("where: give both input and other to choose between, or neither to get the positions that are not 0")
    kind = condition.array.dtype.kind if isinstance(condition, Value) else getattr(getattr(condition, "dtype", None), "kind", None)
    if kind is None:
        raise no_tensor("where: expected a tensor", condition)
    if kind not in "bu":
        raise DtypeError(f"where: the condition must be a bool tensor, got {condition.dtype}; compare first, for example x > 0")
    operands = condition, input, other
    if not (isinstance(input, Value) and isinstance(other, Value) and input.array.dtype is other.array.dtype):
        for x in (input, other):
            if not isinstance(x, _OPERANDS):
                raise no_tensor("where: expected tensors or numbers to choose between", x)
        dtype = result_type(input, other)
        operands = condition, _as_operand(input, dtype), _as_operand(other, dtype)
    try:
        return where_p(*operands)
    except ValueError:
        check_broadcast("where", operands)
        raise


def _as_operand(x: Any, dtype: Any) -> Any:
    if not isinstance(x, (bool, int, float)):
        return convert(x, dtype)
    if dtype.char == "e":
        check_fits(x, np.dtype(np.float32), "where")  # as in PyTorch, 1e20 is inf in float16
        return in_dtype(x, dtype, "where")
    return number_in(x, dtype, "where")


@typed_errors
def masked_fill(input: Tensor, mask: Tensor, value: Any) -> Tensor:
    """A copy with `value`, a number or a 0-d tensor, where the mask is true; input and mask broadcast.

    >>> tg.masked_fill(tg.tensor([1.0, 2.0]), tg.tensor([True, False]), -1)
    tensor([-1.,  2.])
    """
    rank(input, "masked_fill")
    filling = fill_value(value, input, "masked_fill")
    try:
        return where_p(_mask(mask, "masked_fill"), filling, input)
    except ValueError:
        raise ShapeError(f"masked_fill: shapes do not broadcast\n  input {tuple(input.shape)} · mask {tuple(mask.shape)}") from None


@typed_errors
def masked_select(input: Tensor, mask: Tensor) -> Tensor:
    """The elements where the mask is true, in one dimension; input and mask broadcast.

    >>> x = tg.tensor([3.0, -1.0, 2.0])
    >>> tg.masked_select(x, x > 0)
    tensor([3., 2.])
    """
    if shape_of(_mask(mask, "masked_select")) != shape_of(input):
        input, mask = broadcast_tensors(input, mask)
    return index_p.bind(input, mask, dims=(0,), repeated="never")


def _mask(mask: Any, what: str) -> Any:
    if isinstance(mask, Value) and mask.array.dtype.kind == "b":
        return mask
    rank(mask, what)
    if mask.dtype.kind != "b":
        raise DtypeError(f"{what}: the mask must be a bool tensor, got {mask.dtype}; compare first, for example x > 0")
    return mask


# ---- finding -----------------------------------------------------------------------------------------------------------


@typed_errors
def nonzero(input: Tensor, *, as_tuple: bool = False) -> Any:
    """The positions of all elements that are not 0: (n, ndim), or with `as_tuple` a tuple of ndim tensors that can index the input.

    >>> tg.nonzero(tg.tensor([0, 5, 7]))
    tensor([[1],
            [2]])
    >>> tg.nonzero(tg.tensor([0, 5, 7]), as_tuple=True)
    (tensor([1, 2]),)
    """
    rank(input, "nonzero")
    return unbind(nonzero_p(atleast_1d(input)), 1) if as_tuple else nonzero_p(input)


@typed_errors
def argwhere(input: Tensor) -> Tensor:
    """The positions of all elements that are not 0; (n, ndim).

    >>> tg.argwhere(tg.tensor([[0, 5], [7, 0]]))
    tensor([[0, 1],
            [1, 0]])
    """
    rank(input, "argwhere")
    return nonzero_p(input)
