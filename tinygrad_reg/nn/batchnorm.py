"""Normalization of each channel, over the batch or over each sample, with running statistics for evaluation."""

from __future__ import annotations

import warnings
from typing import Any, ClassVar

from ..creation import ones, tensor, zeros
from ..engine.refusal import typed_errors
from ..engine.state import no_grad
from ..errors import ShapeError
from ..ops.arguments import rank
from ..ops.shape import squeeze, unsqueeze
from ..tensor import Tensor
from . import functional as F
from .normalization import Affine


class _NormBase(Affine):
    """What both kinds share: weight and bias of each channel if `affine`, statistics of it if `track_running_stats`."""

    _version = 2  # the first had no num_batches_tracked
    dims: ClassVar[tuple[int, ...]]  # how many an input may have
    running_mean: Tensor | None
    running_var: Tensor | None
    num_batches_tracked: Tensor | None

    @typed_errors
    def __init__(
        self,
        num_features: int,
        eps: float = 1e-05,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.num_features = num_features
        self.eps = eps
        self.momentum = momentum
        self.affine = affine
        self.track_running_stats = track_running_stats
        self._make(num_features, affine, bias, device, dtype)
        kept = track_running_stats
        self.register_buffer("running_mean", zeros(num_features, device=device, dtype=dtype) if kept else None)
        self.register_buffer("running_var", ones(num_features, device=device, dtype=dtype) if kept else None)
        self.register_buffer("num_batches_tracked", tensor(0, device=device) if kept else None)
        self.reset_parameters()

    def _upgrade_state(self, state: dict[str, Any], prefix: str, version: int | None) -> None:
        if (version or 1) < 2 and self.num_batches_tracked is not None:
            state.setdefault(prefix + "num_batches_tracked", self.num_batches_tracked)

    def reset_running_stats(self) -> None:
        """Forget all batches seen: mean 0, variance 1."""
        with no_grad():
            for buffer, value in ((self.running_mean, 0), (self.running_var, 1), (self.num_batches_tracked, 0)):
                if buffer is not None:
                    buffer.fill_(value)

    def reset_parameters(self) -> None:
        """Weight 1, bias 0, statistics as at the start."""
        self.reset_running_stats()
        super().reset_parameters()

    def _check_dims(self, input: Tensor) -> None:
        if rank(input, self._get_name()) not in self.dims:
            wanted = " or ".join(str(n) for n in self.dims)
            raise ShapeError(f"{self._get_name()}: expected an input of {wanted} dims, got shape {tuple(input.shape)}")

    def _check_channels(self, input: Tensor, dim: int) -> None:
        """Raise ShapeError if there is not one weight or statistic for each channel; if there are none at all, anything goes."""
        channels = input.shape[dim]
        if channels != self.num_features and (self.affine or self.track_running_stats):
            raise ShapeError(
                f"{self._get_name()}: input has {channels} channels, the layer num_features={self.num_features}\n"
                f"  input {tuple(input.shape)}; channels are dim {dim}"
            )

    def extra_repr(self) -> str:
        settings = f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}"
        return f"{settings}, bias={self.bias is not None}, track_running_stats={self.track_running_stats}"


class _BatchNorm(_NormBase):
    def forward(self, input: Tensor) -> Tensor:
        self._check_dims(input)
        self._check_channels(input, 1)
        by_batch = self.training or (self.running_mean is None and self.running_var is None)
        moving = self.training and self.track_running_stats
        momentum: Any = 0.0 if self.momentum is None else self.momentum
        if moving and self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)
            if self.momentum is None:  # the average over all batches
                momentum = 1.0 / self.num_batches_tracked.double()
        mean, variance = (self.running_mean, self.running_var) if moving or not self.training else (None, None)
        return F.batch_norm(input, mean, variance, self.weight, self.bias, by_batch, momentum, self.eps)


class BatchNorm1d(_BatchNorm):
    """Each channel minus its mean over its standard deviation, times weight, plus bias; (n, c) or (n, c, l).

    In training, mean and variance are those of the batch, and the running ones move towards them by `momentum` (None: they are
    the averages over all batches); in evaluation the running ones are used, if there are any. Ioffe and Szegedy, 2015.

    >>> layer = tg.nn.BatchNorm1d(1)
    >>> y = layer(tg.tensor([[0.0], [4.0]]))
    >>> layer.running_mean, layer.running_var
    (tensor([0.2000]), tensor([1.7000]))
    """

    dims = (2, 3)


class BatchNorm2d(_BatchNorm):
    """`BatchNorm1d` of images; (n, c, h, w).

    >>> layer = tg.nn.BatchNorm2d(3)
    >>> layer(tg.rand(2, 3, 4, 4)).shape, layer.weight.shape
    ((2, 3, 4, 4), (3,))
    """

    dims = (4,)


class BatchNorm3d(_BatchNorm):
    """`BatchNorm1d` of volumes; (n, c, d, h, w).

    >>> layer = tg.nn.BatchNorm3d(3)
    >>> layer(tg.rand(2, 3, 4, 4, 4)).shape, layer.weight.shape
    ((2, 3, 4, 4, 4), (3,))
    """

    dims = (5,)


class _InstanceNorm(_NormBase):
    @typed_errors
    def __init__(
        self,
        num_features: int,
        eps: float = 1e-05,
        momentum: float = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias)

    def forward(self, input: Tensor) -> Tensor:
        self._check_dims(input)
        dim = input.ndim - self.dims[0]
        self._check_channels(input, dim)
        if input.shape[dim] != self.num_features:
            warnings.warn(
                f"{self._get_name()}: input has {input.shape[dim]} channels, num_features is {self.num_features}, which nothing depends on",
                stacklevel=3,
            )
        if input.ndim == self.dims[0]:
            return squeeze(self._normalized(unsqueeze(input, 0)), 0)
        return self._normalized(input)

    def _normalized(self, input: Tensor) -> Tensor:
        by_input = self.training or not self.track_running_stats
        momentum = 0.0 if self.momentum is None else self.momentum
        return F.instance_norm(input, self.running_mean, self.running_var, self.weight, self.bias, by_input, momentum, self.eps)


class InstanceNorm1d(_InstanceNorm):
    """Each channel of each sample minus its mean over its standard deviation; (n, c, l) or (c, l).

    With `track_running_stats` evaluation uses statistics that training has gathered. Ulyanov et al., Instance normalization, 2016.

    >>> tg.nn.InstanceNorm1d(2)(tg.tensor([[1.0, 3.0], [10.0, 30.0]]))
    tensor([[-1.0000,  1.0000],
            [-1.0000,  1.0000]])
    """

    dims = (2, 3)


class InstanceNorm2d(_InstanceNorm):
    """`InstanceNorm1d` of images; (n, c, h, w) or (c, h, w).

    >>> layer = tg.nn.InstanceNorm2d(3)
    >>> layer(tg.rand(2, 3, 4, 4)).shape, layer.weight
    ((2, 3, 4, 4), None)
    """

    dims = (3, 4)


class InstanceNorm3d(_InstanceNorm):
    """`InstanceNorm1d` of volumes; (n, c, d, h, w) or (c, d, h, w).

    >>> layer = tg.nn.InstanceNorm3d(3, affine=True)
    >>> layer(tg.rand(2, 3, 4, 4, 4)).shape, layer.weight.shape
    ((2, 3, 4, 4, 4), (3,))
    """

    dims = (4, 5)
