"""Sines and their relatives, as templates for mathematics.py, in the order in which C needs them.

Sources: Muller, Elementary Functions, 3rd edition 2016; Cody and Waite, Software Manual for the Elementary Functions, 1980; Payne and
Hanek, Radian reduction for trigonometric functions, SIGNUM Newsletter 1983.
"""

from __future__ import annotations

TEXTS = {
    # ---- sine, cosine, tangent: in double precision also for floats -----------------------------------------------------
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
    "tg_sine_rest": """
// sin(r + d) - r, where z = r²
inline_ double tg_sine_rest(double r, double d, double z) { return tg_mad_f64(r * z, <SIN_f64:z>, tg_mad_f64(-0.5 * z, d, d)); }""",
    "tg_cosine_rest": """
// cos(r + d) - one, where z = r² and one is nearly 1 - z / 2
inline_ double tg_cosine_rest(double r, double d, double z, double one) {
  return tg_mad_f64(z * z, <COS_f64:z>, ((1.0 - one) - 0.5 * z) - r * d);
}""",
    "tg_wave_f64": """
// sin(x + q pi / 2)
inline_ double tg_wave_f64(double x, double q) {
  double t, d, r = tg_turn(x, &t, &d), z = r * r, one = 1.0 - 0.5 * z;
  double sine = r + tg_sine_rest(r, d, z), cosine = one + tg_cosine_rest(r, d, z, one);
  uint64_t k = tg_bits_f64(t + q);
  double y = tg_select_f64(k & 1, cosine, sine);
  return tg_real_f64(tg_bits_f64(y) ^ (k & 2) << 62);
}""",
    "tg_tan_f64": """
inline_ double tg_tan_f64(double x) {
  double t, d, r = tg_turn(x, &t, &d), z = r * r, one = 1.0 - 0.5 * z;
  double sine = tg_sine_rest(r, d, z), cosine = tg_cosine_rest(r, d, z, one);
  int odd = tg_bits_f64(t) & 1;
  double q, rest = tg_ratio_rest_f64(odd ? -one : r, odd ? -cosine : sine, odd ? r : one, odd ? sine : cosine, &q);
  return __builtin_fabs(x) < 0x1p-27 ? x : q + rest;
}""",
    "tg_short_quarters_0": """
// The same for each exponent from -31 of a float, in two parts: products with the first are exact in double precision.
<SHORT_QUARTERS>""",
    "tg_turn_f32": """
// The same, for which one number is enough.
inline_ double tg_turn_f32(float number, double *t) {
  double x = number;
  uint64_t e = (tg_bits_f64(x) >> 52) & 0x7ff;
  e = e < 992 ? 992 : e > 1150 ? 1150 : e;  // of zero and NaN as well
  double m = x * tg_real_f64((2046 - e) << 52);
  double a = m * tg_short_quarters_0[e - 992], s = __builtin_rint(a);
  double b = (a - s) + m * tg_short_quarters_1[e - 992], u = __builtin_rint(b);
  *t = (s + u) + 0x1.8p52;
  return (b - u) * <HALF_PI_0>;
}""",
    "tg_sine_f32": "inline_ double tg_sine_f32(double r, double z) { return tg_mad_f64(r * z, <SIN_f32:z>, r); }",
    "tg_cosine_f32": "inline_ double tg_cosine_f32(double z) { return tg_mad_f64(z * z, <COS_f32:z>, 1.0 - 0.5 * z); }",
    "tg_wave_f32": """
// sin(x + q pi / 2) for a float
inline_ float tg_wave_f32(float x, double q) {
  double t, r = tg_turn_f32(x, &t), z = r * r;
  uint64_t k = tg_bits_f64(t + q);
  double y = tg_select_f64(k & 1, tg_cosine_f32(z), tg_sine_f32(r, z));
  return (float)tg_real_f64(tg_bits_f64(y) ^ (k & 2) << 62);
}""",
    "tg_sin_K": """
inline_ real tg_sin_K(real x) { return tg_select_K(__builtin_fabs(x) < <WAVE_LINEAR>, x, tg_wave_K(x, 0.0)); }""",
    "tg_cos_K": "inline_ real tg_cos_K(real x) { return tg_wave_K(x, 1.0); }",
    "tg_tan_f32": """
inline_ float tg_tan_f32(float x) {
  double t, r = tg_turn_f32(x, &t), z = r * r, sine = tg_sine_f32(r, z), cosine = tg_cosine_f32(z);
  int odd = tg_bits_f64(t) & 1;
  double y = (odd ? -cosine : sine) / (odd ? sine : cosine);
  return __builtin_fabsf(x) < 0x1p-13f ? x : (float)y;
}""",
    # ---- their inverses ------------------------------------------------------------------------------------------------------
    "tg_eighths_K": """
// n pi / 4 + s + rest
inline_ real tg_eighths_K(real n, real s, real rest) {
  real turned = n * <QUARTER_PI_0>, y = turned + s;
  return y + (((turned - y) + s) + tg_mad_K(n, <QUARTER_PI_1>, rest));
}""",
    "tg_angle_f64": """
// arctan(y / x) for positive numbers whose ratio and sum are numbers, pi less that if back; from the nearest of 0, pi / 4 and pi / 2.
inline_ double tg_angle_f64(double y, double x, int back) {
  int over = y > <TAN_1_8> * x, far = y > <TAN_3_8> * x;
  double above = far ? 0.0 : y, below = over ? x : 0.0, n = far ? 2.0 : over ? 1.0 : 0.0;
  double dp, p = tg_two_sum(back ? -above : above, back ? below : -below, &dp);
  double q, dq = tg_ratio_rest_f64(p, dp, far ? 0.0 : x, over ? y : 0.0, &q), z = q * q;
  return tg_eighths_f64(back ? 4.0 - n : n, q, tg_mad_f64(q * z, <ARCTAN_f64:z>, dq));
}""",
    "tg_angle_f32": """
// The same for floats.
inline_ double tg_angle_f32(double y, double x, int back) {
  int over = y > <TAN_1_8> * x, far = y > <TAN_3_8> * x;
  double n = far ? 0.5 : over ? 0.25 : 0.0;
  double q = ((far ? 0.0 : y) - (over ? x : 0.0)) / ((far ? 0.0 : x) + (over ? y : 0.0)), z = q * q;
  double angle = n * <PI> + tg_mad_f64(q * z, <ARCTAN_f32:z>, q);
  return back ? <PI> - angle : angle;
}""",
    "tg_arctan_f64": """
inline_ double tg_arctan_f64(double x) {
  double a = __builtin_fabs(x);
  return __builtin_copysign(tg_angle_f64(a > 0x1p60 ? 0x1p60 : a, 1.0, 0), x);
}""",
    "tg_arctan_f32": "inline_ float tg_arctan_f32(float x) { return __builtin_copysignf(tg_angle_f32(__builtin_fabsf(x), 1.0, 0), x); }",
    "tg_level": """
// The exponent of a number with its bias; that of the smallest for 0 and what is subnormal, that of the largest for infinity and NaN.
inline_ uint64_t tg_level(double x) {
  uint64_t e = tg_bits_f64(x) >> 52 & 0x7ff;
  return e < 1 ? 1 : e > 2046 ? 2046 : e;
}""",
    "tg_arctan2_f64": """
inline_ double tg_arctan2_f64(double y, double x) {
  double a = __builtin_fabs(y), b = __builtin_fabs(x), m = a > b ? a : b, scale = tg_real_f64((2047 - tg_level(m)) << 52);
  double above = m == __builtin_inf() ? (a == m ? 1.0 : 0.0) : a * scale;
  double beside = m == __builtin_inf() ? (b == m ? 1.0 : 0.0) : m == 0.0 ? 1.0 : b * scale;
  double angle = tg_angle_f64(above, beside, tg_bits_f64(x) >> 63);
  return x == x && y == y ? __builtin_copysign(angle, y) : __builtin_nan("");
}""",
    "tg_arctan2_f32": """
inline_ float tg_arctan2_f32(float y, float x) {
  double a = __builtin_fabsf(y), b = __builtin_fabsf(x);
  b = b > 0x1p300 ? 0x1p300 : b < 0x1p-300 ? 0x1p-300 : b;  // in place of infinity and 0, beyond all floats
  return __builtin_copysignf(tg_angle_f32(a > 0x1p300 ? 0x1p300 : a, b, tg_bits_f32(x) >> 31), y);
}""",
    "tg_arcsin_K": """
// arcsin(a) = pi / 2 - 2 arcsin(√((1 - a) / 2)), from 1/2 on.
inline_ real tg_arcsin_K(real x) {
  real a = __builtin_fabs(x);
  int far = a > 0.5;
  real z = far ? 0.5 - 0.5 * a : a * a, root = -2.0 * __builtin_sqrt(z), s = far ? root : a;
  return __builtin_copysign(tg_eighths_K(far ? 2.0 : 0.0, s, s * z * <ARCSIN:z>), x);
}""",
    "tg_arccos_K": """
inline_ real tg_arccos_K(real x) {
  real a = __builtin_fabs(x);
  int far = a > 0.5;
  real z = far ? 0.5 - 0.5 * a : a * a, root = __builtin_copysign(2.0 * __builtin_sqrt(z), x), s = far ? root : -x;
  return tg_eighths_K(!far ? 2.0 : x < 0.0 ? 4.0 : 0.0, s, s * z * <ARCSIN:z>);
}""",
    # ---- distance ------------------------------------------------------------------------------------------------------------
    "tg_hypot_f64": """
inline_ double tg_hypot_f64(double x, double y) {
  double a = __builtin_fabs(x), b = __builtin_fabs(y);
  uint64_t e = tg_level(a > b ? a : b);
  double scale = tg_real_f64((2047 - e) << 52), u = a * scale, v = b * scale;
  double h = 0.5 * __builtin_sqrt(tg_mad_f64(u, u, v * v)) * tg_real_f64(e << 52);
  return a == __builtin_inf() || b == __builtin_inf() ? __builtin_inf() : h;
}""",
    "tg_hypot_f32": """
inline_ float tg_hypot_f32(float x, float y) {
  double a = __builtin_fabsf(x), b = __builtin_fabsf(y), h = __builtin_sqrt(a * a + b * b);
  return a == __builtin_inf() || b == __builtin_inf() ? __builtin_inff() : (float)h;
}""",
}
