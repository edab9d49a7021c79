"""The table behind the benchmark of single operations: name -> the call and its inputs, at about 8, 1,000 and 1,000,000 elements.

A call takes the library, whose names are PyTorch's, and the inputs as its tensors; so both libraries run the same code.
"""

from __future__ import annotations

from collections.abc import Callable
from fnmatch import fnmatch
from typing import Any, NamedTuple

import numpy as np

SIZES = (8, 1_000, 1_000_000)
Shapes = tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]  # one per size
Maker = Callable[[int, np.random.Generator], Any]  # (which size, random numbers) -> array

FLAT: Shapes = ((8,), (1_000,), (1_000_000,))
MATRIX: Shapes = ((2, 4), (25, 40), (1_000, 1_000))
ROWS: Shapes = ((2,), (25,), (1_000,))
COLUMNS: Shapes = ((4,), (40,), (1_000,))
SQUARE: Shapes = ((3, 3), (32, 32), (1_000, 1_000))
SIDE: Shapes = ((3,), (32,), (1_000,))
FACTOR: Shapes = ((2, 2), (22, 22), (700, 700))  # of a matrix product; both together hold the elements
BATCH: Shapes = ((2, 2, 2), (10, 10, 10), (100, 100, 100))
SIGNAL: Shapes = ((1, 2, 4), (4, 5, 50), (16, 64, 1_000))
IMAGES: Shapes = ((1, 2, 2, 2), (4, 4, 8, 8), (32, 32, 32, 32))
CHANNELS: Shapes = ((2,), (4,), (32,))
HEADS: Shapes = ((1, 1, 2, 4), (1, 2, 16, 32), (8, 8, 128, 128))  # batch, heads, tokens, width


class Case(NamedTuple):
    """What is called, and what makes its inputs."""

    call: Callable[..., Any]
    inputs: tuple[Maker, ...]
    differentiable: bool = True  # in PyTorch, which raises at backward where it is not


def real(shapes: Shapes = FLAT, low: float = -2.0, high: float = 2.0) -> Maker:
    """Uniform float32 numbers."""
    return lambda i, rng: rng.uniform(low, high, shapes[i]).astype(np.float32)


def integers(limits: Shapes | int, shapes: Shapes = FLAT) -> Maker:
    """Indices below the first size in `limits`."""
    return lambda i, rng: rng.integers(0, limits if isinstance(limits, int) else limits[i][0], shapes[i])


def bools(shapes: Shapes = FLAT) -> Maker:
    """True for about half."""
    return lambda i, rng: rng.random(shapes[i]) < 0.5


def ones(shapes: Shapes = FLAT) -> Maker:
    """Float32 ones."""
    return lambda i, _: np.ones(shapes[i], np.float32)


def signs(shapes: Shapes = FLAT) -> Maker:
    """-1 or 1."""
    return lambda i, rng: rng.choice(np.array([-1.0, 1.0], np.float32), shapes[i])


def order(sizes: Shapes = ROWS) -> Maker:
    """The indices below a size, shuffled."""
    return lambda i, rng: rng.permutation(sizes[i][0])


def _named(name: str) -> Callable[..., Any]:
    """A call of the function of that name, from the library or, with the prefix `nn.functional.`, from there."""
    plain = name.removeprefix("nn.functional.")
    if plain != name:
        return lambda L, *inputs: getattr(L.nn.functional, plain)(*inputs)
    return lambda L, *inputs: getattr(L, name)(*inputs)


def _family(names: str, *inputs: Maker) -> dict[str, Case]:
    return {name: Case(_named(name), inputs) for name in names.split()}


def _case(call: Callable[..., Any], *inputs: Maker) -> Case:
    return Case(call, inputs)


