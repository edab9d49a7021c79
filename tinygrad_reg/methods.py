"""Operators and methods of Tensor: the functions themselves where they take the same, else one-line forwards to them.

Functions carry the documentation. One more call on the way to them would be a tenth of a small operation's time; primitives,
which are no functions, do not bind to a tensor and need it.

`m_` is the in-place form of `m`: compute the new value, then write it into the tensor's memory (`ops/assign.py`). Where `m` is composed
of operations of which others than the last need what is overwritten, they are given a clone.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from . import dtypes
from .engine.node import Value
from .engine.primitive import Primitive
from .engine.refusal import typed_errors
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
    call = function.bind if isinstance(function, Primitive) else function

    def method(self: Any, other: Any) -> Any:
        try:
            return call(self, other)
        except ArgumentTypeError:
            return NotImplemented

    return method


def _reflected(function: Callable[[Any, Any], Tensor]) -> Callable[[Any, Any], Tensor]:
    """The same with the tensor on the right."""
    return _operator(lambda self, other: function(other, self))


def _in_place(function: Callable[[Any, Any], Tensor], what: str) -> Callable[[Any, Any], Tensor]:
    """The same, written into the tensor's memory."""
    return _operator(lambda self, other: inplace.assign(self, function(self, other), what))


def _functional() -> Any:
    """nn.functional, which is loaded when it is first asked for."""
    return import_module(".nn.functional", __package__)


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
        return elementwise.neg.bind(self)

    __pos__ = elementwise.positive

    def __abs__(self: Any) -> Tensor:
        return elementwise.abs.bind(self)

    def __invert__(self: Any) -> Tensor:
        return elementwise.bitwise_not.bind(self)

    __getitem__ = indexing.getitem

    def __setitem__(self: Any, index: Any, value: Any) -> None:
        inplace.setitem(self, index, value)

    # ---- elementwise -----------------------------------------------------------------------------------------------------

    def neg(self: Any) -> Tensor:
        return elementwise.neg.bind(self)

    def neg_(self: Any) -> Tensor:
        return inplace.assign(self, elementwise.neg.bind(self), "neg_")

    def square(self: Any) -> Tensor:
        return elementwise.square.bind(self)

    def square_(self: Any) -> Tensor:
        return inplace.assign(self, elementwise.square.bind(self), "square_")

    def reciprocal(self: Any) -> Tensor:
        return elementwise.reciprocal.bind(self)

    def reciprocal_(self: Any) -> Tensor:
        return inplace.assign(self, elementwise.reciprocal.bind(self), "reciprocal_")

    def sqrt(self: Any) -> Tensor:
        return elementwise.sqrt.bind(self)

    def sqrt_(self: Any) -> Tensor:
        return inplace.assign(self, elementwise.sqrt.bind(self), "sqrt_")

    def rsqrt(self: Any) -> Tensor:
        return elementwise.rsqrt.bind(self)

    def rsqrt_(self: Any) -> Tensor:
        return inplace.assign(self, elementwise.rsqrt.bind(self), "rsqrt_")

    def exp(self: Any) -> Tensor:
        return elementwise.exp.bind(self)

    def exp_(self: Any) -> Tensor:
        return inplace.assign(self, elementwise.exp.bind(self), "exp_")

    def exp2(self: Any) -> Tensor:
        return elementwise.exp2.bind(self)

    def exp2_(self: Any) -> Tensor:
        return inplace.assign(self, elementwise.exp2.bind(self), "exp2_")

    def expm1(self: Any) -> Tensor:
        return elementwise.expm1.bind(self)

    def expm1_(self: Any) -> Tensor:
        return inplace.assign(self, elementwise.expm1.bind(self), "expm1_")

    def log(self: Any) -> Tensor:
        return elementwise.log.bind(self)

    def log_(self: Any) -> Tensor:
        return inplace.assign(self, elementwise.log.bind(self), "log_")

    def log2(self: Any) -> Tensor:
        return elementwise.log2.bind(self)

    def log2_(self: Any) -> Tensor:
        return inplace.assign(self, elementwise.log2.bind(self), "log2_")

    def log10(self: Any) -> Tensor:
        return elementwise.log10.bind(self)

    def log10_(self: Any) -> Tensor:
        return inplace.assign(self, elementwise.log10.bind(self), "log10_")

    def log1p(self: Any) -> Tensor:
        return elementwise.log1p.bind(self)

    def log1p_(self: Any) -> Tensor:
        return inplace.assign(self, elementwise.log1p.bind(self), "log1p_")

    def sin(self: Any) -> Tensor:
        return elementwise.sin.bind(self)

    def sin_(self: Any) -> Tensor:
        return inplace.assign(self, elementwise.sin.bind(self), "sin_")

    def cos(self: Any) -> Tensor:
        return elementwise.cos.bind(self)

    def cos_(self: Any) -> Tensor:
        return inplace.assign(self, elementwise.cos.bind(self), "cos_")

    def tan(self: Any) -> Tensor:
        return elementwise.tan.bind(self)

    def tan_(self: Any) -> Tensor:
        return inplace.assign(self, elementwise.tan.bind(self), "tan_")

    def asin(self: Any) -> Tensor:
        return elementwise.asin.bind(self)

    def asin_(self: Any) -> Tensor:
        return inplace.assign(self, elementwise.asin.bind(self), "asin_")

    def acos(self: Any) -> Tensor:
        return elementwise.acos.bind(self)

    def acos_(self: Any) -> Tensor:
        return inplace.assign(self, elementwise.acos.bind(self), "acos_")

    def atan(self: Any) -> Tensor:
        return elementwise.atan.bind(self)

    def atan_(self: Any) -> Tensor:
        return inplace.assign(self, elementwise.atan.bind(self), "atan_")

    def sinh(self: Any) -> Tensor:
        return elementwise.sinh.bind(self)

    def sinh_(self: Any) -> Tensor:
        return inplace.assign(self, elementwise.sinh.bind(self), "sinh_")

    def cosh(self: Any) -> Tensor:
        return elementwise.cosh.bind(self)

    def cosh_(self: Any) -> Tensor:
        return inplace.assign(self, elementwise.cosh.bind(self), "cosh_")

    def tanh(self: Any) -> Tensor:
        return elementwise.tanh.bind(self)

    def tanh_(self: Any) -> Tensor:
        return inplace.assign(self, elementwise.tanh.bind(self), "tanh_")

    def asinh(self: Any) -> Tensor:
        return elementwise.asinh.bind(self)

    def asinh_(self: Any) -> Tensor:
        return inplace.assign(self, elementwise.asinh.bind(self), "asinh_")

    def acosh(self: Any) -> Tensor:
        return elementwise.acosh.bind(self)

    def acosh_(self: Any) -> Tensor:
        return inplace.assign(self, elementwise.acosh.bind(self), "acosh_")

    def atanh(self: Any) -> Tensor:
        return elementwise.atanh.bind(self)

    def atanh_(self: Any) -> Tensor:
        return inplace.assign(self, elementwise.atanh.bind(self), "atanh_")

    def abs(self: Any) -> Tensor:
        return elementwise.abs.bind(self)

    def abs_(self: Any) -> Tensor:
        return inplace.assign(self, elementwise.abs.bind(self), "abs_")

    def sign(self: Any) -> Tensor:
        return elementwise.sign.bind(self)

    def sign_(self: Any) -> Tensor:
        return inplace.assign(self, elementwise.sign.bind(self), "sign_")

    def floor(self: Any) -> Tensor:
        return elementwise.floor.bind(self)

    def floor_(self: Any) -> Tensor:
        return inplace.assign(self, elementwise.floor.bind(self), "floor_")

    def ceil(self: Any) -> Tensor:
        return elementwise.ceil.bind(self)

    def ceil_(self: Any) -> Tensor:
        return inplace.assign(self, elementwise.ceil.bind(self), "ceil_")

    def trunc(self: Any) -> Tensor:
        return elementwise.trunc.bind(self)

    def trunc_(self: Any) -> Tensor:
        return inplace.assign(self, elementwise.trunc.bind(self), "trunc_")

    def fix(self: Any) -> Tensor:
        return elementwise.fix.bind(self)

    def fix_(self: Any) -> Tensor:
        return inplace.assign(self, elementwise.fix.bind(self), "fix_")

    def relu(self: Any) -> Tensor:
        return elementwise.relu.bind(self)

    def relu_(self: Any) -> Tensor:
        return inplace.assign(self, elementwise.relu.bind(self), "relu_")

    def bitwise_not(self: Any) -> Tensor:
        return elementwise.bitwise_not.bind(self)

    def bitwise_not_(self: Any) -> Tensor:
        return inplace.assign(self, elementwise.bitwise_not.bind(self), "bitwise_not_")

    def logical_not(self: Any) -> Tensor:
        return elementwise.logical_not.bind(self)

    def logical_not_(self: Any) -> Tensor:
        return inplace.assign(self, elementwise.logical_not.bind(self), "logical_not_")

    def prelu(self: Any, weight: Tensor) -> Tensor:
        return _functional().prelu(self, weight)  # type: ignore[no-any-return]

    def hardshrink(self: Any, lambd: float = 0.5) -> Tensor:
        return _functional().hardshrink(self, lambd)  # type: ignore[no-any-return]

    def sigmoid(self: Any) -> Tensor:
        return fused.sigmoid.bind(self)

    def sigmoid_(self: Any) -> Tensor:
        return inplace.assign(self, fused.sigmoid.bind(self), "sigmoid_")

    def erf(self: Any) -> Tensor:
        return special.erf.bind(self)

    def erf_(self: Any) -> Tensor:
        return inplace.assign(self, special.erf.bind(self), "erf_")

    def erfc(self: Any) -> Tensor:
        return special.erfc.bind(self)

    def erfc_(self: Any) -> Tensor:
        return inplace.assign(self, special.erfc.bind(self), "erfc_")

    def erfinv(self: Any) -> Tensor:
        return special.erfinv.bind(self)

    def erfinv_(self: Any) -> Tensor:
        return inplace.assign(self, special.erfinv.bind(self), "erfinv_")

    def isnan(self: Any) -> Tensor:
        return elementwise.isnan.bind(self)

    def isinf(self: Any) -> Tensor:
        return elementwise.isinf.bind(self)

    def isfinite(self: Any) -> Tensor:
        return elementwise.isfinite.bind(self)

    positive = elementwise.positive
    add = arithmetic.add

    def add_(self: Any, other: Any, *, alpha: float = 1) -> Tensor:
        return inplace.assign(self, arithmetic.add(self, other, alpha=alpha), "add_")

    sub = arithmetic.sub

    def sub_(self: Any, other: Any, *, alpha: float = 1) -> Tensor:
        return inplace.assign(self, arithmetic.sub(self, other, alpha=alpha), "sub_")

    def mul(self: Any, other: Any) -> Tensor:
        return elementwise.mul.bind(self, other)

    def mul_(self: Any, other: Any) -> Tensor:
        return inplace.assign(self, elementwise.mul.bind(self, other), "mul_")

    div = arithmetic.div

    @typed_errors
    def div_(self: Any, other: Any, *, rounding_mode: str | None = None) -> Tensor:
        return inplace.assign(
            self, arithmetic.div(shaping.clone_p(self) if rounding_mode == "trunc" else self, other, rounding_mode=rounding_mode), "div_"
        )

    pow = elementwise.pow

    def pow_(self: Any, exponent: Any) -> Tensor:
        return inplace.assign(self, elementwise.pow(self, exponent), "pow_")

    floor_divide = arithmetic.floor_divide

    def floor_divide_(self: Any, other: Any) -> Tensor:
        return inplace.assign(self, arithmetic.floor_divide(self, other), "floor_divide_")

    def remainder(self: Any, other: Any) -> Tensor:
        return elementwise.remainder.bind(self, other)

    def remainder_(self: Any, other: Any) -> Tensor:
        return inplace.assign(self, elementwise.remainder.bind(self, other), "remainder_")

    def fmod(self: Any, other: Any) -> Tensor:
        return elementwise.fmod.bind(self, other)

    def fmod_(self: Any, other: Any) -> Tensor:
        return inplace.assign(self, elementwise.fmod.bind(self, other), "fmod_")

    def eq(self: Any, other: Any) -> Tensor:
        return elementwise.eq.bind(self, other)

    def eq_(self: Any, other: Any) -> Tensor:
        return inplace.assign(self, elementwise.eq.bind(self, other), "eq_")

    def ne(self: Any, other: Any) -> Tensor:
        return elementwise.ne.bind(self, other)

    def ne_(self: Any, other: Any) -> Tensor:
        return inplace.assign(self, elementwise.ne.bind(self, other), "ne_")

    def lt(self: Any, other: Any) -> Tensor:
        return elementwise.lt.bind(self, other)

    def lt_(self: Any, other: Any) -> Tensor:
        return inplace.assign(self, elementwise.lt.bind(self, other), "lt_")

    def le(self: Any, other: Any) -> Tensor:
        return elementwise.le.bind(self, other)

    def le_(self: Any, other: Any) -> Tensor:
        return inplace.assign(self, elementwise.le.bind(self, other), "le_")

    def gt(self: Any, other: Any) -> Tensor:
        return elementwise.gt.bind(self, other)

    def gt_(self: Any, other: Any) -> Tensor:
        return inplace.assign(self, elementwise.gt.bind(self, other), "gt_")

    def ge(self: Any, other: Any) -> Tensor:
        return elementwise.ge.bind(self, other)

    def ge_(self: Any, other: Any) -> Tensor:
        return inplace.assign(self, elementwise.ge.bind(self, other), "ge_")

    def logical_and(self: Any, other: Any) -> Tensor:
        return elementwise.logical_and.bind(self, other)

    def logical_and_(self: Any, other: Any) -> Tensor:
        return inplace.assign(self, elementwise.logical_and.bind(self, other), "logical_and_")

    def logical_or(self: Any, other: Any) -> Tensor:
        return elementwise.logical_or.bind(self, other)

    def logical_or_(self: Any, other: Any) -> Tensor:
        return inplace.assign(self, elementwise.logical_or.bind(self, other), "logical_or_")

    def logical_xor(self: Any, other: Any) -> Tensor:
        return elementwise.logical_xor.bind(self, other)

    def logical_xor_(self: Any, other: Any) -> Tensor:
        return inplace.assign(self, elementwise.logical_xor.bind(self, other), "logical_xor_")

    def bitwise_and(self: Any, other: Any) -> Tensor:
        return elementwise.bitwise_and.bind(self, other)

    def bitwise_and_(self: Any, other: Any) -> Tensor:
        return inplace.assign(self, elementwise.bitwise_and.bind(self, other), "bitwise_and_")

    def bitwise_or(self: Any, other: Any) -> Tensor:
        return elementwise.bitwise_or.bind(self, other)

    def bitwise_or_(self: Any, other: Any) -> Tensor:
        return inplace.assign(self, elementwise.bitwise_or.bind(self, other), "bitwise_or_")

    def bitwise_xor(self: Any, other: Any) -> Tensor:
        return elementwise.bitwise_xor.bind(self, other)

    def bitwise_xor_(self: Any, other: Any) -> Tensor:
        return inplace.assign(self, elementwise.bitwise_xor.bind(self, other), "bitwise_xor_")

    def bitwise_left_shift(self: Any, other: Any) -> Tensor:
        return elementwise.bitwise_left_shift.bind(self, other)

    def bitwise_left_shift_(self: Any, other: Any) -> Tensor:
        return inplace.assign(self, elementwise.bitwise_left_shift.bind(self, other), "bitwise_left_shift_")

    def bitwise_right_shift(self: Any, other: Any) -> Tensor:
        return elementwise.bitwise_right_shift.bind(self, other)

    def bitwise_right_shift_(self: Any, other: Any) -> Tensor:
        return inplace.assign(self, elementwise.bitwise_right_shift.bind(self, other), "bitwise_right_shift_")

    def atan2(self: Any, other: Any) -> Tensor:
        return elementwise.atan2.bind(self, other)

    def atan2_(self: Any, other: Any) -> Tensor:
        return inplace.assign(self, elementwise.atan2.bind(self, other), "atan2_")

    def hypot(self: Any, other: Any) -> Tensor:
        return elementwise.hypot.bind(self, other)

    def hypot_(self: Any, other: Any) -> Tensor:
        return inplace.assign(self, elementwise.hypot.bind(self, other), "hypot_")

    def maximum(self: Any, other: Any) -> Tensor:
        return elementwise.maximum.bind(self, other)

    def minimum(self: Any, other: Any) -> Tensor:
        return elementwise.minimum.bind(self, other)

    def fmax(self: Any, other: Any) -> Tensor:
        return elementwise.fmax.bind(self, other)

    def fmin(self: Any, other: Any) -> Tensor:
        return elementwise.fmin.bind(self, other)

    def logaddexp(self: Any, other: Any) -> Tensor:
        return elementwise.logaddexp.bind(self, other)

    clamp = elementwise.clamp

    def clamp_(self: Any, min: Any = None, max: Any = None) -> Tensor:
        return inplace.assign(self, elementwise.clamp(self, min, max), "clamp_")

    clamp_min = elementwise.clamp_min

    def clamp_min_(self: Any, min: Any) -> Tensor:
        return inplace.assign(self, elementwise.clamp_min(self, min), "clamp_min_")

    clamp_max = elementwise.clamp_max

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
    round = elementwise.round

    def round_(self: Any, *, decimals: int = 0) -> Tensor:
        return inplace.assign(self, elementwise.round(self, decimals=decimals), "round_")

    logit = elementwise.logit

    def logit_(self: Any, eps: float | None = None) -> Tensor:
        return inplace.assign(self, elementwise.logit(self if eps is None else shaping.clone_p(self), eps), "logit_")

    lerp = arithmetic.lerp

    def lerp_(self: Any, end: Any, weight: Any) -> Tensor:
        return inplace.assign(self, arithmetic.lerp(self, end, weight), "lerp_")

    addcmul = arithmetic.addcmul

    def addcmul_(self: Any, tensor1: Any, tensor2: Any, *, value: float = 1) -> Tensor:
        return inplace.assign(self, arithmetic.addcmul(self, tensor1, tensor2, value=value), "addcmul_")

    addcdiv = arithmetic.addcdiv

    def addcdiv_(self: Any, tensor1: Any, tensor2: Any, *, value: float = 1) -> Tensor:
        return inplace.assign(self, arithmetic.addcdiv(self, tensor1, tensor2, value=value), "addcdiv_")

    nan_to_num = elementwise.nan_to_num

    def nan_to_num_(self: Any, nan: float | None = None, posinf: float | None = None, neginf: float | None = None) -> Tensor:
        return inplace.assign(self, elementwise.nan_to_num(self, nan, posinf, neginf), "nan_to_num_")

    def where(self: Any, condition: Any, other: Any) -> Tensor:
        return masking.where(condition, self, other)

    isclose = comparison.isclose
    allclose = comparison.allclose
    equal = comparison.equal

    # ---- reductions ------------------------------------------------------------------------------------------------------

    sum = reduction.sum
    mean = reduction.mean
    nansum = reduction.nansum
    nanmean = reduction.nanmean
    prod = scan.prod
    amax = extremes.amax
    amin = extremes.amin
    max = extremes.max
    min = extremes.min
    argmax = extremes.argmax
    argmin = extremes.argmin
    all = reduction.all
    any = reduction.any
    var = reduction.var
    std = reduction.std
    logsumexp = reduction.logsumexp
    norm = norms.norm
    count_nonzero = reduction.count_nonzero
    cumsum = scan.cumsum

    @numpy_names
    def cumsum_(self: Any, dim: int, *, dtype: Any = None) -> Tensor:
        return inplace.assign(self, scan.cumsum(self, dim, dtype=dtype), "cumsum_")

    @numpy_names
    def cumprod_(self: Any, dim: int, *, dtype: Any = None) -> Tensor:
        return inplace.assign(self, scan.cumprod(self, dim, dtype=dtype), "cumprod_")

    cumprod = scan.cumprod
    softmax = fused.softmax
    log_softmax = fused.log_softmax

    # ---- order -----------------------------------------------------------------------------------------------------------

    sort = sorting.sort
    argsort = sorting.argsort
    msort = sorting.msort
    topk = sorting.topk
    kthvalue = sorting.kthvalue
    median = sorting.median
    mode = sorting.mode
    unique = sorting.unique
    unique_consecutive = sorting.unique_consecutive

    # ---- shape -----------------------------------------------------------------------------------------------------------

    @property
    def T(self: Any) -> Tensor:  # noqa: N802
        """All dimensions reversed."""
        return shaping.transpose_all(self)

    @property
    def mT(self: Any) -> Tensor:  # noqa: N802
        """The last two dimensions swapped; (..., n, m) -> (..., m, n)."""
        return shaping.matrix_transpose(self)

    @property
    def H(self: Any) -> Tensor:  # noqa: N802
        """The conjugate transposed of a matrix, of real numbers its transposed; (n, m) -> (m, n)."""
        return shaping.adjoint_of_matrix(self)

    mH = mT  # noqa: N815

    reshape = shaping.reshape
    view = shaping.view
    permute = shaping.permute
    expand = shaping.expand
    repeat = arrangement.repeat
    tile = arrangement.tile
    flip = arrangement.flip
    flatten = shaping.flatten
    unflatten = shaping.unflatten
    transpose = shaping.transpose
    swapaxes = shaping.swapaxes
    swapdims = shaping.swapdims

    def transpose_(self: Any, dim0: int, dim1: int) -> Tensor:
        return inplace.become(self, lambda x: shaping.transpose(x, dim0, dim1), "transpose_")

    def swapaxes_(self: Any, axis0: int, axis1: int) -> Tensor:
        return inplace.become(self, lambda x: shaping.swapaxes(x, axis0, axis1), "swapaxes_")

    def swapdims_(self: Any, dim0: int, dim1: int) -> Tensor:
        return inplace.become(self, lambda x: shaping.swapdims(x, dim0, dim1), "swapdims_")

    def t_(self: Any) -> Tensor:
        return inplace.become(self, shaping.t, "t_")

    @numpy_names
    def squeeze_(self: Any, *args: Any, dim: Any = None) -> Tensor:
        return inplace.become(self, lambda x: shaping.squeeze(x, *args, dim=dim), "squeeze_")

    @numpy_names
    def unsqueeze_(self: Any, dim: int) -> Tensor:
        return inplace.become(self, lambda x: shaping.unsqueeze(x, dim), "unsqueeze_")

    movedim = shaping.movedim
    moveaxis = shaping.moveaxis
    t = shaping.t
    expand_as = shaping.expand_as
    view_as = shaping.view_as
    reshape_as = shaping.reshape_as
    ravel = shaping.ravel
    broadcast_to = shaping.broadcast_to
    roll = arrangement.roll

    clone = shaping.clone
    contiguous = shaping.contiguous
    diag = diagonals.diag
    tril = diagonals.tril

    def tril_(self: Any, diagonal: int = 0) -> Tensor:
        return inplace.assign(self, diagonals.tril(self, diagonal), "tril_")

    def triu_(self: Any, diagonal: int = 0) -> Tensor:
        return inplace.assign(self, diagonals.triu(self, diagonal), "triu_")

    triu = diagonals.triu
    trace = diagonals.trace
    fliplr = arrangement.fliplr
    flipud = arrangement.flipud
    diagonal = diagonals.diagonal
    diag_embed = diagonals.diag_embed

    @numpy_names
    def repeat_interleave(self: Any, repeats: Any, dim: int | None = None, *, output_size: int | None = None) -> Tensor:
        return arrangement.repeat_interleave(self, repeats, dim, output_size=output_size)

    rot90 = arrangement.rot90
    squeeze = shaping.squeeze
    unsqueeze = shaping.unsqueeze

    @numpy_names
    def split(self: Any, split_size: Any, dim: int = 0) -> tuple[Tensor, ...]:
        return joining.split(self, split_size, dim)

    split_with_sizes = joining.split_with_sizes
    chunk = joining.chunk
    unbind = joining.unbind
    tensor_split = joining.tensor_split

    # ---- indexing --------------------------------------------------------------------------------------------------------

    gather = gathering.gather
    scatter = gathering.scatter

    @numpy_names
    def scatter_(self: Any, dim: int, index: Any, src: Any = None, *, value: Any = None, reduce: str | None = None) -> Tensor:
        return inplace.assign(self, gathering.scatter(self, dim, index, src, value=value, reduce=reduce), "scatter_")

    scatter_add = gathering.scatter_add

    @numpy_names
    def scatter_add_(self: Any, dim: int, index: Any, src: Any) -> Tensor:
        return inplace.assign(self, gathering.scatter_add(self, dim, index, src), "scatter_add_")

    index_select = gathering.index_select
    index_add = gathering.index_add

    @numpy_names
    def index_add_(self: Any, dim: int, index: Any, source: Any, *, alpha: float = 1) -> Tensor:
        return inplace.assign(self, gathering.index_add(self, dim, index, source, alpha=alpha), "index_add_")

    index_copy = gathering.index_copy

    @numpy_names
    def index_copy_(self: Any, dim: int, index: Any, source: Any) -> Tensor:
        return inplace.assign(self, gathering.index_copy(self, dim, index, source), "index_copy_")

    index_fill = gathering.index_fill

    @numpy_names
    def index_fill_(self: Any, dim: int, index: Any, value: Any) -> Tensor:
        return inplace.assign(self, gathering.index_fill(self, dim, index, value), "index_fill_")

    masked_fill = masking.masked_fill

    def masked_fill_(self: Any, mask: Any, value: Any) -> Tensor:
        return inplace.assign(self, masking.masked_fill(self, mask, value), "masked_fill_")

    masked_select = masking.masked_select
    index_put = indexing.index_put

    def index_put_(self: Any, indices: Any, values: Any, accumulate: bool = False) -> Tensor:
        return inplace.assign(self, indexing.index_put(self, indices, values, accumulate), "index_put_")

    take_along_dim = gathering.take_along_dim
    take = gathering.take
    narrow = gathering.narrow
    select = gathering.select
    argwhere = masking.argwhere
    nonzero = masking.nonzero

    # ---- linear algebra --------------------------------------------------------------------------------------------------

    matmul = linalg.matmul
    mm = linalg.mm
    bmm = linalg.bmm
    mv = linalg.mv
    dot = linalg.dot
    vdot = linalg.vdot
    inner = linalg.inner
    outer = linalg.outer
    ger = linalg.ger
    kron = linalg.kron
    addmm = linalg.addmm

    def addmm_(self: Any, mat1: Any, mat2: Any, *, beta: float = 1, alpha: float = 1) -> Tensor:
        return inplace.assign(self, linalg.addmm(self, mat1, mat2, beta=beta, alpha=alpha), "addmm_")

    def addmv_(self: Any, mat: Any, vec: Any, *, beta: float = 1, alpha: float = 1) -> Tensor:
        return inplace.assign(self, linalg.addmv(self, mat, vec, beta=beta, alpha=alpha), "addmv_")

    def addbmm_(self: Any, batch1: Any, batch2: Any, *, beta: float = 1, alpha: float = 1) -> Tensor:
        return inplace.assign(self, linalg.addbmm(self, batch1, batch2, beta=beta, alpha=alpha), "addbmm_")

    def baddbmm_(self: Any, batch1: Any, batch2: Any, *, beta: float = 1, alpha: float = 1) -> Tensor:
        return inplace.assign(self, linalg.baddbmm(self, batch1, batch2, beta=beta, alpha=alpha), "baddbmm_")

    addmv = linalg.addmv
    addbmm = linalg.addbmm
    baddbmm = linalg.baddbmm

    # ---- filling and conversion ------------------------------------------------------------------------------------------

    def copy_(self: Any, src: Any, non_blocking: bool = False) -> Tensor:
        return inplace.copy_(self, src)

    def zero_(self: Any) -> Tensor:
        return inplace.fill_(self, 0)

    fill_ = inplace.fill_
    fill_diagonal_ = inplace.fill_diagonal_

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

    bernoulli = rng.bernoulli
    multinomial = rng.multinomial

    def uniform_(self: Any, from_: Any = 0.0, to: Any = 1.0, *, generator: Any = None) -> Tensor:
        return rng.uniform_(self, from_, to, generator)

    def normal_(self: Any, mean: Any = 0.0, std: Any = 1.0, *, generator: Any = None) -> Tensor:
        return rng.normal_(self, mean, std, generator)

    def bernoulli_(self: Any, p: Any = 0.5, *, generator: Any = None) -> Tensor:
        return rng.bernoulli_(self, p, generator)

    def random_(self: Any, *range: Any, to: Any = None, generator: Any = None) -> Tensor:
        return rng.random_(self, range if to is None else (*range, to), generator)

    def exponential_(self: Any, lambd: Any = 1.0, *, generator: Any = None) -> Tensor:
        return rng.exponential_(self, lambd, generator)

    def log_normal_(self: Any, mean: Any = 1.0, std: Any = 2.0, *, generator: Any = None) -> Tensor:
        return rng.log_normal_(self, mean, std, generator)

    def cauchy_(self: Any, median: Any = 0.0, sigma: Any = 1.0, *, generator: Any = None) -> Tensor:
        return rng.cauchy_(self, median, sigma, generator)

    def geometric_(self: Any, p: Any, *, generator: Any = None) -> Tensor:
        return rng.geometric_(self, p, generator)
