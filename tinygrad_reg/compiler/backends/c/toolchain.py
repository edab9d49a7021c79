"""C source to a loaded library: which compiler, with which flags, and from the cache if it was compiled before.

What a flag may change is rounding in sums of products that the source writes as fused itself, and nothing else: signed zeros, NaN and
infinities are those of IEEE 754, and `x * y + z` is rounded twice, as NumPy does. No errno and no traps leave the compiler free to
compute several elements, or both sides of a choice, at once.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import hashlib
import importlib.util
import json
import os
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Sequence
from typing import NamedTuple

from ....errors import CompileError
from . import cache

_NAMES = ("cc", "clang", "gcc")
_BASE = ("-std=gnu11", "-O3", "-shared")

#: Flags that are used if the compiler takes them; of several in a row, the first that it takes.
_WANTED: tuple[tuple[str, ...], ...] = (
    ("-fPIC",),
    ("-march=native", "-mcpu=native"),
    ("-mprefer-vector-width=512",),
    ("-fno-math-errno",),
    ("-fno-trapping-math",),
    ("-fno-thread-jumps",),  # two bounds of one number stay two selections, which are vectors, where GCC would make paths of them
    ("-ffp-contract=off",),
    ("-fwrapv",),  # integers overflow as NumPy's do
    ("-fopenmp-simd",),  # what the source marks as independent may be done at once
    ("-fno-strict-aliasing",),  # buffers hold one dtype after another
    ("-lm",),
)

_SUFFIX = {"win32": ".dll", "darwin": ".dylib"}.get(sys.platform, ".so")
_PROBE = "int tg_probe(void) { return 42; }\n"
_ADVICE = "Install one (gcc or clang), name one in the environment variable CC, or install the extra: pip install 'tinygrad-reg[compile]'"
_LINES = 8  # of a compiler's messages


class Compiler(NamedTuple):
    """How to compile: the command, the flags it takes, and what it says of its version."""

    command: tuple[str, ...]
    flags: tuple[str, ...]
    version: str


def compiler() -> Compiler | None:
    """The C compiler in use: $CC alone if it is set, else cc, clang or gcc, else the ziglang package's; None if none works."""
    return _search(os.environ.get("CC", ""), os.environ.get("PATH", ""))[0]


def missing() -> str:
    """Why there is no compiler and what to do, as a sentence for a warning."""
    return _search(os.environ.get("CC", ""), os.environ.get("PATH", ""))[1]


def load(source: str) -> ctypes.CDLL:
    """The library compiled from `source`. CompileError if there is no compiler, if it refuses the source, or if loading fails."""
    found = compiler()
    if found is None:
        raise CompileError(missing())
    return _load(source, found)


@functools.cache  # a library once loaded stays; without this, one more entry would be read and verified at every call
def _load(source: str, using: Compiler) -> ctypes.CDLL:
    key = _key(source, *using.command, *using.flags, using.version, _cpu())
    try:
        path = cache.find(key, _SUFFIX)
        if path is None:
            path = cache.store(key, _SUFFIX, _compile(source, using.command, using.flags))
        return ctypes.CDLL(path)
    except (cache.RefusedError, OSError) as reason:  # the cache is not to be trusted, or on a disk from which nothing may be executed
        _warn_once(str(reason))
        return _load_privately(_compile(source, using.command, using.flags))


def _load_privately(library: bytes) -> ctypes.CDLL:
    """From a folder of this process, which is gone when the library is loaded."""
    with tempfile.TemporaryDirectory(prefix="tinygrad_reg", ignore_cleanup_errors=True) as place:
        path = os.path.join(place, f"step{_SUFFIX}")
        with open(path, "wb") as file:
            file.write(library)
        try:
            return ctypes.CDLL(path)
        except OSError as error:
            advice = "check that CC makes programs for this machine, and that TMPDIR may hold some"
            raise CompileError(f"compile: the library cannot be loaded, {advice}: {error}") from error


@functools.cache
def _warn_once(reason: str) -> None:
    warnings.warn(
        f"compile: the cache of compiled steps is not used: {reason}. Each process compiles anew; "
        "make it writable by its owner only, or set TINYGRAD_REG_CACHE to another folder.",
        RuntimeWarning,
        stacklevel=2,
    )


