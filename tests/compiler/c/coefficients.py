"""Where the polynomials of the C functions come from: `python -m tests.compiler.c.coefficients` writes compiler/backends/c/coefficients.py.

Each is the polynomial of least maximal weighted error on its interval, by Remez's second algorithm in 50 digits. Coefficients are
rounded from the lowest up, and after each the others are fitted anew, so that they make up for its error.
Source: Muller, Elementary Functions, 3rd edition 2016, chapter 3.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import mpmath
from mpmath import mp, mpf

mp.dps = 50

Real = Callable[[Any], Any]


def polynomial(coefficients: Sequence[Any], x: Any) -> Any:
    """c0 + c1 x + c2 x² ..., by Horner's rule."""
    return functools.reduce(lambda total, c: total * x + c, reversed(coefficients), mpmath.mpf(0))


class Fit(NamedTuple):
    """A function, the interval, what an error at x counts there, and for doubles and floats how many coefficients of how many bits."""

    function: Real
    interval: tuple[Any, Any]
    weight: Real
    terms: tuple[int, int]
    bits: tuple[int, int] = (53, 24)


def divided(function: Real, series: Real) -> Real:
    """The function; its series close to 0, where the formula divides what cancelled."""
    return lambda x: series(x) if abs(x) < mpf("1e-6") else function(x)


def taylor(*coefficients: Any) -> Real:
    return lambda x: polynomial(coefficients, x)


def scaled_erfc(u: Any) -> Any:
    """(1 + 2s) exp(s²) erfc(s) where s = 3.5 (1 + u) / (1 - u). Source: Shepherd and Laframboise, Math. Comp. 36, 1981."""
    s = mpf("3.5") * (1 + u) / (1 - u)
    return (1 + 2 * s) * mpmath.exp(s * s) * mpmath.erfc(s)


def erfc_rest(u: Any) -> Any:
    return (scaled_erfc(u) - 1) / (1 + u)


def u_of(s: Any) -> Any:
    return (s - mpf("3.5")) / (s + mpf("3.5"))


exp_rest = divided(lambda r: (mpmath.expm1(r) - r) / r**2, taylor(*(1 / mpmath.factorial(n + 2) for n in range(8))))
half_ln2 = mp.ln(2) / 2 * (1 + mpf(2) ** -20)
quarter_pi = (mp.pi / 4) ** 2 * (1 + mpf(2) ** -20)
eighth_turn = mpmath.tan(mp.pi / 8) ** 2 * (1 + mpf(2) ** -20)
atanh_end = ((mp.sqrt(2) - 1) / (mp.sqrt(2) + 1)) ** 2 * (1 + mpf(2) ** -20)
root = mpmath.sqrt

