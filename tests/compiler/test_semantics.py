"""What a step may do, compiled against eager: gradients, writes through views, random numbers, structured arguments and results."""

from __future__ import annotations

import copy
import inspect
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_reg as tg
from tinygrad_reg import nn, optim
from tinygrad_reg.compiler.backends import BACKENDS, numpy_source
from tinygrad_reg.compiler.passes import TO_LOOPS

from .regression import EXACT, close, same

functional = nn.functional
Scenario = Callable[[], tuple[Callable[..., Any], list[Any]]]
SCENARIOS: dict[str, Scenario] = {}


def scenario(make: Scenario) -> Scenario:
    """Register a function that gives a step of one (5, 3) tensor, and the tensors to watch."""
    SCENARIOS[make.__name__] = make
    return make


def drawn(*shape: int, seed: int = 0) -> tg.Tensor:
    return tg.tensor(np.random.default_rng(seed).standard_normal(shape).astype(np.float32))


@scenario
def gradients_add_up_over_calls() -> Any:
    w = tg.ones(3, requires_grad=True)

    def step(x: Any) -> Any:
        loss = ((w * x) ** 2).sum()
        loss.backward()
        return loss

    return step, [w]


@scenario
def gradients_add_up_within_a_call_and_are_changed_in_place() -> Any:
    w = tg.ones(3, requires_grad=True)

    def step(x: Any) -> Any:
        w.grad = None
        (w * x).sum().backward()
        (w * w * x).sum().backward()
        w.grad.mul_(0.5)
        with tg.no_grad():
            w.sub_(w.grad * 0.1)
        return w.grad.sum()

    return step, [w]


@scenario
def gradients_are_filled_with_zeros() -> Any:
    layer = nn.Linear(3, 2)
    with tg.no_grad():
        layer.weight.copy_(drawn(2, 3))
        layer.bias.fill_(0.5)
    optimizer = optim.SGD(layer.parameters(), lr=0.1)

    def step(x: Any) -> Any:
        optimizer.zero_grad(set_to_none=False)
        loss = layer(x).square().sum()
        loss.backward()
        optimizer.step()
        return loss

    return step, list(layer.parameters())


@scenario
def two_leaves_share_one_cotangent() -> Any:
    a, b = tg.ones(5, 3, requires_grad=True), tg.zeros(5, 3, requires_grad=True)

    def step(x: Any) -> Any:
        a.grad = b.grad = None
        loss = ((a + b) * x).sum()
        loss.backward()
        a.grad.mul_(2.0)
        with tg.no_grad():
            a.sub_(a.grad)
            b.sub_(b.grad)
        return loss

    return step, [a, b]


@scenario
def writes_through_views_of_captured_memory() -> Any:
    w = tg.ones(4, 3)

    def step(x: Any) -> Any:
        part, turned = w[1:3], w.T
        part += x[:2]
        w[0] = turned[0, :3] * 2
        total = w.sum()
        w[:, 1] *= 0.5
        return total, turned.sum(0), part.clone()

    return step, [w]


@scenario
def memory_made_inside_starts_anew_at_every_call() -> Any:
    def step(x: Any) -> Any:
        h = tg.zeros(3)
        h += x[0]
        h[0] = 5
        held = tg.empty(3)
        held.copy_(h * 2)
        held.add_(1)
        return held

    return step, []


@scenario
def captured_tensors_exchange_their_values() -> Any:
    a, b = tg.ones(3), tg.zeros(3)

    def step(x: Any) -> Any:
        before = a.clone()
        a.copy_(b)
        b.copy_(before)
        return a.sum() + x.sum()

    return step, [a, b]


@scenario
def an_argument_is_written() -> Any:
    def step(x: Any) -> Any:
        x.mul_(2)
        x[0] += x[1]
        return x, x.sum()

    return step, []


@scenario
def an_argument_needs_a_gradient() -> Any:
    w = drawn(5, 3)

    def step(x: Any) -> Any:
        (w * x * x).sum().backward()
        return x.grad, None

    return step, []


