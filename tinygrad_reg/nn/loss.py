"""Losses as modules: the functions of `nn.functional` with their settings."""

from __future__ import annotations

import math
from typing import Any

from ..engine.refusal import shown, typed_errors
from ..errors import ArgumentTypeError
from ..ops import losses
from ..tensor import Tensor
from . import functional as F
from .functional.loss import reduction_of
from .linear import Linear
from .module import Module


class Loss(Module):
    """What all losses share: the reduction, and PyTorch's old flags for it."""

    def __init__(self, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean") -> None:
        super().__init__()
        name = type(self).__name__
        for setting in (size_average, reduce, reduction):
            if isinstance(setting, Tensor):
                raise ArgumentTypeError(
                    f"{name}: got {shown(setting)} as a setting; the call of the layer takes tensors: {name}()(input, target)"
                )
        self.reduction = reduction_of(reduction, size_average, reduce)


class WeightedLoss(Loss):
    """A loss with a weight that moves and is converted with the module."""

    weight: Tensor | None

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.register_buffer("weight", weight)


class MSELoss(Loss):
    """(input - target)²; shapes that are equal.

    >>> tg.nn.MSELoss()(tg.tensor([1.0, 5.0]), tg.tensor([1.0, 2.0]))
    tensor(4.5000)
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return losses.mse_loss(input, target, reduction=self.reduction)


class L1Loss(Loss):
    """|input - target|.

    >>> tg.nn.L1Loss()(tg.tensor([1.0, 5.0]), tg.tensor([1.0, 2.0]))
    tensor(1.5000)
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.l1_loss(input, target, reduction=self.reduction)


class SmoothL1Loss(Loss):
    """d² / (2 beta) for |d| < beta, |d| - beta / 2 beyond; d = input - target.

    >>> tg.nn.SmoothL1Loss()(tg.tensor([0.5]), tg.tensor([0.0]))
    tensor(0.1250)
    """

    @typed_errors
    def __init__(self, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean", beta: float = 1.0) -> None:
        super().__init__(size_average, reduce, reduction)
        self.beta = beta

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.smooth_l1_loss(input, target, reduction=self.reduction, beta=self.beta)


class HuberLoss(Loss):
    """d² / 2 for |d| <= delta, delta · (|d| - delta / 2) beyond; d = input - target.

    >>> tg.nn.HuberLoss()(tg.tensor([3.0]), tg.tensor([0.0]))
    tensor(2.5000)
    """

    @typed_errors
    def __init__(self, reduction: str = "mean", delta: float = 1.0) -> None:
        super().__init__(reduction=reduction)
        self.delta = delta

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.huber_loss(input, target, reduction=self.reduction, delta=self.delta)


class BCELoss(WeightedLoss):
    """Binary cross entropy of probabilities.

    >>> tg.nn.BCELoss()(tg.tensor([0.5]), tg.tensor([1.0]))
    tensor(0.6931)
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.binary_cross_entropy(input, target, self.weight, reduction=self.reduction)


class BCEWithLogitsLoss(WeightedLoss):
    """Binary cross entropy of the sigmoid of the input, without overflow.

    >>> tg.nn.BCEWithLogitsLoss()(tg.tensor([0.0]), tg.tensor([1.0]))
    tensor(0.6931)
    """

    pos_weight: Tensor | None

    @typed_errors
    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
        pos_weight: Tensor | None = None,
    ) -> None:
        super().__init__(weight, size_average, reduce, reduction)
        self.register_buffer("pos_weight", pos_weight)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.binary_cross_entropy_with_logits(input, target, self.weight, pos_weight=self.pos_weight, reduction=self.reduction)


class NLLLoss(WeightedLoss):
    """-input at the target's class, of log-probabilities; (N, C, ...), (N, ...).

    >>> tg.nn.NLLLoss()(tg.tensor([[-0.5, -1.0]]), tg.tensor([0]))
    tensor(0.5000)
    """

    @typed_errors
    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        ignore_index: int = -100,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(weight, size_average, reduce, reduction)
        self.ignore_index = ignore_index

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.nll_loss(input, target, self.weight, ignore_index=self.ignore_index, reduction=self.reduction)


class CrossEntropyLoss(WeightedLoss):
    """-log softmax(input) at the target's class; (N, C, ...), integers (N, ...) or probabilities (N, C, ...).

    >>> tg.nn.CrossEntropyLoss()(tg.zeros(2, 4), tg.tensor([0, 3]))
    tensor(1.3863)
    """

    @typed_errors
    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        ignore_index: int = -100,
        reduce: bool | None = None,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(weight, size_average, reduce, reduction)
        self.ignore_index = ignore_index
        self.label_smoothing = label_smoothing

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.cross_entropy(
            input,
            target,
            self.weight,
            ignore_index=self.ignore_index,
            reduction=self.reduction,
            label_smoothing=self.label_smoothing,
        )


class KLDivLoss(Loss):
    """target · (log target - input), of log-probabilities `input`; reduction "batchmean" is the mathematical divergence.

    >>> tg.nn.KLDivLoss(reduction="sum")(tg.log(tg.tensor([0.25, 0.75])), tg.tensor([0.5, 0.5]))
    tensor(0.1438)
    """

    @typed_errors
    def __init__(
        self,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
        log_target: bool = False,
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.log_target = log_target

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.kl_div(input, target, reduction=self.reduction, log_target=self.log_target)


class CTCLoss(Loss):
    """-log of the probability that the classes over time, without repetitions and then without blanks, spell the target.

    log_probs (t, n, classes), targets (n, s), the lengths of both: `nn.functional.ctc_loss`.

    >>> even = tg.full((3, 1, 2), 0.5).log()
    >>> tg.nn.CTCLoss()(even, tg.tensor([[1]]), [3], [1]).neg().exp()
    tensor(0.7500)
    """

    @typed_errors
    def __init__(self, blank: int = 0, reduction: str = "mean", zero_infinity: bool = False) -> None:
        super().__init__(reduction=reduction)
        self.blank = blank
        self.zero_infinity = zero_infinity

    def forward(self, log_probs: Tensor, targets: Tensor, input_lengths: Any, target_lengths: Any) -> Tensor:
        return F.ctc_loss(log_probs, targets, input_lengths, target_lengths, self.blank, self.reduction, self.zero_infinity)


class LinearCrossEntropyLoss(WeightedLoss):
    """`CrossEntropyLoss` of what a linear layer makes of the input; (N, in_features), targets (N, *out_features).

    >>> loss = tg.nn.LinearCrossEntropyLoss(3, 4)
    >>> loss(tg.ones(2, 3), tg.tensor([0, 3])).shape, loss.linear.weight.shape
    ((), (4, 3))
    """

    @typed_errors
    def __init__(
        self,
        in_features: int,
        num_classes: int,
        *,
        out_features: tuple[int, ...] = (),
        bias: bool = False,
        device: Any = None,
        dtype: Any = None,
        reduction: str = "mean",
        weight: Tensor | None = None,
        ignore_index: int | None = None,
        label_smoothing: float = 0.0,
        options: None = None,
    ) -> None:
        super().__init__(weight, reduction=reduction)
        self.num_classes = num_classes
        self.out_features = out_features
        self.ignore_index = ignore_index
        self.label_smoothing = label_smoothing
        self.linear = Linear(in_features, num_classes * math.prod(out_features), bias=bias, device=device, dtype=dtype)
        self.options = options

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        outer = (self.num_classes, *self.out_features)
        bias = self.linear.bias
        return F.linear_cross_entropy(
            input,
            self.linear.weight.reshape(*outer, -1),
            target,
            linear_bias=None if bias is None else bias.reshape(outer),
            weight=self.weight,
            reduction=self.reduction,
            ignore_index=self.ignore_index,
            label_smoothing=self.label_smoothing,
            options=self.options,
        )

    def extra_repr(self) -> str:
        shape = f"in_features={self.linear.in_features}, num_classes={self.num_classes}, out_features={self.out_features}"
        settings = f"reduction={self.reduction}, ignore_index={self.ignore_index}, label_smoothing={self.label_smoothing}"
        return f"{shape}, bias={self.linear.bias is not None}, {settings}, options={self.options}"
