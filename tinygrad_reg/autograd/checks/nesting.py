"""Tensors in nested tuples, lists and dicts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ...tensor import Tensor


def tensors_in(x: Any, name: str) -> Iterator[tuple[str, Tensor]]:
    """All tensors in nested tuples, lists and dicts, with the expression that finds them."""
    if isinstance(x, Tensor):
        yield name, x
    elif isinstance(x, tuple | list | dict):
        for key, item in x.items() if isinstance(x, dict) else enumerate(x):
            yield from tensors_in(item, f"{name}[{key!r}]")


def replaced(x: Any, swap: dict[int, Any]) -> Any:
    """The same nesting with what `swap` has in place of an object, by its id."""
    if id(x) in swap:
        return swap[id(x)]
    if isinstance(x, dict):
        return {key: replaced(item, swap) for key, item in x.items()}
    if isinstance(x, tuple) and hasattr(x, "_fields"):
        return type(x)(*[replaced(item, swap) for item in x])
    if isinstance(x, tuple | list):
        return type(x)([replaced(item, swap) for item in x])
    return x