@scenario
def a_gradient_of_a_gradient() -> Any:
    tg.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 1))
    optimizer = optim.SGD(net.parameters(), lr=0.01)

    def step(x: Any) -> Any:
        x = x.detach().requires_grad_()
        optimizer.zero_grad()
        out = net(x)
        (slope,) = tg.autograd.grad(out.sum(), x, create_graph=True)
        loss = (slope**2).sum() + out.mean()
        loss.backward()
        optimizer.step()
        return loss

    return step, list(net.parameters())


@scenario
def an_argument_is_made_to_require_grad() -> Any:
    w = drawn(3, 1, seed=1).requires_grad_()

    def step(x: Any) -> Any:
        w.grad = None
        x.requires_grad_()
        out = (x @ w).tanh()
        (slope,) = tg.autograd.grad(out.sum(), x, create_graph=True)
        (slope.square().sum() + out.mean()).backward()
        return x.grad, x

    return step, [w]


@scenario
def results_that_are_changed_after_they_were_saved() -> Any:
    w = drawn(1, 3, seed=1).requires_grad_()

    def step(x: Any) -> Any:
        w.grad = None
        pooled = tg.nn.functional.max_pool1d(x * w, 2).relu_()
        normed = tg.nn.functional.layer_norm(x * w, (3,)).mul_(2.0).relu_()
        loss = pooled.sum() + normed.square().sum()
        loss.backward()
        return loss

    return step, [w]


@scenario
def derivatives_as_functions() -> Any:
    tg.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
    optimizer = optim.SGD(net.parameters(), lr=0.01)

    def energy(x: Any) -> Any:
        return net(x).sum()

    def step(x: Any) -> Any:
        forces, value = tg.func.grad_and_value(energy)(x)
        (forces.square().mean() + tg.func.hessian(energy)(x[0]).square().sum()).backward()
        optimizer.step()
        optimizer.zero_grad()
        return value.detach()

    return step, list(net.parameters())


@scenario
def memory_that_holds_anything_is_filled() -> Any:
    def step(x: Any) -> Any:
        first = tg.empty(x.size(0), 1, dtype=tg.int64).fill_(1)
        return x + first + x.new_empty(5, 3).copy_(x), tg.empty_like(x).zero_()

    return step, []


@scenario
def dropout_draws_new_numbers() -> Any:
    tg.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 1))
    optimizer = optim.AdamW(net.parameters(), lr=0.01)

    def step(x: Any) -> Any:
        optimizer.zero_grad()
        loss = net(x).square().mean()
        loss.backward()
        optimizer.step()
        return loss

    return step, list(net.parameters())


@scenario
def classification_with_a_metric() -> Any:
    tg.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 4))
    optimizer = optim.Adam(net.parameters(), lr=0.01, amsgrad=True, weight_decay=0.1)
    y = tg.tensor([0, 1, 2, 3, 0])

    def step(x: Any) -> Any:
        optimizer.zero_grad()
        out = net(x)
        loss = functional.cross_entropy(out, y)
        loss.backward()
        optimizer.step()
        return {"loss": loss, "parts": [(out.detach().argmax(1) == y).float().mean(), 3, None, "text"]}

    return step, list(net.parameters())


@scenario
def an_embedding_by_index() -> Any:
    chosen = tg.tensor([0, 2, 1, 2])
    table = tg.tensor(np.arange(12.0, dtype=np.float32).reshape(4, 3), requires_grad=True)

    def step(x: Any) -> Any:
        table.grad = None
        rows = table[chosen] * x[0]
        (rows * rows).sum().backward()
        with tg.no_grad():
            table.sub_(table.grad * 0.01)
        return rows.detach().softmax(-1), chosen + 1

    return step, [table]


@scenario
def parts_of_several_outputs() -> Any:
    w = drawn(6, 3, seed=1).requires_grad_()

    def step(x: Any) -> Any:
        w.grad = None
        first, second = w.split([2, 4])
        values, places = second.max(dim=1)
        loss = (first.unbind(0)[1] * x[0]).sum() + values.sum()
        loss.backward()
        return loss, places

    return step, [w]


