"""class Tensor: an array, and the graph behind it."""

from __future__ import annotations

import copy
import math
import warnings
import weakref
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from . import interop, printing
from .absent import Absent
from .device import Device, as_device, cpu
from .dtypes import Dtype, as_dtype, is_dtype_name, of_type
from .engine import graph
from .engine.lending import lend
from .engine.mutation import Array, owner, writes
from .engine.node import Leaf, Node, RemovableHandle, Value, wrap
from .engine.plain import unset
from .engine.refusal import no_tensor, shown, typed_errors
from .engine.state import state
from .errors import ArgumentTypeError, DtypeError, GradientError, ShapeError
from .methods import Methods
from .ops.arguments import check_constant, checked_shape, normalize_dim, numpy_names
from .ops.assign import lineage, look
from .ops.pointwise import convert


class Size(tuple[int, ...]):
    """A shape: a tuple of sizes that knows the number of elements.

    >>> tg.zeros(2, 3).shape.numel()
    6
    """

    def numel(self) -> int:
        """The number of elements of a tensor of this shape."""
        return math.prod(self)

    def __getitem__(self, index: Any) -> Any:
        part = super().__getitem__(index)
        return Size(part) if isinstance(index, slice) else part

    def __add__(self, other: Any) -> Size:
        return Size(super().__add__(tuple(other)))


