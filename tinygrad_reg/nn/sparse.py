"""Tables of vectors, looked up by number."""

from __future__ import annotations

from typing import Any, Self

from ..creation import empty
from ..engine.refusal import typed_errors
from ..engine.state import no_grad
from ..errors import ArgumentError, AssertedArgumentError, AssertedShapeError
from ..tensor import Tensor
from . import functional as F
from . import init
from .module import Module
from .parameter import Parameter


class _Table(Module):
    """What both share: the table, whose row `padding_idx` starts as zeros, and how it is used."""

    weight: Parameter

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None,
        max_norm: float | None,
        norm_type: float,
        scale_grad_by_freq: bool,
        sparse: bool,
        weight: Tensor | None,
        factory: dict[str, Any],
    ) -> None:
        super().__init__()
        what = self._get_name()
        if padding_idx is not None and not -num_embeddings <= padding_idx < num_embeddings:
            raise AssertedArgumentError(f"{what}: padding_idx must be one of the {num_embeddings} rows, got {padding_idx}")
        if sparse:
            raise ArgumentError(f"{what}: gradients are dense here, there are no sparse tensors; leave out sparse=True")
        self.num_embeddings = num_embeddings
        self.embedding_dim = embedding_dim
        self.padding_idx = padding_idx if padding_idx is None or padding_idx >= 0 else num_embeddings + padding_idx
        self.max_norm = max_norm
        self.norm_type = norm_type
        self.scale_grad_by_freq = scale_grad_by_freq
        self.sparse = sparse
        if weight is None:
            self.weight = Parameter(empty(num_embeddings, embedding_dim, **factory))
            self.reset_parameters()
        elif tuple(weight.shape) != (num_embeddings, embedding_dim):
            raise AssertedShapeError(f"{what}: the table must have shape ({num_embeddings}, {embedding_dim}), got {tuple(weight.shape)}")
        else:
            self.weight = Parameter(weight)

    def reset_parameters(self) -> None:
        """Draw new rows from the standard normal distribution; the one of padding_idx is zero."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            with no_grad():
                self.weight[self.padding_idx].fill_(0)

    def _settings(self) -> list[str]:
        """What the repr of both shows, where it is not the usual."""
        usual = {"max_norm": None, "norm_type": 2, "scale_grad_by_freq": False}
        changed = [f"{name}={getattr(self, name)}" for name, value in usual.items() if getattr(self, name) != value]
        return [str(self.num_embeddings), str(self.embedding_dim), *changed]


def _sizes(what: str, embeddings: Tensor) -> tuple[int, int]:
    if embeddings.ndim != 2:
        raise AssertedShapeError(f"{what}.from_pretrained: embeddings must be (rows, features), got shape {tuple(embeddings.shape)}")
    rows, features = embeddings.shape
    return rows, features


class Embedding(_Table):
    """The rows of a table, by their numbers; integers (...) -> (..., embedding_dim).

    The row `padding_idx` gets no gradient. `max_norm` shortens longer rows when they are looked up. `scale_grad_by_freq` divides the
    gradient of a row by how often it occurs.

    >>> layer = tg.nn.Embedding(10, 3, padding_idx=0)
    >>> layer(tg.tensor([[1, 2, 4, 5], [4, 3, 0, 9]])).shape, layer.weight[0].tolist()
    ((2, 4, 3), [0.0, 0.0, 0.0])
    """

    @typed_errors
    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
        _weight: Tensor | None = None,
        _freeze: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        factory = {"device": device, "dtype": dtype}
        super().__init__(num_embeddings, embedding_dim, padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse, _weight, factory)
        self.weight.requires_grad_(not _freeze)

    @classmethod
    def from_pretrained(
        cls,
        embeddings: Tensor,
        freeze: bool = True,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
    ) -> Self:
        """A layer with this table, which is not trained if `freeze`."""
        rows, features = _sizes(cls.__name__, embeddings)
        return cls(rows, features, padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse, embeddings, freeze)

    def forward(self, input: Tensor) -> Tensor:
        return F.embedding(input, self.weight, self.padding_idx, self.max_norm, self.norm_type, self.scale_grad_by_freq)

    def extra_repr(self) -> str:
        first, second, *changed = self._settings()
        padding = [] if self.padding_idx is None else [f"padding_idx={self.padding_idx}"]
        return ", ".join([first, second, *padding, *changed])


class EmbeddingBag(_Table):
    """The sum, mean or maximum of the rows of each bag; integers (bags, entries), or (entries,) with offsets -> (bags, embedding_dim).

    >>> layer = tg.nn.EmbeddingBag.from_pretrained(tg.tensor([[1.0, 1.0], [2.0, 4.0], [5.0, 9.0]]), mode="sum")
    >>> layer(tg.tensor([0, 1, 2]), offsets=tg.tensor([0, 2]))
    tensor([[3., 5.],
            [5., 9.]])
    """

    @typed_errors
    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        mode: str = "mean",
        sparse: bool = False,
        _weight: Tensor | None = None,
        include_last_offset: bool = False,
        padding_idx: int | None = None,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        factory = {"device": device, "dtype": dtype}
        super().__init__(num_embeddings, embedding_dim, padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse, _weight, factory)
        self.mode = mode
        self.include_last_offset = include_last_offset

    @classmethod
    def from_pretrained(
        cls,
        embeddings: Tensor,
        freeze: bool = True,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        mode: str = "mean",
        sparse: bool = False,
        include_last_offset: bool = False,
        padding_idx: int | None = None,
    ) -> Self:
        """A layer with this table, which is not trained if `freeze`."""
        rows, features = _sizes(cls.__name__, embeddings)
        settings = (max_norm, norm_type, scale_grad_by_freq, mode, sparse, embeddings, include_last_offset, padding_idx)
        made = cls(rows, features, *settings)
        made.weight.requires_grad_(not freeze)
        return made

    def forward(self, input: Tensor, offsets: Tensor | None = None, per_sample_weights: Tensor | None = None) -> Tensor:
        return F.embedding_bag(
            input,
            self.weight,
            offsets,
            self.max_norm,
            self.norm_type,
            self.scale_grad_by_freq,
            self.mode,
            self.sparse,
            per_sample_weights,
            self.include_last_offset,
            self.padding_idx,
        )

    def extra_repr(self) -> str:
        padding = [] if self.padding_idx is None else [f"padding_idx={self.padding_idx}"]
        return ", ".join([*self._settings(), f"mode={self.mode!r}", *padding])
