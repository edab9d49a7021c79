"""Convolutions and their transposes, and the windows they look through."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from ..creation import empty
from ..engine.refusal import typed_errors
from ..errors import ArgumentError
from ..ops.convolution import conv1d, conv2d, conv3d, conv_transpose1d, conv_transpose2d, conv_transpose3d, fold, unfold
from ..ops.padding import pad
from ..ops.windows import Sizes, per_dim
from ..tensor import Tensor
from . import init
from .module import Module
from .parameter import Parameter

_MODES = ("zeros", "reflect", "replicate", "circular")


class _ConvNd(Module):
    """What convolutions and their transposes share: settings, weight, bias and text."""

    spatial: ClassVar[int]
    transposed: ClassVar[bool] = False
    padding: Any  # numbers, or for convolutions "same" or "valid"
    weight: Parameter
    bias: Parameter | None

    def __init__(
        self,
        channels: tuple[int, int],
        kernel_size: Any,
        stride: Any,
        padding: Any,
        dilation: Any,
        output_padding: Any,
        groups: int,
        bias: bool,
        padding_mode: str,
        factory: dict[str, Any],
    ) -> None:
        super().__init__()
        self.in_channels, self.out_channels = channels
        self.groups = groups
        self.kernel_size = self._sizes("kernel_size", kernel_size, 1)
        self.stride = self._sizes("stride", stride, 1)
        self.padding = padding if isinstance(padding, str) else self._sizes("padding", padding, 0)
        self.dilation = self._sizes("dilation", dilation, 1)
        self.output_padding = self._sizes("output_padding", output_padding, 0)
        self.padding_mode = padding_mode
        self._check()
        first, second = channels if self.transposed else (self.out_channels, self.in_channels)
        self.weight = Parameter(empty(first, second // groups, *self.kernel_size, **factory))
        self.register_parameter("bias", Parameter(empty(self.out_channels, **factory)) if bias else None)
        self.reset_parameters()

    def _sizes(self, name: str, value: Any, least: int) -> Sizes:
        return per_dim(value, self.spatial, self._get_name(), name, least)

    def _check(self) -> None:
        """Raise ArgumentError if settings do not go together."""
        what, groups = self._get_name(), self.groups
        if groups < 1:
            raise ArgumentError(f"{what}: groups must be a positive integer, got {groups}")
        for name, count in (("in_channels", self.in_channels), ("out_channels", self.out_channels)):
            if count % groups:
                raise ArgumentError(f"{what}: {name} must be divisible by groups, got {count} and {groups}")
        if isinstance(self.padding, str) and self.padding not in ("same", "valid"):
            raise ArgumentError(f'{what}: padding must be numbers, "same" or "valid", got {self.padding!r}')
        if self.padding == "same" and max(self.stride) > 1:
            raise ArgumentError(f'{what}: padding="same" needs stride 1, got {self.stride}; say the padding in numbers')
        allowed = _MODES[:1] if self.transposed else _MODES
        if self.padding_mode not in allowed:
            raise ArgumentError(f"{what}: padding_mode must be one of {', '.join(allowed)}, got {self.padding_mode!r}")

    def reset_parameters(self) -> None:
        """Draw new initial values: uniform on ±1/√fan_in."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5.0))
        if self.bias is not None:
            bound = 1.0 / math.sqrt(max(init.fans(self.weight)[0], 1))
            init.uniform_(self.bias, -bound, bound)

    def extra_repr(self) -> str:
        usual = {"padding": 0, "dilation": 1, "output_padding": 0}
        parts = [str(self.in_channels), str(self.out_channels), f"kernel_size={self.kernel_size}", f"stride={self.stride}"]
        parts += [f"{name}={value}" for name, n in usual.items() if (value := getattr(self, name)) != (n,) * self.spatial]
        parts += [f"groups={self.groups}"] if self.groups != 1 else []
        parts += ["bias=False"] if self.bias is None else []
        parts += [f"padding_mode={self.padding_mode}"] if self.padding_mode != "zeros" else []
        return ", ".join(parts)


