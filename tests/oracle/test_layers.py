"""Every layer, in every form its constructor knows, against torch's with the same weights.

In training and in evaluation: outputs, gradients of inputs and parameters in two orders, and buffers afterwards; the text, the keys
and the signature. What draws random numbers in training is held to its statistics instead.
"""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest

import tinygrad_reg as tg
from tinygrad_reg import nn

from .compare import compare, same_error
from .layers import CLASSES, DRAWING, FIXED, FLAT, FORMS, PROBABILITIES, ROWS, SIGNS, STARTS, TABLE, Form, form

torch = pytest.importorskip("torch")
tnn: Any = torch.nn
pytestmark = pytest.mark.filterwarnings(
    "ignore:Using padding='same' with even kernel",
    "ignore:.*num_features:UserWarning",
    "ignore:size_average and reduce args",
    "ignore:reduction. 'mean' divides",
    "ignore:enable_nested_tensor is True",
    "ignore:LSTM with projections is not supported with oneDNN",
)


ONCE = {"L1Loss", "Hardsigmoid", "MultiMarginLoss", "MultiLabelMarginLoss"}  # torch has no second derivative
SLOPE = {"Hardsigmoid": 1e-6}  # torch's derivative is the float32 number nearest to 1/6, whatever the dtype


@pytest.fixture(autouse=True)
def by_the_formula() -> Any:
    """Have torch compute attention by its formula, as its fast kernels have no second derivative."""
    with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
        yield


def pair(made: Form, dtype: str) -> tuple[Any, Any]:
    """Ours and torch's, with torch's weights in both."""
    torch.manual_seed(0)
    ours, theirs = made.make(nn, tg).to(getattr(tg, dtype)), made.make(tnn, torch).to(getattr(torch, dtype))
    with torch.no_grad():
        for p in theirs.parameters():
            p += 0.1 * torch.randn(p.shape)  # ones and zeros would hide mistakes
    ours.load_state_dict({key: value.numpy() for key, value in theirs.state_dict().items()})
    return ours, theirs


def check_buffers(ours: Any, theirs: Any, dtype: str) -> None:
    got, want = dict(ours.named_buffers()), dict(theirs.named_buffers())
    assert list(got) == list(want)
    for name, value in got.items():
        assert str(value.dtype) == str(want[name].dtype).removeprefix("torch.")
        rtol = 1e-12 if dtype == "float64" else 1e-5
        np.testing.assert_allclose(value.numpy(), want[name].numpy(), rtol=rtol, atol=rtol, err_msg=name)


def agree(made: Form, dtype: str, training: bool) -> None:
    ours, theirs = pair(made, dtype)
    arrays = made.arrays(dtype)
    ours.train(training)
    theirs.train(training)
    if training:
        for _ in range(2):  # statistics move
            ours(*[tg.tensor(x) for x in arrays])
            theirs(*[torch.tensor(x) for x in arrays])
            check_buffers(ours, theirs, dtype)
    names = [name for name, p in ours.named_parameters() if p.requires_grad]
    assert names == [name for name, p in theirs.named_parameters() if p.requires_grad]
    weights = [theirs.get_parameter(name).detach().numpy().copy() for name in names]

    def ours_of(*given: Any) -> Any:
        for name, value in zip(names, given[len(arrays) :], strict=True):
            path, _, last = name.rpartition(".")
            delattr(ours.get_submodule(path), last)
            setattr(ours.get_submodule(path), last, value)
        return ours(*fresh(given[: len(arrays)]))

    def theirs_of(*given: Any) -> Any:
        values = dict(zip(names, given[len(arrays) :], strict=True))
        return torch.func.functional_call(theirs, values, fresh(given[: len(arrays)]))

    def fresh(inputs: Any) -> Any:
        """Results of operations, which may be overwritten."""
        return tuple(x * 1.0 if x.is_floating_point() else x for x in inputs) if getattr(ours, "inplace", False) else inputs

    second = dtype == "float64" and made.name not in ONCE
    drawn = [i for i, x in enumerate(made.inputs) if (i == 0 or isinstance(x, tuple)) and arrays[i].dtype.kind == "f"]
    wrt = [*drawn, *range(len(arrays), len(arrays) + len(weights))]
    compare(ours_of, theirs_of, *arrays, *weights, second=second, rtol=SLOPE.get(made.name), wrt=wrt)
    check_buffers(ours, theirs, dtype)


@pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])
@pytest.mark.parametrize("made", FIXED, ids=str)
def test_layer(made: Form, training: bool) -> None:
    agree(made, "float64", training)


@pytest.mark.parametrize("made", FIXED, ids=str)
def test_layer_in_single_precision(made: Form) -> None:
    agree(made, "float32", True)


# torch has no kernel on the CPU, or (Transformer) the roundings of many layers add up, each of which is compared
NOT_IN_HALF = {"Transformer", "AvgPool3d", "LPPool3d", "LocalResponseNorm", "MultiMarginLoss", "MultiLabelMarginLoss"}


@pytest.mark.parametrize("made", [made for made in FORMS if made.name not in NOT_IN_HALF], ids=str)
def test_layer_in_half_precision(made: Form) -> None:
    ours, theirs = pair(made, "float16")
    compare(ours.eval(), theirs.eval(), *made.arrays("float16"), grad=False)


@pytest.mark.parametrize("made", DRAWING, ids=str)
def test_layer_that_draws_in_evaluation(made: Form) -> None:
    agree(made, "float64", False)


@pytest.mark.parametrize("made", FORMS, ids=str)
def test_text_keys_and_parts(made: Form) -> None:
    ours, theirs = pair(made, "float32")
    assert repr(ours) == repr(theirs)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert [v.shape for v in ours.state_dict().values()] == [tuple(v.shape) for v in theirs.state_dict().values()]
    assert [name for name, _ in ours.named_modules()] == [name for name, _ in theirs.named_modules()]


# ---- signatures and attributes ---------------------------------------------------------------------------------------


def exported() -> list[str]:
    return sorted(name for name, value in vars(nn).items() if isinstance(value, type) and issubclass(value, nn.Module))


def test_every_layer_is_compared() -> None:
    held = {"Module", "ModuleDict", "ModuleList", "ParameterDict", "ParameterList"}  # containers: test_nn.py
    held |= {"CTCLoss"}  # takes what log_softmax made: below
    assert set(exported()) - held - {made.name for made in FORMS} == set()


@pytest.mark.parametrize("name", sorted({made.name for made in FORMS}))
def test_signatures(name: str) -> None:
    """Arguments of the constructor and of `forward`: names, order, kinds and defaults."""
    ours, theirs = getattr(nn, name), getattr(tnn, name)
    for function in ("__init__", "forward", "from_pretrained"):
        mine, other = (inspect.signature(getattr(c, function, object)) for c in (ours, theirs))
        if any(p.kind is p.VAR_KEYWORD for p in other.parameters.values()) and "kwargs" not in mine.parameters:
            continue  # torch's class has no constructor of its own
        assert [described(p) for p in mine.parameters.values()] == [described(p) for p in other.parameters.values()], function


@pytest.mark.parametrize("settings", [{}, {"blank": 2, "reduction": "sum", "zero_infinity": True}, {"reduction": "none"}], ids=str)
def test_ctc(settings: dict[str, Any]) -> None:
    def run(n: Any, t: Any) -> Any:
        loss, targets = n.CTCLoss(**settings), t.tensor([[1, 1], [3, 0]])
        return lambda x: loss(n.functional.log_softmax(x, -1), targets, t.tensor([4, 3]), t.tensor([2, 1]))

    compare(run(nn, tg), run(tnn, torch), np.random.default_rng(0).standard_normal((4, 2, 4)), second=False)
    assert repr(nn.CTCLoss(**settings)) == repr(tnn.CTCLoss(**settings))
    for function in ("__init__", "forward"):
        mine, other = (inspect.signature(getattr(c.CTCLoss, function)).parameters.values() for c in (nn, tnn))
        assert [described(p) for p in mine] == [described(p) for p in other]


def described(p: inspect.Parameter) -> tuple[Any, ...]:
    default = p.default.__name__ if inspect.isfunction(p.default) else p.default
    return p.kind if p.kind is p.VAR_POSITIONAL else p.name, p.kind, default


SHOWN_ONLY_BY_TORCH = {"name", "transposed", "use_nested_tensor", "activation_relu_or_gelu"}


