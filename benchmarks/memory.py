"""Peak memory of a step, by the process's resident memory above its level before (Linux only).

`peak` is for one eager forward and backward pass: a multi-layer perceptron, a small CNN, a transformer block. The same code runs on both
libraries, in a process that has only seen a step on one sample, since allocators keep what they once had. Parameters and their
gradients exist before.

`footprint` is for the compiled training steps of `models`: beside the resident memory it gives what the compiler itself has laid out.
"""

from __future__ import annotations

import ctypes
import dataclasses
import gc
import math
import re
import tracemalloc
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from . import models
from .models.work import MOMENTS
from .peers import COMPILED

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


COMPILERS = (*COMPILED, "jax.jit")
COMPILED_STEPS = [name for name, problem in models.PROBLEMS.items() if problem.model != "adam"]


def footprint(peer: str, name: str) -> dict[str, float]:
    """MiB of a compiled step: `resident` by measurement, with the parameters, the optimizer's state and the batches; `accounted` by the
    arrays: parameters, state, one batch, the compiler's buffers and what a step allocates.

    The level before is that of a process that has compiled and run the same step on the smallest batch, and given free memory back.
    """
    problem = models.PROBLEMS[name]
    small = models.build(peer, dataclasses.replace(problem, batch=min(problem.batch, 1)))
    models.losses(small)
    before = _resident_of_use()
    step = models.build(peer, problem)
    models.losses(step)
    _resident_of_use()
    Path("/proc/self/clear_refs").write_text("5")
    models.losses(step)
    return {"resident": _resident("VmHWM") - before, "accounted": _accounted(peer, problem, step) / 2**20}


def _resident_of_use() -> float:
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    return _resident("VmRSS")


def _accounted(peer: str, problem: models.Problem, step: Any) -> int:
    """Bytes. JAX gives its own sum; of ours the buffers are in its explanation, and what NumPy allocates meanwhile is traced."""
    if peer == "jax.jit":
        jitted, state, batches = import_module("benchmarks.models.jax_steps").lower(problem)
        found = jitted.lower(state, *batches[0]).compile().memory_analysis()
        given = found.argument_size_in_bytes + found.output_size_in_bytes - found.alias_size_in_bytes
        return int(given + found.temp_size_in_bytes)
    parameters = sum(p.nbytes for p in problem.parameters().values())
    batch = sum(a.nbytes for a in problem.batches(1)[0])
    [buffers] = re.findall(r"([\d,]+) bytes", step.step.explain())
    tracemalloc.start()
    try:
        step.model.zero_grad()
        models.losses(step, 2)  # now the gradients, which the next step may replace, are traced
        tracemalloc.reset_peak()
        step()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return int(parameters * (1 + MOMENTS[problem.optimizer]) + batch + int(buffers.replace(",", "")) + peak)


def _resident(field: str) -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) / 1024
    raise OSError(f"/proc/self/status has no {field}")
