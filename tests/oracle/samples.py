"""One sample of PyTorch's table of operations, run with both packages in the ways it can be called."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator
from typing import Any

import numpy as np
import pytest

import tinygrad_reg as tg
from tinygrad_reg.errors import TinygradRegError

from . import translation
from .compare import check_all, gradients, results

torch = pytest.importorskip("torch")


class Call:
    """The arguments of a sample for both packages, made anew for each call, because some of the functions change them."""

    def __init__(self, sample: Any) -> None:
        mine = sample.transform(lambda x: translation.copied(x) if isinstance(x, torch.Tensor) else x)
        self.theirs = ((mine.input, *mine.args), mine.kwargs)
        self.ours = (translation.translated((mine.input, *mine.args)), translation.translated(mine.kwargs))

    def leaves(self) -> tuple[list[Any], list[Any]]:
        """The tensors that require grad, ours and theirs."""
        return [x for x in tensors(self.ours) if x.requires_grad], [x for x in tensors(self.theirs) if x.requires_grad]

    def run(self, ours: Callable[..., Any], theirs: Callable[..., Any]) -> tuple[list[Any], list[Any]] | None:
        """What both functions give; None if both refuse."""
        try:
            want = theirs(*self.theirs[0], **self.theirs[1])
        except Exception as error:
            try:
                got = ours(*self.ours[0], **self.ours[1])
            except TinygradRegError:
                return None
            raise AssertionError(f"torch refuses: {error}\n  ours is {got!r}") from None
        return results(ours(*self.ours[0], **self.ours[1])), results(want)


def tensors(x: Any) -> Iterator[Any]:
    if isinstance(x, tg.Tensor | torch.Tensor):
        yield x
    elif isinstance(x, tuple | list):
        for part in x:
            yield from tensors(part)
    elif isinstance(x, dict):
        yield from tensors(list(x.values()))


def check_value(ours: Callable[..., Any], theirs: Callable[..., Any], sample: Any, loose: Container[int] = ()) -> None:
    """Both give the same values, dtypes and shapes, views of their arguments where torch does, with the same strides, or both refuse.

    Of the results numbered in `loose`, which are random or a matter of taste, only dtype and shape are compared.
    """
    call = Call(sample)
    both = call.run(ours, theirs)
    if both is None:
        return
    got, want = both
    values = [[_form(x) if i in loose else x for i, x in enumerate(made)] for made in both]
    check_all(*values, None, "value", scaled=True)
    _check_views(got, want, list(tensors(call.ours)), list(tensors(call.theirs)))


def _form(x: Any) -> Any:
    return f"{str(x.dtype).removeprefix('torch.')}{list(x.shape)}" if isinstance(x, tg.Tensor | torch.Tensor) else x


def _check_views(got: list[Any], want: list[Any], mine: list[Any], other: list[Any]) -> None:
    """Results share the memory of the same arguments; views have the same strides, and what is made row-major is so here."""
    for a, b in zip(got, want, strict=True):
        if not isinstance(b, torch.Tensor) or not b.numel():
            continue
        here = [np.may_share_memory(a.array, x.array) for x in mine]
        there = [b.untyped_storage().data_ptr() == y.untyped_storage().data_ptr() for y in other]
        assert here == there, f"views: ours shares memory with the arguments {here}, torch's {there}"
        plain = b.is_contiguous() and all(y.is_contiguous() for y in other)
        assert a.is_contiguous() or not plain, f"ours has strides {a.stride()}, torch's is contiguous"
        strides = [(s, t) for s, t, n in zip(a.stride(), b.stride(), b.shape, strict=True) if n > 1]
        assert not any(there) or all(s == t for s, t in strides), f"strides of a view: ours {a.stride()}, torch's {b.stride()}"


def check_derivatives(ours: Callable[..., Any], theirs: Callable[..., Any], sample: Any, second: bool = False) -> None:
    """Both give the same gradients, or second gradients; nothing is asked where torch has none."""
    call = Call(sample)
    both = call.run(ours, theirs)
    mine, other = call.leaves()
    if both is None or not other:
        return
    needing = [[x.requires_grad for x in tensors(made)] for made in both]
    assert needing[0] == needing[1], f"requires_grad: ours {needing[0]}, torch's {needing[1]}"
    first = derivatives(*both, mine, other, second)
    if second:
        check_all(*derivatives(*first, mine, other, False), None, "second gradient")
    else:
        check_all(*first, None, "gradient", scaled=True)


def derivatives(
    got: list[Any], want: list[Any], mine: list[Any], other: list[Any], create_graph: bool = False
) -> tuple[list[Any], list[Any]]:
    """Those of both packages; none where torch has no derivative."""
    try:
        return gradients(got, want, mine, other, create_graph)
    except (NotImplementedError, RuntimeError) as error:
        if isinstance(error, TinygradRegError) or "not implemented" not in str(error):
            raise
        return [], []


def check_in_place(ours: Callable[..., Any], theirs: Callable[..., Any], sample: Any) -> None:
    """Both change the first argument alike, give it back, and have the same gradients with respect to what it was before."""
    call = Call(sample)
    x, y = call.ours[0][0].clone(), call.theirs[0][0].clone()
    both = call.run(lambda _, *args, **kwargs: ours(x, *args, **kwargs), lambda _, *args, **kwargs: theirs(y, *args, **kwargs))
    if both is None:
        return
    assert both[0][0] is x, "ours does not give back what it changed"
    check_all([x], [y], None, "changed in place")
    if y.requires_grad:
        check_all(*derivatives([x], [y], *call.leaves(), False), None, "gradient through the change")


def check_refusal(ours: Callable[..., Any], theirs: Callable[..., Any], sample: Any) -> None:
    """What torch refuses we refuse, with an error of the package; nothing is asked of what it takes after all, on this device."""
    call = Call(sample)
    try:
        theirs(*call.theirs[0], **call.theirs[1])
    except Exception:
        assert call.run(ours, theirs) is None, "torch takes it the second time"
