"""The Python variables that a step depends on beside its arguments.

While a step is traced, a `Witness` sees which functions of the user's and of layers run. What these name (variables of their
modules and closures, attributes, entries of containers) is then looked up in everything that can be reached from them. Each
such place is a `Fact`: the value it held. A recording is replayed only while all of its facts hold; and a step that changes
them itself is not replayed, since the replay would leave that out. So the names decide, not what was really read: a few facts
too many cost some nanoseconds a call, one too few would freeze a value silently.
"""

from __future__ import annotations

import contextlib
import dis
import functools
import gc
import operator
import os
import sys
import sysconfig
import types
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple, Self

import numpy as np

from ..engine.node import Leaf, Value
from ..nn.hooks import Hooks
from ..nn.members import TABLES
from ..nn.module import Module
from ..optim.optimizer import Optimizer

_HERE = os.path.dirname(os.path.dirname(__file__)) + os.sep
_LAYERS = os.path.join(_HERE, "nn") + os.sep
_PLUMBING = (os.path.join(_LAYERS, "hooks.py"), os.path.join(_LAYERS, "functional") + os.sep)
_NUMPY = os.path.dirname(np.__file__) + os.sep
_STANDARD = sysconfig.get_paths()["stdlib"] + os.sep
_INSTALLED = (sysconfig.get_paths()["purelib"] + os.sep, sysconfig.get_paths()["platlib"] + os.sep)
_SIZES = frozenset({"shape", "size", "numel", "nbytes", "stride", "len", "__len__"})
_MISSING: Any = object()
_PLAIN = (int, float, complex, str, bytes, type(None), np.generic, Value, types.CodeType)
_LISTS = (list, tuple, set, frozenset, deque)
_FUNCTIONS = (types.FunctionType, types.BuiltinFunctionType, types.MethodType, types.ModuleType, type)


def same(x: Any, y: Any) -> bool:
    """Whether both are one object, or equal plain values."""
    return x is y or (type(x) is type(y) and isinstance(x, int | float | str | bytes) and (x == y or x != x != y != y))


def contents(container: Any) -> tuple[Any, ...]:
    """What is in a container: its elements, or its keys and values; of an array, its bytes."""
    if isinstance(container, np.ndarray):
        return (container.tobytes(),)
    return (*container, *container.values()) if isinstance(container, dict) else tuple(container)


class Fact(NamedTuple):
    """What a place holds: an "attribute" or "entry" of the holder by this key, or the "contents" of the holder."""

    kind: str
    holder: Any
    key: Any
    value: Any
    name: str

    def place(self) -> tuple[str, int, Any]:
        """What tells places apart."""
        return self.kind, id(self.holder), self.key

    def now(self) -> Fact:
        """The fact as it is at present."""
        if self.kind == "attribute":
            return self._replace(value=getattr(self.holder, self.key, _MISSING))
        return self._replace(value=self.holder.get(self.key, _MISSING) if self.kind == "entry" else contents(self.holder))

    def holds(self) -> bool:
        """Whether the place holds the same object, or an equal plain value."""
        now = self.now().value
        if self.kind != "contents":
            return same(now, self.value)
        return len(now) == len(self.value) and all(map(same, now, self.value))

    def changed(self) -> str:
        """The reason not to replay a step that changes this."""
        if self.kind == "contents":
            return f"the step changes what is in {self.name!r}, which a replay would not; return what is to be kept"
        return f"the step changes the Python variable {self.name!r}, which a replay would not; do it outside of the step, or use a tensor"


def referrers(*objects: Any) -> list[Any]:
    """The containers that hold any of these, among them those that `gc.freeze` has put aside, which are put aside again."""
    if not objects:
        return []
    if not gc.get_freeze_count():
        return gc.get_referrers(*objects)
    gc.unfreeze()
    try:
        return gc.get_referrers(*objects)
    finally:
        gc.freeze()


