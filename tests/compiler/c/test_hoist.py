"""Views taken before what they look at is computed: equal in every bit, never more elements, and only where it pays."""

from __future__ import annotations

from contextlib import nullcontext
from math import prod
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_reg as tg
from tinygrad_reg.compiler.backends.c import expressions, hoist
from tinygrad_reg.compiler.backends.interpreter import build as interpret
from tinygrad_reg.compiler.numpy_ops import (
    BROADCAST,
    CAST,
    CONCATENATE,
    COPY,
    GETITEM,
    JOIN,
    RAVEL,
    RESHAPE,
    TRANSPOSED,
    WHERE,
    reduce_op,
    ufunc_op,
)
from tinygrad_reg.compiler.passes import SIMPLIFY, optimize
from tinygrad_reg.compiler.program import Program, Var

from .building import Built, same

ADD, MULTIPLY, SUM, EXP, TANH = ufunc_op(np.add), ufunc_op(np.multiply), reduce_op(np.add), ufunc_op(np.exp), ufunc_op(np.tanh)
EXAMPLES = max(25, settings.default.max_examples // 4)


def computed(program: Program) -> int:
    """How many elements are computed."""
    return sum(prod(e.outputs[0].shape) for e in program.equations if expressions.known(e))


def shapes(program: Program, op: Any) -> list[tuple[int, ...]]:
    """What the results of an operation look like."""
    return [e.outputs[0].shape for e in program.equations if e.primitive is op]


def hoisted(built: Built, *results: Var) -> Program:
    return hoist.views_first(optimize(built.program(*results), SIMPLIFY))


# ---- drawn programs --------------------------------------------------------------------------------------------------


@st.composite
def slices(draw: Any, shape: tuple[int, ...]) -> tuple[Any, ...]:
    """An index of a view."""
    items: list[Any] = []
    for n in shape:
        kind = draw(st.integers(0, 4))
        if kind == 0 and n:
            items.append(draw(st.integers(-n, n - 1)))
        else:
            a, b = sorted((draw(st.integers(0, n)), draw(st.integers(0, n))))
            items.append(slice(None) if kind == 1 else slice(a, b, draw(st.sampled_from([None, 1, 2]))))
    if draw(st.booleans()):
        items.insert(draw(st.integers(0, len(items))), None)
    return (*items, ...)


@st.composite
def programs(draw: Any) -> tuple[Built, list[Var]]:
    """Calls on small arrays of whole numbers, whose sums are exact; some of the values are results."""
    built = Built()
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    shape = tuple(draw(st.lists(st.sampled_from([0, 1, 2, 3, 4, 16]), min_size=1, max_size=3)))
    dtype = draw(st.sampled_from(["float32", "float64", "int32", "int8", "bool"]))
    values: list[Var] = []

    def array(shape: tuple[int, ...]) -> Var:
        made = rng.integers(-4, 5, shape).astype(dtype)
        made = np.asfortranarray(made) if draw(st.booleans()) else made
        values.append(built.constant(made) if draw(st.integers(0, 4)) == 0 else built.array(made))
        return values[-1]

    array(shape), array(shape)
    for _ in range(draw(st.integers(3, 14))):
        x = values[-draw(st.integers(1, min(4, len(values))))]
        kind = draw(st.integers(0, 10))
        if kind <= 3:
            others = [y for y in values if y.shape == x.shape] + ([array(x.shape[1:])] if x.shape and draw(st.booleans()) else [])
            op = draw(st.sampled_from([ADD, MULTIPLY, ufunc_op(np.maximum), ufunc_op(np.less)]))
            made = built.call(op, *draw(st.permutations([x, draw(st.sampled_from(others))])))
        elif kind == 4:
            condition = built.call(ufunc_op(np.not_equal), x, values[-1] if values[-1].shape == x.shape else x)
            made = built.call(WHERE, condition, x, built.call(COPY, x))
        elif kind == 5:
            made = built.call(CAST, x, dtype=np.dtype(draw(st.sampled_from(["float32", "float64", "int32"]))))
        elif kind == 6:
            made = built.call(GETITEM, x, index=draw(slices(x.shape)))
        elif kind == 7:
            made = built.call(draw(st.sampled_from([TRANSPOSED, RAVEL])), x)
        elif kind == 8:
            made = built.call(RESHAPE, x, shape=tuple(draw(st.sampled_from([(prod(x.shape),), x.shape[::-1], (1, *x.shape)]))))
        elif kind == 9 and x.shape:
            parts = [y for y in values if y.shape == x.shape and y.dtype == x.dtype]
            flat = built.call(JOIN, *parts)
            size = prod(x.shape)
            start = size * draw(st.integers(0, len(parts) - 1))
            values.append(built.call(CONCATENATE, *parts, axis=draw(st.integers(0, len(x.shape) - 1))))
            made = built.call(GETITEM, flat, index=slice(start, start + size))
        else:
            made = built.call(SUM, x, axis=0 if x.shape else None) if draw(st.booleans()) else built.call(BROADCAST, x, shape=(2, *x.shape))
        values.append(made)
    found = [var for e in built.equations for var in e.outputs]
    return built, draw(st.lists(st.sampled_from(found), min_size=1, max_size=4, unique=True))


def everything_pays() -> Any:
    """What is right does not depend on what pays."""
    return patch.object(hoist._Hoist, "_pays", lambda *_: True)


@given(programs())
def test_drawn_programs_give_the_same_and_compute_no_more(drawn: tuple[Built, list[Var]]) -> None:
    built, results = drawn
    before = optimize(built.program(*results), SIMPLIFY)
    with everything_pays():
        after = hoist.views_first(before)
    assert computed(after) <= computed(before)
    arrays = list(built.inputs.values())
    (expected, _), (found, _) = (interpret(program).run(arrays, [], []) for program in (before, after))
    assert all(same(a, b) for a, b in zip(expected, found, strict=True))


@given(programs(), st.booleans())
@settings(max_examples=EXAMPLES)
def test_drawn_programs_as_c(drawn: tuple[Built, list[Var]], whether_it_pays_or_not: bool) -> None:
    built, results = drawn
    with everything_pays() if whether_it_pays_or_not else nullcontext():
        assert all(same(expected, found) for expected, found in built.both(*results))


# ---- what is moved, and what is not ----------------------------------------------------------------------------------


def gates(width: int, op: Any = TANH, parts: int = 4) -> tuple[Built, Program]:
    """Parts of op(x + y), each used in a loop of its own shape."""
    built = Built()
    x, y = (built.array(np.random.default_rng(i).integers(-3, 4, (32, parts * width)).astype(np.float32)) for i in range(2))
    made = built.call(op, built.call(ADD, x, y)) if op is not ADD else built.call(ADD, x, y)
    taken = [built.call(GETITEM, made, index=(slice(None), slice(i * width, (i + 1) * width))) for i in range(parts)]
    total = taken[0]
    for part in taken[1:]:
        total = built.call(MULTIPLY, total, part)
    return built, hoisted(built, total)


def test_parts_are_computed_where_they_are_read() -> None:
    built, program = gates(16)
    assert shapes(program, TANH) == shapes(program, ADD) == [(32, 16)] * 4
    [(expected, found)] = built.both(built.equations[-1].outputs[0])
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("width", "op", "parts"),
    [(20, TANH, 4), (8, TANH, 4), (4, ADD, 4), (16, TANH, 9)],
    ids=["a rest that fills no vector", "half a vector", "short rows", "many parts"],
)
def test_the_whole_stays_where_parts_would_be_slow(width: int, op: Any, parts: int) -> None:
    _, program = gates(width, op, parts)
    assert shapes(program, op) == [(32, parts * width)]


