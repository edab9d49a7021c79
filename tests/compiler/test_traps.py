"""The classic traps of tracing: each is refused, traced anew, or run eagerly; a value is never frozen silently."""

from __future__ import annotations

import array
import contextvars
import dataclasses
import gc
import multiprocessing
import os
import random
import re
import threading
import types
import warnings
import weakref
from collections import ChainMap, UserDict
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_reg as tg
from tinygrad_reg import nn
from tinygrad_reg.compiler.names import named
from tinygrad_reg.errors import ArgumentError, ArgumentTypeError, TraceError

from .regression import same

counter = 0


def line_of(function: Callable[..., Any], text: str) -> str:
    """`test_traps.py:12: the text of the line`, of the line in a function that contains the text."""
    import inspect

    lines, start = inspect.getsourcelines(function)
    number = next(i for i, line in enumerate(lines) if text in line)
    return f"test_traps.py:{start + number}: {lines[number].strip()}"


CONCRETE: dict[str, Callable[[Any], Any]] = {
    "item": lambda x: x.sum().item(),
    "float": lambda x: float(x.sum()),
    "int": lambda x: int(x.sum()),
    "numpy": lambda x: x.numpy(),
    "tolist": lambda x: x.tolist(),
    "asarray": lambda x: np.asarray(x),
    "bool": lambda x: x if x.sum() > 0 else -x,
    "while": lambda x: [0 for _ in iter(lambda: bool(x.sum() > 1e9), True)],
    "allclose": lambda x: tg.allclose(x, x),
    "format": lambda x: f"{x.sum():.2f}",
    "in": lambda x: 1.0 in x,
}


@pytest.mark.parametrize("name", CONCRETE)
def test_a_python_value_of_a_traced_tensor_is_refused_with_the_users_line_and_the_remedy(name: str) -> None:
    step = tg.compile(CONCRETE[name], backend="numpy_source")
    with pytest.raises(TraceError) as caught:
        step(tg.ones(3))
    text = str(caught.value)
    assert line_of(test_a_python_value_of_a_traced_tensor_is_refused_with_the_users_line_and_the_remedy, "") not in text
    assert re.search(rf'test_traps.py:\d+: "{name}": lambda x', text)
    assert "return the tensor from the step" in text
    assert tg.engine.state.state.tracer is None


def test_what_a_step_cannot_return_is_refused() -> None:
    w = tg.ones(3, requires_grad=True)
    with pytest.raises(TraceError, match=r"call backward inside of the step, return its .detach\(\)"):
        tg.compile(lambda x: (w * x).sum(), backend="numpy_source")(tg.ones(3))
    with pytest.raises(TraceError, match="returns a set; return tensors"):
        tg.compile(lambda x: {1, 2}, backend="numpy_source")(tg.ones(3))
    outside = (w * 2).sum()
    with pytest.raises(TraceError, match="recorded outside of it"):
        tg.compile(lambda x: (x * outside).sum().backward(), backend="numpy_source")(tg.ones(3))
    with pytest.raises(TraceError, match="argument x is the result of operations"):
        tg.compile(lambda x: x.sum(), backend="numpy_source")(outside)
    step = tg.compile(lambda x: (x * 2).sum().backward(), backend="numpy_source")
    for _ in range(3):
        step(w)
    with pytest.raises(TraceError, match="argument x is the result of operations"):
        step(w * 2)


def test_bad_arguments_of_compile() -> None:
    with pytest.raises(ArgumentError, match="backend must be one of interpreter, numpy_source, c, got 'fortran'"):
        tg.compile(lambda x: x, backend="fortran")
    with pytest.raises(ArgumentTypeError, match="expected a function, got int"):
        tg.compile(3, backend="numpy_source")  # type: ignore[call-overload]
    with pytest.raises(ArgumentTypeError, match="argument of type set is neither a tensor, nor hashable"):
        tg.compile(lambda x: x, backend="numpy_source")({1})


def agree(function: Callable[..., Any], calls: list[tuple[Any, ...]]) -> Any:
    """Compile, compare every call with eager, and return the compiled step."""
    step = tg.compile(function, backend="numpy_source")
    for call in calls:
        assert same(function(*call), step(*call))
    return step


def test_another_shape_dtype_layout_or_number_of_arguments_is_another_program() -> None:
    x, y = tg.ones(3, 4), tg.ones(4, 3)
    forms = [(x,), (y,), (y.T,), (x.double(),), (x, x), (x, x.clone()), (x[:, :1],), (x[0, 0],), (x.numpy(),), ()]
    step = agree(lambda *xs: [tg.as_tensor(a).exp().sum(-1) if a.ndim else tg.as_tensor(a) * 2 for a in xs], forms * 4)
    assert step.traces == len(forms)


def test_another_python_value_is_another_program() -> None:
    values = [1, 1.0, True, 2, -0.0, 0.0, "a", None, (1, 2), [1, 2], {"k": 1}, float("nan"), np.float32(1), float]
    step = agree(lambda x, value: [x * 2, repr(value), 1.0 / x if value else x], [(tg.ones(2), value) for value in values] * 3)
    assert step.traces == len(values)


def test_a_number_that_always_changes_is_pointed_out() -> None:
    step = tg.compile(lambda x, scale: x * scale, backend="numpy_source")
    with pytest.warns(UserWarning, match="has been traced 17 times: .* pass numbers that change as tensors"):
        found = [step(tg.ones(2), i).tolist() for i in range(20)]
    assert found == [[i, i] for i in range(20)]
    assert len(step.explain().splitlines()) < 40


