"""The table: which function of the package stands for which of NumPy's.

Each entry takes the arguments of NumPy's function that it covers, under NumPy's names and with NumPy's meaning (`ddof`, `axis=None`),
and gives NotImplemented for values of them that it does not cover;
dtypes are promoted as in PyTorch.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from ..engine.node import Value, array_of, wrap
from ..engine.promotion import float_type, promote_types
from ..errors import DimensionError, RangeError, ShapeError
from ..ops import (
    arrangement,
    comparison,
    diagonals,
    einsum,
    elementwise,
    extremes,
    gathering,
    indexing,
    joining,
    linalg,
    masking,
    norms,
    padding,
    reduction,
    scan,
    sorting,
)
from ..ops import shape as shaping
from ..ops.arguments import normalize_dim, normalize_dims
from ..ops.pointwise import Elementwise, convert
from .arrays import to_array

# ---- ufuncs ------------------------------------------------------------------------------------------------------------

UFUNCS: dict[np.ufunc, Callable[..., Any]] = {
    row.forward: row for row in vars(elementwise).values() if isinstance(row, Elementwise) and isinstance(row.forward, np.ufunc)
}
UFUNCS |= {
    np.power: elementwise.pow,
    np.remainder: elementwise.remainder,
    np.floor_divide: elementwise.floor_divide_p,
    np.logaddexp: elementwise.logaddexp,
    np.fmod: elementwise.fmod,
    np.floor_divide: elementwise.floor_divide_p,
    np.logaddexp: elementwise.logaddexp,
    np.sign: elementwise.sign,
    np.fabs: elementwise.abs,
    np.conjugate: elementwise.positive_p,
    np.deg2rad: lambda x: x * (np.pi / 180.0),
    np.radians: lambda x: x * (np.pi / 180.0),
    np.rad2deg: lambda x: x * (180.0 / np.pi),
    np.degrees: lambda x: x * (180.0 / np.pi),
    np.matmul: linalg.matmul,
    np.vecdot: lambda x, y: norms.vecdot(x, y),
}


def operands(*given: Any) -> list[Any]:
    """The arguments of a ufunc: arrays and lists become tensors, numbers stay numbers. Copies: later changes do not reach them.

    Fractions in lists are as exact as the tensors beside them.
    """
    beside = [x.array.dtype for x in given if isinstance(x, Value) and x.array.dtype.kind == "f"]
    return [_operand(x, functools.reduce(promote_types, beside) if beside else None) for x in given]


def _operand(x: Any, dtype: Any) -> Any:
    if not isinstance(x, (np.ndarray, list, tuple)):
        return x
    array = to_array(x)
    if not isinstance(x, np.ndarray) and array.dtype.kind == "f" and dtype is not None:
        array = to_array(x, dtype)
    return wrap(Value.result_class, array)


def outer(function: Callable[..., Any], a: Any, b: Any) -> Any:
    """function of all pairs; a.shape + b.shape."""
    spread: Any = shaping.reshape(a, (*a.shape, *[1] * np.ndim(b))) if hasattr(a, "shape") else a
    return function(spread, b)


# ---- along axes --------------------------------------------------------------------------------------------------------


def _counted(a: Any) -> Any:
    """Bools as numbers: NumPy finds the first true one where PyTorch refuses."""
    return convert(a, np.dtype(np.uint8)) if a.dtype.kind == "b" else a


def _prod(a: Any, axis: Any = None, dtype: Any = None, *, keepdims: bool = False) -> Any:
    if axis is None:
        out = scan.prod(a, dtype=dtype)
        return shaping.reshape(out, (1,) * a.ndim) if keepdims else out
    axes = sorted((i % a.ndim for i in axis), reverse=True) if isinstance(axis, tuple) else [axis]
    for i in axes:
        a = scan.prod(a, i, keepdims, dtype=dtype)
    return a


def _var(a: Any, axis: Any = None, *, ddof: float = 0, keepdims: bool = False, correction: float | None = None) -> Any:
    return reduction.var(a, axis, keepdim=keepdims, correction=ddof if correction is None else correction)


def _std(a: Any, axis: Any = None, *, ddof: float = 0, keepdims: bool = False, correction: float | None = None) -> Any:
    return reduction.std(a, axis, keepdim=keepdims, correction=ddof if correction is None else correction)


def _amax(a: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
    return extremes.amax(a, () if axis is None else axis, keepdims)


def _amin(a: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
    return extremes.amin(a, () if axis is None else axis, keepdims)


def _sum(a: Any, axis: Any = None, dtype: Any = None, *, keepdims: bool = False) -> Any:
    return a if axis == () and dtype is None else reduction.sum(a, axis, keepdims, dtype=dtype)


def _mean(a: Any, axis: Any = None, dtype: Any = None, *, keepdims: bool = False) -> Any:
    return reduction.mean(a, axis, keepdims, dtype=dtype)


def _cumsum(a: Any, axis: Any = None, dtype: Any = None) -> Any:
    return scan.cumsum(shaping.flatten(a) if axis is None else a, axis or 0, dtype=dtype)


def _cumprod(a: Any, axis: Any = None, dtype: Any = None) -> Any:
    return scan.cumprod(shaping.flatten(a) if axis is None else a, axis or 0, dtype=dtype)


def _sort(a: Any, axis: int | None = -1) -> Any:
    return sorting.sort(shaping.flatten(a) if axis is None else a, -1 if axis is None else axis)[0]


def _argsort(a: Any, axis: int | None = -1) -> Any:
    return sorting.argsort(shaping.flatten(a) if axis is None else a, -1 if axis is None else axis)


def _quantile(a: Any, q: Any, axis: Any = None, method: str = "linear", *, keepdims: bool = False) -> Any:
    """Between the two elements of the sorted axis that stand around q · (n - 1), in proportion; NaN if there is one."""
    if method != "linear" or (isinstance(q, Value) and q.node is not None):
        return NotImplemented
    wanted = np.asarray(q.array if isinstance(q, Value) else q, np.float64)
    if not ((wanted >= 0) & (wanted <= 1)).all():
        raise RangeError(f"np.quantile: q must lie in 0 ... 1 (percentiles in 0 ... 100), got {q}")
    axes = normalize_dims(tuple(axis) if isinstance(axis, (tuple, list)) else axis, a.ndim, "np.quantile")
    rest = [i for i in range(a.ndim) if i not in axes]
    lines = shaping.reshape(shaping.permute(a, (*rest, *axes)), (*[a.shape[i] for i in rest], math.prod([a.shape[i] for i in axes])))
    count = lines.shape[-1]
    if not count:
        raise ShapeError(f"np.quantile: nothing to take a quantile of along axes {axes} of shape {tuple(a.shape)}")
    lines = sorting.sort(convert(lines, float_type(a.dtype)), -1)[0]
    at = wanted.ravel() * (count - 1)
    below = np.floor(at).astype(np.int64)
    above, share = np.minimum(below + 1, count - 1), wrap(Value.result_class, (at - below).astype(lines.dtype))
    low, high = (indexing.getitem(lines, (..., index)) for index in (below, above))
    made = masking.where(share == 0.0, low, low * (1.0 - share) + high * share)
    last = lines[..., -1:]
    made = shaping.movedim(masking.where(elementwise.isnan(last), last, made), -1, 0)
    kept = [1 if i in axes else a.shape[i] for i in range(a.ndim)] if keepdims else [a.shape[i] for i in rest]
    return shaping.reshape(made, (*wanted.shape, *kept))


def _median(a: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
    return _quantile(a, 0.5, axis, keepdims=keepdims)


def _percentile(a: Any, q: Any, axis: Any = None, method: str = "linear", *, keepdims: bool = False) -> Any:
    given: Any = q if isinstance(q, Value) else np.asarray(q, np.float64)
    shares = given / 100.0
    return _quantile(a, shares, axis, method, keepdims=keepdims)


def _cumulative(function: Callable[..., Any], what: str) -> Callable[..., Any]:
    """The array API's form: only of one dimension may the axis be left out."""

    def along(x: Any, /, *, axis: int | None = None, dtype: Any = None) -> Any:
        if axis is None and x.ndim != 1:
            raise DimensionError(f"{what}: which axis of shape {tuple(x.shape)} to go along must be said, as axis=0")
        return function(x, axis or 0, dtype=dtype)

    return along


