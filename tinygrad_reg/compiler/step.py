"""CompiledStep: a function that is traced, and replayed while nothing that the trace depended on has changed.

The way of a call: its arguments give a signature; of the variants recorded for it, one must fit the state of the world (the
memory and `requires_grad` of captured tensors, gradients that are None, train or eval); it is replayed. Where none fits, the
function runs for real under a `Trace`. It is traced once more at the next call, and replayed only if both runs did the same:
what changes from call to call without being an input would otherwise be frozen silently.
"""

from __future__ import annotations

import functools
import threading
import warnings
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from ..engine.graph import ancestors
from ..engine.node import FREED, Leaf, Value
from ..engine.state import get_default_dtype, state, switched
from ..errors import ArgumentError, ArgumentTypeError, CompileError, TraceError
from .backends import BACKENDS
from .compare import difference, same_results
from .program import GivenUp, HostCall, Program
from .recording import finish
from .signature import leaf_names, signature
from .surroundings import Witness, broken
from .trace import Trace
from .trees import flatten
from .variant import Returned, Stale, Variant

LIMIT = 16  # signatures, and variants of each, that are kept
ATTEMPTS = 4  # traces of one variant that may differ before it runs eagerly for good


class CompiledStep:
    """What `compile` returns: call it like the function. `traces`, `program`, `source` and `explain()` tell what it does."""

    def __init__(self, function: Callable[..., Any], backend: str) -> None:
        if not isinstance(backend, str) or backend not in BACKENDS:
            raise ArgumentError(f"compile: backend must be one of {', '.join(BACKENDS)}, got {backend!r}")
        if not callable(function):
            raise ArgumentTypeError(f"compile: expected a function, got {type(function).__name__}")
        self.function = function
        self.backend = backend
        self.traces = 0  # different programs recorded; the second run that confirms one is not counted
        self._variants: OrderedDict[Any, list[Variant]] = OrderedDict()
        self._lock = threading.RLock()  # programs have fixed buffers
        self._last: Variant | None = None
        self._warned = False
        self.__doc__ = function.__doc__
        self.__name__ = getattr(function, "__name__", type(function).__name__)

    def __get__(self, instance: Any, owner: type | None = None) -> CompiledStep:
        """As a method: every object has a compiled step of its own."""
        if instance is None:
            return self
        bound = CompiledStep(self.function.__get__(instance), self.backend)
        held: CompiledStep = instance.__dict__.setdefault(self.__name__, bound)
        return held

    def __reduce__(self) -> tuple[Any, ...]:
        """Copies and pickles start without programs."""
        return CompiledStep, (self.function, self.backend)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Replay the step, or trace it; the results are tensors outside of any graph."""
        if state.recording is None:  # inside of another trace, or looking for anomalies
            return self.function(*args, **kwargs)
        tensors: list[Any] = []
        key = (signature(args, kwargs, tensors), *_modes())
        with self._lock:
            for variant in self._variants.get(key, ()):
                if variant.fits(tensors):
                    return self._run(variant, key, tensors, args, kwargs)
            return self._trace(None, key, tensors, args, kwargs, [])

    def _run(self, variant: Variant, key: Any, tensors: list[Any], args: Any, kwargs: Any) -> Any:
        self._last = variant
        if variant.executable is None:
            if variant.refused is None:
                return self._trace(variant, key, tensors, args, kwargs, [])
            variant.eager_runs += 1
            return self.function(*args, **kwargs)
        memo: list[tuple[HostCall, dict[str, float]]] = []
        generators = [(g, g.get_state()) for g in variant.generators]
        try:
            return variant.replay(tensors, memo)
        except Stale:
            self._variants[key].remove(variant)
            return self._trace(None, key, tensors, args, kwargs, memo)
        except (GivenUp, IndexError):  # of an index out of range eager says what is wrong
            for generator, before in generators:
                generator.set_state(before)
            variant.eager_runs += 1
            return self._record(tensors, args, kwargs, memo)[1]()

    # ---- tracing -----------------------------------------------------------------------------------------------------------

    def _trace(self, variant: Variant | None, key: Any, tensors: list[Any], args: Any, kwargs: Any, memo: list[Any]) -> Any:
        """Run the function under a trace: for a new variant, or to confirm one."""
        made, result = self._record(tensors, args, kwargs, memo)
        if variant is None:
            variants = self._variants.setdefault(key, [])
            variants.insert(0, made)
            self._variants.move_to_end(key)
            self.traces += 1
            self._forget_oldest(variants)
        else:
            self._confirm(variant, made)
        self._last = variant or made
        return result()

    def _confirm(self, variant: Variant, again: Variant) -> None:
        why = variant.recording.refused or again.recording.refused or broken(variant.recording.facts)
        why = why or difference(variant.recording, again.recording)
        if why is None and not same_results(variant.returned, again.returned):
            why = "two calls returned different Python values"
        held = {fact.place() for fact in variant.recording.facts if fact.holds()}
        variant.take(again.recording, again.returned)
        if why is None:
            variant.executable = BACKENDS[self.backend](again.recording.program)
        elif variant.attempts >= ATTEMPTS:
            variant.refuse(why, held)
            warnings.warn(f"compile: {self.__name__} runs eagerly, since {why}", stacklevel=5)

    def _record(self, tensors: list[Any], args: Any, kwargs: Any, memo: list[Any]) -> tuple[Variant, Callable[[], Any]]:
        """Run the function for real and write down what it does: the variant, and a function that gives the result."""
        trace = Trace(tensors, leaf_names(self.function, args, kwargs), memo)
        modes = _modes()
        with switched(tracer=trace), Witness() as witness:
            out = self.function(*args, **kwargs)
        if modes != _modes():
            trace.refuse("the step changes the gradient mode or the default dtype for what follows it")
        if witness.reads_memory():
            trace.refuse("the step reads .array, the memory of a tensor, which a replay does not follow; return the tensor")
        arrays: list[Any] = []
        returned = flatten(out, functools.partial(_returned, arrays, tensors))
        del out
        facts = functools.partial(witness.facts, self.function)
        made = Variant(finish(trace, arrays, facts), returned, tensors)
        return made, lambda: made.results(arrays, tensors)

    def _forget_oldest(self, variants: list[Variant]) -> None:
        """Keep a bounded number of signatures, and of variants of each."""
        if len(variants) > LIMIT or len(self._variants) > LIMIT:
            if not self._warned:
                self._warned = True
                warnings.warn(f"compile: {self.__name__} has been traced {self.traces} times: {self._reason(variants)}", stacklevel=4)
            del variants[LIMIT:]
            while len(self._variants) > LIMIT:
                self._variants.popitem(last=False)

    def _reason(self, variants: list[Variant]) -> str:
        if len(variants) > LIMIT:
            why = difference(variants[1].recording, variants[0].recording)
            return why or "the tensors it uses change their form, or Python variables that it reads change"
        return "the shapes, dtypes or Python values among its arguments keep changing; pass numbers that change as tensors"

    # ---- looking inside ----------------------------------------------------------------------------------------------------

    @property
    def program(self) -> Program | None:
        """What the last call recorded or replayed; print it to read it."""
        return None if self._last is None else self._last.recording.program

    @property
    def source(self) -> str | None:
        """The text that the last call's program runs as; of the interpreter, the program itself."""
        if self._last is None:
            return None
        return (self._last.executable or BACKENDS[self.backend](self._last.recording.program)).source

    def export(self, directory: str) -> None:
        """Write the last call's program as C files that need no Python: `step.c`, `step.h`, `step_data.c`, and a README.

        Parameters and other state start as they are now. Raises ArgumentError if nothing was traced yet, or if the step needs Python.

        >>> step = tg.compile(lambda x: x.sin() * 2.0)
        >>> _ = step(tg.tensor([0.5]))
        >>> step.export("build/step")  # doctest: +SKIP
        """
        if self._last is None:
            raise ArgumentError("export: nothing was traced yet; call the step once with arguments of the form that is wanted")
        executable = BACKENDS["c"](self._last.recording.program)
        if executable.export is None:
            raise CompileError(f"export: a C compiler is needed to check what is exported. {executable.summary}")
        executable.export(directory, self._last.arrays)

    def explain(self) -> str:
        """What was traced, how it runs, and why not faster."""
        lines = [f"{self.__name__}: {self.traces} programs traced, backend {self.backend}"]
        for variants in self._variants.values():
            for variant in variants:
                lines += [f"  {line}" for line in variant.describe()]
        return "\n".join(lines)


def _modes() -> tuple[Any, ...]:
    return state.grad_enabled, state.inference, get_default_dtype()


def _returned(arrays: list[Any], tensors: list[Any], x: Any) -> Any:
    """How a result is given back by a replay; what the program has to make is collected in `arrays`."""
    for position, tensor in enumerate(tensors):
        if x is tensor:
            return Returned("argument", position)
    if isinstance(x, Value):
        if isinstance(x.node, Leaf):
            return Returned("value", x)
        if x.node is not None and all(node.saved is not FREED for node in ancestors([x.node])):
            raise TraceError(
                f"compile: the step returns a tensor of shape {x.array.shape} through which a gradient could still flow, but a compiled "
                "step keeps no graph; call backward inside of the step, return its .detach(), or run the step inside `with tg.no_grad():`"
            )
        arrays.append(x.array)
        return Returned("made", len(arrays) - 1)
    if x is None or isinstance(x, bool | int | float | str):
        return Returned("value", x)
    raise TraceError(f"compile: the step returns a {type(x).__name__}; return tensors and plain values, in tuples, lists and dicts")
