"""assert_close: are two results the same but for rounding?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..creation import as_tensor
from ..engine.promotion import promote_types
from ..errors import ArgumentError, ArgumentTypeError
from ..tensor import Tensor

#: (rtol, atol) by dtype, as PyTorch has them; integers and bools must be equal.
TOLERANCES = {"float16": (1e-3, 1e-5), "float32": (1.3e-6, 1e-5), "float64": (1e-7, 1e-7)}


def assert_close(
    actual: Any,
    expected: Any,
    *,
    allow_subclasses: bool = True,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = False,
    check_device: bool = True,
    check_dtype: bool = True,
    check_layout: bool = True,
    check_stride: bool = False,
    msg: str | Callable[[str], str] | None = None,
) -> None:
    """Raise AssertionError unless |actual - expected| <= atol + rtol · |expected| everywhere, in tensors, arrays, numbers and nestings.

    Shapes must agree, dtypes too unless `check_dtype=False`. The tolerances are those of the dtype (float32: 1.3e-6 and 1e-5, float64: 1e-7
    and 1e-7) unless both are given. `msg` replaces the message, or makes another of it. Devices and layouts are always the same here.

    >>> tg.testing.assert_close(tg.tensor([1.0]), tg.tensor([1.0 + 1e-6]))
    """
    if (rtol is None) != (atol is None):
        raise ArgumentError("assert_close: give both rtol and atol, or neither")
    if not allow_subclasses and isinstance(actual, Tensor) and isinstance(expected, Tensor) and type(actual) is not type(expected):
        raise ArgumentTypeError(f"assert_close: {type(actual).__name__} and {type(expected).__name__} are different classes of tensors")
    problem = _difference(actual, expected, "", (rtol, atol), equal_nan, check_dtype, check_stride)
    if problem is not None:
        raise AssertionError(problem if msg is None else msg if isinstance(msg, str) else msg(problem))


def _difference(a: Any, b: Any, place: str, tolerance: tuple[float | None, float | None], *options: bool) -> str | None:
    """What differs first; None if nothing does."""
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        if a.keys() != b.keys():
            return f"The keys of the mappings{_at(place)} differ: {sorted(map(str, a))} and {sorted(map(str, b))}"
        return _first(_difference(a[key], b[key], f"{place}[{key!r}]", tolerance, *options) for key in a)
    nested = (list, tuple)
    if isinstance(a, nested) and isinstance(b, nested):
        if len(a) != len(b):
            return f"The lengths of the sequences{_at(place)} differ: {len(a)} and {len(b)}"
        return _first((_difference(x, y, f"{place}[{i}]", tolerance, *options) for i, (x, y) in enumerate(zip(a, b, strict=True))))
    if a is None or b is None:
        return None if a is b else f"None mismatch{_at(place)}: {a!r} and {b!r}"
    return _difference_of_tensors(*_tensors(a, b), place, tolerance, *options)


def _first(problems: Any) -> str | None:
    return next((problem for problem in problems if problem is not None), None)


def _at(place: str) -> str:
    return f" at {place}" if place else ""


def _tensors(a: Any, b: Any) -> tuple[Tensor, Tensor]:
    """Both as tensors. Raises ArgumentTypeError unless both are tensors, or both arrays, or both numbers, as in PyTorch."""
    for kinds in (Tensor, np.ndarray, (np.generic, bool, int, float)):
        if isinstance(a, kinds) and isinstance(b, kinds):
            return _tensor(a), _tensor(b)
    raise ArgumentTypeError(
        "assert_close: expected two tensors, two arrays, two numbers, or nestings of them, "
        f"got {type(a).__name__} and {type(b).__name__}; tg.tensor(...) makes a tensor of what is none"
    )


def _tensor(x: Any) -> Tensor:
    if isinstance(x, Tensor):
        return x
    return as_tensor(x if isinstance(x, np.ndarray) else np.asarray(x.item() if isinstance(x, np.generic) else x))


def _difference_of_tensors(
    a: Tensor, b: Tensor, place: str, tolerance: tuple[float | None, float | None], equal_nan: bool, check_dtype: bool, check_stride: bool
) -> str | None:
    for name, x, y, checked in (
        ("shape", a.shape, b.shape, True),
        ("dtype", a.dtype, b.dtype, check_dtype),
        ("stride()", a.stride(), b.stride(), check_stride),
    ):
        if checked and x != y:
            return f"The values for attribute '{name}' do not match{_at(place)}: {x} != {y}."
    dtype = promote_types(a.dtype, b.dtype)
    default = TOLERANCES.get(str(dtype), (0.0, 0.0))
    rtol, atol = (default[i] if given is None else given for i, given in enumerate(tolerance))
    x, y = (t.detach().array.astype(np.float64 if dtype.kind == "f" else dtype) for t in (a, b))
    with np.errstate(all="ignore"):
        close = np.isclose(x, y, rtol=rtol, atol=atol, equal_nan=equal_nan) if dtype.kind == "f" else np.asarray(x == y)
        if close.all():
            return None
        off = np.asarray(np.where(close, 0.0, np.abs(x.astype(np.float64) - y.astype(np.float64))))
        relative = np.asarray(off / np.abs(y.astype(np.float64)))
    count = int(close.size - np.count_nonzero(close))
    lines = ["Tensor-likes are not close!" if (rtol or atol) else "Tensor-likes are not equal!"] if a.ndim else ["Scalars are not close!"]
    lines += ["", f"Mismatched elements: {count} / {close.size} ({100.0 * count / close.size:.1f}%)"]
    for title, sizes, allowed in (("absolute", off, atol), ("relative", relative, rtol)):
        worst = np.unravel_index(int(np.argmax(np.nan_to_num(sizes, nan=np.inf))), sizes.shape)
        where = tuple(int(i) for i in worst)
        lines.append(f"Greatest {title} difference: {sizes[worst]} at index {where} (up to {allowed} allowed): {x[worst]} and {y[worst]}")
    return "\n".join(lines) + (f"\n\nThe failure occurred for item {place}" if place else "")
