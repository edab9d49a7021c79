"""tinygrad_reg.autograd: torch's functions and what they refuse. The walk itself is tested in tests/engine/test_graph.py."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_reg as tg
from tinygrad_reg.errors import ArgumentError, GradientError


def leaf() -> Any:
    return tg.tensor([1.0, 2.0, 3.0], dtype=tg.float64, requires_grad=True)


def test_all_names_are_there() -> None:
    for name in tg.autograd.__all__:
        assert getattr(tg.autograd, name) is not None
    assert tg.autograd.no_grad is tg.no_grad


def test_backward_of_several_tensors() -> None:
    x = leaf()
    tg.autograd.backward([(x * 2.0).sum(), x * x], [None, tg.ones(3, dtype=tg.float64)])
    assert x.grad.tolist() == [4.0, 6.0, 8.0]


def test_backward_of_the_same_tensor_twice() -> None:
    x = leaf()
    y = (x * x).sum()
    tg.autograd.backward([y, y])
    assert x.grad.tolist() == [4.0, 8.0, 12.0]


def test_grad_returns_a_tuple_in_the_order_of_the_inputs() -> None:
    x, z = leaf(), leaf()
    found = tg.autograd.grad((x * z * z).sum(), (z, x))
    assert isinstance(found, tuple)
    np.testing.assert_allclose(found[0].numpy(), 2.0 * np.array([1.0, 4.0, 9.0]))
    np.testing.assert_allclose(found[1].numpy(), [1.0, 4.0, 9.0])


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda x: tg.autograd.grad(x.sum(), x, is_grads_batched=True), ArgumentError),
        (lambda x: tg.autograd.grad(x.sum(), x, allow_unused=False, materialize_grads=True), ArgumentError),
        (lambda x: tg.autograd.grad(x * 2.0, x), GradientError),
        (lambda x: tg.autograd.grad(x.sum(), tg.ones(1)), GradientError),
        (lambda x: tg.autograd.grad(tg.ones(1), x), GradientError),
        (lambda x: tg.autograd.grad([1.0], x), TypeError),
        (lambda x: tg.autograd.grad(x.sum(), [np.ones(3)]), TypeError),
        (lambda x: tg.autograd.grad(x, x, [tg.ones(3), tg.ones(3)]), ArgumentError),
        (lambda x: tg.autograd.backward(x.sum(), inputs=[tg.ones(1)]), GradientError),
        (lambda x: tg.autograd.backward([x, x], [tg.ones(3)]), ArgumentError),
        (lambda x: tg.autograd.grad(x.sum(), []), ArgumentError),
        (lambda x: tg.autograd.grad(x.sum(), {}), ArgumentError),
        (lambda x: tg.autograd.grad(x.sum(), 3), TypeError),
        (lambda x: x.sum().backward(inputs=[]), ArgumentError),
        (lambda x: x.sum().backward(inputs=3), TypeError),
    ],
)
def test_what_is_refused(call: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        call(leaf())


def test_a_dict_of_inputs_gives_a_dict_of_gradients() -> None:
    x, z = leaf(), leaf()
    found = tg.autograd.grad((x * 2.0).sum(), {"x": x, "z": z}, allow_unused=True)
    assert list(found) == ["x", "z"]
    assert found["x"].tolist() == [2.0, 2.0, 2.0]
    assert found["z"] is None
    for backward in (lambda y: y.backward(inputs={"x": x}), lambda y: tg.autograd.backward(y, inputs=iter([x]))):
        backward((x * z).sum())
        assert z.grad is None
    assert x.grad.tolist() == [2.0, 4.0, 6.0]


def test_only_inputs_is_taken_where_pytorch_takes_it() -> None:
    x = leaf()
    (g,) = tg.autograd.grad(outputs=x * 2.0, inputs=x, grad_outputs=tg.ones(3), create_graph=True, retain_graph=True, only_inputs=True)
    assert g.tolist() == [2.0, 2.0, 2.0]
    assert tg.autograd.grad(x.sum(), tg.ones(1, requires_grad=True), None, None, False, True, True) == (None,)
    with pytest.warns(FutureWarning, match="only_inputs=False has no effect"):
        tg.autograd.grad(x.sum(), x, only_inputs=False)


def test_gradient_descent_by_hand() -> None:
    """Newton's method in two lines, with a second derivative from the same rules."""
    x = tg.tensor(3.0, dtype=tg.float64, requires_grad=True)
    for _ in range(8):
        (first,) = tg.autograd.grad(x**4 - 2.0 * x, x, create_graph=True)
        (second,) = tg.autograd.grad(first, x)
        with tg.no_grad():
            x -= first / second
    assert abs(float(x) - 0.5 ** (1.0 / 3.0)) < 1e-12


def test_the_hessian_of_a_function_of_several_variables() -> None:
    x = leaf()
    (g,) = tg.autograd.grad((tg.exp(x[0] * x[1]) * x[2]).sum(), x, create_graph=True)
    rows = [tg.autograd.grad(g[i], x, retain_graph=True)[0].tolist() for i in range(3)]
    e = np.exp(2.0)
    np.testing.assert_allclose(rows, [[12 * e, 9 * e, 2 * e], [9 * e, 3 * e, e], [2 * e, e, 0.0]], rtol=1e-12)
    np.testing.assert_allclose(rows, np.transpose(rows), rtol=1e-12)


def test_a_penalty_on_the_gradient_trains() -> None:
    w = leaf()
    (g,) = tg.autograd.grad((w**3).sum(), w, create_graph=True)
    (g**2).sum().backward()
    np.testing.assert_allclose(w.grad.numpy(), 36.0 * np.array([1.0, 8.0, 27.0]))


def test_gradient_given_in_another_dtype_is_converted() -> None:
    x = tg.ones(2, requires_grad=True)
    (x * 2.0).backward(tg.ones(2, dtype=tg.float64))
    assert x.grad is not None
    assert x.grad.dtype == tg.float32
    with pytest.raises(TypeError, match="float64.*float32"):
        tg.autograd.grad(x * 2.0, x, tg.ones(2, dtype=tg.float64, requires_grad=True), create_graph=True)


def test_zeros_for_what_was_not_used_can_be_differentiated_as_the_others_can() -> None:
    x, y = tg.ones(2, requires_grad=True), tg.ones(2, requires_grad=True)
    for create_graph in (True, False):
        zeros = tg.autograd.grad((x * x).sum(), y, create_graph=create_graph, materialize_grads=True)[0]
        assert zeros.tolist() == [0.0, 0.0]
        assert zeros.requires_grad == create_graph
