"""Elementwise functions: the decisions at points where there is a choice, integers exactly, arguments of their own, arrays, errors.

Derivatives at ordinary points, dtypes, broadcasting and strong zero are laws in tests/test_registry.py.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_reg as tg
from tinygrad_reg.engine.primitive import PRIMITIVES
from tinygrad_reg.errors import ArgumentError, ArgumentTypeError, DtypeError, RangeError, ShapeError

inf, nan = np.inf, np.nan


def slopes(f: Any, *points: Any) -> list[Any]:
    """The derivatives of f by each argument, at numbers."""
    x = [tg.tensor(float(p), dtype=tg.float64, requires_grad=True) for p in points]
    return [g.item() for g in tg.autograd.grad(f(*x), x, materialize_grads=True)]


def second(f: Any, point: float) -> float:
    x = tg.tensor(point, dtype=tg.float64, requires_grad=True)
    (g,) = tg.autograd.grad(f(x), x, create_graph=True)
    return float(tg.autograd.grad(g, x, materialize_grads=True)[0]) if g.requires_grad else 0.0


# ---- where there is a choice: the rest is in tests/conventions.py -----------------------------------------------------------


def test_gradients_at_points_where_there_is_a_choice() -> None:
    assert slopes(tg.clamp_min, 0.0, 0.0) == [1.0, 0.0]
    assert slopes(tg.logaddexp, inf, 0.0) == [1.0, 0.0]
    assert slopes(tg.remainder, 1.0, 1e-8) == [1.0, -99999999.0]


@pytest.mark.parametrize(
    ("f", "point", "expected"),
    [
        (tg.relu, 1.0, 0.0),
        (lambda x: tg.sqrt(x) ** 4, 2.0, 2.0),
        (lambda x: tg.pow(x, tg.tensor(3.0, dtype=tg.float64)), 0.0, 0.0),
        (lambda x: tg.logaddexp(x, -x), 0.0, 1.0),
        (lambda x: x * tg.abs(x), 2.0, 2.0),
        (lambda x: x * tg.abs(x), -2.0, -2.0),
    ],
)
def test_second_derivatives(f: Any, point: float, expected: float) -> None:
    np.testing.assert_allclose(second(f, point), expected, rtol=1e-12)


# ---- integers and bools --------------------------------------------------------------------------------------------------

small = st.integers(-100, 100)


@given(small, small.filter(bool))
def test_integer_division_is_exact(a: int, b: int) -> None:
    x, y = tg.tensor(a), tg.tensor(b)
    assert (x // y).item() == a // b
    assert (x % y).item() == a % b
    assert tg.div(x, y, rounding_mode="floor").item() == a // b
    assert tg.div(x, y, rounding_mode="trunc").item() == int(a / b)
    assert tg.fmod(x, y).item() == a - b * int(a / b)
    assert (x // b).item() == a // b
    assert (a // y).item() == a // b
    assert (x / y).item() == np.float32(a) / np.float32(b)


def test_large_integers_stay_exact() -> None:
    big = 2**62 + 1
    x = tg.tensor(big)
    assert (x // 1).item() == big
    assert tg.div(x, 1, rounding_mode="trunc").item() == big
    assert (x - 1 + 1).item() == big
    assert tg.maximum(x, x - 1).item() == big
    assert x.clamp(max=big).item() == big


@given(st.integers(-128, 127), st.integers(-128, 127))
def test_bitwise_operations(a: int, b: int) -> None:
    x, y = tg.tensor([a], dtype=tg.int8), tg.tensor([b], dtype=tg.int8)
    for f in (operator.and_, operator.or_, operator.xor):
        assert f(x, y).tolist() == [f(a, b)]
        assert f(x, y).dtype == tg.int8
    assert (~x).tolist() == [~a]


def test_bools() -> None:
    t = tg.tensor([True, False])
    assert (~t).tolist() == [False, True]
    assert (t & True).tolist() == [True, False]
    assert (t + t).dtype == tg.bool
    assert (t * 2).dtype == tg.int64
    assert (t / t).dtype == tg.float32
    assert (t**2).dtype == tg.int64
    assert tg.square(t).dtype == tg.int64
    assert tg.logical_not(tg.tensor([0.0, 2.0])).tolist() == [True, False]
    assert tg.round(tg.tensor([3], dtype=tg.int8)).dtype == tg.int8


@given(st.integers(-128, 127), st.integers(0, 20))
def test_shifts(a: int, n: int) -> None:
    x = tg.tensor([a], dtype=tg.int8)
    assert (x << n).tolist() == [np.int64(a << n).astype(np.int8)]
    assert (x >> n).tolist() == [a >> n]
    assert (1 << tg.tensor([n])).tolist() == [1 << n]
    assert (a >> tg.tensor([n])).tolist() == [a >> n]
    assert x.clone().bitwise_left_shift_(1).tolist() == (x << 1).tolist()
    assert x.clone().bitwise_right_shift_(1).tolist() == (x >> 1).tolist()
    y = z = x.clone()
    y <<= 1
    y >>= 1
    assert y is z


def test_powers_wrap_around_as_all_integers_do() -> None:
    u = tg.tensor([1, 2], dtype=tg.uint8)
    assert ((-1) ** u).tolist() == [255, 1]
    assert (300**u).tolist() == [44, 144]
    t = tg.tensor([True, False])
    assert (t**True).tolist() == [True, False]
    assert (t**False).tolist() == [True, True]
    assert (t ** tg.tensor([1, 0])).tolist() == [1, 1]


def test_a_root_as_a_power_of_a_tensor_is_the_power() -> None:
    x = tg.tensor([-0.0, -inf, 4.0])
    assert np.copysign(1.0, tg.pow(x, tg.tensor(0.5)).tolist()).tolist() == [1.0, 1.0, 1.0]
    assert tg.pow(x, tg.tensor([0.5])).tolist() == [0.0, inf, 2.0]
    assert tg.pow(x[1], tg.tensor(0.5)).item() == inf


def test_numbers_that_do_not_fit() -> None:
    h, u = tg.tensor([1.0, inf], dtype=tg.float16), tg.tensor([1, 2], dtype=tg.uint8)
    huge = tg.tensor(1e20)
    for number in (1e20, huge):
        assert (h / number).tolist() == [0.0, inf]
        assert (number / h).tolist() == [inf, 0.0]
        assert (h - number).tolist() == [-inf, inf]
        assert (h * number).dtype == tg.float16
        assert tg.where(h > 1, h, number).tolist() == [inf, inf]
    assert tg.where(u > 1, u, -1).tolist() == [255, 2]
    assert u.clamp(max=tg.tensor(300)).tolist() == [1, 2]


# ---- arguments of their own ----------------------------------------------------------------------------------------------


def test_alpha_rounding_mode_and_decimals() -> None:
    x, y = tg.tensor([7.0, -7.0]), tg.tensor([2.0, 2.0])
    assert tg.add(x, y, alpha=3).tolist() == [13.0, -1.0]
    assert tg.sub(x, y, alpha=0.5).tolist() == [6.0, -8.0]
    assert tg.rsub(x, y, alpha=0.5).tolist() == [-1.5, 5.5]
    assert tg.add(tg.zeros(1), tg.tensor([2**24 + 1]), alpha=3).item() == 3 * 2**24  # first in the dtype of the result
    assert tg.add(tg.tensor([1]), tg.tensor([200], dtype=tg.uint8), alpha=2).item() == 401
    assert tg.add(tg.tensor([1]), 2**40 + 1, alpha=3).item() == 3 * 2**40 + 4
    assert tg.add(tg.tensor([True]), tg.tensor([True]), alpha=2).tolist() == [True]
    assert tg.add(tg.tensor([False]), True, alpha=2).tolist() == [True]
    assert tg.div(tg.tensor([True]), tg.tensor([-2]), rounding_mode="trunc").tolist() == [0]
    assert tg.div(x, y, rounding_mode="trunc").tolist() == [3.0, -3.0]
    assert tg.div(x, y, rounding_mode="floor").tolist() == [3.0, -4.0]
    assert tg.round(tg.tensor([0.126, 2.5, 3.5]), decimals=2).tolist() == pytest.approx([0.13, 2.5, 3.5])
    assert tg.round(tg.tensor([126.0]), decimals=-1).tolist() == [130.0]
    assert tg.round(tg.tensor([0.5, 1.5, 2.5])).tolist() == [0.0, 2.0, 2.0]


def test_clamp_with_numbers_tensors_and_one_bound() -> None:
    x = tg.tensor([-2.0, 0.5, 2.0])
    assert x.clamp(-1, 1).tolist() == [-1.0, 0.5, 1.0]
    assert x.clamp(min=0).tolist() == [0.0, 0.5, 2.0]
    assert x.clamp(max=tg.tensor([-3.0, 1.0, 1.0])).tolist() == [-3.0, 0.5, 1.0]
    assert tg.clamp(tg.tensor([1, 5]), 2, 3.5).dtype == tg.float32
    assert x.clip(1, 0).tolist() == [0.0, 0.0, 0.0]


def test_lerp_is_exact_at_both_ends() -> None:
    a, b = tg.tensor([0.1, -3.0], dtype=tg.float64), tg.tensor([1e9, 0.7], dtype=tg.float64)
    for weight in (lambda w: w, lambda w: tg.tensor(w, dtype=tg.float64)):
        assert tg.lerp(a, b, weight(0.0)).tolist() == a.tolist()
        assert tg.lerp(a, b, weight(1.0)).tolist() == b.tolist()
    w = tg.tensor([0.25, 0.75], dtype=tg.float64, requires_grad=True)
    (g,) = tg.autograd.grad(tg.lerp(a, b, w).sum(), w)
    np.testing.assert_allclose(g.numpy(), (b - a).numpy())


def test_where() -> None:
    c = tg.tensor([True, False])
    assert tg.where(c, 1, 2.5).dtype == tg.float32
    assert tg.where(c, 1, 2).dtype == tg.int64
    assert tg.where(c, tg.ones(2, dtype=tg.float64), 0).dtype == tg.float64
    assert tg.where(c[:, None], tg.ones(3), tg.zeros(1)).shape == (2, 3)
    assert tg.ones(2).where(c, -1.0).tolist() == [1.0, -1.0]


def test_closeness_and_equality() -> None:
    x = tg.tensor([1.0, inf, nan])
    assert tg.isclose(x, x).tolist() == [True, True, False]
    assert tg.isclose(x, x, equal_nan=True).tolist() == [True, True, True]
    assert tg.allclose(tg.tensor([1.0]), tg.tensor([1.0 + 1e-6]))
    assert not tg.allclose(tg.tensor([1.0]), tg.tensor([1.1]))
    assert tg.equal(tg.ones(2), tg.ones(2))
    assert not tg.equal(tg.ones(2), tg.ones(3))
    assert tg.nan_to_num(x, 5.0, 6.0).tolist() == [1.0, 6.0, 5.0]


# ---- numbers, arrays, operators ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "f",
    [
        tg.sin,
        tg.exp,
        tg.relu,
        tg.sigmoid,
        tg.abs,
        lambda x: tg.add(x, x),
        lambda x: tg.clamp(x, -1, 1),
        lambda x: tg.where(x > 0, x, 0.0),
        lambda x: tg.pow(x, 2),
    ],
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_functions_of_arrays_give_arrays(f: Any, dtype: str) -> None:
    x = np.linspace(-2, 2, 5).astype(dtype)
    y = f(x)
    assert isinstance(y, np.ndarray)
    assert y.dtype == dtype
    np.testing.assert_array_equal(y, f(tg.tensor(x)).numpy())


def test_arrays_and_tensors_mix_on_both_sides() -> None:
    a, t = np.array([1.0, 2.0]), tg.tensor([3.0, 4.0], dtype=tg.float64, requires_grad=True)
    for y in (a * t, t * a, np.multiply(a, t), np.multiply(t, a)):
        assert isinstance(y, tg.Tensor)
        (g,) = tg.autograd.grad(y.sum(), t)
        assert g.tolist() == [1.0, 2.0]
    assert isinstance(np.float64(2.0) * t, tg.Tensor)
    assert isinstance(np.sin(t), tg.Tensor)
    assert (a < t).tolist() == [True, True]
    with pytest.raises(TypeError, match=r"np\.add\.reduceat"):
        np.add.reduceat(t, [0])
    with pytest.raises(TypeError, match=r"np\.arctan2|np\.cbrt"):
        np.cbrt(t)


def test_an_array_that_changes_later_does_not_change_the_gradient() -> None:
    for f in (lambda x, a: x * a, lambda x, a: a / x, lambda x, a: tg.where(a > 1.5, x * a, x), lambda x, a: tg.maximum(x, a) * a):
        a, x = np.array([1.0, 2.0]), tg.tensor([3.0, 4.0], dtype=tg.float64, requires_grad=True)
        (wanted,) = tg.autograd.grad(f(x, a).sum(), x)
        y = f(x, a).sum()
        a[:] = 100.0
        (g,) = tg.autograd.grad(y, x)
        assert g.tolist() == wanted.tolist()


def test_reflected_operators() -> None:
    t = tg.tensor([2.0, 4.0])
    assert (1 + t).tolist() == [3.0, 5.0]
    assert (1 - t).tolist() == [-1.0, -3.0]
    assert (3 * t).tolist() == [6.0, 12.0]
    assert (8 / t).tolist() == [4.0, 2.0]
    assert (9 // t).tolist() == [4.0, 2.0]
    assert (9 % t).tolist() == [1.0, 1.0]
    assert (2**t).tolist() == [4.0, 16.0]
    assert (True & tg.tensor([True])).tolist() == [True]
    assert (t < 3).tolist() == [True, False]
    assert (t == None) is False  # noqa: E711
    assert (t != "a") is True


# ---- errors --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: tg.sin("1"), ArgumentTypeError, "sin: expected a tensor"),
        (lambda: tg.ones(2) + "1", TypeError, "unsupported operand"),
        (lambda: tg.ones(2) < None, TypeError, "not supported between"),
        (lambda: tg.add(tg.ones(2), "1"), ArgumentTypeError, "add: expected tensors or numbers"),
        (lambda: tg.bitwise_and(tg.tensor([1]), tg.tensor([1]), where=tg.tensor([True])), TypeError, "unexpected keyword"),
        (lambda: PRIMITIVES["power"](tg.ones(1), exponent=2.0, where=tg.tensor([True])), ArgumentTypeError, "unexpected keyword"),
        (lambda: tg.tensor([True]) - 1, DtypeError, "not defined with a bool"),
        (lambda: 1.0 - tg.tensor(True), DtypeError, "not defined with a bool"),
        (lambda: tg.add(tg.tensor([1]), 1, alpha=1.5), DtypeError, "needs an integer"),
        (lambda: tg.add(tg.tensor([1.0]), 1, alpha=True), DtypeError, "needs a number"),
        (lambda: tg.sub(tg.tensor([1]), 1, alpha=1.0), DtypeError, "needs an integer"),
        (lambda: tg.add(tg.tensor([1], dtype=tg.uint8), 1, alpha=300), RangeError, "alpha: 300 does not fit"),
        (lambda: tg.tensor([1], dtype=tg.uint8) ** 300, RangeError, "exponent: 300 does not fit"),
        (lambda: tg.tensor([True]) ** tg.tensor([True]), DtypeError, "pow: not defined for bool"),
        (lambda: True ** tg.tensor([True]), DtypeError, "pow: not defined for bool"),
        (lambda: tg.ones(2, dtype=tg.float16).clamp(max=1e20), RangeError, "clamp: a bound: 1e"),
        (lambda: tg.tensor([1], dtype=tg.uint8).clamp(min=300), RangeError, "clamp: a bound: 300"),
        (lambda: tg.tensor([1], dtype=tg.uint8).clamp(min=-1), RangeError, "clamp: a bound: -1"),
        (lambda: tg.ones(2) << 1, DtypeError, "bitwise_left_shift: needs integer"),
        (lambda: tg.tensor([True]) >> tg.tensor([True]), DtypeError, "bitwise_right_shift: not defined for bool"),
        (lambda: tg.fmod(tg.tensor([1]), 0), ArgumentError, "fmod: an integer division by zero"),
        (lambda: tg.div(tg.tensor([1]), 0, rounding_mode="trunc"), ArgumentError, "division by zero"),
        (lambda: tg.tensor([1]) + 2**70, RangeError, "does not fit into int64"),
        (lambda: tg.mul("a", "b"), ArgumentTypeError, "mul"),
        (lambda: tg.ones(2) + tg.ones(3), ShapeError, r"\(2,\) · \(3,\)"),
        (lambda: -tg.tensor([True]), DtypeError, "neg.*bool"),
        (lambda: tg.tensor([True]) - tg.tensor([True]), DtypeError, "sub.*bool"),
        (lambda: ~tg.ones(2), DtypeError, "bitwise_not.*integer"),
        (lambda: tg.ones(2) & tg.ones(2), DtypeError, "bitwise_and.*float32"),
        (lambda: tg.ones(2) | 1, DtypeError, "bitwise_or"),
        (lambda: tg.tensor([1]) // 0, ArgumentError, "division by zero"),
        (lambda: tg.tensor([1]) // tg.tensor([0]), ArgumentError, "division by zero"),
        (lambda: tg.tensor([2]) ** -1, ArgumentError, "negative integer power"),
        (lambda: tg.clamp(tg.ones(2)), ArgumentError, "min, max or both"),
        (lambda: tg.div(tg.ones(1), 1, rounding_mode="up"), ArgumentError, "'up'"),
        (lambda: tg.where(tg.ones(2), 1.0, 2.0), DtypeError, "bool"),
        (lambda: tg.where(True, 1.0, 2.0), ArgumentTypeError, "bool True"),
        (lambda: tg.where(tg.ones(2) > 0, tg.ones(3), 1.0), ShapeError, "broadcast"),
        (lambda: tg.abs(tg.tensor([True])), DtypeError, "abs.*bool"),
    ],
)
def test_what_is_refused(call: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        call()


@pytest.mark.parametrize("dtype", [tg.float32, tg.float64])
def test_numbers_that_count_as_equal_are_told_apart(dtype: Any) -> None:
    """0.0 and -0.0, 1 and True and 1.0: whatever was seen before decides nothing."""
    x = tg.ones(2, dtype=dtype)
    for _ in range(2):
        for zero in (0.0, -0.0, 0):
            signs = np.signbit([(x * zero).numpy(), (zero * x).numpy(), tg.where(x > 5, x, zero).numpy(), x.clone().fill_(zero).numpy()])
            assert (signs == np.signbit(zero)).all()
        for one in (1.0, 1, True):
            assert (x + one).dtype == dtype
            assert (tg.tensor([1]) + one).dtype == (tg.int64 if type(one) is not float else tg.float32)
        assert np.isnan((x * np.nan).numpy()).all()


@pytest.mark.parametrize("dtype", [tg.int8, tg.uint8, tg.int64])
def test_integers_beside_integer_tensors_keep_the_dtype(dtype: Any) -> None:
    x = tg.tensor([1, 100], dtype=dtype)
    for found, expected in [(x + 1, [2, 101]), (3 - x, (np.array([2, -97])).astype(dtype)), (x * 2, np.array([2, 200]).astype(dtype))]:
        assert found.dtype == dtype
        np.testing.assert_array_equal(found.numpy(), expected)
    np.testing.assert_array_equal((x > 1).numpy(), [False, True])
    assert (x + 0.5).dtype == tg.float32


def test_an_infinite_number_beside_a_tensor_does_not_spoil_a_gradient_of_zero() -> None:
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    for product in (x * np.inf, np.inf * x, x / 0.0, x + np.inf):
        (gradient,) = tg.autograd.grad(tg.where(tg.tensor([False, True]), product, 0.0).sum(), x)
        assert gradient[0] == 0.0


def _large(rng: np.random.Generator, special: list[float]) -> tuple[Any, Any]:
    """All pairs of special numbers, and many ordinary ones of all sizes, float32."""
    pairs = np.array(np.meshgrid(special, special), np.float32).reshape(2, -1)
    drawn = rng.standard_normal((2, 4000)) * 10.0 ** rng.integers(-3, 6, (2, 4000))
    return tuple(np.concatenate([pairs, drawn, np.round(drawn)], axis=1, dtype=np.float32, casting="same_kind"))  # type: ignore[return-value]


SPECIAL = [0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 1e-45, -1e-45, 3e38, -3e38, 2.0**24, 0.1, -0.1, 7.0, -7.0, 1e-30]


@pytest.mark.parametrize("name", ["remainder", "floor_divide"])
def test_quotients_of_large_arrays_are_those_of_numpy(name: str) -> None:
    x, y = _large(np.random.default_rng(0), SPECIAL)
    found = getattr(tg, name)(tg.tensor(x), tg.tensor(y)).numpy()
    with np.errstate(all="ignore"):
        wanted = getattr(np, name)(x, y)
    if name == "floor_divide":  # beyond 2²², NumPy rounds some quotients to a neighbour
        np.testing.assert_allclose(found, wanted, rtol=2.0**-22)
        near = ~(np.abs(wanted) > 2.0**22)
        found, wanted = found[near], wanted[near]
    np.testing.assert_array_equal(found, wanted)
    numbers = ~np.isnan(wanted)
    np.testing.assert_array_equal(np.signbit(found)[numbers], np.signbit(wanted)[numbers])


def test_logaddexp_of_large_arrays() -> None:
    x, y = _large(np.random.default_rng(0), SPECIAL)
    found = tg.logaddexp(tg.tensor(x), tg.tensor(y)).numpy()
    with np.errstate(all="ignore"):
        wanted = np.logaddexp(x.astype(np.float64), y.astype(np.float64)).astype(np.float32)
    np.testing.assert_allclose(found, wanted, rtol=3e-7, atol=1e-7)


def test_nan_to_num_with_numbers_of_any_kind() -> None:
    for dtype in ("float16", "float32", "float64", "int64"):
        x = np.array([1.0, -2.0, 0.0] if dtype == "int64" else [np.nan, np.inf, -np.inf, 1.5, -0.0], dtype)
        for numbers in ({}, {"nan": 2.0}, {"posinf": 3.0, "neginf": -4.0}, {"nan": np.inf, "posinf": np.nan}, {"neginf": 0.0}):
            found = tg.nan_to_num(tg.tensor(x), **numbers).numpy()
            wanted = np.nan_to_num(x, nan=numbers.get("nan", 0.0), posinf=numbers.get("posinf"), neginf=numbers.get("neginf"))
            assert found.dtype == wanted.dtype
            np.testing.assert_array_equal(found, wanted)


def test_results_of_bools_and_integers_need_no_promotion() -> None:
    i, b, u = tg.tensor([3, -2]), tg.tensor([True, False]), tg.tensor([3, 250], dtype=tg.uint8)
    assert tg.logical_and(b, ~b).dtype == tg.logical_not(i).dtype == (i == i).dtype == tg.bool
    assert (b + b).dtype == tg.bool
    assert (b * b).tolist() == [True, False]
    assert (u + u).tolist() == [6, 244]
    assert (i * 2.5).tolist() == [7.5, -5.0]
    assert (2.5 * i).dtype == (i / i).dtype == tg.float32
    assert (i**2).dtype == tg.int64
    with pytest.raises(DtypeError):
        operator.sub(b, b)
    with pytest.raises(DtypeError):
        operator.neg(b)


@pytest.mark.parametrize("name", ["remainder", "floor_divide", "logaddexp", "maximum", "clamp_min", "clamp_max", "fmod", "div", "pow"])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int64"])
def test_large_arrays_and_numbers(name: str, dtype: str) -> None:
    """What large arrays do otherwise, also with a number, a row or a 0-d tensor: as in small pieces."""
    function = getattr(tg, name)
    x, row = (np.arange(1, n + 1).reshape(shape).astype(dtype) for n, shape in ((5000, (50, 100)), (100, (100,))))
    if name == "pow":
        x, row = x % 5 + 1, row % 3
    for other in (3.0, 3, tg.tensor(row), tg.tensor(3, dtype=getattr(tg, dtype))):
        whole = function(tg.tensor(x), other)
        pieces = [function(tg.tensor(line), other) for line in x]
        assert whole.dtype == pieces[0].dtype
        np.testing.assert_allclose(whole.numpy(), tg.stack(pieces).numpy(), rtol=1e-3 if dtype == "float16" else 1e-6)


@pytest.mark.parametrize("dtype", [tg.float16, tg.float32, tg.float64])
@pytest.mark.parametrize("shape", [(), (1,), (2,)])
def test_powers_of_a_number_have_the_dtype_of_the_exponent_whatever_its_value(dtype: Any, shape: tuple[int, ...]) -> None:
    exponent = tg.full(shape, 0.5, dtype=dtype, requires_grad=True)
    power = 4**exponent
    power.sum().backward()
    assert exponent.grad is not None
    assert (power.dtype, exponent.grad.dtype) == (dtype, dtype)
    np.testing.assert_array_equal(power.detach().numpy(), np.full(shape, 2.0))
    assert [float(base ** tg.tensor(0.5)) for base in (0.0, -0.0, inf, -inf)] == [0.0, 0.0, inf, inf]


def test_a_power_by_a_number_of_numpy_has_the_dtype_of_its_base() -> None:
    for dtype in (tg.float16, tg.float32, tg.float64):
        assert (tg.tensor([4.0], dtype=dtype) ** np.float64(1.5)).dtype == dtype
    assert (tg.tensor([4]) ** np.float64(1.5)).dtype == tg.float32


@pytest.mark.parametrize("function", [operator.mod, operator.floordiv, tg.fmod])
def test_no_integers_can_be_divided_by_zero(function: Any) -> None:
    assert function(tg.ones(0, dtype=tg.int64), 0).shape == (0,)
    assert function(tg.ones(0, dtype=tg.int64), tg.tensor([[2], [0]])).shape == (2, 0)
    with pytest.raises(ArgumentError, match="division by zero"):
        function(tg.ones(1, dtype=tg.int64), 0)
