"""Parameter and Buffer: tensors that a module owns; an optimizer changes the first."""

from __future__ import annotations

from typing import Any

from ..engine.node import wrap
from ..engine.refusal import no_tensor, typed_errors
from ..tensor import Tensor


class Parameter(Tensor):
    """A tensor that registers itself when it becomes an attribute of a Module. It shares the memory of `data`.

    Results of operations on it are plain tensors.

    >>> tg.nn.Parameter(tg.zeros(2))
    Parameter containing:
    tensor([0., 0.], requires_grad=True)
    """

    @typed_errors
    def __init__(self, data: Tensor | None = None, requires_grad: bool = True) -> None:
        super().__init__()
        if data is not None:
            if not isinstance(data, Tensor):
                raise no_tensor("Parameter: expected a tensor", data)
            self.array = data.array
        if requires_grad:
            self.requires_grad_()

    def __repr__(self) -> str:
        return "Parameter containing:\n" + super().__repr__()

    def __deepcopy__(self, memo: dict[int, Any]) -> Parameter:
        """A copy of the values, without the gradient."""
        if id(self) not in memo:
            memo[id(self)] = wrap(type(self), self.array.copy()).requires_grad_(self.requires_grad)
        copied: Parameter = memo[id(self)]
        return copied


class Buffer(Tensor):
    """A tensor that registers itself as a buffer when it becomes an attribute of a Module. It shares the memory of `data`.

    It is in the module's state_dict if `persistent`. Results of operations on it are plain tensors.

    >>> class Count(tg.nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.seen = tg.nn.Buffer(tg.zeros(1))
    >>> Count().state_dict()["seen"]
    tensor([0.])
    """

    @typed_errors
    def __init__(self, data: Tensor | None = None, *, persistent: bool = True) -> None:
        super().__init__()
        if data is not None:
            if not isinstance(data, Tensor):
                raise no_tensor("Buffer: expected a tensor", data)
            self.array = data.array
            self.requires_grad_(data.requires_grad)
        self.persistent = persistent
