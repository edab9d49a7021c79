"""Functions that only layers use, against torch: three dimensions, norms, the way back of maxima, neighbours, lists of classes."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest

import tinygrad_reg as tg
from tinygrad_reg.nn import functional as ours

from .compare import compare, same_error

torch = pytest.importorskip("torch")
theirs: Any = torch.nn.functional
pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")

inf = float("inf")


def sample(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed + len(shape)).standard_normal(shape)


def both(name: str, *arrays: Any, second: bool = True, **keywords: Any) -> None:
    compare(lambda *x: getattr(ours, name)(*x, **keywords), lambda *x: getattr(theirs, name)(*x, **keywords), *arrays, second=second)


def neither(name: str, *arrays: Any, **keywords: Any) -> None:
    same_error(lambda *x: getattr(ours, name)(*x, **keywords), lambda *x: getattr(theirs, name)(*x, **keywords), *arrays)


CONVOLUTIONS: list[dict[str, Any]] = [
    {}, {"stride": 2, "padding": 1}, {"stride": (1, 2, 1), "padding": (0, 1, 2), "dilation": (1, 1, 2)}, {"groups": 2}, {"padding": "same"},
]  # fmt: skip


@pytest.mark.parametrize("keywords", CONVOLUTIONS)
def test_conv3d(keywords: dict[str, Any]) -> None:
    each = 4 // keywords.get("groups", 1)
    both("conv3d", sample(2, 4, 4, 5, 6), sample(2, each, 2, 3, 2), sample(2), **keywords)
    both("conv3d", sample(4, 4, 5, 6), sample(2, each, 2, 3, 2), **keywords)


@pytest.mark.parametrize("keywords", [{}, {"stride": 2, "padding": 1, "output_padding": 1}, {"groups": 2, "dilation": (1, 2, 1)}])
def test_conv_transpose3d(keywords: dict[str, Any]) -> None:
    both("conv_transpose3d", sample(2, 4, 3, 4, 3), sample(4, 2, 2, 3, 2), sample(2 * keywords.get("groups", 1)), **keywords)


WINDOWS: list[dict[str, Any]] = [
    {"kernel_size": 2}, {"kernel_size": (2, 3, 1), "stride": (1, 2, 3)}, {"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True},
]  # fmt: skip


@pytest.mark.parametrize("keywords", WINDOWS)
@pytest.mark.parametrize("shape", [(2, 3, 4, 5, 6), (3, 4, 5, 6)])
def test_pooling_of_three_dimensions(shape: tuple[int, ...], keywords: dict[str, Any]) -> None:
    x = sample(*shape)
    both("max_pool3d", x, **keywords)
    both("max_pool3d", x, **keywords, return_indices=True)
    both("avg_pool3d", x, **keywords)
    both("avg_pool3d", x, **keywords, count_include_pad=False)
    both("avg_pool3d", x, **keywords, divisor_override=5)


@pytest.mark.parametrize("size", [1, 2, (3, None, 2), (4, 5, 6), (5, 7, 6)])
def test_adaptive_pooling_of_three_dimensions(size: Any) -> None:
    x = sample(2, 3, 4, 5, 6)
    both("adaptive_avg_pool3d", x, output_size=size)
    both("adaptive_max_pool3d", x, output_size=size)
    both("adaptive_max_pool3d", x, output_size=size, return_indices=True)


@pytest.mark.parametrize("keywords", [{"scale_factor": 2.0}, {"size": (3, 7, 6)}, {"scale_factor": (1.5, 2, 0.5), "align_corners": True}])
def test_trilinear(keywords: dict[str, Any]) -> None:
    both("interpolate", sample(2, 3, 4, 5, 6), mode="trilinear", **keywords)


@pytest.mark.parametrize("mode", ["nearest", "nearest-exact", "area"])
def test_other_sizes_of_three_dimensions(mode: str) -> None:
    both("interpolate", sample(2, 3, 4, 5, 6), mode=mode, size=(2, 7, 6), second=mode == "area")


@pytest.mark.parametrize("p", [1, 2, 3.0, 0.5, -1.5, inf, -inf])
@pytest.mark.parametrize(("stride", "ceil_mode"), [(None, False), (1, False), (3, True)])
def test_lp_pool(p: float, stride: Any, ceil_mode: bool) -> None:
    for name, shape in (("lp_pool1d", (2, 3, 7)), ("lp_pool2d", (2, 3, 6, 7)), ("lp_pool2d", (3, 6, 7)), ("lp_pool3d", (1, 2, 4, 5, 4))):
        x = sample(*shape)
        both(
            name,
            x if p == 2 else np.abs(x) + 0.1,  # other powers are of positive numbers only
            norm_type=p,
            kernel_size=2,
            stride=stride,
            ceil_mode=ceil_mode,
        )


def test_lp_pool_of_nothing_has_gradient_zero() -> None:
    """torch's is nan."""
    x = tg.tensor([[0.0, 0.0, 3.0, 4.0]], requires_grad=True)
    out = ours.lp_pool1d(x, 2, 2)
    out.sum().backward()
    assert out.tolist() == [[0.0, 5.0]]
    assert x.grad.numpy()[0] == pytest.approx([0.0, 0.0, 0.6, 0.8])