def test_cheap_parts_need_no_whole_vectors() -> None:
    _, program = gates(20, ADD)
    assert shapes(program, ADD) == [(32, 20)] * 4


def test_only_cheap_values_of_one_array_are_computed_in_another_order() -> None:
    built = Built()
    x, y, z = (
        built.array(np.random.default_rng(i).integers(-3, 4, shape).astype(np.float32)) for i, shape in enumerate(((9, 7), (9, 7), (7, 9)))
    )
    for turned in (built.call(ADD, x, 1.5), built.call(ADD, x, y), built.call(EXP, x)):
        built.call(MULTIPLY, built.call(TRANSPOSED, turned), z)
    results = [e.outputs[0] for e in built.equations if e.primitive is MULTIPLY]
    program = hoisted(built, *results)
    assert sorted(shapes(program, ADD)) == [(7, 9), (9, 7)]
    assert shapes(program, EXP) == [(9, 7)]
    for expected, found in built.both(*results):
        np.testing.assert_allclose(found, expected, rtol=1e-6)


def overlapping(built: Built, x: Var) -> list[Var]:
    made = built.call(TANH, x)
    taken = [built.call(GETITEM, made, index=slice(i, i + 48)) for i in (0, 16)]
    return [built.call(MULTIPLY, *taken)]


