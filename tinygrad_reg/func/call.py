"""Modules as functions of their parameters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import ArgumentError, ArgumentTypeError, StateDictError
from ..tensor import Tensor

if TYPE_CHECKING:
    from ..nn import Module

Place = tuple[dict[str, Any], str]  # the attributes of a module, and a name among them


def functional_call(
    module: Module,
    parameter_and_buffer_dicts: Mapping[str, Tensor] | Sequence[Mapping[str, Tensor]],
    args: Any = None,
    kwargs: Mapping[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """module(*args, **kwargs) with these tensors, by state_dict name, in place of its own; afterwards the module is as before.

    Tensors that the module knows under several names are replaced under all of them, if `tie_weights`. With `strict` every parameter and
    buffer must be given and nothing else, otherwise StateDictError; without it the module's own serve for those that are missing.

    >>> tg.func.functional_call(tg.nn.Linear(2, 1), {"weight": tg.ones(1, 2), "bias": tg.zeros(1)}, tg.tensor([1.0, 2.0])).detach()
    tensor([3.])
    """
    values = _merged(parameter_and_buffer_dicts)
    places = dict(_places(module))
    if strict:
        _check_keys(module, values, places)
    chosen = _tied(values, places) if tie_weights else {key: value for key, value in values.items() if key in places}
    given = () if args is None else args if isinstance(args, tuple) else (args,)
    before = {key: places[key][0][places[key][1]] for key in chosen}
    try:
        _put(chosen, places)
        return module(*given, **(kwargs or {}))
    finally:
        _put(before, places)


def _merged(dicts: Any) -> dict[str, Tensor]:
    """One dict of all. Raises if a name is given twice or a value is no tensor."""
    parts = [dicts] if isinstance(dicts, Mapping) else dicts
    if not isinstance(parts, (list, tuple)) or not all(isinstance(part, Mapping) for part in parts):
        raise ArgumentError(f"Expected parameter_and_buffer_dicts to be a dict, or a list/tuple of dicts, but got {type(dicts)}")
    twice = [key for key, count in Counter(key for part in parts for key in part).items() if count > 1]
    if twice:
        raise ArgumentError(f"{twice} appeared in multiple dictionaries; behavior of functional call is ambiguous")
    values = {key: value for part in parts for key, value in part.items()}
    for key, value in values.items():
        if not isinstance(value, Tensor):
            raise ArgumentTypeError(f"functional_call: {value!r}, given for '{key}', is not an instance of Tensor")
    return values


def _places(module: Module) -> Iterator[tuple[str, Place]]:
    """Where each parameter and buffer is kept, by its name in a state_dict."""
    for path, owner in module.named_modules(remove_duplicate=False):
        for name in (*owner._parameter_names, *owner._buffer_names):
            if owner.__dict__[name] is not None:
                yield (f"{path}.{name}" if path else name), (owner.__dict__, name)


def _check_keys(module: Module, values: Mapping[str, Tensor], places: Mapping[str, Place]) -> None:
    missing, unexpected = [key for key in places if key not in values], [key for key in values if key not in places]
    said = [f"{what} key(s): {', '.join(map(repr, keys))}." for what, keys in (("Missing", missing), ("Unexpected", unexpected)) if keys]
    if said:
        raise StateDictError(f"Error(s) in reparametrizing for {module._get_name()}:\n\t" + "\n\t".join(said))


def _tied(values: Mapping[str, Tensor], places: Mapping[str, Place]) -> dict[str, Tensor]:
    """The values by all names of what they replace. Raises if one tensor would get two values."""
    chosen: dict[int, tuple[str, Tensor]] = {}
    for key, value in values.items():
        if key in places:
            first, other = chosen.setdefault(_kept(places[key]), (key, value))
            if other is not value:
                raise ArgumentError(
                    f"functional_call got multiple values for keys {[first, key]}, which are tied. Consider using tie_weights=False"
                )
    return {key: chosen[_kept(place)][1] for key, place in places.items() if _kept(place) in chosen}


def _kept(place: Place) -> int:
    return id(place[0][place[1]])


def _put(values: Mapping[str, Tensor], places: Mapping[str, Place]) -> None:
    for key, value in values.items():
        attributes, name = places[key]
        attributes[name] = value
