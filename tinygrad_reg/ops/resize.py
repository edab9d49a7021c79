"""Images of another size: interpolation, and pixels moved between channels and space.

Interpolation works on one dimension after the other: output i is the input at position p(i), or a weighted sum of its two or
four neighbours. Positions never decrease, so the outputs that read one input are neighbours; the way back adds them up in a few rounds.
"""

from __future__ import annotations

import functools
import itertools
import math
import operator
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..engine.mutation import Array
from ..engine.plain import filled, is_plain
from ..engine.primitive import primitive
from ..engine.refusal import typed_errors
from ..errors import ArgumentError, ArgumentTypeError, MissingModeError, MissingRankError, ShapeError
from .arguments import rank, shape_of
from .fused import check_float
from .pooling import adaptive_mean
from .reduction import narrowed, widened
from .shape import inverse
from .tables import FEW, Table, adding, combined, numbered, reading
from .windows import Sizes

if TYPE_CHECKING:
    from ..tensor import Tensor

# ---- one dimension -------------------------------------------------------------------------------------------------------


class Grid(NamedTuple):
    """How `out` positions lie in a dimension of `size` elements: `scale` apart if given, else size / out."""

    size: int
    out: int
    mode: str  # "nearest", "nearest-exact", "linear" or "cubic"
    scale: float | None = None
    align_corners: bool = False
    antialias: bool = False  # the linear and cubic kernels are as wide as the positions are apart, if that is more than 1

    def step(self) -> float:
        """The distance between two positions."""
        if self.align_corners:
            return (self.size - 1) / (self.out - 1) if self.out > 1 else 0.0
        return self.size / self.out if self.scale is None else 1.0 / self.scale


Grids = tuple[Grid, ...]  # of neighbouring dimensions


class _Reading(NamedTuple):
    """One element that each output reads."""

    index: Array
    weight: Array | None  # None: 1
    rounds: tuple[tuple[Any, Any], ...]  # (outputs, inputs): every output once, and no input twice in a round; slices where regular


def _reading(index: Array, weight: Array | None) -> _Reading:
    """Outputs that read the same input are neighbours: round k takes the k-th of each."""
    inputs, starts, counts = np.unique(index, return_index=True, return_counts=True)
    rounds: list[tuple[Any, Any]] = []
    for k in range(counts.max(initial=0)):
        rounds += _regular(starts[counts > k] + k, inputs[counts > k])
    return _Reading(index, weight, tuple(rounds))


def _regular(outputs: Array, inputs: Array) -> list[tuple[Any, Any]]:
    """The pairs of outputs and inputs as a few pairs of slices, or as one pair of arrays if their distances change often."""
    pieces: list[tuple[Any, Any]] = []
    rest = np.stack((outputs, inputs))
    while rest.shape[1] and len(pieces) < 4:
        steps = np.diff(rest)
        changes = np.flatnonzero((steps != steps[:, :1]).any(axis=0))
        count = int(changes[0]) + 1 if len(changes) else rest.shape[1]
        pieces.append((_slice_of(rest[0, :count]), _slice_of(rest[1, :count])))
        rest = rest[:, count:]
    return [(outputs, inputs)] if rest.shape[1] else pieces


def _slice_of(places: Array) -> slice:
    """Increasing places at equal distances as a slice."""
    return slice(int(places[0]), int(places[-1]) + 1, int(places[1] - places[0]) if len(places) > 1 else 1)


@functools.lru_cache(maxsize=128)
def _readings(grid: Grid, dtype: np.dtype[Any]) -> tuple[_Reading, ...]:
    """What each output reads. Positions are computed in the precision in which PyTorch computes them, where rounding decides."""
    real: Any = np.float64 if dtype == np.float64 else np.float32
    numbers = np.arange(grid.out).astype(real)
    step = real(grid.step())
    if grid.mode.startswith("nearest"):
        places = numbers * step if grid.mode == "nearest" else (numbers + real(0.5)) * step
        return (_reading(np.minimum(np.floor(places.astype(np.float32)).astype(np.int64), grid.size - 1), None),)
    if grid.antialias:
        return _smooth_readings(grid, (numbers + real(0.5)) * step, max(step, real(1)))
    places = numbers * step if grid.align_corners else (numbers + real(0.5)) * step - real(0.5)
    if grid.mode == "cubic":
        below = np.floor(places)
        indices = [np.clip(below + shift, 0, grid.size - 1).astype(np.int64) for shift in (-1, 0, 1, 2)]
        return tuple(map(_reading, indices, _cubic_weights(places - below)))
    places = np.maximum(places, real(0))
    below = np.minimum(places.astype(np.int64), grid.size - 1)
    above = np.minimum(below + 1, grid.size - 1)
    weight = np.clip(places - below.astype(real), 0, 1).astype(real)
    return (_reading(below, 1 - weight), _reading(above, weight))


