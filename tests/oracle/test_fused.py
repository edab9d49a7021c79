"""Fused functions against torch: activations, linear, softmax, layer_norm and the losses, at ordinary points and at extreme ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

import tinygrad_reg as tg
from tinygrad_reg.ops import fused, losses
from tinygrad_reg.ops.normalization import layer_norm

from .compare import compare, same_error

torch = pytest.importorskip("torch")
F = torch.nn.functional

nan, inf = float("nan"), float("inf")
Shape = tuple[int, ...]
FLOATS = ["float64", "float32", "float16"]


def sample(*shapes: Shape, dtype: str = "float64") -> list[Any]:
    rng = np.random.default_rng(len(shapes))
    return [np.asarray(rng.standard_normal(shape)).astype(dtype) for shape in shapes]


def both(ours: Callable[..., Any], theirs: Callable[..., Any], *arrays: Any, rough: Sequence[str] = ("float16",), **keywords: Any) -> None:
    """Same values and gradients; second ones but for `rough` dtypes, in which they are mostly rounding."""
    second = all(str(a.dtype) not in rough for a in arrays)
    compare(lambda *x: ours(*x, **keywords), lambda *x: theirs(*x, **keywords), *arrays, second=second)


def neither(ours: Callable[..., Any], theirs: Callable[..., Any], *arrays: Any, **keywords: Any) -> Exception:
    return same_error(lambda *x: ours(*x, **keywords), lambda *x: theirs(*x, **keywords), *arrays)


# ---- activations ---------------------------------------------------------------------------------------------------

ACTIVATIONS: dict[str, tuple[Callable[..., Any], Callable[..., Any], dict[str, Any]]] = {
    "sigmoid": (fused.sigmoid, torch.sigmoid, {}),
    "silu": (fused.silu, F.silu, {}),
    "logsigmoid": (fused.logsigmoid, F.logsigmoid, {}),
    "softplus": (fused.softplus, F.softplus, {}),
    "softplus_2": (fused.softplus, F.softplus, {"beta": 2, "threshold": 1.5}),
    "softplus_negative": (fused.softplus, F.softplus, {"beta": -0.5}),
    "softplus_always": (fused.softplus, F.softplus, {"threshold": 2000}),
    "gelu": (fused.gelu, F.gelu, {}),
    "gelu_tanh": (fused.gelu, F.gelu, {"approximate": "tanh"}),
}


ROUGH = {"gelu_tanh": ("float16", "float32")}


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("shape", [(), (1,), (0,), (3, 0), (7,), (40, 3)])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation(name: str, shape: Shape, dtype: str) -> None:
    ours, theirs, keywords = ACTIVATIONS[name]
    both(ours, theirs, *(3 * a for a in sample(shape, dtype=dtype)), rough=ROUGH.get(name, ("float16",)), **keywords)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation_at_extreme_points(name: str) -> None:
    ours, theirs, keywords = ACTIVATIONS[name]
    points = np.array([0.0, -0.0, 1e-300, -1e-300, 1e-8, -1e-8, 5.0, -5.0, 25.0, -25.0, 100.0, -100.0, 1000.0, -1000.0, nan])
    if name == "softplus_always":
        points = points[np.abs(points) < 80]  # above, torch overflows
    for dtype in ("float64", "float32"):
        both(ours, theirs, points.astype(dtype), rough=ROUGH.get(name, ()), **keywords)


@pytest.mark.parametrize("dtype", ["int64", "int32", "uint8", "bool"])
def test_sigmoid_of_integers_is_the_default_float(dtype: str) -> None:
    both(tg.sigmoid, torch.sigmoid, np.array([0, 1, 3]).astype(dtype))


def test_gelu_refuses_other_approximations() -> None:
    neither(fused.gelu, F.gelu, np.ones(3), approximate="erf")


# ---- linear --------------------------------------------------------------------------------------------------------

LINEAR: list[tuple[Shape, Shape, Shape | None]] = [
    ((2, 3), (4, 3), (4,)), ((2, 3), (4, 3), None), ((3,), (4, 3), (4,)), ((3,), (4, 3), None), ((5, 2, 3), (4, 3), (4,)),
    ((5, 2, 3), (4, 3), None),
    ((2, 1), (4, 1), (4,)), ((2, 1), (4, 1), None), ((1,), (4, 1), (4,)), ((5, 2, 1), (4, 1), (4,)), ((2, 3), (1, 3), (1,)),
    ((2, 1), (1, 1), (1,)),
    ((0, 3), (4, 3), (4,)), ((2, 0), (4, 0), (4,)), ((2, 3), (0, 3), (0,)), ((0, 1), (4, 1), (4,)), ((5, 0, 3), (4, 3), (4,)),
    ((2, 3), (4, 3), (1,)), ((2, 3), (4, 3), ()), ((2, 3), (4, 3), (2, 4)), ((2, 3), (4, 3), (2, 1)), ((5, 2, 3), (4, 3), (2, 4)),
    ((2, 1), (4, 1), (2, 4)),
    ((3,), (3,), None), ((2, 3), (3,), None), ((5, 2, 3), (3,), None), ((100, 1), (50, 1), (50,)), ((100, 50), (5, 50), (5,)),
]  # fmt: skip


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize(("x", "w", "b"), LINEAR)
def test_linear(x: Shape, w: Shape, b: Shape | None, dtype: str) -> None:
    arrays = sample(x, w, dtype=dtype) if b is None else sample(x, w, b, dtype=dtype)
    both(fused.linear, F.linear, *arrays)


def test_linear_of_integers_and_of_views() -> None:
    x, w, b = (np.arange(n).reshape(shape) for n, shape in ((6, (2, 3)), (12, (4, 3)), (4, (4,))))
    both(fused.linear, F.linear, x, w, b)
    x, w, b = sample((3, 2), (3, 4), (4,))
    compare(lambda x, w, b: fused.linear(x.mT, w.mT, b), lambda x, w, b: F.linear(x.mT, w.mT, b), x, w, b)
    compare(lambda x, w, b: fused.linear(x[:1].mT, w[::3].mT, b), lambda x, w, b: F.linear(x[:1].mT, w[::3].mT, b), x, w, b)
    compare(lambda x, w, b: fused.linear(x[None].mT, w.mT, b), lambda x, w, b: F.linear(x[None].mT, w.mT, b), x, w, b)


def test_linear_lets_nan_through() -> None:
    for k in (1, 3):
        both(fused.linear, F.linear, np.zeros((2, k)), np.full((4, k), nan), np.ones(4))
        both(fused.linear, F.linear, np.zeros((2, k)), np.full((4, k), inf), np.ones(4))
        both(fused.linear, F.linear, np.zeros((2, k)), np.ones((4, k)), np.array([nan, inf, -inf, 1.0]))


@pytest.mark.parametrize(("x", "w", "b"), [
    ((2, 3), (4, 2), None), ((2, 3), (4, 2), (4,)), ((), (4, 2), None), ((2, 3), (2, 4, 3), None), ((2, 3), (4, 3), (3,)),
    ((2, 3), (4, 3), (5, 2, 4)),
    ((3,), (4, 3), (2, 4)), ((2, 3), (2,), None),
])  # fmt: skip
def test_linear_refuses_what_torch_refuses(x: Shape, w: Shape, b: Shape | None) -> None:
    neither(fused.linear, F.linear, *(sample(x, w) if b is None else sample(x, w, b)))


def test_linear_refuses_two_dtypes() -> None:
    x, w, b = sample((2, 3), (4, 3), (4,))
    for changed in ("float32", "int64"):
        neither(fused.linear, F.linear, x.astype(changed), w, b)
        neither(fused.linear, F.linear, x, w.astype(changed))
        neither(fused.linear, F.linear, x, w, b.astype(changed))
    neither(fused.linear, F.linear, x > 0, w > 0)


# ---- softmax -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize(("shape", "dim"), [
    ((), 0), ((), -1), ((1,), 0), ((5,), 0), ((0,), 0), ((2, 3), 0), ((2, 3), 1), ((2, 3), -1), ((0, 3), 0), ((0, 3), 1), ((3, 0), 1),
    ((4, 3, 5), 1),
    ((600, 3), 1), ((600, 3), 0), ((5, 40), 1),
])  # fmt: skip
def test_softmax(shape: Shape, dim: int, dtype: str) -> None:
    (x,) = sample(shape, dtype=dtype)
    both(tg.softmax, torch.softmax, x, dim=dim)
    both(tg.log_softmax, torch.log_softmax, x, dim=dim)


@pytest.mark.parametrize(
    "row", [[-inf, 0.0], [-inf, -inf], [inf, 0.0], [1000.0, -1000.0], [-1000.0, -1001.0], [nan, 0.0], [1000.0, 1000.0], [-inf, 1.0, 2.0]]
)
def test_softmax_of_extreme_rows(row: list[float]) -> None:
    for dtype in ("float64", "float32"):
        x = np.array([row, np.ones(len(row))], dtype=dtype)
        both(tg.softmax, torch.softmax, x, dim=1)
        compare(lambda x: tg.log_softmax(x, 1), lambda x: torch.log_softmax(x, 1), x, second=False)


def test_softmax_converts_to_a_dtype() -> None:
    (x,) = sample((2, 3))
    for source in ("int64", "float32", "float64"):
        for name in ("softmax", "log_softmax"):
            for ours, theirs in ((tg.float64, torch.float64), (tg.float32, torch.float32)):
                compare(
                    lambda x, n=name, t=ours: getattr(tg, n)(x, 1, dtype=t), lambda x, n=name, t=theirs: getattr(torch, n)(x, 1, dtype=t),
                    x.astype(source), rtol=2e-5, second=False,
                )  # fmt: skip


def test_softmax_refuses_what_torch_refuses() -> None:
    for name in ("softmax", "log_softmax"):
        neither(getattr(tg, name), getattr(torch, name), np.ones(3), dim=1)
        neither(getattr(tg, name), getattr(torch, name), np.ones((2, 3)), dim=-3)
        neither(getattr(tg, name), getattr(torch, name), np.ones(3, dtype=np.int64), dim=0)


# ---- layer_norm ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize(
    ("x", "over"), [((2, 3), (3,)), ((2, 3), (2, 3)), ((5,), (5,)), ((4, 2, 3), (3,)), ((4, 2, 3), (2, 3)), ((0, 3), (3,))]
)
def test_layer_norm(x: Shape, over: Shape, dtype: str) -> None:
    a, w, b = sample(x, over, over, dtype=dtype)
    layer_norms_agree(a, w, b, over)


def layer_norms_agree(a: Any, w: Any, b: Any, over: Shape) -> None:
    """All four forms; torch's own second gradient needs a weight, so it gets ones."""
    ones = torch.tensor(np.ones_like(w))
    both(layer_norm, lambda a, normalized_shape: F.layer_norm(a, normalized_shape, ones), a, normalized_shape=over)
    both(lambda a, w: layer_norm(a, over, w), lambda a, w: F.layer_norm(a, over, w), a, w)
    both(lambda a, b: layer_norm(a, over, None, b), lambda a, b: F.layer_norm(a, over, ones, b), a, b)
    both(lambda a, w, b: layer_norm(a, over, w, b, 0.1), lambda a, w, b: F.layer_norm(a, over, w, b, 0.1), a, w, b)