def hooks_of(tensors: Iterable[Value]) -> Iterator[Fact]:
    """The facts about which hooks the tensors have, that a step takes from outside."""
    name = "the hooks of a tensor"
    for x in tensors:
        if isinstance(x.node, Leaf):
            yield Fact("attribute", x.node, "extras", x.node.extras, name)  # made with the first hook of either kind
            if x.node.extras is not None:
                yield Fact("attribute", x.node, "after_hooks", x.node.after_hooks, name)
                for hooks in (x.node.extras.hooks, x.node.after_hooks):
                    if hooks is not None:
                        yield Fact("contents", hooks, None, contents(hooks), name)


def broken(facts: Iterable[Fact]) -> str | None:
    """Why a run that has changed one of these facts must not be replayed; None if it has not."""
    return next((fact.changed() for fact in facts if not fact.holds()), None)


class Witness:
    """Sees the functions that run inside of `with witness:`, and tells what they depend on."""

    def __init__(self) -> None:
        self._globals: dict[types.CodeType, dict[str, Any]] = {}
        self._layers: dict[types.CodeType, None] = {}
        self._met: list[tuple[Any, str]] = []  # weak references to arguments, and their names

    def __enter__(self) -> Self:
        self._before = sys.getprofile()
        sys.setprofile(self._see)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(self._before)

    def _see(self, frame: types.FrameType, event: str, _: object) -> None:
        if event != "call":
            return
        code = frame.f_code
        whose = _whose(code.co_filename)
        if whose == "user":
            self._globals[code] = frame.f_globals
        elif whose == "layer" and code is not Module.__call__.__code__:
            self._layers[code] = None
        else:
            return
        local = frame.f_locals
        for name in code.co_varnames[: code.co_argcount + code.co_kwonlyargcount + 2]:
            self._meet(local.get(name), name)

    def _meet(self, x: Any, name: str) -> None:
        """Remember an argument as long as it lives: what a step makes itself is nothing to compare later."""
        if type(x) in (tuple, dict):
            for part in x.values() if type(x) is dict else x:
                self._meet(part, name)
        elif not isinstance(x, (*_PLAIN, np.ndarray, *_LISTS)):
            with contextlib.suppress(TypeError):  # a container of another kind
                self._met.append((weakref.ref(x), name))

    def facts(self, function: Any, captured: Iterable[np.ndarray[Any, Any]]) -> tuple[Fact, ...]:
        """The facts that a run of this function depended on. `captured` are the arrays that a replay reads anew anyway."""
        for callback in gc.callbacks:  # the garbage collector may have run its own in between
            if isinstance(callback, types.FunctionType):
                self._globals.pop(callback.__code__, None)
        survey = _Survey([*self._globals, *self._layers], captured)
        survey.visit(function, "")
        for code, variables in self._globals.items():
            for name in _named(code).variables:
                survey.entry(variables, name, name)
        for ref, name in self._met:
            survey.visit(ref(), name)
        for other in self._hidden(survey):
            survey.visit(other, other.__name__)
        return tuple(survey.found.values())

    def _hidden(self, survey: _Survey) -> list[Any]:
        """Functions with a closure that have run and that nothing led to. Those made by the step itself have no facts."""
        inner = {constant for code in self._globals for constant in code.co_consts if isinstance(constant, types.CodeType)}
        left = [code for code in self._globals if code.co_freevars and code not in survey.entered and code not in inner]
        return [x for x in referrers(*left) if isinstance(x, types.FunctionType)]

    def reads_memory(self) -> bool:
        """Whether a function of the user's takes `.array` of something: the memory of a tensor, if it is one."""
        return any(_named(code).memory for code in self._globals)

    def looks_at_sizes(self) -> str | None:
        """A function of the user's that names what gives the size of a tensor."""
        for code in self._globals:
            named = _named(code)
            if not _SIZES.isdisjoint((*named.variables, *named.attributes, *named.keys)):
                return f"{code.co_name} in {os.path.basename(code.co_filename)}, line {code.co_firstlineno}"
        return None


