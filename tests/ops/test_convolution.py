"""Convolutions against their definition as loops; the three directions as transposes; what the errors say."""

from __future__ import annotations

import itertools
import tracemalloc
from typing import Any

import numpy as np
import pytest

import tinygrad_reg as tg
from tinygrad_reg.errors import ArgumentError, ArgumentTypeError, DtypeError, ShapeError
from tinygrad_reg.nn import functional as F
from tinygrad_reg.ops import convolution

from .linear import check_linear

Shape = tuple[int, ...]


def sample(*shapes: Shape) -> list[Any]:
    rng = np.random.default_rng(5)
    return [rng.standard_normal(shape) for shape in shapes]


def by_definition(x: Any, w: Any, stride: Shape, padding: Shape, dilation: Shape, groups: int) -> Any:
    """y[n, m, o] = Σ w[m, c, k] · x[n, c, o · stride + k · dilation - padding], written as loops."""
    x = np.pad(x, ((0, 0), (0, 0), *[(p, p) for p in padding]))
    reach = [d * (k - 1) + 1 for d, k in zip(dilation, w.shape[2:], strict=True)]
    out = np.zeros((len(x), len(w), *[(n - r) // s + 1 for n, r, s in zip(x.shape[2:], reach, stride, strict=True)]))
    each, inner = len(w) // groups, w.shape[1]
    for m in range(len(w)):
        channels = slice(m // each * inner, (m // each + 1) * inner)
        for o in itertools.product(*map(range, out.shape[2:])):
            window = tuple([slice(i * s, i * s + r, d) for i, s, r, d in zip(o, stride, reach, dilation, strict=True)])
            out[(slice(None), m, *o)] = (x[(slice(None), channels, *window)] * w[m]).reshape(len(x), -1).sum(1)
    return out


CASES: list[tuple[Shape, Shape, Shape, Shape, Shape, int]] = [
    ((2, 3, 7), (4, 3, 3), (1,), (0,), (1,), 1), ((2, 4, 9), (6, 2, 3), (2,), (1,), (2,), 2), ((1, 2, 8), (3, 2, 2), (3,), (1,), (3,), 1),
    ((2, 3, 5, 6), (4, 3, 3, 2), (1, 1), (0, 0), (1, 1), 1), ((2, 4, 5, 6), (4, 1, 2, 3), (2, 1), (1, 1), (1, 2), 4),
    ((1, 2, 9, 8), (2, 2, 3, 2), (2, 3), (2, 0), (3, 2), 1), ((2, 3, 4, 4), (2, 3, 1, 1), (1, 1), (0, 0), (1, 1), 1),
    ((2, 2, 3, 3), (2, 2, 3, 3), (1, 1), (0, 0), (1, 1), 1), ((1, 1, 4, 4), (1, 1, 1, 2), (4, 2), (1, 0), (1, 1), 1),
]  # fmt: skip


@pytest.mark.parametrize(("x", "w", "stride", "padding", "dilation", "groups"), CASES)
def test_conv_is_what_it_is_defined_as(x: Shape, w: Shape, stride: Shape, padding: Shape, dilation: Shape, groups: int) -> None:
    a, b = sample(x, w)
    function = F.conv1d if len(x) == 3 else F.conv2d
    got = function(tg.tensor(a), tg.tensor(b), None, stride, padding, dilation, groups)
    np.testing.assert_allclose(got.numpy(), by_definition(a, b, stride, padding, dilation, groups), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("x", "w", "stride", "padding", "dilation", "groups"), CASES)
def test_conv_is_linear_in_each_argument(x: Shape, w: Shape, stride: Shape, padding: Shape, dilation: Shape, groups: int) -> None:
    a, b = (tg.tensor(v.astype(np.float32)) for v in sample(x, w))
    function = F.conv1d if len(x) == 3 else F.conv2d

    def like(fixed: Any, other: Any) -> Any:
        return fixed.to(other.dtype)

    check_linear(lambda t: function(t, like(b, t), None, stride, padding, dilation, groups), x)
    check_linear(lambda t: function(like(a, t), t, None, stride, padding, dilation, groups), w)


def test_conv_transpose_is_the_transpose() -> None:
    x, w, y = sample((2, 3, 5, 6), (4, 3, 3, 2), (2, 4, 2, 3))
    options: dict[str, Any] = {"stride": 2, "padding": (0, 1), "dilation": (1, 2)}
    there = F.conv2d(tg.tensor(x), tg.tensor(w), **options)
    back = F.conv_transpose2d(tg.tensor(y), tg.tensor(w), output_padding=(0, 1), **options)
    assert there.shape == y.shape
    assert back.shape == x.shape
    np.testing.assert_allclose((there * tg.tensor(y)).sum().item(), (back * tg.tensor(x)).sum().item(), rtol=1e-12)


def test_padding_same_keeps_the_size_and_puts_the_odd_element_last() -> None:
    x = tg.tensor([[[1.0, 2.0, 3.0]]])
    assert F.conv1d(x, tg.ones(1, 1, 2), padding="same").tolist() == [[[3.0, 5.0, 3.0]]]
    assert F.conv1d(x, tg.ones(1, 1, 2), padding="valid").tolist() == [[[3.0, 5.0]]]


def test_inputs_without_a_batch() -> None:
    x, w, b = (tg.tensor(v) for v in sample((1, 3, 5, 6), (4, 3, 3, 2), (4,)))
    np.testing.assert_array_equal(F.conv2d(x[0], w, b).numpy(), F.conv2d(x, w, b)[0].numpy())
    np.testing.assert_array_equal(F.conv_transpose2d(x[0], w[:3]).numpy(), F.conv_transpose2d(x, w[:3])[0].numpy())
    np.testing.assert_array_equal(F.unfold(x[0], 2).numpy(), F.unfold(x, 2)[0].numpy())
    np.testing.assert_array_equal(F.fold(F.unfold(x[0], 2), (5, 6), 2).numpy(), F.fold(F.unfold(x, 2), (5, 6), 2)[0].numpy())


def test_conv_is_a_product_with_the_unfolded_input() -> None:
    x, w = (tg.tensor(v) for v in sample((2, 3, 5, 6), (4, 3, 3, 2)))
    product = w.flatten(1) @ F.unfold(x, (3, 2), stride=2, padding=1)
    np.testing.assert_allclose(product.numpy(), F.conv2d(x, w, stride=2, padding=1).flatten(2).numpy(), rtol=1e-12)


def test_masks_have_windows_too() -> None:
    mask = tg.tensor([[[[True, False], [True, True]]]])
    assert F.unfold(mask, 2).tolist() == [[[True], [False], [True], [True]]]


def test_fold_of_unfold_counts_the_windows_of_each_element() -> None:
    ones = tg.ones(1, 1, 3, 3)
    assert F.fold(F.unfold(ones, 2), (3, 3), 2).tolist() == [[[[1.0, 2.0, 1.0], [2.0, 4.0, 2.0], [1.0, 2.0, 1.0]]]]
    check_linear(lambda t: F.unfold(t, (2, 3), dilation=(1, 2), padding=1, stride=2), (2, 3, 5, 6))


def test_a_large_batch_needs_no_more_memory_than_its_columns() -> None:
    x, w = (tg.tensor(v.astype(np.float32)) for v in sample((16, 8, 24, 24), (8, 8, 3, 3)))
    columns = 16 * 8 * 9 * 22 * 22 * 4
    x.requires_grad_()
    w.requires_grad_()
    tracemalloc.start()
    F.conv2d(x, w).sum().backward()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2 * columns


@pytest.mark.parametrize(("call", "error", "said"), [
    (lambda x, w: F.conv2d(x[:, :2], w), ShapeError, r"2 channels, weight .* expects 3\n  input \(1, 2, 4, 5\) · weight \(4, 3, 2, 2\)"),
    (lambda x, w: F.conv2d(x[0, 0], w), ShapeError, r"4 dims \(n, c, h, w\), or 3 without batch, got shape \(4, 5\)"),
    (lambda x, w: F.conv1d(x, w), ShapeError, r"3 dims \(n, c, l\)"),
    (lambda x, w: F.conv2d(x, w[0]), ShapeError, "weight must have 4 dims"),
    (lambda x, w: F.conv2d(x, w, dilation=4), ShapeError, r"reaches over \(5, 5\) elements, the padded input has \(4, 5\)"),
    (lambda x, w: F.conv2d(x, w, tg.ones(3)), ShapeError, r"shape \(4,\), got \(3,\)"),
    (lambda x, w: F.conv2d(x, w, stride=0), ArgumentError, "stride must be 1 or more"),
    (lambda x, w: F.conv2d(x, w, stride=(1, 2, 3)), ArgumentError, "stride needs one integer, or 2"),
    (lambda x, w: F.conv2d(x, w, padding=0.5), ArgumentTypeError, "padding must be an integer"),
    (lambda x, w: F.conv2d(x, w, padding="same", stride=2), ArgumentError, "needs stride 1"),
    (lambda x, w: F.conv2d(x, w, padding="full"), ArgumentError, '"same" or "valid"'),
    (lambda x, w: F.conv2d(x, w, groups=3), ShapeError, "divisible by groups=3"),
    (lambda x, w: F.conv2d(x, w, groups=0), ArgumentError, "groups must be a positive integer"),
    (lambda x, w: F.conv2d(x, w.double()), DtypeError, "dtypes differ"),
    (lambda x, w: F.conv2d(x, [1.0]), ArgumentTypeError, "weight must be a tensor, got list"),
    (lambda x, w: F.conv2d("x", w), ArgumentTypeError, "expected a tensor, got str"),
    (lambda x, w: F.conv_transpose2d(x, w), ShapeError, "input has 3 channels, weight .* expects 4"),
    (lambda x, w: F.conv_transpose2d(x, w[:3], output_padding=1), ArgumentError, "must be smaller than stride"),
    (lambda x, w: F.conv_transpose2d(x, w[:3], padding=9), ShapeError, "less padding"),
    (lambda x, w: F.unfold(x, 6), ShapeError, "larger than"),
    (lambda x, w: F.fold(tg.ones(1, 8, 5), 3, 2), ShapeError, r"lies at 2 · 2 = 4 places"),
    (lambda x, w: F.fold(tg.ones(1, 7, 4), 3, 2), ShapeError, "a multiple of 4"),
])  # fmt: skip
def test_errors_say_what_is_wrong(call: Any, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        call(tg.ones(1, 3, 4, 5), tg.ones(4, 3, 2, 2))


@pytest.mark.parametrize("columns", [1, 100, 200, 10_000])
@pytest.mark.parametrize("samples", [0, 1, 5])
def test_the_plain_way_back_takes_some_samples_after_the_other(columns: int, samples: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(convolution, "_COLUMNS", columns)
    p = convolution.convolution_input
    output, weight = sample((samples, 4, 3, 3), (4, 1, 2, 2))
    params = {"size": (5, 4), "stride": (2, 1), "padding": ((0, 1), (0, 0)), "dilation": (1, 1), "groups": 2}
    assert p.plain is not None
    np.testing.assert_allclose(p.plain(output, weight, **params), p.forward(output, weight, **params), rtol=1e-12, atol=1e-14)
