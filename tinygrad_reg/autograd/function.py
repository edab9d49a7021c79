"""Functions with a derivative of the user's own: `class Cube(Function)` with a `forward` and a `backward`, as in PyTorch."""

from __future__ import annotations

import functools
import inspect
import weakref
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..engine.lending import LOANS, Prints, fingerprint, fingerprints_of, lent_out
from ..engine.lines import blame, user_line
from ..engine.mutation import tick, writes
from ..engine.node import Node, Value, wrap
from ..engine.primitive import Primitive, is_missing
from ..engine.state import no_grad, state
from ..engine.watch import watch, writer_of
from ..errors import ArgumentTypeError, GradientError, InplaceError, MissingForwardError, ShapeError
from ..ops.assign import check_writable, rewrite_history
from ..ops.pointwise import convert
from ..tensor import Tensor


class Context:
    """What `forward` leaves for `backward`: saved tensors, and any attribute the user sets."""

    needs_input_grad: tuple[bool, ...]

    def __init__(self, function: type[Function], args: tuple[Any, ...], names: tuple[str, ...] = ()) -> None:
        self.needs_input_grad = tuple([isinstance(x, Value) and x.node is not None and state.grad_enabled for x in args])
        self._function = function
        self._args: tuple[Any, ...] = args  # while forward runs
        self._names = names  # of the last arguments, which were given by keyword
        self._single = False  # whether what forward gave was no tuple
        self._others: tuple[Any, ...] = ()  # what forward gave, with _TENSOR in place of each tensor
        self._is_tensor: tuple[bool, ...] = ()  # each result of forward
        self._saved: tuple[Tensor | None, ...] = ()
        self._nodes: list[Callable[[], Node | None]] = []  # of what was saved, once the call is recorded
        self._prints: Prints | None = None
        self._origin: str | None = None
        self.writer: str | None = None  # of the user's lines, in anomaly mode
        self._time = 0
        self._dirty: tuple[Any, ...] = ()
        self._constant: tuple[Any, ...] = ()
        self._materializes = True
        self._done: tuple[Any, list[Any]] | None = None  # the cotangents, and what backward made of them

    def save_for_backward(self, *tensors: Tensor | None) -> None:
        """Keep inputs or outputs (or None) for `backward`, where `saved_tensors` holds them; a change of them in between is an error."""
        for x in tensors:
            if x is not None and not isinstance(x, Value):
                raise ArgumentTypeError(
                    f"save_for_backward: takes tensors or None, got {type(x).__name__}; set other values as attributes of ctx"
                )
        self._saved = tuple([None if x is None else x.detach() for x in tensors])  # which may be given other memory later: x.data = ...
        self._time = tick()
        arrays = tuple([None if x is None else x.array for x in tensors])
        self._prints = fingerprints_of((slot, False) for slot in range(len(arrays)))(arrays) if LOANS and arrays else None
        if state.anomaly:
            self._origin = user_line()
            watch.follow(self)

    def _changed(self) -> list[Tensor]:
        pairs = [(self._saved[slot], before) for slot, before in self._prints or ()]
        return [x for x, before in pairs if x is not None and fingerprint(x.array) != before]

    def changed(self) -> bool:
        """Whether NumPy code has changed something that was saved."""
        return bool(self._changed())

    @property
    def saved_tensors(self) -> tuple[Tensor | None, ...]:
        """What was saved, connected to the graph when `backward` is itself recorded. Raises InplaceError if it was changed since."""
        for x in self._saved:
            if x is not None and writes.after(x.array, self._time):
                raise self._overwritten(x, writes.line(x.array))
            if x is not None and (loan := lent_out(x.array, self._time)):
                raise self._overwritten(x, writer_of(loan))
        for x in self._changed():
            raise self._overwritten(x, writer_of(self))
        return tuple(
            [x if x is None else wrap(Value.result_class, x.array, node()) for x, node in zip(self._saved, self._nodes, strict=True)]
        )

    def _overwritten(self, x: Tensor, writer: str | None) -> InplaceError:
        return InplaceError(
            f"{self._function.__name__}: a saved tensor of shape {x.array.shape} was changed in place afterwards, so the gradient "
            f"would be wrong. Use the out-of-place operation, or save a .clone(){blame(self._origin, writer)}"
        )

    def _recorded(self, results: list[Any]) -> None:
        """Remember the nodes of what was saved, and forget the arguments, which nothing else must keep alive."""
        known: dict[int, Callable[[], Node | None]] = {id(y.array): weakref.ref(y.node) for y in results if y.node is not None}
        known |= {id(x.array): functools.partial(_same, x.node) for x in self._args if isinstance(x, Value)}
        self._nodes = [known.get(id(x.array), _no_node) if x is not None else _no_node for x in self._saved]
        self._args = self._others = ()

    def mark_dirty(self, *args: Tensor) -> None:
        """Say which inputs `forward` changes in place; it must return them too."""
        self._dirty = tuple([x.array for x in args])

    def mark_non_differentiable(self, *args: Tensor) -> None:
        """Say which results have no gradient."""
        self._constant = tuple([x.array for x in args])

    def set_materialize_grads(self, value: bool) -> None:
        """Say whether `backward` gets zeros for a result that no gradient reached, as it does without this call, or None."""
        self._materializes = value


