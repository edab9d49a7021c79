"""Integers as vectors: one_hot, embedding and embedding_bag."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...engine.mutation import Array
from ...engine.node import Value
from ...engine.primitive import primitive
from ...engine.refusal import no_tensor, typed_errors
from ...engine.state import state
from ...errors import ArgumentError, DtypeError
from ...ops.embedding import embedding as embedding
from ...ops.embedding import embedding_bag as embedding_bag
from ...ops.positions import all_below, largest, numbers_along

if TYPE_CHECKING:
    from ...tensor import Tensor


@primitive(name="one_hot", fails=True)
def one_hot_p(x: Array, *, num_classes: int) -> Array:
    """1 at the place each integer names, 0 elsewhere; (...) -> (..., num_classes) of int64."""
    if not all_below(x, num_classes):
        wrong = x.min() if x.min() < 0 else x.max()
        raise ArgumentError(f"one_hot: class values must lie in 0 to {num_classes - 1} for {num_classes} classes, got {wrong}")
    shape = (*x.shape, num_classes)
    out = np.zeros(shape, np.int64)
    out.reshape(-1)[numbers_along(x[..., None], shape, x.ndim)] = 1
    return out


one_hot_p.plain = lambda x, *, num_classes: (x.within(0, num_classes)[..., None] == np.arange(num_classes)).astype(np.int64)
one_hot_p.vjp(x=None)


@typed_errors
def one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor:
    """1 at the place each integer names, 0 elsewhere; (...) -> (..., num_classes). -1: as many as the largest needs.

    >>> tg.nn.functional.one_hot(tg.tensor([0, 2]), num_classes=3)
    tensor([[1, 0, 0],
            [0, 0, 1]])
    """
    if not isinstance(tensor, Value):
        raise no_tensor("one_hot: expected a tensor", tensor)
    if tensor.array.dtype.kind not in "iu":
        raise DtypeError(f"one_hot: needs a tensor of integers, got {tensor.array.dtype}; convert with .long()")
    if num_classes == -1:
        if state.tracer is not None:
            state.tracer.concretize("one_hot without num_classes")
        if not tensor.array.size:
            raise ArgumentError("one_hot: cannot infer the number of classes from an empty tensor; say num_classes=...")
        num_classes = max(largest(tensor.array) + 1, 1)
    if num_classes < 1:
        raise ArgumentError(f"one_hot: num_classes must be positive, or -1 to infer it, got {num_classes}")
    return one_hot_p.bind(tensor, num_classes=int(num_classes))
