"""The state of a module and its parts: writing it to a dict, reading it, and what can be wrong with one, in words."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..engine.node import wrap
from ..engine.state import no_grad
from ..errors import ArgumentTypeError, StateDictError
from ..tensor import Tensor
from .parameter import Parameter

if TYPE_CHECKING:
    from .module import Module

EXTRA = "_extra_state"


class IncompatibleKeys(NamedTuple):
    """What `load_state_dict` found different: names the module has and the state lacks, and the other way round."""

    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return f"_IncompatibleKeys(missing_keys={self.missing_keys}, unexpected_keys={self.unexpected_keys})"

    def lines(self) -> list[str]:
        """The lines of an error about these keys."""
        kinds = (("Missing", self.missing_keys), ("Unexpected", self.unexpected_keys))
        return [f"{kind} key(s) in state_dict: " + ", ".join(f'"{k}"' for k in keys) + ". " for kind, keys in kinds if keys]


def new_state() -> dict[str, Any]:
    """A dict that also carries metadata, by path, of the modules whose state it holds."""
    state: Any = OrderedDict()
    state._metadata = OrderedDict()
    return state  # type: ignore[no-any-return]


def kept(module: Module) -> Iterator[str]:
    """The names of a module's own parameters and persistent buffers."""
    for name in (*module._parameter_names, *[name for name, persistent in module._buffer_names.items() if persistent]):
        if module.__dict__[name] is not None:
            yield name


def save_state(module: Module, state: Any, prefix: str, keep_vars: bool) -> None:
    """Add the state of a module and its parts."""
    metadata = {"version": module._version}
    if hasattr(state, "_metadata"):
        state._metadata[prefix[:-1]] = metadata
    for hook in _hooks(module, "before_saving"):
        hook(module, prefix, keep_vars)
    for name in kept(module):
        member = module.__dict__[name]
        state[prefix + name] = member if keep_vars else member.detach()
    if module._defines("get_extra_state"):
        state[prefix + EXTRA] = module.get_extra_state()
    for name, part in _parts(module):
        part.state_dict(destination=state, prefix=f"{prefix}{name}.", keep_vars=keep_vars)
    for hook in _hooks(module, "after_saving"):
        if hook(module, state, prefix, metadata) is not None:
            raise StateDictError("state_dict post-hook must return None; change the dict it is given")


def load_state(module: Module, state: Mapping[str, Any], strict: bool, assign: bool) -> IncompatibleKeys:
    """Put the values of a state into a module and its parts. Nothing is changed if they do not fit."""
    odd = [key for key in state if not isinstance(key, str)]
    if odd:
        raise ArgumentTypeError(f"load_state_dict: the keys must be strings, got {odd[0]!r}")
    reading = _Reading(module, state)
    forgiving = any(_hooks(part, "after_loading") for part in module.modules())
    reading.complain(strict and not forgiving)
    for owner, name, value in reading.values:
        load(owner.__dict__, name, value, assign)
    for owner, value in reading.extras:
        owner.set_extra_state(value)
    reading.follow(module)
    reading.complain(strict)
    return reading.found


class _Reading:
    """What a state has for a module and its parts: parents before their parts, each after its hooks."""

    def __init__(self, module: Module, state: Mapping[str, Any]) -> None:
        self.module = module
        self.metadata: Mapping[str, Any] = getattr(state, "_metadata", None) or {}
        self.found = IncompatibleKeys([], [])
        self.problems: list[str] = []
        self.values: list[tuple[Module, str, Any]] = []
        self.extras: list[tuple[Module, Any]] = []
        self._read(module, OrderedDict(state), "")

    def _read(self, module: Module, state: dict[str, Any], prefix: str) -> None:
        missing, unexpected = self.found
        metadata = self.metadata.get(prefix[:-1], {})
        for hook in _hooks(module, "before_loading"):
            hook(module, state, prefix, metadata, True, missing, unexpected, self.problems)
        module._upgrade_state(state, prefix, metadata.get("version"))
        own, parts = list(kept(module)), dict(_parts(module))
        for name in own:
            self._match(module, name, state, prefix + name)
        extra = prefix + EXTRA
        if module._defines("set_extra_state"):
            if extra in state:
                self.extras.append((module, state[extra]))
            else:
                missing.append(extra)
            own.append(EXTRA)
        unexpected += [key for key in state if key.startswith(prefix) and not _has(key[len(prefix) :], own, parts)]
        for name, part in parts.items():
            inner = f"{prefix}{name}."
            self._read(part, OrderedDict((key, value) for key, value in state.items() if key.startswith(inner)), inner)

    def _match(self, module: Module, name: str, state: dict[str, Any], key: str) -> None:
        """Note the value for a member, or what is wrong with it."""
        if key not in state:
            self.found.missing_keys.append(key)
        elif problem := misfit(key, module.__dict__[name], state[key]):
            self.problems.append(problem)
        else:
            self.values.append((module, name, state[key]))

    def follow(self, module: Module) -> None:
        """The hooks after loading, those of the parts first."""
        for _, part in _parts(module):
            self.follow(part)
        for hook in _hooks(module, "after_loading"):
            if hook(module, self.found) is not None:
                raise StateDictError("load_state_dict post-hook must return None; change the lists of keys it is given")

    def complain(self, strict: bool) -> None:
        """Raise StateDictError if there is something to complain of: keys only if `strict`."""
        lines = [*(self.found.lines() if strict else []), *self.problems]
        if lines:
            raise StateDictError(f"Error(s) in loading state_dict for {self.module._get_name()}:\n\t" + "\n\t".join(lines))


def _hooks(module: Module, which: str) -> tuple[Any, ...]:
    return () if module._module_hooks is None else tuple(getattr(module._module_hooks, which).values())


def _parts(module: Module) -> Iterator[tuple[str, Module]]:
    """The direct parts by name, a shared one under each of its names."""
    return ((name, part) for name, part in module._modules.items() if part is not None)


def _has(name: str, own: list[str], parts: dict[str, Module]) -> bool:
    """Whether a name belongs to a module's own members or, as far as it shows, to those of a part."""
    first, dot, _ = name.partition(".")
    return first in parts if dot else first in own


def misfit(key: str, own: Tensor, value: Any) -> str | None:
    """Why `value` cannot be loaded into `own`; None if it can."""
    if not isinstance(value, (Tensor, np.ndarray)):
        return f'While copying the parameter named "{key}", expected a tensor or an array from the state_dict but received {type(value)}'
    if tuple(value.shape) != own.shape:
        return (
            f"size mismatch for {key}: copying a param with shape {tuple(value.shape)} from checkpoint, "
            f"the shape in current model is {own.shape}."
        )
    return None


def load(members: dict[str, Any], name: str, value: Any, assign: bool) -> None:
    """Copy a value into the parameter or buffer of this name; with `assign`, put it in the place of that."""
    own = members[name]
    tensor = value if isinstance(value, Tensor) else wrap(Tensor, value)
    if not assign:
        with no_grad():
            own.copy_(tensor)
    elif isinstance(own, Parameter):
        made = tensor if isinstance(tensor, Parameter) else Parameter(tensor, own.requires_grad)
        members[name] = made.requires_grad_(own.requires_grad)
    else:
        members[name] = tensor
