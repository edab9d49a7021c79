"""Attention in several heads, and the transformer made of it. Vaswani et al., Attention is all you need, 2017.

Sequences are (steps, batch, features), or (batch, steps, features) if `batch_first`, or (steps, features). Of masks, True leaves out,
and floats are added to the scores: `..._mask` (steps to, steps from), `..._key_padding_mask` (batch, steps).
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any, cast

from ..creation import empty, full
from ..engine.refusal import typed_errors
from ..errors import ArgumentError, AssertedArgumentError, ShapeError
from ..ops.attention import multi_head_attention_forward
from ..tensor import Tensor
from . import init
from .containers import ModuleList
from .dropout import Dropout
from .functional import gelu, relu
from .linear import Linear
from .module import Module
from .normalization import LayerNorm
from .parameter import Parameter

Activation = Callable[[Tensor], Tensor]


class NonDynamicallyQuantizableLinear(Linear):
    """Linear by the name that PyTorch's text shows for this part of attention."""


class MultiheadAttention(Module):
    """softmax(Q Kᵀ / √head_dim) V in each head, between projections; returns the outputs and the weights.

    query (l, n, embed_dim), key (s, n, kdim), value (s, n, vdim) -> (l, n, embed_dim) and (n, l, s), or (n, heads, l, s) unless
    averaged, or None unless `need_weights`.

    >>> x = tg.ones(2, 5, 8)
    >>> output, weights = tg.nn.MultiheadAttention(8, num_heads=2, batch_first=True)(x, x, x)
    >>> output.shape, weights.shape
    ((2, 5, 8), (2, 5, 5))
    """

    in_proj_weight: Parameter | None
    q_proj_weight: Parameter | None
    k_proj_weight: Parameter | None
    v_proj_weight: Parameter | None
    in_proj_bias: Parameter | None
    bias_k: Parameter | None
    bias_v: Parameter | None

    @typed_errors
    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        if embed_dim <= 0 or num_heads <= 0 or embed_dim % num_heads:
            raise AssertedArgumentError(
                "MultiheadAttention: embed_dim and num_heads must be greater than 0 and embed_dim must be divisible by num_heads, "
                f"got embed_dim={embed_dim} and num_heads={num_heads}"
            )
        super().__init__()
        self.embed_dim = embed_dim
        self.kdim = embed_dim if kdim is None else kdim
        self.vdim = embed_dim if vdim is None else vdim
        self.num_heads = num_heads
        self.dropout = dropout
        self.batch_first = batch_first
        self.head_dim = embed_dim // num_heads
        self.add_zero_attn = add_zero_attn
        alike = self.kdim == self.vdim == embed_dim

        def make(name: str, wanted: bool, *shape: int) -> None:
            self.register_parameter(name, Parameter(empty(shape, device=device, dtype=dtype)) if wanted else None)

        make("q_proj_weight", not alike, embed_dim, embed_dim)
        make("k_proj_weight", not alike, embed_dim, self.kdim)
        make("v_proj_weight", not alike, embed_dim, self.vdim)
        make("in_proj_weight", alike, 3 * embed_dim, embed_dim)
        make("in_proj_bias", bias, 3 * embed_dim)
        self.out_proj = NonDynamicallyQuantizableLinear(embed_dim, embed_dim, bias, device, dtype)
        make("bias_k", add_bias_kv, 1, 1, embed_dim)
        make("bias_v", add_bias_kv, 1, 1, embed_dim)
        self._reset_parameters()

    def _reset_parameters(self) -> None:
        """Draw new initial values."""
        for weight in (self.in_proj_weight, self.q_proj_weight, self.k_proj_weight, self.v_proj_weight):
            if weight is not None:
                init.xavier_uniform_(weight)
        if self.in_proj_bias is not None:
            init.zeros_(self.in_proj_bias)
            init.zeros_(cast(Parameter, self.out_proj.bias))
        for bias in (self.bias_k, self.bias_v):
            if bias is not None:
                init.xavier_normal_(bias)

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        turned = self.batch_first and query.ndim == 3
        if turned:
            query, key, value = _turned(query, key, value)
        out, weights = multi_head_attention_forward(
            query,
            key,
            value,
            self.embed_dim,
            self.num_heads,
            self.in_proj_weight,
            self.in_proj_bias,
            self.bias_k,
            self.bias_v,
            self.add_zero_attn,
            self.dropout,
            self.out_proj.weight,
            self.out_proj.bias,
            self.training,
            key_padding_mask,
            need_weights,
            attn_mask,
            self.in_proj_weight is None,
            self.q_proj_weight,
            self.k_proj_weight,
            self.v_proj_weight,
            average_attn_weights=average_attn_weights,
            is_causal=is_causal,
        )
        return (out.transpose(0, 1) if turned else out), weights


