"""The two questions every oracle test asks: do our function and torch's agree, and do they refuse the same calls?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

import tinygrad_reg as tg
from tinygrad_reg.errors import TinygradRegError

torch = pytest.importorskip("torch")

Array = np.ndarray[Any, Any]
Function = Callable[..., Any]

TOLERANCE = {"float64": (1e-9, 1e-12), "float32": (2e-5, 2e-6), "float16": (4e-3, 4e-3)}  # relative, absolute
FAMILIES = (IndexError, TypeError, ValueError, RuntimeError)  # the first that fits torch's error is the one ours must belong to


def compare(
    ours: Function,
    theirs: Function,
    *arrays: Array,
    grad: bool = True,
    second: bool = True,
    rtol: float | None = None,
    wrt: Sequence[int] | None = None,
) -> None:
    """Assert that both functions agree on these arrays: values, shapes, dtypes, gradients, and gradients of gradients.

    Results may be tensors, tuples of them, or plain Python values. Gradients are those of the sum of all float results, each
    element with a random weight of its own, with respect to every float array (or to those numbered in `wrt`); second order
    means the gradients of the weighted sum of the first ones. nan equals nan; no gradient equals a gradient of zeros.
    """
    chosen = [i for i, a in enumerate(arrays) if a.dtype.kind == "f"] if wrt is None else list(wrt)
    needing = set(chosen if grad else ())
    x = [tg.tensor(a, requires_grad=i in needing) for i, a in enumerate(arrays)]
    y = [torch.tensor(a, requires_grad=i in needing) for i, a in enumerate(arrays)]
    tell = "inputs " + " · ".join(f"{a.dtype}{list(a.shape)}" for a in arrays)
    got, want = results(ours(*x)), results(theirs(*y))
    check_all(got, want, rtol, f"value, {tell}")
    if not needing:
        return
    first = gradients(got, want, [x[i] for i in chosen], [y[i] for i in chosen], second)
    check_all(*first, rtol, f"gradient, {tell}")
    if second:
        check_all(*gradients(*first, [x[i] for i in chosen], [y[i] for i in chosen], False), rtol, f"second gradient, {tell}")


def results(made: Any) -> list[Any]:
    return [x for part in made for x in results(part)] if isinstance(made, tuple | list) else [made]


def check_all(got: list[Any], want: list[Any], rtol: float | None, what: str, scaled: bool = False) -> None:
    """Assert that all results agree; `scaled`: short floats within the relative tolerance of the largest element.

    A sum whose terms cancel is as exact as its terms, not as itself. In float64 the tolerance leaves room enough for that.
    """
    assert len(got) == len(want), f"{what}: we give {len(got)} results, torch {len(want)}"
    for i, (a, b) in enumerate(zip(got, want, strict=True)):
        _check(a, b, rtol, f"{what}, number {i}" if len(want) > 1 else what, scaled)


def _check(got: Any, want: Any, rtol: float | None, what: str, scaled: bool) -> None:
    if not isinstance(want, torch.Tensor):
        assert got == want or got is want, f"{what}: ours {got!r}, torch {want!r}"
        return
    assert isinstance(got, tg.Tensor), f"{what}: ours is a {type(got).__name__}, torch gives a tensor"
    name = str(want.dtype).removeprefix("torch.")
    assert str(got.dtype).removeprefix("torch.") == name, f"{what}: our dtype is {got.dtype}, torch's {name}"
    assert tuple(got.shape) == tuple(want.shape), f"{what}: our shape is {tuple(got.shape)}, torch's {tuple(want.shape)}"
    usual, floor = TOLERANCE.get(name, (0.0, 0.0))
    allowed = usual if rtol is None else rtol
    ours, theirs = got.detach().numpy(), want.detach().numpy(force=True)
    if scaled and name in ("float32", "float16"):
        floor = max(floor, allowed * np.abs(theirs[np.isfinite(theirs)], dtype=np.float64).max(initial=0.0))
    np.testing.assert_allclose(ours, theirs, rtol=allowed, atol=floor, equal_nan=True, err_msg=f"{what}: ours is ACTUAL, torch's DESIRED")


def gradients(got: list[Any], want: list[Any], x: list[Any], y: list[Any], create_graph: bool) -> tuple[list[Any], list[Any]]:
    """Our and torch's gradients of the results, weighted alike, with respect to x and y."""
    rng = np.random.default_rng(1)
    roots_got, roots_want, weights_got, weights_want = [], [], [], []
    for a, b in zip(got, want, strict=True):
        if not isinstance(b, torch.Tensor) or not b.dtype.is_floating_point:
            continue
        weight = np.asarray(rng.uniform(0.5, 1.5, tuple(b.shape))).astype(str(b.dtype).removeprefix("torch."))
        if a.requires_grad:
            roots_got.append(a)
            weights_got.append(tg.tensor(weight))
        if b.requires_grad:
            roots_want.append(b)
            weights_want.append(torch.tensor(weight))
    made_got: Sequence[Any] = [None] * len(x)
    made_want: Sequence[Any] = [None] * len(y)
    if roots_got:
        made_got = tg.autograd.grad(roots_got, x, weights_got, create_graph=create_graph, allow_unused=True)
    if roots_want:
        made_want = torch.autograd.grad(roots_want, y, weights_want, create_graph=create_graph, allow_unused=True)
    filled_got = [tg.zeros_like(a) if g is None else g for a, g in zip(x, made_got, strict=True)]
    filled_want = [torch.zeros_like(b) if g is None else g for b, g in zip(y, made_want, strict=True)]
    return filled_got, filled_want


def same_error(ours: Function, theirs: Function, *arrays: Array, family: type[Exception] | None = None) -> TinygradRegError:
    """Assert that both functions refuse these arrays; ours with an error of the package that is also torch's kind of error.

    `family` names the built-in class ours must belong to where torch's choice is not a sensible one. Returns our error.
    """
    with pytest.raises(Exception) as want:  # noqa: PT011
        theirs(*[torch.tensor(a) for a in arrays])
    expected = family or next((f for f in FAMILIES if isinstance(want.value, f)), Exception)
    with pytest.raises(TinygradRegError) as got:
        ours(*[tg.tensor(a) for a in arrays])
    told = f"ours is {type(got.value).__name__}: {got.value}\n  torch's is {type(want.value).__name__}: {want.value}"
    assert isinstance(got.value, expected), f"our error is no {expected.__name__}\n  {told}"
    assert len(str(got.value)) > 20, f"our error says too little\n  {told}"
    return got.value
