"""Worker processes: what runs in them, and what the main process holds of them."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import queue
import random
import signal
import threading
import traceback
import warnings
import weakref
from dataclasses import dataclass
from multiprocessing import connection
from multiprocessing.reduction import ForkingPickler
from typing import Any

import numpy as np

from ...blas import set_num_threads
from ...engine.state import set_default_dtype
from ...errors import WorkerError
from ...ops.random import manual_seed
from .fetch import EndOfSamples, fetcher

PATIENCE = 2.0  # seconds for a worker to end by itself


@dataclass(frozen=True)
class WorkerInfo:
    """Which of how many workers this is, its seed, and its copy of the data set."""

    id: int
    num_workers: int
    seed: int
    dataset: Any


@dataclass(frozen=True)
class Job:
    """What every worker of a loader is told at its start."""

    dataset: Any
    batched: bool
    collate: Any
    drop_last: bool
    init: Any
    num_workers: int
    base_seed: int
    default_dtype: Any


class Ended:
    """A worker's answer when its copy of an IterableDataset has no more samples."""


class Failure:
    """An error in a worker, as text: tracebacks do not travel between processes."""

    def __init__(self, error: BaseException, worker: int) -> None:
        self.kind: Any = RuntimeError if isinstance(error, StopIteration) else type(error)  # which would end the loop in silence
        self.text = f"Caught {type(error).__name__} in DataLoader worker process {worker}.\nOriginal Traceback:\n{traceback.format_exc()}"

    def untyped(self) -> Failure:
        """The same for an error whose class does not travel either."""
        self.kind = RuntimeError
        return self

    def reraise(self) -> None:
        """Raise an error of the same class, whose message has the worker's traceback."""
        if issubclass(self.kind, KeyError):
            raise _KeyError(self.text)
        try:
            error = self.kind(self.text)
        except Exception:  # a class that wants other arguments
            raise RuntimeError(self.text) from None
        raise error


class _KeyError(KeyError):
    __str__ = Exception.__str__  # KeyError would print the lines of the traceback quoted


_current: WorkerInfo | None = None


def get_worker_info() -> WorkerInfo | None:
    """In a worker process of a DataLoader: its id, num_workers, seed and dataset; None in the main process.

    >>> print(tg.utils.data.get_worker_info())
    None
    """
    return _current


# ---- in the worker --------------------------------------------------------------------------------------------------------


