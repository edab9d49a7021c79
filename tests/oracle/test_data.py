"""torch.utils.data: the same batches where no chance is involved, and the same kinds of errors."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, NamedTuple

import numpy as np
import pytest

import tinygrad_reg as tg
from tinygrad_reg.utils import data

torch = pytest.importorskip("torch")
theirs = torch.utils.data


class Point(NamedTuple):
    x: Any
    y: Any


def plain(x: Any) -> Any:
    """What a batch is, in words that do not name a library."""
    if isinstance(x, tg.Tensor | torch.Tensor):
        return "tensor", str(x.dtype).removeprefix("torch."), x.tolist()
    if isinstance(x, dict):
        return type(x).__name__, {k: plain(v) for k, v in x.items()}
    if isinstance(x, list | tuple):
        return type(x).__name__, [plain(v) for v in x]
    return x.tolist() if isinstance(x, np.ndarray) else x


def outcome(call: Any) -> Any:
    try:
        return plain(call())
    except Exception as error:
        return next(
            kind for kind in (KeyError, IndexError, AssertionError, TypeError, NotImplementedError, Exception) if isinstance(error, kind)
        )


BATCHES: list[Any] = [
    [1, 2],
    [1.5, 2.5],
    [True, False],
    ["a", "b"],
    [b"a", b"b"],
    [np.ones(2), np.zeros(2)],
    [np.float32(1), np.float32(2)],
    [np.array(1), np.array(2)],
    [np.bool_(True)],
    [np.int16(3)],
    [(1, "a"), (2, "b")],
    [[1, 2.0], [3, 4.0]],
    [range(2), range(2)],
    [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}],
    [OrderedDict(a=1)],
    [{"a": 1}, {"a": 1, "b": 2}],
    [{"a": 1, "b": 2}, {"a": 1}],
    [Point(1, 2.0), Point(3, 4.0)],
    [[1, 2], [1]],
    [],
    [None],
    [object()],
    [np.array(["a"])],
    [((), {})],
]


@pytest.mark.parametrize("batch", BATCHES)
def test_collating(batch: Any) -> None:
    assert outcome(lambda: data.default_collate(batch)) == outcome(lambda: theirs.default_collate(batch))
    if not any(type(x) is object for x in batch):
        assert outcome(lambda: data.default_convert(batch)) == outcome(lambda: theirs.default_convert(batch))


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("size", [1, 3, 5, 10, None])
@pytest.mark.parametrize("drop", [False, True])
def test_batches_of_tensors(workers: int, size: int | None, drop: bool) -> None:
    x = np.arange(20, dtype=np.float32).reshape(10, 2)

    def load(tensors: Any, module: Any) -> Any:
        loader = module.DataLoader(module.TensorDataset(tensors(x), tensors(np.arange(10))), size, drop_last=drop, num_workers=workers)
        return [len(loader), *loader]

    assert outcome(lambda: load(tg.tensor, data)) == outcome(lambda: load(torch.tensor, theirs))


@pytest.mark.parametrize(
    "lengths", [[3, 7], [0.3, 0.7], [0.25, 0.25, 0.5], [1.0], [0.33, 0.33, 0.34], [3, 3], [0.3, 0.3], [0.7, 0.6], [10]]
)
def test_sizes_of_random_splits(lengths: list[float]) -> None:
    ours, others = [outcome(lambda m=m: [len(part) for part in m.random_split(range(10), lengths)]) for m in (data, theirs)]
    assert ours == others


CALLS: dict[str, Any] = {
    "iterable batches": lambda m: list(m.DataLoader(stream(m, 7), 3, num_workers=2)),
    "iterable drop": lambda m: list(m.DataLoader(stream(m, 7), 3, drop_last=True)),
    "iterable shuffle": lambda m: m.DataLoader(stream(m, 7), shuffle=True),
    "iterable sampler": lambda m: m.DataLoader(stream(m, 7), sampler=[1]),
    "iterable length": lambda m: len(m.DataLoader(stream(m, 7))),
    "chain": lambda m: list(stream(m, 2) + stream(m, 3)),
    "chain of others": lambda m: list(m.ChainDataset([range(2)])),
    "concat": lambda m: list(m.DataLoader(m.ConcatDataset([range(2), range(3)]), 2)),
    "concat nothing": lambda m: m.ConcatDataset([]),
    "concat iterables": lambda m: m.ConcatDataset([stream(m, 2)]),
    "concat too far": lambda m: m.ConcatDataset([range(2)])[2],
    "concat too far back": lambda m: m.ConcatDataset([range(2)])[-3],
    "length of an epoch": lambda m: len(iter(m.DataLoader(range(5), 2))),
    "length of an epoch of workers": lambda m: len(iter(m.DataLoader(range(5), 2, num_workers=1))),
    "length of an epoch of a stream": lambda m: len(iter(m.DataLoader(stream(m, 7)))),
    "type of samples": lambda m: len(m.DataLoader[int](range(5), 2)),
    "no getitem": lambda m: m.Dataset()[0],
    "no length": lambda m: len(m.Dataset()),
    "stack": lambda m: list(m.StackDataset(range(2), "ab")),
    "stack by name": lambda m: m.StackDataset(a=range(2), b="ab")[1],
    "stack of two lengths": lambda m: m.StackDataset(range(2), "abc"),
    "subset": lambda m: list(m.DataLoader(m.Subset(range(9), [3, 5, 7]), 2)),
    "batch sampler": lambda m: list(m.DataLoader(range(9), batch_sampler=[[1, 2], [3]])),
    "sampler": lambda m: list(m.DataLoader(range(9), sampler=[4, 2])),
    "single samples": lambda m: list(m.DataLoader([(np.ones(2), "a", 2, {"a": 2.5})] * 2, None)),
    "shuffled, all the same": lambda m: list(m.DataLoader([7] * 5, 2, shuffle=True)),
    "batches of numbers": lambda m: list(m.BatchSampler(range(7), 3, False)),
    "weights": lambda m: list(m.WeightedRandomSampler([0.0, 1.0], 3)),
    "too few": lambda m: list(m.WeightedRandomSampler([1.0, 2.0], 3, replacement=False)),
    "no samples": lambda m: m.RandomSampler(range(0)),
    "replacement": lambda m: m.RandomSampler(range(3), replacement=1),
    "batch of 0": lambda m: m.BatchSampler(range(3), 0, False),
    "drop 3": lambda m: m.BatchSampler(range(3), 2, 3),
    "two dimensions of weights": lambda m: m.WeightedRandomSampler([[1.0, 2.0]], 1),
    "worker error": lambda m: list(m.DataLoader({0: 1, 1: 2}, sampler=[0, 1, 2], num_workers=1)),
    "context without workers": lambda m: m.DataLoader(range(3), multiprocessing_context="spawn"),
    "unknown context": lambda m: m.DataLoader(range(3), num_workers=1, multiprocessing_context="threads"),
    "empty": lambda m: list(m.DataLoader([], 2)),
    "change the size": lambda m: setattr(m.DataLoader(range(3)), "batch_size", 2),
    "no worker": lambda m: m.get_worker_info(),
}


def stream(module: Any, n: int) -> Any:
    class Stream(module.IterableDataset):  # type: ignore[misc]
        def __iter__(self) -> Any:
            return iter(range(n))

    return Stream()


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
def test_the_same_results_and_kinds_of_errors(call: Any) -> None:
    assert outcome(lambda: call(data)) == outcome(lambda: call(theirs))


@pytest.mark.parametrize(
    "name", ["DataLoader", "RandomSampler", "SubsetRandomSampler", "WeightedRandomSampler", "BatchSampler", "Subset", "random_split"]
)
def test_the_same_arguments(name: str) -> None:
    import inspect

    ours, others = [list(inspect.signature(getattr(m, name)).parameters.values()) for m in (data, theirs)]
    assert [(p.name, p.kind) for p in ours] == [(p.name, p.kind) for p in others]
    defaults = [[p.default for p in ps if p.name != "generator"] for ps in (ours, others)]
    assert defaults[0] == defaults[1]
