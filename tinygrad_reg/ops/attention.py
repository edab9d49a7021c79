"""Attention: every query takes the mean of the values, weighted by how well their keys fit it.

Vaswani et al., Attention is all you need, 2017.
"""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ..engine.mutation import Array
from ..engine.node import Value
from ..engine.primitive import primitive
from ..engine.refusal import typed_errors
from ..errors import ArgumentError, AssertedArgumentError, AssertedDtypeError, AssertedShapeError, DtypeError, ShapeError
from .arguments import coefficient, shape_of
from .arrangement import repeat_interleave
from .dropout import check_probability, thinned
from .elementwise import where_p
from .fused import check_float, largest, linear, living, softmax_grad, softmax_p
from .joining import cat, chunk
from .linalg import matmul, matmul_p, mm_p
from .losses import check_tensors
from .padding import pad
from .pointwise import as_array, convert, wide
from .reduction import mean_p, sum_p, widened
from .shape import expand, reshape, squeeze, transpose, unsqueeze

if TYPE_CHECKING:
    from ..tensor import Tensor

_MANY = 1 << 20  # weights of attention: more are computed again on the way back, fewer are kept

# ---- the primitives ------------------------------------------------------------------------------------------------------


@primitive
def safe_softmax(x: Array) -> Array:
    """exp(x) / Σ exp(x) along the last dim; 0 for a row of -inf alone, where softmax would be nan."""
    wide = widened(x)
    top = largest(wide, x.ndim - 1)
    return _normalized(as_array(wide - np.where(top == -math.inf, wide.dtype.type(0), top))).astype(x.dtype, copy=False)


def _normalized(out: Array) -> Array:
    """exp(x) / Σ exp(x) along the last dim in x's own memory, 0 for a row of -inf alone; no x is above 0."""
    np.exp(out, out=out)
    total = sum_p.forward(out, dim=(out.ndim - 1,), keepdim=True)
    out /= np.where(total == 0, out.dtype.type(1), total)
    return out


@primitive
def masked_softmax(x: Array, mask: Array) -> Array:
    """softmax along the last dim of those elements where the mask is true, 0 elsewhere; 0 for a row without any."""
    out = widened(as_array(np.where(mask, x, x.dtype.type(-math.inf))))
    top = largest(out, out.ndim - 1)
    out -= np.where(top == -math.inf, out.dtype.type(0), top)  # in place: scores are the largest arrays of a transformer
    return _normalized(out).astype(x.dtype, copy=False)


@primitive
def attention_weights(query: Array, key: Array, *mask: Array, is_causal: bool, scale: float) -> Array:
    """softmax(query @ key.mT · scale + mask); what a bool mask leaves out is 0."""
    scores: Any = _times(query * scale, key.mT)
    if is_causal:
        return masked_softmax.forward(scores, np.tri(*scores.shape[-2:], dtype=np.bool_))
    if not mask:
        return softmax_p.forward(scores, dim=scores.ndim - 1)
    if mask[0].dtype.kind == "b":
        return masked_softmax.forward(scores, *mask)
    return safe_softmax.forward(scores + mask[0])


@primitive
def attention(query: Array, key: Array, value: Array, *mask: Array, is_causal: bool, scale: float) -> Array:
    """softmax(query @ key.mT · scale + mask) @ value, which keeps no weights: they are computed again on the way back."""
    return _times(attention_weights.forward(query, key, *mask, is_causal=is_causal, scale=scale), value)


def _times(x: Any, y: Any) -> Any:
    """x @ y, whose shapes and dtypes are known to fit."""
    return mm_p(x, y) if y.ndim == 2 else matmul_p(x, y)


def _to_scores(g: Any, weights: Any) -> Any:
    """What arrives at the weights, on its way to the scores that they are the softmax of."""
    last = weights.ndim - 1
    return softmax_grad.bind(g, living(weights, g, last), dim=last)


_RULES: dict[str, Any] = {
    "query": lambda g, key, to_scores, scale: to_scores @ key * scale,
    "key": lambda g, query, to_scores, scale: to_scores.mT @ (query * scale),
    "mask": lambda g, to_scores: to_scores,
}
attention_weights.shares(to_scores=lambda g, out: _to_scores(g, out))
attention_weights.vjp(**_RULES)
attention.shares(
    weights=lambda g, query, key, mask, is_causal, scale: attention_weights.bind(query, key, *mask, is_causal=is_causal, scale=scale),
    to_scores=lambda g, value, weights: _to_scores(g @ value.mT, weights),
)
attention.vjp(value=lambda g, weights: weights.mT @ g, **_RULES)
safe_softmax.vjp(x=lambda g, out, x_shape: softmax_grad.bind(g, out, dim=len(x_shape) - 1))
masked_softmax.vjp(x=lambda g, out, x_shape: softmax_grad.bind(g, out, dim=len(x_shape) - 1), mask=None)

