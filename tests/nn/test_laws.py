"""What holds for every layer that `nn` exports. A new one needs a line in CASES; the first test says so."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pytest

import tinygrad_reg as tg
from tinygrad_reg import nn

Shape = tuple[int, ...]


class Case(NamedTuple):
    """How to make a layer, and the shapes of its inputs; `target` makes the last input, where it is no random float.

    Convolutions, poolings and norms are given odd sizes, so that windows do not fit evenly.
    """

    make: Callable[[], nn.Module]
    inputs: list[Shape]
    target: Callable[[], tg.Tensor] | None = None


def classes() -> tg.Tensor:
    return tg.tensor([0, 2, 1])


def probabilities() -> tg.Tensor:
    return tg.tensor([[0.1, 0.9], [0.5, 0.5], [0.8, 0.2]], dtype=tg.float64)


def signs() -> tg.Tensor:
    return tg.tensor([[1.0, -1.0], [-1.0, -1.0], [1.0, 1.0]], dtype=tg.float64)


def sides() -> tg.Tensor:
    return tg.tensor([1.0, -1.0, -1.0], dtype=tg.float64)


def rows() -> tg.Tensor:
    return tg.tensor([[1, 3, 1], [0, 4, 2]])


class Sum(nn.Module):
    """Adds up the parameters of a container that computes nothing itself."""

    def __init__(self, held: nn.Module) -> None:
        super().__init__()
        self.held = held

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        for p in self.held.parameters():
            x = x + p.sum() * p.sum()
        return x


class Against(nn.Module):
    """A loss against a fixed target."""

    def __init__(self, loss: nn.Module, target: tg.Tensor) -> None:
        super().__init__()
        self.loss = loss
        self.register_buffer("target", target)

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        return self.loss(x, self.target)


class Spelling(nn.Module):
    """A loss of sequences of different lengths."""

    def __init__(self, loss: nn.Module) -> None:
        super().__init__()
        self.loss = loss

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        return self.loss(nn.functional.log_softmax(x, -1), tg.tensor([[1, 1], [2, 0], [3, 4]]), [4, 2, 4], [2, 1, 2])


class Flat(nn.Module):
    """All results of a layer, as one vector."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, *inputs: tg.Tensor) -> tg.Tensor:
        return tg.cat([x.flatten() for x in leaves(self.layer(*inputs))])


def leaves(value: Any) -> list[tg.Tensor]:
    """The tensors in nested tuples."""
    if isinstance(value, tg.Tensor):
        return [value]
    return [x for part in value if part is not None for x in leaves(part)]


def padding(name: str, count: int, *value: float) -> Case:
    return Case(lambda: getattr(nn, name)((1, 2, 0, 1, 2, 1)[: 2 * count], *value), [(2, 4, 3, 4)[3 - count :]])


