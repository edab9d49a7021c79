"""Convolutions: one bilinear form of an input, a weight and an output, in its three directions.

`convolution` gives the output, `convolution_input` the input's cotangent (which is the transposed convolution) and
`convolution_weight` the weight's. Each is linear in both of its arguments and the other two are its rules, so that all
orders of derivatives are these three. Each is one matrix product per part of the batch with the columns of `Layout`.

Shapes: input (n, c, *size), weight (m, c / groups, *kernel), output (n, m, *out).
"""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ..engine.mutation import Array
from ..engine.node import array_of
from ..engine.plain import filled, is_finite, room
from ..engine.primitive import primitive
from ..engine.refusal import no_tensor, typed_errors
from ..errors import ArgumentError, ShapeError
from .arguments import shape_of
from .fused import check_float
from .linalg import check_dtypes
from .normalization import channel_sum
from .reduction import in_rows, narrowed, widened
from .windows import Each, Layout, Pairs, Sizes, batched, few_columns, layout, per_dim, plain_columns, plain_fold, unbatched

if TYPE_CHECKING:
    from ..tensor import Tensor

_COLUMNS = 1 << 19  # elements of columns that a compiled way back holds at once
_HALF, _SINGLE = np.dtype(np.float16), np.dtype(np.float32)

# ---- the three directions ------------------------------------------------------------------------------------------------