def test_explain_says_why_a_step_was_traced_again() -> None:
    net = nn.Sequential(nn.Linear(3, 3), nn.Dropout(0.5))
    scale = {"by": 2.0}

    def function(x: Any) -> Any:
        return net(x).detach() * scale["by"]

    def change(name: str) -> None:
        x = tg.ones(2, 3)
        if name == "mode":
            net.eval()
        elif name == "entry":
            scale["by"] = 3.0
        elif name == "requires":
            net[0].weight.requires_grad_(False)
        elif name == "form":
            x = tg.ones(4, 3)
        with tg.set_grad_enabled(name != "grad"):
            step(x)

    step = tg.compile(function, backend="numpy_source")
    reasons = {
        "first": "equations traced\n",
        "mode": "training' has changed",
        "entry": "since 'scale' has changed",
        "requires": "since requires_grad of a tensor has changed",
        "form": "since the arguments have another form or other Python values",
        "grad": "since the gradient mode or the default dtype is another",
    }
    for name, reason in reasons.items():
        change(name)
        assert reason in step.explain()
        assert step.explain().count("since") == list(reasons).index(name)
        change(name)


def test_explain_names_a_counter_that_decides_whether_there_are_gradients() -> None:
    w = tg.ones(3, requires_grad=True)
    calls = [0]

    def function(x: Any) -> None:
        (w * x).sum().backward()
        calls[0] += 1
        if calls[0] % 2 == 0:
            w.grad = None

    step = tg.compile(function, backend="numpy_source")
    _ = [step(tg.ones(3)) for _ in range(4)]
    assert "since a gradient has been set; the step changes what is in 'calls'" in step.explain()


def test_explain_says_that_an_optimizer_was_changed() -> None:
    first, second = (tg.ones(3, requires_grad=True) for _ in range(2))
    optimizer = tg.optim.Adam([first], lr=0.1)

    def function(x: Any) -> None:
        first.grad = second.grad = None
        (first * second * x).sum().backward()
        optimizer.step()

    step = tg.compile(function, backend="numpy_source")
    _ = [step(tg.ones(3)) for _ in range(3)]
    optimizer.add_param_group({"params": [second]})
    _ = [step(tg.ones(3)) for _ in range(3)]
    assert "since an optimizer has other parameters, another state or hyper-parameters of other names" in step.explain()


def test_grad_mode_and_default_dtype_are_part_of_the_signature() -> None:
    w = tg.ones(2, requires_grad=True)

    def function(x: Any) -> Any:
        y = w * x
        if y.requires_grad:
            y.sum().backward()
        return y.detach() + tg.zeros(2)

    step = tg.compile(function, backend="numpy_source")
    for _ in range(3):
        step(tg.ones(2))
        with tg.no_grad():
            step(tg.ones(2))
    assert w.grad.tolist() == [3, 3]
    tg.set_default_dtype(tg.float64)
    try:
        assert step(tg.ones(2, dtype=tg.float32)).dtype == tg.float64
    finally:
        tg.set_default_dtype(tg.float32)


def test_a_captured_array_that_is_changed_in_place_is_read_anew() -> None:
    data, weights = np.ones(3, np.float32), tg.ones(3)

    def function(x: Any) -> Any:
        return (tg.from_numpy(data) + weights) * x

    step = tg.compile(function, backend="numpy_source")
    for i in range(6):
        data[:] = i
        weights.mul_(2)
        assert same(function(tg.ones(3)), step(tg.ones(3)))
    assert step.traces == 1


def test_replaced_frozen_and_unfrozen_parameters() -> None:
    def run(compile_it: bool) -> list[Any]:
        tg.manual_seed(0)
        layer = nn.Linear(3, 2)
        optimizer = tg.optim.SGD(layer.parameters(), lr=0.1, momentum=0.9)

        def function(x: Any) -> Any:
            optimizer.zero_grad()
            loss = layer(x).square().sum()
            loss.backward()
            optimizer.step()
            return loss

        step = tg.compile(function, backend="numpy_source") if compile_it else function
        seen = []
        for i in range(24):
            if i == 4:
                layer.weight.data = tg.full((2, 3), 0.5)
            if i == 8:
                layer.bias.requires_grad_(False)
            if i == 12:
                layer.bias.requires_grad_(True)
            if i == 16:
                layer.weight.data = tg.ones(3, 2).T
            if i == 20:
                layer.bias = nn.Parameter(tg.zeros(2))
            seen.append([step(tg.ones(4, 3)), layer.weight.detach().clone(), layer.bias.detach().clone(), layer.weight.grad.clone()])
        if compile_it:
            assert "replayed" in step.explain()
        return seen

    assert same(run(False), run(True))


def test_train_and_eval_are_seen_at_every_call() -> None:
    model = nn.Sequential(nn.Linear(3, 3), nn.Dropout(1.0))
    step = tg.compile(lambda x: model(x).detach(), backend="numpy_source")
    x = tg.ones(2, 3)
    for _ in range(4):
        model.train()
        assert not step(x).any()
        model.eval()
        assert step(x).any()
        model[1].training = True
        assert not step(x).any()
    assert step.traces == 3


def test_variables_of_closure_module_and_object_are_compared_at_every_call() -> None:
    global counter
    scale, offset = 2.0, tg.ones(3)

    class Holder:
        factor = 1.0

        def __init__(self) -> None:
            self.factor = 1.0
            self.step = tg.compile(self.function, backend="numpy_source")

        def function(self, x: Any) -> Any:
            return x * scale * counter * self.factor + offset

    holder = Holder()
    x = tg.ones(3)
    for i in range(12):
        if i == 3:
            scale = 3.0
        if i == 6:
            counter = 5
        if i == 8:
            offset = tg.zeros(3)
        if i == 10:
            holder.factor = 7.0
        assert same(holder.function(x), holder.step(x))
    assert holder.step.traces == 5