CASES: dict[str, Case] = {
    "Linear": Case(lambda: nn.Linear(3, 2), [(4, 3)]),
    "Bilinear": Case(lambda: nn.Bilinear(3, 2, 2), [(4, 3), (4, 2)]),
    "Identity": Case(nn.Identity, [(4, 3)]),
    "Flatten": Case(nn.Flatten, [(2, 3, 2)]),
    "Unflatten": Case(lambda: nn.Unflatten(1, (2, 2)), [(3, 4)]),
    "Dropout": Case(nn.Dropout, [(4, 3)]),
    "Sequential": Case(lambda: nn.Sequential(nn.Linear(3, 4), nn.Sigmoid(), nn.Linear(4, 2)), [(5, 3)]),
    "ModuleList": Case(lambda: Sum(nn.ModuleList([nn.Linear(1, 2), nn.ReLU()])), [(2,)]),
    "ModuleDict": Case(lambda: Sum(nn.ModuleDict({"a": nn.Linear(1, 2)})), [(2,)]),
    "ParameterList": Case(lambda: Sum(nn.ParameterList([tg.rand(2), tg.rand(3)])), [(2,)]),
    "ParameterDict": Case(lambda: Sum(nn.ParameterDict({"a": tg.rand(2)})), [(2,)]),
    "PReLU": Case(lambda: nn.PReLU(3), [(4, 3)]),
    "Threshold": Case(lambda: nn.Threshold(0.1, 2.0), [(4, 3)]),
    "GLU": Case(nn.GLU, [(4, 6)]),
    "Softmax": Case(lambda: nn.Softmax(-1), [(4, 3)]),
    "Softmin": Case(lambda: nn.Softmin(-1), [(4, 3)]),
    "LogSoftmax": Case(lambda: nn.LogSoftmax(-1), [(4, 3)]),
    **{
        name: Case(getattr(nn, name), [(4, 3)])
        for name in (
            *("Sigmoid", "Tanh", "ReLU", "ReLU6", "LeakyReLU", "ELU", "SELU", "CELU", "GELU", "SiLU", "Mish", "Softplus", "Softsign"),
            *("Softshrink", "Hardshrink", "Tanhshrink", "LogSigmoid", "Hardtanh", "Hardsigmoid", "Hardswish"),
        )
    },
    **{name: Case(getattr(nn, name), [(3, 2), (3, 2)]) for name in ("MSELoss", "L1Loss", "SmoothL1Loss", "HuberLoss")},
    "KLDivLoss": Case(lambda: nn.KLDivLoss(reduction="batchmean"), [(3, 2)], probabilities),
    "BCELoss": Case(lambda: nn.Sequential(nn.Sigmoid(), Against(nn.BCELoss(), probabilities())), [(3, 2)]),
    "BCEWithLogitsLoss": Case(lambda: nn.BCEWithLogitsLoss(pos_weight=tg.tensor([1.0, 2.0])), [(3, 2)], probabilities),
    "CrossEntropyLoss": Case(lambda: nn.CrossEntropyLoss(tg.tensor([1.0, 2.0, 0.5]), label_smoothing=0.1), [(3, 3)], classes),
    "PoissonNLLLoss": Case(lambda: nn.PoissonNLLLoss(full=True), [(3, 2)], lambda: 3 * probabilities()),
    "GaussianNLLLoss": Case(lambda: nn.GaussianNLLLoss(full=True), [(3, 2), (3, 2)], probabilities),
    "HingeEmbeddingLoss": Case(nn.HingeEmbeddingLoss, [(3, 2)], signs),
    "SoftMarginLoss": Case(nn.SoftMarginLoss, [(3, 2)], signs),
    "MarginRankingLoss": Case(lambda: nn.MarginRankingLoss(0.3), [(3,), (3,)], sides),
    "CosineEmbeddingLoss": Case(lambda: nn.CosineEmbeddingLoss(-0.9), [(3, 2), (3, 2)], sides),
    "TripletMarginLoss": Case(lambda: nn.TripletMarginLoss(2.0, swap=True), [(3, 2)] * 3),
    "TripletMarginWithDistanceLoss": Case(
        lambda: nn.TripletMarginWithDistanceLoss(distance_function=nn.Bilinear(2, 2, 1), margin=3.0), [(3, 2)] * 3
    ),
    "MultiMarginLoss": Case(lambda: nn.MultiMarginLoss(p=2, weight=tg.tensor([1.0, 2.0, 0.5])), [(3, 3)], classes),
    "MultiLabelMarginLoss": Case(nn.MultiLabelMarginLoss, [(2, 3)], lambda: tg.tensor([[2, 0, -1], [1, -1, 0]])),
    "MultiLabelSoftMarginLoss": Case(lambda: nn.MultiLabelSoftMarginLoss(tg.tensor([1.0, 2.0])), [(3, 2)], probabilities),
    "CTCLoss": Case(lambda: Spelling(nn.CTCLoss()), [(4, 3, 5)]),
    "LinearCrossEntropyLoss": Case(lambda: nn.LinearCrossEntropyLoss(4, 3), [(3, 4)], classes),
    "CosineSimilarity": Case(nn.CosineSimilarity, [(4, 3), (4, 3)]),
    "PairwiseDistance": Case(nn.PairwiseDistance, [(4, 3), (4, 3)]),
    "RReLU": Case(nn.RReLU, [(4, 3)]),
    "Softmax2d": Case(nn.Softmax2d, [(2, 3, 2, 2)]),
    "Dropout1d": Case(nn.Dropout1d, [(2, 3, 4)]),
    "Dropout2d": Case(nn.Dropout2d, [(2, 3, 2, 2)]),
    "Dropout3d": Case(nn.Dropout3d, [(2, 3, 2, 1, 2)]),
    "AlphaDropout": Case(nn.AlphaDropout, [(4, 3)]),
    "FeatureAlphaDropout": Case(nn.FeatureAlphaDropout, [(2, 3, 2)]),
    "Embedding": Case(lambda: nn.Embedding(5, 3), [], rows),
    "EmbeddingBag": Case(lambda: nn.EmbeddingBag(5, 3, padding_idx=1), [], rows),
    "Conv1d": Case(lambda: nn.Conv1d(4, 6, 3, 2, 2, 2, 2, padding_mode="circular"), [(2, 4, 7)]),
    "Conv2d": Case(lambda: nn.Conv2d(2, 3, (2, 3), padding="same", padding_mode="reflect"), [(2, 2, 5, 4)]),
    "Conv3d": Case(lambda: nn.Conv3d(2, 3, (1, 2, 3), stride=(1, 2, 1)), [(1, 2, 2, 3, 4)]),
    "ConvTranspose1d": Case(lambda: nn.ConvTranspose1d(4, 6, 3, 2, 1, 1, 2), [(2, 4, 5)]),
    "ConvTranspose2d": Case(lambda: nn.ConvTranspose2d(2, 3, (3, 2), dilation=(1, 2)), [(2, 2, 3, 4)]),
    "ConvTranspose3d": Case(lambda: nn.ConvTranspose3d(2, 1, 2, stride=2, output_padding=1), [(1, 2, 2, 2, 2)]),
    "Unfold": Case(lambda: nn.Unfold((2, 3), padding=1, stride=2), [(2, 2, 4, 5)]),
    "Fold": Case(lambda: nn.Fold((3, 4), 2, padding=1), [(2, 8, 20)]),
    "MaxPool1d": Case(lambda: nn.MaxPool1d(3, 2, 1, ceil_mode=True), [(2, 3, 8)]),
    "MaxPool2d": Case(lambda: nn.MaxPool2d((2, 3), dilation=(2, 1)), [(2, 3, 5, 7)]),
    "MaxPool3d": Case(lambda: nn.MaxPool3d(2, 1), [(1, 2, 2, 3, 3)]),
    "MaxUnpool1d": Case(lambda: nn.MaxUnpool1d(2), [(2, 3)], lambda: tg.tensor([[0, 3, 4], [1, 2, 5]])),
    "MaxUnpool2d": Case(lambda: nn.MaxUnpool2d(2), [(1, 2, 2)], lambda: tg.tensor([[[0, 6], [9, 14]]])),
    "MaxUnpool3d": Case(lambda: nn.MaxUnpool3d(2), [(1, 1, 1, 2)], lambda: tg.tensor([[[[0, 15]]]])),
    "AvgPool1d": Case(lambda: nn.AvgPool1d(3, 2, 1, True, False), [(2, 3, 8)]),
    "AvgPool2d": Case(lambda: nn.AvgPool2d((2, 3), (1, 2), divisor_override=5), [(2, 3, 5, 7)]),
    "AvgPool3d": Case(lambda: nn.AvgPool3d(2, 1, 1), [(1, 2, 2, 3, 3)]),
    "LPPool1d": Case(lambda: nn.LPPool1d(2, 3, 2, True), [(2, 3, 8)]),
    "LPPool2d": Case(lambda: nn.LPPool2d(4, (2, 3)), [(2, 3, 5, 7)]),
    "LPPool3d": Case(lambda: nn.LPPool3d(2, 2, 1), [(1, 2, 2, 3, 3)]),
    "AdaptiveAvgPool1d": Case(lambda: nn.AdaptiveAvgPool1d(3), [(2, 3, 7)]),
    "AdaptiveAvgPool2d": Case(lambda: nn.AdaptiveAvgPool2d((None, 2)), [(2, 3, 4, 5)]),
    "AdaptiveAvgPool3d": Case(lambda: nn.AdaptiveAvgPool3d((1, 2, 2)), [(1, 2, 2, 3, 4)]),
    "AdaptiveMaxPool1d": Case(lambda: nn.AdaptiveMaxPool1d(3), [(2, 3, 7)]),
    "AdaptiveMaxPool2d": Case(lambda: nn.AdaptiveMaxPool2d((None, 2)), [(2, 3, 4, 5)]),
    "AdaptiveMaxPool3d": Case(lambda: nn.AdaptiveMaxPool3d((1, 2, 2)), [(1, 2, 2, 3, 4)]),
    **{f"ConstantPad{n}d": padding(f"ConstantPad{n}d", n, 1.5) for n in (1, 2, 3)},
    **{f"{kind}Pad{n}d": padding(f"{kind}Pad{n}d", n) for kind in ("Zero", "Reflection", "Replication", "Circular") for n in (1, 2, 3)},
    "Upsample": Case(lambda: nn.Upsample(scale_factor=1.5, mode="bilinear"), [(1, 2, 3, 4)]),
    "UpsamplingNearest2d": Case(lambda: nn.UpsamplingNearest2d((5, 3)), [(1, 2, 3, 4)]),
    "UpsamplingBilinear2d": Case(lambda: nn.UpsamplingBilinear2d(scale_factor=2), [(1, 2, 3, 4)]),
    "PixelShuffle": Case(lambda: nn.PixelShuffle(2), [(1, 4, 2, 3)]),
    "PixelUnshuffle": Case(lambda: nn.PixelUnshuffle(2), [(1, 2, 4, 6)]),
    "ChannelShuffle": Case(lambda: nn.ChannelShuffle(2), [(2, 4, 3)]),
    "BatchNorm1d": Case(lambda: nn.BatchNorm1d(3), [(5, 3)]),
    "BatchNorm2d": Case(lambda: nn.BatchNorm2d(3, momentum=None, bias=False), [(2, 3, 2, 3)]),
    "BatchNorm3d": Case(lambda: nn.BatchNorm3d(2), [(2, 2, 2, 1, 3)]),
    "InstanceNorm1d": Case(lambda: nn.InstanceNorm1d(3, affine=True, track_running_stats=True), [(2, 3, 4)]),
    "InstanceNorm2d": Case(lambda: nn.InstanceNorm2d(3, affine=True), [(3, 2, 3)]),
    "InstanceNorm3d": Case(lambda: nn.InstanceNorm3d(2), [(2, 2, 2, 1, 3)]),
    "LayerNorm": Case(lambda: nn.LayerNorm((3, 2)), [(4, 3, 2)]),
    "GroupNorm": Case(lambda: nn.GroupNorm(2, 4), [(2, 4, 3)]),
    "RMSNorm": Case(lambda: nn.RMSNorm(4), [(3, 4)]),
    "LocalResponseNorm": Case(lambda: nn.LocalResponseNorm(3, alpha=0.5), [(2, 4, 3)]),
    "RNN": Case(lambda: Flat(nn.RNN(3, 2, bias=False)), [(3, 2, 3), (1, 2, 2)]),
    "LSTM": Case(lambda: Flat(nn.LSTM(3, 2, 2, bidirectional=True, proj_size=1, dropout=0.3)), [(3, 2, 3)]),
    "GRU": Case(lambda: Flat(nn.GRU(3, 2, 2, batch_first=True)), [(2, 3, 3)]),
    "RNNCell": Case(lambda: nn.RNNCell(3, 2), [(4, 3), (4, 2)]),
    "LSTMCell": Case(lambda: Flat(nn.LSTMCell(3, 2)), [(4, 3)]),
    "GRUCell": Case(lambda: nn.GRUCell(3, 2), [(3,)]),
    "MultiheadAttention": Case(
        lambda: Flat(nn.MultiheadAttention(4, 2, 0.2, add_bias_kv=True, add_zero_attn=True, kdim=3)), [(2, 2, 4), (3, 2, 3), (3, 2, 4)]
    ),
    "TransformerEncoderLayer": Case(lambda: nn.TransformerEncoderLayer(4, 2, 3, activation="gelu"), [(3, 2, 4)]),
    "TransformerDecoderLayer": Case(lambda: nn.TransformerDecoderLayer(4, 2, 3, activation=tg.tanh, norm_first=True), [(3, 2, 4)] * 2),
    "TransformerEncoder": Case(
        lambda: nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, 3, activation="gelu"), 2, nn.LayerNorm(4)), [(3, 4)]
    ),
    "TransformerDecoder": Case(
        lambda: nn.TransformerDecoder(nn.TransformerDecoderLayer(4, 2, 3, activation="gelu", bias=False), 2), [(2, 2, 4), (3, 2, 4)]
    ),
    "Transformer": Case(lambda: nn.Transformer(4, 2, 1, 1, 3, activation="gelu", batch_first=True), [(2, 3, 4), (2, 2, 4)]),
    "weight_norm": Case(lambda: nn.utils.parametrizations.weight_norm(nn.Conv1d(2, 3, 2), dim=1), [(2, 2, 4)]),
    "NLLLoss": Case(lambda: nn.NLLLoss(tg.tensor([1.0, 2.0, 0.5])), [(3, 3)], classes),
}