@pytest.mark.parametrize("made", FORMS, ids=str)
def test_attributes(made: Form) -> None:
    """What torch's layer keeps under a public name, ours keeps under the same, with the same value."""
    ours, theirs = pair(made, "float32")
    for name, value in vars(theirs).items():
        if not name.startswith("_") and name not in SHOWN_ONLY_BY_TORCH and isinstance(value, bool | int | float | str | tuple | None):
            assert getattr(ours, name) == value, name


def test_old_names_of_bounds() -> None:
    for library in (nn, tnn):
        with pytest.warns(FutureWarning, match="min_value"):
            layer = library.Hardtanh(min_value=-2.0)
        assert (layer.min_val, layer.max_val) == (-2.0, 1.0)


# ---- what the tables do not reach ------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(9,), (10,), (2, 3, 10)])
def test_transposed_convolution_to_a_size(size: Any) -> None:
    made = form("ConvTranspose1d", (2, 4, 5), 4, 3, 3, 2, 1)
    ours, theirs = pair(made, "float64")
    compare(lambda x: ours(x, size), lambda x: theirs(x, size), *made.arrays("float64"))
    made = form("ConvTranspose2d", (4, 5, 6), 4, 3, 3, (2, 3), dilation=2)
    ours, theirs = pair(made, "float64")
    compare(lambda x: ours(x, output_size=(14, 22)), lambda x: theirs(x, output_size=(14, 22)), *made.arrays("float64"))


def test_transposed_convolution_to_a_size_that_is_none() -> None:
    ours, theirs = pair(form("ConvTranspose1d", [], 4, 3, 3, 2, 1), "float64")
    for size in ((8,), (11,), (2, 10), (1, 2, 3, 10)):
        same_error(lambda x, s=size: ours(x, s), lambda x, s=size: theirs(x, s), np.ones((2, 4, 5)))


@pytest.mark.parametrize("size", [None, (9,), (2, 3, 9)])
def test_unpooling_to_a_size(size: Any) -> None:
    pool, unpool = (form(name, [], 2) for name in ("MaxPool1d", "MaxUnpool1d"))

    def there_and_back(library: Any, t: Any) -> Any:
        first, second = pool.make(library, t), unpool.make(library, t)
        first.return_indices = True
        return lambda x: second(*first(x), size)

    compare(there_and_back(nn, tg), there_and_back(tnn, torch), np.random.default_rng(0).standard_normal((2, 3, 9)))


@pytest.mark.parametrize("freeze", [True, False])
@pytest.mark.parametrize(("name", "settings"), [("Embedding", {"padding_idx": 1, "max_norm": 1.0}), ("EmbeddingBag", {"mode": "sum"})])
def test_from_pretrained(name: str, settings: dict[str, Any], freeze: bool) -> None:
    ours = getattr(nn, name).from_pretrained(tg.tensor(TABLE), freeze, **settings)
    theirs = getattr(tnn, name).from_pretrained(torch.tensor(TABLE), freeze, **settings)
    assert repr(ours) == repr(theirs)
    assert ours.weight.requires_grad == theirs.weight.requires_grad == (not freeze)
    np.testing.assert_allclose(ours(tg.tensor(ROWS)).detach().numpy(), theirs(torch.tensor(ROWS)).detach().numpy(), rtol=1e-12)
    np.testing.assert_allclose(ours.weight.detach().numpy(), theirs.weight.detach().numpy(), rtol=1e-12)


def test_weighted_bags() -> None:
    made = form("EmbeddingBag", [], 5, 3, mode="sum")
    ours, theirs = pair(made, "float64")
    compare(
        lambda w: ours(tg.tensor(FLAT), tg.tensor(STARTS), w),
        lambda w: theirs(torch.tensor(FLAT), torch.tensor(STARTS), w),
        np.linspace(0.5, 2.0, 7),
    )


def test_running_statistics_start_anew() -> None:
    for made in (form("BatchNorm1d", (6, 4), 4), form("InstanceNorm1d", (3, 4, 5), 4, track_running_stats=True)):
        ours, theirs = pair(made, "float64")
        ours(tg.tensor(made.arrays("float64")[0]))
        ours.reset_running_stats()
        check_buffers(ours, made.make(tnn, torch).double(), "float64")
        ours.reset_parameters()
        assert [p.tolist() for p in ours.parameters()] == [[1.0] * 4, [0.0] * 4][: len(list(theirs.parameters()))]


