"""Random numbers: the generator, and draws into new or existing tensors."""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from ..device import Device, as_device, cpu
from ..engine.mutation import Array
from ..engine.node import Value, array_of, wrap
from ..engine.primitive import primitive
from ..engine.refusal import typed_errors
from ..engine.state import get_default_dtype, state
from ..engine.strong_zero import linked
from ..errors import ArgumentError, ArgumentTypeError, DtypeError
from .arguments import integer, rank
from .assign import assign
from .checks import check_probabilities
from .pointwise import check_fits

if TYPE_CHECKING:
    from ..tensor import Tensor


class Generator:
    """A source of random numbers with a state of its own; the same seed gives the same numbers. A new one starts from PyTorch's seed.

    >>> generator = tg.Generator().manual_seed(7)
    >>> tg.equal(tg.rand(2, generator=generator), tg.rand(2, generator=generator.manual_seed(7)))
    True
    """

    _numpy: Any = None

    def __init__(self, device: Any = "cpu") -> None:
        as_device(device)
        self.manual_seed(67280421310721)

    def manual_seed(self, seed: int) -> Generator:
        """Start again from this seed."""
        seed = integer(seed, "manual_seed", "the seed")
        if not -(2**63) <= seed < 2**64:
            raise ArgumentError(f"manual_seed: the seed must fit into 64 bits, got {seed}")
        if state.tracer is not None:
            state.tracer.unrepeatable("a generator is seeded inside of the step, which a replay would leave out; seed it before the step")
        self._seed = seed % 2**64
        if self._numpy is not None:
            self._numpy.bit_generator.state = np.random.PCG64(self._seed).state
        return self

    @property
    def numpy(self) -> Any:
        """NumPy's generator behind this one, always the same.

        It is made on first use: `import numpy.random` takes longer than the rest of this package.
        """
        if self._numpy is None:
            self._numpy = np.random.Generator(np.random.PCG64(self._seed))
        return self._numpy

    def seed(self) -> int:
        """Start from a seed that nobody can predict; returns it."""
        self.manual_seed(int.from_bytes(os.urandom(8)))
        return self._seed

    @property
    def device(self) -> Device:
        """The CPU."""
        return cpu

    def initial_seed(self) -> int:
        """The seed of the last start."""
        if state.tracer is not None:
            state.tracer.unrepeatable("initial_seed gives a Python number, which a replay would not renew; call it outside of the step")
        return self._seed

    def get_state(self) -> dict[str, Any]:
        """Everything that decides the numbers to come."""
        return {"seed": self._seed, "bits": self.numpy.bit_generator.state}

    def set_state(self, new_state: dict[str, Any]) -> Generator:
        """Go back to a state taken with `get_state`."""
        if not isinstance(new_state, dict) or set(new_state) != {"seed", "bits"}:
            raise ArgumentTypeError("set_state: expected what get_state returned")
        self.manual_seed(new_state["seed"])
        self.numpy.bit_generator.state = new_state["bits"]
        return self


default_generator = Generator()
default_generator.seed()


def manual_seed(seed: int) -> Generator:
    """Seed the default generator; returns it.

    >>> generator = tg.manual_seed(7)
    >>> x = tg.rand(2)
    >>> tg.equal(x, tg.rand(2, generator=generator.manual_seed(7)))
    True
    """
    return default_generator.manual_seed(seed)


def seed() -> int:
    """Seed the default generator unpredictably; returns the seed.

    >>> tg.seed() == tg.initial_seed()
    True
    """
    return default_generator.seed()


def initial_seed() -> int:
    """The seed of the default generator.

    >>> generator = tg.manual_seed(7)
    >>> tg.initial_seed()
    7
    """
    return default_generator.initial_seed()


def get_rng_state() -> dict[str, Any]:
    """The state of the default generator.

    >>> state = tg.get_rng_state()
    >>> x = tg.rand(2)
    >>> tg.set_rng_state(state)
    >>> tg.equal(x, tg.rand(2))
    True
    """
    return default_generator.get_state()


def set_rng_state(new_state: dict[str, Any]) -> None:
    """Go back to a state of the default generator.

    >>> state = tg.get_rng_state()
    >>> x = tg.rand(2)
    >>> tg.set_rng_state(state)
    >>> tg.equal(x, tg.rand(2))
    True
    """
    default_generator.set_state(new_state)


@contextlib.contextmanager
def fork_rng(devices: Any = None, enabled: bool = True) -> Iterator[None]:
    """What the `with` block draws and seeds leaves no trace in the default generator.

    >>> tg.manual_seed(0).initial_seed()
    0
    >>> with tg.random.fork_rng():
    ...     _ = tg.manual_seed(1)
    >>> tg.initial_seed()
    0
    """
    before = default_generator.get_state()
    try:
        yield
    finally:
        if enabled:
            default_generator.set_state(before)


