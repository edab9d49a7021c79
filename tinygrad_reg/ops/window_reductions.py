"""What pooling is made of: the mean and the largest element of each window, and their transposes.

A window is given for each dimension by an `Axis`. Its taps say for every position inside the window which outputs look
at which inputs; so every primitive here is a few operations on whole slices per tap, and padding is never built.

Shapes: (..., *size) -> (..., *out), with one Axis for each of the last dimensions.
"""

from __future__ import annotations

import functools
import itertools
import math
from typing import Any, NamedTuple

import numpy as np

from ..engine.mutation import Array
from ..engine.plain import filled, is_finite, is_plain
from ..engine.primitive import primitive
from ..engine.strong_zero import linked
from .pointwise import as_array
from .reduction import narrowed, widened
from .tables import FEW, Table, adding, combined, numbered, reading
from .windows import Sizes

_LONG = 32  # positions from which on a few windows are reduced sooner one after the other than position by position

# ---- windows -------------------------------------------------------------------------------------------------------------


class Axis(NamedTuple):
    """Windows along one dimension. Without `kernel`, window i goes from ⌊i · size / out⌋ to ⌈(i + 1) · size / out⌉."""

    size: int
    out: int
    kernel: int = 0
    stride: int = 0
    padding: int = 0
    dilation: int = 1

    def starts(self) -> Array:
        """The input at which each window starts, which may be in the padding."""
        numbers = np.arange(self.out)
        return numbers * self.stride - self.padding if self.kernel else numbers * self.size // self.out

    def length(self) -> int:
        """How many positions the largest window has."""
        if self.kernel:
            return self.kernel
        return int((_ends(self.size, self.out) - self.starts()).max(initial=0))


Axes = tuple[Axis, ...]


class Tap(NamedTuple):
    """One position inside of windows: these outputs look at these inputs. No input is named twice."""

    position: int
    outputs: Any
    inputs: Any


