"""The methods of torch's Tensor, for every operation that exists here as a function, and in place for every one that exists here."""

from __future__ import annotations

import pytest

import tinygrad_reg as tg
from tinygrad_reg.nn import functional

torch = pytest.importorskip("torch")

#: Functions that live above Tensor, or whose method is another operation in torch.
FUNCTIONS_ONLY = {"cuda", "unfold"}


def names(thing: object) -> set[str]:
    return {name for name in dir(thing) if not name.startswith("_")}


def test_no_method_of_a_function_is_missing() -> None:
    functions = names(tg) | names(functional)
    missing = {name for name in names(torch.Tensor) & functions if not hasattr(tg.Tensor, name)}
    assert missing == FUNCTIONS_ONLY


def test_no_in_place_form_is_missing() -> None:
    ours = names(tg) | names(functional) | names(tg.Tensor)
    assert {name for name in names(torch.Tensor) if name.endswith("_") and name[:-1] in ours} <= names(tg.Tensor)


POSITIONAL = {"clone"}  # a primitive, called by position
KEYWORDS = [
    {"input": 0}, {"input": 0, "other": 0}, {"input": 0, "dim": 0}, {"input": 0, "target": 0}, {"A": 0}, {"x": 0, "y": 0},
]  # fmt: skip


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("place", ["", "nn.functional", "linalg", "special"])
def test_arguments_can_be_given_by_torchs_names(place: str) -> None:
    """Every call by names alone that PyTorch takes; `input` for the `A` and `x` of linalg it does not document."""

    def module(m: object) -> object:
        for part in filter(None, place.split(".")):
            m = getattr(m, part)
        return m

    for name in sorted(names(module(tg)) & names(module(torch)) - POSITIONAL):
        ours, theirs = (getattr(module(m), name) for m in (tg, torch))
        if isinstance(ours, type) or not callable(ours) or not callable(theirs):
            continue
        for keywords in KEYWORDS:
            if place == "linalg" and "input" in keywords:
                continue
            for data in ([[1.0, 2.0], [3.0, 4.0]], [[1, 2], [3, 4]]):
                given = [{key: 0 if key == "dim" else m.tensor(data) for key in keywords} for m in (tg, torch)]
                try:
                    theirs(**given[1])
                except (TypeError, RuntimeError, ValueError, IndexError, NotImplementedError):
                    continue
                if (name, *keywords) != ("one_hot", "input"):  # `tensor` in the documentation
                    ours(**given[0])