FITS: dict[str, Fit] = {
    # exp(r) = 1 + r + r² EXP(r)
    "EXP": Fit(exp_rest, (-half_ln2, half_ln2 * mpf("1.01")), lambda r: r**2 + mpf("0.01"), (10, 5)),
    # expm1(r) = r + r² EXPM1(r)
    "EXPM1": Fit(exp_rest, (-half_ln2, half_ln2 * mpf("1.01")), lambda r: abs(r) + mpf("0.01"), (11, 6)),
    # log(1 + f) = 2s + s z LOG(z) where s = f / (2 + f), z = s²
    "LOG": Fit(
        divided(lambda z: 2 * (mpmath.atanh(root(z)) / root(z) - 1) / z, taylor(*(mpf(2) / (2 * n + 3) for n in range(8)))),
        (mpf(0), atanh_end),
        lambda z: z,
        (7, 3),
    ),
    # The same = 2s + s z (2/3 + z POWER(z)), for a logarithm of more than double precision
    "POWER": Fit(
        divided(
            lambda z: (2 * (mpmath.atanh(root(z)) / root(z) - 1) / z - mpf(2) / 3) / z, taylor(*(mpf(2) / (2 * n + 5) for n in range(8)))
        ),
        (mpf(0), atanh_end),
        lambda z: z**2,
        (8, 0),
    ),
    # log(1 + f) / log(2) = s LOG2(z), and 2^r = 1 + r EXP2(r), for powers of floats in double precision
    "LOG2": Fit(
        divided(lambda z: 2 * mpmath.atanh(root(z)) / root(z) / mp.ln(2), taylor(*(2 / mp.ln(2) / (2 * n + 1) for n in range(8)))),
        (mpf(0), atanh_end),
        lambda z: mpf(1),
        (0, 5),
        (53, 53),
    ),
    "EXP2": Fit(
        divided(lambda r: mpmath.expm1(r * mp.ln(2)) / r, taylor(*(mp.ln(2) ** (n + 1) / mpmath.factorial(n + 1) for n in range(8)))),
        (mpf("-0.5"), mpf("0.505")),
        lambda r: abs(r) + mpf("0.01"),
        (0, 7),
        (53, 53),
    ),
    # sinh(r) = r + r z SINH(z), cosh(r) = 1 + z / 2 + z² COSH(z), where z = r²
    "SINH": Fit(
        divided(lambda z: (mpmath.sinh(root(z)) / root(z) - 1) / z, taylor(*(1 / mpmath.factorial(2 * n + 3) for n in range(8)))),
        (mpf(0), (half_ln2 * mpf("1.01")) ** 2),
        lambda z: z,
        (5, 3),
    ),
    "COSH": Fit(
        divided(lambda z: (mpmath.cosh(root(z)) - 1 - z / 2) / z**2, taylor(*(1 / mpmath.factorial(2 * n + 4) for n in range(8)))),
        (mpf(0), (half_ln2 * mpf("1.01")) ** 2),
        lambda z: z**2,
        (4, 2),
    ),
    # erf(x) = x + x ERF(x²)
    "ERF": Fit(
        divided(
            lambda z: mpmath.erf(root(z)) / root(z) - 1,
            taylor(*(2 / root(mp.pi) * (-1) ** n / mpmath.factorial(n) / (2 * n + 1) - (n == 0) for n in range(8))),
        ),
        (mpf(0), mpf("0.64")),
        lambda z: mpf(1),
        (11, 6),
    ),
    # erfc(s) = exp(-s²) (1 + v ERFC(v - 1)) / (1 + 2s) where v = 2s / (s + 3.5)
    "ERFC": Fit(erfc_rest, (mpf(-1) + mpf(2) ** -40, u_of(mpf("27.5"))), lambda u: 1 + u + mpf("0.01"), (22, 11)),
    # sin(r) = r + r z SIN(z), cos(r) = 1 - z / 2 + z² COS(z), where z = r²
    "SIN": Fit(
        divided(
            lambda z: (mpmath.sin(root(z)) / root(z) - 1) / z, taylor(*((-1) ** (n + 1) / mpmath.factorial(2 * n + 3) for n in range(8)))
        ),
        (mpf(0), quarter_pi),
        lambda z: z,
        (6, 3),
    ),
    "COS": Fit(
        divided(
            lambda z: (mpmath.cos(root(z)) - 1 + z / 2) / z**2, taylor(*((-1) ** n / mpmath.factorial(2 * n + 4) for n in range(8)))
        ),
        (mpf(0), quarter_pi),
        lambda z: z**2,
        (6, 3),
    ),
    # arctan(r) = r + r z ARCTAN(z), arcsin(r) = r + r z ARCSIN(z), where z = r²
    "ARCTAN": Fit(
        divided(lambda z: (mpmath.atan(root(z)) / root(z) - 1) / z, taylor(*(mpf(-1) ** (n + 1) / (2 * n + 3) for n in range(8)))),
        (mpf(0), eighth_turn),
        lambda z: z,
        (11, 5),
    ),
    "ARCSIN": Fit(
        divided(
            lambda z: (mpmath.asin(root(z)) / root(z) - 1) / z,
            taylor(*(mpmath.binomial(2 * n + 2, n + 1) / mpf(4) ** (n + 1) / (2 * n + 3) for n in range(8))),
        ),
        (mpf(0), mpf("0.25")),
        lambda z: z,
        (12, 5),
    ),
}  # fmt: skip


def errors_of(fit: Fit, coefficients: list[Any]) -> list[tuple[Any, Any]]:
    """The weighted error and where it is, on a grid that is dense at the ends."""
    return [(weight * (value - polynomial(coefficients, x)), x) for x, value, weight in sampled(fit)]


@functools.cache
def sampled(fit: Fit) -> list[tuple[Any, Any, Any]]:
    low, high = fit.interval
    grid = [(low + high) / 2 - (high - low) / 2 * mpmath.cos(mp.pi * i / 600) for i in range(601)]
    return [(x, fit.function(x), fit.weight(x)) for x in grid]


def remez(fit: Fit, terms: int, known: list[Any]) -> list[Any]:
    """The coefficients from the lowest up, of which the first are `known`."""
    low, high = fit.interval
    free = range(len(known), terms)
    points = [(low + high) / 2 - (high - low) / 2 * mpmath.cos(mp.pi * (i + mpf(1) / 2) / (len(free) + 1)) for i in range(len(free) + 1)]
    best: tuple[Any, list[Any]] = (mp.inf, [])
    for _ in range(12):
        rows = [[fit.weight(x) * x**j for j in free] + [(-1) ** i] for i, x in enumerate(points)]
        right = [fit.weight(x) * (fit.function(x) - polynomial(known, x)) for x in points]
        solution = list(mpmath.lu_solve(mpmath.matrix(rows), mpmath.matrix(right)))
        coefficients = [*known, *solution[:-1]]
        errors = errors_of(fit, coefficients)
        best = min(best, (max(abs(error) for error, _ in errors), coefficients))
        points = exchange(errors, len(free) + 1)
        if best[0] <= abs(solution[-1]) * mpf("1.02") or len(points) <= len(free):
            break
    return best[1]


