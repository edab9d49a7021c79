"""Random choices that can be differentiated."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_reg as tg
from tinygrad_reg.errors import ArgumentError
from tinygrad_reg.nn.functional import gumbel_softmax


@pytest.mark.parametrize("dim", [-1, 0])
def test_choices_are_as_likely_as_softmax_says(dim: int) -> None:
    tg.manual_seed(0)
    p = np.array([0.5, 0.2, 0.3])
    logits = tg.tensor(np.log(p)).expand(20000, 3)
    drawn = gumbel_softmax(logits if dim == -1 else logits.T, hard=True, dim=dim).numpy()
    drawn = drawn if dim == -1 else drawn.T
    assert set(np.unique(drawn)) == {0.0, 1.0}
    assert (drawn.sum(1) == 1).all()
    np.testing.assert_allclose(drawn.mean(0), p, atol=4 * np.sqrt(0.25 / 20000))


def test_the_temperature_decides_how_hard_the_choice_is() -> None:
    tg.manual_seed(0)
    logits = tg.zeros(1000, 4)
    soft, hard = (gumbel_softmax(logits, tau=tau).max(1)[0].mean().item() for tau in (10.0, 0.01))
    assert soft < 0.35
    assert hard > 0.98


def test_hard_choices_have_the_gradient_of_soft_ones() -> None:
    logits, weights = tg.randn(5, 3, requires_grad=True), tg.randn(5, 3)
    grads = []
    for hard in (False, True):
        tg.manual_seed(1)
        grads += tg.autograd.grad((gumbel_softmax(logits, 0.7, hard) * weights).sum(), logits)
    assert grads[0].tolist() == grads[1].tolist()
    with pytest.raises(ArgumentError, match="tau must be above 0, got 0"):
        gumbel_softmax(logits, tau=0)
