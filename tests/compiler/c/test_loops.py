"""What loops compute: every function of the table with NumPy's results, reductions, layouts, short products."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinygrad_reg.compiler.backends.c import expressions, mathematics
from tinygrad_reg.compiler.numpy_ops import BROADCAST, CAST, CONCATENATE, DOT, JOIN, RESHAPE, TRANSPOSED, VDOT, WHERE, reduce_op, ufunc_op

from .building import Built, same

FLOATS = [0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 1e-3, 3.7, 1e30, -1e30, np.inf, -np.inf, np.nan, 5e-324, 1e-40]
INTEGERS = [0, 1, -1, 2, -3, 7, 100, -128, 127]
EXACT = sorted(expressions._FLOAT | expressions._TEST | expressions._BOOL | expressions._INTEGER)
ROUNDED = sorted(name for name in mathematics.FUNCTIONS if hasattr(np, name) and name not in EXACT)


def pairs(values: list[Any], dtype: Any) -> tuple[Any, Any]:
    with np.errstate(all="ignore"):
        array = np.array(values).astype(dtype)
    return np.repeat(array, len(array)), np.tile(array, len(array))


@pytest.mark.parametrize("dtype", ["float32", "float64", "int8", "int16", "int32", "int64", "uint8", "bool"])
def test_elementwise_functions_equal_numpys_in_every_bit(dtype: str) -> None:
    built = Built()
    x, y = map(built.array, pairs(FLOATS if dtype.startswith("f") else INTEGERS, dtype))
    tried = []
    for name in EXACT:
        ufunc = getattr(np, name)
        inputs = (x, y)[: ufunc.nin]
        try:
            supported = expressions.template(ufunc, inputs) is not None
        except TypeError:
            continue
        if supported:
            built.call(ufunc_op(ufunc), *inputs)
            tried.append(name)
    for name, (expected, found) in zip(tried, built.both(), strict=True):
        if name in ("fmax", "fmin"):  # which zero it is depends on the vectors that NumPy finds
            expected, found = expected + 0.0, found + 0.0
        assert same(expected, found), name
    assert len(tried) >= 8


@pytest.mark.parametrize("whole", ["int8", "int16", "uint8"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_what_does_not_fit_into_a_small_integer_wraps_around(dtype: str, whole: str) -> None:
    built = Built()
    cut = built.call(CAST, built.array(np.array([300.7, -300.2, 128.0, 65536.5, -70000.0] * 8, dtype)), dtype=np.dtype(whole))
    built.call(ufunc_op(np.multiply), built.call(CAST, cut, dtype=np.dtype(dtype)), 1.0)
    assert all(same(a, b) for a, b in built.both())


@pytest.mark.parametrize("whole", ["int8", "int16", "int32", "int64", "uint8"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_what_is_cut_to_an_integer_is_no_negative_zero(dtype: str, whole: str) -> None:
    built = Built()
    cut = built.call(CAST, built.array(np.array([-0.3, 0.3, -0.0, 2.7] * 8, dtype)), dtype=np.dtype(whole))
    built.call(ufunc_op(np.divide), 1.0, built.call(CAST, cut, dtype=np.dtype(dtype)))
    assert all(same(a, b) for a, b in built.both())


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_other_functions_are_within_rounding(dtype: str) -> None:
    built = Built()
    x, y = map(built.array, pairs(FLOATS, dtype))
    for name in ROUNDED:
        ufunc = getattr(np, name)
        built.call(ufunc_op(ufunc), *(x, y)[: ufunc.nin])
    for name, (expected, found) in zip(ROUNDED, built.both(), strict=True):
        np.testing.assert_allclose(found, expected, rtol=8 * np.finfo(dtype).eps, atol=0, err_msg=name)


def test_dtypes_mix_as_in_numpy() -> None:
    built = Built()
    arrays = {kind: built.array(np.array([1, 0, 3]).astype(kind)) for kind in ("float32", "float64", "int32", "int64", "uint8", "bool")}
    for x in arrays.values():
        for y in arrays.values():
            built.call(ufunc_op(np.add), x, y)
            built.call(ufunc_op(np.less), x, y)
            built.call(WHERE, x, y, x) if x.dtype == y.dtype else None
        built.call(ufunc_op(np.multiply), x, 2)
        built.call(ufunc_op(np.multiply), x, 2.5)
        built.call(ufunc_op(np.multiply), x, np.float32(2.5))
        for kind in arrays:
            built.call(CAST, x, dtype=np.dtype(kind))
    assert all(same(a, b) for a, b in built.both())


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "bool"])
@pytest.mark.parametrize("name", ["add", "multiply", "maximum", "minimum", "logical_and", "logical_or"])
def test_reductions(name: str, dtype: str) -> None:
    built = Built()
    for shape in ((5,), (4, 9), (9, 4), (3, 1, 17), (2, 3, 4, 5), (1, 1), (0, 3), ()):
        x = built.array((np.random.default_rng(0).standard_normal(shape) * 3).astype(dtype))
        axes: list[Any] = [None, *range(len(shape)), tuple(range(len(shape)))] + ([(0, -1)] if len(shape) > 1 else [])
        for axis in axes:
            for keepdims in (False, True):
                if 0 not in shape or name in ("add", "multiply"):
                    built.call(reduce_op(getattr(np, name)), x, axis=axis, keepdims=keepdims)
    for expected, found in built.both():
        assert expected.dtype == found.dtype
        assert expected.shape == found.shape
        np.testing.assert_allclose(found, expected, rtol=1e-5 if dtype == "float32" else 1e-13, atol=1e-6 if dtype == "float32" else 1e-13)


@pytest.mark.parametrize("name", ["maximum", "minimum", "add"])
def test_reductions_let_nan_through(name: str) -> None:
    built = Built()
    data = np.random.default_rng(0).standard_normal((7, 40))
    data[3, 17], data[5, 0], data[6] = np.nan, np.inf, -np.inf
    x = built.array(data)
    for axis in (0, 1, None):
        built.call(reduce_op(getattr(np, name)), x, axis=axis)
    for expected, found in built.both():
        np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_a_long_sum_of_float32_is_rounded_once() -> None:
    built = Built()
    values = np.random.default_rng(0).random(1_000_000).astype(np.float32)
    built.call(reduce_op(np.add), built.array(values), axis=None)
    [(_, found)] = built.both()
    assert abs(found - values.astype(np.float64).sum()) <= np.spacing(found)


def test_loops_over_views_of_what_they_make() -> None:
    built = Built()
    x = built.array(np.arange(12.0).reshape(3, 4))
    doubled = built.call(ufunc_op(np.add), x, x)
    turned = built.call(TRANSPOSED, doubled)
    flat = built.call(RESHAPE, turned, shape=(12,))
    again = built.call(RESHAPE, built.call(ufunc_op(np.negative), flat), shape=(4, 3))
    built.call(ufunc_op(np.multiply), again, turned)
    column = built.call(reduce_op(np.add), again, axis=1, keepdims=True)
    built.call(ufunc_op(np.subtract), again, column)
    built.call(ufunc_op(np.add), built.call(BROADCAST, column, shape=(4, 3)), turned)
    assert all(same(a, b) for a, b in built.both())


def test_a_result_that_is_a_view_or_an_input_is_memory_of_its_own() -> None:
    built = Built()
    x = built.array(np.arange(6.0).reshape(2, 3))
    view = built.call(TRANSPOSED, x)
    program = built.program(view, view, x)
    [(_, a), (_, b), (_, c)] = built.both(view, view, x)
    assert program.results[0] is program.results[1]
    assert not any(np.shares_memory(p, q) for p, q in ((a, b), (a, c), (b, c), (c, built.inputs[x])))
    assert same(a, built.inputs[x].T)


@given(st.integers(1, 12), st.integers(1, 12), st.integers(1, 9), st.booleans(), st.booleans(), st.sampled_from(["float32", "float64"]))
@settings(max_examples=12)
def test_products_of_any_size_and_layout(m: int, n: int, k: int, left: bool, right: bool, dtype: str) -> None:
    rng = np.random.default_rng(0)
    built = Built()
    for scale in (1, 7):
        mm, nn, kk = m * scale, n * scale, k * scale
        a = rng.standard_normal((kk, mm) if left else (mm, kk)).astype(dtype)
        b = rng.standard_normal((nn, kk) if right else (kk, nn)).astype(dtype)
        x, y = built.array(a), built.array(b)
        x, y = built.call(TRANSPOSED, x) if left else x, built.call(TRANSPOSED, y) if right else y
        product = built.call(DOT, x, y)
        built.call(DOT, built.call(ufunc_op(np.add), product, 1.0), built.call(TRANSPOSED, y))
        built.call(VDOT, product, product)
        batch = built.array(rng.standard_normal((2, 3, mm, kk)).astype(dtype))
        built.call(ufunc_op(np.matmul), batch, y)
        built.call(DOT, built.constant(np.ones(mm, dtype)), product)
    for expected, found in built.both():
        scale = np.abs(expected).max() + 1
        np.testing.assert_allclose(
            found / scale, expected / scale, rtol=1e-5 if dtype == "float32" else 1e-12, atol=1e-5 if dtype == "float32" else 1e-12
        )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("turned", [False, True])
def test_products_with_every_rest_of_rows_and_of_terms(turned: bool, dtype: str) -> None:
    rng = np.random.default_rng(0)
    built = Built()
    for rows in range(1, 17):
        terms = 16 + 3 * rows
        a, b = (rng.integers(-3, 4, (n, terms)).astype(dtype) for n in (rows, 9))
        a[0, 0] = np.inf  # an element that is taken twice would show as nan
        b[:, 0] = 1
        y = built.array(b.T.copy()) if turned else built.call(TRANSPOSED, built.array(b))
        built.call(ufunc_op(np.matmul), built.array(a), y)
    assert all(same(expected, found) for expected, found in built.both())


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_parts_of_joins_are_made_where_they_stand(axis: int) -> None:
    rng = np.random.default_rng(0)
    built = Built()
    a, b = (built.array(rng.integers(-3, 4, (4, 10, 16)).astype(np.float64)) for _ in range(2))
    loop = built.call(ufunc_op(np.multiply), a, b)
    copied = built.call(RESHAPE, built.call(TRANSPOSED, built.call(ufunc_op(np.add), a, b)), shape=(4, 10, 16))
    product = built.call(ufunc_op(np.matmul), a, built.array(rng.integers(-3, 4, (16, 16)).astype(np.float64)))
    reshaped = built.call(RESHAPE, built.call(ufunc_op(np.subtract), a, b), shape=(40, 16))
    parts = (loop, copied, product, loop, built.call(RESHAPE, reshaped, shape=(4, 10, 16)), b)
    joined = built.call(CONCATENATE, *parts, axis=axis)
    outer = built.call(JOIN, joined, a, loop)
    built.call(ufunc_op(np.negative), outer)
    assert all(same(expected, found) for expected, found in built.both(built.call(ufunc_op(np.square), outer)))