def _same(node: Node | None) -> Node | None:
    return node


def _no_node() -> None:
    return None


class Function:
    """A differentiable function by its formula and its derivative, both static methods.

    `forward(ctx, *args)` computes with tensors, unrecorded; or `forward(*args)` with a `setup_context(ctx, inputs, output)`.
    `backward(ctx, *grad_outputs)`, or `vjp`, gives one gradient per argument of forward, None where there is none. It is called with
    `Cube.apply(x)`. Gradients of higher order work if backward is written with differentiable operations. Only a tensor and those of
    a tuple have gradients: anything else that forward gives comes out as it is, and so do lists.

    >>> class Cube(tg.autograd.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         ctx.save_for_backward(x)
    ...         return x**3
    ...
    ...     @staticmethod
    ...     def backward(ctx, g):
    ...         (x,) = ctx.saved_tensors
    ...         return 3 * x**2 * g
    >>> x = tg.tensor(2.0, requires_grad=True)
    >>> tg.autograd.grad(Cube.apply(x), x)
    (tensor(12.),)
    """

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        """The value; override it."""
        raise MissingForwardError("Function: define a static method forward(ctx, *args)")

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> Any:
        """Save what backward needs, if forward does not take ctx."""
        raise MissingForwardError("Function: define a static method setup_context(ctx, inputs, output)")

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        """The gradients with respect to the arguments of forward; override it."""
        raise MissingForwardError("Function: define a static method backward(ctx, *grad_outputs) to differentiate it")

    vjp = backward  # the other name of what is to be defined

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        """Call the function, and record the call; keywords are further arguments, in their order."""
        if state.tracer is not None:
            state.tracer.unrepeatable(f"{cls.__name__} is an autograd.Function, whose Python code must run each time")
        if cls.setup_context is not Function.setup_context:  # it unpacks all arguments, those that have defaults too
            bound = _signature(cls.forward).bind(*args, **kwargs)
            bound.apply_defaults()
            args, kwargs = bound.args, bound.kwargs
        args = (*args, *kwargs.values())
        context = Context(cls, args, tuple(kwargs))
        tensors = [x for x in args if isinstance(x, Value)]
        function: Any = cls
        made = _primitive(function, tuple([i for i, x in enumerate(args) if isinstance(x, Value)]))(context, *tensors)
        results = [_finished(y if isinstance(y, Value) else wrap(Value.result_class, y), context, tensors) for y in made]
        left = iter(results)
        given = tuple([next(left) if y is _TENSOR else y for y in context._others])
        context._recorded(results)
        return given[0] if context._single else given


_TENSOR = object()
_signature = functools.lru_cache(maxsize=256)(inspect.signature)


class _UsersPrimitive(Primitive):
    def node_name(self) -> str:
        """As PyTorch names the node of a user's class."""
        return f"{self.name}Backward"


@functools.lru_cache(maxsize=256)  # a class that nobody refers to again must not stay for ever
def _primitive(function: Any, positions: tuple[int, ...]) -> Primitive:
    """The unregistered primitive of (context, *tensors); positions are those of the tensors among the arguments of `apply`."""

    def forward(context: Context, *tensors: Any) -> tuple[Any, ...]:
        results = _run_forward(function, context)
        context._single = not isinstance(results, tuple)
        given = (results,) if context._single else results
        context._others = tuple([_TENSOR if isinstance(y, Value) else y for y in given])
        context._is_tensor = tuple([y is _TENSOR for y in context._others])
        return tuple([_array(y, context, tensors) for y in given if isinstance(y, Value)])

    def rule(g: Any, context: Context, position: int, tensors_shape: Any, tensors_dtype: Any) -> Any:
        return _gradient(g, context, positions, positions[position], tensors_shape, tensors_dtype)

    made = _UsersPrimitive(forward, name=function.__name__, outputs=True, register=False)
    made.vjp(context=None, tensors=rule)
    return made


def _run_forward(cls: type[Function], ctx: Context) -> Any:
    args = ctx._args
    count = len(args) - len(ctx._names)
    named = dict(zip(ctx._names, args[count:], strict=True))
    with no_grad():
        if cls.setup_context is Function.setup_context:
            return cls.forward(ctx, *args[:count], **named)
        output = cls.forward(*args[:count], **named)
        cls.setup_context(ctx, args, output)
        return output


