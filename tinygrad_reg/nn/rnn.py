"""Recurrent layers and their cells.

All work on packed steps: rows of one step follow those of the step before, and the counts say how many sequences still run.
A padded batch is the case where all counts are equal; there an LSTM without projection makes all its steps in one call.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any, cast

from ..creation import empty
from ..engine.refusal import typed_errors
from ..errors import ArgumentError, ArgumentTypeError, ShapeError
from ..ops.arguments import rank
from ..ops.fused import linear
from ..ops.joining import cat, split, stack
from ..ops.recurrent import lstm_sequence
from ..tensor import Tensor
from . import init
from .functional import dropout, relu
from .module import Module
from .parameter import Parameter
from .utils.rnn import PackedSequence, numbers_of

State = tuple[Tensor, ...]  # (h,) or, of LSTM, (h, c); each (batch, size)


# ---- one step: x is what the input contributes, the result the next state ------------------------------------------


def _tanh_step(x: Tensor, state: State, weight: Tensor, bias: Tensor | None, projection: Tensor | None) -> State:
    """h' = tanh(x + W h + b)"""
    return ((x + linear(state[0], weight, bias)).tanh(),)


def _relu_step(x: Tensor, state: State, weight: Tensor, bias: Tensor | None, projection: Tensor | None) -> State:
    """h' = max(x + W h + b, 0)"""
    return (relu(x + linear(state[0], weight, bias)),)


def _lstm_step(x: Tensor, state: State, weight: Tensor, bias: Tensor | None, projection: Tensor | None) -> State:
    """c' = σ(f) c + σ(i) tanh(g), h' = σ(o) tanh(c'), projected if asked for. Hochreiter and Schmidhuber, 1997; Sak et al., 2014."""
    h, c = state
    i, f, g, o = (x + linear(h, weight, bias)).chunk(4, 1)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    h = o.sigmoid() * c.tanh()
    return (h if projection is None else linear(h, projection)), c


def _gru_step(x: Tensor, state: State, weight: Tensor, bias: Tensor | None, projection: Tensor | None) -> State:
    """h' = (1 - z) n + z h with n = tanh(x_n + r (W_n h + b_n)). Cho et al., 2014."""
    (h,) = state
    (xr, xz, xn), (hr, hz, hn) = x.chunk(3, 1), linear(h, weight, bias).chunk(3, 1)
    n = (xn + (xr + hr).sigmoid() * hn).tanh()
    return (n + (xz + hz).sigmoid() * (h - n),)


Step = Callable[[Tensor, State, Tensor, Tensor | None, Tensor | None], State]

#: By mode: how many gates the weights hold, and the step.
MODES: dict[str, tuple[int, Step]] = {
    "RNN_TANH": (1, _tanh_step),
    "RNN_RELU": (1, _relu_step),
    "LSTM": (4, _lstm_step),
    "GRU": (3, _gru_step),
}


def _forwards(step: Callable[[Tensor, State], State], steps: list[Tensor], state: State) -> tuple[list[Tensor], State]:
    """Outputs by step, and the last state of each sequence: of the shorter ones it is set aside when they end."""
    outputs, ended = [], []
    for x in steps:
        if len(x) < len(state[0]):
            ended.append(tuple(part[len(x) :] for part in state))
            state = tuple(part[: len(x)] for part in state)
        state = step(x, state)
        outputs.append(state[0])
    return outputs, _joined([state, *reversed(ended)])


def _backwards(step: Callable[[Tensor, State], State], steps: list[Tensor], start: State) -> tuple[list[Tensor], State]:
    """The same from the last step to the first: the shorter sequences join with their initial state when they begin."""
    outputs: list[Tensor] = []
    state = tuple(part[: len(steps[-1])] for part in start)
    for x in reversed(steps):
        if len(x) > len(state[0]):
            state = _joined([state, tuple(part[len(state[0]) : len(x)] for part in start)])
        state = step(x, state)
        outputs.append(state[0])
    return outputs[::-1], state


