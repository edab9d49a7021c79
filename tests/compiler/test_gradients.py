"""The memory of gradients: used again by the next call, unless anybody could tell."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_reg as tg
from tinygrad_reg import nn

SIZE = 64  # its square is a gradient large enough to be worth it


def made(**options: Any) -> tuple[Any, Any]:
    """A parameter, and a compiled step of `x` that sets its gradient to that of sum((w x)²)."""
    w = nn.Parameter(tg.ones(SIZE, SIZE) / SIZE)

    @tg.compile(**options)
    def step(x: Any) -> Any:
        w.grad = None
        loss = (w @ x).square().sum()
        loss.backward()
        return loss

    for i in range(3):
        step(batch(i))
    return w, step


def batch(seed: int) -> Any:
    return tg.tensor(np.random.default_rng(seed).standard_normal((SIZE, 3)).astype(np.float32))


def test_its_memory_is_used_again() -> None:
    w, step = made()
    before = id(w.grad.array)
    first = w.grad.tolist()
    step(batch(7))
    assert id(w.grad.array) == before
    assert w.grad.tolist() != first


HOLDERS: dict[str, Callable[[Any], Any]] = {
    "the tensor": lambda g: g,
    "its array": lambda g: g.array,
    "a view of it": lambda g: g[1:],
    "what NumPy sees": lambda g: g.numpy(),
    "a view that NumPy made": lambda g: g.numpy()[::2].T,
    "without a graph": lambda g: g.detach(),
    "its bytes": lambda g: memoryview(g.array),
    "a graph": lambda g: tg.ones(SIZE, SIZE, requires_grad=True) * g,
}


@pytest.mark.parametrize("holder", HOLDERS)
def test_what_somebody_holds_keeps_its_values(holder: str) -> None:
    w, step = made()
    held = HOLDERS[holder](w.grad)
    before = copy.deepcopy(np.asarray(held.detach().numpy() if isinstance(held, tg.Tensor) else held))
    step(batch(7))
    after = np.asarray(held.detach().numpy() if isinstance(held, tg.Tensor) else held)
    np.testing.assert_array_equal(after, before)
    assert not np.shares_memory(after, w.grad.array)


def test_a_graph_goes_back_through_the_gradient_that_it_saw() -> None:
    w, step = made()
    u = tg.ones(SIZE, SIZE, requires_grad=True)
    expected = w.grad.clone()
    product = (u * w.grad).sum()
    step(batch(7))
    product.backward()
    assert u.grad.tolist() == expected.tolist()


def test_two_steps_and_two_parameters_with_one_gradient() -> None:
    w, step = made()
    v, other = made()
    v.grad = w.grad
    before = w.grad.tolist()
    other(batch(7))
    assert w.grad.tolist() == before
    assert v.grad.tolist() != before
    step(batch(7))
    assert w.grad.tolist() == v.grad.tolist()


def test_a_call_that_fails_leaves_no_half_made_gradient() -> None:
    w = nn.Parameter(tg.ones(SIZE, SIZE))

    @tg.compile
    def step(x: Any, index: Any) -> Any:
        loss = (w @ x)[index].square().sum()
        w.grad = None
        loss.backward()
        return loss

    good, bad = tg.tensor([0, 1]), tg.tensor([0, SIZE])
    for i in range(3):
        step(batch(i), good)
    before = w.grad.tolist()
    with pytest.raises(IndexError):
        step(batch(7), bad)
    assert w.grad is None or w.grad.tolist() == before


def test_a_gradient_that_the_step_looks_at_is_left_where_it_is() -> None:
    w, v = (nn.Parameter(tg.ones(SIZE, SIZE)) for _ in range(2))

    def run(p: Any) -> Callable[..., Any]:
        def step(x: Any) -> Any:
            old = p.grad
            p.grad = None
            loss = (p @ x).square().sum()
            if old is not None:
                loss = loss + (old * p).sum()
            loss.backward()
            return loss

        return step

    eager, compiled = run(w), tg.compile(run(v))
    for i in range(6):
        assert eager(batch(i)).item() == pytest.approx(compiled(batch(i)).item(), rel=1e-4)
        np.testing.assert_allclose(v.grad.numpy(), w.grad.numpy(), rtol=1e-4, atol=1e-4 * np.abs(w.grad.numpy()).max())


def test_gradients_that_are_not_finite_are_made_by_eager() -> None:
    w, step = made()
    x = batch(7)
    x[0, 0] = float("inf")
    step(x)
    assert not w.grad.isfinite().all()
    assert "1 calls ran eagerly" in step.explain()
