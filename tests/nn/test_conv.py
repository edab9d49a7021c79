"""Convolutions as layers: what they hold, what they say, where padding comes from."""

from __future__ import annotations

import pytest

import tinygrad_reg as tg
from tinygrad_reg import nn
from tinygrad_reg.errors import ArgumentError, ShapeError


def test_weights_and_text() -> None:
    layer = nn.Conv2d(4, 6, 3, padding=1, groups=2, bias=False)
    assert layer.weight.shape == (6, 2, 3, 3)
    assert (layer.kernel_size, layer.stride, layer.padding, layer.bias) == ((3, 3), (1, 1), (1, 1), None)
    assert repr(layer) == "Conv2d(4, 6, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1), groups=2, bias=False)"
    assert nn.ConvTranspose1d(4, 6, 3, groups=2).weight.shape == (4, 3, 3)
    assert nn.Conv1d(1, 1, 1, dtype=tg.float64).bias.dtype == tg.float64


def test_by_hand() -> None:
    layer = nn.Conv1d(1, 1, 2, bias=False)
    layer.load_state_dict({"weight": tg.tensor([[[1.0, 10.0]]])})
    x = tg.tensor([[1.0, 2.0, 3.0]])
    assert layer(x).tolist() == [[21.0, 32.0]]
    back = nn.ConvTranspose1d(1, 1, 2, bias=False)
    back.load_state_dict(layer.state_dict())
    assert back(x).tolist() == [[1.0, 12.0, 23.0, 30.0]]


@pytest.mark.parametrize(
    ("mode", "ends"), [("zeros", (0.0, 0.0)), ("reflect", (2.0, 2.0)), ("replicate", (1.0, 3.0)), ("circular", (3.0, 1.0))]
)
def test_borders(mode: str, ends: tuple[float, float]) -> None:
    layer = nn.Conv1d(1, 1, 1, padding=1, bias=False, padding_mode=mode)
    layer.load_state_dict({"weight": tg.ones(1, 1, 1)})
    assert layer(tg.tensor([[1.0, 2.0, 3.0]])).tolist() == [[ends[0], 1.0, 2.0, 3.0, ends[1]]]


@pytest.mark.parametrize("mode", ["zeros", "reflect", "replicate", "circular"])
@pytest.mark.parametrize("kernel", [1, 2, 3, 4])
def test_same_keeps_the_size(kernel: int, mode: str) -> None:
    layer = nn.Conv2d(1, 2, (kernel, 3), padding="same", dilation=(1, 2), padding_mode=mode)
    assert layer(tg.zeros(1, 1, 7, 6)).shape == (1, 2, 7, 6)


def test_a_transposed_convolution_gives_back_the_size_that_was() -> None:
    for size in (9, 10):
        there, back = nn.Conv1d(1, 1, 3, stride=2), nn.ConvTranspose1d(1, 1, 3, stride=2)
        x = tg.zeros(1, 1, size)
        assert back(there(x), output_size=x.shape).shape == x.shape
    with pytest.raises(ArgumentError, match=r"must lie between \(9,\) and \(10,\)"):
        back(there(x), output_size=(11,))


def test_wrong_channels_are_told_with_the_layers_numbers() -> None:
    with pytest.raises(ShapeError, match="input has 4 channels, weight .* expects 3"):
        nn.Conv2d(3, 8, 3)(tg.zeros(2, 4, 5, 5))
    with pytest.raises(ArgumentError, match="in_channels must be divisible by groups, got 3 and 2"):
        nn.Conv1d(3, 4, 1, groups=2)


def test_fold_undoes_unfold_up_to_how_often_each_pixel_is_seen() -> None:
    x = tg.arange(20.0).reshape(1, 1, 4, 5)
    assert nn.Fold((4, 5), 2)(nn.Unfold(2)(x))[0, 0, 1, 1].item() == 4 * x[0, 0, 1, 1].item()
    assert repr(nn.Unfold(2)) == "Unfold(kernel_size=2, dilation=1, padding=0, stride=1)"