def _cubic_weights(t: Array) -> list[Array]:
    """The weights of the elements at -1, 0, 1 and 2 for a position t in [0, 1), by the kernel with slope -3/4 at 1.

    Keys, Cubic convolution interpolation for digital image processing, 1981.
    """
    a = -0.75

    def near(x: Array) -> Array:
        return ((a + 2) * x - (a + 3)) * x * x + 1

    def far(x: Array) -> Array:
        return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a

    return [far(t + 1), near(t), near(1 - t), far(2 - t)]


def _smooth_readings(grid: Grid, centres: Array, width: Any) -> tuple[_Reading, ...]:
    """All elements under a kernel of that width around each centre, weighted so that the weights add up to 1."""
    reach, kernel = (2, _cubic_kernel) if grid.mode == "cubic" else (1, _linear_kernel)
    half = centres.dtype.type(0.5)
    first = np.maximum((centres - reach * width + half).astype(np.int64), 0)
    end = np.minimum((centres + reach * width + half).astype(np.int64), grid.size)
    places = first + np.arange((end - first).max(initial=0))[:, None]
    weights = np.where(places < end, kernel((places - centres + half) / width), 0).astype(centres.dtype)
    weights /= weights.sum(axis=0)
    return tuple(map(_reading, np.minimum(places, grid.size - 1), weights))


def _linear_kernel(x: Array) -> Array:
    return np.maximum(1 - np.abs(x), 0)


def _cubic_kernel(x: Array) -> Array:
    """The kernel with slope -1/2 at 1, Keys 1981, as antialiasing image libraries have it."""
    x = np.abs(x)
    near, far = (1.5 * x - 2.5) * x * x + 1, ((-0.5 * x + 2.5) * x - 4) * x + 2
    return np.where(x < 1, near, np.where(x < 2, far, 0))


def _along(vector: Array, dim: int, x: Array) -> Array:
    """A vector that multiplies x along a dimension; repeated over the later ones, so that the product runs through long lines."""
    later = x.shape[dim + 1 :]
    return vector.repeat(math.prod(later)).reshape((-1, *later)) if later else vector


_FEW = 1024  # elements up to which one call of NumPy beats one for each round
_FEW_READ = 4096  # elements that are read faster by a table


def _taken(x: Array, dim: int, reading: _Reading) -> Array:
    """One element for each output; along the last dim slices are faster than places."""
    if dim < x.ndim - 1 or x.size <= _FEW or is_plain(x) or not all(isinstance(inputs, slice) for _, inputs in reading.rounds):
        return x.take(reading.index, axis=dim)
    out = np.empty((*x.shape[:dim], len(reading.index)), x.dtype)
    for outputs, inputs in reading.rounds:
        out[..., outputs] = x[..., inputs]
    return out


def _read(x: Array, dim: int, reading: _Reading) -> Array:
    """One element for each output, times its weight; float16 becomes float32."""
    part = _taken(x, dim, reading)
    if reading.weight is None:
        return part
    weight = _along(reading.weight, dim, x)
    return np.multiply(part, weight, out=part) if part.dtype == weight.dtype else part * weight


class _Tables(NamedTuple):
    """What each output reads, (terms, *before, *out, *after), where a term is one reading for each dimension; the weights of the terms."""

    reading: Table
    adding: Table  # the transpose
    weights: Array | None  # None: 1


_AT_ONCE = 4  # terms up to which several dimensions at once need no more of them than one dimension after the other