@pytest.mark.parametrize("frozen", [False, True])
def test_what_no_name_leads_to_is_found_among_all_objects(frozen: bool) -> None:
    """A function with a closure, and a tensor whose memory is replaced, both behind an object of C; also out of the collector's sight."""
    scale, w = 2.0, tg.ones(3)
    hidden = slice(lambda x: x * scale, w)

    def function(x: Any) -> Any:
        return hidden.start(x) + hidden.stop.detach()

    (gc.freeze if frozen else gc.unfreeze)()
    try:
        step = tg.compile(function, backend="numpy_source")
        x = tg.ones(3)
        for i in range(9):
            if i == 3:
                scale = 3.0
            if i == 6:
                w.data = tg.zeros(3)
            assert same(function(x), step(x))
        assert step.traces == 2
        assert bool(gc.get_freeze_count()) == frozen
    finally:
        gc.freeze()  # as conftest.py left it


def eager_with(why: str, function: Callable[..., Any], calls: int = 7) -> Any:
    """Check that a step is found unfit for replay, for this reason, and runs eagerly."""
    step = tg.compile(function, backend="numpy_source")
    with pytest.warns(UserWarning, match=why):
        _ = [step(tg.ones(3)) for _ in range(calls)]
    assert "runs eagerly, since" in step.explain()
    assert "3 calls ran eagerly" in step.explain()
    return step


def test_a_step_that_changes_python_variables_runs_eagerly() -> None:
    global counter
    kept: list[Any] = []
    calls = 0
    counter = 0

    def counts(x: Any) -> Any:
        global counter
        counter += 1
        return x * 2

    def counts_in_closure(x: Any) -> Any:
        nonlocal calls
        calls += 1
        return x * 2

    def appends(x: Any) -> Any:
        kept.append(x * 2)

    eager_with("changes the Python variable 'counter'", counts)
    eager_with("changes the Python variable 'calls'", counts_in_closure)
    eager_with("changes what is in 'kept'", appends)
    assert (counter, calls, len(kept)) == (7, 7, 7)


def test_values_of_pythons_and_numpys_generators_are_not_frozen() -> None:
    generator = np.random.default_rng(0)

    def numpy_noise(x: Any) -> Any:
        return x + tg.tensor(generator.standard_normal(3).astype(np.float32))

    def drawn(x: Any) -> Any:
        return x * random.random()

    eager_with("'generator' is a random generator", numpy_noise)
    eager_with(rf"random draws random numbers, .*\n  at {re.escape(line_of(drawn, 'return'))}", drawn)


def test_what_two_calls_did_differently_is_told() -> None:
    """Of a list that no name leads to."""
    hidden = slice(list(range(1000)))

    def noise(x: Any) -> Any:
        return x + tg.tensor(np.full(3, hidden.stop.pop(), np.float32))

    eager_with("data that is made without this library changes from call to call, used at test_traps.py", noise)
    eager_with("two calls did different things", lambda x: x * hidden.stop.pop())
    eager_with("two calls did different things", lambda x: [x.exp() if hidden.stop.pop() % 2 else x.sin()])
    eager_with("two calls returned different Python values", lambda x: (x * 2, hidden.stop.pop()))


def test_a_tensor_made_anew_outside_of_the_arguments_is_not_frozen() -> None:
    class Holder:
        x: Any

    holder = Holder()

    def function(x: Any) -> Any:
        return x * holder.x

    step = tg.compile(function, backend="numpy_source")

    def call(i: int) -> float:
        holder.x = tg.full((3,), float(i))
        return step(tg.ones(3))[0].item()  # type: ignore[no-any-return]

    with pytest.warns(UserWarning, match="every call uses another tensor"):
        found = [call(i) for i in range(20)]
    assert found == list(range(20))


class Config:
    """What users keep their settings in: attributes of the object, of its class, in slots, in containers."""

    of_class = 1.0

    def __init__(self) -> None:
        self.plain = 1.0
        self.inner: Any = None
        self.listed = [1.0, [2.0]]
        self.table = {"k": 1.0}
        self.activation: Any = tg.sin
        self.array = np.ones(3)

    @property
    def computed(self) -> float:
        return self.plain * 2

    def __call__(self, x: Any) -> Any:
        return x * self.plain


class Slotted:
    __slots__ = ("k",)

    def __init__(self) -> None:
        self.k = 1.0


config = Config()


def helper(x: Any, scale: float = 1.0) -> Any:
    return x * config.plain * scale


def rebound(x: Any) -> Any:
    return x * 2


def recoded(x: Any) -> Any:
    return x * 2


def set_attribute(name: str, value: Any) -> Callable[[Config], None]:
    return lambda c: setattr(c, name, value)


def rebind(c: Config) -> None:
    globals()["rebound"] = tg.cos


def slotted(c: Config) -> None:
    c.inner.k = 3.0


def fill(*settings: tuple[str, Any]) -> Callable[[Config], None]:
    """A change of what is in `inner`, a container or a namespace."""

    def change(c: Config) -> None:
        for name, value in settings:
            c.inner[name] = value

    return change


def inner_attribute(value: Any) -> Callable[[Config], None]:
    return lambda c: setattr(c.inner, "k", value)


def matched(c: Config, x: Any) -> Any:
    match c:
        case Config(plain=scale):
            return x * scale


def caught(c: Config, x: Any) -> Any:
    try:
        return x * c.late  # type: ignore[attr-defined]
    except AttributeError:
        return x


def caught_global(c: Config, x: Any) -> Any:
    try:
        return x * late  # type: ignore[name-defined]
    except NameError:
        return x


