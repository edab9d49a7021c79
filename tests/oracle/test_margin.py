"""Distances and margin losses against torch."""

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
REDUCTIONS = ["mean", "sum", "none"]


def sample(*shapes: Shape, dtype: str = "float64") -> list[Any]:
    rng = np.random.default_rng(len(shapes))
    return [np.asarray(rng.standard_normal(shape)).astype(dtype) for shape in shapes]


def signs(*shape: int) -> Any:
    return np.where(np.random.default_rng(0).random(shape) < 0.5, -1.0, 1.0)


def both(call: Callable[..., Any], *arrays: Any, second: bool = True, rtol: float | None = None) -> None:
    compare(lambda *x: call(ours, *x), lambda *x: call(theirs, *x), *arrays, second=second, rtol=rtol)


@pytest.mark.parametrize(
    ("x", "y", "dim"),
    [
        ((3, 4), (3, 4), 1),
        ((3, 4), (1, 4), 1),
        ((3, 4), (4,), 1),
        ((3, 4), (3, 4), 0),
        ((4,), (4,), 0),
        ((2, 3, 4), (2, 3, 4), -1),
        ((2, 3), (2, 1), 1),
    ],
)
def test_cosine_similarity(x: Shape, y: Shape, dim: int) -> None:
    arrays = sample(x, y)
    both(lambda F, x, y: F.cosine_similarity(x, y, dim), *arrays)
    compare(  # below eps torch's gradient is not that of its value
        lambda x, y: ours.cosine_similarity(x, y, dim, eps=1.5),
        lambda x, y: theirs.cosine_similarity(x, y, dim, eps=1.5),
        *arrays,
        grad=False,
    )
    both(lambda F, x, y: F.cosine_similarity(x, y, dim), *[a.astype("float32") for a in arrays], second=False)


def test_cosine_similarity_with_zero() -> None:
    both(lambda F, x, y: F.cosine_similarity(x, y, 0), np.zeros(2), np.array([1.0, 0.0]), second=False)


@pytest.mark.parametrize("keepdim", [False, True])
@pytest.mark.parametrize("p", [1.0, 2.0, 3.0, float("inf"), 0.5])
@pytest.mark.parametrize(("x", "y"), [((3, 4), (3, 4)), ((3, 4), (4,)), ((4,), (4,)), ((3, 4), (1, 4)), ((2, 3, 4), (2, 3, 4))])
def test_pairwise_distance(x: Shape, y: Shape, p: float, keepdim: bool) -> None:
    both(lambda F, x, y: F.pairwise_distance(x, y, p, keepdim=keepdim), *sample(x, y))


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_losses_of_signs(reduction: str) -> None:
    (x, y), t = sample((3, 4), (3, 4)), signs(3, 4)
    options = {"reduction": reduction}
    both(lambda F, x, t: F.hinge_embedding_loss(x, t, **options), x, t)
    both(lambda F, x, t: F.hinge_embedding_loss(x, t, 0.3, **options), x, t)
    both(lambda F, x, t: F.soft_margin_loss(x, t.detach(), **options), x, t)
    both(lambda F, x, y, t: F.margin_ranking_loss(x, y, t, **options), x, y, t)
    both(lambda F, x, y, t: F.margin_ranking_loss(x, y, t, 0.5, **options), x, y, t)
    both(lambda F, x, y, t: F.cosine_embedding_loss(x, y, t, **options), x, y, t[:, 0])
    both(lambda F, x, y, t: F.cosine_embedding_loss(x, y, t, -0.5, **options), x, y, t[:, 0])
    both(lambda F, x, y, t: F.cosine_embedding_loss(x, y, t, **options), x[0], y[0], t[0, 0])