def exported() -> Iterator[str]:
    for name, value in vars(nn).items():
        if isinstance(value, type) and issubclass(value, nn.Module) and value is not nn.Module:
            yield name


def prepared(name: str) -> tuple[nn.Module, list[tg.Tensor]]:
    """The layer in float64, with random parameters, and its inputs."""
    tg.manual_seed(0)
    module = CASES[name].make().double()
    inputs = [tg.randn(shape, dtype=tg.float64, requires_grad=True) for shape in CASES[name].inputs]
    target = CASES[name].target
    return module, inputs if target is None else [*inputs, target()]


def same(a: tg.Tensor, b: tg.Tensor) -> bool:
    return bool(np.array_equal(a.detach().numpy(), b.detach().numpy()))


def test_every_layer_has_a_case() -> None:
    missing = set(exported()) - set(CASES)
    assert not missing, f"add a line to CASES for {', '.join(sorted(missing))}"


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_gradients_are_those_of_finite_differences(name: str, training: bool) -> None:
    """Of each parameter and input along a random direction, in the first and the second derivative; always with the same drawn numbers."""
    module, inputs = prepared(name)
    module.train(training)
    wrt = [x for x in (*inputs, *module.parameters()) if x.requires_grad]
    weight = tg.randn(module(*inputs).shape, dtype=tg.float64)
    directions = [tg.randn(x.shape, dtype=tg.float64) for x in wrt]

    def value() -> tg.Tensor:
        tg.manual_seed(1)
        return (module(*inputs) * weight).sum()

    def slopes(create_graph: bool) -> list[tg.Tensor]:
        """The derivative of the value along each direction."""
        return along(tg.autograd.grad(value(), wrt, create_graph=create_graph, allow_unused=True))

    def along(grads: Any) -> list[tg.Tensor]:
        none = tg.zeros((), dtype=tg.float64)
        return [none if g is None else (g * v).sum() for g, v in zip(grads, directions, strict=True)]

    first = slopes(True)
    total = tg.stack(first).sum()
    second = along(tg.autograd.grad(total, wrt, allow_unused=True)) if total.requires_grad else []
    for got, x, v in zip(first, wrt, directions, strict=True):
        assert got.item() == pytest.approx(difference(value, x, v), rel=1e-6, abs=1e-8)
    for got, x, v in zip(second, wrt, directions, strict=False):
        want = difference(lambda: tg.stack(slopes(False)).sum(), x, v)
        assert got.item() == pytest.approx(want, rel=1e-5, abs=1e-7)


