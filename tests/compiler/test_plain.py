"""Lowering over the registry: what is written down does what the forward does, to the bit, and in plain form within rounding."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from tinygrad_reg.compiler.backends import BACKENDS
from tinygrad_reg.compiler.lowering import lower
from tinygrad_reg.compiler.numpy_ops import NumpyOp
from tinygrad_reg.compiler.program import Equation, NotFinite, Program, Var, var_for
from tinygrad_reg.engine.primitive import PRIMITIVES, silent_copy
from tinygrad_reg.ops.pointwise import Elementwise

from ..examples_of_primitives import Example, examples_of
from ..test_registry import CALLED, build
from .regression import EXACT

#: What stays a call of Python in plain form, for some of the examples, and why.
OPAQUE = {
    "draw_p": "random numbers, which a backend draws beforehand",
    **dict.fromkeys(["unique", "nonzero", "occurrences", "bag_numbers", "sum_segments", "repeat_interleave"], "shaped by values"),
    **dict.fromkeys(["index", "index_embed"], "arrays apart from each other, and masks whose choice has a shape that depends on values"),
    "window_argmax": "padded windows beside ones of unequal sizes, which no layer has",
    "index_multiply": "products at repeated positions",
    "bag_argmax": "parts of unequal sizes",
    "svd": "iterations of LAPACK",
    "safe_softmax": "rows without elements",
}


#: Those that refuse special values.
PARTICULAR = ("all_probabilities",)


def calls(name: str, dtype: str) -> Iterator[tuple[list[Any], dict[str, Any]]]:
    """The examples of a primitive; of elementwise ones also arrays so large that the forward takes other ways."""
    p = PRIMITIVES[name]
    examples = list(examples_of(name))
    if isinstance(p, Elementwise):
        for items in dict.fromkeys(tuple(example.params.items()) for example in examples):
            example = Example(((50,),) * len(p.arguments), dict(items))
            yield [np.tile(x, 100) for x in build(name, example, 3, dtype)], example.params
    for example in examples:
        yield build(name, example, 3, dtype), example.params


def outcome(name: str, args: list[Any], params: dict[str, Any], plain: bool) -> tuple[Program, list[Any], list[Any]]:
    """The lowered program of one call, the arrays that it is called with, and the results of the forward itself."""
    p = PRIMITIVES[name]
    made = silent_copy().run(p.forward, *args, **params)
    expected = [np.asarray(x) for x in (made if p.outputs else (made,))]
    inputs = [var_for(x) if isinstance(x, np.ndarray) else x for x in args]
    equation = Equation(p, tuple(inputs), params, tuple(map(var_for, expected)), "")
    variables = [x for x in inputs if isinstance(x, Var)]
    names = {var: f"x{i}" for i, var in enumerate(variables)}
    program = Program(tuple(variables), (), (), {}, (equation,), (), (), equation.outputs, (), names)
    return lower(program, (plain,)), [x for x in args if isinstance(x, np.ndarray)], expected


def is_opaque(program: Program) -> bool:
    return not all(isinstance(e.primitive, NumpyOp) for e in program.equations)


SPECIAL = np.array([np.inf, -np.inf, np.nan, 0.0, -0.0, 1e30, -1e30, 1e-40, 1.0, -1.0, 88.0, -104.0, 5.0, -5.0])


def with_special(x: Any) -> Any:
    """A float array in which a third of the elements is infinite, nan, zero, or large."""
    if not isinstance(x, np.ndarray) or x.dtype.kind != "f":
        return x
    generator = np.random.default_rng(x.size)
    return np.where(generator.random(x.shape) < 0.3, generator.choice(SPECIAL, x.shape), x).astype(x.dtype)


def close(x: Any, y: Any, exactly: bool, eps: float) -> None:
    """Raise unless both arrays are equal, to the bit or within rounding."""
    assert (x.shape, x.dtype) == (y.shape, y.dtype)
    if exactly or x.dtype.kind != "f":
        assert np.array_equal(x, y, equal_nan=x.dtype.kind == "f")
        assert x.dtype.kind != "f" or np.array_equal(np.signbit(x[x == x]), np.signbit(y[y == y]))
    else:
        np.testing.assert_allclose(x, y, rtol=eps, atol=eps)


@pytest.mark.parametrize("special", [False, True], ids=["", "special"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", CALLED)
def test_lowered_calls_give_what_the_forward_gives(name: str, dtype: str, special: bool) -> None:
    opaque = []
    for args, params in calls(name, dtype):
        args = list(map(with_special, args)) if special and name not in PARTICULAR else args
        for plain in (False, True):
            program, given, expected = outcome(name, args, params, plain)
            opaque.append(plain and is_opaque(program))
            for backend in EXACT if not is_opaque(program) else ():
                copies = [x.copy(order="K") for x in given]
                try:
                    found = BACKENDS[backend](program).run(copies, [], [])[0]
                except NotFinite:  # given up: eager goes on
                    assert (special, plain) == (True, False)
                    continue
                for x, y in zip(copies, given, strict=True):
                    close(x, y, True, 0.0)
                for x, y in zip(found, expected, strict=True):
                    close(x, y, not plain, 64 * float(np.finfo(dtype).eps))
    assert any(opaque) == (name in OPAQUE)
