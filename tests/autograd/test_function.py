"""autograd.Function: values, gradients of every order, what is saved, in-place functions, and what is refused."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import numpy as np
import pytest

import tinygrad_reg as tg
from tinygrad_reg.autograd import Function
from tinygrad_reg.autograd.function import once_differentiable
from tinygrad_reg.errors import ArgumentTypeError, GradientError, InplaceError, MissingForwardError, ShapeError
from tinygrad_reg.testing import gradcheck


def leaf(*values: float) -> Any:
    return tg.tensor(values or (1.0, 2.0), dtype=tg.float64, requires_grad=True)


class Cube(Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return x * x * x

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        (x,) = ctx.saved_tensors
        return g * 3 * x * x


class ExpAndSum(Function):
    """Two results, a saved result, a static argument, an attribute."""

    @staticmethod
    def forward(ctx: Any, x: Any, scale: float, y: Any) -> Any:
        out = x.exp() * scale
        ctx.save_for_backward(out, None)
        ctx.scale = scale
        return out, x + y

    @staticmethod
    def backward(ctx: Any, g: Any, h: Any) -> Any:
        out, nothing = ctx.saved_tensors
        assert nothing is None
        assert ctx.needs_input_grad == (True, False, True)
        return g * out + h, None, h


class Product(Function):
    """In the style with setup_context."""

    @staticmethod
    def forward(x: Any, y: Any) -> Any:
        return x * y

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        x, y = ctx.saved_tensors
        return g * y, g * x


def test_gradients_to_third_order() -> None:
    x = leaf()
    (first,) = tg.autograd.grad(Cube.apply(x).sum(), x, create_graph=True)
    (second,) = tg.autograd.grad(first.sum(), x, create_graph=True)
    (third,) = tg.autograd.grad(second.sum(), x)
    for got, want in ((first, [3.0, 12.0]), (second, [6.0, 12.0]), (third, [6.0, 6.0])):
        np.testing.assert_array_equal(got.detach().numpy(), want)


@pytest.mark.parametrize(
    ("function", "inputs"),
    [
        (Cube.apply, (leaf(),)),
        (lambda x, y: ExpAndSum.apply(x, 2.0, y), (leaf(), leaf(3.0, 4.0))),
        (Product.apply, (leaf(), leaf(3.0, 4.0))),
        (lambda x: Cube.apply(Product.apply(x, x.exp())), (leaf(0.2, 0.4),)),
    ],
)
def test_are_right_to_second_order(function: Any, inputs: Any) -> None:
    gradcheck(function, inputs)


def test_backward_runs_once_for_all_arguments() -> None:
    calls = []

    class Counted(Product):
        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            calls.append(g)
            return Product.backward(ctx, g)

    Counted.apply(leaf(), leaf()).sum().backward()
    assert len(calls) == 1


def test_none_leaves_the_gradient_unset() -> None:
    class First(Function):
        @staticmethod
        def forward(ctx: Any, x: Any, y: Any) -> Any:
            return x + y

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g, None

    x, y = leaf(), leaf()
    First.apply(x, y).sum().backward()
    assert x.grad is not None
    assert y.grad is None


def test_nothing_is_recorded_without_a_tensor_that_requires_grad() -> None:
    assert not Cube.apply(leaf().detach()).requires_grad
    with tg.no_grad():
        assert not Cube.apply(leaf()).requires_grad


def test_the_graph_is_freed_and_keeps_only_what_was_saved() -> None:
    class Linear(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 2

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g * 2

    h = leaf() * 1.0
    memory = weakref.ref(h.array)
    y = Linear.apply(h)
    del h
    assert memory() is None
    gc.disable()
    try:
        node = weakref.ref(y.grad_fn)
        y.sum().backward()
        del y
        assert node() is None
    finally:
        gc.enable()


def test_a_second_walk_is_refused_unless_retained() -> None:
    x = leaf()
    y = Cube.apply(x).sum()
    y.backward(retain_graph=True)
    y.backward()
    np.testing.assert_array_equal(x.grad.numpy(), [6.0, 24.0])
    with pytest.raises(GradientError, match="already freed"):
        y.backward()


def test_a_saved_tensor_that_was_changed_is_refused() -> None:
    h = leaf() * 1.0
    y = Cube.apply(h)
    h.add_(1.0)
    with pytest.raises(InplaceError, match="saved tensor of shape"):
        y.sum().backward()
    buffer = np.ones(2)
    y = Product.apply(leaf(), tg.from_numpy(buffer))
    buffer[0] = 5.0
    with pytest.raises(InplaceError, match="saved tensor of shape"):
        y.sum().backward()


class Double(Function):
    """In place, whatever it is given."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.mark_dirty(x)
        return x.mul_(2.0)

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        return g * 2.0


