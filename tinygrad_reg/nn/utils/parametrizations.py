"""Parametrizations of weights: length apart from direction, and largest singular value 1."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...absent import refusing
from ...engine.state import no_grad
from ...errors import ArgumentError, DimensionError
from ...ops.normalization import normalize
from ...random import randn
from ...tensor import Tensor
from ..conv import ConvTranspose1d, ConvTranspose2d, ConvTranspose3d
from ..module import Module
from .parametrize import register_parametrization


class _WeightNorm(Module):
    """w = g v / ‖v‖, with one length for each index of `dim`, or one for all if -1."""

    def __init__(self, dim: int | None = 0) -> None:
        super().__init__()
        self.dim = -1 if dim is None else dim

    def forward(self, weight_g: Tensor, weight_v: Tensor) -> Tensor:
        return weight_v * (weight_g / self._length(weight_v))

    def right_inverse(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        return self._length(weight), weight.clone()

    def _length(self, v: Tensor) -> Tensor:
        if self.dim == -1:
            return v.norm()
        size = v.shape[self.dim]
        shape = [size if i == self.dim else 1 for i in range(v.ndim)]
        return v.movedim(self.dim, 0).reshape(size, -1).norm(dim=1).reshape(shape)


def weight_norm(module: Module, name: str = "weight", dim: int | None = 0) -> Module:
    """Train the lengths (`original0`) and directions (`original1`) of a weight apart from each other.

    One length for each index of `dim`, or one for all if None. Salimans and Kingma, Weight normalization, 2016.

    >>> layer = tg.nn.utils.parametrizations.weight_norm(tg.nn.Linear(3, 2))
    >>> {name: tuple(p.shape) for name, p in layer.named_parameters()}
    {'bias': (2,), 'parametrizations.weight.original0': (2, 1), 'parametrizations.weight.original1': (2, 3)}
    """
    return register_parametrization(module, name, _WeightNorm(dim), unsafe=True)


class _SpectralNorm(Module):
    """w / σ with the largest singular value σ ≈ uᵀ W v of the weight as a matrix; training improves u and v by power iterations."""

    _u: Tensor
    _v: Tensor

    def __init__(self, weight: Tensor, n_power_iterations: int = 1, dim: int = 0, eps: float = 1e-12) -> None:
        super().__init__()
        if not -weight.ndim <= dim < weight.ndim:
            raise DimensionError(f"Dimension out of range (expected to be in range of [{-weight.ndim}, {weight.ndim - 1}] but got {dim})")
        if n_power_iterations <= 0:
            raise ArgumentError(f"Expected n_power_iterations to be positive, but got n_power_iterations={n_power_iterations}")
        self.dim = dim % weight.ndim
        self.eps = eps
        if weight.ndim > 1:
            self.n_power_iterations = n_power_iterations
            matrix = self._matrix(weight.detach())
            for which, size in zip(("_u", "_v"), matrix.shape, strict=True):
                self.register_buffer(which, normalize(randn(size, dtype=weight.dtype), dim=0, eps=eps))
            self._iterate(matrix, 15)

    def _matrix(self, weight: Tensor) -> Tensor:
        return weight.movedim(self.dim, 0).flatten(1)

    @no_grad()
    def _iterate(self, matrix: Tensor, count: int) -> None:
        for _ in range(count):
            self._u.copy_(normalize(matrix @ self._v, dim=0, eps=self.eps))
            self._v.copy_(normalize(matrix.mT @ self._u, dim=0, eps=self.eps))

    def forward(self, weight: Tensor) -> Tensor:
        if weight.ndim == 1:
            return normalize(weight, dim=0, eps=self.eps)
        matrix = self._matrix(weight)
        if self.training:
            self._iterate(matrix, self.n_power_iterations)
        u, v = self._u.clone(), self._v.clone()  # the next call may come before backward
        return weight / (u @ (matrix @ v))

    def right_inverse(self, value: Tensor) -> Tensor:
        return value


def spectral_norm(module: Module, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12, dim: int | None = None) -> Module:
    """Divide a weight by its largest singular value, with `dim` as rows: 0, or 1 of transposed convolutions.

    Miyato et al., Spectral normalization for generative adversarial networks, 2018.

    >>> layer = tg.nn.utils.parametrizations.spectral_norm(tg.nn.Linear(3, 3), n_power_iterations=50)
    >>> round(tg.linalg.svdvals(layer.weight).max().item(), 3)
    1.0
    """
    weight = getattr(module, name, None)
    if not isinstance(weight, Tensor):
        raise ArgumentError(f"Module '{module}' has no parameter or buffer with name '{name}'")
    if dim is None:
        dim = int(isinstance(module, ConvTranspose1d | ConvTranspose2d | ConvTranspose3d))
    return register_parametrization(module, name, _SpectralNorm(weight, n_power_iterations, dim, eps))


if not TYPE_CHECKING:
    __getattr__ = refusing("nn.utils.parametrizations")
