"""The error function and its kin against 50 digits of mpmath, and against torch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_reg as tg
from tinygrad_reg.ops.special import normal_cdf

from .compare import compare

torch = pytest.importorskip("torch")
mpmath = pytest.importorskip("mpmath")

LIMITS = {"float64": 1e-15, "float32": 4 * 2.0**-24}  # relative; 4 ulp are at least that


def exact_erfinv(y: Any) -> Any:
    """The inverse of erf by Newton's method on erfc, as mpmath's own loses digits beside 1."""
    rest = 1 - abs(y)
    x = mpmath.sqrt(-mpmath.log(rest * (2 - rest)))
    for _ in range(60):
        step = (mpmath.erfc(x) - rest) * mpmath.exp(x * x) * mpmath.sqrt(mpmath.pi) / 2
        x += step / (1 - x * step)
        if abs(step) < mpmath.mpf(10) ** -40:
            break
    return mpmath.sign(y) * x


def worst(function: Any, exact: Any, x: Any) -> float:
    """The largest relative error where the exact result is a normal number."""
    tiny = float(np.finfo(x.dtype).tiny)
    largest = mpmath.mpf(0)
    with mpmath.workdps(50):
        for found, v in zip(function(x).tolist(), x.tolist(), strict=True):
            want = exact(mpmath.mpf(v))
            if abs(want) >= tiny:
                largest = max(largest, abs((mpmath.mpf(found) - want) / want))
    return float(largest)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", ["erf", "erfc"])
def test_error_functions_to_the_last_digits(name: str, dtype: str) -> None:
    rng = np.random.default_rng(0)
    end, smallest = (26.5, -307) if dtype == "float64" else (9.2, -37)
    parts = [rng.uniform(-6, 6, 2000), rng.uniform(0, end, 2000), 10.0 ** rng.uniform(smallest, 0, 400), np.linspace(0.49, 0.51, 400)]
    assert worst(getattr(tg, name), getattr(mpmath, name), np.concatenate(parts).astype(dtype)) < LIMITS[dtype]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_erfinv_to_the_last_digits(dtype: str) -> None:
    rng = np.random.default_rng(0)
    bits, smallest = (53, -300) if dtype == "float64" else (24, -37)
    edge = 0.990803  # where the formulas change
    parts = [
        rng.uniform(-1, 1, 700),
        1 - 2.0 ** -np.arange(1, bits),
        10.0 ** rng.uniform(smallest, -1, 100),
        edge + rng.uniform(-1e-4, 1e-4, 100),
    ]
    y = np.concatenate(parts).astype(dtype)
    assert worst(tg.erfinv, lambda v: mpmath.erfinv(v) if abs(v) < 0.9 else exact_erfinv(v), y) < LIMITS[dtype]


def test_normal_distribution_function() -> None:
    x = np.random.default_rng(0).uniform(-37, 9, 1000)
    assert worst(normal_cdf, mpmath.ncdf, x) < 2e-13
    assert worst(normal_cdf, mpmath.ncdf, x[np.abs(x) < 5]) < 1e-14


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
@pytest.mark.parametrize("name", ["erf", "erfc", "erfinv"])
def test_against_torch(name: str, dtype: str) -> None:
    for shape in [(), (7,), (0, 3), (4, 5)]:
        x = np.asarray(np.random.default_rng(0).uniform(-0.9, 0.9, shape), dtype)
        compare(getattr(tg, name), getattr(torch, name), x, second=dtype != "float16")
        compare(getattr(tg.special, name), getattr(torch.special, name), x, grad=False)


@pytest.mark.parametrize("name", ["erf", "erfc", "erfinv"])
def test_special_values(name: str) -> None:
    x = np.array([0.0, -0.0, 1.0, -1.0, 1.5, np.inf, -np.inf, np.nan])
    compare(getattr(tg, name), getattr(torch, name), x, second=False)
    for dtype in ("int64", "uint8", "bool"):
        compare(getattr(tg, name), getattr(torch, name), np.array([0, 1]).astype(dtype))


def test_namespace() -> None:
    x = np.array([0.2, 0.5, 0.7])
    for name in ("exp2", "expit", "expm1", "log1p", "logit", "ndtr", "round"):
        compare(getattr(tg.special, name), getattr(torch.special, name), x)
    for name in ("softmax", "log_softmax", "logsumexp"):
        compare(lambda v, n=name: getattr(tg.special, n)(v, 0), lambda v, n=name: getattr(torch.special, n)(v, 0), x)