@pytest.mark.parametrize("x", [(2, 1), (300, 40), (3, 2000)])
def test_layer_norm_of_few_and_of_many(x: Shape) -> None:
    layer_norms_agree(*sample(x, x[1:], x[1:]), x[1:])


def test_layer_norm_of_constants_and_of_nothing() -> None:
    ones = torch.ones(3, dtype=torch.float64)
    both(layer_norm, lambda a, normalized_shape: F.layer_norm(a, normalized_shape, ones), np.ones((2, 3)), normalized_shape=(3,))
    compare(lambda a: layer_norm(a, (0,)), lambda a: F.layer_norm(a, (0,)), np.ones((2, 0)), grad=False)


def test_layer_norm_refuses_what_torch_refuses() -> None:
    a, w = sample((2, 3), (3,))
    neither(layer_norm, F.layer_norm, a, normalized_shape=(2,))
    neither(layer_norm, F.layer_norm, a, normalized_shape=())
    neither(lambda a, w: layer_norm(a, (3,), w[:2]), lambda a, w: F.layer_norm(a, (3,), w[:2]), a, w)
    neither(lambda a, w: layer_norm(a, (3,), w), lambda a, w: F.layer_norm(a, (3,), w), a, w.astype("float32"))
    neither(lambda a: layer_norm(a, (3,)), lambda a: F.layer_norm(a, (3,)), a.astype("int64"))


