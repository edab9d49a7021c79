"""DataLoader: batches of a data set, made in this process or by workers ahead of their use."""

from __future__ import annotations

import itertools
import multiprocessing
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, Generic, Protocol

from ...engine.refusal import typed_errors
from ...engine.state import get_default_dtype
from ...errors import ArgumentError
from ...ops.random import Generator
from .collate import default_collate, default_convert
from .dataset import Dataset, IterableDataset
from .fetch import EndOfSamples, fetcher
from .sampler import BatchSampler, RandomSampler, SequentialSampler, T_co, draw_seed
from .worker import Ended, Failure, Job, Workers

_FIXED = ("batch_size", "batch_sampler", "sampler", "drop_last", "dataset", "persistent_workers")


class _Samples(Protocol[T_co]):
    """Anything that gives samples by number."""

    def __getitem__(self, index: Any, /) -> T_co: ...


class DataLoader(Generic[T_co]):
    """Iterate over a data set in batches; each `for` is one epoch.

    `shuffle` visits the samples in an order drawn from `generator` (default: the default generator), which does not depend on the number
    of workers; or a `sampler` gives their numbers, or a `batch_sampler` lists of them. `batch_size=None` gives single samples.
    `collate_fn` makes a batch of a list of samples.

    With `num_workers`, so many processes make batches ahead, `prefetch_factor` each (default 2), and live for one epoch unless
    `persistent_workers`. Each is seeded differently, and then calls `worker_init_fn(id)`. An error in a worker is raised here with its
    traceback. `timeout` is in seconds, 0 waits for ever. `pin_memory` is accepted as in PyTorch and changes nothing.

    >>> loader = tg.utils.data.DataLoader(tg.utils.data.TensorDataset(tg.arange(5)), batch_size=2)
    >>> [x.tolist() for (x,) in loader]
    [[0, 1], [2, 3], [4]]
    """

    @typed_errors
    def __init__(
        self,
        dataset: Dataset[T_co] | _Samples[T_co],
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Iterable[Any] | None = None,
        batch_sampler: Iterable[Any] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[Any], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable[[int], Any] | None = None,
        multiprocessing_context: Any = None,
        generator: Generator | None = None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        pin_memory_device: str = "",
        in_order: bool = True,
    ) -> None:
        _check_workers(num_workers, timeout, prefetch_factor, persistent_workers)
        _check_context(multiprocessing_context, num_workers)
        _check_order(dataset, batch_size, shuffle, sampler, batch_sampler, drop_last)
        self.num_workers = num_workers
        self.prefetch_factor = 2 if num_workers and prefetch_factor is None else prefetch_factor
        self.timeout = timeout
        self.worker_init_fn = worker_init_fn
        self.multiprocessing_context = multiprocessing_context
        self.generator = generator
        self.pin_memory = pin_memory
        self.pin_memory_device = pin_memory_device
        self.in_order = in_order
        self.dataset: Any = dataset
        self.persistent_workers = persistent_workers
        self.drop_last = drop_last
        if sampler is None:
            sampler = _Endless() if isinstance(dataset, IterableDataset) else _sampler(dataset, shuffle, generator)
        self.sampler = sampler
        if batch_sampler is None and batch_size is not None:
            self.batch_sampler: Any = BatchSampler(sampler, batch_size, drop_last)
            self.batch_size: int | None = batch_size
        else:
            self.batch_sampler = batch_sampler
            self.batch_size = None
        self.collate_fn = collate_fn or (default_convert if self.batch_sampler is None else default_collate)
        self._iterator: _WorkerIterator | None = None
        self._initialized = True

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _FIXED and "_initialized" in self.__dict__:
            raise ArgumentError(f"DataLoader: {name} cannot be changed after the loader is made; make another loader")
        super().__setattr__(name, value)

    def __len__(self) -> int:
        return _length(self.dataset, self._numbers, self.batch_size, self.drop_last)

    @property
    def _numbers(self) -> Any:
        """Numbers of samples, or lists of them: one entry for each result."""
        return self.sampler if self.batch_sampler is None else self.batch_sampler

    def __iter__(self) -> Iterator[Any]:
        if self.num_workers == 0:
            return self._in_this_process()
        if self._iterator is None or not self._iterator.alive:
            made = _WorkerIterator(self)
            self._iterator = made if self.persistent_workers else None
            return made
        self._iterator.begin()
        return self._iterator

    def _in_this_process(self) -> Iterator[Any]:
        draw_seed(self.generator)  # as with workers, so that their number does not decide the order
        fetch = fetcher(self.dataset, self.batch_sampler is not None, self.collate_fn, self.drop_last)
        return _Epoch(_results(fetch, iter(self._numbers)), self)


