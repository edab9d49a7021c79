"""gradcheck finds wrong gradients, says where, and passes right ones."""

from __future__ import annotations

import functools
from collections import UserDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pytest

import tinygrad_reg as tg
from tinygrad_reg.engine.primitive import PRIMITIVES, primitive
from tinygrad_reg.errors import ArgumentError
from tinygrad_reg.testing import GradcheckError, gradcheck


@pytest.fixture(autouse=True)
def _registry() -> Iterator[None]:
    before = dict(PRIMITIVES)
    yield
    PRIMITIVES.clear()
    PRIMITIVES.update(before)


def doubles(*shape: int) -> Any:
    return tg.tensor(np.random.default_rng(0).uniform(0.5, 1.5, shape))


def sine(rule: Any) -> Any:
    """A primitive that computes the sine, with the rule to test."""

    @primitive(name="suspect")
    def suspect(x: Any) -> Any:
        return np.sin(x)

    suspect.vjp(x=rule)
    return suspect


def identity(rule: Any) -> Any:
    """x itself, with the rule to test."""

    class Identity(tg.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 1.0

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return rule(g)

    return Identity.apply


# ---- right ones ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "f",
    [
        tg.sin,
        lambda x: x @ x.T,
        lambda x: x.sum() ** 3,
        lambda x: tg.exp(100.0 * x) / 1e60,
        lambda x: x * 1e-20,
        lambda x: x * 1e20,
        lambda x: (x, [x * 2.0, {"a": x**3}]),
        lambda x: x[0:0].sum() + x.prod(),
        lambda x: tg.where(x > 1.0, x**2, tg.sin(x)),
        lambda x: x.detach() * x if False else x * x,
        lambda x: tg.floor(x * 10.0 + 0.123),
        lambda x: x.long().sum() * x,
        lambda x: (x, x > 1.0),
    ],
)
def test_right_gradients_pass(f: Any) -> None:
    assert gradcheck(f, doubles(3, 3))


def test_several_inputs_nested_and_mixed_with_other_things() -> None:
    class Pair(NamedTuple):
        first: Any
        second: Any

    x, y = doubles(2), doubles(2, 2)
    assert gradcheck(lambda a, b, n: a["k"][0] @ b.second * n + b.first, ({"k": [x]}, Pair(tg.ones(2, dtype=tg.float64), y), 3))


@dataclass
class Two:
    first: Any
    second: Any = None


@pytest.mark.parametrize("pack", [Two, lambda a, b: (a, Two(b)), lambda a, b: UserDict(a=a, b=b), lambda a, b: [a, {"k": (b, None)}]])
def test_tensors_are_found_in_dataclasses_and_mappings(pack: Any) -> None:
    wrong = sine(lambda g, x: g * tg.cos(x) * 1.01)
    assert gradcheck(lambda x: pack(x, tg.sin(x)), doubles(3))
    with pytest.raises(GradcheckError):
        gradcheck(lambda x: pack(x, wrong(x)), doubles(3))
    with pytest.raises(GradcheckError, match=r"respect to inputs\[1\]\.second"):
        gradcheck(lambda x, two: x * wrong(two.second), (doubles(3), Two(3, doubles(3))))


def test_only_inputs_that_require_grad_are_checked() -> None:
    x, y = doubles(3).requires_grad_(), doubles(3)
    wrong = sine(lambda g: g)
    assert gradcheck(lambda a, b: a * wrong(b), (x, y))
    with pytest.raises(GradcheckError, match=r"inputs\[1\]"):
        gradcheck(lambda a, b: a * wrong(b), (x, y.requires_grad_()))


def test_float32_with_its_own_tolerance() -> None:
    assert gradcheck(tg.sin, doubles(4).float())
    with pytest.raises(GradcheckError):
        gradcheck(sine(lambda g, x: g * tg.cos(x) * 1.05), doubles(4).float())


