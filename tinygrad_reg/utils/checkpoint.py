"""Less memory for more time: what lies inside of a function is computed again in backward instead of being kept.

Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost", arXiv:1604.06174.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from ..engine import graph
from ..engine.mutation import Array, tick
from ..engine.node import Leaf, Node, Value, tensors_in, wrap
from ..engine.primitive import Primitive
from ..engine.state import enable_grad, state
from ..errors import ArgumentError, GradientError
from ..ops.random import get_rng_state, set_rng_state
from ..tensor import Tensor

Contexts = tuple[AbstractContextManager[Any], AbstractContextManager[Any]]


def noop_context_fn() -> Contexts:
    """Two contexts that do nothing: for the computation and for its repetition.

    >>> with tg.utils.checkpoint.noop_context_fn()[0]:
    ...     pass
    """
    return nullcontext(), nullcontext()


def checkpoint(
    function: Callable[..., Any],
    *args: Any,
    use_reentrant: bool | None = None,
    context_fn: Callable[[], Contexts] = noop_context_fn,
    determinism_check: str = "default",
    debug: bool = False,
    early_stop: bool = True,
    preserve_rng_state: bool = True,
    **kwargs: Any,
) -> Any:
    """function(*args, **kwargs), of which only arguments and result are kept; backward calls the function again for what lies between.

    Gradients reach arguments and everything else the function uses, such as a module's parameters, in every order. Random numbers repeat
    with `preserve_rng_state`. The repetition must give the same result: otherwise backward raises GradientError, unless
    `determinism_check` is "none". `use_reentrant`, `debug` and `early_stop` are accepted as in PyTorch; there is one way here.

    >>> x = tg.tensor([1.0, 2.0], requires_grad=True)
    >>> tg.utils.checkpoint.checkpoint(lambda x: (x * x).sin().sum(), x).backward()
    >>> tg.allclose(x.grad, 2 * x * (x * x).cos())
    True
    """
    if determinism_check not in ("default", "none"):
        raise ArgumentError(f"checkpoint: determinism_check must be 'default' or 'none', got {determinism_check!r}")
    first, again = context_fn()
    if not state.grad_enabled or state.tracer is not None:  # a compiled step plans its memory itself
        with first:
            return function(*args, **kwargs)
    kept, named = [_as_now(x) for x in args], {name: _as_now(x) for name, x in kwargs.items()}
    call = _Call(lambda: function(*kept, **named), again, get_rng_state() if preserve_rng_state else None)
    start = tick()
    with first:
        results = function(*args, **kwargs)
    roots = [x for x in tensors_in(results) if x.node is not None]
    call.sources = _sources([x.node for x in roots], start)
    if not call.sources:
        return results
    call.samples = [_sample(x.array) for x in roots] if determinism_check == "default" else []
    arrays = [_own(x, call.sources) for x in roots]
    made = _checkpoint(call, arrays, *[wrap(Tensor, _NOTHING, node) for node in call.sources])
    return _replaced(results, iter(made))


def checkpoint_sequential(functions: Any, segments: int, input: Any, use_reentrant: bool | None = None, **kwargs: Any) -> Any:
    """Functions (or a Sequential) one after the other, in so many segments; each but the last is under `checkpoint`.

    >>> layers = tg.nn.Sequential(tg.nn.Linear(3, 4), tg.nn.Tanh(), tg.nn.Linear(4, 1))
    >>> x = tg.ones(2, 3)
    >>> tg.equal(tg.utils.checkpoint.checkpoint_sequential(layers, 2, x), layers(x))
    True
    """
    parts = list(functions.children()) if hasattr(functions, "children") else list(functions)
    if not 1 <= segments <= len(parts):
        raise ArgumentError(f"checkpoint_sequential: {len(parts)} functions cannot be divided into {segments} segments")
    size = len(parts) // segments
    for i in range(segments - 1):
        input = checkpoint(_chain, parts[i * size : (i + 1) * size], input, use_reentrant=use_reentrant, **kwargs)
    return _chain(parts[(segments - 1) * size :], input)


def _chain(functions: Iterable[Callable[[Any], Any]], x: Any) -> Any:
    for function in functions:
        x = function(x)
    return x


class _Call:
    """What backward needs in order to repeat a call, and to differentiate the repetition."""

    def __init__(self, function: Callable[[], Any], context: AbstractContextManager[Any], rng: Any) -> None:
        self._function = function
        self._context = context
        self._rng = rng
        self.sources: list[Node] = []  # where the gradients go: what the call used that was there before it
        self.samples: list[Array] = []
        self._done: tuple[Any, list[Any]] | None = None  # the cotangents, and the gradients made of them

    def gradients(self, g: tuple[Any, ...]) -> list[Any]:
        """The cotangents of the sources; computed once for all of them."""
        if self._done is None or self._done[0] is not g:
            record = state.grad_enabled
            roots = self._repeat()
            weights = [x if isinstance(x, Value) else wrap(Tensor, np.asarray(x)) for x in g]
            arrived = graph.run(roots, weights, set(self.sources), "checkpoint", create_graph=record, retain_graph=record, ends=True)
            plain = not isinstance(g[0], Value)
            parts = [arrived.get(node) for node in self.sources]
            self._done = (g, [x.array if plain and isinstance(x, Value) else x for x in parts])
        return self._done[1]

    def _repeat(self) -> list[Tensor]:
        before = get_rng_state()
        if self._rng is not None:
            set_rng_state(self._rng)
        try:
            with self._context, enable_grad():
                results = self._function()
        finally:
            if self._rng is not None:
                set_rng_state(before)
        roots = [x for x in tensors_in(results) if x.node is not None]
        if self.samples and not (
            len(roots) == len(self.samples) and all(_agree(x.array, s) for x, s in zip(roots, self.samples, strict=True))
        ):
            raise GradientError(
                "checkpoint: the function gave another result when it was called again in backward, so the gradient would be wrong. "
                "Was something it uses changed in between, or is it random in a way that preserve_rng_state does not repeat?"
            )
        return roots


def _forward(call: Any, results: Any, *sources: Any) -> tuple[Any, ...]:
    return tuple(results)


def _rule(g: Any, call: Any, position: int) -> Any:
    return call.gradients(g)[position]


_NOTHING = np.empty(0)
_checkpoint = Primitive(_forward, name="checkpoint", outputs=True, register=False)
_checkpoint.vjp(call=None, results=None, sources=_rule)


def _sources(roots: list[Any], start: int) -> list[Node]:
    """The nodes older than `start` from which the roots were computed: the ends of a walk back that goes no further than that."""
    seen: dict[Node, None] = dict.fromkeys(roots)
    stack = list(seen)
    while stack:
        node = stack.pop()
        for parent in node.parents if node.index > start else ():
            if parent is not None and parent not in seen:
                seen[parent] = None
                stack.append(parent)
    return [node for node in seen if node.index < start]


def _as_now(x: Any) -> Any:
    """An argument for the repetition: with the memory it has now, whatever is later put into its place by `x.data = ...`."""
    return wrap(Tensor, x.array, x.node) if type(x) is Tensor else x


def _own(x: Tensor, sources: list[Node]) -> Array:
    """The memory of a result; a copy if an argument is handed through or seen through a view, so that writes to one miss the other."""
    return x.array.copy() if x.view_of is not None or x.node in sources or isinstance(x.node, Leaf) else x.array


def _sample(array: Array) -> Array:
    """Some of the values, to recognise a result by."""
    return array.reshape(-1)[:: max(array.size // 256, 1)].astype(np.float64)


def _agree(array: Array, sample: Array) -> bool:
    """Whether this is the same result, up to the rounding of sums in another order."""
    found = _sample(array)
    scale = np.abs(sample[np.isfinite(sample)]).max(initial=0.0)
    rounding = 64 * np.finfo(array.dtype).eps
    return found.shape == sample.shape and np.allclose(found, sample, rtol=0, atol=rounding * scale, equal_nan=True)


def _replaced(nest: Any, made: Iterator[Tensor]) -> Any:
    """The nest with its recorded tensors replaced, in the order of `tensors_in`."""
    if isinstance(nest, Tensor):
        return nest if nest.node is None else next(made)
    if isinstance(nest, dict):
        return type(nest)({key: _replaced(x, made) for key, x in nest.items()})
    if isinstance(nest, (tuple, list)):
        items = [_replaced(x, made) for x in nest]
        return type(nest)(*items) if hasattr(nest, "_fields") else type(nest)(items)
    return nest
