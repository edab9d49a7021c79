"""The survey: from what some code objects name to the facts about everything that can be reached by those names."""

from __future__ import annotations

import builtins
import contextvars
import functools
import sys
import threading
import types
import weakref
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from ..engine.node import Value
from ..nn import members
from ..nn.hooks import Hooks
from ..nn.module import Module
from ..optim.optimizer import Optimizer
from ..tensor import OWN
from .facts import BYTES, MISSING, TABLES, Fact, contents
from .names import named, whose_file

PLAIN = (int, float, complex, str, bytes, type(None), np.generic, types.CodeType)
LISTS = (list, tuple, set, frozenset, deque)
_MEMBERS = (*members.TABLES, "forward", "training", "_module_hooks", "__dict__", "__class__")
_FUNCTIONS = (types.FunctionType, types.BuiltinFunctionType, types.MethodType, types.ModuleType, type)


class Survey:
    """Walks through what can be reached by the names that some code objects use, and collects facts."""

    def __init__(self, codes: list[types.CodeType], layers: list[types.CodeType], captured: Iterable[np.ndarray[Any, Any]]) -> None:
        found = {code: named(code) for code in (*codes, *layers)}
        users = [found[code] for code in codes if whose_file(code.co_filename) == "user"]
        self.keys = frozenset().union(*[found[code].keys for code in codes])
        self.computed = any(each.computes for each in users)
        texts = frozenset(filter(str.isidentifier, frozenset().union(*[each.keys for each in users])))
        self.attributes = texts.union(*[each.attributes for each in found.values()])
        self.sought = texts if any(each.asks for each in users) else frozenset()
        self.doubted = self.sought.union(*[each.attributes for each in users if each.catches])
        self.codes = set(found)
        self.entered: set[types.CodeType] = set()
        self.found: dict[tuple[str, int, Any], Fact] = {}
        self._captured = {id(array) for array in captured}
        self._seen: dict[int, Any] = {}

    def variables(self, code: types.CodeType, variables: dict[str, Any]) -> None:
        """Add what a code object reads of the variables of its module, and of modules that it imports itself."""
        names = named(code)
        for name in (*names.variables, *(names.keys if "globals" in names.variables else ())):
            if name in variables:
                self.entry(variables, name, name)
            elif name in names.variables and not hasattr(builtins, name):
                self._add(Fact("entry", variables, name, MISSING, name))
        for name in names.modules:
            for module in (name, f"{variables.get('__package__')}.{name}"):
                self.visit(sys.modules.get(module), name)

    def visit(self, x: Any, name: str) -> None:
        """Add the facts about this object and all that it leads to."""
        todo = [(x, name)]
        while todo:
            x, name = todo.pop()
            if id(x) not in self._seen and not isinstance(x, PLAIN):
                self._seen[id(x)] = x
                todo.extend(self._look(x, name))

    def entry(self, holder: dict[str, Any], key: Any, name: str) -> None:
        """Add the fact that a dict has this entry, and what the entry leads to."""
        value = holder[key]
        if not isinstance(value, types.ModuleType | types.BuiltinFunctionType):
            self._add(Fact("entry", holder, key, value, name))
        self.visit(value, name)

    def _add(self, fact: Fact) -> None:
        self.found[fact.place()] = fact

    def _look(self, x: Any, name: str) -> Iterator[tuple[Any, str]]:
        """Note the facts about one object; what it leads to."""
        if isinstance(x, BYTES):
            if id(x) not in self._captured:
                self._add(Fact("contents", x, None, contents(x), name))
            if isinstance(x, np.ndarray) and x.dtype.hasobject:
                yield from [(part, name) for part in x.flat]
        elif isinstance(x, (*LISTS, *TABLES)):
            yield from self._container(x, name)
        elif isinstance(x, Value):
            yield from self._marks(x, name)
        elif isinstance(x, types.FunctionType):
            yield from self._marks(x, name)
            yield from self._function(x)
        elif isinstance(x, types.MethodType | functools.partial):
            parts = (x.__func__, x.__self__) if isinstance(x, types.MethodType) else (x.func, x.args, x.keywords)
            yield from [(part, name) for part in parts]
        elif isinstance(x, types.BuiltinMethodType | types.MethodWrapperType):
            yield x.__self__, name
        elif isinstance(x, weakref.ref | weakref.ProxyType):
            yield (x() if isinstance(x, weakref.ref) else x.__init__.__self__), name  # type: ignore[attr-defined]
        elif isinstance(x, contextvars.ContextVar):
            value = x.get(MISSING)
            self._add(Fact("context", x, None, value, x.name))
            yield value, x.name
        elif isinstance(x, Optimizer):
            for group in x.param_groups:  # hyper-parameters are inputs of a program, except where the step looks at them itself
                for key in self.keys & group.keys():
                    self._add(Fact("entry", group, key, group[key], f"{key} of a parameter group"))
            yield from self._object(x, name)  # what one of a class of the user's holds besides
        elif isinstance(x, Hooks):
            yield from [(part, name) for part in (x.before, x.after, x.before_backward, x.after_backward)]
        else:
            yield from self._object(x, name)

    def _container(self, x: Any, name: str) -> Iterator[tuple[Any, str]]:
        if not isinstance(x, tuple | frozenset):
            self._add(Fact("contents", x, None, contents(x), name))
        yield from [(part, f"{name}[{key!r}]") for key, part in (x.items() if isinstance(x, TABLES) else enumerate(x))]
        if type(x).__module__ != "builtins":  # of a class that may have attributes besides
            yield from self._object(x, name)

    def _marks(self, x: Any, name: str) -> Iterator[tuple[Any, str]]:
        """The attributes that somebody has hung on a function or a tensor."""
        own = getattr(x, "__dict__", {}).keys() - set(OWN)
        for attribute in self.attributes & own:
            self._add(Fact("attribute", x, attribute, x.__dict__[attribute], f"{name}.{attribute}"))
            yield x.__dict__[attribute], f"{name}.{attribute}"
        for attribute in self.sought - own:
            if not hasattr(type(x), attribute):
                self._absent(x, attribute, f"{name}.{attribute}")

    def _function(self, function: types.FunctionType) -> Iterator[tuple[Any, str]]:
        code = function.__code__
        if code not in self.codes:
            return
        self.entered.add(code)
        for cell, name in zip(function.__closure__ or (), code.co_freevars, strict=True):
            try:
                value = cell.cell_contents
            except ValueError:  # not assigned yet
                continue
            self._add(Fact("attribute", cell, "cell_contents", value, name))
            yield value, name
        if whose_file(code.co_filename) == "user":
            for part in ("__code__", "__defaults__", "__kwdefaults__"):
                self._add(Fact("attribute", function, part, getattr(function, part), f"{part} of {function.__name__}"))
        yield from [(value, function.__name__) for value in (function.__defaults__, function.__kwdefaults__)]

    def _object(self, x: Any, name: str) -> Iterator[tuple[Any, str]]:
        whose = _origin(x)
        if not whose and not isinstance(x, Module):
            return
        if isinstance(x, Module):
            yield from self._module(x, name)
        own = getattr(x, "__dict__", {}).keys() if self.computed and not isinstance(x, type | types.ModuleType) else frozenset()
        for attribute in sorted(self.attributes.union(own).difference(_MEMBERS)):
            value = _held(x, attribute, whose)
            if value is not MISSING:
                self._add(Fact("attribute", x, attribute, value, f"{name}.{attribute}"))
                if whose != "library" or attribute in self.attributes:
                    yield value, f"{name}.{attribute}"
            elif attribute in (self.doubted if whose == "user" else self.sought):
                self._absent(x, attribute, f"{name}.{attribute}")
        yield from [(kind, kind.__name__) for kind in (x.__mro__[1:] if isinstance(x, type) else type(x).__mro__)]

    def _module(self, x: Module, name: str) -> Iterator[tuple[Any, str]]:
        """A layer's parts, and whether it has a `forward` of its own instead of its class's."""
        self._add(Fact("attribute", x, "_module_hooks", x._module_hooks, "the hooks of a module"))
        for part in ("training", *x._parameter_names, *x._buffer_names, *x._module_names):
            self._add(Fact("attribute", x, part, x.__dict__[part], f"{name}.{part}"))
        for table in self.attributes.intersection(members.TABLES):
            self._add(Fact("contents", x.__dict__[table], None, contents(x.__dict__[table]), f"the members of {name}"))
        forward = x.__dict__.get("forward", MISSING)
        self._add(Fact("entry", x.__dict__, "forward", forward, f"{name}.forward"))
        if _origin(x) == "user":
            self._add(Fact("attribute", type(x), "forward", type(x).forward, f"{type(x).__name__}.forward"))
        yield forward, f"{name}.forward"
        yield x._module_hooks, name
        yield from [(x.__dict__[part], f"{name}.{part}") for part in (*x._parameter_names, *x._buffer_names, *x._module_names)]

    def _absent(self, x: Any, attribute: str, name: str) -> None:
        """Note that an object has no such attribute, unless its class may give one by other means."""
        if isinstance(x, type) or not hasattr(x, "__dict__"):
            if not hasattr(x, attribute):
                self._add(Fact("attribute", x, attribute, MISSING, name))
        elif attribute not in x.__dict__:
            self._add(Fact("entry", x.__dict__, attribute, MISSING, name))


