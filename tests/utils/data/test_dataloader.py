"""DataLoader: the same batches whoever makes them, errors that say where, and no process left behind."""

from __future__ import annotations

import gc
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import tinygrad_reg as tg
from tinygrad_reg.errors import ArgumentError, WorkerError
from tinygrad_reg.utils import data

pytestmark = pytest.mark.timeout(60)  # a worker that hangs


@pytest.fixture(autouse=True)
def no_process_left() -> Iterator[None]:
    yield
    if multiprocessing.active_children():
        gc.collect()  # pytest.raises leaves its exception, and with it every variable of the test, to the garbage collector
    assert multiprocessing.active_children() == []


class Calls(data.Dataset[Any]):
    """Sample i is function(i)."""

    def __init__(self, n: int, function: Callable[[int], Any]) -> None:
        self.n = n
        self.function = function

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, i: int) -> Any:
        return self.function(i)


class Stream(data.IterableDataset[int]):
    """0, 1, 2, ... n - 1, divided among workers if `divided`."""

    def __init__(self, n: int, divided: bool = True) -> None:
        self.n = n
        self.divided = divided

    def __iter__(self) -> Iterator[int]:
        info = data.get_worker_info()
        if info is None or not self.divided:
            return iter(range(self.n))
        return iter(range(info.id, self.n, info.num_workers))


def lists(loader: Any) -> list[Any]:
    return [x.tolist() if isinstance(x, tg.Tensor) else x for x in loader]


def identity(x: Any) -> Any:
    return x


@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.parametrize(
    "options",
    [
        {"batch_size": 4},
        {"batch_size": 4, "drop_last": True},
        {"batch_size": 4, "shuffle": True},
        {"batch_size": None},
        {"batch_sampler": [[1, 2], [0], [5, 5, 5]]},
        {"sampler": [3, 1], "collate_fn": identity},
        {"batch_size": 2, "prefetch_factor": 7, "persistent_workers": True},
    ],
)
def test_workers_give_what_one_process_gives(workers: int, options: dict[str, Any]) -> None:
    alone = {k: v for k, v in options.items() if k not in ("prefetch_factor", "persistent_workers")}
    tg.manual_seed(3)
    one = data.DataLoader(range(11), **alone)
    expected = [lists(one), lists(one), tg.rand(1).item()]
    tg.manual_seed(3)
    many = data.DataLoader(range(11), num_workers=workers, **options)
    assert [lists(many), lists(many), tg.rand(1).item()] == expected
    assert len(many) == len(expected[0])


def test_the_order_is_decided_by_a_generator_of_its_own() -> None:
    first, second = [
        lists(data.DataLoader(range(30), 7, shuffle=True, generator=tg.Generator().manual_seed(1), num_workers=n)) for n in (0, 2)
    ]
    assert first == second
    assert sorted(sum(first, [])) == list(range(30))


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_every_way_to_start_a_process(method: str) -> None:
    loader = data.DataLoader(data.TensorDataset(tg.arange(6), tg.ones(6, 2)), 4, num_workers=1, multiprocessing_context=method)
    (a, x), (b, _) = loader
    assert a.tolist() + b.tolist() == list(range(6))
    x.add_(1.0)
    assert x.tolist() == [[2.0, 2.0]] * 4


def test_streams() -> None:
    assert lists(data.DataLoader(Stream(7), 3)) == [[0, 1, 2], [3, 4, 5], [6]]
    assert lists(data.DataLoader(Stream(7), 3, drop_last=True)) == [[0, 1, 2], [3, 4, 5]]
    assert lists(data.DataLoader(Stream(3), None)) == [0, 1, 2]
    assert lists(data.DataLoader(Stream(7), 2, num_workers=2)) == [[0, 2], [1, 3], [4, 6], [5]]
    assert lists(data.DataLoader(Stream(5, divided=False), 3, num_workers=2)) == [[0, 1, 2], [0, 1, 2], [3, 4], [3, 4]]
    uneven = lists(data.DataLoader(Stream(100), None, num_workers=3))
    assert sorted(uneven) == list(range(100))
    assert lists(data.DataLoader(Stream(0), 2, num_workers=2)) == []
    with pytest.raises(TypeError, match="len"):
        len(data.DataLoader(Stream(3)))


def test_persistent_workers_are_the_same_processes() -> None:
    def pids(loader: Any) -> set[int]:
        return {x.item() for x in loader}

    loader = data.DataLoader(Calls(8, lambda i: os.getpid()), num_workers=2, persistent_workers=True)
    first = pids(loader)
    next(iter(loader))  # an epoch that is given up in the middle
    assert pids(loader) == first
    assert len(first) == 2
    assert os.getpid() not in first
    fresh = data.DataLoader(Calls(8, lambda i: os.getpid()), num_workers=2)
    assert not pids(fresh) & pids(fresh)


