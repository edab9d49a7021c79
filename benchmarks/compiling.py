"""How long it takes until the compiled step of the 1-50-5-1 network runs: its first two calls.

`python -m benchmarks.compiling PEER DTYPE` gives the seconds of these two calls, in a process that has compiled nothing before.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time

from . import regression
from .peers import COMPILED

PEERS = (*COMPILED, "torch.compile", "jax.jit", "tinygrad, jit")
DTYPES = ("float32", "float64")
_CACHES = ("TINYGRAD_REG_CACHE", "TORCHINDUCTOR_CACHE_DIR", "XDG_CACHE_HOME")  # where each keeps what it has compiled
_SAMPLES = 100


def measure(peer: str, dtype: str) -> dict[str, float]:
    """Seconds with an empty cache, and once more with the one that this has left. JAX keeps nothing unless it is told to."""
    with tempfile.TemporaryDirectory() as folder:
        settings = {**os.environ, **{name: os.path.join(folder, name) for name in _CACHES}}
        return {figure: _in_a_process(peer, dtype, settings) for figure in ("cold", "cached")}


def _in_a_process(peer: str, dtype: str, settings: dict[str, str]) -> float:
    command = [sys.executable, "-m", "benchmarks.compiling", peer, dtype]
    done = subprocess.run(command, env=settings, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr.strip().splitlines()[-1])
    return float(done.stdout.split()[-1])


def first_calls(peer: str, dtype: str) -> float:
    """Seconds of two calls. A step of this library is traced at the first, and traced again, compared and compiled at the second."""
    step = regression.PEERS[peer](_SAMPLES, dtype)
    start = time.perf_counter()
    step()
    step()
    return time.perf_counter() - start


if __name__ == "__main__":
    print(first_calls(*sys.argv[1:]))
