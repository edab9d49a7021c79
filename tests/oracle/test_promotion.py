"""Result dtypes and values of all pairs of dtypes, as tensors, 0-d tensors and Python numbers, against torch."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_reg as tg
from tinygrad_reg.errors import TinygradRegError

torch = pytest.importorskip("torch")

DTYPES = ["float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "bool"]
NUMBERS = [True, 2, 2.0, 2.5]
Maker = Callable[[Any], Any]


def operands() -> list[tuple[str, Maker]]:
    """What may stand on one side: for torch's module or ours, the same values."""
    made: list[tuple[str, Maker]] = []
    for dtype in DTYPES:
        made.append((f"{dtype}[2]", lambda m, d=dtype: m.tensor([1, 3], dtype=getattr(m, d))))
        made.append((f"{dtype}[]", lambda m, d=dtype: m.tensor(3, dtype=getattr(m, d))))
    return made + [(repr(n), lambda m, n=n: n) for n in NUMBERS]


OPERANDS = operands()
PAIRS = [(a, b) for a, b in itertools.product(OPERANDS, repeat=2) if not (a[0] in map(repr, NUMBERS) and b[0] in map(repr, NUMBERS))]

OPERATIONS: dict[str, Callable[[Any, Any, Any], Any]] = {
    "add": lambda m, a, b: a + b,
    "sub": lambda m, a, b: a - b,
    "mul": lambda m, a, b: a * b,
    "div": lambda m, a, b: a / b,
    "floordiv": lambda m, a, b: a // b,
    "mod": lambda m, a, b: a % b,
    "pow": lambda m, a, b: a**b,
    "eq": lambda m, a, b: a == b,
    "lt": lambda m, a, b: a < b,
    "ge": lambda m, a, b: a >= b,
    "ne": lambda m, a, b: a != b,
    "gt": lambda m, a, b: a > b,
    "le": lambda m, a, b: a <= b,
    "where": lambda m, a, b: m.where(m.tensor([True, False]), a, b),
    "and": lambda m, a, b: a & b,
    "or": lambda m, a, b: a | b,
    "xor": lambda m, a, b: a ^ b,
    "lshift": lambda m, a, b: a << b,
    "rshift": lambda m, a, b: a >> b,
}
TENSORS_ONLY: dict[str, Callable[[Any, Any, Any], Any]] = {
    "maximum": lambda m, a, b: m.maximum(a, b),
    "minimum": lambda m, a, b: m.minimum(a, b),
    "fmax": lambda m, a, b: m.fmax(a, b),
    "clamp": lambda m, a, b: m.clamp(a, max=b),
    "add alpha": lambda m, a, b: m.add(a, b, alpha=2),
    "div trunc": lambda m, a, b: m.div(a, b, rounding_mode="trunc"),
    "logaddexp": lambda m, a, b: m.logaddexp(a, b),
    "atan2": lambda m, a, b: m.atan2(a, b),
    "fmod": lambda m, a, b: m.fmod(a, b),
    "cat": lambda m, a, b: m.cat([a.reshape(-1), b.reshape(-1)]),
    "stack": lambda m, a, b: m.stack([a.expand(2), b.expand(2)]) if a.dtype == b.dtype else m.zeros(1),
    "logical_and": lambda m, a, b: m.logical_and(a, b),
    "addcmul": lambda m, a, b: m.addcmul(a, b, b),
    "addcmul value": lambda m, a, b: m.addcmul(a, b, b * 20, value=0.5 if (a + b).is_floating_point() else 2),
    "addcdiv value": lambda m, a, b: m.addcdiv(a, b, b + 2, value=0.5),
    "lerp": lambda m, a, b: m.lerp(a, b, 0.25),
    "clamp both": lambda m, a, b: m.clamp(a, b, b),
    "outer": lambda m, a, b: m.outer(a.reshape(-1), b.reshape(-1)),
    "logical_or": lambda m, a, b: m.logical_or(a, b),
    "fmin": lambda m, a, b: m.fmin(a, b),
    "hstack": lambda m, a, b: m.hstack([a.reshape(-1), b.reshape(-1)]),
    "scatter": lambda m, a, b: a.expand(2).scatter(0, m.tensor([0]), b.reshape(-1)[:1]),
    "index_put": lambda m, a, b: a.expand(2).index_put((m.tensor([0]),), b.reshape(-1)[:1]),
    "masked_fill": lambda m, a, b: a.masked_fill(m.tensor([True, False]), b.reshape(-1)[0]),
    "hypot": lambda m, a, b: m.hypot(a, b),
    "result_type": lambda m, a, b: m.zeros(1, dtype=m.result_type(a, b)),
    "promote_types": lambda m, a, b: m.zeros(1, dtype=m.promote_types(a.dtype, b.dtype)),
}

#: torch has no kernel for it, or another reason not to follow; ours must then be an error of the package or a sensible result.
REFUSED_BY_TORCH = (NotImplementedError, RuntimeError, TypeError)


#: sign of bool we refuse, as torch does for abs and neg.
ODD = {"sign: bool with nothing"}


