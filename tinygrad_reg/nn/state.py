"""Loading a state: what can be wrong with it, in words; and putting one value in its place."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..engine.node import wrap
from ..engine.state import no_grad
from ..tensor import Tensor
from .parameter import Parameter


class IncompatibleKeys(NamedTuple):
    """What `load_state_dict` found different: names the module has and the state lacks, and the other way round."""

    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return f"IncompatibleKeys(missing_keys={self.missing_keys}, unexpected_keys={self.unexpected_keys})"

    def lines(self) -> list[str]:
        """The lines of an error about these keys."""
        kinds = (("Missing", self.missing_keys), ("Unexpected", self.unexpected_keys))
        return [f"{kind} key(s) in state_dict: " + ", ".join(f'"{k}"' for k in keys) + ". " for kind, keys in kinds if keys]


def misfit(key: str, own: Tensor, value: Any) -> str | None:
    """Why `value` cannot be loaded into `own`; None if it can."""
    if not isinstance(value, Tensor | np.ndarray):
        return f'While copying the parameter named "{key}", expected a tensor or an array from the state_dict but received {type(value)}'
    if tuple(value.shape) != own.shape:
        return (
            f"size mismatch for {key}: copying a param with shape {tuple(value.shape)} from checkpoint, "
            f"the shape in current model is {own.shape}."
        )
    return None


def load(members: dict[str, Any], name: str, value: Any, assign: bool) -> None:
    """Copy a value into the parameter or buffer of this name; with `assign`, put it in the place of that."""
    own = members[name]
    tensor = value if isinstance(value, Tensor) else wrap(Tensor, value)
    if not assign:
        with no_grad():
            own.copy_(tensor)
    elif isinstance(own, Parameter):
        made = tensor if isinstance(tensor, Parameter) else Parameter(tensor, own.requires_grad)
        members[name] = made.requires_grad_(own.requires_grad)
    else:
        members[name] = tensor