def test_a_state_moves_to_torch_and_back() -> None:
    """As arrays; the network then computes the same, in training after training."""

    def network(n: Any) -> Any:
        return n.Sequential(n.Conv2d(1, 4, 3), n.BatchNorm2d(4), n.ReLU(), n.MaxPool2d(2), n.Flatten(), n.Linear(16, 3))

    ours, theirs = network(nn).double(), network(tnn).double()
    x = np.random.default_rng(0).standard_normal((5, 1, 6, 6))
    ours(tg.tensor(x))
    theirs.load_state_dict({key: torch.tensor(value.numpy()) for key, value in ours.state_dict().items()})
    np.testing.assert_allclose(ours(tg.tensor(x)).detach().numpy(), theirs(torch.tensor(x)).detach().numpy(), rtol=1e-10)
    ours.load_state_dict({key: value.numpy() for key, value in theirs.state_dict().items()})
    np.testing.assert_allclose(ours.eval()(tg.tensor(x)).detach().numpy(), theirs.eval()(torch.tensor(x)).detach().numpy(), rtol=1e-10)
    assert ours[1].num_batches_tracked.item() == theirs[1].num_batches_tracked.item() == 2


# ---- drawing ---------------------------------------------------------------------------------------------------------

DROPOUTS = {"Dropout": 0, "Dropout1d": 1, "Dropout2d": 2, "Dropout3d": 3, "AlphaDropout": 0, "FeatureAlphaDropout": 2}


