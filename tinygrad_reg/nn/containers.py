"""Modules and parameters in lists and dicts, so that they are found by name."""

from __future__ import annotations

import operator
from collections.abc import ItemsView, Iterable, Iterator, KeysView, Mapping, ValuesView
from typing import Any, Self, overload

from ..engine.refusal import typed_errors
from ..errors import ArgumentError, ArgumentTypeError, DimensionError, RegistrationError
from ..tensor import Tensor
from .members import check_name, no_module
from .module import Module
from .parameter import Parameter
from .text import bracketed, indented


class _Numbered(Module):
    """Modules in an order; what a Sequential and a ModuleList have in common. They are called "0", "1", ... unless named."""

    def _name_at(self, index: Any) -> str:
        names = tuple(self._module_names)
        return names[checked_index(index, len(names))]

    def _renumber(self, modules: list[Module]) -> None:
        for name in tuple(self._module_names):
            delattr(self, name)
        for i, module in enumerate(modules):
            self.add_module(str(i), module)

    def _selected(self, index: slice) -> Any:
        raise NotImplementedError

    def __getitem__(self, index: int | slice) -> Any:
        """The module at a position; of a slice, a container of the same class."""
        if isinstance(index, slice):
            return self._selected(index)
        return self.__dict__[self._name_at(index)]

    def __setitem__(self, index: int, module: Module) -> None:
        self.add_module(self._name_at(index), module)

    def __delitem__(self, index: int | slice) -> None:
        modules = list(self)
        del modules[index if isinstance(index, slice) else checked_index(index, len(modules))]
        self._renumber(modules)

    def __len__(self) -> int:
        return len(self._module_names)

    def __iter__(self) -> Iterator[Any]:
        return iter([self.__dict__[name] for name in self._module_names])

    def append(self, module: Module) -> Self:
        """Add a module at the end."""
        name = str(len(self))
        if name in self._module_names:
            raise RegistrationError(f"append: the name {name!r} of the next position is taken; use add_module with another name")
        self.add_module(name, module)
        return self

    def extend(self, modules: Iterable[Module]) -> Self:
        """Add several modules at the end."""
        if not isinstance(modules, Iterable):
            raise ArgumentTypeError(f"{self._get_name()}.extend should be called with an iterable, but got {type(modules).__name__}")
        for module in list(modules):
            self.append(module)
        return self

    def insert(self, index: int, module: Module) -> Self:
        """Add a module before a position; the following ones move on by one."""
        modules = list(self)
        if not isinstance(module, Module):
            raise no_module(self, module)
        if not -len(modules) <= index <= len(modules):
            raise DimensionError(f"insert: Index out of range: {index} of {len(modules)} modules")
        if list(self._module_names) != [str(i) for i in range(len(modules))]:
            raise RegistrationError(f"insert: the modules are named, {', '.join(self._module_names)}; it would rename them by position")
        modules.insert(index, module)
        self._renumber(modules)
        return self

    def pop(self, key: int | slice) -> Any:
        """Take out the module at a position and return it."""
        module = self[key]
        del self[key]
        return module


class Sequential(_Numbered):
    """Modules one after the other: `Sequential(f, g)(x) = g(f(x))`. A dict as the only argument names them.

    >>> tg.nn.Sequential(tg.nn.Linear(2, 3), tg.nn.ReLU())
    Sequential(
      (0): Linear(in_features=2, out_features=3, bias=True)
      (1): ReLU()
    )
    """

    @overload
    def __init__(self, *modules: Module) -> None: ...
    @overload
    def __init__(self, modules: dict[str, Module], /) -> None: ...
    @typed_errors
    def __init__(self, *modules: Any) -> None:
        super().__init__()
        named = modules[0] if len(modules) == 1 and isinstance(modules[0], dict) else {str(i): m for i, m in enumerate(modules)}
        for name, module in named.items():
            self.add_module(name, module)

    def forward(self, input: Any) -> Any:
        """The output of the last module."""
        members = self.__dict__
        for name in self._module_names:
            input = members[name](input)
        return input

    def extend(self, sequential: Iterable[Module]) -> Self:
        """Add several modules at the end."""
        return super().extend(sequential)

    def _selected(self, index: slice) -> Sequential:
        return type(self)(dict(list(self._modules.items())[index]))

    def __add__(self, other: Sequential) -> Sequential:
        return Sequential(*self, *_sequential(other))

    def __iadd__(self, other: Sequential) -> Self:
        return self.extend(_sequential(other))

    def __mul__(self, times: int) -> Sequential:
        return Sequential(*(list(self) * _factor(times)))

    __rmul__ = __mul__

    def __imul__(self, times: int) -> Self:
        return self.extend(list(self) * (_factor(times) - 1))


