"""Losses that are 0 beyond a margin, and likelihoods of counts and of measurements, as modules."""

from __future__ import annotations

from collections.abc import Callable

from ..engine.refusal import typed_errors
from ..errors import ArgumentError
from ..tensor import Tensor
from . import functional as F
from .distance import PairwiseDistance
from .loss import Loss, WeightedLoss
from .module import Module

# ---- margins -------------------------------------------------------------------------------------------------------


class _MarginLoss(Loss):
    margin: float

    def __init__(self, margin: float, size_average: bool | None, reduce: bool | None, reduction: str) -> None:
        super().__init__(size_average, reduce, reduction)
        self.margin = margin


class HingeEmbeddingLoss(_MarginLoss):
    """x where target is 1, max(0, margin - x) where it is -1.

    >>> tg.nn.HingeEmbeddingLoss(reduction="none")(tg.tensor([0.25, 0.25, 2.0]), tg.tensor([1, -1, -1]))
    tensor([0.2500, 0.7500, 0.0000])
    """

    @typed_errors
    def __init__(self, margin: float = 1.0, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean") -> None:
        super().__init__(margin, size_average, reduce, reduction)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.hinge_embedding_loss(input, target, self.margin, reduction=self.reduction)


class MarginRankingLoss(_MarginLoss):
    """max(0, margin - target · (input1 - input2)) for targets 1 and -1.

    >>> tg.nn.MarginRankingLoss(margin=1.0)(tg.tensor([3.0, 2.0]), tg.tensor([1.0, 2.0]), tg.tensor([1, 1]))
    tensor(0.5000)
    """

    @typed_errors
    def __init__(self, margin: float = 0.0, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean") -> None:
        super().__init__(margin, size_average, reduce, reduction)

    def forward(self, input1: Tensor, input2: Tensor, target: Tensor) -> Tensor:
        return F.margin_ranking_loss(input1, input2, target, self.margin, reduction=self.reduction)


class CosineEmbeddingLoss(_MarginLoss):
    """1 - cos where target is 1, max(0, cos - margin) where it is -1; (n, k), (n, k), (n,).

    >>> x = tg.tensor([[1.0, 0.0], [1.0, 0.0]])
    >>> tg.nn.CosineEmbeddingLoss(reduction="none")(x, tg.tensor([[0.0, 1.0], [2.0, 0.0]]), tg.tensor([1, -1]))
    tensor([1., 1.])
    """

    @typed_errors
    def __init__(self, margin: float = 0.0, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean") -> None:
        super().__init__(margin, size_average, reduce, reduction)

    def forward(self, input1: Tensor, input2: Tensor, target: Tensor) -> Tensor:
        return F.cosine_embedding_loss(input1, input2, target, self.margin, reduction=self.reduction)


class TripletMarginLoss(Loss):
    """max(0, margin + d(anchor, positive) - d(anchor, negative)) with d = `pairwise_distance`; (n, k) thrice. Balntas et al., 2016.

    >>> anchor, positive, negative = tg.tensor([[0.0]]), tg.tensor([[3.0]]), tg.tensor([[1.0]])
    >>> tg.nn.TripletMarginLoss(eps=0.0)(anchor, positive, negative)
    tensor(3.)
    """

    @typed_errors
    def __init__(
        self,
        margin: float = 1.0,
        p: float = 2.0,
        eps: float = 1e-06,
        swap: bool = False,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        _check_margin(self, margin)
        self.margin = margin
        self.p = p
        self.eps = eps
        self.swap = swap

    def forward(self, anchor: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
        return F.triplet_margin_loss(anchor, positive, negative, self.margin, self.p, self.eps, self.swap, reduction=self.reduction)


class TripletMarginWithDistanceLoss(Loss):
    """`TripletMarginLoss` with a distance of one's own, a function of two tensors.

    >>> loss = tg.nn.TripletMarginWithDistanceLoss(distance_function=lambda x, y: (x - y).abs().sum(-1))
    >>> loss(tg.tensor([[0.0]]), tg.tensor([[3.0]]), tg.tensor([[1.0]]))
    tensor(3.)
    """

    @typed_errors
    def __init__(
        self,
        *,
        distance_function: Callable[[Tensor, Tensor], Tensor] | None = None,
        margin: float = 1.0,
        swap: bool = False,
        reduction: str = "mean",
    ) -> None:
        super().__init__(reduction=reduction)
        _check_margin(self, margin)
        self.distance_function = PairwiseDistance() if distance_function is None else distance_function
        self.margin = margin
        self.swap = swap

    def forward(self, anchor: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
        return F.triplet_margin_with_distance_loss(
            anchor,
            positive,
            negative,
            distance_function=self.distance_function,
            margin=self.margin,
            swap=self.swap,
            reduction=self.reduction,
        )


def _check_margin(loss: Module, margin: float) -> None:
    if not margin > 0:
        raise ArgumentError(f"{loss._get_name()}: margin must be positive, got {margin}")


class MultiMarginLoss(WeightedLoss):
    """The mean over the other classes i of max(0, margin - x[target] + x[i])ᵖ, times weight[target]; (n, c), integers (n,).

    >>> tg.nn.MultiMarginLoss()(tg.tensor([[0.0, 0.5, 2.0]]), tg.tensor([1]))
    tensor(1.)
    """

    @typed_errors
    def __init__(
        self,
        p: int = 1,
        margin: float = 1.0,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(weight, size_average, reduce, reduction)
        if p not in (1, 2):
            raise ArgumentError(f"MultiMarginLoss: p must be 1 or 2, got {p}")
        if weight is not None and weight.ndim != 1:
            raise ArgumentError(f"MultiMarginLoss: weight must have 1 dim, one element for each class, got shape {tuple(weight.shape)}")
        self.p = p
        self.margin = margin

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.multi_margin_loss(input, target, self.p, self.margin, self.weight, reduction=self.reduction)


class MultiLabelMarginLoss(Loss):
    """Σ max(0, 1 - (x[j] - x[i])) / c over the sample's own classes j, listed in target, and all others i; (n, c), integers (n, c).

    >>> tg.nn.MultiLabelMarginLoss()(tg.tensor([[0.0, 0.5, 2.0, 0.0]]), tg.tensor([[2, 1, -1, -1]]))
    tensor(0.2500)
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.multilabel_margin_loss(input, target, reduction=self.reduction)


class SoftMarginLoss(Loss):
    """log(1 + exp(-target · x)) for targets 1 and -1.

    >>> tg.nn.SoftMarginLoss(reduction="none")(tg.tensor([0.0, 100.0]), tg.tensor([1, -1]))
    tensor([  0.6931, 100.0000])
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.soft_margin_loss(input, target, reduction=self.reduction)


class MultiLabelSoftMarginLoss(WeightedLoss):
    """The mean over the classes of the binary cross entropies of sigmoid(x) and target, times a weight per class; (n, c) twice.

    >>> tg.nn.MultiLabelSoftMarginLoss()(tg.tensor([[0.0, 100.0]]), tg.tensor([[1.0, 1.0]]))
    tensor(0.3466)
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.multilabel_soft_margin_loss(input, target, self.weight, reduction=self.reduction)


# ---- likelihoods ---------------------------------------------------------------------------------------------------


class PoissonNLLLoss(Loss):
    """exp(x) - target · x for counts, or x - target · log x without `log_input`; `full` adds Stirling's term.

    >>> tg.nn.PoissonNLLLoss(reduction="none")(tg.tensor([0.0, 1.0]), tg.tensor([3.0, 2.0]))
    tensor([1.0000, 0.7183])
    """

    @typed_errors
    def __init__(
        self,
        log_input: bool = True,
        full: bool = False,
        size_average: bool | None = None,
        eps: float = 1e-08,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.log_input = log_input
        self.full = full
        self.eps = eps

    def forward(self, log_input: Tensor, target: Tensor) -> Tensor:
        return F.poisson_nll_loss(log_input, target, self.log_input, self.full, eps=self.eps, reduction=self.reduction)


class GaussianNLLLoss(Loss):
    """(log v + (x - target)² / v) / 2 with v = max(var, eps); `full` adds log(2π) / 2. Nix and Weigend, 1994.

    >>> tg.nn.GaussianNLLLoss(reduction="none")(tg.tensor([0.0, 0.0]), tg.tensor([1.0, 2.0]), tg.tensor([1.0, 4.0]))
    tensor([0.5000, 1.1931])
    """

    @typed_errors
    def __init__(self, *, full: bool = False, eps: float = 1e-06, reduction: str = "mean") -> None:
        super().__init__(reduction=reduction)
        self.full = full
        self.eps = eps

    def forward(self, input: Tensor, target: Tensor, var: Tensor | float) -> Tensor:
        return F.gaussian_nll_loss(input, target, var, full=self.full, eps=self.eps, reduction=self.reduction)
