"""embedding and embedding_bag against torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tinygrad_reg.nn import functional as ours

from .compare import compare, same_error

torch = pytest.importorskip("torch")
theirs = torch.nn.functional

Shape = tuple[int, ...]
WEIGHT = np.random.default_rng(0).standard_normal((7, 4))


def numbers(shape: Shape, seed: int = 0) -> Any:
    return np.random.default_rng(seed).integers(0, 7, shape)


def both(call: Callable[..., Any], *arrays: Any, second: bool = True) -> None:
    compare(lambda *x: call(ours, *x), lambda *x: call(theirs, *x), *arrays, second=second)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("shape", [(), (3,), (2, 5), (2, 3, 4), (0,), (2, 0)])
def test_embedding(shape: Shape, dtype: str) -> None:
    index, w = numbers(shape), WEIGHT.astype(dtype)
    both(lambda F, i, w: F.embedding(i, w), index, w, second=False)
    full = index.size > 0  # else torch has no second derivative
    both(lambda F, i, w: F.embedding(i, w) ** 3, index, w, second=full)
    both(lambda F, i, w: F.embedding(i, w, padding_idx=2) ** 3, index, w, second=full)
    both(lambda F, i, w: F.embedding(i, w, -1), index, w, second=False)
    both(lambda F, i, w: F.embedding(i.int(), w), index, w, second=False)
    both(lambda F, i, w: F.embedding(i, w, scale_grad_by_freq=True) * w[0], index, w, second=False)
    both(lambda F, i, w: F.embedding(i, w, 2, scale_grad_by_freq=True), index, w, second=False)


@pytest.mark.parametrize("p", [1.0, 2.0, float("inf")])
def test_max_norm(p: float) -> None:
    def call(F: Any, i: Any, w: Any) -> Any:
        w = w.clone().detach()
        return F.embedding(i, w, max_norm=1.0, norm_type=p), w

    both(call, numbers((2, 3)), WEIGHT)
    both(lambda F, i, w: F.embedding_bag(i, w.clone().detach(), max_norm=1.0, norm_type=p), numbers((2, 3)), WEIGHT)


@pytest.mark.parametrize("padding", [None, 2, -1])
@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
@pytest.mark.parametrize("shape", [(2, 5), (3, 1), (1, 8)])
def test_bags_in_rows(shape: Shape, mode: str, padding: int | None) -> None:
    both(lambda F, i, w: F.embedding_bag(i, w, mode=mode, padding_idx=padding), numbers(shape), WEIGHT, second=False)


@pytest.mark.parametrize("padding", [None, 2])
@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
@pytest.mark.parametrize("offsets", [[0, 3, 5], [0], [0, 0, 4, 4, 8], [0, 8]])
def test_bags_by_offsets(offsets: list[int], mode: str, padding: int | None) -> None:
    index, o = numbers((8,)), np.array(offsets)
    both(lambda F, i, o, w: F.embedding_bag(i, w, o, mode=mode, padding_idx=padding), index, o, WEIGHT, second=False)
    last = np.array([*offsets, 8])
    both(lambda F, i, o, w: F.embedding_bag(i, w, o, mode=mode, include_last_offset=True), index, last, WEIGHT, second=False)


def test_weighted_bags() -> None:
    index, each = numbers((2, 5)), np.random.default_rng(1).standard_normal((2, 5))
    both(lambda F, i, w, s: F.embedding_bag(i, w, mode="sum", per_sample_weights=s), index, WEIGHT, each, second=False)
    both(lambda F, i, w, s: F.embedding_bag(i, w, mode="sum", per_sample_weights=s, padding_idx=2), index, WEIGHT, each, second=False)
    flat, offsets = index.ravel(), np.array([0, 3])
    both(
        lambda F, i, o, w, s: F.embedding_bag(i, w, o, mode="sum", per_sample_weights=s), flat, offsets, WEIGHT, each.ravel(), second=False
    )


def test_refuses_what_torch_refuses() -> None:
    index = numbers((2, 3))
    for call in (
        lambda F, i, w: F.embedding(i + 7, w),
        lambda F, i, w: F.embedding(i - 7, w),
        lambda F, i, w: F.embedding(i.double(), w),
        lambda F, i, w: F.embedding(i, w[0]),
        lambda F, i, w: F.embedding_bag(i, w, i[0]),
        lambda F, i, w: F.embedding_bag(i[0], w),
        lambda F, i, w: F.embedding_bag(i, w, mode="min"),
        lambda F, i, w: F.embedding_bag(i, w, mode="max", scale_grad_by_freq=True),
        lambda F, i, w: F.embedding_bag(i, w, per_sample_weights=w[:2, :3]),
        lambda F, i, w: F.embedding_bag(i, w, mode="sum", per_sample_weights=w[0]),
        lambda F, i, w: F.embedding_bag(i[None], w),
    ):
        same_error(lambda *a, f=call: f(ours, *a), lambda *a, f=call: f(theirs, *a), index, WEIGHT)
