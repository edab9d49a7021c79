"""Gradient modes: context managers, decorators of functions and generators, nested, per thread, restored after errors."""

from __future__ import annotations

import threading
from collections.abc import Generator
from typing import Any

import pytest

import tinygrad_reg as tg
from tinygrad_reg.engine.state import state, switched


@pytest.fixture(autouse=True)
def _restored() -> Any:
    yield
    assert tg.is_grad_enabled()
    assert not tg.is_inference_mode_enabled()


def test_no_grad_and_enable_grad_nest() -> None:
    x = tg.ones(2, requires_grad=True)
    with tg.no_grad():
        assert not (x * 2).requires_grad
        with tg.enable_grad():
            assert (x * 2).requires_grad
            with tg.no_grad():
                assert not tg.is_grad_enabled()
            assert tg.is_grad_enabled()
        assert not tg.is_grad_enabled()


@pytest.mark.parametrize("mode", [tg.no_grad, tg.inference_mode, lambda: tg.set_grad_enabled(False)])
def test_restored_after_an_exception(mode: Any) -> None:
    def fail() -> None:
        with mode():
            assert not tg.is_grad_enabled()
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert tg.is_grad_enabled()


def test_decorators_with_and_without_parentheses() -> None:
    @tg.no_grad()
    def a() -> bool:
        return tg.is_grad_enabled()

    @tg.no_grad
    def b(x: int, *, y: int = 1) -> tuple[bool, int]:
        """Text."""
        return tg.is_grad_enabled(), x + y

    @tg.enable_grad()
    def c() -> bool:
        return tg.is_grad_enabled()

    @tg.inference_mode()
    def d() -> bool:
        return tg.is_inference_mode_enabled()

    @tg.set_grad_enabled(False)
    def e() -> bool:
        return tg.is_grad_enabled()

    assert tg.is_grad_enabled()  # the decorator itself changes nothing
    assert a() is False
    assert b(1, y=2) == (False, 3)
    assert b.__name__ == "b"
    assert b.__doc__ == "Text."
    assert d()
    assert not e()
    with tg.no_grad():
        assert c()


def test_recursion_and_errors_through_a_decorated_function() -> None:
    @tg.no_grad()
    def descend(n: int) -> int:
        assert not tg.is_grad_enabled()
        if n == 0:
            raise ValueError
        return descend(n - 1)

    with pytest.raises(ValueError):  # noqa: PT011
        descend(5)


def test_a_decorated_generator_has_the_mode_only_while_it_runs() -> None:
    @tg.no_grad()
    def numbers() -> Generator[bool, None, None]:
        yield tg.is_grad_enabled()
        yield tg.is_grad_enabled()

    inside = []
    for enabled in numbers():
        inside.append(enabled)
        assert tg.is_grad_enabled()
    assert inside == [False, False]


def test_a_decorated_generator_passes_on_what_is_sent_thrown_and_returned() -> None:
    @tg.no_grad()
    def talk() -> Generator[Any, Any, str]:
        heard = [(yield "ready")]
        try:
            heard.append((yield "again"))
        except KeyError:
            heard.append(tg.is_grad_enabled())
        yield heard
        return "done"

    g = talk()
    assert next(g) == "ready"
    assert g.send(7) == "again"
    assert g.throw(KeyError()) == [7, False]
    with pytest.raises(StopIteration) as stop:
        next(g)
    assert stop.value.value == "done"


def test_a_decorated_generator_closes_in_its_mode() -> None:
    closed = []

    @tg.no_grad()
    def wait() -> Generator[None, None, None]:
        try:
            yield
        finally:
            closed.append(tg.is_grad_enabled())

    g = wait()
    next(g)
    g.close()
    assert closed == [False]
    with pytest.raises(StopIteration):
        next(g)


def test_set_grad_enabled_as_a_function_and_as_a_context() -> None:
    tg.set_grad_enabled(False)
    assert not tg.is_grad_enabled()
    tg.set_grad_enabled(True)
    with tg.set_grad_enabled(False):
        assert not tg.is_grad_enabled()
    off = tg.set_grad_enabled(False)
    for _ in range(2):  # also used twice it restores what was before
        with off:
            assert not tg.is_grad_enabled()
        assert tg.is_grad_enabled()


