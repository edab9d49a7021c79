"""NumPy's functions, DLPack, einops and Python's habits on tensors."""

from __future__ import annotations

import copy
import functools
import math
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import einops
import numpy as np
import pytest

import tinygrad_reg as tg
from tinygrad_reg.errors import ArgumentError, ArgumentTypeError, DimensionError, ExportError, GradientError, RangeError, ShapeError
from tinygrad_reg.interop.dispatch import WRITERS
from tinygrad_reg.interop.functions import ACCUMULATIONS, FUNCTIONS, REDUCTIONS, UFUNCS
from tinygrad_reg.testing import gradcheck

from . import numpy_ledger as ledger
from .numpy_ledger import X

COVERED = [*FUNCTIONS, *UFUNCS]
NO_GRADIENT = {np.sign, np.floor, np.ceil, np.trunc, np.rint, np.round, np.around, np.floor_divide}
UNCOVERED = [
    function
    for _, function in ledger.public()
    if ledger.standing(function) == "without gradient" and isinstance(function, np.ufunc | type(np.sum))
]


def tensors(x: Any, requires_grad: bool = True) -> Any:
    if isinstance(x, list):
        return [tensors(item, requires_grad) for item in x]
    return tg.tensor(x, requires_grad=requires_grad and x.dtype.kind == "f") if isinstance(x, np.ndarray) else x


def plain(x: Any) -> Any:
    return [plain(item) for item in x] if isinstance(x, list | tuple) else x.detach().numpy() if isinstance(x, tg.Tensor) else x


def name_of(function: Any) -> str:
    return str(function.__name__)


@pytest.mark.parametrize("function", COVERED, ids=name_of)
def test_covered_functions_agree_with_numpy_and_keep_the_gradient(function: Callable[..., Any]) -> None:
    args = ledger.arguments(function)
    ours, theirs = function(*[tensors(x) for x in args]), function(*args)
    for a, b in zip(*[x if isinstance(x, list | tuple) else [x] for x in (ours, theirs)], strict=True):
        np.testing.assert_allclose(plain(a), b, rtol=1e-6)
        assert np.shape(a) == np.shape(b)
        if isinstance(a, tg.Tensor) and a.is_floating_point() and function not in NO_GRADIENT:
            assert a.requires_grad


W = np.random.default_rng(0).standard_normal((3, 4, 5))

CALLS: list[Callable[[Any], Any]] = [
    lambda x: np.median(x),
    lambda x: np.median(x, axis=1),
    lambda x: np.median(x, (0, -1), keepdims=True),
    lambda x: np.quantile(x, 0.3, axis=-1),
    lambda x: np.quantile(x, [[0.0, 1.0], [0.5, 0.123]], axis=(1, 2)),
    lambda x: np.quantile(x, np.array([0.25]), 0, keepdims=True),
    lambda x: np.percentile(x, [5, 50, 99.5], axis=0, keepdims=True),
    lambda x: np.percentile(x[0, 0, 0], 40),
    lambda x: np.pad(x, 1),
    lambda x: np.pad(x, (2, 0), constant_values=3.0),
    lambda x: np.pad(x, ((1, 0), (0, 2), (3, 4)), mode="edge"),
    lambda x: np.pad(x, ((1, 2), (3, 0), (0, 4)), "reflect"),
    lambda x: np.pad(x, ((3, 1), (0, 4), (5, 0)), "wrap"),
    lambda x: np.take(x, [[0, -1], [7, 7]]),
    lambda x: np.take(x, np.array([1, 1, 0]), axis=1),
    lambda x: np.take(x, 2, -1),
    lambda x: np.take_along_axis(x, np.array([[[0], [2], [-1], [0]]]), -1),
    lambda x: np.inner(x, x[0]),
    lambda x: np.inner(x, 2.0),
    lambda x: np.linalg.diagonal(x, offset=1),
    lambda x: np.linalg.trace(x),
    lambda x: np.linalg.norm(x, axis=(0, 1)),
    lambda x: np.cumulative_sum(x, axis=1),
    lambda x: np.cumulative_prod(x[0, 0]),
    lambda x: np.unstack(x, axis=-1)[2],
    lambda x: np.meshgrid(x[0, 0], x[0, 1])[1],
    lambda x: np.meshgrid(x[0, 0], W[0, 1], x[0, 2], indexing="ij")[0],
    lambda x: np.nan_to_num(x * np.where(W > 1.0, np.inf, 1.0), posinf=3.0),
]