def _groups(x: Array, groups: int) -> Array:
    """Matrices of several groups, one below the other, each by itself: (g · n, k) -> (g, n, k)."""
    return x.reshape(groups, len(x) // groups, x.shape[1])


def _product(x: Array, y: Array, groups: int) -> Array:
    """x @ y in each group, all of them one below the other: (g · n, k), (g · k, m) -> (g · n, m)."""
    return x.dot(y) if groups == 1 else _batched(_groups(x, groups), _groups(y, groups))


def _turned_product(x: Array, y: Array, groups: int) -> Array:
    """x.mT @ y in each group: (g · k, n), (g · k, m) -> (g · n, m)."""
    return x.T.dot(y) if groups == 1 else _batched(_groups(x, groups).swapaxes(1, 2), _groups(y, groups))


def _outer_sums(x: Array, y: Array, groups: int) -> Array:
    """x @ y.mT in each group: (g · n, k), (g · m, k) -> (g · n, m). BLAS takes half the time if the matrix with more rows comes first."""
    if groups == 1:
        return y.dot(x.T).T if len(x) < len(y) else x.dot(y.T)
    return _batched(_groups(x, groups), _groups(y, groups).swapaxes(1, 2))


def _batched(x: Array, y: Array) -> Array:
    """(g, n, k) @ (g, k, m) -> (g · n, m)."""
    products = x * y if x.shape[2] == 1 else np.matmul(x, y)
    return products.reshape(-1, y.shape[2])


def _matrix(weight: Array) -> Array:
    """(m, c / groups, *kernel) -> (m, c / groups · kernel)."""
    return widened(weight).reshape(len(weight), -1)


def _apply(x: Array, w: Array, bias: Array | None, stride: Sizes, padding: Pairs, dilation: Sizes, groups: int) -> Array:
    matrix = _matrix(w)
    few = few_columns(x.shape, w.shape[2:], stride, padding, dilation)
    if few is not None:
        rows = _product(matrix, few.columns(widened(x)), groups)
        if bias is not None:
            rows += bias.reshape((-1, 1))
        return narrowed(few.images(rows), x.dtype)
    plan = layout(x.shape[2:], w.shape[2:], stride, padding, dilation)
    out = room(x, (x.shape[0], w.shape[0], *plan.out))
    offset = None if bias is None else bias.reshape(plan.per_channel)
    for part in plan.parts(len(x), x.shape[1], matrix.itemsize):
        result = plan.crop(_product(matrix, plan.columns(widened(x[part])), groups))
        if offset is None:
            out[part] = result
        else:
            np.add(result, offset, out=out[part], casting="same_kind")
    return out


@primitive
def convolution(input: Array, weight: Array, *, stride: Sizes, padding: Pairs, dilation: Sizes, groups: int) -> Array:
    """y[n, m, o] = Σ w[m, c, k] · x[n, c, o · stride + k · dilation - padding]."""
    return _apply(input, weight, None, stride, padding, dilation, groups)


@primitive
def convolution_biased(
    input: Array, weight: Array, bias: Array, *, stride: Sizes, padding: Pairs, dilation: Sizes, groups: int
) -> Array:  # fmt: skip
    """`convolution` plus a number for each output channel."""
    return _apply(input, weight, bias, stride, padding, dilation, groups)


@primitive
def convolution_input(
    output: Array, weight: Array, *, size: Sizes, stride: Sizes, padding: Pairs, dilation: Sizes, groups: int
) -> Array:  # fmt: skip
    """x[n, c, o · stride + k · dilation - padding] = Σ w[m, c, k] · y[n, m, o]; `size` is that of x's last dims."""
    matrix = _matrix(weight)
    channels = weight.shape[1] * groups
    shape = (len(output), channels, *size)
    few = few_columns(shape, weight.shape[2:], stride, padding, dilation)
    if few is not None:
        return narrowed(few.added(_turned_product(matrix, few.rows(widened(output)), groups)), output.dtype)
    plan = layout(size, weight.shape[2:], stride, padding, dilation)
    out = room(output, shape)
    for part in plan.parts(len(output), channels, matrix.itemsize):
        plan.add_columns(_turned_product(matrix, plan.spread(widened(output[part])), groups), out[part])
    if not is_finite(out):  # a weight may be infinite: see `Layout._wipe`
        for part in plan.parts(len(output), channels, matrix.itemsize):
            plan.add_columns(_turned_product(matrix, plan.spread(widened(output[part])), groups), out[part], clean=True)
    return out


@primitive
def convolution_transposed(
    input: Array, weight: Array, bias: Array, *, size: Sizes, stride: Sizes, padding: Pairs, dilation: Sizes, groups: int
) -> Array:  # fmt: skip
    """`convolution_input` plus a number for each channel."""
    out = convolution_input.forward(input, weight, size=size, stride=stride, padding=padding, dilation=dilation, groups=groups)
    out += bias.reshape((-1, *(1,) * len(size)))
    return out


@primitive
def convolution_weight(
    input: Array, output: Array, *, kernel: Sizes, stride: Sizes, padding: Pairs, dilation: Sizes, groups: int
) -> Array:  # fmt: skip
    """w[m, c, k] = Σ y[n, m, o] · x[n, c, o · stride + k · dilation - padding]."""
    shape = (output.shape[1], input.shape[1] // groups, *kernel)
    few = few_columns(input.shape, kernel, stride, padding, dilation)
    if few is not None:
        sums = _outer_sums(few.rows(widened(output)), few.columns(widened(input)), groups)
        return narrowed(in_rows(sums).reshape(shape), input.dtype)
    plan = layout(input.shape[2:], kernel, stride, padding, dilation)
    total = _weight(plan, input, output, groups, False)
    if not is_finite(total):
        total = _weight(plan, input, output, groups, True)
    return total.reshape(shape).astype(input.dtype, copy=False)


def _weight(plan: Layout, input: Array, output: Array, groups: int, clean: bool) -> Array:
    """The sum over all parts of the batch, as a matrix (m, c / groups · kernel)."""
    dtype = _SINGLE if input.dtype == _HALF else input.dtype
    total = filled(input, (output.shape[1], input.shape[1] // groups * plan.elements), 0, dtype)
    for part in plan.parts(len(input), input.shape[1], dtype.itemsize, 1 << 19):  # long sums over large columns take twice as long
        columns = plan.columns(widened(input[part]), clean)
        total += _outer_sums(plan.spread(widened(output[part])), columns, groups)
    return total


# ---- their plain forms ---------------------------------------------------------------------------------------------------


def _plain_groups(x: Array, groups: int, dim: int) -> Array:
    """The dim, a multiple of `groups`, in two: (groups, rest); unchanged for one group."""
    return x if groups == 1 else x.reshape((*x.shape[:dim], groups, x.shape[dim] // groups, *x.shape[dim + 1 :]))


def _plain_matrix(weight: Array, groups: int) -> Array:
    """(m, c / groups, *kernel) -> (m, k), or (groups, m / groups, k)."""
    return _plain_groups(widened(weight).reshape((len(weight), math.prod(weight.shape[1:]))), groups, 0)


def _plain_columns(input: Array, kernel: Sizes, stride: Sizes, padding: Pairs, dilation: Sizes, groups: int) -> Array:
    return _plain_groups(plain_columns(widened(input), kernel, stride, padding, dilation), groups, 1)


def _plain_convolution(
    input: Array, weight: Array, *, stride: Sizes, padding: Pairs, dilation: Sizes, groups: int
) -> Array:  # fmt: skip
    kernel = weight.shape[2:]
    out = layout(input.shape[2:], kernel, stride, padding, dilation).out
    product = np.matmul(_plain_matrix(weight, groups), _plain_columns(input, kernel, stride, padding, dilation, groups))
    return product.reshape((len(input), len(weight), *out)).astype(input.dtype, copy=False)


def _plain_biased(
    input: Array, weight: Array, bias: Array, *, stride: Sizes, padding: Pairs, dilation: Sizes, groups: int
) -> Array:  # fmt: skip
    out = _plain_convolution(input, weight, stride=stride, padding=padding, dilation=dilation, groups=groups)
    return out + bias.reshape((-1, *(1,) * len(stride)))


def _plain_input(
    output: Array, weight: Array, *, size: Sizes, stride: Sizes, padding: Pairs, dilation: Sizes, groups: int
) -> Array:  # fmt: skip
    """Some samples after the other, so that of the columns, the largest array of a step, not all are held at once."""
    n, kernel, lines = len(output), weight.shape[2:], math.prod(output.shape[2:])
    matrix, rows = _plain_matrix(weight, groups).swapaxes(-1, -2), groups * math.prod(weight.shape[1:])
    pieces = max(-(-n * rows * lines // _COLUMNS), 1)
    count, made = max(-(-n // pieces), 1), []
    for start in range(0, max(n, 1), count):
        y = widened(output if pieces == 1 else output[start : start + count])
        columns = np.matmul(matrix, _plain_groups(y.reshape((*y.shape[:2], lines)), groups, 1))
        made.append(plain_fold(columns.reshape((len(y), rows, lines)), size, kernel, stride, padding, dilation))
    return (np.concatenate(made) if len(made) > 1 else made[0]).astype(output.dtype, copy=False)


def _plain_weight(
    input: Array, output: Array, *, kernel: Sizes, stride: Sizes, padding: Pairs, dilation: Sizes, groups: int
) -> Array:  # fmt: skip
    y = _plain_groups(widened(output).reshape((*output.shape[:2], math.prod(output.shape[2:]))), groups, 1)
    columns = _plain_columns(input, kernel, stride, padding, dilation, groups)
    total = np.add.reduce(np.matmul(y, columns.swapaxes(-1, -2)), axis=0)
    return total.reshape((output.shape[1], input.shape[1] // groups, *kernel)).astype(input.dtype, copy=False)


def _plain_transposed(
    input: Array, weight: Array, bias: Array, *, size: Sizes, stride: Sizes, padding: Pairs, dilation: Sizes, groups: int
) -> Array:  # fmt: skip
    out = _plain_input(input, weight, size=size, stride=stride, padding=padding, dilation=dilation, groups=groups)
    return out + bias.reshape((-1, *(1,) * len(size)))


convolution_transposed.plain = _plain_transposed
convolution.plain, convolution_biased.plain = _plain_convolution, _plain_biased
convolution_input.plain, convolution_weight.plain = _plain_input, _plain_weight


def _to_input(
    g: Any, weight: Any, input_shape: Sizes, stride: Sizes, padding: Pairs, dilation: Sizes, groups: int
) -> Any:  # fmt: skip
    return convolution_input.bind(g, weight, size=input_shape[2:], stride=stride, padding=padding, dilation=dilation, groups=groups)


def _to_weight(
    g: Any, input: Any, weight_shape: Sizes, stride: Sizes, padding: Pairs, dilation: Sizes, groups: int
) -> Any:  # fmt: skip
    return convolution_weight.bind(input, g, kernel=weight_shape[2:], stride=stride, padding=padding, dilation=dilation, groups=groups)


convolution.vjp(input=_to_input, weight=_to_weight)
convolution_biased.vjp(input=_to_input, weight=_to_weight, bias=lambda g: channel_sum(g))


def _from_output(
    g: Any, weight: Any, stride: Sizes, padding: Pairs, dilation: Sizes, groups: int
) -> Any:  # fmt: skip
    return convolution.bind(g, weight, stride=stride, padding=padding, dilation=dilation, groups=groups)


convolution_input.vjp(
    output=_from_output,
    weight=lambda g, output, weight_shape, stride, padding, dilation, groups: convolution_weight.bind(
        g, output, kernel=weight_shape[2:], stride=stride, padding=padding, dilation=dilation, groups=groups
    ),
)
convolution_transposed.vjp(
    input=_from_output,
    weight=lambda g, input, weight_shape, stride, padding, dilation, groups: convolution_weight.bind(
        g, input, kernel=weight_shape[2:], stride=stride, padding=padding, dilation=dilation, groups=groups
    ),
    bias=lambda g: channel_sum(g),
)
convolution_weight.vjp(
    input=lambda g, output, input_shape, stride, padding, dilation, groups: convolution_input.bind(
        output, g, size=input_shape[2:], stride=stride, padding=padding, dilation=dilation, groups=groups
    ),
    output=lambda g, input, stride, padding, dilation, groups: convolution.bind(
        input, g, stride=stride, padding=padding, dilation=dilation, groups=groups
    ),
)

# ---- the windows themselves ----------------------------------------------------------------------------------------------


@primitive(name="unfold")
def unfold_p(x: Array, *, kernel: Sizes, stride: Sizes, padding: Pairs, dilation: Sizes) -> Array:
    """(n, c, *size) -> (n, c · kernel, windows)."""
    few = few_columns(x.shape, kernel, stride, padding, dilation)
    if few is not None:
        return few.unfolding.read(x, 0)
    plan = layout(x.shape[2:], kernel, stride, padding, dilation)
    out = np.empty((len(x), x.shape[1] * math.prod(kernel), *plan.out), x.dtype)
    for part in plan.parts(len(x), x.shape[1], x.itemsize):
        out[part] = plan.crop(plan.columns(x[part]))
    return out.reshape(*out.shape[:2], math.prod(plan.out))


@primitive(name="fold")
def fold_p(x: Array, *, size: Sizes, kernel: Sizes, stride: Sizes, padding: Pairs, dilation: Sizes) -> Array:
    """(n, c · kernel, windows) -> (n, c, *size), the transpose of `unfold_p`."""
    channels = x.shape[1] // math.prod(kernel)
    shape = (len(x), channels, *size)
    few = few_columns(shape, kernel, stride, padding, dilation)
    if few is not None:
        return narrowed(few.folding.of(widened(x)), x.dtype)
    plan = layout(size, kernel, stride, padding, dilation)
    out = np.empty(shape, x.dtype)
    for part in plan.parts(len(x), channels, 4 if x.dtype == _HALF else x.itemsize):
        plan.add_columns(plan.spread(widened(x[part]).reshape(-1, x.shape[1], *plan.out)), out[part])
    return out


unfold_p.plain = plain_columns
fold_p.plain = plain_fold
unfold_p.vjp(
    x=lambda g, x_shape, kernel, stride, padding, dilation: fold_p.bind(
        g, size=x_shape[2:], kernel=kernel, stride=stride, padding=padding, dilation=dilation
    )
)
fold_p.vjp(
    x=lambda g, kernel, stride, padding, dilation: unfold_p.bind(g, kernel=kernel, stride=stride, padding=padding, dilation=dilation)
)

# ---- reading arguments ---------------------------------------------------------------------------------------------------


def _arrays(what: str, input: Any, weight: Any, bias: Any) -> tuple[Array, Array, Array | None]:
    """The arrays of the tensors. Raises unless weight and bias are tensors of the input's dtype."""
    x, w, b = array_of(input), array_of(weight), array_of(bias)
    if not hasattr(w, "shape"):
        raise no_tensor(f"{what}: weight must be a tensor", w)
    if b is not None and not hasattr(b, "shape"):
        raise no_tensor(f"{what}: bias must be a tensor", b)
    dtype = x.dtype
    if dtype.kind == "b" or w.dtype is not dtype or (b is not None and b.dtype is not dtype):
        check_dtypes(what, input=input, weight=weight, bias=bias)
    return x, w, b


def _check_shapes(what: str, input: Sizes, weight: Sizes, bias: Sizes | None, groups: int, transposed: bool) -> None:
    """Raise unless tensors of these shapes fit each other."""
    if isinstance(groups, bool) or not isinstance(groups, int) or groups < 1:
        raise ArgumentError(f"{what}: groups must be a positive integer, got {groups!r}")
    shapes = f"\n  input {input} · weight {weight}"
    wanted = f"(in_channels, out_channels / {groups}, ...)" if transposed else f"(out_channels, in_channels / {groups}, ...)"
    if len(weight) != len(input):
        raise ShapeError(f"{what}: weight must have {len(input)} dims, {wanted}, got {len(weight)}{shapes}")
    if 0 in weight[2:] or not weight[0]:
        raise ShapeError(f"{what}: weight must be {wanted} with at least one channel and kernel element{shapes}")
    if weight[0] % groups:
        raise ShapeError(f"{what}: the first size of weight, {weight[0]}, must be divisible by groups={groups}{shapes}")
    channels = weight[0] if transposed else weight[1] * groups
    if input[1] != channels:
        raise ShapeError(
            f"{what}: input has {input[1]} channels, weight {wanted} expects {channels}{shapes}\n"
            "  channels are the dimension after the batch; use movedim if they are last"
        )
    produced = weight[1] * groups if transposed else weight[0]
    if bias is not None and bias != (produced,):
        raise ShapeError(f"{what}: bias must have one number per output channel, shape ({produced},), got {bias}{shapes}")


def _pairs(what: str, padding: Sizes | str, kernel: Sizes, stride: Sizes, dilation: Sizes) -> Pairs:
    """Padding before and after each dimension; "same" keeps the size, with the odd element after."""
    if not isinstance(padding, str):
        return tuple([(p, p) for p in padding])
    if padding not in ("same", "valid"):
        raise ArgumentError(f'{what}: padding must be integers, "same" or "valid", got {padding!r}')
    if padding == "valid":
        return ((0, 0),) * len(kernel)
    if max(stride) > 1:
        raise ArgumentError(f'{what}: padding="same" needs stride 1, got {stride}; say the padding in numbers')
    totals = [d * (k - 1) for k, d in zip(kernel, dilation, strict=True)]
    return tuple([(total // 2, total - total // 2) for total in totals])


def _convolve(
    what: str, spatial: int, input: Any, weight: Any, bias: Any, stride: Any, padding: Any, dilation: Any, groups: int
) -> Tensor:  # fmt: skip
    input, added = batched(input, spatial, what)
    x, w, b = _arrays(what, input, weight, bias)
    if not (type(stride) is type(padding) is type(dilation) is int):
        stride, dilation = per_dim(stride, spatial, what, "stride", 1), per_dim(dilation, spatial, what, "dilation", 1)
        padding = padding if isinstance(padding, str) else per_dim(padding, spatial, what, "padding", 0)
    params = _keywords(what, x.shape, w.shape, None if b is None else b.shape, stride, padding, dilation, groups)
    if bias is None:
        return unbatched(convolution.bind(input, weight, **params), added)
    return unbatched(convolution_biased.bind(input, weight, bias, **params), added)


@functools.lru_cache(maxsize=256, typed=True)
def _keywords(
    what: str, input: Sizes, weight: Sizes, bias: Sizes | None, stride: Each, padding: Each | str, dilation: Each, groups: int
) -> dict[str, Any]:  # fmt: skip
    """The keywords of `convolution` for tensors of these shapes. Raises unless they fit each other."""
    spatial = len(input) - 2
    stride, dilation = per_dim(stride, spatial, what, "stride", 1), per_dim(dilation, spatial, what, "dilation", 1)
    padding = padding if isinstance(padding, str) else per_dim(padding, spatial, what, "padding", 0)
    _check_shapes(what, input, weight, bias, groups, False)
    pairs = _pairs(what, padding, weight[2:], stride, dilation)
    _check_reach(what, input, weight, stride, pairs, dilation)
    return {"stride": stride, "padding": pairs, "dilation": dilation, "groups": groups}


def _check_reach(what: str, input: Sizes, weight: Sizes, stride: Sizes, pairs: Pairs, dilation: Sizes) -> None:
    """Raise unless the kernel lies inside of the padded input, for these shapes."""
    kernel = weight[2:]
    padded = tuple([n + low + high for n, (low, high) in zip(input[2:], pairs, strict=True)])
    reach = tuple([d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)])
    if any(r > n for r, n in zip(reach, padded, strict=True)) or 0 in input[2:]:
        raise ShapeError(
            f"{what}: the kernel {kernel} with dilation {dilation} reaches over {reach} elements, the padded input has {padded}\n"
            f"  input {input} · weight {weight}\n  pad more, or use a smaller kernel"
        )


def _convolve_transposed(
    what: str, spatial: int, input: Any, weight: Any, bias: Any, stride: Any, padding: Any, output_padding: Any, groups: int, dilation: Any
) -> Tensor:  # fmt: skip
    input, added = batched(input, spatial, what)
    x, w, b = _arrays(what, input, weight, bias)
    stride, dilation = per_dim(stride, spatial, what, "stride", 1), per_dim(dilation, spatial, what, "dilation", 1)
    pads, extra = per_dim(padding, spatial, what, "padding", 0), per_dim(output_padding, spatial, what, "output_padding", 0)
    params = _transposed_keywords(what, x.shape, w.shape, None if b is None else b.shape, stride, pads, extra, dilation, groups)
    if bias is None:
        return unbatched(convolution_input.bind(input, weight, **params), added)
    return unbatched(convolution_transposed.bind(input, weight, bias, **params), added)


@functools.lru_cache(maxsize=256, typed=True)
def _transposed_keywords(
    what: str, input: Sizes, weight: Sizes, bias: Sizes | None, stride: Sizes, pads: Sizes, extra: Sizes, dilation: Sizes, groups: int
) -> dict[str, Any]:  # fmt: skip
    """The keywords of `convolution_input` for tensors of these shapes. Raises unless they fit each other."""
    _check_shapes(what, input, weight, bias, groups, True)
    size, pairs = _transposed_sizes(what, input, weight, stride, pads, extra, dilation)
    return {"size": size, "stride": stride, "padding": pairs, "dilation": dilation, "groups": groups}


def _transposed_sizes(
    what: str, input: Sizes, weight: Sizes, stride: Sizes, pads: Sizes, extra: Sizes, dilation: Sizes
) -> tuple[Sizes, Pairs]:  # fmt: skip
    """The size of the output, and the padding of the convolution that it is the input of, for these shapes. Raises if there is none."""
    if any(e >= max(s, d) for e, s, d in zip(extra, stride, dilation, strict=True)):
        raise ArgumentError(f"{what}: output_padding {extra} must be smaller than stride {stride} or dilation {dilation}")
    reach = [d * (k - 1) + 1 for k, d in zip(weight[2:], dilation, strict=True)]
    size = tuple([(n - 1) * s - 2 * p + r + e for n, s, p, r, e in zip(input[2:], stride, pads, reach, extra, strict=True)])
    if min(size) < 1 or 0 in input[2:]:
        shapes = f"\n  input {input} · weight {weight}"
        raise ShapeError(f"{what}: the output would have the size {size}; use less padding, or a larger input{shapes}")
    return size, tuple([(p, p - e) for p, e in zip(pads, extra, strict=True)])  # what is added to the output must not add a window


def _blocks(what: str, size: Sizes, kernel_size: Any, dilation: Any, padding: Any, stride: Any) -> tuple[dict[str, Any], Sizes]:
    """The keywords of the primitives for an image of this size, and how many windows lie along its dims."""
    kernel, strides = per_dim(kernel_size, 2, what, "kernel_size", 1), per_dim(stride, 2, what, "stride", 1)
    dilations, pads = per_dim(dilation, 2, what, "dilation", 1), per_dim(padding, 2, what, "padding", 0)
    return _block_keywords(what, size, kernel, strides, dilations, pads)


@functools.lru_cache(maxsize=256)
def _block_keywords(
    what: str, size: Sizes, kernel: Sizes, stride: Sizes, dilation: Sizes, pads: Sizes
) -> tuple[dict[str, Any], Sizes]:  # fmt: skip
    counts = tuple([(n + 2 * p - d * (k - 1) - 1) // s + 1 for n, p, d, k, s in zip(size, pads, dilation, kernel, stride, strict=True)])
    if min(counts) < 1:
        raise ShapeError(f"{what}: the window {kernel} with dilation {dilation} is larger than {size} with padding {pads}; pad more")
    return {"kernel": kernel, "stride": stride, "padding": tuple([(p, p) for p in pads]), "dilation": dilation}, counts


# ---- the functions -------------------------------------------------------------------------------------------------------


@typed_errors
def conv1d(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
) -> Tensor:  # fmt: skip
    """Σ w[m, c, k] · x[n, c, o · stride + k · dilation - padding] + b[m]; (n, c, l), (m, c / groups, k), (m,) -> (n, m, out).

    out = (l + 2 · padding - dilation · (k - 1) - 1) // stride + 1. `padding` may be "valid" (none) or "same" (out = l).
    An input (c, l) gives (m, out). Raises ShapeError if the shapes do not fit, DtypeError if the dtypes differ.

    >>> x, w = tg.tensor([[[1.0, 2.0, 4.0, 8.0]]]), tg.tensor([[[-1.0, 1.0]]])
    >>> tg.nn.functional.conv1d(x, w)
    tensor([[[1., 2., 4.]]])
    """
    return _convolve("conv1d", 1, input, weight, bias, stride, padding, dilation, groups)


@typed_errors
def conv2d(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
) -> Tensor:  # fmt: skip
    """`conv1d` over two dimensions; (n, c, h, w), (m, c / groups, kh, kw), (m,) -> (n, m, out_h, out_w).

    stride, padding and dilation are one integer, or a pair. An input (c, h, w) gives (m, out_h, out_w).

    >>> tg.nn.functional.conv2d(tg.ones(1, 3, 8, 8), tg.ones(5, 3, 3, 3), padding=1, stride=2).shape
    (1, 5, 4, 4)
    """
    return _convolve("conv2d", 2, input, weight, bias, stride, padding, dilation, groups)


@typed_errors
def conv3d(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
) -> Tensor:  # fmt: skip
    """`conv1d` over three dimensions; (n, c, d, h, w), (m, c / groups, kd, kh, kw), (m,) -> (n, m, out_d, out_h, out_w).

    >>> tg.nn.functional.conv3d(tg.ones(1, 2, 4, 5, 6), tg.ones(3, 2, 3, 3, 3)).shape
    (1, 3, 2, 3, 4)
    """
    return _convolve("conv3d", 3, input, weight, bias, stride, padding, dilation, groups)


@typed_errors
def conv_transpose1d(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0,
    output_padding: Any = 0, groups: int = 1, dilation: Any = 1,
) -> Tensor:  # fmt: skip
    """The transpose of `conv1d` as a linear map, plus b[m]; (n, c, l), (c, m / groups, k), (m,) -> (n, m, out).

    out = (l - 1) · stride - 2 · padding + dilation · (k - 1) + output_padding + 1. An input (c, l) gives (m, out).

    >>> x, w = tg.tensor([[[1.0, 2.0]]]), tg.tensor([[[1.0, 10.0]]])
    >>> tg.nn.functional.conv_transpose1d(x, w)
    tensor([[[ 1., 12., 20.]]])
    """
    return _convolve_transposed("conv_transpose1d", 1, input, weight, bias, stride, padding, output_padding, groups, dilation)


@typed_errors
def conv_transpose2d(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0,
    output_padding: Any = 0, groups: int = 1, dilation: Any = 1,
) -> Tensor:  # fmt: skip
    """`conv_transpose1d` over two dimensions; (n, c, h, w), (c, m / groups, kh, kw), (m,) -> (n, m, out_h, out_w).

    >>> tg.nn.functional.conv_transpose2d(tg.ones(1, 5, 4, 4), tg.ones(5, 3, 2, 2), stride=2).shape
    (1, 3, 8, 8)
    """
    return _convolve_transposed("conv_transpose2d", 2, input, weight, bias, stride, padding, output_padding, groups, dilation)


@typed_errors
def conv_transpose3d(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0,
    output_padding: Any = 0, groups: int = 1, dilation: Any = 1,
) -> Tensor:  # fmt: skip
    """`conv_transpose1d` over three dimensions; (n, c, d, h, w), (c, m / groups, kd, kh, kw), (m,) -> (n, m, out_d, out_h, out_w).

    >>> tg.nn.functional.conv_transpose3d(tg.ones(1, 2, 2, 3, 4), tg.ones(2, 3, 2, 2, 2), stride=2).shape
    (1, 3, 4, 6, 8)
    """
    return _convolve_transposed("conv_transpose3d", 3, input, weight, bias, stride, padding, output_padding, groups, dilation)


@typed_errors
def unfold(input: Tensor, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Tensor:
    """The windows a convolution sees, each as a column; (n, c, h, w) -> (n, c · kh · kw, windows).

    A convolution is weight.flatten(1) @ unfold(input, kernel). An input (c, h, w) gives (c · kh · kw, windows).

    >>> tg.nn.functional.unfold(tg.ones(1, 3, 5, 5), kernel_size=3).shape
    (1, 27, 9)
    """
    input, added = batched(input, 2, "unfold")
    if input.dtype.kind != "b":  # windows of a mask, too
        check_float("unfold", input)
    shape = shape_of(input)
    if 0 in shape[1:]:
        raise ShapeError(f"unfold: only the batch may be empty, got an input of shape {shape}")
    params, _ = _blocks("unfold", shape[2:], kernel_size, dilation, padding, stride)
    return unbatched(unfold_p.bind(input, **params), added)


@typed_errors
def fold(
    input: Tensor, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1
) -> Tensor:  # fmt: skip
    """The transpose of `unfold`: columns added up where their windows lie; (n, c · kh · kw, windows) -> (n, c, h, w).

    >>> columns = tg.nn.functional.unfold(tg.ones(1, 1, 3, 3), 2)
    >>> tg.nn.functional.fold(columns, (3, 3), 2)[0, 0]
    tensor([[1., 2., 1.],
            [2., 4., 2.],
            [1., 2., 1.]])
    """
    input, added = batched(input, 1, "fold")
    check_float("fold", input)
    size = per_dim(output_size, 2, "fold", "output_size", 1)
    params, counts = _blocks("fold", size, kernel_size, dilation, padding, stride)
    elements, windows = math.prod(params["kernel"]), math.prod(counts)
    if not input.shape[1] or input.shape[1] % elements or input.shape[2] != windows:
        raise ShapeError(
            f"fold: for an output of {size}, the window {params['kernel']} lies at {counts[0]} · {counts[1]} = {windows} places, so input "
            f"must be (n, a multiple of {elements}, {windows})\n  input {tuple(input.shape)}"
        )
    return unbatched(fold_p.bind(input, size=size, **params), added)