# ---- losses --------------------------------------------------------------------------------------------------------

REDUCTIONS = ["mean", "sum", "none"]


@pytest.mark.filterwarnings("ignore:Using a target size")
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize(
    ("x", "y"),
    [((), ()), ((3,), (3,)), ((0,), (0,)), ((4, 3), (4, 3)), ((3, 1), (1, 1)), ((3, 1), ()), ((4, 3), (3,)), ((100, 50), (100, 50))],
)
def test_mse_loss(x: Shape, y: Shape, reduction: str, dtype: str) -> None:
    a, b = sample(x, y, dtype=dtype)
    both(losses.mse_loss, F.mse_loss, a, b, reduction=reduction)


def test_mse_loss_promotes_and_weighs() -> None:
    a, b, w = sample((4, 3), (4, 3), (4, 3))
    compare(losses.mse_loss, F.mse_loss, a.astype("float32"), b, rtol=1e-5)
    both(losses.mse_loss, F.mse_loss, a, np.arange(12).reshape(4, 3))
    for reduction in REDUCTIONS:
        compare(
            lambda a, b, w, r=reduction: losses.mse_loss(a, b, reduction=r, weight=w),
            lambda a, b, w, r=reduction: F.mse_loss(a, b, reduction=r, weight=w),
            a,
            b,
            w,
        )


