"""The parts of the gradient check, and what it must neither miss nor be alarmed by."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import tinygrad_reg as tg
from tests.examples_of_primitives import examples_of
from tinygrad_reg.autograd.checks.complex_step import complex_step, is_analytic
from tinygrad_reg.autograd.checks.differences import Ladder, diverges, good_ones, settled
from tinygrad_reg.autograd.checks.subject import prepared
from tinygrad_reg.autograd.checks.tape import Tape, taped
from tinygrad_reg.engine.primitive import PRIMITIVES, primitive
from tinygrad_reg.testing import GradcheckError, arrays_for, gradcheck

F = tg.nn.functional
EPSILON = float(np.finfo(np.float64).eps)


@pytest.fixture(autouse=True)
def _registry() -> Iterator[None]:
    before = dict(PRIMITIVES)
    yield
    PRIMITIVES.clear()
    PRIMITIVES.update(before)


def doubles(*values: Any) -> Any:
    return tg.tensor(values, dtype=tg.float64)


def normal(*shape: int, seed: int = 0) -> Any:
    return tg.tensor(np.random.default_rng(seed).standard_normal(shape))


def suspect(forward: Callable[..., Any], **rules: Any) -> Any:
    """A primitive with the rules to test."""
    made = primitive(forward, name="suspect")
    made.vjp(**rules)
    return made


def sine(factor: float) -> Any:
    return suspect(lambda x: np.sin(x), x=lambda g, x: g * tg.cos(x) * factor)


def fails(f: Any, inputs: Any, **options: Any) -> GradcheckError:
    with pytest.raises(GradcheckError) as found:
        gradcheck(f, inputs, **options)
    return found.value


# ---- derivatives from values ---------------------------------------------------------------------------------------------


def climbed(f: Callable[[float], float], levels: int) -> Ladder:
    ladder = Ladder(lambda h: np.array([f(h)]), np.array([f(0.0)]), EPSILON)
    ladder.climb(levels)
    return ladder


@pytest.mark.parametrize("levels", [3, 5, 8, 12, 38])
@pytest.mark.parametrize(
    ("f", "slope"),
    [(np.sin, 1.0), (lambda h: np.exp(20 * h), 20.0), (lambda h: np.sin(50 * h + 1), 50 * np.cos(1.0)), (lambda h: 1 / (0.1 + h), -100.0)],
)
def test_the_estimated_error_holds(f: Any, slope: float, levels: int) -> None:
    best = climbed(f, levels).central.best()
    assert abs(best.slope[0] - slope) <= best.error[0]


def test_more_levels_do_not_make_it_worse_than_rounding() -> None:
    assert climbed(np.sin, 5).central.best().error[0] < 1e-12
    assert climbed(np.sin, 38).central.best().error[0] < 1e-12


def test_steps_outside_of_the_domain_are_left_out() -> None:
    with np.errstate(invalid="ignore"):
        best = climbed(lambda h: float(np.log(0.001 + h)), 12).central.best()
    assert abs(best.slope[0] - 1000.0) <= best.error[0] < 1e-3


def test_a_step_that_reaches_over_a_kink_is_overruled_by_smaller_ones() -> None:
    left = good_ones(climbed(lambda h: abs(1e-5 + h), 38).side(0, -1), 0, 1e-7, 0.0, 0.0)
    assert any(slope == -1.0 for slope, _ in left)  # from far away, it looks like the other branch
    assert settled(left)[0][0] == pytest.approx(1.0)


def test_the_sides_of_a_kink_and_of_a_jump() -> None:
    for f, left, right in ((abs, -1.0, 1.0), (lambda h: max(h, 0.0), 0.0, 1.0), (lambda h: 3 * h + (h >= 0), 3.0, 3.0)):
        ladder = climbed(f, 38)
        ends = [settled(good_ones(ladder.side(0, sign), 0, 1e-7, 1e-7, 0.0))[0][0] for sign in (-1, 1)]
        assert ends == pytest.approx([left, right])


@pytest.mark.parametrize(
    ("f", "sign", "slope"), [(lambda h: h**0.5, 1, np.inf), (lambda h: -(abs(h) ** 0.9), -1, np.inf), (lambda h: -np.log(h), 1, -np.inf)]
)
def test_infinite_slopes(f: Any, sign: int, slope: float) -> None:
    ladder = climbed(lambda h: f(h) if h * sign > 0 else np.nan, 38)
    assert diverges(ladder.side(0, sign), 0) == slope
    assert diverges(ladder.side(0, -sign), 0) == 0.0


def test_finite_slopes() -> None:
    assert diverges(climbed(np.sin, 38).side(0, 1), 0) == 0.0


# ---- the complex step ----------------------------------------------------------------------------------------------------


def exact_slope(f: Any, *inputs: Any) -> tuple[Any, list[Any]]:
    with prepared(f, inputs, {}) as subject:
        u = [np.ones_like(x) for x in subject.arrays]
        slope = complex_step(subject, subject.run(subject.arrays).values(), u)
        return (None if slope is None else slope(u)), subject.arrays


def test_the_complex_step_is_exact_to_rounding() -> None:
    slope, (x,) = exact_slope(lambda x: tg.exp(tg.sin(x) * x).sum(), normal(3, 4))
    np.testing.assert_allclose(slope, [(np.exp(np.sin(x) * x) * (np.cos(x) * x + np.sin(x))).sum()], rtol=1e-14)


ANALYTIC = [name for name, p in PRIMITIVES.items() if getattr(p, "analytic", False) and not p.name.startswith("_")]


@pytest.mark.parametrize("name", ANALYTIC)
def test_what_is_declared_analytic_is_so(name: str) -> None:
    """The complex step gives the derivative that the rule gives, or says that the forward cannot take complex numbers."""
    p = PRIMITIVES[name]
    for example in examples_of(name):
        arrays = arrays_for(p, np.random.default_rng(0), example.arguments, example.params)
        slope, _ = exact_slope(lambda *x, p=p, example=example: p(*x, **example.params), *map(tg.tensor, arrays))
        if slope is not None:
            leaves = [tg.tensor(a, requires_grad=True) for a in arrays]
            v = np.random.default_rng(1).standard_normal(slope.shape)
            y = p(*leaves, **example.params)
            grads = tg.autograd.grad(y, leaves, tg.tensor(v.reshape(y.shape)))
            np.testing.assert_allclose((v * slope).sum(), sum(float(g.sum()) for g in grads), rtol=1e-11, atol=1e-12)


def test_which_primitives_are_analytic() -> None:
    assert all(is_analytic(PRIMITIVES[name]) for name in ("sin", "mul", "sum", "reshape", "matmul", "cat", "convolution"))
    assert not any(is_analytic(PRIMITIVES[name]) for name in ("abs", "relu", "maximum", "norm_2", "var", "softmax"))


@pytest.mark.parametrize(
    "f",
    [
        lambda x: tg.abs(x),
        lambda x: x * float(x.detach().sum()),
        lambda x: x * tg.tensor(np.cos(x.detach().numpy())),
        lambda x: x * tg.tensor(x.array.copy()),
        lambda x: (x * 1.0).mul_(x),
        lambda x: x.float() * 2.0,
    ],
)
def test_no_complex_step_past_what_the_calls_do_not_show(f: Any) -> None:
    assert exact_slope(f, normal(3))[0] is None


def test_a_tape_repeats_a_run_elsewhere() -> None:
    with prepared(lambda x, y: ((x @ y).sin(), x[0] - y), (normal(2, 2), normal(2, 2)), {}) as subject:
        tape = Tape()
        run = taped(lambda: subject.run(subject.arrays), tape)
        moved = [x + 1.0 for x in subject.arrays]
        again = tape.replay({id(leaf.array): x for leaf, x in zip(run.leaves, moved, strict=True)})
        for y, z in zip(run.outputs, subject.run(moved).outputs, strict=True):
            np.testing.assert_array_equal(again[id(y.array)], z.array)


# ---- no false alarms -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("f", "x"),
    [
        (tg.sin, normal(4) * 1e-8),
        (tg.sin, normal(4) * 1e8),
        (lambda x: (tg.sin(x) * x).sum(), doubles(1e-8, 1e8, 1.0, -3e-5)),
        (lambda x: tg.exp(20 * x).sum(), normal(5)),
        (lambda x: tg.sin(50 * x), normal(5) * 1e6),
        (lambda x: tg.log(x).sum(), doubles(1e-8, 1.0, 1e8, 1e-3)),
        (tg.log, doubles(1e-20, 2e-20)),
        (lambda x: 1.0 / x, doubles(1e-30, 1e30)),
        (lambda x: ((x + 1e8) - 1e8).sum(), normal(3)),
        (lambda x: (x * x).sum() * 1e-6 + 1e6, normal(3)),
        (lambda x: tg.softmax(x, -1).sum(), normal(2, 3)),
        (lambda x: F.layer_norm(x, (4,)).sum(), normal(3, 4)),
        (lambda x: (x - x.mean()).sum(), normal(3, 4)),
        (lambda x: F.cross_entropy(x, tg.tensor([0, 1, 2])), normal(3, 3) * 10),
        (tg.sigmoid, doubles(-40.0, 20.0, 40.0, 700.0)),
        (F.softplus, doubles(-50.0, 0.0, 19.9, 20.1, 50.0)),
        (lambda x: F.softmax(x.masked_fill(tg.tensor([True, False, False]), -np.inf), -1), normal(2, 3)),
        (lambda x: F.softmax(x, -1), doubles(1.0, -np.inf, 2.0)),
        (lambda x: tg.where(x > 0, tg.sqrt(x), 0.0), doubles(0.0, 2.0)),
        (lambda x: x**1.5, doubles(0.0, 1.0)),
        (tg.asin, doubles(1.0, 0.5, -1.0)),
        (lambda x: tg.relu(x) ** 2, doubles(1e-3, 1e-5, -1e-7, 1e-9, 1e-12, 0.0)),
        (lambda x: tg.relu(x), doubles(1e-3, 1e-5, -1e-7, 1e-9, -1e-12, 1e-15)),
        (lambda x: x.norm() ** 2, doubles(0.0, 0.0)),
        (lambda x: x.median(), doubles(2.0, 2.0, 1.0)),
        (lambda x: F.huber_loss(x, tg.zeros_like(x)), doubles(1.0, -1.0, 0.3)),
        (lambda x: tg.relu(x @ x.T).sum(), normal(8, 8)),
    ],
)
def test_no_false_alarm(f: Any, x: Any) -> None:
    for seed in range(2):
        assert gradcheck(f, x, seed=seed)


def test_a_tie_between_two_inputs() -> None:
    assert gradcheck(tg.maximum, (doubles(1.0, 2.0), doubles(1.0, 3.0)))
    assert gradcheck(tg.fmax, (doubles(1.0, 2.0), doubles(1.0, 3.0)))


SMOOTH = {
    "sin": tg.sin,
    "exp": lambda x: tg.exp(tg.tanh(x)),
    "square": lambda x: x * x,
    "sqrt": lambda x: tg.sqrt(x * x + 1.0),
    "softmax": lambda x: tg.softmax(x, -1),
    "product": lambda x: x @ x.mT,
    "centred": lambda x: x - x.mean(),
    "large": lambda x: x * 1e8,
    "small": lambda x: x * 1e-8,
    "norm": lambda x: x / x.norm(),
}


@pytest.mark.parametrize("names", list(itertools.combinations(SMOOTH, 2)), ids="-".join)
def test_compositions_of_smooth_functions(names: tuple[str, str]) -> None:
    first, second = [SMOOTH[name] for name in names]
    x = normal(3, 3, seed=len(names[0]))
    assert gradcheck(lambda x: second(first(x)).sum(), x)
    assert gradcheck(lambda x: second(first(x)), x)


# ---- nothing missed ------------------------------------------------------------------------------------------------------


def test_a_wrong_factor_in_one_element_of_many() -> None:
    def rule(g: Any, x: Any) -> Any:
        return g * tg.cos(x) * (1.0 + 1e-6 * (x > 2.9))

    x = tg.tensor(np.linspace(0.0, 3.0, 1000))
    wrong = suspect(lambda x: np.sin(x), x=rule)
    error = fails(lambda x: wrong(x).sum(), x)
    assert error.index is not None
    assert error.index[0] > 960


def test_a_common_factor_of_many_elements_of_both_signs() -> None:
    wrong = sine(1.0 + 1e-6)
    fails(lambda x: wrong(x).sum(), normal(30, 40))


@pytest.mark.parametrize("scale", [1e10, 1e-15, 1e-25])
def test_an_output_of_another_scale_than_its_neighbours(scale: float) -> None:
    wrong = sine(1.001)
    fails(lambda x: (x, wrong(x) * scale), normal(3))
    fails(lambda x: (x * scale, wrong(x)), normal(3))


def test_an_error_beside_a_large_constant() -> None:
    wrong = sine(1.001)
    fails(lambda x: wrong(x).sum() + 1e3, normal(3))


def test_swapped_arguments() -> None:
    error = fails(
        suspect(lambda x, y: x * y, x=lambda g, x: g * x, y=lambda g, y: g * y),
        (normal(3, seed=1), normal(3, seed=2)),
        raise_exception=True,
    )
    assert error.input == "inputs[0]"


def test_a_missing_sum_over_a_broadcast_dimension() -> None:
    class Scaled(tg.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any, w: Any) -> Any:
            ctx.save_for_backward(x, w)
            return x * w

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            x, w = ctx.saved_tensors
            return g * w, (g * x)[0]  # instead of .sum(0)

    error = fails(Scaled.apply, (normal(4, 3), normal(3, seed=1)))
    assert error.input == "inputs[1]"


@pytest.mark.parametrize(
    ("forward", "rule", "x"),
    [
        (lambda x: np.abs(x), lambda g: g * 0.3, [1e-3]),
        (lambda x: np.abs(x), lambda g: g * -1.0, [1e-5]),
        (lambda x: np.floor(x), lambda g: g * 2.0, [0.0, 1.5]),
        (lambda x: np.sqrt(x), lambda g: g * 7.0, [0.0]),
        (lambda x: np.sqrt(x), lambda g: g * -np.inf, [0.0]),
        (lambda x: x * 0.0 + 5.0, lambda g: g * 1.0, [1.0]),
        (lambda x: np.tanh(x), lambda g: g * 0.0, [1.0]),
        (lambda x: np.sin(x), lambda g: g * np.nan, [1.0]),
        (lambda x: np.sin(x), lambda g: g * np.inf, [1.0]),
    ],
)
def test_wrong_near_kinks_at_jumps_and_where_nothing_moves(forward: Any, rule: Any, x: list[float]) -> None:
    assert fails(suspect(forward, x=rule), doubles(*x)).op == "suspect"


def test_a_wrong_second_derivative_at_a_kink() -> None:
    class Relu(tg.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return tg.relu(x)

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            (x,) = ctx.saved_tensors
            step = tg.where(x > 0, 1.0, 0.0)
            return g * (step + (x - x.detach()))  # the value of the step, and a slope that it does not have

    assert gradcheck(Relu.apply, doubles(0.0, 1.0), order=1)
    assert fails(Relu.apply, doubles(0.0, 1.0)).order == 2


def test_where_the_function_is_not_a_number_nothing_is_right() -> None:
    error = fails(tg.log, doubles(-1.0, 2.0))
    assert error.index == (0,)
    assert np.isnan(error.numeric)
    assert "no finite values" in str(error)


# ---- what f is given, and what is left of it -----------------------------------------------------------------------------


def test_a_function_that_finds_its_tensors_by_itself() -> None:
    """As in PyTorch, the very tensors are moved: a closure over parameters is checked, too."""
    model = tg.nn.Linear(2, 1).double()
    x = normal(3, 2)
    assert gradcheck(lambda *_: model(x), tuple(model.parameters()))
    wrong = sine(1.01)
    assert fails(lambda *_: wrong(model(x)), tuple(model.parameters())).op == "suspect"


def test_modules_keep_their_buffers_and_attributes() -> None:
    class Counting(tg.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm, self.calls = tg.nn.Linear(3, 3), 0
            self.register_buffer("total", tg.zeros(3))

        def forward(self, x: Any) -> Any:
            self.calls += 1
            self.total += x.detach().sum(0)
            self.extra = x
            return self.norm(x) * (1.0 + self.total)

    model = Counting().double()
    total = model.total
    fails(model, normal(4, 3))  # the sum is a function of x that is detached
    assert model.calls == 0
    assert model.total is total
    assert total.tolist() == [0.0, 0.0, 0.0]
    assert not hasattr(model, "extra")
    assert all(p.is_leaf and p.grad is None for p in model.parameters())


def test_a_module_among_the_arguments_and_a_method_of_one() -> None:
    class Bad(tg.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = tg.nn.Parameter(normal(3))

        def forward(self, x: Any) -> Any:
            return x * self.weight * self.weight.detach()

    model = Bad()
    assert fails(lambda m, x: m(x), (model, normal(3))).input == "inputs[0] parameter weight"
    assert fails(model.forward, normal(3)).input == "parameter weight"


def test_inputs_that_are_no_leaves_or_views() -> None:
    base = normal(4).requires_grad_()
    made, view = base * 2.0, base.detach()[1:3]
    node = made.node
    assert gradcheck(lambda a, b: (a[:2] * b).sin(), (made, view.requires_grad_()))
    assert made.node is node
    assert np.shares_memory(view.array, base.array)


def test_dropout_drops_the_same_each_time() -> None:
    state = tg.get_rng_state()
    assert gradcheck(lambda x: F.dropout(x, 0.5) * tg.rand(3, dtype=tg.float64), normal(3))
    assert tg.get_rng_state() == state


# ---- low precision -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [tg.float32, tg.float16])
@pytest.mark.parametrize(
    "f", [tg.tanh, lambda x: tg.softmax(x @ x.T, -1), lambda x: x.mean() + x.std(), lambda x: ((x + 100.0) ** 2).mean(), tg.relu]
)
def test_low_precision_is_held_against_float64(f: Any, dtype: Any) -> None:
    assert gradcheck(f, normal(4, 4).to(dtype))


def test_a_gradient_that_is_only_wrong_in_float32() -> None:
    wrong = suspect(lambda x: np.sin(x), x=lambda g, x: g * tg.cos(x) * (1.001 if x.dtype == np.float32 else 1.0))
    assert gradcheck(wrong, normal(3))
    assert "float32" in str(fails(wrong, normal(3).float()))


def test_a_function_that_has_tensors_of_its_own_dtype_inside() -> None:
    weight = normal(4, 2, seed=1).float()
    assert gradcheck(lambda x: tg.tanh(x @ weight), normal(3, 4).float())
    fails(lambda x: tg.tanh(x @ weight) * (x @ weight).detach(), normal(3, 4).float())


# ---- blame ---------------------------------------------------------------------------------------------------------------


def test_a_function_with_a_wrong_backward_is_named_with_both_lines() -> None:
    class Cube(tg.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x**3

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            (x,) = ctx.saved_tensors
            return g * x**2 * 3.01

    def model(x: Any) -> Any:
        y = tg.exp(x)
        return Cube.apply(y).sum()  # the call

    error = fails(model, normal(3))
    assert error.op == "Cube"
    assert str(error.line).endswith("# the call")
    assert f"test_checks.py:{Cube.backward.__code__.co_firstlineno}" in str(error)


def test_the_second_derivative_is_blamed_on_its_operation() -> None:
    wrong = suspect(lambda x: np.sin(x), x=lambda g, x: g * tg.cos(x.detach() if isinstance(x, tg.Tensor) else x))
    error = fails(lambda x: tg.exp(wrong(x * 2.0)), normal(3))
    assert (error.order, error.op) == (2, "suspect")


@pytest.mark.parametrize(
    "cut",
    [lambda x: x.detach(), lambda x: tg.tensor(x.detach().numpy().copy()), lambda x: x.detach().sum().item()],
    ids=["detach", "numpy", "item"],
)
def test_a_lost_history_is_pointed_at(cut: Any) -> None:
    error = fails(lambda x: tg.exp(x) * cut(x * x), normal(3))
    assert error.op is None
    assert "without its history" in str(error)
    assert "test_checks.py" in str(error).split("without its history")[1]


def test_the_program_shows_an_operation_without_the_function_around_it() -> None:
    class Pair:
        wrong = sine(1.1)

    error = fails(lambda x: Pair.wrong(x * 2.0) + 1.0, doubles(0.1, -0.0))
    with pytest.raises(GradcheckError) as again:
        exec(str(error.reproducer), {})
    assert again.value.op == "suspect"
    assert again.value.analytic == pytest.approx(1.1 * again.value.numeric)


# ---- PyTorch's arguments -------------------------------------------------------------------------------------------------


def test_tolerances_of_pytorch_are_granted_on_top() -> None:
    x = normal(3).requires_grad_()
    wrong = sine(1.0001)
    assert tg.autograd.gradcheck(wrong, x)
    assert not tg.autograd.gradcheck(wrong, x, rtol=1e-6, atol=0.0, raise_exception=False)
    assert gradcheck(wrong, x, rtol=1e-3)


def test_only_what_requires_grad_is_checked() -> None:
    x, y = normal(3).requires_grad_(), normal(3, seed=1)
    assert tg.autograd.gradcheck(lambda a, b: a * b * b.detach(), (x, y))
    assert tg.autograd.gradgradcheck(lambda a, b: a * a * b * b.detach(), (x, y))


def test_grad_outputs_and_their_number() -> None:
    x = normal(3).requires_grad_()
    assert tg.autograd.gradgradcheck(lambda a: (a**3, a.sin()), x, (normal(3), None))
    with pytest.raises(ValueError, match="2 float tensors"):
        tg.autograd.gradgradcheck(lambda a: (a**3, a.sin()), x, normal(3))


def test_dtypes_and_undefined_gradients() -> None:
    x = normal(3).requires_grad_()
    assert tg.autograd.gradcheck(lambda a: (a.sin(), a.cos(), a > 0), x, check_grad_dtypes=True, fast_mode=True)
    assert tg.autograd.gradcheck(lambda a: a.split(1), x, check_undefined_grad=True)


@pytest.mark.parametrize("option", ["check_batched_grad", "check_batched_forward_grad", "check_forward_ad"])
def test_what_does_not_exist_is_refused(option: str) -> None:
    with pytest.raises(ValueError, match=option):
        tg.autograd.gradcheck(tg.sin, normal(3).requires_grad_(), **{option: True})
    with pytest.raises(ValueError, match="nothing to check"):
        tg.autograd.gradcheck(tg.sin, normal(3).requires_grad_(), check_backward_ad=False)
    with pytest.raises(ValueError, match="nothing to check"):
        tg.autograd.gradgradcheck(tg.sin, normal(3).requires_grad_(), check_rev_over_rev=False)
