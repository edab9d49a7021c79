"""Lowering writes down what a forward function asks NumPy for, or leaves the function alone; it never keeps a value."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tinygrad_reg.compiler import numpy_ops as ops
from tinygrad_reg.compiler.lowering import Recorder, lower, sample
from tinygrad_reg.compiler.passes import prune, type_numbers
from tinygrad_reg.compiler.program import Equation, Program, Var, number, var_for
from tinygrad_reg.compiler.recorded import Opaque, Recorded
from tinygrad_reg.ops import fused


class Plain:
    """A primitive that is nothing but a function."""

    view = outputs = fails = False

    def __init__(self, forward: Callable[..., Any]) -> None:
        self.forward = forward
        self.name = "plain"


def lowered(forward: Callable[..., Any], *arrays: Any, like: Any = None) -> list[str]:
    """The names of the calls that one equation becomes; arrays give the forms of its arguments, floats are numbers."""
    inputs = tuple(var_for(x) if isinstance(x, np.ndarray) else number() for x in arrays)
    out = np.asarray(forward(*arrays)) if like is None else like
    equation = Equation(Plain(forward), inputs, {}, (var_for(out),), "")
    tensors, numbers = tuple(v for v in inputs if v.dtype is not None), tuple(v for v in inputs if v.dtype is None)
    program = Program(tensors, numbers, (), {}, (equation,), (), (), equation.outputs, (), {})
    return [e.primitive.name for e in prune(lower(program)).equations]


X, Y = np.full((3, 4), 2.0, np.float32), np.full((4,), 3.0, np.float32)


def in_place(x: Any) -> Any:
    out = np.exp(-x)
    out += 1.0
    return np.divide(1.0, out, out=out)


def shadowed_view(x: Any) -> Any:
    out = x * 2.0
    row = out[0]
    out += 1.0
    return out + row


LOWERED: dict[str, tuple[Callable[..., Any], tuple[Any, ...], list[str]]] = {
    "operators": (lambda x, y: (x - y) * 2.0, (X, Y), ["np.subtract", "np.multiply"]),
    "in place": (in_place, (X,), ["np.negative", "np.exp", "np.add", "np.divide"]),
    "products": (lambda x, y: x.dot(y) + np.dot(x, y) + x @ y, (X, Y), ["dot", "dot", "np.add", "np.matmul", "np.add"]),
    "reductions": (lambda x: np.add.reduce(x, axis=1, keepdims=True), (X,), ["np.add.reduce"]),
    "views": (lambda x: x.T.reshape((2, 6))[:, 1:].swapaxes(0, 1) * 1.0, (X,), ["T", "reshape", "getitem", "swapaxes", "np.multiply"]),
    "constants": (lambda x: np.dot(np.ones(len(x), x.dtype), x), (X,), ["dot"]),
    "filled": (lambda x: np.full_like(x, 2.0) * x, (X,), ["np.multiply"]),
    "choices": (lambda x: np.where(x > 1.0, x, x.dtype.type(0)), (X,), ["np.greater", "where"]),
    "joined": (lambda x: np.concatenate([x, x * 2.0], 0), (X,), ["np.multiply", "concatenate"]),
    "casts": (lambda x: x.astype(np.float64).copy(), (X,), ["astype", "copy"]),
    "written elements": (lambda x: _with_first_row(x), (X,), ["np.multiply", "set"]),
    "powers": (lambda x: (x**2) ** 3, (X,), ["np.square", "np.power"]),
    "a dtype for a ufunc": (lambda x: np.add(x, 1.0, dtype=np.float64), (X,), ["astype", "np.add"]),
    "integers added up": (lambda x: np.add.reduce(x > 1.0, axis=0, dtype=np.int64), (X,), ["np.greater", "astype", "np.add.reduce"]),
    "a part changed in place": (lambda x: _with_larger_row(x), (X,), ["np.multiply", "add_set"]),
    "a part of a part written": (lambda x: _with_corner(x), (X,), ["np.multiply", "getitem", "set", "set"]),
    "a turned view written": (lambda x: _turned(x), (X,), ["np.multiply", "T", "set", "T"]),
    "positions": (lambda x: x.take(np.array([1, 0]), 0), (X,), ["take"]),
    "positions along": (lambda x: np.take_along_axis(x, x.argmax(1, keepdims=True), 1), (X,), ["argmax", "take_along_axis"]),
    "repeated additions": (lambda x: _added_up(x), (X,), ["np.multiply", "getitem", "add_at"]),
    "running sums": (lambda x: np.add.accumulate(x, axis=1), (X,), ["np.add.accumulate"]),
    "windows": (lambda x: np.lib.stride_tricks.sliding_window_view(x, 2, 1) * 1.0, (X,), ["strided", "np.multiply"]),
    "a copy in order": (lambda x: x.T.copy("K") * 1.0, (X,), ["T", "transpose", "copy", "transpose", "np.multiply"]),
    "sigmoid": (fused.sigmoid.forward, (X,), ["np.negative", "np.exp", "np.add", "np.divide"]),
}
NOT_LOWERED: dict[str, Callable[..., Any]] = {
    "a branch on a value": lambda x: x if x.sum() > 0 else -x,
    "a branch on a comparison": lambda x: x * 2.0 if np.add.reduce(x, axis=None) > 0 else x,
    "an element": lambda x: x * float(np.add.reduce(x, axis=None)),
    "an array made plain": lambda x: np.asarray(x) * 2.0,
    "a position": lambda x: x[np.argmax(np.add.reduce(x, axis=1))] * np.ones((3, 1), np.float32),
    "iteration": lambda x: sum(x),
    "an unknown method": lambda x: x.cumsum(1),
    "an unknown function": lambda x: np.sort(x, axis=0),
    "a filled plain array": lambda x: _filled(x),
    "an own attribute": lambda x: x.base if x.base is not None else x * 1.0,
    "a view that is stale": shadowed_view,
    "two results of a ufunc": lambda x: np.modf(x)[0],
    "a dtype that sums are carried in": lambda x: np.add.reduce(x, axis=0, dtype=np.float64).astype(np.float32),
    "memory of its own that another view has changed": lambda x: _changed_twice(x),
    "a mask": lambda x: x[x > 3.0],
    "a written argument": lambda x: x.__setitem__(0, 1.0) or x,
}


def _with_first_row(x: Any) -> Any:
    out = x * 2.0
    out[0] = 5.0
    return out


def _with_larger_row(x: Any) -> Any:
    out = x * 2.0
    out[0] += 5.0
    return out


def _with_corner(x: Any) -> Any:
    out = x * 2.0
    out[1:][:, 2:3] = 5.0
    return out


def _turned(x: Any) -> Any:
    out = x * 2.0
    out.T[1] = 5.0
    return out


def _added_up(x: Any) -> Any:
    out = x * 2.0
    np.add.at(out, np.array([0, 0]), x[:2])
    return out


def _changed_twice(x: Any) -> Any:
    out = x * 2.0
    row = out[0]
    out[1:] = 3.0
    return out + row


def _filled(x: Any) -> Any:
    out = np.empty(x.shape, x.dtype)
    out[...] = x
    return out


@pytest.mark.parametrize("name", LOWERED)
def test_known_calls_are_written_down(name: str) -> None:
    forward, arrays, expected = LOWERED[name]
    assert lowered(forward, *arrays) == expected


@pytest.mark.parametrize("name", NOT_LOWERED)
def test_what_looks_at_values_or_is_unknown_stays_a_call(name: str) -> None:
    assert lowered(NOT_LOWERED[name], X) == ["plain"]


def test_traced_numbers_are_never_replaced_by_their_value() -> None:
    scale = 0.5
    assert lowered(lambda x, rate: x * rate, X, scale) == ["np.multiply"]
    assert lowered(lambda x, rate: x * (1.0 - rate**2), X, scale) == ["**", "-", "np.multiply"]
    assert lowered(lambda x, rate: x * rate if rate > 0 else x, X, scale) == ["plain"]
    assert lowered(lambda x, rate: x * float(rate), X, scale) == ["plain"]


def test_a_result_of_another_form_than_traced_is_not_believed() -> None:
    assert lowered(lambda x: x * 2.0, X, like=X.astype(np.float64)) == ["plain"]
    assert lowered(lambda x: x * 2.0, X, like=np.asfortranarray(X)) == ["plain"]


def test_stand_ins_look_like_the_arrays_and_show_nothing() -> None:
    array = np.arange(12.0).reshape(3, 4).T[1:]
    var = Var(array.shape, array.dtype, array.strides)
    stand_in = Recorded(sample(var), Recorder(""), var)
    assert (stand_in.shape, stand_in.dtype, stand_in.strides) == (array.shape, array.dtype, array.strides)
    assert (len(stand_in), stand_in.ndim, stand_in.size) == (3, 2, 9)
    assert isinstance(stand_in, np.ndarray)
    assert not stand_in.flags.c_contiguous
    for look in (bool, float, int, list, np.asarray, np.array, lambda x: 1.0 in x, lambda x: [1, 2][x]):
        with pytest.raises((Opaque, TypeError)):
            look(stand_in)
    with pytest.raises(AttributeError):
        stand_in.item()
    with pytest.raises(Opaque):
        sample(var_for(np.arange(3)[::-1]))


def test_numbers_become_constants_of_the_dtype_they_are_computed_in() -> None:
    x = var_for(X)
    equation = Equation(ops.ufunc_op(np.multiply), (x, 0.1), {}, (var_for(X),), "")
    half = Equation(ops.ufunc_op(np.add), (equation.outputs[0], np.float32(2)), {}, (var_for(X),), "")
    program = type_numbers(Program((x,), (), (), {}, (equation, half), (), (), half.outputs, (), {}))
    assert [(array.dtype, array[()]) for array in program.constants.values()] == [(np.float32, np.float32(0.1)), (np.float32, 2)]
    integers = Equation(ops.ufunc_op(np.multiply), (var_for(np.arange(3)), 2), {}, (var_for(np.arange(3)),), "")
    program = Program(tuple(integers.reads()), (), (), {}, (integers,), (), (), integers.outputs, (), {})
    assert type_numbers(program) == program
