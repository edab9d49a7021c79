"""Losses that are 0 beyond a margin, and likelihoods of counts and of measurements, by PyTorch's names."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ...engine.refusal import typed_errors
from ...engine.strong_zero import masked
from ...errors import ArgumentError, DtypeError, ShapeError
from ...ops.elementwise import clamp_min_p, eq, exp, le, log, ne, relu, square
from ...ops.fused import log_sigmoid
from ...ops.gathering import gather
from ...ops.losses import check_pair, check_reduction, check_tensors, reduced
from ...ops.pointwise import check_broadcast, cut
from ...ops.reduction import all, mean, sum
from ...ops.shape import reshape
from .distance import pairwise_distance
from .loss import reduction_of

if TYPE_CHECKING:
    from ...tensor import Tensor

# ---- margins -------------------------------------------------------------------------------------------------------


@typed_errors
def hinge_embedding_loss(
    input: Tensor,
    target: Tensor,
    margin: float = 1.0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """x where target is 1, max(0, margin - x) where it is -1: small distances of what belongs together, large ones else."""
    what, reduction = "hinge_embedding_loss", reduction_of(reduction, size_average, reduce)
    check_tensors(what, input=input, target=target)
    check_reduction(what, reduction)
    check_pair(what, input.shape, target.shape)
    each = masked(clamp_min_p(margin - input, 0.0), eq(target, 1)) + masked(input, eq(target, -1))
    return reduced(what, each, reduction)


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
    """max(0, margin - target · (input1 - input2)): where target is 1, the first should be the larger one, where it is -1 the second."""
    what, reduction = "margin_ranking_loss", reduction_of(reduction, size_average, reduce)
    check_tensors(what, input1=input1, input2=input2, target=target)
    check_reduction(what, reduction)
    if not input1.ndim == input2.ndim == target.ndim:
        shapes = f"{tuple(input1.shape)} · {tuple(input2.shape)} · {tuple(target.shape)}"
        raise ShapeError(f"{what}: both inputs and the target need the same number of dims\n  {shapes}")
    return reduced(what, clamp_min_p(-target * (input1 - input2) + margin, 0.0), reduction)


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
    """
    what, reduction = "triplet_margin_loss", reduction_of(reduction, size_average, reduce)
    check_tensors(what, anchor=anchor, positive=positive, negative=negative)
    check_reduction(what, reduction)
    if not margin > 0:
        raise ArgumentError(f"{what}: margin must be positive, got {margin}")
    if not anchor.ndim == positive.ndim == negative.ndim:
        shapes = f"{tuple(anchor.shape)} · {tuple(positive.shape)} · {tuple(negative.shape)}"
        raise ShapeError(f"{what}: anchor, positive and negative need the same number of dims\n  {shapes}")
    near, far = pairwise_distance(anchor, positive, p, eps), pairwise_distance(anchor, negative, p, eps)
    if swap:
        far = far.minimum(pairwise_distance(positive, negative, p, eps))
    return reduced(what, clamp_min_p(near - far + margin, 0.0), reduction)


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
    """1 - cos where target is 1, max(0, cos - margin) where it is -1; cos of the angle between the rows of (n, k), or of two (k,)."""
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
    """log(1 + exp(-target · x)), without overflow, for targets 1 and -1."""
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
    """The mean over the classes, the last dim, of the binary cross entropies of sigmoid(x) and target; times a weight per class."""
    what, reduction = "multilabel_soft_margin_loss", reduction_of(reduction, size_average, reduce)
    check_tensors(what, input=input, target=target)
    check_reduction(what, reduction)
    check_pair(what, input.shape, target.shape)
    each = -(target * log_sigmoid(input) + (1 - target) * log_sigmoid(-input))
    return reduced(what, mean(each if weight is None else each * weight, -1), reduction)


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
    """The mean over the other classes i of max(0, margin - x[target] + x[i])ᵖ, times weight[target]; (n, c), integers (n,)."""
    what, reduction = "multi_margin_loss", reduction_of(reduction, size_average, reduce)
    check_tensors(what, input=input, target=target)
    check_reduction(what, reduction)
    if p not in (1, 2):
        raise ArgumentError(f"{what}: p must be 1 or 2, got {p}")
    if target.dtype.kind not in "iu":
        raise DtypeError(f"{what}: target must hold integers, the numbers of classes, got {target.dtype}; convert it with .long()")
    if (input.ndim, target.ndim) not in ((2, 1), (1, 0), (1, 1)) or target.shape != (input.shape[:-1] or target.shape):
        raise ShapeError(f"{what}: needs input (n, c) and target (n,), or (c,) and ()\n  {tuple(input.shape)} · {tuple(target.shape)}")
    count = input.shape[-1]
    rows, index = reshape(input, (-1, count)), reshape(target, (-1, 1))
    over: Any = relu(rows - gather(rows, 1, index) + margin)
    if p == 2:
        over = square(over)
    if weight is not None:
        over = over * weight[index]
    each = sum(masked(over, eq(index, np.arange(count))), 1) / count
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


@typed_errors
def gaussian_nll_loss(input: Tensor, target: Tensor, var: Any, full: bool = False, eps: float = 1e-06, reduction: str = "mean") -> Tensor:
    """(log v + (x - target)² / v) / 2 with v = max(var, eps), for normal distributions of mean x; `full` adds log(2π) / 2.

    `var` has the input's shape, or lacks its last dim, or has size 1 there. Nix and Weigend, 1994.
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
        elif input.shape[:-1] != var.shape[:-1] or var.shape[-1:] != (1,):
            raise ShapeError(
                f"{what}: var must have the input's shape, or size 1 in the last dim\n  {tuple(var.shape)} · {tuple(input.shape)}"
            )
    if not bool(all(var >= 0)):
        raise ArgumentError(f"{what}: var has negative elements; variances are at least 0")
    bounded = var + cut(clamp_min_p(var, float(eps)) - var)  # the bound does not stop the gradient
    each = 0.5 * (log(bounded) + square(input - target) / bounded)
    return reduced(what, each + 0.5 * math.log(2.0 * math.pi) if full else each, reduction)