def _turned(query: Tensor, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Batch and steps exchanged; what was one tensor stays one, so that its projections are one product."""
    made = {id(x): x.transpose(0, 1) for x in (query, key, value)}
    return made[id(query)], made[id(key)], made[id(value)]


class _Layer(Module):
    """What layers of encoder and decoder share: blocks with a residual around, the last of which is a network on each step."""

    activation: Activation
    self_attn: MultiheadAttention
    linear1: Linear
    linear2: Linear
    dropout: Dropout
    dropout1: Dropout
    dropout2: Dropout

    def _make(
        self,
        blocks: int,
        d_model: int,
        nhead: int,
        dim_feedforward: int,
        dropout: float,
        activation: str | Activation,
        layer_norm_eps: float,
        batch_first: bool,
        norm_first: bool,
        bias: bool,
        device: Any,
        dtype: Any,
    ) -> None:
        for name in ("self_attn", "multihead_attn")[: blocks - 1]:
            self.add_module(name, MultiheadAttention(d_model, nhead, dropout, bias, batch_first=batch_first, device=device, dtype=dtype))
        self.linear1 = Linear(d_model, dim_feedforward, bias, device, dtype)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, bias, device, dtype)
        self.norm_first = norm_first
        for i in range(1, blocks + 1):
            self.add_module(f"norm{i}", LayerNorm(d_model, layer_norm_eps, bias=bias, device=device, dtype=dtype))
        for i in range(1, blocks + 1):
            self.add_module(f"dropout{i}", Dropout(dropout))
        self.activation = _activation(activation)

    def _around(self, x: Tensor, norm: Module, block: Callable[[Tensor], Tensor]) -> Tensor:
        """x and what the block makes of it, normalized before the block if `norm_first`, else after the sum."""
        return x + block(norm(x)) if self.norm_first else cast(Tensor, norm(x + block(x)))

    def _sa_block(self, x: Tensor, attn_mask: Tensor | None, key_padding_mask: Tensor | None, is_causal: bool = False) -> Tensor:
        """Attention of the sequence to itself; like the other blocks under PyTorch's name, for subclasses that change one."""
        return cast(Tensor, self.dropout1(_attended(self.self_attn, x, x, attn_mask, key_padding_mask, is_causal)))

    def _feed_forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.linear2(self.dropout(self.activation(self.linear1(x)))))


def _activation(given: str | Activation) -> Activation:
    if isinstance(given, str):
        if given not in ("relu", "gelu"):
            raise ArgumentError(f"activation should be relu/gelu, not {given}; or give a function")
        return relu if given == "relu" else gelu
    return given


def _attended(attention: Module, x: Tensor, memory: Tensor, mask: Tensor | None, padding: Tensor | None, is_causal: bool) -> Tensor:
    return cast(Tensor, attention(x, memory, memory, padding, False, mask, is_causal=is_causal)[0])


class TransformerEncoderLayer(_Layer):
    """Attention of a sequence to itself, then linear2(activation(linear1(x))) on each step; each with dropout, residual and norm.

    >>> tg.nn.TransformerEncoderLayer(8, nhead=2, dim_feedforward=16)(tg.ones(5, 2, 8)).shape
    (5, 2, 8)
    """

    norm1: LayerNorm
    norm2: LayerNorm

    @typed_errors
    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: str | Activation = relu,
        layer_norm_eps: float = 1e-05,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        settings = (dim_feedforward, dropout, activation, layer_norm_eps, batch_first, norm_first, bias, device, dtype)
        self._make(2, d_model, nhead, *settings)

    def forward(
        self, src: Tensor, src_mask: Tensor | None = None, src_key_padding_mask: Tensor | None = None, is_causal: bool = False
    ) -> Tensor:
        x = self._around(src, self.norm1, lambda x: self._sa_block(x, src_mask, src_key_padding_mask, is_causal))
        return self._around(x, self.norm2, self._ff_block)

    def _ff_block(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.dropout2(self._feed_forward(x)))


