"""From numbers of samples to a batch; the same in the main process and in the workers."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from .dataset import IterableDataset, samples_of

Fetch = Callable[[Any], Any]


class EndOfSamples(Exception):
    """An IterableDataset has no more. Not StopIteration, which a mistake in a data set may raise too."""


def fetcher(dataset: Any, batched: bool, collate: Fetch, drop_last: bool) -> Fetch:
    """A function from a list of numbers (or, without batches, from one number) to what the loader gives for it.

    Of an IterableDataset it takes as many samples as there are numbers, and raises EndOfSamples at the end.
    """
    if isinstance(dataset, IterableDataset):
        return _from_iterator(iter(dataset), batched, collate, drop_last)
    if batched:
        return lambda indices: collate(samples_of(dataset, indices))
    return lambda index: collate(dataset[index])


def _from_iterator(samples: Any, batched: bool, collate: Fetch, drop_last: bool) -> Fetch:
    def fetch(indices: Any) -> Any:
        wanted = len(indices) if batched else 1
        batch = list(itertools.islice(samples, wanted))
        if not batch or (drop_last and len(batch) < wanted):
            raise EndOfSamples
        return collate(batch if batched else batch[0])

    return fetch
