"""Tensors as text, in PyTorch's layout: aligned, long tensors abbreviated; four decimals and lines of 80, unless told otherwise."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from .engine.mutation import Array
from .engine.refusal import typed_errors
from .engine.state import PrintOptions, State, get_default_dtype
from .errors import ArgumentError, ArgumentTypeError

if TYPE_CHECKING:
    from .tensor import Tensor

Write = Callable[[Any], str]

_PROFILES = {"default": PrintOptions(), "short": PrintOptions(precision=2, edgeitems=2), "full": PrintOptions(threshold=math.inf)}


@typed_errors
def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """How tensors are printed, in the whole process: decimals, from how many elements on only the `edgeitems` of each side are shown,
    characters of a line, and whether floats have exponents (None: as the values ask for). A profile, "default", "short" or "full",
    sets all; what is not given stays, but for `sci_mode`.

    >>> tg.set_printoptions(precision=2)
    >>> tg.tensor([1.12345])
    tensor([1.12])
    >>> tg.set_printoptions(profile="default")
    """
    if profile is not None and profile not in _PROFILES:
        raise ArgumentError(f"set_printoptions: profile must be one of {', '.join(_PROFILES)}, got {profile!r}")
    given = {"precision": precision, "threshold": threshold, "edgeitems": edgeitems, "linewidth": linewidth}
    told = {name: value for name, value in given.items() if value is not None}
    for name, value in told.items():
        if not isinstance(value, int) and not (name == "threshold" and isinstance(value, float)):
            raise ArgumentTypeError(f"set_printoptions: {name} must be an integer, got {value!r}")
        if value < 0:
            raise ArgumentError(f"set_printoptions: {name} must not be negative, got {value!r}")
    base = State.print_options if profile is None else _PROFILES[profile]
    State.print_options = base._replace(**told, sci_mode=sci_mode)  # type: ignore[arg-type]


def tensor_text(tensor: Tensor, prefix: str = "tensor(") -> str:
    """`tensor([1., 2.], requires_grad=True)`."""
    array = tensor.array
    text = prefix + array_text(array, len(prefix))
    line = len(text) - text.rfind("\n") + 1
    for note in _notes(tensor):
        if line + len(note) + 2 > State.print_options.linewidth:
            text += ",\n" + " " * len(prefix) + note
            line = len(prefix) + len(note)
        else:
            text += ", " + note
            line += len(note) + 2
    return text + ")"


def _notes(tensor: Tensor) -> Iterator[str]:
    """What is said behind the elements: the shape if they do not show it, an unusual dtype, the part in a graph."""
    array, default = tensor.array, get_default_dtype()
    if (array.size == 0 and array.ndim != 1) or (array.size and not State.print_options.edgeitems):
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
    shortened = array.size > State.print_options.threshold
    write, width = _writer(_shown(array) if shortened else array.ravel())
    return _nested(array, indent, shortened, write, width)


def _shown(array: Array) -> Array:
    """The elements of a long array that will be printed: they decide the format."""
    edge = State.print_options.edgeitems
    picks = [np.r_[0:edge, n - edge : n] if n > 2 * edge else np.arange(n) for n in array.shape]
    return array[np.ix_(*picks)].ravel()


def _nested(array: Array, indent: int, shortened: bool, write: Write, width: int) -> str:
    """Brackets in brackets; rows on lines of their own, matrices with a blank line between."""
    if array.ndim == 0:
        return write(array.item())
    options = State.print_options
    edge = options.edgeitems
    hide = shortened and len(array) > 2 * edge
    shown = [*array[:edge], *array[len(array) - edge :]] if hide else list(array)
    if array.ndim == 1:
        items = [write(x.item()) for x in shown]
        if hide:
            items.insert(edge, " ..." if edge else "...")
        per_line = max(1, (options.linewidth - indent) // (width + 2))
        lines = [", ".join(items[i : i + per_line]) for i in range(0, len(items), per_line)]
        return "[" + (",\n" + " " * (indent + 1)).join(lines) + "]"
    blocks: list[str] = [_nested(x, indent + 1, shortened, write, width) for x in shown]
    if hide:
        blocks.insert(edge, "...")
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
    width = max((len(form(x)) for x in values.tolist()), default=1)
    return lambda x: form(x).rjust(width), width


def _float_form(nonzero: Array) -> Write:
    """How floats are written: `1.` if all are whole, with an exponent if sizes differ much, else with four decimals."""
    whole = bool((nonzero == np.rint(nonzero)).all())
    sizes = np.abs(nonzero)
    smallest, largest = float(sizes.min(initial=np.inf)), float(sizes.max(initial=0.0))
    precision, sci_mode = State.print_options.precision, State.print_options.sci_mode
    if sci_mode is None:
        sci_mode = largest / smallest > 1000.0 or largest > 1e8 or smallest < 1e-4
    if sci_mode and nonzero.size:
        return lambda x: f"{x:.{precision}e}"
    if whole:
        return lambda x: f"{x:.0f}." if math.isfinite(x) else str(x)
    return lambda x: f"{x:.{precision}f}"
