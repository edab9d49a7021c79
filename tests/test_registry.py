"""Laws that every primitive obeys. A new one is tested as soon as it exists: it only needs an entry in examples_of_primitives."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Iterator
from types import CodeType, FunctionType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_reg as tg
import tinygrad_reg.nn.functional  # loads the operations that only layers use
import tinygrad_reg.optim  # and those of optimizers
from tinygrad_reg.engine.primitive import PRIMITIVES, Primitive, check_registry
from tinygrad_reg.ops.pointwise import Binary, Elementwise
from tinygrad_reg.testing import arrays_for, gradcheck

from .examples_of_primitives import DECIDED, INTERNAL, PAIRS, PIECES, SHARES_MEMORY, TRIPLES, Example, drawn, examples_of

Array = np.ndarray[Any, Any]

NAMES = [name for name, p in PRIMITIVES.items() if not str(getattr(p.forward, "__module__", "")).startswith("tests")]
CALLED = [name for name in NAMES if name not in INTERNAL]
ELEMENTWISE = [name for name in CALLED if isinstance(PRIMITIVES[name], Elementwise)]

few = settings(max_examples=max(1, settings.default.max_examples // 12) if settings.default else 2)
seeds = st.integers(0, 2**32 - 1)


# ---- making calls --------------------------------------------------------------------------------------------------------


def build(name: str, example: Example, seed: int, dtype: str = "float64") -> list[Any]:
    """The arguments of an example: random arrays for shapes, everything else as it is."""
    p, rng = PRIMITIVES[name], np.random.default_rng(seed)
    if isinstance(p, Elementwise) and p.kind in ("integer", "whole"):
        return [rng.integers(0, 9, shape) for shape in example.arguments]
    if isinstance(p, Elementwise):
        return [np.asarray(a, dtype) for a in arrays_for(p, rng, example.arguments, example.params)]
    return [np.asarray(drawn(a, rng), dtype) if isinstance(a, tuple) else a for a in example.arguments]


def is_float(x: Any) -> bool:
    return isinstance(x, np.ndarray) and x.dtype.kind == "f"


def differentiable(p: Primitive, args: list[Any]) -> list[int]:
    """Positions of the float arguments that have a rule."""
    return [i for i, a in enumerate(args) if is_float(a) and p.rule_of(i) is not None]


def recorded(p: Primitive, args: list[Any], params: dict[str, Any]) -> tuple[list[Any], list[Any]]:
    """Leaves for the differentiable arguments, and the results of the call as a list."""
    wanted = differentiable(p, args)
    leaves = [tg.tensor(a, requires_grad=i in wanted) if isinstance(a, np.ndarray) else a for i, a in enumerate(args)]
    made = p(*leaves, **params)
    results = list(made) if isinstance(made, tuple) else [made]
    return [leaves[i] for i in wanted], [y for y in results if y.requires_grad and y.is_floating_point()]


def raw(p: Primitive, args: list[Any], params: dict[str, Any]) -> list[Any]:
    """The results of the forward function."""
    with np.errstate(all="ignore"):
        made = p(*args, **params)
    return list(made) if isinstance(made, tuple) else [made]


def cases(name: str, seed: int, dtype: str = "float64") -> Iterator[tuple[Primitive, list[Any], dict[str, Any]]]:
    """All examples of a primitive that has a derivative for one of its arguments."""
    for example in examples_of(name):
        args = build(name, example, seed, dtype)
        if differentiable(PRIMITIVES[name], args):
            yield PRIMITIVES[name], args, example.params


def random_like(tensors: list[Any], seed: int) -> list[Any]:
    rng = np.random.default_rng(seed)
    return [tg.tensor(np.asarray(rng.standard_normal(y.shape)).astype(y.dtype)) for y in tensors]


# ---- completeness --------------------------------------------------------------------------------------------------------


def test_every_argument_has_a_rule_or_an_explicit_none() -> None:
    check_registry()
    assert {name: PRIMITIVES[name].missing_rules() for name in NAMES if PRIMITIVES[name].missing_rules()} == {}


@pytest.mark.parametrize("name", CALLED)
def test_there_are_examples(name: str) -> None:
    assert examples_of(name), f"state at least one call of {name} in tests/examples_of_primitives.py"


# ---- derivatives ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CALLED)
@few
@given(seed=seeds)
def test_vjp_is_the_transpose_of_the_numeric_jacobian_twice(name: str, seed: int) -> None:
    for p, args, params in cases(name, seed):
        wanted = differentiable(p, args)

        def f(*chosen: Any, p: Primitive = p, args: list[Any] = args, params: dict[str, Any] = params, wanted: list[int] = wanted) -> Any:
            given_args = list(args)
            for i, x in zip(wanted, chosen, strict=True):
                given_args[i] = x
            return p(*given_args, **params)

        if params.get("dtype", np.float64) == np.float64:  # other casts round, so that their numeric derivative is a step
            gradcheck(f, tuple([tg.tensor(args[i]) for i in wanted]), seed=seed)


@pytest.mark.parametrize("name", CALLED)
@few
@given(seed=seeds)
def test_vjp_is_linear_in_the_cotangent(name: str, seed: int) -> None:
    for p, args, params in cases(name, seed):
        leaves, ys = recorded(p, args, params)
        a, b = random_like(ys, seed), random_like(ys, seed + 1)
        both = [3.0 * u - v for u, v in zip(a, b, strict=True)]
        if ys:
            of = [tg.autograd.grad(ys, leaves, g, retain_graph=True) for g in (a, b, both)]
            exact = 1e-9 if ys[0].dtype == np.float64 else 1e-5  # cast goes through float32
            for x, y, z in zip(*of, strict=True):
                np.testing.assert_allclose(z.numpy(), 3.0 * x.numpy() - y.numpy(), rtol=exact, atol=exact)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("name", CALLED)
def test_results_and_gradients_keep_shape_and_dtype(name: str, dtype: str) -> None:
    for example in examples_of(name):
        p, args = PRIMITIVES[name], build(name, example, 0, dtype)
        if name != "cast" and any(map(is_float, args)):
            for y in raw(p, args, example.params):
                assert y.dtype == dtype or y.dtype.kind != "f", f"forward gives {y.dtype}"
    for p, args, params in cases(name, 0, dtype):
        leaves, ys = recorded(p, args, params)
        assert all(name == "cast" or y.dtype == dtype for y in ys)
        weights = [tg.tensor(g, requires_grad=True) for g in random_like(ys, 1)]
        for create_graph in (False, True):
            grads = tg.autograd.grad(ys, leaves, weights, retain_graph=True, create_graph=create_graph) if ys else ()
            assert [(g.shape, g.dtype) for g in grads] == [(x.shape, x.dtype) for x in leaves][: len(grads)]
        again = [g for g in grads if g.requires_grad]
        seconds = tg.autograd.grad(again, leaves + weights, random_like(again, 2), allow_unused=True) if again else ()
        for second, x in zip(seconds, leaves + weights, strict=bool(again)):
            assert second is None or (second.shape, second.dtype) == (x.shape, x.dtype)


@pytest.mark.parametrize("name", CALLED)
@few
@given(seed=seeds)
def test_both_modes_of_backward_agree(name: str, seed: int) -> None:
    for p, args, params in cases(name, seed):
        leaves, ys = recorded(p, args, params)
        weights = random_like(ys, seed)
        if ys:
            plain = tg.autograd.grad(ys, leaves, weights, retain_graph=True)
            graph = tg.autograd.grad(ys, leaves, weights, create_graph=True)
            for a, b in zip(plain, graph, strict=True):
                np.testing.assert_allclose(a.numpy(), b.detach().numpy(), rtol=1e-13, atol=1e-13)


# ---- arrays in, arrays out -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CALLED)
def test_forward_gives_arrays_of_arrays_and_tensors_of_tensors(name: str) -> None:
    p = PRIMITIVES[name]
    for example in examples_of(name):
        args = build(name, example, 0)
        plain = raw(p, args, example.params)
        assert all(isinstance(y, np.ndarray | np.generic) for y in plain)
        if not args or name == "draw_p":
            continue
        made = p(*[tg.tensor(a) if isinstance(a, np.ndarray) else a for a in args], **example.params)
        results = list(made) if isinstance(made, tuple) else [made]
        for y, z in zip(plain, results, strict=True):
            assert type(z) is tg.Tensor
            assert z.array.dtype == y.dtype
            np.testing.assert_array_equal(z.numpy(), y)


@pytest.mark.parametrize("name", CALLED)
def test_only_views_share_memory_with_an_argument(name: str) -> None:
    p = PRIMITIVES[name]
    for example in examples_of(name):
        args = build(name, example, 0)
        for y, a in itertools.product(raw(p, args, example.params), args):
            if isinstance(a, np.ndarray) and np.may_share_memory(y, a):
                assert name in SHARES_MEMORY or (p.view and a is args[0]), "declare it view=True, or copy: in-place writes would go astray"


def rule_call(p: Primitive, position: int, g: Any, args: list[Any], out: Any, params: dict[str, Any]) -> tuple[Any, list[Any]]:
    """What the rule of one argument gives, and all it was given that the call has saved, resolved by name independently of the engine."""
    fixed = len(p.arguments)
    known = {**dict(zip(p.arguments, args, strict=False)), **params, "out": out, "position": position - fixed}
    if p.tail:
        known[p.tail] = tuple(args[fixed:])
    for argument, a in [*zip(p.arguments, args, strict=False), (p.tail, args[position])]:
        known[f"{argument}_shape"], known[f"{argument}_dtype"] = np.shape(a), getattr(a, "dtype", None)
    known.update(zip(p.results, out, strict=True) if p.results else ())
    with np.errstate(all="ignore"):
        for name, function in p.shared.items():
            known[name] = function(g, *[known[n] for n in _asked(function)])
        rule = p.rule_of(position)
        assert rule is not None
        names = _asked(rule)
        return rule(g, *[known[n] for n in names]), [known[n] for n in names if n not in p.shared]


def _asked(rule: Callable[..., Any]) -> list[str]:
    return list(inspect.signature(rule).parameters)[1:]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", CALLED)
def test_rules_on_arrays_give_arrays_that_are_nobody_elses(name: str, dtype: str) -> None:
    for p, args, params in cases(name, 0, dtype):
        results = raw(p, args, params)
        out: Any = tuple(results) if p.outputs else results[0]
        rng = np.random.default_rng(1)
        cotangents = [np.asarray(rng.standard_normal(np.shape(y)), dtype) for y in results]
        if not all(y.dtype.kind == "f" for y in results):
            continue
        g: Any = tuple(cotangents) if p.outputs else cotangents[0]
        for i in differentiable(p, args):
            part, asked = rule_call(p, i, g, args, out, params)
            assert isinstance(part, np.ndarray | np.generic), f"the rule of {i} gives {type(part)}"
            assert part.dtype == dtype or name == "cast", f"the rule of {i} gives {part.dtype}"
            assert not any(part is a for a in asked), "the walk adds to what a rule gives: it must not be what was saved"
            for kept, before in zip(asked, rule_call(p, i, g, args, out, params)[1], strict=True):
                np.testing.assert_array_equal(kept, before) if isinstance(kept, np.ndarray) else None


def test_rules_do_not_write_into_what_they_are_given() -> None:
    for name in CALLED:
        for p, args, params in cases(name, 0):
            results = raw(p, args, params)
            if not all(y.dtype.kind == "f" for y in results):
                continue
            out: Any = tuple(results) if p.outputs else results[0]
            g: Any = tuple([np.ones_like(y) for y in results]) if p.outputs else np.ones_like(results[0])
            given_arrays = [x for x in [*args, *results, *(g if p.outputs else [g])] if isinstance(x, np.ndarray)]
            before = [x.copy() for x in given_arrays]
            for i in differentiable(p, args):
                rule_call(p, i, g, args, out, params)
            for x, y in zip(given_arrays, before, strict=True):
                np.testing.assert_array_equal(x, y, err_msg=name)


@pytest.mark.parametrize("name", PIECES)
def test_gradients_of_straight_pieces_can_be_differentiated_again(name: str) -> None:
    for p, args, params in cases(name, 0) if name in PIECES else ():
        x = tg.tensor(args[0], requires_grad=True)
        (first,) = tg.autograd.grad(p(x, *map(tg.tensor, args[1:]), **params).sum(), x, create_graph=True)
        assert not tg.autograd.grad(first.sum(), x)[0].any()


@pytest.mark.parametrize("name", sorted({point.name for point in DECIDED}))
def test_decided_points(name: str) -> None:
    """Where there is a choice: the gradient that was chosen."""
    for point in DECIDED:
        if point.name == name:
            leaves = [tg.tensor(a, dtype=tg.float64, requires_grad=True) for a in point.arguments]
            y = PRIMITIVES[name](*leaves, **point.params)
            weight = tg.ones_like(y).requires_grad_()
            found = tg.autograd.grad(y, leaves, weight, create_graph=True, allow_unused=True)
            for g, want in zip(found, point.gradients, strict=True):
                assert g is None if want is None else np.array_equal(g.detach().numpy(), want)
                if g is not None and g.isfinite().all():  # linear in the cotangent, so its derivative in that direction is itself
                    (again,) = tg.autograd.grad(g.sum(), weight, materialize_grads=True)
                    np.testing.assert_allclose(again.sum().item(), g.sum().item(), rtol=1e-12)
    if name == "pow":  # x⁰ has slope 0 along x, but that slope changes with the exponent
        x, y = tg.tensor([2.0, 0.5], dtype=tg.float64, requires_grad=True), tg.zeros(2, dtype=tg.float64, requires_grad=True)
        (first,) = tg.autograd.grad(PRIMITIVES[name](x, y).sum(), x, create_graph=True)
        (mixed,) = tg.autograd.grad(first.sum(), y)
        assert mixed.tolist() == [0.5, 2.0]
    if name == "norm_2":
        x = tg.tensor([[0.0, 0.0], [3.0, 4.0], [0.0, 1.0]], dtype=tg.float64, requires_grad=True)
        v = tg.tensor([[0.3, -0.2], [0.5, 0.7], [1.1, -0.4]], dtype=tg.float64)
        for square in (lambda n: n**2, lambda n: n * n):
            (first,) = tg.autograd.grad(square(PRIMITIVES[name](x, dim=(1,), keepdim=False)).sum(), x, create_graph=True)
            (second,) = tg.autograd.grad(first, x, v)
            np.testing.assert_allclose(second.numpy(), 2.0 * v.numpy(), rtol=1e-12, atol=1e-12)


FORBIDDEN = {"np", "numpy", "array", "requires_grad", "data", "detach"}


def names_in(code: CodeType) -> Iterator[str]:
    """All names that a function's code looks up, with those of the functions inside of it."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from names_in(constant)


