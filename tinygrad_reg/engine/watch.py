"""Anomaly mode's watch over memory that NumPy code can write to: which line of the user's program did it.

NumPy tells nobody of its writes. So, once a graph has saved such memory, it is looked at after every line that the user's program
runs: Python calls `_at_line` for each (sys.settrace). Where a debugger or a coverage tool sits there already, it is looked at only when
operations are recorded and in backward, so that a write is known to lie between two lines.
"""

from __future__ import annotations

import sys
import weakref
from _thread import _local
from types import FrameType
from typing import Any, Protocol

from .lines import Place, described, is_users, place_of, users_frame
from .state import state


class Watched(Protocol):
    """What can be looked at."""

    writer: str | None  # what is known of the line that changed it

    def changed(self) -> bool:
        """Whether NumPy code has changed it since it was saved or lent."""


class Watch(_local):
    """What the current thread looks at, and the user's line at the time of the last look."""

    def __init__(self) -> None:
        self.watched: weakref.WeakSet[Any] = weakref.WeakSet()
        self.last: Place | None = None

    def follow(self, it: Watched) -> None:
        """Look at it from now on, until it has changed or is gone."""
        self.look()
        self.watched.add(it)
        if sys.gettrace() is None:
            sys.settrace(_at_call)
            frame = users_frame(sys._getframe(1))
            while frame is not None:
                if is_users(frame):
                    frame.f_trace = _at_line
                frame = frame.f_back

    def look(self) -> None:
        """Look at everything now."""
        self.look_in(users_frame(sys._getframe(1)))

    def look_in(self, frame: FrameType | None) -> None:
        """Look at everything, at the line that this frame has come to."""
        now = place_of(frame)
        changed = [it for it in self.watched if it.changed()]
        for it in changed:
            between = f"some line after {described(self.last)}\n  and before {described(now)}"
            it.writer = described(self.last) if sys.gettrace() is _at_call else between
            self.watched.discard(it)
        self.last = now


def writer_of(it: Watched) -> str | None:
    """What anomaly mode knows by now of the line that changed it."""
    if it in watch.watched:
        watch.look()
    return it.writer


def _at_call(frame: FrameType, event: str, arg: Any) -> Any:
    """Python's trace function: called for each function that begins."""
    return _at_line(frame, "call", arg) if is_users(frame) else None


def _at_line(frame: FrameType, event: str, arg: Any) -> Any:
    """And that of a function's frame: called before each of its lines, and when it returns."""
    if state.anomaly and watch.watched:
        if event != "exception":
            watch.look_in(users_frame(frame.f_back) if event == "return" else frame)
        return _at_line
    if sys.gettrace() is _at_call:
        sys.settrace(None)
    return None


watch = Watch()
