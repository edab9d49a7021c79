"""float32 is right to 4 units in the last place, over all floats: every elementwise function against itself in float64."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import tinygrad_reg as tg
from tinygrad_reg.engine.primitive import PRIMITIVES, Primitive
from tinygrad_reg.ops.pointwise import Elementwise

from ..examples_of_primitives import INTERNAL, examples_of

Array = np.ndarray[Any, Any]

assert tg.nn.functional, "loads the operations that only layers use"

SPECIAL = np.array([0.0, 1.0, 0.5, 0.25, 2.0, np.pi, np.e, np.log(2.0), 1e-45, 1.2e-38, 3.4e38, np.inf, np.nan, 88.7, 103.9], np.float32)
FLOOR = 2.0**-121  # so near to 0 a factor of the result may have been less than the smallest normal number

#: Sums of which the terms cancel somewhere, three of them derivatives; and one whose result is the largest number of its dtype.
WITHOUT = {
    *("sigmoid_grad", "binary_cross_entropy_slope", "binary_cross_entropy", "binary_cross_entropy_with_logits"),
    *("lerp", "nan_to_num"),
}
#: They round an exponent beforehand (x² / 2, beta · x, a cubic of x), and the exponential multiplies its error by its size.
ROUNDED_EXPONENT = {"normal_cdf", "gelu_tanh", "softplus"}
NAMES = [
    name
    for name, p in PRIMITIVES.items()
    if isinstance(p, Elementwise) and p.kind not in ("integer", "whole") and name not in {*INTERNAL, *WITHOUT}
]


def floats(rng: np.random.Generator, count: int) -> Array:
    """Random bit patterns, in which every float is equally likely; numbers of usual size; special ones and their neighbours."""
    patterns = rng.integers(0, 2**32, count, dtype=np.uint32).view(np.float32)
    usual = rng.uniform(-20.0, 20.0, count).astype(np.float32)
    unit = rng.uniform(-1.0, 1.0, count).astype(np.float32)
    near = np.concatenate([SPECIAL, np.nextafter(SPECIAL, np.float32(0)), np.nextafter(SPECIAL, np.float32(np.inf))])
    return np.concatenate([patterns, usual, unit, near, -near])


def arguments(p: Primitive, rng: np.random.Generator) -> list[Array]:
    """One array for each argument: a grid of special values is among them."""
    made = [rng.permutation(floats(rng, 20_000)) for _ in p.arguments]
    grids = np.meshgrid(*[np.concatenate([SPECIAL, -SPECIAL])] * len(p.arguments))
    return [np.concatenate([a, grid.ravel()]) for a, grid in zip(made, grids, strict=True)]


def units(got: Array, exact: Array) -> Array:
    """How far float32 results are from float64 ones, in float32's units in the last place; inf for another nan or infinity."""
    rounded = exact.astype(np.float32)
    finite = np.isfinite(got) & np.isfinite(rounded)
    same = (got == rounded) | (np.isnan(got) & np.isnan(rounded))
    distance = np.abs(got.astype(np.float64) - exact) / np.spacing(np.abs(np.where(finite, rounded, np.float32(1)))).astype(np.float64)
    return np.where(same | (np.abs(got - exact) < FLOOR), 0.0, np.where(finite, distance, np.inf))


def calls(name: str) -> Iterator[dict[str, Any]]:
    yield from {str(example.params): example.params for example in examples_of(name)}.values()


@pytest.mark.parametrize("name", NAMES)
def test_float32_against_float64(name: str) -> None:
    p = PRIMITIVES[name]
    args = arguments(p, np.random.default_rng(0))
    for params in calls(name):
        with np.errstate(all="ignore"):
            got, exact = p.forward(*args, **params), p.forward(*[a.astype(np.float64) for a in args], **params)
            if got.dtype != np.float32:
                assert got.dtype.kind in "bi" or params.get("dtype") == got.dtype
                continue
            error = units(got, exact)
            if name in ROUNDED_EXPONENT:
                error /= np.fmax(1.0, np.abs(np.log(np.abs(exact))))
        worst = int(np.argmax(error))
        assert error[worst] <= 4.0, (
            f"{int((error > 4).sum())} of {error.size} are off, the worst by {error[worst]:.1f} units: "
            f"{name}({', '.join(repr(float(a[worst])) for a in args)}, {params}) is {got[worst]!r}, exactly {exact[worst]!r}"
        )


IN_FLOAT16 = ["sigmoid", "silu", "mish", "tanh", "exp", "expm1", "log1p", "log_sigmoid", "erf", "erfc", "logit"]


@pytest.mark.parametrize("name", IN_FLOAT16)
def test_every_float16_against_float64(name: str) -> None:
    """Rounding in between costs a unit, overflow in between would cost everything."""
    x = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    with np.errstate(all="ignore"):
        for params in calls(name):
            got, exact = (PRIMITIVES[name].forward(y, **params).astype(np.float64) for y in (x, x.astype(np.float64)))
            rounded = exact.astype(np.float16)
            finite = np.isfinite(rounded)
            np.testing.assert_array_equal(got[~finite], rounded[~finite])
            unit = np.spacing(np.abs(rounded[finite])).astype(np.float64)
            assert (np.abs(got[finite] - exact[finite]) / unit).max() <= 1.5