@functools.cache
def _whose(path: str) -> str:
    """Whether code in this file is the "user"'s, of a "layer", or of neither kind: nothing of what it reads can change unseen."""
    if path.startswith(_HERE):
        return "layer" if path.startswith(_LAYERS) and not path.startswith(_PLUMBING) else ""
    installed = path.startswith(_INSTALLED) and not path.startswith(_NUMPY)
    return "user" if installed or not path.startswith((_STANDARD, _NUMPY, "<frozen")) else ""


class Named(NamedTuple):
    """What a code object names."""

    variables: tuple[str, ...]
    attributes: frozenset[str]
    keys: frozenset[str]
    memory: bool


@functools.lru_cache(1024)
def _named(code: types.CodeType) -> Named:
    instructions = list(dis.get_instructions(code))
    attributes = {i.argval for i in instructions if i.opname in ("LOAD_ATTR", "LOAD_METHOD", "STORE_ATTR", "DELETE_ATTR")}
    return Named(
        tuple(sorted({i.argval for i in instructions if i.opname.endswith("_GLOBAL")})),
        frozenset(attributes),
        frozenset(c for c in code.co_consts if isinstance(c, str)),
        any(i.opname == "LOAD_ATTR" and i.argval == "array" and "NULL" not in i.argrepr for i in instructions),
    )


class _Survey:
    """Walks through what can be reached by the names that some code objects use, and collects facts."""

    def __init__(self, codes: list[types.CodeType], captured: Iterable[np.ndarray[Any, Any]]) -> None:
        self.attributes = frozenset().union(*[_named(code).attributes for code in codes])
        self.keys = frozenset().union(*[_named(code).keys for code in codes])
        self.codes = set(codes)
        self.entered: set[types.CodeType] = set()
        self.found: dict[tuple[str, int, Any], Fact] = {}
        self._captured = {id(array) for array in captured}
        self._seen: dict[int, Any] = {}

    def visit(self, x: Any, name: str) -> None:
        """Add the facts about this object and all that it leads to."""
        todo = [(x, name)]
        while todo:
            x, name = todo.pop()
            if id(x) not in self._seen and not isinstance(x, _PLAIN):
                self._seen[id(x)] = x
                todo.extend(self._look(x, name))

    def entry(self, holder: dict[str, Any], key: Any, name: str) -> None:
        """Add the fact that a dict has this entry, and what the entry leads to."""
        value = holder.get(key, _MISSING)
        if value is not _MISSING:
            if not isinstance(value, types.ModuleType | types.BuiltinFunctionType):
                self._add(Fact("entry", holder, key, value, name))
            self.visit(value, name)

    def _add(self, fact: Fact) -> None:
        self.found[fact.place()] = fact

    def _look(self, x: Any, name: str) -> Iterator[tuple[Any, str]]:
        """Note the facts about one object; what it leads to."""
        if isinstance(x, np.ndarray):
            if id(x) not in self._captured:
                self._add(Fact("contents", x, None, contents(x), name))
        elif isinstance(x, (*_LISTS, dict)):
            if not isinstance(x, tuple | frozenset):
                self._add(Fact("contents", x, None, contents(x), name))
            yield from [(part, f"{name}[{key!r}]") for key, part in (x.items() if isinstance(x, dict) else enumerate(x))]
        elif isinstance(x, types.FunctionType):
            yield from self._function(x)
        elif isinstance(x, types.MethodType | functools.partial):
            parts = (x.__func__, x.__self__) if isinstance(x, types.MethodType) else (x.func, x.args, x.keywords)
            yield from [(part, name) for part in parts]
        elif isinstance(x, Optimizer):
            for group in x.param_groups:  # hyper-parameters are inputs of a program, except where the step looks at them itself
                for key in self.keys & group.keys():
                    self._add(Fact("entry", group, key, group[key], f"{key} of a parameter group"))
            yield from self._object(x, name)  # what one of a class of the user's holds besides
        elif isinstance(x, Hooks):
            yield from [(part, name) for part in (x.before, x.after, x.before_backward, x.after_backward)]
        else:
            yield from self._object(x, name)

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
        yield from [(value, function.__name__) for value in (function.__defaults__, function.__kwdefaults__)]

    def _object(self, x: Any, name: str) -> Iterator[tuple[Any, str]]:
        about = x if isinstance(x, type) else type(x)
        if isinstance(x, types.ModuleType):
            if not _whose(getattr(x, "__file__", None) or "<frozen"):
                return
        elif not isinstance(x, Module) and not _whose(getattr(sys.modules.get(about.__module__), "__file__", None) or _unnamed(about)):
            return
        if isinstance(x, Module):
            self._add(Fact("attribute", x, "_module_hooks", x._module_hooks, "the hooks of a module"))
            for part in ("training", *x._parameter_names, *x._buffer_names, *x._module_names):
                self._add(Fact("attribute", x, part, x.__dict__[part], f"{name}.{part}"))
            for table in self.attributes.intersection(TABLES):
                self._add(Fact("contents", x.__dict__[table], None, contents(x.__dict__[table]), f"the members of {name}"))
            yield x._module_hooks, name
            yield from [(x.__dict__[part], f"{name}.{part}") for part in x._module_names]
        for attribute in sorted(self.attributes.difference(TABLES)):
            value = _held(x, attribute)
            if value is not _MISSING:
                self._add(Fact("attribute", x, attribute, value, f"{name}.{attribute}"))
                yield value, f"{name}.{attribute}"
        called = type(x).__dict__.get("__call__")
        if isinstance(called, types.FunctionType):
            yield called, name


