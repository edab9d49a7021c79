"""Diagonals and triangles against torch: values, dtypes, gradients of both orders, views, errors."""

from __future__ import annotations

import pytest

from .test_shape import Function, agree_on_all_shapes, agree_on_what_is_a_view

FUNCTIONS: dict[str, Function] = {
    "diag": lambda m, x: m.diag(x),
    "diag beside": lambda m, x: m.diag(x, -1),
    "diagonal": lambda m, x: m.diagonal(x),
    "diagonal of others": lambda m, x: m.diagonal(x, 1, -1, 0),
    "diagonal outside": lambda m, x: m.diagonal(x, -5),
    "diag_embed": lambda m, x: m.diag_embed(x),
    "diag_embed elsewhere": lambda m, x: m.diag_embed(x, -1, 0, -1),
    "tril": lambda m, x: m.tril(x),
    "tril beside": lambda m, x: m.tril(x, -1),
    "triu": lambda m, x: m.triu(x),
    "triu beside": lambda m, x: m.triu(x, 2),
    "trace": lambda m, x: m.trace(x),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function(name: str) -> None:
    agree_on_all_shapes(FUNCTIONS[name])


@pytest.mark.parametrize("name", FUNCTIONS)
def test_what_is_a_view(name: str) -> None:
    agree_on_what_is_a_view(FUNCTIONS[name])
