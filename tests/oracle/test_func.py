"""The transforms of functions, held against torch.func: values, forms, and what is part of a graph."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_reg as tg

torch = pytest.importorskip("torch")

CASES: dict[str, Any] = {
    "grad": lambda L, f, x, y, w: f.grad(lambda a: (a**3).sum())(x),
    "grad of w": lambda L, f, x, y, w: f.grad(lambda a: (a**3).sum())(w),
    "grad by several": lambda L, f, x, y, w: f.grad(lambda a, b: (a * b.sin()).sum(), argnums=(1, 0))(x, w),
    "grad with a closure": lambda L, f, x, y, w: f.grad(lambda a: (a * w).exp().sum())(x),
    "grad of a grad": lambda L, f, x, y, w: f.grad(lambda a: f.grad(lambda b: (b**3 * a).sum())(y).sum())(x),
    "grad of a dict": lambda L, f, x, y, w: f.grad(lambda p: (p["a"] * p["b"][0]).sum())({"a": x, "b": [y], "c": w}),
    "aux": lambda L, f, x, y, w: f.grad_and_value(lambda a: ((a * w).sum(), {"twice": a * 2, "w": w * 2}), has_aux=True)(x),
    "jacrev": lambda L, f, x, y, w: f.jacrev(lambda a, b: (L.outer(a, b), {"s": (a * w).sum()}), argnums=(0, 1))(x, y),
    "jacfwd": lambda L, f, x, y, w: f.jacfwd(lambda a: a.cumsum(0) ** 2)(x),
    "hessian": lambda L, f, x, y, w: f.hessian(lambda a, b: (a**2 * b).sum() ** 2, argnums=(0, 1))(x, y),
    "hessian of a vector": lambda L, f, x, y, w: f.hessian(lambda a: a**3)(x),
    "vjp": lambda L, f, x, y, w: [out := f.vjp(lambda a, b: {"o": a * b, "p": a.sum()}, x, w), out[1]({"o": y, "p": x[0]})][1],
    "vjp's value": lambda L, f, x, y, w: f.vjp(lambda a: (a * 2, a), x, has_aux=True)[::2],
}


def flat(tree: Any) -> list[Any]:
    if isinstance(tree, dict):
        return [item for key, part in tree.items() for item in (key, *flat(part))]
    if isinstance(tree, tuple | list):
        return [type(tree).__name__, *[item for part in tree for item in flat(part)]]
    return [tree]


@pytest.mark.parametrize("recorded", [True, False])
@pytest.mark.parametrize("name", CASES)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_transforms(name: str, recorded: bool) -> None:
    found = []
    for library in (torch, tg):
        x, y = (library.tensor(data, dtype=library.float64) for data in ([0.5, -1.0, 2.0], [1.5, 0.25, -0.5]))
        w = library.tensor([2.0, 1.0, 0.5], dtype=library.float64, requires_grad=True)
        with library.set_grad_enabled(recorded):
            found.append(flat(CASES[name](library, library.func, x, y, w)))
    assert len(found[0]) == len(found[1])
    for theirs, ours in zip(*found, strict=True):
        if isinstance(ours, tg.Tensor):
            assert ours.requires_grad == theirs.requires_grad or name == "jacrev"  # there torch keeps a graph that leads nowhere
            np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), rtol=1e-12)
        else:
            assert ours == theirs