def test_hinges_at_the_margin() -> None:
    x, t = np.array([1.0, 1.0, 0.0, 0.0]), np.array([1.0, -1.0, 1.0, -1.0])
    both(lambda F, x, t: F.hinge_embedding_loss(x, t, reduction="sum"), x, t, second=False)
    both(lambda F, x, t: F.margin_ranking_loss(x, x * 0.0, t, 1.0, reduction="sum"), x, t, second=False)
    both(lambda F, x, t: F.multi_margin_loss(x, t.long()), np.array([[1.0, 0.0, 2.0]]), np.array([0]), second=False)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("options", [{}, {"margin": 0.3, "p": 1}, {"swap": True, "p": 3}, {"margin": 9.0, "eps": 0.1}])
@pytest.mark.parametrize("shape", [(5, 3), (3,)])
def test_triplet_margin_loss(shape: Shape, options: dict[str, Any], reduction: str) -> None:
    both(lambda F, *x: F.triplet_margin_loss(*x, **options, reduction=reduction), *sample(shape, shape, shape))


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_losses_of_classes(reduction: str) -> None:
    (x, w), t = sample((5, 4), (4,)), np.array([0, 3, 1, 1, 2])
    labels = (signs(5, 4) + 1) / 2
    for p in (1, 2):
        both(lambda F, x, t, p=p: F.multi_margin_loss(x, t, p, 0.5, reduction=reduction), x, t, second=False)
        both(lambda F, x, t, w, p=p: F.multi_margin_loss(x, t, p, 1.0, w.detach(), reduction=reduction), x, t, w, second=False)
    both(lambda F, x: F.multi_margin_loss(x, x.detach().long() * 0, reduction=reduction), x[0, 0], second=False)
    both(lambda F, x: F.multilabel_margin_loss(x, x.detach().long() * 0, reduction=reduction), x[0, 0], second=False)
    both(lambda F, x, t: F.multilabel_soft_margin_loss(x, t, reduction=reduction), x, labels)
    both(lambda F, x, t, w: F.multilabel_soft_margin_loss(x, t, w, reduction=reduction), x, labels, w)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("full", [False, True])
def test_likelihoods(full: bool, reduction: str) -> None:
    x, t = sample((3, 4), (3, 4))
    counts, options = np.abs(t) * 3, {"full": full, "reduction": reduction}
    both(lambda F, x, t: F.poisson_nll_loss(x, t.detach(), **options), x, np.array(counts))
    both(lambda F, x, t: F.poisson_nll_loss(x, t.detach(), False, **options), np.abs(x), counts)
    both(lambda F, x, t, v: F.gaussian_nll_loss(x, t, v, **options), x, t, np.abs(x) + 0.1)
    both(lambda F, x, t, v: F.gaussian_nll_loss(x, t, v, **options), x, t, np.abs(x[:, 0]) + 0.1)
    both(lambda F, x, t, v: F.gaussian_nll_loss(x, t, v, eps=0.5, **options), x, t, np.abs(x[:, :1]), rtol=1e-7)
    both(lambda F, x, t, v: F.gaussian_nll_loss(x, t, v, **options), x, t, np.abs(x[:1]) + 0.1)


def test_refuses_what_torch_refuses() -> None:
    x, t = sample((3, 4), (3,))
    for call in (
        lambda F, x, t: F.cosine_similarity(x, t),
        lambda F, x, t: F.pairwise_distance(x, t),
        lambda F, x, t: F.hinge_embedding_loss(x, t),
        lambda F, x, t: F.margin_ranking_loss(x, x, t),
        lambda F, x, t: F.triplet_margin_loss(x, x, t),
        lambda F, x, t: F.triplet_margin_loss(x, x, x, 0.0),
        lambda F, x, t: F.cosine_embedding_loss(x, x, x),
        lambda F, x, t: F.multi_margin_loss(x, t.long(), 3),
        lambda F, x, t: F.multi_margin_loss(x, x.long()),
        lambda F, x, t: F.gaussian_nll_loss(x, x, -x.abs()),
        lambda F, x, t: F.gaussian_nll_loss(x, x, x[:, :2]),
        lambda F, x, t: F.soft_margin_loss(x, x, reduction="most"),
    ):
        same_error(lambda *a, f=call: f(ours, *a), lambda *a, f=call: f(theirs, *a), x, t)
