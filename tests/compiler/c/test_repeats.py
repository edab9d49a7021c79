"""Kernels that repeat themselves become functions: the same values from less text."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

import tinygrad_reg as tg
from tinygrad_reg import nn, optim
from tinygrad_reg.compiler.backends.c.repeats import as_functions

from .conftest import needs_compiler

POINTERS = {"a": "float", "b": "float", "c": "float", "d": "double", "a_packed": "float"}


def written(*kernels: list[str]) -> tuple[list[str], list[list[str]]]:
    functions, lines = as_functions(
        kernels, POINTERS, {"t1", "t2", "t3"}, lambda text: ["const double rate = numbers[0];"] * ("rate" in text)
    )
    return functions, [list(x) for x in lines]


def test_names_and_offsets_are_arguments() -> None:
    functions, lines = written(
        ["const float t1_i = a[i0 + 3];", "b[i0 + 7] = rate * t1_i;"], ["const float t2_i = c[i0 + 5];", "a[i0 + 7] = rate * t2_i;"]
    )
    assert lines == [["kernel_0(numbers, a, b, 3);"], ["kernel_0(numbers, c, a, 5);"]]
    assert functions == [
        (
            "static __attribute__((noinline)) void kernel_0("
            "const double *numbers, float *const pointer0, float *const pointer1, const long offset0) {"
        ),
        "    const double rate = numbers[0];",
        "    const float value0_i = pointer0[i0 + offset0];",
        "    pointer1[i0 + 7] = rate * value0_i;",
        "}",
        "",
    ]


def test_what_is_handed_on_has_offsets_too() -> None:
    _, lines = written(["product_f32(8, a + 16, 8, a_packed);"], ["product_f32(8, b + 24, 8, a_packed);"])
    assert lines == [["kernel_0(numbers, a, a_packed, 16);"], ["kernel_0(numbers, b, a_packed, 24);"]]


def test_what_differs_otherwise_stays() -> None:
    differing: list[list[list[str]]] = [
        [["a[i0] = 1;"], ["a[i0] = 2;"]],
        [["a[i0] = b[i0];"], ["a[i0] = a[i0];"]],
        [["a[i0] = t1_i + t1_j;"], ["a[i0] = t1_i + t2_j;"]],
        [["a[i0] = f(t1);"], ["a[i0] = g(t1);"]],
        [["a[i0] = x + 1;"], ["a[i0] = x + 2;"]],  # of an integer, which the type of an argument would change
        [["a[2 * i0] = 1;"], ["a[3 * i0] = 1;"]],
        [["a[i0] = 1;"], ["d[i0] = 1;"]],
        [["if (a[0] > 1) return 1;"], ["if (b[0] > 1) return 1;"]],  # which ends the whole step
        [["a[i0] = rate;"], ["a[i0] = other;"]],
    ]
    for kernels in differing:
        assert written(*kernels) == ([], kernels)


def test_values_called_like_functions() -> None:
    functions, lines = as_functions([["a[0] = t1(t1);"], ["a[0] = t1(t2);"]], POINTERS, {"t1", "t2"}, lambda text: [])
    assert [list(x) for x in lines] == [["kernel_0(numbers, a);"]] * 2
    assert functions[1] == "    pointer0[0] = t1(value0);"


@needs_compiler
def test_a_recurrent_layer_is_the_code_of_a_few_steps() -> None:
    def trained(steps: int, compiled: bool) -> tuple[list[float], Any]:
        tg.manual_seed(0)
        net = nn.LSTM(3, 8).double()
        optimizer = optim.SGD(net.parameters(), lr=0.1)

        def step(x: tg.Tensor) -> tg.Tensor:
            optimizer.zero_grad()
            loss = net(x)[0].square().mean()
            loss.backward()
            optimizer.step()
            return loss

        used = tg.compile(step, backend="c") if compiled else step
        x = tg.tensor(np.random.default_rng(0).standard_normal((steps, 4, 3)))
        return [used(x).item() for _ in range(4)], used

    losses, step = trained(30, compiled=True)
    np.testing.assert_allclose(losses, trained(30, compiled=False)[0], rtol=1e-12)
    fewer = trained(10, compiled=True)[1]
    sizes = [sum(not re.match(r"\s*(kernel_\d+\(|double \*const|[{}]|/\*)", line) for line in x.source.splitlines()) for x in (step, fewer)]
    assert sizes[0] < 1.1 * sizes[1]
