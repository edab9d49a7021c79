"""Calls of the public functions with arguments that nobody should give, and the judgement of what comes of it.

`choose` picks one of a list: hypothesis does in the tests, `random.choice` in `python -m tests.fuzzing [seconds]`, which
calls for as long as told and prints each kind of offence once.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import random
import signal
import sys
import tempfile
import time
import traceback
import types
import warnings
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np

import tinygrad_reg as tg
from tinygrad_reg.engine.primitive import Primitive
from tinygrad_reg.engine.refusal import typed_errors
from tinygrad_reg.errors import TinygradRegError

Choose = Callable[[Sequence[Any]], Any]
SECONDS = 2  # how long a call may take; the longest of these take milliseconds


class Odd:
    """An object of no use to anybody."""


def _tensor(shape: tuple[int, ...], dtype: Any, requires_grad: bool = False) -> tg.Tensor:
    values = np.resize(np.arange(-1, 3), shape)
    return tg.tensor(values, dtype=dtype, requires_grad=requires_grad)


SHAPES = [
    (),
    *((n,) for n in range(4)),
    *product(range(4), repeat=2),
    (1, 2, 3),
    (2, 2, 2),
    (3, 0, 2),
    (1, 2, 3, 3),
    (2, 1, 2, 0),
    (1, 2, 1, 2, 3),
]
SQUARE = (2, 3)

#: Makers, because a tensor of one call must not be changed by another.
TENSORS: list[Callable[[], Any]] = [
    *(functools.partial(_tensor, shape, tg.float32) for shape in SHAPES),
    *(functools.partial(_tensor, shape, tg.float32, True) for shape in SHAPES),
    *(functools.partial(_tensor, shape, dtype) for dtype in tg.dtypes.SUPPORTED for shape in [(), (0,), (2,), SQUARE]),
    *(functools.partial(tg.full, SQUARE, value) for value in (float("nan"), float("inf"), -1e38)),
]
NUMBERS: list[Callable[[], Any]] = [
    functools.partial(lambda x: x, x)
    for x in (
        0,
        1,
        2,
        -1,
        3,
        -7,
        99,
        10**15,
        2**63,
        10**30,
        -(10**30),
        10**400,
        0.0,
        0.5,
        -2.5,
        1e30,
        1e308,
        *map(float, ("nan", "inf", "-inf")),
        True,
        False,
    )
]
OTHERS: list[Callable[[], Any]] = [
    *(
        functools.partial(lambda x: x, x)
        for x in (None, "", "mean", "text", "cpu", "float32", b"bytes", Ellipsis, 1j, Decimal("1.5"), Fraction(1, 3))
    ),
    *(
        functools.partial(lambda x: x, x)
        for x in (np.float64(1.5), np.int64(1), np.bool_(True), np.float16(2), np.datetime64("2020-01-01"))
    ),
    *(
        functools.partial(lambda x: x, x)
        for x in (tg.float16, tg.int64, np.dtype("U3"), float, int, slice(None), slice(0, 1, -1), slice("a"))
    ),
    *(
        functools.partial(lambda x: x, x)
        for x in ((), (0,), (1,), (0, 1), (1, 0), (0, 0), (2, 3), (-1, 5), (10**15, 10**15), (10**30,), (None,), ("a", 2))
    ),
    Odd,
    lambda: lambda *arguments: None,
    list,
    dict,
    set,
    lambda: [0],
    lambda: [1, 2],
    lambda: [1.5],
    lambda: [[1, 2], [3]],
    lambda: [None],
    lambda: ["text"],
    lambda: [float("nan")],
    lambda: [[]],
    lambda: {"a": 1},
    lambda: iter([1, 2]),
    lambda: range(2),
    lambda: [_tensor(SQUARE, tg.float32), _tensor(SQUARE, tg.float32, True)],
    lambda: (_tensor((2,), tg.float32), _tensor((3,), tg.int64)),
    lambda: [_tensor((), tg.float32), None],
    lambda: np.ones(SQUARE),
    lambda: np.ones(2, np.int64),
    lambda: np.array(["a", "b"]),
    lambda: np.array([None, 1], object),
    lambda: np.array(["2020-01-01"], "datetime64[D]"),
    lambda: np.ones(2, complex),
    lambda: np.ones(2, [("x", "f4")]),
    lambda: np.array(1),
    lambda: tg.Generator().manual_seed(0),
    lambda: tg.device("cpu"),
]
ANYTHING = [*TENSORS, *NUMBERS, *OTHERS]
KINDS = [TENSORS, TENSORS, NUMBERS, OTHERS]

#: What has an effect on the whole process, is random by nature, or writes on purpose.
FILES = {"save", "load"}  # whose documented errors include those of the system over a path
LASTING = {"set_default_dtype", "seed", "manual_seed", "set_rng_state", "set_grad_enabled"}


def functions() -> Iterator[tuple[str, Any]]:
    """The public callables by name: of tg, nn.functional, nn.init, nn.utils, linalg and special, and methods as functions of self."""
    nn = tg.nn
    spaces = {
        "": tg,
        "nn.functional.": nn.functional,
        "nn.init.": nn.init,
        "nn.utils.": nn.utils,
        "linalg.": tg.linalg,
        "special.": tg.special,
    }
    for prefix, space in spaces.items():
        for name in dir(space):
            value = getattr(space, name)
            if not isinstance(value, types.FunctionType | Primitive) or name.startswith(("_", "@")) or name in LASTING:
                continue
            if value is not typed_errors and (space is not nn.init or name.endswith("_")):
                yield prefix + name, value
    for name in dir(tg.Tensor):
        value = inspect.getattr_static(tg.Tensor, name)
        if isinstance(value, types.FunctionType) and name not in SKIPPED:
            yield "Tensor." + name, value


def constructors() -> Iterator[tuple[str, Any]]:
    """The public classes by name: of nn, optim, lr_scheduler and utils.data, without those that are to be derived from."""
    spaces = {"nn.": tg.nn, "optim.": tg.optim, "lr_scheduler.": tg.optim.lr_scheduler, "data.": tg.utils.data}
    for prefix, space in spaces.items():
        for name in sorted(dir(space)):
            value = getattr(space, name)
            if isinstance(value, type) and not name.startswith("_") and name not in NOT_CONSTRUCTED:
                yield prefix + name, value


#: Classes to derive from, those whose constructor calls what the user gave, and stacks of as many layers as were asked for.
NOT_CONSTRUCTED = {
    *("Module", "Optimizer", "LRScheduler", "Dataset", "IterableDataset", "Sampler"),
    *("LambdaLR", "MultiplicativeLR", "CyclicLR", "TransformerEncoder", "TransformerDecoder", "Transformer"),
}
#: What some constructors want first.
FIRST: list[Callable[[], Any]] = [
    lambda: tg.nn.Linear(2, 2),
    lambda: list(tg.nn.Linear(2, 2).parameters()),
    lambda: tg.optim.SGD(tg.nn.Linear(2, 2).parameters(), lr=0.1),
    lambda: tg.utils.data.TensorDataset(_tensor((4, 2), tg.float32)),
]


def draw_construction(name: str, constructor: Any, choose: Choose) -> tuple[list[Any], dict[str, Any]]:
    """The same for a constructor, whose first argument is often of a kind that is needed."""
    args, kwargs = draw_call(name, constructor, choose)
    if args and choose((True, False)):
        args[0] = choose(FIRST)()
    return args, kwargs


SKIPPED = {
    *("__init_subclass__", "__reduce_ex__", "__setattr__", "__getattribute__", "__format__"),
    *("__array__", "__array_function__", "__array_ufunc__", "link_view", "_concrete", "_new"),
}


@functools.cache
def _parameters(function: Any) -> tuple[inspect.Parameter, ...]:
    return tuple(inspect.signature(function).parameters.values())


def draw_call(name: str, function: Any, choose: Choose) -> tuple[list[Any], dict[str, Any]]:
    """Arguments for a call: those without a default, and some of the others."""
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    skipped = False
    for i, parameter in enumerate(_parameters(function)):
        if parameter.kind is parameter.VAR_POSITIONAL:
            args += [argument(choose) for _ in range(choose((0, 1, 1, 2, 3)))]
        elif parameter.kind is parameter.VAR_KEYWORD or parameter.name == "memo":
            args += [{}] * (parameter.name == "memo")
        elif i == 0 and name.startswith("Tensor.") or i == 0 and choose((True, True, False)):
            args.append(choose(TENSORS)())
        elif parameter.default is not parameter.empty and choose((True, False)):
            skipped = True
        elif skipped or parameter.kind is parameter.KEYWORD_ONLY:
            kwargs[parameter.name] = argument(choose)
        else:
            args.append(argument(choose))
    return args, kwargs


def argument(choose: Choose) -> Any:
    """Something for one argument."""
    return choose(choose(KINDS))()


def _families() -> dict[str, list[tuple[str, Any]]]:
    """The functions by where they are defined, so that no test of many has to shrink over all."""
    families: dict[str, list[tuple[str, Any]]] = {}
    for name, function in functions():
        module = getattr(function, "__module__", "") if isinstance(function, types.FunctionType) else "primitives"
        families.setdefault(module.removeprefix("tinygrad_reg."), []).append((name, function))
    return families


FAMILIES = _families()


class Timeout(BaseException):
    """A call took too long. Not an Exception: no handler of the library may catch it."""


def _ring(*_: Any) -> None:
    raise Timeout


def _snapshot(value: Any) -> Any:
    if isinstance(value, tg.Tensor):
        return value.array.tobytes(), value.shape, value.dtype
    if isinstance(value, np.ndarray):
        return value.tobytes() if not value.dtype.hasobject else value.tolist(), value.shape
    if isinstance(value, list | tuple):
        return [_snapshot(v) for v in value]
    return repr(value) if isinstance(value, dict | set) else None


def writes(name: str, function: Any, args: list[Any], kwargs: dict[str, Any]) -> bool:
    """Whether a call changes an argument because that is what it is for."""
    base = name.rpartition(".")[2]
    if base in WRITING or (base.endswith("_") and not base.endswith("__")):
        return True
    given = dict(zip([p.name for p in _parameters(function)], args, strict=False)) | kwargs
    return given.get("inplace", False) is not False


INFIX = ["add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and", "or", "xor", "lshift", "rshift"]
WRITING = {"batch_norm", "instance_norm", "__init__", "__setitem__", "__deepcopy__", *(f"__i{name}__" for name in INFIX)}


def _floats(result: Any) -> list[tg.Tensor]:
    items = result if isinstance(result, list | tuple) else [result]
    return [x for x in items if isinstance(x, tg.Tensor) and x.requires_grad and not x.is_leaf][:3]


def offence(name: str, function: Any, args: list[Any], kwargs: dict[str, Any]) -> str | None:
    """What is wrong with how this call went; None if it gave a result, or an error as it should be."""
    before = None if writes(name, function, args, kwargs) else _snapshot([*args, *kwargs.values()])
    old = signal.signal(signal.SIGALRM, _ring)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            for kind in (UserWarning, FutureWarning):
                warnings.filterwarnings("ignore", r"^\w+: |.* is deprecated", kind)  # PyTorch warns there, too
            given = [*args, *kwargs.values()]
            if any(isinstance(x, np.ndarray | np.generic) for x in given) or not any(isinstance(x, tg.Tensor) for x in given):
                warnings.simplefilter("ignore")  # on arrays alone, a primitive is its NumPy function
            result = function(*args, **kwargs)
            if isinstance(result, Iterator):
                list(result)
            for out in _floats(result):
                out.backward(tg.ones_like(out), retain_graph=True)
    except TinygradRegError as error:
        return None if len(str(error)) > 20 else f"says only {error!r}"
    except Timeout:
        return "takes too long"
    except Exception as error:
        if isinstance(error, TypeError) and _of_the_call(error):
            return None
        if isinstance(error, OSError) and name in FILES:
            return None
        return f"raises {type(error).__name__}: {error} at {_where(error)}"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)
    if result is NotImplemented or before is None:
        return None
    return None if before == _snapshot([*args, *kwargs.values()]) else "changes its arguments"


def _of_the_call(error: BaseException) -> bool:
    """Whether Python itself refused the arguments by the signature, before any line of the function ran."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename != __file__]
    return not frames or all(frame.name in ("wrapper", "guarded", "__call__", "_on_tensors") for frame in frames)


