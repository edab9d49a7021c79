"""One element of a function as C, with NumPy's meaning: its dtypes, its treatment of nan, its integers that wrap around."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from ...numpy_ops import CAST, COPY, SET, WHERE, NumpyOp, is_reduction
from ...program import Equation, Var
from .mathematics import FUNCTIONS

_C_TYPES = {
    "bool": "uint8_t",
    "int8": "int8_t",
    "int16": "int16_t",
    "int32": "int32_t",
    "int64": "int64_t",
    "uint8": "uint8_t",
    "float32": "float",
    "float64": "double",
}


def c_type(dtype: Any) -> str:
    """The C type of a dtype; float16 is only moved."""
    return "uint16_t" if dtype.name == "float16" else _C_TYPES[dtype.name]


def suffix(dtype: Any) -> str:
    """How functions for this dtype end: tg_exp_f32."""
    return {"float32": "f32", "float64": "f64"}[dtype.name]


# Of floats. {x} and {y} are names of variables; {t} is the suffix of the dtype, {f} that of functions of C.
_FLOAT: dict[str, str] = {
    "add": "{x} + {y}",
    "subtract": "{x} - {y}",
    "multiply": "{x} * {y}",
    "divide": "{x} / {y}",
    "negative": "-{x}",
    "positive": "{x}",
    "square": "{x} * {x}",
    "reciprocal": "1 / {x}",
    "sqrt": "__builtin_sqrt{f}({x})",
    "absolute": "__builtin_fabs{f}({x})",
    "fabs": "__builtin_fabs{f}({x})",
    "floor": "__builtin_floor{f}({x})",
    "ceil": "__builtin_ceil{f}({x})",
    "trunc": "__builtin_trunc{f}({x})",
    "rint": "__builtin_rint{f}({x})",
    "copysign": "__builtin_copysign{f}({x}, {y})",
    "sign": "{x} != {x} ? {x} : ({type})(({x} > 0) - ({x} < 0))",
    "maximum": "{x} > {y} || {x} != {x} ? {x} : {y}",
    "minimum": "{x} < {y} || {x} != {x} ? {x} : {y}",
    "fmax": "{x} >= {y} || {y} != {y} ? {x} : {y}",
    "fmin": "{x} <= {y} || {y} != {y} ? {x} : {y}",
}
_INTEGER: dict[str, str] = {
    "add": "{x} + {y}",
    "subtract": "{x} - {y}",
    "multiply": "{x} * {y}",
    "negative": "-{x}",
    "positive": "{x}",
    "square": "{x} * {x}",
    "absolute": "{x} < 0 ? -{x} : {x}",
    "maximum": "{x} >= {y} ? {x} : {y}",
    "minimum": "{x} <= {y} ? {x} : {y}",
    "sign": "({x} > 0) - ({x} < 0)",
    "bitwise_and": "{x} & {y}",
    "bitwise_or": "{x} | {y}",
    "bitwise_xor": "{x} ^ {y}",
    "invert": "~{x}",
}
_TEST: dict[str, str] = {
    "equal": "{x} == {y}",
    "not_equal": "{x} != {y}",
    "less": "{x} < {y}",
    "less_equal": "{x} <= {y}",
    "greater": "{x} > {y}",
    "greater_equal": "{x} >= {y}",
    "logical_and": "({x} != 0) & ({y} != 0)",
    "logical_or": "({x} != 0) | ({y} != 0)",
    "logical_xor": "({x} != 0) ^ ({y} != 0)",
    "logical_not": "{x} == 0",
    "isnan": "{x} != {x}",
    "isfinite": "{x} - {x} == 0",
    "isinf": "__builtin_fabs{f}({x}) == INFINITY",
    "signbit": "__builtin_signbit({x}) != 0",
}
_BOOL = {"bitwise_and": "{x} & {y}", "bitwise_or": "{x} | {y}", "bitwise_xor": "{x} ^ {y}", "invert": "{x} ^ 1", "logical_not": "{x} ^ 1",
         "add": "{x} | {y}", "multiply": "{x} & {y}", "maximum": "{x} | {y}", "minimum": "{x} & {y}"}  # fmt: skip

# name of the ufunc: (where an accumulation starts, by the dtype's kind), and the step of accumulation is the ufunc itself
_REDUCTIONS: dict[str, Callable[[np.dtype[Any]], Any]] = {
    "add": lambda dtype: 0,
    "multiply": lambda dtype: 1,
    "maximum": lambda dtype: -math.inf if dtype.kind == "f" else np.iinfo(dtype).min if dtype.kind in "iu" else 0,
    "minimum": lambda dtype: math.inf if dtype.kind == "f" else np.iinfo(dtype).max if dtype.kind in "iu" else 1,
    "logical_and": lambda dtype: 1,
    "logical_or": lambda dtype: 0,
}

_QUICK_NAMES = {*_TEST, "add", "subtract", "multiply", "negative", "square", "maximum", "minimum", "absolute"}

#: How OpenMP calls the reductions; those of bools are what their steps are.
_CLAUSES = {"add": "+", "multiply": "*", "maximum": "max", "minimum": "min", "logical_and": "&", "logical_or": "|"}
_BOOL_CLAUSES = {"add": "|", "multiply": "&", "maximum": "|", "minimum": "&", "logical_and": "&", "logical_or": "|"}


def clause(name: str, dtype: np.dtype[Any]) -> str:
    """OpenMP's name of a reduction."""
    return (_BOOL_CLAUSES if dtype.kind == "b" else _CLAUSES)[name]