class Tensor(Methods):
    """An n-dimensional array that records what is done with it, so that gradients can be taken.

    `Tensor(data)` copies nested sequences as the default float dtype; `tensor(data)` infers the dtype and is the usual way.

    >>> x = tg.tensor([1.0, 2.0], requires_grad=True)
    >>> (x * x).sum().backward()
    >>> x.grad
    tensor([2., 4.])
    """

    _grad: Tensor | None = None  # of a tensor that needs no gradient; others keep it in their node

    is_cpu = True
    is_cuda = is_meta = is_mps = is_xpu = is_sparse = is_quantized = is_nested = False

    @typed_errors
    def __init__(self, *data: Any) -> None:
        self.array = interop.from_constructor(data[0] if len(data) == 1 and isinstance(data[0], Size) else data)

    # ---- what it is --------------------------------------------------------------------------------------------------

    @property
    def shape(self) -> Size:
        """Sizes of all dimensions."""
        return Size(self.array.shape)

    @property
    def ndim(self) -> int:
        """Number of dimensions."""
        return self.array.ndim

    @property
    def dtype(self) -> Dtype:
        """The dtype, a NumPy dtype."""
        return self.array.dtype

    @property
    def device(self) -> Device:
        """Always the CPU."""
        return cpu

    @property
    def itemsize(self) -> int:
        """Bytes of one element."""
        return self.array.itemsize

    @property
    def nbytes(self) -> int:
        """Bytes of all elements."""
        return self.array.nbytes

    @numpy_names
    def size(self, dim: int | None = None) -> Any:
        """The shape, or the size of one dimension."""
        return Size(self.array.shape) if dim is None else self.array.shape[normalize_dim(dim, self.array.ndim, "size")]

    def dim(self) -> int:
        """Number of dimensions."""
        return self.array.ndim

    def numel(self) -> int:
        """Number of elements."""
        return self.array.size

    nelement = numel
    ndimension = dim

    def element_size(self) -> int:
        """Bytes of one element."""
        return self.array.itemsize

    @numpy_names
    def stride(self, dim: int | None = None) -> Any:
        """Steps in elements from one entry to the next, of all dimensions or of one."""
        array = self.array if self.array.size else np.empty([max(n, 1) for n in self.array.shape], self.array.dtype)
        steps = tuple([s // array.itemsize for s in array.strides])
        return steps if dim is None else steps[dim]

    def is_contiguous(self) -> bool:
        """Whether the elements lie in memory in row-major order without gaps."""
        return self.array.flags.c_contiguous

    def data_ptr(self) -> int:
        """Address of the first element."""
        return self.array.ctypes.data

    def storage_offset(self) -> int:
        """How many elements of its memory come before the first one."""
        return (self.data_ptr() - owner(self.array).ctypes.data) // self.array.itemsize

    @property
    def _version(self) -> int:
        """How many in-place changes its memory has seen, by this tensor and those that share it; compiled steps do not count."""
        return writes.count(self.array)

    def is_floating_point(self) -> bool:
        """Whether the dtype is a float."""
        return self.array.dtype.kind == "f"

    def is_complex(self) -> bool:
        """False: there are no complex dtypes."""
        return False

    def get_device(self) -> int:
        """-1, the number that PyTorch gives to the CPU."""
        return -1

    def is_signed(self) -> bool:
        """Whether the dtype has negative numbers."""
        return self.array.dtype.kind in "if"

    def is_nonzero(self) -> bool:
        """Whether the one element is not 0. Raises ShapeError if there are more, or none."""
        return bool(self)

    @typed_errors
    def is_same_size(self, other: Tensor) -> bool:
        """Whether another tensor has this shape."""
        return self.array.shape == other.array.shape

    def __len__(self) -> int:
        if not self.array.ndim:
            raise ArgumentTypeError("len: a 0-d tensor has no length; use .numel() for the number of elements")
        return len(self.array)

    def __repr__(self) -> str:
        return printing.tensor_text(self)

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if self.array.ndim == 0 and type(self) is Tensor else object.__format__(self, spec)

    # ---- out of the graph --------------------------------------------------------------------------------------------

    def _concrete(self, what: str) -> Array:
        if state.tracer is not None:
            state.tracer.concretize(what)
        return self.array

    def item(self) -> Any:
        """The only element, as a Python number. Raises ShapeError if there are more or none."""
        array = self._concrete(".item()")
        if array.size != 1:
            raise ShapeError(
                f"item: only a tensor with one element is a number, this one has shape {array.shape}; reduce or index it first"
            )
        return array.item()

    def tolist(self) -> Any:
        """The elements as nested lists of Python numbers."""
        return self._concrete(".tolist()").tolist()

    @typed_errors
    def numpy(self, *, force: bool = False) -> Array:
        """The array itself, sharing memory. Raises GradientError while gradients are recorded for it, unless `force`."""
        array = self._concrete(".numpy()")
        if self.node is not None and state.grad_enabled and not force:
            raise GradientError("numpy: this tensor requires grad, and NumPy would lose its graph; use .detach().numpy()")
        return lend(array)

    @typed_errors
    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        array = self.numpy()
        return np.array(array, dtype=dtype, copy=copy) if dtype is not None or copy is not None else array

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        return interop.apply_ufunc(ufunc, method, inputs, kwargs)

    def __array_function__(self, function: Any, types: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return interop.apply_function(function, args, kwargs)

    @typed_errors
    def __dlpack__(self, *, stream: Any = None, max_version: Any = None, dl_device: Any = None, copy: bool | None = None) -> Any:
        return interop.export(self, stream, max_version, dl_device, copy)

    def __dlpack_device__(self) -> tuple[int, int]:
        return interop.CPU

    def __bool__(self) -> bool:
        array = self._concrete("bool() of a tensor (an `if` or `while` on its value)")
        if array.size != 1:
            raise ShapeError(f"bool: a tensor of shape {array.shape} is neither true nor false; use .any() or .all()")
        return bool(array.item())

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __index__(self) -> int:
        if self.array.dtype.kind == "f" or self.array.size != 1:
            given = f"{self.array.dtype} of shape {self.array.shape}"
            raise DtypeError(f"index: only integer tensors of one element can be an index, this one is {given}")
        return int(self.item())

    def __iter__(self) -> Iterator[Tensor]:
        if not self.array.ndim:
            raise ArgumentTypeError("iter: cannot iterate over a 0-d tensor; use .item() for its value")
        return iter(self.unbind(0))

    def __reversed__(self) -> Tensor:
        """The entries along the first dimension in reverse order."""
        return self.flip(0) if self.array.ndim else self

    def __delitem__(self, index: Any) -> None:
        raise ArgumentTypeError("del: a tensor has no elements to delete; index those that are to stay")

    @typed_errors
    def __contains__(self, element: Any) -> bool:
        return bool((self == element).any())

    __hash__ = object.__hash__

    # ---- gradient ----------------------------------------------------------------------------------------------------

    @property
    def requires_grad(self) -> bool:
        """Whether operations on this tensor are recorded."""
        return self.node is not None

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        self.requires_grad_(value)

    @typed_errors
    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Start or stop recording operations on this leaf. Raises GradientError unless it is a float tensor made by the user."""
        if type(requires_grad) is not bool:
            raise ArgumentTypeError(f"requires_grad_: requires_grad must be True or False, got {shown(requires_grad)}")
        if state.tracer is not None:
            state.tracer.replaces(self)
        if requires_grad and self.node is None:
            if self.array.dtype.kind != "f":
                raise GradientError(
                    f"requires_grad_: only floating point tensors can require gradients, this one is {self.array.dtype}; "
                    "make it with dtype=tg.float32, or convert it with .float()"
                )
            self.node = leaf = Leaf(self.array)
            leaf.grad, self._grad = self._grad, None
            self.view_of = None  # a leaf has no history that a write to its base could change
        elif not requires_grad and self.node is not None:
            if not isinstance(self.node, Leaf):
                raise GradientError("requires_grad_: this tensor is the result of recorded operations; use .detach() to leave the graph")
            self._grad, self.node = self.node.grad, None
        return self

    @property
    def is_leaf(self) -> bool:
        """Whether this is an end of the graph: made by the user, not by recorded operations."""
        return self.node is None or isinstance(self.node, Leaf)

    @property
    def grad_fn(self) -> Node | None:
        """The node of the operation that made this tensor; None for leaves."""
        return None if self.is_leaf else self.node

    @property
    def grad(self) -> Tensor | None:
        """The gradient that `backward` collected; None before, and for tensors that are not leaves unless `retain_grad` was called."""
        node = self.node
        if node is None:
            return self._grad
        if isinstance(node, Leaf):
            if state.tracer is not None:
                state.tracer.read_grad(node)
            return node.grad
        if node.extras is None or not (node.extras.retains or node.extras.grad is not None):
            warnings.warn(
                "grad: this tensor is not a leaf, so backward() does not keep its gradient; call .retain_grad() on it before "
                "backward(), or read .grad of the leaf you meant",
                stacklevel=2,
            )
            return None
        return node.extras.grad

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        if value is not None and not isinstance(value, Tensor):
            raise ArgumentTypeError(f"grad: must be a tensor or None, got {type(value).__name__}")
        if value is self:
            raise GradientError("grad: a tensor cannot be its own gradient")
        if value is not None and (value.array.shape != self.array.shape or value.array.dtype != self.array.dtype):
            raise ShapeError(
                f"grad: must have the tensor's shape {self.array.shape} and dtype {self.array.dtype}, "
                f"got {value.array.shape} and {value.array.dtype}"
            )
        if isinstance(self.node, Leaf):
            self.node.grad = value
            if state.tracer is not None:
                state.tracer.set_grad(self.node)
        elif self.node is None:
            self._grad = value
        else:
            self.node.with_extras().grad = value

    @grad.deleter
    def grad(self) -> None:
        self.grad = None

    def backward(
        self,
        gradient: Tensor | None = None,
        retain_graph: bool | None = None,
        create_graph: bool = False,
        inputs: Iterable[Tensor] | dict[Any, Tensor] | Tensor | None = None,
    ) -> None:
        """Add the derivative of this tensor to the `.grad` of the leaves it was computed from (or only of `inputs`).

        `gradient` weighs the elements and is needed unless there is only one. Raises GradientError if nothing was recorded,
        if the graph was already walked without `retain_graph`, or if a saved value was overwritten in place.
        """
        if gradient is not None:
            gradient = interop.as_gradient(gradient, self)
        graph.backward([self], [gradient], inputs, create_graph, retain_graph)

    def retain_grad(self) -> None:
        """Let `backward` keep the gradient of this tensor although it is not a leaf."""
        if self.node is None:
            raise GradientError("retain_grad: this tensor does not require grad")
        if not isinstance(self.node, Leaf):
            self.node.with_extras().retains = True

    @property
    def retains_grad(self) -> bool:
        """Whether `retain_grad` was called on this tensor that is not a leaf."""
        return self.node is not None and self.node.extras is not None and self.node.extras.retains

    def register_hook(self, hook: Callable[[Tensor], Tensor | None]) -> RemovableHandle:
        """Call `hook(gradient)` whenever the gradient of this tensor is complete; a tensor it returns takes its place."""
        if self.node is None:
            raise GradientError("register_hook: this tensor does not require grad, so no gradient will ever reach it")
        return self.node.with_extras().add_hook(hook)

    def register_post_accumulate_grad_hook(self, hook: Callable[[Tensor], None]) -> RemovableHandle:
        """Call `hook(tensor)` after `backward` has added to this leaf's `.grad`."""
        if not isinstance(self.node, Leaf):
            raise GradientError("register_post_accumulate_grad_hook: only a leaf that requires grad accumulates gradients")
        self.node.with_extras()  # by which a compiled step sees that there are hooks
        if self.node.after_hooks is None:
            self.node.after_hooks = {}
        this = weakref.ref(self)  # a strong one would close a reference cycle
        return RemovableHandle(self.node.after_hooks, lambda: _call_for(hook, this()))

    def detach(self) -> Tensor:
        """A tensor that shares this one's memory but is outside of the graph."""
        return wrap(type(self).result_class, self.array)

    def detach_(self) -> Tensor:
        """Leave the graph; this tensor becomes a leaf that needs no gradient. Raises GradientError for a view of another tensor."""
        if self.view_of is not None:
            raise GradientError("detach_: this is a view of another tensor, whose graph it shares; use .detach()")
        self.node = None
        return self

    @property
    def data(self) -> Tensor:
        """The same memory outside of the graph; assigning a tensor replaces the memory."""
        return self.detach()

    @data.setter
    def data(self, value: Tensor) -> None:
        if not isinstance(value, Tensor):
            raise no_tensor("data: must be a tensor", value)
        if isinstance(self.node, Leaf):
            if value.array.dtype.kind != "f":
                raise DtypeError(f"data: this tensor requires grad, so its data must be floating point, got {value.array.dtype}")
            self.node.become(value.array)
        elif self.node is not None and value.array.shape != self.array.shape:
            raise ShapeError(f"data: this tensor is part of a graph as {self.array.shape}; its data cannot become {value.array.shape}")
        if state.tracer is not None:
            state.tracer.replaces(self)
        self.array = value.array
        self.view_of = None
        for view in [ref() for ref in self.views or ()]:
            if view is not None:
                view.view_of = None  # it keeps the old memory
        self.views = None

    # ---- tensors of the same dtype -----------------------------------------------------------------------------------

    @typed_errors
    def new_tensor(self, data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
        """The data copied into a new tensor, of this one's dtype unless told otherwise."""
        return self._new(interop.to_array(data, self.dtype if dtype is None else dtype), device, requires_grad)

    @typed_errors
    def new_full(self, size: Any, fill_value: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
        """One value in a new tensor, of this one's dtype unless told otherwise."""
        check_constant(fill_value, "new_full", "fill_value")
        value = interop.to_array(fill_value, self.dtype if dtype is None else dtype)
        return self._new(np.full(checked_shape((size,), "new_full"), value), device, requires_grad)

    @typed_errors
    def new_zeros(self, *args: Any, size: Any = None, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
        """Zeros in a new tensor, of this one's dtype unless told otherwise."""
        return self._new(np.zeros(checked_shape(args, "new_zeros", size), self._or(dtype)), device, requires_grad)

    @typed_errors
    def new_ones(self, *args: Any, size: Any = None, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
        """Ones in a new tensor, of this one's dtype unless told otherwise."""
        return self._new(np.ones(checked_shape(args, "new_ones", size), self._or(dtype)), device, requires_grad)

    @typed_errors
    def new_empty(self, *args: Any, size: Any = None, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
        """A new tensor to be filled, of this one's dtype unless told otherwise."""
        return self._new(unset(checked_shape(args, "new_empty", size), self._or(dtype)), device, requires_grad)

    def _or(self, dtype: Any) -> Dtype:
        return self.array.dtype if dtype is None else as_dtype(dtype)

    def _new(self, array: Array, device: Any, requires_grad: bool) -> Tensor:
        return finished(wrap(type(self).result_class, array), requires_grad, device)

    # ---- conversion --------------------------------------------------------------------------------------------------

    @typed_errors
    def to(self, *args: Any, dtype: Any = None, device: Any = None, copy: bool = False, non_blocking: bool = False) -> Tensor:
        """Convert: `.to(dtype)`, `.to("cpu")`, `.to(device, dtype)` or `.to(other)`; itself if nothing changes, unless `copy`."""
        for arg in args:
            if isinstance(arg, np.dtype):  # the most frequent one
                dtype = arg
            elif isinstance(arg, Tensor):
                dtype = arg.dtype
            elif isinstance(arg, Device) or (isinstance(arg, str) and not is_dtype_name(arg)):
                device = arg
            elif isinstance(arg, bool):
                copy = copy or arg
            elif arg is not None:
                dtype = arg
        if device is not None:
            as_device(device)
        wanted = self.array.dtype if dtype is None else as_dtype(dtype)
        converted: Tensor = convert(self, wanted)
        return converted.clone() if copy and converted is self else converted

    @typed_errors
    def type(self, dtype: Any = None) -> Any:
        """The name of the dtype; or the tensor in another one, which may be named as PyTorch names its types: "torch.LongTensor"."""
        if dtype is None:
            return str(self.array.dtype)
        return self.to(of_type(dtype) if isinstance(dtype, str) else as_dtype(dtype))

    @typed_errors
    def type_as(self, other: Tensor) -> Tensor:
        """This tensor in the dtype of another."""
        return self.to(other.array.dtype)

    cuda, xpu = [Absent("everything runs on the CPU; write .to(device) with tg.device('cpu')") for _ in range(2)]
    bfloat16 = Absent("NumPy has no such dtype; use .float() or .half()")

    # ---- copies ------------------------------------------------------------------------------------------------------

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        if not self.is_leaf:
            raise GradientError("deepcopy: only leaves can be copied with their graph; use .detach().clone() for the values")
        if state.tracer is not None:
            state.tracer.concretize("copy.deepcopy of a tensor (use .detach().clone())")
        if id(self) in memo:
            return memo[id(self)]  # type: ignore[no-any-return]
        other = wrap(type(self), _copied(self, memo))
        memo[id(self)] = other
        other.requires_grad_(self.requires_grad)
        other.grad = copy.deepcopy(self.grad, memo)
        other.__dict__.update({k: copy.deepcopy(v, memo) for k, v in self.__dict__.items() if k not in OWN})
        return other

    def __reduce_ex__(self, protocol: Any) -> Any:
        if not self.is_leaf:
            raise GradientError("pickle: only leaves can be pickled; use .detach() for the values")
        if state.tracer is not None:
            state.tracer.concretize("pickling a tensor")
        extra = {k: v for k, v in self.__dict__.items() if k not in OWN}
        return _rebuild, (type(self), self.array, self.requires_grad, extra)


def _copied(tensor: Tensor, memo: dict[int, Any]) -> Array:
    """The memory of a deep copy: what tensors share they share again, for it is copied once, and views are taken anew of the copy."""
    chain = list(lineage(tensor))
    array = chain[-1][1].array if chain else tensor.array
    if id(array) not in memo:
        memo[id(array)] = array.copy(order="K")
    made: Array = memo[id(array)]
    for _, _, view, params in reversed(chain):
        made = look(made, view, params)
    return made


def finished(made: Tensor, requires_grad: bool, device: Any) -> Tensor:
    """A tensor that was just made, a leaf if it is to require grad. Raises ArgumentError for a device that there is not."""
    if device is not None:
        as_device(device)
    return made if requires_grad is False else made.requires_grad_(requires_grad)


@typed_errors
def numel(input: Tensor) -> int:
    """The number of elements.

    >>> tg.numel(tg.ones(2, 3))
    6
    """
    return _checked(input, "numel").numel()


@typed_errors
def broadcast_shapes(*shapes: Any) -> Size:
    """The common shape of tensors of these shapes. Raises ShapeError if they do not broadcast.

    >>> tg.broadcast_shapes((2, 1), (3,))
    (2, 3)
    """
    read = [checked_shape((shape,), "broadcast_shapes") for shape in shapes]
    try:
        return Size(np.broadcast_shapes(*read))
    except ValueError:
        raise ShapeError(f"broadcast_shapes: shapes do not broadcast\n  {' · '.join(map(str, read))}") from None


@typed_errors
def is_floating_point(input: Tensor) -> bool:
    """Whether the dtype is a float.

    >>> tg.is_floating_point(tg.zeros(2)), tg.is_floating_point(tg.tensor([1]))
    (True, False)
    """
    return _checked(input, "is_floating_point").is_floating_point()


@typed_errors
def is_complex(input: Tensor) -> bool:
    """False: there are no complex dtypes.

    >>> tg.is_complex(tg.zeros(2))
    False
    """
    return _checked(input, "is_complex").is_complex()


@typed_errors
def is_nonzero(input: Tensor) -> bool:
    """Whether the one element is not 0. Raises ShapeError if there are more, or none.

    >>> tg.is_nonzero(tg.tensor([0.5]))
    True
    """
    return _checked(input, "is_nonzero").is_nonzero()


def _checked(input: Tensor, what: str) -> Tensor:
    if not isinstance(input, Tensor):
        raise no_tensor(f"{what}: expected a tensor", input)
    return input


def _call_for(hook: Callable[[Tensor], None], tensor: Tensor | None) -> None:
    if tensor is not None:
        hook(tensor)


OWN = ("array", "node", "view_of", "views", "_grad")


def _rebuild(cls: type[Tensor], array: Array, requires_grad: bool, extra: dict[str, Any]) -> Tensor:
    foreign = owner(array).base is not None  # pickle leaves the memory to a bytes object, of which writes keep no account
    made = wrap(cls, array.copy() if foreign else array)
    made.__dict__.update(extra)
    return made.requires_grad_(requires_grad)


Tensor.result_class = Tensor
Value.result_class = Tensor
