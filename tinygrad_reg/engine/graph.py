"""The walk back through the graph: `backward` into leaves, and `grad` towards chosen tensors.

Nodes are visited in the reverse order of their creation, which is a topological order, without recursion. The same rules
run in two modes: on arrays (fast), or on tensors, so that the walk is itself recorded (`create_graph`) or traced.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from heapq import heappop, heappush
from math import isfinite
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ArgumentError, ArgumentTypeError, DtypeError, GradientError, InplaceError, ShapeError
from .broadcasting import sum_to
from .lending import fingerprint, lent_out
from .lines import blame
from .mutation import Array, writes
from .node import FREED, Extras, Leaf, Node, Value, wrap
from .plain import SMALL, is_finite, vdot
from .primitive import SETTINGS, SILENCE, Parts, apart, output_of, outputs_of
from .state import Tracer, state, switched
from .strong_zero import strong_zero
from .watch import watch, writer_of

if TYPE_CHECKING:
    from ..tensor import Tensor

_INDEX = attrgetter("index")
_ndarray = np.ndarray
FEW = 1024  # elements that are copied faster than NumPy works once on an expanded or transposed view of them
Lift = Callable[[Node], Any]


def ancestors(roots: Iterable[Node]) -> list[Node]:
    """All nodes that the roots depend on, and the roots, children before parents."""
    seen = set(roots)
    stack = list(seen)
    while stack:
        for parent in stack.pop().parents:
            if parent is not None and parent not in seen:
                seen.add(parent)
                stack.append(parent)
    return sorted(seen, key=_INDEX, reverse=True)


def leading_to(order: list[Node], targets: Iterable[Node]) -> set[Node]:
    """Those nodes of `order` (children first) from which some target can be reached, and the targets."""
    useful = set(targets)
    for node in reversed(order):
        if any(parent in useful for parent in node.parents):
            useful.add(node)
    return useful


def check_usable(node: Node) -> None:
    """Raise if the node's saved values are gone or were overwritten, or if a leaf has taken another shape since it was recorded."""
    if node.saved is FREED:
        raise GradientError(
            f"backward: the values that {node.name()} saved are already freed: this graph has been walked before. "
            "Say retain_graph=True in the first call, or compute the result again"
        )
    if node.index < Leaf.latest_change:
        _check_leaves(node)
    for value in node.values():
        for array in value if isinstance(value, tuple) else (value,):  # a tuple: `out` of a call with several results
            if isinstance(array, np.ndarray):
                _check_unwritten(node, array)


def _check_leaves(node: Node) -> None:
    for parent in node.parents:
        if isinstance(parent, Leaf) and parent.index > node.index:
            raise GradientError(
                f"backward: a tensor that {node.name()} was given has had its data replaced by one of shape {parent.shape} afterwards, "
                "so its gradient would not fit. Compute the result again, or replace the data before"
            )


def _check_unwritten(node: Node, array: Array) -> None:
    if writes.after(array, node.index):
        raise _overwritten(node, array, *_IN_PLACE, writes.line(array))
    loan = lent_out(array, node.index)
    if loan is not None:
        raise _overwritten(node, array, *_THROUGH_NUMPY, writer_of(loan))


_IN_PLACE = ("by an in-place operation", "Use the out-of-place operation, or change a .clone()")
_THROUGH_NUMPY = (
    "through NumPy, which shares its memory (from_numpy, .numpy()),",
    "Change the array before the forward pass or after backward, or share a copy",
)


def _overwritten(node: Node, array: Array, how: str, remedy: str, writer: str | None) -> InplaceError:
    origin = node.extras.origin if node.extras is not None else None
    return InplaceError(
        f"backward: {node.name()} saved an array of shape {tuple(array.shape)} that was modified {how} afterwards, "
        f"so its gradient would be wrong. {remedy}{blame(origin, writer)}"
    )


