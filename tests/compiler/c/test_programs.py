"""Drawn programs as C: what eager gives, within rounding; and the same at every run."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
from hypothesis import given, reject, settings
from hypothesis import strategies as st

import tinygrad_reg as tg

from ..programs import Script, programs
from ..regression import same
from ..test_laws import runs
from .conftest import needs_compiler

pytestmark = needs_compiler
ROUNDING = {tg.float32: 1e-4, tg.float64: 1e-11}
EXAMPLES = max(10, settings.default.max_examples // 10)  # compiling takes most of the time


def leaves(tree: Any) -> Iterator[Any]:
    if isinstance(tree, list | tuple):
        for x in tree:
            yield from leaves(x)
    else:
        yield None if tree is None else tree.detach().numpy()


@given(programs(), st.sampled_from([tg.float32, tg.float64]))
@settings(max_examples=EXAMPLES)
def test_compiled_programs_agree_with_eager(script: Script, dtype: Any) -> None:
    try:
        eager = runs(script, dtype, lambda f: f)
    except tg.errors.InplaceError:  # the script overwrites what it needs later
        reject()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a gradient may happen to meet 0 · inf
        compiled = runs(script, dtype, lambda f: tg.compile(f, backend="c"))
        again = runs(script, dtype, lambda f: tg.compile(f, backend="c"))
    for a, b in zip(leaves(eager), leaves(compiled), strict=True):
        assert (a is None) == (b is None)
        if a is not None:
            assert (a.shape, a.dtype) == (b.shape, b.dtype)
            np.testing.assert_allclose(b, a, rtol=ROUNDING[dtype], atol=ROUNDING[dtype])
    assert same(compiled, again)


def test_arrays_that_a_vector_cannot_read_run_eagerly() -> None:
    step = tg.compile(lambda x: tg.as_tensor(x) * 2.0, backend="c")
    memory = np.zeros(81, np.uint8)
    memory[1:] = np.arange(10.0).view(np.uint8)
    odd = memory[1:].view(np.float64)
    for _ in range(4):
        assert step(np.arange(10.0)).tolist() == step(odd).tolist() == list(np.arange(10.0) * 2)


def test_bytes_in_another_order_are_left_to_numpy() -> None:
    step = tg.compile(lambda x: tg.as_tensor(x.astype(x.dtype.newbyteorder("="))) + tg.ones(3), backend="c")
    swapped = np.arange(3.0).astype(">f8")
    for _ in range(4):
        assert step(swapped).tolist() == [1.0, 2.0, 3.0]


@needs_compiler
def test_arguments_called_like_words_of_c() -> None:
    def function(double: Any, long: Any, tg_exp_f32: Any, product: Any, i0: Any, x: Any, numbers: Any, β: Any) -> list[Any]:
        return [x.argmax(0), x.cumsum(0), double * long + tg_exp_f32.exp() - product @ product.sin(), (i0 + numbers).mean() * β]

    given = [tg.tensor(np.random.default_rng(i).standard_normal((3, 3))) for i in range(8)]
    step = tg.compile(function, backend="c")
    for _ in range(3):
        for found, expected in zip(step(*given), function(*given), strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-14)
    assert "one C function" in step.explain()


@needs_compiler
def test_several_views_that_need_a_copy_of_one_value() -> None:
    """As the weights of the gradients have in attention with the batch first."""
    layer = tg.nn.TransformerEncoderLayer(4, 2, 8, 0.0, batch_first=True).double()
    x = tg.tensor(np.random.default_rng(0).standard_normal((2, 5, 4)))

    def gradients() -> list[tg.Tensor]:
        layer.zero_grad()
        layer(x).square().mean().backward()
        return [p.grad for p in layer.parameters()]

    want = [g.numpy().copy() for g in gradients()]
    step = tg.compile(gradients, backend="c")
    for _ in range(3):
        for a, b in zip(step(), want, strict=True):
            np.testing.assert_allclose(a.numpy(), b, rtol=1e-9, atol=1e-12)
