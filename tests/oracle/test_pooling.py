"""Pooling against torch: values, indices, two orders of gradients, ties, nan, and what both refuse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tinygrad_reg.nn import functional as ours

from .compare import compare, same_error

torch = pytest.importorskip("torch")
theirs = torch.nn.functional

Shape = tuple[int, ...]
inf, nan = float("inf"), float("nan")


def sample(shape: Shape, dtype: str = "float64") -> Any:
    return np.asarray(np.random.default_rng(len(shape)).standard_normal(shape)).astype(dtype)


def both(name: str, x: Any, second: bool = True, **keywords: Any) -> None:
    compare(lambda x: getattr(ours, name)(x, **keywords), lambda x: getattr(theirs, name)(x, **keywords), x, second=second)


def neither(name: str, x: Any, **keywords: Any) -> Exception:
    return same_error(lambda x: getattr(ours, name)(x, **keywords), lambda x: getattr(theirs, name)(x, **keywords), x)


WINDOWS: list[tuple[Shape, dict[str, Any]]] = [
    ((2, 3, 8), {"kernel_size": 2}), ((3, 8), {"kernel_size": 2}), ((2, 3, 9), {"kernel_size": 3, "stride": 2}),
    ((2, 3, 9), {"kernel_size": (3,), "stride": 1}),
    ((2, 3, 9), {"kernel_size": 3, "stride": 2, "padding": 1}), ((2, 3, 9), {"kernel_size": 2, "ceil_mode": True}),
    ((2, 3, 7), {"kernel_size": 7}),
    ((2, 3, 8), {"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True}), ((2, 3, 8), {"kernel_size": 1, "stride": 3}),
    ((0, 3, 8), {"kernel_size": 2}),
    ((2, 3, 8), {"kernel_size": 2, "stride": 5, "ceil_mode": True}), ((1, 1, 1), {"kernel_size": 3, "padding": 1, "ceil_mode": True}),
    ((2, 3, 6, 7), {"kernel_size": 2}), ((3, 6, 7), {"kernel_size": 2}), ((2, 3, 6, 7), {"kernel_size": (3, 2), "stride": (1, 2)}),
    ((2, 3, 6, 7), {"kernel_size": 3, "stride": 2, "padding": 1}), ((2, 3, 6, 7), {"kernel_size": 3, "stride": 2, "ceil_mode": True}),
    ((2, 3, 6, 7), {"kernel_size": (2, 4), "stride": (3, 1), "padding": (1, 2), "ceil_mode": True}),
    ((2, 3, 6, 7), {"kernel_size": (6, 7)}),
    ((0, 3, 6, 7), {"kernel_size": 2}), ((1, 1, 20, 20), {"kernel_size": 17, "stride": 2}),
    ((2, 3, 6, 7), {"kernel_size": 2, "stride": []}),
]  # fmt: skip


def pool(kind: str, shape: Shape, keywords: dict[str, Any]) -> str:
    two = len(shape) == 4 or shape == (3, 6, 7)
    return f"{kind}_pool{2 if two else 1}d"


@pytest.mark.parametrize(("shape", "keywords"), WINDOWS)
def test_pool(shape: Shape, keywords: dict[str, Any]) -> None:
    x = sample(shape)
    both(pool("max", shape, keywords), x, **keywords)
    both(pool("max", shape, keywords), x, **keywords, return_indices=True)
    both(pool("avg", shape, keywords), x, **keywords)
    both(pool("avg", shape, keywords), x, **keywords, count_include_pad=False)


DILATED: list[tuple[Shape, dict[str, Any]]] = [
    ((2, 3, 9), {"kernel_size": 3, "dilation": 2}), ((2, 3, 9), {"kernel_size": 3, "dilation": 3, "padding": 1, "stride": 2}),
    ((2, 3, 6, 7), {"kernel_size": 2, "dilation": 3}),
    ((2, 3, 6, 7), {"kernel_size": (3, 2), "dilation": (2, 5), "stride": 1, "padding": 1}),
    ((2, 3, 6, 7), {"kernel_size": 2, "dilation": (1, 2), "stride": 3, "ceil_mode": True}),
]  # fmt: skip


@pytest.mark.parametrize(("shape", "keywords"), DILATED)
def test_max_pool_with_dilation(shape: Shape, keywords: dict[str, Any]) -> None:
    both(pool("max", shape, keywords), sample(shape), **keywords)
    both(pool("max", shape, keywords), sample(shape), **keywords, return_indices=True)


@pytest.mark.parametrize("divisor", [1, 3, -2])
def test_avg_pool_with_a_divisor(divisor: int) -> None:
    both("avg_pool2d", sample((2, 3, 6, 7)), kernel_size=3, padding=1, divisor_override=divisor)


@pytest.mark.parametrize("value", [0.0, inf, -inf, nan])
def test_pools_of_equal_and_of_special_elements(value: float) -> None:
    x = np.full((1, 2, 5, 6), value)
    x[0, 1, 2:4, ::2] = 1.0
    x[0, 1, 4, 1] = nan
    for keywords in (
        {"kernel_size": 2},
        {"kernel_size": 3, "stride": 1, "padding": 1},
        {"kernel_size": 3, "stride": 2, "dilation": 2, "padding": 1},
    ):
        both("max_pool2d", x, **keywords)
        both("max_pool2d", x, **keywords, return_indices=True)
    both("max_pool1d", x[0], kernel_size=3, stride=2, padding=1, return_indices=True)
    both("adaptive_max_pool2d", x, output_size=(2, 4), return_indices=True)
    both("avg_pool2d", x, kernel_size=3, padding=1)
    both("adaptive_avg_pool2d", x, output_size=(3, 4))


ADAPTIVE: list[tuple[Shape, Any]] = [
    ((2, 3, 8), 4), ((2, 3, 8), 3), ((2, 3, 8), 1), ((2, 3, 8), 8), ((2, 3, 3), 7), ((3, 8), 5), ((2, 3, 8), (5,)), ((0, 3, 8), 2),
    ((2, 3, 6, 7), 3), ((2, 3, 6, 7), 1), ((2, 3, 6, 7), (2, 7)), ((2, 3, 6, 7), (None, 3)), ((2, 3, 6, 7), (9, 4)),
    ((2, 3, 6, 7), (4, 16)),
    ((3, 6, 7), (4, 5)), ((2, 3, 2, 3), 7), ((0, 3, 6, 7), 4), ((2, 3, 6, 7), [3, None]),
]  # fmt: skip


@pytest.mark.parametrize(("shape", "output_size"), ADAPTIVE)
def test_adaptive_pool(shape: Shape, output_size: Any) -> None:
    x = sample(shape)
    both(pool("adaptive_avg", shape, {}), x, output_size=output_size)
    both(pool("adaptive_max", shape, {}), x, output_size=output_size)
    both(pool("adaptive_max", shape, {}), x, output_size=output_size, return_indices=True)


def test_adaptive_pool_to_nothing() -> None:
    for name in ("adaptive_avg_pool2d", "adaptive_max_pool2d"):
        for size in (0, (0, 5)):
            compare(
                lambda x, n=name, s=size: getattr(ours, n)(x, s),
                lambda x, n=name, s=size: getattr(theirs, n)(x, s),
                np.ones((2, 3, 6, 7)),
                grad=False,
            )


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_pools_in_less_precision(dtype: str) -> None:
    x = sample((2, 3, 6, 7), dtype)
    for name in ("max_pool2d", "avg_pool2d"):
        both(name, x, kernel_size=3, stride=2, padding=1)
    both("adaptive_avg_pool2d", x, output_size=4)
    both("adaptive_max_pool2d", x, output_size=4)


def test_pools_of_integers() -> None:
    x = np.arange(-20, 16).reshape(1, 1, 6, 6)
    for dtype in ("int64", "int32", "int8"):
        both("max_pool2d", x.astype(dtype), kernel_size=3, stride=2, padding=1)
    both("avg_pool2d", x, kernel_size=3)
    both("avg_pool1d", x[0], kernel_size=2)


@pytest.mark.parametrize(("shape", "keywords"), [
    ((1, 1, 4, 4), {"kernel_size": 2, "padding": 2}), ((1, 1, 4, 4), {"kernel_size": 5}), ((1, 1, 4, 4), {"kernel_size": 0}),
    ((1, 1, 4, 4), {"kernel_size": 2, "stride": 0}), ((1, 1, 4, 4), {"kernel_size": 2, "padding": -1}),
    ((1, 0, 4, 4), {"kernel_size": 2}), ((1, 1, 0, 4), {"kernel_size": 2}), ((1, 1, 4, 4), {"kernel_size": (2, 2, 2)}),
    ((1, 1, 4, 4), {"kernel_size": "2"}),
])  # fmt: skip
def test_pools_refuse_what_torch_refuses(shape: Shape, keywords: dict[str, Any]) -> None:
    neither("max_pool2d", np.ones(shape), **keywords)
    neither("avg_pool2d", np.ones(shape), **keywords)


def test_more_that_torch_refuses() -> None:
    neither("max_pool2d", np.ones((1, 1, 4, 4)), kernel_size=2, dilation=0)
    neither("max_pool2d", np.ones((1, 1, 4, 4)), kernel_size=3, dilation=2)
    neither("avg_pool2d", np.ones((1, 1, 4, 4)), kernel_size=2, divisor_override=0)
    neither("max_pool2d", np.ones((1, 1, 4, 4), dtype=bool), kernel_size=2)
    neither("avg_pool2d", np.ones((1, 1, 4, 4), dtype=bool), kernel_size=2)
    neither("max_pool2d", np.ones((4, 4)), kernel_size=2)
    for name in ("max_pool1d", "avg_pool1d"):
        neither(name, np.ones(4), kernel_size=2)
    for name in ("adaptive_avg_pool2d", "adaptive_max_pool2d"):
        neither(name, np.ones((1, 1, 4, 4)), output_size=-1)
        neither(name, np.ones((1, 1, 4, 4)), output_size=(1, 2, 3))
        neither(name, np.ones((1, 1, 4, 4), dtype=np.int64), output_size=2)
    neither("adaptive_max_pool2d", np.ones((1, 1, 0, 4)), output_size=2)
    neither("adaptive_avg_pool1d", np.ones(4), output_size=2)
