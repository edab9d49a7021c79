"""Reading and writing by index: slices are views, arrays of positions and masks copy.

Every index falls into two steps, as in PyTorch: first its basic part (ints, slices, None), which is one view; then its
arrays, each at a dimension of that view, by the primitives of positions.py.
"""

from __future__ import annotations

import operator
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..engine.mutation import Array
from ..engine.node import Value, array_of
from ..engine.refusal import typed_errors
from ..engine.state import state
from ..errors import ArgumentError, ArgumentTypeError, DimensionError, DtypeError, ShapeError
from .arguments import rank, shape_of
from .pointwise import convert, number_in
from .positions import Dims, index_p, index_put_p
from .shape import expand
from .slices import FULL, put_view, select_view

if TYPE_CHECKING:
    from ..tensor import Tensor

_ARRAYS = (Value, np.ndarray)

_NUMBERS = (bool, int, float, np.generic)

# ---- reading -----------------------------------------------------------------------------------------------------------


def getitem(input: Tensor, index: Any) -> Tensor:
    """input[index]: ints, slices, None and ... give a view; masks and arrays, lists or tensors of positions give a copy.

    An int takes its dimension away before arrays are applied, also where NumPy would move dimensions: x[0, :, [1, 2]] is
    x[0][:, [1, 2]]. Raises DimensionError (an IndexError) for what is out of range, ArgumentError for a negative step.
    """
    kind = type(index)
    shape = shape_of(input)
    if kind is int:
        if not shape or not -shape[0] <= index < shape[0]:
            raise out_of_range(index, 0, shape)
        return select_view.bind(input, index=(index,))
    if kind is slice and shape:
        return select_view.bind(input, index=(_slice(index, shape[0]),))
    if index is None:
        return select_view.bind(input, index=(None,))
    if kind is tuple and (plain := _plain(index, shape)):
        return select_view.bind(input, index=plain)
    if shape and _is_positions(index):
        return read(input, (index,), (0,), "add")
    if shape and _is_mask(index, shape):
        return read(input, (index,), (0,), "never")
    (view, dims), arrays, basic = split_index(index, shape)
    if basic:
        return select_view.bind(input, index=view)
    if view:
        input = select_view.bind(input, index=view)
    return read(input, arrays, dims, repeated_in(arrays, "add"))


def _plain(index: tuple[Any, ...], shape: Sequence[int]) -> tuple[Any, ...]:
    """The index of `select_view` for ints, slices and None alone, the most frequent case; () if there is anything else."""
    items: list[Any] = []
    sizes = iter(shape)
    for item in index:
        if item is None:
            items.append(None)
            continue
        size = next(sizes, -1)
        if type(item) is slice and size >= 0:
            items.append(_slice(item, size))
        elif type(item) is int and -size <= item < size:
            items.append(item)
        else:
            return ()
    return tuple(items)


def plain_index(index: Any, shape: Sequence[int]) -> tuple[Any, ...]:
    """`_plain` of an index that may be an int or a slice alone."""
    kind = type(index)
    return _plain(index if kind is tuple else (index,), shape) if kind is tuple or kind is int or kind is slice else ()


def repeated_in(arrays: Sequence[Any], otherwise: str) -> str:
    """What becomes of places that are named twice: a single mask names none."""
    return "never" if len(arrays) == 1 and arrays[0].dtype.kind == "b" else otherwise


def read(input: Any, arrays: Sequence[Any], dims: Dims, repeated: str) -> Tensor:
    """`index_p`, with errors that say what is out of range."""
    try:
        return index_p.bind(input, *arrays, dims=dims, repeated=repeated)
    except IndexError as error:
        raise _explained(error, arrays, dims, input.shape) from None


# ---- what an index says ------------------------------------------------------------------------------------------------


def split_index(index: Any, shape: Sequence[int]) -> tuple[tuple[tuple[Any, ...], Dims], list[Any], bool]:
    """Split x[index], for x of this shape, into its two steps: `((view, dims), arrays, is_basic)`.

    `view` is the static index of `select_view` for the first step, () if that would change nothing. Array i of the second
    step then stands at dimension dims[i]: positions (any integer array), or a mask, which takes as many dimensions as it
    has. The arrays are NumPy's or tensors, as given. `is_basic` says that there are none.
    """
    alone = index[0] if type(index) is tuple and len(index) == 1 else index
    if len(shape) and (_is_positions(alone) or _is_mask(alone, shape)):  # the most frequent case
        return ((), (0,)), [alone], False
    items = _items(index)
    free = len(shape) - sum(_consumed(item) for item in items)
    if free < 0:
        raise DimensionError(
            f"index: too many indices, {len(shape) - free} for a tensor with only {len(shape)} dimensions\n  shape {tuple(shape)}"
            + ("" if shape else "; use .item() to read a 0-d tensor, [...] or [None] to index it")
        )
    view: list[Any] = []
    dims: list[int] = []
    arrays: list[Any] = []
    at = 0  # the dimension of x that the next item applies to
    for item in items:
        if item is None:
            view.append(None)
        elif item is Ellipsis:
            view += [FULL] * free
            at += free
            free = 0
        elif type(item) is int:
            if not -shape[at] <= item < shape[at]:
                raise out_of_range(item, at, shape)
            view.append(item)
            at += 1
        elif type(item) is slice:
            bounds = _slice(item, shape[at])
            view.append(FULL if bounds == (0, shape[at], 1) else bounds)
            at += 1
        else:
            taken = _consumed(item)
            _check_mask(item, at, shape)
            dims.append(len([i for i in view if type(i) is not int]))
            arrays.append(item)
            view += [FULL] * taken
            at += taken
    while view and view[-1] is FULL:
        view.pop()
    return (tuple(view), tuple(dims)), arrays, not arrays


