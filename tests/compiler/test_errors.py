"""Errors that values decide: a compiled step raises what eager raises, also where nobody needs the result."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import tinygrad_reg as tg
from tinygrad_reg import nn
from tinygrad_reg.engine.primitive import PRIMITIVES, silent_copy
from tinygrad_reg.errors import TinygradRegError
from tinygrad_reg.ops.pointwise import Elementwise

from ..examples_of_primitives import examples_of
from ..test_registry import CALLED, build
from .regression import close, same
from .test_dynamic import BACKENDS

functional = nn.functional

#: Primitives that raise for some indices, which are none of the user's.
CHECKED_BEFORE = {
    **dict.fromkeys(["gather", "gather_embed", "scatter"], "`places` checks them"),
    **dict.fromkeys(["pick", "place", "window_pick", "window_place"], "they were found as those of the largest"),
    **dict.fromkeys(
        ["at_target", "to_target", "class_losses", "class_losses_grad", "at_targets_total", "class_total"],
        "`in_range` checks them in a trace",
    ),
    **dict.fromkeys(["index_embed", "sum_segments"], "the way there has used them"),
    "bag_argmax": "`bag_numbers` made them",
}


def other_values(x: Any) -> Iterator[Any]:
    """Arrays like this one, of values that a function might refuse."""
    if isinstance(x, np.ndarray) and x.size and x.dtype.kind in "iuf":
        for value in (0, -1, 2, 10**6, -(10**6), *((np.nan, np.inf) if x.dtype.kind == "f" else ())):
            yield np.full_like(x, value)


def refused(name: str) -> Iterator[tuple[list[Any], list[Any], dict[str, Any]]]:
    """Calls of a primitive: good arguments, bad ones of the same form, and keywords."""
    p = PRIMITIVES[name]
    for example in examples_of(name):
        made = build(name, example, 0)
        whole = [np.ones_like(x, dtype=np.int64) if isinstance(x, np.ndarray) and x.dtype.kind == "f" else x for x in made]
        for args in (made, whole) if isinstance(p, Elementwise) else (made,):
            if _raises(p, args, example.params):
                continue  # a function of floats alone
            for i, x in enumerate(args):
                for other in other_values(x):
                    changed = [*args[:i], other, *args[i + 1 :]]
                    if _raises(p, changed, example.params):
                        yield args, changed, example.params
                        break


def _raises(p: Any, args: list[Any], params: dict[str, Any]) -> bool:
    try:
        silent_copy().run(p.forward, *args, **params)
    except (TinygradRegError, ValueError, IndexError):
        return True
    except TypeError:  # integers, where there must be floats
        return True
    return False


@pytest.mark.parametrize("name", [name for name in CALLED if name != "draw_p"])
@pytest.mark.filterwarnings("ignore:compile. function runs eagerly")
def test_primitives_that_raise_by_values_say_so_and_are_never_left_out(name: str) -> None:
    calls = list(refused(name))
    assert PRIMITIVES[name].fails or name in CHECKED_BEFORE or not calls
    assert name not in CHECKED_BEFORE or (calls and not PRIMITIVES[name].fails)
    for good, bad, params in calls if PRIMITIVES[name].fails else ():

        def function(*args: Any, params: Any = params) -> Any:
            PRIMITIVES[name](*args, **params)
            return tg.ones(2)

        raises_at_the_end(function, [_tensors(good)] * 3, _tensors(bad), "numpy_source")


def _tensors(args: list[Any]) -> list[Any]:
    return [tg.tensor(x) if isinstance(x, np.ndarray) else x for x in args]


def agree(expected: Any, found: Any) -> bool:
    return close(expected, found, 1e-6)


def raises_at_the_end(function: Callable[..., Any], good: list[Any], bad: list[Any], backend: str) -> None:
    """Compare with eager: the good calls, then the error of the bad one, then a good one again."""
    step = tg.compile(function, backend=backend)
    for args in good:
        assert agree(function(*args), step(*args))
    with pytest.raises((TinygradRegError, ValueError, IndexError)) as expected:
        function(*bad)
    with pytest.raises(type(expected.value)) as found:
        step(*bad)
    assert str(found.value) == str(expected.value)
    assert agree(function(*good[0]), step(*good[0]))


x = tg.tensor([[0.25, 0.5, 0.75], [0.1, 0.2, 0.3]])
whole = tg.tensor([1, 2, 2])
DROPPED: dict[str, tuple[Callable[..., Any], list[Any], list[Any]]] = {
    "//": (lambda i: i // i, [whole], [whole - 1]),
    "%": (lambda i: 7 % i, [whole], [whole - 1]),
    "fmod": (lambda i: tg.fmod(i, i), [whole], [whole - 1]),
    "div": (lambda i: tg.div(i, i, rounding_mode="floor"), [whole], [whole - 1]),
    "x[i]": (lambda i: x.mT[i], [whole], [whole + 1]),
    "x[i] = y": (lambda i: x.mT.clone().index_put_((i,), tg.ones(3, 2)), [whole], [whole + 1]),
    "index_select": (lambda i: x.index_select(1, i), [whole], [whole + 1]),
    "index_add": (lambda i: x.index_add(1, i, x), [whole], [whole + 1]),
    "take_along_dim": (lambda i: tg.take_along_dim(x, i.unsqueeze(0), 1), [whole], [whole + 1]),
    "gather": (lambda i: x.gather(1, i.unsqueeze(0)), [whole], [whole - 2]),
    "scatter": (lambda i: x.scatter(1, i.unsqueeze(0), 2.0), [whole], [whole + 1]),
    "embedding": (lambda i: functional.embedding(i, x.mT), [whole], [whole + 1]),
    "embedding_bag": (lambda o: functional.embedding_bag(whole, x.mT, o), [tg.tensor([0, 1])], [tg.tensor([0, 4])]),
    "one_hot": (lambda i: functional.one_hot(i, 3), [whole], [whole + 1]),
    "cross_entropy": (lambda i: functional.cross_entropy(x, i), [whole[:2]], [whole[:2] + 2]),
    "nll_loss": (lambda i: functional.nll_loss(x, i), [whole[:2]], [whole[:2] + 2]),
    "svd": (lambda y: tg.linalg.svdvals(y), [x], [x * tg.nan]),
    "binary_cross_entropy": (lambda y: functional.binary_cross_entropy(y, x), [x], [x + 0.5]),
    "binary_cross_entropy, target": (lambda y: functional.binary_cross_entropy(x, y), [x], [x * tg.nan]),
    "bernoulli": (lambda p: tg.bernoulli(p), [x], [-x]),
    "gaussian_nll_loss": (lambda v: functional.gaussian_nll_loss(x, x, v), [x], [-x]),
}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", DROPPED)
def test_an_error_is_raised_whether_the_result_is_used_or_not(name: str, backend: str) -> None:
    function, good, bad = DROPPED[name]
    raises_at_the_end(lambda *args: (function(*args), tg.ones(2))[1], [good] * 3, bad, backend)
    if name != "bernoulli":  # two calls draw different numbers
        raises_at_the_end(function, [good] * 3, bad, backend)


@pytest.mark.parametrize("backend", BACKENDS)
def test_nothing_is_written_before_an_error_is_raised(backend: str) -> None:
    """Neither what is written before nor after, nor a random number drawn twice."""
    count, table = tg.zeros(3), tg.tensor([1.0, 2.0, 3.0])

    def function(i: Any) -> None:
        count.add_(1.0)
        table.copy_(table[i] * 2)
        count.mul_(2.0)

    step = tg.compile(function, backend=backend)
    good, bad = tg.tensor([0, 1, 2]), tg.tensor([0, 1, 3])
    for _ in range(4):
        step(good)
    before = table.tolist()
    with pytest.raises(IndexError):
        step(bad)
    assert table.tolist() == before
    assert count.tolist() == [31.0] * 3  # eager, which raises the error, had written that
    step(good)
    assert count.tolist() == [64.0] * 3


@pytest.mark.skipif("c" not in BACKENDS, reason="there is no C compiler")
@pytest.mark.parametrize("dtype", [tg.float32, tg.float64])
def test_probabilities_are_checked_in_the_loops_of_c(dtype: Any) -> None:
    layer = nn.Linear(3, 1, dtype=dtype)
    optimizer = tg.optim.SGD(layer.parameters(), lr=0.1)

    def function(inputs: Any, target: Any) -> Any:
        optimizer.zero_grad()
        loss = functional.binary_cross_entropy(layer(inputs).sigmoid(), target)
        loss.backward()
        optimizer.step()
        return loss

    step = tg.compile(function, backend="c")
    inputs, target = tg.ones(4, 3, dtype=dtype), tg.ones(4, 1, dtype=dtype)
    for _ in range(4):
        step(inputs, target)
    assert "calls of Python" not in step.explain()
    weight = layer.weight.detach().clone()
    with pytest.raises(TinygradRegError, match="all elements of target must be between 0 and 1"):
        step(inputs, target * 2)
    assert same(layer.weight.detach(), weight)