@functools.lru_cache(maxsize=128)
def _tables(shape: Sizes, dim: int, grids: Grids, dtype: np.dtype[Any]) -> _Tables | None:
    """For the shape of an input or an output; None if one after the other is faster, or these are so many elements."""
    before, after = shape[:dim], shape[dim + len(grids) :]
    terms = list(itertools.product(*[_readings(grid, dtype) for grid in grids]))
    sizes, outs = [grid.size for grid in grids], [grid.out for grid in grids]
    count = math.prod([*before, *after]) * max(math.prod(sizes), math.prod(outs)) * len(terms)
    if not 0 < count <= FEW or (len(grids) > 1 and len(terms) > _AT_ONCE):
        return None
    numbers = numbered((*before, *sizes, *after))
    inner = (slice(None),) * dim
    places = np.stack([numbers[(*inner, *np.ix_(*[one.index for one in term]))] for term in terms])
    adds = adding(places, numbers.shape)
    if terms[0][0].weight is None:
        return _Tables(reading(places[0]), adds, None)
    weights = np.stack([functools.reduce(np.multiply, np.ix_(*[one.weight for one in term])) for term in terms])
    return _Tables(reading(places), adds, weights.reshape(len(terms), *(1,) * dim, *outs, *(1,) * len(after)))


def _resampled(x: Array, dim: int, grids: Grids) -> Array:
    """x at the positions of the grids along the dims from `dim` on: at once by a table, or one after the other."""
    tables = None if is_plain(x) else _tables(x.shape, dim, grids, x.dtype)
    if tables is not None and tables.reading.places.size <= _FEW_READ:
        found = tables.reading.read(x, 0)
        return found if tables.weights is None else narrowed(combined(np.add, found * tables.weights), x.dtype)
    if len(grids) > 1:
        for i in reversed(range(len(grids))):
            x = _resampled(x, dim + i, grids[i : i + 1])
        return x
    first, *others = [_read(x, dim, one) for one in _readings(grids[0], x.dtype)]
    for other in others:
        first += other
    return narrowed(first, x.dtype)


def _resampled_back(x: Array, dim: int, grids: Grids) -> Array:
    """The transpose: each element added to what it was read from."""
    wide = widened(x)
    tables = None if is_plain(x) else _tables(x.shape, dim, grids, x.dtype)
    if tables is not None:
        return narrowed(tables.adding.of(wide if tables.weights is None else wide * tables.weights), x.dtype)
    if len(grids) > 1:
        for i in range(len(grids)):
            x = _resampled_back(x, dim + i, grids[i : i + 1])
        return x
    out = filled(wide, (*x.shape[:dim], grids[0].size, *x.shape[dim + 1 :]))
    before = (slice(None),) * dim
    for one in _readings(grids[0], x.dtype):
        part = wide if one.weight is None else wide * _along(one.weight, dim, x)
        if is_plain(x):
            np.add.at(out, (*before, one.index), part)
            continue
        for outputs, inputs in one.rounds:
            out[(*before, inputs)] += part[(*before, outputs)]
    return narrowed(out, x.dtype)


# ---- several dimensions --------------------------------------------------------------------------------------------------


@primitive
def resample(x: Array, *, grids: Grids) -> Array:
    """x at the positions of the grids along its last dimensions."""
    return _resampled(x, x.ndim - len(grids), grids)


@primitive
def resample_back(x: Array, *, grids: Grids) -> Array:
    """The transpose of `resample`: each element added to what it was read from."""
    return _resampled_back(x, x.ndim - len(grids), grids)


resample.vjp(x=lambda g, grids: resample_back.bind(g, grids=grids))
resample_back.vjp(x=lambda g, grids: resample.bind(g, grids=grids))

# ---- interpolate ---------------------------------------------------------------------------------------------------------

_ANY = (1, 2, 3)
_DIMS = {"nearest": _ANY, "nearest-exact": _ANY, "linear": (1,), "bilinear": (2,), "bicubic": (2,), "trilinear": (3,), "area": _ANY}


def _each(given: Any, count: int, name: str, shape: tuple[int, ...]) -> list[Any]:
    """One value for each spatial dimension."""
    if not isinstance(given, (list, tuple)):
        return [given] * count
    if len(given) != count:
        raise ArgumentError(f"interpolate: {name} needs one number, or {count} for an input of shape {shape}, got {len(given)}: {given}")
    return list(given)


def _settled(given: Any, what: str, kind: Callable[[Any], Any]) -> Any:
    """A number as it is, several as a tuple of that kind: what two equal calls have in common."""
    if given is None or type(given) is int or type(given) is float:
        return given
    try:
        return tuple(map(kind, given)) if isinstance(given, (list, tuple)) else kind(given)
    except (TypeError, OverflowError, ValueError):
        raise _no_sizes(f"{what}={given!r}") from None


def _no_sizes(given: str) -> ArgumentTypeError:
    return ArgumentTypeError(f"interpolate: size must be integers, scale_factor finite numbers, got {given}")


