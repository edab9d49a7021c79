"""Batches of samples of every structure."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from typing import Any, NamedTuple

import numpy as np
import pytest

import tinygrad_reg as tg
from tinygrad_reg.errors import ArgumentTypeError, ShapeError
from tinygrad_reg.utils.data import default_collate, default_convert


class Point(NamedTuple):
    x: Any
    y: Any


def test_tensors_keep_their_gradient() -> None:
    x = tg.ones(2, requires_grad=True)
    default_collate([x, x * 2]).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [3.0, 3.0]


def test_structures() -> None:
    made = default_collate([Point({"a": 1}, [2.0, "s"]), Point({"a": 3}, [4.0, "t"])])
    assert isinstance(made, Point)
    assert made.x["a"].tolist() == [1, 3]
    assert made.y[0].dtype == tg.float64
    assert made.y[1] == ("s", "t")
    assert type(default_collate([OrderedDict(a=1)])) is OrderedDict
    kept = default_collate([defaultdict(list, a=1)])
    assert kept.default_factory is list


def test_what_cannot_become_a_batch() -> None:
    for batch in ([object()], [None], [np.array(["a"])]):
        with pytest.raises(ArgumentTypeError, match="collate_fn"):
            default_collate(batch)
    with pytest.raises(ShapeError, match="different lengths"):
        default_collate([[1, 2], [1]])
    with pytest.raises(ShapeError):
        default_collate([tg.ones(1), tg.ones(2)])
    with pytest.raises(KeyError):
        default_collate([{"a": 1, "b": 2}, {"a": 1}])


def test_converting_single_samples() -> None:
    words = np.array(["a"])
    made = default_convert({"x": np.float32(2), "y": (1, "a", words, b"b"), "z": Point(np.ones(1), [np.ones(1)])})
    assert made["x"].dtype == tg.float32
    assert made["y"] == [1, "a", words, b"b"]
    assert isinstance(made["z"], Point)
    assert isinstance(made["z"].y[0], tg.Tensor)


def test_samples_of_different_shapes_are_named() -> None:
    for make in (tg.ones, np.ones):
        with pytest.raises(ShapeError, match=r"different shapes, \(2,\) · \(3,\); give a collate_fn"):
            default_collate([make(2), make(3), make(2)])
