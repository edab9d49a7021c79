"""Derivatives as functions: they nest, take trees, and are part of a graph only where something from outside requires grad."""

from __future__ import annotations

from collections import namedtuple
from typing import Any

import pytest

import tinygrad_reg as tg
from tinygrad_reg import nn
from tinygrad_reg.errors import ArgumentError, GradientError, NotProvidedError, ShapeError
from tinygrad_reg.func import functional_call, grad, grad_and_value, hessian, jacfwd, jacrev, vjp

Pair = namedtuple("Pair", ["w", "b"])


def square_sum(x: tg.Tensor) -> tg.Tensor:
    return (x * x).sum()


def test_gradients_nest_to_any_order() -> None:
    f = grad(grad(grad(lambda x: x**5)))
    assert f(tg.tensor(2.0)).item() == 60 * 4
    assert not f(tg.tensor(2.0)).requires_grad


def test_a_gradient_inside_of_a_function_is_differentiated_through() -> None:
    def penalty(x: tg.Tensor, y: tg.Tensor) -> tg.Tensor:
        return (grad(lambda z: (z**2 * y).sum())(x) ** 2).sum()  # Σ (2 x y)²

    x, y = tg.tensor([1.0, 2.0]), tg.tensor([3.0, 4.0])
    towards_x, towards_y = grad(penalty, argnums=(0, 1))(x, y)
    assert towards_x.tolist() == (8 * x * y**2).tolist()
    assert towards_y.tolist() == (8 * y * x**2).tolist()


def test_trees_go_in_and_come_out() -> None:
    parameters = {"layers": [Pair(tg.tensor([1.0, 2.0]), tg.tensor(3.0))], "unused": tg.ones(1)}
    found, (value, aux) = grad_and_value(lambda p: (square_sum(p["layers"][0].w) * p["layers"][0].b, {"n": 2}), has_aux=True)(parameters)
    assert found["layers"][0]._fields == ("w", "b")
    assert found["layers"][0].w.tolist() == [6.0, 12.0]
    assert found["layers"][0].b.item() == 5.0
    assert found["unused"].tolist() == [0.0]
    assert value.item() == 15.0
    assert aux == {"n": 2}


def test_what_depends_on_a_parameter_from_outside_keeps_its_graph_and_nothing_else_does() -> None:
    w = tg.tensor([3.0, 4.0], requires_grad=True)
    x = tg.tensor([1.0, 2.0])
    slope, value = grad_and_value(lambda a: (a * w).sum())(x)
    assert slope.requires_grad
    assert value.requires_grad
    (slope.sum() + value).backward()
    assert w.grad is not None
    assert w.grad.tolist() == [2.0, 3.0]
    towards_x, towards_w = grad(lambda a, b: (a * b).sum(), argnums=(0, 1))(x, w)
    assert towards_x.requires_grad
    assert not towards_w.requires_grad  # it is x
    with tg.no_grad():
        assert not grad(lambda a: (a * w).sum())(x).requires_grad
    assert x.grad is None
    assert not x.requires_grad


def test_arguments_are_not_touched_and_positions_may_be_negative() -> None:
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    assert grad(lambda n, a, scale: square_sum(a) * scale, argnums=-2)("name", x, 2.0).tolist() == [4.0, 8.0]
    assert x.grad is None


def test_jacobians_have_the_shape_of_result_and_argument() -> None:
    for transform in (jacrev, jacfwd):
        blocks = transform(lambda a, b: {"outer": tg.outer(a, b), "sum": a.sum()}, argnums=(0, 1))(tg.ones(2), tg.ones(3))
        assert [block.shape for block in blocks["outer"]] == [(2, 3, 2), (2, 3, 3)]
        assert blocks["sum"][1].tolist() == [0.0, 0.0, 0.0]
        assert transform(lambda a: (a * 2, a), has_aux=True)(tg.ones(2))[1].tolist() == [1.0, 1.0]


def test_the_hessian_of_a_network_in_its_parameters() -> None:
    net = nn.Linear(2, 1).double()
    x = tg.tensor([[1.0, 2.0], [3.0, 5.0]], dtype=tg.float64)

    def loss(p: Any) -> tg.Tensor:
        return functional_call(net, p, (x,)).square().mean()

    found = hessian(loss)(dict(net.named_parameters()))
    tg.testing.assert_close(found["weight"]["weight"].reshape(2, 2), x.T @ x)
    tg.testing.assert_close(found["weight"]["bias"].reshape(2), x.mean(0) * 2)


def test_vjp_pulls_back_as_often_as_it_is_asked() -> None:
    value, pull = vjp(lambda a, b: (a * b, a.sum()), tg.tensor([1.0, 2.0]), tg.tensor([3.0, 4.0]))
    assert [v.requires_grad for v in value] == [False, False]
    for _ in range(2):
        towards_a, towards_b = pull((tg.tensor([1.0, 10.0]), tg.tensor(100.0)))
        assert towards_a.tolist() == [103.0, 140.0]
        assert towards_b.tolist() == [1.0, 20.0]
    assert grad(lambda v: vjp(lambda a: a**2, tg.tensor([1.0, 2.0]))[1](v)[0].sum())(tg.ones(2)).tolist() == [2.0, 4.0]


def test_what_cannot_be_differentiated_is_refused() -> None:
    x = tg.ones(2)
    for function, error, text in [
        (lambda: grad(lambda a: a)(x), GradientError, "0-d tensor, got shape"),
        (lambda: grad(lambda a: (a.sum(),))(x), GradientError, "one tensor, got tuple"),
        (lambda: grad(square_sum, argnums=1)(x), ArgumentError, "argument 1, and there are 1"),
        (lambda: grad(square_sum, argnums="a")(x), ArgumentError, "int or a tuple of ints"),  # type: ignore[arg-type]
        (lambda: grad(square_sum)(3.0), ArgumentError, "must be tensors, in tuples, lists and dicts, got float 3.0"),
        (lambda: grad(square_sum, has_aux=True)(x), GradientError, r"tuple \(result, aux\)"),
        (lambda: jacrev(lambda a: 3.0)(x), ArgumentError, "what the function gives must be tensors"),
        (lambda: vjp(lambda a: a, x)[1](tg.ones(3)), ShapeError, "must have the shapes"),
        (lambda: vjp(lambda a: a, x)[1]((x,)), GradientError, "must have the form"),
    ]:
        with pytest.raises(error, match=text):
            function()
    with pytest.raises(NotProvidedError, match=r"func.vmap is not provided"):
        tg.func.vmap  # noqa: B018
