"""Data sets: what their samples are, and what they refuse."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_reg as tg
from tinygrad_reg.errors import ArgumentError, ArgumentTypeError, DatasetError
from tinygrad_reg.utils import data


class Count(data.IterableDataset[int]):
    def __init__(self, n: int) -> None:
        self.n = n

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.n))


def test_tensors_give_tuples_of_entries() -> None:
    pairs = data.TensorDataset(tg.arange(6).reshape(3, 2), tg.ones(3))
    assert len(pairs) == 3
    assert pairs[1][0].tolist() == [2, 3]
    with pytest.raises(DatasetError, match=r"\(2,\).*\(3,\)"):
        data.TensorDataset(tg.ones(2), tg.ones(3))
    with pytest.raises(ArgumentTypeError):
        data.TensorDataset([1, 2])  # type: ignore[arg-type]


@given(st.lists(st.integers(0, 5), min_size=1, max_size=5))
def test_concatenation_is_that_of_lists(sizes: list[int]) -> None:
    parts = [[(i, j) for j in range(n)] for i, n in enumerate(sizes)]
    joined = data.ConcatDataset[Any](parts)
    assert [joined[i] for i in range(len(joined))] == sum(parts, [])
    assert [joined[i] for i in range(-len(joined), 0)] == sum(parts, [])
    with pytest.raises(IndexError):
        joined[len(joined)]
    with pytest.raises(ValueError, match="out of range"):
        joined[-len(joined) - 1]


def test_sums() -> None:
    a, b = data.TensorDataset(tg.arange(2)), data.TensorDataset(tg.arange(5, 7))
    assert [x.item() for (x,) in a + b] == [0, 1, 5, 6]
    assert list(Count(2) + Count(3)) == [0, 1, 0, 1, 2]
    with pytest.raises(DatasetError, match="ChainDataset"):
        data.ConcatDataset([Count(1)])
    with pytest.raises(DatasetError, match="at least one"):
        data.ConcatDataset([])
    with pytest.raises(DatasetError, match="ConcatDataset"):
        list(data.ChainDataset([range(2)]))


def test_stacking() -> None:
    assert list(data.StackDataset(range(2), "ab")) == [(0, "a"), (1, "b")]
    assert data.StackDataset(x=range(2), y="ab")[1] == {"x": 1, "y": "b"}
    for wrong in (lambda: data.StackDataset(), lambda: data.StackDataset("a", x="b")):
        with pytest.raises(ArgumentError):
            wrong()
    with pytest.raises(ArgumentError, match="same length"):
        data.StackDataset("ab", "abc")


def test_subsets_of_subsets_and_samples_at_once() -> None:
    class AtOnce(data.Dataset[int]):
        def __getitems__(self, indices: list[int]) -> list[int]:
            return [10 * i for i in indices]

    inner = data.Subset[int](AtOnce(), [3, 5, 7])
    assert inner.__getitems__([0, 2]) == [30, 70]
    assert data.Subset[int](data.Subset[int]("abcdef", [1, 3, 5]), [2, 0])[0] == "f"
    assert [x.tolist() for x in data.DataLoader(inner, batch_size=2)] == [[30, 50], [70]]


def test_what_is_not_defined() -> None:
    with pytest.raises(NotImplementedError, match="__getitem__"):
        data.Dataset[int]()[0]
    with pytest.raises(NotImplementedError, match="__iter__"):
        iter(data.IterableDataset[int]())
    with pytest.raises(NotImplementedError, match="__iter__"):
        iter(data.Sampler[int]())


@given(st.integers(1, 40), st.lists(st.integers(1, 9), min_size=1, max_size=4))
def test_random_splits_are_partitions(total: int, weights: list[int]) -> None:
    fractions = [w / 32 for w in weights]
    fractions.append(1 - sum(fractions)) if sum(fractions) < 1 else fractions.__setitem__(slice(None), [1.0])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("warnings.warn", lambda *_, **__: None)  # of empty parts
        parts = data.random_split(range(total), fractions)
    assert sorted(i for part in parts for i in part) == list(range(total))
    assert all(abs(len(part) - total * f) <= len(fractions) for part, f in zip(parts, fractions, strict=True))


def test_random_splits_repeat_and_refuse() -> None:
    first, second = [[list(p) for p in data.random_split(range(9), [4, 5], tg.Generator().manual_seed(1))] for _ in range(2)]
    assert first == second
    for wrong in ([3, 3], [0.3, 0.3], [0.7, 0.6], [12, -3]):
        with pytest.raises(ArgumentError):
            data.random_split(range(9), wrong)
    with pytest.warns(UserWarning, match="no samples"):
        data.random_split(range(1), [0.5, 0.5])
