"""Pooling: the largest, the mean or a norm of each window; (n, c, *size) -> (n, c, *out), or both without n."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from ..engine.refusal import typed_errors
from ..ops.windows import per_dim
from ..tensor import Tensor
from . import functional as F
from .module import Module

# ---- maxima --------------------------------------------------------------------------------------------------------


class _MaxPool(Module):
    pool: ClassVar[Callable[..., Any]]

    @typed_errors
    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        dilation: Any = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.dilation = dilation
        self.return_indices = return_indices
        self.ceil_mode = ceil_mode

    def forward(self, input: Tensor) -> Any:
        return self.pool(input, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode, self.return_indices)

    def extra_repr(self) -> str:
        windows = f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"
        return f"{windows}, dilation={self.dilation}, ceil_mode={self.ceil_mode}"


class MaxPool1d(_MaxPool):
    """The largest of `kernel_size` elements, every `stride` (None: kernel_size); with `return_indices` also where they are.

    >>> tg.nn.MaxPool1d(2)(tg.tensor([[1.0, 5.0, 7.0, 2.0, 9.0]]))
    tensor([[5., 7.]])
    """

    pool = staticmethod(F.max_pool1d)


class MaxPool2d(_MaxPool):
    """`MaxPool1d` over two dimensions.

    >>> tg.nn.MaxPool2d(3, stride=2, padding=1)(tg.ones(1, 4, 8, 8)).shape
    (1, 4, 4, 4)
    """

    pool = staticmethod(F.max_pool2d)


class MaxPool3d(_MaxPool):
    """`MaxPool1d` over three dimensions.

    >>> tg.nn.MaxPool3d((1, 2, 2))(tg.ones(1, 4, 8, 8, 8)).shape
    (1, 4, 8, 4, 4)
    """

    pool = staticmethod(F.max_pool3d)


class _MaxUnpool(Module):
    spatial: ClassVar[int]
    unpool: ClassVar[Callable[..., Tensor]]

    @typed_errors
    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0) -> None:
        super().__init__()
        count, what = self.spatial, self._get_name()
        self.kernel_size = per_dim(kernel_size, count, what, "kernel_size", 1)
        self.stride = self.kernel_size if stride is None else per_dim(stride, count, what, "stride", 1)
        self.padding = per_dim(padding, count, what, "padding", 0)

    def forward(self, input: Tensor, indices: Tensor, output_size: Any = None) -> Tensor:
        return self.unpool(input, indices, self.kernel_size, self.stride, self.padding, output_size)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class MaxUnpool1d(_MaxUnpool):
    """The maxima of `MaxPool1d` back at their places, zeros elsewhere.

    >>> largest, indices = tg.nn.MaxPool1d(2, return_indices=True)(tg.tensor([[1.0, 5.0, 7.0, 2.0]]))
    >>> tg.nn.MaxUnpool1d(2)(largest, indices)
    tensor([[0., 5., 7., 0.]])
    """

    spatial = 1
    unpool = staticmethod(F.max_unpool1d)


class MaxUnpool2d(_MaxUnpool):
    """The maxima of `MaxPool2d` back at their places, zeros elsewhere.

    >>> tg.nn.MaxUnpool2d(2)(tg.tensor([[[9.0]]]), tg.tensor([[[1]]]))
    tensor([[[0., 9.],
             [0., 0.]]])
    """

    spatial = 2
    unpool = staticmethod(F.max_unpool2d)


class MaxUnpool3d(_MaxUnpool):
    """The maxima of `MaxPool3d` back at their places, zeros elsewhere.

    >>> tg.nn.MaxUnpool3d(2)(tg.ones(1, 2, 1, 1, 1), tg.zeros(1, 2, 1, 1, 1, dtype=tg.int64)).shape
    (1, 2, 2, 2, 2)
    """

    spatial = 3
    unpool = staticmethod(F.max_unpool3d)


# ---- means and norms -----------------------------------------------------------------------------------------------


class AvgPool1d(Module):
    """The mean of `kernel_size` elements, every `stride` (None: kernel_size); padding counts as zeros, if at all.

    >>> tg.nn.AvgPool1d(3, stride=1, padding=1)(tg.tensor([[3.0, 6.0, 9.0]]))
    tensor([[3., 6., 5.]])
    """

    @typed_errors
    def __init__(
        self, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False, count_include_pad: bool = True
    ) -> None:
        super().__init__()
        self.kernel_size = per_dim(kernel_size, 1, "AvgPool1d", "kernel_size", 1)
        self.stride = self.kernel_size if stride is None else per_dim(stride, 1, "AvgPool1d", "stride", 1)
        self.padding = per_dim(padding, 1, "AvgPool1d", "padding", 0)
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad

    def forward(self, input: Tensor) -> Tensor:
        return F.avg_pool1d(input, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class _AvgPool(Module):
    pool: ClassVar[Callable[..., Tensor]]

    @typed_errors
    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad
        self.divisor_override = divisor_override

    def forward(self, input: Tensor) -> Tensor:
        windows = (self.kernel_size, self.stride, self.padding, self.ceil_mode)
        return self.pool(input, *windows, self.count_include_pad, self.divisor_override)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AvgPool2d(_AvgPool):
    """`AvgPool1d` over two dimensions; `divisor_override` is used instead of the number of elements.

    >>> tg.nn.AvgPool2d(2)(tg.tensor([[[1.0, 2.0], [3.0, 6.0]]]))
    tensor([[[3.]]])
    """

    pool = staticmethod(F.avg_pool2d)


class AvgPool3d(_AvgPool):
    """`AvgPool2d` over three dimensions.

    >>> tg.nn.AvgPool3d(2)(tg.ones(1, 4, 8, 8, 8)).shape
    (1, 4, 4, 4, 4)
    """

    pool = staticmethod(F.avg_pool3d)


class _LPPool(Module):
    pool: ClassVar[Callable[..., Tensor]]

    @typed_errors
    def __init__(self, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> None:
        super().__init__()
        self.norm_type = norm_type
        self.kernel_size = kernel_size
        self.stride = stride
        self.ceil_mode = ceil_mode

    def forward(self, input: Tensor) -> Tensor:
        return self.pool(input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode)

    def extra_repr(self) -> str:
        windows = f"kernel_size={self.kernel_size}, stride={self.stride}, ceil_mode={self.ceil_mode}"
        return f"norm_type={self.norm_type}, {windows}"


class LPPool1d(_LPPool):
    """(Σ xᵖ)^(1/p) of each window, with p = norm_type.

    >>> tg.nn.LPPool1d(2, kernel_size=2)(tg.tensor([[3.0, 4.0, 6.0, 8.0]]))
    tensor([[ 5., 10.]])
    """

    pool = staticmethod(F.lp_pool1d)


class LPPool2d(_LPPool):
    """`LPPool1d` over two dimensions.

    >>> tg.nn.LPPool2d(2, kernel_size=2)(tg.ones(1, 2, 2))
    tensor([[[2.]]])
    """

    pool = staticmethod(F.lp_pool2d)


class LPPool3d(_LPPool):
    """`LPPool1d` over three dimensions.

    >>> tg.nn.LPPool3d(1, kernel_size=2)(tg.ones(1, 2, 2, 2))
    tensor([[[[8.]]]])
    """

    pool = staticmethod(F.lp_pool3d)


# ---- by the size of the output -------------------------------------------------------------------------------------


class _Adaptive(Module):
    pool: ClassVar[Callable[..., Any]]

    @typed_errors
    def __init__(self, output_size: Any) -> None:
        super().__init__()
        self.output_size = output_size

    def forward(self, input: Tensor) -> Any:
        return self.pool(input, self.output_size)

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


class AdaptiveAvgPool1d(_Adaptive):
    """Means of `output_size` windows that cover the input evenly.

    >>> tg.nn.AdaptiveAvgPool1d(2)(tg.tensor([[1.0, 2.0, 6.0]]))
    tensor([[1.5000, 4.0000]])
    """

    pool = staticmethod(F.adaptive_avg_pool1d)


class AdaptiveAvgPool2d(_Adaptive):
    """`AdaptiveAvgPool1d` over two dimensions, of which None keeps the size.

    >>> tg.nn.AdaptiveAvgPool2d((1, None))(tg.ones(1, 4, 7, 9)).shape
    (1, 4, 1, 9)
    """

    pool = staticmethod(F.adaptive_avg_pool2d)


class AdaptiveAvgPool3d(_Adaptive):
    """`AdaptiveAvgPool1d` over three dimensions, of which None keeps the size.

    >>> tg.nn.AdaptiveAvgPool3d(1)(tg.ones(1, 4, 7, 8, 9)).shape
    (1, 4, 1, 1, 1)
    """

    pool = staticmethod(F.adaptive_avg_pool3d)


class _AdaptiveMax(_Adaptive):
    @typed_errors
    def __init__(self, output_size: Any, return_indices: bool = False) -> None:
        super().__init__(output_size)
        self.return_indices = return_indices

    def forward(self, input: Tensor) -> Any:
        return self.pool(input, self.output_size, self.return_indices)


class AdaptiveMaxPool1d(_AdaptiveMax):
    """The largest elements of `output_size` windows that cover the input evenly; with `return_indices` also where they are.

    >>> tg.nn.AdaptiveMaxPool1d(2)(tg.tensor([[1.0, 2.0, 6.0]]))
    tensor([[2., 6.]])
    """

    pool = staticmethod(F.adaptive_max_pool1d)


class AdaptiveMaxPool2d(_AdaptiveMax):
    """`AdaptiveMaxPool1d` over two dimensions, of which None keeps the size.

    >>> tg.nn.AdaptiveMaxPool2d((1, None))(tg.ones(1, 4, 7, 9)).shape
    (1, 4, 1, 9)
    """

    pool = staticmethod(F.adaptive_max_pool2d)


class AdaptiveMaxPool3d(_AdaptiveMax):
    """`AdaptiveMaxPool1d` over three dimensions, of which None keeps the size.

    >>> tg.nn.AdaptiveMaxPool3d(1)(tg.ones(1, 4, 7, 8, 9)).shape
    (1, 4, 1, 1, 1)
    """

    pool = staticmethod(F.adaptive_max_pool3d)
