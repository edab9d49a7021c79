"""What all elementwise primitives share: promotion to a common dtype, and calls as short as Python allows.

`Unary` and `Binary` repeat the few lines of `Primitive.bind` for one and for two arguments, because most of a small
operation's time is spent there; everything unusual (promotion, numbers, tracing) leaves by a slow door.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ..engine.mutation import Array
from ..engine.node import Value, array_of, new, wrap
from ..engine.plain import is_stand_in
from ..engine.plan import UNPLANNED, Plan, Rule
from ..engine.primitive import Primitive, make_node, primitive, silent_copy
from ..engine.promotion import WEAK, Dtype, category, common_type, float_type, result_type, standing
from ..engine.refusal import FOREIGN, no_tensor, refused, shown
from ..engine.state import State, state
from ..errors import ArgumentTypeError, DtypeError, RangeError, ShapeError, TinygradRegError

if TYPE_CHECKING:
    from ..tensor import Tensor

_ndarray = np.ndarray
_FLOAT32 = np.dtype(np.float32)
_NO_KEYWORDS: dict[str, Any] = {}


@primitive
def cast(x: Array, *, dtype: Any) -> Array:
    """x converted to another dtype."""
    return x.astype(dtype)


cast.vjp(x=lambda g, x_dtype: cast.bind(g, dtype=x_dtype))


def as_array(x: Any) -> Any:
    """x itself if it is an array; the NumPy scalar that an operation on 0-d arrays gives, as an array.

    In forward functions `np.asarray` would hide what follows from the compiler, which runs them on stand-ins for arrays.
    """
    return x if isinstance(x, _ndarray) else np.asarray(x)


def convert(x: Any, dtype: Any) -> Tensor:
    """`cast`, where it changes anything; a conversion to integers or bool ends the graph."""
    given = x.dtype
    if given is dtype or given == dtype:
        return x  # type: ignore[no-any-return]
    if isinstance(x, Value):
        if x.node is None and state.tracer is None:  # nothing to record
            return wrap(x.result_class, silent_copy().run(x.array.astype, dtype))
        if x.node is not None and np.dtype(dtype).kind != "f":
            x = cut(x)
    return cast.bind(x, dtype=dtype)


def wide(x: Any) -> Any:
    """float16 as float32: half precision is for storage, not for adding up. Anything else, also None, as it is."""
    return cast.bind(x, dtype=_FLOAT32) if x is not None and array_of(x).dtype.char == "e" else x


@functools.lru_cache(maxsize=256)
def numbers(dtype: np.dtype[Any], *values: float) -> tuple[Array, ...]:
    """Numbers as 0-d arrays, which are only read: NumPy needs more time to convert a Python number than to work on a few elements.

    For numbers that are written in code: -0.0 would be found as 0.0.
    """
    return tuple([np.array(value, dtype) for value in values])


class Numbers(dict[float, Array]):
    """Python's numbers as 0-d arrays of one dtype, for arrays of this dtype: they need not be promoted, and see `numbers`.

    None for an integer that is too large. `types` are those of a category that is not above that of the arrays.
    """

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self.dtype = dtype
        self.types = WEAK.get(dtype.kind, ())
        self.zeros = self._made(0.0), self._made(-0.0)  # not among the others, for they count as equal

    def _made(self, number: float) -> Array:
        array: Array = silent_copy().run(np.asarray(number).astype, self.dtype)
        array.setflags(write=False)
        return array

    def __missing__(self, number: float) -> Array:
        if not number:
            return self.zeros[math.copysign(1.0, number) < 0.0]
        try:
            array = self._made(number)
        except OverflowError:
            return None
        if len(self) < 4096:
            self[number] = array
        return array


NUMBERS = {dtype: Numbers(dtype) for dtype in map(np.dtype, (np.float32, np.float64, np.int64, np.int32, np.int16, np.int8, np.uint8))}
_NO_NUMBERS = Numbers(np.dtype(np.bool_))


def check_fits(number: Any, dtype: Any, what: str, wraps: bool = True) -> None:
    """Raise RangeError if a Python number does not fit into a dtype. As in PyTorch, negative ones wrap around in uint8, if `wraps`."""
    if 0 <= number <= 127:
        return
    low, high = _range(np.dtype(dtype))
    number = number.item() if isinstance(number, np.generic) else number
    low = low if wraps or dtype.kind != "u" else 0
    exact = isinstance(number, int) or not (dtype.kind in "fb" and not math.isfinite(number))
    if exact and not low <= number <= high:
        raise RangeError(f"{what}: {number} does not fit into {dtype}, which holds {low} to {high}; use a wider dtype, or .clamp() first")


def number_in(number: Any, dtype: np.dtype[Any], what: str) -> Array:
    """A number that may need checking against a dtype, as a 0-d array of it, which is only read. Raises as `check_fits`."""
    check_fits(number, dtype, what)
    known = NUMBERS.get(dtype, _NO_NUMBERS)
    if type(number) in known.types and state.tracer is None:  # a tracer knows arrays by identity
        return known[number]
    return in_dtype(number, dtype, what)


def in_dtype(number: Any, dtype: Any, what: str) -> Array:
    """A number as a 0-d array, wrapping around as integers do. Raises RangeError if it is too large for any integer."""
    try:
        return silent_copy().run(np.asarray(number).astype, dtype)
    except OverflowError:
        remedy = "a smaller number" if np.dtype(dtype).kind == "f" else "a float"
        raise RangeError(f"{what}: {shown(number)} does not fit into {dtype}; use {remedy}") from None


@functools.lru_cache
def _range(dtype: np.dtype[Any]) -> tuple[float, float]:
    if dtype.kind == "f":
        return -float(np.finfo(dtype).max), float(np.finfo(dtype).max)
    if dtype.kind == "b":
        return -math.inf, math.inf
    info = np.iinfo(dtype)
    return (-info.max if dtype.kind == "u" else info.min), info.max


@primitive
def cut(x: Array) -> Array:
    """x itself, through which no gradient flows."""
    return x.view()


cut.vjp(x=None)


def check_broadcast(what: str, args: tuple[Any, ...]) -> None:
    """Raise ShapeError if the shapes of tensors, arrays and numbers do not broadcast."""
    shapes = [np.shape(array_of(x)) for x in args]
    if shapes.count(shapes[0]) == len(shapes):
        return
    try:
        np.broadcast_shapes(*shapes)
    except ValueError:
        listed = " · ".join(str(shape) for shape in shapes)
        raise ShapeError(
            f"{what}: shapes do not broadcast\n  {listed}\n"
            "  sizes must agree from the last dimension on, or be 1; insert dimensions with .unsqueeze(dim)"
        ) from None


_OPERANDS = (Value, _ndarray, bool, int, float, np.generic)  # in a tuple, for a union would be made at each call

#: By what a primitive accepts: the kinds of dtypes that it takes as they are.
_UNCHANGED = {"any": "fiub", "number": "fiu", "difference": "fiu", "power": "fiu", "float": "f", "integer": "iub", "whole": "iu"}


class Elementwise(Primitive):
    """A primitive that works element by element, after promoting its arguments to one dtype and shape.

    `kind` says what it accepts: "any" numbers, "float" (integers become the default dtype first), "number" (anything but
    bool), "difference" (no bool at all), "power" (bool becomes int64), "integer" (which includes bool) and "whole" (which does not).
    With `widens`, float16 and a number, also one as a 0-d tensor, are computed in float32, where the number need not fit into float16.
    """

    elementwise = True

    def __init__(
        self,
        forward: Callable[..., Any],
        *,
        name: str | None = None,
        kind: str = "any",
        domain: Any = None,
        kinks: Any = (),
        analytic: bool = False,
        widens: bool = False,
    ) -> None:
        super().__init__(forward, name=name)
        self.widens = widens
        self.kind = kind
        self.direct = _UNCHANGED[kind]
        self.domain = domain
        self.kinks = kinks
        self.analytic = analytic

    def dtype_of(self, *operands: Any) -> Dtype:
        """The common dtype to compute in."""
        standings = [standing(x) for x in operands]
        dtype = common_type(*standings)
        category(dtype)
        if self.kind == "float":
            return float_type(dtype)
        if self.kind == "difference" and any(given.kind == "b" for _, given in standings):
            raise DtypeError(f"{self.name}: not defined with a bool tensor; use ^ or ~ for logic, or convert with .to(tg.int64) first")
        if self.kind in ("number", "whole") and dtype.kind == "b":
            raise DtypeError(f"{self.name}: not defined for bool tensors; convert with .to(tg.int64) or .float() first")
        if self.kind == "power" and dtype.kind == "b":
            return np.dtype(np.int64)
        if self.kind in ("integer", "whole") and dtype.kind == "f":
            raise DtypeError(f"{self.name}: needs integer tensors, got {dtype}; convert with .long(), or compare to get bools")
        return dtype

    def _settled(self, args: tuple[Any, ...]) -> tuple[list[Any], list[Any]] | None:
        """The arrays of the arguments and the nodes that made them, if nothing needs to be promoted: tensors of one dtype, and after
        them numbers of its category or a lower one; else None."""
        raw: list[Any] = []
        parents: list[Any] = []
        dtype, known = None, _NO_NUMBERS
        for x in args:
            if type(x) in known.types:
                number = known[x]
                if number is None:
                    return None
                raw.append(number)
                parents.append(None)
            elif isinstance(x, Value):
                array = x.array
                raw.append(array)
                parents.append(x.node)
                if array.dtype is not dtype:
                    if dtype is not None:
                        return None
                    dtype = array.dtype
                    known = NUMBERS.get(dtype, _NO_NUMBERS)
            else:
                return None
        return (raw, parents) if known.types and known.dtype.kind in self.direct else None

    def prepare(self, operands: tuple[Any, ...]) -> list[Any]:
        """The operands in their common dtype, numbers kept as numbers where NumPy treats them as weak."""
        for x in operands:
            if not isinstance(x, _OPERANDS):
                raise no_tensor(f"{self.name}: expected tensors or numbers", x)
        dtype = self.dtype_of(*operands)
        return [self._operand(x, dtype) for x in operands]

    def _operand(self, x: Any, dtype: Any) -> Any:
        if isinstance(x, Value):
            return convert(x, dtype)
        if isinstance(x, _ndarray):
            return x.astype(dtype)  # a copy: the graph could not notice a later change
        if type(x) is float and dtype.kind == "f":
            return x
        if isinstance(x, float) and not isinstance(x, np.generic) and dtype.kind == "f":
            return x
        return in_dtype(x, dtype, self.name)[()]

    def bind(self, *args: Any, **params: Any) -> Tensor:
        """Promote, then record as every primitive does."""
        if len(args) > len(self.arguments) and self.tail is None:  # NumPy would take one more for `out`, and write into it
            raise ArgumentTypeError(f"{self.name}: takes {len(self.arguments)} arguments, got {len(args)}")
        for name in params:
            if name not in self.keywords:
                raise ArgumentTypeError(f"{self.name}: got an unexpected keyword argument {name!r}")
        try:
            settled = self._settled(args)
            if settled is not None:
                return self.applied_to_all(*settled, params) if state.recording is not None else super().bind(*args, **params)
            if any(isinstance(x, Value) for x in args):
                if self.widens and (wide := _widened(args)) is not None:
                    return convert(self(*wide), np.float16)
                args = tuple(self.prepare(args))
            return super().bind(*args, **params)
        except TinygradRegError:
            raise
        except FOREIGN as error:
            raise self.refusal(args, error) from error

    def refusal(self, args: tuple[Any, ...], error: Exception) -> TinygradRegError:
        """What to raise instead of an error of NumPy's."""
        for x in args:
            if not (isinstance(x, (Value, bool, int, float)) or (isinstance(x, (_ndarray, np.generic)) and x.dtype.kind in "biuf")):
                expected = "a tensor" if len(self.arguments) == 1 else "tensors or numbers"
                return no_tensor(f"{self.name}: expected {expected}", x)
        if isinstance(error, ValueError):
            check_broadcast(self.name, args)
        given = dict(zip(self.arguments, args, strict=False))
        return refused(self.name, given, error, f"call it as {self.name}({', '.join((*self.arguments, *self.keywords))})")


