"""The walk back: long graphs, determinism, freeing, `grad` towards chosen tensors, hooks, and who owns the memory of a gradient."""

from __future__ import annotations

import gc
import time
import weakref
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_reg as tg
from tinygrad_reg.engine.primitive import PRIMITIVES, primitive
from tinygrad_reg.errors import ArgumentTypeError, GradientError, InplaceError, ShapeError

Leaf = Any


def leaf(*values: float) -> Leaf:
    return tg.tensor(list(values) or [1.0, 2.0, 3.0], dtype=tg.float64, requires_grad=True)


def same(x: Any, expected: Any) -> None:
    np.testing.assert_allclose(x.detach().numpy(), expected, rtol=1e-12)


# ---- long graphs ---------------------------------------------------------------------------------------------------------


def test_a_chain_of_a_million_operations() -> None:
    x = leaf(1.0)
    start = time.perf_counter()
    y = x
    for _ in range(1_000_000):
        y = y + 1.0
    y.backward()
    same(x.grad, [1.0])
    alive = weakref.ref(y.grad_fn)
    del y  # the chain of nodes is freed here, without recursion
    assert alive() is None
    assert time.perf_counter() - start < 60


@pytest.mark.parametrize("kind", ["views", "in place", "create_graph", "cat"])
def test_long_chains_of_other_kinds(kind: str) -> None:
    x = leaf(1.0)
    y: Any = x * 1.0
    for _ in range(20_000):
        if kind == "views":
            y = y.view(-1)
        elif kind == "in place":
            y.mul_(1.0)
        elif kind == "cat":
            y = tg.cat([y])
        else:
            y = y * 1.0
    if kind == "create_graph":
        (g,) = tg.autograd.grad(y, x, create_graph=True)
        same(g, [1.0])
        del g
    else:
        y.backward()
        same(x.grad, [1.0])
    del y


def test_a_diamond_of_many_levels_is_walked_once_per_node() -> None:
    x = leaf(1.0)
    y = x
    for _ in range(60):
        y = y + y  # 2⁶⁰ paths
    y.backward()
    same(x.grad, [2.0**60])


# ---- determinism ---------------------------------------------------------------------------------------------------------


def program(seed: int) -> list[Any]:
    rng = np.random.default_rng(seed)
    w = [tg.tensor(rng.standard_normal((8, 8)).astype(np.float32), requires_grad=True) for _ in range(4)]
    x = tg.tensor(rng.standard_normal((5, 8)).astype(np.float32))
    h = x
    for i in range(12):
        h = tg.tanh(h @ w[i % 4] + h * w[i % 3][0])
    (h.sum() + (w[0] * w[1]).sum()).backward()
    return [p.grad.numpy() for p in w]


def test_the_same_program_gives_bit_identical_gradients() -> None:
    first = program(0)
    for _ in range(5):
        for a, b in zip(first, program(0), strict=True):
            assert a.tobytes() == b.tobytes()


# ---- freeing the graph ---------------------------------------------------------------------------------------------------


def test_second_backward_is_an_error_that_says_what_to_do() -> None:
    x = leaf()
    y = (x * x).sum()
    y.backward()
    with pytest.raises(GradientError, match=r"MulBackward0.*retain_graph=True"):
        y.backward()


def test_what_lies_behind_the_inputs_of_grad_is_neither_needed_nor_freed() -> None:
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    y = x.exp()
    assert tg.autograd.grad((y * y).sum(), y)[0].tolist() == (2 * y).tolist()
    a, b = y.sum(), x.exp().sum()
    tg.autograd.grad([a, b], y)  # b does not lead to y
    b.backward()
    y.sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == (2 * y).tolist()
    assert tg.autograd.grad((y * y).sum(), y)[0].tolist() == (2 * y).tolist()  # although y's own graph is gone


def test_where_no_array_was_saved_backward_may_go_twice() -> None:
    x = leaf()
    y = (tg.cat([x.view(3, 1), x[:1, None]]) + 1).mean(0, keepdim=True).sum()
    y.backward()
    y.backward()
    same(x.grad, [1.0, 0.5, 0.5])