def work(job: Job, worker: int, tasks: Any, stop: Any) -> None:
    """Answer tasks until told to stop, or until nobody is there to tell."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the main process ends us
    set_num_threads(1)  # there are several of us
    _seed(job, worker)
    out = _Sender(tasks)
    fetch: Any = None
    failure: Failure | None = None
    with contextlib.suppress(EOFError, OSError):  # the main process died just now
        ends = [stop, getattr(multiprocessing.parent_process(), "sentinel", stop)]  # told to, or the main process is gone
        while not any(end in ends for end in connection.wait([tasks, *ends])):
            task, indices = tasks.recv()
            if indices is None:  # a new epoch
                fetch, failure = _begin(job, worker, first=fetch is None and failure is None)
            else:
                out.put(task, failure or _answer(fetch, indices, worker), worker)
    out.close()


def _seed(job: Job, worker: int) -> None:
    global _current  # one per process, read by get_worker_info
    seed = job.base_seed + worker
    _current = WorkerInfo(worker, job.num_workers, seed, job.dataset)
    set_default_dtype(job.default_dtype)
    manual_seed(seed)
    random.seed(seed)
    np.random.seed(np.random.SeedSequence([job.base_seed, worker]).generate_state(4))  # noqa: NPY002  (data sets may draw from it)


def _begin(job: Job, worker: int, first: bool) -> tuple[Any, Failure | None]:
    try:
        if first and job.init is not None:
            job.init(worker)
        return fetcher(job.dataset, job.batched, job.collate, job.drop_last), None
    except Exception as error:
        return None, Failure(error, worker)


def _answer(fetch: Any, indices: Any, worker: int) -> Any:
    try:
        return fetch(indices)
    except EndOfSamples:
        return Ended()
    except Exception as error:
        return Failure(error, worker)


class _Sender:
    """Sends answers from a thread of its own, so that a worker goes on with the next batch while nobody fetches the last."""

    def __init__(self, pipe: Any) -> None:
        self._pipe = pipe
        self._answers: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def put(self, task: int, answer: Any, worker: int) -> None:
        try:
            data = ForkingPickler.dumps((task, answer))
        except Exception as error:
            failure = answer.untyped() if isinstance(answer, Failure) else Failure(error, worker)
            try:
                data = ForkingPickler.dumps((task, failure))
            except Exception:
                data = ForkingPickler.dumps((task, failure.untyped()))
        self._answers.put(data)

    def _run(self) -> None:
        with contextlib.suppress(OSError):
            while (data := self._answers.get()) is not None:
                self._pipe.send_bytes(data)

    def close(self) -> None:
        self._answers.put(None)


# ---- in the main process --------------------------------------------------------------------------------------------------


class Workers:
    """Running worker processes, which end with this object at the latest."""

    def __init__(self, job: Job, context: Any) -> None:
        self._processes: list[Any] = []
        self._pipes: list[Any] = []
        stopped, self._stop = context.Pipe(duplex=False)
        self.close = weakref.finalize(self, _end, self._processes, self._pipes, self._stop, os.getpid())
        for worker in range(job.num_workers):
            ours, theirs = context.Pipe()
            process = context.Process(target=work, args=(job, worker, theirs, stopped), daemon=True)
            with warnings.catch_warnings():  # of forking beside threads: those of BLAS are prepared for it
                warnings.simplefilter("ignore", DeprecationWarning)
                process.start()
            theirs.close()
            self._processes.append(process)
            self._pipes.append(ours)
        stopped.close()

    def send(self, worker: int, task: int, indices: Any) -> None:
        """Give a worker a task; indices of None begin an epoch."""
        try:
            self._pipes[worker].send((task, indices))
        except OSError:
            self._died()

    def receive(self, timeout: float) -> list[tuple[int, Any]]:
        """Wait for answers, each (task, answer). Raises WorkerError if none comes in time (0: wait for ever), or if a worker died."""
        sentinels = [p.sentinel for p in self._processes]
        ready: list[Any] = connection.wait([*self._pipes, *sentinels], timeout or None)
        if not ready:
            raise WorkerError(f"DataLoader timed out after {timeout} seconds; raise timeout, or look for what a worker is waiting for")
        answers = []
        for pipe in self._pipes:
            if pipe in ready:
                with contextlib.suppress(EOFError, OSError):
                    answers.append(ForkingPickler.loads(pipe.recv_bytes()))
        if not answers:
            self._died()
        return answers

    def _died(self) -> None:
        for p in self._processes:
            p.join(0.1)
        dead = ", ".join(f"{p.pid} (exit code {p.exitcode})" for p in self._processes if p.exitcode is not None)
        self.close()
        raise WorkerError(f"DataLoader worker (pid {dead}) exited unexpectedly; was it killed, or did it run out of memory?")


def _end(processes: list[Any], pipes: list[Any], stop: Any, owner: int) -> None:
    """End all workers: by a word to all, which waits unread in their pipe, then by a signal, then by one that cannot be ignored."""
    if os.getpid() != owner:  # a forked copy of this object
        return
    with contextlib.suppress(OSError):
        stop.send_bytes(b"stop")
    for end, patience in ((None, PATIENCE), ("terminate", 1.0), ("kill", None)):
        for p in processes:
            if end is not None and p.is_alive():
                getattr(p, end)()
        for p in processes:
            p.join(patience)
    for p in processes:
        p.close()
    for pipe in (*pipes, stop):
        pipe.close()