def _ends(size: int, out: int) -> Array:
    return -(-(np.arange(1, out + 1) * size) // max(out, 1))


@functools.lru_cache(maxsize=256)
def _taps(axis: Axis) -> tuple[Tap, ...]:
    """The taps of one dimension, in the order of their positions: slices, or arrays if the windows are not regular."""
    return tuple(_sliding(axis) if axis.kernel else _adaptive(axis))


def _sliding(axis: Axis) -> list[Tap]:
    taps = []
    earliest = max(-(((axis.out - 1) * axis.stride - axis.padding) // axis.dilation), 0)  # those before it see padding alone,
    for position in range(earliest, min(axis.kernel, -(-(axis.size + axis.padding) // axis.dilation))):  # and those after it
        shift = position * axis.dilation - axis.padding
        first = max(-(shift // axis.stride), 0)
        last = min(-((shift - axis.size) // axis.stride), axis.out)
        if first < last:
            start = first * axis.stride + shift
            taps.append(Tap(position, slice(first, last), slice(start, start + (last - first - 1) * axis.stride + 1, axis.stride)))
    return taps


def _adaptive(axis: Axis) -> list[Tap]:
    starts, ends = axis.starts(), _ends(axis.size, axis.out)
    taps = []
    for position in range(axis.length()):
        outputs = np.flatnonzero(starts + position < ends)
        inputs = starts[outputs] + position
        while len(outputs):  # windows that start together are told apart, so that inputs can be added to at once
            first = np.unique(inputs, return_index=True)[1]
            taps.append(Tap(position, outputs[first], inputs[first]))
            outputs, inputs = np.delete(outputs, first), np.delete(inputs, first)
    return taps


@functools.lru_cache(maxsize=256)
def _all_taps(axes: Axes) -> tuple[Tap, ...]:
    """The taps over several dimensions, positions numbered in row-major order of the largest window."""
    taps = []
    for chosen in itertools.product(*map(_taps, axes)):
        number = 0
        for axis, tap in zip(axes, chosen, strict=True):
            number = number * axis.length() + tap.position
        taps.append(Tap(number, _selection([tap.outputs for tap in chosen]), _selection([tap.inputs for tap in chosen])))
    return tuple(sorted(taps, key=lambda tap: tap.position))


def _selection(each: list[Any]) -> tuple[Any, ...]:
    """An index for the last dimensions out of one slice or array for each; arrays are crossed, not paired."""
    arrays = [i for i, item in enumerate(each) if not isinstance(item, slice)]
    for dim in arrays:
        each[dim] = each[dim].reshape((-1,) + (1,) * sum(other > dim for other in arrays))
    return (..., *each)


def _along(item: Any, dim: int, count: int) -> tuple[Any, ...]:
    """An index that selects along dimension `dim` of the last `count` ones."""
    return (..., item, *[slice(None)] * (count - 1 - dim))


def _accumulate(ufunc: Any, out: Array, at: tuple[Any, ...], values: Array) -> None:
    """out[at] = ufunc(out[at], values); in place where `at` gives a view."""
    place = out[at]
    if all(isinstance(item, slice) for item in at[1:]):
        ufunc(place, values, out=place)
    else:
        out[at] = ufunc(place, values)


# ---- few elements --------------------------------------------------------------------------------------------------------


def _numbers(lead: tuple[int, ...], axes: Axes) -> Array:
    """(positions, *lead, *out): the numbers of the elements of each window, 0 in the padding."""
    numbers = numbered(_input_shape(lead, axes))
    found = np.zeros((math.prod([axis.length() for axis in axes]), *lead, *[axis.out for axis in axes]), np.int64)
    for tap in _all_taps(axes):
        found[tap.position][tap.outputs] = numbers[tap.inputs]
    return found


@functools.lru_cache(maxsize=64)
def _windows(shape: Sizes, axes: Axes) -> Table | None:
    """What the windows read, for the shape of an input or an output; None if a table of so many elements is not worth its memory."""
    lead = shape[: len(shape) - len(axes)]
    return reading(_numbers(lead, axes), adds=True) if 0 < math.prod(lead) * _positions(axes) <= FEW else None


@functools.lru_cache(maxsize=64)
def _back(shape: Sizes, axes: Axes) -> Table | None:
    """Which windows read each element, in the same way."""
    if _windows(shape, axes) is None:
        return None
    lead = shape[: len(shape) - len(axes)]
    return adding(_numbers(lead, axes), _input_shape(lead, axes), repeated=True)


def _table(x: Array, axes: Axes) -> Table | None:
    """What the windows of an input or an output of few elements read."""
    return None if is_plain(x) else _windows(x.shape, axes)


@functools.lru_cache(maxsize=64)
def _lines(shape: Sizes, axes: Axes) -> tuple[Array, Array] | None:
    """Of few windows without padding: where in the flattened input their positions are, (positions, windows), and the windows' numbers."""
    windows = _windows(shape, axes)
    if windows is None or windows.padded:
        return None
    places = windows.places.reshape(len(windows.places), -1)
    return places, np.arange(places.shape[1])


def _places(which: Array, axes: Axes) -> Array | None:
    """Where in the flattened input the positions told by `window_argmax` are, if these are few and padding is none of them."""
    lines = None if is_plain(which) else _lines(which.shape, axes)
    return None if lines is None else lines[0][which.reshape(-1), lines[1]]


@functools.lru_cache(maxsize=256)
def _input_shape(lead: Sizes, axes: Axes) -> Sizes:
    return (*lead, *[axis.size for axis in axes])


@functools.lru_cache(maxsize=256)
def _numbering(axes: Axes) -> tuple[int, Any]:
    """How many positions the largest window has, and a dtype that holds their numbers."""
    count = math.prod([axis.length() for axis in axes])
    return count, np.uint8 if count < 256 else np.int32


@functools.lru_cache(maxsize=256)
def _are_apart(axes: Axes) -> bool:
    """Whether no input has two windows."""
    return all(axis.kernel and axis.stride > axis.dilation * (axis.kernel - 1) for axis in axes)


@functools.lru_cache(maxsize=256)
def _positions(axes: Axes) -> int:
    """How many elements all windows have together, or the input, if that is more; 0 if there are no windows."""
    windows = math.prod([axis.length() * axis.out for axis in axes])
    return max(windows, math.prod([axis.size for axis in axes])) if windows else 0


# ---- many elements -------------------------------------------------------------------------------------------------------


def _gathered(ufunc: Any, x: Array, axes: Axes, neutral: Any) -> Array:
    """ufunc over the inputs of each window, one dimension after the other."""
    for dim, axis in enumerate(axes):
        at = x.ndim - len(axes) + dim
        if axis.kernel == axis.size and axis.out == 1 and not axis.padding and axis.dilation == 1:
            x = ufunc.reduce(x, axis=at, keepdims=True)
            continue
        if _is_coarse(axis, x):
            x = _each_window(ufunc, x, at, axis)
            continue
        out = filled(x, (*x.shape[:at], axis.out, *x.shape[at + 1 :]), neutral)
        for tap in _taps(axis):
            _accumulate(ufunc, out, _along(tap.outputs, dim, len(axes)), x[_along(tap.inputs, dim, len(axes))])
        x = out
    return x


def _is_coarse(axis: Axis, x: Array) -> bool:
    """Whether windows are so few that one after the other is faster than all at once by their positions, or plainer."""
    if axis.kernel:
        large = axis.kernel >= max(_LONG, 2 * axis.out)
        return large and not axis.padding and axis.dilation == 1 and not is_plain(x)
    return axis.out <= 2 * axis.length() or is_plain(x)


def _bounds(axis: Axis) -> list[slice]:
    """The inputs of each window of an axis without padding."""
    starts = axis.starts()
    ends = starts + axis.kernel if axis.kernel else _ends(axis.size, axis.out)
    return [slice(start, end) for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]


def _each_window(ufunc: Any, x: Array, at: int, axis: Axis) -> Array:
    """ufunc over the inputs of each window along dimension `at`."""
    out = filled(x, (*x.shape[:at], axis.out, *x.shape[at + 1 :]))
    before: tuple[Any, ...] = (slice(None),) * at
    for i, window in enumerate(_bounds(axis)):
        ufunc.reduce(x[(*before, window)], axis=at, out=out[(*before, i)])
    return out


# ---- means ---------------------------------------------------------------------------------------------------------------


@functools.lru_cache(maxsize=256)
def _divisor(axes: Axes, padded: bool, dtype: np.dtype[Any]) -> Any:
    """How many elements each window has, with those of the padding or without; of no dims if all have as many."""
    total: Any = 1
    for axis in axes:
        starts = axis.starts()
        ends = np.minimum(starts + axis.kernel, axis.size + axis.padding) if axis.kernel else _ends(axis.size, axis.out)
        lengths = ends - starts if padded else np.minimum(ends, axis.size) - np.maximum(starts, 0)
        total = np.multiply.outer(total, lengths)
    return np.asarray(total.flat[0] if total.size and (total == total.flat[0]).all() else total, dtype)


@primitive
def window_mean(x: Array, *, axes: Axes, padded: bool, divisor: int | None) -> Array:
    """The sum of each window divided by its number of elements, or by `divisor`."""
    wide = widened(x)
    windows = _table(x, axes)
    total = windows.of(wide) if windows is not None else _gathered(np.add, wide, axes, 0)
    by = _divisor(axes, padded, total.dtype) if divisor is None else divisor
    if x.dtype.kind != "f":
        return np.trunc(total / by).astype(x.dtype)
    return narrowed(np.divide(total, by, total), x.dtype)


@primitive
def window_spread(x: Array, *, axes: Axes, padded: bool, divisor: int | None) -> Array:
    """The transpose of `window_mean`: x divided as there, and added to every element of its window."""
    wide = widened(x)
    out = wide / (_divisor(axes, padded, wide.dtype) if divisor is None else divisor)
    windows = None if is_plain(x) else _back(x.shape, axes)
    if windows is not None:
        return narrowed(windows.of(out), x.dtype)
    for dim, axis in reversed(list(enumerate(axes))):
        at = x.ndim - len(axes) + dim
        spread = filled(out, (*out.shape[:at], axis.size, *out.shape[at + 1 :]))
        before = (slice(None),) * at
        if _is_coarse(axis, out):
            for i, window in enumerate(_bounds(axis)):
                spread[(*before, window)] += out[(*before, slice(i, i + 1))]
        else:
            for tap in _taps(axis):
                _accumulate(np.add, spread, _along(tap.inputs, dim, len(axes)), out[_along(tap.outputs, dim, len(axes))])
        out = spread
    return narrowed(out, x.dtype)


window_mean.vjp(x=lambda g, axes, padded, divisor: window_spread.bind(g, axes=axes, padded=padded, divisor=divisor))
window_spread.vjp(x=lambda g, axes, padded, divisor: window_mean.bind(g, axes=axes, padded=padded, divisor=divisor))

# ---- maxima --------------------------------------------------------------------------------------------------------------


@primitive
def window_max(x: Array, *, axes: Axes) -> Array:
    """The largest element of each window."""
    least = -math.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min
    windows = _table(x, axes)
    if windows is not None:
        return combined(np.maximum, windows.read(x, least))
    return _gathered(np.maximum, x, axes, least)


@primitive
def window_argmax(x: Array, out: Array, *, axes: Axes) -> Array:
    """At which position of its window the largest element `out` stands first; of several nan, the last counts."""
    count, kind = _numbering(axes)
    finite = is_finite(out)
    windows = _table(x, axes)
    if finite and windows is not None and not windows.padded:
        found = windows.read(x, 0) == out
        found[-1] = True  # what is equal to nothing is taken for the last, as below
        return found.argmax(0).astype(kind)
    no_nan = finite or not np.isnan(out).any()
    if all(_is_coarse(axis, x) for axis in axes) and no_nan:
        return _argmax_of_each(x, axes).astype(kind)
    score = filled(out, out.shape, 0, kind)  # the first position has the highest: products and maxima are faster than masks
    for tap in _all_taps(axes):
        _accumulate(np.maximum, score, tap.outputs, (x[tap.inputs] == out[tap.outputs]) * kind(count - tap.position))
    which = count - np.maximum(score, 1)
    if not no_nan:
        score[...] = 0
        for tap in _all_taps(axes):
            _accumulate(np.maximum, score, tap.outputs, np.isnan(x[tap.inputs]) * kind(tap.position + 1))
        which = np.where(score > 0, score - 1, which)
    return which.astype(kind, copy=False)


def _plain_argmax(x: Array, out: Array, *, axes: Axes) -> Array:
    """From the last position to the first, so that the first one stays; then the positions of nan from the first to the last."""
    count, kind = _numbering(axes)
    if not all(axis.kernel for axis in axes):
        return _argmax_of_each(x, axes).astype(kind)
    taps = _all_taps(axes)
    which = filled(out, out.shape, count - 1, kind)
    for tap in reversed(taps):
        which[tap.outputs] = np.where(x[tap.inputs] == out[tap.outputs], which.dtype.type(tap.position), which[tap.outputs])
    for tap in taps:
        which[tap.outputs] = np.where(np.isnan(x[tap.inputs]), which.dtype.type(tap.position), which[tap.outputs])
    return which


window_argmax.plain = _plain_argmax


def _argmax_of_each(x: Array, axes: Axes) -> Array:
    """`window_argmax`, one window after the other; of arrays without nan."""
    lead = x.shape[: x.ndim - len(axes)]
    which = filled(x, (*lead, *[axis.out for axis in axes]), 0, np.int64)
    bounds = list(map(_bounds, axes))
    for place in np.ndindex(which.shape[len(lead) :]):
        window = x[(..., *[each[i] for each, i in zip(bounds, place, strict=True)])]
        inner = window.shape[len(lead) :]
        below = math.prod(inner)
        lines = window.reshape((*lead, below))
        first = lines.argmax(axis=-1)
        if is_plain(x):
            nan = np.isnan(lines)
            first = np.where(np.logical_or.reduce(nan, axis=-1), below - 1 - nan[..., ::-1].argmax(axis=-1), first)
        number: Any = 0
        for axis, size in zip(axes, inner, strict=True):
            below //= size
            number = number * axis.length() + first // below % size
        which[(..., *place)] = number
    return which


def _by_places(x: Array, axes: Axes) -> bool:
    """Whether elements are found by their places, one by one: without regular windows, or of these and others together in plain form."""
    return not any(axis.kernel for axis in axes) or (is_plain(x) and not all(axis.kernel for axis in axes))


def _flat_places(which: Array, axes: Axes) -> tuple[Array, tuple[int, int]]:
    """Where in (lines, elements), flattened, the positions told by `window_argmax` are; for windows without padding."""
    places = window_indices.forward(which, axes=axes)
    elements = math.prod([axis.size for axis in axes])
    lines = math.prod(which.shape[: which.ndim - len(axes)])
    return places + (np.arange(lines) * elements).reshape(*which.shape[: which.ndim - len(axes)], *(1,) * len(axes)), (lines, elements)


def _where(mask: Array, x: Array, finite: bool) -> Array:
    """x, with zeros where the mask is False; a product is 10 times faster, but 0 · inf is nan."""
    return x * mask if finite else np.where(mask, x, x.dtype.type(0))


@primitive
def window_pick(x: Array, which: Array, *, axes: Axes) -> Array:
    """The element of each window at the position told by `window_argmax`."""
    if (places := _places(which, axes)) is not None:
        return x.reshape(-1).take(places).reshape(which.shape)
    if _by_places(x, axes):
        return x.reshape(-1)[_flat_places(which, axes)[0]]
    out = filled(x, which.shape)
    finite = is_finite(x)
    for tap in _all_taps(axes):
        _accumulate(np.add, out, tap.outputs, _where(which[tap.outputs] == tap.position, x[tap.inputs], finite))
    return out


@primitive
def window_place(x: Array, which: Array, *, axes: Axes) -> Array:
    """The transpose of `window_pick`: each element added at the position told by `window_argmax`, zeros elsewhere."""
    out = filled(x, _input_shape(x.shape[: x.ndim - len(axes)], axes))
    apart = _are_apart(axes)
    if (places := _places(which, axes)) is not None:
        if apart:
            out.reshape(-1)[places] = x.reshape(-1)
        else:
            np.add.at(out.reshape(-1), places, x.reshape(-1))
        return out
    if _by_places(x, axes):
        np.add.at(out.reshape(-1), _flat_places(which, axes)[0].ravel(), x.ravel())
        return out
    finite = is_finite(x)
    for tap in _all_taps(axes):
        values = _where(which[tap.outputs] == tap.position, x[tap.outputs], finite)
        if apart:
            out[tap.inputs] = values
        else:
            _accumulate(np.add, out, tap.inputs, values)
    return out


@primitive
def window_indices(which: Array, *, axes: Axes) -> Array:
    """Positions inside of windows as places in the flattened dimensions, as int64."""
    total: Any = 0
    for dim, axis in enumerate(axes):
        below = math.prod([other.length() for other in axes[dim + 1 :]])
        inside = which.astype(np.int64) // below % max(axis.length(), 1)
        starts = axis.starts().reshape(-1, *(1,) * (len(axes) - 1 - dim))
        total = total * axis.size + starts + inside * axis.dilation
    return as_array(total)


window_max.result_may_change = True
window_max.vjp(x=lambda g, x, out, axes: linked(window_place.bind(g, window_argmax.bind(x, out, axes=axes), axes=axes), x))
window_argmax.vjp(x=None, out=None)
window_pick.vjp(x=lambda g, which, axes: window_place.bind(g, which, axes=axes), which=None)
window_place.vjp(x=lambda g, which, axes: window_pick.bind(g, which, axes=axes), which=None)
window_indices.vjp(which=None)
