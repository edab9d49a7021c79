"""Data sets: what has samples by number, or gives them one after the other."""

from __future__ import annotations

import bisect
import itertools
import math
import warnings
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Generic, TypeVar

from ...engine.refusal import no_tensor, typed_errors
from ...errors import ArgumentError, DatasetError, MissingForwardError
from ...ops.random import Generator, default_generator
from ...random import randperm
from ...tensor import Tensor

T_co = TypeVar("T_co", covariant=True)


class Dataset(Generic[T_co]):
    """Samples by number: define `__getitem__`, and `__len__`. `a + b` is one after the other.

    >>> class Squares(tg.utils.data.Dataset):
    ...     def __len__(self):
    ...         return 4
    ...
    ...     def __getitem__(self, index):
    ...         return index**2
    >>> [batch.tolist() for batch in tg.utils.data.DataLoader(Squares(), batch_size=3)]
    [[0, 1, 4], [9]]
    """

    def __getitem__(self, index: Any) -> T_co:
        raise MissingForwardError(f"{type(self).__name__}: define __getitem__(self, index), which gives one sample")

    def __add__(self, other: Dataset[Any]) -> ConcatDataset[Any]:
        return ConcatDataset([self, other])


class IterableDataset(Dataset[T_co]):
    """Samples one after the other: define `__iter__`. With workers, each iterates over a copy; divide the work by `get_worker_info`.

    >>> class Count(tg.utils.data.IterableDataset):
    ...     def __iter__(self):
    ...         return iter(range(5))
    >>> [batch.tolist() for batch in tg.utils.data.DataLoader(Count(), batch_size=2)]
    [[0, 1], [2, 3], [4]]
    """

    def __iter__(self) -> Iterator[T_co]:
        raise MissingForwardError(f"{type(self).__name__}: define __iter__(self), which gives an iterator over the samples")

    def __add__(self, other: Dataset[Any]) -> Any:
        return ChainDataset([self, other])


class TensorDataset(Dataset[tuple[Tensor, ...]]):
    """Sample i is the tuple of the i-th entries of all tensors. Raises DatasetError unless they have the same length.

    >>> tg.utils.data.TensorDataset(tg.arange(3), tg.ones(3, 2))[1]
    (tensor(1), tensor([1., 1.]))
    """

    @typed_errors
    def __init__(self, *tensors: Tensor) -> None:
        for x in tensors:
            if not isinstance(x, Tensor):
                raise no_tensor("TensorDataset: expected tensors", x)
        if not tensors or any(x.ndim == 0 or len(x) != len(tensors[0]) for x in tensors):
            shapes = ", ".join(str(tuple(x.shape)) for x in tensors)
            raise DatasetError(f"TensorDataset: needs tensors of the same first size, got the shapes {shapes or 'of none'}")
        self.tensors = tensors

    def __getitem__(self, index: Any) -> tuple[Tensor, ...]:
        return tuple([x[index] for x in self.tensors])

    def __len__(self) -> int:
        return len(self.tensors[0])


class StackDataset(Dataset[Any]):
    """Sample i is the tuple (or the dict) of the i-th samples of all data sets.

    >>> tg.utils.data.StackDataset(image=range(3), label=range(3, 6))[1]
    {'image': 1, 'label': 4}
    """

    datasets: tuple[Any, ...] | dict[str, Any]

    @typed_errors
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if bool(args) == bool(kwargs):
            raise ArgumentError("StackDataset: give data sets either as arguments, for tuples, or as keywords, for dicts")
        self.datasets = args or kwargs
        sizes = [len(d) for d in (*args, *kwargs.values())]
        if len(set(sizes)) > 1:
            raise ArgumentError(f"StackDataset: needs data sets of the same length, got {sizes}")
        self._length = sizes[0]

    def __getitem__(self, index: Any) -> Any:
        if isinstance(self.datasets, dict):
            return {name: d[index] for name, d in self.datasets.items()}
        return tuple([d[index] for d in self.datasets])

    def __len__(self) -> int:
        return self._length


