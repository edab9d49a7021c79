"""Calls as users write them, on few elements: operators, numbers, indices, writes, shapes, what surrounds the operations of `ops`.

Each is an expression or a statement that both libraries run as it stands, on the names of `_names`.
"""

from __future__ import annotations

import gc
import itertools
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

from .ops import seconds

PEERS = ("tinygrad_reg", "torch")
LINES: dict[str, str] = {
    "numbers beside tensors": """
x + 1; 1 + x; x - 0.5; 2 - x; 2 * x; x / 3; 1 / x; x ** 2; x ** 0.5; 2 ** x; x // 2; x % 3; -x; abs(x); i + 1; i * 2; i / 2; i // 2
i % 3; x * True; x + i; x * i; x.double() * 2; h + 1; d + x""",
    "comparisons and masks": """
x > 0; x >= y; x == y; x != 0; i == 2; (x > 0) & (y > 0); (x > 0) | (y > 0); ~b; b ^ b; x.gt(0); (x > 0).sum(); (x == y).all()
(i == i).float().mean(); b.any(); T.where(b, x, y); T.where(x > 0, x, 0.0); x.isnan().any(); T.equal(x, y); T.allclose(x, y)""",
    "bounds and rounding": """
x.clamp(-1, 1); x.clamp(min=0); x.clip(0, 1); T.maximum(x, y); T.max(x, y); x.round(); x.floor(); x.relu(); i.clamp(0, 2); x.abs().max()
x.sign()""",
    "indices": """
x[0]; x[-1]; x[2:5]; x[::2]; x[None]; x[..., None]; m[0]; m[:, 0]; m[1, 2]; m[:, 1:3]; m[:, None]; x[i]; m[r]; m[r, r]; x[b]; m[m > 0]
m[T.tensor([0, 1])]; x[[0, 2]]; len(x); m.T; m[0][1]; a[0]; a.shape[0]; m[:, -1]""",
    "writes": """
z[0] = 1.0; z[1:3] = 0.0; z[:] = x; z[b] = 0.0; z[i] = 1.0; w[0] = z[:4]; w[:, 0] = 0.0; w[0, 1] = 2.0; z.zero_(); z.fill_(1.0)
z.copy_(x); z.add_(1); z.mul_(0.9); z.add_(x, alpha=0.1); z.sub_(x); z.clamp_(-1, 1); z += 1; z *= 0.5; z -= x; z.masked_fill_(b, 0.0)
z.lerp_(x, 0.1); z.addcmul_(x, y); z.normal_(); z.uniform_()""",
    "reductions": """
x.sum(); x.mean(); m.sum(0); m.sum(dim=1); m.mean(1, keepdim=True); m.sum((0, 1)); x.max(); x.min(); m.max(1); m.max(dim=1).values
m.argmax(1); x.argmax(); m.argmax(dim=-1); x.std(); x.var(); m.std(0); x.prod(); x.norm(); m.norm(dim=1); x.cumsum(0); m.logsumexp(1)
m.softmax(-1); m.log_softmax(1); b.sum(); i.sum(); i.max(); m.median(); m.any(1)""",
    "shapes": """
x.view(2, 4); x.view(-1); m.reshape(-1); m.reshape(4, -1); m.t(); m.transpose(0, 1); m.permute(1, 0); x.unsqueeze(0); x.unsqueeze(-1)
m.flatten(); m.squeeze(); x.expand(2, 8); x.repeat(2); m.contiguous(); T.cat([x, y]); T.cat([m, m], dim=1); T.stack([x, y]); x.chunk(2)
x.split(4); T.flip(x, [0]); x.roll(1); m.size(0); m.shape; m.numel(); m.dim(); x.tile(2)""",
    "products": """
m @ m.T; m.mm(s); x @ y; m.matmul(v); T.dot(x, y); T.outer(v, v); T.einsum("ij,kj->ik", m, m); a @ a; a.bmm(a); T.addmm(v, m, s)
F.linear(m, s); F.linear(m, s, v)""",
    "made anew": """
T.tensor(1.0); T.tensor([1.0, 2.0]); T.zeros(3); T.zeros(2, 3); T.ones(3); T.ones_like(x); T.zeros_like(x); T.full((2,), 0.5)
T.arange(5); T.arange(0, 1, 0.25); T.linspace(0, 1, 5); T.eye(3); T.rand(3); T.randn(2, 3); T.randint(0, 5, (3,)); T.randperm(5)
T.empty(3); x.new_zeros(3); x.clone(); T.from_numpy(array); T.as_tensor(array); T.tensor(array); T.meshgrid(x, y, indexing="ij")""",
    "conversions": """
v[0].item(); float(v[0]); int(i[0]); bool(b[0]); x.tolist(); x.numpy(); x.detach(); x.detach().numpy(); i.float(); x.double(); x.long()
x.to(T.float64); x.to("cpu"); x.to(T.float32); b.float(); x.type(T.float64); x.half(); b.long(); x.cpu(); x.requires_grad; x.dtype
x.device; x.is_contiguous(); x.data""",
    "layers and losses": """
linear(m); F.relu(x); F.gelu(x); F.softmax(m, dim=1); F.dropout(x, 0.5); F.dropout(x, 0.5, False); F.mse_loss(x, y); F.l1_loss(x, y)
F.cross_entropy(m, r); F.nll_loss(m, r); F.one_hot(i, 4); F.binary_cross_entropy_with_logits(x, y); F.embedding(i, s)
F.layer_norm(m, (4,)); F.normalize(m); F.pad(x, (1, 1)); F.cosine_similarity(m, m); sequence(m); norm(m); embedding(r)""",
    "gradients": """
(p * x).sum().backward(); (p ** 2).mean().backward(); ((p - x) ** 2).sum().backward(); F.mse_loss(p, x).backward()
F.mse_loss(linear(m), m).backward(); F.cross_entropy(linear(m), r).backward(); T.autograd.grad((p * p).sum(), p)
T.autograd.grad((p * p * p).sum(), p, create_graph=True); p[0].backward(); p[1:3].sum().backward(); p.clamp(min=0).sum().backward()
(p[b] * 2).sum().backward(); (p * 2 + 1).tanh().sum().backward(); T.where(b, p, 0.0).sum().backward(); p.norm().backward()
T.stack([p, p]).mean().backward(); p.view(2, 4).max(1).values.sum().backward(); optimizer.zero_grad()""",
}


