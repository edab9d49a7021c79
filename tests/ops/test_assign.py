"""In-place changes: values, memory, gradients through views, and what is refused. Random programs are in tests/oracle/test_inplace.py."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest

import tinygrad_reg as tg
from tinygrad_reg.errors import ArgumentError, DimensionError, DtypeError, InplaceError, ShapeError
from tinygrad_reg.methods import Methods


def leaf(*shape: int) -> Any:
    return tg.tensor(np.random.default_rng(0).uniform(0.2, 0.8, shape or (2, 3)), requires_grad=True)


# ---- every in-place method equals its out-of-place form ------------------------------------------------------------------

ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "clamp_": (0.3, 0.6),
    "clamp_min_": (0.4,),
    "clamp_max_": (0.4,),
    "clip_": (0.3, 0.6),
    "lerp_": ("halves", 0.3),
    "addcmul_": ("halves", "twos"),
    "addcdiv_": ("halves", "twos"),
    "masked_fill_": ("mask", 2.0),
    "scatter_": (1, "index", "source"),
    "scatter_add_": (1, "index", "source"),
    "index_add_": (0, "rows", "source"),
    "index_copy_": (0, "rows", "source"),
    "index_fill_": (0, "rows", 0.5),
    "index_put_": (("rows",), "source"),
    "pow_": (2.5,),
    "__ipow__": (2.5,),
    "threshold_": (0.4, 0.1),
    "mvlgamma_": (1,),
    "leaky_relu_": (0.1,),
    "cumsum_": (1,),
    "cumprod_": (1,),
    "addmm_": ("square", "halves"),
    "addbmm_": ("squares", "batch"),
}
DRAWS = {"uniform_", "normal_", "bernoulli_", "random_", "exponential_", "log_normal_", "cauchy_", "geometric_"}
NOT_A_FORM = {"copy_", "fill_", "fill_diagonal_", "zero_", "requires_grad_", "detach_"} | DRAWS
SHAPES = {"t_", "squeeze_", "unsqueeze_", "transpose_", "swapaxes_", "swapdims_"}  # they keep the memory, not the shape
OTHER_RANK = {"addmv_", "baddbmm_"}
INTEGERS = {
    "bitwise_not_",
    "bitwise_and_",
    "bitwise_or_",
    "bitwise_xor_",
    "__iand__",
    "__ior__",
    "__ixor__",
    "bitwise_left_shift_",
    "bitwise_right_shift_",
    "gcd_",
    "lcm_",
}
OPERATORS = {
    "__iadd__": "__add__",
    "__isub__": "__sub__",
    "__imul__": "__mul__",
    "__itruediv__": "__truediv__",
    "__ifloordiv__": "__floordiv__",
    "__imod__": "__mod__",
    "__ipow__": "__pow__",
    "__iand__": "__and__",
    "__ior__": "__or__",
    "__ixor__": "__xor__",
}


def in_place_methods() -> list[str]:
    named = [n for n in vars(Methods) if n.endswith("_") and not n.startswith("_") and n not in NOT_A_FORM | SHAPES | OTHER_RANK]
    return sorted(named) + sorted(OPERATORS)


def plain(name: str) -> str:
    return OPERATORS.get(name, name.rstrip("_"))


def arguments(name: str) -> tuple[Any, ...]:
    """Values for the arguments of a method; tensors for those named by a word."""
    stands_for = {
        "halves": tg.full((2, 3), 0.5, dtype=tg.float64),
        "twos": tg.full((2, 3), 2.0, dtype=tg.float64),
        "mask": tg.tensor([[True, False, False], [False, True, True]]),
        "square": tg.full((2, 2), 0.5, dtype=tg.float64),
        "squares": tg.full((4, 2, 2), 0.5, dtype=tg.float64),
        "batch": tg.full((4, 2, 3), 0.5, dtype=tg.float64),
        "rows": tg.tensor([1, 0]),
        "index": tg.tensor([[0, 2, 1], [1, 0, 2]]),
        "source": tg.tensor(np.random.default_rng(1).uniform(0.2, 0.8, (2, 3))),
    }
    if name in ARGUMENTS:
        given = ARGUMENTS[name]
    else:
        parameters = list(inspect.signature(getattr(Methods, name)).parameters.values())[1:]
        given = tuple([2 if name in INTEGERS else 0.7 for p in parameters if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD])

    def made(x: Any) -> Any:
        if isinstance(x, tuple):
            return tuple([made(item) for item in x])
        return stands_for[x] if isinstance(x, str) else x

    return tuple([made(x) for x in given])


@pytest.mark.parametrize("name", in_place_methods())
def test_in_place_method_is_its_plain_form_written_into_the_same_memory(name: str) -> None:
    w = tg.tensor([[5, 6, 7], [1, 2, 3]], dtype=tg.int64) if name in INTEGERS else leaf()
    given = arguments(name)
    x = w * 1
    expected = getattr(w * 1, plain(name))(*given)
    memory = x.array
    result = getattr(x, name)(*given)
    assert result is x
    assert x.array is memory
    np.testing.assert_array_equal(x.detach().numpy(), expected.detach().numpy().astype(memory.dtype))
    if not w.requires_grad or expected.dtype.kind != "f":
        return
    weights = tg.tensor(np.random.default_rng(2).uniform(0.5, 1.5, (2, 3)))
    (g,) = tg.autograd.grad((x * weights).sum(), w, materialize_grads=True)
    (wanted,) = tg.autograd.grad((expected * weights).sum(), w, materialize_grads=True)
    np.testing.assert_allclose(g.numpy(), wanted.numpy(), rtol=1e-12, err_msg=f"gradient of {name}")


def each(low: float, high: float) -> tg.Tensor:
    return tg.tensor(np.random.default_rng(3).uniform(low, high, (2, 3)))


FORMS: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
    ("logit", (0.4,), {}),
    ("div", (each(0.1, 0.4).requires_grad_(),), {"rounding_mode": "trunc"}),
    ("div", (each(0.1, 0.4),), {"rounding_mode": "floor"}),
    ("add", (each(1, 2),), {"alpha": 3}),
    ("sub", (each(1, 2),), {"alpha": 3}),
    ("clamp", (each(0.3, 0.4), each(0.6, 0.7)), {}),
    ("clamp", (None, 0.5), {}),
    ("addcmul", (each(1, 2), each(1, 2)), {"value": 3}),
    ("addcdiv", (each(1, 2), each(1, 2)), {"value": 3}),
    ("lerp", (each(1, 2), each(0, 1)), {}),
    ("lerp", (each(1, 2), 0.8), {}),
    ("pow", (each(1, 3),), {}),
    ("round", (), {"decimals": 1}),
    ("nan_to_num", (1.0,), {}),
    ("cumsum", (1,), {}),
    ("cumprod", (0,), {}),
    ("scatter", (1, tg.tensor([[0], [2]]), each(1, 2)), {"reduce": "add"}),
    ("scatter", (1, tg.tensor([[0], [2]]), 2.0), {"reduce": "multiply"}),
    ("index_add", (0, tg.tensor([1, 1]), each(1, 2)), {"alpha": 2}),
    ("index_put", ((tg.tensor([1, 1]),), each(1, 2)), {"accumulate": True}),
    ("addmm", (each(1, 2)[:, :2], each(1, 2)), {"beta": 2, "alpha": 3}),
]


@pytest.mark.parametrize(("name", "args", "kwargs"), FORMS)
def test_in_place_forms_with_their_options(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """What is composed of several operations needs the old values in others than the last, too."""
    w, weights = leaf(), each(0.5, 1.5)
    x = w * 1
    expected = getattr(w * 1, name)(*args, **kwargs)
    getattr(x, name + "_")(*args, **kwargs)
    np.testing.assert_array_equal(x.detach().numpy(), expected.detach().numpy())
    (g,), (wanted,) = (tg.autograd.grad((y * weights).sum(), w) for y in (x, expected))
    np.testing.assert_allclose(g.numpy(), wanted.numpy(), rtol=1e-12)


@pytest.mark.parametrize("name", in_place_methods())
def test_in_place_method_through_a_view(name: str) -> None:
    """The same, written into rows 1 and 2 of a larger tensor that is then used as a whole."""
    if name in INTEGERS:
        return
    w, given = leaf(), arguments(name)
    base = tg.zeros(4, 3, dtype=tg.float64) + w.sum() * 0.0
    base[1:3] = w
    part = base[1:3]
    getattr(part, name)(*given)
    expected = getattr(w * 1, plain(name))(*given)
    np.testing.assert_array_equal(base[1:3].detach().numpy(), expected.detach().numpy())
    if expected.dtype.kind == "f":
        for y, same in ((base, expected), (part, expected), (base[1:3] * part, expected * expected)):
            (g,) = tg.autograd.grad(y.sum(), w, retain_graph=True, materialize_grads=True)
            (wanted,) = tg.autograd.grad(same.sum(), w, retain_graph=True, materialize_grads=True)
            np.testing.assert_allclose(g.numpy(), wanted.numpy(), rtol=1e-12)


# ---- views ---------------------------------------------------------------------------------------------------------------


def test_a_write_through_a_view_changes_base_and_sisters() -> None:
    w = leaf(4)
    base = w * 1.0
    a, b, rows = base[:2], base[1:], base.view(2, 2)
    a.mul_(3.0)
    np.testing.assert_allclose(base.detach().numpy(), w.detach().numpy() * [3.0, 3.0, 1.0, 1.0])
    for y, expected in ((base, [3, 3, 1, 1]), (a, [3, 3, 0, 0]), (b, [0, 3, 1, 1]), (rows[0], [3, 3, 0, 0])):
        assert tg.autograd.grad(y.sum(), w, retain_graph=True)[0].tolist() == expected


@pytest.mark.parametrize(
    "view",
    [lambda x: x.squeeze(), lambda x: x.reshape(2, 3), lambda x: x.transpose(0, 0), lambda x: x[...]],
)
def test_a_view_that_changes_nothing_is_a_view(view: Any) -> None:
    leaf = tg.arange(6.0).reshape(2, 3).clone().requires_grad_()
    base = leaf * 1.0
    view(base).mul_(3.0)
    base.sum().backward()
    assert leaf.grad.tolist() == [[3.0] * 3] * 2


def test_a_write_to_the_base_changes_its_views() -> None:
    w = leaf(4)
    base = w * 1.0
    view_of_view = base.view(2, 2)[1]
    base.mul_(tg.tensor([1.0, 2.0, 3.0, 4.0], dtype=tg.float64))
    assert tg.autograd.grad(view_of_view.sum(), w)[0].tolist() == [0.0, 0.0, 3.0, 4.0]


def test_views_made_before_and_after_a_write_agree() -> None:
    w = leaf(3)
    base = w * 1.0
    before = base[1:]
    base[1] = 0.0
    after = base[1:]
    for view in (before, after):
        assert tg.autograd.grad(view.sum(), w, retain_graph=True)[0].tolist() == [0.0, 0.0, 1.0]


def test_a_constant_that_receives_a_gradient_becomes_part_of_the_graph() -> None:
    w, x = leaf(2), tg.zeros(3, 2, dtype=tg.float64)
    row = x[1]
    x[1] = w * 2.0
    assert x.requires_grad
    assert row.requires_grad
    (x * x).sum().backward()
    np.testing.assert_allclose(w.grad.numpy(), 8.0 * w.detach().numpy())


def test_assigning_a_detached_view_of_itself_cuts_the_gradient() -> None:
    w = leaf(3)
    x = w * 1.0
    x[0] = x.detach()[0]
    x.sum().backward()
    assert w.grad.tolist() == [0.0, 1.0, 1.0]


def test_item_in_place_operators() -> None:
    w = leaf(3)
    x = w * 1.0
    x[0] += 5.0
    x[1:] *= 2.0
    x[x > 5.0] -= 1.0
    x[tg.tensor([0, 2])] /= 2.0
    x.sum().backward()
    np.testing.assert_allclose(w.grad.numpy(), [0.5, 2.0, 1.0])


def test_a_leaf_that_is_a_view_stays_one_when_its_base_is_written() -> None:
    """Parameters that are windows of one buffer."""
    buffer = tg.zeros(4)
    w = buffer[:2].requires_grad_()
    w.grad = tg.ones(2)
    buffer.add_(1.0)
    assert w.requires_grad
    assert w.is_leaf
    assert w.grad.tolist() == [1.0, 1.0]
    assert w.tolist() == [1.0, 1.0]
    (w * 2.0).sum().backward()
    assert w.grad.tolist() == [3.0, 3.0]


def test_retain_grad_follows_the_value() -> None:
    w = leaf(3)
    h = w * 2.0
    h.retain_grad()
    h.mul_(3.0)
    (h * h).sum().backward()
    np.testing.assert_allclose(h.grad.numpy(), 12.0 * w.detach().numpy())


def test_a_gradient_that_needs_the_overwritten_value_keeps_it() -> None:
    """`x.sin_()` needs the cosine of what x was; `h *= gate` needs h for the gradient of the gate."""
    w, gate = leaf(3), leaf(3)
    h = w * 1.0
    h *= gate
    h.sin_()
    (g, k) = tg.autograd.grad(h.sum(), [w, gate], create_graph=True)
    a, b = w.detach().numpy(), gate.detach().numpy()
    np.testing.assert_allclose(g.detach().numpy(), np.cos(a * b) * b)
    np.testing.assert_allclose(k.detach().numpy(), np.cos(a * b) * a)
    (again,) = tg.autograd.grad(g.sum(), gate)
    np.testing.assert_allclose(again.numpy(), np.cos(a * b) - np.sin(a * b) * a * b)


@pytest.mark.parametrize(
    "write", [lambda x: x.uniform_(), lambda x: x.normal_(), lambda x: x.bernoulli_(), lambda x: x.eq_(0.5), lambda x: x.zero_()]
)
def test_overwriting_with_constants_gives_gradient_zero(write: Any) -> None:
    w = leaf(3)
    x = w * 2.0
    write(x)
    assert x.requires_grad
    (x * w.detach()).sum().backward()
    assert w.grad.tolist() == [0.0, 0.0, 0.0]


def test_copies_between_overlapping_parts() -> None:
    x = tg.arange(5)
    x[1:].copy_(x[:-1])
    assert x.tolist() == [0, 0, 1, 2, 3]
    x[:-1] = x[1:]
    assert x.tolist() == [0, 1, 2, 3, 3]


# ---- copy_, fill_, setitem -----------------------------------------------------------------------------------------------


def test_copy_broadcasts_converts_and_passes_gradients() -> None:
    w, x = leaf(3), tg.zeros(2, 3)
    assert x.copy_(w) is x
    assert x.dtype == tg.float32
    x.sum().backward()
    assert w.grad.tolist() == [2.0, 2.0, 2.0]
    assert w.grad.dtype == tg.float64
    assert tg.zeros(2).copy_(tg.tensor([True, False])).tolist() == [1.0, 0.0]


def test_fill_with_a_number_or_a_0d_tensor() -> None:
    w = tg.tensor(2.0, requires_grad=True)
    x = tg.zeros(3).fill_(w)
    x.sum().backward()
    assert float(w.grad) == 3.0
    assert tg.ones(2).zero_().tolist() == [0.0, 0.0]
    with pytest.raises(ShapeError, match="0-d"):
        tg.zeros(2).fill_(tg.ones(2))


@pytest.mark.parametrize(
    "index",
    [
        0,
        -1,
        slice(1, None),
        slice(None, None, 2),
        (0, 1),
        (..., 0),
        None,
        (slice(None), None),
        [0, 1],
        [1, 1],
        np.array([True, False, True]),
        np.array([2, 0]),
        (),
    ],
)
def test_setitem_writes_what_numpy_writes(index: Any) -> None:
    a = np.arange(12.0).reshape(3, 4)
    x = tg.tensor(a)
    value = 100.0 + np.arange(a[index].size).reshape(a[index].shape)
    a[index] = value
    x[index] = tg.tensor(value)
    np.testing.assert_array_equal(x.numpy(), a)
    x[index] = 7
    a[index] = 7
    np.testing.assert_array_equal(x.numpy(), a)


def test_setitem_keeps_the_dtype() -> None:
    x = tg.zeros(3, dtype=tg.int64)
    x[0] = 2.9
    x[1] = True
    x[2] = tg.tensor(-1.5)
    assert x.tolist() == [2, 1, -1]


# ---- what is refused -----------------------------------------------------------------------------------------------------


def grad_leaf() -> Any:
    return tg.ones(3, requires_grad=True)


REFUSED: list[tuple[str, Any, type[Exception], str]] = [
    ("leaf", lambda: grad_leaf().add_(1.0), InplaceError, "leaf.*no_grad"),
    ("view of a leaf", lambda: grad_leaf()[0].add_(1.0), InplaceError, "view of a leaf"),
    ("item of a leaf", lambda: grad_leaf().__setitem__(0, 1.0), InplaceError, "leaf"),
    ("expanded", lambda: tg.zeros(3).expand(2, 3).add_(1.0), InplaceError, "expanded.*clone"),
    ("part of expanded, with gradient", lambda: (grad_leaf() * 1.0).expand(2, 3)[0].add_(1.0), InplaceError, "read-only.*expanded.*clone"),
    ("read-only", lambda: tg.from_numpy(np.broadcast_to(np.float64(1.0), ())).add_(1.0), InplaceError, "read-only"),
    ("split", lambda: (grad_leaf() * 1.0).split(1)[0].add_(1.0), InplaceError, "several views.*clone"),
    ("unbind", lambda: (grad_leaf() * 1.0).unbind()[0].add_(1.0), InplaceError, "several views"),
    ("shape", lambda: tg.ones(3).add_(tg.ones(2, 3)), ShapeError, r"\(2, 3\).*\(3,\)"),
    ("float into integer", lambda: tg.ones(3, dtype=tg.int64).add_(0.5), DtypeError, "float32.*int64"),
    ("integer division", lambda: tg.ones(3, dtype=tg.int64).div_(2), DtypeError, "float32.*int64"),
    ("number into bool", lambda: tg.ones(3, dtype=tg.bool).add_(1), DtypeError, "int64.*bool"),
    ("copy of a larger one", lambda: tg.ones(3).copy_(tg.ones(4)), ShapeError, "broadcast"),
    ("item of another shape", lambda: tg.ones(3).__setitem__(slice(0, 2), tg.ones(3)), ShapeError, r"\(3,\).*\(2,\)"),
    ("item out of range", lambda: tg.ones(3).__setitem__(5, 1.0), IndexError, "out of range"),
    ("item of text", lambda: tg.ones(3).__setitem__(0, "a"), TypeError, "must be a number.*str"),
    ("uniform from above to", lambda: tg.ones(3).uniform_(1.0, 0.0), ArgumentError, "from <= to"),
    ("normal of negative std", lambda: tg.ones(3).normal_(0.0, -1.0), ArgumentError, "negative"),
]


@pytest.mark.parametrize(("call", "error", "words"), [r[1:] for r in REFUSED], ids=[r[0] for r in REFUSED])
def test_what_is_refused(call: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=f"(?s){words}"):
        call()


def test_a_refused_write_changes_nothing() -> None:
    w = tg.ones(3, requires_grad=True)
    x = tg.ones(2, dtype=tg.int64)
    for call in (lambda: w.add_(1.0), lambda: w[0].mul_(5.0), lambda: x.add_(0.5), lambda: x.add_(tg.ones(3, dtype=tg.int64))):
        with pytest.raises((InplaceError, DtypeError, ShapeError)):
            call()
    assert w.tolist() == [1.0, 1.0, 1.0]
    assert x.tolist() == [1, 1]


def test_leaves_may_be_written_without_gradients() -> None:
    w = grad_leaf()
    with tg.no_grad():
        w.add_(1.0)
        w[0] = 5.0
        w -= 1.0
    w.data.mul_(2.0)
    w.detach().neg_()
    assert w.tolist() == [-8.0, -2.0, -2.0]
    assert w.is_leaf
    assert w.requires_grad


def test_a_view_made_inside_no_grad_is_not_written_outside() -> None:
    x = leaf(3) * 1.0
    with tg.no_grad():
        view = x.view(3, 1)
    with pytest.raises(InplaceError, match="no_grad"):
        view.add_(1.0)


def test_replacing_data_leaves_old_views_with_the_old_memory() -> None:
    w = leaf(3)
    x = w * 1.0
    view = x[:2]
    x.data = tg.zeros(3, dtype=tg.float64)
    view.mul_(5.0)
    assert x.tolist() == [0.0, 0.0, 0.0]
    assert tg.autograd.grad(x.sum(), w)[0].tolist() == [1.0, 1.0, 1.0]


# ---- another shape in place ----------------------------------------------------------------------------------------------

RESHAPES: list[tuple[str, tuple[Any, ...]]] = [
    ("t_", ()),
    ("unsqueeze_", (1,)),
    ("squeeze_", ()),
    ("squeeze_", (0,)),
    ("transpose_", (0, 1)),
    ("swapaxes_", (0, 1)),
    ("swapdims_", (0, -1)),
]


@pytest.mark.parametrize(("name", "args"), RESHAPES)
def test_a_shape_changed_in_place_is_that_view_of_the_same_memory(name: str, args: tuple[Any, ...]) -> None:
    w = leaf(1, 3) if "squeeze_" in name else leaf()
    base = w * 2.0
    x = base[:] if name == "t_" else base  # a view, or the owner of the memory
    early = x[0]
    expected = getattr(x, name[:-1])(*args)
    result = getattr(x, name)(*args)
    assert result is x
    assert x.shape == expected.shape
    assert np.shares_memory(x.array, base.array)
    x.mul_(3.0)  # reaches every view, and the base
    np.testing.assert_array_equal(early.detach().numpy(), 6.0 * w.detach().numpy()[0])
    weights = tg.tensor(np.random.default_rng(2).uniform(0.5, 1.5, x.shape))
    (g,) = tg.autograd.grad((x * weights).sum() + early.sum(), w)
    at = getattr(w * 6.0, name[:-1])(*args)
    (wanted,) = tg.autograd.grad((at * weights).sum() + (w * 6.0)[0].sum(), w)
    np.testing.assert_allclose(g.numpy(), wanted.numpy(), rtol=1e-12)


def test_a_leaf_that_requires_grad_keeps_its_shape_while_recording() -> None:
    w = leaf()
    with pytest.raises(InplaceError, match="a leaf tensor that requires grad"):
        w.t_()
    with tg.no_grad():
        w.t_()
    (w * w).sum().backward()
    assert w.grad.shape == w.shape == (3, 2)


def test_products_added_in_place_at_other_ranks() -> None:
    v, m = tg.ones(2, dtype=tg.float64), leaf()
    assert tg.equal(v.clone().addmv_(m, tg.ones(3, dtype=tg.float64)), tg.addmv(v, m, tg.ones(3, dtype=tg.float64)))
    b = tg.ones(4, 2, 2, dtype=tg.float64)
    assert tg.equal(b.clone().baddbmm_(b, b, alpha=2.0), tg.baddbmm(b, b, b, alpha=2.0))


def test_random_integers_in_place() -> None:
    tg.manual_seed(0)
    assert set(tg.zeros(200, dtype=tg.int64).random_(3).tolist()) == {0, 1, 2}
    assert set(tg.zeros(200).random_(-1, 1).tolist()) == {-1.0, 0.0}
    assert set(tg.zeros(200, dtype=tg.bool).random_().tolist()) == {False, True}
    assert max(tg.zeros(2000, dtype=tg.uint8).random_().tolist()) == 255
    with pytest.raises(ArgumentError, match="needs low < high"):
        tg.zeros(2).random_(2, 2)


def test_other_distributions_in_place() -> None:
    """Their quartiles: of log 2 = 0.693..., tan, exp, and of counted trials."""
    g, quarters, n = tg.Generator().manual_seed(0), np.array([0.25, 0.5, 0.75]), 100_000
    for dtype in (tg.float64, tg.float32, tg.float16):
        x = tg.zeros(n, dtype=dtype)
        x.exponential_(2.0, generator=g)
        assert bool((x > 0).all())
        np.testing.assert_allclose(np.quantile(x.numpy(), quarters), -np.log(1 - quarters) / 2, rtol=0.05)
        x.log_normal_(0.5, 0.25, generator=g)
        np.testing.assert_allclose(np.quantile(x.numpy(), quarters), np.exp(0.5 + 0.25 * np.array([-0.6745, 0, 0.6745])), rtol=0.02)
        x.cauchy_(1.0, 0.5, generator=g)
        np.testing.assert_allclose(np.quantile(x.numpy(), quarters), [0.5, 1.0, 1.5], rtol=0.05)
    for dtype in (tg.float32, tg.int64, tg.uint8):
        counts = np.bincount(tg.zeros(n, dtype=dtype).geometric_(0.25, generator=g).numpy().astype(int))[:5] / n
        np.testing.assert_allclose(counts, [0, 0.25, 0.1875, 0.140625, 0.10546875], atol=0.01)
    assert tg.equal(tg.zeros(9).exponential_(generator=g.manual_seed(1)), tg.zeros(9).exponential_(generator=g.manual_seed(1)))


@pytest.mark.parametrize(
    ("shape", "wrap", "rows", "columns"),
    [
        ((3, 3), False, [0, 1, 2], [0, 1, 2]),
        ((2, 3), False, [0, 1], [0, 1]),
        ((2, 3), True, [0, 1], [0, 1]),
        ((7, 3), False, [0, 1, 2], [0, 1, 2]),
        ((7, 3), True, [0, 1, 2, 4, 5, 6], [0, 1, 2, 0, 1, 2]),
        ((2, 0), False, [], []),
    ],
)
def test_the_diagonal_is_filled_in_place(shape: tuple[int, int], wrap: bool, rows: list[int], columns: list[int]) -> None:
    expected = np.ones(shape)
    expected[rows, columns] = 0
    w = tg.full(shape, 2.0, requires_grad=True)
    x = w * 0.5
    assert x.fill_diagonal_(0.0, wrap) is x
    x.sum().backward()
    assert x.tolist() == expected.tolist()
    assert w.grad.tolist() == (expected * 0.5).tolist()


def test_the_diagonal_of_more_dimensions_and_of_none() -> None:
    x = tg.zeros(2, 2, 2, dtype=tg.int64).fill_diagonal_(1.5)
    assert x.tolist() == [[[1, 0], [0, 0]], [[0, 0], [0, 1]]]
    for shape in ((), (3,), (2, 3, 3)):
        with pytest.raises(ShapeError, match="fill_diagonal_: needs a matrix"):
            tg.zeros(shape).fill_diagonal_(1)
    with pytest.raises(InplaceError, match="fill_diagonal_: a leaf tensor that requires grad"):
        tg.zeros(2, 2, requires_grad=True).fill_diagonal_(1)


def test_a_write_through_a_reshaped_view_when_the_cotangent_lies_in_another_order() -> None:
    x = tg.arange(6.0, dtype=tg.float64).reshape(2, 3).requires_grad_()
    y = x * 1.0
    y.view(-1)[1:].fill_(5.0)
    y.T.contiguous().mul(tg.ones(3, 2, dtype=tg.float64)).sum().backward(retain_graph=True)
    first = x.grad.tolist()
    x.grad = None
    (y.T * tg.arange(6.0, dtype=tg.float64).reshape(3, 2) + 1.0).sum().backward()
    assert first == [[1.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
    assert x.grad.tolist() == [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]


def test_an_expansion_that_repeats_nothing_can_be_written_to() -> None:
    x = tg.zeros(3)
    x.expand(1, 3).add_(1.0)
    x.expand_as(x).add_(1.0)
    assert x.tolist() == [2.0, 2.0, 2.0]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300, 0.5])
def test_in_a_bool_tensor_every_number_but_zero_is_true(value: float) -> None:
    x = tg.tensor([False, False])
    x[0] = value
    assert x.tolist() == [True, False]
    assert x.fill_(value).tolist() == [True, True]
    assert tg.zeros(1, dtype=tg.bool).masked_fill(tg.tensor([True]), value).tolist() == [True]


# ---- writes that no gradient hears of --------------------------------------------------------------------------------------


@pytest.mark.parametrize("shared", [False, True])
def test_writes_where_arrays_say_without_a_graph(shared: bool) -> None:
    """Straight into memory, as the way by a changed copy would have it."""
    index: Any
    value: Any
    for index, value in [
        (tg.tensor([1, 0, 1]), tg.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])),
        (tg.tensor([[True, False], [False, True], [True, True]]), -1),
        (tg.tensor([True, False, True]), tg.tensor([7.0, 8.0])),
        ((tg.tensor([0, 2]), tg.tensor([1, 1])), tg.tensor([7.0, 8.0])),
        ((slice(None), tg.tensor([1])), 9.0),
        ((1, tg.tensor([-1, 0])), tg.tensor([1, 2])),
        ((slice(0, 2), [0, 0]), tg.tensor([[1.0, 2.0], [3.0, 4.0]])),
        (tg.tensor([2]), tg.ones(1, 1, 2)),
    ]:
        x = tg.arange(6.0).reshape(3, 2)
        x = x.t().clone().t() if shared else x  # columns in memory: the other way
        expected = tg.index_put(x, index if isinstance(index, tuple) else (index,), _shaped(x, index, value))
        version = x._version
        x[index] = value
        np.testing.assert_array_equal(x.numpy(), expected.numpy())
        assert x._version == version + 1


def _shaped(x: tg.Tensor, index: Any, value: Any) -> tg.Tensor:
    array = np.broadcast_to(np.asarray(value, np.float32), (1, *x[index].shape))[0] if np.ndim(value) < 3 else np.asarray(value)[0]
    return tg.tensor(array)


def test_a_write_that_does_not_fit_writes_nothing() -> None:
    x = tg.zeros(3, 2)
    for index, value, error in [
        (tg.tensor([0, 3]), 1.0, DimensionError),
        (tg.tensor([0, 1]), tg.ones(3), ShapeError),
        (tg.tensor([True, False, True]), tg.ones(3, 2), ShapeError),
    ]:
        with pytest.raises(error):
            x[index] = value
        assert not x.any()


def test_a_write_without_a_graph_is_still_seen_by_those_that_saved_the_memory() -> None:
    w = tg.ones(2, requires_grad=True)
    for write in (
        lambda x: x.zero_(),
        lambda x: x.__setitem__(0, 5.0),
        lambda x: x.__setitem__(tg.tensor([1]), 5.0),
        lambda x: x.add_(1.0),
    ):
        x = tg.ones(2)
        y = (x * w).sum()
        write(x)
        with pytest.raises(InplaceError, match="modified"):
            y.backward()
