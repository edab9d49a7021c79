"""Derivatives of functions of tensors, and of tuples, lists and dicts of them, in the style of `torch.func` and JAX.

An argument that is differentiated is a tensor of its own inside of the function, connected to what it was made of only if that requires
grad, too: so transforms nest. A result is part of a graph if it depends on something else that requires grad, as a parameter that the
function takes from outside does.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from .. import autograd
from ..autograd.functional import _jacobian_of
from ..creation import zeros_like
from ..engine.graph import ancestors
from ..engine.mutation import tick
from ..engine.node import Leaf
from ..engine.refusal import shown
from ..engine.state import enable_grad, is_grad_enabled
from ..errors import ArgumentError, GradientError, ShapeError
from ..tensor import Tensor

Function = Callable[..., Any]
Argnums = int | tuple[int, ...]


def grad(func: Function, argnums: Argnums = 0, has_aux: bool = False) -> Function:
    """The function that gives the gradient of `func`, which must give a 0-d tensor, towards its arguments at these positions.

    With `has_aux` func gives (value, aux), and the gradient's function (gradient, aux).

    >>> tg.func.grad(lambda p: (p["w"] ** 2).sum())({"w": tg.tensor([1.0, 2.0])})
    {'w': tensor([2., 4.])}
    """

    @functools.wraps(func)
    def gradient(*args: Any, **kwargs: Any) -> Any:
        slopes, value, aux = _gradient(func, argnums, has_aux, args, kwargs, "grad")
        return (slopes, aux) if has_aux else slopes

    return gradient


def grad_and_value(func: Function, argnums: Argnums = 0, has_aux: bool = False) -> Function:
    """As `grad`, of a function that gives (gradient, value), or (gradient, (value, aux)).

    >>> tg.func.grad_and_value(lambda x: (x * x).sum())(tg.tensor([1.0, 2.0]))
    (tensor([2., 4.]), tensor(5.))
    """

    @functools.wraps(func)
    def gradient(*args: Any, **kwargs: Any) -> Any:
        slopes, value, aux = _gradient(func, argnums, has_aux, args, kwargs, "grad_and_value")
        return slopes, ((value, aux) if has_aux else value)

    return gradient


def jacrev(func: Function, argnums: Argnums = 0, *, has_aux: bool = False, chunk_size: int | None = None) -> Function:
    """The function that gives ∂ func / ∂ argument, of shape (*result, *argument), for each tensor of the results and the arguments.

    It takes one walk back for each element of the results; `chunk_size` changes nothing.

    >>> tg.func.jacrev(lambda x: x * x)(tg.tensor([1.0, 2.0]))
    tensor([[2., 0.],
            [0., 4.]])
    """

    @functools.wraps(func)
    def jacobian(*args: Any, **kwargs: Any) -> Any:
        call = _Call(func, argnums, has_aux, args, kwargs, "jacrev")
        blocks = _mapped(call.rows, call.out)
        return (blocks, call.let_out(call.aux)) if has_aux else blocks

    return jacobian


def jacfwd(
    func: Function, argnums: Argnums = 0, has_aux: bool = False, *, chunk_size: int | None = None, randomness: str = "error"
) -> Function:
    """The same as `jacrev`, by the same walks back: there is no forward mode.

    >>> tg.func.jacfwd(lambda x: x.sum() * x)(tg.tensor([1.0, 2.0]))
    tensor([[4., 1.],
            [2., 5.]])
    """
    return jacrev(func, argnums, has_aux=has_aux)


def hessian(func: Function, argnums: Argnums = 0) -> Function:
    """The function that gives the second derivatives of `func`, of shape (*result, *argument, *argument).

    >>> tg.func.hessian(lambda x: (x**3).sum())(tg.tensor([1.0, 2.0]))
    tensor([[ 6.,  0.],
            [ 0., 12.]])
    """
    return jacrev(jacrev(func, argnums), argnums)


def vjp(func: Function, *primals: Any, has_aux: bool = False) -> tuple[Any, ...]:
    """func(*primals), and the function that gives vᵀJ for each of the primals, for v in the form of the result; with `has_aux` also aux.

    >>> value, pull = tg.func.vjp(lambda x: x * x, tg.tensor([1.0, 2.0]))
    >>> pull(tg.tensor([1.0, 10.0]))
    (tensor([ 2., 40.]),)
    """
    call = _Call(func, tuple(range(len(primals))), has_aux, primals, {}, "vjp")

    def pull(cotangents: Any, retain_graph: bool = True) -> Any:
        vs = _tensors(cotangents, "vjp: the cotangents")
        ys = _tensors(call.out, "vjp")
        if not _same_form(cotangents, call.out):
            raise GradientError("vjp: the cotangents must have the form of what the function gives, in tuples, lists and dicts")
        if [v.shape for v in vs] != [y.shape for y in ys]:
            raise ShapeError(f"vjp: the cotangents must have the shapes {[tuple(y.shape) for y in ys]}, got {[tuple(v.shape) for v in vs]}")
        return call.towards(ys, vs, retain_graph, call.lasting or any(v.requires_grad for v in vs))

    value = call.let_out(call.out)
    return (value, pull, call.let_out(call.aux)) if has_aux else (value, pull)


def _gradient(func: Function, argnums: Argnums, has_aux: bool, args: Any, kwargs: Any, what: str) -> tuple[Any, Any, Any]:
    """The gradient, the value, and what the function gave besides."""
    call = _Call(func, argnums, has_aux, args, kwargs, what)
    y = call.out
    if not isinstance(y, Tensor):
        raise GradientError(f"{what}: the function must give one tensor, got {type(y).__name__}")
    if y.ndim:
        raise GradientError(f"{what}: the function must give a 0-d tensor, got shape {tuple(y.shape)}; sum it, or use jacrev")
    return call.towards([y], None, None, call.lasting), call.let_out(y), call.let_out(call.aux)


class _Call:
    """One call of a function, with the chosen arguments in tensors of their own."""

    def __init__(self, func: Function, argnums: Argnums, has_aux: bool, args: tuple[Any, ...], kwargs: dict[str, Any], what: str) -> None:
        self.what = what
        places = _places(argnums, len(args), what)
        self.recorded = is_grad_enabled()
        self.began = tick()
        fresh = tuple([_mapped(self._own, args[i]) for i in places])
        self.inputs = fresh if isinstance(argnums, tuple) else fresh[0]
        self.leaves = _tensors(fresh, f"{what}: what is differentiated by")
        given = list(args)
        for i, part in zip(places, fresh, strict=True):
            given[i] = part
        with enable_grad():
            out = func(*given, **kwargs)
        if has_aux and not (isinstance(out, tuple) and len(out) == 2):
            raise GradientError(f"{what}: with has_aux=True the function must give a tuple (result, aux), got {shown(out)}")
        self.out: Any
        self.aux: Any
        self.out, self.aux = out if has_aux else (out, None)
        self.lasting = any(map(self._lasts, _tensors(self.out, f"{what}: what the function gives")))

    def _own(self, x: Tensor) -> Tensor:
        return x.view_as(x) if self.recorded and x.requires_grad else x.detach().requires_grad_()

    def _lasts(self, x: Tensor) -> bool:
        """Whether a tensor depends on something that requires grad since before the call."""
        if not self.recorded or x.node is None:
            return False
        return any(isinstance(node, Leaf) and node.index < self.began for node in ancestors([x.node]))

    def let_out(self, tree: Any) -> Any:
        """Results as they are outside: without a graph, unless it lasts."""
        return _mapped(lambda x: x if self._lasts(x) else x.detach(), tree)

    def towards(self, ys: Sequence[Tensor], vs: Sequence[Tensor] | None, retain: bool | None, create_graph: bool) -> Any:
        """The gradients of ys, weighted by vs, in the form of the chosen arguments; 0 where there is no way."""
        chosen = [i for i, y in enumerate(ys) if y.requires_grad]
        found: Sequence[Any] = [None] * len(self.leaves)
        if chosen:
            weights = None if vs is None else [vs[i] for i in chosen]
            with enable_grad():
                ends = [ys[i] for i in chosen]
                found = autograd.grad(ends, self.leaves, weights, retain or create_graph or None, create_graph, allow_unused=True)
        made = iter([zeros_like(x) if g is None else g for g, x in zip(found, self.leaves, strict=True)])
        return self.let_out(_mapped(lambda x: next(made), self.inputs))

    def rows(self, y: Tensor) -> Any:
        """∂y in the form of the chosen arguments."""
        with enable_grad():
            made = iter(_jacobian_of(y, tuple(self.leaves), self.lasting, False, self.what))
        return self.let_out(_mapped(lambda x: next(made), self.inputs))


# ---- arguments -------------------------------------------------------------------------------------------------------------


def _places(argnums: Argnums, count: int, what: str) -> list[int]:
    """The positions of the chosen arguments."""
    places = list(argnums) if isinstance(argnums, tuple) else [argnums]
    if not all(isinstance(i, int) for i in places):
        raise ArgumentError(f"{what}: argnums must be an int or a tuple of ints, got {shown(argnums)}")
    for i in places:
        if not -count <= i < count:
            raise ArgumentError(f"{what}: argnums names argument {i}, and there are {count} positional ones")
    return [i % count for i in places]


def _mapped(function: Callable[[Tensor], Any], tree: Any, other: Callable[[Any], Any] = lambda x: x) -> Any:
    """The tree with the function of each of its tensors, and with `other` of all else that is in it."""
    if isinstance(tree, Tensor):
        return function(tree)
    if isinstance(tree, dict):
        return type(tree)((key, _mapped(function, part, other)) for key, part in tree.items())
    if isinstance(tree, (tuple, list)):
        parts = [_mapped(function, part, other) for part in tree]
        return type(tree)(*parts) if hasattr(tree, "_fields") else type(tree)(parts)
    return other(tree)


def _tensors(tree: Any, what: str) -> list[Tensor]:
    """All tensors of a tree, in order. Raises ArgumentError if there is anything else in it."""
    found: list[Tensor] = []

    def refuse(x: Any) -> None:
        raise ArgumentError(f"{what} must be tensors, in tuples, lists and dicts, got {shown(x)}")

    _mapped(found.append, tree, refuse)
    return found


def _same_form(a: Any, b: Any) -> bool:
    """Whether two trees of tensors differ in the tensors alone."""
    return bool(_mapped(lambda x: None, a) == _mapped(lambda x: None, b))
