"""Pooling: the largest or the mean element of each window, by PyTorch's names; (..., *size) -> (..., *out)."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from ..engine.refusal import typed_errors
from ..errors import ArgumentError, DtypeError, ShapeError
from .arguments import shape_of
from .fused import check_float
from .reduction import mean_p
from .window_reductions import Axes, Axis, window_argmax, window_indices, window_max, window_mean
from .windows import Each, Sizes, batched, per_dim, unbatched

if TYPE_CHECKING:
    from ..tensor import Tensor

# ---- reading arguments ---------------------------------------------------------------------------------------------------


def _sliding_axes(what: str, input: Any, count: int, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool) -> Axes:
    if not (type(kernel) is type(padding) is type(dilation) is int):
        kernel = per_dim(kernel, count, what, "kernel_size", 1)
        padding, dilation = per_dim(padding, count, what, "padding", 0), per_dim(dilation, count, what, "dilation", 1)
    if stride is None or (isinstance(stride, (list, tuple)) and not stride):
        stride = kernel
    elif type(stride) is not int:
        stride = per_dim(stride, count, what, "stride", 1)
    return _regular_axes(what, shape_of(input), count, kernel, stride, padding, dilation, bool(ceil_mode))


@functools.lru_cache(maxsize=256)
def _regular_axes(
    what: str, shape: Sizes, count: int, kernel: Each, stride: Each, padding: Each, dilation: Each, ceil_mode: bool
) -> Axes:  # fmt: skip
    """Windows that slide over the last dimensions. Raises unless they fit in."""
    kernels, strides = per_dim(kernel, count, what, "kernel_size", 1), per_dim(stride, count, what, "stride", 1)
    paddings, dilations = per_dim(padding, count, what, "padding", 0), per_dim(dilation, count, what, "dilation", 1)
    _refuse_empty(what, shape)
    axes = []
    for n, k, s, p, d in zip(shape[-count:], kernels, strides, paddings, dilations, strict=True):
        reach = d * (k - 1) + 1
        if p > reach // 2:
            raise ArgumentError(
                f"{what}: padding {p} is more than half of the window, which reaches over {reach}; a window must meet the input"
            )
        free = n + 2 * p - reach
        out = -(-free // s) + 1 if ceil_mode else free // s + 1
        if ceil_mode and (out - 1) * s >= n + p:
            out -= 1  # a window must start inside of the input or the padding before it
        axes.append(Axis(n, out, k, s, p, d))
    if any(axis.out < 1 for axis in axes):
        raise ShapeError(
            f"{what}: the window {kernels} with dilation {dilations} is larger than the input with padding {paddings}\n"
            f"  input {shape}; use a smaller kernel_size, or pad"
        )
    return tuple(axes)


def _refuse_empty(what: str, shape: tuple[int, ...]) -> None:
    if 0 in shape[1:]:
        raise ShapeError(f"{what}: only the batch may be empty, got an input of shape {shape}")


def _adaptive_axes(what: str, input: Any, count: int, output_size: Any) -> Axes:
    """Windows that give the sizes asked for, None for the input's; regular ones where they divide its size."""
    shape = shape_of(input)
    if type(output_size) is int:
        return _adaptive_windows(what, shape, per_dim(output_size, count, what, "output_size", 0))
    wanted = (output_size,) * count if output_size is None else output_size
    if isinstance(wanted, (list, tuple)) and None in wanted and len(wanted) == count:
        wanted = tuple([n if size is None else size for n, size in zip(shape[-count:], wanted, strict=True)])
    return _adaptive_windows(what, shape, per_dim(wanted, count, what, "output_size", 0))


