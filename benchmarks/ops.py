"""Every operation alone, forward, and forward with backward, at about 8, 1,000 and 1,000,000 float32 elements."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Any

import numpy as np

from .op_cases import CASES, SIZES, Case

PEERS = ("tinygrad_reg", "torch")
SECONDS = 0.004  # spent on each figure of a round, or three calls


def measure(library: str, size: int, names: Iterable[str] = CASES) -> dict[str, float]:
    """Seconds per call by `NAME, forward` and, where the result has a gradient, `NAME, with backward`."""
    module = import_module(library)
    import_module(f"{library}.nn.functional")
    if library == "torch":
        module.set_num_threads(2)
    gc.collect()
    gc.freeze()  # what the import left behind is no part of the measurement
    figures = {}
    for name in names:
        for way, call in prepare(module, CASES[name], size).items():
            figures[f"{name}, {way}"] = seconds(call)
    return figures


def prepare(module: Any, case: Case, size: int) -> dict[str, Callable[[], Any]]:
    """The two calls of a case, without arguments. Forward alone runs on inputs that need no gradient."""
    rng = np.random.default_rng(0)
    arrays = [make(SIZES.index(size), rng) for make in case.inputs]
    constants, leaves = ([module.tensor(array) for array in arrays] for _ in range(2))
    needed = [leaf.requires_grad_() for leaf in leaves if case.differentiable and leaf.dtype == module.float32]
    outputs = _differentiable(case.call(module, *leaves))
    calls = {"forward": lambda: case.call(module, *constants)}
    if outputs:
        gradients = [module.ones(()).expand(output.shape) for output in outputs]  # what .sum() would send back
        calls["with backward"] = _with_backward(module, case.call, leaves, needed, gradients)
    return calls


def _differentiable(result: Any) -> list[Any]:
    results = result if isinstance(result, tuple | list) else [result]
    return [x for x in results if getattr(x, "requires_grad", False)]


def _with_backward(module: Any, call: Callable[..., Any], leaves: list[Any], needed: list[Any], gradients: list[Any]) -> Callable[[], None]:
    single = isinstance(call(module, *leaves), module.Tensor)

    def run() -> None:
        if single:
            call(module, *leaves).backward(gradients[0])
        else:
            module.autograd.backward(_differentiable(call(module, *leaves)), gradients)
        for leaf in needed:
            leaf.grad = None

    return run


def seconds(call: Callable[[], Any]) -> float:
    """The mean after two calls to warm up; the median is that of the rounds."""
    call()
    start = time.perf_counter()
    call()
    once = max(time.perf_counter() - start, 1e-7)
    repeats = max(3, int(SECONDS / once))
    start = time.perf_counter()
    for _ in range(repeats):
        call()
    return (time.perf_counter() - start) / repeats