def _diff(a: Any, n: int = 1, axis: int = -1) -> Any:
    for _ in range(n):
        length = a.shape[axis]
        a = gathering.narrow(a, axis, 1, length - 1) - gathering.narrow(a, axis, 0, length - 1)
    return a


# ---- shape and place ---------------------------------------------------------------------------------------------------


def _reshape(a: Any, /, shape: Any) -> Any:
    return shaping.reshape(a, (shape,) if isinstance(shape, int) else tuple(shape))


def _broadcast_to(array: Any, shape: Any) -> Any:
    return shaping.broadcast_to(array, (shape,) if isinstance(shape, int) else tuple(shape))


def _transpose(a: Any, axes: Any = None) -> Any:
    return shaping.permute(a, tuple(reversed(range(a.ndim))) if axes is None else tuple(axes))


def _squeeze(a: Any, axis: Any = None) -> Any:
    for i in () if axis is None else axis if isinstance(axis, tuple) else (axis,):
        if a.shape[i] != 1:  # PyTorch leaves such a dim alone
            raise ShapeError(f"np.squeeze: dim {i} of shape {a.shape} has size {a.shape[i]}, only size 1 can be removed")
    return shaping.squeeze(a) if axis is None else shaping.squeeze(a, axis)


def _expand_dims(a: Any, axis: Any) -> Any:
    axes = axis if isinstance(axis, tuple) else (axis,)
    rank = a.ndim + len(axes)
    for i in sorted(i % rank for i in axes):
        a = shaping.unsqueeze(a, i)
    return a


