"""Making tensors: dtypes, sharing, shapes, and what is refused."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_reg as tg
from tinygrad_reg.errors import ArgumentError, ArgumentTypeError, DtypeError, GradientError, RangeError, ShapeError


def test_python_numbers_and_lists() -> None:
    assert tg.tensor(1).dtype == tg.int64
    assert tg.tensor(1.0).dtype == tg.float32
    assert tg.tensor([True, False]).dtype == tg.bool
    assert tg.tensor([1, 2.5]).dtype == tg.float32
    assert tg.tensor([True, 2]).dtype == tg.int64
    assert tg.tensor([]).dtype == tg.float32
    assert tg.tensor(range(3)).tolist() == [0, 1, 2]
    assert tg.tensor([[1, 2], [3, 4]]).shape == (2, 2)


@pytest.mark.parametrize("value", [0.1, 1e300, 1e-300, 1.0 + 2.0**-40])
def test_doubles_are_not_rounded_to_float32_on_the_way(value: float) -> None:
    assert tg.tensor([value], dtype=tg.float64).tolist() == [value]
    assert tg.tensor(value, dtype=tg.float64).item() == value
    assert tg.as_tensor([[value]], dtype=tg.float64).tolist() == [[value]]
    assert tg.full((2,), value, dtype=tg.float64).tolist() == [value, value]
    assert tg.linspace(value, value, 1, dtype=tg.float64).tolist() == [value]


def test_arrays_keep_their_dtype() -> None:
    for dtype in (np.float16, np.float32, np.float64, np.int8, np.int16, np.int32, np.int64, np.uint8, np.bool_):
        a = np.ones(2, dtype)
        assert tg.tensor(a).dtype == tg.from_numpy(a).dtype == tg.as_tensor(a).dtype == a.dtype
    assert tg.tensor(np.float64(1.0)).dtype == tg.float64
    assert tg.tensor([np.float64(1.0)]).dtype == tg.float64
    assert tg.tensor([tg.ones(1, dtype=tg.float64)]).dtype == tg.float64


def test_tensor_copies_and_as_tensor_shares() -> None:
    a = np.zeros(2)
    copied, shared, from_numpy = tg.tensor(a), tg.as_tensor(a), tg.from_numpy(a)
    a[0] = 1.0
    assert copied.tolist() == [0.0, 0.0]
    assert shared.tolist() == from_numpy.tolist() == [1.0, 0.0]
    t = tg.ones(2)
    assert tg.as_tensor(t) is t
    assert tg.as_tensor(t, dtype=tg.float64) is not t
    assert tg.tensor(t) is not t


def test_what_overflows_becomes_inf_without_a_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert tg.tensor([1e300]).tolist() == [np.inf]
        assert tg.tensor(1e300).item() == np.inf
        assert tg.tensor(np.array([1e300]), dtype=tg.float32).tolist() == [np.inf]
        assert tg.full((1,), 1e300).tolist() == [np.inf]
        assert tg.tensor([70000.0], dtype=tg.float16).tolist() == [np.inf]
        tg.tensor([1e300], dtype=tg.float64).float().half()


@pytest.mark.parametrize(
    "make",
    [
        lambda: tg.tensor([float("nan")], dtype=tg.int64),
        lambda: tg.tensor([float("inf")], dtype=tg.int32),
        lambda: tg.tensor([2**40], dtype=tg.int32),
        lambda: tg.tensor(300, dtype=tg.uint8),
        lambda: tg.tensor([-256], dtype=tg.uint8),
        lambda: tg.tensor([300.0], dtype=tg.int8),
        lambda: tg.tensor([2**63]),
        lambda: tg.full((2,), 300, dtype=tg.uint8),
        lambda: tg.full((2,), 2**70),
        lambda: tg.zeros(2, dtype=tg.uint8).fill_(300),
        lambda: tg.zeros(2, dtype=tg.float16).fill_(1e20),
        lambda: tg.zeros(2, dtype=tg.uint8).masked_fill(tg.tensor([True, False]), 300),
        lambda: tg.zeros(2, dtype=tg.uint8).__setitem__(0, 300),
        lambda: tg.where(tg.tensor([True, False]), tg.zeros(2, dtype=tg.uint8), 300),
    ],
)
def test_a_number_that_does_not_fit_is_refused(make: Any) -> None:
    with pytest.raises(RangeError, match="does not fit"):
        make()


def test_as_in_pytorch_negative_numbers_wrap_in_uint8_and_arrays_are_cast() -> None:
    assert tg.tensor([-1], dtype=tg.uint8).tolist() == [255]
    assert tg.tensor(np.array([300]), dtype=tg.uint8).tolist() == [44]


def test_tensors_in_a_list_count_as_numbers_of_their_dtype() -> None:
    assert tg.tensor([tg.tensor(1), tg.tensor(2.0)]).dtype == tg.float32
    assert tg.tensor([tg.tensor(1, dtype=tg.int32)]).dtype == tg.int32
    assert tg.tensor([[2.5, tg.tensor([1.0], dtype=tg.float16)]]).dtype == tg.float32
    assert tg.tensor([tg.tensor(1, dtype=tg.int32), 2]).dtype == tg.int64
    assert tg.tensor([True, tg.tensor(1, dtype=tg.uint8)]).dtype == tg.uint8
    with pytest.raises(ShapeError, match="tg.stack"):
        tg.tensor([tg.ones(2), tg.ones(2)])


def test_ready_made_tensors() -> None:
    assert tg.zeros(2, 3).shape == tg.zeros((2, 3)).shape == tg.zeros([2, 3]).shape == (2, 3)
    assert tg.zeros(()).shape == ()
    assert tg.ones(2, dtype=float).dtype == tg.float64
    assert tg.full((2,), 7).dtype == tg.int64
    assert tg.full((2,), True).dtype == tg.bool
    for number, dtype in ((np.float64(0.5), tg.float32), (np.int8(3), tg.int64), (np.bool_(True), tg.bool)):  # the kind alone counts
        assert tg.full((2,), number).dtype == tg.full((2,), tg.tensor(number)).dtype == dtype
    assert tg.full((1,), np.float64(0.1), dtype=tg.float64).tolist() == [0.1]
    assert tg.eye(2, 3).tolist() == [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    assert tg.scalar_tensor(3).dtype == tg.float32
    like = tg.zeros(2, 3, dtype=tg.int32)
    for made in (tg.ones_like(like), tg.full_like(like, 2.7), tg.empty_like(like), tg.zeros_like(like)):
        assert (made.shape, made.dtype) == ((2, 3), tg.int32)
    assert tg.ones_like(like, dtype=tg.float64).dtype == tg.float64


@given(st.integers(-20, 20), st.integers(-20, 20), st.integers(-5, 5).filter(bool))
def test_arange_of_integers_is_range(start: int, end: int, step: int) -> None:
    if (end - start) * step < 0:
        with pytest.raises(ArgumentError, match="does not lead"):
            tg.arange(start, end, step)
        return
    made = tg.arange(start, end, step)
    assert made.tolist() == list(range(start, end, step))
    assert made.dtype == tg.int64


def test_arange_and_linspace_of_floats() -> None:
    assert tg.arange(0, 1, 0.25).tolist() == [0.0, 0.25, 0.5, 0.75]
    assert tg.arange(3.0).dtype == tg.float32
    assert tg.arange(0, 3, dtype=tg.float64).dtype == tg.float64
    assert tg.linspace(0, 1, 3).tolist() == [0.0, 0.5, 1.0]
    assert tg.linspace(2, 5, 0).shape == (0,)


def test_requires_grad_of_new_tensors() -> None:
    for made in (
        tg.tensor([1.0], requires_grad=True),
        tg.zeros(2, requires_grad=True),
        tg.randn(2, requires_grad=True),
        tg.arange(3.0, requires_grad=True),
    ):
        assert made.requires_grad
        assert made.is_leaf
    with pytest.raises(GradientError, match="floating point"):
        tg.zeros(2, dtype=tg.int64, requires_grad=True)


REFUSED = [
    (lambda: tg.tensor([1, [2]]), ShapeError, "regular"),
    (lambda: tg.tensor("1"), ArgumentTypeError, "str"),
    (lambda: tg.tensor(None), ArgumentTypeError, "NoneType"),
    (lambda: tg.tensor(["a"]), ArgumentError, "numbers"),
    (lambda: tg.tensor(np.array(["a"])), DtypeError, "not supported"),
    (lambda: tg.tensor(1 + 2j), ArgumentTypeError, "complex"),
    (lambda: tg.tensor(np.ones(1, np.complex64)), DtypeError, "complex64"),
    (lambda: tg.from_numpy([1]), ArgumentTypeError, "list"),
    (lambda: tg.from_numpy(np.ones(1, np.longdouble)), DtypeError, "not supported"),
    (lambda: tg.tensor([1.0], dtype="float"), ArgumentTypeError, "'float' is not supported"),
    (lambda: tg.tensor([1.0], dtype=dict), ArgumentTypeError, "not supported"),
    (lambda: tg.zeros(-1), ShapeError, "negative"),
    (lambda: tg.zeros(2.0), ArgumentTypeError, "integers"),
    (lambda: tg.zeros("2"), ArgumentTypeError, "integers"),
    (lambda: tg.full((2,), [1, 2]), ShapeError, "one number"),
    (lambda: tg.arange(0, 1, 0), ArgumentError, "does not lead"),
    (lambda: tg.arange(float("nan")), ArgumentError, "finite"),
    (lambda: tg.linspace(0, 1, -1), ArgumentError, "at least 0"),
    (lambda: tg.eye(-1), ShapeError, "negative"),
    (lambda: tg.zeros(1, device="cuda"), ArgumentError, "cpu"),
    (lambda: tg.rand(1, device="cuda"), ArgumentError, "cpu"),
    (lambda: tg.zeros(), ArgumentTypeError, "give the sizes"),
    (lambda: tg.ones(2, requires_grad="yes"), ArgumentTypeError, "True or False"),
    (lambda: tg.ones(2).requires_grad_(1), ArgumentTypeError, "True or False"),
    (lambda: tg.randperm(-1), ArgumentError, "negative"),
    (lambda: tg.randint(5, (2,), 3), ArgumentTypeError, "integers"),
    (lambda: tg.randint(3, 3, (2,)), ArgumentError, "low < high"),
    (lambda: tg.normal(0.0, -1.0, (2,)), ArgumentError, "negative"),
    (lambda: tg.normal(0.0, 1.0), ArgumentError, "size"),
    (lambda: tg.bernoulli(tg.tensor([1.5])), ArgumentError, r"\[0, 1\]"),
    (lambda: tg.multinomial(tg.tensor([0.0]), 1), ArgumentError, "weights"),
    (lambda: tg.multinomial(tg.tensor([1.0, 0.0]), 2), ArgumentError, "cannot draw"),
    (lambda: tg.multinomial(tg.ones(2), 0), ArgumentError, "positive, got 0"),
    (lambda: tg.multinomial(tg.ones(2), -1), ArgumentError, "positive, got -1"),
    (lambda: tg.multinomial(tg.ones(2, dtype=tg.int64), 1), DtypeError, "float"),
    (lambda: tg.manual_seed("1"), ArgumentTypeError, "integer"),
    (lambda: tg.manual_seed(2**64), ArgumentError, "64 bits"),
]


@pytest.mark.parametrize(("call", "error", "words"), REFUSED, ids=[f"{i}" for i in range(len(REFUSED))])
def test_what_is_refused(call: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        call()


# ---- random --------------------------------------------------------------------------------------------------------------


def test_what_is_drawn_has_gradient_zero_towards_its_distribution() -> None:
    for draw in (tg.normal, lambda p, q: tg.bernoulli(p), lambda p, q: tg.bernoulli(p, 0.5)):
        p, q = tg.tensor([0.5, 0.2], requires_grad=True), tg.tensor([0.5, tg.inf], requires_grad=True)
        g = tg.autograd.grad(draw(p, q).sum(), (p, q), materialize_grads=True, allow_unused=True)
        assert [x.tolist() for x in g] == [[0.0, 0.0], [0.0, 0.0]]
    with tg.no_grad():
        assert not tg.bernoulli(p).requires_grad


def test_normal_numbers_have_the_dtype_of_what_describes_them() -> None:
    half, double = tg.ones(2, dtype=tg.float16), tg.ones(2, dtype=tg.float64)
    assert tg.normal(half, double).dtype == tg.normal(0.0, half).dtype == tg.float16
    assert tg.normal(double).dtype == tg.float64


def test_the_same_seed_gives_the_same_numbers() -> None:
    def draw() -> list[Any]:
        return [
            tg.rand(3),
            tg.randn(2, 2),
            tg.randint(9, (4,)),
            tg.randperm(5),
            tg.bernoulli(tg.full((6,), 0.5)),
            tg.full((6,), 0.5).bernoulli(),
            tg.ones(4).multinomial(2),
            tg.normal(0.0, 1.0, (2,)),
        ]

    tg.manual_seed(7)
    first = [x.tolist() for x in draw()]
    tg.manual_seed(7)
    assert [x.tolist() for x in draw()] == first
    assert tg.initial_seed() == 7
    assert [x.tolist() for x in draw()] != first


def test_generators_are_independent_and_their_state_can_be_kept() -> None:
    a, b = tg.Generator().manual_seed(1), tg.Generator().manual_seed(1)
    x = tg.randn(3, generator=a)
    tg.randn(100)
    assert tg.randn(3, generator=b).tolist() == x.tolist()
    state = a.get_state()
    y = tg.rand(4, generator=a)
    assert tg.rand(4, generator=a.set_state(state)).tolist() == y.tolist()
    before = tg.get_rng_state()
    z = tg.rand(2)
    tg.set_rng_state(before)
    with tg.random.fork_rng():
        tg.random.manual_seed(5)
        assert tg.random.initial_seed() == 5
    assert tg.rand(2).tolist() == z.tolist()
    with tg.random.fork_rng(enabled=False):
        tg.random.manual_seed(5)
    assert tg.random.initial_seed() == 5
    assert a.device == tg.device("cpu")


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_uniform_numbers_stay_below_one(dtype: str) -> None:
    x = tg.rand(100_000, dtype=getattr(tg, dtype), generator=tg.Generator().manual_seed(0))
    assert x.dtype == dtype
    assert float(x.min()) >= 0.0
    assert float(x.max()) < 1.0
    assert abs(float(x.double().mean()) - 0.5) < 0.01
    assert abs(float(x.double().var()) - 1.0 / 12.0) < 0.01


def test_moments_of_the_distributions() -> None:
    g = tg.Generator().manual_seed(0)
    assert abs(float(tg.randn(100_000, generator=g).mean())) < 0.02
    assert abs(float(tg.randn(100_000, generator=g).std()) - 1.0) < 0.02
    assert abs(float(tg.bernoulli(tg.full((100_000,), 0.3), generator=g).mean()) - 0.3) < 0.01
    counts = tg.multinomial(tg.tensor([1.0, 0.0, 3.0]), 40_000, replacement=True, generator=g)
    assert abs(float((counts == 2).double().mean()) - 0.75) < 0.01
    assert not bool((counts == 1).any())
    picks = tg.multinomial(tg.tensor([1.0, 2.0, 3.0, 4.0]), 4, generator=g)
    assert sorted(picks.tolist()) == [0, 1, 2, 3]
    values = tg.randint(-2, 3, (10_000,), generator=g)
    assert (int(values.min()), int(values.max())) == (-2, 2)
    assert sorted(tg.randperm(20, generator=g).tolist()) == list(range(20))
    x = tg.zeros(100_000).normal_(3.0, 2.0, generator=g)
    assert abs(float(x.mean()) - 3.0) < 0.05
    assert abs(float(tg.zeros(100_000).uniform_(-1.0, 3.0, generator=g).mean()) - 1.0) < 0.05
    assert abs(float(tg.zeros(100_000).bernoulli_(0.2, generator=g).mean()) - 0.2) < 0.01


def test_integers_of_any_size_as_floats() -> None:
    assert tg.tensor(2**70, dtype=tg.float32).item() == 2.0**70
    assert tg.tensor([2**70, 1.5], dtype=tg.float64).tolist() == [2.0**70, 1.5]
    assert tg.tensor(2**64 - 1, dtype=tg.float64).item() == 2.0**64
    with pytest.raises(RangeError, match="int64"):
        tg.tensor(2**70)


def test_integers_that_the_dtype_cannot_hold_are_not_drawn() -> None:
    for draw in (
        lambda: tg.randint(0, 257, (2,), dtype=tg.uint8),
        lambda: tg.randint(-1, 3, (2,), dtype=tg.uint8),
        lambda: tg.zeros(2, dtype=tg.uint8).random_(-1, 3),
        lambda: tg.randperm(257, dtype=tg.uint8),
    ):
        with pytest.raises(RangeError, match="does not fit into uint8"):
            draw()
    assert tg.randint(0, 256, (2,), dtype=tg.uint8).dtype == tg.uint8
    assert sorted(tg.randperm(256, dtype=tg.uint8).tolist()) == list(range(256))
    assert tg.randint_like(tg.ones(2), high=1).tolist() == [0.0, 0.0]
    for n in (np.int64(3), tg.tensor(3)):
        assert sorted(tg.randperm(n).tolist()) == [0, 1, 2]


def test_a_new_generator_starts_from_the_same_seed_the_default_one_does_not() -> None:
    assert tg.Generator().initial_seed() == tg.Generator("cpu").initial_seed() == 67280421310721
    assert tg.equal(tg.rand(2, generator=tg.Generator()), tg.rand(2, generator=tg.Generator()))
    with pytest.raises(ArgumentError, match="does not exist here"):
        tg.Generator("cuda")


def test_bounds_that_are_tensors_have_gradients() -> None:
    zero, one = (tg.tensor(x, requires_grad=True) for x in (0.0, 1.0))
    assert tg.zeros(4).uniform_(zero, one).requires_grad
    assert tg.zeros(4).normal_(zero, one).requires_grad