def sweep(
    seeds: dict[Node, Any], targets: set[Node] | None, useful: set[Node] | None, lift: Lift | None, keep: bool, ends: bool, anomaly: bool
) -> dict[Node, Any]:
    """Send the seeds back through the graph; return the complete cotangent of every target (None: of every leaf).

    Children before parents: of the nodes that have received something, the one created last is next; leaves, which send nothing on,
    are looked at in the end.
    Edges out of `useful` are not followed. `lift` turns a node's saved arrays into tensors (None: work on arrays).
    Unless `keep`, saved arrays are freed on the way. With `ends`, the walk ends at the targets: what reaches them is part of another
    walk's cotangent, so neither are their hooks called nor are the nodes behind them visited. Without, a target from which no other one is
    reached sends nothing on either, and keeps what it has saved for walks that do go on from there.
    A cotangent whose node is in `shared` may be held by somebody else too, so it is never added to in place: a part is ours alone if it
    is neither the g it was made of nor a view.
    """
    pending = seeds
    shared = set(seeds)
    arrived: dict[Node, Any] = {}
    raw = lift is None
    checks_nan = anomaly and state.anomaly_checks_nan
    heap: list[tuple[int, Node]] = []
    for node in seeds:
        if node.plan is not None:  # leaves come last
            heappush(heap, (-node.index, node))
    while heap:
        node = heappop(heap)[1]
        g = pending.pop(node)
        wanted = targets is not None and node in targets
        if node.extras is not None and type(g) is not Parts and not (ends and wanted):
            g = _observe(node, _owned(g) if node in shared else g)
            shared.add(node)  # a hook may have kept it
        if wanted:
            arrived[node] = _owned(g) if node in shared else g
            if ends or (useful is not None and useful.isdisjoint(node.parents)):
                continue
        plan: Any = node.plan
        saved = node.saved
        if saved is FREED or node.index < writes.latest:
            check_usable(node)
        if anomaly and node.prints is not None:
            watch.look()
        values = saved
        if lift is not None:
            saved = lift(node)
        if not keep and plan.arrays:  # shapes alone may stay, for a second walk
            node.saved = FREED
        if type(g) is Parts:
            g = g.whole()
        common: dict[str, Any] | None = {} if plan.shares else None
        for position, send, guarded in plan.edges:
            parent: Any = node.first if position == 0 else node.second if position == 1 else node.others[position - 2]
            if useful is not None and parent not in useful:
                continue
            part = send(g, saved, node.params, common)
            if guarded and not (raw and (isfinite(vdot(part, part)) if part.size <= SMALL else is_finite(part))):
                part = strong_zero(part, g)
            if part is None:  # a Function of the user's says so
                continue
            if part.shape != parent.shape:
                part = sum_to.forward(part, shape=parent.shape) if raw else sum_to.bind(part, shape=parent.shape)
            if parent not in pending:
                pending[parent] = part
                if parent.plan is not None:
                    heappush(heap, (-parent.index, parent))
                memory: Any = part if raw else getattr(part, "array", part)
                if part is g or memory.base is not None:
                    shared.add(parent)
            elif raw and parent.shape and parent not in shared:
                pending[parent] += part
            else:
                pending[parent] = pending[parent] + part
                shared.discard(parent)
        if checks_nan:
            _refuse_nan(node, pending)
        if node.prints is not None:  # after the rules, which have brought the values into the cache
            for slot, before in node.prints:
                array = values if plan.slots == 1 else values[slot]
                if fingerprint(array) != before:
                    raise _overwritten(node, array, *_THROUGH_NUMPY, node.writer)
    for leaf, g in pending.items():  # all have received everything
        wanted = targets is None or leaf in targets
        if leaf.extras is not None and not (ends and wanted):
            g = _observe(leaf, _owned(g) if leaf in shared else g)
            shared.add(leaf)
        if wanted:
            arrived[leaf] = _owned(g) if leaf in shared else g
    return arrived


def _owned(g: Any) -> Any:
    """A copy that nobody else holds."""
    held: Any = g
    return held.clone() if isinstance(g, Value) else held.copy()


def lifted(node: Node) -> Any:
    """A node's saved values as tensors, connected to the graph they came from."""
    saved = list(node.values())
    assert node.plan is not None
    made_by = (*node.parents, node)
    common = node
    for slot, position in enumerate(node.plan.arrays):
        value, result = saved[slot], position - node.plan.arguments - 1
        if result == 0 and node.plan.first:
            saved[slot] = wrap(Value.result_class, value, node)
        elif result >= 0:
            if node.plan.first and common is node:
                common = apart(node, value.dtype)
            saved[slot] = output_of(common, result, value)
        elif isinstance(value, np.ndarray):
            saved[slot] = wrap(Value.result_class, value, made_by[position])
        elif isinstance(value, tuple) and position == node.plan.arguments:
            saved[slot] = outputs_of(node, value)
    return saved[0] if len(saved) == 1 else saved


def _observe(node: Node, g: Any) -> Any:
    """Run a node's hooks on its complete cotangent and keep it where `retain_grad` asked for it."""
    extras = node.extras
    assert extras is not None
    tensor = g if isinstance(g, Value) else wrap(Value.result_class, np.asarray(g))
    for hook in tuple(extras.hooks.values()):
        replacement = hook(tensor)
        if replacement is not None:
            is_tensor = isinstance(replacement, Value)
            if not is_tensor or not _fits(replacement.array, tensor.array):
                wanted = f"shape {tensor.array.shape} and dtype {tensor.array.dtype}"
                error = GradientError if is_tensor else ArgumentTypeError
                raise error(f"hook: must return None or a tensor of the gradient's {wanted}, got {replacement!r}")
            tensor = replacement
    if extras.retains:
        keep_grad(extras, _owned(tensor))
    return tensor if isinstance(g, Value) else tensor.array


