"""Recurrent layers and packed sequences against torch's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_reg as tg
from tinygrad_reg import nn

from .compare import compare, same_error
from .layers import RECURRENT, Form, form
from .test_layers import pair

torch = pytest.importorskip("torch")
tnn: Any = torch.nn

RNG = np.random.default_rng(0)
LAYERS = [
    form("RNN", [], 4, 3, nonlinearity="relu", bidirectional=True),
    form("LSTM", [], 4, 3, 2, bidirectional=True),
    form("LSTM", [], 4, 3, 2, proj_size=2),
    form("GRU", [], 4, 3, 2, bias=False, bidirectional=True),
]


def rows(made: Form) -> int:
    return int((made.args[2:3] or (1,))[0]) * (2 if made.settings.get("bidirectional") else 1)


def state_of(made: Form, *batch: int) -> list[np.ndarray]:
    """Random initial states."""
    sizes = [made.settings.get("proj_size", 3), 3][: 2 if made.name == "LSTM" else 1]
    return [RNG.standard_normal((rows(made), *batch, size)) for size in sizes]


def given(state: tuple[Any, ...]) -> Any:
    return state[0] if len(state) == 1 else state


def flat(out: Any) -> tuple[Any, ...]:
    return (out[0], *(out[1] if isinstance(out[1], tuple) else (out[1],)))


@pytest.mark.parametrize("made", LAYERS, ids=str)
def test_initial_states(made: Form) -> None:
    ours, theirs = pair(made, "float64")
    for shape, batch in (((5, 2, 4), (2,)), ((5, 4), ())):
        arrays = [RNG.standard_normal(shape), *state_of(made, *batch)]
        compare(lambda x, *s: flat(ours(x, given(s))), lambda x, *s: flat(theirs(x, given(s))), *arrays)


@pytest.mark.parametrize(("lengths", "ordered"), [([5, 3, 1], True), ([2, 5, 3], False), ([4, 4, 4], True)])
@pytest.mark.parametrize("made", LAYERS, ids=str)
def test_packed_sequences(made: Form, lengths: list[int], ordered: bool) -> None:
    ours, theirs = pair(made, "float64")

    def through(layer: Any, library: Any) -> Any:
        tools = library.utils.rnn

        def run(x: Any, *state: Any) -> Any:
            packed = tools.pack_padded_sequence(x, lengths, True, ordered)
            out, last = layer(packed, given(state) if state else None)
            return (tools.pad_packed_sequence(out, True, 0.5, 7)[0], *flat((out.data, last)))

        return run

    x = RNG.standard_normal((3, 5, 4))
    compare(through(ours, nn), through(theirs, tnn), x)
    compare(through(ours, nn), through(theirs, tnn), x, *state_of(made, 3))


@pytest.mark.parametrize("made", [form("RNNCell", [], 4, 3), form("LSTMCell", [], 4, 3), form("GRUCell", [], 4, 3, bias=False)], ids=str)
def test_cells_with_a_state(made: Form) -> None:
    ours, theirs = pair(made, "float64")
    for batch in ((), (2,)):
        arrays = [RNG.standard_normal((*batch, size)) for size in ((4, 3, 3) if made.name == "LSTMCell" else (4, 3))]
        compare(lambda x, *s: ours(x, given(s)), lambda x, *s: theirs(x, given(s)), *arrays)


def test_dropout_between_layers() -> None:
    """All of it leaves nothing of the first layer, but the whole of it in evaluation."""
    ours, theirs = pair(form("GRU", [], 4, 3, 2, dropout=1.0), "float64")
    x = RNG.standard_normal((5, 2, 4))
    compare(ours, theirs, x)
    compare(ours.eval(), theirs.eval(), x)


@pytest.mark.parametrize("name", ["pad_sequence", "pack_sequence"])
@pytest.mark.parametrize("settings", [{}, {"batch_first": True, "padding_value": 2.0, "padding_side": "left"}])
def test_sequences(name: str, settings: dict[str, Any]) -> None:
    arrays = [RNG.standard_normal((n, 2)) for n in (4, 2, 1)]
    if name == "pad_sequence":
        compare(*[lambda *xs, r=r: r.pad_sequence(list(xs), **settings) for r in (nn.utils.rnn, tnn.utils.rnn)], *arrays)
        return
    order = [arrays[i] for i in ((1, 0, 2) if settings else (0, 1, 2))]
    mine = nn.utils.rnn.pack_sequence([tg.tensor(x) for x in order], not settings)
    other = tnn.utils.rnn.pack_sequence([torch.tensor(x) for x in order], not settings)
    for a, b in zip(mine, other, strict=True):
        assert (a is None) == (b is None)
        assert a is None or a.tolist() == b.tolist()
    assert [x.tolist() for x in nn.utils.rnn.unpack_sequence(mine)] == [x.tolist() for x in order]
    padded, lengths = nn.utils.rnn.pad_packed_sequence(mine)
    assert lengths.tolist() == [len(x) for x in order]
    assert (mine.float().data.dtype, mine.double().data.dtype, mine.half().data.dtype) == (tg.float32, tg.float64, tg.float16)
    assert isinstance(mine.to(tg.float32).cpu(), nn.utils.rnn.PackedSequence)
    assert [x.tolist() for x in nn.utils.rnn.unpad_sequence(padded, lengths)] == [x.tolist() for x in order]


@pytest.mark.parametrize("lengths", [[3, 5, 1], [5, 3], [5, 3, 0]])
def test_lengths_that_torch_refuses(lengths: list[int]) -> None:
    x = np.ones((5, 3, 2))
    same_error(*[lambda x, r=r: r.pack_padded_sequence(x, lengths) for r in (nn.utils.rnn, tnn.utils.rnn)], x)


def test_lengths_beyond_the_input() -> None:
    with pytest.raises(ValueError, match="at most the 5 steps"):  # torch packs rows that are not there
        nn.utils.rnn.pack_padded_sequence(tg.ones(5, 3, 2), [6, 3, 1])


@pytest.mark.parametrize(
    ("made", "shapes"),
    [
        (form("GRU", [], 4, 3), [(5, 2, 3)]),
        (form("GRU", [], 4, 3), [(5,)]),
        (form("GRU", [], 4, 3), [(0, 2, 4)]),
        (form("RNN", [], 4, 3), [(5, 2, 4), (2, 2, 3)]),
        (form("RNN", [], 4, 3), [(5, 2, 4), (1, 3)]),
        (form("RNN", [], 4, 3), [(5, 4), (1, 1, 3)]),
        (form("RNNCell", [], 4, 3), [(5, 2, 4)]),
        (form("RNNCell", [], 4, 3), [(2, 3)]),
        (form("GRUCell", [], 4, 3), [(2, 4), (2, 4)]),
    ],
    ids=str,
)
def test_inputs_that_torch_refuses(made: Form, shapes: list[tuple[int, ...]]) -> None:
    ours, theirs = pair(made, "float64")
    same_error(ours, theirs, *[np.ones(shape) for shape in shapes])
    assert made.name in {x.name for x in RECURRENT}


@pytest.mark.parametrize(
    "made",
    [
        form("LSTM", [], 4, 3, proj_size=3),
        form("LSTM", [], 4, 0),
        form("LSTM", [], 4.0, 3),
        form("LSTM", [], 4, 3, 0),
        form("GRU", [], 4, 3, dropout=1.5),
        form("GRU", [], 4, 3, bias=1),
        form("RNN", [], 4, 3, nonlinearity="sin"),
    ],
    ids=str,
)
def test_settings_that_torch_refuses(made: Form) -> None:
    same_error(lambda: made.make(nn, tg), lambda: made.make(tnn, torch))
