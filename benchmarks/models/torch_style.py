"""The steps as a PyTorch user writes them: one text for PyTorch and for this library."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable
from importlib import import_module
from typing import Any

from .problems import CLASSES, CONTEXT, HEADS, HIDDEN, LAYERS, SIDE, VOCABULARY, WIDTH, Problem

Step = Callable[[], Any]
Compile = Callable[[Any], Any]
ToTensor = Callable[[Any], Any]


def ours(problem: Problem, backend: str | None = None, tensor: ToTensor | None = None) -> Step:
    """This library: eager, or the whole step compiled. What falls back to another way of running is an error.

    `tensor` makes the batches of arrays, in place of `tg.tensor`.
    """
    tg = import_module("tinygrad_reg")
    if backend is None:
        return _step(tg, problem, lambda step: step, tensor)
    warnings.simplefilter("error")
    return _step(tg, problem, tg.compile(backend=backend))


def torch(problem: Problem) -> Step:
    """PyTorch eager, the optimizer as it is by default."""
    return _step(_torch(), problem, lambda step: step)


def torch_fused(problem: Problem) -> Step:
    """PyTorch eager with the optimizer's kernel for all parameters in one."""
    return _step(_torch(), problem, lambda step: step, fused=True)


def torch_compile(problem: Problem) -> Step:
    """Forward and backward in one compiled pair, the update in another: a whole step cannot be compiled at once."""
    module = _torch()
    model, loss_of, optimizer = _parts(module, problem)
    compiled_loss = module.compile(lambda *batch: loss_of(model, *batch))
    update = module.compile(optimizer.step)

    def step(*batch: Any) -> Any:
        optimizer.zero_grad()
        loss = compiled_loss(*batch)
        loss.backward()
        update()
        return loss.detach()

    def update_alone() -> Any:
        update()
        return next(model.parameters()).detach().view(-1)[0]

    return update_alone if problem.model == "adam" else Stepping(module.tensor, problem, model, step)


def _torch() -> Any:
    module = import_module("torch")
    module.set_num_threads(2)
    return module


def _step(module: Any, problem: Problem, compiled: Compile, tensor: ToTensor | None = None, **options: Any) -> Step:
    model, loss_of, optimizer = _parts(module, problem, **options)
    first = next(model.parameters()).detach().view(-1)

    @compiled
    def step(*batch: Any) -> Any:
        optimizer.zero_grad()
        loss = loss_of(model, *batch)
        loss.backward()
        optimizer.step()
        return loss.detach()

    @compiled
    def update_alone() -> None:
        optimizer.step()

    def updated() -> Any:
        update_alone()
        return first[0]

    return Stepping(tensor or module.tensor, problem, model, step) if problem.model != "adam" else updated


class Stepping:
    """Calls the step on the batches in turn."""

    def __init__(self, tensor: ToTensor, problem: Problem, model: Any, step: Callable[..., Any]) -> None:
        self.model, self.step = model, step
        self.batches = itertools.cycle([tuple(map(tensor, batch)) for batch in problem.batches()])

    def __call__(self) -> Any:
        """The loss."""
        return self.step(*next(self.batches))


def _parts(module: Any, problem: Problem, **options: Any) -> tuple[Any, Callable[..., Any], Any]:
    """The model with the problem's weights, its loss, and the optimizer."""
    model, loss_of = MODELS[problem.model](module)
    model.load_state_dict({name: module.tensor(array) for name, array in problem.parameters().items()})
    optimizer = getattr(module.optim, problem.optimizer)(model.parameters(), **problem.options, **options)
    if problem.model == "adam":
        for p, gradient in zip(model.parameters(), problem.gradients().values(), strict=True):
            p.grad = module.tensor(gradient)
    return model, loss_of, optimizer


def _classify(module: Any) -> Callable[..., Any]:
    criterion = module.nn.CrossEntropyLoss()
    return lambda model, x, y: criterion(model(x), y)


def mlp(module: Any) -> tuple[Any, Callable[..., Any]]:
    """Three linear layers with relu."""
    nn = module.nn
    layers = (nn.Linear(SIDE * SIDE, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, CLASSES))
    return nn.Sequential(*layers), _classify(module)


def cnn(module: Any) -> tuple[Any, Callable[..., Any]]:
    """Two convolutions with relu and max pooling, three linear layers."""
    nn = module.nn
    model = nn.Sequential(
        nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(256, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, CLASSES),
    )  # fmt: skip
    return model, _classify(module)


def gpt(module: Any) -> tuple[Any, Callable[..., Any]]:
    """Blocks of causal attention and a perceptron with gelu, each behind a norm; tokens in, logits out."""
    nn, F = module.nn, import_module(f"{module.__name__}.nn.functional")

    class Block(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.norm1, self.qkv, self.out = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
            self.norm2, self.up, self.down = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)

        def forward(self, x: Any) -> Any:
            n, t, c = x.shape
            q, k, v = (y.view(n, t, HEADS, c // HEADS).transpose(1, 2) for y in self.qkv(self.norm1(x)).split(c, dim=2))
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
            x = x + self.out(y.transpose(1, 2).reshape(n, t, c))
            return x + self.down(F.gelu(self.up(self.norm2(x))))

    class GPT(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.token, self.position = nn.Embedding(VOCABULARY, WIDTH), nn.Embedding(CONTEXT, WIDTH)
            self.blocks = nn.Sequential(*(Block() for _ in range(LAYERS)))
            self.norm, self.head = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, VOCABULARY)

        def forward(self, tokens: Any) -> Any:
            x = self.token(tokens) + self.position(module.arange(tokens.shape[1]))
            return self.head(self.norm(self.blocks(x)))

    return GPT(), lambda model, x, y: F.cross_entropy(model(x).view(-1, VOCABULARY), y.view(-1))


def lstm(module: Any) -> tuple[Any, Callable[..., Any]]:
    """One recurrent layer and a linear head at each time."""
    nn = module.nn

    class Waves(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.lstm, self.head = nn.LSTM(1, HIDDEN, batch_first=True), nn.Linear(HIDDEN, 1)

        def forward(self, x: Any) -> Any:
            return self.head(self.lstm(x)[0])

    criterion = nn.MSELoss()
    return Waves(), lambda model, x, y: criterion(model(x), y)


def regression(module: Any) -> tuple[Any, Callable[..., Any]]:
    """The 1-50-5-1 network, of which only the parameters are used."""
    nn = module.nn
    return nn.Sequential(nn.Linear(1, 50), nn.Sigmoid(), nn.Linear(50, 5), nn.Sigmoid(), nn.Linear(5, 1)), lambda model: None


MODELS: dict[str, Callable[[Any], tuple[Any, Callable[..., Any]]]] = {"mlp": mlp, "cnn": cnn, "gpt": gpt, "lstm": lstm, "adam": regression}
