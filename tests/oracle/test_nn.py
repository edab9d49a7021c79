"""Layers, losses, initial values and everything a Module does, against torch: with the same weights, the same results."""

from __future__ import annotations

import copy
import inspect
import re
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_reg as tg
from tinygrad_reg import nn
from tinygrad_reg.nn import functional as F

from .compare import compare, same_error

torch = pytest.importorskip("torch")
tnn: Any = torch.nn
tF: Any = torch.nn.functional

nan, inf = float("nan"), float("inf")
Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]


def sample(*shapes: Shape, dtype: str = "float64", seed: int = 0) -> list[Array]:
    rng = np.random.default_rng(seed)
    return [np.asarray(rng.standard_normal(shape)).astype(dtype) for shape in shapes]


def by_name(name: str, **keywords: Any) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Our function of this name and torch's, with these settings."""
    ours, theirs = getattr(F, name), getattr(tF, name)
    return (lambda *x: ours(*x, **keywords)), (lambda *x: theirs(*x, **keywords))


# ---- activation functions ------------------------------------------------------------------------------------------

ACTIVATIONS: dict[str, tuple[str, dict[str, Any], list[float]]] = {  # name, settings, kinks
    "relu": ("relu", {}, [0.0]),
    "leaky_relu": ("leaky_relu", {}, [0.0]),
    "leaky_relu_2": ("leaky_relu", {"negative_slope": 2}, [0.0]),
    "leaky_relu_negative": ("leaky_relu", {"negative_slope": -0.5}, [0.0]),
    "elu": ("elu", {}, [0.0]),
    "elu_2": ("elu", {"alpha": 2}, [0.0]),
    "selu": ("selu", {}, [0.0]),
    "celu": ("celu", {}, [0.0]),
    "celu_2": ("celu", {"alpha": 2.5}, [0.0]),
    "hardtanh": ("hardtanh", {}, [-1.0, 1.0]),
    "hardtanh_2": ("hardtanh", {"min_val": -0.25, "max_val": 2}, [-0.25, 2.0]),
    "relu6": ("relu6", {}, [0.0, 6.0]),
    "hardsigmoid": ("hardsigmoid", {}, [-3.0, 3.0]),
    "hardswish": ("hardswish", {}, [-3.0, 3.0]),
    "softshrink": ("softshrink", {}, [-0.5, 0.5]),
    "softshrink_2": ("softshrink", {"lambd": 2}, [-2.0, 2.0]),
    "hardshrink": ("hardshrink", {}, [-0.5, 0.5]),
    "threshold": ("threshold", {"threshold": 0.5, "value": 20}, [0.5]),
    "gelu": ("gelu", {}, []),
    "gelu_tanh": ("gelu", {"approximate": "tanh"}, []),
    "silu": ("silu", {}, []),
    "mish": ("mish", {}, []),
    "softplus": ("softplus", {"beta": 2}, []),
    "softsign": ("softsign", {}, []),
    "tanhshrink": ("tanhshrink", {}, []),
    "logsigmoid": ("logsigmoid", {}, []),
    "sigmoid": ("sigmoid", {}, []),
    "tanh": ("tanh", {}, []),
}


def loose(name: str) -> float | None:
    """Torch's derivative of hardsigmoid is the float32 number nearest to 1/6, whatever the dtype."""
    return 1e-6 if name == "hardsigmoid" else None


ONCE = {"hardsigmoid", "l1_loss"}  # torch has no second derivative of the first; of the second it is an object that is no array


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("shape", [(), (0,), (3, 0), (7,), (11, 3)])
@pytest.mark.parametrize("case", ACTIVATIONS)
def test_activation(case: str, shape: Shape, dtype: str) -> None:
    name, settings, _ = ACTIVATIONS[case]
    x = sample(shape, dtype=dtype)[0] * 3
    compare(*by_name(name, **settings), x.astype(dtype), second=dtype == "float64" and name not in ONCE, rtol=loose(name))


@pytest.mark.parametrize("case", [case for case in ACTIVATIONS if ACTIVATIONS[case][2]])
def test_activation_at_its_kinks(case: str) -> None:
    name, settings, kinks = ACTIVATIONS[case]
    compare(*by_name(name, **settings), np.array(kinks), second=False)


@pytest.mark.parametrize("case", ACTIVATIONS)
def test_activation_at_extreme_points(case: str) -> None:
    name, settings, _ = ACTIVATIONS[case]
    points = np.array([1e-300, -1e-300, 1e-8, -1e-8, 5.0, -5.0, 25.0, -25.0, 100.0, -100.0, 1000.0, -1000.0, nan])
    compare(*by_name(name, **settings), points, second=False, rtol=loose(name))
    compare(*by_name(name, **settings), points[np.abs(points) < 50], second=name not in ONCE, rtol=loose(name))


NOT_IN_PLACE = {"softshrink", "hardshrink", "gelu", "softplus", "softsign", "tanhshrink", "logsigmoid", "sigmoid", "tanh"}


@pytest.mark.parametrize("case", [case for case in ACTIVATIONS if ACTIVATIONS[case][0] not in NOT_IN_PLACE])
def test_activation_in_place(case: str) -> None:
    name, settings, _ = ACTIVATIONS[case]
    if case == "leaky_relu_negative":
        pytest.skip("torch refuses it, ours is right")
    functions = [overwriting(f) for f in by_name(name, inplace=True, **settings)]
    compare(*functions, 3 * sample((5, 4))[0], second=name not in ONCE, rtol=loose(name))


@pytest.mark.parametrize("case", [case for case in ACTIVATIONS if hasattr(tF, f"{ACTIVATIONS[case][0]}_")])
def test_activation_by_its_name_in_place(case: str) -> None:
    name, settings, _ = ACTIVATIONS[case]
    if case == "leaky_relu_negative":
        pytest.skip("torch refuses it, ours is right")
    compare(*[overwriting(f) for f in by_name(f"{name}_", **settings)], 3 * sample((5, 4))[0], second=name not in ONCE)


def overwriting(function: Callable[..., Any]) -> Callable[..., Any]:
    """A use of a function that changes its input: with what came before and after."""

    def run(x: Any) -> Any:
        middle = x * 2.0
        out = function(middle)
        assert out is middle
        return out * 3.0, middle

    return run


@pytest.mark.parametrize(
    ("shape", "weights"), [((4,), (1,)), ((5, 3), (3,)), ((5, 3), (1,)), ((2, 3, 4, 2), (3,)), ((2, 0), (1,)), ((3,), ())]
)
def test_prelu(shape: Shape, weights: Shape) -> None:
    compare(F.prelu, tF.prelu, *sample(shape, weights))


def test_prelu_refuses_other_counts() -> None:
    same_error(F.prelu, tF.prelu, *sample((3, 4), (3,)))
    same_error(F.prelu, tF.prelu, *sample((3,), (1, 1)))