class _Conv(_ConvNd):
    convolve: ClassVar[Callable[..., Tensor]]

    @typed_errors
    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        factory = {"device": device, "dtype": dtype}
        super().__init__((in_channels, out_channels), kernel_size, stride, padding, dilation, 0, groups, bias, padding_mode, factory)

    def forward(self, input: Tensor) -> Tensor:
        padding = self.padding
        if self.padding_mode != "zeros":
            input, padding = pad(input, self._pads(), self.padding_mode), 0
        return self.convolve(input, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)

    def _pads(self) -> list[int]:
        """The padding as `pad` takes it: before and after the last dimension, then of the one before it."""
        if self.padding == "valid":
            return [0, 0] * self.spatial
        if self.padding == "same":
            totals = [d * (k - 1) for k, d in zip(self.kernel_size, self.dilation, strict=True)]
            return [n for total in reversed(totals) for n in (total // 2, total - total // 2)]
        return [n for n in reversed(self.padding) for _ in range(2)]


class Conv1d(_Conv):
    """`conv1d` with a weight (out_channels, in_channels / groups, kernel_size); (n, in_channels, l) -> (n, out_channels, out).

    `padding_mode` "reflect", "replicate" or "circular" takes the borders from the input. Weight and bias start uniform on ±1/√fan_in.

    >>> layer = tg.nn.Conv1d(2, 4, kernel_size=3, groups=2)
    >>> layer.weight.shape, layer(tg.ones(1, 2, 10)).shape
    ((4, 1, 3), (1, 4, 8))
    """

    spatial = 1
    convolve = staticmethod(conv1d)


class Conv2d(_Conv):
    """`Conv1d` over two dimensions; (n, in_channels, h, w) -> (n, out_channels, out_h, out_w).

    >>> tg.nn.Conv2d(3, 8, 3, stride=2, padding=1)(tg.ones(1, 3, 32, 32)).shape
    (1, 8, 16, 16)
    """

    spatial = 2
    convolve = staticmethod(conv2d)


class Conv3d(_Conv):
    """`Conv1d` over three dimensions; (n, in_channels, d, h, w) -> (n, out_channels, out_d, out_h, out_w).

    >>> tg.nn.Conv3d(1, 2, 3, padding="same")(tg.ones(1, 1, 4, 5, 6)).shape
    (1, 2, 4, 5, 6)
    """

    spatial = 3
    convolve = staticmethod(conv3d)


class _ConvTranspose(_ConvNd):
    transposed = True
    convolve: ClassVar[Callable[..., Tensor]]

    @typed_errors
    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Any = 1,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        padding, factory = self._sizes("padding", padding, 0), {"device": device, "dtype": dtype}
        super().__init__(
            (in_channels, out_channels), kernel_size, stride, padding, dilation, output_padding, groups, bias, padding_mode, factory
        )

    def forward(self, input: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        """The transposed convolution; `output_size` chooses one of the sizes that the convolution takes to the input's."""
        extra = self.output_padding if output_size is None else self._missing(input, output_size)
        return self.convolve(input, self.weight, self.bias, self.stride, self.padding, extra, self.groups, self.dilation)

    def _missing(self, input: Tensor, output_size: Sequence[int]) -> Sizes:
        """The output_padding that gives the size; batch and channels before it are ignored."""
        count, what = self.spatial, self._get_name()
        if len(output_size) not in (count, input.ndim):
            raise ArgumentError(f"{what}: output_size needs {count} or {input.ndim} numbers, got {tuple(output_size)}")
        wanted = tuple(output_size)[-count:]
        settings = zip(input.shape[-count:], self.stride, self.padding, self.dilation, self.kernel_size, strict=True)
        least = tuple([(n - 1) * s - 2 * p + d * (k - 1) + 1 for n, s, p, d, k in settings])
        extra = tuple([n - m for n, m in zip(wanted, least, strict=True)])
        if any(not 0 <= e < s for e, s in zip(extra, self.stride, strict=True)):
            most = tuple([m + s - 1 for m, s in zip(least, self.stride, strict=True)])
            raise ArgumentError(f"{what}: output_size {wanted} must lie between {least} and {most} for an input {tuple(input.shape)}")
        return extra


class ConvTranspose1d(_ConvTranspose):
    """The transpose of `Conv1d`, with a weight (in_channels, out_channels / groups, kernel_size).

    >>> layer = tg.nn.ConvTranspose1d(4, 2, kernel_size=3, stride=2)
    >>> layer.weight.shape, layer(tg.ones(1, 4, 5)).shape
    ((4, 2, 3), (1, 2, 11))
    """

    spatial = 1
    convolve = staticmethod(conv_transpose1d)


class ConvTranspose2d(_ConvTranspose):
    """The transpose of `Conv2d`; (n, in_channels, h, w) -> (n, out_channels, out_h, out_w).

    >>> x = tg.nn.Conv2d(1, 2, 3, stride=2)(tg.ones(1, 1, 8, 8))
    >>> tg.nn.ConvTranspose2d(2, 1, 3, stride=2)(x, output_size=(8, 8)).shape
    (1, 1, 8, 8)
    """

    spatial = 2
    convolve = staticmethod(conv_transpose2d)


class ConvTranspose3d(_ConvTranspose):
    """The transpose of `Conv3d`; (n, in_channels, d, h, w) -> (n, out_channels, out_d, out_h, out_w).

    >>> tg.nn.ConvTranspose3d(2, 1, 2, stride=2)(tg.ones(1, 2, 3, 4, 5)).shape
    (1, 1, 6, 8, 10)
    """

    spatial = 3
    convolve = staticmethod(conv_transpose3d)


class _Windows(Module):
    """What Unfold and Fold share: where the windows of an image lie."""

    @typed_errors
    def __init__(self, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.dilation = dilation
        self.padding = padding
        self.stride = stride

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, dilation={self.dilation}, padding={self.padding}, stride={self.stride}"


class Unfold(_Windows):
    """The windows a convolution sees, each as a column; (n, c, h, w) -> (n, c · kh · kw, windows).

    >>> tg.nn.Unfold(kernel_size=2)(tg.arange(6.0).reshape(1, 1, 2, 3))
    tensor([[[0., 1.],
             [1., 2.],
             [3., 4.],
             [4., 5.]]])
    """

    def forward(self, input: Tensor) -> Tensor:
        return unfold(input, self.kernel_size, self.dilation, self.padding, self.stride)


class Fold(_Windows):
    """Columns added up where their windows lie, the transpose of `Unfold`; (n, c · kh · kw, windows) -> (n, c, h, w).

    >>> tg.nn.Fold((2, 3), kernel_size=2)(tg.ones(1, 4, 2))
    tensor([[[[1., 2., 1.],
              [1., 2., 1.]]]])
    """

    @typed_errors
    def __init__(self, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> None:
        super().__init__(kernel_size, dilation, padding, stride)
        self.output_size = output_size

    def forward(self, input: Tensor) -> Tensor:
        return fold(input, self.output_size, self.kernel_size, self.dilation, self.padding, self.stride)

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}, {super().extra_repr()}"