def test_modules_are_checked_in_their_parameters_and_left_as_they_were() -> None:
    model = tg.nn.Sequential(tg.nn.Linear(3, 4), tg.nn.Tanh(), tg.nn.Dropout(0.5), tg.nn.Linear(4, 1)).double()
    before = [p.detach().clone() for p in model.parameters()]
    arrays = [p.array for p in model.parameters()]
    random_state = tg.get_rng_state()
    assert gradcheck(model, doubles(5, 3))
    for p, value, array in zip(model.parameters(), before, arrays, strict=True):
        assert p.array is array
        assert tg.equal(p, value)
        assert p.grad is None
    assert tg.get_rng_state() == random_state


def test_modules_of_a_closure_are_left_as_they_were_and_run_in_float64() -> None:
    norm, seen = tg.nn.BatchNorm1d(3), []

    def f(x: Any) -> Any:
        seen.append((norm.weight.dtype, norm.weight.requires_grad))
        return norm(x)

    before = norm.running_mean, norm.weight, norm.weight.array
    for g in (f, functools.partial(lambda m, x: m(f(x)), norm)):
        assert gradcheck(g, doubles(5, 3).float())
    assert (tg.float64, True) in seen
    assert (norm.running_mean, norm.weight, norm.weight.array) == (before[0], before[1], norm.weight.array)
    assert norm.running_mean.tolist() == [0.0] * 3
    assert norm.num_batches_tracked.item() == 0
    assert norm.weight.array is before[2]