@pytest.mark.parametrize(("shape", "dim"), [((4,), -1), ((3, 6), 1), ((4, 3, 2), 0), ((2, 0), 1)])
def test_glu(shape: Shape, dim: int) -> None:
    compare(*by_name("glu", dim=dim), *sample(shape))


def test_glu_needs_an_even_size() -> None:
    same_error(F.glu, tF.glu, np.ones(3))
    same_error(F.glu, tF.glu, np.ones(()))


@pytest.mark.parametrize("name", ["softmax", "softmin", "log_softmax"])
def test_softmax_family(name: str) -> None:
    compare(*by_name(name, dim=-1), *sample((3, 4)))
    compare(*by_name(name, dim=0), *sample((3, 4)))
    ours, theirs = getattr(F, name), getattr(tF, name)
    (x,) = sample((3,), dtype="float32")
    compare(lambda x: ours(x, 0, dtype=tg.float64), lambda x: theirs(x, 0, dtype=torch.float64), x, second=False)


@pytest.mark.parametrize("name", ["softmax", "softmin", "log_softmax"])
@pytest.mark.parametrize("shape", [(4,), (2, 3), (2, 3, 2), (2, 3, 2, 2)])
def test_the_implicit_dim_warns(name: str, shape: Shape) -> None:
    x = sample(shape)[0]
    with pytest.warns(UserWarning, match="dim"):
        got = getattr(F, name)(tg.tensor(x))
    with pytest.warns(UserWarning, match="dim"):
        want = getattr(tF, name)(torch.tensor(x))
    np.testing.assert_allclose(got.numpy(), want.numpy(), rtol=1e-12)


def test_settings_that_make_no_sense() -> None:
    x = np.ones(3)
    same_error(*by_name("hardtanh", min_val=2.0, max_val=1.0), x)
    same_error(*by_name("softshrink", lambd=-1.0), x)
    same_error(*by_name("celu", alpha=0.0), x)
    same_error(*by_name("dropout", p=1.5), x)
    same_error(*by_name("gelu", approximate="erf"), x)
    for name in ("leaky_relu", "hardtanh", "elu", "relu", "silu", "hardswish", "relu6", "threshold"):
        settings = {"threshold": 1.0, "value": 2.0} if name == "threshold" else {}
        ours, theirs = by_name(name, **settings)
        same_error(lambda f=ours: f(3.0), lambda f=theirs: f(3.0))


# ---- linear, bilinear, dropout, one_hot ----------------------------------------------------------------------------


@pytest.mark.parametrize("lead", [(), (3,), (2, 3), (0,)])
def test_bilinear(lead: Shape) -> None:
    compare(F.bilinear, tF.bilinear, *sample((*lead, 3), (*lead, 4), (2, 3, 4), (2,)))
    compare(F.bilinear, tF.bilinear, *sample((*lead, 3), (*lead, 4), (2, 3, 4)))


def test_bilinear_refuses_other_shapes() -> None:
    same_error(F.bilinear, tF.bilinear, *sample((2, 3), (2, 4), (2, 4, 3)))
    same_error(F.bilinear, tF.bilinear, *sample((2, 3), (3, 4), (2, 3, 4)))


@pytest.mark.parametrize("p", [0.0, 1.0])
def test_dropout_at_its_ends(p: float) -> None:
    compare(*by_name("dropout", p=p), *sample((4, 3)))
    compare(*by_name("dropout", p=p, training=False), *sample((4, 3)))


@pytest.mark.parametrize("classes", [-1, 3, 5])
@pytest.mark.parametrize("values", [[0, 2, 1], [[0, 1], [2, 0]], 2])
def test_one_hot(values: Any, classes: int) -> None:
    compare(*by_name("one_hot", num_classes=classes), np.array(values))


def test_one_hot_refuses_what_are_no_classes() -> None:
    same_error(*by_name("one_hot", num_classes=2), np.array([0, 2]))
    same_error(F.one_hot, tF.one_hot, np.array([0, -2]))
    same_error(F.one_hot, tF.one_hot, np.array([0.0]))
    same_error(F.one_hot, tF.one_hot, np.array([], dtype=np.int64))
    compare(*by_name("one_hot", num_classes=3), np.zeros((2, 0), dtype=np.int64))


# ---- losses --------------------------------------------------------------------------------------------------------

REDUCTIONS = ["mean", "sum", "none"]
LOSSES: dict[str, tuple[str, dict[str, Any]]] = {
    "mse_loss": ("mse_loss", {}),
    "l1_loss": ("l1_loss", {}),
    "huber_loss": ("huber_loss", {}),
    "huber_loss_half": ("huber_loss", {"delta": 0.5}),
    "smooth_l1_loss": ("smooth_l1_loss", {}),
    "smooth_l1_loss_2": ("smooth_l1_loss", {"beta": 2}),
    "smooth_l1_loss_0": ("smooth_l1_loss", {"beta": 0.0}),
}


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("shape", [(), (0,), (5,), (4, 3)])
@pytest.mark.parametrize("case", LOSSES)
def test_elementwise_loss(case: str, shape: Shape, reduction: str) -> None:
    name, settings = LOSSES[case]
    second = name not in ONCE and settings.get("beta") != 0.0
    compare(*by_name(name, reduction=reduction, **settings), *(2 * a for a in sample(shape, shape)), second=second)


@pytest.mark.parametrize("case", LOSSES)
def test_elementwise_loss_at_kinks_and_beyond(case: str) -> None:
    name, settings = LOSSES[case]
    x = np.array([0.0, 0.5, -0.5, 1.0, -1.0, 2.0, -2.0, 1e3, -1e3])
    compare(*by_name(name, reduction="none", **settings), x, np.zeros(9), second=False)
    compare(*by_name(name, **settings), x.astype(np.float32), np.ones(9, np.float32), second=False)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("name", ["mse_loss", "l1_loss", "huber_loss"])
def test_elementwise_loss_with_weight(name: str, reduction: str) -> None:
    x, y, w = sample((4, 3), (4, 3), (4, 3))
    ours, theirs = getattr(F, name), getattr(tF, name)
    compare(
        lambda a, b, c: ours(a, b, reduction=reduction, weight=c),
        lambda a, b, c: theirs(a, b, reduction=reduction, weight=c),
        x, y, np.abs(w), wrt=[0, 1], second=name not in ONCE,
    )  # fmt: skip


@pytest.mark.parametrize("name", ["mse_loss", "l1_loss", "huber_loss", "smooth_l1_loss"])
def test_a_loss_that_broadcasts_to_the_larger_shape_is_allowed(name: str) -> None:
    with pytest.warns(UserWarning, match="target size"):
        want = getattr(tF, name)(torch.ones(4, 3), torch.zeros(3))
    assert getattr(F, name)(tg.ones(4, 3), tg.zeros(3)).item() == want.item()