#: Elements by elements; the shape is kept.
ELEMENTWISE: dict[str, Case] = {
    **_family("abs neg sign exp exp2 expm1 square sin cos tan atan sinh cosh tanh asinh sigmoid erf erfc floor ceil round trunc", real()),
    **_family("log log2 log10 log1p sqrt rsqrt reciprocal", real(low=0.1)),
    **_family("asin acos atanh", real(low=-0.9, high=0.9)),
    **_family("acosh", real(low=1.1)),
    **_family("logit", real(low=0.1, high=0.9)),
    **_family("nan_to_num isnan isinf isfinite", real()),
    **_family("add sub mul maximum minimum logaddexp eq ne lt le gt ge isclose", real(), real()),
    **_family("remainder atan2", real(), real(low=0.1)),
    "floor_divide": Case(lambda L, x, y: L.floor_divide(x, y), (real(), real(low=0.1)), differentiable=False),
    **_family("pow", real(low=0.1), real()),
    **_family("allclose equal", ones(), ones()),
    **_family("logical_and logical_or", bools(), bools()),
    **_family("logical_not", bools()),
    "div.no_rounding_mode": _case(lambda L, x, y: L.div(x, y), real(), real(low=0.1)),
    "div.floor_rounding": _case(lambda L, x, y: L.div(x, y, rounding_mode="floor"), real(), real(low=0.1)),
    "lerp": _case(lambda L, x, y: L.lerp(x, y, 0.3), real(), real()),
    "addcmul": _case(lambda L, x, y, z: L.addcmul(x, y, z, value=0.5), real(), real(), real()),
    "addcdiv": _case(lambda L, x, y, z: L.addcdiv(x, y, z, value=0.5), real(), real(), real(low=0.1)),
    "max.binary": _case(lambda L, x, y: L.max(x, y), real(), real()),
    "min.binary": _case(lambda L, x, y: L.min(x, y), real(), real()),
    "clamp": _case(lambda L, x: L.clamp(x, -1.0, 1.0), real()),
    "clamp_min": _case(lambda L, x: L.clamp_min(x, 0.1), real()),
    "clamp_max": _case(lambda L, x: L.clamp_max(x, 0.1), real()),
    "__radd__": _case(lambda L, x: 2.0 + x, real()),
    "__rsub__": _case(lambda L, x: 2.0 - x, real()),
    "__rmul__": _case(lambda L, x: 2.0 * x, real()),
    "__rdiv__": _case(lambda L, x: 2.0 / x, real(low=0.1)),
    "__rpow__": _case(lambda L, x: 2.0**x, real()),
    "to": _case(lambda L, x: x.to(L.float64), real()),
    "double": _case(lambda L, x: x.double(), real()),
    "float": _case(lambda L, x: x.float(), integers(10)),
    "long": _case(lambda L, x: x.long(), real()),
    "bool": _case(lambda L, x: x.bool(), real()),
    "zeros_like": _case(lambda L, x: L.zeros_like(x), real()),
    "ones_like": _case(lambda L, x: L.ones_like(x), real()),
    "full_like": _case(lambda L, x: L.full_like(x, 0.5), real()),
    "new_zeros": _case(lambda L, x: x.new_zeros(x.shape), real()),
    "clone": _case(lambda L, x: x.clone(), real()),
}

#: Over all elements, or along rows.
REDUCTIONS: dict[str, Case] = {
    **_family("sum mean argmax argmin std var var_mean norm", real(MATRIX)),
    **_family("all any", bools(MATRIX)),
    "prod": _case(lambda L, x: L.prod(x), real(MATRIX, 0.99, 1.01)),
    **{name: _case(lambda L, x, name=name: getattr(L, name)(x, -1), real(MATRIX)) for name in ("amax", "amin", "logsumexp")},
    **{name: _case(lambda L, x, name=name: getattr(L, name)(x, -1), real(MATRIX, 0.9, 1.1)) for name in ("cumsum", "cumprod")},
    **{name: _case(lambda L, x, name=name: getattr(L, name)(x, -1), real(MATRIX)) for name in ("softmax", "log_softmax")},
    "nn.functional.softmin": _case(lambda L, x: L.nn.functional.softmin(x, -1), real(MATRIX)),
    "max.reduction_no_dim": _case(lambda L, x: L.max(x), real(MATRIX)),
    "min.reduction_no_dim": _case(lambda L, x: L.min(x), real(MATRIX)),
    "max.reduction_with_dim": _case(lambda L, x: L.max(x, -1), real(MATRIX)),
    "min.reduction_with_dim": _case(lambda L, x: L.min(x, -1), real(MATRIX)),
    "linalg.norm": _case(lambda L, x: L.linalg.norm(x), real(MATRIX)),
    "linalg.vector_norm": _case(lambda L, x: L.linalg.vector_norm(x, 2, -1), real(MATRIX)),
    "sort": _case(lambda L, x: L.sort(x, -1), real(MATRIX)),
    "argsort": _case(lambda L, x: L.argsort(x, -1), real(MATRIX)),
    "topk": _case(lambda L, x: L.topk(x, 2), real(MATRIX)),
}