UNPOOLED: list[tuple[tuple[int, ...], dict[str, Any], Any]] = [
    ((2, 3, 8), {"kernel_size": 2}, None),
    ((3, 8), {"kernel_size": 2}, None),
    ((2, 3, 9), {"kernel_size": 2}, (9,)),
    ((2, 3, 9), {"kernel_size": 3, "stride": 3, "padding": 1}, (2, 3, 9)),
    ((2, 3, 6, 8), {"kernel_size": 2}, None),
    ((3, 7, 8), {"kernel_size": (2, 4)}, (7, 8)),
    ((2, 3, 4, 5, 6), {"kernel_size": 2}, (4, 5, 6)),
]


@pytest.mark.parametrize(("shape", "keywords", "size"), UNPOOLED)
def test_max_unpool(shape: tuple[int, ...], keywords: dict[str, Any], size: Any) -> None:
    count = len(shape) - (1 if shape in ((3, 8), (3, 7, 8)) else 2)

    def there_and_back(functions: Any) -> Any:
        def run(x: Any) -> Any:
            out, indices = getattr(functions, f"max_pool{count}d")(x, return_indices=True, **keywords)
            return getattr(functions, f"max_unpool{count}d")(out * out, indices, output_size=size, **keywords)

        return run

    compare(there_and_back(ours), there_and_back(theirs), sample(*shape))


def test_max_unpool_refuses_alike() -> None:
    x, i = sample(1, 2, 3), np.array([[[0, 2, 4], [1, 2, 5]]])
    neither("max_unpool1d", x, i[..., :2], kernel_size=2)
    neither("max_unpool1d", x, i + 2, kernel_size=2)
    neither("max_unpool1d", x, i, kernel_size=2, output_size=(9,))
    neither("max_unpool1d", x, i, kernel_size=2, output_size=(6, 6))
    neither("max_unpool1d", x, i.astype(float), kernel_size=2)


@pytest.mark.parametrize("shape", [(2, 5, 4), (2, 5, 3, 4), (1, 4, 2, 3, 2), (0, 3, 4)])
@pytest.mark.parametrize("settings", [{"size": 2}, {"size": 3, "alpha": 0.5, "beta": 1.5, "k": 2.0}, {"size": 1}, {"size": 7, "alpha": 1}])
def test_local_response_norm(shape: tuple[int, ...], settings: dict[str, Any]) -> None:
    both("local_response_norm", sample(*shape), **settings)


def test_local_response_norm_needs_three_dims() -> None:
    neither("local_response_norm", sample(3, 4), size=2)


@pytest.mark.parametrize(("shape", "groups"), [((2, 6, 4), 3), ((2, 6, 4, 5), 2), ((1, 4, 2, 2, 2), 4), ((2, 4, 3), 1)])
def test_channel_shuffle(shape: tuple[int, ...], groups: int) -> None:
    compare(lambda x: ours.channel_shuffle(x, groups), lambda x: theirs.channel_shuffle(x, groups), sample(*shape), second=False)


def test_channel_shuffle_refuses_alike() -> None:
    for shape, groups in (((2, 6, 4), 4), ((2, 6), 2), ((2, 6, 4), 0)):
        same_error(lambda x, g=groups: ours.channel_shuffle(x, g), lambda x, g=groups: theirs.channel_shuffle(x, g), sample(*shape))


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
def test_multilabel_margin_loss(reduction: str) -> None:
    target = np.array([[3, 1, -1, 2], [0, -1, 2, 2], [1, 2, 3, 0], [-1, 0, 0, 0], [2, 2, -1, -1]])
    compare(
        lambda x: ours.multilabel_margin_loss(x, tg.tensor(target), reduction=reduction),
        lambda x: theirs.multilabel_margin_loss(x, torch.tensor(target), reduction=reduction),
        sample(5, 4), second=False,
    )  # fmt: skip
    compare(
        lambda x: ours.multilabel_margin_loss(x, tg.tensor(target[0]), reduction=reduction),
        lambda x: theirs.multilabel_margin_loss(x, torch.tensor(target[0]), reduction=reduction),
        sample(4), second=False,
    )  # fmt: skip