def test_an_epoch_given_up_does_not_leak_into_the_next() -> None:
    loader = data.DataLoader(range(40), 2, num_workers=2, persistent_workers=True)
    for _ in range(10):
        assert next(iter(loader)).tolist() == [0, 1]
    assert lists(loader) == lists(data.DataLoader(range(40), 2))
    stream = data.DataLoader(Stream(20), 2, num_workers=2, persistent_workers=True)
    next(iter(stream))
    assert sorted(sum(lists(stream), [])) == list(range(20))


def test_results_as_they_come() -> None:
    def slow_first(i: int) -> int:
        time.sleep(0.5 if i == 0 else 0.0)
        return i

    found = lists(data.DataLoader(Calls(6, slow_first), num_workers=2, in_order=False, collate_fn=lambda batch: batch[0]))
    assert found[0] != 0
    assert sorted(found) == list(range(6))


def test_each_worker_knows_itself_and_draws_other_numbers() -> None:
    def draw(i: int) -> Any:
        info = data.get_worker_info()
        assert info is not None
        return info.id, info.num_workers, info.seed, (random.random(), float(np.random.random()), tg.rand(1).item())  # noqa: NPY002

    def run() -> Any:
        tg.manual_seed(9)
        return list(data.DataLoader(Calls(4, draw), None, num_workers=2, collate_fn=identity))

    first, second = run(), run()
    assert first == second
    assert [x[0] for x in first] == [0, 1, 0, 1]
    assert first[1][2] == first[0][2] + 1
    assert len({number for x in first for number in x[3]}) == 12
    assert data.get_worker_info() is None


def test_a_worker_has_one_thread_unless_it_asks_for_more() -> None:
    def threads(i: int) -> int:
        return tg.get_num_threads()

    assert lists(data.DataLoader(Calls(4, threads), None, num_workers=2)) == [1] * 4
    assert lists(data.DataLoader(Calls(4, threads), None, num_workers=2, worker_init_fn=lambda _: tg.set_num_threads(3))) == [3] * 4


def test_the_function_that_prepares_a_worker() -> None:
    def prepare(worker: int) -> None:
        os.environ["PREPARED"] = str(worker)

    loader = data.DataLoader(
        Calls(4, lambda i: int(os.environ["PREPARED"])), None, num_workers=2, worker_init_fn=prepare, persistent_workers=True
    )
    assert lists(loader) == lists(loader) == [0, 1, 0, 1]

    def fail(worker: int) -> None:
        raise LookupError("not prepared")

    with pytest.raises(LookupError, match="not prepared"):
        list(data.DataLoader(range(3), num_workers=1, worker_init_fn=fail))


class OddError(Exception):
    def __init__(self, a: int, b: int) -> None:
        super().__init__(f"odd {a} {b}")


def raiser(error: Exception) -> Callable[[int], int]:
    def at_two(i: int) -> int:
        if i == 2:
            raise error
        return i

    return at_two


class UnpicklableError(Exception):
    __reduce__ = None  # type: ignore[assignment]


def local_error() -> Exception:
    class LocalError(Exception):
        pass

    return LocalError("local")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (KeyError("bad"), KeyError),
        (ValueError("bad"), ValueError),
        (OddError(1, 2), RuntimeError),
        (local_error(), RuntimeError),
        (StopIteration("too early"), RuntimeError),
        (tg.errors.ShapeError("bad"), tg.errors.ShapeError),
    ],
)
def test_an_error_in_a_worker_is_raised_here_with_its_traceback(error: Exception, kind: type[Exception]) -> None:
    iterator = iter(data.DataLoader(Calls(4, raiser(error)), None, num_workers=1))
    assert [next(iterator), next(iterator)] == [0, 1]
    with pytest.raises(kind) as info:
        next(iterator)
    assert type(info.value) is kind or isinstance(info.value, KeyError)
    assert f"Caught {type(error).__name__} in DataLoader worker process 0" in str(info.value)
    assert "in at_two" in str(info.value)
    assert next(iterator) == 3
    assert list(iterator) == []


def test_a_sample_that_cannot_travel() -> None:
    with pytest.raises(Exception, match="DataLoader worker process 0"):
        list(data.DataLoader(Calls(1, lambda i: lambda: i), None, num_workers=1))
    x = tg.ones(1, requires_grad=True)
    with pytest.raises(tg.errors.GradientError, match="detach"):
        list(data.DataLoader(Calls(1, lambda i: x * 2), None, num_workers=1))