@pytest.mark.parametrize("log_target", [False, True])
@pytest.mark.parametrize("reduction", [*REDUCTIONS, "batchmean"])
def test_kl_div(reduction: str, log_target: bool) -> None:
    x, y = sample((4, 3), (4, 3))
    target = y if log_target else np.exp(y)
    ours, theirs = by_name("kl_div", reduction=reduction, log_target=log_target)
    if reduction == "mean":
        with pytest.warns(UserWarning, match="batchmean"):
            compare(ours, theirs, x, target)
    else:
        compare(ours, theirs, x, target)


def test_kl_div_of_an_impossible_class() -> None:
    compare(*by_name("kl_div", reduction="sum"), np.log([0.5, 0.5]), np.array([0.0, 1.0]), wrt=[0])


@pytest.mark.parametrize("flags", [(None, None), (True, None), (False, None), (None, True), (None, False), (False, False), (False, True)])
@pytest.mark.filterwarnings("ignore:size_average and reduce:UserWarning")
def test_the_old_flags_for_reduction(flags: tuple[Any, Any]) -> None:
    compare(lambda a, b: F.mse_loss(a, b, *flags), lambda a, b: tF.mse_loss(a, b, *flags), *sample((3,), (3,)))
    assert nn.L1Loss(*flags).reduction == tnn.L1Loss(*flags).reduction


def test_classification_losses_take_torchs_arguments() -> None:
    logits, weight = sample((5, 3), (3,))
    target, weight = np.array([0, 2, 1, 1, -1]), np.abs(weight)
    settings: dict[str, Any] = {"ignore_index": -1, "reduction": "sum"}
    compare(
        lambda a, b, c: F.cross_entropy(a, b, c, label_smoothing=0.1, **settings),
        lambda a, b, c: tF.cross_entropy(a, b, c, label_smoothing=0.1, **settings),
        logits, target, weight, wrt=[0],
    )  # fmt: skip
    compare(
        lambda a, b, c: F.nll_loss(a, b, c, **settings),
        lambda a, b, c: tF.nll_loss(a, b, c, **settings),
        logits, target, weight, wrt=[0],
    )  # fmt: skip
    for name in ("cross_entropy", "nll_loss"):
        for reduction in ("none", "mean"):  # one sample without a batch; the gradient of a target (1,) is an error in torch
            compare(*by_name(name, reduction=reduction), logits[0], np.array(2), weight, wrt=[0])
            compare(*by_name(name, reduction=reduction), logits[0], np.array([2]), weight, grad=False)
    p, t = 1 / (1 + np.exp(-logits)), (logits > 0).astype(np.float64)
    compare(F.binary_cross_entropy, tF.binary_cross_entropy, p, t, wrt=[0])
    compare(F.binary_cross_entropy_with_logits, tF.binary_cross_entropy_with_logits, logits, t, wrt=[0])


@pytest.mark.parametrize("name", ["mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "kl_div"])
def test_losses_refuse_alike(name: str) -> None:
    x = np.ones(3)
    same_error(*by_name(name, reduction="most"), x, x)
    with pytest.warns(UserWarning, match="batchmean" if name == "kl_div" else "target size"):
        same_error(*by_name(name), x, np.ones(2))
    ours, theirs = getattr(F, name), getattr(tF, name)
    same_error(lambda a: ours(a, 3.0), lambda a: theirs(a, 3.0), x, family=TypeError)


def test_losses_refuse_settings_alike() -> None:
    x = np.ones(3)
    same_error(*by_name("smooth_l1_loss", beta=-1.0), x, x)
    same_error(*by_name("huber_loss", delta=0.0), x, x)


# ---- the text of modules, and those that hold others; each layer by itself: test_layers.py -------------------------------

Make = Callable[[Any, Any], Any]  # of the nn namespace and the tensor library, ours or torch's
NESTED: dict[str, tuple[Make, list[Shape]]] = {
    "Linear": (lambda n, t: n.Linear(4, 3), [(5, 4)]),
    "Sequential": (
        lambda n, t: n.Sequential(n.Linear(4, 50), n.Sigmoid(), n.Linear(50, 5), n.Tanh(), n.Linear(5, 1)),
        [(6, 4)],
    ),
    "Sequential with names": (
        lambda n, t: n.Sequential(OrderedDict([("first", n.Linear(4, 3)), ("act", n.ReLU()), ("last", n.Linear(3, 2, bias=False))])),
        [(6, 4)],
    ),
    "nested": (lambda n, t: n.Sequential(n.Linear(4, 4), n.Sequential(n.ELU(), n.Sequential(n.PReLU(4)))), [(6, 4)]),
}


def pair(make: Make) -> tuple[Any, Any]:
    """The same module in double precision, ours and torch's, with our weights in both."""
    tg.manual_seed(0)
    ours, theirs = make(nn, tg).double(), make(tnn, torch).double()
    theirs.load_state_dict({k: torch.tensor(v.numpy()) for k, v in ours.state_dict().items()})
    return ours, theirs


@pytest.mark.parametrize("case", NESTED)
def test_module_has_torchs_text_and_keys(case: str) -> None:
    ours, theirs = pair(NESTED[case][0])
    assert repr(ours) == repr(theirs)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert [v.shape for v in ours.state_dict().values()] == [tuple(v.shape) for v in theirs.state_dict().values()]
    assert [name for name, _ in ours.named_modules()] == [name for name, _ in theirs.named_modules()]


@pytest.mark.parametrize("case", NESTED)
def test_backward_fills_the_same_gradients(case: str) -> None:
    make, shapes = NESTED[case]
    ours, theirs = pair(make)
    (x,) = sample(*shapes)
    ours(tg.tensor(x)).square().mean().backward()
    theirs(torch.tensor(x)).square().mean().backward()
    for (name, p), q in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), rtol=1e-12, atol=1e-14, err_msg=name)


TEXTS: dict[str, Make] = {
    "in place": lambda n, t: n.Sequential(n.ReLU(True), n.ReLU6(True), n.LeakyReLU(inplace=True), n.ELU(2, True), n.SELU(True)),
    "more in place": lambda n, t: n.Sequential(n.CELU(2.0, True), n.SiLU(True), n.Mish(True), n.Threshold(1, 2.0, True)),
    "hard in place": lambda n, t: n.Sequential(n.Hardtanh(-2, 2, True), n.Hardsigmoid(True), n.Hardswish(True)),
    "dropout": lambda n, t: n.Dropout(0.2, True),
    "softmax": lambda n, t: n.Softmax(),
    "losses": lambda n, t: n.ModuleList([n.BCELoss(), n.BCEWithLogitsLoss(), n.CrossEntropyLoss(), n.NLLLoss(), n.MSELoss()]),
    "list": lambda n, t: n.ModuleList([n.Linear(2, 3), n.Linear(2, 3), n.ReLU(), n.Sequential(n.ReLU(), n.Linear(1, 2))]),
    "equal lists": lambda n, t: n.ModuleList([n.ModuleList([n.Sequential(n.ReLU())] * 2)] * 3),
    "empty": lambda n, t: n.ModuleDict({"a": n.ModuleList(), "b": n.Sequential(), "c": n.Module(), "d": n.ModuleDict()}),
    "parameters": lambda n, t: n.ParameterList([t.ones(2, 3), n.Parameter(t.ones(())), 3, "a"]),
    "one parameter": lambda n, t: n.ParameterList([t.ones(2, 3)]),
    "parameters by name": lambda n, t: n.ParameterDict({"a": t.ones(2, 3), "b": 3}),
}


