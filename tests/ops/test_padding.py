"""pad: values by hand in all modes, the laws of linear maps, and what the errors say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_reg as tg
from tinygrad_reg.errors import ArgumentError, ArgumentTypeError, ShapeError
from tinygrad_reg.nn import functional as F

from .linear import check_linear


@pytest.mark.parametrize(("mode", "pads", "expected"), [
    ("constant", (1, 2), [0.0, 1.0, 2.0, 3.0, 0.0, 0.0]), ("constant", (-1, 1), [2.0, 3.0, 0.0]), ("constant", (-2, -1), []),
    ("reflect", (1, 2), [2.0, 1.0, 2.0, 3.0, 2.0, 1.0]), ("reflect", (-2, 2), [3.0, 2.0, 1.0]), ("reflect", (0, 0), [1.0, 2.0, 3.0]),
    ("replicate", (1, 2), [1.0, 1.0, 2.0, 3.0, 3.0, 3.0]), ("replicate", (-1, 1), [2.0, 3.0, 3.0]), ("replicate", (9, -2), [1.0] * 10),
    ("circular", (1, 2), [3.0, 1.0, 2.0, 3.0, 1.0, 2.0]), ("circular", (3, 3), [1.0, 2.0, 3.0] * 3), ("circular", (-1, 1), [2.0, 3.0, 2.0]),
])  # fmt: skip
def test_by_hand(mode: str, pads: tuple[int, int], expected: list[float]) -> None:
    assert F.pad(tg.tensor([[1.0, 2.0, 3.0]]), pads, mode=mode).tolist() == [expected]
    check_linear(lambda x: F.pad(x, pads, mode=mode), (2, 3))


@pytest.mark.parametrize("mode", ["constant", "reflect", "replicate", "circular"])
def test_as_numpy_pads(mode: str) -> None:
    x = np.random.default_rng(0).standard_normal((2, 3, 4, 5))
    numpy_mode: Any = {"constant": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}[mode]
    expected = np.pad(x, ((0, 0), (0, 0), (3, 1), (0, 2)), mode=numpy_mode)
    np.testing.assert_array_equal(F.pad(tg.tensor(x), (0, 2, 3, 1), mode=mode).numpy(), expected)
    check_linear(lambda t: F.pad(t, (0, 2, 3, 1), mode=mode), (2, 3, 4, 5))


def test_values_and_dtypes() -> None:
    assert F.pad(tg.tensor([1, 2]), (1, 0), value=7).tolist() == [7, 1, 2]
    assert F.pad(tg.tensor([True]), (1, 1), value=True).tolist() == [True] * 3
    assert F.pad(tg.ones(2, dtype=tg.float16), (1, 1), value=0.5).dtype == tg.float16
    check_linear(lambda x: F.pad(x, (1, 0, 2, -1), value=3.0), (2, 3))
    x = tg.ones(2, 3)
    assert not np.shares_memory(F.pad(x, (0, 0)).numpy(), x.numpy())


@pytest.mark.parametrize(("call", "error", "said"), [
    (lambda x: F.pad(x, (1,)), ArgumentError, "two numbers for each dimension"),
    (lambda x: F.pad(x, (1,) * 8), ShapeError, "8 numbers for a tensor with 3 dims"),
    (lambda x: F.pad(x, (0.5, 1)), ArgumentTypeError, "sequence of integers"),
    (lambda x: F.pad(x, (-3, -2)), ShapeError, r"crops more than there is\n  input \(1, 2, 4\)"),
    (lambda x: F.pad(x, (1, 1), mode="mirror"), ArgumentError, '"reflect", "replicate" or "circular"'),
    (lambda x: F.pad(x, (1, 1), "reflect", 1.0), ArgumentError, "takes no value"),
    (lambda x: F.pad(x, (1, 1), value="x"), ArgumentTypeError, "value must be a number"),
    (lambda x: F.pad(x, (4, 0), mode="reflect"), ShapeError, "at most 3 elements to a dimension of size 4"),
    (lambda x: F.pad(x, (0, 5), mode="circular"), ShapeError, "at most 4 elements"),
    (lambda x: F.pad(x[0, 0], (1, 1), mode="reflect"), ShapeError, "for 2 numbers an input of 2 or 3 dims"),
    (lambda x: F.pad([1.0], (1, 1)), ArgumentTypeError, "expected a tensor, got list"),
])  # fmt: skip
def test_errors_say_what_is_wrong(call: Any, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        call(tg.ones(1, 2, 4))


@pytest.mark.parametrize("value", [np.float32(0.5), np.float64(0.5)])
def test_the_value_may_be_a_number_of_numpy(value: Any) -> None:
    padded = F.pad(tg.ones(1), (1, 0), value=value)
    assert (padded.dtype, padded.tolist()) == (tg.float32, [0.5, 1.0])
