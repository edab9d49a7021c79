"""A module's members: how they are kept, and each kind of them seen as a mapping.

Functions and not methods of Module, whose subclasses may use any name.
"""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, KeysView, MutableMapping, ValuesView
from typing import TYPE_CHECKING, Any

from ..errors import ArgumentTypeError, MemberError, RegistrationError
from ..tensor import Tensor

if TYPE_CHECKING:
    from .module import Module

TABLES = ("_parameter_names", "_buffer_names", "_module_names")


class Members(MutableMapping[str, Any]):
    """The parameters, the buffers or the parts of one module, as a live mapping in the order of registration."""

    def __init__(self, module: Module, names: dict[str, Any]) -> None:
        self._module, self._names = module, names

    def __getitem__(self, name: str) -> Any:
        if name not in self._names:
            raise KeyError(name)
        return self._module.__dict__[name]

    def __setitem__(self, name: str, value: Any) -> None:
        keep(self._module, self._names, name, value)

    def __delitem__(self, name: str) -> None:
        del self._names[name], self._module.__dict__[name]

    def __iter__(self) -> Iterator[str]:
        return iter(tuple(self._names))

    def __len__(self) -> int:
        return len(self._names)

    def __repr__(self) -> str:
        return repr(self._as_dict())

    def _as_dict(self) -> dict[str, Any]:
        return {name: self[name] for name in self}

    def keys(self) -> KeysView[str]:
        """The names, printed as those of a dict are."""
        return self._as_dict().keys()

    def items(self) -> ItemsView[str, Any]:
        """Pairs of name and member."""
        return self._as_dict().items()

    def values(self) -> ValuesView[Any]:
        """The members."""
        return self._as_dict().values()


def table(module: Module, which: str, what: str) -> dict[str, Any]:
    """One of the tables of names. Raises MemberError if `__init__` has not made it yet."""
    try:
        return module.__dict__[which]  # type: ignore[no-any-return]
    except KeyError:
        raise MemberError(
            f"cannot assign {what} before Module.__init__() call; write super().__init__() first in {module._get_name()}.__init__"
        ) from None


def keep(module: Module, names: dict[str, Any], name: str, value: Any, entry: bool = True) -> None:
    """Let `name` stand for `value`, listed in this table and in no other."""
    for other in TABLES:
        if module.__dict__[other] is not names:
            module.__dict__[other].pop(name, None)
    names.setdefault(name, entry)
    module.__dict__[name] = value


def check_kind(module: Module, name: str, value: Any, as_module: bool = False) -> None:
    """Raise ArgumentTypeError if a registered name would get a value of another kind; a module may follow all but a parameter."""
    members = module.__dict__
    if value is None or "_module_names" not in members:
        return
    if name in members["_parameter_names"]:
        wanted, hint = "parameter", "an nn.Parameter or None; wrap it in nn.Parameter(...), or change the values of the one there"
    elif as_module:
        return
    elif name in members["_module_names"]:
        wanted, hint = "child module", "an nn.Module or None"
    elif name in members["_buffer_names"] and not isinstance(value, Tensor):
        wanted, hint = "buffer", "a tensor or None"
    else:
        return
    raise ArgumentTypeError(f"cannot assign '{type(value).__name__}' as {wanted} '{name}': expected {hint}")


def no_module(owner: Module, given: Any) -> ArgumentTypeError:
    """The error for what was to be a part of a module and is none."""
    name = getattr(given, "__name__", type(given).__name__)
    if isinstance(given, type):
        told = f"the class {name} is not a Module subclass's object; write {name}(...)"
    elif isinstance(given, (list, tuple)):
        told = f"{name} is not a Module subclass; give its entries one by one, with a star: *modules"
    elif callable(given):
        told = f"the function {name} is not a Module subclass; call it in forward, or use its layer, as nn.ReLU()"
    else:
        told = f"{name} is not a Module subclass"
    return ArgumentTypeError(f"{owner._get_name()}: {told}")


def check_name(module: Module, what: str, name: Any, names: dict[str, Any]) -> None:
    """Raise if something new cannot be registered under this name."""
    if not isinstance(name, str):
        raise ArgumentTypeError(f"{what} name should be a string. Got {type(name).__name__}")
    if "." in name:
        raise RegistrationError(f'{what} name can\'t contain ".", got: {name}')
    if not name:
        raise RegistrationError(f'{what} name can\'t be empty string ""')
    if name not in names and hasattr(module, name):
        raise RegistrationError(f"attribute '{name}' already exists")
