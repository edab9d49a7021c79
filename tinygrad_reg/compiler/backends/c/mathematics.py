"""Elementary functions in C that a compiler can compute for several elements at once: no calls, no branches, no memory but one table.

`text(used)` gives the C functions that a source uses, `tg_exp_f64(double)` or `tg_exp_f32(float)`, each `static inline`, and right to
2 units in the last place on the whole axis. Zeros keep their signs; NaN, infinities, overflow and subnormal numbers are as in C's
Annex F and in NumPy. `tg_mad` is a product and a sum, rounded once where the processor can do that as fast.

One text serves both precisions: in it, `real` is the type, `word` the unsigned integer of the same size, `_K` the ending of names,
`<NAME>` a constant and `<NAME:x>` a polynomial at x.

Sources: Muller, Elementary Functions, 3rd edition 2016 (reductions, error-free sums); Cody and Waite, Software Manual for the Elementary
Functions, 1980; Payne and Hanek, Radian reduction for trigonometric functions, SIGNUM Newsletter 1983; Shepherd and Laframboise,
Chebyshev approximation of (1 + 2x) exp(x²) erfc x, Mathematics of Computation 36, 1981.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable

from .coefficients import TABLES

#: By the name that operations use: the C function's name without its ending.
FUNCTIONS = {
    name: f"tg_{name}"
    for name in (
        *("exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "tanh", "sigmoid", "erf", "erfc", "sin", "cos"),
        *("maximum", "minimum", "fmax", "fmin"),
    )
}

_CONSTANTS = {
    "f64": {
        "BITS": "52",
        "BIAS": "1023",
        "ROUND": "0x1.8p52",  # added to a small number, leaves its nearest integer in the lowest bits
        "ONE": "0x3ff0000000000000",
        "ROOT_HALF": "0x3fe6a09e667f3bcd",
        "INTEGER": "0x4330000000000000",  # 2^52, whose lowest bit is worth 1
        "INTEGER_ZERO": "(0x1p52 + 1023.0)",
        "TINY": "0x1p-1022",
        "LIFT": "0x1p54",
        "LIFTED": "54.0",
        "SIGN": "0x8000000000000000",
        "SHORT": "0xffffffff00000000",
        "LN2": "0x1.62e42fefa39efp-1",
        "INV_LN2": "0x1.71547652b82fep+0",
        "EXP_HIGH": "710.0",
        "EXP_LOW": "-746.0",
        "EXP2_HIGH": "1025.0",
        "EXP2_LOW": "-1076.0",
        "EXPM1_LOW": "-40.0",
        "LINEAR": "0x1p-54",
        "TANH_END": "22.0",
        "ERF_SWAP": "0.8",
        "ERFC_END": "28.0",
        "LOG1P_FAR": "0x1p60",
    },
    "f32": {
        "BITS": "23",
        "BIAS": "127",
        "ROUND": "0x1.8p23",
        "ONE": "0x3f800000",
        "ROOT_HALF": "0x3f3504f3",
        "INTEGER": "0x4b000000",
        "INTEGER_ZERO": "(0x1p23 + 127.0)",
        "TINY": "0x1p-126",
        "LIFT": "0x1p25",
        "LIFTED": "25.0",
        "SIGN": "0x80000000",
        "SHORT": "0xfffff000",
        "LN2": "0x1.62e430p-1",
        "INV_LN2": "0x1.715476p+0",
        "EXP_HIGH": "89.0",
        "EXP_LOW": "-104.0",
        "EXP2_HIGH": "129.0",
        "EXP2_LOW": "-151.0",
        "EXPM1_LOW": "-18.0",
        "LINEAR": "0x1p-25",
        "TANH_END": "10.0",
        "ERF_SWAP": "0.8",
        "ERFC_END": "10.5",
        "LOG1P_FAR": "0x1p30",
    },
}

#: In the order in which C needs them. What a function calls is found by name.
_TEXTS = {
    "tg_bits_K": "inline_ word tg_bits_K(real x) { word w; __builtin_memcpy(&w, &x, sizeof w); return w; }",
    "tg_real_K": "inline_ real tg_real_K(word w) { real x; __builtin_memcpy(&x, &w, sizeof x); return x; }",
    "tg_select_K": """
// yes or no, by bits: where both are long formulas, a compiler would make branches of ?:
inline_ real tg_select_K(int condition, real yes, real no) {
  word mask = -(word)condition;
  return tg_real_K((tg_bits_K(yes) & mask) | (tg_bits_K(no) & ~mask));
}""",
    "tg_mad_K": """
