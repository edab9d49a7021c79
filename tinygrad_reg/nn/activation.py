"""Activation functions as modules: the functions of `nn.functional` with their settings. Shapes stay as they are."""

from __future__ import annotations

import warnings
from typing import Any

from ..creation import full
from ..engine.refusal import typed_errors
from ..engine.state import get_default_dtype
from ..errors import AssertedArgumentError, ShapeError
from ..ops.elementwise import relu, tanh
from ..ops.fused import sigmoid
from ..tensor import Tensor
from . import functional as F
from .module import Module
from .parameter import Parameter


class _Inplace(Module):
    """What activations share that can overwrite their input."""

    @typed_errors
    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def settings(self) -> str:
        """What the repr shows besides `inplace`."""
        return ""

    def extra_repr(self) -> str:
        return ", ".join(text for text in (self.settings(), "inplace=True" if self.inplace else "") if text)


class Sigmoid(Module):
    """1 / (1 + exp(-x)).

    >>> tg.nn.Sigmoid()(tg.tensor([0.0, 2.0]))
    tensor([0.5000, 0.8808])
    """

    def forward(self, input: Tensor) -> Tensor:
        return sigmoid(input)


class Tanh(Module):
    """Hyperbolic tangent.

    >>> tg.nn.Tanh()(tg.tensor([-1.0, 0.0]))
    tensor([-0.7616,  0.0000])
    """

    def forward(self, input: Tensor) -> Tensor:
        return tanh(input)


class ReLU(_Inplace):
    """max(x, 0).

    >>> tg.nn.ReLU()(tg.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.relu(input, True) if self.inplace else relu(input)


class LeakyReLU(_Inplace):
    """x where positive, negative_slope · x elsewhere.

    >>> tg.nn.LeakyReLU(0.1)(tg.tensor([-2.0, 3.0]))
    tensor([-0.2000,  3.0000])
    """

    @typed_errors
    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.negative_slope = negative_slope

    def forward(self, input: Tensor) -> Tensor:
        return F.leaky_relu(input, self.negative_slope, self.inplace)

    def settings(self) -> str:
        return f"negative_slope={self.negative_slope}"


class RReLU(_Inplace):
    """x where positive, slope · x elsewhere; in training each slope is drawn from [lower, upper), in evaluation it is their mean.

    >>> tg.nn.RReLU(0.25, 0.75).eval()(tg.tensor([-2.0, 3.0]))
    tensor([-1.,  3.])
    """

    @typed_errors
    def __init__(self, lower: float = 0.125, upper: float = 1.0 / 3.0, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.lower = lower
        self.upper = upper

    def forward(self, input: Tensor) -> Tensor:
        return F.rrelu(input, self.lower, self.upper, self.training, self.inplace)

    def settings(self) -> str:
        return f"lower={self.lower}, upper={self.upper}"


class PReLU(Module):
    """x where positive, weight · x elsewhere; one weight for all or one per channel, learned.

    >>> tg.nn.PReLU()(tg.tensor([-2.0, 3.0])).tolist()
    [-0.5, 3.0]
    """

    weight: Parameter

    @typed_errors
    def __init__(self, num_parameters: int = 1, init: float = 0.25, device: Any = None, dtype: Any = None) -> None:
        super().__init__()
        self.num_parameters = num_parameters
        self.init = init
        self.weight = Parameter(full((num_parameters,), init, device=device, dtype=get_default_dtype() if dtype is None else dtype))

    def forward(self, input: Tensor) -> Tensor:
        return F.prelu(input, self.weight)

    def extra_repr(self) -> str:
        return f"num_parameters={self.num_parameters}"


class Hardtanh(_Inplace):
    """x limited to [min_val, max_val]; min_value and max_value are their old names.

    >>> tg.nn.Hardtanh()(tg.tensor([-2.0, 0.5, 2.0]))
    tensor([-1.0000,  0.5000,  1.0000])
    """

    @typed_errors
    def __init__(
        self,
        min_val: float = -1.0,
        max_val: float = 1.0,
        inplace: bool = False,
        min_value: float | None = None,
        max_value: float | None = None,
    ) -> None:
        super().__init__(inplace)
        if min_value is not None or max_value is not None:
            warnings.warn("Hardtanh: min_value and max_value are deprecated; say min_val and max_val", FutureWarning, stacklevel=2)
            min_val = min_val if min_value is None else min_value
            max_val = max_val if max_value is None else max_value
        if not max_val > min_val:
            raise AssertedArgumentError(f"Hardtanh: max_val ({max_val}) must be greater than min_val ({min_val})")
        self.min_val = min_val
        self.max_val = max_val

    def forward(self, input: Tensor) -> Tensor:
        return F.hardtanh(input, self.min_val, self.max_val, self.inplace)

    def settings(self) -> str:
        return f"min_val={self.min_val}, max_val={self.max_val}"


class ReLU6(Hardtanh):
    """x limited to [0, 6].

    >>> tg.nn.ReLU6()(tg.tensor([-1.0, 4.0, 9.0]))
    tensor([0., 4., 6.])
    """

    @typed_errors
    def __init__(self, inplace: bool = False) -> None:
        super().__init__(0.0, 6.0, inplace)

    def settings(self) -> str:
        return ""


class Threshold(_Inplace):
    """x where it exceeds the threshold, `value` elsewhere.

    >>> tg.nn.Threshold(0.5, 7.0)(tg.tensor([-1.0, 2.0]))
    tensor([7., 2.])
    """

    @typed_errors
    def __init__(self, threshold: float, value: float, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.threshold = threshold
        self.value = value

    def forward(self, input: Tensor) -> Tensor:
        return F.threshold(input, self.threshold, self.value, self.inplace)

    def settings(self) -> str:
        return f"threshold={self.threshold}, value={self.value}"


class Hardsigmoid(_Inplace):
    """relu6(x + 3) / 6.

    >>> tg.nn.Hardsigmoid()(tg.tensor([-4.0, 0.0, 4.0]))
    tensor([0.0000, 0.5000, 1.0000])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.hardsigmoid(input, self.inplace)

    def extra_repr(self) -> str:
        return ""


