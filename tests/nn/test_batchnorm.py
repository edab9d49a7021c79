"""Batch and instance normalization: statistics of the batch, running ones, and who uses which when."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_reg as tg
from tinygrad_reg import nn
from tinygrad_reg.errors import ShapeError, StateDictError

BATCHES = np.random.default_rng(0).normal(3.0, 2.0, (4, 8, 2))


def test_training_normalizes_and_evaluation_uses_what_it_has_seen() -> None:
    layer = nn.BatchNorm1d(2, momentum=0.5, dtype=tg.float64)
    mean, variance = np.zeros(2), np.ones(2)
    for batch in BATCHES:
        out = layer(tg.tensor(batch)).detach().numpy()
        np.testing.assert_allclose(out.mean(0), 0.0, atol=1e-12)
        np.testing.assert_allclose(out.var(0), 1.0, rtol=1e-4)
        mean, variance = (mean + batch.mean(0)) / 2, (variance + batch.var(0, ddof=1)) / 2
    np.testing.assert_allclose(layer.running_mean.numpy(), mean, rtol=1e-12)
    np.testing.assert_allclose(layer.running_var.numpy(), variance, rtol=1e-12)
    assert layer.num_batches_tracked.item() == 4
    want = (BATCHES[0] - mean) / np.sqrt(variance + 1e-5)
    np.testing.assert_allclose(layer.eval()(tg.tensor(BATCHES[0])).detach().numpy(), want, rtol=1e-10)


@pytest.mark.parametrize("compiled", [False, True])
def test_without_momentum_the_statistics_are_averages_over_all_batches(compiled: bool) -> None:
    layer = nn.BatchNorm1d(2, momentum=None, dtype=tg.float64)
    call = tg.compile(lambda x: layer(x).detach(), backend="numpy_source") if compiled else layer
    for batch in BATCHES:
        call(tg.tensor(batch))
    np.testing.assert_allclose(layer.running_mean.numpy(), BATCHES.mean((0, 1)), rtol=1e-12)
    np.testing.assert_allclose(layer.running_var.numpy(), BATCHES.var(1, ddof=1).mean(0), rtol=1e-12)


def test_without_running_statistics_the_batch_counts_in_evaluation_too() -> None:
    layer = nn.BatchNorm1d(2, track_running_stats=False)
    assert list(layer.state_dict()) == ["weight", "bias"]
    x = tg.tensor(BATCHES[0], dtype=tg.float32)
    assert layer.eval()(x).tolist() == layer.train()(x).tolist()


def test_instances_are_normalized_each_by_itself() -> None:
    x = tg.tensor(BATCHES)
    out = nn.InstanceNorm1d(8)(x)
    np.testing.assert_allclose(out[1].numpy(), nn.InstanceNorm1d(8)(x[1]).numpy(), rtol=1e-12)
    np.testing.assert_allclose(out.numpy().mean(-1), 0.0, atol=1e-12)
    assert list(nn.InstanceNorm1d(8).state_dict()) == []


def test_wrong_inputs() -> None:
    with pytest.raises(ShapeError, match="BatchNorm1d: expected an input of 2 or 3 dims"):
        nn.BatchNorm1d(3)(tg.zeros(2, 3, 4, 5))
    with pytest.raises(ShapeError, match="BatchNorm2d: input has 4 channels, the layer num_features=3"):
        nn.BatchNorm2d(3)(tg.zeros(2, 4, 5, 5))
    with pytest.raises(ShapeError, match="no variance to train with"):
        nn.BatchNorm1d(3)(tg.zeros(1, 3))
    with pytest.warns(UserWarning, match="which nothing depends on"):
        nn.InstanceNorm1d(3)(tg.zeros(2, 4, 5))


def test_a_state_from_before_batches_were_counted() -> None:
    layer = tg.nn.BatchNorm1d(2)
    layer(tg.ones(3, 2))
    old = {name: tensor for name, tensor in layer.state_dict().items() if name != "num_batches_tracked"}
    layer.load_state_dict(old)
    assert layer.num_batches_tracked.item() == 1
    new = layer.state_dict()
    del new["num_batches_tracked"]  # of this version, as its metadata say
    with pytest.raises(StateDictError, match="num_batches_tracked"):
        layer.load_state_dict(new)


def test_an_empty_batch_leaves_the_running_statistics() -> None:
    for shape in ((0, 2), (0, 2, 3), (4, 2, 0)):
        norm = nn.BatchNorm1d(2)
        assert norm(tg.zeros(shape)).shape == shape
        assert norm.running_mean.tolist() == [0.0, 0.0]
        assert norm.running_var.tolist() == [1.0, 1.0]
