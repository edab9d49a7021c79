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
from ..engine.refusal import shown
from ..nn import members
from ..nn.hooks import Hooks
from ..nn.module import Module
from ..optim.optimizer import Optimizer
from ..tensor import OWN
from .facts import BYTES, MISSING, TABLES, Fact, contents
from .names import is_ours, named, whose_file
from .opaque import is_cache, names_in, parts_of, unseen

PLAIN = (int, float, complex, str, bytes, type(None), np.generic, types.CodeType)
LISTS = (list, tuple, set, frozenset, deque)
_MEMBERS = (*members.TABLES, "forward", "training", "_module_hooks", "__dict__", "__class__")
_FUNCTIONS = (types.FunctionType, types.BuiltinFunctionType, types.MethodType, types.ModuleType, type)
_OF_C = (types.MemberDescriptorType, types.GetSetDescriptorType)
_OF_OPTIMIZERS = ("step", "zero_grad")


class Survey:
    """Walks through what can be reached by the names that some code objects use, and collects facts."""

    def __init__(
        self,
        codes: list[types.CodeType],
        layers: list[types.CodeType],
        captured: Iterable[np.ndarray[Any, Any]] = (),
        learned: frozenset[str] = frozenset(),
        computed: bool = False,
        opened: Iterable[Any] = (),
    ) -> None:
        """`learned` are names that an earlier survey has met. With `computed` all attributes count, else those of the objects `opened`."""
        found = {code: named(code) for code in (*codes, *layers)}
        users = [found[code] for code in codes if whose_file(code.co_filename) == "user"]
        self.keys = frozenset().union(*[found[code].keys for code in codes])
        self.tables = frozenset(members.TABLES).intersection(x for each in found.values() for x in (*each.keys, *each.attributes))
        self.computed = computed or any(each.computes for each in users)
        texts = frozenset().union(*[_identifiers(each.keys) for each in users])
        self.named = texts.union(learned, *[each.attributes for each in users])
        self.attributes = self.named.union(*[each.attributes for each in found.values()])
        self.sought = texts if any(each.asks for each in users) else frozenset()
        self.doubted = self.sought.union(*[each.attributes for each in users if each.catches])
        self.codes = set(found)
        self.entered: set[types.CodeType] = set()
        self.found: dict[tuple[str, int, Any], Fact] = {}
        self.learned = learned
        self.refused: list[str] = []
        self.values: dict[int, Value] = {}  # the tensors that were reached, by their ids
        self.compares = any(each.compares for each in users)  # whether it may count which of them one is
        self._opened = {id(x) for x in opened}
        self._weak: list[tuple[Any, str]] = []  # what a weak reference leads to
        self._captured = {id(array) for array in captured}
        self._seen: dict[int, Any] = {}

    def variables(self, code: types.CodeType, variables: dict[str, Any]) -> None:
        """Add what a code object reads of the variables of its module, and of modules that it imports itself."""
        names, whose = named(code), whose_file(code.co_filename)
        for name in (*names.variables, *(names.keys if "globals" in names.variables else ())):
            if name in variables:
                self.entry(variables, name, name, whose)
            elif name in names.variables and not hasattr(builtins, name):
                self._add(Fact("entry", variables, name, MISSING, name))
            elif name in names.variables and not isinstance(vars(builtins)[name], (types.BuiltinFunctionType, type)):
                self.entry(vars(builtins), name, name)
        for name in names.modules:
            for path in (name, f"{variables.get('__package__')}.{name}"):
                if path in sys.modules:
                    self.entry(sys.modules, path, name)

    def visit(self, x: Any, name: str) -> None:
        """Add the facts about this object and all that it leads to."""
        todo = [(x, name)]
        while todo:
            x, name = todo.pop()
            if id(x) not in self._seen and not (isinstance(x, PLAIN) and not _origin(x)):
                self._seen[id(x)] = x
                todo.extend(self._look(x, name))

    def entry(self, holder: dict[str, Any], key: Any, name: str, whose: str = "user") -> None:
        """Add the fact that a dict has this entry, and what the entry leads to. What is code of the library's stays what it is."""
        value = holder[key]
        constant = isinstance(value, types.BuiltinFunctionType) or (isinstance(value, types.ModuleType) and _origin(value) != "user")
        if not constant and not (whose == "library" and _is_code(value)):
            self._add(Fact("entry", holder, key, value, name))
        self.visit(value, name)

    def close(self) -> None:
        """Refuse what only weak references lead to."""
        for x, name in self._weak:
            if id(x) not in self._seen:
                self.refused.append(f"{name!r} is a weak reference, of which a replay would not notice that it ends; use the object itself")
        self._weak.clear()

    def _add(self, fact: Fact) -> None:
        self.found[fact.place()] = fact

    def _look(self, x: Any, name: str) -> Iterator[tuple[Any, str]]:
        """Note the facts about one object; what it leads to."""
        if isinstance(x, BYTES):
            if id(x) not in self._captured:
                self._add(Fact("contents", x, None, contents(x), name))
            if isinstance(x, np.ndarray) and x.dtype.hasobject:
                yield from [(part, name) for part in x.flat]
            yield from self._object(x, name)  # what one of a class of the user's holds besides
        elif x is sys.modules:
            for key in self.keys & x.keys():  # its other entries are no business of the step's
                self.entry(x, key, key)
        elif isinstance(x, (*LISTS, *TABLES)):
            yield from self._container(x, name)
        elif isinstance(x, Value):
            self.values[id(x)] = x
            yield from self._marks(x, name)
        elif isinstance(x, types.FunctionType):
            yield from self._marks(x, name)
            yield from self._function(x)
        elif isinstance(x, (types.MethodType, functools.partial)):
            parts = (x.__func__, x.__self__) if isinstance(x, types.MethodType) else (x.func, x.args, x.keywords)
            yield from self._marks(x, name)
            yield from [(part, name) for part in parts]
        elif isinstance(x, (types.BuiltinMethodType, types.MethodWrapperType)):
            yield x.__self__, name
        elif isinstance(x, (weakref.ref, weakref.ProxyType)):
            referent = x() if isinstance(x, weakref.ref) else x.__init__.__self__  # type: ignore[attr-defined]
            if _origin(referent) == "user":
                self._weak.append((referent, name))  # a fact would keep it alive
            else:
                yield referent, name
        elif isinstance(x, contextvars.ContextVar):
            value = x.get(MISSING)
            self._add(Fact("context", x, None, value, x.name))
            yield value, x.name
        elif isinstance(x, Optimizer):
            for group in x.param_groups:  # hyper-parameters are inputs of a program, except where the step looks at them itself
                for key in self.keys & group.keys():
                    self._add(Fact("entry", group, key, group[key], f"{key} of a parameter group"))
            hooks = (x.__dict__.get("_before_step"), x.__dict__.get("_after_step"))
            yield from [(part, f"the step hooks of {name}") for part in hooks if part is not None]
            yield from self._unhidden(x, _OF_OPTIMIZERS, name)
            yield from self._object(x, name)
        elif isinstance(x, Hooks):
            yield from [(part, name) for part in (x.before, x.after, x.before_backward, x.after_backward)]
        elif (why := unseen(x)) is not None:
            self.refused.append(f"{name!r} {why}")
        else:
            if is_cache(x):
                self._add(Fact("cache", x, None, x.cache_info()[:2], name))
            self.learned |= names_in(x)
            yield from [(part, name) for part in parts_of(x)]
            yield from self._object(x, name)

    def _container(self, x: Any, name: str) -> Iterator[tuple[Any, str]]:
        if isinstance(x, (*TABLES, set, frozenset)):
            keys = {id(key): key for key in x if isinstance(key, Value)}
            self.values |= keys
            self.compares = self.compares or bool(keys)
        if not isinstance(x, (tuple, frozenset)):
            self._add(Fact("contents", x, None, contents(x), name))
        parts = x.items() if isinstance(x, TABLES) else enumerate(x)
        yield from [(part, f"{name}[{shown(key) if isinstance(key, Value) else repr(key)}]") for key, part in parts]
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
        ours = is_ours(_file(x)) and not isinstance(x, (type, types.ModuleType, Optimizer))
        if not whose and not ours:
            return
        seen = isinstance(x, Module) or (whose and not isinstance(x, types.ModuleType)) or hasattr(x, "__file__")
        names = self.attributes if seen else self.named
        if isinstance(x, Module):
            yield from self._module(x, name)
        own = self._all_of(x, whose, name)
        for attribute in sorted(names.union(own).difference(_MEMBERS)):
            value = _held(x, attribute, whose)
            if value is not MISSING:
                if attribute not in own:
                    self._add(Fact("attribute", x, attribute, value, f"{name}.{attribute}"))
                if whose != "library" or attribute in self.attributes:
                    yield value, f"{name}.{attribute}"
            elif attribute in (self.doubted if whose == "user" else self.sought):
                self._absent(x, attribute, f"{name}.{attribute}")
        if whose == "user" and not isinstance(x, types.ModuleType):
            yield from self._class(x, name) if isinstance(x, type) else self._instance(x, name)
        yield from [(kind, kind.__name__) for kind in (x.__mro__[1:] if isinstance(x, type) else type(x).__mro__)]

    def _all_of(self, x: Any, whose: str, name: str) -> dict[str, Any]:
        """The attributes of an object, if all of them count; so it counts too whether there are others."""
        opened = self.computed or id(x) in self._opened
        own = _own(x)
        if not opened or own is None or isinstance(x, (type, types.ModuleType)):
            return {}
        self._add(Fact("contents", own, None, contents(own), f"the attributes of {name}"))
        return own

    def _class(self, kind: type, name: str) -> Iterator[tuple[Any, str]]:
        """The functions of a user's class that have run, as special methods do unnamed; its properties and the like; its metaclass."""
        for attribute, member in vars(kind).items():
            if isinstance(member, types.FunctionType):
                if member.__code__ in self.codes:
                    self._add(Fact("attribute", kind, attribute, member, f"{name}.{attribute}"))
            elif attribute in self.attributes and hasattr(member, "__get__") and not isinstance(member, _OF_C):
                self._add(Fact("member", kind, attribute, member, f"{name}.{attribute}"))
                yield getattr(member, "__func__", member), f"{name}.{attribute}"
        yield type(kind), type(kind).__name__

    def _instance(self, x: Any, name: str) -> Iterator[tuple[Any, str]]:
        """The class of a user's object, and that no attribute of its own hides a method."""
        self._add(Fact("class", x, None, type(x), f"the class of {name}"))
        if "__match_args__" in self.attributes:
            self.learned |= frozenset(getattr(type(x), "__match_args__", ()))
        yield from self._unhidden(x, [each for each in self.named if _is_users_function(type(x), each)], name)

    def _unhidden(self, x: Any, methods: Iterable[str], name: str) -> Iterator[tuple[Any, str]]:
        """Whether these methods are hidden by attributes of the object's own."""
        own = _own(x)
        if own is None:
            return
        for method in self.named.intersection(methods):
            hidden = own.get(method, MISSING)
            self._add(Fact("entry", own, method, hidden, f"{name}.{method}"))
            yield hidden, f"{name}.{method}"

    def _module(self, x: Module, name: str) -> Iterator[tuple[Any, str]]:
        """A layer's parts, and whether it has a `forward` of its own instead of its class's."""
        self._add(Fact("attribute", x, "_module_hooks", x._module_hooks, "the hooks of a module"))
        for part in ("training", *x._parameter_names, *x._buffer_names, *x._module_names):
            self._add(Fact("attribute", x, part, x.__dict__[part], f"{name}.{part}"))
        for table in self.tables:
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