def loop_dtypes(ufunc: Any, inputs: Sequence[Any]) -> tuple[np.dtype[Any], ...]:
    """The dtypes NumPy computes in: one for each input, and the result's."""
    given = [x.dtype if isinstance(x, (Var, np.generic)) else type(x) for x in inputs]
    return tuple(ufunc.resolve_dtypes((*given, None)))


def known(equation: Equation) -> bool:
    """Whether this is an elementwise equation that can be written in C."""
    op = equation.primitive
    if not _all_typed(equation):
        return False
    if op in (WHERE, CAST, COPY):
        return True
    if not isinstance(op, NumpyOp) or not op.elementwise:
        return False
    try:
        *_, out = loop_dtypes(op.ufunc, equation.inputs)
        return out == equation.outputs[0].dtype and template(op.ufunc, equation.inputs) is not None
    except TypeError:
        return False


def is_quick(equation: Equation) -> bool:
    """Whether an element costs no more than a few additions."""
    op = equation.primitive
    return op in (WHERE, CAST, COPY) or (isinstance(op, NumpyOp) and op.elementwise and op.ufunc.__name__ in _QUICK_NAMES)


def known_reduction(equation: Equation) -> bool:
    """Whether this is a reduction that a loop can do."""
    op = equation.primitive
    if not is_reduction(op) or not _all_typed(equation):
        return False
    assert isinstance(op, NumpyOp)
    [x], [out] = equation.inputs, equation.outputs
    name = op.ufunc.__name__
    assert x.dtype is not None
    assert out.dtype is not None
    same = x.dtype == out.dtype or (name in ("add", "multiply") and x.dtype.kind in "biu" and out.dtype.kind in "iu")
    empty = 0 in x.shape and name in ("maximum", "minimum")
    return name in _REDUCTIONS and (same or name.startswith("logical")) and not empty


def known_update(equation: Equation) -> bool:
    """Whether what an update does to a part can be written in C."""
    op, dtype = equation.primitive, equation.outputs[0].dtype
    if op is SET:
        return True
    assert isinstance(op, NumpyOp)
    assert dtype is not None
    try:
        return template(op.ufunc, (dtype.type(), dtype.type())) is not None
    except TypeError:
        return False


def typed(arrays: Iterable[Any]) -> bool:
    """Whether C can compute with these dtypes; bytes in another order than the machine's are left to NumPy."""
    return all(x.dtype is None or (x.dtype.name in _C_TYPES and x.dtype.isnative) for x in arrays)


def _all_typed(equation: Equation) -> bool:
    return typed(x for x in (*equation.inputs, *equation.outputs) if isinstance(x, (Var, np.generic)))


