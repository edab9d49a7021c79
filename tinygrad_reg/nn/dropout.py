"""Layers that remove a part of their input during training; in evaluation they give the input itself."""

from __future__ import annotations

from ..engine.refusal import typed_errors
from ..ops.dropout import check_probability
from ..tensor import Tensor
from . import functional as F
from .module import Module


class _Dropout(Module):
    @typed_errors
    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        check_probability(self._get_name(), p)
        self.p = p
        self.inplace = inplace

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}"


class Dropout(_Dropout):
    """In training each element is 0 with probability p, else divided by 1 - p. Srivastava et al., 2014.

    >>> tg.nn.Dropout(0.5).eval()(tg.tensor([1.0, 2.0]))
    tensor([1., 2.])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout(input, self.p, self.training, self.inplace)


class Dropout1d(_Dropout):
    """`Dropout` of whole channels; (n, c, length) or (c, length).

    >>> x = tg.nn.Dropout1d(0.5)(tg.ones(50, 2, 3))
    >>> tg.equal(x[..., 0], x[..., 2])
    True
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout1d(input, self.p, self.training, self.inplace)


class Dropout2d(_Dropout):
    """`Dropout` of whole channels; (n, c, height, width).

    >>> x = tg.nn.Dropout2d(0.5)(tg.ones(50, 2, 3, 3))
    >>> tg.equal(x[..., 0, 0], x[..., 2, 2])
    True
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout2d(input, self.p, self.training, self.inplace)


class Dropout3d(_Dropout):
    """`Dropout` of whole channels; (n, c, depth, height, width) or (c, depth, height, width).

    >>> x = tg.nn.Dropout3d(0.5)(tg.ones(50, 2, 3, 3, 3))
    >>> tg.equal(x[..., 0, 0, 0], x[..., 2, 2, 2])
    True
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout3d(input, self.p, self.training, self.inplace)


class AlphaDropout(_Dropout):
    """Dropout after `SELU`, which keeps mean and variance; never in place, as in PyTorch. Klambauer et al., 2017.

    >>> tg.nn.AlphaDropout(0.5)(tg.zeros(100)).unique()
    tensor([-0.7792,  0.7792])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.alpha_dropout(input, self.p, self.training)


class FeatureAlphaDropout(_Dropout):
    """`AlphaDropout` of whole channels; (n, c, ...).

    >>> x = tg.nn.FeatureAlphaDropout(0.5)(tg.ones(50, 2, 3))
    >>> tg.equal(x[..., 0], x[..., 2])
    True
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.feature_alpha_dropout(input, self.p, self.training)