def check(name: str, operation: Callable[[Any, Any, Any], Any], a: tuple[str, Maker], b: tuple[str, Maker]) -> str | None:
    """What differs between ours and torch's, or None."""
    label = f"{name}: {a[0]} with {b[0]}"
    if label in ODD:
        return None
    try:
        want = operation(torch, a[1](torch), b[1](torch))
    except REFUSED_BY_TORCH:
        try:
            operation(tg, a[1](tg), b[1](tg))
        except (TinygradRegError, TypeError):
            return None
        return None  # wider than torch is no harm
    try:
        got = operation(tg, a[1](tg), b[1](tg))
    except Exception as error:  # noqa: BLE001
        return f"{label}: torch gives {want.dtype}, ours raises {type(error).__name__}: {error}"
    if str(got.dtype) != str(want.dtype).removeprefix("torch."):
        return f"{label}: torch gives {want.dtype}, ours {got.dtype}"
    if tuple(got.shape) != tuple(want.shape):
        return f"{label}: torch gives shape {tuple(want.shape)}, ours {tuple(got.shape)}"
    if not np.allclose(
        got.numpy().astype("float64"), want.numpy().astype("float64"), rtol=2e-3 if "16" in str(want.dtype) else 1e-6, equal_nan=True
    ):
        return f"{label}: torch gives {want.tolist()}, ours {got.tolist()}"
    return None


@pytest.mark.parametrize("name", OPERATIONS)
def test_the_whole_table(name: str) -> None:
    wrong = [found for a, b in PAIRS if (found := check(name, OPERATIONS[name], a, b))]
    assert not wrong, f"{len(wrong)} of {len(PAIRS)} differ:\n" + "\n".join(wrong[:20])


@pytest.mark.parametrize("name", TENSORS_ONLY)
def test_the_table_of_tensors(name: str) -> None:
    pairs = [(a, b) for a, b in PAIRS if "[" in a[0] and "[" in b[0]]
    wrong = [found for a, b in pairs if (found := check(name, TENSORS_ONLY[name], a, b))]
    assert not wrong, f"{len(wrong)} of {len(pairs)} differ:\n" + "\n".join(wrong[:20])


UNARY = [
    "neg",
    "abs",
    "sign",
    "floor",
    "ceil",
    "trunc",
    "round",
    "sqrt",
    "rsqrt",
    "exp",
    "exp2",
    "expm1",
    "log",
    "log2",
    "log10",
    "log1p",
    "sin",
    "cos",
    "tan",
    "sinh",
    "cosh",
    "tanh",
    "asinh",
    "atan",
    "sigmoid",
    "relu",
    "square",
    "reciprocal",
    "isnan",
    "isinf",
    "isfinite",
    "logical_not",
    "bitwise_not",
    "positive",
    "sum",
    "mean",
    "prod",
    "amax",
    "amin",
    "min",
    "argmin",
    "nansum",
    "nanmean",
    "median",
    "erf",
    "logit",
    "max",
    "argmax",
    "var",
    "std",
    "all",
    "any",
    "cumsum",
    "cumprod",
    "logsumexp",
    "softmax",
    "count_nonzero",
    "nan_to_num",
    "clone",
    "float",
    "double",
    "half",
    "long",
    "int",
    "short",
    "bool",
]
WITH_DIM = {"cumsum", "cumprod", "logsumexp", "softmax"}


@pytest.mark.parametrize("name", UNARY)
def test_functions_of_one_tensor(name: str) -> None:
    wrong = []
    for dtype in DTYPES:
        call = (lambda x: getattr(x, name)(0)) if name in WITH_DIM else operator.methodcaller(name)
        found = check(
            name,
            lambda m, a, b, call=call: call(a),
            (dtype, lambda m, d=dtype: m.tensor([1, 3], dtype=getattr(m, d))),
            ("nothing", lambda m: None),
        )
        wrong += [found] if found else []
    assert not wrong, "\n".join(wrong)


OPERATORS = ["iadd", "isub", "imul", "itruediv", "ifloordiv", "imod", "ipow", "iand", "ior", "ixor", "ilshift", "irshift"]
IN_PLACE = {name: getattr(operator, name) for name in OPERATORS}


@pytest.mark.parametrize("name", IN_PLACE)
def test_in_place_keeps_the_dtype_or_is_refused(name: str) -> None:
    """Also where torch refuses, we must: a float result does not fit into an integer tensor."""
    operation, wrong = IN_PLACE[name], []
    for a, b in [(a, b) for a, b in PAIRS if "[" in a[0]]:
        results = []
        for m in (torch, tg):
            x = a[1](m)
            try:
                results.append(str(operation(x, b[1](m)).dtype).removeprefix("torch."))
            except Exception as error:  # noqa: BLE001
                results.append("refused" if isinstance(error, RuntimeError | TypeError) else f"{type(error).__name__}: {error}")
        if results[0] != results[1] and results[0] != "refused" and f"{name[1:]}: {a[0]} with {b[0]}" not in ODD:
            wrong.append(f"{name}: {a[0]} with {b[0]}: torch {results[0]}, ours {results[1]}")
        if results[0] == "refused" and results[1] != "refused" and name in ("iadd", "isub", "imul", "itruediv"):
            wrong.append(f"{name}: {a[0]} with {b[0]}: torch refuses, ours {results[1]}")
    assert not wrong, "\n".join(wrong[:20])


@pytest.mark.parametrize("dtype", DTYPES)
def test_conversions(dtype: str) -> None:
    values = np.array([0.0, 1.0, 2.7, -1.5, 100.0])
    for source in DTYPES:
        x = values.astype(source)
        got = tg.tensor(x).to(getattr(tg, dtype))
        want = torch.tensor(x).to(getattr(torch, dtype))
        if dtype == "uint8" and source.startswith("float"):
            continue  # negative floats as uint8 are undefined in C
        assert got.tolist() == want.tolist()
        assert str(got.dtype) == dtype
