"""gradcheck and gradgradcheck with the arguments of PyTorch's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...creation import as_tensor
from ...errors import ArgumentError
from .check import Request
from .report import GradcheckError, check
from .subject import Array, Point, prepared, pull_back, tensor_of
from .verdict import Tolerance


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

    It is `tinygrad_reg.testing.gradcheck` of order 1: a gradient is right if it is the numeric one within its estimated error, or
    within `atol + rtol · |numeric|`, or lies between the derivatives from both sides of a kink. Steps are chosen by the estimate, so
    `eps` is not needed; the cost does not grow with the size of the Jacobian, with and without `fast_mode`. Two walks back must give
    the same up to `nondet_tol`; `check_undefined_grad`: an output without a gradient counts as one with zeros; `check_grad_dtypes`:
    gradients have the dtype of their input. Outputs that do not require grad count only if none does. Raises ValueError if no input
    requires grad or a check is asked for that does not exist here.

    >>> tg.autograd.gradcheck(tg.exp, tg.ones(2, dtype=tg.float64, requires_grad=True))
    True
    """
    _refuse(check_batched_grad=check_batched_grad, check_batched_forward_grad=check_batched_forward_grad, check_forward_ad=check_forward_ad)
    if not check_backward_ad:
        raise ArgumentError("gradcheck: check_backward_ad=False leaves nothing to check, there is no forward differentiation here")
    request = Request(func, _as_tuple(inputs), {}, (1,), 0, Tolerance.of(rtol, atol), only_required=True)
    try:
        _check_walks(request, nondet_tol, check_undefined_grad, check_grad_dtypes)
        return check(request, raise_exception)
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

    `grad_outputs` are the cotangents at which; random ones for those that are not given. See gradcheck.

    >>> tg.autograd.gradgradcheck(tg.exp, tg.ones(2, dtype=tg.float64, requires_grad=True))
    True
    """
    _refuse(check_batched_grad=check_batched_grad, check_fwd_over_rev=check_fwd_over_rev)
    if not check_rev_over_rev:
        raise ArgumentError("gradgradcheck: check_rev_over_rev=False leaves nothing to check, there is no forward differentiation here")
    given = None if grad_outputs is None else [None if g is None else as_tensor(g).detach().numpy() for g in _as_tuple(grad_outputs)]
    return check(
        Request(func, _as_tuple(inputs), {}, (2,), 0, Tolerance.of(rtol, atol), only_required=True, cotangents=given), raise_exception
    )


def _as_tuple(inputs: Any) -> tuple[Any, ...]:
    return tuple(inputs) if isinstance(inputs, (tuple, list)) else (inputs,)


def _refuse(**options: bool) -> None:
    for name, value in options.items():
        if value:
            raise ArgumentError(f"gradcheck: {name}=True is not supported, there is neither batched nor forward differentiation to check")


def _check_walks(request: Request, tolerance: float, undefined: bool, dtypes: bool) -> None:
    """What can be seen of walks back through one graph, without numeric derivatives."""
    with prepared(request.f, request.args, request.kwargs, None, request.only_required) as subject:
        point = subject.run(subject.arrays)
        rng = np.random.default_rng(request.seed)
        weights = [np.asarray(rng.standard_normal(y.array.shape)).astype(y.array.dtype) for y in point.outputs]
        first = _walk(point, weights, range(len(weights)))
        _compare(subject.names, first, _walk(point, weights, range(len(weights))), tolerance, "backward is not deterministic: two walks")
        for k in range(len(weights)) if undefined and len(weights) > 1 else ():
            alone = [w if i == k else np.zeros_like(w) for i, w in enumerate(weights)]
            parts = _walk(point, alone, range(len(weights))), _walk(point, alone, [k])
            what = f"outputs without a gradient are not taken for zeros: walks from all outputs and from {subject.output_name(k)} alone"
            _compare(subject.names, *parts, tolerance, what)
    for name, x, g in zip(subject.names, subject.arrays, first, strict=True):
        if dtypes and g.dtype != x.dtype:
            raise GradcheckError(f"gradcheck: the gradient of {name} is {g.dtype}, the input {x.dtype}")


def _walk(point: Point, weights: Sequence[Array], which: Sequence[int]) -> list[Array]:
    chosen, cotangents = [point.outputs[k] for k in which], [tensor_of(weights[k]) for k in which]
    return [g.array for g in pull_back(chosen, point.leaves, cotangents)]


def _compare(names: Sequence[str], a: list[Array], b: list[Array], tolerance: float, what: str) -> None:
    for name, x, y in zip(names, a, b, strict=True):
        if not np.allclose(x, y, rtol=0.0, atol=tolerance, equal_nan=True):
            raise GradcheckError(f"gradcheck: {what} give different gradients of {name}")