def _unnamed(kind: type) -> str:
    """Where a class is from whose module has no file: the user's, if it was typed in or made by exec."""
    return "<frozen" if kind.__module__ in sys.builtin_module_names else "<user>"


def _held(x: Any, attribute: str) -> Any:
    """What an object holds by this name, in itself or as data of a class of the user's; nothing is computed."""
    own = getattr(x, "__dict__", {})
    if attribute in own:
        value = own[attribute]
        code = isinstance(x, type | types.ModuleType) and (isinstance(value, _FUNCTIONS) or hasattr(value, "__get__"))
        return _MISSING if code or hasattr(value, "__set__") else value
    for kind in type(x).__mro__:
        if attribute in vars(kind):
            static = vars(kind)[attribute]
            if isinstance(static, types.MemberDescriptorType):
                return getattr(x, attribute, _MISSING)
            return _MISSING if hasattr(static, "__get__") or isinstance(static, _FUNCTIONS) else static
    return _MISSING


def check_of(facts: Iterable[Fact]) -> Callable[[], bool]:
    """A function that tells whether the facts hold with the very same objects, written out, since it is called at every step."""
    names: dict[str, Any] = {"all": all, "map": map, "len": len, "same": operator.is_}
    terms = []
    for i, fact in enumerate(facts):
        names[f"h{i}"], names[f"k{i}"], names[f"v{i}"] = fact.holder, fact.key, fact.value
        if fact.kind == "attribute":
            read = f"h{i}.{fact.key}" if fact.key.isidentifier() else f"getattr(h{i}, k{i})"
            terms.append(f"{read} is v{i}")
        elif fact.kind == "entry":
            terms.append(f"h{i}[k{i}] is v{i}")
        elif isinstance(fact.holder, np.ndarray):
            terms.append(f"h{i}.tobytes() == v{i}[0]")
        elif not fact.value:
            terms.append(f"not h{i}")
        elif isinstance(fact.holder, dict):
            half = len(fact.value) // 2
            names[f"v{i}"], names[f"w{i}"] = fact.value[:half], fact.value[half:]
            terms.append(f"len(h{i}) == {half} and all(map(same, h{i}, v{i})) and all(map(same, h{i}.values(), w{i}))")
        else:
            terms.append(f"len(h{i}) == {len(fact.value)} and all(map(same, h{i}, v{i}))")
    condition = " and ".join(terms) or "True"
    lines = ("def check():", "  try:", f"    return {condition}", "  except (AttributeError, KeyError):", "    return False")
    exec("\n".join(lines), names)
    check: Callable[[], bool] = names["check"]
    return check
