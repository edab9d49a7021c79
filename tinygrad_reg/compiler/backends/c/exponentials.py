"""Exponentials, logarithms and what is made of them, as templates for mathematics.py, in the order in which C needs them.

Sources: Muller, Elementary Functions, 3rd edition 2016; Muller and others, Handbook of Floating-Point Arithmetic, 2nd edition 2018
(double-word arithmetic, of which the powers are made); Shepherd and Laframboise, Chebyshev approximation of (1 + 2x) exp(x²) erfc x,
Mathematics of Computation 36, 1981.
"""

from __future__ import annotations

TEXTS = {
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
    "tg_sinh_main_K": """
// p cosh(r) + q sinh(r), twice: cosh(x) if even, else sinh(x), for x = k ln 2 + r, where p and q are (2^k ± 2^-k) / 4.
inline_ real tg_sinh_main_K(real x, int even) {
  real c = x > <SINH_HIGH> ? <SINH_HIGH> : x, t = tg_mad_K(c, <INV_LN2>, <ROUND>), k = t - <ROUND>;
  real a = tg_mad_K(k, -<LN2_0>, c), b = k * <LN2_1>, r = a - b, rest = a - r - b, z = r * r;
  real up = tg_real_K((tg_bits_K(t) + (<BIAS> - 2)) << <BITS>);
  real down = tg_real_K((<BIAS> - 2 - tg_bits_K(t > <ROUND> + 64.0 ? <ROUND> + 64.0 : t)) << <BITS>);
  down = even ? down : -down;
  real p = up + down, q = up - down, y = tg_mad_K(q, r, p), lost = FUSED(q, r, p - y) + ((up - p) + down);
  real cosine = tg_mad_K(z * z, <COSH:z>, 0.5 * z), sine = tg_mad_K(r * z, <SINH:z>, rest);
  y += lost + tg_mad_K(q, sine, p * cosine);
  return y + y;
}""",
    "tg_sinh_K": """
inline_ real tg_sinh_K(real x) {
  real a = __builtin_fabs(x);
  return __builtin_copysign(a < <LINEAR> ? a : tg_sinh_main_K(a, 0), x);
}""",
    "tg_cosh_K": "inline_ real tg_cosh_K(real x) { return tg_sinh_main_K(__builtin_fabs(x), 1); }",
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
    "tg_log_sum_K": """
// log(2^more (1 + x + dx)), for a dx much smaller than 1 + x.
inline_ real tg_log_sum_K(real x, real dx, real more) {
  real u = 1.0 + x, d = u - 1.0;
  real lost = (x - d) + (1.0 - (u - d)) + dx;
  word e = tg_exponent_K(u);
  real k = tg_as_real_K(e) + more, back = lost * tg_real_K((<BIAS> + <BIAS> - e) << <BITS>);
  real f = (tg_mantissa_K(u, e) - 1.0) + (x > <FAR> ? 0.0 : back);
  return k * <LN2_0> - ((0.5 * f * f - tg_mad_K(k, <LN2_1>, tg_log_rest_K(f))) - f);
}""",
    "tg_log1p_K": """
inline_ real tg_log1p_K(real x) {
  real y = tg_log_sum_K(x, -0.0, -0.0);
  return __builtin_fabs(x) < <LINEAR> ? x : x < __builtin_inf() ? tg_log_domain_K(1.0 + x, y) : x;
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
    # ---- inverse hyperbolic functions ------------------------------------------------------------------------------------
    "tg_arcsinh_K": """
// log(a + √(1 + a²)) = log1p(a + a² / (1 + √(1 + a²))), and log(2a) for a large a.
inline_ real tg_arcsinh_K(real x) {
  real a = __builtin_fabs(x), c = a > <FAR> ? <FAR> : a, square = c * c;
  real t = square / (1.0 + __builtin_sqrt(1.0 + square)), w = c + t;
  real y = tg_log_sum_K(a > <FAR> ? a : w, (c - w) + t, a > <FAR> ? 1.0 : 0.0);
  return __builtin_copysign(a < <LINEAR> || !(a < __builtin_inf()) ? a : y, x);
}""",
    "tg_arccosh_K": """
// log(x + √(x² - 1)) = log1p(d + √(d² + 2d)) where d = x - 1, and log(2x) for a large x.
inline_ real tg_arccosh_K(real x) {
  real c = x > <FAR> ? <FAR> : x, d = c - 1.0, square = FUSED(d, d, 2.0 * d), s = __builtin_sqrt(square), w = s + d;
  real ds = FUSED(-s, s, square) / (2.0 * s + <TINY>);
  real y = tg_log_sum_K(x > <FAR> ? x : w, ((s - w) + d) + ((c - d) - 1.0 + ds), x > <FAR> ? 1.0 : 0.0);
  return x >= 1.0 ? x < __builtin_inf() ? y : x : __builtin_nan("");
}""",
    "tg_arctanh_K": """
// log((1 + a) / (1 - a)) / 2 by the series of tg_log_rest, where (1 + a) / (1 - a) = 2^k (1 + s) / (1 - s).
inline_ real tg_arctanh_K(real x) {
  real a = __builtin_fabs(x), n = 1.0 + a, dn = (1.0 - n) + a, b = 1.0 - a, db = (1.0 - b) - a;
  word e = tg_exponent_K(n / b);
  real k = tg_as_real_K(e), scale = tg_real_K(e << <BITS>), scaled = b * scale;
  real s, ds = tg_ratio_rest_K((n - scaled) + (dn - db * scale), 0.0, n, scaled, &s);
  real z = s * s, high = k * (0.5 * <LN2_0>), y = high + s;
  y += ((high - y) + s) + tg_mad_K(0.5 * s * z, <LOG:z>, tg_mad_K(k, 0.5 * <LN2_1>, ds));
  y = a < 1.0 ? y : a == 1.0 ? __builtin_inf() : __builtin_nan("");
  return __builtin_copysign(a < <LINEAR> ? a : y, x);
}""",
    # ---- powers: of floats in double precision -------------------------------------------------------------------------
    "tg_log_long": """
// log x = what is returned + rest, to more than 64 bits, for 0 < x < infinity. The series of tg_log_rest; its first terms are sums of two.
inline_ double tg_log_long(double x, double *rest) {
  double a = x < 0x1p-1022 ? x * 0x1p54 : x;
  uint64_t e = tg_exponent_f64(a);
  double k = tg_as_real_f64(e) - (x < 0x1p-1022 ? 54.0 : 0.0), f = tg_mantissa_f64(a, e) - 1.0;
  double inverse = 1.0 / (2.0 + f), s = f * inverse, ds = __builtin_fma(-s, f, f - 2.0 * s) * inverse;
  double z = s * s, dz = tg_mad_f64(2.0 * s, ds, __builtin_fma(s, s, -z));
  double p = z * <POWER_f64:z>, c = 0x1.5555555555555p-1 + p, dc = ((0x1.5555555555555p-1 - c) + p) + 0x1.5555555555555p-55;
  double g = z * c, dg = tg_mad_f64(z, dc, tg_mad_f64(dz, c, __builtin_fma(z, c, -g)));
  double h = s * g, dh = tg_mad_f64(s, dg, tg_mad_f64(ds, g, __builtin_fma(s, g, -h)));
  double large = k * <LN2_0_f64>, w = large + 2.0 * s, y = w + h;
  *rest = (((large - w) + 2.0 * s) + ((w - y) + h)) + tg_mad_f64(k, <LN2_1_f64>, tg_mad_f64(2.0, ds, dh));
  return y;
}""",
    "tg_exp_long": """
// exp(x + d) for a small d, rounded nearly once.
inline_ double tg_exp_long(double x, double d) {
  double c = x > 710.0 ? 710.0 : x;
  c = c < -746.0 ? -746.0 : c;
  double t = tg_mad_f64(c, <INV_LN2_f64>, 0x1.8p52), k = t - 0x1.8p52;
  double a = tg_mad_f64(k, -<LN2_0_f64>, c), b = tg_mad_f64(k, -<LN2_1_f64>, d), r = a + b, y = 1.0 + r;
  double low = (a - r) + b;
  y += ((1.0 - y) + r) + tg_mad_f64(r * r, <EXPM1_f64:r>, tg_mad_f64(low, r, low));
  return tg_scale_f64(y, t);
}""",
    "tg_power_case_K": """
// x^y, given |x|^y for an x that is not 1 and a y that is not 0.
inline_ real tg_power_case_K(real x, real y, real size) {
  int whole = __builtin_rint(y) == y, odd = whole & (__builtin_rint(0.5 * y) != 0.5 * y);
  real r = x == 1.0 || y == 0.0 ? 1.0 : size;
  r = x < 0.0 && x > -__builtin_inf() && !whole ? __builtin_nan("") : r;
  return odd ? __builtin_copysign(r, x) : r;
}""",
    "tg_exponent_bound_K": """
// y, and in place of a greater one a number at which powers of all but 1 are already 0 or infinite.
inline_ real tg_exponent_bound_K(real y) {
  real c = y > 0x1p70 ? 0x1p70 : y;
  return c < -0x1p70 ? -0x1p70 : c;
}""",
    "tg_power_f64": """
inline_ double tg_power_f64(double x, double y) {
  double a = __builtin_fabs(x), b = tg_exponent_bound_f64(y), rest, log = tg_log_domain_f64(a, tg_log_long(a, &rest));
  double p = log * b, d = tg_mad_f64(rest, b, __builtin_fma(log, b, -p));
  return tg_power_case_f64(x, y, tg_exp_long(p, __builtin_fabs(p) < 1000.0 ? d : 0.0));
}""",
    "tg_power_f32": """
// 2^(y log2 x), for which double precision is enough to spare; there, no float is subnormal.
inline_ float tg_power_f32(float x, float y) {
  double a = __builtin_fabsf(x);
  uint64_t e = tg_exponent_f64(a);
  double m = tg_mantissa_f64(a, e), s = (m - 1.0) / (m + 1.0), z = s * s;
  double p = tg_log_domain_f64(a, tg_mad_f64(s, <LOG2_f32:z>, tg_as_real_f64(e))) * tg_exponent_bound_f32(y);
  p = p > 160.0 ? 160.0 : p;
  p = p < -160.0 ? -160.0 : p;
  double t = p + 0x1.8p52, r = p - (t - 0x1.8p52), q = tg_mad_f64(r, <EXP2_f32:r>, 1.0);
  return tg_power_case_f32(x, y, (float)tg_real_f64(tg_bits_f64(q) + (tg_bits_f64(t) << 52)));
}""",
    "tg_cbrt_K": """
// exp(log(a) / 3), corrected by a step of Newton's method.
inline_ real tg_cbrt_K(real x) {
  real a = __builtin_fabs(x), c = a < <TINY> ? a * <CUBE> : a, y = tg_exp_K(tg_log_K(c) * 0x1.5555555555555p-2), square = y * y;
  y -= (FUSED(square, y, -c) + FUSED(y, y, -square) * y) / (3.0 * square);
  y = a < <TINY> ? y * <ROOT_CUBE> : y;
  return a > 0.0 && a < __builtin_inf() ? __builtin_copysign(y, x) : x;
}""",
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
}
