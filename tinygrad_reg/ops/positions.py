"""Reading and writing by arrays of positions, and by the numbers of elements in row-major order.

Three primitives, each the transposed of another, do all that arrays in an index can ask for: `index_p` reads, `index_embed` places into
zeros, `index_put_p` replaces or adds; and `gather_p`, `gather_embed`, `scatter_p` do the same by the numbers of elements.
`repeated` tells them what happens at places that the arrays name more than once: "add" up, the "last" one wins, or "never" if that
cannot occur.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..engine.mutation import Array
from ..engine.node import Value, wrap
from ..engine.plain import copy_of, filled
from ..engine.primitive import Primitive, primitive
from ..engine.selection import choose
from ..engine.state import state
from ..errors import DimensionError

_ndarray = np.ndarray
_FEW = 128  # elements that NumPy adds one by one sooner than it is known whether they are all different
_KEPT = 4096  # elements of an index whose offsets are worth remembering
#: For each integer dtype that without a sign, and how many of its numbers are not negative.
_UNSIGNED = {char: (np.dtype(char.upper()), int(np.iinfo(char).max) + 1) for char in np.typecodes["AllInteger"]}

Dims = tuple[int, ...]

# ---- checks, and the numbers of elements ---------------------------------------------------------------------------------


def all_below(index: Array, size: int) -> bool:
    """Whether all positions lie in 0 ... size - 1: read without a sign, negative ones are the largest of all."""
    if not index.size:
        return True
    unsigned, positions = _UNSIGNED[index.dtype.char]
    bare = index.view(unsigned)
    top: int = bare.item(bare.argmax())  # finds it in a sixth of the time that `max` takes for a few
    return top < size and top < positions


def check_range(index: Array, size: int, what: str) -> None:
    """Raise DimensionError unless all positions lie in 0 ... size - 1."""
    if not all_below(index, size):
        wrong = index[(index < 0) | (index >= size)].flat[0]
        raise DimensionError(f"{what}: index {wrong} is out of range for a dimension of size {size}; use 0 to {size - 1}")


def largest(numbers: Array) -> Any:
    """The largest of at least one integer. NumPy finds its place in a sixth of the time that `max` takes for a few."""
    return numbers.item(numbers.argmax())


def unheard(primitive: Primitive, index: Any, input: Any, params: dict[str, Any]) -> Any:
    """What a primitive without derivative makes of an index into a tensor: the forward alone, unless a tracer is to hear of the call."""
    if state.tracer is None and isinstance(index, Value) and isinstance(input, Value):
        return wrap(Value.result_class, (primitive.call or primitive.caller(1))(index.array, params))
    return primitive(index, **params)


def numbers_along(index: Array, shape: tuple[int, ...], dim: int) -> Array:
    """The number, in row-major order of `shape`, of the element at each position along `dim`; elsewhere the index keeps its place."""
    if type(index) is not _ndarray or index.size > _KEPT:
        step = math.prod(shape[dim + 1 :])
        return (index if step == 1 else np.multiply(index, step, dtype=np.int64)) + _offsets(index.shape, shape, dim)
    steps, offsets = _laid_out(index.shape, shape, dim)
    return (index if steps is None else index * steps) + offsets


def _offsets(places: tuple[int, ...], shape: tuple[int, ...], dim: int) -> Array:
    """The part of `numbers_along` that does not depend on the positions, for an index of shape `places`; it broadcasts."""
    total: Any = np.zeros((), np.int64)
    for d, count in enumerate(places):
        if d != dim and count > 1:
            steps = np.arange(count) * math.prod(shape[d + 1 :])
            total = total + steps.reshape(-1, *(1,) * (len(places) - 1 - d))
    return total


@functools.lru_cache(maxsize=64)
def _laid_out(places: tuple[int, ...], shape: tuple[int, ...], dim: int) -> tuple[Array | None, Array]:
    """How far apart the elements along `dim` are (None: 1), and the offsets in full: arrays of one shape are added 4 times faster."""
    step = np.array(math.prod(shape[dim + 1 :]))
    return None if step == 1 else step, np.broadcast_to(_offsets(places, shape, dim), places).copy()


def last_of(numbers: Array, count: int) -> Array:
    """For each of these numbers below `count` whether no later one is the same; negative ones count from the end."""
    order = np.arange(numbers.size)
    holder = np.empty(count, order.dtype)
    holder[numbers.ravel()] = order  # one dimension: in several, NumPy would go through them in the order of their strides
    return holder.take(numbers) == order.reshape(numbers.shape)


def only_last(x: Array, numbers: Array, count: int) -> Array:
    """x, which was read at these numbers below `count`, where no later number is the same; 0 elsewhere."""
    if x.size > _KEPT:
        return only(last_of(numbers, count), x)
    flat = numbers.reshape(-1)
    holder = np.empty(count, np.int64)
    holder[flat] = np.arange(flat.size)
    out = np.zeros(x.size, x.dtype)
    out[holder.take(flat)] = x.reshape(-1)  # at one place the same is written for all that have its number
    return out.reshape(x.shape)


def only(won: Array, x: Array) -> Array:
    """x where it has won, 0 elsewhere."""
    if won.size and won.item(won.argmin()):
        return x
    return choose(won, x, x.dtype.type(0))


# ---- writing where arrays say -------------------------------------------------------------------------------------------


def _full_index(indices: Sequence[Array], dims: Dims) -> tuple[Any, ...]:
    """NumPy's index that has each array at its dimension, and whole dimensions between; a mask of k dimensions fills k."""
    if len(indices) == 1:
        return (*(slice(None),) * dims[0], indices[0])
    items: list[Any] = []
    end = 0
    for array, dim in zip(indices, dims, strict=True):
        if dim != end:
            items += [slice(None)] * (dim - end)
        items.append(array)
        end = dim + (array.ndim if array.dtype.kind == "b" else 1)
    return tuple(items)