def _compile(source: str, command: Sequence[str], flags: Sequence[str]) -> bytes:
    """The library's bytes."""
    with tempfile.TemporaryDirectory(prefix="tinygrad_reg") as place:
        text, library = os.path.join(place, "step.c"), os.path.join(place, f"step{_SUFFIX}")
        with open(text, "w", encoding="utf-8") as file:
            file.write(source)
        libraries = [flag for flag in flags if flag.startswith("-l")]  # after what needs them
        options = [flag for flag in flags if flag not in libraries]
        try:
            done = subprocess.run(
                [*command, *options, "-o", library, text, *libraries], capture_output=True, text=True, errors="replace", check=False
            )
        except OSError as error:
            raise CompileError(f"compile: {shlex.join(command)} cannot be run, check CC: {error.strerror}") from error
        if done.returncode or not os.path.exists(library):
            said = (done.stderr or done.stdout).replace(place + os.sep, "").splitlines()
            raise CompileError(
                "\n".join([f"compile: {shlex.join(command)} gave exit code {done.returncode} and cannot compile this:", *said[:_LINES]])
            )
        with open(library, "rb") as file:
            return file.read()


# ---- which compiler --------------------------------------------------------------------------------------------------------


@functools.lru_cache(maxsize=8)
def _search(chosen: str, path: str) -> tuple[Compiler | None, str]:
    """The first command that works; if there is none, why."""
    reasons = []
    for command in _commands(chosen, path):
        try:
            return _examine(command), ""
        except CompileError as error:
            reasons.append(str(error).removeprefix("compile: "))
    if chosen:
        return None, f"compile: CC is {chosen!r}, which cannot be used: {'; '.join(reasons) or 'it is empty'}. {_ADVICE}"
    tried = "; ".join(reasons) or f"none of {', '.join(_NAMES)} is on PATH, and ziglang is not installed"
    return None, f"compile: no C compiler found: {tried}. {_ADVICE}"


def _commands(chosen: str, path: str) -> list[tuple[str, ...]]:
    """What to try, in this order."""
    if chosen:
        try:
            words = shlex.split(chosen, posix=os.name != "nt")
        except ValueError:  # a quotation that does not end
            words = [chosen]
        return [(shutil.which(words[0], path=path) or words[0], *words[1:])] if words else []
    found: list[tuple[str, ...]] = [(place,) for name in _NAMES if (place := shutil.which(name, path=path))]
    zig = importlib.util.find_spec("ziglang")
    if zig is not None and zig.submodule_search_locations:
        program = os.path.join(zig.submodule_search_locations[0], "zig.exe" if os.name == "nt" else "zig")
        return [*found, (program, "cc")]  # what `python -m ziglang cc` starts
    return found


def _examine(command: tuple[str, ...]) -> Compiler:
    """Version and flags of one command: asked once, then from the cache until its file changes. CompileError if it does not work."""
    key = _key("compiler", *command, *map(_stamp, command), repr((_BASE, _WANTED)), _cpu())
    with contextlib.suppress(cache.RefusedError, OSError):  # `_load` will say so
        known = cache.find(key, ".json")
        if known is not None:
            with open(known, encoding="utf-8") as file:
                version, flags = json.load(file)
            return Compiler(command, tuple(flags), version)
    made = Compiler(command, _flags(command), _version(command))
    with contextlib.suppress(cache.RefusedError):
        cache.store(key, ".json", json.dumps([made.version, made.flags]).encode())
    return made


def _flags(command: tuple[str, ...]) -> tuple[str, ...]:
    """Those of the wanted flags that the command takes; all at once, and only if it refuses, one after the other."""
    best = (*_BASE, *(alternatives[0] for alternatives in _WANTED))
    try:
        return _proven(command, best)
    except CompileError:
        taken = _proven(command, _BASE)
    for alternatives in _WANTED:
        for flag in alternatives:
            try:
                taken = _proven(command, (*taken, flag))
                break
            except CompileError:
                continue
    return taken


def _proven(command: tuple[str, ...], flags: tuple[str, ...]) -> tuple[str, ...]:
    """The flags, if what they make can be loaded and run."""
    if _load_privately(_compile(_PROBE, command, flags)).tg_probe() != 42:
        raise CompileError(f"compile: what {shlex.join(command)} makes does not run, check CC")
    return flags


def _version(command: tuple[str, ...]) -> str:
    done = subprocess.run([*command, "--version"], capture_output=True, text=True, errors="replace", check=False)
    return (done.stdout or done.stderr).strip()


def _stamp(word: str) -> str:
    """What changes when the program that a word of a command names is exchanged."""
    place = shutil.which(word)
    if place is None:
        return ""
    state = os.stat(place)
    return f"{os.path.realpath(place)} {state.st_size} {state.st_mtime_ns}"


# ---- what a library depends on ---------------------------------------------------------------------------------------------


def _key(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


@functools.cache
def _cpu() -> str:
    """What decides which instructions this processor has."""
    wanted = ("vendor_id", "model name", "flags", "Features", "CPU implementer", "CPU part", "isa")
    lines = [platform.system(), platform.machine()]
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            for line in file:
                if not line.strip():  # the other cores
                    break
                if line.split(":")[0].strip() in wanted:
                    lines.append(line.strip())
    except OSError:
        lines.append(platform.processor())
    return "\n".join(lines)