@pytest.mark.parametrize("case", TEXTS)
def test_text(case: str) -> None:
    """Torch writes "torch.float32", and in one place "torch.FloatTensor", where we write the dtype's own name."""
    want = repr(TEXTS[case](tnn, torch)).replace("torch.FloatTensor", "float32").replace("torch.float32", "float32")
    assert repr(TEXTS[case](nn, tg)) == want


def test_text_of_a_parameter() -> None:
    values = [[1.0, 2.5], [3.0, 4.0]]
    assert repr(nn.Parameter(tg.tensor(values))) == repr(tnn.Parameter(torch.tensor(values)))
    assert repr(nn.Parameter(tg.tensor(values), requires_grad=False)) == repr(tnn.Parameter(torch.tensor(values), requires_grad=False))


def net(n: Any, t: Any) -> Any:
    """A module with everything: nested and shared parts, shared parameters, buffers that stay and that do not, and Nones."""

    class Block(n.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.scale = n.Parameter(t.ones(3))
            self.register_buffer("mean", t.zeros(3))
            self.register_buffer("cache", t.zeros(2), persistent=False)
            self.register_buffer("missing", None)
            self.register_parameter("absent", None)
            self.fc = n.Linear(3, 3)

    class Net(n.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.block = Block()
            self.again = self.block
            self.others = n.ModuleList([Block(), n.Identity()])
            self.heads = n.ModuleDict({"a": n.Linear(3, 1), "b": n.Linear(3, 1, bias=False)})
            self.tied = self.heads["a"].weight
            self.plain = n.Parameter(t.ones(()))
            self.free = n.ParameterDict({"u": t.ones(2), "v": n.Parameter(t.ones(1))})
            self.listed = n.ParameterList([t.ones(1), t.ones(2)])
            self.nothing = None
            self.add_module("gone", None)

    return Net()


@pytest.mark.parametrize("recurse", [True, False])
@pytest.mark.parametrize("remove_duplicate", [True, False])
@pytest.mark.parametrize("prefix", ["", "model"])
def test_names(prefix: str, remove_duplicate: bool, recurse: bool) -> None:
    ours, theirs = net(nn, tg), net(tnn, torch)
    for walk in ("named_parameters", "named_buffers"):
        got = getattr(ours, walk)(prefix, recurse, remove_duplicate)
        want = getattr(theirs, walk)(prefix, recurse, remove_duplicate)
        assert [(k, v.shape) for k, v in got] == [(k, tuple(v.shape)) for k, v in want]
    got, want = (m.named_modules(prefix=prefix, remove_duplicate=remove_duplicate) for m in (ours, theirs))
    assert [(k, type(v).__name__) for k, v in got] == [(k, type(v).__name__) for k, v in want]
    assert [k for k, _ in ours.named_children()] == [k for k, _ in theirs.named_children()]
    assert len(list(ours.children())) == len(list(theirs.children()))
    assert len(list(ours.modules())) == len(list(theirs.modules()))
    assert len(list(ours.parameters())) == len(list(theirs.parameters()))
    assert len(list(ours.buffers())) == len(list(theirs.buffers()))


def test_state_keys() -> None:
    ours, theirs = net(nn, tg), net(tnn, torch)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert list(ours.state_dict(prefix="model.")) == list(theirs.state_dict(prefix="model."))
    assert not any(v.requires_grad for v in ours.state_dict().values())
    assert all(v.requires_grad for k, v in ours.state_dict(keep_vars=True).items() if "mean" not in k)


WRONG: dict[str, Callable[[dict[str, Any], Any], Any]] = {
    "nothing": lambda s, t: None,
    "missing": lambda s, t: [s.pop("plain"), s.pop("block.fc.weight")],
    "unexpected": lambda s, t: s.update({"block.new": t.ones(2), "zz": t.ones(1)}),
    "shapes": lambda s, t: s.update({"plain": t.ones(2, 3), "block.fc.weight": t.ones(3, 4)}),
    "everything": lambda s, t: [s.pop("plain"), s.update({"zz": t.ones(2), "block.fc.weight": t.ones(3, 4), "block.fc.bias": t.ones(4)})],
}


def told(message: str) -> tuple[list[str], list[str], list[str]]:
    """The names in an error of load_state_dict: missing, unexpected, and of other shapes."""
    assert message.startswith("Error(s) in loading state_dict for Net:\n\t")
    keys = [re.findall(rf"{kind} key\(s\) in state_dict: (.*)", message) for kind in ("Missing", "Unexpected")]
    missing, unexpected = (re.findall(r'"([^"]+)"', line[0]) if line else [] for line in keys)
    return missing, sorted(unexpected), re.findall(r"size mismatch for (\S+):", message)


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("case", WRONG)
def test_loading_reports_what_torch_reports(case: str, strict: bool) -> None:
    outcomes = []
    for n, t in ((nn, tg), (tnn, torch)):
        module = net(n, t)
        state = dict(net(n, t).state_dict())
        WRONG[case](state, t)
        try:
            found = module.load_state_dict(state, strict=strict)
            outcomes.append((found.missing_keys, sorted(found.unexpected_keys), found == ([], []), str(found) if not any(found) else ""))
        except RuntimeError as error:
            outcomes.append(told(str(error)))
    assert outcomes[0] == outcomes[1]


@pytest.mark.parametrize("assign", [False, True])
def test_loading_keeps_or_takes_the_tensors(assign: bool) -> None:
    for n, t in ((nn, tg), (tnn, torch)):
        module = n.Linear(2, 3)
        module.bias.requires_grad_(False)
        before = module.weight
        state = {"weight": t.ones((3, 2), dtype=t.float64), "bias": t.zeros(3)}
        module.load_state_dict(state, assign=assign)
        assert (module.weight is before) is not assign
        assert module.weight.dtype == (t.float64 if assign else t.float32)
        assert isinstance(module.weight, n.Parameter)
        assert (module.weight.requires_grad, module.bias.requires_grad) == (True, False)
        assert (module.weight.data_ptr() == state["weight"].data_ptr()) is assign
        assert module.weight.sum().item() == 6


def test_deepcopy_like_torch() -> None:
    for n, t in ((nn, tg), (tnn, torch)):
        module = net(n, t)
        module.heads["a"](t.ones(3)).sum().backward()
        copied = copy.deepcopy(module)
        assert copied.again is copied.block
        assert copied.tied is copied.heads["a"].weight
        assert copied.tied is not module.tied
        assert copied.tied.grad is None
        assert list(copied.state_dict()) == list(module.state_dict())


def statements() -> dict[str, Callable[[Any, Any], Any]]:
    """Mistakes in the use of modules."""

    class Early:
        def __init__(self, n: Any, assign: Callable[[Any, Any], Any]) -> None:
            type("N", (n.Module,), {"__init__": lambda s: assign(s, n)})()

    return {
        "parameter before init": lambda n, t: Early(n, lambda s, n: setattr(s, "w", n.Parameter(t.ones(2)))),
        "module before init": lambda n, t: Early(n, lambda s, n: setattr(s, "w", n.Identity())),
        "buffer before init": lambda n, t: Early(n, lambda s, n: s.register_buffer("w", t.ones(2))),
        "tensor for parameter": lambda n, t: setattr(n.Linear(2, 3), "weight", t.ones(3, 2)),
        "number for parameter": lambda n, t: setattr(n.Linear(2, 3), "weight", 3),
        "module for parameter": lambda n, t: setattr(n.Linear(2, 3), "weight", n.Identity()),
        "number for module": lambda n, t: setattr(n.Sequential(n.Identity()), "0", 3),
        "number for buffer": lambda n, t: setattr(net(n, t).block, "mean", 3),
        "taken name": lambda n, t: n.Linear(2, 3).register_parameter("in_features", None),
        "dotted name": lambda n, t: n.Linear(2, 3).register_parameter("a.b", None),
        "empty name": lambda n, t: n.Linear(2, 3).register_parameter("", None),
        "number as name": lambda n, t: n.Linear(2, 3).register_parameter(3, None),
        "parameter is a tensor": lambda n, t: n.Linear(2, 3).register_parameter("q", t.ones(2)),
        "set strict": lambda n, t: net(n, t).set_submodule("block.new", n.ReLU(), strict=True),
        "set over a buffer": lambda n, t: net(n, t).set_submodule("block.mean", n.ReLU()),
        "buffer object over a parameter": lambda n, t: setattr(n.Linear(2, 3), "weight", n.Buffer(t.ones(2))),
        "no extra state": lambda n, t: n.ReLU().get_extra_state(),
        "buffer is a number": lambda n, t: n.Linear(2, 3).register_buffer("q", 3),
        "buffer name taken": lambda n, t: n.Linear(2, 3).register_buffer("weight", t.ones(2)),
        "module is a number": lambda n, t: n.Linear(2, 3).add_module("q", 3),
        "module name taken": lambda n, t: n.Linear(2, 3).add_module("weight", n.Identity()),
        "no such parameter": lambda n, t: n.Linear(2, 3).get_parameter("q"),
        "not a parameter": lambda n, t: n.Linear(2, 3).get_parameter("in_features"),
        "not a module": lambda n, t: n.Linear(2, 3).get_submodule("weight"),
        "no such module": lambda n, t: n.Linear(2, 3).get_submodule("x.y"),
        "not a buffer": lambda n, t: n.Linear(2, 3).get_buffer("weight"),
        "mode is a number": lambda n, t: n.Linear(2, 3).train(3),
        "to integers": lambda n, t: n.Linear(2, 3).to(t.int32),
        "no forward": lambda n, t: n.Module()(3),
        "list has no forward": lambda n, t: n.ModuleList()(3),
        "state is a number": lambda n, t: n.Linear(2, 3).load_state_dict(3),
        "state of numbers": lambda n, t: n.Linear(2, 3).load_state_dict({"weight": 3, "bias": 4}),
        "integers with gradient": lambda n, t: n.Parameter(t.ones(2, dtype=t.int64)),
        "sequential of numbers": lambda n, t: n.Sequential(3),
        "index": lambda n, t: n.Sequential(n.Identity())[1],
        "index from the end": lambda n, t: n.Sequential(n.Identity())[-2],
        "append a number": lambda n, t: n.Sequential().append(3),
        "insert beyond": lambda n, t: n.Sequential().insert(3, n.Identity()),
        "pop beyond": lambda n, t: n.Sequential().pop(3),
        "times zero": lambda n, t: n.Sequential(n.Identity()) * 0,
        "plus a list in place": lambda n, t: n.Sequential().__iadd__([n.Identity()]),
        "insert among names": lambda n, t: n.Sequential(OrderedDict(a=n.Identity())).insert(0, n.ReLU()),
        "plus a number": lambda n, t: n.Sequential() + 3,
        "list of a number": lambda n, t: n.ModuleList(3),
        "list index": lambda n, t: n.ModuleList([n.Identity()])[1],
        "dict of numbers": lambda n, t: n.ModuleDict([1]),
        "dict of short pairs": lambda n, t: n.ModuleDict([("a",)]),
        "dict key is a method": lambda n, t: n.ModuleDict({"keys": n.Identity()}),
        "dict key with a dot": lambda n, t: n.ModuleDict({"a.b": n.Identity()}),
        "parameters of a number": lambda n, t: n.ParameterList(3),
        "parameter index": lambda n, t: n.ParameterList([t.ones(1)])[2],
        "negative size": lambda n, t: n.Linear(-1, 2),
        "fractional size": lambda n, t: n.Linear(2.5, 2),
        "dropout of more than all": lambda n, t: n.Dropout(2),
        "unflatten to a number": lambda n, t: n.Unflatten(1, 3),
        "other features": lambda n, t: n.Linear(2, 3)(t.ones(3)),
        "other dtype": lambda n, t: n.Linear(2, 3)(t.ones(2, dtype=t.float64)),
        "input is a number": lambda n, t: n.Linear(2, 3)(3),
        "input is missing": lambda n, t: n.Linear(2, 3)(),
        "kaiming of a vector": lambda n, t: n.init.kaiming_uniform_(t.ones(3)),
        "kaiming mode": lambda n, t: n.init.kaiming_uniform_(t.ones(3, 3), mode="fan"),
        "kaiming nonlinearity": lambda n, t: n.init.kaiming_normal_(t.ones(3, 3), nonlinearity="sine"),
        "xavier of a vector": lambda n, t: n.init.xavier_normal_(t.ones(3)),
        "orthogonal of a vector": lambda n, t: n.init.orthogonal_(t.ones(3)),
        "identity of a vector": lambda n, t: n.init.eye_(t.ones(3)),
        "dirac of a matrix": lambda n, t: n.init.dirac_(t.ones(3, 3)),
        "dirac groups": lambda n, t: n.init.dirac_(t.ones(3, 3, 3), groups=2),
        "sparse of a vector": lambda n, t: n.init.sparse_(t.ones(3), 0.5),
        "gain": lambda n, t: n.init.calculate_gain("sine"),
        "gain slope": lambda n, t: n.init.calculate_gain("leaky_relu", "a"),
    }


ALLOWED_BUILTIN = {"input is missing"}


@pytest.mark.parametrize("case", statements())
def test_mistakes(case: str) -> None:
    """Our error is of torch's class and of our own family."""
    statement = statements()[case]
    with pytest.raises(Exception) as want:  # noqa: PT011
        statement(tnn, torch)
    with pytest.raises(Exception) as got:  # noqa: PT011
        statement(nn, tg)
    kind = next(f for f in (AttributeError, KeyError, IndexError, TypeError, ValueError, RuntimeError) if isinstance(want.value, f))
    assert isinstance(got.value, kind), f"{got.value!r} is no {kind.__name__}; torch: {want.value!r}"
    assert case in ALLOWED_BUILTIN or isinstance(got.value, tg.errors.TinygradRegError), repr(got.value)


# ---- containers ------------------------------------------------------------------------------------------------------


def changed(n: Any) -> dict[str, Any]:
    """Containers after changes, each as its state_dict keys and text."""

    def seq(*sizes: int) -> Any:
        return n.Sequential(*[n.Linear(1, size) for size in sizes])

    def with_(container: Any, change: Callable[[Any], Any]) -> Any:
        change(container)
        return container

    named = lambda: n.Sequential(OrderedDict([("a", n.Linear(1, 1)), ("b", n.Linear(1, 2)), ("c", n.Linear(1, 3))]))  # noqa: E731
    listed = lambda: n.ModuleList([n.Linear(1, 1), n.Linear(1, 2), n.Linear(1, 3)])  # noqa: E731
    return {
        "slice": seq(1, 2, 3)[1:],
        "slice of names": named()[:2],
        "step": seq(1, 2, 3)[::2],
        "replace": with_(seq(1, 2), lambda s: s.__setitem__(-1, n.Linear(1, 9))),
        "delete": with_(seq(1, 2, 3), lambda s: s.__delitem__(0)),
        "delete slice": with_(seq(1, 2, 3), lambda s: s.__delitem__(slice(0, 2))),
        "append": seq(1).append(n.Linear(1, 4)),
        "extend": seq(1).extend(seq(2, 3)),
        "insert": seq(1, 2).insert(1, n.Linear(1, 7)),
        "insert last": seq(1, 2).insert(2, n.Linear(1, 7)),
        "pop": with_(seq(1, 2, 3), lambda s: s.pop(1)),
        "sum": seq(1, 2) + seq(3),
        "in place": with_(seq(1, 2), lambda s: s.__iadd__(seq(3))),
        "product": seq(1, 2) * 2,
        "product from the left": 2 * seq(1, 2),
        "product in place": with_(seq(1, 2), lambda s: s.__imul__(3)),
        "list slice": listed()[1:],
        "list replace": with_(listed(), lambda s: s.__setitem__(0, n.ReLU())),
        "list delete": with_(listed(), lambda s: s.__delitem__(1)),
        "list append": listed().append(n.ReLU()),
        "list insert": with_(listed(), lambda s: s.insert(0, n.ReLU())),
        "list pop": with_(listed(), lambda s: s.pop(0)),
        "list sum": listed() + listed(),
        "dict update": with_(n.ModuleDict({"a": n.ReLU()}), lambda s: s.update([("b", n.Linear(1, 1)), ("a", n.Tanh())])),
        "dict pop": with_(n.ModuleDict({"a": n.ReLU(), "b": n.Tanh()}), lambda s: s.pop("a")),
    }


@pytest.mark.parametrize("case", changed(nn))
def test_container_after(case: str) -> None:
    ours, theirs = changed(nn)[case], changed(tnn)[case]
    assert repr(ours) == repr(theirs)
    assert len(ours) == len(theirs)
    assert list(ours.state_dict()) == list(theirs.state_dict())


# ---- initial values --------------------------------------------------------------------------------------------------

DRAWN: dict[str, tuple[Shape, Callable[[Any, Any], Any]]] = {
    "uniform": ((300, 200), lambda i, x: i.uniform_(x, -2.0, 3.0)),
    "normal": ((300, 200), lambda i, x: i.normal_(x, 1.0, 2.0)),
    "xavier_uniform": ((300, 200), lambda i, x: i.xavier_uniform_(x, gain=2.0)),
    "xavier_normal": ((300, 200), lambda i, x: i.xavier_normal_(x)),
    "xavier_uniform of a kernel": ((40, 30, 5, 7), lambda i, x: i.xavier_uniform_(x)),
    "kaiming_uniform": ((300, 200), lambda i, x: i.kaiming_uniform_(x)),
    "kaiming_uniform fan_out": ((300, 200), lambda i, x: i.kaiming_uniform_(x, mode="fan_out", nonlinearity="relu")),
    "kaiming_uniform slope": ((300, 200), lambda i, x: i.kaiming_uniform_(x, a=5**0.5)),
    "kaiming_normal": ((300, 200), lambda i, x: i.kaiming_normal_(x, nonlinearity="tanh")),
    "kaiming_normal of a kernel": ((40, 30, 5, 7), lambda i, x: i.kaiming_normal_(x, mode="fan_out")),
    "trunc_normal": ((300, 200), lambda i, x: i.trunc_normal_(x, 0.5, 2.0, -1.0, 3.0)),
    "trunc_normal wide": ((300, 200), lambda i, x: i.trunc_normal_(x, std=0.02)),
    "trunc_normal narrow": ((300, 200), lambda i, x: i.trunc_normal_(x, 0.0, 1.0, 1.0, 1.5)),
    "sparse": ((300, 200), lambda i, x: i.sparse_(x, 0.3, std=2.0)),
    "orthogonal": ((300, 200), lambda i, x: i.orthogonal_(x, gain=3.0)),
}


@pytest.mark.parametrize("case", DRAWN)
def test_drawn_values_have_torchs_distribution(case: str) -> None:
    """60,000 numbers each: the quantiles agree within what chance allows."""
    shape, draw = DRAWN[case]
    tg.manual_seed(1)
    torch.manual_seed(1)
    ours, theirs = draw(nn.init, tg.empty(*shape)).numpy().ravel(), draw(tnn.init, torch.empty(*shape)).numpy().ravel()
    bounded = "uniform" in case or "trunc_normal" in case
    levels = [0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, *([0.0, 1.0] if bounded and "wide" not in case else [])]
    np.testing.assert_allclose(ours.std(), theirs.std(), rtol=0.02)
    np.testing.assert_allclose(ours.mean(), theirs.mean(), atol=0.02 * theirs.std())
    if case != "orthogonal":
        np.testing.assert_allclose(np.quantile(ours, levels), np.quantile(theirs, levels), atol=0.06 * theirs.std())
    if case == "sparse":
        assert ((ours.reshape(shape) == 0).sum(0) == (theirs.reshape(shape) == 0).sum(0)).all()


@pytest.mark.parametrize("shape", [(3, 5), (5, 3), (4, 4), (3, 2, 2)])
def test_orthogonal_like_torch(shape: Shape) -> None:
    for i, t in ((nn.init, tg), (tnn.init, torch)):
        flat = i.orthogonal_(t.empty(*shape, dtype=t.float64), gain=2.0).numpy().reshape(shape[0], -1)
        small = flat @ flat.T if flat.shape[0] <= flat.shape[1] else flat.T @ flat
        np.testing.assert_allclose(small, 4.0 * np.eye(len(small)), atol=1e-12)


FIXED: dict[str, Callable[[Any, Any], Any]] = {
    "constant": lambda i, t: i.constant_(t.empty(3, 2), 1.5),
    "ones": lambda i, t: i.ones_(t.empty(3, 2)),
    "zeros": lambda i, t: i.zeros_(t.empty(3, 2, dtype=t.float64)),
    "eye": lambda i, t: i.eye_(t.empty(3, 2)),
    "eye wide": lambda i, t: i.eye_(t.empty(2, 4)),
    "dirac": lambda i, t: i.dirac_(t.empty(4, 3, 3)),
    "dirac in groups": lambda i, t: i.dirac_(t.empty(6, 2, 4, 5), groups=3),
    "dirac 3d": lambda i, t: i.dirac_(t.empty(2, 3, 1, 2, 3)),
}


@pytest.mark.parametrize("case", FIXED)
def test_fixed_values(case: str) -> None:
    ours, theirs = FIXED[case](nn.init, tg), FIXED[case](tnn.init, torch)
    np.testing.assert_array_equal(ours.numpy(), theirs.numpy())
    assert str(ours.dtype) == str(theirs.dtype).removeprefix("torch.")


def test_gains() -> None:
    for name in ("linear", "conv2d", "sigmoid", "tanh", "relu", "leaky_relu", "selu"):
        assert nn.init.calculate_gain(name) == pytest.approx(tnn.init.calculate_gain(name))
    assert nn.init.calculate_gain("leaky_relu", 0.3) == pytest.approx(tnn.init.calculate_gain("leaky_relu", 0.3))


STARTING: list[Callable[[Any], Any]] = [
    lambda n: n.Linear(200, 300),
    lambda n: n.Bilinear(20, 10, 300),
    lambda n: n.Conv1d(60, 300, 5, groups=2),
    lambda n: n.Conv2d(20, 200, (3, 5)),
    lambda n: n.Conv3d(10, 200, 3),
    lambda n: n.ConvTranspose1d(200, 60, 5),
    lambda n: n.ConvTranspose2d(100, 200, 3, groups=4),
    lambda n: n.BatchNorm2d(5),
    lambda n: n.LayerNorm((3, 4)),
    lambda n: n.PReLU(5, 0.1),
]


@pytest.mark.parametrize("make", STARTING)
def test_layers_start_with_torchs_bounds(make: Callable[[Any], Any]) -> None:
    tg.manual_seed(0)
    for (name, p), q in zip(make(nn).named_parameters(), make(tnn).parameters(), strict=True):
        ours, theirs = p.detach().numpy(), q.detach().numpy()
        few = ours.ndim == 1
        np.testing.assert_allclose(np.abs(ours).max(), np.abs(theirs).max(), rtol=0.1 if few else 1e-3, err_msg=name)
        np.testing.assert_allclose(ours.std(), theirs.std(), rtol=0.2 if few else 0.02, err_msg=name)


@pytest.mark.parametrize("make", [lambda n: n.Embedding(300, 200, padding_idx=7), lambda n: n.EmbeddingBag(300, 200, padding_idx=-293)])
def test_tables_start_normal(make: Callable[[Any], Any]) -> None:
    tg.manual_seed(0)
    table = make(nn).weight.detach().numpy()
    assert (table[7] == 0).all()
    assert (make(tnn).weight.detach().numpy()[7] == 0).all()
    rest = np.delete(table, 7, 0)
    assert rest.mean() == pytest.approx(0.0, abs=0.02)
    assert np.quantile(rest, [0.1, 0.5, 0.9]) == pytest.approx([-1.2816, 0.0, 1.2816], abs=0.03)


INITIALISERS = [name for name in tnn.init.__all__ if name.endswith("_")]


@pytest.mark.parametrize("name", [*INITIALISERS, "calculate_gain"])
def test_initialisers_have_torchs_signature(name: str) -> None:
    assert signature(getattr(nn.init, name)) == signature(getattr(tnn.init, name))


@pytest.mark.parametrize("name", [name for name in tnn.init.__all__ if not name.endswith("_") and name != "calculate_gain"])
def test_old_names_of_initialisers(name: str) -> None:
    """They warn, and do what the new ones do."""
    args = {"constant": (2.0,), "sparse": (0.5,)}.get(name, ())
    shape = (4, 3, 3) if name == "dirac" else (4, 3)
    made = []
    for use in (getattr(nn.init, name), getattr(nn.init, f"{name}_")):
        tg.manual_seed(0)
        if use is getattr(nn.init, name):
            with pytest.warns(FutureWarning, match=f"nn.init.{name}_"):
                made.append(use(tg.empty(*shape), *args))
        else:
            made.append(use(tg.empty(*shape), *args))
    assert made[0].tolist() == made[1].tolist()


def signature(function: Any) -> list[tuple[str, Any, Any]]:
    return [(p.name, p.kind, p.default) for p in inspect.signature(function).parameters.values()]


# ---- clipping and vectors --------------------------------------------------------------------------------------------


UTILITIES = [
    "clip_grad_norm_",
    "clip_grads_with_norm_",
    "clip_grad_value_",
    "get_total_norm",
    "parameters_to_vector",
    "vector_to_parameters",
]


@pytest.mark.parametrize("name", UTILITIES)
def test_utilities_have_torchs_signature(name: str) -> None:
    assert signature(getattr(nn.utils, name)) == signature(getattr(tnn.utils, name))


@pytest.mark.parametrize("foreach", [None, True, False])
def test_clipping_takes_torchs_arguments(foreach: Any) -> None:
    for n, t in ((nn, tg), (tnn, torch)):
        p = with_gradients(t)
        n.utils.clip_grad_norm_(iter(p), 0.5, norm_type=1, error_if_nonfinite=True, foreach=foreach)
        n.utils.clip_grad_value_(iter(p), 0.01, foreach=foreach)
        assert abs(p[0].grad.numpy()).max() == pytest.approx(0.01)


def with_gradients(t: Any, scale: float = 1.0) -> list[Any]:
    made = []
    for i, a in enumerate(sample((3, 4), (5,), ())):
        p = t.tensor(a, requires_grad=i < 2)
        p.grad = None if i == 1 else t.tensor(scale * a)
        made.append(p)
    return made


@pytest.mark.parametrize("norm", [1.0, 2.0, 3.5, inf])
@pytest.mark.parametrize("limit", [0.5, 100.0])
def test_clip_grad_norm(limit: float, norm: float) -> None:
    ours, theirs = with_gradients(tg), with_gradients(torch)
    got = nn.utils.clip_grad_norm_(ours, limit, norm)
    want = tnn.utils.clip_grad_norm_(theirs, limit, norm)
    assert got.item() == pytest.approx(want.item(), rel=1e-12)
    for p, q in zip(ours, theirs, strict=True):
        assert (p.grad is None) == (q.grad is None)
        if p.grad is not None:
            np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), rtol=1e-12)


