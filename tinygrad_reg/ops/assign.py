"""In-place changes: the array is overwritten, and the graph is told what the tensor, and every view of it, now holds.

An in-place operation is the out-of-place one followed by `assign`. Written through a view, the new value becomes part of
the history of the tensor behind it, and all other views are given new nodes, so that each sees the change in its gradient.
What a graph has saved before the write is caught at backward, by the stamp that every write leaves.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from ..engine.mutation import Array, owner, writes
from ..engine.node import FREED, Leaf, Node, Value, array_of, wrap
from ..engine.plain import copy_of
from ..engine.primitive import OUTPUT, Primitive, layout_of, make_node, output, output_of, primitive
from ..engine.refusal import shown, typed_errors
from ..engine.state import state
from ..engine.strong_zero import masked
from ..errors import ArgumentTypeError, DtypeError, InplaceError, ShapeError
from .indexing import getitem, index_put, plain_index, repeated_in, split_index
from .masking import masked_fill
from .pointwise import convert, number_in
from .positions import Dims, write
from .slices import select_view

if TYPE_CHECKING:
    from ..tensor import Tensor

_NUMBERS = (int, float)
_RANK = {"b": 0, "u": 1, "i": 1, "f": 2}


@primitive
def copied(x: Array, source: Array) -> Array:
    """The source, broadcast to x's shape and in its dtype: what x holds after `x.copy_(source)`."""
    out = np.empty_like(x, subok=False)
    np.copyto(out, source, casting="unsafe")
    return out


copied.vjp(x=lambda g: masked(g, True), source=lambda g: g)


def look(array: Array, view: Primitive, params: dict[str, Any]) -> Array:
    """Take the view of an array again."""
    if OUTPUT in params:
        return view.forward(array, **{k: v for k, v in params.items() if k != OUTPUT})[params[OUTPUT]]
    return view.forward(array, **params)


@primitive
def overwritten(base: Array, value: Array, *, view: Primitive, params: dict[str, Any]) -> Array:
    """A copy of base in which the part seen through `view` holds `value`."""
    out = copy_of(base, "C")  # in row-major order every view, also a reshape, is one
    look(out, view, params)[...] = value
    return out


overwritten.vjp(
    base=lambda g, view, params: overwritten.bind(g, masked(view(g, **params), True), view=view, params=params),
    value=lambda g, view, params: view(g, **params),
)


def assign(target: Any, value: Any, what: str) -> Tensor:
    """Make `target` hold `value`, in its own memory; returns target. `value` is the result of the out-of-place operation.

    Raises ShapeError or DtypeError if the value does not fit, InplaceError if a gradient could not be kept right.
    """
    array = target.array
    if value.array.shape != array.shape:
        raise ShapeError(
            f"{what}: the result has shape {value.array.shape}, the tensor to change {array.shape}; an in-place operation "
            "cannot change the shape, use the out-of-place one"
        )
    if _RANK[value.array.dtype.kind] > _RANK[array.dtype.kind]:
        raise DtypeError(
            f"{what}: a result of dtype {value.array.dtype} cannot be written into a tensor of dtype {array.dtype}; "
            "convert the tensor first, or use the out-of-place operation"
        )
    value = convert(value, array.dtype)
    if value.node is None and is_free(target):
        _write(array, value.array, what)
        return target  # type: ignore[no-any-return]
    if value.node is None and target.node is not None and state.grad_enabled:
        value = copied(target, value)  # what a constant has overwritten gets gradient 0, and stays in the graph
    check_writable(target, value, what)
    for node in (value.node, *_makers(target)):
        if node is not None:
            _rescue_saved(node, array)
    if state.tracer is not None:
        state.tracer.write(target, value)
    np.copyto(array, value.array)
    writes.note(array)
    if state.grad_enabled:
        rewrite_history(target, value)
    return target  # type: ignore[no-any-return]


def is_free(tensor: Any) -> bool:
    """Whether nothing has to be told to a graph or a tracer when a number is written into a tensor: no gradient flows to it, nor to
    what it is a view of, and if one did, none is recorded now."""
    if state.tracer is not None:
        return False
    records = state.grad_enabled
    while True:
        node = tensor.node
        if node is not None and (records or node.plan is not None):
            return False
        if tensor.view_of is None:
            return True
        tensor = tensor.view_of[0]