def test_a_function_that_works_in_place() -> None:
    w = leaf()
    h = w * 3.0
    part = h[:1]
    assert Double.apply(part) is part
    h.sum().backward()
    np.testing.assert_array_equal(w.grad.numpy(), [6.0, 3.0])


def test_a_function_that_works_in_place_is_refused_what_no_operation_may_change() -> None:
    with pytest.raises(InplaceError, match="Double: a leaf tensor that requires grad"):
        Double.apply(leaf())
    with pytest.raises(InplaceError, match="Double: this is a view of a leaf"):
        Double.apply(leaf()[:1])
    with pytest.raises(InplaceError, match="Double: this is one of several views"):
        Double.apply((leaf() * 1.0).unbind(0)[0])
    with tg.no_grad():
        Double.apply(leaf())


class Scaled(Function):
    """x · factor, with the factor, None and a text besides."""

    @staticmethod
    def forward(ctx: Any, x: Any, factor: float = 2.0) -> Any:
        ctx.factor = factor
        return x * factor, factor, None, "text"

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        g, *others = grads
        assert others == [None, None, None]
        return (g * ctx.factor, None)[: len(ctx.needs_input_grad)]


class ScaledWithSetup(Function):
    """The same, in the style with setup_context, which unpacks arguments that were not given."""

    @staticmethod
    def forward(x: Any, factor: float = 2.0) -> Any:
        return x * factor, factor, None, "text"

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        _, ctx.factor = inputs
        assert output[1:] == (ctx.factor, None, "text")

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        return grads[0] * ctx.factor, None


@pytest.mark.parametrize("function", [Scaled, ScaledWithSetup])
def test_keywords_defaults_and_results_that_are_no_tensors(function: Any) -> None:
    calls: list[tuple[Any, float]] = [
        (lambda x: function.apply(x), 2.0),
        (lambda x: function.apply(x=x), 2.0),
        (lambda x: function.apply(x, 3.0), 3.0),
        (lambda x: function.apply(x, factor=4.0), 4.0),
    ]
    for call, factor in calls:
        x = leaf()
        y, *others = call(x)
        assert others == [factor, None, "text"]
        y.sum().backward()
        np.testing.assert_array_equal(x.grad.numpy(), [factor, factor])


def test_a_gradient_of_what_is_no_tensor_is_refused() -> None:
    class Wrong(Function):
        @staticmethod
        def forward(ctx: Any, x: Any, factor: float) -> Any:
            return x * factor

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g, g

    with pytest.raises(GradientError, match="gradient of argument 1, which is no tensor"):
        Wrong.apply(leaf(), 2.0).sum().backward()


def test_results_without_gradient_and_results_that_are_inputs() -> None:
    class Split(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            signs = tg.sign(x)
            ctx.mark_non_differentiable(signs)
            return x, signs, (x > 0)

        @staticmethod
        def backward(ctx: Any, g: Any, *others: Any) -> Any:
            return g * 7.0

    x = leaf()
    same, signs, positive = Split.apply(x)
    assert not signs.requires_grad
    assert not positive.requires_grad
    assert same is not x
    same.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), [7.0, 7.0])


@pytest.mark.parametrize("materialize", [True, False])
@pytest.mark.parametrize(("used", "first", "second"), [(0, 4.0, 2.0), (1, 12.0, 12.0)])
def test_a_result_that_no_gradient_reached(materialize: bool, used: int, first: float, second: float) -> None:
    arrived: list[list[bool]] = []

    class Powers(tg.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.set_materialize_grads(materialize)
            ctx.save_for_backward(x)
            return x**2, x**3

        @staticmethod
        def backward(ctx: Any, *grad_outputs: Any) -> Any:
            (x,) = ctx.saved_tensors
            arrived.append([g is not None for g in grad_outputs])
            return sum(slope * g for slope, g in zip((2 * x, 3 * x * x), grad_outputs, strict=True) if g is not None)

    x = tg.tensor(2.0, requires_grad=True)
    (g,) = tg.autograd.grad(Powers.apply(x)[used], x, create_graph=True)
    assert arrived == [[materialize or used == 0, materialize or used == 1]]
    assert [g.item(), tg.autograd.grad(g, x)[0].item()] == [first, second]


def test_once_differentiable_refuses_the_second_derivative() -> None:
    class Once(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        @once_differentiable
        def backward(ctx: Any, g: Any) -> Any:
            (x,) = ctx.saved_tensors
            return 2 * x * g

    x = leaf()
    Once.apply(x).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), [2.0, 4.0])
    (g,) = tg.autograd.grad(Once.apply(x).sum(), x, create_graph=True)
    with pytest.raises(GradientError, match="once_differentiable"):
        g.sum().backward()