# ---- scaled_dot_product_attention ----------------------------------------------------------------------------------------


@typed_errors
def scaled_dot_product_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """softmax(query @ key.mT · scale + mask) @ value; (..., l, e), (..., s, e), (..., s, v) -> (..., l, v).

    `attn_mask` broadcasts to (..., l, s): bool says with True what takes part, float is added; `is_causal` lets query i see keys
    0 to i. A query that sees nothing gets 0. `scale` is 1 / √e unless given. With `enable_gqa` the heads (dim -3) of key and value
    divide those of query and are shared. Dropout of the weights happens whenever `dropout_p` is not 0. A float32 mask fits every dtype.

    >>> query, key, value = tg.zeros(1, 2), tg.ones(2, 2), tg.tensor([[1.0], [3.0]])
    >>> tg.nn.functional.scaled_dot_product_attention(query, key, value)
    tensor([[2.]])
    """
    what = "scaled_dot_product_attention"
    _check_attention(what, query, key, value, attn_mask, is_causal, enable_gqa)
    if dropout_p != 0.0:
        check_probability(what, dropout_p)
    if enable_gqa:
        key, value = _shared_heads(what, query, key), _shared_heads(what, query, value)
        _check_shapes(what, shape_of(query), shape_of(key), shape_of(value), False)
    shape = shape_of(query)
    factor = 1.0 / math.sqrt(max(shape[-1], 1)) if scale is None else coefficient(scale, what, "scale")
    dtype = query.dtype
    if dtype.char == "e":
        query, key, value = wide(query), wide(key), wide(value)
    masks = () if attn_mask is None else (attn_mask if attn_mask.dtype.kind == "b" else convert(attn_mask, query.dtype),)
    if not dropout_p and math.prod(shape[:-1]) * shape_of(key)[-2] > _MANY:
        return convert(attention.bind(query, key, value, *masks, is_causal=is_causal, scale=factor), dtype)
    weights = attention_weights.bind(query, key, *masks, is_causal=is_causal, scale=factor)
    return convert(_times(thinned(weights, dropout_p) if dropout_p else weights, value), dtype)


def _shared_heads(what: str, query: Any, x: Any) -> Any:
    """The heads of x, repeated so that there are as many as query has."""
    if query.ndim < 3 or x.ndim < 3 or not x.shape[-3] or query.shape[-3] % x.shape[-3]:
        raise ShapeError(
            f"{what}: with enable_gqa the heads (dim -3) of key and value must divide those of query\n  {query.shape} · {x.shape}"
        )
    times = query.shape[-3] // x.shape[-3]
    return x if times == 1 else repeat_interleave(x, times, x.ndim - 3)


def _check_attention(what: str, query: Any, key: Any, value: Any, mask: Any, is_causal: bool, shared: bool) -> None:
    if not (isinstance(query, Value) and isinstance(key, Value) and isinstance(value, Value)):
        check_tensors(what, query=query, key=key, value=value)
    q, k, v = shape_of(query), shape_of(key), shape_of(value)
    _check_shapes(what, q, k, v, shared)
    check_float(what, query)
    dtype = query.dtype
    if key.dtype is not dtype or value.dtype is not dtype:
        _check_dtypes(what, query.dtype, key.dtype, value.dtype)
    if mask is None:
        return
    check_tensors(what, attn_mask=mask)
    if is_causal:
        raise ArgumentError(f"{what}: is_causal is a mask of its own; give either attn_mask or is_causal=True")
    if mask.dtype not in (np.bool_, np.float32, query.dtype):
        raise DtypeError(f"{what}: attn_mask must be bool, float32 or {query.dtype} as query is, got {mask.dtype}")
    try:
        np.broadcast_shapes(mask.shape, (q[-2], k[-2]))
    except ValueError:
        told = f"attn_mask must broadcast to (..., {q[-2]}, {k[-2]}), got {tuple(mask.shape)}"
        raise ShapeError(f"{what}: {told}{_shown(q, k, v)}") from None


def _check_dtypes(what: str, query: Any, key: Any, value: Any) -> None:
    if not query == key == value:
        raise DtypeError(f"{what}: the dtypes differ: query {query} · key {key} · value {value}; convert with .to(dtype)")


