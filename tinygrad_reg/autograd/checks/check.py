"""Are the gradients right? Compare them with numeric derivatives along random directions.

With random u and v, <v, J u> must be the same from both sides: v pulled back through the graph and multiplied with u, and the
slope of <v, f(x + h u)> at h = 0. One direction sees an error in any element, so the cost does not grow with their number. For order
2 the pulled-back gradient itself is the function that is checked, as a function of x and of v.

How exact the numeric slope is, it says itself (numeric.py, calls.py), so there is no tolerance to guess. Where both sides differ, the
elements are checked one by one: only that shows whether one of them lies at a kink.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from ...creation import tensor
from ...engine.mutation import Array
from ...engine.state import enable_grad
from ...errors import ArgumentError
from ...ops.random import get_rng_state, set_rng_state
from ...tensor import Tensor
from .. import grad
from .calls import ComplexStep, recorded
from .nesting import replaced, tensors_in
from .numeric import UNKNOWN, VAGUE, Estimate, central, one_sided

Run = Callable[[list[Array]], tuple[list[Tensor], list[Tensor]]]  # arrays -> the leaves that hold them, the outputs

_SEARCHED = 512  # elements of an input that are checked one by one, those with the largest gradients
_FLOOR = {8: 1e-7, 4: 3e-5, 2: 0.1}  # by itemsize: the part of the sum of all terms that rounding in the rules may cost


class Problem(NamedTuple):
    """A derivative that is wrong: of which order and input, at which element, and what it is on both sides."""

    order: int
    input: str
    element: tuple[int, ...] | None
    analytic: float
    numeric: Estimate


class Level(NamedTuple):
    """What is checked at one order: a function of arrays, the arrays, their names, and the weights of its outputs."""

    order: int
    run: Run
    exact: Run  # the same in float64
    arrays: list[Array]
    names: list[str]
    weights: list[Array]


def find_problem(
    f: Any, args: Sequence[Any], kwargs: dict[str, Any], orders: Collection[int], rtol: float | None, atol: float, seed: int
) -> Problem | None:
    """The first wrong derivative of these orders; None if all are right."""
    rng = np.random.default_rng(seed)
    with prepared(f, args, kwargs) as (run, exact, arrays, names):
        for order in range(1, max(orders) + 1):
            weights = _weights(run, arrays, rng)
            if order in orders:
                problem = _check(Level(order, run, exact, arrays, names, weights), rtol, atol, rng)
                if problem is not None or order == max(orders):
                    return problem
            run, exact = _gradient_of(run, len(arrays)), _gradient_of(exact, len(arrays))
            names = names + [f"cotangent of output {i}" for i in range(len(weights))]
            arrays = arrays + weights
    return None


# ---- from f and its inputs to a function of arrays -----------------------------------------------------------------------


@contextmanager
def prepared(f: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> Iterator[tuple[Run, Run, list[Array], list[str]]]:
    """f as a function of the arrays that are checked, and in float64; afterwards module and random numbers are as they were."""
    everything = (*args, *kwargs.values())
    labels = [*(f"inputs[{i}]" for i in range(len(args))), *kwargs]
    found = [pair for x, label in zip(everything, labels, strict=True) for pair in tensors_in(x, label) if pair[1].is_floating_point()]
    found = list({id(x): (name, x) for name, x in reversed(found)}.values())[::-1]  # one that is given twice is one input
    chosen = [(name, x) for name, x in found if x.requires_grad] or found
    module = hasattr(f, "named_parameters") and hasattr(f, "buffers")
    parameters = [(f"parameter {name}", p) for name, p in f.named_parameters() if p.requires_grad] if module else []
    if not chosen and not parameters:
        raise ArgumentError("gradcheck: there is no float tensor among the inputs; pass one, or a module with parameters")
    arrays = [x.detach().numpy().copy() for _, x in chosen + parameters]
    before, random_state = [p.data for _, p in parameters], get_rng_state()
    buffers = [(b, b.data) for b in f.buffers()] if module else []
    others = [x for _, x in found if all(x is not y for _, y in chosen)]

    def run_in(values: list[Array], wide: bool) -> tuple[list[Tensor], list[Tensor]]:
        set_rng_state(random_state)
        values = [value.astype(np.float64) for value in values] if wide else values
        leaves = [tensor(value, requires_grad=True) for value in values[: len(chosen)]]
        swap: dict[int, Any] = {id(x): leaf for (_, x), leaf in zip(chosen, leaves, strict=True)}
        for buffer, content in buffers:
            buffer.data = content.double() if wide and content.is_floating_point() else content.clone()
        if wide:
            swap |= {id(x): x.double() for x in others}
        for (_, parameter), value in zip(parameters, values[len(chosen) :], strict=True):
            parameter.data = tensor(value)
            parameter.grad = None
        with enable_grad():
            results = f(*[replaced(x, swap) for x in args], **{name: replaced(x, swap) for name, x in kwargs.items()})
        return leaves + [p for _, p in parameters], [y for _, y in tensors_in(results, "output") if y.is_floating_point()]

    grads = [p.grad for _, p in parameters]
    try:
        yield (
            (lambda values: run_in(values, False)),
            (lambda values: run_in(values, True)),
            arrays,
            [name for name, _ in chosen + parameters],
        )
    finally:
        set_rng_state(random_state)
        for (_, parameter), data, gradient in zip(parameters, before, grads, strict=True):
            parameter.data, parameter.grad = data, gradient
        for buffer, content in buffers:
            buffer.data = content


def _gradient_of(run: Run, count: int) -> Run:
    """The function (x, v) -> vJ."""

    def gradient(values: list[Array]) -> tuple[list[Tensor], list[Tensor]]:
        x, outputs = run(values[:count])
        v = [tensor(value.astype(y.dtype), requires_grad=True) for value, y in zip(values[count:], outputs, strict=True)]
        return x + v, pull_back(outputs, x, v, create_graph=True)

    return gradient


def pull_back(outputs: list[Tensor], x: list[Tensor], v: list[Tensor], create_graph: bool = False) -> list[Tensor]:
    """vJ with respect to each x."""
    pairs = [(y, weight) for y, weight in zip(outputs, v, strict=True) if y.requires_grad]
    if not pairs:
        return [tensor(np.zeros(leaf.shape, leaf.dtype)) for leaf in x]
    roots, weights = zip(*pairs, strict=True)
    return list(grad(roots, x, weights, create_graph=create_graph, materialize_grads=True))


def _weights(run: Run, arrays: list[Array], rng: np.random.Generator) -> list[Array]:
    """A random v for each output; 0 where the output is not finite and so has no derivative."""
    _, outputs = run(arrays)
    if not outputs:
        raise ArgumentError("gradcheck: the function returns no float tensor, so there is nothing to differentiate")
    values = [y.detach().numpy() for y in outputs]
    return [np.where(np.isfinite(y), rng.standard_normal(y.shape), 0.0).astype(y.dtype) for y in values]


# ---- both sides ----------------------------------------------------------------------------------------------------------


def _check(level: Level, rtol: float | None, atol: float, rng: np.random.Generator) -> Problem | None:
    """The first input with a wrong derivative."""
    leaves, outputs = level.run(level.arrays)
    gradients = [g.detach().numpy() for g in pull_back(outputs, leaves, [tensor(weight) for weight in level.weights])]
    step = _complex_step(level)
    for i, (x, g) in enumerate(zip(level.arrays, gradients, strict=True)):
        u = _direction(x, rng)
        terms = np.asarray(g, np.float64) * u
        relative = _FLOOR[x.dtype.itemsize] if rtol is None else rtol
        allowed = relative * float(np.abs(terms).sum()) + atol
        analytic = float(terms.sum())
        numeric = (step.slope(i, u, level.weights) if step else None) or _slope(level, i, u, allowed)
        if not abs(analytic - numeric.value) <= allowed + numeric.error:
            problem = _worst(level, i, g, relative, atol, Problem(level.order, level.names[i], None, analytic, numeric))
            if problem is not None:
                return problem
    return None


def _complex_step(level: Level) -> ComplexStep | None:
    if any(x.dtype != np.float64 for x in level.arrays):
        return None
    recorder, (leaves, outputs) = recorded(lambda: level.run(level.arrays))
    step = ComplexStep(recorder, [x.array for x in leaves], [y.array for y in outputs])
    return step if step.applies else None


def _direction(x: Array, rng: np.random.Generator) -> Array:
    """Random numbers of the size of x's elements, or of 1 where these are smaller."""
    u = rng.uniform(0.5, 1.0, x.shape) * rng.choice([-1.0, 1.0], x.shape)
    return np.asarray(u * np.maximum(np.abs(x.astype(np.float64)), 1.0))


