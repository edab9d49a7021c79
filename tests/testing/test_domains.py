"""Inputs drawn from the declared domains."""

from __future__ import annotations

import numpy as np
import pytest

from tinygrad_reg.engine.primitive import PRIMITIVES
from tinygrad_reg.errors import ArgumentError
from tinygrad_reg.testing import arrays_for


@pytest.mark.parametrize("name", ["sin", "log", "asin", "acosh", "atanh", "tan", "logit", "log1p"])
def test_inside_the_domain(name: str) -> None:
    p = PRIMITIVES[name]
    (x,) = arrays_for(p, np.random.default_rng(0), [(500,)])
    low, high = p.domain[0]  # type: ignore[attr-defined]
    assert low < x.min() <= x.max() < high
    assert np.isfinite(p(x)).all()


def test_away_from_kinks() -> None:
    rng = np.random.default_rng(0)
    (x,) = arrays_for(PRIMITIVES["abs"], rng, [(20,)])
    assert np.abs(x).min() > 0.01
    (x,) = arrays_for(PRIMITIVES["floor"], rng, [(20,)])
    assert np.abs(x - np.rint(x)).min() > 0.01
    x, y = arrays_for(PRIMITIVES["maximum"], rng, [(4, 1), (5,)])
    assert np.abs(x - y).min() > 0.01
    x, y = arrays_for(PRIMITIVES["remainder"], rng, [(4,), (4,)])
    assert np.abs(x / y - np.rint(x / y)).min() > 0.01
    (x,) = arrays_for(PRIMITIVES["hardtanh"], rng, [(20,)], {"min_val": -1.0, "max_val": 0.5})
    assert min(np.abs(x + 1.0).min(), np.abs(x - 0.5).min()) > 0.01


def test_shapes_and_dtypes() -> None:
    x, y = arrays_for(PRIMITIVES["add"], np.random.default_rng(0), [(), (2, 0)], dtype="float32")
    assert (x.shape, y.shape) == ((), (2, 0))
    assert x.dtype == y.dtype == np.float32


def test_what_cannot_be_found() -> None:
    with pytest.raises(ArgumentError, match="smaller shapes"):
        arrays_for(PRIMITIVES["floor"], np.random.default_rng(0), [(2000,)])