def _write(array: Array, value: Array, what: str) -> None:
    """Let the memory of a tensor that is free hold an array that broadcasts to it, and nothing more."""
    check_memory(array, what)
    array[...] = value
    writes.note(array)


def _put_into(target: Any, source: Any, what: str) -> Tensor:
    """Make `target` hold the source, broadcast, in its own memory; returns target."""
    if source.node is None and is_free(target):
        _write(target.array, source.array, what)
        return target  # type: ignore[no-any-return]
    return assign(target, copied(target, source), what)


def _makers(target: Value) -> Iterator[Node]:
    """The calls that made a tensor, or what it is a view of, and whose result may change although they have saved it."""
    for tensor in (target, *[parent for _, parent, _, _ in lineage(target)]):
        node = tensor.node
        if node is not None and node.plan is not None and node.primitive is output:
            node = node.first
        if node is not None and node.plan is not None and node.primitive.result_may_change and node.saved is not FREED:
            yield node


def _rescue_saved(node: Node, array: Array) -> None:
    """Copy what an operation has saved of the memory that is about to be overwritten: `x.sin_()` needs cos of the old x."""
    memory = owner(array)
    saved = tuple([tuple([_copy(a, memory) for a in x]) if isinstance(x, tuple) else _copy(x, memory) for x in node.values()])
    node.saved = saved[0] if len(saved) == 1 else saved


def _copy(array: Any, memory: Any) -> Any:
    """What is saved; a copy of it if it lies in this memory."""
    if not isinstance(array, np.ndarray) or owner(array) is not memory:
        return array
    made = array.copy(order="K")
    if state.tracer is not None:
        state.tracer.record(copied, (array, array), {}, made)
    return made


def lineage(tensor: Value) -> Iterator[tuple[Value, Value, Primitive, dict[str, Any]]]:
    """From a view up to the tensor that owns the memory: (view, its parent, and the call between them)."""
    while tensor.view_of is not None:
        parent, view, params = tensor.view_of
        yield tensor, parent, view, params
        tensor = parent


def check_memory(array: Array, what: str) -> None:
    """Raise InplaceError if this memory cannot be written."""
    if _overlaps(array):
        raise InplaceError(f"{what}: several elements of this tensor are one place in memory (it was expanded); .clone() it before writing")
    if not array.flags.writeable:
        raise InplaceError(
            f"{what}: this memory is read-only (part of an expanded tensor, or of an array that is); .clone() it before writing"
        )


def check_writable(target: Value, value: Value, what: str) -> None:
    """Raise InplaceError if `target` cannot become `value` in place: its memory, or gradients that could not follow."""
    check_memory(target.array, what)
    if not state.grad_enabled:
        return
    if isinstance(target.node, Leaf):
        raise InplaceError(
            f"{what}: a leaf tensor that requires grad cannot be changed in place while gradients are recorded; "
            "do it inside `with tg.no_grad():`, or use the out-of-place operation"
        )
    for view, parent, _, params in lineage(target):
        if isinstance(parent.node, Leaf):
            raise InplaceError(
                f"{what}: this is a view of a leaf tensor that requires grad, which cannot be changed in place while "
                "gradients are recorded; do it inside `with tg.no_grad():`, or on a .clone()"
            )
        if parent.node is not None and view.node is None:
            raise InplaceError(f"{what}: this view was made inside no_grad and is changed outside of it; make it again, outside")
        if OUTPUT in params and (value.node is not None or parent.node is not None):
            raise InplaceError(
                f"{what}: this is one of several views made by one call (split, chunk, unbind), whose gradient cannot follow "
                "an in-place change; index the tensor instead, or .clone() the part"
            )


def _overlaps(array: Array) -> bool:
    """Whether several elements are one place in memory."""
    if array.base is None or 0 not in array.strides or array.size < 2:
        return False
    return any(s == 0 and n > 1 for s, n in zip(array.strides, array.shape, strict=True))


def rewrite_history(target: Value, value: Value) -> None:
    """Give target, the tensors it is a view of, and all their views the nodes that stand for what they hold now."""
    node = value.node
    root = target
    for view, parent, call, params in lineage(target):
        if node is not None or parent.node is not None:
            node = _overwriting(parent, view, node, call, params)
        root = parent
    _move_node(root, node)
    _refresh(root)


