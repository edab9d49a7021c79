"""Losses by PyTorch's names and argument orders. `reduction` is "mean", "sum" or "none"."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...engine.mutation import Array
from ...engine.primitive import primitive
from ...engine.refusal import typed_errors
from ...errors import ArgumentError, ShapeError
from ...ops import losses
from ...ops.arguments import coefficient, shape_of
from ...ops.elementwise import abs, exp, log, sign, unary
from ...ops.fused import linear
from ...ops.large import bounded
from ...ops.losses import check_pair, check_reduction, check_tensors, divisor_of, reduced, total
from ...ops.pointwise import Parametric, as_array, numbers
from ...ops.reduction import narrowed, product_sum, sum, widened
from .activation import hardtanh_p

if TYPE_CHECKING:
    from ...tensor import Tensor


def reduction_of(reduction: str, size_average: bool | None, reduce: bool | None) -> str:
    """The reduction meant by PyTorch's old pair of flags, where one of them is given."""
    if size_average is None and reduce is None:
        return reduction
    if reduce is False:
        return "none"
    return "sum" if size_average is False else "mean"


# ---- regression ----------------------------------------------------------------------------------------------------


@typed_errors
def mse_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """(input - target)². Raises ShapeError where broadcasting would compare everything with everything.

    >>> tg.nn.functional.mse_loss(tg.tensor([1.0, 5.0]), tg.tensor([1.0, 2.0]))
    tensor(4.5000)
    """
    return losses.mse_loss(input, target, reduction=reduction_of(reduction, size_average, reduce), weight=weight)


def _difference(what: str, input: Tensor, target: Tensor, reduction: str) -> Tensor:
    """input - target, where the shapes agree enough."""
    check_tensors(what, input=input, target=target)
    check_reduction(what, reduction)
    check_pair(what, shape_of(input), shape_of(target))
    return input - target


def _times(what: str, each: Tensor, weight: Tensor) -> Tensor:
    """The losses times their weights."""
    if weight.shape != each.shape:
        raise ShapeError(f"{what}: weight must have the input's shape {each.shape}, got {weight.shape}")
    return each * weight


@primitive(name="l1_loss")
def l1_loss_p(x: Array, y: Array, *, divisor: int) -> Array:
    """Σ |x - y|, over a divisor; two of one shape -> ()."""
    return total(np.absolute(x - y), divisor)


l1_loss_p.shares(direction=lambda g, x, y: sign(x - y))
l1_loss_p.vjp(
    x=lambda g, direction, divisor: direction * (g / divisor),
    y=lambda g, direction, divisor: direction * (-g / divisor),
)


@typed_errors
def l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """|input - target|; derivative 0 where they are equal. With `weight` of the input's shape, "mean" is the weighted mean.

    >>> tg.nn.functional.l1_loss(tg.tensor([1.0, 5.0]), tg.tensor([1.0, 2.0]))
    tensor(1.5000)
    """
    reduction = reduction_of(reduction, size_average, reduce)
    if weight is None and (divisor := divisor_of(input, target, reduction)) is not None:
        return l1_loss_p.bind(input, target, divisor=divisor)
    each = abs(_difference("l1_loss", input, target, reduction))
    if weight is not None:
        each = _times("l1_loss", each, weight)
        if reduction == "mean":
            return sum(each) / sum(weight)
    return reduced("l1_loss", each, reduction)


def _huber(x: Array, *, delta: float) -> Array:
    """x² / 2 within delta of 0, delta · (|x| - delta / 2) elsewhere."""
    inner, rest = _huber_factors(x, delta)
    rest *= inner
    return np.absolute(rest, rest)  # of -0 the product is -0


def _huber_factors(x: Array, delta: float) -> tuple[Array, Array]:
    """Two factors of it: x limited to [-delta, delta], and x minus half of that. No branches, which take ten times as long."""
    low, half, high = numbers(x.dtype, -delta, 0.5, delta)
    inner = as_array(bounded(x, low, high))
    rest = as_array(inner * half)
    return inner, np.subtract(x, rest, rest)


huber_p = Parametric(_huber, name="huber", kind="float", kinks=("delta", "-delta"))
huber_p.vjp(x=lambda g, x, delta: g * hardtanh_p.bind(x, min_val=-delta, max_val=delta))


