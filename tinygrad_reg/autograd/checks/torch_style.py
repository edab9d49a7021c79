"""gradcheck and gradgradcheck with the arguments of PyTorch's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...creation import tensor
from ...errors import ArgumentError
from ...tensor import Tensor
from .. import grad
from . import GradcheckError, run_check
from .nesting import tensors_in


def gradcheck(
    func: Callable[..., Any],
    inputs: Any,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_batched_forward_grad: bool = False,
    check_forward_ad: bool = False,
    check_backward_ad: bool = True,
    fast_mode: bool = False,
    masked: bool | None = None,
) -> bool:
    """Check the first derivatives of func at the inputs that require grad; True, or GradcheckError (False without `raise_exception`).

    It is `tinygrad_reg.testing.gradcheck` of order 1 with `atol` and `rtol` on top of its own error estimate; steps are chosen by the
    estimate, so `eps` is not needed, and relu at 0 passes. Backward must give the same gradient twice, up to `nondet_tol`. Raises
    ValueError if no input requires grad or a kind of check is asked for that does not exist here.
    """
    _refuse(check_batched_grad=check_batched_grad, check_batched_forward_grad=check_batched_forward_grad, check_forward_ad=check_forward_ad)
    args = _arguments("gradcheck", inputs)
    if not check_backward_ad:
        return True
    try:
        _check_repeatable(func, args, nondet_tol)
        return run_check(func, args, {}, (1,), rtol, atol, 0, raise_exception)
    except GradcheckError:
        if raise_exception:
            raise
        return False


def gradgradcheck(
    func: Callable[..., Any],
    inputs: Any,
    grad_outputs: Any = None,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    gen_non_contig_grad_outputs: bool = False,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_fwd_over_rev: bool = False,
    check_rev_over_rev: bool = True,
    fast_mode: bool = False,
    masked: bool = False,
) -> bool:
    """Check the second derivatives: those of the pulled-back gradient, with respect to the inputs and to the cotangents.

    `grad_outputs` are the cotangents at which; random ones if they are not given. See gradcheck.
    """
    _refuse(check_batched_grad=check_batched_grad, check_fwd_over_rev=check_fwd_over_rev)
    args = _arguments("gradgradcheck", inputs)
    if not check_rev_over_rev:
        return True
    if grad_outputs is None:
        return run_check(func, args, {}, (2,), rtol, atol, 0, raise_exception)
    cotangents = (grad_outputs,) if isinstance(grad_outputs, Tensor) else tuple(grad_outputs)

    def pulled_back(*values: Any) -> Any:
        given, weights = values[: len(args)], values[len(args) :]
        results = [y for _, y in tensors_in(func(*given), "output") if y.requires_grad]
        chosen = [x for _, x in tensors_in(list(given), "inputs") if x.requires_grad]
        return grad(results, chosen, weights, create_graph=True, materialize_grads=True)

    return run_check(pulled_back, (*args, *cotangents), {}, (1,), rtol, atol, 0, raise_exception)


def _arguments(what: str, inputs: Any) -> tuple[Any, ...]:
    args = tuple(inputs) if isinstance(inputs, tuple | list) else (inputs,)
    if not any(x.requires_grad for _, x in tensors_in(args, "inputs")):
        raise ArgumentError(f"{what}: at least one input must require grad; make it with requires_grad=True")
    return args


def _refuse(**options: bool) -> None:
    for name, value in options.items():
        if value:
            raise ArgumentError(f"gradcheck: {name}=True is not supported, there is neither batched nor forward differentiation to check")


def _check_repeatable(func: Callable[..., Any], args: tuple[Any, ...], tolerance: float) -> None:
    """Raise GradcheckError if two walks through one graph differ."""
    outputs = [y for _, y in tensors_in(func(*args), "output") if y.requires_grad]
    chosen = [x for _, x in tensors_in(args, "inputs") if x.requires_grad]
    if not outputs:
        return
    weights = [tensor(np.ones(y.shape, y.dtype)) for y in outputs]
    twice = [grad(outputs, chosen, weights, retain_graph=True, materialize_grads=True) for _ in range(2)]
    for i, (a, b) in enumerate(zip(*twice, strict=True)):
        if a is not None and b is not None and not np.allclose(a.numpy(), b.numpy(), rtol=0.0, atol=tolerance, equal_nan=True):
            raise GradcheckError(f"gradcheck: backward is not deterministic: two walks give different gradients of inputs[{i}]")