@scenario
def a_layout_that_is_not_row_major() -> Any:
    w = drawn(3, 5, seed=1)

    def step(x: Any) -> Any:
        turned = x.T + w
        turned = turned.T * x
        return turned.sum(0), turned.sum(), (turned + turned).T.reshape(-1), tg.cat([turned.T, w], 1).exp().sum(1)

    return step, [w]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", SCENARIOS)
def test_compiled_equals_eager(name: str, backend: str) -> None:
    eager, eager_watched = SCENARIOS[name]()
    traced, watched = SCENARIOS[name]()
    step = tg.compile(traced, backend=backend)
    runs = []
    for run, tensors in ((eager, eager_watched), (step, watched)):
        tg.manual_seed(7)
        seen = []
        for i in range(7):
            x = drawn(5, 3, seed=i).requires_grad_(name == "an_argument_needs_a_gradient")
            result = run(x)
            seen.append(
                [
                    result,
                    x.detach().clone(),
                    [t.detach().clone() for t in tensors],
                    [None if t.grad is None else t.grad.clone() for t in tensors],
                ]
            )
        runs.append(seen)
    assert all(same(a, b) if backend in EXACT else close(a, b, 1e-5) for a, b in zip(*runs, strict=True))
    assert "replayed" in step.explain()
    assert "replayed 0" not in step.explain()


@pytest.mark.parametrize("backend", BACKENDS)
def test_nested_arguments_arrays_and_static_values(backend: str) -> None:
    def function(batch: Any, *more: Any, power: int = 2, flags: Any = None) -> Any:
        x, (y, scale) = batch["x"], batch["rest"]
        return [(tg.as_tensor(x) * y**power) * scale, {"sum": sum(m.sum() for m in more)}]

    step = tg.compile(function, backend=backend)
    for i in range(6):
        batch = {"x": drawn(4, seed=i).numpy(), "rest": (drawn(4, seed=i + 1), 0.5)}
        more = (drawn(2, seed=i), drawn(3, seed=i))
        assert close(function(batch, *more), step(batch, *more), 0.0 if backend in EXACT else 1e-6)
        assert close(function(batch, *more, power=3), step(batch, *more, power=3), 0.0 if backend in EXACT else 1e-6)
    assert step.traces == 2


class Trainer:
    def __init__(self) -> None:
        self.layer = nn.Linear(3, 1)
        self.step = tg.compile(self.once, backend="numpy_source")

    def once(self, x: Any) -> Any:
        return self.layer(x).square().mean().detach()

    @tg.compile
    def decorated(self, x: Any) -> Any:
        return self.once(x) + 1


def test_methods_and_modules() -> None:
    trainers = [Trainer(), Trainer()]
    model = tg.compile(trainers[0].layer, backend="numpy_source")
    x = drawn(5, 3)
    with tg.no_grad():
        for _ in range(4):
            for trainer in trainers:
                assert same(trainer.once(x), trainer.step(x))
                assert close(trainer.once(x) + 1, trainer.decorated(x), 1e-6)  # in C
            assert same(trainers[0].layer(x), model(x))
    assert [model.traces, *[trainer.decorated.traces for trainer in trainers]] == [1, 1, 1]
    twin = copy.deepcopy(trainers[0])
    twin.layer.bias.data = tg.zeros(1)
    assert same(twin.decorated(x), twin.once(x) + 1)
    assert twin.decorated.function.__self__ is twin
    assert isinstance(Trainer.decorated, type(model))


def test_decorators_keep_name_and_text() -> None:
    x = drawn(3)

    @tg.compile(backend="interpreter")
    def double(x: Any) -> Any:
        """Twice x."""
        return x * 2

    assert double.__name__ == "double"
    assert double.__doc__ == "Twice x."
    assert same(double(x), x * 2)


def test_a_compiled_step_inside_of_another_is_part_of_it() -> None:
    inner = tg.compile(lambda x: x * 2, backend="numpy_source")
    outer = tg.compile(lambda x: inner(x) + 1, backend="numpy_source")
    x = drawn(3)
    for _ in range(4):
        assert same(outer(x), x * 2 + 1)
    assert (inner.traces, outer.traces) == (0, 1)


