"""Connectionist temporal classification: the loss of a sequence of labels whose places in time are unknown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ...creation import full, full_like, tensor
from ...engine.mutation import Array
from ...engine.node import Value
from ...engine.refusal import typed_errors
from ...engine.state import state
from ...errors import ArgumentError, DimensionError, DtypeError, ShapeError
from ...ops.gathering import gather
from ...ops.joining import cat, stack
from ...ops.losses import check_reduction, check_tensors
from ...ops.masking import where
from ...ops.pointwise import convert
from ...ops.positions import in_range
from ...ops.reduction import logsumexp, mean, sum

if TYPE_CHECKING:
    from ...tensor import Tensor

_NEVER = float("-inf")  # the logarithm of the probability of what cannot be


@typed_errors
def ctc_loss(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Tensor | Sequence[int],
    target_lengths: Tensor | Sequence[int],
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Tensor:
    """-log of the probability that the classes, without repetitions and then without blanks, spell the target.

    `log_probs` are logarithms of probabilities (t, n, classes), or (t, classes) for one sequence; `targets` are (n, s), or all of them in
    a row. "mean" divides each loss by the length of its target. A target that is too long has the loss inf, or 0 with `zero_infinity`,
    and the gradient 0. Graves et al. 2006, section 4.1.

    The gradient is that of this formula; PyTorch gives that towards the logits, as if `log_softmax` were part of it, and behind
    `log_softmax` both are equal. Raises ShapeError, DimensionError or ArgumentError for lengths and classes that do not fit.

    >>> even = tg.full((3, 1, 2), 0.5).log()  # of the 8 sequences, 6 spell "1": one run of ones
    >>> tg.nn.functional.ctc_loss(even, tg.tensor([[1]]), [3], [1]).neg().exp()
    tensor(0.7500)
    """
    check_tensors("ctc_loss", log_probs=log_probs, targets=targets)
    check_reduction("ctc_loss", reduction)
    if log_probs.ndim not in (2, 3) or not log_probs.is_floating_point():
        raise ShapeError(f"ctc_loss: log_probs must be floats (t, n, classes) or (t, classes), got {log_probs.dtype} {log_probs.shape}")
    single = log_probs.ndim == 2
    probs = log_probs.unsqueeze(1) if single else log_probs
    times, count, classes = probs.shape
    given = _lengths("input_lengths", input_lengths, count, times)
    if not 0 <= blank < classes:
        raise ArgumentError(f"ctc_loss: blank must be one of the {classes} classes, got {blank}")
    labels, wanted = _labels(targets, target_lengths, count, blank)
    _check_classes(labels, wanted, classes)
    total = _total(probs, _with_blanks(labels, blank), given, wanted)
    losses = where(tensor(given == 0), tensor(np.where(wanted == 0, 0.0, np.inf), dtype=probs.dtype), -total)
    if zero_infinity:
        losses = where(losses == np.inf, 0.0, losses)
    if reduction == "mean":
        return mean(losses / tensor(np.maximum(wanted, 1), dtype=probs.dtype))
    return sum(losses) if reduction == "sum" else losses[0] if single else losses


def _total(probs: Tensor, states: Tensor, given: Array, wanted: Array) -> Tensor:
    """The logarithm of the probability of all ways through the states (n, 2 s + 1), which are blanks and labels by turns."""
    times, count, _ = probs.shape
    width = states.shape[1]
    each = gather(probs, 2, states.expand(times, count, width))
    # A label may follow the label before it, without a blank in between, if they differ.
    leap = (states != cat([states[:, :2], states[:, :-2]], 1)[:, :width]) & tensor(np.arange(width) % 2 == 1)
    never = full((count, 2), _NEVER, dtype=probs.dtype)
    so_far = where(tensor(np.arange(width) < 2), each[0], _NEVER)
    for t in range(1, int(given.max(initial=0))):
        before = cat([never, so_far], 1)
        ways = stack([so_far, before[:, 1:-1], where(leap, before[:, :-2], _NEVER)])
        so_far = where(tensor(t < given[:, None]), logsumexp(ways, 0) + each[t], so_far)
    ends = gather(so_far, 1, tensor(np.stack([2 * wanted, np.maximum(2 * wanted - 1, 0)], 1)))
    return logsumexp(where(tensor(np.stack([wanted >= 0, wanted > 0], 1)), ends, _NEVER), 1)


def _with_blanks(labels: Tensor, blank: int) -> Tensor:
    """(n, s) -> (n, 2 s + 1): a blank before, between and after the labels."""
    blanks = full_like(labels, blank)
    pairs = stack([blanks, labels], 2).flatten(1)
    return cat([pairs, full((labels.shape[0], 1), blank, dtype=labels.dtype)], 1)


def _lengths(name: str, given: Any, count: int, most: int) -> Array:
    if isinstance(given, Value) and state.tracer is not None and not state.tracer.knows(given):
        state.tracer.unrepeatable("ctc_loss goes through time by lengths, which are values of a tensor; give them as lists of ints")
    lengths = given.array if isinstance(given, Value) else np.asarray(given)
    if lengths.dtype.kind not in "iu" and lengths.size:
        raise DtypeError(f"ctc_loss: {name} must be integers, got {lengths.dtype}")
    lengths = lengths.astype(np.int64).reshape(-1)
    if len(lengths) != count:
        raise ShapeError(f"ctc_loss: {count} sequences need as many {name}, got {len(lengths)}")
    if lengths.size and (lengths.min() < 0 or lengths.max() > most):
        raise ArgumentError(f"ctc_loss: {name} must be from 0 to {most}, got {lengths.tolist()}")
    return lengths


def _labels(targets: Tensor, target_lengths: Any, count: int, blank: int) -> tuple[Tensor, Array]:
    """The targets as (n, s), s the longest length, with blanks behind their ends; and their lengths."""
    if targets.is_floating_point():
        raise DtypeError(f"ctc_loss: targets must be integers, got {targets.dtype}")
    values = convert(targets, np.dtype(np.int64))
    if values.ndim == 2 and values.shape[0] == count:
        wanted = _lengths("target_lengths", target_lengths, count, values.shape[1])
        used = _used(wanted)
        return where(tensor(used), values[:, : used.shape[1]], blank), wanted
    wanted = _lengths("target_lengths", target_lengths, count, values.array.size)
    if values.ndim != 1 or wanted.sum() != values.shape[0]:
        raise ShapeError(
            f"ctc_loss: targets must be ({count}, s), or all {int(wanted.sum())} labels that target_lengths names in a row, "
            f"got {tuple(targets.shape)}"
        )
    used = _used(wanted)
    if not used.any():
        return full(used.shape, blank, dtype=values.dtype), wanted
    places = np.zeros(used.shape, np.int64)
    places[used] = np.arange(values.shape[0])
    return where(tensor(used), values[tensor(places)], blank), wanted


def _used(wanted: Array) -> Array:
    """Which labels of (n, s) belong to targets of these lengths."""
    return np.arange(wanted.max(initial=0)) < wanted[:, None]


def _check_classes(labels: Tensor, wanted: Array, classes: int) -> None:
    given = labels.array[_used(wanted)]
    if given.size and (given.min() < 0 or given.max() >= classes):
        raise DimensionError(f"ctc_loss: targets must be from 0 to {classes - 1}, got values from {given.min()} to {given.max()}")
    if state.tracer is not None:
        in_range.bind(labels, size=classes, what="ctc_loss")  # the check of a replay
