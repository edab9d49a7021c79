"""What reads few elements by a table of their places gives what slices give, which are left for many elements."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_reg as tg
from tinygrad_reg.nn import functional as F
from tinygrad_reg.ops import padding, resize, window_reductions, windows

Function = Callable[[tg.Tensor], tg.Tensor]
nan, inf = float("nan"), float("inf")

LINES: dict[str, Function] = {
    "max_pool": lambda x: F.max_pool1d(x, 3, 2),
    "max_pool with gaps": lambda x: F.max_pool1d(x, 2, 3),
    "max_pool padded and dilated": lambda x: F.max_pool1d(x, 3, 1, 1, 2),
    "max_pool of places": lambda x: F.max_unpool1d(*F.max_pool1d(x, 2, return_indices=True), 2),
    "adaptive_max_pool": lambda x: F.adaptive_max_pool1d(x, 4),
    "avg_pool": lambda x: F.avg_pool1d(x, 3, 2, 1),
    "avg_pool of what is there": lambda x: F.avg_pool1d(x, 3, 2, 1, ceil_mode=True, count_include_pad=False),
    "adaptive_avg_pool": lambda x: F.adaptive_avg_pool1d(x, 4),
    "avg_pool of long windows": lambda x: F.avg_pool1d(x.repeat(1, 1, 9), 33, 20, ceil_mode=True),
    "max_pool of long windows": lambda x: F.max_pool1d(x.repeat(1, 1, 9), 33, 20, ceil_mode=True),
    "lp_pool": lambda x: F.lp_pool1d(x, 2.0, 3, 2),
    "reflect": lambda x: F.pad(x, (3, 2), "reflect"),
    "replicate": lambda x: F.pad(x, (3, 2), "replicate"),
    "circular": lambda x: F.pad(x, (3, 2), "circular"),
    "one end far away": lambda x: F.pad(x, (60, 0), "replicate"),
    "nearest": lambda x: F.interpolate(x, 14),
    "nearest, fewer": lambda x: F.interpolate(x, 3),
    "linear": lambda x: F.interpolate(x, 14, mode="linear"),
    "linear, fewer": lambda x: F.interpolate(x, 3, mode="linear", align_corners=True),
    "convolution": lambda x: F.conv1d(x, tg.linspace(-1.0, 1.0, 12, dtype=x.dtype).reshape(2, 2, 3), stride=2, padding=1),
    "dilated convolution": lambda x: F.conv1d(x, tg.linspace(-1.0, 1.0, 12, dtype=x.dtype).reshape(2, 2, 3), dilation=2),
    "transposed convolution": lambda x: F.conv_transpose1d(x, tg.linspace(-1.0, 1.0, 12, dtype=x.dtype).reshape(2, 2, 3), stride=2),
}
IMAGES: dict[str, Function] = {
    "max_pool": lambda x: F.max_pool2d(x, (2, 3), (1, 2), (1, 1)),
    "avg_pool": lambda x: F.avg_pool2d(x, (3, 2), 2, 1),
    "adaptive_avg_pool": lambda x: F.adaptive_avg_pool2d(x, (2, 4)),
    "reflect": lambda x: F.pad(x, (1, 2, 3, 0), "reflect"),
    "replicate": lambda x: F.pad(x, (1, 2, 3, 0), "replicate"),
    "circular": lambda x: F.pad(x, (1, 2, 3, 0), "circular"),
    "bilinear": lambda x: F.interpolate(x, (7, 3), mode="bilinear"),
    "bicubic": lambda x: F.interpolate(x, scale_factor=1.7, mode="bicubic"),
    "antialias": lambda x: F.interpolate(x, (2, 3), mode="bilinear", antialias=True),
    "convolution": lambda x: F.conv2d(x, tg.linspace(-1.0, 1.0, 24, dtype=x.dtype).reshape(2, 2, 3, 2), stride=(2, 1), padding=1),
    "unfold": lambda x: F.unfold(x, (2, 3), padding=1, stride=(1, 2)),
    "fold": lambda x: F.fold(F.unfold(x, 2), x.shape[2:], 2),
}
CALLS = [pytest.param(call, (2, 2, 9), id=f"{name}, lines") for name, call in LINES.items()]
CALLS += [pytest.param(call, (2, 2, 4, 5), id=f"{name}, images") for name, call in IMAGES.items()]


def outcome(call: Function, array: Any) -> list[Any]:
    """The value, the gradient and the gradient of the gradient."""
    x = tg.tensor(array, requires_grad=True)
    out = call(x)
    g = tg.tensor(np.random.default_rng(1).standard_normal(out.shape).astype(array.dtype), requires_grad=True)
    (first,) = tg.autograd.grad(out, x, g, create_graph=True)
    (second,) = tg.autograd.grad(first, g, x.detach())
    return [y.detach().numpy() for y in (out, first, second)]


@pytest.fixture
def nothing_is_few(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Call it, and tables are used no more."""

    def call() -> None:
        for module in (padding, resize, window_reductions, windows):
            monkeypatch.setattr(module, "FEW", 0)
        padding._edges.cache_clear()

    yield call
    padding._edges.cache_clear()


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-12), ("float16", 1e-2)])
@pytest.mark.parametrize(("call", "shape"), CALLS)
def test_few_elements_give_what_many_give(
    call: Function, shape: tuple[int, ...], dtype: str, tolerance: float, nothing_is_few: Any
) -> None:
    array = np.random.default_rng(0).standard_normal(shape).astype(dtype)
    few = outcome(call, array)
    nothing_is_few()
    for found, expected in zip(few, outcome(call, array), strict=True):
        assert found.dtype == expected.dtype
        np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("special", [nan, inf, -inf, 0.0])
@pytest.mark.parametrize(("call", "shape"), CALLS)
def test_few_special_elements_give_what_many_give(call: Function, shape: tuple[int, ...], special: float, nothing_is_few: Any) -> None:
    array = np.random.default_rng(0).standard_normal(shape)
    array[0, 0, 1:3] = special
    few = outcome(call, array)
    nothing_is_few()
    for found, expected in zip(few, outcome(call, array), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14)


def test_an_element_that_is_read_very_often_gets_no_table() -> None:
    assert padding._edges((1, 4000), ((4000, 0),), "replicate") is None
    x = tg.ones(1, 4000, requires_grad=True)
    F.pad(x, (4000, 0), "replicate").sum().backward()
    assert x.grad is not None
    assert x.grad[0, :2].tolist() == [4001.0, 1.0]
