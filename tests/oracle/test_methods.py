"""The methods of torch's Tensor, for every operation that exists here as a function, and in place for every one that exists here."""

from __future__ import annotations

import pytest

import tinygrad_reg as tg
from tinygrad_reg.nn import functional

torch = pytest.importorskip("torch")

#: Functions that live above Tensor, or whose method is another operation in torch.
FUNCTIONS_ONLY = {"cuda", "hardshrink", "prelu", "unfold"}


def names(thing: object) -> set[str]:
    return {name for name in dir(thing) if not name.startswith("_")}


def test_no_method_of_a_function_is_missing() -> None:
    functions = names(tg) | names(functional)
    missing = {name for name in names(torch.Tensor) & functions if not hasattr(tg.Tensor, name)}
    assert missing == FUNCTIONS_ONLY


def test_no_in_place_form_is_missing() -> None:
    ours = names(tg) | names(functional) | names(tg.Tensor)
    assert {name for name in names(torch.Tensor) if name.endswith("_") and name[:-1] in ours} <= names(tg.Tensor)