def difference(function: Callable[[], tg.Tensor], x: tg.Tensor, direction: tg.Tensor, step: float = 1e-6) -> float:
    """The central difference of a function of a tensor along a direction."""

    def moved(by: float) -> float:
        with tg.no_grad():
            x.add_(direction * by)
        return function().item()

    ahead, behind = moved(step), moved(-2 * step)
    moved(step)
    return (ahead - behind) / (2 * step)


@pytest.mark.parametrize("name", CASES)
def test_the_state_says_everything(name: str) -> None:
    module, inputs = prepared(name)
    module(*inputs)  # moves running statistics
    tg.manual_seed(1)
    other = CASES[name].make().double()
    assert str(other.load_state_dict(module.state_dict())) == "<All keys matched successfully>"
    assert same(other.eval()(*inputs), module.eval()(*inputs))
    assert repr(other) == repr(module)


@pytest.mark.parametrize("again", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))], ids=["deepcopy", "pickle"])
@pytest.mark.parametrize("name", CASES)
def test_copies_compute_the_same(name: str, again: Callable[[Any], Any]) -> None:
    module, inputs = prepared(name)
    module.eval()
    other = again(module)
    assert same(other(*inputs), module(*inputs))
    assert repr(other) == repr(module)
    assert not {id(p) for p in other.parameters()} & {id(p) for p in module.parameters()}


