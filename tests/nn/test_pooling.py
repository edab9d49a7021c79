"""Pooling as layers: their settings reach the functions."""

from __future__ import annotations

import tinygrad_reg as tg
from tinygrad_reg import nn

X = tg.tensor([[1.0, 5.0, 2.0, 4.0, 3.0]])


def test_maxima_and_back() -> None:
    assert nn.MaxPool1d(2)(X).tolist() == [[5.0, 4.0]]
    assert nn.MaxPool1d(2, stride=1)(X).tolist() == [[5.0, 5.0, 4.0, 4.0]]
    assert nn.MaxPool1d(2, ceil_mode=True)(X).tolist() == [[5.0, 4.0, 3.0]]
    out, places = nn.MaxPool1d(2, return_indices=True)(X)
    assert places.tolist() == [[1, 3]]
    assert nn.MaxUnpool1d(2)(out, places, output_size=(5,)).tolist() == [[0.0, 5.0, 0.0, 4.0, 0.0]]


def test_means_and_norms() -> None:
    assert nn.AvgPool1d(2)(X).tolist() == [[3.0, 3.0]]
    assert nn.AvgPool1d(2, padding=1, count_include_pad=False)(X).tolist() == [[1.0, 3.5, 3.5]]
    assert nn.AvgPool2d((1, 2), divisor_override=1)(X.unsqueeze(0)).tolist() == [[[6.0, 6.0]]]
    assert nn.LPPool1d(1, 2)(X).tolist() == [[6.0, 6.0]]


def test_by_the_size_of_the_output() -> None:
    assert nn.AdaptiveAvgPool1d(1)(X).tolist() == [[3.0]]
    assert nn.AdaptiveMaxPool1d(2, return_indices=True)(X)[1].tolist() == [[1, 3]]
    assert nn.AdaptiveAvgPool2d((None, 2))(tg.zeros(1, 3, 4)).shape == (1, 3, 2)