def imported(c: Config, x: Any) -> Any:
    from tests.compiler.test_traps import imported_scale as scale

    return x * scale


def hung_on(scale: Any) -> Callable[..., Any]:
    scale.k = 1.0
    return scale  # type: ignore[no-any-return]


@hung_on
def marked(x: Any, scale: float = 1.0) -> Any:
    return x * scale * marked.k


class Base:
    k = 1.0


class Derived(Base):
    @classmethod
    def of_class(cls, x: Any) -> Any:
        return x * cls.k

    def of_base(self, x: Any) -> Any:
        return x * super().k

    def method(self, x: Any) -> Any:
        return x * 2


class List(list[float]):
    k = 1.0


class Layer(tg.nn.Module):
    def forward(self, x: Any) -> Any:
        return x * 2


imported_scale = 1.0
variable: contextvars.ContextVar[float] = contextvars.ContextVar("variable", default=1.0)
parameter: Any = tg.nn.Parameter(tg.ones(3))
parameter.k = 1.0
layer = Layer()
local = threading.local()
local.k = 1.0


CHANGES: dict[str, tuple[Callable[[Config, Any], Any], Callable[[Config], Any]]] = {
    "attribute of a closure's object": (lambda c, x: x * c.plain, set_attribute("plain", 3.0)),
    "attribute read by a function that is called": (lambda c, x: helper(x), lambda c: setattr(config, "plain", config.plain + 1)),
    "attribute read by a property": (lambda c, x: x * c.computed, set_attribute("plain", 3.0)),
    "attribute read by a call of the object": (lambda c, x: c(x), set_attribute("plain", 3.0)),
    "attribute of a class": (lambda c, x: x * c.of_class, lambda c: setattr(type(c), "of_class", type(c).of_class + 1)),
    "attribute that hides one of the class": (lambda c, x: x * c.of_class, set_attribute("of_class", 9.0)),
    "attribute of an object in it": (lambda c, x: x * c.inner.k, slotted),
    "element of a list": (lambda c, x: x * c.listed[0], lambda c: c.listed.__setitem__(0, 3.0)),
    "element of a list in a list": (lambda c, x: x * c.listed[1][0], lambda c: c.listed[1].__setitem__(0, 3.0)),
    "length of a list": (lambda c, x: x * len(c.listed), lambda c: c.listed.append(3.0)),
    "entry of a dict": (lambda c, x: x * c.table["k"], lambda c: c.table.update(k=3.0)),
    "new entry of a dict": (lambda c, x: x * sum(c.table.values()), lambda c: c.table.update(j=3.0)),
    "function in an attribute": (lambda c, x: c.activation(x), set_attribute("activation", tg.cos)),
    "function of the module, bound anew": (lambda c, x: rebound(x), rebind),
    "attribute of a namespace": (lambda c, x: x * c.inner.k, inner_attribute(3.0)),
    "attribute by its name": (lambda c, x: x * getattr(c, "plain"), set_attribute("plain", 3.0)),  # noqa: B009
    "attribute by a name that is computed": (lambda c, x: x * getattr(c, "pla" + c.table.get("rest", "in")), set_attribute("plain", 3.0)),
    "attribute in vars": (lambda c, x: x * sum(v for v in vars(c).values() if isinstance(v, float)), set_attribute("plain", 3.0)),
    "attribute in a pattern": (matched, set_attribute("plain", 3.0)),
    "attribute that comes later": (lambda c, x: x * (2 if hasattr(c, "late") else 1), set_attribute("late", 3.0)),
    "attribute of a namespace that comes later": (lambda c, x: x * getattr(c.inner, "late", 1), lambda c: setattr(c.inner, "late", 3.0)),
    "attribute whose absence is caught": (caught, set_attribute("late", 3.0)),
    "variable whose absence is caught": (caught_global, lambda c: globals().update(late=3.0)),
    "variable imported inside": (imported, lambda c: globals().update(imported_scale=imported_scale + 1)),
    "variable in globals()": (lambda c, x: x * globals()["imported_scale"], lambda c: globals().update(imported_scale=imported_scale + 1)),
    "attribute of a function": (lambda c, x: marked(x), lambda c: setattr(marked, "k", marked.k + 1)),
    "defaults of a function": (lambda c, x: marked(x), lambda c: setattr(marked, "__defaults__", (marked.__defaults__[0] + 1,))),
    "code of a function": (lambda c, x: recoded(x), lambda c: setattr(recoded, "__code__", (lambda x: x * 7).__code__)),
    "attribute of a tensor": (lambda c, x: x * parameter.detach() * parameter.k, lambda c: setattr(parameter, "k", parameter.k + 1)),
    "attribute of a base class": (lambda c, x: Derived.of_class(x), lambda c: setattr(Base, "k", Base.k + 1)),
    "attribute by super": (lambda c, x: Derived().of_base(x), lambda c: setattr(Base, "k", Base.k + 1)),
    "attribute of a list": (lambda c, x: x * c.inner.k, inner_attribute(3.0)),
    "attribute behind a weak reference": (lambda c, x: x * weakref.proxy(c).plain, set_attribute("plain", 3.0)),
    "method of a class": (lambda c, x: Derived().method(x), lambda c: setattr(Derived, "method", lambda self, x: x * 3)),
    "forward of a module": (lambda c, x: layer(x), lambda c: setattr(layer, "forward", lambda x: x * 3)),
    "forward of a module's class": (lambda c, x: c.inner(x), lambda c: setattr(Layer, "forward", lambda self, x: x * 5)),
    "bound method of a dict": (lambda c, x: x * c.activation("k"), lambda c: c.table.update(k=3.0)),
    "object in an array": (lambda c, x: x * c.inner[0].k, lambda c: setattr(c.inner[0], "k", 3.0)),
    "entry of a UserDict": (lambda c, x: x * c.inner["k"], fill(("k", 3.0))),
    "entry of a ChainMap": (lambda c, x: x * c.inner["k"], fill(("k", 3.0))),
    "entry behind a read-only view": (lambda c, x: x * c.inner["k"], lambda c: c.table.update(k=3.0)),
    "element of an array of Python's": (lambda c, x: x * c.inner[0], fill((0, 3))),
    "element of a bytearray": (lambda c, x: x * c.inner[0], fill((0, 3))),
    "value shared between processes": (lambda c, x: x * c.inner.value, lambda c: setattr(c.inner, "value", 3.0)),
    "event": (lambda c, x: x * (2 if c.inner.is_set() else 1), lambda c: c.inner.set()),
    "context variable": (lambda c, x: x * variable.get(), lambda c: variable.set(variable.get() + 1) and None),
    "variable of a thread": (lambda c, x: x * local.k, lambda c: setattr(local, "k", local.k + 1)),
    "variable of the environment": (lambda c, x: x * float(os.environ["HOME_SCALE"]), lambda c: os.environ.update(HOME_SCALE="3")),
    "variable of the environment by getenv": (
        lambda c, x: x * float(os.getenv("HOME_SCALE") or 2),
        lambda c: os.environ.update(HOME_SCALE="4"),
    ),
    "array that NumPy computes with": (lambda c, x: x * float(c.inner.mean()), lambda c: c.inner.__setitem__(0, 7.0)),
}