def _is_positions(item: Any) -> bool:
    """Whether this is a tensor of signed integers with at least one dimension."""
    return isinstance(item, Value) and item.array.dtype.kind == "i" and bool(item.array.ndim)


def _is_mask(item: Any, shape: Sequence[int]) -> bool:
    """Whether this is a tensor of bools for the first dimensions, one at least, of this shape."""
    if not isinstance(item, Value):
        return False
    array = item.array
    return array.dtype.kind == "b" and array.ndim > 0 and array.shape == shape[: array.ndim]


def _items(index: Any) -> list[Any]:
    """The parts of an index: each an int, a slice, None, Ellipsis, or an array or tensor of positions or bools."""
    if type(index) is list and len(index) < 32 and any(_is_nested(item) for item in index):
        warnings.warn(
            "index: a list that contains sequences, slices, tensors or None is read as a tuple, x[[a, b]] as x[a, b], as PyTorch 2.13 "
            "does; write x[a, b], or x[tensor([a, b])] for one index array",
            stacklevel=5,
        )
        index = tuple(index)
    if state.tracer is not None and isinstance(index, Value):
        return [_array_item(index)]  # also a 0-d one: the position stays an input of the step
    return list(map(_item, index)) if isinstance(index, tuple) else [_item(index)]


def _is_array(x: Any) -> bool:
    return isinstance(x, _ARRAYS)


def _is_nested(item: Any) -> bool:
    return item is None or item is Ellipsis or isinstance(item, (list, tuple, slice, Value, np.ndarray))


def _item(item: Any) -> Any:
    """A number as an int, slices, None and ... as they are, anything else that can index as an array."""
    if item is None or item is Ellipsis or type(item) is int or type(item) is slice:
        return item
    if _is_positions(item):
        return item
    if isinstance(item, (bool, np.bool_)):
        return np.asarray(item)
    if isinstance(item, np.integer):
        return int(item)
    if _is_array(item):
        return int(item) if not item.ndim and item.dtype.kind in "iu" and item.dtype.char != "B" else _array_item(item)
    try:
        if isinstance(item, (list, tuple, range)):
            array = np.asarray(item)
            return _array_item(array if array.size else array.astype(np.int64))
        return operator.index(item)
    except (TypeError, ValueError):
        error = ArgumentTypeError if isinstance(item, (str, bytes)) else DimensionError
        raise error(
            f"index: {item!r} of type {type(item).__name__} cannot index; use ints, slices, ..., None, bools, or tensors, arrays "
            "or lists of integers or bools"
        ) from None


def _array_item(item: Any) -> Any:
    """An index array of a dtype that can index; NumPy arrays are copied, since the graph could not notice a later change."""
    kind = item.dtype.kind
    if item.dtype.char == "B":
        told = "index: a uint8 tensor is read as a mask, as PyTorch does; use .bool() for a mask, .long() for positions"
        warnings.warn(told, stacklevel=7)
        return convert(item, np.bool_)
    if kind not in "biu":
        raise DimensionError(f"index: tensors that index must be of integers or bools, got {item.dtype}; convert with .long() or .bool()")
    return item if isinstance(item, Value) else item.copy()


def _consumed(item: Any) -> int:
    """How many dimensions of the tensor an item of an index takes."""
    if item is None or item is Ellipsis:
        return 0
    if type(item) is int or type(item) is slice:
        return 1
    array = array_of(item)
    return array.ndim if array.dtype.kind == "b" else 1


def _slice(index: slice, size: int) -> tuple[int, int, int]:
    """A slice as (start, stop, step) with start and stop in 0 ... size."""
    try:
        bounds = index.indices(size)
    except ValueError:
        raise ArgumentError("index: the step of a slice must be greater than zero, got 0") from None
    except TypeError:
        raise ArgumentTypeError(f"index: the bounds of a slice must be integers or None, got {index}") from None
    if bounds[2] < 0:
        raise ArgumentError(f"index: the step of a slice must be greater than zero, got {bounds[2]}; use flip to reverse a dimension")
    return bounds


