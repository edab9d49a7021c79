"""Functions of the user that run before and after a module's forward, its backward, and the reading and writing of its state."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from ..autograd.function import Function
from ..engine.node import RemovableHandle, Value
from ..engine.state import state
from ..errors import ArgumentError, GradientError

Hook = Callable[..., Any]
Gradients = tuple[Any, ...]


class Hooks:
    """The hooks of one module, by the id of their handle, in the order in which they run."""

    def __init__(self) -> None:
        self.before: dict[int, Hook] = {}
        self.after: dict[int, Hook] = {}
        self.before_backward: dict[int, Hook] = {}
        self.after_backward: dict[int, Hook] = {}
        self.before_saving: dict[int, Hook] = {}
        self.after_saving: dict[int, Hook] = {}
        self.before_loading: dict[int, Hook] = {}
        self.after_loading: dict[int, Hook] = {}
        self.with_kwargs: set[int] = set()
        self.always: set[int] = set()  # of those after forward: called when it raises too

    def add(
        self, hooks: dict[int, Hook], hook: Hook, prepend: bool = False, with_kwargs: bool = False, always: bool = False
    ) -> RemovableHandle:
        """Put the hook last, or first."""
        later = dict(hooks) if prepend else {}
        for key in later:
            del hooks[key]
        handle = RemovableHandle(hooks, hook)
        hooks.update(later)
        if with_kwargs:
            self.with_kwargs.add(handle.id)
        if always:
            self.always.add(handle.id)
        return handle

    def call(self, module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The module's forward with all hooks around it."""
        run = _Run(args, kwargs)
        try:
            return self._run(module, run)
        except Exception:
            for key in [key for key in self.after if key in self.always - run.called]:
                try:
                    self._finish(key, self.after[key], module, run)
                except Exception as error:
                    warnings.warn(f"a forward hook with always_call=True raised after another error: {error!r}", stacklevel=4)
            raise

    def _run(self, module: Any, run: _Run) -> Any:
        for key, hook in tuple(self.before.items()):
            run.args, run.kwargs = self._prepared(key, hook, module, run.args, run.kwargs)
        watch = Backward(self, module, run.args) if self.before_backward or self.after_backward else None
        run.out = module.forward(*(run.args if watch is None else watch.inputs()), **run.kwargs)
        for key, hook in tuple(self.after.items()):
            self._finish(key, hook, module, run)
        return run.out if watch is None else watch.outputs(run.out)

    def _finish(self, key: int, hook: Hook, module: Any, run: _Run) -> None:
        """Call a hook that follows forward."""
        run.called.add(key)
        changed = hook(module, run.args, run.kwargs, run.out) if key in self.with_kwargs else hook(module, run.args, run.out)
        if changed is not None:
            run.out = changed

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


class _Run:
    """How far one call of a module has come."""

    def __init__(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.args, self.kwargs = args, kwargs
        self.out: Any = None
        self.called: set[int] = set()  # of the hooks that follow forward


class Backward:
    """One call of a module with backward hooks: its inputs and outputs pass through the identity, whose backward calls the hooks.

    They are those that the module has when it is called: one removed before backward still runs, one added then does not.
    """

    def __init__(self, hooks: Hooks, module: Any, args: tuple[Any, ...]) -> None:
        self.before, self.after = tuple(hooks.before_backward.values()), tuple(hooks.after_backward.values())
        self.module, self.args = module, args
        self.needing = [i for i, x in enumerate(args) if isinstance(x, Value) and x.node is not None and state.grad_enabled]
        self.grad_output: Gradients | None = None  # between the two ends of one backward

    def inputs(self) -> tuple[Any, ...]:
        """The positional arguments; those that need a gradient hand it to the hooks."""
        return _pass(self._arrived, self.args, self.needing)

    def outputs(self, out: Any) -> Any:
        """A tensor or a tuple, also a named one; the tensors in it that need a gradient start the hooks."""
        results = out if isinstance(out, tuple) else (out,)
        if not isinstance(out, (Value, tuple)):
            warnings.warn(
                f"full backward hooks are called for a module that returns a tensor or a tuple, {type(self.module).__name__} returned "
                f"{type(out).__name__}",
                stacklevel=6,
            )
        needing = [i for i, x in enumerate(results) if isinstance(x, Value) and x.node is not None]
        passed = _pass(self._started, results, needing)
        if not isinstance(out, tuple):
            return passed[0]
        return out._make(passed) if hasattr(out, "_make") else passed

    def _started(self, grads: Gradients) -> Gradients:
        """The gradients of the outputs are complete."""
        for hook in self.before:
            grads = _replaced("full backward pre-hook", grads, hook(self.module, grads))
        if self.needing:
            self.grad_output = grads
        else:
            nothing = (None,) * len(self.args)
            for hook in self.after:
                if any(x is not None for x in _replaced("full backward hook", nothing, hook(self.module, nothing, grads))):
                    raise GradientError("full backward hook: no input of the module needs a gradient, so none can be replaced; return None")
        return grads

    def _arrived(self, grads: Gradients) -> Gradients:
        """The gradients of the inputs are complete. A second derivative may arrive here without having come in through the outputs."""
        grad_output, self.grad_output = self.grad_output, None
        if grad_output is None:
            return grads
        for hook in self.after:
            grads = _replaced("full backward hook", grads, hook(self.module, grads, grad_output))
        return grads


def _replaced(what: str, grads: Gradients, given: Any) -> Gradients:
    """The gradients that a hook returned, or those it was called with."""
    if given is None:
        return grads
    returned: Gradients = given if isinstance(given, tuple) else (given,)
    if len(returned) != len(grads):
        raise GradientError(f"{what}: returned {len(returned)} gradients, but there are {len(grads)}; return one for each, or None")
    return returned


def _pass(arrived: Callable[[Gradients], Gradients], values: tuple[Any, ...], needing: list[int]) -> tuple[Any, ...]:
    """The values; `arrived` is called with the gradients of those numbered in `needing`, among None for the others."""
    if not needing:
        return values

    def among(tensors: tuple[Any, ...], others: tuple[Any, ...]) -> tuple[Any, ...]:
        found = list(others)
        for i, x in zip(needing, tensors, strict=True):
            found[i] = x
        return tuple(found)

    def back(grads: Gradients) -> Gradients:
        given = arrived(among(grads, (None,) * len(values)))
        return tuple([given[i] for i in needing])

    return among(_Watched.apply(back, *[values[i] for i in needing]), values)


class _Watched(Function):
    """The identity of some tensors, whose gradients pass through a function."""

    @staticmethod
    def forward(ctx: Any, back: Any, *tensors: Any) -> Any:
        ctx.back = back
        return tensors

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        return (None, *ctx.back(grads))