@pytest.mark.parametrize("name", CASES)
def test_evaluation_is_deterministic_and_modes_reach_all_parts(name: str) -> None:
    module, inputs = prepared(name)
    assert all(part.training for part in module.modules())
    module.eval()
    assert not any(part.training for part in module.modules())
    state = copy.deepcopy(module.state_dict())
    assert same(module(*inputs), module(*inputs))
    assert all(same(state[key], value) for key, value in module.state_dict().items())


@pytest.mark.parametrize("dtype", [tg.float32, tg.float64])
@pytest.mark.parametrize("name", CASES)
def test_the_dtype_stays(name: str, dtype: Any) -> None:
    module, inputs = prepared(name)
    module.to(dtype)
    given = [x.detach().to(dtype) if x.is_floating_point() else x for x in inputs]
    needing = [x.requires_grad_() for x in given[: len(CASES[name].inputs)][:1]]
    out = module(*given)
    assert out.dtype == dtype
    out.sum().backward()
    for x in (*needing, *module.parameters()):
        assert x.grad is not None
        assert (x.grad.dtype, x.grad.shape) == (dtype, x.shape)


@pytest.mark.parametrize("name", CASES)
def test_text_is_on_lines_of_its_class(name: str) -> None:
    module, _ = prepared(name)
    assert repr(module).startswith(f"{type(module).__name__}(")
    assert repr(module).endswith(")")


