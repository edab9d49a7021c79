"""NumPy's functions on tensors: `np.sin(t)`, `np.sum(t, axis=0)`, `np.add.reduce(t)`, `array + t`.

A function of the table (functions.py) stays differentiable and follows PyTorch's type promotion. Any other one runs in NumPy on
tensors that need no gradient, as it does with PyTorch, and is refused for those that do: a gradient is never lost in silence.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from ..dtypes import SUPPORTED
from ..engine.lending import borrow, lend
from ..engine.mutation import writes
from ..engine.node import Value, tensors_in, wrap
from ..engine.state import state
from ..errors import ArgumentTypeError
from .functions import ACCUMULATIONS, FUNCTIONS, REDUCTIONS, UFUNCS, operands, outer

#: They write into their first argument, which would change a tensor behind the graph's back.
WRITERS = {np.copyto, np.put, np.put_along_axis, np.putmask, np.place, np.fill_diagonal}


def apply_function(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What `__array_function__` does. Raises ArgumentTypeError if the gradient would be lost, or for an argument that is not covered."""
    name = f"np.{'linalg.' if 'linalg' in function.__module__ else ''}{function.__name__}"
    ours = FUNCTIONS.get(function)
    if ours is None:
        return _in_numpy(name, function, args, kwargs, writes_into=args[0] if function in WRITERS and args else None)
    try:
        _signature(ours).bind(*args, **kwargs)
    except TypeError as error:
        return _in_numpy(name, function, args, kwargs, reason=f" with these arguments ({error})")
    made = ours(*[_as_tensors(x) for x in args], **{key: _as_tensors(x) for key, x in kwargs.items()})
    return _in_numpy(name, function, args, kwargs, reason=" with these arguments") if made is NotImplemented else made


def apply_ufunc(ufunc: np.ufunc, method: str, inputs: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What `__array_ufunc__` does: calls, and the methods reduce, accumulate and outer."""
    name = f"np.{ufunc.__name__}" + (f".{method}" if method != "__call__" else "")
    ours = None if method == "__call__" and kwargs else _ufunc_method(ufunc, method)  # primitives take any keyword
    if ours is not None:
        try:
            _signature(ours).bind(*inputs, **kwargs)
        except TypeError:
            ours = None
    if ours is None:
        named = f"({', '.join(kwargs)}=...)" if kwargs else ""
        target = inputs[0] if method == "at" else None
        return _in_numpy(name + named, getattr(ufunc, method), inputs, kwargs, writes_into=target)
    return ours(*operands(*inputs), **kwargs)


def _ufunc_method(ufunc: np.ufunc, method: str) -> Callable[..., Any] | None:
    if method == "__call__":
        return UFUNCS.get(ufunc)
    if method == "outer" and ufunc in UFUNCS and ufunc.signature is None:
        return functools.partial(outer, UFUNCS[ufunc])
    return {"reduce": REDUCTIONS, "accumulate": ACCUMULATIONS}.get(method, {}).get(ufunc)


@functools.cache
def _signature(function: Callable[..., Any]) -> inspect.Signature:
    return inspect.signature(function)


def _as_tensors(x: Any) -> Any:
    """Arrays become tensors of the same memory, which is watched for writes; also in lists."""
    if isinstance(x, (list, tuple)) and any(isinstance(item, (Value, np.ndarray)) for item in x):
        return type(x)([_as_tensors(item) for item in x])
    if isinstance(x, np.ndarray):
        return wrap(Value.result_class, borrow(x) if x.dtype in SUPPORTED else x)
    return x


def _in_numpy(
    name: str,
    function: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    reason: str = "",
    writes_into: Any = None,
) -> Any:
    """Run NumPy's function on the arrays of tensors, if none of them needs a gradient and none is written."""
    if state.tracer is not None:
        state.tracer.concretize(name)
    outs = kwargs.get("out")
    targets = [x for x in (*(outs if isinstance(outs, tuple) else (outs,)), writes_into) if x is not None]
    if any(isinstance(x, Value) for x in targets):
        raise ArgumentTypeError(f"{name}: it would write into a tensor past its graph; use .copy_(...) or the tensor's own methods")
    if state.grad_enabled and any(x.node is not None for x in tensors_in((args, kwargs))):
        raise ArgumentTypeError(
            f"{name} of a tensor that requires grad has no differentiable counterpart{reason}; use the tensor's own functions, "
            "or .detach().numpy() to leave the graph"
        )
    result = function(*[_plain(x) for x in args], **{key: _plain(x) for key, x in kwargs.items()})
    for x in targets:
        if isinstance(x, np.ndarray):
            writes.note(x)
    return result


def _plain(x: Any) -> Any:
    if isinstance(x, (list, tuple)) and any(True for _ in tensors_in(x)):
        return (list if isinstance(x, list) else tuple)([_plain(item) for item in x])  # type(x) may be a named tuple
    return lend(x.array) if isinstance(x, Value) else x  # since the result can be a view of it