#if defined(__FMA__) || defined(__FP_FAST_FMA) || defined(__aarch64__)
inline_ real tg_mad_K(real x, real y, real z) { return FUSED(x, y, z); }
#else
inline_ real tg_mad_K(real x, real y, real z) { return x * y + z; }
#endif""",
    "tg_maximum_K": "inline_ real tg_maximum_K(real x, real y) { return x > y || x != x ? x : y; }  // NaN wins",
    "tg_minimum_K": "inline_ real tg_minimum_K(real x, real y) { return x < y || x != x ? x : y; }",
    "tg_fmax_K": "inline_ real tg_fmax_K(real x, real y) { return x > y || y != y ? x : y; }  // NaN loses",
    "tg_fmin_K": "inline_ real tg_fmin_K(real x, real y) { return x < y || y != y ? x : y; }",
    "tg_ratio_rest_K": """
// (x + dx) / (a + b) for finite numbers: nearly q, and what is returned must be added to it.
inline_ real tg_ratio_rest_K(real x, real dx, real a, real b, real *q) {
  real y = a + b, v = y - a, dy = (a - (y - v)) + (b - v), inverse = 1.0 / y;
  *q = x * inverse;
  return (FUSED(-*q, y, x) + (dx - *q * dy)) * inverse;
}""",
    "tg_ratio_K": """
// x / (a + b) for finite numbers, rounded nearly once.
inline_ real tg_ratio_K(real x, real a, real b) {
  real q, rest = tg_ratio_rest_K(x, 0.0, a, b, &q);
  return q + rest;
}""",
    "tg_two_sum": """
inline_ double tg_two_sum(double a, double b, double *rest) {
  double s = a + b, v = s - a;
  *rest = (a - (s - v)) + (b - v);
  return s;
}""",
    # ---- exponentials ----------------------------------------------------------------------------------------------------
    "tg_scale_K": """
// y 2^k, where t = k + <ROUND>, whose lowest bits are k; in two steps, so that only the last one may overflow or round.
inline_ real tg_scale_K(real y, real t) {
  word k = tg_bits_K(t), half = (k >> 1) << <BITS>;
  return y * tg_real_K(half + <ONE>) * tg_real_K((k << <BITS>) - half + <ONE>);
}""",
    "tg_exp_rest_K": """
// exp(x + d) = 2^k (1 + what is returned), for a small d: x = k ln 2 + r, exp(r) by a polynomial.
inline_ real tg_exp_rest_K(real x, real d, real *t) {
  real c = x > <EXP_HIGH> ? <EXP_HIGH> : x;
  c = c < <EXP_LOW> ? <EXP_LOW> : c;
  *t = tg_mad_K(c, <INV_LN2>, <ROUND>);
  real k = *t - <ROUND>;
  real r = tg_mad_K(k, -<LN2_1>, tg_mad_K(k, -<LN2_0>, c)) + d;
  return tg_mad_K(r * r, <EXP:r>, r);
}""",
    "tg_exp_K": """
inline_ real tg_exp_K(real x) {
  real t, y = 1.0 + tg_exp_rest_K(x, -0.0, &t);
  return tg_scale_K(y, t);
}""",
    "tg_exp2_K": """
inline_ real tg_exp2_K(real x) {
  real c = x > <EXP2_HIGH> ? <EXP2_HIGH> : x;
  c = c < <EXP2_LOW> ? <EXP2_LOW> : c;
  real t = c + <ROUND>, r = (c - (t - <ROUND>)) * <LN2>;
  return tg_scale_K(tg_mad_K(r * r, <EXP:r>, r) + 1.0, t);
}""",
    "tg_expm1_main_K": """
// expm1(x) for <EXPM1_LOW> <= x, but not for the smallest: 2^k expm1(r) + (2^k - 1), of which the large parts are added without error.
inline_ real tg_expm1_main_K(real x) {
  real t = tg_mad_K(x, <INV_LN2>, <ROUND>), k = t - <ROUND>;
  real a = tg_mad_K(k, -<LN2_0>, x), b = k * <LN2_1>;
  real r = a - b, rest = a - r - b;
  real h = tg_real_K((tg_bits_K(t) + (<BIAS> - 1)) << <BITS>);  // 2^k / 2, which does not overflow
  real c = h - 0.5, s = c + h * r, e = h * r - (s - c);
  real y = s + tg_mad_K(h, tg_mad_K(r * r, <EXPM1:r>, tg_mad_K(rest, r, rest)), e);
  return y + y;
}""",
    "tg_expm1_K": """
inline_ real tg_expm1_K(real x) {
  real c = x > <EXP_HIGH> ? <EXP_HIGH> : x;
  real y = tg_expm1_main_K(c < <EXPM1_LOW> ? <EXPM1_LOW> : c);
  return __builtin_fabs(x) < <LINEAR> ? x : y;
}""",
    "tg_tanh_K": """
inline_ real tg_tanh_K(real x) {
  real a = __builtin_fabs(x);
  real e = tg_expm1_main_K(2.0 * (a > <TANH_END> ? <TANH_END> : a));
  return __builtin_copysign(a < <LINEAR> ? a : tg_ratio_K(e, 2.0, e), x);
}""",
    "tg_sigmoid_K": """
inline_ real tg_sigmoid_K(real x) {
  real e = tg_exp_K(-__builtin_fabs(x));
  return tg_ratio_K(x < 0.0 ? e : 1.0, 1.0, e);
}""",
    # ---- logarithms ------------------------------------------------------------------------------------------------------
    "tg_exponent_K": """
// k + <BIAS>, where x = 2^k m and m is between the roots of 1/2 and of 2.
inline_ word tg_exponent_K(real x) { return (tg_bits_K(x) + (<ONE> - <ROOT_HALF>)) >> <BITS>; }""",
    "tg_as_real_K": "inline_ real tg_as_real_K(word exponent) { return tg_real_K(exponent | <INTEGER>) - <INTEGER_ZERO>; }",
    "tg_mantissa_K": "inline_ real tg_mantissa_K(real x, word e) { return tg_real_K(tg_bits_K(x) - (e << <BITS>) + <ONE>); }",
    "tg_log_rest_K": """
// log(1 + f) - (f - f²/2)
inline_ real tg_log_rest_K(real f) {
  real s = f / (2.0 + f), z = s * s;
  return s * tg_mad_K(z, <LOG:z>, 0.5 * f * f);
}""",
    "tg_log_domain_K": """
// y where 0 < x < infinity; x if that is NaN or infinite.
inline_ real tg_log_domain_K(real x, real y) {
  y = x < __builtin_inf() ? y : x;
  return x > 0.0 ? y : x == 0.0 ? -__builtin_inf() : __builtin_nan("");
}""",
    "tg_log_K": """
inline_ real tg_log_K(real x) {
  real a = x < <TINY> ? x * <LIFT> : x;
  word e = tg_exponent_K(a);
  real k = tg_as_real_K(e) - (x < <TINY> ? <LIFTED> : 0.0), f = tg_mantissa_K(a, e) - 1.0;
  real y = k * <LN2_0> - ((0.5 * f * f - tg_mad_K(k, <LN2_1>, tg_log_rest_K(f))) - f);
  return tg_log_domain_K(x, y);
}""",
    "tg_log1p_K": """
inline_ real tg_log1p_K(real x) {
  real u = 1.0 + x, d = u - 1.0;
  real lost = (x - d) + (1.0 - (u - d));
  word e = tg_exponent_K(u);
  real k = tg_as_real_K(e), back = lost * tg_real_K((<BIAS> + <BIAS> - e) << <BITS>);
  real f = (tg_mantissa_K(u, e) - 1.0) + (x > <LOG1P_FAR> ? 0.0 : back);
  real y = k * <LN2_0> - ((0.5 * f * f - tg_mad_K(k, <LN2_1>, tg_log_rest_K(f))) - f);
  return __builtin_fabs(x) < <LINEAR> ? x : x < __builtin_inf() ? tg_log_domain_K(u, y) : x;
}""",
    "tg_log_base_K": """
// log x to another base: high and low are 1 / ln base, two_high and two_low the logarithm of 2. Products of high parts are exact.
inline_ real tg_log_base_K(real x, real high, real low, real two_high, real two_low) {
  real a = x < <TINY> ? x * <LIFT> : x;
  word e = tg_exponent_K(a);
  real k = tg_as_real_K(e) - (x < <TINY> ? <LIFTED> : 0.0), f = tg_mantissa_K(a, e) - 1.0, half = 0.5 * f * f;
  real y = tg_real_K(tg_bits_K(f - half) & <SHORT>), rest = (f - y) - half + tg_log_rest_K(f);
  real sum = k * two_high, large = sum + y * high;
  real small = tg_mad_K(k, two_low, tg_mad_K(rest + y, low, tg_mad_K(rest, high, (sum - large) + y * high)));
  return tg_log_domain_K(x, large + small);
}""",
    "tg_log2_K": "inline_ real tg_log2_K(real x) { return tg_log_base_K(x, <INV_LN2_0>, <INV_LN2_1>, 1.0, 0.0); }",
    "tg_log10_K": """
inline_ real tg_log10_K(real x) { return tg_log_base_K(x, <INV_LN10_0>, <INV_LN10_1>, <LOG10_2_0>, <LOG10_2_1>); }""",
    # ---- error function --------------------------------------------------------------------------------------------------
    "tg_erfc_main_K": """
// erfc(s) for s >= 0
inline_ real tg_erfc_main_K(real a) {
  real s = a > <ERFC_END> ? <ERFC_END> : a, square = s * s, t, g;
  real v = 2.0 * s / (s + 3.5), u = v - 1.0, q = v * <ERFC:u>, p = 1.0 + q;
  real rest = tg_ratio_rest_K(p, (1.0 - p) + q, 1.0, 2.0 * s, &g);
  real w = tg_exp_rest_K(-square, -FUSED(s, s, -square), &t);
  return tg_scale_K(g + tg_mad_K(g, w, tg_mad_K(rest, w, rest)), t);
}""",
    "tg_erf_K": """
inline_ real tg_erf_K(real x) {
  real a = __builtin_fabs(x), z = x * x;
  real small = tg_mad_K(a, <ERF:z>, a);
  return __builtin_copysign(tg_select_K(a < <ERF_SWAP>, small, 1.0 - tg_erfc_main_K(a)), x);
}""",
    "tg_erfc_K": """
inline_ real tg_erfc_K(real x) {
  real y = tg_erfc_main_K(__builtin_fabs(x));
  return x < 0.0 ? 2.0 - y : y;
}""",
    # ---- sine and cosine: in double precision also for float ----------------------------------------------------------------
    "tg_quarters_0": """
// For each 16th exponent of a double: 2 / pi times that power of 2 in four parts, less what makes whole turns with every mantissa.
<QUARTERS>""",
    "tg_turn": """
// x = (k + fraction) pi / 2, where k is the lowest bits of t; returns the angle that is left, and its rest in `rest`.
inline_ double tg_turn(double x, double *t, double *rest) {
  uint64_t group = (tg_bits_f64(x) >> 56) & 0x7f;
  group = group < 60 ? 60 : group;
  uint64_t i = group - 60;
  double m = x * tg_real_f64((2046 - 16 * group) << 52);
  double a = m * tg_quarters_0[i], b = m * tg_quarters_1[i], c = m * tg_quarters_2[i];
  double a1 = __builtin_fma(m, tg_quarters_0[i], -a), b1 = __builtin_fma(m, tg_quarters_1[i], -b);
  double c1 = __builtin_fma(m, tg_quarters_2[i], -c);
  a -= 4.0 * __builtin_rint(0.25 * a);  // exact, as all that is taken away in whole turns
  a1 -= 4.0 * __builtin_rint(0.25 * a1);
  b -= 4.0 * __builtin_rint(0.25 * b);
  double s1, s = tg_two_sum(a, a1, &s1), u1, u = tg_two_sum(s, b, &u1);
  *t = u + 0x1.8p52;
  u -= *t - 0x1.8p52;
  double v1, v = tg_two_sum(b1, c, &v1), w1, w = tg_two_sum(v, s1 + u1, &w1), h1, h = tg_two_sum(u, w, &h1);
  double low = h1 + (w1 + (v1 + tg_mad_f64(m, tg_quarters_3[i], c1)));
  double r = h * <HALF_PI_0>;
  *rest = tg_mad_f64(low, <HALF_PI_0>, tg_mad_f64(h, <HALF_PI_1>, __builtin_fma(h, <HALF_PI_0>, -r)));
  return r;
}""",
    "tg_wave": """
// sin(x + q pi / 2)
inline_ double tg_wave(double x, double q) {
  double t, d, r = tg_turn(x, &t, &d), z = r * r;
  double sine = tg_mad_f64(r * z, <SIN_f64:z>, tg_mad_f64(-0.5 * z, d, d)) + r;
  double half = 0.5 * z, one = 1.0 - half;
  double cosine = one + tg_mad_f64(z * z, <COS_f64:z>, ((1.0 - one) - half) - r * d);
  uint64_t k = tg_bits_f64(t + q);
  double y = tg_select_f64(k & 1, cosine, sine);
  return tg_real_f64(tg_bits_f64(y) ^ (k & 2) << 62);
}""",
    "tg_sin_f64": """
inline_ double tg_sin_f64(double x) { return tg_select_f64(__builtin_fabs(x) < 0x1p-27, x, tg_wave(x, 0.0)); }""",
    "tg_cos_f64": "inline_ double tg_cos_f64(double x) { return tg_wave(x, 1.0); }",
    "tg_short_quarters_0": """
// The same for each exponent from -31 of a float, in two parts: products with the first are exact in double precision.
<SHORT_QUARTERS>""",
    "tg_wave_f32": """
// sin(x + q pi / 2) for a float
inline_ float tg_wave_f32(float number, double q) {
  double x = number;
  uint64_t e = (tg_bits_f64(x) >> 52) & 0x7ff;
  e = e < 992 ? 992 : e > 1150 ? 1150 : e;  // of zero and NaN as well
  double m = x * tg_real_f64((2046 - e) << 52);
  double a = m * tg_short_quarters_0[e - 992], s = __builtin_rint(a);
  double b = (a - s) + m * tg_short_quarters_1[e - 992], u = __builtin_rint(b);
  double r = (b - u) * <HALF_PI_0>, z = r * r;
  double sine = tg_mad_f64(r * z, <SIN_f32:z>, r), cosine = tg_mad_f64(z * z, <COS_f32:z>, 1.0 - 0.5 * z);
  uint64_t k = tg_bits_f64((s + u + q) + 0x1.8p52);
  double y = tg_select_f64(k & 1, cosine, sine);
  return (float)tg_real_f64(tg_bits_f64(y) ^ (k & 2) << 62);
}""",
    "tg_sin_f32": """
inline_ float tg_sin_f32(float x) { return tg_select_f32(__builtin_fabsf(x) < 0x1p-13f, x, tg_wave_f32(x, 0.0)); }""",
    "tg_cos_f32": "inline_ float tg_cos_f32(float x) { return tg_wave_f32(x, 1.0); }",
}

