"""Reading arguments: NumPy's spellings beside PyTorch's, dimensions, and shapes given as one tuple or as several numbers."""

from __future__ import annotations

import functools
import operator
import sys
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias, TypeVar

import numpy as np

from ..engine.node import Value
from ..engine.refusal import FOREIGN, named_after, no_tensor, refusal, shown
from ..errors import ArgumentError, ArgumentTypeError, DimensionError, ShapeError, TinygradRegError

F = TypeVar("F", bound=Callable[..., Any])
Dims: TypeAlias = "int | tuple[int, ...]"  # checked to be of integers, so that a cache can tell them apart

_NUMPY = {"axis": "dim", "keepdims": "keepdim", "axes": "dims"}


def numpy_names(function: F) -> F:
    """Let a function with `dim`, `keepdim` (or `dims`) also be called with `axis`, `keepdims` (`axes`). Includes `typed_errors`.

    Its flags (what it annotates as bool) must be True or False, as in PyTorch.
    """
    positional = function.__code__.co_varnames[: function.__code__.co_argcount]
    nowhere = sys.maxsize  # the place of those that can only be given by name
    bools = [name for name, kind in function.__annotations__.items() if kind == "bool"]
    flags = {name: positional.index(name) if name in positional else nowhere for name in bools}
    first = min(flags.values(), default=nowhere)
    plain = frozenset((*_NUMPY, *flags)).isdisjoint

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        try:
            if len(args) > first or (kwargs and not plain(kwargs)):
                kwargs = _torch_names(function, kwargs)
                _check_flags(function, flags, args, kwargs)
            return function(*args, **kwargs) if kwargs else function(*args)
        except TinygradRegError:
            raise
        except FOREIGN as error:
            raise refusal(function, args, kwargs, error) from error

    return named_after(function, wrapper)


def _torch_names(function: Callable[..., Any], kwargs: dict[str, Any]) -> dict[str, Any]:
    """The arguments by PyTorch's names. Raises ArgumentTypeError if one is given by both names."""
    for theirs, ours in _NUMPY.items():
        if theirs in kwargs:
            if ours in kwargs:
                raise ArgumentTypeError(f"{function.__name__}: {theirs}= and {ours}= mean the same; give only one")
            kwargs[ours] = kwargs.pop(theirs)
    return kwargs


