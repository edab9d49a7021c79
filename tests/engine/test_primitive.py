"""Declaring primitives: what rules may ask for, what is saved, which mistakes are found when the package is imported."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import tinygrad_reg as tg
from tinygrad_reg.engine.plan import NOTHING
from tinygrad_reg.engine.primitive import PRIMITIVES, check_registry, primitive
from tinygrad_reg.errors import RuleError
from tinygrad_reg.testing import gradcheck


@pytest.fixture(autouse=True)
def _registry() -> Iterator[None]:
    """Primitives made by a test disappear with it."""
    before = dict(PRIMITIVES)
    yield
    PRIMITIVES.clear()
    PRIMITIVES.update(before)


def leaf(*shape: int) -> Any:
    return tg.tensor(np.random.default_rng(0).standard_normal(shape or (3,)), requires_grad=True)


@pytest.mark.parametrize("name", ["tanh", "add", "softmax"])
def test_copies_of_a_primitive_are_itself(name: str) -> None:
    assert copy.deepcopy(PRIMITIVES[name]) is pickle.loads(pickle.dumps(PRIMITIVES[name])) is PRIMITIVES[name]


def test_a_primitive_is_a_function_on_arrays_and_on_tensors() -> None:
    @primitive
    def triple(x: Any) -> Any:
        """3 x."""
        return 3.0 * x

    triple.vjp(x=lambda g: g * 3.0)
    assert triple(np.ones(2)).tolist() == [3.0, 3.0]
    assert isinstance(triple(tg.ones(2)), tg.Tensor)
    assert triple(tg.ones(2)).grad_fn is None
    assert repr(triple) == "<primitive triple>"
    assert triple.__doc__ == "3 x."
    y = triple(leaf())
    assert y.grad_fn.name() == "TripleBackward0"
    gradcheck(triple, leaf())


def test_rules_get_what_they_name() -> None:
    seen: dict[str, Any] = {}

    @primitive
    def affine(x: Any, y: Any, *, slope: float, shift: float = 0.0) -> Any:
        return slope * x + y + shift

    def rule_x(g: Any, out: Any, y: Any, x_shape: Any, y_dtype: Any, slope: Any) -> Any:
        seen.update(out=out, y=y, x_shape=x_shape, y_dtype=y_dtype, slope=slope)
        return g * slope

    affine.vjp(x=rule_x, y=lambda g: g)
    x, y = leaf(), leaf()
    z = affine(x, y, slope=2.0)
    z.sum().backward()
    assert seen["x_shape"] == (3,)
    assert seen["y_dtype"] == np.float64
    assert seen["slope"] == 2.0
    np.testing.assert_array_equal(seen["out"], z.detach().numpy())
    np.testing.assert_array_equal(seen["y"], y.detach().numpy())


def test_only_what_is_named_by_a_needed_rule_is_saved() -> None:
    @primitive
    def product(x: Any, y: Any) -> Any:
        return x * y

    product.vjp(x=lambda g, y: g * y, y=lambda g, x: g * x)
    assert len(product(leaf(), leaf()).grad_fn.values()) == 2
    (saved,) = product(leaf(), y := tg.ones(3, dtype=tg.float64)).grad_fn.values()
    assert saved is y.array


def test_a_tail_of_arguments_with_positions() -> None:
    @primitive
    def weighted(first: Any, *rest: Any, factor: float) -> Any:
        return first + sum((i + 1) * factor * x for i, x in enumerate(rest))

    weighted.vjp(first=lambda g: g, rest=lambda g, position, factor: g * ((position + 1) * factor))
    a, b, c = leaf(), leaf(), leaf()
    gradcheck(lambda *x: weighted(*x, factor=2.0), (a, b, c))
    (g,) = tg.autograd.grad(weighted(a, b, c, factor=2.0).sum(), c)
    assert g.tolist() == [4.0, 4.0, 4.0]


def test_a_tail_is_given_as_a_tuple() -> None:
    @primitive
    def total(*xs: Any) -> Any:
        out = np.ones(())
        for x in xs:
            out = out * x
        return out

    def rule(g: Any, xs: Any, position: int) -> Any:
        for i, x in enumerate(xs):
            g = g if i == position else g * x
        return g

    total.vjp(xs=rule)
    gradcheck(total, (leaf(), leaf(), leaf()))


def test_several_results() -> None:
    @primitive(outputs=True)
    def parts(x: Any) -> Any:
        return np.sin(x), np.argsort(x), x * x

    def rule(g: Any, x: Any) -> Any:
        first, _, last = g
        return first * tg.cos(x) + 2.0 * last * x

    parts.vjp(x=rule)
    x = leaf()
    a, order, b = parts(x)
    assert order.dtype == np.int64
    assert not order.requires_grad
    gradcheck(lambda x: parts(x)[0::2], x)
    for used in ((a,), (b,), (a, b)):
        (g,) = tg.autograd.grad([y.sum() for y in used], x, retain_graph=True)
        expected = sum([tg.cos(x) if y is a else 2.0 * x for y in used])
        np.testing.assert_allclose(g.numpy(), expected.detach().numpy())


def test_a_named_result_is_saved_without_the_others() -> None:
    @primitive(outputs=("square", "power"))
    def both(x: Any) -> Any:
        return x * x, np.exp(x)

    both.vjp(x=lambda g, x, power: g[0] * (x * 2.0) + g[1] * power)
    x = leaf()
    square, power = both(x)
    [(node, _)] = power.grad_fn.next_functions
    assert [saved is y for saved, y in zip(node.values(), (x.array, power.array), strict=True)] == [True, True]
    assert square.grad_fn.name() == "BothBackward0"
    gradcheck(both, leaf())


def test_the_first_of_several_results_hangs_on_the_call_itself() -> None:
    seen = []

    @primitive(outputs=("product", "sine", "cosine"))
    def wave(x: Any, y: Any) -> Any:
        return np.sin(x) * y, np.sin(x), np.cos(x)

    def rule(g: Any, y: Any, sine: Any, cosine: Any) -> Any:
        seen.append(g)
        product, of_sine, of_cosine = g
        return product * y * cosine + of_sine * cosine - of_cosine * sine

    wave.vjp(x=rule, y=lambda g, sine: g[0] * sine)
    x, y = leaf(), leaf()
    out, _, _ = wave.first(x, y)
    assert out.grad_fn.name() == "WaveBackward0"
    assert out.grad_fn.next_functions == ((x.node, 0), (y.node, 0))
    assert [part is NOTHING for part in _gradient_of(out, x, seen)] == [False, True, True]
    gradcheck(lambda x, y: wave.first(x, y)[0], (x, y))
    for order in (1, 2, 3):
        assert_same_derivatives(wave.first(x, y)[0], x.sin() * y, (x, y), order)
    np.testing.assert_array_equal(wave.first(x.array, y.array)[0], np.sin(x.array) * y.array)
    np.testing.assert_array_equal(wave.first(x, y)[2], np.cos(x.array))
    assert wave.first(x.detach(), y.detach())[0].grad_fn is None
    with tg.no_grad():
        assert wave.first(x, y)[0].grad_fn is None
    with tg.autograd.set_detect_anomaly(True):
        assert_same_derivatives(wave.first(x, y)[0], x.sin() * y, (x, y), 2)


def test_a_hook_on_the_first_of_several_results_sees_its_own_cotangent() -> None:
    @primitive(outputs=("square", "double"))
    def both(x: Any) -> Any:
        return x * x, x * 2.0

    both.vjp(x=lambda g, double: g[0] * double + g[1] * 2.0)
    x = leaf()
    out, _ = both.first(x)
    seen: list[Any] = []
    (slope,) = tg.autograd.grad(out.sum(), x, create_graph=True)
    out.register_hook(lambda g: seen.append(g.tolist()))
    (slope.sum() + out.sum()).backward()
    assert seen == [[1.0, 1.0, 1.0]]
    np.testing.assert_allclose(x.grad.numpy(), 2.0 + 2.0 * x.array)


def _gradient_of(out: Any, x: Any, seen: list[Any]) -> Any:
    tg.autograd.grad(out.sum(), x, retain_graph=True)
    return seen.pop()


def assert_same_derivatives(found: Any, expected: Any, leaves: tuple[Any, ...], order: int) -> None:
    """Both have the same gradients, the gradients' sums the same again, up to this order."""
    if order == 0:
        return
    pair = [tg.autograd.grad(y.sum(), leaves, create_graph=True) for y in (found, expected)]
    for a, b in zip(*pair, strict=True):
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-12)
    assert_same_derivatives(*[sum((g * g).sum() for g in gradients) for gradients in pair], leaves, order - 1)


