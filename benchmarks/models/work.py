"""How much work a step is at least: floating point operations of its products, and bytes that have to move."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from .problems import CLASSES, CONTEXT, HEADS, HIDDEN, LAYERS, SEQUENCE, SIDE, VOCABULARY, WIDTH, Problem

MOMENTS = {"SGD": 1, "Adam": 2, "AdamW": 2}  # arrays of the parameters' size that the optimizer keeps


class Product(NamedTuple):
    """(rows, inputs) · (inputs, outputs), with so many products for its gradients."""

    rows: int
    inputs: int
    outputs: int
    gradients: int = 2


class Work(NamedTuple):
    """Of one step."""

    operations: float  # a multiplication and an addition are two
    bytes: float


def work(problem: Problem) -> Work:
    """Of a step of the table of problems, in float32."""
    parameters = sum(p.size for p in problem.parameters().values())
    batch = sum(a.size for a in problem.batches(1)[0])
    return _work(PRODUCTS[problem.model](problem.batch), parameters, MOMENTS[problem.optimizer], batch, 4)


def of_regression(n: int, dtype: str) -> Work:
    """Of the 1-50-5-1 network on n samples."""
    products = [Product(n, 1, 50, 1), Product(n, 50, 5), Product(n, 5, 1)]
    return _work(products, 361, 2, 2 * n, 4 if dtype == "float32" else 8)


def _work(products: list[Product], parameters: int, moments: int, batch: int, size: int) -> Work:
    """Parameters and moments are read and written, gradients written and read; so are the products' results and their gradients."""
    operations = sum(2 * p.rows * p.inputs * p.outputs * (1 + p.gradients) for p in products)
    elements = parameters * (4 + 2 * moments) + sum(4 * p.rows * p.outputs for p in products) + batch
    return Work(operations, elements * size)


def _mlp(n: int) -> list[Product]:
    return [Product(n, SIDE * SIDE, 256, 1), Product(n, 256, 128), Product(n, 128, CLASSES)]


def _cnn(n: int) -> list[Product]:
    """A convolution is the product of all its windows with the kernels."""
    windows = [Product(n * 24 * 24, 25, 6, 1), Product(n * 8 * 8, 6 * 25, 16)]
    return [*windows, Product(n, 256, 120), Product(n, 120, 84), Product(n, 84, CLASSES)]


def _gpt(n: int) -> list[Product]:
    tokens, scores = n * CONTEXT, Product(n * HEADS * CONTEXT, WIDTH // HEADS, CONTEXT)
    block = [Product(tokens, WIDTH, 3 * WIDTH), scores, scores, Product(tokens, WIDTH, WIDTH)]
    block += [Product(tokens, WIDTH, 4 * WIDTH), Product(tokens, 4 * WIDTH, WIDTH)]
    return [*block * LAYERS, Product(tokens, WIDTH, VOCABULARY)]


def _lstm(n: int) -> list[Product]:
    rows = n * SEQUENCE
    return [Product(rows, 1, 4 * HIDDEN, 1), Product(rows, HIDDEN, 4 * HIDDEN), Product(rows, HIDDEN, 1)]


def _none(n: int) -> list[Product]:
    return []


PRODUCTS: dict[str, Callable[[int], list[Product]]] = {"mlp": _mlp, "cnn": _cnn, "gpt": _gpt, "lstm": _lstm, "adam": _none}
