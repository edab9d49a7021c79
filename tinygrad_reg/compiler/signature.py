"""The signature of a call: what about its arguments decides the program."""

from __future__ import annotations

import dataclasses
import inspect
import types
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..engine.mutation import NDArray
from ..engine.node import Value
from ..errors import ArgumentTypeError
from .names import whose_file
from .trees import flatten


def signature(args: tuple[Any, ...], kwargs: dict[str, Any], tensors: list[Any]) -> Any:
    """Of tensors and arrays the form, of other values the values themselves. The former are collected in `tensors`."""
    key = []
    for x in args:
        if not isinstance(x, Value):
            break
        array = x.array
        key.append((array.shape, array.dtype, array.strides, type(x.node)))
    else:
        if not kwargs and len({id(x.array) for x in args}) == len(args):
            tensors += args  # the usual case, written out for speed
            return tuple(key)
    return general(args, kwargs, tensors)


def general(args: tuple[Any, ...], kwargs: dict[str, Any], tensors: list[Any], shape: Callable[[NDArray, int], Any] | None = None) -> Any:
    """The same for arguments of any kind. `shape` may say what stands for shape and strides of the array at a position."""

    def leaf(x: Any) -> Any:
        if not isinstance(x, (Value, np.ndarray)):
            return _static(x)
        array, node = (x.array, type(x.node)) if isinstance(x, Value) else (x, np.ndarray)
        position = positions.setdefault(id(array), len(tensors))
        about = (array.shape, array.strides) if shape is None else shape(array, position)
        about = (*about, array.dtype, node)
        if position == len(tensors):
            tensors.append(x)
            return about
        return (position, *about) if tensors[position] is x else _Unique()

    positions: dict[int, int] = {}
    return flatten(args, leaf), flatten(kwargs, leaf) if kwargs else None


class _Itself:
    """Equal to nothing but the same about the same object, which it keeps alive."""

    def __init__(self, x: Any) -> None:
        self._x = x

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Itself) and self._x is other._x

    def __hash__(self) -> int:
        return id(self._x)


class _Unique:
    """Equal to nothing else: two different arguments are one array, so the call is traced anew every time."""


def _static(x: Any) -> Any:
    """A key for a value that decides the program by itself: 1, 1.0, True and -0.0 are all different."""
    if isinstance(x, float):
        return type(x), x.hex()
    try:
        hash(x)
    except TypeError:
        raise ArgumentTypeError(
            f"compile: an argument of type {type(x).__name__} is neither a tensor, nor hashable, nor a tuple, list or dict of "
            "those; let the step read it from outside, or pass its parts"
        ) from None
    equal = type(x).__eq__
    if isinstance(equal, types.FunctionType) and whose_file(equal.__code__.co_filename) == "user":
        return type(x), _parts(x)  # what a class of the user's calls equal may differ in what the step reads
    return type(x), x


def _parts(x: Any) -> Any:
    """All fields of a dataclass, also those that it leaves out when it compares; of another object, itself."""
    if not dataclasses.is_dataclass(x):
        return _Itself(x)
    return tuple([flatten(getattr(x, field.name), _field) for field in dataclasses.fields(x)])


def _field(x: Any) -> Any:
    return _Itself(x) if isinstance(x, (Value, np.ndarray)) else _static(x)


def parameter_names(function: Callable[..., Any]) -> list[str]:
    """The names of a function's positional parameters, as far as they can be known."""
    try:
        parameters = inspect.signature(getattr(function, "forward", function)).parameters.values()  # a module's call takes anything
    except (TypeError, ValueError):
        return []
    return [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]


def leaf_names(parameters: list[str], args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[str]:
    """Names for the tensors of a call, in the order of `signature`: `x`, or `batch_0` for a part of `batch`."""
    names = [*parameters, *[f"argument{i}" for i in range(len(parameters), len(args))]]
    found: dict[int, str] = {}
    for name, tree in [*zip(names, args, strict=False), *kwargs.items()]:
        for path, x in _paths(tree, name):
            if isinstance(x, (Value, np.ndarray)):
                found.setdefault(id(x.array if isinstance(x, Value) else x), path)
    return list(found.values())


def _paths(tree: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    if isinstance(tree, dict):
        for key, x in tree.items():
            yield from _paths(x, f"{prefix}_{key}" if str(key).isidentifier() else f"{prefix}_")
    elif isinstance(tree, (tuple, list)):
        for i, x in enumerate(tree):
            yield from _paths(x, f"{prefix}_{i}")
    else:
        yield prefix, tree