def test_a_module_with_a_wrong_gradient_names_the_parameter() -> None:
    wrong = sine(lambda g, x: g * tg.cos(x) * 1.01)

    class Bad(tg.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.good, self.bad = tg.nn.Parameter(doubles(2)), tg.nn.Parameter(doubles(2))

        def forward(self, x: Any) -> Any:
            return x * self.good + wrong(self.bad)

    with pytest.raises(GradcheckError, match="parameter bad"):
        gradcheck(Bad(), doubles(2))


def gradient_penalty(w: Any) -> Any:
    x = tg.tensor([0.3, -0.2], dtype=tg.float64).requires_grad_()
    (g,) = tg.autograd.grad((w * x).sin().sum(), x, create_graph=True)
    return (g.norm() - 1.0) ** 2


def with_other_memory(w: Any) -> Any:
    x = tg.zeros(2, dtype=tg.float64)
    x.data = tg.ones(2, dtype=tg.float64)
    return (w * x).sin()


def behind_a_net_trained_inside(optimizer: Any) -> Any:
    def f(w: Any) -> Any:
        tg.manual_seed(0)
        net = tg.nn.Linear(2, 1).double()
        stepping = optimizer(net.parameters(), lr=0.1)

        def loss() -> Any:
            stepping.zero_grad()
            loss = net(tg.ones(3, 2, dtype=tg.float64)).square().sum()
            loss.backward()
            return loss

        stepping.step(loss)
        return net(w)

    return f


@pytest.mark.parametrize(
    "f", [gradient_penalty, with_other_memory, *[behind_a_net_trained_inside(getattr(tg.optim, name)) for name in ("SGD", "Adam", "LBFGS")]]
)
def test_functions_that_make_leaves_and_models_of_their_own(f: Any) -> None:
    x = tg.tensor([0.7, -1.3], dtype=tg.float64, requires_grad=True)
    assert gradcheck(f, [x])


def test_inputs_are_left_alone() -> None:
    x = doubles(3).requires_grad_()
    before = x.tolist()
    gradcheck(lambda a: (a * 2.0).add_(1.0), x)
    assert x.tolist() == before
    assert x.grad is None


# ---- wrong ones ----------------------------------------------------------------------------------------------------------


def test_a_wrong_factor_is_found_and_described() -> None:
    with pytest.raises(GradcheckError, match=r"order 1 with respect to inputs\[0\]") as found:
        gradcheck(sine(lambda g, x: g * tg.cos(x) * 1.00001), doubles(2, 3))
    error = found.value
    assert isinstance(error, AssertionError)
    assert error.order == 1
    assert error.input == "inputs[0]"
    assert error.error < 1e-9
    assert error.op == "suspect"
    assert error.line is not None
    assert "test_gradcheck.py" in error.line
    assert error.index in list(np.ndindex(2, 3))
    assert error.analytic == pytest.approx(1.00001 * error.numeric, rel=1e-6)


@pytest.mark.parametrize(
    ("rule", "order"),
    [
        (lambda g: g, 1),
        (lambda g, x: -g * tg.cos(x), 1),
        (lambda g, x: g * tg.cos(x) + 1e-5, 1),
        (lambda g, x: g * tg.cos(x.detach()) if isinstance(x, tg.Tensor) else g * np.cos(x), 2),
        (lambda g, x: (g.detach() if isinstance(g, tg.Tensor) else g) * tg.cos(x), 2),
        (lambda g, x: g * (x * 0.0 + 0.0), 1),
    ],
)
def test_wrong_rules_are_found(rule: Any, order: int) -> None:
    with pytest.raises(GradcheckError) as found:
        gradcheck(sine(rule), doubles(3))
    assert found.value.order == order


def test_the_worst_element_is_named() -> None:
    def rule(g: Any, x: Any) -> Any:
        factor = np.ones((2, 3))
        factor[1, 2] = 1.001
        return g * tg.cos(x) * (tg.tensor(factor) if isinstance(g, tg.Tensor) else factor)

    with pytest.raises(GradcheckError) as found:
        gradcheck(sine(rule), doubles(2, 3))
    assert found.value.index == (1, 2)


def test_a_gradient_of_nan_is_an_error() -> None:
    with pytest.raises(GradcheckError):
        gradcheck(sine(lambda g, x: g * float("nan")), doubles(3))


def test_first_order_alone() -> None:
    wrong_in_second = sine(lambda g, x: g * tg.cos(x.detach()) if isinstance(x, tg.Tensor) else g * np.cos(x))
    assert gradcheck(wrong_in_second, doubles(3), order=1)


def test_a_function_of_more_than_its_inputs_is_refused() -> None:
    calls: list[int] = []
    generator = np.random.default_rng(0)

    def counting(x: Any) -> Any:
        calls.append(1)
        return x * len(calls)

    for f in (counting, lambda x: x * float(generator.uniform())):
        with pytest.raises(ArgumentError, match="different values"):
            gradcheck(f, doubles(3))
    with pytest.raises(ArgumentError, match="different gradients"):
        gradcheck(identity(lambda g: g * (1.0 + 1e-7 * generator.uniform())), doubles(3))


def test_the_third_order() -> None:
    assert gradcheck(lambda x: x**4, doubles(3), order=3)


def test_it_is_deterministic() -> None:
    texts = set()
    for _ in range(3):
        with pytest.raises(GradcheckError) as found:
            gradcheck(lambda x: x * x.detach(), doubles(3), seed=5)
        texts.add(str(found.value))
    assert len(texts) == 1


class UnitWrongInSecond(tg.autograd.Function):
    """x / ‖x‖, whose gradient is right and does not know all that it depends on."""

    @staticmethod
    def forward(ctx: Any, x: tg.Tensor) -> tg.Tensor:
        ctx.save_for_backward(x)
        return x / x.norm(dim=1, keepdim=True)

    @staticmethod
    def backward(ctx: Any, g: tg.Tensor) -> tg.Tensor:
        (x,) = ctx.saved_tensors
        length = x.norm(dim=1, keepdim=True)
        out = x / length
        return (g - out * (g * out.detach()).sum(1, keepdim=True)) / length


@pytest.mark.parametrize("seed", [0, 3])
def test_cotangents_are_drawn_apart_from_inputs(seed: int) -> None:
    """Drawn by the same generator, the cotangent would be x, along which a unit vector does not change."""
    with pytest.raises(GradcheckError, match="order 2"):
        gradcheck(UnitWrongInSecond.apply, tg.tensor(np.random.default_rng(seed).standard_normal((2, 3))), seed=seed)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: gradcheck(tg.sin, tg.ones(2, dtype=tg.int64)), "no float tensor"),
        (lambda: gradcheck(lambda x: x > 0, doubles(2)), "no float tensor"),
        (lambda: gradcheck(lambda x: None, doubles(2)), "no float tensor"),
        (lambda: gradcheck(tg.sin, doubles(2), order=0), "order"),
        (lambda: gradcheck(tg.sin, doubles(2), order="two"), "order"),  # type: ignore[arg-type]
        (lambda: gradcheck(tg.sin, doubles(2), order=True), "order"),
        (lambda: gradcheck(tg.sin, doubles(2), seed=-1), "seed"),
        (lambda: gradcheck(tg.sin, doubles(2), rtol=-1.0), "rtol"),
        (lambda: gradcheck(tg.sin, doubles(2), atol="a"), "atol"),  # type: ignore[arg-type]
        (lambda: tg.autograd.gradcheck(tg.sin, doubles(2).requires_grad_(), rtol=-1.0), "rtol"),
    ],
)
def test_nothing_to_check(call: Any, words: str) -> None:
    with pytest.raises(ArgumentError, match=words):
        call()


