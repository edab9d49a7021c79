"""Functions of the user that run before and after a module's forward."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..engine.node import RemovableHandle
from ..errors import ArgumentError

Hook = Callable[..., Any]


class Hooks:
    """The hooks of one module, by the id of their handle, in the order in which they run."""

    def __init__(self) -> None:
        self.before: dict[int, Hook] = {}
        self.after: dict[int, Hook] = {}
        self.with_kwargs: set[int] = set()

    def add(self, hooks: dict[int, Hook], hook: Hook, prepend: bool, with_kwargs: bool) -> RemovableHandle:
        """Put the hook last, or first."""
        later = dict(hooks) if prepend else {}
        for key in later:
            del hooks[key]
        handle = RemovableHandle(hooks, hook)
        hooks.update(later)
        if with_kwargs:
            self.with_kwargs.add(handle.id)
        return handle

    def call(self, module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The module's forward with all hooks around it."""
        for key, hook in tuple(self.before.items()):
            args, kwargs = self._prepared(key, hook, module, args, kwargs)
        out = module.forward(*args, **kwargs)
        for key, hook in tuple(self.after.items()):
            changed = hook(module, args, kwargs, out) if key in self.with_kwargs else hook(module, args, out)
            if changed is not None:
                out = changed
        return out

    def _prepared(
        self, key: int, hook: Hook, module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments after a hook has seen them."""
        if key not in self.with_kwargs:
            changed = hook(module, args)
            return (args if changed is None else changed if isinstance(changed, tuple) else (changed,)), kwargs
        changed = hook(module, args, kwargs)
        if changed is None:
            return args, kwargs
        if not isinstance(changed, tuple) or len(changed) != 2:
            raise ArgumentError(f"forward pre-hook: with_kwargs, it must return None or (args, kwargs), got {changed!r}")
        return changed