@functools.lru_cache(maxsize=256)
def _check_shapes(what: str, q: tuple[int, ...], k: tuple[int, ...], v: tuple[int, ...], shared: bool) -> None:
    """Raise ShapeError unless query, key and value of these shapes fit each other; of the batches only if heads are not `shared`."""
    for name, shape in (("query", q), ("key", k), ("value", v)):
        if len(shape) < 2:
            raise ShapeError(f"{what}: {name} needs at least 2 dims, (length, features), got shape {shape}")
    if q[-1] != k[-1]:
        raise ShapeError(f"{what}: query and key must have the same number of features, the last dim{_shown(q, k, v)}")
    if k[-2] != v[-2]:
        raise ShapeError(f"{what}: key and value must have the same length, dim -2{_shown(q, k, v)}")
    if shared:
        return
    try:
        np.broadcast_shapes(q[:-2], k[:-2], v[:-2])
    except ValueError:
        raise ShapeError(f"{what}: the batch dims of query, key and value do not broadcast{_shown(q, k, v)}") from None


def _shown(query: tuple[int, ...], key: tuple[int, ...], value: tuple[int, ...]) -> str:
    return f"\n  query {query} · key {key} · value {value}"


# ---- multi_head_attention_forward ----------------------------------------------------------------------------------------


@typed_errors
def multi_head_attention_forward(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    embed_dim_to_check: int,
    num_heads: int,
    in_proj_weight: Tensor | None,
    in_proj_bias: Tensor | None,
    bias_k: Tensor | None,
    bias_v: Tensor | None,
    add_zero_attn: bool,
    dropout_p: float,
    out_proj_weight: Tensor,
    out_proj_bias: Tensor | None,
    training: bool = True,
    key_padding_mask: Tensor | None = None,
    need_weights: bool = True,
    attn_mask: Tensor | None = None,
    use_separate_proj_weight: bool = False,
    q_proj_weight: Tensor | None = None,
    k_proj_weight: Tensor | None = None,
    v_proj_weight: Tensor | None = None,
    static_k: Tensor | None = None,
    static_v: Tensor | None = None,
    average_attn_weights: bool = True,
    is_causal: bool = False,
) -> tuple[Tensor, Tensor | None]:
    """Attention in several heads between projections; (l, n, e), (s, n, ·), (s, n, ·) -> (l, n, e) and its weights; or all without n.

    `key_padding_mask` (n, s) and `attn_mask` (l, s) or (n · heads, l, s): bool says with True what is left out, float is added.
    The weights, (n, l, s), or (n, heads, l, s) unless averaged, come only with `need_weights`. `is_causal` declares attn_mask causal.

    >>> x, w, out = tg.ones(3, 1, 2), tg.zeros(6, 2), tg.eye(2)
    >>> y, weights = tg.nn.functional.multi_head_attention_forward(
    ...     x, x, x, 2, 1, w, None, None, None, False, 0.0, out, None
    ... )
    >>> y.shape, weights.shape
    ((3, 1, 2), (1, 3, 3))
    """
    what = "multi_head_attention_forward"
    _check_heads(what, query, key, value, embed_dim_to_check, num_heads, attn_mask, is_causal)
    batched = query.ndim == 3
    if not batched:
        same, alike = key is query and value is query, value is key
        query = unsqueeze(query, 1)
        key = query if same else unsqueeze(key, 1)
        value = key if alike else unsqueeze(value, 1)
        key_padding_mask = None if key_padding_mask is None else unsqueeze(key_padding_mask, 0)
    length, n, embed = query.shape
    mask, padding = _as_float(what, attn_mask, query), _as_float(what, key_padding_mask, query)
    q, k, v = _projected(
        what,
        query,
        key,
        value,
        in_proj_weight,
        in_proj_bias,
        q_proj_weight if use_separate_proj_weight else None,
        k_proj_weight,
        v_proj_weight,
    )
    if bias_k is not None and bias_v is not None:
        k, v = cat((k, expand(bias_k, (1, n, embed)))), cat((v, expand(bias_v, (1, n, embed))))
        mask, padding = _longer(mask), _longer(padding)
    q = _heads(q, num_heads)
    k = _heads(k, num_heads) if static_k is None else static_k
    v = _heads(v, num_heads) if static_v is None else static_v
    if add_zero_attn:
        k, v = pad(k, (0, 0, 0, 1)), pad(v, (0, 0, 0, 1))
        mask, padding = _longer(mask), _longer(padding)
    mask = _joined(what, mask, padding, n, num_heads, length, k.shape[1])
    p = dropout_p if training else 0.0
    if need_weights:
        scores = matmul(q * (1.0 / math.sqrt(q.shape[-1])), k.mT)
        weights = softmax_p.bind(scores if mask is None else scores + mask, dim=2)
        if p:
            weights = thinned(weights, p)
        out = _merged(matmul(weights, v), n)
        shown = reshape(weights, (n, num_heads, length, k.shape[1]))
        shown = mean_p.bind(shown, dim=(1,), keepdim=False) if average_attn_weights else shown
    else:
        out, shown = _merged(scaled_dot_product_attention(q, k, v, mask, p), n), None
    out = linear(out, out_proj_weight, out_proj_bias)
    if batched:
        return out, shown
    return squeeze(out, 1), None if shown is None else squeeze(shown, 0)