class TransformerDecoderLayer(_Layer):
    """Attention of a sequence to itself and then to `memory`, then linear2(activation(linear1(x))) on each step.

    >>> tg.nn.TransformerDecoderLayer(8, nhead=2, dim_feedforward=16)(tg.ones(3, 2, 8), tg.ones(5, 2, 8)).shape
    (3, 2, 8)
    """

    multihead_attn: MultiheadAttention
    norm1: LayerNorm
    norm2: LayerNorm
    norm3: LayerNorm
    dropout3: Dropout

    @typed_errors
    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: str | Activation = relu,
        layer_norm_eps: float = 1e-05,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        settings = (dim_feedforward, dropout, activation, layer_norm_eps, batch_first, norm_first, bias, device, dtype)
        self._make(3, d_model, nhead, *settings)

    def forward(
        self,
        tgt: Tensor,
        memory: Tensor,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
        tgt_is_causal: bool = False,
        memory_is_causal: bool = False,
    ) -> Tensor:
        x = self._around(tgt, self.norm1, lambda x: self._sa_block(x, tgt_mask, tgt_key_padding_mask, tgt_is_causal))
        x = self._around(x, self.norm2, lambda x: self._mha_block(x, memory, memory_mask, memory_key_padding_mask, memory_is_causal))
        return self._around(x, self.norm3, self._ff_block)

    def _mha_block(
        self, x: Tensor, mem: Tensor, attn_mask: Tensor | None, key_padding_mask: Tensor | None, is_causal: bool = False
    ) -> Tensor:
        return cast(Tensor, self.dropout2(_attended(self.multihead_attn, x, mem, attn_mask, key_padding_mask, is_causal)))

    def _ff_block(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.dropout3(self._feed_forward(x)))


def _copies(layer: Module, count: int) -> ModuleList:
    return ModuleList([copy.deepcopy(layer) for _ in range(count)])


class TransformerEncoder(Module):
    """`num_layers` copies of a layer, one after the other, and then `norm`.

    Padding is computed like everything else: `enable_nested_tensor` and `mask_check`, PyTorch's for a faster evaluation, have no effect.

    >>> layer = tg.nn.TransformerEncoderLayer(8, nhead=2, dim_feedforward=16)
    >>> tg.nn.TransformerEncoder(layer, num_layers=2, enable_nested_tensor=False)(tg.ones(5, 2, 8)).shape
    (5, 2, 8)
    """

    @typed_errors
    def __init__(
        self,
        encoder_layer: Module,
        num_layers: int,
        norm: Module | None = None,
        enable_nested_tensor: bool = True,
        mask_check: bool = True,
    ) -> None:
        super().__init__()
        self.layers = _copies(encoder_layer, num_layers)
        self.num_layers = num_layers
        self.norm = norm
        self.enable_nested_tensor = enable_nested_tensor
        self.mask_check = mask_check

    def forward(
        self, src: Tensor, mask: Tensor | None = None, src_key_padding_mask: Tensor | None = None, is_causal: bool | None = None
    ) -> Tensor:
        for layer in self.layers:
            src = layer(src, src_mask=mask, src_key_padding_mask=src_key_padding_mask, is_causal=bool(is_causal))
        return src if self.norm is None else cast(Tensor, self.norm(src))