def _along(level: Level, i: int, u: Array) -> tuple[Callable[[float], float], float]:
    """h -> <v, f(x + h u)> in float64, and the rounding error of that number."""
    wide = [x.astype(np.float64) for x in level.arrays]
    weights = [weight.astype(np.float64) for weight in level.weights]

    def terms(h: float) -> list[Array]:
        moved = [*wide]
        moved[i] = wide[i] + h * u
        with np.errstate(all="ignore"):
            values = [y.detach().numpy() for y in level.exact(moved)[1]]
            return [np.where(weight == 0.0, 0.0, weight * y) for weight, y in zip(weights, values, strict=True)]

    size = sum(float(np.abs(part).sum()) for part in terms(0.0))
    return (lambda h: float(sum(part.sum() for part in terms(h)))), 2.0 * float(np.finfo(np.float64).eps) * size


def _slope(level: Level, i: int, u: Array, allowed: float) -> Estimate:
    """The derivative along u; unknown if it is not known well, as at a jump."""
    phi, noise = _along(level, i, u)
    return _reliable(central(phi, noise, allowed / 8.0), allowed, noise)


def _reliable(estimate: Estimate, allowed: float, noise: float) -> Estimate:
    good = estimate.error <= max(allowed, VAGUE * abs(estimate.value), noise * 1e8)
    return estimate if good else UNKNOWN


