"""interpolate and pixel_shuffle: values by hand, the laws of linear maps, and what the errors say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_reg as tg
from tinygrad_reg.errors import ArgumentError, ArgumentTypeError, DtypeError, ShapeError
from tinygrad_reg.nn import functional as F

from .linear import check_linear


def test_by_hand() -> None:
    x = tg.tensor([[[0.0, 4.0, 8.0]]])
    assert F.interpolate(x, scale_factor=2).tolist() == [[[0.0, 0.0, 4.0, 4.0, 8.0, 8.0]]]
    assert F.interpolate(x, size=2).tolist() == [[[0.0, 4.0]]]
    assert F.interpolate(x, size=2, mode="nearest-exact").tolist() == [[[0.0, 8.0]]]
    assert F.interpolate(x, size=5, mode="linear", align_corners=True).tolist() == [[[0.0, 2.0, 4.0, 6.0, 8.0]]]
    assert F.interpolate(x, scale_factor=2, mode="linear").tolist() == [[[0.0, 1.0, 3.0, 5.0, 7.0, 8.0]]]
    assert F.interpolate(x, size=1, mode="area").tolist() == [[[4.0]]]
    image = tg.tensor([[[[0.0, 2.0], [4.0, 6.0]]]])
    assert F.interpolate(image, 3, mode="bilinear", align_corners=True).tolist() == [[[[0.0, 1.0, 2.0], [2.0, 3.0, 4.0], [4.0, 5.0, 6.0]]]]


def test_infinities_stay_where_they_are_read() -> None:
    x = tg.tensor([[[float("inf"), 1.0, 2.0, 3.0]]])
    assert np.isfinite(F.interpolate(x, 7, mode="linear").numpy()[0, 0, 3:]).all()


@pytest.mark.parametrize("keywords", [{"size": (7, 3)}, {"size": (2, 9)}, {"scale_factor": 2}, {"scale_factor": (0.7, 1.6)}])
@pytest.mark.parametrize("mode", ["nearest", "bilinear", "bicubic", "area"])
def test_interpolation_is_linear(mode: str, keywords: dict[str, Any]) -> None:
    check_linear(lambda x: F.interpolate(x, mode=mode, **keywords), (2, 3, 4, 5))


def test_pixels_become_channels_and_come_back() -> None:
    x = tg.arange(16.0).reshape(1, 4, 2, 2)
    assert F.pixel_shuffle(x, 2)[0, 0].tolist() == [
        [0.0, 4.0, 1.0, 5.0],
        [8.0, 12.0, 9.0, 13.0],
        [2.0, 6.0, 3.0, 7.0],
        [10.0, 14.0, 11.0, 15.0],
    ]
    assert F.pixel_unshuffle(F.pixel_shuffle(x, 2), 2).tolist() == x.tolist()
    check_linear(lambda t: F.pixel_shuffle(t, 3), (2, 9, 2, 3))
    check_linear(lambda t: F.pixel_unshuffle(t, 2), (3, 4, 6))


@pytest.mark.parametrize("shuffle", [F.pixel_shuffle, F.pixel_unshuffle, F.channel_shuffle])
def test_what_is_shuffled_lies_in_memory_of_its_own(shuffle: Any) -> None:
    x = tg.ones(1, 4, 1, 1)
    shuffle(x, 1).zero_()
    assert x.sum() == 4


@pytest.mark.parametrize(("call", "error", "said"), [
    (lambda x: F.interpolate(x), ArgumentError, "either size or scale_factor"),
    (lambda x: F.interpolate(x, 3, 2.0), ArgumentError, "either size or scale_factor"),
    (lambda x: F.interpolate(x, (3,)), ArgumentError, "size needs one number, or 2"),
    (lambda x: F.interpolate(x, 2.5), ArgumentTypeError, "size must be integers"),
    (lambda x: F.interpolate(x, scale_factor=float("nan")), ArgumentTypeError, "finite numbers"),
    (lambda x: F.interpolate(x, 0), ShapeError, r"positive, got \(0, 0\)"),
    (lambda x: F.interpolate(x, scale_factor=0.1), ShapeError, r"positive, got \(0, 0\) for an input of shape \(1, 2, 4, 4\)"),
    (lambda x: F.interpolate(x, 3, mode="linear"), ShapeError, "with 3 dims"),
    (lambda x: F.interpolate(x, 3, mode="cubic"), ArgumentError, "mode must be one of nearest"),
    (lambda x: F.interpolate(x, 3, align_corners=True), ArgumentError, "align_corners is only for"),
    (lambda x: F.interpolate(x.long(), 3, mode="bilinear"), DtypeError, "floating point"),
    (lambda x: F.interpolate(x, 3, mode="area", antialias=True), ArgumentError, 'for the modes "bilinear" and "bicubic"'),
    (lambda x: F.pixel_shuffle(x, 2), ShapeError, "must be divisible by 2² = 4, got 2"),
    (lambda x: F.pixel_shuffle(x, 0), ArgumentError, "must be positive"),
    (lambda x: F.pixel_shuffle(x, 1.5), ArgumentTypeError, "must be an integer"),
    (lambda x: F.pixel_unshuffle(x, 3), ShapeError, "height 4 and width 4 must be divisible by 3"),
    (lambda x: F.pixel_unshuffle(x[0, 0], 2), ShapeError, "at least 3 dims"),
])  # fmt: skip
def test_errors_say_what_is_wrong(call: Any, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        call(tg.ones(1, 2, 4, 4))


def test_a_cubic_goes_through_the_points_and_keeps_straight_lines_inside() -> None:
    x = tg.arange(9.0).reshape(1, 1, 1, 9)
    out = F.interpolate(x, (1, 17), mode="bicubic", align_corners=True)
    assert out[0, 0, 0, ::2].tolist() == pytest.approx(list(range(9)))
    assert out[0, 0, 0, 3:14].tolist() == pytest.approx([n / 2 for n in range(3, 14)])


def test_channel_shuffle_deals_channels_out() -> None:
    x = tg.arange(6.0).reshape(1, 6, 1)
    assert F.channel_shuffle(x, 2).flatten().tolist() == [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]
    assert F.channel_shuffle(F.channel_shuffle(x, 2), 3).tolist() == x.tolist()
    with pytest.raises(ShapeError, match="6 channels are not divisible by 4"):
        F.channel_shuffle(x, 4)


@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
def test_without_aliases_a_smaller_image_is_a_mean_of_all_it_covers(mode: str) -> None:
    stripes = (tg.arange(256, dtype=tg.float64).reshape(16, 16) % 2)[None, None]
    smooth = F.interpolate(stripes, 8, mode=mode, antialias=True)
    np.testing.assert_allclose(smooth.numpy()[0, 0, 2:-2, 2:-2], 0.5, atol=1e-12)
    np.testing.assert_allclose(F.interpolate(tg.ones(1, 1, 9, 7), (4, 3), mode=mode, antialias=True).numpy(), 1.0, rtol=1e-6)
    check_linear(lambda x: F.interpolate(x, (3, 4), mode=mode, antialias=True), (1, 2, 7, 5))


def test_without_aliases_a_larger_image_is_the_usual_one() -> None:
    x = tg.rand(1, 1, 8, 5, dtype=tg.float64)
    plain, smooth = (F.interpolate(x, (11, 9), mode="bilinear", antialias=antialias).numpy() for antialias in (False, True))
    np.testing.assert_allclose(smooth, plain, atol=1e-12)


def test_without_aliases_in_a_compiled_step() -> None:
    step = tg.compile(lambda x: F.interpolate(x, 4, mode="bicubic", antialias=True))
    for _ in range(5):
        x = tg.rand(1, 1, 9, 9)
        assert step(x).tolist() == F.interpolate(x, 4, mode="bicubic", antialias=True).tolist()
    assert "replayed 3 times" in step.explain()