def test_infinite_gradients_make_that_call_run_eagerly_without_drawing_twice() -> None:
    def make() -> Any:
        w = tg.tensor([1.0, 2.0, 3.0], requires_grad=True)
        optimizer = optim.Adam([w])
        schedule = optim.lr_scheduler.ExponentialLR(optimizer, 0.9)

        def step(x: Any) -> Any:
            optimizer.zero_grad()
            noise = tg.rand(3)
            loss = tg.where(x > 0, tg.sqrt(x) * w * noise + tg.log(w * x), 0.0).sum()
            loss.backward()
            optimizer.step()
            schedule.step()
            return loss, noise

        return step, w, optimizer

    (eager, w1, _), (traced, w2, optimizer) = make(), make()
    step = tg.compile(traced, backend="numpy_source")
    runs = []
    for run, w in ((eager, w1), (step, w2)):
        tg.manual_seed(3)
        seen = []
        for i in range(10):
            x = tg.tensor([0.5, 1.0, -1.0 if i in (5, 7) else 2.0])
            seen.append([run(x), w.detach().clone(), w.grad.clone()])
        runs.append(seen)
    assert same(runs[0], runs[1])
    assert "replayed 6 times" in step.explain()
    assert "2 calls ran eagerly" in step.explain()
    assert optimizer.param_groups[0]["lr"] == pytest.approx(1e-3 * 0.9**10)


@pytest.mark.parametrize("where", ["returned", "written", "forgotten"])
def test_what_eager_repairs_in_gradients_is_noticed_wherever_it_ends(where: str) -> None:
    def make() -> Any:
        w = tg.tensor([1.0, 2.0, 3.0], requires_grad=True)
        total = tg.zeros(3)

        def step(x: Any) -> Any:
            loss = tg.where(x > 0, tg.log(x * w), 0.0).sum()
            if where == "forgotten":
                loss.backward()
                total.add_(w.grad)
                w.grad = None
                return loss
            (slope,) = tg.autograd.grad(loss, w)
            if where == "written":
                total.add_(slope)
            return [loss, slope] if where == "returned" else loss

        return step, total

    (eager, total), (traced, compiled_total) = make(), make()
    step = tg.compile(traced, backend="numpy_source")
    for i in range(6):
        x = tg.tensor([0.5, 1.0, 0.0 if i == 4 else 2.0])
        assert same(eager(x), step(x))
        assert same(total, compiled_total)
    assert "1 calls ran eagerly" in step.explain()


def test_a_gradient_that_is_added_to_in_place_keeps_its_memory_and_is_noticed() -> None:
    w = tg.ones(3, requires_grad=True)

    def function(x: Any) -> None:
        (w * x).sum().backward()

    step = tg.compile(function, backend="numpy_source")
    step(tg.ones(3))
    gradient = w.grad
    for _ in range(5):
        step(tg.ones(3))
    assert w.grad is gradient
    assert gradient.tolist() == [6, 6, 6]
    outside = (gradient * tg.ones(3, requires_grad=True)).sum()
    step(tg.ones(3))
    with pytest.raises(tg.errors.InplaceError):
        outside.backward()


def test_an_error_in_a_replay_leaves_the_state_as_it_was() -> None:
    @tg.engine.primitive.primitive
    def _fails_for_large(x: Any) -> Any:
        """x, if it is small."""
        if x.max() > 100:
            raise FloatingPointError("too large")
        return x.copy()

    w = tg.ones(3)

    def step(x: Any) -> Any:
        w.add_(1)
        return _fails_for_large(x * w)

    del tg.engine.primitive.PRIMITIVES["_fails_for_large"]
    compiled = tg.compile(step, backend="numpy_source")
    for _ in range(3):
        compiled(tg.ones(3))
    before = w.tolist()
    with pytest.raises(FloatingPointError):
        compiled(tg.full((3,), 1e6))
    assert w.tolist() == before


def test_threads_take_turns() -> None:
    import threading

    step = tg.compile(lambda x: (x * 2 + 1).exp().sum(), backend="numpy_source")
    xs = [drawn(50, seed=i) for i in range(4)]
    expected = [(x * 2 + 1).exp().sum().item() for x in xs]
    found: dict[int, set[float]] = {i: set() for i in range(4)}

    def work(i: int) -> None:
        for _ in range(200):
            found[i].add(step(xs[i]).item())

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [found[i] for i in range(4)] == [{value} for value in expected]


