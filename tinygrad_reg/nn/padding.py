"""Padding: more elements around the last dims, as many before and after each as `padding` says; negative numbers crop.

`padding` is one number for all sides, or (before, after) of the last dim, then of the one before it, and so on.
"""

from __future__ import annotations

from typing import Any, ClassVar

from ..engine.refusal import typed_errors
from ..ops.padding import pad
from ..ops.windows import per_dim
from ..tensor import Tensor
from .module import Module


class _Pad(Module):
    spatial: ClassVar[int]
    mode: ClassVar[str]

    @typed_errors
    def __init__(self, padding: Any) -> None:
        super().__init__()
        self.padding = _sides(self, padding)

    def forward(self, input: Tensor) -> Tensor:
        return pad(input, self.padding, self.mode)

    def extra_repr(self) -> str:
        return str(self.padding)


class _ConstantPad(Module):
    spatial: ClassVar[int]

    @typed_errors
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
    """`value` before and after the last dim.

    >>> tg.nn.ConstantPad1d((1, 2), 7.0)(tg.tensor([[1.0, 2.0]]))
    tensor([[7., 1., 2., 7., 7.]])
    """

    spatial = 1


class ConstantPad2d(_ConstantPad):
    """`value` around the last two dims.

    >>> tg.nn.ConstantPad2d((1, 0, 0, 1), 7.0)(tg.tensor([[1.0, 2.0]]))
    tensor([[7., 1., 2.],
            [7., 7., 7.]])
    """

    spatial = 2


class ConstantPad3d(_ConstantPad):
    """`value` around the last three dims.

    >>> tg.nn.ConstantPad3d((1, 2, 0, 0, 0, 0), 7.0)(tg.ones(1, 2, 3, 4)).shape
    (1, 2, 3, 7)
    """

    spatial = 3


class _ZeroPad(_ConstantPad):
    @typed_errors
    def __init__(self, padding: Any) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        return str(self.padding)


class ZeroPad1d(_ZeroPad, ConstantPad1d):
    """Zeros before and after the last dim.

    >>> tg.nn.ZeroPad1d((1, 2))(tg.tensor([[1.0, 2.0]]))
    tensor([[0., 1., 2., 0., 0.]])
    """


class ZeroPad2d(_ZeroPad, ConstantPad2d):
    """Zeros around the last two dims.

    >>> tg.nn.ZeroPad2d((1, 0, 0, 1))(tg.tensor([[1.0, 2.0]]))
    tensor([[0., 1., 2.],
            [0., 0., 0.]])
    """


class ZeroPad3d(_ZeroPad, ConstantPad3d):
    """Zeros around the last three dims.

    >>> tg.nn.ZeroPad3d((1, 2, 0, 0, 0, 0))(tg.ones(1, 2, 3, 4)).shape
    (1, 2, 3, 7)
    """


class ReflectionPad1d(_Pad):
    """The last dim mirrored at its ends, which are not repeated.

    >>> tg.nn.ReflectionPad1d(2)(tg.tensor([[1.0, 2.0, 3.0]]))
    tensor([[3., 2., 1., 2., 3., 2., 1.]])
    """

    spatial, mode = 1, "reflect"


class ReflectionPad2d(_Pad):
    """The last two dims mirrored at their ends, which are not repeated.

    >>> tg.nn.ReflectionPad2d((1, 0, 1, 0))(tg.tensor([[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]]))
    tensor([[[5., 4., 5., 6.],
             [2., 1., 2., 3.],
             [5., 4., 5., 6.]]])
    """

    spatial, mode = 2, "reflect"


class ReflectionPad3d(_Pad):
    """The last three dims mirrored at their ends, which are not repeated.

    >>> tg.nn.ReflectionPad3d(1)(tg.ones(1, 2, 3, 4)).shape
    (1, 4, 5, 6)
    """

    spatial, mode = 3, "reflect"


class ReplicationPad1d(_Pad):
    """The ends of the last dim repeated.

    >>> tg.nn.ReplicationPad1d(2)(tg.tensor([[1.0, 2.0, 3.0]]))
    tensor([[1., 1., 1., 2., 3., 3., 3.]])
    """

    spatial, mode = 1, "replicate"


class ReplicationPad2d(_Pad):
    """The ends of the last two dims repeated.

    >>> tg.nn.ReplicationPad2d((1, 0, 1, 0))(tg.tensor([[[1.0, 2.0], [3.0, 4.0]]]))
    tensor([[[1., 1., 2.],
             [1., 1., 2.],
             [3., 3., 4.]]])
    """

    spatial, mode = 2, "replicate"


class ReplicationPad3d(_Pad):
    """The ends of the last three dims repeated.

    >>> tg.nn.ReplicationPad3d(1)(tg.ones(1, 2, 3, 4)).shape
    (1, 4, 5, 6)
    """

    spatial, mode = 3, "replicate"


class CircularPad1d(_Pad):
    """The last dim going on at its other end.

    >>> tg.nn.CircularPad1d(2)(tg.tensor([[1.0, 2.0, 3.0]]))
    tensor([[2., 3., 1., 2., 3., 1., 2.]])
    """

    spatial, mode = 1, "circular"


class CircularPad2d(_Pad):
    """The last two dims going on at their other ends.

    >>> tg.nn.CircularPad2d((1, 0, 1, 0))(tg.tensor([[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]]))
    tensor([[[6., 4., 5., 6.],
             [3., 1., 2., 3.],
             [6., 4., 5., 6.]]])
    """

    spatial, mode = 2, "circular"


class CircularPad3d(_Pad):
    """The last three dims going on at their other ends.

    >>> tg.nn.CircularPad3d(1)(tg.ones(1, 2, 3, 4)).shape
    (1, 4, 5, 6)
    """

    spatial, mode = 3, "circular"