@functools.lru_cache(maxsize=256)
def _adaptive_windows(what: str, shape: tuple[int, ...], wanted: Sizes) -> Axes:
    _refuse_empty(what, shape)
    return tuple(
        [Axis(n, o, n // o, n // o) if o and n and n % o == 0 else Axis(n, o) for n, o in zip(shape[-len(wanted) :], wanted, strict=True)]
    )


@functools.lru_cache(maxsize=256)
def _is_whole(axes: Axes) -> bool:
    """Whether there is one window along each dimension."""
    return all(axis.out == 1 for axis in axes)


def _max_pool(what: str, input: Any, axes: Axes, added: bool, return_indices: bool) -> Any:
    if input.dtype.kind == "b":
        raise DtypeError(f"{what}: not defined for bool tensors; convert with .float() first")
    out = window_max.bind(input, axes=axes)
    if not return_indices:
        return unbatched(out, added)
    indices = window_indices.bind(window_argmax.bind(input, out, axes=axes), axes=axes)
    return unbatched(out, added), unbatched(indices, added)


def sliding_max(what: str, count: int, input: Any, options: tuple[Any, ...], return_indices: bool) -> Any:
    """Maxima of windows over the last `count` dims; options are kernel_size, stride, padding, dilation and ceil_mode."""
    input, added = batched(input, count, what)
    return _max_pool(what, input, _sliding_axes(what, input, count, *options), added, return_indices)


def adaptive_max(what: str, count: int, input: Any, output_size: Any, return_indices: bool) -> Any:
    """Maxima of as many windows as `output_size` says, over the last `count` dims."""
    input, added = batched(input, count, what)
    check_float(what, input)
    return _max_pool(what, input, _adaptive_axes(what, input, count, output_size), added, return_indices)


def sliding_mean(
    what: str, count: int, input: Any, options: tuple[Any, ...], count_include_pad: bool, divisor: Any = None
) -> Tensor:  # fmt: skip
    """Means of windows over the last `count` dims; options as for `sliding_max`."""
    input, added = batched(input, count, what)
    axes = _sliding_axes(what, input, count, *options)
    if input.dtype.kind == "b":
        raise DtypeError(f"{what}: not defined for bool tensors; convert with .float() first")
    if divisor is not None and (isinstance(divisor, bool) or not isinstance(divisor, int) or divisor == 0):
        raise ArgumentError(f"{what}: divisor_override must be an integer other than 0, got {divisor!r}")
    return unbatched(window_mean.bind(input, axes=axes, padded=bool(count_include_pad), divisor=divisor), added)


def adaptive_mean(what: str, count: int, input: Any, output_size: Any) -> Tensor:
    """Means of as many windows as `output_size` says, over the last `count` dims."""
    input, added = batched(input, count, what)
    check_float(what, input)
    axes = _adaptive_axes(what, input, count, output_size)
    if _is_whole(axes):
        return unbatched(mean_p.bind(input, dim=tuple(range(2, 2 + count)), keepdim=True), added)
    return unbatched(window_mean.bind(input, axes=axes, padded=False, divisor=None), added)


# ---- the functions -------------------------------------------------------------------------------------------------------


@typed_errors
def max_pool1d(
    input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
    ceil_mode: bool = False, return_indices: bool = False,
) -> Any:  # fmt: skip
    """The largest of `kernel_size` elements, every `stride` (None: kernel_size); (n, c, l) -> (n, c, out). Padding never wins.

    out = (l + 2 · padding - dilation · (kernel_size - 1) - 1) / stride + 1, rounded down, or up with `ceil_mode`. The gradient
    goes to the first of equal elements. With `return_indices` also the places of the elements in the input, as int64.

    >>> tg.nn.functional.max_pool1d(tg.tensor([[1.0, 3.0, 5.0, 9.0]]), 2)
    tensor([[3., 9.]])
    """
    return sliding_max("max_pool1d", 1, input, (kernel_size, stride, padding, dilation, ceil_mode), return_indices)


@typed_errors
def max_pool2d(
    input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
    ceil_mode: bool = False, return_indices: bool = False,
) -> Any:  # fmt: skip
    """`max_pool1d` over two dimensions; (n, c, h, w) -> (n, c, out_h, out_w). Indices count through the flattened (h, w).

    >>> tg.nn.functional.max_pool2d(tg.ones(1, 3, 8, 6), 2).shape
    (1, 3, 4, 3)
    """
    return sliding_max("max_pool2d", 2, input, (kernel_size, stride, padding, dilation, ceil_mode), return_indices)


@typed_errors
def avg_pool1d(
    input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False, count_include_pad: bool = True
) -> Tensor:  # fmt: skip
    """The mean of `kernel_size` elements, every `stride` (None: kernel_size); (n, c, l) -> (n, c, out). Padding counts as zeros.

    Without `count_include_pad` only elements of the input are counted.

    >>> tg.nn.functional.avg_pool1d(tg.tensor([[1.0, 3.0, 5.0, 9.0]]), 2)
    tensor([[2., 7.]])
    """
    return sliding_mean("avg_pool1d", 1, input, (kernel_size, stride, padding, 1, ceil_mode), count_include_pad)


@typed_errors
def avg_pool2d(
    input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
    count_include_pad: bool = True, divisor_override: int | None = None,
) -> Tensor:  # fmt: skip
    """`avg_pool1d` over two dimensions; (n, c, h, w) -> (n, c, out_h, out_w). `divisor_override` is used instead of the count.

    >>> tg.nn.functional.avg_pool2d(tg.ones(1, 3, 8, 6), 2).shape
    (1, 3, 4, 3)
    """
    return sliding_mean("avg_pool2d", 2, input, (kernel_size, stride, padding, 1, ceil_mode), count_include_pad, divisor_override)


@typed_errors
def adaptive_avg_pool1d(input: Tensor, output_size: Any) -> Tensor:
    """Means of windows from ⌊i · l / out⌋ to ⌈(i + 1) · l / out⌉; (n, c, l) -> (n, c, out).

    >>> tg.nn.functional.adaptive_avg_pool1d(tg.tensor([[1.0, 3.0, 5.0]]), 2)
    tensor([[2., 4.]])
    """
    return adaptive_mean("adaptive_avg_pool1d", 1, input, output_size)


@typed_errors
def adaptive_avg_pool2d(input: Tensor, output_size: Any) -> Tensor:
    """`adaptive_avg_pool1d` over two dimensions; (n, c, h, w) -> (n, c, out_h, out_w). None keeps a size.

    >>> tg.nn.functional.adaptive_avg_pool2d(tg.ones(1, 3, 7, 5), (2, None)).shape
    (1, 3, 2, 5)
    """
    return adaptive_mean("adaptive_avg_pool2d", 2, input, output_size)


@typed_errors
def adaptive_max_pool1d(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
    """The largest elements of windows from ⌊i · l / out⌋ to ⌈(i + 1) · l / out⌉; (n, c, l) -> (n, c, out).

    >>> tg.nn.functional.adaptive_max_pool1d(tg.tensor([[1.0, 3.0, 5.0]]), 2)
    tensor([[3., 5.]])
    """
    return adaptive_max("adaptive_max_pool1d", 1, input, output_size, return_indices)


@typed_errors
def adaptive_max_pool2d(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
    """`adaptive_max_pool1d` over two dimensions; (n, c, h, w) -> (n, c, out_h, out_w). None keeps a size.

    >>> tg.nn.functional.adaptive_max_pool2d(tg.ones(1, 3, 7, 5), (2, None)).shape
    (1, 3, 2, 5)
    """
    return adaptive_max("adaptive_max_pool2d", 2, input, output_size, return_indices)
