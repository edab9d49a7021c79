"""Einstein's summation: any sum of products over named dims, as a chain of batched matrix products."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..engine.mutation import Array
from ..engine.node import Value
from ..engine.primitive import primitive
from ..engine.refusal import typed_errors
from ..errors import ArgumentError, ArgumentTypeError, ShapeError
from .arguments import normalize_dims, shape_of
from .diagonals import diagonal
from .linalg import check_dtypes
from .pointwise import convert
from .reduction import sum
from .shape import permute, reshape

if TYPE_CHECKING:
    from ..tensor import Tensor

_TENSORS = (Value, np.ndarray)


@primitive
def einsum_p(*operands: Array, equation: str) -> Array:
    """Sums of products over the letters that the output lacks; see `einsum`.

    The equation is in a form that its derivatives keep: no letter occurs twice in an operand, every letter of an operand
    occurs in another one or in the output, and has the same size everywhere.
    """
    steps, dims = _steps(equation, tuple([x.shape for x in operands]))
    result = operands[0]
    for step, operand in zip(steps, operands[1:], strict=True):
        result = _contract(step, result, operand)
    return result if dims is None else result.transpose(dims)


def split_equation(equation: str) -> tuple[list[str], str]:
    """The operands' letters and the output's: "ij,jk->ik" -> (["ij", "jk"], "ik")."""
    left, _, output = equation.partition("->")
    return left.split(","), output


@functools.lru_cache(maxsize=256)
def _steps(equation: str, shapes: tuple[tuple[int, ...], ...]) -> tuple[tuple[_Contraction, ...], tuple[int, ...] | None]:
    """How operands of these shapes are multiplied, one after the other; and the order of the result's dims in the end, if another."""
    terms, output = split_equation(equation)
    letters, shape, steps = terms[0], shapes[0], []
    for i in range(1, len(terms)):
        step = _contraction(letters, shape, terms[i], shapes[i], set(output).union(*terms[i + 1 :]))
        steps.append(step)
        letters, shape = step.letters, step.shape
    return tuple(steps), _order(letters, output)


def _order(letters: str, wanted: str) -> tuple[int, ...] | None:
    """The dims with these letters in the order wanted; None if they are in it."""
    return None if letters == wanted else tuple([letters.index(letter) for letter in wanted])


def _contract(step: _Contraction, x: Array, y: Array) -> Array:
    """The product of two operands, brought to (batch, own, summed) and (batch, summed, own), without batch if there is none."""
    x, y = _arranged(x, step.x_dims, step.x_shape), _arranged(y, step.y_dims, step.y_shape)
    products = x.dot(y) if not step.batch else x * y if not step.summed else np.matmul(x, y)
    return products if products.shape == step.shape else products.reshape(step.shape)


def _arranged(x: Array, dims: tuple[int, ...] | None, shape: tuple[int, ...]) -> Array:
    """x with its dims in this order, and then in this shape."""
    if dims is not None:
        x = x.transpose(dims)
    return x if x.shape == shape else x.reshape(shape)


class _Contraction(NamedTuple):
    """How `_contract` arranges its operands, and what comes out."""

    x_dims: tuple[int, ...] | None
    x_shape: tuple[int, ...]
    y_dims: tuple[int, ...] | None
    y_shape: tuple[int, ...]
    batch: bool  # whether there are letters of this kind
    summed: bool
    shape: tuple[int, ...]
    letters: str


def _contraction(xs: str, x: tuple[int, ...], ys: str, y: tuple[int, ...], needed: set[str]) -> _Contraction:
    """The arrangement for operands of these letters and shapes; summed are their common letters that are not needed."""
    batch = [c for c in xs if c in ys and c in needed]
    summed = [c for c in xs if c in ys and c not in needed]
    left, right = [c for c in xs if c not in ys], [c for c in ys if c not in xs]
    size = {**dict(zip(xs, x, strict=True)), **dict(zip(ys, y, strict=True))}

    def arranged(letters: str, *groups: list[str]) -> tuple[tuple[int, ...] | None, tuple[int, ...]]:
        wanted = "".join([c for group in groups for c in group])
        return _order(letters, wanted), tuple([math.prod([size[c] for c in group]) for group in (groups if batch else groups[1:])])

    letters = batch + left + right
    shape = tuple([size[c] for c in letters])
    return _Contraction(
        *arranged(xs, batch, left, summed), *arranged(ys, batch, summed, right), bool(batch), bool(summed), shape, "".join(letters)
    )


