"""A whole sequence of LSTM as one call: what the layer is made of where all sequences have one length.

One node stands for what would be a dozen at each step. The gates of all steps are kept, so that the way back does most of its work for all
steps at once, and its loop only what a step needs of the one after it. Features come before the batch here: so each gate is one piece of
memory, which halves the time of most operations.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..engine.mutation import Array
from ..engine.primitive import primitive
from .elementwise import tanh
from .joining import cat_p, stack_p
from .shape import reshape_p, transpose_p, unsqueeze_p

Sizes = tuple[int, int, int]  # steps, size, batch


def _bounds(sizes: Sizes) -> tuple[int, ...]:
    """Where x, h, c and the weight begin and end in the packed arguments."""
    steps, size, batch = sizes
    ends, rows = [0], batch * size
    for length in (4 * steps * rows, rows, rows, 4 * size * size):
        ends.append(ends[-1] + length)
    return tuple(ends)


def _packed(parts: tuple[Any, ...], sizes: Sizes) -> Any:
    """All parts, row after row, in one vector."""
    return cat_p.bind(*[reshape_p.bind(part, shape=(-1,)) for part in parts], dim=0, bounds=_bounds(sizes))


def _unpacked(packed: Any, sizes: Sizes) -> list[Any]:
    """x (steps, 4 · size, batch), h and c (size, batch), weight (4 · size, size)."""
    steps, size, batch = sizes
    shapes = ((steps, 4 * size, batch), (size, batch), (size, batch), (4 * size, size))
    ends = _bounds(sizes)
    return [reshape_p.bind(packed[ends[k] : ends[k + 1]], shape=shape) for k, shape in enumerate(shapes)]


def _blocks(gates: Any, size: int) -> list[Any]:
    """The four gates, which stand one below the other."""
    return [gates[..., k * size : (k + 1) * size, :] for k in range(4)]


def _one_below_the_other(blocks: tuple[Any, ...], size: int) -> Any:
    return cat_p.bind(*blocks, dim=len(blocks[0].shape) - 2, bounds=(0, size, 2 * size, 3 * size, 4 * size))


def _earlier(first: Any, states: Any, sizes: Sizes) -> Any:
    """The state before each step, of the first one and those after each step."""
    return cat_p.bind(unsqueeze_p.bind(first, dim=0), states[:-1], dim=0, bounds=(0, 1, sizes[0]))


@primitive(outputs=True)
def lstm(packed: Array, *, sizes: Sizes) -> tuple[Array, Array, Array]:
    """After each step h' = σ(o) tanh(c'), c' = σ(f) c + σ(i) tanh(n), and (σ(i) σ(f) tanh(n) σ(o)) of (i f n o) = x + W h.

    x, h, c and W are packed into one vector: arguments with rules of their own would each go the same way back through all steps.
    """
    steps, size, batch = sizes
    x, h, c, weight = _unpacked(packed, sizes)
    hs, cs = np.empty((steps, size, batch), x.dtype), np.empty((steps, size, batch), x.dtype)
    gates = np.empty(x.shape, x.dtype)
    for k, a in enumerate(gates):
        np.dot(weight, h, out=a)
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
    """Back through time. Of z = x + W h: ∂z = (∂c ∂c ∂c ∂h) · (n c i tanh(c')) · slopes, where ∂c is that of c' and of h' = o tanh(c')."""
    (gh, gc, ga), (hs, cs, gates) = g, out
    steps, size, batch = sizes
    _, h, c, weight = _unpacked(packed, sizes)
    i, f, n, o = _blocks(gates, size)
    t = tanh(cs)
    slopes = _one_below_the_other((i * (1.0 - i), f * (1.0 - f), 1.0 - n * n, o * (1.0 - o)), size)
    factors = _one_below_the_other((n, _earlier(c, cs, sizes), i, t), size) * slopes
    of_gates = ga * slopes
    h_to_c = o * (1.0 - t * t)
    turned = transpose_p.bind(weight, dim0=0, dim1=1)
    to_h, to_c, to_z = gh[steps - 1], gc[steps - 1], []
    for k in reversed(range(steps)):
        to_c = to_c + to_h * h_to_c[k]
        to_z.append(_one_below_the_other((to_c, to_c, to_c, to_h), size) * factors[k] + of_gates[k])
        to_h, to_c = turned @ to_z[-1], to_c * f[k]
        if k:
            to_h, to_c = to_h + gh[k - 1], to_c + gc[k - 1]
    to_x = stack_p.bind(*reversed(to_z), dim=0)
    to_weight = _rows(to_x, 4 * size) @ transpose_p.bind(_rows(_earlier(h, hs, sizes), size), dim0=0, dim1=1)
    return _packed((to_x, to_h, to_c, to_weight), sizes)


def _rows(x: Any, features: int) -> Any:
    """All steps side by side; (steps, features, batch) -> (features, steps · batch)."""
    return reshape_p.bind(transpose_p.bind(x, dim0=0, dim1=1), shape=(features, -1))


def _plain_lstm(packed: Array, *, sizes: Sizes) -> tuple[Array, ...]:
    steps, size, _ = sizes
    x, h, c, weight = _unpacked(packed, sizes)
    seen = []
    for k in range(steps):
        i, f, n, o = _blocks(weight.dot(h) + x[k], size)
        i, f, o = (1.0 / (1.0 + np.exp(-a)) for a in (i, f, o))
        n = np.tanh(n)
        c = f * c + i * n
        h = o * np.tanh(c)
        seen.append((h, c, np.concatenate([i, f, n, o])))
    return tuple([np.concatenate([each[None] for each in states]) for states in zip(*seen, strict=True)])


lstm.plain = _plain_lstm
lstm.vjp(packed=_lstm_rule)


def lstm_sequence(x: Any, h: Any, c: Any, weight: Any) -> tuple[Any, Any]:
    """h and c after each step; (steps, batch, 4 · size), (batch, size), (batch, size), (4 · size, size) -> (steps, batch, size) twice."""
    steps, batch, _ = x.shape
    sizes = (steps, h.shape[1], batch)
    x, h, c = transpose_p.bind(x, dim0=1, dim1=2), transpose_p.bind(h, dim0=0, dim1=1), transpose_p.bind(c, dim0=0, dim1=1)
    hs, cs, _ = lstm.bind(_packed((x, h, c, weight), sizes), sizes=sizes)
    return transpose_p.bind(hs, dim0=1, dim1=2), transpose_p.bind(cs, dim0=1, dim1=2)
