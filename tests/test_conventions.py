"""Every row of tests/conventions.py holds, and docs/gradients.md is written from them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_reg as tg
from tinygrad_reg.errors import TinygradRegError

from .conventions import PAGE, ROWS, SECTIONS, Row, derivatives, text

HERE = [row for row in ROWS if not row.waits]
every_row = pytest.mark.parametrize("row", HERE, ids=lambda row: row.what)


def assert_same(got: Any, wanted: Any, what: str) -> None:
    assert np.shape(got) == np.shape(wanted), f"{what}: shape {np.shape(got)}, expected {np.shape(wanted)}"
    np.testing.assert_allclose(got, np.asarray(wanted, float), rtol=1e-12, atol=1e-12, err_msg=what)


@pytest.mark.filterwarnings("ignore:.*degrees of freedom")
@every_row
def test_row(row: Row) -> None:
    if row.value == "refused":
        with pytest.raises(TinygradRegError):
            derivatives(tg, row)
        return
    value, first, second = derivatives(tg, row)
    assert_same(value, row.value, "value")
    assert len(first) == len(row.first)
    for i, (got, wanted) in enumerate(zip(first, row.first, strict=True)):
        assert_same(got, wanted, f"first derivative by argument {i}")
    for i, (got, wanted) in enumerate(zip(second, row.second or second, strict=True)):
        assert_same(got, wanted, f"second derivative by argument {i}")


@pytest.mark.filterwarnings("ignore:.*degrees of freedom")
@every_row
def test_a_plain_backward_gives_the_same_as_one_that_records(row: Row) -> None:
    if row.value == "refused":
        return
    x = [tg.tensor(a, dtype=tg.float64, requires_grad=True) for a in row.at]
    row.function(tg, *x).sum().backward()
    for a, plain, wanted in zip(x, derivatives(tg, row, create_graph=False)[1], row.first, strict=True):
        assert_same(plain, wanted, "autograd.grad")
        assert_same(np.zeros(a.shape) if a.grad is None else a.grad.numpy(), wanted, "backward()")


def test_the_page_is_written_from_the_rows() -> None:
    assert PAGE.read_text() == text(), "run python -m tests.conventions"


def test_names_are_unique_within_a_section() -> None:
    for title, _, rows in SECTIONS:
        names = [row.what for row in rows]
        assert len(set(names)) == len(names), title


class _Package:
    """Notes which names are asked of it, and answers everything with itself."""

    def __init__(self, path: str, asked: set[str]) -> None:
        self.path, self.asked = path, asked

    def __getattr__(self, name: str) -> _Package:
        path = f"{self.path}.{name}".strip(".")
        self.asked.add(path)
        return _Package(path, self.asked)

    def __call__(self, *_: Any, **__: Any) -> _Package:
        return self

    def __getitem__(self, index: Any) -> _Package:
        return self


@pytest.mark.parametrize("row", [row for row in ROWS if row.needs], ids=lambda row: row.what)
def test_a_row_that_waits_calls_what_it_waits_for(row: Row) -> None:
    """So that it comes to life with its function, and not with another."""
    asked: set[str] = set()
    row.function(_Package("", asked), *[_Package("x", asked) for _ in row.at])
    assert row.needs in asked or any(path.endswith(f".{row.needs}") for path in asked)