def _move_node(tensor: Value, node: Node | None) -> None:
    """Let a tensor stand at another node; `retain_grad` means the present value, so it comes along, and so does what was kept."""
    before, tensor.node = tensor.node, node
    if before is not None and before.extras is not None and before.extras.retains and node is not None:
        before.extras.retains = False
        extras = node.with_extras()
        extras.retains, extras.grad, before.extras.grad = True, before.extras.grad, None


def _overwriting(parent: Value, view: Value, node: Node | None, call: Primitive, params: dict[str, Any]) -> Node | None:
    """The node of `parent` after its part seen through `call` became the result of `node`."""
    fresh = Value()
    fresh.array = parent.array
    overwritten.record(fresh, (parent.array, view.array), (parent.node, node), {"view": call, "params": params})
    return fresh.node


def _refresh(tensor: Value) -> None:
    """Give all live views of a tensor nodes that hang on its present one."""
    stack = [tensor]
    while stack:
        parent = stack.pop()
        for ref in parent.views or ():
            view = ref()
            if view is None or view.view_of is None or view.view_of[0] is not parent:
                continue
            _, call, params = view.view_of
            before, view.node = view.node, None
            if parent.node is not None and OUTPUT in params:
                view.node = _one_of_several(parent, call, params)
            elif parent.node is not None:
                call.record(view, (parent.array,), (parent.node,), params)
            made, view.node = view.node, before
            _move_node(view, made)
            stack.append(view)


def _one_of_several(parent: Value, call: Primitive, params: dict[str, Any]) -> Node | None:
    """A new node for one of the views that one call made of `parent`."""
    static = {name: value for name, value in params.items() if name != OUTPUT}
    arrays = call.forward(parent.array, **static)
    plan = call.plan((True,))
    assert plan is not None
    common = make_node(call, plan, (parent.array, arrays), static, layout_of(arrays), parent.node)
    position: int = params[OUTPUT]
    return output_of(common, position, arrays[position]).node


def become(target: Any, view: Callable[[Any], Any], what: str) -> Tensor:
    """Let `target` itself be a view of what it is now: `x.t_()`; returns target. Raises InplaceError for a leaf that requires grad."""
    if state.grad_enabled and isinstance(target.node, Leaf):
        raise InplaceError(f"{what}: a leaf tensor that requires grad cannot be changed in place; use {what[:-1]}, or do it inside no_grad")
    if state.tracer is not None:
        state.tracer.unrepeatable(f"{what} changes the shape of a tensor in place")
    before = wrap(Value.result_class, target.array, target.node)
    before.view_of, before.views = target.view_of, target.views
    for other in [ref() for ref in before.views or ()]:
        if other is not None and other.view_of is not None and other.view_of[0] is target:
            other.view_of = (before, *other.view_of[1:])
    if before.view_of is not None:
        before.view_of[0].views.append(weakref.ref(before))  # type: ignore[union-attr]
    after = view(before)
    target.array, target.view_of, target.views = after.array, after.view_of, None
    if isinstance(target.node, Leaf):
        target.node.become(after.array)
    else:
        target.node = after.node
    if after.view_of is not None:
        before.views.append(weakref.ref(target))
    return target  # type: ignore[no-any-return]


@typed_errors
def copy_(target: Any, source: Any) -> Tensor:
    """Write the source, broadcast and converted, into the tensor's memory."""
    if isinstance(source, Value) and source.array.ndim > target.array.ndim:
        raise ShapeError(
            f"copy_: the source must not have more dimensions than the tensor, got {source.array.shape} and {target.array.shape}"
        )
    return _put_into(target, _source_for(target.array, source), "copy_")


@typed_errors
def fill_(target: Any, value: Any) -> Tensor:
    """Write one value (a number or a 0-d tensor) everywhere."""
    if isinstance(value, Value) and value.array.ndim:
        raise ShapeError(f"fill_: the value must be a number or a 0-d tensor, got shape {value.array.shape}; use copy_")
    return _put_into(target, _source_for(target.array, value), "fill_")