def test_retain_graph_allows_it_and_gradients_add_up() -> None:
    x = leaf()
    y = (x * x).sum()
    y.backward(retain_graph=True)
    y.backward()
    same(x.grad, [4.0, 8.0, 12.0])
    with pytest.raises(GradientError):
        y.backward()


def test_saved_values_are_released() -> None:
    x = leaf()
    y = tg.exp(x)
    node, memory = y.grad_fn, weakref.ref(y.array)
    z = y.sum()
    del y
    z.backward()
    assert node.values() == ()
    assert memory() is None


def test_what_no_rule_names_is_not_kept() -> None:
    x = leaf()
    h = x * 2.0
    memory = weakref.ref(h.array)
    y = h + 1.0
    del h
    assert memory() is None
    y.sum().backward()


def test_no_reference_cycles() -> None:
    gc.collect()
    gc.disable()
    try:
        x = leaf()
        y = (tg.sin(x) * x).sum()
        (g,) = tg.autograd.grad(y, x, create_graph=True)
        g.sum().backward()
        a, b = (x * 1.0).split([1, 2])
        a.exp_() if not a.requires_grad else None
        v = (x * 1.0)[1:]
        v.mul_(3.0)
        (v.sum() + b.sum()).backward()
        handle = x.register_post_accumulate_grad_hook(lambda t: None)
        x.sum().backward()
        handle.remove()
        seen = weakref.ref(x.node)
        del x, y, g, a, b, v
        assert seen() is None
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_a_failed_backward_leaves_no_gradient_behind() -> None:
    x, z = leaf(), leaf()
    h = x * 1.0
    y = h * h
    h.add_(1.0)
    with pytest.raises(InplaceError):
        (y + z).sum().backward()
    assert x.grad is None
    assert z.grad is None


# ---- what backward refuses -----------------------------------------------------------------------------------------------


def test_backward_of_a_result_with_several_elements_needs_a_gradient() -> None:
    x = leaf()
    with pytest.raises(GradientError, match=r"one element.*\(3,\)"):
        (x * 2.0).backward()
    (x * 2.0).backward(tg.ones(3, dtype=tg.float64))
    same(x.grad, [2.0, 2.0, 2.0])


def test_backward_with_a_gradient_of_another_shape() -> None:
    with pytest.raises(ShapeError, match=r"\(2,\).*\(3,\)"):
        (leaf() * 2.0).backward(tg.ones(2))


def test_backward_without_a_graph() -> None:
    with pytest.raises(GradientError, match="does not require grad"):
        tg.ones(3).sum().backward()
    with tg.no_grad():
        y = leaf().sum()
    with pytest.raises(GradientError, match="no_grad"):
        y.backward()


def test_backward_of_a_leaf_and_of_a_one_element_result() -> None:
    x = leaf(5.0)
    x.backward()
    same(x.grad, [1.0])
    (x.reshape(1, 1) * 2.0).backward()
    same(x.grad, [3.0])


def test_gradient_given_as_number_or_array() -> None:
    x = leaf()
    (x * 2.0).backward(np.array([1.0, 0.0, 2.0]))
    same(x.grad, [2.0, 0.0, 4.0])
    with pytest.raises(TypeError):
        (x * 2.0).backward("1")


# ---- accumulation, and who owns the memory -------------------------------------------------------------------------------


def shares(a: Any, b: Any) -> bool:
    return bool(np.shares_memory(a.detach().numpy(), b.detach().numpy()))


@pytest.mark.parametrize("create_graph", [False, True])
def test_gradients_of_two_leaves_never_share_memory(create_graph: bool) -> None:
    x, z, w = leaf(), leaf(), leaf()
    (x + z + w.view(3)).sum().backward(create_graph=create_graph)
    for a, b in ((x, z), (x, w), (z, w)):
        assert not shares(a.grad, b.grad)
    x.grad.detach().zero_()
    same(z.grad, [1.0, 1.0, 1.0])
    same(w.grad, [1.0, 1.0, 1.0])


