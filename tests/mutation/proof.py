"""Puts each fault into the registry, asks the laws in turn, and writes down which of them noticed."""

from __future__ import annotations

import collections
import multiprocessing
import os
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tinygrad_reg.engine.primitive import PRIMITIVES

from .. import test_registry as laws
from .faults import Mutant, mutants_of
from .survivors import reason

PAGE = Path(__file__).parents[2] / "docs" / "mutation_proof.md"

INTRODUCTION = (
    "Written by `python -m tests.mutation --write`. Into every derivative rule of the registry one fault at a time is put; then the laws "
    "of `tests/test_registry.py` are asked. A fault that none of them notices is either none (an equivalent, explained below) or a hole "
    "in the laws."
)

SEEDS = (0, 1, 2)  # of the laws that draw inputs


def _drawn(law: Any) -> Callable[[str], None]:
    """A law over drawn seeds, on a few of them."""
    inner = law.hypothesis.inner_test

    def run(name: str) -> None:
        for seed in SEEDS:
            inner(name, seed)

    return run


def _in_each_dtype(law: Any) -> Callable[[str], None]:
    def run(name: str) -> None:
        for dtype in ("float32", "float64"):
            law(name, dtype)

    return run


#: The laws of tests/test_registry.py in the order in which they are asked.
LAWS: dict[str, Callable[[str], None]] = {
    "transpose of the numeric jacobian, orders 1 and 2": _drawn(laws.test_vjp_is_the_transpose_of_the_numeric_jacobian_twice),
    "shape and dtype": _in_each_dtype(laws.test_results_and_gradients_keep_shape_and_dtype),
    "arrays in, arrays out": _in_each_dtype(laws.test_rules_on_arrays_give_arrays_that_are_nobody_elses),
    "both modes agree": _drawn(laws.test_both_modes_of_backward_agree),
    "points where the gradient was decided": laws.test_decided_points,
    "straight pieces stay in the graph": laws.test_gradients_of_straight_pieces_can_be_differentiated_again,
    "linear in the cotangent": _drawn(laws.test_vjp_is_linear_in_the_cotangent),
}


class Verdict(NamedTuple):
    """A fault, and the law that noticed it; None: it survived."""

    primitive: str
    kind: str
    key: str
    law: str | None


class Proof(NamedTuple):
    """All verdicts."""

    verdicts: Sequence[Verdict]

    def unexplained(self) -> list[Verdict]:
        """Faults that no law noticed and that are not known to be none."""
        return [v for v in self.verdicts if v.law is None and reason(v.key) is None]


def judge(mutant: Mutant) -> str | None:
    """The law that notices the fault."""
    p = PRIMITIVES[mutant.primitive]
    declare, rules = (p.shares, p.shared) if mutant.argument in p.shared else (p.vjp, p.rules)
    right = rules[mutant.argument]
    declare(**{mutant.argument: mutant.rule})
    try:
        for title, law in LAWS.items():
            try:
                law(mutant.primitive)
            except Exception:  # whatever it is: the fault shows
                return title
    finally:
        declare(**{mutant.argument: right})
    return None


def verdicts_of(name: str) -> list[Verdict]:
    """The verdicts on all faults of one primitive."""
    warnings.simplefilter("ignore")
    return [Verdict(m.primitive, m.kind, m.key, judge(m)) for m in mutants_of(name)]


def prove(only: Sequence[str] | None = None, jobs: int = 2) -> Proof:
    """Judge all faults of these primitives (default: all), in several processes."""
    names = [name for name in laws.CALLED if not only or name in only]
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(variable, "1")
    if jobs == 1:
        return Proof([v for name in names for v in verdicts_of(name)])
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        return Proof([v for found in pool.map(verdicts_of, names, chunksize=1) for v in found])


def headline(proof: Proof) -> str:
    """How many faults, and how many of them survive."""
    total, caught = len(proof.verdicts), sum(v.law is not None for v in proof.verdicts)
    none = sum(v.law is None and reason(v.key) is not None for v in proof.verdicts)
    made = f"{total} faults in the rules of {len({v.primitive for v in proof.verdicts})} primitives"
    share = 100.0 * caught / (total - none) if total > none else 100.0
    return (
        f"{made}; {total - caught} survive, of which {none} change nothing.\n\n"
        f"Of the {total - none} that are faults, the laws catch {caught}: {share:.1f} %."
    )


def report(proof: Proof) -> str:
    """The page."""
    survivors = [v for v in proof.verdicts if v.law is None]
    lines = [
        "# The mutation proof",
        INTRODUCTION,
        headline(proof),
        "## By kind of fault",
        _table("fault", proof.verdicts, lambda v: v.kind),
        "## By the law that notices first",
        _counts("law", [v.law for v in proof.verdicts if v.law is not None]),
        "## Survivors",
    ]
    explained = [f"- `{v.key}`: {reason(v.key)}" for v in survivors if reason(v.key) is not None]
    open_ones = [f"- **unexplained** `{v.key}`" for v in proof.unexplained()]
    return "\n\n".join([*lines, "\n".join(open_ones + explained) or "None."]) + "\n"


def _table(title: str, verdicts: Sequence[Verdict], key: Callable[[Verdict], str]) -> str:
    rows = [f"| {title} | made | caught | no fault |", "|---|---|---|---|"]
    for name in sorted({key(v) for v in verdicts}):
        group = [v for v in verdicts if key(v) == name]
        equivalent = sum(v.law is None and reason(v.key) is not None for v in group)
        rows.append(f"| {name} | {len(group)} | {sum(v.law is not None for v in group)} | {equivalent} |")
    return "\n".join(rows)


def _counts(title: str, names: Sequence[str]) -> str:
    rows = [f"| {title} | faults |", "|---|---|"]
    return "\n".join(rows + [f"| {name} | {count} |" for name, count in collections.Counter(names).most_common()])
