"""Sequences of unequal lengths: padded to one tensor, or packed, where the steps follow each other and hold only what still runs."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any, NamedTuple

from ...creation import tensor
from ...dtypes import int64
from ...engine.state import state
from ...errors import ArgumentError, ArgumentTypeError, ShapeError
from ...ops.joining import cat, split, stack
from ...ops.sorting import argsort
from ...tensor import Tensor


class _Packed(NamedTuple):
    data: Tensor
    batch_sizes: Tensor
    sorted_indices: Tensor | None
    unsorted_indices: Tensor | None


class PackedSequence(_Packed):
    """Sequences of unequal lengths, step after step: `data` (sum of lengths, ...), and how many sequences have each step.

    The longest comes first; `sorted_indices` says which sequence of the given order that is, `unsorted_indices` the way back.

    >>> tg.nn.utils.rnn.pack_sequence([tg.tensor([1.0, 2.0]), tg.tensor([3.0])]).batch_sizes
    tensor([2, 1])
    """

    def __new__(
        cls,
        data: Any,
        batch_sizes: Any = None,
        sorted_indices: Tensor | None = None,
        unsorted_indices: Tensor | None = None,
    ) -> PackedSequence:
        if batch_sizes is None:
            if not (isinstance(data, (tuple, list)) and len(data) == 2):
                raise ArgumentTypeError(f"PackedSequence: needs data and batch_sizes, got only a {type(data).__name__}")
            data, batch_sizes = data
        if unsorted_indices is None:
            unsorted_indices = invert_permutation(sorted_indices)
        return super().__new__(cls, data, batch_sizes, sorted_indices, unsorted_indices)

    def to(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """The same sequences with `data.to(...)`."""
        return self._replace(data=self.data.to(*args, **kwargs))

    def double(self) -> PackedSequence:
        """In float64."""
        return self._replace(data=self.data.double())

    def float(self) -> PackedSequence:
        """In float32."""
        return self._replace(data=self.data.float())

    def half(self) -> PackedSequence:
        """In float16."""
        return self._replace(data=self.data.half())

    def cpu(self) -> PackedSequence:
        """These sequences, which are on the CPU already."""
        return self


def invert_permutation(permutation: Tensor | None) -> Tensor | None:
    """The permutation that undoes this one.

    >>> tg.nn.utils.rnn.invert_permutation(tg.tensor([2, 0, 1]))
    tensor([1, 2, 0])
    """
    return None if permutation is None else argsort(permutation)


def numbers_of(x: Tensor) -> list[int]:
    """The elements of a tensor that decides shapes. A trace may be replayed if they are those of a list that it was made of there."""
    if state.tracer is not None and not state.tracer.knows(x):
        state.tracer.unrepeatable(
            "the lengths of sequences are values of a tensor, and decide shapes; pack them in the step, by a list of ints"
        )
    return [int(n) for n in x.array.tolist()]


def _lengths(lengths: Any, batch: int, steps: int) -> list[int]:
    values = numbers_of(lengths) if isinstance(lengths, Tensor) else [int(n) for n in lengths]
    if len(values) != batch:
        raise ShapeError(f"Expected `len(lengths)` to be equal to batch_size, but got {len(values)} (batch_size={batch})")
    if not values or min(values) <= 0 or max(values) > steps:
        raise ArgumentError(f"Lengths of all samples have to be greater than 0 and at most the {steps} steps of the input, got {values}")
    return values


def pack_padded_sequence(input: Tensor, lengths: Any, batch_first: bool = False, enforce_sorted: bool = True) -> PackedSequence:
    """Pack a padded batch; (steps, batch, ...), or (batch, steps, ...) if `batch_first`.

    `lengths` must fall if `enforce_sorted`, otherwise the batch is sorted here. Raises for lengths that do not fit the input.

    >>> batch = tg.tensor([[1, 2, 3], [4, 5, 0]])
    >>> tg.nn.utils.rnn.pack_padded_sequence(batch, [3, 2], batch_first=True).data
    tensor([1, 4, 2, 5, 3])
    """
    if input.ndim < 2:
        raise ShapeError(f"pack_padded_sequence: input needs steps and a batch, got shape {input.shape}")
    padded = input.transpose(0, 1) if batch_first else input
    sizes = _lengths(lengths, padded.shape[1], padded.shape[0])
    order = None
    if not enforce_sorted:
        falling = sorted(range(len(sizes)), key=lambda i: -sizes[i])
        order, sizes = tensor(falling), [sizes[i] for i in falling]
        padded = padded.index_select(1, order)
    elif any(a < b for a, b in itertools.pairwise(sizes)):
        raise ArgumentError(
            f"`lengths` array must be sorted in decreasing order when `enforce_sorted` is True, got {sizes}; "
            "pass `enforce_sorted=False` to have the batch sorted"
        )
    running = [sum(size > step for size in sizes) for step in range(sizes[0])]
    data = cat([padded[step, :count] for step, count in enumerate(running)])
    return PackedSequence(data, tensor(running, dtype=int64), order)


def pad_packed_sequence(
    sequence: PackedSequence, batch_first: bool = False, padding_value: float = 0.0, total_length: int | None = None
) -> tuple[Tensor, Tensor]:
    """(padded, lengths): the batch in its given order, padded to the longest sequence or to `total_length`.

    >>> packed = tg.nn.utils.rnn.pack_sequence([tg.tensor([1, 2, 3]), tg.tensor([4, 5])])
    >>> tg.nn.utils.rnn.pad_packed_sequence(packed, batch_first=True)
    (tensor([[1, 2, 3],
            [4, 5, 0]]), tensor([3, 2]))
    """
    counts = numbers_of(sequence.batch_sizes)
    steps, batch = len(counts), counts[0]
    if total_length is not None and total_length < steps:
        raise ArgumentError(
            "Expected total_length to be at least the length of the longest sequence in input, "
            f"but got total_length={total_length} and max sequence length being {steps}"
        )
    rows = [_filled(step, batch, padding_value) for step in split(sequence.data, counts)]
    nothing = sequence.data.new_full((batch, *sequence.data.shape[1:]), padding_value)
    padded = stack([*rows, *[nothing] * ((total_length or steps) - steps)])
    lengths = tensor([sum(count > i for count in counts) for i in range(batch)], dtype=int64)
    if sequence.unsorted_indices is not None:
        padded, lengths = padded.index_select(1, sequence.unsorted_indices), lengths[sequence.unsorted_indices]
    return (padded.transpose(0, 1) if batch_first else padded), lengths


def _filled(x: Tensor, size: int, value: float, left: bool = False) -> Tensor:
    """Dim 0 made `size` long with a value, at its end or, if `left`, at its start."""
    if len(x) == size:
        return x
    more = x.new_full((size - len(x), *x.shape[1:]), value)
    return cat([more, x] if left else [x, more])


def pad_sequence(
    sequences: Tensor | Iterable[Tensor], batch_first: bool = False, padding_value: float = 0.0, padding_side: str = "right"
) -> Tensor:
    """Sequences (steps, ...) of unequal lengths as one tensor (longest, batch, ...), or (batch, longest, ...) if `batch_first`.

    >>> tg.nn.utils.rnn.pad_sequence([tg.tensor([1, 2, 3]), tg.tensor([4])], batch_first=True)
    tensor([[1, 2, 3],
            [4, 0, 0]])
    """
    if not isinstance(sequences, Iterable):
        raise ArgumentError(f"pad_sequence: Expected iterable for input sequences, but got arg of type: {type(sequences).__name__}")
    if padding_side not in ("left", "right"):
        raise ArgumentError(f"padding_side should be either 'right' or 'left', but got {padding_side!r}")
    given = list(sequences)
    if not given:
        raise ArgumentError("pad_sequence: received an empty list of sequences, at least 1 is needed")
    if len({x.shape[1:] for x in given if isinstance(x, Tensor)}) > 1:
        shapes = " · ".join(str(x.shape) for x in given)
        raise ShapeError(f"pad_sequence: the sequences must have the same shape but for their length, dim 0\n  {shapes}")
    longest = max(len(x) for x in given)
    return stack([_filled(x, longest, padding_value, padding_side == "left") for x in given], 0 if batch_first else 1)


def unpad_sequence(padded_sequences: Tensor, lengths: Tensor, batch_first: bool = False) -> list[Tensor]:
    """The sequences that `pad_sequence` padded at their ends.

    >>> tg.nn.utils.rnn.unpad_sequence(tg.tensor([[1, 2, 3], [4, 0, 0]]), tg.tensor([3, 1]), batch_first=True)
    [tensor([1, 2, 3]), tensor([4])]
    """
    rows = padded_sequences if batch_first else padded_sequences.transpose(0, 1)
    return [row[:length] for row, length in zip(rows.unbind(0), numbers_of(lengths), strict=True)]


def pack_sequence(sequences: list[Tensor], enforce_sorted: bool = True) -> PackedSequence:
    """Pack sequences (steps, ...) of unequal lengths.

    >>> tg.nn.utils.rnn.pack_sequence([tg.tensor([1, 2, 3]), tg.tensor([4])]).data
    tensor([1, 4, 2, 3])
    """
    return pack_padded_sequence(pad_sequence(sequences), [len(x) for x in sequences], enforce_sorted=enforce_sorted)


def unpack_sequence(packed_sequences: PackedSequence) -> list[Tensor]:
    """The sequences that `pack_sequence` packed.

    >>> tg.nn.utils.rnn.unpack_sequence(tg.nn.utils.rnn.pack_sequence([tg.tensor([1, 2, 3]), tg.tensor([4])]))
    [tensor([1, 2, 3]), tensor([4])]
    """
    return unpad_sequence(*pad_packed_sequence(packed_sequences))