class Hardswish(_Inplace):
    """x · hardsigmoid(x).

    >>> tg.nn.Hardswish()(tg.tensor([-4.0, 1.0, 4.0]))
    tensor([-0.0000, 0.6667, 4.0000])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.hardswish(input, self.inplace)

    def extra_repr(self) -> str:
        return ""


class Softshrink(Module):
    """x moved towards 0 by lambd, and 0 within lambd of it.

    >>> tg.nn.Softshrink()(tg.tensor([-0.5, 0.2, 2.0]))
    tensor([-0.0000, 0.0000, 1.5000])
    """

    @typed_errors
    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        self.lambd = lambd

    def forward(self, input: Tensor) -> Tensor:
        return F.softshrink(input, self.lambd)

    def extra_repr(self) -> str:
        return str(self.lambd)


class Hardshrink(Module):
    """x, and 0 within lambd of 0.

    >>> tg.nn.Hardshrink()(tg.tensor([-0.5, 0.2, 2.0]))
    tensor([0., 0., 2.])
    """

    @typed_errors
    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        self.lambd = lambd

    def forward(self, input: Tensor) -> Tensor:
        return F.hardshrink(input, self.lambd)

    def extra_repr(self) -> str:
        return str(self.lambd)


class Tanhshrink(Module):
    """x - tanh(x).

    >>> tg.nn.Tanhshrink()(tg.tensor([0.0, 1.0]))
    tensor([0.0000, 0.2384])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.tanhshrink(input)


class ELU(_Inplace):
    """x where positive, alpha · (exp(x) - 1) elsewhere.

    >>> tg.nn.ELU()(tg.tensor([-1.0, 2.0]))
    tensor([-0.6321,  2.0000])
    """

    @typed_errors
    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.alpha = alpha

    def forward(self, input: Tensor) -> Tensor:
        return F.elu(input, self.alpha, self.inplace)

    def settings(self) -> str:
        return f"alpha={self.alpha}"


