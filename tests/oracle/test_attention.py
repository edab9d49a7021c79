"""Attention against torch: masks of all kinds, shared heads, the projections of several heads."""

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


def sample(*shapes: Shape, dtype: str = "float64") -> list[Any]:
    rng = np.random.default_rng(len(shapes))
    return [np.asarray(rng.standard_normal(shape)).astype(dtype) for shape in shapes]


def both(call: Callable[..., Any], *arrays: Any, rtol: float | None = None) -> None:
    """`call(F, *tensors)` with our functions and with torch's, in that of its ways that can be differentiated twice."""
    exact = all(a.dtype != np.float32 for a in arrays)
    with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
        compare(lambda *x: call(ours, *x), lambda *x: call(theirs, *x), *arrays, second=exact, rtol=rtol or (1e-8 if exact else 2e-4))


CASES: list[tuple[Shape, Shape, Shape]] = [
    ((3, 4), (5, 4), (5, 2)),
    ((2, 3, 4), (2, 5, 4), (2, 5, 4)),
    ((2, 3, 4, 6), (2, 3, 5, 6), (2, 3, 5, 2)),
    ((1, 4), (1, 4), (1, 4)),
    ((2, 0, 4), (2, 3, 4), (2, 3, 4)),
]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("q", "k", "v"), CASES)
def test_scaled_dot_product_attention(q: Shape, k: Shape, v: Shape, dtype: str) -> None:
    x = sample(q, k, v, dtype=dtype)
    both(lambda F, q, k, v: F.scaled_dot_product_attention(q, k, v), *x)
    both(lambda F, q, k, v: F.scaled_dot_product_attention(q, k, v, scale=0.3), *x)
    both(lambda F, q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True), *x)
    lengths = (q[-2], k[-2])
    seen = np.random.default_rng(0).random(lengths) < 0.6
    if lengths[0] and lengths[1]:
        seen[:, 0] = True
    both(lambda F, q, k, v, m: F.scaled_dot_product_attention(q, k, v, m), *x, seen)
    (added,) = sample(lengths, dtype=dtype)
    both(lambda F, q, k, v, m: F.scaled_dot_product_attention(q, k, v, m), *x, added)


def test_masks_for_each_sample_and_for_each_key() -> None:
    x = sample((2, 3, 4, 6), (2, 3, 5, 6), (2, 3, 5, 2))
    for shape in ((2, 1, 4, 5), (1, 5), (2, 3, 4, 5), (4, 1)):
        (mask,) = sample(shape)
        both(lambda F, q, k, v, m: F.scaled_dot_product_attention(q, k, v, m), *x, mask)
        both(lambda F, q, k, v, m: F.scaled_dot_product_attention(q, k, v, m), *x, mask > -0.5)


def test_a_mask_of_single_precision_fits_every_dtype() -> None:
    (mask,) = sample((4, 5), dtype="float32")
    call = lambda F, q, k, v, m: F.scaled_dot_product_attention(q, k, v, m)  # noqa: E731
    both(call, *sample((4, 6), (5, 6), (5, 2)), mask, rtol=1e-6)
    compare(lambda *x: call(ours, *x), lambda *x: call(theirs, *x), *sample((4, 6), (5, 6), (5, 2), dtype="float16"), mask, grad=False)


def test_queries_that_see_nothing() -> None:
    x = sample((3, 4), (5, 4), (5, 2))
    seen = np.ones((3, 5), bool)
    seen[1] = False
    compare(
        lambda q, k, v, m: ours.scaled_dot_product_attention(q, k, v, m),
        lambda q, k, v, m: theirs.scaled_dot_product_attention(q, k, v, m),
        *x,
        seen,
        second=False,
    )


def test_shared_heads() -> None:
    x = sample((2, 6, 4, 3), (2, 2, 5, 3), (2, 2, 5, 3))
    both(lambda F, q, k, v: F.scaled_dot_product_attention(q, k, v, enable_gqa=True), *x)


def test_attention_refuses_what_torch_refuses() -> None:
    x = sample((2, 3, 4), (2, 5, 4), (2, 5, 4))
    for call in (
        lambda F, q, k, v: F.scaled_dot_product_attention(q, k[..., :3], v),
        lambda F, q, k, v: F.scaled_dot_product_attention(q, k, v[:, :4]),
        lambda F, q, k, v: F.scaled_dot_product_attention(q, k.float(), v),
        lambda F, q, k, v: F.scaled_dot_product_attention(q[0, 0], k, v),
        lambda F, q, k, v: F.scaled_dot_product_attention(q, k, v, q[0], is_causal=True),
        lambda F, q, k, v: F.scaled_dot_product_attention(q, k, v, q[:, :2]),
    ):
        same_error(lambda *a, f=call: f(ours, *a), lambda *a, f=call: f(theirs, *a), *x)