def test_multilabel_margin_loss_refuses_alike() -> None:
    for x, target in (
        (sample(2, 3), np.array([[0, 1], [1, 0]])),
        (sample(2, 3), sample(2, 3)),
        (sample(1, 2, 3), np.zeros((1, 2, 3), int)),
    ):
        neither("multilabel_margin_loss", x, target)
    with pytest.raises(IndexError, match="multilabel_margin_loss"):
        ours.multilabel_margin_loss(tg.zeros(1, 3), tg.tensor([[3, -1, -1]]))  # torch gives some number


@pytest.mark.parametrize("swap", [False, True])
@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
def test_triplet_margin_with_distance_loss(swap: bool, reduction: str) -> None:
    given = [sample(5, 3, seed=i) for i in range(3)]
    both("triplet_margin_with_distance_loss", *given, swap=swap, margin=2.0, reduction=reduction)
    both("triplet_margin_with_distance_loss", *given, swap=swap, distance_function=lambda x, y: ((x - y) ** 4).sum(-1), reduction=reduction)


def test_triplet_margin_with_distance_loss_refuses_alike() -> None:
    given = [sample(5, 3, seed=i) for i in range(3)]
    neither("triplet_margin_with_distance_loss", *given, margin=-1.0)
    neither("triplet_margin_with_distance_loss", *given, reduction="most")
    neither("triplet_margin_with_distance_loss", *given[:2], sample(3))


@pytest.mark.parametrize("inplace", [False, True])
def test_rrelu_in_evaluation(inplace: bool) -> None:
    compare(
        lambda x: ours.rrelu(x * 2, 0.1, 0.7, False, inplace), lambda x: theirs.rrelu(x * 2, 0.1, 0.7, False, inplace), sample(5, 4)
    )  # fmt: skip


@pytest.mark.parametrize("inplace", [False, True])
def test_rrelu_in_training(inplace: bool) -> None:
    """Slopes are uniform, the same in value and gradient, and 1 for positive numbers."""
    tg.manual_seed(0)
    x = tg.tensor(sample(200, 100), requires_grad=True)
    out = ours.rrelu(x * 1.0, 0.25, 0.5, True, inplace)
    out.sum().backward()
    slopes = out.detach().numpy() / x.detach().numpy()
    np.testing.assert_allclose(x.grad.numpy(), slopes, rtol=1e-12)
    assert (slopes[x.detach().numpy() > 0] == 1).all()
    drawn = slopes[x.detach().numpy() < 0]
    assert 0.25 <= drawn.min() < 0.26
    assert 0.49 < drawn.max() < 0.5
    assert abs(drawn.mean() - 0.375) < 0.005


@pytest.mark.parametrize("name", ["upsample", "upsample_nearest", "upsample_bilinear"])
def test_old_names_of_interpolate(name: str) -> None:
    for settings in ({"size": (3, 7)}, {"scale_factor": 2}):
        with pytest.warns(UserWarning, match="Use `nn.functional.interpolate`"):
            both(name, sample(2, 3, 4, 5), **settings)


def test_leaky_relu_with_drawn_slopes_by_its_name_in_place() -> None:
    compare(lambda x: ours.rrelu_(x * 2, 0.1, 0.7), lambda x: theirs.rrelu_(x * 2, 0.1, 0.7), sample(5, 4))


# ---- sequences of unknown places, and images at any positions ----------------------------------------------------------


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("zero_infinity", [False, True])
@pytest.mark.parametrize("form", ["padded", "in a row", "single"])
def test_ctc_loss(form: str, reduction: str, zero_infinity: bool) -> None:
    """Behind log_softmax, where torch's gradient is the derivative. Second ones torch does not have."""
    targets, given, wanted = np.array([[1, 1, 2], [3, 0, 0], [2, 4, 2], [0, 0, 0]]), [7, 3, 5, 4], [3, 1, 3, 0]
    x = sample(7, 4, 5)
    if form == "in a row":
        targets = np.concatenate([row[:n] for row, n in zip(targets, wanted, strict=True)])
    elif form == "single":
        x, targets, given, wanted = x[:, 0], targets[0], [7], [3]

    def loss(m: Any) -> Any:
        labels = m.tensor(targets)

        def run(x: Any) -> Any:
            log_p = m.nn.functional.log_softmax(x, -1)
            lengths = (m.tensor(given), m.tensor(wanted)) if form == "padded" else (tuple(given), tuple(wanted))
            if form == "single":
                lengths = (m.tensor(given[0]), m.tensor(wanted[0])) if m is torch else (given, wanted)
            return m.nn.functional.ctc_loss(log_p, labels, *lengths, reduction=reduction, zero_infinity=zero_infinity)

        return run

    compare(loss(tg), loss(torch), x, second=False)


@pytest.mark.parametrize("blank", [0, 4])
def test_ctc_loss_of_targets_that_are_too_long(blank: int) -> None:
    targets, x = np.array([[1, 1, 1], [3, 2, 1]]), sample(4, 2, 5)
    for zero_infinity in (False, True):

        def run(m: Any, zero_infinity: bool = zero_infinity) -> Any:
            f = m.nn.functional
            return lambda x: f.ctc_loss(f.log_softmax(x, -1), m.tensor(targets), (4, 0), (3, 3), blank, "none", zero_infinity)

        compare(run(tg), run(torch), x, second=False, grad=zero_infinity)


