"""Every operation on the samples that PyTorch tests itself with: its table `op_db`, as functions, methods and in place.

A sample is run by both packages: values, shapes, dtypes, views, gradients, second gradients. Not asked are complex numbers, sparse
and other layouts. What differs by choice stands in differences.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from .differences import DIFFERENCES, Difference, loose
from .samples import check_derivatives, check_in_place, check_refusal, check_value, tensors
from .translation import NotHere, found, function, same_draws

torch = pytest.importorskip("torch")
pytest.importorskip("expecttest")
op_db = pytest.importorskip("torch.testing._internal.common_methods_invocations").op_db

OPERATIONS = [op for op in op_db if function(op.op, op.name) is not None]
every_operation = pytest.mark.parametrize("op", OPERATIONS, ids=lambda op: op.full_name)

SMALL, LARGE = 200, 1000  # elements; second gradients are asked of no more than the first number, reference samples than the second


class Report:
    """The failures of one operation: a difference by choice must show in some of the samples it speaks of, others must not be."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.ran = False
        self.asked: set[Difference] = set()
        self.seen: set[Difference] = set()
        self.failures: list[str] = []

    def run(self, check: str, sample: Any, test: Callable[..., None], *args: Any) -> None:
        known = {d for d in DIFFERENCES.get(self.name, ()) if check in d.checks and d.where(sample)}
        self.asked |= known
        try:
            test(*args)
            self.ran = True
        except NotHere:
            pass
        except Exception as error:
            self.seen |= known
            if not known:
                self.failures.append(f"{check} of {sample.summary()[:600]}\n  {type(error).__name__}: {str(error)[:600]}")

    def check(self) -> None:
        """Fail with the first failures, or with a difference that there is no more; skip what could not be asked at all."""
        shown = "\n".join(self.failures[:4])
        assert not self.failures, f"{self.name}: {len(self.failures)} checks failed, the first of them:\n{shown}"
        gone = [d.why for d in self.asked - self.seen]
        assert not gone, f"{self.name}: no difference any more: {gone}"
        if not self.ran and not self.seen:
            pytest.skip("no sample is without complex numbers, options or layouts that are not here")


@every_operation
@pytest.mark.filterwarnings("ignore")
def test_samples(op: Any) -> None:
    report = Report(op.full_name)
    for sample in samples(op, torch.float64):
        run_values(report, op, sample)
        run_variants(report, op, sample)
    for sample in samples(op, torch.float32):
        run_values(report, op, sample)
    for sample in *samples(op, torch.int64), *samples(op, torch.bool), *samples(op, torch.float16)[:1]:
        report.run("value", sample, check_value, ours_of(op), op.op, sample, loose(op.name, sample))
    for sample in references(op):
        run_values(report, op, sample, "reference ")
    for alias in op.aliases:
        if function(alias.op, alias.name) is not None:
            for sample in samples(op, torch.float64)[:2]:
                report.run("value", sample, check_value, function(alias.op, alias.name), alias.op, sample, loose(op.name, sample))
    for error in op.error_inputs_func(op, "cpu") if op.error_inputs_func else ():
        report.run("error", error.sample_input, check_refusal, ours_of(op), op.op, error.sample_input)
    report.check()


def samples(op: Any, dtype: Any, kind: str = "sample_inputs_func") -> list[Any]:
    """The samples of a dtype, always with the same numbers; none if the operation does not take it.

    The functions are asked, not the methods around them, which look through the stack for the name of the test.
    """
    if dtype not in op.dtypes:
        return []
    same_draws()
    try:
        return list(getattr(op, kind)(op, "cpu", dtype, op.supports_autograd and dtype.is_floating_point))
    except ValueError:  # some reference inputs are integers, which cannot require grad
        return []


def references(op: Any) -> list[Any]:
    """Some of the samples made for comparisons with other libraries: special values, broadcasting; none where there are no others."""
    if not op.reference_inputs_func:
        return []
    return [sample for sample in samples(op, torch.float64, "reference_inputs_func") if elements(sample) <= LARGE]


def ours_of(op: Any) -> Any:
    return function(op.op, op.name)


def run_values(report: Report, op: Any, sample: Any, prefix: str = "") -> None:
    """Values and first gradients; not those at nan and infinities, where torch's vectorized and scalar loops differ."""
    vague = loose(op.name, sample)
    report.run(f"{prefix}value", sample, check_value, ours_of(op), op.op, sample, vague)
    if op.supports_autograd and not vague and all_finite(sample):
        report.run(f"{prefix}gradient", sample, check_derivatives, ours_of(op), op.op, sample)


def run_variants(report: Report, op: Any, sample: Any) -> None:
    """Second gradients, other strides, the method and the in-place form."""
    ours = ours_of(op)
    if loose(op.name, sample):
        return
    report.run("strided value", sample, check_value, ours, op.op, sample.noncontiguous())
    if op.supports_autograd:
        report.run("strided gradient", sample, check_derivatives, ours, op.op, sample.noncontiguous())
    if op.supports_gradgrad and elements(sample) <= SMALL:
        report.run("second gradient", sample, check_derivatives, ours, op.op, sample, True)
    if isinstance(sample.input, torch.Tensor):
        if op.method_variant is not None:
            report.run("method", sample, check_value, variant_of(op.method_variant, op), op.method_variant, sample)
        if op.inplace_variant is not None:
            report.run("in place", sample, check_in_place, variant_of(op.inplace_variant, op), op.inplace_variant, sample)


def variant_of(theirs: Any, op: Any) -> Any:
    """Ours for a method of theirs, or for a function that works in place."""
    name = f"Tensor.{getattr(theirs, '__name__', '')}"
    return function(theirs, name if found(torch, name) is theirs else op.name)


def elements(sample: Any) -> int:
    return sum(x.numel() for x in tensors((sample.input, sample.args, sample.kwargs)))


def all_finite(sample: Any) -> bool:
    return all(bool(x.isfinite().all()) for x in tensors((sample.input, sample.args, sample.kwargs)))