def _where(error: BaseException) -> str:
    frames = [f for f in traceback.extract_tb(error.__traceback__) if "tinygrad_reg/" in f.filename]
    return " < ".join(f"{f.filename.rpartition('tinygrad_reg/')[2]}:{f.lineno} {f.name}" for f in reversed(frames[-3:]))


def describe(value: Any) -> str:
    """An argument as it would be written down."""
    if isinstance(value, tg.Tensor):
        return f"<{value.dtype} {tuple(value.shape)}{' grad' if value.requires_grad else ''}>"
    if isinstance(value, list | tuple):
        return f"{type(value).__name__}({', '.join(map(describe, value))})"
    return repr(value)[:60]


def as_text(name: str, args: list[Any], kwargs: dict[str, Any]) -> str:
    """The call as text."""
    return f"{name}({', '.join([*map(describe, args), *(f'{k}={describe(v)}' for k, v in kwargs.items())])})"


def main(seconds: float, only: str = "", seed: int = 0) -> None:
    """Call all functions in turn until the time is over; print each place and kind of offence once."""
    rng = random.Random(seed)
    seen: set[tuple[str, ...]] = set()
    end, calls = time.monotonic() + seconds, 0
    chosen = [(name, f) for name, f in functions() if only in name]
    while time.monotonic() < end:
        for name, function in chosen:
            args, kwargs = draw_call(name, function, rng.choice)
            text = as_text(name, args, kwargs)
            wrong = offence(name, function, args, kwargs)
            calls += 1
            if wrong:
                kind, _, place = wrong.partition(" at ")
                key = (kind.split(":")[0], place.split(" < ")[0]) if place else (name, wrong)
                if key not in seen:
                    seen.add(key)
                    print(f"{wrong}\n    {text}", flush=True)
    print(f"{calls} calls of {len(chosen)} functions, {len(seen)} kinds of offence")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place, contextlib.chdir(place):  # `save` writes files of the names it is given
        main(float(sys.argv[1]) if len(sys.argv) > 1 else 10, *sys.argv[2:3], seed=int(sys.argv[3]) if len(sys.argv) > 3 else 0)
