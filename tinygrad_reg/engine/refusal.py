"""The border: an error of Python's or NumPy's that a wrong argument provoked becomes one of the package's.

Functions check what they can say something special about. For all the rest, `typed_errors` looks at the arguments after the
fact: nothing is checked in a call that succeeds. The original error stays visible as the cause.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar, cast

import numpy as np

from ..errors import (
    AllocationError,
    ArgumentError,
    ArgumentTypeError,
    DimensionError,
    DtypeError,
    RangeError,
    TinygradRegError,
)
from .node import Value

F = TypeVar("F", bound=Callable[..., Any])

#: What Python and NumPy raise over arguments that do not fit. Not RuntimeError: that is what users' own code raises.
FOREIGN = (TypeError, ValueError, LookupError, AttributeError, ArithmeticError, MemoryError, RecursionError, BufferError)

_CLASSES: tuple[tuple[type[Exception], type[TinygradRegError]], ...] = (
    (MemoryError, AllocationError),
    (OverflowError, RangeError),
    (IndexError, DimensionError),
    (TypeError, ArgumentTypeError),
    (AttributeError, ArgumentTypeError),
    (Exception, ArgumentError),
)


def typed_errors(function: F) -> F:
    """Let nothing but errors of the package's family out of a public function."""

    def guarded(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs) if kwargs else function(*args)  # most calls have none, and no dict is made for them then
        except TinygradRegError:
            raise
        except FOREIGN as error:
            raise refusal(function, args, kwargs, error) from error

    return named_after(function, guarded)


def named_after(function: F, wrapper: Callable[..., Any]) -> F:
    """The wrapper with the name, text and signature of the function: `functools.wraps` at a third of its time, for hundreds at import."""
    made: Any = wrapper
    made.__wrapped__ = function
    made.__module__, made.__name__, made.__qualname__ = function.__module__, function.__name__, function.__qualname__
    made.__doc__, made.__annotations__ = function.__doc__, function.__annotations__
    return cast(F, made)


def refusal(function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], error: Exception) -> TinygradRegError:
    """The error to raise instead: the argument that is not of the annotated type; failing that, all of them and how to call."""
    name = _called(function, args)
    signature = inspect.signature(function)
    usage = f"{name}{_bare(signature)}"
    try:
        given = signature.bind(*args, **kwargs).arguments
    except TypeError as wrong:
        return ArgumentTypeError(f"{name}: {wrong}; call it as {usage}")
    if function.__name__ == "__init__":
        given.pop("self", None)  # which is half made
    for argument, value in given.items():
        kind = signature.parameters[argument].kind
        expected = expectation(signature.parameters[argument].annotation, value) if kind is not inspect.Parameter.VAR_POSITIONAL else None
        if expected:
            return ArgumentTypeError(f"{name}: {argument} must be {expected}, got {shown(value)}")
    return refused(name, given, error, f"call it as {usage}")


def _called(function: Callable[..., Any], args: Sequence[Any]) -> str:
    """The name that the user called: of a constructor its class, and of a private base's the public class next to it."""
    name = function.__qualname__.removesuffix(".__init__").rpartition(".")[2]
    if not name.startswith("_") or function.__name__ != "__init__":
        return name
    names = [kind.__name__ for kind in type(args[0]).__mro__]
    return next((below for below in reversed(names[: names.index(name)]) if not below.startswith("_")), name)


def refused(name: str, given: Mapping[str, Any], error: Exception, remedy: str) -> TinygradRegError:
    """The error of the family that stands for this one, with what was given."""
    listed = " · ".join(f"{argument} {shown(value)}" for argument, value in given.items())
    made = next(ours for theirs, ours in _CLASSES if isinstance(error, theirs))
    if made is ArgumentTypeError and given and all(isinstance(x, (Value, np.ndarray, np.generic)) for x in given.values()):
        made = DtypeError
    reason = " ".join(str(error).split())[:300] or type(error).__name__
    if made is AllocationError:
        remedy = "use smaller sizes, or work in parts"
    return made(f"{name}: cannot work with these arguments: {reason}\n  {listed}\n  {remedy}")