def helpers(rule: Callable[..., Any]) -> Iterator[FunctionType]:
    """The rule, and the private functions that it calls."""
    stack, seen = [rule], set()
    while stack:
        function = stack.pop()
        if isinstance(function, FunctionType) and function not in seen:
            seen.add(function)
            yield function
            found = [function.__globals__.get(name) for name in names_in(function.__code__) if name.startswith("_")]
            stack += [f for f in found if isinstance(f, FunctionType)]


@pytest.mark.parametrize("name", NAMES)
def test_rules_are_written_with_operators_and_functions_of_the_package(name: str) -> None:
    for argument, rule in PRIMITIVES[name].rules.items():
        for function in helpers(rule) if rule is not None else ():
            assert not FORBIDDEN & set(names_in(function.__code__)), f"{name}.{argument}: {function.__qualname__} would not be recorded"


# ---- laws of elementwise primitives --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [n for n in ELEMENTWISE if len(PRIMITIVES[n].arguments) > 1])
@few
@given(seed=seeds)
def test_broadcasting_commutes(name: str, seed: int) -> None:
    p = PRIMITIVES[name]
    for shapes in PAIRS if len(p.arguments) == 2 else TRIPLES:
        args = build(name, Example(shapes), seed)
        leaves, ys = recorded(p, args, {})
        if not ys:
            continue
        whole = [np.broadcast_to(a, ys[0].shape).copy() for a in args]
        wide, zs = recorded(p, whole, {})
        np.testing.assert_array_equal(ys[0].detach().numpy(), zs[0].detach().numpy())
        g = random_like(ys, seed)
        for x, a, b in zip(leaves, tg.autograd.grad(ys, leaves, g), tg.autograd.grad(zs, wide, g), strict=True):
            lead = b.ndim - x.ndim
            stretched = tuple([i for i in range(lead) if True] + [i for i in range(lead, b.ndim) if x.shape[i - lead] == 1 != b.shape[i]])
            np.testing.assert_allclose(a.numpy(), b.numpy().sum(stretched).reshape(x.shape), rtol=1e-12, atol=1e-12)


