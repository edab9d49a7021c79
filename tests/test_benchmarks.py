"""The benchmark of single operations measures every operation of the scope, and its table runs."""

from __future__ import annotations

import pytest

import tinygrad_reg as tg
from benchmarks import ops
from benchmarks.op_cases import CASES, LEFT_OUT, SIZES
from tests.scope import OPERATIONS


def test_every_operation_of_the_scope_is_measured() -> None:
    assert set(CASES) | set(LEFT_OUT) == set(OPERATIONS.split())


@pytest.mark.parametrize("size", SIZES[:2])
def test_every_case_runs_and_has_a_gradient_where_it_should(size: int) -> None:
    for name, case in CASES.items():
        calls = ops.prepare(tg, case, size)
        for call in calls.values():
            call()
        assert case.differentiable or list(calls) == ["forward"], name