INNER: dict[str, Callable[[Config], Any]] = {
    "array that NumPy computes with": lambda c: np.ones(3),
    "attribute of a namespace": lambda c: types.SimpleNamespace(k=1.0),
    "attribute of a namespace that comes later": lambda c: types.SimpleNamespace(k=1.0),
    "attribute of a list": lambda c: List(),
    "forward of a module's class": lambda c: Layer(),
    "bound method of a dict": lambda c: setattr(c, "activation", c.table.get),
    "object in an array": lambda c: np.array([Slotted()], dtype=object),
    "entry of a UserDict": lambda c: UserDict(k=1.0),
    "entry of a ChainMap": lambda c: ChainMap({}, {"k": 1.0}),
    "entry behind a read-only view": lambda c: types.MappingProxyType(c.table),
    "element of an array of Python's": lambda c: array.array("d", [1.0]),
    "element of a bytearray": lambda c: bytearray(b"1"),
    "value shared between processes": lambda c: multiprocessing.Value("d", 1.0),
    "event": lambda c: threading.Event(),
}


@pytest.mark.parametrize("what", CHANGES)
def test_python_state_that_a_step_reads_anywhere_is_never_frozen(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Changed once, after the program has been confirmed: the next call must see it."""
    compute, change = CHANGES[what]
    c = Config()
    monkeypatch.setenv("HOME_SCALE", "1")
    c.inner = INNER.get(what, lambda c: Slotted())(c)

    def function(x: Any) -> Any:
        return compute(c, x)

    step = tg.compile(function, backend="numpy_source")
    x = tg.ones(3)
    for _ in range(4):
        assert same(function(x), step(x))
    assert step.traces == 1
    assert "replayed 2 times" in step.explain()
    before = function(x)
    change(c)
    assert not same(before, function(x))
    for _ in range(4):
        assert same(function(x), step(x))
    assert step.traces == 2
    assert step.explain().count("replayed 2 times") == 2


@dataclasses.dataclass(frozen=True)
class Options:
    name: str
    scale: float = dataclasses.field(default=1.0, compare=False)


class Alike(Slotted):
    """All are equal, whatever they hold."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Alike)

    def __hash__(self) -> int:
        return 0


def test_arguments_that_call_themselves_equal_are_told_apart() -> None:
    step = tg.compile(lambda x, options: x * options.scale, backend="numpy_source")
    for scale in (1.0, 2.0):
        for _ in range(4):
            assert step(tg.ones(2), Options("a", scale)).tolist() == [scale, scale]
    assert step.traces == 2
    first, second = Alike(), Alike()
    second.k = 3.0
    step = tg.compile(lambda x, options: x * options.k, backend="numpy_source")
    for alike in (first, second):
        for _ in range(4):
            assert step(tg.ones(2), alike).tolist() == [alike.k, alike.k]


@pytest.mark.parametrize(
    ("text", "computed"),
    [
        ("getattr(c, 'k')", False),
        ("getattr(c.x.y, 'k', 1)", False),
        ("getattr(c, 'k', d.f(1) + 2)", False),
        ("setattr(c, 'k', c.x)", False),
        ("hasattr(c, 'k') and hasattr(d, 'j')", False),
        ("getattr(c, d)", True),
        ("getattr(c, 'k' + d)", True),
        ("getattr(c, 'k' + d, None)", True),
        ("getattr(c, f'{d}k')", True),
        ("getattr(c, d['k'])", True),
        ("hasattr(c, 'k') and hasattr(d, c)", True),
        ("vars(c)", True),
        ("c.__dict__['k']", True),
        ("c.k + d", False),
    ],
)
def test_names_of_attributes_that_are_computed_are_known(text: str, computed: bool) -> None:
    assert named(compile(text, "step.py", "eval")).computes is computed
    function = eval(f"lambda c, d: {text}")
    assert named(function.__code__).computes is computed


def test_attributes_that_a_step_does_not_name_may_change() -> None:
    """A name that stands in the code as a text is no reason to look at all the others."""

    class Trainer:
        def __init__(self) -> None:
            self.losses: list[float] = []
            self.scale = 2.0

        def step(self, x: Any) -> Any:
            return x * getattr(self, "scale", 1.0) * (1 if hasattr(self, "late") else 2)

    trainer = Trainer()
    step = tg.compile(trainer.step, backend="numpy_source")
    for _ in range(5):
        trainer.losses.append(step(tg.ones(()) * 3.0).item())
    assert trainer.losses == [12.0] * 5
    assert step.traces == 1


def test_settings_of_layers_and_of_arguments_are_never_frozen() -> None:
    model = nn.Sequential(nn.Linear(3, 3), nn.Softplus(beta=1.0), nn.Dropout(0.0))
    c = Config()

    def function(settings: Any, x: Any) -> Any:
        return model(x).detach() * settings.plain

    step = tg.compile(function, backend="numpy_source")

    def check(traces: int) -> None:
        for _ in range(4):
            assert same(function(c, x), step(c, x))
        assert step.traces == traces

    x = tg.ones(2, 3)
    check(1)
    model[1].beta = 2.0
    check(2)
    model[2].p = 1.0
    check(3)
    c.plain = 5.0
    check(4)
    model.append(nn.Tanh())
    check(5)
    handle = model[0].register_forward_hook(lambda module, args, out: out * 2)
    check(6)
    other = model[0].register_forward_hook(lambda module, args, out: out + 1)
    check(7)
    other.remove()
    handle.remove()
    check(8)


def test_hyper_parameters_that_the_step_looks_at_itself_are_seen() -> None:
    w = tg.ones(3, requires_grad=True)
    optimizer = tg.optim.SGD([w], lr=0.5)

    def function(x: Any) -> Any:
        return x * optimizer.param_groups[0]["lr"]

    step = tg.compile(function, backend="numpy_source")
    for lr in (0.5, 0.25):
        optimizer.param_groups[0]["lr"] = lr
        for _ in range(4):
            assert same(function(tg.ones(3)), step(tg.ones(3)))
    assert step.traces == 2


def module_hook(net: Any, x: Any, scale: list[float]) -> Any:
    return net.register_full_backward_pre_hook(lambda module, grads: (grads[0] * scale[0],))


def module_hook_after(net: Any, x: Any, scale: list[float]) -> Any:
    return net.register_full_backward_hook(lambda module, grads, outer: (grads[0] * scale[0],))


def hook_of_a_parameter(net: Any, x: Any, scale: list[float]) -> Any:
    return net.weight.register_hook(lambda g: g * scale[0])


def hook_after_accumulation(net: Any, x: Any, scale: list[float]) -> Any:
    return net.weight.register_post_accumulate_grad_hook(lambda p: p.grad.mul_(scale[0]))


def hook_of_an_argument(net: Any, x: Any, scale: list[float]) -> Any:
    return x.register_hook(lambda g: g * scale[0])


@pytest.mark.parametrize("hook", [module_hook, module_hook_after, hook_of_a_parameter, hook_after_accumulation, hook_of_an_argument])
@pytest.mark.filterwarnings("ignore:compile. step runs eagerly")
def test_hooks_of_backward_that_come_change_and_go_are_seen(hook: Any) -> None:
    runs = []
    for compiled in (True, False):
        net, scale, seen = tg.nn.Linear(2, 1), [2.0], []
        net.load_state_dict({"weight": tg.ones(1, 2), "bias": tg.zeros(1)})
        net.register_forward_hook(lambda module, args, out: None)  # so that the module has hooks from the start

        def step(x: Any, net: Any = net) -> Any:
            net.zero_grad()
            (net(x) ** 2).sum().backward()
            return x.grad.clone(), net.weight.grad.clone()

        call = tg.compile(step) if compiled else step
        kept = tg.ones(3, 2, requires_grad=True)
        for i in range(14):
            x = tg.ones(3, 2, requires_grad=True) if hook is hook_of_an_argument else kept
            x.grad = None
            if i == 5 or (hook is hook_of_an_argument and 5 < i < 11):
                handle = hook(net, x, scale)
            if i == 8:
                scale[0] = 3.0
            if i == 11:
                handle.remove()
            seen.append([g.tolist() for g in call(x)])
        runs.append(seen)
    assert runs[0] == runs[1]
    assert runs[1][4] != runs[1][5] != runs[1][8] != runs[1][11] == runs[1][4]


class Scaled(tg.optim.Optimizer):
    """A step of its own in PyTorch's manner, which reads an attribute, a hyper-parameter and, if asked, a count that it keeps."""

    def __init__(self, params: Any, counts: bool) -> None:
        super().__init__(params, {"lr": 0.1})
        self.scale, self.counts = 1.0, counts

    @tg.no_grad()
    def step(self, closure: Any = None) -> None:
        for group in self.param_groups:
            for p in group["params"]:
                entry = self.state[p]
                if self.counts:
                    entry["count"] = entry.get("count", 0) + 1
                p.sub_(p.grad * (group["lr"] * self.scale / entry.get("count", 1)))


@pytest.mark.parametrize("counts", [False, True])
@pytest.mark.filterwarnings("ignore:compile. step runs eagerly")
def test_what_an_optimizer_of_the_users_own_reads_is_never_frozen(counts: bool) -> None:
    runs = []
    for compiled in (True, False):
        p = tg.ones(2, requires_grad=True)
        optimizer = Scaled([p], counts)

        def step(p: Any = p, optimizer: Any = optimizer) -> tg.Tensor:
            optimizer.zero_grad()
            loss = (p * p).sum()
            loss.backward()
            optimizer.step()
            return loss.detach()

        call, losses = tg.compile(step) if compiled else step, []
        for i in range(12):
            optimizer.scale = 1.0 if i < 5 else 2.0
            optimizer.param_groups[0]["lr"] = 0.1 if i < 8 else 0.05
            losses.append(call().item())
        runs.append(losses)
    assert runs[0] == runs[1]


def test_what_a_step_stores_in_objects_is_not_left_out() -> None:
    c = Config()

    def stores(x: Any) -> None:
        c.plain = x * 2

    def counts(x: Any) -> Any:
        c.table["k"] += 1
        return x * 2

    def through_a_method(x: Any) -> Any:
        return keeper.add(x)

    class Keeper:
        total = 0.0

        def add(self, x: Any) -> Any:
            self.total += 1
            return x

    keeper = Keeper()
    eager_with(r"changes the Python variable 'c.plain'.* write into the tensor that is there, with copy_", stores)
    eager_with(r"changes what is in 'c.table'", counts)
    eager_with(r"changes the Python variable '.*total'", through_a_method)
    assert (c.table["k"], keeper.total) == (8, 7)


def test_what_the_step_makes_itself_is_no_reason_to_trace_again() -> None:
    def function(x: Any) -> Any:
        c = Config()
        c.plain = 3.0
        scale = 2.0

        def inner(y: Any) -> Any:
            return y * scale * c.plain

        return inner(x) + [inner(y) for y in [x, x]][0]

    step = agree(function, [(tg.ones(3),)] * 6)
    assert "replayed 4 times" in step.explain()


def test_memory_taken_past_the_tensor_copies_and_seeds_are_not_frozen() -> None:
    import copy

    x = tg.ones(3)
    eager_with(r"reads .array", lambda x: x * float(x.array[0]))
    eager_with("a generator is seeded inside of the step", lambda x: (tg.manual_seed(0), x + tg.rand(3))[1])
    for copied in (copy.deepcopy, lambda x: x.__reduce_ex__(4)):
        with pytest.raises(TraceError, match="deepcopy|pickling"):
            tg.compile(lambda x, copied=copied: copied(x), backend="numpy_source")(x)


def test_rates_that_the_step_asks_a_schedule_for_are_not_frozen() -> None:
    optimizer = tg.optim.SGD([tg.ones(3, requires_grad=True)], lr=0.5)
    schedule = tg.optim.lr_scheduler.StepLR(optimizer, step_size=100)
    eager_with("get_last_lr gives Python numbers", lambda x: x * schedule.get_last_lr()[0])


def test_a_rate_that_the_step_reads_and_has_a_schedule_change_is_not_frozen() -> None:
    runs = []
    for compiled in (False, True):
        w = tg.ones(3, requires_grad=True)
        optimizer = tg.optim.SGD([w], lr=1.0)
        schedule = tg.optim.lr_scheduler.StepLR(optimizer, step_size=2, gamma=0.5)

        def function(x: Any, w: Any = w, optimizer: Any = optimizer, schedule: Any = schedule) -> Any:
            w.grad = None
            (w * x).sum().backward()
            optimizer.step()
            schedule.step()
            return optimizer.param_groups[0]["lr"]

        step = tg.compile(function, backend="numpy_source") if compiled else function
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            runs.append([step(tg.ones(3)) for _ in range(12)])
    assert runs[0] == runs[1]
    assert "looks at lr of a parameter group and has a schedule change it" in step.explain()


def test_gradient_mode_changed_for_good_runs_eagerly() -> None:
    def function(x: Any) -> Any:
        tg.set_grad_enabled(not tg.is_grad_enabled())
        return x * 2

    step = tg.compile(function, backend="numpy_source")
    with tg.enable_grad(), pytest.warns(UserWarning, match="changes the gradient mode"):
        _ = [step(tg.ones(3)) for _ in range(12)]


def test_arguments_that_overlap_get_a_program_of_their_own() -> None:
    def function(x: Any, y: Any) -> Any:
        x.add_(1)
        return y * 2

    step = tg.compile(function, backend="numpy_source")
    for _ in range(4):
        step(tg.ones(3), tg.ones(3))

    def call() -> Any:
        whole = tg.ones(4)
        return step(whole[:3], whole[1:]).tolist()

    with pytest.warns(UserWarning, match="memory that is shared"):
        found = [call() for _ in range(6)]
    assert found == [[4, 4, 2]] * 6


def test_a_norm_of_zero_keeps_its_hessian() -> None:
    def function(x: Any) -> Any:
        x = x.detach().requires_grad_()
        (slope,) = tg.autograd.grad(tg.linalg.norm(x) ** 2, x, create_graph=True)
        return tg.autograd.grad(slope.sum(), x)[0]

    agree(function, [(tg.tensor(values),) for values in ([1.0, 2.0], [3.0, 1.0], [0.0, 0.0], [0.0, 1.0])])


def test_memory_that_tensors_of_the_step_share_is_left_to_eager() -> None:
    whole = tg.zeros(4)
    left, middle = whole[:3], whole[1:]

    def function(x: Any) -> Any:
        left.add_(x)
        return middle.sum()

    step = tg.compile(function, backend="numpy_source")
    with pytest.warns(UserWarning, match="memory that is shared"):
        found = [step(tg.ones(3)).item() for _ in range(6)]
    assert found == [2, 4, 6, 8, 10, 12]


def test_an_argument_that_shares_memory_with_what_is_written_gets_a_program_of_its_own() -> None:
    w = tg.zeros(3)

    def function(x: Any) -> Any:
        w.add_(1)
        return x * 2

    step = tg.compile(function, backend="numpy_source")
    for _ in range(4):
        step(tg.ones(3))
    before = w.tolist()
    assert step(w).tolist() == [2 * (value + 1) for value in before]


def test_requires_grad_changed_inside_runs_eagerly() -> None:
    w = tg.ones(3)

    def function(x: Any) -> Any:
        y = w * x
        w.requires_grad_(not w.requires_grad)
        return y.detach()

    step = tg.compile(function, backend="numpy_source")
    with pytest.warns(UserWarning, match="changes requires_grad"):
        _ = [step(tg.ones(3)) for _ in range(12)]


def test_replacing_memory_inside_runs_eagerly() -> None:
    w = tg.ones(3)

    def function(x: Any) -> Any:
        y = w * x
        w.data = w.data + 1
        return y

    step = tg.compile(function, backend="numpy_source")
    with pytest.warns(UserWarning, match="replaced the memory of a tensor"):
        found = [step(tg.ones(3))[0].item() for _ in range(7)]
    assert found == [1, 2, 3, 4, 5, 6, 7]


def average(twin: Any, x: Any) -> None:
    twin.weight.data = twin.weight.data * 0.5 + x * 0.5


def take_apart(twin: Any, x: Any) -> None:
    nn.utils.vector_to_parameters(tg.cat([x, x[:1]]), twin.parameters())


def replace_argument(twin: Any, x: Any) -> None:
    x.data = x.data + twin.weight.detach()[0]


@pytest.mark.parametrize("change", [average, take_apart, replace_argument])
@pytest.mark.filterwarnings("ignore:compile. function runs eagerly")
def test_memory_that_nothing_else_of_the_step_uses_is_replaced(change: Any) -> None:
    found = []
    for compiled in (False, True):
        twin = nn.Linear(3, 1)
        twin.load_state_dict({"weight": tg.ones(1, 3), "bias": tg.zeros(1)})

        def function(x: Any, twin: Any = twin) -> Any:
            change(twin, x)
            return x * 2

        step = tg.compile(function, backend="numpy_source") if compiled else function
        given = [tg.full((3,), float(i)) for i in range(7)]
        results = [step(x) for x in given]
        found.append([x.tolist() for x in (*results, *given, *twin.parameters())])
    assert found[0] == found[1]
    assert "replaced the memory of a tensor" in step.explain()


def test_requires_grad_that_a_step_sets_is_set_again_when_it_was_changed() -> None:
    layer = nn.Linear(3, 1)

    def function(x: Any) -> Any:
        layer.requires_grad_(False)
        return x * 2

    step = tg.compile(function, backend="numpy_source")
    for frozen in (True, True, True, True, False, False, True, False, False, False):
        layer.requires_grad_(not frozen)
        step(tg.ones(3))
        assert not layer.weight.requires_grad


def test_an_argument_made_to_require_grad_keeps_a_gradient_it_had() -> None:
    def function(x: Any) -> Any:
        x.requires_grad_()
        x.square().sum().backward()

    step = tg.compile(function, backend="numpy_source")
    for i in range(6):
        x = tg.ones(3)
        if i == 5:
            x.grad = tg.full((3,), 5.0)
        step(x)
    assert "replayed 3 times" in step.explain()
    assert x.requires_grad
    assert x.grad is not None
    assert x.grad.tolist() == [7.0] * 3


def test_an_entry_whose_key_is_a_tensor_is_named_by_its_form() -> None:
    w = tg.ones(3)
    steps: dict[Any, Any] = {w: {"step": 0}}

    def function(x: Any) -> Any:
        steps[w]["step"] += 1
        return x * steps[w]["step"]

    eager_with(r"changes what is in 'steps\[float32 \(3,\)\]'.*return what is to be kept, or use a tensor", function)


def test_an_optimizer_that_steps_twice_runs_eagerly() -> None:
    w = tg.ones(3, requires_grad=True)
    optimizer = tg.optim.Adam([w], lr=0.1)

    def function(x: Any) -> Any:
        for _ in range(2):
            optimizer.zero_grad()
            (w * x).square().sum().backward()
            optimizer.step()

    eager_with("an optimizer makes two steps in one call", function)
    assert optimizer.state[w]["step"].item() == 14


def test_anomaly_mode_runs_eagerly() -> None:
    step = tg.compile(lambda x: x * 2, backend="numpy_source")
    with tg.autograd.detect_anomaly():
        step(tg.ones(3))
    assert step.traces == 0


def test_an_error_in_the_step_is_the_users_and_nothing_is_kept() -> None:
    step = tg.compile(lambda x, y: x @ y, backend="numpy_source")
    for _ in range(3):
        with pytest.raises(tg.errors.ShapeError):
            step(tg.ones(2, 3), tg.ones(2, 3))
    assert step.traces == 0
    assert tg.engine.state.state.tracer is None


@pytest.mark.filterwarnings("ignore:compile:UserWarning")
@pytest.mark.parametrize("backend", ["interpreter", "numpy_source"])
def test_a_shape_that_depends_on_values_runs_eagerly(backend: str) -> None:
    w = tg.tensor([1.0, 2.0, 3.0], requires_grad=True)

    def function(x: Any) -> Any:
        w.grad = None
        loss = (w[x > 0] ** 2).sum() + tg.nonzero(x).sum()
        loss.backward()
        return loss

    step = tg.compile(function, backend=backend)
    for values in ([1.0, -1.0, 2.0], [1.0, -1.0, 2.0], [1.0, 1.0, 2.0], [-1.0, -1.0, -1.0]):
        x = tg.tensor(values)
        found, gradient = step(x).item(), w.grad.tolist()
        assert (found, gradient) == (function(x).item(), w.grad.tolist())
    assert "depends on the values" in step.explain()


def test_an_order_that_is_a_tensor_is_not_frozen() -> None:
    step = tg.compile(lambda x, p: tg.norm(x, p), backend="numpy_source")
    with pytest.raises(TraceError):
        step(tg.ones(3), tg.tensor(1.0))