@pytest.mark.filterwarnings("ignore:Using a target size")
def test_mse_loss_refuses_what_torch_refuses() -> None:
    neither(losses.mse_loss, F.mse_loss, np.ones(3), np.ones(4))
    neither(losses.mse_loss, F.mse_loss, np.ones(3), np.ones(3), reduction="average")
    neither(losses.mse_loss, F.mse_loss, np.ones(3, dtype=np.int64), np.ones(3, dtype=np.int64))
    neither(lambda a, w: losses.mse_loss(a, a, weight=w), lambda a, w: F.mse_loss(a, a, weight=w), np.ones(3), np.ones(1))


CLASSES: list[Shape] = [(5, 3), (3,), (5, 3, 4), (5, 3, 4, 2), (0, 3), (1, 1), (200, 10)]


def targets(shape: Shape) -> tuple[Any, int]:
    """Class indices for an input of this shape, and the number of classes."""
    dim = 0 if len(shape) == 1 else 1
    count = shape[dim]
    return np.asarray(np.random.default_rng(7).integers(0, count, shape[:dim] + shape[dim + 1 :])), count


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("shape", CLASSES)
def test_losses_of_classes(shape: Shape, reduction: str) -> None:
    (x,) = sample(shape)
    t, count = targets(shape)
    w = np.linspace(0.5, 2.0, count)
    for ours, theirs in ((losses.nll_loss, F.nll_loss), (losses.cross_entropy, F.cross_entropy)):
        both(ours, theirs, x, t, reduction=reduction)
        if t.ndim < 2:
            both(ours, theirs, x, t.astype("uint8"), reduction=reduction)
        both(ours, theirs, x, t, reduction=reduction, ignore_index=0)
        compare(
            lambda x, t, w, f=ours: f(x, t, w, reduction=reduction),
            lambda x, t, w, f=theirs: f(x, t, w, reduction=reduction),
            x,
            t,
            w,
            wrt=[0],
        )
        compare(
            lambda x, t, w, f=ours: f(x, t, w, reduction=reduction, ignore_index=0), lambda x, t, w,
            f=theirs: f(x, t, w, reduction=reduction, ignore_index=0),
            x, t, w, wrt=[0],
        )  # fmt: skip
        if t.size:
            both(ours, theirs, x, np.full_like(t, -100), reduction=reduction)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("shape", CLASSES)
def test_cross_entropy_with_smoothing(shape: Shape, reduction: str) -> None:
    (x,) = sample(shape)
    t, count = targets(shape)
    w = np.linspace(0.5, 2.0, count)
    for keywords in ({"label_smoothing": 0.2}, {"label_smoothing": 1.0}, {"label_smoothing": 0.2, "ignore_index": 0}):
        options = {**keywords, "reduction": reduction}
        both(losses.cross_entropy, F.cross_entropy, x, t, **options)
        compare(
            lambda x, t, w, o=options: losses.cross_entropy(x, t, w, **o),
            lambda x, t, w, o=options: F.cross_entropy(x, t, w, **o),
            x,
            t,
            w,
            wrt=[0],
        )


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("shape", CLASSES)
def test_cross_entropy_with_probabilities(shape: Shape, reduction: str) -> None:
    x, p = sample(shape, shape)
    w = np.linspace(0.5, 2.0, targets(shape)[1])
    for keywords in ({}, {"label_smoothing": 0.2}):
        options = {**keywords, "reduction": reduction}
        both(losses.cross_entropy, F.cross_entropy, x, np.abs(p), **options)
        compare(
            lambda x, t, w, o=options: losses.cross_entropy(x, t, w, **o),
            lambda x, t, w, o=options: F.cross_entropy(x, t, w, **o),
            x,
            np.abs(p),
            w,
            wrt=[0, 1],
        )


