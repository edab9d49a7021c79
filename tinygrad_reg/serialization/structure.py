"""A nest of Python objects as JSON text and a dict of named arrays, and back.

JSON's own values stand for themselves: None, bools, numbers, strings, lists. Everything else is an object with one key, which says what
it is: `{"tuple": [...]}`, `{"dict": [[key, value], ...]}`, `{"tensor": [name, requires_grad]}`.
"""

from __future__ import annotations

import json
from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np

from ..device import Device, cpu
from ..dtypes import SUPPORTED, as_dtype
from ..engine.mutation import Array
from ..engine.node import wrap
from ..errors import ArgumentError, ArgumentTypeError, CheckpointError, TinygradRegError
from ..nn.parameter import Buffer, Parameter
from ..tensor import Size, Tensor

Arrays = dict[str, Array]
STRUCTURE = "__structure__"  # the name of the text among the arrays of an .npz file
RESERVED = (STRUCTURE, "__metadata__")  # the latter in .safetensors


def flatten(obj: object) -> tuple[str, Arrays]:
    """The JSON text and the arrays of an object. An array that occurs several times is there once."""
    writer = _Writer()
    try:
        return json.dumps(writer.encode(obj, "")), writer.arrays
    except RecursionError:
        raise ArgumentError("save: the object is nested too deeply, or contains itself") from None


class _Writer:
    """The arrays found so far, by the names they get: the keys and positions that lead to them, joined by dots."""

    def __init__(self) -> None:
        self.arrays: Arrays = {}
        self._names: dict[int, str] = {}

    def encode(self, obj: Any, path: str) -> Any:
        kind = type(obj)
        if obj is None or kind in (bool, int, float, str):
            return obj
        if kind is list:
            return self._items(obj, path)
        if kind in _SEQUENCES.values():
            return {kind.__name__: self._items(obj, path)}
        if kind in _MAPPINGS.values():
            return {kind.__name__: [[self.encode(k, path), self.encode(v, _join(path, k))] for k, v in obj.items()]}
        if kind in (Tensor, Parameter, Buffer):
            return {kind.__name__: [self._name(obj._concrete("save"), path), obj.requires_grad]}
        if kind is np.ndarray or isinstance(obj, np.generic):
            return {"ndarray" if kind is np.ndarray else "scalar": [self._name(np.asarray(obj), path)]}
        if isinstance(obj, np.dtype) and obj in SUPPORTED:
            return {"dtype": [str(obj)]}
        if kind is Device:
            return {"device": ["cpu"]}
        raise ArgumentTypeError(
            f"save: cannot save {f'the entry {path!r}, ' if path else ''}a {kind.__name__}. It saves dicts, lists and tuples of tensors, "
            "arrays, numbers, strings, bools and None; of modules and optimizers save the .state_dict()"
        )

    def _items(self, items: Any, path: str) -> list[Any]:
        return [self.encode(x, _join(path, i)) for i, x in enumerate(items)]

    def _name(self, array: Array, path: str) -> str:
        if array.dtype.newbyteorder("=") not in SUPPORTED:
            raise ArgumentTypeError(f"save: cannot save the entry {path!r}, an array of {array.dtype}; use one of the tensors' dtypes")
        if id(array) not in self._names:
            name = path if path.isprintable() and "\\" not in path and 0 < len(path) < 1000 else f"tensor{len(self.arrays)}"
            while name in self.arrays or name in RESERVED:
                name += "_"
            self.arrays[name] = array
            self._names[id(array)] = name
        return self._names[id(array)]


def _join(path: str, key: object) -> str:
    return f"{path}.{key}" if path else str(key)


_SEQUENCES = {kind.__name__: kind for kind in (tuple, Size)}
_MAPPINGS = {kind.__name__: kind for kind in (dict, OrderedDict, Counter)}


def unflatten(text: str | None, arrays: Arrays, name: str) -> Any:
    """The object again; without a text (the file is not ours), a dict of tensors. Raises CheckpointError if text and arrays do not fit."""
    if text is None:
        return {key: wrap(Tensor, array) for key, array in arrays.items()}
    try:
        return _decode(json.loads(text), arrays)
    except (LookupError, TypeError, ValueError, RecursionError, TinygradRegError) as error:
        raise CheckpointError(f"load: {name} is damaged; its structure does not make sense ({type(error).__name__}: {error})") from error


def _decode(node: Any, arrays: Arrays) -> Any:
    if isinstance(node, list):
        return [_decode(x, arrays) for x in node]
    if not isinstance(node, dict):
        return node
    ((kind, content),) = node.items()
    if kind in _MAPPINGS:
        return _MAPPINGS[kind]({_decode(k, arrays): _decode(v, arrays) for k, v in content})
    if kind in _SEQUENCES:
        return _SEQUENCES[kind]([_decode(x, arrays) for x in content])
    return _LEAVES[kind](arrays, *content)


def _tensor(arrays: Arrays, name: str, requires_grad: bool) -> Tensor:
    return wrap(Tensor, arrays[name]).requires_grad_(requires_grad)


def _parameter(arrays: Arrays, name: str, requires_grad: bool) -> Parameter:
    return Parameter(wrap(Tensor, arrays[name]), requires_grad)


def _buffer(arrays: Arrays, name: str, requires_grad: bool) -> Buffer:
    return Buffer(_tensor(arrays, name, requires_grad))


_LEAVES: dict[str, Callable[..., Any]] = {
    "Tensor": _tensor,
    "Parameter": _parameter,
    "Buffer": _buffer,
    "ndarray": lambda arrays, name: arrays[name],
    "scalar": lambda arrays, name: arrays[name][()],
    "dtype": lambda arrays, name: as_dtype(name),
    "device": lambda arrays, name: cpu,
}
