"""Primitives whose result shares memory with their argument, as in PyTorch: in-place changes follow it through them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .mutation import Array
from .node import Value, new
from .primitive import NEEDED, Primitive, make_node
from .state import state

if TYPE_CHECKING:
    from ..tensor import Tensor


class View(Primitive):
    """A primitive of one array whose result usually shares its memory: a call as short as Python allows."""

    analytic = True

    def __init__(self, forward: Any, *, name: str | None = None) -> None:
        super().__init__(forward, name=name, view=True)

    def bind(self, x: Any, **params: Any) -> Tensor:
        """Take the view of a tensor, or of an array."""
        if not isinstance(x, Value):
            return (self.call or self.caller(1))(x, params)  # type: ignore[no-any-return]
        recording = state.recording
        if recording is None:
            return super().bind(x, **params)
        result = new(x.result_class)
        result.array = out = (self.call or self.caller(1))(x.array, params)
        parent = x.node
        if recording and parent is not None:
            plan = self.plan(NEEDED)
            if plan is not None:
                result.node = make_node(self, plan, (x.array, out), params, out.shape, parent)
        result.link_view(x, self, params)
        return result


def viewing(name: str) -> Callable[[Callable[..., Array]], View]:
    """Make a `View` of this name of a function on one array."""
    return lambda forward: View(forward, name=name)