def _own(x: Any) -> dict[str, Any] | None:
    """The attributes of an object itself, also if its class says that there are none; None if it can have none."""
    own: Any = getattr(x, "__dict__", None)
    try:
        return object.__getattribute__(x, "__dict__") if own is None else own  # type: ignore[no-any-return]
    except AttributeError:
        return None


def _origin(x: Any) -> str:
    """Whose the code of an object is: of a module itself, else of its class."""
    return whose_file(_file(x))


def _file(x: Any) -> str:
    """Where a module, or the class of an object, is from. Without a file it is the user's, if it was typed in or made by exec."""
    if isinstance(x, types.ModuleType):
        spec = getattr(x, "__spec__", None)
        return getattr(x, "__file__", None) or ("<user>" if spec is None or spec.origin is None else f"<frozen {spec.origin}>")
    kind = x if isinstance(x, type) else type(x)
    built_in = kind.__module__ in sys.builtin_module_names and kind is not threading.local
    return getattr(sys.modules.get(kind.__module__), "__file__", None) or ("<frozen" if built_in else "<user>")


def _identifiers(texts: Iterable[str]) -> frozenset[str]:
    """The texts that may be the names of attributes, and of attributes of attributes."""
    parts = [text.split(".") for text in texts]
    return frozenset(name for names in parts if all(map(str.isidentifier, names)) for name in names)


