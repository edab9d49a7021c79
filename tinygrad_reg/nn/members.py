"""One kind of a module's members, seen as a mapping: what `module._parameters`, `._buffers` and `._modules` give."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .module import Module


class Members(MutableMapping[str, Any]):
    """The parameters, the buffers or the parts of one module, as a live mapping in the order of registration."""

    def __init__(self, module: Module, names: dict[str, Any]) -> None:
        self._module, self._names = module, names

    def __getitem__(self, name: str) -> Any:
        if name not in self._names:
            raise KeyError(name)
        return self._module.__dict__[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self._module._keep(self._names, name, value)

    def __delitem__(self, name: str) -> None:
        del self._names[name], self._module.__dict__[name]

    def __iter__(self) -> Iterator[str]:
        return iter(tuple(self._names))

    def __len__(self) -> int:
        return len(self._names)

    def __repr__(self) -> str:
        return repr(dict(self))