#: The same elements in other places.
PLACES: dict[str, Case] = {
    "reshape": _case(lambda L, x: x.reshape(-1), real(MATRIX)),
    "view": _case(lambda L, x: x.view(-1), real(MATRIX)),
    "flatten": _case(lambda L, x: x.flatten(), real(MATRIX)),
    "unflatten": _case(lambda L, x: x.unflatten(1, (2, -1)), real(MATRIX)),
    "squeeze": _case(lambda L, x: x.squeeze(0), real(((1, 8), (1, 1_000), (1, 1_000_000)))),
    "unsqueeze": _case(lambda L, x: x.unsqueeze(0), real(MATRIX)),
    "transpose": _case(lambda L, x: x.transpose(0, 1), real(MATRIX)),
    "permute": _case(lambda L, x: x.permute(2, 0, 1), real(BATCH)),
    "movedim": _case(lambda L, x: x.movedim(0, 2), real(BATCH)),
    "t": _case(lambda L, x: x.t(), real(MATRIX)),
    "T": _case(lambda L, x: x.T, real(MATRIX)),
    "mT": _case(lambda L, x: x.mT, real(MATRIX)),
    "expand": _case(lambda L, x: x.expand(2, -1, -1), real(MATRIX)),
    "broadcast_to": _case(lambda L, x: L.broadcast_to(x, (2, *x.shape)), real(MATRIX)),
    "repeat": _case(lambda L, x: x.repeat(2, 1), real(MATRIX)),
    "tile": _case(lambda L, x: L.tile(x, (1, 2)), real(MATRIX)),
    "repeat_interleave": _case(lambda L, x: L.repeat_interleave(x, 2, 0), real(MATRIX)),
    "flip": _case(lambda L, x: L.flip(x, (1,)), real(MATRIX)),
    "roll": _case(lambda L, x: L.roll(x, 1, 1), real(MATRIX)),
    "contiguous": _case(lambda L, x: x.t().contiguous(), real(MATRIX)),
    "diag": _case(lambda L, x: L.diag(x), real(SQUARE)),
    "diagonal": _case(lambda L, x: L.diagonal(x), real(SQUARE)),
    "diag_embed": _case(lambda L, x: L.diag_embed(x), real(SIDE)),
    "tril": _case(lambda L, x: L.tril(x), real(SQUARE)),
    "triu": _case(lambda L, x: L.triu(x), real(SQUARE)),
    "trace": _case(lambda L, x: L.trace(x), real(SQUARE)),
    "cat": _case(lambda L, x, y: L.cat([x, y]), real(MATRIX), real(MATRIX)),
    "stack": _case(lambda L, x, y: L.stack([x, y]), real(MATRIX), real(MATRIX)),
    "hstack": _case(lambda L, x, y: L.hstack([x, y]), real(MATRIX), real(MATRIX)),
    "vstack": _case(lambda L, x, y: L.vstack([x, y]), real(MATRIX), real(MATRIX)),
    "split": _case(lambda L, x: L.split(x, 2, 1), real(((2, 4), (200, 5), (200_000, 5)))),
    "split_with_sizes": _case(lambda L, x: x.split_with_sizes([1, 3], 1), real(((2, 4), (250, 4), (250_000, 4)))),
    "chunk": _case(lambda L, x: L.chunk(x, 2, 1), real(MATRIX)),
    "unbind": _case(lambda L, x: L.unbind(x), real(((2, 4), (4, 250), (4, 250_000)))),
    "tensor_split": _case(lambda L, x: L.tensor_split(x, 2), real(MATRIX)),
    "meshgrid.variadic_tensors": _case(lambda L, x, y: L.meshgrid(x, y, indexing="ij"), real(SIDE), real(SIDE)),
    "nn.functional.pixel_shuffle": _case(
        lambda L, x: L.nn.functional.pixel_shuffle(x, 2), real(((1, 4, 1, 2), (2, 8, 8, 8), (16, 64, 32, 32)))
    ),
}

