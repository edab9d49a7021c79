"""The training step of the 1-50-5-1 network, full batch, mean squared error, Adam, in every framework."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np

from . import by_hand
from .peers import COMPILED

Step = Callable[[], Any]
LR, BETA1, BETA2, EPS = 0.01, 0.9, 0.999, 1e-8


def data(n: int, dtype: str) -> tuple[Any, Any]:
    """x on a regular grid of [0, 3), y = sin(x² + 1) + noise; both (n, 1)."""
    rng = np.random.default_rng(0)
    x = (3.0 * np.arange(n) / n)[:, None]
    return x.astype(dtype), (np.sin(x**2 + 1) + rng.normal(0, 0.1, (n, 1))).astype(dtype)


def parameters(dtype: str) -> list[Any]:
    """Weights (out, in) and biases (out,) of the three layers, in PyTorch's layout."""
    rng = np.random.default_rng(1)
    sizes = [(50, 1), (5, 50), (1, 5)]
    return [p.astype(dtype) for o, i in sizes for p in (rng.uniform(-1, 1, (o, i)) / i**0.5, rng.uniform(-1, 1, o) / i**0.5)]


class Adam:
    """Adam on a list of arrays, written by hand with in-place updates."""

    def __init__(self, params: list[Any]) -> None:
        self.params, self.t = params, 0
        self.m = [np.zeros_like(p) for p in params]
        self.v = [np.zeros_like(p) for p in params]

    def step(self, grads: list[Any]) -> None:
        """p -= lr · m̂ / (√v̂ + eps)."""
        self.t += 1
        rate, scale = LR / (1 - BETA1**self.t), 1 / (1 - BETA2**self.t) ** 0.5
        for p, g, m, v in zip(self.params, grads, self.m, self.v, strict=True):
            m += (1 - BETA1) * (g - m)
            v += (1 - BETA2) * (g * g - v)
            p -= rate * m / (np.sqrt(v) * scale + EPS)


def sigmoid(z: Any) -> Any:
    """1 / (1 + e⁻ᶻ)."""
    return 1 / (1 + np.exp(-z))


def numpy_vectorised(n: int, dtype: str, start: list[Any] | None = None) -> Step:
    """What a careful person writes by hand; `start` are the parameters, which change in place."""
    x, y = data(n, dtype)
    params = parameters(dtype) if start is None else start
    optimizer = Adam(params)

    def step() -> Any:
        w1, b1, w2, b2, w3, b3 = params
        h1 = sigmoid(x * w1.T + b1)
        h2 = sigmoid(h1 @ w2.T + b2)
        d3 = h2 @ w3.T + b3 - y
        loss = (d3 * d3).mean()
        d3 *= 2 / n
        d2 = (d3 * w3) * h2 * (1 - h2)
        d1 = (d2 @ w2) * h1 * (1 - h1)
        optimizer.step([d1.T @ x, d1.sum(0), d2.T @ h1, d2.sum(0), d3.T @ h2, d3.sum(0)])
        return loss

    return step


def numpy_per_sample(n: int, dtype: str) -> Step:
    """Back-propagation by hand in a loop over the samples, as in a first course."""
    xs, ys = data(n, dtype)
    params = parameters(dtype)
    optimizer = Adam(params)

    def step() -> Any:
        w1, b1, w2, b2, w3, b3 = params
        grads = [np.zeros_like(p) for p in params]
        total = 0.0
        for x, y in zip(xs, ys, strict=True):
            h1 = sigmoid(w1 @ x + b1)
            h2 = sigmoid(w2 @ h1 + b2)
            error = w3 @ h2 + b3 - y
            total += float(error[0]) ** 2
            d3 = 2 / n * error
            d2 = (w3.T @ d3) * h2 * (1 - h2)
            d1 = (w2.T @ d2) * h1 * (1 - h1)
            for grad, delta, left in zip(grads[::2], (d1, d2, d3), (x, h1, h2), strict=True):
                grad += np.outer(delta, left)
            for grad, delta in zip(grads[1::2], (d1, d2, d3), strict=True):
                grad += delta
        optimizer.step(grads)
        return total / n

    return step


