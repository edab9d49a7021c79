"""Losses: how far an input is from a target. `reduction` is "mean", "sum" or "none" everywhere."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from ..engine.mutation import Array
from ..engine.node import Value, array_of
from ..engine.plain import is_finite
from ..engine.primitive import primitive
from ..engine.promotion import result_type
from ..engine.refusal import no_tensor
from ..engine.state import state
from ..engine.strong_zero import masked
from ..errors import ArgumentError, DimensionError, DtypeError, ShapeError
from .arguments import shape_of
from .checks import check_probabilities
from .elementwise import binary, clamp_min, log, log1p, mul, square
from .extremes import numbered
from .fused import check_float, exponentials, line_sums, living, log_sigmoid, log_softmax_p, shifted, sigmoid, softmax_grad, softmax_p
from .indexing import getitem
from .large import bounded
from .pointwise import as_array, convert, numbers
from .positions import all_below, in_range
from .reduction import mean_p, narrowed, spread, sum, sum_p, widened
from .shape import reshape, unsqueeze

if TYPE_CHECKING:
    from ..tensor import Tensor

_ndarray = np.ndarray
_ARRAYS = (Value, _ndarray)

_REDUCTIONS = ("mean", "sum", "none")

Dims = tuple[int, ...]


def reduced(what: str, losses: Any, reduction: str) -> Tensor:
    """The losses themselves, their mean, or their sum."""
    check_reduction(what, reduction)
    if reduction == "none":
        return losses  # type: ignore[no-any-return]
    if reduction == "sum":
        return sum_p.bind(losses, dim=None, keepdim=False)
    check_float(what, losses)
    return mean_p.bind(losses, dim=None, keepdim=False)


def is_usual(x: Any, y: Any) -> bool:
    """Whether these are tensors of one shape and one float dtype, of which nothing else needs to be looked at."""
    if not (isinstance(x, Value) and isinstance(y, Value)):
        return False
    a, b = x.array, y.array
    return a.shape == b.shape and a.dtype is b.dtype and a.dtype.kind == "f"


def divisor_of(input: Any, target: Any, reduction: str) -> int | None:
    """What the sum of the losses is divided by: their number for "mean", 1 for "sum"; None if one primitive does not answer this call."""
    if not is_usual(input, target):
        return None
    return input.array.size if reduction == "mean" else 1 if reduction == "sum" else None


def total(losses: Array, divisor: int) -> Array:
    """Σ losses / divisor: the last thing that a forward does. Added up as `sum` does, to the bit: traced steps call that."""
    return narrowed(sum_p.forward(widened(losses), dim=None, keepdim=False) / divisor, losses.dtype)


def check_reduction(what: str, reduction: str) -> None:
    """Raise ArgumentError for a reduction that does not exist."""
    if reduction not in _REDUCTIONS:
        raise ArgumentError(f'{what}: reduction must be "mean", "sum" or "none", got {reduction!r}')


def check_tensors(what: str, **given: Any) -> None:
    """Raise ArgumentTypeError unless all are tensors or arrays."""
    for name, x in given.items():
        if not isinstance(x, _ARRAYS):
            raise no_tensor(f"{what}: {name} must be a tensor", x)


def check_pair(what: str, x: tuple[int, ...], y: tuple[int, ...]) -> None:
    """Raise ShapeError if input and target do not broadcast, or would to something larger than both, as (n, 1) and (n,) do."""
    if x == y:
        return
    shapes = f"\n  input {x} · target {y}"
    try:
        both = np.broadcast_shapes(x, y)
    except ValueError:
        raise ShapeError(f"{what}: input and target must have the same shape{shapes}") from None
    if math.prod(both) <= max(math.prod(x), math.prod(y)):
        return
    raise ShapeError(f"{what}: broadcasting would compare everything with everything, as {both}; {_remedy(x, y)}{shapes}")


def _remedy(x: tuple[int, ...], y: tuple[int, ...]) -> str:
    """What to write where input and target should have had the same shape."""
    if x[-1:] == (1,) and x[:-1] == y:
        return f"write target.unsqueeze({len(y)}), or squeeze the input"
    if y[-1:] == (1,) and y[:-1] == x:
        return f"write input.unsqueeze({len(x)}), or squeeze the target"
    return "give both the same shape"


# ---- squared error -------------------------------------------------------------------------------------------------


@primitive(name="mse_loss")
def mse_loss_p(x: Array, y: Array, *, average: bool) -> Array:
    """The sum of (x - y)², or their mean; shapes that broadcast -> ()."""
    difference = (x - y).ravel()
    if difference.dtype.char == "e":
        return _square_sum(difference.astype(np.float32), average).astype(x.dtype)
    return _square_sum(difference, average)


def _square_sum(x: Array, average: bool) -> Any:
    """Σ x², or the mean; in a long sum NumPy's, which adds in pairs, where BLAS in float32 would lose digits."""
    total = x.dot(x) if x.size <= 4096 else np.add.reduce(np.square(x, out=x))
    return total / x.size if average else total