def _concatenate(arrays: Any, /, axis: int | None = 0) -> Any:
    return joining.cat([shaping.flatten(x) for x in arrays], 0) if axis is None else joining.cat(arrays, axis)


def _flip(m: Any, axis: Any = None) -> Any:
    return arrangement.flip(m, tuple(range(m.ndim)) if axis is None else axis)


def _split(ary: Any, indices_or_sections: Any, axis: int = 0) -> Any:
    if isinstance(indices_or_sections, int) and ary.shape[axis] % indices_or_sections:
        raise ShapeError(f"np.split: {ary.shape[axis]} does not divide into {indices_or_sections} equal parts; np.array_split does")
    return list(joining.tensor_split(ary, indices_or_sections, axis))


def _where(condition: Any, *choices: Any) -> Any:
    return masking.where(condition, *choices)


def _repeat(a: Any, repeats: Any, axis: int | None = None) -> Any:
    return arrangement.repeat_interleave(a, repeats, axis)


def _take(a: Any, indices: Any, axis: int | None = None) -> Any:
    at = indices if isinstance(indices, Value) else np.asarray(indices)
    if axis is None:
        return indexing.getitem(shaping.flatten(a), (at,))
    return indexing.getitem(a, (*[slice(None)] * normalize_dim(axis, a.ndim, "np.take"), at))


def _take_along_axis(arr: Any, indices: Any, axis: int = -1) -> Any:
    at = convert(indices, np.dtype(np.int64)) if indices.dtype.kind in "iu" else indices  # NumPy takes them all
    return gathering.take_along_dim(arr, at, axis)


_Room: TypeAlias = Callable[[int], float]
#: The modes of np.pad by our names, with the widest border that a dimension of n elements gives in one go.
_BORDERS: dict[Any, tuple[str, _Room]] = {
    "edge": ("replicate", lambda n: math.inf if n else 0),
    "reflect": ("reflect", lambda n: n - 1),
    "wrap": ("circular", lambda n: n),
}


def _pad(array: Any, pad_width: Any, mode: Any = "constant", *, constant_values: Any = 0) -> Any:
    try:
        pads = tuple([(int(low), int(high)) for low, high in np.broadcast_to(np.asarray(pad_width), (array.ndim, 2))])
    except (TypeError, ValueError):
        return NotImplemented
    if min((n for pair in pads for n in pair), default=0) < 0:
        raise RangeError(f"np.pad: widths must not be negative, got {pad_width}; slice the tensor to cut it")
    if mode == "constant" and isinstance(constant_values, (int, float)):
        return padding.pad_constant.bind(array, pads=pads, value=constant_values)
    ours, room = _BORDERS.get(mode, ("", lambda n: -1))
    if any(max(pair) > room(n) for pair, n in zip(pads, array.shape, strict=True)):
        return NotImplemented
    return padding.pad_edges.bind(array, pads=pads, mode=ours)


def _meshgrid(*xi: Any, indexing: str = "xy") -> Any:
    given = operands(*xi)
    if not all(isinstance(x, Value) for x in given) or len({x.dtype for x in given}) > 1:
        return NotImplemented
    return joining.meshgrid(*[shaping.flatten(x) for x in given], indexing=indexing) if xi else ()