def test_one_context_object_can_be_entered_again() -> None:
    mode = tg.no_grad()
    with mode:
        with mode:
            assert not tg.is_grad_enabled()
        assert not tg.is_grad_enabled()


def test_inference_mode_off_records() -> None:
    with tg.inference_mode():
        assert tg.is_inference_mode_enabled()
        with tg.inference_mode(False):
            assert tg.is_grad_enabled()
            assert not tg.is_inference_mode_enabled()


def test_a_mode_belongs_to_its_thread() -> None:
    seen: dict[str, bool] = {}
    inside, leave = threading.Event(), threading.Event()

    def other() -> None:
        seen["at start"] = tg.is_grad_enabled()
        with tg.no_grad():
            inside.set()
            leave.wait(10)
            seen["in no_grad"] = tg.is_grad_enabled()

    with tg.no_grad():
        thread = threading.Thread(target=other)
        thread.start()
        assert inside.wait(10)
    assert tg.is_grad_enabled()
    assert (tg.ones(1, requires_grad=True) * 2).requires_grad
    leave.set()
    thread.join()
    assert seen == {"at start": True, "in no_grad": False}


def test_leaves_can_be_made_under_no_grad() -> None:
    with tg.no_grad():
        x = tg.ones(2, requires_grad=True)
        y = x * 2
    assert x.requires_grad
    assert y.is_leaf
    (x * 3).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [3.0, 3.0]


def test_backward_restores_the_mode_when_a_hook_fails() -> None:
    x = tg.ones(2, requires_grad=True)

    def fail(g: Any) -> None:
        assert not tg.is_grad_enabled()
        raise KeyError

    x.register_hook(fail)
    with pytest.raises(KeyError):
        x.sum().backward()


def test_switched_restores_every_value() -> None:
    def fail() -> None:
        with switched(grad_enabled=False, anomaly=True):
            assert state.recording is None
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert not state.anomaly
    assert state.recording is not None


# ---- anomaly mode --------------------------------------------------------------------------------------------------------


def test_anomaly_mode_names_the_line_that_made_the_nan() -> None:
    x = tg.tensor([0.0], requires_grad=True)
    with tg.autograd.detect_anomaly():
        y = tg.sqrt(x) * 0.0
        z = y / y  # this line
        with pytest.raises(RuntimeError, match=r"(?s)DivBackward0 returned nan values in its 0th output.*test_modes.py:\d+: .*# this line"):
            (z * 2.0).sum().backward()


def test_anomaly_mode_sees_the_nan_that_a_leaf_would_receive() -> None:
    x = tg.tensor([-1.0], requires_grad=True)
    y = tg.sqrt(x).sum()
    with tg.autograd.detect_anomaly(), pytest.raises(RuntimeError, match=r"SqrtBackward0 returned nan .*\n.*outside of anomaly mode"):
        y.backward(retain_graph=True)
    assert x.grad is None
    y.backward()  # as in PyTorch the mode of the walk decides, not that of the forward
    assert x.grad is not None


def test_anomaly_mode_sees_a_nan_among_several_results() -> None:
    x = tg.tensor([[0.0, 1.0], [2.0, 3.0]], requires_grad=True)
    first, second = x.unbind(0)
    loss = (second * 0.0 / first).sum()
    with tg.autograd.detect_anomaly(), pytest.raises(RuntimeError, match=r"DivBackward0 returned nan values in its 1th output"):
        tg.autograd.grad(loss, x, create_graph=True)


def test_anomaly_mode_names_the_line_of_a_value_overwritten_in_place() -> None:
    x = tg.ones(2, requires_grad=True)
    with tg.autograd.set_detect_anomaly(True):
        h = x * 1.0
        y = tg.sin(h)  # that line
        h.add_(1.0)
        with pytest.raises(RuntimeError, match=r"(?s)SinBackward0.*# that line"):
            y.sum().backward()
    assert state.recording is not None


def test_anomaly_mode_can_leave_nan_alone() -> None:
    x = tg.tensor([0.0], requires_grad=True)
    with tg.autograd.detect_anomaly(check_nan=False):
        (x / x).sum().backward()