#: By indices and by conditions.
SELECTIONS: dict[str, Case] = {
    "__getitem__": _case(lambda L, x: x[1:, ::2], real(MATRIX)),
    "narrow": _case(lambda L, x: L.narrow(x, 1, 1, 2), real(MATRIX)),
    "select": _case(lambda L, x: L.select(x, 0, 1), real(MATRIX)),
    "index_select": _case(lambda L, x, i: L.index_select(x, 0, i), real(MATRIX), order()),
    "gather": _case(lambda L, x, i: L.gather(x, 1, i), real(MATRIX), integers(COLUMNS, MATRIX)),
    "take_along_dim": _case(lambda L, x, i: L.take_along_dim(x, i, 1), real(MATRIX), integers(COLUMNS, MATRIX)),
    "scatter": _case(lambda L, x, i, y: L.scatter(x, 1, i, y), real(MATRIX), integers(COLUMNS, MATRIX), real(MATRIX)),
    "scatter_add": _case(lambda L, x, i, y: L.scatter_add(x, 1, i, y), real(MATRIX), integers(COLUMNS, MATRIX), real(MATRIX)),
    "index_add": _case(lambda L, x, i, y: L.index_add(x, 0, i, y), real(MATRIX), order(), real(MATRIX)),
    "index_copy": _case(lambda L, x, i, y: L.index_copy(x, 0, i, y), real(MATRIX), order(), real(MATRIX)),
    "index_fill": _case(lambda L, x, i: L.index_fill(x, 0, i, 0.5), real(MATRIX), order()),
    "index_put": _case(lambda L, x, i, y: L.index_put(x, (i,), y), real(MATRIX), order(), real(MATRIX)),
    "masked_fill": _case(lambda L, x, m: L.masked_fill(x, m, 0.5), real(), bools()),
    "masked_select": _case(lambda L, x, m: L.masked_select(x, m), real(), bools()),
    "where": _case(lambda L, x, m, y: L.where(m, x, y), real(), bools(), real()),
    "nonzero": _case(lambda L, m: L.nonzero(m), bools()),
    "nn.functional.embedding": _case(
        lambda L, i, w: L.nn.functional.embedding(i, w),
        integers(((4,), (50,), (10_000,)), ((4,), (50,), (10_000,))), real(((4, 2), (50, 20), (10_000, 100))),
    ),
    "nn.functional.one_hot": _case(
        lambda L, i: L.nn.functional.one_hot(i, 10), integers(10, ((1,), (100,), (100_000,)))
    ),
}  # fmt: skip

#: Sums of products.
PRODUCTS: dict[str, Case] = {
    **_family("matmul mm inner", real(FACTOR), real(FACTOR)),
    **_family("bmm", real(BATCH), real(BATCH)),
    **_family("mv", real(SQUARE), real(SIDE)),
    **_family("dot", real(), real()),
    **_family("outer", real(SIDE), real(SIDE)),
    "__rmatmul__": _case(lambda L, x, y: x.__rmatmul__(y), real(FACTOR), real(FACTOR)),
    "addmm": _case(lambda L, b, x, y: L.addmm(b, x, y), real(FACTOR), real(FACTOR), real(FACTOR)),
    "einsum": _case(lambda L, x, y: L.einsum("bij,bkj->bik", x, y), real(BATCH), real(BATCH)),
    "tensordot": _case(lambda L, x, y: L.tensordot(x, y, dims=1), real(FACTOR), real(FACTOR)),
    "nn.functional.linear": _case(
        lambda L, x, w, b: L.nn.functional.linear(x, w, b),
        real(((2, 4), (25, 40), (2_000, 500))), real(((2, 4), (20, 40), (200, 500))), real(((2,), (20,), (200,))),
    ),
}  # fmt: skip