def _heads(x: Any, heads: int) -> Any:
    """(s, n, e) -> (n · heads, s, e / heads)."""
    length, n, embed = x.shape
    return transpose(reshape(x, (length, n * heads, embed // heads)), 0, 1)


def _merged(x: Any, n: int) -> Any:
    """(n · heads, l, e / heads) -> (l, n, e)."""
    count, length, features = x.shape
    return reshape(transpose(x, 0, 1), (length, n, count // n * features))


def _longer(mask: Any) -> Any:
    """The mask, which lets all queries see one key more."""
    return None if mask is None else pad(mask, (0, 1))


def _as_float(what: str, mask: Any, query: Any) -> Any:
    """A mask to be added: -inf where a bool mask is true."""
    if mask is None:
        return None
    if mask.dtype.kind == "b":
        return convert(where_p(mask, -math.inf, 0.0), query.dtype)
    if mask.dtype.kind != "f":
        raise AssertedDtypeError(f"{what}: masks must be bool or float, got {mask.dtype}; convert with .bool()")
    return convert(mask, query.dtype)


def _joined(what: str, mask: Any, padding: Any, n: int, heads: int, length: int, source: int) -> Any:
    """Both masks as one that broadcasts to (n · heads, length, source)."""
    if mask is not None and tuple(mask.shape) not in ((length, source), (n * heads, length, source)):
        raise AssertedShapeError(
            f"{what}: attn_mask must be ({length}, {source}) or ({n * heads}, {length}, {source}), got {tuple(mask.shape)}"
        )
    if padding is None:
        return mask
    if tuple(padding.shape) != (n, source):
        raise AssertedShapeError(f"{what}: key_padding_mask must be ({n}, {source}), got {tuple(padding.shape)}")
    spread = reshape(expand(reshape(padding, (n, 1, 1, source)), (n, heads, 1, source)), (n * heads, 1, source))
    return spread if mask is None else mask + spread


def _projected(what: str, query: Any, key: Any, value: Any, weight: Any, bias: Any, q_weight: Any, k_weight: Any, v_weight: Any) -> Any:
    """query, key and value times their parts of the packed weight, as one product where they are one tensor; or separate weights."""
    if q_weight is not None:
        if k_weight is None or v_weight is None:
            raise ArgumentError(f"{what}: separate projections need q_proj_weight, k_proj_weight and v_proj_weight")
        b = (None, None, None) if bias is None else chunk(bias, 3)
        return linear(query, q_weight, b[0]), linear(key, k_weight, b[1]), linear(value, v_weight, b[2])
    if weight is None:
        raise ArgumentError(f"{what}: give in_proj_weight, or use_separate_proj_weight=True and the three weights")
    if query is key and key is value:
        return chunk(linear(query, weight, bias), 3, -1)
    w, b = chunk(weight, 3), (None, None, None) if bias is None else chunk(bias, 3)
    return linear(query, w[0], b[0]), linear(key, w[1], b[1]), linear(value, w[2], b[2])


def _check_heads(what: str, query: Any, key: Any, value: Any, embed: int, heads: int, mask: Any, is_causal: bool) -> None:
    check_tensors(what, query=query, key=key, value=value)
    shapes = f"\n  query {tuple(query.shape)} · key {tuple(key.shape)} · value {tuple(value.shape)}"
    if query.ndim not in (2, 3) or not query.ndim == key.ndim == value.ndim:
        raise AssertedShapeError(f"{what}: query, key and value need 3 dims, (length, n, features), or 2 each{shapes}")
    if query.shape[-1] != embed:
        raise AssertedShapeError(f"{what}: query must have {embed} features, its last dim{shapes}")
    if heads < 1 or embed % heads:
        raise AssertedArgumentError(f"{what}: {embed} features cannot be divided into {heads} heads")
    if key.shape[:-1] != value.shape[:-1]:
        raise AssertedShapeError(f"{what}: key and value must agree in length and n{shapes}")
    if query.ndim == 3 and query.shape[1] != key.shape[1]:
        batches = f"query has a batch of {query.shape[1]}, key of {key.shape[1]}"
        raise ShapeError(f"{what}: {batches}; they must be the same: dim 1, or dim 0 with batch_first=True{shapes}")
    if is_causal and mask is None:
        raise ArgumentError(f"{what}: is_causal only says that attn_mask is causal; give attn_mask too")