TENSORS_ONLY = {"pow", "sigmoid_grad", "binary_cross_entropy"}  # no public function passes them a number
SPECIAL = np.array([0.0, -0.0, 1.0, -1.0, 0.5, 3.0, np.inf, -np.inf, np.nan, 1e-310, -1e300, 1e300])


def at_special_points(p: Primitive) -> Iterator[tuple[tuple[Any, ...], list[Any]]]:
    """Arguments that hold all combinations of special values, as (arguments, leaves among them); also numbers beside a leaf."""
    count = len(p.arguments)
    grids = [a.ravel() for a in np.meshgrid(*[SPECIAL] * count)]
    leaves = [tg.tensor(a, requires_grad=True) for a in grids]
    yield tuple(leaves), leaves
    if isinstance(p, Binary) and p.name not in TENSORS_ONLY:
        for number in SPECIAL.tolist():
            x = tg.tensor(SPECIAL, requires_grad=True)
            yield (x, number), [x]
            yield (number, x), [x]


def is_exactly_zero(g: Any) -> bool:
    return g is None or bool((g.detach().numpy() == 0).all())


@pytest.mark.parametrize("name", [n for n in ELEMENTWISE if any(PRIMITIVES[n].rules.values())])
def test_strong_zero(name: str) -> None:
    p = PRIMITIVES[name]
    for params in {str(example.params): example.params for example in examples_of(name)}.values():
        for args, leaves in at_special_points(p):
            y = p(*args, **params)
            zeros, ones = tg.zeros_like(y), tg.ones_like(y)
            if not y.requires_grad:
                continue
            for x, g in zip(leaves, tg.autograd.grad(y, leaves, zeros, retain_graph=True, allow_unused=True), strict=True):
                assert is_exactly_zero(g), f"first order: {x} gets {g}"
            for weight, then in ((ones, zeros), (zeros, ones)):
                v = weight.clone().requires_grad_()
                firsts = tg.autograd.grad(y, leaves, v, create_graph=True, allow_unused=True)
                for h in [h for h in firsts if h is not None and h.requires_grad]:
                    towards = leaves if then is ones else [*leaves, v]
                    for g in tg.autograd.grad(h, towards, then, retain_graph=True, allow_unused=True):
                        assert is_exactly_zero(g), f"second order, cotangents {weight[0]} then {then[0]}: {args} get {g}"