def _length(dataset: Any, numbers: Any, batch_size: int | None, drop_last: bool) -> int:
    """How many results an epoch has."""
    if not isinstance(dataset, IterableDataset):
        return len(numbers)
    count: Any = dataset
    return len(count) if batch_size is None else len(BatchSampler(count, batch_size, drop_last))


class _Epoch:
    """One epoch in this process."""

    def __init__(self, results: Iterator[Any], loader: DataLoader[Any]) -> None:
        self._results, self._loader = results, loader

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        return next(self._results)

    def __len__(self) -> int:
        return len(self._loader)


def _results(fetch: Any, numbers: Iterator[Any]) -> Iterator[Any]:
    for indices in numbers:
        try:
            made = fetch(indices)
        except EndOfSamples:
            return
        yield made


class _Endless:
    """In the place of a sampler's numbers, for an IterableDataset, which is not asked for samples by number."""

    def __iter__(self) -> Iterator[int]:
        return itertools.repeat(0)


def _sampler(dataset: Any, shuffle: bool | None, generator: Generator | None) -> Any:
    return RandomSampler(dataset, generator=generator) if shuffle else SequentialSampler(dataset)


class _WorkerIterator:
    """One epoch by workers. Task i goes to the next worker in turn; results come in the order of tasks unless `in_order` is False."""

    def __init__(self, loader: DataLoader[Any]) -> None:
        self._loader_timeout = loader.timeout
        self._in_order = loader.in_order
        self._numbers_of = loader._numbers
        self._length = partial(_length, loader.dataset, loader._numbers, loader.batch_size, loader.drop_last)
        self._generator = loader.generator
        self._keep = loader.persistent_workers
        self._ahead = (loader.prefetch_factor or 1) * loader.num_workers
        self._next = 0  # the number of the next task
        seed = draw_seed(self._generator)
        batched = loader.batch_sampler is not None
        job = Job(
            loader.dataset,
            batched,
            loader.collate_fn,
            loader.drop_last,
            loader.worker_init_fn,
            loader.num_workers,
            seed,
            get_default_dtype(),
        )
        context: Any = loader.multiprocessing_context
        self._workers = Workers(job, multiprocessing.get_context(context) if context is None or isinstance(context, str) else context)
        self._count = loader.num_workers
        self._start()

    @property
    def alive(self) -> bool:
        """Whether the workers still run."""
        return self._workers.close.alive

    def begin(self) -> None:
        """A new epoch by the same workers; what is still under way of the last one will be thrown away."""
        draw_seed(self._generator)
        self._start()

    def _start(self) -> None:
        self._numbers = iter(self._numbers_of)
        self._wanted = self._next  # the task whose result is due; older ones belong to an earlier epoch
        self._owner: dict[int, int] = {}  # the worker of each task under way
        self._done: dict[int, Any] = {}
        self._active = list(range(self._count))
        self._turn = 0
        for worker in self._active:
            self._workers.send(worker, -1, None)
        for _ in range(self._ahead):
            self._assign()

    def _assign(self) -> None:
        """Give the next task to the worker whose turn it is, unless there are no more of either."""
        if not self._active or (indices := next(self._numbers, None)) is None:
            return
        worker = self._active[self._turn % len(self._active)]
        self._turn = (self._turn % len(self._active)) + 1
        self._owner[self._next] = worker
        self._workers.send(worker, self._next, indices)
        self._next += 1

    def __iter__(self) -> Iterator[Any]:
        return self

    def __len__(self) -> int:
        return self._length()

    def __next__(self) -> Any:
        if not self.alive:
            raise StopIteration
        while self._owner:
            task = self._wait()
            answer = self._done.pop(task)
            worker = self._owner.pop(task)
            if isinstance(answer, Ended):
                self._retire(worker)
                continue
            self._assign()
            if isinstance(answer, Failure):
                answer.reraise()
            return answer
        if not self._keep:
            self._workers.close()
        raise StopIteration

    def _wait(self) -> int:
        """The number of the next task whose result is due, once it is there."""
        while True:
            due = next(iter(self._owner)) if self._in_order else next((t for t in self._owner if t in self._done), None)
            if due in self._done:
                return due
            try:
                answers = self._workers.receive(self._loader_timeout)
            except BaseException:  # Ctrl-C too: its traceback would keep this object, and so the workers, alive
                self._workers.close()
                raise
            self._done |= {task: answer for task, answer in answers if task in self._owner}

    def _retire(self, worker: int) -> None:
        """Its copy of the data set is at its end; the others get its turns."""
        if worker in self._active:
            position = self._active.index(worker)
            self._active.remove(worker)
            self._turn -= position < self._turn
        self._assign()


