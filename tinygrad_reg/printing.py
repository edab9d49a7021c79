"""Tensors as text, in PyTorch's layout: four decimals, aligned, lines of 80, long tensors abbreviated."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from .engine.mutation import Array
from .engine.state import get_default_dtype

if TYPE_CHECKING:
    from .tensor import Tensor

_PRECISION, _THRESHOLD, _EDGE, _WIDTH = 4, 1000, 3, 80

Write = Callable[[Any], str]


def tensor_text(tensor: Tensor, prefix: str = "tensor(") -> str:
    """`tensor([1., 2.], requires_grad=True)`."""
    array = tensor.array
    text = prefix + array_text(array, len(prefix))
    line = len(text) - text.rfind("\n") + 1
    for note in _notes(tensor):
        if line + len(note) + 2 > _WIDTH:
            text += ",\n" + " " * len(prefix) + note
            line = len(prefix) + len(note)
        else:
            text += ", " + note
            line += len(note) + 2
    return text + ")"


def _notes(tensor: Tensor) -> Iterator[str]:
    """What is said behind the elements: the shape if they do not show it, an unusual dtype, the part in a graph."""
    array, default = tensor.array, get_default_dtype()
    if array.size == 0 and array.ndim != 1:
        yield f"size={array.shape}"
    if array.dtype != default and (array.size == 0 or array.dtype not in (np.dtype(np.int64), np.dtype(np.bool_))):
        yield f"dtype={array.dtype}"
    if tensor.grad_fn is not None:
        yield f"grad_fn=<{tensor.grad_fn.name()}>"
    elif tensor.requires_grad:
        yield "requires_grad=True"


def array_text(array: Array, indent: int) -> str:
    """The elements in brackets; continuation lines are indented to stand under the first."""
    if array.size == 0:
        return "[]"
    shortened = array.size > _THRESHOLD
    write, width = _writer(_shown(array) if shortened else array.ravel())
    return _nested(array, indent, shortened, write, width)


def _shown(array: Array) -> Array:
    """The elements of a long array that will be printed: they decide the format."""
    picks = [np.r_[0:_EDGE, n - _EDGE : n] if n > 2 * _EDGE else np.arange(n) for n in array.shape]
    return array[np.ix_(*picks)].ravel()


def _nested(array: Array, indent: int, shortened: bool, write: Write, width: int) -> str:
    """Brackets in brackets; rows on lines of their own, matrices with a blank line between."""
    if array.ndim == 0:
        return write(array.item())
    hide = shortened and len(array) > 2 * _EDGE
    shown = [*array[:_EDGE], *array[-_EDGE:]] if hide else list(array)
    if array.ndim == 1:
        items = [write(x.item()) for x in shown]
        if hide:
            items.insert(_EDGE, " ...")
        per_line = max(1, (_WIDTH - indent) // (width + 2))
        lines = [", ".join(items[i : i + per_line]) for i in range(0, len(items), per_line)]
        return "[" + (",\n" + " " * (indent + 1)).join(lines) + "]"
    blocks: list[str] = [_nested(x, indent + 1, shortened, write, width) for x in shown]
    if hide:
        blocks.insert(_EDGE, "...")
    gap: str = "," + "\n" * (array.ndim - 1) + " " * (indent + 1)
    return "[" + gap.join(blocks) + "]"


def _writer(values: Array) -> tuple[Write, int]:
    """A function that prints one element of these, and the width it pads to."""
    if values.dtype.kind != "f":
        return _padded(str, values)
    finite = values[np.isfinite(values) & (values != 0)].astype(np.float64)
    form = _float_form(finite)
    return _padded(form, finite) if finite.size else (form, 1)


def _padded(form: Write, values: Array) -> tuple[Write, int]:
    """The form, padded on the left to the widest of the values."""
    width = max(len(form(x)) for x in values.tolist())
    return lambda x: form(x).rjust(width), width


def _float_form(nonzero: Array) -> Write:
    """How floats are written: `1.` if all are whole, with an exponent if sizes differ much, else with four decimals."""
    whole = bool((nonzero == np.rint(nonzero)).all())
    sizes = np.abs(nonzero)
    smallest, largest = float(sizes.min(initial=np.inf)), float(sizes.max(initial=0.0))
    if nonzero.size and (largest / smallest > 1000.0 or largest > 1e8 or (not whole and smallest < 1e-4)):
        return lambda x: f"{x:.{_PRECISION}e}"
    if whole:
        return lambda x: f"{x:.0f}." if math.isfinite(x) else str(x)
    return lambda x: f"{x:.{_PRECISION}f}"
