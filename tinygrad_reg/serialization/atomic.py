"""Writing a file so that its name always stands for a whole one."""

from __future__ import annotations

import io
import os
import secrets
import shutil
from collections.abc import Callable
from typing import IO, Any


def write_atomically(path: str | os.PathLike[str], write: Callable[[IO[bytes]], Any]) -> None:
    """Let `write` fill a new file beside `path`, force it to the disk, and only then give it the name, which is one atomic step.

    A process that is killed in between leaves the old file and a hidden one whose name ends in ".tmp".
    """
    target = os.path.realpath(path)  # through links, so that they stay links
    if os.path.exists(target) and not os.path.isfile(target):  # a pipe or a device has nothing to keep, and must not be replaced
        buffer = io.BytesIO()  # they cannot tell their position, which a zip file asks for
        write(buffer)
        with open(target, "wb") as file:
            file.write(buffer.getbuffer())
        return
    folder, name = os.path.split(target)
    temporary = os.path.join(folder, f".{name[:100]}.{secrets.token_hex(8)}.tmp")
    try:
        with open(temporary, "xb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        if os.path.exists(target):
            shutil.copymode(target, temporary)
        os.replace(temporary, target)
    except BaseException as error:
        if os.path.exists(temporary):
            os.unlink(temporary)
        if isinstance(error, OSError) and error.filename == temporary:
            error.filename = os.fspath(path)  # the name that the user knows
        raise
    _sync_folder(folder)


def _sync_folder(folder: str) -> None:
    """Force the new name to the disk. Windows cannot open folders, and needs no such step."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