class SELU(_Inplace):
    """1.0507 · elu(x, 1.6733).

    >>> tg.nn.SELU()(tg.tensor([-1.0, 2.0]))
    tensor([-1.1113,  2.1014])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.selu(input, self.inplace)


class CELU(_Inplace):
    """max(x, 0) + min(0, alpha · (exp(x / alpha) - 1)).

    >>> tg.nn.CELU(alpha=2.0)(tg.tensor([-1.0, 2.0]))
    tensor([-0.7869,  2.0000])
    """

    @typed_errors
    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.alpha = alpha

    def forward(self, input: Tensor) -> Tensor:
        return F.celu(input, self.alpha, self.inplace)

    def settings(self) -> str:
        return f"alpha={self.alpha}"


class GELU(Module):
    """x · Φ(x) with the normal distribution function Φ, or its approximation "tanh".

    >>> tg.nn.GELU()(tg.tensor([-1.0, 2.0]))
    tensor([-0.1587,  1.9545])
    """

    @typed_errors
    def __init__(self, approximate: str = "none") -> None:
        super().__init__()
        self.approximate = approximate

    def forward(self, input: Tensor) -> Tensor:
        return F.gelu(input, self.approximate)

    def extra_repr(self) -> str:
        return f"approximate={self.approximate!r}"


class SiLU(_Inplace):
    """x · sigmoid(x).

    >>> tg.nn.SiLU()(tg.tensor([-1.0, 2.0]))
    tensor([-0.2689,  1.7616])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.silu(input, self.inplace)


class Mish(_Inplace):
    """x · tanh(softplus(x)).

    >>> tg.nn.Mish()(tg.tensor([-1.0, 2.0]))
    tensor([-0.3034,  1.9440])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.mish(input, self.inplace)


class Softplus(Module):
    """log(1 + exp(beta · x)) / beta; x itself where beta · x exceeds the threshold.

    >>> tg.nn.Softplus()(tg.tensor([0.0, 100.0]))
    tensor([  0.6931, 100.0000])
    """

    @typed_errors
    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        super().__init__()
        self.beta = beta
        self.threshold = threshold

    def forward(self, input: Tensor) -> Tensor:
        return F.softplus(input, self.beta, self.threshold)

    def extra_repr(self) -> str:
        return f"beta={self.beta}, threshold={self.threshold}"


class Softsign(Module):
    """x / (1 + |x|).

    >>> tg.nn.Softsign()(tg.tensor([-1.0, 3.0]))
    tensor([-0.5000,  0.7500])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.softsign(input)


class LogSigmoid(Module):
    """log(sigmoid(x)), without overflow.

    >>> tg.nn.LogSigmoid()(tg.tensor([0.0, 2.0]))
    tensor([-0.6931, -0.1269])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.logsigmoid(input)


class GLU(Module):
    """The first half along dim times the sigmoid of the second; (..., 2n, ...) -> (..., n, ...).

    >>> tg.nn.GLU()(tg.tensor([3.0, 4.0, 0.0, 100.0]))
    tensor([1.5000, 4.0000])
    """

    @typed_errors
    def __init__(self, dim: int = -1) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        return F.glu(input, self.dim)

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class _Along(Module):
    """What functions along a dim share."""

    @typed_errors
    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class Softmax(_Along):
    """exp(x) / Σ exp(x) along dim.

    >>> tg.nn.Softmax(dim=0)(tg.zeros(4))
    tensor([0.2500, 0.2500, 0.2500, 0.2500])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.softmax(input, self.dim, _stacklevel=5)


class Softmin(_Along):
    """softmax(-x) along dim.

    >>> tg.nn.Softmin(dim=0)(tg.tensor([0.0, 1000.0]))
    tensor([1., 0.])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.softmin(input, self.dim, _stacklevel=5)


class Softmax2d(Module):
    """Softmax over the channels of each pixel; (n, c, h, w) or (c, h, w).

    >>> tg.nn.Softmax2d()(tg.zeros(4, 1, 2))[:, 0, 0]
    tensor([0.2500, 0.2500, 0.2500, 0.2500])
    """

    def forward(self, input: Tensor) -> Tensor:
        if input.ndim not in (3, 4):
            raise ShapeError(f"Softmax2d: expected an input (n, c, h, w) or (c, h, w), got shape {tuple(input.shape)}")
        return F.softmax(input, -3)


class LogSoftmax(_Along):
    """log(softmax(x)) along dim.

    >>> tg.nn.LogSoftmax(dim=0)(tg.tensor([0.0, 1000.0]))
    tensor([-1000.,     0.])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.log_softmax(input, self.dim, _stacklevel=5)
