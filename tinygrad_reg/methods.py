"""Operators and methods of Tensor: one-line forwards to the functions, which carry the documentation.

`m_` is the in-place form of `m`: compute the new value, then write it into the tensor's memory (`ops/assign.py`). Where `m` is composed
of operations of which others than the last need what is overwritten, they are given a clone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from . import dtypes
from .engine.node import Value
from .errors import ArgumentTypeError
from .ops import (
    arithmetic,
    arrangement,
    comparison,
    diagonals,
    elementwise,
    extremes,
    fused,
    gathering,
    indexing,
    joining,
    linalg,
    masking,
    norms,
    reduction,
    scan,
    sorting,
    special,
)
from .ops import assign as inplace
from .ops import random as rng
from .ops import shape as shaping
from .ops.arguments import numpy_names
from .ops.pointwise import convert

if TYPE_CHECKING:
    from .tensor import Tensor

    Infix: TypeAlias = Callable[[Any, Any], Tensor]


def _operator(function: Callable[[Any, Any], Tensor]) -> Callable[[Any, Any], Tensor]:
    """An infix operator. Of what is neither a tensor nor a number it is not implemented: Python then asks the other operand."""

    def method(self: Any, other: Any) -> Any:
        try:
            return function(self, other)
        except ArgumentTypeError:
            return NotImplemented

    return method


def _reflected(function: Callable[[Any, Any], Tensor]) -> Callable[[Any, Any], Tensor]:
    """The same with the tensor on the right."""
    return _operator(lambda self, other: function(other, self))


def _in_place(function: Callable[[Any, Any], Tensor], what: str) -> Callable[[Any, Any], Tensor]:
    """The same, written into the tensor's memory."""
    return _operator(lambda self, other: inplace.assign(self, function(self, other), what))