#: What layers are made of.
LAYERS: dict[str, Case] = {
    **_family(
        "nn.functional.relu nn.functional.relu6 nn.functional.leaky_relu nn.functional.elu nn.functional.selu", real(low=-4.0, high=4.0)
    ),
    **_family("nn.functional.gelu nn.functional.silu nn.functional.mish nn.functional.softplus", real(low=-4.0, high=4.0)),
    **_family("nn.functional.softsign nn.functional.logsigmoid nn.functional.hardtanh", real(low=-4.0, high=4.0)),
    **_family("nn.functional.hardsigmoid nn.functional.hardswish", real(low=-4.0, high=4.0)),
    "nn.functional.prelu": _case(lambda L, x, w: L.nn.functional.prelu(x, w), real(), real(((1,), (1,), (1,)))),
    "nn.functional.glu": _case(lambda L, x: L.nn.functional.glu(x), real(MATRIX)),
    **_family(
        "nn.functional.mse_loss nn.functional.l1_loss nn.functional.smooth_l1_loss nn.functional.huber_loss", real(MATRIX), real(MATRIX)
    ),
    **_family("nn.functional.cross_entropy nn.functional.nll_loss", real(MATRIX), integers(COLUMNS, ROWS)),
    **_family("nn.functional.binary_cross_entropy", real(low=0.1, high=0.9), real(low=0.1, high=0.9)),
    **_family("nn.functional.binary_cross_entropy_with_logits", real(), real(low=0.1, high=0.9)),
    "nn.functional.kl_div": _case(lambda L, x, y: L.nn.functional.kl_div(x, y, reduction="batchmean"), real(MATRIX), real(MATRIX, 0.1)),
    **_family("nn.functional.hinge_embedding_loss", real(), signs()),
    **_family("nn.functional.triplet_margin_loss", real(MATRIX), real(MATRIX), real(MATRIX)),
    "nn.functional.batch_norm": _case(
        lambda L, x, w, b: L.nn.functional.batch_norm(x, None, None, w, b, training=True), real(IMAGES), real(CHANNELS), real(CHANNELS)
    ),
    "nn.functional.layer_norm": _case(
        lambda L, x, w, b: L.nn.functional.layer_norm(x, w.shape, w, b), real(MATRIX), real(COLUMNS), real(COLUMNS)
    ),
    "nn.functional.group_norm": _case(
        lambda L, x, w, b: L.nn.functional.group_norm(x, 2, w, b), real(IMAGES), real(CHANNELS), real(CHANNELS)
    ),
    "nn.functional.instance_norm": _case(lambda L, x: L.nn.functional.instance_norm(x), real(IMAGES)),
    "nn.functional.rms_norm": _case(lambda L, x, w: L.nn.functional.rms_norm(x, w.shape, w), real(MATRIX), real(COLUMNS)),
    "nn.functional.dropout": _case(lambda L, x: L.nn.functional.dropout(x, 0.5), real()),
    "nn.functional.cosine_similarity": _case(lambda L, x, y: L.nn.functional.cosine_similarity(x, y, -1), real(MATRIX), real(MATRIX)),
    "nn.functional.normalize": _case(lambda L, x: L.nn.functional.normalize(x, dim=-1), real(MATRIX)),
    "nn.functional.scaled_dot_product_attention": _case(
        lambda L, q, k, v: L.nn.functional.scaled_dot_product_attention(q, k, v), real(HEADS), real(HEADS), real(HEADS)
    ),
}