def test_clipping_edges() -> None:
    assert nn.utils.clip_grad_norm_([], 1.0).item() == tnn.utils.clip_grad_norm_([], 1.0).item() == 0
    for n, t in ((nn, tg), (tnn, torch)):
        with pytest.raises(RuntimeError, match="non-finite"):
            n.utils.clip_grad_norm_(with_gradients(t, nan), 1.0, error_if_nonfinite=True)
        p = with_gradients(t)
        n.utils.clip_grad_value_(p, 0.1)
        assert abs(p[0].grad.numpy()).max() == pytest.approx(0.1)
        assert n.utils.get_total_norm([t.ones(4), t.ones(5)]).item() == pytest.approx(3.0)
        n.utils.clip_grads_with_norm_(p[0], 0.01, t.tensor(1.0))


def test_vectors() -> None:
    for n, t in ((nn, tg), (tnn, torch)):
        module = n.Sequential(n.Linear(2, 3), n.Linear(3, 1))
        assert n.utils.parameters_to_vector(module.parameters()).shape == (13,)
        n.utils.vector_to_parameters(t.arange(13.0), module.parameters())
        assert module[1].weight.tolist() == [[9.0, 10.0, 11.0]]
        assert n.utils.parameters_to_vector(module.parameters()).tolist() == list(range(13))


