"""The classifiers of digits: what they train on, how they count, and how good they become."""

from __future__ import annotations

import math
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import tinygrad_reg as tg
from tests.examples.loading import load


@pytest.fixture(scope="module")
def mlp() -> ModuleType:
    return load("digits")


@pytest.fixture(scope="module")
def cnn() -> ModuleType:
    return load("digits_cnn")


@pytest.fixture(scope="module")
def vae() -> ModuleType:
    return load("vae")


def rows(images: Any) -> set[bytes]:
    return {image.tobytes() for image in images.flatten(1).numpy()}


def test_both_classifiers_hold_back_the_same_quarter(mlp: ModuleType, cnn: ModuleType) -> None:
    data = mlp.make_data(mlp.parse(["--seed", "5"]))
    assert (len(data.images), len(data.test_images)) == (1348, 449)
    assert (float(data.images.min()), float(data.images.max())) == (0.0, 1.0)
    assert rows(data.test_images).isdisjoint(rows(data.images))
    other = cnn.make_data(cnn.parse(["--seed", "5"]))
    assert tg.equal(data.test_images, other.test_images.flatten(1))
    assert tg.equal(data.test_digits, other.test_digits)
    assert rows(data.test_images) != rows(mlp.make_data(mlp.parse(["--seed", "6"])).test_images)


@pytest.mark.parametrize("name", ["mlp", "cnn"])
def test_share_wrong_counts(name: str, request: pytest.FixtureRequest) -> None:
    """A network that gives always the same score to each digit says 0."""
    script = request.getfixturevalue(name)
    flags = script.parse([])
    data = script.make_data(flags)
    model = script.make_model(data, flags)
    with tg.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    assert script.share_wrong(model, data.test_images, data.test_digits) == float((data.test_digits != 0).double().mean())


def test_shifted_images_are_windows_of_the_framed_one(cnn: ModuleType) -> None:
    data = cnn.make_data(cnn.parse([]))
    shifted = cnn.Shifted(data, np.random.default_rng(0))
    framed = np.pad(data.images[3, 0].numpy(), 1)
    windows = {framed[i : i + 8, j : j + 8].tobytes() for i in range(3) for j in range(3)}
    drawn = [shifted[3] for _ in range(100)]
    assert {image.numpy().tobytes() for image, _ in drawn} == windows
    assert {tuple(image.shape) for image, _ in drawn} == {(1, 8, 8)}
    assert {digit.item() for _, digit in drawn} == {data.digits[3].item()}


def test_evaluation_does_not_change_the_training(cnn: ModuleType) -> None:
    flags = cnn.parse(["--epochs", "1", "--batch-size", "256"])
    data = cnn.make_data(flags)
    alone = cnn.train(cnn.make_model(data, flags), data, flags)
    model = cnn.make_model(data, flags)
    assert alone == cnn.train(model, data, flags, lambda step, loss: cnn.share_wrong(model, data.test_images, data.test_digits))


@pytest.mark.parametrize(("mean", "variance", "divergence"), [(0, 1, 0), (1, 1, 1), (0, 4, 3 - math.log(4)), (-2, 0.5, 3.5 + math.log(2))])
def test_loss_of_the_autoencoder(vae: ModuleType, mean: float, variance: float, divergence: float) -> None:
    """Two equal coordinates, and a decoder that calls every pixel even: 64 times log 2."""
    model = vae.Model(8).to(tg.float64)
    with tg.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        model.encoder[-1].bias.copy_(tg.tensor([mean, mean, math.log(variance), math.log(variance)], dtype=tg.float64))
    loss = model(tg.rand(5, 64, dtype=tg.float64), tg.randn(5, 2, dtype=tg.float64))
    assert loss.item() == pytest.approx(64 * math.log(2) + divergence, rel=1e-12)


def test_noise_reaches_the_decoder_scaled(vae: ModuleType) -> None:
    """The place is mean + deviation · noise."""
    model = vae.Model(8).to(tg.float64)
    places: list[Any] = []
    model.decoder.register_forward_pre_hook(lambda _, inputs: places.append(inputs[0].detach().numpy()))
    images, noise = tg.rand(5, 64, dtype=tg.float64), tg.randn(5, 2, dtype=tg.float64)
    model(images, noise)
    mean, log_variance = (x.detach().numpy() for x in model.encode(images))
    np.testing.assert_allclose(places[0], mean + np.sqrt(np.exp(log_variance)) * noise.numpy(), rtol=1e-12)


def test_sheet_lays_images_side_by_side(vae: ModuleType) -> None:
    images = tg.arange(1, 5).reshape(4, 1, 1) * tg.ones(4, 2, 3)
    sheet = vae.sheet(images, 2)
    assert sheet.shape == (8, 10)
    assert sheet[1:3, 1:4].tolist() == [[1.0] * 3] * 2
    assert sheet[1:3, 6:9].tolist() == [[2.0] * 3] * 2
    assert sheet[5:7, 1:4].tolist() == [[3.0] * 3] * 2
    assert sheet[[0, 3, 4, 7]].sum() == 0


# ------------------------------------------------------------------------------------------------- the promise itself


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("name", "least"), [("mlp", 0.96), ("cnn", 0.98)])
def test_default_run_is_good(name: str, least: float, request: pytest.FixtureRequest) -> None:
    script = request.getfixturevalue(name)
    for seed in range(3):
        flags = script.parse(["--seed", str(seed)])
        data = script.make_data(flags)
        model = script.make_model(data, flags)
        script.train(model, data, flags)
        assert 1 - script.share_wrong(model, data.test_images, data.test_digits) >= least


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_default_autoencoder_is_good(vae: ModuleType) -> None:
    """Two and a half nats better than one image for all, the mean of the training images, which needs no place to be sent."""
    flags = vae.parse([])
    data = vae.make_data(flags)
    model = vae.make_model(data, flags)
    vae.train(model, data, flags)
    mean = data.images.mean(dim=0).clamp(1e-3, 1 - 1e-3)
    plain = -(data.test_images * mean.log() + (1 - data.test_images) * (1 - mean).log()).sum(dim=1).mean()
    assert vae.test_loss(model, data, 0) < float(plain) - 2.5
