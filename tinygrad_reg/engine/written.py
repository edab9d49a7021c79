"""Functions written out for one purpose, where a call is so frequent that Python's general ways are too slow."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any


@functools.lru_cache(maxsize=1024)
def written(expression: str) -> Callable[..., Any]:
    """The function that an expression gives, as code of this file: what runs in others may be a user's, see compiler/names.py."""
    function: Callable[..., Any] = eval(compile(expression, __file__, "eval"), {})
    return function
