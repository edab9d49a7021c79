"""Kernels that find their elements by number: gathering, scattering, the place of the largest, running results; and updates of parts.

A position outside of its array ends the step with OUT_OF_RANGE: eager then says what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ...numpy_ops import ARGMAX, PUT_ALONG, TAKE_ALONG, NumpyOp
from ...program import Equation, Var, row_major
from . import expressions
from .expressions import c_type
from .layout import Layout
from .memory import Ref
from .text import at, loops

OUT_OF_RANGE = 2  # what the C function returns


def _names(count: int) -> list[str]:
    return [f"i{d}" for d in range(count)]


class GatherText:
    """TAKE and TAKE_ALONG."""

    def __init__(self, equation: Equation, layout: Layout) -> None:
        x, indices = map(layout.ref, equation.inputs)
        [out] = equation.outputs
        made = layout.place(out, row_major(out.shape, 1))
        axis = equation.params["axis"] % len(x.shape)
        self.touched = [x.storage, indices.storage, made.storage]
        self._lines = _meet(x, indices, made, axis, equation.primitive is TAKE_ALONG, lambda one, other: f"{other} = {one};")

    def text(self) -> Iterator[str]:
        """The loops."""
        return self._lines


class ScatterText:
    """ADD_AT and PUT_ALONG on an array that is a copy of the base already."""

    def __init__(self, equation: Equation, whole: Ref, layout: Layout) -> None:
        along = equation.primitive is PUT_ALONG
        _, numbers, values = equation.inputs
        indices = layout.ref(numbers)
        axis = equation.params["axis"] % len(whole.shape)
        shape = indices.shape if along else (*whole.shape[:axis], *indices.shape, *whole.shape[axis + 1 :])
        given = layout.ref(values) if isinstance(values, Var) else Ref(whole.storage, 0, (), ())
        dtype = whole.storage.dtype
        constant = "" if isinstance(values, Var) else expressions.literal(values, dtype)
        self.touched = [whole.storage, indices.storage, given.storage]

        def statement(one: str, other: str) -> str:
            value = constant or other
            return f"{one} = {value if along else expressions.accumulate('add', one, value, dtype)};"

        self._lines = _meet(whole, indices, given.broadcast(shape), axis, along, statement)

    def text(self) -> Iterator[str]:
        """The loops."""
        return self._lines


def _meet(array: Ref, indices: Ref, other: Ref, axis: int, along: bool, statement: Callable[[str, str], str]) -> Iterator[str]:
    """Loops over `other`, which meets `array` at the positions along an axis that `indices` name.

    Along: indices have the shape of `other`. If not, `other` has the dimensions of the indices in place of the axis.
    """
    names = _names(len(other.shape))
    sizes = list(zip(names, other.shape, strict=True))
    end = axis + (1 if along else len(indices.shape))  # of what stands in place of the axis
    looked_up = len(names) if along else end
    yield from loops(
        sizes[:looked_up],
        [
            f"long k = (long){at(indices, names if along else names[axis:end])};",
            f"if (k < 0) k += {array.shape[axis]};",
            f"if (k < 0 || k >= {array.shape[axis]}) return {OUT_OF_RANGE};",
            *loops(sizes[looked_up:], [statement(at(array, [*names[:axis], "k", *names[end:]]), at(other, names))]),
        ],
    )


class BestText:
    """ARGMAX and ARGMIN: the first of the largest; nan is larger than all."""

    def __init__(self, equation: Equation, layout: Layout) -> None:
        [x], [out] = equation.inputs, equation.outputs
        self.x = layout.ref(x)
        self.out = layout.place(out, row_major(out.shape, 1))
        self.touched = [self.x.storage, self.out.storage]
        self._params = equation.params
        self._sign = ">" if equation.primitive is ARGMAX else "<"

    def text(self) -> Iterator[str]:
        """For each place of the result a loop along the axis, or along everything."""
        kind, names = c_type(self.x.storage.dtype), _names(len(self.x.shape))
        sizes = list(zip(names, self.x.shape, strict=True))
        axis = self._params["axis"]
        over = names if axis is None else [names[axis]]
        first = ["0" if name in over else name for name in names]
        to = first if self._params.get("keepdims") else [name for name in names if name not in over]
        look = [
            f"const {kind} x = {at(self.x, names)};",
            f"if (x {self._sign} best || (x != x && best == best)) best = x, found = k;",
            "++k;",
        ]
        yield from loops(
            [(name, n) for name, n in sizes if name not in over],
            [
                f"{kind} best = {at(self.x, first)};",
                "long k = 0, found = 0;",
                *loops([(name, n) for name, n in sizes if name in over], look),
                f"{at(self.out, to)} = found;",
            ],
        )


class RunningText:
    """A ufunc's running results along an axis: each is the one before it, and one of x."""

    def __init__(self, equation: Equation, layout: Layout) -> None:
        [x], [out] = equation.inputs, equation.outputs
        self.x = layout.ref(x)
        self.out = layout.place(out, row_major(out.shape, 1))
        self.touched = [self.x.storage, self.out.storage]
        assert isinstance(equation.primitive, NumpyOp)
        self._name = equation.primitive.ufunc.__name__
        self._axis = equation.params.get("axis", 0) % len(x.shape)

    def text(self) -> Iterator[str]:
        """The axis is the outermost loop."""
        names, dtype = _names(len(self.x.shape)), self.out.storage.dtype
        sizes = list(zip(names, self.x.shape, strict=True))
        before = self.out._replace(offset=self.out.offset - self.out.strides[self._axis])
        new = f"({c_type(dtype)}){at(self.x, names)}"
        step = expressions.accumulate(self._name, at(before, names), new, dtype)
        statement = f"{at(self.out, names)} = {names[self._axis]} == 0 ? {new} : ({step});"
        yield from loops([sizes.pop(self._axis), *sizes], [statement])


class WithinText:
    """Ends the step if an element is not within bounds."""

    def __init__(self, equation: Equation, layout: Layout) -> None:
        self.x = layout.ref(equation.inputs[0])
        self.touched = [self.x.storage]
        self._low, self._high = equation.params["low"], equation.params["high"]

    def text(self) -> Iterator[str]:
        """All elements are looked at before anything is decided."""
        names = _names(len(self.x.shape))
        x = at(self.x, names)
        yield "int outside = 0;"
        yield from loops(zip(names, self.x.shape, strict=True), [f"outside |= !({x} >= {self._low} && {x} < {self._high});"])
        yield f"if (outside) return {OUT_OF_RANGE};"