class _Rows:
    """An array seen as rows of `width` elements, so that everything arrays can index is one list of row numbers."""

    def __init__(self, shape: tuple[int, ...], indices: Sequence[Array], dims: Dims) -> None:
        last = indices[-1]
        lead = dims[-1] + (last.ndim if last.dtype.kind == "b" else 1)
        self.count = math.prod(shape[:lead])
        self.width = math.prod(shape[lead:])
        if len(indices) == 1 and lead == 1 and last.dtype.kind != "b" and all_below(last, shape[0]):
            numbers = last
        else:
            numbers = np.arange(self.count).reshape(shape[:lead])[_full_index(indices, dims)]
        self.chosen = numbers.shape
        self.selected = (*numbers.shape, *shape[lead:])  # shape of what the index selects
        self.numbers = numbers.ravel()

    def distinct(self) -> bool:
        """Whether no row is named twice."""
        return not self.numbers.size or largest(np.bincount(self.numbers)) <= 1

    def of(self, values: Array) -> Array:
        """Values that broadcast to the selected shape, as rows."""
        whole = values if values.shape == self.selected else np.broadcast_to(values, self.selected)
        return whole.reshape(len(self.numbers), self.width)

    def add(self, out: Array, values: Array) -> None:
        """out[rows] += values, where repeated rows add up; out lies in row-major order."""
        rows = self.of(values)
        if not rows.size:
            return
        if self.width > 1 and self.distinct():
            lines = out.reshape(-1, self.width)
            sums = lines.take(self.numbers, 0)
            sums += rows
            lines[self.numbers] = sums
            return
        places = self.numbers if self.width == 1 else (self.numbers[:, None] * self.width + np.arange(self.width)).ravel()
        np.add.at(out.reshape(-1), places, rows.ravel())  # flat, it is 6 times faster than on rows of 64

    def put(self, out: Array, values: Array) -> None:
        """out[rows] = values, where the last of repeated rows wins; out lies in row-major order."""
        rows = self.of(values)
        if self.width == 1:
            out.reshape(-1)[self.numbers] = rows.ravel()
        elif rows.size:
            out.reshape(-1, self.width)[self.numbers] = rows

    def winners(self) -> Array:
        """For each selected row whether it is the last one of its number."""
        return last_of(self.numbers, self.count).reshape(self.chosen)


