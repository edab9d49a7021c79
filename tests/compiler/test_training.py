"""What training scripts do beside a plain step: compiled they equal eager over several steps, or are refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import tinygrad_reg as tg
from tinygrad_reg import nn, optim
from tinygrad_reg.compiler.backends import BACKENDS, numpy_source
from tinygrad_reg.compiler.passes import TO_LOOPS
from tinygrad_reg.compiler.step import CompiledStep
from tinygrad_reg.func import functional_call
from tinygrad_reg.utils.checkpoint import checkpoint

from .models import drawn
from .regression import EXACT, same
from .test_models import calls_of_python, flat

functional = nn.functional
Script = Callable[[], tuple[Callable[..., Any], Callable[[], list[Any]]]]
SCRIPTS: dict[str, Script] = {}


def script(make: Script) -> Script:
    """Register a function that gives a step of a (6, 4) tensor, and what to watch."""
    SCRIPTS[make.__name__] = make
    return make


def trained(net: nn.Module, optimizer: Any, loss_of: Any = None) -> Any:
    """The usual step for a network whose output is to be small."""

    def step(x: Any) -> Any:
        optimizer.zero_grad()
        loss = net(x).square().mean() if loss_of is None else loss_of(x)
        loss.backward()
        optimizer.step()
        return loss.detach()

    return step, lambda: state_of(net)


def state_of(*nets: nn.Module) -> list[Any]:
    return [a.detach().clone() for net in nets for p in net.parameters() for a in (p, p.grad) if a is not None] + [
        b.clone() for net in nets for b in net.buffers()
    ]


def network(*layers: nn.Module) -> nn.Sequential:
    return nn.Sequential(nn.Linear(4, 8), *layers, nn.Linear(8, 3))


@script
def gradients_of_two_batches() -> Any:
    net = network(nn.Tanh())
    optimizer = optim.Adam(net.parameters(), lr=0.01)

    def step(x: Any) -> Any:
        optimizer.zero_grad()
        for part in x.chunk(2):
            (net(part).square().mean() / 2).backward()
        optimizer.step()

    return step, lambda: state_of(net)


@script
def zeroed_gradients_kept() -> Any:
    net = network(nn.Tanh())
    optimizer = optim.SGD(net.parameters(), lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.01)

    def step(x: Any) -> Any:
        loss = net(x).square().mean()
        loss.backward()
        nn.utils.clip_grad_value_(net.parameters(), 0.05)
        optimizer.step()
        optimizer.zero_grad(set_to_none=False)
        return loss.detach()

    return step, lambda: state_of(net)


@script
def averaged_weights() -> Any:
    net = network(nn.BatchNorm1d(8), nn.Tanh())
    optimizer = optim.SGD(net.parameters(), lr=0.1)
    average = optim.swa_utils.AveragedModel(net, multi_avg_fn=optim.swa_utils.get_ema_multi_avg_fn(0.9), use_buffers=True)

    def step(x: Any) -> Any:
        optimizer.zero_grad()
        net(x).square().mean().backward()
        optimizer.step()
        average.update_parameters(net)

    return step, lambda: state_of(net, average)


@script
def an_average_by_hand() -> Any:
    net = network(nn.Tanh())
    optimizer = optim.SGD(net.parameters(), lr=0.1)
    shadow = [p.detach().clone() for p in net.parameters()]

    def step(x: Any) -> Any:
        optimizer.zero_grad()
        net(x).square().mean().backward()
        optimizer.step()
        with tg.no_grad():
            for s, p in zip(shadow, net.parameters(), strict=True):
                s.mul_(0.9).add_(p, alpha=0.1)

    return step, lambda: [*state_of(net), *[s.clone() for s in shadow]]


@script
def weight_norm() -> Any:
    net = network(nn.Tanh())
    nn.utils.parametrizations.weight_norm(net[0])
    return trained(net, optim.Adam(net.parameters(), lr=0.01))


@script
def spectral_norm() -> Any:
    net = network(nn.Tanh())
    nn.utils.parametrizations.spectral_norm(net[0])
    return trained(net, optim.SGD(net.parameters(), lr=0.01))


@script
def recomputed_activations() -> Any:
    net = network(nn.Tanh(), nn.Dropout(0.3))
    return trained(net, optim.SGD(net.parameters(), lr=0.1), lambda x: checkpoint(net, x, use_reentrant=False).square().mean())


@script
def a_functional_call() -> Any:
    net = network(nn.Tanh())
    weights = {name: p.detach().clone().requires_grad_() for name, p in net.named_parameters()}

    def step(x: Any) -> Any:
        loss = functional_call(net, weights, (x,)).square().mean()
        gradients = tg.autograd.grad(loss, list(weights.values()))
        with tg.no_grad():
            for w, g in zip(weights.values(), gradients, strict=True):
                w.sub_(g * 0.1)
        return loss.detach()

    return step, lambda: [w.detach().clone() for w in weights.values()]


@script
def a_penalty_on_gradients() -> Any:
    net = network(nn.Softplus())
    optimizer = optim.Adam(net.parameters(), lr=0.01)

    def loss_of(x: Any) -> Any:
        x = x.detach().requires_grad_()
        out = net(x).sum()
        (slope,) = tg.autograd.grad(out, x, create_graph=True)
        return out.square() * 0.01 + (slope.norm(dim=1) - 1).square().mean()

    return trained(net, optimizer, loss_of)


@script
def groups_with_their_own_rates() -> Any:
    net = network(nn.Tanh())
    optimizer = optim.AdamW([{"params": net[0].parameters()}, {"params": net[2].parameters(), "lr": 0.1, "weight_decay": 0.0}], lr=0.01)
    schedule = optim.lr_scheduler.CosineAnnealingLR(optimizer, 5)
    step, watched = trained(net, optimizer)

    def both(x: Any) -> Any:
        loss = step(x)
        schedule.step()
        return loss

    return both, watched


@script
def attention_layers() -> Any:
    layer = nn.TransformerEncoderLayer(4, 2, 8, dropout=0.1, batch_first=True, norm_first=True)
    mask = nn.Transformer.generate_square_subsequent_mask(6)
    return trained(layer, optim.Adam(layer.parameters(), lr=0.01), lambda x: layer(x.unsqueeze(0), src_mask=mask).square().mean())


@script
def frozen_layers_and_evaluation() -> Any:
    net = network(nn.BatchNorm1d(8), nn.ReLU())
    net[0].requires_grad_(False)
    net[1].eval()
    return trained(net, optim.RMSprop([p for p in net.parameters() if p.requires_grad], lr=0.01))


@script
def normalizations() -> Any:
    net = network(nn.GroupNorm(2, 8), nn.ELU(), nn.RMSNorm(8), nn.Hardswish(), nn.PReLU(), nn.SiLU(), nn.Mish())
    return trained(net, optim.Adam(net.parameters(), lr=0.01))


@script
def losses_of_all_kinds() -> Any:
    net = network(nn.Tanh())
    classes = tg.tensor([0, 2, -100, 1, 1, 0])
    weight = tg.tensor([1.0, 2.0, 0.5])

    def loss_of(x: Any) -> Any:
        out = net(x)
        return (
            functional.cross_entropy(out, classes, weight=weight, label_smoothing=0.1)
            + functional.huber_loss(out, out.detach() * 0.5)
            + functional.smooth_l1_loss(out, x[:, :3])
            + functional.kl_div(out.log_softmax(1), x[:, :3].softmax(1), reduction="batchmean")
            + functional.binary_cross_entropy_with_logits(out, (x[:, :3] > 0).float(), pos_weight=weight)
            + functional.cosine_embedding_loss(out, x[:, :3], tg.tensor([1, -1, 1, 1, -1, 1]))
            + functional.l1_loss(out, x[:, :3])
            + functional.triplet_margin_loss(out, x[:, :3], x[:, 1:])
        )

    return trained(net, optim.SGD(net.parameters(), lr=0.01), loss_of)


@script
def resized_images() -> Any:
    net = nn.Sequential(
        nn.Conv2d(1, 2, 3, padding=1, groups=1),
        nn.Upsample(scale_factor=2, mode="bilinear"),
        nn.Conv2d(2, 4, 3, dilation=2, groups=2, padding="same", padding_mode="reflect"),
        nn.AdaptiveMaxPool2d((3, 5)),
        nn.InstanceNorm2d(4, affine=True),
        nn.PixelShuffle(2),
        nn.AdaptiveAvgPool2d((4, 3)),
        nn.ReplicationPad2d(1),
        nn.MaxPool2d(3, stride=2, padding=1, ceil_mode=True),
    )
    return trained(net, optim.SGD(net.parameters(), lr=0.01), lambda x: net(x.reshape(1, 1, 6, 4)).square().mean())


@script
def indexed_writes_and_reads() -> Any:
    net = network(nn.Tanh())
    rows, columns = tg.tensor([0, 2, 4]), tg.tensor([1, 0, -1])

    def loss_of(x: Any) -> Any:
        out = net(x)
        h = out.clone()
        h[rows] = h[rows] * 2.0
        h[:, 1] += 1.0
        h[h > 1.5] = 0.5
        picked = h[rows, columns] + tg.zeros(3).index_add(0, columns % 3, out[0])
        order = tg.cat([h.flip(0)[1:], h.roll(1, 0)[:1]]) + h.cumsum(0) * 0.1 + functional.pad(h, (1, -1)) + h.tril()
        return picked.square().sum() + order.square().mean() + tg.einsum("ij,kj->ik", h, out).diagonal().sum() * 0.01

    return trained(net, optim.SGD(net.parameters(), lr=0.01), loss_of)


@pytest.fixture
def dtype(backend: str) -> Iterator[Any]:
    """What tensors are made of: double precision where rounding may differ, which some gradients of 0 consist of."""
    before = tg.get_default_dtype()
    tg.set_default_dtype(tg.float32 if backend in EXACT else tg.float64)
    yield tg.get_default_dtype()
    tg.set_default_dtype(before)


@pytest.mark.parametrize("backend", [*BACKENDS, "plain"])
@pytest.mark.parametrize("name", SCRIPTS)
def test_compiled_equals_eager(name: str, backend: str, dtype: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(BACKENDS, "plain", lambda program, others: numpy_source.build(program, others, TO_LOOPS))
    runs = []
    for compiled in (False, True):
        tg.manual_seed(0)
        step, held = SCRIPTS[name]()
        run = tg.compile(step, backend=backend) if compiled else step
        runs.append([[run(drawn(dtype, 6, 4, seed=i)), held()] for i in range(8)])
    if backend in EXACT:
        assert same(runs[0], runs[1])
    for expected, found in zip(flat(runs[0]), flat(runs[1]), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-10)
    assert isinstance(run, CompiledStep)
    assert sum(map(int, re.findall(r"replayed (\d+) times", run.explain()))) >= 5
    assert run.program is not None
    assert calls_of_python(run.program) == []