def _is_common(x: Any) -> bool:
    return isinstance(x, (Value, bool, int, float, np.generic))


def _is_half(x: Any) -> bool:
    return isinstance(x, Value) and x.array.dtype.char == "e"


def _python_number(x: Any, dtype: Dtype) -> Any:
    """A number as one of Python's own types; True beside bools stays what it is, for 1 would make them integers."""
    if type(x) is float or type(x) is int or dtype.kind == "b":
        return x
    return float(x) if isinstance(x, (float, np.floating)) else int(x)


def _widened(args: tuple[Any, ...]) -> list[Any] | None:
    """A float16 tensor in float32 beside a number, or a 0-d tensor of another float dtype; None for other arguments."""
    halves = list(map(_is_half, args))
    if True not in halves:
        return None
    rest = [x for x, half in zip(args, halves, strict=True) if not half]
    if not rest or not all(_is_number(x) for x in rest) or result_type(*args).char != "e":
        return None
    return [convert(x, np.float32) if half else x for x, half in zip(args, halves, strict=True)]


def _is_number(x: Any) -> bool:
    return isinstance(x, (int, float)) or (isinstance(x, Value) and not x.array.ndim and x.array.dtype.kind == "f")


class Unary(Elementwise):
    """An elementwise primitive of one argument."""

    _plan: Plan | None

    def vjp(self, **rules: Rule | None) -> None:
        """Declare the rule, to be planned for at the first call."""
        super().vjp(**rules)
        self._plan = UNPLANNED

    def bind(self, input: Any) -> Tensor:
        """Apply to a tensor of any shape; the result has the same shape."""
        if not isinstance(input, Value):
            try:
                return self.forward(input) if type(input) is _ndarray else self._raw(input)  # type: ignore[no-any-return]
            except TinygradRegError:
                raise
            except FOREIGN as error:
                raise self.refusal((input,), error) from error
        array = input.array
        recording = state.recording
        if recording is None or array.dtype.kind not in self.direct:
            return super().bind(input)
        out = silent_copy().run(self.forward, array)
        if type(out) is not _ndarray:
            out = np.asarray(out)
        result = new(input.result_class)
        result.array = out
        parent = input.node
        if recording and parent is not None:
            plan = self._plan
            if plan is UNPLANNED:
                plan = self._plan = self.plan((True,))
            if plan is not None:
                result.node = make_node(self, plan, (array, out), _NO_KEYWORDS, out.shape, parent)
        return result

    def _raw(self, input: Any) -> Any:
        if not isinstance(input, np.generic) and not is_stand_in(input):
            raise no_tensor(f"{self.name}: expected a tensor", input)
        return self.forward(input)