def hooked(m: Any, replace: bool) -> list[Any]:
    """What full backward hooks see, and the first and second derivative that arrive behind them."""
    module, log = m.nn.Tanh(), []

    def after(_: Any, grad_input: Any, grad_output: Any) -> Any:
        log.extend([*grad_input, *grad_output])
        return (grad_input[0] * grad_input[0],) if replace else None

    module.register_full_backward_pre_hook(lambda _, grad_output: log.extend(grad_output))
    module.register_full_backward_hook(after)
    x = m.tensor([0.5, -1.0], dtype=m.float64, requires_grad=True)
    (g,) = m.autograd.grad((module(x) ** 2).sum(), x, create_graph=True)
    log.append(g)
    return [*log, *m.autograd.grad(g.sum(), x)]


@pytest.mark.parametrize("replace", [False, True])
def test_full_backward_hooks(replace: bool) -> None:
    ours, theirs = hooked(tg, replace), hooked(torch, replace)
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-12)


def state_events(n: Any, t: Any) -> list[Any]:
    """What hooks around state_dict and load_state_dict see, in order."""
    log: list[Any] = []

    class Extra(n.Linear):  # type: ignore[misc]
        def get_extra_state(self) -> Any:
            return "more"

        def set_extra_state(self, state: Any) -> None:
            log.append(("extra", state))

    def rename(module: Any, state: Any, prefix: str, *rest: Any) -> None:
        log.append(("before loading", type(module).__name__, sorted(state), prefix, dict(rest[0]), rest[1], *map(list, rest[2:])))
        if prefix + "w" in state:
            state[prefix + "weight"] = state.pop(prefix + "w")

    def forgive(module: Any, keys: Any) -> None:
        log.append(("after loading", type(module).__name__, *map(list, keys if module is net else ())))
        keys.unexpected_keys[:] = [key for key in keys.unexpected_keys if not key.endswith("junk")]

    net = n.Sequential(Extra(1, 2), n.Sequential(n.BatchNorm1d(2)))
    for part in net.modules():
        part.register_state_dict_pre_hook(lambda module, prefix, keep: log.append(("before saving", prefix, keep)))
        part.register_state_dict_post_hook(
            lambda m, state, prefix, meta: log.append(("after saving", list(state), prefix, meta["version"]))
        )
        part.register_load_state_dict_pre_hook(rename)
        part.register_load_state_dict_post_hook(forgive)
    state = net.state_dict()
    log.append([{path: dict(entry) for path, entry in state._metadata.items()}])
    state["0.w"] = state.pop("0.weight")
    state["1.0.junk"] = t.ones(1)
    log.append(tuple(net.load_state_dict(state)))
    state["1.0.other"] = state["odd"] = t.ones(1)
    log.append(tuple(net.load_state_dict(state, strict=False)))
    with pytest.raises(RuntimeError) as caught:
        net.load_state_dict(state)
    log.append([str(caught.value)])
    return log


