"""Dropout: randomly removing a part of the input during training."""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING

from ...engine.refusal import typed_errors
from ...errors import ShapeError
from ...ops.dropout import check_probability, survivors, thinned
from .activation import in_place

if TYPE_CHECKING:
    from ...tensor import Tensor

_LOWEST = 1.7580993408473766  # selu goes down to the negative of this


@typed_errors
def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Each element is 0 with probability p, else divided by 1 - p, so that the expectation stays; the input itself unless `training`.

    Srivastava et al., Dropout, 2014.

    >>> x = tg.nn.functional.dropout(tg.ones(100), p=0.5)
    >>> x.unique()
    tensor([0., 2.])
    """
    check_probability("dropout", p)
    if not training or p == 0.0:
        return input
    if inplace:
        return in_place(lambda x: dropout(x, p), input, "dropout_")
    return thinned(input, p)  # type: ignore[no-any-return]


@typed_errors
def dropout1d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Whole channels are 0 with probability p, the others divided by 1 - p; (n, c, length) or (c, length).

    >>> x = tg.nn.functional.dropout1d(tg.ones(50, 2, 3))
    >>> tg.equal(x[..., 0], x[..., 2])
    True
    """
    check_probability("dropout1d", p)
    if input.ndim not in (2, 3):
        raise ShapeError(f"dropout1d: input must be (n, c, length) or (c, length), got shape {tuple(input.shape)}")
    return _channels(input, p, training, inplace, input.ndim - 1)


@typed_errors
def dropout2d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Whole channels are 0 with probability p, the others divided by 1 - p; (n, c, height, width).

    Tompson et al., Efficient object localization using convolutional networks, 2015.

    >>> x = tg.nn.functional.dropout2d(tg.ones(50, 2, 3, 3))
    >>> tg.equal(x[..., 0, 0], x[..., 2, 2])
    True
    """
    check_probability("dropout2d", p)
    if input.ndim == 3:
        warnings.warn(
            "dropout2d: an input of 3 dims is taken as (n, c, length); for (c, height, width) write dropout2d(x.unsqueeze(0))",
            stacklevel=3,
        )
    return _channels(input, p, training, inplace, 2)


@typed_errors
def dropout3d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Whole channels are 0 with probability p, the others divided by 1 - p; (n, c, depth, height, width) or (c, depth, height, width).

    >>> x = tg.nn.functional.dropout3d(tg.ones(50, 2, 3, 3, 3))
    >>> tg.equal(x[..., 0, 0, 0], x[..., 2, 2, 2])
    True
    """
    check_probability("dropout3d", p)
    return _channels(input, p, training, inplace, 2 if input.ndim == 5 else 1)


def _channels(input: Tensor, p: float, training: bool, inplace: bool, lead: int) -> Tensor:
    """Dropout in which everything behind the first `lead` dims stays or goes together."""
    if not training or p == 0.0:
        return input
    _check_channels("dropout of channels", input)
    if inplace:
        return in_place(lambda x: _channels(x, p, True, False, lead), input, "dropout_")
    return thinned(input, p, input.shape[:lead] + (1,) * (input.ndim - lead))  # type: ignore[no-any-return]


def _check_channels(what: str, input: Tensor) -> None:
    if input.ndim < 2:
        raise ShapeError(f"{what}: input needs at least 2 dims, (n, c, ...), got shape {tuple(input.shape)}")


@typed_errors
def alpha_dropout(input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False) -> Tensor:
    """Dropout that keeps the mean 0 and the variance 1 of what `selu` gives: what is dropped becomes selu's lowest value.

    Klambauer et al., Self-normalizing neural networks, 2017.

    >>> tg.nn.functional.alpha_dropout(tg.tensor([1.0, 2.0]), training=False)
    tensor([1., 2.])
    """
    check_probability("alpha_dropout", p)
    return _alpha(input, p, training, inplace, input.ndim)


@typed_errors
def feature_alpha_dropout(input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False) -> Tensor:
    """`alpha_dropout` of whole channels; (n, c, ...).

    >>> tg.nn.functional.feature_alpha_dropout(tg.ones(1, 2, 3), training=False).shape
    (1, 2, 3)
    """
    check_probability("feature_alpha_dropout", p)
    if training and p > 0.0:
        _check_channels("feature_alpha_dropout", input)
    return _alpha(input, p, training, inplace, 2)


def _alpha(input: Tensor, p: float, training: bool, inplace: bool, lead: int) -> Tensor:
    """x where it stays and selu's lowest value elsewhere, then scaled and shifted."""
    if not training or p == 0.0:
        return input
    if inplace:
        return in_place(lambda x: _alpha(x, p, True, False, lead), input, "alpha_dropout_")
    if p == 1.0:
        return input * 0.0
    scale = 1.0 / math.sqrt((_LOWEST * _LOWEST * p + 1.0) * (1.0 - p))
    kept = survivors(input.shape[:lead] + (1,) * (input.ndim - lead), p, input.dtype)
    out: Tensor = input * (kept * scale) + (kept - (1.0 - p)) * (_LOWEST * scale)
    return out
