"""The LSTM of a whole sequence against its formula, step by step."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_reg as tg
from tinygrad_reg.engine.graph import ancestors
from tinygrad_reg.ops.recurrent import lstm_sequence


def by_steps(x: Any, h: Any, c: Any, weight: Any) -> tuple[Any, Any]:
    """c' = σ(f) c + σ(i) tanh(n), h' = σ(o) tanh(c') with (i f n o) = x + h Wᵀ."""
    hs, cs = [], []
    for step in x:
        i, f, n, o = (step + h @ weight.mT).chunk(4, -1)
        c = f.sigmoid() * c + i.sigmoid() * n.tanh()
        h = o.sigmoid() * c.tanh()
        hs.append(h)
        cs.append(c)
    return tg.stack(hs), tg.stack(cs)


def drawn(steps: int, batch: int, size: int, dtype: Any = tg.float64) -> list[Any]:
    rng = np.random.default_rng(steps)
    shapes = ((steps, batch, 4 * size), (batch, size), (batch, size), (4 * size, size))
    return [tg.tensor(rng.standard_normal(shape), dtype=dtype, requires_grad=True) for shape in shapes]


@pytest.mark.parametrize(("steps", "batch", "size"), [(1, 1, 1), (1, 3, 2), (4, 1, 3), (5, 3, 2)])
def test_is_its_formula_in_value_and_both_gradients(steps: int, batch: int, size: int) -> None:
    arguments = drawn(steps, batch, size)
    weights = [tg.randn(steps, batch, size, dtype=tg.float64) for _ in range(2)]
    found = []
    for function in (lstm_sequence, by_steps):
        results = function(*arguments)
        first = tg.autograd.grad(results, arguments, weights, create_graph=True)
        second = tg.autograd.grad(sum((g * g).sum() for g in first), arguments)
        found.append([*results, *first, *second])
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), rtol=1e-10, atol=1e-12)


def test_large_inputs_saturate_without_nan() -> None:
    """i = f = o = 1 and n = -1 of 1000, -1000; and all 0 of the opposite."""
    x = tg.tensor([[[1e3, 1e3, -1e3, 1e3]], [[-1e3, -1e3, 1e3, -1e3]]], requires_grad=True)
    h, c, weight = tg.zeros(1, 1), tg.full((1, 1), 3.0), tg.zeros(4, 1)
    hs, cs = lstm_sequence(x, h, c, weight)
    np.testing.assert_allclose(cs.detach().numpy().ravel(), [2.0, 0.0])
    np.testing.assert_allclose(hs.detach().numpy().ravel(), [np.tanh(2.0), 0.0], rtol=1e-6)
    (g,) = tg.autograd.grad(hs.sum() + cs.sum(), [x])
    assert np.isfinite(g.numpy()).all()


def test_keeps_float32() -> None:
    arguments = drawn(3, 2, 2, tg.float32)
    results = lstm_sequence(*arguments)
    assert {r.dtype for r in [*results, *tg.autograd.grad(results[0].sum(), arguments)]} == {tg.float32}


def test_the_layer_records_one_call_for_all_steps() -> None:
    """Ten steps have no more nodes than two."""

    def nodes(steps: int) -> int:
        out, _ = tg.nn.LSTM(2, 3)(tg.ones(steps, 1, 2))
        assert out.node is not None
        return len(ancestors([out.node]))

    assert nodes(10) == nodes(2)
