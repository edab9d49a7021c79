"""What convolutions and pooling share: reading their arguments, and the layout in which windows can be seen without gathering.

A window of `kernel` elements, `dilation` apart, moves over a padded dimension in steps of `stride`. Position p of that
dimension is written as place p // stride of phase p % stride. Then what one kernel element meets while the window moves
are consecutive places of one phase: in memory a run, which is copied at full speed whatever stride and dilation are.
"""

from __future__ import annotations

import functools
import itertools
import math
import operator
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..engine.mutation import Array
from ..engine.node import Value
from ..engine.plain import copy_of, filled, room, strided
from ..errors import ArgumentError, ArgumentTypeError, ShapeError
from .arguments import rank
from .padding import pad_constant
from .shape import squeeze_p, unsqueeze_p
from .tables import FEW, Table, adding, numbered, reading

if TYPE_CHECKING:
    from ..tensor import Tensor

_WHOLE = (slice(None),)
_INTEGERS = {int}

Sizes = tuple[int, ...]
Each = int | Sizes  # for all dimensions, or one for each
Pairs = tuple[tuple[int, int], ...]

# ---- reading arguments ---------------------------------------------------------------------------------------------------


def per_dim(value: Any, count: int, what: str, name: str, least: int) -> Sizes:
    """An integer for all of `count` dimensions, or one for each, as a tuple. Raises unless all are `least` or more."""
    if type(value) is int and value >= least:
        return (value,) * count
    if type(value) is tuple and len(value) == count and set(map(type, value)) == _INTEGERS and min(value) >= least:
        return value
    try:
        given = tuple(map(operator.index, value)) if _is_sequence(value) else None
        sizes = (operator.index(value),) * count if given is None else given
    except TypeError:
        raise ArgumentTypeError(f"{what}: {name} must be an integer or {count} of them, got {value!r}") from None
    if len(sizes) == 1:
        sizes *= count
    if len(sizes) != count:
        raise ArgumentError(f"{what}: {name} needs one integer, or {count}, one for each dimension, got {len(sizes)}: {sizes}")
    if min(sizes) < least:
        raise ArgumentError(f"{what}: {name} must be {least} or more, got {value}")
    return sizes


def _is_sequence(value: Any) -> bool:
    return isinstance(value, (list, tuple)) or (isinstance(value, Sequence) and not isinstance(value, str))


def batched(input: Any, spatial: int, what: str) -> tuple[Any, bool]:
    """The input as (n, c, *spatial), and whether its batch dimension was added here."""
    ndim = input.array.ndim if isinstance(input, Value) else rank(input, what)
    if ndim == spatial + 2:
        return input, False
    if ndim != spatial + 1:
        names = ", ".join("dhw"[-spatial:] if spatial > 1 else "l")
        raise ShapeError(
            f"{what}: input must have {spatial + 2} dims (n, c, {names}), or {spatial + 1} without batch, got shape {tuple(input.shape)}"
        )
    return unsqueeze_p.bind(input, dim=0), True


def unbatched(output: Any, added: bool) -> Tensor:
    """The output without the batch dimension that `batched` has added."""
    return squeeze_p.bind(output, dims=(0,)) if added else output


# ---- the layout ----------------------------------------------------------------------------------------------------------


class _Axis(NamedTuple):
    """What one phase of one dimension holds, and which kernel elements look into it."""

    elements: slice  # the kernel elements that meet this phase
    many: int  # how many they are
    place: int  # where in the phase the first of them starts
    apart: int  # places from one of them to the next
    target: slice  # the places of the phase that are not padding
    source: slice  # the elements of the input that stand there


