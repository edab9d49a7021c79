"""One library for many sizes: the literals in which the texts of a step at several sizes differ become arguments.

The texts for two sizes are usually the same words with other numbers. These are read from the table of numbers, after the
hyper-parameters, so that a library compiled once does for every size whose text consists of the same words.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_NUMBER = re.compile(r"(?<![\w.])(\.?\d(?:[eEpP][+-]|[\w.])*)")  # as the preprocessor reads them
_NAME = re.compile(r"\bsize\d+_(?:long|float|double)\b")
#: What has the table of numbers.
_FUNCTION = re.compile(r"^(?=int step_\d|static __attribute__\(\(noinline\)\) void (?:kernel|part)_)", re.MULTILINE)


def for_many_sizes(text: str, others: Sequence[str], taken: int) -> tuple[str, list[float]]:
    """The text with what differs from `others` read from `numbers[taken:]`, and these numbers; the text itself if that cannot be."""
    parts = _NUMBER.split(text)
    alike = [split for other in others if (split := _NUMBER.split(other))[::2] == parts[::2]]
    values: list[float] = []
    for i, row in enumerate(zip(parts, *alike, strict=True)):
        if len(set(row)) > 1:
            values.append(float(parts[i].removesuffix("f")))
            kind = "long" if parts[i].isdigit() else "float" if parts[i].endswith("f") else "double"
            parts[i] = f"size{taken + len(values) - 1}_{kind}"
    outside, *functions = _FUNCTION.split("".join(parts))
    if not values or _NAME.search(outside):
        return text, []
    return "".join([outside, *map(_with_declarations, functions)]), values


def _with_declarations(function: str) -> str:
    """A function with the sizes it uses declared at its beginning."""
    names = dict.fromkeys(_NAME.findall(function))
    lines = [f"    const {_kind(name)} {name} = ({_kind(name)})numbers[{name[4 : name.index('_')]}];\n" for name in names]
    return function.replace("{\n", "{\n" + "".join(lines), 1)


def _kind(name: str) -> str:
    return name.partition("_")[2]
