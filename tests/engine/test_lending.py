"""Memory that NumPy code writes to between forward and backward: seen, and never a silently wrong gradient."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import tinygrad_reg as tg
from tinygrad_reg.engine.lending import LOANS, fingerprint
from tinygrad_reg.errors import InplaceError

Array = np.ndarray[Any, Any]


def leaf(n: int) -> Any:
    return tg.ones(n, dtype=tg.float64, requires_grad=True)


def shuffle(x: Array) -> None:
    np.random.default_rng(0).shuffle(x)


def set_one(x: Array) -> None:
    x[len(x) // 3] += 1.0


CHANGES: list[Callable[[Array], None]] = [set_one, shuffle, lambda x: x.sort(), lambda x: np.negative(x, out=x), lambda x: x.fill(0.0)]


@pytest.mark.parametrize("n", [2, 3, 1023, 1025, 100_003])
@pytest.mark.parametrize("change", CHANGES)
def test_a_change_of_the_array_a_tensor_was_made_of_is_seen(change: Callable[[Array], None], n: int) -> None:
    buffer = np.random.default_rng(1).standard_normal(n) + 3.0
    buffer[0] = 9.0
    for share in (tg.from_numpy, tg.as_tensor, tg.asarray):
        y = (leaf(n) * share(buffer)).sum()
        before = buffer.copy()
        change(buffer)
        if not np.array_equal(before, buffer):
            with pytest.raises(InplaceError, match=r"MulBackward0 saved .* modified through NumPy"):
                y.backward()


@pytest.mark.parametrize("export", [lambda t: t.detach().numpy(), lambda t: t.numpy(force=True), lambda t: np.asarray(t.detach())])
def test_a_change_of_an_array_got_from_a_tensor_is_seen(export: Callable[[Any], Array]) -> None:
    w = leaf(3)
    loss = tg.exp(w * w).sum()
    inside = export(w)[1:]  # the view alone keeps the watch
    inside[0] = 5.0
    with pytest.raises(InplaceError, match="through NumPy"):
        loss.backward()


PARTS: list[Callable[[Any], Any]] = [
    lambda t: t,
    lambda t: t[2:5],
    lambda t: t.reshape(2, 3),
    lambda t: t.reshape(2, 3)[1],
    lambda t: t[1:][1:4],
]


@pytest.mark.parametrize("make", [lambda: tg.arange(6.0), lambda: tg.from_numpy(np.arange(6.0))])
@pytest.mark.parametrize("saved", PARTS)
@pytest.mark.parametrize("lent", PARTS)
def test_whatever_part_was_lent_before_whatever_part_is_saved(lent: Any, saved: Any, make: Callable[[], Any]) -> None:
    x = make()
    array = lent(x).numpy()
    w = tg.ones((), dtype=x.dtype, requires_grad=True)
    loss = (saved(x) * w).sum()
    array.reshape(-1)[-1] = 50.0
    if 50.0 in saved(x):
        with pytest.raises(InplaceError, match="through NumPy"):
            loss.backward()
    else:
        loss.backward()


def test_views_of_shared_memory_are_watched_too() -> None:
    buffer = np.arange(12.0).reshape(3, 4)
    for view in (lambda t: t[1:], lambda t: t.mT, lambda t: t.view(3, 2, 1), lambda t: t[0], lambda t: t.unsqueeze(0)):
        x = view(tg.from_numpy(buffer[:, ::2]))
        y = (x.detach() * tg.ones(x.shape, dtype=tg.float64, requires_grad=True)).sum()
        del x
        buffer[1, 2] += 1.0
        buffer[0, 0] += 1.0
        with pytest.raises(InplaceError):
            y.backward()


def told(error: pytest.ExceptionInfo[InplaceError]) -> list[str]:
    """The lines of a message that name lines, without their files."""
    return [line.partition(".py:")[2].partition(": ")[2] for line in str(error.value).splitlines()[1:]]


@pytest.fixture(params=["by itself", "beside a debugger"])
def traced(request: pytest.FixtureRequest) -> Iterator[bool]:
    """Whether anomaly mode may follow each line."""
    before = sys.gettrace()
    sys.settrace(None if request.param == "by itself" else lambda *_: None)
    yield request.param == "by itself"
    sys.settrace(before)


def test_anomaly_mode_names_both_lines_of_a_write_by_numpy(traced: bool) -> None:
    buffer = np.ones(2)
    with tg.autograd.detect_anomaly():
        y = (leaf(2) * tg.from_numpy(buffer)).sum()
        tg.ones(2).sum()
        buffer += 1.0
        harmless = 3.0
        z = y * harmless
        with pytest.raises(InplaceError) as error:
            z.backward()
    recorded, *modified = told(error)
    assert recorded.startswith("y = (leaf(2) * tg.from_numpy(buffer)).sum()")
    if traced:
        assert modified == ["buffer += 1.0"]
    else:
        assert modified == ["y = (leaf(2) * tg.from_numpy(buffer)).sum()", "z = y * harmless"]


def writes_inside(buffer: Array) -> float:
    buffer[0] = 7.0  # in here
    return 0.0


@pytest.mark.parametrize("n", [3, 100_003])
def test_anomaly_mode_follows_calls_and_what_comes_after_them(n: int) -> None:
    buffer, other, before = np.ones(n), np.ones(n), sys.gettrace()
    sys.settrace(None)
    with tg.autograd.detect_anomaly():
        y = (leaf(n) * tg.from_numpy(buffer)).sum()
        writes_inside(buffer)
        with pytest.raises(InplaceError) as error:
            y.backward()
        assert told(error)[-1] == "buffer[0] = 7.0  # in here"
        y = (leaf(n) * tg.from_numpy(other)).sum()
        other[1] = writes_inside(np.ones(1))
        with pytest.raises(InplaceError) as error:
            y.backward()
        assert told(error)[-1] == "other[1] = writes_inside(np.ones(1))"
        w = leaf(n)
        y = (w * w).sum()
        w.detach().numpy()[0] = 2.0
        with pytest.raises(InplaceError) as error:
            y.backward()
        assert told(error)[-1] == "w.detach().numpy()[0] = 2.0"
        y = (w * w).sum()
        shared = w.detach().numpy()
        np.negative(shared, out=shared)
        (tg.exp(w) * w).sum().backward()
        with pytest.raises(InplaceError) as error:
            y.backward()
        assert told(error)[-1] == "np.negative(shared, out=shared)"
    del shared
    assert sys.gettrace() is None
    sys.settrace(before)


def test_anomaly_mode_names_both_lines_of_a_write_by_an_operation() -> None:
    x = tg.ones(3)
    with tg.autograd.detect_anomaly():
        y = (leaf(3) * x.double()).sum() + (tg.ones(3, requires_grad=True) * x).sum()
        x[0] = 5.0  # in place
        tg.ones(3).mul_(2.0)
        with pytest.raises(InplaceError) as error:
            y.backward()
    recorded, modified = told(error)
    assert recorded.startswith("y = (leaf(3)")
    assert modified == "x[0] = 5.0  # in place"


def test_a_write_outside_of_anomaly_mode_has_no_line() -> None:
    x = tg.ones(3)
    with tg.autograd.detect_anomaly():
        y = (tg.ones(3, requires_grad=True) * x).sum()
    x.add_(1.0)
    with pytest.raises(InplaceError, match="modified at a line that ran outside of anomaly mode"):
        y.backward()


def test_what_a_function_of_the_users_saved_is_named_too() -> None:
    class Times(tg.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any, y: Any) -> Any:
            ctx.save_for_backward(y)  # saved here
            return x * y

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g * ctx.saved_tensors[0], None

    buffer = np.ones(2)
    with tg.autograd.detect_anomaly():
        y = Times.apply(leaf(2), tg.from_numpy(buffer)).sum()
        buffer[0] = 3.0  # written here
        with pytest.raises(InplaceError, match="saved here(.|\n)*written here"):
            y.backward()


def test_memory_that_nobody_else_holds_is_not_watched() -> None:
    gc.collect()
    before = set(LOANS)
    x = tg.from_numpy(np.arange(6.0).reshape(2, 3)[:, 1:])
    y = x.detach() * leaf(2)
    assert set(LOANS) == before
    y.sum().backward()
    held = np.arange(6.0)
    for start in (0, 1):
        z = tg.from_numpy(held[start:]) * leaf(6 - start)
        held[2] += 1.0
        with pytest.raises(InplaceError):
            z.sum().backward()
    view = held[1:]
    x = tg.from_numpy(held)
    del held
    z = (x * leaf(6)).sum()
    view[0] = 9.0
    with pytest.raises(InplaceError):
        z.backward()


def test_an_array_is_borrowed_once() -> None:
    held = np.ones(3)
    x, y = tg.from_numpy(held), tg.from_numpy(held)
    assert x.array is y.array
    held.flags.writeable = False
    assert not tg.from_numpy(held).array.flags.writeable


def test_rows_that_change_places_are_seen() -> None:
    rows = np.random.default_rng(0).standard_normal((512, 784))
    before = fingerprint(rows)
    rows[[3, 400]] = rows[[400, 3]]
    assert fingerprint(rows) != before


def test_a_change_before_the_forward_or_after_the_backward_is_the_users_right() -> None:
    buffer, w = np.ones(3), leaf(3)
    x = tg.from_numpy(buffer)
    for step in range(3):
        buffer[:] = step
        (w * x).sum().backward()
    np.testing.assert_array_equal(w.grad.numpy(), [3.0, 3.0, 3.0])
    y = (w * 2.0 + x).sum()  # saves nothing of x
    buffer[:] = 7.0
    y.backward()


def loans() -> int:
    """How many are noted. A key tells less: it may be that of an array that died and whose memory was given out again."""
    return sum(map(len, LOANS.values()))


def test_the_watch_ends_with_the_array() -> None:
    gc.collect()
    before = loans()
    w = leaf(3)
    held = w.detach().numpy()
    view = held[1:]
    assert loans() > before
    del held
    assert loans() > before
    del view
    assert loans() == before
    x = tg.from_numpy(np.ones(3))
    y = x[1:]
    del x
    assert loans() > before
    del y
    assert loans() == before


def test_what_was_changed_before_the_array_was_dropped_is_seen() -> None:
    w = leaf(3)
    loss = tg.exp(w * w).sum()
    w.detach().numpy()[:] = 5.0
    with pytest.raises(InplaceError):
        loss.backward()
    held = w.detach().numpy()
    held[:] = 1.0
    loss = tg.exp(w * w).sum()
    del held  # changed before this graph was recorded
    loss.backward()
    np.testing.assert_allclose(w.grad.numpy(), 2.0 * np.e)


class Foreign:
    """An array of another library that gives out its memory, as PyTorch's tensors do."""

    def __init__(self, memory: Array) -> None:
        self.memory = memory

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return self.memory


