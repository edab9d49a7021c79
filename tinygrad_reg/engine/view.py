"""Primitives whose result shares memory with their argument, as in PyTorch: in-place changes follow it through them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .mutation import Array
from .node import Value
from .primitive import Primitive
from .state import state

if TYPE_CHECKING:
    from ..tensor import Tensor


class View(Primitive):
    """A primitive of one array whose result usually shares its memory: a call as short as Python allows."""

    analytic = True

    def __init__(self, forward: Any, *, name: str | None = None) -> None:
        super().__init__(forward, name=name, view=True)

    def __call__(self, x: Any, **params: Any) -> Tensor:
        """Take the view of a tensor, or of an array."""
        if not isinstance(x, Value):
            return self.forward(x, **params)  # type: ignore[no-any-return]
        if state.recording is None:
            return super().__call__(x, **params)
        return self.applied(x, self.forward(x.array, **params), params)


def viewing(name: str) -> Callable[[Callable[..., Array]], View]:
    """Make a `View` of this name of a function on one array."""
    return lambda forward: View(forward, name=name)
