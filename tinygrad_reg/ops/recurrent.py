"""A whole sequence of LSTM as one call: what the layer is made of where all sequences have one length.

One node stands for what would be a dozen at each step. The gates of all steps are kept, so that the way back does most of its work for all
steps at once, and its loop only what a step needs of the one after it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..engine.mutation import Array
from ..engine.primitive import primitive
from .elementwise import tanh
from .joining import cat_p, stack_p
from .shape import reshape_p, transpose_p, unsqueeze_p

Sizes = tuple[int, int, int]  # steps, batch, size


def _bounds(sizes: Sizes) -> tuple[int, ...]:
    """Where x, h, c and the weight begin and end in the packed arguments."""
    steps, batch, size = sizes
    ends, rows = [0], batch * size
    for length in (4 * steps * rows, rows, rows, 4 * size * size):
        ends.append(ends[-1] + length)
    return tuple(ends)


def _packed(parts: tuple[Any, ...], sizes: Sizes) -> Any:
    """All parts, row after row, in one vector."""
    return cat_p(*[reshape_p(part, shape=(-1,)) for part in parts], dim=0, bounds=_bounds(sizes))


def _unpacked(packed: Any, sizes: Sizes) -> list[Any]:
    """x (steps, batch, 4 · size), h and c (batch, size), weight (4 · size, size)."""
    steps, batch, size = sizes
    shapes = ((steps, batch, 4 * size), (batch, size), (batch, size), (4 * size, size))
    ends = _bounds(sizes)
    return [reshape_p(packed[ends[k] : ends[k + 1]], shape=shape) for k, shape in enumerate(shapes)]


def _blocks(gates: Any, size: int) -> list[Any]:
    """The four gates, which stand side by side in the last dim."""
    return [gates[..., k * size : (k + 1) * size] for k in range(4)]


def _side_by_side(blocks: tuple[Any, ...], size: int) -> Any:
    return cat_p(*blocks, dim=len(blocks[0].shape) - 1, bounds=(0, size, 2 * size, 3 * size, 4 * size))


def _earlier(first: Any, states: Any, sizes: Sizes) -> Any:
    """The state before each step, of the first one and those after each step."""
    return cat_p(unsqueeze_p(first, dim=0), states[:-1], dim=0, bounds=(0, 1, sizes[0]))


@primitive(outputs=True)
def lstm(packed: Array, *, sizes: Sizes) -> tuple[Array, Array, Array]:
    """h, c and the gates σ(i), σ(f), tanh(n), σ(o) after each step, of (i f n o) = x + h Wᵀ: c' = σ(f) c + σ(i) tanh(n), h' = σ(o) tanh(c').

    x, h, c and W are packed into one vector: arguments with rules of their own would each go the same way back through all steps.
    """
    steps, batch, size = sizes
    x, h, c, weight = _unpacked(packed, sizes)
    hs, cs = np.empty((steps, batch, size), x.dtype), np.empty((steps, batch, size), x.dtype)
    gates = np.empty(x.shape, x.dtype)
    for k, a in enumerate(gates):
        np.dot(h, weight.T, out=a)
        a += x[k]
        i, f, n, o = _blocks(a, size)
        new = np.tanh(n)
        np.negative(a, out=a)
        np.exp(a, out=a)
        a += 1.0
        np.divide(1.0, a, out=a)
        n[...] = new
        c = np.multiply(f, c, out=cs[k])
        c += i * new
        h = np.multiply(o, np.tanh(c), out=hs[k])
    return hs, cs, gates


def _lstm_rule(g: Any, packed: Any, out: Any, sizes: Sizes) -> Any:
    """Back through time. Of each step's z = x + h Wᵀ: ∂z = (∂c ∂c ∂c ∂h) · (n c i tanh(c')) · slopes, with ∂c of c' and of h' = o tanh(c')."""
    (gh, gc, ga), (hs, cs, gates) = g, out
    steps, batch, size = sizes
    _, h, c, weight = _unpacked(packed, sizes)
    i, f, n, o = _blocks(gates, size)
    t = tanh(cs)
    slopes = _side_by_side((i * (1.0 - i), f * (1.0 - f), 1.0 - n * n, o * (1.0 - o)), size)
    factors = _side_by_side((n, _earlier(c, cs, sizes), i, t), size) * slopes
    of_gates = ga * slopes
    h_to_c = o * (1.0 - t * t)
    to_h, to_c, to_z = gh[steps - 1], gc[steps - 1], []
    for k in reversed(range(steps)):
        to_c = to_c + to_h * h_to_c[k]
        to_z.append(_side_by_side((to_c, to_c, to_c, to_h), size) * factors[k] + of_gates[k])
        to_h, to_c = to_z[-1] @ weight, to_c * f[k]
        if k:
            to_h, to_c = to_h + gh[k - 1], to_c + gc[k - 1]
    to_x = stack_p(*reversed(to_z), dim=0)
    rows = reshape_p(to_x, shape=(steps * batch, 4 * size))
    to_weight = transpose_p(rows, dim0=0, dim1=1) @ reshape_p(_earlier(h, hs, sizes), shape=(steps * batch, size))
    return _packed((to_x, to_h, to_c, to_weight), sizes)


lstm.vjp(packed=_lstm_rule)


def lstm_sequence(x: Any, h: Any, c: Any, weight: Any) -> tuple[Any, Any]:
    """h and c after each step; (steps, batch, 4 · size), (batch, size), (batch, size), (4 · size, size) -> (steps, batch, size) twice."""
    sizes = (x.shape[0], *h.shape)
    hs, cs, _ = lstm(_packed((x, h, c, weight), sizes), sizes=sizes)
    return hs, cs