@pytest.mark.parametrize("call", range(len(CALLS)))
def test_calls_in_several_forms_agree_with_numpy_and_their_gradients_are_right(call: int) -> None:
    got = CALLS[call](tg.tensor(W))
    assert isinstance(got, tg.Tensor)
    np.testing.assert_allclose(got.numpy(), CALLS[call](W), rtol=1e-12)
    assert got.shape == np.shape(CALLS[call](W))
    gradcheck(CALLS[call], tg.tensor(W))


def test_comparisons_of_whole_arrays_take_what_requires_grad() -> None:
    x = tg.tensor(W, requires_grad=True)
    assert np.allclose(x, W)
    assert not np.allclose(2.0, x)
    assert np.array_equal(W, x)
    assert not np.array_equal(x, W[0])
    with pytest.raises(DimensionError, match="which axis"):
        np.cumulative_sum(x)


def test_quantiles_of_what_is_not_finite() -> None:
    inf = float("inf")
    for data, expected in (([1.0, 2.0, inf], [1.0, 2.0, inf]), ([-inf, 1.0, 2.0, inf], [-inf, 1.5, inf])):  # where NumPy finds inf · 0
        assert np.quantile(tg.tensor(data), [0.0, 0.5, 1.0]).tolist() == expected
    assert np.quantile(tg.tensor([1.0, float("nan"), 2.0]), [0.0, 1.0]).isnan().all()
    with pytest.raises(RangeError, match=r"0 \.\.\. 1"):
        np.quantile(tg.ones(3), 1.5)
    with pytest.raises(ShapeError, match="nothing to take a quantile of"):
        np.median(tg.ones(0))


def test_values_of_arguments_that_are_not_covered_run_in_numpy_without_a_gradient() -> None:
    for call in (
        lambda x: np.pad(x, 1, "mean"),
        lambda x: np.pad(x, 9, "reflect"),
        lambda x: np.quantile(x, 0.5, method="lower"),
        lambda x: np.percentile(x, 50, method="lower"),
    ):
        np.testing.assert_array_equal(call(tg.tensor(W)), call(W))
        with pytest.raises(ArgumentTypeError, match="with these arguments"):
            call(tg.tensor(W, requires_grad=True))


@pytest.mark.parametrize("function", UNCOVERED, ids=name_of)
def test_a_gradient_is_never_lost_in_silence(function: Callable[..., Any]) -> None:
    t = tg.tensor(X, requires_grad=True)
    if isinstance(function, np.ufunc):
        call = functools.partial(function, *[t] * function.nin)
    else:
        call = functools.partial(t.__array_function__, function, (tg.Tensor,), (t,), {})
    with pytest.raises(ArgumentTypeError, match=r"detach\(\)\.numpy\(\)"):
        call()


@pytest.mark.parametrize("function", sorted(WRITERS, key=name_of), ids=name_of)
def test_functions_that_write_into_a_tensor_are_refused(function: Callable[..., Any]) -> None:
    t = tg.tensor(X)
    with pytest.raises(ArgumentTypeError, match="write into a tensor"):
        t.__array_function__(function, (tg.Tensor,), (t,), {})


def test_the_page_of_functions_is_the_table() -> None:
    assert ledger.PAGE.read_text() == ledger.text(), "python -m tests.numpy_ledger writes it anew"


