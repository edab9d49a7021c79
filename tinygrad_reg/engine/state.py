"""All mutable process state: gradient mode, tracer, anomaly mode (per thread), default dtype and print options (per process)."""

from __future__ import annotations

import functools
import inspect
from _thread import _local  # threading.local itself; importing threading would take a tenth of this package's time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol, TypeVar, cast, overload

import numpy as np

from ..errors import ArgumentTypeError

if TYPE_CHECKING:
    from .primitive import Primitive

F = TypeVar("F", bound=Callable[..., Any])


class Tracer(Protocol):
    """What a tracer must offer; `compiler.trace` implements it, the engine only calls it."""

    def record(self, primitive: Primitive, args: tuple[Any, ...], params: dict[str, Any], out: Any) -> None:
        """Note that `primitive(*args, **params)` gave the array (or tuple of arrays) `out`."""

    def write(self, target: Any, value: Any) -> None:
        """Note that the tensor `target` is about to hold `value`."""

    def host(self, function: Callable[..., dict[str, float]], *args: Any) -> dict[str, Any]:
        """Call `function(*args)` now and at every replay; its numbers are inputs of the step."""

    def memory(self, array: Any) -> Any:
        """A tensor of an array that no tensor has: it is found at this place at every replay."""

    def know(self, array: Any) -> None:
        """Note that this array was made of Python numbers, which a replay has again."""

    def knows(self, x: Any) -> bool:
        """Whether the values of this tensor are such numbers."""

    def read_grad(self, leaf: Any) -> None:
        """Note that `.grad` of a leaf is looked at."""

    def set_grad(self, leaf: Any) -> None:
        """Note that `.grad` of a leaf was replaced."""

    def replaces(self, x: Any) -> None:
        """Note that this tensor is about to be given other memory, or to start or stop requiring grad."""

    def seed(self, cotangent: Any) -> None:
        """Note that a walk back through the graph starts from this tensor."""

    def unrepeatable(self, why: str) -> None:
        """Note that what follows depends on values seen now: this run is right, but must not be replayed."""

    def forbid(self, why: str) -> None:
        """Refuse what a replay can neither do nor leave out."""

    def concretize(self, what: str) -> None:
        """Refuse to turn a traced tensor into a Python value."""


class PrintOptions(NamedTuple):
    """How tensors are printed, see `set_printoptions`."""

    precision: int = 4
    threshold: float = 1000
    edgeitems: int = 3
    linewidth: int = 80
    sci_mode: bool | None = None


class State(_local):
    """What the current thread is doing. Hot code that needs several of these takes `vars(state)`: each look at a thread's own costs."""

    default_dtype: ClassVar[np.dtype[Any]] = np.dtype(np.float32)
    print_options: ClassVar[PrintOptions] = PrintOptions()

    def __init__(self) -> None:  # called for each new thread
        self.grad_enabled: bool = True
        self.inference: bool = False
        self.anomaly: bool = False
        self.anomaly_checks_nan: bool = True
        self.tracer: Tracer | None = None
        self.computed: dict[Any, Any] | None = None  # parametrized tensors that are kept, inside of nn.utils.parametrize.cached
        self.recording: bool | None = True  # whether calls are recorded; None: a tracer or anomaly mode wants them to take the slow door


state = State()


@contextmanager
def switched(**values: Any) -> Iterator[None]:
    """Set attributes of the thread's state for the time of a `with` block."""
    before = apply(values)
    try:
        yield
    finally:
        apply(before)


def apply(values: dict[str, Any]) -> dict[str, Any]:
    """Set attributes of the thread's state; returns what they were."""
    mine = vars(state)
    before = {name: mine[name] for name in values}
    mine.update(values)
    mine["recording"] = None if mine["anomaly"] or mine["tracer"] is not None else mine["grad_enabled"]
    return before


class _Mode:
    """A gradient mode: a context manager, and a decorator for functions and generators."""

    def __init__(self, **values: bool) -> None:
        self._values = values
        self._before: list[dict[str, bool]] = []

    def __enter__(self) -> None:
        self._before.append(apply(self._values))

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        apply(self._before.pop())

    def __call__(self, function: F) -> F:
        return cast(F, _in_mode(function, self._values))