@pytest.mark.parametrize("create_graph", [False, True])
def test_the_gradient_a_user_passes_is_not_aliased(create_graph: bool) -> None:
    x, g = leaf(), tg.ones(3, dtype=tg.float64)
    (x + 0.0).backward(g, create_graph=create_graph)
    assert not shares(x.grad, g)
    y = leaf()
    y.backward(g, create_graph=create_graph)
    assert not shares(y.grad, g)


@pytest.mark.parametrize("create_graph", [False, True])
def test_gradients_can_be_written(create_graph: bool) -> None:
    x = leaf()
    x.expand(2, 3).sum().backward(create_graph=create_graph)
    x.grad.detach().mul_(0.5)
    same(x.grad, [1.0, 1.0, 1.0])


def test_results_of_grad_do_not_share_memory_with_each_other_or_with_grad_outputs() -> None:
    x, z, g = leaf(), leaf(), tg.ones(3, dtype=tg.float64)
    a, b = tg.autograd.grad(x + z, [x, z], g)
    assert not shares(a, b)
    assert not shares(a, g)
    y = x * 1.0
    (c,) = tg.autograd.grad(y, y, g)
    assert not shares(c, g)


def test_accumulation_is_in_place_and_does_not_change_other_gradients() -> None:
    x = leaf()
    x.sum().backward()
    held = x.grad
    x.sum().backward()
    assert x.grad is held
    same(held, [2.0, 2.0, 2.0])


def test_accumulation_with_create_graph_is_recorded() -> None:
    x = leaf()
    (x * x).sum().backward(create_graph=True)
    (x * x * x).sum().backward(create_graph=True)
    same(x.grad, 2.0 * np.array([1, 2, 3]) + 3.0 * np.array([1, 4, 9]))
    first, x.grad = x.grad, None
    first.sum().backward()
    same(x.grad, 2.0 + 6.0 * np.array([1.0, 2.0, 3.0]))


def test_accumulation_that_would_overwrite_a_saved_gradient_is_caught() -> None:
    x, w = leaf(), leaf()
    x.sum().backward()
    y = (w * x.grad).sum()
    x.sum().backward()  # changes x.grad in place
    with pytest.raises(InplaceError):
        y.backward()


def test_a_rule_that_hands_on_one_of_several_cotangents_does_not_own_it() -> None:
    @primitive(outputs=True)
    def twins(x: Any) -> Any:
        return x * 1.0, x * 2.0

    try:
        twins.vjp(x=lambda g: g[0])  # wrong on purpose by leaving out g[1]; what matters is the aliasing
        x = leaf()
        h = x * 1.0
        first, _ = twins(h)
        seed = tg.ones(3, dtype=tg.float64)
        tg.autograd.backward([first, h], [seed, tg.full((3,), 5.0, dtype=tg.float64)])
        same(x.grad, [6.0, 6.0, 6.0])
        same(seed, [1.0, 1.0, 1.0])
    finally:
        del PRIMITIVES["twins"]


# ---- grad ----------------------------------------------------------------------------------------------------------------


def test_grad_leaves_grad_alone_and_takes_inner_tensors() -> None:
    x = leaf()
    h = x * 2.0
    y = (h * h).sum()
    gx, gh = tg.autograd.grad(y, [x, h])
    same(gx, [8.0, 16.0, 24.0])
    same(gh, [4.0, 8.0, 12.0])
    assert x.grad is None


def test_grad_with_the_same_input_twice_and_with_the_output_itself() -> None:
    x = leaf()
    y = (x * x).sum()
    a, b, c = tg.autograd.grad(y, [x, x, y])
    same(a, [2.0, 4.0, 6.0])
    same(b, [2.0, 4.0, 6.0])
    same(c, 1.0)


def test_grad_with_an_unused_input() -> None:
    x, z = leaf(), leaf()
    with pytest.raises(GradientError, match="allow_unused"):
        tg.autograd.grad(x.sum(), [x, z])
    assert tg.autograd.grad(x.sum(), [x, z], allow_unused=True)[1] is None
    same(tg.autograd.grad(x.sum(), [x, z], materialize_grads=True)[1], [0.0, 0.0, 0.0])