def _winners(shape: tuple[int, ...], indices: Sequence[Array], dims: Dims) -> Array:
    """For each selected slice whether it is the last one of its place; it broadcasts against what the index selects."""
    if len(indices) == 1 and indices[0].dtype.kind != "b":
        won, end = last_of(indices[0], shape[dims[0]]), dims[0] + 1
    else:
        won, end = _Rows(shape, indices, dims).winners(), dims[-1] + (indices[-1].ndim if indices[-1].dtype.kind == "b" else 1)
    return won.reshape(*won.shape, *(1,) * (len(shape) - end))


def write(out: Array, values: Any, indices: Sequence[Array], dims: Dims, repeated: str) -> Array:
    """Values into an array in row-major order, where the arrays say; returns it."""
    if len(indices) == 1 and indices[0].dtype.kind != "b":
        return _write_slices(out, values, indices[0], dims[0], repeated)
    if repeated == "never":
        _set(out, values, _full_index(indices, dims), 1)
    elif repeated == "add":
        _Rows(out.shape, indices, dims).add(out, values)
    else:
        _Rows(out.shape, indices, dims).put(out, values)
    return out


def _write_slices(out: Array, values: Any, index: Array, dim: int, repeated: str) -> Array:
    """The same for positions along one dim, one for each slice."""
    if out.ndim == 1:
        return _write_elements(out, values, index, repeated)
    at = (*(slice(None),) * dim, index)
    chosen = out.ndim - 1 + index.ndim
    if repeated == "never" or (repeated == "last" and not dim and index.ndim == 1):  # where the last wins anyway
        _set(out, values, at, chosen)
    elif repeated == "last":
        _Rows(out.shape, (index,), (dim,)).put(out, values)
    elif index.size * out.size <= _FEW * out.shape[dim] and values.ndim <= chosen:
        np.add.at(out, at, values)
    elif out.size <= _KEPT and type(index) is _ndarray and index.dtype.kind == "i":
        _write_elements(out, values, _numbering(out.shape).take(index, dim), repeated)
    else:
        _Rows(out.shape, (index,), (dim,)).add(out, values)
    return out


def _set(out: Array, values: Any, at: Any, ndim: int) -> None:
    """out[at] = values, which may have more leading dimensions of size 1 than `ndim`: NumPy would drop those."""
    if getattr(values, "ndim", 0) > ndim:
        values = np.broadcast_to(values, out[at].shape)
    out[at] = values


def _write_elements(out: Array, values: Any, numbers: Array, repeated: str) -> Array:
    """The same by the numbers of elements in row-major order, in which `out` lies; values broadcast to their shape."""
    if getattr(values, "ndim", 0):
        values = (values if values.shape == numbers.shape else np.broadcast_to(values, numbers.shape)).ravel()
    flat, numbers = out.reshape(-1), numbers.ravel()  # in one dimension the last wins, and adding is 6 times faster
    if repeated == "add":
        np.add.at(flat, numbers, values)
    else:
        flat[numbers] = values
    return out


@functools.lru_cache(maxsize=64)
def _numbering(shape: tuple[int, ...]) -> Array:
    """The number of each element of an array in row-major order."""
    return np.arange(math.prod(shape)).reshape(shape)


# ---- the primitives ------------------------------------------------------------------------------------------------------


def _has_numbers(indices: tuple[Any, ...]) -> bool:
    """Whether some of them are positions, which may be out of range, and no masks."""
    return any(index.dtype.kind != "b" for index in indices)


