"""Module: a function that owns its parameters, buffers and parts, and knows them by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Self

import numpy as np

from ..absent import Absent
from ..creation import empty_like
from ..device import as_device
from ..engine.node import RemovableHandle
from ..engine.state import no_grad
from ..errors import (
    ArgumentError,
    ArgumentTypeError,
    MemberError,
    MissingForwardError,
    MissingStateError,
    RegistrationError,
)
from ..tensor import Tensor
from .hooks import Hooks
from .members import TABLES, Members, check_kind, check_name, keep, no_module, table
from .parameter import Buffer, Parameter
from .state import IncompatibleKeys, load_state, new_state, save_state
from .text import bracketed, indented


class Module:
    """Base of all layers and networks: assign parameters and modules as attributes in `__init__`, compute in `forward`.

    The values live in the instance's `__dict__`, where reading an attribute is fastest; three tables of names say which of
    them are parameters, buffers and modules. `None` may stand for each of them.

    Assigning registers: a Parameter or a Module changes the kind of the name, anything else must fit the kind it has.

    >>> class Scale(tg.nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.factor = tg.nn.Parameter(tg.tensor(2.0))
    ...
    ...     def forward(self, x):
    ...         return x * self.factor
    >>> Scale()(tg.ones(2)).tolist()
    [2.0, 2.0]
    """

    training: bool
    _parameter_names: dict[str, bool]
    _buffer_names: dict[str, bool]  # False: not part of the state_dict
    _module_names: dict[str, bool]
    _module_hooks: Hooks | None = None  # made with the first hook, so that a call without hooks stays short

    def __init__(self) -> None:
        self.__dict__.update(training=True, _parameter_names={}, _buffer_names={}, _module_names={})

    # ---- calling -----------------------------------------------------------------------------------------------------

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the module computes; every subclass says it."""
        raise MissingForwardError(f'Module [{self._get_name()}] is missing the required "forward" function')

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        hooks = self._module_hooks
        if hooks is None:
            return self.forward(*args, **kwargs)
        return hooks.call(self, args, kwargs)

    def _with_hooks(self) -> Hooks:
        self._module_hooks = self._module_hooks or Hooks()
        return self._module_hooks

    def register_forward_pre_hook(self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False) -> RemovableHandle:
        """Call `hook(module, args)` before every forward; what it returns, if not None, takes the arguments' place.

        With `with_kwargs`, `hook(module, args, kwargs)`, which returns None or a pair of both.
        """
        hooks = self._with_hooks()
        return hooks.add(hooks.before, hook, prepend, with_kwargs)

    def register_forward_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False, always_call: bool = False
    ) -> RemovableHandle:
        """Call `hook(module, args, output)` after every forward; what it returns, if not None, takes the output's place.

        With `with_kwargs`, `hook(module, args, kwargs, output)`. With `always_call` also when forward or another hook raises, with the
        output so far or None; the error goes on afterwards.
        """
        hooks = self._with_hooks()
        return hooks.add(hooks.after, hook, prepend, with_kwargs, always_call)

    def register_full_backward_pre_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call `hook(module, grad_output)` when the gradients of all outputs are complete; what it returns, if not None, takes their place.

        `grad_output` is a tuple: a gradient for each output that needs one (zeros for one that was not used), None for the others.
        """
        hooks = self._with_hooks()
        return hooks.add(hooks.before_backward, hook, prepend)

    def register_full_backward_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call `hook(module, grad_input, grad_output)` when the gradients of the inputs are complete; what it returns takes their place.

        Both are tuples. `grad_input` has a gradient for each positional argument that needs one, None for the others; if none does,
        the hook is called with the gradients of the outputs. Raises GradientError, in backward, for another number of gradients.
        """
        hooks = self._with_hooks()
        return hooks.add(hooks.after_backward, hook, prepend)

    # ---- attributes --------------------------------------------------------------------------------------------------

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, Parameter):
            names: dict[str, Any] = table(self, "_parameter_names", "parameters")
        elif isinstance(value, Module):
            names = table(self, "_module_names", "module")
            check_kind(self, name, value, as_module=True)
        elif isinstance(value, Buffer):
            check_kind(self, name, value)
            self.register_buffer(name, value, value.persistent)
            return
        else:
            check_kind(self, name, value)
            object.__setattr__(self, name, value)
            return
        if hasattr(getattr(type(self), name, None), "__set__"):  # a property of the subclass decides itself
            object.__setattr__(self, name, value)
            return
        if hasattr(Module, name):
            raise RegistrationError(f"attribute '{name}' already exists: it belongs to every Module; choose another name")
        keep(self, names, name, value)

    def __delattr__(self, name: str) -> None:
        object.__delattr__(self, name)
        for which in TABLES:
            self.__dict__.get(which, {}).pop(name, None)

    def __dir__(self) -> list[str]:
        return sorted(name for name in object.__dir__(self) if not name[0].isdigit())

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Add a parameter under a name. Raises if the name is taken or `param` is the result of operations."""
        names = table(self, "_parameter_names", "parameters")
        check_name(self, "parameter", name, names)
        if param is not None and not isinstance(param, Parameter):
            raise ArgumentTypeError(
                f"cannot assign '{type(param).__name__}' object to parameter '{name}': expected an nn.Parameter or None"
            )
        keep(self, names, name, param)

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Add a tensor that is part of the module's state but is not trained; in the state_dict only if `persistent`."""
        names = table(self, "_buffer_names", "buffer")
        check_name(self, "buffer", name, names)
        if tensor is not None and not isinstance(tensor, Tensor):
            raise ArgumentTypeError(f"cannot assign '{type(tensor).__name__}' object to buffer '{name}': expected a tensor or None")
        names[name] = persistent
        keep(self, names, name, tensor)

    def add_module(self, name: str, module: Module | None) -> None:
        """Add a part under a name."""
        names = table(self, "_module_names", "module")
        if module is not None and not isinstance(module, Module):
            raise no_module(self, module)
        check_name(self, "module", name, names)
        keep(self, names, name, module)

    register_module = add_module

    @property
    def _parameters(self) -> Members:
        return Members(self, self._parameter_names)

    @property
    def _buffers(self) -> Members:
        return Members(self, self._buffer_names)

    @property
    def _modules(self) -> Members:
        return Members(self, self._module_names)

    # ---- walking -----------------------------------------------------------------------------------------------------

    def named_modules(
        self, memo: set[Module] | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Module]]:
        """This module and all parts of parts with their paths, parents first; a shared one once, unless told otherwise."""
        seen = set() if memo is None else memo
        stack: list[tuple[str, Module]] = [(prefix, self)]
        while stack:
            path, module = stack.pop()
            if remove_duplicate:
                if module in seen:
                    continue
                seen.add(module)
            yield path, module
            members = module.__dict__
            stack.extend((_join(path, name), members[name]) for name in reversed(module._module_names) if members[name] is not None)

    def modules(self, remove_duplicate: bool = True) -> Iterator[Module]:
        """This module and all parts of parts, each once unless told otherwise."""
        return (module for _, module in self.named_modules(remove_duplicate=remove_duplicate))

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """The direct parts with their names, a shared one once."""
        seen: set[Module] = set()
        for name in tuple(self._module_names):
            part = self.__dict__[name]
            if part is not None and part not in seen:
                seen.add(part)
                yield name, part

    def children(self) -> Iterator[Module]:
        """The direct parts, a shared one once."""
        return (part for _, part in self.named_children())

    def named_parameters(self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True) -> Iterator[tuple[str, Parameter]]:
        """All parameters with their paths; a shared one once, under its first path, unless told otherwise."""
        return _named(self, "_parameter_names", prefix, recurse, remove_duplicate)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """All parameters, each once: what an optimizer takes."""
        return (parameter for _, parameter in self.named_parameters(recurse=recurse))

    def named_buffers(self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True) -> Iterator[tuple[str, Tensor]]:
        """All buffers with their paths."""
        return _named(self, "_buffer_names", prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """All buffers, each once."""
        return (buffer for _, buffer in self.named_buffers(recurse=recurse))

    def get_submodule(self, target: str) -> Module:
        """The part at a path such as "encoder.0"; "" is this module. Raises MemberError if there is none."""
        module: Any = self
        for name in target.split(".") if target else ():
            module = _member(module, name)
            if not isinstance(module, Module):
                raise MemberError(f"`{name}` is not an nn.Module")
        return module  # type: ignore[no-any-return]

    def set_submodule(self, target: str, module: Module, strict: bool = False) -> None:
        """Put a module at a path, in the place of the one there; only with `strict=False` its last name may be new."""
        path, _, name = target.rpartition(".")
        if not name:
            raise ArgumentError("set_submodule: the target must not be empty")
        parent = self.get_submodule(path)
        if strict or hasattr(parent, name):
            parent.get_submodule(name)
        parent.add_module(name, module)

    def get_parameter(self, target: str) -> Parameter:
        """The parameter at a path such as "encoder.0.weight". Raises MemberError if there is none."""
        return _get(self, target, "_parameter_names", "an nn.Parameter")  # type: ignore[no-any-return]

    def get_buffer(self, target: str) -> Tensor:
        """The buffer at a path. Raises MemberError if there is none."""
        return _get(self, target, "_buffer_names", "a buffer")  # type: ignore[no-any-return]

    # ---- state -------------------------------------------------------------------------------------------------------

    _version = 1  # of the layout of the state; a hook that reads older ones finds it in the metadata

    def get_extra_state(self) -> Any:
        """What the state_dict holds besides parameters and buffers, for a module that overrides this and `set_extra_state`."""
        raise MissingStateError(f"{self._get_name()}.get_extra_state: override it together with set_extra_state")

    def set_extra_state(self, state: Any) -> None:
        """Take over what `get_extra_state` gave; called by `load_state_dict`."""
        raise MissingStateError(f"{self._get_name()}.set_extra_state: override it together with get_extra_state")

    def _defines(self, name: str) -> bool:
        """Whether the class has a method of its own in the place of Module's."""
        return getattr(type(self), name) is not getattr(Module, name)

    def state_dict(self, *, destination: dict[str, Any] | None = None, prefix: str = "", keep_vars: bool = False) -> dict[str, Any]:
        """All parameters and persistent buffers by path, sharing memory with the module; outside of the graph unless `keep_vars`.

        A module that overrides `get_extra_state` adds what that gives under the key `_extra_state`.
        """
        state = new_state() if destination is None else destination
        save_state(self, state, prefix, keep_vars)
        return state

    def _upgrade_state(self, state: dict[str, Any], prefix: str, version: int | None) -> None:
        """Change the entries of the module itself, written by an older version of its class, into those of today."""

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> IncompatibleKeys:
        """Copy the values of a state_dict into this module; with `assign`, put its tensors in the place of the module's own.

        Raises StateDictError, having changed nothing, that lists all missing and unexpected keys (unless `strict` is False,
        which returns them) and all values that do not fit. Keys that a hook after loading could still forgive are complained of after it.
        """
        if not isinstance(state_dict, Mapping):
            raise ArgumentTypeError(f"Expected state_dict to be dict-like, got {type(state_dict)}.")
        return load_state(self, state_dict, strict, assign)

    def register_state_dict_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call `hook(module, prefix, keep_vars)` before the module's state is written by `state_dict`, its own or that of a whole."""
        hooks = self._with_hooks()
        return hooks.add(hooks.before_saving, hook)

    def register_state_dict_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call `hook(module, state_dict, prefix, local_metadata)` when the state of the module and its parts is written, to change it."""
        hooks = self._with_hooks()
        return hooks.add(hooks.after_saving, hook)

    def register_load_state_dict_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call a hook before the module's part of a state is read, which may rename, add and remove entries (of a copy of the dict).

        It is called as `hook(module, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs)`; what it
        adds to the lists is reported with the rest.
        """
        hooks = self._with_hooks()
        return hooks.add(hooks.before_loading, hook)

    def register_load_state_dict_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call `hook(module, incompatible_keys)` after loading; a key that it removes from these lists is not complained of."""
        hooks = self._with_hooks()
        return hooks.add(hooks.after_loading, hook)

    # ---- for all parts -----------------------------------------------------------------------------------------------

    def train(self, mode: bool = True) -> Self:
        """Set training mode (dropout, batch statistics) for this module and all its parts."""
        if not isinstance(mode, bool):
            raise ArgumentError(f"train: training mode is expected to be boolean, got {mode!r}")
        self.training = mode
        for part in self.children():
            part.train(mode)
        return self

    def eval(self) -> Self:
        """Set evaluation mode."""
        return self.train(False)

    def apply(self, fn: Callable[[Module], Any]) -> Self:
        """Call `fn` on all parts, then on this module; for example to initialise."""
        for part in self.children():
            part.apply(fn)
        fn(self)
        return self

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Start or stop recording gradients for all parameters."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Drop the gradients of all parameters, or fill them with zeros."""
        for parameter in self.parameters():
            if set_to_none:
                parameter.grad = None
            elif parameter.grad is not None:
                parameter.grad.detach_().zero_()

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Replace the values of all parameters, their gradients, and all buffers by what `fn` makes of them."""
        for part in self.children() if recurse else ():
            part._apply(fn)
        with no_grad():
            for parameter in self.parameters(recurse=False):
                grad = parameter.grad
                parameter.data = fn(parameter.data)
                parameter.grad = None if grad is None else fn(grad)
            for name in self._buffer_names:
                if self.__dict__[name] is not None:
                    self.__dict__[name] = fn(self.__dict__[name])
        return self

    def to(self, *args: Any, **kwargs: Any) -> Self:
        """Convert all floating point parameters and buffers in place: `.to(tg.float64)`, `.to("cpu")`, `.to(tensor)`."""

        def convert(tensor: Tensor) -> Tensor:
            if not tensor.is_floating_point():
                return tensor
            made = tensor.to(*args, **kwargs)
            if not made.is_floating_point():
                raise ArgumentTypeError(f"nn.Module.to only accepts floating point dtypes, but got desired dtype={made.dtype}")
            return made

        convert(Tensor())  # complains about the arguments even if there is nothing to convert
        return self._apply(convert)

    def type(self, dst_type: Any) -> Self:
        """Convert all parameters and buffers to a dtype."""
        return self._apply(lambda tensor: tensor.type(dst_type))

    def float(self) -> Self:
        """Convert all floating point parameters and buffers to float32."""
        return self.to(np.float32)

    def double(self) -> Self:
        """Convert all floating point parameters and buffers to float64."""
        return self.to(np.float64)

    def half(self) -> Self:
        """Convert all floating point parameters and buffers to float16."""
        return self.to(np.float16)

    def cpu(self) -> Self:
        """This module, which is on the CPU already."""
        return self

    def to_empty(self, *, device: Any, recurse: bool = True) -> Self:
        """Give all parameters and buffers new memory that is not initialised, to be filled afterwards. The only device is "cpu"."""
        as_device(device)
        return self._apply(empty_like, recurse)

    cuda, ipu, mtia, xpu = [Absent("everything runs on the CPU; write .to(device) with tg.device('cpu')") for _ in range(4)]
    bfloat16 = Absent("NumPy has no such dtype; use .float() or .half()")
    compile = Absent("a whole training step is compiled: tg.compile(step)")
    share_memory = Absent("send state_dict() to other processes")
    register_backward_hook = Absent("use register_full_backward_hook, which sees all gradients")

    # ---- text and copies ---------------------------------------------------------------------------------------------

    def _get_name(self) -> str:
        return self.__class__.__name__

    def extra_repr(self) -> str:
        """What the layer's own line says between the brackets."""
        return ""

    def __repr__(self) -> str:
        extra = self.extra_repr()
        parts = [f"({name}): {indented(repr(part))}" for name, part in self._modules.items()]
        return f"{self._get_name()}({bracketed(extra, parts)})"

    def __copy__(self) -> Self:
        """A module of its own that shares all parameters, buffers and parts with this one."""
        made = object.__new__(type(self))
        made.__dict__.update({name: dict(value) if name in TABLES else value for name, value in self.__dict__.items()})
        return made


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _member(module: Module, name: str) -> Any:
    try:
        return getattr(module, name)
    except AttributeError:
        raise MemberError(f"{module._get_name()} has no attribute `{name}`") from None


def _named(module: Module, table: str, prefix: str, recurse: bool, remove_duplicate: bool) -> Iterator[tuple[str, Any]]:
    """The members of one kind with their paths."""
    seen: set[int] = set()
    owners = module.named_modules(prefix=prefix, remove_duplicate=remove_duplicate) if recurse else [(prefix, module)]
    for path, owner in owners:
        for name in tuple(owner.__dict__[table]):
            member = owner.__dict__[name]
            if member is None or id(member) in seen:
                continue
            if remove_duplicate:
                seen.add(id(member))
            yield _join(path, name), member


def _get(module: Module, target: str, table: str, what: str) -> Any:
    """The member of one kind at a path."""
    path, _, name = target.rpartition(".")
    owner = module.get_submodule(path)
    member = _member(owner, name)
    if name not in owner.__dict__[table]:
        raise MemberError(f"`{name}` is not {what}")
    return member
