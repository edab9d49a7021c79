"""Padding: more elements around the last dims, as many before and after each as `padding` says; negative numbers crop.

`padding` is one number for all sides, or (before, after) of the last dim, then of the one before it, and so on.
"""

from __future__ import annotations

from typing import Any, ClassVar

from ..ops.padding import pad
from ..ops.windows import per_dim
from ..tensor import Tensor
from .module import Module


class _Pad(Module):
    spatial: ClassVar[int]
    mode: ClassVar[str]

    def __init__(self, padding: Any) -> None:
        super().__init__()
        self.padding = _sides(self, padding)

    def forward(self, input: Tensor) -> Tensor:
        return pad(input, self.padding, self.mode)

    def extra_repr(self) -> str:
        return str(self.padding)


class _ConstantPad(Module):
    spatial: ClassVar[int]

    def __init__(self, padding: Any, value: float) -> None:
        super().__init__()
        self.padding = _sides(self, padding)
        self.value = value

    def forward(self, input: Tensor) -> Tensor:
        return pad(input, self.padding, "constant", self.value)

    def extra_repr(self) -> str:
        return f"padding={self.padding}, value={self.value}"


def _sides(module: _Pad | _ConstantPad, padding: Any) -> tuple[int, ...]:
    """A number for each of the sides: one for all, or as many as there are."""
    count = 2 * module.spatial
    return per_dim(padding, count, module._get_name(), "padding", -(2**63))


class ConstantPad1d(_ConstantPad):
    """`value` before and after the last dim."""

    spatial = 1


class ConstantPad2d(_ConstantPad):
    """`value` around the last two dims."""

    spatial = 2


class ConstantPad3d(_ConstantPad):
    """`value` around the last three dims."""

    spatial = 3


class _ZeroPad(_ConstantPad):
    def __init__(self, padding: Any) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        return str(self.padding)


class ZeroPad1d(_ZeroPad, ConstantPad1d):
    """Zeros before and after the last dim."""


class ZeroPad2d(_ZeroPad, ConstantPad2d):
    """Zeros around the last two dims."""


class ZeroPad3d(_ZeroPad, ConstantPad3d):
    """Zeros around the last three dims."""


class ReflectionPad1d(_Pad):
    """The last dim mirrored at its ends, which are not repeated."""

    spatial, mode = 1, "reflect"


class ReflectionPad2d(_Pad):
    """The last two dims mirrored at their ends, which are not repeated."""

    spatial, mode = 2, "reflect"


class ReflectionPad3d(_Pad):
    """The last three dims mirrored at their ends, which are not repeated."""

    spatial, mode = 3, "reflect"


class ReplicationPad1d(_Pad):
    """The ends of the last dim repeated."""

    spatial, mode = 1, "replicate"


class ReplicationPad2d(_Pad):
    """The ends of the last two dims repeated."""

    spatial, mode = 2, "replicate"


class ReplicationPad3d(_Pad):
    """The ends of the last three dims repeated."""

    spatial, mode = 3, "replicate"


class CircularPad1d(_Pad):
    """The last dim going on at its other end."""

    spatial, mode = 1, "circular"


class CircularPad2d(_Pad):
    """The last two dims going on at their other ends."""

    spatial, mode = 2, "circular"


class CircularPad3d(_Pad):
    """The last three dims going on at their other ends."""

    spatial, mode = 3, "circular"