def _check_workers(num_workers: Any, timeout: float, prefetch_factor: int | None, persistent: bool) -> None:
    if isinstance(num_workers, bool) or not isinstance(num_workers, int) or num_workers < 0:
        raise ArgumentError(f"DataLoader: num_workers must be an integer of at least 0, got {num_workers!r}; 0 works in this process")
    if timeout < 0:
        raise ArgumentError(f"DataLoader: timeout must not be negative, got {timeout}")
    if num_workers == 0 and prefetch_factor is not None:
        raise ArgumentError("DataLoader: prefetch_factor needs workers; set num_workers, or leave it out")
    if prefetch_factor is not None and prefetch_factor < 0:
        raise ArgumentError(f"DataLoader: prefetch_factor must not be negative, got {prefetch_factor}")
    if num_workers == 0 and persistent:
        raise ArgumentError("DataLoader: persistent_workers needs workers; set num_workers")


def _check_context(context: Any, num_workers: int) -> None:
    if context is not None and num_workers == 0:
        raise ArgumentError("DataLoader: multiprocessing_context needs workers; set num_workers, or leave it out")
    if isinstance(context, str) and context not in (known := multiprocessing.get_all_start_methods()):
        raise ArgumentError(f"DataLoader: multiprocessing_context must be one of {', '.join(known)}, or a context, got {context!r}")


def _check_order(dataset: Any, batch_size: int | None, shuffle: bool | None, sampler: Any, batch_sampler: Any, drop_last: bool) -> None:
    if isinstance(dataset, IterableDataset):
        for name, value in (("shuffle", shuffle or None), ("sampler", sampler), ("batch_sampler", batch_sampler)):
            if value is not None:
                raise ArgumentError(f"DataLoader: an IterableDataset decides the order itself; leave out {name}, got {value!r}")
    if sampler is not None and shuffle:
        raise ArgumentError("DataLoader: sampler and shuffle exclude each other, both decide the order")
    if batch_sampler is not None and (batch_size != 1 or shuffle or sampler is not None or drop_last):
        raise ArgumentError("DataLoader: batch_sampler excludes batch_size, shuffle, sampler and drop_last, it decides all of them")
    if batch_size is None and drop_last:
        raise ArgumentError("DataLoader: batch_size=None makes no batches, so drop_last has nothing to drop")
