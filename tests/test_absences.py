"""The names that are not provided: their errors, and the page that lists them."""

from __future__ import annotations

import functools
from typing import Any

import pytest

import tinygrad_reg as tg
from tinygrad_reg.absent import ABSENT
from tinygrad_reg.errors import NotProvidedError

from .absences import PATH, absent_methods, text

NAMES = [(namespace, name) for namespace, rows in ABSENT.items() for names, _ in rows for name in names]


def at(namespace: str) -> Any:
    return functools.reduce(getattr, namespace.split("."), tg) if namespace else tg


@pytest.mark.parametrize(("namespace", "name"), NAMES)
def test_an_absent_name_says_what_to_use(namespace: str, name: str) -> None:
    place = at(namespace)
    assert not hasattr(place, name)
    with pytest.raises(NotProvidedError, match=f"^{namespace or 'tinygrad_reg'}.{name} is not provided: ..."):
        getattr(place, name)


@pytest.mark.parametrize("namespace", ABSENT)
def test_other_names_raise_as_in_any_module(namespace: str) -> None:
    place = at(namespace)
    with pytest.raises(AttributeError, match=f"module '{place.__name__}' has no attribute 'no_such_name'") as caught:
        place.no_such_name  # noqa: B018
    assert not isinstance(caught.value, NotProvidedError)


def test_absent_methods_are_found() -> None:
    assert ("compile", "a whole training step is compiled: tg.compile(step)") in absent_methods(tg.nn.Module)
    with pytest.raises(NotProvidedError, match="Tensor.cuda is not provided: everything runs on the CPU"):
        tg.ones(2).cuda()
    assert not hasattr(tg.ones(2), "cuda")


def test_hooks_belong_on_tensors() -> None:
    y = tg.ones(2, requires_grad=True).exp()
    assert isinstance(y.grad_fn, tg.autograd.graph.Node)
    with pytest.raises(NotProvidedError, match="Node.register_hook is not provided: register it on the tensor"):
        y.grad_fn.register_hook(print)


def test_the_page_is_up_to_date() -> None:
    assert PATH.read_text(encoding="utf-8") == text(), "run: python -m tests.absences"
