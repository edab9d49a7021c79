"""interpolate, pixel_shuffle and pixel_unshuffle against torch: values, two orders of gradients, and what both refuse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tinygrad_reg.nn import functional as ours

from .compare import compare, same_error

torch = pytest.importorskip("torch")
theirs = torch.nn.functional

Shape = tuple[int, ...]


def sample(shape: Shape, dtype: str = "float64") -> Any:
    return np.asarray(np.random.default_rng(len(shape)).standard_normal(shape)).astype(dtype)


def both(name: str, x: Any, second: bool = True, **keywords: Any) -> None:
    compare(lambda x: getattr(ours, name)(x, **keywords), lambda x: getattr(theirs, name)(x, **keywords), x, second=second)


def neither(name: str, x: Any, **keywords: Any) -> Exception:
    return same_error(lambda x: getattr(ours, name)(x, **keywords), lambda x: getattr(theirs, name)(x, **keywords), x)


FACTORS = [2, 3, 0.5, 1.0, 1.3, 0.7, 2.5, 1 / 3]


@pytest.mark.parametrize("mode", ["nearest", "nearest-exact", "bilinear", "bicubic", "linear", "area"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_interpolate(mode: str, dtype: str) -> None:
    for shape in ((2, 3, 7), (2, 3, 1), (2, 3, 6, 7), (1, 2, 1, 5), (0, 2, 4, 3)):
        if len(shape) != {"bilinear": 4, "bicubic": 4, "linear": 3}.get(mode, len(shape)):
            continue
        x = sample(shape, dtype)
        for size in (1, 2, 5, 7, 14, 20):
            both("interpolate", x, size=size, mode=mode)
        for factor in FACTORS:
            if all(int(n * factor) for n in shape[2:]):
                both("interpolate", x, scale_factor=factor, mode=mode)
                both("interpolate", x, scale_factor=factor, mode=mode, recompute_scale_factor=True)


@pytest.mark.parametrize("size", [1, 2, 5, 7, 14, 20])
def test_interpolate_with_aligned_corners(size: int) -> None:
    for aligned in (True, False):
        both("interpolate", sample((2, 3, 7)), size=size, mode="linear", align_corners=aligned)
        both("interpolate", sample((2, 3, 6, 7)), size=(size, 9), mode="bilinear", align_corners=aligned)
        both("interpolate", sample((2, 3, 6, 7)), size=(size, 9), mode="bicubic", align_corners=aligned)
    both("interpolate", sample((2, 3, 6, 7)), scale_factor=(1.5, 2), mode="bilinear", align_corners=True)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_interpolate_at_every_size(dtype: str) -> None:
    """Rounding decides which element is nearest. Where torch's gradient rounds differently from its value, ours follows the value."""
    x = np.arange(50.0).reshape(1, 1, 50).astype(dtype)
    for size in range(1, 160):
        for mode in ("nearest", "nearest-exact"):
            for keywords in ({"size": size}, {"scale_factor": size / 50 + 0.011}):
                options: dict[str, Any] = {"mode": mode, **keywords}
                compare(lambda x, o=options: ours.interpolate(x, **o), lambda x, o=options: theirs.interpolate(x, **o), x, grad=False)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
@pytest.mark.parametrize("aligned", [None, False, True])
def test_interpolate_without_aliases(mode: str, aligned: bool | None, dtype: str) -> None:
    options: dict[str, Any] = {"mode": mode, "antialias": True, "align_corners": aligned}
    for size in (1, 2, 3, 5, 7, 14, 20):
        both("interpolate", sample((2, 3, 6, 7), dtype), size=(size, 4), **options)
    both("interpolate", sample((1, 1, 1, 5), dtype), size=(2, 3), **options)
    both("interpolate", sample((1, 2, 64, 50), dtype), size=(7, 13), **options)
    for factor in FACTORS:
        if factor > 0.4:
            both("interpolate", sample((2, 3, 6, 7), dtype), scale_factor=factor, **options)
            both("interpolate", sample((2, 3, 6, 7), dtype), scale_factor=factor, recompute_scale_factor=True, **options)


def test_interpolate_of_other_dtypes() -> None:
    both("interpolate", sample((2, 3, 6, 7), "float16"), size=(9, 4), mode="nearest")
    both("interpolate", sample((2, 3, 6, 7), "float16"), size=(9, 4), mode="bilinear", second=False)
    both("interpolate", sample((2, 3, 6, 7), "float16"), size=(9, 4), mode="bicubic", second=False)
    both("interpolate", np.arange(24, dtype=np.uint8).reshape(1, 2, 3, 4), size=(5, 2))


def test_interpolate_refuses_what_torch_refuses() -> None:
    x = np.ones((1, 2, 4, 4))
    for keywords in (
        {"size": (3,)}, {}, {"size": 3, "scale_factor": 2}, {"scale_factor": (2,)}, {"scale_factor": 0.1}, {"scale_factor": -1},
        {"size": 0},
        {"size": 3, "align_corners": True}, {"size": 3, "mode": "linear"}, {"size": 3, "mode": "foo"},
        {"size": 3, "recompute_scale_factor": True},
        {"size": 3, "antialias": True}, {"size": 3.0},
    ):  # fmt: skip
        neither("interpolate", x, **keywords)
    neither("interpolate", np.ones((2, 4)), size=3)
    neither("interpolate", np.ones((1, 2, 4)), size=3, mode="bilinear")
    neither("interpolate", np.ones((1, 0, 4, 4)), size=3)
    neither("interpolate", np.ones((1, 2, 0, 4)), size=3)
    neither("interpolate", np.ones((1, 2, 4, 4), dtype=np.int64), size=3, mode="bilinear")


@pytest.mark.parametrize("shape", [(4, 4, 6), (2, 8, 2, 4), (2, 3, 8, 4, 2)])
def test_pixel_shuffle(shape: Shape) -> None:
    both("pixel_shuffle", sample(shape), upscale_factor=2)
    both("pixel_shuffle", sample(shape), upscale_factor=1)
    both("pixel_unshuffle", sample(shape), downscale_factor=2)
    both("pixel_shuffle", np.arange(36).reshape(9, 2, 2), upscale_factor=3)
    compare(lambda x: ours.pixel_shuffle(x, 2), lambda x: theirs.pixel_shuffle(x, 2), np.ones((0, *shape)), grad=False)


def test_pixel_shuffle_refuses_what_torch_refuses() -> None:
    for shape, factor in (((4, 4), 2), ((3, 4, 4), 2), ((4, 4, 4), 0), ((4, 4, 4), -1), ((4, 4, 4), 2.0)):
        neither("pixel_shuffle", np.ones(shape), upscale_factor=factor)
    for shape, factor in (((5, 4), 2), ((4, 5, 4), 2), ((4, 4, 5), 2), ((4, 4, 4), 0)):
        neither("pixel_unshuffle", np.ones(shape), downscale_factor=factor)
