"""The steps in tinygrad on the CPU, in TinyJit."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from importlib import import_module
from typing import Any

from .problems import HEADS, HIDDEN, LAYERS, SEQUENCE, Problem

tinygrad: Any = import_module("tinygrad")
optim: Any = import_module("tinygrad.nn.optim")
Tensor: Any = tinygrad.Tensor

Tree = dict[str, Any]


def build(problem: Problem) -> Callable[[], Any]:
    """The step on the next batch."""
    p = {name: Tensor(array).realize() for name, array in problem.parameters().items()}
    optimizer = getattr(optim, problem.optimizer)(list(p.values()), **problem.options)
    batches = itertools.cycle([tuple(Tensor(array).realize() for array in batch) for batch in problem.batches()])
    gradients = [Tensor(array).realize() for array in problem.gradients().values()]
    loss_of = MODELS[problem.model]

    @tinygrad.TinyJit  # type: ignore[untyped-decorator]
    def jitted(*batch: Any) -> Any:
        if problem.model == "adam":
            for parameter, gradient in zip(p.values(), gradients, strict=True):
                parameter.grad = gradient
            optimizer.step()
            return next(iter(p.values())).flatten()[0].contiguous().realize()
        optimizer.zero_grad()
        loss = loss_of(p, *batch)
        loss.backward()
        return loss.realize(*optimizer.schedule_step())

    def step() -> Any:
        with tinygrad.Context(TRAINING=1):
            return jitted(*next(batches)).item()

    return step


def _linear(p: Tree, name: str, x: Any) -> Any:
    return x @ p[f"{name}.weight"].T + p[f"{name}.bias"]


def mlp(p: Tree, x: Any, y: Any) -> Any:
    """Three linear layers with relu."""
    for name in ("0", "2"):
        x = _linear(p, name, x).relu()
    return _linear(p, "4", x).sparse_categorical_crossentropy(y)


def cnn(p: Tree, x: Any, y: Any) -> Any:
    """Two convolutions with relu and max pooling, three linear layers."""
    for name in ("0", "3"):
        x = x.conv2d(p[f"{name}.weight"], p[f"{name}.bias"]).relu().max_pool2d((2, 2))
    x = x.flatten(1)
    for name in ("7", "9"):
        x = _linear(p, name, x).relu()
    return _linear(p, "11", x).sparse_categorical_crossentropy(y)


def _norm(p: Tree, name: str, x: Any) -> Any:
    return x.layernorm() * p[f"{name}.weight"] + p[f"{name}.bias"]


def gpt(p: Tree, tokens: Any, y: Any) -> Any:
    """Blocks of causal attention and a perceptron with gelu, each behind a norm."""
    x = p["token.weight"][tokens] + p["position.weight"]
    n, t, c = x.shape
    for name in (f"blocks.{i}" for i in range(LAYERS)):
        qkv = _linear(p, f"{name}.qkv", _norm(p, f"{name}.norm1", x))
        q, k, v = (part.reshape(n, t, HEADS, c // HEADS).transpose(1, 2) for part in qkv.chunk(3, dim=-1))
        attended = q.scaled_dot_product_attention(k, v, is_causal=True)
        x = x + _linear(p, f"{name}.out", attended.transpose(1, 2).reshape(n, t, c))
        hidden = _linear(p, f"{name}.up", _norm(p, f"{name}.norm2", x))
        hidden = 0.5 * hidden * (1 + (hidden / 2**0.5).erf())
        x = x + _linear(p, f"{name}.down", hidden)
    return _linear(p, "head", _norm(p, "norm", x)).flatten(0, 1).sparse_categorical_crossentropy(y.flatten())


def lstm(p: Tree, x: Any, y: Any) -> Any:
    """One recurrent layer, unrolled, the inputs' product taken out of the loop, and a linear head."""
    inputs = x @ p["lstm.weight_ih_l0"].T + (p["lstm.bias_ih_l0"] + p["lstm.bias_hh_l0"])
    h = c = Tensor.zeros(x.shape[0], HIDDEN)
    states = []
    for t in range(SEQUENCE):
        i, f, g, o = (inputs[:, t] + h @ p["lstm.weight_hh_l0"].T).chunk(4, dim=-1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = (o.sigmoid() * c.tanh()).contiguous()
        states.append(h)
    return ((_linear(p, "head", Tensor.stack(*states, dim=1)) - y) ** 2).mean()


MODELS: dict[str, Callable[..., Any]] = {"mlp": mlp, "cnn": cnn, "gpt": gpt, "lstm": lstm, "adam": lambda p: None}
