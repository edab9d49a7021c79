"""The user's lines: where an error points to."""

from __future__ import annotations

import linecache
import os
import sys
from types import FrameType
from typing import TypeAlias

import numpy as np

Place: TypeAlias = tuple[str, int]  # a file, and the number of a line

_OTHERS = tuple([os.path.join(os.path.dirname(os.path.abspath(file)), "") for file in (os.path.dirname(__file__), np.__file__)])


def is_users(frame: FrameType) -> bool:
    """Whether a frame runs code outside of this package and of NumPy."""
    return not frame.f_code.co_filename.startswith(_OTHERS)


def users_frame(frame: FrameType | None) -> FrameType | None:
    """The innermost frame of the user's code among this one and its callers."""
    while frame is not None and not is_users(frame):
        frame = frame.f_back
    return frame


def place_of(frame: FrameType | None) -> Place | None:
    """The line that a frame has come to."""
    return None if frame is None else (frame.f_code.co_filename, frame.f_lineno)


def described(place: Place | None) -> str | None:
    """A place in words, with what stands there."""
    return None if place is None else f"{place[0]}:{place[1]}: {linecache.getline(*place).strip()}"


def blame(recorded: str | None, modified: str | None) -> str:
    """The end of a message over a saved value that was modified: where the call was recorded, and what is known of the write."""
    if recorded is None:
        return "\n  (inside `autograd.set_detect_anomaly(True)` this names both lines)"
    return f"\n  recorded at {recorded}\n  modified at {modified or 'a line that ran outside of anomaly mode'}"


def user_line() -> str | None:
    """The user's line that is being executed, in words."""
    return described(place_of(users_frame(sys._getframe(1))))