@primitive
def draw_p(*, kind: str, shape: tuple[int, ...], dtype: Any, generator: Generator, params: tuple[Any, ...]) -> Array:
    """Fresh random numbers; not a function of its arguments, so a compiled step draws anew at every call."""
    source = generator.numpy
    if kind == "uniform" and dtype.itemsize >= 4:
        return source.random(shape, dtype=dtype)
    if kind == "normal" and dtype.itemsize >= 4:
        return source.standard_normal(shape, dtype=dtype)
    if kind == "uniform":  # rounding to float16 must not give 1
        return (source.integers(0, 2048, shape) / 2048).astype(dtype)
    if kind == "normal":
        return source.standard_normal(shape).astype(dtype)
    if kind == "integers":
        return source.integers(params[0], params[1], shape).astype(dtype)
    return source.permutation(params[0]).astype(dtype)


def draw(kind: str, shape: tuple[int, ...], dtype: Any = None, generator: Generator | None = None, params: tuple[Any, ...] = ()) -> Any:
    """A tensor of fresh numbers: "uniform" in [0, 1), "normal", "integers" in [a, b), "permutation" of n."""
    if generator is None:
        generator = default_generator
    elif not isinstance(generator, Generator):
        raise ArgumentTypeError(f"generator: must be a tg.Generator or None, got {type(generator).__name__}")
    static = {
        "kind": kind,
        "shape": shape,
        "dtype": get_default_dtype() if dtype is None else np.dtype(dtype),
        "generator": generator,
        "params": params,
    }
    out = np.asarray(draw_p.forward(**static))
    result = wrap(Value.result_class, out)
    if state.tracer is not None:
        state.tracer.record(draw_p, (), static, out)
    return result


def _check_float(target: Any, what: str) -> None:
    if target.dtype.kind != "f":
        raise DtypeError(f"{what}: needs a floating point tensor, got {target.dtype}; use random_ for integers")


def _are(a: Any, b: Any, first: float, second: float) -> bool:
    """Whether two arguments are these very numbers, and no tensors, which may have gradients."""
    return type(a) is type(b) is float and (a, b) == (first, second)