#: On signals and images.
WINDOWS: dict[str, Case] = {
    "nn.functional.conv1d": _case(
        lambda L, x, w, b: L.nn.functional.conv1d(x, w, b), real(SIGNAL),
        real(((2, 2, 2), (8, 5, 3), (64, 64, 3))), real(((2,), (8,), (64,))),
    ),
    "nn.functional.conv2d": _case(
        lambda L, x, w, b: L.nn.functional.conv2d(x, w, b, padding=1), real(((1, 1, 3, 3), (4, 4, 8, 8), (32, 32, 32, 32))),
        real(((1, 1, 3, 3), (8, 4, 3, 3), (32, 32, 3, 3))), real(((1,), (8,), (32,))),
    ),
    "nn.functional.conv_transpose1d": _case(
        lambda L, x, w, b: L.nn.functional.conv_transpose1d(x, w, b), real(SIGNAL),
        real(((2, 2, 2), (5, 8, 3), (64, 64, 3))), real(((2,), (8,), (64,))),
    ),
    "nn.functional.conv_transpose2d": _case(
        lambda L, x, w, b: L.nn.functional.conv_transpose2d(x, w, b, stride=2), real(((1, 1, 3, 3), (4, 4, 8, 8), (32, 32, 32, 32))),
        real(((1, 1, 2, 2), (4, 8, 2, 2), (32, 32, 2, 2))), real(((1,), (8,), (32,))),
    ),
    "nn.functional.max_pool1d": _case(lambda L, x: L.nn.functional.max_pool1d(x, 2), real(SIGNAL)),
    "nn.functional.max_pool2d": _case(lambda L, x: L.nn.functional.max_pool2d(x, 2), real(IMAGES)),
    "nn.functional.avg_pool1d": _case(lambda L, x: L.nn.functional.avg_pool1d(x, 2), real(SIGNAL)),
    "nn.functional.avg_pool2d": _case(lambda L, x: L.nn.functional.avg_pool2d(x, 2), real(IMAGES)),
    "nn.functional.adaptive_avg_pool1d": _case(lambda L, x: L.nn.functional.adaptive_avg_pool1d(x, 2), real(SIGNAL)),
    "nn.functional.adaptive_avg_pool2d": _case(lambda L, x: L.nn.functional.adaptive_avg_pool2d(x, 2), real(IMAGES)),
    "nn.functional.pad.constant": _case(lambda L, x: L.nn.functional.pad(x, (1, 1)), real(SIGNAL)),
    "nn.functional.pad.reflect": _case(lambda L, x: L.nn.functional.pad(x, (1, 1), mode="reflect"), real(SIGNAL)),
    "nn.functional.pad.replicate": _case(lambda L, x: L.nn.functional.pad(x, (1, 1), mode="replicate"), real(SIGNAL)),
    "nn.functional.pad.circular": _case(lambda L, x: L.nn.functional.pad(x, (1, 1), mode="circular"), real(SIGNAL)),
    "nn.functional.interpolate.nearest": _case(
        lambda L, x: L.nn.functional.interpolate(x, scale_factor=2.0, mode="nearest"), real(IMAGES)
    ),
    "nn.functional.interpolate.bilinear": _case(
        lambda L, x: L.nn.functional.interpolate(x, scale_factor=2.0, mode="bilinear"), real(IMAGES)
    ),
    "nn.functional.unfold": _case(lambda L, x: L.nn.functional.unfold(x, 2), real(IMAGES)),
}  # fmt: skip

CASES: dict[str, Case] = {**ELEMENTWISE, **REDUCTIONS, **PLACES, **SELECTIONS, **PRODUCTS, **LAYERS, **WINDOWS}

#: Names of the scope that are no operation on tensors: they take no tensor, or take the number out of one.
LEFT_OUT = ("arange", "linspace", "eye", "zeros", "ones", "full", "item")

