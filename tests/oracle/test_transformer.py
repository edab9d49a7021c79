"""Attention and transformers with masks, against torch's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_reg as tg
from tinygrad_reg import nn

from .compare import compare, same_error
from .layers import form
from .test_layers import by_the_formula, pair

torch = pytest.importorskip("torch")
tnn: Any = torch.nn
pytestmark = [pytest.mark.filterwarnings("ignore:enable_nested_tensor is True"), pytest.mark.usefixtures(by_the_formula.__name__)]

RNG = np.random.default_rng(0)
FUTURE = np.triu(np.ones((3, 3), dtype=bool), 1)
PADDING = np.array([[False, False, True], [False, False, False]])
LIKINGS = RNG.standard_normal((3, 3))


def check(ours: Any, theirs: Any, inputs: list[Any], **settings: Any) -> None:
    """Equal results for equal settings, of which arrays become tensors."""

    def run(layer: Any, library: Any) -> Any:
        given = {name: library.tensor(x) if isinstance(x, np.ndarray) else x for name, x in settings.items()}
        return lambda *xs: [x for x in leaves(layer(*xs, **given)) if x is not None]

    compare(run(ours, tg), run(theirs, torch), *inputs)


def leaves(made: Any) -> list[Any]:
    return list(made) if isinstance(made, tuple) else [made]


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"need_weights": False},
        {"average_attn_weights": False},
        {"attn_mask": FUTURE},
        {"attn_mask": LIKINGS, "need_weights": False},
        {"attn_mask": FUTURE, "is_causal": True},
        {"attn_mask": FUTURE, "is_causal": True, "need_weights": False},
        {"key_padding_mask": PADDING},
        {"key_padding_mask": PADDING, "attn_mask": FUTURE, "need_weights": False},
        {"attn_mask": RNG.standard_normal((4, 3, 3))},
    ],
    ids=str,
)
def test_masks_of_attention(settings: dict[str, Any], batch_first: bool, training: bool) -> None:
    ours, theirs = pair(form("MultiheadAttention", [], 4, 2, batch_first=batch_first), "float64")
    x = RNG.standard_normal((2, 3, 4) if batch_first else (3, 2, 4))
    ours.train(training)
    theirs.train(training)
    check(lambda x, **more: ours(x, x, x, **more), lambda x, **more: theirs(x, x, x, **more), [x], **settings)


MASKS: list[dict[str, Any]] = [
    {"mask": FUTURE},
    {"mask": FUTURE, "is_causal": True},
    {"mask": LIKINGS},
    {"src_key_padding_mask": PADDING},
    {"mask": FUTURE, "src_key_padding_mask": PADDING},
]


@pytest.mark.parametrize("norm_first", [True, False])
@pytest.mark.parametrize("settings", MASKS, ids=str)
def test_masks_of_an_encoder(settings: dict[str, Any], norm_first: bool) -> None:
    layer = form("TransformerEncoderLayer", [], 4, 2, 6, 0.0, norm_first=norm_first, batch_first=True)
    ours, theirs = pair(form("TransformerEncoder", [], layer, 2), "float64")
    check(ours, theirs, [RNG.standard_normal((2, 3, 4))], **settings)


def test_masks_of_a_decoder_and_a_transformer() -> None:
    ours, theirs = pair(form("Transformer", [], 4, 2, 1, 2, 6, 0.0, batch_first=True), "float64")
    inputs = [RNG.standard_normal((2, 3, 4)) for _ in range(2)]
    future = tg.nn.Transformer.generate_square_subsequent_mask(3, dtype=tg.float64).numpy()
    np.testing.assert_array_equal(future, tnn.Transformer.generate_square_subsequent_mask(3, dtype=torch.float64).numpy())
    check(ours, theirs, inputs, tgt_mask=future, tgt_is_causal=True)
    check(ours, theirs, inputs, tgt_mask=FUTURE, memory_mask=FUTURE.T, src_mask=FUTURE)
    check(ours, theirs, inputs, src_key_padding_mask=PADDING, tgt_key_padding_mask=PADDING, memory_key_padding_mask=PADDING)
    check(ours.decoder, theirs.decoder, inputs, tgt_mask=FUTURE, memory_key_padding_mask=PADDING)


def test_custom_parts_and_activations() -> None:
    def network(n: Any, t: Any) -> Any:
        layer = n.TransformerEncoderLayer(4, 2, 6, 0.0, activation=t.tanh)
        return n.Transformer(4, 2, 1, 1, 6, 0.0, n.functional.silu, custom_encoder=n.TransformerEncoder(layer, 1))

    ours, theirs = network(nn, tg).double(), network(tnn, torch).double()
    ours.load_state_dict({key: value.numpy() for key, value in theirs.state_dict().items()})
    check(ours, theirs, [RNG.standard_normal((3, 2, 4)), RNG.standard_normal((5, 2, 4))])


@pytest.mark.parametrize("shapes", [((3, 2, 4), (3, 1, 4)), ((3, 2, 4), (3, 2, 5)), ((3, 2, 6), (3, 2, 6))])
def test_inputs_that_torch_refuses(shapes: tuple[Any, ...]) -> None:
    same_error(*pair(form("Transformer", [], 4, 2, 1, 1, 6), "float64"), *[np.ones(shape) for shape in shapes])


def test_settings_that_torch_refuses() -> None:
    for make in (lambda n: n.MultiheadAttention(0, 2), lambda n: n.MultiheadAttention(4, 0)):
        same_error(lambda m=make: m(nn), lambda m=make: m(tnn))
    same_error(lambda: nn.MultiheadAttention(5, 2), lambda: tnn.MultiheadAttention(5, 2), family=ValueError)
    same_error(lambda: nn.TransformerEncoderLayer(4, 2, activation="sin"), lambda: tnn.TransformerEncoderLayer(4, 2, activation="sin"))


def test_initial_values() -> None:
    """Biases of attention 0; in a Transformer all weights spread as by Glorot."""
    ours = nn.Transformer(64, 4, 1, 1, 32)
    attention = ours.decoder.layers[0].self_attn
    assert not attention.in_proj_bias.any()
    assert not attention.out_proj.bias.any()
    for weight in (attention.in_proj_weight, ours.encoder.layers[0].linear1.weight):
        assert weight.abs().max().item() == pytest.approx((6 / sum(weight.shape)) ** 0.5, rel=0.01)


@pytest.mark.parametrize("kind", ["Encoder", "Decoder"])
def test_a_subclass_changes_a_block_under_torchs_name(kind: str) -> None:
    def changed(n: Any) -> Any:
        class Layer(getattr(n, f"Transformer{kind}Layer")):  # type: ignore[misc]
            def _sa_block(self, x: Any, attn_mask: Any, key_padding_mask: Any, is_causal: bool = False) -> Any:
                return 2 * super()._sa_block(x, attn_mask, key_padding_mask, is_causal=is_causal)

            def _ff_block(self, x: Any) -> Any:
                return super()._ff_block(x) - x

        return Layer(4, 2, 6, 0.0, norm_first=True)

    ours, theirs = changed(nn).double(), changed(tnn).double()
    ours.load_state_dict({key: value.numpy() for key, value in theirs.state_dict().items()})
    count = 1 if kind == "Encoder" else 2
    check(ours, theirs, [RNG.standard_normal((3, 2, 4))] * count)
    if count == 2:
        compare(
            lambda x, y: ours._mha_block(x, y, None, None), lambda x, y: theirs._mha_block(x, y, None, None),
            *[RNG.standard_normal((3, 2, 4))] * 2,
        )  # fmt: skip
