"""First and second derivatives of a function of one vector, for tests that state what they should be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import tinygrad_reg as tg

nan, inf = float("nan"), float("inf")
Function = Callable[[Any], Any]


def gradient(function: Function, values: Any, weights: Any = None) -> Any:
    """The gradient of the sum of all results, or of their weighted sum."""
    x = tg.tensor(np.array(values, dtype=np.float64), requires_grad=True)
    out = function(x)
    return tg.autograd.grad(out, x, tg.ones_like(out) if weights is None else tg.tensor(np.array(weights)))[0].numpy()


def hessian(function: Function, values: Any) -> Any:
    """Rows of second derivatives of a scalar function."""
    x = tg.tensor(np.array(values, dtype=np.float64), requires_grad=True)
    (first,) = tg.autograd.grad(function(x), x, create_graph=True)
    rows = np.eye(len(values))
    return np.array([tg.autograd.grad(first, x, tg.tensor(row), retain_graph=True)[0].numpy() for row in rows])
