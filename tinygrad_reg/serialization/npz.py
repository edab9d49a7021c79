"""Arrays in NumPy's .npz: a zip file of .npy files, stored without compression, each with the checksum of the zip format.

Read with suspicion: what an entry claims is compared with what the file has before anything is allocated, and objects are refused, so
nothing is ever unpickled. (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html)
"""

from __future__ import annotations

import math
import zipfile
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy

from ..dtypes import SUPPORTED
from ..engine.mutation import Array
from ..errors import CheckpointError
from .structure import STRUCTURE, Arrays

_PIECE = 1 << 20  # bytes read at once


def write(file: IO[bytes], text: str, arrays: Arrays) -> None:
    """Write the text and the arrays to a binary file."""
    entries = {STRUCTURE: np.frombuffer(text.encode(), np.uint8), **arrays}
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, array in entries.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as entry:
                npy.write_array(entry, array, allow_pickle=False)


def read(file: IO[bytes], name: str) -> tuple[str | None, Arrays]:
    """The text, None if another program wrote the file, and the arrays. Raises CheckpointError for a damaged file."""
    try:
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
            _check(entries, file, name)
            arrays = {entry.filename.removesuffix(".npy"): _read_entry(archive, entry) for entry in entries}
        text = arrays.pop(STRUCTURE, None)
        return (None if text is None else text.tobytes().decode()), arrays
    except CheckpointError:
        raise
    except Exception as error:  # the readers of zip files and of headers raise a dozen kinds
        raise CheckpointError(f"load: {name} is damaged or cut off ({type(error).__name__}: {error})") from error


def _check(entries: list[zipfile.ZipInfo], file: IO[bytes], name: str) -> None:
    """Raise unless these are different .npy files that fit into the file beside each other."""
    names = [entry.filename for entry in entries]
    if any(n.endswith("data.pkl") for n in names):
        raise CheckpointError(f"load: {name} holds a pickle, which could run any code; save it as .safetensors where it was made")
    if others := [n for n in names if not n.endswith(".npy")]:
        raise CheckpointError(f"load: {name} is a zip file but no checkpoint; it holds {others[0]!r}")
    if len(set(names)) < len(names):
        raise CheckpointError(f"load: {name} holds two arrays of one name")
    if any(entry.compress_type != zipfile.ZIP_STORED or entry.file_size != entry.compress_size for entry in entries):
        raise CheckpointError(f"load: {name} is compressed, so that its size says nothing of the memory it takes; write it uncompressed")
    length = file.seek(0, 2)
    if sum(entry.file_size for entry in entries) > length:
        raise CheckpointError(f"load: {name} has {length} bytes and claims to hold {sum(entry.file_size for entry in entries)}")


def _read_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Array:
    with archive.open(entry) as file:
        version = npy.read_magic(file)
        read_header: Any = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}[version]
        shape, fortran, dtype = read_header(file)
        native = dtype.newbyteorder("=")
        if native not in SUPPORTED or not all(type(n) is int and n >= 0 for n in shape):
            raise CheckpointError(f"load: the array {entry.filename!r} is of {dtype} and shape {shape}, which no tensor can be")
        size = math.prod(shape) * dtype.itemsize
        if size != entry.file_size - file.tell():
            raise CheckpointError(f"load: the array {entry.filename!r} claims {size} bytes and has {entry.file_size - file.tell()}")
        array = np.empty(shape[::-1] if fortran else shape, dtype)
        _fill(array, file)
    array = array.T if fortran else array
    return array if dtype == native else array.astype(native)


def _fill(array: Array, file: IO[bytes]) -> None:
    """Read the array's bytes up to the end of the entry, where its checksum is compared."""
    memory = array.reshape(-1).view(np.uint8)
    for start in range(0, len(memory), _PIECE):
        part = file.read(min(_PIECE, len(memory) - start))
        memory[start : start + len(part)] = np.frombuffer(part, np.uint8)
        if len(part) < min(_PIECE, len(memory) - start):
            raise EOFError("an array ends early")
    file.read(1)