@pytest.mark.parametrize("axis", [None, 0, 1, -1, (0, 1)])
@pytest.mark.parametrize("function", [np.sum, np.mean, np.prod, np.var, np.std, np.max, np.min, np.ptp, np.linalg.norm], ids=name_of)
@pytest.mark.parametrize("keepdims", [False, True])
def test_reductions_with_numpys_arguments(function: Callable[..., Any], axis: Any, keepdims: bool) -> None:
    ours = function(tg.tensor(X, requires_grad=True), axis=axis, keepdims=keepdims)
    theirs = function(X, axis=axis, keepdims=keepdims)
    assert ours.requires_grad
    assert ours.shape == np.shape(theirs)
    np.testing.assert_allclose(ours.detach(), theirs, rtol=1e-12)


@pytest.mark.parametrize("function", [np.cumsum, np.cumprod, np.sort, np.concatenate], ids=name_of)
def test_axis_none_flattens(function: Callable[..., Any]) -> None:
    np.testing.assert_allclose(plain(function(tg.tensor(X), axis=None)), function(X, axis=None))


@pytest.mark.parametrize("a", [np.array(2.0), X[0], X, np.stack([X, X])], ids=np.ndim)
@pytest.mark.parametrize("b", [np.array(2.0), X[0], X.T, np.stack([X.T, X.T])], ids=np.ndim)
def test_dot_of_any_ranks(a: Any, b: Any) -> None:
    for other in (tg.tensor(b), b):
        np.testing.assert_allclose(plain(np.dot(tg.tensor(a), other)), np.dot(a, b))


@pytest.mark.parametrize("ufunc", REDUCTIONS, ids=name_of)
def test_reduce(ufunc: np.ufunc) -> None:
    for params in ({}, {"axis": 1}, {"axis": None}, {"axis": 1, "keepdims": True}):
        np.testing.assert_allclose(plain(ufunc.reduce(tg.tensor(X), **params)), ufunc.reduce(X, **params))


@pytest.mark.parametrize("ufunc", ACCUMULATIONS, ids=name_of)
def test_accumulate(ufunc: np.ufunc) -> None:
    np.testing.assert_allclose(plain(ufunc.accumulate(tg.tensor(X), axis=1)), ufunc.accumulate(X, axis=1))


def test_outer() -> None:
    t = tg.tensor(X, requires_grad=True)
    for a, b in ((t, X), (X, t), (t, 2.0), (2.0, t), ([1.0, 2.0], t)):
        out = np.subtract.outer(a, b)
        assert out.requires_grad
        np.testing.assert_array_equal(plain(out), np.subtract.outer(plain(a), plain(b)))


def test_arguments_that_are_not_covered() -> None:
    t = tg.tensor(X, requires_grad=True)
    out = np.zeros_like(X)
    for call in (
        lambda: np.add(t, X, out=out),
        lambda: np.add(t, X, where=X > 0.5),
        lambda: np.add(t, X, dtype="f4"),
        lambda: np.add.reduce(t, initial=2.0),
        lambda: np.sum(t, out=out),
        lambda: np.sum(t, where=X > 0.5),
        lambda: np.add.reduceat(t, [0]),
        lambda: out.__iadd__(t),
    ):
        with pytest.raises(ArgumentTypeError, match="requires grad"):
            call()
    np.testing.assert_array_equal(np.add(t.detach(), X, out=out), 2 * X)
    with pytest.raises(ArgumentTypeError, match="write into a tensor"):
        np.add(X, X, out=tg.tensor(X))
    with pytest.raises(ArgumentTypeError, match="write into a tensor"):
        np.add.at(tg.tensor(X), 0, 1.0)


@pytest.mark.parametrize("ufunc", UFUNCS, ids=name_of)
def test_keywords_of_ufuncs_never_reach_a_primitive(ufunc: np.ufunc) -> None:
    args = ledger.arguments(ufunc)
    out = np.zeros_like(ufunc(*args))
    assert ufunc(*[tensors(x, requires_grad=False) for x in args], out=out) is out
    np.testing.assert_array_equal(out, ufunc(*args))


def test_an_array_changed_through_a_tensor_is_noted() -> None:
    a = np.ones(3)
    x = tg.tensor([1.0, 2.0, 3.0], dtype=tg.float64, requires_grad=True)
    y = (x * tg.from_numpy(a)).sum()
    a += tg.tensor([1.0, 1.0, 1.0])
    with pytest.raises(GradientError):
        y.backward()