def _refuse_nan(node: Node, pending: dict[Node, Any]) -> None:
    """Raise if there is a nan in what the parents have received: asked after every node, so this node has made it."""
    for position, parent in enumerate(node.parents):
        g = pending.get(parent) if parent is not None else None
        parts = g.parts.values() if type(g) is Parts else () if g is None else (g,)
        if any(np.isnan(getattr(part, "array", part)).any() for part in parts):
            origin = node.extras.origin if node.extras is not None else None
            line = origin or "a line that ran outside of anomaly mode"
            raise GradientError(f"backward: {node.name()} returned nan values in its {position}th output\n  recorded at {line}")


def _fits(a: Array, b: Array) -> bool:
    return bool(a.shape == b.shape and a.dtype == b.dtype)


def keep_grad(extras: Extras, gradient: Any) -> None:
    """Add a cotangent to the `.grad` of a tensor that is not a leaf."""
    tensor = gradient if isinstance(gradient, Value) else wrap(Value.result_class, np.asarray(gradient))
    extras.grad = tensor if extras.grad is None else extras.grad + tensor  # type: ignore[assignment]


def seed_for(root: Value, gradient: Value | None, what: str) -> Array:
    """The cotangent to start from: the one given, or 1 for a result with one element."""
    array = root.array
    if gradient is None:
        if array.size != 1:
            raise GradientError(
                f"{what}: a gradient can be created implicitly only for a result with one element, this one has shape "
                f"{array.shape}; reduce it (for example .sum()) or pass a gradient of that shape"
            )
        return np.ones(array.shape, array.dtype)
    given = gradient.array
    if given.shape != array.shape:
        raise ShapeError(f"{what}: the gradient has shape {given.shape}, the result {array.shape}; they must be the same")
    if given.dtype is not array.dtype and given.dtype != array.dtype:
        if gradient.node is not None:
            raise DtypeError(f"{what}: the gradient is {given.dtype}, the result {array.dtype}; convert it with .to(dtype)")
        return given.astype(array.dtype)
    return given.copy() if given.size <= FEW and not given.flags.c_contiguous else given


def run(
    roots: Sequence[Value],
    gradients: Sequence[Value | None],
    targets: set[Node] | None,
    what: str,
    create_graph: bool,
    retain_graph: bool,
    ends: bool = False,
) -> dict[Node, Any]:
    """Differentiate the roots; the cotangents of the targets (None: of all leaves), as arrays or, recording, as tensors.

    With `ends`, the partial ones: the targets count as independent of each other, see `sweep`.
    """
    if not (isinstance(create_graph, int) and isinstance(retain_graph, int)):
        name, flag = ("retain_graph", retain_graph) if isinstance(create_graph, int) else ("create_graph", create_graph)
        raise ArgumentTypeError(f"{what}: {name} must be True or False, got {type(flag).__name__}")
    mine = vars(state)
    tracer = mine["tracer"]
    as_tensors = create_graph or tracer is not None
    seeds: dict[Node, Any] = {}
    for i, root in enumerate(roots):
        gradient, node = gradients[i], root.node
        if node is None:
            raise GradientError(
                f"{what}: element {i} of tensors does not require grad and does not have a grad_fn; make one of its inputs "
                "with requires_grad=True, and compute it outside of no_grad"
            )
        seed: Any = seed_for(root, gradient, what)
        if as_tensors:
            seed = wrap(Value.result_class, seed, gradient.node if create_graph and gradient is not None else None)
            if tracer is not None:
                if gradient is not None and seed.array is not gradient.array:
                    tracer.unrepeatable("the gradient passed has another dtype than the result")
                seed = seed.clone()  # told apart from what the user passed
                tracer.seed(seed)
        seeds[node] = seeds[node] + seed if node in seeds else seed
    useful = None
    if targets is not None and not ends:
        useful = leading_to(ancestors(seeds), targets)
        seeds = {node: seed for node, seed in seeds.items() if node in useful}
    lift = lifted if as_tensors else None
    settings = SETTINGS.set(SILENCE)
    before, recording = mine["grad_enabled"], mine["recording"]  # by hand: `switched` would cost as much as a small op
    mine["grad_enabled"] = create_graph
    if recording is not None:
        mine["recording"] = create_graph
    try:
        return sweep(seeds, targets, useful, lift, retain_graph, ends, mine["anomaly"])
    finally:
        SETTINGS.reset(settings)
        mine["grad_enabled"], mine["recording"] = before, recording


