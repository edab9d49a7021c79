"""Elementary functions in C that a compiler can compute for several elements at once: no calls, no branches, no memory but one table.

`text(used)` gives the C functions that a source uses, `tg_exp_f64(double)` or `tg_exp_f32(float)`, each `static inline`, and right to
2 units in the last place on the whole axis. Zeros keep their signs; NaN, infinities, overflow and subnormal numbers are as in C's
Annex F and in NumPy. `tg_mad` is a product and a sum, rounded once where the processor can do that as fast.

One text serves both precisions: in it, `real` is the type, `word` the unsigned integer of the same size, `_K` the ending of names,
`<NAME>` a constant and `<NAME:x>` a polynomial at x. Where double precision makes a float's formula short, floats have a text of their own.
The texts: here what all others need, then exponentials.py and trigonometry.py.

Source: Muller, Elementary Functions, 3rd edition 2016 (error-free sums, reductions).
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable

from . import exponentials, trigonometry
from .coefficients import TABLES

#: By the name that operations use: the C function's name without its ending.
FUNCTIONS = {
    name: f"tg_{name}"
    for name in (
        *("exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "tanh", "sigmoid", "erf", "erfc"),
        *("sinh", "cosh", "arcsinh", "arccosh", "arctanh", "power", "cbrt"),
        *("sin", "cos", "tan", "arcsin", "arccos", "arctan", "arctan2", "hypot"),
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
        "SHORT": "0xffffffff00000000",
        "LN2": "0x1.62e42fefa39efp-1",
        "INV_LN2": "0x1.71547652b82fep+0",
        "EXP_HIGH": "710.0",
        "EXP_LOW": "-746.0",
        "EXP2_HIGH": "1025.0",
        "EXP2_LOW": "-1076.0",
        "EXPM1_LOW": "-40.0",
        "LINEAR": "0x1p-54",
        "WAVE_LINEAR": "0x1p-27",
        "TANH_END": "22.0",
        "ERF_SWAP": "0.8",
        "ERFC_END": "28.0",
        "FAR": "0x1p60",
        "SINH_HIGH": "710.6",
        "CUBE": "0x1p54",
        "ROOT_CUBE": "0x1p-18",
        "PI": "0x1.921fb54442d18p+1",
        "TAN_1_8": "0x1.a8279ap-2",  # of pi / 8, nearly
        "TAN_3_8": "0x1.3504f4p+1",
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
        "SHORT": "0xfffff000",
        "LN2": "0x1.62e430p-1",
        "INV_LN2": "0x1.715476p+0",
        "EXP_HIGH": "89.0",
        "EXP_LOW": "-104.0",
        "EXP2_HIGH": "129.0",
        "EXP2_LOW": "-151.0",
        "EXPM1_LOW": "-18.0",
        "LINEAR": "0x1p-25",
        "WAVE_LINEAR": "0x1p-13",
        "TANH_END": "10.0",
        "ERF_SWAP": "0.8",
        "ERFC_END": "10.5",
        "FAR": "0x1p30",
        "SINH_HIGH": "89.5",
        "CUBE": "0x1p24",
        "ROOT_CUBE": "0x1p-8",
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
}

_INLINE = "static inline __attribute__((always_inline))"  # loops with calls are not vectorised
_KINDS = {"f64": ("double", "uint64_t", ""), "f32": ("float", "uint32_t", "f")}
_BUILTINS = ("fabs", "copysign", "sqrt", "rint", "inf", "nan")


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
    for name, template in (_TEXTS | exponentials.TEXTS | trigonometry.TEXTS).items():
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