def _origin(x: Any) -> str:
    """Whose the code of an object is: of a module itself, else of its class."""
    if isinstance(x, types.ModuleType):
        return whose_file(getattr(x, "__file__", None) or "<frozen")
    about = x if isinstance(x, type) else type(x)
    return whose_file(getattr(sys.modules.get(about.__module__), "__file__", None) or _unnamed(about))


def _unnamed(kind: type) -> str:
    """Where a class is from whose module has no file: the user's, if it was typed in or made by exec."""
    return "<frozen" if kind.__module__ in sys.builtin_module_names and kind is not threading.local else "<user>"


def _held(x: Any, attribute: str, whose: str) -> Any:
    """What an object holds by this name, in itself or as data of its class; nothing is computed. Functions count if they are the user's."""
    own = getattr(x, "__dict__", {})
    if attribute in own and not isinstance(x, type):
        value = own[attribute]
        code = isinstance(x, types.ModuleType) and whose != "user" and isinstance(value, _FUNCTIONS)
        return MISSING if code or hasattr(value, "__set__") else value
    for kind in x.__mro__ if isinstance(x, type) else type(x).__mro__:
        if attribute in vars(kind):
            static = vars(kind)[attribute]
            if isinstance(static, types.MemberDescriptorType):
                return MISSING if isinstance(x, type) else getattr(x, attribute, MISSING)
            if isinstance(x, type) and whose == "user" and isinstance(static, types.FunctionType):
                return static
            return MISSING if hasattr(static, "__get__") or isinstance(static, _FUNCTIONS) else static
    return MISSING