def _whole_lstm(x: Tensor, state: State, weight: Tensor, backwards: bool) -> tuple[list[Tensor], State]:
    """The same for LSTM where all sequences are equally long: all steps in one call. The outputs come in one piece."""
    h, c = state
    h, c = lstm_sequence(x.flip(0) if backwards else x, h, c, weight)
    return [(h.flip(0) if backwards else h).flatten(0, 1)], (h[-1], c[-1])


def _joined(states: list[State]) -> State:
    """States of some sequences and of others as one."""
    return states[0] if len(states) == 1 else tuple(cat(parts) for parts in zip(*states, strict=True))


# ---- layers ----------------------------------------------------------------------------------------------------------


class RNNBase(Module):
    """What the recurrent layers share: `num_layers` layers, each in one or both directions.

    Input (steps, batch, input_size), (batch, steps, input_size) if `batch_first`, (steps, input_size), or a PackedSequence; output of
    the same form with all directions of the last layer side by side, and the last state (layers · directions, batch, size).
    All parameters start uniform on ±1/√hidden_size.
    """

    weight_ih_l0: Parameter

    def __init__(
        self,
        mode: str,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        _check_settings(dropout, bias=bias, batch_first=batch_first)
        _check_sizes(input_size=input_size, hidden_size=hidden_size, num_layers=num_layers)
        if not 0 <= proj_size < hidden_size:
            raise ArgumentError(f"proj_size has to be 0 or positive, and smaller than hidden_size {hidden_size}, got {proj_size}")
        if mode not in MODES:
            raise ArgumentError(f"Unrecognized RNN mode: {mode}; known are {', '.join(MODES)}")
        if dropout > 0 and num_layers == 1:
            warnings.warn(
                "dropout option adds dropout after all but last recurrent layer, so non-zero dropout expects num_layers greater than 1, "
                f"but got dropout={dropout} and num_layers={num_layers}",
                stacklevel=3,
            )
        self.mode = mode
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bias = bias
        self.batch_first = batch_first
        self.dropout = float(dropout)
        self.bidirectional = bidirectional
        self.proj_size = proj_size
        self._all_weights = [self._make(layer, suffix, device, dtype) for layer in range(num_layers) for suffix in self._suffixes]
        self.reset_parameters()

    @property
    def _suffixes(self) -> tuple[str, ...]:
        return ("", "_reverse") if self.bidirectional else ("",)

    def _make(self, layer: int, suffix: str, device: Any, dtype: Any) -> list[str]:
        """The parameters of one layer in one direction; returns their names."""
        gates = MODES[self.mode][0] * self.hidden_size
        size = self.proj_size or self.hidden_size
        shapes: dict[str, tuple[int, ...]] = {
            "weight_ih": (gates, self.input_size if layer == 0 else size * len(self._suffixes)),
            "weight_hh": (gates, size),
        }
        if self.bias:
            shapes |= {"bias_ih": (gates,), "bias_hh": (gates,)}
        if self.proj_size:
            shapes["weight_hr"] = (size, self.hidden_size)
        for name, shape in shapes.items():
            setattr(self, f"{name}_l{layer}{suffix}", Parameter(empty(shape, device=device, dtype=dtype)))
        return [f"{name}_l{layer}{suffix}" for name in shapes]

    @property
    def all_weights(self) -> list[list[Parameter]]:
        """The parameters by layer and direction."""
        return [[getattr(self, name) for name in names] for names in self._all_weights]

    def reset_parameters(self) -> None:
        """Draw new initial values."""
        bound = 1.0 / math.sqrt(self.hidden_size)
        for weight in self.parameters():
            init.uniform_(weight, -bound, bound)

    def flatten_parameters(self) -> None:
        """Nothing: kept for scripts that call it for the sake of GPUs."""

    def forward(self, input: Any, hx: Any = None) -> Any:
        if isinstance(input, PackedSequence):
            counts = numbers_of(input.batch_sizes)
            self._check_input(input.data, (2,))
            state = self._start(input.data, hx, counts[0])
            if hx is not None and input.sorted_indices is not None:
                state = tuple(part.index_select(1, input.sorted_indices) for part in state)
            data, state = self._run(input.data, counts, state)
            if input.unsorted_indices is not None:
                state = tuple(part.index_select(1, input.unsorted_indices) for part in state)
            return input._replace(data=data), self._returned(state)
        self._check_input(input, (2, 3))
        batched = input.ndim == 3
        x = input.unsqueeze(1) if not batched else input.transpose(0, 1) if self.batch_first else input
        steps, batch = x.shape[:2]
        if not steps:
            raise ShapeError(f"{self._get_name()}: Expected sequence length to be larger than 0, got input of shape {tuple(input.shape)}")
        data, state = self._run(x.flatten(0, 1), [batch] * steps, self._start(input, hx, batch, batched))
        out = data.unflatten(0, (steps, batch))
        if not batched:
            return out.squeeze(1), self._returned(tuple(part.squeeze(1) for part in state))
        return (out.transpose(0, 1) if self.batch_first else out), self._returned(state)

    def _run(self, data: Tensor, counts: list[int], start: State) -> tuple[Tensor, State]:
        """Packed steps through all layers, and the last states (layers · directions, batch, size)."""
        ended = []
        for layer in range(self.num_layers):
            outputs = []
            for direction, suffix in enumerate(self._suffixes):
                state = tuple(part[layer * len(self._suffixes) + direction] for part in start)
                out, last = self._direction(f"_l{layer}{suffix}", data, counts, state)
                outputs.append(cat(out) if len(out) > 1 else out[0])
                ended.append(last)
            data = cat(outputs, 1) if len(outputs) > 1 else outputs[0]
            if self.dropout and layer < self.num_layers - 1:
                data = dropout(data, self.dropout, self.training)
        return data, tuple(stack(parts) for parts in zip(*ended, strict=True))

    def _direction(self, name: str, data: Tensor, counts: list[int], state: State) -> tuple[list[Tensor], State]:
        """One layer in one direction. The product with the inputs of all steps is one."""
        kinds = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr")
        held: list[Any] = [getattr(self, f"{kind}{name}", None) for kind in kinds]
        w_ih, w_hh, b_ih, b_hh, w_hr = held
        formula = MODES[self.mode][1]
        backwards = name.endswith("_reverse")
        if self.mode == "LSTM" and w_hr is None and counts[0] == counts[-1]:
            x = linear(data, w_ih, None if b_ih is None else b_ih + b_hh)
            return _whole_lstm(x.unflatten(0, (len(counts), counts[0])), state, w_hh, backwards)
        walk = _backwards if backwards else _forwards
        return walk(lambda x, s: formula(x, s, w_hh, b_hh, w_hr), list(split(linear(data, w_ih, b_ih), counts)), state)

    # ---- what goes in and out ----------------------------------------------------------------------------------------

    def _check_input(self, input: Tensor, dims: tuple[int, ...]) -> None:
        name = self._get_name()
        if (ndim := rank(input, name)) not in dims:
            wanted = " or ".join(f"{n}-D" for n in dims)
            raise ArgumentError(f"{name}: Expected input to be {wanted}, got {ndim}-D of shape {tuple(input.shape)}")
        if input.shape[-1] != self.input_size:
            raise ShapeError(
                f"input.size(-1) must be equal to input_size. Expected {self.input_size}, got {input.shape[-1]} "
                f"({name}, input {tuple(input.shape)})"
            )
        dtype = self.weight_ih_l0.dtype
        if input.dtype != dtype:
            raise ArgumentError(
                f"RNN input dtype ({input.dtype}) does not match weight dtype ({dtype}); convert input: input.to({dtype}), "
                f"or the model: model.to({input.dtype})"
            )

    def _start(self, input: Tensor, hx: Any, batch: int, batched: bool = True) -> State:
        """The initial state (layers · directions, batch, size): the given one, or zeros."""
        rows = self.num_layers * len(self._suffixes)
        sizes = (self.proj_size or self.hidden_size, self.hidden_size)[: 2 if self.mode == "LSTM" else 1]
        if hx is None:
            return tuple(input.new_zeros((rows, batch, size)) for size in sizes)
        given = self._given(hx)
        for part, size in zip(given, sizes, strict=True):
            want = (rows, batch, size) if batched else (rows, size)
            if tuple(part.shape) != want:
                raise ShapeError(f"{self._get_name()}: Expected hidden size {want}, got {tuple(part.shape)}")
        return given if batched else tuple(part.unsqueeze(1) for part in given)

    def _given(self, hx: Any) -> State:
        """A given state as a tuple."""
        return (hx,)

    def _returned(self, state: State) -> Any:
        """A state as it is returned."""
        return state[0]

    def extra_repr(self) -> str:
        usual = {"proj_size": 0, "num_layers": 1, "bias": True, "batch_first": False, "dropout": 0.0, "bidirectional": False}
        changed = [f"{name}={getattr(self, name)}" for name, value in usual.items() if getattr(self, name) != value]
        return ", ".join([str(self.input_size), str(self.hidden_size), *changed])


def _check_sizes(**sizes: Any) -> None:
    for name, size in sizes.items():
        if not isinstance(size, int):
            raise ArgumentTypeError(f"{name} should be of type int, got: {type(size).__name__}")
        if size <= 0:
            raise ArgumentError(f"{name} must be greater than zero, got {size}")


def _check_settings(dropout: Any, **flags: Any) -> None:
    if isinstance(dropout, bool) or not isinstance(dropout, (int, float)) or not 0 <= dropout <= 1:
        raise ArgumentError(f"dropout should be a number in range [0, 1], the probability of an element being zeroed, got {dropout!r}")
    for name, flag in flags.items():
        if not isinstance(flag, bool):
            raise ArgumentTypeError(f"{name} should be of type bool, got: {type(flag).__name__}")


class RNN(RNNBase):
    """h' = tanh(W_ih x + b_ih + W_hh h + b_hh), or relu of it by `nonlinearity`; shapes as RNNBase says. Elman, 1990.

    >>> output, state = tg.nn.RNN(4, 8)(tg.ones(5, 2, 4))
    >>> output.shape, state.shape
    ((5, 2, 8), (1, 2, 8))
    """

    @typed_errors
    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        mode = f"RNN_{_nonlinearity(nonlinearity).upper()}"
        super().__init__(mode, input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, 0, device, dtype)
        self.nonlinearity = nonlinearity


def _nonlinearity(name: Any) -> str:
    if name not in ("tanh", "relu"):
        raise ArgumentError(f"Unknown nonlinearity {name!r}. Select from 'tanh' or 'relu'.")
    return cast(str, name)


class LSTM(RNNBase):
    """Long short-term memory; the state is a pair (h, c), shapes as RNNBase says. Hochreiter and Schmidhuber, 1997.

    weight_ih, weight_hh: gates i, f, g, o one below the other. With `proj_size`, h is multiplied by weight_hr. Sak et al., 2014.

    >>> output, (h, c) = tg.nn.LSTM(4, 8, num_layers=2, batch_first=True)(tg.ones(2, 5, 4))
    >>> output.shape, h.shape, c.shape
    ((2, 5, 8), (2, 2, 8), (2, 2, 8))
    """

    @typed_errors
    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__("LSTM", input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, proj_size, device, dtype)

    def _given(self, hx: Any) -> State:
        if not isinstance(hx, (tuple, list)) or len(hx) != 2:
            raise ArgumentTypeError(f"LSTM: the state must be a pair (h, c), got {type(hx).__name__}")
        return tuple(hx)

    def _returned(self, state: State) -> Any:
        return state


class GRU(RNNBase):
    """Gated recurrent unit; shapes as RNNBase says. weight_ih, weight_hh: gates r, z, n one below the other. Cho et al., 2014.

    >>> output, state = tg.nn.GRU(4, 8, bidirectional=True)(tg.ones(5, 2, 4))
    >>> output.shape, state.shape
    ((5, 2, 16), (2, 2, 8))
    """

    @typed_errors
    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__("GRU", input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, 0, device, dtype)


# ---- cells -----------------------------------------------------------------------------------------------------------


class RNNCellBase(Module):
    """One step of a recurrent layer; input (batch, input_size) or (input_size,), state (batch, hidden_size) or (hidden_size,)."""

    weight_ih: Parameter
    weight_hh: Parameter
    bias_ih: Parameter | None
    bias_hh: Parameter | None

    def __init__(self, input_size: int, hidden_size: int, bias: bool, num_chunks: int, device: Any = None, dtype: Any = None) -> None:
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.bias = bias
        gates = num_chunks * hidden_size
        self.weight_ih = Parameter(empty(gates, input_size, device=device, dtype=dtype))
        self.weight_hh = Parameter(empty(gates, hidden_size, device=device, dtype=dtype))
        for name in ("bias_ih", "bias_hh"):
            self.register_parameter(name, Parameter(empty(gates, device=device, dtype=dtype)) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new initial values."""
        bound = 1.0 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0.0
        for weight in self.parameters():
            init.uniform_(weight, -bound, bound)

    def _next(self, mode: str, input: Tensor, state: State | None, parts: int = 1) -> State:
        """The state after one step."""
        self._check(input, state)
        batched = input.ndim == 2
        x = input if batched else input.unsqueeze(0)
        if state is None:
            state = (input.new_zeros((len(x), self.hidden_size)),) * parts
        elif not batched:
            state = tuple(part.unsqueeze(0) for part in state)
        after = MODES[mode][1](linear(x, self.weight_ih, self.bias_ih), state, self.weight_hh, self.bias_hh, None)
        return after if batched else tuple(part.squeeze(0) for part in after)

    def _check(self, input: Tensor, state: State | None) -> None:
        name = self._get_name()
        if (ndim := rank(input, name)) not in (1, 2):
            raise ArgumentError(f"{name}: Expected input to be 1D or 2D, got {ndim}D of shape {tuple(input.shape)}")
        if input.shape[-1] != self.input_size:
            raise ShapeError(f"{name}: input has inconsistent input_size: got {input.shape[-1]}, expected {self.input_size}")
        want = (*input.shape[:-1], self.hidden_size)
        for part in state or ():
            if tuple(part.shape) != want:
                raise ShapeError(f"{name}: Expected hidden of shape {want}, got {tuple(part.shape)}")

    def extra_repr(self) -> str:
        changed = [f"bias={self.bias}"] if self.bias is not True else []
        return ", ".join([str(self.input_size), str(self.hidden_size), *changed])


class RNNCell(RNNCellBase):
    """h' = tanh(W_ih x + b_ih + W_hh h + b_hh), or relu of it by `nonlinearity`; shapes as RNNCellBase says.

    >>> tg.nn.RNNCell(4, 8)(tg.ones(2, 4)).shape
    (2, 8)
    """

    @typed_errors
    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, nonlinearity: str = "tanh", device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 1, device, dtype)
        self.nonlinearity = nonlinearity

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        mode = f"RNN_{_nonlinearity(self.nonlinearity).upper()}"
        return self._next(mode, input, None if hx is None else (hx,))[0]

    def extra_repr(self) -> str:
        return super().extra_repr() + (f", nonlinearity={self.nonlinearity}" if self.nonlinearity != "tanh" else "")


class LSTMCell(RNNCellBase):
    """One step of LSTM: the state is a pair (h, c); shapes as RNNCellBase says.

    >>> h, c = tg.nn.LSTMCell(4, 8)(tg.ones(2, 4))
    >>> h.shape, c.shape
    ((2, 8), (2, 8))
    """

    @typed_errors
    def __init__(self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None, dtype: Any = None) -> None:
        super().__init__(input_size, hidden_size, bias, 4, device, dtype)

    def forward(self, input: Tensor, hx: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, Tensor]:
        return cast(tuple[Tensor, Tensor], self._next("LSTM", input, hx, 2))


class GRUCell(RNNCellBase):
    """One step of GRU; shapes as RNNCellBase says.

    >>> tg.nn.GRUCell(4, 8)(tg.ones(2, 4)).shape
    (2, 8)
    """

    @typed_errors
    def __init__(self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None, dtype: Any = None) -> None:
        super().__init__(input_size, hidden_size, bias, 3, device, dtype)

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        return self._next("GRU", input, None if hx is None else (hx,))[0]