def _worst(level: Level, i: int, g: Array, relative: float, atol: float, along: Problem) -> Problem | None:
    """The element of input i that is wrong by the most, `along` if there are too many to look at all, None if every one is right."""
    order = np.argsort(np.abs(np.nan_to_num(g.astype(np.float64), nan=np.inf)).reshape(-1))[::-1]
    worst, excess, seen = None, 0.0, False
    for flat in order[:_SEARCHED]:
        element = tuple(int(k) for k in np.unravel_index(flat, g.shape))
        analytic = float(g[element])
        found = [interval for interval in _intervals(level, i, element) if interval is not None]
        seen = seen or bool(found)
        wrong = [max(low - analytic, analytic - high) - relative * abs(analytic) - atol - error for low, high, error in found]
        if found and not min(wrong) <= 0.0 and (worst is None or not min(wrong) <= excess):
            low, high, error = found[wrong.index(min(wrong))]
            worst = Problem(level.order, level.names[i], element, analytic, Estimate(low if analytic < low else high, error))
            excess = min(wrong)
    if worst is None and (not seen or g.size > _SEARCHED):
        return along
    return worst


def _intervals(level: Level, i: int, element: tuple[int, ...]) -> Iterator[tuple[float, float, float] | None]:
    """Between which derivatives that of one element must lie, and their error; with steps of the size of 1, and of the element."""
    at = abs(float(level.arrays[i][element]))
    for scale in {max(at, 1.0): None, (at or 1.0): None}:
        u = np.zeros(level.arrays[i].shape)
        u[element] = scale
        phi, noise = _along(level, i, u)
        found = _interval(phi, noise)
        yield None if found is None else (found[0] / scale, found[1] / scale, found[2] / scale)


def _interval(phi: Callable[[float], float], noise: float) -> tuple[float, float, float] | None:
    """The derivative of phi at 0, twice; at a kink those from left and right; and their error. None if there is none."""
    sides = [_reliable(one_sided(phi, side, noise, 0.0), 0.0, noise) for side in (-1.0, 1.0)]
    known = [side for side in sides if math.isfinite(side.value)]
    both = _reliable(central(phi, noise, 0.0), 0.0, noise)
    apart = len(known) == 2 and abs(known[0].value - known[1].value) > 4.0 * (known[0].error + known[1].error)
    if math.isfinite(both.value) and not apart:
        return both.value, both.value, both.error
    if not known:
        return None
    values = [side.value for side in known]
    return min(values), max(values), max(side.error for side in known)
