"""autograd.functional and batched gradients against PyTorch's: results, shapes, graphs, refusals."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_reg as tg
from tinygrad_reg.errors import TinygradRegError

from .compare import FAMILIES

torch = pytest.importorskip("torch")

Shapes = list[tuple[int, ...]]

#: name: (package -> function, shapes of the inputs, shapes of the results)
FUNCTIONS: dict[str, tuple[Callable[[Any], Callable[..., Any]], Shapes, Shapes]] = {
    "squares": (lambda m: lambda x: x * x, [(3,)], [(3,)]),
    "cubes": (lambda m: lambda x: (x**3).sum(), [(3,)], [()]),
    "product": (lambda m: lambda x: x @ x.T, [(2, 3)], [(2, 2)]),
    "two of two": (lambda m: lambda x, y: (x * y, (x * x + y * y).sum()), [(3,), (3,)], [(3,), ()]),
    "one of two": (lambda m: lambda x, y: (x * y * y).sum(), [(2,), (2,)], [()]),
    "linear": (lambda m: lambda x: 3 * x, [(3,)], [(3,)]),
    "constant": (lambda m: lambda x: m.ones(3), [(3,)], [(3,)]),
    "without y": (lambda m: lambda x, y: (x**2).sum(), [(3,), (3,)], [()]),
    "number": (lambda m: lambda x: m.exp(x), [()], [()]),
    "one element": (lambda m: lambda x: (x**3).sum().reshape(1), [(3,)], [(1,)]),
    "list": (lambda m: lambda x: [x, x], [(3,)], [(3,), (3,)]),
    "no tensor": (lambda m: lambda x: 3, [(3,)], [()]),
}
FLAGS = [{}, {"create_graph": True}, {"strict": True}]


def plain(x: Any) -> Any:
    return [plain(part) for part in x] if isinstance(x, tuple) else (x.requires_grad, tuple(x.shape), x.detach().numpy())


def result(m: Any, form: str, name: str, flags: dict[str, bool], requires_grad: bool, v: str) -> Any:
    make, shapes, results = FUNCTIONS[name]
    rng = np.random.default_rng(0)
    xs = tuple([m.tensor(np.asarray(rng.standard_normal(shape)), requires_grad=requires_grad) for shape in shapes])
    vs = tuple([m.tensor(np.asarray(rng.standard_normal(shape))) for shape in (results if form == "vjp" else shapes)])
    vs = tuple([x[None] for x in vs]) if v == "wrong" else vs
    given = (vs[0] if len(vs) == 1 else vs,) if v != "none" else ()
    try:
        return plain(getattr(m.autograd.functional, form)(make(m), xs[0] if len(xs) == 1 else xs, *given, **flags))
    except Exception as error:  # noqa: BLE001
        return error


@pytest.mark.parametrize("form", ["vjp", "jvp", "hvp", "vhp", "jacobian", "hessian"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_functional(name: str, form: str) -> None:
    vs = ("none",) if form in ("jacobian", "hessian") else ("none", "right", "wrong")
    for flags, requires_grad, v in itertools.product(FLAGS, (False, True), vs):
        got, want = (result(m, form, name, flags, requires_grad, v) for m in (tg, torch))
        told = f"{flags} requires_grad={requires_grad} v={v}: ours {got!r}, torch {want!r}"
        if isinstance(want, Exception):
            assert isinstance(got, TinygradRegError), told
            assert isinstance(got, next(f for f in FAMILIES if isinstance(want, f))), told
        else:
            flagged = not (name == "without y" and flags)  # torch's zeros for y count as part of a graph in some of the functions
            assert_same(got, want, flagged, told)


def assert_same(got: Any, want: Any, flagged: bool, told: str) -> None:
    assert isinstance(got, list) == isinstance(want, list), told
    if isinstance(want, list):
        assert len(got) == len(want), told
        for a, b in zip(got, want, strict=True):
            assert_same(a, b, flagged, told)
    else:
        assert got[0] == want[0] or not flagged, told
        assert got[1] == want[1], told
        np.testing.assert_allclose(got[2], want[2], rtol=1e-12, err_msg=told)


def test_what_depends_linearly_is_refused_in_strict_mode() -> None:
    for form in ("jacobian", "hessian"):
        got, want = (result(m, form, "linear", {"create_graph": True, "strict": True}, False, "none") for m in (tg, torch))
        assert isinstance(got, RuntimeError)
        assert isinstance(want, RuntimeError)


def test_the_outer_graph_is_kept_with_create_graph() -> None:
    slopes = []
    for m in (tg, torch):
        x = m.tensor([1.0, 2.0, 3.0], requires_grad=True)
        m.autograd.functional.hessian(lambda x: (x**4).sum(), x, create_graph=True).sum().backward()
        slopes.append(x.grad.tolist())
    assert slopes[0] == slopes[1]


def batched(m: Any, options: dict[str, Any], weights: Any) -> Any:
    x, y = (m.tensor(np.asarray(a), requires_grad=True) for a in ([1.0, 2.0, 3.0], 4.0))
    try:
        return plain(m.autograd.grad([x * x * y, (x * y).sum()], [x, y], weights(m), is_grads_batched=True, **options))
    except Exception as error:  # noqa: BLE001
        return error


@pytest.mark.parametrize("options", [{}, {"create_graph": True}, {"retain_graph": True}])
@pytest.mark.parametrize(
    "weights", [lambda m: [m.eye(3, dtype=m.float64), m.arange(3, dtype=m.float64)], lambda m: [m.eye(3), m.ones(2)], lambda m: None]
)
def test_batched_gradients(weights: Any, options: dict[str, Any]) -> None:
    got, want = batched(tg, options, weights), batched(torch, options, weights)
    if isinstance(want, Exception):
        assert isinstance(got, TinygradRegError), f"torch: {want}, ours: {got}"
    else:
        assert_same(got, want, True, f"{got} {want}")