_INLINE = "static inline __attribute__((always_inline))"  # loops with calls are not vectorised
_KINDS = {"f64": ("double", "uint64_t", ""), "f32": ("float", "uint32_t", "f")}
_BUILTINS = ("fabs", "copysign", "inf", "nan")


def text(used: Iterable[str]) -> str:
    """The C functions of these names (tg_exp_f64) and those that they need, in an order that C accepts; for use after <stdint.h>."""
    texts = _functions()
    wanted, waiting = set[str](), list(used)
    while waiting:
        name = waiting.pop()
        if name not in wanted:
            wanted.add(name)
            waiting += (called for called in re.findall(r"tg_\w+", texts[name]) if called in texts)
    return "\n\n".join(body for name, body in texts.items() if name in wanted)


@functools.cache
def _functions() -> dict[str, str]:
    """All, by name."""
    found = {}
    for name, template in _TEXTS.items():
        for kind in ("f64", "f32") if name.endswith("_K") else ("",):
            found[name.removesuffix("K") + kind if kind else name] = _written(template, kind).strip().replace("inline_", _INLINE)
    return found


def _written(template: str, kind: str) -> str:
    """The template in one precision."""
    if not kind:
        return re.sub(r"<([A-Z0-9_]+)(?:_(f\d\d))?(?::(\w+))?>", lambda m: _value(m[1], m[2] or "f64", m[3], "f64"), template)
    real, word, ending = _KINDS[kind]
    made = re.sub(r"<([A-Z0-9_]+)(?::(\w+))?>", lambda m: _value(m[1], kind, m[2], kind), template)
    made = re.sub(r"(?<![\w.])(0x[0-9a-f.]+p[+-]?\d+|\d+\.\d+)", rf"\1{ending}", made)
    made = re.sub(rf"__builtin_({'|'.join(_BUILTINS)})\b", rf"__builtin_\1{ending}", made)
    made = made.replace("FUSED", f"__builtin_fma{ending}").replace("_K", f"_{kind}")
    return re.sub(r"\bword\b", word, re.sub(r"\breal\b", real, made))


def _value(name: str, kind: str, at: str | None, arithmetic: str) -> str:
    """What stands for <NAME> or <NAME:x>."""
    if at is not None:
        *others, last = TABLES[f"{name}_{kind}"].split()
        result = last
        for number in reversed(others):
            result = f"tg_mad_{arithmetic}({at}, {result}, {number})"
        return result
    if name.endswith("QUARTERS"):
        columns = zip(*(row.split(", ") for row in TABLES[name].strip().split("\n")), strict=True)
        called = f"tg_{name.lower()}"
        return "\n".join(f"static const double {called}_{i}[] = {{{', '.join(column)}}};" for i, column in enumerate(columns))
    if name in _CONSTANTS[kind]:
        return _CONSTANTS[kind][name]
    table, _, index = name.rpartition("_")
    return TABLES[table if table == "HALF_PI" else f"{table}_{kind}"].split()[int(index)]
