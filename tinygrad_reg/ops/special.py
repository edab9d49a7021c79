"""The error function and its kin: erf, erfc, erfinv, and the normal distribution function; elementwise, any shape.

For s >= 0, erfc(s) = exp(-s²) / (1 + 2s) · p(v) with v = 2s / (s + 3.5), where p is smooth and near 1, so that one polynomial
serves the whole axis: Shepherd and Laframboise, Chebyshev approximation of (1 + 2x) exp(x²) erfc x, Math. Comp. 36, 1981. Here
p(v) = 1 + v · q(v - 1), exact at 0, and q interpolates at Chebyshev's points, computed with 60 digits: p is right to 3e-17
(float64) and 2e-8 (float32).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..engine.mutation import Array
from ..engine.plain import is_plain
from ..engine.selection import choose
from .elementwise import exp, unary
from .large import UNBOUNDED, bounded, in_blocks
from .pointwise import Unary, as_array, numbers

_FEW = 128  # elements
_SLOPE = 2.0 / math.sqrt(math.pi)  # of erf at 0
SQRT_2_PI = math.sqrt(2.0 * math.pi)
_END = 28.0  # erfc is 0 from there on

_TAIL = (
    2.9687803459005457e-09, 8.882690653324327e-09, -1.7474888013323828e-08, -8.008631609799887e-08, 8.42130787936236e-08,
    5.220030438168228e-07, -5.750445744860599e-07, -3.2438390832802694e-06, 5.576041990762783e-06, 1.8686922732833017e-05,
    -6.147022210735385e-05, -6.004277217138824e-05, 0.0006244273685616248, -0.0009266951466700925, -0.0032883247782464317,
    0.022387655710614993, -0.07121098153770943, 0.1591941353631055, -0.2742837335233084, 0.3718028286765553,
    -0.38235842500877376, 0.2423492448711544,
)  # fmt: skip
_SHORT_TAIL = (
    0.0004234461314, -0.001162753935, -0.003240674505, 0.0225061091, -0.07120543708, 0.1591733334, -0.2742853849,
    0.3718040969, -0.3823583702, 0.242349232,
)  # fmt: skip

# erf(x) = 2/√π · Σ (-1)ⁿ x²ⁿ⁺¹ / (n! (2n + 1)); for |x| <= 1/2 twelve terms are enough for float64.
_SERIES = tuple(_SLOPE * (-1) ** n / (math.factorial(n) * (2 * n + 1)) for n in reversed(range(12)))

# For float32 in its own arithmetic: erf(x) = tanh(x · p(x²)), where p is smooth for |x| <= 4, from where on erf is 1. What a digit of
# the tangent's argument is worth shrinks with 1 - erf: the coefficients minimize the largest relative error of the result, which is
# 7e-8 (Lawson's algorithm, iterated weighted least squares, on 4,000 points computed with 40 digits).
_OF_TANGENT = (
    5.421464497653861e-09, 2.757976255060855e-08, -4.794641699408266e-06, 8.459675489275687e-05, -0.0006148386364785727,
    -0.0001952877401091562, 0.10276986394638575, 1.1283792472056837,
)  # fmt: skip

# erfinv(y) / y as a polynomial in w/2 - 1, where w = -log(1 - y²) <= 4; interpolated likewise, to 1e-17.
_INVERSE = (
    -1.8388740265067817e-11, 6.786263500667875e-11, 1.626008902320084e-10, -1.268773349927392e-09, 5.721742138320676e-10,
    1.3822834890147502e-08, -3.548875602411963e-08, -8.695476099359286e-08, 6.019517915944074e-07, -2.624914590074739e-07,
    -6.6027772216229995e-06, 1.767991318063748e-05, 4.0568689574287166e-05, -0.0003119661252152214, 0.0002426096120001266,
    0.003455004628504194, -0.013537186958168647, -0.00787257416712652, 0.49953613774150163, 1.3772152115148184,
)  # fmt: skip


def _polynomial(coefficients: Sequence[float], x: Array) -> Array:
    """The polynomial with these coefficients, that of the highest power first, as a new array."""
    first, second, *others = numbers(x.dtype, *coefficients)
    out = as_array(x * first)
    out += second
    for coefficient in others:
        out *= x
        out += coefficient
    return out


def few_by(one: Callable[[float], float]) -> Callable[[Callable[[Array], Array]], Callable[[Array], Array]]:
    """Let the C library's function of one number do for a few: many passes over them cost more in calls than in arithmetic."""

    def with_few(function: Callable[[Array], Array]) -> Callable[[Array], Array]:
        @functools.wraps(function)
        def forward(x: Array) -> Array:
            if x.size > _FEW or x.dtype.char not in "efd" or is_plain(x):
                return function(x)
            return np.array([one(number) for number in x.ravel().tolist()], x.dtype).reshape(x.shape)

        return forward

    return with_few