# ---- how exact the numeric side is ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("f", "at"),
    [
        (lambda x: tg.exp(20.0 * x), [0.1, 1.0, -1.0]),
        (lambda x: tg.sin(50.0 * x), [0.1, 1.0, -1.0]),
        (tg.log, [1e-8, 1e-3, 1.0]),
        (tg.sqrt, [1e8, 1e3]),
        (lambda x: (x + 1e6) - 1e6, [1.0, 2.0]),
        (lambda x: 1.0 / (x - 1.0), [1.0 + 1e-5, 3.0]),
        (tg.log, [0.0, 2.0]),
    ],
)
def test_badly_scaled_functions_pass(f: Any, at: list[float]) -> None:
    assert gradcheck(f, tg.tensor(at, dtype=tg.float64))


@pytest.mark.parametrize("share", [1e-3, 1e-6])
@pytest.mark.parametrize(
    "f", [lambda x: x, tg.exp, lambda x: tg.linalg.norm(x) * x, lambda x: x.softmax(0), lambda x: tg.maximum(x, x * x), tg.erf]
)
def test_a_small_wrong_factor_is_found_behind_any_function(f: Any, share: float) -> None:
    wrong = sine(lambda g, x: g * (tg.cos(x) * (1.0 + share)))
    with pytest.raises(GradcheckError) as found:
        gradcheck(lambda x: f(wrong(x)), doubles(3))
    assert found.value.op == "suspect"


def test_the_complex_step_is_taken_where_every_operation_is_analytic() -> None:
    with pytest.raises(GradcheckError) as found:
        gradcheck(lambda x: tg.exp(x).T @ (x * x.detach()), doubles(2, 2))
    assert found.value.error < 1e-12
    assert found.value.op is None
    assert "detach" in str(found.value)


def test_a_rule_that_names_what_was_computed_of_its_argument_is_no_linear_one() -> None:
    """Else the forward would run on complex numbers, of which abs drops what the rule forgets, too."""

    @primitive(name="kept", outputs=("unit", "size"))
    def kept(x: Any) -> Any:
        return x / np.abs(x), np.abs(x)

    @primitive(name="shared")
    def shared(x: Any) -> Any:
        return x / np.abs(x)

    kept.vjp(x=lambda g, size: g[0] / size)
    shared.shares(size=lambda g, x: tg.abs(x))
    shared.vjp(x=lambda g, size: g / size)
    for f in (lambda x: kept(x)[0], shared):
        with pytest.raises(GradcheckError, match="order 1"):
            gradcheck(f, doubles(3))


