"""Derivatives of functions of tensors, in the style of `torch.autograd.functional`.

A function takes one tensor or several and gives one or several. `inputs` is a tensor or a tuple of them, and so are the results: a
derivative towards a tuple is a tuple. What does not depend on an input has the derivative 0 towards it; with `strict` it raises
GradientError. Results are part of a graph only with `create_graph`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..creation import ones_like, zeros_like
from ..engine.refusal import typed_errors
from ..engine.state import enable_grad
from ..errors import ArgumentError, ArgumentTypeError, GradientError, ShapeError
from ..ops.joining import stack
from ..ops.shape import reshape
from ..tensor import Tensor
from . import grad

__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]

Function = Callable[..., Any]
Several = tuple[Tensor, ...]


@typed_errors
def vjp(func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> tuple[Any, Any]:
    """func(*inputs), and vᵀJ, with v of the results' shapes; without v the result must have one element.

    >>> tg.autograd.functional.vjp(lambda x: x * x, tg.tensor([1.0, 2.0]), tg.tensor([1.0, 10.0]))
    (tensor([1., 4.]), tensor([ 2., 40.]))
    """
    what = "vjp"
    with enable_grad():
        xs = _fresh(inputs, create_graph, what)
        made = func(*xs)
        ys = _tensors(made, f"{what}: what the function gives")
        products = _products(ys, xs, _weights(v, ys, what), create_graph, strict, what)
    return _like(made, ys, create_graph), _like(inputs, products, create_graph)


@typed_errors
def jvp(func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> tuple[Any, Any]:
    """func(*inputs), and Jv, with v of the inputs' shapes; without v there must be one input of one element.

    uᵀJ is linear in u, and its derivative by u, weighted by v, is Jv.

    >>> tg.autograd.functional.jvp(lambda x: x * x, tg.tensor([1.0, 2.0]), tg.tensor([1.0, 10.0]))
    (tensor([1., 4.]), tensor([ 2., 40.]))
    """
    what = "jvp"
    with enable_grad():
        xs = _fresh(inputs, create_graph, what)
        directions = _weights(v, xs, what)
        made = func(*xs)
        ys = _tensors(made, f"{what}: what the function gives")
        us = tuple([zeros_like(y, requires_grad=True) for y in ys])
        rows = _products(ys, xs, us, True, strict, what)
        products = _products(rows, us, directions, create_graph, False, what)
    return _like(made, ys, create_graph), _like(made, products, create_graph)


@typed_errors
def jacobian(
    func: Function, inputs: Any, create_graph: bool = False, strict: bool = False, vectorize: bool = False, strategy: str = "reverse-mode"
) -> Any:
    """∂ results / ∂ inputs, of shape (*result, *input): for several results a tuple, for several inputs a tuple in it.

    It takes one walk for each element of the results, whatever the strategy; `vectorize` changes nothing.

    >>> tg.autograd.functional.jacobian(lambda x: x * x, tg.tensor([1.0, 2.0]))
    tensor([[2., 0.],
            [0., 4.]])
    """
    if strategy not in ("reverse-mode", "forward-mode"):
        raise ArgumentError(f'jacobian: strategy must be "reverse-mode" or "forward-mode", got {strategy!r}')
    return _jacobian(func, inputs, create_graph, strict, "jacobian")


def _jacobian(func: Function, inputs: Any, create_graph: bool, strict: bool, what: str) -> Any:
    with enable_grad():
        xs = _fresh(inputs, create_graph, what)
        made = func(*xs)
        ys = _tensors(made, f"{what}: what the function gives")
        blocks = [_like(inputs, _jacobian_of(y, xs, create_graph, strict, what), create_graph) for y in ys]
    return blocks[0] if isinstance(made, Tensor) else tuple(blocks)


def _jacobian_of(y: Tensor, xs: Several, create_graph: bool, strict: bool, what: str) -> Several:
    """∂y/∂x for each x, row by row."""
    rows = []
    for i in range(y.numel()):
        weights = zeros_like(y)
        weights.view(-1)[i] = 1
        rows.append(_products((y,), xs, (weights,), create_graph, strict, what, keep=True))
    if not rows:
        return tuple([y.new_zeros((*y.shape, *x.shape)) for x in xs])
    return tuple([reshape(stack(parts), (*y.shape, *x.shape)) for parts, x in zip(zip(*rows, strict=True), xs, strict=True)])


@typed_errors
def hessian(
    func: Function,
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Any:
    """The second derivatives of a function with one element as result, of shape (*input, *input); for several inputs a tuple of tuples.

    >>> tg.autograd.functional.hessian(lambda x: (x**3).sum(), tg.tensor([1.0, 2.0]))
    tensor([[ 6.,  0.],
            [ 0., 12.]])
    """
    if outer_jacobian_strategy not in ("reverse-mode", "forward-mode"):
        raise ArgumentError(f'hessian: outer_jacobian_strategy must be "reverse-mode" or "forward-mode", got {outer_jacobian_strategy!r}')

    def slope(*xs: Tensor) -> Any:
        slopes = _slopes(func, xs, strict, "hessian")[1]
        return slopes[0] if isinstance(inputs, Tensor) else slopes

    return _jacobian(slope, inputs, create_graph, strict, "hessian")


@typed_errors
def vhp(func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> tuple[Any, Any]:
    """func(*inputs), which must have one element, and vᵀH, with v of the inputs' shapes and H the Hessian.

    >>> tg.autograd.functional.vhp(lambda x: (x**3).sum(), tg.tensor([1.0, 2.0]), tg.tensor([1.0, 10.0]))
    (tensor(9.), tensor([  6., 120.]))
    """
    return _hessian_product(func, inputs, v, create_graph, strict, "vhp")


@typed_errors
def hvp(func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> tuple[Any, Any]:
    """func(*inputs), which must have one element, and Hv, which is vᵀH, because the Hessian is symmetric.

    >>> tg.autograd.functional.hvp(lambda x: (x**3).sum(), tg.tensor([1.0, 2.0]), tg.tensor([1.0, 10.0]))
    (tensor(9.), tensor([  6., 120.]))
    """
    return _hessian_product(func, inputs, v, create_graph, strict, "hvp")


def _hessian_product(func: Function, inputs: Any, v: Any, create_graph: bool, strict: bool, what: str) -> tuple[Any, Any]:
    with enable_grad():
        xs = _fresh(inputs, create_graph, what)
        directions = _weights(v, xs, what)
        y, slopes = _slopes(func, xs, strict, what)
        products = _products(slopes, xs, directions, create_graph, strict, what)
    return (y if create_graph else y.detach()), _like(inputs, products, create_graph)


# ---- the parts -------------------------------------------------------------------------------------------------------------


def _slopes(func: Function, xs: Several, strict: bool, what: str) -> tuple[Tensor, Several]:
    """func(*xs), which must be one tensor of one element, and its gradient, in the graph."""
    y = func(*xs)
    if not isinstance(y, Tensor):
        raise ArgumentTypeError(f"{what}: the function must give one tensor, got {type(y).__name__}")
    if y.numel() != 1:
        raise ShapeError(f"{what}: the function must give one element, got shape {tuple(y.shape)}; reduce it, for example with .sum()")
    return y, _products((y,), xs, (ones_like(y),), True, strict, what)


def _tensors(given: Any, what: str) -> Several:
    """A tensor or a tuple of tensors, as a tuple. Raises ArgumentTypeError for anything else."""
    made = (given,) if isinstance(given, Tensor) else given
    if not isinstance(made, tuple) or not all(isinstance(x, Tensor) for x in made):
        raise ArgumentTypeError(f"{what} must be a tensor or a tuple of tensors, got {type(given).__name__}")
    return made


def _fresh(inputs: Any, create_graph: bool, what: str) -> Several:
    """The inputs as tensors of their own, so that what the function knows them as from elsewhere counts as something else."""
    xs = _tensors(inputs, f"{what}: inputs")
    return tuple([x.view_as(x) if create_graph and x.requires_grad else x.detach().requires_grad_() for x in xs])


def _weights(v: Any, like: Several, what: str) -> Several:
    """v as a tuple, one tensor of the same shape for each of `like`; ones if it is left out and there is one element."""
    if v is None:
        if len(like) != 1 or like[0].numel() != 1:
            raise GradientError(f"{what}: v can be left out only where it has one element; give tensors of shape {_shapes(like)}")
        return (ones_like(like[0]),)
    vs = _tensors(v, f"{what}: v")
    if [x.shape for x in vs] != [x.shape for x in like]:
        raise ShapeError(f"{what}: v must have the shapes {_shapes(like)}, got {_shapes(vs)}")
    return vs


def _shapes(tensors: Several) -> str:
    return ", ".join(str(tuple(x.shape)) for x in tensors)


def _products(ys: Several, xs: Several, weights: Several, create_graph: bool, strict: bool, what: str, keep: bool = False) -> Several:
    """The gradients of Σ weights · ys towards each of xs; 0 where there is no way, an error in `strict` mode."""
    if strict and (constant := [i for i, y in enumerate(ys) if not y.requires_grad]):
        raise GradientError(f"{what}: result {constant[0]} of the function does not depend on the inputs, which strict=True forbids")
    chosen = [i for i, y in enumerate(ys) if y.requires_grad]
    found: Any = (None,) * len(xs)
    if chosen:
        retain = True if keep or create_graph else None
        found = grad([ys[i] for i in chosen], xs, [weights[i] for i in chosen], retain, create_graph, allow_unused=True)
    if strict and (unused := [i for i, g in enumerate(found) if g is None]):
        raise GradientError(f"{what}: the result of the function does not depend on input {unused[0]}, which strict=True forbids")
    if strict and create_graph and (linear := [i for i, g in enumerate(found) if not g.requires_grad]):
        raise GradientError(f"{what}: the derivative towards input {linear[0]} does not depend on the inputs, which strict=True forbids")
    return tuple([zeros_like(x) if g is None else g for g, x in zip(found, xs, strict=True)])


def _like(given: Any, made: Several, create_graph: bool) -> Any:
    """One tensor where one was given, else a tuple; outside of the graph unless it was asked for."""
    kept = made if create_graph else tuple([x.detach() for x in made])
    return kept[0] if isinstance(given, Tensor) else kept