def test_where_nothing_arrives_there_are_zeros_that_nobody_can_write_to() -> None:
    seen = []

    @primitive(outputs=True)
    def twice(x: Any) -> Any:
        return x + 0.0, x * 2.0

    def rule(g: Any) -> Any:
        seen.append(g[1])
        return g[0] + g[1] * 2.0

    twice.vjp(x=rule)
    twice(x := leaf())[0].sum().backward()
    assert x.grad.tolist() == [1.0, 1.0, 1.0]
    assert seen[0].tolist() == [0.0, 0.0, 0.0]
    assert not seen[0].flags.writeable


def test_what_rules_share_is_computed_once_in_a_walk_and_only_if_it_is_asked_for() -> None:
    calls = []

    @primitive
    def cubes(x: Any, y: Any, z: Any) -> Any:
        return x * y * y * y + z

    def cubed(g: Any, y: Any) -> Any:
        calls.append(y)
        return y * y * y

    cubes.shares(cubed=cubed, scaled=lambda g, cubed: g * cubed)
    cubes.vjp(x=lambda g, scaled: scaled, y=lambda g, x, y, cubed: g * x * (cubed / y * 3.0), z=lambda g: g)
    x, y, z = leaf(), leaf(), leaf()
    gradcheck(cubes, (x, y, z))
    calls.clear()
    cubes(x, y, z).sum().backward()
    assert len(calls) == 1
    cubes(x, y, z).sum().backward()
    assert len(calls) == 2
    cubes(x.detach(), y.detach(), z).sum().backward()
    assert len(calls) == 2
    z.grad = None
    (cubes(x, y, z) + cubes(x, y, z)).backward(tg.ones(3, dtype=tg.float64))  # handed on as it is, and never added to in place
    np.testing.assert_allclose(x.grad.numpy(), 4.0 * y.detach().numpy() ** 3)
    with pytest.raises(RuleError, match="asks for 'unheard'"):
        cubes.shares(more=lambda g, unheard: unheard)


