"""Attention: what it composes to, queries that see nothing, shared heads, dropout, errors."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_reg as tg
from tinygrad_reg.errors import ArgumentError, ArgumentTypeError, DtypeError, ShapeError
from tinygrad_reg.nn import functional as F
from tinygrad_reg.ops import attention
from tinygrad_reg.testing import gradcheck

inf = float("inf")


def normal(*shape: int) -> Any:
    return tg.tensor(np.random.default_rng(sum(shape)).standard_normal(shape))


def test_it_is_its_composite() -> None:
    q, k, v = normal(2, 3, 4), normal(2, 5, 4), normal(2, 5, 6)
    weights = (q @ k.mT / 2.0).softmax(-1)
    np.testing.assert_allclose(F.scaled_dot_product_attention(q, k, v).numpy(), (weights @ v).numpy(), rtol=1e-12)
    mask = tg.tensor([[True, False, True, True, False]])
    masked = (q @ k.mT / 2.0).masked_fill(~mask, -inf).softmax(-1)
    np.testing.assert_allclose(F.scaled_dot_product_attention(q, k, v, mask).numpy(), (masked @ v).numpy(), rtol=1e-12)
    gradcheck(lambda q, k, v: F.scaled_dot_product_attention(q, k, v, mask), (q, k, v))
    gradcheck(lambda q, k, v, m: F.scaled_dot_product_attention(q, k, v, m), (q, k, v, normal(3, 5)))


@pytest.mark.parametrize("kind", ["", "bool", "float", "causal"])
def test_many_weights_are_not_kept_and_change_nothing(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    q, k, v, m = normal(2, 3, 4), normal(2, 3, 4), normal(1, 3, 2), normal(3, 3)
    options: dict[str, Any] = {"bool": {"attn_mask": m > 0}, "float": {"attn_mask": m}, "causal": {"is_causal": True}}.get(kind, {})
    leaves = [x.requires_grad_() for x in ((q, k, v, m) if kind == "float" else (q, k, v))]
    found = []
    for limit in (0, 1000):
        monkeypatch.setattr(attention, "_MANY", limit)
        out = F.scaled_dot_product_attention(q, k, v, **options)
        assert (out.grad_fn.name() == "AttentionBackward0") is (limit == 0)
        first = tg.autograd.grad((out * out).sum(), leaves, create_graph=True)
        found.append([out, *first, *tg.autograd.grad(sum((g * g).sum() for g in first), leaves)])
    for x, y in zip(*found, strict=True):
        np.testing.assert_allclose(x.detach().numpy(), y.detach().numpy(), rtol=1e-12, atol=1e-14)


def test_causal_queries_see_no_later_keys() -> None:
    q, k, v = normal(4, 2), normal(4, 2), normal(4, 2).requires_grad_()
    out = F.scaled_dot_product_attention(q, k, v, is_causal=True)
    np.testing.assert_allclose(out[0].tolist(), v[0].tolist())
    (g,) = tg.autograd.grad(out[1].sum(), v)
    assert g[2:].tolist() == [[0.0, 0.0], [0.0, 0.0]]
    assert F.scaled_dot_product_attention(q[:3], k, v, is_causal=True).tolist() == out[:3].tolist()


@pytest.mark.parametrize("kind", ["bool", "float"])
def test_a_query_that_sees_nothing_gets_zero_and_gives_no_gradient(kind: str) -> None:
    q, k, v = (normal(2, 3).requires_grad_() for _ in range(3))
    seen = tg.tensor([[True, True], [False, False]])
    mask = seen if kind == "bool" else tg.where(seen, 0.0, -inf).double()
    out = F.scaled_dot_product_attention(q, k, v, mask)
    assert out[1].tolist() == [0.0, 0.0, 0.0]
    firsts = tg.autograd.grad(out.square().sum(), [q, k, v], create_graph=True)
    seconds = tg.autograd.grad(sum((g.sum() for g in firsts), tg.tensor(0.0).double()), [q, k, v])
    for g in [*firsts, *seconds]:
        assert g.isfinite().all()
    assert firsts[0][1].tolist() == [0.0, 0.0, 0.0]


def test_shared_heads() -> None:
    q, k, v = normal(2, 6, 3, 4), normal(2, 2, 5, 4), normal(2, 2, 5, 4)
    shared = F.scaled_dot_product_attention(q, k, v, enable_gqa=True)
    one = F.scaled_dot_product_attention(q[:, 4], k[:, 1], v[:, 1])
    np.testing.assert_allclose(shared[:, 4].numpy(), one.numpy())


def test_dropout_keeps_the_expectation() -> None:
    tg.manual_seed(0)
    q, k, v = tg.zeros(200, 4), tg.zeros(100, 4), tg.ones(100, 1)
    out = F.scaled_dot_product_attention(q, k, v, dropout_p=0.5)
    assert out.mean().item() == pytest.approx(1.0, abs=0.03)
    assert out.std().item() > 0.05


def test_long_rows_do_not_overflow() -> None:
    q = tg.full((2, 4), 200.0, dtype=tg.float16)
    assert F.scaled_dot_product_attention(q, q / 100.0, q, tg.ones(2, 2).bool()).isfinite().all()


def heads(query: Any, **other: Any) -> Any:
    weight, bias = normal(12, 4), normal(12)
    given = {"in_proj_weight": weight, "in_proj_bias": bias, "heads": 2, "embed": 4, "key": query, "value": query, **other}
    more = {
        name: given.pop(name)
        for name in [n for n in given if n not in ("in_proj_weight", "in_proj_bias", "heads", "embed", "key", "value")]
    }
    return F.multi_head_attention_forward(
        query, given["key"], given["value"], given["embed"], given["heads"], given["in_proj_weight"], given["in_proj_bias"],
        None, None, False, 0.0, normal(4, 4), normal(4), **more,
    )  # fmt: skip


def test_heads_with_and_without_weights_agree() -> None:
    x = normal(3, 2, 4)
    out, weights = heads(x)
    assert (out.shape, weights.shape) == ((3, 2, 4), (2, 3, 3))
    np.testing.assert_allclose(weights.sum(-1).numpy(), 1.0)
    other, none = heads(x, need_weights=False)
    assert none is None
    np.testing.assert_allclose(other.numpy(), out.numpy(), rtol=1e-12)
    single, shown = heads(x[:, 0], average_attn_weights=False)
    np.testing.assert_allclose(single.numpy(), out[:, 0].numpy(), rtol=1e-12)
    assert shown.shape == (2, 3, 3)


q = tg.ones(2, 3, 4)
attend = F.scaled_dot_product_attention


@pytest.mark.parametrize(("call", "error", "says"), [
    (lambda: attend([[1.0]], q, q), ArgumentTypeError, "query must be a tensor"),
    (lambda: attend(q, q, tg.ones(3)), ShapeError, "at least 2 dims"),
    (lambda: attend(q.long(), q.long(), q.long()), DtypeError, "floating point"),
    (lambda: attend(q, q.double(), q), DtypeError, "convert"),
    (lambda: attend(q, tg.ones(2, 3, 5), q), ShapeError, "features"),
    (lambda: attend(q, q, tg.ones(2, 4, 4)), ShapeError, "same length"),
    (lambda: attend(q, q, q, tg.ones(3, 3), is_causal=True), ArgumentError, "either"),
    (lambda: attend(q, q, q, tg.ones(3, 3).long()), DtypeError, "attn_mask"),
    (lambda: attend(q, q, q, tg.ones(3, 4)), ShapeError, "attn_mask must broadcast"),
    (lambda: attend(q, q, q, dropout_p=2.0), ArgumentError, "between 0 and 1"),
    (lambda: attend(tg.ones(3, 2, 4), tg.ones(2, 2, 4), tg.ones(2, 2, 4), enable_gqa=True), ShapeError, "heads"),
    (lambda: heads(tg.ones(4)), ShapeError, "3 dims"),
    (lambda: heads(normal(3, 2, 4), embed=5), ShapeError, "must have 5 features"),
    (lambda: heads(normal(3, 2, 4), heads=3), ArgumentError, "3 heads"),
    (lambda: heads(normal(3, 2, 4), is_causal=True), ArgumentError, "attn_mask"),
    (lambda: heads(normal(3, 2, 4), attn_mask=tg.ones(3, 4).bool()), ShapeError, "attn_mask must be"),
    (lambda: heads(normal(3, 2, 4), key_padding_mask=tg.ones(3, 3).bool()), ShapeError, "key_padding_mask must be"),
    (lambda: heads(normal(3, 2, 4), key_padding_mask=tg.ones(2, 3).long()), DtypeError, "bool or float"),
    (lambda: heads(normal(3, 2, 4), in_proj_weight=None), ArgumentError, "in_proj_weight"),
])  # fmt: skip
def test_errors(call: Callable[[], Any], error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        call()


def test_scale() -> None:
    np.testing.assert_allclose(attend(q, q, q, scale=1 / math.sqrt(4)).numpy(), attend(q, q, q).numpy())