def _as_it_is(function: Any) -> Any:
    return function


def _torch_style(
    tg: Any,
    n: int,
    dtype: str,
    compiled: Callable[[Any], Any] = _as_it_is,
    inner: Callable[[Any], Any] = _as_it_is,
    tensor: Callable[[Any], Any] | None = None,
) -> Step:
    """`compiled` is applied to the step, `inner` to its loss and its update; `tensor` makes the batch of arrays."""
    x, y = map(tensor or tg.tensor, data(n, dtype))
    nn = tg.nn
    model = nn.Sequential(nn.Linear(1, 50), nn.Sigmoid(), nn.Linear(50, 5), nn.Sigmoid(), nn.Linear(5, 1))
    model = model.to(getattr(tg, dtype))
    with tg.no_grad():
        for p, value in zip(model.parameters(), parameters(dtype), strict=True):
            p.copy_(tg.tensor(value))
    criterion = nn.MSELoss()
    optimizer = tg.optim.Adam(model.parameters(), lr=LR)
    loss_of, update = inner(lambda: criterion(model(x), y)), inner(optimizer.step)

    def step() -> Any:
        optimizer.zero_grad()
        loss = loss_of()
        loss.backward()
        update()
        return loss.detach()

    made: Step = compiled(step)
    return made


def ours_eager(n: int, dtype: str, tensor: Callable[[Any], Any] | None = None) -> Step:
    """This library, eager; `tensor` makes the batch of arrays, in place of `tg.tensor`."""
    return _torch_style(import_module("tinygrad_reg"), n, dtype, tensor=tensor)


def ours_compiled(n: int, dtype: str, backend: str) -> Step:
    """This library, the step compiled. What falls back to another way of running is an error."""
    warnings.simplefilter("error")
    tg = import_module("tinygrad_reg")
    return _torch_style(tg, n, dtype, tg.compile(backend=backend))


def c_by_hand(n: int, dtype: str) -> Step:
    """C written for this one step."""
    x, y = data(n, dtype)
    return by_hand.prepare(x, y, parameters(dtype), LR, BETA1, BETA2, EPS)


def torch_eager(n: int, dtype: str) -> Step:
    """PyTorch eager, 2 threads."""
    torch = import_module("torch")
    torch.set_num_threads(2)
    return _torch_style(torch, n, dtype)


def torch_compile(n: int, dtype: str) -> Step:
    """PyTorch, forward and backward in one compiled pair and the update in another: a whole step cannot be compiled at once."""
    torch = import_module("torch")
    torch.set_num_threads(2)
    return _torch_style(torch, n, dtype, inner=torch.compile)


def jax_jit(n: int, dtype: str) -> Step:
    """JAX, the whole step in jax.jit, state donated."""
    jax = import_module("jax")
    jax.config.update("jax_enable_x64", dtype == "float64")
    jnp = import_module("jax.numpy")
    x, y = (jnp.asarray(a) for a in data(n, dtype))

    def loss_of(params: Any) -> Any:
        w1, b1, w2, b2, w3, b3 = params
        h1 = jax.nn.sigmoid(x @ w1.T + b1)
        h2 = jax.nn.sigmoid(h1 @ w2.T + b2)
        return jnp.mean((h2 @ w3.T + b3 - y) ** 2)

    def update(state: Any) -> tuple[Any, Any]:
        params, m, v, t = state
        loss, grads = jax.value_and_grad(loss_of)(params)
        t = t + 1
        m = [a + (1 - BETA1) * (g - a) for a, g in zip(m, grads, strict=True)]
        v = [a + (1 - BETA2) * (g * g - a) for a, g in zip(v, grads, strict=True)]
        rate, scale = LR / (1 - BETA1**t), 1 / jnp.sqrt(1 - BETA2**t)
        params = [p - rate * a / (jnp.sqrt(b) * scale + EPS) for p, a, b in zip(params, m, v, strict=True)]
        return loss, (params, m, v, t)

    jitted = jax.jit(update, donate_argnums=0)
    start = [jnp.asarray(p) for p in parameters(dtype)]
    held = [(start, [jnp.zeros_like(p) for p in start], [jnp.zeros_like(p) for p in start], jnp.asarray(0.0, dtype))]

    def step() -> Any:
        loss, held[0] = jitted(held[0])
        return jax.block_until_ready(loss)

    return step


