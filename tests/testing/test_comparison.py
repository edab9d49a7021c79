"""assert_close, with PyTorch's tolerances and messages that show the worst element."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_reg as tg
from tinygrad_reg.errors import ArgumentError, ArgumentTypeError
from tinygrad_reg.testing import assert_close

NAN = float("nan")


@pytest.mark.parametrize(
    ("a", "b", "options"),
    [
        (tg.ones(2), tg.ones(2) + 1e-6, {}),
        (tg.ones(2, dtype=tg.float64), tg.ones(2, dtype=tg.float64) + 1e-8, {}),
        (tg.tensor([1, 2]), tg.tensor([1, 2]), {}),
        (tg.tensor([NAN]), tg.tensor([NAN]), {"equal_nan": True}),
        (tg.tensor([float("inf")]), tg.tensor([float("inf")]), {}),
        ({"a": [tg.ones(2), 3.0]}, {"a": (tg.ones(2), 3.0)}, {}),
        (np.ones(2), np.ones(2) + 1e-9, {}),
        (np.float32(1.0), 1.0, {}),
        (1.0, 1.0 + 1e-9, {}),
        (tg.ones(2), tg.ones(2, dtype=tg.float64), {"check_dtype": False}),
        (tg.ones(2), tg.ones(2) * 2, {"rtol": 0.5, "atol": 0.0}),
        (tg.ones(0), tg.ones(0), {}),
        ([tg.ones(1), None], [tg.ones(1), None], {}),
        (tg.ones(2, requires_grad=True), tg.ones(2), {}),
    ],
)
def test_what_is_close(a: Any, b: Any, options: dict[str, Any]) -> None:
    tg.testing.assert_close(a, b, **options)


@pytest.mark.parametrize(
    ("a", "b", "says"),
    [
        (tg.ones(2), tg.ones(2) + 1e-3, r"Mismatched elements: 2 / 2 \(100.0%\)"),
        (tg.tensor([1.0, 2.0]), tg.tensor([1.0, 2.5]), r"Greatest absolute difference: 0.5 at index \(1,\) \(up to 1e-05 allowed\)"),
        (tg.ones(2), tg.ones(3), "attribute 'shape' do not match"),
        (tg.ones(2), tg.ones(2, dtype=tg.float64), "attribute 'dtype' do not match"),
        (tg.tensor([NAN]), tg.tensor([NAN]), "not close"),
        (tg.tensor([1]), tg.tensor([2]), "not equal"),
        ([tg.ones(1)], [tg.ones(1), 1.0], "lengths of the sequences differ"),
        ({"a": 1.0}, {"b": 1.0}, "keys of the mappings differ"),
        ({"a": None}, {"a": tg.ones(1)}, r"None mismatch at \['a'\]"),
        ({"a": [1.0]}, {"a": [2.0]}, r"item \['a'\]\[0\]"),
    ],
)
def test_what_is_not(a: Any, b: Any, says: str) -> None:
    with pytest.raises(AssertionError, match=says):
        assert_close(a, b)


def test_messages_and_misuse() -> None:
    with pytest.raises(AssertionError, match="^mine$"):
        assert_close(1.0, 2.0, msg="mine")
    with pytest.raises(AssertionError, match="^before: Scalars"):
        assert_close(1.0, 2.0, msg=lambda text: "before: " + text)
    with pytest.raises(ArgumentError, match="both rtol and atol"):
        assert_close(1.0, 1.0, rtol=1.0)
    one = tg.ones(2, dtype=tg.float64)
    for a, b in [(object(), 1.0), (np.ones(2), one), ([1.0, 1.0], one), (tg.tensor(1.0), 1.0), (np.ones(()), np.float64(1.0))]:
        with pytest.raises(ArgumentTypeError, match="expected two tensors, two arrays, two numbers"):
            assert_close(a, b)
