"""What code names: the variables, attributes and texts in it, and whose code it is."""

from __future__ import annotations

import dis
import functools
import itertools
import os
import sysconfig
import types
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

_HERE = os.path.dirname(os.path.dirname(__file__)) + os.sep
_LAYERS = os.path.join(_HERE, "nn") + os.sep
_PLUMBING = (os.path.join(_LAYERS, "hooks.py"), os.path.join(_LAYERS, "functional") + os.sep)
_NUMPY = os.path.dirname(np.__file__) + os.sep
_STANDARD = sysconfig.get_paths()["stdlib"] + os.sep
_INSTALLED = (sysconfig.get_paths()["purelib"] + os.sep, sysconfig.get_paths()["platlib"] + os.sep)
FOLLOWED = ("user", "installed")  # whose code counts whoever calls it
_LOOKUPS = frozenset({"getattr", "hasattr", "setattr"})
_TABLES = frozenset({"__dict__", "__getattribute__"})
_LISTINGS = frozenset({"vars", "dir"})
LOOKUPS_IN_C = (getattr, hasattr, setattr, vars, dir)
_SIZES = frozenset({"shape", "size", "numel", "nbytes", "stride", "len", "__len__"})


def is_ours(path: str) -> bool:
    """Whether this is a file of this package's."""
    return path.startswith(_HERE)


@functools.cache
def whose_file(path: str) -> str:
    """Whether code in this file is the "user"'s, of a package "installed", of a "layer", of the standard "library".

    "" is for the rest of this package and for NumPy: none of their variables can change unseen.
    """
    if path.startswith(_HERE):
        return "layer" if path.startswith(_LAYERS) and not path.startswith(_PLUMBING) else ""
    if path == "<frozen" or path.startswith((_NUMPY, "<frozen importlib", "<frozen zipimport")):
        return ""
    if path.startswith(_INSTALLED):
        return "installed"
    return "library" if path.startswith((_STANDARD, "<frozen")) else "user"


@functools.cache
def is_users(path: str) -> bool:
    """Whether code in this file is the user's, or of a package that somebody has installed."""
    return whose_file(path) in FOLLOWED


@functools.cache
def may_ask(path: str) -> bool:
    """Whether code in this file may ask the system for a step: any but that of this package."""
    return path.startswith(_NUMPY) or whose_file(path) not in ("", "layer")


class Named(NamedTuple):
    """What a code object names."""

    variables: tuple[str, ...]
    modules: tuple[str, ...]
    attributes: frozenset[str]
    keys: frozenset[str]
    memory: bool  # takes `.array` of something
    catches: bool  # has an `except`
    computes: bool  # looks for attributes by names that are values
    compares: bool  # asks whether two objects are one

    @property
    def looks_up(self) -> bool:
        """Whether the code names a function that looks for attributes by texts or values."""
        return not (_LOOKUPS | _LISTINGS).isdisjoint(self.variables)

    @property
    def sizes(self) -> bool:
        """Whether the code names what gives the size of a tensor."""
        return not _SIZES.isdisjoint((*self.variables, *self.attributes, *self.keys))

    @property
    def asks(self) -> bool:
        """Whether the code looks for attributes by texts, which need not be there."""
        return self.computes or not _LOOKUPS.isdisjoint(self.variables)


@functools.lru_cache(1024)
def named(code: types.CodeType) -> Named:
    instructions = list(dis.get_instructions(code))

    def by(*operations: str) -> set[str]:
        return {i.argval for i in instructions if i.opname in operations}

    return Named(
        tuple(sorted({i.argval for i in instructions if i.opname.endswith("_GLOBAL")} | by("LOAD_NAME"))),
        tuple(sorted(by("IMPORT_NAME"))),
        frozenset(
            by("LOAD_ATTR", "LOAD_METHOD", "STORE_ATTR", "DELETE_ATTR", "LOAD_SUPER_ATTR", "IMPORT_FROM")
            | ({"__match_args__"} if by("MATCH_CLASS") else set())
        ),
        frozenset(_strings(code.co_consts)),
        any(i.opname == "LOAD_ATTR" and i.argval == "array" and "NULL" not in i.argrepr for i in instructions),
        bool(by("CHECK_EXC_MATCH")) or (bool(by("POP_EXCEPT")) and not by("WITH_EXCEPT_START")),
        any(i.argval in _TABLES or _lists(i) or _looks_up_a_value(instructions[k:]) for k, i in enumerate(instructions)),
        any(i.opname == "IS_OP" and not _is_constant(before) for before, i in itertools.pairwise(instructions)),
    )


def _is_constant(instruction: dis.Instruction) -> bool:
    return instruction.opname == "LOAD_CONST"


def _lists(instruction: dis.Instruction) -> bool:
    return instruction.argval in _LISTINGS and instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME")


def _looks_up_a_value(instructions: list[dis.Instruction]) -> bool:
    """Whether these begin with `getattr(x, name)`, or one like it, where the name is not a text in the code.

    The second argument begins with the first instruction that adds to the stack when one value lies there already. It is a text if
    that is what is loaded, and nothing takes it from the stack before the call.
    """
    first, *rest = instructions
    if first.argval not in _LOOKUPS or not first.opname.startswith("LOAD_"):
        return False
    depth, loaded = 0, False
    for each in rest:
        added = 0 if each.opname == "PUSH_NULL" else dis.stack_effect(each.opcode, each.arg, jump=False)
        after = depth + added
        if loaded and after <= 2 and each.opname != "KW_NAMES":
            return not (each.opname in ("PRECALL", "CALL") and after < 2)
        if not loaded and added > 0 and after > 1:
            if not (depth == 1 and each.opname == "LOAD_CONST" and isinstance(each.argval, str)):
                return True
            loaded = True
        depth = after
    return False


def _strings(constants: tuple[Any, ...]) -> Iterator[str]:
    """The strings among constants, and in tuples among them: patterns of `match` hold attributes so."""
    for x in constants:
        if isinstance(x, str):
            yield x
        elif isinstance(x, tuple):
            yield from _strings(x)