def template(ufunc: Any, inputs: Sequence[Any]) -> str | None:
    """The C text of a ufunc on these inputs, with {x}, {y}, {f}, {t} and {type} to be filled in; None if there is none."""
    *given, out = loop_dtypes(ufunc, inputs)
    name, kind = ufunc.__name__, given[0].kind
    if any(dtype.name not in _C_TYPES for dtype in (*given, out)):
        return None
    if name in _TEST and out.kind == "b" and not (kind == "b" and name in _BOOL):
        return _TEST[name]
    if kind == "f" and out.kind == "f":
        own = f"{FUNCTIONS[name]}_{{t}}({'{x}, {y}' if ufunc.nin == 2 else '{x}'})" if name in FUNCTIONS else None
        return _FLOAT.get(name) or own
    return {"i": _INTEGER, "u": _INTEGER, "b": _BOOL}.get(kind, {}).get(name)


def element(equation: Equation, operand: Callable[[Any, np.dtype[Any]], str]) -> str:
    """The text of one element of the result. `operand` gives an input's text, converted to a dtype."""
    op, [out] = equation.primitive, equation.outputs
    assert out.dtype is not None
    if op in (CAST, COPY):
        return operand(equation.inputs[0], out.dtype)
    if op is WHERE:
        condition, x, y = equation.inputs
        return f"{operand(condition, np.dtype(bool))} ? {operand(x, out.dtype)} : {operand(y, out.dtype)}"
    assert isinstance(op, NumpyOp)
    *given, _ = loop_dtypes(op.ufunc, equation.inputs)
    texts = dict(zip("xy", [operand(x, dtype) for x, dtype in zip(equation.inputs, given, strict=True)], strict=False))
    found = template(op.ufunc, equation.inputs)
    assert found is not None
    dtype = given[0]
    names = {"f": "f" if dtype == np.float32 else "", "t": suffix(dtype) if dtype.kind == "f" else "", "type": c_type(dtype)}
    return found.format(**texts, **names)


def accumulate(name: str, total: str, x: str, dtype: np.dtype[Any]) -> str:
    """The text of total ⊕ x, for a reduction."""
    if name.startswith("logical"):
        return f"{total} {_CLAUSES[name]} ({x} != 0)"
    table = _FLOAT if dtype.kind == "f" else _BOOL if dtype.kind == "b" else _INTEGER
    return table[name].format(x=total, y=x)


def start(name: str, dtype: np.dtype[Any]) -> str:
    """Where a reduction starts."""
    return literal(_REDUCTIONS[name](dtype), dtype)


def literal(value: Any, dtype: np.dtype[Any]) -> str:
    """A number as C source of this dtype."""
    if dtype.kind != "f":
        whole = int(np.asarray(value).astype(dtype))
        return f"(-{-whole - 1}LL - 1)" if whole < -(2**62) else f"{whole}LL" if abs(whole) >= 2**31 else str(whole)
    number = float(np.asarray(value, dtype))
    f = "f" if dtype == np.float32 else ""
    if math.isnan(number):
        return f"({c_type(dtype)})NAN"
    if math.isinf(number):
        return f"({'-' if number < 0 else ''}({c_type(dtype)})INFINITY)"
    text = repr(number)
    return f"({text}{f})" if text.startswith("-") else f"{text}{f}"


def convert(text: str, source: Any, target: Any) -> str:
    """A value of one dtype as another."""
    if source == target:
        return text
    if target.kind == "b":
        return f"({text} != 0)"
    # What does not fit wraps around in NumPy; C leaves it open, unless the number is cut to 32 bits before it is made small.
    cut = "(int32_t)" if source.kind == "f" and target.kind in "iu" and target.itemsize < 4 else ""
    made = f"({c_type(target)}){cut}{text}"
    # GCC 12 takes a number that was cut to an integer and back for trunc of it, which is -0 for -0.3; an integer is never -0.
    return f"({text} ? {made} : 0)" if source.kind in "iu" and target.kind == "f" else made