@pytest.mark.parametrize("p", [0.0, 0.2, 0.5, 1.0])
@pytest.mark.parametrize("name", DROPOUTS)
def test_dropout_in_training(name: str, p: float) -> None:
    """Of equal numbers the same two values come out as of torch's, as often; channels go as a whole; the gradient is the slope."""
    shape = (40, 50, *(2,) * DROPOUTS[name])
    ours, theirs = getattr(nn, name)(p), getattr(tnn, name)(p)
    made, grads = [], []
    for level in (1.5, 2.5):
        x = tg.full(shape, level, dtype=tg.float64).requires_grad_()
        tg.manual_seed(0)
        out = ours(x)
        out.sum().backward()
        made.append(out.detach().numpy())
        grads.append(x.grad.numpy())
        want = theirs(torch.full(shape, level, dtype=torch.float64)).numpy()
        np.testing.assert_allclose(np.unique(made[-1]), np.unique(want), rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(grads[0], made[1] - made[0], rtol=1e-12, atol=1e-12)
    lines = made[0].reshape(40, 50, -1)
    assert (lines == lines[..., :1]).all()
    assert (grads[0] != 0).mean() == pytest.approx(1 - p, abs=0.04)


# ---- mistakes --------------------------------------------------------------------------------------------------------

MISTAKES: list[Form] = [
    form("Conv1d", (2, 3, 9), 4, 6, 3),
    form("Conv1d", (9,), 4, 6, 3),
    form("Conv2d", (2, 4, 2, 9), 4, 6, 3),
    form("Conv2d", (2, 4, 9), 4, 6, 3),
    form("Conv2d", (2, 4, 3, 9), 4, 6, 3, padding=4, padding_mode="reflect"),
    form("ConvTranspose1d", (2, 3, 9), 4, 6, 3),
    form("ConvTranspose1d", (2, 4, 9), 4, 6, 3, output_padding=1),
    form("Fold", (2, 12, 21), (5, 6), 2),
    form("Unfold", (2, 3, 2, 2), 3),
    form("MaxPool1d", (2, 3, 9), 2, padding=2),
    form("MaxPool2d", (2, 3, 2, 2), 3),
    form("AvgPool2d", (2, 3, 4, 4, 4), 2),
    form("AdaptiveAvgPool2d", (2, 3), 2),
    form("ReflectionPad1d", (2, 3, 4), 4),
    form("ConstantPad1d", (2, 3, 4), -3, 0.0),
    form("BatchNorm1d", (2, 3, 4, 5), 3),
    form("BatchNorm1d", (2, 4), 3),
    form("BatchNorm1d", (1, 3), 3),
    form("BatchNorm2d", (2, 3, 4), 3),
    form("BatchNorm3d", (2, 3, 4, 5), 3),
    form("InstanceNorm1d", (2, 3, 4, 5), 3),
    form("InstanceNorm2d", (2, 4, 4, 5), 3, affine=True),
    form("InstanceNorm2d", (2, 3), 3),
    form("LayerNorm", (2, 4), 3),
    form("RMSNorm", (2, 4), 3),
    form("GroupNorm", (2, 4, 3), 2, 6),
    form("LocalResponseNorm", (2, 4), 2),
    form("Embedding", np.array([0, 5]), 5, 3),
    form("Embedding", np.array([0.0, 1.0]), 5, 3),
    form("EmbeddingBag", np.array([0, 1]), 5, 3),
    form("EmbeddingBag", ROWS, 5, 3, mode="median"),
    form("Upsample", (2, 3, 4), 4, mode="bilinear"),
    form("PixelShuffle", (2, 6, 3, 3), 2),
    form("PixelUnshuffle", (2, 6, 3, 3), 2),
    form("ChannelShuffle", (2, 6, 3), 4),
    form("Softmax2d", (2, 6)),
    form("Dropout1d", (2, 6, 3, 3)),
    form("MarginRankingLoss", [(3,), (3,), SIGNS]),
    form("CosineEmbeddingLoss", [(3, 2), (3, 2), SIGNS]),
    form("MultiMarginLoss", [(3, 2), CLASSES[:2]]),
    form("GaussianNLLLoss", [(3, 2), (3, 2), -PROBABILITIES]),
    form("PairwiseDistance", [(3, 2), (3, 4)]),
    form("CosineSimilarity", [(3, 2), (3, 4)]),
    form("Linear", (3, 2), 4, 3),
    form("Bilinear", [(3, 2), (3, 2)], 4, 2, 3),
]


@pytest.mark.parametrize("made", MISTAKES, ids=str)
def test_inputs_that_torch_refuses(made: Form) -> None:
    ours, theirs = pair(made, "float64")
    error = same_error(ours, theirs, *made.arrays("float64"))
    assert any(c.isdigit() for c in str(error)) or made.settings.get("mode") == "median", f"{error} names no numbers"


REFUSED: list[tuple[Form, Any]] = [  # and the class, where torch has an AssertionError or none at all
    (form("Conv1d", [], 4, 6, 3, groups=3), None),
    (form("Conv1d", [], 3, 6, 3, groups=2), None),
    (form("Conv1d", [], 4, 6, 3, groups=0), None),
    (form("Conv2d", [], 4, 6, 3, padding="some"), None),
    (form("Conv2d", [], 4, 6, 3, stride=2, padding="same"), None),
    (form("Conv2d", [], 4, 6, 3, padding_mode="mirror"), None),
    (form("ConvTranspose2d", [], 4, 6, 3, padding_mode="reflect"), None),
    (form("GroupNorm", [], 3, 4), None),
    (form("Dropout", [], 1.5), None),
    (form("AlphaDropout", [], -0.5), None),
    (form("Embedding", [], 5, 3, 5), ValueError),
    (form("Embedding", [], 5, 3, -6), ValueError),
    (form("EmbeddingBag", [], 5, 3, padding_idx=9), ValueError),
    (form("Embedding", [], 5, 4, _weight=TABLE), ValueError),
    (form("MultiMarginLoss", [], 3), None),
    (form("MultiMarginLoss", [], weight=TABLE), None),
    (form("Bilinear", [], 0, 3, 2), None),
    (form("TripletMarginLoss", [], 0.0), None),
    (form("TripletMarginWithDistanceLoss", [], margin=-1.0), None),
    (form("Hardtanh", [], 2.0, 1.0), ValueError),
]


@pytest.mark.parametrize(("made", "family"), REFUSED, ids=lambda x: str(x) if isinstance(x, Form) else "")
def test_settings_that_torch_refuses(made: Form, family: Any) -> None:
    same_error(lambda: made.make(nn, tg), lambda: made.make(tnn, torch), family=family)
