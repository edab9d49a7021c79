"""Parametrization: a tensor of a module computed from others, which are trained in its place, whenever it is read."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from ...absent import refusing
from ...engine.state import no_grad, state, switched
from ...errors import ArgumentError
from ...tensor import Tensor
from ..containers import ModuleDict, ModuleList
from ..module import Module
from ..parameter import Parameter


class ParametrizationList(ModuleList):
    """The parametrizations of one tensor, applied in turn to `original`, or to `original0`, `original1`, ... where there are several.

    >>> tg.nn.utils.parametrizations.weight_norm(tg.nn.Linear(2, 2)).parametrizations.weight
    ParametrizationList(
      (0): _WeightNorm()
    )
    """

    def __init__(self, modules: list[Module], original: Tensor, unsafe: bool = False) -> None:
        super().__init__(modules)
        self.unsafe = unsafe
        with no_grad():
            new = self._inverse(original)
        self.is_tensor = isinstance(new, Tensor)
        if self.is_tensor:
            if new.dtype != original.dtype:
                raise ArgumentError(f"right_inverse may not change the dtype: {original.dtype} became {new.dtype}")
            if new is not original:
                original.data = new.detach()  # the same object, which an optimizer may hold
        self.ntensors = 1 if self.is_tensor else len(new)
        for name, part in zip(self._names, [original] if self.is_tensor else new, strict=True):
            self._keep_original(name, part, original)
        if not unsafe:
            self._check(original)

    @property
    def _names(self) -> list[str]:
        return ["original"] if self.is_tensor else [f"original{i}" for i in range(self.ntensors)]

    def _keep_original(self, name: str, part: Tensor, original: Tensor) -> None:
        """Register a tensor as what the original was: a parameter or a buffer."""
        if not isinstance(original, Parameter):
            self.register_buffer(name, part)
        else:
            self.register_parameter(name, part if isinstance(part, Parameter) else Parameter(part.detach(), original.requires_grad))

    def _inverse(self, value: Tensor) -> Any:
        """What the parametrizations make the value of: their `right_inverse`, or the value itself where they have none."""
        made: Any = value
        for module in reversed(list(self)):
            if hasattr(module, "right_inverse"):
                made = module.right_inverse(made)
        return made

    def _check(self, original: Tensor) -> None:
        with no_grad():
            made = self()
        if not isinstance(made, Tensor) or (made.dtype, made.shape) != (original.dtype, original.shape):
            got = f"{made.dtype} {tuple(made.shape)}" if isinstance(made, Tensor) else f"a {type(made).__name__}"
            raise ArgumentError(
                f"A parametrization must return a tensor of the dtype and shape of the original, {original.dtype} "
                f"{tuple(original.shape)}, unless unsafe=True; got {got}"
            )

    def right_inverse(self, value: Tensor) -> None:
        """Give the originals the values that make `value`."""
        with no_grad():
            new = self._inverse(value)
            for name, part in zip(self._names, [new] if self.is_tensor else new, strict=True):
                getattr(self, name).copy_(part)

    def forward(self) -> Tensor:
        first, *rest = self
        made = first(*[getattr(self, name) for name in self._names])
        for module in rest:
            made = module(made)
        return cast(Tensor, made)


def register_parametrization(module: Module, tensor_name: str, parametrization: Module, *, unsafe: bool = False) -> Module:
    """Let `module.<tensor_name>` be parametrization(original) from now on; a second one is applied to the result of the first.

    Its method `right_inverse`, if it has one, makes the original, or several, of the present value; assigning to the tensor needs it.
    Raises ArgumentError if there is no such tensor or, unless `unsafe`, dtype or shape would change.

    >>> class Symmetric(tg.nn.Module):
    ...     def forward(self, x):
    ...         return x.triu() + x.triu(1).mT
    >>> layer = tg.nn.utils.parametrize.register_parametrization(tg.nn.Linear(3, 3), "weight", Symmetric())
    >>> tg.equal(layer.weight, layer.weight.mT)
    True
    """
    parametrization.train(module.training)
    if is_parametrized(module, tensor_name):
        _append(_lists(module)[tensor_name], parametrization, unsafe)
        return module
    tensor = getattr(module, tensor_name, None)
    if tensor_name not in (*module._parameter_names, *module._buffer_names) or tensor is None:
        raise ArgumentError(f"Module '{module}' does not have a parameter, a buffer, or a parametrized element with name '{tensor_name}'")
    made = ParametrizationList([parametrization], tensor, unsafe)
    delattr(module, tensor_name)
    if not is_parametrized(module):
        module.parametrizations = ModuleDict()
    _lists(module)[tensor_name] = made
    _set_class(module)
    return module


def _append(present: ParametrizationList, parametrization: Module, unsafe: bool) -> None:
    """One more at the end. Nothing has changed if it raises."""
    with no_grad():
        value = present()
        new = parametrization.right_inverse(value) if hasattr(parametrization, "right_inverse") else value
        made = parametrization(new) if isinstance(new, Tensor) else None
    if not unsafe and (made is None or (made.dtype, made.shape) != (value.dtype, value.shape)):
        raise ArgumentError("A further parametrization must map one tensor to one of the same dtype and shape, unless unsafe=True")
    present.append(parametrization)
    present.unsafe |= unsafe
    present.right_inverse(value)


@contextmanager
def cached() -> Iterator[None]:
    """Compute each parametrized tensor once, as long as this lasts: for weights that are read often, as by a recurrent cell.

    What was computed is forgotten at the end, and when the tensor is assigned to; a change of the originals in between, as by an
    optimizer, is not noticed. Inside of a compiled step nothing is kept.

    >>> layer = tg.nn.utils.parametrizations.weight_norm(tg.nn.Linear(2, 2))
    >>> with tg.nn.utils.parametrize.cached():
    ...     layer.weight is layer.weight
    True
    """
    with switched(computed={} if state.computed is None else state.computed):
        yield


def _kept_for(present: ParametrizationList) -> Any:
    if state.computed is None or state.tracer is not None:
        return present()
    key = present, state.grad_enabled
    if key not in state.computed:
        state.computed[key] = present()
    return state.computed[key]


def type_before_parametrizations(module: Module) -> type[Module]:
    """The class of a module as it was without parametrizations.

    >>> layer = tg.nn.utils.parametrizations.weight_norm(tg.nn.Linear(2, 2))
    >>> type(layer).__name__, tg.nn.utils.parametrize.type_before_parametrizations(layer).__name__
    ('ParametrizedLinear', 'Linear')
    """
    found: type[Module] = getattr(type(module), "_unparametrized", type(module))
    return found


def is_parametrized(module: Module, tensor_name: str | None = None) -> bool:
    """Whether a module has parametrizations, or one of this tensor.

    >>> layer = tg.nn.utils.parametrizations.weight_norm(tg.nn.Linear(2, 2))
    >>> tg.nn.utils.parametrize.is_parametrized(layer), tg.nn.utils.parametrize.is_parametrized(layer, "bias")
    (True, False)
    """
    lists = getattr(module, "parametrizations", None)
    if not isinstance(lists, ModuleDict):
        return False
    return len(lists) > 0 if tensor_name is None else tensor_name in lists


def remove_parametrizations(module: Module, tensor_name: str, leave_parametrized: bool = True) -> Module:
    """Make the tensor a parameter or buffer again, with its present value or, unless `leave_parametrized`, that of the original.

    >>> layer = tg.nn.utils.parametrizations.weight_norm(tg.nn.Linear(2, 2))
    >>> [name for name, _ in tg.nn.utils.parametrize.remove_parametrizations(layer, "weight").named_parameters()]
    ['bias', 'weight']
    """
    if not is_parametrized(module, tensor_name):
        raise ArgumentError(f"Module {module} does not have a parametrization on {tensor_name}")
    present = _lists(module)[tensor_name]
    if not present.is_tensor and not leave_parametrized:
        raise ArgumentError("Cannot leave unparametrized (`leave_parametrized=False`) a tensor that is parametrized in terms of several")
    with no_grad():
        value = present()
    first = getattr(present, present._names[0])
    if present.is_tensor:
        kept = first
        if leave_parametrized:
            kept.data = value
    else:
        kept = Parameter(value, first.requires_grad) if isinstance(first, Parameter) else value
    del _lists(module)[tensor_name]
    _set_class(module)
    if not is_parametrized(module):
        delattr(module, "parametrizations")
    if isinstance(kept, Parameter):
        module.register_parameter(tensor_name, kept)
    else:
        module.register_buffer(tensor_name, kept)
    return module


def _lists(module: Any) -> Any:
    return module.parametrizations


# ---- the class of a module with parametrizations: it has a property for each tensor -----------------------------------


def _set_class(module: Module) -> None:
    base: Any = type_before_parametrizations(module)
    names = tuple(_lists(module))
    module.__class__ = _parametrized(base, names) if names else base


@functools.cache
def _parametrized(base: Any, names: tuple[str, ...]) -> type[Module]:
    """The subclass of `base` with these tensors as properties."""
    members: dict[str, Any] = {name: _property(name) for name in names}
    members |= {"_unparametrized": base, "__reduce__": lambda self: (_empty, (base, names), self.__dict__)}
    return type(f"Parametrized{base.__name__}", (base,), members)


def _property(name: str) -> property:
    def read(module: Module) -> Tensor:
        made: Tensor = _kept_for(_lists(module)[name])
        return made

    return property(read, lambda module, value: _assign(_lists(module)[name], value))


def _assign(present: ParametrizationList, value: Tensor) -> None:
    for module in present:
        if not hasattr(module, "right_inverse"):
            raise ArgumentError(
                f"parametrization {type(module).__name__} does not implement right_inverse, so there is no original for the new value; "
                "change the original, which the module has as .parametrizations, or remove_parametrizations first"
            )
    for recorded in (False, True):
        (state.computed or {}).pop((present, recorded), None)
    present.right_inverse(value)


def _empty(base: Any, names: tuple[str, ...]) -> Any:
    """A module to be filled by copying and unpickling."""
    return object.__new__(_parametrized(base, names))


if not TYPE_CHECKING:
    __getattr__ = refusing("nn.utils.parametrize")