def _in_mode(function: Callable[..., Any], values: dict[str, bool]) -> Callable[..., Any]:
    if inspect.isgeneratorfunction(function):

        @functools.wraps(function)
        def generator(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
            iterator = function(*args, **kwargs)
            advance: Callable[[], Any] = functools.partial(next, iterator)
            while True:
                try:
                    with _Mode(**values):
                        item = advance()
                except StopIteration as stop:
                    return stop.value
                try:
                    advance = functools.partial(iterator.send, (yield item))
                except BaseException as error:  # thrown in by the caller, or GeneratorExit: the function's own business
                    advance = functools.partial(iterator.throw, error)

        return generator

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        with _Mode(**values):
            return function(*args, **kwargs)

    return wrapper


@overload
def no_grad(function: None = None) -> _Mode: ...
@overload
def no_grad(function: F) -> F: ...
def no_grad(function: F | None = None) -> _Mode | F:
    """Do not record: `with no_grad():`, `@no_grad()` or `@no_grad`.

    >>> x = tg.tensor(1.0, requires_grad=True)
    >>> with tg.no_grad():
    ...     print((2 * x).requires_grad)
    False
    """
    mode = _Mode(grad_enabled=False)
    return mode if function is None else mode(function)


@overload
def enable_grad(function: None = None) -> _Mode: ...
@overload
def enable_grad(function: F) -> F: ...
def enable_grad(function: F | None = None) -> _Mode | F:
    """Record again inside `no_grad`: `with enable_grad():`, `@enable_grad()` or `@enable_grad`.

    >>> with tg.no_grad(), tg.enable_grad():
    ...     print(tg.is_grad_enabled())
    True
    """
    mode = _Mode(grad_enabled=True)
    return mode if function is None else mode(function)


class set_grad_enabled(_Mode):  # noqa: N801
    """Switch recording on or off at once; as a context manager, until its end.

    >>> with tg.set_grad_enabled(False):
    ...     print(tg.is_grad_enabled())
    False
    """

    def __init__(self, mode: bool) -> None:
        super().__init__(grad_enabled=bool(mode))
        self._before.append(apply(self._values))

    def __enter__(self) -> None:
        apply(self._values)

    def __exit__(self, *_: object) -> None:
        apply(self._before[0])

    def __call__(self, function: F) -> F:
        apply(self._before[0])
        return super().__call__(function)


@overload
def inference_mode(mode: bool = True) -> _Mode: ...
@overload
def inference_mode(mode: F) -> F: ...
def inference_mode(mode: bool | F = True) -> _Mode | F:
    """Like `no_grad`, and says that nothing made inside will ever take part in a gradient.

    >>> with tg.inference_mode():
    ...     print(tg.is_inference_mode_enabled())
    True
    """
    if callable(mode):
        return _Mode(grad_enabled=False, inference=True)(mode)
    if not isinstance(mode, bool):
        raise ArgumentTypeError(f"inference_mode: mode must be True or False, got {type(mode).__name__}")
    return _Mode(grad_enabled=not mode, inference=mode)


def is_grad_enabled() -> bool:
    """Whether operations of this thread are recorded.

    >>> tg.is_grad_enabled()
    True
    """
    return state.grad_enabled


def is_inference_mode_enabled() -> bool:
    """Whether this thread is inside `inference_mode`.

    >>> tg.is_inference_mode_enabled()
    False
    """
    return state.inference


def is_anomaly_enabled() -> bool:
    """Whether this thread is in anomaly mode, see `autograd.set_detect_anomaly`.

    >>> with tg.autograd.detect_anomaly():
    ...     print(tg.is_anomaly_enabled())
    True
    """
    return state.anomaly


def is_anomaly_check_nan_enabled() -> bool:
    """Whether anomaly mode, when it is on, raises for gradients that are nan.

    >>> tg.is_anomaly_check_nan_enabled()
    True
    """
    return state.anomaly_checks_nan


def get_default_dtype() -> np.dtype[Any]:
    """The dtype of tensors made from Python floats; float32 at the start.

    >>> tg.get_default_dtype()
    dtype('float32')
    """
    return State.default_dtype


def set_default_dtype(dtype: Any) -> None:
    """Set the dtype of tensors made from Python floats, for the whole process. Raises TypeError unless it is a float dtype.

    >>> tg.set_default_dtype(tg.float64)
    >>> tg.tensor(0.5).dtype
    dtype('float64')
    >>> tg.set_default_dtype(tg.float32)
    """
    try:
        chosen = np.dtype("O" if dtype is None else dtype)
    except (TypeError, ValueError):
        chosen = np.dtype("O")
    if chosen.kind != "f" or chosen.itemsize > 8:
        raise ArgumentTypeError(f"set_default_dtype: needs a floating point dtype, got {dtype!r}; use float16, float32 or float64")
    State.default_dtype = chosen