class Parametric(Elementwise):
    """An elementwise primitive of one argument and some numbers, given by keyword. Takes float tensors as they are."""

    def bind(self, input: Any, **params: Any) -> Tensor:
        """Apply to a tensor of any shape; the result has the same shape."""
        if isinstance(input, Value):
            array = input.array
            if array.dtype.kind == "f" and state.recording is not None:
                return self.applied(input, silent_copy().run(self.call or self.caller(1), array, params), params)
        elif type(input) is _ndarray:
            try:
                return (self.call or self.caller(1))(input, params)  # type: ignore[no-any-return]
            except FOREIGN as error:
                raise self.refusal((input,), error) from error
        elif not isinstance(input, (_ndarray, np.generic)):
            raise no_tensor(f"{self.name}: expected a tensor", input)
        return super().bind(input, **params)


class Binary(Elementwise):
    """An elementwise primitive of two arguments, which broadcast against each other."""

    _plan_both: Plan | None
    _plan_x: Plan | None  # y is an array
    _plan_y: Plan | None
    _plan_x_number: Plan | None  # y is a finite number
    _plan_y_number: Plan | None
    _common: dict[Any, Dtype]  # the dtype to compute in, by what decides it, see `_bind_alike`

    def vjp(self, **rules: Rule | None) -> None:
        """Declare the rules, to be planned for at the first call."""
        super().vjp(**rules)
        self._plan_both = self._plan_x = self._plan_y = self._plan_x_number = self._plan_y_number = UNPLANNED
        self._common = {}

    def _make_plans(self) -> None:
        self._plan_both = self.plan((True, True))
        self._plan_x, self._plan_y = self.plan((True, False)), self.plan((False, True))
        self._plan_x_number, self._plan_y_number = self.plan((True, None)), self.plan((None, True))

    def bind(self, input: Any, other: Any) -> Tensor:
        """Apply to tensors of shapes that broadcast, or a tensor and a number."""
        if isinstance(input, Value):
            x: Any = input.array
            xnode = input.node
            dtype = x.dtype
            result_class = input.result_class
            if isinstance(other, Value):
                y: Any = other.array
                ynode = other.node
                if dtype is not y.dtype:
                    return self._bind_alike(input, other)
                plan = self._plan_x if ynode is None else self._plan_y if xnode is None else self._plan_both
            else:
                known = NUMBERS.get(dtype, _NO_NUMBERS)
                if type(other) not in known.types or (y := known[other]) is None:
                    return self._bind_alike(input, other)
                ynode = None
                plan = self._plan_x_number if other - other == 0.0 != other else self._plan_x  # 0, inf and nan make 0 · inf possible
        elif isinstance(other, Value):
            y, ynode = other.array, other.node
            dtype = y.dtype
            result_class = other.result_class
            known = NUMBERS.get(dtype, _NO_NUMBERS)
            if type(input) not in known.types or (x := known[input]) is None:
                return self._bind_alike(input, other)
            xnode = None
            plan = self._plan_y_number if input - input == 0.0 != input else self._plan_y
        else:
            return self._raw(input, other)  # type: ignore[no-any-return]
        if plan is UNPLANNED:
            self._make_plans()
            return self(input, other)
        recording = state.recording
        if recording is None or dtype.kind not in self.direct:
            return self._bind_alike(input, other)
        try:
            out = silent_copy().run(self.forward, x, y)
        except ValueError:
            check_broadcast(self.name, (x, y))
            raise
        if type(out) is not _ndarray:
            out = np.asarray(out)
        result = new(result_class)
        result.array = out
        if recording and plan is not None and (xnode is not None or ynode is not None):
            result.node = make_node(self, plan, (x, y, out), _NO_KEYWORDS, out.shape, xnode, ynode)
        return result

    def _bind_alike(self, *args: Any) -> Tensor:
        """The same call with tensors of the common dtype and Python's numbers.

        Arrays, float16 that is widened, and what is alike already go through the slow door.
        """
        if state.recording is not None:
            given = [((array := x.array).dtype, not array.ndim) if isinstance(x, Value) else type(x) for x in args]
            key = (*given, State.default_dtype)
            dtype = self._common.get(key)
            if dtype is None and all(map(_is_common, args)) and not (self.widens and any(map(_is_half, args))):
                dtype = self._common[key] = self.dtype_of(*args)
            if dtype is not None:
                alike = [convert(x, dtype) if isinstance(x, Value) else _python_number(x, dtype) for x in args]
                if alike[0] is not args[0] or alike[1] is not args[1]:
                    return self.bind(*alike)
        return super().bind(*args)

    def _raw(self, *args: Any) -> Any:
        try:
            return self.forward(*args)
        except TinygradRegError:
            raise
        except FOREIGN as error:
            raise self.refusal(args, error) from error
