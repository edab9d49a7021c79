"""Losses that are 0 beyond a margin, and likelihoods of counts and of measurements, by PyTorch's names."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ...engine.mutation import Array
from ...engine.primitive import primitive
from ...engine.promotion import result_type
from ...engine.refusal import is_number, shown, typed_errors
from ...engine.selection import choose, zero_of
from ...engine.strong_zero import masked
from ...errors import ArgumentError, ArgumentTypeError, DtypeError, ShapeError
from ...ops.arguments import coefficient, shape_of
from ...ops.elementwise import clamp_min_p, eq, exp, ge, le, log, lt, ne, relu, square
from ...ops.fused import log_sigmoid
from ...ops.gathering import gather
from ...ops.large import bounded
from ...ops.losses import check_pair, check_reduction, check_tensors, divisor_of, reduced, total
from ...ops.pointwise import check_broadcast, convert, cut, numbers
from ...ops.positions import in_range
from ...ops.reduction import any, mean, sum
from ...ops.scan import cumsum
from ...ops.shape import reshape
from .distance import pairwise_distance
from .loss import reduction_of

if TYPE_CHECKING:
    from ...tensor import Tensor

# ---- margins -------------------------------------------------------------------------------------------------------


@primitive(elementwise=True)
def hinge_embedding(x: Array, target: Array, *, margin: float) -> Array:
    """x, but where target is -1, plus max(0, margin - x), but where target is 1."""
    zero, limit = zero_of(x.dtype), numbers(x.dtype, margin)[0]
    return choose(target == -1, zero, x) + choose(target == 1, zero, bounded(limit - x, zero, math.inf))


hinge_embedding.vjp(
    x=lambda g, x, target, margin: masked(g, eq(target, -1)) - masked(g, eq(target, 1) | ~le(x, margin)),  # at the margin as `clamp` does
    target=None,
)


@typed_errors
def hinge_embedding_loss(
    input: Tensor,
    target: Tensor,
    margin: float = 1.0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """x where target is 1, max(0, margin - x) where it is -1: small distances of what belongs together, large ones else.

    >>> tg.nn.functional.hinge_embedding_loss(tg.tensor([0.5, 0.5]), tg.tensor([1, -1]), reduction="none")
    tensor([0.5000, 0.5000])
    """
    what, reduction = "hinge_embedding_loss", reduction_of(reduction, size_average, reduce)
    check_tensors(what, input=input, target=target)
    check_reduction(what, reduction)
    check_pair(what, shape_of(input), shape_of(target))
    bound = coefficient(margin, what, "margin")
    return reduced(what, hinge_embedding.bind(convert(input, result_type(input, margin)), target, margin=bound), reduction)


@typed_errors
def margin_ranking_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """max(0, margin - target · (input1 - input2)): where target is 1, the first should be the larger one, where it is -1 the second.

    >>> tg.nn.functional.margin_ranking_loss(tg.tensor([1.0, 5.0]), tg.tensor([2.0, 2.0]), tg.tensor([1, 1]), reduction="none")
    tensor([1., 0.])
    """
    what, reduction = "margin_ranking_loss", reduction_of(reduction, size_average, reduce)
    check_tensors(what, input1=input1, input2=input2, target=target)
    check_reduction(what, reduction)
    if not input1.ndim == input2.ndim == target.ndim:
        shapes = f"{tuple(input1.shape)} · {tuple(input2.shape)} · {tuple(target.shape)}"
        raise ShapeError(f"{what}: both inputs and the target need the same number of dims\n  {shapes}")
    return _over_margin(what, -target * (input1 - input2), margin, reduction)


@primitive(elementwise=True)
def over_margin_total(x: Array, *, margin: float, divisor: int) -> Array:
    """Σ max(0, x + margin), over a divisor; (...) -> ()."""
    zero, limit = numbers(x.dtype, 0.0, margin)
    return total(bounded(x + limit, zero, math.inf), divisor)


over_margin_total.vjp(x=lambda g, x, margin, divisor: masked(g / divisor, ~ge(x + margin, 0.0)))


def _over_margin(what: str, x: Tensor, margin: float, reduction: str) -> Tensor:
    """max(0, x + margin), reduced. float16 goes the long way, where numbers are added in float32."""
    divisor = divisor_of(x, x, reduction)
    if divisor is None or x.dtype == np.float16 or not isinstance(margin, (int, float)):
        return reduced(what, clamp_min_p(x + margin, 0.0), reduction)
    return over_margin_total.bind(x, margin=float(margin), divisor=divisor)


@typed_errors
def triplet_margin_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-06,
    swap: bool = False,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """max(0, margin + d(anchor, positive) - d(anchor, negative)) with d = pairwise_distance; (n, k) thrice, or (k,).

    With `swap` the distance of positive and negative counts where it is the smaller one. Balntas et al., Learning local feature
    descriptors with triplets and shallow convolutional neural networks, 2016.

    >>> tg.nn.functional.triplet_margin_loss(tg.zeros(1, 2), tg.zeros(1, 2), tg.tensor([[0.3, 0.4]]))
    tensor(0.5000)
    """
    what, reduction = "triplet_margin_loss", reduction_of(reduction, size_average, reduce)
    return _triplets(what, anchor, positive, negative, lambda x, y: pairwise_distance(x, y, p, eps), margin, swap, reduction)


def triplet_margin_with_distance_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    *,
    distance_function: Callable[[Tensor, Tensor], Tensor] | None = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
) -> Tensor:
    """`triplet_margin_loss` with a distance of one's own, a function of two tensors; `pairwise_distance` if none is given.

    >>> x, distance = tg.tensor([[0.0], [1.0], [3.0]]), lambda x, y: (x - y).abs().sum(-1)
    >>> tg.nn.functional.triplet_margin_with_distance_loss(x[0], x[2], x[1], distance_function=distance)
    tensor(3.)
    """
    what, distance = "triplet_margin_with_distance_loss", pairwise_distance if distance_function is None else distance_function
    if not callable(distance):
        raise ArgumentTypeError(f"{what}: distance_function must be a function of two tensors, got {shown(distance)}")
    return _triplets(what, anchor, positive, negative, distance, margin, swap, reduction)


def _triplets(
    what: str,
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    distance: Callable[[Tensor, Tensor], Tensor],
    margin: float,
    swap: bool,
    reduction: str,
) -> Tensor:
    check_tensors(what, anchor=anchor, positive=positive, negative=negative)
    check_reduction(what, reduction)
    if not is_number(margin):
        raise ArgumentTypeError(f"{what}: margin must be a number, got {shown(margin)}")
    if not margin > 0:
        raise ArgumentError(f"{what}: margin must be positive, got {margin}")
    if type(swap) is not bool:
        raise ArgumentTypeError(f"{what}: swap must be True or False, got {shown(swap)}")
    if not anchor.ndim == positive.ndim == negative.ndim:
        shapes = f"{tuple(anchor.shape)} · {tuple(positive.shape)} · {tuple(negative.shape)}"
        raise ShapeError(f"{what}: anchor, positive and negative need the same number of dims\n  {shapes}")
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = far.minimum(distance(positive, negative))
    return _over_margin(what, near - far, margin, reduction)


@typed_errors
def cosine_embedding_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """1 - cos where target is 1, max(0, cos - margin) where it is -1; cos of the angle between the rows of (n, k), or of two (k,).

    >>> tg.nn.functional.cosine_embedding_loss(tg.tensor([[1.0, 0.0]]), tg.tensor([[0.0, 2.0]]), tg.tensor([1]))
    tensor(1.)
    """
    what, reduction = "cosine_embedding_loss", reduction_of(reduction, size_average, reduce)
    check_tensors(what, input1=input1, input2=input2, target=target)
    check_reduction(what, reduction)
    if (target.ndim, input1.ndim, input2.ndim) not in ((0, 1, 1), (1, 2, 2)):
        shapes = f"{tuple(input1.shape)} · {tuple(input2.shape)} · {tuple(target.shape)}"
        raise ShapeError(f"{what}: needs inputs (n, k) and a target (n,), or inputs (k,) and a target ()\n  {shapes}")
    check_broadcast(what, (input1, input2))
    sizes = (sum(square(input1), -1) + 1e-12) * (sum(square(input2), -1) + 1e-12)
    cosine = sum(input1 * input2, -1) / sizes.sqrt()
    each = masked(1.0 - cosine, ne(target, 1)) + masked(clamp_min_p(cosine - margin, 0.0), ne(target, -1))
    return reduced(what, each, reduction)


@typed_errors
def soft_margin_loss(
    input: Tensor, target: Tensor, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean"
) -> Tensor:
    """log(1 + exp(-target · x)), without overflow, for targets 1 and -1.

    >>> tg.nn.functional.soft_margin_loss(tg.tensor([0.0, 1000.0]), tg.tensor([1.0, -1.0]), reduction="none")
    tensor([6.9315e-01, 1.0000e+03])
    """
    what, reduction = "soft_margin_loss", reduction_of(reduction, size_average, reduce)
    check_tensors(what, input=input, target=target)
    check_reduction(what, reduction)
    check_pair(what, input.shape, target.shape)
    return reduced(what, -log_sigmoid(input * target), reduction)


@typed_errors
def multilabel_soft_margin_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """The mean over the classes, the last dim, of the binary cross entropies of sigmoid(x) and target; times a weight per class.

    >>> tg.nn.functional.multilabel_soft_margin_loss(tg.zeros(1, 3), tg.tensor([[1.0, 0.0, 1.0]]))
    tensor(0.6931)
    """
    what, reduction = "multilabel_soft_margin_loss", reduction_of(reduction, size_average, reduce)
    check_tensors(what, input=input, target=target)
    check_reduction(what, reduction)
    check_pair(what, input.shape, target.shape)
    each = -(target * log_sigmoid(input) + (1 - target) * log_sigmoid(-input))
    return reduced(what, mean(each if weight is None else each * weight, -1), reduction)


def _raised(x: Tensor) -> Tensor:
    """A number as a sample of one class."""
    return x if x.ndim else reshape(x, (1,))


@typed_errors
def multi_margin_loss(
    input: Tensor,
    target: Tensor,
    p: int = 1,
    margin: float = 1.0,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """The mean over the other classes i of max(0, margin - x[target] + x[i])ᵖ, times weight[target]; (n, c), integers (n,).

    >>> tg.nn.functional.multi_margin_loss(tg.tensor([[0.0, 3.0, 0.5]]), tg.tensor([2]))
    tensor(1.3333)
    """
    what, reduction = "multi_margin_loss", reduction_of(reduction, size_average, reduce)
    check_tensors(what, input=input, target=target)
    check_reduction(what, reduction)
    if p not in (1, 2):
        raise ArgumentError(f"{what}: p must be 1 or 2, got {p}")
    if target.dtype.kind not in "iu":
        raise DtypeError(f"{what}: target must hold integers, the numbers of classes, got {target.dtype}; convert it with .long()")
    input = _raised(input)
    if input.ndim > 2 or target.ndim > 1 or target.numel() != math.prod(input.shape[:-1]):
        raise ShapeError(f"{what}: needs input (n, c) and target (n,), or (c,) and ()\n  {tuple(input.shape)} · {tuple(target.shape)}")
    count = input.shape[-1]
    rows, index = reshape(input, (-1, count)), reshape(target, (-1, 1))
    over: Any = relu(rows - gather(rows, 1, index) + margin)
    if p == 2:
        over = square(over)
    if weight is not None:
        over = over * weight[index]
    each = sum(masked(over, eq(index, np.arange(count))), 1) / count
    return reduced(what, reshape(each, target.shape), reduction)


@typed_errors
def multilabel_margin_loss(
    input: Tensor, target: Tensor, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean"
) -> Tensor:
    """Σ max(0, 1 - (x[j] - x[i])) / c over the sample's own classes j and all others i; (n, c), integers (n, c), or (c,) twice.

    A row of target lists the classes of its sample; a negative number ends the list.

    >>> tg.nn.functional.multilabel_margin_loss(tg.tensor([0.1, 0.2, 0.4, 0.8]), tg.tensor([3, 0, -1, 1]))
    tensor(0.8500)
    """
    what, reduction = "multilabel_margin_loss", reduction_of(reduction, size_average, reduce)
    check_tensors(what, input=input, target=target)
    check_reduction(what, reduction)
    if target.dtype.kind not in "iu":
        raise DtypeError(f"{what}: target must hold integers, the numbers of classes, got {target.dtype}; convert it with .long()")
    input, target = _raised(input), _raised(target)
    if input.ndim not in (1, 2) or tuple(target.shape) != tuple(input.shape):
        raise ShapeError(f"{what}: input and target must both be (n, c), or (c,)\n  {tuple(input.shape)} · {tuple(target.shape)}")
    count = input.shape[-1]
    rows, listed = reshape(input, (-1, count)), reshape(target, (-1, count))
    own = eq(cumsum(lt(listed, 0), 1), 0)  # what stands before the end of the list
    index = in_range.bind(listed * own, size=count, what=what)
    is_own = any(eq(reshape(index, (-1, count, 1)), np.arange(count)) & reshape(own, (-1, count, 1)), 1)
    over = relu(1.0 - reshape(gather(rows, 1, index), (-1, count, 1)) + reshape(rows, (-1, 1, count)))
    kept = reshape(own, (-1, count, 1)) & ~reshape(is_own, (-1, 1, count))
    each = sum(masked(over, ~kept), (1, 2)) / count
    return reduced(what, each if input.ndim == 2 else reshape(each, ()), reduction)


# ---- likelihoods ---------------------------------------------------------------------------------------------------


@typed_errors
def poisson_nll_loss(
    input: Tensor,
    target: Tensor,
    log_input: bool = True,
    full: bool = False,
    size_average: bool | None = None,
    eps: float = 1e-08,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """exp(x) - target · x, for counts with a Poisson distribution of mean exp(x), or x itself without `log_input`.

    `full` adds Stirling's approximation of log target!, which the gradient of x does not depend on.

    >>> tg.nn.functional.poisson_nll_loss(tg.tensor([0.0]), tg.tensor([3.0]))
    tensor(1.)
    """
    what, reduction = "poisson_nll_loss", reduction_of(reduction, size_average, reduce)
    check_tensors(what, input=input, target=target)
    check_reduction(what, reduction)
    check_pair(what, input.shape, target.shape)
    each = exp(input) - target * input if log_input else input - target * log(input + eps)
    if full:
        stirling = target * log(target) - target + 0.5 * log(2.0 * math.pi * target)
        each = each + masked(stirling, le(target, 1))
    return reduced(what, each, reduction)


@primitive(fails=True)
def not_negative(x: Array) -> Array:
    """The variances themselves. Raises ArgumentError if one is negative."""
    if (x < 0).any():
        raise ArgumentError(f"gaussian_nll_loss: var has negative elements, such as {x[x < 0].flat[0]}; variances are at least 0")
    return x


def _plain_not_negative(x: Any) -> Any:
    np.logical_or.reduce(x < 0, axis=None).within(0, 1)
    return x


not_negative.plain = _plain_not_negative
not_negative.vjp(x=None)


@typed_errors
def gaussian_nll_loss(input: Tensor, target: Tensor, var: Any, full: bool = False, eps: float = 1e-06, reduction: str = "mean") -> Tensor:
    """(log v + (x - target)² / v) / 2 with v = max(var, eps), for normal distributions of mean x; `full` adds log(2π) / 2.

    `var` has the input's shape, or lacks its last dim, or has size 1 in one dim. Nix and Weigend, 1994.

    >>> tg.nn.functional.gaussian_nll_loss(tg.tensor([1.0]), tg.tensor([3.0]), tg.tensor([1.0]))
    tensor(2.)
    """
    what = "gaussian_nll_loss"
    check_tensors(what, input=input, target=target)
    check_reduction(what, reduction)
    check_pair(what, input.shape, target.shape)
    if isinstance(var, float):
        var = input.detach() * 0.0 + var
    check_tensors(what, var=var)
    if var.shape != input.shape:
        if input.shape[:-1] == var.shape:
            var = reshape(var, (*var.shape, 1))
        elif var.ndim != input.ndim or [own for own, size in zip(var.shape, input.shape, strict=True) if own != size] != [1]:
            raise ShapeError(f"{what}: var must have the input's shape, or size 1 in one dim\n  {tuple(var.shape)} · {tuple(input.shape)}")
    bounded = var + cut(clamp_min_p(not_negative(var), coefficient(eps, what, "eps")) - var)  # the bound does not stop the gradient
    each = 0.5 * (log(bounded) + square(input - target) / bounded)
    return reduced(what, each + 0.5 * math.log(2.0 * math.pi) if full else each, reduction)