def _check_flags(function: Callable[..., Any], flags: dict[str, int], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Raise ArgumentTypeError if a flag among the arguments is neither True nor False."""
    for name, position in flags.items():
        value = args[position] if position < len(args) else kwargs.get(name, True)
        if type(value) is not bool:
            raise ArgumentTypeError(f"{function.__name__}: {name} must be True or False, got {shown(value)}")


def rank(input: Any, what: str) -> int:
    """The number of dimensions of a tensor or array. Raises ArgumentTypeError for anything else."""
    if isinstance(input, Value):
        return input.array.ndim
    try:
        return len(input.shape)
    except (AttributeError, TypeError):
        raise no_tensor(f"{what}: expected a tensor", input) from None


def shape_of(input: Any, what: str = "") -> tuple[int, ...]:
    """The shape as a plain tuple, which is faster to take apart than the `Size` that a tensor gives out.

    Raises ArgumentTypeError for what is neither tensor nor array, if told for `what`.
    """
    if isinstance(input, Value):
        return input.array.shape
    if what:
        rank(input, what)
    return tuple(input.shape)


def integer(value: Any, what: str, name: str) -> int:
    """An argument that must be an integer, as one. Raises ArgumentTypeError for anything else, a bool too."""
    if type(value) is int:
        return value
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise ArgumentTypeError(f"{what}: {name} must be an integer, got {type(value).__name__}: {value!r}")
    return operator.index(value)


def number(value: Any, what: str, name: str) -> float:
    """An argument that must be a number, as one of Python's, for one of NumPy's would decide the dtype.

    Raises ArgumentTypeError for anything else.
    """
    value = value.item() if isinstance(value, np.generic) else value
    if not isinstance(value, (int, float)):
        raise ArgumentTypeError(f"{what}: {name} must be a number, got {type(value).__name__}: {value!r}")
    return value


def check_constant(value: Any, what: str, name: str) -> None:
    """Raise ArgumentTypeError for a tensor that requires grad where a number is meant: its gradient would be lost in silence."""
    if isinstance(value, Value) and value.node is not None:
        raise ArgumentTypeError(
            f"{what}: {name} must be a number, got a tensor that requires grad, for which there is no derivative here; "
            "use .detach(), or write the formula with operators"
        )


def coefficient(value: Any, what: str, name: str) -> float:
    """An argument that is a number and has no derivative, as a float. A tensor of one element may stand for it, as in PyTorch.

    Raises ArgumentTypeError for a tensor that requires grad, and for what is no number.
    """
    if type(value) is float:
        return value
    check_constant(value, what, name)
    found: Any = value if isinstance(value, (Value, np.ndarray)) else number(value, what, name)
    return float(found)


def names_none(dim: Any) -> bool:
    """Whether `dim` is given and names no dim, as () and [] do."""
    return isinstance(dim, SEVERAL) and not dim


def normalize_dim(dim: Any, ndim: int, what: str) -> int:
    """`dim` as a number from 0 to ndim - 1; a 0-d tensor takes 0 and -1. Raises DimensionError when it is out of range."""
    if type(dim) is int and -ndim <= dim < ndim:
        return dim if dim >= 0 else dim + ndim
    index = integer(dim, what, "dim")
    span = max(ndim, 1)
    if not -span <= index < span:
        raise DimensionError(f"{what}: dim {index} is out of range for a tensor with {ndim} dimensions; use {-span} to {span - 1}")
    return index + span if index < 0 else index


SEVERAL = (list, tuple, range)  # what `isinstance` takes, for a union would be made at each call
_MOST = sys.maxsize


def normalize_dims(dim: Any, ndim: int, what: str) -> tuple[int, ...]:
    """One or several dims as a tuple of numbers from 0 to ndim - 1; None means all. Raises if one is named twice."""
    if dim is None:
        return tuple(range(ndim))
    if not isinstance(dim, SEVERAL):
        index = normalize_dim(dim, ndim, what)
        return (index,) if ndim else ()
    dims = tuple(dim)
    for d in dims:
        if type(d) is not int or not 0 <= d < ndim:
            dims = tuple([normalize_dim(d, ndim, what) for d in dims])
            break
    if len(dims) > 1 and len(set(dims)) != len(dims):
        raise ArgumentError(f"{what}: a dim appears twice in {dim}; name each once")
    return dims if ndim else ()


def static_dims(dim: Any, ndim: int, what: str) -> Dims:
    """`dim` for a function that reads dims once and remembers them: an int as it is given, anything else as `normalize_dims` reads it."""
    return dim if type(dim) is int else normalize_dims(dim, ndim, what)


@functools.lru_cache(maxsize=256)
def known_dims(dims: Dims, ndim: int, what: str) -> tuple[int, ...]:
    """`normalize_dims` for dims that have been checked to be integers: reading them again costs nothing."""
    return normalize_dims(dims, ndim, what)


def sizes(shape: tuple[Any, ...], what: str) -> tuple[int, ...]:
    """A shape given as `f(2, 3)` or as `f((2, 3))`, as a tuple of integers."""
    if len(shape) == 1 and type(shape[0]) is not int and isinstance(shape[0], Sequence) and not isinstance(shape[0], (str, bytes)):
        shape = tuple(shape[0])
    try:
        found = tuple([operator.index(size) for size in shape])
    except TypeError:
        raise ArgumentTypeError(f"{what}: sizes must be integers, got {shape!r}") from None
    if found and max(found) > sys.maxsize:
        raise ArgumentTypeError(f"{what}: sizes must be integers of 64 bits, got {max(found)}; the largest size is {sys.maxsize}")
    return found


def checked_shape(given: tuple[Any, ...], what: str, named: Any = None) -> tuple[int, ...]:
    """A shape given as several numbers, as one tuple, or by name. Raises ShapeError if a size is negative."""
    if named is not None and given:
        raise ArgumentTypeError(f"{what}: the sizes are given twice, as {given} and as size={named!r}; give them once")
    shape = read_shape(given, named, what)
    if shape and min(shape) < 0:
        raise ShapeError(f"{what}: sizes must not be negative, got {shape}")
    return shape


def read_shape(given: tuple[Any, ...], named: Any, what: str) -> tuple[int, ...]:
    """A shape given as `f(2, 3)`, `f((2, 3))` or by name, as a tuple of integers."""
    if named is not None:
        given = (named,)
    elif not given:
        raise ArgumentTypeError(f"{what}: give the sizes, as {what}(2, 3) or {what}((2, 3))")
    alone = len(given) == 1 and type(given[0]) is not int and isinstance(given[0], SEVERAL)
    shape = tuple(given[0]) if alone else given
    for size in shape:
        if type(size) is not int or size > _MOST:
            return sizes(given, what)
    return shape