def test_functions_without_gradient_run_in_numpy() -> None:
    out = np.interp(tg.tensor([0.5]), [0.0, 1.0], [0.0, 10.0])
    assert isinstance(out, np.ndarray)
    assert out.tolist() == [5.0]
    assert np.array_equal(tg.tensor([1.0]), np.array([1.0]))


# ---- arrays ------------------------------------------------------------------------------------------------------------


def test_several_results_are_a_tuple_for_numpy() -> None:
    x = tg.tensor([[1.0, 4.0], [3.0, 2.0]])
    np.testing.assert_array_equal(np.column_stack(x.max(0)), [[3.0, 1.0], [4.0, 0.0]])


@pytest.mark.parametrize(
    ("dtype", "wanted"), [(tg.float64, tg.float64), (tg.float32, tg.float32), (tg.float16, tg.float16), (tg.int64, tg.float32)]
)
def test_fractions_in_lists_are_as_exact_as_the_tensors_beside_them(dtype: Any, wanted: Any) -> None:
    x = tg.tensor([0, 1], dtype=dtype)
    for made in (np.add(x, [0.1, 0.2]), np.add([0.1, 0.2], x), np.multiply(x + 1, [0.1, 0.2]) + x):
        assert made.dtype == wanted
    assert np.array_equal(np.add(tg.zeros(2, dtype=wanted), [0.1, 0.2]), tg.tensor([0.1, 0.2], dtype=wanted))
    assert np.dot(tg.ones(2, dtype=tg.float64), [0.1, 0.2]).item() == 0.1 + 0.2


def test_numpys_functions_of_what_only_numpy_takes() -> None:
    x = tg.tensor([1.0, 2.0])
    assert not np.array_equal(x, None)
    assert [y.shape for y in np.meshgrid(x, [1.0, 2.0, 3.0])] == [(3, 2)] * 2
    assert [y.shape for y in np.meshgrid(x, np.arange(3))] == [(3, 2)] * 2
    assert np.argmax(x > 1.5) == 1
    with pytest.raises(DimensionError, match="np.cumulative_prod"):
        np.cumulative_prod(tg.ones(2, 2))


def test_a_memory_map_that_changes_after_it_was_an_argument(tmp_path: Path) -> None:
    array: Any = np.memmap(tmp_path / "data", "f", "w+", shape=(3,))
    array[:] = 1.0
    w = tg.ones(3, requires_grad=True)
    y = w @ array
    array[:] = 100.0
    y.backward()
    assert w.grad is not None
    assert w.grad.tolist() == [1.0, 1.0, 1.0]


def test_asarray() -> None:
    t = tg.tensor([1.0, 2.0])
    assert np.shares_memory(np.asarray(t), t.numpy())
    assert not np.shares_memory(np.array(t), t.numpy())
    assert np.asarray(t, dtype="i4").dtype == np.int32
    with pytest.raises(ValueError, match="copy"):
        np.array(t, dtype="i4", copy=False)
    with pytest.raises(RuntimeError, match="detach"):
        np.asarray(t.requires_grad_())


def test_where_no_gradient_is_recorded_none_is_lost_to_numpy() -> None:
    x = tg.tensor([1.0, 4.0], requires_grad=True)
    with tg.no_grad():
        assert np.shares_memory(x.numpy(), x.array)
        assert np.asarray(x).tolist() == [1.0, 4.0]
        assert np.interp(x, [0.0, 4.0], [0.0, 8.0]).tolist() == [2.0, 8.0]
    y = x.sqrt()
    with tg.no_grad():
        y.numpy()[0] = 5.0
    with pytest.raises(RuntimeError, match="modified by an in-place operation"):
        y.sum().backward()


