"""The Python variables that a step depends on beside its arguments.

While a step is traced, a `Witness` sees which functions of the user's and of layers run. What these name (variables of their
modules and closures, attributes, entries of containers) is then looked up in everything that can be reached from them. Each
such place is a `Fact`: the value it held. A recording is replayed only while all of its facts hold; and a step that changes
them itself is not replayed, since the replay would leave that out. So the names decide, not what was really read: a few facts
too many cost some nanoseconds a call, one too few would freeze a value silently.
"""

from __future__ import annotations

import gc
import os
import sys
import types
import weakref
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Self

import numpy as np

from ..engine.node import Value
from ..nn.module import Module
from .facts import Fact
from .marks import Marks, hung_on, marks_of
from .names import FOLLOWED, LOOKUPS_IN_C, may_ask, named, whose_file
from .opaque import is_iterator
from .survey import LISTS, PLAIN, Survey
from .trace import user_line
from .world import untold

_RUNNING = (types.FrameType, types.TracebackType)  # they would keep alive what the step makes


class Witness:
    """Sees the functions that run inside of `with witness:`, and tells what they depend on."""

    def __init__(self) -> None:
        self._globals: dict[types.CodeType, dict[str, Any]] = {}
        self._layers: dict[types.CodeType, None] = {}
        self._met: list[tuple[Any, str]] = []  # functions that give arguments, as long as they live, and their names
        self._opened: list[Any] = []  # ... those of libraries that look for attributes by names that are values
        self._aliases: set[types.CodeType] = set()  # code that looks for attributes by a function of another name
        self._untold: dict[types.CodeType, str] = {}  # why what code has asked in C must not be replayed
        self._imports = 0  # how many modules are being imported, each by the one before
        self.marks: Marks | None = None

    def __enter__(self) -> Self:
        self._before = sys.getprofile()
        sys.setprofile(self._see)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(self._before)

    def _see(self, frame: types.FrameType, event: str, what: Any) -> None:
        code = frame.f_code
        if code.co_filename == "<frozen importlib._bootstrap>" and code.co_name == "_find_and_load":
            self._imports += {"call": 1, "return": -1}.get(event, 0)
        if self._imports:  # what a module does when it is imported, it does once
            return
        if event == "c_call" and may_ask(code.co_filename):
            self._ask(code, what)
        if event != "call":
            return
        whose = whose_file(code.co_filename)
        if code.co_filename == "<string>" and frame.f_globals.get("__name__", "").startswith("namedtuple_"):
            return  # code that was made for a named tuple, such as those that a trace writes down
        if whose in FOLLOWED or (whose == "library" and frame.f_back is not None and frame.f_back.f_code in self._globals):
            self._globals[code] = frame.f_globals  # not what this package calls
        elif whose == "layer" and code is not Module.__call__.__code__:
            self._layers[code] = None
        else:
            return
        local = frame.f_locals
        opened = self._opened if whose == "library" and named(code).computes else []
        for name in code.co_varnames[: code.co_argcount + code.co_kwonlyargcount + 2]:
            self._meet(local.get(name), name, opened)

    def _ask(self, code: types.CodeType, function: Any) -> None:
        """Note what code asks of a function in C that no Python variable shows."""
        whose = whose_file(code.co_filename)
        why = untold(function, directly=whose in FOLLOWED)
        if why is not None and (whose != "library" or code in self._globals):
            self._untold.setdefault(code, f"{why}\n  at {user_line()}")
        elif function in LOOKUPS_IN_C and whose in FOLLOWED and not named(code).looks_up:
            self._aliases.add(code)

    def _meet(self, x: Any, name: str, opened: list[Any]) -> None:
        """Remember an argument as long as it lives: what a step makes itself is nothing to compare later."""
        if type(x) in (tuple, dict):
            for part in x.values() if type(x) is dict else x:
                self._meet(part, name, opened)
        elif not isinstance(x, (*PLAIN, Value, np.ndarray, *LISTS, *_RUNNING)) and not is_iterator(x):
            try:
                ref: Any = weakref.ref(x)
            except TypeError:  # a class with __slots__, or a container of another kind

                def ref() -> Any:
                    return x

            self._met.append((ref, name))
            opened.append(ref)

    def facts(
        self, function: Any, given: Sequence[Any], refuse: Callable[[str], None], captured: Iterable[np.ndarray[Any, Any]]
    ) -> tuple[Fact, ...]:
        """The facts that a run of this function on these tensors and arrays depended on; its `marks` are noted.

        `refuse` is told what forbids a replay altogether. `captured` are the arrays that a replay reads anew anyway.
        """
        for callback in gc.callbacks:  # the garbage collector may have run its own in between
            if isinstance(callback, types.FunctionType):
                self._globals.pop(callback.__code__, None)
                self._untold.pop(callback.__code__, None)
        survey = self._survey(function, given, captured, frozenset())
        while not survey.learned <= survey.named:
            survey = self._survey(function, given, captured, survey.learned)
        self.marks = marks_of(given, None if survey.computed else survey.named, survey.doubted, survey.values if survey.compares else {})
        for why in (*self._untold.values(), *survey.refused):
            refuse(why)
        return tuple(survey.found.values())

    def _survey(self, function: Any, given: Sequence[Any], captured: Iterable[np.ndarray[Any, Any]], learned: frozenset[str]) -> Survey:
        opened = [x for ref in self._opened if (x := ref()) is not None]
        survey = Survey(list(self._globals), list(self._layers), captured, learned, bool(self._aliases), opened)
        survey.visit(function, "")
        for code, variables in self._globals.items():
            survey.variables(code, variables)
        for x in given:
            for name, value in hung_on(x, None if survey.computed else survey.named).items():
                survey.visit(value, name)
        for met, name in self._met:
            survey.visit(met(), name)
        for other in self._hidden(survey):
            survey.visit(other, other.__name__)
        survey.close()
        return survey

    def _hidden(self, survey: Survey) -> list[Any]:
        """Functions with a closure that have run and that nothing led to. Those made by the step itself have no facts."""
        inner = {constant for code in self._globals for constant in code.co_consts if isinstance(constant, types.CodeType)}
        left = [code for code in self._globals if code.co_freevars and code not in survey.entered and code not in inner]
        return [x for x in referrers(*left) if isinstance(x, types.FunctionType)]

    def reads_memory(self) -> bool:
        """Whether a function of the user's takes `.array` of something: the memory of a tensor, if it is one."""
        return any(named(code).memory for code in self._globals if whose_file(code.co_filename) in FOLLOWED)

    def looks_at_sizes(self) -> str | None:
        """A function of the user's that names what gives the size of a tensor."""
        for code in self._globals:
            if whose_file(code.co_filename) in FOLLOWED and named(code).sizes:
                return f"{code.co_name} in {os.path.basename(code.co_filename)}, line {code.co_firstlineno}"
        return None


def referrers(*objects: Any) -> list[Any]:
    """The containers that hold any of these, among them those that `gc.freeze` has put aside, which are put aside again."""
    if not objects:
        return []
    if not gc.get_freeze_count():
        return gc.get_referrers(*objects)
    gc.unfreeze()
    try:
        return gc.get_referrers(*objects)
    finally:
        gc.freeze()
