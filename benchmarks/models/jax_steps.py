"""The steps in JAX: forward, backward and update as one function in jax.jit, whose state is donated."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from importlib import import_module
from typing import Any

from .problems import HEADS, HIDDEN, LAYERS, Problem

jax: Any = import_module("jax")
jnp: Any = import_module("jax.numpy")

Tree = dict[str, Any]
BETA1, BETA2, EPS, WEIGHT_DECAY = 0.9, 0.999, 1e-8, 0.01  # PyTorch's defaults


def build(problem: Problem) -> Callable[[], Any]:
    """The step on the next batch."""
    jitted, state, batches = lower(problem)
    held, cycle = [state], itertools.cycle(batches)

    def step() -> Any:
        loss, held[0] = jitted(held[0], *next(cycle))
        return jax.block_until_ready(loss)

    return step


def lower(problem: Problem) -> tuple[Any, Any, list[Any]]:
    """The jitted function `(state, *batch) -> (loss, state)`, its first state and the batches."""
    prepare, loss_of = MODELS[problem.model]
    parameters = {name: jnp.asarray(array) for name, array in problem.parameters().items()}
    gradients = {name: jnp.asarray(array) for name, array in problem.gradients().items()}

    def update(state: Any, *batch: Any) -> tuple[Any, Any]:
        if problem.model == "adam":
            after = OPTIMIZERS[problem.optimizer](state, gradients, **problem.options)
            return after[0]["0.weight"].ravel()[0], after
        loss, grads = jax.value_and_grad(loss_of)(state[0], *batch)
        return loss, OPTIMIZERS[problem.optimizer](state, grads, **problem.options)

    zeros = {name: jnp.zeros_like(p) for name, p in parameters.items()}
    state = (parameters, zeros, {name: jnp.zeros_like(p) for name, p in parameters.items()}, jnp.float32(0))
    if problem.optimizer == "SGD":
        state = (parameters, zeros)  # type: ignore[assignment]
    batches = [prepare(*map(jnp.asarray, batch)) for batch in problem.batches()]
    return jax.jit(update, donate_argnums=0), state, batches


def sgd(state: Any, grads: Tree, lr: float, momentum: float) -> Any:
    """buf = momentum · buf + g; p -= lr · buf."""
    parameters, buffers = state
    buffers = {name: momentum * buffers[name] + g for name, g in grads.items()}
    return {name: p - lr * buffers[name] for name, p in parameters.items()}, buffers


def adam(state: Any, grads: Tree, lr: float, weight_decay: float = 0.0) -> Any:
    """p -= lr · m̂ / (√v̂ + eps), after p *= 1 - lr · weight_decay."""
    parameters, m, v, t = state
    t = t + 1
    m = {name: m[name] + (1 - BETA1) * (g - m[name]) for name, g in grads.items()}
    v = {name: v[name] + (1 - BETA2) * (g * g - v[name]) for name, g in grads.items()}
    rate, scale = lr / (1 - BETA1**t), 1 / jnp.sqrt(1 - BETA2**t)
    updated = {name: p * (1 - lr * weight_decay) - rate * m[name] / (jnp.sqrt(v[name]) * scale + EPS) for name, p in parameters.items()}
    return updated, m, v, t


OPTIMIZERS: dict[str, Callable[..., Any]] = {
    "SGD": sgd,
    "Adam": adam,
    "AdamW": lambda state, grads, lr: adam(state, grads, lr, WEIGHT_DECAY),
}


def _linear(p: Tree, name: str, x: Any) -> Any:
    return x @ p[f"{name}.weight"].T + p[f"{name}.bias"]


def _cross_entropy(logits: Any, y: Any) -> Any:
    return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(logits), y[..., None], -1))


def mlp(p: Tree, x: Any, y: Any) -> Any:
    """Three linear layers with relu."""
    for name in ("0", "2"):
        x = jax.nn.relu(_linear(p, name, x))
    return _cross_entropy(_linear(p, "4", x), y)


def cnn(p: Tree, x: Any, y: Any) -> Any:
    """Images have their channels last, and pooling is a maximum over reshaped dims: both are faster here than the alternatives."""
    for name in ("0", "3"):
        kernel = p[f"{name}.weight"].transpose(2, 3, 1, 0)
        x = jax.lax.conv_general_dilated(x, kernel, (1, 1), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC"))
        x = jax.nn.relu(x + p[f"{name}.bias"])
        n, h, w, c = x.shape
        x = x.reshape(n, h // 2, 2, w // 2, 2, c).max((2, 4))
    x = x.transpose(0, 3, 1, 2).reshape(len(x), -1)
    for name in ("7", "9"):
        x = jax.nn.relu(_linear(p, name, x))
    return _cross_entropy(_linear(p, "11", x), y)


def _norm(p: Tree, name: str, x: Any) -> Any:
    mean = x.mean(-1, keepdims=True)
    variance = ((x - mean) ** 2).mean(-1, keepdims=True)
    return (x - mean) * jax.lax.rsqrt(variance + 1e-5) * p[f"{name}.weight"] + p[f"{name}.bias"]


def gpt(p: Tree, tokens: Any, y: Any) -> Any:
    """Blocks of causal attention and a perceptron with gelu, each behind a norm."""
    x = p["token.weight"][tokens] + p["position.weight"]
    n, t, c = x.shape
    for name in (f"blocks.{i}" for i in range(LAYERS)):
        qkv = _linear(p, f"{name}.qkv", _norm(p, f"{name}.norm1", x))
        q, k, v = (part.reshape(n, t, HEADS, c // HEADS) for part in jnp.split(qkv, 3, -1))
        scores = jnp.einsum("nqhd,nkhd->nhqk", q, k) / (c // HEADS) ** 0.5
        scores = jnp.where(jnp.tril(jnp.ones((t, t), bool)), scores, -jnp.inf)
        attended = jnp.einsum("nhqk,nkhd->nqhd", jax.nn.softmax(scores), v).reshape(n, t, c)
        x = x + _linear(p, f"{name}.out", attended)
        hidden = jax.nn.gelu(_linear(p, f"{name}.up", _norm(p, f"{name}.norm2", x)), approximate=False)
        x = x + _linear(p, f"{name}.down", hidden)
    return _cross_entropy(_linear(p, "head", _norm(p, "norm", x)), y)


def lstm(p: Tree, x: Any, y: Any) -> Any:
    """One recurrent layer in lax.scan, the inputs' product taken out of the loop, and a linear head."""
    n = x.shape[0]
    inputs = x @ p["lstm.weight_ih_l0"].T + (p["lstm.bias_ih_l0"] + p["lstm.bias_hh_l0"])

    def cell(state: Any, gates: Any) -> Any:
        h, c = state
        i, f, g, o = jnp.split(gates + h @ p["lstm.weight_hh_l0"].T, 4, -1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        h = jax.nn.sigmoid(o) * jnp.tanh(c)
        return (h, c), h

    zeros = jnp.zeros((n, HIDDEN), x.dtype)
    _, hidden = jax.lax.scan(cell, (zeros, zeros), inputs.transpose(1, 0, 2))
    return jnp.mean((_linear(p, "head", hidden.transpose(1, 0, 2)) - y) ** 2)


def _as_it_is(*batch: Any) -> Any:
    return batch


def _channels_last(x: Any, y: Any) -> Any:
    return x.transpose(0, 2, 3, 1), y


MODELS: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "mlp": (_as_it_is, mlp),
    "cnn": (_channels_last, cnn),
    "gpt": (_as_it_is, gpt),
    "lstm": (_as_it_is, lstm),
    "adam": (_as_it_is, lambda p: 0.0),
}