#: Why operations are slower than 4 times PyTorch's at some size; names as patterns.
REASONS: dict[str, str] = {
    "nn.functional.nll_loss": "small: the range of the targets, their places and the sum are NumPy calls of their own",
    "gather scatter scatter_add take_along_dim index_* masked_select nn.functional.embedding":
        "the range is checked and the places are numbered by half a dozen NumPy calls in one thread, where PyTorch has one kernel",
    "topk": "NumPy has no selection that also orders: the first extreme element of those left is looked for again and again",
    "sort argsort": "NumPy sorts in one thread",
    "cat hstack vstack stack split* chunk unbind tensor_split meshgrid*": "small: reading arguments, and a view for each part, in Python",
    "reshape view flatten unflatten squeeze unsqueeze transpose permute movedim t T mT diagonal select narrow expand broadcast_to":
        "reading arguments in Python; no arithmetic is done",
    "trace diag diag_embed tril triu": "small: reading arguments in Python, and a view of the diagonal or a mask",
    "nn.functional.cosine_similarity": "small: two norms, a product and a quotient are NumPy calls of their own",
    "erf erfc nn.functional.gelu": "NumPy has no error function: twenty to forty passes over blocks that fit the cache",
    "sin* cos* tan* a[cst]* exp* log log2 log10 log1p *pow*":
        "NumPy calls the C library for each element where the processor has no vectors for it",
    "abs neg add sub mul div.no_rounding_mode square __r*__": "large: NumPy makes one pass in one thread, PyTorch in two",
    "sign nan_to_num clamp* addcmul addcdiv lerp outer nn.functional.relu* nn.functional.hard* *.leaky_relu *.prelu":
        "large: NumPy makes one pass over memory for each operation in one thread, PyTorch one for all in two",
    "nn.functional.elu nn.functional.selu nn.functional.softplus nn.functional.mish nn.functional.silu sigmoid nn.functional.glu":
        "composed of several NumPy calls, each a pass over memory; PyTorch has one kernel in two threads",
    "nn.functional.huber_loss nn.functional.smooth_l1_loss": "large: five passes over memory, the branches as two factors",
    "remainder floor_divide div.floor_rounding": "float32 in float64, in several passes; NumPy's own fmod takes 4 times as long",
    "logaddexp": "several passes over memory; NumPy's own would take 9 times as long",
    "cumsum cumprod": "NumPy accumulates one by one in double precision",
    "prod": "the derivative is made of two running products, exact at zeros, where PyTorch divides",
    "sum mean": "NumPy adds up in one thread",
    "softmax log_softmax nn.functional.softmin logsumexp": "several passes over memory in one thread",
    "nn.functional.*pool*": "large: a few operations on whole slices for each element of a window, in one thread",
    "nn.functional.conv* nn.functional.unfold":
        "small: windows, product and bias are half a dozen NumPy calls; large: the columns of the windows are copied first",
    "nn.functional.*_norm": "about seven passes over memory in one thread, where PyTorch has one kernel in two",
    "nn.functional.cross_entropy": "small: checks of the targets, a softmax, a gathering and a mean are a dozen NumPy calls",
    "nn.functional.scaled_dot_product_attention": "small: two products, a mask and a softmax are a dozen NumPy calls",
    "nn.functional.pad.*": "small: sizes are read in Python; large: a slice is copied for each side and dimension",
    "nn.functional.interpolate.*": "two neighbours are read and weighted for each dimension, in one thread",
    "nn.functional.one_hot": "zeros and a scattering, two passes over int64 in one thread",
    "flip floor ceil round trunc logit": "one pass of NumPy in one thread, against two threads",
    "var var_mean std": "small: a mean, a difference, its squares and their mean are NumPy calls of their own",
    "equal": "small: the check of two arguments in Python",
    "full_like ones_like zeros_like new_zeros": "small: reading dtype, device and requires_grad in Python",
    "matmul mm inner tensordot addmm bmm mv einsum nn.functional.linear __rmatmul__": "OpenBLAS against MKL; small: arguments in Python",
}  # fmt: skip


def reason(name: str) -> str:
    """Why an operation is slow; empty where nobody has found out."""
    return next((text for patterns, text in REASONS.items() if any(fnmatch(name, pattern) for pattern in patterns.split())), "")
