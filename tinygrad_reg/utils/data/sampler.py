"""Samplers: iterables over the numbers of samples, in the order in which to visit them."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence, Sized
from typing import Any, Generic, TypeVar

from ...creation import as_tensor
from ...dtypes import float64
from ...engine.refusal import typed_errors
from ...errors import ArgumentError, ArgumentTypeError, MissingForwardError
from ...ops.random import Generator, multinomial
from ...random import randint, randperm

T_co = TypeVar("T_co", covariant=True)


class Sampler(Generic[T_co]):
    """An order in which to visit samples: define `__iter__`, which gives their numbers, and `__len__`.

    >>> class Backwards(tg.utils.data.Sampler):
    ...     def __iter__(self):
    ...         return iter([2, 1, 0])
    >>> [x.item() for x in tg.utils.data.DataLoader([5, 6, 7], sampler=Backwards())]
    [7, 6, 5]
    """

    def __iter__(self) -> Iterator[T_co]:
        raise MissingForwardError(f"{type(self).__name__}: define __iter__(self), which gives the numbers of samples")


class SequentialSampler(Sampler[int]):
    """0, 1, 2, ...

    >>> list(tg.utils.data.SequentialSampler("abc"))
    [0, 1, 2]
    """

    @typed_errors
    def __init__(self, data_source: Sized) -> None:
        self.data_source = data_source

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self.data_source)))

    def __len__(self) -> int:
        return len(self.data_source)


class RandomSampler(Sampler[int]):
    """All numbers in random order, again and again up to `num_samples`; or, with `replacement`, each drawn from all.

    >>> sorted(tg.utils.data.RandomSampler("abcd"))
    [0, 1, 2, 3]
    """

    @typed_errors
    def __init__(
        self, data_source: Sized, replacement: bool = False, num_samples: int | None = None, generator: Generator | None = None
    ) -> None:
        if not isinstance(replacement, bool):
            raise ArgumentTypeError(f"RandomSampler: replacement must be True or False, got {replacement!r}")
        self.data_source = data_source
        self.replacement = replacement
        self._num_samples = num_samples
        self.generator = generator
        _positive(self.num_samples, "RandomSampler: num_samples (by default the number of samples)")

    @property
    def num_samples(self) -> int:
        """How many numbers it gives; a data set may grow in between."""
        return len(self.data_source) if self._num_samples is None else self._num_samples

    def __iter__(self) -> Iterator[int]:
        n, generator = len(self.data_source), own_generator(self.generator)
        if self.replacement:
            return iter(randint(n, (self.num_samples,), generator=generator).tolist())
        rounds = (randperm(n, generator=generator).tolist() for _ in itertools.count())
        return itertools.islice(itertools.chain.from_iterable(rounds), self.num_samples)

    def __len__(self) -> int:
        return self.num_samples


class SubsetRandomSampler(Sampler[int]):
    """These numbers in random order.

    >>> sorted(tg.utils.data.SubsetRandomSampler([3, 5, 8]))
    [3, 5, 8]
    """

    @typed_errors
    def __init__(self, indices: Sequence[int], generator: Generator | None = None) -> None:
        self.indices = indices
        self.generator = generator

    def __iter__(self) -> Iterator[int]:
        for i in randperm(len(self.indices), generator=self.generator).tolist():
            yield self.indices[i]

    def __len__(self) -> int:
        return len(self.indices)


class WeightedRandomSampler(Sampler[int]):
    """Numbers drawn with probabilities proportional to the weights.

    >>> list(tg.utils.data.WeightedRandomSampler([0.0, 1.0, 0.0], 4))
    [1, 1, 1, 1]
    """

    @typed_errors
    def __init__(self, weights: Sequence[float], num_samples: int, replacement: bool = True, generator: Generator | None = None) -> None:
        _positive(num_samples, "WeightedRandomSampler: num_samples")
        if not isinstance(replacement, bool):
            raise ArgumentError(f"WeightedRandomSampler: replacement must be True or False, got {replacement!r}")
        self.weights = as_tensor(weights, dtype=float64)
        if self.weights.ndim != 1:
            raise ArgumentError(f"WeightedRandomSampler: weights must have one dimension, got the shape {tuple(self.weights.shape)}")
        self.num_samples = num_samples
        self.replacement = replacement
        self.generator = generator

    def __iter__(self) -> Iterator[int]:
        yield from multinomial(self.weights, self.num_samples, self.replacement, generator=self.generator).tolist()

    def __len__(self) -> int:
        return self.num_samples


class BatchSampler(Sampler[list[int]]):
    """Lists of `batch_size` numbers from another sampler; the last may be shorter, unless `drop_last`.

    >>> list(tg.utils.data.BatchSampler(range(5), batch_size=2, drop_last=False))
    [[0, 1], [2, 3], [4]]
    """

    @typed_errors
    def __init__(self, sampler: Iterable[int], batch_size: int, drop_last: bool) -> None:
        _positive(batch_size, "BatchSampler: batch_size")
        if not isinstance(drop_last, bool):
            raise ArgumentError(f"BatchSampler: drop_last must be True or False, got {drop_last!r}")
        self.sampler = sampler
        self.batch_size = batch_size
        self.drop_last = drop_last

    def __iter__(self) -> Iterator[list[int]]:
        numbers = iter(self.sampler)
        while batch := list(itertools.islice(numbers, self.batch_size)):
            if len(batch) == self.batch_size or not self.drop_last:
                yield batch

    def __len__(self) -> int:
        count: Any = self.sampler
        return len(count) // self.batch_size if self.drop_last else -(-len(count) // self.batch_size)


def own_generator(generator: Generator | None) -> Generator:
    """The generator; or a new one with a seed from the default one, which so gives one number however much is drawn."""
    return Generator().manual_seed(draw_seed(None)) if generator is None else generator


def draw_seed(generator: Generator | None) -> int:
    """A random seed."""
    seed: int = randint(0, 2**63 - 1, (), generator=generator).item()
    return seed


def _positive(value: Any, what: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
        raise ArgumentError(f"{what} must be a positive integer, got {value!r}")