def exchange(errors: list[tuple[Any, Any]], count: int) -> list[Any]:
    """The greatest errors of alternating sign, `count` of them, from left to right."""
    extremes: list[tuple[Any, Any]] = []
    for error, x in errors:
        if extremes and (error > 0) == (extremes[-1][0] > 0):
            if abs(error) > abs(extremes[-1][0]):
                extremes[-1] = (error, x)
        else:
            extremes.append((error, x))
    while len(extremes) > count:
        if len(extremes) == count + 1:
            del extremes[0 if abs(extremes[0][0]) < abs(extremes[-1][0]) else -1]
        else:  # a neighbouring pair, so that signs still alternate
            i = min(range(len(extremes) - 1), key=lambda j: max(abs(extremes[j][0]), abs(extremes[j + 1][0])))
            del extremes[i : i + 2]
    return [x for _, x in extremes]


def rounded(value: Any, bits: int) -> Any:
    with mpmath.workprec(bits):
        return +value


def coefficients_of(fit: Fit, terms: int, bits: int) -> tuple[list[float], float]:
    """Rounded coefficients, from the lowest up, and the greatest weighted error of the polynomial they make."""
    found: list[Any] = []
    while len(found) < terms:
        exact = remez(fit, terms, found)
        last = terms if terms - len(found) <= 3 else len(found) + 1  # few powers cannot make up for much
        with mpmath.workprec(bits):
            found += [+value for value in exact[len(found) : last]]
    return [float(value) for value in found], float(max(abs(error) for error, _ in errors_of(fit, found)))


def split(value: Any, *bits: int) -> list[float]:
    """The value as a sum of numbers of so many bits."""
    parts = []
    for count in bits:
        with mpmath.workprec(count):
            part = +value
        parts.append(float(part))
        value = value - part
    return parts


def quarters(exponent: int, lowest: int, *bits: int) -> list[float]:
    """How many quarter turns 2^exponent are, 2/π of it, as a sum; less what makes whole turns with multiples of 2^lowest."""
    with mpmath.workdps(500):
        count, turn = 2 / mp.pi * mpf(2) ** exponent, mpf(2) ** (2 - lowest)
        return split(count - turn * mpmath.nint(count / turn), *bits)


def made() -> dict[str, Any]:
    """For each precision and polynomial, its coefficients; constants split so that products with small integers are exact."""
    tables: dict[str, Any] = {"f64": {}, "f32": {}}
    for name, fit in FITS.items():
        for (kind, table), terms, bits in zip(tables.items(), fit.terms, fit.bits, strict=True):
            if terms:
                table[name], worst = coefficients_of(fit, terms, bits)
                print(f"{name} {kind}: {terms} terms, error 2^{math.log2(worst):.1f}")
    for kind, few, short, bits in (("f64", 42, 32, 53), ("f32", 15, 12, 24)):
        tables[kind]["QUARTER_PI"] = split(mp.pi / 4, bits - 3, bits)  # times at most 4
        for name, value in (("LN2", mp.ln(2)), ("LOG10_2", mpmath.log10(2))):  # times an exponent
            tables[kind][name] = split(value, few, bits)
        for name, value in (("INV_LN2", 1 / mp.ln(2)), ("INV_LN10", 1 / mp.ln(10))):  # times a number of half as many bits
            tables[kind][name] = split(value, short, bits)
    tables["HALF_PI"] = split(mp.pi / 2, 53, 53)
    tables["QUARTERS"] = [quarters(16 * group - 1023, -52, 53, 53, 53, 53) for group in range(60, 128)]
    tables["SHORT_QUARTERS"] = [quarters(e - 1023, -23, 27, 53) for e in range(992, 1151)]
    return tables


def text(tables: dict[str, Any]) -> str:
    """The module that holds them, each number in hexadecimal, which is exact."""

    rows = {f"{name}_{kind}": values for kind in ("f64", "f32") for name, values in tables[kind].items()}
    rows |= {"HALF_PI": tables["HALF_PI"], "QUARTERS": tables["QUARTERS"], "SHORT_QUARTERS": tables["SHORT_QUARTERS"]}
    lines = [
        '"""Polynomials from the lowest coefficient up, and constants as sums: written by `python -m tests.compiler.c.coefficients`."""',
        "",
        "TABLES = {",
    ]
    for name, values in rows.items():
        numbers = [", ".join(value.hex() for value in (row if isinstance(row, list) else [row])) for row in values]
        lines += [f'    "{name}": """', *numbers, '""",']
    return "\n".join([*lines, "}", ""])


FILE = Path(__file__).parents[3] / "tinygrad_reg" / "compiler" / "backends" / "c" / "coefficients.py"

if __name__ == "__main__":
    FILE.write_text(text(made()))
