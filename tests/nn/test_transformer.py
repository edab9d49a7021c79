"""What masks mean for attention and the transformer, and what batches and orders do not change."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_reg as tg
from tinygrad_reg import nn
from tinygrad_reg.errors import ArgumentError, ShapeError

FUTURE = nn.Transformer.generate_square_subsequent_mask(4, dtype=tg.float64)


def close(a: tg.Tensor, b: tg.Tensor) -> None:
    np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-10, atol=1e-12)


def decoder(batch_first: bool = False) -> Any:
    tg.manual_seed(0)
    return nn.TransformerDecoderLayer(6, 2, 8, 0.0, batch_first=batch_first).double()


def test_attention_is_its_formula() -> None:
    tg.manual_seed(0)
    layer = nn.MultiheadAttention(4, 2).double()
    x, y = tg.randn(3, 4, dtype=tg.float64), tg.randn(5, 4, dtype=tg.float64)
    out, weights = layer(x, y, y, average_attn_weights=False)
    q, k, v = (given @ w.mT for given, w in zip((x, y, y), layer.in_proj_weight.chunk(3), strict=True))
    heads = []
    for h, part in enumerate((slice(0, 2), slice(2, 4))):
        p = (q[:, part] @ k[:, part].mT / 2**0.5).softmax(-1)
        close(weights[h], p)
        heads.append(p @ v[:, part])
    close(out, tg.cat(heads, 1) @ layer.out_proj.weight.mT)


def test_a_causal_layer_does_not_look_ahead() -> None:
    layer = nn.TransformerEncoderLayer(6, 2, 8, 0.0).double()
    x = tg.randn(4, 1, 6, dtype=tg.float64, requires_grad=True)
    layer(x, FUTURE, is_causal=True)[1].square().backward(tg.randn(1, 6, dtype=tg.float64))  # the sum of what was normalized is constant
    assert x.grad[:2].abs().sum().item() > 0
    assert not x.grad[2:].any()


def test_padding_does_not_matter() -> None:
    layer = decoder(batch_first=True)
    x, memory = tg.randn(2, 4, 6, dtype=tg.float64), tg.randn(2, 3, 6, dtype=tg.float64)
    padding = tg.tensor([[False, False, True], [False, False, False]])
    changed = memory.masked_fill(padding[:, :, None], 7.0)
    close(layer(x, memory, memory_key_padding_mask=padding), layer(x, changed, memory_key_padding_mask=padding))
    close(layer(x, memory, memory_key_padding_mask=padding)[:1], layer(x[:1], memory[:1, :2]))


def test_forms_of_a_batch() -> None:
    first, second = decoder(True), decoder()
    x, memory = tg.randn(2, 4, 6, dtype=tg.float64), tg.randn(2, 3, 6, dtype=tg.float64)
    want = first(x, memory)
    close(second(x.transpose(0, 1), memory.transpose(0, 1)).transpose(0, 1), want)
    close(tg.stack([second(a, b) for a, b in zip(x, memory, strict=True)]), want)


def test_copies_of_a_layer_are_apart() -> None:
    layer = nn.TransformerEncoderLayer(4, 2, 3)
    encoder = nn.TransformerEncoder(layer, 3)
    assert len({id(p) for p in (*encoder.parameters(), *layer.parameters())}) == 4 * len(list(layer.parameters()))


def test_a_transformer_is_its_parts() -> None:
    tg.manual_seed(0)
    whole: Any = nn.Transformer(6, 2, 2, 1, 8, 0.0, batch_first=True).double()
    src, tgt = tg.randn(2, 3, 6, dtype=tg.float64), tg.randn(2, 4, 6, dtype=tg.float64)
    x = src
    for layer in whole.encoder.layers:
        x = layer(x)
    want = whole.decoder.norm(whole.decoder.layers[0](tgt, whole.encoder.norm(x), FUTURE))
    close(whole(src, tgt, tgt_mask=FUTURE, tgt_is_causal=True), want)


def test_mistakes() -> None:
    with pytest.raises(ArgumentError, match="embed_dim=5 and num_heads=2"):
        nn.MultiheadAttention(5, 2)
    with pytest.raises(ArgumentError, match="relu/gelu, not sin"):
        nn.TransformerEncoderLayer(4, 2, activation="sin")
    model = nn.Transformer(4, 2, 1, 1, 3)
    with pytest.raises(ShapeError, match="batch number"):
        model(tg.ones(3, 2, 4), tg.ones(3, 1, 4))
    with pytest.raises(ShapeError, match="d_model 4"):
        model(tg.ones(3, 2, 4), tg.ones(3, 2, 5))
