"""Functions in C whose answers no Python variable tells beforehand: clocks, files, threads, random generators.

A step that calls one of them is not replayed. What such functions only do (`print`, `write`) is not looked for: it happens when the
step is traced, and not when it is replayed.
"""

from __future__ import annotations

import _random
import datetime
import io
from typing import Any

_PASS_ARGUMENTS = "pass its result as an argument"
_DRAW_OURS = "pass the numbers as an argument, or draw them with this library's random functions"
_OF_SYSTEM = frozenset({"posix", "nt", "_socket", "select", "_posixsubprocess", "_winapi", "_queue", "sqlite3", "gc", "resource"})
_HARMLESS = frozenset({"fspath", "getpid", "_path_normpath", "_path_splitroot", "write", "putenv", "unsetenv"})
_FUNCTIONS = {
    "builtins": frozenset({"input"}),
    "io": frozenset({"open", "open_code"}),
    "_io": frozenset({"open", "open_code"}),
    "numpy": frozenset({"fromfile"}),
    "_thread": frozenset({"start_new_thread", "start_joinable_thread", "locked", "_count"}),
    "sys": frozenset({"getrecursionlimit", "getswitchinterval", "getrefcount", "getallocatedblocks"}),
}
_CLOCKS = ("time", "monotonic", "perf_counter", "process_time", "thread_time", "clock", "localtime", "gmtime", "ctime", "strftime")
_DATES = frozenset({"now", "utcnow", "today"})
_READS = ("read", "getvalue", "getbuffer", "peek", "tell")


def untold(function: Any, directly: bool) -> str | None:
    """Why a step that calls this function in C must not be replayed; None if it may. `directly`: the caller is no library.

    Libraries may look at the clock: that is how logs date their lines.
    """
    name, holder = function.__name__, getattr(function, "__self__", None)
    if isinstance(holder, _random.Random):
        return f"{name} draws random numbers, which a replay would not draw anew; {_DRAW_OURS}"
    kind = holder if isinstance(holder, type) else type(holder)
    module = function.__module__ or kind.__module__
    if _is_clock(module, name, kind):
        return f"{name} tells the time, which a replay would not ask anew; {_PASS_ARGUMENTS}" if directly else None
    reads = issubclass(kind, io.IOBase) and name.startswith(_READS)
    system = module in _OF_SYSTEM and name not in _HARMLESS
    if reads or system or name in _FUNCTIONS.get(module, ()):
        return f"{name} asks the system or makes it do something, which a replay would not; call it outside of the step"
    return None


def _is_clock(module: str, name: str, kind: type) -> bool:
    return (module == "time" and name.startswith(_CLOCKS)) or (issubclass(kind, datetime.date) and name in _DATES)
