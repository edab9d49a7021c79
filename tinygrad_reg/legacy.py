"""Names of PyTorch's first years that scripts still use: a type of tensor for each dtype, and `autograd.Variable`."""

from __future__ import annotations

from typing import Any

from . import dtypes, interop
from .dtypes import Dtype
from .engine.node import wrap
from .engine.refusal import no_tensor, shown
from .errors import ArgumentTypeError
from .tensor import Size, Tensor


class _OfDtype(type):
    """Tensors of one dtype, as a type: makes them, and says of a tensor whether it is one."""

    dtype: Dtype

    def __call__(cls, *data: Any) -> Tensor:
        given = data[0] if len(data) == 1 and isinstance(data[0], Size) else data
        if given and isinstance(given[0], Tensor) and given[0].dtype != cls.dtype:
            raise ArgumentTypeError(
                f"{cls.__name__}: expected numbers or a tensor of {cls.dtype}, got {shown(given[0])}; .to(dtype) converts"
            )
        return wrap(Tensor, interop.from_constructor(given, cls.dtype))

    def __instancecheck__(cls, x: Any) -> bool:
        return isinstance(x, Tensor) and x.dtype == cls.dtype


class FloatTensor(metaclass=_OfDtype):
    """`FloatTensor([1, 2])` are these numbers as float32, `FloatTensor(2, 3)` memory of these sizes; `x.type(FloatTensor)` converts.

    >>> tg.FloatTensor([1, 2]), isinstance(tg.ones(2), tg.FloatTensor)
    (tensor([1., 2.]), True)
    """

    dtype = dtypes.float32


class DoubleTensor(metaclass=_OfDtype):
    """Tensors of float64, see FloatTensor.

    >>> tg.DoubleTensor([1, 2])
    tensor([1., 2.], dtype=float64)
    """

    dtype = dtypes.float64


class HalfTensor(metaclass=_OfDtype):
    """Tensors of float16, see FloatTensor.

    >>> tg.HalfTensor([1, 2])
    tensor([1., 2.], dtype=float16)
    """

    dtype = dtypes.float16


class LongTensor(metaclass=_OfDtype):
    """Tensors of int64, see FloatTensor.

    >>> tg.LongTensor([2, 0])
    tensor([2, 0])
    """

    dtype = dtypes.int64


class IntTensor(metaclass=_OfDtype):
    """Tensors of int32, see FloatTensor.

    >>> tg.IntTensor([2, 0])
    tensor([2, 0], dtype=int32)
    """

    dtype = dtypes.int32


class ShortTensor(metaclass=_OfDtype):
    """Tensors of int16, see FloatTensor.

    >>> tg.ShortTensor([2, 0])
    tensor([2, 0], dtype=int16)
    """

    dtype = dtypes.int16


class CharTensor(metaclass=_OfDtype):
    """Tensors of int8, see FloatTensor.

    >>> tg.CharTensor([2, 0])
    tensor([2, 0], dtype=int8)
    """

    dtype = dtypes.int8


class ByteTensor(metaclass=_OfDtype):
    """Tensors of uint8, see FloatTensor.

    >>> tg.ByteTensor([2, 0])
    tensor([2, 0], dtype=uint8)
    """

    dtype = dtypes.uint8


class BoolTensor(metaclass=_OfDtype):
    """Tensors of bool, see FloatTensor.

    >>> tg.BoolTensor([2, 0])
    tensor([ True, False])
    """

    dtype = dtypes.bool


class _Variable(type):
    def __call__(cls, data: Tensor, requires_grad: bool = False) -> Tensor:
        if not isinstance(data, Tensor):
            raise no_tensor("Variable: data must be a tensor", data)
        return data.detach().requires_grad_(requires_grad)

    def __instancecheck__(cls, x: Any) -> bool:
        return isinstance(x, Tensor)


class Variable(metaclass=_Variable):
    """`Variable(x)` is a tensor in the memory of x, outside of its graph: today every tensor is what a Variable was.

    >>> tg.autograd.Variable(tg.ones(2), requires_grad=True)
    tensor([1., 1.], requires_grad=True)
    """
