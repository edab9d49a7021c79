"""The forms of a call: what PyTorch takes is taken, what it refuses is refused. Mostly of functions that make tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import tinygrad_reg as tg
from tinygrad_reg.errors import TinygradRegError

torch = pytest.importorskip("torch")

Form = Callable[[Any], Any]

TAKEN: dict[str, Form] = {
    **{f"{name}(size=)": lambda m, name=name: getattr(m, name)(size=(2, 3)) for name in ("zeros", "ones", "empty", "rand", "randn")},
    **{f"new_{name}(size=)": lambda m, name=name: getattr(m.ones(1), f"new_{name}")(size=(2,)) for name in ("zeros", "ones", "empty")},
    "arange(end=)": lambda m: m.arange(end=3),
    "arange(start, end=)": lambda m: m.arange(1, end=3),
    "arange(start=, end=, step=)": lambda m: m.arange(start=0.0, end=1.0, step=0.25),
    "randint(high, size=)": lambda m: m.randint(5, size=(2,)),
    "randint(high=, size=)": lambda m: m.randint(high=5, size=(2,)),
    "randint(low, high, size)": lambda m: m.randint(2, 5, (2,)),
    "randint(requires_grad)": lambda m: m.randint(5, (2,), dtype=m.float32, requires_grad=True),
    "randperm(requires_grad)": lambda m: m.randperm(3, dtype=m.float32, requires_grad=True),
    "normal(requires_grad)": lambda m: m.normal(0.0, 1.0, (2,), device="cpu", requires_grad=True),
    "rand_like(device, requires_grad)": lambda m: m.rand_like(m.ones(2), device="cpu", requires_grad=True),
    "randint_like(device)": lambda m: m.randint_like(m.ones(2), 3, device="cpu"),
    "linalg.norm(input=)": lambda m: m.linalg.norm(input=m.ones(2)),
}
REFUSED: dict[str, Form] = {
    **{f"{name}()": lambda m, name=name: getattr(m, name)() for name in ("zeros", "ones", "empty", "rand", "randn")},
    **{f"{name}(requires_grad=1)": lambda m, name=name: getattr(m, name)(2, requires_grad=1) for name in ("zeros", "rand", "eye")},
    "tensor(requires_grad='x')": lambda m: m.tensor([1.0], requires_grad="x"),
    "requires_grad_(1)": lambda m: m.ones(2).requires_grad_(1),
    "requires_grad_(None)": lambda m: m.ones(2).requires_grad_(None),
    "randint(requires_grad) of integers": lambda m: m.randint(5, (2,), requires_grad=True),
    **{
        f"{name} on another device": lambda m, form=form: form(m, device="cuda")
        for name, form in {
            "zeros": lambda m, **device: m.zeros(2, **device),
            "rand": lambda m, **device: m.rand(2, **device),
            "randn": lambda m, **device: m.randn(2, **device),
            "rand_like": lambda m, **device: m.rand_like(m.ones(2), **device),
            "randint": lambda m, **device: m.randint(5, (2,), **device),
            "randperm": lambda m, **device: m.randperm(5, **device),
            "normal": lambda m, **device: m.normal(0.0, 1.0, (2,), **device),
            "as_tensor": lambda m, **device: m.as_tensor(m.ones(2), **device),
        }.items()
    },
}

#: Of what, seen as which dtype.
BYTES: dict[str, tuple[Form, str]] = {
    "same size": (lambda m: m.ones(3), "int32"),
    "same size, transposed": (lambda m: m.ones(3, 2).T, "int32"),
    "same size, every second": (lambda m: m.ones(2, 4)[:, ::2], "int32"),
    "0-d, same size": (lambda m: m.tensor(1.5), "int32"),
    "smaller": (lambda m: m.ones(2, 3), "int16"),
    "smaller, rows apart": (lambda m: m.ones(4, 2)[:, :1], "int16"),
    "larger": (lambda m: m.arange(8).float().reshape(2, 4), "float64"),
    "larger, rows apart": (lambda m: m.ones(5, 4)[:, :2], "float64"),
    "empty": (lambda m: m.ones(0), "float64"),
    "bytes as bools": (lambda m: m.tensor([0, 1, 1], dtype=m.uint8), "bool"),
    "no history": (lambda m: m.ones(2, requires_grad=True), "float32"),
}
NO_WHOLE_NUMBERS: dict[str, tuple[Form, str]] = {
    "too few": (lambda m: m.ones(3), "float64"),
    "too few of none": (lambda m: m.ones(0, 3), "float64"),
    "0-d, smaller": (lambda m: m.tensor(1.0), "int16"),
    "0-d, larger": (lambda m: m.tensor(1.0), "float64"),
    "transposed": (lambda m: m.ones(2, 3).T, "float64"),
    "every second, smaller": (lambda m: m.ones(2, 4)[:, ::2], "int16"),
    "begins between": (lambda m: m.ones(4)[1:3], "float64"),
    "rows begin between": (lambda m: m.ones(5, 5)[:, :2], "float64"),
}


@pytest.mark.parametrize("form", TAKEN)
def test_what_torch_takes(form: str) -> None:
    ours, theirs = TAKEN[form](tg), TAKEN[form](torch)
    assert tuple(ours.shape) == tuple(theirs.shape)
    assert str(ours.dtype) == str(theirs.dtype).removeprefix("torch.")
    assert ours.requires_grad == theirs.requires_grad
    if not form.startswith(("rand", "normal", "empty", "new_empty")):
        assert ours.tolist() == theirs.tolist()


@pytest.mark.parametrize("form", REFUSED)
def test_what_torch_refuses(form: str) -> None:
    with pytest.raises(Exception):  # noqa: B017, PT011
        REFUSED[form](torch)
    with pytest.raises(TinygradRegError):
        REFUSED[form](tg)


@pytest.mark.parametrize("case", BYTES)
def test_view_as_another_dtype(case: str) -> None:
    make, dtype = BYTES[case]
    ours, theirs = make(tg), make(torch)
    seen, expected = ours.view(getattr(tg, dtype)), theirs.view(getattr(torch, dtype))
    assert tuple(seen.shape) == tuple(expected.shape)
    assert seen.tolist() == expected.tolist()
    assert not seen.requires_grad
    assert seen.data_ptr() == ours.data_ptr() or not ours.numel()
    assert tg.equal(ours.view(dtype=getattr(tg, dtype)), seen)


@pytest.mark.parametrize("case", NO_WHOLE_NUMBERS)
def test_view_as_another_dtype_refused(case: str) -> None:
    make, dtype = NO_WHOLE_NUMBERS[case]
    with pytest.raises(RuntimeError):
        make(torch).view(getattr(torch, dtype))
    with pytest.raises(TinygradRegError, match=f"cannot be seen as {dtype}"):
        make(tg).view(getattr(tg, dtype))