def accumulate(leaf: Leaf, gradient: Any, create_graph: bool) -> None:
    """Add a cotangent to the leaf's `.grad`: into the same memory, unless the sum itself must be recorded."""
    tensor: Any = gradient
    if type(gradient) is _ndarray:
        tensor = wrap(Value.result_class, gradient)
    elif not isinstance(gradient, Value):
        tensor = wrap(Value.result_class, np.asarray(gradient))
    held = leaf.grad
    if state.tracer is not None:
        _traced_accumulate(state.tracer, leaf, tensor, create_graph)
    elif held is None:
        leaf.grad = tensor
    elif create_graph:
        with switched(grad_enabled=True):
            leaf.grad = held + tensor
    else:
        np.add(held.array, tensor.array, out=held.array)
        writes.note(held.array)
    if leaf.after_hooks:
        for hook in tuple(leaf.after_hooks.values()):
            hook()


def _traced_accumulate(tracer: Tracer, leaf: Leaf, tensor: Any, create_graph: bool) -> None:
    """The same, told to the tracer; a gradient that two leaves share is copied, so that each has memory of its own."""
    tracer.read_grad(leaf)
    held: Any = leaf.grad
    with switched(grad_enabled=create_graph):
        total = tensor.clone() if held is None else held + tensor
    if held is None or create_graph or held.node is not None:
        leaf.grad = total
        tracer.set_grad(leaf)
    else:
        tracer.write(held, total)
        np.copyto(held.array, total.array)
        writes.note(held.array)


def backward(
    roots: Sequence[Value],
    gradients: Sequence[Value | None],
    inputs: Any,
    create_graph: bool,
    retain_graph: bool | None,
) -> None:
    """Add the gradients of the roots to the `.grad` of the leaves they depend on, or of `inputs` alone, which may be no leaves.

    Raises GradientError if a root needs no gradient, the graph is already freed, or a saved value was overwritten.
    """
    targets = None if inputs is None else {_node_of(x, "backward") for x in as_inputs(inputs, "backward")}
    keep = create_graph if retain_graph is None else retain_graph
    arrived = run(roots, gradients, targets, "backward", create_graph, keep)
    for node, gradient in arrived.items():
        if isinstance(node, Leaf):
            accumulate(node, gradient, create_graph)
        elif not node.with_extras().retains:  # else `sweep` has kept it
            keep_grad(node.with_extras(), gradient)
    for node in targets or ():
        if not isinstance(node, Leaf):
            node.with_extras().retains = True  # it keeps what later walks bring, too, as in PyTorch


def as_inputs(given: Any, what: str) -> list[Any]:
    """What to differentiate with respect to: a tensor, several, or a dict of them. Raises if there are none."""
    if isinstance(given, Value):
        return [given]
    if not isinstance(given, Iterable):
        raise ArgumentTypeError(f"{what}: inputs must be a tensor or several, got {type(given).__name__}")
    made = list(given.values() if isinstance(given, dict) else given)
    if not made:
        raise ArgumentError(f"{what}: inputs is empty; name the tensors to differentiate with respect to")
    return made


def _node_of(x: Value, what: str) -> Node:
    if not isinstance(x, Value):
        raise ArgumentTypeError(f"{what}: inputs must be tensors, got {type(x).__name__}")
    if x.node is None:
        raise GradientError(f"{what}: one of the inputs does not require grad; call .requires_grad_() on it before the computation")
    return x.node


def grad(
    outputs: Sequence[Value],
    inputs: Sequence[Value],
    grad_outputs: Sequence[Value | None],
    *,
    create_graph: bool = False,
    retain_graph: bool | None = None,
    allow_unused: bool = False,
) -> list[Tensor | None]:
    """The gradients of the sum of `outputs` (weighted by `grad_outputs`) with respect to each input; `.grad` is not touched.

    Raises GradientError if an input is not part of the graph, unless `allow_unused`, which gives None for it.
    """
    nodes = [_node_of(x, "grad") for x in inputs]
    keep = create_graph if retain_graph is None else retain_graph
    arrived = run(outputs, grad_outputs, set(nodes), "grad", create_graph, keep)
    if not allow_unused and (unused := [i for i, node in enumerate(nodes) if node not in arrived]):
        raise GradientError(
            f"grad: input {unused[0]} of {len(nodes)} appears not to have been used in the graph; set allow_unused=True to get None for it"
        )
    found = [arrived.get(node) for node in nodes]
    return [g if g is None or isinstance(g, Value) else wrap(Value.result_class, np.asarray(g)) for g in found]  # type: ignore[misc]
