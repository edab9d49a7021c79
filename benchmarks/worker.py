"""Measures one peer in a process of its own: `python -m benchmarks.worker NAME PEER [ARGUMENTS]`.

A process per peer keeps the peers' heaps, threads and caches apart. For each line on standard input one line of figures is printed as
JSON, so that peers which take long to build wait for their turn in the next round.
"""

from __future__ import annotations

import gc
import json
import statistics
import sys
from collections.abc import Callable

from . import calls, compiling, lending, machine, memory, models, ops, overhead, regression, timing

Figures = dict[str, float]


def prepare(name: str, peer: str, *args: str) -> Callable[[], Figures]:
    """What measures once: seconds, or MiB, or what `machine` says."""
    if name == "overhead":
        return lambda: _overhead(peer)
    if name == "step":
        return _timed(regression.PEERS[peer](int(args[0]), args[1]))
    if name == "model":
        return _timed(models.build(peer, models.PROBLEMS[args[0]]))
    if name == "lending":
        return lambda: lending.measure(args[0])
    if name == "compiling":
        return lambda: compiling.measure(peer, args[0])
    if name == "memory":
        return lambda: {"peak": memory.peak(peer, args[0])}
    if name == "footprint":
        return lambda: memory.footprint(peer, args[0])
    if name == "ops":
        return lambda: ops.measure(peer, int(args[0]))
    if name == "calls":
        return lambda: calls.measure(peer)
    if name == "machine":
        return machine.measure
    raise SystemExit(f"benchmarks.worker: no benchmark {name!r}")


def _overhead(peer: str) -> Figures:
    record, chain = overhead.PEERS[peer]()
    gc.collect()
    gc.freeze()  # what the peer's import left behind is no part of the measurement
    return {"record": timing.per_call(record), "chain": timing.once(chain) / overhead.CHAIN}


def _timed(step: models.Step) -> Callable[[], Figures]:
    """The first losses, by which peers are compared; the time of a step, and its least: far below, something else was running."""
    losses = {f"loss {i}": loss for i, loss in enumerate(models.losses(step))}
    gc.collect()

    def measure() -> Figures:
        times = timing.by_batch(step, seconds=0.4)
        return {**losses, "step": statistics.median(times), "least": min(times)}

    return measure


def main(job: list[str]) -> None:
    """Answer until the input ends; a failure is an answer, too."""
    try:
        measure = prepare(*job)
        for _ in sys.stdin:
            print(json.dumps(measure()), flush=True)
    except Exception as error:  # whatever a peer raises is the reason in its row
        text = str(error).strip().splitlines() or [""]
        print(json.dumps({"failed": f"{type(error).__name__}: {text[0][:200]}"}), flush=True)
        raise


if __name__ == "__main__":
    main(sys.argv[1:])