def test_habits() -> None:
    t, s = tg.tensor([1.0, 2.0, 3.0]), tg.tensor(1.5, requires_grad=True)
    np.testing.assert_allclose(t, [1, 2, 3])
    assert (float(s), int(s), format(s, ".3f"), math.sin(s)) == (1.5, 1, "1.500", math.sin(1.5))
    assert len(t) == 3
    assert [float(x) for x in t] == [1.0, 2.0, 3.0]
    assert sum([s, s]).requires_grad
    assert (np.float64(2) * s).requires_grad
    assert (np.ones((2, 3), "f") @ t).tolist() == [6.0, 6.0]
    assert np.array([t[0], t[1]]).tolist() == [1.0, 2.0]
    assert s in [s]
    assert len({s, t, s}) == 2
    nothing = None
    assert (s == nothing) is False
    assert copy.copy(t).tolist() == pickle.loads(pickle.dumps(t)).tolist() == t.tolist()


# ---- DLPack ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("x", [X, X.T, X[:, ::2], np.array(2.0), np.zeros((0, 3)), X > 0.5, np.arange(3)], ids=range(7))
def test_dlpack_shares_memory_both_ways(x: Any) -> None:
    t = tg.from_dlpack(x)
    back = np.from_dlpack(t)
    assert (t.shape, t.dtype) == (x.shape, x.dtype)
    np.testing.assert_array_equal(back, x)
    if x.size:
        assert np.shares_memory(back, x)
        assert not np.shares_memory(tg.from_dlpack(x, copy=True).numpy(), x)


def test_dlpack_refuses() -> None:
    t = tg.tensor([1.0], requires_grad=True)
    with pytest.raises(ExportError, match="detach"):
        np.from_dlpack(t)
    with pytest.raises(BufferError, match="backwards"):
        tg.from_numpy(X[::-1]).__dlpack__()
    with pytest.raises(ArgumentError, match="stream"):
        t.detach().__dlpack__(stream=1)
    with pytest.raises(ArgumentError, match="dl_device"):
        t.detach().__dlpack__(dl_device=(2, 0))
    with pytest.raises(ArgumentTypeError, match="__dlpack__"):
        tg.from_dlpack([1.0])
    assert t.__dlpack_device__() == (1, 0)


def test_memory_of_others_is_watched_for_writes() -> None:
    x = tg.from_dlpack(np.ones(3))
    w = tg.ones(3, dtype=tg.float64, requires_grad=True)
    y = (w * x).sum()
    x.mul_(2.0)
    with pytest.raises(GradientError):
        y.backward()
    capsule = tg.utils.dlpack.to_dlpack(x)
    shared = tg.utils.dlpack.from_dlpack(capsule)
    assert np.shares_memory(shared.numpy(), x.numpy())
    with pytest.raises(RuntimeError, match="read-only"):
        shared.add_(1.0)


# ---- einops ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "call",
    [
        lambda x: einops.rearrange(x, "a (b c) -> c (a b)", c=3),
        lambda x: einops.rearrange([x, 2 * x], "n a b -> a (n b)"),
        lambda x: einops.repeat(x, "a b -> a (b n) m", n=2, m=3),
        lambda x: einops.einsum(x, x, "a b, c b -> a c"),
        lambda x: einops.pack([x, x[:, 0]], "a *")[0],
        lambda x: einops.unpack(x, [[2], [1]], "a *")[0],
        *[lambda x, how=how: einops.reduce(x, "a b -> b", how) for how in ("sum", "mean", "max", "min", "prod")],
    ],
    ids=range(11),
)
def test_einops_gives_what_it_gives_for_arrays_with_gradient(call: Callable[[Any], Any]) -> None:
    x = tg.tensor(X, requires_grad=True)
    np.testing.assert_allclose(plain(call(x)), call(X))
    gradcheck(call, (x,))


@pytest.mark.parametrize("order", ["einops, tinygrad_reg", "tinygrad_reg, einops"])
def test_einops_may_be_imported_before_or_after(order: str) -> None:
    code = f"import {order}, sys; x = tinygrad_reg.ones(2, 3); print(einops.rearrange(x, 'a b -> b a').shape)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "(3, 2)"