def _mse_rule(g: Any, difference: Any, average: bool) -> Any:
    return difference * (g * (2.0 / max(math.prod(difference.shape), 1) if average else 2.0))


mse_loss_p.vjp(x=lambda g, x, y, average: _mse_rule(g, x - y, average), y=lambda g, x, y, average: _mse_rule(g, y - x, average))


def mse_loss(input: Tensor, target: Tensor, *, reduction: str = "mean", weight: Tensor | None = None) -> Tensor:
    """(input - target)², averaged, or summed, or as it is; with `weight` of the input's shape, the weighted mean.

    Raises ShapeError if the shapes do not broadcast, or to more elements than either has: (n, 1) against (n,).
    """
    x, y = array_of(input), array_of(target)
    if not (isinstance(x, _ndarray) and isinstance(y, _ndarray)):
        check_tensors("mse_loss", input=x, target=y)
    if x.shape != y.shape:
        check_pair("mse_loss", x.shape, y.shape)
    if x.dtype is not y.dtype or x.dtype.kind != "f":
        dtype = result_type(x, y)
        input, target = convert(input, dtype), convert(target, dtype)
        check_float("mse_loss", input)
    if weight is None and (reduction == "mean" or reduction == "sum"):
        return mse_loss_p.bind(input, target, average=reduction == "mean")
    losses = square(input - target)
    if weight is None:
        return reduced("mse_loss", losses, reduction)
    if weight.shape != input.shape:
        raise ShapeError(f"mse_loss: weight must have the input's shape {input.shape}, got {weight.shape}")
    weighted = reduced("mse_loss", losses * weight, "sum" if reduction == "mean" else reduction)
    return weighted / sum(weight) if reduction == "mean" else weighted


# ---- classification ------------------------------------------------------------------------------------------------


def _apart(x: Array, shape: Dims, dim: int) -> Array:
    """One number for each line, so that it broadcasts against a tensor of this shape."""
    return x.reshape((*shape[:dim], 1, *shape[dim + 1 :]))


@primitive
def at_target(x: Array, target: Array, *, dim: int) -> Array:
    """-x at the target of each line along dim; (n, c, ...), (n, ...) -> (n, ...)."""
    return np.negative(x.take(numbered(target, x.shape, dim, False)))


@primitive
def to_target(x: Array, target: Array, *, shape: Dims, dim: int) -> Array:
    """The transpose of `at_target`: -x at the targets, zeros elsewhere."""
    out = np.zeros(shape, x.dtype)
    out.reshape(-1)[numbered(target, shape, dim, False)] = np.negative(x)
    return out


at_target.plain = lambda x, target, *, dim: np.negative(np.take_along_axis(x, np.expand_dims(target, dim), dim).squeeze(dim))
to_target.plain = lambda x, target, *, shape, dim: np.where(_is_target(target, shape, dim), _apart(-x, shape, dim), x.dtype.type(0))
at_target.vjp(x=lambda g, target, x_shape, dim: to_target.bind(g, target, shape=x_shape, dim=dim), target=None)
to_target.vjp(x=lambda g, target, dim: at_target.bind(g, target, dim=dim), target=None)


def _is_target(target: Array, shape: Dims, dim: int) -> Array:
    """Which elements stand at the target of their line."""
    return _apart(target, shape, dim) == np.arange(shape[dim]).reshape(-1, *(1,) * (len(shape) - 1 - dim))


