"""Where values are: places that do not overlap, memory taken over or lent, windows that are made again."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_reg as tg
from tinygrad_reg import nn
from tinygrad_reg.compiler.backends.c.layout import Uses, assign_places
from tinygrad_reg.compiler.backends.c.memory import Storage
from tinygrad_reg.compiler.numpy_ops import ADD_SET, GETITEM, SET, TRANSPOSED, reduce_op, ufunc_op

from .building import Built, same

DTYPES = [np.dtype(name) for name in ("float32", "float64", "int8")]


@st.composite
def kernels(draw: Any) -> tuple[list[list[Storage]], list[Uses], list[Storage], list[Storage]]:
    """What each kernel touches and may take over; the workspace; lenders."""
    workspace, lenders = (
        [Storage(draw(st.sampled_from(DTYPES)), draw(st.integers(0, 200)), f"{name}{i}") for i in range(draw(st.integers(0, 8)))]
        for name in "wl"
    )
    storages = st.lists(st.sampled_from([*workspace, *lenders]), max_size=4, unique=True) if workspace or lenders else st.just([])
    touched = draw(st.lists(storages, max_size=10))
    uses = []
    for held in touched:
        pairs = [(new, old) for new in held for old in held if new is not old and new.dtype == old.dtype]
        uses.append(Uses(held, [pair for pair in pairs if draw(st.booleans())]))
    return touched, uses, workspace, lenders


@given(kernels())
def test_what_is_in_use_at_the_same_time_does_not_overlap(drawn: Any) -> None:
    touched, uses, workspace, lenders = drawn
    places, size = assign_places(uses, workspace, lenders)
    when = {s: [i for i, held in enumerate(touched) if s in held] for s in (*workspace, *lenders)}
    pairs = {(i, *pair) for i, use in enumerate(uses) for pair in use.takeovers}
    assert set(places) == {s for s in workspace if when[s]}
    for s, (lender, offset) in places.items():
        assert offset % s.dtype.itemsize == 0
        if lender is None:
            assert offset + s.nbytes <= size
            continue
        assert offset + s.nbytes <= lender.nbytes
        assert s.dtype.itemsize <= lender.dtype.itemsize
        assert when[s][-1] < when[lender][0]
    for s, here in places.items():
        for t, there in places.items():
            apart = here.lender is not there.lender or here.offset + s.nbytes <= there.offset or there.offset + t.nbytes <= here.offset
            if s is t or apart or not s.nbytes or not t.nbytes:
                continue
            begin, end = when[s][0], when[t][-1]
            assert (
                end < begin
                or when[s][-1] < when[t][0]
                or (end == begin and (begin, s, t) in pairs)
                or (when[s][-1] == when[t][0] and (when[t][0], t, s) in pairs)
            )


def test_an_update_takes_over_its_base_only_where_nothing_else_needs_it() -> None:
    """Every value but the last is read: afterwards, by the update itself, or by nobody."""
    built = Built()
    x = built.array(np.random.default_rng(0).standard_normal((40, 30)).astype(np.float32))
    base = built.call(ufunc_op(np.exp), built.call(TRANSPOSED, x))
    first = built.call(SET, base, 1.5, index=(slice(3, 9),))
    second = built.call(ADD_SET, first, built.call(GETITEM, first, index=(slice(0, 5),)), index=(slice(2, 7),))
    third = built.call(ADD_SET, second, built.call(GETITEM, base, index=(slice(0, 5),)), index=(slice(4, 9),))
    fourth = built.call(SET, third, 0.25, index=(slice(None), slice(4, 9)))
    total = built.call(reduce_op(np.add), built.call(ufunc_op(np.multiply), fourth, second), axis=1, keepdims=False)
    for expected, found in built.both(total, fourth):
        np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_a_loop_does_not_store_over_what_it_reads_elsewhere() -> None:
    built = Built()
    x = built.array(np.random.default_rng(0).standard_normal((24, 24)))
    totals = [x]
    for _ in range(4):  # a sum forces each value into memory; the next loop reads it in two ways
        value = built.call(ufunc_op(np.multiply), totals[-1], 0.5)
        scale = built.call(reduce_op(np.maximum), value, axis=None, keepdims=False)
        turned = built.call(ufunc_op(np.add), value, built.call(TRANSPOSED, value))
        totals.append(built.call(ufunc_op(np.subtract), turned, scale))
    [(expected, found)] = built.both(totals[-1])
    assert same(expected, found)


def workspace(step: Any) -> int:
    [found] = re.findall(r"([\d,]+) bytes of workspace", step.explain())
    return int(found.replace(",", ""))


def trained(*layers: Any, x: Any) -> Any:
    """The compiled step of a classifier, whose gradients are those of eager."""
    model = tg.nn.Sequential(*layers)
    y = tg.randint(0, 5, (len(x),))

    def step(x: Any) -> Any:
        model.zero_grad()
        loss = tg.nn.functional.cross_entropy(model(x), y)
        loss.backward()
        return loss

    step(x)
    expected = [p.grad for p in model.parameters()]
    compiled = tg.compile(step)
    for _ in range(4):
        compiled(x)
    for p, wanted in zip(model.parameters(), expected, strict=True):
        np.testing.assert_allclose(p.grad.numpy(), wanted.numpy(), rtol=1e-4, atol=1e-6)
    return compiled


def test_activations_are_held_in_the_memory_of_gradients() -> None:
    n, width = 64, 256
    step = trained(nn.Linear(width, width), nn.Tanh(), nn.Linear(width, width), nn.Tanh(), nn.Linear(width, 5), x=tg.randn(n, width))
    assert workspace(step) < 2 * n * width * 4, "of six arrays of this size"


def test_windows_are_made_again_for_the_way_back() -> None:
    layers = nn.Conv2d(3, 4, 5), nn.Tanh(), nn.Conv2d(4, 4, 5), nn.Tanh(), nn.Flatten(), nn.Linear(4 * 12 * 12, 5)
    step = trained(*layers, x=tg.randn(4, 3, 20, 20))
    first, second = (4 * channels * 25 * side**2 * 4 for channels, side in ((3, 16), (4, 12)))
    assert workspace(step) < first + second
