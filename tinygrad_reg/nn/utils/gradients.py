"""Gradients clipped, and all parameters as one vector."""

from __future__ import annotations

import math
from collections.abc import Iterable

from ...creation import zeros
from ...engine.refusal import typed_errors
from ...engine.state import no_grad
from ...errors import ArgumentError, ArgumentTypeError, GradientError, ShapeError
from ...ops.elementwise import abs, clamp_max, square
from ...ops.extremes import amax
from ...ops.joining import cat, stack
from ...ops.reduction import sum
from ...ops.shape import reshape
from ...tensor import Tensor


def _tensors(given: Tensor | Iterable[Tensor], what: str) -> list[Tensor]:
    """One tensor or several, as a list."""
    if not isinstance(given, Iterable):
        raise ArgumentTypeError(
            f"{what}: expected a tensor or an iterable of tensors, got {type(given).__name__}; a model has .parameters()"
        )
    return [given] if isinstance(given, Tensor) else list(given)


def _gradients(parameters: Tensor | Iterable[Tensor], what: str) -> list[Tensor]:
    """The gradients of those that have one."""
    return [p.grad for p in _tensors(parameters, what) if p.grad is not None]


@typed_errors
def get_total_norm(
    tensors: Tensor | Iterable[Tensor], norm_type: float = 2.0, error_if_nonfinite: bool = False, foreach: bool | None = None
) -> Tensor:
    """The norm of all elements of all tensors as one vector; `norm_type` is positive, inf gives the largest absolute value.

    >>> tg.nn.utils.get_total_norm([tg.tensor([3.0]), tg.tensor([[4.0]])])
    tensor(5.)
    """
    p = float(norm_type)
    if not p > 0:
        raise ArgumentError(f"get_total_norm: norm_type must be positive, got {norm_type}")
    filled = [x for x in _tensors(tensors, "get_total_norm") if x.numel()]
    total = _norm(filled, p) if filled else zeros(())
    if error_if_nonfinite and not math.isfinite(total.item()):
        raise GradientError(f"The total norm of order {p} for gradients is non-finite ({total.item()}), so they cannot be clipped")
    return total


def _norm(tensors: list[Tensor], p: float) -> Tensor:
    if p == math.inf:
        return amax(stack([amax(abs(x)) for x in tensors]))
    if p == 2.0:
        return sum(stack([sum(square(x)) for x in tensors])).sqrt()
    return sum(stack([sum(abs(x) ** p) for x in tensors])) ** (1.0 / p)


@no_grad()
@typed_errors
def clip_grads_with_norm_(parameters: Tensor | Iterable[Tensor], max_norm: float, total_norm: Tensor, foreach: bool | None = None) -> None:
    """Multiply all gradients by max_norm / total_norm, if that is below 1.

    >>> w = tg.zeros(2, requires_grad=True)
    >>> (w * tg.tensor([3.0, 4.0])).sum().backward()
    >>> tg.nn.utils.clip_grads_with_norm_(w, 1.0, tg.tensor(5.0))
    >>> w.grad
    tensor([0.6000, 0.8000])
    """
    factor = clamp_max(float(max_norm) / (total_norm + 1e-6), 1.0)
    for gradient in _gradients(parameters, "clip_grads_with_norm_"):
        gradient.mul_(factor)


@no_grad()
@typed_errors
def clip_grad_norm_(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """Shrink the gradients of all parameters in place so that their norm, as one vector, is at most max_norm; returns the norm before.

    >>> w = tg.zeros(2, requires_grad=True)
    >>> (w * tg.tensor([3.0, 4.0])).sum().backward()
    >>> tg.nn.utils.clip_grad_norm_(w, max_norm=1.0), w.grad
    (tensor(5.), tensor([0.6000, 0.8000]))
    """
    parameters = _tensors(parameters, "clip_grad_norm_")
    total = get_total_norm([p.grad for p in parameters if p.grad is not None], norm_type, error_if_nonfinite)
    clip_grads_with_norm_(parameters, max_norm, total)
    return total


@no_grad()
@typed_errors
def clip_grad_value_(parameters: Tensor | Iterable[Tensor], clip_value: float, foreach: bool | None = None) -> None:
    """Limit every element of the gradients to [-clip_value, clip_value], in place.

    >>> w = tg.zeros(2, requires_grad=True)
    >>> (w * tg.tensor([3.0, 0.5])).sum().backward()
    >>> tg.nn.utils.clip_grad_value_(w, 1.0)
    >>> w.grad
    tensor([1.0000, 0.5000])
    """
    for gradient in _gradients(parameters, "clip_grad_value_"):
        gradient.clamp_(-float(clip_value), float(clip_value))


@typed_errors
def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """All elements of all parameters, one after the other, as one vector.

    >>> tg.nn.utils.parameters_to_vector([tg.tensor([1.0]), tg.tensor([[2.0, 3.0]])])
    tensor([1., 2., 3.])
    """
    return cat([reshape(p, (-1,)) for p in parameters])


@typed_errors
def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Give the parameters the values of a vector, whose memory they share from now on. Raises ShapeError unless the lengths agree.

    >>> w = tg.nn.Parameter(tg.zeros(2, 1))
    >>> tg.nn.utils.vector_to_parameters(tg.tensor([1.0, 2.0]), [w])
    >>> w.data
    tensor([[1.],
            [2.]])
    """
    if not isinstance(vec, Tensor):
        raise ArgumentTypeError(f"vector_to_parameters: expected a tensor, got {type(vec).__name__}")
    chosen = list(parameters)
    total = 0
    for p in chosen:
        total += p.numel()
    if vec.shape != (total,):
        raise ShapeError(f"vector_to_parameters: the parameters have {total} elements, the vector has shape {vec.shape}")
    start = 0
    for p in chosen:
        p.data = reshape(vec.detach()[start : start + p.numel()], p.shape)
        start += p.numel()
