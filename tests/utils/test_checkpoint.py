"""Checkpointing changes memory and time, and no number."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

import tinygrad_reg as tg
from tinygrad_reg.errors import ArgumentError, GradientError
from tinygrad_reg.utils.checkpoint import checkpoint, checkpoint_sequential


def network() -> tg.nn.Sequential:
    tg.manual_seed(0)
    layers: list[Any] = []
    for _ in range(4):
        layers += [tg.nn.Linear(5, 5), tg.nn.Tanh(), tg.nn.Dropout(0.3)]
    return tg.nn.Sequential(*layers)


def gradients(forward: Callable[[Any, Any], Any], needs: bool) -> list[Any]:
    model, x = network(), tg.ones(7, 5, requires_grad=needs)
    tg.manual_seed(4)
    loss = (forward(model, x) ** 2).sum()
    loss.backward()
    grads = [p.grad for p in (*model.parameters(), x)]
    return [loss.item(), tg.rand(1).item(), *[g if g is None else g.numpy().tobytes() for g in grads]]


@pytest.mark.parametrize("needs", [False, True])
@pytest.mark.parametrize(
    "forward",
    [
        checkpoint,
        lambda model, x: checkpoint(model, x, use_reentrant=False),
        lambda model, x: checkpoint(model, input=x),
        lambda model, x: checkpoint(lambda: model(x)),
        lambda model, x: checkpoint(lambda x: checkpoint(model[6:], checkpoint(model[:6], x)), x),
        lambda model, x: checkpoint_sequential(model, 3, x),
        lambda model, x: checkpoint_sequential(list(model), 12, x, use_reentrant=True),
    ],
)
def test_loss_gradients_and_random_numbers_are_the_same(forward: Callable[[Any, Any], Any], needs: bool) -> None:
    assert gradients(forward, needs) == gradients(lambda model, x: model(x), needs)


def test_every_order() -> None:
    x = tg.tensor([0.3, 0.7], dtype=tg.float64, requires_grad=True)
    w = tg.tensor([1.5, -0.5], dtype=tg.float64, requires_grad=True)

    def f(x: Any) -> Any:
        return (x * w).sin() * x

    assert tg.autograd.gradcheck(lambda x: checkpoint(f, x), (x,))
    assert tg.autograd.gradgradcheck(lambda x: checkpoint(f, x), (x,))

    def mixed(call: Callable[[Any], Any]) -> Any:
        (g,) = tg.autograd.grad(call(x).sum(), x, create_graph=True)
        (h,) = tg.autograd.grad((g**2).sum(), x, create_graph=True)
        return tg.autograd.grad(h.sum(), (w, x))

    for a, b in zip(mixed(lambda x: checkpoint(f, x)), mixed(f), strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-12)


def test_inner_tensors_that_the_function_uses_get_their_gradient() -> None:
    a = tg.ones(3, requires_grad=True)
    h = a * 2.0
    (checkpoint(lambda: h.exp()).sum() + h.sum()).backward()
    assert a.grad is not None
    np.testing.assert_allclose(a.grad.numpy(), 2 * np.exp(2.0) + 2, rtol=1e-6)


def test_results_of_every_structure() -> None:
    x = tg.ones(2, requires_grad=True)
    made = checkpoint(lambda x: {"a": [x * 2, x.detach()], "b": (x.sum() * 3, x > 0, None, "text")}, x)
    assert made["b"][2:] == (None, "text")
    assert not made["a"][1].requires_grad
    (made["a"][0].sum() + made["b"][0]).backward()
    assert x.grad is not None
    assert x.grad.tolist() == [5.0, 5.0]


def test_arguments_that_are_handed_through() -> None:
    x = tg.ones(2, requires_grad=True)
    h = x * 1.0
    same, part = checkpoint(lambda h: (h, h[:1]), h)
    same.mul_(3.0)
    assert h.tolist() == [1.0, 1.0]
    (same.sum() + part.sum()).backward()
    assert x.grad is not None
    assert x.grad.tolist() == [4.0, 3.0]


def test_sources_that_depend_on_each_other() -> None:
    """What flows back through one of them must not be counted twice, nor what it saved be freed."""
    x = tg.tensor([0.5, 2.0], dtype=tg.float64, requires_grad=True)

    def gradient(call: Callable[[Any], Any]) -> Any:
        h = x.exp()
        k = h * x
        return tg.autograd.grad((call(lambda: h.sin() * x + k * h) * h).sum(), x)[0].numpy()

    np.testing.assert_allclose(gradient(checkpoint), gradient(lambda f: f()), rtol=1e-14)


def test_hooks_see_the_complete_gradient_once() -> None:
    x = tg.ones(2, requires_grad=True)
    h = x * 1.0
    h.retain_grad()
    seen: list[Any] = []
    x.register_hook(lambda g: seen.append(g.tolist()))
    (checkpoint(lambda h: h * 2 + x, h).sum() + h.sum()).backward()
    assert h.grad is not None
    assert h.grad.tolist() == [3.0, 3.0]
    assert seen == [[4.0, 4.0]]


def test_nothing_to_differentiate() -> None:
    x = tg.ones(2)
    assert checkpoint(lambda x: x, x) is x
    with tg.no_grad():
        assert not checkpoint(network(), tg.ones(1, 5)).requires_grad


def test_twice_and_only_in_part() -> None:
    x, y = tg.ones(2, requires_grad=True), tg.ones(2, requires_grad=True)
    z = checkpoint(lambda x, y: x * y, x, y).sum()
    assert [g.tolist() for g in tg.autograd.grad(z, (y,), retain_graph=True)] == [[1.0, 1.0]]
    z.backward(retain_graph=True)
    z.backward()
    assert x.grad is not None
    assert x.grad.tolist() == [2.0, 2.0]
    with pytest.raises(GradientError, match="freed"):
        z.backward()


def test_another_result_in_backward_is_an_error() -> None:
    model = network().eval()
    loss = checkpoint(model, tg.ones(2, 5)).sum()
    with tg.no_grad():
        model[0].weight.add_(0.1)
    with pytest.raises(GradientError, match="another result"):
        loss.backward()
    calls: list[int] = []

    def grows(x: Any) -> Any:
        calls.append(1)
        return x * float(len(calls))

    with pytest.raises(GradientError, match="another result"):
        checkpoint(grows, tg.ones(1, requires_grad=True)).backward()
    checkpoint(grows, tg.ones(1, requires_grad=True), determinism_check="none").backward()
    random = checkpoint(network(), tg.ones(2, 5), preserve_rng_state=False).sum()
    with pytest.raises(GradientError, match="preserve_rng_state"):
        random.backward()


def test_both_contexts_are_entered() -> None:
    entered: list[str] = []

    @contextmanager
    def note(name: str) -> Any:
        entered.append(name)
        yield

    checkpoint(lambda x: x * 2, tg.ones(1, requires_grad=True), context_fn=lambda: (note("first"), note("again"))).backward()
    assert entered == ["first", "again"]


def test_options_that_make_no_sense() -> None:
    with pytest.raises(ArgumentError, match="segments"):
        checkpoint_sequential([tg.sin], 2, tg.ones(1))
    with pytest.raises(ArgumentError, match="determinism_check"):
        checkpoint(tg.sin, tg.ones(1), determinism_check="strict")


def test_inside_of_a_compiled_step() -> None:
    x = tg.ones(3, requires_grad=True)
    step = tg.compile(lambda: tg.autograd.grad(checkpoint(tg.sin, x * 2.0).sum(), x)[0], backend="numpy_source")
    expected = 2 * np.cos(np.full(3, 2.0, np.float32))
    for _ in range(4):
        np.testing.assert_allclose(step().numpy(), expected, rtol=1e-6)


def peak(forward: Callable[[Any], Any]) -> int:
    """Bytes that a forward and a backward pass take at most."""
    x = tg.ones(1000, 100, requires_grad=True)
    gc.collect()
    tracemalloc.start()
    try:
        forward(x).sum().backward()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_is_that_of_one_segment_and_the_ends_of_all() -> None:
    functions = [lambda x: x.sin().exp().tanh().sigmoid()] * 16
    plain = peak(lambda x: checkpoint_sequential(functions, 1, x))
    less = peak(lambda x: checkpoint_sequential(functions, 16, x))
    assert plain > 45 * 400_000, "of each function three results of 400 kB are kept"
    assert less < (16 + 12) * 400_000
    assert less < plain / 2
