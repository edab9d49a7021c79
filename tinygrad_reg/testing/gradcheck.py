"""Are the gradients right? Compare them with differences of the function, along random directions.

With random u and v, <v, J u> must be the same from both sides: v pulled back through the graph and multiplied with u, and
the slope of <v, f(x + h u)> at h = 0. One direction sees an error in any element, so the cost does not grow with their
number. For order 2 the pulled-back gradient itself is the function that is checked, as a function of x and of v.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from ..autograd import grad
from ..creation import tensor
from ..engine.state import enable_grad
from ..errors import ArgumentError, TinygradRegError
from ..nn.module import Module
from ..ops.random import get_rng_state, set_rng_state
from ..tensor import Tensor

Array = np.ndarray[Any, Any]
Function = Callable[[list[Array]], tuple[list[Tensor], list[Tensor]]]  # arrays -> the leaves that hold them, the outputs

_SEARCHED = 256  # on failure, this many elements at most are differentiated one by one to find the worst


class GradcheckError(TinygradRegError, AssertionError):
    """An analytic gradient differs from the numeric one.

    `analytic` and `numeric` are the derivatives along the direction tried, at the `step` where they came closest; `input`
    names the input, `order` the derivative, and `index` the element of it with the largest difference.
    """

    def __init__(self, order: int, input: str, slope: Slope, allowed: float, worst: Worst) -> None:
        self.order, self.input = order, input
        self.analytic, self.numeric, self.step = slope.analytic, slope.numeric, slope.step
        self.index = worst.position
        super().__init__(
            f"gradcheck: derivative of order {order} with respect to {input} is wrong\n"
            f"  along a random direction: analytic {slope.analytic:.12g} · numeric {slope.numeric:.12g} · step {slope.step:.3g} · "
            f"difference {abs(slope.analytic - slope.numeric):.3g}, allowed {allowed:.3g}\n"
            f"  worst element {worst.position}: analytic {worst.analytic:.12g} · numeric {worst.numeric:.12g}"
        )


class Slope(NamedTuple):
    """A derivative along a direction from both sides, and the noise that rounding leaves in the numeric one."""

    analytic: float
    numeric: float
    step: float
    noise: float


class Worst(NamedTuple):
    """The element whose derivatives differ most."""

    position: tuple[int, ...]
    analytic: float
    numeric: float


def gradcheck(f: Callable[..., Any], inputs: Any, *, order: int = 2, rtol: float | None = None, atol: float = 0.0, seed: int = 0) -> bool:
    """Check the derivatives of f at `inputs`, to second order; True, or GradcheckError, which says where they are wrong.

    `inputs` is one tensor, or a tuple of tensors, of tuples, lists and dicts of them, and of anything else. Checked are the
    float tensors that require grad, or if none does, all of them; and if f is a module, its parameters, where they stand.
    f may return tensors nested likewise, and may draw random numbers: it sees the same ones each time. Use float64: float32
    only shows coarse mistakes. f must be smooth around the inputs: keep them 0.01 away from kinks.

    A derivative passes if both sides agree to `rtol` (10 √ε if not given) of the sum of the sizes of its terms, plus `atol`,
    at one of three steps. Raises ArgumentError if there is nothing to check.
    """
    if order < 1:
        raise ArgumentError(f"gradcheck: order must be 1 or more, got {order}")
    args = inputs if isinstance(inputs, tuple | list) else (inputs,)
    rng = np.random.default_rng(seed)
    with _prepared(f, args) as (function, arrays, names):
        for level in range(1, order + 1):
            weights = _weights(function, arrays, rng)
            _check(function, arrays, weights, names, level, rtol, atol, rng)
            if level < order:
                function, arrays, names = _gradient_of(function, arrays, weights, names)
    return True


# ---- from f and its inputs to a function of arrays -----------------------------------------------------------------------


@contextmanager
def _prepared(f: Any, args: Sequence[Any]) -> Iterator[tuple[Function, list[Array], list[str]]]:
    """f as a function of the arrays that are checked; afterwards module and random numbers are as they were."""
    found = [(name, x) for i, arg in enumerate(args) for name, x in _tensors(arg, f"inputs[{i}]") if x.is_floating_point()]
    chosen = [(name, x) for name, x in found if x.requires_grad] or found
    parameters = [(f"parameter {name}", p) for name, p in f.named_parameters() if p.requires_grad] if isinstance(f, Module) else []
    if not chosen and not parameters:
        raise ArgumentError("gradcheck: there is no float tensor among the inputs; pass one, or a module with parameters")
    arrays = [x.detach().numpy().copy() for _, x in chosen + parameters]
    before, random_state = [p.data for _, p in parameters], get_rng_state()
    buffers = [(b, b.detach().clone()) for b in f.buffers()] if isinstance(f, Module) else []

    def function(values: list[Array]) -> tuple[list[Tensor], list[Tensor]]:
        set_rng_state(random_state)
        leaves = [tensor(value, requires_grad=True) for value in values[: len(chosen)]]
        swap = {id(x): leaf for (_, x), leaf in zip(chosen, leaves, strict=True)}
        for (_, parameter), value in zip(parameters, values[len(chosen) :], strict=True):
            parameter.data = tensor(value)
        with enable_grad():
            results = f(*[_replaced(arg, swap) for arg in args])
        outputs = [x for _, x in _tensors(results, "output") if x.is_floating_point()]
        return leaves + [p for _, p in parameters], outputs

    try:
        yield function, arrays, [name for name, _ in chosen + parameters]
    finally:
        set_rng_state(random_state)
        for (_, parameter), data in zip(parameters, before, strict=True):
            parameter.data = data
        for buffer, content in buffers:
            buffer.detach().copy_(content)


def _tensors(x: Any, name: str) -> Iterator[tuple[str, Tensor]]:
    """All tensors in nested tuples, lists and dicts, with the expression that finds them."""
    if isinstance(x, Tensor):
        yield name, x
    elif isinstance(x, tuple | list | dict):
        for key, item in x.items() if isinstance(x, dict) else enumerate(x):
            yield from _tensors(item, f"{name}[{key!r}]")


def _replaced(x: Any, swap: dict[int, Tensor]) -> Any:
    """The same nesting with other tensors."""
    if isinstance(x, dict):
        return {key: _replaced(item, swap) for key, item in x.items()}
    if isinstance(x, tuple) and hasattr(x, "_fields"):
        return type(x)(*[_replaced(item, swap) for item in x])
    if isinstance(x, tuple | list):
        return type(x)([_replaced(item, swap) for item in x])
    return swap.get(id(x), x)


def _gradient_of(f: Function, arrays: list[Array], weights: list[Array], names: list[str]) -> tuple[Function, list[Array], list[str]]:
    """The function (x, v) -> vJ, its arguments, and their names."""

    def gradient(values: list[Array]) -> tuple[list[Tensor], list[Tensor]]:
        x, outputs = f(values[: len(arrays)])
        v = [tensor(value, requires_grad=True) for value in values[len(arrays) :]]
        return x + v, _pull_back(outputs, x, v, create_graph=True)

    return gradient, arrays + weights, names + [f"cotangent of output {i}" for i in range(len(weights))]


def _pull_back(outputs: list[Tensor], x: list[Tensor], v: list[Tensor], create_graph: bool = False) -> list[Tensor]:
    """vJ with respect to each x."""
    pairs = [(y, weight) for y, weight in zip(outputs, v, strict=True) if y.requires_grad]
    if not pairs:
        return [tensor(np.zeros(leaf.shape, leaf.dtype)) for leaf in x]
    roots, weights = zip(*pairs, strict=True)
    return list(grad(roots, x, weights, create_graph=create_graph, materialize_grads=True))


def _weights(f: Function, arrays: list[Array], rng: np.random.Generator) -> list[Array]:
    """A random v for each output."""
    _, outputs = f(arrays)
    if not outputs:
        raise ArgumentError("gradcheck: the function returns no float tensor, so there is nothing to differentiate")
    return [np.asarray(rng.standard_normal(y.shape)).astype(y.dtype) for y in outputs]


# ---- both sides ----------------------------------------------------------------------------------------------------------


def _check(
    f: Function,
    arrays: list[Array],
    v: list[Array],
    names: list[str],
    order: int,
    rtol: float | None,
    atol: float,
    rng: np.random.Generator,
) -> None:
    """Raise GradcheckError unless the derivatives with respect to every input agree along a direction."""
    leaves, outputs = f(arrays)
    gradients = [g.detach().numpy() for g in _pull_back(outputs, leaves, [tensor(weight) for weight in v])]
    for i, (name, x, g) in enumerate(zip(names, arrays, gradients, strict=True)):
        u = _direction(x, rng)
        epsilon = float(np.finfo(x.dtype).eps)
        relative = 10 * epsilon**0.5 if rtol is None else rtol
        allowed = relative * float(np.abs(g * u).sum()) + atol
        slopes = [_slope(f, arrays, v, i, u, g, epsilon ** (1 / 5) * shrink) for shrink in (1.0, 0.1, 0.01)]
        excess = [abs(s.analytic - s.numeric) - allowed - s.noise - relative * abs(s.numeric) for s in slopes]
        if not min(excess) <= 0:  # also if all are nan
            best = slopes[int(np.argmin(np.nan_to_num(excess, nan=np.inf)))]
            raise GradcheckError(order, name, best, allowed + best.noise, _worst(f, arrays, v, i, g, best.step))


def _direction(x: Array, rng: np.random.Generator) -> Array:
    """Random numbers of the size of x's elements, or of 1 where these are smaller."""
    u = rng.uniform(0.5, 1.0, x.shape) * rng.choice([-1.0, 1.0], x.shape)
    return np.asarray(u * np.maximum(np.abs(x), 1.0)).astype(x.dtype)


