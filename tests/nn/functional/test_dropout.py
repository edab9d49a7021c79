"""Dropout as a function."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_reg as tg
from tinygrad_reg.nn import functional as F


@pytest.mark.parametrize("dtype", [tg.float16, tg.float32, tg.float64])
def test_the_gradient_is_dropped_alike(dtype: tg.float32) -> None:
    tg.manual_seed(1)
    x = tg.full((400,), 3.0, dtype=dtype, requires_grad=True)
    out = F.dropout(x, 0.25)
    assert out.dtype == dtype
    out.sum().backward()
    np.testing.assert_allclose(x.grad.numpy() * 3.0, out.detach().numpy(), rtol=1e-3)
    assert 60 < (out == 0).sum().item() < 140


def test_all_or_nothing() -> None:
    x = tg.ones(3, requires_grad=True)
    assert F.dropout(x, 1.0).tolist() == [0.0, 0.0, 0.0]
    assert F.dropout(x, 0.0) is x
    assert F.dropout(x, 0.9, training=False) is x


def test_in_place() -> None:
    tg.manual_seed(1)
    x = tg.ones(50, requires_grad=True)
    y = x * 2.0
    out = F.dropout(y, 0.5, inplace=True)
    assert out is y
    assert set(y.tolist()) == {0.0, 4.0}
    y.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), y.detach().numpy())


@pytest.mark.parametrize(("function", "shape", "lead"), [
    (F.dropout1d, (30, 4), 1), (F.dropout1d, (9, 5, 4), 2), (F.dropout2d, (9, 5, 4, 4), 2), (F.dropout3d, (9, 5, 2, 3, 4), 2),
    (F.dropout3d, (30, 2, 3, 4), 1), (F.feature_alpha_dropout, (9, 5, 4), 2),
])  # fmt: skip
def test_whole_channels_stay_or_go(function: Any, shape: tuple[int, ...], lead: int) -> None:
    tg.manual_seed(0)
    x = tg.ones(shape, requires_grad=True)
    out = function(x, 0.5, True)
    channels = out.detach().numpy().reshape(int(np.prod(shape[:lead])), -1)
    assert (channels == channels[:, :1]).all()
    assert 0.2 < (channels[:, 0] == channels.max()).mean() < 0.8
    out.sum().backward()
    assert len(set(x.grad.flatten().tolist())) == 2
    assert function(x, 0.5, False) is x
    y = x * 1.0
    assert function(y, 0.5, True, True) is y


def test_alpha_dropout_keeps_mean_and_variance() -> None:
    tg.manual_seed(0)
    x = tg.randn(200_000, dtype=tg.float64)
    out = F.alpha_dropout(x, 0.3, True)
    assert abs(out.mean().item()) < 0.02
    assert out.var().item() == pytest.approx(1.0, abs=0.02)
    assert F.alpha_dropout(x, 0.3) is x
    assert F.alpha_dropout(x, 1.0, True).abs().sum().item() == 0.0
    two = F.alpha_dropout(tg.ones(200), 0.3, True)
    assert sorted({round(v, 4) for v in two.tolist()}) == [-1.0595, 1.315]  # what PyTorch makes of ones


@pytest.mark.parametrize(("call", "says"), [
    (lambda: F.dropout1d(tg.ones(3)), "input must be"), (lambda: F.dropout1d(tg.ones(1, 1, 1, 1)), "input must be"),
    (lambda: F.dropout2d(tg.ones(3)), "at least 2 dims"), (lambda: F.feature_alpha_dropout(tg.ones(3), training=True), "at least 2 dims"),
    (lambda: F.dropout2d(tg.ones(2, 2, 2, 2), 1.5), "between 0 and 1"), (lambda: F.alpha_dropout(tg.ones(3), -0.5), "between 0 and 1"),
])  # fmt: skip
def test_errors(call: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        call()


def test_dropout2d_of_three_dims_warns() -> None:
    with pytest.warns(UserWarning, match="unsqueeze"):
        F.dropout2d(tg.ones(2, 3, 4))


def test_a_weight_that_float16_does_not_hold_leaves_zeros_what_they_are() -> None:
    before = tg.get_default_dtype()
    for dtype in (tg.float32, tg.float16):
        try:
            tg.set_default_dtype(dtype)
            out = F.dropout(tg.ones(1000, dtype=tg.float16), 1.0 - 1e-6)
        finally:
            tg.set_default_dtype(before)
        assert out.dtype == tg.float16
        assert not tg.isnan(out).any()
