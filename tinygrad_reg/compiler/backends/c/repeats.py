"""Kernels that differ in nothing but names and offsets become one C function that is called with pointers.

The fifty steps of a recurrent layer are fifty times the same few kernels. All written out, they cost compilers minutes and do not
fit into the cache of instructions.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence, Set
from typing import NamedTuple

_WORD = re.compile(r"\b[A-Za-z_]\w*\b(?!\()")  # but the names of functions
_OFFSET = re.compile(r"(\[[^\[\]]*|\bpointer\d+) \+ (\d+)(?=[\],])")  # of an element, or of a pointer that is handed on


class _Form(NamedTuple):
    """A kernel without the names of its values, which are numbered as they occur, and without its offsets."""

    text: str
    pointers: tuple[str, ...]
    offsets: tuple[str, ...]


def as_functions(
    kernels: Sequence[Sequence[str]], pointers: Mapping[str, str], values: Set[str], declarations: Callable[[str], Sequence[str]]
) -> tuple[list[str], list[Sequence[str]]]:
    """Functions for kernels that repeat themselves, and the lines to write for each kernel: its own, or a call.

    `pointers` are the C types of the pointers it may use, by name; `values` the names of all else that the program defines;
    `declarations` gives what a text needs to be declared of the table of numbers.
    """
    forms = [_form(lines, pointers, values) for lines in kernels]
    alike: dict[tuple[str, ...], list[_Form]] = defaultdict(list)
    for form in forms:
        alike[_key(form, pointers)].append(form)
    functions: list[str] = []
    calls: dict[tuple[str, ...], Callable[[_Form], str]] = {}
    for key, group in alike.items():
        if len(group) > 1 and "return" not in group[0].text:
            name = f"kernel_{len(calls)}"
            changing = [i for i, row in enumerate(zip(*[form.offsets for form in group], strict=True)) if len(set(row)) > 1]
            functions += _function(name, group[0], changing, pointers, declarations)
            calls[key] = lambda form, name=name, changing=changing: _call(name, form, changing)  # type: ignore[misc]
    found = [calls.get(_key(form, pointers)) for form in forms]
    return functions, [lines if call is None else [call(form)] for lines, form, call in zip(kernels, forms, found, strict=True)]


def _form(lines: Sequence[str], pointers: Mapping[str, str], values: Set[str]) -> _Form:
    given: dict[str, str] = {}
    local: dict[str, str] = {}
    offsets: list[str] = []

    def renamed(match: re.Match[str]) -> str:
        word = match[0]
        if word in pointers:
            return given.setdefault(word, f"pointer{len(given)}")
        name = word  # of a value, or of a variable called after it
        while name and name not in values:
            name = name.rpartition("_")[0]
        return local.setdefault(name, f"value{len(local)}") + word[len(name) :] if name else word

    def without(match: re.Match[str]) -> str:
        offsets.append(match[2])
        return f"{match[1]} + offset{len(offsets) - 1}"

    text = _OFFSET.sub(without, _WORD.sub(renamed, "\n".join(lines)))
    return _Form(text, tuple(given), tuple(offsets))


def _key(form: _Form, pointers: Mapping[str, str]) -> tuple[str, ...]:
    return (form.text, *[pointers[name] for name in form.pointers])


def _function(
    name: str, form: _Form, changing: Sequence[int], pointers: Mapping[str, str], declarations: Callable[[str], Sequence[str]]
) -> list[str]:
    given = [f"{pointers[pointer]} *const pointer{i}" for i, pointer in enumerate(form.pointers)]
    text = re.sub(r"\boffset(\d+)\b", lambda m: m[0] if int(m[1]) in changing else form.offsets[int(m[1])], form.text)
    body = [*declarations(text), *text.split("\n")]
    parameters = ", ".join(["const double *numbers", *given, *[f"const long offset{i}" for i in changing]])
    return [f"static __attribute__((noinline)) void {name}({parameters}) {{", *["    " + line for line in body], "}", ""]


def _call(name: str, form: _Form, changing: Sequence[int]) -> str:
    return f"{name}({', '.join(['numbers', *form.pointers, *[form.offsets[i] for i in changing]])});"