@primitive
def class_losses(x: Array, target: Array, *, dim: int) -> Array:
    """log Σ exp(x) along dim, minus x at the target: -log softmax(x) there, without keeping it; (n, c, ...), (n, ...) -> (n, ...)."""
    exponents = shifted(x, dim)
    found = exponents.take(numbered(target, x.shape, dim, False))
    np.exp(exponents, out=exponents)
    return narrowed(as_array(np.log(line_sums(exponents, dim, False)) - found), x.dtype)


@primitive
def class_losses_grad(y: Array, x: Array, target: Array, *, dim: int) -> Array:
    """y · (softmax(x) - 1 at the target): the way back of `class_losses`. A line whose y is 0 gives 0, even if its softmax is nan."""
    out = exponentials(x, dim)
    apart = _apart(y, x.shape, dim)
    out *= apart / line_sums(out, dim)
    out.reshape(-1)[numbered(target, x.shape, dim, False)] -= y
    if not is_finite(out):
        out = np.where(apart == 0, out.dtype.type(0), out)
    return out.astype(x.dtype, copy=False)


def _plain_class_losses(x: Array, target: Array, *, dim: int) -> Array:
    exponents = shifted(x, dim)
    found = np.take_along_axis(exponents, np.expand_dims(target, dim), dim).squeeze(dim)
    return (np.log(sum_p.forward(np.exp(exponents), dim=(dim,), keepdim=False)) - found).astype(x.dtype, copy=False)


def _plain_class_losses_grad(y: Array, x: Array, target: Array, *, dim: int) -> Array:
    weights = np.exp(shifted(x, dim))
    apart = _apart(y, x.shape, dim)
    out = weights * (apart / sum_p.forward(weights, dim=(dim,), keepdim=True))
    out = out - np.where(_is_target(target, x.shape, dim), apart, out.dtype.type(0))
    return np.where(apart == 0, out.dtype.type(0), out).astype(x.dtype, copy=False)


class_losses.plain, class_losses_grad.plain = _plain_class_losses, _plain_class_losses_grad


def _to_cotangent(g: Any, x: Any, target: Any, dim: int) -> Any:
    expected = sum_p.bind(g * living(softmax_p.bind(x, dim=dim), g, dim), dim=(dim,) if x.ndim > 1 else None, keepdim=False)
    return expected + at_target.bind(g, target, dim=dim)


def _to_logits(g: Any, y: Any, x: Any, dim: int) -> Any:
    slope = g * unsqueeze(y, dim)
    return softmax_grad.bind(slope, living(softmax_p.bind(x, dim=dim), slope, dim), dim=dim)


class_losses.vjp(x=lambda g, x, target, dim: class_losses_grad.bind(g, x, target, dim=dim), target=None)
class_losses_grad.vjp(
    y=lambda g, x, target, dim: _to_cotangent(g, x, target, dim), x=lambda g, y, x, dim: _to_logits(g, y, x, dim), target=None
)


@primitive
def at_targets_total(x: Array, target: Array, *, dim: int, divisor: int) -> Array:
    """The sum of `at_target`, over a divisor; (n, c, ...), (n, ...) -> ()."""
    return total(at_target.forward(x, target, dim=dim), divisor)


@primitive
def class_total(x: Array, target: Array, *, dim: int, divisor: int) -> Array:
    """The sum of `class_losses`, over a divisor; (n, c, ...), (n, ...) -> ()."""
    return total(class_losses.forward(x, target, dim=dim), divisor)


def _to_each(g: Any, shape: Dims, divisor: int) -> Any:
    """The cotangent of each loss, where g is that of their sum over the divisor."""
    return spread.bind(g / divisor, shape=shape, dim=None, keepdim=False)


at_targets_total.plain = lambda x, target, *, dim, divisor: total(at_target.plain(x, target, dim=dim), divisor)
class_total.plain = lambda x, target, *, dim, divisor: total(_plain_class_losses(x, target, dim=dim), divisor)
at_targets_total.vjp(
    x=lambda g, target, x_shape, target_shape, dim, divisor: to_target.bind(
        _to_each(g, target_shape, divisor), target, shape=x_shape, dim=dim
    ),
    target=None,
)
class_total.vjp(
    x=lambda g, x, target, target_shape, dim, divisor: class_losses_grad.bind(_to_each(g, target_shape, divisor), x, target, dim=dim),
    target=None,
)


