"""A tracer that only looks on, to test what optimizers and schedules tell one."""

from __future__ import annotations

from typing import Any

import numpy as np

import tinygrad_reg as tg
from tinygrad_reg.errors import TraceError


class Number(float):
    """A coefficient as a tracer gives it: an operand of array operations, and of nothing else."""

    def _only_arrays(self, other: Any) -> Any:
        if isinstance(other, tg.Tensor | np.ndarray):
            return NotImplemented
        raise AssertionError("update() computes with coefficients; that belongs into coefficients()")

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = __pow__ = __rpow__ = _only_arrays

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any) -> Any:
        """NumPy treats a float as weakly typed, but not a subclass of it."""
        return getattr(ufunc, method)(*[float.__pos__(x) if isinstance(x, Number) else x for x in inputs])

    def __bool__(self) -> bool:
        raise AssertionError("update() looks at the value of a coefficient; leave it out of coefficients() instead")

    def __neg__(self) -> float:
        raise AssertionError("update() computes with coefficients; that belongs into coefficients()")


class Tracer:
    """Notes what a traced step does, and hands out numbers that only array operations accept."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.written: list[Any] = []
        self.hosts: list[Any] = []

    def record(self, primitive: Any, args: Any, params: Any, out: Any) -> None:
        self.calls.append(primitive.name)

    def write(self, target: Any, value: Any) -> None:
        self.written.append(target)

    def host(self, function: Any, *args: Any) -> dict[str, Any]:
        self.hosts.append(lambda: function(*args))
        return {name: Number(value) for name, value in function(*args).items()}

    def memory(self, array: Any) -> tg.Tensor:
        return tg.from_numpy(array)

    def know(self, array: Any) -> None: ...

    def knows(self, x: Any) -> bool:
        return False

    def read_grad(self, leaf: Any) -> None: ...

    def set_grad(self, leaf: Any) -> None: ...

    def seed(self, cotangent: Any) -> None: ...

    def unrepeatable(self, why: str) -> None:
        raise AssertionError(why)

    def forbid(self, why: str) -> None:
        raise TraceError(why)

    def concretize(self, what: str) -> None:
        raise AssertionError(what)