def _axes(size: int, kernel: int, stride: int, dilation: int, low: int, grid: int) -> list[_Axis]:
    """The phases of one dimension that some kernel element meets; `low` elements of padding come first."""
    step = stride // math.gcd(stride, dilation)
    axes = []
    for first in range(min(step, kernel)):
        place, phase = divmod(first * dilation, stride)
        begin = max(-((phase - low) // stride), 0)
        start = phase + begin * stride - low
        filled = min(max(-((start - size) // stride), 0), max(grid - begin, 0))
        target, source = slice(begin, begin + filled), slice(start, start + filled * stride, stride)
        axes.append(_Axis(slice(first, None, step), -((first - kernel) // step), place, step * dilation // stride, target, source))
    return axes


class Layout:
    """Arrays (n, c, *size) rearranged for a moving window, and back.

    The grid of a phase is as large as the windows reach. Counted along the grid's rows, the outputs and the inputs of one
    kernel element are runs of equal length: `columns` copies one run per channel and kernel element. At the end of each
    row such a run holds windows that reach into the next row. They are computed and thrown away: `crop` skips them.
    """

    def __init__(self, size: Sizes, kernel: Sizes, stride: Sizes, padding: Pairs, dilation: Sizes) -> None:
        spans = [d * (k - 1) for k, d in zip(kernel, dilation, strict=True)]
        self.size, self.kernel = size, kernel
        self.out = tuple(
            [(n + low + high - span - 1) // s + 1 for n, s, (low, high), span in zip(size, stride, padding, spans, strict=True)]
        )
        self.grid = tuple([o + span // s for o, span, s in zip(self.out, spans, stride, strict=True)])
        self.pitch = self.out[0] * math.prod(self.grid[1:])  # of the outputs of one image, with those to be cropped
        self.places = math.prod(self.grid)
        self.rows = (self.out[0], *self.grid[1:])
        self.exact = self.out[1:] == self.grid[1:]  # there is nothing to crop
        self.per_channel = (-1, *(1,) * len(size))  # the shape of one number for each channel
        self.inside = (slice(None), slice(None), *[slice(o) for o in self.out])
        steps = [math.prod(self.grid[i + 1 :]) for i in range(len(size))]  # from one place to the next in each dim
        self.run = sum((o - 1) * step for o, step in zip(self.out, steps, strict=True)) + 1
        per_axis = [
            _axes(n, k, s, d, low, g) for n, k, s, d, (low, _), g in zip(size, kernel, stride, dilation, padding, self.grid, strict=True)
        ]
        self.phases = list(itertools.product(*per_axis))
        self.starts = [sum(axis.place * step for axis, step in zip(axes, steps, strict=True)) for axes in self.phases]
        self.strides = [tuple([axis.apart * step for axis, step in zip(axes, steps, strict=True)]) for axes in self.phases]
        whole = (slice(None), slice(None))
        self.elements = math.prod(kernel)
        self.sources = [(*whole, *[axis.source for axis in axes]) for axes in self.phases]  # of the input, by phase
        self.targets = [(*whole, *[axis.target for axis in axes]) for axes in self.phases]
        self.columns_of = [(slice(None), *[axis.elements for axis in axes]) for axes in self.phases]
        self.runs = [  # what each kernel element of a phase meets, as a run of places
            [
                (element, sum(map(operator.mul, element, strides), first))
                for element in itertools.product(*[range(axis.many) for axis in axes])
            ]
            for axes, first, strides in zip(self.phases, self.starts, self.strides, strict=True)
        ]
        filled = [[len(range(*axis.target.indices(g))) for axis in axes] for axes, g in zip(per_axis, self.grid, strict=True)]
        self.unpadded = all(f == g for fs, g in zip(filled, self.grid, strict=True) for f in fs)
        self.reaches_all = all(sum(fs) == n for fs, n in zip(filled, size, strict=True))

    def parts(self, images: int, channels: int, itemsize: int, size: int = 1 << 22) -> Sequence[slice]:
        """The batch in slices whose columns have about this size: what fits into a cache is faster, and needs little memory."""
        each = channels * self.elements * self.pitch * itemsize
        count = max(size // max(each, 1), 1)
        return _WHOLE if 0 < images <= count else [slice(start, start + count) for start in range(0, images, count)]

    def _lay(self, x: Array) -> Array:
        """(n, c, *size) -> (phases, c, n, *grid), zeros for padding."""
        new = room if self.unpadded else filled
        out = new(x, (len(self.phases), x.shape[1], x.shape[0], *self.grid))
        for i, (source, target) in enumerate(zip(self.sources, self.targets, strict=True)):
            out[(i, *target)] = x[source].swapaxes(0, 1)
        return out

    def columns(self, x: Array, clean: bool = False) -> Array:
        """(n, c, *size) -> (c · kernel, n · pitch): what each kernel element meets. `clean`: zeros for windows that `crop` skips."""
        laid = self._lay(x)
        n, c = x.shape[:2]
        if self.elements == 1:
            return laid.reshape(c, n * self.pitch)
        columns = room(x, (c, *self.kernel, n, self.pitch))
        for i, axes in enumerate(self.phases):
            shape = (c, *[axis.many for axis in axes], n, self.run)
            windows = strided(laid[i], shape, (n * self.places, *self.strides[i], self.places, 1), self.starts[i])
            columns[(*self.columns_of[i], slice(None), slice(self.run))] = windows
        if self.run < self.pitch:
            columns[..., self.run :] = 0
        flat = columns.reshape(-1, n * self.pitch)
        if clean:
            self._wipe(flat)
        return flat

    def add_columns(self, columns: Array, out: Array, clean: bool = False) -> None:
        """(c · kernel, n · pitch) -> out (n, c, *size), each column added where `columns` reads it: the transpose."""
        n, c = out.shape[:2]
        if clean:
            self._wipe(columns)
        if self.elements == 1:
            laid = columns.reshape(1, c, n, *self.grid)
        else:
            laid = filled(columns, (len(self.phases), c, n, self.places))
            apart = columns.reshape(c, *self.kernel, n, self.pitch)
            for i, (columns_of, runs) in enumerate(zip(self.columns_of, self.runs, strict=True)):
                those = apart[columns_of]
                for element, start in runs:
                    laid[i, :, :, start : start + self.run] += those[(slice(None), *element, slice(None), slice(self.run))]
            laid = laid.reshape(len(self.phases), c, n, *self.grid)
        if not self.reaches_all:
            out[...] = 0
        for i, (source, target) in enumerate(zip(self.sources, self.targets, strict=True)):
            out[source] = laid[(i, *target)].swapaxes(0, 1)

    def _rows(self, flat: Array) -> Array:
        """(c, n · pitch) -> (c, n, out[0], *grid[1:])."""
        return flat.reshape(flat.shape[0], flat.shape[1] // self.pitch, *self.rows)

    def crop(self, flat: Array) -> Array:
        """(c, n · pitch) -> (n, c, *out), a view."""
        rows = self._rows(flat)
        return (rows if self.exact else rows[self.inside]).swapaxes(0, 1)

    def spread(self, y: Array) -> Array:
        """(n, c, *out) -> (c, n · pitch), zeros where `crop` skips."""
        n, c = y.shape[:2]
        if n == 1 and self.exact:
            return y.reshape(c, self.pitch)
        new = room if self.exact else filled
        flat = new(y, (c, n * self.pitch))
        self.crop(flat)[...] = y
        return flat

    def _wipe(self, columns: Array) -> None:
        """Zeros for the windows that `crop` skips: where infinities meet, 0 · inf would spoil sums over all columns."""
        rows = self._rows(columns)
        for dim, size in enumerate(self.out[1:], start=3):
            rows[(slice(None),) * dim + (slice(size, None),)] = 0


@functools.lru_cache(maxsize=256)
def layout(size: Sizes, kernel: Sizes, stride: Sizes, padding: Pairs, dilation: Sizes) -> Layout:
    """The layout for these sizes, made once."""
    return Layout(size, kernel, stride, padding, dilation)


# ---- few elements --------------------------------------------------------------------------------------------------------


class FewColumns:
    """The columns of an array (n, c, *size) of few elements, by tables: (c · kernel, n · windows), without windows to be cropped."""

    def __init__(self, plan: Layout, n: int, c: int) -> None:
        self.plan, self.out, self.shape = plan, plan.out, (n, c, *plan.size)

    def _numbers(self) -> Array:
        """(n, c · kernel, *out): the numbers of the elements in the columns."""
        return self.plan.crop(self.plan.columns(numbered(self.shape)))

    def _unfolded(self) -> Array:
        n, c, *_ = self.shape
        return np.ascontiguousarray(self._numbers()).reshape((n, c * self.plan.elements, math.prod(self.out)))

    @functools.cached_property
    def _reading(self) -> Table:
        return reading(self.rows(self._numbers()))

    @functools.cached_property
    def _adding(self) -> Table:
        return adding(self.rows(self._numbers()), self.shape)

    @functools.cached_property
    def unfolding(self) -> Table:
        """What reads the columns as (n, c · kernel, windows)."""
        return reading(self._unfolded())

    @functools.cached_property
    def folding(self) -> Table:
        """The transpose of `unfolding`."""
        return adding(self._unfolded(), self.shape)

    def columns(self, x: Array) -> Array:
        """(n, c, *size) -> (c · kernel, n · windows)."""
        return self._reading.read(x, 0)

    def added(self, columns: Array) -> Array:
        """(c · kernel, n · windows) -> (n, c, *size), the transpose of `columns`."""
        return self._adding.of(columns)

    def rows(self, y: Array) -> Array:
        """(n, m, *out) -> (m, n · windows)."""
        n, m = y.shape[:2]
        return y.reshape((m, -1)) if n == 1 else y.swapaxes(0, 1).reshape((m, -1))

    def images(self, rows: Array) -> Array:
        """(m, n · windows) -> (n, m, *out), the other way."""
        n, m = self.shape[0], rows.shape[0]
        return rows.reshape((1, m, *self.out)) if n == 1 else copy_of(rows.reshape((m, n, *self.out)).swapaxes(0, 1), "C")


@functools.lru_cache(maxsize=64)
def few_columns(shape: Sizes, kernel: Sizes, stride: Sizes, padding: Pairs, dilation: Sizes) -> FewColumns | None:
    """For an array of this shape; None if the elements are not so few that one call of NumPy beats many with slices."""
    plan = layout(shape[2:], kernel, stride, padding, dilation)
    few = 0 < shape[0] * shape[1] * max(math.prod(plan.size), plan.elements * plan.pitch) <= FEW
    return FewColumns(plan, shape[0], shape[1]) if few else None


def plain_windows(x: Array, kernel: Sizes, stride: Sizes, padding: Pairs, dilation: Sizes) -> Array:
    """(n, c, *size) -> (n, c, *out, *kernel), a view: what each window sees."""
    count = len(kernel)
    if any(pair != (0, 0) for pair in padding):
        x = pad_constant.forward(x, pads=padding, value=0)
    spans = tuple([d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)])
    windows = np.lib.stride_tricks.sliding_window_view(x, spans, tuple(range(2, 2 + count)))
    view: Array = windows[(slice(None), slice(None), *[slice(None, None, step) for step in (*stride, *dilation)])]
    return view


def plain_columns(x: Array, kernel: Sizes, stride: Sizes, padding: Pairs, dilation: Sizes) -> Array:
    """(n, c, *size) -> (n, c · kernel, windows)."""
    windows = plain_windows(x, kernel, stride, padding, dilation)
    count = len(kernel)
    out = windows.shape[2 : 2 + count]
    apart = windows.transpose((0, 1, *range(2 + count, 2 + 2 * count), *range(2, 2 + count)))
    return apart.reshape((x.shape[0], x.shape[1] * math.prod(kernel), math.prod(out)))


def plain_fold(columns: Array, size: Sizes, kernel: Sizes, stride: Sizes, padding: Pairs, dilation: Sizes) -> Array:
    """(n, c · kernel, windows) -> (n, c, *size), each added where it was seen: the transpose of `plain_columns`."""
    padded = [n + low + high for n, (low, high) in zip(size, padding, strict=True)]
    counts = [(n - d * (k - 1) - 1) // s + 1 for n, k, s, d in zip(padded, kernel, stride, dilation, strict=True)]
    channels = columns.shape[1] // math.prod(kernel)
    apart = columns.reshape((columns.shape[0], channels, *kernel, *counts))
    out = filled(columns, (columns.shape[0], channels, *padded))
    for element in np.ndindex(*kernel):
        starts = [k * d for k, d in zip(element, dilation, strict=True)]
        places = [slice(start, start + (n - 1) * s + 1, s) for start, n, s in zip(starts, counts, stride, strict=True)]
        out[(slice(None), slice(None), *places)] += apart[(slice(None), slice(None), *element)]
    if all(pair == (0, 0) for pair in padding):
        return out
    return pad_constant.forward(out, pads=tuple([(-low, -high) for low, high in padding]), value=0)