class ModuleList(_Numbered):
    """Modules in a list, all of them registered; it computes nothing itself.

    >>> layers = tg.nn.ModuleList([tg.nn.Linear(2, 3), tg.nn.Linear(3, 1)])
    >>> [name for name, _ in layers.named_parameters()]
    ['0.weight', '0.bias', '1.weight', '1.bias']
    """

    @typed_errors
    def __init__(self, modules: Iterable[Module] | None = None) -> None:
        super().__init__()
        if modules is not None:
            self.extend(modules)

    def _selected(self, index: slice) -> ModuleList:
        return type(self)(list(self)[index])

    def __add__(self, other: Iterable[Module]) -> ModuleList:
        return ModuleList([*self, *other])

    def __iadd__(self, modules: Iterable[Module]) -> Self:
        return self.extend(modules)

    def __repr__(self) -> str:
        """Equal neighbours share one line: `(0-2): 3 x Linear(...)`."""
        runs: list[tuple[int, int, str]] = []
        for i, text in enumerate(map(repr, self)):
            if runs and runs[-1][2] == text:
                runs[-1] = (runs[-1][0], i, text)
            else:
                runs.append((i, i, text))
        lines = [f"({a}): {indented(text)}" if a == b else f"({a}-{b}): {b - a + 1} x {indented(text)}" for a, b, text in runs]
        return f"{self._get_name()}({bracketed('', lines)})"


class ModuleDict(Module):
    """Modules in a dict, all of them registered under their keys; it computes nothing itself.

    >>> layers = tg.nn.ModuleDict({"tall": tg.nn.Linear(2, 5), "wide": tg.nn.Linear(5, 2)})
    >>> layers["tall"](tg.ones(3, 2)).shape
    (3, 5)
    """

    @typed_errors
    def __init__(self, modules: Any = None) -> None:
        super().__init__()
        if modules is not None:
            self.update(modules)

    def __getitem__(self, key: str) -> Any:
        return self._modules[key]

    def __setitem__(self, key: str, module: Module) -> None:
        self.add_module(key, module)

    def __delitem__(self, key: str) -> None:
        del self._modules[key]

    def __len__(self) -> int:
        return len(self._module_names)

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __contains__(self, key: str) -> bool:
        return key in self._module_names

    def keys(self) -> KeysView[str]:
        """The keys, in the order of insertion."""
        return self._modules.keys()

    def items(self) -> ItemsView[str, Any]:
        """Pairs of key and module."""
        return self._modules.items()

    def values(self) -> ValuesView[Any]:
        """The modules."""
        return self._modules.values()

    def pop(self, key: str) -> Any:
        """Take out the module of a key and return it."""
        module = self[key]
        del self[key]
        return module

    def clear(self) -> None:
        """Take out all modules."""
        self._modules.clear()

    def update(self, modules: Any) -> None:
        """Add or replace modules, from a mapping or pairs."""
        for key, module in _pairs(modules, "ModuleDict.update"):
            self[key] = module


class ParameterList(Module):
    """Parameters in a list. Tensors become parameters; other values are kept as they are, but not registered.

    >>> weights = tg.nn.ParameterList([tg.zeros(2), tg.ones(3)])
    >>> [tuple(w.shape) for w in weights]
    [(2,), (3,)]
    """

    @typed_errors
    def __init__(self, values: Iterable[Any] | None = None) -> None:
        super().__init__()
        self._size = 0
        if values is not None:
            self.extend(values)

    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return type(self)(list(self)[index])
        return getattr(self, str(checked_index(index, self._size)))

    def __setitem__(self, index: int, value: Any) -> None:
        setattr(self, str(checked_index(index, self._size)), _as_parameter(value))

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[Any]:
        return iter([self[i] for i in range(self._size)])

    def __iadd__(self, values: Iterable[Any]) -> Self:
        return self.extend(values)

    def append(self, value: Any) -> Self:
        """Add a parameter at the end."""
        setattr(self, str(self._size), _as_parameter(value))
        self._size += 1
        return self

    def extend(self, values: Iterable[Any]) -> Self:
        """Add several parameters at the end."""
        if not isinstance(values, Iterable) or isinstance(values, Tensor):
            raise ArgumentTypeError(f"ParameterList.extend should be called with an iterable, but got {type(values).__name__}")
        for value in list(values):
            self.append(value)
        return self

    def extra_repr(self) -> str:
        return _contents(enumerate(self))