@pytest.mark.parametrize("align_corners", [None, False, True])
@pytest.mark.parametrize("padding_mode", ["zeros", "border", "reflection"])
@pytest.mark.parametrize(("mode", "count"), [("bilinear", 2), ("nearest", 2), ("bicubic", 2), ("bilinear", 3), ("nearest", 3)])
@pytest.mark.filterwarnings("ignore:Default grid_sample")
def test_grid_sample(mode: str, count: int, padding_mode: str, align_corners: Any) -> None:
    x = sample(2, 3, *(4, 5, 3)[:count])
    grid = np.random.default_rng(1).uniform(-2.5, 2.5, (2, 3, 4, *[2] * (count - 2), count))
    grid[0, 0, 0] = 1.0
    grid[0, 0, 1] = -1.0
    both("grid_sample", x, grid, mode=mode, padding_mode=padding_mode, align_corners=align_corners, second=False)


@pytest.mark.parametrize("align_corners", [None, False, True])
@pytest.mark.parametrize("size", [(2, 3, 4, 5), (2, 1, 1, 3), (2, 3, 2, 4, 3), (2, 2, 1, 1, 1)])
@pytest.mark.filterwarnings("ignore:Default grid_sample")
@pytest.mark.filterwarnings("ignore:Since version 1.3.0, affine_grid behavior has changed")
def test_affine_grid(size: tuple[int, ...], align_corners: Any) -> None:
    count = len(size) - 2
    both("affine_grid", sample(2, count, count + 1), size=size, align_corners=align_corners)


@pytest.mark.parametrize("p", [0, 0.5, 1, 1.5, 2, 3, inf])
def test_pdist(p: float) -> None:
    x = sample(5, 3)
    both("pdist", x, p=p, second=False)
    x[3] = x[1]
    both("pdist", x, p=p, second=False)
    both("pdist", sample(1, 3), p=p, second=False)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_linear_cross_entropy(reduction: str) -> None:
    x, w, b, classes = sample(4, 3), sample(5, 3), sample(5), np.array([0, 4, 2, 2])
    both("linear_cross_entropy", x, w, classes, reduction=reduction)
    both("linear_cross_entropy", x, w, classes, reduction=reduction, ignore_index=2, label_smoothing=0.1)
    both("linear_cross_entropy", x[0], w, classes[0], reduction=reduction)
    both("linear_cross_entropy", x, sample(5, 2, 3), np.stack([classes, classes], 1), reduction=reduction)
    both("linear_cross_entropy", x, w, np.abs(sample(4, 5)), reduction=reduction, second=False)
    for m in (tg, torch):
        with pytest.raises(RuntimeError):
            m.nn.functional.linear_cross_entropy(m.ones(4, 3), m.ones(5, 3), m.ones(4, 5), ignore_index=1)
        with pytest.raises(RuntimeError):
            m.nn.functional.linear_cross_entropy(m.ones(4, 3), m.ones(5, 3), m.tensor(classes), linear_bias=m.ones(4))
    compare(
        *[lambda x, w, b, m=m: m.nn.functional.linear_cross_entropy(x, w, m.tensor(classes), linear_bias=b) for m in (tg, torch)], x, w, b
    )


def test_functions_that_stand_at_the_top_too() -> None:
    names = [n for n in dir(theirs) if inspect.isroutine(getattr(theirs, n)) and getattr(torch, n, None) is getattr(theirs, n)]
    assert len(names) > 15
    assert [n for n in names if hasattr(ours, n) and getattr(tg, n, None) is not getattr(ours, n)] == []


@pytest.mark.parametrize(
    "call",
    [
        lambda m, x: m.celu(x, 0.5), lambda m, x: m.selu(x), lambda m, x: m.rrelu(x, 0.1, 0.3), lambda m, x: m.threshold(x, 0.1, 2.0),
        lambda m, x: m.rms_norm(x, (6,)), lambda m, x: m.max_pool1d(x, 2), lambda m, x: m.max_pool2d(x, 2, 1, 1),
        lambda m, x: m.max_pool3d(x[None], 2), lambda m, x: x.hardshrink(0.2), lambda m, x: m.hardshrink(x),
    ],
)  # fmt: skip
def test_functions_of_layers_at_the_top_and_as_methods(call: Any) -> None:
    compare(lambda x: call(tg, x), lambda x: call(torch, x), sample(2, 4, 6))


def test_prelu_as_a_method() -> None:
    compare(lambda x, w: x.prelu(w), lambda x, w: x.prelu(w), sample(2, 3, 5), sample(3))