def _array(y: Any, context: Context, inputs: tuple[Any, ...]) -> Any:
    """The array of a result; copied if it is an input that was not marked dirty, for it must not be the same tensor."""
    same = any(y.array is array for array in inputs)
    return y.array.copy() if same and not any(y.array is array for array in context._dirty) else y.array


def _finished(y: Any, context: Context, tensors: list[Any]) -> Any:
    """A result as the user gets it: without a node if so marked, and the very input that was changed in place."""
    if any(y.array is array for array in context._constant):
        y.node = None
    for x in tensors:
        if y.array is x.array and any(y.array is array for array in context._dirty):
            check_writable(x, y, context._function.__name__)
            writes.note(x.array)
            rewrite_history(x, y)
            return x
    return y


def _gradient(g: tuple[Any, ...], context: Context, positions: tuple[int, ...], position: int, shape: tuple[int, ...], dtype: Any) -> Any:
    """What the user's backward gives for the argument at `position`; it is called once for all arguments."""
    if context._done is None or context._done[0] is not g:
        context._done = (g, _run_backward(g, context, positions))
    part = context._done[1][position]
    if part is None:
        return None
    if part.array.shape != shape and not _spread(shape, part.array.shape):
        raise ShapeError(
            f"{context._function.__name__}.backward: the gradient of argument {position} has shape {part.array.shape}, "
            f"the argument {shape}; they must be the same"
        )
    part = convert(part, dtype)  # the walk sums it to the argument's shape
    return part if any(isinstance(x, Value) for x in g) else part.array  # what has not arrived is no tensor in any walk


def _spread(shape: tuple[int, ...], to: tuple[int, ...]) -> bool:
    """Whether `to` is a shape that an array of this shape can be expanded to."""
    sizes = to[len(to) - len(shape) :]
    return len(to) >= len(shape) and all(n in (1, size) for n, size in zip(shape, sizes, strict=True))


def _cotangent(x: Any, context: Context) -> Any:
    """What backward is given for a result: a tensor, or None if nothing has arrived and it is to hear of that."""
    if isinstance(x, Value):
        return x
    return None if is_missing(x) and not context._materializes else wrap(Value.result_class, np.asarray(x))


def _run_backward(g: tuple[Any, ...], context: Context, positions: tuple[int, ...]) -> list[Any]:
    """The gradients of all arguments; `positions` are those of the tensors among them."""
    left = iter([_cotangent(x, context) for x in g])
    cotangents = [next(left) if is_tensor else None for is_tensor in context._is_tensor]
    function = context._function
    rule = function.vjp if function.backward is Function.backward else function.backward
    if rule is Function.backward:
        raise MissingForwardError(f"{function.__name__}: define a static method backward(ctx, *grad_outputs) to differentiate it")
    given = rule(context, *cotangents)
    parts: Sequence[Any] = given if isinstance(given, (tuple, list)) else (given,)
    wanted = len(context.needs_input_grad)
    if len(parts) > wanted and all(x is None for x in parts[wanted:]):
        parts = parts[:wanted]
    if len(parts) != wanted:
        raise GradientError(
            f"{context._function.__name__}.backward: returned {len(parts)} gradients, forward has {wanted} arguments; "
            "return one for each, None where there is none"
        )
    for i, x in enumerate(parts):
        if x is not None and not isinstance(x, Value):
            raise ArgumentTypeError(f"{context._function.__name__}.backward: gradients must be tensors or None, got {type(x).__name__}")
        if x is not None and i not in positions:
            raise GradientError(
                f"{context._function.__name__}.backward: returned a gradient of argument {i}, which is no tensor; return None there"
            )
    return list(parts)


def once_differentiable(backward: Callable[..., Any]) -> Callable[..., Any]:
    """For a `backward` that cannot be differentiated itself: a second derivative through it raises GradientError."""

    @functools.wraps(backward)
    def wrapper(ctx: Context, *grad_outputs: Tensor) -> Any:
        with no_grad():
            given = backward(ctx, *grad_outputs)
        if not state.grad_enabled:
            return given
        parts = given if isinstance(given, (tuple, list)) else (given,)
        others = [x for x in (*grad_outputs, *ctx.saved_tensors) if x is not None]
        refused = tuple([x if x is None else _Refused.apply(x, *others) for x in parts])
        return refused if isinstance(given, (tuple, list)) else refused[0]

    return wrapper


class _Refused(Function):
    """The identity of its first argument, which refuses to be differentiated."""

    @staticmethod
    def forward(ctx: Any, x: Any, *others: Any) -> Any:
        return x.clone()

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        raise GradientError("once_differentiable: this function has no second derivative; write backward with differentiable operations")
