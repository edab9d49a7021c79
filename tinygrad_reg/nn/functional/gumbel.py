"""Random choices that can be differentiated."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...errors import ArgumentError, DtypeError
from ...ops.arguments import normalize_dim, numpy_names, rank
from ...ops.elementwise import clamp_min, log
from ...ops.extremes import argmax
from ...random import rand_like
from .activation import softmax
from .sparse import one_hot

if TYPE_CHECKING:
    from ...tensor import Tensor


@numpy_names
def gumbel_softmax(logits: Tensor, tau: float = 1, hard: bool | int = False, eps: float = 1e-10, dim: int = -1) -> Tensor:
    """softmax((logits + g) / tau) along dim, g with Gumbel's distribution: nearly 1 for a choice drawn from softmax(logits), the less tau.

    With `hard` the values are exactly 0 and 1 and the gradient is that of the soft ones. Jang et al. 2017; Maddison et al. 2017. `eps` is
    taken for PyTorch's sake and changes nothing. Raises ArgumentError unless tau > 0.

    >>> tg.nn.functional.gumbel_softmax(tg.tensor([100.0, 0.0]), hard=True)
    tensor([1., 0.])
    """
    dim = normalize_dim(dim, rank(logits, "gumbel_softmax"), "gumbel_softmax")
    if not logits.is_floating_point():
        raise DtypeError(f"gumbel_softmax: logits must be floats, got {logits.dtype}")
    if not tau > 0:
        raise ArgumentError(f"gumbel_softmax: tau must be above 0, got {tau}")
    drawn = clamp_min(rand_like(logits.detach()), float(np.finfo(logits.dtype).tiny))  # in (0, 1): both logarithms are finite
    soft = softmax((logits - log(-log(drawn))) / tau, dim)
    if not hard:
        return soft
    chosen = one_hot(argmax(soft.detach(), dim), logits.shape[dim]).movedim(-1, dim).to(logits.dtype)
    return chosen - soft.detach() + soft
