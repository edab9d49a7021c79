"""What the tests of reductions, scans and orders share: arrays, dims, and the comparison that accepts a common refusal."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import tinygrad_reg as tg

from .compare import compare, same_error

torch = pytest.importorskip("torch")

nan, inf = float("nan"), float("inf")

DTYPES = ["float64", "float32", "float16", "int64", "int32", "uint8", "bool"]

ONE_DIM: list[tuple[tuple[int, ...], Any]] = [
    ((), 0), ((), -1), ((1,), 0), ((5,), 0), ((0,), 0), ((0, 3), 0), ((0, 3), 1), ((2, 3, 4), 0), ((2, 3, 4), 1), ((2, 3, 4), -1),
]  # fmt: skip

SPECIAL = [
    [3.0, 1.0, 3.0], [1.0, 1.0, 3.0, 1.0], [2.0, 2.0], [1.0, nan, 3.0], [nan, nan, 1.0], [-inf, -inf], [inf, 0.0, inf], [0.0, -0.0],
    [inf, -inf, 1.0], [nan, inf, -inf],
]  # fmt: skip


def sample(shape: tuple[int, ...], dtype: str) -> Any:
    """Distinct values of both signs, in a fixed random order; small, so that products stay small."""
    count = int(np.prod(shape))
    values = np.random.default_rng(count).permutation(np.linspace(-1.4, 1.6, count) if count > 1 else np.full(count, 0.7))
    return (values if dtype.startswith("float") else np.round(values * 3).clip(0 if dtype == "uint8" else -9)).astype(dtype).reshape(shape)


def agree(name: str, array: Any, *args: Any, grad: bool = True, **kwargs: Any) -> None:
    """Both give the same, with first and second gradients, or both refuse.

    Second ones are left out in float16, where they are mostly rounding, and where the value is nan: torch's are sometimes nan,
    and sometimes there is no graph at all.
    """

    def ours(x: Any) -> Any:
        return getattr(tg, name)(x, *args, **kwargs)

    def theirs(x: Any) -> Any:
        return getattr(torch, name)(x, *args, **kwargs)

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*degrees of freedom.*")
        try:
            made = theirs(torch.tensor(array))
        except Exception:
            same_error(ours, theirs, array)
        else:
            parts = made if isinstance(made, tuple) else (made,)
            known = array.dtype != np.float16 and not any(part.isnan().any() for part in parts)
            compare(ours, theirs, array, grad=grad, second=known)
