"""Repeated and reordered elements against torch: values, dtypes, gradients of both orders, views, errors."""

from __future__ import annotations

import pytest

from .test_shape import Function, agree_on_all_shapes, agree_on_what_is_a_view

FUNCTIONS: dict[str, Function] = {
    "repeat": lambda m, x: x.repeat(2, 1, 3),
    "repeat twice": lambda m, x: x.repeat((2, 2)),
    "repeat none": lambda m, x: x.repeat(0, 1, 2),
    "tile": lambda m, x: m.tile(x, (2,)),
    "tile more": lambda m, x: x.tile(2, 1, 3),
    "repeat_interleave": lambda m, x: m.repeat_interleave(x, 2),
    "repeat_interleave along": lambda m, x: m.repeat_interleave(x, 3, dim=-1),
    "repeat_interleave each": lambda m, x: m.repeat_interleave(x, m.tensor([2, 0, 1]), dim=-1),
    "repeat_interleave one for all": lambda m, x: m.repeat_interleave(x, m.tensor([2]), dim=0),
    "flip": lambda m, x: m.flip(x, (0,)),
    "flip two": lambda m, x: x.flip(0, -1),
    "fliplr": lambda m, x: m.fliplr(x),
    "flipud": lambda m, x: m.flipud(x),
    "roll": lambda m, x: m.roll(x, 2),
    "roll along": lambda m, x: m.roll(x, -1, 0),
    "roll two": lambda m, x: m.roll(x, (1, 2), (0, -1)),
    "roll wrongly": lambda m, x: m.roll(x, (1, 2), (0,)),
    "rot90": lambda m, x: m.rot90(x),
    "rot90 back": lambda m, x: m.rot90(x, -1),
    "rot90 twice": lambda m, x: m.rot90(x, 2, (-1, 0)),
    "rot90 around": lambda m, x: m.rot90(x, 4),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function(name: str) -> None:
    agree_on_all_shapes(FUNCTIONS[name])


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if name != "repeat_interleave one for all"])
def test_what_is_a_view(name: str) -> None:
    agree_on_what_is_a_view(FUNCTIONS[name])