def _check_classes(what: str, x: Any, target: Any, weight: Any) -> tuple[int, Any]:
    """The dim of the classes, 1 of (N, C, ...), 0 of (C,), and the target. Raises unless that is (N, ...) or (), and weight (C,).

    The one class of a sample without a batch may come as (1,) too.
    """
    array, targets = array_of(x), array_of(target)
    if not (isinstance(array, _ndarray) and isinstance(targets, _ndarray)):
        check_tensors(what, input=x, target=target)
    check_float(what, array)
    shape, given, kind = array.shape, targets.shape, targets.dtype.kind
    if not shape:
        raise ShapeError(f"{what}: input needs at least 1 dim, the classes")
    dim = 0 if len(shape) == 1 else 1
    if weight is not None and weight.shape != (shape[dim],):
        raise ShapeError(f"{what}: weight must have one element for each of the {shape[dim]} classes, got shape {weight.shape}")
    if given == shape and kind == "f":
        return dim, target
    expected = shape[:dim] + shape[dim + 1 :]
    if dim == 0 and given == (1,):
        target, given = reshape(target, ()), ()
    if given != expected:
        raise ShapeError(f"{what}: target must be class indices of shape {expected}\n  input {shape} · target {given}")
    if kind not in "iu":
        raise DtypeError(f"{what}: class indices must be integers, got {target.dtype}; convert with .long()")
    return dim, target


#: The classes that samples belong to: the function that was called, target, dim, weight, ignore_index. No named tuple, which takes about
#: as long to make as a sum of 8 numbers.
_Classes: TypeAlias = tuple[str, Any, int, Any, int]


def _check_range(classes: _Classes, count: int) -> bool:
    """Whether some targets are ignored (True while tracing, where values must not decide). Raises if a class does not exist."""
    what, target, _, _, ignore_index = classes
    values = array_of(target)
    anywhere = 0 <= ignore_index < count or state.tracer is not None
    if all_below(values, count):
        return anywhere
    outside = (values < 0) | (values >= count)
    wrong = values[outside & (values != ignore_index)]
    if wrong.size:
        raise DimensionError(f"{what}: target {wrong.flat[0]} is out of bounds; classes are 0 to {count - 1}")
    return True


def nll_loss(input: Tensor, target: Tensor, weight: Tensor | None = None, *, ignore_index: int = -100, reduction: str = "mean") -> Tensor:
    """-weight · input at the target's class; input (N, C, ...) of log-probabilities, target (N, ...) of integers below C; or (C,) and ().

    The mean is weighted. Targets equal to `ignore_index` count for nothing. Raises DimensionError for a class that does not exist.
    """
    check_reduction("nll_loss", reduction)
    dim, target = _check_classes("nll_loss", input, target, weight)
    if array_of(target).dtype.kind == "f":
        raise DtypeError(f"nll_loss: class indices must be integers, got {target.dtype}; convert with .long()")
    return _of_classes(at_target, at_targets_total, input, ("nll_loss", target, dim, weight, ignore_index), reduction)


def _of_classes(each: Any, totals: Any, x: Any, classes: _Classes, reduction: str) -> Tensor:
    """weight · each(x, targets), reduced; by `totals` where all count the same."""
    _, target, dim, weight, _ = classes
    some_ignored = _check_range(classes, shape_of(x)[dim])
    if weight is None and not some_ignored and reduction != "none":
        divisor = array_of(target).size if reduction == "mean" else 1
        return totals.bind(x, target, dim=dim, divisor=divisor)  # type: ignore[no-any-return]
    return _weighted(*_picked(each, x, classes, some_ignored), reduction)


def _picked(each: Any, x: Any, classes: _Classes, some_ignored: bool) -> tuple[Any, Any]:
    """weight · each(x, targets), and the weights, both 0 where ignored; None for weights that are all 1."""
    what, target, dim, weight, ignore_index = classes
    if some_ignored:
        ignored = target == ignore_index
        target = masked(target, ignored)
    if state.tracer is not None:
        target = in_range.bind(target, size=shape_of(x)[dim], what=what)  # the check of a replay
    found = each.bind(x, target, dim=dim)
    weights = None if weight is None else getitem(weight, target)
    losses = found if weights is None else found * weights
    if some_ignored:
        weights = convert(~ignored, x.dtype) if weights is None else masked(weights, ignored)
        losses = masked(losses, ignored)  # not a product with 0: were all ignored, the mean's gradient would be inf · 0
    return losses, weights