def _scaled_erfc(s: Array, short: bool) -> Array:
    """exp(s²) · erfc(s) for 0 <= s, to the precision of float64, or of float32 if that is enough."""
    one, two, three_and_a_half = numbers(s.dtype, 1.0, 2.0, 3.5)
    double = as_array(s * two)
    v = as_array(double / (s + three_and_a_half))
    out = _polynomial(_SHORT_TAIL if short else _TAIL, v - one)
    out *= v
    out += one
    double += one
    out /= double
    return out


def _exp_minus_square(s: Array) -> Array:
    """exp(-s²), the square taken to twice the precision of s: else its rounding would come out s² times as large."""
    head = s.astype(np.float32).astype(np.float64)  # its square is exact
    square = s * s
    rest = (head * head - square) + (s - head) * (s + head)
    return np.exp(-square) * (1.0 - rest)


@few_by(math.erf)
@in_blocks
def _erf(x: Array) -> Array:
    if x.dtype.itemsize < 8:
        return _short_erf(x)
    s = bounded(np.abs(x), UNBOUNDED, _END)
    near = _polynomial(_SERIES, np.minimum(s, 0.5) ** 2) * x
    far = np.copysign(1.0 - _scaled_erfc(s, short=False) * np.exp(-s * s), x)
    return choose(s <= 0.5, near, far)


def _short_erf(x: Array) -> Array:
    low, high = numbers(x.dtype, -4.0, 4.0)
    limited = as_array(bounded(x, low, high))
    out = _polynomial(_OF_TANGENT, as_array(np.square(limited)))
    out *= limited
    return np.tanh(out, out)


@few_by(math.erfc)
@in_blocks
def _erfc(x: Array) -> Array:
    short = x.dtype.itemsize < 8  # float32 is computed in float64, to which the square of s is exact
    s = bounded(np.abs(x), UNBOUNDED, _END).astype(np.float64)
    tail = _scaled_erfc(s, short)
    tail *= np.exp(-s * s) if short else _exp_minus_square(s)
    return _mirrored(tail, x < 0, 2.0).astype(x.dtype, copy=False)


def _mirrored(tail: Array, where: Array, whole: float) -> Array:
    """whole - tail where that is true, tail elsewhere, in its memory: a choice for each element would take longer."""
    np.subtract(where.astype(tail.dtype) * numbers(tail.dtype, whole)[0], tail, tail)
    return np.abs(tail, tail)


@few_by(lambda x: 0.5 * math.erfc(-x * math.sqrt(0.5)))
@in_blocks
def _normal_cdf(x: Array) -> Array:
    s = bounded(np.abs(x) * math.sqrt(0.5), UNBOUNDED, _END)
    half, minus_half = numbers(x.dtype, 0.5, -0.5)
    weights = as_array(np.square(x))
    weights *= minus_half
    np.exp(weights, weights)
    weights *= half
    tail = _scaled_erfc(s, x.dtype.itemsize < 8)
    tail *= weights
    return _mirrored(tail, x > 0, 1.0)


@in_blocks
def _erfinv(x: Array) -> Array:
    exact = x.astype(np.float64)
    size = np.abs(exact)
    rest = 1.0 - size
    w = as_array(-np.log(rest * (1.0 + size)))
    out = as_array(exact * _polynomial(_INVERSE, w * 0.5 - 1.0))
    far = as_array(w > 4.0)
    if is_plain(x):
        out = np.where(far, np.copysign(_erfc_inverse(np.where(far, rest, _NEAR)), exact), out)
    elif far.any():
        out[far] = np.copysign(_erfc_inverse(np.asarray(rest)[far]), np.asarray(exact)[far])
    return out.astype(x.dtype)


_NEAR = 0.001  # an argument that `_erfc_inverse` is made for


def _erfc_inverse(q: Array) -> Array:
    """x with erfc(x) = q for q < 0.01: from the leading term of erfc's expansion, by two of Halley's steps, each of third order."""
    level = -np.log(q * math.sqrt(math.pi))
    x = np.sqrt(level - 0.5 * np.log(level))
    for _ in range(2):
        step = (q - _erfc(x)) / (_SLOPE * np.exp(-x * x))
        x = x - step / (1.0 + x * step)
    return np.where(q == 0, np.inf, x)


def normal_density(x: Any) -> Any:
    """exp(-x²/2) / √2π."""
    return exp(x * x * -0.5) / SQRT_2_PI


erf: Unary = unary(
    "erf", _erf, lambda g, x: g * (exp(-(x * x)) * _SLOPE), "2/√π · ∫ exp(-t²) dt from 0 to x", analytic=True
)  # fmt: skip
erfc: Unary = unary("erfc", _erfc, lambda g, x: g * (exp(-(x * x)) * -_SLOPE), "1 - erf(x), exact also where that is tiny", analytic=True)
erfinv: Unary = unary(
    "erfinv", _erfinv, lambda g, out: g * (exp(out * out) / _SLOPE), "the inverse of erf: inf at 1, nan outside of [-1, 1]",
    domain=((-1.0, 1.0),), analytic=True,
)  # fmt: skip
normal_cdf: Unary = unary(
    "normal_cdf", _normal_cdf, lambda g, x: g * normal_density(x), "the probability that a standard normal number is below x",
    analytic=True,
)  # fmt: skip
