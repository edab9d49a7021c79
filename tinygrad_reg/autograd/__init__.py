"""Gradients in PyTorch's `torch.autograd` style."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, overload

from .. import interop
from ..absent import refusing
from ..creation import zeros_like
from ..engine import graph as walk
from ..engine.state import (
    apply,
    enable_grad,
    inference_mode,
    is_grad_enabled,
    no_grad,
    set_grad_enabled,
    state,
    switched,
)
from ..errors import ArgumentError, ArgumentTypeError
from ..ops.joining import stack
from ..tensor import Tensor

__all__ = [
    "Function",
    "Variable",
    "backward",
    "detect_anomaly",
    "enable_grad",
    "functional",
    "grad",
    "gradcheck",
    "gradgradcheck",
    "inference_mode",
    "is_grad_enabled",
    "no_grad",
    "set_detect_anomaly",
    "set_grad_enabled",
]

if TYPE_CHECKING:
    from ..legacy import Variable as Variable
    from . import function as function
    from . import functional as functional
    from . import graph as graph
    from .checks.torch_style import gradcheck as gradcheck
    from .checks.torch_style import gradgradcheck as gradgradcheck
    from .function import Function as Function

Tensors = Tensor | Sequence[Tensor]

_refuse = refusing("autograd")

# Loaded when first asked for.
_ON_FIRST_USE = {
    "Function": ".function",
    "Variable": "..legacy",
    "function": ".function",
    "functional": ".functional",
    "graph": ".graph",
    "gradcheck": ".checks.torch_style",
    "gradgradcheck": ".checks.torch_style",
}


def __getattr__(name: str) -> object:
    if name not in _ON_FIRST_USE:
        return _refuse(name)
    module = import_module(_ON_FIRST_USE[name], __name__)
    return module if module.__name__.endswith("." + name) else getattr(module, name)


def _as_tuple(tensors: Any, what: str) -> tuple[Tensor, ...]:
    made = tuple(tensors) if isinstance(tensors, Iterable) and not isinstance(tensors, Tensor) else (tensors,)
    for x in made:
        if not isinstance(x, Tensor):
            raise ArgumentTypeError(f"{what}: expected tensors, got {type(x).__name__}")
    return made


def _gradients(given: Any, roots: tuple[Tensor, ...], what: str) -> list[Tensor | None]:
    if given is None:
        return [None] * len(roots)
    items = [given] if isinstance(given, Tensor) else list(given)
    if len(items) != len(roots):
        raise ArgumentError(f"{what}: {len(roots)} results but {len(items)} gradients; give one for each, or None")
    return [None if g is None else interop.as_gradient(g, root) for g, root in zip(items, roots, strict=True)]


def backward(
    tensors: Tensors,
    grad_tensors: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Tensors | dict[Any, Tensor] | None = None,
) -> None:
    """Add the gradients of the sum of `tensors`, weighted by `grad_tensors`, to the `.grad` of their leaves (or of `inputs`).

    >>> x = tg.tensor(3.0, requires_grad=True)
    >>> tg.autograd.backward([x * x, 2 * x])
    >>> x.grad
    tensor(8.)
    """
    roots = _as_tuple(tensors, "backward")
    walk.backward(roots, _gradients(grad_tensors, roots, "backward"), inputs, create_graph, retain_graph)


@overload
def grad(outputs: Tensors, inputs: dict[Any, Tensor], *args: Any, **options: Any) -> dict[Any, Tensor]: ...
@overload
def grad(outputs: Tensors, inputs: Tensors, *args: Any, **options: Any) -> tuple[Tensor, ...]: ...
def grad(
    outputs: Tensors,
    inputs: Any,
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> Any:
    """The gradients of the sum of `outputs`, weighted by `grad_outputs`, with respect to each input; no `.grad` is touched.

    A dict of inputs gives a dict of gradients, anything else a tuple. With `create_graph` they can be differentiated again. An input
    that was not used raises GradientError, or gives None with `allow_unused`, or zeros with `materialize_grads`. With
    `is_grads_batched` the grad_outputs have one dimension more in front, and so have the gradients: one walk for each entry.
    `only_inputs` has no effect, as in PyTorch.

    >>> x = tg.tensor(2.0, requires_grad=True)
    >>> (first,) = tg.autograd.grad(x**3, x, create_graph=True)
    >>> tg.autograd.grad(first, x)
    (tensor(12.),)
    """
    if is_grads_batched:
        options = {"create_graph": create_graph, "allow_unused": allow_unused, "materialize_grads": materialize_grads}
        return _batched(outputs, inputs, grad_outputs, retain_graph, options)
    if materialize_grads and allow_unused is False:
        raise ArgumentError("grad: materialize_grads needs allow_unused to be True or left out")
    if not only_inputs:
        warnings.warn("grad: only_inputs=False has no effect; use backward to fill .grad", FutureWarning, stacklevel=2)
    roots, wanted = _as_tuple(outputs, "grad"), walk.as_inputs(inputs, "grad")
    weights = _gradients(grad_outputs, roots, "grad")
    unused_ok = bool(allow_unused) or materialize_grads
    found = walk.grad(roots, wanted, weights, create_graph=create_graph, retain_graph=retain_graph, allow_unused=unused_ok)
    if materialize_grads:
        found = [zeros_like(x, requires_grad=create_graph) if g is None else g for g, x in zip(found, wanted, strict=True)]
    return dict(zip(inputs, found, strict=True)) if type(inputs) is dict else tuple(found)


def _batched(outputs: Any, inputs: Any, grad_outputs: Any, retain_graph: bool | None, options: dict[str, Any]) -> Any:
    """`grad` for each entry of the first dimension of `grad_outputs`."""
    weights: list[Any] = [grad_outputs] if isinstance(grad_outputs, Tensor) else list(grad_outputs or ())
    counts = {len(g) if isinstance(g, Tensor) and g.ndim else 0 for g in weights if g is not None}
    if len(counts) != 1 or counts == {0}:
        raise ArgumentError("grad: is_grads_batched needs grad_outputs that are tensors of one size in their first dimension, at least 1")
    (count,) = counts
    wanted = walk.as_inputs(inputs, "grad")
    rows: list[Any] = []
    for i in range(count):
        row = [g if g is None else g[i] for g in weights]
        rows.append(grad(outputs, wanted, row, True if i < count - 1 else retain_graph, **options))
    found = [parts[0] if parts[0] is None else stack(parts) for parts in zip(*rows, strict=True)]
    return dict(zip(inputs, found, strict=True)) if type(inputs) is dict else tuple(found)


class set_detect_anomaly:  # noqa: N801
    """Remember for every operation the line that called it, and raise at the first nan in backward, naming that line.

    An error over a saved value that was overwritten names that line, and the one that wrote. To find writes by NumPy code, Python's trace
    function is used while such memory is in a graph, unless a debugger has it: then the write is known to lie between two lines.

    >>> with tg.autograd.set_detect_anomaly(True):
    ...     (tg.ones(2, requires_grad=True) * 2).sum().backward()
    """

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        self._before = (state.anomaly, state.anomaly_checks_nan)
        self._set(mode, check_nan)

    @staticmethod
    def _set(mode: bool, check_nan: bool) -> None:
        apply({"anomaly": mode, "anomaly_checks_nan": check_nan})

    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        self._set(*self._before)


def detect_anomaly(check_nan: bool = True) -> Any:
    """`set_detect_anomaly(True)` for the time of a `with` block.

    >>> with tg.autograd.detect_anomaly():
    ...     (tg.ones(2, requires_grad=True) * 2).sum().backward()
    """
    return switched(anomaly=True, anomaly_checks_nan=check_nan)