@pytest.mark.parametrize(
    ("forward", "factor"),
    [
        (lambda x: x * np.conj(x), 0.0),
        (lambda x: np.conj(x) * 1.0, -1.0),
        (lambda x: np.abs(x) + 0.0 * x, 0.0),
        (lambda x: x.real**2 + 0.0 * x, 0.0),
        (lambda x: np.sign(x) * x, 2.0),
        (lambda x: x**2 if np.isrealobj(x) else 3.0 * x, 3.0),
    ],
)
def test_a_forward_that_does_something_else_with_complex_numbers(forward: Any, factor: float) -> None:
    suspect = primitive(name="suspect")(lambda x: forward(x))
    suspect.vjp(x=lambda g: g * factor)
    with pytest.raises(GradcheckError, match="order 1"):
        gradcheck(suspect, tg.tensor([-0.7, 0.9, 1.3], dtype=tg.float64))


# ---- where there are no numbers ------------------------------------------------------------------------------------------


def test_what_is_nan_all_along_accuses_nobody() -> None:
    assert gradcheck(tg.sin, tg.tensor([np.nan, 1.0], dtype=tg.float64))
    assert gradcheck(lambda x: tg.nn.functional.cross_entropy(x, tg.tensor([-100, -100])), doubles(2, 3))
    with pytest.raises(GradcheckError, match="no finite values around the input"):
        gradcheck(tg.log, tg.tensor([-1.0, 1.0], dtype=tg.float64))


def test_a_function_may_refuse_what_lies_outside_of_its_domain() -> None:
    def log(x: Any) -> Any:
        assert bool((x > 0.0).all()), "only positive numbers"
        return tg.log(x)

    assert gradcheck(log, tg.tensor([1e-3, 2.0], dtype=tg.float64))

    wrong = sine(lambda g: g)

    def only_here(x: Any) -> Any:
        assert x.tolist() == [1.0], "not there"
        return wrong(x)

    with pytest.raises(GradcheckError, match="around the input, it raises AssertionError: not there"):
        gradcheck(only_here, tg.ones(1, dtype=tg.float64))


# ---- kinks ---------------------------------------------------------------------------------------------------------------