def _weighted(losses: Any, weights: Any, reduction: str) -> Tensor:
    """The losses, their sum, or their sum over the sum of the weights."""
    if reduction == "mean" and weights is not None:
        return sum(losses) / sum(weights)
    return reduced("nll_loss", losses, reduction)


def cross_entropy(
    input: Tensor, target: Tensor, weight: Tensor | None = None, *,
    ignore_index: int = -100, reduction: str = "mean", label_smoothing: float = 0.0,
) -> Tensor:  # fmt: skip
    """-log softmax(input) at the target's class; input (N, C, ...) or (C,), target (N, ...) of integers below C.

    A float target of the input's shape holds the probability of each class instead. `label_smoothing` mixes the target with the
    uniform distribution. With weights, "mean" is weighted (for class indices). Raises DimensionError for a class that does not exist.
    """
    check_reduction("cross_entropy", reduction)
    dim, target = _check_classes("cross_entropy", input, target, weight)
    if not 0.0 <= label_smoothing <= 1.0:
        raise ArgumentError(f"cross_entropy: label_smoothing must be between 0 and 1, got {label_smoothing}")
    if array_of(target).dtype.kind == "f":
        if ignore_index >= 0:
            raise ArgumentError(
                f"cross_entropy: ignore_index names class {ignore_index}, but the target has probabilities; give it with class indices only"
            )
        return _soft_cross_entropy(log_softmax_p.bind(input, dim=dim), target, weight, dim, reduction, label_smoothing)
    classes = ("cross_entropy", target, dim, weight, ignore_index)
    if not label_smoothing:
        return _of_classes(class_losses, class_total, input, classes, reduction)
    log_p = log_softmax_p.bind(input, dim=dim)
    losses, weights = _picked(at_target, log_p, classes, _check_range(classes, input.shape[dim]))
    smooth = -sum(_times_weight(log_p, weight, dim), dim)
    if weights is not None:
        smooth = masked(smooth, target == ignore_index)
    return _weighted(losses * (1.0 - label_smoothing) + smooth * (label_smoothing / input.shape[dim]), weights, reduction)


def _soft_cross_entropy(log_p: Any, target: Any, weight: Any, dim: int, reduction: str, smoothing: float) -> Tensor:
    """-Σ target · log p over the classes; the mean is over the samples, whatever the weights."""
    if smoothing:
        target = target * (1.0 - smoothing) + smoothing / log_p.shape[dim]
    return reduced("cross_entropy", -sum(_times_weight(log_p, weight, dim) * target, dim), reduction)


def _times_weight(x: Any, weight: Any, dim: int) -> Any:
    """x with every class times its weight."""
    if weight is None:
        return x
    for _ in range(x.ndim - 1 - dim):
        weight = unsqueeze(weight, -1)
    return mul(x, weight)


# ---- two classes ---------------------------------------------------------------------------------------------------


def _cross_entropies(x: Array, y: Array) -> Array:
    one, least = numbers(np.result_type(x, y), 1.0, -100.0)
    return (y - one) * bounded(np.log1p(-x), least, math.inf) - y * bounded(np.log(x), least, math.inf)


def _spread(x: Any) -> Any:
    """x · (1 - x), at least 1e-12."""
    return clamp_min(x * (1.0 - x), 1e-12)


binary_cross_entropy_slope = binary(
    "binary_cross_entropy_slope", lambda x, y: (x - y) / np.maximum(x * (1.0 - x), 1e-12),
    lambda g, x, y: g * ((x * x - 2.0 * x * y + y) / square(_spread(x))), lambda g, x: -g / _spread(x),
    "(x - y) / (x · (1 - x)), where the denominator is at least 1e-12; its derivatives have no kink there, as in PyTorch",
    kind="float", domain=((0.0, 1.0), (0.0, 1.0)),
)  # fmt: skip
binary_cross_entropy_p = binary(
    "binary_cross_entropy", _cross_entropies, lambda g, x, y: g * binary_cross_entropy_slope(x, y),
    lambda g, x: g * (log1p(-x) - log(x)), "-(y · log x + (1 - y) · log(1 - x)), where the logarithms are at least -100",
    kind="float", domain=((0.0, 1.0), (0.0, 1.0)),
)  # fmt: skip


