"""Recurrent layers against their formulas, written with NumPy; sequences of unequal lengths against each of them alone."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import tinygrad_reg as tg
from tinygrad_reg import nn
from tinygrad_reg.errors import ArgumentError, ArgumentTypeError, ShapeError
from tinygrad_reg.nn.utils.rnn import PackedSequence, pack_sequence, pad_packed_sequence, pad_sequence, unpack_sequence

LAYERS = [nn.RNN, nn.LSTM, nn.GRU]
CELLS = [nn.RNNCell, nn.LSTMCell, nn.GRUCell]


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def formula(name: str, x: Any, state: list[Any], layer: Any) -> list[Any]:
    """The next state of one sequence."""
    w, u, b, c = (getattr(layer, kind).detach().numpy() for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
    a, d = w @ x + b, u @ state[0] + c
    if name == "RNNCell":
        return [np.tanh(a + d)]
    if name == "LSTMCell":
        i, f, g, o = np.split(a + d, 4)
        cell = sigmoid(f) * state[1] + sigmoid(i) * np.tanh(g)
        return [sigmoid(o) * np.tanh(cell), cell]
    (ar, az, an), (dr, dz, dn) = np.split(a, 3), np.split(d, 3)
    z = sigmoid(az + dz)
    return [(1 - z) * np.tanh(an + sigmoid(ar + dr) * dn) + z * state[0]]


@pytest.mark.parametrize("cell", CELLS)
def test_a_cell_is_its_formula(cell: Any) -> None:
    tg.manual_seed(0)
    made = cell(3, 2).double()
    x, *state = [tg.randn(n, dtype=tg.float64) for n in (3, 2, 2)][: 3 if cell is nn.LSTMCell else 2]
    got = made(x, tuple(state) if len(state) > 1 else state[0])
    want = formula(cell.__name__, x.numpy(), [part.numpy() for part in state], made)
    for a, b in zip(got if isinstance(got, tuple) else [got], want, strict=True):
        np.testing.assert_allclose(a.detach().numpy(), b, rtol=1e-12)


@pytest.mark.parametrize(("layer", "cell"), list(zip(LAYERS, CELLS, strict=True)))
def test_a_layer_steps_as_its_cell(layer: Any, cell: Any) -> None:
    tg.manual_seed(0)
    made, one = layer(3, 2).double(), cell(3, 2).double()
    one.load_state_dict({key.removesuffix("_l0"): value for key, value in made.state_dict().items()})
    x = tg.randn(4, 5, 3, dtype=tg.float64)
    out, _ = made(x)
    state: Any = None
    for step, want in zip(x, out, strict=True):
        state = one(step, state)
        h = state[0] if isinstance(state, tuple) else state
        np.testing.assert_allclose(h.detach().numpy(), want.detach().numpy(), rtol=1e-12)


@pytest.mark.parametrize("layer", LAYERS)
def test_packed_sequences_are_each_computed_alone(layer: Any) -> None:
    tg.manual_seed(0)
    made = layer(3, 2, 2, bidirectional=True).double()
    sequences = [tg.randn(n, 3, dtype=tg.float64, requires_grad=True) for n in (2, 5, 3)]
    packed, last = made(pack_sequence(sequences, enforce_sorted=False))
    alone = [made(x) for x in sequences]
    for got, (want, _) in zip(unpack_sequence(packed), alone, strict=True):
        np.testing.assert_allclose(got.detach().numpy(), want.detach().numpy(), rtol=1e-10)
    for i, (_, want) in enumerate(alone):
        for a, b in zip(*[x if isinstance(x, tuple) else (x,) for x in (last, want)], strict=True):
            np.testing.assert_allclose(a[:, i].detach().numpy(), b.detach().numpy(), rtol=1e-10)
    packed.data.sin().sum().backward()
    together = [x.grad.numpy().copy() for x in sequences]
    tg.stack([out.sin().sum() for out, _ in alone]).sum().backward()
    for x, first in zip(sequences, together, strict=True):
        np.testing.assert_allclose(x.grad.numpy() - first, first, rtol=1e-10)


def test_an_lstm_learns_a_sine() -> None:
    tg.manual_seed(0)
    made, read = nn.LSTM(1, 8), nn.Linear(8, 1)
    wave = tg.sin(tg.arange(41.0) * 0.3)[:, None, None]
    optimizer = tg.optim.Adam([*made.parameters(), *read.parameters()], lr=0.03)

    def step() -> Any:
        optimizer.zero_grad()
        loss = ((read(made(wave[:-1])[0]) - wave[1:]) ** 2).mean()
        loss.backward()
        optimizer.step()
        return loss.detach()

    step = tg.compile(step, backend="numpy_source")
    losses = [step().item() for _ in range(100)]
    assert losses[-1] < 0.02 * losses[0]


def test_initial_values_are_within_their_bound() -> None:
    for layer in (*[make(4, 16, 2) for make in LAYERS], *[make(4, 16) for make in CELLS]):
        for p in layer.parameters():
            assert 0.15 < p.abs().max().item() <= 0.25


def test_dropout_is_between_layers_only() -> None:
    with pytest.warns(UserWarning, match="num_layers greater than 1"):
        nn.GRU(3, 2, dropout=0.5)
    tg.manual_seed(0)
    layer = nn.GRU(3, 20, 2, dropout=0.5)
    x = tg.randn(4, 2, 3)
    assert layer(x)[0].tolist() != layer(x)[0].tolist()
    assert layer(x)[1][0].tolist() == layer(x)[1][0].tolist()  # the first layer's own state


@pytest.mark.parametrize("again", [copy.deepcopy, lambda p: pickle.loads(pickle.dumps(p))], ids=["deepcopy", "pickle"])
def test_packed_sequences_are_copied(again: Any) -> None:
    packed = pack_sequence([tg.ones(2, 3), tg.zeros(4, 3)], enforce_sorted=False)
    other = again(packed)
    assert isinstance(other, PackedSequence)
    assert [x.tolist() for x in other] == [x.tolist() for x in packed]


def test_padding_to_a_length() -> None:
    packed = pack_sequence([tg.ones(2, 1), tg.ones(1, 1)])
    padded, lengths = pad_packed_sequence(packed, batch_first=True, padding_value=-1.0, total_length=3)
    assert padded.squeeze(2).tolist() == [[1.0, 1.0, -1.0], [1.0, -1.0, -1.0]]
    assert lengths.tolist() == [2, 1]
    with pytest.raises(ArgumentError, match="total_length=1"):
        pad_packed_sequence(packed, total_length=1)


def test_mistakes() -> None:
    lstm = nn.LSTM(3, 2)
    with pytest.raises(ShapeError, match="Expected 3, got 4"):
        lstm(tg.ones(5, 2, 4))
    with pytest.raises(ArgumentError, match=r"model.to\(float64\)"):
        lstm(tg.ones(5, 2, 3, dtype=tg.float64))
    with pytest.raises(ArgumentTypeError, match="pair"):
        lstm(tg.ones(5, 2, 3), tg.ones(1, 2, 2))
    with pytest.raises(ShapeError, match=r"\(1, 2, 2\), got \(2, 2, 2\)"):
        lstm(tg.ones(5, 2, 3), (tg.ones(1, 2, 2), tg.ones(2, 2, 2)))
    with pytest.raises(ShapeError, match=r"\(2, 2\), got \(1, 2\)"):
        nn.LSTMCell(3, 2)(tg.ones(2, 3), (tg.ones(2, 2), tg.ones(1, 2)))
    with pytest.raises(ArgumentError, match="padding_side"):
        pad_sequence([tg.ones(2)], padding_side="both")
    with pytest.raises(ArgumentError, match="empty"):
        pad_sequence([])
    with pytest.raises(ArgumentTypeError, match="batch_sizes"):
        PackedSequence(tg.ones(2))
