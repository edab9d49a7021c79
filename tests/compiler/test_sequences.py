"""Sequences and bags of unequal sizes: compiled where their sizes are known without a look at values, else eager and never frozen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import tinygrad_reg as tg
from tinygrad_reg import nn
from tinygrad_reg.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, unpad_sequence

from .regression import close
from .test_dynamic import BACKENDS


def training(kind: Any, lengths: Callable[[int], Any], is_sorted: bool) -> tuple[Callable[..., Any], Callable[[int], Any]]:
    """A step of a recurrent network on packed sequences, and a call of it with the lengths of the i-th batch."""
    tg.manual_seed(0)
    net = kind(3, 4, bidirectional=True)
    optimizer = tg.optim.SGD(net.parameters(), lr=0.1)

    def step(x: Any, lengths: Any) -> Any:
        optimizer.zero_grad()
        out, _ = net(pack_padded_sequence(x, lengths, enforce_sorted=is_sorted))
        padded, counted = pad_packed_sequence(out)
        loss = (padded.square().sum((0, 2)) / counted).sum()
        loss.backward()
        optimizer.step()
        return loss.detach(), counted

    return step, lambda i: (tg.full((5, 3, 3), 0.1 * i), lengths(i))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("is_sorted", [True, False])
@pytest.mark.parametrize("kind", [nn.RNN, nn.LSTM, nn.GRU])
def test_packed_sequences_are_compiled_for_lengths_that_are_numbers(kind: Any, is_sorted: bool, backend: str) -> None:
    runs = []
    for compiled in (False, True):
        step, arguments = training(
            kind, lambda i: [[5, 3, 3], [4, 4, 1]][i // 4] if is_sorted else [[3, 5, 3], [1, 4, 4]][i // 4], is_sorted
        )
        call = tg.compile(step, backend=backend) if compiled else step
        runs.append([call(*arguments(i)) for i in range(8)])
    assert close(*runs, 1e-4)
    assert call.traces == 2  # type: ignore[attr-defined]
    assert call.explain().count("replayed 2 times") == 2  # type: ignore[attr-defined]


def test_lengths_in_a_tensor_decide_shapes_and_make_the_step_run_eagerly() -> None:
    runs = []
    for compiled in (False, True):
        step, arguments = training(nn.LSTM, lambda i: tg.tensor([[5, 3, 3], [5, 4, 1]][i % 2]), True)
        call = tg.compile(step, backend="numpy_source") if compiled else step
        if compiled:
            with pytest.warns(
                UserWarning, match=r"lengths of sequences are values of a tensor.*; pack them in the step, by a list of ints\n"
            ):
                runs.append([call(*arguments(i)) for i in range(8)])
        else:
            runs.append([call(*arguments(i)) for i in range(8)])
    assert close(*runs, 0.0)
    assert "at test_sequences.py:" in call.explain()  # type: ignore[attr-defined]


@pytest.mark.filterwarnings("ignore:compile. function runs eagerly")
def test_what_was_packed_outside_of_the_step_is_never_frozen() -> None:
    net = nn.GRU(2, 3)

    def function(packed: Any) -> Any:
        out, _ = net(packed)
        padded, lengths = pad_packed_sequence(out)
        return [x.sum().detach() for x in unpad_sequence(padded, lengths)]

    step = tg.compile(function, backend="numpy_source")
    for i in range(8):
        packed = pack_padded_sequence(tg.ones(4, 2, 2), [[4, 2], [3, 3]][i // 5])
        assert close(function(packed), step(packed), 0.0)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("padding", [None, 1])
def test_the_largest_of_bags_of_any_size_is_compiled(padding: int | None, backend: str) -> None:
    table = nn.EmbeddingBag(6, 3, mode="max", padding_idx=padding)

    def function(numbers: Any, offsets: Any) -> Any:
        table.weight.grad = None
        out = table(numbers, offsets)
        (out * out).sum().backward()
        return out.detach(), table.weight.grad.clone()

    step = tg.compile(function, backend=backend)
    numbers = tg.tensor([1, 1, 2, 5, 2, 0])
    for offsets in ([0, 2, 3, 3], [0, 2, 3, 3], [0, 0, 4, 5], [0, 6, 6, 6], [0, 0, 0, 0]):
        assert close(function(numbers, tg.tensor(offsets)), step(numbers, tg.tensor(offsets)), 1e-6)
    assert "replayed 3 times" in step.explain()