def hips_autograd(n: int, dtype: str) -> Step:
    """HIPS autograd, Adam by hand."""
    autograd, anp = import_module("autograd"), import_module("autograd.numpy")
    x, y = data(n, dtype)
    params = parameters(dtype)
    optimizer = Adam(params)

    def loss_of(params: Any) -> Any:
        w1, b1, w2, b2, w3, b3 = params
        h1 = 1 / (1 + anp.exp(-(anp.dot(x, w1.T) + b1)))
        h2 = 1 / (1 + anp.exp(-(anp.dot(h1, w2.T) + b2)))
        return anp.mean((anp.dot(h2, w3.T) + b3 - y) ** 2)

    gradient = autograd.value_and_grad(loss_of)

    def step() -> Any:
        loss, grads = gradient(params)
        optimizer.step([np.asarray(g, dtype) for g in grads])
        return loss

    return step


def mygrad_eager(n: int, dtype: str) -> Step:
    """MyGrad, Adam by hand."""
    mg, mg_sigmoid = import_module("mygrad"), import_module("mygrad.nnet.activations").sigmoid
    x, y = data(n, dtype)
    arrays = parameters(dtype)
    optimizer = Adam(arrays)

    def step() -> Any:
        params = [mg.tensor(p, copy=False) for p in arrays]
        w1, b1, w2, b2, w3, b3 = params
        h1 = mg_sigmoid(mg.matmul(x, w1.T) + b1)
        h2 = mg_sigmoid(mg.matmul(h1, w2.T) + b2)
        loss = mg.mean((mg.matmul(h2, w3.T) + b3 - y) ** 2)
        loss.backward()
        grads = [p.grad for p in params]
        value = loss.item()
        del loss, h1, h2, params, w1, b1, w2, b2, w3, b3
        for array in arrays:
            array.flags.writeable = True
        optimizer.step(grads)
        return value

    return step


def tinygrad_jit(n: int, dtype: str) -> Step:
    """tinygrad on the CPU, TinyJit."""
    os.environ["OPTIM_DTYPE"] = dtype  # of Adam's moments
    tiny = import_module("tinygrad")
    Tensor, kind = tiny.Tensor, getattr(tiny.dtypes, dtype)
    x, y = (Tensor(a, dtype=kind).realize() for a in data(n, dtype))
    params = [Tensor(p, dtype=kind).realize() for p in parameters(dtype)]
    optimizer = import_module("tinygrad.nn.optim").Adam(params, lr=LR, b1=BETA1, b2=BETA2, eps=EPS)

    @tiny.TinyJit  # type: ignore[untyped-decorator]
    def jitted() -> Any:
        w1, b1, w2, b2, w3, b3 = params
        optimizer.zero_grad()
        h1 = (x @ w1.T + b1).sigmoid()
        h2 = (h1 @ w2.T + b2).sigmoid()
        loss = ((h2 @ w3.T + b3 - y) ** 2).mean()
        loss.backward()
        return loss.realize(*optimizer.schedule_step())

    def step() -> Any:
        with tiny.Context(TRAINING=1):
            return jitted().item()

    return step


PEERS: dict[str, Callable[[int, str], Step]] = {
    "tinygrad_reg": ours_eager,
    **{label: partial(ours_compiled, backend=backend) for label, backend in COMPILED.items()},
    "torch": torch_eager,
    "torch.compile": torch_compile,
    "C by hand": c_by_hand,
    "NumPy by hand": numpy_vectorised,
    "NumPy by hand, per sample": numpy_per_sample,
    "jax.jit": jax_jit,
    "autograd": hips_autograd,
    "mygrad": mygrad_eager,
    "tinygrad, jit": tinygrad_jit,
}
