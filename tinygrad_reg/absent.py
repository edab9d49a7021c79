"""Names that PyTorch has and this package has not: asking for one says why, and what to use instead. docs/scope.md is their list."""

from __future__ import annotations

from typing import Any, NoReturn

from .errors import NotProvidedError


class Absent:
    """Stands in a class for a method that there is not: `hasattr` says no, and the error says what to do."""

    def __init__(self, instead: str) -> None:
        self.instead = instead

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = f"{owner.__name__}.{name}"

    def __get__(self, instance: Any, owner: type) -> NoReturn:
        raise NotProvidedError(f"{self.name} is not provided: {self.instead}")