def test_none_says_that_there_is_no_derivative() -> None:
    @primitive
    def choose(x: Any, index: Any) -> Any:
        return x[index]

    choose.vjp(x=None, index=None)
    assert not choose(leaf(), np.array([0])).requires_grad


def test_gradients_come_back_in_the_shape_of_the_argument() -> None:
    @primitive
    def plus(x: Any, y: Any) -> Any:
        return x + y

    plus.vjp(x=lambda g: g, y=lambda g: g)
    x, y = leaf(2, 3), leaf(3)
    gx, gy = tg.autograd.grad(plus(x, y).sum(), [x, y])
    assert (gx.shape, gy.shape) == ((2, 3), (3,))


# ---- mistakes ------------------------------------------------------------------------------------------------------------


def test_a_missing_rule_is_found_at_import() -> None:
    @primitive
    def half_done(x: Any, y: Any) -> Any:
        return x + y

    half_done.vjp(x=lambda g: g)
    assert half_done.missing_rules() == ["y"]
    with pytest.raises(RuleError, match="half_done: no rule for y"):
        check_registry()


def test_rules_for_and_with_unknown_names() -> None:
    @primitive
    def some(x: Any, *, dim: int = 0) -> Any:
        return x

    with pytest.raises(RuleError, match="no array argument 'z'"):
        some.vjp(z=None)
    with pytest.raises(RuleError, match="'w'"):
        some.vjp(x=lambda g, w: g)
    with pytest.raises(RuleError, match="cotangent g"):
        some.vjp(x=lambda x: x)
    with pytest.raises(RuleError, match="cotangent g"):
        some.vjp(x=lambda: 1)


def test_a_name_is_given_once() -> None:
    with pytest.raises(RuleError, match="'sin' is taken"):

        @primitive(name="sin")
        def other(x: Any) -> Any:
            return x


def test_an_error_in_a_forward_leaves_everything_usable() -> None:
    @primitive
    def picky(x: Any) -> Any:
        raise ValueError("no")

    picky.vjp(x=lambda g: g)
    with pytest.raises(ValueError, match="no"):
        picky(leaf())
    (leaf() * 2.0).sum().backward()
