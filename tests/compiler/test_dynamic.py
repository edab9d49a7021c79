"""Sizes that may change without a retrace: programs derived from others do what eager does, or the step is traced."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_reg as tg
from tinygrad_reg import nn, optim
from tinygrad_reg.compiler import backends
from tinygrad_reg.compiler.backends.c.sizes import for_many_sizes
from tinygrad_reg.compiler.dynamic import Underivable, _Formulas
from tinygrad_reg.errors import ArgumentError, ArgumentTypeError
from tinygrad_reg.ops import axpby

from .models import MODELS
from .regression import same

BACKENDS = backends()
NEW = "derived from those traced"


def batch(n: int, *shape: int, seed: int = 0) -> tg.Tensor:
    return tg.tensor(np.random.default_rng((seed, n)).standard_normal((n, *shape)))


def derivations(step: Any) -> int:
    found: int = step.explain().count(NEW)
    return found


def agrees(function: Callable[..., Any], arguments: Sequence[Sequence[tg.Tensor]], backend: str = "numpy_source", **options: Any) -> Any:
    """The compiled function, after it gave what the function itself gives for all these arguments."""
    step = tg.compile(function, backend=backend, **{"dynamic": ("batch",), **options})
    for args in arguments:
        assert same(step(*args), function(*args))
    return step


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_training_step_on_batches_of_many_sizes_is_one_trace(backend: str) -> None:
    def run(compiled: bool) -> tuple[list[float], Any]:
        tg.manual_seed(0)
        net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Dropout(0.1), nn.LayerNorm(8), nn.BatchNorm1d(8), nn.Linear(8, 3)).double()
        optimizer = optim.Adam(net.parameters(), lr=0.01)

        def step(x: tg.Tensor, y: tg.Tensor) -> tg.Tensor:
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(net(x), y)
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimizer.step()
            return loss

        used = tg.compile(step, backend=backend, dynamic=("batch",)) if compiled else step
        sizes = [10, 10, 10, 20, 16, 12, 13, 14, 16, 20, 11, 10, 19, 13]
        return [used(batch(n, 4), tg.arange(n) % 3).item() for n in sizes], used

    losses, step = run(compiled=True)
    expected, _ = run(compiled=False)
    assert losses == pytest.approx(expected, rel=1e-12 if backend == "c" else 0.0, abs=0.0)
    assert step.traces == 1
    assert derivations(step) == 5  # 12, 13, 14, 11 and 19


@pytest.mark.parametrize("name", MODELS)
def test_the_models_that_people_train_with_another_size_at_every_call(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(axpby, "sums_of", lambda kind: None)  # of large arrays BLAS rounds a · x + b · y once, NumPy three times
    eager, model = MODELS[name](tg.float64), MODELS[name](tg.float64)
    step = tg.compile(model.step, backend="numpy_source", dynamic=("batch",))
    whole = [len(x) for x in eager.batches(0)]
    for i, less in enumerate((0, 0, 2, 1, 0, 2, 1)):
        generator = tg.get_rng_state()
        arguments = eager.batches(i)
        cut = [x[: n - less] if n == max(whole) > less + 1 else x for x, n in zip(arguments, whole, strict=True)]
        expected = eager.step(*cut)
        tg.set_rng_state(generator)
        assert same(step(*cut), expected)
        assert all(map(same, model.held(), eager.held()))


@given(st.lists(st.integers(1, 40), min_size=4, max_size=12), st.sampled_from(BACKENDS[:2]))
def test_any_sizes_in_any_order(sizes: list[int], backend: str) -> None:
    def function(x: tg.Tensor) -> tg.Tensor:
        y = x.softmax(1) + x.mean() - x.std(0, correction=0)
        return tg.cat([y, y[1:]]).cumsum(0).flip(0).reshape(-1)

    with tg.no_grad():
        agrees(function, [(batch(n, 3),) for n in sizes], backend)


@pytest.mark.parametrize("sizes", [(8, 32, 16, 24, 10), (64, 256, 128, 100, 90), (33, 128, 64, 99, 100)])
def test_the_mean_of_squares_where_all_sizes_are_even(sizes: Sequence[int]) -> None:
    """The 2/n of its gradient is 1/(n/2), too, which is no whole multiple of the size."""

    def gradient(x: tg.Tensor, y: tg.Tensor) -> tg.Tensor:
        w = tg.ones(3, 1, dtype=tg.float64, requires_grad=True)
        return tg.autograd.grad(nn.functional.mse_loss(x @ w, y), w)[0]

    step = agrees(gradient, [(batch(n, 3), batch(n, 1, seed=1)) for n in sizes for _ in range(2)])
    assert step.traces == 1
    assert derivations(step) == 2


def test_two_sizes_of_which_products_are_taken() -> None:
    def attention(x: tg.Tensor) -> tg.Tensor:
        return nn.functional.scaled_dot_product_attention(x, x, x, is_causal=True).mean((0, 1))

    def arguments(*sizes: tuple[int, int]) -> list[tuple[tg.Tensor]]:
        return [(batch(b, t, 5),) for b, t in sizes]

    seen = arguments((4, 6), (4, 6), (8, 6), (4, 12), (7, 9), (6, 8), (5, 12), (8, 7), (5, 10))
    step = agrees(attention, seen, dynamic=("batch", "time"))
    assert step.traces == 1
    assert derivations(step) >= 3


def test_names_for_some_arguments() -> None:
    def function(points: tg.Tensor, weights: tg.Tensor, table: dict[str, tg.Tensor]) -> tg.Tensor:
        return points @ weights + table["bias"]

    sizes = [(4, 3), (4, 3), (9, 7), (6, 5), (8, 4), (5, 6)]
    seen = [(batch(n, k), batch(k, 4), {"bias": batch(4)}) for n, k in sizes]
    dynamic = {"points": ("batch", "width"), "weights": ("width", None)}
    step = agrees(function, seen, dynamic=dynamic)  # type: ignore[arg-type]
    assert step.traces == 1
    assert derivations(step) == 2


def test_a_step_that_looks_at_sizes_is_traced_at_every_size() -> None:
    looks: list[Callable[[tg.Tensor], tg.Tensor]] = [
        lambda x: x * 2.0 if x.shape[0] % 2 else x + 1.0,
        lambda x: x * 2.0 if len(x) % 2 else x + 1.0,
        lambda x: x * 2.0 if x.size(0) % 2 else x + 1.0,
        lambda x: x * 2.0 if x.numel() % 2 else x + 1.0,
        lambda x: x * 2.0 if tg.numel(x) % 2 else x + 1.0,
        lambda x: x * 2.0 if np.shape(x)[0] % 2 else x + 1.0,
        lambda x: x * 2.0 if getattr(x, "shape")[0] % 2 else x + 1.0,  # noqa: B009
    ]
    for function in looks:
        step = agrees(function, [(batch(n),) for n in (4, 4, 8, 12, 5, 6, 7, 8, 9, 5)])
        assert derivations(step) == 0
        assert "may look at sizes" in step.explain()


def test_what_runs_over_rows_differs_in_structure() -> None:
    step = agrees(lambda x: sum(row.sin() for row in x), [(batch(n, 2),) for n in (3, 3, 5, 4, 6, 4, 5)])
    assert derivations(step) == 0


def test_sizes_0_and_1_say_nothing_about_others() -> None:
    def function(x: tg.Tensor, y: tg.Tensor) -> tg.Tensor:
        return (x * y).sum(0)  # with one row, y is broadcast

    dynamic = {"x": ("batch",)}
    step = tg.compile(function, backend="numpy_source", dynamic=dynamic)
    y = batch(1, 3)
    for n in (1, 1, 0, 0, 7, 7, 3, 5, 4, 1, 0, 6):
        x = batch(n, 3)
        assert same(step(x, y), function(x, y))


def test_sizes_beyond_those_traced_are_traced() -> None:
    step = agrees(lambda x: x.sort(0).values, [(batch(n),) for n in (4, 4, 6, 8, 20, 3, 10)])
    assert step.traces == 1
    assert derivations(step) == 1
    assert "20 is not between those traced, 4 and 8" in step.explain()


def test_what_changes_otherwise_is_another_trace() -> None:
    net = nn.Sequential(nn.Linear(3, 3), nn.Dropout(0.5)).double()
    step = tg.compile(lambda x: net(x).detach(), backend="numpy_source", dynamic=("batch",))
    for training in (True, False, True, False):
        net.train(training)
        for n in (4, 4, 8, 6, 5, 7):
            tg.manual_seed(n)
            out = step(batch(n, 3))
            tg.manual_seed(n)
            assert same(out, net(batch(n, 3)).detach())
    assert step.traces == 2
    assert derivations(step) == 4
    assert "training' has changed" in step.explain()


def test_hyper_parameters_that_come_later() -> None:
    w = tg.ones(3, dtype=tg.float64, requires_grad=True)
    optimizer = optim.SGD([w], lr=0.1)

    def function(x: tg.Tensor) -> tg.Tensor:
        optimizer.zero_grad()
        loss = (x @ w).square().mean()
        loss.backward()
        optimizer.step()
        return loss

    step = tg.compile(function, backend="numpy_source", dynamic=("batch",))
    twin, other = copy.deepcopy(w), None
    for i, n in enumerate((4, 4, 8, 6, 5, 7, 5, 8, 6)):
        if i == 5:
            optimizer.add_param_group({"params": [tg.ones(2, requires_grad=True)], "lr": 0.5})
        loss = step(batch(n, 3))
        other = other or optim.SGD([twin], lr=0.1)
        other.zero_grad()
        expected = (batch(n, 3) @ twin).square().mean()
        expected.backward()
        other.step()
        assert same(loss, expected.detach())
        assert same(w.detach(), twin.detach())


def test_sizes_that_contradict_each_other() -> None:
    step = tg.compile(lambda x, y: x.sum() + y.sum(), dynamic=("batch",))
    with pytest.raises(ArgumentError, match=r"batch is 3 in argument x, but 4 in y; say which .* dynamic=\{'x': \('batch',\)\}"):
        step(batch(3), batch(4))


@pytest.mark.parametrize("given_", ["batch", True, 3, {"x": "batch"}, {"x": 0}, ("batch", 1), (None,), {"x": (1,)}])
def test_what_names_no_sizes(given_: Any) -> None:
    with pytest.raises(ArgumentTypeError, match="compile: .*dynamic"):
        tg.compile(lambda x: x, dynamic=given_)


def test_names_of_what_is_not_there() -> None:
    with pytest.raises(ArgumentError, match="2 dimensions of argument x, which has 1"):
        tg.compile(lambda x: x * 2, dynamic={"x": ("batch", "time")})(batch(3))
    with pytest.raises(ArgumentError, match="dynamic names argument z, but the arguments with sizes are x"):
        tg.compile(lambda x: x * 2, dynamic={"z": ("batch",)})(batch(3))


def test_copies_methods_and_decorators_keep_the_names() -> None:
    class Net(nn.Module):
        @tg.compile(backend="numpy_source", dynamic=("batch",))
        def forward(self, x: tg.Tensor) -> tg.Tensor:
            return x.tanh()

    net = Net()
    for n in (4, 4, 8, 6, 5):
        assert same(net(batch(n)), batch(n).tanh())
    assert derivations(net.forward) == 1
    assert copy.deepcopy(net.forward).dynamic == ("batch",)


def test_only_formulas_on_which_all_agree_are_used() -> None:
    assert _Formulas([(2,), (4,), (6,)], (5,)).at([7, 13, 19]) == 16
    assert _Formulas([(2, 3), (4, 3), (2, 5)], (3, 4)).at([6, 12, 10]) == 12
    with pytest.raises(Underivable, match="known by 0 formulas"):
        _Formulas([(2,), (4,), (6,)], (5,)).at([1, 2, 4])
    with pytest.raises(Underivable, match="known by 2 formulas"):
        _Formulas([(2, 2), (4, 4)], (3, 4)).at([2, 4])


def test_one_library_does_for_texts_that_differ_in_numbers_alone() -> None:
    text = "static f(int a);\nint step_0(numbers) {\n    g1(10, 0.5f, 7, 1e-05);\n}\n\nint step_1(numbers) {\n    h(10);\n}\n"
    other = text.replace("10", "12").replace("0.5f", "0.25f")
    made, values = for_many_sizes(text, [other, "something else"], 2)
    assert values == [10.0, 0.5, 10.0]
    assert made.count("const long size2_long = (long)numbers[2];") == 1
    assert "const float size3_float = (float)numbers[3];\n    g1(size2_long, size3_float, 7, 1e-05);" in made
    assert "int step_1(numbers) {\n    const long size4_long = (long)numbers[4];\n    h(size4_long);" in made
    assert for_many_sizes(other, [text, "something else"], 2)[0] == made
    assert for_many_sizes(text, [], 2) == for_many_sizes(text, [text], 2) == (text, [])
    assert for_many_sizes("f(3)" + text, ["f(4)" + text], 2)[1] == []  # outside of the step


@pytest.mark.skipif("c" not in BACKENDS, reason="there is no C compiler")
def test_a_new_size_needs_no_new_library(monkeypatch: pytest.MonkeyPatch) -> None:
    from tinygrad_reg.compiler.backends.c import toolchain

    texts = []
    load = toolchain.load
    monkeypatch.setattr(toolchain, "load", lambda text: texts.append(text) or load(text))  # type: ignore[func-returns-value]
    step = tg.compile(lambda x: (x.sin() @ x.T.cos()).mean(0).cumsum(0), backend="c", dynamic=("batch",))
    for n in (40, 40, 60, 50, 48, 41, 59, 44):
        np.testing.assert_allclose(step(batch(n, 3)), (batch(n, 3).sin() @ batch(n, 3).T.cos()).mean(0).cumsum(0), rtol=1e-13, atol=1e-14)
    assert "for several sizes" in step.explain()
    assert len(set(texts)) <= 3
