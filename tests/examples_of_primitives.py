"""Example calls of every primitive, for the laws of test_registry.py: a primitive without one fails there.

Elementwise primitives without keywords need no entry, their inputs are drawn from the domain declared beside them; those
with keywords say here which. All others state arrays by their shapes (float arrays of random numbers) or as arrays
(indices, masks, which stay as they are).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from tinygrad_reg.engine.primitive import PRIMITIVES
from tinygrad_reg.ops.pointwise import Elementwise
from tinygrad_reg.ops.random import default_generator
from tinygrad_reg.ops.resize import Grid
from tinygrad_reg.ops.window_reductions import Axis

Shape = tuple[int, ...]


class Example(NamedTuple):
    """A call: shapes of float arguments or ready arrays, and keywords."""

    arguments: tuple[Any, ...]
    params: dict[str, Any] = {}  # noqa: RUF012


class Between(tuple[int, ...]):
    """The shape of an argument whose numbers must lie between 0 and 1."""


def drawn(shape: Shape, rng: np.random.Generator) -> Any:
    """Random numbers for an argument stated by its shape."""
    return rng.uniform(0.05, 0.95, shape) if isinstance(shape, Between) else rng.standard_normal(shape)


def e(*arguments: Any, **params: Any) -> Example:
    return Example(arguments, params)


def mask(*rows: str) -> Any:
    """A bool array: mask("10", "01")."""
    return np.array([[c == "1" for c in row] for row in rows])


def ints(*values: Any) -> Any:
    return np.array(values, dtype=np.int64)


class Decided(NamedTuple):
    """A point where the derivative is a choice: the gradient of the sum of the result there."""

    name: str
    arguments: tuple[Any, ...]
    params: dict[str, Any]
    gradients: tuple[Any, ...]


_INF = float("inf")
DECIDED = [
    Decided("abs", ([0.0, -0.0, 2.0],), {}, ([0.0, 0.0, 1.0],)),
    Decided("logaddexp", ([_INF, -_INF], [_INF, -_INF]), {}, ([0.5, 0.5], [0.5, 0.5])),
    Decided("logsumexp", ([[-_INF, -_INF], [0.0, -_INF]],), {"dim": (1,), "keepdim": False}, ([[0.0, 0.0], [1.0, 0.0]],)),
    Decided("norm_p", ([0.0, 2.0],), {"p": 3.0, "dim": None, "keepdim": False}, ([0.0, 1.0],)),
    Decided("norm_p", ([0.0, 0.0],), {"p": 3.0, "dim": None, "keepdim": False}, ([0.0, 0.0],)),
    Decided("norm_2", ([0.0, 0.0],), {"dim": None, "keepdim": False}, ([0.0, 0.0],)),
    Decided("pow", ([0.0, 0.0, 0.0], [2.0, 0.0, -1.0]), {}, ([0.0, 0.0, -_INF], [0.0, 0.0, -_INF])),
    Decided("number_power", ([0.0, 2.0],), {"base": 0.0}, ([0.0, 0.0],)),
    Decided("number_power", ([-1.0],), {"base": 0.0}, ([-_INF],)),
    Decided("hardsigmoid", ([-3.0, 3.0, 0.0, 4.0],), {}, ([0.0, 0.0, 1.0 / 6.0, 0.0],)),
    Decided("hardswish_slope", ([-3.0, 3.0, 0.0, 4.0],), {}, ([0.0, 0.0, 1.0 / 3.0, 0.0],)),
    Decided("hardswish", ([-3.0, 3.0, 4.0, -4.0],), {}, ([0.0, 1.0, 1.0, 0.0],)),
    Decided("with_scaled_gradient", ([1.0, 2.0], [2.0, 0.25]), {}, ([2.0, 0.25], None)),  # on purpose no derivative of its value
    Decided("hypot", ([0.0], [0.0]), {}, ([0.0], [0.0])),
    Decided("std", ([2.0, 2.0, 2.0],), {"dim": None, "keepdim": False, "correction": 1}, ([0.0, 0.0, 0.0],)),
]

#: Straight pieces, whose gradient can be differentiated again: it is 0, and not absent.
PIECES = (
    *("relu", "leaky_relu", "prelu", "hardtanh", "threshold", "hardsigmoid", "hardswish_slope", "softshrink", "hardshrink"),
    *("window_max", "l1_loss"),
)

#: Calls of these are tested through the primitives that make them: they cannot be called by themselves.
INTERNAL = {"output": "the entries of a tuple of results; see split, unbind, standardize"}

#: The result is the argument itself, or shares its memory, without being a view that writes must follow: see the tests.
SHARES_MEMORY = {
    "cut": "always behind a conversion, which copies",
    "in_range": "passes indices on",
    "not_negative": "passes variances on to a sum",
}

SHAPES: list[tuple[Shape, ...]] = [((2, 3),), ((),), ((0, 2),)]
PAIRS: list[tuple[Shape, ...]] = [((2, 3), (2, 3)), ((2, 1), (3,)), ((), (2,)), ((1, 2), ()), ((0, 2), (2,)), ((), ())]
TRIPLES: list[tuple[Shape, ...]] = [((2, 3), (2, 3), (2, 3)), ((3,), (2, 1), ()), ((), (), (2,))]

KEYWORDS: dict[str, list[dict[str, Any]]] = {
    "power": [{"exponent": x} for x in (3, 2.5, -1, -1.5, 0, 1, 0.5)],
    "nan_to_num": [{"nan": 0.0, "posinf": None, "neginf": -1.0}],
    "softplus": [
        {"beta": 1.0, "threshold": 20.0},
        {"beta": 2.0, "threshold": 50.0},
        {"beta": 30.0, "threshold": 20.0},
        {"beta": 0.25, "threshold": 0.25},
    ],
    "leaky_relu": [{"negative_slope": 0.1}],
    "leaky_relu_slope": [{"negative_slope": 0.1}],
    "hardtanh": [{"min_val": -1.0, "max_val": 0.5}],
    "number_power": [{"base": 2.0}, {"base": 0.5}],
    "isclose": [{"rtol": 0.1, "atol": 0.2, "equal_nan": nan} for nan in (False, True)],
    "threshold": [{"threshold": 0.25, "value": 7.0}],
    "softshrink": [{"lambd": 0.5}],
    "hardshrink": [{"lambd": 0.5}],
    "elu": [{"alpha": 1.0, "scale": 1.0, "input_scale": 1.0}, {"alpha": 1.5, "scale": 1.1, "input_scale": 0.5}],
    "huber": [{"delta": 1.0}],
}

_transpose = PRIMITIVES["transpose"]
_slice = PRIMITIVES["slice"]
_reshape = PRIMITIVES["reshape"]

_REDUCED = [
    e((2, 3), dim=None, keepdim=False),
    e((2, 3), dim=(0,), keepdim=True),
    e((2, 3, 2), dim=(0, 2), keepdim=False),
    e((), dim=None, keepdim=False),
    e((4,), dim=(0,), keepdim=False),
]
_CHOSEN = [e((2, 3), dim=None, keepdim=False), e((2, 3), dim=1, keepdim=True), e((), dim=None, keepdim=False)]
_ALONG = [e((2, 3), dim=0), e((2, 3), dim=1), e((), dim=None)]
_TWO_ALONG = [e((2, 3), (2, 3), dim=1), e((), (), dim=None)]

_PLAIN = {"stride": (1,), "padding": ((0, 0),), "dilation": (1,)}
_STRIDED = {"stride": (2, 3), "padding": ((1, 2), (0, 1)), "dilation": (2, 1)}
_STANDARDIZED = [((4, 3), (4, 3, 1), 1e-5), ((2, 3, 4), (2, 3, 4), 0.1), ((1, 2, 3, 2), (2, 6), 1e-5), ((2, 4, 3), (4, 6), 0.1)]
_HALVES, _OVERLAPPING, _UNEVEN = Axis(4, 2, 2, 2), Axis(5, 3, 3, 2, 1), Axis(3, 2)
_ATTENTION = [
    e((2, 3), (4, 3), (4, 2), is_causal=False, scale=0.5),
    e((2, 2, 3), (2, 3, 3), (2, 3, 1), is_causal=True, scale=1.0),
    e((2, 3), (2, 3), (2, 3), mask("10", "00"), is_causal=False, scale=1.0),
    e((2, 1, 2, 3), (3, 2, 3), (3, 2, 3), (2, 2), is_causal=False, scale=2.0),
]

EXAMPLES: dict[str, list[Example]] = {
    "masked": [e((2, 2), mask("10", "01")), e((2,), True), e((), False)],
    "cast": [e((2, 3), dtype=np.dtype(d)) for d in ("float64", "float32", "int64")],
    "cut": [e((2,))],
    "where_p": [e(mask("10", "01"), (2, 2), (2, 2)), e(mask("10"), (2, 1), ()), e(mask("1", "0"), (2,), (1, 2))],
    "sum_to": [e((2, 3), shape=s) for s in ((3,), (2, 1), (1, 3), (), (1, 1))]
    + [e((2, 3, 4), shape=(3, 1)), e((1, 3), shape=(3,)), e((0, 3), shape=(3,))],
    "expand": [e((3,), shape=(2, 3)), e((2, 1), shape=(2, 3)), e((), shape=(2,)), e((1,), shape=(0, 1)), e((2,), shape=(1, 2))],
    "reshape": [e((2, 3), shape=s) for s in ((6,), (3, 2), (1, 6, 1), (-1, 2))] + [e((), shape=(1,)), e((0, 2), shape=(0,))],
    "transpose": [e((2, 3), dim0=0, dim1=1), e((2, 3, 4), dim0=2, dim1=0)],
    "t": [e((2, 3)), e((0, 3))],
    "permute": [e((2, 3, 4), dims=(2, 0, 1)), e((), dims=())],
    "squeeze": [e((1, 2, 1), dims=(0, 2)), e((2,), dims=()), e((1,), dims=(0,))],
    "unsqueeze": [e((2, 3), dim=d) for d in (0, 1, 2)] + [e((), dim=0)],
    "diagonal": [e((3, 3), offset=o, dim1=0, dim2=1) for o in (0, 1, -2, 5)] + [e((2, 3, 4), offset=1, dim1=2, dim2=0)],
    "diag_embed": [e((3,), shape=(3, 3), offset=0, dim1=0, dim2=1), e((2, 3), shape=(4, 2, 4), offset=-1, dim1=2, dim2=0)],
    "trace": [e((3, 3)), e((2, 4))],
    "slice": [e((4, 3), index=((1, 4, 2),)), e((4, 3), index=(2,)), e((4, 3), index=(None, (0, 4, 1), -1)), e((3,), index=((2, 2, 1),))],
    "slice_embed": [e((2, 3), index=((1, 4, 2),), shape=(4, 3)), e((3,), index=(2,), shape=(4, 3)), e((), index=(1,), shape=(2,))],
    "slice_put": [e((4, 3), (2, 3), index=((1, 4, 2),)), e((4, 3), (), index=(2,)), e((4,), (1,), index=((0, 4, 1),))],
    "clone": [e((2, 3)), e(())],
    "contiguous": [e((2, 3)), e(())],
    "repeat": [e((2, 3), repeats=(2, 1)), e((3,), repeats=(2, 2)), e((), repeats=(2,)), e((2,), repeats=(0,)), e((2,), repeats=(1,))],
    "repeat_interleave": [e((3, 2), ints(2, 0, 1), dim=0), e((2, 1), ints(3), dim=1)],
    "repeat_each": [e((3, 2), times=2, dim=0), e((2, 3), times=3, dim=1), e((2,), times=0, dim=0), e((0, 2), times=2, dim=1)],
    "sum_segments": [e((3, 2), ints(2, 0, 1), dim=0), e((2, 3), ints(3), dim=1)],
    "flip": [e((2, 3), dims=(0,)), e((2, 3), dims=(0, 1)), e((2,), dims=())],
    "roll": [e((2, 3), shifts=(1,), dims=(1,)), e((2, 3), shifts=(1, -2), dims=(0, 1)), e((2,), shifts=(0,), dims=(0,))],
    "tril": [e((3, 3), diagonal=0), e((2, 3, 4), diagonal=1)],
    "triu": [e((3, 3), diagonal=0), e((2, 3, 4), diagonal=-1)],
    "row_outers": [e((2, 3), (2, 4)), e((5, 2, 3), (5, 2, 4)), e((3,), (4,)), e((0, 3), (0, 4))],
    "mm": [e((2, 3), (3, 4)), e((5, 2, 3), (3, 4)), e((2, 0), (0, 3)), e((2, 1), (1, 3))],
    "mv": [e((2, 3), (3,)), e((5, 2, 3), (3,)), e((0, 3), (3,))],
    "dot": [e((3,), (3,)), e((0,), (0,))],
    "matmul": [e((2, 2, 3), (2, 3, 4)), e((2, 3), (5, 3, 4)), e((5, 1, 2, 3), (4, 3, 2)), e((0, 2, 3), (0, 3, 2))],
    "cat": [e((2, 3), (1, 3), dim=0, bounds=(0, 2, 3)), e((2, 0), (2, 2), (2, 1), dim=1, bounds=(0, 0, 2, 3))],
    "stack": [e((2, 3), (2, 3), dim=0), e((2, 3), (2, 3), (2, 3), dim=2), e((), (), dim=0)],
    "split": [e((4, 3), bounds=(0, 1, 4), dim=0), e((2, 3), bounds=(0, 3), dim=1)],
    "unbind": [e((2, 3), dim=0), e((2, 3), dim=1)],
    "index": [
        e((4, 3), ints(3, 0, 3), dims=(0,), repeated="add"),
        e((4, 3), ints(3, 0, 1), dims=(0,), repeated="never"),
        e((4, 3), ints(3, 0, 3), dims=(0,), repeated="last"),
        e((4, 3), ints([0], [2]), ints(2, 1), dims=(0, 1), repeated="add"),
        e((2, 3), mask("101", "010"), dims=(0,), repeated="never"),
        e((4, 2), ints(-1, 3), dims=(0,), repeated="add"),
        e((3,), ints(), dims=(0,), repeated="add"),
    ],
    "index_embed": [e((3, 3), ints(3, 0, 3), dims=(0,), shape=(4, 3), repeated=r) for r in ("add", "last")]
    + [
        e((3,), ints(2, 0, 1), dims=(0,), shape=(3,), repeated="never"),
        e((3,), mask("101", "010"), dims=(0,), shape=(2, 3), repeated="never"),
    ],
    "index_put": [e((4, 3), (3, 3), ints(3, 0, 3), dims=(0,), repeated=r) for r in ("add", "last")]
    + [e((4, 3), (1, 3), ints(3, 0), dims=(0,), repeated="never"), e((2, 3), (), mask("101", "010"), dims=(0,), repeated="never")],
    "gather": [e((2, 3), ints([3, 0, 3]), repeated=r) for r in ("add", "last")] + [e((2, 3), ints([5], [1]), repeated="never")],
    "gather_embed": [e((1, 3), ints([3, 0, 3]), shape=(2, 3), repeated=r) for r in ("add", "last")],
    "scatter": [e((2, 3), (1, 3), ints([3, 0, 3]), repeated=r) for r in ("add", "last")]
    + [e((2, 3), (), ints([5], [1]), repeated=r) for r in ("add", "last", "never")],
    "index_multiply": [e((2, 3), (2, 2), ints([0], [1]), ints([2, 0], [1, 1])), e((3,), (), ints(0, 2))],
    "not_negative": [e(ints(0, 3, 2))],
    "all_probabilities": [e(np.array([0.0, 0.5, 1.0]), message="test"), e(np.zeros((0, 2)), message="test")],
    "in_range": [e(ints(0, 1, 2), size=3, what="test")],
    "survivors": [e((2, 3), p=0.25, weight=4 / 3), e((), p=1.0, weight=0.0)],
    "places": [
        e(ints([0, 2], [1, 1]), shape=(2, 3), dim=1, signed=False, what="test"),
        e(ints(-1, 0), shape=(2,), dim=0, signed=True, what="test"),
    ],
    "nonzero": [e((2, 2))],
    "copied": [e((2, 3), (2, 3)), e((2, 3), (3,)), e((2,), ())],
    "overwritten": [
        e((2, 3), (3, 2), view=_transpose, params={"dim0": 0, "dim1": 1}),
        e((4, 3), (2, 3), view=_slice, params={"index": ((1, 4, 2),)}),
        e((2, 3), (6,), view=_reshape, params={"shape": (6,)}),
        e((2,), (), view=_slice, params={"index": (1,)}),
    ],
    "spread": [
        e((2,), shape=(2, 3), dim=(1,), keepdim=False),
        e((2, 1), shape=(2, 3), dim=(1,), keepdim=True),
        e((), shape=(2, 3), dim=None, keepdim=False),
    ],
    "sum": [*_REDUCED, e((0, 2), dim=(0,), keepdim=False), e((2, 3), dim=(), keepdim=False)],
    "mean": [*_REDUCED, e((3, 0, 2), dim=(0,), keepdim=False)],
    "all": _REDUCED,
    "any": _REDUCED,
    "amax": _REDUCED,
    "amin": _REDUCED,
    "max": [e((2, 3)), e(())],
    "min": [e((2, 3)), e(())],
    "argmax": _CHOSEN,
    "argmin": _CHOSEN,
    "pick": [
        e((2, 3), ints(2, 0), dim=1, keepdim=False),
        e((2, 3), ints([1, 0, 1]), dim=0, keepdim=True),
        e((4,), np.array(2), dim=None, keepdim=False),
    ],
    "place": [
        e((2,), ints(2, 0), shape=(2, 3), dim=1, keepdim=False),
        e((1, 3), ints([1, 0, 1]), shape=(2, 3), dim=0, keepdim=True),
        e((), np.array(2), shape=(4,), dim=None, keepdim=False),
    ],
    "var": [Example(x.arguments, {**x.params, "correction": c}) for x in _REDUCED[:3] for c in (0.0, 1.0)],
    "std": [Example(x.arguments, {**x.params, "correction": c}) for x in _REDUCED[:3] for c in (0.0, 1.0)],
    "logsumexp": _REDUCED,
    "norm_2": _REDUCED,
    "over_margin_total": [e((2, 3), margin=m, divisor=6) for m in (0.0, 0.5)] + [e((), margin=1.0, divisor=1)],
    "cosine": [
        e((2, 3), (2, 3), eps=1e-8, dim=(1,)),
        e((2, 3), (2, 3), eps=1.5, dim=(1,)),
        e((3, 2, 2), (3, 1, 2), eps=1e-8, dim=(0,)),
        e((3,), (3,), eps=1e-8, dim=None),
        e((), (), eps=1e-8, dim=None),
    ],
    "unit": [e((2, 3), eps=1e-12, dim=(1,)), e((2, 3), eps=1.5, dim=(1,)), e((2, 3, 2), eps=1.0, dim=(0, 2)), e((3,), eps=1e-12, dim=None)],
    "svd": [e((3, 2)), e((2, 3)), e((2, 2, 2)), e((2, 3, 2)), e((2, 2, 3))],
    "norm_p": [Example(x.arguments, {**x.params, "p": p}) for x in _REDUCED for p in (3.0, 1.5, 4.0)],
    "cumsum": [Example(x.arguments, {**x.params, "reverse": r}) for x in _ALONG for r in (False, True)],
    "cumprod": [Example(x.arguments, {**x.params, "reverse": r}) for x in _ALONG for r in (False, True)],
    "shifted": [e((2, 3), by=1, dim=1, fill=1.0), e((2, 3), by=-1, dim=0, fill=0.0)],
    "product_of_others": [e((2, 3), dim=1), e((3, 2), dim=0), e((4,), dim=None), e((1,), dim=None)],
    "nan_where_divided": [e((2, 3), (2, 3), dim=1), e((3,), (3,), dim=None)],
    "recurrence": [Example(x.arguments, {**x.params, "reverse": r}) for x in _TWO_ALONG[:1] for r in (False, True)],
    "prod": [
        e((2, 3), dim=None, keepdim=False),
        e((2, 3), dim=1, keepdim=True),
        e((2, 3), dim=0, keepdim=False),
        e((), dim=None, keepdim=False),
    ],
    "argsort": [Example(x.arguments, {**x.params, "descending": d}) for x in _ALONG for d in (False, True)],
    "topk": [e((3, 2), k=2, dim=0, largest=True), e((2, 20), k=2, dim=1, largest=False), e((), k=1, dim=None, largest=True)],
    "kthvalue": [Example(x.arguments, {**x.params, "k": 1}) for x in _CHOSEN],
    "median_position": _CHOSEN,
    "median": [e((2, 3)), e((4,)), e(())],
    "mode": _CHOSEN,
    "unique": [e((4,), dim=None, consecutive=False), e((3, 2), dim=1, consecutive=False), e((3,), dim=None, consecutive=True)],
    "searchsorted": [e((3,), (2, 2), side="left", dtype=np.dtype(np.int64)), e((2, 3), (2, 1), side="right", dtype=np.dtype(np.int32))],
    "linear_unbiased": [e((2, 3), (4, 3)), e((5, 2, 3), (4, 3)), e((3,), (4, 3)), e((2, 1), (4, 1))],
    "linear": [
        e((2, 3), (4, 3), (4,)),
        e((5, 2, 3), (4, 3), (4,)),
        e((3,), (4, 3), (4,)),
        e((2, 1), (4, 1), (4,)),
        e((2, 3), (4, 3), ()),
        e((0, 3), (4, 3), (4,)),
    ],
    "glu": [e((2, 4), dim=1), e((4, 3), dim=0), e((6,), dim=0)],
    "softmax": _ALONG,
    "softmax_grad": _TWO_ALONG,
    "log_softmax": _ALONG,
    "log_softmax_grad": _TWO_ALONG,
    "row_dot": [e((3, 4), (3, 4), dims=1), e((2, 2, 3), (2, 2, 3), dims=2)],
    "at_target": [e((2, 3), ints(2, 0), dim=1), e((3,), ints(1)[0], dim=0), e((2, 3, 2), ints([0, 2], [1, 1]), dim=1)],
    "to_target": [
        e((2,), ints(2, 0), shape=(2, 3), dim=1),
        e((), ints(1)[0], shape=(3,), dim=0),
        e((2, 2), ints([0, 2], [1, 1]), shape=(2, 3, 2), dim=1),
    ],
    "class_losses": [e((2, 3), ints(2, 0), dim=1), e((3,), ints(1)[0], dim=0), e((2, 3, 2), ints([0, 2], [1, 1]), dim=1)],
    "class_losses_grad": [
        e((2,), (2, 3), ints(2, 0), dim=1),
        e((), (3,), ints(1)[0], dim=0),
        e((2, 2), (2, 3, 2), ints([0, 2], [1, 1]), dim=1),
    ],
    "at_targets_total": [e((2, 3), ints(2, 0), dim=1, divisor=2), e((3,), ints(1)[0], dim=0, divisor=1)],
    "class_total": [e((2, 3), ints(2, 0), dim=1, divisor=2), e((3,), ints(1)[0], dim=0, divisor=1)],
    "lstm": [e((18,), sizes=(3, 1, 1)), e((24,), sizes=(2, 1, 2)), e((28,), sizes=(1, 2, 1))],
    "channel_sum": [e((2, 3)), e((2, 3, 4)), e((1, 2, 2, 2)), e((0, 3, 2))],
    "channel_dot": [e((2, 3), (2, 3)), e((2, 3, 4), (2, 3, 4)), e((1, 3, 2, 2), (1, 3, 2, 2)), e((2, 3, 0), (2, 3, 0))],
    "channel_spread": [e((3,), shape=s) for s in ((2, 3), (2, 3, 4), (1, 3, 2, 2))],
    "channel_scale": [e((2, 3), (3,)), e((2, 3, 2, 2), (3,))],
    "channel_affine": [e((2, 3), (3,), (3,)), e((2, 3, 2, 2), (3,), (3,))],
    "standardize": [e(s, shape=seen, eps=eps) for s, seen, eps in _STANDARDIZED],
    "standardize_affine": [
        *[e(s, s[1:2], s[1:2], shape=seen, channels=True, eps=eps) for s, seen, eps in _STANDARDIZED],
        e((3, 4), (4,), (4,), shape=(3, 4), channels=False, eps=1e-5),
        e((2, 2, 3), (2, 3), (2, 3), shape=(2, 6), channels=False, eps=0.1),
        e((3, 40), (40,), (40,), shape=(3, 40), channels=False, eps=0.1),
    ],
    "standardize_back": [e(s, s, *[seen[-2:-1]] * 3, shape=seen) for s, seen, _ in _STANDARDIZED],
    "rms_affine": [e((3, 4), (4,), dims=1, eps=1e-5), e((2, 2, 3), (2, 3), dims=2, eps=0.1), e((2, 40), (40,), dims=1, eps=0.1)],
    "rms_standardize": [e((3, 4), dims=1, eps=1e-5), e((2, 2, 3), dims=2, eps=0.1)],
    "occurrences": [e(ints(3, 1, 3)), e(ints([0, 1], [1, 1])), e(ints())],
    "with_scaled_gradient": [e((2, 3), np.ones((2, 1))), e((3,), np.ones(3, np.float64))],
    "bag_numbers": [e(ints(0, 2, 2), length=4), e(ints(0), length=0)],
    "bag_argmax": [e((3, 2), ints(0, 0, 2), count=4), e((0, 2), ints(), count=2), e((4, 1), ints(1, 1, 1, 1), count=2)],
    "convolution": [
        e((2, 2, 4), (3, 2, 2), groups=1, **_PLAIN),
        e((2, 4, 3), (4, 1, 2), groups=4, **_PLAIN),
        e((1, 4, 5, 6), (2, 2, 2, 3), groups=2, **_STRIDED),
    ],
    "convolution_biased": [e((2, 2, 4), (3, 2, 2), (3,), groups=1, **_PLAIN), e((1, 4, 5, 6), (2, 2, 2, 3), (2,), groups=2, **_STRIDED)],
    "convolution_input": [
        e((2, 3, 3), (3, 2, 2), size=(4,), groups=1, **_PLAIN),
        e((1, 2, 3, 2), (2, 2, 2, 3), size=(5, 6), groups=2, **_STRIDED),
    ],
    "convolution_transposed": [
        e((2, 3, 3), (3, 2, 2), (2,), size=(4,), groups=1, **_PLAIN),
        e((1, 2, 3, 2), (2, 2, 2, 3), (4,), size=(5, 6), groups=2, **_STRIDED),
    ],
    "convolution_weight": [
        e((2, 2, 4), (2, 3, 3), kernel=(2,), groups=1, **_PLAIN),
        e((1, 4, 5, 6), (1, 2, 3, 2), kernel=(2, 3), groups=2, **_STRIDED),
    ],
    "unfold": [e((2, 2, 4), kernel=(2,), **_PLAIN), e((1, 2, 5, 6), kernel=(2, 3), **_STRIDED)],
    "fold": [e((2, 4, 3), size=(4,), kernel=(2,), **_PLAIN), e((1, 6, 6), size=(5, 6), kernel=(2, 3), **_STRIDED)],
    "window_mean": [
        e((2, 4), axes=(_HALVES,), padded=True, divisor=None),
        e((1, 5, 3), axes=(_OVERLAPPING, _UNEVEN), padded=False, divisor=None),
    ],
    "window_spread": [
        e((2, 2), axes=(_HALVES,), padded=True, divisor=3),
        e((1, 3, 2), axes=(_OVERLAPPING, _UNEVEN), padded=False, divisor=None),
    ],
    "window_max": [e((2, 4), axes=(_HALVES,)), e((1, 5, 3), axes=(_OVERLAPPING, _UNEVEN))],
    "window_argmax": [e((2, 4), (2, 2), axes=(_HALVES,)), e((1, 5, 3), (1, 3, 2), axes=(_OVERLAPPING, _UNEVEN))],
    "window_pick": [
        e((2, 4), ints([0, 1], [1, 1]), axes=(_HALVES,)),
        e((5, 3), ints([2, 5], [0, 4], [1, 2]), axes=(_OVERLAPPING, _UNEVEN)),
    ],
    "window_place": [
        e((2, 2), ints([0, 1], [1, 1]), axes=(_HALVES,)),
        e((3, 2), ints([2, 5], [0, 4], [1, 2]), axes=(_OVERLAPPING, _UNEVEN)),
    ],
    "window_indices": [e(ints([0, 1], [1, 1]), axes=(_HALVES,)), e(ints([2, 5], [0, 4], [1, 2]), axes=(_OVERLAPPING, _UNEVEN))],
    "shuffle": [
        e((2, 12, 2, 3), apart=(2, 3, 2, 2, 2, 3), dims=(0, 1, 4, 2, 5, 3), shape=(2, 3, 4, 6)),
        e((2, 3), apart=(2, 1, 3), dims=(0, 1, 2), shape=(2, 3)),
    ],
    "pad_constant": [e((2, 3), pads=((1, 2),), value=0.0), e((2, 3), pads=((1, -1), (-1, 2)), value=0.5), e((), pads=(), value=1.0)],
    "pad_edges": [e((2, 3, 4), pads=((1, 2), (3, 0)), mode=mode) for mode in ("reflect", "replicate", "circular")],
    "pad_edges_back": [e((2, 6, 7), pads=((1, 2), (3, 0)), mode=mode) for mode in ("reflect", "replicate", "circular")],
    "resample": [
        e((2, 3, 2), grids=(Grid(3, 5, "linear"), Grid(2, 4, "linear"))),
        e((2, 3), grids=(Grid(3, 7, "nearest"),)),
        e((2, 5), grids=(Grid(5, 2, "linear", 0.5),)),
        e((2, 4), grids=(Grid(4, 7, "cubic", None, True),)),
    ],
    "resample_back": [
        e((2, 5, 4), grids=(Grid(3, 5, "linear", None, True), Grid(2, 4, "linear"))),
        e((2, 7), grids=(Grid(3, 7, "nearest"),)),
        e((2, 7), grids=(Grid(4, 7, "cubic"),)),
    ],
    "safe_softmax": [e((2, 3)), e((2, 2, 3)), e((3,)), e((2, 0))],
    "attention": _ATTENTION,
    "attention_weights": [
        e((2, 3), (4, 3), is_causal=False, scale=0.5),
        e((2, 2, 3), (2, 3, 3), is_causal=True, scale=1.0),
        e((2, 3), (2, 3), mask("10", "00"), is_causal=False, scale=1.0),
        e((2, 1, 2, 3), (3, 2, 3), (2, 2), is_causal=False, scale=2.0),
    ],
    "gelu": [e(shape) for shape in ((2, 3), (), (0, 2))],
    "axpby": [e((), (2, 3), (), (2, 3), minus=False), e((2, 3), (2, 3), (2, 3), (2, 3), minus=True), e((), (), (), (), minus=True)],
    "relu_grad": [e(shape, shape) for shape in ((2, 3), (), (0, 2))],
    "gelu_grad": [e(*[shape] * 4) for shape in ((2, 3), (), (0, 2))],
    "masked_softmax": [e((2, 3), mask("101", "011")), e((2, 2, 3), mask("101", "000"))],
    "draw_p": [
        e(kind=kind, shape=(2, 3), dtype=np.dtype(dtype), generator=default_generator, params=params)
        for kind, dtype, params in (("uniform", "float32", ()), ("normal", "float64", ()), ("integers", "int64", (0, 5)))
    ],
    "einsum_p": [
        e((2, 3), (3, 4), equation="ij,jk->ik"),
        e((2, 3), (2, 3), (3,), equation="ij,ij,j->i"),
        e((2,), (3,), equation="i,j->ji"),
    ],
    "mse_loss": [e((2, 3), (2, 3), average=a) for a in (True, False)] + [e((2, 3), (3,), average=True)],
    "l1_loss": [e((2, 3), (2, 3), divisor=d) for d in (6, 1)] + [e((), (), divisor=1)],
    "hinge_embedding": [e((2, 3), np.array([[1, -1, 0], [-1, 1, 1]]), margin=m) for m in (1.0, 0.5)] + [e((), ints(1)[0], margin=1.0)],
    "huber_total": [e((2, 3), delta=d, divisor=6) for d in (0.5, 1.0)] + [e((), delta=1.0, divisor=1)],
    "kl_div_total": [e((2, 3), Between((2, 3)), divisor=2), e((), Between(()), divisor=1)],
    "binary_cross_entropy_total": [e(Between((2, 3)), Between((2, 3)), divisor=d) for d in (6, 1)],
    "binary_cross_entropy_with_logits_total": [e((2, 3), (2, 3), divisor=d) for d in (6, 1)] + [e((), (), divisor=1)],
    "one_hot": [e(ints(0, 2), num_classes=3)],
}


def examples_of(name: str) -> list[Example]:
    """The calls to test a primitive with; [] if none is stated."""
    primitive = PRIMITIVES[name]
    if not isinstance(primitive, Elementwise) or name in EXAMPLES:
        return EXAMPLES.get(name, [])
    shapes = {1: SHAPES, 2: PAIRS, 3: TRIPLES}[len(primitive.arguments)]
    if not primitive.keywords:
        return [Example(shape) for shape in shapes]
    return [Example(shapes[i], params) for params in KEYWORDS.get(name, []) for i in (0, 1)]