def relu_with(at_zero: float) -> Any:
    class Relu(tg.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return tg.relu(x)

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            (x,) = ctx.saved_tensors
            return g * tg.where(x > 0, 1.0, tg.where(x < 0, 0.0, at_zero))

    return Relu.apply


KINKED = tg.tensor([0.0, 1.0, -1.0, 1e-6], dtype=tg.float64)


@pytest.mark.parametrize("at_zero", [0.0, 0.3, 1.0])
def test_at_a_kink_what_lies_between_left_and_right_is_right(at_zero: float) -> None:
    assert gradcheck(relu_with(at_zero), KINKED)


@pytest.mark.parametrize("at_zero", [2.0, -1.0, 1.001, float("nan")])
def test_at_a_kink_a_wrong_gradient_is_found(at_zero: float) -> None:
    with pytest.raises(GradcheckError) as found:
        gradcheck(relu_with(at_zero), KINKED)
    assert found.value.index == (0,)
    assert found.value.op == "Relu"


@pytest.mark.parametrize(
    ("f", "at"),
    [
        (tg.abs, [0.0, -0.0, 2.0]),
        (lambda x: x.max(), [1.0, 3.0, 3.0]),
        (lambda x: x.max(0).values, [1.0, 3.0, 3.0]),
        (lambda x: x.clamp(-1.0, 1.0), [-1.0, 1.0, 0.5]),
        (tg.linalg.norm, [0.0, 0.0]),
        (tg.nn.functional.hardswish, [-3.0, 3.0, 0.0]),
        (tg.nn.functional.elu, [0.0, 1e-9, -1e-9]),
        (lambda x: x.sort().values, [1.0, 1.0, 0.0]),
        (lambda x: x.sort().values.exp(), [1.0, 1.0, 1.0]),
        (lambda x: x.topk(3).values.relu(), [1.0, 2.0, 2.0, 2.0, 1.0, 2.0]),
        (lambda x: x.median().abs(), [3.0, 3.0, 3.0, 3.0, 3.0]),
        (tg.floor, [1.0, 2.0]),
        (lambda x: tg.where(x > 0, tg.sqrt(x), 0.0), [4.0, -1.0]),
    ],
)
def test_functions_with_kinks_pass(f: Any, at: list[float]) -> None:
    assert gradcheck(f, tg.tensor(at, dtype=tg.float64))


@pytest.mark.parametrize("factor", [1.01, -0.01])
def test_among_ties_a_wrong_gradient_is_found(factor: float) -> None:
    class Sort(tg.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.order = x.argsort()
            return x.sort().values

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return factor * g[ctx.order.argsort()]

    with pytest.raises(GradcheckError) as found:
        gradcheck(Sort.apply, tg.tensor([2.0, 2.0, 2.0], dtype=tg.float64))
    assert found.value.op == "Sort"


# ---- the report ----------------------------------------------------------------------------------------------------------


def suspicious(x: Any) -> Any:
    return PRIMITIVES["suspect"](tg.exp(x)) + 1.0  # the guilty line


def test_the_report_names_the_operation_and_the_users_line_and_shows_it_again() -> None:
    sine(lambda g, x: -g * tg.cos(x))
    x = tg.tensor([[0.1, -0.3]], dtype=tg.float64, requires_grad=True)
    with pytest.raises(GradcheckError, match="suspect, called at .*the guilty line") as found:
        gradcheck(suspicious, (x,), seed=3)
    lines = [line.strip() for line in str(found.value).splitlines()]
    shown = lines[lines.index("to see it again:") + 1 :]
    assert any(line.startswith("f = suspicious  # ") and "test_gradcheck.py" in line for line in shown)
    names: dict[str, Any] = {"suspicious": suspicious}
    with pytest.raises(GradcheckError) as again:
        exec("\n".join(shown), names)
    assert str(again.value).splitlines()[:3] == str(found.value).splitlines()[:3]


class Module(tg.nn.Module):
    """Detaches its parameter: no operation is to blame."""

    def __init__(self) -> None:
        super().__init__()
        self.w = tg.nn.Parameter(doubles(3))

    def forward(self, x: Any) -> Any:
        return x * self.w * self.w.detach()


class Wrong(tg.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        return x * 2.0

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        return g


def program_of(f: Any, inputs: Any, **options: Any) -> str:
    with pytest.raises(GradcheckError) as found:
        gradcheck(f, inputs, **options)
    program = found.value.reproducer
    assert program is not None
    return program


@pytest.mark.parametrize(
    ("f", "inputs", "line"),
    [
        (lambda x: x * x.detach(), doubles(2), "f = lambda x: x * x.detach()  # "),
        (Wrong.apply, doubles(2), f"from {__name__} import Wrong"),
        (lambda two: Wrong.apply(two.first) * two.second, Two(doubles(2), doubles(2)), "f = Wrong.apply  # "),
        (suspicious, doubles(2), f"from {__name__} import suspicious"),
        (lambda x: (x * 2.0, x * (x if x is None else 1.0 * x.detach())), doubles(2), "f = lambda x: (x * 2.0, x * (x if"),
    ],
)
def test_the_reproducer_runs_in_an_empty_namespace(f: Any, inputs: Any, line: str) -> None:
    sine(lambda g: g)
    program = program_of(f, inputs)
    assert line in program
    with pytest.raises(GradcheckError):
        exec(program, {})


def test_the_reproducer_of_a_module_holds_its_parameters() -> None:
    module = Module()
    program = program_of(module, doubles(2, 3))
    assert "put your Module here" in program
    other = Module()
    other.w.data.zero_()
    with pytest.raises(GradcheckError):
        exec(program.replace("f = ...", "f = other"), {"other": other})
    assert tg.equal(other.w, module.w)


def test_the_reproducer_repeats_the_tolerances() -> None:
    assert "rtol=0.001, atol=0.01, order=1" in program_of(Wrong.apply, doubles(2), rtol=1e-3, atol=1e-2)


def test_names_of_this_package_are_written_with_its_name() -> None:
    from tinygrad_reg.autograd.checks.check import Request
    from tinygrad_reg.autograd.checks.report import reproducer

    assert "f = tg.pow  # " in reproducer(Request(tg.pow, [doubles(1), doubles(1)], {}))


def test_hooks_and_kinks_that_meet_are_named_as_what_may_be_wrong() -> None:
    def hooked(x: Any) -> Any:
        y = x * 2.0
        y.register_hook(lambda g: g * 1.01)
        return y

    for f, at in ((hooked, 1.0), (lambda x: tg.relu(x) - tg.relu(-x), 0.0)):
        with pytest.raises(GradcheckError, match="a hook,\n +or operations whose kinks meet"):
            gradcheck(f, tg.tensor([at], dtype=tg.float64))


def test_large_inputs_are_shown_exactly_too() -> None:
    x = tg.tensor(np.random.default_rng(0).standard_normal((10, 10)))
    with pytest.raises(GradcheckError) as found:
        gradcheck(lambda a: a * a.detach(), x)
    source = next(line for line in str(found.value).splitlines() if "frombuffer" in line)
    made = eval(source.strip().rstrip(","), {"tg": tg, "np": np})
    assert tg.equal(made, x)


def test_keyword_arguments() -> None:
    x, y = doubles(2), doubles(2)
    assert gradcheck(lambda a, *, b: a * b, x, kwargs={"b": y})
    with pytest.raises(GradcheckError, match="respect to b is wrong"):
        gradcheck(lambda a, *, b: a * b * b.detach(), x, kwargs={"b": y})


def test_without_an_exception() -> None:
    assert gradcheck(lambda x: x * x.detach(), doubles(2), raise_exception=False) is False


# ---- with PyTorch's arguments --------------------------------------------------------------------------------------------


def test_pytorchs_gradcheck() -> None:
    x = doubles(3).requires_grad_()
    assert tg.autograd.gradcheck(tg.sin, (x,), eps=1e-6, atol=1e-4)
    assert tg.autograd.gradcheck(tg.relu, (tg.zeros(2, dtype=tg.float64, requires_grad=True),))
    assert tg.autograd.gradgradcheck(lambda a: a**3, (x,))
    assert tg.autograd.gradgradcheck(lambda a: a**3, (x,), doubles(3).requires_grad_())
    only_second = sine(lambda g, x: g * tg.cos(x.detach()) if isinstance(x, tg.Tensor) else g * np.cos(x))
    assert tg.autograd.gradcheck(only_second, (x,))
    with pytest.raises(RuntimeError):
        tg.autograd.gradgradcheck(only_second, (x,))
    assert not tg.autograd.gradcheck(lambda a: a * a.detach(), (x,), raise_exception=False)
    with pytest.raises(ValueError, match="must require grad"):
        tg.autograd.gradcheck(tg.sin, (doubles(2),))
    with pytest.raises(ValueError, match="check_forward_ad"):
        tg.autograd.gradcheck(tg.sin, (x,), check_forward_ad=True)


def test_pytorchs_gradcheck_looks_at_outputs_that_require_grad() -> None:
    x = doubles(3).requires_grad_()
    assert tg.autograd.gradcheck(lambda a: (a.detach() * 3.0, a * 2.0), x)
    assert tg.autograd.gradgradcheck(lambda a: (a.detach() * 3.0, a**3), x)
    assert not tg.autograd.gradcheck(lambda a: a.detach() * 3.0, x, raise_exception=False)


def test_a_backward_that_is_not_repeatable_is_found() -> None:
    noisy = identity(lambda g: g * (1.0 + 1e-9 * tg.rand(g.shape, dtype=g.dtype)))
    x = doubles(3).requires_grad_()
    with pytest.raises(GradcheckError, match="not deterministic"):
        tg.autograd.gradcheck(noisy, (x,))
    assert tg.autograd.gradcheck(noisy, (x,), nondet_tol=1e-6)