@typed_errors
def uniform_(target: Any, low: float = 0.0, high: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Overwrite with numbers from the uniform distribution on [low, high). Raises DtypeError unless the dtype is a float."""
    _check_float(target, "uniform_")
    if not low <= high:
        raise ArgumentError(f"uniform_: needs from <= to, got {low} and {high}")
    drawn = draw("uniform", target.shape, target.dtype, generator)
    return assign(target, drawn if _are(low, high, 0.0, 1.0) else drawn * (high - low) + low, "uniform_")


@typed_errors
def normal_(target: Any, mean: float = 0.0, std: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Overwrite with numbers from the normal distribution. Raises DtypeError unless the dtype is a float."""
    _check_float(target, "normal_")
    if not std >= 0:
        raise ArgumentError(f"normal_: std must not be negative, got {std}")
    drawn = draw("normal", target.shape, target.dtype, generator)
    return assign(target, drawn if _are(mean, std, 0.0, 1.0) else drawn * std + mean, "normal_")


def _above_zero(target: Any, generator: Generator | None) -> Any:
    """Numbers of the exponential distribution with mean 1; none is 0, so that each can be divided by and has a logarithm."""
    return (-(-draw("uniform", target.shape, target.dtype, generator)).log1p()).clamp(min=float(np.finfo(target.dtype).tiny))


@typed_errors
def exponential_(target: Any, lambd: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Overwrite with numbers above 0 of density lambd exp(-lambd x). Raises DtypeError unless the dtype is a float."""
    _check_float(target, "exponential_")
    if not lambd > 0:
        raise ArgumentError(f"exponential_: lambd must be positive, got {lambd}")
    return assign(target, _above_zero(target, generator) / lambd, "exponential_")


@typed_errors
def log_normal_(target: Any, mean: float = 1.0, std: float = 2.0, generator: Generator | None = None) -> Tensor:
    """Overwrite with numbers whose logarithm is normal with this mean and deviation. Raises DtypeError unless the dtype is a float."""
    _check_float(target, "log_normal_")
    if not std > 0:
        raise ArgumentError(f"log_normal_: std must be positive, got {std}")
    return assign(target, (draw("normal", target.shape, target.dtype, generator) * std + mean).exp(), "log_normal_")


@typed_errors
def cauchy_(target: Any, median: float = 0.0, sigma: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Overwrite with numbers of density sigma / (pi ((x - median)^2 + sigma^2)). Raises DtypeError unless the dtype is a float."""
    _check_float(target, "cauchy_")
    if not sigma > 0:
        raise ArgumentError(f"cauchy_: sigma must be positive, got {sigma}")
    angle = (draw("uniform", target.shape, target.dtype, generator) - 0.5) * math.pi
    return assign(target, angle.tan() * sigma + median, "cauchy_")


@typed_errors
def geometric_(target: Any, p: float, generator: Generator | None = None) -> Tensor:
    """Overwrite with how many trials, of which each succeeds with probability p, the first success takes: 1, 2, ..."""
    if target.dtype.kind == "b":
        raise DtypeError("geometric_: counts trials, which a bool does not hold; use bernoulli_")
    if not 0 < p < 1:
        raise ArgumentError(f"geometric_: p must lie between 0 and 1, got {p}")
    waited = -(-draw("uniform", target.shape, np.float64, generator)).log1p() / -math.log1p(-p)
    return assign(target, (waited.floor() + 1.0).to(target.dtype), "geometric_")


def _count(dtype: Any) -> int:
    """How many integers from 0 on a dtype holds without a gap."""
    if dtype.kind == "f":
        return int(2 ** (np.finfo(dtype).nmant + 1)) + 1
    return 2 if dtype.kind == "b" else int(np.iinfo(dtype).max) + 1


def check_span(low: int, high: int, dtype: Any, what: str) -> None:
    """Raise ArgumentError if there is nothing from low to high, the end not included, RangeError if the dtype cannot hold it."""
    if not low < high:
        raise ArgumentError(f"{what}: needs low < high, got {low} and {high}")
    for extreme in (low, high - 1):
        check_fits(extreme, dtype, what, wraps=False)


@typed_errors
def random_(target: Any, span: tuple[Any, ...], generator: Generator | None = None) -> Tensor:
    """Overwrite with integers from [0, to), or [from, to), or of all that the dtype holds exactly (`to` None), drawn uniformly."""
    dtype = target.dtype
    low, to = (0, None) if not span else (0, *span) if len(span) == 1 else span
    high = _count(dtype) if to is None else to
    check_span(low, high, dtype, "random_")
    return assign(target, draw("integers", target.shape, dtype, generator, (low, high)), "random_")


@typed_errors
def bernoulli_(target: Any, p: Any = 0.5, generator: Generator | None = None) -> Tensor:
    """Overwrite with 1 with probability p, else 0."""
    return assign(target, _bernoulli(target, p, generator), "bernoulli_")


def _bernoulli(like: Any, p: Any, generator: Generator | None) -> Tensor:
    if isinstance(p, (int, float)) and not 0 <= p <= 1:
        raise ArgumentError(f"bernoulli: p must lie in [0, 1], got {p}")
    drawn: Tensor = draw("uniform", like.shape, None, generator) < p
    return drawn.to(like.dtype)


@typed_errors
def bernoulli(input: Tensor, p: float | None = None, *, generator: Generator | None = None) -> Tensor:
    """1 with the probability given by each element, or by `p`, else 0; in the input's dtype. Towards the input the gradient is 0.

    Raises DtypeError unless the elements that are probabilities are floats.

    >>> tg.bernoulli(tg.tensor([0.0, 1.0, 1.0]))
    tensor([0., 1., 1.])
    """
    rank(input, "bernoulli")
    if p is not None:
        return linked(_bernoulli(input, p, generator), input)  # type: ignore[no-any-return]
    if input.dtype.kind != "f":
        raise DtypeError(f"bernoulli: needs probabilities of a float dtype, got {input.dtype}; convert them with .float()")
    check_probabilities(input, "bernoulli: probabilities must lie in [0, 1]")
    drawn: Tensor = draw("uniform", input.shape, input.dtype, generator) < input
    return linked(drawn.to(input.dtype), input)  # type: ignore[no-any-return]


@typed_errors
def multinomial(input: Tensor, num_samples: int, replacement: bool = False, *, generator: Generator | None = None) -> Tensor:
    """Indices drawn with probability proportional to the weights; (n,) -> (num_samples,) or (m, n) -> (m, num_samples), int64.

    >>> tg.multinomial(tg.tensor([0.0, 3.0, 0.0, 1.0]), 2).sort().values
    tensor([1, 3])
    """
    rank(input, "multinomial")
    if input.dtype.kind != "f":
        raise DtypeError(f"multinomial: needs weights of a float dtype, got {input.dtype}; convert them with .float()")
    if num_samples <= 0:
        raise ArgumentError(f"multinomial: num_samples must be positive, got {num_samples}")
    if state.tracer is not None:
        state.tracer.unrepeatable("multinomial looks at the values of its weights")
    weights = np.atleast_2d(array_of(input)).astype(np.float64)
    if input.ndim not in (1, 2) or (weights < 0).any() or not np.isfinite(weights).all() or (weights.sum(1) <= 0).any():
        raise ArgumentError("multinomial: needs one or several rows of finite weights that are not negative and not all zero")
    if not replacement and ((weights > 0).sum(1) < num_samples).any():
        raise ArgumentError(f"multinomial: cannot draw {num_samples} samples without replacement from so few nonzero weights")
    uniform = draw("uniform", (len(weights), num_samples if replacement else weights.shape[1]), np.float64, generator).array
    if replacement:
        cumulative = weights.cumsum(1) / weights.sum(1, keepdims=True)
        picks = np.stack([np.searchsorted(row, u, side="right") for row, u in zip(cumulative, uniform, strict=True)])
    else:  # exponential clocks: the smallest -log(u) / w come first
        with np.errstate(divide="ignore"):
            picks = np.argsort(-np.log1p(-uniform) / weights, axis=1, kind="stable")[:, :num_samples]
    result = wrap(Value.result_class, np.minimum(picks, weights.shape[1] - 1).astype(np.int64))
    return result if input.ndim == 2 else result[0]
