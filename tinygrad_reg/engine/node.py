"""Nodes of the computation graph, and what the engine needs to know of a tensor."""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar

from ..absent import Absent
from .lending import Prints, fingerprint
from .mutation import Array, NDArray, owner, tick, writes

if TYPE_CHECKING:
    from ..tensor import Tensor
    from .plan import Plan
    from .primitive import Primitive

new = object.__new__
FREED: Any = object()  # in place of saved values that were released
_hook_ids = itertools.count().__next__


class Node:
    """One recorded call: data only, so a graph can be printed, drawn, traced, and freed without the garbage collector."""

    __slots__ = ("__weakref__", "extras", "first", "index", "others", "params", "plan", "primitive", "prints", "saved", "second", "shape")

    primitive: Primitive
    plan: Plan | None
    # The parents, one per positional argument, None where no gradient flows. Not in one tuple, nor one saved value in a tuple of its
    # own: in a long chain the garbage collector, which looks through every container, would take a third of the time.
    first: Node | None
    second: Node | None
    others: tuple[Node | None, ...]
    saved: Any  # what the rules named, see `values`; FREED once released
    prints: Prints | None  # fingerprints of the saved values that NumPy code can write to
    params: dict[str, Any]
    index: int  # creation time: parents always come before children
    shape: Any  # of the result; of several results, their layout
    extras: Extras | None

    register_hook = Absent("register it on the tensor, y.register_hook, or on a module, register_full_backward_hook")
    register_prehook = Absent("register it on the tensor: y.register_hook")

    def __repr__(self) -> str:
        return f"<{self.name()}>"

    def name(self) -> str:
        """The operation, as its primitive names nodes. One of several results is named after their call."""
        if self.primitive.name == "output" and self.first is not None:
            return self.first.name()
        return self.primitive.node_name()

    @property
    def parents(self) -> tuple[Node | None, ...]:
        """The nodes of the arguments, one per positional argument, None where no gradient flows."""
        count = self.plan.arguments if self.plan is not None else 0
        return (self.first, self.second, *self.others)[:count]

    def values(self) -> tuple[Any, ...]:
        """What the rules named of the call, in the order of the plan; nothing once it is released."""
        if self.plan is None or self.saved is FREED:
            return ()
        return (self.saved,) if self.plan.slots == 1 else self.saved

    def changed(self) -> bool:
        """Whether NumPy code has changed a saved value since the call was recorded."""
        saved = self.values()
        return any(fingerprint(saved[slot]) != before for slot, before in self.prints or () if saved)

    @property
    def writer(self) -> str | None:
        """What anomaly mode knows of the line that has changed a saved value."""
        return self.extras.writer if self.extras is not None else None

    @writer.setter
    def writer(self, line: str | None) -> None:
        self.with_extras().writer = line

    @property
    def next_functions(self) -> tuple[tuple[Node | None, int], ...]:
        """The parents, in PyTorch's layout."""
        return tuple((parent, 0) for parent in self.parents)

    def with_extras(self) -> Extras:
        """The node's extras, made on first use."""
        if self.extras is None:
            self.extras = Extras()
        return self.extras


class Leaf(Node):
    """The end of the graph: a tensor the user made with requires_grad. Its gradient collects here, so that node and tensor
    form no reference cycle."""

    __slots__ = ("after_hooks", "dtype", "grad")

    grad: Tensor | None
    after_hooks: dict[int, Callable[[], Any]] | None
    latest_change: ClassVar[int] = 0  # the time at which any of them took another shape

    def __init__(self, array: Array) -> None:
        self.plan = None
        self.first = self.second = None
        self.others = self.saved = ()
        self.prints = None
        self.params = {}
        self.index = tick()
        self.shape = array.shape
        self.dtype = array.dtype
        self.extras = None
        self.grad = None
        self.after_hooks = None

    def name(self) -> str:
        return "AccumulateGrad"

    def become(self, array: Array) -> None:
        """Stand for other memory. In another shape, calls recorded before cannot send their gradients here: the walk finds them older."""
        if array.shape != self.shape:
            self.shape = array.shape
            self.index = writes.latest = Leaf.latest_change = tick()


class Extras:
    """What few nodes have: hooks, a retained gradient, the user's lines that created the node and that overwrote what it saved."""

    def __init__(self) -> None:
        self.hooks: dict[int, Callable[[Any], Any]] = {}
        self.retains = False
        self.grad: Tensor | None = None
        self.origin: str | None = None
        self.writer: str | None = None

    def add_hook(self, hook: Callable[[Any], Any]) -> RemovableHandle:
        """Call `hook(gradient)` when the node's cotangent is complete; what it returns, if not None, takes its place."""
        return RemovableHandle(self.hooks, hook)


class RemovableHandle:
    """Returned by every function that registers a hook; `remove()` takes the hook out again. Also a context manager."""

    def __init__(self, hooks: dict[int, Any], hook: Callable[..., Any]) -> None:
        self.id = _hook_ids()
        self._hooks = hooks
        hooks[self.id] = hook

    def remove(self) -> None:
        """Take the hook out; a second call does nothing."""
        self._hooks.pop(self.id, None)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()


class Value:
    """What the engine needs to know of a tensor: its array, and the node that made it (None: no gradient flows)."""

    array: NDArray
    node: Node | None = None
    view_of: tuple[Value, Primitive, dict[str, Any]] | None = None  # the parent, and the call that made this view of it
    views: list[weakref.ref[Value]] | None = None

    result_class: ClassVar[type[Tensor]]  # what primitives return; set once, beside the class Tensor

    def link_view(self, source: Value, primitive: Primitive, params: dict[str, Any]) -> None:
        """Note that this is a view of `source`, if they do share memory, so that in-place writes reach both graphs."""
        base, memory = self.array.base, source.array
        if base is not memory and (base is None or base is not memory.base) and owner(self.array) is not owner(memory):
            return
        self.view_of = (source, primitive, params)
        views = source.views
        if views is None:
            views = source.views = []
        elif len(views) >= 8 and not len(views) & (len(views) - 1):  # prune at powers of two: amortised constant
            views[:] = [ref for ref in views if ref() is not None]
        views.append(weakref.ref(self))


def wrap(result_class: type[Tensor], array: Array, node: Node | None = None) -> Tensor:
    """A tensor around this very array."""
    result = new(result_class)
    result.array = array
    if node is not None:
        result.node = node
    return result


def array_of(x: Any) -> Any:
    """The array of a tensor; anything else as it is."""
    return x.array if isinstance(x, Value) else x


def tensors_in(nest: Any) -> Iterator[Any]:
    """The tensors in nested tuples, lists and dicts, from left to right."""
    if isinstance(nest, Value):
        yield nest
    elif isinstance(nest, (tuple, list, dict)):
        for item in nest.values() if isinstance(nest, dict) else nest:
            yield from tensors_in(item)
