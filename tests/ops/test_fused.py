"""Fused primitives: each equals its composite to second order; numerics at the ends of the range; errors."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_reg as tg
from tinygrad_reg.errors import ArgumentError, ArgumentTypeError, DimensionError, DtypeError, ShapeError
from tinygrad_reg.ops import fused, losses
from tinygrad_reg.ops.normalization import layer_norm

nan, inf = float("nan"), float("inf")
Function = Callable[..., Any]


def sample(*shapes: tuple[int, ...], dtype: str = "float64") -> list[Any]:
    rng = np.random.default_rng(3)
    return [np.asarray(rng.standard_normal(shape)).astype(dtype) for shape in shapes]


def derivatives(function: Function, arrays: list[Any]) -> list[Any]:
    """The value, the gradients of its weighted sum, and the gradients of a weighted sum of those."""
    x = [tg.tensor(a, requires_grad=True) for a in arrays]
    out = function(*x)
    weight = tg.tensor(np.cos(np.arange(out.numel())).reshape(out.shape).astype(arrays[0].dtype))
    first = tg.autograd.grad((out * weight).sum(), x, create_graph=True, allow_unused=True)
    total = sum((g * (1.0 + 0.5 * i) * g).sum() for i, g in enumerate(first) if g is not None)
    second = tg.autograd.grad(total, x, allow_unused=True) if total.requires_grad else [None] * len(x)
    return [out, *[a * 0 if g is None else g for a, g in zip((*x, *x), (*first, *second), strict=True)]]


def same(fused_form: Function, composite: Function, *arrays: Any, tolerance: float = 1e-11) -> None:
    for got, want in zip(derivatives(fused_form, list(arrays)), derivatives(composite, list(arrays)), strict=True):
        assert got.dtype == want.dtype
        assert got.shape == want.shape
        np.testing.assert_allclose(got.detach().numpy(), want.detach().numpy(), rtol=tolerance, atol=tolerance)


# ---- each equals its composite -------------------------------------------------------------------------------------


def plain_sigmoid(x: Any) -> Any:
    return 1.0 / (1.0 + tg.exp(-x))


def plain_softmax(x: Any, dim: int) -> Any:
    return tg.exp(x) / tg.exp(x).sum(dim, keepdim=True)


def plain_layer_norm(x: Any, w: Any, b: Any) -> Any:
    centred = x - x.mean(-1, keepdim=True)
    return centred / tg.sqrt((centred * centred).mean(-1, keepdim=True) + 1e-5) * w + b


def plain_gelu_tanh(x: Any) -> Any:
    return 0.5 * x * (1.0 + tg.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x)))


COMPOSITES: dict[str, tuple[Function, Function]] = {
    "sigmoid": (tg.sigmoid, plain_sigmoid),
    "silu": (fused.silu, lambda x: x * plain_sigmoid(x)),
    "mish": (fused.mish, lambda x: x * tg.tanh(tg.log1p(tg.exp(x)))),
    "log_sigmoid": (fused.log_sigmoid, lambda x: tg.log(plain_sigmoid(x))),
    "softplus": (fused.softplus, lambda x: tg.log1p(tg.exp(x))),
    "softplus_beta": (lambda x: fused.softplus(x, beta=2.5), lambda x: tg.log1p(tg.exp(x * 2.5)) / 2.5),
    "gelu_tanh": (lambda x: fused.gelu(x, "tanh"), plain_gelu_tanh),
    "softmax": (lambda x: tg.softmax(x, -1), lambda x: plain_softmax(x, -1)),
    "softmax_first": (lambda x: tg.softmax(x, 0), lambda x: plain_softmax(x, 0)),
    "log_softmax": (lambda x: tg.log_softmax(x, -1), lambda x: tg.log(plain_softmax(x, -1))),
    "log_softmax_first": (lambda x: tg.log_softmax(x, 0), lambda x: x - tg.logsumexp(x, 0, keepdim=True)),
}


@pytest.mark.parametrize("name", COMPOSITES)
@pytest.mark.parametrize("shape", [(1,), (6,), (4, 3), (2, 3, 4), (2, 1, 3, 2, 5), (300, 5)])
def test_a_function_of_one_argument_equals_its_composite(name: str, shape: tuple[int, ...]) -> None:
    same(*COMPOSITES[name], *sample(shape))


@pytest.mark.parametrize(
    ("x", "w"), [((7, 3), (4, 3)), ((7, 1), (4, 1)), ((7, 3), (1, 3)), ((3,), (4, 3)), ((5, 2, 3), (4, 3)), ((5, 2, 1), (4, 1))]
)
def test_linear_equals_its_composite(x: tuple[int, ...], w: tuple[int, ...]) -> None:
    same(fused.linear, lambda x, w, b: x @ w.T + b, *sample(x, w, w[:1]))
    same(fused.linear, lambda x, w: x @ w.T, *sample(x, w))
    same(fused.linear, lambda x, w: (x[..., None, :] * w).sum(-1), *sample(x, w))


@pytest.mark.parametrize("shape", [(5,), (4, 3), (300, 5)])
def test_losses_equal_their_composites(shape: tuple[int, ...]) -> None:
    x, y = sample(shape, shape)
    same(losses.mse_loss, lambda x, y: ((x - y) ** 2).mean(), x, y)
    same(lambda x, y: losses.mse_loss(x, y, reduction="sum"), lambda x, y: ((x - y) ** 2).sum(), x, y)
    p, t = (1 / (1 + np.exp(-a)) for a in (x, y))
    same(losses.binary_cross_entropy, lambda p, t: -(t * tg.log(p) + (1 - t) * tg.log1p(-p)).mean(), p, t)
    same(
        losses.binary_cross_entropy_with_logits,
        lambda x, t: -(t * tg.log(plain_sigmoid(x)) + (1 - t) * tg.log(plain_sigmoid(-x))).mean(),
        x,
        t,
    )


def test_cross_entropy_equals_its_composite() -> None:
    (x,) = sample((6, 4))
    t = np.array([0, 3, 1, 1, 2, 0])
    hot = tg.tensor(np.eye(4)[t])
    same(lambda x: losses.cross_entropy(x, tg.tensor(t)), lambda x: -(tg.log(plain_softmax(x, 1)) * hot).sum() / 6, x)
    same(lambda x: losses.cross_entropy(x, hot), lambda x: -(tg.log(plain_softmax(x, 1)) * hot).sum() / 6, x)
    same(lambda x: losses.nll_loss(x, tg.tensor(t)), lambda x: -(x * hot).sum() / 6, x)


def test_layer_norm_equals_its_composite() -> None:
    same(lambda x, w, b: layer_norm(x, 5, w, b), plain_layer_norm, *sample((7, 5), (5,), (5,)), tolerance=1e-9)


def test_gelu_is_x_times_the_normal_distribution_function() -> None:
    x = np.concatenate([np.linspace(-37, 12, 800), np.linspace(-1, 1, 201)])
    want = np.array([0.5 * math.erfc(-v / math.sqrt(2)) for v in x])
    np.testing.assert_allclose(fused.normal_cdf(tg.tensor(x)).numpy(), want, rtol=1e-12)
    centre = x[np.abs(x) < 5]
    np.testing.assert_allclose(fused.normal_cdf(tg.tensor(centre)).numpy(), want[np.abs(x) < 5], rtol=1e-14)
    np.testing.assert_allclose(fused.gelu(tg.tensor(x.astype("float32"))).numpy(), x.astype("float32") * want, rtol=1e-5, atol=1e-7)


# ---- numerics ------------------------------------------------------------------------------------------------------


def test_sigmoid_is_accurate_to_the_last_digits() -> None:
    x = np.random.default_rng(0).uniform(-87, 90, 100_000)
    single = x.astype("float32")
    exact = 1 / (1 + np.exp(-single.astype("float64")))
    assert np.max(np.abs(tg.sigmoid(tg.tensor(single)).numpy() - exact) / np.spacing(exact.astype("float32"))) < 4
    wide = np.random.default_rng(1).uniform(-700, 40, 100_000)
    reference = 1 / (1 + np.exp(-wide.astype(np.longdouble)))
    assert np.max(np.abs(tg.sigmoid(tg.tensor(wide)).numpy() / reference - 1)) < 1e-15


ENDS: dict[str, tuple[Function, list[float], list[float], list[float]]] = {
    "sigmoid": (tg.sigmoid, [1000, -1000, 0, inf, -inf], [1, 0, 0.5, 1, 0], [0, 0, 0.25, 0, 0]),
    "logsigmoid": (fused.logsigmoid, [0, 1000, -1000, inf, -inf], [-math.log(2), 0, -1000, 0, -inf], [0.5, 0, 1, 0, 1]),
    "softplus": (fused.softplus, [0, 1000, -1000, inf, -inf], [math.log(2), 1000, 0, inf, 0], [0.5, 1, 0, 1, 0]),
    "silu": (fused.silu, [0, 1000, -1000], [0, 1000, 0], [0.5, 1, 0]),
    "mish": (fused.mish, [0, 1000, -1000], [0, 1000, 0], [0.6, 1, 0]),
    "gelu": (fused.gelu, [0, 1000, -1000], [0, 1000, 0], [0.5, 1, 0]),
    "gelu_tanh": (lambda x: fused.gelu(x, "tanh"), [0, 1000, -1000], [0, 1000, 0], [0.5, 1, 0]),
    "softmax": (lambda x: tg.softmax(x, 0)[0], [-inf, 0], [0], [0, 0]),
    "log_softmax": (lambda x: tg.log_softmax(x, 0)[1], [-inf, 0], [0], [0, 0]),
    "softmax_large": (lambda x: tg.softmax(x, 0), [1000, 1000, -1000], [0.5, 0.5, 0], [0, 0, 0]),
    "softmax_nothing_possible": (lambda x: tg.softmax(x, 0), [-inf, -inf], [nan, nan], [nan, nan]),
}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", ENDS)
def test_values_and_gradients_at_the_ends(name: str, dtype: str) -> None:
    function, points, values, gradients = ENDS[name]
    x = tg.tensor(np.array(points, dtype=dtype), requires_grad=True)
    out = function(x)
    (g,) = tg.autograd.grad(out.sum(), x)
    np.testing.assert_allclose(out.detach().numpy(), np.array(values, dtype=dtype).reshape(out.shape), rtol=1e-6)
    np.testing.assert_allclose(g.numpy(), np.array(gradients, dtype=dtype), rtol=1e-6)


def test_softplus_does_not_overflow_below_a_high_threshold() -> None:
    assert fused.softplus(tg.tensor([800.0]), threshold=1000).item() == 800.0


@pytest.mark.parametrize("name", ["sigmoid", "logsigmoid", "softplus", "silu", "mish", "gelu", "gelu_tanh"])
def test_a_branch_not_taken_gives_no_nan(name: str) -> None:
    x = tg.tensor([nan, 1.0], dtype=tg.float64, requires_grad=True)
    tg.where(tg.tensor([False, True]), ENDS[name][0](x), tg.zeros(2, dtype=tg.float64)).sum().backward()
    assert x.grad is not None
    assert x.grad[0].item() == 0.0
    assert x.grad[1].item() > 0


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_a_row_not_taken_gives_no_nan_to_second_order(name: str) -> None:
    x = tg.tensor([[-inf, -inf], [1.0, 2.0]], dtype=tg.float64, requires_grad=True)
    taken = tg.where(tg.tensor([[False], [True]]), getattr(tg, name)(x, 1), tg.tensor(0.0, dtype=tg.float64))
    (first,) = tg.autograd.grad((taken * tg.tensor([1.0, 3.0], dtype=tg.float64)).sum(), x, create_graph=True)
    (second,) = tg.autograd.grad((first * first).sum(), x)
    for g in (first.detach().numpy(), second.numpy()):
        assert np.array_equal(g[0], [0, 0])
        assert np.isfinite(g).all()
        assert g[1].all()


def test_ignored_targets_hide_nan_of_their_row() -> None:
    x = tg.tensor([[nan, 0.0], [1.0, 2.0]], requires_grad=True)
    losses.cross_entropy(x, tg.tensor([-100, 1])).backward()
    assert x.grad is not None
    assert x.grad[0].tolist() == [0, 0]
    assert x.grad[1, 0].item() > 0


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_dtypes_are_kept_in_values_and_gradients(dtype: str) -> None:
    x, w, b = (tg.tensor(a, requires_grad=True) for a in sample((6, 3), (3, 3), (3,), dtype=dtype))
    t = tg.tensor([0, 1, 2, 0, 1, 2])
    h = layer_norm(fused.gelu(fused.silu(tg.sigmoid(fused.linear(x, w, b)))), 3, b, b)
    loss = losses.cross_entropy(h, t) + losses.mse_loss(h, x) + fused.softplus(fused.logsigmoid(h)).mean() + tg.softmax(h, 1).sum()
    assert all(v.dtype == np.dtype(dtype) for v in (h, loss, *tg.autograd.grad(loss, [x, w, b])))


def test_mse_of_many_float32_keeps_its_digits() -> None:
    x = tg.full((3_000_000,), 0.1)
    assert abs(losses.mse_loss(x, tg.zeros_like(x)).item() / 0.1**2 - 1) < 1e-6


def test_one_input_feature_gives_the_same_as_many() -> None:
    x, w, b = sample((9, 1), (4, 1), (4,), dtype="float32")
    np.testing.assert_allclose(fused.linear(x, w, b), x * w.T + b, rtol=1e-6)
    assert fused.linear(x, w, b).flags.c_contiguous
    assert fused.linear(x, w).flags.c_contiguous


# ---- arrays in, arrays out -----------------------------------------------------------------------------------------


def test_all_functions_take_arrays_and_give_arrays() -> None:
    x, w, b = sample((6, 3), (4, 3), (4,))
    t = np.array([0, 1, 2, 0, 1, 2])
    results = [
        fused.linear(x, w, b), fused.linear(x, w), tg.sigmoid(x), fused.silu(x), fused.logsigmoid(x), fused.softplus(x), fused.gelu(x),
        tg.softmax(x, 1),
        tg.log_softmax(x, 1), layer_norm(x, 3, w[0], w[1]), losses.mse_loss(x, x, reduction="none"),
        losses.cross_entropy(x, t, reduction="none"),
        losses.nll_loss(x, t, w[0], reduction="none", ignore_index=1), losses.cross_entropy(x, t, label_smoothing=0.1, reduction="none"),
        losses.binary_cross_entropy(np.abs(x) / 9, np.abs(x) / 9, reduction="none"),
        losses.binary_cross_entropy_with_logits(x, x, reduction="none"),
    ]  # fmt: skip
    assert all(type(r) is np.ndarray and r.dtype == np.float64 for r in results)
    assert all(np.ndim(f(x, x)) == 0 for f in (losses.mse_loss, losses.binary_cross_entropy_with_logits))


# ---- errors --------------------------------------------------------------------------------------------------------


def test_linear_says_what_does_not_fit() -> None:
    with pytest.raises(ShapeError) as error:
        fused.linear(tg.ones(32, 3), tg.ones(5, 4))
    assert str(error.value) == "linear: input has 3 features in its last dimension, weight expects 4\n  input (32, 3) · weight (5, 4)"
    with pytest.raises(ShapeError, match="bias must have shape \\(5,\\), .* got \\(3,\\)"):
        fused.linear(tg.ones(32, 4), tg.ones(5, 4), tg.ones(3))
    with pytest.raises(DtypeError, match="input float32 · weight float64; convert"):
        fused.linear(tg.ones(32, 4), tg.ones(5, 4, dtype=tg.float64))
    with pytest.raises(ArgumentTypeError, match="weight must be a tensor, got list"):
        fused.linear(tg.ones(32, 4), [[1.0]])  # type: ignore[arg-type]
    with pytest.raises(ArgumentTypeError, match="bias must be a tensor, got float"):
        fused.linear(tg.ones(32, 4), tg.ones(5, 4), 1.0)  # type: ignore[arg-type]


@pytest.mark.parametrize(("x", "y", "remedy"), [
    ((7, 1), (7,), "target.unsqueeze(1)"), ((7,), (7, 1), "input.unsqueeze(1)"), ((1, 4), (3, 1), "same shape"),
    ((5, 1), (2,), "same shape"),
])  # fmt: skip
def test_mse_refuses_to_compare_everything_with_everything(x: tuple[int, ...], y: tuple[int, ...], remedy: str) -> None:
    with pytest.raises(ShapeError, match="everything with everything") as error:
        losses.mse_loss(tg.ones(*x), tg.ones(*y))
    assert remedy in str(error.value)
    assert f"input {x} · target {y}" in str(error.value)


def test_other_errors_say_what_to_do() -> None:
    with pytest.raises(DtypeError, match="softmax: needs a floating point tensor, got int64"):
        tg.softmax(tg.tensor([1, 2]), 0)
    with pytest.raises(DimensionError, match="softmax: dim 1 is out of range"):
        tg.softmax(tg.ones(3), 1)
    with pytest.raises(DimensionError, match="cross_entropy: target 3 is out of bounds; classes are 0 to 2"):
        losses.cross_entropy(tg.ones(2, 3), tg.tensor([0, 3]))
    with pytest.raises(DtypeError, match="class indices must be integers, got float32"):
        losses.cross_entropy(tg.ones(2, 3), tg.tensor([0.0, 1.0]))
    with pytest.raises(ShapeError, match="target must be class indices of shape"):
        losses.cross_entropy(tg.ones(2, 3), tg.tensor([0, 1, 2]))
    with pytest.raises(ArgumentError, match='reduction must be "mean", "sum" or "none", got \'avg\''):
        losses.mse_loss(tg.ones(3), tg.ones(3), reduction="avg")
    with pytest.raises(ShapeError, match="layer_norm: input must end in"):
        layer_norm(tg.ones(2, 3), (2,))
    with pytest.raises(ArgumentError, match="between 0 and 1"):
        losses.binary_cross_entropy(tg.tensor([1.5]), tg.tensor([1.0]))


@pytest.mark.parametrize("shape", [(8, 300), (2, 4, 300), (64, 300), (65, 300), (1, 300)])
def test_few_rows_of_a_large_linear_give_what_many_do(shape: tuple[int, ...]) -> None:
    generator = np.random.default_rng(0)
    x, w, b = (generator.normal(size=size).astype("float32") for size in (shape, (200, 300), (200,)))
    out = tg.nn.functional.linear(tg.from_numpy(x), tg.from_numpy(w), tg.from_numpy(b)).numpy()
    assert out.flags.c_contiguous
    np.testing.assert_allclose(out, x.astype(float) @ w.T.astype(float) + b, rtol=1e-4, atol=1e-4)