# ---- several heads -------------------------------------------------------------------------------------------------------

WEIGHT, BIAS, OUT, OUT_BIAS = sample((12, 4), (12,), (4, 4), (4,))


def several(
    F: Any,
    q: Any,
    k: Any,
    v: Any,
    w: Any,
    b: Any,
    wo: Any,
    bo: Any,
    *,
    bias_k: Any = None,
    bias_v: Any = None,
    zero: bool = False,
    **keywords: Any,
) -> Any:
    out, weights = F.multi_head_attention_forward(q, k, v, 4, 2, w, b, bias_k, bias_v, zero, 0.0, wo, bo, **keywords)
    return out if weights is None else (out, weights)


@pytest.mark.parametrize("need_weights", [True, False])
@pytest.mark.parametrize("average", [True, False])
@pytest.mark.parametrize(("q", "k"), [((3, 2, 4), (5, 2, 4)), ((3, 4), (5, 4))])
def test_several_heads(q: Shape, k: Shape, average: bool, need_weights: bool) -> None:
    x, fixed = sample(q, k, k), (WEIGHT, BIAS, OUT, OUT_BIAS)
    options = {"need_weights": need_weights, "average_attn_weights": average}
    both(lambda F, *a: several(F, *a, **options), *x, *fixed)
    both(lambda F, q, k, *a: several(F, q, k, k, *a, **options), *x[:2], *fixed)
    both(lambda F, q, *a: several(F, q, q, q, *a, **options), x[0], *fixed)
    both(lambda F, q, w, wo: several(F, q, q, q, w, None, wo, None, **options), x[0], WEIGHT, OUT)
    both(lambda F, *a: several(F, *a, zero=True, **options), *x, *fixed)


@pytest.mark.parametrize("need_weights", [True, False])
def test_masks_of_several_heads(need_weights: bool) -> None:
    x, fixed = sample((3, 2, 4), (5, 2, 4), (5, 2, 4)), (WEIGHT, BIAS, OUT, OUT_BIAS)
    left_out = np.random.default_rng(0).random((3, 5)) < 0.4
    padded = np.array([[False, True, False, False, True], [False, False, False, True, True]])
    left_out[:, 0] = False
    options = {"need_weights": need_weights}
    both(lambda F, *a: several(F, *a[:-1], attn_mask=a[-1], **options), *x, *fixed, left_out)
    both(lambda F, *a: several(F, *a[:-1], key_padding_mask=a[-1], **options), *x, *fixed, padded)
    both(lambda F, *a: several(F, *a[:-2], attn_mask=a[-2], key_padding_mask=a[-1], **options), *x, *fixed, left_out, padded)
    both(lambda F, *a: several(F, *a[:-2], attn_mask=a[-2], key_padding_mask=a[-1], zero=True, **options), *x, *fixed, left_out, padded)
    (added,) = sample((4, 3, 5))
    both(lambda F, *a: several(F, *a[:-1], attn_mask=a[-1], **options), *x, *fixed, added)
    causal = ~np.tri(3, 5, dtype=bool)
    both(lambda F, *a: several(F, *a[:-1], attn_mask=a[-1], is_causal=True, **options), *x, *fixed, causal)
    bias = sample((1, 1, 4), (1, 1, 4))
    both(lambda F, *a: several(F, *a[:-3], bias_k=a[-3], bias_v=a[-2], attn_mask=a[-1], **options), *x, *fixed, *bias, left_out)
    static = sample((4, 6, 2), (4, 6, 2))
    both(lambda F, *a: several(F, *a[:-2], static_k=a[-2], static_v=a[-1], **options), *x, *fixed, *static)


def test_separate_projections() -> None:
    x = sample((3, 2, 4), (5, 2, 3), (5, 2, 6))
    weights = sample((4, 4), (4, 3), (4, 6), (12,))

    def call(F: Any, q: Any, k: Any, v: Any, wq: Any, wk: Any, wv: Any, b: Any, wo: Any) -> Any:
        return several(F, q, k, v, None, b, wo, None, use_separate_proj_weight=True, q_proj_weight=wq, k_proj_weight=wk, v_proj_weight=wv)

    both(call, *x, *weights, OUT)
