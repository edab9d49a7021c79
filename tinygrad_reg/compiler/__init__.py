"""Compiling a training step: it is traced once, and then replayed without the cost of recording it.

`step` is what a user calls, `trace` records a run as a `program`, `passes` and `lowering` rewrite it, `backends` run it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, overload

from .backends import BACKENDS
from .backends.c import toolchain
from .step import CompiledStep as CompiledStep

Dynamic = tuple[str, ...] | Mapping[str, tuple[str | None, ...]]


def backends() -> tuple[str, ...]:
    """The backends that work on this machine: "c" only if there is a C compiler.

    >>> "numpy_source" in tg.compiler.backends()
    True
    """
    return tuple([name for name in BACKENDS if name != "c" or toolchain.compiler() is not None])


@overload
def compile(function: None = None, *, backend: str = "c", dynamic: Dynamic = ()) -> Callable[[Callable[..., Any]], CompiledStep]: ...
@overload
def compile(function: Callable[..., Any], *, backend: str = "c", dynamic: Dynamic = ()) -> CompiledStep: ...
def compile(
    function: Callable[..., Any] | None = None, *, backend: str = "c", dynamic: Dynamic = ()
) -> CompiledStep | Callable[[Callable[..., Any]], CompiledStep]:
    """A function that does the same faster: `step = compile(train_step)`, or `@compile`.

    The first call for each form of the arguments records forward, backward and the optimizer's update while they run; the
    second confirms it; later ones replay it. State lives in the same tensors as before. What cannot be replayed raises
    TraceError, or runs eagerly and says so in `step.explain()`. Results carry no graph.

    `backend` is "c" (one C function, within rounding of eager; where there is no C compiler, a warning and NumPy source),
    "numpy_source" (a file of NumPy calls, those of eager where it can be, which needs NumPy alone) or "interpreter" (slow, the
    reference). `step.source` shows it.

    `dynamic` names sizes that may change without another trace: `("batch",)` is the first dimension of every argument,
    `("batch", "time")` the first two; `{"x": ("batch", None, "width")}` says it for some arguments. Once three sizes have been
    traced, programs for sizes between them are derived. If the function itself looks at sizes (`x.shape`, `len(x)`), every size
    is traced.

    >>> step = tg.compile(lambda x: (x * x).sum())
    >>> [step(tg.tensor([1.0, k])).item() for k in range(4)]
    [1.0, 2.0, 5.0, 10.0]
    """
    if function is None:
        return lambda wrapped: CompiledStep(wrapped, backend, dynamic)
    return CompiledStep(function, backend, dynamic)