OUT_OF_RANGE: dict[str, Any] = {
    "cross_entropy": lambda x, y: functional.cross_entropy(x, y),
    "nll_loss": lambda x, y: functional.nll_loss(x.log_softmax(1), y),
    "embedding": lambda x, y: functional.embedding(y, x),
    "one_hot": lambda x, y: functional.one_hot(y, 3) * x,
    "gather": lambda x, y: x.gather(1, y.unsqueeze(1)),
    "index": lambda x, y: x.T[y],
    "index_select": lambda x, y: x.index_select(1, y),
    "index_add": lambda x, y: tg.zeros(3, 3).index_add(0, y, x[:5]),
    "scatter": lambda x, y: tg.zeros(5, 3).scatter(1, y.unsqueeze(1), x),
    "take_along_dim": lambda x, y: tg.take_along_dim(x, y.unsqueeze(1), 1),
    "take": lambda x, y: tg.take(x[0], y),
    "multi_margin_loss": lambda x, y: functional.multi_margin_loss(x, y),
    "index_put": lambda x, y: tg.zeros(3).index_put((y,), x[:, 0]),
}


@pytest.mark.parametrize("backend", [*BACKENDS, "plain"])
@pytest.mark.parametrize("name", OUT_OF_RANGE)
def test_a_position_out_of_range_raises_what_eager_raises(name: str, backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(BACKENDS, "plain", lambda program, others: numpy_source.build(program, others, TO_LOOPS))
    function = OUT_OF_RANGE[name]
    step = tg.compile(lambda x, y: function(x, y), backend=backend)
    x = drawn(5, 3)
    for values in ([0, 1, 2, 0, 1], [0, 1, 2, 0, 1], [2, 2, 0, 1, 0], [0, 1, 3, 0, 1], [0, -7, 1, 0, 1], [0, 0, 0, 0, 0]):
        y = tg.tensor(values)
        try:
            expected = function(x, y)
        except tg.errors.TinygradRegError as error:
            with pytest.raises(type(error), match=re.escape(str(error))):
                step(x, y)
        else:
            found = step(x, y)
            tg.testing.assert_close(found, expected)
            assert same(found, expected) or backend not in EXACT
    assert "replayed" in step.explain()


def test_a_compiled_model_has_what_the_model_has() -> None:
    net = nn.Sequential(nn.Linear(3, 2), nn.Dropout(0.5))
    compiled = tg.compile(net, backend="numpy_source")
    assert list(compiled.parameters()) == list(net.parameters())
    compiled.eval()
    assert not net.training
    with tg.no_grad():
        assert same(compiled(tg.ones(4, 3)), net(tg.ones(4, 3)))
    with pytest.raises(AttributeError, match="wheels"):
        compiled.wheels  # noqa: B018
    with pytest.raises(AttributeError, match="no attribute '_modules'"):
        compiled._modules  # noqa: B018
    assert "Linear(in_features=3" in repr(compiled)
    assert copy.copy(compiled).function is net


def test_a_compiled_function_looks_like_the_function() -> None:
    @tg.compile(backend="numpy_source")
    def double(x: tg.Tensor, by: float = 2.0) -> tg.Tensor:
        """Twice as much."""
        return x * by

    assert double.__name__ == "double"
    assert double.__doc__ == "Twice as much."
    assert list(inspect.signature(double).parameters) == ["x", "by"]


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_result_that_is_returned_twice_stays_one_tensor(backend: str) -> None:
    def function(x: Any) -> Any:
        y = x * 2
        return {"first": y, "rest": [x + 1, y]}

    step = tg.compile(function, backend=backend)
    for _ in range(4):
        found = step(tg.ones(3))
        assert found["first"] is found["rest"][1]
        assert (found["first"].tolist(), found["rest"][0].tolist()) == ([2.0] * 3, [2.0] * 3)
        assert found["first"] is not found["rest"][0]