@primitive(name="index", fails=lambda x, *indices: _has_numbers(indices))
def index_p(x: Array, *indices: Array, dims: Dims, repeated: str) -> Array:
    """x read where the arrays say; where the "last" wins, what stands at a place named again later reads as 0."""
    if len(indices) == 1 and indices[0].dtype.kind != "b" and x.flags.c_contiguous:
        out = x.take(indices[0], dims[0])  # up to 3 times faster than x[index]
    else:
        out = x[_full_index(indices, dims)]
        if not out.flags.c_contiguous:  # NumPy puts the dimensions of the arrays first in memory, so that a view of the result would fail
            out = out.copy()
    return only(_winners(x.shape, indices, dims), out) if repeated == "last" else out


@primitive
def index_embed(x: Array, *indices: Array, dims: Dims, shape: tuple[int, ...], repeated: str) -> Array:
    """Zeros of `shape`, with x written where the arrays say."""
    return write(np.zeros(shape, x.dtype), x, indices, dims, repeated)


@primitive(name="index_put", fails=lambda x, values, *indices: _has_numbers(indices))
def index_put_p(x: Array, values: Array, *indices: Array, dims: Dims, repeated: str) -> Array:
    """A copy of x with the values, which broadcast to what the arrays select, written there or (repeated="add") added."""
    return write(copy_of(x, "C"), values, indices, dims, repeated)


@primitive(name="gather")
def gather_p(x: Array, numbers: Array, *, repeated: str) -> Array:
    """The elements with these numbers in row-major order; where the "last" wins, one whose number comes again later reads as 0."""
    out = x.take(numbers)
    return only_last(out, numbers, x.size) if repeated == "last" else out


@primitive
def gather_embed(x: Array, numbers: Array, *, shape: tuple[int, ...], repeated: str) -> Array:
    """Zeros of `shape`, with x written at the elements with these numbers."""
    return _write_elements(np.zeros(shape, x.dtype), x, numbers, repeated)


@primitive(name="scatter")
def scatter_p(x: Array, values: Array, numbers: Array, *, repeated: str) -> Array:
    """A copy of x with the values, one for each number or one for all, written at the elements with these numbers, or added."""
    return _write_elements(copy_of(x, "C"), values, numbers, repeated)


# ---- their plain forms ---------------------------------------------------------------------------------------------------


def _along_one(shape: tuple[int, ...], indices: Sequence[Array], dims: Dims) -> tuple[tuple[int, ...], int, Array]:
    """Arrays at consecutive dims as one array of positions in these dims taken together: the shape so, the dim, the positions."""
    first, count = dims[0], len(dims)
    if dims != tuple(range(first, first + count)) or any(index.dtype.kind == "b" for index in indices):
        raise NotImplementedError("masks, and arrays apart from each other")
    total: Any = 0
    for index, size in zip(indices, shape[first:], strict=False):
        if count > 1:
            index = np.where(index < 0, index + size, index).within(0, size)
        total = total * size + index
    together = (*shape[:first], math.prod(shape[first : first + count]), *shape[first + count :])
    return together, first, total


def _element_numbers(together: tuple[int, ...], dim: int, index: Array) -> Array:
    """The number, in row-major order, of each element that an index along one dim selects."""
    lead, size, rest = math.prod(together[:dim]), together[dim], math.prod(together[dim + 1 :])
    wrapped = np.where(index < 0, index + size, index).within(0, size)
    rows = np.arange(lead).reshape(*together[:dim], *(1,) * index.ndim) * size + wrapped
    return rows.reshape(*rows.shape, *(1,) * (len(together) - dim - 1)) * rest + np.arange(rest).reshape(together[dim + 1 :])