@primitive(elementwise=True)
def huber_total(x: Array, *, delta: float, divisor: int) -> Array:
    """The sum of `huber` of all elements, over a divisor; (...) -> ()."""
    return narrowed(np.absolute(product_sum(*_huber_factors(widened(x), delta), None, False) / divisor), x.dtype)


huber_total.vjp(x=lambda g, x, delta, divisor: g / divisor * hardtanh_p.bind(x, min_val=-delta, max_val=delta))


@typed_errors
def huber_loss(input: Tensor, target: Tensor, reduction: str = "mean", delta: float = 1.0, weight: Tensor | None = None) -> Tensor:
    """d² / 2 for |d| <= delta, delta · (|d| - delta / 2) beyond; d = input - target. `weight` multiplies, also before a mean.

    Huber, Robust estimation of a location parameter, 1964.

    >>> tg.nn.functional.huber_loss(tg.tensor([0.5, 3.0]), tg.zeros(2), reduction="none")
    tensor([0.1250, 2.5000])
    """
    bend = coefficient(delta, "huber_loss", "delta")
    if not bend > 0:
        raise ArgumentError(f"huber_loss: delta must be positive, got {delta}")
    if weight is None and (divisor := divisor_of(input, target, reduction)) is not None:
        return huber_total.bind(input - target, delta=bend, divisor=divisor)
    each = huber_p.bind(_difference("huber_loss", input, target, reduction), delta=bend)
    return reduced("huber_loss", each if weight is None else _times("huber_loss", each, weight), reduction)


@typed_errors
def smooth_l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    beta: float = 1.0,
) -> Tensor:
    """d² / (2 beta) for |d| < beta, |d| - beta / 2 beyond; d = input - target.

    >>> tg.nn.functional.smooth_l1_loss(tg.tensor([0.5, 3.0]), tg.zeros(2), reduction="none")
    tensor([0.1250, 2.5000])
    """
    reduction = reduction_of(reduction, size_average, reduce)
    if not beta >= 0:
        raise ArgumentError(f"smooth_l1_loss: beta must not be negative, got {beta}; 0 gives l1_loss")
    if beta == 1 and (divisor := divisor_of(input, target, reduction)) is not None:
        return huber_total.bind(input - target, delta=1.0, divisor=divisor)
    difference = _difference("smooth_l1_loss", input, target, reduction)
    each = abs(difference) if beta == 0 else huber_p.bind(difference, delta=float(beta))
    if beta != 0 and beta != 1:
        each = each / beta
    return reduced("smooth_l1_loss", each, reduction)


# ---- classification and distributions ------------------------------------------------------------------------------


@typed_errors
def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """-log softmax(input) at the target's class; (N, C, ...), integers (N, ...) or probabilities (N, C, ...).

    >>> tg.nn.functional.cross_entropy(tg.zeros(2, 4), tg.tensor([0, 3]))
    tensor(1.3863)
    """
    reduction = reduction_of(reduction, size_average, reduce)
    return losses.cross_entropy(input, target, weight, ignore_index=ignore_index, reduction=reduction, label_smoothing=label_smoothing)


@typed_errors
def linear_cross_entropy(
    input: Tensor,
    linear_weight: Tensor,
    target: Tensor,
    *,
    linear_bias: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: str = "mean",
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    options: None = None,
) -> Tensor:
    """cross_entropy of linear(input, linear_weight, linear_bias); (N, in), (C, in), (N,), or weights (C, ..., in) and targets (N, ...).

    PyTorch's `options`, which compute it in pieces, must be None here.

    >>> tg.nn.functional.linear_cross_entropy(tg.ones(2, 3), tg.zeros(4, 3), tg.tensor([0, 3]))
    tensor(1.3863)
    """
    what = "linear_cross_entropy"
    check_tensors(what, input=input, linear_weight=linear_weight, target=target)
    if options is not None:
        raise ArgumentError(f"{what}: options must be None, the logits are always computed as a whole; got {options!r}")
    outer, more = tuple(linear_weight.shape[:-1]), linear_weight.ndim - 2
    if input.ndim not in (1, 2) or more < 0 or (more and input.ndim == 1) or input.shape[-1] != linear_weight.shape[-1]:
        raise ShapeError(
            f"{what}: needs an input (N, in) and weights (C, ..., in), or (in,) and (C, in), got\n"
            f"  input {tuple(input.shape)} · linear_weight {tuple(linear_weight.shape)}"
        )
    if linear_bias is not None and tuple(linear_bias.shape) != outer:
        raise ShapeError(f"{what}: linear_bias must be {outer}, one for each row of linear_weight, got {tuple(linear_bias.shape)}")
    flat = None if linear_bias is None else linear_bias.reshape(-1)
    logits = linear(input, linear_weight.reshape(-1, input.shape[-1]), flat).reshape(*input.shape[:-1], *outer)
    if ignore_index is not None and target.shape == logits.shape:
        raise ArgumentError(f"{what}: ignore_index names a class, but the target has probabilities")
    index = -100 if ignore_index is None else ignore_index
    return losses.cross_entropy(logits, target, weight, ignore_index=index, reduction=reduction, label_smoothing=label_smoothing)


