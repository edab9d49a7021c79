"""Nested tuples, lists and dicts as a hashable specification, and back.

A specification is `(type, keys, children)` for a container and whatever the caller makes of a leaf.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def flatten(tree: Any, leaf: Callable[[Any], Any]) -> Any:
    """The specification of a tree, with `leaf(x)` for everything that is no tuple, list or dict."""
    kind = type(tree)
    if kind is tuple or kind is list:
        return kind, None, tuple([flatten(x, leaf) for x in tree])
    if kind is dict:
        return kind, tuple(tree), tuple([flatten(x, leaf) for x in tree.values()])
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return kind, tree._fields, tuple([flatten(x, leaf) for x in tree])
    return leaf(tree)


def unflatten(spec: Any, leaf: Callable[[Any], Any]) -> Any:
    """The tree of a specification, with `leaf(x)` for its leaves, which must not be tuples."""
    if type(spec) is not tuple:
        return leaf(spec)
    kind, keys, children = spec
    made = [unflatten(child, leaf) for child in children]
    if kind is dict:
        return dict(zip(keys, made, strict=True))
    return kind(made) if keys is None else kind(*made)
