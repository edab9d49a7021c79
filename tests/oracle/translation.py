"""PyTorch's tensors, dtypes and functions as ours: what PyTorch's tables of inputs are made of, carried over."""

from __future__ import annotations

import copy
import functools
import random
import types
from typing import Any

import pytest

import tinygrad_reg as tg

torch = pytest.importorskip("torch")


class NotHere(Exception):  # noqa: N818  (nothing is wrong)
    """What is asked for has no counterpart: a complex number, another layout, a name outside the scope."""


DTYPES = {getattr(torch, str(t)): t for t in (tg.float64, tg.float32, tg.float16, tg.int64, tg.int32, tg.int16, tg.int8, tg.uint8, tg.bool)}


def translated(x: Any) -> Any:
    """Everything of PyTorch's in nested lists, tuples and dicts as ours; the rest as it is."""
    if isinstance(x, torch.nn.Parameter):
        return tg.nn.Parameter(tensor(x), requires_grad=x.requires_grad)
    if isinstance(x, torch.Tensor):
        return tensor(x)
    if isinstance(x, torch.dtype):
        return _dtype(x)
    if isinstance(x, torch.device):
        return tg.device(x.type)
    if isinstance(x, torch.layout | torch.memory_format | torch.Generator | torch.nn.LinearCrossEntropyOptions):
        raise NotHere(str(x))
    if isinstance(x, complex):
        raise NotHere("complex numbers")
    if type(x) in (list, tuple, torch.Size):
        return (list if type(x) is list else tuple)(map(translated, x))
    if isinstance(x, torch.nn.Module):
        if x.state_dict():
            raise NotHere(f"{type(x).__name__} with parameters")
        return getattr(tg.nn, type(x).__name__)()
    if isinstance(x, types.FunctionType | types.BuiltinFunctionType):
        return _same_function(x)
    return {k: translated(v) for k, v in x.items()} if isinstance(x, dict) else x


def _same_function(theirs: Any) -> Any:
    """Ours of the same name in `torch` or `torch.nn.functional`, where samples hand functions over; others are not PyTorch's own."""
    for path in (theirs.__name__, f"nn.functional.{theirs.__name__}"):
        if found(torch, path) is theirs:
            return function(theirs, path)
    return theirs


def _dtype(x: Any) -> Any:
    if x not in DTYPES:
        raise NotHere(str(x))
    return DTYPES[x]


def tensor(x: Any) -> Any:
    """A leaf with the values, strides and `requires_grad` of a tensor, in memory of its own."""
    _dtype(x.dtype)
    if x.layout is not torch.strided:
        raise NotHere(str(x.layout))
    if x.ndim > 64:
        raise NotHere("NumPy's arrays have at most 64 dimensions")
    return tg.from_numpy(copied(x.detach()).numpy()).requires_grad_(x.requires_grad)


def copied(x: Any) -> Any:
    """A leaf with the values, strides and `requires_grad` of a tensor, in memory of its own: `clone` would close the gaps."""
    if isinstance(x, torch.nn.Parameter):
        return copy.deepcopy(x)
    return copy.deepcopy(x.detach()).requires_grad_(x.requires_grad)


def same_draws() -> None:
    """Let PyTorch's tables, which draw with torch and with Python, always give the same samples."""
    torch.manual_seed(0)
    random.seed(0)


def found(root: Any, name: str) -> Any:
    """What has this dotted name; None if nothing has."""
    try:
        return functools.reduce(getattr, name.split("."), root)
    except AttributeError:
        return None


def function(theirs: Any, name: str) -> Any:
    """Ours for a function of theirs that goes by `name` in their tables; None if there is none.

    Where the table wraps the function to call it with other arguments, the wrapper itself is run with our package for `torch`.
    """
    ours = found(tg, name) or found(tg.Tensor, name)
    if ours is None or theirs is None:
        return None
    if isinstance(theirs, functools.partial):
        return functools.partial(function(theirs.func, name), *theirs.args, **theirs.keywords)
    return rebound(theirs, torch=tg, wrapper_set_seed=_called) if _is_wrapper(theirs) else ours


def _is_wrapper(theirs: Any) -> bool:
    return isinstance(theirs, types.FunctionType) and theirs.__module__.startswith("torch.testing.")


def _called(function: Any, *args: Any, **kwargs: Any) -> Any:
    return function(*args, **kwargs)


def rebound(theirs: types.FunctionType, **names: Any) -> types.FunctionType:
    """A function of PyTorch's tests in whose text these names mean something else."""
    return types.FunctionType(theirs.__code__, {**theirs.__globals__, **names}, theirs.__name__, theirs.__defaults__)
