"""Training steps of what people train, at small sizes: each made anew from one seed, with the state to compare."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

import tinygrad_reg as tg
from tinygrad_reg import nn, optim

functional = nn.functional


class Model(NamedTuple):
    """A step, its batches without end, and what it trains."""

    step: Callable[..., Any]
    batches: Callable[[int], tuple[tg.Tensor, ...]]
    net: nn.Module
    optimizer: optim.Optimizer

    def held(self) -> list[Any]:
        """Copies of parameters, buffers and gradients."""
        named = [*self.net.parameters(), *self.net.buffers()]
        return [a.detach().clone() for p in named for a in (p, p.grad) if a is not None]


MODELS: dict[str, Callable[[Any], Model]] = {}


def model(make: Callable[[Any], Model]) -> Callable[[Any], Model]:
    """Register a function that makes a model of a dtype."""

    def made(dtype: Any) -> Model:
        tg.manual_seed(0)
        return make(dtype)

    MODELS[make.__name__] = made
    return made


def drawn(dtype: Any, *shape: int, seed: int) -> tg.Tensor:
    return tg.tensor(np.random.default_rng(seed).standard_normal(shape)).to(dtype)


def classes(count: int, *shape: int, seed: int) -> tg.Tensor:
    return tg.tensor(np.random.default_rng(seed).integers(0, count, shape))


def classifier(net: nn.Module, optimizer: optim.Optimizer, batches: Any, clip: bool = False) -> Model:
    """Cross entropy, and as metric the share of right guesses."""

    def step(x: tg.Tensor, y: tg.Tensor) -> Any:
        optimizer.zero_grad()
        out = net(x)
        loss = functional.cross_entropy(out, y)
        loss.backward()
        length = nn.utils.clip_grad_norm_(net.parameters(), 0.5) if clip else None
        optimizer.step()
        return {"loss": loss.detach(), "accuracy": (out.detach().argmax(1) == y).float().mean(), "length": length}

    return Model(step, batches, net, optimizer)


@model
def regression(dtype: Any) -> Model:
    net = nn.Sequential(nn.Linear(1, 50), nn.Sigmoid(), nn.Linear(50, 5), nn.Sigmoid(), nn.Linear(5, 1)).to(dtype)
    optimizer = optim.Adam(net.parameters(), lr=0.01)

    def step(x: tg.Tensor, y: tg.Tensor) -> Any:
        optimizer.zero_grad()
        loss = functional.mse_loss(net(x), y)
        loss.backward()
        optimizer.step()
        return loss.detach()

    def batches(i: int) -> Any:
        x = drawn(dtype, 100, 1, seed=i)
        return x, (x * x + 1).sin()

    return Model(step, batches, net, optimizer)


@model
def mlp(dtype: Any) -> Model:
    net = nn.Sequential(nn.Linear(196, 64), nn.ReLU(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10)).to(dtype)
    optimizer = optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
    return classifier(net, optimizer, lambda i: (drawn(dtype, 64, 196, seed=i), classes(10, 64, seed=i)))


@model
def cnn(dtype: Any) -> Model:
    net = nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2),
        nn.BatchNorm2d(6),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 8, 3, stride=2, bias=False),
        nn.ReLU(),
        nn.AvgPool2d(3, stride=1, padding=1),
        nn.Dropout2d(0.2),
        nn.Flatten(),
        nn.Linear(8 * 6 * 6, 20),
        nn.Dropout(0.3),
        nn.Tanh(),
        nn.Linear(20, 10),
    ).to(dtype)
    optimizer = optim.Adam(net.parameters(), lr=0.003)
    return classifier(net, optimizer, lambda i: (drawn(dtype, 16, 1, 28, 28, seed=i), classes(10, 16, seed=i)), clip=True)


class Block(nn.Module):
    """Attention and a network, each behind a LayerNorm and beside a short cut."""

    def __init__(self, width: int, heads: int, approximate: str, written_out: bool) -> None:
        super().__init__()
        self.heads, self.written_out = heads, written_out
        self.before, self.after = nn.LayerNorm(width), nn.LayerNorm(width)
        self.project, self.merge = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.network = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(approximate), nn.Linear(4 * width, width), nn.Dropout(0.1))

    def attend(self, x: tg.Tensor) -> tg.Tensor:
        b, t, c = x.shape
        q, k, v = (a.reshape(b, t, self.heads, c // self.heads).transpose(1, 2) for a in self.project(x).chunk(3, dim=-1))
        if self.written_out:
            scores = q @ k.transpose(-2, -1) / math.sqrt(c // self.heads)
            seen = tg.tril(tg.ones(t, t)).bool()
            out = scores.masked_fill(~seen, float("-inf")).softmax(dim=-1) @ v
        else:
            out = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.merge(out.transpose(1, 2).reshape(b, t, c))

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        x = x + self.attend(self.before(x))
        return x + self.network(self.after(x))


class GPT(nn.Module):
    """Characters in, logits of the next ones out."""

    def __init__(self, letters: int, context: int, width: int, approximate: str, written_out: bool) -> None:
        super().__init__()
        self.letters, self.places = nn.Embedding(letters, width), nn.Embedding(context, width)
        self.blocks = nn.Sequential(*[Block(width, 2, approximate, written_out) for _ in range(2)])
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, letters, bias=False)

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        h = self.letters(x) + self.places(tg.arange(x.shape[1]))
        return self.head(self.norm(self.blocks(h)))


def language_model(dtype: Any, approximate: str, written_out: bool) -> Model:
    letters, context = 20, 12
    net = GPT(letters, context, 16, approximate, written_out).to(dtype)
    optimizer = optim.AdamW(net.parameters(), lr=0.003, weight_decay=0.1)

    def step(x: tg.Tensor, y: tg.Tensor) -> Any:
        out = net(x)
        loss = functional.cross_entropy(out.reshape(-1, letters), y.reshape(-1))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        return loss.detach(), (out.detach().argmax(-1) == y).float().mean()

    def batches(i: int) -> Any:
        text = classes(letters, 4, context + 1, seed=i)
        return text[:, :-1], text[:, 1:]

    return Model(step, batches, net, optimizer)


@model
def gpt(dtype: Any) -> Model:
    return language_model(dtype, "none", written_out=False)


@model
def gpt_written_out(dtype: Any) -> Model:
    return language_model(dtype, "tanh", written_out=True)


class Recurrent(nn.Module):
    """A recurrent layer and a linear one for each of its outputs."""

    def __init__(self, layer: nn.Module, width: int) -> None:
        super().__init__()
        self.layer, self.head = layer, nn.Linear(width, 1)

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        return self.head(self.layer(x)[0])


class Cells(nn.Module):
    """The same with a cell and a loop."""

    def __init__(self) -> None:
        super().__init__()
        self.cell, self.head = nn.LSTMCell(1, 12), nn.Linear(12, 1)

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        h = c = tg.zeros(x.shape[0], 12, dtype=x.dtype)
        outs = []
        for step in range(x.shape[1]):
            h, c = self.cell(x[:, step], (h, c))
            outs.append(self.head(h))
        return tg.stack(outs, dim=1)


def sequences(dtype: Any, net: nn.Module) -> Model:
    net = net.to(dtype)
    optimizer = optim.Adam(net.parameters(), lr=0.01)

    def step(x: tg.Tensor, y: tg.Tensor) -> Any:
        optimizer.zero_grad()
        loss = functional.mse_loss(net(x), y)
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        return loss.detach()

    def batches(i: int) -> Any:
        waves = (tg.arange(11, dtype=dtype) * 0.3 + drawn(dtype, 6, 1, seed=i)).sin().unsqueeze(-1)
        return waves[:, :-1], waves[:, 1:]

    return Model(step, batches, net, optimizer)


@model
def lstm(dtype: Any) -> Model:
    return sequences(dtype, Recurrent(nn.LSTM(1, 12, num_layers=2, batch_first=True, dropout=0.1), 12))


@model
def gru(dtype: Any) -> Model:
    return sequences(dtype, Recurrent(nn.GRU(1, 12, batch_first=True, bidirectional=True), 24))


@model
def lstm_cell(dtype: Any) -> Model:
    return sequences(dtype, Cells())


class Autoencoder(nn.Module):
    """The variational one of Kingma and Welling, with convolutions on one side."""

    def __init__(self) -> None:
        super().__init__()
        self.encode = nn.Sequential(nn.Conv2d(1, 4, 3, stride=2, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 49, 16))
        self.decode = nn.Sequential(nn.Linear(8, 4 * 49), nn.ReLU(), nn.Unflatten(1, (4, 7, 7)), nn.ConvTranspose2d(4, 1, 4, 2, 1))

    def forward(self, x: tg.Tensor) -> Any:
        mean, spread = self.encode(x).chunk(2, dim=1)
        code = mean + (spread * 0.5).exp() * tg.randn_like(mean)
        return self.decode(code), mean, spread


@model
def vae(dtype: Any) -> Model:
    net = Autoencoder().to(dtype)
    optimizer = optim.Adam(net.parameters(), lr=0.002)

    def step(x: tg.Tensor) -> Any:
        optimizer.zero_grad()
        out, mean, spread = net(x)
        likelihood = functional.binary_cross_entropy_with_logits(out, x, reduction="sum")
        divergence = -0.5 * (1 + spread - mean.pow(2) - spread.exp()).sum()
        loss = (likelihood + divergence) / x.shape[0]
        loss.backward()
        optimizer.step()
        return loss.detach(), divergence.detach()

    return Model(step, lambda i: (drawn(dtype, 8, 1, 14, 14, seed=i).sigmoid(),), net, optimizer)


def batches_of(made: Model, count: int) -> Iterator[tuple[tg.Tensor, ...]]:
    """So many batches."""
    return (made.batches(i) for i in range(count))