def _check_mask(item: Any, at: int, shape: Sequence[int]) -> None:
    array = array_of(item)
    if array.dtype.kind == "b" and array.shape != tuple(shape[at : at + array.ndim]):
        raise DimensionError(
            f"index: a mask of shape {tuple(array.shape)} at dimension {at} does not match the tensor's shape {tuple(shape)}; its sizes "
            "must be those of the dimensions it stands for"
        )


# ---- errors ------------------------------------------------------------------------------------------------------------


def out_of_range(index: int, dim: int, shape: Sequence[int]) -> DimensionError:
    if not shape:
        return DimensionError("index: a 0-d tensor cannot be indexed by a number; use .item() to read it")
    size = shape[dim]
    allowed = f"use {-size} to {size - 1}" if size else "it is empty"
    return DimensionError(f"index: {index} is out of range for dimension {dim} with size {size}; {allowed}\n  shape {tuple(shape)}")


def _explained(error: IndexError, arrays: Sequence[Any], dims: Dims, shape: Sequence[int]) -> Exception:
    """Why NumPy refused an index: positions out of range, or index arrays that do not broadcast."""
    raw = [x.array if isinstance(x, Value) else x for x in arrays]
    for array, dim in zip(raw, dims, strict=True):
        if array.dtype.kind != "b":
            wrong = array[(array < -shape[dim]) | (array >= shape[dim])]
            if wrong.size:
                return out_of_range(int(wrong.flat[0]), dim, shape)
    shapes = " · ".join(str(array.shape) for array in raw)
    return DimensionError(f"index: index arrays must broadcast against each other (a mask counts as its positions)\n  {shapes}\n  {error}")


# ---- writing -----------------------------------------------------------------------------------------------------------


@typed_errors
def index_put(input: Tensor, indices: Any, values: Any, accumulate: bool = False) -> Tensor:
    """A copy of the input in which input[indices] is replaced by the values, or with `accumulate` has them added.

    `indices` is a tuple of index tensors, or anything else that can stand in input[...]; the values broadcast to what it
    selects. Where a place is named several times the last value stays, and alone gets the gradient.

    >>> tg.index_put(tg.zeros(3), (tg.tensor([1, 1]),), tg.tensor([5.0, 6.0]), accumulate=True)
    tensor([ 0., 11.,  0.])
    """
    shape = shape_of(input) if rank(input, "index_put") else ()
    if isinstance(indices, list) and any(map(_is_array, indices)):
        indices = tuple(indices)
    (view, dims), arrays, _ = split_index(indices, shape)
    values = values_for(values, input, "index_put")
    part = select_view.bind(input, index=view) if view or not arrays else input
    if arrays:
        part = put(part, values, arrays, dims, "add" if accumulate else repeated_in(arrays, "last"), "index_put")
    else:
        values = expand(values, tuple(part.shape))
        part = part + values if accumulate else values
    return put_view.bind(input, part, index=view) if view or not arrays else part


def put(input: Any, values: Any, arrays: Sequence[Any], dims: Dims, repeated: str, what: str) -> Any:
    """`index_put_p`, with errors that say what does not fit."""
    try:
        return index_put_p.bind(input, values, *arrays, dims=dims, repeated=repeated)
    except IndexError as error:
        raise _explained(error, arrays, dims, input.shape) from None
    except ValueError:
        selected = tuple(index_p.bind(input, *arrays, dims=dims, repeated="never").shape)
        raise ShapeError(
            f"{what}: values of shape {tuple(values.shape)} do not broadcast to {selected}, the shape of what the index selects"
        ) from None


def values_for(values: Any, input: Any, what: str) -> Any:
    """Values to write into a tensor: a number becomes the tensor's dtype, a tensor must have it."""
    if not _is_array(values):
        return _number(values, input, what)
    if isinstance(values, Value) and isinstance(input, Value) and values.array.dtype is input.array.dtype:
        return values
    if values.dtype != input.dtype:
        raise DtypeError(f"{what}: the input is {input.dtype}, the values are {values.dtype}; convert one with .to(dtype)")
    return values


def fill_value(value: Any, input: Any, what: str) -> Any:
    """A number or a 0-d tensor, in the dtype of the input."""
    if not _is_array(value):
        return _number(value, input, what)
    if value.ndim:
        raise ShapeError(f"{what}: the value must be a number or a 0-d tensor, got shape {tuple(value.shape)}")
    return convert(value, input.dtype)


def _number(value: Any, input: Any, what: str) -> Array:
    """A number as a 0-d array of the input's dtype, which is only read."""
    if not isinstance(value, _NUMBERS):
        raise ArgumentTypeError(f"{what}: expected a number or a tensor to write, got {type(value).__name__}")
    return number_in(value, input.array.dtype if isinstance(input, Value) else input.dtype, what)
