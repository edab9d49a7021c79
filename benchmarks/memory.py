"""Peak memory of one forward and backward pass: a multi-layer perceptron, a small CNN, a transformer block.

The same code runs on both libraries. The peak is that of the process's resident memory (VmHWM) above what it holds before the step, in a
process that has only seen a step on one sample, since allocators keep what they once had. Parameters and their gradients exist before.
Linux only.
"""

from __future__ import annotations

import gc
import math
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

PEERS = ("tinygrad_reg", "torch")
Loss = Callable[[Any, list[Any], Any], Any]  # (functional, parameters, input) -> loss


def mlp(f: Any, p: list[Any], x: Any) -> Any:
    """Four layers of 1024 with relu and, at the end, the mean square."""
    for weight, bias in zip(p[0::2], p[1::2], strict=True):
        x = f.relu(f.linear(x, weight, bias))
    return (x * x).mean()


def cnn(f: Any, p: list[Any], x: Any) -> Any:
    """Two convolutions with relu and pooling, and a linear layer into a cross entropy."""
    x = f.max_pool2d(f.relu(f.conv2d(x, p[0], p[1], padding=1)), 2)
    x = f.max_pool2d(f.relu(f.conv2d(x, p[2], p[3], padding=1)), 2)
    return f.log_softmax(f.linear(x.flatten(1), p[4], p[5]), 1)[:, 0].mean()


def transformer(f: Any, p: list[Any], x: Any) -> Any:
    """One block, norm first: attention of 8 heads, then two linear layers with gelu between them."""
    n, t, width = x.shape
    q, k, v = f.linear(f.layer_norm(x, (width,)), p[0], p[1]).reshape(n, t, 3, 8, width // 8).permute(2, 0, 3, 1, 4).unbind(0)
    attended = f.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).reshape(n, t, width)
    x = x + f.linear(attended, p[2], p[3])
    x = x + f.linear(f.gelu(f.linear(f.layer_norm(x, (width,)), p[4], p[5])), p[6], p[7])
    return (x * x).mean()


#: name -> (loss, shapes of the parameters, shape of the input)
MODELS: dict[str, tuple[Loss, list[tuple[int, ...]], tuple[int, ...]]] = {
    "MLP, 4 × 1024, batch 4096": (mlp, [(1024, 1024), (1024,)] * 4, (4096, 1024)),
    "CNN, 3-16-32 channels, 64 images of 64 × 64": (
        cnn, [(16, 3, 3, 3), (16,), (32, 16, 3, 3), (32,), (10, 32 * 16 * 16), (10,)], (64, 3, 64, 64),
    ),
    "transformer block, width 256, 32 × 128 tokens": (
        transformer, [(768, 256), (768,), (256, 256), (256,), (1024, 256), (1024,), (256, 1024), (256,)], (32, 128, 256),
    ),
}  # fmt: skip


def peak(library: str, model: str) -> float:
    """MiB above the level before the step."""
    module = import_module(library)
    if library == "torch":
        module.set_num_threads(2)
    f = import_module(f"{library}.nn.functional")
    loss, shapes, shape = MODELS[model]
    parameters = [(module.randn(*s) / math.sqrt(s[-1])).requires_grad_() for s in shapes]
    x = module.randn(*shape)
    loss(f, parameters, x[:1]).backward()  # loads what is loaded on first use, and makes the gradients
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")  # forget the peak so far
    before = _resident("VmRSS")
    loss(f, parameters, x).backward()
    return _resident("VmHWM") - before


def _resident(field: str) -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) / 1024
    raise OSError(f"/proc/self/status has no {field}")