def _sizes(shape: tuple[int, ...], size: Any, scale_factor: Any) -> tuple[list[int], list[float | None]]:
    """The size and, if given, the factor of each spatial dimension."""
    count = len(shape) - 2
    if (size is None) == (scale_factor is None):
        raise ArgumentError(f"interpolate: give either size or scale_factor, got size={size} and scale_factor={scale_factor}")
    try:
        if size is not None:
            return [operator.index(n) for n in _each(size, count, "size", shape)], [None] * count
        factors = [float(factor) for factor in _each(scale_factor, count, "scale_factor", shape)]
        return [math.floor(n * factor) for n, factor in zip(shape[2:], factors, strict=True)], list(factors)
    except (TypeError, OverflowError, ValueError) as error:
        if isinstance(error, ArgumentError):
            raise
        raise _no_sizes(f"size={size!r}" if size is not None else f"scale_factor={scale_factor!r}") from None


def _check_mode(shape: tuple[int, ...], mode: str, align_corners: bool | None, antialias: bool) -> None:
    if mode not in _DIMS:
        raise MissingModeError(f"interpolate: mode must be one of {', '.join(_DIMS)}, got {mode!r}")
    if len(shape) - 2 not in _DIMS[mode]:
        wanted = " or ".join(str(n + 2) for n in _DIMS[mode])
        raise MissingRankError(f'interpolate: mode "{mode}" needs an input (n, c, ...) with {wanted} dims, got shape {shape}')
    if align_corners is not None and "linear" not in mode and mode != "bicubic":
        raise ArgumentError(f'interpolate: align_corners is only for the linear and cubic modes, got {align_corners} with "{mode}"')
    if antialias and mode not in ("bilinear", "bicubic"):
        raise ArgumentError(f'interpolate: antialias is for the modes "bilinear" and "bicubic", got {mode!r}')


@functools.lru_cache(maxsize=256, typed=True)
def _grids(
    shape: tuple[int, ...], size: Any, scale_factor: Any, mode: str, align_corners: bool | None, recompute: bool | None, antialias: bool
) -> Grids:  # fmt: skip
    """The grid of each spatial dimension of an input of this shape; for "area", too, which only wants their sizes."""
    _check_mode(shape, mode, align_corners, antialias)
    if recompute and size is not None:
        raise ArgumentError("interpolate: recompute_scale_factor is for scale_factor, not for an explicit size; leave it out")
    outs, factors = _sizes(shape, size, scale_factor)
    if min(outs) < 1 or 0 in shape[1:]:
        raise ShapeError(f"interpolate: sizes must be positive, got {tuple(outs)} for an input of shape {shape}")
    kind = "linear" if "linear" in mode else "cubic" if mode == "bicubic" else mode
    scales = [None] * len(outs) if recompute else factors
    return tuple([Grid(n, out, kind, scale, bool(align_corners), antialias) for n, out, scale in zip(shape[2:], outs, scales, strict=True)])


@typed_errors
def interpolate(
    input: Tensor, size: Any = None, scale_factor: Any = None, mode: str = "nearest", align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None, antialias: bool = False,
) -> Tensor:  # fmt: skip
    """The input at another size, or ⌊size · scale_factor⌋; (n, c, *size) -> (n, c, *out).

    mode "nearest" takes the element before each position, "linear" (1 dim), "bilinear" (2) and "trilinear" (3) the mean of the
    neighbours, weighted by their distance, "bicubic" (2 dims) a cubic through four, "area" the mean over what an output covers.
    Pixels are squares whose outer corners meet, with `align_corners` points of which the first and last ones meet. Positions are
    1 / scale_factor apart, with `recompute_scale_factor` size / out. With `antialias` (bilinear and bicubic) a smaller result is a mean
    over all that it covers.

    >>> tg.nn.functional.interpolate(tg.tensor([[[1.0, 3.0]]]), size=4, mode="linear")
    tensor([[[1.0000, 1.5000, 2.5000, 3.0000]]])
    """
    rank(input, "interpolate")
    size, scale_factor = _settled(size, "size", operator.index), _settled(scale_factor, "scale_factor", float)
    grids = _grids(shape_of(input), size, scale_factor, mode, align_corners, recompute_scale_factor, antialias)
    if mode != "nearest" and mode != "nearest-exact":
        check_float("interpolate", input)
    if mode == "area":
        return adaptive_mean("interpolate", len(grids), input, [grid.out for grid in grids])
    return resample.bind(input, grids=grids)


