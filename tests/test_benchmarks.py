"""The benchmarks run: every operation of the scope, every training step at its smallest size, C by hand, the page. No time is judged."""

from __future__ import annotations

import dataclasses
import importlib.util
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_reg as tg
from benchmarks import bars, by_hand, calls, lending, machine, memory, models, ops, peers, regression, report, run, timing
from benchmarks.models.work import of_regression, work
from benchmarks.op_cases import CASES, LEFT_OUT, SIZES
from tests.scope import OPERATIONS

SLOW_PEERS = ("torch.compile", "tinygrad, jit")  # they compile for many seconds


def test_every_operation_of_the_scope_is_measured() -> None:
    assert set(CASES) | set(LEFT_OUT) == set(OPERATIONS.split())


@pytest.mark.parametrize("size", SIZES[:2])
def test_every_case_runs_and_has_a_gradient_where_it_should(size: int) -> None:
    for name, case in CASES.items():
        calls = ops.prepare(tg, case, size)
        for call in calls.values():
            call()
        assert case.differentiable or list(calls) == ["forward"], name


def test_every_line_runs_and_none_is_measured_twice() -> None:
    made = calls.prepare("tinygrad_reg")
    assert len(made) == sum(len(calls.lines(kind)) for kind in calls.LINES)
    for call in made.values():
        call()


def _smallest(name: str) -> models.Problem:
    return dataclasses.replace(models.PROBLEMS[name], batch=min(models.PROBLEMS[name].batch, 2))


def _losses(peer: str, problem: models.Problem) -> list[float]:
    return models.losses(models.build(peer, problem))


@pytest.mark.parametrize("name", [pytest.param(x, marks=[pytest.mark.slow] * (x in ("mlp512", "gpt", "lstm"))) for x in models.PROBLEMS])
def test_our_steps_train_and_agree_compiled_or_not(name: str) -> None:
    problem = _smallest(name)
    eager = _losses("tinygrad_reg", problem)
    assert len(set(eager)) == models.CHECKED
    for peer in models.peers(problem):
        if (peer in peers.COMPILED or peer == "NumPy by hand") and peers.missing(peer) is None:
            np.testing.assert_allclose(_losses(peer, problem), eager, rtol=bars.TOLERANCE["float32"], err_msg=peer)


@pytest.mark.oracle
@pytest.mark.filterwarnings("default")  # other packages' warnings are theirs
@pytest.mark.parametrize("name", models.PROBLEMS)
def test_the_peers_train_alike(name: str) -> None:
    problem = _smallest(name)
    eager = _losses("tinygrad_reg", problem)
    for peer in models.peers(problem):
        if peer not in SLOW_PEERS and peers.missing(peer) is None:
            np.testing.assert_allclose(_losses(peer, problem), eager, rtol=bars.TOLERANCE["float32"], err_msg=peer)


@pytest.mark.skipif(by_hand.compiler() is None, reason="no C compiler")
@pytest.mark.parametrize(("dtype", "rtol"), [("float64", 1e-10), ("float32", 1e-3)])
@pytest.mark.parametrize("n", [1, 37, 100, 150])
def test_c_by_hand_trains_like_numpy_by_hand(n: int, dtype: str, rtol: float) -> None:
    x, y = regression.data(n, dtype)
    parameters, expected = regression.parameters(dtype), regression.parameters(dtype)
    c = by_hand.prepare(x, y, parameters, regression.LR, regression.BETA1, regression.BETA2, regression.EPS)
    numpy = regression.numpy_vectorised(n, dtype, expected)
    for _ in range(50):
        np.testing.assert_allclose(c(), numpy(), rtol=rtol)
    for mine, right in zip(parameters, expected, strict=True):
        np.testing.assert_allclose(mine, right, rtol=rtol, atol=rtol)


@pytest.mark.skipif(by_hand.compiler() is None, reason="no C compiler")
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("bias", "loss"), [(1e6, 1.0), (-1e6, 0.0), (np.inf, 1.0), (-np.inf, 0.0), (np.nan, np.nan)])
def test_c_by_hand_saturates_and_keeps_nan(dtype: str, bias: float, loss: float) -> None:
    x, y = np.ones((3, 1), dtype), np.zeros((3, 1), dtype)
    shapes = [(50, 1), (50,), (5, 50), (5,), (1, 5), (1,)]
    parameters: list[Any] = [np.zeros(shape, dtype) for shape in shapes]
    parameters[3][0], parameters[4][0, 0] = bias, 1.0
    np.testing.assert_allclose(by_hand.prepare(x, y, parameters, 0.0, 0.9, 0.999, 1e-8)(), loss, atol=1e-30)


@pytest.mark.parametrize("peer", ["tinygrad_reg", "NumPy by hand", *peers.COMPILED])
def test_the_regression_runs(peer: str) -> None:
    if peers.missing(peer) is None:
        expected = models.losses(regression.numpy_vectorised(10, "float64"))
        np.testing.assert_allclose(models.losses(regression.PEERS[peer](10, "float64")), expected, rtol=1e-9)