class ConcatDataset(Dataset[T_co]):
    """The samples of several data sets, one set after the other.

    >>> list(tg.utils.data.ConcatDataset([range(2), range(5, 7)]))
    [0, 1, 5, 6]
    """

    @typed_errors
    def __init__(self, datasets: Iterable[Any]) -> None:
        self.datasets = list(datasets)
        if not self.datasets:
            raise DatasetError("ConcatDataset: needs at least one data set")
        if any(isinstance(d, IterableDataset) for d in self.datasets):
            raise DatasetError("ConcatDataset: an IterableDataset has no samples by number; use ChainDataset")
        self.cumulative_sizes = list(itertools.accumulate(len(d) for d in self.datasets))

    def __len__(self) -> int:
        return self.cumulative_sizes[-1]

    def __getitem__(self, idx: int) -> T_co:
        if idx < -len(self):
            raise ArgumentError(f"ConcatDataset: the index {idx} is out of range, there are {len(self)} samples")
        if idx >= len(self):
            raise IndexError(f"ConcatDataset: the index {idx} is out of range, there are {len(self)} samples")
        position = idx % len(self)
        which = bisect.bisect_right(self.cumulative_sizes, position)
        found: T_co = self.datasets[which][position - (self.cumulative_sizes[which - 1] if which else 0)]
        return found


class ChainDataset(IterableDataset[Any]):
    """The samples of several IterableDatasets, one set after the other.

    >>> class Count(tg.utils.data.IterableDataset):
    ...     def __iter__(self):
    ...         return iter(range(2))
    >>> list(tg.utils.data.ChainDataset([Count(), Count()]))
    [0, 1, 0, 1]
    """

    @typed_errors
    def __init__(self, datasets: Iterable[Any]) -> None:
        self.datasets = datasets

    def __iter__(self) -> Iterator[Any]:
        for d in self.datasets:
            if not isinstance(d, IterableDataset):
                raise DatasetError(f"ChainDataset: takes only IterableDatasets, got {type(d).__name__}; use ConcatDataset")
            yield from d

    def __len__(self) -> int:
        return sum(len(d) for d in self.datasets)


class Subset(Dataset[T_co]):
    """Some samples of a data set, by their numbers.

    >>> list(tg.utils.data.Subset("abcde", [0, 3]))
    ['a', 'd']
    """

    @typed_errors
    def __init__(self, dataset: Any, indices: Sequence[int]) -> None:
        self.dataset = dataset
        self.indices = indices

    def __getitem__(self, idx: Any) -> Any:
        return self.dataset[[self.indices[i] for i in idx] if isinstance(idx, list) else self.indices[idx]]

    def __getitems__(self, indices: list[int]) -> list[T_co]:
        """Several samples, at once if the data set can do that."""
        chosen = [self.indices[i] for i in indices]
        return samples_of(self.dataset, chosen)

    def __len__(self) -> int:
        return len(self.indices)


def samples_of(dataset: Any, indices: Any) -> list[Any]:
    """The samples of these numbers, by `__getitems__` where the data set has it."""
    at_once = getattr(dataset, "__getitems__", None)
    return list(at_once(indices)) if at_once else [dataset[i] for i in indices]


def random_split(dataset: Any, lengths: Sequence[int | float], generator: Generator | None = default_generator) -> list[Subset[Any]]:
    """Divide a data set by chance into parts that do not overlap, of these lengths, or of these fractions if they add up to 1.

    Of fractions, what rounding down leaves over goes to the parts one by one. Raises ArgumentError if lengths do not add up to the whole.

    >>> train, test = tg.utils.data.random_split(range(10), [0.7, 0.3])
    >>> len(train), len(test), sorted([*train, *test]) == list(range(10))
    (7, 3, True)
    """
    total = len(dataset)
    if math.isclose(sum(lengths), 1) and sum(lengths) <= 1:
        sizes = _sizes_of(lengths, total)
    elif sum(lengths) == total:
        sizes = [int(n) for n in lengths]
    else:
        raise ArgumentError(f"random_split: the lengths {list(lengths)} add up neither to the {total} samples nor to 1")
    if any(n < 0 for n in sizes):
        raise ArgumentError(f"random_split: lengths must not be negative, got {list(lengths)}")
    order = randperm(total, generator=generator).tolist()
    ends = itertools.accumulate(sizes)
    return [Subset(dataset, order[end - n : end]) for n, end in zip(sizes, ends, strict=True)]


def _sizes_of(fractions: Sequence[float], total: int) -> list[int]:
    if any(not 0 <= f <= 1 for f in fractions):
        raise ArgumentError(f"random_split: fractions must lie between 0 and 1, got {list(fractions)}")
    sizes = [math.floor(total * f) for f in fractions]
    for i in range(total - sum(sizes)):
        sizes[i % len(sizes)] += 1
    if 0 in sizes:
        warnings.warn(f"random_split: the part {sizes.index(0)} has no samples; its DataLoader will be empty", stacklevel=3)
    return sizes
