"""The perceptron's step and Adam's update in NumPy, as a careful person writes them by hand."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

from .problems import Problem

BETA1, BETA2, EPS = 0.9, 0.999, 1e-8


def build(problem: Problem) -> Callable[[], Any]:
    """The step on the next batch."""
    return MODELS[problem.model](problem)


def mlp(problem: Problem) -> Callable[[], Any]:
    """Gradients by the chain rule, the rectified parts and the updates in place."""
    parameters = list(problem.parameters().values())
    buffers = [np.zeros_like(p) for p in parameters]
    batches = itertools.cycle(problem.batches())
    lr, momentum, rows = np.float32(problem.options["lr"]), np.float32(problem.options["momentum"]), np.arange(problem.batch)

    def step() -> Any:
        x, y = next(batches)
        w1, b1, w2, b2, w3, b3 = parameters
        h1 = x @ w1.T
        h1 += b1
        np.maximum(h1, 0, out=h1)
        h2 = h1 @ w2.T
        h2 += b2
        np.maximum(h2, 0, out=h2)
        logits = h2 @ w3.T
        logits += b3
        logits -= logits.max(1, keepdims=True)
        d3 = np.exp(logits)
        total = d3.sum(1, keepdims=True)
        loss = (np.log(total[:, 0]) - logits[rows, y]).mean()
        d3 /= total
        d3[rows, y] -= 1
        d3 /= np.float32(len(x))
        d2 = d3 @ w3
        d2 *= h2 > 0
        d1 = d2 @ w2
        d1 *= h1 > 0
        gradients = (d1.T @ x, d1.sum(0), d2.T @ h1, d2.sum(0), d3.T @ h2, d3.sum(0))
        for p, g, b in zip(parameters, gradients, buffers, strict=True):
            b *= momentum
            b += g
            np.multiply(b, lr, out=g)
            p -= g
        return loss

    return step


def adam(problem: Problem) -> Callable[[], Any]:
    """All parameters in one array."""
    p = np.concatenate([a.ravel() for a in problem.parameters().values()])
    g = np.concatenate([a.ravel() for a in problem.gradients().values()])
    m, v, work, t = np.zeros_like(p), np.zeros_like(p), np.empty_like(p), 0

    def step() -> Any:
        nonlocal t
        t += 1
        np.subtract(g, m, out=work)
        np.multiply(work, 1 - BETA1, out=work)
        np.add(m, work, out=m)
        np.multiply(g, g, out=work)
        np.subtract(work, v, out=work)
        np.multiply(work, 1 - BETA2, out=work)
        np.add(v, work, out=v)
        np.sqrt(v, out=work)
        np.multiply(work, 1 / (1 - BETA2**t) ** 0.5, out=work)
        np.add(work, EPS, out=work)
        np.divide(m, work, out=work)
        np.multiply(work, problem.options["lr"] / (1 - BETA1**t), out=work)
        np.subtract(p, work, out=p)
        return p[0]

    return step


MODELS: dict[str, Callable[[Problem], Callable[[], Any]]] = {"mlp": mlp, "adam": adam}