def _is_users_function(kind: type, attribute: str) -> bool:
    static = next((vars(each)[attribute] for each in kind.__mro__ if attribute in vars(each)), None)
    return isinstance(static, types.FunctionType) and whose_file(static.__code__.co_filename) == "user"


def _is_code(x: Any) -> bool:
    """Whether this is a function, class or module, and no method of an object."""
    bound = getattr(x, "__self__", None)
    return isinstance(x, _FUNCTIONS) and (bound is None or isinstance(bound, (types.ModuleType, type)))


def _held(x: Any, attribute: str, whose: str) -> Any:
    """What an object holds by this name, in itself or as data of its class; nothing is computed. Functions count if they are the user's."""
    own = _own(x) or {}
    if attribute in own and not isinstance(x, type):
        value = own[attribute]
        code = isinstance(x, types.ModuleType) and whose != "user" and _is_code(value)
        return MISSING if code or hasattr(value, "__set__") else value
    for kind in x.__mro__ if isinstance(x, type) else type(x).__mro__:
        if attribute in vars(kind):
            static = vars(kind)[attribute]
            if isinstance(static, types.MemberDescriptorType):
                return MISSING if isinstance(x, type) else getattr(x, attribute, MISSING)
            if isinstance(static, types.GetSetDescriptorType) and not isinstance(x, type):
                value = getattr(x, attribute, MISSING)
                return value if value is getattr(x, attribute, MISSING) else MISSING  # data, unless it is made anew
            if isinstance(x, type) and whose == "user" and isinstance(static, types.FunctionType):
                return static
            return MISSING if hasattr(static, "__get__") or isinstance(static, _FUNCTIONS) else static
    return MISSING
