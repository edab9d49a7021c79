"""Random programs of views, in-place writes and operations: the gradient that the definition gives, or an error. Never another one."""

from __future__ import annotations

import warnings
from collections import Counter
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

import tinygrad_reg as tg
from tinygrad_reg.errors import InplaceError, TinygradRegError

from .inplace_actions import BECOMES, VIEWS, WRITES
from .inplace_runs import NAMES, Outcome, Step, Undefined, run, run_pure, told

torch = pytest.importorskip("torch")


def agree(got: Outcome, want: Outcome, who: str, steps: list[Step]) -> None:
    for what, a, b in (("value of tensor", got.values, want.values), ("gradient", got.gradients, want.gradients)):
        for i, (x, y) in enumerate(zip(a, b, strict=True)):
            np.testing.assert_allclose(x, y, rtol=1e-7, atol=1e-9, err_msg=f"{who}: {what} {i}, ACTUAL ours{told(steps)}")


def play(steps: list[Step], seed: int) -> str:
    """Run the program in ours, compare with the pure run and with torch's; says how it ended."""
    with warnings.catch_warnings():
        warnings.filterwarnings("error", module="torch")  # torch warns of what it will refuse
        theirs = run(torch, steps, seed)
    ours = run(tg, steps, seed)
    if ours.error is not None:
        layout = "without a copy" in str(ours.error)  # .view() of a result that torch lays out in another order
        expected = InplaceError if theirs.error is None and not layout else TinygradRegError
        assert isinstance(ours.error, expected), f"{ours.error!r}{told(steps)}"
        return f"ours refused {ours.refused}: {str(ours.error)[:60]}" if theirs.error is None else "both refused"
    try:
        agree(ours, run_pure(steps, seed, ours.shared), "the definition", steps)
    except Undefined:
        raise AssertionError(f"wrote to elements that are one place{told(steps)}") from None
    if theirs.error is not None:
        return f"torch refused {theirs.refused}"
    if ours.shared != theirs.shared:
        return "ours refused nothing: a view in one library is a copy in the other, by the order of elements in memory"
    agree(ours, theirs, "torch", steps)
    assert ours.flags == theirs.flags, f"requires_grad or is_leaf{told(steps)}"
    return "compared"


numbers = st.integers(0, 99)
steps_of = st.lists(st.tuples(st.sampled_from(NAMES), numbers, numbers, st.integers(0, 2**16)), min_size=1, max_size=9)


@settings(max_examples=settings.default.max_examples * 10 if settings.default else 500)
@given(steps=steps_of, seed=numbers)
def test_random_programs(steps: list[Step], seed: int) -> None:
    event(play(steps, seed).split(":")[0])


@pytest.mark.parametrize("view", [*VIEWS, *BECOMES])
def test_every_write_through_every_view(view: str) -> None:
    """view of x; write into the view, or into x; use all: one of four programs for each pair."""
    for k, write in enumerate(WRITES, len(view)):
        programs: list[list[Step]] = [
            [(view, 0, 0, k), (write, 5, 2, k), ("sin", 0, 0, 0)],
            [(view, 0, 0, k), (write, 0, 2, k), ("sin", 5, 0, 0)],
            [("square", 0, 0, 0), (view, 0, 0, k), (view, 6, 0, k), (write, 7, 2, k), ("mul", 0, 2, 0)],
            [(view, 3, 0, k), (write, 5, 0, k), ("square", 3, 0, 0)],
        ]
        play(programs[k % 4], 0)


def random_program(r: Random) -> list[Step]:
    return [(r.choice(NAMES), r.randrange(99), r.randrange(99), r.randrange(1 << 16)) for _ in range(r.randint(1, 7))]


def test_few_programs_that_torch_accepts_are_refused() -> None:
    """The tests above prove something only if few programs end in an error of ours."""
    r = Random(0)
    ends = Counter(play(random_program(r), seed) for seed in range(300))
    accepted = sum(count for end, count in ends.items() if not ("both" in end or "torch" in end))
    refused = sum(count for end, count in ends.items() if "ours" in end)
    assert accepted > 200
    assert refused <= 0.03 * accepted, ends.most_common()


MAKERS: dict[str, Any] = {
    "max_pool1d": lambda m, x: m.nn.MaxPool1d(2)(x[:, :, 0]),
    "max_pool2d": lambda m, x: m.nn.MaxPool2d(3, 1, 1)(x),
    "max_pool3d": lambda m, x: m.nn.MaxPool3d((1, 2, 2))(x),
    "max_pool2d with indices": lambda m, x: m.nn.MaxPool2d(2, return_indices=True)(x)[0],
    "adaptive_max_pool2d": lambda m, x: m.nn.AdaptiveMaxPool2d(3)(x),
    "layer_norm": lambda m, x: m.nn.LayerNorm(6, elementwise_affine=False)(x),
    "group_norm": lambda m, x: m.nn.GroupNorm(2, 4, affine=False)(x),
    "instance_norm": lambda m, x: m.nn.InstanceNorm2d(4)(x),
    "batch_norm": lambda m, x: m.nn.BatchNorm2d(4, affine=False).double()(x),
    "rms_norm": lambda m, x: m.nn.RMSNorm(6, elementwise_affine=False)(x),
    "logit": lambda m, x: m.logit(x.sigmoid()),
}
CHANGES: dict[str, Any] = {
    "relu_": lambda m, y: m.nn.ReLU(inplace=True)(y),
    "mul_": lambda m, y: y.mul_(y.detach() + 2.0),
    "a row": lambda m, y: y.__setitem__(0, 1.0),
    "through a view": lambda m, y: y.view(-1).add_(1.0),
    "a mask": lambda m, y: y.__setitem__(y > 0.5, 0.0),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("maker", MAKERS)
def test_results_that_torch_does_not_save_may_change(maker: str, change: str) -> None:
    data, weights = np.random.default_rng(0).standard_normal((2, 2, 4, 6, 6))[:, 0], np.random.default_rng(1).standard_normal(4 * 2 * 6 * 6)
    found = []
    for library in (torch, tg):
        x = library.tensor(data, requires_grad=True)
        y = MAKERS[maker](library, x)
        CHANGES[change](library, y)
        loss = (y.square().flatten() * library.tensor(weights)[: y.numel()]).sum()
        (first,) = library.autograd.grad(loss, x, create_graph=True)
        first.square().sum().backward()
        found.append([first.detach().numpy(), x.grad.numpy()])
    for theirs, ours in zip(*found, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-7, atol=1e-9)