#: These use gelu, whose few elements eager asks C's library for, one by one; as NumPy calls they differ in the last places.
ROUNDED = ("GELU", "Transformer", "TransformerEncoder", "TransformerEncoderLayer", "TransformerDecoder")


@pytest.mark.filterwarnings("ignore:compile. step runs eagerly")
@pytest.mark.parametrize("name", CASES)
def test_a_compiled_training_step_is_the_eager_one(name: str) -> None:
    """Outputs, gradients, parameters and buffers over five steps, to the last bit; from the third on they are replays."""
    rounding = 1e-5 if name in ROUNDED else 0.0

    def run(compiled: bool) -> tuple[list[Any], str]:
        module, inputs = prepared(name)
        optimizer = tg.optim.SGD([*module.parameters(), *inputs[: len(CASES[name].inputs)]], lr=1e-3)

        def step(*given: tg.Tensor) -> tg.Tensor:
            optimizer.zero_grad()
            out = module(*given)
            (out * out).sum().backward()
            optimizer.step()
            return out.detach()

        call = tg.compile(step, backend="numpy_source") if compiled else step
        tg.manual_seed(2)
        seen: list[Any] = [call(*inputs).detach().numpy().copy() for _ in range(5)]
        held = [*module.state_dict().values(), *[p.grad for p in module.parameters()], *[x.grad for x in inputs if x.requires_grad]]
        return [*seen, *[x.detach().numpy().copy() for x in held if x is not None]], call.explain() if compiled else ""

    want, got = run(False), run(True)
    for a, b in zip(got[0], want[0], strict=True):
        np.testing.assert_allclose(a, b, rounding, rounding, equal_nan=True)
    assert "replayed 3 times" in got[1]
