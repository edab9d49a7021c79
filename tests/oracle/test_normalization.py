"""Normalizations against torch: values, gradients, second gradients, running statistics, errors."""

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
FLOATS = ["float64", "float32", "float16"]
SHAPES: list[Shape] = [(5, 6), (4, 6, 3), (2, 6, 3, 4), (2, 6, 2, 2, 3), (3, 6, 5000), (1, 6, 2)]


def sample(*shapes: Shape, dtype: str = "float64") -> list[Any]:
    rng = np.random.default_rng(len(shapes))
    return [np.asarray(rng.standard_normal(shape) + 0.3).astype(dtype) for shape in shapes]


def both(call: Callable[..., Any], *arrays: Any, second: bool = True) -> None:
    """`call(F, *tensors)` with our functions and with torch's; in float16 torch's gradients are mostly rounding."""
    dtype = str(arrays[0].dtype)
    exact = dtype == "float64" and arrays[0].size < 10_000
    compare(
        lambda *x: call(ours, *x),
        lambda *x: call(theirs, *x),
        *arrays,
        grad=dtype != "float16",
        second=second and dtype == "float64",
        rtol=None if exact else 2e-3,
    )


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("shape", SHAPES)
def test_batch_norm(shape: Shape, dtype: str) -> None:
    x, w, b, mean = sample(shape, (6,), (6,), (6,), dtype=dtype)
    var = np.abs(mean) + 0.5
    both(lambda F, x, w, b: F.batch_norm(x, None, None, w, b, True), x, w, b)
    both(lambda F, x: F.batch_norm(x, None, None, None, None, True, 0.1, 0.1), x)
    both(lambda F, x, w: F.batch_norm(x, None, None, w, None, True), x, w)
    both(lambda F, x, w, b, m, v: F.batch_norm(x, m.detach(), v.detach(), w, b), x, w, b, mean, var)
    both(lambda F, x, m, v: F.batch_norm(x, m.detach(), v.detach()), x, mean, var)


@pytest.mark.parametrize("shape", SHAPES)
def test_running_statistics(shape: Shape) -> None:
    x, mean = sample(shape, (6,))
    var = np.abs(mean) + 0.5

    def moved(F: Any, x: Any, m: Any, v: Any, norm: str) -> Any:
        m, v = m.detach().clone(), v.detach().clone()
        out = getattr(F, norm)(x, m, v, None, None, True, 0.3)
        return out, m, v

    both(lambda F, *x: moved(F, *x, "batch_norm"), x, mean, var)
    if len(shape) > 2:
        both(lambda F, *x: moved(F, *x, "instance_norm"), x, mean, var)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("shape", SHAPES[1:])
def test_instance_norm(shape: Shape, dtype: str) -> None:
    x, w, b, mean = sample(shape, (6,), (6,), (6,), dtype=dtype)
    both(lambda F, x, w, b: F.instance_norm(x, None, None, w, b), x, w, b)
    both(lambda F, x: F.instance_norm(x, eps=0.1), x)
    both(lambda F, x, w, m, v: F.instance_norm(x, m.detach(), v.detach(), w, None, False), x, w, mean, np.abs(mean) + 0.5)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("groups", [1, 2, 6])
@pytest.mark.parametrize("shape", SHAPES)
def test_group_norm(shape: Shape, groups: int, dtype: str) -> None:
    x, w, b = sample(shape, (6,), (6,), dtype=dtype)
    if len(shape) == 2 and groups == 6 and dtype != "float64":
        return  # groups of one element: all rounding
    both(lambda F, x, w, b: F.group_norm(x, groups, w, b), x, w, b)
    both(lambda F, x: F.group_norm(x, groups, eps=0.1), x)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize(
    ("shape", "over"), [((2, 3), (3,)), ((2, 3, 4), (3, 4)), ((5,), (5,)), ((4, 2, 3), (4, 2, 3)), ((2, 5000), (5000,)), ((0, 3), (3,))]
)
def test_rms_norm(shape: Shape, over: Shape, dtype: str) -> None:
    x, w = sample(shape, over, dtype=dtype)
    both(lambda F, x, w: F.rms_norm(x, over, w), x, w)
    both(lambda F, x: F.rms_norm(x, over, None, 0.1), x)


