"""The law of a function that is linear in its tensors, proven by one random draw.

Shapes, joints and indices move numbers and never change them, so each is a matrix. Its rule must be the transposed one:
<g, f(x)> = <vjp(g), x> for random x and g; and the rule of that rule must be f again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import tinygrad_reg as tg


def check_linear(function: Callable[..., Any], *shapes: tuple[int, ...], seed: int = 0) -> None:
    """Assert the law in orders 1 and 2, on raw arrays and on recorded tensors, and that float32 stays float32.

    The constant part of an affine function, f(0), is subtracted. The function may return one tensor or several.
    """
    rng = np.random.default_rng(seed)
    values = [rng.standard_normal(shape) for shape in shapes]
    others = [rng.standard_normal(shape) for shape in shapes]
    zeros = [np.zeros(shape) for shape in shapes]
    constant = _arrays(function(*map(tg.tensor, zeros)))
    inputs = [tg.tensor(value, requires_grad=True) for value in values]
    outputs = _several(function(*inputs))
    weights = [tg.tensor(np.asarray(rng.standard_normal(out.shape)), requires_grad=True) for out in outputs]
    plain = tg.autograd.grad(outputs, inputs, weights, retain_graph=True, allow_unused=True)
    recorded = tg.autograd.grad(outputs, inputs, weights, create_graph=True, allow_unused=True)
    for a, b, x in zip(plain, recorded, inputs, strict=True):
        np.testing.assert_array_equal(_filled(a, x), _filled(b, x))
        assert a is None or (a.shape == x.shape and a.dtype == x.dtype)
    there = sum(_dot(w.detach().numpy(), out.detach().numpy() - c) for w, out, c in zip(weights, outputs, constant, strict=True))
    back = sum(_dot(_filled(g, x), value) for g, x, value in zip(plain, inputs, values, strict=True))
    np.testing.assert_allclose(back, there, rtol=1e-10, atol=1e-10)
    used = [(g, tg.tensor(u)) for g, u in zip(recorded, others, strict=True) if g is not None and g.requires_grad]
    again = tg.autograd.grad([g for g, _ in used], weights, [u for _, u in used], allow_unused=True) if used else [None] * len(weights)
    expected = _arrays(function(*map(tg.tensor, others)))
    for w, g, value, c in zip(weights, again, expected, constant, strict=True):
        np.testing.assert_allclose(_filled(g, w), value - c, rtol=1e-10, atol=1e-10)
    _check_float32(function, values)


def _check_float32(function: Callable[..., Any], values: list[Any]) -> None:
    inputs = [tg.tensor(value.astype(np.float32), requires_grad=True) for value in values]
    outputs = _several(function(*inputs))
    assert all(out.dtype == np.float32 for out in outputs)
    found = tg.autograd.grad(outputs, inputs, [tg.ones_like(out) for out in outputs], allow_unused=True)
    assert all(g is None or g.dtype == np.float32 for g in found)


def _several(result: Any) -> list[Any]:
    return list(result) if isinstance(result, tuple | list) else [result]


def _arrays(result: Any) -> list[Any]:
    return [out.detach().numpy() for out in _several(result)]


def _filled(gradient: Any, like: Any) -> Any:
    return np.zeros(like.shape) if gradient is None else gradient.detach().numpy()


def _dot(a: Any, b: Any) -> Any:
    return np.vdot(np.asarray(a), np.asarray(b))
