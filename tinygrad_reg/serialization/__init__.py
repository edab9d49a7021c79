"""Checkpoints: `save` and `load`, by PyTorch's names, in open formats and never by pickle.

    .safetensors    the format of that name, which torch reads and writes; needs `pip install "tinygrad-reg[io]"`
    anything else   NumPy's .npz, with NumPy alone

Both hold one array per tensor, and as JSON what the nest looks like. A file that others wrote in these formats loads as a dict of tensors.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from typing import IO, Any

from ..device import Device, as_device
from ..engine.state import state
from ..errors import ArgumentTypeError, CheckpointError
from . import npz, safe_tensors
from .atomic import write_atomically
from .structure import flatten, unflatten

__all__ = ["load", "save"]


def save(obj: object, f: str | os.PathLike[str] | IO[bytes]) -> None:
    """Write nested dicts, lists and tuples of tensors, arrays, numbers, strings, bools and None to a path or a binary file.

    At a path the old file stays whole until the new one is complete on disk, whatever interrupts the writing. Tensors with the same
    memory are written once. Raises ArgumentTypeError for other objects: save a module's or an optimizer's `state_dict()`; and OSError,
    as `open` does, where the system lets nothing be written.

    >>> import io
    >>> file = io.BytesIO()
    >>> tg.save({"weight": tg.ones(2), "epoch": 3}, file)
    >>> tg.load(io.BytesIO(file.getvalue()))
    {'weight': tensor([1., 1.]), 'epoch': 3}
    """
    text, arrays = flatten(obj)
    if not isinstance(f, (str, os.PathLike)):
        _method(f, "write", "save")
        npz.write(f, text, arrays)
    elif os.fspath(f).endswith(".safetensors"):
        data = safe_tensors.dumps(text, arrays)
        write_atomically(f, lambda file: file.write(data))
    else:
        write_atomically(f, lambda file: npz.write(file, text, arrays))


def load(
    f: str | os.PathLike[str] | IO[bytes], map_location: Any = None, *, weights_only: bool | None = None, mmap: bool | None = None
) -> Any:
    """Read what `save` wrote, from a path or a binary file; what the file says it is matters, not its name.

    No file can run code, or take more memory than its own length justifies. Raises CheckpointError for one that is damaged, cut off or of
    another format, and OSError, as `open` does, for a path that cannot be read. `map_location` may name the CPU; `weights_only` and `mmap`
    are accepted as in PyTorch and change nothing.

    >>> import io
    >>> file = io.BytesIO()
    >>> tg.save([tg.zeros(1), ("a", None)], file)
    >>> tg.load(io.BytesIO(file.getvalue()))
    [tensor([0.]), ('a', None)]
    """
    _check_location(map_location)
    if state.tracer is not None:
        state.tracer.unrepeatable("load reads a file, which a replay would not; load it before the step")
    if isinstance(f, (str, os.PathLike)):
        with open(f, "rb") as file:
            return _read(file, os.fspath(f))
    _method(f, "read", "load")
    return _read(f, "the file")


def _read(file: IO[bytes], name: str) -> Any:
    if not file.seekable():
        file = io.BytesIO(file.read())
    start = file.tell()
    head = file.read(9)
    file.seek(start)
    if head[:2] == b"PK":
        text, arrays = npz.read(file, name)
    elif head[8:] == b"{":
        text, arrays = safe_tensors.loads(file.read(), name)
    elif head[:1] == b"\x80":
        raise CheckpointError(f"load: {name} is a pickle, which could run any code; save it as .safetensors where it was made")
    else:
        found = f"it begins with {head!r}" if head else "there is nothing to read (a buffer just written needs seek(0))"
        raise CheckpointError(f"load: {name} is neither an .npz nor a .safetensors file; {found}")
    return unflatten(text, arrays, name)


def _method(f: Any, method: str, what: str) -> None:
    if not callable(getattr(f, method, None)):
        raise ArgumentTypeError(f"{what}: expected a path or a binary file with a method {method}, got {type(f).__name__}: {f!r}")


def _check_location(location: str | Device | dict[str, str] | Callable[..., Any] | None) -> None:
    """Raise unless everything is to be put on the CPU; functions are for devices that do not exist here."""
    for device in location.values() if isinstance(location, dict) else () if location is None or callable(location) else (location,):
        as_device(device)
