"""Connectionist temporal classification against the sum over all sequences, and what it refuses."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import tinygrad_reg as tg
from tinygrad_reg.errors import ArgumentError, DimensionError, DtypeError, ShapeError
from tinygrad_reg.nn.functional import ctc_loss
from tinygrad_reg.testing import gradcheck


def spelled(sequence: tuple[int, ...], blank: int) -> list[int]:
    """A sequence without repetitions and then without blanks."""
    return [c for c, _ in itertools.groupby(sequence) if c != blank]


def summed(probs: np.ndarray, target: list[int], blank: int) -> float:
    """-log of the probability of all sequences that spell the target."""
    times, classes = probs.shape
    ways = [s for s in itertools.product(range(classes), repeat=times) if spelled(s, blank) == target]
    return -np.log(np.sum([np.prod(probs[range(times), s]) for s in ways])) if ways else np.inf


def probabilities(times: int, count: int, classes: int) -> np.ndarray:
    drawn = np.random.default_rng(0).random((times, count, classes)) + 0.1
    return drawn / drawn.sum(-1, keepdims=True)


@pytest.mark.parametrize("blank", [0, 2])
@pytest.mark.parametrize("target", [[], [1], [1, 1], [1, 3], [3, 1, 3], [1, 1, 1]])
def test_is_the_sum_over_all_sequences(target: list[int], blank: int) -> None:
    for times in (1, 2, 4, 5):
        probs = probabilities(times, 1, 4)
        loss = ctc_loss(tg.tensor(probs).log(), tg.tensor([target], dtype=tg.int64).reshape(1, -1), [times], [len(target)], blank, "sum")
        np.testing.assert_allclose(loss.item(), summed(probs[:, 0], target, blank), rtol=1e-12)


@pytest.mark.parametrize("lengths", [[4, 4, 4], [4, 2, 3]])
def test_derivatives(lengths: list[int]) -> None:
    targets = tg.tensor([[1, 1], [2, 0], [3, 4]])
    gradcheck(lambda x: ctc_loss(tg.log_softmax(x, -1), targets, lengths, [2, 1, 2], reduction="none"), tg.randn(4, 3, 5, dtype=tg.float64))


def test_a_target_that_is_too_long_has_no_gradient() -> None:
    x = tg.tensor(probabilities(2, 2, 3)).log().requires_grad_()
    targets = tg.tensor([[1, 1], [2, 0]])
    assert ctc_loss(x, targets, [2, 2], [2, 1], reduction="none")[0].item() == np.inf
    (g,) = tg.autograd.grad(ctc_loss(x, targets, [2, 2], [2, 1], reduction="sum", zero_infinity=True), x)
    assert (g[:, 0] == 0).all()
    assert (g[:, 1] != 0).any()


def test_classes_that_cannot_be() -> None:
    """log 0 on all ways but one."""
    x = tg.tensor([[0.0, 1.0], [1.0, 0.0]]).log().unsqueeze(1).requires_grad_()
    loss = ctc_loss(x, tg.tensor([[1]]), [2], [1])
    loss.backward()
    assert loss.item() == 0
    assert x.grad is not None
    assert x.grad.squeeze(1).tolist() == [[0, -1], [-1, 0]]


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"log_probs": tg.zeros(4)}, ShapeError, r"log_probs must be floats \(t, n, classes\)"),
        ({"log_probs": tg.zeros(4, 2, 3, dtype=tg.int64)}, ShapeError, "log_probs must be floats"),
        ({"input_lengths": [4]}, ShapeError, "2 sequences need as many input_lengths, got 1"),
        ({"input_lengths": [4, 5]}, ArgumentError, r"input_lengths must be from 0 to 4, got \[4, 5\]"),
        ({"target_lengths": [3, 1]}, ArgumentError, "target_lengths must be from 0 to 2"),
        ({"target_lengths": [1.5, 1]}, DtypeError, "target_lengths must be integers, got float64"),
        ({"targets": tg.tensor([1, 2, 1])}, ShapeError, r"or all 2 labels that target_lengths names in a row, got \(3,\)"),
        ({"targets": tg.tensor([[1, 3], [1, 1]]), "target_lengths": [2, 1]}, DimensionError, "targets must be from 0 to 2"),
        ({"targets": tg.ones(2, 2)}, DtypeError, "targets must be integers"),
        ({"blank": 3}, ArgumentError, "blank must be one of the 3 classes, got 3"),
        ({"reduction": "average"}, ArgumentError, "reduction must be"),
    ],
)
def test_refuses(change: dict[str, Any], error: type[Exception], message: str) -> None:
    arguments = {"log_probs": tg.zeros(4, 2, 3), "targets": tg.tensor([[1, 2], [1, 1]]), "input_lengths": [4, 3], "target_lengths": [1, 1]}
    with pytest.raises(error, match=message):
        ctc_loss(**(arguments | change))


@pytest.mark.parametrize("in_a_row", [False, True])
def test_a_compiled_step_follows_other_targets_and_refuses_those_that_eager_refuses(in_a_row: bool) -> None:
    x = tg.tensor(probabilities(5, 2, 4)).log().requires_grad_()

    def function(targets: Any, given: Any) -> Any:
        x.grad = None
        loss = ctc_loss(x, targets, given, [2, 1])
        loss.backward()
        return loss.detach(), x.grad.clone()

    step = tg.compile(function)
    for labels in ([1, 2, 3], [1, 2, 3], [1, 1, 3], [3, 2, 2], [2, 2, 1]):
        targets = tg.tensor(labels if in_a_row else [labels[:2], [labels[2], 9]])
        for found, expected in zip(step(targets, [5, 4]), function(targets, [5, 4]), strict=True):
            np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=1e-12)
    assert "replayed 3 times" in step.explain()
    with pytest.raises(DimensionError, match="targets must be from 0 to 3, got values from 1 to 4"):
        step(tg.tensor([1, 4, 1] if in_a_row else [[1, 4], [1, 9]]), [5, 4])


def test_a_compiled_step_runs_eagerly_and_sees_other_lengths() -> None:
    step = tg.compile(lambda x, given: ctc_loss(x, tg.tensor([[1, 2]]), given, [1]))
    x = tg.tensor(probabilities(4, 1, 3)).log()
    with pytest.warns(UserWarning, match="runs eagerly, since ctc_loss goes through time by lengths"):
        got = [step(x, tg.tensor([n])).item() for n in (4, 3, 2, 1, 4, 3)]
    assert got == [ctc_loss(x, tg.tensor([[1, 2]]), [n], [1]).item() for n in (4, 3, 2, 1, 4, 3)]
