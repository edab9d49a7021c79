"""Images read at any positions: `grid_sample`, and the grid of an affine map."""

from __future__ import annotations

from functools import reduce
from itertools import product
from operator import and_, mul
from typing import TYPE_CHECKING, Any

from ...creation import linspace, ones, tensor
from ...dtypes import int64
from ...engine.refusal import typed_errors
from ...engine.strong_zero import linked
from ...errors import ArgumentError, ShapeError
from ...ops.elementwise import clamp, floor, round
from ...ops.gathering import gather
from ...ops.joining import stack
from ...ops.losses import check_tensors
from ...ops.masking import where
from ...ops.shape import expand, flatten

if TYPE_CHECKING:
    from ...tensor import Tensor

_SHARP = -0.75  # the slope of the cubic kernel, Keys 1981, as in all image libraries


@typed_errors
def grid_sample(
    input: Tensor, grid: Tensor, mode: str = "bilinear", padding_mode: str = "zeros", align_corners: bool | None = None
) -> Tensor:
    """The input at the positions of a grid; (n, c, h, w), (n, i, j, 2) -> (n, c, i, j), or with a depth and (x, y, z) in the grid.

    A position (x, y) is -1 at the left and the top and 1 at the right and the bottom: of the outer pixels' edges, with `align_corners` of
    their centres. mode "bilinear" weights the neighbours by their distance, "nearest" takes the next one and has gradient 0 towards the
    grid, "bicubic" is for images only. Beyond the borders there is 0 ("zeros"), the outer pixel ("border"), or the mirror image
    ("reflection"). Jaderberg et al. 2015, section 3.3.

    >>> image = tg.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
    >>> tg.nn.functional.grid_sample(image, tg.tensor([[[[0.0, 0.0], [-1.0, 1.0]]]]), align_corners=True)
    tensor([[[[2.5000, 3.0000]]]])
    """
    _check(input, grid, mode, padding_mode)
    sizes, corners = input.shape[2:], bool(align_corners)
    places = [_place(grid[..., -1 - i], size, corners) for i, size in enumerate(sizes)]
    if mode == "bicubic":
        return _cubic(input, places, padding_mode, corners)
    places = [_bounded(at, size, padding_mode, corners) for at, size in zip(places, sizes, strict=True)]
    if mode == "nearest":
        return linked(_read(input, [round(at) for at in places]), places[0].unsqueeze(1))  # type: ignore[no-any-return]
    low = [floor(at.detach()) for at in places]
    weights = [(base + 1.0 - at, at - base) for base, at in zip(low, places, strict=True)]
    return _weighted(input, [[base, base + 1.0] for base in low], weights)


def _check(input: Any, grid: Any, mode: str, padding_mode: str) -> None:
    check_tensors("grid_sample", input=input, grid=grid)
    count = input.ndim - 2
    if count not in (2, 3) or grid.ndim != input.ndim or grid.shape[-1] != count or len(grid) != len(input) or 0 in input.shape[2:]:
        raise ShapeError(
            "grid_sample: needs an input (n, c, h, w) with a grid (n, i, j, 2), or (n, c, d, h, w) with (n, i, j, k, 3), got\n"
            f"  input {tuple(input.shape)} · grid {tuple(grid.shape)}"
        )
    if mode not in ("bilinear", "nearest", "bicubic") or (mode == "bicubic" and count == 3):
        raise ArgumentError(
            f'grid_sample: mode must be "bilinear", "nearest", or for images "bicubic", got {mode!r} with {input.ndim} dims'
        )
    if padding_mode not in ("zeros", "border", "reflection"):
        raise ArgumentError(f'grid_sample: padding_mode must be "zeros", "border" or "reflection", got {padding_mode!r}')


def _place(x: Tensor, size: int, corners: bool) -> Tensor:
    """From -1 ... 1 to the numbers of pixels, 0 ... size - 1 for their centres."""
    return (x + 1.0) * ((size - 1) / 2) if corners else ((x + 1.0) * size - 1.0) / 2.0


def _bounded(at: Tensor, size: int, padding_mode: str, corners: bool) -> Tensor:
    """Places beyond the border moved to where they are read; from the border outwards their derivative is 0."""
    if padding_mode == "zeros":
        return at
    if padding_mode == "reflection":
        at = _mirrored(at, 0.0, size - 1.0) if corners else _mirrored(at, -0.5, size - 0.5)
    return where((at > 0) & (at < size - 1), at, clamp(at.detach(), 0, size - 1))