def _slope(f: Function, arrays: list[Array], v: list[Array], i: int, u: Array, g: Array, step: float) -> Slope:
    """The derivative along u, numeric by the central difference of fourth order."""

    def values(h: float) -> list[Array]:
        moved = [*arrays]
        moved[i] = np.asarray(arrays[i] + h * u, arrays[i].dtype)
        return [y.detach().numpy() for y in f(moved)[1]]

    at = {k: values(k * step) for k in (-2, -1, 1, 2)}
    terms = [weight * (8.0 * (b - a) - (d - c)) for weight, a, b, c, d in zip(v, at[-1], at[1], at[-2], at[2], strict=True)]
    size = sum(float(np.abs(weight * y).sum()) for weight, y in zip(v, at[1], strict=True))
    noise = 4.0 * float(np.finfo(u.dtype).eps) * size / step
    return Slope(float((g * u).sum()), float(sum(t.sum() for t in terms)) / (12.0 * step), step, noise)


def _worst(f: Function, arrays: list[Array], v: list[Array], i: int, g: Array, step: float) -> Worst:
    """The element of input i whose derivatives differ most."""
    found = [Worst((), float("nan"), float("nan"))]
    for index in list(np.ndindex(g.shape))[:_SEARCHED]:
        u = np.zeros_like(arrays[i])
        u[index] = max(abs(arrays[i][index]), 1.0)
        slope = _slope(f, arrays, v, i, u, g, step)
        found.append(Worst(index, slope.analytic / float(u[index]), slope.numeric / float(u[index])))
    return max(
        found, key=lambda w: (w.analytic != w.numeric, np.nan_to_num(abs(w.analytic - w.numeric), nan=np.inf if w.position else -1.0))
    )