def test_grad_of_an_input_that_needs_none() -> None:
    with pytest.raises(GradientError, match="requires_grad_"):
        tg.autograd.grad(leaf().sum(), tg.ones(3))


def test_grad_outputs_weigh_several_results() -> None:
    x = leaf()
    (g,) = tg.autograd.grad([x * 2.0, (x * x).sum()], x, [tg.tensor([1.0, 0.0, 0.0], dtype=tg.float64), None])
    same(g, [4.0, 4.0, 6.0])
    with pytest.raises(ValueError, match="2 results but 1"):
        tg.autograd.grad([x, x], x, [None])


def test_grad_walks_only_what_leads_to_the_inputs() -> None:
    x, z = leaf(), leaf()
    calls = []
    h = z * 2.0
    h.register_hook(lambda g: calls.append(1))
    tg.autograd.grad((x * h).sum(), x)
    assert calls == []


def test_create_graph_to_third_order() -> None:
    x = leaf()
    y = (x**5).sum()
    for factor, power in ((5.0, 4), (20.0, 3), (60.0, 2), (120.0, 1), (120.0, 0)):
        (g,) = tg.autograd.grad(y, x, create_graph=True)
        same(g, factor * np.array([1.0, 2.0, 3.0]) ** power)
        y = g.sum()


def test_second_order_through_grad_outputs() -> None:
    x, v = leaf(), leaf(0.5, -1.0, 2.0)
    (g,) = tg.autograd.grad(x**3, x, v, create_graph=True)
    gx, gv = tg.autograd.grad(g.sum(), [x, v])
    same(gv, 3.0 * np.array([1.0, 4.0, 9.0]))
    same(gx, 6.0 * np.array([1.0, 2.0, 3.0]) * np.array([0.5, -1.0, 2.0]))


def test_without_create_graph_the_gradient_is_a_constant() -> None:
    x = leaf()
    (g,) = tg.autograd.grad((x * x).sum(), x)
    assert not g.requires_grad
    (h,) = tg.autograd.grad((x * x).sum(), x, create_graph=True)
    assert h.requires_grad


def test_backward_towards_chosen_inputs_only() -> None:
    x, z = leaf(), leaf()
    h = x * z
    h.sum().backward(inputs=[x])
    same(x.grad, [1.0, 2.0, 3.0])
    assert z.grad is None
    with pytest.raises(ValueError, match="empty"):
        tg.autograd.backward(x.sum(), inputs=[])


@pytest.mark.parametrize("retains", [False, True])
def test_backward_towards_an_inner_tensor_accumulates(retains: bool) -> None:
    x = leaf()
    h = x * 2.0
    if retains:
        h.retain_grad()
    y = h.sum()
    y.backward(inputs=[h], retain_graph=True)
    y.backward(inputs=[h])
    same(h.grad, [2.0, 2.0, 2.0])
    assert x.grad is None


# ---- hooks and retained gradients ----------------------------------------------------------------------------------------


def test_hooks_run_in_order_and_replace_the_gradient() -> None:
    x = leaf()
    h = x * 1.0
    order = []
    h.register_hook(lambda g: order.append("first"))
    h.register_hook(lambda g: g * 10.0)
    h.register_hook(lambda g: order.append(g.tolist()))
    h.sum().backward()
    assert order == ["first", [10.0, 10.0, 10.0]]
    same(x.grad, [10.0, 10.0, 10.0])


def test_a_hook_is_removed_by_its_handle_and_by_its_context() -> None:
    x = leaf()
    calls = []
    handle = x.register_hook(lambda g: calls.append("a"))
    with x.register_hook(lambda g: calls.append("b")):
        x.sum().backward()
    handle.remove()
    handle.remove()
    x.sum().backward()
    assert calls == ["a", "b"]


def test_a_hook_sees_the_complete_gradient_once() -> None:
    x = leaf()
    seen = []
    x.register_hook(lambda g: seen.append(g.tolist()))
    (x * 2.0 + x * 3.0).sum().backward()
    assert seen == [[5.0, 5.0, 5.0]]