@pytest.mark.parametrize("share", [tg.as_tensor, tg.asarray])
def test_memory_of_other_libraries_is_watched(share: Callable[[Any], Any]) -> None:
    theirs = Foreign(np.ones(3))
    y = (leaf(3) * share(theirs)).sum()
    theirs.memory[1] = 5.0
    with pytest.raises(InplaceError, match="through NumPy"):
        y.backward()


@pytest.mark.parametrize("function", [lambda t: np.broadcast_arrays(t)[0], np.atleast_3d, np.rollaxis], ids=range(3))
def test_what_numpys_functions_give_of_a_tensors_memory_is_watched(function: Callable[[Any], Array]) -> None:
    t = tg.ones(2, 3, dtype=tg.float64)
    y = (t * tg.ones(2, 3, dtype=tg.float64, requires_grad=True)).sum()
    view = function(t) if function is not np.rollaxis else np.rollaxis(t, 1)
    assert np.shares_memory(view, t.array)
    view[0] = 7.0
    with pytest.raises(InplaceError):
        y.backward()


X = np.random.default_rng(0).uniform(1.0, 2.0, (4, 4))
PLACES, MASK = np.array([1, 1, 3, 2]), np.array([True, False, True, False])
WITH_ARRAYS: list[tuple[Array, Callable[[Any, Any], Any]]] = [
    *[(X, call) for call in (
        lambda w, x: w @ x, lambda w, x: x @ w, lambda w, x: tg.matmul(x, w), lambda w, x: tg.einsum("ij,j->i", x, w),
        lambda w, x: tg.mul(w, x), lambda w, x: w / x, lambda w, x: w**x, lambda w, x: tg.lerp(w, w, x), lambda w, x: tg.outer(w, x[0]),
        lambda w, x: tg.nn.functional.mse_loss(w.expand(4, 4), x), lambda w, x: tg.nn.functional.linear(w, x),
        lambda w, x: tg.dot(w, x[0]), lambda w, x: tg.mv(x, w), lambda w, x: tg.bmm(x[None], w.reshape(1, 4, 1)),
        lambda w, x: np.dot(x, w), lambda w, x: np.einsum("ij,j->i", x, w), lambda w, x: np.tensordot(x, w, 1), lambda w, x: np.inner(x, w),
        lambda w, x: np.kron(x, w), lambda w, x: np.clip(w, x, 3.0), lambda w, x: np.linalg.multi_dot([x, x, w]),
        lambda w, x: np.multiply(x, w), lambda w, x: np.multiply.outer(x, w), lambda w, x: w * tg.as_tensor(x)[1:],
    )],
    *[(PLACES, call) for call in (
        lambda w, i: w[i] * w, lambda w, i: w.index_select(0, i) * w, lambda w, i: w.gather(0, i) * w, lambda w, i: np.take(w, i) * w,
        lambda w, i: w[tg.from_numpy(i)] * w, lambda w, i: tg.zeros(4).double().index_add(0, i, w) * w,
        lambda w, i: tg.zeros(4).double().scatter(0, i, w) * w, lambda w, i: tg.nn.functional.embedding(i, w[:, None]).mT * w,
        lambda w, i: tg.nn.functional.cross_entropy(w.expand(4, 4) * w[:, None], i), lambda w, i: w.index_put((tg.as_tensor(i),), w * 2),
    )],
    *[(MASK, call) for call in (
        lambda w, m: w[m] * 2, lambda w, m: tg.where(m, w, 0.0), lambda w, m: w.masked_fill(m, 0.0), lambda w, m: w.masked_select(m),
        lambda w, m: np.where(m, w, 0.0), lambda w, m: w[tg.from_numpy(m)] * 2,
    )],
]  # fmt: skip