class ParameterDict(Module):
    """Parameters in a dict, registered under their keys. Tensors become parameters; other values are kept as they are.

    >>> weights = tg.nn.ParameterDict({"a": tg.zeros(2)})
    >>> weights["a"].requires_grad
    True
    """

    @typed_errors
    def __init__(self, parameters: Any = None) -> None:
        super().__init__()
        self._keys: dict[str, None] = {}
        if parameters is not None:
            self.update(parameters)

    def __getitem__(self, key: str) -> Any:
        if key not in self._keys:
            raise KeyError(key)
        return getattr(self, key)

    def __setitem__(self, key: str, value: Any) -> None:
        if key not in self._keys:
            check_name(self, "parameter", key, {})
        self._keys[key] = None
        setattr(self, key, _as_parameter(value))

    def __delitem__(self, key: str) -> None:
        del self._keys[key]
        delattr(self, key)

    def __len__(self) -> int:
        return len(self._keys)

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __reversed__(self) -> Iterator[str]:
        return reversed(list(self._keys))

    def __contains__(self, key: str) -> bool:
        return key in self._keys

    def __or__(self, other: Any) -> ParameterDict:
        made = self.copy()
        made.update(other)
        return made

    def __ior__(self, other: Any) -> Self:
        self.update(other)
        return self

    def keys(self) -> Iterable[str]:
        """The keys, in the order of insertion."""
        return self._keys.keys()

    def items(self) -> Iterable[tuple[str, Any]]:
        """Pairs of key and parameter."""
        return [(key, self[key]) for key in self._keys]

    def values(self) -> Iterable[Any]:
        """The parameters."""
        return [self[key] for key in self._keys]

    def get(self, key: str, default: Any = None) -> Any:
        """The parameter of a key, or the default."""
        return self[key] if key in self._keys else default

    def setdefault(self, key: str, default: Any = None) -> Any:
        """The parameter of a key, which is the default from now on if there was none."""
        if key not in self._keys:
            self[key] = default
        return self[key]

    def pop(self, key: str) -> Any:
        """Take out the parameter of a key and return it."""
        value = self[key]
        del self[key]
        return value

    def popitem(self) -> tuple[str, Any]:
        """Take out the last pair and return it."""
        key = next(reversed(self))
        return key, self.pop(key)

    def clear(self) -> None:
        """Take out everything."""
        for key in list(self._keys):
            del self[key]

    def copy(self) -> ParameterDict:
        """Another ParameterDict of the same parameters."""
        return ParameterDict(dict(self.items()))

    def fromkeys(self, keys: Iterable[str], default: Any = None) -> ParameterDict:
        """A new ParameterDict with one value for all keys."""
        return ParameterDict(dict.fromkeys(keys, default))

    def update(self, parameters: Any) -> None:
        """Add or replace parameters, from a mapping or pairs."""
        for key, value in _pairs(parameters, "ParameterDict.update"):
            self[key] = value

    def extra_repr(self) -> str:
        return _contents(self.items())


def checked_index(index: Any, length: int) -> int:
    """A position from 0 to length - 1. Raises DimensionError if it is out of range."""
    position = operator.index(index)
    if not -length <= position < length:
        raise DimensionError(f"index {position} is out of range for {length} entries")
    return position % length


def _sequential(other: Any) -> Sequential:
    if not isinstance(other, Sequential):
        raise ArgumentError(f"add operator supports only objects of Sequential class, but {type(other)} is given.")
    return other


def _factor(times: Any) -> int:
    if not isinstance(times, int):
        raise ArgumentTypeError(f"unsupported operand type(s) for *: Sequential and {type(times).__name__}")
    if times <= 0:
        raise ArgumentError(f"Non-positive multiplication factor {times} for Sequential")
    return times


def _pairs(source: Any, what: str) -> list[tuple[str, Any]]:
    """The pairs of a mapping, of one of our dicts, or of an iterable of pairs."""
    if isinstance(source, (Mapping, ModuleDict, ParameterDict)):
        return list(source.items())
    if not isinstance(source, Iterable):
        raise ArgumentTypeError(f"{what} should be called with a mapping or an iterable of pairs, but got {type(source).__name__}")
    pairs = list(source)
    for i, pair in enumerate(pairs):
        if not isinstance(pair, (tuple, list)):
            raise ArgumentTypeError(f"{what}: element {i} must be a pair of key and value, got {type(pair).__name__}")
        if len(pair) != 2:
            raise ArgumentError(f"{what}: element {i} has length {len(pair)}; 2 is required")
    return [(key, value) for key, value in pairs]


def _as_parameter(value: Any) -> Any:
    return Parameter(value) if isinstance(value, Tensor) and not isinstance(value, Parameter) else value


def _contents(pairs: Iterable[tuple[Any, Any]]) -> str:
    """One line per entry, for a repr."""
    lines = []
    for key, value in pairs:
        if isinstance(value, Tensor):
            kind = "Parameter" if isinstance(value, Parameter) else "Tensor"
            lines.append(f"  ({key}): {kind} containing: [{value.dtype} of size {'x'.join(map(str, value.shape))}]")
        else:
            lines.append(f"  ({key}): Object of type: {type(value).__name__}")
    return "\n".join(lines)
