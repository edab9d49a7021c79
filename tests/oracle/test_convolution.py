"""Convolutions, unfold and fold against torch: values, two orders of gradients, and what both refuse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tinygrad_reg.nn import functional as ours

from .compare import compare, same_error

torch = pytest.importorskip("torch")
theirs = torch.nn.functional

Shape = tuple[int, ...]
inf, nan = float("inf"), float("nan")


def sample(*shapes: Shape, dtype: str = "float64") -> list[Any]:
    rng = np.random.default_rng(len(shapes))
    return [np.asarray(rng.standard_normal(shape)).astype(dtype) for shape in shapes]


def both(name: str, *arrays: Any, second: bool = True, rtol: float | None = None, **keywords: Any) -> None:
    compare(
        lambda *x: getattr(ours, name)(*x, **keywords), lambda *x: getattr(theirs, name)(*x, **keywords), *arrays, second=second, rtol=rtol
    )


def neither(name: str, *arrays: Any, **keywords: Any) -> Exception:
    return same_error(lambda *x: getattr(ours, name)(*x, **keywords), lambda *x: getattr(theirs, name)(*x, **keywords), *arrays)


# ---- convolution ---------------------------------------------------------------------------------------------------------

CONV: list[tuple[Shape, Shape, dict[str, Any]]] = [
    ((2, 3, 7), (4, 3, 3), {}), ((3, 7), (4, 3, 3), {}), ((2, 3, 7), (4, 3, 1), {}), ((2, 3, 7), (4, 3, 7), {}),
    ((2, 3, 7), (4, 3, 3), {"stride": 2}), ((2, 3, 8), (4, 3, 3), {"stride": 2}), ((2, 3, 8), (4, 3, 2), {"stride": 3, "padding": 1}),
    ((2, 3, 8), (4, 3, 1), {"stride": 3}), ((2, 3, 9), (4, 3, 3), {"dilation": 2}), ((2, 3, 9), (4, 3, 3), {"stride": 3, "dilation": 2}),
    ((2, 3, 9), (4, 3, 3), {"stride": 4, "dilation": 2, "padding": 3}), ((2, 3, 9), (4, 3, 4), {"stride": 2, "dilation": 2, "padding": 2}),
    ((2, 4, 7), (6, 2, 3), {"groups": 2, "padding": 1}), ((2, 4, 7), (4, 1, 3), {"groups": 4}),
    ((2, 4, 7), (8, 1, 3), {"groups": 4, "stride": 2}),
    ((2, 3, 7), (4, 3, 4), {"padding": "same"}), ((2, 3, 7), (4, 3, 4), {"padding": "same", "dilation": 3}),
    ((2, 3, 7), (4, 3, 4), {"padding": "valid"}),
    ((0, 3, 7), (4, 3, 3), {}), ((2, 3, 1), (4, 3, 3), {"padding": 5}), ((2, 3, 2), (4, 3, 1), {"padding": 3, "stride": 4}),
    ((2, 3, 6, 5), (4, 3, 3, 2), {}), ((3, 6, 5), (4, 3, 3, 2), {}), ((2, 3, 6, 5), (4, 3, 1, 1), {}), ((2, 3, 6, 5), (4, 3, 6, 5), {}),
    ((2, 3, 6, 5), (4, 3, 3, 2), {"stride": 2}), ((2, 3, 6, 5), (4, 3, 3, 2), {"stride": (1, 3), "padding": (2, 1)}),
    ((2, 3, 6, 5), (4, 3, 2, 3), {"stride": [2], "padding": [1]}), ((2, 3, 9, 8), (4, 3, 3, 2), {"dilation": (3, 2), "stride": (2, 3)}),
    ((2, 3, 7, 7), (4, 3, 3, 3), {"stride": 4, "dilation": 2, "padding": 3}), ((2, 3, 7, 7), (4, 3, 1, 1), {"stride": 2, "padding": 1}),
    ((2, 4, 6, 5), (6, 2, 3, 2), {"groups": 2, "padding": 1}), ((2, 4, 6, 5), (4, 1, 3, 3), {"groups": 4, "padding": 1, "stride": 2}),
    ((2, 3, 6, 5), (4, 3, 4, 3), {"padding": "same"}), ((2, 3, 6, 5), (4, 3, 2, 3), {"padding": "same", "dilation": (1, 2)}),
    ((0, 3, 6, 5), (4, 3, 3, 2), {}), ((1, 1, 1, 1), (1, 1, 3, 3), {"padding": 1}), ((1, 1, 20, 20), (1, 1, 2, 9), {"stride": (7, 5)}),
]  # fmt: skip


def conv(shape: Shape, transposed: bool = False) -> str:
    return f"conv{'_transpose' if transposed else ''}{len(shape) - 2}d"


@pytest.mark.filterwarnings("ignore:Using padding='same'")
@pytest.mark.parametrize(("x", "w", "keywords"), CONV)
def test_conv(x: Shape, w: Shape, keywords: dict[str, Any]) -> None:
    both(conv(w), *sample(x, w), **keywords)
    both(conv(w), *sample(x, w, w[:1]), **keywords)


TRANSPOSED: list[tuple[Shape, Shape, dict[str, Any]]] = [
    ((2, 3, 5), (3, 4, 3), {}), ((3, 5), (3, 4, 3), {}), ((2, 3, 5), (3, 4, 3), {"stride": 2}),
    ((2, 3, 5), (3, 4, 3), {"stride": 3, "output_padding": 2}),
    ((2, 3, 5), (3, 4, 3), {"padding": 1, "dilation": 2}), ((2, 3, 5), (3, 4, 2), {"stride": 4, "padding": 1, "output_padding": 3}),
    ((2, 4, 5), (4, 3, 3), {"groups": 2, "stride": 2}), ((2, 4, 5), (4, 1, 3), {"groups": 4}), ((0, 3, 5), (3, 4, 3), {}),
    ((2, 3, 5), (3, 4, 2), {"dilation": 3, "output_padding": 2}),
    ((2, 3, 4, 5), (3, 4, 3, 2), {}), ((3, 4, 5), (3, 4, 3, 2), {}),
    ((2, 3, 4, 5), (3, 4, 3, 2), {"stride": 2, "padding": 1, "output_padding": 1}),
    ((2, 3, 4, 5), (3, 4, 3, 2), {"stride": (3, 1), "padding": (0, 1), "output_padding": (2, 0)}),
    ((2, 3, 4, 5), (3, 4, 3, 2), {"stride": (3, 2), "dilation": (2, 3), "output_padding": (2, 1)}),
    ((2, 4, 4, 5), (4, 3, 3, 2), {"groups": 2, "stride": 2}), ((2, 3, 4, 5), (3, 4, 1, 1), {"stride": 2}),
    ((2, 3, 1, 1), (3, 4, 4, 4), {"padding": 1}),
]  # fmt: skip


@pytest.mark.parametrize(("x", "w", "keywords"), TRANSPOSED)
def test_conv_transpose(x: Shape, w: Shape, keywords: dict[str, Any]) -> None:
    both(conv(w, True), *sample(x, w), **keywords)
    both(conv(w, True), *sample(x, w, (w[1] * keywords.get("groups", 1),)), **keywords)


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_conv_in_less_precision(dtype: str) -> None:
    second, rtol = dtype == "float32", {"float32": 1e-4, "float16": 2e-2}[dtype]
    both("conv2d", *sample((2, 3, 6, 5), (4, 3, 3, 2), (4,), dtype=dtype), second=second, rtol=rtol, padding=1)
    both("conv1d", *sample((2, 4, 8), (4, 2, 3), (4,), dtype=dtype), second=second, rtol=rtol, stride=2, groups=2)
    both("conv_transpose1d", *sample((2, 3, 5), (3, 4, 3), (4,), dtype=dtype), second=second, rtol=rtol, stride=2)


def test_conv_of_integers_and_of_many_images() -> None:
    both("conv2d", np.arange(48).reshape(1, 3, 4, 4), np.arange(24).reshape(2, 3, 2, 2), np.array([1, 2]))
    both("conv_transpose2d", np.arange(48).reshape(1, 3, 4, 4), np.arange(24).reshape(3, 2, 2, 2))
    both("conv2d", *sample((40, 8, 24, 24), (4, 8, 5, 5), (4,)), rtol=1e-7)  # several parts of the batch
    both("conv2d", *sample((40, 8, 24, 24), (4, 8, 3, 3)), rtol=1e-7, stride=2, padding=1)


def test_conv_of_views() -> None:
    x, w = sample((2, 3, 5, 6), (2, 3, 3, 4))
    compare(lambda x, w: ours.conv2d(x.mT, w.permute(3, 1, 0, 2)), lambda x, w: theirs.conv2d(x.mT, w.permute(3, 1, 0, 2)), x, w)
    x, w = sample((2, 5, 3, 7), (4, 3, 2, 3))
    compare(lambda x, w: ours.conv1d(x[:, ::2, 1], w[..., 0, :]), lambda x, w: theirs.conv1d(x[:, ::2, 1], w[..., 0, :]), x, w)


@pytest.mark.parametrize("place", [(0, 0, 0, 0), (0, 1, 2, 3), (1, 0, 5, 4), (0, 2, 0, 4)])
@pytest.mark.parametrize("value", [inf, nan])
def test_infinities_stay_in_their_windows(value: float, place: Shape) -> None:
    x, w = sample((2, 3, 6, 5), (4, 3, 3, 2))
    x[place] = value
    both("conv2d", x, w, second=False)
    both("conv2d", x, w, second=False, stride=2, padding=1)
    x, w = sample((2, 3, 6, 5), (3, 4, 3, 2))
    w[0, 0, 1, 1] = value
    both("conv_transpose2d", x, w, second=False)


@pytest.mark.parametrize(("x", "w", "b", "keywords"), [
    ((1, 3, 4, 4), (1, 4, 2, 2), None, {}), ((4, 4), (1, 4, 2, 2), None, {}), ((1, 4, 4, 4), (1, 4, 2), None, {}),
    ((1, 4, 4, 4), (1, 4, 5, 2), None, {}),
    ((1, 4, 4, 4), (1, 4, 2, 2), None, {"stride": 0}), ((1, 4, 4, 4), (1, 4, 2, 2), None, {"padding": -1}),
    ((1, 4, 4, 4), (1, 4, 2, 2), None, {"stride": (1, 2, 3)}), ((1, 4, 4, 4), (1, 4, 2, 2), None, {"dilation": 0}),
    ((1, 4, 4, 4), (1, 4, 2, 2), None, {"dilation": 4}), ((1, 4, 4, 4), (1, 4, 2, 2), None, {"groups": 0}),
    ((1, 4, 4, 4), (3, 2, 2, 2), None, {"groups": 2}), ((1, 4, 4, 4), (1, 4, 2, 2), (2,), {}), ((1, 4, 4, 4), (1, 4, 2, 2), (1, 1), {}),
    ((1, 4, 4, 4), (1, 4, 2, 2), None, {"padding": "same", "stride": 2}), ((1, 4, 4, 4), (1, 4, 2, 2), None, {"padding": "full"}),
    ((1, 4, 0, 4), (1, 4, 2, 2), None, {}), ((1, 4, 4, 4), (1, 4, 0, 2), None, {}), ((1, 4, 4, 4), (0, 4, 2, 2), None, {}),
    ((1, 4, 4, 4), (1, 4, 2, 2), None, {"padding": 1.5}), ((1, 4, 0, 4), (1, 4, 2, 2), None, {"padding": 2}),
])  # fmt: skip
def test_conv_refuses_what_torch_refuses(x: Shape, w: Shape, b: Shape | None, keywords: dict[str, Any]) -> None:
    neither("conv2d", *(sample(x, w) if b is None else sample(x, w, b)), **keywords)


@pytest.mark.parametrize(("x", "w", "b", "keywords"), [
    ((1, 3, 4, 4), (4, 1, 2, 2), None, {}), ((1, 4, 4, 4), (4, 1, 2, 2), None, {"output_padding": 1}),
    ((1, 4, 4, 4), (4, 1, 2, 2), None, {"padding": 4}),
    ((1, 4, 4, 4), (4, 1, 2, 2), None, {"output_padding": -1}), ((1, 4, 4, 4), (4, 3, 2, 2), (4,), {}),
    ((1, 4, 4, 4), (4, 3, 2, 2), None, {"groups": 3}),
    ((1, 4, 0, 4), (4, 3, 2, 2), None, {}), ((1, 4, 1, 1), (4, 3, 1, 1), None, {"padding": 1}), ((4, 4), (4, 3, 2, 2), None, {}),
])  # fmt: skip
def test_conv_transpose_refuses_what_torch_refuses(x: Shape, w: Shape, b: Shape | None, keywords: dict[str, Any]) -> None:
    neither("conv_transpose2d", *(sample(x, w) if b is None else sample(x, w, b)), **keywords)


def test_conv_refuses_two_dtypes_and_bool() -> None:
    x, w, b = sample((1, 3, 4, 4), (3, 3, 2, 2), (3,))
    neither("conv2d", x, w, b.astype("float32"))
    for name in ("conv2d", "conv_transpose2d"):
        neither(name, x.astype("float32"), w, b)
        neither(name, x > 0, w > 0)
        function: Callable[..., Any] = getattr(ours, name)
        same_error(lambda x, f=function: f(x, None), lambda x, n=name: getattr(theirs, n)(x, None), x)


# ---- unfold and fold -----------------------------------------------------------------------------------------------------

BLOCKS: list[tuple[Shape, dict[str, Any]]] = [
    ((2, 3, 6, 5), {"kernel_size": 2}), ((3, 6, 5), {"kernel_size": 2}), ((2, 3, 6, 5), {"kernel_size": (3, 2), "stride": 2}),
    ((2, 3, 6, 5), {"kernel_size": (3, 2), "padding": (1, 2), "dilation": (1, 2)}),
    ((2, 3, 6, 5), {"kernel_size": 3, "stride": (3, 1), "padding": 1}),
    ((2, 3, 7, 8), {"kernel_size": 3, "stride": 3, "dilation": 2, "padding": 2}), ((2, 3, 6, 5), {"kernel_size": 1}),
    ((0, 3, 6, 5), {"kernel_size": 2}),
    ((2, 3, 6, 5), {"kernel_size": 1, "stride": 2}),
]  # fmt: skip


@pytest.mark.parametrize(("shape", "keywords"), BLOCKS)
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
def test_unfold_and_fold(shape: Shape, keywords: dict[str, Any], dtype: str) -> None:
    (x,) = sample(shape, dtype=dtype)
    both("unfold", x, rtol=1e-2 if dtype == "float16" else None, **keywords)
    columns = theirs.unfold(torch.tensor(x), **keywords).numpy()
    both("fold", columns, rtol=1e-2 if dtype == "float16" else None, output_size=shape[-2:], **keywords)


@pytest.mark.parametrize(("shape", "keywords"), [
    ((1, 2, 4, 4), {"kernel_size": (5, 2)}), ((1, 2, 4, 4), {"kernel_size": 2, "padding": -1}),
    ((1, 2, 4, 4), {"kernel_size": 2, "stride": 0}),
    ((1, 2, 4, 4), {"kernel_size": 0}), ((1, 2, 4, 4), {"kernel_size": (2, 2, 2)}), ((1, 0, 4, 4), {"kernel_size": 2}),
    ((1, 2, 0, 4), {"kernel_size": 2, "padding": 1}), ((1, 2, 4, 4), {"kernel_size": 2, "dilation": 0}),
])  # fmt: skip
def test_unfold_refuses_what_torch_refuses(shape: Shape, keywords: dict[str, Any]) -> None:
    neither("unfold", np.ones(shape), **keywords)


@pytest.mark.parametrize(("shape", "keywords"), [
    ((1, 8, 8), {}), ((1, 7, 9), {}), ((8,), {}), ((1, 8, 9), {"stride": 0}), ((1, 8, 9), {"output_size": (4, 4, 4)}),
    ((1, 8, 9), {"output_size": (1, 4)}),
])  # fmt: skip
def test_fold_refuses_what_torch_refuses(shape: Shape, keywords: dict[str, Any]) -> None:
    neither("fold", np.ones(shape), **{"output_size": (4, 4), "kernel_size": 2, **keywords})
