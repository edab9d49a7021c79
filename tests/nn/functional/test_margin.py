"""Distances and margin losses: values by hand, gradients at special points, the errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_reg as tg
from tinygrad_reg.errors import ArgumentError, ArgumentTypeError, DtypeError, ShapeError
from tinygrad_reg.nn import functional as F
from tinygrad_reg.testing import gradcheck


def normal(*shape: int) -> Any:
    return tg.tensor(np.random.default_rng(sum(shape)).standard_normal(shape))


def test_distances_by_hand() -> None:
    x, y = tg.tensor([[3.0, 4.0], [0.0, 0.0]]), tg.tensor([[4.0, 3.0], [1.0, 0.0]])
    assert F.cosine_similarity(x, y).tolist() == [pytest.approx(0.96), 0.0]
    assert F.cosine_similarity(x, y[:1], axis=0).shape == (2,)
    assert F.pairwise_distance(x, y, eps=0.0, keepdims=True).tolist() == [[pytest.approx(2**0.5)], [1.0]]
    gradcheck(lambda x, y: F.cosine_similarity(x, y), (normal(3, 4), normal(1, 4)))
    gradcheck(lambda x, y: F.cosine_similarity(x, y, eps=1.5), (normal(3, 4), normal(1, 4)))
    gradcheck(lambda x, y: F.pairwise_distance(x, y), (normal(3, 4), normal(4)))


def test_equal_points_have_no_gradient() -> None:
    x = tg.ones(2, 3, requires_grad=True)
    F.pairwise_distance(x, tg.ones(2, 3), eps=0.0).sum().backward()
    assert x.grad.abs().sum().item() == 0.0


def test_losses_by_hand() -> None:
    x, sign = tg.tensor([0.25, 0.25, 3.0]), tg.tensor([1.0, -1.0, -1.0])
    assert F.hinge_embedding_loss(x, sign, reduction="none").tolist() == [0.25, 0.75, 0.0]
    assert F.margin_ranking_loss(x, tg.zeros(3), sign, 0.5, reduction="none").tolist() == [0.25, 0.75, 3.5]
    assert F.soft_margin_loss(tg.zeros(3), sign).item() == pytest.approx(np.log(2))
    a, p, n = tg.tensor([[0.0, 0.0]]), tg.tensor([[3.0, 4.0]]), tg.tensor([[0.0, 1.0]])
    assert F.triplet_margin_loss(a, p, n).item() == pytest.approx(5.0, abs=1e-5)
    assert F.multi_margin_loss(tg.tensor([[0.1, 0.2, 0.9]]), tg.tensor([2])).item() == pytest.approx((0.2 + 0.3) / 3)
    assert F.cosine_embedding_loss(p, p, tg.tensor([-1.0])).item() == pytest.approx(1.0)
    assert F.gaussian_nll_loss(tg.zeros(2), tg.ones(2), tg.ones(2)).item() == 0.5
    assert F.poisson_nll_loss(tg.zeros(2), tg.ones(2)).item() == 1.0


def test_losses_that_do_not_care_for_what_is_beyond_the_margin() -> None:
    x = tg.tensor([[0.0, 0.0], [9.0, 9.0]], requires_grad=True)
    F.triplet_margin_loss(x, tg.zeros(2, 2), tg.tensor([[5.0, 5.0], [9.0, 0.0]])).backward()
    assert x.grad[0].tolist() == [0.0, 0.0]
    assert x.grad[1].abs().sum().item() > 0


x, y, i = tg.ones(2, 3), tg.ones(2, 4), tg.tensor([0, 1])


@pytest.mark.parametrize(("call", "error", "says"), [
    (lambda: F.cosine_similarity(x, y), ShapeError, "broadcast"),
    (lambda: F.cosine_similarity(x, 1.0), ArgumentTypeError, "x2 must be a tensor"),
    (lambda: F.pairwise_distance(x, y), ShapeError, "broadcast"),
    (lambda: F.hinge_embedding_loss(x, y), ShapeError, "same shape"),
    (lambda: F.hinge_embedding_loss(x, x, reduction="most"), ArgumentError, "reduction must be"),
    (lambda: F.margin_ranking_loss(x, x, x[0]), ShapeError, "same number of dims"),
    (lambda: F.triplet_margin_loss(x, x, x[0]), ShapeError, "same number of dims"),
    (lambda: F.triplet_margin_loss(x, x, x, margin=0), ArgumentError, "positive"),
    (lambda: F.cosine_embedding_loss(x, x, x), ShapeError, "target"),
    (lambda: F.soft_margin_loss(x, y), ShapeError, "same shape"),
    (lambda: F.multilabel_soft_margin_loss(x, y), ShapeError, "same shape"),
    (lambda: F.multi_margin_loss(x, i, p=3), ArgumentError, "1 or 2"),
    (lambda: F.multi_margin_loss(x, i[:1]), ShapeError, "target"),
    (lambda: F.multi_margin_loss(x, x[:, 0]), DtypeError, "long"),
    (lambda: F.poisson_nll_loss(x, y), ShapeError, "same shape"),
    (lambda: F.gaussian_nll_loss(x, x, y), ShapeError, "var must have"),
    (lambda: F.gaussian_nll_loss(x, x, -x), ArgumentError, "negative"),
])  # fmt: skip
def test_errors(call: Callable[[], Any], error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        call()


def test_multilabel_margin_loss() -> None:
    """Classes 2 and 0, against 1 alone: (1 - (0.5 - 0.25)) + (1 - (1 - 0.25)), of 3 classes."""
    x = tg.tensor([1.0, 0.25, 0.5], requires_grad=True)
    loss = F.multilabel_margin_loss(x, tg.tensor([2, 0, -1]))
    loss.backward()
    assert loss.item() == pytest.approx(1.0 / 3)
    assert x.grad.tolist() == pytest.approx([-1 / 3, 2 / 3, -1 / 3])
    with pytest.raises(IndexError, match="multilabel_margin_loss"):
        F.multilabel_margin_loss(x, tg.tensor([3, 0, -1]))


def test_triplets_with_a_distance_of_ones_own() -> None:
    a, b, c = (tg.tensor([[v]]) for v in (0.0, 1.0, 3.0))
    assert F.triplet_margin_with_distance_loss(a, b, c, distance_function=lambda x, y: ((x - y) ** 2).sum(-1)).item() == 0.0
    assert F.triplet_margin_with_distance_loss(a, c, b, margin=0.5).item() == pytest.approx(2.5)