# ---- pixels and channels -------------------------------------------------------------------------------------------------


def _factor(input: Any, factor: Any, what: str, name: str) -> int:
    if isinstance(factor, bool) or not hasattr(factor, "__index__"):
        raise ArgumentTypeError(f"{what}: {name} must be an integer, got {factor!r}")
    if rank(input, what) < 3:
        raise ShapeError(f"{what}: input must have at least 3 dims, (..., c, h, w), got shape {tuple(input.shape)}")
    if factor < 1:
        raise ArgumentError(f"{what}: {name} must be positive, got {factor}")
    return operator.index(factor)


@primitive(name="shuffle")
def shuffle_p(x: Array, *, apart: Sizes, dims: Sizes, shape: Sizes) -> Array:
    """x taken apart into dimensions, these in another order, joined to a shape; in new memory even if nothing moves."""
    return x.reshape(apart).transpose(dims).copy("C").reshape(shape)


@functools.lru_cache(maxsize=256)
def _permuted(sizes: Sizes, dims: Sizes) -> Sizes:
    return tuple([sizes[i] for i in dims])


shuffle_p.vjp(x=lambda g, x_shape, apart, dims: shuffle_p.bind(g, apart=_permuted(apart, dims), dims=inverse(dims), shape=x_shape))


@typed_errors
def pixel_shuffle(input: Tensor, upscale_factor: int) -> Tensor:
    """Channels become pixels; (..., c · r², h, w) -> (..., c, h · r, w · r).

    Shi et al., Real-time single image and video super-resolution using an efficient sub-pixel convolutional neural network, 2016.

    >>> tg.nn.functional.pixel_shuffle(tg.ones(1, 12, 5, 5), 2).shape
    (1, 3, 10, 10)
    """
    r = _factor(input, upscale_factor, "pixel_shuffle", "upscale_factor")
    apart, dims, shape = _into_space(shape_of(input), r)
    return shuffle_p.bind(input, apart=apart, dims=dims, shape=shape)


@functools.lru_cache(maxsize=256)
def _into_space(shape: Sizes, r: int) -> tuple[Sizes, Sizes, Sizes]:
    """What `shuffle_p` needs to know of pixel_shuffle."""
    *lead, c, h, w = shape
    if c % (r * r):
        raise ShapeError(f"pixel_shuffle: channels must be divisible by {r}² = {r * r}, got {c}\n  input {shape}")
    n, left = len(lead), c // (r * r)
    return (*lead, left, r, r, h, w), (*range(n + 1), n + 3, n + 1, n + 4, n + 2), (*lead, left, h * r, w * r)


@typed_errors
def pixel_unshuffle(input: Tensor, downscale_factor: int) -> Tensor:
    """Pixels become channels; (..., c, h · r, w · r) -> (..., c · r², h, w): the way back of `pixel_shuffle`.

    >>> tg.nn.functional.pixel_unshuffle(tg.ones(1, 3, 10, 10), 2).shape
    (1, 12, 5, 5)
    """
    r = _factor(input, downscale_factor, "pixel_unshuffle", "downscale_factor")
    *lead, c, h, w = input.shape
    if h % r or w % r:
        raise ShapeError(f"pixel_unshuffle: height {h} and width {w} must be divisible by {r}\n  input {tuple(input.shape)}")
    n = len(lead)
    dims = (*range(n + 1), n + 2, n + 4, n + 1, n + 3)
    return shuffle_p.bind(input, apart=(*lead, c, h // r, r, w // r, r), dims=dims, shape=(*lead, c * r * r, h // r, w // r))


@typed_errors
def channel_shuffle(input: Tensor, groups: int) -> Tensor:
    """Channels dealt out anew: channel j of group i becomes channel i of group j; (n, c, ...) -> (n, c, ...).

    Zhang et al., ShuffleNet, 2018.

    >>> tg.nn.functional.channel_shuffle(tg.arange(6.0).reshape(1, 6, 1), 2).flatten()
    tensor([0., 3., 1., 4., 2., 5.])
    """
    groups = _factor(input, groups, "channel_shuffle", "groups")
    n, c, *size = input.shape
    if c % groups:
        raise ShapeError(f"channel_shuffle: {c} channels are not divisible by {groups} groups\n  input {tuple(input.shape)}")
    dims = (0, 2, 1, *range(3, input.ndim + 1))
    return shuffle_p.bind(input, apart=(n, groups, c // groups, *size), dims=dims, shape=(n, c, *size))
