"""Random programs over the registry: straight-line code of differentiable operations on a few tensors, as Python source."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

import numpy as np
from hypothesis import strategies as st

from ..engine.primitive import PRIMITIVES
from ..errors import ArgumentError
from ..ops.pointwise import Elementwise
from ..tensor import Tensor
from .strategies import Shape

tg: Any = import_module(__name__.partition(".")[0])  # the package itself, under the name that programs use

#: Operations that are no rows of the elementwise table: source, and the shapes they take.
_SHAPED: list[tuple[str, Callable[[Shape], bool]]] = [
    ("{x}.sum()", lambda s: True),
    ("{x}.mean(0, keepdim=True)", lambda s: len(s) > 0),
    ("{x}.sum(-1)", lambda s: len(s) > 0),
    ("{x}.amax(0)", lambda s: len(s) > 0),
    ("{x}.prod(-1, keepdim=True)", lambda s: len(s) > 0),
    ("{x}.logsumexp(-1)", lambda s: len(s) > 0),
    ("{x}.std(0, correction=0)", lambda s: len(s) > 0 and s[0] > 1),
    ("{x}.reshape(-1)", lambda s: True),
    ("{x}.unsqueeze(0)", lambda s: len(s) < 3),
    ("{x}.mT", lambda s: len(s) >= 2),
    ("{x}[0]", lambda s: len(s) > 0),
    ("{x}[..., 1:]", lambda s: len(s) > 0 and s[-1] > 1),
    ("{x}[[0, -1, 0]]", lambda s: len(s) > 0),
    ("{x}.flip(0)", lambda s: len(s) > 0),
    ("{x}.roll(1, -1)", lambda s: len(s) > 0),
    ("{x}.cumsum(-1)", lambda s: len(s) > 0),
    ("{x}.sort(-1).values", lambda s: len(s) > 0),
    ("{x}.softmax(-1)", lambda s: len(s) > 0),
    ("{x}.log_softmax(0)", lambda s: len(s) > 0),
    ("{x} @ {x}.mT", lambda s: len(s) >= 2),
    ("{x}.tril()", lambda s: len(s) >= 2),
    ("tg.cat([{x}, {x} * 0.5], -1)", lambda s: len(s) > 0),
    ("tg.stack([{x}, tg.tanh({x})])", lambda s: len(s) < 3),
    ("tg.where({x} > 0.3, {x}, {x} * {x})", lambda s: True),
    ("tg.linalg.norm({x})", lambda s: True),
    ("{x}.clamp(-1.0, 1.0)", lambda s: True),
]


class Program:
    """A function of tensors as `source`, a Python function of the name `program`; `inputs` are arguments for it. Call it like one.

    >>> program = tg.testing.Program(["v1 = tg.exp(v0)", "return v1.sum()"], [tg.zeros(2)])
    >>> program(*program.inputs)
    tensor(2.)
    """

    def __init__(self, lines: Sequence[str], inputs: Sequence[Tensor]) -> None:
        names = ", ".join(f"v{i}" for i in range(len(inputs)))
        self.inputs = list(inputs)
        self.source = "\n".join([f"def program({names}):", *(f"    {line}" for line in lines)])
        scope: dict[str, Any] = {"tg": tg}
        exec(self.source, scope)
        self._function: Callable[..., Tensor] = scope["program"]

    def __call__(self, *inputs: Tensor) -> Tensor:
        """Run on other tensors of the shapes of `inputs`."""
        return self._function(*inputs)

    def __repr__(self) -> str:
        given = ", ".join(f"tg.tensor(np.array({x.tolist()}, np.{x.dtype}))" for x in self.inputs)
        return f"{self.source}\nprogram({given})"


def _rows(arguments: int) -> list[Elementwise]:
    """The differentiable rows of the elementwise table with so many arguments and no keywords, which have a public function.

    Those of `nn.functional` are left out, which take less than their primitives: prelu's weight does not broadcast.
    """
    rows = [p for p in PRIMITIVES.values() if isinstance(p, Elementwise) and len(p.arguments) == arguments and not p.keywords]
    return [p for p in rows if all(p.rules.values()) and p.name in vars(tg) and p.name != "round"]


def _into(domain: tuple[float, float], x: str) -> str:
    """x mapped smoothly into an interval, away from its ends."""
    low, high = domain
    if math.isinf(low):
        return f"2.0 * tg.tanh({x})"
    if math.isinf(high):
        return f"(tg.tanh({x}).square() * 2.0 + {low + 0.3})"
    return f"({(low + high) / 2.0} + {(high - low) * 0.45} * tg.tanh({x}))"


@st.composite
def programs(draw: st.DrawFn, *, inputs: int = 2, max_steps: int = 8, dtype: Any = tg.float64, max_side: int = 3) -> Program:
    """Programs of up to `max_steps` operations on `inputs` tensors; every operation gets arguments inside of its domain.

    The elementwise operations are those of the registry, so a new one takes part at once. The result is a number that depends on all
    steps that have one.

    >>> from hypothesis import given, settings
    >>> @settings(max_examples=1)
    ... @given(tg.testing.programs(inputs=1))
    ... def shape_of_result(program):
    ...     print(program(*program.inputs).shape)
    >>> shape_of_result()
    ()
    """
    if inputs < 1 or not tg.zeros(0, dtype=dtype).is_floating_point():
        raise ArgumentError(f"programs: needs one input or more and a float dtype, got inputs={inputs!r} and dtype={dtype!r}")
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    sides = st.integers(1, max_side)
    shape = tuple(draw(st.lists(sides, max_size=2)))
    sizes = [shape if i == 0 or draw(st.booleans()) else shape[1:] for i in range(inputs)]
    given = [tg.tensor(rng.uniform(-1.5, 1.5, size)).to(dtype) for size in sizes]
    values, lines = [x.detach() for x in given], []
    unary, binary = _rows(1), _rows(2)
    numbers = st.integers(0, 2**16)
    kinds = st.sampled_from(["unary", "binary", "shaped"])
    # numbers stand for choices out of lists of any length, so that steps can be left away when hypothesis looks for a smaller program
    for kind, which, first, second in draw(st.lists(st.tuples(kinds, numbers, numbers, numbers), min_size=1, max_size=max_steps)):
        i = len(values) - 1 - first % len(values)
        if kind == "unary":
            row = unary[which % len(unary)]
            source = f"tg.{row.name}({_into(row.domain[0], f'v{i}')})"
        elif kind == "binary":
            row = binary[which % len(binary)]
            partners = [j for j, y in enumerate(values) if _fits(values[i].shape, y.shape)]
            j = partners[-1 - second % len(partners)]
            source = f"tg.{row.name}({_into(row.domain[0], f'v{i}')}, {_into(row.domain[1], f'v{j}')})"
        else:
            fitting = [text for text, takes in _SHAPED if takes(values[i].shape)]
            source = fitting[which % len(fitting)].format(x=f"v{i}")
        value = eval(source, {"tg": tg, **{f"v{k}": v for k, v in enumerate(values)}})
        if value.numel() <= 64:
            lines.append(f"v{len(values)} = {source}")
            values.append(value)
    lines.append("return " + " + ".join(f"tg.tanh(v{i}).mean()" for i in range(len(values))))
    return Program(lines, given)


def _fits(a: Shape, b: Shape) -> bool:
    return all(m == n or 1 in (m, n) for m, n in zip(reversed(a), reversed(b), strict=False))
