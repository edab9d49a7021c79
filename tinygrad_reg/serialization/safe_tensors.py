"""Arrays in the .safetensors format, by the package of that name (https://github.com/huggingface/safetensors).

The format has no checksum. One of everything is kept beside the structure, in the metadata, so that damage to our own files is noticed.
"""

from __future__ import annotations

import json
import zlib
from typing import Any

import numpy as np

from ..dtypes import SUPPORTED
from ..errors import CheckpointError, MissingExtraError
from .structure import Arrays

_STRUCTURE, _CHECKSUM = "tinygrad_reg.structure", "tinygrad_reg.crc32"


def dumps(text: str, arrays: Arrays) -> bytes:
    """The bytes of a file."""
    stored = {name: np.asarray(a, a.dtype.newbyteorder("="), order="C") for name, a in arrays.items()}
    made: bytes = _package().numpy.save(stored, {"format": "np", _STRUCTURE: text, _CHECKSUM: str(_checksum(text, stored))})
    return made


def loads(data: bytes, name: str) -> tuple[str | None, Arrays]:
    """The text, None if another program wrote the file, and the arrays. Raises CheckpointError for a damaged file."""
    package = _package()
    try:
        arrays: Arrays = {key: np.array(a) for key, a in package.numpy.load(data).items()}  # copied: theirs cannot be written
        metadata = _metadata(data)
    except KeyError as error:
        raise CheckpointError(f"load: {name} holds tensors of {error.args[0]}, which does not exist here; convert them before") from error
    except (package.SafetensorError, LookupError, TypeError, ValueError, RecursionError, OverflowError) as error:
        raise CheckpointError(f"load: {name} is damaged or cut off ({type(error).__name__}: {error})") from error
    for key, array in arrays.items():
        if array.dtype not in SUPPORTED:
            raise CheckpointError(f"load: the tensor {key!r} of {name} is of {array.dtype}, which does not exist here")
    text, checksum = metadata.get(_STRUCTURE), metadata.get(_CHECKSUM)
    if not any(key.startswith("tinygrad_reg") or key.endswith((".structure", ".crc32")) for key in metadata):  # nor a damaged key
        return None, arrays
    if text is None or checksum != str(_checksum(text, arrays)):
        raise CheckpointError(f"load: {name} is damaged; it is not what its checksum was made of")
    return text, arrays


def _metadata(data: bytes) -> dict[str, str]:
    """The free texts in the header: JSON, behind 8 bytes that give its length."""
    header: dict[str, Any] = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    found: dict[str, str] = header.get("__metadata__", {})
    return found


def _checksum(text: str, arrays: Arrays) -> int:
    total = zlib.crc32(text.encode())
    for name in sorted(arrays):
        a = arrays[name]
        total = zlib.crc32(f"{name} {a.dtype} {a.shape}".encode(), total)
        total = zlib.crc32(a.reshape(-1).view(np.uint8), total)
    return total


def _package() -> Any:
    try:
        import safetensors.numpy
    except ImportError:
        raise MissingExtraError('.safetensors files need the package safetensors: pip install "tinygrad-reg[io]"') from None
    return safetensors