def _names(library: str) -> dict[str, Any]:
    T = import_module(library)
    F = import_module(f"{library}.nn.functional")
    rng = np.random.default_rng(0)
    x, y, z = (T.tensor(rng.uniform(0.1, 2, 8).astype(np.float32)) for _ in range(3))
    m, w, s = (T.tensor(rng.uniform(-1, 1, shape).astype(np.float32)) for shape in ((2, 4), (2, 4), (4, 4)))
    a = T.tensor(rng.uniform(-1, 1, (2, 3, 3)).astype(np.float32))
    linear = T.nn.Linear(4, 4)
    optimizer = T.optim.SGD(linear.parameters(), lr=0.0)
    return {
        "T": T, "F": F, "x": x, "y": y, "z": z, "m": m, "w": w, "s": s, "a": a, "v": s[0].clone(), "d": x.double(), "h": x.half(),
        "i": T.tensor([0, 1, 2, 3, 0, 1, 2, 3]), "r": T.tensor([0, 1]), "b": T.tensor([True, False] * 4), "array": rng.uniform(0, 1, 8),
        "p": T.tensor(rng.uniform(0.1, 2, 8).astype(np.float32), requires_grad=True), "linear": linear, "optimizer": optimizer,
        "sequence": T.nn.Sequential(T.nn.Linear(4, 4), T.nn.ReLU(), T.nn.Linear(4, 1)),
        "norm": T.nn.LayerNorm(4), "embedding": T.nn.Embedding(4, 3),
    }  # fmt: skip


def lines(kind: str) -> list[str]:
    """Those of one kind."""
    return [line.strip() for line in LINES[kind].replace("\n", ";").split(";") if line.strip()]


def prepare(library: str) -> dict[str, Callable[[], Any]]:
    """A function without arguments for each."""
    names = _names(library)
    made = {}
    for line in itertools.chain(*map(lines, LINES)):
        exec(f"def call():\n    global z\n    {line}", names)  # z, since some lines rebind it
        made[line] = names.pop("call")
    return made


def measure(library: str) -> dict[str, float]:
    """Seconds of each."""
    calls = prepare(library)
    if library == "torch":
        import_module(library).set_num_threads(2)
    gc.collect()
    gc.freeze()
    return {line: seconds(call) for line, call in calls.items()}