def a_part_is_the_result(built: Built, x: Var) -> list[Var]:
    made = built.call(TANH, x)
    return [built.call(GETITEM, made, index=slice(0, 32)), built.call(MULTIPLY, built.call(GETITEM, made, index=slice(32, 64)), 2.0)]


def the_whole_is_the_result(built: Built, x: Var) -> list[Var]:
    made = built.call(TANH, x)
    return [made, built.call(MULTIPLY, built.call(GETITEM, made, index=slice(0, 32)), 2.0)]


def somebody_sums_it(built: Built, x: Var) -> list[Var]:
    made = built.call(TANH, x)
    return [built.call(SUM, made, axis=0), built.call(MULTIPLY, built.call(GETITEM, made, index=slice(0, 32)), 2.0)]


def a_loop_has_what_it_needs(built: Built, x: Var) -> list[Var]:
    before = built.call(ADD, x, 1.0)
    made = built.call(TANH, before)
    return [built.call(SUM, before, axis=0), built.call(MULTIPLY, *(built.call(GETITEM, made, index=slice(i, i + 32)) for i in (0, 32)))]


def what_it_is_made_from_stays(built: Built, x: Var) -> list[Var]:
    made = built.call(TANH, built.call(RESHAPE, x, shape=(2, 32)))
    doubled = built.call(MULTIPLY, made, 2.0)
    return [built.call(MULTIPLY, *(built.call(GETITEM, doubled, index=(slice(None), slice(i, i + 9))) for i in (0, 9)))]


STAYS = [
    overlapping,
    a_part_is_the_result,
    the_whole_is_the_result,
    somebody_sums_it,
    a_loop_has_what_it_needs,
    what_it_is_made_from_stays,
]


@pytest.mark.parametrize("example", STAYS)
def test_the_whole_stays_if(example: Any) -> None:
    built = Built()
    results = example(built, built.array(np.random.default_rng(0).standard_normal(64).astype(np.float32)))
    program = hoisted(built, *results)
    assert program.equations == optimize(built.program(*results), SIMPLIFY).equations, "nothing moved"
    for expected, found in built.both(*results):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_constants_are_not_stored_repeated() -> None:
    built = Built()
    x = built.call(BROADCAST, built.array(np.random.default_rng(0).standard_normal(64).astype(np.float32)), shape=(8, 64))
    made = built.call(TANH, built.call(MULTIPLY, x, built.constant(np.arange(64, dtype=np.float32))))
    result = built.call(MULTIPLY, *(built.call(GETITEM, made, index=slice(i, i + 4)) for i in (0, 4)))
    assert [c.size for c in hoisted(built, result).constants.values()] == [64]


def test_a_part_of_a_join_needs_no_join() -> None:
    built = Built()
    x, y = (built.array(np.random.default_rng(i).integers(-3, 4, (4, 5)).astype(np.float32)) for i in range(2))
    flat = built.call(JOIN, built.call(TRANSPOSED, x), y)
    parts = [built.call(GETITEM, flat, index=slice(*where)) for where in ((0, 20), (20, 40), (20, 39))]
    results = [built.call(ADD, part, 1) for part in parts[:2]]
    program = hoisted(built, *results)
    assert [len(e.inputs) for e in program.equations if e.primitive is JOIN] == [2], "what is turned has to be copied"
    assert [e.inputs[0] for e in program.equations if e.primitive is GETITEM] == [flat]
    assert [e.inputs[0] for e in program.equations if e.primitive is RESHAPE] == [y]
    assert all(same(expected, found) for expected, found in built.both(*results, parts[2]))


def test_a_state_that_is_taken_apart_and_written() -> None:
    """A gated cell whose state is kept from call to call, with its gradients."""
    rng = np.random.default_rng(0)
    start, data = (rng.standard_normal(shape).astype(np.float32) for shape in ((8, 32), (5, 8, 128)))

    def run(compiled: bool) -> list[Any]:
        weight, state = tg.tensor(data[0] / 4, requires_grad=True), tg.tensor(start.copy())

        def step(x: Any) -> Any:
            weight.grad = None
            i, f, g, o = (x * weight).chunk(4, -1)
            cell = f.sigmoid() * state + i.sigmoid() * g.tanh()
            loss = (o.sigmoid() * cell.tanh()).square().mean()
            loss.backward()
            state.copy_(cell.detach())
            return loss

        call = tg.compile(step, backend="c") if compiled else step
        found = []
        for x in data:
            loss = call(tg.tensor(x))
            found += [loss.detach().numpy().copy(), weight.grad.numpy().copy(), state.numpy().copy()]
        return found

    for expected, found in zip(run(False), run(True), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)