class Methods(Value):
    """The method surface of Tensor."""

    # ---- operators -------------------------------------------------------------------------------------------------------

    __add__: ClassVar[Infix] = _operator(elementwise.add_p)
    __radd__: ClassVar[Infix] = _reflected(elementwise.add_p)
    __iadd__: ClassVar[Infix] = _in_place(elementwise.add_p, "__iadd__")
    __sub__: ClassVar[Infix] = _operator(elementwise.sub_p)
    __rsub__: ClassVar[Infix] = _reflected(elementwise.sub_p)
    __isub__: ClassVar[Infix] = _in_place(elementwise.sub_p, "__isub__")
    __mul__: ClassVar[Infix] = _operator(elementwise.mul)
    __rmul__: ClassVar[Infix] = _reflected(elementwise.mul)
    __imul__: ClassVar[Infix] = _in_place(elementwise.mul, "__imul__")
    __truediv__: ClassVar[Infix] = _operator(elementwise.div_p)
    __rtruediv__: ClassVar[Infix] = _reflected(elementwise.div_p)
    __itruediv__: ClassVar[Infix] = _in_place(elementwise.div_p, "__itruediv__")
    __floordiv__: ClassVar[Infix] = _operator(arithmetic.floor_divide)
    __rfloordiv__: ClassVar[Infix] = _reflected(arithmetic.floor_divide)
    __ifloordiv__: ClassVar[Infix] = _in_place(arithmetic.floor_divide, "__ifloordiv__")
    __mod__: ClassVar[Infix] = _operator(elementwise.remainder)
    __rmod__: ClassVar[Infix] = _reflected(elementwise.remainder)
    __imod__: ClassVar[Infix] = _in_place(elementwise.remainder, "__imod__")
    __pow__: ClassVar[Infix] = _operator(elementwise.pow)
    __rpow__: ClassVar[Infix] = _reflected(elementwise.pow)
    __ipow__: ClassVar[Infix] = _in_place(elementwise.pow, "__ipow__")
    __matmul__: ClassVar[Infix] = _operator(linalg.matmul)
    __rmatmul__: ClassVar[Infix] = _reflected(linalg.matmul)
    __imatmul__: ClassVar[Infix] = _in_place(linalg.matmul, "__imatmul__")
    __and__: ClassVar[Infix] = _operator(elementwise.bitwise_and)
    __rand__: ClassVar[Infix] = _reflected(elementwise.bitwise_and)
    __iand__: ClassVar[Infix] = _in_place(elementwise.bitwise_and, "__iand__")
    __or__: ClassVar[Infix] = _operator(elementwise.bitwise_or)
    __ror__: ClassVar[Infix] = _reflected(elementwise.bitwise_or)
    __ior__: ClassVar[Infix] = _in_place(elementwise.bitwise_or, "__ior__")
    __xor__: ClassVar[Infix] = _operator(elementwise.bitwise_xor)
    __rxor__: ClassVar[Infix] = _reflected(elementwise.bitwise_xor)
    __ixor__: ClassVar[Infix] = _in_place(elementwise.bitwise_xor, "__ixor__")
    __lshift__: ClassVar[Infix] = _operator(elementwise.bitwise_left_shift)
    __rlshift__: ClassVar[Infix] = _reflected(elementwise.bitwise_left_shift)
    __ilshift__: ClassVar[Infix] = _in_place(elementwise.bitwise_left_shift, "__ilshift__")
    __rshift__: ClassVar[Infix] = _operator(elementwise.bitwise_right_shift)
    __rrshift__: ClassVar[Infix] = _reflected(elementwise.bitwise_right_shift)
    __irshift__: ClassVar[Infix] = _in_place(elementwise.bitwise_right_shift, "__irshift__")
    __rdiv__: ClassVar[Infix] = __rtruediv__  # PyTorch keeps the name

    __lt__: ClassVar[Infix] = _operator(elementwise.lt)
    __le__: ClassVar[Infix] = _operator(elementwise.le)
    __gt__: ClassVar[Infix] = _operator(elementwise.gt)
    __ge__: ClassVar[Infix] = _operator(elementwise.ge)
    __eq__: ClassVar[Infix] = _operator(elementwise.eq)  # type: ignore[assignment]
    __ne__: ClassVar[Infix] = _operator(elementwise.ne)  # type: ignore[assignment]
    __hash__ = Value.__hash__

    def __neg__(self: Any) -> Tensor:
        return elementwise.neg(self)

    def __pos__(self: Any) -> Tensor:
        return elementwise.positive(self)

    def __abs__(self: Any) -> Tensor:
        return elementwise.abs(self)

    def __invert__(self: Any) -> Tensor:
        return elementwise.bitwise_not(self)

    def __getitem__(self: Any, index: Any) -> Tensor:
        return indexing.getitem(self, index)

    def __setitem__(self: Any, index: Any, value: Any) -> None:
        inplace.setitem(self, index, value)

    # ---- elementwise -----------------------------------------------------------------------------------------------------

    def neg(self: Any) -> Tensor:
        return elementwise.neg(self)

    def neg_(self: Any) -> Tensor:
        return inplace.assign(self, elementwise.neg(self), "neg_")

    def square(self: Any) -> Tensor:
        return elementwise.square(self)

    def square_(self: Any) -> Tensor:
        return inplace.assign(self, elementwise.square(self), "square_")

    def reciprocal(self: Any) -> Tensor:
        return elementwise.reciprocal(self)

    def reciprocal_(self: Any) -> Tensor:
        return inplace.assign(self, elementwise.reciprocal(self), "reciprocal_")

    def sqrt(self: Any) -> Tensor:
        return elementwise.sqrt(self)

    def sqrt_(self: Any) -> Tensor:
        return inplace.assign(self, elementwise.sqrt(self), "sqrt_")

    def rsqrt(self: Any) -> Tensor:
        return elementwise.rsqrt(self)

    def rsqrt_(self: Any) -> Tensor:
        return inplace.assign(self, elementwise.rsqrt(self), "rsqrt_")

    def exp(self: Any) -> Tensor:
        return elementwise.exp(self)

    def exp_(self: Any) -> Tensor:
        return inplace.assign(self, elementwise.exp(self), "exp_")

    def exp2(self: Any) -> Tensor:
        return elementwise.exp2(self)

    def exp2_(self: Any) -> Tensor:
        return inplace.assign(self, elementwise.exp2(self), "exp2_")

    def expm1(self: Any) -> Tensor:
        return elementwise.expm1(self)

    def expm1_(self: Any) -> Tensor:
        return inplace.assign(self, elementwise.expm1(self), "expm1_")

    def log(self: Any) -> Tensor:
        return elementwise.log(self)

    def log_(self: Any) -> Tensor:
        return inplace.assign(self, elementwise.log(self), "log_")

    def log2(self: Any) -> Tensor:
        return elementwise.log2(self)

    def log2_(self: Any) -> Tensor:
        return inplace.assign(self, elementwise.log2(self), "log2_")

    def log10(self: Any) -> Tensor:
        return elementwise.log10(self)

    def log10_(self: Any) -> Tensor:
        return inplace.assign(self, elementwise.log10(self), "log10_")

    def log1p(self: Any) -> Tensor:
        return elementwise.log1p(self)

    def log1p_(self: Any) -> Tensor:
        return inplace.assign(self, elementwise.log1p(self), "log1p_")

    def sin(self: Any) -> Tensor:
        return elementwise.sin(self)

    def sin_(self: Any) -> Tensor:
        return inplace.assign(self, elementwise.sin(self), "sin_")

    def cos(self: Any) -> Tensor:
        return elementwise.cos(self)

    def cos_(self: Any) -> Tensor:
        return inplace.assign(self, elementwise.cos(self), "cos_")

    def tan(self: Any) -> Tensor:
        return elementwise.tan(self)

    def tan_(self: Any) -> Tensor:
        return inplace.assign(self, elementwise.tan(self), "tan_")

    def asin(self: Any) -> Tensor:
        return elementwise.asin(self)

    def asin_(self: Any) -> Tensor:
        return inplace.assign(self, elementwise.asin(self), "asin_")

    def acos(self: Any) -> Tensor:
        return elementwise.acos(self)

    def acos_(self: Any) -> Tensor:
        return inplace.assign(self, elementwise.acos(self), "acos_")

    def atan(self: Any) -> Tensor:
        return elementwise.atan(self)

    def atan_(self: Any) -> Tensor:
        return inplace.assign(self, elementwise.atan(self), "atan_")

    def sinh(self: Any) -> Tensor:
        return elementwise.sinh(self)

    def sinh_(self: Any) -> Tensor:
        return inplace.assign(self, elementwise.sinh(self), "sinh_")

    def cosh(self: Any) -> Tensor:
        return elementwise.cosh(self)

    def cosh_(self: Any) -> Tensor:
        return inplace.assign(self, elementwise.cosh(self), "cosh_")

    def tanh(self: Any) -> Tensor:
        return elementwise.tanh(self)

    def tanh_(self: Any) -> Tensor:
        return inplace.assign(self, elementwise.tanh(self), "tanh_")

    def asinh(self: Any) -> Tensor:
        return elementwise.asinh(self)

    def asinh_(self: Any) -> Tensor:
        return inplace.assign(self, elementwise.asinh(self), "asinh_")

    def acosh(self: Any) -> Tensor:
        return elementwise.acosh(self)

    def acosh_(self: Any) -> Tensor:
        return inplace.assign(self, elementwise.acosh(self), "acosh_")

    def atanh(self: Any) -> Tensor:
        return elementwise.atanh(self)

    def atanh_(self: Any) -> Tensor:
        return inplace.assign(self, elementwise.atanh(self), "atanh_")

    def abs(self: Any) -> Tensor:
        return elementwise.abs(self)

    def abs_(self: Any) -> Tensor:
        return inplace.assign(self, elementwise.abs(self), "abs_")

    def sign(self: Any) -> Tensor:
        return elementwise.sign(self)

    def sign_(self: Any) -> Tensor:
        return inplace.assign(self, elementwise.sign(self), "sign_")

    def floor(self: Any) -> Tensor:
        return elementwise.floor(self)

    def floor_(self: Any) -> Tensor:
        return inplace.assign(self, elementwise.floor(self), "floor_")

    def ceil(self: Any) -> Tensor:
        return elementwise.ceil(self)

    def ceil_(self: Any) -> Tensor:
        return inplace.assign(self, elementwise.ceil(self), "ceil_")

    def trunc(self: Any) -> Tensor:
        return elementwise.trunc(self)

    def trunc_(self: Any) -> Tensor:
        return inplace.assign(self, elementwise.trunc(self), "trunc_")

    def fix(self: Any) -> Tensor:
        return elementwise.fix(self)

    def fix_(self: Any) -> Tensor:
        return inplace.assign(self, elementwise.fix(self), "fix_")

    def relu(self: Any) -> Tensor:
        return elementwise.relu(self)

    def relu_(self: Any) -> Tensor:
        return inplace.assign(self, elementwise.relu(self), "relu_")

    def bitwise_not(self: Any) -> Tensor:
        return elementwise.bitwise_not(self)

    def bitwise_not_(self: Any) -> Tensor:
        return inplace.assign(self, elementwise.bitwise_not(self), "bitwise_not_")

    def logical_not(self: Any) -> Tensor:
        return elementwise.logical_not(self)

    def logical_not_(self: Any) -> Tensor:
        return inplace.assign(self, elementwise.logical_not(self), "logical_not_")

    def sigmoid(self: Any) -> Tensor:
        return fused.sigmoid(self)

    def sigmoid_(self: Any) -> Tensor:
        return inplace.assign(self, fused.sigmoid(self), "sigmoid_")

    def erf(self: Any) -> Tensor:
        return special.erf(self)

    def erf_(self: Any) -> Tensor:
        return inplace.assign(self, special.erf(self), "erf_")

    def erfc(self: Any) -> Tensor:
        return special.erfc(self)

    def erfc_(self: Any) -> Tensor:
        return inplace.assign(self, special.erfc(self), "erfc_")

    def erfinv(self: Any) -> Tensor:
        return special.erfinv(self)

    def erfinv_(self: Any) -> Tensor:
        return inplace.assign(self, special.erfinv(self), "erfinv_")

    def isnan(self: Any) -> Tensor:
        return elementwise.isnan(self)

    def isinf(self: Any) -> Tensor:
        return elementwise.isinf(self)

    def isfinite(self: Any) -> Tensor:
        return elementwise.isfinite(self)

    def positive(self: Any) -> Tensor:
        return elementwise.positive(self)

    def add(self: Any, other: Any, *, alpha: float = 1) -> Tensor:
        return arithmetic.add(self, other, alpha=alpha)

    def add_(self: Any, other: Any, *, alpha: float = 1) -> Tensor:
        return inplace.assign(self, arithmetic.add(self, other, alpha=alpha), "add_")

    def sub(self: Any, other: Any, *, alpha: float = 1) -> Tensor:
        return arithmetic.sub(self, other, alpha=alpha)

    def sub_(self: Any, other: Any, *, alpha: float = 1) -> Tensor:
        return inplace.assign(self, arithmetic.sub(self, other, alpha=alpha), "sub_")

    def mul(self: Any, other: Any) -> Tensor:
        return elementwise.mul(self, other)

    def mul_(self: Any, other: Any) -> Tensor:
        return inplace.assign(self, elementwise.mul(self, other), "mul_")

    def div(self: Any, other: Any, *, rounding_mode: str | None = None) -> Tensor:
        return arithmetic.div(self, other, rounding_mode=rounding_mode)

    def div_(self: Any, other: Any, *, rounding_mode: str | None = None) -> Tensor:
        return inplace.assign(
            self, arithmetic.div(shaping.clone(self) if rounding_mode == "trunc" else self, other, rounding_mode=rounding_mode), "div_"
        )

    def pow(self: Any, exponent: Any) -> Tensor:
        return elementwise.pow(self, exponent)

    def pow_(self: Any, exponent: Any) -> Tensor:
        return inplace.assign(self, elementwise.pow(self, exponent), "pow_")

    def floor_divide(self: Any, other: Any) -> Tensor:
        return arithmetic.floor_divide(self, other)

    def floor_divide_(self: Any, other: Any) -> Tensor:
        return inplace.assign(self, arithmetic.floor_divide(self, other), "floor_divide_")

    def remainder(self: Any, other: Any) -> Tensor:
        return elementwise.remainder(self, other)

    def remainder_(self: Any, other: Any) -> Tensor:
        return inplace.assign(self, elementwise.remainder(self, other), "remainder_")

    def fmod(self: Any, other: Any) -> Tensor:
        return elementwise.fmod(self, other)

    def fmod_(self: Any, other: Any) -> Tensor:
        return inplace.assign(self, elementwise.fmod(self, other), "fmod_")

    def eq(self: Any, other: Any) -> Tensor:
        return elementwise.eq(self, other)

    def eq_(self: Any, other: Any) -> Tensor:
        return inplace.assign(self, elementwise.eq(self, other), "eq_")

    def ne(self: Any, other: Any) -> Tensor:
        return elementwise.ne(self, other)

    def ne_(self: Any, other: Any) -> Tensor:
        return inplace.assign(self, elementwise.ne(self, other), "ne_")

    def lt(self: Any, other: Any) -> Tensor:
        return elementwise.lt(self, other)

    def lt_(self: Any, other: Any) -> Tensor:
        return inplace.assign(self, elementwise.lt(self, other), "lt_")

    def le(self: Any, other: Any) -> Tensor:
        return elementwise.le(self, other)

    def le_(self: Any, other: Any) -> Tensor:
        return inplace.assign(self, elementwise.le(self, other), "le_")

    def gt(self: Any, other: Any) -> Tensor:
        return elementwise.gt(self, other)

    def gt_(self: Any, other: Any) -> Tensor:
        return inplace.assign(self, elementwise.gt(self, other), "gt_")

    def ge(self: Any, other: Any) -> Tensor:
        return elementwise.ge(self, other)

    def ge_(self: Any, other: Any) -> Tensor:
        return inplace.assign(self, elementwise.ge(self, other), "ge_")

    def logical_and(self: Any, other: Any) -> Tensor:
        return elementwise.logical_and(self, other)

    def logical_and_(self: Any, other: Any) -> Tensor:
        return inplace.assign(self, elementwise.logical_and(self, other), "logical_and_")

    def logical_or(self: Any, other: Any) -> Tensor:
        return elementwise.logical_or(self, other)

    def logical_or_(self: Any, other: Any) -> Tensor:
        return inplace.assign(self, elementwise.logical_or(self, other), "logical_or_")

    def logical_xor(self: Any, other: Any) -> Tensor:
        return elementwise.logical_xor(self, other)

    def logical_xor_(self: Any, other: Any) -> Tensor:
        return inplace.assign(self, elementwise.logical_xor(self, other), "logical_xor_")

    def bitwise_and(self: Any, other: Any) -> Tensor:
        return elementwise.bitwise_and(self, other)

    def bitwise_and_(self: Any, other: Any) -> Tensor:
        return inplace.assign(self, elementwise.bitwise_and(self, other), "bitwise_and_")

    def bitwise_or(self: Any, other: Any) -> Tensor:
        return elementwise.bitwise_or(self, other)

    def bitwise_or_(self: Any, other: Any) -> Tensor:
        return inplace.assign(self, elementwise.bitwise_or(self, other), "bitwise_or_")

    def bitwise_xor(self: Any, other: Any) -> Tensor:
        return elementwise.bitwise_xor(self, other)

    def bitwise_xor_(self: Any, other: Any) -> Tensor:
        return inplace.assign(self, elementwise.bitwise_xor(self, other), "bitwise_xor_")

    def bitwise_left_shift(self: Any, other: Any) -> Tensor:
        return elementwise.bitwise_left_shift(self, other)

    def bitwise_left_shift_(self: Any, other: Any) -> Tensor:
        return inplace.assign(self, elementwise.bitwise_left_shift(self, other), "bitwise_left_shift_")

    def bitwise_right_shift(self: Any, other: Any) -> Tensor:
        return elementwise.bitwise_right_shift(self, other)

    def bitwise_right_shift_(self: Any, other: Any) -> Tensor:
        return inplace.assign(self, elementwise.bitwise_right_shift(self, other), "bitwise_right_shift_")

    def atan2(self: Any, other: Any) -> Tensor:
        return elementwise.atan2(self, other)

    def atan2_(self: Any, other: Any) -> Tensor:
        return inplace.assign(self, elementwise.atan2(self, other), "atan2_")

    def hypot(self: Any, other: Any) -> Tensor:
        return elementwise.hypot(self, other)

    def hypot_(self: Any, other: Any) -> Tensor:
        return inplace.assign(self, elementwise.hypot(self, other), "hypot_")

    def maximum(self: Any, other: Any) -> Tensor:
        return elementwise.maximum(self, other)

    def minimum(self: Any, other: Any) -> Tensor:
        return elementwise.minimum(self, other)

    def fmax(self: Any, other: Any) -> Tensor:
        return elementwise.fmax(self, other)

    def fmin(self: Any, other: Any) -> Tensor:
        return elementwise.fmin(self, other)

    def logaddexp(self: Any, other: Any) -> Tensor:
        return elementwise.logaddexp(self, other)

    def clamp(self: Any, min: Any = None, max: Any = None) -> Tensor:
        return elementwise.clamp(self, min, max)

    def clamp_(self: Any, min: Any = None, max: Any = None) -> Tensor:
        return inplace.assign(self, elementwise.clamp(self, min, max), "clamp_")

    def clamp_min(self: Any, min: Any) -> Tensor:
        return elementwise.clamp_min(self, min)

    def clamp_min_(self: Any, min: Any) -> Tensor:
        return inplace.assign(self, elementwise.clamp_min(self, min), "clamp_min_")

    def clamp_max(self: Any, max: Any) -> Tensor:
        return elementwise.clamp_max(self, max)

    def clamp_max_(self: Any, max: Any) -> Tensor:
        return inplace.assign(self, elementwise.clamp_max(self, max), "clamp_max_")

    clip = clamp
    clip_ = clamp_
    subtract = sub
    subtract_ = sub_
    multiply = mul
    multiply_ = mul_
    divide = div
    divide_ = div_
    true_divide, true_divide_ = div, div_
    negative = neg
    negative_ = neg_
    absolute = abs
    absolute_ = abs_
    arcsin, arcsin_ = asin, asin_
    arccos, arccos_ = acos, acos_
    arctan, arctan_ = atan, atan_
    arctan2, arctan2_ = atan2, atan2_
    arcsinh, arcsinh_ = asinh, asinh_
    arccosh, arccosh_ = acosh, acosh_
    arctanh, arctanh_ = atanh, atanh_
    greater, greater_ = gt, gt_
    greater_equal, greater_equal_ = ge, ge_
    less, less_ = lt, lt_
    less_equal, less_equal_ = le, le_
    not_equal, not_equal_ = ne, ne_

    def round(self: Any, *, decimals: int = 0) -> Tensor:
        return elementwise.round(self, decimals=decimals)

    def round_(self: Any, *, decimals: int = 0) -> Tensor:
        return inplace.assign(self, elementwise.round(self, decimals=decimals), "round_")

    def logit(self: Any, eps: float | None = None) -> Tensor:
        return elementwise.logit(self, eps)

    def logit_(self: Any, eps: float | None = None) -> Tensor:
        return inplace.assign(self, elementwise.logit(self if eps is None else shaping.clone(self), eps), "logit_")

    def lerp(self: Any, end: Any, weight: Any) -> Tensor:
        return arithmetic.lerp(self, end, weight)

    def lerp_(self: Any, end: Any, weight: Any) -> Tensor:
        return inplace.assign(self, arithmetic.lerp(self, end, weight), "lerp_")

    def addcmul(self: Any, tensor1: Any, tensor2: Any, *, value: float = 1) -> Tensor:
        return arithmetic.addcmul(self, tensor1, tensor2, value=value)

    def addcmul_(self: Any, tensor1: Any, tensor2: Any, *, value: float = 1) -> Tensor:
        return inplace.assign(self, arithmetic.addcmul(self, tensor1, tensor2, value=value), "addcmul_")

    def addcdiv(self: Any, tensor1: Any, tensor2: Any, *, value: float = 1) -> Tensor:
        return arithmetic.addcdiv(self, tensor1, tensor2, value=value)

    def addcdiv_(self: Any, tensor1: Any, tensor2: Any, *, value: float = 1) -> Tensor:
        return inplace.assign(self, arithmetic.addcdiv(self, tensor1, tensor2, value=value), "addcdiv_")

    def nan_to_num(self: Any, nan: float | None = None, posinf: float | None = None, neginf: float | None = None) -> Tensor:
        return elementwise.nan_to_num(self, nan, posinf, neginf)

    def nan_to_num_(self: Any, nan: float | None = None, posinf: float | None = None, neginf: float | None = None) -> Tensor:
        return inplace.assign(self, elementwise.nan_to_num(self, nan, posinf, neginf), "nan_to_num_")

    def where(self: Any, condition: Any, other: Any) -> Tensor:
        return masking.where(condition, self, other)

    def isclose(self: Any, other: Any, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> Tensor:
        return comparison.isclose(self, other, rtol, atol, equal_nan)

    def allclose(self: Any, other: Any, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> bool:
        return comparison.allclose(self, other, rtol, atol, equal_nan)

    def equal(self: Any, other: Any) -> bool:
        return comparison.equal(self, other)

    # ---- reductions ------------------------------------------------------------------------------------------------------

    @numpy_names
    def sum(self: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
        return reduction.sum(self, dim, keepdim, dtype=dtype)

    @numpy_names
    def mean(self: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
        return reduction.mean(self, dim, keepdim, dtype=dtype)

    @numpy_names
    def nansum(self: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
        return reduction.nansum(self, dim, keepdim, dtype=dtype)

    @numpy_names
    def nanmean(self: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
        return reduction.nanmean(self, dim, keepdim, dtype=dtype)

    @numpy_names
    def prod(self: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
        return scan.prod(self, dim, keepdim, dtype=dtype)

    @numpy_names
    def amax(self: Any, dim: Any = (), keepdim: bool = False) -> Tensor:
        return extremes.amax(self, dim, keepdim)

    @numpy_names
    def amin(self: Any, dim: Any = (), keepdim: bool = False) -> Tensor:
        return extremes.amin(self, dim, keepdim)

    @numpy_names
    def max(self: Any, dim: Any = None, keepdim: bool = False, *, other: Any = None) -> Any:
        return extremes.max(self, dim, keepdim, other=other)

    @numpy_names
    def min(self: Any, dim: Any = None, keepdim: bool = False, *, other: Any = None) -> Any:
        return extremes.min(self, dim, keepdim, other=other)

    @numpy_names
    def argmax(self: Any, dim: Any = None, keepdim: bool = False) -> Tensor:
        return extremes.argmax(self, dim, keepdim)

    @numpy_names
    def argmin(self: Any, dim: Any = None, keepdim: bool = False) -> Tensor:
        return extremes.argmin(self, dim, keepdim)

    @numpy_names
    def all(self: Any, dim: Any = None, keepdim: bool = False) -> Tensor:
        return reduction.all(self, dim, keepdim)

    @numpy_names
    def any(self: Any, dim: Any = None, keepdim: bool = False) -> Tensor:
        return reduction.any(self, dim, keepdim)

    @numpy_names
    def var(self: Any, dim: Any = None, unbiased: Any = None, keepdim: bool = False, *, correction: float | None = None) -> Tensor:
        return reduction.var(self, dim, unbiased, keepdim, correction=correction)

    @numpy_names
    def std(self: Any, dim: Any = None, unbiased: Any = None, keepdim: bool = False, *, correction: float | None = None) -> Tensor:
        return reduction.std(self, dim, unbiased, keepdim, correction=correction)

    @numpy_names
    def logsumexp(self: Any, dim: Any, keepdim: bool = False) -> Tensor:
        return reduction.logsumexp(self, dim, keepdim)

    @numpy_names
    def norm(self: Any, p: Any = "fro", dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
        return norms.norm(self, p, dim, keepdim, dtype=dtype)

    @numpy_names
    def count_nonzero(self: Any, dim: Any = None) -> Tensor:
        return reduction.count_nonzero(self, dim)

    @numpy_names
    def cumsum(self: Any, dim: int, *, dtype: Any = None) -> Tensor:
        return scan.cumsum(self, dim, dtype=dtype)

    def cumsum_(self: Any, dim: int, *, dtype: Any = None) -> Tensor:
        return inplace.assign(self, scan.cumsum(self, dim, dtype=dtype), "cumsum_")

    def cumprod_(self: Any, dim: int, *, dtype: Any = None) -> Tensor:
        return inplace.assign(self, scan.cumprod(self, dim, dtype=dtype), "cumprod_")

    @numpy_names
    def cumprod(self: Any, dim: int, *, dtype: Any = None) -> Tensor:
        return scan.cumprod(self, dim, dtype=dtype)

    @numpy_names
    def softmax(self: Any, dim: int, dtype: Any = None) -> Tensor:
        return fused.softmax(self, dim, dtype=dtype)

    @numpy_names
    def log_softmax(self: Any, dim: int, dtype: Any = None) -> Tensor:
        return fused.log_softmax(self, dim, dtype=dtype)

    # ---- order -----------------------------------------------------------------------------------------------------------

    @numpy_names
    def sort(self: Any, dim: int = -1, descending: bool = False, *, stable: bool = False) -> Any:
        return sorting.sort(self, dim, descending, stable=stable)

    @numpy_names
    def argsort(self: Any, dim: int = -1, descending: bool = False, *, stable: bool = False) -> Tensor:
        return sorting.argsort(self, dim, descending, stable=stable)

    def msort(self: Any) -> Tensor:
        return sorting.msort(self)

    @numpy_names
    def topk(self: Any, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> Any:
        return sorting.topk(self, k, dim, largest, sorted)

    @numpy_names
    def kthvalue(self: Any, k: int, dim: int = -1, keepdim: bool = False) -> Any:
        return sorting.kthvalue(self, k, dim, keepdim)

    @numpy_names
    def median(self: Any, dim: Any = None, keepdim: bool = False) -> Any:
        return sorting.median(self, dim, keepdim)

    @numpy_names
    def mode(self: Any, dim: int = -1, keepdim: bool = False) -> Any:
        return sorting.mode(self, dim, keepdim)

    @numpy_names
    def unique(self: Any, sorted: bool = True, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None) -> Any:
        return sorting.unique(self, sorted, return_inverse, return_counts, dim)

    @numpy_names
    def unique_consecutive(self: Any, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None) -> Any:
        return sorting.unique_consecutive(self, return_inverse, return_counts, dim)

    # ---- shape -----------------------------------------------------------------------------------------------------------

    @property
    def T(self: Any) -> Tensor:  # noqa: N802
        """All dimensions reversed."""
        return shaping.transpose_all(self)

    @property
    def mT(self: Any) -> Tensor:  # noqa: N802
        """The last two dimensions swapped; (..., n, m) -> (..., m, n)."""
        return shaping.matrix_transpose(self)

    def reshape(self: Any, *args: Any, shape: Any = None) -> Tensor:
        return shaping.reshape(self, *args, shape=shape)

    def view(self: Any, *args: Any, size: Any = None, dtype: Any = None) -> Tensor:
        return shaping.view(self, *args, size=size, dtype=dtype)

    @numpy_names
    def permute(self: Any, *args: Any, dims: Any = None) -> Tensor:
        return shaping.permute(self, *args, dims=dims)

    def expand(self: Any, *args: Any, size: Any = None) -> Tensor:
        return shaping.expand(self, *args, size=size)

    def repeat(self: Any, *args: Any, repeats: Any = None) -> Tensor:
        return arrangement.repeat(self, *args, repeats=repeats)

    def tile(self: Any, *args: Any, dims: Any = None) -> Tensor:
        return arrangement.tile(self, *args, dims=dims)

    def flip(self: Any, *args: Any, dims: Any = None) -> Tensor:
        return arrangement.flip(self, *args, dims=dims)

    def flatten(self: Any, start_dim: int = 0, end_dim: int = -1) -> Tensor:
        return shaping.flatten(self, start_dim, end_dim)

    @numpy_names
    def unflatten(self: Any, dim: int, sizes: Any) -> Tensor:
        return shaping.unflatten(self, dim, sizes)

    def transpose(self: Any, dim0: int, dim1: int) -> Tensor:
        return shaping.transpose(self, dim0, dim1)

    def swapaxes(self: Any, axis0: int, axis1: int) -> Tensor:
        return shaping.swapaxes(self, axis0, axis1)

    def swapdims(self: Any, dim0: int, dim1: int) -> Tensor:
        return shaping.swapdims(self, dim0, dim1)

    def transpose_(self: Any, dim0: int, dim1: int) -> Tensor:
        return inplace.become(self, lambda x: shaping.transpose(x, dim0, dim1), "transpose_")

    def swapaxes_(self: Any, axis0: int, axis1: int) -> Tensor:
        return inplace.become(self, lambda x: shaping.swapaxes(x, axis0, axis1), "swapaxes_")

    def swapdims_(self: Any, dim0: int, dim1: int) -> Tensor:
        return inplace.become(self, lambda x: shaping.swapdims(x, dim0, dim1), "swapdims_")

    def t_(self: Any) -> Tensor:
        return inplace.become(self, shaping.t, "t_")

    def squeeze_(self: Any, *args: Any, dim: Any = None) -> Tensor:
        return inplace.become(self, lambda x: shaping.squeeze(x, *args, dim=dim), "squeeze_")

    def unsqueeze_(self: Any, dim: int) -> Tensor:
        return inplace.become(self, lambda x: shaping.unsqueeze(x, dim), "unsqueeze_")

    def movedim(self: Any, source: Any, destination: Any) -> Tensor:
        return shaping.movedim(self, source, destination)

    def moveaxis(self: Any, source: Any, destination: Any) -> Tensor:
        return shaping.moveaxis(self, source, destination)

    def t(self: Any) -> Tensor:
        return shaping.t(self)

    def expand_as(self: Any, other: Any) -> Tensor:
        return shaping.expand_as(self, other)

    def view_as(self: Any, other: Any) -> Tensor:
        return shaping.view_as(self, other)

    def reshape_as(self: Any, other: Any) -> Tensor:
        return shaping.reshape_as(self, other)

    def ravel(self: Any) -> Tensor:
        return shaping.ravel(self)

    def broadcast_to(self: Any, *args: Any, size: Any = None) -> Tensor:
        return shaping.broadcast_to(self, *args, size=size)

    def roll(self: Any, shifts: Any, dims: Any = None) -> Tensor:
        return arrangement.roll(self, shifts, dims)

    def clone(self: Any) -> Tensor:
        return shaping.clone(self)

    def contiguous(self: Any) -> Tensor:
        return shaping.contiguous(self)

    def diag(self: Any, diagonal: int = 0) -> Tensor:
        return diagonals.diag(self, diagonal)

    def tril(self: Any, diagonal: int = 0) -> Tensor:
        return diagonals.tril(self, diagonal)

    def tril_(self: Any, diagonal: int = 0) -> Tensor:
        return inplace.assign(self, diagonals.tril(self, diagonal), "tril_")

    def triu_(self: Any, diagonal: int = 0) -> Tensor:
        return inplace.assign(self, diagonals.triu(self, diagonal), "triu_")

    def triu(self: Any, diagonal: int = 0) -> Tensor:
        return diagonals.triu(self, diagonal)

    def trace(self: Any) -> Tensor:
        return diagonals.trace(self)

    def fliplr(self: Any) -> Tensor:
        return arrangement.fliplr(self)

    def flipud(self: Any) -> Tensor:
        return arrangement.flipud(self)

    def diagonal(self: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
        return diagonals.diagonal(self, offset, dim1, dim2)

    def diag_embed(self: Any, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
        return diagonals.diag_embed(self, offset, dim1, dim2)

    @numpy_names
    def repeat_interleave(self: Any, repeats: Any, dim: int | None = None, *, output_size: int | None = None) -> Tensor:
        return arrangement.repeat_interleave(self, repeats, dim, output_size=output_size)

    def rot90(self: Any, k: int = 1, dims: Any = (0, 1)) -> Tensor:
        return arrangement.rot90(self, k, dims)

    @numpy_names
    def squeeze(self: Any, *args: Any, dim: Any = None) -> Tensor:
        return shaping.squeeze(self, *args, dim=dim)

    @numpy_names
    def unsqueeze(self: Any, dim: int) -> Tensor:
        return shaping.unsqueeze(self, dim)

    @numpy_names
    def split(self: Any, split_size: Any, dim: int = 0) -> tuple[Tensor, ...]:
        return joining.split(self, split_size, dim)

    @numpy_names
    def split_with_sizes(self: Any, split_sizes: Any, dim: int = 0) -> tuple[Tensor, ...]:
        return joining.split_with_sizes(self, split_sizes, dim)

    @numpy_names
    def chunk(self: Any, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
        return joining.chunk(self, chunks, dim)

    @numpy_names
    def unbind(self: Any, dim: int = 0) -> tuple[Tensor, ...]:
        return joining.unbind(self, dim)

    @numpy_names
    def tensor_split(
        self: Any, indices_or_sections: Any = None, dim: int = 0, *, sections: Any = None, indices: Any = None
    ) -> tuple[Tensor, ...]:
        return joining.tensor_split(self, indices_or_sections, dim, sections=sections, indices=indices)

    # ---- indexing --------------------------------------------------------------------------------------------------------

    @numpy_names
    def gather(self: Any, dim: int, index: Any, *, sparse_grad: bool = False) -> Tensor:
        return gathering.gather(self, dim, index, sparse_grad=sparse_grad)

    @numpy_names
    def scatter(self: Any, dim: int, index: Any, src: Any = None, *, value: Any = None, reduce: str | None = None) -> Tensor:
        return gathering.scatter(self, dim, index, src, value=value, reduce=reduce)

    @numpy_names
    def scatter_(self: Any, dim: int, index: Any, src: Any = None, *, value: Any = None, reduce: str | None = None) -> Tensor:
        return inplace.assign(self, gathering.scatter(self, dim, index, src, value=value, reduce=reduce), "scatter_")

    @numpy_names
    def scatter_add(self: Any, dim: int, index: Any, src: Any) -> Tensor:
        return gathering.scatter_add(self, dim, index, src)

    @numpy_names
    def scatter_add_(self: Any, dim: int, index: Any, src: Any) -> Tensor:
        return inplace.assign(self, gathering.scatter_add(self, dim, index, src), "scatter_add_")

    @numpy_names
    def index_select(self: Any, dim: int, index: Any) -> Tensor:
        return gathering.index_select(self, dim, index)

    @numpy_names
    def index_add(self: Any, dim: int, index: Any, source: Any, *, alpha: float = 1) -> Tensor:
        return gathering.index_add(self, dim, index, source, alpha=alpha)

    @numpy_names
    def index_add_(self: Any, dim: int, index: Any, source: Any, *, alpha: float = 1) -> Tensor:
        return inplace.assign(self, gathering.index_add(self, dim, index, source, alpha=alpha), "index_add_")

    @numpy_names
    def index_copy(self: Any, dim: int, index: Any, source: Any) -> Tensor:
        return gathering.index_copy(self, dim, index, source)

    @numpy_names
    def index_copy_(self: Any, dim: int, index: Any, source: Any) -> Tensor:
        return inplace.assign(self, gathering.index_copy(self, dim, index, source), "index_copy_")

    @numpy_names
    def index_fill(self: Any, dim: int, index: Any, value: Any) -> Tensor:
        return gathering.index_fill(self, dim, index, value)

    @numpy_names
    def index_fill_(self: Any, dim: int, index: Any, value: Any) -> Tensor:
        return inplace.assign(self, gathering.index_fill(self, dim, index, value), "index_fill_")

    def masked_fill(self: Any, mask: Any, value: Any) -> Tensor:
        return masking.masked_fill(self, mask, value)

    def masked_fill_(self: Any, mask: Any, value: Any) -> Tensor:
        return inplace.assign(self, masking.masked_fill(self, mask, value), "masked_fill_")

    def masked_select(self: Any, mask: Any) -> Tensor:
        return masking.masked_select(self, mask)

    def index_put(self: Any, indices: Any, values: Any, accumulate: bool = False) -> Tensor:
        return indexing.index_put(self, indices, values, accumulate)

    def index_put_(self: Any, indices: Any, values: Any, accumulate: bool = False) -> Tensor:
        return inplace.assign(self, indexing.index_put(self, indices, values, accumulate), "index_put_")

    @numpy_names
    def take_along_dim(self: Any, indices: Any, dim: int | None = None) -> Tensor:
        return gathering.take_along_dim(self, indices, dim)

    def take(self: Any, index: Any) -> Tensor:
        return gathering.take(self, index)

    @numpy_names
    def narrow(self: Any, dim: int, start: int, length: int) -> Tensor:
        return gathering.narrow(self, dim, start, length)

    @numpy_names
    def select(self: Any, dim: int, index: int) -> Tensor:
        return gathering.select(self, dim, index)

    def argwhere(self: Any) -> Tensor:
        return masking.argwhere(self)

    def nonzero(self: Any, *, as_tuple: bool = False) -> Any:
        return masking.nonzero(self, as_tuple=as_tuple)

    # ---- linear algebra --------------------------------------------------------------------------------------------------

    def matmul(self: Any, other: Any) -> Tensor:
        return linalg.matmul(self, other)

    def mm(self: Any, mat2: Any) -> Tensor:
        return linalg.mm(self, mat2)

    def bmm(self: Any, mat2: Any) -> Tensor:
        return linalg.bmm(self, mat2)

    def mv(self: Any, vec: Any) -> Tensor:
        return linalg.mv(self, vec)

    def dot(self: Any, tensor: Any) -> Tensor:
        return linalg.dot(self, tensor)

    def vdot(self: Any, other: Any) -> Tensor:
        return linalg.vdot(self, other)

    def inner(self: Any, other: Any) -> Tensor:
        return linalg.inner(self, other)

    def outer(self: Any, vec2: Any) -> Tensor:
        return linalg.outer(self, vec2)

    def ger(self: Any, vec2: Any) -> Tensor:
        return linalg.ger(self, vec2)

    def kron(self: Any, other: Any) -> Tensor:
        return linalg.kron(self, other)

    def addmm(self: Any, mat1: Any, mat2: Any, *, beta: float = 1, alpha: float = 1) -> Tensor:
        return linalg.addmm(self, mat1, mat2, beta=beta, alpha=alpha)

    def addmm_(self: Any, mat1: Any, mat2: Any, *, beta: float = 1, alpha: float = 1) -> Tensor:
        return inplace.assign(self, linalg.addmm(self, mat1, mat2, beta=beta, alpha=alpha), "addmm_")

    def addmv_(self: Any, mat: Any, vec: Any, *, beta: float = 1, alpha: float = 1) -> Tensor:
        return inplace.assign(self, linalg.addmv(self, mat, vec, beta=beta, alpha=alpha), "addmv_")

    def addbmm_(self: Any, batch1: Any, batch2: Any, *, beta: float = 1, alpha: float = 1) -> Tensor:
        return inplace.assign(self, linalg.addbmm(self, batch1, batch2, beta=beta, alpha=alpha), "addbmm_")

    def baddbmm_(self: Any, batch1: Any, batch2: Any, *, beta: float = 1, alpha: float = 1) -> Tensor:
        return inplace.assign(self, linalg.baddbmm(self, batch1, batch2, beta=beta, alpha=alpha), "baddbmm_")

    def addmv(self: Any, mat: Any, vec: Any, *, beta: float = 1, alpha: float = 1) -> Tensor:
        return linalg.addmv(self, mat, vec, beta=beta, alpha=alpha)

    def addbmm(self: Any, batch1: Any, batch2: Any, *, beta: float = 1, alpha: float = 1) -> Tensor:
        return linalg.addbmm(self, batch1, batch2, beta=beta, alpha=alpha)

    def baddbmm(self: Any, batch1: Any, batch2: Any, *, beta: float = 1, alpha: float = 1) -> Tensor:
        return linalg.baddbmm(self, batch1, batch2, beta=beta, alpha=alpha)

    # ---- filling and conversion ------------------------------------------------------------------------------------------

    def copy_(self: Any, src: Any, non_blocking: bool = False) -> Tensor:
        return inplace.copy_(self, src)

    def zero_(self: Any) -> Tensor:
        return inplace.fill_(self, 0)

    def fill_(self: Any, value: Any) -> Tensor:
        return inplace.fill_(self, value)

    def float(self: Any) -> Tensor:
        return convert(self, dtypes.float32)

    def double(self: Any) -> Tensor:
        return convert(self, dtypes.float64)

    def half(self: Any) -> Tensor:
        return convert(self, dtypes.float16)

    def long(self: Any) -> Tensor:
        return convert(self, dtypes.int64)

    def int(self: Any) -> Tensor:
        return convert(self, dtypes.int32)

    def short(self: Any) -> Tensor:
        return convert(self, dtypes.int16)

    def char(self: Any) -> Tensor:
        return convert(self, dtypes.int8)

    def byte(self: Any) -> Tensor:
        return convert(self, dtypes.uint8)

    def bool(self: Any) -> Tensor:
        return convert(self, dtypes.bool)

    def cpu(self: Any) -> Tensor:
        return self  # type: ignore[no-any-return]

    # ---- random ------------------------------------------------------------------------------------------------

    def bernoulli(self: Any, p: Any = None, *, generator: Any = None) -> Tensor:
        return rng.bernoulli(self, p, generator=generator)

    def multinomial(self: Any, num_samples: Any, replacement: Any = False, *, generator: Any = None) -> Tensor:
        return rng.multinomial(self, num_samples, replacement, generator=generator)

    def uniform_(self: Any, from_: Any = 0.0, to: Any = 1.0, *, generator: Any = None) -> Tensor:
        return rng.uniform_(self, from_, to, generator)

    def normal_(self: Any, mean: Any = 0.0, std: Any = 1.0, *, generator: Any = None) -> Tensor:
        return rng.normal_(self, mean, std, generator)

    def bernoulli_(self: Any, p: Any = 0.5, *, generator: Any = None) -> Tensor:
        return rng.bernoulli_(self, p, generator)

    def random_(self: Any, *range: Any, generator: Any = None) -> Tensor:
        return rng.random_(self, range, generator)
