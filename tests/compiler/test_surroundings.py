"""No value that a step reads is ever frozen: hostile programs against eager, and what only the system knows."""

from __future__ import annotations

import datetime
import functools
import io
import mmap
import os
import queue
import random
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_reg as tg
from tinygrad_reg.compiler.facts import Fact

from .hostile import PROGRAMS, x3
from .regression import same


@pytest.fixture(autouse=True)
def _process_state(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What the programs change of the process is put back."""
    monkeypatch.setattr(sys, "argv", list(sys.argv))
    threads = tg.get_num_threads()
    yield
    tg.set_num_threads(threads)
    for name in ("hostile", "hostilemod", "hostilemod2", "hostilemod3"):
        sys.modules.pop(name, None)


def run(name: str, compiled: bool) -> list[Any]:
    tg.manual_seed(0)
    step, change = PROGRAMS[name]()
    call = tg.compile(step, backend="numpy_source") if compiled else step
    found = []
    for i in range(14):
        if i in (5, 9):
            change(i)
        try:
            found.append(call(getattr(step, "argument", x3())))
        except (AttributeError, KeyError) as error:  # the change has taken away what the step reads
            found.append(type(error))
    return found


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.filterwarnings("ignore:compile. step")
def test_no_program_gets_a_frozen_value(name: str) -> None:
    eager = run(name, compiled=False)
    for i, (expected, found) in enumerate(zip(eager, run(name, compiled=True), strict=True)):
        assert expected is found if isinstance(expected, type) else same(expected, found), f"call {i}"


def reading(path: Path) -> float:
    with open(path) as file:
        return float(file.read())


def started() -> bool:
    thread = threading.Thread(target=int)
    thread.start()
    thread.join()
    return True


WORLD: dict[str, tuple[Callable[[Path], Any], str]] = {
    "time": (lambda path: time.time() > 0, "time tells the time"),
    "perf_counter": (lambda path: time.perf_counter_ns() > 0, "perf_counter_ns tells the time"),
    "date": (lambda path: datetime.datetime.now() > datetime.datetime.min, "now tells the time"),
    "exists": (lambda path: path.exists(), "stat asks the system"),
    "isfile": (lambda path: os.path.isfile(path), "stat asks the system"),
    "text": (lambda path: float(path.read_text()), "open asks the system"),
    "open": (reading, "open asks the system"),
    "arrays": (lambda path: float(np.loadtxt(path)), "open asks the system"),
    "array": (lambda path: float(np.fromfile(path, np.uint8)[0]), "fromfile asks the system"),
    "database": (lambda path: len(DATABASE.execute("select 1").fetchall()), "(execute|fetchall) asks the system"),
    "mapped memory": (lambda path: MAPPED[0] + 1, "'MAPPED' points to memory"),
    "checkpoint": (lambda path: tg.load(io.BytesIO(SAVED.getbuffer())), "load reads a file"),
    "folder": (lambda path: len(os.listdir(path.parent)), "listdir asks the system"),
    "working directory": (lambda path: len(os.getcwd()) > 0, "getcwd asks the system"),
    "bytes of the system": (lambda path: len(os.urandom(3)), "urandom asks the system"),
    "choice": (lambda path: random.choice([1, 1]), "getrandbits draws random numbers"),
    "thread": (lambda path: started(), "start_new_thread asks the system|start_joinable_thread asks the system"),
    "queue in C": (lambda path: QUEUE.qsize() + 1, "qsize asks the system"),
    "lock": (lambda path: LOCK.locked() + 1, "locked asks the system"),
    "text in memory": (lambda path: float(MEMORY.getvalue()), "getvalue asks the system"),
    "limit of recursion": (lambda path: sys.getrecursionlimit() > 0, "getrecursionlimit asks the system"),
}
QUEUE: queue.SimpleQueue[int] = queue.SimpleQueue()
LOCK = threading.Lock()
DATABASE = sqlite3.connect(":memory:")
MAPPED = mmap.mmap(-1, 8)
MEMORY = io.StringIO("1")
SAVED = io.BytesIO()
tg.save(tg.ones(()), SAVED)


@pytest.mark.parametrize("name", WORLD)
def test_what_only_the_system_knows_is_asked_at_every_call(name: str, tmp_path: Path) -> None:
    ask, why = WORLD[name]
    path = tmp_path / "value"
    path.write_text("1")
    step = tg.compile(lambda x: x * ask(path), backend="numpy_source")
    with pytest.warns(UserWarning, match=f"runs eagerly, since ({why})"):
        found = [step(x3()) for _ in range(6)]
    assert all(same(found[0], x) for x in found)
    assert "at test_surroundings.py:" in step.explain() or name == "mapped memory"


def test_a_file_that_is_read_is_an_iterator(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    path.write_text("1\n" * 6 + "2\n")
    with open(path) as file:
        step = tg.compile(lambda x: x * float(next(file)), backend="numpy_source")
        with pytest.warns(UserWarning, match="'file' is an iterator"):
            assert [step(tg.ones(())).item() for _ in range(7)] == [1, 1, 1, 1, 1, 1, 2]


def test_what_a_step_does_to_the_world_without_asking_it_does_not_stop_a_replay(capsys: pytest.CaptureFixture[str]) -> None:
    import logging

    logger = logging.getLogger("tests.compiler")
    logger.addHandler(logging.StreamHandler(sys.stdout))
    logger.propagate = False

    def function(x: Any) -> Any:
        print("printed")
        logger.warning("logged")
        return x * 2

    step = tg.compile(function, backend="numpy_source")
    for _ in range(5):
        assert same(function(x3()), step(x3()))
    assert "replayed 3 times" in step.explain()
    assert capsys.readouterr().out.count("logged") == 5 + 2


def test_what_a_library_looks_up_is_followed_by_what_it_is_given() -> None:
    """Frames are given to functions of `logging`; through them all that the step made would stay alive."""
    import gc
    import inspect
    import weakref

    class Made:
        pass

    made: list[Any] = []

    def function(x: Any) -> Any:
        mine = Made()
        made.append(weakref.ref(mine))
        inspect.getframeinfo(inspect.currentframe())  # type: ignore[arg-type]
        return x * 2

    step = tg.compile(function, backend="numpy_source")
    step(x3())
    gc.collect()
    assert made[0]() is None


def test_a_cached_function_is_asked_again_only_after_its_cache_was_cleared() -> None:
    settings = {"scale": 1.0}

    @functools.lru_cache
    def scale() -> float:
        return settings["scale"]

    step = tg.compile(lambda x: x * scale(), backend="numpy_source")
    for _ in range(4):
        step(x3())
    assert step.traces == 1
    fact = next(x for x in step._last.recording.facts if x.kind == "cache")
    assert isinstance(fact, Fact)
    assert fact.holds()
    scale.cache_clear()
    scale()
    assert not fact.holds()


def test_marks_of_arguments_that_stay_the_same_are_no_reason_to_trace_again() -> None:
    def marked(scale: float) -> tg.Tensor:
        x = x3()
        x.scale = scale  # type: ignore[attr-defined]
        return x

    step = tg.compile(lambda x: x * x.scale, backend="numpy_source")
    for scale in (2.0, 3.0):
        for _ in range(4):
            assert step(marked(scale)).tolist() == [scale, 2 * scale, 3 * scale]
    assert step.traces == 2
    assert "an attribute that is hung on an argument has changed" in step.explain()


def test_a_module_imported_by_the_first_run_may_look_at_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "imported_late.py").write_text("import os\n\nSCALE = 2.0 if os.path.exists(__file__) else 0.0\n")
    monkeypatch.syspath_prepend(tmp_path)

    def function(x: Any) -> Any:
        import imported_late  # type: ignore[import-not-found]

        return x * imported_late.SCALE

    step = tg.compile(function, backend="numpy_source")
    for _ in range(4):
        assert same(x3() * 2.0, step(x3()))
    assert "replayed 2 times" in step.explain()