@typed_errors
def fill_diagonal_(target: Any, fill_value: Any, wrap: bool = False) -> Tensor:
    """Write one value where all indices are equal; with `wrap`, in a tall matrix also below its square part, one row apart.

    Raises ShapeError for less than two dimensions, and for more than two of different sizes.
    """
    shape = target.array.shape
    if len(shape) < 2 or (len(shape) > 2 and len(set(shape)) > 1):
        raise ShapeError(f"fill_diagonal_: needs a matrix, or more dimensions that are of one size, got shape {shape}")
    mask: Any = np.zeros(shape, np.bool_)
    if mask.size:
        np.fill_diagonal(mask, True, wrap)
    return assign(target, masked_fill(target, mask, _source_for(target.array, fill_value)), "fill_diagonal_")


def _source_for(place: Array, source: Any) -> Any:
    """What is written into a place, as a tensor of its dtype that broadcasts to it."""
    source = _as_source(source, place.dtype)
    given, wanted = source.array.shape, place.shape
    if not given or given == wanted:
        return source
    lead = max(len(given) - len(wanted), 0)  # as NumPy and PyTorch do, extra leading dimensions of size 1 are dropped
    if any(n != 1 for n in given[:lead]) or not _broadcasts(given[lead:], wanted):
        raise ShapeError(f"a value of shape {given} does not broadcast into {wanted}, the shape of the place to write to")
    return source.reshape(given[lead:]) if lead else source


def _as_source(source: Any, dtype: np.dtype[Any]) -> Any:
    """A number, array or tensor as a tensor of this dtype."""
    if isinstance(source, _NUMBERS):
        return wrap(Value.result_class, number_in(source, dtype, "writing a number"))
    if not isinstance(source, Value):
        if isinstance(source, (str, bytes)):
            raise ArgumentTypeError(f"a value to write must be a number, a tensor or a regular array, got {shown(source)}")
        try:
            source = wrap(Value.result_class, np.asarray(source))
        except (ValueError, OverflowError):
            raise ArgumentTypeError(f"a value to write must be a number, a tensor or a regular array, got {shown(source)}") from None
    if source.array.dtype.kind not in _RANK:
        raise DtypeError(f"a value of dtype {source.array.dtype} cannot be written into a tensor")
    return convert(source, dtype)


def _broadcasts(given: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    return all(a in (1, b) for a, b in zip(reversed(given), reversed(wanted), strict=False))


def setitem(target: Any, index: Any, value: Any) -> None:
    """target[index] = value, for every index that reads; the value broadcasts to what the index selects."""
    shape = target.array.shape
    view = plain_index(index, shape)
    if not view:
        template, arrays, basic = split_index(index, shape)
        if not basic:
            if not _written_directly(target, template, arrays, value):
                source = _source_for(getitem(target.detach(), index).array, value)
                assign(target, index_put(target, index, source), "__setitem__")
            return
        view = template[0]
    if not (isinstance(value, Value) and value.view_of is not None) and is_free(target):  # a view: after `x[i] += v` it may be x[i] itself
        array = select_view.forward(target.array, index=view)
        source = _source_for(array, value)
        if source.node is None:
            _write(array, source.array, "__setitem__")
            return
    part = select_view.bind(target, index=view)
    if not (isinstance(value, Value) and _is_same(value, part)):
        _put_into(part, _source_for(part.array, value), "__setitem__")


def _written_directly(target: Any, template: tuple[tuple[Any, ...], Dims], arrays: list[Any], value: Any) -> bool:
    """Write where arrays say, if the tensor is free, and in row-major order there; else, or if something does not fit, write nothing."""
    view, dims = template
    array = select_view.forward(target.array, index=view) if view else target.array
    if not (array.flags.c_contiguous and is_free(target)):
        return False
    source = _as_source(value, array.dtype)
    if source.node is not None:
        return False
    check_memory(array, "__setitem__")
    try:
        write(array, source.array, [array_of(x) for x in arrays], dims, repeated_in(arrays, "last"))
    except (IndexError, ValueError):
        return False
    writes.note(array)
    return True


def _is_same(a: Value, b: Value) -> bool:
    """Whether both are the same view of the same tensor: after `x[i] += v` Python assigns x[i] to itself."""
    x, y = a.array, b.array
    if _root(a) is not _root(b) or x.shape != y.shape or x.strides != y.strides or x.dtype != y.dtype:
        return False
    return (a.node is None) == (b.node is None) and bool(x.ctypes.data == y.ctypes.data)


def _root(tensor: Value) -> Value:
    """The tensor that this is, directly or not, a view of; itself if it is none."""
    while tensor.view_of is not None:
        tensor = tensor.view_of[0]
    return tensor
