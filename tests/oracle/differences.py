"""Where we answer PyTorch's own samples otherwise than PyTorch, by choice: each with a reason, and none that has become needless."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

torch = pytest.importorskip("torch")


class Difference(NamedTuple):
    """Which checks of which samples of an operation may fail, and why a user would have it so; checks are listed in `CHECKS`."""

    why: str
    checks: tuple[str, ...]
    where: Callable[[Any], bool] = lambda sample: True


SECOND = ("second gradient",)
VALUES = ("value", "strided value", "reference value", "method")
GRADIENTS = ("gradient", "strided gradient", "reference gradient", "in place")
CHECKS = (*VALUES, *GRADIENTS, *SECOND, "error")


def _dtype(sample: Any) -> Any:
    return sample.input.dtype if isinstance(sample.input, torch.Tensor) else None


def _repeats(index: Any) -> bool:
    return index.unique().numel() < index.numel()


def _overlapping(dims: int) -> Callable[[Any], bool]:
    """Whether two windows of an image have their maximum at the same place."""
    return lambda s: any(map(_repeats, s.args[0].flatten(0, -dims - 1) if s.args[0].ndim > dims else [s.args[0]]))


def _has_number(sample: Any) -> bool:
    return any(isinstance(x, int | float) for x in (sample.input, *sample.args))


def _alone(elements: Callable[[Any], int]) -> Callable[[Any], bool]:
    """Whether so few float32 elements are normalized together that rounding is all there is."""
    return lambda s: _dtype(s) is torch.float32 and elements(s) <= 2


BOTH_NUMBERS = Difference("a number may stand for a tensor in every function of two arguments, as in NumPy", ("error",), _has_number)
NUMBERS_ALONE = Difference(
    "numbers alone give NumPy's number, not a tensor", ("reference value",), lambda s: not isinstance(s.input, torch.Tensor)
)
FRACTIONS = Difference(
    "a fraction as beta of integer tensors is refused; PyTorch cuts it off to 0 without a word",
    ("value",),
    lambda s: isinstance(s.kwargs.get("beta", 0), float) and not _dtype(s).is_floating_point,
)
OVERWRITTEN = "★ of several writes to one place only the last gets the gradient"
ROUNDING = "of one or two elements normalized together the gradient is 0, and what is there in its place the rounding of terms that cancel"
ZERO = "★ what no window reads has the gradient 0, also if it is negative and raised to 1.5; PyTorch's is nan"

DIFFERENCES: dict[str, list[Difference]] = {
    "addmv": [FRACTIONS],
    "addbmm": [
        FRACTIONS,
        Difference(
            "an in-place operation does not change the shape; PyTorch's addbmm_ does", ("in place",), lambda s: s.input.numel() == 1
        ),
    ],
    "baddbmm": [FRACTIONS],
    "__rsub__": [Difference("a number may stand for the tensor", ("reference value", "reference gradient"), _has_number)],
    "hypot": [Difference("★ the gradient at (0, 0) is 0; PyTorch's is nan", GRADIENTS)],
    "index_copy": [Difference(OVERWRITTEN, GRADIENTS, lambda s: _repeats(s.args[1]))],
    "linalg.norm.subgradients_at_zero": [Difference("★ second derivatives of norms at 0 are 0; PyTorch's are nan", SECOND)],
    "nn.functional.batch_norm": [
        Difference("an input without a dimension of channels is refused, also when it is empty", CHECKS, lambda s: s.input.ndim < 2)
    ],
    "nn.functional.binary_cross_entropy": [Difference("PyTorch adds 1e-12 to the denominators of second derivatives", SECOND)],
    "nn.functional.celu": [
        Difference(
            "PyTorch takes alpha as float32",
            GRADIENTS,
            lambda s: float(np.float32(s.kwargs.get("alpha", 1.0))) != s.kwargs.get("alpha", 1.0),
        )
    ],
    "nn.functional.ctc_loss": [
        Difference("our gradient is that of the formula, PyTorch's that towards the logits (docs/scope.md)", GRADIENTS)
    ],
    "nn.functional.hardsigmoid": [Difference("PyTorch takes the slope 1/6 as float32", GRADIENTS)],
    "nn.functional.group_norm": [
        Difference(ROUNDING, GRADIENTS, _alone(lambda s: s.input[:1].numel() // s.args[0])),
    ],
    "nn.functional.layer_norm": [Difference(ROUNDING, GRADIENTS, _alone(lambda s: s.input.numel()))],
    "nn.functional.max_unpool1d": [Difference(OVERWRITTEN, GRADIENTS, _overlapping(1))],
    "nn.functional.max_unpool2d": [Difference(OVERWRITTEN, GRADIENTS, _overlapping(2))],
    "nn.functional.max_unpool3d": [Difference(OVERWRITTEN, GRADIENTS, _overlapping(3))],
    "nn.functional.normalize": [
        Difference(ROUNDING, (*GRADIENTS, *SECOND), lambda s: s.input.ndim > 0 and s.input.shape[s.kwargs.get("dim", -1)] == 1)
    ],
    "zero_": [Difference("functions that end in _ are methods only", CHECKS)],
}
NUMBERS = """
__radd__ __rand__ __rdiv__ __rmul__ __ror__ __rxor__ atan2 bitwise_and bitwise_left_shift bitwise_or bitwise_right_shift bitwise_xor
clamp_max clamp_min eq fmax fmin fmod ge gt hypot isclose le logaddexp logical_and logical_or logical_xor lt max.binary maximum
min.binary minimum ne remainder rsub
"""
for _name in NUMBERS.split():
    DIFFERENCES.setdefault(_name, []).append(BOTH_NUMBERS)
for _name in ("add", "div.floor_rounding", "div.no_rounding_mode", "div.trunc_rounding", "floor_divide", "mul", "sub", "true_divide"):
    DIFFERENCES.setdefault(_name, []).append(NUMBERS_ALONE)

#: The layers whose gradients are not compared.
OTHER_GRADIENTS = {
    "CTCLoss": DIFFERENCES["nn.functional.ctc_loss"][0].why,
    "LPPool1d": ZERO, "LPPool2d": ZERO, "LPPool3d": ZERO,
}  # fmt: skip

#: The calls of optimizers that PyTorch refuses and we take, as its table describes them: foreach changes nothing here, and a number
#: in a tensor is as good as one without.
TAKEN_BY_OPTIMIZERS = {
    "lr as Tensor doesn't work with foreach & not capturable",
    "betas must be either both floats or both Tensors",
    r"betas\[0\] as a Tensor is not supported for capturable=False and foreach=True",
}

#: The results that are drawn at random, or where PyTorch may choose among equal elements (we take the first: our sort is stable).
RANDOM = """
bernoulli empty empty_like multinomial new_empty nn.functional.rrelu normal rand_like randint randint_like randn randn_like
"""
CHOSEN = {"argsort": (0,), "kthvalue": (1,), "median": (1,), "mode": (1,), "sort": (1,), "topk": (1,)}


def loose(name: str, sample: Any) -> tuple[int, ...]:
    """The numbers of the results whose values are not compared."""
    if name in RANDOM.split() or _drops(name, sample):
        return tuple(range(8))
    return CHOSEN.get(name, ()) if _dtype(sample) not in (torch.float64, torch.float32) else ()


def _drops(name: str, sample: Any) -> bool:
    """Whether dropout takes part in this sample."""
    if name == "nn.functional.multi_head_attention_forward":
        return bool(sample.args[9]) and sample.kwargs.get("training", True)
    if "dropout" in name:
        return sample.kwargs.get("training", True) and sample.kwargs.get("p", 0.5) not in (0.0, 1.0)
    return bool(sample.kwargs.get("dropout_p"))