@pytest.mark.parametrize("case", range(len(WITH_ARRAYS)))
def test_arrays_as_arguments_are_copied_or_watched(case: int) -> None:
    """Where an array stands for a tensor, and NumPy code changes it before the walk back: the right gradient, or an error."""
    given, call = WITH_ARRAYS[case]
    gradients = []
    for changes in (False, True):
        w, array = tg.arange(1.0, 5.0, dtype=tg.float64).requires_grad_(), given.copy()
        y = call(w, array).sum()
        if changes:
            array[...] = array[::-1].copy() if array.dtype == bool else 0
        try:
            gradients += [grad.numpy() for grad in tg.autograd.grad(y, w)]
        except InplaceError:
            assert changes
            return
    np.testing.assert_array_equal(*gradients)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int8", "uint8", "int16", "int32", "int64", "bool"])
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 3), (0, 2)])
def test_what_is_lent_is_the_memory_itself(dtype: str, shape: tuple[int, ...]) -> None:
    t = tg.ones(*shape, dtype=getattr(tg, dtype)) if shape else tg.tensor(1, dtype=getattr(tg, dtype))
    for part in (t, t.mT if t.ndim == 2 else t, t[::2] if t.ndim else t):
        given = part.numpy()
        assert type(given) is np.ndarray
        assert (given.shape, given.dtype) == (part.array.shape, part.array.dtype)
        assert given.size == 0 or np.shares_memory(given, t.array)
    assert not tg.ones(1).expand(3).numpy().flags.writeable


def test_fingerprints_of_odd_sizes_and_layouts() -> None:
    for shape in ((20_000,), (141, 143), (20_001,)):
        for dtype in (np.int8, np.float16, np.float64):
            for x in (np.ones(shape, dtype), np.ones(shape, dtype).T, np.ones((*shape, 2), dtype)[..., 0]):
                first = fingerprint(x)
                x[-1:] += 1
                assert fingerprint(x) != first


def test_in_place_through_a_tensor_of_lent_memory_reaches_the_first_tensor() -> None:
    t = tg.ones(3, dtype=tg.float64)
    y = (t * leaf(3)).sum()
    tg.from_numpy(t.numpy()).add_(1.0)
    with pytest.raises(InplaceError):
        y.backward()
