"""Hypothesis draws programs: chains of operations on a growing pool of (3, 4) tensors, forward, backward and in place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st

import tinygrad_reg as tg
from tinygrad_reg.compiler.program import Program
from tinygrad_reg.compiler.recording import finish
from tinygrad_reg.compiler.trace import Trace
from tinygrad_reg.engine.state import switched
from tinygrad_reg.ops.fused import linear

SHAPE = (3, 4)

# every function keeps the shape (3, 4) and float values of moderate size
UNARY: dict[str, Callable[[Any], Any]] = {
    "tanh": tg.tanh,
    "sigmoid": tg.sigmoid,
    "relu": tg.relu,
    "neg": tg.neg,
    "sin": tg.sin,
    "abs": tg.abs,
    "squared": lambda x: x.tanh() ** 2,
    "log": lambda x: (x.abs() + 1.0).log(),
    "sqrt": lambda x: (x * x + 0.5).sqrt(),
    "softmax": lambda x: x.softmax(1),
    "log_softmax": lambda x: x.log_softmax(0),
    "row_sums": lambda x: x.sum(1, keepdim=True).expand(SHAPE) * 0.25,
    "largest": lambda x: x - x.amax(0, keepdim=True),
    "mean": lambda x: x - x.mean(),
    "turned": lambda x: x.T.reshape(SHAPE),
    "transposed_twice": lambda x: x.T.clone().T,
    "rolled": lambda x: tg.cat([x[1:], x[:1]]),
    "columns": lambda x: tg.stack([x[:, i] for i in (3, 1, 2, 0)], 1),
    "flat": lambda x: x.reshape(-1).reshape(SHAPE),
    "picked": lambda x: x[tg.tensor([2, 0, 2])],
    "clamped": lambda x: x.clamp(-0.5, 0.5),
    "half": lambda x: x.half().to(x.dtype),
    "rounded": lambda x: x.round() * 0.5,
    "cumulative": lambda x: x.cumsum(1) * 0.25,
    "noise": lambda x: x + tg.rand(3, 1, dtype=x.dtype),
    "detached": lambda x: x.detach() * 0.5,
    "constant": lambda x: x + tg.tensor([1.0, 2.0, 3.0, 4.0], dtype=x.dtype) * 0.1,
}
BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "add": tg.add,
    "mul": lambda x, y: x * y * 0.5,
    "div": lambda x, y: x / (y.abs() + 1.0),
    "maximum": tg.maximum,
    "where": lambda x, y: tg.where(x > y, x, y * 0.5),
    "matmul": lambda x, y: (x @ y.T).tanh() @ x,
    "linear": lambda x, y: linear(x, y @ y.T @ y, x[:, 0]).tanh() @ y,
    "outer": lambda x, y: x[:, :1] * y[:1],
}
IN_PLACE: dict[str, Callable[[Any, Any], Any]] = {
    "add_": lambda x, y: x.add_(y),
    "mul_": lambda x, y: x.mul_(y.tanh()),
    "row": lambda x, y: x[1].copy_(y[0]),
    "column": lambda x, y: x.__setitem__((slice(None), 2), y[:, 1] * 0.5),
    "masked": lambda x, y: x.__setitem__(y > 0.5, 0.25),
    "turned": lambda x, y: x.T[0].sub_(y[:, 0]),
    "fill": lambda x, y: x[0:1].fill_(0.5),
}

Script = Sequence[tuple[str, str, int, int]]


@st.composite
def programs(draw: st.DrawFn) -> Script:
    """A script: (kind, operation, number of the first operand, of the second), counted from the newest."""
    kinds = st.sampled_from(["unary"] * 4 + ["binary"] * 3 + ["in_place"])
    tables = {"unary": UNARY, "binary": BINARY, "in_place": IN_PLACE}
    script = []
    for _ in range(draw(st.integers(1, 10))):
        kind = draw(kinds)
        script.append((kind, draw(st.sampled_from(sorted(tables[kind]))), draw(st.integers(0, 5)), draw(st.integers(0, 5))))
    return script


def state(dtype: Any) -> list[tg.Tensor]:
    """Two leaves and a buffer."""
    generator = np.random.default_rng(5)
    made = [tg.tensor(generator.standard_normal(SHAPE)).to(dtype) for _ in range(3)]
    return [made[0].requires_grad_(), made[1].requires_grad_(), made[2]]


def play(script: Script, tensors: Sequence[Any], x: Any) -> Any:
    """Do what the script says, with a gradient step at its end."""
    first, second, buffer = tensors
    first.grad = second.grad = None
    pool = [buffer.clone(), x * 1.0, first, second * 1.0]
    for kind, name, i, j in script:
        a, b = pool[-1 - i % len(pool)], pool[-1 - j % len(pool)]
        if kind == "unary":
            pool.append(UNARY[name](a))
        elif kind == "binary":
            pool.append(BINARY[name](a, b))
        elif i % 2:
            with tg.no_grad():
                IN_PLACE[name](buffer, b.detach())
        elif a is not first:
            part = a.clone()
            IN_PLACE[name](part, b)
            pool.append(part)
    loss = sum((p * p).mean() for p in pool[3:]) + pool[-1].sum()
    loss.backward()
    with tg.no_grad():
        for leaf in (first, second):
            if leaf.grad is not None:
                leaf.sub_(leaf.grad * 0.01)
        buffer.mul_(0.5)
    return loss, [p.detach() for p in pool[-2:]]


def record(function: Callable[..., Any], *inputs: Any) -> tuple[Program, list[Any]]:
    """The program of one run of a function that gives a list of tensors, and its captured places."""
    trace = Trace(inputs, [f"x{i}" for i in range(len(inputs))])
    with switched(tracer=trace):
        arrays = [result.array for result in function(*inputs)]
    recording = finish(trace, arrays)
    assert recording.refused is None
    return recording.program, list(recording.places)