def test_a_hook_on_a_leaf_changes_what_accumulates() -> None:
    x = leaf()
    x.register_hook(lambda g: -g)
    x.sum().backward()
    same(x.grad, [-1.0, -1.0, -1.0])


def test_a_hook_that_writes_into_its_argument_changes_no_other_gradient() -> None:
    x, z = leaf(), leaf()

    def double(g: Any) -> None:
        g.mul_(2.0)

    x.register_hook(double)
    (x + z).backward(seed := tg.ones(3, dtype=tg.float64))
    same(z.grad, [1.0, 1.0, 1.0])
    same(x.grad, [2.0, 2.0, 2.0])
    same(seed, [1.0, 1.0, 1.0])


def test_a_gradient_kept_by_a_hook_stays_as_it_was() -> None:
    x = leaf()
    h = x * 1.0
    kept: list[Any] = []
    h.register_hook(lambda g: kept.append(g))
    (h + 0.0).sum().backward()
    x.grad.zero_()
    same(kept[0], [1.0, 1.0, 1.0])


def test_a_hook_must_return_a_tensor_of_the_same_shape() -> None:
    for wrong, error in ((lambda g: g[:2], GradientError), (lambda g: g.float(), GradientError), (lambda g: 1.0, ArgumentTypeError)):
        x = leaf()
        x.register_hook(wrong)
        with pytest.raises(error, match="hook.*float64"):
            x.sum().backward()


def test_hooks_are_recorded_with_create_graph() -> None:
    x = leaf()
    h = x * x
    handle = h.register_hook(lambda g: g * h)
    (g,) = tg.autograd.grad(h.sum(), x, create_graph=True)
    handle.remove()
    same(g, 2.0 * np.array([1.0, 8.0, 27.0]))
    same(tg.autograd.grad(g.sum(), x)[0], 6.0 * np.array([1.0, 4.0, 9.0]))


def test_retain_grad() -> None:
    x = leaf()
    h = x * 2.0
    h.retain_grad()
    assert h.retains_grad
    assert not x.retains_grad
    (h * h).sum().backward()
    same(h.grad, [4.0, 8.0, 12.0])
    h.grad.zero_()
    same(x.grad, [8.0, 16.0, 24.0])


def test_retained_gradients_do_not_share_memory() -> None:
    x = leaf()
    h = x * 1.0
    k = h + 0.0
    h.retain_grad()
    k.retain_grad()
    k.sum().backward()
    assert not shares(h.grad, k.grad)
    assert not shares(h.grad, x.grad)


def test_grad_of_an_inner_tensor_warns_and_says_what_to_do() -> None:
    h = leaf() * 2.0
    with pytest.warns(UserWarning, match="retain_grad"):
        assert h.grad is None


def test_hooks_and_retain_grad_need_a_graph() -> None:
    for call in (lambda: tg.ones(2).register_hook(print), lambda: tg.ones(2).retain_grad()):
        with pytest.raises(GradientError, match="does not require grad"):
            call()
    with pytest.raises(GradientError, match="leaf"):
        (leaf() * 1.0).register_post_accumulate_grad_hook(print)


def test_post_accumulate_hook_sees_the_sum() -> None:
    x = leaf()
    seen = []
    handle = x.register_post_accumulate_grad_hook(lambda t: seen.append(t.grad.tolist()))
    x.sum().backward()
    x.sum().backward()
    handle.remove()
    x.sum().backward()
    assert seen == [[1.0, 1.0, 1.0], [2.0, 2.0, 2.0]]


# ---- random graphs -------------------------------------------------------------------------------------------------------