def test_cross_entropy_in_float32_and_at_extreme_logits() -> None:
    t = np.array([0, 1])
    for dtype in FLOATS:
        both(losses.cross_entropy, F.cross_entropy, *sample((2, 3), dtype=dtype), t)
    both(losses.cross_entropy, F.cross_entropy, np.array([[1000.0, -1000.0], [1000.0, -1000.0]]), t)
    both(losses.cross_entropy, F.cross_entropy, np.array([[0.0, -inf], [-inf, 3.0]]), t, reduction="none")


def test_losses_of_classes_refuse_what_torch_refuses() -> None:
    x, t = np.ones((2, 3)), np.array([0, 1])
    for ours, theirs in ((losses.nll_loss, F.nll_loss), (losses.cross_entropy, F.cross_entropy)):
        neither(ours, theirs, x, np.array([0, 3]))
        neither(ours, theirs, x, np.array([0, -1]))
        neither(ours, theirs, x, np.array([0, 1, 2]))
        neither(ours, theirs, x, np.array([0.0, 1.0]))
        neither(ours, theirs, x, t, reduction="average")
        neither(lambda x, t, f=ours: f(x, t, x[0, :2]), lambda x, t, f=theirs: f(x, t, x[0, :2]), x, t)
    neither(losses.cross_entropy, F.cross_entropy, x.astype("int64"), t)
    neither(losses.cross_entropy, F.cross_entropy, x, t, label_smoothing=1.5)
    neither(losses.cross_entropy, F.cross_entropy, x, np.ones((2, 3), dtype=np.int64))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("shape", [(), (3,), (0,), (4, 3)])
def test_binary_cross_entropy(shape: Shape, reduction: str, dtype: str) -> None:
    x, y, w = sample(shape, shape, shape, dtype=dtype)
    p, t = (1 / (1 + np.exp(-a)).astype(dtype) for a in (x, y))
    p, t = np.asarray(p), np.asarray(t)
    both(losses.binary_cross_entropy, F.binary_cross_entropy, p, t, reduction=reduction)
    compare(
        lambda p, t, w: losses.binary_cross_entropy(p, t, w, reduction=reduction), lambda p, t,
        w: F.binary_cross_entropy(p, t, w, reduction=reduction),
        p, t, w, wrt=[0, 1],
    )  # fmt: skip
    logits, theirs = losses.binary_cross_entropy_with_logits, F.binary_cross_entropy_with_logits
    both(logits, theirs, x, t, reduction=reduction)
    compare(lambda x, t, w: logits(x, t, w, reduction=reduction), lambda x, t, w: theirs(x, t, w, reduction=reduction), x, t, w, wrt=[0, 1])
    compare(
        lambda x, t, w: logits(x, t, pos_weight=w, reduction=reduction),
        lambda x, t, w: theirs(x, t, pos_weight=w, reduction=reduction),
        x,
        t,
        np.abs(w),
        wrt=[0, 1],
    )


def test_binary_cross_entropy_at_the_ends() -> None:
    p, t = np.array([0.0, 0.3, 1.0, 0.5, 0.0, 1.0]), np.array([1.0, 0.2, 0.0, 0.5, 0.0, 1.0])
    compare(
        lambda p, t: losses.binary_cross_entropy(p, t, reduction="none"), lambda p, t: F.binary_cross_entropy(p, t, reduction="none"),
        p, t, rtol=1e-8,
    )  # fmt: skip
    x, t = np.array([1000.0, -1000.0, 0.0, 1000.0, -1000.0]), np.array([1.0, 0.0, 0.5, 0.0, 1.0])
    for ours, theirs in ((losses.binary_cross_entropy_with_logits, F.binary_cross_entropy_with_logits),):
        both(ours, theirs, x, t, reduction="none")


def test_binary_cross_entropy_refuses_what_torch_refuses() -> None:
    p, t = np.full(3, 0.5), np.full(3, 0.2)
    for ours, theirs in (
        (losses.binary_cross_entropy, F.binary_cross_entropy), (losses.binary_cross_entropy_with_logits, F.binary_cross_entropy_with_logits)
    ):  # fmt: skip
        neither(ours, theirs, p, t[:, None])
        neither(ours, theirs, p, np.ones(3, dtype=np.int64))
        neither(ours, theirs, p, t, reduction="average")
    neither(losses.binary_cross_entropy, F.binary_cross_entropy, p + 1, t)
    neither(losses.binary_cross_entropy, F.binary_cross_entropy, p, t + 1)
    neither(losses.binary_cross_entropy, F.binary_cross_entropy, p * nan, t)
    neither(losses.binary_cross_entropy, F.binary_cross_entropy, p, t.astype("float32"))
