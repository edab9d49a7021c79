"""gradcheck finds wrong gradients, says where, and passes right ones."""

from __future__ import annotations

from collections.abc import Iterator
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
    assert error.step > 0
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


def test_the_third_order() -> None:
    assert gradcheck(lambda x: x**4, doubles(3), order=3)


def test_it_is_deterministic() -> None:
    texts = set()
    for _ in range(3):
        with pytest.raises(GradcheckError) as found:
            gradcheck(lambda x: x * x.detach(), doubles(3), seed=5)
        texts.add(str(found.value))
    assert len(texts) == 1


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: gradcheck(tg.sin, tg.ones(2, dtype=tg.int64)), "no float tensor"),
        (lambda: gradcheck(lambda x: x > 0, doubles(2)), "no float tensor"),
        (lambda: gradcheck(lambda x: None, doubles(2)), "no float tensor"),
        (lambda: gradcheck(tg.sin, doubles(2), order=0), "order"),
    ],
)
def test_nothing_to_check(call: Any, words: str) -> None:
    with pytest.raises(ArgumentError, match=words):
        call()