def test_what_lending_adds_is_measured_on_the_same_steps() -> None:
    lender = lending.Lender()
    for title in list(lending.STEPS)[:2]:
        assert models.losses(lending.STEPS[title](lender)) == models.losses(lending.STEPS[title](None))
    assert len(lender.arrays) == 4
    assert set(lending.measure(title, pairs=1)) == {"own", "lent", "share"}


def test_the_least_work_of_a_step() -> None:
    assert of_regression(100, "float64").operations == 100 * 2 * (50 * 2 + 250 * 3 + 5 * 3)
    assert work(models.PROBLEMS["mlp512"]).operations == pytest.approx(16 * work(models.PROBLEMS["mlp32"]).operations)
    assert work(models.PROBLEMS["adam"]) == (0, 361 * 8 * 4)


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs Linux")
def test_the_footprint_counts_at_least_parameters_state_and_gradients(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(models.PROBLEMS, "mlp32", _smallest("mlp32"))
    least = 3 * sum(p.nbytes for p in models.PROBLEMS["mlp32"].parameters().values()) / 2**20
    assert least < memory.footprint("tinygrad_reg, NumPy source", "mlp32")["accounted"] < 3 * least


def test_limits_are_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "MEMORY", 1000)
    monkeypatch.setattr(machine, "SIDE", 16)
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "2")
    assert min(machine.measure().values()) > 0


def _figures() -> tuple[dict[str, dict[str, float]], dict[str, str]]:
    """As a run gives them: every job, some of them failed, one with another loss."""
    losses = {f"loss {i}": 1.0 for i in range(models.CHECKED)}
    seconds: dict[str, dict[str, float]] = {}
    reasons = {}
    for i, job in enumerate(job for group in run.jobs() for job in group):
        key = " | ".join(job)
        if job[1] in ("tinygrad_reg, C", "mygrad"):
            reasons[key] = "not today"
        elif job[0] in ("step", "model"):
            seconds[key] = {**losses, "step": 1e-6 * (i + 1), "least": 0.9e-6 * (i + 1)}
        else:
            found = {
                "overhead": ("record", "chain"),
                "memory": ("peak",),
                "import": ("import", "beyond"),
                "ops": (),
                "calls": ("x + 1", "x[0]"),
                "compiling": ("cold", "cached"),
                "lending": ("own", "lent", "share"),
            }
            found |= {"footprint": ("accounted", "resident"), "machine": ("memory", "cache", "float32", "float64")}
            seconds[key] = dict.fromkeys(found[job[0]], 2.0)
    seconds["model | jax.jit | cnn"]["loss 3"] = 1.01
    return seconds, reasons


def test_the_page_says_what_is_missed_void_and_missing() -> None:
    seconds, reasons = _figures()
    page = report.markdown({"machine": report.machine(), "versions": report.versions(), "seconds": seconds, "reasons": reasons})
    assert "- jax.jit: void: a loss of 1.01 instead of 1 (LeNet-like CNN, batch 64)" in page
    assert "- mygrad: not today (" in page
    measured = bars.Measured(seconds, reasons)
    cnn = next(row for row in bars.MODELS if row.arguments == "cnn")
    assert measured.seconds(cnn, "jax.jit") is None
    assert measured.fastest(cnn, ("torch", "torch.compile")) == ("torch", seconds["model | torch | cnn"]["step"])
    assert [row[-1] for row in [bars._against(measured, cnn, ("torch",), bar, 0.1) for bar in (0.5, 2.0)]] == [
        f"**missed**, {bars.ratio(*_times(seconds, 0.5))} times the bar",
        "met",
    ]
    seconds["model | torch | cnn"]["least"] /= 2
    assert bars._against(measured, cnn, ("torch",), 2.0, 0.1)[-1] == "~ measure again"


def _times(seconds: dict[str, dict[str, float]], bar: float) -> tuple[float, float]:
    return seconds["model | tinygrad_reg, NumPy source | cnn"]["step"], bar * seconds["model | torch | cnn"]["step"]


def test_a_worker_measures_at_each_call_and_says_why_it_cannot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(__file__).parents[1])
    with run.Worker(("step", "NumPy by hand", "10", "float32")) as worker:
        first, second = worker.measure(), worker.measure()
    assert set(first) == {"step", "least", *(f"loss {i}" for i in range(models.CHECKED))}
    assert first["loss 0"] == second["loss 0"]
    with run.Worker(("step", "nobody", "10", "float32")) as worker, pytest.raises(run.Failed, match="KeyError: 'nobody'"):
        worker.measure()


def test_peers_that_are_not_installed_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert peers.missing("jax.jit") == "jax is not installed"
    assert peers.missing("tinygrad_reg") is None


def test_timing_is_per_call() -> None:
    assert 0 < timing.per_call(partial(sum, range(10)), seconds=0.01) < 1e-3
