"""From f and its inputs to the first derivative that is wrong."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from ...errors import ArgumentError, DtypeError
from .compare import Comparison
from .precision import Rounded
from .subject import Array, Differentiable, GradientOf, Subject, prepared
from .verdict import Entry, Tolerance


class Request(NamedTuple):
    """What is to be checked, and how."""

    f: Any
    args: Sequence[Any]
    kwargs: dict[str, Any]
    orders: tuple[int, ...] = (1, 2)
    seed: int = 0
    tolerance: Tolerance = Tolerance()
    enough: int = 16  # wrong entries, of which the worst is shown
    only_required: bool = False  # look only at inputs and outputs that require grad, and refuse inputs of which none does
    cotangents: Sequence[Array | None] | None = None  # v in the gradient vJ that order 2 differentiates; drawn where None


class Finding(NamedTuple):
    """A wrong derivative: the entry, and what the user calls its input and output."""

    order: int
    input: str
    output: str
    entry: Entry
    place: tuple[int, ...]
    output_place: tuple[int, ...]


_COTANGENTS = (
    1 << 16
)  # told apart from the orders, and from `default_rng(seed)`, which draws the inputs of many a test: a cotangent like x hides errors


def first_wrong(request: Request) -> Finding | None:
    """The worst entry of the lowest order that has a wrong one; None if all are right.

    Runs in float64 whatever the dtype of the inputs, if f lets it. Then the gradient of inputs of lower precision only has to be
    the rounded one. Raises ArgumentError if there is nothing to check.
    """
    with _prepared(request) as subject:
        rounded = any(x.array.dtype != a.dtype for x, a in zip(subject.varied, subject.arrays, strict=True))
        for order, problem in _problems(subject, request):
            rng = np.random.default_rng([request.seed, order])
            found = _found(problem, order, Comparison(problem, rng, request.tolerance).wrong_entries(request.enough))
            if found is not None:
                return found
    return _first_mistake_of_rounding(request) if rounded else None


def _prepared(request: Request) -> Any:
    """The subject in float64; as it is, if it meets tensors of another dtype inside of f."""
    f, args, kwargs, required = request.f, request.args, request.kwargs, request.only_required
    with prepared(f, args, kwargs, np.float64, required) as subject:
        try:
            subject.run(subject.arrays)
        except DtypeError:
            return prepared(f, args, kwargs, None, required)
    return prepared(f, args, kwargs, np.float64, required)


def _problems(subject: Subject, request: Request) -> Iterator[tuple[int, Differentiable]]:
    """The function to check for each order asked for, made of those below it."""
    rng = np.random.default_rng([request.seed, _COTANGENTS])
    problem: Differentiable = subject
    for order in range(1, max(request.orders) + 1):
        outputs = problem.run(problem.arrays).outputs
        if not outputs:
            raise ArgumentError("gradcheck: the function returns no float tensor, so there is nothing to differentiate")
        if order in request.orders:
            yield order, problem
        drawn = [np.asarray(rng.standard_normal(y.array.shape)).astype(y.array.dtype) for y in outputs]
        given = request.cotangents if order == 1 and request.cotangents is not None else [None] * len(drawn)
        if len(given) != len(drawn):
            raise ArgumentError(f"gradcheck: the function returns {len(drawn)} float tensors, but {len(given)} grad_outputs were given")
        problem = GradientOf(problem, [v if w is None else w.astype(v.dtype) for v, w in zip(drawn, given, strict=True)])


def _found(problem: Differentiable, order: int, entries: Sequence[Entry]) -> Finding | None:
    """The worst of these entries, with names."""
    if not entries:
        return None
    entry = max(entries, key=Entry.badness)
    outputs, position = problem.run(problem.arrays).outputs, entry.output
    k = 0
    while position >= outputs[k].array.size:
        position, k = position - outputs[k].array.size, k + 1
    place = np.unravel_index(position, outputs[k].array.shape)
    index = np.unravel_index(entry.element, problem.arrays[entry.input].shape)
    return Finding(order, problem.names[entry.input], problem.output_name(k), entry, tuple(map(int, index)), tuple(map(int, place)))


def _first_mistake_of_rounding(request: Request) -> Finding | None:
    """A gradient in the dtype of the inputs that is not the rounded one of float64, which is known to be right."""
    f, args, kwargs = request.f, request.args, request.kwargs
    for order in request.orders:
        rng = np.random.default_rng([request.seed, order])
        with prepared(f, args, kwargs) as subject:
            low = dict(_problems(subject, request))[order]
            rounded = Rounded.of(low, rng)
        with prepared(f, args, kwargs, np.float64) as subject:
            high = dict(_problems(subject, request))[order]
            mistake = rounded.mistake(high, rng)
        if mistake is not None:
            index = np.unravel_index(mistake.element, low.arrays[mistake.input].shape)
            return Finding(order, low.names[mistake.input], "the weighted sum of all outputs", mistake, tuple(map(int, index)), ())
    return None
