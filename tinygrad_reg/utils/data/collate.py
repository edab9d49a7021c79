"""Several samples become one batch."""

from __future__ import annotations

import copy
from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any

import numpy as np

from ...creation import as_tensor, tensor
from ...dtypes import float64
from ...errors import ArgumentTypeError, ShapeError
from ...ops.joining import stack
from ...tensor import Tensor


def default_collate(batch: Any) -> Any:
    """A list of samples as one batch: tensors, arrays and numbers are stacked along a new first dimension; strings stay a list.

    Mappings, tuples, named tuples and lists are collated entry by entry. Python floats become float64, as in PyTorch. Raises
    ArgumentTypeError for other samples, ShapeError if their shapes or lengths differ.

    >>> tg.utils.data.default_collate([(1, "a"), (2, "b")])
    [tensor([1, 2]), ('a', 'b')]
    >>> tg.utils.data.default_collate([{"x": tg.ones(2)}, {"x": tg.zeros(2)}])
    {'x': tensor([[1., 1.],
            [0., 0.]])}
    """
    first = batch[0]
    if isinstance(first, Tensor):
        return _stacked(list(batch))
    if isinstance(first, (np.ndarray, np.generic)) and first.dtype.kind in "fiub":
        return _stacked([as_tensor(np.asarray(x)) for x in batch])
    if isinstance(first, float):
        return tensor(batch, dtype=float64)
    if isinstance(first, int):
        return tensor(batch)
    if isinstance(first, (str, bytes)):
        return batch
    if isinstance(first, Mapping):
        return _like(first, {key: default_collate([x[key] for x in batch]) for key in first})
    if isinstance(first, Sequence):
        return _collate_sequences(batch)
    kind = first.dtype if isinstance(first, (np.ndarray, np.generic)) else type(first).__name__
    raise ArgumentTypeError(
        f"default_collate: a batch must contain tensors, arrays, numbers, strings, mappings or sequences, found {kind}; give a collate_fn"
    )


def _stacked(batch: list[Tensor]) -> Tensor:
    shapes = {x.shape for x in batch if isinstance(x, Tensor)}
    if len(shapes) > 1:
        listed = " · ".join(map(str, sorted(shapes)))
        raise ShapeError(f"default_collate: the samples have different shapes, {listed}; give a collate_fn that pads them")
    return stack(batch)


def _collate_sequences(batch: Any) -> Any:
    first, lengths = batch[0], {len(x) for x in batch}
    if len(lengths) > 1:
        raise ShapeError(
            f"default_collate: the samples are sequences of different lengths, {sorted(lengths)}; give a collate_fn that pads them"
        )
    columns = list(zip(*batch, strict=True))
    if _is_namedtuple(first):
        return type(first)(*map(default_collate, columns))
    collated = [default_collate(column) for column in columns]
    return collated if isinstance(first, tuple) else _like(first, collated)


def default_convert(data: Any) -> Any:
    """Arrays inside of a sample as tensors; everything else as it is. What a DataLoader without batches does.

    >>> tg.utils.data.default_convert({"x": np.zeros(2), "name": "a"})
    {'x': tensor([0., 0.], dtype=float64), 'name': 'a'}
    """
    if isinstance(data, (np.ndarray, np.generic)) and data.dtype.kind in "fiub":
        return as_tensor(np.asarray(data))
    if isinstance(data, Mapping):
        return _like(data, {key: default_convert(value) for key, value in data.items()})
    if _is_namedtuple(data):
        return type(data)(*map(default_convert, data))
    if isinstance(data, tuple):
        return [default_convert(x) for x in data]
    if isinstance(data, Sequence) and not isinstance(data, (str, bytes)):
        return _like(data, [default_convert(x) for x in data])
    return data


def _is_namedtuple(x: Any) -> bool:
    return isinstance(x, tuple) and hasattr(x, "_fields")


def _like(original: Any, made: Any) -> Any:
    """What was made, in the original's class if that takes it."""
    if isinstance(original, MutableMapping):
        clone = copy.copy(original)  # a defaultdict keeps its factory
        clone.update(made)
        return clone
    try:
        return type(original)(made)
    except TypeError:
        return made