@primitive(elementwise=True)
def binary_cross_entropy_total(x: Array, y: Array, *, divisor: int) -> Array:
    """Σ -(y · log x + (1 - y) · log(1 - x)), over a divisor; two of one shape -> ()."""
    return total(_cross_entropies(x, y), divisor)


binary_cross_entropy_total.vjp(
    x=lambda g, x, y, divisor: g / divisor * binary_cross_entropy_slope(x, y),
    y=lambda g, x, divisor: g / divisor * (log1p(-x) - log(x)),
)


def _cross_entropies_of_logits(x: Array, y: Array) -> Any:
    return bounded(x, 0, math.inf) - x * y + np.log1p(np.exp(-np.abs(x)))


binary_cross_entropy_logits_p = binary(
    "binary_cross_entropy_with_logits", _cross_entropies_of_logits, lambda g, x, y: g * (sigmoid(x) - y), lambda g, x: -g * x,
    "the binary cross entropy of sigmoid(x) and y, without overflow", kind="float",
)  # fmt: skip


@primitive(elementwise=True)
def binary_cross_entropy_with_logits_total(x: Array, y: Array, *, divisor: int) -> Array:
    """The sum of the binary cross entropies of sigmoid(x) and y, over a divisor; two of one shape -> ()."""
    return total(_cross_entropies_of_logits(x, y), divisor)


binary_cross_entropy_with_logits_total.vjp(
    x=lambda g, x, y, divisor: g / divisor * (sigmoid(x) - y),
    y=lambda g, x, divisor: x * (-g / divisor),
)


def binary_cross_entropy(input: Tensor, target: Tensor, weight: Tensor | None = None, *, reduction: str = "mean") -> Tensor:
    """-(target · log input + (1 - target) · log(1 - input)) of probabilities, times weight; the logarithms are at least -100.

    Raises ShapeError unless both have one shape, ArgumentError for what is no probability.
    """
    what, divisor = "binary_cross_entropy", divisor_of(input, target, reduction)
    if divisor is None:
        _check_binary(what, input, target)
        if input.dtype != target.dtype:
            raise DtypeError(f"{what}: target is {target.dtype}, input {input.dtype}; convert one with .to(dtype)")
    check_probabilities(input, _NO_PROBABILITIES.format("input"))
    check_probabilities(target, _NO_PROBABILITIES.format("target"))
    if divisor is not None and weight is None:
        return binary_cross_entropy_total.bind(input, target, divisor=divisor)
    losses = binary_cross_entropy_p(input, target)
    return reduced(what, losses if weight is None else losses * weight, reduction)


_NO_PROBABILITIES = "binary_cross_entropy: all elements of {} must be between 0 and 1; logits go to ..._with_logits"


def binary_cross_entropy_with_logits(
    input: Tensor, target: Tensor, weight: Tensor | None = None, *, reduction: str = "mean", pos_weight: Tensor | None = None
) -> Tensor:
    """The binary cross entropy of sigmoid(input), without overflow; `pos_weight` multiplies the part of target."""
    what = "binary_cross_entropy_with_logits"
    if weight is None is pos_weight and (divisor := divisor_of(input, target, reduction)) is not None:
        return binary_cross_entropy_with_logits_total.bind(input, target, divisor=divisor)
    _check_binary(what, input, target)
    if pos_weight is None:
        losses = binary_cross_entropy_logits_p(input, target)
    else:
        losses = (1.0 - target) * input - (1.0 + (pos_weight - 1.0) * target) * log_sigmoid(input)
    return reduced(what, losses if weight is None else losses * weight, reduction)


def _check_binary(what: str, x: Any, target: Any) -> None:
    check_tensors(what, input=x, target=target)
    shape, given = shape_of(x), shape_of(target)
    if shape != given:
        raise ShapeError(f"{what}: input and target must have the same shape; {_remedy(shape, given)}\n  input {shape} · target {given}")
    check_float(what, x)
    check_float(what, target)