@pytest.mark.parametrize("how", [lambda: os._exit(3), lambda: os.kill(os.getpid(), signal.SIGKILL)])
def test_a_worker_that_dies_is_an_error(how: Callable[[], None]) -> None:
    def die(i: int) -> int:
        if i == 5:
            how()
        return i

    with pytest.raises(WorkerError, match="exited unexpectedly"):
        list(data.DataLoader(Calls(20, die), None, num_workers=2))


def test_a_worker_that_is_too_slow_is_an_error() -> None:
    start = time.monotonic()
    with pytest.raises(RuntimeError, match="timed out after 0.2 seconds"):
        list(data.DataLoader(Calls(2, lambda i: time.sleep(60)), None, num_workers=1, timeout=0.2))
    assert time.monotonic() - start < 10


def test_an_error_in_the_loop_ends_the_workers() -> None:
    def loop() -> None:
        for x in data.DataLoader(range(1000), num_workers=2):
            raise LookupError(x)

    with pytest.raises(LookupError):
        loop()
    assert multiprocessing.active_children() == []


def test_large_batches_and_long_lists_of_numbers_do_not_block() -> None:
    loader = data.DataLoader(Calls(60_000, lambda i: i), 30_000, num_workers=1, prefetch_factor=4)
    assert [len(x) for x in loader] == [30_000, 30_000]
    large = data.DataLoader(Calls(8, lambda i: np.full(300_000, i)), None, num_workers=2, prefetch_factor=4)
    assert [x[-1].item() for x in large] == list(range(8))


def test_batches_are_made_ahead() -> None:
    def note(i: int) -> float:
        return time.monotonic()

    iterator = iter(data.DataLoader(Calls(4, note), None, num_workers=1, prefetch_factor=3, collate_fn=identity))
    next(iterator)
    time.sleep(0.3)
    asked = time.monotonic()
    assert next(iterator) < asked - 0.1
    assert next(iterator) < asked - 0.1


INTERRUPTED = """
import os, signal, sys, time
import tinygrad_reg as tg

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs inherit that it is ignored

class Slow(tg.utils.data.Dataset):
    def __len__(self): return 1000
    def __getitem__(self, i):
        time.sleep(0.1 if i < 4 else float(sys.argv[1]))
        return os.getpid()

if __name__ == "__main__":
    for x in tg.utils.data.DataLoader(Slow(), num_workers=2):
        print(x.item(), flush=True)
"""


@pytest.mark.skipif(os.name == "nt", reason="sends signals to a group of processes")
@pytest.mark.parametrize(("how", "seconds"), [(signal.SIGINT, "30"), (signal.SIGKILL, "0.1")])
def test_ctrl_c_and_the_death_of_the_main_process_end_the_workers(how: signal.Signals, seconds: str) -> None:
    command = [sys.executable, "-c", INTERRUPTED, seconds]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes, start_new_session=True) as process:
        workers = {int(process.stdout.readline()) for _ in range(4)}
        if how is signal.SIGINT:
            os.killpg(process.pid, how)
        else:
            process.kill()
        text = process.communicate(timeout=20)[1]  # ends when the last of them has closed its output
    if how is signal.SIGINT:
        assert text.count("KeyboardInterrupt") == 1, "only the main process tells of it"
        assert not any(exists(pid) for pid in workers)


def exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize(
    "options",
    [
        {"batch_size": 0},
        {"batch_size": True},
        {"batch_size": None, "drop_last": True},
        {"shuffle": True, "sampler": [1]},
        {"batch_size": 2, "batch_sampler": [[1]]},
        {"batch_sampler": [[1]], "shuffle": True},
        {"num_workers": -1},
        {"num_workers": True},
        {"timeout": -1},
        {"prefetch_factor": 2},
        {"num_workers": 1, "prefetch_factor": -1},
        {"persistent_workers": True},
        {"multiprocessing_context": "spawn"},
        {"multiprocessing_context": "threads", "num_workers": 1},
    ],
)
def test_options_that_contradict(options: dict[str, Any]) -> None:
    with pytest.raises(ArgumentError):
        data.DataLoader(range(3), **options)


def test_what_is_fixed_and_what_a_stream_decides_itself() -> None:
    with pytest.raises(ArgumentError, match="cannot be changed"):
        data.DataLoader(range(3)).batch_size = 4
    for options in ({"shuffle": True}, {"sampler": [1]}, {"batch_sampler": [[1]]}):
        with pytest.raises(ArgumentError, match="IterableDataset"):
            data.DataLoader(Stream(3), **options)  # type: ignore[arg-type]
