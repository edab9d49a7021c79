"""A law over the registry: where an array's elements lie in memory changes no value, of an argument or of a cotangent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_reg as tg

from .examples_of_primitives import examples_of
from .test_registry import CALLED, Array, build, cases, differentiable, random_like

Layout = Callable[[Array], Array]


def rows(x: Array) -> Array:
    """In the usual layout."""
    return np.array(x, order="C")


def odd_strides(x: Array) -> Array:
    """Dimensions of size 1, whose steps nobody takes, with steps that mean nothing."""
    made = rows(x)
    strides = [8 * 17 if n == 1 else step for n, step in zip(x.shape, made.strides, strict=True)]
    return np.lib.stride_tricks.as_strided(made, x.shape, strides)


#: The same values elsewhere in memory; of the broadcast ones, one row for all.
LAYOUTS: dict[str, Layout] = {
    "Fortran": lambda x: np.array(x, order="F"),
    "two dimensions swapped": lambda x: rows(x.swapaxes(0, -1)).swapaxes(0, -1) if x.ndim else x,
    "strided": lambda x: np.repeat(x, 2, -1)[..., ::2] if x.ndim else x,
    "reversed": lambda x: rows(np.flip(x))[(*(slice(None, None, -1),) * x.ndim, ...)],
    "odd strides": odd_strides,
    "broadcast first": lambda x: np.broadcast_to(x[:1], x.shape) if x.ndim else x,
    "broadcast last": lambda x: np.broadcast_to(x[..., :1], x.shape) if x.ndim else x,
    "broadcast whole": lambda x: np.broadcast_to(x.ravel()[:1].reshape(()), x.shape) if x.size else x,
}


def everything(p: Any, args: list[Any], params: dict[str, Any], lay: Layout, cotangent: Layout) -> list[Array]:
    """The results of a call and its gradients, of floats and cotangents that lie as told."""
    wanted = differentiable(p, args)
    leaves = [tg.from_numpy(lay(a) if a.dtype.kind == "f" else a) if isinstance(a, np.ndarray) else a for a in args]
    for i in wanted:
        leaves[i].requires_grad_()
    made = p(*leaves, **params)
    results = list(made) if isinstance(made, tuple) else [made]
    ys = [y for y in results if y.requires_grad and y.is_floating_point()]
    weights = [tg.from_numpy(cotangent(g.array)) for g in random_like(ys, 1)]
    grads = tg.autograd.grad(ys, [leaves[i] for i in wanted], weights, allow_unused=True) if ys else ()
    return [np.array(x.detach().numpy()) for x in (*results, *grads) if x is not None]


def same(got: list[Array], want: list[Array], layout: str) -> None:
    for a, b in zip(got, want, strict=True):
        assert (a.shape, a.dtype) == (b.shape, b.dtype), layout
        np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-11, err_msg=layout)


def contiguous(layout: Layout) -> Layout:
    """The values of a layout in the usual one."""
    return lambda x: rows(layout(x))


def plain(x: Array) -> Array:
    return x


@pytest.mark.parametrize("name", [name for name in CALLED if name != "cast"])
def test_the_layout_of_a_cotangent_changes_no_gradient(name: str) -> None:
    for p, args, params in cases(name, 0):
        for layout, lay in LAYOUTS.items():
            same(everything(p, args, params, plain, lay), everything(p, args, params, plain, contiguous(lay)), layout)


@pytest.mark.parametrize("name", [name for name in CALLED if name not in ("draw_p", "cast")])
def test_the_layout_of_arguments_changes_nothing(name: str) -> None:
    for example in examples_of(name):
        p, args = tg.engine.primitive.PRIMITIVES[name], build(name, example, 0)
        for layout, lay in LAYOUTS.items():
            same(everything(p, args, example.params, lay, plain), everything(p, args, example.params, contiguous(lay), plain), layout)


def along(name: str, dim: Any) -> Callable[[Any], Any]:
    return lambda x: getattr(tg, name)(x, dim)


REDUCTIONS: list[Callable[[Any], Any]] = [
    *(along(name, dim) for name in ("sum", "mean", "amax", "var", "logsumexp") for dim in (0, 1, (0, 2))),
    *(along(name, dim) for name in ("prod", "cumsum", "argmax", "softmax") for dim in (0, 1, 2)),
    lambda x: tg.nn.functional.layer_norm(x, x.shape[1:]),
    lambda x: x.max(0).values,
    tg.linalg.norm,
]


@pytest.mark.filterwarnings("ignore:.*degrees of freedom")
@pytest.mark.parametrize("shape", [(1, 3, 4), (3, 1, 4), (1, 1, 5), (1, 70, 30)])
@pytest.mark.parametrize("reduction", range(len(REDUCTIONS)))
def test_reductions_over_dimensions_of_size_1(reduction: int, shape: tuple[int, ...]) -> None:
    for layout, lay in LAYOUTS.items():
        array = lay(np.random.default_rng(0).standard_normal(shape))
        same(*[_with_gradient(REDUCTIONS[reduction], x) for x in (tg.from_numpy(array), tg.tensor(rows(array)))], layout)


def _with_gradient(function: Callable[[Any], Any], x: Any) -> list[Array]:
    x.requires_grad_()
    y = function(x)
    grads = tg.autograd.grad(y, x, tg.ones_like(y) * y.detach()) if y.requires_grad else ()
    return [y.detach().numpy().copy(), *[g.numpy() for g in grads]]