def _returning(value: Any) -> Any:
    class Wrong(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 1.0

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return value

    return Wrong.apply(leaf()).sum()


@pytest.mark.parametrize(
    ("value", "error", "says"),
    [
        (tg.ones(3, dtype=tg.float64), ShapeError, r"gradient of argument 0 has shape \(3,\), the argument \(2,\)"),
        ((None, tg.ones(2)), GradientError, "returned 2 gradients, forward has 1 arguments"),
        (3.0, ArgumentTypeError, "must be tensors or None, got float"),
    ],
)
def test_what_backward_returns_is_checked(value: Any, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        _returning(value).backward()


def test_what_is_missing_is_named() -> None:
    class Nothing(Function):
        pass

    class Saves(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(3)

    with pytest.raises(MissingForwardError, match="forward"):
        Nothing.apply(leaf())
    with pytest.raises(ArgumentTypeError, match="save_for_backward: takes tensors"):
        Saves.apply(leaf())


@pytest.mark.filterwarnings("ignore:compile")
def test_a_compiled_step_runs_it_eagerly() -> None:
    w = leaf()
    step = tg.compile(lambda x: Cube.apply(x * w.detach()).sum(), backend="numpy_source")
    for k in range(4):
        x = tg.tensor([1.0 + k, 2.0], dtype=tg.float64)
        assert step(x).item() == (1.0 + k) ** 3 + 64.0
    assert "autograd.Function" in step.explain()


class Takes(Function):
    """Gives what its second argument makes of the first; `vjp` gives what the third makes of the cotangent."""

    @staticmethod
    def forward(ctx: Any, x: Any, result: Any, gradient: Any) -> Any:
        ctx.gradient = gradient
        return result(x)

    @staticmethod
    def vjp(ctx: Any, *grad_outputs: Any) -> Any:
        return ctx.gradient(*grad_outputs), None, None


def test_only_a_tensor_and_those_of_a_tuple_have_gradients() -> None:
    assert Takes.apply(leaf(), lambda x: "text", None) == "text"
    assert Takes.apply(leaf(), lambda x: (), None) == ()
    listed = Takes.apply(leaf(), lambda x: [x * 2, x * 3], None)
    assert isinstance(listed, list)
    assert not any(y.requires_grad for y in listed)
    x = leaf()
    double, word = Takes.apply(x, lambda x: (x * 2, "word"), lambda g, nothing: g * 2)
    double.sum().backward()
    assert word == "word"
    assert x.grad.tolist() == [2.0, 2.0]


def test_a_gradient_of_more_rows_is_summed_to_the_shape_of_the_argument() -> None:
    x = leaf()
    Takes.apply(x, lambda x: x * 2, lambda g: g.expand(3, 2)).sum().backward()
    assert x.grad.tolist() == [3.0, 3.0]
    for wrong in (lambda g: g[:1], lambda g: g.sum(), lambda g: g.expand(2, 2)[:, :1]):
        with pytest.raises(ShapeError, match="must be the same"):
            Takes.apply(leaf(), lambda x: x * 2, wrong).sum().backward()


def test_forward_sees_the_arguments_themselves() -> None:
    given = leaf()
    seen: list[Any] = []
    Takes.apply(given, lambda x: seen.append(x) or x * 2, None)
    assert seen[0] is given


def test_nodes_are_named_after_the_class() -> None:
    class MyCube(Cube):
        pass

    assert MyCube.apply(leaf()).grad_fn.name() == "MyCubeBackward"


def test_what_is_saved_is_what_the_tensors_held() -> None:
    x = leaf(2.0)
    y = Cube.apply(x)
    x.data = tg.tensor([5.0], dtype=tg.float64)
    y.backward()
    assert x.grad.tolist() == [12.0]
