"""The text of a module's repr: one line, or indented lines of its parts."""

from __future__ import annotations


def bracketed(extra: str, parts: list[str]) -> str:
    """The text between the brackets of a repr: `extra` alone on the same line, or everything on lines of its own."""
    lines = [*(extra.split("\n") if extra else ()), *parts]
    if not lines or (not parts and len(lines) == 1):
        return extra
    return "\n  " + "\n  ".join(lines) + "\n"


def indented(text: str) -> str:
    """The text with all lines but the first moved by two spaces."""
    return text.replace("\n", "\n  ")