def _plain_index(x: Array, *indices: Array, dims: Dims, repeated: str) -> Array:
    together, dim, index = _along_one(x.shape, indices, dims)
    out = x.reshape(together).take(index, axis=dim)
    if repeated != "last":
        return out
    numbers = _element_numbers(together, dim, index)
    order = np.arange(math.prod(numbers.shape)).reshape(numbers.shape)
    holder = filled(x, (math.prod(together),), 0, np.int64)
    np.put_along_axis(holder, numbers.reshape(-1), order.reshape(-1), 0)
    return np.where(holder.take(numbers, axis=0) == order, out, x.dtype.type(0))


def _plain_write(out: Array, values: Any, indices: Sequence[Array], dims: Dims, repeated: str) -> Array:
    shape = out.shape
    if len(indices) == 1 and indices[0].dtype.kind == "b" and np.ndim(values) <= len(shape) - dims[0] - indices[0].ndim:
        mask = indices[0]
        return np.where(mask.reshape(*mask.shape, *(1,) * (len(shape) - dims[0] - mask.ndim)), values, out)
    together, dim, index = _along_one(shape, indices, dims)
    if repeated == "add":
        whole = out.reshape(together)
        np.add.at(whole, (*(slice(None),) * dim, index), values)
        return whole.reshape(shape)
    numbers = _element_numbers(together, dim, index)
    flat = out.reshape(-1)
    flat[numbers] = values
    return flat.reshape(shape)


def _plain_elements(flat: Array, values: Any, numbers: Array, repeated: str, shape: tuple[int, ...]) -> Array:
    return _plain_write(flat, values, (numbers,), (0,), repeated).reshape(shape)


index_p.plain = _plain_index
index_embed.plain = lambda x, *indices, dims, shape, repeated: _plain_write(filled(x, shape), x, indices, dims, repeated)
index_put_p.plain = lambda x, values, *indices, dims, repeated: _plain_write(copy_of(x, "C"), values, indices, dims, repeated)
gather_p.plain = lambda x, numbers, *, repeated: _plain_index(x.reshape(-1), numbers, dims=(0,), repeated=repeated)
gather_embed.plain = lambda x, numbers, *, shape, repeated: _plain_elements(filled(x, (math.prod(shape),)), x, numbers, repeated, shape)
scatter_p.plain = lambda x, values, numbers, *, repeated: _plain_elements(copy_of(x, "C").reshape(-1), values, numbers, repeated, x.shape)
index_p.vjp(
    x=lambda g, indices, dims, repeated, x_shape: index_embed.bind(g, *indices, dims=dims, shape=x_shape, repeated=repeated),
    indices=None,
)
index_p.shaped_by_values = lambda x, *indices: any(index.dtype.kind == "b" for index in indices)
index_embed.vjp(x=lambda g, indices, dims, repeated: index_p.bind(g, *indices, dims=dims, repeated=repeated), indices=None)
index_put_p.vjp(
    x=lambda g, indices, dims, repeated: g if repeated == "add" else index_put_p.bind(g, 0, *indices, dims=dims, repeated="never"),
    values=lambda g, indices, dims, repeated: index_p.bind(g, *indices, dims=dims, repeated=repeated),
    indices=None,
)
gather_p.vjp(x=lambda g, numbers, x_shape, repeated: gather_embed.bind(g, numbers, shape=x_shape, repeated=repeated), numbers=None)
gather_embed.vjp(x=lambda g, numbers, repeated: gather_p.bind(g, numbers, repeated=repeated), numbers=None)
scatter_p.vjp(
    x=lambda g, numbers, repeated: g if repeated == "add" else scatter_p.bind(g, 0, numbers, repeated="never"),
    values=lambda g, numbers, repeated: gather_p.bind(g, numbers, repeated=repeated),
    numbers=None,
)


@primitive(fails=True)
def in_range(index: Array, *, size: int, what: str) -> Array:
    """The index itself. Raises DimensionError unless all of it lies in 0 ... size - 1."""
    check_range(index, size, what)
    return index


in_range.plain = lambda index, *, size, what: index.within(0, size)
in_range.vjp(index=None)