def _bare(signature: inspect.Signature) -> str:
    """The signature without annotations, and without self."""
    empty = inspect.Signature.empty
    parameters = [p.replace(annotation=empty) for name, p in signature.parameters.items() if name != "self"]
    return str(signature.replace(parameters=parameters, return_annotation=empty))


def shown(value: Any) -> str:
    """A value for a message: shape and dtype of an array, type and value of anything else."""
    if isinstance(value, Value):
        return f"{value.array.dtype} {value.array.shape}"
    if isinstance(value, np.ndarray):
        return f"array {value.dtype} {value.shape}"
    if isinstance(value, (list, tuple)) and any(isinstance(x, (Value, np.ndarray)) for x in value):
        return f"({', '.join(map(shown, value[:8]))}{', ...' * (len(value) > 8)})"
    try:
        text = " ".join(repr(value).split())
    except ValueError:  # an integer of more than 4300 digits
        text = "a huge number"
    return f"{type(value).__name__} {text if len(text) <= 60 else text[:57] + '...'}"


def no_tensor(told: str, value: Any) -> ArgumentTypeError:
    """The error for a value that is no tensor where `told` one is needed."""
    if isinstance(value, (list, tuple)) and any(isinstance(x, Value) for x in value):
        return ArgumentTypeError(f"{told}, got a {type(value).__name__} of {len(value)} that holds tensors; take one of them, or join them")
    if value is None:
        return ArgumentTypeError(f"{told}, got NoneType; check that the function it comes from has a return")
    return ArgumentTypeError(f"{told}, got {shown(value)}; wrap it in tg.tensor(...)")


# ---- reading annotations -----------------------------------------------------------------------------------------------


def _is_tensor(x: Any) -> bool:
    return isinstance(x, Value) or (isinstance(x, (np.ndarray, np.generic)) and x.dtype.kind in "biuf")


def _is_integer(x: Any) -> bool:
    return hasattr(x, "__index__") and not isinstance(x, (np.ndarray, Value)) or (isinstance(x, Value) and x.array.size == 1)


def is_number(x: Any) -> bool:
    """Whether this is a number, or a tensor of one element."""
    return isinstance(x, (int, float, np.number, np.bool_)) or (isinstance(x, Value) and x.array.size == 1)


_EXPECTED: dict[str, tuple[Callable[[Any], bool], str]] = {
    "Tensor": (_is_tensor, "a tensor (tg.tensor(...) makes one)"),
    "Array": (_is_tensor, "a tensor (tg.tensor(...) makes one)"),
    "int": (_is_integer, "an integer"),
    "float": (is_number, "a number"),
    "bool": (lambda x: isinstance(x, (bool, np.bool_)), "True or False"),
    "str": (lambda x: isinstance(x, str), "a string"),
    "None": (lambda x: x is None, "None"),
}


def expectation(annotation: Any, value: Any) -> str | None:
    """What an argument with this annotation must be, in words, if the value is not; None if it is, or may be anything."""
    parts = [part.strip() for part in str(annotation).split("|")]
    if "[" in str(annotation):
        sequence = all(part in _EXPECTED or part.startswith(("Sequence[", "tuple[", "list[")) for part in parts)
        fits = (
            any(_EXPECTED[part][0](value) if part in _EXPECTED else isinstance(value, (list, tuple)) for part in parts)
            if sequence
            else True
        )
        words = [_EXPECTED[part][1] if part in _EXPECTED else _plural(part) for part in parts] if sequence else []
    else:
        fits = any(part not in _EXPECTED or _EXPECTED[part][0](value) for part in parts)
        words = [_EXPECTED[part][1] for part in parts if part in _EXPECTED]
    return None if fits else " or ".join(words)


def _plural(annotation: str) -> str:
    inner = annotation.partition("[")[2].rstrip("]").removesuffix(", ...")
    return {"Tensor": "a list or tuple of tensors", "int": "a list or tuple of integers"}.get(inner, "a list or tuple")
