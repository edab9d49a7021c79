"""Pieces of C: loops, and elements in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from .memory import Ref


def loops(sizes: Iterable[tuple[str, int]], body: Iterable[str]) -> Iterator[str]:
    """Loops around some lines: (variable, how many) from outside to inside."""
    sizes = list(sizes)
    for depth, (name, n) in enumerate(sizes):
        yield f"{'    ' * depth}for (long {name} = 0; {name} < {n}; ++{name}) {{"
    yield from ("    " * len(sizes) + line for line in body)
    yield from (f"{'    ' * depth}}}" for depth in reversed(range(len(sizes))))


def place(offset: int, steps: Iterable[tuple[int, str]]) -> str:
    """How many elements from the start: the sum of (stride, index) and an offset."""
    terms = [index if step == 1 else f"{step} * {index}" for step, index in steps if step and index != "0"]
    return " + ".join([*terms, str(offset)] if offset or not terms else terms)


def at(ref: Ref, indices: Sequence[str]) -> str:
    """The element of an array at these indices."""
    return f"{ref.storage.name}[{place(ref.offset, zip(ref.strides, indices, strict=True))}]"