def _einsum_rule(g: Any, operands: tuple[Any, ...], position: int, equation: str) -> Any:
    """An operand's cotangent: the same sum of products, with g in its place and its letters as the output."""
    return einsum_p.bind(*operands[:position], g, *operands[position + 1 :], equation=_towards(equation, position))


@functools.lru_cache(maxsize=256)
def _towards(equation: str, position: int) -> str:
    """The equation in which the output and an operand have changed places."""
    terms, output = split_equation(equation)
    terms[position], output = output, terms[position]
    return f"{','.join(terms)}->{output}"


einsum_p.vjp(operands=_einsum_rule)


@typed_errors
def einsum(*args: Any) -> Tensor:
    """Sums of products over named dims: `einsum("ij,jk->ik", x, y)` is x @ y.

    Letters that the output lacks are summed over; without `->` the output has those that occur once, in alphabetical order.
    A letter twice in one operand takes the diagonal, `...` stands for dims that broadcast, size 1 broadcasts. The numbers 0 to 51
    may take the place of letters: `einsum(x, [0, 1], y, [1, 2], [0, 2])`. Raises ShapeError, ArgumentError or DtypeError.

    >>> tg.einsum("ij,ij->i", tg.tensor([[1.0, 2.0], [3.0, 4.0]]), tg.ones(2, 2))
    tensor([3., 7.])
    """
    return _einsum(*_einsum_arguments(args))


def _einsum(equation: str, operands: Sequence[Any]) -> Tensor:
    """`einsum` of tensors."""
    shapes = tuple([shape_of(x) for x in operands])
    direct = _direct(equation, shapes)
    if len(operands) > 1:
        _check_alike(operands)
        if direct:
            return einsum_p.bind(*operands, equation=direct)
    terms, output = _parse(equation, tuple(map(len, shapes)))
    reduced = [_diagonals(x, term, equation) for x, term in zip(operands, terms, strict=True)]
    sizes = _letter_sizes(equation, reduced)
    squeezed = [_squeezed(x, term, sizes) for x, term in reduced]
    final = [
        _summed(x, term, set(output).union(*[other for j, (_, other) in enumerate(squeezed) if j != i]))
        for i, (x, term) in enumerate(squeezed)
    ]
    if len(final) == 1:
        x, term = final[0]
        return permute(x, tuple([term.index(letter) for letter in output]))
    return einsum_p.bind(*[x for x, _ in final], equation=f"{','.join([term for _, term in final])}->{output}")


@functools.lru_cache(maxsize=256)
def _direct(equation: str, shapes: tuple[tuple[int, ...], ...]) -> str | None:
    """The equation for operands of these shapes, if it has the form of `einsum_p` already, which is most frequent; else None."""
    terms, output = _parse(equation, tuple(map(len, shapes)))
    sizes = {pair for term, shape in zip(terms, shapes, strict=True) for pair in zip(term, shape, strict=True)}
    used = "".join([*terms, output])
    direct = len(sizes) == len(set(used)) and all(len(set(term)) == len(term) and all(used.count(c) > 1 for c in term) for term in terms)
    return f"{','.join(terms)}->{output}" if direct else None


def _check_alike(operands: Sequence[Any]) -> None:
    """Raise DtypeError unless all have one dtype, and not bool."""
    first = operands[0].dtype
    for x in operands:
        if first.kind == "b" or x.dtype is not first:
            check_dtypes("einsum", **{f"operand {i}": x for i, x in enumerate(operands)})