def _mirrored(at: Tensor, low: float, high: float) -> Tensor:
    """There and back between two mirrors."""
    if low == high:
        return at * 0.0
    way = where(at < low, low - at, at - low)
    turns = floor(way.detach() / (high - low))
    rest = way - turns * (high - low)
    return low + where(turns % 2 == 0, rest, high - low - rest)


def _read(input: Tensor, at: list[Tensor]) -> Tensor:
    """The pixels of these numbers, 0 where there is none."""
    sizes = input.shape[2:]
    inside = reduce(and_, [(x >= 0) & (x < size) for x, size in zip(at, sizes, strict=True)])
    index: Any = 0
    for x, size in zip(at, sizes, strict=True):
        index = index * size + where(inside, x.detach(), 0.0).to(int64)
    n, c = input.shape[:2]
    pixels = gather(flatten(input, 2), 2, expand(index.reshape(n, 1, -1), (n, c, -1)))
    return where(inside.unsqueeze(1), pixels.reshape(n, c, *index.shape[1:]), 0.0)


def _weighted(input: Tensor, lines: list[list[Tensor]], weights: Any) -> Tensor:
    """Σ weight · pixel over all crossings of the lines, given for each dimension."""
    total: Any = 0.0
    for chosen in product(range(len(lines[0])), repeat=len(lines)):
        weight = reduce(mul, [weights[i][k] for i, k in enumerate(chosen)])
        total = total + weight.unsqueeze(1) * _read(input, [lines[i][k] for i, k in enumerate(chosen)])
    return total  # type: ignore[no-any-return]


def _cubic(input: Tensor, places: list[Tensor], padding_mode: str, corners: bool) -> Tensor:
    """Four lines of pixels around each place in each dimension, weighted by the cubic kernel; each is bounded by itself."""
    lines, weights = [], []
    for at, size in zip(places, input.shape[2:], strict=True):
        low = floor(at.detach())
        t = at - low
        lines.append([_bounded(low + k, size, padding_mode, corners) for k in (-1.0, 0.0, 1.0, 2.0)])
        weights.append([_outer(t + 1.0), _inner(t), _inner(1.0 - t), _outer(2.0 - t)])
    return _weighted(input, lines, weights)


def _inner(t: Tensor) -> Tensor:
    """The kernel at distances up to 1."""
    return ((_SHARP + 2) * t - (_SHARP + 3)) * t * t + 1.0


def _outer(t: Tensor) -> Tensor:
    """The kernel at distances from 1 to 2."""
    return ((_SHARP * t - 5 * _SHARP) * t + 8 * _SHARP) * t - 4 * _SHARP


@typed_errors
def affine_grid(theta: Tensor, size: Any, align_corners: bool | None = None) -> Tensor:
    """The positions (x, y) = theta (x', y', 1) for all pixels (x', y') of a result of that size, for `grid_sample`.

    theta (n, 2, 3) with size (n, c, h, w) gives (n, h, w, 2); (n, 3, 4) with (n, c, d, h, w) gives (n, d, h, w, 3).

    >>> turn = tg.tensor([[[0.0, -1.0, 0.0], [1.0, 0.0, 0.0]]])
    >>> tg.nn.functional.affine_grid(turn, (1, 1, 1, 2), align_corners=True)
    tensor([[[[ 0., -1.],
              [ 0.,  1.]]]])
    """
    check_tensors("affine_grid", theta=theta)
    count = len(size) - 2
    if count not in (2, 3) or tuple(theta.shape) != (size[0], count, count + 1) or min(size) < 1:
        raise ShapeError(
            "affine_grid: needs theta (n, 2, 3) with a size (n, c, h, w), or (n, 3, 4) with (n, c, d, h, w), got\n"
            f"  theta {tuple(theta.shape)} · size {tuple(size)}"
        )
    shape = tuple(size[2:])
    lines = [_line(length, bool(align_corners), theta.dtype) for length in reversed(shape)]
    spread = [expand(line.reshape([-1, *[1] * i]), shape) for i, line in enumerate(lines)]
    points = stack([*spread, ones(shape, dtype=theta.dtype)], -1)
    return (points.reshape(1, -1, count + 1) @ theta.mT).reshape(size[0], *shape, count)


def _line(length: int, corners: bool, dtype: Any) -> Tensor:
    """The positions of the centres of so many pixels."""
    if length == 1:
        return tensor([0.0], dtype=dtype)
    line = linspace(-1.0, 1.0, length, dtype=dtype)
    return line if corners else line * ((length - 1) / length)