def test_hooks_of_the_state() -> None:
    """torch reads and writes module by module, here all is read before anything is written: the order within each kind is the same."""
    ours, theirs = state_events(nn, tg), state_events(tnn, torch)
    for kind in ("before saving", "after saving", "before loading", "extra", "after loading"):
        assert [e for e in ours if e[0] == kind] == [e for e in theirs if e[0] == kind]
    outcomes = [[e for e in events if not isinstance(e[0], str)] for events in (ours, theirs)]
    assert outcomes[0] == outcomes[1]


def always_called(n: Any, t: Any) -> list[Any]:
    log: list[Any] = []

    class Fails(n.Module):  # type: ignore[misc]
        def forward(self, x: Any, fail: bool = False) -> Any:
            return 1 / 0 if fail else x

    for broken in (False, True):
        net = Fails()
        net.register_forward_pre_hook(lambda module, args: (args[0] + 1,))
        net.register_forward_hook(lambda module, args, out: log.append(("first", args, out)), always_call=True)
        if broken:
            net.register_forward_hook(lambda module, args, out: 1 / 0)
        net.register_forward_hook(
            lambda module, args, kwargs, out: log.append(("last", args, kwargs, out)), with_kwargs=True, always_call=True
        )
        net.register_forward_hook(lambda module, args, out: log.append("not always"))
        for fail in (False, True):
            try:
                log.append(net(2, fail=fail))
            except ZeroDivisionError:
                log.append("failed")
    return log


def test_hooks_that_are_always_called() -> None:
    assert always_called(nn, tg) == always_called(tnn, torch)
