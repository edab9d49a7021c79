"""Compiled libraries are kept between processes, where nobody but their owner can have put them.

An entry is one file, named `<key>.<sha256 of its content><suffix>`: it appears whole, by renaming, and says itself what it must hold.
So processes need no lock between them, a killed writer leaves nothing under such a name, and damage is seen before use.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import sys
import time
from collections.abc import Callable
from typing import IO

from ....serialization.atomic import write_atomically

LIMIT_BYTES = 200 * 2**20
LIMIT_ENTRIES = 1000
_ABANDONED = 3600.0  # seconds after which an unfinished file has no writer any more


class RefusedError(Exception):
    """The cache cannot be used, or not be trusted; the message says why."""


def folder() -> str:
    """Where entries are: $TINYGRAD_REG_CACHE, or else the folder that the system has for such files."""
    chosen = os.environ.get("TINYGRAD_REG_CACHE")
    if chosen:
        return os.path.join(os.path.abspath(chosen), "tinygrad_reg")
    home = os.path.expanduser("~")
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or os.path.join(home, "AppData", "Local")
    elif sys.platform == "darwin":
        base = os.path.join(home, "Library", "Caches")
    else:
        base = os.environ.get("XDG_CACHE_HOME") or os.path.join(home, ".cache")
    return os.path.join(os.path.abspath(base), "tinygrad_reg")


def find(key: str, suffix: str) -> str | None:
    """The path of a whole entry of this key; None if there is none. Damaged ones are removed. May raise RefusedError."""
    place = _checked_folder()
    for name in _names(place):
        if not (name.startswith(f"{key}.") and name.endswith(suffix)):
            continue
        path = os.path.join(place, name)
        try:
            _check_owner(path, stat.S_ISREG)
            if _content(path) == name.removeprefix(f"{key}.").removesuffix(suffix):
                os.utime(path)  # what was used last is pruned last
                return path
            os.unlink(path)
        except FileNotFoundError:  # another process pruned it, or removed the damaged one
            continue
        except OSError as error:
            raise RefusedError(f"{path}: {error.strerror}") from error
    return None


def store(key: str, suffix: str, data: bytes) -> str:
    """Keep `data` under `key`, and give its path. May raise RefusedError."""
    path = os.path.join(_checked_folder(), f"{key}.{hashlib.sha256(data).hexdigest()}{suffix}")

    def write(file: IO[bytes]) -> None:
        if hasattr(os, "fchmod"):
            os.fchmod(file.fileno(), 0o600)  # whatever the umask
        file.write(data)

    try:
        write_atomically(path, write)
        _prune(os.path.dirname(path), keep=path)
    except OSError as error:
        raise RefusedError(f"{path}: {error.strerror}") from error
    return path


def _names(place: str) -> list[str]:
    try:
        return sorted(os.listdir(place))
    except OSError as error:
        raise RefusedError(f"{place}: {error.strerror}") from error


def _checked_folder() -> str:
    """The folder, made if it is missing, if only its owner can write into it."""
    place = folder()
    try:
        os.makedirs(os.path.dirname(place), exist_ok=True)
        if not os.path.lexists(place):
            os.makedirs(place, 0o700, exist_ok=True)
        _check_owner(place, stat.S_ISDIR)
        _check_above(os.path.dirname(os.path.realpath(place)))
    except OSError as error:
        raise RefusedError(f"{place}: {error.strerror}") from error
    return place


def _check_owner(path: str, is_kind: Callable[[int], bool]) -> None:
    """Refuse what another user owns or may write, and links, which lead elsewhere."""
    found = os.lstat(path)
    if stat.S_ISLNK(found.st_mode):
        raise RefusedError(f"{path} is a link")
    if not is_kind(found.st_mode):
        raise RefusedError(f"{path} is not what the cache made")
    if not hasattr(os, "geteuid"):  # Windows: the profile's folders belong to their user alone
        return
    if found.st_uid != os.geteuid():
        raise RefusedError(f"{path} belongs to another user")
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise RefusedError(f"{path} can be written by other users")


def _check_above(place: str) -> None:
    """Refuse a folder that anybody could exchange for another, because one above it is open to all."""
    if not hasattr(os, "geteuid"):
        return
    while True:
        mode = os.stat(place).st_mode
        if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
            raise RefusedError(f"{place} can be written by every user")
        if place == os.path.dirname(place):
            return
        place = os.path.dirname(place)


def _content(path: str) -> str:
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def _prune(place: str, keep: str) -> None:
    """Remove what was used longest ago beyond the limits, and what killed writers left."""
    found = []
    for entry in os.scandir(place):
        try:
            state = entry.stat(follow_symlinks=False)
        except FileNotFoundError:
            continue
        if not entry.name.endswith(".tmp"):
            found.append((entry.path != keep, -state.st_mtime, state.st_size, entry.path))
        elif time.time() - state.st_mtime > _ABANDONED:
            _remove(entry.path)
    total = 0
    for number, (_, _, size, path) in enumerate(sorted(found), 1):
        total += size
        if number > 1 and (total > LIMIT_BYTES or number > LIMIT_ENTRIES):
            _remove(path)


def _remove(path: str) -> None:
    with contextlib.suppress(OSError):  # another process was first, or, on Windows, has it loaded
        os.unlink(path)
