"""pad against torch in all modes: values, two orders of gradients, and what both refuse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tinygrad_reg.nn import functional as ours

from .compare import compare, same_error

torch = pytest.importorskip("torch")
theirs = torch.nn.functional

Shape = tuple[int, ...]
EDGES = ["reflect", "replicate", "circular"]


def sample(shape: Shape, dtype: str = "float64") -> Any:
    return np.asarray(np.random.default_rng(len(shape)).standard_normal(shape)).astype(dtype)


def both(x: Any, pad: Any, **keywords: Any) -> None:
    compare(lambda x: ours.pad(x, pad, **keywords), lambda x: theirs.pad(x, pad, **keywords), x)


def neither(x: Any, pad: Any, **keywords: Any) -> None:
    same_error(lambda x: ours.pad(x, pad, **keywords), lambda x: theirs.pad(x, pad, **keywords), x)


@pytest.mark.parametrize(("shape", "pad"), [
    ((4,), (1, 2)), ((), ()), ((2, 4), (1, 0)), ((2, 4), (1, 2, 3, 4)), ((2, 4), [0, 0]), ((2, 4), (-1, 2)), ((2, 4), (-1, -2)),
    ((2, 4), (-2, -2)),
    ((2, 4), (5, -4)), ((2, 4), (-4, 1)), ((2, 3, 4, 5), (1, 1, -1, 2, 0, 1, 2, 0)), ((0, 4), (1, 1)), ((0, 4), (1, 1, 2, 0)), ((2, 4), ()),

])  # fmt: skip
def test_constant(shape: Shape, pad: Any) -> None:
    both(sample(shape), pad)
    both(sample(shape), pad, value=1.5)
    both(sample(shape), pad, mode="constant", value=float("-inf"))


@pytest.mark.parametrize("mode", EDGES)
@pytest.mark.parametrize(("shape", "pad"), [
    ((2, 4), (1, 2)), ((2, 3, 4), (1, 2)), ((2, 3, 4), (3, 3)), ((2, 3, 4), (0, 0)), ((2, 3, 4), (0, 3)), ((2, 3, 4), (-1, 1)),
    ((2, 3, 4), (1, -1)),
    ((2, 3, 4), (-1, -1)), ((2, 3, 4), (1, 1, 1, 2)), ((2, 3, 4, 5), (1, 2, 3, 0)), ((2, 3, 4, 5), (2, 2, 2, 2)),
    ((2, 3, 4, 5), (-1, 2, 1, -2)),
    ((1, 2, 3, 4, 5), (1, 2, 0, 1, 2, 1)), ((0, 3, 4, 5), (1, 1, 1, 1)),
])  # fmt: skip
def test_edges(shape: Shape, pad: Any, mode: str) -> None:
    both(sample(shape), pad, mode=mode)


def test_edges_at_their_limits() -> None:
    both(sample((2, 3, 4)), (4, 4), mode="circular")
    both(sample((2, 3, 4)), (9, 7), mode="replicate")
    both(sample((2, 3, 1)), (2, 2), mode="replicate")
    both(sample((2, 3, 4)), (2, -3), mode="reflect")
    both(sample((2, 3, 4)), (-2, 3), mode="reflect")
    both(sample((2, 3, 4)), (2, -3), mode="replicate")
    both(sample((2, 3, 4)), (-5, 6), mode="replicate")


@pytest.mark.parametrize("dtype", ["float32", "float16", "int64", "uint8"])
def test_dtypes_stay(dtype: str) -> None:
    for mode in ("constant", *EDGES):
        both((3 * sample((2, 3, 4))).astype(dtype), (1, 2), mode=mode)
    both(np.ones(3, dtype=bool), (1, 1))
    both(np.ones(3, dtype=bool), (1, 1), value=True)
    both(np.ones(3, dtype=np.int64), (1, 1), value=1.5)


def test_constant_refuses_what_torch_refuses() -> None:
    for pad in ((1,), (1, 1, 1, 1, 1, 1), (-3, -2), (1.5, 1), (-5, 0), "ab", 3):
        neither(np.ones((2, 4)), pad)
    neither(np.ones(4), (1, 1), mode="x")


@pytest.mark.parametrize("mode", EDGES)
def test_edges_refuse_what_torch_refuses(mode: str) -> None:
    neither(np.ones(4), (1, 1), mode=mode)
    neither(np.ones((1, 2, 4)), (1, 1), mode=mode, value=1.0)
    neither(np.ones((1, 2, 4, 4)), (1, 1), mode=mode)
    neither(np.ones((1, 2, 4, 4)), (), mode=mode)
    neither(np.ones((1, 2, 4)), (1,), mode=mode)
    neither(np.ones((1, 2, 0, 4)), (1, 1, 1, 1), mode=mode)
    neither(np.ones((1, 2, 4, 4)), (-3, -2, 0, 0), mode=mode)
    if mode != "replicate":
        neither(np.ones((1, 2, 4)), (5, 0), mode=mode)
