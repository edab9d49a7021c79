"""One measurement in a process of its own: `python -m benchmarks.worker NAME PEER [N DTYPE]` prints one number per line as JSON.

A process per peer keeps the peers' heaps, threads and caches apart; 2 threads for all are set by the caller's environment.
"""

from __future__ import annotations

import gc
import json
import sys

from . import memory, ops, overhead, regression, timing


def measure(name: str, peer: str, *args: str) -> dict[str, float]:
    """The figures of one benchmark for one peer, in seconds, or in MiB."""
    if name == "overhead":
        record, chain = overhead.PEERS[peer]()
        gc.collect()
        gc.freeze()  # what the peer's import left behind is no part of the measurement
        return {"record": timing.per_call(record), "chain": timing.once(chain) / overhead.CHAIN}
    if name == "step":
        return {"step": timing.per_call(regression.PEERS[peer](int(args[0]), args[1]), seconds=0.8)}
    if name == "memory":
        return {"peak": memory.peak(peer, args[0])}
    if name == "ops":
        return ops.measure(peer, int(args[0]))
    raise SystemExit(f"benchmarks.worker: no benchmark {name!r}")


if __name__ == "__main__":
    print(json.dumps(measure(*sys.argv[1:])))