def _einsum_arguments(args: tuple[Any, ...]) -> tuple[str, tuple[Any, ...]]:
    """The equation and the operands, of either way to call einsum."""
    if args and isinstance(args[0], str):
        operands = tuple(args[1]) if len(args) == 2 and isinstance(args[1], (list, tuple)) else args[1:]
        equation = args[0].replace(" ", "")
    elif args and not isinstance(args[0], _TENSORS):
        raise ArgumentTypeError(f'einsum: the equation must be a str, for example "ij,jk->ik", got {type(args[0]).__name__}')
    else:
        operands = args[: len(args) // 2 * 2 : 2]
        equation = ",".join([_letters(sublist) for sublist in args[1::2]])
        if len(args) % 2:
            equation += "->" + _letters(args[-1])
    if not operands:
        raise ArgumentError('einsum: needs an equation and at least one tensor, for example einsum("ij,jk->ik", x, y)')
    for x in operands:
        if not isinstance(x, _TENSORS):
            raise ArgumentTypeError(f"einsum: operands must be tensors, got {type(x).__name__}")
    return equation, operands


def _letters(sublist: Sequence[Any]) -> str:
    """[0, 27, Ellipsis] -> "Ab..."."""
    if not isinstance(sublist, (list, tuple)):
        raise ArgumentTypeError(f"einsum: a list of dim numbers must follow each tensor, got {type(sublist).__name__}")
    for item in sublist:
        if item is not Ellipsis and not (isinstance(item, int) and 0 <= item < 52):
            raise ArgumentError(f"einsum: dim numbers must be Ellipsis or from 0 to 51, got {item!r}")
    return "".join(["..." if item is Ellipsis else _ALPHABET[item] for item in sublist])


_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_ELLIPSIS = "".join(chr(0x3B1 + i) for i in range(64))  # letters for the dims behind `...`, which users cannot write


@functools.lru_cache(maxsize=256)
def _parse(equation: str, ndims: tuple[int, ...]) -> tuple[list[str], str]:
    """Letters of each operand and of the output, one per dim, for operands of these ranks."""
    left, arrow, right = equation.partition("->")
    written = left.split(",")
    if len(written) != len(ndims):
        raise ArgumentError(f"einsum: {equation!r} needs {len(written)} operands, got {len(ndims)}")
    for term in (*written, right):
        rest = term.replace("...", "", 1)
        if wrong := [c for c in rest if c not in _ALPHABET]:
            raise ArgumentError(f"einsum: {wrong[0]!r} in {term!r} of {equation!r}: dims are named by letters, and by `...` once")
    hidden = [ndim - len(term.replace("...", "")) for term, ndim in zip(written, ndims, strict=True)]
    for term, ndim, count in zip(written, ndims, hidden, strict=True):
        if count < 0 or (count and "..." not in term):
            raise ArgumentError(f"einsum: {term!r} of {equation!r} is for another number of dims than {ndim}; use `...` for the rest")
    names = _ELLIPSIS[: max(hidden)]
    terms = [term.replace("...", names[len(names) - count :]) for term, count in zip(written, hidden, strict=True)]
    letters = "".join(terms)
    single = sorted([c for c in letters if letters.count(c) == 1 and c in _ALPHABET])
    output = right.replace("...", names) if arrow else names + "".join(single)
    for c in output:
        if output.count(c) > 1 or c not in letters:
            raise ArgumentError(f"einsum: {c!r} of the output in {equation!r} must occur there once, and in an operand")
    return terms, output


def _diagonals(x: Any, term: str, equation: str) -> tuple[Any, str]:
    """x without repeated letters: "ii" -> its diagonal, "i"."""
    for c in dict.fromkeys(term):
        while term.count(c) > 1:
            first = term.index(c)
            second = term.index(c, first + 1)
            if x.shape[first] != x.shape[second]:
                both = f"{x.shape[first]} and {x.shape[second]}"
                raise ShapeError(f"einsum: {c!r} is repeated in an operand of {equation!r}, where it has sizes {both}")
            x = diagonal(x, 0, first, second)
            term = term[:first] + term[first + 1 : second] + term[second + 1 :] + c
    return x, term


def _letter_sizes(equation: str, operands: list[tuple[Any, str]]) -> dict[str, int]:
    """The size of each letter; size 1 gives way to any other."""
    sizes: dict[str, int] = {}
    for x, term in operands:
        for c, size in zip(term, x.shape, strict=True):
            known = sizes.get(c, 1)
            if 1 not in (known, size) and known != size:
                shapes = " · ".join([str(x.shape) for x, _ in operands])
                name = "a dim behind `...`" if c in _ELLIPSIS else repr(c)
                raise ShapeError(f"einsum: {name} has sizes {known} and {size} in {equation!r}, which must agree\n  {shapes}")
            sizes[c] = size if known == 1 else known
    return sizes


def _squeezed(x: Any, term: str, sizes: dict[str, int]) -> tuple[Any, str]:
    """x without the dims of size 1 that broadcast against another operand's."""
    kept = [i for i, c in enumerate(term) if x.shape[i] == sizes[c]]
    if len(kept) == len(term):
        return x, term
    return reshape(x, tuple([x.shape[i] for i in kept])), "".join([term[i] for i in kept])


def _summed(x: Any, term: str, wanted: set[str]) -> tuple[Any, str]:
    """x summed over the letters that nobody else has."""
    lonely = tuple([i for i, c in enumerate(term) if c not in wanted])
    return (sum(x, lonely), "".join([c for c in term if c in wanted])) if lonely else (x, term)


@typed_errors
def tensordot(a: Tensor, b: Tensor, dims: Any = 2) -> Tensor:
    """Sums of products over pairs of dims: the last `dims` of a with the first of b, or those listed as (dims of a, dims of b).

    The result has the remaining dims of a, then of b. Raises ShapeError if the sizes of a pair differ.

    >>> tg.tensordot(tg.ones(2, 3, 4), tg.ones(3, 4, 5), dims=2).shape
    (2, 5)
    """
    x, y = shape_of(a, "tensordot"), shape_of(b, "tensordot")
    if isinstance(dims, int):
        if not 0 <= dims <= min(len(x), len(y)):
            raise ArgumentError(f"tensordot: dims={dims} must be from 0 to {min(len(x), len(y))} for shapes {x} and {y}")
        mine, others = tuple(range(len(x) - dims, len(x))), tuple(range(dims))
    else:
        mine, others = normalize_dims(tuple(dims[0]), len(x), "tensordot"), normalize_dims(tuple(dims[1]), len(y), "tensordot")
    product = _einsum(_pairing(x, y, mine, others), (a, b))
    return product if product.dtype is a.dtype else convert(product, a.dtype)  # sums of integers are int64


@functools.lru_cache(maxsize=256)
def _pairing(x: tuple[int, ...], y: tuple[int, ...], mine: tuple[int, ...], others: tuple[int, ...]) -> str:
    """The equation of `tensordot` for tensors of these shapes."""
    if len(mine) != len(others):
        raise ArgumentError(f"tensordot: {len(mine)} dims of a are paired with {len(others)} of b; give as many")
    xs, ys = list(_ALPHABET[: len(x)]), list(_ALPHABET[len(x) : len(x) + len(y)])
    for i, j in zip(mine, others, strict=True):
        if x[i] != y[j] and 1 not in (x[i], y[j]):
            raise ShapeError(f"tensordot: dim {i} of a ({x[i]}) and dim {j} of b ({y[j]}) must agree\n  {x} · {y}")
        ys[j] = xs[i]
    output = [c for i, c in enumerate(xs) if i not in mine] + [c for j, c in enumerate(ys) if j not in others]
    return f"{''.join(xs)},{''.join(ys)}->{''.join(output)}"
