"""Faults that are none: what they change is not there, or stays the same number. Each with its reason."""

from __future__ import annotations

import re

_CONSTANT = r"((floor_divide|floor|ceil|trunc|round|sign|not_zero|leaky_relu_slope)\.\w+|relu_grad\.y)"

#: Which survivors (by a pattern of their key), and why nothing can notice them.
EQUIVALENT: list[tuple[str, str]] = [
    (rf"{_CONSTANT}: ", "the function is constant almost everywhere, so every factor multiplies 0"),
    (r"relu_grad\.x: y -> _detached", "y only says where, so its derivative is 0"),
    (r"copied\.x: ", "what was overwritten gets the gradient 0, so every factor multiplies 0"),
    (r"add\.[xy]: the rule of [xy]", "both rules hand on g"),
    (r"(remainder|fmod)\.y: [xy] -> _detached", "the quotient is rounded, so its derivative is 0"),
    (r"logit\.x: out -> _detached", "out is only used where it is nan"),
    (r"repeat\.x: g -> _detached", "in the branch of arrays without elements, which have no gradient to lose"),
    (r"power\.x: g -> _detached", "in the branch of exponent 0, whose gradient is 0"),
    (r"(softmax|log_softmax)\.x: g -> _detached", "in `living`, which only looks where g is 0, and never multiplies by it"),
    (r"glu\.x: g -> _detached", "in `guarded`, which only looks where g is 0"),
    (r"(cosine\.parts|unit\.x): clamp_min_p", "the larger of a length and eps, which is the same in either order"),
    (
        r"(product_of_others\.x|nan_where_divided\.part|cumprod\.x): x -> _detached",
        "in the mask of what is not finite, which has no derivative",
    ),
    (r"gelu_grad\.a: g -> _detached", "in the zeros in place of b"),
    (r"hardswish\.x: 3\.0 -> ", "the slope is 0 there already; the mask is for inf · 0"),
    (r"overwritten\.base: g -> _detached", "in the part that is overwritten, whose gradient is 0"),
]


def reason(key: str) -> str | None:
    """Why this fault is none; None if it is one."""
    return next((why for pattern, why in EQUIVALENT if re.match(pattern, key)), None)