def _allclose(a: Any, b: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Any:
    a, b = operands(a, b)
    return comparison.allclose(a, b, rtol, atol, equal_nan)


def _array_equal(a1: Any, a2: Any) -> bool:
    a, b = operands(a1, a2)
    both = isinstance(a, Value) and isinstance(b, Value)
    return comparison.equal(a, b) if both else bool(np.array_equal(array_of(a), array_of(b)))


def _nan_to_num(x: Any, *, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None) -> Any:
    return elementwise.nan_to_num(x, nan, posinf, neginf)


def _trace(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    return reduction.sum(diagonals.diagonal(a, offset, axis1, axis2), -1)


# ---- products ----------------------------------------------------------------------------------------------------------


def _dot(a: Any, b: Any) -> Any:
    a, b = operands(a, b)
    if not (np.ndim(a) and np.ndim(b)):
        return a * b
    return einsum.tensordot(a, b, ([-1], [-2 if b.ndim > 1 else -1])) if a.ndim > 1 or b.ndim > 1 else linalg.dot(a, b)


def _inner(a: Any, b: Any, /) -> Any:
    a, b = operands(a, b)
    return linalg.inner(a, b) if np.ndim(a) and np.ndim(b) else a * b


def _norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    return norms.linalg_norm(x, ord, axis, keepdims)


FUNCTIONS: dict[Callable[..., Any], Callable[..., Any]] = {
    np.sum: _sum,
    np.mean: _mean,
    np.prod: _prod,
    np.var: _var,
    np.std: _std,
    np.max: _amax,
    np.amax: _amax,
    np.min: _amin,
    np.amin: _amin,
    np.ptp: lambda a, axis=None, *, keepdims=False: _amax(a, axis, keepdims=keepdims) - _amin(a, axis, keepdims=keepdims),
    np.nansum: lambda a, axis=None, *, keepdims=False: reduction.nansum(a, axis, keepdims),
    np.nanmean: lambda a, axis=None, *, keepdims=False: reduction.nanmean(a, axis, keepdims),
    np.all: lambda a, axis=None, *, keepdims=False: reduction.all(a, axis, keepdims),
    np.any: lambda a, axis=None, *, keepdims=False: reduction.any(a, axis, keepdims),
    np.count_nonzero: lambda a, axis=None: reduction.count_nonzero(a, axis),
    np.argmax: lambda a, axis=None, *, keepdims=False: extremes.argmax(_counted(a), axis, keepdims),
    np.argmin: lambda a, axis=None, *, keepdims=False: extremes.argmin(_counted(a), axis, keepdims),
    np.median: _median,
    np.quantile: _quantile,
    np.percentile: _percentile,
    np.cumsum: _cumsum,
    np.cumprod: _cumprod,
    np.sort: _sort,
    np.argsort: _argsort,
    np.cumulative_sum: _cumulative(scan.cumsum, "np.cumulative_sum"),
    np.cumulative_prod: _cumulative(scan.cumprod, "np.cumulative_prod"),
    np.diff: _diff,
    np.reshape: _reshape,
    np.ravel: lambda a: shaping.flatten(a),
    np.transpose: _transpose,
    np.permute_dims: _transpose,
    np.matrix_transpose: lambda x, /: shaping.transpose(x, -2, -1),
    np.swapaxes: lambda a, axis1, axis2: shaping.transpose(a, axis1, axis2),
    np.moveaxis: lambda a, source, destination: shaping.movedim(a, source, destination),
    np.squeeze: _squeeze,
    np.expand_dims: _expand_dims,
    np.broadcast_to: _broadcast_to,
    np.atleast_1d: shaping.atleast_1d,
    np.atleast_2d: shaping.atleast_2d,
    np.shape: lambda a: tuple(a.shape),
    np.ndim: lambda a: a.ndim,
    np.size: lambda a, axis=None: a.numel() if axis is None else a.shape[axis],
    np.concatenate: _concatenate,
    np.stack: lambda arrays, axis=0: joining.stack(arrays, axis),
    np.hstack: lambda tup: joining.hstack(tup),
    np.vstack: lambda tup: joining.vstack(tup),
    np.split: _split,
    np.unstack: lambda x, /, *, axis=0: joining.unbind(x, axis),
    np.meshgrid: _meshgrid,
    np.array_split: lambda ary, indices_or_sections, axis=0: list(joining.tensor_split(ary, indices_or_sections, axis)),
    np.flip: _flip,
    np.fliplr: lambda m: arrangement.fliplr(m),
    np.flipud: lambda m: arrangement.flipud(m),
    np.roll: lambda a, shift, axis=None: arrangement.roll(a, shift, axis),
    np.rot90: lambda m, k=1, axes=(0, 1): arrangement.rot90(m, k, axes),
    np.tile: lambda A, reps: arrangement.tile(A, (reps,) if isinstance(reps, int) else reps),
    np.repeat: _repeat,
    np.pad: _pad,
    np.take: _take,
    np.diagonal: lambda a, offset=0, axis1=0, axis2=1: diagonals.diagonal(a, offset, axis1, axis2),
    np.diag: lambda v, k=0: diagonals.diag(v, k),
    np.tril: lambda m, k=0: diagonals.tril(m, k),
    np.triu: lambda m, k=0: diagonals.triu(m, k),
    np.trace: _trace,
    np.copy: lambda a: shaping.clone(a),
    np.astype: lambda x, dtype, /: convert(x, np.dtype(dtype)),
    np.where: _where,
    np.clip: lambda a, a_min=None, a_max=None, *, min=None, max=None: elementwise.clamp(
        a, min if a_min is None else a_min, max if a_max is None else a_max
    ),
    np.round: lambda a, decimals=0: elementwise.round(a, decimals=decimals),
    np.around: lambda a, decimals=0: elementwise.round(a, decimals=decimals),
    np.nan_to_num: _nan_to_num,
    np.real: lambda val: val,
    np.take_along_axis: _take_along_axis,
    np.isclose: lambda a, b, rtol=1e-5, atol=1e-8, equal_nan=False: comparison.isclose(a, b, rtol, atol, equal_nan),
    np.allclose: _allclose,
    np.array_equal: _array_equal,
    np.dot: _dot,
    np.vdot: lambda a, b, /: linalg.dot(shaping.flatten(a), shaping.flatten(b)),
    np.outer: lambda a, b: linalg.outer(shaping.flatten(a), shaping.flatten(b)),
    np.inner: _inner,
    np.kron: lambda a, b: linalg.kron(a, b),
    np.tensordot: lambda a, b, axes=2: einsum.tensordot(a, b, axes),
    np.einsum: lambda *operands: einsum.einsum(*operands),
    np.linalg.norm: _norm,
    np.linalg.vector_norm: lambda x, /, *, axis=None, keepdims=False, ord=2: norms.vector_norm(x, ord, axis, keepdims),
    np.linalg.matrix_norm: lambda x, /, *, keepdims=False, ord="fro": norms.matrix_norm(x, ord, (-2, -1), keepdims),
    np.linalg.multi_dot: lambda arrays: norms.multi_dot(arrays),
    np.linalg.diagonal: lambda x, /, *, offset=0: diagonals.diagonal(x, offset, -2, -1),
    np.linalg.trace: lambda x, /, *, offset=0: _trace(x, offset, -2, -1),
    np.linalg.matmul: lambda x1, x2, /: linalg.matmul(x1, x2),
    np.linalg.matrix_transpose: lambda x, /: shaping.transpose(x, -2, -1),
    np.linalg.vecdot: lambda x1, x2, /, *, axis=-1: norms.vecdot(x1, x2, dim=axis),
    np.linalg.outer: lambda x1, x2, /: linalg.outer(x1, x2),
    np.linalg.tensordot: lambda x1, x2, /, *, axes=2: einsum.tensordot(x1, x2, axes),
}

# ---- methods of ufuncs -------------------------------------------------------------------------------------------------


def _along(function: Callable[..., Any]) -> Callable[..., Any]:
    """A reduction whose axis is 0 unless told, as ufuncs have it."""
    return lambda array, axis=0, *, keepdims=False: function(array, axis, keepdims=keepdims)


REDUCTIONS: dict[np.ufunc, Callable[..., Any]] = {
    np.add: _along(_sum),
    np.multiply: _along(_prod),
    np.maximum: _along(_amax),
    np.minimum: _along(_amin),
    np.logical_and: _along(FUNCTIONS[np.all]),
    np.logical_or: _along(FUNCTIONS[np.any]),
}
ACCUMULATIONS: dict[np.ufunc, Callable[..., Any]] = {
    np.add: lambda array, axis=0: scan.cumsum(array, axis),
    np.multiply: lambda array, axis=0: scan.cumprod(array, axis),
}
