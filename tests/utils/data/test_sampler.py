"""Samplers: which numbers they give, how often, and reproducibly."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

import tinygrad_reg as tg
from tinygrad_reg.utils import data


def seeded() -> tg.Generator:
    return tg.Generator().manual_seed(5)


def test_random_orders_are_permutations_as_often_as_asked() -> None:
    assert sorted(data.RandomSampler(range(50))) == list(range(50))
    assert Counter(data.RandomSampler(range(5), num_samples=15)) == dict.fromkeys(range(5), 3)
    assert len(set(data.RandomSampler(range(9), num_samples=4))) == 4
    drawn = list(data.RandomSampler(range(3), replacement=True, num_samples=3000, generator=seeded()))
    assert all(abs(n - 1000) < 150 for n in Counter(drawn).values())
    assert len(drawn) == 3000


@pytest.mark.parametrize(
    "make",
    [
        lambda g: data.RandomSampler(range(20), generator=g),
        lambda g: data.RandomSampler(range(20), replacement=True, generator=g),
        lambda g: data.SubsetRandomSampler(range(20), generator=g),
        lambda g: data.WeightedRandomSampler([1.0] * 20, 20, generator=g),
    ],
)
def test_a_seed_decides_the_order_and_epochs_differ(make: Any) -> None:
    sampler = make(seeded())
    epochs = [list(sampler), list(sampler)]
    assert epochs[0] != epochs[1]
    assert list(make(seeded())) == epochs[0]
    tg.manual_seed(1)
    first = list(make(None))
    tg.manual_seed(1)
    assert list(make(None)) == first


def test_weights_are_probabilities() -> None:
    drawn = Counter(data.WeightedRandomSampler([1, 0, 3], 4000, generator=seeded()))
    assert drawn[1] == 0
    assert abs(drawn[2] - 3000) < 150
    assert sorted(data.WeightedRandomSampler([1, 2, 3], 3, replacement=False)) == [0, 1, 2]


def test_batches() -> None:
    for n, size, drop, expected in [
        (5, 2, False, [2, 2, 1]),
        (5, 2, True, [2, 2]),
        (4, 2, False, [2, 2]),
        (1, 3, True, []),
        (0, 3, False, []),
    ]:
        batches = data.BatchSampler(range(n), size, drop)
        assert [len(b) for b in batches] == expected
        assert len(batches) == len(expected)