#: An operation on tensors x, y, on arrays a, b, and on their tangents.
OPERATIONS: list[Any] = [
    lambda x, y, a, b, da, db: (x + y, a + b, da + db),
    lambda x, y, a, b, da, db: (x - y, a - b, da - db),
    lambda x, y, a, b, da, db: (tg.sin(x) * y, np.sin(a) * b, np.cos(a) * da * b + np.sin(a) * db),
    lambda x, y, a, b, da, db: (tg.tanh(x), np.tanh(a), (1 - np.tanh(a) ** 2) * da),
    lambda x, y, a, b, da, db: (tg.flip(x, (0,)), a[::-1], da[::-1]),
    lambda x, y, a, b, da, db: (x.sum() + 0.1 * y, a.sum() + 0.1 * b, da.sum() + 0.1 * db),
]


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 10), st.integers(0, 10)), min_size=1, max_size=25), st.integers(0, 2**31))
def test_random_graphs_against_forward_mode_by_hand(steps: list[tuple[int, int, int]], seed: int) -> None:
    """Each operation also carries its tangent; <gradient, u> must be the tangent of the result."""
    rng = np.random.default_rng(seed)
    values = [rng.standard_normal(3) for _ in range(2)]
    tangents = [rng.standard_normal(3) for _ in range(2)]
    leaves: list[Any] = [tg.tensor(v, requires_grad=True) for v in values]
    directions, nodes = list(tangents), list(leaves)
    for operation, i, j in steps:
        i, j = i % len(nodes), j % len(nodes)
        made, value, tangent = OPERATIONS[operation](nodes[i], nodes[j], values[i], values[j], tangents[i], tangents[j])
        nodes.append(made)
        values.append(value)
        tangents.append(tangent)
    grads = tg.autograd.grad(nodes[-1].sum(), leaves, materialize_grads=True)
    slope = sum(float(g.numpy() @ u) for g, u in zip(grads, directions, strict=True))
    size = sum(float(np.abs(g.numpy()) @ np.abs(u)) for g, u in zip(grads, directions, strict=True))
    assert abs(slope - tangents[-1].sum()) <= 1e-9 * (size + 1.0)


# ---- what stays in .grad -------------------------------------------------------------------------------------------------


def test_an_input_of_backward_that_is_no_leaf_keeps_what_later_walks_bring() -> None:
    x = leaf()
    y = x * 2
    y.sum().backward(inputs=[y], retain_graph=True)
    same(y.grad, [1.0, 1.0, 1.0])
    (y * 3).sum().backward()
    same(y.grad, [4.0, 4.0, 4.0])
    same(x.grad, [6.0, 6.0, 6.0])


def test_what_a_tensor_kept_stays_when_it_is_changed_in_place() -> None:
    y = leaf() * 2
    y.retain_grad()
    y.sum().backward(retain_graph=True)
    y.mul_(3)
    same(y.grad, [1.0, 1.0, 1.0])
    y.sum().backward()
    same(y.grad, [2.0, 2.0, 2.0])


def test_a_gradient_with_a_graph_is_added_to_in_place() -> None:
    x = leaf()
    (x**2).sum().backward(create_graph=True)
    held = x.grad
    assert held is not None
    (x * 3).sum().backward()
    assert x.grad is held
    assert held.requires_grad
    same(held.detach(), [5.0, 7.0, 9.0])


# ---- leaves that take another shape -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(1,), (4,), (2, 3), ()])
def test_data_of_another_shape_leaves_no_way_for_a_gradient_recorded_before(shape: tuple[int, ...]) -> None:
    w = leaf()
    y = (w * tg.ones(2, 3, dtype=tg.float64)).sum()
    w.data = tg.ones(shape, dtype=tg.float64)
    with pytest.raises(GradientError, match="data replaced by one of shape"):
        y.backward()
    assert w.grad is None
    (w * 2).sum().backward()
    same(w.grad, np.full(shape, 2.0))


def test_a_leaf_transposed_in_place_leaves_no_way_either() -> None:
    w = tg.ones(2, 3, requires_grad=True)
    y = (w * 2).sum()
    with tg.no_grad():
        w.t_()
    with pytest.raises(GradientError, match="MulBackward0"):
        y.backward()


def test_data_of_the_same_shape_keeps_it() -> None:
    w = leaf()
    y = (w * 2).sum()
    w.data = tg.zeros(3, dtype=tg.float64)
    y.backward()
    same(w.grad, [2.0, 2.0, 2.0])