class TransformerDecoder(Module):
    """`num_layers` copies of a layer, one after the other, each with the same memory, and then `norm`.

    >>> layer = tg.nn.TransformerDecoderLayer(8, nhead=2, dim_feedforward=16)
    >>> tg.nn.TransformerDecoder(layer, num_layers=2)(tg.ones(3, 2, 8), tg.ones(5, 2, 8)).shape
    (3, 2, 8)
    """

    @typed_errors
    def __init__(self, decoder_layer: Module, num_layers: int, norm: Module | None = None) -> None:
        super().__init__()
        self.layers = _copies(decoder_layer, num_layers)
        self.num_layers = num_layers
        self.norm = norm

    def forward(
        self,
        tgt: Tensor,
        memory: Tensor,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Tensor:
        for layer in self.layers:
            tgt = layer(
                tgt,
                memory,
                tgt_mask=tgt_mask,
                memory_mask=memory_mask,
                tgt_key_padding_mask=tgt_key_padding_mask,
                memory_key_padding_mask=memory_key_padding_mask,
                tgt_is_causal=bool(tgt_is_causal),
                memory_is_causal=memory_is_causal,
            )
        return tgt if self.norm is None else cast(Tensor, self.norm(tgt))


class Transformer(Module):
    """An encoder reads `src`; a decoder that sees its output makes of `tgt` (l, n, d_model) the result, of the same shape.

    >>> model = tg.nn.Transformer(8, 2, num_encoder_layers=1, num_decoder_layers=1, dim_feedforward=16, batch_first=True)
    >>> model(tg.ones(2, 5, 8), tg.ones(2, 3, 8)).shape
    (2, 3, 8)
    """

    encoder: Any
    decoder: Any

    @typed_errors
    def __init__(
        self,
        d_model: int = 512,
        nhead: int = 8,
        num_encoder_layers: int = 6,
        num_decoder_layers: int = 6,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: str | Activation = relu,
        custom_encoder: Any | None = None,
        custom_decoder: Any | None = None,
        layer_norm_eps: float = 1e-05,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        settings = (dim_feedforward, dropout, activation, layer_norm_eps, batch_first, norm_first, bias, device, dtype)

        def norm() -> LayerNorm:
            return LayerNorm(d_model, layer_norm_eps, bias=bias, device=device, dtype=dtype)

        self.encoder = custom_encoder
        if custom_encoder is None:
            self.encoder = TransformerEncoder(TransformerEncoderLayer(d_model, nhead, *settings), num_encoder_layers, norm())
        self.decoder = custom_decoder
        if custom_decoder is None:
            self.decoder = TransformerDecoder(TransformerDecoderLayer(d_model, nhead, *settings), num_decoder_layers, norm())
        self.d_model = d_model
        self.nhead = nhead
        self.batch_first = batch_first
        self._reset_parameters()

    def _reset_parameters(self) -> None:
        """Draw new initial values of all weights with two dims or more."""
        for parameter in self.parameters():
            if parameter.ndim > 1:
                init.xavier_uniform_(parameter)

    def forward(
        self,
        src: Tensor,
        tgt: Tensor,
        src_mask: Tensor | None = None,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
        src_is_causal: bool | None = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Tensor:
        self._check(src, tgt)
        memory = self.encoder(src, mask=src_mask, src_key_padding_mask=src_key_padding_mask, is_causal=src_is_causal)
        made = self.decoder(
            tgt,
            memory,
            tgt_mask=tgt_mask,
            memory_mask=memory_mask,
            tgt_key_padding_mask=tgt_key_padding_mask,
            memory_key_padding_mask=memory_key_padding_mask,
            tgt_is_causal=tgt_is_causal,
            memory_is_causal=memory_is_causal,
        )
        return cast(Tensor, made)

    def _check(self, src: Tensor, tgt: Tensor) -> None:
        given = f"got src {tuple(src.shape)} and tgt {tuple(tgt.shape)}"
        batch = 0 if self.batch_first else 1
        if src.ndim == 3 and src.shape[batch] != tgt.shape[batch]:
            raise ShapeError(f"the batch number of src and tgt must be equal, {given}")
        if src.shape[-1] != self.d_model or tgt.shape[-1] != self.d_model:
            raise ShapeError(f"the feature number of src and tgt must be equal to d_model {self.d_model}, {given}")

    @staticmethod
    def generate_square_subsequent_mask(sz: int, device: Any = None, dtype: Any = None) -> Tensor:
        """(sz, sz): 0 where a step may look, at itself and what is before it, -inf elsewhere."""
        return full((sz, sz), -math.inf, device=device, dtype=dtype).triu(1)
