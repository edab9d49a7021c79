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
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from ..engine.graph import ancestors
from ..engine.node import FREED, Leaf, Value
from ..engine.state import state, switched
from ..errors import ArgumentError, ArgumentTypeError, CompileError, TraceError
from .backends import BACKENDS
from .compare import difference, same_results
from .dynamic import Family, Names, Run, Sizes, Underivable
from .facts import broken
from .program import GivenUp, HostCall, Program
from .recording import finish
from .signature import leaf_names, parameter_names, signature
from .surroundings import Witness
from .trace import Memo, Trace
from .trees import flatten
from .variant import Returned, Stale, Variant, given_back

LIMIT = 16  # signatures, and variants of each, that are kept
SIZES = 128  # variants that are kept where sizes may change
ATTEMPTS = 4  # traces of one variant that may differ before it runs eagerly for good


class _Call(NamedTuple):
    """One call of a step: its arguments, the tensors and arrays among them, their form, and the sizes that have a name."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    tensors: list[Any]
    key: Any
    sizes: Sizes


class CompiledStep:
    """What `compile` returns: call it like the function. `traces`, `program`, `source` and `explain()` tell what it does."""

    def __init__(self, function: Callable[..., Any], backend: str, dynamic: Any = ()) -> None:
        if not isinstance(backend, str) or backend not in BACKENDS:
            raise ArgumentError(f"compile: backend must be one of {', '.join(BACKENDS)}, got {backend!r}")
        if not callable(function):
            raise ArgumentTypeError(f"compile: expected a function, got {type(function).__name__}")
        self.function = function
        self.backend = backend
        self.dynamic = dynamic
        self._names = Names(dynamic) if dynamic else None
        self._parameters = parameter_names(function)
        self.traces = 0  # different programs recorded; the second run that confirms one is not counted
        self._variants: OrderedDict[Any, list[Variant]] = OrderedDict()
        self._lock = threading.RLock()  # programs have fixed buffers
        self._last: Variant | None = None
        self._warned = False
        functools.update_wrapper(self, function, updated=())
        self.__name__ = getattr(function, "__name__", type(function).__name__)

    def __getattr__(self, name: str) -> Any:
        """All else is the function's: of a compiled model, `parameters()`, `train()`, `state_dict()` ..."""
        if name.startswith("_") or name == "function":
            raise AttributeError(f"a compiled step has no attribute {name!r}")
        return getattr(self.function, name)

    def __repr__(self) -> str:
        return f"compile({self.function!r}, backend={self.backend!r})"

    def __get__(self, instance: Any, owner: type | None = None) -> CompiledStep:
        """As a method: every object has a compiled step of its own."""
        if instance is None:
            return self
        bound = CompiledStep(self.function.__get__(instance), self.backend, self.dynamic)
        held: CompiledStep = instance.__dict__.setdefault(self.__name__, bound)
        return held

    def __reduce__(self) -> tuple[Any, ...]:
        """Copies and pickles start without programs."""
        return CompiledStep, (self.function, self.backend, self.dynamic)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Replay the step, or trace it; the results are tensors outside of any graph."""
        if state.recording is None:  # inside of another trace, or looking for anomalies
            return self.function(*args, **kwargs)
        tensors: list[Any] = []
        sizes: Sizes = ()
        if self._names is None:
            form = signature(args, kwargs, tensors)
        else:
            form, sizes = self._names.form(self._parameters, args, kwargs, tensors)
        call = _Call(args, kwargs, tensors, (form, *_modes()), sizes)
        with self._lock:
            for variant in self._variants.get(call.key, ()):
                if variant.sizes == sizes and variant.misfit(tensors) is None:
                    return self._run(variant, call)
            return self._first(call)

    def _run(self, variant: Variant, call: _Call) -> Any:
        self._last = variant
        if variant.executable is None:
            if variant.refused is None:
                return self._again(variant, call)
            variant.eager_runs += 1
            return self.function(*call.args, **call.kwargs)
        memo: list[tuple[HostCall, dict[str, float]]] = []
        generators = [(g, g.get_state()) for g in variant.generators]
        try:
            return variant.replay(call.tensors, memo)
        except Stale:
            self._variants[call.key].remove(variant)
            return self._first(call, memo)
        except (GivenUp, IndexError, ArgumentError):  # of values that are refused eager says what is wrong
            for generator, before in generators:
                generator.set_state(before)
            variant.eager_runs += 1
            return self._record(call, memo)[1]()

    # ---- tracing -----------------------------------------------------------------------------------------------------------

    def _first(self, call: _Call, memo: Memo = ()) -> Any:
        """A call that no variant fits: derive one from those for other sizes, or run the function under a trace."""
        known = self._variants.get(call.key, [])
        reason = self._reason(call, known)
        families = {id(v.family): v.family for v in known if v.executable is not None and v.misfit(call.tensors) is None}.values()
        for family in families if not memo else ():
            try:
                variant = self._kept(family.derive(call.sizes), call, f"{reason}; derived from those traced")
            except Underivable as error:
                reason += f": {error}" if str(error) not in reason else ""
            else:
                self._settle(variant, family)
                return self._run(variant, call)
        steady = next((v for v in known if broken(v.recording.facts) is None), None) if len(known) > 1 else None
        run, result = self._record(call, memo)
        if steady is not None and (why := broken(steady.recording.facts)) is not None:  # so no trace will ever be confirmed
            reason += f"; {why}"
        expecting = next((family for family in families if family.expects(run)), None)
        self.traces += expecting is None
        variant = self._kept(run, call, reason)
        if expecting is not None:
            self._settle(variant, expecting, run)
        return result()

    def _again(self, variant: Variant, call: _Call) -> Any:
        """Run the function under a trace once more, to confirm a variant."""
        run, result = self._record(call)
        self._confirm(variant, run)
        return result()

    def _confirm(self, variant: Variant, again: Run) -> None:
        why = variant.recording.refused or again.recording.refused or broken(variant.recording.facts)
        why = why or difference(variant.recording, again.recording)
        if why is None and not same_results(variant.returned, again.returned):
            why = "two calls returned different Python values"
        held = {fact.place() for fact in variant.recording.facts if fact.holds()}
        earlier = variant.recording.facts
        variant.take(again)
        if why is None:
            variant.also(earlier)
            self._settle(variant, variant.family, again)
        elif variant.attempts >= ATTEMPTS:
            variant.refuse(why, held)
            warnings.warn(f"compile: {self.__name__} runs eagerly, since {why}", stacklevel=5)

    def _settle(self, variant: Variant, family: Family, run: Run | None = None) -> None:
        """From now on the variant is replayed, as one of this family; `run` is what it was traced from."""
        variant.executable = BACKENDS[self.backend](variant.recording.program, family.sources)
        variant.family = family
        if run is not None:
            family.add(run, variant.executable.source)

    def _kept(self, run: Run, call: _Call, reason: str) -> Variant:
        """A new variant, as the first to be looked at."""
        variant = self._last = Variant(run, call.tensors, reason)
        variants = self._variants.setdefault(call.key, [])
        variants.insert(0, variant)
        self._variants.move_to_end(call.key)
        self._forget_oldest(variants)
        return variant

    def _record(self, call: _Call, memo: Memo = ()) -> tuple[Run, Callable[[], Any]]:
        """Run the function for real and write down what it does, and a function that gives the result."""
        args, kwargs, tensors = call.args, call.kwargs, call.tensors
        names = leaf_names(self._parameters, args, kwargs)
        trace = Trace(tensors, names, memo)
        modes = _modes()
        with switched(tracer=trace), Witness() as witness:
            out = self.function(*args, **kwargs)
        if modes != _modes():
            trace.refuse("the step changes the gradient mode or the default dtype for what follows it")
        if witness.reads_memory():
            trace.refuse("the step reads .array, the memory of a tensor, which a replay does not follow; return the tensor")
        made: list[Value] = []
        returned = flatten(out, functools.partial(_returned, made, tensors))
        arrays = [x.array for x in made]
        del out, made
        facts = functools.partial(witness.facts, self.function, tensors, trace.refuse)
        recording = finish(trace, arrays, facts)._replace(marks=witness.marks, looks_at_sizes=witness.looks_at_sizes())
        return Run(call.sizes, recording, returned), lambda: given_back(returned, arrays, tensors)

    def _reason(self, call: _Call, known: Sequence[Variant]) -> str:
        """Why none of the variants does for a call."""
        for variant in known:
            if variant.sizes == call.sizes:
                return variant.misfit(call.tensors) or _OTHER_OPTIMIZER
        if known:
            return "the sizes are new"
        if call.key in self._variants:
            return _OTHER_OPTIMIZER
        if any(key[1:] == call.key[1:] for key in self._variants):
            return "the arguments have another form or other Python values; pass numbers that change as tensors"
        return "the gradient mode or the default dtype is another" if self._variants else ""

    def _forget_oldest(self, variants: list[Variant]) -> None:
        """Keep a bounded number of signatures, and of variants of each."""
        limit = LIMIT if self._names is None else SIZES
        if len(variants) > limit or len(self._variants) > LIMIT:
            if self.traces > LIMIT and not self._warned:
                self._warned = True
                why = (len(variants) > limit and difference(variants[1].recording, variants[0].recording)) or variants[0].reason
                warnings.warn(f"compile: {self.__name__} has been traced {self.traces} times: {why}", stacklevel=5)
            del variants[limit:]
            while len(self._variants) > LIMIT:
                self._variants.popitem(last=False)

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


_OTHER_OPTIMIZER = "an optimizer has other parameters, another state or hyper-parameters of other names"


def _modes() -> tuple[Any, ...]:
    return state.grad_enabled, state.inference, state.default_dtype


def _returned(made: list[Value], tensors: list[Any], x: Any) -> Any:
    """How a result is given back by a replay; what the program has to make is collected in `made`."""
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
        place = next((i for i, other in enumerate(made) if other is x), len(made))
        if place == len(made):
            made.append(x)
        return Returned("made", place)
    if x is None or isinstance(x, (bool, int, float, str)):
        return Returned("value", x)
    raise TraceError(f"compile: the step returns a {type(x).__name__}; return tensors and plain values, in tuples, lists and dicts")