def test_layer_norm_of_halves_with_parameters_of_float32() -> None:
    (x,), (w, b) = sample((4, 6), dtype="float16"), sample((6,), (6,), dtype="float32")
    for call in (lambda F, x, w, b: F.layer_norm(x, (6,), w, b), lambda F, x, w, b: F.layer_norm(x, (6,), w)):
        both(call, x, w, b, second=False)
    for dtypes in (("float32", "float64"), ("float16", "float64"), ("float32", "float16"), ("float64", "float32")):
        mixed = [a.astype(d) for a, d in zip((x, w), dtypes, strict=True)]
        same_error(lambda x, w: ours.layer_norm(x, (6,), w), lambda x, w: theirs.layer_norm(x, (6,), w), *mixed)


@pytest.mark.filterwarnings("ignore:Mismatch dtype")
@pytest.mark.parametrize("dtypes", [(a, b) for a in FLOATS for b in FLOATS if a != b])
def test_rms_norm_of_two_dtypes(dtypes: tuple[str, str]) -> None:
    x, w = (a.astype(d) for a, d in zip(sample((4, 6), (6,)), dtypes, strict=True))
    both(lambda F, x, w: F.rms_norm(x, (6,), w), x, w, second=False)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("p", [2, 1, 3, float("inf"), 0.5])
@pytest.mark.parametrize(("shape", "dim"), [((3, 4), 1), ((3, 4), 0), ((2, 3, 4), -1), ((4,), 0), ((2, 3, 4), (1, 2))])
def test_normalize(shape: Shape, dim: Any, p: float, dtype: str) -> None:
    both(lambda F, x: F.normalize(x, p, dim), *sample(shape, dtype=dtype))


def test_normalize_at_zero() -> None:
    both(lambda F, x: F.normalize(x), np.array([[0.0, 0.0], [3.0, 4.0]]), second=False)  # where torch gives nan


@pytest.mark.parametrize("shape", [(0, 6), (0, 6, 3), (2, 6, 0)])
def test_of_no_elements(shape: Shape) -> None:
    both(lambda F, x: F.group_norm(x, 2), np.ones(shape))
    both(lambda F, x, m: F.batch_norm(x, m.detach(), m.detach()), np.ones(shape), np.ones(6))


def test_refuses_what_torch_refuses() -> None:
    x, one = np.ones((2, 6, 3)), np.ones(6)
    for call in (
        lambda F, x, w: F.batch_norm(x[:1, :, :1], None, None, training=True),
        lambda F, x, w: F.batch_norm(x, None, None),
        lambda F, x, w: F.batch_norm(x, w[1:], w),
        lambda F, x, w: F.batch_norm(x, w, w, w[1:]),
        lambda F, x, w: F.batch_norm(x, w, w, w, w[1:]),
        lambda F, x, w: F.batch_norm(x.long(), None, None, training=True),
        lambda F, x, w: F.group_norm(x, 4),
        lambda F, x, w: F.group_norm(x, 2, w[1:]),
        lambda F, x, w: F.group_norm(x[0, 0], 1),
        lambda F, x, w: F.instance_norm(x[:, :, :1]),
        lambda F, x, w: F.instance_norm(x, weight=w[1:]),
        lambda F, x, w: F.rms_norm(x, (4,)),
        lambda F, x, w: F.rms_norm(x, (3,), w),
        lambda F, x, w: F.normalize(x, dim=3),
        lambda F, x, w: F.rms_norm(x, ()),
    ):
        same_error(lambda *a, f=call: f(ours, *a), lambda *a, f=call: f(theirs, *a), x, one)