@typed_errors
def nll_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """-input at the target's class, of log-probabilities; (N, C, ...), (N, ...).

    >>> tg.nn.functional.nll_loss(tg.tensor([[-0.5, -1.0], [-2.0, -0.1]]), tg.tensor([0, 0]))
    tensor(1.2500)
    """
    reduction = reduction_of(reduction, size_average, reduce)
    return losses.nll_loss(input, target, weight, ignore_index=ignore_index, reduction=reduction)


@typed_errors
def binary_cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """-(target · log input + (1 - target) · log(1 - input)) of probabilities; the logarithms are at least -100.

    >>> tg.nn.functional.binary_cross_entropy(tg.tensor([0.5, 0.0]), tg.tensor([1.0, 1.0]), reduction="none")
    tensor([  0.6931, 100.0000])
    """
    return losses.binary_cross_entropy(input, target, weight, reduction=reduction_of(reduction, size_average, reduce))


@typed_errors
def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:
    """The binary cross entropy of sigmoid(input), without overflow; `pos_weight` multiplies the part of target.

    >>> tg.nn.functional.binary_cross_entropy_with_logits(tg.tensor([0.0, -1000.0]), tg.ones(2), reduction="none")
    tensor([6.9315e-01, 1.0000e+03])
    """
    reduction = reduction_of(reduction, size_average, reduce)
    return losses.binary_cross_entropy_with_logits(input, target, weight, reduction=reduction, pos_weight=pos_weight)


def _negative_entropy(x: Array) -> Array:
    """x · log x, and 0 at 0."""
    return np.where(x == 0, x, x * np.log(x))


negative_entropy = unary(
    "negative_entropy", _negative_entropy, lambda g, x: g * (log(x) + 1.0), "x · log x, and 0 at 0", domain=((0.0, np.inf),), analytic=True
)


@primitive(elementwise=True)
def kl_div_total(x: Array, y: Array, *, divisor: int) -> Array:
    """Σ y · log y - y · x, over a divisor; two of one shape -> ()."""
    return total(_negative_entropy(y) - y * x, divisor)


kl_div_total.vjp(
    x=lambda g, y, divisor: y * (-g / divisor),
    y=lambda g, x, y, divisor: g / divisor * (log(y) + 1.0 - x),
)


@typed_errors
def kl_div(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    log_target: bool = False,
) -> Tensor:
    """target · (log target - input), the divergence of log-probabilities `input` from probabilities `target`.

    With `log_target`, target holds logarithms too. "batchmean" sums and divides by the size of dim 0, as the mathematical
    definition does; "mean" divides by the number of elements.

    >>> p = tg.tensor([0.5, 0.5])
    >>> tg.nn.functional.kl_div(tg.log(tg.tensor([0.25, 0.75])), p, reduction="sum")
    tensor(0.1438)
    """
    reduction = reduction_of(reduction, size_average, reduce)
    if reduction not in ("mean", "sum", "none", "batchmean"):
        raise ArgumentError(f'kl_div: reduction must be "batchmean", "mean", "sum" or "none", got {reduction!r}')
    divisor = divisor_of(input, target, "sum" if reduction == "batchmean" else reduction)
    if divisor is not None and not log_target:
        divisor = shape_of(input)[0] if reduction == "batchmean" and input.ndim else divisor
        return kl_div_total.bind(input, target, divisor=divisor)
    check_tensors("kl_div", input=input, target=target)
    check_pair("kl_div", shape_of(input), shape_of(target))
    each = exp(target) * (target - input) if log_target else negative_entropy(target) - target * input
    if reduction == "batchmean":
        return sum(each) / (input.shape[0] if input.ndim else 1)
    return reduced("kl_div", each, reduction)
